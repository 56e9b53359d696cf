"""How weights start: each initializer gives a float64 array of shape (fan_out, fan_in).

`init.he(rng, fan_in, fan_out)` draws weights with a NumPy generator; without arguments by position, as in
`init.normal(std=0.1)`, the result is an initializer with that setting, to be given to a layer.

What they are about: with independent weights of variance Var[w] the second moment of the pre-activations is
E[z^2] = fan_in * Var[w] * E[a^2], and on the way back E[(dL/da)^2] = fan_out * Var[w] * E[(dL/dz)^2]. Over many layers
the signal neither dies out nor explodes only if the factor of each layer is close to 1.
"""

from collections.abc import Callable
from functools import partial, wraps
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import choice, lookup
from ..elsewhere import absent
from ..engine import ShapeError


def _initializer(draw) -> Callable[..., Any]:
    """Let `draw(rng, fan_in, fan_out, **settings)` be called with settings alone, for an initializer that has them."""

    @wraps(draw)
    def init(*args, **settings):
        if args or "rng" in settings:
            return draw(*args, **settings)
        made: Any = partial(draw, **settings)
        made.__name__ = f"{draw.__name__}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"
        return made

    return init


def _sample(rng, fan_in, fan_out, std, uniform):
    if uniform:  # U(-bound, bound) has variance bound^2 / 3
        return rng.uniform(-sqrt(3) * std, sqrt(3) * std, (fan_out, fan_in))
    return rng.normal(0.0, std, (fan_out, fan_in))


@_initializer
def zeros(rng, fan_in, fan_out) -> np.ndarray:
    """w = 0: all units of a layer stay equal for ever, and nothing is learned. To see why the others are needed."""
    return np.zeros((fan_out, fan_in))


@_initializer
def normal(rng, fan_in, fan_out, std=0.01) -> np.ndarray:
    """w ~ N(0, std^2) whatever the size of the layer, as before 2010."""
    return _sample(rng, fan_in, fan_out, std, uniform=False)


@_initializer
def standard(rng, fan_in, fan_out) -> np.ndarray:
    """w ~ U(-1/sqrt(fan_in), 1/sqrt(fan_in)), so Var[w] = 1 / (3 fan_in): the "commonly used heuristic" that Glorot and
    Bengio (2010, equation 1) found wanting in deep networks; also what PyTorch's Linear starts with."""
    return _sample(rng, fan_in, fan_out, 1 / sqrt(3 * fan_in), uniform=True)


@_initializer
def lecun(rng, fan_in, fan_out, gain=1.0, uniform=False) -> np.ndarray:
    """Var[w] = gain^2 / fan_in (LeCun, Bottou, Orr & Müller 1998, "Efficient BackProp", section 4.6)."""
    return _sample(rng, fan_in, fan_out, gain / sqrt(fan_in), uniform)


@_initializer
def xavier(rng, fan_in, fan_out, gain=1.0, uniform=True) -> np.ndarray:
    """Var[w] = 2 gain^2 / (fan_in + fan_out), a compromise between forward and backward pass for units that are nearly
    linear around 0 (Glorot & Bengio 2010, equation 16: U(-sqrt(6 / (fan_in + fan_out)), same))."""
    return _sample(rng, fan_in, fan_out, gain * sqrt(2 / (fan_in + fan_out)), uniform)


@_initializer
def he(rng, fan_in, fan_out, slope=0.0, mode="fan_in", uniform=False) -> np.ndarray:
    """Var[w] = 2 / ((1 + slope^2) fan): ReLU lets half of the second moment through, a leaky one (1 + slope^2) / 2
    (He, Zhang, Ren & Sun 2015, equations 10 and 15). mode: "fan_in" keeps the forward pass, "fan_out" the backward."""
    fan = fan_in if choice("fan_in", "fan_out")("mode", mode) == "fan_in" else fan_out
    return _sample(rng, fan_in, fan_out, sqrt(2 / ((1 + slope * slope) * fan)), uniform)


@_initializer
def orthogonal(rng, fan_in, fan_out, gain=1.0) -> np.ndarray:
    """Orthonormal rows or columns (whichever are fewer) times gain, uniformly distributed: keeps the length of vectors,
    so a deep linear network learns in a time that does not grow with depth (Saxe, McClelland & Ganguli 2014)."""
    q, r = np.linalg.qr(rng.normal(size=(max(fan_in, fan_out), min(fan_in, fan_out))))
    q *= np.where(np.diag(r) < 0, -gain, gain)  # without the signs of r, QR prefers some rotations
    return q if fan_out >= fan_in else q.T


INITIALIZERS = {draw.__name__: draw for draw in (zeros, normal, standard, lecun, xavier, he, orthogonal)}
ALIASES = {"glorot": "xavier", "kaiming": "he"}


def weights(which, rng, fan_in, fan_out, dtype=None) -> np.ndarray:
    """What an initializer, or the one of this name, draws with a generator or seed: an array (fan_out, fan_in)."""
    drawn = np.asarray(initializer(which)(np.random.default_rng(rng), fan_in, fan_out), dtype)
    if drawn.shape != (fan_out, fan_in):
        raise ShapeError(f"init gave an array of shape {drawn.shape}, expected (fan_out, fan_in) = {fan_out, fan_in}")
    return drawn


def initializer(which) -> Callable[..., Any]:
    """An initializer by name ("xavier", "he", ...; also "glorot", "kaiming"); a callable is returned as it is."""
    return which if callable(which) else lookup("initializer", which, INITIALIZERS, ALIASES)


if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

    def __getattr__(name) -> Any:
        raise AttributeError(absent(f"module {__name__!r}", name, INITIALIZERS))
