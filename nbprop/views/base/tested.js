/** What the network says about points of more than two inputs: the confusion matrix, or predicted against true values. */
import { formatNumber, groups, linearScale, linearTicks, niceDomain, percent } from "./math.js";
import { fitting, keysOf } from "./keys.js";
import { alarm, axisBelow, axisLeft, colorAt, dot, inside, luminance, rgb, rule, shorten, text, textSize, tickCount, widest } from "./plot.js";

/**
 * @typedef {import("./plot.js").Panel} Panel
 * @typedef {Record<string, import("./math.js").Numbers>} Frame  see Boundary.frame
 * @param {Panel} panel  @param {Frame} frame  @param {{classes: string[], tested: string, things?: string, ghosts?: string[], marks?: Record<string, string>}} labels
 * @param {boolean} shares  percentages of the row in place of counts
 */
export function confusion(panel, frame, labels, shares = false) {
  const { ctx, theme } = panel;
  const counts = frame.counts.data, many = frame.counts.shape[0], size = textSize(panel);
  const names = Array.from({ length: many }, (_, k) => labels.classes[k] ?? String(k));
  const totals = names.map((_, row) => sum(counts.subarray(row * many, (row + 1) * many)));
  const columns = names.map((_, column) => sum(names.map((_, row) => counts[row * many + column])));
  const written = Array.from(counts, (n, i) => (shares ? `${Math.round((100 * n) / (totals[Math.floor(i / many)] || 1))}%` : String(n)));
  const total = sum(totals), right = sum(names.map((_, k) => counts[k * (many + 1)]));

  const top = 3 * size + 18, left = Math.min(widest(panel, names), 0.25 * panel.width) + size + 12;
  const height = (panel.height - top - 6) / many;
  const width = Math.min((panel.width - left - 8) / many, 2.6 * height);
  const [end, bottom] = [left + many * width, top + many * height];
  const keys = keysOf(panel), marks = labels.marks ?? {};
  const share = total ? percent(right / total) : "none";
  const head = fitting(panel, [`${share} of ${groups(total)} ${labels.tested} ${labels.things ?? "points"} right`, `${share} of ${groups(total)} right`], panel.width - 4, size, 600);
  keys.write(head, 2, size / 2 + 4, { weight: 600 }, marks.tested);
  const ghosts = (labels.ghosts ?? []).map((name, k) => ({ name, counts: frame[`ghost${k}_counts`]?.data })).filter((one) => one.counts?.length === many * many);
  const others = ghosts.map(({ name, counts }) => `${name}: ${percent(sum(names.map((_, k) => counts[k * (many + 1)])) / total)}`).join(", ");
  const free = panel.width - 4 - widest(panel, [head], size, 600) - 12;
  if (others && free > 4 * size) keys.write(shorten(panel, others, free), panel.width - 2, size / 2 + 4, { align: "right", color: theme.muted }, `${others}\n${marks.ghost ?? ""}`);
  keys.write("predicted", (left + end) / 2, 1.5 * size + 10, { align: "center", color: theme.muted }, marks.predicted);
  keys.add({ x: 0, y: (top + bottom) / 2 - 2 * size, width: size + 4, height: 4 * size }, marks.true);
  ctx.save();
  ctx.translate(size / 2 + 2, (top + bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  text(panel, "true", 0, 0, { align: "center", color: theme.muted });
  ctx.restore();

  // Numbers are as large as the cells let them be; below 6 pixels the colour alone speaks.
  const longest = Math.max(...written.map((words) => words.length));
  const digits = Math.min(size + 1, Math.floor(height - 3), Math.floor((1.6 * (width - 3)) / longest));
  const everyRow = Math.ceil((size + 1) / height), everyColumn = Math.ceil((Math.min(widest(panel, names), 3 * size) + 3) / width);
  for (let row = 0; row < many; row++) {
    const y = top + (row + 0.5) * height;
    if (row % everyRow === 0) text(panel, shorten(panel, names[row], left - size - 11), left - 5, y, { align: "right", color: theme.muted });
    if (row % everyColumn === 0) {
      text(panel, shorten(panel, names[row], everyColumn * width - 2), left + (row + 0.5) * width, top - 7, { align: "center", color: theme.muted });
    }
    for (let column = 0; column < many; column++) {
      const n = counts[row * many + column], x = left + column * width;
      const color = colorAt(theme.share, totals[row] ? n / totals[row] : 0);
      ctx.fillStyle = color;
      const [x0, y0] = [Math.round(x), Math.round(top + row * height)];
      ctx.fillRect(x0, y0, Math.round(x + width) - x0 - 1, Math.round(top + (row + 1) * height) - y0 - 1);
      if (!n || digits < 6) continue;
      const ink = luminance(rgb(color)) > 0.5 ? "#101418" : "#ffffff";
      text(panel, written[row * many + column], x + (width - 1) / 2, y, { align: "center", size: digits, color: ink, weight: row === column ? 700 : 400 });
    }
  }
  const of = (/** @type {number} */ k, /** @type {number} */ all) => (all ? `${percent(counts[k * (many + 1)] / all)} (${groups(counts[k * (many + 1)])} of ${groups(all)})` : "none");
  const cellAt = (/** @type {number} */ mx, /** @type {number} */ my) => {
    const [row, column] = [Math.floor((my - top) / height), Math.floor((mx - left) / width)];
    return row < 0 || column < 0 || row >= many || column >= many ? null : [row, column];
  };
  return {
    keys: keys.all,
    cellAt,
    cell: { left, top, width, height, many },
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const known = keys.at(mx, my);
      if (known) return known;
      // At the name of a row how many of that class are recognized, at that of a column how often it is right to say it.
      const [k, j] = [Math.floor((my - top) / height), Math.floor((mx - left) / width)];
      if (mx > size + 4 && mx < left && names[k] !== undefined) return `${names[k]}\nrecall ${of(k, totals[k])}`;
      if (my < top && my > top - size - 8 && names[j] !== undefined) return `${names[j]}\nprecision ${of(j, columns[j])}`;
      const cell = cellAt(mx, my);
      if (!cell) return null;
      const [row, column] = cell;
      const n = counts[row * many + column];
      const verb = row === column ? `${names[row]} recognized` : `${names[row]} taken for ${names[column]}`;
      const words = [verb, `${groups(n)} of ${groups(totals[row])} (${percent(totals[row] ? n / totals[row] : 0)})`];
      return [...words, ...ghosts.map(({ name, counts }) => `${name}: ${groups(counts[row * many + column])}`)].join("\n");
    },
  };
}

/** @param {Panel} panel  @param {Frame} frame  @param {{tested: string}} labels */
export function scatter(panel, frame, labels) {
  const { theme } = panel;
  const points = frame.points.data, n = frame.points.shape[0], size = textSize(panel);
  const top = size + 10, bottom = 2 * size + 12, height = panel.height - top - bottom;
  const upright = tickCount(panel, height, true);
  const [low, high] = frame.range.data, domain = niceDomain([low - 0.05 * (high - low), high + 0.05 * (high - low)], upright);
  const ticks = linearTicks(domain, upright), left = widest(panel, ticks.map((tick) => tick.label)) + 9;
  const box = { x: left, y: top, width: panel.width - left - 8, height };
  const x = linearScale(domain, [box.x, box.x + box.width]), y = linearScale(domain, [box.y + box.height, box.y]);
  axisLeft(panel, box, y, `predicted (${labels.tested} points)`, { ticks });
  axisBelow(panel, box, x, "true");
  let bad = 0;
  inside(panel, box, () => {
    rule(panel, x(domain[0]), y(domain[0]), x(domain[1]), y(domain[1]), theme.muted, 1, [4, 3]);
    for (let i = 0; i < n; i++) {
      const said = points[2 * i + 1];
      if (!Number.isFinite(said)) bad++;
      // What lies beyond the axis sits at its edge.
      else dot(panel, x(points[2 * i]), Math.min(Math.max(y(said), box.y + 2), box.y + box.height - 2), 2.2, theme.train);
    }
  });
  if (bad) alarm(panel, `${groups(bad)} predictions not finite`, box.x + box.width / 2, box.y + 12, { size });
  return {
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      let [best, near] = [-1, 64];
      for (let i = 0; i < n; i++) {
        const away = (x(points[2 * i]) - mx) ** 2 + (y(points[2 * i + 1]) - my) ** 2;
        if (away < near) [best, near] = [i, away];
      }
      return best < 0 ? null : `true ${formatNumber(points[2 * best])}\npredicted ${formatNumber(points[2 * best + 1])}`;
    },
  };
}

/** @param {ArrayLike<number>} values */
const sum = (values) => Array.from(values).reduce((a, b) => a + b, 0);
