/** A loss over two numbers, or over a plane, from above, in bands of height, with the paths of those who descend on it. */
import { contour, formatNumber, linearScale, refine } from "./base/math.js";
import { fitting, keysOf, quiet } from "./base/keys.js";
import { axisBelow, axisLeft, colorBar, curve, dot, inside, layer, mix, picture, pixel, rgb, rule, shorten, text, textSize, textWidth, widest } from "./base/plot.js";

const FINE = 4; // pixels of the ground to a cell of the grid
const LOPSIDED = 4; // see landscape.py
const APART = 5; // CSS pixels: steps that are longer get a dot each

/**
 * @typedef {import("./base/plot.js").Panel} Panel
 * @typedef {Record<string, import("./base/math.js").Numbers>} Frame  see Landscape.frame
 * @typedef {{surface: string, paths: string[], diverged: number[], axes?: string[], still?: boolean, unmeasured?: string, marks?: Record<string, string>}} Labels  still: a click is no start
 * @param {Panel} panel  @param {Frame} frame  @param {Labels} labels
 */
export function draw(panel, frame, labels) {
  if (!frame.grid) return quiet(panel, { x: 0, y: 0, width: panel.width, height: panel.height }, labels.unmeasured ?? "nothing to show yet");
  const { theme } = panel, keys = keysOf(panel), marks = labels.marks ?? {}, [across, upward] = labels.axes ?? ["x", "y"];
  const [left, right, bottom, top] = frame.extent.data;
  const [rows, columns] = frame.grid.shape, levels = frame.levels.data;
  const size = textSize(panel), above = size + 10, below = 2 * size + 12;
  const colors = labels.paths.map((_, k) => pathColor(theme, k));
  const states = labels.paths.map((_, k) => (labels.diverged[k] ? "diverged" : formatNumber(frame.loss.data[k])));
  const aside = Math.min(widest(panel, [...labels.paths.map((name, k) => `${name} ${states[k]}`), "lowest"], size, 600) + 24, 0.34 * panel.width);
  const box = fit({ x: 34, y: above, width: Math.max(20, panel.width - 34 - aside - 8), height: Math.max(20, panel.height - above - below) }, (right - left) / (top - bottom));
  const x = linearScale([left, right], [box.x, box.x + box.width]), y = linearScale([bottom, top], [box.y + box.height, box.y]);
  const stops = groundColors(theme, levels.length - 1);

  layer(panel, frame.grid.data, `${box.width} ${box.height}`, (still) => ground(still, frame, box, stops));
  axisBelow(panel, box, x, fitting(panel, namesOf(across), box.width + 30), { grid: false });
  axisLeft(panel, box, y, fitting(panel, namesOf(upward), box.width + 30), { grid: false });
  inside(panel, box, () => {
    for (let i = 0; i < frame.minima.shape[0]; i++) plus(panel, x(frame.minima.data[2 * i]), y(frame.minima.data[2 * i + 1]));
    const [sx, sy] = frame.start.data;
    keys.add({ x: x(sx) - 6, y: y(sy) - 6, width: 12, height: 12 }, marks.start);
    for (let i = 0; i < frame.minima.shape[0]; i++) keys.add({ x: x(frame.minima.data[2 * i]) - 6, y: y(frame.minima.data[2 * i + 1]) - 6, width: 12, height: 12 }, marks.minimum);
    dot(panel, x(sx), y(sy), 5, null, theme.background, 3.5);
    dot(panel, x(sx), y(sy), 5, null, theme.foreground, 1.5);
  });
  const ends = labels.paths.map((_, k) => drawPath(panel, pointsOf(frame.paths, k), box, x, y, colors[k]));
  legend(panel, { x: box.x + box.width + 10, y: box.y, width: aside - 4, height: box.height }, labels, frame, stops, colors, states, keys);

  const at = (/** @type {number} */ mx, /** @type {number} */ my) => mx >= box.x && mx <= box.x + box.width && my >= box.y && my <= box.y + box.height;
  return {
    keys: keys.all,
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const known = keys.at(mx, my);
      if (!at(mx, my)) return known;
      const near = ends.findIndex((end) => end && Math.hypot(end[0] - mx, end[1] - my) < 9);
      if (near >= 0) return `${labels.paths[near]}\nloss ${states[near]}`;
      const c = Math.round(((mx - box.x) / box.width) * (columns - 1)), r = Math.round(((my - box.y) / box.height) * (rows - 1));
      const place = [x.invert(mx), y.invert(my)].map((v) => formatNumber(v, 2)), there = labels.axes ? place.join(", ") : `x ${place[0]}, y ${place[1]}`;
      return `${there}\nloss ${formatNumber(frame.grid.data[r * columns + c])}${known ? `\n${known}` : ""}`;
    },
    cursor: "crosshair",
    /** A click begins there: [name of the control, its value]. */
    press: labels.still ? undefined : (/** @type {number} */ mx, /** @type {number} */ my) => (at(mx, my) ? ["start", [x, y].map((scale, i) => Number(scale.invert(i ? my : mx).toPrecision(3)))] : null),
  };
}

/**
 * The part of a box in which a unit is as long across as upright; all of it where that would be too narrow. Only so the
 * steepest way down crosses the lines of equal height upright.
 * @param {import("./base/plot.js").Box} box  @param {number} ratio of width to height
 */
export function fit(box, ratio) {
  if (ratio > LOPSIDED || ratio < 1 / LOPSIDED) return box;
  const width = Math.min(box.width, box.height * ratio), height = width / ratio;
  return { ...box, width, height, y: box.y + (box.height - height) / 2 };
}

/** Colour of path k: lighter on a dark page. @param {import("./base/plot.js").Theme} theme  @param {number} k */
export const pathColor = (theme, k) => mix(theme.classes[k % theme.classes.length], "#ffffff", theme.dark ? 0.25 : 0);

/** One colour a band, the lowest like the page. @param {import("./base/plot.js").Theme} theme  @param {number} bands */
export const groundColors = (theme, bands) => Array.from({ length: bands }, (_, i) => mix(theme.background, theme.foreground, 0.02 + (0.4 * i) / Math.max(1, bands - 1)));

/** An axis in full, or in fewer words. @param {string} words */
const namesOf = (words) => [words, words.replace(/ \(.*/, ""), words.replace(/ of .*| random/g, ""), words.replace(/ .*/, "")];

/** In which band a value lies: 0 below the first border between two, -1 when it is not finite. @param {ArrayLike<number>} levels */
export function bandOf(levels, value) {
  if (!Number.isFinite(value)) return -1;
  let [low, high] = [0, levels.length - 2];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value < levels[middle + 1]) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Bands and the lines between them: what stays as long as the surface does. @param {Panel} panel  @param {Frame} frame */
function ground(panel, frame, box, stops) {
  const [rows, columns] = frame.grid.shape, levels = frame.levels.data;
  const fine = refine(frame.grid.data, rows, columns, FINE);
  const inks = stops.map((color) => pixel(rgb(color))), bad = pixel(rgb(panel.theme.warning));
  const pixels = Uint32Array.from(fine.data, (value) => inks[bandOf(levels, value)] ?? bad);
  // The outermost values belong to the corners of the box, so the picture reaches half a pixel beyond.
  const [px, py] = [box.width / (fine.columns - 1) / 2, box.height / (fine.rows - 1) / 2];
  inside(panel, box, () => {
    picture(panel, pixels, fine.columns, fine.rows, { x: box.x - px, y: box.y - py, width: box.width + 2 * px, height: box.height + 2 * py }, true);
    const { ctx } = panel;
    ctx.strokeStyle = mix(panel.theme.background, panel.theme.foreground, 0.45);
    ctx.lineWidth = 0.5;
    ctx.beginPath();
    for (const level of levels.slice(1, -1)) {
      const cuts = contour(frame.grid.data, rows, columns, level);
      for (let i = 0; i < cuts.length; i += 4) {
        ctx.moveTo(box.x + (cuts[i] / (columns - 1)) * box.width, box.y + (cuts[i + 1] / (rows - 1)) * box.height);
        ctx.lineTo(box.x + (cuts[i + 2] / (columns - 1)) * box.width, box.y + (cuts[i + 3] / (rows - 1)) * box.height);
      }
    }
    ctx.stroke();
  });
}

/** Row k of the paths without what comes after its end: [x, y] each. @param {import("./base/math.js").Numbers} paths  @returns {number[][]} */
export function pointsOf(paths, k) {
  const n = paths.shape[1], points = [];
  for (let i = k * n; i < (k + 1) * n && !Number.isNaN(paths.data[2 * i]); i++) points.push([paths.data[2 * i], paths.data[2 * i + 1]]);
  return points;
}

/** @param {Panel} panel  @param {number[][]} points  @returns where it ends, in pixels */
function drawPath(panel, points, box, x, y, color) {
  const { theme } = panel;
  const xs = points.map((p) => x(p[0])), ys = points.map((p) => y(p[1])), last = xs.length - 1;
  if (last < 0) return null;
  inside(panel, box, () => {
    curve(panel, xs, ys, theme.background, 3.4);
    curve(panel, xs, ys, color, 1.7);
    for (let i = Math.max(1, last - 300); i < last; i++) if (Math.hypot(xs[i] - xs[i - 1], ys[i] - ys[i - 1]) > APART) dot(panel, xs[i], ys[i], 2, color);
  });
  // One that has left the picture stands at its edge.
  const end = [Math.min(Math.max(xs[last], box.x), box.x + box.width), Math.min(Math.max(ys[last], box.y), box.y + box.height)];
  dot(panel, end[0], end[1], 5, end[0] === xs[last] && end[1] === ys[last] ? color : theme.background, theme.background, 3);
  dot(panel, end[0], end[1], 4.5, end[0] === xs[last] && end[1] === ys[last] ? color : theme.background, color, 1.5);
  return end;
}

/** @param {Panel} panel */
function plus(panel, x, y) {
  for (const [color, width, r] of [[panel.theme.background, 4, 7], [panel.theme.foreground, 1.5, 6]]) {
    rule(panel, x - Number(r), y, x + Number(r), y, color, Number(width));
    rule(panel, x, y - Number(r), x, y + Number(r), color, Number(width));
  }
}

/** Beside the picture: what the colours of the ground mean, and how each path stands. @param {Panel} panel  @param {Labels} labels */
function legend(panel, box, labels, frame, stops, colors, states, keys) {
  const { theme } = panel, marks = labels.marks ?? {};
  const size = textSize(panel), gap = size + 4, levels = frame.levels.data;
  let y = box.y + size / 2;
  labels.paths.forEach((name, k) => {
    if (y > box.y + box.height) return;
    const state = states[k], room = box.width - 12;
    keys.add({ x: box.x, y: y - gap / 2, width: box.width, height: gap }, marks.path);
    dot(panel, box.x + 4, y, 3.5, colors[k]);
    const width = textWidth(panel, state, size, 600);
    if (width + 4 + textWidth(panel, name) <= room) {
      text(panel, name, box.x + 12, y, { color: theme.foreground });
      text(panel, state, box.x + box.width, y, { align: "right", weight: 600, color: labels.diverged[k] ? theme.warning : theme.foreground });
    } else text(panel, shorten(panel, `${name} ${state}`, room), box.x + 12, y, { color: labels.diverged[k] ? theme.warning : theme.foreground });
    y += gap;
  });
  y += 6;
  const height = Math.min(110, box.y + box.height - y - gap);
  if (height < 3 * gap) return;
  text(panel, "loss", box.x, y, { color: theme.muted });
  keys.add({ x: box.x, y: y - gap / 2, width: box.width, height: height + gap }, marks.ground);
  const bar = { x: box.x, y: y + gap * 0.7, width: 8, height };
  colorBar(panel, bar, stops);
  for (const share of [0, 0.5, 1]) {
    const level = levels[Math.round((1 - share) * (levels.length - 1))];
    text(panel, shorten(panel, formatNumber(level, 2), box.width - 14), bar.x + 13, Math.min(Math.max(bar.y + share * height, bar.y + size / 2), bar.y + height - size / 2), { color: theme.muted });
  }
}
