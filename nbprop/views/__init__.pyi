# Written by `python -m nbprop.views.base.stub`: change the views, not this.
from typing import Any, Literal

from nbprop.record.source import Shown

from .board import Board as Board, Controls as Controls

class _Activations(Board): ...

def Activations(
    source: Shown,
    *,
    height: float | None = None,
) -> _Activations:
    """For every layer with an activation f: the histogram of its inputs z in the last batch, under the curve of f and
    its slope f'. Backpropagation multiplies by this slope, so nothing gets through where it is near 0.
    """

class _Alignment(Board):
    above: str

def Alignment(
    source: Shown,
    X: Any = None,
    labels: Any = None,
    frames: int | None = None,
    classes: Any = None,
    blank: int = 0,
    *,
    above: str = "said",
    height: float | None = None,
) -> _Alignment:
    """CTC at work on one sequence: above, what the network gives each class at each frame; below, where the alignments
    of the true labels are, a row for each state blank, label, blank, ...
    """

class _Attention(Board):
    layer: int | str
    head: int | str

def Attention(
    source: Shown,
    sample: Any = None,
    rows: Any = None,
    columns: Any = None,
    *,
    layer: int | str = 1,
    head: int | str = "all",
    height: float | None = None,
) -> _Attention:
    """The attention weights of a layer for one sample: a row for each place that looks, a column for each place that
    is looked at. Every row has the sum 1; what a mask forbids is left empty.
    """

class _Boundary(Board):
    errors: bool
    x: str
    y: str
    held: Literal["mean", "sample"]

def Boundary(
    source: Shown,
    *,
    height: float | None = None,
    ghosts: Any = (),
    errors: bool = False,
    x: str = "",
    y: str = "",
    held: Literal["mean", "sample"] = "mean",
) -> _Boundary:
    """What the network says wherever it may be asked, under the points it learns from (filled) and those it is tested
    with (rings).
    """

class _Confusion(Board):
    of: Literal["validation", "training"]
    shares: bool

def Confusion(
    source: Shown,
    *,
    height: float | None = None,
    ghosts: Any = (),
    of: Literal["validation", "training"] = "validation",
    shares: bool = False,
) -> _Confusion:
    """How often samples of each class are taken for each class: a row for each true class, a column for each that the
    network says. A cell that is pressed (or `view.cell = "3", "8"`, true and said) shows its samples; one of these
    that is pressed is chosen in all views of the board.
    """

class _Doctor(Board): ...

def Doctor(
    source: Shown,
    *,
    height: float | None = None,
) -> _Doctor:
    """The findings of a run, worst first: what is wrong, the numbers that say so, why it is so, and what can be done,
    a button for each remedy. A press applies it as a turn that can be undone; after 100 steps it is said whether it
    has helped. See `nb.diagnose`, which gives the same in code.
    """

class _Drawing(Board):
    target: str
    gradient: Literal["score", "loss"]
    placed: bool

def Drawing(
    source: Shown,
    shape: tuple[int, ...] | None = None,
    *,
    height: float | None = None,
    target: str = "",
    gradient: Literal["score", "loss"] = "score",
    placed: bool = True,
) -> _Drawing:
    """A sheet of paper to draw on, beside it the pixels that the network gets of it, what it says, and the gradient
    with respect to every pixel.
    """

class _Explained(Board):
    station: int
    numbers: bool
    of: Literal["chosen", "batch", "sample"]
    follow: bool

def Explained(
    source: Any,
    *,
    height: float | None = None,
    station: int = 0,
    numbers: bool = False,
    of: Literal["chosen", "batch", "sample"] = "chosen",
    follow: bool = True,
) -> _Explained:
    """One step of a run, gone through in stations: the input, each layer forward, the loss and the error, each layer
    backward, the update of each layer. At every station what is computed there lights up; beside it stand its
    equation, what of earlier stations is reused, and what it has cost so far.
    """

class _Filters(Board):
    sample: int

def Filters(
    source: Shown,
    *,
    height: float | None = None,
    sample: int = 0,
) -> _Filters:
    """For each filter of the network's first Conv2d its weights (input channels beside each other) and, below, what
    the layer, with its activation, makes of one picture: 0 is pale, positive blue, negative orange.
    """

class _GradientFlow(Board):
    quantity: str
    log: bool
    theory: bool

def GradientFlow(
    source: Shown,
    *,
    height: float | None = None,
    ghosts: Any = (),
    quantity: str = "dz",
    log: bool = True,
    theory: bool = False,
) -> _GradientFlow:
    """One quantity in every layer: a profile of the last step, and a map of layers and steps whose left part is the
    whole run and whose right part is the newest records.
    """

class _Graph(Board):
    order: Literal["right", "wrong"]
    step: int

def Graph(
    source: Any,
    names: dict | None = None,
    *,
    order: Literal["right", "wrong"] = "right",
    step: int = 0,
    height: float | None = None,
    **tensors: Any,
) -> _Graph:
    """How a number was computed: a box for each tensor, an edge to each operation that used it, with the local
    derivative on it. Step by step the values are computed from left to right, then the gradients from right to
    left.
    """

class _Histograms(Board):
    kind: Literal["weights", "gradients", "activations"]
    log: bool

def Histograms(
    source: Shown,
    *,
    height: float | None = None,
    ghosts: Any = (),
    kind: Literal["weights", "gradients", "activations"] = "weights",
    log: bool = False,
) -> _Histograms:
    """One histogram per layer, each over its own range, which is printed; and how many values are NaN or infinite."""

class _Lags(Board):
    layer: str
    log: bool

def Lags(
    source: Shown,
    *,
    height: float | None = None,
    ghosts: Any = (),
    layer: str = "1",
    log: bool = True,
) -> _Lags:
    """Norm of dL/dh_t at every time step of a recurrent layer: a profile of the last training step, and a map of time
    steps and training steps. The last time step T is at the bottom, as the output is in the gradient flow; of a
    direction that reads from the end it is the first place of the sequence.
    """

class _Landscape(Board):
    directions: Literal["random", "path"]
    log: bool

def Landscape(
    source: Shown,
    *,
    height: float | None = None,
    directions: Literal["random", "path"] = "random",
    log: bool = True,
) -> _Landscape:
    """Bands of equal height of a loss, the higher the darker and, from the lowest place on, narrower first (a
    logarithmic scale); on it the path of every optimizer, with a dot for each step. + marks the lowest places.
    """

class _Loss(Board):
    log: bool
    accuracy: bool

def Loss(
    source: Shown,
    *,
    height: float | None = None,
    ghosts: Any = (),
    log: bool = False,
    accuracy: bool = True,
) -> _Loss:
    """Training loss (mean of neighbouring batches, with a band from the lowest to the highest), validation loss and,
    when the network classifies, the share it gets right; metrics of one's own, and the numbers that an objective's
    `evaluate` gives; a flag at every change.
    """

class _Modes(Board): ...

def Modes(
    source: Shown,
    *,
    height: float | None = None,
) -> _Modes:
    """How strong each mode of a linear network is over the steps: u^T W v, with W the product of all weights, and u, v
    a pair of singular vectors of the correlations E[y x^T] that are to be learned. Of weights that are aligned with
    the modes these are the singular values of W. Dots: measured, at every snapshot; dashed: the exact solution
    (Saxe, McClelland and Ganguli 2014, equation 8 and its like for other depths), from balanced and aligned weights
    on; of others from where a mode has 5 % of its strength. The solution begins anew where a knob was turned.
    """

class _Network(Board):
    edges: Literal["weight", "gradient", "update"]
    detail: bool

def Network(
    source: Shown,
    *,
    height: float | None = None,
    edges: Literal["weight", "gradient", "update"] = "weight",
    detail: bool = False,
) -> _Network:
    """Columns of units from the input to the output. Where there are two inputs the small picture of a unit is what it
    responds to over the plane; of a convolution its map, of the first layer behind a picture its weights, of a
    sequence its values over time, of an attention who looks where; else its activation, of the sample or place that
    is chosen, or its mean over the batch of the last step.
    """

class _Percentiles(Board):
    of: Literal["layer", "unit"]
    same: bool

def Percentiles(
    source: Shown,
    *,
    height: float | None = None,
    ghosts: Any = (),
    of: Literal["layer", "unit"] = "layer",
    same: bool = True,
) -> _Percentiles:
    """The 15th, 50th and 85th percentile of the pre-activations z of every layer over the steps (Ioffe and Szegedy
    2015, figure 1b and c). 70 % of the values lie in the band, which for a normal distribution reaches one standard
    deviation above and below its middle.
    """

class _Phase(Board):
    measure: str
    over: Literal["median", "mean", "lowest", "highest", "spread"]
    x: str
    y: str
    log: bool

def Phase(
    source: Shown,
    line: Any = None,
    at: dict[str, Any] | None = None,
    *,
    height: float | None = None,
    measure: str = "",
    over: Literal["median", "mean", "lowest", "highest", "spread"] = "median",
    x: str = "",
    y: str = "",
    log: bool = False,
) -> _Phase:
    """What came of each run of a sweep, `nb.sweep(...)`, over two axes of its grid: a cell for each pair of values,
    coloured by a number that was measured. What is still to come, what runs, has diverged or has failed is told
    apart by its mark. A cell that is pressed (or `view.cell = {"depth": 5, "gain": 1.2}`) is framed, and its runs
    are drawn as curves below the map.
    """

class _Runs(Board):
    of: Literal["loss", "accuracy"]
    axis: Literal["step", "samples", "seconds", "evaluations", "forwards"]
    difference: bool
    log: bool

def Runs(
    source: Shown,
    *,
    height: float | None = None,
    of: Literal["loss", "accuracy"] = "loss",
    axis: Literal["step", "samples", "seconds", "evaluations", "forwards"] = "step",
    difference: bool = False,
    log: bool = False,
) -> _Runs:
    """The losses of several runs side by side: thick on the validation points, thin in training (the batches, mean of
    neighbouring ones); where there are no validation points, thin alone. A flag where something was changed.
    """

class _Samples(Board):
    by: Literal["mean", "loss", "gradient", "forgotten"]
    log: bool

def Samples(
    source: Shown,
    *,
    height: float | None = None,
    by: Literal["mean", "loss", "gradient", "forgotten"] = "mean",
    log: bool = False,
) -> _Samples:
    """The loss of each training sample over the steps, measured as in evaluation, of at most 512 of them, always the
    same: a bar for each, sorted; below, how losses run, and the sample that is chosen with what the network says of
    it.
    """

class _Scene(Board):
    time: int
    trail: bool

def Scene(
    source: Any,
    draw: Any = None,
    x: tuple[float, float] | None = None,
    y: tuple[float, float] | None = None,
    *,
    height: float | None = None,
    time: int = 0,
    trail: bool = False,
) -> _Scene:
    """Lines, circles and rectangles that a function draws, moment by moment; both axes have the same scale."""

class _Sharpness(Board):
    log: bool

def Sharpness(
    source: Shown,
    *,
    height: float | None = None,
    ghosts: Any = (),
    log: bool = False,
) -> _Sharpness:
    """The largest eigenvalue of the Hessian of the training loss, on a fixed sample of at most 512 training samples;
    dashed, how large it may be for the steps of gradient descent to be stable: 2/lr, more with momentum.
    """

class _Words(Board):
    by: str
    score: str | None

def Words(
    source: Shown,
    sentences: Any = None,
    *,
    by: str = "gradient",
    score: str | None = None,
    height: float | None = None,
) -> _Words:
    """Sentences whose words are coloured by how much each has to do with the score of a class: blue speaks for it,
    orange against it, the darker the more, by one scale for all. At the end of a line stands the score.
    """

class _Writing(Board):
    temperature: float | str

def Writing(
    source: Shown,
    start: str | None = None,
    end: Any = "\n",
    lines: int = 6,
    length: int | None = None,
    *,
    temperature: float | str = 0.8,
    height: float | None = None,
) -> _Writing:
    """Texts of a network that gives, for tokens (n, T), the probabilities of the next one at each place, (n, T, V).
    The next token is drawn, put behind the text, and so on. The paler a letter, the less probable it was.
    """
