/** The sharpness over the steps, and how large it may be. */
import { formatNumber, groups, indexBefore, linearScale, logScale, niceDomain, percent, rowOf, spread, ticksOf } from "./base/math.js";
import { keysOf, quiet } from "./base/keys.js";
import { axisBelow, axisLeft, curve, DASHES, dot, inside, mix, rule, shorten, textSize, tickCount, widest } from "./base/plot.js";
import { alarmsIn, drawFlag, drawPeak, FLAG, flagsOf, nearest, peakAbove } from "./loss.js";

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  sharpness, stable (2, n), now (2,) or (0,), events (k,), range (4,), until (1,), ghostk_sharpness (2, m)
 * @param {{formula?: string, events?: string[], moment?: number | null, ghosts?: string[], unmeasured?: string, marks?: Record<string, string>}} labels
 * @param {{log?: boolean}} options
 */
export function draw(panel, frame, labels, options) {
  const { theme } = panel, marks = labels.marks ?? {}, keys = keysOf(panel), none = labels.unmeasured ?? "not measured yet";
  if (!frame.now?.data.length) return quiet(panel, { x: 0, y: 0, width: panel.width, height: panel.height }, none);
  const [steps, values] = [rowOf(frame.sharpness, 0), rowOf(frame.sharpness, 1)], stable = rowOf(frame.stable, 1), stableSteps = rowOf(frame.stable, 0);
  const [step, value] = frame.now.data, moment = labels.moment ?? null, range = frame.range.data;
  const size = textSize(panel), bottom = 2 * size + 12;
  const noted = frame.events.data.length > 0 || moment !== null;
  const rows = panel.height < 180 || panel.width < 280 ? 1 : 2, strip = noted ? rows * (size + 2) + FLAG + 1 : 0;
  const top = size + 10 + strip, upright = tickCount(panel, panel.height - top - bottom, true);
  const domain = options.log ? [range[2], range[3]] : niceDomain([range[0], range[1]], upright);
  const y = (options.log ? logScale : linearScale)(domain, [panel.height - bottom, top]), floor = y.range[0];
  const ticks = ticksOf(y, upright), left = widest(panel, ticks.map((tick) => tick.label)) + 9;
  const ghosts = (labels.ghosts ?? []).map((name, k) => ({ name, steps: rowOf(frame[`ghost${k}_sharpness`], 0), values: rowOf(frame[`ghost${k}_sharpness`], 1) }));
  const at = indexBefore(stableSteps, step), edge = at < 0 ? NaN : stable[at];

  // Every curve is named at its end; of a ghost and of a formula only as much as there is room for.
  const short = (/** @type {string} */ words) => shorten(panel, words, panel.width / 4);
  const ends = [
    { words: `sharpness ${formatNumber(value)}`, value, color: theme.train, told: marks.sharpness, weight: 600 },
    { words: `${short(labels.formula || "stable")} ${formatNumber(edge)}`, value: edge, color: theme.validation, told: marks.stable, weight: 600 },
    ...ghosts.map(({ name, values }) => ({ words: `${short(name)} ${formatNumber(values[values.length - 1])}`, value: values[values.length - 1] ?? NaN, color: theme.muted, told: marks.ghost, weight: 400 })),
  ].filter((end) => Number.isFinite(end.value));
  const right = widest(panel, ends.map((end) => end.words), size, 600) + 8;
  const box = { x: left, y: top, width: panel.width - left - right, height: panel.height - top - bottom };
  const x = linearScale([0, Math.max(frame.until.data[0], 1)], [left, panel.width - right]);
  axisLeft(panel, box, y, "", { ticks });
  const heads = ["largest eigenvalue", "eigenvalue", "λ"].map((words) => words + (options.log ? " (log)" : ""));
  keys.write(shorten(panel, heads[panel.width < 280 ? 1 : 0], panel.width - 4), 2, size / 2 + 3, { color: theme.muted }, marks.sharpness);
  axisBelow(panel, box, x, "step", { grid: false });
  const place = (/** @type {number} */ v) => Math.min(Math.max(Number.isFinite(y(v)) ? y(v) : floor, top), floor);
  const heights = spread(ends.map((end) => place(end.value)), size + 2, top + 0.4 * size, floor);
  ends.forEach((end, i) => keys.write(end.words, box.x + box.width + 5, heights[i], { color: end.color, weight: end.weight }, end.told));

  const flags = flagsOf(panel, rowOf(frame.events, 0), labels.events ?? [], x, box, box.y - strip, Math.max(1, Math.floor((strip - FLAG) / (size + 2))), moment);
  for (const flag of flags) drawFlag(panel, box, flag, keys, marks.flag);
  if (moment !== null) {
    const line = Math.min(x(moment), box.x + box.width);
    rule(panel, line, box.y, line, box.y + box.height, theme.foreground, 1.25);
    keys.add({ x: line - 3, y: box.y, width: 6, height: 4 }, marks.moment);
  }
  const [xs, ys] = [Array.from(steps, (v) => x(v)), Array.from(values, (v) => y(v))];
  inside(panel, { ...box, y: box.y - 2, height: box.height + 4 }, () => {
    ghosts.forEach((one, k) => curve(panel, Array.from(one.steps, (v) => x(v)), Array.from(one.values, (v) => y(v)), mix(theme.background, theme.train, 0.5), 1, k ? DASHES[k] : []));
    curve(panel, Array.from(stableSteps, (v) => x(v)), Array.from(stable, (v) => y(v)), theme.validation, 1.4, [5, 3]);
    curve(panel, xs, ys, theme.train, 1.6);
    if (steps.length < 60) xs.forEach((px, i) => Number.isFinite(ys[i]) && dot(panel, px, ys[i], 1.8, theme.train));
  });
  if (Number.isFinite(y(value))) dot(panel, x(step), place(value), 3, theme.train, theme.background, 1);
  const peak = peakAbove(panel, box, x, y, [[steps, values]]);
  if (peak) drawPeak(panel, box, peak);
  alarmsIn(panel, box, x, y, steps, values, 0);

  return {
    keys: keys.all,
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const known = keys.at(mx, my);
      if (known) return known;
      if (mx < box.x - 4 || mx > box.x + box.width + 4 || my < box.y || my > box.y + box.height) return null;
      const i = nearest(steps, x.invert(mx)), flag = flags.find((one) => Math.abs(one.x - mx) < 5);
      const [there, found] = i < 0 ? [step, value] : [steps[i], values[i]];
      const lines = [`step ${groups(there)}`, `sharpness ${formatNumber(found)}`], j = nearest(stableSteps, there);
      if (j >= 0 && Number.isFinite(stable[j])) lines.push(`${percent(found / stable[j])} of ${formatNumber(stable[j])}, which is stable`);
      for (const one of ghosts) {
        const k = nearest(one.steps, there);
        if (k >= 0) lines.push(`${one.name}: ${formatNumber(one.values[k])}`);
      }
      return [...lines, ...(flag ? flag.texts : [])].join("\n");
    },
  };
}
