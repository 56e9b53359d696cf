/** The gradient at every time step: drawn as the gradient flow is, with time steps in the place of layers. */
import { draw as drawGradients } from "./gradients.js";

/**
 * @param {import("./base/plot.js").Panel} panel  @param {Record<string, import("./base/math.js").Numbers>} frame
 * @param {import("./gradients.js").Labels} labels  @param {{log?: boolean}} options
 */
export const draw = (panel, frame, labels, options) => drawGradients(panel, frame, labels, options, "steps");
