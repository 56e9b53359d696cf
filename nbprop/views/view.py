"""What a view is: numbers, a picture and words about a trainer. Nothing here knows a browser, a timer or a thread."""

from dataclasses import dataclass
from importlib import import_module

import numpy as np

from nbprop.checks import did_you_mean


@dataclass(frozen=True)
class Option:
    """A switch of a view: one of `choices` (pairs of value and label), a whole number where they are a range, or on and
    off when there are none."""

    name: str
    label: str
    choices: tuple[tuple[str, str], ...] | range = ()
    default: str | bool | int = False

    def check(self, value):
        """`value` if it may be chosen, else a ValueError or TypeError that names what may be."""
        if isinstance(self.choices, range):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value not in self.choices:
                low, high = self.choices[0], self.choices[-1]
                raise ValueError(f"{self.name}: expected a whole number from {low} to {high}, got {value!r}")
            return int(value)
        if not self.choices:
            if not isinstance(value, (bool, np.bool_)):
                raise TypeError(f"{self.name}: expected True or False, got {value!r}")
            return bool(value)
        values = [choice for choice, _ in self.choices]
        if value not in values:
            raise ValueError(f"{self.name}: expected one of {values}, got {value!r}{did_you_mean(value, values)}")
        return value


@dataclass(frozen=True)
class Control:
    """Something beside the picture with which a hand reaches the source: a slider from `low` to `high` (with `log`, of
    the logarithm, `step` in decades), a list of `choices` as an Option's, or, without either, a button.

    `view.act(name, value)` is called; what sliders and lists stand at is `view.labels()["values"]`, by name.
    """

    name: str
    label: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: tuple[tuple[str, str], ...] = ()


class View:
    """A picture of a trainer: `frame()` the numbers in it, `plot()` drawn by Matplotlib, `describe()` in words.

    `source` is a Trainer or whatever has its `history`, `layers`, `probe()`, `histograms()`, `data` and `predict()`.
    Every option is also an attribute: `view.log = True`. The file of the same name with the ending .js draws the
    frame in the browser.
    """

    name = ""
    title = ""
    needs: frozenset = frozenset()  # "layers", "percentiles", "lags": the series that the trainer is to record for it
    size = (4.4, 3.4)  # of its picture where no widget can live, in inches
    rate = 36.0  # most frames per second while a run plays; a picture that moves slowly or is costly asks for fewer
    options: tuple[Option, ...] = ()
    controls: tuple[Control, ...] = ()

    def __init__(self, source, **options):
        self.source = source
        self._constants = {}
        for option in self.options:
            setattr(self, option.name, option.default)
        names = [option.name for option in self.options]
        for name, value in options.items():
            if name not in names:
                kind = type(self).__name__
                raise TypeError(f"{kind}: expected options out of {names}, got {name!r}{did_you_mean(name, names)}")
            setattr(self, name, value)

    def __setattr__(self, name, value):
        option = next((option for option in self.options if option.name == name), None)
        super().__setattr__(name, option.check(value) if option else value)
        for board in vars(self).get("boards", ()) if option else ():  # those that show it, see Board
            board.ask()

    def __repr__(self):
        settings = "".join(f", {option.name}={getattr(self, option.name)!r}" for option in self.options)
        return f"{type(self).__name__}({type(self.source).__name__}{settings})"

    def frame(self):
        """All numbers in the picture: name -> float32 array. What has not changed is the same object as last time."""
        raise NotImplementedError

    def act(self, name, value):
        """A hand has used a control, or pressed on the picture. In the source's thread."""
        raise ValueError(f"{type(self).__name__}: no control {name!r}")

    def labels(self):
        """All words in the picture, as plain dicts, lists and strings that rarely change."""
        return {}

    def plot(self, ax=None):
        """The picture in Matplotlib, with the same numbers and colours; returns the Axes."""
        raise NotImplementedError

    def describe(self):
        """The picture in a sentence or two."""
        raise NotImplementedError

    def _constant(self, name, owner, make):
        """What `make()` gives, made anew only when `owner` is another object (or another equal key) than last time."""
        known = self._constants.get(name)
        if known is None or not (known[0] is owner or (isinstance(owner, tuple) and known[0] == owner)):
            known = self._constants[name] = (owner, make())
        return known[1]


VIEWS = {
    "activations": "Activations",
    "attention": "Attention",
    "loss": "Loss",
    "gradients": "GradientFlow",
    "histograms": "Histograms",
    "boundary": "Boundary",
    "filters": "Filters",
    "graph": "Graph",
    "percentiles": "Percentiles",
    "lags": "Lags",
    "writing": "Writing",
}


def view(name, source, **options):
    """The view of that name ("loss", "gradients", "histograms", "boundary", "percentiles") of a trainer; "graph": of a
    Walk."""
    if name not in VIEWS:
        raise ValueError(f"expected a view out of {list(VIEWS)}, got {name!r}{did_you_mean(name, VIEWS)}")
    return getattr(import_module(f".{name}", __package__), VIEWS[name])(source, **options)


def new_axes(ax, width=5.0, height=3.6):
    """`ax`, or the Axes of a new pyplot figure (shown at the end of a notebook cell) of that size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def number(x, digits=3):
    """A short number for people: 0.213, 1,234, 3.2e-5, NaN, inf; the same as formatNumber in _math.js."""
    x = float(x)
    if np.isnan(x):
        return "NaN"
    if np.isinf(x):
        return "inf" if x > 0 else "-inf"
    size = abs(x)
    if x == 0:
        return "0"
    if size < 1e-3 or size >= 1e6:
        mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(exponent)}"
    if size >= 1000:
        return f"{x:,.0f}"
    return f"{float(f'{x:.{digits}g}'):.10g}"


def percent(share):
    """0.931 -> "93 %"."""
    return f"{100 * float(share):.0f} %" if np.isfinite(share) else number(share)


def plural(n, word):
    """1 step, 1,200 steps."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def buckets(steps, most):
    """Where to cut rising `steps` (n,) into at most `most` runs of neighbours: the index of each run's first record.

    The cuts lie at multiples of a power of two of steps, so a picture of a growing run does not shiver.
    """
    n = len(steps)
    if n <= most:
        return np.arange(n)
    stride = 1
    while (steps[-1] // stride) - (steps[0] // stride) >= most:
        stride *= 2
    run = steps // stride
    return np.concatenate(([0], np.flatnonzero(run[1:] != run[:-1]) + 1))


def bucket_means(values, starts):
    """Mean of each run of records along axis 0; NaN and infinity come through."""
    counts = np.diff(np.append(starts, len(values)))
    if len(counts) == len(values):
        return values
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.add.reduceat(values, starts, axis=0, dtype=np.float64)
        return (sums / counts.reshape(-1, *[1] * (values.ndim - 1))).astype(np.float32)


def log_range(values, decades=1.0):
    """(low, high) of the finite positive `values`, for a log axis, at least `decades` wide; (0.1, 1) without any."""
    values = np.asarray(values, np.float64)
    values = values[(values > 0) & np.isfinite(values)]
    if not values.size:
        return 0.1, 1.0
    low, high = np.log10(values.min()), np.log10(values.max())
    if high - low < decades:
        middle = (low + high) / 2
        low, high = middle - decades / 2, middle + decades / 2
    return 10.0**low, 10.0**high
