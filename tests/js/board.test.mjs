// The board's own mathematics; the rest of it is seen in tests/browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { over } from "../../nbprop/views/board/theme.js";
import { arrange, statusLine } from "../../nbprop/views/board/board.js";

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
