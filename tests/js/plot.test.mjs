import assert from "node:assert/strict";
import { test } from "node:test";

import * as plot from "../../nbprop/views/base/plot.js";
import { fakePanel } from "./canvas.mjs";

const contrast = (a, b) => {
  const light = (color) => {
    const [r, g, b] = plot.rgb(color).map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  return Math.max(light(a) / light(b), light(b) / light(a));
};

test("colours are read as the page writes them", () => {
  assert.deepEqual(plot.rgb("#0f8"), [0, 255, 136]);
  assert.deepEqual(plot.rgb(" #0072b2 "), [0, 114, 178]);
  assert.deepEqual(plot.rgb("rgb(1, 2, 3)"), [1, 2, 3]);
  assert.deepEqual(plot.rgb("rgba(10 20 30 / 0.5)"), [10, 20, 30]);
  assert.deepEqual(plot.rgb("papayawhip"), [127, 127, 127]);
  assert.equal(plot.isDark("#111418"), true);
  assert.equal(plot.isDark("rgb(255, 255, 255)"), false);
});

test("both themes have the same colours, and the page may give its own", () => {
  const [light, dark] = [plot.makeTheme(false), plot.makeTheme(true)];
  assert.deepEqual(Object.keys(light), Object.keys(dark));
  assert.equal(plot.makeTheme(true, { background: "#222222" }).background, "#222222");
});

for (const dark of [false, true]) {
  test(`all words can be read on the ${dark ? "dark" : "light"} ground`, () => {
    const theme = plot.makeTheme(dark);
    for (const name of ["foreground", "muted", "train", "validation", "accuracy", "warning"]) {
      assert.ok(contrast(theme[name], theme.background) >= 3.7, `${name} ${contrast(theme[name], theme.background)}`);
    }
  });

  test(`points of both classes stand out from the ${dark ? "dark" : "light"} ground of either`, () => {
    const theme = plot.makeTheme(dark);
    for (const point of [theme.negative, theme.positive]) {
      for (const ground of [theme.diverging[0], theme.diverging.at(-1), theme.diverging[3]]) assert.ok(contrast(point, ground) > 1.6, `${point} on ${ground}`);
    }
  });
}

test("cividis rises evenly in lightness", () => {
  const steps = plot.CIVIDIS.map((color) => plot.luminance(plot.rgb(color)));
  for (let i = 1; i < steps.length; i++) assert.ok(steps[i] > steps[i - 1]);
});

test("the middle of the diverging map is the page's own lightness", () => {
  for (const dark of [false, true]) {
    const theme = plot.makeTheme(dark);
    const all = theme.diverging.map((color) => plot.luminance(plot.rgb(color)));
    assert.equal(all.indexOf(dark ? Math.min(...all) : Math.max(...all)), 3);
  }
});

test("a colour table runs from the first stop to the last", () => {
  const table = plot.colorTable(["#000000", "#ff0000", "#ffffff"]);
  assert.equal(table.length, 256);
  assert.deepEqual([table[0], table[255]], [plot.pixel([0, 0, 0]), plot.pixel([255, 255, 255])]);
  assert.equal(table[0], 0xff000000);
  assert.equal(plot.colorAt(["#000000", "#ffffff"], 2), "rgb(255, 255, 255)");
  assert.equal(plot.colorAt(["#000000", "#ffffff"], -1), "rgb(0, 0, 0)");
  assert.equal(plot.mix("#000000", "#ffffff", 0.5), "rgb(128, 128, 128)");
});

test("lines cover whole device pixels", () => {
  for (const ratio of [1, 1.25, 1.5, 2, 3]) {
    const { panel } = fakePanel(300, 200, { ratio, makeTheme: plot.makeTheme });
    for (const p of [0, 10.2, 33.333, 99.99]) {
      const width = Math.max(1, Math.round(ratio));
      const edge = plot.snap(panel.ctx, p) * ratio - width / 2;
      assert.ok(Math.abs(edge - Math.round(edge)) < 1e-9, `${p} at ${ratio}: ${edge}`);
      assert.ok(Math.abs(plot.snap(panel.ctx, p) - p) <= 1);
    }
  }
});

test("text that is too long ends in dots, and nothing is left of it when there is no room", () => {
  const { panel } = fakePanel(300, 200, { makeTheme: plot.makeTheme });
  assert.equal(plot.shorten(panel, "hidden 12", 300), "hidden 12");
  const short = plot.shorten(panel, "hidden 12", 40);
  assert.ok(short.endsWith("…") && plot.textWidth(panel, short) <= 40);
  assert.equal(plot.shorten(panel, "hidden 12", 3), "");
});

test("an alarm stays inside the panel", () => {
  for (const [x, y] of [[-50, -50], [1000, 1000], [150, 100]]) {
    const { panel, texts } = fakePanel(300, 200, { makeTheme: plot.makeTheme });
    plot.alarm(panel, "NaN", x, y);
    assert.ok(texts[0].x0 >= 0 && texts[0].x1 <= 300 && texts[0].y0 >= 0 && texts[0].y1 <= 200);
  }
});

test("a curve breaks where a number is missing, and a lone number is a dot", () => {
  const { panel, calls } = fakePanel(300, 200, { makeTheme: plot.makeTheme });
  plot.curve(panel, [0, 1, 2, 3, 4, 5, 6], [1, 1, NaN, 2, Infinity, 3, 3], "#000000");
  assert.deepEqual([calls.moveTo, calls.lineTo, calls.arc], [3, 2, 1]);
});
