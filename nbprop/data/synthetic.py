"""Points drawn from known rules, in about [-1, 1] along each axis.

Every function takes
samples: how many points, training and validation together (at least 10).
noise: standard deviation of the Gaussian noise, as a share of the spread of what it is added to: each coordinate of
    X for classes, y for regression.
validation: the share kept for validation, 0 <= validation < 1.
seed: the same seed gives the same numbers; noise only moves the points, it does not draw others.

Every function here whose name has no underscore is a data set: it is in `DATASETS` and in the Playground's menu.
"""

from dataclasses import replace

import numpy as np

from nbprop.checks import whole
from nbprop.data.dataset import Dataset
from nbprop.data.gate import from_arrays

PLANE = ("x1", "x2")


def _start(samples, seed):
    samples = whole(10)("samples", samples)
    return np.arange(samples), np.random.default_rng([whole()("seed", seed), 0])


def _plane(angle, radius):
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _made(name, X, y, task, classes, noise, validation, seed, features=PLANE):
    made = from_arrays(
        X, y, task=task, noise=noise, validation=validation, seed=seed, name=name, classes=classes, features=features
    )
    return replace(made, settings={"samples": len(X), "noise": noise, "validation": validation, "seed": seed})


def spirals(samples: int = 400, noise: float = 0.1, validation: float = 0.25, seed: int = 0) -> Dataset:
    """Two arms wound once around each other: binary, two inputs. The hard one: no straight line is of any use.

    After the two-spirals task of Lang and Witbrock, "Learning to tell two spirals apart" (1988).
    """
    i, rng = _start(samples, seed)
    arm = i % 2
    along = (i // 2 + rng.random(samples)) / ((samples + 1) // 2)  # 0 to 1, evenly spread.
    X = _plane(2 * np.pi * along + np.pi * arm, 0.1 + 0.9 * along)
    return _made("spirals", X, arm, "binary", ("first arm", "second arm"), noise, validation, seed)


def circles(samples: int = 400, noise: float = 0.1, validation: float = 0.25, seed: int = 0) -> Dataset:
    """A disc inside a ring: binary, two inputs."""
    i, rng = _start(samples, seed)
    ring = i % 2
    area = np.where(ring, rng.uniform(0.75**2, 1, samples), rng.uniform(0, 0.5**2, samples))  # Even over the surface.
    X = _plane(rng.uniform(0, 2 * np.pi, samples), np.sqrt(area))
    return _made("circles", X, ring, "binary", ("disc", "ring"), noise, validation, seed)


def moons(samples: int = 400, noise: float = 0.1, validation: float = 0.25, seed: int = 0) -> Dataset:
    """Two half circles that reach into each other: binary, two inputs."""
    i, rng = _start(samples, seed)
    lower = i % 2
    half = _plane(rng.uniform(0, np.pi, samples), 1)
    X = np.where(lower[:, None], [1, 0.5] - half, half)
    X = (X - [0.5, 0.25]) / [1.5, 0.75]
    return _made("moons", X, lower, "binary", ("upper", "lower"), noise, validation, seed)


def xor(samples: int = 400, noise: float = 0.1, validation: float = 0.25, seed: int = 0) -> Dataset:
    """Four squares in a chequered pattern, "different" where the signs of the inputs differ: binary, two inputs."""
    i, rng = _start(samples, seed)
    signs = np.stack([i % 2, i // 2 % 2], axis=1) * 2 - 1
    X = signs * rng.uniform(0.1, 1, (samples, 2))
    y = signs[:, 0] * signs[:, 1] < 0
    return _made("xor", X, y, "binary", ("same", "different"), noise, validation, seed)


def gaussians(samples: int = 400, noise: float = 0.1, validation: float = 0.25, seed: int = 0) -> Dataset:
    """Three round clouds, of standard deviation 0.15 before noise: multiclass, two inputs."""
    i, rng = _start(samples, seed)
    cloud = i % 3
    X = _plane(np.pi / 2 + 2 * np.pi / 3 * cloud, 0.6) + 0.15 * rng.standard_normal((samples, 2))
    names = ("top", "left", "right")
    return _made("gaussians", X, cloud, "multiclass", names, noise, validation, seed)


def wave(samples: int = 400, noise: float = 0.1, validation: float = 0.25, seed: int = 0) -> Dataset:
    """A sine on a slope, y = sin(2 pi x) + x / 2: regression, one input."""
    _, rng = _start(samples, seed)
    x = rng.uniform(-1, 1, (samples, 1))
    y = np.sin(2 * np.pi * x) + x / 2
    return _made("wave", x, y, "regression", None, noise, validation, seed, features=("x",))


def surface(samples: int = 400, noise: float = 0.1, validation: float = 0.25, seed: int = 0) -> Dataset:
    """Two hills and two hollows, y = sin(pi x1) sin(pi x2): regression, two inputs."""
    _, rng = _start(samples, seed)
    X = rng.uniform(-1, 1, (samples, 2))
    y = np.sin(np.pi * X[:, 0]) * np.sin(np.pi * X[:, 1])
    return _made("surface", X, y, "regression", None, noise, validation, seed)
