import assert from "node:assert/strict";
import { test } from "node:test";

import * as math from "../../nbprop/views/base/math.js";

const labels = (ticks) => ticks.map((tick) => tick.label);
const near = (a, b, tolerance = 1e-6) => assert.ok(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)), `${a} is not ${b}`);

test("numbers are short, and what is not finite is named", () => {
  const pairs = [[0.21349, "0.213"], [0, "0"], [-0, "0"], [12.34, "12.3"], [999.4, "999"], [1234.5, "1,235"], [654321, "654,321"], [1e6, "1e6"], [3.21e-5, "3.21e-5"],
    [3e-5, "3e-5"], [-0.0002, "-2e-4"], [1.5e10, "1.5e10"], [NaN, "NaN"], [Infinity, "inf"], [-Infinity, "-inf"], [100, "100"], [1e300, "1e300"]];
  for (const [x, words] of pairs) assert.equal(math.formatNumber(x), words);
  assert.equal(math.formatNumber(0.0456, 2), "0.046");
});

test("whole numbers in groups of three, shares in per cent, powers of ten as people write them", () => {
  assert.deepEqual([0, 12, 1234, 1234567].map(math.groups), ["0", "12", "1,234", "1,234,567"]);
  assert.deepEqual([0.931, 1, NaN].map(math.percent), ["93 %", "100 %", "NaN"]);
  assert.deepEqual([-12, -3, 0, 5, 38].map(math.power), ["10⁻¹²", "10⁻³", "10⁰", "10⁵", "10³⁸"]);
});

test("linear and log scales go there and back", () => {
  const linear = math.linearScale([0, 10], [100, 0]);
  assert.deepEqual([0, 5, 10].map(linear), [100, 50, 0]);
  near(linear.invert(25), 7.5);
  const log = math.logScale([1e-4, 1], [0, 80]);
  [1e-4, 1e-3, 1e-2, 1].forEach((v, i) => near(log(v), [0, 20, 40, 80][i]));
  near(log.invert(60), 0.1);
});

test("zero and negative numbers have no place on a log axis", () => {
  const log = math.logScale([1e-4, 1], [0, 80]);
  assert.ok([0, -1, NaN].every((v) => Number.isNaN(log(v))));
  assert.equal(log(Infinity), Infinity);
});

test("steps are 1, 2 or 5 times a power of ten, for any span", () => {
  for (let k = -30; k < 30; k++) {
    for (const m of [1, 1.7, 3.2, 6.8, 9.9]) {
      const span = m * 10 ** k;
      for (const count of [2, 5, 9]) {
        const step = math.niceStep(span, count);
        const mantissa = step / 10 ** Math.floor(Math.log10(step) + 1e-9);
        assert.ok([1, 2, 5].some((n) => Math.abs(mantissa - n) < 1e-6), `${mantissa} for ${span} / ${count}`);
        assert.ok(span / step <= count * 1.01 && span / step >= count / 2.6, `${span / step} pieces of ${count}`);
      }
    }
  }
});

test("linear ticks have just enough digits", () => {
  assert.deepEqual(labels(math.linearTicks([0, 1], 5)), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
  assert.deepEqual(labels(math.linearTicks([-1, 1], 2)), ["-1", "0", "1"]);
  assert.deepEqual(labels(math.linearTicks([0, 2003], 4)), ["0", "1,000", "2,000"]);
  assert.deepEqual(labels(math.linearTicks([0, 31000], 3)), ["0", "20k"]);
  assert.deepEqual(labels(math.linearTicks([0, 4e6], 4)), ["0", "1M", "2M", "3M", "4M"]);
  assert.deepEqual(labels(math.linearTicks([0, 4e-5], 4)), ["0", "1e-5", "2e-5", "3e-5", "4e-5"]);
});

test("ticks of an empty or endless axis do not hang", () => {
  assert.equal(math.linearTicks([3, 3], 5).length, 1);
  assert.equal(math.linearTicks([0, Infinity], 5).length, 1);
  assert.equal(math.linearTicks([0, 1e38], 5).length, 6);
});

test("log ticks are decades, fewer when there are many, and 1-2-5 within a decade", () => {
  assert.deepEqual(labels(math.logTicks([1e-4, 1e-1], 5)), ["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹"]);
  assert.deepEqual(labels(math.logTicks([1e-20, 1], 5)), ["10⁻²⁰", "10⁻¹⁵", "10⁻¹⁰", "10⁻⁵", "10⁰"]);
  assert.deepEqual(labels(math.logTicks([0.15, 1.3], 5)), ["0.2", "0.5", "1"]);
  assert.equal(math.logTicks([0.21, 0.24], 3).length > 1, true);
});

test("a domain is widened to whole steps, and one without width gets some", () => {
  const [low, high] = math.niceDomain([0, 0.73], 5);
  near(low, 0);
  near(high, 0.8);
  assert.deepEqual(math.niceDomain([2, 2], 5), [1.5, 2.5]);
});

test("labels are moved apart, keep their order and stay inside", () => {
  const placed = math.spread([50, 51, 10, 99], 12, 0, 100);
  assert.deepEqual([...placed].sort((a, b) => a - b), [placed[2], placed[0], placed[1], placed[3]]);
  const order = [...placed].sort((a, b) => a - b);
  for (let i = 1; i < order.length; i++) assert.ok(order[i] - order[i - 1] >= 12 - 1e-9);
  assert.ok(order[0] >= 0 && order.at(-1) <= 100);
  assert.deepEqual(math.spread([], 12, 0, 100), []);
  assert.deepEqual(math.spread([100, 100], 10, 0, 100), [90, 100]);
});

test("the record before a step is found by halving", () => {
  assert.deepEqual([-1, 0, 3, 10, 99].map((v) => math.indexBefore([0, 5, 10], v)), [-1, 0, 0, 2, 2]);
});

test("a row of a 2-D array is a view", () => {
  const numbers = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
  assert.deepEqual([...math.rowOf(numbers, 1)], [4, 5, 6]);
  assert.equal(math.rowOf(undefined, 1).length, 0);
});

test("refining a grid is linear in between and keeps the corners", () => {
  const plane = (x, y) => 2 * x - 3 * y + 1;
  const grid = Float32Array.from({ length: 12 }, (_, i) => plane(i % 4, Math.floor(i / 4)));
  const fine = math.refine(grid, 3, 4, 5);
  assert.deepEqual([fine.rows, fine.columns], [11, 16]);
  for (let r = 0; r < 11; r++) for (let c = 0; c < 16; c++) near(fine.data[r * 16 + c], plane(c / 5, r / 5), 1e-5);
});

test("one bad number in a grid spoils its neighbours only", () => {
  const grid = new Float32Array(25).fill(1);
  grid[12] = NaN;
  const { data } = math.refine(grid, 5, 5, 2);
  assert.ok(Number.isNaN(data[4 * 9 + 4]) && data[0] === 1 && data[80] === 1);
});

test("the contour of a cone is a circle", () => {
  const n = 21;
  const grid = Float32Array.from({ length: n * n }, (_, i) => Math.hypot((i % n) - 10, Math.floor(i / n) - 10));
  const cuts = math.contour(grid, n, n, 6);
  assert.ok(cuts.length >= 4 * 24 && cuts.length % 4 === 0);
  for (let i = 0; i < cuts.length; i += 2) near(Math.hypot(cuts[i] - 10, cuts[i + 1] - 10), 6, 0.02);
  let around = 0;
  for (let i = 0; i < cuts.length; i += 4) around += Math.hypot(cuts[i + 2] - cuts[i], cuts[i + 3] - cuts[i + 1]);
  near(around, 2 * Math.PI * 6, 0.02);
});

test("at a saddle the middle decides which corners belong together", () => {
  // Corners 3, -1 / -1, 3: the middle is 1, so the two high corners are joined and the low ones cut off.
  const cuts = math.contour([3, -1, -1, 3], 2, 2, 0);
  assert.equal(cuts.length, 8);
  const sides = [cuts.slice(0, 4), cuts.slice(4)].map(([x0, y0, x1, y1]) => (x0 + x1) / 2 - (y0 + y1) / 2);
  assert.ok(sides.every((side) => Math.abs(side) > 0.5), "each line cuts off the upper right or the lower left corner");
  const other = math.contour([1, -3, -3, 1], 2, 2, 0);
  const sums = [other.slice(0, 4), other.slice(4)].map(([x0, y0, x1, y1]) => (x0 + x1 + y0 + y1) / 2);
  assert.ok(Math.min(...sums) < 0.6 && Math.max(...sums) > 1.4, "each line cuts off the upper left or the lower right corner");
});

test("where a grid is flat or not finite there is no contour", () => {
  assert.deepEqual(math.contour(new Float32Array(9).fill(0.7), 3, 3, 0.5), []);
  assert.deepEqual(math.contour([0, 1, NaN, 1], 2, 2, 0.5), []);
});

test("segments of a contour are joined to lines that have all of them, once", () => {
  for (const f of [(r, c) => c - 15.3, (r, c) => Math.hypot(r - 15, c - 15) - 7.2, (r, c) => Math.sin(r / 3) * Math.cos(c / 4) - 0.1]) {
    const grid = Array.from({ length: 32 * 32 }, (_, i) => f(Math.floor(i / 32), i % 32));
    const segments = math.contour(grid, 32, 32, 0), lines = math.joined(segments);
    const edge = (a, b) => [a, b].map((p) => p.map((v) => v.toFixed(4)).join()).sort().join(" ");
    const all = [];
    for (let i = 0; i < segments.length; i += 4) all.push(edge(segments.slice(i, i + 2), segments.slice(i + 2, i + 4)));
    const found = lines.flatMap((line) => Array.from({ length: line.length / 2 - 1 }, (_, i) => edge(line.slice(2 * i, 2 * i + 2), line.slice(2 * i + 2, 2 * i + 4))));
    assert.deepEqual(found.sort(), all.sort());
    assert.ok(lines.length < 12 && all.length > 30, `${all.length} segments, ${lines.length} lines`);
  }
  assert.deepEqual(math.joined([]), []);
});
