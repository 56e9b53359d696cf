/** One panel of a board: controls, picture, what is said under the pointer. */
import { control, handle, make } from "./_controls.js";
import { draw as activations } from "./activations.js";
import { draw as attention } from "./attention.js";
import { draw as boundary } from "./boundary.js";
import { draw as filters } from "./filters.js";
import { draw as gradients } from "./gradients.js";
import { draw as graph } from "./graph.js";
import { draw as histograms } from "./histograms.js";
import { draw as lags } from "./lags.js";
import { draw as landscape } from "./landscape.js";
import { draw as loss } from "./loss.js";
import { draw as percentiles } from "./percentiles.js";
import { draw as writing } from "./writing.js";

/** @type {Record<string, typeof loss>} view name -> how it is drawn */
const DRAW = { activations, attention, boundary, filters, gradients, graph, histograms, lags, landscape, loss, percentiles, writing };

export const HOLD = 1500; // ms for which an option chosen here stands against older news from the kernel

/** Title, options, canvas, tooltip. `choose` is told which option was chosen, `act` what a hand wants. */
export class PanelView {
  constructor(spec, state, choose, act) {
    this.state = state;
    this.draw = DRAW[spec.name];
    this.dirty = true;
    this.inSight = true;
    this.theme = this.font = this.picture = this.pointer = null;
    /** @type {Map<string, {value: any, until: number}>} chosen here and not yet confirmed */
    this.held = new Map();
    this.controls = spec.options.map((/** @type {any} */ option) => {
      state.options[option.name] ??= option.value;
      const made = control(option, (value) => {
        this.held.set(option.name, { value, until: performance.now() + HOLD });
        choose(option.name, value);
      });
      return { name: option.name, ...made };
    });
    this.handles = (spec.controls ?? []).map((/** @type {any} */ one) => {
      const made = handle(one, (value) => {
        this.held.set(one.name, { value, until: performance.now() + HOLD });
        act(one.name, value);
      });
      return { name: one.name, ...made };
    });
    this.canvas = /** @type {HTMLCanvasElement} */ (make("canvas", ""));
    this.canvas.setAttribute("role", "img");
    this.tip = make("div", "nbprop-tip");
    this.tip.hidden = true;
    this.error = make("div", "nbprop-error");
    this.error.hidden = true;
    this.box = make("div", "nbprop-canvas", this.canvas, this.tip, this.error);
    const title = make("span", "nbprop-title", new Text(spec.title));
    const options = make("span", "nbprop-options", ...this.controls.map((/** @type {any} */ c) => c.label));
    const handles = make("span", "nbprop-options", ...this.handles.map((/** @type {any} */ h) => h.label));
    this.element = make("section", "nbprop-panel", make("header", "", title, options, handles), this.box);
    this.element.dataset.panel = spec.name;
    this.element.setAttribute("aria-label", spec.title);
    this.title = spec.title;
    this.canvas.onpointermove = (event) => this.point({ x: event.offsetX, y: event.offsetY });
    this.canvas.onpointerleave = () => this.point(null);
    this.canvas.onclick = (event) => {
      const wanted = this.picture?.press?.(event.offsetX, event.offsetY);
      if (wanted) act(...wanted);
    };
  }

  /** The options to draw with: the kernel's, but what was chosen here a moment ago stands. */
  options() {
    const options = { ...this.state.options };
    for (const [name, { value, until }] of this.held) {
      if (options[name] === value || performance.now() > until) this.held.delete(name);
      else if (name in options) options[name] = value;
    }
    return options;
  }

  /** @param {number} width  @param {number} height  in CSS pixels  @param {number} ratio device pixels in one */
  resize(width, height, ratio) {
    [this.width, this.height, this.ratio] = [width, height, ratio];
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.paint();
  }

  paint() {
    if (!this.width || !this.height || !this.theme) return;
    this.dirty = false;
    const { frame, labels, text, error } = this.state;
    const options = this.options();
    for (const { name, show } of this.controls) show(options[name]);
    const held = (/** @type {string} */ name) => performance.now() < (this.held.get(name)?.until ?? 0);
    for (const { name, show } of this.handles) if (!held(name)) show(labels.values?.[name]);
    const ctx = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.globalAlpha = 1;
    ctx.fillStyle = this.theme.background;
    ctx.fillRect(0, 0, this.width, this.height);
    ctx.save();
    let failed = error;
    try {
      const panel = { ctx, width: this.width, height: this.height, theme: this.theme, font: this.font };
      this.picture = this.draw(panel, frame, labels, options) ?? null;
    } catch (problem) {
      // One panel that fails must not take the others along, nor be overlooked.
      this.picture = null;
      failed ||= String(problem);
      console.error("[nbprop]", problem);
    }
    ctx.restore();
    this.error.hidden = !failed;
    if (this.error.textContent !== failed) this.error.textContent = failed;
    const words = text ? `${this.title}. ${text}` : this.title;
    if (this.canvas.getAttribute("aria-label") !== words) this.canvas.setAttribute("aria-label", words);
    this.canvas.style.cursor = this.picture?.press ? "crosshair" : "";
    if (this.pointer) this.point(this.pointer);
  }

  /** @param {{x: number, y: number} | null} pointer */
  point(pointer) {
    this.pointer = pointer;
    const words = pointer && this.picture?.readout ? this.picture.readout(pointer.x, pointer.y) : null;
    this.tip.hidden = !words;
    if (!pointer || !words) return;
    if (this.tip.textContent !== words) this.tip.textContent = words;
    const { offsetWidth: w, offsetHeight: h } = this.tip;
    const left = pointer.x + 14 + w > this.width ? pointer.x - 10 - w : pointer.x + 14;
    this.tip.style.left = `${Math.max(0, Math.min(left, this.width - w))}px`;
    this.tip.style.top = `${Math.max(0, Math.min(pointer.y + 12, this.height - h))}px`;
  }
}
