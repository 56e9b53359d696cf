// The mathematics of each view, and what its picture must keep to: nothing clipped, no words over each other.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme, pixel, rgb } from "../../nbprop/views/base/plot.js";
import * as boundary from "../../nbprop/views/boundary.js";
import * as gradients from "../../nbprop/views/gradients.js";
import * as histograms from "../../nbprop/views/histograms.js";
import * as lags from "../../nbprop/views/lags.js";
import * as loss from "../../nbprop/views/loss.js";
import * as percentiles from "../../nbprop/views/percentiles.js";
import { fakePanel, frameOf, installOffscreen, overlaps } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));

// ---------------------------------------------------------------------------------------------------------- pictures

function lossFrame(n, { last = 0.21, events = [] } = {}) {
  const steps = range(n, (i) => 10 * i + 1);
  const mean = steps.map((_, i) => (i === n - 1 ? last : 0.2 + 2 * Math.exp(-i / 9)));
  return frameOf({
    train: [steps, mean, mean.map((v) => 0.8 * v), mean.map((v) => 1.3 * v)],
    validation: [steps, mean.map((v) => v + 0.03)],
    train_accuracy: [steps, range(n, (i) => 0.5 + (0.5 * i) / n)],
    val_accuracy: [steps, range(n, (i) => 0.5 + (0.44 * i) / n)],
    events,
    range: [0, 2.2, 0.1, 2.5],
  });
}

/** Metrics as curves from the first to the last of two values each. @param {number[][]} ends */
function withMetrics(frame, ends, { train = true } = {}) {
  const steps = Array.from({ length: 40 }, (_, i) => 30 * i + 1);
  const curves = ends.map(([a, b]) => steps.map((_, i) => a + ((b - a) * i) / 39));
  const ranges = ends.map(([a, b]) => (Math.min(a, b) >= 0 && Math.max(a, b) <= 1 ? [0, 1] : [Math.min(a, b), Math.max(a, b)]));
  const named = curves.flatMap((values, i) => [[`val_metric_${i}`, [steps, values]], [`train_metric_${i}`, train ? [steps, values] : [[], []]]]);
  return { ...frame, ...frameOf({ ...Object.fromEntries(named), metric_ranges: ranges }) };
}

function gradientsFrame(layers, columns, now = range(layers, (i) => 10 ** (-5 + (5 * i) / layers))) {
  const map = range(layers, (i) => range(columns, (j) => now[i] * (1 + 0.1 * Math.sin(j))));
  const newest = columns > 100 ? 40 : 0;
  return frameOf({
    now,
    saturated: range(layers, (i) => i / layers),
    map: columns ? map : range(layers, () => []),
    map_steps: range(columns, (j) => 10 * j + 10),
    recent: range(layers, (i) => range(newest, () => now[i])),
    recent_steps: range(newest, (j) => 10 * (columns - newest + j)),
    range: [0, 1, 1e-5, 1],
  });
}

/** Twice what is measured, far beyond the axis in the second layer, and not known of the last. @param {Record<string, any>} frame */
function withTheory(frame) {
  const values = Array.from(frame.now.data, (v, i) => (i === 1 ? 1e9 : i === frame.now.data.length - 1 ? gradients.ABSENT : 2 * v));
  return { ...frame, ...frameOf({ theory: values }) };
}

function signedFrame(layers, columns) {
  const now = range(layers, (i) => i - layers / 2);
  const frame = gradientsFrame(layers, columns, now);
  frame.range.data.set([-layers, layers]);
  return frame;
}

function gradientsLabels(layers, quantity = "dz") {
  const names = range(layers, (i) => (i === layers - 1 ? "output" : `hidden ${i + 1}`));
  return {
    layers: names,
    activations: names.map((name) => (name === "output" ? "identity" : "leaky_relu")),
    units: names.map(() => 16),
    saturated: names.map((name) => (name === "output" ? "" : "dead")),
    quantity,
    flow: quantity === "ratio" ? "" : "backward",
    log: true,
    usual: quantity === "ratio" ? [1e-4, 1e-2, 1e-3] : [],
    alarm: 0.5,
    symbol: quantity === "ratio" ? "|ΔW| / |W|" : "dL/dz",
    unit: quantity === "ratio" ? "update to weight ratio" : "norm",
  };
}

function histogramsFrame(layers) {
  const counts = range(layers, (i) => range(40, (k) => (i === 1 ? (k === 20 ? 64 : 0) : 1 + ((k * 7 + i) % 23))));
  return frameOf({ counts, low: range(layers, (i) => -0.012345 * (i + 1)), high: range(layers, (i) => 0.012345 * (i + 1)) });
}

function percentilesFrame(layers, n, last = 1) {
  const wave = (f) => range(layers, (i) => range(n, (j) => (j === n - 1 ? last : 1) * f(i, j)));
  return frameOf({
    steps: range(n, (j) => 10 * j + 10),
    low: wave((i, j) => -1 - 0.1 * i - j / n),
    middle: wave((i, j) => 0.3 * Math.sin(j / 9)),
    high: wave((i, j) => 1 + 0.2 * i + j / n),
    now: [-2, 0, 2].map((v) => range(layers, () => last * v)),
    range: range(layers, (i) => [-2 - 0.1 * i, 2.12345 + 0.2 * i]),
  });
}

const points = (n, classes) => range(n, (i) => [Math.sin(i), Math.cos(1.7 * i), classes ? i % classes : Math.sin(i)]);

function planeFrame(task, classes) {
  const n = 32;
  const p = (r, c) => 1 / (1 + Math.exp(-(c - 15.5 + 0.5 * (r - 15.5))));
  const grid = range(n, (r) => range(n, (c) => (task === "multiclass" ? [p(r, c), ...range(classes - 1, () => (1 - p(r, c)) / (classes - 1))] : p(r, c))));
  return frameOf({
    grid,
    extent: [-1.1, 1.1, -1.1, 1.1],
    train: points(60, classes),
    validation: points(20, classes),
    train_wrong: range(60, (i) => Number(i % 9 === 0)),
    validation_wrong: range(20, () => 0),
    range: [0, 1],
  });
}

const named = (mode, task, classes) => ({ mode, task, classes, features: ["petal length (cm)", "petal width (cm)"], tested: "validation" });
const digits = range(10, String);

const NONE = "not measured yet: make a step";
const MARKS = Object.fromEntries(["train", "validation", "accuracy", "metric", "flag", "moment", "profile", "saturated", "dead", "map", "recent", "colours", "now"].map((name) => [name, `what ${name} means`]));
const timeLabels = (steps) => ({
  ...gradientsLabels(steps, "dh"),
  layers: range(steps, (i) => (i < steps - 1 ? `T − ${steps - 1 - i}` : "T")),
  activations: range(steps, () => "LSTM"),
  saturated: range(steps, () => ""),
});

/** name -> [draw, frame, labels, options] */
const PICTURES = {
  "a quantity with negative numbers": [gradients.draw, signedFrame(8, 30), { ...gradientsLabels(8), flow: "", log: true, unit: "" }, { log: true }],
  "one number for the network": [gradients.draw, gradientsFrame(1, 30, [0.3]), { ...gradientsLabels(1), layers: ["network"], activations: [""], units: [0], saturated: [""], flow: "" }, {}],
  "loss": [loss.draw, lossFrame(120), { classifies: true, events: [] }, { accuracy: true }],
  "loss, log": [loss.draw, lossFrame(120), { classifies: true, events: [] }, { accuracy: true, log: true }],
  "loss of a regression": [loss.draw, lossFrame(120), { classifies: false, events: [] }, { accuracy: true }],
  "loss after one step": [loss.draw, lossFrame(1), { classifies: true, events: [] }, { accuracy: true }],
  "loss with many events": [loss.draw, lossFrame(120, { events: range(100, (i) => 3 + 11 * i) }), { classifies: true, events: range(100, (i) => `learning_rate 0.${i} → 0.${i + 1}`) }, { accuracy: true }],
  "loss with a metric": [loss.draw, withMetrics(lossFrame(120), [[0.2, 0.93]]), { classifies: false, events: [], metrics: ["f1"] }, { accuracy: true }],
  "loss with accuracy and four metrics": [loss.draw, withMetrics(lossFrame(120), [[0.2, 0.93], [0, 1], [3, 12.5], [-5, -80]]), { classifies: true, events: [], metrics: ["f1", "recall", "perplexity", "mean_return_of_a_game"] }, { accuracy: true }],
  "loss with a number of evaluate": [loss.draw, withMetrics(lossFrame(120), [[1, 180]], { train: false }), { classifies: false, events: [], metrics: ["mean_return"] }, { accuracy: true }],
  "loss with metrics hidden": [loss.draw, withMetrics(lossFrame(120), [[0.2, 0.93]]), { classifies: true, events: [], metrics: ["f1"] }, { accuracy: false }],
  "loss with a NaN": [loss.draw, lossFrame(120, { last: NaN }), { classifies: true, events: [] }, { accuracy: true }],
  "loss that explodes": [loss.draw, lossFrame(120, { last: 3e30 }), { classifies: true, events: [] }, { accuracy: true }],
  "loss of zero, log": [loss.draw, lossFrame(120, { last: 0 }), { classifies: true, events: [] }, { accuracy: true, log: true }],
  "gradients of 3 layers": [gradients.draw, gradientsFrame(3, 50), gradientsLabels(3), { log: true }],
  "gradients of 9 layers": [gradients.draw, gradientsFrame(9, 160), gradientsLabels(9), { log: true }],
  "gradients of 40 layers": [gradients.draw, gradientsFrame(40, 160), gradientsLabels(40), { log: true }],
  "gradients, linear": [gradients.draw, gradientsFrame(9, 160), gradientsLabels(9), { log: false }],
  "gradient through time": [lags.draw, gradientsFrame(50, 120), timeLabels(50), { log: true }],
  "gradient through time of three steps": [lags.draw, gradientsFrame(3, 5), timeLabels(3), { log: true }],
  "update ratio": [gradients.draw, gradientsFrame(5, 160), gradientsLabels(5, "ratio"), { log: true }],
  "loss at the first step of all": [loss.draw, { ...lossFrame(1), ...frameOf({ train: [[], [], [], []], train_accuracy: [[0], [0.5]] }) }, { classifies: true, events: [], unmeasured: NONE }, { accuracy: true }],
  "loss at a moment": [loss.draw, lossFrame(120, { events: [300, 600, 900] }), { classifies: true, events: ["lr 0.1 → 0.2", "depth 2 → 3", "batch_size 32 → 64"], moment: 612, marks: MARKS }, { accuracy: true }],
  "gradients at a moment": [gradients.draw, gradientsFrame(9, 160), { ...gradientsLabels(9), when: "at step 1,230", moment: 1234, marks: MARKS }, { log: true }],
  ...Object.fromEntries([3, 9, 40].map((n) => [`gradients and theory of ${n} layers`, [gradients.draw, withTheory(gradientsFrame(n, 160)), { ...gradientsLabels(n), theory: "σw² = 1", marks: { ...MARKS, theory: "dashed: mean field" } }, { log: true }]])),
  "gradients without a theory": [gradients.draw, { ...gradientsFrame(9, 160), ...frameOf({ theory: [] }) }, { ...gradientsLabels(9), theory: "this network has BatchNorm1d", marks: MARKS }, { log: true }],
  "gradients not measured": [gradients.draw, gradientsFrame(6, 50, range(6, () => gradients.ABSENT)), { ...gradientsLabels(6), unmeasured: NONE, marks: MARKS }, { log: true }],
  "gradients before the first step": [gradients.draw, gradientsFrame(6, 0, range(6, () => gradients.ABSENT)), { ...gradientsLabels(6), unmeasured: NONE, marks: MARKS }, { log: true }],
  "histograms not measured": [histograms.draw, { ...histogramsFrame(6), ...frameOf({ counts: range(6, () => range(40, () => 0)), low: range(6, () => 0), high: range(6, () => 0), bad: range(6, () => [0, 0]) }) }, { layers: gradientsLabels(6).layers, kind: "gradients", unmeasured: NONE, marks: MARKS }, {}],
  "percentiles not measured": [percentiles.draw, { ...percentilesFrame(6, 50), ...frameOf({ now: range(3, () => range(6, () => gradients.ABSENT)) }) }, { layers: gradientsLabels(6).layers, of: "all units", unmeasured: NONE, marks: MARKS }, {}],
  "percentiles at a moment": [percentiles.draw, percentilesFrame(4, 120), { layers: gradientsLabels(4).layers, of: "all units", moment: 612, marks: MARKS }, {}],
  "gradients gone wrong": [gradients.draw, gradientsFrame(6, 50, [0, 0, NaN, 1e-3, Infinity, 1]), gradientsLabels(6), { log: true }],
  ...Object.fromEntries([1, 2, 3, 5, 9, 16, 21, 40].map((n) => [`histograms of ${n} layers`, [histograms.draw, histogramsFrame(n), { layers: gradientsLabels(n).layers, kind: "weights" }, {}]])),
  ...Object.fromEntries([1, 2, 4, 9, 16, 31].map((n) => [`percentiles of ${n} layers`, [percentiles.draw, percentilesFrame(n, 120), { layers: gradientsLabels(n).layers, of: "all units" }, {}]])),
  "percentiles of one step": [percentiles.draw, percentilesFrame(4, 1), { layers: gradientsLabels(4).layers, of: "all units" }, {}],
  "percentiles gone wrong": [percentiles.draw, percentilesFrame(4, 50, NaN), { layers: gradientsLabels(4).layers, of: "all units" }, {}],
  ...Object.fromEntries([1, 3, 9, 40].map((n) => [`histograms of ${n} layers that are not finite`, [histograms.draw, { ...histogramsFrame(n), ...frameOf({ bad: range(n, (i) => [3 * ((i + 1) % 2), i === 2 ? 2000 : 0]) }) }, { layers: gradientsLabels(n).layers, kind: "weights" }, {}]])),
  "boundary of two classes": [boundary.draw, planeFrame("binary", 2), named("plane", "binary", ["first arm", "second arm"]), {}],
  "boundary of five classes": [boundary.draw, planeFrame("multiclass", 5), named("plane", "multiclass", ["iris setosa", "iris versicolor", "c", "d", "e"]), {}],
  "surface": [boundary.draw, planeFrame("regression", 0), named("plane", "regression", []), {}],
  "curve": [boundary.draw, frameOf({ x: range(50, (i) => i / 50), y: range(50, (i) => [Math.sin(i / 9)]), train: points(30).map(([x, , v]) => [x, v]), validation: points(9).map(([x, , v]) => [x, v]), train_wrong: [], validation_wrong: [], range: [-1, 1] }), named("curve", "regression", []), {}],
  "curve of three classes": [boundary.draw, frameOf({ x: range(50, (i) => i / 50), y: range(50, (i) => [i / 50, 0.5 - i / 100, 0.5 - i / 100]), train: range(30, (i) => [i / 30, i % 3]), validation: [[0.5, 1]], train_wrong: range(30, (i) => i % 2), validation_wrong: [0], range: [0, 1] }), named("curve", "multiclass", ["a", "b", "c"]), {}],
  "confusion of ten": [boundary.draw, frameOf({ counts: range(10, (i) => range(10, (j) => (i === j ? 123 : (i + j) % 4))) }), named("confusion", "multiclass", digits), {}],
  "confusion of three": [boundary.draw, frameOf({ counts: [[12, 0, 0], [0, 10, 2], [0, 0, 12]] }), named("confusion", "multiclass", ["setosa", "versicolor", "virginica"]), {}],
  "confusion of thirty": [boundary.draw, frameOf({ counts: range(30, (i) => range(30, (j) => (i === j ? 40 : 1))) }), named("confusion", "multiclass", range(30, (i) => `a long class name ${i}`)), {}],
  "scatter": [boundary.draw, frameOf({ points: range(40, (i) => [i / 40, i === 7 ? NaN : i / 41]), range: [0, 1] }), named("scatter", "regression", []), {}],
};
const SIZES = [[240, 160], [300, 230], [420, 300], [700, 450], [900, 600]];

for (const [name, [draw, frame, labels, options]] of Object.entries(PICTURES)) {
  test(`${name}: words stay inside and apart at any size, in both themes`, () => {
    for (const [width, height] of SIZES) {
      for (const dark of [false, true]) {
        const { panel, texts, depth } = fakePanel(width, height, { dark, ratio: 2, makeTheme });
        const { readout } = draw(panel, frame, labels, options);
        assert.equal(depth(), 0, "as many restore() as save()");
        for (const { words, x0, x1, y0, y1 } of texts) {
          assert.ok(x0 > -1.5 && x1 < width + 1.5 && y0 > -1.5 && y1 < height + 1.5, `${width} x ${height}: "${words}" at ${[x0, y0, x1, y1]}`);
        }
        const calm = texts.filter((one) => ![panel.theme.background, "#101418", "#ffffff"].includes(one.color));
        assert.deepEqual(overlaps(calm), [], `${width} x ${height}`);
        for (let x = 0; x < width; x += 13) {
          for (let y = 0; y < height; y += 11) {
            const words = readout(x, y);
            assert.ok(words === null || (words.length && !/undefined|null/.test(words)), `${x}, ${y}: ${words}`);
          }
        }
      }
    }
  });
}

for (const [name, draw, labels] of [["loss", loss.draw, {}], ["gradients", gradients.draw, gradientsLabels(3)], ["histograms", histograms.draw, { layers: [], kind: "weights" }], ["boundary", boundary.draw, {}], ["percentiles", percentiles.draw, { layers: [], of: "" }]]) {
  test(`${name}: a panel without numbers says so`, () => {
    const { panel, texts } = fakePanel(300, 230, { makeTheme });
    draw(panel, {}, {}, {}); // as it is before the first frame
    draw(panel, {}, labels, {});
    assert.equal(texts.length, 2);
    assert.match(texts[0].words, /yet/);
  });
}

const said = (name, width = 300, height = 230) => {
  const [draw, frame, labels, options] = PICTURES[name];
  const { panel, texts } = fakePanel(width, height, { makeTheme });
  draw(panel, frame, labels, options);
  return texts.map((one) => one.words);
};

test("metrics are named with their last values, over their own axes", () => {
  const words = said("loss with a metric", 560, 330);
  for (const word of ["f1 0.93", "f1", "100 %"]) assert.ok(words.includes(word), word);
  const many = said("loss with accuracy and four metrics", 560, 330);
  for (const word of ["val. accuracy 94 %", "f1 0.93", "perplexity 12.5", "share"]) assert.ok(many.some((one) => one.startsWith(word)), word);
  assert.ok(said("loss with a number of evaluate", 560, 330).includes("mean_return 180"));
  assert.ok(!said("loss with a number of evaluate", 560, 330).includes("100 %"));
  assert.ok(!said("loss with metrics hidden", 560, 330).some((one) => one.includes("f1")));
});

test("what is not finite, zero on a log axis, or off the axis is said in words", () => {
  assert.ok(said("loss with a NaN").includes("NaN"));
  assert.ok(said("loss that explodes").includes("up to 3e30"));
  assert.ok(said("loss of zero, log").includes("0"));
  const words = said("gradients gone wrong");
  for (const word of ["NaN", "inf"]) assert.ok(words.includes(word), word);
  assert.equal(words.filter((word) => word === "0").length >= 2, true);
  assert.ok(said("scatter").includes("1 predictions not finite"));
  assert.equal(said("percentiles gone wrong").filter((word) => word === "NaN").length, 4);
  const ill = said("histograms of 3 layers that are not finite");
  for (const word of ["3 NaN", "3 NaN, 2,000 infinite"]) assert.ok(ill.includes(word), word);
});

// ---------------------------------------------------------------------------------------------------------- loss

test("only the newest flags get a text, and none overlap", () => {
  const flags = loss.placeFlags([10, 12, 40, 60, 90], [30, 30, 30, 30, 30], [0, 100], 2);
  assert.deepEqual(flags.map((flag) => flag.members), [[4], [3], [2], [1, 0]]);
  assert.deepEqual(flags.map((flag) => flag.row), [1, 0, -1, 1]);
  assert.equal(flags[0].left + 30 <= 100, true);
  assert.deepEqual(loss.placeFlags([10], [30], [0, 100], 2, [0, 20]).map((flag) => flag.row), [0]);
  assert.deepEqual(loss.placeFlags([10], [300], [0, 100], 2).map((flag) => flag.row), [-1]);
});

test("what was changed stands above the curves, whole, and under the pointer with all its words", () => {
  const [draw, frame, , options] = PICTURES["loss at a moment"];
  const events = ["lr 0.1 → 0.2", "depth 2 → 3", "data digits: noise 0.1 → 0.3"];
  for (const [width, height] of SIZES) {
    const { panel, texts } = fakePanel(width, height, { makeTheme });
    const { readout } = draw(panel, frame, { classifies: true, events, marks: MARKS }, options);
    const axis = Math.min(...texts.filter((one) => one.words === "100 %").map((one) => one.y0));
    const flags = texts.filter((one) => events.includes(one.words));
    assert.ok(flags.length && flags[0].words === events[2] && flags.every((one) => one.y1 <= axis + 3), `${width} x ${height}: ${flags.map((one) => one.words)}`);
    assert.ok(!texts.some((one) => one.words.includes("…")), `${width} x ${height}`);
    assert.match(readout((flags[0].x0 + flags[0].x1) / 2, flags[0].y0 + 3), /noise 0\.1 → 0\.3\n\(what flag means\)/);
  }
});

test("at a moment the curves are named with their values then, and the line with its step", () => {
  const words = said("loss at a moment", 560, 330);
  const at = 0.2 + 2 * Math.exp(-61 / 9); // the record of step 611
  assert.ok(words.includes(`train ${Number(at.toPrecision(3))}`) && words.includes("step 612"), words.join());
});

// ------------------------------------------------------------------------------------------- what was not measured

test("what was not measured is said quietly, and no alarm is sounded", () => {
  for (const name of Object.keys(PICTURES).filter((one) => one.includes("not measured") || one.includes("first step"))) {
    for (const [width, height] of SIZES) {
      const [draw, frame, labels, options] = PICTURES[name];
      const { panel, texts, calls } = fakePanel(width, height, { makeTheme });
      draw(panel, frame, labels, options);
      const words = texts.map((one) => one.words).join(" ");
      assert.match(words, /not (measured|recorded) yet|none yet|no step yet/, `${name}, ${width} x ${height}: ${words}`);
      assert.ok(!/NaN|finite|inf/.test(words), words);
      assert.ok(!calls.roundRect && !texts.some((one) => one.color === panel.theme.warning), `${name}: an alarm`);
    }
  }
});

test("each key of a picture says what it means where it stands, and stands inside", () => {
  for (const [name, [draw, frame, labels, options]] of Object.entries(PICTURES)) {
    if (!labels.marks) continue;
    for (const [width, height] of SIZES) {
      const { readout, keys } = draw(fakePanel(width, height, { makeTheme }).panel, frame, labels, options);
      for (const { x, y, width: w, height: h, words } of keys ?? []) {
        assert.ok(x + w > 0 && y + h > 0 && x < width && y < height, `${name}: ${words}`);
        assert.ok(readout(x + w / 2, y + h / 2), `${name}, ${width} x ${height}: ${words}`);
      }
    }
  }
  const [draw, frame, labels, options] = PICTURES["gradients at a moment"];
  const { panel, texts } = fakePanel(240, 160, { makeTheme });
  const { readout } = draw(panel, frame, labels, options);
  for (const [head, meaning] of [["dead", "what dead means"], ["step 1,234", "what moment means"]]) {
    const { x0, x1, y0, y1 } = texts.find((one) => one.words === head);
    assert.equal(readout((x0 + x1) / 2, (y0 + y1) / 2), meaning);
  }
});

test("the nearest record, the last finite value", () => {
  assert.deepEqual([-5, 4, 6, 14, 99].map((v) => loss.nearest([0, 10, 15], v)), [0, 0, 1, 2, 2]);
  assert.equal(loss.nearest([], 3), -1);
  assert.equal(loss.lastFinite([1, 2, NaN, Infinity]), 2);
  assert.ok(Number.isNaN(loss.lastFinite([])));
});

// ---------------------------------------------------------------------------------------------------------- gradients

test("each record of a map reaches back to the one before it, but not across a gap", () => {
  const { index, first, last } = gradients.columnsOf([10, 20, 30, 100], 100);
  assert.deepEqual([first, last], [0, 100]);
  assert.deepEqual([5, 15, 25, 40, 75, 99].map((p) => index[p]), [0, 1, 2, -1, 3, 3]);
  assert.equal(gradients.columnsOf([], 100).index.length, 0);
  assert.deepEqual([...gradients.columnsOf([7], 4).index], [0, 0, 0, 0]);
});

test("every record of a short map is seen", () => {
  const steps = range(160, (i) => 3 * i + 3);
  assert.equal(new Set(gradients.columnsOf(steps, 320).index).size, 160);
});

test("words at values without a place; neighbours share one where rows are low", () => {
  const values = [0, 0, 0, 1, NaN, Infinity];
  assert.deepEqual(gradients.wordsFor(values, true, false), [{ row: 1, word: "0 in 3 layers" }, { row: 4, word: "NaN" }, { row: 5, word: "inf" }]);
  assert.equal(gradients.wordsFor(values, true, false, "steps")[0].word, "0 in 3 steps");
  assert.equal(gradients.wordsFor(values, true, true).length, 5);
  assert.deepEqual(gradients.wordsFor([0, 1], false, true), []);
  assert.deepEqual(gradients.wordsFor([gradients.ABSENT, 1], true, true), []);
});

test("a frozen layer is said to be not measured, and no trouble", () => {
  const { panel, texts } = fakePanel(400, 240, { makeTheme });
  const { readout } = gradients.draw(panel, gradientsFrame(3, 20, [gradients.ABSENT, 1e-3, 1e-2]), gradientsLabels(3), { log: true });
  const words = texts.map((each) => each.words);
  assert.ok(words.includes("not measured") && !words.includes("NaN"));
  assert.match(readout(60, 50), /not measured: frozen/);
});

test("a map paints ends, what is beyond them, what is wrong and what was not there", () => {
  const theme = makeTheme(false);
  const values = Float32Array.of(1e-4, 1, 1e-9, 50, 0, NaN, Infinity, gradients.ABSENT);
  const pixels = gradients.paintMap(values, 1, 8, Int16Array.from(range(8)), [1e-4, 1], true, theme);
  const [low, high, below, above, zero, nan, inf, absent] = pixels;
  assert.equal(low, pixel(rgb(theme.sequential[0])));
  assert.equal(high, pixel(rgb(theme.sequential.at(-1))));
  assert.deepEqual([below, above], [low, high]);
  assert.deepEqual([nan, inf], [pixel(rgb(theme.warning)), pixel(rgb(theme.warning))]);
  assert.equal(absent, 0);
  assert.ok(![low, nan, 0].includes(zero));
});

// ---------------------------------------------------------------------------------------------------------- histograms

test("cells lie inside the panel and beside each other, for up to 40 layers", () => {
  for (const [width, height] of SIZES) {
    for (let count = 1; count <= 40; count++) {
      const { boxes } = histograms.layoutCells(count, width, height, 10);
      assert.equal(boxes.length, count);
      boxes.forEach((a, i) => {
        assert.ok(a.x >= 0 && a.y >= 0 && a.x + a.width <= width + 1e-6 && a.y + a.height <= height + 1e-6);
        for (const b of boxes.slice(0, i)) {
          assert.ok(a.x + a.width <= b.x + 1e-6 || b.x + b.width <= a.x + 1e-6 || a.y + a.height <= b.y + 1e-6 || b.y + b.height <= a.y + 1e-6);
        }
      });
    }
  }
});

test("values that are all the same are told from a histogram", () => {
  const middle = range(40, (k) => (k === 20 ? 9 : 0));
  assert.equal(histograms.constant(middle, -1e-6, 1e-6), 0);
  assert.equal(histograms.constant(middle, 0.25, 0.75), 0.5);
  assert.equal(histograms.constant(range(40, () => 1), 0, 1), null);
  assert.equal(histograms.constant(middle, 3, 3), 3);
});

// ---------------------------------------------------------------------------------------------------------- percentiles

test("under the hand: the percentiles of the nearest step", () => {
  const [draw, frame, labels, options] = PICTURES["percentiles of 4 layers"];
  const { readout } = draw(fakePanel(420, 300, { makeTheme }).panel, frame, labels, options);
  assert.match(readout(415, 40), /^hidden \d \(all units\), step 1,\d+\n85 % of z below [\d.]+\nhalf below -?[\d.]+ \(the line\)\n15 % below -[\d.]+$/);
});

// ---------------------------------------------------------------------------------------------------------- boundary

test("a plane of values takes its colours from the map; bad values are striped and counted", () => {
  const theme = makeTheme(false);
  const { pixels, columns, bad } = boundary.paintValues(Float32Array.of(0, 1, 0, 1), 2, 2, 0, 1, theme.diverging, theme);
  assert.deepEqual([columns, bad, pixels.length], [5, 0, 25]);
  assert.equal(pixels[0], pixel(rgb(theme.diverging[0])));
  assert.equal(pixels[4], pixel(rgb(theme.diverging.at(-1))));
  const middle = rgb(theme.diverging[3]);
  [0, 8, 16].forEach((shift, c) => assert.ok(Math.abs(((pixels[2] >> shift) & 255) - middle[c]) <= 2, "the light middle is one half"));
  const broken = boundary.paintValues(Float32Array.of(0, NaN, 0, 1), 2, 2, 0, 1, theme.diverging, theme);
  assert.equal(broken.bad, 1);
  assert.ok(broken.pixels.includes(pixel(rgb(theme.warning))));
});

test("a plane of classes shows the likeliest, and how sure the network is", () => {
  const theme = makeTheme(false);
  const sure = [1, 0, 0], torn = [0.34, 0.33, 0.33], other = [0, 0, 1];
  const { pixels, bad } = boundary.paintClasses(Float32Array.from([sure, torn, other, other].flat()), 2, 2, 3, theme);
  assert.equal(bad, 0);
  assert.equal(pixels[0], pixel(rgb(theme.grounds[0][1])));
  assert.equal(pixels.at(-1), pixel(rgb(theme.grounds[2][1])));
  const lightness = (p) => (p & 255) + ((p >> 8) & 255) + ((p >> 16) & 255);
  assert.ok(lightness(pixels[4]) > lightness(pixels[0]));
});

test("theory is read beside what is measured, and its mark says what it is, or why there is none", () => {
  const [draw, frame, labels, options] = PICTURES["gradients and theory of 9 layers"];
  const { panel } = fakePanel(640, 300, { makeTheme });
  const { readout, keys } = draw(panel, frame, labels, options);
  const rows = (300 - 22 - 42) / 9;
  assert.match(readout(100, 22 + 2.5 * rows), /dL\/dz [\d.e-]+\n.*\n?theory: dL\/dz/);
  assert.doesNotMatch(readout(100, 22 + 8.5 * rows), /theory/);
  assert.ok(keys.some((key) => key.words === "dashed: mean field"));
  const none = draw(panel, ...PICTURES["gradients without a theory"].slice(1));
  assert.ok(none.keys.some((key) => key.words === "this network has BatchNorm1d"));
  assert.doesNotMatch(none.readout(100, 22 + 2.5 * rows), /theory/);
});
