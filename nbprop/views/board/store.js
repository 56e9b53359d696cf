/** The frames of a board, read: the browser's end of what panel.py packs. */

/** The bytes of a message: some pages hand them on as a DataView, some as an array, some as they came. @param {any} bytes */
export const viewOf = (bytes) => (ArrayBuffer.isView(bytes) ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new DataView(bytes));

/** `length` float32 numbers of a message, copied: its bytes may start where no Float32Array can. @param {DataView} view */
export function floats(view, offset, length) {
  const start = view.byteOffset + 4 * offset;
  return new Float32Array(view.buffer.slice(start, start + 4 * length));
}

/** What the browser knows of each panel, brought up to date frame by frame. */
export class Store {
  /** @param {number} count of panels */
  constructor(count) {
    /** @type {{frame: Record<string, {data: Float32Array, shape: number[]}>, labels: any, options: any, told: number, text: string, error: string, heading: string, came: boolean}[]} */
    this.panels = Array.from({ length: count }, () => ({ frame: {}, labels: {}, options: {}, told: 0, text: "", error: "", heading: "", came: false }));
    this.seq = 0;
    this.whole = false; // has everything been sent since the last gap?
  }

  /**
   * Takes a frame in. Returns the panels it changes, or null when a frame before it is missing.
   * @param {any} head  @param {DataView} view
   */
  take(head, view) {
    if (!head.full && !(this.whole && head.seq === this.seq + 1)) {
      this.whole = false;
      return null;
    }
    this.whole = true;
    this.seq = head.seq ?? this.seq;
    const changed = [];
    for (const news of head.panels) {
      const panel = this.panels[news.i];
      if (!panel) continue;
      changed.push(news.i);
      panel.came = true;
      panel.error = news.error ?? "";
      if (news.arrays) {
        /** @type {typeof panel.frame} */
        const frame = {};
        for (const [name, offset, shape] of news.arrays) {
          if (shape === undefined) frame[name] = panel.frame[name];
          else frame[name] = { data: floats(view, offset, shape.reduce((a, b) => a * b, 1)), shape };
        }
        panel.frame = frame;
      }
      panel.labels = news.labels ?? panel.labels;
      panel.options = { ...panel.options, ...news.options };
      if (news.options) panel.told++; // how often the kernel has said what holds
      panel.text = news.text ?? panel.text;
      panel.heading = news.heading ?? panel.heading;
    }
    return changed;
  }
}
