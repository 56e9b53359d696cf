/** The colours of the page around a board. */
import { isDark, makeTheme, mix } from "../base/plot.js";

/** A colour "rgb(...)" or "rgba(...)" laid over another, as opaque "rgb(...)". @param {string} color  @param {string} ground */
export function over(color, ground) {
  const parts = (/** @type {string} */ c) => (c.match(/[\d.]+/g) ?? []).map(Number);
  const [a, b] = [parts(color), parts(ground)];
  const alpha = a[3] ?? 1;
  return `rgb(${[0, 1, 2].map((k) => Math.round(a[k] * alpha + b[k] * (1 - alpha))).join(", ")})`;
}

/** Where the system forces its colours on every page, a canvas is to keep to them too. */
const FORCED = { background: "Canvas", foreground: "CanvasText", muted: "CanvasText", grid: "CanvasText" };

/** Is the page around it dark? Colab and marimo say so; where nobody does it is as the system has it. @param {HTMLElement} root */
export function inTheDark(root) {
  const says = [document.documentElement.getAttribute("theme"), getComputedStyle(root.parentElement ?? document.body).colorScheme];
  const said = says.find((word) => word === "dark" || word === "light");
  return said ? said === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** The colours of JupyterLab, VS Code or the system, as a theme. @param {HTMLElement} root */
export function themeOf(root) {
  root.classList.toggle("nbprop-dark", inTheDark(root));
  const probe = root.appendChild(document.createElement("span"));
  probe.style.setProperty("forced-color-adjust", "none"); // or all colours would be read as that of text
  const forced = matchMedia("(forced-colors: active)").matches;
  const color = (/** @type {string} */ name) => {
    probe.style.color = forced ? FORCED[/** @type {"grid"} */ (name)] : `var(--nbprop-${name})`;
    return getComputedStyle(probe).color;
  };
  const background = over(color("background"), "rgb(255, 255, 255)");
  const page = { background };
  for (const name of ["foreground", "muted", "grid"]) page[name] = over(color(name), background);
  if (forced) page.grid = mix(background, page.foreground, 0.25); // there is no such colour of the system
  const font = getComputedStyle(root).fontFamily;
  probe.remove();
  return { theme: makeTheme(isDark(background), page), font };
}
