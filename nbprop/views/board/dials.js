/** Native controls for the knobs of a desk. Each shows the true value, whatever its range, and can be typed into. */
import { question } from "./about.js";
import { keepKeys, make } from "./controls.js";
import { Turns } from "./turns.js";

/** A number in full, but not in the digits that only a computer has. @param {number} value */
export const inFull = (value) => String(Number(value.toPrecision(6)));

/** On the grid of a slider: whole steps, in decades where it is logarithmic. @param {any} spec  @param {number} value */
export function snapped(spec, value) {
  if (spec.log) {
    const grid = Math.round(Math.log10(value) / spec.step) * spec.step;
    return Number((10 ** grid).toPrecision(3));
  }
  return Number((Math.round(value / spec.step) * spec.step).toPrecision(12));
}

/**
 * Where one more step leads from a value, which need not lie on the grid.
 * @param {any} spec  @param {number} value  @param {number} by steps, may be negative
 */
export function stepped(spec, value, by) {
  if (spec.stops) {
    const at = by > 0 ? spec.stops.findIndex((/** @type {number} */ one) => one > value) : spec.stops.findLastIndex((/** @type {number} */ one) => one < value);
    return at < 0 ? value : spec.stops[Math.min(Math.max(at + by - Math.sign(by), 0), spec.stops.length - 1)];
  }
  if (spec.log && value <= 0) return by > 0 ? spec.low : value; // which has no logarithm
  if (spec.log) return Number((value * 10 ** (by * spec.step)).toPrecision(3));
  return Number((value + by * spec.step).toPrecision(12));
}

/** The range that a slider has for a value: its own, or wider. @param {any} spec  @param {number | null} value */
export function rangeOf(spec, value) {
  let [low, high] = spec.stops ? [spec.stops[0], spec.stops[spec.stops.length - 1]] : [spec.low, spec.high];
  if (value !== null && !(spec.log && value <= 0)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}

/** A row of the desk: label, control, what else. @param {any} spec  @param {Node[]} children */
function row(spec, ...children) {
  const element = make("div", `nbprop-dial nbprop-${spec.kind}`, ...children);
  element.append(...question(spec.label, spec, element));
  element.dataset.dial = spec.name;
  return element;
}

let ids = 0;
/** A label that names a control. @param {any} spec  @param {HTMLElement} element */
function labelled(spec, element) {
  element.id ||= `nbprop-${++ids}-${Math.random().toString(36).slice(2, 8)}`;
  const label = /** @type {HTMLLabelElement} */ (make("label", "", new Text(spec.label)));
  label.htmlFor = element.id;
  keepKeys(element);
  return label;
}

/**
 * A box that takes what is typed when Enter is pressed or it is left; Escape brings back what was there.
 * @param {HTMLInputElement} box  @param {Turns} turns  @param {(text: string) => any} read
 */
function typed(box, turns, read) {
  let [before, dirty] = ["", false];
  const commit = () => {
    if (dirty) turns.waiting = { value: read(box.value) };
    dirty = false;
    turns.release(performance.now());
  };
  box.onfocus = () => ((before = box.value), turns.hold());
  box.oninput = () => (dirty = true);
  box.onblur = commit;
  box.onkeydown = (event) => {
    if (event.key === "Enter") commit(), turns.hold();
    if (event.key === "Escape") (box.value = before), (dirty = false);
  };
}

/** What is typed as a number is one. @param {string} text */
const numberIn = (text) => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);

/** A slider with a box for the same value. @param {any} spec  @param {Turns} turns */
function slider(spec, turns) {
  const input = /** @type {HTMLInputElement} */ (make("input", ""));
  const box = /** @type {HTMLInputElement} */ (make("input", "nbprop-typed"));
  const places = 1000; // of the slider's own scale; where it is off lies before them
  Object.assign(input, { type: "range", min: spec.off ? -40 : 0, max: places, step: "any" });
  Object.assign(box, { type: "text", inputMode: "decimal", autocomplete: "off", spellcheck: false });
  box.setAttribute("aria-label", `${spec.label}, typed`);
  keepKeys(box);
  /** @type {number | null} */
  let value = null;
  let range = rangeOf(spec, null);
  const to = (/** @type {number} */ v) => {
    if (spec.stops) {
      const at = spec.stops.findIndex((/** @type {number} */ one) => one >= v);
      return (places * (at < 0 ? spec.stops.length - 1 : at)) / (spec.stops.length - 1);
    }
    const [low, high] = spec.log ? range.map(Math.log10) : range;
    return (places * ((spec.log ? Math.log10(v) : v) - low)) / (high - low || 1);
  };
  const from = (/** @type {number} */ place) => {
    if (spec.stops) return spec.stops[Math.round((place / places) * (spec.stops.length - 1))];
    const [low, high] = spec.log ? range.map(Math.log10) : range;
    const at = low + (place / places) * (high - low);
    return Math.min(Math.max(snapped(spec, spec.log ? 10 ** at : at), range[0]), range[1]);
  };
  const put = (/** @type {number | null} */ next, /** @type {string} */ words) => {
    value = next;
    const off = next === null || (spec.log && next <= 0);
    input.value = String(off ? -40 : to(/** @type {number} */ (next)));
    const text = next === null ? words : inFull(next);
    if (document.activeElement !== box && box.value !== text) box.value = text;
    box.title = next === null ? words : String(next);
    input.setAttribute("aria-valuetext", text);
  };
  const move = (/** @type {number | null} */ next) => {
    put(next, "off");
    turns.move(next, performance.now());
  };
  input.oninput = () => move(spec.off && input.valueAsNumber < -20 ? null : from(Math.max(0, input.valueAsNumber)));
  input.onpointerdown = () => turns.hold();
  const release = () => turns.held && document.activeElement !== box && turns.release(performance.now());
  for (const event of ["pointerup", "pointercancel", "lostpointercapture", "change", "blur"]) input.addEventListener(event, release);
  input.onkeydown = (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (by === undefined && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    const [low, high] = range;
    if (event.key === "Home") move(spec.off ? null : low);
    else if (event.key === "End") move(high);
    else if (value === null) by > 0 && move(low);
    else {
      const next = stepped(spec, value, /** @type {number} */ (by));
      if (next < low) move(spec.off ? null : low);
      else move(Math.min(next, high));
    }
  };
  typed(box, turns, numberIn);
  return {
    element: row(spec, labelled(spec, input), input, box),
    show(/** @type {any} */ state) {
      const one = typeof state.value === "number";
      range = rangeOf(spec, one ? state.value : null);
      put(one ? state.value : null, state.words ?? String(state.value ?? ""));
      // Where layers differ no place of a slider would be true, and one key would make all equal.
      input.disabled = Boolean(state.idle) || (!one && state.words !== "off");
      box.disabled = Boolean(state.idle);
    },
  };
}

/** @param {any} spec  @param {Turns} turns */
function choice(spec, turns) {
  const select = /** @type {HTMLSelectElement} */ (make("select", ""));
  let offered = "";
  select.onchange = () => turns.move(select.value, performance.now());
  return {
    element: row(spec, labelled(spec, select), select),
    show(/** @type {any} */ state) {
      const now = JSON.stringify(state.choices);
      if (offered !== now) select.replaceChildren(...state.choices.map((/** @type {string} */ words) => new Option(words, words)));
      offered = now;
      select.value = state.value;
      select.disabled = Boolean(state.idle);
    },
  };
}

/** @param {any} spec  @param {Turns} turns */
function toggle(spec, turns) {
  const box = /** @type {HTMLInputElement} */ (make("input", ""));
  box.type = "checkbox";
  box.onchange = () => turns.move(box.checked, performance.now());
  return {
    element: row(spec, labelled(spec, box), box),
    show(/** @type {any} */ state) {
      box.checked = state.value;
      box.disabled = Boolean(state.idle);
    },
  };
}

/** A box for a whole number, or for several. @param {any} spec  @param {Turns} turns */
function text(spec, turns) {
  const box = /** @type {HTMLInputElement} */ (make("input", ""));
  Object.assign(box, { type: "text", autocomplete: "off", spellcheck: false, inputMode: spec.kind === "number" ? "numeric" : "text" });
  typed(box, turns, (words) => words);
  if (spec.none) box.placeholder = spec.none;
  const keys = /** @type {any} */ (box.onkeydown);
  box.onkeydown = (event) => {
    keys(event);
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (spec.kind !== "number" || !by || !Number.isSafeInteger(Number(box.value))) return;
    event.preventDefault();
    box.value = String(Math.max(spec.low, Number(box.value) + by));
    turns.move(box.value, performance.now());
  };
  return {
    element: row(spec, labelled(spec, box), box),
    show(/** @type {any} */ state) {
      const words = String(state.value ?? "");
      if (document.activeElement !== box || !turns.held) box.value = words;
      box.title = words;
      box.disabled = Boolean(state.idle);
    },
  };
}

const MADE = { slider, stops: slider, choice, switch: toggle, number: text, list: text };

/**
 * The control that a spec describes.
 * @param {any} spec  @param {(name: string, value: any) => number} send  sends a turn, gives its number
 */
export function dial(spec, send) {
  const turns = new Turns((value) => send(spec.name, value), () => settle());
  const made = MADE[/** @type {keyof typeof MADE} */ (spec.kind)](spec, turns);
  /** @type {any} */
  let state = null;
  let shown = "";
  const settle = () => {
    if (!state || turns.own) return;
    made.show(state);
    if (shown === (shown = JSON.stringify(state))) return;
    made.element.title = [spec.tip || spec.label, state.idle, state.words && state.words !== "off" ? `Now ${state.words}` : ""].filter(Boolean).join(". ");
    made.element.classList.toggle("nbprop-idle", Boolean(state.idle));
    made.element.hidden = Boolean(spec.group && state.absent); // in a fold there is no place for what acts on nothing
  };
  return {
    name: spec.name,
    label: spec.label,
    group: spec.group,
    element: made.element,
    /** News of the kernel: what it stands at (or nothing new), and up to which turn. */
    take(/** @type {any} */ news, /** @type {number} */ number) {
      state = news ?? state;
      turns.done(number, performance.now());
      settle();
    },
  };
}
