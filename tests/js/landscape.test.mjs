// The loss over two numbers from above: bands, paths, what a click means, and that no words cover each other.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme, luminance, rgb } from "../../nbprop/views/base/plot.js";
import { bandOf, draw, fit, groundColors, pathColor, pointsOf } from "../../nbprop/views/landscape.js";
import { fakePanel, frameOf, installOffscreen, overlaps } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const NAMES = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"];

function frame(runs, n, { loss = 0.0123, far = false } = {}) {
  const path = (k) => range(n, (i) => [(k + 1) * 0.2 * Math.cos(i / 9) * (far ? 1 + i : 1), 0.1 * k - Math.sin(i / 7)]);
  return frameOf({
    grid: range(33, (r) => range(33, (c) => ((c - 16) / 8) ** 2 + 25 * ((r - 16) / 8) ** 2)),
    levels: range(17, (i) => (104 * i * i) / 256),
    extent: [-2, 2, -2, 2],
    minima: [[0, 0]],
    start: [-1.5, 1],
    paths: range(runs, path),
    loss: range(runs, () => loss),
  });
}
const labels = (runs, diverged = []) => ({ surface: "ravine", paths: NAMES.slice(0, runs), diverged: range(runs, (k) => diverged[k] ?? 0) });

const RUN = {
  surface: "path directions", paths: ["step 12,400"], diverged: [0], axes: ["main direction of the path (83 %)", "second direction of the path (11 %)"], still: true,
  marks: { ground: "the loss over a plane", path: "the way that the run has come", minimum: "the lowest of the places", start: "the earliest snapshot" },
};
function around(n, bad = 0) {
  const numbers = frame(1, 40);
  const grid = range(n, (r) => range(n, (c) => (r * n + c < bad ? NaN : r * n + c < 2 * bad ? Infinity : (c - n / 2) ** 2 + (r - n / 2) ** 2)));
  return { ...numbers, ...frameOf({ grid, levels: range(17, (i) => (n * n * i * i) / 512), extent: [-12, 3.1, -3, 2.9] }) };
}

const PICTURES = {
  "a run, coarse": [around(9), RUN],
  "a run, fine": [around(65), { ...RUN, axes: ["first random direction", "second random direction"] }],
  "a run with places that are not finite": [around(17, 60), RUN],
  "one path": [frame(1, 40), labels(1)],
  "at the start": [frame(2, 1), labels(2)],
  "six paths": [frame(6, 200), labels(6)],
  "outside": [frame(2, 60, { far: true, loss: 3.4e12 }), labels(2)],
  "all diverged": [frame(2, 5, { loss: Infinity }), labels(2, [5, 5])],
};

for (const [name, [numbers, words]] of Object.entries(PICTURES)) {
  test(`${name}: words stay inside and apart at any size, in both themes`, () => {
    for (const [width, height] of [[240, 160], [300, 230], [420, 300], [700, 450], [900, 600]]) {
      for (const dark of [false, true]) {
        const { panel, texts, depth } = fakePanel(width, height, { dark, ratio: 2, makeTheme });
        const { readout, press } = draw(panel, numbers, words);
        assert.equal(depth(), 0, "as many restore() as save()");
        for (const { words: said, x0, x1, y0, y1 } of texts) {
          assert.ok(x0 > -1.5 && x1 < width + 1.5 && y0 > -1.5 && y1 < height + 1.5, `${width} x ${height}: "${said}" at ${[x0, y0, x1, y1]}`);
        }
        assert.deepEqual(overlaps(texts.filter((one) => one.color !== panel.theme.background)), [], `${width} x ${height}`);
        for (let x = 0; x < width; x += 13) {
          for (let y = 0; y < height; y += 11) {
            const said = readout(x, y);
            assert.ok(said === null || (said.length && !/undefined|null/.test(said)), `${x}, ${y}: ${said}`);
            if (!words.still) assert.equal(press(x, y) === null, said === null);
            else assert.equal(press, undefined);
          }
        }
      }
    }
  });
}

test("without numbers it says so", () => {
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  draw(panel, {}, labels(1));
  assert.match(texts[0].words, /yet/);
});

test("a click is a start at that place", () => {
  const { panel } = fakePanel(700, 450, { makeTheme });
  const { press, readout } = draw(panel, frame(1, 3), labels(1));
  const found = range(700).find((x) => press(x, 200));
  const [name, [x, y]] = press(found + 1, 200);
  assert.equal(name, "start");
  assert.ok(Math.abs(x + 2) < 0.02 && Math.abs(y) < 1, `${x}, ${y}`);
  assert.match(readout(found + 1, 200), /^x -2, y .*\nloss \d/);
});

test("what has diverged is said", () => {
  const { panel, texts } = fakePanel(700, 450, { makeTheme });
  draw(panel, ...PICTURES["all diverged"]);
  assert.ok(texts.some(({ words }) => words.includes("diverged")));
});

test("a unit is as long across as upright, unless that would be too narrow", () => {
  const box = { x: 10, y: 20, width: 300, height: 100 };
  assert.deepEqual(fit(box, 1), { x: 10, y: 20, width: 100, height: 100 });
  assert.deepEqual(fit(box, 4), { x: 10, y: 32.5, width: 300, height: 75 });
  assert.deepEqual(fit(box, 9), box);
});

test("the band of a value", () => {
  const levels = [0, 1, 4, 9];
  assert.deepEqual([-5, 0, 0.5, 1, 3.9, 4, 9, 100, NaN, Infinity].map((v) => bandOf(levels, v)), [0, 0, 0, 1, 1, 2, 2, 2, -1, -1]);
});

test("a path ends before the first NaN", () => {
  const { paths } = frameOf({ paths: [[[1, 2], [3, 4], [NaN, NaN]], [[5, 6], [7, 8], [9, 10]]] });
  assert.deepEqual(pointsOf(paths, 0), [[1, 2], [3, 4]]);
  assert.deepEqual(pointsOf(paths, 1), [[5, 6], [7, 8], [9, 10]]);
});

test("the ground gets further from the page with the height, and paths stand out from all of it", () => {
  for (const dark of [false, true]) {
    const theme = makeTheme(dark);
    const away = groundColors(theme, 16).map((color) => Math.abs(luminance(rgb(color)) - luminance(rgb(theme.background))));
    assert.deepEqual(away, away.slice().sort((a, b) => a - b));
    assert.ok(away.at(-1) < 0.5);
    assert.equal(new Set(range(6, (k) => pathColor(theme, k))).size, 6);
  }
});

test("of a run a click is no start, and what is read says what the marks mean", () => {
  const { panel, texts } = fakePanel(700, 450, { makeTheme });
  const { press, readout, keys } = draw(panel, around(33), RUN);
  assert.equal(press, undefined);
  assert.match(readout(250, 200), /^-?[\d.]+, -?[\d.]+\nloss \d/);
  for (const words of Object.values(RUN.marks)) assert.ok(keys.some((key) => key.words === words), words);
  assert.ok(texts.some(({ words }) => words === "main direction of the path (83 %)"));
  const before = fakePanel(300, 230, { makeTheme });
  draw(before.panel, {}, { ...RUN, unmeasured: "computing the first places of the plane" });
  assert.match(before.texts.map(({ words }) => words).join(" "), /computing the first places/);
});
