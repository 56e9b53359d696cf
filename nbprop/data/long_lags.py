"""Sequences whose answer depends on a few places long before the end: adding and temporal order.

The same seed gives the same numbers. T is the length that the paper calls T; with another one the proportions stay. A
sequence that is shorter than the longest one is filled up with zeros *in front*, so that the answer comes after the
last step of all of them. (NB: in the paper nothing comes before the first step; `longer=0` makes all equally long.)

Source: S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, Neural Computation 9 (1997), sections 5.4 and 5.6.
"""

import numpy as np

from nbprop.checks import choice, number, whole
from nbprop.data.dataset import Dataset
from nbprop.data.gate import from_arrays

DISTRACTORS, ENDS = "abcd", "EB"


def adding(T: int = 100, samples: int = 2000, longer: float = 0.1, validation: float = 0.25, seed: int = 0) -> Dataset:
    """The adding problem: a sum of two values that are marked, to be said at the end. Regression, X (n, steps, 2).

    Each step is a value from U(-1, 1) and a mark. Two values are marked by 1: one of the first ten (of the first
    T/2 - 1, if these are fewer), and one of the first T/2 - 1 that are still unmarked. The mark of the first and the
    last step is -1, of all others 0. The answer is 0.5 + (X1 + X2) / 4; a marked value at the very first step counts
    as 0. So T/2 steps or more lie between a marked value and the answer. The paper calls an answer right if it is off
    by less than 0.04. To say 0.5, the mean, every time is a squared error of 1/24, or a little less.

    T: the smallest length, at least 8.  longer: lengths are drawn from T to T (1 + longer), at random; 0: all have T.
    samples, validation, seed: as of the other data sets.
    """
    T, samples, rng = whole(8)("T", T), whole(10)("samples", samples), _rng(seed, 0)
    lengths = _lengths(T, longer, samples, rng)
    n, steps = np.arange(samples), lengths.max()
    start = steps - lengths
    value, mark = rng.uniform(-1, 1, (samples, steps)), np.zeros((samples, steps))
    near = T // 2 - 1
    first, second = rng.integers(0, min(10, near), samples), rng.integers(0, near, samples)
    second += second >= first  # any of those that are still unmarked
    marked = [np.where(place, value[n, start + place], 0) for place in (first, second)]
    for place in (first, second):
        mark[n, start + place] = 1
    mark[n, start] = mark[:, -1] = -1
    X = np.stack([value, mark], axis=2) * (np.arange(steps) >= start[:, None])[..., None]
    y = 0.5 + (marked[0] + marked[1]) / 4
    return from_arrays(X, y, validation=validation, seed=seed, name="adding", features=("value", "mark"))


def temporal_order(
    T: int = 100, symbols: int = 2, samples: int = 2000, longer: float = 0.1, validation: float = 0.25, seed: int = 0
) -> Dataset:
    """Temporal order: in which order did X and Y come? Multiclass, 2**symbols classes, X (n, steps, 8), one-hot.

    A sequence begins with E and ends with B. Between them are a, b, c and d by lot, but for two (experiment 6a) or
    three places (6b), where X or Y stands: the classes are XX, XY, YX, YY or XXX ... YYY. The places are drawn, of two
    from T/10 to 2T/10 and T/2 to 6T/10, of three from T/10 to 2T/10, T/3 to T/3 + T/10 and 2T/3 to 2T/3 + T/10, counted
    from 0, the E.

    T: the smallest length, at least 10.  symbols: 2 or 3.  longer: lengths are drawn from T to T (1 + longer), at
    random; 0: all have T.  samples, validation, seed: as of the other data sets.
    """
    T, samples, rng = whole(10)("T", T), whole(10)("samples", samples), _rng(seed, 1)
    symbols = choice(2, 3)("symbols", symbols)
    lengths = _lengths(T, longer, samples, rng)
    n, steps = np.arange(samples), lengths.max()
    start = steps - lengths
    letters, answer = rng.integers(0, 4, (samples, steps)), rng.integers(0, 2**symbols, samples)
    for k in range(symbols):
        begin = T // 10 if k == 0 else k * T // symbols
        place = start + rng.integers(begin, begin + T // 10 + 1, samples)
        letters[n, place] = 4 + (answer >> (symbols - 1 - k)) % 2
    letters[n, start], letters[:, -1] = 6, 7
    X = np.eye(8)[letters] * (np.arange(steps) >= start[:, None])[..., None]
    names = ["".join("XY"[(c >> (symbols - 1 - k)) % 2] for k in range(symbols)) for c in range(2**symbols)]
    return from_arrays(
        X, answer, task="multiclass", validation=validation, seed=seed, name="temporal order",
        classes=names, features=(*DISTRACTORS, "X", "Y", *ENDS),
    )  # fmt: skip


def _rng(seed, which):
    return np.random.default_rng([whole()("seed", seed), which])


def _lengths(T, longer, samples, rng):
    """From T to T (1 + longer), each as often."""
    return rng.integers(T, T + round(T * number(0)("longer", longer)) + 1, samples)
