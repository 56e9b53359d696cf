/**
 * The tools with which points are drawn in a picture, folded away behind a pencil in its corner: a bar of native
 * elements, and what pointer and keys do while one of them is in the hand.
 *
 * @typedef {import("../base/plot.js").Box} Box
 * @typedef {{box: Box, place: (mx: number, my: number) => number[], far: (row: ArrayLike<number>, mx: number, my: number) => number, spread: (share: number) => number[]}} Sheet  what a picture says of itself that can be drawn in
 */
import { cloud, Hand, near, overlaid, short } from "../base/hand.js";
import { keepKeys, make } from "./controls.js";

const TOOLS = /** @type {[string, string, string, string][]} */ ([
  ["look", "Look", "l", "a press chooses a point or place"],
  ["add", "Add", "a", "press, or press and drag; arrow keys and Enter do too"],
  ["move", "Move", "m", "drag a point; Enter takes it and lets it go"],
  ["class", "Change", "c", "press on points, or drag over them: they get this"],
  ["erase", "Erase", "e", "press on points, or drag over them"],
]);
const TIGHT = 420; // a narrower picture leaves little room
const REACH = 12; // pixels within which a point is meant
const COUNTS = [1, 5, 20, 50]; // points of one press
const APART = 14; // pixels between two of a stroke

/**
 * @param {{canvas: HTMLCanvasElement, title: string, act: (name: string, value: any) => void, repaint: () => void, sheet: () => Sheet | undefined, at: () => {x: number, y: number} | null}} panel
 */
export function makeTools(panel) {
  const { canvas, repaint } = panel;
  const hand = new Hand((message) => panel.act("hand", message), Math.random().toString(36).slice(2, 12));
  let [open, tool, count, size, held] = [false, "look", 1, 0.06, -1];
  /** @type {{x: number, y: number} | null} where the last points of a stroke are */
  let last = null;
  let told = /** @type {any} */ (null), rests = "", colors = /** @type {string[]} */ ([]), names = /** @type {string[]} */ ([]);
  let shown = /** @type {any} */ ({}), whole = /** @type {any} */ ({}), lost = false, part = "train", target = 0, offered = false;

  const pencil = /** @type {HTMLButtonElement} */ (make("button", "nbprop-pencil", new Text("✎")));
  pencil.type = "button";
  pencil.title = "Draw points (p)";
  pencil.setAttribute("aria-label", `${panel.title}: draw points`);
  pencil.onclick = () => fold(!open);
  const buttons = TOOLS.map(([name, label, key, words]) => {
    const button = /** @type {HTMLButtonElement} */ (make("button", "nbprop-button nbprop-tool", new Text(label)));
    button.type = "button";
    button.title = `${label}: ${words} (${key})`;
    button.setAttribute("aria-keyshortcuts", key);
    button.onclick = () => choose(name);
    return button;
  });
  const kinds = /** @type {HTMLSelectElement} */ (make("select", ""));
  kinds.onchange = () => ((target = kinds.selectedIndex), fresh());
  const value = /** @type {HTMLInputElement} */ (make("input", "nbprop-typed"));
  Object.assign(value, { type: "number", step: "any", value: "0" });
  const parts = select([["train", "train"], ["val", "validation"]], (chosen) => (part = chosen));
  const counts = select(COUNTS.map((n) => [String(n), n === 1 ? "1 point" : `${n} points`]), (chosen) => ((count = Number(chosen)), fresh()));
  const spread = /** @type {HTMLInputElement} */ (make("input", ""));
  Object.assign(spread, { type: "range", min: "0.01", max: "0.25", step: "0.01", value: String(size) });
  spread.oninput = () => ((size = spread.valueAsNumber), repaint());
  const labelled = (/** @type {string} */ words, /** @type {HTMLElement} */ element) => {
    element.setAttribute("aria-label", words); // where there is little room the words are not seen
    return make("label", "nbprop-option", make("span", "nbprop-word", new Text(words)), element);
  };
  const [ofClass, ofValue, ofPart, ofCount, ofSpread] = [["class", kinds], ["value", value], ["for", parts], ["a press", counts], ["spread", spread]].map(([words, element]) => labelled(/** @type {string} */ (words), /** @type {HTMLElement} */ (element)));
  const note = make("span", "nbprop-hint");
  note.setAttribute("role", "status");
  [kinds.title, value.title, parts.title, counts.title, spread.title] = ["Class of new and changed points", "Value of new and changed points", "Points to learn from, or to validate with", "How many points a press adds", "Standard deviation of what a press adds"];
  const bar = make("div", "nbprop-tools", make("span", "nbprop-kinds", ...buttons), ofClass, ofValue, ofPart, ofCount, ofSpread, note);
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", `${panel.title}: tools to draw points`);
  for (const element of [pencil, ...buttons, kinds, value, parts, counts, spread]) keepKeys(element);
  bar.hidden = pencil.hidden = true;

  /** @param {string[][]} choices  @param {(value: string) => void} chosen */
  function select(choices, chosen) {
    const element = /** @type {HTMLSelectElement} */ (make("select", ""));
    element.append(...choices.map(([name, words]) => new Option(words, name)));
    element.onchange = () => chosen(element.value);
    return element;
  }
  const why = () => (rests ? rests : told?.why ?? "");
  const drawing = () => open && tool !== "look" && !why();
  function fold(/** @type {boolean} */ wanted) {
    open = wanted;
    if (open && tool === "look") tool = "add";
    fresh();
  }
  function choose(/** @type {string} */ name) {
    letGo();
    tool = name;
    fresh();
  }
  const said = (/** @type {string} */ words) => void (note.textContent === words || (note.textContent = words));
  /** The bar as it stands. */
  function show() {
    if (pencil.hidden && open) (open = false), letGo();
    bar.hidden = !open;
    pencil.setAttribute("aria-expanded", String(open));
    TOOLS.forEach(([name], i) => {
      buttons[i].setAttribute("aria-pressed", String(name === tool));
      buttons[i].hidden = name === "class" && told?.by === "height"; // what is as high as its value is moved
    });
    const adds = tool === "add", gives = adds || tool === "class";
    [ofClass.hidden, ofValue.hidden] = [told?.by !== "class", told?.by !== "value"];
    // What does not count with this tool keeps its place, for the picture is not to jump.
    for (const [one, counts] of /** @type {[HTMLElement, boolean][]} */ ([[ofClass, gives], [ofValue, gives], [ofPart, adds], [ofCount, adds], [ofSpread, adds && count > 1]])) {
      one.style.visibility = counts ? "" : "hidden";
    }
    kinds.style.borderLeft = `0.7em solid ${colors[target] ?? "transparent"}`;
    canvas.style.touchAction = drawing() ? "none" : "";
    const [, , , words] = TOOLS.find(([name]) => name === tool) ?? TOOLS[0];
    const height = told?.by === "height" && adds ? `; its height is its value` : "";
    bar.classList.toggle("nbprop-tight", canvas.clientWidth < TIGHT);
    bar.classList.toggle("nbprop-quiet", !(why() || told?.said || lost));
    said(why() || told?.said || (lost ? "the kernel has not answered: what was drawn last may be lost" : words + height));
  }
  const fresh = () => (show(), repaint());

  // ---- what the hand does ------------------------------------------------------------------------------------------

  const now = () => performance.now();
  const given = () => (told?.by === "class" ? target : Number.isFinite(value.valueAsNumber) ? value.valueAsNumber : 0);
  const inside = (/** @type {Box} */ b, /** @type {{x: number, y: number}} */ p) => p.x >= b.x && p.x <= b.x + b.width && p.y >= b.y && p.y <= b.y + b.height;
  const meant = (/** @type {Sheet} */ sheet, /** @type {{x: number, y: number}} */ p) => near(shown, (row) => sheet.far(row, p.x, p.y), REACH);

  /** A gesture begins there. Returns whether there is something to go on with. @param {{x: number, y: number}} p */
  function begin(p) {
    const sheet = panel.sheet();
    if (!sheet || !drawing() || !inside(sheet.box, p)) return false;
    const [first = -1] = meant(sheet, p);
    if (tool === "move" && first < 0) return false;
    [held, last, lost] = [tool === "move" ? first : -1, null, false];
    hand.begin();
    if (tool !== "move") stroke(p);
    repaint();
    return true;
  }
  /** The gesture goes on there. @param {{x: number, y: number}} p */
  function stroke(p) {
    const sheet = panel.sheet();
    if (!hand.held || !sheet) return;
    const { box } = sheet;
    const at = { x: Math.min(Math.max(p.x, box.x), box.x + box.width), y: Math.min(Math.max(p.y, box.y), box.y + box.height) };
    if (tool === "move") hand.did(["move", held, sheet.place(at.x, at.y).map(short)], now());
    else if (tool === "add") {
      const apart = Math.max(APART, count > 1 ? size * box.width : 0);
      if (!inside(box, p) || (last && Math.hypot(p.x - last.x, p.y - last.y) < apart)) return;
      last = p;
      const points = cloud(count, sheet.place(p.x, p.y), sheet.spread(size));
      hand.did(["add", part, points.map((point) => (told.by === "height" ? point : [...point, given()]))], now());
    } else {
      const ids = meant(sheet, at);
      if (ids.length) hand.did(tool === "erase" ? ["erase", ids] : ["class", ids, given()], now());
    }
    repaint();
  }
  function letGo() {
    if (!hand.held) return;
    hand.end(now());
    held = -1;
    repaint();
  }
  const spot = (/** @type {PointerEvent} */ event) => ({ x: event.offsetX, y: event.offsetY });
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button || !begin(spot(event))) return;
    try {
      canvas.setPointerCapture(event.pointerId);
    } catch {
      // a pointer that is gone already
    }
    canvas.focus({ preventScroll: true });
    event.preventDefault();
  });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) canvas.addEventListener(name, (event) => event.isPrimary && letGo());
  canvas.addEventListener("blur", letGo);

  return {
    pencil,
    bar,
    hand,
    /** Is a tool in the hand that draws? */
    get drawing() {
      return drawing();
    },
    /** The pointer is there now. @param {{x: number, y: number} | null} p */
    at(p) {
      if (p) stroke(p);
      repaint();
    },
    /** What there is to say of a place for who cannot see it. @param {{x: number, y: number}} p */
    words(p) {
      const sheet = panel.sheet();
      if (!sheet || !inside(sheet.box, p)) return "outside";
      const place = sheet.place(p.x, p.y).map(short).join(", ");
      const count = meant(sheet, p).length;
      return `${place}${held >= 0 ? ", point in the hand" : count ? `, ${count === 1 ? "a point" : `${count} points`} here` : ""}`;
    },
    /** A key in the picture. Returns whether it was one of these. @param {string} key */
    key(key) {
      const known = TOOLS.findIndex(([, , own]) => own === key), place = panel.at();
      if (pencil.hidden) return false;
      if (key === "p") fold(!open);
      else if (!open) return false;
      else if (known >= 0 && !buttons[known].hidden) choose(TOOLS[known][0]);
      else if (drawing() && /^[1-9]$/.test(key) && told.by === "class" && Number(key) <= names.length) (target = kinds.selectedIndex = Number(key) - 1), fresh();
      else if (key === "Escape" && drawing()) hand.held ? (hand.drop(), (held = -1), fresh()) : choose("look");
      else if ((key === "Enter" || key === " ") && drawing() && place) {
        if (hand.held) letGo();
        else if (begin(place) && tool !== "move") letGo();
      } else return false;
      return true;
    },
    /** What the kernel says, before it is painted; the frame with what the hand has done beside. @param {any} frame  @param {any} labels  @param {any} theme  @param {string} resting */
    take(frame, labels, theme, resting) {
      [told, rests] = [labels.hand ?? null, resting];
      pencil.hidden = !told || Boolean(rests);
      if (told && hand.done(told.taken[hand.page] ?? -1, told.of, now())) lost = true;
      colors = labels.classes?.length === 2 ? [theme.negative, theme.positive] : (labels.classes ?? []).map((/** @type {string} */ _, /** @type {number} */ k) => theme.classes[k % theme.classes.length]);
      if (told && names.join("\n") !== labels.classes.join("\n")) {
        names = labels.classes;
        kinds.replaceChildren(...names.map((name, k) => new Option(k < 9 ? `${name} (${k + 1})` : name, String(k))));
        target = kinds.selectedIndex = Math.min(Math.max(target, 0), Math.max(names.length - 1, 0));
      }
      whole = hand.held && whole.range?.data.length === frame.range?.data.length ? { ...frame, range: whole.range } : frame; // the axes stay where they are under a hand
      shown = told ? overlaid(whole, hand.acts) : frame;
      if (told && !rests && !offered && !told.parts.some(Boolean)) [open, tool, offered] = [true, "add", true]; // there is nothing but to draw
      show();
      return shown;
    },
    /** What a picture shows of the hand: where, and how far it reaches. */
    ring() {
      const place = panel.at(), sheet = panel.sheet();
      if (!drawing() || !place) return null;
      const color = tool === "add" && told.by === "class" ? colors[target] : "";
      return { ...place, radius: tool === "add" ? (count > 1 && sheet ? Math.max(4, size * sheet.box.width) : 4) : REACH, color, held };
    },
  };
}
