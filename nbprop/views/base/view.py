"""What a view is: numbers, a picture and words about a trainer. Nothing here knows a browser, a timer or a thread."""

import inspect
import textwrap
import threading
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.checks import did_you_mean
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Shown, Taught, lacking, members

from .beside import Beside
from .chosen import Chosen
from .colors import MUTED
from .options import Control, Option, signature

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class _Made(type):
    """Once a view is made, it takes no new attributes: what is mistyped would be lost in silence."""

    options: "tuple[Option, ...]"
    __signature__: inspect.Signature

    def __call__(cls, *args, **kwargs) -> Any:
        parameters = cls.__signature__.parameters
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()) and (unknown := set(kwargs) - set(parameters)):
            names, name = [option.name for option in cls.options], min(unknown)
            raise TypeError(
                f"{cls.__name__}: expected options out of {names}, got {name!r}{did_you_mean(name, parameters)}"
            )
        view = super().__call__(*args, **kwargs)
        vars(view)["_made"] = True
        return view


class View(Beside, metaclass=_Made):
    """A picture of a source: `frame()` the numbers in it, `plot()` drawn by Matplotlib, `describe()` in words.

    `source` is a Trainer, or whatever has the members of `Shown` in nbprop/record/source.py and of the protocols in the
    view's `contract`. Where it has not, or cannot say, `describe()` and `plot()` say what is missing, `frame()` and
    `labels()` are empty, and `unserved` is the sentence: no method need look for that itself, and any may raise
    `CannotSay`. Every option is also an attribute: `view.log = True`. The file of the same name with the ending .js
    draws the frame in the browser.

    Most views draw `ghosts`, too: see beside.py.
    """

    name = ""
    title = ""
    about = ""  # what it is, for a newcomer: two sentences in plain words
    lesson: Lesson | None = None  # of the course, which explains it
    contract: tuple[type, ...] = ()  # protocols of nbprop/record/source.py: what it reads of its source
    shows = "a Trainer"  # what has all that, in words
    one_array = True  # does it need data of one array of inputs? False: of several, `data.Arrays`, they will do as well
    records: frozenset = (
        frozenset()
    )  # "layers", "lags", "sharpness", ...: the series that the source is to record for it
    size = (4.4, 3.4)  # of its picture where no widget can live, in inches
    row = ""  # of a board with columns: "whole", it has one for itself; "tall", two low ones; "new", it begins one
    height: float | None = None  # of a board with it alone, in CSS pixels; None: by the width
    rate = 60.0  # most frames per second while a run plays; a picture that moves slowly or is costly asks for fewer
    options: tuple[Option, ...] = ()
    tools = False  # can points be drawn in it: see drawing.py
    controls: tuple[Control, ...] = ()
    links: tuple[str, ...] = ()  # what of `chosen` it shows: "sample", "point", "layer", "unit", "source"
    chosen: Chosen  # what is chosen, shared by all views of a board
    unserved = ""  # what it said instead of a picture when it was last asked for one

    def __init_subclass__(cls, **settings) -> None:
        super().__init_subclass__(**settings)
        for name, instead in _INSTEAD.items():
            if name in vars(cls):
                setattr(cls, name, _answered(vars(cls)[name], instead))
        cls.__signature__ = signature(cls)

    def __init__(self, source, **options) -> None:
        kind = type(self).__name__
        if missing := lacking(source, (Shown,)):
            raise TypeError(
                f"{kind}: expected {self.shows}, or another source (see nbprop/record/source.py), got "
                f"{type(source).__name__}, which has no {_and(missing, 'or')}"
            )
        self.source = source
        self._constants = {}
        self.chosen = Chosen()
        self.chosen.join(self)
        self._lacking = lacking(source, self.contract)
        for option in self.options:
            setattr(self, option.name, option.default)
        self.ghosts = options.pop("ghosts", ())
        for name, value in options.items():
            setattr(self, name, value)

    if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

        def __setattr__(self, name, value) -> None:
            option = next((option for option in self.options if option.name == name), None)
            if option is None and "_made" in vars(self) and not (name in vars(self) or hasattr(type(self), name)):
                names = [option.name for option in self.options]
                there = ", ".join(map(repr, names)) if names else "none"
                meant = did_you_mean(name, names)
                raise AttributeError(
                    f"{type(self).__name__} has no attribute {name!r}{meant}; its options are: {there}"
                )
            super().__setattr__(name, option.check(value) if option else value)
            for peer in self._peers if option else ():
                if getattr(peer, name) != getattr(self, name):
                    setattr(peer, name, value)
            for board in vars(self).get("boards", ()) if option else ():  # those that show it, see Board
                board.ask()

    def __repr__(self) -> str:
        settings = "".join(f", {option.name}={getattr(self, option.name)!r}" for option in self.options)
        return f"{type(self).__name__}({type(self.source).__name__}{settings})"

    @classmethod
    def suits(cls, source) -> bool:
        """Whether it would have something to show of such a source: for lists to choose from. Cheap."""
        return not lacking(source, cls.contract)

    def frame(self) -> dict[str, Any]:
        """All numbers in the picture: name -> float32 array. What has not changed is the same object as last time."""
        raise NotImplementedError

    def act(self, name, value) -> None:
        """A hand has used a control, or pressed on the picture or moved over it. In the source's thread."""
        if name == "layer" and name in self.links:
            return self.chosen.set(layer=value)
        raise ValueError(f"{type(self).__name__}: no control {name!r}")

    def labels(self) -> dict[str, Any]:
        """All words in the picture, as plain dicts, lists and strings that rarely change."""
        return {}

    def plot(self, ax=None) -> "Axes":
        """The picture in Matplotlib, with the same numbers and colours; returns the Axes."""
        raise NotImplementedError

    def describe(self) -> str:
        """The picture in a sentence or two."""
        raise NotImplementedError

    def marks(self) -> dict[str, str]:
        """What the marks, headings and short words in the picture mean: name -> a sentence. They are in `labels()`, for
        the browser, where they stand under the pointer."""
        return {}

    def explain(self) -> str:
        """What this view is, `describe()`, and what every mark in the picture means, a line each."""
        known = [f"{self.about} ({self.lesson})" if self.lesson else self.about] if self.about else []
        return "\n".join([*known, self.describe(), *(f"{name}: {words}" for name, words in self.marks().items())])

    @property
    def version(self) -> Any:
        """Something else whenever there is something new to show."""
        return (super().version, *self.chosen.told(self.links).items()) if self.links else super().version

    @property
    def moment(self) -> int | None:
        """The step that is looked at, of a source that is a look at the past; else None."""
        return getattr(self.source, "moment", None)

    def unmeasured(self) -> str:
        """What stands where nothing has been measured; it is no alarm."""
        if self.moment is not None:
            return f"not recorded at step {self.moment:,}"
        return "not measured yet: make a step" if self.source.steps else "no step yet: play, or make a step"

    @property
    def served(self) -> bool:
        """Has its source all that it reads? (It may still have no answer: then `unserved` says so.)"""
        try:
            return not self._missing()
        except CannotSay:
            return False

    def _missing(self):
        if self._lacking:
            self._lacking = lacking(self.source, self.contract)
        needs_data = Taught in self.contract and "data" not in self._lacking
        if not needs_data or hasattr(self.source.data, "X_train"):
            return self._lacking
        if not self.one_array and self.source.data is not None:
            return self._lacking
        none = self.source.data is None
        return [*self._lacking, "data" if none else "data set with one array of inputs and one of targets"]

    def _ask(self):
        """CannotSay if the source lacks what the view reads."""
        if missing := self._missing():
            raise CannotSay(
                getattr(self.source, "why_not", {}).get(self.name)
                or f"{type(self).__name__} shows {self.shows}: it needs {_and(_calls(self.contract))}, "
                f"and this {type(self.source).__name__} has no {_and(missing, 'or')}."
            )

    def _constant(self, name, owner, make):
        """What `make()` gives, made anew only when `owner` is another object (or another equal key) than last time."""
        known = self._constants.get(name)
        if known is None or not (known[0] is owner or (isinstance(owner, tuple) and known[0] == owner)):
            known = self._constants[name] = (owner, make())
        return known[1]


_asked = threading.local()  # .inside: is a view of this thread answering already?


def _answered(method, instead):
    """The method, with the words of a CannotSay in the place of its answer: `instead(view, words, *arguments)`."""

    @wraps(method)
    def answer(self, *args, **kwargs):
        if getattr(_asked, "inside", False):  # plot() asks for frame(): it is plot that cannot answer
            return method(self, *args, **kwargs)
        _asked.inside = True
        try:
            self._ask()
            found = method(self, *args, **kwargs)
            if method.__name__ != "labels":  # which may be known where the numbers are not
                self.unserved = ""
            return found
        except CannotSay as error:
            self.unserved = str(error)
            return instead(self, str(error), *args, **kwargs)
        finally:
            _asked.inside = False

    return answer


def _plot_words(view, words, ax=None):
    ax = new_axes(ax, *view.size)
    ax.set_title(view.heading)
    ax.axis("off")
    lines = "\n".join(textwrap.wrap(words, 44))
    ax.text(0.5, 0.5, lines, ha="center", va="center", fontsize="small", color=MUTED, transform=ax.transAxes)
    return ax


_INSTEAD = {
    "frame": lambda view, words: {},
    "labels": lambda view, words: {},
    "marks": lambda view, words: {},
    "describe": lambda view, words: words,
    "plot": _plot_words,
}


def _calls(protocols):
    """data, predict(X)."""
    for protocol in protocols:
        for name in members(protocol):
            member = vars(protocol).get(name)
            arguments = list(inspect.signature(member).parameters)[1:] if inspect.isfunction(member) else None
            yield name if arguments is None else f"{name}({', '.join(arguments)})"


def _and(words, last="and"):
    """a, b and c."""
    *rest, end = words
    return f"{', '.join(rest)} {last} {end}" if rest else end


def new_axes(ax, width=5.0, height=3.6) -> "Axes":
    """`ax`, or the Axes of a new pyplot figure (shown at the end of a notebook cell) of that size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def inches(ax) -> np.ndarray:
    """Width and height of the figure, or of the part of one, in which the Axes are."""
    return np.asarray(ax.figure.bbox.size) / ax.figure.dpi


def number(x, digits=3) -> str:
    """A short number for people: 0.213, 1,234, 3.2e-5, NaN, inf; the same as formatNumber in math.js."""
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


def percent(share) -> str:
    """0.931 -> "93 %"."""
    return f"{100 * float(share):.0f} %" if np.isfinite(share) else number(share)


def plural(n, word) -> str:
    """1 step, 1,200 steps."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def buckets(steps, most) -> np.ndarray:
    """Where to cut rising `steps` (n,) into at most `most` runs of neighbours: the index of each run's first record.

    The cuts lie at multiples of a power of two of steps, so a picture of a growing run does not shiver.
    """
    n = len(steps)
    if n <= most:
        return np.arange(n)
    first, last, stride = int(steps[0]), int(steps[-1]), 1
    while last // stride - first // stride >= most:
        stride *= 2
    found = np.searchsorted(steps, stride * np.arange(first // stride, last // stride + 1))  # not a look at every step
    return found[np.append(True, found[1:] != found[:-1])]


def bucket_means(values, starts) -> np.ndarray:
    """Mean of each run of records along axis 0; NaN and infinity come through."""
    counts = np.diff(np.append(starts, len(values)))
    if len(counts) == len(values):
        return values
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.add.reduceat(values, starts, axis=0, dtype=np.float64)
        return (sums / counts.reshape(-1, *[1] * (values.ndim - 1))).astype(np.float32)


def log_range(values, decades=1.0) -> tuple[float, float]:
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
