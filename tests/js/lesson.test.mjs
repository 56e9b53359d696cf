// Where a lesson opens: on the site, in Jupyter, and where that is not known.
import assert from "node:assert/strict";
import { test } from "node:test";

import { wayTo } from "../../nbprop/views/board/lesson.js";

const WHERE = { page: "05-vanishing-and-exploding", section: "What is left, after k steps?", beside: true };

test("on the site it is a page, at the section", () => {
  assert.deepEqual(wayTo({ ...WHERE, beside: false }, "/boards/a.html", "../"), { href: "../05-vanishing-and-exploding.html#what-is-left-after-k-steps" });
});

test("in Jupyter it is the notebook beside the one that is open", () => {
  const name = "05-vanishing-and-exploding.ipynb";
  for (const [pathname, path] of [
    ["/lab/tree/notebooks/00-playground.ipynb", `notebooks/${name}`],
    ["/user/a/lab/workspaces/auto-k/tree/my%20course/00-playground.ipynb", `my course/${name}`],
    ["/lab/tree/00-playground.ipynb", name],
    ["/notebooks/notebooks/00-playground.ipynb", `notebooks/${name}`],
  ]) {
    assert.deepEqual(wayTo(WHERE, pathname, undefined), { href: pathname.replace(/[^/]*$/, name), path });
  }
});

test("elsewhere there is no way: of another folder, another page, another program", () => {
  for (const pathname of ["/lab", "/lab/tree/notebooks", "/voila/render/00-playground.ipynb", "/run.html", "/index.html", ""]) assert.equal(wayTo(WHERE, pathname, undefined), null);
  assert.equal(wayTo({ ...WHERE, beside: false }, "/lab/tree/notebooks/00-playground.ipynb", undefined), null);
  assert.equal(wayTo(undefined, "/lab/tree/a.ipynb", "../"), null);
});
