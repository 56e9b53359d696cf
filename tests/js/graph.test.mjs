// The graph view: where boxes and edges go, and what its picture must keep to.
import assert from "node:assert/strict";
import { test } from "node:test";

import { wrap } from "../../nbprop/views/base/keys.js";
import { makeTheme } from "../../nbprop/views/base/plot.js";
import * as graph from "../../nbprop/views/graph.js";
import { fakePanel, frameOf, overlaps } from "./canvas.mjs";

const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));

/** `columns` layers of `rows` nodes each; every node takes the first two of the layer before. */
function grid(columns, rows, { folded = false } = {}) {
  const nodes = range(columns * rows, (i) => [Math.floor(i / rows) / Math.max(columns - 1, 1), rows > 1 ? (i % rows) / (rows - 1) : 0.5, 1]);
  if (folded) nodes.forEach((node, i) => i >= rows * Math.floor(columns / 2) && (node[2] = -1));
  const edges = [], routes = [];
  for (let i = rows; i < nodes.length; i++) {
    const first = Math.floor(i / rows) * rows - rows;
    for (const from of new Set([first, first + Math.min(1, rows - 1)])) {
      routes.push([edges.length, ...nodes[from]], [edges.length, ...nodes[i]]);
      edges.push([from, i, rows > 1 ? (from === first ? -0.17 : 0.17) : 0]);
    }
  }
  const frame = frameOf({
    nodes, routes, edges, grid: [columns, rows], active: [nodes.length - 1, 0],
    state: nodes.map((_, i) => i % 4), passed: edges.map((_, k) => k % 3),
  });
  const labels = {
    words: "dL/da += dL/db * db/da = 0.123 * (-4.56e-7) = -5.61e-8. It was 0.123 and is now 0.124. Too early: 2 of 3 parts of dL/db are still to come.",
    nodes: nodes.map((_, i) => ({ name: `h${i}`, symbol: i % 3 ? "tanh" : "cross_entropy", value: "-0.123", gradient: i % 2 ? "4×3, norm 1.2e-5" : "", tip: `h${i}\nvalue` })),
    edges: edges.map((_, k) => ({ text: k % 4 ? "-0.123" : "VJP", tip: `edge ${k}` })),
  };
  return [frame, labels];
}

const PICTURES = {
  "one product": grid(2, 2),
  "a net": grid(6, 5),
  "forty nodes": grid(8, 5),
  "a chain": grid(11, 1),
  "a narrow tower": grid(2, 12),
  "folded": grid(8, 3, { folded: true }),
};
const SIZES = [[240, 160], [300, 230], [420, 300], [700, 340], [900, 600]];

for (const [name, [frame, labels]] of Object.entries(PICTURES)) {
  test(`${name}: words stay inside and apart at any size, in both themes`, () => {
    for (const [width, height] of SIZES) {
      for (const dark of [false, true]) {
        const { panel, texts, depth } = fakePanel(width, height, { dark, ratio: 2, makeTheme });
        const { readout } = graph.draw(panel, frame, labels);
        assert.equal(depth(), 0);
        for (const { words, x0, x1, y0, y1 } of texts) {
          assert.ok(x0 > -1.5 && x1 < width + 1.5 && y0 > -1.5 && y1 < height + 1.5, `${width} x ${height}: "${words}" at ${[x0, y0, x1, y1]}`);
        }
        assert.deepEqual(overlaps(texts), [], `${width} x ${height}`);
        for (let x = 0; x < width; x += 31) {
          for (let y = 0; y < height; y += 29) assert.ok([null, "string"].includes(readout(x, y) === null ? null : typeof readout(x, y)));
        }
      }
    }
  });
}

test("in a panel of the usual size every node shows name, value and gradient, and the edges their derivatives", () => {
  const { panel, texts } = fakePanel(700, 340, { makeTheme });
  const [frame, labels] = PICTURES["a net"];
  graph.draw(panel, frame, labels);
  const words = texts.map((one) => one.words);
  for (const { name } of labels.nodes) assert.ok(words.includes(name), name);
  assert.equal(words.filter((w) => w === "-0.123").length >= labels.nodes.length, true);
  assert.ok(words.filter((w) => w === "VJP").length > 3);
  assert.ok(words[0].startsWith("dL/da += dL/db"));
  assert.ok(words.includes("local derivative (on the edge)"));
});

test("colours tell values, gradients and what is wrong apart", () => {
  const { panel, texts } = fakePanel(700, 340, { makeTheme });
  const [frame, labels] = PICTURES["one product"];
  labels.nodes[3].gradient = "12";
  graph.draw(panel, frame, labels); // node 3 is in state 3, wrong
  const color = (words, nth = 0) => texts.filter((one) => one.words === words)[nth].color;
  assert.equal(color("-0.123"), panel.theme.weights);
  assert.equal(color("12"), panel.theme.warning);
  assert.equal(color("h0"), panel.theme.foreground);
});

test("what is under the pointer: a box, an edge, nothing", () => {
  const { panel } = fakePanel(700, 340, { makeTheme });
  const [frame, labels] = PICTURES["one product"];
  const { readout } = graph.draw(panel, frame, labels);
  const { boxes } = graph.geometry(frame, 700, 340 - 38 - 20, 12);
  assert.equal(readout(boxes[0].x, boxes[0].y + 38), "h0\nvalue");
  assert.match(readout((boxes[0].x + boxes[2].x) / 2, boxes[0].y + 38), /^edge \d$/);
  assert.equal(readout(350, 339), null);
});

test("edges leave their box at one side and enter at the other, in one stroke", () => {
  for (const [frame] of Object.values(PICTURES)) {
    const { boxes, curves } = graph.geometry(frame, 700, 300, 12);
    curves.forEach((curve, k) => {
      const [from, to] = [0, 1].map((c) => frame.edges.data[3 * k + c]);
      assert.ok(Math.abs(Math.abs(curve[0][0] - boxes[from].x) - boxes[from].width / 2) < 1e-6);
      assert.ok(Math.abs(Math.abs(curve.at(-1)[6] - boxes[to].x) - boxes[to].width / 2) < 1e-6);
      assert.ok(Math.abs(curve.at(-1)[7] - boxes[to].y) <= boxes[to].height / 2);
    });
  }
});

test("a point on a curve; words in lines", () => {
  const line = [0, 0, 1, 0, 2, 0, 3, 0];
  assert.deepEqual(graph.at(line, 0), [0, 0]);
  assert.deepEqual(graph.at(line, 1), [3, 0]);
  assert.ok(Math.abs(graph.at(line, 0.5)[0] - 1.5) < 1e-12);
  const measure = (words) => words.length;
  assert.deepEqual(wrap("one two three four", 8, 3, measure), ["one two", "three", "four"]);
  assert.deepEqual(wrap("one two three four", 8, 2, measure), ["one two", "three four"]);
  assert.deepEqual(wrap("incomprehensible", 8, 2, measure), ["incomprehensible"]);
});

test("a panel without numbers says so", () => {
  const { panel, texts } = fakePanel(300, 230, { makeTheme });
  graph.draw(panel, {}, { words: "", nodes: [], edges: [] });
  assert.match(texts[0].words, /yet/);
});
