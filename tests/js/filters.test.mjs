// Filters and feature maps: where they lie, and what is said under the pointer.
import assert from "node:assert/strict";
import { test } from "node:test";

import { draw, fit, layout } from "../../nbprop/views/filters.js";
import { makeTheme } from "../../nbprop/views/base/plot.js";
import { fakePanel, frameOf, installOffscreen, overlaps } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const grid = (rows, columns, f) => range(rows, (r) => range(columns, (c) => f(r, c)));

const frameFor = (count) => frameOf({
  filters: range(count, (i) => grid(3, 3, (r, c) => Math.sin(i + r - c))),
  maps: range(count, (i) => grid(8, 8, (r, c) => (i === 1 ? NaN : Math.cos(i * r + c)))),
  picture: grid(8, 8, (r, c) => r * c),
});
const labels = { layer: "hidden 1", picture: "7" };

test("words stay inside and apart, and what is under the pointer is said, at any size and number of filters", () => {
  for (const count of [1, 6, 16, 64]) {
    for (const [width, height] of [[240, 160], [420, 300], [900, 400]]) {
      const { panel, texts, depth } = fakePanel(width, height, { ratio: 2, makeTheme });
      const { readout } = draw(panel, frameFor(count), labels);
      assert.equal(depth(), 0);
      for (const { words, x0, x1, y0, y1 } of texts) assert.ok(x0 > -1.5 && x1 < width + 1.5 && y0 > -1.5 && y1 < height + 1.5, `${count} at ${width}: ${words}`);
      assert.deepEqual(overlaps(texts), [], `${count} at ${width} x ${height}`);
      const { boxes } = layout(count, width, height, 12, 1, 1);
      assert.equal(readout(boxes[0].filter.x + 1, boxes[0].filter.y + 1).split("\n")[0], "filter 1 of hidden 1");
      assert.equal(readout(0, 0), null);
    }
  }
});

test("what is the same everywhere, or nowhere finite, is said as it is", () => {
  const { panel } = fakePanel(420, 300, { makeTheme });
  const frame = { ...frameFor(2), ...frameOf({ filters: range(2, () => grid(3, 3, () => 0)) }) };
  const { readout } = draw(panel, frame, labels);
  const [, { map }] = layout(2, 420, 300, 12, 1, 1).boxes;
  assert.equal(readout(map.x + 1, map.y + 1), "filter 2 of hidden 1\nweights 0 to 0\nfeature map not finite");
});

test("cells lie beside each other, inside the panel, and a picture keeps its shape", () => {
  for (const count of [1, 6, 20]) {
    const { boxes, picture } = layout(count, 600, 300, 12, 1, 1);
    assert.equal(boxes.length, count);
    for (const { filter, map } of boxes) {
      assert.ok(filter.x > picture.x + picture.width && filter.x + filter.width <= 600 && map.y + map.height <= 300);
      assert.ok(filter.y + filter.height <= map.y);
    }
  }
  assert.deepEqual(fit({ x: 0, y: 0, width: 100, height: 40 }, 2), { x: 10, y: 0, width: 80, height: 40 });
});

test("a panel without numbers says so", () => {
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  draw(panel, {}, labels);
  assert.match(texts[0].words, /yet/);
});
