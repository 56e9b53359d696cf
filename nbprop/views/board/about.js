/** "What is this?": a quiet question mark beside a panel or a control, and what it opens. */
import { keepKeys, make } from "./controls.js";
import { tellLesson } from "./lesson.js";

const GAP = 6; // pixels between a question mark and its answer
const EDGE = 8; // and between the answer and the edges of the window

/**
 * Where the answer stands: below the question mark, above where there is no room below, never outside the window.
 * @param {{left: number, top: number, bottom: number}} mark  @param {{width: number, height: number}} size of the answer
 * @param {{width: number, height: number}} view  the window
 */
export function placed(mark, size, view) {
  const below = mark.bottom + GAP, above = mark.top - GAP - size.height;
  const top = below + size.height <= view.height - EDGE || above < EDGE ? below : above;
  return {
    left: Math.max(EDGE, Math.min(mark.left, view.width - EDGE - size.width)),
    top: Math.max(EDGE, Math.min(top, view.height - EDGE - size.height)),
  };
}

let ids = 0;
/** @type {{mark: HTMLElement, close: (back?: boolean) => void} | null} the answer that is open: there is one at a time */
let open = null;

/**
 * The question mark of something that says what it is; "?" pressed anywhere in `element` asks too.
 * @param {string} name  @param {{about?: string, lesson?: string, where?: import("./lesson.js").Where}} spec  @param {HTMLElement} element
 * @returns {HTMLElement[]} none where nothing is known
 */
export function question(name, spec, element) {
  if (!spec.about) return [];
  const mark = /** @type {HTMLButtonElement} */ (make("button", "nbprop-ask", new Text("?")));
  mark.type = "button";
  mark.title = "What is this? (?)";
  mark.setAttribute("aria-label", `${name}: what is this?`);
  mark.setAttribute("aria-expanded", "false");
  keepKeys(mark);
  mark.onmousedown = (event) => event.preventDefault(); // which would close an open answer before the click does
  mark.onclick = () => ask(mark);
  /** @param {Element} from  where the focus goes back to */
  const ask = (from) => {
    const again = open?.mark === mark;
    open?.close(again);
    if (!again) answer(mark, name, spec, /** @type {HTMLElement} */ (from));
  };
  element.addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    ask(/** @type {Element} */ (event.target));
  });
  return [mark];
}

/**
 * A dialog of a few words, above all else in the page, so that no cell cuts it off. It has the focus, so that it is read
 * out, and closes when that goes elsewhere.
 * @param {HTMLElement} mark  @param {string} name  @param {{about?: string, lesson?: string, where?: import("./lesson.js").Where}} spec  @param {HTMLElement} from
 */
function answer(mark, name, spec, from) {
  const head = make("strong", "", new Text(name)), words = make("p", "", new Text(spec.about)), where = make("p", "nbprop-lesson");
  tellLesson(where, spec.lesson ?? "", spec.where);
  where.hidden = !spec.lesson;
  const box = make("div", "nbprop-about", head, words, where);
  const id = `nbprop-about-${++ids}`;
  [head.id, words.id, where.id] = [id, `${id}-words`, `${id}-lesson`];
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-labelledby", head.id);
  box.setAttribute("aria-describedby", `${words.id} ${where.id}`);
  box.tabIndex = -1;
  keepKeys(box);
  (mark.closest(".nbprop-board") ?? document.body).append(box);
  if ("showPopover" in box) {
    box.popover = "manual";
    box.showPopover();
  }
  const place = () => {
    if (!box.isConnected) return close(); // its board is gone
    const { left, top } = placed(mark.getBoundingClientRect(), { width: box.offsetWidth, height: box.offsetHeight }, { width: innerWidth, height: innerHeight });
    box.style.left = `${left}px`;
    box.style.top = `${top}px`;
  };
  const over = new AbortController();
  const close = (back = false) => {
    if (over.signal.aborted) return;
    over.abort();
    open = null;
    mark.setAttribute("aria-expanded", "false");
    if (back) from.focus({ preventScroll: true });
    box.remove();
  };
  open = { mark, close };
  mark.setAttribute("aria-expanded", "true");
  place();
  for (const event of ["scroll", "resize"]) addEventListener(event, place, { capture: true, signal: over.signal });
  box.onkeydown = (event) => {
    event.stopPropagation();
    const link = where.querySelector("a"), onLink = event.target === link;
    if (event.key === "Tab" && (!link || onLink !== event.shiftKey)) close(true); // and on from there
    if (!["Escape", "Enter", "?"].includes(event.key) || (onLink && event.key === "Enter")) return;
    event.preventDefault();
    close(true);
  };
  box.focus({ preventScroll: true });
  box.addEventListener("focusout", (event) => box.contains(/** @type {Node | null} */ (event.relatedTarget)) || close());
}
