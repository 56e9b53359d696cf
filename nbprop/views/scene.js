/** Lines, circles and rectangles at one moment, and others pale behind it, as a function of the user's has drawn them. */
import { keysOf } from "./base/keys.js";
import { formatNumber, linearScale, ticksOf } from "./base/math.js";
import { alarm, axisBelow, axisLeft, curve, inside, nothing, shorten, text, textSize, tickCount, widest } from "./base/plot.js";

const PALE = 8; // other moments that are drawn, at most
const NEAR = 8; // pixels from a line at which it is under the pointer

/**
 * @typedef {import("./base/math.js").Numbers} Numbers
 * @typedef {{kind: string, color: string, width: number, name: string, moves: boolean, at: (moment: number) => number[][]}} Shape
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, Numbers>} frame  range (4,); shape0, shape1, ... (T or 1, k, m), see Shape in base/stage.py
 * @param {{shapes?: [string, string, number, string][], said?: string[], stops?: {time: {last: number}}, marks?: Record<string, string>}} labels
 * @param {{time?: number, trail?: boolean}} options
 */
export function draw(panel, frame, labels, options) {
  if (!frame.range || !labels.shapes?.length) return nothing(panel, "nothing drawn yet");
  const last = labels.stops?.time.last ?? 0, now = Math.min(options.time ?? 0, last), size = textSize(panel), keys = keysOf(panel);
  const shapes = labels.shapes.map((words, i) => shapeOf(words, frame[`shape${i}`]));
  const { box, x, y } = layout(panel, Array.from(frame.range.data), size);
  axisLeft(panel, box, y, "", { ticks: ticksOf(y, tickCount(panel, box.height, true)) });
  axisBelow(panel, box, x);
  const said = labels.said ?? [], words = said[Math.min(now, said.length - 1)] ?? "";
  text(panel, shorten(panel, words, panel.width - box.x - 4, size, 600), box.x, size / 2 + 3, { weight: 600 });
  if (options.trail) keys.add({ x: box.x, y: size + 6, width: 1, height: 1 }, labels.marks?.trail);
  inside(panel, box, () => {
    for (const moment of options.trail ? trail(last) : []) {
      panel.ctx.globalAlpha = 0.2;
      if (moment !== now) for (const shape of shapes) if (shape.moves) paint(panel, shape, moment, x, y);
    }
    panel.ctx.globalAlpha = 1;
    for (const shape of shapes) paint(panel, shape, now, x, y);
  });
  const bad = shapes.filter((shape) => !finite(shape.at(now))).length;
  if (bad) alarm(panel, `${bad} ${bad === 1 ? "shape" : "shapes"} not finite`, box.x + box.width / 2, box.y + box.height / 2);
  return {
    keys: keys.all,
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const found = shapes.findLast((shape) => shape.name && finite(shape.at(now)) && within(shape, now, x, y, mx, my));
      if (found) return `${found.name}: ${placed(found, now)}`;
      if (mx < box.x || mx > box.x + box.width || my < box.y || my > box.y + box.height) return null;
      return `(${formatNumber(x.invert(mx))}, ${formatNumber(y.invert(my))})`;
    },
  };
}

/** @param {[string, string, number, string]} words  @param {Numbers} numbers  @returns {Shape} */
function shapeOf([kind, color, width, name], numbers) {
  const [moments, points, each] = numbers.shape;
  const at = (/** @type {number} */ moment) => {
    const start = Math.min(moment, moments - 1) * points * each;
    return Array.from({ length: points }, (_, i) => Array.from(numbers.data.subarray(start + i * each, start + (i + 1) * each)));
  };
  return { kind, color, width, name, moves: moments > 1, at };
}

/** A box with the same scale along both axes, as large as there is room. @param {any} panel  @param {number[]} range  lowest and highest x, and y  @param {number} size */
export function layout(panel, range, size) {
  const [x0, x1, y0, y1] = range;
  const top = size + 8, bottom = size + 10, high = panel.height - top - bottom, count = tickCount(panel, high, true);
  const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
  let left = 0, box = { x: 0, y: top, width: 0, height: high }, x = linearScale([0, 1], [0, 1]), y = x;
  for (let pass = 0; pass < 3; pass++) { // what the ticks need decides what is seen, and that which ticks there are
    box = { ...box, x: left, width: panel.width - left - 8 };
    const scale = Math.min(box.width / (x1 - x0), high / (y1 - y0));
    const [across, up] = [box.width / scale, high / scale]; // more than was asked for, along one axis
    x = linearScale([cx - across / 2, cx + across / 2], [box.x, box.x + box.width]);
    y = linearScale([cy - up / 2, cy + up / 2], [top + high, top]);
    if (pass < 2) left = Math.max(left, widest(panel, ticksOf(y, count).map((tick) => tick.label)) + 9);
  }
  return { box, x, y };
}

/** @param {number} last  the last moment */
export const trail = (last) => [...new Set(Array.from({ length: PALE }, (_, i) => Math.round((i * last) / (PALE - 1))))];

const finite = (/** @type {number[][]} */ rows) => rows.every((row) => row.every(Number.isFinite));

/** @param {import("./base/plot.js").Panel} panel  @param {Shape} shape */
function paint(panel, shape, moment, x, y) {
  const { ctx, theme } = panel, now = shape.at(moment), color = theme[/** @type {"muted"} */ (shape.color)];
  if (!finite(now)) return;
  if (shape.kind === "line") {
    ctx.lineCap = "round";
    return curve(panel, now.map(([px]) => x(px)), now.map(([, py]) => y(py)), color, shape.width);
  }
  ctx.beginPath();
  const [px, py, a, b] = now[0], pixels = x(1) - x(0);
  if (shape.kind === "circle") ctx.arc(x(px), y(py), Math.abs(a) * pixels, 0, 2 * Math.PI);
  else ctx.rect(x(px), y(py + b), a * pixels, b * pixels);
  if (shape.width) {
    ctx.strokeStyle = color;
    ctx.lineWidth = shape.width;
    ctx.stroke();
  } else {
    ctx.fillStyle = color;
    ctx.fill();
  }
}

/** Is the pointer on it? @param {Shape} shape */
function within(shape, moment, x, y, mx, my) {
  const now = shape.at(moment), pixels = x(1) - x(0);
  if (shape.kind === "circle") return Math.hypot(mx - x(now[0][0]), my - y(now[0][1])) <= Math.max(now[0][2] * pixels, NEAR);
  if (shape.kind === "rectangle") {
    const [px, py, a, b] = now[0];
    return mx >= x(px) && mx <= x(px + a) && my <= y(py) && my >= y(py + b);
  }
  return now.slice(1).some(([bx, by], i) => {
    const [ax, ay] = [x(now[i][0]), y(now[i][1])], [dx, dy] = [x(bx) - ax, y(by) - ay];
    const t = Math.min(1, Math.max(0, ((mx - ax) * dx + (my - ay) * dy) / (dx * dx + dy * dy || 1)));
    return Math.hypot(mx - ax - t * dx, my - ay - t * dy) <= NEAR;
  });
}

/** @param {Shape} shape */
function placed(shape, moment) {
  const now = shape.at(moment), point = (/** @type {number[]} */ [px, py]) => `(${px.toFixed(2)}, ${py.toFixed(2)})`;
  if (shape.kind === "line") return `from ${point(now[0])} to ${point(now[now.length - 1])}`;
  const [px, py, a, b] = now[0];
  return `at ${point(shape.kind === "circle" ? [px, py] : [px + a / 2, py + b / 2])}`;
}
