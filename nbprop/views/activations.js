/** The activation of each layer with its slope, over the histogram of its inputs z. */
import { formatNumber, percent } from "./base/math.js";
import { fitting, keysOf } from "./base/keys.js";
import { linked } from "./base/linked.js";
import { alarm, curve, inside, mix, rule, text, textSize, textWidth } from "./base/plot.js";
import { brief, layoutCells, skeleton } from "./histograms.js";

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame
 *   counts, flat_counts (L, bins), low, high, flat (L,), value, slope (L, points)
 * @param {{layers?: string[], activations?: string[], alarm?: number, unmeasured?: string, chosen?: import("./base/linked.js").Chosen, marks?: Record<string, string>}} labels
 */
export function draw(panel, frame, labels) {
  const { theme } = panel;
  const [count, bins] = frame.counts?.shape ?? [0, 0], points = frame.value?.shape[1] ?? 0;
  const wordsOf = (/** @type {number} */ i) => `${labels.layers?.[i] ?? ""}, ${labels.activations?.[i] ?? ""}`;
  const size = textSize(panel), foot = size + 5, keys = keysOf(panel), marks = labels.marks ?? {};
  if (!count || !bins) return skeleton(panel, (labels.layers ?? []).map((_, i) => wordsOf(i)), labels.unmeasured ?? "no step yet");
  legend(panel, panel.height - foot / 2, size - 1, keys, marks);
  const cells = layoutCells(count, panel.width, panel.height - foot, size);
  const row = (/** @type {string} */ name, /** @type {number} */ i, n = bins) => frame[name].data.subarray(i * n, (i + 1) * n);
  const of = (/** @type {number} */ i) => ({ low: frame.low.data[i], high: frame.high.data[i], share: frame.flat.data[i] });

  cells.boxes.forEach((box, i) => {
    const { low, high, share: flat } = of(i), chart = chartIn(box, cells.compact, size);
    const share = cells.compact || box.width < 9 * size ? percent(flat) : `${percent(flat)} flat`, loud = flat > (labels.alarm ?? 1);
    const short = brief(labels.layers?.[i] ?? ""), names = cells.compact ? [short] : [wordsOf(i), `${short}, ${labels.activations?.[i] ?? ""}`, short];
    const top = cells.compact ? box.y + box.height / 2 : box.y + size / 2;
    const counts = row("counts", i), some = counts.some((n) => n > 0);
    const room = some ? textWidth(panel, share, size - 1, 700) + 6 : 0;
    const tall = size - (cells.compact ? 1 : 0);
    text(panel, fitting(panel, names, cells.compact ? chart.x - box.x - 4 : box.width - room, tall, 600), box.x, top, { weight: 600, size: tall });
    if (some) keys.write(share, box.x + box.width, top, { align: "right", size: size - 1, weight: loud ? 700 : 400, color: loud ? theme.warning : theme.muted }, marks.flat);
    const bottom = chart.y + chart.height;
    rule(panel, chart.x, bottom, chart.x + chart.width, bottom, theme.muted);
    if (!some) return alarm(panel, "no finite value", chart.x + chart.width / 2, chart.y + chart.height / 2);
    const x = (/** @type {number} */ z) => chart.x + (chart.width * (z - low)) / (high - low);
    inside(panel, { ...chart, y: chart.y - 1, height: chart.height + 1 }, () => {
      const most = Math.max(...counts);
      bars(panel, chart, counts, most, mix(theme.background, theme.weights, 0.6));
      bars(panel, chart, row("flat_counts", i), most, mix(theme.background, theme.gradients, 0.75));
      const xs = Array.from({ length: points }, (_, k) => chart.x + (chart.width * k) / (points - 1));
      const ys = (/** @type {string} */ name) => heights(row(name, i, points)).map((h) => bottom - h * (chart.height - 2));
      curve(panel, xs, ys("value"), theme.foreground, 1.3);
      curve(panel, xs, ys("slope"), theme.guide, 1.6, [4, 3]);
    });
    if (!cells.compact) ticks(panel, chart, low, high, x, size - 1);
  });

  return {
    keys: keys.all,
    press: linked(panel, labels, labels.layers ?? [], cells.boxes),
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const meaning = keys.at(mx, my);
      if (meaning) return meaning;
      const i = cells.boxes.findIndex((b) => mx >= b.x && mx < b.x + b.width && my >= b.y && my < b.y + b.height);
      if (i < 0) return null;
      const { low, high, share: flat } = of(i), chart = chartIn(cells.boxes[i], cells.compact, size);
      const lines = [wordsOf(i), `${percent(flat)} of z where the slope is near 0`];
      const at = (mx - chart.x) / chart.width, k = Math.round(at * (points - 1));
      if (k >= 0 && k < points) {
        const [value, slope] = ["value", "slope"].map((name) => formatNumber(row(name, i, points)[k], 2));
        lines.push(`z = ${formatNumber(low + ((high - low) * k) / (points - 1), 2)}: a = ${value}, slope ${slope}`);
      }
      return lines.join("\n");
    },
  };
}

/** From 0 at the lowest to 1 at the highest, where 0 and 1 always have a place. @param {ArrayLike<number>} values */
export function heights(values) {
  const [low, high] = [Math.min(0, ...Array.from(values)), Math.max(1, ...Array.from(values))];
  return Array.from(values, (v) => (v - low) / (high - low));
}

/** Where the picture of a cell lies. @param {import("./base/plot.js").Box} box */
export function chartIn(box, compact, size) {
  if (!compact) return { x: box.x, y: box.y + size + 4, width: box.width, height: box.height - 2 * size - 9 };
  const side = 3.2 * size;
  return { x: box.x + side, y: box.y, width: box.width - 2 * side, height: box.height - 1 };
}

/** A bar for each count, the highest of `most`. */
function bars(panel, box, counts, most, color) {
  const { ctx } = panel, width = box.width / counts.length;
  ctx.fillStyle = color;
  ctx.beginPath();
  counts.forEach((/** @type {number} */ n, /** @type {number} */ k) => {
    if (!n) return;
    const height = Math.max(1, (n / most) * box.height);
    ctx.rect(box.x + k * width, box.y + box.height - height, width, height);
  });
  ctx.fill();
}

/** The ends of the axis, and zero where there is room for it. */
function ticks(panel, chart, low, high, x, size) {
  const { theme } = panel, y = chart.y + chart.height + 4;
  const style = { baseline: /** @type {const} */ ("top"), size, color: theme.muted };
  const [a, b] = [low, high].map((z) => formatNumber(z, 2));
  text(panel, a, chart.x, y, style);
  text(panel, b, chart.x + chart.width, y, { ...style, align: "right" });
  const half = textWidth(panel, "0", size) / 2;
  rule(panel, x(0), chart.y + chart.height, x(0), chart.y + chart.height + 3, theme.muted);
  if (x(0) - half < chart.x + textWidth(panel, a, size) + 4 || x(0) + half > chart.x + chart.width - textWidth(panel, b, size) - 4) return;
  text(panel, "0", x(0), y, { ...style, align: "center" });
}

/** What the bars and lines are, in short where there is little room. */
function legend(panel, y, size, keys, marks) {
  const { theme, width } = panel;
  const entries = [
    ["a = f(z)", "f(z)", theme.foreground, marks.f],
    ["slope (full height 1)", "slope", theme.guide, marks.slope],
    ["slope near 0", "near 0", theme.gradients, marks.flat],
    ["bars: values of z", "z", theme.weights, marks.z],
  ];
  const long = entries.reduce((sum, [words]) => sum + textWidth(panel, words, size, 600) + 14, 4) < width;
  let x = 4;
  for (const [words, short, color, meaning] of entries) {
    keys.write(long ? words : short, x, y, { size, weight: 600, color }, meaning);
    x += textWidth(panel, long ? words : short, size, 600) + 14;
  }
}
