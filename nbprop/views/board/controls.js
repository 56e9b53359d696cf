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

/** A labelled native control. @param {any} option  @param {(value: any) => void} choose */
export function control(option, choose) {
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
    return { label: button, show() {} };
  }
  const input = /** @type {HTMLInputElement} */ (make("input", ""));
  const output = make("span", "nbprop-value");
  const [to, from] = spec.log ? [Math.log10, (/** @type {number} */ v) => 10 ** v] : [Number, Number];
  Object.assign(input, { type: "range", min: to(spec.low), max: to(spec.high), step: spec.step ?? "any" });
  keepKeys(input);
  const tell = (/** @type {number} */ value) => {
    output.textContent = formatNumber(value);
    input.setAttribute("aria-valuetext", formatNumber(value));
  };
  input.oninput = () => {
    const value = Number(from(input.valueAsNumber).toPrecision(3));
    tell(value);
    act(value);
  };
  const show = (/** @type {any} */ value) => {
    if (value === undefined) return;
    input.value = String(to(value));
    tell(value);
  };
  return { label: make("label", "nbprop-option", new Text(spec.label), input, output), show };
}
