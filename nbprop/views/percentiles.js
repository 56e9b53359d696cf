/** A band of percentiles of z over the steps, one for each layer. */
import { formatNumber, groups, linearScale, rowOf } from "./base/math.js";
import { fitting, keysOf } from "./base/keys.js";
import { alarm, band, curve, DASHES, inside, rule, shorten, text, textSize, textWidth, widest } from "./base/plot.js";
import { ABSENT } from "./gradients.js";
import { brief, chartIn, layoutCells, skeleton } from "./histograms.js";
import { nearest } from "./loss.js";

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  steps (n,), low, middle, high (L, n), now (3, L), range (L, 2), until (1,), ghostk_steps, ghostk_low, ghostk_middle, ghostk_high
 * @param {{layers: string[], of: string, moment?: number | null, ghosts?: string[], unmeasured?: string, marks?: Record<string, string>}} labels
 */
export function draw(panel, frame, labels) {
  const { theme } = panel, marks = labels.marks ?? {}, keys = keysOf(panel), none = labels.unmeasured ?? "nothing recorded yet";
  const steps = frame.steps?.data ?? new Float32Array(0), moment = labels.moment ?? null;
  if (!steps.length) return skeleton(panel, labels.layers ?? [], none); // before the first frame there are no words either
  const count = frame.low.shape[0], size = textSize(panel), small = size - 1;
  const cells = layoutCells(count, panel.width, panel.height, size);
  const ends = (/** @type {number} */ i) => [frame.range.data[2 * i], frame.range.data[2 * i + 1]];
  const bands = Array.from({ length: count }, (_, i) => [frame.low, frame.middle, frame.high].map((numbers) => rowOf(numbers, i)));
  const ghosts = (labels.ghosts ?? []).map((_, k) => ({ dash: DASHES[k], parts: ["steps", "low", "middle", "high"].map((name) => frame[`ghost${k}_${name}`]) })).filter((one) => one.parts.every(Boolean));
  const last = Math.max(frame.until?.data[0] ?? 0, steps[steps.length - 1]), first = steps[0] > 0.2 * last ? steps[0] : 0;
  // Beside a compact chart stands the band of now, beside another one the ends of its axis.
  const now = Array.from({ length: count }, (_, i) => [0, 1, 2].map((k) => frame.now.data[k * count + i]));
  const known = now.map((three) => three.every((v) => v !== ABSENT));
  const words = now.map(([low, , high], i) => (known[i] ? `${formatNumber(low, 2)} … ${formatNumber(high, 2)}` : none));
  const axis = cells.compact ? 0 : widest(panel, bands.flatMap((_, i) => ends(i).map((v) => formatNumber(v, 2))), small) + 5;
  const charts = cells.boxes.map((box) => {
    const chart = chartIn(box, cells.compact, size);
    return { ...chart, x: chart.x + axis, width: chart.width - axis };
  });

  cells.boxes.forEach((box, i) => {
    const chart = charts[i], [low, middle, high] = bands[i], [bottom, top] = ends(i);
    const x = linearScale([first, Math.max(last, first + 1)], [chart.x, chart.x + chart.width]);
    const y = linearScale([bottom, top], [chart.y + chart.height, chart.y]);
    const name = labels.layers[i] ?? "";
    if (cells.compact) {
      text(panel, shorten(panel, brief(name), chart.x - box.x - 4, small), chart.x - 5, box.y + box.height / 2, { align: "right", size: small, color: theme.muted });
      if (chart.spare > 0) keys.write(fitting(panel, known[i] ? [words[i]] : [none.split(":")[0], "none yet"], chart.spare, small), chart.x + chart.width + 5, box.y + box.height / 2, { size: small, color: theme.muted }, known[i] ? marks.now : none);
    } else {
      text(panel, shorten(panel, name, box.width, size, 600), box.x, box.y + size / 2, { weight: 600 });
      const room = box.width - textWidth(panel, name, size, 600) - 10;
      const said = [words[i], ...(known[i] ? [] : [none.split(":")[0], "none yet"])].find((one) => textWidth(panel, one, small) <= room);
      if (said) keys.write(said, box.x + box.width, box.y + size / 2, { align: "right", size: small, color: theme.muted }, known[i] ? marks.now : none);
      axes(panel, chart, [bottom, top], [first, last], small);
    }
    rule(panel, chart.x, y(0), chart.x + chart.width, y(0), cells.compact ? theme.grid : theme.muted);
    const xs = Array.from(steps, x);
    const ys = [low, middle, high].map((values) => Array.from(values, (v) => (v === ABSENT ? NaN : y(v))));
    inside(panel, { ...chart, y: chart.y - 1, height: chart.height + 2 }, () => {
      band(panel, xs, ys[0], ys[2], theme.train, 0.3);
      for (const { dash, parts: [at, ...three] } of ghosts) {
        const places = Array.from(at.data, x);
        for (const numbers of three) curve(panel, places, Array.from(rowOf(numbers, i), (v) => (v === ABSENT ? NaN : y(v))), theme.muted, 1, dash);
      }
      curve(panel, xs, ys[1], theme.train, cells.compact ? 1 : 1.5);
    });
    if (moment !== null) markMoment(panel, chart, x, moment, i === 0 && !cells.compact, small);
    const end = now[i].find((v) => !Number.isFinite(v)) ?? 0;
    if (!Number.isFinite(end)) alarm(panel, formatNumber(end), chart.x + chart.width, chart.y + chart.height / 2, { align: "right", size: small });
  });

  return {
    keys: keys.all,
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const meaning = keys.at(mx, my);
      if (meaning) return meaning;
      const i = cells.boxes.findIndex((b) => mx >= b.x && mx < b.x + b.width && my >= b.y && my < b.y + b.height);
      if (i < 0) return null;
      const x = linearScale([charts[i].x, charts[i].x + charts[i].width], [first, Math.max(last, first + 1)]);
      const k = nearest(steps, x(mx)), [low, middle, high] = bands[i].map((values) => formatNumber(values[k]));
      const where = `${labels.layers[i] ?? ""} (${labels.of ?? ""}), step ${groups(steps[k])}`;
      if (bands[i][1][k] === ABSENT) return `${where}\nthis layer was not there`;
      return `${where}\n85 % of z below ${high}\nhalf below ${middle} (the line)\n15 % below ${low}`;
    },
  };
}

/** A line at the step that is looked at, with its number. @param {number} moment  @param {boolean} named */
function markMoment(panel, chart, x, moment, named, size) {
  const at = Math.min(x(moment), chart.x + chart.width);
  if (at < chart.x) return;
  rule(panel, at, chart.y, at, chart.y + chart.height, panel.theme.foreground, 1.25);
  if (!named) return;
  const words = `step ${groups(moment)}`, width = textWidth(panel, words, size, 600);
  const left = Math.min(at + 4, Math.max(chart.x, chart.x + chart.width - width));
  text(panel, words, left, chart.y + size / 2 + 1, { size, weight: 600, halo: true });
}

/** The ends of both axes: all that there is room for. */
function axes(panel, chart, [bottom, top], [first, last], size) {
  const { theme } = panel;
  const base = chart.y + chart.height, style = { size, color: theme.muted };
  rule(panel, chart.x, chart.y, chart.x, base, theme.grid);
  rule(panel, chart.x, base, chart.x + chart.width, base, theme.grid);
  text(panel, formatNumber(bottom, 2), chart.x - 4, base - size / 2, { ...style, align: "right" });
  if (chart.height > 2.6 * size) text(panel, formatNumber(top, 2), chart.x - 4, chart.y + size / 2, { ...style, align: "right" });
  const [begin, end] = [`step ${groups(first)}`, groups(last)];
  const y = base + 4, wide = textWidth(panel, begin, size) + textWidth(panel, end, size) + 8 < chart.width;
  if (wide) text(panel, begin, chart.x, y, { ...style, baseline: "top" });
  text(panel, end, chart.x + chart.width, y, { ...style, align: "right", baseline: "top" });
}
