// The network: where columns and units go, what there is room for, and what its picture must keep to.
import assert from "node:assert/strict";
import { test } from "node:test";

import { ABSENT, distance, fitColumns, fitRows, largestOf, layout, lines, nextNode, nodeAt } from "../../nbprop/views/base/columns.js";
import { makeTheme } from "../../nbprop/views/base/plot.js";
import { draw, step } from "../../nbprop/views/network.js";
import { fakePanel, frameOf, installOffscreen, overlaps } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));

test("columns that do not fit are left out in the middle, never the first, the last or the one that is held", () => {
  const all = range(10, () => false);
  assert.deepEqual(fitColumns(10, 1000, all), range(10));
  for (const width of [60, 120, 200, 290]) {
    const shown = fitColumns(10, width, all, 6);
    assert.equal(shown[0], 0);
    assert.equal(shown.at(-1), 9);
    assert.ok(shown.includes(6) && shown.length < 10, `${width}: ${shown}`);
  }
});

test("rows: all, or the first, the last, the one that is held and those that tell most", () => {
  const shares = [0, 5, 1, 9, 2, 7, 0];
  assert.deepEqual(fitRows(shares, 7), range(7));
  assert.deepEqual(fitRows(shares, 4), [0, 3, 5, 6]);
  assert.deepEqual(fitRows(shares, 4, 2), [0, 2, 3, 6]);
  assert.deepEqual(fitRows(shares, 1), [0]);
});

const column = (n, total = n, skipped = 0, large = false) => ({ units: range(n), shares: range(n), total, skipped, large });

test("all that is shown lies in the box, nothing over each other, and what is not is counted", () => {
  for (const [width, height] of [[200, 120], [320, 200], [640, 400], [1900, 900]]) {
    for (const columns of [[column(2), column(4), column(1)], [column(1, 1, 0, true), ...range(11, (i) => column(16, 64, i === 5 ? 188 : 0))]]) {
      const box = { x: 20, y: 30, width, height }, places = layout(columns, box);
      const sum = places.reduce((n, p) => n + p.skipped, 0), out = columns.reduce((n, c) => n + c.skipped, 0);
      assert.equal(sum, out + columns.length - places.length);
      for (const { nodes, more, column: c } of places) {
        assert.equal(nodes.length + more, columns[c].total);
        nodes.forEach((n, i) => {
          assert.ok(n.side >= 4 && n.x - n.side / 2 >= 19 && n.x + n.side / 2 <= 21 + width, `${width}: ${n.x}, ${n.side}`);
          assert.ok(n.y - n.side / 2 >= 29 && n.y + n.side / 2 <= 31 + height);
          if (i) assert.ok(n.y - nodes[i - 1].y >= n.side - 0.01);
        });
      }
      places.slice(1).forEach((p, i) => assert.ok(p.x - p.nodes[0].side / 2 > places[i].x + places[i].nodes[0].side / 2));
    }
  }
});

test("of the lines the largest are drawn, and all that are held; what is not finite first of all", () => {
  const node = (row) => ({ column: 0, row, unit: row, x: 0, y: row, side: 1 });
  const nodes = range(10, node), data = Float32Array.from(range(100, (i) => (i % 2 ? -i : i)));
  const numbers = { data, shape: [10, 10] };
  const { edges, largest, bad } = lines(numbers, nodes, nodes);
  assert.equal(edges.length, 30);
  assert.equal(largest, 99);
  assert.equal(bad, false);
  assert.deepEqual(edges.at(-1).value, -99);
  assert.ok(edges.every((e) => Math.abs(e.value) >= 70));
  const held = lines(numbers, nodes, nodes, (target) => target.row === 0).edges;
  assert.equal(held.filter((e) => e.target.row === 0).length, 10);
  data[3] = NaN;
  const ill = lines(numbers, nodes, nodes);
  assert.ok(ill.bad && ill.edges.length === 30 && Number.isNaN(ill.edges.at(-1).value));
  assert.deepEqual(lines({ data: new Float32Array(0), shape: [0, 0] }, nodes, nodes).edges, []);
});

test("what was not measured is no number", () => assert.equal(largestOf([ABSENT, 2, -3, NaN, Infinity]), 3));

test("the distance to a line, and what is at a place", () => {
  const [source, target] = [{ x: 0, y: 0, side: 0 }, { x: 10, y: 0, side: 0 }];
  assert.equal(distance({ source, target, value: 1 }, 5, 3), 3);
  assert.equal(distance({ source, target, value: 1 }, 12, 0), Infinity);
  assert.equal(nodeAt([{ x: 5, y: 5, side: 4 }], 6.5, 5).x, 5);
  assert.equal(nodeAt([{ x: 5, y: 5, side: 4 }], 9, 5), undefined);
});

test("arrow keys reach every unit, and every line of one", () => {
  const { nodes, edges, move } = picture(640, 400).shown;
  const seen = new Set();
  let at = move(null, [1, 0], false);
  for (let c = 0; c < 4; c++) {
    for (let i = 0; i < 20; i++) at = move(at, [0, -1], false);
    for (let i = 0; i < 20; i++) seen.add(at), (at = move(at, [0, 1], false));
    at = move(at, [1, 0], false);
  }
  assert.equal(seen.size, nodes.length);
  const target = nodes.find((n) => n.column === 2), own = edges.filter((e) => e.target === target), met = new Set();
  let on = { x: target.x, y: target.y };
  for (let i = 0; i < own.length; i++) met.add((on = move(on, [0, 1], true)));
  assert.equal(met.size, own.length);
  assert.equal(step([], [], { x: 1, y: 1 }, [0, 1], true).x, 1);
});

function labels(sizes, { classes = ["a", "b"], chosen, edges = "weight" } = {}) {
  const columns = sizes.map((units, k) => ({ name: k === 0 ? "input" : k === sizes.length - 1 ? "output" : `hidden ${k}`, layer: k ? "Linear" : `${units} inputs`, activation: k && k < sizes.length - 1 ? "tanh" : "identity", units, skipped: 0, ...(k ? { from: k - 1, around: null, through: [] } : {}) }));
  const marks = { unit: "a picture", more: "left out", lines: "lines", around: "an arc", loop: "a loop", chosen: "framed" };
  return { columns, features: range(sizes[0], (i) => `x${i + 1}`), classes, said: "", looked: "mean over the batch", edges, unmeasured: "no step yet", chosen, marks };
}

function frame(sizes, kind = 0, shown = (n) => Math.min(n, 16)) {
  const arrays = { kinds: sizes.map(() => kind) };
  sizes.forEach((units, k) => {
    const n = shown(units), side = kind === 6 ? 1 : 6;
    arrays[`maps${k}`] = range(n, (i) => range(side, (r) => range(side, (c) => Math.sin(i + r + c))));
    arrays[`numbers${k}`] = range(n, (i) => [i === n - 1 ? units - 1 : i, k ? 0.3 : ABSENT, k ? 0.01 * (i + 1) : ABSENT, k ? 1 / n : ABSENT, k ? 0.1 : ABSENT]);
    arrays[`edges${k}`] = k ? range(n, (i) => range(shown(sizes[k - 1]), (j) => Math.cos(3 * i + 5 * j + k))) : [[]];
  });
  return frameOf(arrays);
}

function picture(width, height, sizes = [2, 5, 4, 1], { dark = false, ratio = 1, pointer = null, kind = 0, change = (f, l) => [f, l], ...rest } = {}) {
  const { panel, texts, calls, depth } = fakePanel(width, height, { dark, ratio, makeTheme });
  const [f, l] = change(frame(sizes, kind), labels(sizes, rest));
  const shown = draw({ ...panel, pointer }, f, l);
  assert.equal(depth(), 0);
  return { shown, texts, calls };
}

test("at any size, light and dark, nothing is clipped and no words lie over each other", () => {
  for (const [width, height] of [[240, 200], [320, 260], [480, 300], [640, 420], [1280, 600], [1900, 900]]) {
    for (const sizes of [[2, 4, 1], [2, ...range(8, () => 16), 1], [64, 32, 16, 10], [784, 512, 256, 10]]) {
      for (const kind of [0, 6]) {
        const { texts } = picture(width, height, sizes, { kind, dark: width > 500, classes: sizes.at(-1) > 1 ? range(10, String) : ["a", "b"] });
        const where = `${width} x ${height}, ${sizes}`;
        for (const t of texts) assert.ok(t.x0 >= -1 && t.x1 <= width + 1 && t.y0 >= -1 && t.y1 <= height + 1, `${where}: "${t.words}" at ${t.x0}, ${t.y0}, ${t.x1}`);
        assert.deepEqual(overlaps(texts), [], where);
      }
    }
  }
});

test("a unit and a line say their numbers, and what is pointed at shows all its lines", () => {
  const { shown } = picture(640, 400), { nodes, edges } = shown;
  const unit = nodes.find((n) => n.column === 1 && n.row === 2);
  const said = shown.readout(unit.x, unit.y);
  for (const words of ["hidden 1, unit 2: tanh", "a = 0.3 (mean over the batch)", "mean |dL/dz| = 0.03", "bias = 0.1", "20 % of what its layer tells"]) assert.ok(said.includes(words), said);
  assert.ok(!shown.readout(nodes[0].x, nodes[0].y).includes("-3.4"));
  const line = edges[edges.length - 1], [mx, my] = [(line.source.x + line.target.x) / 2, (line.source.y + line.target.y) / 2];
  assert.match(shown.readout(mx, my) ?? "", /→ .*\nweight -?[\d.]+/);
  const all = picture(640, 400, [2, 16, 16, 1]).shown, busy = all.nodes.find((n) => n.column === 2);
  const before = all.edges.filter((e) => e.target.unit === busy.unit && e.target.column === 2).length;
  const over = picture(640, 400, [2, 16, 16, 1], { pointer: { x: busy.x, y: busy.y } }).shown;
  assert.ok(before < 16);
  assert.equal(over.edges.filter((e) => e.target.unit === busy.unit && e.target.column === 2).length, 16);
  assert.notEqual(all.follow(busy.x, busy.y), all.follow(1, 1));
});

test("a press chooses a unit or a line, also the one that is chosen; the input is no layer", () => {
  const { nodes, edges, press } = picture(640, 400).shown, unit = nodes.find((n) => n.column === 2 && n.row === 3);
  assert.deepEqual(press(unit.x, unit.y), ["unit", ["hidden 2", 3, null]]);
  const chosen = { layer: "hidden 2", unit: 3 };
  assert.deepEqual(picture(640, 400, [2, 5, 4, 1], { chosen }).shown.press(unit.x, unit.y), ["unit", ["hidden 2", 3, null]]);
  assert.equal(press(nodes[0].x, nodes[0].y), null);
  assert.equal(press(2, 2), null);
  const line = edges.at(-1), at = [(line.source.x + line.target.x) / 2, (line.source.y + line.target.y) / 2];
  const [, [, , source]] = press(...at);
  assert.equal(typeof source, "number");
});

test("NaN and infinity are loud in units and lines, and what was not measured is neither", () => {
  const ill = (value) => (f, l) => ((f.maps1.data[3] = f.edges2.data[1] = value), [f, l]);
  for (const value of [NaN, Infinity, -Infinity]) {
    const { texts } = picture(640, 400, [2, 5, 4, 1], { change: ill(value) });
    assert.equal(texts.filter((t) => t.words === "NaN").length, 2);
  }
  const none = picture(640, 400, [3, 5, 4, 1], { kind: 6, change: (f, l) => (f.maps1.data.fill(ABSENT), [f, l]) });
  assert.ok(!none.texts.some((t) => t.words === "NaN"));
});

test("layers that are left out, ways around and loops are drawn and explained", () => {
  const { shown, texts } = picture(900, 400, [2, 5, 5, 5, 1], {
    change: (f, l) => {
      l.columns[3] = { ...l.columns[3], skipped: 192, from: null };
      f.edges3 = { data: new Float32Array(0), shape: [0, 0] };
      l.columns[2].around = 0;
      l.columns[2].loop = true;
      return [f, l];
    },
  });
  assert.ok(texts.some((t) => t.words === "+ 192"));
  for (const words of ["an arc", "a loop", "left out"]) assert.ok(shown.keys.some((k) => k.words === words), words);
});

test("before there is anything it says why", () => {
  const { panel, texts } = fakePanel(300, 200, { makeTheme });
  draw(panel, {}, /** @type {any} */ ({ unmeasured: "no step yet" }));
  assert.equal(texts[0].words, "no step yet");
});

// ---------------------------------------------------------------------------------------------------------- in detail

import { drawDetail, nameOf, places as boxesOf, rowsOf } from "../../nbprop/views/base/detail.js";

const DETAIL = { layer: "hidden 2", activation: "tanh", unit: 3, kind: "Linear", source: 1, weight: null, window: [], several: 1, before: "hidden 1", names: [], numbers: [["weight", -0.12], ["dL/dw", 0.003], ["last update", -1e-4], ["mean of a", 0.5], ["mean of the pulls", 0.003]], of: "dL/dw", response: "what it responds to", note: "" };

function large(width, height, { weights = range(16, (i) => Math.sin(i) + 0.1), n = 24, pictures = 0, detail = {}, change = (f) => f, dark = false } = {}) {
  const pulls = range(n, (i) => i - n / 3), m = weights.length;
  const frame = frameOf({
    response: range(8, (i) => range(8, (j) => Math.sin(i * j))), extent: [-1, 1, -1, 1], sources: range(m), weights, gradient: weights.map((v) => v / 9), update: weights.map((v) => -v / 90),
    counts: range(30, (i) => i % 7), range: [-0.5, 0.9], pulls, order: range(n), targets: range(n, (i) => i % 2),
    points: pictures ? [[]] : range(n, (i) => [Math.cos(i), Math.sin(i)]), pictures: range(Math.max(pictures, 1), (k) => range(8, (i) => range(8, (j) => i + j + k))),
  });
  if (pictures) frame.points = { data: new Float32Array(0), shape: [0, 2] };
  else frame.pictures = { data: new Float32Array(0), shape: [0, 1, 1] };
  const { panel, texts, calls, depth } = fakePanel(width, height, { dark, makeTheme });
  const shown = drawDetail(panel, change(frame), { ...DETAIL, ...detail }, { response: "r", spread: "s", weights: "w", pulls: "p" }, ["a", "b"]);
  assert.equal(depth(), 0);
  return { shown, texts, calls };
}

test("in detail at any size nothing is clipped and no words lie over each other", () => {
  for (const [width, height] of [[240, 300], [360, 500], [480, 360], [640, 420], [1280, 600], [1900, 900]]) {
    for (const options of [{}, { pictures: 12 }, { weights: range(256, (i) => i / 99 - 1) }, { n: 0, detail: { note: "which samples pull is told of Linear layers" } }, { detail: { source: null } }]) {
      const { texts } = large(width, height, { ...options, dark: width < 500 });
      const where = `${width} x ${height}, ${JSON.stringify(options).slice(0, 60)}`;
      for (const t of texts) assert.ok(t.x0 >= -1 && t.x1 <= width + 1 && t.y0 >= -1 && t.y1 <= height + 1, `${where}: "${t.words}" at ${t.x0}, ${t.y0} to ${t.x1}, ${t.y1}`);
      assert.deepEqual(overlaps(texts), [], where);
    }
  }
});

test("in detail a press leads back, or chooses an edge; each thing says its numbers", () => {
  const { shown } = large(900, 500), { boxes } = boxesOf(900, 500, 12);
  assert.deepEqual(shown.press(10, 8), ["back", null]);
  assert.equal(shown.back, "back");
  const { x, y, width } = boxes.weights;
  assert.deepEqual(shown.press(x + width / 2, y + 3), ["unit", ["hidden 2", 3, 0]]);
  assert.match(shown.readout(x + width / 2, y + 3), /hidden 1, unit 0\nweight 0.1\ndL\/dw 0.0111\nlast update -0.00111/);
  assert.match(shown.readout(boxes.pulls.x + 2, boxes.pulls.y + boxes.pulls.height / 2), /sample of the last batch, at .*class a\nits gradient -8: pulls up/);
  assert.match(shown.readout(boxes.spread.x + 2, boxes.spread.y + 2), /from -0.5 to/);
  assert.match(shown.readout(boxes.response.x + 2, boxes.response.y + 2), /a = 0/);
});

test("in detail each weight of a filter has its own place", () => {
  const { boxes } = boxesOf(900, 500, 12), { x, y, width, height } = boxes.weights, rowOf = (k) => y + (k + 0.5) * Math.min(30, height / 18);
  const detail = { kind: "Conv2d", window: [3, 3], several: 9, source: 1, weight: 2 }, change = (f) => {
    f.sources.data = f.sources.data.map((_, i) => Math.floor(i / 9));
    f.parts = { data: Float32Array.from(f.sources.data, (_, i) => i % 9), shape: f.sources.shape };
    return f;
  };
  const { shown, texts } = large(900, 500, { weights: range(18, (i) => i + 1), detail, change }), press = (k) => shown.press(x + width / 2, rowOf(k));
  assert.deepEqual(press(4), ["unit", ["hidden 2", 3, 0, 4]]);
  assert.deepEqual(press(11), ["unit", ["hidden 2", 3, null]]);
  assert.match(shown.readout(x + width / 2, rowOf(16)), /^hidden 1, channel 1, row 2, column 1\nweight 17\n/);
  assert.ok(texts.some((t) => t.words === "1: 2, 1") && texts.some((t) => t.words.startsWith("hidden 1, channel 1, row 0, column 2 → hidden 2")));
  assert.equal(large(900, 500, { detail: { several: 0 } }).shown.press(x + width / 2, y + 3), null);
  assert.equal(nameOf({ ...DETAIL, before: "input", window: [5], several: 5 }, 0, 3), "input, channel 0, place 3");
});

test("the largest weights have a row, and the one that is chosen, and what is not finite", () => {
  assert.deepEqual(rowsOf([1, -5, 2, NaN, 0.1], 3), [1, 2, 3]);
  assert.deepEqual(rowsOf([1, -5, 2, NaN, 0.1], 3, 4), [1, 3, 4]);
  assert.deepEqual(rowsOf([1, 2], 3), [0, 1]);
  const ill = (f) => ((f.weights.data[2] = NaN), (f.pulls.data[0] = Infinity), (f.response.data[0] = NaN), f);
  const { texts } = large(900, 500, { change: ill });
  assert.deepEqual(texts.filter((t) => ["NaN", "not finite"].includes(t.words)).length, 3);
});
