// Attention: where the matrices go, what is painted, what stands under the hand.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme, pixel, rgb } from "../../nbprop/views/base/plot.js";
import { draw, layout, paint } from "../../nbprop/views/attention.js";
import { assertLegible, fakePanel, frameOf, installOffscreen, SIZES } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));

/** Causal, even weights. */
const weights = (heads, rows, columns = rows) => frameOf({ weights: range(heads, () => range(rows, (i) => range(columns, (j) => (j <= i ? 1 / (i + 1) : 0)))) });
const labels = (heads, rows, columns = rows, letter = (i) => "abc␣⏎"[i % 5]) => ({ rows: range(rows, letter), columns: range(columns, letter), heads: range(heads, (i) => `head ${i + 1}`) });

const PICTURES = {
  "one head": [weights(1, 12), labels(1, 12)],
  "two heads of one letter": [weights(2, 1), labels(2, 1)],
  "four heads": [weights(4, 31), labels(4, 31)],
  "sixteen heads": [weights(16, 64), labels(16, 64)],
  "another text that is looked at": [weights(3, 5, 40), labels(3, 5, 40)],
  "numbered places": [weights(2, 20), labels(2, 20, 20, (i) => String(i + 1))],
  "not finite": [frameOf({ weights: [[[1, 0], [NaN, NaN]]] }), labels(1, 2)],
};

for (const [name, [frame, words]] of Object.entries(PICTURES)) {
  test(`${name}: words stay inside and apart at any size, in both themes`, () => {
    assertLegible(makeTheme, (panel) => draw(panel, frame, words));
  });
}

test("a panel without numbers says so", () => {
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  draw(panel, {}, {});
  assert.deepEqual(texts.map((one) => one.words), ["no weights yet"]);
});

test("what is not finite is said", () => {
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  draw(panel, ...PICTURES["not finite"]);
  assert.ok(texts.some((one) => one.words === "not finite"));
});

test("matrices are square-celled, inside the panel and apart", () => {
  for (const [width, height] of SIZES) {
    for (const [count, rows, columns] of [[1, 8, 8], [2, 30, 30], [4, 30, 30], [3, 5, 40], [12, 64, 64]]) {
      const { boxes, margin } = layout(count, rows, columns, width, height, 10);
      assert.equal(boxes.length, count);
      boxes.forEach((a, i) => {
        assert.ok(a.x - margin >= -1e-6 && a.y - margin >= 16 - 1e-6 && a.x + a.width <= width + 1e-6 && a.y + a.height <= height - 16 + 1e-6, `${width} x ${height}: ${JSON.stringify(a)}`);
        assert.ok(Math.abs(a.width / columns - a.height / rows) < 1e-9);
        for (const b of boxes.slice(0, i)) {
          assert.ok(a.x - margin >= b.x + b.width - 1e-6 || b.x - margin >= a.x + a.width - 1e-6 || a.y - margin - 16 >= b.y + b.height - 1e-6 || b.y - margin - 16 >= a.y + a.height - 1e-6);
        }
      });
    }
  }
});

test("letters are left out where they could not be read", () => {
  assert.equal(layout(1, 8, 8, 420, 300, 10).letters, 10);
  assert.equal(layout(16, 64, 64, 420, 300, 10).letters, 0);
});

test("no weight is clear, more weight is another colour, what is not finite is loud", () => {
  const theme = makeTheme(false);
  const [none, some, all, bad] = paint(Float32Array.of(0, 0.5, 1, NaN), theme);
  assert.equal(none, 0);
  assert.equal(all, pixel(rgb(theme.share.at(-1))));
  assert.equal(bad, pixel(rgb(theme.warning)));
  assert.ok(![none, all, bad].includes(some));
});

test("under the hand: who looks at what, and how much", () => {
  const { readout } = draw(fakePanel(420, 300, { makeTheme }).panel, ...PICTURES["one head"]);
  const { boxes, cell } = layout(1, 12, 12, 420, 300, 10);
  const at = (row, column) => readout(boxes[0].x + (column + 0.5) * cell, boxes[0].y + (row + 0.5) * cell);
  assert.equal(at(3, 1), "head 1\n␣ (place 4) looks at b (place 2): 25 %");
  assert.equal(at(1, 2), "head 1\nb (place 2) looks at c (place 3): 0 %");
  assert.equal(readout(1, 1), null);
});
