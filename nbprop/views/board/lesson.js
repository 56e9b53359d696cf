/** The lesson that explains something, as a link where there is a way to it. */
import { keepKeys, make } from "./controls.js";

/** @typedef {{page: string, section: string, beside: boolean}} Where  see Lesson.where in nbprop/record/lessons.py */

/** How Sphinx calls a heading in an address. @param {string} section */
const slug = (section) => section.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^[-0-9]+|-+$/g, "");

/**
 * Where a lesson opens, null where that is not known: its page on the site, whose pages say where the lessons are; or
 * the notebook beside the one that is open in Jupyter, whose address names it. `path`: its path from where Jupyter was
 * started.
 * @param {Where | null | undefined} where  @param {string} pathname  @param {string | undefined} lessons
 * @returns {{href: string, path?: string} | null}
 */
export function wayTo(where, pathname, lessons) {
  if (!where) return null;
  if (lessons !== undefined) return { href: `${lessons}${where.page}.html#${slug(where.section)}` };
  const open = where.beside && /\/(?:tree|notebooks)\/((?:.*\/)?)[^/]+\.ipynb$/.exec(pathname);
  if (!open) return null;
  const name = `${where.page}.ipynb`;
  return { href: pathname.replace(/[^/]*$/, name), path: decodeURIComponent(open[1]) + name };
}

/**
 * Writes the words into an element, as a link where there is a way. In JupyterLab a press opens the notebook there,
 * which its own listener does for what has these attributes; elsewhere it is another tab.
 * @param {HTMLElement} element  @param {string} words  @param {Where | null | undefined} where
 */
export function tellLesson(element, words, where) {
  const way = words ? wayTo(where, location.pathname, document.documentElement.dataset.lessons) : null;
  if (element.textContent === words && (element.firstElementChild?.getAttribute("href") ?? null) === (way?.href ?? null)) return;
  if (!way) return void (element.textContent = words);
  const link = /** @type {HTMLAnchorElement} */ (make("a", "", new Text(words)));
  [link.href, link.target, link.rel] = [way.href, way.path ? "_blank" : "_top", "noopener"];
  if (way.path && location.pathname.includes("/lab/")) {
    link.dataset.commandlinkerCommand = "docmanager:open";
    link.dataset.commandlinkerArgs = JSON.stringify({ path: way.path });
  }
  keepKeys(link);
  element.replaceChildren(link);
}
