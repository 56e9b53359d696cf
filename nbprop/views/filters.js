/** The filters of the first convolution, and the feature maps that they make of one picture. */
import { formatNumber } from "./base/math.js";
import { keysOf } from "./base/keys.js";
import { frameIt } from "./base/linked.js";
import { colorTable, nothing, picture, pixel, rgb, shorten, text, textSize } from "./base/plot.js";

/**
 * @param {import("./base/plot.js").Panel} panel
 * @param {Record<string, import("./base/math.js").Numbers>} frame  filters (F, rows, columns), maps (F, H', W'), picture (H, W)
 * @param {{layer: string, picture: string, chosen?: import("./base/linked.js").Chosen, marks?: Record<string, string>}} labels
 */
export function draw(panel, frame, labels) {
  const { theme } = panel, marks = labels.marks ?? {};
  if (!frame.filters || !frame.maps) return nothing(panel, "no filters yet");
  const size = textSize(panel);
  const [count, rows, columns] = frame.filters.shape;
  const [, height, width] = frame.maps.shape;
  const cells = layout(count, panel.width, panel.height, size, columns / rows, width / height);
  const [heaviest, strongest] = [largest(frame.filters.data), largest(frame.maps.data)];
  const part = (/** @type {import("./base/math.js").Numbers} */ all, /** @type {number} */ i, /** @type {number} */ n) => all.data.subarray(i * n, (i + 1) * n);

  const [h, w] = frame.picture.shape;
  const [low, high] = ends(frame.picture.data) ?? [0, 1];
  picture(panel, pixels(panel, frame.picture.data, [theme.background, theme.foreground], low, high > low ? high : low + 1), w, h, fit(cells.picture, w / h), false);
  const keys = keysOf(panel);
  const words = shorten(panel, labels.picture, cells.picture.width);
  text(panel, words, cells.picture.x + cells.picture.width / 2, cells.picture.y - size / 2 - 3, { align: "center", weight: 600 });
  cells.boxes.forEach(({ filter, map }, i) => {
    const [weights, answers] = [part(frame.filters, i, rows * columns), part(frame.maps, i, height * width)];
    const style = { align: /** @type {const} */ ("center"), size: size - 1, color: theme.muted }, told = [marks.filter, marks.map].filter(Boolean);
    if (cells.numbers) keys.write(String(i + 1), filter.x + filter.width / 2, filter.y - size / 2 - 2, style, told.length ? `filter ${i + 1}\n${told.join("\n")}` : "");
    picture(panel, pixels(panel, weights, theme.diverging, -heaviest, heaviest), columns, rows, fit(filter, columns / rows), false);
    picture(panel, pixels(panel, answers, theme.diverging, -strongest, strongest), width, height, fit(map, width / height), false);
  });

  const own = labels.chosen?.layer === labels.layer ? labels.chosen?.unit ?? -1 : -1, held = cells.boxes[own];
  if (held) frameIt(panel, { ...held.filter, height: held.map.y + held.map.height - held.filter.y });
  const filterAt = (/** @type {number} */ x, /** @type {number} */ y) => cells.boxes.findIndex(({ filter, map }) => within(filter, x, y) || within(map, x, y));

  return {
    keys: keys.all,
    press(/** @type {number} */ x, /** @type {number} */ y) {
      const i = filterAt(x, y);
      return i < 0 ? null : ["filter", i === own ? null : i];
    },
    readout(/** @type {number} */ mx, /** @type {number} */ my) {
      const known = keys.at(mx, my);
      if (known) return known;
      const i = filterAt(mx, my);
      if (i < 0) return within(cells.picture, mx, my) ? [labels.picture, marks.picture].filter(Boolean).join("\n") || null : null;
      const say = (/** @type {string} */ what, /** @type {ArrayLike<number>} */ data) => `${what} ${ends(data)?.map((v) => formatNumber(v, 2)).join(" to ") ?? "not finite"}`;
      return [`filter ${i + 1} of ${labels.layer}`, say("weights", part(frame.filters, i, rows * columns)), say("feature map", part(frame.maps, i, height * width))].join("\n");
    },
  };
}

/**
 * The picture at the left; at the right one cell for each filter, with its map below, in as many columns as make them
 * largest. `wide`, `broad`: width over height of filter and map.
 */
export function layout(count, width, height, size, wide, broad) {
  const [gap, left] = [6, Math.min(0.22 * width, 0.6 * height)];
  let best = { side: 0, columns: 1 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const across = (width - left - gap) / columns - gap, down = height / rows - 2 * gap - size - 4;
    const side = Math.min(across / Math.max(wide, broad), down / 2);
    if (side > best.side) best = { side, columns };
  }
  const rows = Math.ceil(count / best.columns), numbers = best.side >= size;
  const cell = { width: (width - left - gap) / best.columns, height: height / rows };
  const boxes = Array.from({ length: count }, (_, i) => {
    const x = left + gap + (i % best.columns) * cell.width, y = Math.floor(i / best.columns) * cell.height + size + 4;
    const half = Math.max((cell.height - size - 4 - 2 * gap) / 2, 1), across = Math.max(cell.width - gap, 1);
    return { filter: { x, y, width: across, height: half }, map: { x, y: y + half + gap, width: across, height: half } };
  });
  const side = Math.min(left - gap, height - size - 8);
  return { boxes, numbers, picture: { x: gap / 2, y: Math.max((height - side) / 2, size + 6), width: side, height: side } };
}

/** The largest box of this shape (width over height) in the middle of another. @param {import("./base/plot.js").Box} box */
export function fit(box, shape) {
  const width = Math.min(box.width, box.height * shape), height = width / shape;
  return { x: box.x + (box.width - width) / 2, y: box.y + (box.height - height) / 2, width, height };
}

/** @param {import("./base/plot.js").Panel} panel  @param {ArrayLike<number>} data  @param {string[]} stops */
function pixels(panel, data, stops, low, high) {
  const table = colorTable(stops), bad = pixel(rgb(panel.theme.warning));
  return Uint32Array.from(data, (v) => (Number.isFinite(v) ? table[Math.round((255 * (Math.min(Math.max(v, low), high) - low)) / (high - low))] : bad));
}

/** Absolute value of the largest finite number. @param {ArrayLike<number>} data */
const largest = (data) => Array.from(data).reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 0) || 1;

/** Lowest and highest finite number, null where there is none. @param {ArrayLike<number>} data */
function ends(data) {
  const finite = Array.from(data).filter(Number.isFinite);
  return finite.length ? [Math.min(...finite), Math.max(...finite)] : null;
}

/** @param {import("./base/plot.js").Box} box */
const within = (box, x, y) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
