/** Controls that are folded away: native `details`, one for each group. */
import { keepKeys, make } from "./controls.js";

/** Names of the groups that somebody has opened, as long as the page lives: a cell that is run again finds them open. */
const opened = /** @type {Set<string>} */ ((/** @type {any} */ (globalThis).nbpropOpened ??= new Set()));

/** @typedef {{name: string, label: string, group: string, element: HTMLElement}} Dial */

/** The dials of each group, in the order in which they come. @param {Dial[]} dials */
export function byGroup(dials) {
  const groups = /** @type {Map<string, Dial[]>} */ (new Map());
  for (const one of dials) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  return groups;
}

/** @param {Dial[]} dials  all that belong to a group */
export function makeFolds(dials) {
  const folds = [...byGroup(dials)].map(([name, members]) => {
    const rest = make("div", "nbprop-rest");
    const fold = /** @type {HTMLDetailsElement} */ (make("details", "nbprop-group", make("summary", "", new Text(name)), make("div", "nbprop-dials", ...members.map((one) => one.element)), rest));
    fold.dataset.group = name;
    fold.open = opened.has(name);
    fold.ontoggle = () => (fold.open ? opened.add(name) : opened.delete(name));
    keepKeys(/** @type {HTMLElement} */ (fold.firstChild));
    return { fold, members, rest };
  });
  return {
    elements: folds.length ? [make("div", "nbprop-groups", ...folds.map(({ fold }) => fold))] : [],
    /** Which of them are not there because there is nothing for them to act on. */
    note() {
      for (const { members, rest } of folds) {
        const away = members.filter((one) => one.element.hidden).map((one) => one.label);
        const words = away.length ? `Nothing to act on now: ${away.join(", ")}` : "";
        if (rest.textContent !== words) rest.textContent = words;
        rest.hidden = !words;
      }
    },
  };
}
