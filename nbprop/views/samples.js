/** Each sample on its own: a bar for each, losses over the steps, and the one that is shown. */
import { fitting, keysOf, quiet, wrap } from "./base/keys.js";
import { formatNumber, groups, linearScale, logScale, niceDomain, percent, rowOf, ticksOf } from "./base/math.js";
import { alarm, axisBelow, axisLeft, band, colorTable, curve, dot, inside, picture, rule, shorten, text, textSize, textWidth, tickCount, widest } from "./base/plot.js";
import { aim, frameIt } from "./base/linked.js";
import { nearest } from "./loss.js";

export const STANDS_OUT = 1, LEFT_OUT = 2, WEIGHED = 4, RELABELLED = 8; // bits of `state`
const STATES = /** @type {[number, string][]} */ ([[STANDS_OUT, "stands out"], [LEFT_OUT, "left out by hand"], [WEIGHED, "weighed by hand"], [RELABELLED, "relabelled by hand"]]);

/**
 * @typedef {import("./base/plot.js").Panel} Panel
 * @typedef {import("./base/plot.js").Box} Box
 * @typedef {ReturnType<typeof keysOf>} Keys
 * @typedef {Record<string, import("./base/math.js").Numbers>} Frame  see Samples.frame
 * @typedef {{by: string, of?: string, shown?: string[], classes?: string[], label?: number | null, kind?: string, features?: string[], text?: string, unmeasured?: string, marks?: Record<string, string>}} Labels  see Samples.labels
 * @param {Panel} panel  @param {Frame} frame  @param {Labels} labels  @param {{log?: boolean}} options
 */
export function draw(panel, frame, labels, options = {}) {
  if (!frame.values?.data.length) return quiet(panel, { x: 0, y: 0, width: panel.width, height: panel.height }, labels.unmeasured ?? "not measured yet");
  const keys = keysOf(panel), size = textSize(panel), marks = labels.marks ?? {};
  const boxes = places(panel.width, panel.height, size);
  const bars = drawBars(panel, boxes.bars, frame, labels, Boolean(options.log), keys, size);
  const curves = boxes.curves && drawCurves(panel, boxes.curves, frame, Boolean(options.log), keys, marks, size);
  if (boxes.shown) drawShown(panel, boxes.shown, frame, labels, keys, size);
  const sample = (/** @type {number} */ i) => Math.round(frame.order.data[i]);
  const words = (/** @type {number} */ i) => [`sample ${groups(sample(i))}`, `${labels.by} ${formatNumber(frame.values.data[i])}`, ...statesOf(frame.state.data[i])].join("\n");
  return {
    keys: keys.all,
    bars,
    press: (/** @type {number} */ x, /** @type {number} */ y) => (bars.at(x, y) < 0 ? null : ["sample", sample(bars.at(x, y))]),
    move(/** @type {{x: number, y: number} | null} */ from, /** @type {number[]} */ way) {
      const now = from ? bars.at(from.x, from.y) : -1;
      if (from && (now < 0 || way[1])) return null; // elsewhere, or away from the bars: as in any picture
      const next = Math.min(Math.max(now < 0 ? Math.max(frame.place.data[0] ?? 0, 0) : now + way[0], 0), frame.values.data.length - 1);
      return { x: bars.x(next), y: from?.y ?? boxes.bars.y + boxes.bars.height / 2 };
    },
    readout(/** @type {number} */ x, /** @type {number} */ y) {
      const known = keys.at(x, y), i = bars.at(x, y);
      return known ?? (i >= 0 ? words(i) : curves ? curves(x, y) : null);
    },
  };
}

/** What is noted of a sample, in words. @param {number} bits */
export const statesOf = (bits) => STATES.filter(([bit]) => bits & bit).map(([, words]) => words);

/**
 * Where everything goes: the bars above, below them the curves beside the sample that is shown; in a narrow panel one under
 * the other, in a low one the bars alone.
 * @returns {{bars: Box, curves: Box | null, shown: Box | null}}
 */
export function places(width, height, size) {
  const head = 2 * size + 10;
  if (height < 150) return { bars: { x: 0, y: head, width, height: Math.max(height - head - 4, 10) }, curves: null, shown: null };
  const narrow = width < 420;
  const tall = Math.round((height - head) * (narrow ? 0.26 : 0.4)), top = head + tall + size + 14, rest = height - top;
  const bars = { x: 0, y: head, width, height: tall };
  if (!narrow) {
    const half = Math.round(0.52 * width);
    return { bars, curves: { x: 0, y: top, width: half - 10, height: rest }, shown: { x: half, y: top - size, width: width - half, height: rest + size - 2 } };
  }
  const low = Math.round(0.45 * rest);
  if (low < 8 * size) return { bars, curves: null, shown: { x: 4, y: top - size, width: width - 8, height: rest + size - 4 } };
  return { bars, curves: { x: 0, y: top, width, height: low }, shown: { x: 4, y: top + low + 6, width: width - 8, height: rest - low - 8 } };
}

/** The bars, and which of them is where. @param {Panel} panel  @param {Box} box  @param {Frame} frame  @param {Labels} labels  @param {Keys} keys */
function drawBars(panel, box, frame, labels, log, keys, size) {
  const { ctx, theme } = panel, marks = labels.marks ?? {}, values = frame.values.data, state = frame.state.data, n = values.length;
  const scale = scaleOf(values, log, [box.y + box.height, box.y], tickCount(panel, box.height, true));
  const ticks = ticksOf(scale, tickCount(panel, box.height, true)), left = widest(panel, ticks.map((t) => t.label)) + 9;
  const inner = { ...box, x: left, width: box.width - left - 6 }, wide = inner.width / n, floor = box.y + box.height;
  const x = (/** @type {number} */ i) => inner.x + (i + 0.5) * wide;
  const head = fitting(panel, [`${labels.by}${log ? " (log)" : ""}: ${labels.of ?? ""}`, labels.by], panel.width - 4, size, 600);
  keys.write(head, 2, size / 2 + 3, { size, weight: 600 }, marks.bars);
  let at = 2;
  const outs = Array.from(state).filter((bits) => bits & STANDS_OUT).length, gone = Array.from(state).filter((bits) => bits & LEFT_OUT).length;
  const legend = /** @type {[string, string, string | undefined][]} */ ([[`■ ${groups(outs)} stand out`, theme.warning, marks["stands out"]], ...(gone ? [[`□ ${groups(gone)} left out`, theme.muted, marks["left out"]]] : [])]);
  for (const [words, color, meaning] of legend) {
    keys.write(words, at, 1.5 * size + 6, { size: size - 1, color }, meaning);
    at += textWidth(panel, words, size - 1) + 12;
  }
  axisLeft(panel, inner, scale, "", { ticks });
  let bad = 0;
  for (let i = 0; i < n; i++) {
    const v = values[i];
    if (!Number.isFinite(v)) {
      bad++;
      continue;
    }
    const top = Math.min(Math.max(Number.isFinite(scale(v)) ? scale(v) : floor, box.y), floor), tall = Math.max(floor - top, v > 0 ? 1 : 0);
    const width = Math.max(wide - (wide > 3 ? 1 : 0), 0.75);
    if (state[i] & LEFT_OUT) {
      ctx.strokeStyle = theme.muted;
      ctx.lineWidth = 1;
      ctx.strokeRect(x(i) - width / 2, floor - tall, width, tall);
    } else {
      ctx.fillStyle = state[i] & STANDS_OUT ? theme.warning : theme.train;
      ctx.fillRect(x(i) - width / 2, floor - tall, width, tall);
    }
    if (state[i] & (WEIGHED | RELABELLED)) dot(panel, x(i), floor + 4, 1.5, theme.guide);
  }
  rule(panel, inner.x, floor, inner.x + inner.width, floor, theme.muted);
  const place = frame.place.data[0];
  if (place >= 0) {
    const v = values[place], top = Number.isFinite(scale(v)) ? Math.min(Math.max(scale(v), box.y), floor) : box.y;
    frameIt(panel, { x: x(place) - Math.max(wide, 2) / 2, y: top, width: Math.max(wide, 2), height: floor - top });
  }
  if (bad) alarm(panel, `${groups(bad)} not finite`, inner.x + inner.width, box.y + size, { align: "right" });
  return {
    x,
    /** Which bar is at a place, -1 for none. */
    at(/** @type {number} */ px, /** @type {number} */ py) {
      const i = Math.floor((px - inner.x) / wide);
      return py >= box.y - 4 && py <= floor + 8 && i >= 0 && i < n ? i : -1;
    },
  };
}

/** A scale on which the finite numbers fit; of a logarithmic one the positive ones. */
function scaleOf(values, log, range, count) {
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) if (Number.isFinite(v) && (!log || v > 0)) [low, high] = [Math.min(low, v), Math.max(high, v)];
  if (!(low <= high)) return log ? logScale([0.1, 1], range) : linearScale([0, 1], range);
  if (log) return logScale([Math.max(low / 1.2, high * 1e-8), Math.max(high * 1.2, low * 3)], range);
  return linearScale(niceDomain([Math.min(0, low), high > low || high > 0 ? high : low + 1], count), range);
}

/** Losses over the steps. @param {Panel} panel  @param {Box} box  @param {Frame} frame  @param {Keys} keys */
function drawCurves(panel, box, frame, log, keys, marks, size) {
  const { theme } = panel, steps = frame.steps.data, own = frame.own.data, named = frame.named, t = steps.length;
  const lows = rowOf(frame.band, 0), middle = rowOf(frame.band, 1), highs = rowOf(frame.band, 2);
  const bottom = box.y + box.height - 2 * size - 12, top = box.y + size;
  const all = [...own, ...named.data, ...lows, ...highs];
  const y = scaleOf(all, log, [bottom, top], tickCount(panel, bottom - top, true)), ticks = ticksOf(y, tickCount(panel, bottom - top, true));
  const left = box.x + widest(panel, ticks.map((tick) => tick.label)) + 9;
  const inner = { x: left, y: top, width: box.x + box.width - left - 4, height: bottom - top };
  const x = linearScale([Math.min(steps[0], steps[t - 1] - 1), steps[t - 1]], [inner.x, inner.x + inner.width]);
  axisLeft(panel, inner, y, "", { ticks });
  axisBelow(panel, inner, x, "step", { grid: false });
  const level = (/** @type {number} */ v) => (Number.isFinite(v) ? Math.min(Math.max(Number.isFinite(y(v)) ? y(v) : bottom, top), bottom) : NaN);
  const xs = Array.from(steps, (s) => x(s)), ys = (/** @type {ArrayLike<number>} */ row) => Array.from(row, level);
  inside(panel, { ...inner, y: top - 2, height: inner.height + 4 }, () => {
    band(panel, xs, ys(lows), ys(highs), theme.train);
    curve(panel, xs, ys(middle), theme.train, 1.3);
    panel.ctx.globalAlpha = 0.55;
    for (let k = 0; k < named.shape[0]; k++) curve(panel, xs, ys(rowOf(named, k)), theme.warning, 0.8);
    panel.ctx.globalAlpha = 1;
    curve(panel, xs, ys(own), theme.foreground, 2);
  });
  const bad = Array.from(own).filter((v) => !Number.isFinite(v)).length;
  if (bad) alarm(panel, `${groups(bad)} not finite`, inner.x + inner.width, top + size, { align: "right" });
  let at = left;
  const heads = /** @type {[string, string, string | undefined][]} */ ([["loss of all", theme.train, marks.band], ["of these", theme.warning, marks.named], ["of the one shown", theme.foreground, marks.own]]);
  for (const [words, color, meaning] of heads) {
    const fits = shorten(panel, words, box.x + box.width - at, size - 1);
    if (fits.length < 4) break;
    keys.write(fits, at, box.y + size / 2 - 4, { size: size - 1, color }, meaning);
    at += textWidth(panel, fits, size - 1) + 10;
  }
  return (/** @type {number} */ px, /** @type {number} */ py) => {
    if (px < inner.x - 3 || px > inner.x + inner.width + 3 || py < top || py > bottom) return null;
    const i = nearest(steps, x.invert(px));
    return [`step ${groups(steps[i])}`, `the one shown ${formatNumber(own[i])}`, `half of all between ${formatNumber(lows[i])} and ${formatNumber(highs[i])}`, `median ${formatNumber(middle[i])}`].join("\n");
  };
}

/** The sample: its picture, what there is to say of it, what the network says. @param {Panel} panel  @param {Box} box  @param {Frame} frame  @param {Labels} labels  @param {Keys} keys */
function drawShown(panel, box, frame, labels, keys, size) {
  const { theme } = panel, marks = labels.marks ?? {}, said = frame.said.data, classes = labels.classes ?? [];
  const side = labels.kind ? Math.min(0.42 * box.width, box.height) : 0, small = size - 1, line = small + 4;
  if (side > 24) drawOne(panel, { x: box.x, y: box.y, width: side, height: side }, frame, labels, small);
  const left = box.x + side + (side ? 10 : 0), room = box.x + box.width - left - 4;
  let y = box.y + small / 2 + 1;
  for (const [i, words] of (labels.shown ?? []).entries()) {
    for (const part of wrap(words, room, 2, (one) => textWidth(panel, one, small, i ? 400 : 600))) {
      if (y > box.y + box.height - small) return;
      keys.write(shorten(panel, part, room, small, i ? 400 : 600), left, y, { size: small, weight: i ? 400 : 600 }, i ? "" : marks.undo);
      y += line;
    }
  }
  if (!said.length || y > box.y + box.height - line) return;
  if (said.length !== classes.length) {
    keys.write(shorten(panel, `it says ${Array.from(said.subarray(0, 4), (v) => formatNumber(v)).join(", ")}`, room, small), left, y + 3, { size: small }, marks.said);
    return;
  }
  // The likeliest classes, and its own label.
  const fit = Math.max(1, Math.floor((box.y + box.height - y) / line)), label = labels.label ?? -1;
  const ranked = Array.from(said, (_, k) => k).sort((a, b) => said[b] - said[a]);
  const rows = ranked.slice(0, fit);
  if (label >= 0 && !rows.includes(label)) rows[rows.length - 1] = label;
  const names = rows.map((k) => classes[k]), wide = Math.min(widest(panel, names, small, 700) + 6, 0.4 * room), bar = Math.max(room - wide - textWidth(panel, "100 %", small) - 6, 8);
  rows.forEach((k, i) => {
    const at = y + 4 + i * line, v = said[k];
    keys.write(shorten(panel, names[i], wide - 4, small, k === label ? 700 : 400), left, at, { size: small, weight: k === label ? 700 : 400 }, marks.said);
    if (!Number.isFinite(v)) return alarm(panel, formatNumber(v), left + wide + bar / 2, at, { size: small - 1 });
    panel.ctx.fillStyle = classes.length === 2 ? [theme.negative, theme.positive][k] : theme.classes[k % theme.classes.length];
    panel.ctx.fillRect(left + wide, at - small / 2 + 1, Math.max(bar * Math.min(Math.max(v, 0), 1), 0.5), small - 2);
    if (k === label) frameIt(panel, { x: left + wide, y: at - small / 2 + 1, width: bar, height: small - 2 });
    text(panel, percent(v), left + room, at, { size: small, align: "right", color: theme.muted });
  });
}

/** The sample alone. @param {Panel} panel  @param {Box} box  @param {Frame} frame  @param {Labels} labels */
function drawOne(panel, box, frame, labels, size) {
  const { ctx, theme } = panel, x = frame.x, data = x.data, kind = labels.kind;
  if (kind === "text") {
    const lines = wrap(labels.text ?? "", box.width, Math.max(1, Math.floor(box.height / (size + 3))), (one) => textWidth(panel, one, size));
    return lines.forEach((words, i) => text(panel, shorten(panel, words, box.width, size), box.x, box.y + (i + 0.5) * (size + 3), { size }));
  }
  if (kind === "picture") {
    const [h, w] = x.shape, shade = [theme.background, theme.foreground], scale = Math.min(box.width / w, box.height / h);
    let [low, high] = [Infinity, -Infinity];
    for (const v of data) if (Number.isFinite(v)) [low, high] = [Math.min(low, v), Math.max(high, v)];
    const table = colorTable(shade), area = { x: box.x, y: box.y, width: w * scale, height: h * scale };
    picture(panel, Uint32Array.from(data, (v) => table[Math.round((255 * (v - low)) / (high - low || 1)) || 0]), w, h, area, false);
    ctx.strokeStyle = theme.muted;
    ctx.lineWidth = 1;
    return ctx.strokeRect(area.x, area.y, area.width, area.height);
  }
  const inner = { x: box.x + 2, y: box.y + 2, width: box.width - 4, height: box.height - (labels.features?.length ? size + 6 : 4) };
  const across = (/** @type {ArrayLike<number>} */ values, range) => {
    const good = Array.from(values).filter(Number.isFinite), [low, high] = good.length ? [Math.min(...good), Math.max(...good)] : [0, 1];
    return linearScale(low < high ? [low, high] : [low - 1, low + 1], range);
  };
  if (kind === "point") {
    const points = frame.points.data, n = frame.points.shape[0], many = labels.classes?.length ?? 0;
    const sx = across(Array.from({ length: n }, (_, i) => points[2 * i]), [inner.x + 4, inner.x + inner.width - 4]);
    const sy = across(Array.from({ length: n }, (_, i) => points[2 * i + 1]), [inner.y + inner.height - 4, inner.y + 4]);
    for (let i = 0; i < n; i++) {
      const k = frame.targets.data[i];
      dot(panel, sx(points[2 * i]), sy(points[2 * i + 1]), 1.4, k < 0 ? theme.muted : many === 2 ? [theme.negative, theme.positive][k] : theme.classes[k % theme.classes.length]);
    }
    aim(panel, sx(data[0]), sy(data[1]), 5);
  } else if (kind === "curves") {
    const [features, steps] = x.shape, sy = across(data, [inner.y + inner.height, inner.y]);
    for (let f = 0; f < features; f++) {
      const row = rowOf(x, f);
      curve(panel, Array.from(row, (_, i) => inner.x + (inner.width * i) / Math.max(steps - 1, 1)), Array.from(row, (v) => sy(v)), theme.classes[f % theme.classes.length], 1);
    }
  } else {
    const sy = across([...data, 0], [inner.y + inner.height, inner.y]), wide = inner.width / data.length;
    ctx.fillStyle = theme.train;
    data.forEach((v, i) => Number.isFinite(v) && ctx.fillRect(inner.x + i * wide, Math.min(sy(v), sy(0)), Math.max(wide - 1, 0.75), Math.abs(sy(v) - sy(0))));
  }
  const names = labels.features ?? [], words = names.length > 2 ? `${names[0]} … ${names[names.length - 1]}` : names.join(", ");
  if (words) text(panel, shorten(panel, words, box.width, size), box.x + box.width / 2, box.y + box.height - size / 2, { align: "center", size, color: theme.muted });
  if (!data.every(Number.isFinite)) alarm(panel, "not finite", box.x + box.width / 2, box.y + box.height / 2, { size });
}
