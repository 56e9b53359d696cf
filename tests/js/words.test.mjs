// Words in colour: where they stand, what colour they have, what stands under the hand.
import assert from "node:assert/strict";
import { test } from "node:test";

import { colorAt, makeTheme } from "../../nbprop/views/base/plot.js";
import { draw, layout } from "../../nbprop/views/words.js";
import { assertLegible, fakePanel, frameOf, overlaps } from "./canvas.mjs";

const LINES = [["the", "film", "was", "not", "very", "good"], ["good"], ["nobody", "thinks", "the", "ending", "was", "not", "extraordinarily", "disappointing", "but", "not", "very", "ridiculous"]];
const of = (lines, value = (i, k) => Math.sin(i + 2 * k)) => [
  frameOf({ words: lines.map((_, i) => Array.from({ length: Math.max(...lines.map((line) => line.length)) }, (_, k) => value(i, k))), scores: lines.map((_, i) => i - 1.234) }),
  { lines, score: "praises", marks: { words: "what they add", scores: "the sum" } },
];

for (const lines of [LINES, LINES.slice(0, 1), Array.from({ length: 12 }, () => LINES[0])]) {
  test(`${lines.length} lines stay inside and apart at any size, in both themes`, () => {
    assertLegible(makeTheme, (panel) => draw(panel, ...of(lines)));
  });
}

test("a panel without numbers says so", () => {
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  draw(panel, {}, {});
  assert.deepEqual(texts.map((one) => one.words), ["no sentences yet"]);
});

test("what stands under the hand: the word and its number, or what is meant", () => {
  const { panel } = fakePanel(600, 300, { makeTheme });
  const [frame, labels] = of([["not", "good"]], (_, k) => [-2, 0.5][k]);
  const { readout, keys } = draw(panel, frame, labels);
  const { boxes, top, high } = layout(panel, labels.lines, 13);
  const at = (k) => readout(boxes[0][k].x + 4, top + high / 2);
  assert.equal(at(0), "not: -2 for praises");
  assert.equal(at(1), "good: 0.5 for praises");
  assert.equal(readout(599, 299), null);
  assert.deepEqual(keys.map((key) => key.words), ["what they add", "the sum"]);
});

test("the largest number has the colour of an end, what is not finite warns", () => {
  const { panel } = fakePanel(600, 300, { makeTheme });
  const fills = [];
  panel.ctx = new Proxy(panel.ctx, { get: (ctx, name) => (name === "fillRect" ? () => fills.push(ctx.fillStyle) : ctx[name]) });
  draw(panel, ...of([["not", "good", "film"]], (_, k) => [-2, 1, NaN][k]));
  assert.deepEqual(fills, [colorAt(panel.theme.diverging, 0), colorAt(panel.theme.diverging, 0.75), panel.theme.warning]);
});

test("of a sentence that is too long there are as many words as fit, and a sign that there are more", () => {
  const long = Array(60).fill("extraordinarily");
  for (const [width, height] of [[200, 140], [420, 300], [1200, 800]]) {
    const { panel, texts } = fakePanel(width, height, { makeTheme });
    const { readout } = draw(panel, ...of([long, ["good"]], () => 1));
    assert.ok(texts.every(({ x0, x1 }) => x0 > -1.5 && x1 < width + 1.5));
    assert.deepEqual(overlaps(texts), []);
    assert.equal(texts.filter((one) => one.words === "…").length, 1);
    assert.ok(layout(panel, [long], 13).boxes[0].length < 60);
    for (let x = 0; x < width; x += 7) assert.doesNotMatch(readout(x, height / 3) ?? "", /undefined/);
  }
});
