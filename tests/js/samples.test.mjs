// Single samples: words apart and inside at any size, what a press chooses, what is loud.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme } from "../../nbprop/views/base/plot.js";
import { draw, LEFT_OUT, places, RELABELLED, STANDS_OUT, statesOf, WEIGHED } from "../../nbprop/views/samples.js";
import { assertLegible, fakePanel, frameOf, installOffscreen, SIZES } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const MARKS = Object.fromEntries(["bars", "stands out", "left out", "band", "named", "own", "said", "undo"].map((name) => [name, `what ${name} means`]));
const SHOWN = ["sample 853, the first of these", "label 9, 4 in the data", "loss 7.02, mean 8.7", "never right", "left out", "gradient 10.2"];

function frame(n, { kind = "picture", classes = 10, t = 30, bad = false, zero = false } = {}) {
  const values = range(n, (i) => (bad && i === n - 1 ? NaN : zero ? 0 : 9 * Math.exp(-i / 20))), steps = range(t, (i) => 20 * (i + 1));
  const x = { picture: range(8, (r) => range(8, (c) => r * c)), point: [0.3, -1], bars: range(12, (i) => i - 4), curves: [range(20, Math.sin), range(20, Math.cos)], text: [], "": [] }[kind];
  return frameOf({
    values, order: range(n, (i) => (i * 7) % n), state: range(n, (i) => (i < 5 ? STANDS_OUT : 0) | (i === 1 ? LEFT_OUT : 0) | (i === 2 ? RELABELLED : 0)),
    steps, band: [range(t, () => 0.1), range(t, () => 0.3), range(t, () => 0.6)], named: range(5, (k) => range(t, (i) => k + i / 9)),
    own: range(t, (i) => (bad && i === t - 1 ? Infinity : 5 + (i % 3))), place: [1], said: range(classes, (k) => 1 / (k + 2)), x,
    points: kind === "point" ? range(40, (i) => [i / 40, Math.sin(i)]) : [], targets: kind === "point" ? range(40, (i) => i % 2) : [],
  });
}
const labels = (more = {}) => ({ by: "mean loss", of: "512 of 1,347 samples, after step 600", shown: SHOWN, classes: range(10, String), label: 9, kind: "picture", features: [], text: "", unmeasured: "not measured yet: play, or press Measure", marks: MARKS, ...more });

const PICTURES = {
  "pictures": [frame(512), labels()],
  "a plane": [frame(300, { kind: "point", classes: 2 }), labels({ kind: "point", classes: ["upper", "lower"], label: 1, features: ["x1", "x2"] })],
  "bars": [frame(120, { kind: "bars", classes: 3 }), labels({ kind: "bars", classes: ["setosa", "versicolor", "virginica"], label: 2, features: range(12, (i) => `a long name of feature ${i}`) })],
  "curves": [frame(60, { kind: "curves", classes: 2 }), labels({ kind: "curves", classes: ["rises", "falls"], label: 0, features: ["level"] })],
  "words": [frame(60, { kind: "text", classes: 2 }), labels({ kind: "text", classes: ["good", "bad"], label: 0, text: "to be or not to be that is the question here and now" })],
  "regression, nothing known of the inputs": [frame(40, { kind: "", classes: 1 }), labels({ kind: "", classes: [], label: null, shown: SHOWN.slice(2, 3) })],
  "one record": [frame(30, { t: 1 }), labels()],
  "one sample": [frame(1, {}), labels()],
  "all zero": [frame(30, { zero: true }), labels()],
  "not finite": [frame(50, { bad: true }), labels()],
};

for (const [name, [numbers, words]] of Object.entries(PICTURES)) {
  test(`${name}: words stay inside and apart at any size, in both themes`, () => {
    assertLegible(makeTheme, (panel, dark) => draw(panel, numbers, words, { log: dark }), [[240, 400], [1900, 600], ...SIZES]);
  });
}

test("before anything was measured it says so", () => {
  const { panel, texts } = fakePanel(400, 230, { makeTheme });
  draw(panel, frameOf({ values: [] }), labels(), {});
  assert.match(texts.map((one) => one.words).join(" "), /not measured yet/);
});

test("a press on a bar chooses its sample, arrows go from bar to bar", () => {
  const { panel } = fakePanel(700, 400, { makeTheme });
  const { press, move, readout, bars } = draw(panel, frame(50), labels(), {});
  const { y, height } = places(700, 400, 12).bars;
  assert.deepEqual(press(bars.x(3), y + height / 2), ["sample", 21]);
  assert.equal(press(bars.x(3), 399), null);
  assert.equal(readout(bars.x(2), y + height / 2), `sample 14\nmean loss 8.14\nstands out\nrelabelled by hand`);
  const first = move(null, [1, 0]);
  assert.equal(bars.at(first.x, first.y), 1, "begins with the one that is shown");
  const next = move(first, [1, 0]);
  assert.equal(bars.at(next.x, next.y), 2);
  assert.equal(move(first, [0, 1]), null, "down: away from the bars");
  assert.equal(bars.at(move({ x: bars.x(49), y: y + 5 }, [1, 0]).x, y + 5), 49, "the last one stays");
});

test("what is not finite is loud, and what was turned is said", () => {
  const { panel, texts } = fakePanel(700, 450, { makeTheme });
  draw(panel, frame(50, { bad: true }), labels(), {});
  assert.ok(texts.some((one) => one.words === "1 not finite"));
  assert.deepEqual(statesOf(LEFT_OUT | WEIGHED), ["left out by hand", "weighed by hand"]);
});
