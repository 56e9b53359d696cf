/** The board in the browser: takes frames, has panels painted, says what is in sight, what is painted and what is chosen. */
import { keepKeys, make } from "./controls.js";
import { makeDesk } from "./desk.js";
import { Hover } from "./hover.js";
import { Lateness } from "./lateness.js";
import { pulse } from "./pulse.js";
import { Store, viewOf } from "./store.js";
import { standIn } from "./standin.js";
import { makeStill } from "./still.js";
import { themeOf } from "./theme.js";
import { makeTimeline } from "./timeline.js";
import { HOLD, PanelView } from "./panel.js";

const GAP = 8; // between panels, CSS pixels
const NARROW = 240; // no panel beside another gets narrower than this
const FOLDED = 700; // a board narrower than this has its desk above the panels, folded
const DESK = 560; // as high as a desk: panels beside one are not lower
const LEAST = 250; // nor is a row of them
const TALL = 320; // one that has much to say has two rows where a row is less
const ROW = 380; // panels are not higher, unless the window is
const CALM = 1000; // ms between two pictures for whoever wants less motion
const PROBE = 5000; // ms between two attempts to find out whether there still is a way to a kernel that is silent
const SETTLED = 250; // ms until a notebook has gone on to its next cell
const WAITING = 2; // frames that may wait to be painted one by one; older ones are taken in unpainted
const LOUD = ["stopped", "unseen"];
const NO_NUMBERS = "Nothing can be drawn: this page does not hand on the numbers (binary buffers) that come with a kernel's messages.";

/**
 * Columns and row height of `count` panels in a cell of that width. 2 x 2 in 640 pixels are about 540 high.
 * @param {number} width  @param {number} count  @param {number | null} columns  @param {number | null} height  of all rows
 * @param {number} most  of a row whose height is not given
 * @param {(columns: number) => number} rowsWith  how many rows there are with so many columns
 */
export function arrange(width, count, columns, height, most = ROW, rowsWith = (/** @type {number} */ n) => Math.ceil(count / n)) {
  const wanted = Math.min(columns || Math.ceil(Math.sqrt(count)), count);
  const n = Math.max(1, Math.min(wanted, Math.floor((width + GAP) / (NARROW + GAP))));
  const rows = rowsWith(n);
  const each = (width - GAP * (n - 1)) / n;
  // A height that was meant for several columns would squeeze the rows of one.
  const row = height && n === wanted ? (height - GAP * (rows - 1)) / rows : Math.min(most, Math.max(210, 0.84 * each));
  return { columns: n, rows, row: Math.max(120, Math.floor(row)) };
}

/** How many rows panels take, some of which have a whole row, or begin one. @param {{row?: string}[]} panels  @param {number} columns */
export function rowsOf(panels, columns) {
  let [rows, free] = [0, 0];
  for (const { row } of panels) {
    const alone = row === "whole" || row === "tall";
    if (alone || row === "new" || !free) [rows, free] = [rows + 1, columns];
    free = alone ? 0 : free - 1;
  }
  return rows;
}

/** What the status line says; nothing while all is well. @param {string} status  @param {string} message  @param {number} step */
export function statusLine(status, message, step) {
  if (!LOUD.includes(status)) return "";
  const where = status === "stopped" ? `Stopped after step ${step}` : `Paused after step ${step}: nobody was watching`;
  return message ? `${where}. ${message}` : `${where}.`;
}

/** @param {{model: any, el: HTMLElement}} widget  @param {Record<string, Function>} draws  name of a view -> how it is drawn */
function render({ model, el }, draws) {
  let spec = model.get("_spec");
  const id = Math.random().toString(36).slice(2, 12); // not crypto.randomUUID: absent on plain http
  let store = new Store(0);
  const over = new AbortController();
  /** @type {{head: any, view: DataView}[]} */
  const waiting = [];
  let asked = 0; // the animation frame that has been asked for
  let painted = 0;
  let strokes = 0; // how often a panel was
  let all = false; // are panels that are out of sight to be painted too, for the picture that a notebook keeps?
  const lateness = new Lateness();
  let owing = false; // does a frame that was taken in wait for its answer?
  let mounted = -Infinity;
  let dressed = ""; // in which theme
  let large = -1; // the panel that is alone to be seen
  let heard = 0; // when the last frame came
  let ended = false; // has the kernel?
  let probed = 0; // when a kernel that is silent was last spoken to
  let calmed = 0; // when the last picture was painted for whoever wants less motion
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const status = make("div", "nbprop-status");
  status.setAttribute("role", "status");
  status.hidden = true;
  const said = make("span", "");
  const mend = /** @type {HTMLButtonElement} */ (make("button", "nbprop-button"));
  mend.type = "button";
  mend.hidden = true;
  mend.onclick = () => say({ type: "mend" });
  keepKeys(mend);
  status.append(said, mend);
  const grid = make("div", "nbprop-grid");
  const time = spec.timeline ? makeTimeline((/** @type {any} */ message) => say(message)) : null;
  const main = make("div", "nbprop-main", status, grid, ...(time ? [time.element] : []));
  const desk = spec.desk ? makeDesk(spec.desk, (/** @type {any} */ message) => say(message)) : null;
  const root = make("div", "nbprop-board", ...(desk ? [desk.element] : []), main);
  root.classList.toggle("nbprop-beside", spec.desk?.where === "left");
  root.dataset.painted = "0";
  const hover = new Hover((message) => say(message));
  /** @type {PanelView[]} */
  let panels = [];
  let boxes = new Map(); // the box of a panel -> the panel
  /** The panels that the spec names, instead of those that were there. */
  function hang() {
    for (const panel of panels) panel.act = panel.over = () => {}; // a picture that goes may still be left by a hand
    for (const box of boxes.keys()) [sizes, seen].forEach((observer) => observer.unobserve(box));
    store = new Store(spec.panels.length);
    waiting.length = 0;
    large = -1;
    panels = spec.panels.map((/** @type {any} */ each, /** @type {number} */ i) => {
      const tell = (/** @type {string} */ type) => (/** @type {string} */ name, /** @type {any} */ value) => {
        panel.dirty = true;
        ask();
        say({ type, panel: i, name, value });
        setTimeout(() => ((panel.dirty = true), ask()), HOLD + 50); // should the kernel not have it so
      };
      const panel = new PanelView(each, store.panels[i], draws[each.name], tell("option"), tell("act"), () => enlarge(i), (/** @type {any} */ wanted) => (hover.over(i, wanted), ask()));
      panel.element.style.gridColumn = { whole: "1 / -1", tall: "1 / -1", new: "1" }[/** @type {"new"} */ (each.row)] ?? "";
      return panel;
    });
    grid.replaceChildren(...panels.map((panel) => panel.element));
    [hover.next, hover.last] = [null, ""];
    boxes = new Map(panels.map((panel) => [panel.box, panel]));
    for (const panel of panels) [sizes, seen].forEach((observer) => observer.observe(panel.box));
    dressed = "";
    dress();
  }
  el.classList.add("nbprop");
  el.replaceChildren(root);

  function say(/** @type {any} */ message) {
    if (standin.send(message)) return;
    try {
      model.send({ view: id, ...(spec.layout ? { layout: spec.layout } : {}), ...message });
    } catch {
      ended = true; // the way to it is closed
    }
  }
  const inSight = () => ({
    page: !document.hidden,
    panels: [...panels.flatMap((/** @type {PanelView} */ panel, /** @type {number} */ i) => (panel.inSight || all ? [i] : [])), ...(desk ? [panels.length] : [])],
  });
  function mount() {
    mounted = performance.now();
    say({ type: "mount", ...inSight() });
  }
  function ask() {
    const rest = calm.matches && root.dataset.status === "playing" ? calmed + CALM - performance.now() : 0;
    if (rest > 0) asked ||= -setTimeout(() => ((asked = 0), ask()), rest);
    else asked ||= requestAnimationFrame(paint);
  }

  function take(/** @type {{head: any, view: DataView}} */ { head, view }) {
    if ((head.layout ?? spec.layout ?? 0) !== (spec.layout ?? 0)) return false; // of panels that are gone, or to come
    const changed = store.take(head, view);
    if (!changed) {
      if (performance.now() - mounted > 1000) mount(); // something was lost: once more from the start
      return false;
    }
    for (const i of changed) panels[i].dirty = true;
    owing ||= Boolean(head.ack);
    root.dataset.step = head.step;
    root.dataset.status = head.status;
    const focused = document.activeElement;
    desk?.take(head, id);
    desk?.focusOther(focused);
    time?.take(head.timeline, id);
    if (head.fresh) setTimeout(reveal, SETTLED);
    remedy = head.remedy ?? "";
    loud = statusLine(head.status, head.message, head.step);
    speak();
    return true;
  }
  let [loud, remedy] = ["", ""];
  let recorded = "";
  const standin = standIn(model.get("recording"), receive, main, (words) => {
    recorded = words;
    root.classList.toggle("nbprop-recorded", Boolean(words));
    speak();
  });
  const answer = (/** @type {any} */ head, /** @type {any[]} */ buffers) => (standin.leave(), receive(head, buffers));
  /** The line above the panels: of the run, or of a kernel that does not answer. */
  function speak() {
    const playing = root.dataset.status === "playing", step = Number(root.dataset.step ?? 0);
    const looking = !document.hidden && panels.some((/** @type {PanelView} */ panel) => panel.inSight);
    const silent = pulse({ now: performance.now(), mounted: first, heard, playing, looking, gone: ended, step });
    if (ended || (silent && !heard)) desk?.lost(ended ? "no kernel" : "no answer");
    else if (silent && performance.now() - probed > PROBE) look(), (probed = performance.now()); // is the way closed?
    const words = recorded || silent || loud;
    root.classList.toggle("nbprop-silent", Boolean(silent));
    letRest(recorded ? "this was recorded: run the cell to make it live" : ended ? "the kernel has ended: run the cell again" : heard ? "" : "run the cell to make it live");
    if (said.textContent !== words) said.textContent = words;
    mend.hidden = !remedy || Boolean(silent);
    if (mend.textContent !== remedy) mend.textContent = remedy;
    status.hidden = !words;
  }
  /** The page has been told that the way to the kernel is cut: it was restarted, has died, or another one took its place. */
  const cut = () => ((ended = true), speak());
  /** Why nothing that a hand wants of a view can be done; "" if it can. @param {string} why */
  function letRest(why) {
    if (panels.every((/** @type {PanelView} */ panel) => panel.rests === why)) return;
    for (const panel of panels) Object.assign(panel, { rests: why, dirty: true });
    ask();
  }
  const first = performance.now();
  const still = makeStill(model.widget_manager, spec.tag, root, () => ({
    playing: root.dataset.status === "playing",
    news: `${strokes} ${root.dataset.step} ${loud}`,
    whole: panels.every((/** @type {PanelView} */ panel) => panel.inSight),
    theme: heard && root.dataset.step && !recorded && panels[0]?.theme, // only what a kernel says is news for a notebook
    font: panels[0]?.font ?? "",
    words: [...(loud ? [loud] : []), ...panels.map((/** @type {PanelView} */ panel) => panel.canvas.getAttribute("aria-label") ?? "")],
  }), (wanted) => ((all = wanted), look()));
  const beat = setInterval(() => (speak(), still.look()), 500);

  function paint() {
    asked = 0;
    calmed = performance.now();
    // Frames come in bunches; painting one per refresh keeps the motion even. No more than two ever wait.
    const next = waiting.shift();
    const fresh = next !== undefined && take(next);
    for (const panel of panels) if (panel.dirty && (panel.inSight || all)) panel.paint(), strokes++;
    if (fresh) {
      root.dataset.seq = String(store.seq);
      root.dataset.painted = String(++painted);
      const age = Date.now() - next.head.time;
      root.dataset.age = age.toFixed(1); // means something where both clocks are one
      if (lateness.answers(calmed, age, store.seq, painted, owing)) say({ type: "ack", seq: store.seq, painted, asked: owing });
      owing = false;
    }
    hover.flush(performance.now());
    if (waiting.length) ask();
  }

  function receive(/** @type {any} */ head, /** @type {any[]} */ buffers) {
    if (head.type !== "frame") return;
    heard = performance.now();
    ended = false;
    hover.answered(head.heard?.[id] ?? 0);
    const bytes = buffers?.[0];
    if (!bytes && head.panels.some((/** @type {any} */ news) => news.arrays?.length)) return void ((loud = NO_NUMBERS), speak());
    waiting.push({ head, view: viewOf(bytes ?? new ArrayBuffer(0)) });
    while (waiting.length > WAITING) take(/** @type {any} */ (waiting.shift()));
    ask();
  }

  const rowsWith = (/** @type {number} */ n) => rowsOf(spec.panels, n);
  // Size: of the board for its columns, of each canvas for its pixels.
  function place(/** @type {number} */ width) {
    const sight = Math.min(innerHeight, screen.availHeight); // a frame as high as what is in it must not make that higher
    const beside = spec.desk?.where === "left" && !root.classList.contains("nbprop-folded");
    const least = LEAST * rowsWith(arrange(width, panels.length, spec.columns, null, ROW, rowsWith).columns);
    const whole = spec.height ?? (beside ? Math.max(DESK, least, Math.min(0.6 * width, 0.78 * sight)) : null);
    const height = whole && whole - (status.hidden ? 0 : status.offsetHeight) - (time?.element.offsetHeight ?? 0); // a message moves nothing
    const { columns, rows, row } = arrange(width, panels.length, spec.columns, height, Math.max(ROW, 0.5 * sight), rowsWith);
    if (large >= 0) {
      const most = Math.max(320, Math.min(0.9 * sight, 1.2 * width));
      grid.style.gridTemplateColumns = "minmax(0, 1fr)";
      grid.style.gridAutoRows = `${Math.min(Math.max(rows * (row + GAP) - GAP, 320), most)}px`;
      panels[large].element.style.gridRow = "";
      return;
    }
    grid.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    grid.style.gridAutoRows = `${row}px`;
    spec.panels.forEach((/** @type {any} */ each, /** @type {number} */ i) => (panels[i].element.style.gridRow = each.row === "tall" && row < TALL && !spec.height ? "span 2" : ""));
  }
  /** One panel takes the room of all, or gives it back. @param {number} i */
  function enlarge(i) {
    large = large === i ? -1 : i;
    panels.forEach((/** @type {PanelView} */ panel, /** @type {number} */ k) => panel.enlarged(k === large, large >= 0 && k !== large));
    place(main.clientWidth);
    panels[i].element.scrollIntoView({ block: "nearest" }); // not every page keeps it under the eye by itself
  }
  /** What the cell that was just run has made, with a Play button, comes into sight: once, and nowhere but beside where one is. */
  function reveal() {
    const cell = root.closest(".jp-Cell");
    const here = [cell, cell?.nextElementSibling].some((one) => one?.classList.contains("jp-mod-active"));
    if (here && spec.desk?.buttons.length) root.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
  }
  const respec = () => {
    const before = spec.layout;
    spec = model.get("_spec");
    if (spec.layout !== before) {
      hang();
      mount();
    }
    place(main.clientWidth);
  };
  const sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      if (target === root) {
        if (!dressed) dress(); // colours can be read only once it is on the page
        desk?.fold(contentRect.width < FOLDED);
        root.classList.toggle("nbprop-folded", contentRect.width < FOLDED);
        place(main.clientWidth);
      } else if (target === main) place(contentRect.width);
      else boxes.get(/** @type {any} */ (target))?.resize(contentRect.width, contentRect.height, devicePixelRatio || 1);
    }
  });
  sizes.observe(root);
  sizes.observe(main);
  addEventListener("resize", () => place(main.clientWidth), { signal: over.signal });
  const zoomed = () => {
    for (const panel of panels) if (panel.width) panel.resize(panel.width, panel.height, devicePixelRatio || 1);
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", zoomed, { once: true, signal: over.signal });
  };
  zoomed();

  // Sight: a panel that is scrolled away or a hidden page asks for nothing.
  const look = () => say({ type: "look", ...inSight() });
  const seen = new IntersectionObserver((entries) => {
    let changed = false;
    for (const { target, isIntersecting } of entries) {
      const panel = boxes.get(/** @type {any} */ (target));
      if (!panel || panel.inSight === isIntersecting) continue;
      panel.inSight = isIntersecting;
      changed = true;
    }
    if (changed) look();
    ask();
  });
  document.addEventListener("visibilitychange", () => (look(), still.look(document.hidden)), { signal: over.signal });
  addEventListener("pagehide", () => say({ type: "unmount" }), { signal: over.signal });
  addEventListener("pageshow", (event) => event.persisted && mount(), { signal: over.signal });

  // Controls beside a board get their keys too; they are there before anything can be typed into them.
  const guard = (/** @type {any} */ { target }) => target.matches(".nbprop-controls :is(select, input, button, [tabindex])") && keepKeys(target);
  document.addEventListener("focusin", guard, { signal: over.signal });

  // Colours: again whenever the page changes its own.
  function dress() {
    if (!root.isConnected) return;
    const { theme, font } = themeOf(root);
    const now = JSON.stringify([theme, font]);
    if (now === dressed) return;
    dressed = now;
    root.style.colorScheme = theme.dark ? "dark" : "light"; // native controls too
    for (const panel of panels) Object.assign(panel, { theme, font, dirty: true });
    ask();
  }
  let redress = 0;
  const themes = new MutationObserver(() => {
    dress();
    clearTimeout(redress);
    redress = setTimeout(dress, 300); // a theme's style sheet may come after its name
  });
  for (const each of [document.documentElement, document.body]) themes.observe(each, { attributes: true });
  for (const what of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(what).addEventListener("change", dress, { signal: over.signal });

  hang();
  const { head, data } = model.get("snapshot") ?? {};
  if (head && data) { // Colab keeps no bytes of a state
    take({ head, view: viewOf(data) });
    store.whole = false; // live frames build on a live one
    desk?.lost("as it was saved"); // until a kernel says more
  }
  model.on("msg:custom", answer);
  model.on("change:_spec", respec);
  model.on("comm_live_update", cut);
  mount();

  return () => {
    over.abort();
    model.off("msg:custom", answer);
    standin.leave();
    model.off("change:_spec", respec);
    model.off("comm_live_update", cut);
    clearInterval(beat);
    for (const observer of [sizes, seen, themes]) observer.disconnect();
    if (asked < 0) clearTimeout(-asked);
    else cancelAnimationFrame(asked);
    clearTimeout(redress);
    say({ type: "unmount" });
    root.remove(); // JupyterLab holds on to the place where a widget was
  };
}

/** What a widget is given. @param {Record<string, Function>} draws  name of a view -> its `draw` */
export const widget = (draws) => ({ render: (/** @type {any} */ context) => render(context, draws) });
