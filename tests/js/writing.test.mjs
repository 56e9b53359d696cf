// What a network writes: letters in cells, pale where they were not probable.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme, mix } from "../../nbprop/views/base/plot.js";
import { draw, layout } from "../../nbprop/views/writing.js";
import { assertLegible, fakePanel, frameOf } from "./canvas.mjs";

const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const lines = (rows, columns) => frameOf({
  tokens: range(rows, (i) => range(columns, (j) => (j > columns - i ? -1 : (i + j) % 4))),
  probability: range(rows, () => range(columns, (j) => j / columns)),
});
const labels = { letters: ["a", "b", " ", "⏎"] };

for (const [rows, columns] of [[1, 8], [6, 32], [12, 64]]) {
  test(`${rows} lines of ${columns} letters stay inside and apart at any size, in both themes`, () => {
    assertLegible(makeTheme, (panel) => draw(panel, lines(rows, columns), labels));
  });
}

test("a panel without numbers says so", () => {
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  draw(panel, {}, {});
  assert.deepEqual(texts.map((one) => one.words), ["nothing written yet"]);
});

test("spaces and what is behind the end leave no ink; pale letters were not probable", () => {
  const { panel, texts } = fakePanel(420, 300, { makeTheme });
  const frame = frameOf({ tokens: [[0, 2, 1, -1]], probability: [[1, 0.5, 0.25, 0]] });
  const { readout } = draw(panel, frame, labels);
  assert.deepEqual(texts.map((one) => one.words), ["a", "b"]);
  assert.equal(texts[1].color, mix(panel.theme.background, panel.theme.foreground, 0.35 + 0.65 * 0.25));
  const { left, top, wide, high } = layout(1, 4, 420, 300, 14);
  const at = (column) => readout(left + (column + 0.5) * wide, top + high / 2);
  assert.equal(at(2), '"b" had the probability 25 %');
  assert.equal(at(3), null);
  assert.equal(readout(1, 1), null);
});
