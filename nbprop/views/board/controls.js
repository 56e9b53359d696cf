/** Labelled native controls: each a `label` to put on the page, and `show(value)`. */
import { formatNumber } from "../base/math.js";

/** @param {string} tag  @param {string} name of the class  @param {Node[]} children */
export function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

/** JupyterLab takes keys for commands (d d deletes the cell) unless the element itself says no. @param {HTMLElement} element */
export const keepKeys = (element) => element.setAttribute("data-lm-suppress-shortcuts", "true");

/** A whole number: a slider between a button for one back and one on. @param {any} option  @param {(value: number) => void} choose */
function stepper({ label: name, range: [low, high] }, choose) {
  const slider = /** @type {HTMLInputElement} */ (make("input", ""));
  Object.assign(slider, { type: "range", min: low, max: high, step: 1 });
  const place = make("output", "");
  const buttons = [["◀", "back", -1], ["▶", "on", 1]].map(([sign, words, by]) => {
    const button = make("button", "", new Text(String(sign)));
    button.setAttribute("type", "button");
    button.setAttribute("aria-label", `${name}: one ${words}`);
    button.title = `one ${words}`;
    button.onclick = () => move(Number(slider.value) + Number(by));
    return button;
  });
  const label = make("span", "nbprop-option nbprop-stepper", buttons[0], make("label", "", new Text(name), slider), buttons[1], place);
  for (const element of [slider, ...buttons]) keepKeys(element);
  // The arrow keys do the same on the buttons as on the slider.
  label.onkeydown = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by && event.target !== slider) move(Number(slider.value) + by), event.preventDefault();
  };
  function move(/** @type {number} */ value) {
    const next = Math.min(Math.max(value, low), high);
    if (next !== Number(slider.value)) show(next), choose(next);
  }
  function show(/** @type {any} */ value) {
    if (Number(slider.value) !== value) slider.value = value;
    const words = `${value} of ${high}`;
    if (place.textContent !== words) place.textContent = words;
    slider.setAttribute("aria-valuetext", words);
    buttons.forEach((button, i) => button.setAttribute("aria-disabled", String(value === [low, high][i])));
  }
  slider.oninput = () => (show(Number(slider.value)), choose(Number(slider.value)));
  return { label, show };
}

export const PACE = 1800; // ms that each step of a walk stands while it plays

/**
 * A walk: the stepper, with buttons for the ends, one that plays it slowly, and a list of its parts.
 * `offer` is told where it ends, what its steps are called, and where its parts begin. With a `pace` it plays that fast,
 * and round again.
 * @param {any} option  @param {(value: number) => void} choose
 */
function walker({ label: name, range: [low], pace = 0 }, choose) {
  const calm = pace && matchMedia("(prefers-reduced-motion: reduce)").matches; // then a picture a second
  const slider = /** @type {HTMLInputElement} */ (make("input", ""));
  Object.assign(slider, { type: "range", min: low, max: low, step: 1 });
  const parts = /** @type {HTMLSelectElement} */ (make("select", "")), place = make("output", "");
  parts.setAttribute("aria-label", `${name}: part`);
  /** @type {{last: number, names: string[], parts: [number, string][]}} */
  let stops = { last: low, names: [], parts: [] };
  let offered = "", timer = 0;
  const press = (/** @type {string} */ sign, /** @type {string} */ words, /** @type {() => void} */ act) => {
    const button = make("button", "", new Text(sign));
    button.setAttribute("type", "button");
    button.setAttribute("aria-label", `${name}: ${words}`);
    button.title = words;
    button.onclick = act;
    return button;
  };
  const by = (/** @type {number} */ step) => () => (play(false), move(Number(slider.value) + step));
  const player = press("Play", pace ? "play" : "play slowly", () => play(!timer));
  const [back, on] = [press("◀", "one back", by(-1)), press("▶", "one on", by(1))];
  const ends = [press("|◀", "first", by(-Infinity)), press("▶|", "last", by(Infinity))];
  const label = make("span", "nbprop-option nbprop-stepper", player, ends[0], back, make("label", "", new Text(name), slider), on, ends[1], parts, place);
  for (const element of [slider, parts, player, back, on, ...ends]) keepKeys(element);
  label.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && event.target !== slider && event.target !== parts) by(step)(), event.preventDefault();
  };
  function play(/** @type {boolean} */ go) {
    clearInterval(timer);
    timer = go ? Number(setInterval(() => tick(), calm ? 1000 : pace || PACE)) : 0;
    player.textContent = go ? "Pause" : "Play";
    player.setAttribute("aria-label", `${name}: ${go ? "pause" : player.title}`);
    if (go && Number(slider.value) >= stops.last) move(low);
  }
  function tick() {
    const value = Number(slider.value);
    if (pace && label.isConnected && value >= stops.last) return move(low);
    if (!label.isConnected || value >= stops.last) return play(false);
    move(value + 1);
    if (!pace && value + 1 >= stops.last) play(false);
  }
  function move(/** @type {number} */ value) {
    const next = Math.min(Math.max(value, low), stops.last);
    if (next !== Number(slider.value)) show(next), choose(next);
  }
  function show(/** @type {any} */ value) {
    const at = Math.min(value, stops.last);
    if (Number(slider.value) !== at) slider.value = String(at);
    const words = `${at} of ${stops.last}`, part = stops.parts.findLast(([first]) => first <= at);
    if (place.textContent !== words) place.textContent = words;
    slider.setAttribute("aria-valuetext", [words, stops.names[at]].filter(Boolean).join(", "));
    if (part) parts.value = String(part[0]);
    [ends[0], back, on, ends[1]].forEach((button, i) => button.setAttribute("aria-disabled", String(at === (i < 2 ? low : stops.last))));
  }
  /** @param {typeof stops | undefined} given */
  const offer = (given) => {
    if (!given || offered === (offered = JSON.stringify(given))) return;
    stops = given;
    slider.max = String(stops.last);
    parts.hidden = !stops.parts.length;
    parts.replaceChildren(...stops.parts.map(([first, words]) => new Option(words, String(first))));
  };
  slider.oninput = () => (play(false), show(Number(slider.value)), choose(Number(slider.value)));
  parts.onchange = () => (play(false), move(Number(parts.value)));
  return { label, show, offer };
}

/** A labelled native control. @param {any} option  @param {(value: any) => void} choose */
export function control(option, choose) {
  if (option.walk) return walker(option, choose);
  if (option.range) return stepper(option, choose);
  const label = make("label", "nbprop-option");
  if (!option.choices.length) {
    const box = /** @type {HTMLInputElement} */ (make("input", ""));
    box.type = "checkbox";
    keepKeys(box);
    box.onchange = () => choose(box.checked);
    label.append(box, option.label);
    return { label, show: (/** @type {any} */ value) => void (box.checked = Boolean(value)) };
  }
  const select = /** @type {HTMLSelectElement} */ (make("select", ""));
  let offered = "";
  /** The list as it is now. @param {string[][] | undefined} choices  pairs of value and words */
  const offer = (choices) => {
    if (!choices || offered === (offered = JSON.stringify(choices))) return;
    select.replaceChildren(...choices.map(([value, words]) => new Option(words, value)));
  };
  offer(option.choices);
  keepKeys(select);
  select.onchange = () => choose(select.value);
  label.append(option.label, select);
  return { label, show: (/** @type {any} */ value) => void (select.value === value || (select.value = value)), offer };
}

/** A box for a number; Enter, or leaving it, says it. @param {string} name  @param {(value: any) => void} act */
function typed(name, act) {
  const box = /** @type {HTMLInputElement} */ (make("input", "nbprop-typed"));
  Object.assign(box, { type: "number", step: "any" });
  box.setAttribute("aria-label", `${name}, typed`);
  keepKeys(box);
  box.onchange = () => Number.isFinite(box.valueAsNumber) && act(box.valueAsNumber);
  box.addEventListener("keydown", (event) => event.key === "Enter" && box.onchange?.(event)); // also what is there already
  return box;
}

/**
 * What a hand reaches the source with: a list, a slider (`log`: of the logarithm) or a button.
 * @param {any} spec  @param {(value: any) => void} act
 */
export function handle(spec, act) {
  if (spec.choices.length) return control(spec, act);
  if (spec.low === null) {
    const button = /** @type {HTMLButtonElement} */ (make("button", "nbprop-button", new Text(spec.label)));
    button.type = "button";
    keepKeys(button);
    button.onclick = () => act(null);
    if (spec.key) [button.title, button.ariaKeyShortcuts] = [`${spec.label} (${spec.key})`, spec.key];
    /** @param {string | undefined} words  what it would do now */
    const show = (words) => {
      if (!words || button.textContent === words) return;
      button.textContent = words;
      if (spec.key) button.title = `${words} (${spec.key})`;
    };
    return { label: button, show };
  }
  const input = /** @type {HTMLInputElement} */ (make("input", ""));
  const output = spec.typed ? typed(spec.label, act) : make("span", "nbprop-value");
  const [to, from] = spec.log ? [Math.log10, (/** @type {number} */ v) => 10 ** v] : [Number, Number];
  Object.assign(input, { type: "range", min: to(spec.low), max: to(spec.high), step: spec.step ?? "any" });
  keepKeys(input);
  const tell = (/** @type {number} */ value) => {
    // Not while it is typed into: what is typed would count as said already, and Enter would say nothing.
    if (output instanceof HTMLInputElement) document.activeElement === output || (output.value = String(Number(value.toPrecision(4))));
    else output.textContent = formatNumber(value);
    input.setAttribute("aria-valuetext", formatNumber(value));
  };
  input.oninput = () => {
    const value = spec.step === 1 ? input.valueAsNumber : Number(from(input.valueAsNumber).toPrecision(3));
    tell(value);
    act(value);
  };
  const show = (/** @type {any} */ value) => {
    if (value === undefined) return;
    const far = spec.typed && Number.isFinite(value) ? Math.abs(value) : 0; // it shows the true value whatever its range
    if (far > Number(input.max)) Object.assign(input, { min: -2 * far, max: 2 * far });
    input.value = String(to(value));
    tell(value);
  };
  return { label: make("label", "nbprop-option", new Text(spec.label), input, output), show };
}
