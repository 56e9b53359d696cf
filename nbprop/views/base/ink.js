/**
 * A sheet of paper that is drawn on, finer than the pixels which a network gets of it.
 *
 * @typedef {{rows: number, columns: number, y: number, x: number, by: string[]}} Placing  see Placing in pictures.py
 * @typedef {{channels: number, rows: number, columns: number, fine: number, paper: number[], values: Float32Array, fresh: boolean}} Sheet
 *   `fine` × `fine` places make a pixel; values from 0 to 1, channel by channel, row by row; `fresh`: it began as empty paper.
 *   Places on it are told in pixels: (0.5, 0.5) is the middle of the first one.
 */

const INK = 0.25; // what differs by more from the paper counts as ink, as in pictures.py
const LARGER = 4; // what is drawn is enlarged at most so much

/** @param {number} channels  @param {number} rows  @param {number} columns  @param {number[]} paper  of each channel  @returns {Sheet} */
export function emptySheet(channels, rows, columns, paper) {
  const fine = Math.max(4, Math.round(128 / Math.max(rows, columns))), n = rows * columns * fine * fine;
  const values = new Float32Array(channels * n);
  for (let c = 0; c < channels; c++) values.fill(paper[c], c * n, (c + 1) * n);
  return { channels, rows, columns, fine, paper, values, fresh: true };
}

/** Puts a picture on it, (channels, rows, columns), each pixel as a square. @param {Sheet} sheet  @param {ArrayLike<number>} picture */
export function load(sheet, picture) {
  const { channels, rows, columns, fine, values } = sheet, wide = columns * fine, high = rows * fine;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < high; y++) {
      const row = (c * rows + Math.floor(y / fine)) * columns;
      for (let x = 0; x < wide; x++) values[(c * high + y) * wide + x] = picture[row + Math.floor(x / fine)];
    }
  }
  sheet.fresh = false;
}

/**
 * A line with round ends, in a colour (a number from 0 to 1 for each channel).
 * @param {Sheet} sheet  @param {number[]} from  x, y in pixels  @param {number[]} to  @param {number} radius in pixels  @param {number[]} color
 */
export function stroke(sheet, from, to, radius, color) {
  const { channels, rows, columns, fine, values } = sheet, wide = columns * fine, high = rows * fine;
  const [x0, y0, x1, y1, r] = [from[0], from[1], to[0], to[1], radius].map((v) => v * fine);
  const [dx, dy] = [x1 - x0, y1 - y0], length = dx * dx + dy * dy;
  const [left, right] = [Math.max(0, Math.floor(Math.min(x0, x1) - r - 1)), Math.min(wide - 1, Math.ceil(Math.max(x0, x1) + r + 1))];
  const [top, bottom] = [Math.max(0, Math.floor(Math.min(y0, y1) - r - 1)), Math.min(high - 1, Math.ceil(Math.max(y0, y1) + r + 1))];
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
      const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const covered = Math.min(1, r + 0.5 - Math.hypot(px - along * dx, py - along * dy));
      if (covered <= 0) continue;
      for (let c = 0; c < channels; c++) {
        const i = (c * high + y) * wide + x;
        values[i] += (color[c] - values[i]) * covered;
      }
    }
  }
}

/**
 * Where there is ink, in pixels: the rectangle around it and the centre of its mass; null on empty paper.
 * @param {Sheet} sheet
 */
export function inkOn({ channels, rows, columns, fine, paper, values }) {
  const wide = columns * fine, high = rows * fine;
  let [left, top, right, bottom, sum, sumX, sumY] = [wide, high, -1, -1, 0, 0, 0];
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      let ink = 0;
      for (let c = 0; c < channels; c++) ink = Math.max(ink, Math.abs(values[(c * high + y) * wide + x] - paper[c]));
      sum += ink;
      sumX += ink * (x + 0.5);
      sumY += ink * (y + 0.5);
      if (ink <= INK) continue;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
    }
  }
  if (right < 0) return null;
  const [x0, x1, y0, y1] = [left, right + 1, top, bottom + 1].map((v) => v / fine);
  return { x0, x1, y0, y1, mass: [sumX / sum / fine, sumY / sum / fine] };
}

/**
 * What a network gets of it, (channels, rows, columns): each pixel is the mean of what is drawn in it. With a `placing`
 * what was drawn on empty paper is scaled and moved first to where the data have their ink; a sample that was put there,
 * and drawn over, stays where it is.
 * @param {Sheet} sheet  @param {Placing | null} placing
 */
export function pixelsOf(sheet, placing) {
  const { channels, rows, columns, fine, paper, values, fresh } = sheet, wide = columns * fine, high = rows * fine;
  const found = new Float32Array(channels * rows * columns), ink = placing && fresh ? inkOn(sheet) : null;
  const parts = ink ? Math.min(fine, 8) : fine;
  let [scale, fromX, fromY, toX, toY] = [1, 0, 0, 0, 0];
  if (ink && placing) {
    scale = Math.min(placing.rows / (ink.y1 - ink.y0), placing.columns / (ink.x1 - ink.x0), LARGER);
    [fromX, fromY] = [placing.by[1] === "box" ? (ink.x0 + ink.x1) / 2 : ink.mass[0], placing.by[0] === "box" ? (ink.y0 + ink.y1) / 2 : ink.mass[1]];
    [toX, toY] = [placing.x, placing.y];
  }
  for (let c = 0; c < channels; c++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let i = 0; i < parts * parts; i++) {
          const x = Math.floor(((column + ((i % parts) + 0.5) / parts - toX) / scale + fromX) * fine);
          const y = Math.floor(((row + (Math.floor(i / parts) + 0.5) / parts - toY) / scale + fromY) * fine);
          sum += x < 0 || y < 0 || x >= wide || y >= high ? paper[c] : values[(c * high + y) * wide + x];
        }
        found[(c * rows + row) * columns + column] = sum / (parts * parts);
      }
    }
  }
  return found;
}
