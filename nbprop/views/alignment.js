/** CTC at work: above, what is said of each frame, or the gradient; below, where the alignments of the true labels are. */
import { formatNumber, percent } from "./base/math.js";
import { keysOf } from "./base/keys.js";
import { alarm, colorTable, nothing, picture, pixel, rgb, shorten, text, textSize, widest } from "./base/plot.js";

const GAP = 8; // between the two, CSS pixels
const SMALLEST = 7; // rows that are lower have no names

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  above (C, T), shares (2 S + 1, T), loss (1,)
 * @param {{classes: string[], states: string[], above: string, said: string, marks?: Record<string, string>}} labels
 */
export function draw(panel, frame, labels) {
  const { ctx, theme } = panel, marks = labels.marks ?? {};
  const [classes, frames] = frame.above?.shape ?? [0, 0];
  if (!classes || !frames) return nothing(panel, "no frames yet");
  const size = textSize(panel), states = frame.shares.shape[0], gradient = labels.above === "gradient";
  const boxes = layout(classes, states, panel.width, panel.height, size, widest(panel, [...labels.classes, ...labels.states], size - 1));
  const most = gradient ? Array.from(frame.above.data).reduce((top, v) => (Number.isFinite(v) ? Math.max(top, Math.abs(v)) : top), 1e-6) : 1;
  const keys = keysOf(panel);
  const loss = frame.loss.data[0], words = `says ${labels.said}`;
  const right = `-ln p ${formatNumber(loss, 2)}`, room = panel.width - widest(panel, [right], size) - 16;
  keys.write(shorten(panel, words, room, size, 600), 4, size / 2 + 3, { weight: 600 }, marks.said);
  text(panel, right, panel.width - 4, size / 2 + 3, { align: "right", color: theme.muted });

  const parts = [
    { box: boxes.above, names: labels.classes, values: frame.above.data, rows: classes, stops: gradient ? theme.diverging : theme.share, low: gradient ? -most : 0, high: most },
    { box: boxes.below, names: labels.states, values: frame.shares.data, rows: states, stops: theme.share, low: 0, high: 1 },
  ];
  for (const { box, names, values, rows, stops, low, high } of parts) {
    picture(panel, paint(values, stops, low, high, theme.warning), frames, rows, box, false);
    ctx.strokeStyle = theme.grid;
    ctx.lineWidth = 1;
    ctx.strokeRect(box.x, box.y, box.width, box.height);
    const cell = box.height / rows, every = Math.ceil(size / cell);
    if (box.x > 4) {
      names.forEach((name, k) => {
        const shown = names === labels.states ? k % 2 === 1 && ((k - 1) / 2) % Math.ceil(every / 2) === 0 : k % every === 0;
        if (name && shown) text(panel, name, box.x - 4, box.y + (k + 0.5) * cell, { align: "right", size: size - 1, color: theme.foreground });
      });
    }
    if (!values.every(Number.isFinite)) alarm(panel, "not finite", box.x + box.width / 2, box.y + box.height / 2);
  }
  const last = shorten(panel, `frame 1 to ${frames}`, boxes.below.width, size);
  keys.write(last, boxes.below.x + boxes.below.width / 2, panel.height - size / 2 - 3, { align: "center", color: theme.muted }, marks.below);

  return {
    keys: keys.all,
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      for (const { box, names, values, rows } of parts) {
        const row = Math.floor(((my - box.y) / box.height) * rows), column = Math.floor(((mx - box.x) / box.width) * frames);
        if (row < 0 || column < 0 || row >= rows || column >= frames) continue;
        const value = values[row * frames + column], above = box === boxes.above;
        const what = above ? (gradient ? `dL/dlogit ${formatNumber(value, 2)}` : percent(value)) : `${percent(value)} of the alignments`;
        return `frame ${column + 1}\n${names[row] || `blank ${row / 2 + 1} of ${(rows + 1) / 2}`}: ${what}`;
      }
      return keys.at(mx, my);
    },
  };
}

/** Two boxes, one above the other, as high as they have rows; `names` is the width of the words beside them. */
export function layout(classes, states, width, height, size, names) {
  const top = size + 8, bottom = size + 8, high = Math.max(height - top - bottom - GAP, 2);
  const above = (high * classes) / (classes + states), named = names < width / 3 && high / (classes + states) >= SMALLEST / 3;
  const x = named ? names + 8 : 4, wide = Math.max(width - x - 4, 1);
  return { above: { x, y: top, width: wide, height: above }, below: { x, y: top + above + GAP, width: wide, height: high - above } };
}

/** Numbers as pixels; in the warning colour where they are not finite. @param {ArrayLike<number>} values */
export function paint(values, stops, low, high, warning) {
  const table = colorTable(stops), bad = pixel(rgb(warning));
  return Uint32Array.from(values, (v) => (Number.isFinite(v) ? table[Math.round((255 * (Math.min(Math.max(v, low), high) - low)) / (high - low))] : bad));
}
