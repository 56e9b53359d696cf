// Where a hand moves is told one at a time, the newest first; and what a press on a picture says.
import assert from "node:assert/strict";
import { test } from "node:test";

import { frameIt, linked } from "../../nbprop/views/base/linked.js";
import { makeTheme } from "../../nbprop/views/base/plot.js";
import { Hover, LOST } from "../../nbprop/views/board/hover.js";
import * as boundary from "../../nbprop/views/boundary.js";
import { fakePanel, frameOf, installOffscreen } from "./canvas.mjs";

installOffscreen(makeTheme);

test("one message is under way; of those that come meanwhile the newest is sent", () => {
  const sent = [], hover = new Hover((message) => sent.push(message));
  hover.over(2, ["over", [0, 0]]);
  hover.flush(0);
  for (let i = 1; i < 9; i++) {
    hover.over(2, ["over", [i, 0]]);
    hover.flush(10 * i);
  }
  assert.deepEqual(sent, [{ type: "hover", panel: 2, name: "over", value: [0, 0], number: 1 }]);
  assert.equal(hover.answered(1), true);
  hover.flush(100);
  assert.deepEqual(sent.slice(1), [{ type: "hover", panel: 2, name: "over", value: [8, 0], number: 2 }]);
  assert.equal(hover.answered(2), false);
});

test("a hand that rests says nothing twice", () => {
  const sent = [], hover = new Hover((message) => sent.push(message));
  for (let i = 0; i < 5; i++) {
    hover.over(0, ["over", [1, 1]]);
    hover.flush(i);
    hover.answered(1);
  }
  assert.equal(sent.length, 1);
});

test("an answer that is lost is waited for no longer than a second", () => {
  const sent = [], hover = new Hover((message) => sent.push(message));
  hover.over(0, ["over", [1]]);
  hover.flush(0);
  hover.over(0, ["over", null]); // it has gone
  hover.flush(LOST - 1);
  assert.equal(sent.length, 1);
  hover.flush(LOST);
  assert.equal(sent[1].value, null);
});

test("a press on a layer names it, on the chosen one lets go, beside all nothing", () => {
  const { panel, calls } = fakePanel(200, 100, { makeTheme });
  const boxes = [{ x: 0, y: 0, width: 200, height: 50 }, { x: 0, y: 50, width: 200, height: 50 }];
  const press = linked(panel, { chosen: { layer: "b" } }, ["a", "b"], boxes);
  assert.equal(calls.roundRect, 1);
  assert.deepEqual(press(10, 10), ["layer", "a"]);
  assert.deepEqual(press(10, 60), ["layer", null]);
  assert.equal(press(10, 120), null);
  linked(panel, { chosen: { layer: "gone" } }, ["a", "b"], boxes);
  assert.equal(calls.roundRect, 1);
  frameIt(panel, { x: 0, y: 0, width: 0, height: 0 });
});

function plane(width, height, aim = []) {
  const grid = Array.from({ length: 4 }, (_, r) => Array.from({ length: 4 }, (_, c) => (r + c) / 6));
  const frame = frameOf({ grid, extent: [-1, 1, -1, 1], range: [0, 1], train: [[0.5, 0.5, 1], [-0.5, -0.5, 0]], validation: [[0, 0.2, 1]], train_wrong: [], validation_wrong: [], aim });
  const { panel, calls } = fakePanel(width, height, { makeTheme });
  return { ...boundary.draw(panel, frame, { mode: "plane", task: "binary", classes: ["a", "b"], features: ["x", "y"], tested: "validation" }), calls };
}

test("moving over the plane says its coordinates, a press the point that is there, or the place", () => {
  for (const [width, height] of [[240, 200], [400, 330], [1900, 700]]) {
    const { hover, press, cursor } = plane(width, height);
    assert.equal(cursor, "crosshair");
    const at = (u, v) => {
      // Found by trying: where the coordinates are nearest to u, v.
      let best = null;
      for (let x = 0; x < width; x += 0.5) for (let y = 0; y < height; y += 4) {
        const said = hover(x, y);
        const far = said ? Math.hypot(said[1][0] - u, said[1][1] - v) : Infinity;
        if (!best || far < best.far) best = { far, x, y };
      }
      return [best.x, best.y];
    };
    assert.deepEqual(press(...at(0.5, 0.5)), ["sample", 0]);
    assert.deepEqual(press(...at(-0.5, -0.5)), ["sample", 1]);
    const [name, [u, v]] = press(...at(-0.5, 0.6));
    assert.ok(name === "point" && Math.abs(u + 0.5) < 0.1 && Math.abs(v - 0.6) < 0.1);
    assert.equal(hover(1, height - 1), null);
    assert.equal(press(1, height - 1), null);
  }
});

test("what is looked at is drawn, and nothing without", () => {
  const arcs = (aim) => plane(400, 330, aim).calls.arc;
  assert.equal(arcs([0.2, 0.3]), arcs([]) + 2);
  assert.equal(arcs([0.2, NaN]), arcs([]));
});
