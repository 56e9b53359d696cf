// The picture that a saved notebook keeps: where it is put.
import assert from "node:assert/strict";
import { test } from "node:test";

import { put } from "../../nbprop/views/board/still.js";

const TAG = "AAAAJ3RFWHQ";
/** A cell of a JupyterLab notebook, with these outputs. */
const cell = (...datas) => {
  const outputs = datas.map((data) => ({ output_type: "display_data", metadata: {}, data }));
  return { outputs: { length: outputs.length, get: (i) => ({ toJSON: () => outputs[i] }), set: (i, value) => (outputs[i] = value) }, all: outputs };
};
const manager = (...cells) => ({ context: { model: { cells } } });

test("a picture takes the place of the one with its tag, and of no other", () => {
  const words = {}, one = cell({ "text/html": "x" }, { "image/png": `aaa${TAG}bbb`, "text/plain": "Board(Loss)" }), other = cell({ "image/png": "aaabbb" });
  assert.equal(put(manager(words, other, one), TAG, `ccc${TAG}ddd`, "Loss 0.1"), true);
  assert.deepEqual(one.all[1], { output_type: "display_data", metadata: {}, data: { "image/png": `ccc${TAG}ddd`, "text/plain": "Loss 0.1" } });
  assert.deepEqual([one.all[0].data, other.all[0].data], [{ "text/html": "x" }, { "image/png": "aaabbb" }]);
});

test("a picture is found in lines, as a notebook's file has it", () => {
  const one = cell({ "image/png": [`aaa${TAG.slice(0, 5)}`, `${TAG.slice(5)}bbb`] });
  assert.equal(put(manager(one), TAG, "new", ""), true);
  assert.equal(one.all[0].data["image/png"], "new");
});

test("where there is no such notebook nothing is done", () => {
  for (const each of [undefined, {}, { context: {} }, manager(), manager(cell({ "text/plain": "1" }), { outputs: undefined })]) assert.equal(put(each, TAG, "new", ""), false);
});
