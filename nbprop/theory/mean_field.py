"""Mean field: how strong the signal is in each layer of a wide network with independent weights, forward and back.

In a wide dense layer the pre-activations z are sums of many independent terms, so nearly normal, with mean 0 and a
variance q that depends on the layer before alone (Poole et al. 2016; for ReLU He et al. 2015):

    q' = sigma_w^2 E[phi(sqrt(q) z)^2] + sigma_b^2,    z ~ N(0, 1),    sigma_w^2 = fan_in Var[w],  sigma_b^2 = Var[b]

and the squared norm of dL/dz is multiplied, on its way back through a layer, by (Schoenholz et al. 2017)

    chi = sigma_w^2 E[phi'(sqrt(q) z)^2].

Deep down q comes to a fixed point q*. If chi is below 1 there, two inputs become ever more alike and gradients vanish
(ordered); above 1 they become ever less alike and gradients explode (chaotic); between them is the edge of chaos.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nbprop import nn
from nbprop.checks import number
from nbprop.engine import Tensor
from nbprop.nn.dropout import Dropout

UNBOUNDED = 1e8  # a variance that grows beyond it grows for ever
NOTHING = 1e-12  # a variance as good as 0: exactly there, a kink at 0 would have but one side
CRITICAL = 0.01  # |log chi| below it: a depth scale of more than 100 layers counts as the edge
ROUNDING = 1e-4  # share of the second moment below which a variance is lost in the rounding of the integrals
SAMPLES = 16  # inputs, from the shortest to the longest, for which a network is reckoned through


def _normal(nodes, end):
    # Gauss-Legendre on either half, not Gauss-Hermite on the whole: the kink of ReLU and its kin, at 0, costs nothing.
    x, w = np.polynomial.legendre.leggauss(nodes)
    z = (x + 1) * end / 2
    weight = w * end / 2 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return np.concatenate([-z[::-1], z]), np.concatenate([weight[::-1], weight])


(Z, WEIGHT), FEW = _normal(64, 10.0), _normal(10, 6.0)  # FEW: for each of two variables


class MeanField:
    """An activation with weights of one variance, layer after layer without end.

    activation: name or module. sigma_w2: fan_in Var[w], such as 2 for "he", 1 for "lecun"; sigma_b2: Var[b].
    q: variance of the pre-activations in the first layer, from which the fixed point is come to.

    q_star: the variance that deep layers come to; inf if it grows without bound. chi: by what ||dL/dz||^2 is multiplied
    there in a layer on its way back. c_star: the correlation that any two inputs come to. xi_q, xi_c (layers): depth
    scales, in which q comes nearer to q_star, the correlation nearer to c_star, by a factor e. phase: "ordered",
    "chaotic", or "critical", at the edge of chaos.
    (Poole et al. 2016, equations 3 to 6; Schoenholz et al. 2017, equations 3 to 9.)
    """

    def __init__(self, activation: Any = "tanh", sigma_w2: float = 1.0, sigma_b2: float = 0.0, q: float = 1.0) -> None:
        self.activation = nn.activation(activation)
        self.sigma_w2, self.sigma_b2 = number(0)("sigma_w2", sigma_w2), number(0)("sigma_b2", sigma_b2)
        self.q = number(0)("q", q)

    def variance(self, q) -> np.ndarray:
        """The variance of the next layer's pre-activations, of those of variance q (any shape)."""
        return self.sigma_w2 * moments(self.activation, q)[1] + self.sigma_b2

    def chi_at(self, q) -> np.ndarray:
        """What ||dL/dz||^2 is multiplied by, on its way back to a layer of variance q (any shape)."""
        return self.sigma_w2 * moments(self.activation, np.maximum(q, NOTHING))[2]

    def correlation(self, c) -> float:
        """The correlation of two inputs in the next layer, where it is c in one at q_star."""
        q = self._deep
        product = self._together(c)[0]
        return float((self.sigma_w2 * product + self.sigma_b2) / self.variance(q)) if q else float(c)

    @cached_property
    def q_star(self) -> float:
        def rest(q):
            return float(self.variance(q)) - q

        tiny, start = 1e-12, self.q or self.sigma_b2
        if start <= tiny or abs(rest(start)) <= 1e-9 * start:
            return start
        if rest(start) < 0:
            return _root(rest, tiny, start) if rest(tiny) > 0 else 0.0
        low, high = start, 2 * start
        while rest(high) > 0:
            low, high = high, 2 * high
            if high > UNBOUNDED:
                return np.inf
        return _root(rest, low, high)

    @cached_property
    def _deep(self):
        return min(self.q_star, UNBOUNDED)

    @cached_property
    def chi(self) -> float:
        return float(self.chi_at(self._deep))

    @property
    def phase(self) -> str:
        if abs(np.log(max(self.chi, 1e-300))) < CRITICAL:
            return "critical"
        return "ordered" if self.chi < 1 else "chaotic"

    @cached_property
    def c_star(self) -> float:
        if self.chi <= 1 or not np.isfinite(self.q_star):
            return 1.0
        return _root(lambda c: self.correlation(c) - c, 0.0, 1 - 1e-6)

    @cached_property
    def xi_q(self) -> float:
        q = self._deep
        if q <= 1e-9:  # there phi is as good as linear
            return _scale(float(self.chi_at(q)))
        _, _, _, slope = moments(self.activation, q)
        return _scale(self.sigma_w2 * float(slope) / np.sqrt(q))

    @cached_property
    def xi_c(self) -> float:
        return _scale(self.chi if self.c_star == 1 else self.sigma_w2 * self._together(self.c_star)[1])

    def _together(self, c):
        q = self._deep
        product, slopes = products(self.activation, q, q, c * q)
        return float(product), float(slopes)

    def describe(self) -> str:
        """In words: phase, depth scale, what gradients do."""
        start = f"σw² = {_short(self.sigma_w2)}, σb² = {_short(round(self.sigma_b2, 4))}"
        if self.phase == "critical":
            return f"{start}: at the edge of chaos, signal and gradients keep their size (χ = {_short(self.chi)})"
        gradients = "vanish" if self.phase == "ordered" else "explode"
        grows = ", and activations grow without bound" if not np.isfinite(self.q_star) else ""
        if not self.chi:
            return f"{start}: ordered: no gradient gets through (χ = 0)"
        scale = f", depth scale {_short(self.xi_c)} layers" if np.isfinite(self.xi_c) and not grows else ""
        factor = _short(np.sqrt(max(self.chi, 1 / self.chi)))
        return (
            f"{start}: {self.phase}{scale}: gradients {gradients} by a factor {factor} a layer{grows} "
            f"(χ = {_short(self.chi)}, q* = {_short(self.q_star)})"
        )

    def __repr__(self) -> str:
        name = getattr(self.activation, "name", "") or type(self.activation).__name__
        return f"MeanField({name!r}, sigma_w2={self.sigma_w2:.4g}, sigma_b2={self.sigma_b2:.4g})"


def mean_field(activation: Any = "tanh", sigma_w2: float = 1.0, sigma_b2: float = 0.0, q: float = 1.0) -> MeanField:
    """What becomes of a signal in a deep, wide network with independent weights: see `MeanField`.

    `nb.mean_field("tanh", 1.76, 0.05).chi` is close to 1: the edge of chaos (Schoenholz et al. 2017).
    `trainer.mean_field()` says what becomes of it in the layers of its own network.
    """
    return MeanField(activation, sigma_w2, sigma_b2, q)


@dataclass(frozen=True)
class Prediction:
    """What mean field says of each of the L dense layers of a network, (L,) each.

    sigma_w2, sigma_b2: fan_in times the mean square of the weights (with dropout before the layer, divided by the share
    that is kept), mean square of the biases. q: variance of z; a_std: standard deviation of the activations, over the
    inputs and the units, NaN where all inputs give as good as the same; dz: norm of dL/dz relative to that of the last
    layer. deep: the `MeanField` of the hidden layers behind the first, None where there is none.
    """

    sigma_w2: np.ndarray
    sigma_b2: np.ndarray
    q: np.ndarray
    a_std: np.ndarray
    dz: np.ndarray
    deep: "MeanField | None"


def predict(model, X) -> Prediction:
    """The mean-field prediction for a network of dense layers with inputs X (n, ..., features): as if its weights were
    independent, with the spread that they have now. Right after initialization they are; what learning has made of
    them is how what is measured differs.

    Raises ValueError for a model that is not dense layers and activations one after the other: normalization, residual
    paths, convolutions, attention and recurrence follow other equations.
    """
    layers, flat = stack(model)
    X = np.asarray(X, np.float64)
    if not len(X) or not np.isfinite(X).all():
        raise ValueError("mean field needs finite inputs, one at least")
    X = X.reshape(len(X), -1) if flat else X.reshape(-1, X.shape[-1] if X.ndim > 1 else 1)
    first, second, both = _pairs(X)  # E[a^2] of either of two inputs, and E[a a'], of the input layer
    w2, b2, q, std, chi = [], [], [], [], []
    for linear, activation, kept in layers:
        w2.append(linear.in_features * float(np.mean(np.square(linear.weight.data, dtype=np.float64))) / kept)
        b2.append(0.0 if linear.bias is None else float(np.mean(np.square(linear.bias.data, dtype=np.float64))))
        variances = [w2[-1] * each + b2[-1] for each in (first, second)]  # of z
        together = w2[-1] * kept * both + b2[-1]  # dropout drops other units for another input
        (mean, first, slope, _), (other, second, *_) = (moments(activation, each) for each in variances)
        both = products(activation, *variances, together)[0]
        q.append(variances[0].mean())
        # Of N units for the whole batch the mean is not quite that of all units: of one unit it is its own.
        square = float((mean * other).mean())
        variance = first.mean() - square - (both.mean() - square) / linear.out_features
        std.append(np.sqrt(variance) if variance > ROUNDING * first.mean() else np.nan)
        chi.append(slope)
    back = np.ones((len(layers), len(first)))  # ||dL/dz||^2 for each of the inputs
    for k in range(len(layers) - 2, -1, -1):
        back[k] = back[k + 1] * w2[k + 1] * chi[k]
    deep = None
    if len(layers) > 2:
        deep = MeanField(layers[0][1], float(np.mean(w2[1:-1])), float(np.mean(b2[1:-1])), float(q[0]))
    dz = np.sqrt(back.mean(axis=1))
    return Prediction(np.array(w2), np.array(b2), np.array(q), np.array(std), dz, deep)


def _pairs(X):
    """(x^2, x'^2, x x'), each averaged over the features: (pairs,) for pairs of inputs out of X (n, features)."""
    squares = (X**2).mean(axis=1)
    order = np.argsort(squares, kind="stable")
    some = X[order[((np.arange(SAMPLES) + 0.5) / SAMPLES * len(X)).astype(int)]]  # from the shortest to the longest
    a = np.tile(some, (2, 1))
    b = np.concatenate([np.roll(some, SAMPLES // 3, axis=0), np.roll(some, SAMPLES // 2 + 1, axis=0)])
    return (a**2).mean(axis=1), (b**2).mean(axis=1), (a * b).mean(axis=1)


def stack(model) -> tuple[list[tuple[Any, Any, float]], bool]:
    """(Linear, activation behind it, share that dropout before it keeps) of each layer, and whether inputs are
    flattened first. ValueError if the model is not only these in a row."""
    layers, kept, flat = [], 1.0, False
    for module in in_a_row(model):
        if isinstance(module, nn.Linear):
            layers.append((module, nn.Identity(), kept))
            kept = 1.0
        elif isinstance(module, nn.Flatten) and not layers:
            flat = True
        elif isinstance(module, Dropout) and layers:
            kept *= 1 - module.p
        elif isinstance(module, nn.Activation) and layers and isinstance(layers[-1][1], nn.Identity) and kept == 1:
            layers[-1] = layers[-1][0], module, layers[-1][2]
        else:
            raise ValueError(
                f"mean field is for dense layers and activations one after the other; this network has "
                f"a {type(module).__name__}, which follows other equations"
            )
    if not layers:
        raise ValueError("mean field is for dense layers, nn.Linear; this network has none")
    return layers, flat


def in_a_row(module: Any) -> Iterator[Any]:
    """The modules inside of Sequentials, one after the other."""
    if type(module) is nn.Sequential:
        for inner in module:
            yield from in_a_row(inner)
    else:
        yield module


def curve(activation, z) -> tuple[np.ndarray, np.ndarray]:
    """phi(z) and phi'(z), float64 of the shape of z."""
    x = Tensor(np.array(z, np.float64), requires_grad=True)
    with np.errstate(all="ignore"):
        a = activation.fixed()(x)
        if a is x:  # the identity
            return x.data, np.ones_like(x.data)
        a.backward(np.ones_like(x.data))
    return a.data, x.grad


def moments(activation, q) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """E[phi], E[phi^2], E[phi'^2] and E[phi phi' z], of phi(sqrt(q) z) with z ~ N(0, 1): arrays of the shape of q."""
    a, slope = curve(activation, np.sqrt(np.asarray(q, np.float64))[..., None] * Z)
    with np.errstate(all="ignore"):
        return a @ WEIGHT, a**2 @ WEIGHT, slope**2 @ WEIGHT, a * slope @ (WEIGHT * Z)


def products(activation, q, r, both) -> tuple[np.ndarray, np.ndarray]:
    """E[phi(u) phi(v)] and E[phi'(u) phi'(v)] of normal u, v with variances q, r and covariance `both`: arrays of the
    shape of these."""
    q, r, both = (np.asarray(each, np.float64)[..., None, None] for each in (q, r, both))
    z, weight = FEW
    along = np.divide(both, np.sqrt(q), out=np.zeros_like(both * q), where=q > 0)
    u = np.sqrt(q) * z[:, None] + 0 * z
    v = along * z[:, None] + np.sqrt(np.maximum(r - along**2, 0)) * z
    (a, da), (b, db) = curve(activation, u), curve(activation, v)
    weight = weight[:, None] * weight
    return (a * b * weight).sum(axis=(-2, -1)), (da * db * weight).sum(axis=(-2, -1))


def _root(f, low, high) -> float:
    """Where f, positive at low and negative at high, is 0."""
    for _ in range(60):
        middle = (low + high) / 2
        if f(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _scale(factor):
    """In how many layers what is multiplied by `factor` in each changes by a factor e."""
    size = abs(np.log(abs(factor))) if factor else np.inf
    return float(1 / size) if size > 1e-9 else np.inf


def _short(x):
    return f"{float(f'{x:.3g}'):g}" if np.isfinite(x) else "∞"
