"""What a deep linear network has to learn, mode by mode: read off a model and its data."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nbprop import nn

from .linear import mode_strength
from .mean_field import in_a_row

MOST = 6  # modes: the strongest
WHITE = 0.05  # how far eigenvalues of E[x x^T] may be from 1
ALIGNED = 0.1  # of the strength of a mode: how far from aligned and balanced weights may be


@dataclass(frozen=True)
class Modes:
    """The modes of a linear network y = W_depth ... W_1 x: pairs of singular vectors of the correlations E[y x^T]
    between targets and inputs, the strongest first (Saxe, McClelland & Ganguli 2014).

    s (m,): their singular values: how strong each is when all is learned, of inputs that are white
    outputs (outputs, m), inputs (inputs, m): the vectors
    weights: (place in theta, shape) of each layer's weight, from the input on
    unsolved: why the exact solution does not hold, as "inputs that are not white"; "" where it does
    """

    s: np.ndarray
    outputs: np.ndarray
    inputs: np.ndarray
    weights: tuple[tuple[slice, tuple[int, ...]], ...]
    unsolved: str = ""

    @property
    def depth(self) -> int:
        return len(self.weights)

    def product(self, theta) -> np.ndarray:
        """W_depth ... W_1, (outputs, inputs)."""
        found: Any = None
        for W in self._matrices(theta):
            found = W if found is None else W @ found
        return found

    def _matrices(self, theta):
        return [theta[place].reshape(shape).astype(np.float64) for place, shape in self.weights]

    def strengths(self, theta) -> np.ndarray:
        """How strong each mode is in a network with these parameters, (m,): u^T W_depth ... W_1 v of its vectors u, v.
        Where the network is aligned with the modes these are the singular values of the product."""
        return np.einsum("om,oi,im->m", self.outputs, self.product(theta), self.inputs)

    def aligned(self, theta) -> bool:
        """Whether the weights are as the solution wants them: the product is made of the modes alone, all above 0, and
        neighbours are balanced, W_2^T W_2 = W_1 W_1^T."""
        strengths, W = self.strengths(theta), self._matrices(theta)
        rest = self.product(theta) - (self.outputs * strengths) @ self.inputs.T
        pairs = [(b.T @ b, a @ a.T) for a, b in pairwise(W)]
        balanced = all(np.abs(a - b).max() <= ALIGNED * max(np.abs(a).max(), np.abs(b).max()) for a, b in pairs)
        return bool(balanced and strengths.min() > 0 and np.abs(rest).max() <= ALIGNED * strengths.min())

    def solved(self, u0, time) -> np.ndarray:
        """How strong a mode is after `time` (n,) from where it has the strength u0 (m,): (n, m), see `mode_strength`,
        where NaN is what has no solution, of modes that are not above 0. time: learning rate times steps times
        2 / outputs, for nbprop's "mse" is a mean over the outputs, without the 1/2."""
        u0 = np.asarray(u0, np.float64)
        found, good = np.full((len(time), len(u0)), np.nan), np.isfinite(u0) & (u0 > 0)
        if good.any():
            found[:, good] = mode_strength(self.s[good], u0[good], time, self.depth)
        return found

    @property
    def pace(self) -> float:
        """Time that goes by in a step, over its learning rate."""
        return 2 / len(self.outputs)


def modes_of(model, X, y) -> Modes:
    """The Modes of a model of Linear layers in a row, for inputs X (n, ...) and targets y (n, outputs). ValueError for
    any other model, and for data that have none."""
    layers = []
    for module in in_a_row(model):
        if isinstance(module, nn.Linear):
            layers.append(module)
        elif not isinstance(module, nn.Identity) and not (isinstance(module, nn.Flatten) and not layers):
            raise ValueError(f"a linear network is solved, Linear layers in a row; this one has a {module!r}")
    if not layers:
        raise ValueError("a linear network is solved, Linear layers in a row; this one has none")
    X, y = np.reshape(X, (len(X), -1)).astype(np.float64), np.reshape(y, (len(y), -1)).astype(np.float64)
    if X.shape[1] != layers[0].in_features or y.shape[1] != layers[-1].out_features:
        raise ValueError(
            f"the modes are those between the inputs and the targets of the network; got {X.shape[1]} inputs and "
            f"{y.shape[1]} targets for {layers[0].in_features} and {layers[-1].out_features}"
        )
    U, s, V = np.linalg.svd(y.T @ X / len(X), full_matrices=False)
    kept = (s > 1e-6 * max(s[0], 1e-30)) & (np.arange(len(s)) < min(MOST, *(each.out_features for each in layers)))
    if not kept.any():
        raise ValueError("the targets do not go with the inputs: E[y x^T] is 0, and there is nothing to learn")
    start, places = model.theta.__array_interface__["data"][0], []
    for layer in layers:
        at = (layer.weight.data.__array_interface__["data"][0] - start) // model.theta.itemsize
        places.append((slice(at, at + layer.weight.size), layer.weight.shape))
    return Modes(s[kept], U[:, kept], V[kept].T, tuple(places), _unsolved(layers, X, y))


def _unsolved(layers, X, y):
    """Why these data and biases are not those of the solution."""
    off = np.abs(np.linalg.eigvalsh(X.T @ X / len(X)) - 1).max()
    if off > WHITE:
        return (
            f"it is for white inputs, E[x xᵀ] = 1, and here an eigenvalue of it is {off:.2g} away from 1; try "
            "X @ np.linalg.inv(np.linalg.cholesky(X.T @ X / len(X))).T"
        )
    biases = [layer.bias.data for layer in layers if layer.bias is not None]
    means = max(np.abs(X.mean(axis=0)).max(), np.abs(y.mean(axis=0)).max() / max(np.abs(y).max(), 1e-30))
    if biases and (means > WHITE or max(np.abs(each).max() for each in biases) > WHITE):
        return "it is for networks without biases; with biases, for inputs and targets of mean 0; try bias=False"
    return ""
