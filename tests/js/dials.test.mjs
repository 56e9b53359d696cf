// What a slider of the desk does with numbers, how fast a run is said to be, and what is said of a silent kernel.
import assert from "node:assert/strict";
import { test } from "node:test";

import { inFull, rangeOf, snapped, stepped } from "../../nbprop/views/board/dials.js";
import { Rate, rateWords } from "../../nbprop/views/board/desk.js";
import { ABSENT, BUSY, pulse } from "../../nbprop/views/board/pulse.js";

const LR = { low: 1e-5, high: 10, step: 0.05, log: true };
const DROPOUT = { low: 0, high: 0.95, step: 0.05 };
const STOPS = { stops: [1, 2, 4, 8, 16, 32, 64] };

test("a value is snapped to the grid, in digits that can be read", () => {
  assert.equal(snapped(LR, 0.00098), 0.001);
  assert.equal(snapped(LR, 0.0012), 0.00126);
  assert.equal(snapped(DROPOUT, 0.31), 0.3);
  assert.equal(snapped({ low: 1, high: 64, step: 1 }, 17.4), 17);
  for (let k = 0; k <= 20; k++) assert.equal(String(snapped(DROPOUT, 0.05 * k)).length <= 4, true);
});

test("a key goes one step on from the true value, on the grid or not", () => {
  assert.equal(stepped(LR, 5e-7, 1), 5.61e-7);
  assert.equal(stepped(LR, 0.001, -1), 0.000891);
  assert.equal(stepped(DROPOUT, 0.333, 1), 0.383);
  assert.deepEqual([stepped(LR, 0, 1), stepped(LR, 0, -1)], [1e-5, 0]); // 0 has no logarithm, and is left all the same
  assert.deepEqual([stepped(STOPS, 32, 1), stepped(STOPS, 48, 1), stepped(STOPS, 48, -1), stepped(STOPS, 64, 1)], [64, 64, 32, 64]);
  assert.deepEqual([stepped(STOPS, 1, -1), stepped(STOPS, 2, 10), stepped(STOPS, 77, -1)], [1, 64, 64]);
});

test("a range gives way to the value", () => {
  assert.deepEqual(rangeOf(LR, 5e-7), [5e-7, 10]);
  assert.deepEqual(rangeOf(LR, 300), [1e-5, 300]);
  assert.deepEqual(rangeOf(LR, 0), [1e-5, 10]); // which has no logarithm
  assert.deepEqual(rangeOf(DROPOUT, null), [0, 0.95]);
  assert.deepEqual(rangeOf(STOPS, 77), [1, 77]);
});

test("numbers are written in full, without what binary arithmetic adds", () => {
  assert.deepEqual([0.1 + 0.2, 5e-7, 12345, 0.0012345].map(inFull), ["0.3", "5e-7", "12345", "0.0012345"]);
});

test("a run of one step a second is not said to stand still", () => {
  const rate = new Rate();
  let now = 0;
  for (let step = 0; step < 6; step++, now += 1000) for (let k = 0; k < 5; k++) rate.at(step, now + 200 * k);
  assert.equal(Math.round(rate.at(6, now)), 1);
  assert.equal(rateWords(1), "1 step/s");
  assert.equal(rateWords(0.5), "0.5 steps/s");
  assert.equal(rateWords(12345), "12,345 steps/s");
  assert.ok(Number.isNaN(new Rate().at(5, 0)));
  assert.ok(Number.isNaN(rate.at(0, now)), "a new run begins to count anew");
});

test("a kernel that does not answer is spoken of, and one that does is not", () => {
  const well = { now: 10000, mounted: 0, heard: 9900, playing: true, looking: true, gone: false, step: 7 };
  assert.equal(pulse(well), "");
  assert.match(pulse({ ...well, heard: 10000 - BUSY - 1 }), /Waiting for your cell/);
  assert.equal(pulse({ ...well, heard: 10000 - BUSY - 1, playing: false }), "", "who is paused need not speak");
  assert.equal(pulse({ ...well, heard: 10000 - BUSY - 1, looking: false }), "", "nor who is not looked at");
  assert.match(pulse({ ...well, heard: 0, playing: false, now: ABSENT + 1 }), /No kernel answers.*step 7/);
  assert.equal(pulse({ ...well, heard: 0, now: ABSENT - 1 }), "");
  assert.match(pulse({ ...well, gone: true }), /restarted.*run the cell again/);
});
