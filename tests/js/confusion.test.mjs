// The confusion table: where table and samples lie, where arrow keys lead, what a press says, what is read out.
import assert from "node:assert/strict";
import { test } from "node:test";

import { draw, nearest, split, tiles, worst } from "../../nbprop/views/confusion.js";
import { pixels } from "../../nbprop/views/base/pictures.js";
import { makeTheme } from "../../nbprop/views/base/plot.js";
import { fakePanel, frameOf, installOffscreen, overlaps } from "./canvas.mjs";

installOffscreen(makeTheme);
const range = (n, f = (i) => i) => Array.from({ length: n }, (_, i) => f(i));
const counts = (many) => range(many, (r) => range(many, (c) => (r === c ? 40 : (r + 2 * c) % 5 ? 0 : 1 + ((3 * r + c) % 7))));

function frameFor(many, { cell = [], own = [], listed = 0, inside = listed, pictures = true, held = -1, lost = 0 } = {}) {
  return frameOf({
    counts: counts(many), cell, own, inside: [inside], lost: [lost],
    samples: range(listed, (i) => 7 * i), sure: range(listed, () => 0.75), held: range(listed, (i) => Number(i === held)),
    pictures: pictures && listed ? range(listed, (i) => [range(8, (r) => range(8, (c) => (r * c * (i + 1)) % 7 / 7))]) : [],
  });
}
const labelsFor = (many, words = []) => ({
  classes: range(many, (k) => (many > 12 ? `class ${k}` : String(k))), tested: "validation", of: "validation", words, ghosts: [],
  marks: { tested: "tested", predicted: "predicted", true: "true", cell: "cell" },
});
const drawn = (width, height, frame, labels, options = {}) => {
  const fake = fakePanel(width, height, { ratio: 2, makeTheme });
  return { ...fake, picture: draw(fake.panel, frame, labels, options) };
};

test("words stay inside and apart at any size, number of classes and of samples", () => {
  for (const many of [2, 3, 10, 30]) {
    for (const [width, height] of [[240, 200], [460, 300], [300, 480], [1200, 600]]) {
      for (const listed of [0, 1, 24]) {
        for (const pictures of [true, false]) {
          const frame = frameFor(many, { cell: [1, 0], own: [1, 1], listed, inside: 30, pictures, held: 0 });
          const labels = labelsFor(many, pictures ? [] : range(listed, (i) => `sepal length ${i}.25, sepal width 3.5, petal length 1.4`));
          for (const shares of [false, true]) {
            const { texts, depth } = drawn(width, height, frame, labels, { shares });
            const where = `${many} classes, ${listed} samples at ${width} x ${height}`;
            assert.equal(depth(), 0);
            for (const { words, x0, x1, y0, y1 } of texts) assert.ok(x0 > -1.5 && x1 < width + 1.5 && y0 > -1.5 && y1 < height + 1.5, `${where}: "${words}"`);
            assert.deepEqual(overlaps(texts), [], where);
          }
        }
      }
    }
  }
});

test("counts, or shares of the row, stand in the cells", () => {
  const frame = frameFor(2), words = (shares) => drawn(460, 300, frame, labelsFor(2), { shares }).texts.map((t) => t.words);
  const row = Array.from(frame.counts.data.subarray(0, 2)), total = row[0] + row[1];
  assert.ok(words(false).includes("40"));
  assert.ok(words(true).includes(`${Math.round((100 * 40) / total)}%`) && !words(true).includes("40"));
});

test("a press on a cell says its row and column, on a sample its place in the list", () => {
  const { picture } = drawn(460, 300, frameFor(3, { cell: [2, 1], listed: 4 }), labelsFor(3));
  const { table, list } = split(460, 300, true);
  let [cells, samples] = [new Set(), new Set()];
  for (let x = 0; x < 460; x += 4) for (let y = 0; y < 300; y += 4) {
    const wanted = picture.press(x, y);
    if (!wanted) continue;
    const [name, value] = wanted;
    assert.ok(name === "cell" ? x < table.width : x >= list.x, `${name} at ${x}`);
    (name === "cell" ? cells : samples).add(String(value));
  }
  assert.deepEqual([cells.size, samples.size], [9, 4]);
  assert.equal(picture.back, "cell");
  assert.equal(drawn(460, 300, frameFor(3), labelsFor(3)).picture.back, "");
});

test("arrow keys go from cell to cell, over to the samples and back", () => {
  for (const [width, height] of [[460, 300], [300, 480]]) {
    const { picture } = drawn(width, height, frameFor(3, { cell: [2, 1], listed: 4 }), labelsFor(3));
    const [over, back] = width > height ? [[1, 0], [-1, 0]] : [[0, 1], [0, -1]];
    let at = picture.move(null, [1, 0]);
    assert.deepEqual(picture.press(at.x, at.y), ["cell", [2, 1]]);
    at = picture.move(at, [0, -1]);
    assert.deepEqual(picture.press(at.x, at.y), ["cell", [1, 1]]);
    for (let i = 0; i < 3; i++) at = picture.move(at, over);
    assert.equal(picture.press(at.x, at.y)[0], "sample");
    for (let i = 0; i < 5; i++) at = picture.move(at, back);
    assert.equal(picture.press(at.x, at.y)[0], "cell");
    for (const way of [[-1, 0], [0, -1]]) for (let i = 0; i < 9; i++) at = picture.move(at, way);
    assert.deepEqual(picture.press(at.x, at.y), ["cell", [0, 0]]);
  }
  const { picture } = drawn(460, 300, frameFor(3), labelsFor(3)), at = picture.move({ x: 1, y: 1 }, [1, 0]); // from beside the table
  assert.deepEqual(picture.press(at.x, at.y), ["cell", worst(counts(3).flat(), 3)]);
});

test("the worst mistake is the largest number off the diagonal", () => {
  assert.deepEqual(worst([9, 1, 3, 9], 2), [1, 0]);
  assert.deepEqual(worst([9, 0, 0, 9], 2), [0, 0]);
});

test("what is under the pointer is said: a cell, a class's recall and precision, a sample", () => {
  const frame = frameFor(2, { cell: [0, 1], listed: 2, held: 1 }), { picture } = drawn(460, 300, frame, labelsFor(2));
  frame.counts.data.set([8, 2, 0, 10]);
  const { picture: fresh } = drawn(460, 300, frame, labelsFor(2));
  const first = fresh.move(null, [1, 0]), right = fresh.move(first, [1, 0]), said = fresh.readout(first.x, first.y);
  assert.match(said, /^0 taken for 1\n2 of 10 \(20 %\)\npress it for the samples$/);
  assert.match(fresh.readout(right.x, right.y), /^validation sample 0\n0 taken for 1, 75 % sure\npress it to choose it/);
  const all = [];
  for (let x = 0; x < 300; x += 3) for (let y = 0; y < 300; y += 3) all.push(fresh.readout(x, y));
  assert.ok(all.includes("0\nrecall 80 % (8 of 10)") && all.includes("1\nprecision 83 % (10 of 12)"));
  assert.ok(picture);
});

test("outputs that are not finite are not overlooked", () => {
  const { texts } = drawn(460, 300, frameFor(3, { lost: 5 }), labelsFor(3));
  assert.ok(texts.some(({ words }) => words === "5 outputs not finite"));
});

test("table and samples share the room, beside or below each other", () => {
  for (const [width, height] of [[240, 200], [460, 300], [300, 480], [1900, 700]]) {
    const { table, list } = split(width, height, true);
    assert.ok(list.x ? list.x >= table.width && list.x + list.width <= width : list.y >= table.height && list.y + list.height <= height);
    assert.ok(list.width > 60 && list.height > 60);
    assert.deepEqual(split(width, height, false).table, width * height > 9e4 ? table : { x: 0, y: 0, width, height });
  }
});

test("tiles lie inside and beside each other, and nearest finds the one in a direction", () => {
  for (const count of [1, 5, 24]) {
    const box = { x: 10, y: 20, width: 200, height: 150 }, boxes = tiles(count, box, 1);
    assert.equal(boxes.length, count);
    for (const b of boxes) assert.ok(b.x >= 10 && b.x + b.width <= 210.01 && b.y >= 20 && b.y + b.height <= 170.01);
    if (count > 1) assert.equal(nearest(boxes, 0, 1, 0), 1);
    assert.equal(nearest(boxes, 0, -1, 0), -1);
  }
});

test("pictures are painted between background and ink, three channels in their colours, what is not finite loudly", () => {
  const { panel } = fakePanel(100, 100, { makeTheme });
  const [paper, ink, loud] = pixels(panel, [0, 1, NaN], 1);
  assert.equal(paper >>> 0, 0xffffffff);
  assert.notEqual(ink, paper);
  assert.equal(loud, pixels(panel, [NaN], 1)[0]);
  assert.deepEqual([...pixels(panel, [1, 0, 0, 1, 0, 0], 3)], [0xff0000ff, 0xff00ff00]);
});
