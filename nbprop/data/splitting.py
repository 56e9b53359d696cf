"""Which samples are for what: held back for validation, or looked at as a sample of all."""

import numpy as np

from nbprop.checks import number

SHARE = 0.25
FEWEST = 20


def held_back(validation: float | None, n: int) -> tuple[float, str]:
    """The share of n samples to hold back, and a word where None meant 0."""
    if validation is not None:
        return number(0, 1)("validation", validation), ""
    if n < FEWEST:
        return 0.0, f"fewer than {FEWEST} samples: none held back"
    return SHARE, ""


def split(y: np.ndarray, validation: float, seed: int, classes: tuple[str, ...] = ()) -> np.ndarray:
    """Which samples are kept for validation: bool (n,).

    y: class numbers (n,) with the class names `classes`, which are split in equal shares; or, without `classes`,
        anything of n rows, split at random, as are class numbers of several time steps.
    """
    if y.ndim > 1:
        classes = ()
    groups = [np.flatnonzero(y == c) for c in range(len(classes))] if classes else [np.arange(len(y))]
    is_val = np.zeros(len(y), bool)
    if validation == 0:
        return is_val
    rng = np.random.default_rng([seed, 2])
    for i, group in enumerate(groups):
        if classes and not len(group):
            continue  # a class that no sample has
        if len(group) < 2:
            what = f"of class {classes[i]!r} " if classes else ""
            many = " (if y holds numbers to predict, not classes: task='regression')" if len(classes) > 2 else ""
            raise ValueError(
                f"y: expected at least 2 samples {what}(one to train, one to validate), got {len(group)}; "
                f"try more samples, or validation=0{many}"
            )
        count = min(max(1, round(validation * len(group))), len(group) - 1)
        is_val[rng.choice(group, count, replace=False)] = True
    return is_val


def sample(y: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Places of n of the samples, in order; all of them if there are no more.

    In the order of y one out of every so many: each class, and each range of values, has its share. Where y is more
    than a number for each sample, n at random.
    """
    total = len(y)
    if n >= total:
        return np.arange(total)
    rng = np.random.default_rng([seed, 3])
    order = rng.permutation(total)
    if y.size == total:
        order = order[np.argsort(y.ravel()[order], kind="stable")]
    starts = np.arange(n + 1) * total // n
    return np.sort(order[starts[:-1] + (rng.random(n) * np.diff(starts)).astype(np.int64)])
