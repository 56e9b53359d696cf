/** Which classes are taken for which, and beside the table the samples of the cell that was pressed. */
import { groups, percent } from "./base/math.js";
import { keysOf, quiet } from "./base/keys.js";
import { aim, frameIt } from "./base/linked.js";
import { pixels } from "./base/pictures.js";
import { alarm, nothing, picture, shorten, text, textSize } from "./base/plot.js";
import { confusion } from "./base/tested.js";

/**
 * @typedef {import("./base/plot.js").Panel} Panel
 * @typedef {import("./base/plot.js").Box} Box
 * @typedef {Record<string, import("./base/math.js").Numbers>} Frame  see Confusion.frame
 * @typedef {{classes: string[], tested: string, of: string, things?: string, words: string[], ghosts?: string[], marks?: Record<string, string>}} Labels
 */

const GAP = 6;
const LEAST = 150; // pixels of a table, where there is room for it

/** @param {Panel} panel  @param {Frame} frame  @param {Labels} labels  @param {{shares?: boolean}} options */
export function draw(panel, frame, labels, options = {}) {
  if (!frame.counts) return nothing(panel, "no samples yet");
  const open = frame.cell.data.length > 0, { table, list } = split(panel.width, panel.height, open);
  const shown = confusion({ ...panel, width: table.width, height: table.height }, frame, labels, Boolean(options.shares));
  const { left, top, width, height, many } = shown.cell;
  const boxOf = (/** @type {number} */ row, /** @type {number} */ column) => ({ x: left + column * width, y: top + row * height, width: width - 1, height: height - 1 });
  const [row, column] = frame.cell.data;
  if (open) frameIt(panel, boxOf(row, column));
  if (frame.own.data.length) {
    const box = boxOf(frame.own.data[0], frame.own.data[1]);
    aim(panel, box.x + box.width / 2, box.y + box.height / 2, Math.max(2, Math.min(6, box.height / 2 - 4)));
  }
  if (frame.lost.data[0]) alarm(panel, `${groups(frame.lost.data[0])} outputs not finite`, table.width / 2, top + 12);
  if (!open && list.width) quiet(panel, { ...list, width: list.width - 4 }, "press a number to see its samples");
  const samples = open ? listed(panel, list, frame, labels) : { keys: [], boxes: /** @type {Box[]} */ ([]), say: (/** @type {number} */ _) => "" };
  const sampleAt = (/** @type {number} */ x, /** @type {number} */ y) => samples.boxes.findIndex((b) => x >= b.x && x < b.x + b.width && y >= b.y && y < b.y + b.height);
  const middle = (/** @type {Box} */ box) => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 });

  return {
    keys: [...shown.keys, ...samples.keys],
    back: open ? "cell" : "",
    press(/** @type {number} */ x, /** @type {number} */ y) {
      const i = sampleAt(x, y), cell = shown.cellAt(x, y);
      return i >= 0 ? ["sample", i] : cell && ["cell", cell];
    },
    /** Arrow keys go from cell to cell, to the right (or down) out of the table to the samples, and back. */
    move(/** @type {{x: number, y: number} | null} */ from, /** @type {number[]} */ [dx, dy]) {
      const i = from ? sampleAt(from.x, from.y) : -1, cell = from ? shown.cellAt(from.x, from.y) : null;
      if (i >= 0) {
        const next = nearest(samples.boxes, i, dx, dy);
        return middle(next >= 0 ? samples.boxes[next] : (list.x ? dx < 0 : dy < 0) ? boxOf(row, column) : samples.boxes[i]);
      }
      if (!cell) return middle(open ? boxOf(row, column) : boxOf(...worst(frame.counts.data, many)));
      const [r, c] = [cell[0] + dy, cell[1] + dx];
      if (samples.boxes.length && (list.x ? c >= many : r >= many)) return middle(samples.boxes[0]);
      return middle(boxOf(Math.min(Math.max(r, 0), many - 1), Math.min(Math.max(c, 0), many - 1)));
    },
    readout(/** @type {number} */ x, /** @type {number} */ y) {
      const i = sampleAt(x, y);
      if (i >= 0) return samples.say(i);
      const known = samples.keys.findLast((k) => x >= k.x && x <= k.x + k.width && y >= k.y && y <= k.y + k.height)?.words;
      const said = known ?? shown.readout(x, y), own = shown.cellAt(x, y);
      return said && own && frame.counts.data[own[0] * many + own[1]] ? `${said}\npress it for the samples` : said;
    },
  };
}

/**
 * Where the table is and where the samples are: beside it, or below where that gives both more room. Where there is enough
 * of it their room is kept free, so that no cell moves away under a finger.
 */
export function split(width, height, open) {
  const whole = { x: 0, y: 0, width, height }, ample = width > 1.15 * height ? width >= 320 && height >= 200 : height >= 420;
  if (!open && !ample) return { table: whole, list: { x: 0, y: 0, width: 0, height: 0 } };
  if (width > 1.15 * height) {
    const wide = Math.round(Math.max(Math.min(LEAST, 0.6 * width), Math.min(0.62 * width, 1.5 * height)));
    return { table: { ...whole, width: wide }, list: { x: wide + GAP, y: 0, width: width - wide - GAP, height } };
  }
  const high = Math.round(0.62 * height);
  return { table: { ...whole, height: high }, list: { x: 0, y: high + GAP, width, height: height - high - GAP } };
}

/** Row and column of the most frequent mistake; of the first cell where there is none. @param {ArrayLike<number>} counts @returns {[number, number]} */
export function worst(counts, many) {
  let best = 0;
  for (let i = 1; i < counts.length; i++) if (Math.floor(i / many) !== i % many && counts[i] > (best % (many + 1) ? counts[best] : 0)) best = i;
  return [Math.floor(best / many), best % many];
}

/** The box beside number i in a direction, -1 for none. @param {Box[]} boxes */
export function nearest(boxes, i, dx, dy) {
  let [best, near] = [-1, Infinity];
  boxes.forEach((box, k) => {
    const [x, y] = [box.x - boxes[i].x, box.y - boxes[i].y], along = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
    if (along > 1 && along + 3 * aside < near) [best, near] = [k, along + 3 * aside];
  });
  return best;
}

/** Squares for so many pictures (width over height `shape`) in a box, as large as can be. @param {Box} box */
export function tiles(count, box, shape, most = 72) {
  let [columns, side] = [1, 0];
  for (let n = 1; n <= count; n++) {
    const fits = Math.min((box.width - GAP * (n - 1)) / n / shape, (box.height - GAP * (Math.ceil(count / n) - 1)) / Math.ceil(count / n), most);
    if (fits > side) [columns, side] = [n, fits];
  }
  return Array.from({ length: side > 3 ? count : 0 }, (_, i) => ({
    x: box.x + (i % columns) * (side * shape + GAP), y: box.y + Math.floor(i / columns) * (side + GAP), width: side * shape, height: side,
  }));
}

/** The samples of the cell. @param {Panel} panel  @param {Box} box  @param {Frame} frame  @param {Labels} labels */
function listed(panel, box, frame, labels) {
  const size = textSize(panel), [row, column] = frame.cell.data, keys = keysOf(panel), { theme } = panel;
  const [many, count] = [frame.inside.data[0], frame.samples.data.length];
  const [true_, said] = [labels.classes[row] ?? String(row), labels.classes[column] ?? String(column)];
  const name = row === column ? `${true_} recognized` : `${true_} taken for ${said}`;
  const how = many > count ? `the first ${count} of ${groups(many)}` : many === 1 ? "1 sample" : `${groups(many)} samples`;
  keys.write(shorten(panel, name, box.width, size, 600), box.x, box.y + size / 2 + 4, { weight: 600 }, labels.marks?.cell);
  text(panel, shorten(panel, `${how} (${labels.of})`, box.width), box.x, box.y + 1.5 * size + 8, { color: theme.muted });
  const top = box.y + 2 * size + 16, room = { x: box.x + 3, y: top, width: Math.max(box.width - 8, 1), height: box.y + box.height - top - 4 };
  const [, channels, rows, columns] = frame.pictures.shape, pictures = frame.pictures.data.length > 0;
  const line = size + 7, boxes = pictures ? tiles(count, room, columns / rows)
    : Array.from({ length: Math.max(0, Math.min(count, Math.floor(room.height / line))) }, (_, i) => ({ x: room.x, y: room.y + i * line, width: room.width, height: line - 2 }));
  boxes.forEach((at, i) => {
    const n = channels * rows * columns;
    if (pictures) picture(panel, pixels(panel, frame.pictures.data.subarray(i * n, (i + 1) * n), channels), columns, rows, at, false);
    else text(panel, shorten(panel, labels.words[i] ?? "", at.width - 4), at.x + 2, at.y + at.height / 2);
    panel.ctx.strokeStyle = theme.grid;
    panel.ctx.lineWidth = 1;
    panel.ctx.strokeRect(at.x, at.y, at.width, at.height);
    if (frame.held.data[i]) frameIt(panel, at);
  });
  const say = (/** @type {number} */ i) => {
    const words = [`${labels.of} sample ${groups(frame.samples.data[i])}`, labels.words[i] ?? "", `${name}, ${percent(frame.sure.data[i])} sure`];
    return [...words, frame.held.data[i] ? "chosen; press it to let go" : "press it to choose it in all views"].filter(Boolean).join("\n");
  };
  return { keys: keys.all, boxes, say };
}
