/** A sheet of paper to draw on; beside it what the network gets of it, what it says, and what that hangs on. */
import { formatNumber, percent } from "./base/math.js";
import { emptySheet, inkOn, load, pixelsOf, stroke } from "./base/ink.js";
import { pixels } from "./base/pictures.js";
import { alarm, colorTable, picture, pixel, rgb, shorten, text, textSize, widest } from "./base/plot.js";
import { keepKeys, make } from "./board/controls.js";

/**
 * @typedef {import("./base/plot.js").Panel} Panel
 * @typedef {import("./base/plot.js").Box} Box
 * @typedef {import("./base/ink.js").Sheet} Sheet
 * @typedef {Record<string, import("./base/math.js").Numbers>} Frame  see Drawing.frame
 * @typedef {{classes: string[], of: string, paper: number[], placing: import("./base/ink.js").Placing | null, how: string, began: string, next: number, many: number, blank: boolean, page: string, marks: Record<string, string>}} Labels
 */

const KEPT = 30; // sheets that Undo brings back
const GAP = 8;
const WIDE = 300; // pixels from which on paper and answers stand beside each other
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAGE = Math.random().toString(36).slice(2); // by which the kernel tells who has drawn

/** @type {WeakMap<HTMLElement, Easel>} */
const EASELS = new WeakMap();

/** @param {Panel} panel  @param {Frame} frame  @param {Labels} labels  @param {{placed?: boolean}} options */
export function draw(panel, frame, labels, options = {}) {
  const place = /** @type {() => HTMLElement} */ (panel.native)();
  let easel = EASELS.get(place);
  if (!easel) EASELS.set(place, (easel = new Easel(place)));
  if (frame.picture) easel.show(panel, frame, labels, options.placed !== false);
}

/**
 * How large paper and answers are. @param {number} width  @param {number} height  of all that is below the tools
 * @param {number} shape  width over height of the paper
 */
export function layout(width, height, shape) {
  const wide = width >= WIDE, most = wide ? [0.4 * width, height] : [width, Math.max(140, 0.55 * height)];
  const high = Math.max(60, Math.floor(Math.min(most[1], most[0] / shape))), paper = { width: Math.floor(high * shape), height: high };
  if (wide) return { paper, answers: { width: Math.max(120, width - paper.width - GAP), height: Math.max(high, Math.min(height, 200)) } };
  return { paper, answers: { width, height: Math.max(200, height - high - GAP) } };
}

/**
 * What the network gets, its gradient and its answers. Gives what is to be read at a place.
 * @param {Panel} panel  @param {Frame} frame  @param {Labels} labels
 */
export function answers(panel, frame, labels) {
  const { ctx, theme, width, height } = panel, size = textSize(panel), [channels, rows, columns] = frame.picture.shape;
  const shape = columns / rows, side = Math.max(20, Math.min((height - 2 * (size + 8)) / 2, (0.42 * width) / shape));
  const boxes = [0, 1].map((i) => ({ x: 0, y: i * (side + size + 8) + size + 6, width: side * shape, height: side }));
  const name = labels.classes[frame.like.data[0]] ?? "", most = frame.gradient.data.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 0) || 1;
  const heads = ["it gets", `∂ ${labels.of === "loss" ? "loss" : "score"} of ${name}`];
  const images = [pixels(panel, frame.picture.data, channels), diverging(panel, frame.gradient.data, most)];
  boxes.forEach((box, i) => {
    text(panel, shorten(panel, heads[i], box.width + GAP), 0, box.y - size / 2 - 3, { color: theme.muted });
    picture(panel, images[i], columns, rows, box, false);
    ctx.strokeStyle = theme.grid;
    ctx.lineWidth = 1;
    ctx.strokeRect(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1);
  });
  if (!frame.gradient.data.every(Number.isFinite)) alarm(panel, "not finite", boxes[1].width / 2, boxes[1].y + side / 2);
  const left = boxes[0].width + 2 * GAP, bars = rowsOf(frame.probability.data, Math.max(1, Math.floor((height - size - 8) / (size + 3))));
  const line = Math.min(24, (height - size - 8) / Math.max(1, bars.length)), names = bars.map((k) => labels.classes[k] ?? String(k));
  const number = widest(panel, ["100 %"], size, 700) + 6, room = Math.max(0, Math.min(widest(panel, names), 0.3 * (width - left), width - left - number - 17)), from = left + room + 5;
  const full = Math.max(4, width - from - number);
  const head = bars.length < frame.probability.data.length ? `the likeliest of ${frame.probability.data.length} classes` : "it says";
  text(panel, shorten(panel, head, width - left), left, size / 2 + 3, { color: theme.muted });
  bars.forEach((k, i) => {
    const p = frame.probability.data[k], y = size + 8 + i * line, first = k === likeliest(frame.probability.data);
    text(panel, shorten(panel, names[i], room), from - 5, y + line / 2, { align: "right", weight: first ? 700 : 400 });
    ctx.fillStyle = theme.grid;
    ctx.fillRect(from, y + 2, full, Math.max(1, line - 4));
    if (!Number.isFinite(p)) return alarm(panel, formatNumber(p), from + full / 2, y + line / 2, { size });
    ctx.fillStyle = first ? theme.train : theme.muted;
    ctx.fillRect(from, y + 2, full * Math.min(1, Math.max(0, p)), Math.max(1, line - 4));
    text(panel, percent(p), from + full + number, y + line / 2, { align: "right", weight: first ? 700 : 400 });
  });
  return (/** @type {number} */ x, /** @type {number} */ y) => {
    for (const [i, box] of boxes.entries()) {
      const [row, column] = [Math.floor(((y - box.y) / box.height) * rows), Math.floor(((x - box.x) / box.width) * columns)];
      if (row < 0 || column < 0 || row >= rows || column >= columns) continue;
      const at = `row ${row + 1}, column ${column + 1}`, n = rows * columns;
      const values = Array.from({ length: channels }, (_, c) => formatNumber(frame.picture.data[c * n + row * columns + column], 2));
      return i ? `${at}: gradient ${formatNumber(frame.gradient.data[row * columns + column])}. ${labels.marks.gradient ?? ""}` : `${at}: ${values.join(", ")}. ${labels.marks.picture ?? ""}`;
    }
    return x > left ? labels.marks.probability ?? "" : "";
  };
}

/** Numbers of the classes that have a bar: all, or the likeliest, most first. @param {ArrayLike<number>} p  @param {number} most */
export function rowsOf(p, most) {
  const all = Array.from(p, (_, k) => k), size = (/** @type {number} */ k) => (Number.isFinite(p[k]) ? p[k] : 2);
  return all.length <= most ? all : all.sort((a, b) => size(b) - size(a) || a - b).slice(0, most);
}

/** @param {ArrayLike<number>} p */
const likeliest = (p) => Array.from(p).reduce((best, v, k) => (v > p[best] ? k : best), 0);

/** @param {Panel} panel  @param {ArrayLike<number>} data  @param {number} most */
function diverging(panel, data, most) {
  const table = colorTable(panel.theme.diverging), bad = pixel(rgb(panel.theme.warning));
  return Uint32Array.from(data, (v) => (Number.isFinite(v) ? table[Math.round(127.5 * (1 + v / most))] : bad));
}

/** Paper, tools and answers. */
class Easel {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.sheet = /** @type {Sheet | null} */ (null);
    this.past = /** @type {{values: Float32Array, fresh: boolean}[]} */ ([]);
    this.known = /** @type {Float32Array | null} */ (null); // the picture that the kernel has said last
    this.last = /** @type {[Panel, Frame, Labels, boolean] | null} */ (null);
    this.drawn = /** @type {number[] | null} */ (null); // where the pen is down
    this.said = 0; // how often: what is said again, as Clear after a sample, is to be heard again
    this.cursor = /** @type {number[] | null} */ (null); // of the keyboard
    this.read = /** @type {number[] | null} */ (null); // where the pointer is over the answers
    this.paper = canvas("nbprop-paper", "Paper: arrow keys move the pen, with Shift they draw, Space inks");
    this.answered = canvas("nbprop-answers", "");
    this.brush = input("range", { min: "0.5", max: "4", step: "0.1", value: "1.3" });
    this.color = input("color", { value: "#ffffff" });
    this.eraser = input("checkbox", {});
    this.undo = button("Undo", "Take back the last stroke", () => this.back());
    this.clear = button("Clear", "Empty paper", () => this.empty());
    this.sample = button("Sample", "Put the next sample of the data on the paper", () => this.last?.[0].act?.("sample", this.last[2].next));
    this.colored = make("label", "nbprop-option", new Text("ink"), this.color);
    const brush = make("label", "nbprop-option", new Text("brush"), this.brush), eraser = make("label", "nbprop-option", this.eraser, new Text("eraser"));
    this.tools = make("div", "nbprop-pens", brush, this.colored, eraser, this.undo, this.clear, this.sample);
    this.words = make("p", "nbprop-caption");
    this.spoken = make("div", "nbprop-spoken");
    this.spoken.setAttribute("role", "status");
    place.append(make("div", "nbprop-easel", this.tools, this.paper, this.answered), this.words, this.spoken);
    this.listen();
  }

  /** @param {Panel} panel  @param {Frame} frame  @param {Labels} labels  @param {boolean} placed */
  show(panel, frame, labels, placed) {
    const other = this.last && this.last[3] !== placed;
    const now = /** @type {[Panel, Frame, Labels, boolean]} */ ([panel, frame, labels, placed]);
    this.last = now;
    const [channels, rows, columns] = frame.picture.shape, given = frame.picture.data;
    const { sheet } = this, fits = sheet && [channels, rows, columns].every((n, i) => n === [sheet.channels, sheet.rows, sheet.columns][i]) && sheet.paper.join() === labels.paper.join();
    if (!fits) {
      [this.sheet, this.past, this.known] = [emptySheet(channels, rows, columns, labels.paper), [], null];
      this.brush.max = String(Math.max(2, Math.round(Math.max(rows, columns) / 4)));
      this.brush.value = String(Math.max(1, Math.round(1.6 * Math.max(rows, columns)) / 10));
    }
    if (labels.page !== PAGE && !this.drawn && !same(given, this.known)) {
      if (this.known) this.keep();
      if (labels.blank) this.fresh();
      else load(/** @type {Sheet} */ (this.sheet), given);
    }
    this.known = given;
    this.colored.hidden = channels !== 3;
    for (const one of [this.undo, this.clear, this.sample]) rest(one, panel.rests || (one === this.undo && !this.past.length ? "nothing to take back" : ""));
    this.sample.title = `Put a sample on the paper (${labels.many.toLocaleString("en")} to go through)`;
    this.paint();
    if (other && this.sheet?.fresh) this.tell();
  }

  /** All that is seen. */
  paint() {
    const { last, sheet } = this;
    if (!last || !sheet) return;
    const [panel, frame, labels, placed] = last;
    const below = this.tools.offsetHeight + 2 * 17 + 22, { paper, answers: beside } = layout(panel.width - 18, Math.max(80, panel.height - below), sheet.columns / sheet.rows);
    this.paintPaper(sizedTo(this.paper, paper, panel), sheet);
    const say = answers(sizedTo(this.answered, beside, panel), frame, labels);
    set(this.words, (this.read && say(this.read[0], this.read[1])) || this.caption(labels, placed));
    const p = frame.probability.data, said = [...rowsOf(p, 3)].map((k) => `${labels.classes[k]} ${percent(p[k])}`).join(", ");
    this.answered.setAttribute("aria-label", `It says ${p.length > 3 ? said : Array.from(p, (v, k) => `${labels.classes[k]} ${percent(v)}`).join(", ")}`);
  }

  /** @param {Labels} labels  @param {boolean} placed */
  caption(labels, placed) {
    const { rests } = /** @type {any} */ (this.last)[0];
    if (rests) return `Nothing can be drawn: ${rests}.`;
    if (labels.began) return `${labels.began}. Draw over it, or press Clear.`;
    const { placing } = labels, moved = placed && placing && this.sheet?.fresh;
    const where = moved ? `placed as the data: ${formatNumber(placing.rows, 2)} pixels high or ${formatNumber(placing.columns, 2)} wide` : "as it is drawn";
    return `${labels.blank ? "Draw here, or press Sample. " : ""}${labels.how}; ${where}.`;
  }

  /** @param {Panel} panel  @param {Sheet} sheet */
  paintPaper(panel, sheet) {
    const { ctx, theme, width, height } = panel, wide = sheet.columns * sheet.fine, high = sheet.rows * sheet.fine;
    picture(panel, pixels(panel, sheet.values, sheet.channels), wide, high, { x: 0, y: 0, width, height }, true);
    ctx.strokeStyle = theme.muted;
    ctx.lineWidth = 1;
    ctx.strokeRect(0.5, 0.5, width - 1, height - 1);
    if (!this.cursor || document.activeElement !== this.paper) return;
    const [x, y] = [(this.cursor[0] / sheet.columns) * width, (this.cursor[1] / sheet.rows) * height], r = Math.max(3, (this.radius() / sheet.rows) * height);
    for (const [color, line] of /** @type {[string, number][]} */ ([[theme.outline, 4], [theme.train, 2]])) {
      [ctx.strokeStyle, ctx.lineWidth] = [color, line];
      ctx.beginPath();
      ctx.arc(x, y, r, 0, 2 * Math.PI);
      ctx.stroke();
    }
  }

  /** Of the brush, in pixels of the picture. */
  radius() {
    return Number(this.brush.value) / 2;
  }

  /** What the pen leaves in each channel. */
  ink() {
    const { channels, paper } = /** @type {Sheet} */ (this.sheet);
    if (this.eraser.checked) return paper;
    return channels === 3 ? rgb(this.color.value).map((v) => v / 255) : paper.map((v) => 1 - v);
  }

  keep() {
    const { values, fresh } = /** @type {Sheet} */ (this.sheet);
    this.past.push({ values: values.slice(), fresh });
    if (this.past.length > KEPT) this.past.shift();
  }

  fresh() {
    const { channels, rows, columns, paper } = /** @type {Sheet} */ (this.sheet);
    this.sheet = emptySheet(channels, rows, columns, paper);
  }

  empty() {
    if (!this.sheet || this.last?.[0].rests) return;
    this.keep();
    this.fresh();
    this.tell();
  }

  back() {
    const before = this.past.pop();
    if (!before || !this.sheet || this.last?.[0].rests) return;
    Object.assign(this.sheet, before);
    this.tell();
  }

  /** Tells the kernel what is on the paper, one message at a time and the newest first. */
  tell() {
    const { sheet, last } = this;
    if (!sheet || !last || last[0].rests) return;
    const blank = sheet.fresh && !inkOn(sheet), found = pixelsOf(sheet, last[3] ? last[2].placing : null);
    last[0].over?.(["ink", { page: PAGE, said: ++this.said, pixels: blank ? null : Array.from(found, (v) => Math.round(1e4 * v) / 1e4) }]);
    rest(this.undo, this.past.length ? "" : "nothing to take back");
    this.paint();
  }

  /** @param {number[]} from  @param {number[]} to  @param {number} [thick] */
  line(from, to, thick = 1) {
    stroke(/** @type {Sheet} */ (this.sheet), from, to, thick * this.radius(), this.ink());
  }

  /** Mouse, pen, touch and keys. */
  listen() {
    const { paper, answered } = this;
    const at = (/** @type {PointerEvent} */ e) => [(e.offsetX / paper.clientWidth) * (this.sheet?.columns ?? 1), (e.offsetY / paper.clientHeight) * (this.sheet?.rows ?? 1)];
    const thick = (/** @type {PointerEvent} */ e) => (e.pointerType === "pen" && e.pressure ? 0.5 + e.pressure : 1);
    paper.onpointerdown = (event) => {
      if (!this.sheet || event.button || !event.isPrimary || this.last?.[0].rests) return;
      paper.setPointerCapture(event.pointerId);
      this.cursor = null;
      this.keep();
      this.drawn = at(event);
      this.line(this.drawn, this.drawn, thick(event));
      this.tell();
    };
    paper.onpointermove = (event) => {
      if (!this.drawn || !event.isPrimary) return;
      const all = event.getCoalescedEvents?.() ?? [];
      for (const each of all.length ? all : [event]) {
        const to = at(each);
        this.line(this.drawn, to, thick(each));
        this.drawn = to;
      }
      this.tell();
    };
    paper.onpointerup = paper.onpointercancel = () => (this.drawn = null);
    paper.onkeydown = (event) => this.key(event);
    paper.onfocus = paper.onblur = () => this.paint();
    answered.onpointermove = (event) => ((this.read = [event.offsetX, event.offsetY]), this.paint());
    answered.onpointerleave = () => ((this.read = null), this.paint());
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { sheet } = this, by = MOVES[/** @type {"ArrowUp"} */ (event.key)];
    if (!sheet || event.ctrlKey || event.metaKey || event.altKey || (!by && event.key !== " " && event.key !== "Backspace")) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Backspace") return this.back();
    const from = this.cursor ?? [sheet.columns / 2, sheet.rows / 2], clip = (/** @type {number} */ v, /** @type {number} */ most) => Math.min(Math.max(v, 0), most);
    const to = by ? [clip(from[0] + by[0] / 2, sheet.columns), clip(from[1] + by[1] / 2, sheet.rows)] : from;
    this.cursor = to;
    const inks = (!by || event.shiftKey) && !this.last?.[0].rests;
    if (inks) {
      this.keep();
      this.line(from, to);
      this.tell();
    } else this.paint();
    set(this.spoken, `row ${Math.min(sheet.rows, Math.floor(to[1]) + 1)}, column ${Math.min(sheet.columns, Math.floor(to[0]) + 1)}${inks ? ", inked" : ""}`);
  }
}

/** @param {ArrayLike<number>} a  @param {ArrayLike<number> | null} b */
const same = (a, b) => Boolean(b) && a.length === b?.length && Array.from(a).every((v, i) => v === b[i] || (Number.isNaN(v) && Number.isNaN(b[i])));

/** @param {HTMLElement} element  @param {string} words */
const set = (element, words) => void (element.textContent === words || (element.textContent = words));

/** @param {string} kind  @param {string} label */
function canvas(kind, label) {
  const made = /** @type {HTMLCanvasElement} */ (make("canvas", kind));
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", label);
  made.dataset.still = "";
  if (label) made.tabIndex = 0;
  keepKeys(made);
  return made;
}

/** @param {string} type  @param {Record<string, string>} settings */
function input(type, settings) {
  const made = /** @type {HTMLInputElement} */ (make("input", ""));
  Object.assign(made, { type, ...settings });
  keepKeys(made);
  return made;
}

/** @param {string} words  @param {string} title  @param {() => void} press */
function button(words, title, press) {
  const made = /** @type {HTMLButtonElement} */ (make("button", "nbprop-button", new Text(words)));
  Object.assign(made, { type: "button", title, onclick: () => made.getAttribute("aria-disabled") === "true" || press() });
  keepKeys(made);
  return made;
}

/** @param {HTMLElement} element  @param {string} why */
const rest = (element, why) => element.setAttribute("aria-disabled", String(Boolean(why)));

/** A canvas of that size in CSS pixels, and a panel to paint on it. @param {HTMLCanvasElement} canvas  @param {{width: number, height: number}} size  @param {Panel} panel @returns {Panel} */
function sizedTo(canvas, { width, height }, { theme, font }) {
  const ratio = globalThis.devicePixelRatio || 1, ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.fillStyle = theme.background;
  ctx.fillRect(0, 0, width + 1, height + 1);
  return { ctx, width, height, theme, font };
}
