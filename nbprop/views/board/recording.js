/** A recording, read: the browser's end of what compact.py packs. */

const MAGIC = "nbprop\0";
const VERSION = 1;

/** @param {Uint8Array} bytes  packed by zlib, which notices whether they are whole */
async function unpack(bytes) {
  const stream = new Blob([/** @type {any} */ (bytes)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The arrays of a series, one after the other. @param {Uint8Array} bytes  @param {boolean} differences  @param {number[][]} shapes */
function arraysOf(bytes, differences, shapes) {
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  const count = sizes.reduce((a, b) => a + b, 0);
  if (bytes.length !== 4 * count) throw new Error(`expected ${count} numbers, got ${bytes.length / 4}`);
  const bits = new Uint32Array(count);
  const [low, high] = differences ? [count, 1] : [1, 4]; // how far apart the four bytes of a number are, and two numbers
  for (let i = 0; i < count; i++) {
    const at = high * i;
    bits[i] = bytes[at] | (bytes[at + low] << 8) | (bytes[at + 2 * low] << 16) | (bytes[at + 3 * low] << 24);
  }
  let start = 0;
  return shapes.map((shape, k) => {
    const size = sizes[k];
    if (differences && k && size === sizes[k - 1]) for (let i = start; i < start + size; i++) bits[i] += bits[i - size];
    start += size;
    return { data: new Float32Array(bits.buffer, 4 * (start - size), size), shape };
  });
}

/** @param {Uint8Array} bytes  @returns {Promise<Recording>}  an Error says what is wrong with them */
export async function read(bytes) {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("This browser is too old for it (Chrome and Edge 80, Firefox 113, Safari 16.4 or newer can show it).");
  }
  const start = MAGIC.length + 5;
  if (bytes.length < start || new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) !== MAGIC) {
    throw new Error("This is no recording, or only the beginning of one.");
  }
  if (bytes[MAGIC.length] !== VERSION) throw new Error("It was made by another version of nbprop than this page.");
  const end = start + new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length + 1, true);
  try {
    const index = JSON.parse(new TextDecoder().decode(await unpack(bytes.subarray(start, end))));
    let at = end;
    const series = index.series.map(async (/** @type {[number, boolean, number[][]]} */ [length, differences, shapes]) => {
      const part = bytes.subarray(at, (at += length));
      return arraysOf(await unpack(part), differences, shapes);
    });
    return new Recording(index, (await Promise.all(series)).flat());
  } catch (problem) {
    console.warn("[nbprop]", problem);
    throw new Error("It is damaged, or a part of it is missing.");
  }
}

/** What a board is to be told at any of its moments. */
export class Recording {
  constructor(index, arrays) {
    this.index = index;
    this.arrays = arrays;
    /** What was chosen of the options of each panel. @type {Record<string, any>[]} */
    this.chosen = index.panels.map(() => ({}));
    this.seq = 0;
  }

  /** The frame of a moment, as a board takes it. @param {number} moment */
  frame(moment) {
    const { panels, moments, words } = this.index;
    const parts = [];
    let length = 0;
    const entries = panels.map((/** @type {any[]} */ variants, /** @type {number} */ i) => {
      const chosen = this.chosen[i];
      const fits = (/** @type {any} */ { options }) => Object.keys(options).every((name) => options[name] === (chosen[name] ?? variants[0].options[name]));
      const [numbers, said] = (variants.find(fits) ?? variants[0]).frames[moment];
      const news = words[said];
      if (news.error) return { i, error: news.error };
      const arrays = Object.entries(numbers).map(([name, number]) => {
        const { data, shape } = this.arrays[number];
        parts.push(data);
        length += data.length;
        return [name, length - data.length, shape];
      });
      return { i, ...news, arrays, options: { ...news.options, ...chosen } };
    });
    const all = new Float32Array(length);
    let at = 0;
    for (const part of parts) all.set(part, (at += part.length) - part.length);
    const { step, status, message } = moments[moment];
    const head = { type: "frame", full: true, seq: ++this.seq, time: Date.now(), step, status, message, panels: entries };
    return { head, view: new DataView(all.buffer) };
  }
}
