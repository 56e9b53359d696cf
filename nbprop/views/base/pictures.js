/** Samples that are pictures, from 0 to 1, as pixels. */
import { colorTable, pixel, rgb } from "./plot.js";

/**
 * From the background to the ink; of three channels in their colours; what is not finite in the warning colour.
 * @param {import("./plot.js").Panel} panel  @param {ArrayLike<number>} data  channel by channel  @param {number} channels
 */
export function pixels(panel, data, channels) {
  const n = data.length / channels, made = new Uint32Array(n), bad = pixel(rgb(panel.theme.warning)), table = colorTable(grey(panel.theme));
  const byte = (/** @type {number} */ v) => Math.round(255 * Math.min(Math.max(v, 0), 1));
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += data[c * n + i];
    made[i] = !Number.isFinite(sum) ? bad : channels === 3 ? pixel([byte(data[i]), byte(data[n + i]), byte(data[2 * n + i])]) : table[byte(sum / channels)];
  }
  return made;
}

/** @type {WeakMap<object, string[]>} */
const GREYS = new WeakMap();

/** The stops from background to foreground, one list for each theme, by which colour tables are known. @param {import("./plot.js").Theme} theme */
function grey(theme) {
  if (!GREYS.has(theme)) GREYS.set(theme, [theme.background, theme.foreground]);
  return /** @type {string[]} */ (GREYS.get(theme));
}
