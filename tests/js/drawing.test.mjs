// A sheet of paper: strokes, pixels, where they are placed; what the network says of it, and what that hangs on.
import assert from "node:assert/strict";
import { test } from "node:test";

import { emptySheet, inkOn, load, pixelsOf, stroke } from "../../nbprop/views/base/ink.js";
import { makeTheme } from "../../nbprop/views/base/plot.js";
import { answers, layout, rowsOf } from "../../nbprop/views/drawing.js";
import { fakePanel, frameOf, installOffscreen, overlaps } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const DIGITS = { rows: 8, columns: 6, y: 4, x: 4, by: ["box", "mass"] };
const near = (a, b, by = 1e-6) => assert.ok(Math.abs(a - b) <= by, `${a} is not ${b}`);

test("a dot has the area of a circle, whatever the paper", () => {
  for (const paper of [0, 1]) {
    const sheet = emptySheet(1, 8, 8, [paper]);
    stroke(sheet, [4, 4], [4, 4], 1.5, [1 - paper]);
    const found = pixelsOf(sheet, null), area = found.reduce((sum, v) => sum + Math.abs(v - paper), 0);
    near(area, Math.PI * 1.5 ** 2, 0.15);
    near(found[3 * 8 + 3], 1 - paper);
    near(found[0], paper);
  }
});

test("a line reaches from one end to the other, with round ends, and nothing is drawn off the sheet", () => {
  const sheet = emptySheet(1, 8, 16, [0]);
  stroke(sheet, [2, 4], [14, 4], 0.5, [1]);
  const ink = inkOn(sheet);
  near(ink.x0, 1.5, 0.13); near(ink.x1, 14.5, 0.13); near(ink.y0, 3.5, 0.13); near(ink.y1, 4.5, 0.13);
  near(ink.mass[0], 8, 0.01); near(ink.mass[1], 4, 0.01);
  stroke(sheet, [-50, -50], [-40, 90], 2, [1]);
  near(inkOn(sheet).x0, 1.5, 0.13);
  assert.equal(inkOn(emptySheet(1, 4, 4, [0])), null);
});

test("a line in pieces is the line", () => {
  const [whole, pieces] = [emptySheet(1, 8, 8, [0]), emptySheet(1, 8, 8, [0])];
  stroke(whole, [1, 1], [7, 6], 0.8, [1]);
  for (let i = 0; i < 10; i++) stroke(pieces, [1 + 0.6 * i, 1 + 0.5 * i], [1.6 + 0.6 * i, 1.5 + 0.5 * i], 0.8, [1]);
  const [a, b] = [pixelsOf(whole, null), pixelsOf(pieces, null)];
  a.forEach((v, i) => near(v, b[i], 0.08));
});

test("a sample is on the paper as it is, and stays where it is when it is drawn over", () => {
  const picture = range(3 * 4 * 5, (i) => ((7 * i) % 11) / 10), sheet = emptySheet(3, 4, 5, [0, 1, 0]);
  load(sheet, picture);
  pixelsOf(sheet, DIGITS).forEach((v, i) => near(v, picture[i]));
  stroke(sheet, [0.5, 0.5], [0.5, 0.5], 0.1, [1, 1, 1]);
  pixelsOf(sheet, DIGITS).forEach((v, i) => i % 20 && near(v, picture[i]));
});

test("what is drawn on empty paper is scaled and moved to where the data have it, whatever its size and place", () => {
  const box = (x, y, s) => {
    const sheet = emptySheet(1, 8, 8, [0]);
    for (const [a, b] of [[[0, 0], [2, 0]], [[2, 0], [2, 4]], [[2, 4], [0, 4]], [[0, 4], [0, 0]]]) {
      stroke(sheet, [x + s * a[0], y + s * a[1]], [x + s * b[0], y + s * b[1]], 0.35 * s, [1]);
    }
    return pixelsOf(sheet, DIGITS);
  };
  const first = box(2, 2, 1);
  for (const other of [box(3.4, 1.2, 1), box(1, 1, 1.4), box(4.5, 3.5, 0.7)]) other.forEach((v, i) => near(v, first[i], 0.12));
  const rows = range(8, (r) => Math.max(...first.subarray(8 * r, 8 * r + 8)));
  assert.ok(rows[0] > 0.4 && rows[7] > 0.4);
  let [sum, across] = [0, 0];
  first.forEach((v, i) => ((sum += v), (across += v * ((i % 8) + 0.5))));
  near(across / sum, 4, 0.1);
});

test("a dot does not fill the picture", () => {
  const sheet = emptySheet(1, 8, 8, [0]);
  stroke(sheet, [1, 1], [1, 1], 0.4, [1]);
  assert.ok(pixelsOf(sheet, DIGITS).reduce((a, b) => a + b, 0) < 12);
  assert.ok(pixelsOf(emptySheet(1, 8, 8, [0]), DIGITS).every((v) => v === 0));
});

const frameFor = (classes, side = 8, { channels = 1, bad = false } = {}) => frameOf({
  picture: range(channels, (c) => range(side, (i) => range(side, (k) => ((i * k + c) % 7) / 7))),
  gradient: range(side, (i) => range(side, (k) => (bad && !k ? NaN : Math.sin(i - k)))),
  probability: range(classes, (k) => (bad ? NaN : k === 3 % classes ? 0.9 : 0.1 / classes)),
  like: [3 % classes],
});
const labelsFor = (classes) => ({
  classes: range(classes, (k) => (classes > 12 ? `a class called ${k}` : String(k))), of: "score", paper: [0], placing: DIGITS, how: "", began: "", next: 0, many: 9,
  blank: false, page: "", marks: { gradient: "the derivative", picture: "what it gets", probability: "how probable" },
});

test("words stay inside and apart, whatever the room and the number of classes", () => {
  for (const classes of [2, 10, 100]) {
    for (const bad of [false, true]) {
      for (const [width, height] of [[130, 200], [240, 200], [320, 230], [700, 400]]) {
        const { panel, texts, depth } = fakePanel(width, height, { ratio: 2, makeTheme });
        answers(panel, frameFor(classes, 8, { channels: bad ? 3 : 1, bad }), labelsFor(classes));
        assert.equal(depth(), 0);
        for (const { words, x0, x1, y0, y1 } of texts) assert.ok(x0 > -1.5 && x1 < width + 1.5 && y0 > -1.5 && y1 < height + 1.5, `${classes} at ${width}: "${words}"`);
        if (!bad) assert.deepEqual(overlaps(texts), [], `${classes} at ${width} x ${height}`);
        assert.equal(bad, texts.some(({ words }) => words === "not finite"));
      }
    }
  }
});

test("a place in the picture, in its gradient, and the answers are read", () => {
  const { panel, texts } = fakePanel(320, 230, { makeTheme }), frame = frameFor(10), say = answers(panel, frame, labelsFor(10));
  const all = new Set();
  for (let x = 0; x < 320; x += 2) for (let y = 0; y < 230; y += 2) all.add(say(x, y));
  assert.ok(all.has("row 2, column 3: 0.29. what it gets") && all.has("row 1, column 1: gradient 0. the derivative") && all.has("how probable"));
  assert.equal([...all].filter((words) => words.includes("gradient")).length, 64);
  assert.ok(texts.some(({ words }) => words === "∂ score of 3") && texts.some(({ words }) => words === "90 %"));
});

test("all classes have a bar, or the likeliest", () => {
  assert.deepEqual(rowsOf([0.1, 0.7, 0.2], 3), [0, 1, 2]);
  assert.deepEqual(rowsOf([0.1, 0.7, 0.2, 0], 2), [1, 2]);
  assert.deepEqual(rowsOf([0.1, NaN, 0.2, 0], 2), [1, 2]);
});

test("paper and answers stand beside or below each other, inside the panel", () => {
  for (const [width, height, shape] of [[222, 160, 1], [440, 240, 1], [900, 300, 2], [420, 300, 0.5]]) {
    const { paper, answers: own } = layout(width, height, shape);
    near(paper.width / paper.height, shape, 0.02);
    assert.ok(paper.width <= width && own.width <= width && own.height >= 200 - 1e-9);
    if (width >= 300) assert.ok(paper.width + own.width <= width && paper.height <= height);
  }
});
