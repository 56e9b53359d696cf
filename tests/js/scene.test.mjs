// A scene: shapes at the moment that is shown, one scale for both axes, words inside the panel.
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTheme } from "../../nbprop/views/base/plot.js";
import { draw, layout, trail } from "../../nbprop/views/scene.js";
import { assertLegible, fakePanel, frameOf, SIZES } from "./canvas.mjs";

const times = [0, 1, 2, 3, 4];
const frame = () => frameOf({
  range: [-2.2, 2.2, -0.1, 1.3],
  shape0: [[[-2, 0], [2, 0]]],
  shape1: times.map((t) => [[t / 10 - 0.2, 0, 0.4, 0.2]]),
  shape2: times.map((t) => [[t / 10, 0.2], [t / 5, 1.2]]),
  shape3: times.map((t) => [[t / 5, 1.2, 0.05]]),
});
const labels = {
  shapes: [["line", "muted", 2, ""], ["rectangle", "train", 0, "cart"], ["line", "validation", 4, "pole"], ["circle", "guide", 2, "tip"]],
  said: times.map((t) => `time ${t}`),
  stops: { time: { last: 4 } },
  marks: { time: "the moment", trail: "pale" },
};

test("words stay inside and apart at any size, in both themes", () => {
  assertLegible(makeTheme, (panel) => draw(panel, frame(), labels, { time: 2, trail: true }), [[200, 140], ...SIZES]);
});

test("words that are longer than the panel end in it", () => {
  for (const [width, height] of [[200, 140], [420, 300], [900, 600]]) {
    const { panel, texts } = fakePanel(width, height, { makeTheme });
    draw(panel, frame(), { ...labels, said: ["what it does now, in many words, ".repeat(20)] }, { time: 0 });
    assert.ok(texts.every(({ x1 }) => x1 < width + 1.5));
  }
});

test("the moment that is shown; beyond the last one, the last", () => {
  for (const [time, words] of [[0, "time 0"], [3, "time 3"], [99, "time 4"]]) {
    const { panel, texts } = fakePanel(420, 300, { makeTheme });
    draw(panel, frame(), labels, { time });
    assert.ok(texts.some((one) => one.words === words));
  }
});

test("what is under the pointer is named, with its place now", () => {
  const { panel } = fakePanel(420, 300, { makeTheme });
  const { readout } = draw(panel, frame(), labels, { time: 3 });
  const { x, y } = layout(panel, [-2.2, 2.2, -0.1, 1.3], 12);
  assert.equal(readout(x(0.3), y(0.05)), "cart: at (0.30, 0.10)");
  assert.equal(readout(x(0.45), y(0.7)), "pole: from (0.30, 0.20) to (0.60, 1.20)");
  assert.equal(readout(x(0.6), y(1.2)), "tip: at (0.60, 1.20)");
  assert.match(readout(x(-1.5), y(0.8)), /^\(-1.5, 0.8\)$/);
  assert.equal(readout(-5, -5), null);
});

test("one scale for both axes, with all that was asked for inside", () => {
  for (const [width, height] of [[240, 160], [300, 600], [900, 300]]) {
    const { panel } = fakePanel(width, height, { makeTheme });
    const { box, x, y } = layout(panel, [-1, 1, 0, 3], 12);
    assert.ok(Math.abs(Math.abs(x(1) - x(0)) - Math.abs(y(1) - y(0))) < 1e-9);
    for (const [px, py] of [[-1, 0], [1, 3]]) {
      assert.ok(x(px) >= box.x - 1e-9 && x(px) <= box.x + box.width + 1e-9);
      assert.ok(y(py) >= box.y - 1e-9 && y(py) <= box.y + box.height + 1e-9);
    }
  }
});

test("the trail is drawn of what moves alone, and of few moments", () => {
  const count = (/** @type {any} */ options) => {
    const { panel, calls } = fakePanel(420, 300, { makeTheme });
    draw(panel, frame(), labels, options);
    return [calls.arc, calls.rect];
  };
  assert.deepEqual(count({ time: 4 }).map(Number), [1, 2]); // a rect is the clip
  assert.deepEqual(count({ time: 4, trail: true }).map(Number), [5, 6]);
  assert.deepEqual(trail(4), [0, 1, 2, 3, 4]);
  assert.deepEqual([trail(0), trail(499).length, trail(499).at(-1)], [[0], 8, 499]);
});

test("what is not finite sounds the alarm and is left out", () => {
  const { panel, texts, calls } = fakePanel(420, 300, { makeTheme });
  const lost = frameOf({ range: [-1, 1, -1, 1], shape0: [[[NaN, 0, 1]]], shape1: [[[0, 0], [1, 1]]] });
  const { readout } = draw(panel, lost, { shapes: [["circle", "train", 0, "hand"], ["line", "muted", 2, "arm"]] }, {});
  assert.ok(texts.some((one) => one.words === "1 shape not finite") && !calls.arc);
  assert.doesNotMatch(readout(200, 150) ?? "", /NaN/);
});

test("a panel without numbers says so", () => {
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  draw(panel, {}, {}, {});
  assert.deepEqual(texts.map((one) => one.words), ["nothing drawn yet"]);
});
