"""The contract between what is watched and who watches: a *source* and the views and boards of it.

A source is any object with the members of `Shown`; no class is inherited. A Trainer, a Descent and a Walk are sources,
and so is a loop of one's own in thirty lines. Every further protocol here is a group of members that some views need
(`View.contract`); a view whose source lacks one of them says so in words.

Who calls what, and in which thread:

- A board reads and never writes, with one exception: what a hand does to a `Descends`, or by `views.Controls` to what
  is `Turned`. It holds on to nothing that a member has given, except arrays, which are to be new ones whenever their
  numbers have changed.
- A source with `watchers` (see `Watched`) calls `watcher.refresh()` of each in the thread that makes its steps, between
  two of them, whenever `version` has changed; everything else is read inside that call. A message from a page may
  arrive in another thread: it is handed over by `post`.
- Without `watchers` the board looks by itself, ten times a second while somebody sees it and an event loop runs, and
  whenever a page says something: in the thread of that loop or message, so perhaps in the middle of a step. A loop that
  blocks can call `board.refresh()`.
- Without `post` messages are handled in the thread in which they arrive.

What may be missing:

- Whole protocols: then the views that need them say so.
- `data`: None where there is no data set.
- `evaluation`: a dict, what the newest evaluation has measured by the names of its series. `Loss` draws those of them
  that are no losses, and all series that begin with train_ or val_.
- `mean_field()`: what theory says of the network, a `theory.Prediction`; ValueError that says why it says nothing.
- Numbers that have not been measured, as after a change of the network before the next step: they are left out, or
  masked (see `Probed`), or none is counted (`Counted`, `Sloped`). NaN is a number, one that a step has given: views
  sound the alarm. Columns of the history: empty; NaN where a record lacks a layer. There a view tells the two apart by
  "dW", which is measured of every layer whenever anything is.
- `why_not`: a dict, name of a view -> a sentence that says why it shows nothing of such a source, and what to try; by
  default the view says which members are missing.
- `moment`: a step, of a source that is a look at the past: all that it says is of then, but its history is that of the
  whole run. None or missing: it is the present.
- An answer: a member may raise `CannotSay("why, and what to try")`; the words stand where the picture would be. Any
  other exception is a fault: the panel shows it, and the log has its traceback.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

import numpy as np


class CannotSay(Exception):
    """Raised by a source, or a view, that has no answer; its words are shown instead of a picture."""


class Shown(Protocol):
    """What a board needs of every source."""

    @property
    def steps(self) -> int:
        """How many were made."""
        ...

    @property
    def status(self) -> str:
        """ "ready", "playing" (goes on by itself), "paused", "stopped" (something is wrong) or "unseen" (paused because
        nobody was watching)."""
        ...

    @property
    def message(self) -> str:
        """What is wrong, or ""."""
        ...

    @property
    def version(self) -> int:
        """Another number whenever there is something new to show."""
        ...


class Watcher(Protocol):
    """What a source sees of those who watch it: boards, and a Playground. `records` and `seen` may be missing: then
    nothing is recorded for it, and somebody is there."""

    records: frozenset  # "layers", "percentiles", "lags", "sharpness", "samples": series that it is to record for it
    seen: bool  # is somebody there to look at it?

    def refresh(self) -> None:
        """Something is new."""


class Watched(Shown, Protocol):
    """A source that tells those who watch it, in its own thread. Both members may be missing."""

    watchers: set

    def post(self, function: Callable[[], Any]) -> None:
        """Have a function called between two steps, in the thread that makes them; may be called from any thread."""


class Timed(Protocol):
    """What can be looked at as it was."""

    @property
    def earliest(self) -> int:
        """The earliest step whose state can be had."""
        ...

    def at(self, step: int, wait: bool = True) -> Any:
        """A source that is the state after that step, and is only looked at: see `Trainer.at`. With `show(step)`,
        `close()`, `asked` (the step asked for) and `steps` (the one that is there)."""
        ...

    def rewind(self, step: int) -> None:
        """Go back to that step, and on from there."""
        ...


class Turned(Protocol):
    """What can be turned by a hand. Every knob is an attribute too, which reads as the value that it stands at; None,
    or a ValueError that says why, where there is nothing that it could act on."""

    @property
    def knobs(self) -> Mapping[str, Any]:
        """Name -> something with a `control`: a Slider, Choice or Switch of nbprop/record/controls.py, or None."""
        ...

    def set(self, **changes: Any) -> None:
        """Turn knobs by their names. In the source's thread; a bad value raises ValueError or TypeError."""


class Recorded(Protocol):
    """What was recorded."""

    @property
    def history(self) -> Any:
        """A `History`: `series(name)` gives steps (n,) and values (n,) or (n, layers); `events`, each with `step`,
        `name` and `text`."""
        ...


class Layered(Protocol):
    """What the network is made of."""

    @property
    def layers(self) -> Any:
        """A `Layer` each, from input to output: `name`, `kind`, `activation`, `units`, `weight`, `shape`."""
        ...


class Probed(Protocol):
    """One number a layer, of the last step. A source that has quantities beyond those of the table names all of them in
    `quantities`: name -> Quantity. What has not been measured since the network is as it is must not be there: a series
    is left out, or masked (an array of numpy.ma) in the layers of which there is nothing."""

    def probe(self) -> dict[str, np.ndarray]:
        """Quantities of the table by the names of their series: (layers,) float32."""
        ...


class Counted(Protocol):
    """How the numbers in a layer are spread, in the last step."""

    def histograms(self, kind: str, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Counts (layers, bins), lowest and highest value (layers,) of "weights", "gradients" or "activations". Of a
        layer that has not been measured they are 0, and so is what `not_finite` says."""
        ...

    def not_finite(self, kind: str) -> np.ndarray:
        """How many values are NaN and how many infinite: (layers, 2)."""
        ...


class Sloped(Protocol):
    """How the inputs of the activations are spread, in the last step."""

    def slopes(self, bins: int) -> dict[str, np.ndarray]:
        """counts, flat_counts (layers, bins); low, high, flat (layers,); value, slope (layers, points). Where nothing
        has been measured: no layers."""
        ...


class Curved(Protocol):
    """How sharp a minimum its steps can stand. With `records` "sharpness" (see `Watcher`) it records "sharpness", the
    largest eigenvalue of the Hessian, and "stable", how large it may be then, NaN where no number holds."""

    def stability(self) -> Any:
        """`threshold` (NaN: none holds), `formula`, `words`: see theory.Stability. ValueError: why there is none."""
        ...

    def sharpness(self) -> float:
        """The largest eigenvalue now, measured at once; of what is no look at the past, it is recorded."""
        ...


class Sampled(Recorded, Protocol):
    """How single samples fare. With `records` "samples" (see `Watcher`) it records "sample_loss", and where it can
    "sample_gradient" and "sample_right": one number for each of `samples`, NaN of what was not seen yet. A loop that is
    told which samples a batch holds records them with `record.samples.keep`."""

    @property
    def samples(self) -> Any:
        """A `record.samples.Samples`: which they are, and how they stand. ValueError: why there are none."""
        ...


class Weighs(Protocol):
    """What lets a hand turn single samples: a Trainer. Each is a turn, which `undo` takes back; a bad value raises
    ValueError. May be missing: then they are only shown. `measure_samples()` measures them at once."""

    def weigh(self, *samples: int, weight: float) -> None:
        """How much they count from the next step on; 0: they are left out."""

    def relabel(self, sample: int, label: Any) -> None:
        """Another class (its number or name); None: as in the data."""

    def measure_samples(self) -> Any: ...


class Surrounded(Protocol):
    """What the loss is around it."""

    def around(self) -> Any:
        """`theta` (n,), `shapes`, `frozen`, `loss(theta)`: see training/around.py. ValueError: why there is none."""
        ...

    def path(self) -> list:
        """(step, theta) of where it has been, oldest first, and of where it is."""
        ...


class Linear(Protocol):
    """How a linear network learns."""

    def linear_modes(self) -> Any:
        """What it has to learn, a `theory.Modes`. ValueError for a network that is not linear."""
        ...

    def path(self) -> list:
        """As `Surrounded` has it."""
        ...


class Taught(Protocol):
    """What it learns from."""

    @property
    def data(self) -> Any:
        """A `data.Dataset`, or None."""
        ...


class Predicts(Protocol):
    """What the network says of samples it is given."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Probabilities (n, ..., 1) of the second class, (n, ..., C) of all classes, or values (n, ..., outputs)."""
        ...


class Sensitive(Protocol):
    """What happens to its answer when the inputs change."""

    def input_gradient(self, X: np.ndarray, y: Any = None, *, score: int | None = None) -> np.ndarray:
        """dL/dX of the loss with targets y, or of the score of a class: an array like X."""
        ...


class Attributes(Protocol):
    """How much each input has to do with its answer, and what the answer is without it."""

    def gradient_times_input(self, X: np.ndarray, *, score: int) -> np.ndarray:
        """The derivative of the score of a class times the input: an array like X, also of tokens."""
        ...

    def outputs(self, X: np.ndarray) -> Any:
        """What the model gives for samples, before a loss makes probabilities of it: (n, ..., outputs)."""
        ...


class Opened(Protocol):
    """What is inside the network."""

    @property
    def theta(self) -> np.ndarray:
        """All parameters, one vector; `theta[layer.weight]` are those of a layer."""
        ...

    def activations(self, X: np.ndarray) -> list:
        """What every layer gives for the samples X: arrays (n, ...)."""
        ...


class Inside(Protocol):
    """What happens in a step, and how the layers hang together."""

    def observe(self, sample: Any = None) -> Any:
        """An `Observation` of the last step, in arrays of its own; ValueError where none was made."""
        ...

    @property
    def wires(self) -> Any:
        """A `Wire` for each of `layers`: whose outputs it gets."""
        ...


class Built(Protocol):
    """How it is made."""

    @property
    def model(self) -> Any:
        """The `nn.Module`, to be looked at only."""
        ...

    @property
    def objective(self) -> Any:
        """An `Objective`: what a step computes."""
        ...

    def outputs(self, X: np.ndarray) -> Any:
        """What the model gives for samples, before a loss makes probabilities of it: (n, ..., outputs)."""
        ...


class Attends(Protocol):
    """Who looks where."""

    def attention(self, X: Any) -> list:
        """The weights of every attention, each (heads, T, S), for one sample X, an array or a tree of arrays; [] where
        there is none."""
        ...


class Rehearses(Protocol):
    """What can say how a step goes: a Trainer, a moment of one, a step explained."""

    def rehearse(self, sample: Any = None) -> Any:
        """The next step, made by a copy: see nbprop/training/rehearsal.py. sample: of this training sample alone."""
        ...


class Descends(Protocol):
    """Paths on a loss over two numbers: a `Descent`."""

    surface: Any
    paths: dict
    start: tuple

    def set(self, path: str | None = None, **changes: Any) -> None:
        """Turn a knob: lr, momentum, surface, start. In the source's thread."""

    def play(self) -> None: ...

    def pause(self) -> None: ...

    def step(self) -> None: ...

    def reset(self) -> None: ...


class Compares(Protocol):
    """Several runs side by side: a `Comparison`."""

    @property
    def runs(self) -> Mapping[str, Any]:
        """Name -> source, in the order in which they are drawn: each `Recorded`, with `steps`, `status`, `message`."""
        ...

    def spent(self, index: int, what: str) -> tuple[np.ndarray, np.ndarray]:
        """(steps, values): the "samples", "seconds", "evaluations" or "forwards" that the run of that place had used up
        by then."""
        ...


STATES = ("pending", "running", "done", "diverged", "failed", "out of time")  # of one run of many
PENDING, RUNNING = 0, 1


class Swept(Protocol):
    """Many runs over a grid: a `Sweep`."""

    @property
    def axes(self) -> Mapping[str, tuple[Any, ...]]:
        """Name -> values, in order."""
        ...

    @property
    def table(self) -> Any:
        """A `sweeping.table.Table`: `state`, `where`, `numbers`, `seconds` of each run."""
        ...

    def result(self, seed: int | None = None, **point: Any) -> dict[str, Any]:
        """What came of one run; ValueError where it is still to come."""
        ...


class Walks(Protocol):
    """A computation graph and the steps through it: a `Walk`."""

    nodes: tuple
    orders: dict

    def gradients(self, order: str = "right", step: int | None = None) -> list:
        """What has arrived of each node's gradient after this step."""
        ...


@cache
def members(protocol) -> list[str]:
    """The names of a protocol's members, those of the protocols it is made of first."""
    found = {}
    for each in reversed(protocol.__mro__):
        if getattr(each, "_is_protocol", False) and each is not Protocol:
            found |= dict.fromkeys([*getattr(each, "__annotations__", {}), *vars(each)])
    return [name for name in found if not name.startswith("_")]


def lacking(source, protocols) -> list[str]:
    """The members of these protocols that a source lacks. None is asked for its value, which may take long to find."""
    names = dict.fromkeys(name for protocol in protocols for name in members(protocol))
    return [
        name
        for name in names
        # A stand-in that hands everything on has no members of its own: it is asked.
        if not (hasattr(type(source), name) or name in getattr(source, "__dict__", ()) or hasattr(source, name))
    ]
