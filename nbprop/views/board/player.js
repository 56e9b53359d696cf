/** The bar under a board that goes through the moments of a recording. */
import { groups } from "../base/math.js";
import { keepKeys, make } from "./controls.js";

const RATE = 12; // moments per second at play

/** What is said of a moment. @param {any} index of a recording  @param {number} moment */
export function labelOf({ moments, last }, moment) {
  const { step, events } = moments[moment];
  return [`step ${groups(step)} of ${groups(last)}`, ...events].join(" · ");
}

export class Player {
  /** @param {any} index of a recording  @param {(moment: number) => void} show */
  constructor(index, show) {
    this.index = index;
    this.show = show;
    this.last = index.moments.length - 1;
    this.now = Math.max(0, index.moments.findLastIndex((/** @type {any} */ { step }) => step <= index.now));
    this.timer = 0;
    this.button = /** @type {HTMLButtonElement} */ (make("button", "nbprop-button"));
    this.button.type = "button";
    this.slider = /** @type {HTMLInputElement} */ (make("input", ""));
    Object.assign(this.slider, { type: "range", min: 0, max: this.last, step: 1, value: this.now });
    this.slider.setAttribute("aria-label", "Moment");
    this.label = make("output", "");
    const marks = make("div", "nbprop-player-marks", ...this.#marks());
    const bar = make("div", "nbprop-player-bar", this.button, make("div", "nbprop-player-track", this.slider, marks), this.label);
    bar.hidden = this.last < 1;
    this.settings = make("div", "nbprop-settings");
    this.element = make("div", "nbprop-player", bar, this.settings);
    for (const each of [this.button, this.slider]) keepKeys(each);
    this.button.onclick = () => this.play(!this.timer);
    this.slider.oninput = () => {
      this.play(false);
      this.seek(Number(this.slider.value));
    };
    this.play(false);
    this.#tell();
  }

  /** A mark wherever something was turned; it says what, and leads there. */
  #marks() {
    return this.index.moments.flatMap((/** @type {any} */ { step, events }, /** @type {number} */ i) => {
      if (!events.length) return [];
      const mark = /** @type {HTMLButtonElement} */ (make("button", ""));
      mark.type = "button";
      mark.title = [`after step ${groups(step)}`, ...events].join("\n");
      mark.setAttribute("aria-label", mark.title.replaceAll("\n", ", "));
      mark.style.left = `${(100 * i) / Math.max(this.last, 1)}%`;
      keepKeys(mark);
      mark.onclick = () => (this.play(false), this.seek(i));
      return [mark];
    });
  }

  /** @param {number} moment  one that is not there gives the nearest */
  seek(moment) {
    const next = Math.min(Math.max(Math.round(moment), 0), this.last);
    if (next === this.now) return;
    this.now = next;
    this.#tell();
    this.show(next);
  }

  #tell() {
    const words = labelOf(this.index, this.now);
    this.slider.value = String(this.now);
    this.slider.setAttribute("aria-valuetext", words);
    this.label.textContent = words;
    this.settings.textContent = (this.index.moments[this.now].settings ?? []).join(" · ");
  }

  /** From here to the end, from the end once more from the start; or stand still. @param {boolean} on */
  play(on) {
    clearInterval(this.timer);
    this.timer = 0;
    this.button.textContent = on ? "Pause" : "Play";
    if (!on) return;
    if (this.now === this.last) this.seek(0);
    const slowly = matchMedia("(prefers-reduced-motion: reduce)").matches; // then a picture a second
    this.timer = window.setInterval(() => {
      if (document.hidden) return;
      this.seek(this.now + (slowly ? RATE : 1));
      if (this.now === this.last) this.play(false);
    }, slowly ? 1000 : 1000 / RATE);
  }

  /** The keys of a player. True if it was one. @param {KeyboardEvent} event */
  key(event) {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || this.last < 1) return false;
    const far = Math.max(1, Math.round(this.last / 10));
    const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -far, PageUp: far, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined && event.key !== " ") return false;
    event.preventDefault();
    if (by === undefined) this.play(!this.timer);
    else this.play(false), this.seek(this.now + by);
    return true;
  }
}
