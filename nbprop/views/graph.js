/** A computation graph after one step of the walk through it: values on the way forward, gradients on the way back. */
import { keysOf, wrap } from "./base/keys.js";
import { mix, nothing, shorten, text, textSize, textWidth } from "./base/plot.js";

const [MARGIN, GAP, WIDEST] = [3, 34, 112]; // of the boxes: beside all, between two, and how wide they get; see graph.py
const NARROW = 4.2; // text sizes that a box is wide where there is no room for such gaps
const APART = 1.9; // heights of a box from one to the next below it, at most
const WRONG = 3;

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  see Graph.frame
 * @param {{words: string, nodes: {name: string, symbol: string, value: string, gradient: string, tip: string}[], edges: {text: string, tip: string}[], marks?: Record<string, string>}} labels
 */
export function draw(panel, frame, labels) {
  if (!frame.nodes) return nothing(panel, "no graph yet");
  const { theme } = panel, size = textSize(panel);
  const room = panel.height < 200 ? 1 : panel.width < 560 ? 3 : 2; // lines for the words
  const top = room * (size + 4) + 6, bottom = panel.height > 240 ? size + 8 : 2;
  wrap(labels.words, panel.width - 8, room, (words) => textWidth(panel, words, size + 1)).forEach((line, i) => {
    text(panel, shorten(panel, line, panel.width - 8, size + 1), 4, (i + 0.5) * (size + 4) + 2, { size: size + 1 });
  });
  const { boxes, curves } = geometry(frame, panel.width, panel.height - top - bottom, size);
  for (const box of boxes) box.y += top;
  for (const curve of curves) for (const one of curve) [1, 3, 5, 7].forEach((k) => (one[k] += top));

  const [active, now] = frame.active.data;
  const inks = [mix(theme.background, theme.muted, 0.45), theme.muted, theme.gradients, theme.warning];
  curves.forEach((curve, k) => {
    const state = frame.passed.data[k];
    stroke(panel, curve, inks[state], k === now ? 3 : 1.2);
    if (state) arrow(panel, state === 2 ? curve[0] : curve[curve.length - 1], state === 2, inks[state]);
  });
  boxes.forEach((box, i) => node(panel, box, labels.nodes[i], inks[frame.state.data[i]], frame.state.data[i] === WRONG, i === active, size));

  // The local derivatives: that of this step first, the others wherever there is room.
  /** @type {import("./base/plot.js").Box[]} */
  const taken = boxes.map((box) => ({ ...box, x: box.x - box.width / 2, y: box.y - box.height / 2 }));
  const little = crowded(frame, panel.width, boxes[0].width) ? 9 : size - 1;
  const order = curves.map((_, k) => k).sort((a, b) => Number(b === now) - Number(a === now));
  for (const k of order) {
    const words = labels.edges[k]?.text;
    if (!words) continue;
    const [width, height] = [textWidth(panel, words, little), size];
    const place = spots(curves[k]).map(([x, y]) => ({ x: x - width / 2, y: y - height / 2, width, height }));
    const free = place.find((box) => fits(box, panel, top, bottom) && !taken.some((other) => covers(box, other)));
    if (!free) continue;
    taken.push(free);
    panel.ctx.fillStyle = theme.background; // the line makes room for it
    panel.ctx.fillRect(free.x - 2, free.y, width + 4, height);
    text(panel, words, free.x, free.y + height / 2, { size: little, color: k === now ? theme.foreground : theme.muted, weight: k === now ? 600 : 400 });
  }
  const keys = keysOf(panel);
  if (bottom > size) legend(panel, size, keys, labels.marks ?? {});

  return {
    keys: keys.all,
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const i = boxes.findIndex((box) => Math.abs(mx - box.x) <= box.width / 2 && Math.abs(my - box.y) <= box.height / 2);
      if (i >= 0) return labels.nodes[i].tip || null;
      let [best, near] = [-1, 8];
      curves.forEach((curve, k) => {
        for (const [x, y] of curve.flatMap((one) => [0.1, 0.3, 0.5, 0.7, 0.9].map((t) => at(one, t)))) {
          const away = Math.hypot(x - mx, y - my);
          if (away < near) [best, near] = [k, away];
        }
      });
      return (best >= 0 && labels.edges[best].tip) || keys.at(mx, my);
    },
  };
}

/**
 * Where boxes (x and y are their middle) and edges (cubic Bézier curves x0, y0, ... x3, y3) go: the same as in graph.py.
 * @param {Record<string, import("./base/math.js").Numbers>} frame  @param {number} size of the text
 */
export function geometry(frame, width, height, size) {
  const [columns, rows] = frame.grid.data, nodes = frame.nodes.data, count = frame.nodes.shape[0];
  let margin = MARGIN;
  for (let i = 0; i < count; i++) if (nodes[3 * i + 2] < 0) margin = 16;
  const cell = (width - 2 * margin) / columns;
  const w = Math.max(Math.min(cell - GAP, WIDEST), Math.min(0.74 * cell, NARROW * size)), h = Math.min((0.82 * height) / rows, 3 * (size + 4) + 4);
  const span = Math.min(height - h, APART * h * (rows - 1));
  const place = (/** @type {number} */ x, /** @type {number} */ y) => [margin + w / 2 + x * (width - w - 2 * margin), height / 2 + (y - 0.5) * span];
  const boxes = Array.from({ length: count }, (_, i) => {
    const [x, y] = place(nodes[3 * i], nodes[3 * i + 1]);
    return { x, y, width: w, height: h };
  });
  /** @type {number[][][]} */
  const points = Array.from({ length: frame.edges.shape[0] }, () => []);
  const routes = frame.routes.data;
  for (let r = 0; r < routes.length; r += 4) points[routes[r]].push([...place(routes[r + 1], routes[r + 2]), routes[r + 3]]);
  const curves = points.map((way, k) => {
    const last = way.length - 1;
    way[last][1] += frame.edges.data[3 * k + 2] * h;
    return way.slice(1).map(([x, y, b], j) => {
      const [px, py, a] = way[j];
      const x0 = px + (j === 0 ? (a * w) / 2 : 0), x3 = x - (j === last - 1 ? (b * w) / 2 : 0);
      const bow = a === b ? Math.abs(x3 - x0) / 2 : 18; // where a row of layers turns round
      return [x0, py, x0 + a * bow, py, x3 - b * bow, y, x3, y];
    });
  });
  return { boxes, curves };
}

/** The point at t (0 to 1) of a cubic Bézier curve. @param {number[]} curve  @param {number} t */
export function at(curve, t) {
  const weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
  return [0, 1].map((k) => weights.reduce((sum, weight, i) => sum + weight * curve[2 * i + k], 0));
}

/** Places for a text along an edge, best first. @param {number[][]} curves */
const spots = (curves) => curves.flatMap((one) => [0.5, 0.38, 0.62, 0.28, 0.72].map((t) => at(one, t)));

const covers = (/** @type {import("./base/plot.js").Box} */ a, /** @type {import("./base/plot.js").Box} */ b) =>
  a.x < b.x + b.width + 1 && b.x < a.x + a.width + 1 && a.y < b.y + b.height + 1 && b.y < a.y + a.height + 1;

const fits = (box, panel, top, bottom) =>
  box.x >= 0 && box.x + box.width <= panel.width && box.y >= top && box.y + box.height <= panel.height - bottom;

/** Is there little room between two boxes? */
const crowded = (frame, width, box) => width / frame.grid.data[0] - box < GAP;

/** One box: name and operation, value, gradient; as many of these lines as fit. */
function node(panel, box, labels, color, wrong, active, size) {
  const { ctx, theme } = panel;
  const [x, y, inner] = [box.x - box.width / 2, box.y - box.height / 2, box.width - 6];
  ctx.fillStyle = theme.background;
  ctx.strokeStyle = color;
  ctx.lineWidth = active ? 3 : wrong ? 2 : 1.2;
  ctx.beginPath();
  ctx.roundRect(x, y, box.width, box.height, 4);
  ctx.fill();
  ctx.stroke();
  const small = Math.min(size, box.height - 2, Math.max(8, Math.floor(box.height / 3 - 4))), step = small + 3;
  const count = Math.min(3, Math.floor((box.height - 1) / step));
  if (inner < 10 || small < 6) return;
  const some = labels.value || labels.gradient;
  const rows = some && count === 3 ? 3 : some && count === 2 ? 2 : 1;
  const line = (/** @type {number} */ k) => box.y + (k - (rows - 1) / 2) * Math.min(step, box.height / rows);
  const ink = wrong ? theme.warning : theme.gradients;
  const { name, symbol } = labels, [a, b] = [textWidth(panel, name, small, 600), symbol ? textWidth(panel, symbol, small) : 0];
  const together = Math.min(small, Math.floor((small * (inner - 5)) / (a + b)));
  const [beside, ground] = labels.gradient ? [labels.gradient, ink] : [labels.value, theme.weights];
  if (rows === 1 && beside && a + textWidth(panel, beside, small) + 5 <= inner) {
    text(panel, name, x + 3, line(0), { size: small, weight: 600 });
    text(panel, beside, x + box.width - 3, line(0), { size: small, align: "right", color: ground });
  } else if (symbol && together >= 8) {
    text(panel, name, x + 3, line(0), { size: together, weight: 600 });
    text(panel, symbol, x + box.width - 3, line(0), { size: together, align: "right" });
  } else {
    // The name is what the words speak of; where both do not fit it stays.
    text(panel, shorten(panel, name, inner, small, 600), box.x, line(0), { size: small, weight: 600, align: "center" });
  }
  // Numbers are written smaller where they would not fit; to cut them would make others of them.
  const write = (/** @type {string} */ words, /** @type {number} */ k, /** @type {string} */ ink) => {
    const fitting = Math.min(small, Math.floor((small * inner) / Math.max(textWidth(panel, words, small), 1)));
    text(panel, fitting >= 7 ? words : shorten(panel, words, inner, 7), box.x, line(k), { size: Math.max(7, fitting), align: "center", color: ink });
  };
  if (rows === 3) {
    if (labels.value) write(labels.value, 1, theme.weights);
    if (labels.gradient) write(labels.gradient, 2, ink);
  } else if (rows === 2) {
    if (labels.gradient) write(labels.gradient, 1, ink);
    else write(labels.value, 1, theme.weights);
  }
}

/** The curves of an edge in one stroke. */
function stroke(panel, curves, color, width) {
  const { ctx } = panel;
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.lineCap = "round";
  ctx.beginPath();
  ctx.moveTo(curves[0][0], curves[0][1]);
  for (const [, , a, b, c, d, x, y] of curves) ctx.bezierCurveTo(a, b, c, d, x, y);
  ctx.stroke();
}

/** A head at the end of a curve, or at its start where the way goes back. */
function arrow(panel, curve, back, color) {
  const { ctx } = panel;
  const [x, y] = back ? curve : curve.slice(6), [px, py] = at(curve, back ? 0.15 : 0.85);
  const angle = Math.atan2(y - py, x - px);
  ctx.fillStyle = color;
  ctx.beginPath();
  ctx.moveTo(x, y);
  for (const side of [-1, 1]) ctx.lineTo(x - 7 * Math.cos(angle + 0.45 * side), y - 7 * Math.sin(angle + 0.45 * side));
  ctx.fill();
}

/** What the colours mean, in the last line; the names that there is room for, in short where it is little. */
function legend(panel, size, keys, marks) {
  const { theme } = panel;
  const names = [["value", "value", theme.weights, marks.value], ["gradient", "gradient", theme.gradients, marks.gradient],
    ["local derivative (on the edge)", "slope", theme.muted, marks.slope]];
  const long = names.reduce((sum, [words]) => sum + textWidth(panel, words, size) + 14, 4) < panel.width;
  let x = 4;
  for (const [words, short, color, meaning] of names) {
    keys.write(long ? words : short, x, panel.height - size / 2 - 3, { color, size }, meaning);
    x += textWidth(panel, long ? words : short, size) + 14;
  }
}
