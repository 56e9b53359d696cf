/** The modes of a linear network over the steps: measured, and the exact solution. */
import { keysOf, quiet } from "./base/keys.js";
import { formatNumber, groups, linearScale, niceDomain, percent, rowOf, spread, ticksOf } from "./base/math.js";
import { alarm, axisBelow, axisLeft, curve, dot, inside, rule, shorten, textSize, tickCount, widest } from "./base/plot.js";
import { nearest } from "./loss.js";

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  measured (1 + m, n), solved (1 + m, k), whole (m,), range (2,), until (1,)
 * @param {{depth?: number, unsolved?: string, moment?: number | null, marks?: Record<string, string>}} labels
 */
export function draw(panel, frame, labels) {
  if (!frame.measured) return quiet(panel, { x: 0, y: 0, width: panel.width, height: panel.height }, "no modes yet");
  const { theme } = panel, marks = labels.marks ?? {}, keys = keysOf(panel), whole = Array.from(frame.whole.data), moment = labels.moment ?? null;
  const steps = rowOf(frame.measured, 0), rows = whole.map((_, k) => rowOf(frame.measured, k + 1)), last = steps.length - 1;
  const at = rowOf(frame.solved, 0), solved = whole.map((_, k) => rowOf(frame.solved, k + 1));
  const size = textSize(panel), top = 2 * size + 14, bottom = 2 * size + 12;
  const upright = tickCount(panel, panel.height - top - bottom, true);
  const y = linearScale(niceDomain(Array.from(frame.range.data), upright), [panel.height - bottom, top]), floor = y.range[0];
  const ticks = ticksOf(y, upright), left = widest(panel, ticks.map((tick) => tick.label)) + 9;
  const ends = whole.map((s, k) => ({ k, value: rows[k][last], words: panel.width < 280 ? `${k + 1}` : `mode ${k + 1}: ${formatNumber(rows[k][last])}` }));
  const right = widest(panel, ends.map((end) => end.words), size) + 8;
  const box = { x: left, y: top, width: panel.width - left - right, height: floor - top };
  const x = linearScale([0, Math.max(frame.until.data[0], 1)], [box.x, box.x + box.width]);
  axisLeft(panel, box, y, "", { ticks });
  axisBelow(panel, box, x, "step", { grid: false });
  keys.write(shorten(panel, "• strength of each mode", panel.width - 4), 2, size / 2 + 3, { color: theme.train }, marks.measured);
  const exact = labels.unsolved ? `no exact solution: ${labels.unsolved}` : "- - exact solution";
  keys.write(shorten(panel, exact, panel.width - 4, size), 2, 1.5 * size + 6, { color: labels.unsolved ? theme.muted : theme.validation }, marks.solved);
  const place = (/** @type {number} */ v) => Math.min(Math.max(Number.isFinite(y(v)) ? y(v) : floor, top), floor);
  const room = Math.max(1, Math.floor(box.height / (size + 2))), named = ends.slice(0, room), heights = spread(named.map((end) => place(end.value)), size + 2, top + 0.4 * size, floor);
  named.forEach((end, i) => keys.write(end.words, box.x + box.width + 5, heights[i], { color: theme.train }, marks.measured));
  whole.forEach((s) => {
    rule(panel, box.x, place(s), box.x + box.width, place(s), theme.muted, 0.75);
    keys.add({ x: box.x, y: place(s) - 2, width: 10, height: 4 }, marks.whole);
  });
  const xs = Array.from(steps, (v) => x(v));
  inside(panel, { ...box, y: box.y - 3, height: box.height + 6 }, () => {
    solved.forEach((values) => curve(panel, Array.from(at, (v) => x(v)), Array.from(values, (v) => y(v)), theme.validation, 1.4, [5, 3]));
    rows.forEach((values) => xs.forEach((px, i) => Number.isFinite(values[i]) && dot(panel, px, y(values[i]), xs.length > 80 ? 1.6 : 2.4, theme.train)));
  });
  if (moment !== null) rule(panel, Math.min(x(moment), box.x + box.width), box.y, Math.min(x(moment), box.x + box.width), floor, theme.foreground, 1.25);
  if (!rows.every((values) => Array.from(values).every(Number.isFinite))) alarm(panel, "not finite", box.x + box.width / 2, box.y + box.height / 2);

  return {
    keys: keys.all,
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const known = keys.at(mx, my);
      if (known) return known;
      if (mx < box.x - 4 || mx > box.x + box.width + 4 || my < box.y || my > floor) return null;
      const i = nearest(steps, x.invert(mx)), j = at.indexOf(steps[i]);
      const lines = whole.map((s, k) => {
        const theory = j < 0 || Number.isNaN(solved[k][j]) ? "" : `, solution ${formatNumber(solved[k][j])}`;
        return `mode ${k + 1}: ${formatNumber(rows[k][i])}, ${percent(rows[k][i] / s)} of ${formatNumber(s)}${theory}`;
      });
      return [`step ${groups(steps[i])}`, ...lines].join("\n");
    },
  };
}
