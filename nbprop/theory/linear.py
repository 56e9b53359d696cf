"""Deep linear networks: how fast they learn what, solved exactly (Saxe, McClelland & Ganguli 2014)."""

from typing import Any

import numpy as np

from nbprop.checks import number, whole

FINE = 0.01  # of a step of the integration: by how much, about, the rate of change may change in it


def mode_strength(s: Any, u0: Any, time: Any, depth: int = 2) -> np.ndarray:
    """The strength u(time) of a mode of a deep linear network y = W_depth ... W_2 W_1 x.

    A mode is a pair of singular vectors of the correlations between outputs and whitened inputs; s (m,) or a number is
    its singular value, which is learned, u0 > 0 (m,) or a number where it starts. time (n,): learning rate times steps
    of gradient descent on |y - y(x)|^2 / 2, averaged over the samples. (nbprop's "mse" also averages over the outputs,
    without the 1/2: there time is 2 lr steps / outputs.) Returns (n, m), or (n,) of numbers.

        du/dt = depth u^(2 - 2 / depth) (s - u)

    from weights that are balanced and aligned with the modes. For one hidden layer, depth 2 (equation 8 there):

        u(t) = s e^(2 s t) / (e^(2 s t) - 1 + s / u0),

    a sigmoid: nothing seems to happen for a time of about log(s / u0) / (2 s), then it is learned at once, strong modes
    long before weak ones. A single layer, depth 1, learns all at one pace, u = s + (u0 - s) e^-t.

    Raises ValueError unless s and u0 are positive, time does not fall, and depth is a whole number from 1 on.
    """
    depth = whole(1)("depth", depth)
    time = np.atleast_1d(np.asarray(time, np.float64))
    if time.ndim != 1 or not np.isfinite(time).all() or (np.diff(time) < 0).any() or (time < 0).any():
        raise ValueError("time must be finite numbers from 0 on that do not fall, such as lr * np.arange(100)")
    lone = np.ndim(s) == np.ndim(u0) == 0
    for name, value in (("s", s), ("u0", u0)):
        for each in np.ravel(value):
            number(above=0)(name, float(each))
    s, u0 = (each.astype(np.float64) for each in np.broadcast_arrays(np.atleast_1d(s), np.atleast_1d(u0)))
    if depth == 1:
        u = s + (u0 - s) * np.exp(-time[:, None])
    elif depth == 2:
        decay = np.exp(-2 * s * time[:, None])  # which cannot overflow
        u = s / (1 - decay + s / u0 * decay)
    else:
        u = _integrated(s, u0, time, depth)
    return u[:, 0] if lone else u


def _integrated(s, u, time, depth):
    def slope(u):
        return depth * u ** (2 - 2 / depth) * (s - u)

    found, now = [], 0.0
    rate = float((depth * np.maximum(s, u) ** (2 - 2 / depth)).max())
    for t in time:
        count = max(1, int(np.ceil((t - now) * rate / FINE)))
        h = (t - now) / count
        for _ in range(count if h else 0):  # Runge and Kutta's, of order 4
            a = slope(u)
            b = slope(u + h / 2 * a)
            c = slope(u + h / 2 * b)
            u = u + h / 6 * (a + 2 * b + 2 * c + slope(u + h * c))
        found.append(u)
        now = t
    return np.array(found)
