// The explained step: arrays written out, words wrapped, columns that fit; and a picture in which nothing overlaps.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme } from "../../nbprop/views/base/plot.js";
import { flow, visible, wordsOf, written } from "../../nbprop/views/base/written.js";
import { draw } from "../../nbprop/views/explained.js";
import { fakePanel, frameOf, installOffscreen, overlaps } from "./canvas.mjs";

installOffscreen(makeTheme);

test("an array is written as in Python", () => {
  assert.equal(written([], [0.12345]), "0.123");
  assert.equal(written([2], [1, -2.5]), "[1 -2.5]");
  assert.equal(written([2, 2], [1, 2, 3, NaN]), "[1 2; 3 NaN]");
  assert.equal(written([32, 8], [0, 0, 0]), "[0 0 0 … 32×8]");
  assert.equal(written([], [Infinity]), "inf");
});

test("words break at spaces only", () => {
  const words = wordsOf([{ text: "W₂", color: "a" }, { text: "ᵀ ", color: "b" }, { text: "δ₂", color: "c" }, { text: ") + 1", color: "b" }]);
  assert.deepEqual(words.map((word) => word.map((bit) => bit.text).join("")), ["W₂ᵀ", "δ₂)", "+", "1"]);
  const lines = flow(words, 7, (text) => [...text].length);
  assert.deepEqual(lines.map((line) => line.length), [2, 2]);
  assert.deepEqual(flow([], 7, (text) => text.length), []);
  assert.equal(flow(wordsOf([{ text: "muchtoolong a", color: "" }]), 3, (text) => text.length).length, 2); // nothing is lost
});

test("the columns that fit lie around the active one", () => {
  assert.deepEqual(visible([10, 10, 10], 100, 1), [0, 3]);
  assert.deepEqual(visible([10, 10, 10, 10, 10], 30, 2), [1, 4]);
  assert.deepEqual(visible([10, 10, 10, 10, 10], 30, 0), [0, 3]);
  assert.deepEqual(visible([10, 10, 10, 10, 10], 30, 4), [2, 5]);
  assert.deepEqual(visible([50], 30, 0), [0, 1]); // one there is always
});

/** A step of a network with so many layers of some units. */
function made(layers, units, { samples = 1, bad = false } = {}) {
  const arrays = [], numbers = [], cells = [], columns = [], stations = [];
  const array = (symbol, kind, stage, shape) => {
    const size = shape.reduce((a, b) => a * b, 1), count = size <= 12 ? size : 3;
    arrays.push([symbol, kind, stage, shape, numbers.length, count]);
    for (let i = 0; i < count; i++) numbers.push(bad && i === 1 ? NaN : Math.sin(arrays.length + i));
    return arrays.length - 1;
  };
  const strip = (k, rows, columns) => {
    const start = cells.length;
    for (let i = 0; i < rows * columns; i++) cells.push(bad && i === 1 ? NaN : Math.cos(i + k));
    return [k, rows, columns, rows, columns, "unit", columns > 1 ? "sample" : "place", start];
  };
  const station = (name, phase, lines, left, column, layer = null) =>
    stations.push({ name, what: "Linear 2 → 4, tanh", phase, lines, left, where: ["Σ: the sum over the samples"], note: "", cost: "1,234 operations so far, 12 of them here", reused: "a₁, x from forward", column, layer });
  const last = 2 * layers + 2;
  const x = array("x", "value", 0, [2]);
  columns.push({ title: "input", top: [strip(x, 2, samples)], bottom: [] });
  station("input", "forward", [[x]], [x], 0);
  for (let i = 1; i <= layers; i++) {
    const [W, z, a, δ, dW] = [["W", "weight", -1, [units, 2]], ["z", "value", i, [units]], ["a", "value", i, [units]], ["δ", "gradient", last - i, [units]], ["∂L/∂W", "gradient", last - i, [units, 2]]].map(([name, kind, stage, shape]) => array(`${name}₁`, kind, stage, shape));
    columns.push({ title: "Linear tanh", top: [z, a, δ].map((k) => strip(k, units, samples)), bottom: [strip(W, units, 2), strip(dW, units, 2)] });
    station(`layer ${i}`, "forward", [[z, " = ", W, " ", x], [a, " = tanh(", z, ")"]], [z, a], i, `hidden ${i}`);
  }
  const L = array("L", "value", layers + 1, []);
  columns.push({ title: "loss", top: [strip(L, 1, 1)], bottom: [] });
  station("loss", "error", [[L, " = mean(", x, ")"]], [L], layers + 1);
  for (let i = layers; i >= 1; i--) station(`layer ${i}`, "backward", [[4 + 5 * (i - 1), " = (", 1, "ᵀ ", 4, ") ⊙ (1 − ", 3, "²)"]], [4 + 5 * (i - 1)], i, `hidden ${i}`);
  const frame = frameOf({ numbers, cells, now: [21, samples > 1 ? -1 : 3, samples, 20], loss: [0.5] });
  return { frame, labels: { stations, arrays, columns, uncounted: "", marks: { values: "v", weights: "w", cost: "c", reused: "r" } } };
}

const SIZES = [[240, 320], [480, 440], [640, 440], [1200, 440], [1900, 900]];

for (const [layers, units, samples] of [[1, 4, 1], [4, 8, 1], [4, 8, 32], [30, 16, 32]]) {
  for (const [width, height] of SIZES) {
    for (const numbers of [false, true]) {
      test(`${layers} layers of ${units}, ${samples} samples, ${width} x ${height}${numbers ? ", numbers" : ""}`, () => {
        const { frame, labels } = made(layers, units, { samples });
        for (let station = 0; station < labels.stations.length; station += Math.ceil(labels.stations.length / 6)) {
          const { panel, texts, depth } = fakePanel(width, height, { makeTheme });
          const picture = draw(panel, frame, labels, { station, numbers });
          assert.equal(depth(), 0);
          assert.deepEqual(overlaps(texts), []);
          for (const { words, x0, x1, y0, y1 } of texts) {
            assert.ok(x0 > -1 && y0 > -1 && y1 < height + 1, `${words} at ${x0}, ${y0}`);
            if (!numbers) assert.ok(x1 < width + 1, `${words} ends at ${x1}`);
          }
          assert.ok(texts.some(({ words }) => words.startsWith("Step 21")));
          assert.ok(picture.press(width, -5) === null);
        }
      });
    }
  }
}

test("what has not been computed is empty, what has is painted, and a press names the column", () => {
  const { frame, labels } = made(2, 4);
  const painted = [0, 1, 4].map((station) => {
    const { panel, calls } = fakePanel(1200, 440, { makeTheme });
    draw(panel, frame, labels, { station });
    return calls.drawImage;
  });
  assert.deepEqual(painted, [1 + 2, 1 + 2 + 2, 1 + 4 + 1 + 1 + 2]); // the weights are there from the start
  const { panel, texts } = fakePanel(1200, 440, { makeTheme });
  const picture = draw(panel, frame, labels, { station: 5 });
  const title = texts.find(({ words }) => words.startsWith("2 Linear"));
  assert.deepEqual(picture.press(title.x0 + 2, title.y1 + 40), ["column", 2]);
  const cell = texts.find(({ words, x0 }) => words === "1" && x0 > title.x0) ?? texts.find(({ words, x0, y0 }) => /^-?\d/.test(words) && x0 > title.x0 && y0 > title.y1);
  assert.match(picture.readout((cell.x0 + cell.x1) / 2, (cell.y0 + cell.y1) / 2), /^z₁, unit \d of 4: /);
});

test("in numbers an equation ends in what it gives", () => {
  const { frame, labels } = made(1, 2);
  const said = (numbers) => {
    const { panel, texts } = fakePanel(1200, 440, { makeTheme });
    draw(panel, frame, labels, { station: 1, numbers });
    return texts.map(({ words }) => words).join(" ");
  };
  assert.match(said(false), /z₁ = W₁ x a₁ = tanh\( z₁ \)/);
  assert.match(said(true), /a₁ = tanh\( \[\S+ \S+ \) = \[\S+ \S+/);
});

test("numbers that are not finite are loud", () => {
  const { frame, labels } = made(2, 20, { samples: 32, bad: true });
  const { panel, texts } = fakePanel(1200, 440, { makeTheme });
  draw(panel, frame, labels, { station: 2 });
  assert.ok(texts.some(({ words }) => words === "NaN"));
});

test("before there is anything it says so, and a station that is gone is the last one", () => {
  const { panel, texts } = fakePanel(400, 300, { makeTheme });
  draw(panel, {}, {}, {});
  assert.equal(texts[0].words, "no step yet");
  const { frame, labels } = made(1, 4);
  const late = fakePanel(1200, 440, { makeTheme });
  draw(late.panel, frame, labels, { station: 99 });
  assert.ok(late.texts.some(({ words }) => words === "3."));
});
