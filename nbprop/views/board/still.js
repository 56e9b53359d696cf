/** The picture of a board that a saved notebook keeps: made here, of what is seen, and put into the notebook. */

const SETTLED = 1000; // ms of standing still before a picture is made
const EVERY = 10_000; // ms between two pictures while it plays
const HEAD = 44; // characters of a PNG in base64 before its second chunk: there the tag goes, see shown.py
const LINE = 16; // pixels, of the words below the panels

/** The beginning of some words, as far as there is room. @param {CanvasRenderingContext2D} ctx  @param {string} words  @param {number} width */
function cut(ctx, words, width) {
  if (ctx.measureText(words).width <= width) return words;
  let [low, high] = [0, words.length];
  while (low < high - 1) {
    const middle = (low + high) >> 1;
    if (ctx.measureText(words.slice(0, middle) + "…").width <= width) low = middle;
    else high = middle;
  }
  return words.slice(0, low) + "…";
}

/**
 * The panels on one canvas, as they stand, and what they say below; null if nothing is to be seen.
 * @param {HTMLElement} main  @param {any} theme  @param {string} font  @param {string[]} words
 */
export function drawn(main, theme, font, words) {
  const ratio = Math.min(devicePixelRatio || 1, 1.5), box = main.getBoundingClientRect();
  const panels = [...main.querySelectorAll(".nbprop-panel")].map((panel) => ({ panel, at: panel.getBoundingClientRect() }));
  const seen = panels.filter(({ at }) => at.width > 0);
  const height = Math.max(0, ...seen.map(({ at }) => at.bottom)) - box.top;
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round((height + LINE * words.length + 8) * ratio);
  const ctx = canvas.getContext("2d", { alpha: false });
  if (!ctx || !seen.length || !canvas.width) return null;
  ctx.scale(ratio, ratio);
  ctx.fillStyle = theme.background;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.textBaseline = "middle";
  for (const { panel, at } of seen) {
    const [x, y] = [at.left - box.left, at.top - box.top];
    ctx.strokeStyle = theme.grid;
    ctx.strokeRect(x + 0.5, y + 0.5, at.width - 1, at.height - 1);
    const chosen = [...panel.querySelectorAll("header select")].map((each) => /** @type {HTMLSelectElement} */ (each).selectedOptions[0]?.text);
    const picture = /** @type {HTMLCanvasElement} */ (panel.querySelector("canvas")), place = picture.getBoundingClientRect();
    if (picture.width) ctx.drawImage(picture, place.left - box.left, place.top - box.top, place.width, place.height);
    ctx.font = `600 12px ${font}`;
    ctx.fillStyle = theme.foreground;
    const title = [panel.querySelector(".nbprop-title")?.textContent, ...chosen].filter(Boolean).join(" · ");
    ctx.fillText(cut(ctx, title, at.width - 14), x + 7, y + 13);
  }
  ctx.font = `12px ${font}`;
  ctx.fillStyle = theme.muted;
  words.forEach((line, i) => ctx.fillText(cut(ctx, line, box.width - 14), 7, height + LINE * (i + 0.5) + 4));
  return canvas;
}

/**
 * Puts a picture in the place of the one with the tag, in the notebook that a widget manager of JupyterLab belongs to.
 * @param {any} manager  @param {string} tag  @param {string} png  in base64  @param {string} words
 * @returns {boolean} whether it was there
 */
export function put(manager, tag, png, words) {
  for (const cell of manager?.context?.model?.cells ?? []) {
    for (let i = 0; i < (cell.outputs?.length ?? 0); i++) {
      const output = cell.outputs.get(i).toJSON(), old = output.data?.["image/png"] ?? "";
      if (!(Array.isArray(old) ? old.join("") : old).includes(tag)) continue;
      cell.outputs.set(i, { ...output, data: { "image/png": png, "text/plain": words } });
      return true;
    }
  }
  return false;
}

/**
 * Keeps the picture in the notebook that of what is seen. While a board is there, it is hidden.
 * @param {any} manager  of widgets  @param {string | undefined} tag  @param {HTMLElement} root
 * @param {() => {seen: boolean, playing: boolean, painted: number, theme: any, font: string, words: string[]}} state
 */
export function makeStill(manager, tag, root, state) {
  let [of, last, since, at] = [-1, -1, 0, performance.now()];
  if (tag) {
    const style = document.createElement("style");
    style.textContent = `img[src*="${tag}"] { display: none !important; }`;
    root.append(style);
  }
  return {
    /** To be called often. @param {boolean} [now]  the page is about to go */
    look(now = false) {
      const { seen, playing, painted, theme, font, words } = state(), time = performance.now();
      if (!tag || !manager?.context || !theme || painted === of || !(seen || now)) return;
      if (painted !== last) [last, since] = [painted, time];
      if (!now && (playing ? time - at < EVERY : time - since < SETTLED)) return;
      [of, at] = [painted, time];
      const main = /** @type {HTMLElement} */ (root.querySelector(".nbprop-main"));
      drawn(main, theme, font, words)?.toBlob((blob) => {
        if (!blob) return;
        const reader = new FileReader();
        reader.onload = () => {
          const png = String(reader.result).split(",")[1];
          put(manager, tag, png.slice(0, HEAD) + tag + png.slice(HEAD), words.join("\n"));
        };
        reader.readAsDataURL(blob);
      }, "image/png");
    },
  };
}
