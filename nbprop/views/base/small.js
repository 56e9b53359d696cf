/**
 * A small picture of a few numbers: bars, or a line over steps, with the limit that they are judged by.
 *
 * @typedef {import("./plot.js").Panel} Panel
 * @typedef {{kind: string, values: ArrayLike<number>, labels: string[], steps: ArrayLike<number>, limit: number, unit: string, log: boolean}} Small
 *   limit: NaN for none; labels: of bars; steps: of a line
 */
import { formatNumber, groups, linearScale, logScale, ticksOf } from "./math.js";
import { alarm, axisBelow, axisLeft, curve, rule, shorten, text, textWidth, widest } from "./plot.js";

const SIZE = 10, DECADE = 10;

/** From where to where the numbers go that can be drawn, with the limit. @param {Small} small */
export function domainOf({ values, limit, log }) {
  const good = [...Array.from(values), limit].filter((v) => Number.isFinite(v) && (!log || v > 0));
  if (!good.length) return log ? [0.1, 1] : [0, 1];
  let [low, high] = [Math.min(...good), Math.max(...good)];
  if (log) {
    const room = Math.max(1, DECADE / (high / low)) ** 0.5;
    return [low / room / 1.3, high * room * 1.3];
  }
  [low, high] = [Math.min(0, low), Math.max(0, high)];
  return low < high ? [low, high + 0.05 * (high - low)] : [low, low + 1];
}

/** What a place is called. @param {Small} small  @param {number} i */
export const nameOf = ({ kind, labels, steps }, i) => (kind === "bars" ? labels[i] ?? String(i + 1) : `step ${groups(steps[i])}`);

/** A place and its number, in words. @param {Small} small  @param {number} i */
export function said(small, i) {
  const value = small.values[i];
  return `${nameOf(small, i)}: ${small.kind === "bars" && Number.isNaN(value) ? "none" : formatNumber(value)}`;
}

/** The whole of it, for whoever cannot see it. @param {Small} small */
export function inWords(small) {
  const { kind, values, limit, unit } = small, n = values.length;
  const some = kind === "bars" && n <= 24 ? Array.from(values, (_, i) => i) : n > 1 ? [0, n - 1] : n ? [0] : [];
  const between = some.length < n ? ` (the first and the last of ${n})` : "";
  return `${unit}${between}: ${some.map((i) => said(small, i)).join(", ")}${Number.isFinite(limit) ? `; limit ${formatNumber(limit)}` : ""}`;
}

/**
 * Draws it over all of a panel.
 * @param {Panel} panel  @param {Small} small  @param {number} chosen  the place that is read, -1 for none
 * @returns {(x: number) => number}  the place nearest to x
 */
export function drawSmall(panel, small, chosen = -1) {
  const { ctx, theme } = panel, { kind, values, labels, steps, limit, log } = small;
  const n = values.length, domain = domainOf(small), [top, bottom] = [8, panel.height - SIZE - 9];
  const y = (log ? logScale : linearScale)(domain, [bottom, top]);
  const ticks = ticksOf(y, 3), left = widest(panel, ticks.map((tick) => tick.label), SIZE) + 9;
  const box = { x: left, y: top, width: Math.max(10, panel.width - left - 4), height: bottom - top };
  const level = (/** @type {number} */ v) => Math.min(Math.max(y(v), top), bottom);
  axisLeft(panel, box, y, "", { ticks });
  const wide = box.width / Math.max(1, n);
  const x = kind === "bars" ? (/** @type {number} */ i) => box.x + (i + 0.5) * wide : over(box, steps);
  if (chosen >= 0 && chosen < n) rule(panel, x(chosen), top, x(chosen), bottom, theme.muted, Math.max(1, kind === "bars" ? Math.min(wide, 4) : 1));
  if (kind === "bars") {
    const base = log ? bottom : level(0), bar = Math.max(1, wide - Math.min(4, 0.2 * wide));
    ctx.fillStyle = theme.train;
    for (let i = 0; i < n; i++) if (Number.isFinite(y(values[i]))) ctx.fillRect(x(i) - bar / 2, Math.min(level(values[i]), base), bar, Math.abs(level(values[i]) - base));
    rule(panel, box.x, bottom, box.x + box.width, bottom, theme.muted);
    names(panel, labels, x, wide, bottom + 5);
  } else {
    axisBelow(panel, box, linearScale([steps[0] ?? 0, steps[n - 1] ?? 1], [box.x, box.x + box.width]), "", { grid: false });
    curve(panel, Array.from(values, (_, i) => x(i)), Array.from(values, (v) => (Number.isFinite(y(v)) ? level(v) : NaN)), theme.train);
  }
  if (Number.isFinite(limit) && (!log || limit > 0)) rule(panel, box.x, level(limit), box.x + box.width, level(limit), theme.foreground, 1.5, [5, 3]);
  loud(panel, small, x, wide, y, (top + bottom) / 2);
  return (mx) => Array.from(values, (_, i) => Math.abs(x(i) - mx)).reduce((best, far, i, all) => (far < all[best] ? i : best), 0);
}

/** Where a step lies. @param {import("./plot.js").Box} box  @param {ArrayLike<number>} steps */
function over(box, steps) {
  const scale = linearScale([steps[0] ?? 0, steps[steps.length - 1] ?? 1], [box.x, box.x + box.width]);
  return (/** @type {number} */ i) => scale(steps[i]);
}

/** As many names below bars as there is room for; the last one first. */
function names(panel, labels, x, wide, y) {
  const write = (/** @type {number} */ i, /** @type {number} */ room) => {
    const words = shorten(panel, labels[i], room, SIZE), half = textWidth(panel, words, SIZE) / 2;
    const at = Math.min(Math.max(x(i), half + 1), panel.width - half - 1);
    text(panel, words, at, y, { align: "center", baseline: "top", size: SIZE, color: panel.theme.muted });
    return [at - half, at + half];
  };
  const last = labels.length - 1;
  if (last < 0) return;
  const [end] = write(last, Math.max(wide, 0.4 * panel.width));
  let free = -Infinity;
  for (let i = 0; i < last; i++) {
    const half = Math.min(textWidth(panel, labels[i], SIZE), 0.4 * panel.width) / 2, from = Math.max(x(i) - half, 1);
    if (from > free + 6 && from + 2 * half < end - 6) free = write(i, 2 * half + 1)[1];
  }
}

/** What has no place on the axis must not be overlooked; a bar that there is none of is no alarm. */
function loud(panel, { kind, values }, x, wide, y, middle) {
  const bad = Array.from(values, (_, i) => i).filter((i) => !Number.isFinite(y(values[i])) && !(kind === "bars" && Number.isNaN(values[i])));
  for (const i of bad) {
    const words = formatNumber(values[i]);
    if (kind !== "bars" || textWidth(panel, words, SIZE, 700) + 8 > wide) {
      const what = [...new Set(bad.map((k) => formatNumber(values[k])))].join(", ");
      return alarm(panel, bad.length > 1 ? `${bad.length} are ${what}` : what, x(bad[bad.length - 1]), middle, { size: SIZE });
    }
    alarm(panel, words, x(i), middle, { size: SIZE });
  }
}
