// A control and a kernel, with news on their way in both directions, in any order of events: what a hand lets go of is
// what the kernel takes, nothing passes it, and in the end both show the same.
import assert from "node:assert/strict";
import { test } from "node:test";

import { PATIENCE, Turns } from "../../nbprop/views/board/turns.js";

/** Random numbers, the same every time. @param {number} seed */
function dice(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A page and a kernel between which messages wait, in order, as long as a test likes. */
class World {
  constructor() {
    this.toKernel = [];
    this.toPage = [];
    this.kernel = { value: 0, taken: 0, log: [] };
    this.number = 0;
    this.shown = 0;
    this.news = 0;
    this.now = 0;
    this.turns = new Turns((value) => {
      this.toKernel.push([value, ++this.number]);
      return this.number;
    }, () => (this.shown = this.news));
  }
  kernelReads() {
    const next = this.toKernel.shift();
    if (!next) return;
    [this.kernel.value, this.kernel.taken] = next;
    this.kernel.log.push(next[0]);
    this.frame();
  }
  code(value) {
    this.kernel.value = value;
    this.frame();
  }
  frame() {
    this.toPage.push([this.kernel.value, this.kernel.taken]);
  }
  pageReads() {
    const next = this.toPage.shift();
    if (!next) return;
    this.news = next[0];
    this.turns.done(next[1], this.now);
    if (!this.turns.own) this.shown = this.news;
  }
  hand(value) {
    this.shown = value;
    this.turns.move(value, this.now);
  }
  settle() {
    while (this.toKernel.length || this.toPage.length) {
      this.kernelReads();
      this.pageReads();
    }
  }
}

test("whatever is on its way, the value let go of is the value taken, and nothing is written over a hand", () => {
  for (let seed = 0; seed < 3000; seed++) {
    const random = dice(seed), world = new World(), pick = (n) => Math.floor(n * random());
    let [down, last, coded, released] = [false, null, false, 0];
    for (let k = 0; k < 60; k++) {
      world.now += pick(40);
      const what = pick(8);
      if (what < 2) world.kernelReads();
      else if (what < 4) {
        const before = world.shown;
        world.pageReads();
        if (down) assert.equal(world.shown, before, `seed ${seed}: written over a hand`);
      } else if (what === 4 && !down) (down = true), world.turns.hold();
      else if (what === 5 && down) {
        world.turns.release(world.now);
        released++;
        down = false;
        coded = false;
      } else if (what === 6 && down) world.hand((last = 1 + pick(1000)));
      else if (what === 7 && random() < 0.2) world.code(-1 - pick(1000)), (coded = true);
      assert.ok(world.toKernel.length <= 1 + released, `seed ${seed}: a queue`); // one, and those let go of
    }
    if (down) world.turns.release(world.now), (coded = false);
    world.settle();
    assert.equal(world.shown, world.kernel.value, `seed ${seed}: control and kernel differ`);
    if (last !== null && !coded && world.kernel.value >= 0) assert.equal(world.kernel.value, last, `seed ${seed}`);
    const log = world.kernel.log;
    if (last !== null) assert.equal(log[log.length - 1], last, `seed ${seed}: the last turn taken is another`);
  }
});

test("a slow kernel gets the newest value, and no queue", () => {
  const world = new World();
  world.turns.hold();
  for (let value = 1; value <= 100; value++) world.hand(value);
  assert.deepEqual(world.toKernel.map(([value]) => value), [1]);
  world.turns.release(0);
  assert.deepEqual(world.toKernel.map(([value]) => value), [1, 100]);
  world.settle();
  assert.equal(world.shown, 100);
});

test("a key turns at once, however many are on their way", () => {
  const world = new World();
  for (const value of [1, 2, 3]) world.hand(value);
  assert.equal(world.toKernel.length, 3);
  world.kernelReads();
  world.pageReads(); // speaks of the first alone
  assert.equal(world.shown, 3);
});

test("a turn that is lost does not bind a control for ever", () => {
  const world = new World();
  world.hand(5);
  world.toKernel.length = 0; // the connection broke
  world.now = PATIENCE + 1;
  world.code(7);
  world.pageReads();
  assert.equal(world.shown, 7);
});

test("a value that the kernel refuses gives way to what stands", () => {
  const world = new World();
  world.hand(-3);
  const [[, number]] = world.toKernel.splice(0);
  world.kernel.taken = number;
  world.frame();
  world.pageReads();
  assert.equal(world.shown, 0);
});
