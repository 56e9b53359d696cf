/** One quantity in every layer: a profile of the last step beside a map of layers and steps. */
import { formatNumber, groups, linearScale, logScale, percent, power } from "./base/math.js";
import { fitting, keysOf, quiet } from "./base/keys.js";
import { linked } from "./base/linked.js";
import { alarm, axisBelow, colorAt, colorBar, colorTable, curve, DASHES, dot, mix, picture, pixel, rgb, rule, shorten, text, textSize, textWidth, widest } from "./base/plot.js";

export const ABSENT = -3.4028234663852886e38; // the lowest float32: not measured, of a layer not there yet, or frozen
const ARROWS = { forward: " ↓", backward: " ↑" }; // the first layer is at the top

/**
 * @typedef {{layers: string[], activations: string[], units: number[], saturated: string[], symbol: string, unit: string, flow: string, log: boolean, usual: number[], alarm: number, when?: string, moment?: number | null, ghosts?: string[], theory?: string, unmeasured?: string, chosen?: import("./base/linked.js").Chosen, marks?: Record<string, string>}} Labels
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  now, saturated (L,), map (L, n), map_steps (n,), recent (L, m), recent_steps (m,), range (4,), ghostk_now (L,), theory (L,) or (0,)
 * @param {Labels} labels
 * @param {{log?: boolean}} options
 * @param {string} several  what there are several of
 */
export function draw(panel, frame, labels, options, several = "layers") {
  const { theme } = panel;
  const now = frame.now?.data ?? [], saturated = frame.saturated?.data ?? [];
  const count = now.length, log = options.log !== false && labels.log && !(frame.range?.data[0] < 0);
  const steps = { map: frame.map_steps?.data ?? [], recent: frame.recent_steps?.data ?? [] };
  const nothing = now.every((v) => v === ABSENT), none = labels.unmeasured ?? "no step yet";
  if (!count) return quiet(panel, { x: 0, y: 0, width: panel.width, height: panel.height }, none);

  const marks = labels.marks ?? {}, keys = keysOf(panel), when = labels.when ?? "now";
  const size = textSize(panel), top = size + 10, bottom = 2 * size + 18;
  const height = panel.height - top - bottom, rowHeight = height / count;
  const every = Math.ceil((size + 1) / rowHeight);
  const named = (/** @type {number} */ row) => (count - 1 - row) % every === 0;
  const names = labels.layers.map((name) => shorten(panel, name, 0.22 * panel.width));
  const left = widest(panel, names.filter((_, row) => named(row))) + 7;
  const saturation = saturationWords(labels.saturated, panel.width < 280);
  const beside = saturation ? Math.max(...["100 %", saturation].map((words) => textWidth(panel, words, size - 1))) + 6 : 8;
  const profile = { x: left, y: top, width: Math.round(0.36 * (panel.width - left - beside)), height };
  const x0 = profile.x + profile.width + beside + 4;
  const mapBox = { x: x0, y: top, width: panel.width - x0 - 8, height };
  const range = log ? [frame.range.data[2], frame.range.data[3]] : [frame.range.data[0], frame.range.data[1] || 1];
  const x = (log ? logScale : linearScale)(range, [profile.x + 5, profile.x + profile.width - 5]);
  const unit = linearScale(x.range, [0, 1]);
  const shade = (/** @type {number} */ v) => colorAt(theme.sequential, unit(x(v)));
  const middle = (/** @type {number} */ row) => top + (row + 0.5) * rowHeight;

  // The profile. Its axis is also the legend of the map's colours.
  const arrow = ARROWS[labels.flow] ?? "";
  const heads = [`${labels.symbol} ${when}${arrow}`, `${labels.symbol} ${when.replace("at step ", "at ")}${arrow}`, `${labels.symbol}${arrow}`, labels.symbol];
  keys.write(fitting(panel, heads, profile.x + profile.width - 4, size, 600), 2, top - size - 3, { weight: 600 }, marks.profile);
  if (labels.usual.length && !nothing) guide(panel, profile, x, labels.usual, keys, marks.usual);
  for (let row = 0; row < count; row++) {
    if (!named(row)) continue;
    if (!nothing && now[row] !== ABSENT) rule(panel, profile.x, middle(row), profile.x + profile.width, middle(row), theme.grid);
    text(panel, names[row], left - 5, middle(row), { align: "right", color: theme.muted });
  }
  // Before the first step there is nothing but the layers.
  if (nothing && !steps.map.length) {
    quiet(panel, { x: left, y: top, width: panel.width - left - 8, height }, none);
    return { keys: keys.all, readout: (/** @type {number} */ mx, /** @type {number} */ my) => keys.at(mx, my) ?? layerAt(labels, Math.floor((my - top) / rowHeight), none) };
  }
  if (nothing) quiet(panel, { ...profile, width: Math.min(profile.width + beside, 0.8 * textWidth(panel, none, size - 1)) }, none, size - 1);
  const ticks = barTicks(range, log, Math.max(2, Math.floor(profile.width / (3.4 * size))));
  // The unit is written in full or not at all; the bar says it too.
  const unit_ = fitting(panel, [labels.unit, labels.unit.split(" ").pop() ?? "", ""], profile.x + profile.width);
  axisBelow(panel, { ...profile, height: height + 7 }, x, unit_, { grid: false, ticks });
  keys.add({ x: profile.x, y: top + height, width: profile.width, height: bottom }, marks.colours);
  colorBar(panel, { x: x.range[0], y: top + height + 1, width: x.range[1] - x.range[0], height: 6 }, theme.sequential);
  const xs = Array.from(now, (v) => v === ABSENT ? NaN : Math.min(Math.max(x(v), profile.x), profile.x + profile.width));
  const rows = xs.map((_, row) => middle(row)), ghosts = labels.ghosts ?? [];
  ghosts.forEach((_, k) => outline(panel, frame[`ghost${k}_now`]?.data ?? [], x, rows, Math.min(3, rowHeight / 4), DASHES[k]));
  curve(panel, xs, rows, theme.muted, 1.25);
  const theory = frame.theory?.data ?? [];
  if (labels.theory) {
    const ys = rows.slice(0, theory.length);
    curve(panel, Array.from(theory, (v) => placeOf(v, x, profile)), ys, panel.theme.validation, 1.25, [4, 3]);
    ys.forEach((y, row) => diamond(panel, placeOf(theory[row], x, profile), y, Math.min(5, Math.max(2.5, rowHeight / 2.5))));
    const words = fitting(panel, theory.length ? ["◇ theory", "◇"] : ["no theory", "none"], left - 4, size - 1);
    keys.write(words, 2, top + height + 7, { size: size - 1, color: theory.length ? theme.validation : theme.muted }, theory.length ? marks.theory : labels.theory);
  }
  const radius = Math.min(4, Math.max(2, rowHeight / 3));
  xs.forEach((px, row) => {
    if (Number.isFinite(px) && Number.isFinite(now[row])) dot(panel, px, rows[row], radius, shade(now[row]), theme.foreground, 0.8);
  });
  if (rowHeight >= size + 2 && !nothing) {
    for (let row = 0; row < count; row++) {
      if (now[row] === ABSENT) text(panel, shorten(panel, "not measured", profile.width - 4), profile.x + 2, middle(row), { color: theme.muted, size: size - 1 });
    }
  }
  for (const { row, word } of wordsFor(now, log, rowHeight >= size + 2, several)) {
    if (word.startsWith("inf")) alarm(panel, word, profile.x + profile.width, middle(row), { align: "right" });
    else alarm(panel, word, profile.x + 1, middle(row), { align: "left" });
  }
  if (saturation) {
    keys.write(saturation, profile.x + profile.width + 1, top - size - 3, { size: size - 1, color: theme.muted }, marks[saturation] ?? marks.saturated);
    if (!nothing) saturatedColumn(panel, profile, beside, rows, saturated, labels, every, rowHeight);
  }

  // The map: the whole run, and beside it the newest records.
  const parts = [{ name: "map", box: mapBox, titles: ["over the steps", "steps"], told: marks.map }];
  if (steps.recent.length) {
    parts[0].box = { ...mapBox, width: Math.round(0.56 * mapBox.width) };
    const at = mapBox.x + parts[0].box.width + 8;
    const last = `last ${groups(steps.recent[steps.recent.length - 1] - steps.recent[0])}`;
    parts.push({ name: "recent", box: { ...mapBox, x: at, width: mapBox.x + mapBox.width - at }, titles: [`${last} steps`, last, "newest", "new"], told: marks.recent && `${last} steps: ${marks.recent}` });
    parts[0].titles = ["whole run", "run", "all"];
  }
  const shown = parts.map(({ name, box, titles, told }) => {
    const ratio = panel.ctx.getTransform().a || 1;
    const columns = columnsOf(steps[name], Math.max(1, Math.round(box.width * ratio)));
    const pixels = paintMap(frame[name].data, count, steps[name].length, columns.index, range, log, theme);
    picture(panel, pixels, columns.index.length, count, box, false);
    const scale = linearScale([columns.first, columns.last], [box.x, box.x + box.width]);
    keys.write(fitting(panel, titles, box.width), box.x, top - size - 3, { color: theme.muted }, told);
    endTicks(panel, box, scale);
    return { name, box, columns, line: markMoment(panel, box, scale, labels.moment ?? null) };
  });
  const line = shown.find((one) => one.line !== null)?.line ?? null, below = top + height + size + 15;
  if (line === null) text(panel, "step", mapBox.x + mapBox.width / 2, below, { align: "center", baseline: "top", color: theme.muted });
  else {
    const words = `step ${groups(labels.moment ?? 0)}`, half = textWidth(panel, words, size, 600) / 2;
    const middle = Math.min(Math.max(line, mapBox.x + half), panel.width - half - 2);
    keys.write(words, middle, below, { align: "center", baseline: "top", weight: 600 }, marks.moment);
  }

  return {
    keys: keys.all,
    press: linked(panel, labels, labels.layers, names.map((_, row) => ({ x: 0, y: top + row * rowHeight, width: panel.width, height: rowHeight }))),
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const row = Math.floor((my - top) / rowHeight), known = keys.at(mx, my);
      if (row < 0 || row >= count) return known;
      for (const { name, box, columns } of shown) {
        if (mx < box.x || mx >= box.x + box.width) continue;
        const i = columns.index[Math.floor(((mx - box.x) / box.width) * columns.index.length)];
        if (i === undefined || i < 0) return `${labels.layers[row]}\nnothing recorded here`;
        const value = frame[name].data[row * steps[name].length + i];
        return `${labels.layers[row]}, step ${groups(steps[name][i])}\n${said(labels.symbol, value)}`;
      }
      if (mx >= mapBox.x) return null;
      const at = when === "now" ? "" : ` ${when}`;
      const lines = [layerAt(labels, row, nothing ? none : said(labels.symbol, now[row]) + at)];
      if (labels.saturated[row] && saturated[row] >= 0) lines.push(`${percent(saturated[row])} ${labels.saturated[row]}${at}`);
      if (row < theory.length && theory[row] !== ABSENT) lines.push(`theory: ${said(labels.symbol, theory[row])}`);
      ghosts.forEach((name, k) => {
        const value = frame[`ghost${k}_now`]?.data[row] ?? ABSENT;
        if (value !== ABSENT) lines.push(`${name}: ${said(labels.symbol, value)}`);
      });
      if (known) lines.push(known);
      return lines.join("\n");
    },
  };
}

/** A layer, and what is said of it; null where there is none. @param {Labels} labels  @param {number} row  @param {string} words */
function layerAt(labels, row, words) {
  if (!labels.layers[row]) return null;
  const units = labels.units[row] ? ` (${labels.units[row]} × ${labels.activations[row]})` : "";
  return `${labels.layers[row]}${units}\n${words}`;
}

/** What the shares beside the dots are, "" where there are none. @param {string[]} words  @param {boolean} short */
function saturationWords(words, short) {
  const kinds = new Set(words.filter(Boolean));
  return kinds.size > 1 ? "flat" : kinds.has("dead") ? "dead" : !kinds.size ? "" : short ? "sat." : "saturated";
}

/** @param {string} symbol  @param {number} value */
function said(symbol, value) {
  return value === ABSENT ? "not measured: frozen, or not there yet" : `${symbol} ${formatNumber(value)}`;
}

/** Ticks under the colour bar: the ends when no decade lies between them. */
function barTicks(range, log, most) {
  if (!log) return [range[0], range[1]].map((value) => ({ value, label: formatNumber(value, 2) }));
  const [first, last] = [Math.ceil(Math.log10(range[0]) - 1e-4), Math.floor(Math.log10(range[1]) + 1e-4)];
  const every = Math.max(1, Math.ceil((last - first) / Math.max(1, most - 1)));
  const ticks = [];
  for (let k = last; k >= first; k -= every) ticks.unshift({ value: 10 ** k, label: power(k) });
  return ticks;
}

/**
 * Words at the values that have no place on the axis: zero on a log axis, NaN, infinity. Where rows are too low for a
 * word each, neighbours with the same trouble share one.
 * @param {ArrayLike<number>} values  @returns {{row: number, word: string}[]}
 */
export function wordsFor(values, log, roomy, several = "layers") {
  const found = [];
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === ABSENT || (Number.isFinite(value) && (value > 0 || !log))) continue;
    const word = formatNumber(value);
    const before = found[found.length - 1];
    if (!roomy && before && before.word === word && before.end === row - 1) before.end = row;
    else found.push({ row, word, end: row });
  }
  return found.map(({ row, word, end }) => ({ row: (row + end) / 2, word: end > row ? `${word} in ${end - row + 1} ${several}` : word }));
}

/**
 * Which record each of `width` pixel columns shows, on a linear axis of steps. A record reaches back to the one before
 * it, but across a gap (nobody was watching) only as far as usual: -1 is nothing.
 * @param {ArrayLike<number>} steps  rising
 */
export function columnsOf(steps, width) {
  const n = steps.length;
  const index = new Int16Array(n ? width : 0).fill(-1);
  if (!n) return { index, first: 0, last: 1 };
  const gaps = Array.from({ length: n - 1 }, (_, i) => steps[i + 1] - steps[i]).sort((a, b) => a - b);
  const usual = gaps.length ? gaps[gaps.length >> 1] : 1;
  const reach = Math.max(3 * usual, 2 * (gaps[Math.floor(0.9 * (gaps.length - 1))] ?? 0)); // some record as time allows
  const first = steps[0] - usual, last = steps[n - 1];
  let i = 0;
  for (let p = 0; p < width; p++) {
    const step = first + ((p + 0.5) / width) * (last - first);
    while (i < n - 1 && steps[i] < step) i++;
    if (steps[i] - step <= reach) index[p] = i;
  }
  return { index, first: Math.max(0, first), last };
}

/**
 * Pixels of a map; a warning colour where a value has no place on the axis, clear where there is none.
 * @param {Float32Array} values  @param {number} rows  @param {number} columns  @param {Int16Array} index
 * @param {number[]} range from low to high  @param {boolean} log
 * @param {{sequential: string[], warning: string, background: string}} theme
 * @returns {Uint32Array}
 */
export function paintMap(values, rows, columns, index, [low, high], log, theme) {
  const width = index.length, pixels = new Uint32Array(rows * width);
  const table = colorTable(theme.sequential), bad = pixel(rgb(theme.warning)), zero = pixel(rgb(mix(theme.warning, theme.background, 0.45)));
  const start = log ? Math.log(low) : low, k = 255 / ((log ? Math.log(high) : high) - start || 1);
  const shades = new Uint32Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) {
      const value = values[row * columns + i];
      if (value === ABSENT) shades[i] = 0;
      else if (!Number.isFinite(value)) shades[i] = bad;
      else if (log && value <= 0) shades[i] = zero;
      else shades[i] = table[Math.min(255, Math.max(0, Math.round(((log ? Math.log(value) : value) - start) * k)))];
    }
    for (let p = 0; p < width; p++) if (index[p] >= 0) pixels[row * width + p] = shades[index[p]];
  }
  return pixels;
}

/** The profile of a ghost: rings on a dashed line. @param {ArrayLike<number>} values  @param {number[]} rows */
function outline(panel, values, x, rows, radius, dash) {
  const xs = Array.from(values, (v) => (v === ABSENT ? NaN : x(v)));
  curve(panel, xs, rows, panel.theme.muted, 1, dash);
  xs.forEach((px, row) => Number.isFinite(px) && dot(panel, px, rows[row], radius, panel.theme.background, panel.theme.muted, 1));
}

/** Where on the axis: at its ends beyond them; NaN of what is not there. @param {number} value */
function placeOf(value, x, box) {
  return value === ABSENT ? NaN : Math.min(Math.max(x(value), box.x), box.x + box.width);
}

/** What theory says of a layer. @param {import("./base/plot.js").Panel} panel */
function diamond(panel, x, y, radius) {
  if (!Number.isFinite(x)) return;
  const { ctx, theme } = panel;
  ctx.beginPath();
  ctx.moveTo(x, y - radius);
  for (const [dx, dy] of [[radius, 0], [0, radius], [-radius, 0]]) ctx.lineTo(x + dx, y + dy);
  ctx.closePath();
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = theme.validation;
  ctx.stroke();
}

/** What is usual, from low to high, and the rule of thumb. @param {number[]} usual */
function guide(panel, box, x, usual, keys, meaning) {
  const { ctx, theme } = panel, [low, high, thumb] = usual;
  const [a, b] = [low, high].map((v) => Math.min(Math.max(x(v) || box.x, box.x), box.x + box.width));
  ctx.save();
  ctx.globalAlpha = 0.15;
  ctx.fillStyle = theme.guide;
  ctx.fillRect(a, box.y, b - a, box.height);
  ctx.restore();
  keys.add({ x: a, y: box.y, width: b - a, height: box.height }, meaning);
  if (x(thumb) > box.x) rule(panel, x(thumb), box.y, x(thumb), box.y + box.height, theme.guide, 1, [4, 3]);
}

/** Share of saturated or dead units: a number at each row, or a bar where rows are low. */
function saturatedColumn(panel, profile, width, rows, shares, { saturated: words, alarm: most }, every, rowHeight) {
  const { ctx, theme } = panel;
  const x = profile.x + profile.width + 3, size = textSize(panel) - 1;
  rows.forEach((y, row) => {
    if (!words[row] || !(shares[row] >= 0.005)) return;
    const color = shares[row] > most ? theme.warning : theme.muted;
    if (every === 1) return text(panel, percent(shares[row]), x, y, { size, color, weight: shares[row] > most ? 700 : 400 });
    ctx.fillStyle = color;
    ctx.fillRect(x, y - rowHeight / 3, Math.max(1, (width - 6) * shares[row]), Math.max(1, (2 * rowHeight) / 3));
  });
}

/** A line at the step that is looked at: where it is, null where it is not on this map. @param {number | null} moment */
function markMoment(panel, box, scale, moment) {
  if (moment === null || moment < scale.domain[0] || moment > scale.domain[1]) return null;
  const { theme } = panel, at = Math.min(scale(moment), box.x + box.width - 1);
  rule(panel, at, box.y - 3, at, box.y + box.height + 3, theme.background, 4); // it is seen on any colour
  rule(panel, at, box.y - 3, at, box.y + box.height + 3, theme.foreground, 1.5);
  return at;
}

/** First and last step below a map: all that there is room for. */
function endTicks(panel, box, scale) {
  const { theme } = panel;
  const [first, last] = scale.domain, y = box.y + box.height;
  const words = groups(last), half = textWidth(panel, words) / 2;
  rule(panel, box.x, y, box.x + box.width, y, theme.muted);
  const at = Math.min(box.x + box.width, panel.width - 1);
  text(panel, words, at, y + 4, { align: "right", baseline: "top", color: theme.muted });
  const begin = groups(first);
  if (box.x + textWidth(panel, begin) + 6 < at - 2 * half) text(panel, begin, box.x, y + 4, { baseline: "top", color: theme.muted });
}
