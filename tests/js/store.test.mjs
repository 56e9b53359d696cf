// What the browser makes of the frames that it is sent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import { floats, Store, viewOf } from "../../nbprop/views/board/store.js";

const view = (numbers, shift = 0) => {
  const bytes = new Uint8Array(shift + 4 * numbers.length);
  bytes.set(new Uint8Array(Float32Array.from(numbers).buffer), shift);
  return new DataView(bytes.buffer, shift);
};
const whole = (panels, seq = 1) => ({ full: true, seq, panels });

test("numbers are read from bytes that start anywhere", () => {
  for (const shift of [0, 1, 2, 3, 5]) assert.deepEqual([...floats(view([1, 2.5, -3, 4], shift), 1, 2)], [2.5, -3]);
});

test("bytes come as a view, an array or a bare buffer, of this page or of another one", () => {
  const { buffer } = Float32Array.of(9, 1, 2.5);
  const elsewhere = runInNewContext("new ArrayBuffer(12)");
  new Uint8Array(elsewhere).set(new Uint8Array(buffer));
  for (const bytes of [new DataView(buffer, 4), new Uint8Array(buffer, 4), buffer.slice(4)]) assert.deepEqual([...floats(viewOf(bytes), 0, 2)], [1, 2.5]);
  assert.deepEqual([...floats(viewOf(elsewhere), 1, 2)], [1, 2.5]);
  assert.throws(() => viewOf(undefined), TypeError);
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
