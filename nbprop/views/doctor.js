/** The findings of a run as cards of words and buttons. */
import { keepKeys, make } from "./board/controls.js";
import { tellLesson } from "./board/lesson.js";
import { formatNumber, groups } from "./base/math.js";
import { drawSmall, inWords, said } from "./base/small.js";

/**
 * @typedef {import("./base/plot.js").Panel} Panel
 * @typedef {Record<string, import("./base/math.js").Numbers>} Frame  see Doctor.frame
 * @typedef {{state: string, head: string, words: string, remedy: string, undo: string}} Verdict
 * @typedef {{rule: string, title: string, severity: string, sign: string, words: string, layers: string, evidence: string[], why: string, equation: string, lesson: string, where?: import("./board/lesson.js").Where, remedies: string[][], picture: any, verdict: Verdict | null}} Card
 * @typedef {{state: string, cards: Card[], looked: string[], skipped: string[][], failed: string[][], message: string, marks: Record<string, string>}} Labels
 */

const HELD = 1500; // ms for which a button that was pressed rests, should no answer come
const VERDICTS = { waiting: "…", helped: "✓", unchanged: "=", worse: "✗", unclear: "?", undone: "↶" };

/** @type {WeakMap<HTMLElement, Ward>} */
const WARDS = new WeakMap();

/** @param {Panel} panel  @param {Frame} frame  @param {Labels} labels */
export function draw(panel, frame, labels) {
  const place = /** @type {() => HTMLElement} */ (panel.native)();
  let ward = WARDS.get(place);
  if (!ward) WARDS.set(place, (ward = new Ward(place)));
  if (labels.cards) ward.show(panel, frame, labels);
}

/**
 * The order in which cards stand. While one is read all stay where they are, those that are gone too.
 * @param {string[]} there  @param {string[]} wanted  @param {boolean} reading
 */
export const arranged = (there, wanted, reading) => (reading ? [...there, ...wanted.filter((name) => !there.includes(name))] : wanted);

/**
 * What a screen reader is told: findings that are new, verdicts that have been given; "" for nothing.
 * @param {Map<string, {found: boolean, state: string}> | null} before  of each rule; null: it is the first look
 * @param {Card[]} cards  @param {(i: number) => boolean} found
 */
export function news(before, cards, found) {
  if (!before) return "";
  const words = cards.flatMap((card, i) => {
    const [was, verdict] = [before.get(card.rule), card.verdict];
    const fresh = found(i) && !was?.found ? [`New ${card.severity}: ${card.title}. ${card.words}`] : [];
    const judged = verdict && verdict.state !== was?.state ? [`${verdict.head}. ${verdict.words}`] : [];
    return [...fresh, ...judged];
  });
  return words.length || cards.length || !before.size ? words.join(" ") : "Nothing wrong is found any more.";
}

/**
 * Why buttons rest, a sentence each; one for all where it is the same.
 * @param {string[][]} remedies  words and hindrance of each  @param {string} rests  why all do, "" if they do not
 */
export function reasons(remedies, rests) {
  if (rests) return remedies.length ? [`The buttons rest: ${rests}.`] : [];
  const why = new Set(remedies.map(([, hindrance]) => hindrance));
  if (remedies.length > 1 && why.size === 1 && remedies[0][1]) return [`The buttons rest: ${remedies[0][1]}.`];
  return remedies.filter(([, hindrance]) => hindrance).map(([words, hindrance]) => `${words}: ${hindrance}.`);
}

/** Which numbers of a frame are the picture of a card. @param {Frame} frame  @param {number} i  @param {any} picture */
export const smallOf = (frame, i, picture) => ({
  ...picture,
  values: frame[`picture_${i}`]?.data ?? [],
  steps: frame[`steps_${i}`]?.data ?? [],
  limit: frame.limit.data[i],
});

/** @param {HTMLElement} element  @param {string} words */
const set = (element, words) => void (element.textContent === words || (element.textContent = words));

const capital = (/** @type {string} */ words) => words.slice(0, 1).toUpperCase() + words.slice(1);

/** As many elements as there are texts. @param {HTMLElement} place  @param {string[]} texts  @param {string} tag */
function list(place, texts, tag) {
  while (place.children.length > texts.length) place.lastChild?.remove();
  while (place.children.length < texts.length) place.append(make(tag, ""));
  texts.forEach((words, i) => set(/** @type {HTMLElement} */ (place.children[i]), words));
  place.hidden = !texts.length;
}

/** @param {string} words  @param {() => void} press */
function button(words, press) {
  const made = /** @type {HTMLButtonElement} */ (make("button", "nbprop-button", new Text(words)));
  made.type = "button";
  keepKeys(made);
  made.onclick = () => made.getAttribute("aria-disabled") === "true" || press();
  return made;
}

/** A button that rests can be reached all the same, for its reason. @param {HTMLElement} element  @param {string} why */
function rest(element, why) {
  element.setAttribute("aria-disabled", String(Boolean(why)));
  element.title = why;
}

/** @param {string} words  @param {Node[]} children */
function folded(words, ...children) {
  const summary = make("summary", "", new Text(words));
  keepKeys(summary);
  return /** @type {HTMLDetailsElement} */ (make("details", "nbprop-more", summary, ...children));
}

/** All that stands in the panel. */
class Ward {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.message = make("p", "nbprop-message");
    this.message.setAttribute("role", "alert");
    this.state = make("p", "nbprop-state");
    this.list = make("div", "nbprop-cards");
    this.failed = make("ul", "nbprop-failed");
    this.looked = make("p", "");
    this.unlooked = make("p", "", new Text("Not looked at:"));
    this.skipped = make("ul", "");
    this.marks = make("ul", "nbprop-explained");
    this.more = folded("What was looked at, and what words and signs mean", this.looked, this.unlooked, this.skipped, this.marks);
    this.more.firstElementChild?.addEventListener("click", () => (this.folded = true));
    this.folded = false; // has a hand opened or closed that?
    this.spoken = make("div", "nbprop-spoken");
    this.spoken.setAttribute("role", "status");
    place.append(this.message, this.state, this.list, this.failed, this.more, this.spoken);
    /** @type {Map<string, CardView>} */
    this.cards = new Map();
    /** @type {Map<string, {found: boolean, state: string}> | null} */
    this.before = null;
    this.chosen = false; // has a hand opened or closed a card?
    /** @type {[Panel, Frame, Labels] | null} */
    this.last = null;
    const left = () => setTimeout(() => this.last && !this.reading() && this.show(...this.last));
    place.addEventListener("pointerleave", left);
    place.addEventListener("focusout", left);
  }

  /** Is somebody reading here, or about to press? */
  reading() {
    return this.list.matches(":hover, :focus-within");
  }

  /** @param {Panel} panel  @param {Frame} frame  @param {Labels} labels */
  show(panel, frame, labels) {
    this.last = [panel, frame, labels];
    const found = (/** @type {number} */ i) => Boolean(frame.found.data[i]);
    set(this.message, labels.message);
    this.message.hidden = !labels.message;
    set(this.state, labels.state);
    this.state.hidden = !labels.state;
    const wanted = labels.cards.map((card) => card.rule), order = arranged([...this.cards.keys()], wanted, this.reading());
    for (const [rule, card] of this.cards) if (!order.includes(rule)) card.element.remove(), this.cards.delete(rule);
    const views = order.map((rule) => this.cards.get(rule) ?? new CardView(rule, () => (this.chosen = true), (words) => set(this.spoken, words)));
    views.forEach(({ element }, i) => this.list.children[i] === element || this.list.insertBefore(element, this.list.children[i] ?? null));
    this.cards = new Map(views.map((view) => [view.rule, view]));
    if (!this.chosen && views.length && !views.some(({ element }) => element.open)) views[0].element.open = true;
    for (const view of views) {
      const i = wanted.indexOf(view.rule);
      if (i < 0) view.gone();
      else view.show(panel, labels.cards[i], found(i), frame.since.data[i], labels.marks, labels.cards[i].picture && smallOf(frame, i, labels.cards[i].picture));
    }
    list(this.failed, labels.failed.map(([title, why]) => `${title} could not be looked for: ${why}`), "li");
    set(this.looked, labels.looked.length ? `Looked at: ${labels.looked.join(", ")}.` : "Nothing was looked at yet.");
    list(this.skipped, labels.skipped.map(([title, why]) => `${title}: ${why}.`), "li");
    this.unlooked.hidden = this.skipped.hidden;
    list(this.marks, Object.values(labels.marks), "li");
    if (!this.folded) this.more.open = !labels.cards.length && Boolean(labels.looked.length); // there is room, and it is what is to be said
    const words = news(this.before, labels.cards, found);
    if (words) set(this.spoken, words);
    this.before = new Map(labels.cards.map((card, i) => [card.rule, { found: found(i), state: card.verdict?.state ?? "" }]));
  }
}

/** One finding. */
class CardView {
  /** @param {string} rule  @param {() => void} chosen  a hand has opened or closed it  @param {(words: string) => void} speak */
  constructor(rule, chosen, speak) {
    this.rule = rule;
    this.speak = speak;
    this.sign = make("span", "nbprop-sign");
    this.word = make("span", "nbprop-severity");
    this.title = make("span", "nbprop-title");
    this.since = make("span", "nbprop-since");
    this.judged = make("span", "nbprop-judged");
    this.words = make("span", "nbprop-words");
    const summary = make("summary", "");
    summary.append(this.sign, " ", this.word, " ", this.title, " ", this.since, " ", this.judged, " ", this.words);
    keepKeys(summary);
    summary.addEventListener("click", chosen);
    this.verdict = make("p", "nbprop-verdict");
    this.undo = button("Undo", () => this.wants("undo", this.undone));
    this.treated = make("div", "nbprop-treated", this.verdict, this.undo);
    this.buttons = make("div", "nbprop-remedies");
    this.buttons.setAttribute("role", "group");
    this.buttons.setAttribute("aria-label", "What to do");
    this.reasons = make("ul", "nbprop-reasons");
    this.evidence = make("ul", "nbprop-evidence");
    this.canvas = /** @type {HTMLCanvasElement} */ (make("canvas", ""));
    this.caption = make("div", "nbprop-caption");
    this.figure = make("div", "nbprop-figure", this.canvas, this.caption);
    this.why = make("p", "");
    this.equation = make("p", "nbprop-equation");
    this.lesson = make("p", "");
    const body = make("div", "nbprop-body", this.treated, this.buttons, this.reasons, this.evidence, this.figure, folded("Why", this.why, this.equation, this.lesson));
    this.element = /** @type {HTMLDetailsElement} */ (make("details", "nbprop-card", summary, body));
    this.element.dataset.rule = rule;
    this.element.ontoggle = () => this.picture();
    this.undone = "";
    this.held = { until: 0, remedies: "" };
    this.chosen = -1; // the place in the picture that is read
    /** @type {(x: number) => number} */
    this.nearest = () => -1;
    /** @type {Panel | null} */
    this.panel = null;
    /** @type {import("./base/small.js").Small | null} */
    this.small = null;
    this.readable();
  }

  /** What a hand wants; until an answer comes no button does anything. @param {string} what  @param {string} words */
  wants(what, words) {
    this.held.until = performance.now() + HELD;
    for (const one of [...this.buttons.children, this.undo]) rest(/** @type {HTMLElement} */ (one), "just a moment");
    this.panel?.act?.(what, [this.rule, words]);
  }

  /** It is not found any more, but somebody is reading it. */
  gone() {
    this.element.classList.add("nbprop-gone");
    set(this.word, "Not found any more:");
    for (const one of this.buttons.children) rest(/** @type {HTMLElement} */ (one), "it is not found any more");
  }

  /** @param {Panel} panel  @param {Card} card  @param {boolean} found  @param {number} since  @param {Record<string, string>} marks  @param {any} small */
  show(panel, card, found, since, marks, small) {
    this.panel = panel;
    this.small = small;
    const { theme } = panel, { verdict } = card;
    const colors = { alarm: theme.warning, warning: theme.validation, hint: theme.train };
    const color = found ? colors[/** @type {"hint"} */ (card.severity)] : theme.muted;
    this.element.classList.toggle("nbprop-gone", !found);
    this.element.dataset.severity = found ? card.severity : "";
    this.element.style.borderLeftColor = this.sign.style.color = color;
    set(this.sign, found ? card.sign : "");
    set(this.word, found ? `${capital(card.severity)}:` : "");
    this.word.title = found ? marks[card.severity] : "";
    set(this.title, card.title);
    const where = [...(Number.isFinite(since) ? [`since step ${groups(since)}`] : []), ...(card.layers ? [`in ${card.layers}`] : [])];
    set(this.since, found ? where.join(", ") : "");
    set(this.words, found ? card.words : "");
    set(this.judged, verdict ? `${VERDICTS[/** @type {"helped"} */ (verdict.state)]} ${verdict.head}` : "");
    this.judged.dataset.state = verdict?.state ?? "";
    set(this.verdict, verdict?.words ?? "");
    this.treated.hidden = !verdict;
    this.undone = verdict?.remedy ?? "";
    const answered = JSON.stringify([card.remedies, verdict?.state, verdict?.undo]);
    if (answered !== this.held.remedies || performance.now() > this.held.until) this.held = { until: 0, remedies: answered };
    const moment = this.held.until ? "just a moment" : "";
    this.undo.hidden = !verdict || verdict.state === "undone";
    rest(this.undo, panel.rests || moment || verdict?.undo || "");
    this.undo.setAttribute("aria-label", `Undo: ${this.undone}`);
    this.offer(card.remedies, panel.rests || moment);
    const why = reasons(card.remedies, panel.rests ?? "");
    if (verdict?.undo && !this.undo.hidden && !panel.rests) why.push(`Undo: ${verdict.undo}.`);
    list(this.reasons, why, "li");
    list(this.evidence, card.evidence, "li");
    set(this.why, card.why);
    set(this.equation, card.equation);
    tellLesson(this.lesson, card.lesson, card.where);
    // Of what is gone the numbers are those of before: what came of the remedy says them.
    this.figure.hidden = !small || !found;
    for (const one of [this.buttons, this.reasons, this.evidence]) one.hidden ||= !found;
    this.picture();
  }

  /** A button for each remedy; they stay the same elements, so that none is lost under a finger. @param {string[][]} remedies  @param {string} rests */
  offer(remedies, rests) {
    const names = remedies.map(([words]) => words);
    const there = Array.from(this.buttons.children, (one) => one.textContent ?? "");
    if (JSON.stringify(names) !== JSON.stringify(there)) {
      const focused = there.indexOf(document.activeElement?.textContent ?? "");
      const inside = this.buttons.contains(document.activeElement);
      this.buttons.replaceChildren(...names.map((words) => button(words, () => this.wants("remedy", words))));
      if (inside) /** @type {HTMLElement | undefined} */ (this.buttons.children[Math.min(focused, names.length - 1)])?.focus();
    }
    remedies.forEach(([, hindrance], i) => rest(/** @type {HTMLElement} */ (this.buttons.children[i]), rests || hindrance));
    this.buttons.hidden = !names.length;
  }

  /** Draws the small picture, if it is to be seen. */
  picture() {
    const { panel, small, canvas } = this, [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!panel || !small || !width || !height) return;
    const ratio = globalThis.devicePixelRatio || 1, ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.fillStyle = panel.theme.background;
    ctx.fillRect(0, 0, width + 1, height + 1);
    this.nearest = drawSmall({ ctx, width, height, theme: panel.theme, font: panel.font }, small, this.chosen);
    canvas.setAttribute("aria-label", inWords(small));
    const limit = Number.isFinite(small.limit) ? `, dashed line: limit ${formatNumber(small.limit)}` : "";
    set(this.caption, this.chosen >= 0 && this.chosen < small.values.length ? said(small, this.chosen) : `${small.unit}${limit}`);
  }

  /** Pointer and arrow keys read the picture. */
  readable() {
    const { canvas } = this;
    canvas.setAttribute("role", "img");
    canvas.tabIndex = 0;
    keepKeys(canvas);
    const read = (/** @type {number} */ i) => ((this.chosen = i), this.picture());
    canvas.onpointermove = (event) => read(this.nearest(event.offsetX));
    canvas.onpointerleave = canvas.onblur = () => read(-1);
    canvas.onkeydown = (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key], count = this.small?.values.length ?? 0;
      if (!by || !count || !this.small || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      read(this.chosen < 0 ? (by > 0 ? 0 : count - 1) : Math.min(Math.max(this.chosen + by, 0), count - 1));
      this.speak(said(this.small, this.chosen));
    };
  }
}
