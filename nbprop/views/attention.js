/** Who looks where: a matrix of attention weights for each head, with letters beside the rows and above the columns. */
import { percent } from "./base/math.js";
import { keysOf } from "./base/keys.js";
import { alarm, colorTable, nothing, picture, pixel, rgb, shorten, text, textSize } from "./base/plot.js";

const GAP = 8; // between matrices, CSS pixels
const SMALLEST = 6; // smaller letters are left out
const WORD = 4; // from so many letters on what stands at the sides are words: beside the rows, and upright above the columns

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  weights (heads, T, S)
 * @param {{rows: string[], columns: string[], heads: string[], marks?: Record<string, string>}} labels
 */
export function draw(panel, frame, labels) {
  const { ctx, theme } = panel;
  const [count, rows, columns] = frame.weights?.shape ?? [0, 0, 0];
  if (!count || !rows || !columns) return nothing(panel, "no weights yet");
  const size = textSize(panel);
  const longest = Math.max(...[...labels.rows, ...labels.columns].map((letter) => [...letter].length));
  const { boxes, cell, letters, margin } = layout(count, rows, columns, panel.width, panel.height, size, longest);
  const of = (/** @type {number} */ i) => frame.weights.data.subarray(i * rows * columns, (i + 1) * rows * columns);

  boxes.forEach((box, i) => {
    const weights = of(i), style = { size: letters, color: theme.foreground };
    const head = shorten(panel, labels.heads[i] ?? "", box.room, size, 600);
    text(panel, head, box.x, box.y - margin - size / 2 - 3, { weight: 600 });
    picture(panel, paint(weights, theme), columns, rows, box, false);
    ctx.strokeStyle = theme.grid;
    ctx.lineWidth = 1;
    ctx.strokeRect(box.x, box.y, box.width, box.height);
    if (letters && longest >= WORD) {
      labels.columns.forEach((word, k) => upright(panel, word, box.x + (k + 0.5) * cell, box.y - 4, style));
      labels.rows.forEach((word, k) => text(panel, word, box.x - 4, box.y + (k + 0.5) * cell, { ...style, align: "right" }));
    } else if (letters) {
      labels.columns.forEach((letter, k) => text(panel, letter, box.x + (k + 0.5) * cell, box.y - margin / 2, { ...style, align: "center" }));
      labels.rows.forEach((letter, k) => text(panel, letter, box.x - margin / 2, box.y + (k + 0.5) * cell, { ...style, align: "center" }));
    }
    if (!weights.every(Number.isFinite)) alarm(panel, "not finite", box.x + box.width / 2, box.y + box.height / 2);
  });
  const words = shorten(panel, "row: who looks, column: at what", panel.width - 8);
  const keys = keysOf(panel);
  keys.write(words, panel.width / 2, panel.height - size / 2 - 3, { align: "center", color: theme.muted }, labels.marks?.weights);

  return {
    keys: keys.all,
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      for (const [i, box] of boxes.entries()) {
        const row = Math.floor((my - box.y) / cell), column = Math.floor((mx - box.x) / cell);
        if (row < 0 || column < 0 || row >= rows || column >= columns) continue;
        const place = (/** @type {string[]} */ letters, /** @type {number} */ k) => `${letters[k] ?? ""} (place ${k + 1})`;
        const weight = of(i)[row * columns + column];
        return `${labels.heads[i] ?? ""}\n${place(labels.rows, row)} looks at ${place(labels.columns, column)}: ${percent(weight)}`;
      }
      return keys.at(mx, my);
    },
  };
}

/**
 * Writes a word from (x, y) upwards.
 * @param {import("./base/plot.js").Panel} panel  @param {string} word  @param {number} x  @param {number} y
 * @param {{size: number, color: string}} style
 */
function upright(panel, word, x, y, style) {
  const { ctx } = panel;
  ctx.save();
  ctx.translate(x, y);
  ctx.rotate(-Math.PI / 2);
  text(panel, word, 0, 0, style);
  ctx.restore();
}

/**
 * Where the matrices go, so that their cells, which are square, are as large as can be. `letters` is the size of the
 * letters at the sides, 0 when there is no room for them, `margin` what they take up (of letters at most one more row
 * and column).
 */
export function layout(count, rows, columns, width, height, size, longest = 1) {
  const title = size + 6, words = longest >= WORD ? (0.6 * longest + 0.8) * size : 0;
  /** @type {{across: number, cell: number, letters: number, w: number, h: number} | undefined} */
  let best;
  for (let across = 1; across <= count; across++) {
    const down = Math.ceil(count / across);
    const w = (width - GAP * (across + 1)) / across, h = (height - title - GAP * (down - 1)) / down - title;
    let cell = words ? Math.min((w - words) / columns, (h - words) / rows) : Math.min(w / (columns + 1), h / (rows + 1));
    let letters = words ? (cell < size ? 0 : size) : Math.floor(Math.min(size, cell, (1.5 * cell) / longest));
    if (letters < SMALLEST) [letters, cell] = [0, Math.max(0.1, Math.min(w / columns, h / rows))];
    if (!best || cell > best.cell) best = { across, cell, letters, w, h };
  }
  const { across, cell, letters, w, h } = /** @type {NonNullable<typeof best>} */ (best);
  const margin = !letters ? 0 : words || Math.min(cell, Math.max(1.8, 0.65 * longest + 0.4) * letters), [wide, high] = [columns * cell, rows * cell];
  const boxes = Array.from({ length: count }, (_, i) => {
    const left = GAP + (i % across) * (w + GAP), x = left + (w - wide - margin) / 2 + margin;
    const y = title + Math.floor(i / across) * (h + title + GAP) + (h - high - margin) / 2 + margin;
    return { x, y, width: wide, height: high, room: left + w - x };
  });
  return { boxes, cell, letters, margin };
}

/** Weights from 0 to 1 as pixels: clear where there is none at all, in the warning colour where it is not finite. */
export function paint(weights, theme) {
  const table = colorTable(theme.share), bad = pixel(rgb(theme.warning));
  return Uint32Array.from(weights, (w) => (w === 0 ? 0 : Number.isFinite(w) ? table[Math.min(255, Math.max(0, Math.round(255 * w)))] : bad));
}
