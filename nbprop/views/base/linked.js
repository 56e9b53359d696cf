/**
 * What is chosen, in a picture with a place for each layer: it is framed there, and a press chooses another.
 *
 * @typedef {import("./plot.js").Panel} Panel
 * @typedef {import("./plot.js").Box} Box
 * @typedef {{sample?: number, point?: number[], layer?: string, unit?: number, source?: number, weight?: number}} Chosen  see Chosen in chosen.py
 */

/** A frame around what is chosen, inside the panel. @param {Panel} panel  @param {Box} box */
export function frameIt(panel, box, color = panel.theme.foreground) {
  const { ctx, width, height } = panel;
  const [left, top] = [Math.max(box.x - 2.5, 0.75), Math.max(box.y - 2.5, 0.75)];
  const [right, bottom] = [Math.min(box.x + box.width + 2.5, width - 0.75), Math.min(box.y + box.height + 2.5, height - 0.75)];
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.roundRect(left, top, Math.max(right - left, 1), Math.max(bottom - top, 1), 3);
  ctx.stroke();
}

/**
 * Frames the chosen layer. Gives what a press on a layer says: its name, or null to let go of the one that is chosen.
 * @param {Panel} panel  @param {{chosen?: Chosen}} labels  @param {string[]} names  @param {Box[]} boxes  of each layer
 */
export function linked(panel, { chosen }, names, boxes) {
  const at = names.indexOf(chosen?.layer ?? "");
  if (at >= 0 && boxes[at]) frameIt(panel, boxes[at]);
  return (/** @type {number} */ x, /** @type {number} */ y) => {
    const i = boxes.findIndex((b) => x >= b.x && x < b.x + b.width && y >= b.y && y < b.y + b.height);
    return i < 0 || names[i] === undefined ? null : ["layer", i === at ? null : names[i]];
  };
}

/** A ring with a cross: the sample or place that is looked at. @param {Panel} panel */
export function aim(panel, x, y, radius = 6) {
  const { ctx, theme } = panel;
  for (const [color, width] of /** @type {[string, number][]} */ ([[theme.outline, 4], [theme.foreground, 1.5]])) {
    ctx.strokeStyle = color;
    ctx.lineWidth = width;
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
    for (const [a, b] of [[-1, 0], [1, 0], [0, -1], [0, 1]]) {
      ctx.moveTo(x + a * (radius - 2), y + b * (radius - 2));
      ctx.lineTo(x + a * (radius + 4), y + b * (radius + 4));
    }
    ctx.stroke();
  }
}
