// The picture that a saved notebook keeps: where it is put.
import assert from "node:assert/strict";
import { test } from "node:test";

import { coarsen, outdated, put, wrapped } from "../../nbprop/views/board/still.js";

const TAG = "AAAAJ3RFWHQ";
/** A cell of a JupyterLab notebook, with these outputs. */
const cell = (...datas) => {
  const outputs = datas.map((data) => ({ output_type: "display_data", metadata: {}, data }));
  return { outputs: { length: outputs.length, get: (i) => ({ toJSON: () => outputs[i] }), set: (i, value) => (outputs[i] = value) }, all: outputs };
};
const manager = (...cells) => ({ context: { model: { cells } } });

test("a picture takes the place of each with its tag, and of no other", () => {
  const words = {}, one = cell({ "text/html": "x" }, { "image/png": `aaa${TAG}bbb`, "text/plain": "Board(Loss)" }), other = cell({ "image/png": "aaabbb" });
  const again = cell({ "image/png": `eee${TAG}` });
  const still = { output_type: "display_data", metadata: {}, data: { "image/png": `ccc${TAG}ddd`, "text/plain": "Loss 0.1" } };
  put(manager(words, other, one, again), TAG, `ccc${TAG}ddd`, "Loss 0.1");
  assert.deepEqual([one.all[1], again.all[0]], [still, still]);
  assert.deepEqual([one.all[0].data, other.all[0].data], [{ "text/html": "x" }, { "image/png": "aaabbb" }]);
});

test("a picture is found in lines, as a notebook's file has it", () => {
  const one = cell({ "image/png": [`aaa${TAG.slice(0, 5)}`, `${TAG.slice(5)}bbb`] });
  put(manager(one), TAG, "new", "");
  assert.equal(one.all[0].data["image/png"], "new");
});

test("where there is no such notebook nothing is done", () => {
  for (const each of [undefined, {}, { context: {} }, manager(), manager(cell({ "text/plain": "1" }), { outputs: undefined })]) {
    put(each, TAG, "new", "");
    assert.equal(outdated(each, TAG, "words"), false);
  }
});

test("a picture of what the words say is as it should be", () => {
  const one = cell({ "image/png": TAG, "text/plain": ["Loss 0.1\n", "after 3 steps"] });
  assert.deepEqual(["Loss 0.1\nafter 3 steps", "Loss 0.2"].map((words) => outdated(manager(one), TAG, words)), [false, true]);
});

test("words are wrapped where they would be too wide, and none is lost", () => {
  const measure = (words) => words.length;
  assert.deepEqual(wrapped("one two three\nfour", 7, measure), ["one two", "three", "four"]);
  assert.deepEqual(wrapped("unbreakable a", 5, measure), ["unbreakable", "a"]);
  assert.deepEqual(wrapped("", 5, measure), [""]);
  const text = "The norm of dL/dz falls by 5 orders of magnitude from output to hidden 1.";
  for (let width = 1; width < 90; width++) {
    const lines = wrapped(text, width, measure);
    assert.equal(lines.join(" "), text);
    assert.ok(lines.every((line) => line.length <= width || !line.includes(" ")));
  }
});

test("a picture with fewer shades is nearly the same, black stays black and white white", () => {
  const before = Uint8ClampedArray.from({ length: 256 }, (_, i) => i), after = before.slice();
  coarsen(after);
  assert.deepEqual([after[0], after[255], new Set(after).size], [0, 255, 32]);
  assert.ok(before.every((value, i) => Math.abs(value - after[i]) < 8));
});
