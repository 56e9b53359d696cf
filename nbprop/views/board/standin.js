/** What stands in for a kernel: it answers a board out of a recording. */
import { Player } from "./player.js";
import { read } from "./recording.js";
import { viewOf } from "./store.js";

/** A widget's model as a board needs one; it answers out of a recording. */
export class Standin {
  /** @param {import("./recording.js").Recording} recording */
  constructor(recording) {
    this.recording = recording;
    this.player = new Player(recording.index, () => this.tell());
    /** @type {Set<Function>} */
    this.handlers = new Set();
  }

  get(/** @type {string} */ name) {
    return name === "_spec" ? this.recording.index.spec : undefined;
  }

  on(/** @type {string} */ name, /** @type {Function} */ handler) {
    if (name === "msg:custom") this.handlers.add(handler);
  }

  off(/** @type {string} */ name, /** @type {Function} */ handler) {
    if (name === "msg:custom") this.handlers.delete(handler);
  }

  tell() {
    const { head, view } = this.recording.frame(this.player.now);
    for (const handler of this.handlers) handler(head, [view]);
  }

  send(/** @type {any} */ message) {
    const { index, chosen } = this.recording;
    if (message.type === "option" && message.name === index.walked) {
      const values = index.moments.map((/** @type {any} */ { step }) => step);
      this.player.play(false);
      this.player.seek(values.findLastIndex((/** @type {number} */ value) => value <= message.value));
    } else if (message.type === "option") chosen[message.panel][message.name] = message.value;
    if (message.type === "option" || message.type === "mount") queueMicrotask(() => this.tell());
  }
}

const PATIENCE = 2000; // ms in which a kernel may answer

/**
 * For a board in a saved notebook: if no kernel answers, a recording that was kept does.
 * @param {DataView | undefined} kept  @param {(head: any, buffers: DataView[]) => void} receive  @param {HTMLElement} place
 * @param {(words: string) => void} tell  what is to be said of it
 */
export function standIn(kept, receive, place, tell) {
  /** @type {Standin | null} */
  let standin = null;
  const come = async () => {
    try {
      if (!kept) return;
      const { buffer, byteOffset, byteLength } = viewOf(kept);
      const recording = await read(new Uint8Array(buffer, byteOffset, byteLength));
      if (!kept) return; // a kernel has answered meanwhile
      standin = new Standin(recording);
      standin.on("msg:custom", receive);
      place.append(standin.player.element);
      tell(`No kernel answers: what you see was recorded. Run the cell to make it live. ${standin.recording.index.said}`);
      standin.tell();
    } catch (problem) {
      tell(`No kernel answers, and the recording that was kept cannot be shown. ${problem instanceof Error ? problem.message : problem}`);
    }
  };
  const timer = kept?.byteLength ? setTimeout(come, PATIENCE) : 0;
  return {
    /** Whether it took the message. @param {any} message */
    send: (message) => Boolean(standin) && (standin?.send(message), true),
    /** A kernel has answered. */
    leave() {
      if (!kept) return;
      clearTimeout(timer);
      kept = undefined;
      if (!standin) return;
      standin.player.play(false);
      standin.player.element.remove();
      standin = null;
      tell("");
    },
  };
}
