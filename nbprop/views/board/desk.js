/** The desk of a board: buttons, what the run is at, controls of knobs, and what went wrong. */
import { groups } from "../base/math.js";
import { keepKeys, make } from "./controls.js";
import { dial } from "./dials.js";
import { makeFolds } from "./folds.js";

const WINDOW = 2500; // ms over which steps are counted
const STILL = 400; // ms for which nothing has changed when a screen reader is told

/** Steps per second in words that do not lie about a slow run. @param {number} rate */
export const rateWords = (rate) => `${rate >= 10 ? groups(Math.round(rate)) : Number(rate.toPrecision(2))} ${rate === 1 ? "step" : "steps"}/s`;

/** Counts steps per second. */
export class Rate {
  constructor() {
    /** @type {number[][]} */
    this.seen = [];
  }

  /** NaN until two moments are known. @param {number} step  @param {number} now ms */
  at(step, now) {
    const { seen } = this;
    if (seen.length && step < seen[seen.length - 1][1]) seen.length = 0; // it went back
    // Of a slow run the moments of its steps count, not those between.
    if (!seen.length || step > seen[seen.length - 1][1]) seen.push([now, step]);
    while (seen.length > 2 && now - seen[1][0] > WINDOW) seen.shift();
    const [first, last] = [seen[0], seen[seen.length - 1]];
    return seen.length > 1 ? (1000 * (last[1] - first[1])) / (last[0] - first[0]) : NaN;
  }
}

/** @param {any} spec  @param {(message: any) => void} say */
export function makeDesk(spec, say) {
  let number = 0;
  const send = (/** @type {string} */ type, /** @type {any} */ more) => {
    say({ type, number: ++number, ...more });
    return number;
  };
  const dials = spec.dials.map((/** @type {any} */ one) => dial(one, (name, value) => send("turn", { name, value })));
  const buttons = new Map(spec.buttons.map((/** @type {any} */ one) => [one.name, button(one, (chosen) => send("do", { name: one.name, ...(chosen ? { chosen } : {}) }))]));
  const line = make("div", "nbprop-line");
  const spoken = make("div", "nbprop-spoken"); // for screen readers: changes now and then, not at every step
  spoken.setAttribute("role", "status");
  const message = make("div", "nbprop-message");
  message.setAttribute("role", "alert");
  const note = make("div", "nbprop-note");
  note.setAttribute("aria-live", "polite");
  note.hidden = true;
  const main = make("div", "nbprop-buttons", ...[...buttons.values()].map((one) => one.element));
  main.hidden = !buttons.size;
  const folds = makeFolds(dials.filter((/** @type {any} */ one) => one.group));
  const always = dials.filter((/** @type {any} */ one) => !one.group).map((/** @type {any} */ one) => one.element);
  const fold = /** @type {HTMLDetailsElement} */ (make("details", "nbprop-fold", make("summary", "", new Text("Controls")), make("div", "nbprop-dials", ...always), ...folds.elements));
  fold.open = true;
  const element = make("div", "nbprop-desk", main, line, spoken, message, note, fold);
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", "Controls");
  keepKeys(element);
  line.hidden = !buttons.size;
  const rate = new Rate();
  let [epoch, status] = [NaN, ""];
  let [told, telling] = ["", 0];

  let folded = false;
  /** Play and Pause have one place. @param {boolean} playing */
  const offer = (playing) => {
    for (const name of ["play", "pause"]) {
      const one = buttons.get(name);
      if (one) one.element.hidden = (name === "play") === playing;
    }
  };

  return {
    element,
    dials,
    /** In a narrow cell the controls can be folded away, and are until somebody opens them. @param {boolean} narrow */
    fold(narrow) {
      if (spec.where === "left" && narrow !== folded) fold.open = !narrow;
      folded = narrow;
    },
    /** @param {any} head of a frame  @param {string} page id of this one */
    take(head, page) {
      const news = head.desk ?? {};
      epoch = news.epoch ?? epoch;
      const taken = news.taken?.[page] ?? -1;
      for (const one of dials) one.take(news.state?.[one.name], taken);
      if (news.state) folds.note();
      if (news.message !== undefined && message.textContent !== news.message) message.textContent = news.message;
      message.hidden = !message.textContent;
      if (news.note !== undefined && note.textContent !== news.note) note.textContent = news.note;
      note.hidden = !note.textContent;
      for (const [name, words] of Object.entries(news.lists ?? {})) buttons.get(name)?.list(words);
      const playing = head.status === "playing", speed = rate.at(head.step, performance.now());
      const passes = Number.isFinite(epoch) ? ` · epoch ${groups(Math.floor(epoch))}` : "";
      line.textContent = `step ${groups(head.step)}${passes} · ${playing ? (Number.isFinite(speed) ? rateWords(speed) : "playing") : head.status}`;
      const words = playing ? "playing" : `${head.status} at step ${groups(head.step)}`;
      if (told !== words) {
        told = words;
        clearTimeout(telling); // it is said once it stands still
        telling = setTimeout(() => (spoken.textContent = told), STILL);
      }
      if (status !== head.status) {
        status = head.status;
        rate.seen.length = 0;
        offer(playing);
      }
    },
    /** Nobody knows what the run is at: nothing is said to play. @param {string} words  what is known */
    lost(words) {
      line.textContent = (line.textContent ?? "").replace(/[^·]*$/, ` ${words}`);
      status = ""; // whatever comes next is news
      offer(false);
    },
    /** After Play its place is Pause's, and the other way round: the focus stays there. */
    focusOther(/** @type {Element | null} */ focused) {
      for (const [a, b] of [["play", "pause"], ["pause", "play"]]) {
        const [one, other] = [buttons.get(a), buttons.get(b)];
        if (one && other && one.element.contains(focused) && one.element.hidden) other.button.focus();
      }
    },
  };
}

/** A button, and beside it a list to choose from where it has one; or the list alone. @param {any} spec  @param {(chosen?: number) => void} press */
function button(spec, press) {
  const one = /** @type {HTMLButtonElement} */ (make("button", `nbprop-button nbprop-${spec.name}`, new Text(spec.label)));
  one.type = "button";
  one.title = spec.tip;
  keepKeys(one);
  one.onclick = () => press();
  const element = make("span", "nbprop-press", one);
  if (!spec.heads) return { element, button: one, list() {} };
  const menu = /** @type {HTMLSelectElement} */ (make("select", "nbprop-several"));
  const [none, some] = spec.heads;
  menu.title = some;
  menu.setAttribute("aria-label", some);
  keepKeys(menu);
  menu.onchange = () => {
    const chosen = menu.selectedIndex;
    menu.selectedIndex = 0;
    if (chosen > 0) press(chosen);
  };
  element.classList.add(spec.menu ? "nbprop-menu" : "nbprop-split");
  if (spec.menu) {
    menu.title = spec.tip;
    element.replaceChildren(menu);
  } else element.append(menu);
  const list = (/** @type {string[]} */ words) => {
    const head = new Option(spec.menu ? spec.label : words.length ? `${some} …` : none, "");
    head.disabled = true;
    menu.replaceChildren(head, ...words.map((each) => new Option(each, each)));
    menu.selectedIndex = 0;
    menu.disabled = !words.length;
  };
  list([]);
  return { element, button: spec.menu ? menu : one, list };
}
