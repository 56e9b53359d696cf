/**
 * Numbers, scales, ticks and grids: the mathematics of a picture, without a canvas.
 *
 * @typedef {{data: Float32Array, shape: number[]}} Numbers  one array of a frame
 * @typedef {((value: number) => number) & {domain: number[], range: number[], log: boolean, invert: (p: number) => number}} Scale
 * @typedef {{value: number, label: string}} Tick
 */

// ---------------------------------------------------------------------------------------------------------- numbers

/** A short number: 0.213, 1,234, 3.2e-5, NaN, inf. @param {number} x  @param {number} digits significant ones */
export function formatNumber(x, digits = 3) {
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size < 1e-3 || size >= 1e6) return x.toExponential(Math.max(0, digits - 1)).replace(/\.?0*e\+?/, "e");
  if (size >= 1000) return groups(Math.round(x));
  return String(Number(x.toPrecision(digits)));
}

/** 1234567 -> "1,234,567" @param {number} x */
export const groups = (x) => String(Math.round(x)).replace(/\B(?=(\d{3})+$)/g, ",");

/** @param {number} share 0 to 1 -> "93 %" */
export const percent = (share) => (Number.isFinite(share) ? `${Math.round(100 * share)} %` : formatNumber(share));

/** 10 to the k, as people write it: "10⁻³". @param {number} k */
export const power = (k) => "10" + [...String(k)].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)])).join("");

/** Index of the last element <= value in a rising array, -1 when there is none. @param {ArrayLike<number>} data */
export function indexBefore(data, value) {
  let [low, high] = [0, data.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** One row of an array of shape (rows, n), as a view. @param {Numbers | undefined} numbers  @param {number} row */
export function rowOf(numbers, row) {
  if (!numbers) return new Float32Array(0);
  const n = numbers.shape[numbers.shape.length - 1];
  return numbers.data.subarray(row * n, (row + 1) * n);
}

// ---------------------------------------------------------------------------------------------------------- scales

/** @param {number[]} domain values  @param {number[]} range pixels  @returns {Scale} */
export function linearScale(domain, range) {
  const k = (range[1] - range[0]) / (domain[1] - domain[0] || 1);
  const scale = (/** @type {number} */ v) => range[0] + (v - domain[0]) * k;
  return Object.assign(scale, { domain, range, log: false, invert: (/** @type {number} */ p) => domain[0] + (p - range[0]) / k });
}

/** Values <= 0 have no place on it: NaN. @param {number[]} domain  @param {number[]} range  @returns {Scale} */
export function logScale(domain, range) {
  const inner = linearScale(domain.map(Math.log10), range);
  const scale = (/** @type {number} */ v) => (v > 0 ? inner(Math.log10(v)) : NaN);
  return Object.assign(scale, { domain, range, log: true, invert: (/** @type {number} */ p) => 10 ** inner.invert(p) });
}

/**
 * The step 1, 2 or 5 times a power of ten that cuts `span` into at most about `count` pieces.
 * @param {number} span  @param {number} count
 */
export function niceStep(span, count) {
  const rough = span / Math.max(1, count);
  const base = 10 ** Math.floor(Math.log10(rough));
  return base * ([1, 2, 5].find((m) => m * base >= rough * 0.999) ?? 10);
}

/** A domain widened to whole steps, so that it moves rarely. @param {number[]} domain  @param {number} count of ticks */
export function niceDomain([low, high], count) {
  if (!(high > low)) return [low - 0.5, low + 0.5];
  const step = niceStep(high - low, count);
  return [Math.floor(low / step + 1e-6) * step, Math.ceil(high / step - 1e-6) * step];
}

/** @param {number[]} domain  @param {number} count about as many  @returns {Tick[]} */
export function linearTicks([low, high], count) {
  if (!(high > low) || !Number.isFinite(high - low)) return [{ value: low, label: formatNumber(low) }];
  const step = niceStep(high - low, count);
  const most = Math.max(Math.abs(low), Math.abs(high));
  const [unit, suffix] = most >= 1e9 || most < 1e-3 ? [0, ""] : most >= 2e6 ? [1e6, "M"] : most >= 1e4 ? [1e3, "k"] : [1, ""];
  const digits = unit ? Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9)) : 0;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-6); i * step <= high + step * 1e-6; i++) {
    const value = i * step;
    const label = i === 0 ? "0" : unit ? groupsBefore((value / unit).toFixed(digits)) + suffix : formatNumber(value, 2);
    ticks.push({ value, label });
  }
  return ticks;
}

const groupsBefore = (/** @type {string} */ text) => text.replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

/**
 * Decades as 10^k, every second, third, ... of them when there are many; 1-2-5 in plain numbers within about a decade.
 * @param {number[]} domain  @param {number} count at most about as many  @returns {Tick[]}
 */
export function logTicks([low, high], count) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  if (last - first < 1) {
    const marks = [];
    for (let k = first - 1; k <= last + 1; k++) {
      for (const m of [1, 2, 5]) {
        const value = Number((m * 10 ** k).toPrecision(1));
        if (value >= low * 0.999 && value <= high * 1.001) marks.push({ value, label: formatNumber(value) });
      }
    }
    return marks.length > 1 ? marks : linearTicks([low, high], count);
  }
  const every = Math.ceil((last - first + 1) / Math.max(2, count));
  const ticks = [];
  for (let k = Math.ceil(first / every) * every; k <= last; k += every) ticks.push({ value: 10 ** k, label: power(k) });
  return ticks;
}

/** @param {Scale} scale  @param {number} count */
export const ticksOf = (scale, count) => (scale.log ? logTicks : linearTicks)(scale.domain, count);

/**
 * Moves positions apart so that neighbours are `gap` from each other and all lie within [low, high]; the order is kept.
 * @param {number[]} wanted  @returns {number[]} in the order of `wanted`
 */
export function spread(wanted, gap, low, high) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const placed = wanted.slice();
  let floor = low;
  for (const i of order) floor = (placed[i] = Math.max(placed[i], floor)) + gap;
  let ceiling = high;
  for (const i of order.reverse()) ceiling = (placed[i] = Math.min(placed[i], ceiling)) - gap;
  return placed;
}

/**
 * Grid of values made `factor` times finer, linear in between; the outermost values keep the corners.
 * @param {ArrayLike<number>} grid row by row  @returns {{data: Float32Array, rows: number, columns: number}}
 */
export function refine(grid, rows, columns, factor) {
  const [h, w] = [(rows - 1) * factor + 1, (columns - 1) * factor + 1];
  const data = new Float32Array(h * w);
  const wide = new Float32Array(rows * w); // first along the rows, then down the columns
  for (let c = 0; c < w; c++) {
    const j = Math.min(Math.floor(c / factor), columns - 2), u = c / factor - j;
    for (let i = 0; i < rows; i++) wide[i * w + c] = grid[i * columns + j] * (1 - u) + grid[i * columns + j + 1] * u;
  }
  for (let r = 0; r < h; r++) {
    const i = Math.min(Math.floor(r / factor), rows - 2), v = r / factor - i, k = i * w;
    for (let c = 0; c < w; c++) data[r * w + c] = wide[k + c] * (1 - v) + wide[k + w + c] * v;
  }
  return { data, rows: h, columns: w };
}

/**
 * Segments with the same ends joined to lines, which are a few dozen points long and not two.
 * @param {number[]} segments  x0, y0, x1, y1, ...  @returns {number[][]} x0, y0, x1, y1, x2, y2, ...
 */
export function joined(segments) {
  /** @type {Map<string, number[]>} */
  const ends = new Map(), lines = [], used = new Set();
  const key = (/** @type {number} */ at) => `${segments[at].toFixed(4)} ${segments[at + 1].toFixed(4)}`;
  for (let at = 0; at < segments.length; at += 2) ends.set(key(at), [...(ends.get(key(at)) ?? []), at]);
  /** From one end of a segment on, as far as it goes. */
  const follow = (/** @type {number} */ at) => {
    const line = [segments[at], segments[at + 1]];
    for (let next = /** @type {number | undefined} */ (at); next !== undefined; ) {
      used.add(next >> 2);
      const other = next % 4 ? next - 2 : next + 2;
      line.push(segments[other], segments[other + 1]);
      next = (ends.get(key(other)) ?? []).find((one) => !used.has(one >> 2));
    }
    return line;
  };
  // First those that begin somewhere, then the rings.
  const starts = [...ends.values()].filter((one) => one.length === 1).flat();
  for (const at of [...starts, ...Array.from({ length: segments.length / 4 }, (_, i) => 4 * i)]) if (!used.has(at >> 2)) lines.push(follow(at));
  return lines;
}

/**
 * The line on which a grid has the value `level`: marching squares.
 * @param {ArrayLike<number>} grid row by row  @returns {number[]} x0, y0, x1, y1, ... in cells (0 to columns - 1, 0 to rows - 1)
 */
export function contour(grid, rows, columns, level) {
  const segments = [];
  for (let r = 0; r + 1 < rows; r++) {
    for (let c = 0; c + 1 < columns; c++) {
      const k = r * columns + c;
      const [p, q, s, t] = [grid[k], grid[k + 1], grid[k + columns + 1], grid[k + columns]].map((v) => v - level);
      if (!Number.isFinite(p + q + s + t)) continue;
      const cuts = [];
      if (p > 0 !== q > 0) cuts.push([c + p / (p - q), r]);
      if (q > 0 !== s > 0) cuts.push([c + 1, r + q / (q - s)]);
      if (t > 0 !== s > 0) cuts.push([c + t / (t - s), r + 1]);
      if (p > 0 !== t > 0) cuts.push([c, r + p / (p - t)]);
      // At a saddle the middle decides which corners belong together.
      if (cuts.length === 4 && p + q + s + t > 0 !== p > 0) cuts.push(...cuts.splice(0, 1));
      for (let i = 0; i + 1 < cuts.length; i += 2) segments.push(...cuts[i], ...cuts[i + 1]);
    }
  }
  return segments;
}
