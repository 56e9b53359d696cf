// Activations: words stay inside and apart, the curves are scaled honestly, the bars are told apart.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme } from "../../nbprop/views/base/plot.js";
import { chartIn, draw, heights } from "../../nbprop/views/activations.js";
import { layoutCells } from "../../nbprop/views/histograms.js";
import { fakePanel, frameOf, installOffscreen, overlaps } from "./canvas.mjs";

installOffscreen(makeTheme);
const BINS = 48;
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const SIZES = [[240, 160], [300, 230], [420, 300], [700, 450], [900, 600]];

/** Layers with tanh between -4 and 3; the second has no finite value. */
function frame(layers) {
  const z = (k, n = BINS) => -4 + (7 * k) / n;
  return frameOf({
    counts: range(layers, (i) => range(BINS, (k) => (i === 1 ? 0 : (k * 7 + i) % 23))),
    flat_counts: range(layers, (i) => range(BINS, (k) => (Math.abs(z(k)) > 2 && i !== 1 ? (k * 7 + i) % 23 : 0))),
    low: range(layers, () => -4),
    high: range(layers, () => 3),
    flat: range(layers, (i) => (i === 1 ? NaN : i / layers)),
    value: range(layers, () => range(4 * BINS + 1, (k) => Math.tanh(z(k, 4 * BINS)))),
    slope: range(layers, () => range(4 * BINS + 1, (k) => 1 - Math.tanh(z(k, 4 * BINS)) ** 2)),
  });
}

const labels = (n) => ({ layers: range(n, (i) => `hidden ${i + 1}`), activations: range(n, () => "leaky_relu") });

for (const layers of [1, 2, 3, 5, 9, 20, 40]) {
  test(`${layers} layers: words stay inside and apart at any size, in both themes`, () => {
    for (const [width, height] of SIZES) {
      for (const dark of [false, true]) {
        const { panel, texts, depth } = fakePanel(width, height, { dark, ratio: 2, makeTheme });
        const { readout } = draw(panel, frame(layers), labels(layers));
        assert.equal(depth(), 0, "as many restore() as save()");
        for (const { words, x0, x1, y0, y1 } of texts) {
          assert.ok(x0 > -1.5 && x1 < width + 1.5 && y0 > -1.5 && y1 < height + 1.5, `${width} x ${height}: "${words}" at ${[x0, y0, x1, y1]}`);
        }
        const calm = texts.filter((one) => one.color !== panel.theme.background);
        assert.deepEqual(overlaps(calm), [], `${width} x ${height}`);
        for (let x = 0; x < width; x += 13) {
          for (let y = 0; y < height; y += 11) {
            const words = readout(x, y);
            assert.ok(words === null || (words.length && !/undefined|null/.test(words)), `${x}, ${y}: ${words}`);
          }
        }
      }
    }
  });
}

test("a panel without numbers says so", () => {
  for (const empty of [{}, frameOf({ counts: [] })]) {
    const { panel, texts } = fakePanel(300, 230, { makeTheme });
    draw(panel, empty, {});
    assert.equal(texts.length, 1);
    assert.match(texts[0].words, /yet/);
  }
});

test("what is not finite is said in words", () => {
  const { panel, texts } = fakePanel(420, 300, { makeTheme });
  draw(panel, frame(2), labels(2));
  assert.ok(texts.some((one) => one.words === "no finite value"));
});

test("0 and 1 have a place on every curve's axis", () => {
  assert.deepEqual(heights([0, 0.25]), [0, 0.25]); // the sigmoid's slope looks as small as it is
  assert.deepEqual(heights([-1, 1]), [0, 1]);
  assert.deepEqual(heights([0, 3]), [0, 1]);
});

test("under the hand: the curve and its slope at the nearest edge", () => {
  const [width, height] = [700, 450];
  const { panel } = fakePanel(width, height, { makeTheme });
  const { readout } = draw(panel, frame(4), labels(4));
  const { boxes, compact } = layoutCells(4, width, height - 17, 12);
  const chart = chartIn(boxes[3], compact, 12);
  assert.equal(readout(chart.x + chart.width - 0.1, chart.y + 5), "hidden 4, leaky_relu\n75 % of z where the slope is near 0\nz = 3: a = 1, slope 0.0099");
});
