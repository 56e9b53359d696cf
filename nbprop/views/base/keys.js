/**
 * What the marks and headings of a picture mean: each has its place, and its words stand under the pointer there.
 *
 * @typedef {import("./plot.js").Panel} Panel
 * @typedef {import("./plot.js").Box} Box
 * @typedef {Box & {words: string}} Key
 */
import { shorten, text, textSize, textWidth } from "./plot.js";

const SLACK = 2; // pixels around a word that count as on it

/** A list of keys, those added last on top. @param {Panel} panel */
export function keysOf(panel) {
  /** @type {Key[]} */
  const all = [];
  return {
    all,
    /** @param {Box} box  @param {string | undefined} words  what it means; nothing is added without */
    add(box, words) {
      if (words) all.push({ ...box, words });
    },
    /** Writes words (see `text`) that have a meaning. @param {string} words  @param {string | undefined} meaning */
    write(words, x, y, style, meaning) {
      text(panel, words, x, y, style);
      const size = style.size ?? textSize(panel), width = textWidth(panel, words, size, style.weight ?? 400);
      const left = x - width * { left: 0, center: 0.5, right: 1 }[/** @type {"left"} */ (style.align ?? "left")];
      const top = style.baseline === "top" ? y : y - size / 2;
      if (words) this.add({ x: left - SLACK, y: top - SLACK, width: width + 2 * SLACK, height: size + 2 * SLACK }, meaning);
    },
    /** The meaning of what is there, or null. */
    at(x, y) {
      const on = (/** @type {Key} */ k) => x >= k.x && x <= k.x + k.width && y >= k.y && y <= k.y + k.height;
      return all.findLast(on)?.words ?? null;
    },
  };
}

/** The first of some words that there is room for; where there is none for any, as much of the last as fits. @param {Panel} panel  @param {string[]} words */
export function fitting(panel, words, width, size = textSize(panel), weight = 400) {
  return words.find((one) => textWidth(panel, one, size, weight) <= width) ?? shorten(panel, words[words.length - 1], width, size, weight);
}

/** Words in at most `lines` lines of `width`; what is left over stays on the last. @param {(words: string) => number} measure */
export function wrap(words, width, lines, measure) {
  const done = [];
  let line = "";
  for (const word of words.split(" ")) {
    const longer = line ? `${line} ${word}` : word;
    if (line && done.length < lines - 1 && measure(longer) > width) {
      done.push(line);
      line = word;
    } else line = longer;
  }
  return [...done, line];
}

/**
 * Muted words in the middle of a box: why there is nothing in it. Where there is little room what stands behind the colon,
 * what to do, is left out.
 * @param {Panel} panel  @param {Box} box  @param {string} words
 */
export function quiet(panel, box, words, size = textSize(panel)) {
  const measure = (/** @type {string} */ one) => textWidth(panel, one, size), most = Math.max(1, Math.floor(box.height / (size + 3)));
  const all = wrap(words, box.width - 4, most, measure);
  const lines = all.every((line) => measure(line) <= box.width) ? all : wrap(words.split(":")[0], box.width - 4, most, measure);
  lines.forEach((line, i) => {
    const y = box.y + box.height / 2 + (i - (lines.length - 1) / 2) * (size + 3);
    text(panel, shorten(panel, line, box.width, size), box.x + box.width / 2, y, { align: "center", size, color: panel.theme.muted });
  });
}
