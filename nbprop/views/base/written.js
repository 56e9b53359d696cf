/** Equations as words: arrays written out, words that are wrapped, columns that fit. Without a canvas. */
import { formatNumber } from "./math.js";

/**
 * An array in an equation: a number; a few in brackets, rows apart; of many the first and the shape. As `written` in
 * explained.py. @param {number[]} shape without ones  @param {ArrayLike<number>} head the first of its numbers
 */
export function written(shape, head) {
  const size = shape.reduce((a, b) => a * b, 1), numbers = Array.from(head, (v) => formatNumber(v));
  if (size === 1) return numbers[0];
  if (size > numbers.length) return `[${numbers.join(" ")} … ${shape.join("×")}]`;
  if (shape.length < 2) return `[${numbers.join(" ")}]`;
  const width = shape[shape.length - 1], rows = [];
  for (let i = 0; i < numbers.length; i += width) rows.push(numbers.slice(i, i + width).join(" "));
  return `[${rows.join("; ")}]`;
}

/**
 * @typedef {{text: string, color: string}} Bit
 * Words, each of bits without a space between them, from pieces that may hold spaces. @param {Bit[]} pieces
 */
export function wordsOf(pieces) {
  /** @type {Bit[][]} */
  const words = [[]];
  for (const { text, color } of pieces) {
    text.split(" ").forEach((part, i) => {
      if (i) words.push([]);
      if (part) words[words.length - 1].push({ text: part, color });
    });
  }
  return words.filter((word) => word.length);
}

/** Lines of words that fit into `width`. @param {Bit[][]} words  @param {(text: string) => number} measure  @returns {Bit[][][]} */
export function flow(words, width, measure) {
  const space = measure(" "), lines = [];
  /** @type {Bit[][]} */
  let line = [];
  let used = 0;
  for (const word of words) {
    const own = word.reduce((sum, bit) => sum + measure(bit.text), 0);
    if (line.length && used + space + own > width) {
      lines.push(line);
      [line, used] = [[], 0];
    }
    used += (line.length ? space : 0) + own;
    line.push(word);
  }
  return line.length ? [...lines, line] : lines;
}

/**
 * Which columns are shown, first and last + 1: all that fit, around the one that matters. @param {number[]} widths
 * @param {number} room  @param {number} active
 */
export function visible(widths, room, active) {
  let [first, end, used] = [active, active + 1, widths[active]];
  for (;;) {
    const right = end < widths.length && used + widths[end] <= room, left = first > 0 && used + widths[first - 1] <= room;
    if (right && (!left || end - active <= active - first + 1)) used += widths[end++];
    else if (left) used += widths[--first];
    else return [first, end];
  }
}
