// CTC alignment: where the two pictures go, what is painted, what stands under the hand.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme, pixel, rgb } from "../../nbprop/views/base/plot.js";
import { draw, layout, paint } from "../../nbprop/views/alignment.js";
import { assertLegible, fakePanel, frameOf, installOffscreen } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));

const of = (classes, labels, frames, value = (i, t) => ((i + t) % 5) / 4) =>
  frameOf({ above: range(classes, (i) => range(frames, (t) => value(i, t))), shares: range(2 * labels + 1, (i) => range(frames, (t) => value(i, t))), loss: [3.21] });
const words = (classes, labels, above = "said") => ({ classes: range(classes, (i) => (i ? `seven${i}` : "blank")), states: range(2 * labels + 1, (i) => (i % 2 ? "seven" : "")), above, said: "two seven two" });

const PICTURES = {
  "eleven classes, five labels": [of(11, 5, 90), words(11, 5)],
  "the gradient": [of(11, 4, 60, (i, t) => Math.sin(i + t)), words(11, 4, "gradient")],
  "no label": [of(3, 0, 4), words(3, 0)],
  "many classes": [of(40, 30, 300), words(40, 30)],
  "not finite": [of(3, 1, 4, () => NaN), words(3, 1)],
};

for (const [name, [frame, labels]] of Object.entries(PICTURES)) {
  test(`${name}: words stay inside and apart at any size, in both themes`, () => {
    assertLegible(makeTheme, (panel) => draw(panel, frame, labels));
  });
}

test("a panel without numbers says so", () => {
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  draw(panel, {}, {});
  assert.deepEqual(texts.map((one) => one.words), ["no frames yet"]);
});

test("what is not finite is said", () => {
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  draw(panel, ...PICTURES["not finite"]);
  assert.ok(texts.some((one) => one.words === "not finite"));
});

test("both boxes have rows of one height and fit", () => {
  const { above, below } = layout(11, 9, 600, 400, 12, 40);
  assert.ok(Math.abs(above.height / 11 - below.height / 9) < 1e-9);
  assert.ok(above.x === 48 && below.y > above.y + above.height && below.y + below.height < 400);
  assert.equal(layout(11, 9, 90, 400, 12, 40).above.x, 4);
});

test("what stands under the hand: a class above, a state below", () => {
  const { panel } = fakePanel(600, 400, { makeTheme });
  const [frame, labels] = PICTURES["eleven classes, five labels"];
  const { readout } = draw(panel, frame, labels);
  const { above, below } = layout(11, 11, 600, 400, 12, 0);
  assert.match(readout(300, above.y + above.height / 22), /^frame \d+\nblank: \d+ %$/);
  assert.match(readout(300, below.y + below.height / 22), /^frame \d+\nblank 1 of 6: \d+ % of the alignments$/);
});

test("colours go from end to end, what is not finite warns", () => {
  const theme = makeTheme(false);
  const [low, high, bad, over] = paint([0, 1, NaN, 7], ["#000000", "#ffffff"], 0, 1, theme.warning);
  assert.deepEqual([low, high, bad, over], [pixel([0, 0, 0]), pixel([255, 255, 255]), pixel(rgb(theme.warning)), pixel([255, 255, 255])]);
});
