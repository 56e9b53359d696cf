/** A step explained: columns of numbers that light up station by station; beside them equations, cost, what is reused. */
import { formatNumber, groups } from "./base/math.js";
import { fitting, keysOf } from "./base/keys.js";
import { frameIt } from "./base/linked.js";
import { alarm, colorTable, nothing, picture, pixel, rgb, shorten, text, textSize, textWidth } from "./base/plot.js";
import { flow, visible, wordsOf, written } from "./base/written.js";

const BESIDE = 620; // pixels from which on the words stand beside the numbers, not below
const NUMBER = 40, LEAST = 27; // pixels that a number takes up, and at least
const SQUEEZE = 0.5; // what is narrower than this part of its natural width is not shown, but counted at the sides
const CELL = 22; // pixels that a row is high, at most
const GAP = 12;

/**
 * @typedef {import("./base/plot.js").Panel} Panel
 * @typedef {import("./base/plot.js").Box} Box
 * @typedef {[number, number, number, number, number, string, string, number]} Strip  array, rows, columns, all rows, all columns, what they are, start in cells
 * @typedef {{name: string, what: string, phase: string, lines: (string | number)[][], left: number[], where: string[], note: string, cost: string, reused: string, column: number, layer: string | null}} Station
 * @typedef {{stations: Station[], arrays: [string, string, number, number[], number, number][], columns: {title: string, top: Strip[], bottom: Strip[]}[], uncounted: string, chosen?: import("./base/linked.js").Chosen, marks?: Record<string, string>}} Labels
 * @param {Panel} panel  @param {Record<string, import("./base/math.js").Numbers>} frame  see Explained.frame
 * @param {Labels} labels  @param {{station?: number, numbers?: boolean}} options
 */
export function draw(panel, frame, labels, options) {
  if (!labels.stations?.length || !frame.cells) return nothing(panel, "no step yet");
  const k = Math.min(options.station ?? 0, labels.stations.length - 1), beside = panel.width >= BESIDE, size = textSize(panel);
  const share = beside ? Math.min(0.58, Math.max(0.42, needed(labels) / panel.width)) : 0.42;
  const left = beside ? { x: 4, y: 2, width: share * panel.width - 12, height: panel.height - 6 }
    : { x: 4, y: 2, width: panel.width - 8, height: share * panel.height - 4 };
  const right = beside ? { x: share * panel.width + 4, y: 2, width: (1 - share) * panel.width - 10, height: panel.height - 6 }
    : { x: 4, y: share * panel.height + 4, width: panel.width - 8, height: (1 - share) * panel.height - 8 };
  const keys = keysOf(panel);
  const [step, sample, samples, made] = frame.now.data;
  const whose = sample >= 0 ? `sample ${groups(sample)}` : samples > 1 ? `the batch of ${groups(samples)}` : "the batch";
  const late = made > step - 1 ? `, ${groups(made - step + 1)} back` : "";
  text(panel, shorten(panel, `Step ${groups(step)}${late}, ${whose}, loss ${formatNumber(frame.loss.data[0])}`, left.width), left.x, left.y + size / 2 + 1, { weight: 600 });
  const drawn = numbers(panel, frame, labels, { ...left, y: left.y + size + 8, height: left.height - size - 8 }, k, keys);
  words(panel, frame, labels, right, k, Boolean(options.numbers), keys);
  return {
    keys: keys.all,
    cursor: "pointer",
    press(/** @type {number} */ x, /** @type {number} */ y) {
      const column = drawn.columns.find(({ box }) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height);
      return column ? ["column", column.index] : null;
    },
    readout(/** @type {number} */ x, /** @type {number} */ y) {
      for (const { box, strip } of drawn.cells) {
        const [array, rows, columns, all, wide, unit, other, start] = strip;
        const row = Math.floor(((y - box.y) / box.height) * rows), column = Math.floor(((x - box.x) / box.width) * columns);
        if (row < 0 || column < 0 || row >= rows || column >= columns || x < box.x || y < box.y) continue;
        const place = `${unit} ${row + 1} of ${groups(all)}${wide > 1 ? `, ${other} ${column + 1} of ${groups(wide)}` : ""}`;
        return `${labels.arrays[array][0]}, ${place}: ${formatNumber(frame.cells.data[start + row * columns + column], 4)}`;
      }
      return keys.at(x, y);
    },
  };
}

/** How wide all columns would like to be. @param {Labels} labels */
const needed = ({ columns }) => columns.reduce((sum, column) => sum + natural(column), 0);

/** Whether a strip is written in numbers, where there is room. @param {Strip} strip */
const plain = ([, rows, columns]) => rows <= 12 && columns <= 4;

/** @param {Strip} strip */
const stripWidth = (strip) => (plain(strip) ? NUMBER * strip[2] : Math.min(72, Math.max(18, 3 * strip[2])));

/** @param {{top: Strip[], bottom: Strip[]}} column */
function natural({ top, bottom }) {
  const above = top.reduce((sum, strip) => sum + stripWidth(strip) + 3, 0);
  return Math.max(36, above, ...bottom.map(stripWidth)) + GAP;
}

/** The columns of numbers. @param {Panel} panel  @param {Labels} labels  @param {Box} box */
function numbers(panel, frame, labels, box, k, keys) {
  const { theme } = panel, size = textSize(panel), small = size - 2, active = labels.stations[k].column;
  const wide = labels.columns.map(natural), all = wide.reduce((a, b) => a + b, 0);
  const squeeze = Math.max(Math.min(1, box.width / all), SQUEEZE), widths = wide.map((w) => Math.min(w * squeeze, box.width));
  const more = all * squeeze > box.width + 1 ? 2 * textWidth(panel, "‹ 99", small) : 0;
  const [first, end] = more ? visible(widths, box.width - more, active) : [0, widths.length];
  const used = widths.slice(first, end).reduce((a, b) => a + b, 0), stretch = Math.min(1.5, (box.width - more) / used);
  let x = box.x + more / 2;
  const middle = box.y + box.height / 2;
  if (first > 0) keys.write(`‹ ${first}`, box.x, middle, { size: small, color: theme.muted }, `${first} columns more at the left`);
  if (end < widths.length) keys.write(`${widths.length - end} ›`, box.x + box.width, middle, { size: small, color: theme.muted, align: "right" }, `${widths.length - end} columns more at the right`);
  const below = labels.columns.slice(first, end).some((column) => column.bottom.length);
  const title = size + 6, most = Math.max(...labels.columns.slice(first, end).flatMap(({ top }) => top.map((strip) => strip[1])));
  const whole = box.height - title, top = { y: box.y + title, height: below ? Math.min(0.6 * whole, most * CELL + size + 16) : whole };
  /** @type {{box: Box, strip: Strip}[]} */
  const cells = [];
  /** @type {{box: Box, index: number}[]} */
  const columns = [];
  for (let i = first; i < end; i++) {
    const column = labels.columns[i], width = widths[i] * stretch, inner = width - GAP;
    const at = { x, y: box.y, width, height: box.height };
    columns.push({ box: at, index: i });
    const station = labels.stations.find((each) => each.column === i);
    if (labels.chosen?.layer && station?.layer === labels.chosen.layer) frameIt(panel, { x: x - 2, y: box.y, width: inner + 4, height: box.height - 2 }, theme.muted);
    const ink = i === active ? theme.foreground : theme.muted;
    const named = i > 0 && i < labels.columns.length - 1 ? `${i} ${column.title}` : column.title, weight = i === active ? 700 : 400;
    keys.write(shorten(panel, named, inner, small, weight), x, box.y + size / 2, { size: small, color: ink, weight }, station ? `${named}: ${station.what}` : named);
    const share = column.top.reduce((sum, strip) => sum + stripWidth(strip) + 3, 0);
    let left = x;
    for (const strip of column.top) {
      const own = ((stripWidth(strip) + 3) / share) * Math.min(inner, share * 1.5);
      cells.push(...one(panel, frame, labels, strip, { x: left, y: top.y, width: own - 3, height: top.height - 6 }, k, keys, "values"));
      left += own;
    }
    const lit = column.bottom.filter((strip) => labels.arrays[strip[0]][2] <= k), newest = lit[lit.length - 1];
    if (newest && whole > 2 * small + 16) {
      const place = { x, y: top.y + top.height, width: Math.min(inner, Math.max(1.5 * stripWidth(newest), 40)), height: box.y + box.height - top.y - top.height - 2 };
      cells.push(...one(panel, frame, labels, newest, place, k, keys, "weights"));
    }
    x += width;
  }
  return { cells, columns };
}

/** One strip with its symbol above; what has not been computed is an empty box. @param {Panel} panel  @param {Labels} labels  @param {Strip} strip  @param {Box} box */
function one(panel, frame, labels, strip, box, k, keys, mark) {
  const { ctx, theme } = panel, small = textSize(panel) - 1;
  const [array, rows, columns, , , , , start] = strip, [symbol, kind, made] = labels.arrays[array];
  const lit = made <= k, now = made === k && kind !== "setting", ink = inkOf(theme, kind);
  keys.write(fitting(panel, [symbol, symbol.replace("∂L/∂", "∂")], box.width + 4, small, now ? 700 : 400), box.x, box.y + small / 2, { size: small, color: lit ? ink : theme.muted, weight: now ? 700 : 400 }, labels.marks?.[mark]);
  const cell = Math.min(CELL, (box.height - small - 6) / rows);
  if (cell < 0.5) return [];
  const place = { x: box.x, y: box.y + small + 4, width: box.width, height: cell * rows };
  if (lit) {
    const data = frame.cells.data.subarray(start, start + rows * columns);
    let most = 0;
    for (const v of data) if (Number.isFinite(v)) most = Math.max(most, Math.abs(v));
    const table = colorTable(theme.diverging), bad = pixel(rgb(theme.warning));
    const paint = Uint32Array.from(data, (v) => (Number.isFinite(v) ? table[Math.round(127.5 * (1 + v / (most || 1)))] : bad));
    picture(panel, paint, columns, rows, place, false);
    if (plain(strip) && place.width / columns >= LEAST - 3 && cell >= 9) write(panel, data, columns, place, cell);
    else if (!data.every(Number.isFinite)) alarm(panel, data.some(Number.isNaN) ? "NaN" : "inf", place.x + place.width / 2, place.y + place.height / 2);
  }
  ctx.strokeStyle = now ? ink : lit ? theme.muted : theme.grid;
  ctx.lineWidth = now ? 2.5 : 1;
  ctx.setLineDash(lit ? [] : [2, 2]);
  ctx.strokeRect(place.x, place.y, place.width, place.height);
  ctx.setLineDash([]);
  return lit ? [{ box: place, strip }] : [];
}

/** Numbers in the cells. @param {Panel} panel  @param {Float32Array} data  @param {Box} place */
function write(panel, data, columns, place, cell) {
  const width = place.width / columns, most = Math.min(textSize(panel) - 1, cell - 2);
  data.forEach((v, i) => {
    const said = formatNumber(v, 2), size = Math.min(most, Math.floor((most * (width - 3)) / Math.max(textWidth(panel, said, most), 1)));
    const x = place.x + ((i % columns) + 0.5) * width, y = place.y + (Math.floor(i / columns) + 0.5) * cell;
    if (size >= 6) text(panel, said, x, y, { size, align: "center", color: Number.isFinite(v) ? panel.theme.foreground : panel.theme.background });
  });
}

const inkOf = (theme, kind) => ({ weight: theme.weights, value: theme.activations, gradient: theme.gradients }[kind] ?? theme.foreground);

/** What stands beside: where we are, the equations, what signs mean, what is reused, the cost. @param {Panel} panel  @param {Labels} labels  @param {Box} box */
function words(panel, frame, labels, box, k, inNumbers, keys) {
  const { theme } = panel, size = textSize(panel), station = labels.stations[k], marks = labels.marks ?? {};
  const measure = (/** @type {number} */ s, weight = 400) => (/** @type {string} */ one) => textWidth(panel, one, s, weight);
  const phases = [...new Set(labels.stations.map((each) => each.phase))];
  let x = box.x;
  phases.forEach((phase, i) => {
    const here = phase === station.phase, said = i ? `› ${phase}` : phase;
    text(panel, said, x, box.y + size / 2 + 1, { weight: here ? 700 : 400, color: here ? theme.foreground : theme.muted });
    x += textWidth(panel, said, size, here ? 700 : 400) + 6;
  });
  // From below: the cost, and what is reused; what is between them and the head is for the equations.
  const foot = [];
  if (station.reused) foot.push([`reused: ${station.reused}`, marks.reused]);
  foot.push([`${station.cost}. ${labels.uncounted}`.trimEnd(), marks.cost]);
  let bottom = box.y + box.height;
  for (const [said, meaning] of foot.reverse()) {
    const lines = flow(wordsOf([{ text: said, color: theme.muted }]), box.width, measure(size - 1));
    const height = lines.length * (size + 2);
    bottom -= height + 4;
    keys.add({ x: box.x, y: bottom, width: box.width, height }, meaning);
    lines.forEach((line, i) => put(panel, line, box.x, bottom + (i + 0.5) * (size + 2), size - 1));
  }
  let y = box.y + size + 8;
  const room = () => bottom - 4 - y;
  const say = (/** @type {import("./base/written.js").Bit[]} */ pieces, /** @type {number} */ s, weight = 400, after = 4) => {
    for (const line of flow(wordsOf(pieces), box.width, measure(s, weight))) {
      if (room() < s + 3) return false;
      put(panel, line, box.x, y + (s + 3) / 2, s, weight);
      y += s + 4;
    }
    y += after;
    return true;
  };
  say([{ text: `${k}. ${station.name}: ${station.what}`, color: theme.foreground }], size, 600);
  const large = equationSize(panel, labels, frame, station, box.width, room(), inNumbers, measure);
  let shown = 0;
  for (; shown < station.lines.length; shown++) if (!say(bits(panel, labels, frame, station, shown, inNumbers), large, 400, 5)) break;
  if (shown < station.lines.length && room() > size) alarmless(panel, `… ${station.lines.length - shown} more: make the panel large`, box, bottom - size);
  if (station.note) say([{ text: station.note, color: theme.foreground }], size - 1);
  for (const sign of station.where) if (!say([{ text: sign, color: theme.muted }], size - 1, 400, 1)) break;
}

/** The largest size of letters in which all equations fit, or the smallest. */
function equationSize(panel, labels, frame, station, width, room, inNumbers, measure) {
  const size = textSize(panel);
  for (let s = size + 4; s > size - 2; s--) {
    const high = station.lines.reduce((sum, _, i) => sum + 5 + (s + 4) * flow(wordsOf(bits(panel, labels, frame, station, i, inNumbers)), width, measure(s)).length, 0);
    if (high <= room) return s;
  }
  return size - 2;
}

/** One equation as coloured pieces: symbols, or numbers and what they give. @param {Labels} labels  @param {Station} station */
export function bits(panel, labels, frame, station, i, inNumbers) {
  const { theme } = panel, pieces = station.lines[i], left = station.left[i];
  const value = (/** @type {number} */ array) => {
    const [, kind, , shape, start, count] = labels.arrays[array];
    return { text: written(shape, frame.numbers.data.subarray(start, start + count)), color: inkOf(theme, kind) };
  };
  const symbol = (/** @type {number} */ array) => ({ text: labels.arrays[array][0], color: inkOf(theme, labels.arrays[array][1]) });
  const first = pieces[0] === left;
  const found = pieces.map((piece, place) => {
    if (typeof piece === "string") return { text: piece, color: theme.foreground };
    return inNumbers && !(first && place === 0) ? value(piece) : symbol(piece);
  });
  return inNumbers && first && !(pieces.length === 3 && typeof pieces[2] === "number") ? [...found, { text: " = ", color: theme.foreground }, value(left)] : found;
}

/** One line of words. @param {Panel} panel  @param {import("./base/written.js").Bit[][]} line */
function put(panel, line, x, y, size, weight = 400) {
  const space = textWidth(panel, " ", size, weight);
  for (const word of line) {
    for (const { text: said, color } of word) {
      text(panel, said, x, y, { size, weight, color });
      x += textWidth(panel, said, size, weight);
    }
    x += space;
  }
}

/** Muted words at the end of what did not fit. @param {Panel} panel  @param {string} said  @param {Box} box */
const alarmless = (panel, said, box, y) => text(panel, shorten(panel, said, box.width), box.x, y, { color: panel.theme.muted });
