"""Live views of a run. Each is made for a trainer and shown by naming it at the end of a cell:

    nb.views.Loss(trainer)
    nb.views.Board(nb.views.Loss(trainer), nb.views.GradientFlow(trainer, quantity="dz"))

All give `.frame()` (the numbers), `.plot()` (Matplotlib) and `.describe()` (words), live in a notebook or not.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .board import Board
    from .controls import Controls

__all__ = [
    "Activations",
    "Attention",
    "Board",
    "Boundary",
    "Controls",
    "Filters",
    "GradientFlow",
    "Graph",
    "Histograms",
    "Lags",
    "Landscape",
    "Loss",
    "Percentiles",
    "Writing",
]

# Nothing here loads a widget before the first view is made.
_HOME = {
    "Activations": "activations",
    "Attention": "attention",
    "Loss": "loss",
    "GradientFlow": "gradients",
    "Histograms": "histograms",
    "Boundary": "boundary",
    "Filters": "filters",
    "Graph": "graph",
    "Percentiles": "percentiles",
    "Lags": "lags",
    "Landscape": "landscape",
    "Writing": "writing",
}


def _board(kind, source, height, options):
    view = getattr(import_module(f".{_HOME[kind]}", __name__), kind)(source, **options)
    return import_module(".board", __name__).Board(view, height=height)


def Loss(source, *, height=None, **options):
    """Board with the loss (and accuracy) over the steps, of training and validation data.

    source   a Trainer
    height   CSS pixels; None: by the width
    options  log (bool): logarithmic loss axis
    """
    return _board("Loss", source, height, options)


def GradientFlow(source, *, height=None, **options):
    """Board with a quantity per layer: its profile over the layers now, and as a map of layer and step."""
    return _board("GradientFlow", source, height, options)


def Histograms(source, *, height=None, **options):
    """Board with the distribution of weights, gradients or activations in each layer."""
    return _board("Histograms", source, height, options)


def Activations(source, *, height=None, **options):
    """Board with the activation of each layer and its slope, over the histogram of its inputs z in the last batch."""
    return _board("Activations", source, height, options)


def Boundary(source, *, height=None, **options):
    """Board with what the network has learned: the plane with its points, the curve, or the confusion matrix."""
    return _board("Boundary", source, height, options)


def Lags(source, *, height=None, **options):
    """Board with the norm of dL/dh at every time step of the first recurrent layer, now and over the training steps,
    recorded from now on."""
    return _board("Lags", source, height, options)


def Filters(source, *, height=None, **options):
    """Board with the filters of the network's first Conv2d, and the feature maps that they make of one picture.

    options  sample (0 to 99): which of the validation pictures
    """
    return _board("Filters", source, height, options)


def Percentiles(source, *, height=None, **options):
    """Board with the 15th, 50th and 85th percentile of the pre-activations of each layer over the steps, recorded from
    now on.

    options  of: "layer" (all units) or "unit" (the first one); same (bool): one scale for all hidden layers
    """
    return _board("Percentiles", source, height, options)


def Landscape(source, *, height=500, **options):
    """Board with a loss over two numbers from above and the paths of a `Descent` on it; buttons, sliders for the start
    and the learning rates; a click begins there."""
    return _board("Landscape", source, height, options)


def Graph(source, names=None, *, order="right", step=0, height=None, **tensors):
    """Board with a computation graph, to be walked through step by step: forward (values), then backward (gradients).

    source   a Tensor with one element, before backward(), computed from at most 40 tensors
    names    what to call tensors: {"x": x}; also as keywords, Graph(y, x=x, w=w). The others get letters, the end is L
    order    of the way back: "right" (a gradient is handed on when all of it has arrived) or "wrong" (at once)
    step     where to begin; -1 is the last step
    height   CSS pixels; None: by the graph
    """
    from nbprop.training.walk import Walk

    if not isinstance(source, Walk):
        source = Walk(source, {**(names or {}), **tensors})
    elif names or tensors:
        raise TypeError("Graph: expected names together with a Tensor; a Walk has its names already")
    view = import_module(".graph", __name__).Graph(source, order=order, step=step)
    return import_module(".board", __name__).Board(view, height=height or view.height)


def Attention(source, sample=None, *, height=None, **options):
    """Board with who looks where: the attention weights of a layer and head, letters beside rows and above columns.

    sample   a text in the data's vocabulary, or a sample (T,) or (T, d); None: the first validation sample
    options  layer: 1, 2, ...; head: 1, 2, ... or "all"
    """
    return _board("Attention", source, height, {"sample": sample, **options})


def Writing(source, *, height=None, **options):
    """Board with what a language model writes, anew once a second while it trains.

    options  temperature: 0.2 to 2; start, end: texts; lines, length: how many, and of how many tokens at most
    """
    return _board("Writing", source, height, options)


def __getattr__(name):
    if name in ("Board", "Controls"):
        value = getattr(import_module(f".{name.lower()}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'nbprop.views' has no attribute {name!r}")
