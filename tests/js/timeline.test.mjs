// Where events stand on the time line, and which is the next.
import assert from "node:assert/strict";
import { test } from "node:test";

import { marksOf, nextEvent } from "../../nbprop/views/board/timeline.js";

const EVENTS = /** @type {[number, string][]} */ ([[10, "lr"], [10, "depth"], [50, "width"], [90, "clip"]]);

test("the next event and the one before", () => {
  assert.deepEqual([0, 10, 49, 50, 90].map((at) => nextEvent(EVENTS, at, 1)), [10, 50, 50, 90, null]);
  assert.deepEqual([0, 10, 49, 50, 100].map((at) => nextEvent(EVENTS, at, -1)), [null, null, 10, 10, 90]);
});

test("events at one place are one mark, those before what is left are none", () => {
  assert.deepEqual(marksOf(EVENTS, 0, 100), [
    { step: 10, share: 0.1, texts: ["lr", "depth"] },
    { step: 50, share: 0.5, texts: ["width"] },
    { step: 90, share: 0.9, texts: ["clip"] },
  ]);
  assert.deepEqual(marksOf(EVENTS, 40, 100).map(({ step }) => step), [50, 90]);
  assert.equal(marksOf(EVENTS, 0, 100000).length, 1);
  assert.deepEqual(marksOf([[0, "lr"]], 0, 0), [{ step: 0, share: 0, texts: ["lr"] }]);
});
