// Where the answer to "What is this?" stands, and how controls are put into folds.
import assert from "node:assert/strict";
import { test } from "node:test";

import { placed } from "../../nbprop/views/board/about.js";
import { byGroup } from "../../nbprop/views/board/folds.js";

const VIEW = { width: 1280, height: 800 };
const SIZE = { width: 300, height: 150 };

test("the answer stands below the question mark, and above it where there is no room below", () => {
  assert.deepEqual(placed({ left: 100, top: 90, bottom: 106 }, SIZE, VIEW), { left: 100, top: 112 });
  assert.deepEqual(placed({ left: 100, top: 700, bottom: 716 }, SIZE, VIEW), { left: 100, top: 544 });
});

test("it is inside the window wherever the question mark is, in small windows too", () => {
  for (const [width, height] of [[1280, 800], [480, 800], [320, 240], [240, 160]]) {
    const size = { width: Math.min(300, width - 16), height: Math.min(150, height - 16) };
    for (let left = -50; left < width + 50; left += 37) {
      for (let top = -50; top < height + 50; top += 29) {
        const at = placed({ left, top, bottom: top + 16 }, size, { width, height });
        assert.ok(at.left >= 8 && at.left + size.width <= width - 8, `${left} in ${width}`);
        assert.ok(at.top >= 8 && at.top + size.height <= height - 8, `${top} in ${height}`);
      }
    }
  }
});

test("dials of a group are together, in the order in which they come", () => {
  const dials = ["a1", "b1", "a2", "c1", "b2"].map((name) => ({ name, label: name, group: name[0], element: /** @type {any} */ (null) }));
  const groups = [...byGroup(dials)].map(([group, members]) => [group, ...members.map((one) => one.name)]);
  assert.deepEqual(groups, [["a", "a1", "a2"], ["b", "b1", "b2"], ["c", "c1"]]);
});
