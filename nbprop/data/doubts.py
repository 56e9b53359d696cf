"""What looks like a mistake: refused where it surely is one, else said as a warning. Every function gives its words.

The bounds of `sizes` are measured: 400 points of which a network of two hidden layers has to learn, in 1,000 steps of
Adam at 0.01, whether two columns have the same sign. It does (97 %) while one column is up to 100 times the other, and
guesses (50 %) at 1,000 times; a column whose mean is 30 times its spread is enough for that.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from nbprop.data.scaling import Scaling, feature_axis

ROWS, NUMBERS = 4096, 2**19  # so many rows, evenly spaced, tell how large a column is; fewer where they are long
LARGE = 100  # root mean square of a column
LARGE_TARGET = 2000  # of a target: the last layer grows to it, in some thousand steps
OFFSET = 25  # mean over standard deviation, for a mean above OFFSET_FROM
OFFSET_FROM = 10
APART = 1000  # largest spread over least
SMALL = 0.003  # largest spread
SQUARE = 8  # a sequence of at least so many steps of as many features looks like a picture
MERGED = 2**24  # whole numbers above this may be rounded by float32
SHOWN = 4


def pictures(X: np.ndarray, name: str, named: bool) -> Iterator[str]:
    """Pictures in another shape than (n, channels, rows, columns): ValueError, or a word. named: the features have
    names, which says what they are."""
    shape = X.shape[1:]
    if named or X.ndim not in (3, 4):
        return
    if X.ndim == 4 and shape[2] in (1, 3, 4) and min(shape[:2]) > 4:
        raise ValueError(
            f"{name}: expected pictures (samples, channels, rows, columns), got {X.shape}, whose channels seem to come "
            f"last; try {name}.transpose(0, 3, 1, 2) (features=range({shape[0]}) says that there are {shape[0]} "
            "channels)"
        )
    if X.ndim == 3 and X.dtype == np.uint8:
        raise ValueError(
            f"{name}: expected pictures (samples, channels, rows, columns), or sequences (samples, time, features) of "
            f"another type than uint8, got uint8 {X.shape}; try {name}[:, None] for pictures of one channel"
        )
    if X.ndim == 3 and shape[0] == shape[1] >= SQUARE:
        yield (
            f"{name} of shape {X.shape} is taken as sequences of {shape[0]} steps with {shape[1]} features. "
            f"If it holds pictures, try {name}[:, None]; if not, features=range({shape[1]}) says so."
        )


def whole_numbers(X: np.ndarray) -> bool:
    """Could these be tokens? Then it is said that they are not taken for such."""
    whole = X.ndim == 2 and X.dtype.kind in "iu" and X.dtype.itemsize >= 4
    return whole and int(X.min()) >= 0 and int(X.max()) > 2


def tokens(X: np.ndarray, name: str) -> Iterator[str]:
    """Whole numbers that look like tokens: in columns that are all alike."""
    if not whole_numbers(X) or X.shape[1] < 3:
        return
    some = _some(X).astype(np.float64)
    mean, spread = some.mean(axis=0), some.std(axis=0)
    if np.mean(np.abs(mean - mean.mean()) <= 0.5 * spread) > 0.7:
        yield (
            f"{name} holds whole numbers from {X.min()} to {X.max()}, taken as {X.shape[1]} measurements. "
            f"If they are tokens, try vocabulary={X.max() + 1}; if not, {name}.astype(float) says so."
        )


def sizes(X: np.ndarray, name: str, features: Sequence[str], scaling: Scaling | None = None) -> Iterator[str]:
    """Features of which a network learns nothing, because they are too large, far from 0, or too far apart."""
    some = _some(X)
    if scaling is not None:
        some = scaling(some)
    if some.dtype == np.uint8 and some.max() > LARGE:
        yield (
            f"{name} holds bytes, from {some.min()} to {some.max()}, taken as they are; networks learn from numbers of "
            f"about 1. Try scale=255 (pictures), or scale='standard'."
        )
        return
    axis = feature_axis(X.ndim)
    if len(features) != X.shape[axis]:
        return
    some = np.moveaxis(some, axis, -1).reshape(-1, X.shape[axis]).astype(np.float64)
    mean, spread = some.mean(axis=0), some.std(axis=0)
    varies = spread > 1e-6 * np.abs(mean)
    widest = spread[varies].max(initial=0)
    dense = np.mean(some != 0, axis=0) > 0.1
    small = varies & dense & (spread * APART < widest)
    large = np.hypot(mean, spread) > LARGE
    apart = varies & (np.abs(mean) > OFFSET_FROM) & (np.abs(mean) > OFFSET * spread)
    bad = large | apart | small | (varies & (widest < SMALL))
    if bad.any():
        words = [
            f"{features[i]!r} from {some[:, i].min():.4g} to {some[:, i].max():.4g}"
            for i in np.flatnonzero(bad)[:SHOWN]
        ]
        more = f" and {bad.sum() - SHOWN} more" if bad.sum() > SHOWN else ""
        yield (
            f"{name} has columns of which a network learns little or nothing, for it learns from numbers of about 1: "
            f"{', '.join(words)}{more}. Try scale='standard'."
        )


def targets(y: np.ndarray, name: str) -> Iterator[str]:
    """Numbers to predict that are far too large or too small."""
    some = _some(y).astype(np.float64)
    spread = some.std(axis=0).max()
    size = np.sqrt(np.square(some).mean(axis=0).max())
    if spread > 0 and (size > LARGE_TARGET or spread < SMALL):
        yield (
            f"{name} holds numbers from {some.min():.4g} to {some.max():.4g}, of which a network, whose outputs start "
            f"at about 1, learns little or nothing. Try ({name} - {name}.mean()) / {name}.std()."
        )


def _some(X):
    rows = max(8, min(ROWS, NUMBERS // X[0].size))
    return X[:: -(-len(X) // rows)]


def merged(X: np.ndarray, name: str, features: Sequence[str], scaling: Scaling | None = None) -> Iterator[str]:
    """Columns in which float32 makes different numbers equal: timestamps, long identifiers."""
    if X.ndim != 2 or X.dtype.kind not in "iuf" or X.dtype.itemsize < 4 or X.dtype == np.float32:
        return
    for i, column in enumerate(X.T):
        largest = max(abs(float(column.min())), abs(float(column.max())))
        if largest <= (MERGED if X.dtype.kind != "f" else 1000 * float(column.std())):
            continue
        exact = np.unique(column)
        kept = exact if scaling is None else (exact.astype(np.float64) - scaling.shift[i]) / scaling.size[i]
        with np.errstate(over="ignore"):  # refused later
            kept = np.unique(kept.astype(np.float32))
        # What little is lost of scaled numbers is far below their spread.
        if len(kept) < len(exact) * (1 if scaling is None else 0.99):
            what = repr(features[i]) if i < len(features) else f"column {i}"
            first = f", such as scale='standard' or {name} - {name}.min()" if scaling is None else ""
            yield (
                f"{name}: of {len(exact)} different numbers in {what} only {len(kept)} stay different in float32, "
                f"which keeps 7 digits. Try smaller numbers{first}; an identifier is better left out."
            )
