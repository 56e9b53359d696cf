// The modes of a linear network: words apart and inside at any size, what is read, what is loud.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme } from "../../nbprop/views/base/plot.js";
import { draw } from "../../nbprop/views/modes.js";
import { fakePanel, frameOf, installOffscreen, overlaps } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const MARKS = { measured: "how strong each mode is", solved: "the exact solution", whole: "how strong it is to be" };

function frame(n, { whole = [3, 1.5, 0.7], k = 50, last = null } = {}) {
  const steps = range(n, (i) => 20 * i), at = range(k, (i) => (20 * (n - 1) * i) / Math.max(k - 1, 1)), rise = (s) => (t) => s / (1 + Math.exp(4 - (s * t) / 60));
  const measured = whole.map((s) => steps.map(rise(s)));
  if (last !== null) measured[0][n - 1] = last;
  return frameOf({ measured: [steps, ...measured], solved: k ? [at, ...whole.map((s) => at.map(rise(s)))] : [[], ...whole.map(() => [])], whole, range: [0, 3.1], until: [Math.max(20 * (n - 1), 1)] });
}
const labels = (more = {}) => ({ depth: 2, unsolved: "", moment: null, marks: MARKS, ...more });

const PICTURES = {
  "one point": [frame(1, { k: 0 }), labels()],
  "three modes": [frame(21), labels()],
  "six modes, many points": [frame(180, { whole: [3, 2.9, 1.5, 0.7, 0.3, 0.1] }), labels({ moment: 700 })],
  "no solution": [frame(21, { k: 0 }), labels({ unsolved: "it is for white inputs, E[x xT] = 1, and here an eigenvalue of it is 0.7 away from 1" })],
  "not finite": [frame(21, { last: NaN }), labels()],
};

for (const [name, [numbers, words]] of Object.entries(PICTURES)) {
  test(`${name}: words stay inside and apart at any size, in both themes`, () => {
    for (const [width, height] of [[240, 160], [300, 230], [480, 300], [700, 450], [1900, 600]]) {
      const { panel, texts, depth } = fakePanel(width, height, { dark: width < 400, ratio: 2, makeTheme });
      const { readout } = draw(panel, numbers, words);
      assert.equal(depth(), 0, "as many restore() as save()");
      for (const { words: said, x0, x1, y0, y1 } of texts) {
        assert.ok(x0 > -1.5 && x1 < width + 1.5 && y0 > -1.5 && y1 < height + 1.5, `${width} x ${height}: "${said}" at ${[x0, y0, x1, y1]}`);
      }
      assert.deepEqual(overlaps(texts.filter((one) => one.color !== panel.theme.background && one.words !== "not finite")), [], `${width} x ${height}`);
      for (let x = 0; x < width; x += 17) for (let y = 0; y < height; y += 13) assert.ok(!/undefined|null/.test(readout(x, y) ?? ""));
    }
  });
}

test("what is read: each mode, its share, and the solution where there is one", () => {
  const { panel } = fakePanel(700, 450, { makeTheme }), { readout } = draw(panel, frame(21, { k: 21 }), labels());
  assert.match(readout(500, 200), /^step \d+\nmode 1: [\d.]+, \d+ % of 3, solution [\d.]+\nmode 2: /);
  const bare = draw(panel, frame(21, { k: 0 }), labels({ unsolved: "it is for white inputs" }));
  assert.ok(!bare.readout(500, 200).includes("solution"));
});

test("what is not finite is loud, and no modes are said", () => {
  const { panel, texts } = fakePanel(480, 300, { makeTheme });
  draw(panel, frame(21, { last: NaN }), labels());
  assert.ok(texts.some((one) => one.words === "not finite"));
  const empty = fakePanel(480, 300, { makeTheme });
  draw(empty.panel, {}, labels());
  assert.deepEqual(empty.texts.map((one) => one.words), ["no modes yet"]);
});
