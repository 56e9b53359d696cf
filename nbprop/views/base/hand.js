/**
 * Points that a hand draws: what it has done and the kernel has not said yet, laid over what the kernel says. Pure
 * reckoning, no page, no clock but the one handed in.
 *
 * @typedef {import("./math.js").Numbers} Numbers
 * @typedef {Record<string, Numbers>} Frame  with train, validation (n, coordinates and target) and their numbers
 * @typedef {["add", string, number[][]] | ["move", number, number[]] | ["class", number[], number] | ["erase", number[]]} Act  see Drawing.hand
 */

export const PATIENCE = 5000; // ms after which an act that no frame has spoken of counts as lost
const PARTS = /** @type {[string, string][]} */ ([["train", "train"], ["validation", "val"]]);

/**
 * The way of a hand's acts to the kernel. One message is on its way at a time while the hand is at it, with all that was
 * done meanwhile in the next; what a hand lets go of is sent at once. Each gesture is one turn there.
 */
export class Hand {
  /** @param {(message: any) => void} send  @param {string} page  a name that no other page has */
  constructor(send, page) {
    this.send = send;
    this.page = page;
    this.of = 0; // number of the data that the points are of
    this.held = false; // is a hand at it?
    this.gesture = this.number = 0;
    /** @type {{number: number, acts: Act[], since: number}[]} */
    this.flying = [];
    /** @type {Act[]} */
    this.waiting = [];
  }

  begin() {
    this.held = true;
    this.gesture++;
  }

  /** @param {Act} act  @param {number} now ms */
  did(act, now) {
    const last = this.waiting[this.waiting.length - 1];
    if (act[0] === "move" && last?.[0] === "move" && last[1] === act[1]) this.waiting.pop(); // only where it is now counts
    this.waiting.push(act);
    if (!this.flying.length) this.flush(now);
  }

  /** @param {number} now */
  end(now) {
    this.held = false;
    this.flush(now);
  }

  /** What was done so far is taken back before it was let go of, as far as it was not sent. */
  drop() {
    this.held = false;
    this.waiting = [];
  }

  /** The kernel has done all up to this number, of these data. Returns whether something was lost. @param {number} number  @param {number} of  @param {number} now */
  done(number, of, now) {
    if (of !== this.of) [this.flying, this.waiting, this.of] = [[], [], of]; // points of other data
    this.flying = this.flying.filter((each) => each.number > number);
    const lost = this.flying.some((each) => now - each.since > PATIENCE);
    if (lost) this.flying = [];
    if (!this.flying.length) this.flush(now);
    return lost;
  }

  /** @param {number} now */
  flush(now) {
    if (!this.waiting.length) return;
    const acts = this.waiting;
    this.waiting = [];
    this.flying.push({ number: ++this.number, acts, since: now });
    this.send({ page: this.page, number: this.number, of: this.of, hand: this.gesture, do: acts });
  }

  /** All that the kernel has not said yet, in order. */
  get acts() {
    return [...this.flying.flatMap((each) => each.acts), ...this.waiting];
  }
}

/** A frame in which these acts are done already; the same one where there are none. @param {Frame} frame  @param {Act[]} acts  @returns {Frame} */
export function overlaid(frame, acts) {
  if (!acts.length || !frame.train_id) return frame;
  const parts = PARTS.map(([name, which]) => {
    const { data, shape: [n, width] } = frame[name];
    const rows = Array.from({ length: n }, (_, i) => ({ id: frame[`${name}_id`].data[i], row: Array.from(data.subarray(i * width, (i + 1) * width)) }));
    return { name, which, width, rows };
  });
  for (const [kind, what, given] of /** @type {any[]} */ (acts)) {
    if (kind === "add") parts.find((part) => part.which === what)?.rows.push(...given.map((/** @type {number[]} */ row) => ({ id: -1, row })));
    const ids = kind === "add" ? new Set() : new Set(kind === "move" ? [what] : what);
    for (const part of parts) {
      if (kind === "erase") part.rows = part.rows.filter(({ id }) => !ids.has(id));
      else for (const each of part.rows) {
        if (!ids.has(each.id)) continue;
        each.row = kind === "move" ? [...given, ...each.row.slice(given.length)] : [...each.row.slice(0, -1), given];
      }
    }
  }
  const found = { ...frame };
  for (const { name, width, rows } of parts) {
    found[name] = { data: Float32Array.from(rows.flatMap(({ row }) => row)), shape: [rows.length, width] };
    found[`${name}_id`] = { data: Float32Array.from(rows, ({ id }) => id), shape: [rows.length] };
    found[`${name}_wrong`] = { data: new Float32Array(0), shape: [0] }; // it is not known of these
  }
  return found;
}

/** `n` places, each coordinate with these standard deviations around a place; one alone is exactly there. @param {number} n  @param {number[]} place  @param {number[]} spread */
export function cloud(n, place, spread, random = Math.random) {
  if (n === 1) return [place.map(short)];
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: n }, () => place.map((v, i) => short(v + spread[i] * normal())));
}

/** A number as a hand means it: not of more digits than can be seen. */
export const short = (/** @type {number} */ v) => Number(v.toPrecision(4));

/** The numbers of all points that are not further than `within` pixels, the nearest first. @param {Frame} frame  @param {(row: ArrayLike<number>) => number} far */
export function near(frame, far, within) {
  const found = /** @type {{id: number, away: number}[]} */ ([]);
  for (const [name] of PARTS) {
    const { data, shape: [n, width] } = frame[name];
    for (let i = 0; i < n; i++) {
      const away = far(data.subarray(i * width, (i + 1) * width)), id = frame[`${name}_id`].data[i];
      if (away <= within && id >= 0) found.push({ id, away });
    }
  }
  return found.sort((a, b) => a.away - b.away).map(({ id }) => id);
}
