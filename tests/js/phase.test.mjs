// The map of a sweep: words apart and inside at any size, every state told apart, what a press and the arrow keys say.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme } from "../../nbprop/views/base/plot.js";
import { draw, inWords, shadeOf } from "../../nbprop/views/phase.js";
import { fakePanel, frameOf, installOffscreen, overlaps } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const [NONE, DONE, DIVERGED, FAILED] = [-1, 2, 3, 4];
const MARKS = Object.fromEntries(["map", "pending", "running", "diverged", "failed", "out of time", "lost", "cell", "line"].map((name) => [name, `what ${name} means`]));

function frame(rows, columns, { open = false, state = DONE, seeds = 2, line = false, steps = 20 } = {}) {
  return frameOf({
    map: range(rows, (r) => range(columns, (c) => ((r + c) % 5 === 4 ? NaN : r * c))),
    state: range(rows, (r) => range(columns, (c) => ((r + c) % 5 === 4 ? [NONE, 0, 1, DIVERGED, FAILED, 5][(r + 2 * c) % 6] : state))),
    lost: range(rows, (r) => range(columns, (c) => ((r + c) % 3 ? 0 : 0.5))), ended: range(rows, () => range(columns, (c) => (c % 2 ? 1 : 0.5))),
    range: [0, rows * columns], cell: open ? [rows - 1, columns - 1] : [], line: line ? [range(50, (i) => i / 5), range(50, (i) => i / 9)] : [[], []],
    curves: range(open ? seeds : 0, (k) => [range(steps, (i) => 10 * i), range(steps, (i) => 1 / (i + k + 1))]), progress: [rows * columns, rows * columns],
  });
}
const labels = (rows, columns, more = {}) => ({
  x: { name: "depth of the network", values: range(columns, (i) => String(2 ** i)) }, y: { name: "gain", values: range(rows, (i) => (0.5 + i / 4).toFixed(2)) },
  measure: "val_accuracy", over: "median", seeds: 3, log: false, told: "172 of 189 runs (3 failed, 12 diverged), about 25 min left.", curve: "", point: "", runs: [], marks: MARKS, ...more,
});
const OPEN = { curve: "val_loss", point: "depth of the network 4, gain 1.25, init xavier", runs: range(4, (k) => `seed ${k}: done, val_accuracy 0.${k}, val_loss 1.234`) };

const PICTURES = {
  "a map": [frame(6, 8), labels(6, 8)],
  "with a line": [frame(6, 8, { line: true }), labels(6, 8)],
  "a cell is open": [frame(6, 8, { open: true }), labels(6, 8, OPEN)],
  "a cell is open, nothing has ended": [frame(6, 8, { open: true, seeds: 0 }), labels(6, 8, OPEN)],
  "one point of a curve": [frame(3, 3, { open: true, steps: 1 }), labels(3, 3, OPEN)],
  "one row": [frame(1, 5), labels(1, 5, { y: { name: "", values: [""] } })],
  "many cells": [frame(60, 80), labels(60, 80)],
  "nothing is there yet": [frame(4, 4, { state: 0 }), labels(4, 4, { measure: "" })],
};

for (const [name, [numbers, words]] of Object.entries(PICTURES)) {
  test(`${name}: words stay inside and apart at any size, in both themes`, () => {
    for (const [width, height] of [[240, 160], [240, 400], [300, 230], [480, 300], [700, 450], [1900, 600]]) {
      for (const dark of [false, true]) {
        const { panel, texts, depth } = fakePanel(width, height, { dark, ratio: 2, makeTheme });
        const { readout, press, move, keys } = draw(panel, numbers, words);
        assert.equal(depth(), 0, "as many restore() as save()");
        for (const { words: said, x0, x1, y0, y1 } of texts) {
          assert.ok(x0 > -1.5 && x1 < width + 1.5 && y0 > -1.5 && y1 < height + 1.5, `${width} x ${height}: "${said}" at ${[x0, y0, x1, y1]}`);
        }
        assert.deepEqual(overlaps(texts), [], `${width} x ${height}`);
        for (let x = 0; x < width; x += 23) for (let y = 0; y < height; y += 19) {
          assert.doesNotMatch(readout(x, y) ?? "", /undefined|NaN/);
          const pressed = press(x, y);
          if (pressed) assert.notEqual(numbers.state.data[pressed[1][0] * numbers.map.shape[1] + pressed[1][1]], NONE);
        }
        let place = null;
        for (const step of [[1, 0], [0, -1], [0, 1], [-1, 0], [9, 9]]) place = move(place, step);
        assert.ok(place.x > 0 && place.x < width && place.y > 0 && place.y < height);
        assert.ok(keys.every((key) => key.words.startsWith("what ")));
      }
    }
  });
}

test("arrow keys go from cell to cell, and up is up", () => {
  const { panel } = fakePanel(700, 450, { makeTheme }), { move, press } = draw(panel, frame(6, 8), labels(6, 8));
  const start = move(null, [0, 0]);
  assert.deepEqual(press(start.x, start.y), ["cell", [0, 0]]);
  const up = move(start, [0, -1]), right = move(up, [1, 0]), below = move(start, [0, 1]);
  assert.deepEqual(press(right.x, right.y), ["cell", [1, 1]]);
  assert.deepEqual(press(below.x, below.y), ["cell", [0, 0]]);
});

test("a cell says what it is, and what is missing of it", () => {
  const words = labels(6, 8), numbers = frame(6, 8);
  assert.equal(inWords(numbers, words, 0, 2), "depth of the network 4, gain 0.50\nval_accuracy 0 (median)\n50 % of its seeds have ended\npress it for its runs");
  numbers.state.data[1] = DIVERGED;
  numbers.map.data[1] = NaN;
  assert.match(inWords(numbers, words, 0, 1), /\ndiverged\n/);
  numbers.state.data[1] = NONE;
  assert.match(inWords(numbers, words, 0, 1), /no point of this sweep$/);
});

test("colours run from the lowest to the highest number, of a logarithm too", () => {
  assert.deepEqual([0, 5, 10].map(shadeOf(false, 0, 10)), [0, 0.5, 1]);
  assert.ok(Math.abs(shadeOf(true, 1, 100)(10) - 0.5) < 1e-12);
  assert.equal(shadeOf(false, 3, 3)(3), 0.5);
});
