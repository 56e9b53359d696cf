/** The picture of a board that a saved notebook keeps: made here, of what is seen, and put into the notebook. */

const SETTLED = 1000; // ms of standing still before a picture is made
const EVERY = 10_000; // ms between two pictures while it plays
const PATIENCE = 1000; // ms in which panels that are out of sight are brought up to date; twice as long the next time
const TRIES = 4; // so often they are asked for, where a kernel is busy
const WIDTH = 1200; // pixels, at most
const LARGEST = 150_000; // characters: a notebook with half a dozen boards stays below a megabyte; else it is made smaller
const HEAD = 44; // characters of a PNG in base64 before its second chunk: there the tag goes, see shown.py
const LINE = 16; // pixels, of words

/** Words in lines that are no wider than that. @param {string} words  @param {number} width  @param {(words: string) => number} measure */
export function wrapped(words, width, measure) {
  const lines = [];
  for (const paragraph of words.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      const longer = line ? `${line} ${word}` : word;
      if (line && measure(longer) > width) [lines[lines.length], line] = [line, word];
      else line = longer;
    }
    lines.push(line);
  }
  return lines;
}

/**
 * The panels on one canvas, as they stand, and what they say below; null if nothing is to be seen.
 * @param {HTMLElement} main  @param {any} theme  @param {string} font  @param {string[]} words  @param {number} scale
 */
function drawn(main, theme, font, words, scale) {
  const canvas = document.createElement("canvas"), box = main.getBoundingClientRect();
  const ctx = canvas.getContext("2d", { alpha: false });
  const panels = [.../** @type {NodeListOf<HTMLElement>} */ (main.querySelectorAll(".nbprop-panel:not([hidden])"))];
  const bottom = Math.max(0, ...panels.map((panel) => panel.getBoundingClientRect().bottom - box.top));
  if (!ctx || !bottom || !box.width) return null;
  const small = `12px ${font}`, measure = (/** @type {string} */ text) => ctx.measureText(text).width;
  ctx.font = small;
  const lines = words.flatMap((each) => wrapped(each, box.width - 14, measure));
  canvas.width = Math.round(box.width * scale);
  canvas.height = Math.round((bottom + LINE * lines.length + 8) * scale);
  ctx.scale(scale, scale);
  ctx.textBaseline = "middle";
  const fill = (/** @type {string} */ color, /** @type {{x: number, y: number, width: number, height: number}} */ at) => {
    ctx.fillStyle = color;
    ctx.fillRect(at.x, at.y, at.width, at.height);
  };
  const write = (/** @type {string[]} */ text, /** @type {string} */ color, /** @type {number} */ x, /** @type {number} */ y) => {
    ctx.fillStyle = color;
    text.forEach((line, i) => ctx.fillText(line, x, y + LINE * (i + 0.5)));
  };
  const place = (/** @type {Element | null} */ element) => {
    const { left, top, width, height } = /** @type {Element} */ (element).getBoundingClientRect();
    return { x: left - box.left, y: top - box.top, width, height };
  };
  fill(theme.background, { x: 0, y: 0, width: box.width, height: canvas.height / scale });
  const status = /** @type {HTMLElement} */ (main.querySelector(".nbprop-status")), message = status.firstElementChild?.textContent ?? "";
  if (!status.hidden) {
    const at = place(status);
    fill(theme.foreground, at);
    ctx.font = `600 ${small}`;
    write(wrapped(message, at.width - 20, measure).slice(0, at.height / LINE), theme.background, at.x + 10, at.y + 6);
  }
  for (const panel of panels) {
    const at = place(panel), canvas = /** @type {HTMLCanvasElement} */ (panel.querySelector(".nbprop-canvas > canvas"));
    const to = place(panel.querySelector(".nbprop-canvas")), native = /** @type {HTMLElement | null} */ (panel.querySelector(".nbprop-native:not([hidden])"));
    ctx.strokeStyle = theme.grid;
    ctx.strokeRect(at.x + 0.5, at.y + 0.5, at.width - 1, at.height - 1);
    const own = /** @type {HTMLCanvasElement[]} */ ([...(native?.querySelectorAll("canvas[data-still]") ?? [])]);
    for (const each of own) {
      const { x, y, width, height } = place(each);
      ctx.drawImage(each, x, y, width, height);
    }
    if (native && !own.length) {
      ctx.font = small;
      const read = /** @type {HTMLElement[]} */ ([...native.children]).filter((each) => !each.matches(".nbprop-spoken")).map((each) => each.innerText);
      write(wrapped(read.join("\n").replace(/\n+/g, "\n").trim(), to.width - 24, measure).slice(0, to.height / LINE - 1), theme.foreground, to.x + 12, to.y + 6);
    } else if (!native && canvas.width && canvas.height) ctx.drawImage(canvas, to.x, to.y, to.width, to.height);
    const selects = /** @type {NodeListOf<HTMLSelectElement>} */ (panel.querySelectorAll("header select"));
    const title = [panel.querySelector(".nbprop-title")?.textContent, ...[...selects].map((each) => each.selectedOptions[0]?.text)];
    ctx.font = `600 ${small}`;
    write(wrapped(title.filter(Boolean).join(" · "), at.width - 14, measure).slice(0, Math.max(1, (to.y - at.y) / LINE)), theme.foreground, at.x + 7, at.y + 5);
    const error = /** @type {HTMLElement} */ (panel.querySelector(".nbprop-error"));
    if (!error.hidden) write(wrapped(error.textContent ?? "", to.width - 30, measure), theme.foreground, to.x + 15, to.y + 11);
  }
  ctx.font = small;
  write(lines, theme.muted, 7, bottom + 4);
  const pixels = ctx.getImageData(0, 0, canvas.width, canvas.height);
  coarsen(pixels.data);
  ctx.putImageData(pixels, 0, 0);
  return canvas;
}

/** 32 shades of each colour instead of 256: a third less in a PNG, and hardly to be seen. @param {Uint8ClampedArray} bytes */
export function coarsen(bytes) {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] & 0xf8) | (bytes[i] >> 5);
}

/**
 * Where a notebook has pictures with the tag: its lists of outputs, and places in these.
 * @param {any} manager  of widgets; that of JupyterLab knows its notebook  @param {string} tag
 * @returns {{outputs: any, i: number, output: any}[]}
 */
export function places(manager, tag) {
  const found = [];
  for (const { outputs } of manager?.context?.model?.cells ?? []) {
    for (let i = 0; i < (outputs?.length ?? 0); i++) {
      const output = outputs.get(i).toJSON(), png = output.data?.["image/png"] ?? "";
      if ((Array.isArray(png) ? png.join("") : png).includes(tag)) found.push({ outputs, i, output });
    }
  }
  return found;
}

/** Puts a picture there. @param {any} manager  @param {string} tag  @param {string} png  in base64  @param {string} words */
export function put(manager, tag, png, words) {
  for (const { outputs, i, output } of places(manager, tag)) outputs.set(i, { ...output, data: { "image/png": png, "text/plain": words } });
}

/** Has the notebook a picture of something else than what the words say? @param {any} manager  @param {string} tag  @param {string} words */
export function outdated(manager, tag, words) {
  return places(manager, tag).some(({ output }) => [output.data["text/plain"]].flat().join("") !== words);
}

/**
 * Keeps the picture in the notebook that of what there is to be seen. While a board is there, it is hidden.
 * @param {any} manager  of widgets  @param {string | undefined} tag  @param {HTMLElement} root
 * @param {() => {playing: boolean, news: string, whole: boolean, theme: any, font: string, words: string[]}} state
 *   `news` is another text whenever there is something new; `whole`: is every panel in sight, and so up to date?
 * @param {(wanted: boolean) => void} all  asks for what panels have that are out of sight
 */
export function makeStill(manager, tag, root, state, all) {
  let [of, last, since, at, asked, tries] = ["", "", 0, performance.now(), 0, 0];
  if (tag) {
    const style = document.createElement("style");
    style.textContent = `img[src*="${tag}"] { display: none !important; }`;
    root.append(style);
  }
  /** @param {{theme: any, font: string, words: string[]}} state  @param {number} scale */
  const make = ({ theme, font, words }, scale) =>
    drawn(/** @type {HTMLElement} */ (root.querySelector(".nbprop-main")), theme, font, words, scale)?.toBlob((blob) => {
      if (!blob) return;
      const reader = new FileReader();
      reader.onload = () => {
        const png = String(reader.result).split(",")[1];
        if (png.length > LARGEST && scale > 0.5) make({ theme, font, words }, Math.max(0.5, 0.8 * scale));
        else put(manager, /** @type {string} */ (tag), png.slice(0, HEAD) + tag + png.slice(HEAD), words.join("\n"));
      };
      reader.readAsDataURL(blob);
    }, "image/png");
  return {
    /** To be called often. @param {boolean} [now]  the page is about to go */
    look(now = false) {
      if (!tag || !manager?.context || (document.hidden && !now)) return;
      const { playing, news, whole, theme, words, font } = state(), time = performance.now();
      if (!theme || news === of) return;
      if (news !== last) [last, since, tries] = [news, time, 0];
      if (!now && !asked && (playing ? time - at < EVERY : time - since < SETTLED)) return;
      // A notebook that is opened again is not changed by that; where it has no such picture there is nothing to draw.
      const needed = of || now ? places(manager, tag).length > 0 : outdated(manager, tag, words.join("\n"));
      if (needed && !whole && !now && (!asked || time - asked < PATIENCE * 2 ** tries)) return void (asked ||= (all(true), time));
      if (asked) all(false);
      [at, asked] = [time, 0];
      const again = needed && !whole && !now && ++tries < TRIES; // the kernel was busy: once more, a little later
      if (again) since = time;
      else of = news;
      if (needed) make({ theme, font, words }, Math.min(1.5, devicePixelRatio || 1, WIDTH / root.clientWidth));
    },
  };
}
