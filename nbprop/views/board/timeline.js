/** The time line under a board: drag it and all views show that moment; events are marks on it. */
import { groups } from "../base/math.js";
import { keepKeys, make } from "./controls.js";
import { Turns } from "./turns.js";

const MOST = 3; // moments that may be on their way: more than one in the time of a round trip
const NEAR = 0.006; // marks closer than this share of the line are one

/** The event before or behind a step, or null. @param {[number, string][]} events  @param {number} at  @param {number} way 1 or -1 */
export function nextEvent(events, at, way) {
  const steps = events.map(([step]) => step).filter((step) => (way > 0 ? step > at : step < at));
  return steps.length ? (way > 0 ? Math.min(...steps) : Math.max(...steps)) : null;
}

/**
 * Events that stand at one place of the line are one mark.
 * @param {[number, string][]} events  @param {number} first  @param {number} last
 * @returns {{step: number, share: number, texts: string[]}[]}
 */
export function marksOf(events, first, last) {
  /** @type {{step: number, share: number, texts: string[]}[]} */
  const marks = [];
  for (const [step, text] of events) {
    const share = last > first ? (step - first) / (last - first) : 0, before = marks[marks.length - 1];
    if (share < 0 || share > 1) continue;
    if (before && Math.abs(share - before.share) < NEAR) before.texts.push(text);
    else marks.push({ step, share, texts: [text] });
  }
  return marks;
}

/** @param {(message: any) => void} say */
export function makeTimeline(say) {
  let number = 0;
  /** @type {{first: number, last: number, at: number | null, shown: number | null, events: [number, string][], message: string}} */
  const state = { first: 0, last: 0, at: null, shown: null, events: [], message: "" };
  /** @type {number | null} */
  let at = null; // what the hand has chosen, or stands
  const tell = (/** @type {string} */ name, /** @type {number | null} */ step) => {
    say({ type: "time", name, step, number: ++number });
    return number;
  };
  const turns = new Turns((step) => tell("at", step), () => settle(), MOST);
  const now = () => performance.now();

  const line = /** @type {HTMLInputElement} */ (make("input", "nbprop-time"));
  Object.assign(line, { type: "range", min: 0, max: 0, step: 1, value: 0 });
  line.setAttribute("aria-label", "Time line: step");
  line.title = "Drag: every view shows that moment. Arrow keys: one step, Page keys: ten, [ and ]: event";
  const marks = make("div", "nbprop-marks");
  const place = make("output", "nbprop-place");
  place.setAttribute("aria-live", "off"); // the slider says it; a run that plays would never end to
  const button = (/** @type {string} */ sign, /** @type {string} */ words, /** @type {() => void} */ act) => {
    const one = /** @type {HTMLButtonElement} */ (make("button", "nbprop-button", new Text(sign)));
    one.type = "button";
    one.title = words;
    if (sign.length < 3) one.setAttribute("aria-label", words);
    one.onclick = act;
    return one;
  };
  const by = (/** @type {number} */ steps) => go((at ?? state.last) + steps);
  const event = (/** @type {number} */ way) => {
    const step = nextEvent(state.events, at ?? state.last, way);
    if (step !== null) go(step);
    else if (way > 0) go(null);
  };
  const back = button("|◀", "To the event before ([)", () => event(-1)), on = button("▶|", "To the next event (])", () => event(1));
  const less = button("◀", "One step back", () => by(-1)), more = button("▶", "One step on", () => by(1));
  const live = button("Now", "Show the run as it is now (Escape)", () => go(null));
  const resume = button("Continue from here", "Go back to this moment and train on from it; Undo brings back what came later", () => {
    if (at !== null) tell("continue", at);
  });
  const branch = button("Branch from here", "Keep the run as it is, pale behind the pictures, and train on from this moment beside it", () => {
    if (at !== null) tell("branch", at);
  });
  const element = make("div", "nbprop-timeline", back, less, make("div", "nbprop-track", marks, line), more, on, place, live, resume, branch);
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", "Time line");
  for (const each of [line, back, less, more, on, live, resume, branch]) keepKeys(each);

  /** @param {number | null} step  null: now */
  function go(step) {
    const wanted = step === null || step >= state.last ? null : Math.max(step, state.first);
    show(wanted);
    turns.move(wanted, now());
  }
  function show(/** @type {number | null} */ step) {
    at = step;
    const value = String(step ?? state.last);
    if (line.value !== value) line.value = value;
    const past = step !== null;
    const words = past ? `step ${groups(step)} of ${groups(state.last)}` : `now: step ${groups(state.last)}`;
    const coming = past && state.shown !== null && state.shown !== step ? ` (${groups(state.shown)} …)` : "";
    if (place.textContent !== words + coming) place.textContent = words + coming;
    place.title = state.message;
    place.classList.toggle("nbprop-cannot", Boolean(state.message));
    line.setAttribute("aria-valuetext", words);
    element.classList.toggle("nbprop-past", past);
    live.disabled = resume.disabled = branch.disabled = !past;
  }
  function settle() {
    if (!turns.own) show(state.at);
  }
  line.oninput = () => go(line.valueAsNumber);
  line.onpointerdown = () => turns.hold();
  for (const name of ["pointerup", "pointercancel", "change", "blur"]) line.addEventListener(name, () => turns.held && turns.release(now()));
  element.onkeydown = (key) => {
    const own = key.target === line;
    const act = { "[": () => event(-1), "]": () => event(1), Escape: () => go(null) }[key.key]
      ?? (own ? { ArrowLeft: () => by(-1), ArrowDown: () => by(-1), ArrowRight: () => by(1), ArrowUp: () => by(1), PageDown: () => by(-10),
        PageUp: () => by(10), Home: () => go(state.first), End: () => go(null) }[key.key] : undefined);
    if (!act || key.ctrlKey || key.metaKey || key.altKey) return;
    key.preventDefault();
    act();
  };

  let drawn = "";
  function mark() {
    const wanted = marksOf(state.events, state.first, state.last);
    const key = JSON.stringify(wanted.map(({ share, texts }) => [Math.round(1000 * share), texts]));
    if (drawn === (drawn = key)) return;
    marks.replaceChildren(...wanted.map(({ step, share, texts }) => {
      const one = button("", `step ${groups(step)}: ${texts.join("; ")}`, () => go(step));
      one.className = "nbprop-mark";
      one.tabIndex = -1; // by keyboard they are reached with [ and ]
      one.style.left = `${100 * share}%`;
      return one;
    }));
  }

  return {
    element,
    /** @param {any} news  @param {string} page */
    take(news, page) {
      if (!news) return;
      const taken = news.taken?.[page] ?? -1;
      Object.assign(state, news);
      if (turns.held && state.last > Number(line.max)) state.last = Number(line.max); // nothing moves under a hand
      else [line.min, line.max] = [String(state.first), String(state.last)];
      mark();
      turns.done(taken, now());
      if (turns.own) show(at);
      else settle();
    },
  };
}
