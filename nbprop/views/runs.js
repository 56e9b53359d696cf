/** Several runs in one picture: a thick and a thin curve of each, named at its end. */
import { formatNumber, groups, linearScale, logScale, niceDomain, percent, rowOf, spread, ticksOf } from "./base/math.js";
import { keysOf, quiet } from "./base/keys.js";
import { axisBelow, axisLeft, curve, inside, mix, rule, shorten, text, textSize, tickCount, widest } from "./base/plot.js";
import { drawFlag, drawPeak, FLAG, flagsOf, nearest, peakAbove } from "./loss.js";

const ORDER = [0, 5, 2, 3, 1, 4]; // of the colours of classes: those that differ most first; the same in runs.py

/** The colour of run number i, as a curve and, darker or lighter, as text. @param {import("./base/plot.js").Theme} theme */
export const colorOf = (theme, i) => theme.classes[ORDER[i % ORDER.length]];
const ink = (/** @type {import("./base/plot.js").Theme} */ theme, /** @type {number} */ i) => mix(colorOf(theme, i), theme.foreground, 0.3);

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  train_i, validation_i (2, n), ends (runs, 2), events (k,), range (4,), span (2,)
 * @param {{runs: string[], stopped: string[], events?: string[], axis: string, of: string, difference: boolean, unmeasured?: string, marks?: Record<string, string>}} labels
 * @param {{log?: boolean}} options
 */
export function draw(panel, frame, labels, options) {
  const { theme } = panel, marks = labels.marks ?? {}, keys = keysOf(panel), names = labels.runs ?? [];
  const ends = names.map((_, i) => rowOf(frame.ends, i)), known = ends.map((end) => Number.isFinite(end[1]));
  if (!known.some(Boolean)) return quiet(panel, { x: 0, y: 0, width: panel.width, height: panel.height }, labels.unmeasured ?? "no step yet");
  const size = textSize(panel), small = size - 1, bottom = 2 * size + 12, share = labels.of === "accuracy" && !labels.difference;
  const log = Boolean(options.log) && labels.of === "loss" && !labels.difference;
  const strip = frame.events?.data.length ? (panel.height < 180 || panel.width < 280 ? 1 : 2) * (small + 3) + FLAG + 1 : 0;
  const top = size + 10 + strip, height = panel.height - top - bottom, upright = tickCount(panel, height, true);
  const range = frame.range.data;
  const domain = log ? [range[2], range[3]] : share ? [0, 1] : niceDomain([range[0], range[1]], upright);
  const y = (log ? logScale : linearScale)(domain, [top + height, top]);
  const show = share ? percent : formatNumber;
  const ticks = ticksOf(y, upright).map((tick) => (share ? { ...tick, label: percent(tick.value) } : tick));
  const left = widest(panel, ticks.map((tick) => tick.label)) + 9;
  const room = 0.4 * panel.width;
  const said = names.map((name, i) => {
    const value = labels.difference && !i ? "" : ` ${labels.difference && ends[i][1] > 0 ? "+" : ""}${show(ends[i][1])}`;
    const more = (labels.stopped[i] ? " ✕" : "") + (known[i] || (labels.difference && !i) ? value : "");
    return shorten(panel, name, room - widest(panel, [more], size, 600), size, 600) + more;
  });
  const right = widest(panel, said, size, 600) + 9;
  const box = { x: left, y: top, width: panel.width - left - right, height };
  const x = linearScale([frame.span.data[0], frame.span.data[1]], [box.x, box.x + box.width]);

  axisLeft(panel, box, y, "", { ticks });
  const title = labels.difference ? `${labels.of}, less that of ${names[0]}` : log ? `${labels.of} (log)` : labels.of;
  keys.write(shorten(panel, title, panel.width - 4), 2, size / 2 + 3, { color: theme.muted }, marks.zero ?? marks.run);
  axisBelow(panel, box, x, labels.axis, { grid: false });
  keys.add({ x: box.x, y: top + height + 2, width: box.width, height: bottom }, marks.axis);
  const flags = flagsOf(panel, rowOf(frame.events, 0), labels.events ?? [], x, box, box.y - strip, Math.max(1, Math.floor((strip - FLAG) / (small + 3))), null);
  for (const flag of flags) drawFlag(panel, box, flag, keys, marks.flag);

  const halves = names.map((_, i) => ["train", "validation"].map((half) => ({ places: rowOf(frame[`${half}_${i}`], 0), values: rowOf(frame[`${half}_${i}`], 1) })));
  if (labels.difference) rule(panel, box.x, y(0), box.x + box.width, y(0), colorOf(theme, 0), 1.5);
  inside(panel, { ...box, y: box.y - 1, height: box.height + 2 }, () => {
    for (const thick of [0, 1]) {
      halves.forEach((both, i) => {
        const { places, values } = both[thick], only = !both[1].values.length;
        const color = thick || only ? colorOf(theme, i) : mix(theme.background, colorOf(theme, i), 0.55);
        curve(panel, Array.from(places, (v) => x(v)), Array.from(values, (v) => y(v)), color, thick || only ? 2 : 1);
      });
    }
  });
  const floor = y.range[0];
  const wanted = ends.map((end, i) => (labels.difference && !i ? y(0) : Math.min(Math.max(y(end[1]) || floor, top), floor)));
  const named = names.map((_, i) => i).filter((i) => known[i] || (labels.difference && !i));
  const heights = spread(named.map((i) => wanted[i]), size + 2, top + 0.4 * size, floor);
  named.forEach((i, k) => {
    keys.write(said[i], box.x + box.width + 6, heights[k], { color: ink(theme, i), weight: 600 }, [names[i], labels.stopped[i], marks.run].filter(Boolean).join("\n"));
    if (labels.stopped[i] && known[i]) stop(panel, Math.min(x(ends[i][0]), box.x + box.width), wanted[i], keys, `${names[i]} ${labels.stopped[i]}\n${marks.stopped ?? ""}`);
  });
  const peak = peakAbove(panel, box, x, y, halves.flat().map((half) => [half.places, half.values]));
  if (peak) drawPeak(panel, box, peak);

  return {
    keys: keys.all,
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const meaning = keys.at(mx, my);
      if (meaning) return meaning;
      if (mx < box.x - 4 || mx > box.x + box.width + 4 || my < box.y || my > box.y + box.height) return null;
      const place = x.invert(mx), lines = [`${labels.axis} ${labels.axis === "step" ? groups(place) : formatNumber(place)}`];
      halves.forEach((both, i) => {
        const words = both.map(({ places, values }, thick) => {
          const k = nearest(places, place);
          return k < 0 || place > places[places.length - 1] + 0.02 * (x.domain[1] - x.domain[0]) ? "" : `${thick ? "validation" : "training"} ${show(values[k])}`;
        });
        if (words.some(Boolean)) lines.push(`${names[i]}: ${words.filter(Boolean).reverse().join(", ")}`);
      });
      return lines.join("\n");
    },
  };
}

/** A cross where a run has stopped. @param {import("./base/plot.js").Panel} panel */
function stop(panel, x, y, keys, meaning) {
  const { ctx, theme } = panel, r = 4;
  ctx.strokeStyle = theme.warning;
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.moveTo(x - r, y - r);
  ctx.lineTo(x + r, y + r);
  ctx.moveTo(x + r, y - r);
  ctx.lineTo(x - r, y + r);
  ctx.stroke();
  keys.add({ x: x - r, y: y - r, width: 2 * r, height: 2 * r }, meaning);
}
