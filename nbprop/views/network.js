/** The network: columns of units with a small picture each, and the lines between them. */
import { ABSENT, distance, largestOf, layout, lines, nextNode, nodeAt } from "./base/columns.js";
import { drawDetail } from "./base/detail.js";
import { fitting, keysOf } from "./base/keys.js";
import { frameIt } from "./base/linked.js";
import { formatNumber, groups, percent } from "./base/math.js";
import { alarm, colorAt, colorBar, colorTable, curve, dot, mix, nothing, picture, pixel, rgb, rule, shorten, text, textSize, textWidth, widest } from "./base/plot.js";

const KINDS = ["plane", "curve", "picture", "weights", "time", "heads", "value"];
const NEAR = 5; // pixels from a line that count as on it

/**
 * @typedef {import("./base/plot.js").Panel} Panel
 * @typedef {import("./base/columns.js").Node} Node
 * @typedef {import("./base/columns.js").Edge} Edge
 * @typedef {Record<string, import("./base/math.js").Numbers>} Frame  see Network.frame
 * @typedef {{name: string, layer: string, activation?: string, units: number, skipped: number, from?: number | null, around?: number | null, through?: string[], loop?: boolean, silenced?: number[], frozen?: number[]}} Column
 * @typedef {{columns: Column[], detail?: import("./base/detail.js").Detail | null, features: string[], classes: string[], said: string, looked: string, edges: string, unmeasured?: string, chosen?: import("./base/linked.js").Chosen, marks?: Record<string, string>}} Labels
 * @param {Panel} panel  @param {Frame} frame  @param {Labels} labels
 */
export function draw(panel, frame, labels) {
  if (labels.detail && frame.pulls) return drawDetail(panel, frame, labels.detail, labels.marks ?? {}, labels.classes);
  if (!frame.kinds || !labels.columns) return nothing(panel, labels.unmeasured ?? "no step yet");
  const size = textSize(panel), { theme } = panel, marks = labels.marks ?? {}, keys = keysOf(panel);
  const kinds = Array.from(frame.kinds.data, (k) => KINDS[k]), count = kinds.length, last = count - 1;
  const of = (/** @type {number} */ c, /** @type {number} */ row) => Array.from(frame[`numbers${c}`].data.subarray(5 * row, 5 * row + 5));
  const rows = (/** @type {number} */ c) => Array.from({ length: frame[`numbers${c}`].shape[0] }, (_, row) => of(c, row));
  const names = { in: labels.features, out: labels.classes.length > 2 ? labels.classes : [] };
  const narrow = panel.width < 330, arcs = labels.columns.some((one) => typeof one.around === "number");
  const one = (/** @type {number} */ c) => kinds[c] === "picture" && rows(c).length === 1;
  const shownIn = one(0) || narrow ? [] : rows(0).map(([unit]) => names.in[unit] ?? ""), shownOut = names.out.length && !narrow ? rows(last).map(([unit]) => names.out[unit] ?? "") : [];
  const left = Math.min(widest(panel, shownIn, size - 1), 0.14 * panel.width) + 4, right = Math.min(widest(panel, shownOut, size - 1), 0.16 * panel.width) + 4;
  const head = 2 * size + 9, foot = size + 8, above = arcs ? 14 : 3;
  const box = { x: left, y: head + above, width: panel.width - left - right, height: Math.max(panel.height - head - above - 2 * size - 4 - foot, 20) };
  const held = labels.columns.findIndex((c, i) => i > 0 && c.name === labels.chosen?.layer);
  const heldRow = held < 0 ? -1 : rows(held).findIndex(([unit]) => unit === labels.chosen?.unit);
  const columns = labels.columns.slice(0, count).map((c, i) => ({ units: rows(i).map(([unit]) => unit), shares: rows(i).map((n) => n[3]), total: kinds[i] === "heads" ? rows(i).length : c.units, skipped: c.skipped, large: one(i) }));
  const places = layout(columns, box, held, heldRow), nodes = places.flatMap((p) => p.nodes);
  const byColumn = new Map(places.map((p) => [p.column, p]));

  // What the pointer is on, or what is chosen, has all its lines.
  const isHeld = (/** @type {Node} */ n) => n.column === held && n.row === heldRow;
  const over = panel.pointer ? nodeAt(nodes, panel.pointer.x, panel.pointer.y) : undefined;
  const told = (/** @type {Node} */ a, /** @type {Node} */ b) => [a, b].some((n) => n === over || isHeld(n));
  /** @type {Edge[]} */
  const edges = [];
  for (const { column, x, nodes: targets } of places) {
    const from = byColumn.get(labels.columns[column].from ?? -1);
    if (!from) continue;
    const found = lines(frame[`edges${column}`], targets, from.nodes, told, places.length > 6 ? 1.5 : 3);
    if (!found.edges.length && column) bundle(panel, from, targets, theme.grid);
    for (const edge of found.edges) stroke(panel, edge, found.largest, over && !told(edge.target, edge.source) ? 0.35 : 1);
    edges.push(...found.edges);
    if (found.bad) alarm(panel, "NaN", (from.x + x) / 2, box.y + box.height / 2);
  }
  const edge = over || !panel.pointer ? undefined : nearest(edges, panel.pointer.x, panel.pointer.y);
  const source = labels.chosen?.source;
  for (const one of edges) if (one === edge || (isHeld(one.target) && one.source.unit === source)) stroke(panel, one, 0, 1, theme.foreground);

  for (const place of places) {
    const { column, x } = place, kind = kinds[column], label = labels.columns[column];
    const maps = frame[`maps${column}`], scale = kind === "weights" || maps.shape[0] > 0 ? largestOf(maps.data) : 1;
    for (const node of place.nodes) unit(panel, node, kind, maps, scale, label);
    around(panel, label, place, byColumn, box, keys, marks.around);
    if (label.loop) loop(panel, place, keys, marks.loop);
    const room = (box.width / places.length) * (place.skipped ? 1.2 : 1) - 3;
    const title = fitting(panel, [label.name, label.name.replace(/^hidden /, "h"), ""], room, size, 600);
    keys.write(title, x, size / 2 + 2, { align: "center", weight: 600 }, `${label.name}: ${whatOf(label)}`);
    const kindWords = fitting(panel, [whatOf(label), label.activation === "identity" ? label.layer : label.activation ?? "", ""], room, size - 1);
    text(panel, kindWords, x, 1.5 * size + 5, { align: "center", size: size - 1, color: theme.muted });
    if (place.more > 0) {
      const words = fitting(panel, [`+ ${groups(place.more)} more`, `+ ${groups(place.more)}`], room, size - 1);
      keys.write(words, x, box.y + box.height + size, { align: "center", size: size - 1, color: theme.muted }, marks.more);
    }
    if (place.skipped) {
      const words = [`+ ${groups(place.skipped)}`, place.skipped === 1 ? "layer" : "layers"];
      const at = x - box.width / places.length / 2 - 18;
      words.forEach((line, i) => keys.write(line, at, box.y + box.height / 2 + (i - 0.5) * (size + 2), { align: "center", size: size - 1, color: theme.muted }, marks.more));
    }
  }
  const ends = [[0, shownIn, -1], [last, shownOut, 1]];
  for (const [column, words, way] of /** @type {[number, string[], number][]} */ (ends)) {
    for (const node of byColumn.get(column)?.nodes ?? []) {
      if (!words.length || node.side < size - 2) continue;
      text(panel, shorten(panel, words[node.row], way < 0 ? left : right, size - 1), node.x + way * (node.side / 2 + 4), node.y, { align: way < 0 ? "right" : "left", size: size - 1, color: theme.muted });
    }
  }
  for (const node of nodes) if (node === over || isHeld(node)) frameIt(panel, { x: node.x - node.side / 2, y: node.y - node.side / 2, width: node.side, height: node.side });
  if (places.length && byColumn.has(last) && labels.said) text(panel, shorten(panel, labels.said, panel.width / 2), panel.width - 4, box.y + box.height + size, { align: "right", size: size - 1, weight: 600 });
  legend(panel, panel.height - foot / 2, size - 1, labels, keys);

  /** @param {Node} node */
  const say = (node) => {
    const label = labels.columns[node.column], [number, a, dz, share, bias] = of(node.column, node.row);
    const known = (/** @type {string} */ what, /** @type {number} */ v, after = "") => (v === ABSENT ? [] : [`${what} ${formatNumber(v)}${after}`]);
    if (node.column === 0) return [one(0) ? label.layer : names.in[number] ?? `input ${number}`, ...known("value", a)].join("\n");
    const called = node.column === last && names.out[number] ? ` (${names.out[number]})` : "";
    const words = kinds[node.column] === "heads" ? "head" : label.layer.startsWith("Conv") ? "channel" : "unit";
    return [
      `${label.name}, ${words} ${number}${called}: ${whatOf(label)}`,
      ...known("a =", a, ` (${labels.looked})`), ...known("mean |dL/dz| =", dz), ...known("bias =", bias),
      ...(share === ABSENT ? [] : [`${percent(share)} of what its layer tells`]),
      ...["silenced", "frozen"].filter((state) => label[/** @type {"silenced" | "frozen"} */ (state)]?.includes(number)),
    ].join("\n");
  };
  const sayEdge = (/** @type {Edge} */ { target, source, value }) => {
    const [from, to] = [source, target].map((n) => (n.column === 0 ? names.in[n.unit] ?? `input ${n.unit}` : `${labels.columns[n.column].name}, ${n.unit}`));
    return `${from} → ${to}\n${labels.edges} ${formatNumber(value)}`;
  };
  const choice = (/** @type {Node} */ target, source = /** @type {number | null} */ (null)) => ["unit", [labels.columns[target.column].name, target.unit, source]];
  return {
    keys: keys.all,
    nodes,
    edges,
    follow: (/** @type {number} */ x, /** @type {number} */ y) => nodes.indexOf(/** @type {Node} */ (nodeAt(nodes, x, y))) + (nodeAt(nodes, x, y) ? "" : `e${edges.indexOf(/** @type {Edge} */ (nearest(edges, x, y)))}`),
    move: (/** @type {{x: number, y: number} | null} */ from, /** @type {number[]} */ way, /** @type {boolean} */ along) => step(places, edges, from, way, along),
    press(/** @type {number} */ x, /** @type {number} */ y) {
      const node = nodeAt(nodes, x, y), line = node ? undefined : nearest(edges, x, y);
      if (node) return node.column ? choice(node) : null;
      return line ? choice(line.target, line.source.unit) : null;
    },
    readout(/** @type {number} */ x, /** @type {number} */ y) {
      const node = nodeAt(nodes, x, y);
      if (node) return say(node);
      const known = keys.at(x, y), line = nearest(edges, x, y);
      return known ?? (line ? sayEdge(line) : null);
    },
  };
}

/** What a layer is, in short. @param {Column} column */
function whatOf({ layer, activation, through }) {
  const after = (through ?? []).map((one) => one.replace(/2d$|1d$/, "").replace("Norm", " norm").replace("Pool", " pool").toLowerCase());
  return [...(layer === "Linear" ? [] : [layer.replace("MultiheadAttention", "attention")]), ...(activation && activation !== "identity" ? [activation] : []), ...after].join(", ") || layer;
}

/** From unit to unit, or, `along`, through the lines that come in to the one that is pointed at. */
export function step(places, edges, from, way, along) {
  if (!along || !from) return nextNode(places, from, way);
  const on = nearest(edges, from.x, from.y), node = nodeAt(places.flatMap((/** @type {any} */ p) => p.nodes), from.x, from.y);
  const target = node ?? on?.target, own = edges.filter((/** @type {Edge} */ e) => e.target === target).sort((/** @type {Edge} */ a, /** @type {Edge} */ b) => a.source.y - b.source.y);
  if (!own.length) return from;
  const now = node ? -1 : own.indexOf(on), next = own[Math.min(Math.max(now + (way[0] + way[1] || 1), 0), own.length - 1)];
  // A place on the line at which no other is nearer.
  const at = (/** @type {number} */ t) => ({ x: next.source.x + (next.target.x - next.source.x) * t, y: next.source.y + (next.target.y - next.source.y) * t });
  return [0.5, 0.35, 0.65, 0.25, 0.75, 0.15, 0.85].map(at).find(({ x, y }) => nearest(edges, x, y) === next) ?? at(0.5);
}

/** The line at a place. @param {Edge[]} edges */
function nearest(edges, x, y) {
  let best = NEAR, found;
  for (const edge of edges) {
    const far = distance(edge, x, y);
    if (far < best) [best, found] = [far, edge];
  }
  return /** @type {Edge | undefined} */ (found);
}

/** @param {Panel} panel  @param {Edge} edge  @param {number} largest  @param {string} [color] */
function stroke(panel, { target, source, value }, largest, alpha, color) {
  const { ctx, theme } = panel, share = largest ? Math.min(1, Math.abs(value) / largest) : 0;
  ctx.globalAlpha = color ? 1 : alpha * (0.25 + 0.75 * share);
  const strong = value < 0 ? theme.negative : theme.positive, bad = !Number.isFinite(value);
  ctx.strokeStyle = color ?? (bad ? theme.warning : mix(theme.diverging[value < 0 ? 1 : 5], strong, share));
  ctx.lineWidth = color ? 1.5 : bad ? 2 : 0.4 + 2.6 * share;
  ctx.beginPath();
  ctx.moveTo(source.x + source.side / 2, source.y);
  ctx.lineTo(target.x - target.side / 2, target.y);
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** Columns whose single lines cannot be told: one pale band. */
function bundle(panel, from, targets, color) {
  const { ctx } = panel, sources = from.nodes;
  if (!sources.length || !targets.length) return;
  const ends = (/** @type {Node[]} */ all) => [all[0].y - all[0].side / 3, all[all.length - 1].y + all[all.length - 1].side / 3];
  const [a, b] = ends(sources), [c, d] = ends(targets), x0 = sources[0].x + sources[0].side / 2, x1 = targets[0].x - targets[0].side / 2;
  ctx.fillStyle = color;
  ctx.globalAlpha = 0.6;
  ctx.beginPath();
  ctx.moveTo(x0, a);
  for (const [x, y] of [[x1, c], [x1, d], [x0, b]]) ctx.lineTo(x, y);
  ctx.fill();
  ctx.globalAlpha = 1;
}

/** A unit with its picture. @param {Panel} panel  @param {Node} node  @param {import("./base/math.js").Numbers} maps  @param {Column} label */
function unit(panel, node, kind, maps, scale, label) {
  const { ctx, theme } = panel, [, h, w] = maps.shape, n = h * w, data = maps.data.subarray(node.row * n, (node.row + 1) * n);
  const { x, y, side } = node, half = side / 2, most = scale || 1;
  if (kind === "value") {
    const v = data[0], absent = v === ABSENT || v === undefined;
    const fill = absent ? theme.background : Number.isFinite(v) ? colorAt(theme.diverging, 0.5 + (0.5 * v) / most) : theme.warning;
    dot(panel, x, y, half, fill, theme.muted, 1);
    if (!absent && !Number.isFinite(v)) alarm(panel, formatNumber(v), x, y);
  } else if (kind === "curve") {
    ctx.fillStyle = mix(theme.background, theme.grid, 0.5);
    ctx.fillRect(x - half, y - half, side, side);
    curve(panel, Array.from(data, (_, i) => x - half + (side * i) / (n - 1)), Array.from(data, (v) => y - (0.42 * side * v) / most), theme.positive, 1.3);
    box(panel, node, theme.muted);
  } else {
    const ratio = kind === "picture" || kind === "weights" ? w / h : 1;
    const area = ratio >= 1 ? { x: x - half, y: y - half / ratio, width: side, height: side / ratio } : { x: x - half * ratio, y: y - half, width: side * ratio, height: side };
    const table = colorTable(theme.diverging), bad = pixel(rgb(theme.warning));
    const pixels = Uint32Array.from(data, (v) => (Number.isFinite(v) ? table[Math.round(127.5 + 127.5 * Math.min(1, Math.max(-1, v / most)))] : bad));
    picture(panel, pixels, w, h, area, kind === "plane");
    box(panel, node, theme.muted);
    if (!data.every(Number.isFinite)) alarm(panel, "NaN", x, y, { size: Math.max(7, Math.min(10, half)) });
  }
  if (label.silenced?.includes(node.unit)) {
    ctx.strokeStyle = theme.foreground;
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    for (const way of [-1, 1]) {
      ctx.moveTo(x - way * half, y - half);
      ctx.lineTo(x + way * half, y + half);
    }
    ctx.stroke();
  }
  if (label.frozen?.includes(node.unit)) rule(panel, x - half, y + half - 2, x + half, y + half - 2, theme.foreground, 3); // within it, not between two
}

function box({ ctx }, { x, y, side }, color) {
  ctx.strokeStyle = color;
  ctx.lineWidth = 0.75;
  ctx.strokeRect(x - side / 2, y - side / 2, side, side);
}

/** The way around the layers between. */
function around(panel, label, place, byColumn, area, keys, meaning) {
  const from = byColumn.get(label.around ?? -1);
  if (!from) return;
  const { ctx, theme } = panel, end = place.x - (place.nodes[0]?.side ?? 0) / 2 - 3, y = area.y - 2;
  ctx.strokeStyle = theme.muted;
  ctx.lineWidth = 1.25;
  ctx.beginPath();
  ctx.moveTo(from.x, y);
  ctx.bezierCurveTo(from.x + 6, y - 14, end - 6, y - 14, end, y);
  ctx.stroke();
  keys.add({ x: from.x, y: y - 13, width: Math.max(end - from.x, 1), height: 12 }, meaning);
}

/** What a recurrent layer gets from itself. */
function loop(panel, { x, nodes }, keys, meaning) {
  const { ctx, theme } = panel, last = nodes[nodes.length - 1];
  if (!last) return;
  const y = last.y + last.side / 2 + 7;
  ctx.strokeStyle = theme.muted;
  ctx.lineWidth = 1.25;
  ctx.beginPath();
  ctx.arc(x, y, 5, -0.35 * Math.PI, 1.35 * Math.PI);
  ctx.stroke();
  keys.add({ x: x - 7, y: y - 7, width: 14, height: 14 }, meaning);
}

/** @param {Panel} panel  @param {Labels} labels */
function legend(panel, y, size, labels, keys) {
  const { theme } = panel, marks = labels.marks ?? {}, width = Math.min(70, 0.16 * panel.width);
  let x = 4 + textWidth(panel, "−", size) + 3;
  text(panel, "−", 4, y, { size, color: theme.muted });
  colorBar(panel, { x, y: y - 4, width, height: 8 }, theme.diverging);
  text(panel, "+", x + width + 3, y, { size, color: theme.muted });
  keys.add({ x: 0, y: y - 8, width: x + width + 12, height: 16 }, marks.unit);
  x += width + 18;
  const words = fitting(panel, [`lines: ${labels.edges}`, labels.edges], panel.width - x - 4, size);
  keys.write(words, x, y, { size, color: theme.muted }, marks.lines);
  x += textWidth(panel, words, size) + 14;
  const units = `units: ${labels.looked}`;
  if (x + textWidth(panel, units, size) < panel.width - 2) keys.write(units, x, y, { size, color: theme.muted }, marks.unit);
  x += textWidth(panel, units, size) + 14;
  for (const [state, sign] of [["silenced", "× silenced"], ["frozen", "_ frozen"]]) {
    if (!labels.columns.some((/** @type {any} */ column) => column[state]) || x + textWidth(panel, sign, size) > panel.width - 2) continue;
    keys.write(sign, x, y, { size, color: theme.muted }, marks[state]);
    x += textWidth(panel, sign, size) + 14;
  }
}
