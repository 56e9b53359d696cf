/** Lines of text that the network writes; the paler a letter, the less probable it was. */
import { percent } from "./base/math.js";
import { mix, nothing, text, textSize } from "./base/plot.js";

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  tokens, probability (lines, length)
 * @param {{letters: string[]}} labels
 */
export function draw(panel, frame, labels) {
  const { theme } = panel;
  const [rows, columns] = frame.tokens?.shape ?? [0, 0];
  if (!rows || !columns) return nothing(panel, "nothing written yet");
  const { size, wide, high, left, top } = layout(rows, columns, panel.width, panel.height, textSize(panel) + 2);
  const letter = (/** @type {number} */ i) => labels.letters[frame.tokens.data[i]] ?? "";
  const mono = { ...panel, font: "ui-monospace, 'DejaVu Sans Mono', monospace" };
  for (let i = 0; i < rows * columns; i++) {
    if (frame.tokens.data[i] < 0 || letter(i) === " ") continue;
    const color = mix(theme.background, theme.foreground, 0.35 + 0.65 * frame.probability.data[i]);
    text(mono, letter(i), left + ((i % columns) + 0.5) * wide, top + (Math.floor(i / columns) + 0.5) * high, { align: "center", size, color });
  }
  return {
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const [row, column] = [Math.floor((my - top) / high), Math.floor((mx - left) / wide)];
      const i = row * columns + column;
      if (row < 0 || column < 0 || row >= rows || column >= columns || frame.tokens.data[i] < 0) return null;
      return `"${letter(i)}" had the probability ${percent(frame.probability.data[i])}`;
    },
  };
}

/** Cells for letters: as wide as the panel allows, lines apart but not far. */
export function layout(rows, columns, width, height, largest) {
  const size = Math.max(4, Math.floor(Math.min(largest, (width - 16) / columns / 0.62, (height - 8) / rows / 1.1)));
  const wide = Math.min(0.62 * size, (width - 16) / columns), high = Math.min((height - 8) / rows, 1.8 * size);
  return { size, wide, high, left: 8, top: Math.max(4, (height - rows * high) / 2) };
}
