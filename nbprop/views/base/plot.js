/**
 * Colours and drawing on a canvas, shared by all views. A view is given a panel and never touches the DOM around it.
 *
 * @typedef {import("./math.js").Scale} Scale
 * @typedef {import("./math.js").Tick} Tick
 * @typedef {{x: number, y: number, width: number, height: number}} Box  CSS pixels
 * @typedef {{ctx: CanvasRenderingContext2D, width: number, height: number, theme: Theme, font: string, pointer?: {x: number, y: number} | null, native?: () => HTMLElement, act?: (name: string, value: any) => void, over?: (wanted: [string, any]) => void, rests?: string, ring?: {x: number, y: number, radius: number, color: string, held: number} | null}} Panel
 *   `ctx` is scaled to device pixels, so all lengths here are CSS pixels; `font` is a CSS font family. A view of words and
 *   buttons puts them into `native()`, which takes the canvas's place; `act` is what a hand wants of the view, `over` what it
 *   says while it moves, of which only the newest counts; while it can not be had, `rests` says why. `ring` is where a hand
 *   draws, and how far it reaches.
 * @typedef {ReturnType<typeof makeTheme>} Theme
 */
import { ticksOf } from "./math.js";

// ---------------------------------------------------------------------------------------------------------- colours
// The same tables stand in colors.py; a test compares them.

/** Okabe and Ito (2008), the order in which classes are coloured; yellow is darkened to be seen on white. */
export const CLASSES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a90e", "#7f7f7f"];

/** Cividis (Nuñez, Anderton and Renslow 2018): rises evenly in lightness, the same for the colour-blind. */
export const CIVIDIS = (
  "00224e 00285b 002e6a 053371 1a386f 273e6e 32436d 3b496c 434e6c 4b546c 535a6d 5a5f6e 61656f 686a71 6f7073 767676 7d7c78 " +
  "848279 8c8878 938e78 9b9476 a39a74 aba072 b4a76f bcae6c c4b468 cdbb63 d5c25e dec958 e7d150 f0d846 f9e03a fee838"
).split(" ").map((hex) => "#" + hex);

const LIGHT = {
  dark: false,
  background: "#ffffff",
  foreground: "#1f2328",
  muted: "#5c6670",
  grid: "#e3e6ea",
  train: "#0072b2",
  validation: "#d55e00",
  accuracy: "#a3508a",
  warning: "#c2185b",
  guide: "#009e73",
  outline: "#ffffff", // around points on a coloured ground
  weights: "#0072b2",
  gradients: "#d55e00",
  activations: "#009e73",
  negative: "#b34700", // points of the first of two classes; the ground below them is lighter
  positive: "#00538c",
  diverging: ["#e8963a", "#f2bc80", "#f8ddbf", "#f5f4f2", "#c6dcec", "#8abde0", "#4b98cf"],
  share: ["#f4f7fa", "#c6dcec", "#8abde0", "#4b98cf", "#0072b2"],
};

const DARK = {
  dark: true,
  background: "#111418",
  foreground: "#f0f2f4",
  muted: "#a4adb6",
  grid: "#2c3238",
  train: "#56b4e9",
  validation: "#f0a030",
  accuracy: "#d894bb",
  warning: "#ff5c93",
  guide: "#2fc79a",
  outline: "#111418",
  weights: "#56b4e9",
  gradients: "#f0a030",
  activations: "#2fc79a",
  negative: "#ffb84d",
  positive: "#7cc8ff",
  diverging: ["#b06a14", "#7d4c12", "#4a3216", "#1d1f22", "#183a52", "#1d5a82", "#2479b0"],
  share: ["#1a2026", "#183a52", "#1d5a82", "#2479b0", "#56b4e9"],
};

/**
 * All colours a view may use. `page` replaces those that belong to the page around the canvas
 * (background, foreground, muted, grid), as "#rgb", "#rrggbb" or "rgb(...)".
 * @param {boolean} dark  @param {Partial<typeof LIGHT>} page
 */
export function makeTheme(dark, page = {}) {
  const theme = { ...(dark ? DARK : LIGHT), ...page };
  // The ground below points of a class, from least to most sure.
  const grounds = CLASSES.map((color) => [mix(theme.background, color, 0.1), mix(theme.background, color, 0.5)]);
  return { ...theme, classes: CLASSES, grounds, sequential: CIVIDIS };
}

/** Is this background dark? (The theme to choose for it.) @param {string} color */
export const isDark = (color) => luminance(rgb(color)) < 0.5;

/** @param {string} color "#rgb", "#rrggbb", "rgb(...)" or "rgba(...)"; others count as mid grey. */
export function rgb(color) {
  const text = color.trim();
  if (/^#[0-9a-f]{3}$/i.test(text)) return [...text.slice(1)].map((c) => parseInt(c + c, 16));
  if (/^#[0-9a-f]{6}/i.test(text)) return [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
  const parts = /^rgba?\(/.test(text) ? text.match(/[\d.]+/g) : null;
  return parts && parts.length >= 3 ? parts.slice(0, 3).map(Number) : [127, 127, 127];
}

/** Perceived lightness, 0 to 1. @param {number[]} color */
export const luminance = ([r, g, b]) => (0.299 * r + 0.587 * g + 0.114 * b) / 255;

/** @param {string} a  @param {string} b  @param {number} t 0 gives a, 1 gives b */
export function mix(a, b, t) {
  const [p, q] = [rgb(a), rgb(b)];
  return `rgb(${p.map((v, i) => Math.round(v + (q[i] - v) * t)).join(", ")})`;
}

/** A colour as one pixel of an image, opaque. @param {ArrayLike<number>} color r, g, b */
export const pixel = (color) => ((255 << 24) | (color[2] << 16) | (color[1] << 8) | color[0]) >>> 0;

/** @type {WeakMap<string[], Uint32Array>} */
const TABLES = new WeakMap();

/** 256 pixels between the stops of a colour map. @param {string[]} stops */
export function colorTable(stops) {
  let table = TABLES.get(stops);
  if (!table) {
    const colors = stops.map(rgb);
    table = Uint32Array.from({ length: 256 }, (_, i) => {
      const at = (i / 255) * (stops.length - 1), k = Math.min(Math.floor(at), stops.length - 2);
      return pixel([0, 1, 2].map((c) => Math.round(colors[k][c] + (colors[k + 1][c] - colors[k][c]) * (at - k))));
    });
    TABLES.set(stops, table);
  }
  return table;
}

/** The colour at t (0 to 1) of a colour map. @param {string[]} stops  @param {number} t */
export function colorAt(stops, t) {
  const p = colorTable(stops)[Math.round(255 * Math.min(1, Math.max(0, t)))];
  return `rgb(${p & 255}, ${(p >> 8) & 255}, ${(p >> 16) & 255})`;
}

// ---------------------------------------------------------------------------------------------------------- text

/** Size of ordinary text in this panel, CSS pixels. @param {Panel} panel */
export const textSize = (panel) => (panel.width < 420 || panel.height < 280 ? 10 : 12);

/** @param {Panel} panel  @param {string} words */
export function textWidth(panel, words, size = textSize(panel), weight = 400) {
  panel.ctx.font = `${weight} ${size}px ${panel.font}`;
  return panel.ctx.measureText(words).width;
}

/** The widest of several texts. @param {Panel} panel  @param {string[]} texts */
export const widest = (panel, texts, size = textSize(panel), weight = 400) => Math.max(0, ...texts.map((t) => textWidth(panel, t, size, weight)));

/** Cut with an ellipsis where it is longer than `width`. @param {Panel} panel  @param {string} words */
export function shorten(panel, words, width, size = textSize(panel), weight = 400) {
  if (textWidth(panel, words, size, weight) <= width) return words;
  let end = words.length - 1;
  while (end > 0 && textWidth(panel, words.slice(0, end).trimEnd() + "…", size, weight) > width) end--;
  return end > 0 ? words.slice(0, end).trimEnd() + "…" : "";
}

/**
 * Writes one line around (x, y); `halo` keeps it readable over curves.
 * @param {Panel} panel  @param {string} words
 * @param {{align?: CanvasTextAlign, baseline?: CanvasTextBaseline, color?: string, size?: number, weight?: number, halo?: boolean}} style
 */
export function text(panel, words, x, y, style = {}) {
  const { ctx, theme } = panel;
  const { align = "left", baseline = "middle", color = theme.foreground, size = textSize(panel), weight = 400, halo } = style;
  ctx.font = `${weight} ${size}px ${panel.font}`;
  ctx.textAlign = align;
  ctx.textBaseline = baseline;
  if (halo) {
    ctx.lineJoin = "round";
    ctx.lineWidth = 3.5;
    ctx.strokeStyle = theme.background;
    ctx.strokeText(words, x, y);
  }
  ctx.fillStyle = color;
  ctx.fillText(words, x, y);
}

/**
 * A word that must not be overlooked (NaN, inf, 0 on a log axis), kept inside the panel: in the middle of (x, y), or
 * beginning or ending there.
 * @param {Panel} panel  @param {string} words  @param {number} x  @param {number} y
 * @param {{size?: number, align?: "center" | "left" | "right"}} style
 */
export function alarm(panel, words, x, y, { size = textSize(panel) - 1, align = "center" } = {}) {
  const { ctx, theme } = panel;
  const width = textWidth(panel, words, size, 700) + 6, height = size + 3;
  const wanted = x - width * { left: 0, center: 0.5, right: 1 }[align];
  const left = Math.min(Math.max(wanted, 1), panel.width - width - 1);
  const top = Math.min(Math.max(y - height / 2, 1), panel.height - height - 1);
  ctx.fillStyle = theme.warning;
  ctx.beginPath();
  ctx.roundRect(left, top, width, height, 3);
  ctx.fill();
  text(panel, words, left + width / 2, top + height / 2 + 0.5, { align: "center", size, weight: 700, color: theme.background });
}

/** What stands in a panel with nothing to draw yet. @param {Panel} panel  @param {string} words */
export function nothing(panel, words) {
  text(panel, shorten(panel, words, panel.width - 16), panel.width / 2, panel.height / 2, { align: "center", color: panel.theme.muted });
}

// ---------------------------------------------------------------------------------------------------------- axes

/** The nearest place at which a line of this width covers whole device pixels. @param {CanvasRenderingContext2D} ctx */
export function snap(ctx, p, width = 1) {
  const ratio = ctx.getTransform().a || 1;
  const half = Math.max(1, Math.round(width * ratio)) / 2;
  return (Math.round(p * ratio - half) + half) / ratio;
}

/** A straight level or upright line. @param {Panel} panel */
export function rule(panel, x0, y0, x1, y1, color, width = 1, dash = []) {
  const { ctx } = panel;
  const ratio = ctx.getTransform().a || 1;
  ctx.strokeStyle = color;
  ctx.lineWidth = Math.max(1, Math.round(width * ratio)) / ratio;
  ctx.setLineDash(dash);
  ctx.beginPath();
  if (x0 === x1) x0 = x1 = snap(ctx, x0, width);
  if (y0 === y1) y0 = y1 = snap(ctx, y0, width);
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** How many ticks fit. @param {Panel} panel  @param {number} width in pixels  @param {boolean} upright */
export const tickCount = (panel, width, upright = false) => Math.max(2, Math.floor(width / (upright ? 36 : 4.5 * textSize(panel))));

/** Axis below a box: grid, ticks, title. @param {Panel} panel  @param {Box} box  @param {Scale} scale */
export function axisBelow(panel, box, scale, title = "", { grid = true, ticks = ticksOf(scale, tickCount(panel, box.width)) } = {}) {
  const { theme } = panel;
  const bottom = box.y + box.height, size = textSize(panel);
  let end = -Infinity;
  for (const { value, label } of ticks) {
    const x = scale(value), half = textWidth(panel, label) / 2;
    if (!(x >= box.x - 0.5 && x <= box.x + box.width + 0.5)) continue;
    if (grid) rule(panel, x, box.y, x, bottom, theme.grid);
    rule(panel, x, bottom, x, bottom + 3, theme.muted);
    const at = Math.min(Math.max(x, half + 1), panel.width - half - 1);
    if (at - half < end + 4) continue;
    text(panel, label, at, bottom + 5, { align: "center", baseline: "top", color: theme.muted });
    end = at + half;
  }
  rule(panel, box.x, bottom, box.x + box.width, bottom, theme.muted);
  if (title) {
    const room = shorten(panel, title, panel.width - 4), half = textWidth(panel, room) / 2;
    const x = Math.min(Math.max(box.x + box.width / 2, half + 1), panel.width - half - 1);
    text(panel, room, x, bottom + size + 8, { align: "center", baseline: "top", color: theme.muted });
  }
}

/** Axis at the left of a box; its title lies level above it. @param {Panel} panel  @param {Box} box  @param {Scale} scale */
export function axisLeft(panel, box, scale, title = "", { grid = true, ticks = ticksOf(scale, tickCount(panel, box.height, true)) } = {}) {
  const { theme } = panel;
  for (const { value, label } of ticks) {
    const y = scale(value);
    if (!(y >= box.y - 0.5 && y <= box.y + box.height + 0.5)) continue;
    if (grid) rule(panel, box.x, y, box.x + box.width, y, theme.grid);
    rule(panel, box.x - 3, y, box.x, y, theme.muted);
    text(panel, label, box.x - 5, y, { align: "right", color: theme.muted });
  }
  rule(panel, box.x, box.y, box.x, box.y + box.height, theme.muted);
  if (title) text(panel, title, 2, box.y - textSize(panel) - 3, { color: theme.muted });
}

/** Axis at the right of a box, in the colour of what it measures. @param {Panel} panel  @param {Box} box  @param {Tick[]} ticks */
export function axisRight(panel, box, scale, ticks, title, color) {
  const x = box.x + box.width;
  for (const { value, label } of ticks) {
    rule(panel, x, scale(value), x + 3, scale(value), color);
    text(panel, label, x + 5, scale(value), { color });
  }
  rule(panel, x, box.y, x, box.y + box.height, color);
  text(panel, title, panel.width - 2, box.y - textSize(panel) - 3, { align: "right", color });
}

/** Draws with everything outside the box cut off. @param {Panel} panel  @param {Box} box  @param {() => void} paint */
export function inside(panel, box, paint) {
  const { ctx } = panel;
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.x, box.y, box.width, box.height);
  ctx.clip();
  paint();
  ctx.restore();
}

// ---------------------------------------------------------------------------------------------------------- shapes

/** A curve through pixels; it breaks where one is not finite, and a lone point becomes a dot. @param {Panel} panel */
export function curve(panel, xs, ys, color, width = 1.5, dash = []) {
  const { ctx } = panel;
  ctx.strokeStyle = ctx.fillStyle = color;
  ctx.lineWidth = width;
  ctx.lineJoin = "round";
  ctx.setLineDash(dash);
  const ok = (/** @type {number} */ i) => i >= 0 && i < ys.length && Number.isFinite(xs[i]) && Number.isFinite(ys[i]);
  ctx.beginPath();
  for (let i = 0; i < ys.length; i++) {
    if (!ok(i)) continue;
    if (ok(i - 1)) ctx.lineTo(xs[i], ys[i]);
    else ctx.moveTo(xs[i], ys[i]);
  }
  ctx.stroke();
  ctx.setLineDash([]);
  for (let i = 0; i < ys.length; i++) if (ok(i) && !ok(i - 1) && !ok(i + 1)) dot(panel, xs[i], ys[i], width + 0.5, color);
}

/** Of the lines of ghosts, in their order. */
export const DASHES = [[4, 3], [1.5, 2.5], [9, 3], [9, 3, 1.5, 3]];

/** The area between two curves. @param {Panel} panel */
export function band(panel, xs, lows, highs, color, alpha = 0.2) {
  const { ctx } = panel;
  ctx.save();
  ctx.globalAlpha = alpha;
  ctx.fillStyle = color;
  for (let start = 0; start < xs.length; start++) {
    let end = start;
    while (end < xs.length && Number.isFinite(lows[end]) && Number.isFinite(highs[end])) end++;
    if (end - start > 1) {
      ctx.beginPath();
      for (let i = start; i < end; i++) ctx.lineTo(xs[i], highs[i]);
      for (let i = end - 1; i >= start; i--) ctx.lineTo(xs[i], lows[i]);
      ctx.fill();
    }
    start = end;
  }
  ctx.restore();
}

/** @param {Panel} panel  @param {string | null} fill  @param {string} [stroke] */
export function dot(panel, x, y, radius, fill, stroke, width = 1) {
  const { ctx } = panel;
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  if (fill) {
    ctx.fillStyle = fill;
    ctx.fill();
  }
  if (stroke) {
    ctx.strokeStyle = stroke;
    ctx.lineWidth = width;
    ctx.stroke();
  }
}

/** @type {WeakMap<object, {key: string, canvas: OffscreenCanvas}>} */
const LAYERS = new WeakMap();

/**
 * Paints something that rarely changes once and copies it from then on: as long as it belongs to the same object
 * (the array it is made from) and `key` says the same.
 * @param {Panel} panel  @param {object} owner  @param {string} key  @param {(panel: Panel) => void} paint
 */
export function layer(panel, owner, key, paint) {
  const { ctx, width, height, theme } = panel;
  const ratio = ctx.getTransform().a || 1;
  key = [key, width, height, ratio, theme.dark, theme.background].join();
  let kept = LAYERS.get(owner);
  if (kept?.key !== key) {
    const canvas = new OffscreenCanvas(Math.ceil(width * ratio), Math.ceil(height * ratio));
    const own = /** @type {any} */ (canvas.getContext("2d"));
    own.scale(ratio, ratio);
    paint({ ...panel, ctx: own });
    kept = { key, canvas };
    LAYERS.set(owner, kept);
  }
  ctx.drawImage(kept.canvas, 0, 0, kept.canvas.width / ratio, kept.canvas.height / ratio);
}

/** @type {OffscreenCanvas[]} a small one and a large one: what is written to after it was drawn is copied as a whole */
const scratches = [];

/** Pixels, row by row, stretched over a box, smoothed or as they are. @param {Panel} panel  @param {Uint32Array} pixels  @param {Box} box */
export function picture(panel, pixels, columns, rows, box, smooth) {
  if (!columns || !rows) return;
  const large = Math.max(columns, rows) > 32 ? 1 : 0, least = large ? 256 : 32;
  let scratch = scratches[large];
  if (!scratch || scratch.width < columns || scratch.height < rows) scratches[large] = scratch = new OffscreenCanvas(Math.max(columns, least), Math.max(rows, least));
  const { ctx } = panel;
  const bytes = new Uint8ClampedArray(/** @type {ArrayBuffer} */ (pixels.buffer), pixels.byteOffset, pixels.byteLength);
  scratch.getContext("2d")?.putImageData(new ImageData(bytes, columns, rows), 0, 0);
  ctx.save();
  ctx.imageSmoothingEnabled = smooth;
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(scratch, 0, 0, columns, rows, box.x, box.y, box.width, box.height);
  ctx.restore();
}

/** A colour map as a bar, its low end at the left or at the bottom. @param {Panel} panel  @param {Box} box  @param {string[]} stops */
export function colorBar(panel, box, stops) {
  const { ctx } = panel;
  const level = box.width > box.height;
  const fill = level
    ? ctx.createLinearGradient(box.x, 0, box.x + box.width, 0)
    : ctx.createLinearGradient(0, box.y + box.height, 0, box.y);
  stops.forEach((color, i) => fill.addColorStop(i / (stops.length - 1), color));
  ctx.fillStyle = fill;
  ctx.fillRect(box.x, box.y, box.width, box.height);
}
