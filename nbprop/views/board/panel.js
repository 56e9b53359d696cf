/** One panel of a board: controls, picture, what is said under the pointer. */
import { nothing } from "../base/plot.js";
import { question } from "./about.js";
import { control, handle, keepKeys, make } from "./controls.js";
import { makeTools } from "./tools.js";

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export const HOLD = 1500; // ms for which an option chosen here stands against older news from the kernel

const STRIDE = 8; // pixels that an arrow key moves the place that is read; with Shift five times as many

/**
 * Title, options, canvas, tooltip. `draw` is the view's; `choose` is told which option was chosen, `act` what a hand wants,
 * `enlarge` that this panel is to take all the room, or to give it back, `over` what a hand moves over.
 */
export class PanelView {
  constructor(spec, state, draw, choose, act, enlarge, over = (/** @type {[string, any]} */ _) => {}) {
    this.state = state;
    this.title = spec.title;
    this.draw = draw;
    this.act = act;
    this.rests = ""; // why nothing that a hand wants can be done
    this.place = /** @type {HTMLElement | null} */ (null); // of native elements
    this.dirty = true;
    this.inSight = true;
    this.width = this.height = 0;
    this.ratio = 1;
    this.theme = this.font = this.picture = this.pointer = null;
    this.over = over;
    this.hovered = ""; // the name of what a hand is moving over
    this.followed = ""; // what the pointer is on, of a picture that is painted anew when it is on something else
    /** @type {Map<string, {value: any, until: number, told?: number}>} chosen here and not yet confirmed */
    this.held = new Map();
    // These change nothing in the frame: the picture follows at once, and without a kernel too.
    this.own = new Set(spec.options.filter((/** @type {any} */ o) => o.where === "browser").map((/** @type {any} */ o) => o.name));
    this.controls = spec.options.map((/** @type {any} */ option) => {
      state.options[option.name] ??= option.value;
      const made = control(option, (value) => {
        this.held.set(option.name, { value, until: performance.now() + HOLD, told: state.told });
        choose(option.name, value);
      });
      return { name: option.name, ...made };
    });
    this.handles = (spec.controls ?? []).map((/** @type {any} */ one) => {
      const made = handle(one, (value) => {
        if (value !== null) this.held.set(one.name, { value, until: performance.now() + HOLD }); // no button's
        act(one.name, value);
      });
      return { name: one.name, key: one.key, ...made };
    });
    this.canvas = /** @type {HTMLCanvasElement} */ (make("canvas", ""));
    this.canvas.setAttribute("role", "img");
    this.canvas.tabIndex = 0; // arrow keys read the picture
    keepKeys(this.canvas);
    this.tip = make("div", "nbprop-tip");
    this.tip.hidden = true;
    this.spoken = make("div", "nbprop-spoken"); // of the tip what the keyboard asks for, not what a playing run changes
    this.spoken.setAttribute("role", "status");
    this.error = make("div", "nbprop-error");
    this.error.hidden = true;
    this.box = make("div", "nbprop-canvas", this.canvas, this.tip, this.error, this.spoken);
    this.titled = make("span", "nbprop-title", new Text(spec.title));
    const options = make("span", "nbprop-options", ...this.controls.map((/** @type {any} */ c) => c.label));
    const handles = make("span", "nbprop-options", ...this.handles.map((/** @type {any} */ h) => h.label));
    this.larger = /** @type {HTMLButtonElement} */ (make("button", "nbprop-larger"));
    this.larger.type = "button";
    this.larger.onclick = enlarge;
    keepKeys(this.larger);
    const repaint = () => {
      this.dirty = true;
      requestAnimationFrame(() => this.dirty && this.paint());
    };
    this.tools = spec.tools ? makeTools({ canvas: this.canvas, title: spec.title, act: (name, value) => this.act(name, value), repaint, sheet: () => this.picture?.sheet, at: () => this.pointer }) : null;
    if (this.tools) this.box.append(this.tools.pencil);
    const header = make("header", "", this.titled, options, handles, this.larger);
    this.element = make("section", "nbprop-panel", header, ...(this.tools ? [this.tools.bar] : []), this.box);
    header.append(...question(spec.title, spec, this.element));
    this.enlarged(false, false);
    this.element.dataset.panel = spec.name;
    this.element.classList.toggle("nbprop-peer", Boolean(spec.beside));
    this.element.setAttribute("aria-label", spec.title);
    this.canvas.onpointermove = (event) => this.point({ x: event.offsetX, y: event.offsetY });
    this.canvas.onpointerleave = () => this.point(null);
    this.canvas.onblur = () => this.point(null);
    this.element.onkeydown = (event) => this.key(event, enlarge);
    this.press = (/** @type {{x: number, y: number}} */ { x, y }) => {
      const wanted = this.picture?.press?.(x, y);
      if (wanted) act(...wanted);
    };
    this.back = () => void (this.picture?.back && act(this.picture.back, null)); // from something that is shown large in it
    this.canvas.onclick = (event) => this.tools?.drawing || this.press({ x: event.offsetX, y: event.offsetY });
  }

  /**
   * What the controls show: the kernel's, but what was chosen here a moment ago stands; and what the picture is drawn
   * with: the same, but for those that only a frame made with them can show.
   */
  options() {
    const shown = { ...this.state.options };
    const drawn = { ...shown };
    for (const [name, { value, until, told }] of this.held) {
      const unanswered = this.own.has(name) && told === this.state.told; // by a kernel that may be gone
      if (shown[name] === value || (performance.now() > until && !unanswered)) this.held.delete(name);
      else if (name in shown) {
        shown[name] = value;
        if (this.own.has(name)) drawn[name] = value;
      }
    }
    return { shown, drawn };
  }

  /**
   * Takes the canvas's place from now on: for a view of words and buttons, which can be selected, zoomed and read out. It
   * is made when a view first asks for it.
   */
  native() {
    if (!this.place) {
      this.place = make("div", "nbprop-native");
      this.place.tabIndex = 0; // keys scroll it
      this.place.setAttribute("role", "group");
      this.place.setAttribute("aria-label", this.title);
      keepKeys(this.place);
      this.canvas.before(this.place);
    }
    return this.place;
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
    if (this.state.heading && this.state.heading !== this.title) this.rename(this.state.heading);
    const options = this.options();
    for (const { name, show, offer, label } of this.controls) {
      offer?.(labels.choices?.[name] ?? labels.stops?.[name]);
      if (labels.choices?.[name]) label.hidden = !labels.choices[name].length; // there is nothing to choose from
      show(options.shown[name]);
    }
    const held = (/** @type {string} */ name) => performance.now() < (this.held.get(name)?.until ?? 0);
    for (const { name, show, label } of this.handles) {
      if (labels.controls) label.hidden = !labels.controls.includes(name);
      if (!held(name)) show(labels.values?.[name]);
    }
    const ctx = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.globalAlpha = 1;
    ctx.fillStyle = this.theme.background;
    ctx.fillRect(0, 0, this.width + 1, this.height + 1); // a last row or column of pixels may be a part of one
    ctx.save();
    let failed = error || labels.unserved || "";
    this.element.classList.toggle("nbprop-awaited", !this.state.came); // what is to be set is not known yet
    this.error.classList.toggle("nbprop-unserved", Boolean(labels.unserved && !error)); // words, but nothing is wrong
    if (labels.unserved) this.picture = null;
    else try {
      const { width, height, theme, font, act, rests, pointer, tools } = this;
      const own = this.state.came && tools ? tools.take(frame, labels, theme, rests) : frame;
      const panel = { ctx, width, height, theme, font, act, rests, pointer, native: () => this.native(), over: this.over, ring: tools?.ring() };
      this.picture = this.state.came ? this.draw(panel, own, labels, options.drawn) ?? null : null;
      if (!this.state.came) nothing(panel, "waiting for the kernel"); // a view would say that there is nothing
    } catch (problem) {
      // One panel that fails must not take the others along, nor be overlooked.
      this.picture = null;
      failed ||= String(problem);
      console.error("[nbprop]", problem);
    }
    ctx.restore();
    if (this.place) [this.canvas.hidden, this.place.hidden] = [!labels.unserved, Boolean(labels.unserved)];
    this.error.hidden = !failed;
    if (this.error.textContent !== failed) this.error.textContent = failed;
    const words = text ? `${this.title}. ${text}` : this.title;
    if (this.canvas.getAttribute("aria-label") !== words) this.canvas.setAttribute("aria-label", words);
    this.canvas.style.cursor = this.picture?.press ? this.picture.cursor ?? "pointer" : "";
    if ((this.pointer || this.followed) && !this.tools?.drawing) this.point(this.pointer);
  }

  /** It shows another run, or one that is called otherwise now. @param {string} title */
  rename(title) {
    this.title = this.titled.textContent = title;
    this.element.setAttribute("aria-label", title);
    this.place?.setAttribute("aria-label", title);
    this.enlarged(Boolean(this.large), Boolean(this.element.hidden));
  }

  /** @param {boolean} large does it take all the room  @param {boolean} away does another one */
  enlarged(large, away) {
    this.element.hidden = away;
    this.large = large;
    this.larger.textContent = large ? "⤡" : "⤢";
    this.larger.title = large ? "Back to all panels (f or Escape)" : "Large (f)";
    this.larger.setAttribute("aria-label", `${this.title}: ${large ? "back to all panels" : "large"}`);
  }

  /** @param {KeyboardEvent} event  @param {() => void} enlarge */
  key(event, enlarge) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const own = event.target === this.canvas, whole = own || event.target === this.place;
    if (own && this.tools?.key(event.key)) return event.preventDefault();
    const pressed = own && this.handles.find((/** @type {any} */ one) => one.key === event.key && !one.label.hidden);
    if (this.large ? (event.key === "Escape" && !(own && this.picture?.back)) || (whole && event.key === "f") : whole && event.key === "f") enlarge();
    else if (pressed) pressed.label.click();
    else if (own && event.key === "Escape") this.point(null), this.back();
    else if (own && event.key === "Enter" && this.pointer && this.picture?.press) this.press(this.pointer);
    else if (own && event.key in MOVES) {
      const [x, y] = MOVES[/** @type {keyof typeof MOVES} */ (event.key)], by = STRIDE * (event.shiftKey ? 5 : 1);
      const { x: left, y: top, width, height } = this.picture?.sheet?.box ?? { x: 0, y: 0, width: this.width, height: this.height };
      const at = this.pointer ?? { x: left + width / 2, y: top + height / 2 };
      const to = this.picture?.move?.(this.pointer, [x, y], event.shiftKey); // to the next thing, of a picture that has some
      if (to) this.point({ x: to.x, y: to.y });
      else this.point({ x: Math.min(Math.max(at.x + by * x, 0), this.width), y: Math.min(Math.max(at.y + by * y, 0), this.height) });
      this.spoken.textContent = this.tools?.drawing && this.pointer ? this.tools.words(this.pointer) : this.tip.hidden ? "" : this.tip.textContent;
    } else return;
    event.preventDefault();
  }

  /** @param {{x: number, y: number} | null} pointer */
  point(pointer) {
    this.pointer = pointer;
    if (this.tools?.drawing) {
      if (this.hovered) this.over([this.hovered, null]);
      [this.hovered, this.tip.hidden] = ["", true];
      return this.tools.at(pointer);
    }
    const wanted = pointer && this.picture?.hover ? this.picture.hover(pointer.x, pointer.y) : null;
    if (wanted || this.hovered) this.over(wanted ?? [this.hovered, null]);
    this.hovered = wanted?.[0] ?? "";
    const followed = (pointer && this.picture?.follow?.(pointer.x, pointer.y)) ?? "";
    if (followed !== this.followed) {
      this.followed = followed;
      this.dirty = true;
      requestAnimationFrame(() => this.dirty && this.paint());
    }
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
