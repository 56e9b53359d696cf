/** One unit of a network, or one edge, seen large: its weights, spread, response, and which samples pull at it. */
import { fitting, keysOf, quiet } from "./keys.js";
import { formatNumber, groups } from "./math.js";
import { alarm, colorAt, colorTable, curve, dot, mix, picture, pixel, rgb, rule, shorten, text, textSize, textWidth } from "./plot.js";

/**
 * @typedef {import("./plot.js").Panel} Panel
 * @typedef {import("./plot.js").Box} Box
 * @typedef {{layer: string, activation: string, unit: number, kind: string, source: number | null, weight: number | null, window: number[], several: number, before: string, names: string[], state?: string, numbers: [string, number][], of: string, response: string, note: string}} Detail
 * @param {Panel} panel  @param {Record<string, import("./math.js").Numbers>} frame  see Detail.frame
 * @param {Detail} detail  @param {Record<string, string>} marks  @param {string[]} classes
 */
export function drawDetail(panel, frame, detail, marks, classes) {
  const { theme } = panel, size = textSize(panel), keys = keysOf(panel), { boxes, wide } = places(panel.width, panel.height, size);
  const target = `${detail.layer}, unit ${detail.unit}${detail.state ? ` (${detail.state})` : ""}`;
  const name = detail.source === null ? target : `${nameOf(detail, detail.source, detail.weight)} → ${target}`;
  const back = { x: 2, y: 1, width: textWidth(panel, "‹ back", size, 600) + 12, height: size + 7 };
  text(panel, "‹ back", 7, size / 2 + 5, { weight: 600, color: theme.train });
  keys.add(back, "back to the whole network (Escape)");
  text(panel, shorten(panel, name, panel.width - back.width - 10, size, 600), back.x + back.width + 6, size / 2 + 5, { weight: 600 });
  const said = detail.numbers.map(([what, v]) => `${what} ${formatNumber(v)}`);
  said.forEach((words, i) => {
    const [column, row] = wide ? [i, 0] : [i % 2, Math.floor(i / 2)], each = (panel.width - 10) / (wide ? said.length : 2);
    text(panel, shorten(panel, words, each - 4, size), 7 + column * each, 1.5 * size + 14 + row * (size + 4), { color: theme.muted });
  });
  /** @type {{box: Box, say: (x: number, y: number) => string | null}[]} */
  const parts = [];
  const title = (/** @type {Box} */ box, /** @type {string[]} */ words, meaning = "") => keys.write(fitting(panel, words, box.width, size - 1, 600), box.x, box.y - size / 2 - 3, { size: size - 1, weight: 600 }, meaning);
  responseOf(panel, boxes.response, frame, detail, theme, title, marks, parts, classes);
  spreadOf(panel, boxes.spread, frame, title, marks, parts);
  weightsOf(panel, boxes.weights, frame, detail, title, marks, parts);
  pullsOf(panel, boxes.pulls, frame, detail, title, marks, parts, classes);
  const at = (/** @type {Box} */ b, x, y) => x >= b.x && x < b.x + b.width && y >= b.y && y < b.y + b.height;
  return {
    keys: keys.all,
    /** The name of what leads back to the network. */
    back: "back",
    press: (/** @type {number} */ x, /** @type {number} */ y) => (at(back, x, y) ? ["back", null] : edgeAt(boxes.weights, parts, x, y, detail)),
    readout: (/** @type {number} */ x, /** @type {number} */ y) => keys.at(x, y) ?? parts.find((p) => at(p.box, x, y))?.say(x, y) ?? null,
  };
}

/** Where everything goes: four boxes, beside each other where it is wide. @param {number} width  @param {number} height */
export function places(width, height, size) {
  const wide = width >= 520, head = 1.5 * size + 14 + (wide ? size : 3 * (size + 4)) + size + 8, title = size + 8, gap = 18;
  const below = height - head - 4, half = (below - title) / 2;
  if (wide) {
    const side = Math.min(0.34 * width, 0.6 * below), rest = width - side - 2 * gap - 8, column = (rest - gap) / 2;
    const left = { x: 8, width: side }, middle = { x: 8 + side + gap, width: column }, right = { x: 8 + side + 2 * gap + column, width: column };
    return { wide, boxes: {
      response: { ...left, y: head, height: side },
      spread: { ...left, y: head + side + title, height: Math.max(below - side - title - size - 4, 10) },
      weights: { ...middle, y: head, height: below },
      pulls: { ...right, y: head, height: below },
    } };
  }
  const column = (width - gap - 16) / 2, left = { x: 8, width: column }, right = { x: 8 + column + gap, width: column };
  return { wide, boxes: {
    response: { ...left, y: head, height: Math.min(half, column) },
    spread: { ...left, y: head + half + title, height: Math.max(half - size - 6, 10) },
    weights: { ...right, y: head, height: half },
    pulls: { ...right, y: head + half + title, height: half },
  } };
}

/** Where in a filter a weight is: its row and column, or its place. @param {Detail} detail  @param {number} part */
const partOf = ({ window: [rows, columns] }, part) => (columns === undefined ? [part] : [Math.floor(part / columns), part % columns]);

/** What a weight comes from. @param {Detail} detail  @param {number} i  @param {number | null} part  which of several; null: all of them */
export function nameOf(detail, i, part = null) {
  const unit = detail.window.length ? "channel" : "unit";
  const from = detail.names[i] ?? (detail.before === "input" ? `input${detail.window.length ? ", channel" : ""} ${i}` : `${detail.before}, ${unit} ${i}`);
  if (part === null || detail.several < 2) return from;
  const at = partOf(detail, part);
  return `${from}, ${at.length > 1 ? `row ${at[0]}, column ${at[1]}` : `place ${at[0]}`}`;
}

/** What the unit responds to; of two inputs with the samples on it. */
function responseOf(panel, box, frame, detail, theme, title, marks, parts, classes) {
  const { data, shape: [h, w] } = frame.response ?? { data: [], shape: [0, 0] };
  if (!h || !w) {
    title(box, [detail.response]);
    return quiet(panel, box, "one number for a sample: see its spread", textSize(panel) - 1);
  }
  title(box, [detail.response, "response"], marks.response);
  let most = 0;
  for (const v of data) if (Number.isFinite(v)) most = Math.max(most, Math.abs(v));
  const ratio = Math.min(box.width / Math.max(w, h === 1 ? 2 : w), box.height / h);
  const area = h === 1 || w === h ? { ...box } : { x: box.x, y: box.y, width: ratio * w, height: ratio * h };
  if (h === 1 && w > 64) {
    curve(panel, Array.from(data, (_, i) => box.x + (box.width * i) / (w - 1)), Array.from(data, (v) => box.y + box.height / 2 - (0.46 * box.height * v) / (most || 1)), theme.positive, 1.75);
    rule(panel, box.x, box.y + box.height / 2, box.x + box.width, box.y + box.height / 2, theme.grid);
  } else {
    if (h === 1) area.height = Math.min(box.height, 24);
    const table = colorTable(theme.diverging), bad = pixel(rgb(theme.warning));
    picture(panel, Uint32Array.from(data, (v) => (Number.isFinite(v) ? table[Math.round(127.5 + (127.5 * v) / (most || 1))] : bad)), w, h, area, frame.points?.shape[0] > 0);
  }
  if (!Array.from(data).every(Number.isFinite)) alarm(panel, "not finite", area.x + area.width / 2, area.y + area.height / 2);
  const points = frame.points, extent = frame.extent?.data, pulls = frame.pulls?.data ?? [];
  const spots = [];
  if (points?.shape[0] && extent) {
    let largest = 0;
    for (const v of pulls) if (Number.isFinite(v)) largest = Math.max(largest, Math.abs(v));
    for (let i = 0; i < points.shape[0]; i++) {
      const x = area.x + ((points.data[2 * i] - extent[0]) / (extent[1] - extent[0])) * area.width, y = area.y + ((extent[3] - points.data[2 * i + 1]) / (extent[3] - extent[2])) * area.height;
      const share = largest ? Math.min(1, Math.abs(pulls[i]) / largest) : 0;
      // Where descent moves the weight: against the gradient.
      dot(panel, x, y, 2 + 5 * Math.sqrt(share), pulls[i] < 0 ? theme.positive : theme.negative, theme.outline, 1);
      spots.push([x, y]);
    }
  }
  parts.push({ box: area, say: (x, y) => {
    const near = spots.findIndex(([a, b]) => Math.hypot(a - x, b - y) < 7);
    if (near >= 0) return sampleOf(frame, near, classes);
    const v = data[Math.min(h - 1, Math.floor(((y - area.y) / area.height) * h)) * w + Math.min(w - 1, Math.floor(((x - area.x) / area.width) * w))];
    return `${detail.response}\na = ${formatNumber(v)}`;
  } });
}

/** How the activations are spread. */
function spreadOf(panel, box, frame, title, marks, parts) {
  const { ctx, theme } = panel, counts = frame.counts?.data ?? [], size = textSize(panel) - 1;
  if (box.height < 16) return;
  title(box, ["a in the last batch", "a"], marks.spread);
  if (!counts.length) return quiet(panel, box, "not measured yet", size);
  const [low, high] = frame.range.data, most = Math.max(...counts), width = box.width / counts.length;
  ctx.fillStyle = theme.activations;
  counts.forEach((/** @type {number} */ n, /** @type {number} */ i) => n && ctx.fillRect(box.x + i * width, box.y + box.height * (1 - n / most), Math.max(width - 0.5, 0.5), (box.height * n) / most));
  rule(panel, box.x, box.y + box.height, box.x + box.width, box.y + box.height, theme.muted);
  text(panel, formatNumber(low, 2), box.x, box.y + box.height + 3, { baseline: "top", size, color: theme.muted });
  text(panel, formatNumber(high, 2), box.x + box.width, box.y + box.height + 3, { baseline: "top", align: "right", size, color: theme.muted });
  parts.push({ box, say: (x) => {
    const i = Math.min(counts.length - 1, Math.floor((x - box.x) / width)), edge = (/** @type {number} */ k) => formatNumber(low + ((high - low) * k) / counts.length, 2);
    return `${groups(counts[i])} from ${edge(i)} to ${edge(i + 1)}`;
  } });
}

/** Which weights have a row: all, or the largest. @param {ArrayLike<number>} weights  @param {number} rows  @param {number} held */
export function rowsOf(weights, rows, held = -1) {
  const all = Array.from(weights, (_, i) => i), size = (/** @type {number} */ i) => (i === held || !Number.isFinite(weights[i]) ? Infinity : Math.abs(weights[i]));
  return all.length <= rows ? all : all.sort((a, b) => size(b) - size(a)).slice(0, rows).sort((a, b) => a - b);
}

/** A bar for each weight, its gradient below it. */
function weightsOf(panel, box, frame, detail, title, marks, parts) {
  const { ctx, theme } = panel, size = textSize(panel) - 1, weights = frame.weights?.data ?? [], gradient = frame.gradient?.data ?? [];
  title(box, ["weights, and dL/dw below each", "weights, dL/dw", "weights"], marks.weights);
  if (!weights.length) return quiet(panel, box, "no single weights: it has several for each input", size);
  const sources = Array.from(frame.sources.data), at = Array.from(frame.parts?.data ?? sources.map(() => 0));
  const held = (/** @type {number} */ i) => sources[i] === detail.source && (detail.weight === null || at[i] === detail.weight);
  const shown = rowsOf(weights, Math.max(1, Math.floor(box.height / (size + 4))), sources.findIndex((_, i) => held(i)));
  const pitch = Math.min(30, box.height / (shown.length + (shown.length < weights.length ? 1 : 0)));
  const names = shown.map((i) => (detail.names[sources[i]] ?? String(sources[i])) + (detail.several > 1 ? `: ${partOf(detail, at[i]).join(", ")}` : "")), left = Math.min(Math.max(...names.map((n) => textWidth(panel, n, size))), 0.34 * box.width) + 5;
  const most = (/** @type {ArrayLike<number>} */ all) => Array.from(all).reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 0) || 1;
  const [largest, steepest] = [most(weights), most(gradient)], middle = box.x + left + (box.width - left) / 2, half = (box.width - left) / 2 - 1;
  shown.forEach((i, row) => {
    const y = box.y + row * pitch, v = weights[i], g = gradient[i], bar = Math.max(2, 0.42 * pitch);
    if (held(i)) {
      ctx.fillStyle = mix(theme.background, theme.foreground, 0.1);
      ctx.fillRect(box.x, y, box.width, pitch);
    }
    text(panel, shorten(panel, names[row], left - 5, size), box.x + left - 5, y + pitch / 2, { size, align: "right", color: theme.muted });
    if (!Number.isFinite(v)) alarm(panel, formatNumber(v), middle, y + pitch / 2);
    else {
      ctx.fillStyle = v < 0 ? theme.negative : theme.positive;
      ctx.fillRect(v < 0 ? middle + (half * v) / largest : middle, y + 0.1 * pitch, (half * Math.abs(v)) / largest, bar);
    }
    if (Number.isFinite(g)) {
      ctx.fillStyle = theme.accuracy; // of another colour than all weights
      ctx.fillRect(g < 0 ? middle + (half * g) / steepest : middle, y + 0.1 * pitch + bar + 1, (half * Math.abs(g)) / steepest, Math.max(1, 0.2 * pitch));
    }
  });
  rule(panel, middle, box.y, middle, box.y + shown.length * pitch, theme.muted);
  if (shown.length < weights.length) text(panel, `+ ${groups(weights.length - shown.length)} smaller`, middle, box.y + (shown.length + 0.5) * pitch, { align: "center", size, color: theme.muted });
  parts.push({ box: { ...box, height: shown.length * pitch }, say: (_, y) => {
    const i = shown[Math.floor((y - box.y) / pitch)];
    if (i === undefined) return null;
    const more = [["dL/dw", gradient[i]], ["last update", frame.update?.data[i]]].filter(([, v]) => v !== undefined).map(([what, v]) => `${what} ${formatNumber(Number(v))}`);
    return [nameOf(detail, sources[i], at[i]), `weight ${formatNumber(weights[i])}`, ...more].join("\n");
  }, rows: detail.several ? shown.map((i) => (held(i) && (detail.several < 2 || detail.weight !== null) ? [null] : detail.several > 1 ? [sources[i], at[i]] : [sources[i]])) : null, pitch });
}

/** A press on a weight chooses it. */
function edgeAt(box, parts, x, y, detail) {
  const rows = parts.find((/** @type {any} */ p) => p.rows);
  if (!rows || x < box.x || x > box.x + box.width) return null;
  const chosen = rows.rows[Math.floor((y - rows.box.y) / rows.pitch)];
  return chosen === undefined || y < rows.box.y ? null : ["unit", [detail.layer, detail.unit, ...chosen]];
}

/** What is said of sample k of the sorted ones. */
function sampleOf(frame, k, classes) {
  const pull = frame.pulls.data[k], target = frame.targets?.data[k], points = frame.points;
  const where = points?.shape[0] ? [`at ${formatNumber(points.data[2 * k], 2)}, ${formatNumber(points.data[2 * k + 1], 2)}`] : [];
  const what = target === undefined ? [] : [classes[target] !== undefined ? `class ${classes[target]}` : `target ${formatNumber(target)}`];
  return [[`sample of the last batch`, ...where, ...what].join(", "), `its gradient ${formatNumber(pull)}: pulls ${pull < 0 ? "up" : "down"}`].join("\n");
}

/** Each sample's own gradient, sorted; the ends with their pictures. */
function pullsOf(panel, box, frame, detail, title, marks, parts, classes) {
  const { ctx, theme } = panel, size = textSize(panel) - 1, pulls = Array.from(frame.pulls?.data ?? []), n = pulls.length;
  title(box, [`who pulls: ${detail.of} of each sample`, "who pulls"], marks.pulls);
  if (!n) return quiet(panel, box, detail.note || "not measured yet", size);
  const pictures = frame.pictures, k = pictures?.shape[0] ?? 0, thumb = k ? Math.min(34, (box.width - 4) / (k / 2) - 3, box.height / 6) : 0;
  const rows = k && thumb > 8 ? thumb + 4 : 0, top = box.y + size + 6 + rows, height = Math.max(box.height - 2 * (size + 6) - 2 * rows - size - 4, 10);
  const largest = pulls.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 0) || 1, zero = top + height / 2, width = box.width / n;
  text(panel, shorten(panel, "up: the gradient is below 0", box.width, size), box.x, box.y + size / 2, { size, color: theme.positive });
  text(panel, shorten(panel, "down", box.width, size), box.x + box.width, top + height + rows + size / 2 + 4, { size, align: "right", color: theme.negative });
  pulls.forEach((v, i) => {
    if (!Number.isFinite(v)) return;
    ctx.fillStyle = v < 0 ? theme.positive : theme.negative;
    const length = (0.5 * height * Math.abs(v)) / largest; // up is up
    ctx.fillRect(box.x + i * width, v < 0 ? zero - length : zero, Math.max(width - 0.75, 0.5), length);
  });
  if (!pulls.every(Number.isFinite)) alarm(panel, "not finite", box.x + box.width / 2, zero);
  rule(panel, box.x, zero, box.x + box.width, zero, theme.muted);
  const mean = pulls.reduce((a, b) => a + b, 0) / n;
  if (Number.isFinite(mean)) {
    const y = zero + (0.5 * height * mean) / largest;
    rule(panel, box.x, y, box.x + box.width, y, theme.foreground, 1.25, [4, 3]);
  }
  text(panel, shorten(panel, detail.note || `dashed: the mean of all ${groups(n)}, which is ${detail.of}`, box.width, size), box.x, box.y + box.height - size / 2, { size, color: theme.muted });
  const cells = [];
  for (let i = 0; rows && i < k; i++) {
    const [, h, w] = pictures.shape, data = pictures.data.subarray(i * h * w, (i + 1) * h * w), up = i < k / 2, at = up ? i : i - k / 2;
    let [low, high] = [Infinity, -Infinity];
    for (const v of data) [low, high] = [Math.min(low, v), Math.max(high, v)];
    const shade = [theme.background, theme.foreground], x = up ? box.x + at * (thumb + 3) : box.x + box.width - (at + 1) * (thumb + 3), y = up ? box.y + size + 4 : top + height + 3;
    const tall = Math.min(thumb, (thumb * h) / w);
    picture(panel, Uint32Array.from(data, (v) => colorTable(shade)[Math.round((255 * (v - low)) / (high - low || 1))]), w, h, { x, y, width: thumb, height: Math.max(tall, 4) }, false);
    ctx.strokeStyle = colorAt(theme.diverging, up ? 1 : 0);
    ctx.strokeRect(x, y, thumb, Math.max(tall, 4));
    cells.push({ box: { x, y, width: thumb, height: thumb }, k: up ? at : n - 1 - at });
  }
  for (const cell of cells) parts.push({ box: cell.box, say: () => sampleOf(frame, cell.k, classes) });
  parts.push({ box: { ...box, y: top, height }, say: (x) => sampleOf(frame, Math.min(n - 1, Math.max(0, Math.floor((x - box.x) / width))), classes) });
}
