"""The engine's own errors. Each message says what was expected, what came and what to try."""

from difflib import get_close_matches


class ShapeError(ValueError):
    """Arrays whose shapes do not fit an op. The message names the op and the shapes."""


class GradientError(ValueError):
    """A gradient that disagrees with central differences (see `check_gradient`)."""


class BackwardError(RuntimeError):
    """A backward pass that cannot be done: no graph, no scalar, or a graph that was let go already."""


def did_you_mean(value, names):
    """ "; did you mean 'tanh'?" if one of the names is close, else nothing."""
    known = {name.lower(): name for name in names}
    close = get_close_matches(str(value).lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {known[close[0]]!r}?" if close else ""
