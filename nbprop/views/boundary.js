/** What the network has learned: the plane, the curve, the confusion matrix, or predicted against true values. */
import { confusion, scatter } from "./base/tested.js";
import { keysOf } from "./base/keys.js";
import { aim } from "./base/linked.js";
import { lacking, ring } from "./base/ring.js";
import { contour, formatNumber, joined, linearScale, linearTicks, niceDomain, percent, refine } from "./base/math.js";
import { alarm, axisBelow, axisLeft, colorAt, colorBar, colorTable, curve, DASHES, dot, inside, layer, mix, nothing, picture, pixel, rgb, rule, shorten, text, textSize, textWidth, tickCount, widest } from "./base/plot.js";

/**
 * @typedef {import("./base/plot.js").Panel} Panel
 * @typedef {Record<string, import("./base/math.js").Numbers>} Frame  see Boundary.frame
 * @typedef {{mode: string, task: string, classes: string[], features: string[], tested: string, sampled?: string, held?: string, lacks?: string, ghosts?: string[], marks?: Record<string, string>}} Labels
 * @param {Panel} panel  @param {Frame} frame  @param {Labels} labels
 */
export function draw(panel, frame, labels) {
  if (labels.mode === "plane" && frame.grid) return noted(panel, labels, plane(panel, frame, labels));
  if (labels.mode === "curve" && frame.x) return noted(panel, labels, line(panel, frame, labels));
  if (labels.mode === "confusion" && frame.counts) return confusion(panel, frame, labels);
  if (labels.mode === "scatter" && frame.points) return scatter(panel, frame, labels);
  return nothing(panel, "nothing to show yet");
}

/** In the row above the picture: at what the other inputs are held, and that not all points are drawn. @param {Panel} panel  @param {Labels} labels */
function noted(panel, labels, picture) {
  const words = shorten(panel, [labels.held, labels.sampled].filter(Boolean).join(" · "), 0.6 * panel.width);
  if (words) text(panel, words, panel.width - 2, textSize(panel) / 2 + 2, { align: "right", color: panel.theme.muted });
  return picture;
}

// ------------------------------------------------------------------------------------------------------ two inputs

/** @param {Panel} panel  @param {Frame} frame  @param {Labels} labels */
function plane(panel, frame, labels) {
  const { theme } = panel;
  const [rows, columns, classes = 1] = frame.grid.shape;
  const extent = frame.extent.data, [low, high] = frame.range.data;
  const size = textSize(panel), top = size + 10, bottom = 2 * size + 12;
  const height = panel.height - top - bottom;
  const square = Math.abs(extent[1] - extent[0] - (extent[3] - extent[2])) < 1e-3 * (extent[1] - extent[0]);
  const upright = tickCount(panel, height, true);
  const left = widest(panel, linearTicks([extent[2], extent[3]], upright).map((tick) => tick.label)) + 9;
  const words = legendWords(labels, frame);
  const legendWidth = Math.min(widest(panel, words) + 26, 0.3 * panel.width);
  let width = panel.width - left - legendWidth - 8;
  if (square) width = Math.min(width, height);
  const box = { x: left, y: square ? top + Math.max(0, (height - width) / 2) : top, width, height: square ? width : height };
  const x = linearScale([extent[0], extent[1]], [box.x, box.x + box.width]);
  const y = linearScale([extent[2], extent[3]], [box.y + box.height, box.y]);
  const toX = (/** @type {number} */ c) => box.x + (c / (columns - 1)) * box.width;
  const toY = (/** @type {number} */ r) => box.y + (r / (rows - 1)) * box.height;

  const ground = classes > 1 ? paintClasses(frame.grid.data, rows, columns, classes, theme) : paintValues(frame.grid.data, rows, columns, low, high, labels.task === "binary" ? theme.diverging : theme.sequential, theme);
  // The outermost values belong to the corners of the box, so the picture reaches half a pixel beyond.
  const [px, py] = [box.width / (ground.columns - 1) / 2, box.height / (ground.rows - 1) / 2];
  const paint = pointColors(labels, low, high, theme);
  const radius = Math.min(3.5, Math.max(2.1, Math.sqrt(box.width * box.height) / 85)) * (frame.train.shape[0] > 700 ? 0.75 : 1);
  inside(panel, box, () => {
    picture(panel, ground.pixels, ground.columns, ground.rows, { x: box.x - px, y: box.y - py, width: box.width + 2 * px, height: box.height + 2 * py }, true);
    if (labels.task === "binary") strokeSegments(panel, contour(frame.grid.data, rows, columns, 0.5), toX, toY, theme.foreground);
    ghostly(labels, frame, "grid").forEach(({ numbers, dash }) => {
      for (const line of borders(numbers, labels.task).flatMap((grid) => joined(contour(grid, rows, columns, 0)))) {
        const part = (/** @type {number} */ rest) => line.filter((_, i) => i % 2 === rest);
        curve(panel, part(0).map(toX), part(1).map(toY), theme.foreground, 1, dash);
      }
    });
    const place = [box.x, box.y, box.width, box.height, ...extent].join();
    layer(panel, frame.train.data, place, (still) => inside(still, box, () => drawPoints(still, frame, x, y, radius, paint)));
    for (const name of ["train", "validation"]) {
      each(frame[name], frame[name + "_wrong"], (px, py, _, wrong) => wrong && cross(panel, x(px), y(py), radius + 1.5));
    }
  });
  if (ground.bad) alarm(panel, `${ground.bad === frame.grid.data.length ? "output" : "some outputs"} not finite`, box.x + box.width / 2, box.y + box.height / 2, { size: size + 1 });
  const [ax = NaN, ay = NaN] = frame.aim?.data ?? [];
  if (Number.isFinite(ax + ay)) inside(panel, box, () => aim(panel, x(ax), y(ay), radius + 3));
  inside(panel, box, () => ring(panel, frame, (row) => [x(row[0]), y(row[1])]));
  lacking(panel, box, frame, labels);
  axisBelow(panel, box, x, labels.features[0], { grid: false });
  axisLeft(panel, box, y, "", { grid: false });
  text(panel, shorten(panel, labels.features[1] ?? "", panel.width / 2), 2, box.y - size - 3, { color: theme.muted });
  const keys = keysOf(panel);
  legend(panel, { x: box.x + box.width + 10, y: box.y, width: panel.width - box.x - box.width - 12, height: box.height }, frame, labels, paint, radius, keys);

  return {
    keys: keys.all,
    sheet: {
      box,
      place: (/** @type {number} */ mx, /** @type {number} */ my) => [x.invert(mx), y.invert(my)],
      far: (/** @type {ArrayLike<number>} */ row, /** @type {number} */ mx, /** @type {number} */ my) => Math.hypot(x(row[0]) - mx, y(row[1]) - my),
      spread: (/** @type {number} */ share) => [share * (extent[1] - extent[0]), share * (extent[3] - extent[2])],
    },
    ...choosing(box, frame, (mx, my) => [x.invert(mx), y.invert(my)], (px, py, mx, my) => Math.hypot(x(px) - mx, y(py) - my), radius),
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const known = keys.at(mx, my);
      if (known) return known;
      if (mx < box.x || mx > box.x + box.width || my < box.y || my > box.y + box.height) return null;
      const c = Math.round(((mx - box.x) / box.width) * (columns - 1)), r = Math.round(((my - box.y) / box.height) * (rows - 1));
      const at = (r * columns + c) * classes, said = frame.grid.data.subarray(at, at + classes);
      const place = labels.features.map((name, i) => `${name} ${formatNumber([x.invert(mx), y.invert(my)][i], 2)}`).join(", ");
      const others = ghostly(labels, frame, "grid").map(({ name, numbers }) => {
        const many = numbers.shape[2] ?? 1, at = (r * columns + c) * many, own = numbers.data.subarray(at, at + many);
        return `${name}: ${labels.task === "regression" ? formatNumber(own[0]) : likeliest(own, labels.classes)}`;
      });
      if (labels.task === "regression") return [place, `predicted ${formatNumber(said[0])}`, ...others].join("\n");
      const p = classes > 1 ? Array.from(said) : [1 - said[0], said[0]];
      return [place, ...p.map((v, k) => `${labels.classes[k]} ${percent(v)}`), ...others].join("\n");
    },
  };
}

/**
 * What a hand says: moving looks at a place, a press chooses the training point there, or the place; again lets go of it.
 * @param {import("./base/plot.js").Box} box  @param {Frame} frame  @param {(mx: number, my: number) => number[]} place
 * @param {(px: number, py: number, mx: number, my: number) => number} far  pixels from a point to a place
 * @param {number} radius
 */
function choosing(box, frame, place, far, radius) {
  const within = (/** @type {number} */ mx, /** @type {number} */ my) => mx >= box.x && mx <= box.x + box.width && my >= box.y && my <= box.y + box.height;
  return {
    cursor: "crosshair",
    hover: (/** @type {number} */ mx, /** @type {number} */ my) => (within(mx, my) ? ["over", place(mx, my)] : null),
    press(/** @type {number} */ mx, /** @type {number} */ my) {
      if (!within(mx, my)) return null;
      const { data, shape: [n, width] } = frame.train;
      let [near, best] = [-1, radius + 6];
      for (let i = 0; i < n; i++) {
        const away = far(data[i * width], data[i * width + 1], mx, my);
        if (away < best) [near, best] = [i, away];
      }
      return near >= 0 ? ["sample", near] : ["point", place(mx, my)];
    },
  };
}

/** The ghosts that have such numbers. @param {Labels} labels  @param {Frame} frame  @param {string} what */
function ghostly(labels, frame, what) {
  return (labels.ghosts ?? []).map((name, k) => ({ name, dash: DASHES[k], numbers: frame[`ghost${k}_${what}`] })).filter((one) => one.numbers);
}

/** What is 0 on the borders between the classes, as grids. @param {import("./base/math.js").Numbers} numbers  @param {string} task */
export function borders({ data, shape: [rows, columns, classes = 1] }, task) {
  if (task === "regression") return [];
  if (classes === 1) return [Float32Array.from(data, (p) => p - 0.5)];
  return Array.from({ length: classes }, (_, k) => Float32Array.from({ length: rows * columns }, (_, i) => {
    let most = -Infinity;
    for (let j = 0; j < classes; j++) if (j !== k) most = Math.max(most, data[i * classes + j]);
    return data[i * classes + k] - most;
  }));
}

/** The likeliest class, and how likely. @param {ArrayLike<number>} p  @param {string[]} classes */
function likeliest(p, classes) {
  const all = p.length > 1 ? Array.from(p) : [1 - p[0], p[0]], k = all.indexOf(Math.max(...all));
  return `${classes[k] ?? "not finite"} ${percent(all[k] ?? NaN)}`;
}

/** Colour of a point by its class or value. @param {Labels} labels  @returns {(target: number) => string} */
function pointColors(labels, low, high, theme) {
  if (labels.task === "regression") return (v) => colorAt(theme.sequential, (v - low) / (high - low));
  if (labels.classes.length === 2) return (k) => (k > 0.5 ? theme.positive : theme.negative);
  return (k) => theme.classes[Math.round(k) % theme.classes.length];
}

/** Grid of values as pixels, finer by 4. @param {ArrayLike<number>} grid  @param {string[]} stops */
export function paintValues(grid, rows, columns, low, high, stops, theme) {
  const fine = refine(grid, rows, columns, 4);
  const table = colorTable(stops), k = 255 / (high - low);
  const pixels = new Uint32Array(fine.data.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[Math.min(255, Math.max(0, Math.round((fine.data[i] - low) * k)))];
  return { ...fine, pixels, bad: markBad(grid, fine, pixels, theme) };
}

/** Grid of probabilities as pixels: the colour of the likeliest class, the stronger the surer. */
export function paintClasses(grid, rows, columns, classes, theme) {
  const parts = Array.from({ length: classes }, (_, k) => {
    const one = new Float32Array(rows * columns);
    for (let i = 0; i < one.length; i++) one[i] = grid[i * classes + k];
    return refine(one, rows, columns, 4);
  });
  const fine = parts[0], count = fine.data.length;
  const best = new Uint8Array(count), most = fine.data.slice(), sums = fine.data.slice();
  for (let k = 1; k < classes; k++) {
    const { data } = parts[k];
    for (let i = 0; i < count; i++) {
      sums[i] += data[i];
      if (data[i] > most[i]) [most[i], best[i]] = [data[i], k];
    }
  }
  const tables = theme.grounds.map(colorTable);
  const pixels = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const sure = (most[i] * classes - 1) / (classes - 1);
    pixels[i] = tables[best[i] % tables.length][Math.min(255, Math.max(0, Math.round(255 * sure)))];
  }
  return { ...fine, pixels, bad: markBad(grid, { ...fine, data: sums }, pixels, theme) };
}

/** Stripes where values are not finite; returns how many of the grid are not. */
function markBad(grid, fine, pixels, theme) {
  let bad = 0;
  for (let i = 0; i < grid.length; i++) if (!Number.isFinite(grid[i])) bad++;
  const stripes = [theme.warning, theme.background].map((color) => pixel(rgb(color)));
  for (let i = 0; bad && i < pixels.length; i++) {
    if (!Number.isFinite(fine.data[i])) pixels[i] = stripes[((Math.floor(i / fine.columns) + (i % fine.columns)) >> 2) & 1];
  }
  return bad;
}

function strokeSegments(panel, segments, toX, toY, color) {
  const { ctx } = panel;
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.25;
  ctx.lineCap = "round";
  ctx.beginPath();
  for (let i = 0; i < segments.length; i += 4) {
    ctx.moveTo(toX(segments[i]), toY(segments[i + 1]));
    ctx.lineTo(toX(segments[i + 2]), toY(segments[i + 3]));
  }
  ctx.stroke();
}

/** Training points filled, validation points as rings. @param {Panel} panel  @param {Frame} frame */
function drawPoints(panel, frame, x, y, radius, paint) {
  const { theme } = panel;
  each(frame.train, undefined, (px, py, target) => dot(panel, x(px), y(py), radius, paint(target), theme.outline, 0.75));
  each(frame.validation, undefined, (px, py, target) => {
    dot(panel, x(px), y(py), radius + 0.2, null, theme.outline, 2.4);
    dot(panel, x(px), y(py), radius + 0.2, null, paint(target), 1.2);
  });
}

/** @param {import("./base/math.js").Numbers} points (n, 3)  @param {import("./base/math.js").Numbers | undefined} wrong (n,) or empty */
function each(points, wrong, visit) {
  if (!points) return;
  const [n, width] = points.shape;
  for (let i = 0; i < n; i++) visit(points.data[i * width], points.data[i * width + 1], points.data[(i + 1) * width - 1], (wrong?.data[i] ?? 0) > 0);
}

function cross(panel, x, y, r) {
  const { ctx, theme } = panel;
  for (const [color, width] of [[theme.outline, 3.5], [theme.foreground, 1.5]]) {
    ctx.strokeStyle = /** @type {string} */ (color);
    ctx.lineWidth = /** @type {number} */ (width);
    ctx.beginPath();
    ctx.moveTo(x - r, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.moveTo(x + r, y - r);
    ctx.lineTo(x - r, y + r);
    ctx.stroke();
  }
}

/** @param {Labels} labels  @param {Frame} frame */
function legendWords(labels, frame) {
  const words = labels.classes.length > 8 ? [] : [...labels.classes];
  if (labels.task === "regression") words.push(...Array.from(frame.range.data, (v) => formatNumber(v, 2)));
  if (labels.task !== "regression") words.push(...ghostly(labels, frame, "grid").map((one) => one.name));
  return [...words, "train", ...(frame.validation?.shape[0] ? ["validation"] : [])];
}

/** @param {Panel} panel  @param {import("./base/plot.js").Box} box  @param {Frame} frame  @param {Labels} labels */
function legend(panel, box, frame, labels, paint, radius, keys) {
  const { theme } = panel, marks = labels.marks ?? {};
  const size = textSize(panel), gap = size + 5;
  const write = (/** @type {string} */ words, /** @type {number} */ y, meaning = marks.colours) => {
    text(panel, shorten(panel, words, box.width - 14), box.x + 14, y, { color: theme.muted });
    keys.add({ x: box.x - 4, y: y - gap / 2, width: box.width + 4, height: gap }, meaning && `${words}\n${meaning}`);
  };
  let y = box.y + size / 2;
  if (labels.task === "multiclass") {
    for (let k = 0; k < Math.min(8, labels.classes.length); k++, y += gap) {
      dot(panel, box.x + 4, y, 4, paint(k));
      write(labels.classes[k], y);
    }
  } else {
    const height = Math.min(90, box.height - 3.2 * gap);
    const [low, high] = frame.range.data, binary = labels.task === "binary";
    colorBar(panel, { x: box.x, y: box.y, width: 8, height }, binary ? theme.diverging : theme.sequential);
    const names = binary ? [labels.classes[1], "even", labels.classes[0]] : [formatNumber(high, 2), formatNumber((low + high) / 2, 2), formatNumber(low, 2)];
    names.forEach((name, i) => write(name, box.y + Math.min(Math.max((i * height) / 2, size / 2), height - size / 2), binary && i === 1 ? marks.even : marks.colours));
    if (binary) rule(panel, box.x, box.y + height / 2, box.x + 8, box.y + height / 2, theme.foreground, 1.25);
    y = box.y + height + gap * 0.9;
  }
  y += 2;
  dot(panel, box.x + 4, y, radius, theme.muted);
  write("train", y, marks.train);
  if (frame.validation?.shape[0]) {
    dot(panel, box.x + 4, y + gap, radius + 0.2, null, theme.muted, 1.2);
    write("validation", y + gap, marks.validation);
  }
  if (frame.train_wrong?.data.length && y + 2 * gap < box.y + box.height + size) {
    cross(panel, box.x + 4, y + 2 * gap, radius + 1);
    write("wrong", y + 2 * gap, marks.wrong);
    y += gap;
  }
  ghostly(labels, frame, "grid").forEach(({ name, dash }, k) => {
    const at = y + (k + 2) * gap;
    if (labels.task === "regression" || at > box.y + box.height + size) return;
    rule(panel, box.x - 2, at, box.x + 10, at, theme.foreground, 1, dash);
    write(name, at, marks.ghost);
  });
}

// ------------------------------------------------------------------------------------------------------ one input

/** @param {Panel} panel  @param {Frame} frame  @param {Labels} labels */
function line(panel, frame, labels) {
  const { theme } = panel;
  const xs = frame.x.data, [n, outputs] = frame.y.shape, classifies = labels.task !== "regression";
  const size = textSize(panel), top = size + 10, bottom = 2 * size + 12;
  const upright = tickCount(panel, panel.height - top - bottom, true);
  const [low, high] = frame.range.data;
  const domain = classifies ? [-0.06, 1.06] : niceDomain([low - 0.08 * (high - low), high + 0.08 * (high - low)], upright);
  const ticks = linearTicks(domain, upright);
  const left = widest(panel, ticks.map((tick) => tick.label)) + 9;
  const box = { x: left, y: top, width: panel.width - left - 8, height: panel.height - top - bottom };
  const x = linearScale([xs[0], xs[n - 1]], [box.x, box.x + box.width]), y = linearScale(domain, [box.y + box.height, box.y]);
  const paint = classifies ? pointColors(labels, 0, 1, theme) : (/** @type {number} */ k) => theme.classes[k % theme.classes.length];
  const binary = labels.task === "binary";
  axisLeft(panel, box, y, classifies ? (binary ? `probability of ${labels.classes[1]}` : "probability") : "value", { ticks });
  axisBelow(panel, box, x, labels.features[0]);
  const radius = panel.width > 420 ? 3 : 2.2;
  let at = panel.width - 4;
  const keys = keysOf(panel);
  for (const name of frame.validation.shape[0] ? ["validation", "train"] : ["train"]) {
    keys.write(name, at, box.y - size - 3, { align: "right", color: theme.muted }, labels.marks?.[name]);
    at -= textWidth(panel, name) + radius + 4;
    if (name === "train") dot(panel, at, box.y - size - 3, radius, mix(theme.background, theme.muted, 0.55));
    else dot(panel, at, box.y - size - 3, radius, null, theme.muted, 1.25);
    at -= radius + 8;
  }
  const px = Array.from(xs, (v) => x(v));
  const curves = Array.from({ length: outputs }, (_, k) => Array.from(xs, (_, i) => frame.y.data[i * outputs + k]));
  inside(panel, box, () => {
    for (const name of ["train", "validation"]) {
      const points = frame[name], width = points.shape[1];
      for (let i = 0; i < points.shape[0]; i++) {
        const at = x(points.data[i * width]);
        for (let k = 1; k < width; k++) {
          const target = points.data[i * width + k];
          const color = classifies ? paint(target) : outputs > 1 ? paint(k - 1) : theme.train;
          const spot = y(classifies && !binary ? 1.03 : target);
          if (name === "train") dot(panel, at, spot, radius, mix(theme.background, color, 0.55));
          else dot(panel, at, spot, radius, null, color, 1.25);
          if (frame[name + "_wrong"]?.data[i] > 0) cross(panel, at, spot, radius + 1);
        }
      }
    }
    for (const { dash, numbers: { data, shape } } of ghostly(labels, frame, "y")) {
      for (let k = 0; k < shape[1]; k++) curve(panel, px, px.map((_, i) => y(data[i * shape[1] + k])), theme.muted, 1.25, dash);
    }
    curves.forEach((values, k) => curve(panel, px, values.map((v) => y(v)), outputs === 1 ? theme.foreground : paint(k), 2));
  });
  const [place = NaN] = frame.aim?.data ?? [], nearest = Math.round(((place - xs[0]) / (xs[n - 1] - xs[0])) * (n - 1));
  if (Number.isFinite(place)) inside(panel, box, () => {
    rule(panel, x(place), box.y, x(place), box.y + box.height, theme.foreground);
    const said = curves[curves.length - 1][nearest] ?? NaN;
    if (Number.isFinite(said)) aim(panel, x(place), y(said), radius + 3);
  });
  const height = labels.task === "regression";
  const spotY = (/** @type {ArrayLike<number>} */ row) => y(classifies && !binary ? 1.03 : row[1]);
  inside(panel, box, () => ring(panel, frame, (row) => [x(row[0]), spotY(row)]));
  lacking(panel, box, frame, labels);
  const bad = frame.y.data.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) alarm(panel, `output ${formatNumber(frame.y.data[bad])}`, box.x + box.width / 2, box.y + box.height / 2, { size: size + 1 });
  return {
    keys: keys.all,
    sheet: {
      box,
      place: (/** @type {number} */ mx, /** @type {number} */ my) => (height ? [x.invert(mx), y.invert(my)] : [x.invert(mx)]),
      far: (/** @type {ArrayLike<number>} */ row, /** @type {number} */ mx, /** @type {number} */ my) => Math.hypot(x(row[0]) - mx, height ? y(row[1]) - my : 0),
      spread: (/** @type {number} */ share) => [share * (xs[n - 1] - xs[0]), share * (domain[1] - domain[0])],
    },
    ...choosing(box, frame, (mx) => [x.invert(mx)], (px, _, mx) => Math.abs(x(px) - mx), radius - 5),
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      if (mx < box.x || mx > box.x + box.width || my < box.y || my > box.y + box.height) return keys.at(mx, my);
      const i = Math.round(((mx - box.x) / box.width) * (n - 1));
      const said = curves.map((values, k) => (classifies ? `${labels.classes[binary ? 1 : k]} ${percent(values[i])}` : `predicted ${formatNumber(values[i])}`));
      return [`${labels.features[0]} ${formatNumber(xs[i])}`, ...said].join("\n");
    },
  };
}
