/** Points that a hand draws: what is sent when, what is laid over the kernel's picture, clouds, what is meant. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cloud, Hand, near, overlaid, PATIENCE, short } from "../../nbprop/views/base/hand.js";
import { makeTheme } from "../../nbprop/views/base/plot.js";
import { draw } from "../../nbprop/views/boundary.js";
import { fakePanel, frameOf, installOffscreen } from "./canvas.mjs";

const numbers = (rows, width = 3) => ({ data: Float32Array.from(rows.flat()), shape: [rows.length, width] });
const frame = () => ({
  train: numbers([[0, 0, 0], [1, 0, 1], [2, 0, 0]]), train_id: { data: Float32Array.of(0, 1, 7), shape: [3] },
  validation: numbers([[0, 2, 1]]), validation_id: { data: Float32Array.of(3), shape: [1] },
  train_wrong: { data: Float32Array.of(1, 0, 0), shape: [3] }, grid: { data: Float32Array.of(1), shape: [1] },
});
function sender() {
  const sent = [], hand = new Hand((message) => sent.push(message), "p");
  hand.done(-1, 5, 0);
  return { sent, hand };
}

test("one message is on its way while the hand is at it, and the next has all that was done meanwhile", () => {
  const { sent, hand } = sender();
  hand.begin();
  hand.did(["add", "train", [[0, 0, 1]]], 0);
  for (let k = 1; k < 4; k++) hand.did(["add", "train", [[k, 0, 1]]], k);
  assert.equal(sent.length, 1);
  assert.deepEqual(sent[0], { page: "p", number: 1, of: 5, hand: 1, do: [["add", "train", [[0, 0, 1]]]] });
  assert.equal(hand.acts.length, 4); // all of them are shown
  hand.done(1, 5, 10);
  assert.equal(sent.length, 2);
  assert.equal(sent[1].do.length, 3);
  assert.equal(sent[1].hand, 1);
});

test("of a drag only the newest place counts, and what is let go of is sent at once", () => {
  const { sent, hand } = sender();
  hand.begin();
  for (let k = 0; k < 5; k++) hand.did(["move", 7, [k, k]], k);
  hand.end(9);
  assert.deepEqual(sent.map((each) => each.do), [[["move", 7, [0, 0]]], [["move", 7, [4, 4]]]]);
  hand.begin();
  hand.did(["erase", [7]], 10);
  hand.end(10);
  assert.deepEqual(sent.map((each) => each.hand), [1, 1, 2]);
});

test("what the hand has done is shown until the kernel has taken it, and not a moment longer", () => {
  const { hand } = sender();
  hand.begin();
  hand.did(["move", 7, [5, 5]], 0);
  hand.did(["move", 7, [6, 6]], 1);
  hand.done(0, 5, 2); // older news
  assert.equal(overlaid(frame(), hand.acts).train.data[6], 6);
  hand.end(3);
  hand.done(1, 5, 4);
  assert.equal(overlaid(frame(), hand.acts).train.data[6], 6);
  hand.done(2, 5, 5);
  const now = frame();
  assert.equal(overlaid(now, hand.acts), now);
});

test("acts on data that are no longer there are forgotten, and a kernel that says nothing is noticed", () => {
  const { sent, hand } = sender();
  hand.begin();
  hand.did(["erase", [1]], 0);
  assert.equal(hand.done(0, 6, 1), false);
  assert.equal(hand.acts.length, 0);
  hand.did(["erase", [2]], 2);
  assert.equal(hand.done(1, 6, 3 + PATIENCE), true);
  assert.equal(hand.acts.length, 0);
  assert.equal(sent.at(-1).of, 6);
  hand.did(["move", 1, [0, 0]], 3);
  hand.did(["move", 1, [1, 0]], 3);
  hand.drop();
  assert.ok(!hand.held && hand.acts.length === 1); // what is on its way cannot be taken back
});

test("acts are laid over a frame in their order, and the frame itself is left as it is", () => {
  const was = frame(), made = overlaid(was, [
    ["add", "train", [[9, 9, 1], [8, 8, 0]]], ["add", "val", [[4, 4, 1]]], ["class", [0, 3], 1], ["move", 3, [5, 6]], ["erase", [1]],
  ]);
  assert.deepEqual([...made.train.data], [0, 0, 1, 2, 0, 0, 9, 9, 1, 8, 8, 0]);
  assert.deepEqual([...made.train_id.data], [0, 7, -1, -1]);
  assert.deepEqual([...made.validation.data], [5, 6, 1, 4, 4, 1]);
  assert.deepEqual([made.train.shape, made.validation_id.shape, made.train_wrong.shape], [[4, 3], [2], [0]]);
  assert.deepEqual([...was.train.data], [0, 0, 0, 1, 0, 1, 2, 0, 0]);
  assert.equal(made.grid, was.grid);
});

test("a point moved along a line takes its value along where that is its height", () => {
  const line = { train: numbers([[0, 3]], 2), train_id: { data: Float32Array.of(0), shape: [1] }, validation: numbers([], 2), validation_id: { data: new Float32Array(0), shape: [0] } };
  assert.deepEqual([...overlaid(line, [["move", 0, [1, 2]]]).train.data], [1, 2]);
  assert.deepEqual([...overlaid(line, [["move", 0, [1]]]).train.data], [1, 3]);
});

test("a cloud has the spread that was asked for, and one point is exactly where the hand is", () => {
  assert.deepEqual(cloud(1, [0.123456, 2], [1, 1]), [[0.1235, 2]]);
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const points = cloud(4000, [3, -1], [0.5, 2], random);
  for (const [i, middle, spread] of [[0, 3, 0.5], [1, -1, 2]]) {
    const values = points.map((point) => point[i]), mean = values.reduce((a, b) => a + b) / 4000;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / 4000);
    assert.ok(Math.abs(mean - middle) < 0.06 * spread && Math.abs(deviation / spread - 1) < 0.05, `${mean} ${deviation}`);
  }
  assert.ok(points.flat().every((v) => Number.isFinite(v) && v === short(v)));
});

test("the nearest point is meant first, of both parts, and none that the kernel does not know yet", () => {
  const all = overlaid(frame(), [["add", "train", [[0.1, 0.9, 0]]]]);
  const far = (row) => Math.hypot(row[0] - 0.1, row[1] - 1.1);
  assert.deepEqual(near(all, far, 1.2), [3, 0]);
  assert.deepEqual(near(all, far, 0.5), []);
});

// ---- the picture ----

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const ground = (train) => frameOf({ grid: range(32, (r) => range(32, (c) => (r + c) / 62)), extent: [-2, 2, -1, 3], train, validation: [[0, 0, 1]], train_id: range(train.length), validation_id: [50], train_wrong: [], validation_wrong: [], range: [0, 1] });
const words = { mode: "plane", task: "binary", classes: ["A", "B"], features: ["x1", "x2"], tested: "validation", marks: {} };

for (const [width, height] of [[240, 160], [480, 400], [900, 600]]) {
  test(`a place under the hand is where its point is drawn, ${width} x ${height}`, () => {
    const { panel } = fakePanel(width, height, { makeTheme });
    const { sheet, readout } = draw(panel, ground([[0, 0, 0], [1.5, 2, 1]]), words);
    for (const place of [[0, 0], [1.5, 2], [-2, -1]]) {
      const at = [sheet.box.x + ((place[0] + 2) / 4) * sheet.box.width, sheet.box.y + ((3 - place[1]) / 4) * sheet.box.height];
      sheet.place(...at).forEach((v, i) => assert.ok(Math.abs(v - place[i]) < 1e-9));
      assert.ok(sheet.far(place, ...at) < 1e-9 && sheet.far(place, at[0] + 3, at[1] + 4) - 5 < 1e-9);
      assert.match(readout(...at), /x1/);
    }
    assert.deepEqual(sheet.spread(0.1), [0.4, 0.4]);
  });
}

test("what must be drawn first stands in the picture, and at what other inputs are held above it", () => {
  const empty = { ...ground([]), ...frameOf({ train: [], validation: [] }) };
  for (const name of ["train", "validation"]) empty[name] = { data: new Float32Array(0), shape: [0, 3] };
  const { panel, texts } = fakePanel(480, 400, { makeTheme });
  draw({ ...panel, ring: { x: 100, y: 100, radius: 12, color: "", held: 3 } }, empty, { ...words, lacks: "draw points of at least two classes", held: "other inputs at their mean" });
  const said = texts.map((each) => each.words);
  assert.ok(said.join(" ").includes("draw points of at least two classes") && said.includes("other inputs at their mean"), said.join("|"));
});

test("along a line of values the height of the hand is the value, and along one of classes it does not count", () => {
  const line = (target) => frameOf({ x: range(50, (i) => i / 49), y: range(50, (i) => [i / 49]), train: [[0.5, target]], validation: [[0.1, 0]], train_id: [0], validation_id: [1], train_wrong: [], validation_wrong: [], range: [0, 1] });
  const { panel } = fakePanel(480, 400, { makeTheme });
  const values = draw(panel, line(0.25), { ...words, mode: "curve", task: "regression", classes: [], features: ["x"] }).sheet;
  const [middle] = [values.box.x + values.box.width / 2];
  assert.equal(values.place(middle, 100).length, 2);
  assert.ok(Math.abs(values.place(middle, 100)[0] - 0.5) < 1e-9 && values.place(middle, 100)[1] > values.place(middle, 200)[1]);
  const classes = draw(panel, line(1), { ...words, mode: "curve", features: ["x"] }).sheet;
  const there = classes.box.x + classes.box.width / 2;
  assert.equal(classes.place(there, 100).length, 1);
  assert.ok(classes.far([0.5, 1], there, 390) < 1e-9);
});
