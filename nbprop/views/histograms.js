/** One histogram per layer, each over its own range. */
import { formatNumber, groups } from "./base/math.js";
import { quiet } from "./base/keys.js";
import { linked } from "./base/linked.js";
import { alarm, inside, nothing, rule, shorten, text, textSize, textWidth } from "./base/plot.js";

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  counts (L, bins), low (L,), high (L,), bad (L, 2), range (L, 2), ghostk_counts, ghostk_low, ghostk_high
 * @param {{layers: string[], kind: string, ghosts?: string[], unmeasured?: string, chosen?: import("./base/linked.js").Chosen, marks?: Record<string, string>}} labels
 * @param {{log?: boolean}} options
 */
export function draw(panel, frame, labels, options) {
  const { ctx, theme } = panel;
  const [count, bins] = frame.counts?.shape ?? [0, 0];
  if (!count || !bins) return nothing(panel, "no layers yet");
  const { low, high } = { low: frame.low.data, high: frame.high.data };
  const size = textSize(panel);
  const cells = layoutCells(count, panel.width, panel.height, size);
  const color = theme[labels.kind] ?? theme.weights;
  const none = labels.unmeasured ?? "not measured yet", marks = labels.marks ?? {};
  const ghosts = (labels.ghosts ?? []).map((name, k) => ({ name, counts: frame[`ghost${k}_counts`], low: frame[`ghost${k}_low`]?.data, high: frame[`ghost${k}_high`]?.data })).filter((one) => one.counts);
  const first = (/** @type {number} */ i) => frame.range?.data[2 * i] ?? low[i], last = (/** @type {number} */ i) => frame.range?.data[2 * i + 1] ?? high[i];
  /** Where the values from a to b lie in a chart, whose axis is that of all that is drawn there. */
  const within = (chart, i, a, b) => {
    const scale = chart.width / (last(i) - first(i));
    return { ...chart, x: chart.x + (a - first(i)) * scale, width: (b - a) * scale };
  };
  const counts = (/** @type {number} */ i) => frame.counts.data.subarray(i * bins, (i + 1) * bins);

  cells.boxes.forEach((box, i) => {
    const name = cells.compact ? brief(labels.layers[i] ?? "") : labels.layers[i] ?? "", numbers = counts(i);
    const ends = [formatNumber(first(i), 2), formatNumber(last(i), 2)];
    const chart = chartIn(box, cells.compact, size), same = constant(numbers, low[i], high[i]);
    rule(panel, chart.x, chart.y + chart.height, chart.x + chart.width, chart.y + chart.height, theme.grid);
    if (cells.compact) {
      text(panel, shorten(panel, name, chart.x - box.x - 4, size - 1), chart.x - 5, box.y + box.height / 2, { align: "right", size: size - 1, color: theme.muted });
    } else text(panel, shorten(panel, name, box.width, size, 600), box.x, box.y + size / 2, { weight: 600 });
    const ill = notFinite(frame.bad?.data.subarray(2 * i, 2 * i + 2) ?? []);
    if (!ill && !numbers.some((n) => n > 0)) return quiet(panel, { ...chart, width: chart.width + chart.spare }, none, size - 1); // nothing was counted
    if (!numbers.some((n) => n > 0) || !Number.isFinite(high[i] - low[i])) {
      return alarm(panel, ill || "no finite value", chart.x + chart.width / 2, chart.y + chart.height / 2);
    }
    if (same !== null) {
      ctx.fillStyle = color;
      ctx.fillRect(chart.x + chart.width / 2 - 2, chart.y, 4, chart.height);
      if (ill) alarm(panel, ill, chart.x + chart.width / 4, chart.y + chart.height / 2);
      const y = cells.compact ? box.y + box.height / 2 : chart.y + chart.height + 4 + size / 2;
      return text(panel, `all ${formatNumber(same)}`, chart.x + chart.width / 2 + (cells.compact ? 6 : 0), y, { align: cells.compact ? "left" : "center", size: size - 1, color: theme.muted });
    }
    const zero = first(i) < 0 && last(i) > 0 ? within(chart, i, 0, 0).x : NaN;
    if (zero) rule(panel, zero, chart.y, zero, chart.y + chart.height + (cells.compact ? 0 : 3), cells.compact ? theme.grid : theme.muted);
    const log = Boolean(options.log), behind = ghosts.flatMap((one) => {
      const [a, b] = [one.low?.[i] ?? 0, one.high?.[i] ?? 0], heights = asMuch(one.counts.data.subarray(i * bins, (i + 1) * bins), a, b, numbers, low[i], high[i]);
      return heights ? [{ heights, box: within(chart, i, a, b) }] : [];
    });
    // A narrow ghost is high: it may leave the chart, so that the bars keep half of the height.
    const own = Math.max(...numbers), most = Math.min(2 * own, Math.max(own, ...behind.flatMap((one) => one.heights)));
    bars(panel, within(chart, i, low[i], high[i]), numbers, log, color, most);
    inside(panel, { ...chart, y: chart.y - 1, height: chart.height + 2 }, () => {
      for (const { heights, box } of behind) bars(panel, box, heights, log, null, most);
    });
    if (ill) alarm(panel, ill, chart.x + chart.width / 2, chart.y + chart.height / 2);
    if (zero) {
      const half = textWidth(panel, "0", size - 1) / 2, [a, b] = ends.map((words) => textWidth(panel, words, size - 1));
      if (!cells.compact && zero - half > chart.x + a + 4 && zero + half < chart.x + chart.width - b - 4) {
        text(panel, "0", zero, chart.y + chart.height + 4, { align: "center", baseline: "top", size: size - 1, color: theme.muted });
      }
    }
    if (!cells.compact) {
      const y = chart.y + chart.height + 4, style = { baseline: /** @type {const} */ ("top"), size: size - 1, color: theme.muted };
      text(panel, ends[0], chart.x, y, style);
      text(panel, ends[1], chart.x + chart.width, y, { ...style, align: "right" });
    } else if (chart.spare > 0) {
      const span = shorten(panel, `${ends[0]} … ${ends[1]}`, chart.spare, size - 1);
      text(panel, span, chart.x + chart.width + 5, box.y + box.height / 2, { size: size - 1, color: theme.muted });
    }
  });

  return {
    press: linked(panel, labels, labels.layers, cells.boxes),
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const i = cells.boxes.findIndex((b) => mx >= b.x && mx < b.x + b.width && my >= b.y && my < b.y + b.height);
      if (i < 0) return null;
      const numbers = counts(i), chart = chartIn(cells.boxes[i], cells.compact, size);
      const total = numbers.reduce((sum, n) => sum + n, 0);
      const lines = [labels.layers[i] ?? "", `${groups(total)} ${labels.kind}, ${formatNumber(low[i])} to ${formatNumber(high[i])}`];
      const ill = notFinite(frame.bad?.data.subarray(2 * i, 2 * i + 2) ?? []);
      if (!total && !ill) return `${labels.layers[i] ?? ""}\n${none}`;
      if (ill) lines.push(ill);
      if (my < chart.y) lines.push(...[marks.bars, marks.zero].filter(Boolean)); // on the name
      const own = within(chart, i, low[i], high[i]), bin = Math.floor(((mx - own.x) / own.width) * bins);
      if (bin >= 0 && bin < bins && high[i] > low[i]) {
        const edge = (/** @type {number} */ k) => formatNumber(low[i] + ((high[i] - low[i]) * k) / bins, 2);
        lines.push(`${groups(numbers[bin])} from ${edge(bin)} to ${edge(bin + 1)}`);
      }
      return lines.join("\n");
    },
  };
}

/**
 * Cells for `count` histograms: as many columns as give the best-shaped cells; compact rows (name, bars and range on one
 * line) where cells with captions would be too low.
 */
export function layoutCells(count, width, height, size) {
  const [gapX, gapY, margin] = [14, 6, 4];
  const grid = (/** @type {number} */ columns, /** @type {number} */ gap) => {
    const rows = Math.ceil(count / columns);
    const w = (width - 2 * margin - (columns - 1) * gapX) / columns, h = (height - 2 * margin - (rows - 1) * gap) / rows;
    const boxes = Array.from({ length: count }, (_, i) => {
      // Column by column, so that the eye follows the layers downwards.
      const [column, row] = [Math.floor(i / rows), i % rows];
      return { x: margin + column * (w + gapX), y: margin + row * (h + gap), width: w, height: h };
    });
    return { boxes, w, h };
  };
  const least = { w: 7 * size, h: 4.2 * size };
  let best = null;
  for (let columns = 1; columns <= 8; columns++) {
    const one = grid(columns, gapY);
    if (one.w < least.w || one.h < least.h) continue;
    const shape = Math.abs(Math.log(one.w / one.h / 2.2)) + 0.4 * ((columns - (count % columns)) % columns);
    if (!best || shape < best.shape) best = { ...one, shape };
  }
  if (best) return { boxes: best.boxes, compact: false };
  const columns = [1, 2, 3, 4].find((n) => grid(n, 1).h >= size) ?? 4;
  return { boxes: grid(columns, 1).boxes, compact: true };
}

/** The cells before there is anything to draw in them: their names, and why. @param {import("./base/plot.js").Panel} panel  @param {string[]} names  @param {string} none */
export function skeleton(panel, names, none) {
  const size = textSize(panel), { boxes, compact } = layoutCells(Math.max(1, names.length), panel.width, panel.height, size);
  if (compact || !names.length) quiet(panel, { x: 0, y: 0, width: panel.width, height: panel.height }, none);
  else boxes.forEach((box, i) => {
    text(panel, shorten(panel, names[i], box.width, size, 600), box.x, box.y + size / 2, { weight: 600 });
    quiet(panel, { ...box, y: box.y + size + 2, height: box.height - size - 4 }, none);
  });
  return { readout: () => none };
}

/** Where the bars of a cell lie; `spare` is the room for the range beside them. */
export function chartIn(box, compact, size) {
  if (!compact) return { x: box.x, y: box.y + size + 3, width: box.width, height: box.height - 2 * size - 8, spare: 0 };
  const name = 3.2 * size, spare = box.width > 13 * size ? 6 * size : 0;
  return { x: box.x + name, y: box.y, width: box.width - name - (spare ? spare + 5 : 0), height: box.height - 1, spare };
}

/** "3 NaN", "3 NaN, 2 infinite", or "" when all are finite. @param {ArrayLike<number>} bad  how many of both */
export const notFinite = (bad) => ["NaN", "infinite"].map((word, k) => (bad[k] ? `${groups(bad[k])} ${word}` : "")).filter(Boolean).join(", ");

/** "hidden 12" -> "h12", where there is no room for more. @param {string} name */
export const brief = (name) => name.replace(/^hidden /, "h").replace(/^output$/, "out");

/**
 * The value when all are the same, else null. Such values come as one bar in the middle of a range around them.
 * @param {ArrayLike<number>} counts  @param {number} low  @param {number} high
 */
export function constant(counts, low, high) {
  if (low === high) return low;
  const filled = Array.from(counts, (n, i) => (n > 0 ? i : -1)).filter((i) => i >= 0);
  if (filled.length !== 1 || filled[0] !== counts.length >> 1) return null;
  const middle = (low + high) / 2;
  return Math.abs(middle) < 1e-3 * (high - low) ? 0 : middle;
}

/** A filled outline, or without a colour only the outline; what is `largest` is as high as the box. */
function bars(panel, box, counts, log, color, largest) {
  const { ctx, theme } = panel, height = log ? Math.log1p : Number;
  const heights = Array.from(counts, height);
  const most = height(largest), bottom = box.y + box.height;
  ctx.fillStyle = color ?? "";
  ctx.beginPath();
  ctx.moveTo(box.x, bottom);
  heights.forEach((h, i) => {
    const y = bottom - (h > 0 ? Math.max(1, (h / most) * box.height) : 0);
    ctx.lineTo(box.x + (box.width * i) / heights.length, y);
    ctx.lineTo(box.x + (box.width * (i + 1)) / heights.length, y);
  });
  ctx.lineTo(box.x + box.width, bottom);
  if (color) return ctx.fill();
  ctx.strokeStyle = theme.muted; // the outline of a ghost
  ctx.lineWidth = 1;
  ctx.stroke();
}

/** The counts of a ghost, as high as makes its area that of the bars; null where it has no width. @param {ArrayLike<number>} counts  @param {ArrayLike<number>} bars */
export function asMuch(counts, low, high, bars, first, last) {
  const sum = (/** @type {ArrayLike<number>} */ values) => Array.from(values).reduce((a, b) => a + b, 0);
  const total = sum(counts);
  return total && high > low ? Array.from(counts, (n) => (n * sum(bars) * (last - first)) / (total * (high - low))) : null;
}
