/** The loss over the steps: training, validation, accuracy, metrics, and a flag at every change. */
import { formatNumber, groups, indexBefore, linearScale, logScale, niceDomain, percent, rowOf, spread, ticksOf } from "./base/math.js";
import { fitting, keysOf, quiet } from "./base/keys.js";
import { alarm, axisBelow, axisLeft, axisRight, band, curve, DASHES, dot, inside, mix, rule, shorten, text, textSize, textWidth, tickCount, widest } from "./base/plot.js";

export const FLAG = 6; // height of a pennant, CSS pixels

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  train (4, n), validation, train_accuracy, val_accuracy (2, m), events (k,), range (4,), until (1,), ghostk_train, ghostk_validation, train_metric_i, val_metric_i (2, m), metric_ranges (metrics, 2)
 * @param {{events?: string[], classifies?: boolean, metrics?: string[], moment?: number | null, ghosts?: string[], unmeasured?: string, marks?: Record<string, string>}} labels
 * @param {{log?: boolean, accuracy?: boolean}} options
 */
export function draw(panel, frame, labels, options) {
  const { theme } = panel, marks = labels.marks ?? {}, keys = keysOf(panel), none = labels.unmeasured ?? "no step yet";
  const [steps, mean, low, high] = [0, 1, 2, 3].map((row) => rowOf(frame.train, row));
  const validation = { steps: rowOf(frame.validation, 0), values: rowOf(frame.validation, 1) };
  if (!steps.length && !validation.steps.length) return quiet(panel, { x: 0, y: 0, width: panel.width, height: panel.height }, none);
  const accuracy = rowOf(frame.val_accuracy, 1), moment = labels.moment ?? null;
  const showAccuracy = Boolean(options.accuracy && labels.classifies && accuracy.length);

  // Where the box lies follows from how wide the tick labels are.
  const size = textSize(panel), small = size - 1, bottom = 2 * size + 12;
  const noted = (frame.events?.data.length ?? 0) > 0 || moment !== null;
  const strip = noted ? (panel.height < 180 || panel.width < 280 ? 1 : 2) * (small + 3) + FLAG + 1 : 0;
  const top = size + 10 + strip; // what was changed stands above the curves, not on them
  const range = frame.range.data;
  const upright = tickCount(panel, panel.height - top - bottom, true);
  const domain = options.log ? [range[2], range[3]] : niceDomain([range[0], range[1]], upright);
  const y = (options.log ? logScale : linearScale)(domain, [panel.height - bottom, top]);
  const ticks = ticksOf(y, upright);
  const left = widest(panel, ticks.map((tick) => tick.label)) + 9;
  const share = linearScale([0, 1], y.range);
  const metrics = options.accuracy ? metricsOf(frame, labels.metrics ?? [], theme, y.range) : [];
  const shares = metrics.filter((one) => one.within);
  const ghosts = (labels.ghosts ?? []).map((name, k) => {
    const halves = [frame[`ghost${k}_train`], frame[`ghost${k}_validation`]].map((one) => ({ steps: rowOf(one, 0), values: rowOf(one, 1) }));
    return { name, halves, values: halves[halves[1].values.length ? 1 : 0].values };
  });
  // Every curve is named at its end, so the names stand where else the ticks of the right axis would; with a moment, its
  // value there.
  const short = panel.width < 420;
  const seen = (/** @type {ArrayLike<number>} */ at, /** @type {ArrayLike<number>} */ values) => (moment === null ? lastFinite(values) : values[indexBefore(at, moment)] ?? NaN);
  const ends = [
    { name: "train", color: theme.train, scale: y, value: seen(steps, mean), show: formatNumber, told: marks.train },
    { name: short ? "val." : "validation", color: theme.validation, scale: y, value: seen(validation.steps, validation.values), show: formatNumber, told: marks.validation },
    ...(showAccuracy ? [{ name: short ? "val. acc." : "val. accuracy", color: theme.accuracy, scale: share, value: seen(rowOf(frame.val_accuracy, 0), accuracy), show: percent, told: marks.accuracy }] : []),
    ...metrics.map((one) => ({ name: shorten(panel, one.name, panel.width / 5), color: one.color, scale: one.scale, value: seen(one.steps, one.values), show: formatNumber, told: marks.metric && `${one.name}: ${marks.metric}` })),
    ...ghosts.map(({ name, values }) => ({ name: shorten(panel, name, panel.width / 5), color: theme.muted, scale: y, value: lastFinite(values), show: formatNumber, told: marks.ghost, pale: true })),
  ].filter((end) => Number.isFinite(end.value)).map((end) => ({ ...end, words: `${end.name} ${end.show(end.value)}` }));
  const right = widest(panel, ends.map((end) => end.words), size, 600) + 8;
  const box = { x: left, y: top, width: panel.width - left - right, height: panel.height - top - bottom };
  const last = Math.max(frame.until?.data[0] ?? 0, steps[steps.length - 1] ?? validation.steps[validation.steps.length - 1]);
  const x = linearScale([steps[0] > 0.2 * last ? steps[0] : 0, Math.max(last, steps.length ? 1 : 10)], [left, panel.width - right]);

  axisLeft(panel, box, y, "", { ticks });
  keys.write(options.log ? "loss (log)" : "loss", 2, size / 2 + 3, { color: theme.muted }, marks.train);
  axisBelow(panel, box, x, "step", { grid: false });
  const floor = y.range[0];
  const wanted = ends.map((end) => Math.min(Math.max(end.scale(end.value) || floor, top), floor));
  const heights = spread(wanted, size + 2, top + 0.4 * size, floor);
  if (showAccuracy || shares.length) {
    const free = (/** @type {number} */ value) => heights.every((at) => Math.abs(at - share(value)) >= size + 1);
    const parts = [0, 0.25, 0.5, 0.75, 1].filter((value) => value % 0.5 === 0 || panel.height > 300);
    const title = !shares.length ? "accuracy" : !showAccuracy && shares.length === 1 ? shorten(panel, shares[0].name, panel.width / 4) : "share";
    const color = !shares.length ? theme.accuracy : title === "share" ? theme.muted : shares[0].color;
    axisRight(panel, box, share, parts.map((value) => ({ value, label: free(value) ? percent(value) : "" })), "", color);
    keys.write(title, panel.width - 2, size / 2 + 3, { align: "right", color }, title === "accuracy" ? marks.accuracy : marks.metric);
  }
  ends.forEach((end, i) => keys.write(end.words, box.x + box.width + 5, heights[i], { color: end.color, weight: "pale" in end ? 400 : 600 }, end.told));

  const peak = peakAbove(panel, box, x, y, [[steps, mean], [validation.steps, validation.values]]);
  const flags = flagsOf(panel, rowOf(frame.events, 0), labels.events ?? [], x, box, box.y - strip, Math.max(1, Math.floor((strip - FLAG) / (small + 3))), moment);
  for (const flag of flags) drawFlag(panel, box, flag, keys, marks.flag);
  if (moment !== null && x(moment) >= box.x - 1) {
    const at = Math.min(x(moment), box.x + box.width);
    rule(panel, at, box.y, at, box.y + box.height, theme.foreground, 1.25);
    keys.add({ x: at - 3, y: box.y, width: 6, height: 4 }, marks.moment);
  }

  const px = (/** @type {Float32Array} */ values, /** @type {(v: number) => number} */ scale) => Array.from(values, (v) => scale(v));
  const [xs, ys] = [px(steps, x), px(mean, y)];
  inside(panel, { ...box, y: box.y - 1, height: box.height + 2 }, () => {
    ghosts.forEach(({ halves }, i) => {
      halves.forEach((half, k) => curve(panel, px(half.steps, x), px(half.values, y), mix(theme.background, k ? theme.validation : theme.train, 0.5), 1, i ? DASHES[i] : []));
    });
    band(panel, xs, px(low, (v) => (options.log && v <= 0 ? floor : y(v))), px(high, y), theme.train);
    if (showAccuracy) {
      curve(panel, px(rowOf(frame.train_accuracy, 0), x), px(rowOf(frame.train_accuracy, 1), share), theme.accuracy, 1, [1.5, 2.5]);
      curve(panel, px(rowOf(frame.val_accuracy, 0), x), px(accuracy, share), theme.accuracy, 1.25, [5, 3]);
    }
    for (const one of metrics) {
      curve(panel, px(one.trainSteps, x), px(one.train, one.scale), one.color, 1, [1.5, 2.5]);
      curve(panel, px(one.steps, x), px(one.values, one.scale), one.color, 1.25, [5, 3]);
    }
    curve(panel, xs, ys, theme.train, 1.6);
    curve(panel, px(validation.steps, x), px(validation.values, y), theme.validation, 1.6);
  });
  if (moment !== null) for (const end of ends) if (!("pale" in end)) dot(panel, x(moment), end.scale(end.value), 2.5, end.color, theme.background, 1);
  if (!steps.length) quiet(panel, { ...box, y: box.y + box.height / 4, height: box.height / 2 }, none);

  if (peak) drawPeak(panel, box, peak);
  alarmsIn(panel, box, x, y, steps, mean, 0);
  alarmsIn(panel, box, x, y, validation.steps, validation.values, 1);

  return {
    keys: keys.all,
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const known = keys.at(mx, my);
      if (known) return known;
      if (mx < box.x - 4 || mx > box.x + box.width + 4 || my < box.y || my > box.y + box.height) return null;
      const step = x.invert(mx), i = nearest(steps, step), j = nearest(validation.steps, step);
      const lines = [`step ${groups(i < 0 ? validation.steps[j] : steps[i])}`];
      if (i >= 0) lines.push(`train ${formatNumber(mean[i])}${low[i] === high[i] ? "" : ` (${formatNumber(low[i])} to ${formatNumber(high[i])})`}`);
      if (j >= 0) lines.push(`validation ${formatNumber(validation.values[j])}`);
      if (showAccuracy) {
        const at = (/** @type {string} */ name) => rowOf(frame[name], 1)[nearest(rowOf(frame[name], 0), step)];
        lines.push(`validation accuracy ${percent(at("val_accuracy"))}`);
        if (frame.train_accuracy?.data.length) lines.push(`training accuracy ${percent(at("train_accuracy"))}`);
      }
      for (const { name, halves: [train, validation] } of ghosts) {
        const one = validation.values.length ? validation : train, k = nearest(one.steps, step);
        if (k >= 0 && step <= one.steps[one.steps.length - 1] * 1.02) lines.push(`${name}: ${one === train ? "train" : "validation"} ${formatNumber(one.values[k])}`);
      }
      for (const one of metrics) lines.push(`${one.name} ${formatNumber(one.values[nearest(one.steps, step)])}`);
      const flag = flags.find((one) => Math.abs(one.x - mx) < 5);
      return [...lines, ...(flag ? flag.texts : [])].join("\n");
    },
  };
}

/** Every metric with its curves and its own scale. @param {string[]} names */
function metricsOf(frame, names, theme, range) {
  return names.map((name, i) => {
    const [low, high] = rowOf(frame.metric_ranges, i);
    const [train, val] = [frame[`train_metric_${i}`], frame[`val_metric_${i}`]];
    return {
      name, within: low === 0 && high === 1, color: theme.classes[[2, 1, 4, 7][i]], scale: linearScale([low, high], range),
      trainSteps: rowOf(train, 0), train: rowOf(train, 1), steps: rowOf(val, 0), values: rowOf(val, 1),
    };
  }).filter((one) => one.values.length);
}

/** The last finite value, or NaN. @param {ArrayLike<number>} values */
export function lastFinite(values) {
  for (let i = values.length - 1; i >= 0; i--) if (Number.isFinite(values[i])) return values[i];
  return NaN;
}

/** Index of the element nearest to `value` in a rising array, -1 when it is empty. @param {ArrayLike<number>} data */
export function nearest(data, value) {
  const i = Math.max(0, indexBefore(data, value));
  return i + 1 < data.length && data[i + 1] - value < value - data[i] ? i + 1 : data.length ? i : -1;
}

/**
 * Which flags get their text, and in which row, so that none overlap and none is cut: the newest first. Flags closer than
 * 4 pixels count as one.
 * @param {number[]} xs  in pixels, rising  @param {number[]} widths  of the texts  @param {number[]} ends  of the room for texts
 * @param {number} rows  @param {number[]} used  from where to where the last row is taken
 * @returns {{x: number, left: number, row: number, members: number[]}[]}  row -1: no room for the text
 */
export function placeFlags(xs, widths, [start, end], rows, used = []) {
  const flags = [];
  const taken = Array.from({ length: rows }, (_, row) => (row < rows - 1 || !used.length ? [] : [used]));
  for (let i = xs.length - 1; i >= 0; i--) {
    const newer = flags[flags.length - 1];
    if (newer && newer.x - xs[i] < 4) {
      newer.members.push(i);
      continue;
    }
    const left = Math.max(start, Math.min(xs[i] - 2, end - widths[i]));
    // From the lowest row up: near to its flag.
    const row = left + widths[i] > end + 1 ? -1 : taken.findLastIndex((spans) => spans.every(([a, b]) => left > b + 6 || left + widths[i] < a - 6));
    if (row >= 0) taken[row].push([left, left + widths[i]]);
    flags.push({ x: xs[i], left, row, members: [i] });
  }
  return flags;
}

/**
 * The flags of a panel, with where their texts are, and the moment among them.
 * @param {import("./base/plot.js").Panel} panel  @param {ArrayLike<number>} steps  @param {string[]} texts  @param {number | null} moment
 */
export function flagsOf(panel, steps, texts, x, box, top, rows, moment) {
  const seen = Array.from(steps, (step, i) => ({ x: x(step), text: texts[i] ?? "" })).filter((one) => one.x >= box.x - 1 && one.x <= box.x + box.width + 1);
  const size = textSize(panel) - 1, line = size + 3, right = panel.width - 2;
  /** @type {number[]} */
  let used = [];
  if (moment !== null && x(moment) >= box.x - 1) {
    const words = `step ${groups(moment)}`, width = textWidth(panel, words, size, 600);
    const left = Math.max(box.x, Math.min(x(moment) - width / 2, right - width));
    text(panel, words, left, top + (rows - 0.5) * line, { size, weight: 600 });
    used = [left, left + width];
  }
  const widths = seen.map((one) => textWidth(panel, one.text, size));
  return placeFlags(seen.map((one) => one.x), widths, [2, right], rows, used).map((flag, k) => {
    const members = flag.members.map((i) => seen[i].text);
    const texts = members.length > 4 ? [...members.slice(0, 3), `and ${members.length - 3} more changes`] : members;
    // The newest change is always named, as far as there is room; of the others none is cut.
    let [label, row, left] = [members[0], flag.row, flag.left];
    if (row < 0) label = "";
    if (!k && row < 0 && !used.length) [label, row, left] = [fitting(panel, [members[0]], right - 2, size), rows - 1, 2];
    return { x: flag.x, texts, label, left, y: top + (row + 0.5) * line, size };
  });
}

/** A dotted line with a pennant above the box, and beside it what was changed. @param {import("./base/plot.js").Panel} panel */
export function drawFlag(panel, box, flag, keys, meaning) {
  const { ctx, theme } = panel;
  rule(panel, flag.x, box.y - FLAG, flag.x, box.y + box.height, theme.muted, 1, [2, 3]);
  ctx.fillStyle = theme.muted;
  ctx.beginPath();
  ctx.moveTo(flag.x, box.y - FLAG);
  ctx.lineTo(flag.x + (flag.x > box.x + box.width - 8 ? -FLAG : FLAG), box.y - FLAG / 2); // not onto the right axis
  ctx.lineTo(flag.x, box.y);
  ctx.fill();
  const words = [...flag.texts, ...(meaning ? [`(${meaning})`] : [])].join("\n");
  keys.add({ x: flag.x - 4, y: box.y - FLAG - 1, width: 11, height: FLAG + 2 }, words);
  if (flag.label) keys.write(flag.label, flag.left, flag.y, { size: flag.size, color: theme.muted }, words);
}

/** Marks where a curve turns NaN or infinite, or is not positive on a log axis. */
export function alarmsIn(panel, box, x, y, steps, values, row) {
  let word = "";
  for (let i = 0; i < values.length; i++) {
    const now = Number.isFinite(y(values[i])) ? "" : formatNumber(values[i]);
    if (now && now !== word) {
      rule(panel, x(steps[i]), box.y, x(steps[i]), box.y + box.height, panel.theme.warning, 2);
      alarm(panel, now, x(steps[i]), values[i] <= 0 ? box.y + box.height - 8 : box.y + 8 + 16 * row);
    }
    word = now;
  }
}

/**
 * Where the highest of some curves leaves the axis at the top, or null: the place of an arrow and of how far it goes.
 * @param {ArrayLike<number>[][]} curves  steps, values
 */
export function peakAbove(panel, box, x, y, curves) {
  let [step, peak] = [0, y.domain[1] * 1.0001];
  for (const [steps, values] of curves) {
    for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i]) && values[i] > peak) [step, peak] = [steps[i], values[i]];
  }
  if (peak <= y.domain[1] * 1.0001) return null;
  const at = Math.min(Math.max(x(step), box.x + 5), box.x + box.width - 5);
  const words = `up to ${formatNumber(peak)}`, width = textWidth(panel, words, textSize(panel), 600);
  return { at, words, width, left: at - 7 - width > box.x ? at - 7 - width : at + 7 };
}

/** @param {import("./base/plot.js").Panel} panel  @param {import("./base/plot.js").Box} box */
export function drawPeak(panel, box, { at, words, left }) {
  const { theme, ctx } = panel;
  ctx.fillStyle = theme.warning;
  ctx.beginPath();
  ctx.moveTo(at, box.y);
  ctx.lineTo(at - 4, box.y + 7);
  ctx.lineTo(at + 4, box.y + 7);
  ctx.fill();
  text(panel, words, left, box.y + 6, { color: theme.warning, weight: 600, halo: true });
}
