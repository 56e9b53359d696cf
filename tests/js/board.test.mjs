// The board's own mathematics; the rest of it is seen in tests/browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { arrange, floats, over, statusLine, Store } from "../../nbprop/views/board.js";

const view = (numbers, shift = 0) => {
  const bytes = new Uint8Array(shift + 4 * numbers.length);
  bytes.set(new Uint8Array(Float32Array.from(numbers).buffer), shift);
  return new DataView(bytes.buffer, shift);
};
const whole = (panels, seq = 1) => ({ full: true, seq, panels });

test("four panels are two by two in 640 pixels and about 540 high", () => {
  const { columns, rows, row } = arrange(640, 4, null, null);
  assert.deepEqual([columns, rows], [2, 2]);
  assert.ok(rows * row + 8 > 500 && rows * row + 8 < 560, String(row));
});

test("a narrow cell gets one column, a wish for many columns fewer", () => {
  assert.equal(arrange(420, 4, null, null).columns, 1);
  assert.equal(arrange(700, 4, 4, null).columns, 2);
  assert.equal(arrange(1200, 4, 4, null).columns, 4);
  assert.equal(arrange(1200, 1, 3, null).columns, 1);
  assert.equal(arrange(0, 3, null, null).columns, 1);
});

test("a height is shared by the rows, but not when the columns had to be given up", () => {
  assert.equal(arrange(640, 4, null, 508).row, 250);
  assert.ok(arrange(400, 4, null, 508).row >= 210);
});

test("numbers are read from bytes that start anywhere", () => {
  for (const shift of [0, 1, 2, 3, 5]) assert.deepEqual([...floats(view([1, 2.5, -3, 4], shift), 1, 2)], [2.5, -3]);
});

test("a read array does not keep the message alive, nor change with it", () => {
  const message = view([1, 2]);
  const read = floats(message, 0, 1);
  message.setFloat32(0, 7, true);
  assert.equal(read[0], 1);
  assert.equal(read.buffer.byteLength, 4);
});

test("arrays and words that are not sent again stay", () => {
  const store = new Store(2);
  const first = { i: 0, arrays: [["x", 0, [2]], ["y", 2, [1, 2]]], labels: { a: "b" }, options: { log: true, kind: "z" }, text: "falls" };
  assert.deepEqual(store.take(whole([first]), view([1, 2, 3, 4])), [0]);
  const panel = store.panels[0];
  const { x } = panel.frame;
  assert.deepEqual(store.take({ seq: 2, panels: [{ i: 0, arrays: [["x"], ["y", 0, [1, 1]]], options: { log: false } }] }, view([9])), [0]);
  assert.equal(panel.frame.x, x);
  assert.deepEqual([...panel.frame.y.data], [9]);
  assert.deepEqual(panel.frame.y.shape, [1, 1]);
  assert.deepEqual([panel.labels, panel.options, panel.text], [{ a: "b" }, { log: false, kind: "z" }, "falls"]);
});

test("an array that is not named any more is gone, and an empty one has no numbers", () => {
  const store = new Store(1);
  store.take(whole([{ i: 0, arrays: [["x", 0, [1]], ["y", 1, [0]]] }]), view([1]));
  assert.equal(store.panels[0].frame.y.data.length, 0);
  store.take({ seq: 2, panels: [{ i: 0, arrays: [["y"]] }] }, view([]));
  assert.deepEqual(Object.keys(store.panels[0].frame), ["y"]);
});

test("nothing is taken before a whole frame, nor after a gap until the next one", () => {
  const store = new Store(1);
  const part = (seq) => ({ seq, panels: [{ i: 0, arrays: [["x", 0, [1]]] }] });
  assert.equal(store.take(part(1), view([1])), null);
  assert.deepEqual(store.take(whole(part(5).panels, 5), view([5])), [0]);
  assert.deepEqual(store.take(part(6), view([6])), [0]);
  assert.equal(store.take(part(8), view([8])), null);
  assert.equal(store.take(part(9), view([9])), null);
  assert.equal(store.panels[0].frame.x.data[0], 6);
  assert.deepEqual(store.take(whole(part(10).panels, 10), view([10])), [0]);
});

test("a panel that failed says so until it works again", () => {
  const store = new Store(1);
  store.take(whole([{ i: 0, error: "ValueError: no" }]), view([]));
  assert.equal(store.panels[0].error, "ValueError: no");
  store.take({ seq: 2, panels: [{ i: 0, arrays: [] }] }, view([]));
  assert.equal(store.panels[0].error, "");
});

test("translucent text becomes an opaque colour", () => {
  assert.equal(over("rgba(0, 0, 0, 0.5)", "rgb(255, 255, 255)"), "rgb(128, 128, 128)");
  assert.equal(over("rgb(1, 2, 3)", "rgb(255, 255, 255)"), "rgb(1, 2, 3)");
  assert.equal(over("rgba(0, 0, 0, 0)", "rgb(17, 18, 19)"), "rgb(17, 18, 19)");
});

test("the status line speaks only when something is wrong", () => {
  assert.equal(statusLine("playing", "all well", 3), "");
  assert.equal(statusLine("stopped", "the loss became NaN", 312), "Stopped after step 312. the loss became NaN");
  assert.match(statusLine("unseen", "", 40), /^Paused after step 40: nobody was watching\.$/);
});
