// The Doctor's cards as far as no page is needed: their order, what is read out, why buttons rest; the small pictures.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme } from "../../nbprop/views/base/plot.js";
import { domainOf, drawSmall, inWords, said } from "../../nbprop/views/base/small.js";
import { arranged, news, reasons, smallOf } from "../../nbprop/views/doctor.js";
import { fakePanel, frameOf, overlaps } from "./canvas.mjs";

const bars = (values, more = {}) => ({ kind: "bars", values, labels: values.map((_, i) => (i === values.length - 1 ? "output" : `hidden ${i + 1}`)), steps: [], limit: NaN, unit: "norm", log: false, ...more });
const line = (values, more = {}) => ({ kind: "line", values, labels: [], steps: values.map((_, i) => 10 * i), limit: NaN, unit: "loss", log: false, ...more });

test("cards stand as the kernel says, but while one is read none moves or goes", () => {
  assert.deepEqual(arranged(["a", "b"], ["b", "c"], false), ["b", "c"]);
  assert.deepEqual(arranged(["a", "b"], ["c", "b"], true), ["a", "b", "c"]);
  assert.deepEqual(arranged([], ["c", "b"], true), ["c", "b"]);
});

test("read out is what is new, not what was there, and not at the first look", () => {
  const card = (rule, verdict = null) => ({ rule, severity: "alarm", title: rule, words: "Ill.", verdict });
  const found = () => true;
  assert.equal(news(null, [card("dead")], found), "");
  assert.equal(news(new Map(), [card("dead")], found), "New alarm: dead. Ill.");
  const known = new Map([["dead", { found: true, state: "" }]]);
  assert.equal(news(known, [card("dead")], found), "");
  assert.equal(news(known, [], found), "Nothing wrong is found any more.");
  assert.equal(news(new Map(), [], found), "");
  const helped = { state: "helped", head: "Helped", words: "loss 2 → 1." };
  assert.equal(news(known, [card("dead", helped)], () => false), "Helped. loss 2 → 1.");
  assert.equal(news(new Map([["dead", { found: false, state: "helped" }]]), [card("dead", helped)], () => false), "");
});

test("why buttons rest is said once where it is the same for all", () => {
  assert.deepEqual(reasons([["Use tanh", ""], ["Use ReLU", ""]], ""), []);
  assert.deepEqual(reasons([["Use tanh", "it is stuck"], ["Use ReLU", ""]], ""), ["Use tanh: it is stuck."]);
  assert.deepEqual(reasons([["Use tanh", "the past"], ["Use ReLU", "the past"]], ""), ["The buttons rest: the past."]);
  assert.deepEqual(reasons([["Use tanh", ""]], "a saved page"), ["The buttons rest: a saved page."]);
  assert.deepEqual(reasons([], "a saved page"), []);
});

test("the numbers of a picture are those of its card in the frame", () => {
  const frame = frameOf({ limit: [NaN, 0.5], picture_1: [1, 2, 3], steps_1: [10, 20, 30] });
  const small = smallOf(frame, 1, { kind: "line", labels: [], unit: "loss", log: true });
  assert.deepEqual([[...small.values], [...small.steps], small.limit, small.unit], [[1, 2, 3], [10, 20, 30], 0.5, "loss"]);
  assert.deepEqual([...smallOf(frame, 0, { kind: "bars" }).values], []);
});

test("an axis holds all that can be drawn, and the limit", () => {
  for (const small of [bars([1e-9, 1], { log: true, limit: 0.01 }), bars([2, 2], { log: true }), bars([3, -1], { limit: 5 }), line([0.5, NaN, Infinity])]) {
    const [low, high] = domainOf(small);
    for (const value of [...small.values, small.limit]) if (Number.isFinite(value)) assert.ok(low <= value && value <= high, `${value} in ${low}, ${high}`);
    if (small.log) assert.ok(high / low >= 9.99);
  }
  assert.deepEqual(domainOf(bars([NaN], { log: true })), [0.1, 1]);
  assert.deepEqual(domainOf(bars([0, 0])), [0, 1]);
});

test("numbers in words, for whoever reads by keys or by ear", () => {
  assert.equal(said(bars([0.5, NaN]), 1), "output: none");
  assert.equal(said(line([0.5, NaN]), 1), "step 10: NaN");
  assert.equal(inWords(bars([2e-9, 0.5], { limit: 0.01 })), "norm: hidden 1: 2e-9, output: 0.5; limit 0.01");
  assert.equal(inWords(line([3, 2, 1])), "loss (the first and the last of 3): step 0: 3, step 20: 1");
  assert.equal(inWords(bars(Array(200).fill(1))), "norm (the first and the last of 200): hidden 1: 1, output: 1");
});

for (const [width, height] of [[190, 96], [300, 96], [560, 96]]) {
  for (const [name, small] of Object.entries({
    "two layers": bars([0.1, 0.4], { limit: 0.5 }),
    "nine layers, vanishing": bars([1e-12, 1e-10, 1e-8, 1e-7, 1e-5, 1e-4, 1e-3, 1e-2, 0.1], { log: true, limit: 1e-3 }),
    "200 layers": bars(Array.from({ length: 200 }, (_, i) => i / 200)),
    "a zero on a log axis": bars([0, 0, 1e-3, 1e-2, 0.1], { log: true }),
    "infinite": bars([1, Infinity, 3]),
    "long names": { ...bars([1, 2, 3]), labels: ["encoder.block.1.attention", "encoder.block.2.attention", "decoder.block.1"] },
    "a loss that diverges": line([1, 2, 50, 1e9, NaN], { log: true }),
    "one point": line([1]),
    nothing: bars([]),
  })) {
    test(`small picture, ${name}, ${width} x ${height}: no word is cut or over another, all numbers are finite`, () => {
      const { panel, texts, calls, depth } = fakePanel(width, height, { makeTheme });
      const nearest = drawSmall(panel, small, 0);
      for (const { words, x0, x1, y0, y1 } of texts) assert.ok(x0 >= -1 && x1 <= width + 1 && y0 >= -1 && y1 <= height + 1, `"${words}" is cut`);
      const axis = texts.filter(({ color }) => color !== panel.theme.background); // what is loud may stand over them
      assert.deepEqual(overlaps(axis), []);
      const drawn = Array.from(small.values).filter((v) => Number.isFinite(v) && (!small.log || v > 0)).length;
      if (small.kind === "bars") assert.equal(calls.fillRect ?? 0, drawn);
      assert.equal(depth(), 0);
      const loud = Array.from(small.values).some((v) => !Number.isFinite(v) || (small.log && v <= 0));
      assert.equal(texts.some(({ color }) => color === panel.theme.background), loud);
      if (small.values.length) assert.equal(nearest(width), small.values.length - 1);
    });
  }
}
