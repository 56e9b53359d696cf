/** The board in the browser: takes frames, paints panels, says what is in sight, what is painted and what is chosen. */
import { formatNumber } from "./_math.js";
import { isDark, makeTheme } from "./_plot.js";
import { draw as activations } from "./activations.js";
import { draw as attention } from "./attention.js";
import { draw as boundary } from "./boundary.js";
import { draw as filters } from "./filters.js";
import { draw as gradients } from "./gradients.js";
import { draw as graph } from "./graph.js";
import { draw as histograms } from "./histograms.js";
import { draw as lags } from "./lags.js";
import { draw as landscape } from "./landscape.js";
import { draw as loss } from "./loss.js";
import { draw as percentiles } from "./percentiles.js";
import { draw as writing } from "./writing.js";

/** @type {Record<string, typeof loss>} view name -> how it is drawn */
const DRAW = { activations, attention, boundary, filters, gradients, graph, histograms, lags, landscape, loss, percentiles, writing };

const GAP = 8; // between panels, CSS pixels
const NARROW = 240; // no panel beside another gets narrower than this
const WAITING = 2; // frames that may wait to be painted one by one; older ones are taken in unpainted
const HOLD = 1500; // ms for which an option chosen here stands against older news from the kernel
const LOUD = ["stopped", "unseen"];

// ------------------------------------------------------------------------------------------- pure parts (tested alone)

/**
 * Columns and row height of `count` panels in a cell of that width. 2 x 2 in 640 pixels are about 540 high.
 * @param {number} width  @param {number} count  @param {number | null} columns  @param {number | null} height  of all rows
 */
export function arrange(width, count, columns, height) {
  const wanted = Math.min(columns || Math.ceil(Math.sqrt(count)), count);
  const n = Math.max(1, Math.min(wanted, Math.floor((width + GAP) / (NARROW + GAP))));
  const rows = Math.ceil(count / n);
  const each = (width - GAP * (n - 1)) / n;
  // A height that was meant for several columns would squeeze the rows of one.
  const row = height && n === wanted ? (height - GAP * (rows - 1)) / rows : Math.min(380, Math.max(210, 0.84 * each));
  return { columns: n, rows, row: Math.max(120, Math.floor(row)) };
}

/** `length` float32 numbers of a message, copied: its bytes may start where no Float32Array can. @param {DataView} view */
export function floats(view, offset, length) {
  const start = view.byteOffset + 4 * offset;
  return new Float32Array(view.buffer.slice(start, start + 4 * length));
}

/** What the browser knows of each panel, brought up to date frame by frame. */
export class Store {
  /** @param {number} count of panels */
  constructor(count) {
    /** @type {{frame: Record<string, {data: Float32Array, shape: number[]}>, labels: any, options: any, text: string, error: string}[]} */
    this.panels = Array.from({ length: count }, () => ({ frame: {}, labels: {}, options: {}, text: "", error: "" }));
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
      panel.text = news.text ?? panel.text;
    }
    return changed;
  }
}

/** A colour "rgb(...)" or "rgba(...)" laid over another, as opaque "rgb(...)". @param {string} color  @param {string} ground */
export function over(color, ground) {
  const parts = (/** @type {string} */ c) => (c.match(/[\d.]+/g) ?? []).map(Number);
  const [a, b] = [parts(color), parts(ground)];
  const alpha = a[3] ?? 1;
  return `rgb(${[0, 1, 2].map((k) => Math.round(a[k] * alpha + b[k] * (1 - alpha))).join(", ")})`;
}

/** What the status line says; nothing while all is well. @param {string} status  @param {string} message  @param {number} step */
export function statusLine(status, message, step) {
  if (!LOUD.includes(status)) return "";
  const where = status === "stopped" ? `Stopped after step ${step}` : `Paused after step ${step}: nobody was watching`;
  return message ? `${where}. ${message}` : `${where}.`;
}

// ------------------------------------------------------------------------------------------- the page around a panel

/** The colours of JupyterLab, VS Code or the system, as a theme. @param {HTMLElement} root */
function themeOf(root) {
  const probe = root.appendChild(document.createElement("span"));
  const color = (/** @type {string} */ name) => {
    probe.style.color = `var(--nbprop-${name})`;
    return getComputedStyle(probe).color;
  };
  const background = over(color("background"), "rgb(255, 255, 255)");
  const page = { background };
  for (const name of ["foreground", "muted", "grid"]) page[name] = over(color(name), background);
  const font = getComputedStyle(root).fontFamily;
  probe.remove();
  return { theme: makeTheme(isDark(background), page), font };
}

/** @param {string} tag  @param {string} name of the class  @param {Node[]} children */
function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

/** JupyterLab takes keys for commands (d d deletes the cell) unless the element itself says no. @param {HTMLElement} element */
const keepKeys = (element) => element.setAttribute("data-lm-suppress-shortcuts", "true");

/** A whole number: a slider between a button for one back and one on. @param {any} option  @param {(value: number) => void} choose */
function stepper({ label: name, range: [low, high] }, choose) {
  const slider = /** @type {HTMLInputElement} */ (make("input", ""));
  Object.assign(slider, { type: "range", min: low, max: high, step: 1 });
  const place = make("output", "");
  const buttons = [["◀", "back", -1], ["▶", "on", 1]].map(([sign, words, by]) => {
    const button = make("button", "", new Text(String(sign)));
    button.setAttribute("type", "button");
    button.setAttribute("aria-label", `${name}: one ${words}`);
    button.title = `one ${words}`;
    button.onclick = () => move(Number(slider.value) + Number(by));
    return button;
  });
  const label = make("span", "nbprop-option nbprop-stepper", buttons[0], make("label", "", new Text(name), slider), buttons[1], place);
  for (const element of [slider, ...buttons]) keepKeys(element);
  // The arrow keys do the same on the buttons as on the slider.
  label.onkeydown = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by && event.target !== slider) move(Number(slider.value) + by), event.preventDefault();
  };
  function move(/** @type {number} */ value) {
    const next = Math.min(Math.max(value, low), high);
    if (next !== Number(slider.value)) show(next), choose(next);
  }
  function show(/** @type {any} */ value) {
    if (Number(slider.value) !== value) slider.value = value;
    const words = `${value} of ${high}`;
    if (place.textContent !== words) place.textContent = words;
    slider.setAttribute("aria-valuetext", words);
    buttons.forEach((button, i) => button.setAttribute("aria-disabled", String(value === [low, high][i])));
  }
  slider.oninput = () => (show(Number(slider.value)), choose(Number(slider.value)));
  return { label, show };
}

/** A labelled native control. @param {any} option  @param {(value: any) => void} choose */
function control(option, choose) {
  if (option.range) return stepper(option, choose);
  const label = make("label", "nbprop-option");
  if (!option.choices.length) {
    const box = /** @type {HTMLInputElement} */ (make("input", ""));
    box.type = "checkbox";
    keepKeys(box);
    box.onchange = () => choose(box.checked);
    label.append(box, option.label);
    return { label, show: (/** @type {any} */ value) => void (box.checked = Boolean(value)) };
  }
  const select = /** @type {HTMLSelectElement} */ (make("select", ""));
  for (const [value, words] of option.choices) select.append(new Option(words, value));
  keepKeys(select);
  select.onchange = () => choose(select.value);
  label.append(option.label, select);
  return { label, show: (/** @type {any} */ value) => void (select.value === value || (select.value = value)) };
}

/**
 * What a hand reaches the source with: a list, a slider (`log`: of the logarithm) or a button.
 * @param {any} spec  @param {(value: any) => void} act
 */
function handle(spec, act) {
  if (spec.choices.length) return control(spec, act);
  if (spec.low === null) {
    const button = /** @type {HTMLButtonElement} */ (make("button", "nbprop-button", new Text(spec.label)));
    button.type = "button";
    keepKeys(button);
    button.onclick = () => act(null);
    return { label: button, show() {} };
  }
  const input = /** @type {HTMLInputElement} */ (make("input", ""));
  const output = make("span", "nbprop-value");
  const [to, from] = spec.log ? [Math.log10, (/** @type {number} */ v) => 10 ** v] : [Number, Number];
  Object.assign(input, { type: "range", min: to(spec.low), max: to(spec.high), step: spec.step ?? "any" });
  keepKeys(input);
  const tell = (/** @type {number} */ value) => {
    output.textContent = formatNumber(value);
    input.setAttribute("aria-valuetext", formatNumber(value));
  };
  input.oninput = () => {
    const value = Number(from(input.valueAsNumber).toPrecision(3));
    tell(value);
    act(value);
  };
  const show = (/** @type {any} */ value) => {
    if (value === undefined) return;
    input.value = String(to(value));
    tell(value);
  };
  return { label: make("label", "nbprop-option", new Text(spec.label), input, output), show };
}

/** One panel: title, options, canvas, tooltip. `choose` is told which option was chosen, `act` what a hand wants. */
class PanelView {
  constructor(spec, state, choose, act) {
    this.state = state;
    this.draw = DRAW[spec.name];
    this.dirty = true;
    this.inSight = true;
    this.theme = this.font = this.picture = this.pointer = null;
    /** @type {Map<string, {value: any, until: number}>} chosen here and not yet confirmed */
    this.held = new Map();
    this.controls = spec.options.map((/** @type {any} */ option) => {
      state.options[option.name] ??= option.value;
      const made = control(option, (value) => {
        this.held.set(option.name, { value, until: performance.now() + HOLD });
        choose(option.name, value);
      });
      return { name: option.name, ...made };
    });
    this.handles = (spec.controls ?? []).map((/** @type {any} */ one) => {
      const made = handle(one, (value) => {
        this.held.set(one.name, { value, until: performance.now() + HOLD });
        act(one.name, value);
      });
      return { name: one.name, ...made };
    });
    this.canvas = /** @type {HTMLCanvasElement} */ (make("canvas", ""));
    this.canvas.setAttribute("role", "img");
    this.tip = make("div", "nbprop-tip");
    this.tip.hidden = true;
    this.error = make("div", "nbprop-error");
    this.error.hidden = true;
    this.box = make("div", "nbprop-canvas", this.canvas, this.tip, this.error);
    const title = make("span", "nbprop-title", new Text(spec.title));
    const options = make("span", "nbprop-options", ...this.controls.map((/** @type {any} */ c) => c.label));
    const handles = make("span", "nbprop-options", ...this.handles.map((/** @type {any} */ h) => h.label));
    this.element = make("section", "nbprop-panel", make("header", "", title, options, handles), this.box);
    this.element.dataset.panel = spec.name;
    this.element.setAttribute("aria-label", spec.title);
    this.title = spec.title;
    this.canvas.onpointermove = (event) => this.point({ x: event.offsetX, y: event.offsetY });
    this.canvas.onpointerleave = () => this.point(null);
    this.canvas.onclick = (event) => {
      const wanted = this.picture?.press?.(event.offsetX, event.offsetY);
      if (wanted) act(...wanted);
    };
  }

  /** The options to draw with: the kernel's, but what was chosen here a moment ago stands. */
  options() {
    const options = { ...this.state.options };
    for (const [name, { value, until }] of this.held) {
      if (options[name] === value || performance.now() > until) this.held.delete(name);
      else if (name in options) options[name] = value;
    }
    return options;
  }

  /** @param {number} width  @param {number} height  in CSS pixels  @param {number} ratio device pixels in one */
  resize(width, height, ratio) {
    [this.width, this.height, this.ratio] = [width, height, ratio];
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.paint();
  }

  paint() {
    if (!this.width || !this.height || !this.theme) return;
    this.dirty = false;
    const { frame, labels, text, error } = this.state;
    const options = this.options();
    for (const { name, show } of this.controls) show(options[name]);
    const held = (/** @type {string} */ name) => performance.now() < (this.held.get(name)?.until ?? 0);
    for (const { name, show } of this.handles) if (!held(name)) show(labels.values?.[name]);
    const ctx = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.globalAlpha = 1;
    ctx.fillStyle = this.theme.background;
    ctx.fillRect(0, 0, this.width, this.height);
    ctx.save();
    let failed = error;
    try {
      const panel = { ctx, width: this.width, height: this.height, theme: this.theme, font: this.font };
      this.picture = this.draw(panel, frame, labels, options) ?? null;
    } catch (problem) {
      // One panel that fails must not take the others along, nor be overlooked.
      this.picture = null;
      failed ||= String(problem);
      console.error("[nbprop]", problem);
    }
    ctx.restore();
    this.error.hidden = !failed;
    if (this.error.textContent !== failed) this.error.textContent = failed;
    const words = text ? `${this.title}. ${text}` : this.title;
    if (this.canvas.getAttribute("aria-label") !== words) this.canvas.setAttribute("aria-label", words);
    this.canvas.style.cursor = this.picture?.press ? "crosshair" : "";
    if (this.pointer) this.point(this.pointer);
  }

  /** @param {{x: number, y: number} | null} pointer */
  point(pointer) {
    this.pointer = pointer;
    const words = pointer && this.picture?.readout ? this.picture.readout(pointer.x, pointer.y) : null;
    this.tip.hidden = !words;
    if (!pointer || !words) return;
    if (this.tip.textContent !== words) this.tip.textContent = words;
    const { offsetWidth: w, offsetHeight: h } = this.tip;
    const left = pointer.x + 14 + w > this.width ? pointer.x - 10 - w : pointer.x + 14;
    this.tip.style.left = `${Math.max(0, Math.min(left, this.width - w))}px`;
    this.tip.style.top = `${Math.max(0, Math.min(pointer.y + 12, this.height - h))}px`;
  }
}

// ------------------------------------------------------------------------------------------- the widget

/** @param {{model: any, el: HTMLElement}} widget */
function render({ model, el }) {
  const spec = model.get("_spec");
  const id = Math.random().toString(36).slice(2, 12); // not crypto.randomUUID: absent on plain http
  const store = new Store(spec.panels.length);
  const ended = new AbortController();
  /** @type {{head: any, view: DataView}[]} */
  const waiting = [];
  let asked = 0; // the animation frame that has been asked for
  let painted = 0;
  let owing = false; // does a frame that was taken in wait for its answer?
  let mounted = -Infinity;
  let dressed = ""; // in which theme

  const status = make("div", "nbprop-status");
  status.setAttribute("role", "status");
  status.hidden = true;
  const grid = make("div", "nbprop-grid");
  const root = make("div", "nbprop-board", status, grid);
  root.dataset.painted = "0";
  const panels = spec.panels.map((/** @type {any} */ each, /** @type {number} */ i) => {
    const tell = (/** @type {string} */ type) => (/** @type {string} */ name, /** @type {any} */ value) => {
      panel.dirty = true;
      ask();
      say({ type, panel: i, name, value });
      setTimeout(() => ((panel.dirty = true), ask()), HOLD + 50); // should the kernel not have it so
    };
    const panel = new PanelView(each, store.panels[i], tell("option"), tell("act"));
    grid.append(panel.element);
    return panel;
  });
  el.classList.add("nbprop");
  el.replaceChildren(root);

  function say(/** @type {any} */ message) {
    try {
      model.send({ view: id, ...message });
    } catch (problem) {
      console.warn("[nbprop] no kernel", problem); // an exported page, or a kernel that is gone
    }
  }
  const sight = () => ({
    page: !document.hidden,
    panels: panels.flatMap((/** @type {PanelView} */ panel, /** @type {number} */ i) => (panel.inSight ? [i] : [])),
  });
  function mount() {
    mounted = performance.now();
    say({ type: "mount", ...sight() });
  }
  function ask() {
    asked ||= requestAnimationFrame(paint);
  }

  function take(/** @type {{head: any, view: DataView}} */ { head, view }) {
    const changed = store.take(head, view);
    if (!changed) {
      if (performance.now() - mounted > 1000) mount(); // something was lost: once more from the start
      return false;
    }
    for (const i of changed) panels[i].dirty = true;
    owing ||= Boolean(head.ack);
    root.dataset.step = head.step;
    root.dataset.status = head.status;
    const words = statusLine(head.status, head.message, head.step);
    if (status.textContent !== words) status.textContent = words;
    status.hidden = !words;
    return true;
  }

  function paint() {
    asked = 0;
    // Frames come in bunches; painting one per refresh keeps the motion even. No more than two ever wait.
    const next = waiting.shift();
    const fresh = next !== undefined && take(next);
    for (const panel of panels) if (panel.dirty && panel.inSight) panel.paint();
    if (fresh) {
      root.dataset.seq = String(store.seq);
      root.dataset.painted = String(++painted);
      root.dataset.age = (Date.now() - next.head.time).toFixed(1); // means something where both clocks are one
      if (owing) say({ type: "ack", seq: store.seq });
      owing = false;
    }
    if (waiting.length) ask();
  }

  function receive(/** @type {any} */ head, /** @type {DataView[]} */ buffers) {
    if (head.type !== "frame") return;
    waiting.push({ head, view: buffers[0] });
    while (waiting.length > WAITING) take(/** @type {any} */ (waiting.shift()));
    ask();
  }

  // Size: of the board for its columns, of each canvas for its pixels.
  const boxes = new Map(panels.map((/** @type {PanelView} */ panel) => [panel.box, panel]));
  const sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      if (target === root) {
        if (!dressed) dress(); // colours can be read only once it is on the page
        const height = spec.height && spec.height - (status.hidden ? 0 : status.offsetHeight); // a message moves nothing
        const { columns, row } = arrange(contentRect.width, panels.length, spec.columns, height);
        grid.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
        grid.style.gridAutoRows = `${row}px`;
      } else boxes.get(/** @type {any} */ (target))?.resize(contentRect.width, contentRect.height, devicePixelRatio || 1);
    }
  });
  sizes.observe(root);
  for (const panel of panels) sizes.observe(panel.box);
  const zoomed = () => {
    for (const panel of panels) if (panel.width) panel.resize(panel.width, panel.height, devicePixelRatio || 1);
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", zoomed, { once: true, signal: ended.signal });
  };
  zoomed();

  // Sight: a panel that is scrolled away or a hidden page asks for nothing.
  const look = () => say({ type: "look", ...sight() });
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
  for (const panel of panels) seen.observe(panel.box);
  document.addEventListener("visibilitychange", look, { signal: ended.signal });
  addEventListener("pagehide", () => say({ type: "unmount" }), { signal: ended.signal });
  addEventListener("pageshow", (event) => event.persisted && mount(), { signal: ended.signal });

  // A playground's own controls get their keys too; they are there before anything can be typed into them.
  const guard = (/** @type {any} */ { target }) => target.matches(".nbprop-playground :is(select, input)") && keepKeys(target);
  document.addEventListener("focusin", guard, { signal: ended.signal });

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
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress, { signal: ended.signal });

  dress();
  const { head, data } = model.get("snapshot") ?? {};
  if (head) {
    take({ head, view: data });
    store.whole = false; // live frames build on a live one
  }
  model.on("msg:custom", receive);
  mount();

  return () => {
    ended.abort();
    model.off("msg:custom", receive);
    for (const observer of [sizes, seen, themes]) observer.disconnect();
    cancelAnimationFrame(asked);
    clearTimeout(redress);
    say({ type: "unmount" });
  };
}

export default { render };
