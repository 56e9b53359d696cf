// The sharpness over the steps: words apart and inside at any size, what is read, what is loud.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme } from "../../nbprop/views/base/plot.js";
import { draw } from "../../nbprop/views/sharpness.js";
import { assertLegible, fakePanel, frameOf, installOffscreen, SIZES } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const MARKS = { sharpness: "the largest eigenvalue", stable: "how large it may be", flag: "something was changed", ghost: "pale", moment: "the step that is shown" };

function frame(n, { edge = 20, last = 19.4, events = [], ghosts = 0 } = {}) {
  const steps = range(n, (i) => 20 * i + 20), values = steps.map((_, i) => (i === n - 1 ? last : 20 - 15 * Math.exp(-i / 9)));
  return frameOf({
    sharpness: [steps, values], stable: [steps, steps.map(() => edge)], now: [steps[n - 1], last], events, range: [0, 25, 1, 30], until: [20 * n],
    ...Object.fromEntries(range(ghosts, (k) => [`ghost${k}_sharpness`, [steps, values.map((v) => v / (k + 2))]])),
  });
}
const labels = (more = {}) => ({ formula: "2/lr", events: [], moment: null, ghosts: [], unmeasured: "not measured yet: play", marks: MARKS, ...more });

const PICTURES = {
  "one value": [frame(1), labels()],
  "a curve": [frame(120), labels()],
  "flags and ghosts": [frame(60, { events: [100, 105, 900], ghosts: 2 }), labels({ events: ["lr 0.1 → 0.2", "clip none → 1", "momentum 0 → 0.9"], ghosts: ["lr 0.05", "the run with another optimizer"] })],
  "a long formula": [frame(60), labels({ formula: "2(1+μ)/((1+2μ)lr) − weight decay" })],
  "no line": [frame(60, { edge: NaN }), labels({ formula: "" })],
  "a moment": [frame(60), labels({ moment: 700 })],
  "not finite": [frame(60, { last: NaN }), labels()],
};

for (const [name, [numbers, words]] of Object.entries(PICTURES)) {
  test(`${name}: words stay inside and apart at any size, in both themes`, () => {
    assertLegible(makeTheme, (panel, dark) => draw(panel, numbers, words, { log: dark }), [[1900, 600], ...SIZES]);
  });
}

test("before anything was measured it says so", () => {
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  draw(panel, frameOf({ now: [] }), labels(), {});
  assert.deepEqual(texts.map((one) => one.words).join(" "), "not measured yet: play");
});

test("what is read: the value, and how much of what is stable that is", () => {
  const { panel, texts } = fakePanel(600, 300, { makeTheme });
  const { readout, keys } = draw(panel, frame(120), labels(), {});
  assert.match(readout(150, 150), /^step [\d,]+\nsharpness [\d.]+\n\d+ % of 20, which is stable$/);
  const said = texts.map((one) => one.words);
  assert.ok(said.includes("sharpness 19.4") && said.includes("2/lr 20"));
  assert.ok(keys.some((key) => key.words === MARKS.stable));
});

test("what is not finite is loud, and without a line none is named", () => {
  const { panel, texts } = fakePanel(600, 300, { makeTheme });
  draw(panel, ...PICTURES["not finite"], {});
  assert.ok(texts.some((one) => one.words === "NaN"));
  const other = fakePanel(600, 300, { makeTheme });
  draw(other.panel, ...PICTURES["no line"], {});
  assert.ok(!other.texts.some((one) => /stable|lr/.test(one.words)));
});
