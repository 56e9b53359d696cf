/**
 * Where the columns and units of a network go, and what of it there is room for: the mathematics, without a canvas.
 *
 * @typedef {{column: number, row: number, unit: number, x: number, y: number, side: number}} Node  x, y: its middle
 * @typedef {{target: Node, source: Node, value: number}} Edge
 * @typedef {{x: number, skipped: number, column: number, nodes: Node[], more: number}} Place  of a column
 */

export const ABSENT = -3.4028234663852886e38; // the lowest float32: not measured, or there is none
const LEAST = 9; // pixels: no unit is smaller
const MOST = 46; // nor larger
const GAP = 3; // between units
const SPACE = 30; // from column to column, at least
const BREAK = 44; // where layers are left out

/**
 * Which columns are shown in so many pixels: the first ones, the last ones and that which is `held`.
 * @param {number} count  @param {number} width  @param {boolean[]} broken  whether layers are left out before each
 */
export function fitColumns(count, width, broken, held = -1) {
  const all = Array.from({ length: count }, (_, i) => i);
  const needs = (/** @type {number[]} */ shown) => shown.reduce((sum, c, i) => sum + (i && (broken[c] || c !== shown[i - 1] + 1) ? BREAK : 0) + SPACE, 0);
  let shown = all;
  for (let kept = count - 1; needs(shown) > width && kept >= 2; kept--) {
    const head = Math.ceil(kept / 2), tail = kept - head;
    shown = all.filter((i) => i < head || i >= count - tail || i === held);
  }
  return shown;
}

/**
 * Which rows of a column are shown: all, or the first, the last, the one that is `held` and those with the largest share.
 * @param {number[]} shares  @param {number} most
 */
export function fitRows(shares, most, held = -1) {
  const all = shares.map((_, i) => i);
  if (all.length <= most) return all;
  const must = [...new Set([0, all.length - 1, ...(held >= 0 ? [held] : [])])].slice(0, Math.max(most, 1));
  const rest = all.filter((i) => !must.includes(i)).sort((a, b) => shares[b] - shares[a] || a - b);
  return [...must, ...rest.slice(0, Math.max(0, most - must.length))].sort((a, b) => a - b);
}

/**
 * The columns and units in a box.
 * @param {{units: number[], shares: number[], total: number, skipped: number, large?: boolean}[]} columns  `large`: one picture
 * @param {import("./plot.js").Box} box  @param {number} held  a column to be shown  @param {number} row  a row of it
 * @returns {Place[]}
 */
export function layout(columns, box, held = -1, row = -1) {
  const shown = fitColumns(columns.length, box.width, columns.map((c) => c.skipped > 0), held);
  const skips = shown.map((c, i) => (i ? columns.slice(shown[i - 1] + 1, c + 1).reduce((sum, one) => sum + one.skipped, 0) + c - shown[i - 1] - 1 : 0));
  const breaks = skips.filter(Boolean).length;
  const space = (box.width - breaks * BREAK) / shown.length;
  const rows = Math.max(1, Math.floor((box.height + GAP) / (LEAST + GAP)));
  const kept = shown.map((c) => fitRows(columns[c].shares, rows, c === held ? row : -1));
  const tallest = Math.max(1, ...kept.map((one) => one.length));
  const side = Math.max(4, Math.min(MOST, 0.62 * space, (box.height + GAP) / tallest - GAP));
  let left = box.x;
  return shown.map((c, i) => {
    left += skips[i] ? BREAK : 0;
    const x = left + space / 2, here = columns[c].large ? Math.min(2.2 * side, 0.9 * space, box.height) : side;
    left += space;
    const pitch = Math.min(here + Math.max(GAP, 0.35 * here), box.height / kept[i].length);
    const top = box.y + box.height / 2 - (pitch * (kept[i].length - 1)) / 2;
    const nodes = kept[i].map((r, k) => ({ column: c, row: r, unit: columns[c].units[r], x, y: top + k * pitch, side: here }));
    return { x, skipped: skips[i], column: c, nodes, more: columns[c].total - nodes.length };
  });
}

/**
 * The lines between two columns: the largest, at most about `each` for every unit, and all of those that are `held`.
 * @param {import("./math.js").Numbers | undefined} numbers (targets, sources)  @param {Node[]} targets  @param {Node[]} sources
 * @param {(target: Node, source: Node) => boolean} held
 * @returns {{edges: Edge[], largest: number, bad: boolean}} the smallest first
 */
export function lines(numbers, targets, sources, held = () => false, each = 3) {
  const width = numbers?.shape[1] ?? 0;
  /** @type {Edge[]} */
  const all = [];
  let largest = 0, bad = false;
  if (numbers?.data.length) for (const target of targets) for (const source of sources) {
    const value = numbers.data[target.row * width + source.row];
    if (!Number.isFinite(value)) bad = true;
    else largest = Math.max(largest, Math.abs(value));
    all.push({ target, source, value });
  }
  const size = (/** @type {Edge} */ e) => (Number.isFinite(e.value) ? Math.abs(e.value) : Infinity);
  const most = each * Math.max(targets.length, sources.length);
  const ranked = [...all].sort((a, b) => size(b) - size(a));
  const edges = ranked.filter((e, i) => held(e.target, e.source) || (i < most && size(e) > 0.02 * largest));
  return { edges: edges.reverse(), largest, bad };
}

/** Absolute value of the largest finite number that was measured. @param {ArrayLike<number>} data */
export function largestOf(data) {
  let most = 0;
  for (let i = 0; i < data.length; i++) if (Number.isFinite(data[i]) && data[i] !== ABSENT) most = Math.max(most, Math.abs(data[i]));
  return most;
}

/** Pixels from a place to a line between two nodes. @param {Edge} edge */
export function distance({ target, source }, x, y) {
  const [x0, y0, x1, y1] = [source.x + source.side / 2, source.y, target.x - target.side / 2, target.y];
  const [dx, dy] = [x1 - x0, y1 - y0], t = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1);
  return t < 0 || t > 1 ? Infinity : Math.hypot(x0 + t * dx - x, y0 + t * dy - y);
}

/** The node at a place, or undefined. @param {Node[]} nodes */
export const nodeAt = (nodes, x, y) => nodes.find((n) => Math.abs(x - n.x) <= n.side / 2 + 1 && Math.abs(y - n.y) <= n.side / 2 + 1);

/**
 * The next node in a direction: up and down within its column, left and right the nearest of the next column.
 * @param {Place[]} places  @param {{x: number, y: number} | null} from  @param {number[]} way  dx, dy
 */
export function nextNode(places, from, [dx, dy]) {
  const filled = places.filter((p) => p.nodes.length);
  if (!filled.length) return null;
  if (!from) return filled[0].nodes[0];
  const near = (/** @type {Node[]} */ nodes, /** @type {number} */ y) => nodes.reduce((a, b) => (Math.abs(b.y - y) < Math.abs(a.y - y) ? b : a));
  const at = filled.reduce((best, p, i) => (Math.abs(p.x - from.x) < Math.abs(filled[best].x - from.x) ? i : best), 0);
  if (dx) return near(filled[Math.min(Math.max(at + dx, 0), filled.length - 1)].nodes, from.y);
  const { nodes } = filled[at], now = nodes.indexOf(near(nodes, from.y));
  return nodes[Math.min(Math.max(now + dy, 0), nodes.length - 1)];
}
