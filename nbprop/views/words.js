/** Sentences, word by word in colour: blue speaks for a class, orange against it; in front of each line its score. */
import { formatNumber } from "./base/math.js";
import { keysOf } from "./base/keys.js";
import { colorAt, nothing, shorten, text, textSize, textWidth } from "./base/plot.js";

const PAD = 3; // around a word, CSS pixels

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  words (lines, longest), scores (lines,)
 * @param {{lines: string[][], score: string, marks?: Record<string, string>}} labels
 */
export function draw(panel, frame, labels) {
  const { ctx, theme } = panel, [rows, columns] = frame.words?.shape ?? [0, 0];
  if (!rows || !columns) return nothing(panel, "no sentences yet");
  const { size, high, top, boxes, left } = layout(panel, labels.lines, textSize(panel) + 1);
  const values = frame.words.data, finite = Array.from(values).filter(Number.isFinite);
  const most = finite.reduce((so, v) => Math.max(so, Math.abs(v)), 1e-6);
  const value = (/** @type {number} */ i, /** @type {number} */ k) => values[i * columns + k];
  const keys = keysOf(panel), middle = (/** @type {number} */ i) => top + (i + 0.5) * high;
  const head = textSize(panel), marks = labels.marks ?? {};
  keys.write(shorten(panel, `for ${labels.score}`, panel.width - 12, head, 600), 6, head / 2 + 4, { weight: 600 }, marks.words);
  boxes.forEach((line, i) => {
    keys.write(formatNumber(frame.scores.data[i], 2), left - 8, middle(i), { align: "right", size, color: theme.muted }, marks.scores);
    line.forEach(({ word, x, width }, k) => {
      const v = value(i, k);
      ctx.fillStyle = Number.isFinite(v) ? colorAt(theme.diverging, 0.5 + (0.5 * v) / most) : theme.warning;
      ctx.fillRect(x, middle(i) - Math.min(high, 1.5 * size) / 2 + 0.5, width, Math.min(high, 1.5 * size) - 1);
      text(panel, word, x + width / 2, middle(i), { align: "center", size });
    });
    if (line.length < labels.lines[i].length) text(panel, "…", panel.width - 4, middle(i), { align: "right", size });
  });
  return {
    keys: keys.all,
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const i = Math.floor((my - top) / high);
      const k = (boxes[i] ?? []).findIndex(({ x, width }) => mx >= x && mx < x + width);
      return k < 0 ? keys.at(mx, my) : `${labels.lines[i][k]}: ${formatNumber(value(i, k), 2)} for ${labels.score}`;
    },
  };
}

/**
 * Where the words go, a line for each sentence, as large as the panel allows; `left` is where they begin. Of a sentence
 * that is too long even in the smallest letters there are as many words as fit.
 */
export function layout(panel, lines, largest) {
  const room = panel.height - textSize(panel) - 12;
  const wide = (/** @type {string[]} */ line, /** @type {number} */ size) => line.reduce((sum, word) => sum + textWidth(panel, word, size) + 2 * PAD + 2, 0);
  let size = Math.max(4, Math.floor(Math.min(largest, room / lines.length / 1.15)));
  const score = (/** @type {number} */ of) => textWidth(panel, "-0.000", of) + 12;
  while (size > 4 && Math.max(...lines.map((line) => wide(line, size))) + score(size) > panel.width - 4) size--;
  const left = score(size), high = Math.min(room / lines.length, 2.2 * size), top = textSize(panel) + 10;
  const boxes = lines.map((line) => {
    let x = left;
    const all = line.map((word) => {
      const width = textWidth(panel, word, size) + 2 * PAD, box = { word, x, width };
      x += width + 2;
      return box;
    });
    const end = panel.width - 2, fits = x - 2 <= end;
    return all.filter((box) => box.x + box.width <= (fits ? end : end - textWidth(panel, "… ", size)));
  });
  return { size, high, top, boxes, left };
}
