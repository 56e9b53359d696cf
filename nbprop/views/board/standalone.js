/** A page that shows a recording without any kernel: what stands in for the kernel is here. */
import { widget } from "./board.js";
import { read } from "./recording.js";
import { Standin } from "./standin.js";

/** A picture that nobody can press or move over: there is nothing that it would reach. @param {Function} draw */
const untouched = (draw) => (/** @type {any} */ panel, /** @type {any[]} */ ...given) => {
  const picture = draw({ ...panel, rests: "this is a saved page: open the notebook that it is of" }, ...given);
  return picture && { ...picture, press: undefined, hover: undefined };
};

/** In a frame of another page: only the board, and the other page is told how high it is. */
function fit() {
  document.body.classList.add("framed");
  const tell = () => parent.postMessage({ nbprop: document.documentElement.offsetHeight }, "*");
  new ResizeObserver(tell).observe(document.documentElement);
}

/**
 * Shows the recording that is in the page.
 * @param {Record<string, Function>} draws  name of a view -> its `draw`
 */
export async function start(draws) {
  const place = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const said = place("said");
  try {
    const text = document.getElementById("recording")?.textContent ?? "";
    let bytes;
    try {
      bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    } catch {
      throw new Error("It is damaged, or a part of it is missing.");
    }
    const recording = await read(bytes);
    const model = new Standin(recording);
    const still = Object.fromEntries(Object.entries(draws).map(([name, draw]) => [name, untouched(draw)]));
    widget(still).render({ model, el: place("board") });
    document.querySelector(".nbprop-main")?.append(model.player.element);
    said.textContent = recording.index.said;
    if (parent !== window) fit();
    document.addEventListener("keydown", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (!target.matches("select, input:not([type=checkbox]), button") || target === model.player.slider) model.player.key(event);
    });
  } catch (problem) {
    said.textContent = `The run cannot be shown. ${problem instanceof Error ? problem.message : problem} Save it again, with board.save(...).`;
    said.className = "nbprop-error";
  }
}
