/** The gradient at every time step: drawn as the gradient flow is, with time steps in the place of layers. */
import { draw as drawGradients } from "./gradients.js";

export const draw = drawGradients;
