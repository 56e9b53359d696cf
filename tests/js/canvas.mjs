// A canvas that only takes notes: where text stands, what is drawn. Letters are as wide as those of a wide font.
import assert from "node:assert/strict";

/** Bounding boxes of texts, and names of the calls made. */
export function fakePanel(width, height, { dark = false, ratio = 1, makeTheme }) {
  let at = [ratio, 0, 0, ratio, 0, 0];
  const stack = [];
  const texts = [];
  const calls = {};
  const state = { font: "10px x", textAlign: "left", textBaseline: "middle", fillStyle: "", strokeStyle: "", lineWidth: 1 };
  const size = () => Number(/([\d.]+)px/.exec(state.font)[1]);
  const multiply = ([a, b, c, d, e, f]) => {
    const [p, q, r, s, t, u] = at;
    at = [p * a + r * b, q * a + s * b, p * c + r * d, q * c + s * d, p * e + r * f + t, q * e + s * f + u];
  };
  const point = (x, y) => [(at[0] * x + at[2] * y + at[4]) / ratio, (at[1] * x + at[3] * y + at[5]) / ratio];
  const methods = {
    save: () => stack.push([at, { ...state }]),
    restore() {
      const [old, kept] = stack.pop();
      at = old;
      Object.assign(state, kept);
    },
    translate: (x, y) => multiply([1, 0, 0, 1, x, y]),
    scale: (x, y) => multiply([x, 0, 0, y, 0, 0]),
    rotate: (r) => multiply([Math.cos(r), Math.sin(r), -Math.sin(r), Math.cos(r), 0, 0]),
    getTransform: () => ({ a: at[0] }),
    measureText: (words) => ({ width: 0.6 * size() * [...words].length }),
    createLinearGradient: () => ({ addColorStop() {} }),
    fillText(words, x, y) {
      const w = 0.6 * size() * [...words].length, h = 0.8 * size();
      const left = x - w * { left: 0, center: 0.5, right: 1 }[state.textAlign];
      const top = state.textBaseline === "top" ? y : y - h / 2;
      const corners = [point(left, top), point(left + w, top + h)];
      const [xs, ys] = [corners.map((p) => p[0]), corners.map((p) => p[1])];
      texts.push({ words, x0: Math.min(...xs), x1: Math.max(...xs), y0: Math.min(...ys), y1: Math.max(...ys), color: state.fillStyle });
    },
  };
  const finite = (name, numbers) => {
    if (numbers.some((n) => typeof n === "number" && !Number.isFinite(n))) throw new Error(`${name}(${numbers.join(", ")})`);
  };
  const ctx = new Proxy(state, {
    get(_, name) {
      if (name in state) return state[name];
      return (...args) => {
        calls[name] = (calls[name] ?? 0) + 1;
        finite(String(name), args);
        return methods[name]?.(...args);
      };
    },
  });
  return { panel: { ctx, width, height, theme: makeTheme(dark), font: "x" }, texts, calls, depth: () => stack.length };
}

/** What a browser has and Node.js has not. */
export function installOffscreen(makeTheme) {
  globalThis.ImageData ??= class {
    constructor(data, width, height) {
      if (data.length !== 4 * width * height) throw new Error(`ImageData: ${data.length} bytes for ${width} x ${height}`);
    }
  };
  globalThis.OffscreenCanvas ??= class {
    constructor(width, height) {
      Object.assign(this, { width, height });
    }
    getContext() {
      return fakePanel(this.width, this.height, { makeTheme }).panel.ctx;
    }
  };
}

/** Pairs of texts that cover each other by more than a pixel. */
export function overlaps(texts) {
  const pairs = [];
  texts.forEach((a, i) => {
    for (const b of texts.slice(0, i)) {
      const [w, h] = [Math.min(a.x1, b.x1) - Math.max(a.x0, b.x0), Math.min(a.y1, b.y1) - Math.max(a.y0, b.y0)];
      if (w > 1 && h > 1) pairs.push(`"${b.words}" and "${a.words}" at ${Math.round(a.x0)}, ${Math.round(a.y0)}`);
    }
  });
  return pairs;
}

export const SIZES = [[240, 160], [300, 230], [420, 300], [700, 450], [900, 600]];

/**
 * `draw(panel, dark)` at these sizes, in both themes: all words stay inside and apart (those in the colour of the
 * background lie on a mark), and wherever the pointer is, words are said, or nothing.
 */
export function assertLegible(makeTheme, draw, sizes = SIZES) {
  for (const [width, height] of sizes) {
    for (const dark of [false, true]) {
      const { panel, texts, depth } = fakePanel(width, height, { dark, ratio: 2, makeTheme });
      const { readout } = draw(panel, dark);
      assert.equal(depth(), 0, "as many restore() as save()");
      for (const { words, x0, x1, y0, y1 } of texts) {
        assert.ok(x0 > -1.5 && x1 < width + 1.5 && y0 > -1.5 && y1 < height + 1.5, `${width} x ${height}: "${words}" at ${[x0, y0, x1, y1]}`);
      }
      assert.deepEqual(overlaps(texts.filter((one) => one.color !== panel.theme.background)), [], `${width} x ${height}`);
      for (let x = 0; x < width; x += 13) {
        for (let y = 0; y < height; y += 11) {
          const said = readout(x, y);
          assert.ok(said === null || (said.length && !/undefined|null/.test(said)), `${x}, ${y}: ${said}`);
        }
      }
    }
  }
}

/** name -> nested lists, as a frame of Float32Arrays. */
export function frameOf(arrays) {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, value]) => {
      const shape = [];
      for (let v = value; Array.isArray(v); v = v[0]) shape.push(v.length);
      return [name, { data: Float32Array.from(value.flat(Infinity)), shape }];
    }),
  );
}
