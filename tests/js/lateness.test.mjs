import assert from "node:assert/strict";
import { test } from "node:test";

import { APART, Lateness } from "../../nbprop/views/board/lateness.js";

/** Frames every 20 ms, one after the other: [age, numbers passed over before it]. Which are answered unasked? */
function answered(frames, clock = 0) {
  const lateness = new Lateness();
  let seq = 0;
  return frames.flatMap(([age, passed = 0], k) => ((seq += 1 + passed), lateness.answers(1e6 + 20 * k, age + clock, seq, k + 1, false) ? [k] : []));
}
const many = (count, ...frame) => Array.from({ length: count }, () => frame);

test("while frames are in time nothing is said, however far the browser is, and whatever its clock shows", () => {
  for (const clock of [0, 86_400_000, -86_400_000]) for (const age of [10, 300]) assert.deepEqual(answered(many(200, age), clock), []);
});

test("the first late frame is answered, and then some of those that follow, while it goes on", () => {
  const found = answered([...many(50, 30), ...many(50, 120)]);
  assert.equal(found[0], 50);
  assert.deepEqual([...new Set(found.slice(1).map((k, i) => 20 * (k - found[i])))], [20 * Math.ceil(APART / 20)]);
  assert.deepEqual(answered([...many(50, 30), ...many(50, 100)]), []); // not late enough
});

test("a way that has become longer is known after ten seconds", () => {
  const found = answered([...many(50, 30), ...many(1500, 200)]);
  assert.ok(found.at(-1) < 50 + 510 && found.at(-1) > 50 + 240);
});

test("frames that are passed over are told of", () => {
  const [first] = answered([...many(20, 10), ...many(40, 10, 1)]); // once it is a part of all since the last answer
  assert.ok(first > 20 && first < 40);
  assert.deepEqual(answered(many(200, 10).map((frame, k) => (k % 10 ? frame : [10, 1]))), []); // one in ten is none
});

test("what is asked is answered", () => {
  const lateness = new Lateness();
  assert.equal(lateness.answers(0, 10, 1, 1, true), true);
  assert.equal(lateness.answers(1, 10, 2, 2, true), true);
  assert.equal(lateness.answers(2, 10, 3, 3, false), false);
});
