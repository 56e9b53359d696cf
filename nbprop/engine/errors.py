"""The engine's own errors. Each message says what was expected, what came and what to try."""


class ShapeError(ValueError):
    """Arrays whose shapes do not fit an op. The message names the op and the shapes."""


class GradientError(ValueError):
    """A gradient that disagrees with central differences (see `check_gradient`)."""


class BackwardError(RuntimeError):
    """A backward pass that cannot be done: no graph, no scalar, or a graph that was let go already."""
