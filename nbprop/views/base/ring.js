/**
 * What a picture shows of a hand that draws in it.
 *
 * @typedef {import("./plot.js").Panel} Panel
 * @typedef {Record<string, import("./math.js").Numbers>} Frame
 */
import { quiet } from "./keys.js";
import { aim } from "./linked.js";
import { textSize } from "./plot.js";

/** What must be drawn before anything can be learned: above, or in the middle of an empty picture. @param {Panel} panel  @param {import("./plot.js").Box} box  @param {Frame} frame  @param {{lacks?: string}} labels */
export function lacking(panel, box, frame, labels) {
  const size = textSize(panel), height = frame.train.shape[0] ? 3 * size + 8 : box.height;
  if (labels.lacks) quiet({ ...panel, theme: { ...panel.theme, muted: panel.theme.foreground } }, { ...box, x: box.x + 6, width: box.width - 12, height }, labels.lacks);
}

/** How far a hand reaches that draws, and the point in it. @param {Panel} panel  @param {Frame} frame  @param {(row: ArrayLike<number>) => number[]} spot */
export function ring(panel, frame, spot) {
  const { ctx, ring: now, theme } = panel;
  if (!now) return;
  for (const [color, width] of /** @type {[string, number][]} */ ([[theme.outline, 3], [now.color || theme.foreground, 1.5]])) {
    [ctx.strokeStyle, ctx.lineWidth] = [color, width];
    ctx.beginPath();
    ctx.arc(now.x, now.y, now.radius, 0, 2 * Math.PI);
    ctx.stroke();
  }
  for (const name of now.held >= 0 ? ["train", "validation"] : []) {
    const i = frame[`${name}_id`]?.data.indexOf(now.held) ?? -1, width = frame[name].shape[1];
    const [x = NaN, y = NaN] = i < 0 ? [] : spot(frame[name].data.subarray(i * width, (i + 1) * width));
    if (Number.isFinite(x + y)) aim(panel, x, y, 7);
  }
}
