/** A map of many runs over two axes of a grid: what came of each, and the curves of those in the cell that is pressed. */
import { keysOf, quiet } from "./base/keys.js";
import { frameIt } from "./base/linked.js";
import { formatNumber, groups, linearScale, logScale, niceDomain, percent, ticksOf } from "./base/math.js";
import { axisBelow, axisLeft, CIVIDIS, colorAt, colorBar, curve, dot, inside, rule, shorten, text, textSize, textWidth, tickCount, widest } from "./base/plot.js";

/**
 * @typedef {import("./base/plot.js").Panel} Panel
 * @typedef {import("./base/plot.js").Box} Box
 * @typedef {Record<string, import("./base/math.js").Numbers>} Frame  see Phase.frame
 * @typedef {{name: string, values: string[]}} Axis
 * @typedef {{x: Axis, y: Axis, measure: string, over: string, seeds: number, log: boolean, told: string, curve: string, point: string, runs: string[], marks?: Record<string, string>}} Labels
 */
const STATES = ["pending", "running", "done", "diverged", "failed", "out of time"];
const [NONE, RUNNING, DONE] = [-1, 1, 2];
const AMPLE = 320; // CSS pixels of height with which there is always room for the runs of a cell
const LEAST = 9; // CSS pixels of a cell in which a mark is drawn

/** @param {Panel} panel  @param {Frame} frame  @param {Labels} labels */
export function draw(panel, frame, labels) {
  if (!frame.map) return quiet(panel, { x: 0, y: 0, width: panel.width, height: panel.height }, "no runs yet");
  const { theme } = panel, keys = keysOf(panel), marks = labels.marks ?? {}, size = textSize(panel);
  const [rows, columns] = frame.map.shape, [low, high] = frame.range.data;
  const open = labels.point !== "", room = open || panel.height >= AMPLE; // the room is kept, so that no cell moves away under a finger
  const top = 2 * size + 12, below = room ? Math.round(Math.min(0.42 * panel.height, 170)) : 0;
  const bottom = 2 * size + 12, left = widest(panel, labels.y.values.map((word) => shorten(panel, word, 0.25 * panel.width))) + 10;
  const right = widest(panel, [formatNumber(low), formatNumber(high), shorten(panel, labels.measure, 70)]) + 26;
  const box = { x: left, y: top, width: Math.max(20, panel.width - left - right), height: Math.max(20, panel.height - top - bottom - below) };
  const [wide, tall] = [box.width / columns, box.height / rows];
  const boxOf = (/** @type {number} */ row, /** @type {number} */ column) => ({ x: box.x + column * wide, y: box.y + box.height - (row + 1) * tall, width: wide, height: tall });

  const legend = legendOf(panel, frame, marks, keys);
  keys.write(shorten(panel, labels.told, panel.width - legend - 10, size), 2, size / 2 + 3, { color: theme.foreground }, marks.map);
  if (labels.y.name) keys.write(shorten(panel, labels.y.name, box.x + box.width), 2, 1.5 * size + 7, { color: theme.muted }, undefined);
  const shade = shadeOf(labels.log, low, high);
  cells(panel, frame, boxOf, wide, tall, shade);
  ticks(panel, box, labels.x.values, true);
  ticks(panel, box, labels.y.values, false);
  text(panel, shorten(panel, labels.x.name, box.width), box.x + box.width / 2, box.y + box.height + size + 8, { align: "center", baseline: "top", color: theme.muted });
  if (frame.line.data.length) {
    const m = frame.line.shape[1], across = Array.from(frame.line.data.subarray(0, m), (v) => box.x + (v + 0.5) * wide);
    const up = Array.from(frame.line.data.subarray(m), (v) => box.y + box.height - (v + 0.5) * tall);
    inside(panel, box, () => {
      curve(panel, across, up, theme.background, 4);
      curve(panel, across, up, theme.validation, 2, [6, 4]);
    });
  }
  if (frame.cell.data.length) frameIt(panel, boxOf(frame.cell.data[0], frame.cell.data[1]));
  bar(panel, box, labels, low, high, keys);
  const under = { x: 0, y: panel.height - below + 4, width: panel.width, height: below - 4 };
  if (open) curves(panel, under, frame, labels, keys);
  else if (room) quiet(panel, under, "press a cell to see its runs");

  const cellAt = (/** @type {number} */ x, /** @type {number} */ y) => {
    const [column, row] = [Math.floor((x - box.x) / wide), Math.floor((box.y + box.height - y) / tall)];
    return column >= 0 && column < columns && row >= 0 && row < rows ? [row, column] : null;
  };
  const middle = (/** @type {number} */ row, /** @type {number} */ column) => ({ x: box.x + (column + 0.5) * wide, y: box.y + box.height - (row + 0.5) * tall });
  return {
    keys: keys.all,
    back: frame.cell.data.length ? "cell" : "",
    press(/** @type {number} */ x, /** @type {number} */ y) {
      const cell = cellAt(x, y);
      return cell && frame.state.data[cell[0] * columns + cell[1]] !== NONE ? ["cell", cell] : null;
    },
    /** Arrow keys go from cell to cell. @param {{x: number, y: number} | null} from */
    move(from, /** @type {number[]} */ [dx, dy]) {
      const cell = from && cellAt(from.x, from.y);
      if (!cell) return middle(frame.cell.data[0] ?? 0, frame.cell.data[1] ?? 0);
      return middle(Math.min(Math.max(cell[0] - dy, 0), rows - 1), Math.min(Math.max(cell[1] + dx, 0), columns - 1));
    },
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const cell = cellAt(mx, my);
      return cell ? inWords(frame, labels, cell[0], cell[1]) : keys.at(mx, my);
    },
  };
}

/** A cell in words. @param {Frame} frame  @param {Labels} labels  @param {number} row  @param {number} column */
export function inWords(frame, labels, row, column) {
  const k = row * frame.map.shape[1] + column, state = frame.state.data[k], value = frame.map.data[k];
  const at = [`${labels.x.name} ${labels.x.values[column]}`, ...(labels.y.name ? [`${labels.y.name} ${labels.y.values[row]}`] : [])].join(", ");
  if (state === NONE) return `${at}\nno point of this sweep`;
  const lines = [at, Number.isFinite(value) ? `${labels.measure} ${formatNumber(value)}${labels.seeds > 1 ? ` (${labels.over})` : ""}` : STATES[state]];
  if (labels.seeds > 1 && frame.ended.data[k] < 1) lines.push(`${percent(frame.ended.data[k])} of its seeds have ended`);
  if (labels.seeds > 1 && frame.lost.data[k] > 0) lines.push(`${percent(frame.lost.data[k])} of them not done: diverged, failed or out of time`);
  return [...lines, "press it for its runs"].join("\n");
}

/** Value -> share of the colour map. @returns {(value: number) => number} */
export function shadeOf(log, low, high) {
  const f = log ? Math.log : (/** @type {number} */ v) => v, [from, to] = [f(low), f(high)];
  return (value) => (log && value <= 0 ? 0 : to > from ? (f(value) - from) / (to - from) : 0.5);
}

/** @param {Panel} panel  @param {Frame} frame  @param {(row: number, column: number) => Box} boxOf  @param {(value: number) => number} shade */
function cells(panel, frame, boxOf, wide, tall, shade) {
  const { ctx, theme } = panel, [rows, columns] = frame.map.shape, gap = Math.min(wide, tall) > 6 ? 1 : 0;
  for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
    const k = row * columns + column, value = frame.map.data[k], state = frame.state.data[k], box = boxOf(row, column);
    if (state === NONE) continue;
    const [x, y, w, h] = [box.x, box.y, box.width - gap, box.height - gap];
    const share = Number.isFinite(value) ? shade(value) : NaN;
    if (Number.isFinite(share)) {
      ctx.fillStyle = colorAt(CIVIDIS, share);
      ctx.fillRect(x, y, w, h);
    } else if (gap) {
      ctx.strokeStyle = state > DONE ? theme.warning : theme.grid;
      ctx.lineWidth = 1;
      ctx.strokeRect(x + 0.5, y + 0.5, Math.max(w - 1, 1), Math.max(h - 1, 1));
    }
    if (Math.min(wide, tall) < LEAST) {
      if (state > DONE) {
        ctx.fillStyle = theme.warning;
        ctx.fillRect(x, y, w, h);
      }
      continue;
    }
    const [cx, cy, r] = [x + w / 2, y + h / 2, Math.min(w, h, 18) / 4];
    if (state > DONE) mark(panel, state, cx, cy, r);
    else if (state === RUNNING) dot(panel, cx, cy, Math.max(1.5, r / 2), theme.muted);
    else if (state === DONE && frame.lost.data[k] > 0) corner(panel, x + w, y, Math.min(w, h, 24) / 3);
    if (frame.ended.data[k] > 0 && frame.ended.data[k] < 1) rule(panel, x, y + h - 1, x + w * frame.ended.data[k], y + h - 1, theme.foreground, 1.5);
  }
}

/** What the marks in the map mean, those that are in it, at the right of the first line. @returns how wide it is */
function legendOf(panel, frame, marks, keys) {
  const size = textSize(panel), there = new Set(Array.from(frame.state.data));
  let x = panel.width - 4;
  for (const state of [5, 4, 3, 1].filter((one) => there.has(one))) {
    const words = STATES[state], width = textWidth(panel, words, size) + 18;
    if (x - width < panel.width / 2) break;
    keys.write(words, x - width + 16, size / 2 + 3, { color: panel.theme.muted }, marks[words]);
    if (state > DONE) mark(panel, state, x - width + 7, size / 2 + 3, 3.5);
    else dot(panel, x - width + 7, size / 2 + 3, 2, panel.theme.muted);
    x -= width + 8;
  }
  return panel.width - 4 - x;
}

/** What has become of a run that is not done. @param {Panel} panel */
function mark(panel, state, x, y, r) {
  const color = panel.theme.warning;
  if (STATES[state] === "diverged") {
    rule(panel, x - r, y - r, x + r, y + r, color, 1.6);
    rule(panel, x - r, y + r, x + r, y - r, color, 1.6);
  } else if (STATES[state] === "failed") {
    rule(panel, x, y - r, x, y + r / 3, color, 2);
    dot(panel, x, y + r, 1.2, color);
  } else {
    dot(panel, x, y, r, null, color, 1.4);
    rule(panel, x, y, x, y - 0.7 * r, color, 1.4);
    rule(panel, x, y, x + 0.6 * r, y, color, 1.4);
  }
}

/** @param {Panel} panel */
function corner({ ctx, theme }, right, top, side) {
  ctx.fillStyle = theme.warning;
  ctx.beginPath();
  ctx.moveTo(right - side, top);
  ctx.lineTo(right, top);
  ctx.lineTo(right, top + side);
  ctx.fill();
}

/** The values of an axis, as many as there is room for. @param {Panel} panel  @param {Box} box  @param {string[]} words */
function ticks(panel, box, words, across) {
  const { theme } = panel, size = textSize(panel), n = words.length, each = (across ? box.width : box.height) / n;
  const need = across ? widest(panel, words) + 8 : size + 4, stride = Math.max(1, Math.ceil(need / each));
  for (let i = 0; i < n; i += stride) {
    if (across) text(panel, words[i], box.x + (i + 0.5) * each, box.y + box.height + 4, { align: "center", baseline: "top", color: theme.muted });
    else text(panel, shorten(panel, words[i], box.x - 8), box.x - 5, box.y + box.height - (i + 0.5) * each, { align: "right", color: theme.muted });
  }
}

/** What the colours mean. @param {Panel} panel  @param {Box} box  @param {Labels} labels */
function bar(panel, box, labels, low, high, keys) {
  const { theme } = panel, size = textSize(panel), x = box.x + box.width + 10;
  keys.write(shorten(panel, labels.measure, panel.width - x - 2), x, box.y - size / 2 - 4, { color: theme.muted }, labels.marks?.map);
  if (!labels.measure) return;
  colorBar(panel, { x, y: box.y, width: 9, height: box.height }, CIVIDIS);
  keys.add({ x, y: box.y, width: 9, height: box.height }, labels.marks?.map);
  const levels = high > low ? [[high, size / 2], [low, box.height - size / 2]] : [[low, box.height / 2]];
  if (high > low && box.height > 5 * size) levels.push([labels.log ? Math.sqrt(low * high) : (low + high) / 2, box.height / 2]);
  for (const [value, at] of levels) text(panel, formatNumber(value), x + 13, box.y + at, { color: theme.muted });
}

/** The runs of the cell that is pressed. @param {Panel} panel  @param {Box} box  @param {Frame} frame  @param {Labels} labels */
function curves(panel, box, frame, labels, keys) {
  const { theme } = panel, size = textSize(panel), [many, , n] = frame.curves.shape;
  keys.write(shorten(panel, labels.point, box.width - 4, size, 600), 2, box.y + size / 2 + 2, { weight: 600 }, labels.marks?.cell);
  const floor = box.y + box.height - size - 8, top = box.y + 2 * size + 14, drawn = many && n && floor - top >= 30;
  const said = labels.runs.slice(0, Math.max(1, Math.floor((box.height - size - 8) / (size + 5))));
  const wide = drawn ? Math.round(box.width > 380 ? 0.5 * box.width : box.width) : 0;
  if (!wide || wide < box.width) said.forEach((line, i) => text(panel, shorten(panel, line, box.width - wide - 12), wide + 8, box.y + size + 14 + i * (size + 5), { color: theme.muted }));
  if (!drawn) return;
  const rows = Array.from({ length: many }, (_, k) => [0, 1].map((r) => frame.curves.data.subarray((2 * k + r) * n, (2 * k + r + 1) * n)));
  const values = rows.flatMap((row) => Array.from(row[1])).filter(Number.isFinite), last = Math.max(1, ...rows.flatMap((row) => Array.from(row[0])).filter(Number.isFinite));
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
  const log = low > 0 && high / low > 30, upright = tickCount(panel, floor - top, true);
  const ends = high > low ? [low, high] : [low - 0.5, high + 0.5];
  const domain = /** @type {[number, number]} */ (log ? ends : niceDomain(/** @type {[number, number]} */ (ends), upright));
  const y = (log ? logScale : linearScale)(domain, [floor, top]), marks = ticksOf(y, upright), left = widest(panel, marks.map((tick) => tick.label)) + 9;
  const plot = { x: left, y: top, width: Math.max(10, wide - left - 8), height: floor - top }, x = linearScale([0, last], [plot.x, plot.x + plot.width]);
  axisLeft(panel, plot, y, `${labels.curve} over ${groups(last)} steps`, { ticks: marks });
  axisBelow(panel, plot, x, "", { grid: false });
  inside(panel, { ...plot, y: plot.y - 3, height: plot.height + 6 }, () => rows.forEach(([steps, curveOf], k) =>
    curve(panel, Array.from(steps, (v) => x(v)), Array.from(curveOf, (v) => y(v)), theme.train, k ? 1 : 1.6, k ? [4, 3] : [])));
}
