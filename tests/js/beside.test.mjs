// Pictures of several runs, and of ghosts behind a run: nothing clipped, no words over each other, all of it said.
import assert from "node:assert/strict";
import { test } from "node:test";

import { contour } from "../../nbprop/views/base/math.js";
import { makeTheme } from "../../nbprop/views/base/plot.js";
import { rowsOf } from "../../nbprop/views/board/board.js";
import * as boundary from "../../nbprop/views/boundary.js";
import * as gradients from "../../nbprop/views/gradients.js";
import * as histograms from "../../nbprop/views/histograms.js";
import * as loss from "../../nbprop/views/loss.js";
import * as percentiles from "../../nbprop/views/percentiles.js";
import * as runs from "../../nbprop/views/runs.js";
import { fakePanel, frameOf, installOffscreen, overlaps } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const SIZES = [[240, 160], [300, 230], [420, 300], [700, 450], [900, 600]];
const MARKS = Object.fromEntries(["run", "axis", "flag", "stopped", "zero", "ghost", "train", "validation"].map((name) => [name, `what ${name} means`]));

/** n runs that fall, run number i to 1 / (i + 1). */
function runsFrame(n, { validation = true, events = [], last = {}, less = false } = {}) {
  const steps = range(60, (k) => 10 * k + 1), frame = {}, ends = [];
  for (let i = 0; i < n; i++) {
    const values = steps.map((_, k) => (k === 59 && i in last ? last[i] : less ? (0.2 * i * k) / 59 : 1 / (i + 1) + Math.exp(-k / 9)));
    const empty = less && !i;
    frame[`train_${i}`] = empty ? [[], []] : [steps, values];
    frame[`validation_${i}`] = empty || !validation ? [[], []] : [steps, values];
    ends.push(empty ? [NaN, NaN] : [steps[59], values[59]]);
  }
  return frameOf({ ...frame, ends, events, range: less ? [-0.5, 1, 0.1, 1] : [0, 2, 0.1, 2.5], span: [0, 600] });
}
const runsLabels = (n, more = {}) => ({ runs: range(n, (i) => `lr ${10 ** -i}`), stopped: range(n, () => ""), events: [], axis: "step", of: "loss", difference: false, marks: MARKS, ...more });

const steps = range(40, (k) => 10 * k + 1), falling = steps.map((_, k) => 0.2 + Math.exp(-k / 9));
const band = frameOf({ train: [steps, falling, falling, falling], validation: [steps, falling], train_accuracy: [steps, falling.map((v) => 1 - v / 2)], val_accuracy: [steps, falling.map((v) => 1 - v / 2)], events: [], range: [0, 1.3, 0.1, 1.4], until: [600], ghost0_train: [[1, 300, 600], [1, 0.8, 0.6], [1, 0.8, 0.6], [1, 0.8, 0.6]], ghost0_validation: [[1, 300, 600], [1, 0.7, 0.5]] });
const GHOSTS = ["lr 0.01"];
const layers = ["hidden 1", "hidden 2", "output"];
const flow = { layers, activations: ["tanh", "tanh", "identity"], units: [8, 8, 1], saturated: ["saturated", "saturated", ""], flow: "backward", log: true, usual: [], alarm: 0.5, symbol: "dL/dz", unit: "norm", ghosts: GHOSTS, marks: MARKS };
const grid = (f) => range(32, (r) => range(32, (c) => f(r / 31, c / 31)));
const points = range(20, (i) => [Math.sin(i), Math.cos(i), i % 2]);
const plane = (now, ghost) => frameOf({ grid: now, extent: [-1.1, 1.1, -1.1, 1.1], train: points, validation: points.slice(5), train_wrong: [], validation_wrong: [], range: [0, 1], ghost0_grid: ghost });
const learned = (mode, task, classes) => ({ mode, task, classes, features: ["x1", "x2"], tested: "validation", ghosts: GHOSTS, marks: MARKS });
const counted = (f) => range(3, (i) => range(40, (k) => f(i, k)));

/** name -> [draw, frame, labels, options] */
const PICTURES = {
  ...Object.fromEntries([2, 3, 6].map((n) => [`${n} runs`, [runs.draw, runsFrame(n), runsLabels(n), {}]])),
  "runs, log": [runs.draw, runsFrame(3), runsLabels(3), { log: true }],
  "runs without validation": [runs.draw, runsFrame(2, { validation: false }), runsLabels(2), {}],
  "runs with long names": [runs.draw, runsFrame(4), runsLabels(4, { runs: range(4, (i) => `optimizer momentum, lr 0.${i}, batch size 128, activation leaky_relu`) }), {}],
  "runs over seconds": [runs.draw, runsFrame(2), runsLabels(2, { axis: "seconds of computing" }), {}],
  "runs, accuracy": [runs.draw, { ...runsFrame(2), ...frameOf({ ends: [[591, 0.93], [591, 0.5]] }) }, runsLabels(2, { of: "accuracy" }), {}],
  "runs, difference": [runs.draw, runsFrame(3, { less: true }), runsLabels(3, { difference: true }), {}],
  "runs that explode": [runs.draw, runsFrame(2, { last: { 1: 3e30 } }), runsLabels(2), {}],
  "a run that has stopped": [runs.draw, { ...runsFrame(3), ...frameOf({ train_2: [[1, 11], [1, 1.5]], validation_2: [[], []], ends: [[591, 1], [591, 0.5], [11, 1.5]] }) }, runsLabels(3, { stopped: ["", "", "stopped after step 11"] }), {}],
  "runs with flags": [runs.draw, runsFrame(3, { events: [100, 300, 500] }), runsLabels(3, { events: ["batch_size 32 → 8", "lr 0.1: lr 0.1 → 0.2", "activation tanh → relu"] }), {}],
  "loss with a ghost": [loss.draw, band, { classifies: true, events: [], ghosts: GHOSTS, marks: MARKS }, { accuracy: true }],
  "gradients with a ghost": [gradients.draw, frameOf({ now: [1e-3, 1e-2, 1e-1], saturated: [0.1, 0.2, 0], map: range(3, () => [1e-2, 1e-2]), map_steps: [10, 20], recent: range(3, () => []), recent_steps: [], range: [0, 1, 1e-4, 1], ghost0_now: [1e-2, gradients.ABSENT, 3e-2] }), flow, { log: true }],
  "boundary with a ghost": [boundary.draw, plane(grid((r, c) => c), grid((r) => r)), learned("plane", "binary", ["upper", "lower"]), {}],
  "boundary of three classes with a ghost": [boundary.draw, plane(grid((r, c) => [c, 1 - c, 0]), grid((r) => [r / 2, (1 - r) / 2, 0.5])), learned("plane", "multiclass", ["a", "b", "c"]), {}],
  "curve with a ghost": [boundary.draw, frameOf({ x: range(50, (i) => i / 50), y: range(50, (i) => [Math.sin(i / 9)]), ghost0_y: range(50, (i) => [Math.cos(i / 9)]), train: [[0.1, 0.5]], validation: [[0.2, 0.4]], train_wrong: [], validation_wrong: [], range: [-1, 1] }), learned("curve", "regression", []), {}],
  "confusion with a ghost": [boundary.draw, frameOf({ counts: [[12, 0, 0], [0, 10, 2], [0, 0, 12]], ghost0_counts: [[6, 6, 0], [0, 6, 6], [0, 0, 12]] }), learned("confusion", "multiclass", ["setosa", "versicolor", "virginica"]), {}],
  "histograms with a ghost": [histograms.draw, frameOf({ counts: counted((i, k) => k), low: [-1, -1, -1], high: [1, 1, 1], bad: range(3, () => [0, 0]), range: [[-2, 1], [-1, 1], [-1, 3]], ghost0_counts: counted((i, k) => (i === 1 ? 0 : 40 - k)), ghost0_low: [-2, 0, 0], ghost0_high: [0, 0, 3] }), { layers, kind: "weights", ghosts: GHOSTS, marks: MARKS }, {}],
  "percentiles with a ghost": [percentiles.draw, frameOf({ steps, ...Object.fromEntries(["low", "middle", "high"].map((name, k) => [name, range(3, () => steps.map(() => k - 1))])), now: range(3, (k) => range(3, () => k - 1)), range: range(3, () => [-2, 2]), until: [500], ghost0_steps: [1, 500], ghost0_low: range(3, () => [-2, -2]), ghost0_middle: range(3, () => [0, 0.5]), ghost0_high: [[1, 1], [1, 1], [gradients.ABSENT, gradients.ABSENT]] }), { layers, of: "all units", ghosts: GHOSTS, marks: MARKS }, {}],
};

for (const [name, [draw, frame, labels, options]] of Object.entries(PICTURES)) {
  test(`${name}: words stay inside and apart at any size, in both themes`, () => {
    for (const [width, height] of SIZES) {
      for (const dark of [false, true]) {
        const { panel, texts, depth } = fakePanel(width, height, { dark, ratio: 2, makeTheme });
        const { readout, keys } = draw(panel, frame, labels, options);
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
        for (const { x, y, width: w, height: h, words } of keys ?? []) assert.ok(readout(x + w / 2, y + h / 2), `${width} x ${height}: ${words}`);
      }
    }
  });
}

const drawn = (name, width = 700, height = 450, change = {}) => {
  const [draw, frame, labels, options] = PICTURES[name];
  const { panel, texts, calls } = fakePanel(width, height, { makeTheme });
  return { ...draw(panel, { ...frame, ...change }, labels, options), words: texts.map((one) => one.words), texts, calls, panel };
};

test("each run is named at its end with its value, in its own colour", () => {
  const { words, texts, panel } = drawn("3 runs");
  for (const one of ["lr 1 1", "lr 0.1 0.501", "lr 0.01 0.335", "loss", "step"]) assert.ok(words.includes(one), words.join());
  const named = texts.filter((one) => one.words.startsWith("lr "));
  assert.equal(new Set(named.map((one) => one.color)).size, 3);
  assert.equal(new Set(range(6, (i) => runs.colorOf(panel.theme, i))).size, 6);
  assert.ok(drawn("runs, accuracy").words.includes("lr 1 93 %"));
});

test("a difference has a sign, and the first run none", () => {
  const { words } = drawn("runs, difference");
  for (const one of ["lr 1", "lr 0.1 +0.2", "lr 0.01 +0.4", "loss, less that of lr 1"]) assert.ok(words.includes(one), words.join());
});

test("one that has stopped is crossed, and says where", () => {
  const { words, texts, readout, panel } = drawn("a run that has stopped");
  const name = texts.find((one) => one.words.startsWith("lr 0.01"));
  assert.equal(name.words, "lr 0.01 ✕ 1.5");
  assert.match(readout((name.x0 + name.x1) / 2, (name.y0 + name.y1) / 2), /stopped after step 11/);
  assert.ok(!words.some((one) => one.includes("up to")) && drawn("runs that explode").words.includes("up to 3e30"));
  assert.equal(panel.ctx.strokeStyle, panel.theme.warning);
});

test("no run has a step: it is said", () => {
  const nothing = frameOf({ train_0: [[], []], validation_0: [[], []], ends: [[NaN, NaN]], events: [], range: [0, 1, 0.1, 1], span: [0, 1] });
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  runs.draw(panel, nothing, runsLabels(1), {});
  assert.deepEqual(texts.map((one) => one.words), ["no step yet"]);
});

test("the values of all runs stand under the pointer, but not beyond where one has ended", () => {
  const { readout } = drawn("a run that has stopped");
  assert.match(readout(46, 200), /^step .*\nlr 1: validation .*, training .*\nlr 0\.1: .*\nlr 0\.01: training 1/);
  assert.ok(!readout(400, 200).includes("lr 0.01"));
});

test("a ghost is named where it is drawn, and its numbers are under the pointer", () => {
  const end = drawn("loss with a ghost");
  assert.ok(end.words.includes("lr 0.01 0.5"), end.words.join());
  assert.match(end.readout(300, 200), /lr 0\.01: validation 0\.\d+/);
  assert.match(drawn("gradients with a ghost").readout(120, 70), /^hidden 1 \(8 × tanh\)\ndL\/dz 0\.001\n10 % saturated\nlr 0\.01: dL\/dz 0\.01$/);
  assert.ok(drawn("boundary with a ghost").words.includes("lr 0.01"));
  assert.match(drawn("boundary with a ghost").readout(200, 200), /upper \d+ %\nlower \d+ %\nlr 0\.01: (upper|lower) \d+ %/);
  assert.ok(drawn("confusion with a ghost").words.includes("lr 0.01: 67 %"));
});

test("what is drawn of a ghost is drawn only where there is one", () => {
  for (const [name, gone] of [["loss with a ghost", { ghost0_train: undefined, ghost0_validation: undefined }], ["gradients with a ghost", { ghost0_now: undefined }], ["boundary with a ghost", { ghost0_grid: undefined }], ["histograms with a ghost", { ghost0_counts: undefined }], ["percentiles with a ghost", { ghost0_steps: undefined }]]) {
    const [without, all] = [drawn(name, 700, 450, gone).calls, drawn(name).calls];
    const marks = (/** @type {any} */ calls) => calls.lineTo + (calls.arc ?? 0);
    assert.ok(marks(all) > marks(without), `${name}: ${marks(all)} marks, ${marks(without)} without`);
  }
});

test("the borders of a ghost lie where its classes are equally likely", () => {
  const [one] = boundary.borders(frameOf({ grid: grid((r) => r) }).grid, "binary");
  const segments = contour(one, 32, 32, 0);
  assert.ok(segments.length && segments.every((v, i) => i % 2 === 0 || Math.abs(v - 15.5) < 1e-4));
  const three = boundary.borders(frameOf({ grid: grid((r, c) => [c, 1 - c, 0]) }).grid, "multiclass");
  assert.equal(three.length, 3);
  assert.ok(contour(three[0], 32, 32, 0).every((v, i) => i % 2 === 1 || Math.abs(v - 15.5) < 1e-4));
  assert.deepEqual(boundary.borders(frameOf({ grid: grid((r) => r) }).grid, "regression"), []);
});

test("the outline of a histogram has the area of the bars", () => {
  const heights = histograms.asMuch([1, 1, 2], 0, 3, [10, 20, 10], 0, 6);
  assert.deepEqual(heights, [20, 20, 40]);
  assert.equal(histograms.asMuch([0, 0], 0, 1, [1, 1], 0, 1), null);
  assert.equal(histograms.asMuch([1, 1], 1, 1, [1, 1], 0, 1), null);
});

test("a panel may have a whole row, and panels of one kind begin one", () => {
  const panels = [{ row: "whole" }, ...["new", "", ""].map((row) => ({ row })), ...["new", "", ""].map((row) => ({ row }))];
  assert.deepEqual([1, 2, 3].map((n) => rowsOf(panels, n)), [7, 5, 3]);
  assert.deepEqual([1, 2, 3].map((n) => rowsOf(range(5, () => ({})), n)), [5, 3, 2]);
  assert.equal(rowsOf([{}, { row: "tall" }, {}, {}], 2), 3);
});
