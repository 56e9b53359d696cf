/** What a widget is given: the code of board and views, loaded once for all boards of a page, which never lets go of a module. */

/** @param {any} model */
function loaded(model) {
  const page = /** @type {any} */ (globalThis), known = (page.nbpropModules ??= new Map()), text = model.get("_code");
  if (!known.has(text)) {
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const code = import(url).finally(() => URL.revokeObjectURL(url));
    known.set(text, code);
    code.catch(() => known.delete(text)); // another board may have more luck
  }
  return known.get(text);
}

export default {
  // JupyterLab holds on to the models of widgets that are closed: without the code they are small.
  initialize: (/** @type {any} */ { model }) => void model.on("destroy", () => model.set("_code", "", { silent: true })),
  render: async (/** @type {any} */ context) => (await loaded(context.model)).default.render(context),
};
