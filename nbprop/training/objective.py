"""What a step computes, how a run is judged, and what can be asked of it: the objective.

`Objective` is the general one: a loss of the model and a batch, written by the user. `Supervised` (supervised.py) is
the usual one, made by `nb.Trainer(model, data)`. docs/objectives.md has an example of each kind.
"""

import copy
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

from nbprop import data as datasets
from nbprop.checks import did_you_mean, whole
from nbprop.data import Arrays, Dataset
from nbprop.data.trees import at, numbers, rows
from nbprop.engine import ShapeError, Tensor, no_grad
from nbprop.nn.losses import FunctionLoss
from nbprop.nn.module import Module, evaluating
from nbprop.record.quantities import QUANTITIES

from .batches import Batches, GivenBatches, MadeBatches
from .compatibility import check_one_alone
from .outputs import arrays, called, joined
from .taking import check_call, generators_of, taking

TRAIN, VALIDATION = 512, 2048  # at most so many samples, always the same ones, are looked at in an evaluation
PIECE = 2**17  # numbers of the inputs that go through the model at once in an evaluation, about


class Objective:
    """A loss of one's own, from whatever a batch is.

    loss       loss(model, batch) -> Tensor with one number; with a third parameter `rng` it gets a NumPy generator, for
               noise of its own: going back to a step meets the same noise. Or a dict, name of a module inside the model
               -> such a function: each is minimized over the parameters of that module alone, in this order, all with
               the same batch (generator and discriminator).
    data       arrays of which a batch holds some rows: an array, a tuple or dict of arrays, or an `nb.data.Arrays`,
               which also splits and pads. A batch has the same form; of Arrays(X, y) it is (X, y). A Dataset, or the
               name of one, gives (X, y) too, split as it is.
    batches    instead of data: a function that makes each batch, of any of `model`, `rng` (where all chance must come
               from), `batch_size`, `step`; or an iterable of batches. Only a list or tuple, or a function, can be gone
               back in.
    augment    augment(batch, rng) -> batch, before every training step.
    metrics    name -> function(model, batch) -> number; the mean over the evaluated batches is recorded as train_name
               and val_name.
    evaluate   evaluate(model) -> dict of numbers to record at every evaluation, such as the mean return of a policy;
               with a parameter `rng` it gets a generator, the same every time.
    predict    predict(model, X) -> array: what `trainer.predict(X)` gives; by default model(X), of a tuple model(*X),
               of a dict model(**X).

    Evaluations look at a fixed random sample of at most 512 training and 2,048 validation rows, in pieces, with the
    model in evaluation mode and the same noise every time.
    """

    task, classifies, static = None, False, False
    criterion: Any = None
    # Of single samples, where they were turned by a hand (see Supervised.turned): weights and labels as knobs, which
    # samples are drawn, and the weight of each.
    weights: "tuple[tuple[int, float], ...]" = ()
    relabelled: "tuple[tuple[int, int], ...]" = ()
    kept: "np.ndarray | None" = None
    shares: "np.ndarray | None" = None

    lacks = ""  # what must come before there can be a step; "": nothing

    def __init__(
        self,
        loss: "Callable[..., Tensor] | dict[str, Callable[..., Tensor]]",
        data: Any = None,
        *,
        batches: Any = None,
        augment: "Callable[..., Any] | None" = None,
        metrics: "dict[str, Callable[..., float]] | None" = None,
        evaluate: "Callable[..., dict[str, float]] | None" = None,
        predict: "Callable[..., np.ndarray] | None" = None,
        name: str = "data",
    ) -> None:
        self.losses = dict(loss) if isinstance(loss, dict) else {"": loss}
        for part, function in self.losses.items():
            if not callable(function):
                of = f" of {part!r}" if part else ""
                raise TypeError(f"loss{of} must be a function loss(model, batch), got {function!r}")
            if "rng" not in taking(function, "rng"):
                check_call("loss", function, "model", "batch")
        if not self.losses or (isinstance(loss, dict) and not all(isinstance(part, str) and part for part in loss)):
            raise ValueError(f"loss as a dict takes names of modules inside the model, got {list(self.losses)}")
        if (data is None) == (batches is None):
            raise TypeError(
                "an Objective takes either data (arrays, of which each batch holds some rows) or batches (a function "
                f"that makes each batch, or an iterable); got {'both' if data is not None else 'neither'}"
            )
        if batches is not None and not callable(batches) and not np.iterable(batches):
            raise TypeError(f"batches must be a function or an iterable, such as a list; got {type(batches).__name__}")
        for what, function in (("augment", augment), ("evaluate", evaluate), ("predict", predict)):
            if function is not None and not callable(function):
                raise TypeError(f"{what} must be a function, got {function!r}")
        self.data: Any = None if data is None else as_arrays(data, name)
        if self.data is not None and not len(self.data.train):
            raise ValueError(f"data {self.data.name!r} has no training samples")
        if augment is not None:
            check_call("augment", augment, "batch", "rng")
        self.batches, self.augment = batches, augment
        self.name = name if self.data is None else self.data.name
        self.metrics = checked_metrics(metrics)
        if self.metrics and self.data is None:
            raise TypeError("metrics are of data, and these batches are made: pass evaluate=, a function of the model")
        self._evaluate, self._predict = evaluate, predict

    # ---- what a step computes ------------------------------------------------------------------------------------

    @property
    def samples(self) -> int | None:
        """How many training samples there are, None where batches are made."""
        return None if self.data is None else len(self.data.train)

    @property
    def drawn(self) -> int | None:
        """How many of them are drawn: all that were not left out by a hand."""
        return self.samples if self.kept is None else int(self.kept.sum())

    @property
    def original(self) -> Any:
        """The data as they were given, whatever labels a hand has changed."""
        return self.data

    @staticmethod
    def xy(batch) -> tuple[Any, Any]:
        """Inputs and targets of a batch, where it is two arrays; else (None, None)."""
        two = isinstance(batch, tuple) and len(batch) == 2 and all(isinstance(each, np.ndarray) for each in batch)
        return batch if two else (None, None)

    def per_epoch(self, settings) -> int:
        """How many batches an epoch has; TypeError where nobody knows."""
        if self.drawn is None:
            batches: Any = self.batches
            if hasattr(batches, "__len__") and not callable(batches):
                return len(batches)
            made = (
                "are made" if callable(self.batches) else f"come from a {type(self.batches).__name__} without a length"
            )
            raise TypeError(f"the batches of this objective {made}, so there are no epochs: pass steps, not epochs")
        size = min(settings["batch_size"], self.drawn)
        return self.drawn // size if settings["drop_last"] else math.ceil(self.drawn / size)

    def feed(self, seed) -> Batches | MadeBatches | GivenBatches:
        """A new source of batches."""
        if self.samples is not None:
            made = Batches(self.samples, seed)
            made.kept = self.kept
            return made
        return MadeBatches(self.batches, seed) if callable(self.batches) else GivenBatches(self.batches)

    def draw(self, feed, run) -> Any:
        """The next batch."""
        if self.data is not None:
            batch = self._taken(self.data.train[feed.next(run.settings["batch_size"], run.settings["drop_last"])])
        elif isinstance(feed, MadeBatches):
            batch = feed.next(run.model, run.settings["batch_size"], run.steps)
        else:
            batch = feed.next()
            if self.augment is not None:
                batch = copy.deepcopy(batch)  # what it does in place is not to meet the batch when it comes again
        if self.augment is None:
            return batch
        return self._given(self.augment(batch, run.rng))

    def _given(self, batch):
        if batch is None:
            raise TypeError("augment gave None in the place of a batch: let it return the batch")
        return batch

    def _taken(self, places):
        """The samples at these places: X, or (X, y) where there are targets."""
        X, y = self.data.take(places)
        return X if self.data.y is None else (X, y)

    def fixed(self, most) -> Any:
        """A batch of at most so many samples of the training data, always the same ones."""
        return self._taken(self.data.sample(most))

    def one(self, sample) -> Any:
        """A batch of one sample, from its number in the training data; a batch as it is."""
        if not isinstance(sample, (int, np.integer)) or isinstance(sample, bool):
            return sample
        if self.data is None:
            raise TypeError(
                "sample: the batches of this objective are made, so its samples have no numbers: pass a batch"
            )
        return self._taken(self.data.train[[whole(0, len(self.data.train) - 1)("sample", sample)]])

    def loss(self, model, batch, rng=None, part="") -> Tensor:
        """The loss of a batch, a Tensor."""
        function = self.losses[part]
        return checked_loss(function(model, batch, **dict.fromkeys(taking(function, "rng"), rng)), part)

    def generators(self) -> list[np.random.Generator]:
        """Of the random numbers that its functions draw, each once."""
        functions = [getattr(loss, "function", loss) for loss in self.losses.values()]
        return list({id(one): one for each in [*functions, self.augment] for one in generators_of(each)}.values())

    def first_loss(self, model, feed, run) -> Callable[[], Tensor]:
        """A function that gives the loss of a small batch, with nothing drawn from the run."""
        settings = {**run.settings, "batch_size": 2, "drop_last": True}
        small = SimpleNamespace(model=model, settings=settings, rng=copy.deepcopy(run.rng), steps=run.steps)
        batch, part = self.draw(feed, small), list(self.losses)[-1]
        return lambda: self.loss(model, batch, small.rng, part)

    def module(self, model, part) -> Module:
        """The module inside the model that a part of the loss is minimized over."""
        if not part:
            return model
        known = dict(model.named_modules())
        if part not in known:
            raise ValueError(
                f"the loss of {part!r} is for a module of that name inside the model, and there is none"
                f"{did_you_mean(part, known)}; the model has {', '.join(filter(None, known)) or 'no modules inside'}"
            )
        return known[part]

    def not_static(self, model) -> str:
        """Why a recorded step cannot stand for the next ones; "" if it can."""
        if self.data is None:
            return "the objective makes its own batches"
        return f"the loss {', '.join(map(_called, self.losses.values()))} is a function of the user's own"

    def check(self, model) -> None:
        """Raise an error that says what does not fit, if the loss of a first batch cannot be computed."""
        for part in filter(None, self.losses):
            self.module(model, part)

    def check_batches(self, model, settings) -> None:
        """Raise ValueError if there would be a batch of one sample, with which the model cannot be trained."""
        check_one_alone(self, model, settings)

    # ---- how it is judged -----------------------------------------------------------------------------------------

    def evaluate(self, model, seed=0, settings=None) -> dict[str, float]:
        """name -> number, of a fixed random sample of the training data and the validation data."""
        found = {}
        with evaluating(model), no_grad():
            if self.data is not None:
                for which, most in (("train", TRAIN), ("val", VALIDATION)):
                    judged = self._judged(model, which, most, seed, settings)
                    found |= {f"{which}_{name}": value for name, value in judged.items()}
            if self._evaluate is not None:
                rng = np.random.default_rng([seed, 5])
                found |= checked_numbers(self._evaluate(model, **dict.fromkeys(taking(self._evaluate, "rng"), rng)))
        return found

    def _judged(self, model, which, most, seed, settings):
        indices = self.data.sample(most, which)
        if not len(indices):
            return {}
        sums, rng = {}, np.random.default_rng([seed, 3])
        for piece in pieces(indices, numbers(self._taken(indices[:1]))):
            batch = self._taken(piece)
            parts = {f"{part}_loss" if part else "loss": self.loss(model, batch, rng, part) for part in self.losses}
            found = {name: float(value.data) for name, value in parts.items()}
            found |= {name: number_of(name, metric(model, batch)) for name, metric in self.metrics.items()}
            for name, value in found.items():
                sums[name] = sums.get(name, 0.0) + value * len(piece)
        return {name: total / len(indices) for name, total in sums.items()}

    # ---- what can be asked ----------------------------------------------------------------------------------------

    def inputs_of(self, X) -> Any:
        """What the model takes, from what a user asks about: checked arrays, lists of different lengths padded."""
        return Arrays(X, validation=0, name="X").X

    def outputs(self, model, X) -> Any:
        """What the model gives for inputs X, as arrays, in pieces."""
        with evaluating(model), no_grad():
            cuts = pieces(np.arange(rows(X)), numbers(X)) or [np.arange(0)]
            where = [slice(cut[0], cut[-1] + 1) if len(cut) else slice(0, 0) for cut in cuts]
            made = [arrays(called(model, at(X, part))) for part in where]
        return joined(made, [len(cut) for cut in cuts])

    def predict(self, model, X) -> Any:
        """What the model says of X."""
        if self._predict is not None:
            with evaluating(model), no_grad():
                return arrays(self._predict(model, X))
        return self.outputs(model, self.inputs_of(X))

    def __deepcopy__(self, memo) -> Self:
        """Nobody changes it, so a branch or a copy of a trainer has the same; but where a loss is a module, that may be
        changed in code: each has its own."""
        modules = [each for each in self.losses.values() if isinstance(each, Module)]
        own = {id(each): copy.deepcopy(each, memo) for each in modules if not isinstance(each, FunctionLoss)}
        if not own:
            return self
        other = memo[id(self)] = copy.copy(self)
        for name, value in vars(self).items():
            setattr(other, name, own.get(id(value), value))
        other.losses = {part: own.get(id(each), each) for part, each in self.losses.items()}
        return other

    def __repr__(self) -> str:
        return f"Objective({', '.join(_called(each) for each in self.losses.values())} on {self.name})"


def as_arrays(data, name="data") -> Arrays:
    """Arrays from what a user may give for data."""
    data = datasets.dataset(data) if isinstance(data, str) else data
    if isinstance(data, Arrays):
        return data
    if not isinstance(data, Dataset):
        return Arrays(data, name=name)
    count = len(data.X_train)
    X, y = np.concatenate([data.X_train, data.X_val]), np.concatenate([data.y_train, data.y_val])
    made = Arrays(X, y, validation=0, name=data.name)
    made.train, made.val = made.train[:count], made.train[count:]
    return made


def pieces(indices, numbers) -> list[Any]:
    """The indices in pieces that take little memory. numbers: how many each sample has."""
    size = max(1, PIECE // max(numbers, 1))
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def checked_metrics(metrics) -> dict[Any, Any]:
    """name -> function, checked."""
    if metrics is not None and not isinstance(metrics, dict):
        raise TypeError(f"metrics must be a dict of functions, such as {{'f1': f1}}; got {metrics!r}")
    for name, metric in (metrics or {}).items():
        if not isinstance(name, str) or not name.isidentifier() or name in ("loss", "accuracy"):
            raise ValueError(f"a metric needs a name such as 'f1', and not 'loss' or 'accuracy'; got {name!r}")
        if not callable(metric):
            raise TypeError(f"metric {name!r} must be a function that gives a number, got {metric!r}")
    return dict(metrics or {})


def number_of(name, value) -> float:
    """What a function of the user's gives for a number, as a float."""
    value = value.data if isinstance(value, Tensor) else value
    if np.size(value) != 1 or np.asarray(value).dtype.kind not in "biuf":
        kind = f"shape {np.shape(value)}" if np.size(value) != 1 else f"{value!r}"
        raise TypeError(f"{name} must be one number, got {kind}: take its mean, or return one metric for each")
    return float(np.asarray(value).reshape(()))


def checked_numbers(given) -> dict[Any, float]:
    """What evaluate(model) gives: name -> float."""
    if not isinstance(given, dict):
        raise TypeError(f"evaluate(model) must give a dict of numbers, got {type(given).__name__}")
    taken = {"loss", *(quantity.series for quantity in QUANTITIES.values())}
    for name in given:
        if not isinstance(name, str) or not name.isidentifier() or name in taken:
            raise ValueError(f"evaluate(model): a number needs a name such as 'mean_return', and not {name!r}")
    return {name: number_of(f"evaluate(model)[{name!r}]", value) for name, value in given.items()}


def checked_loss(loss, part="") -> Tensor:
    """A loss as a step can use it: a Tensor with one number."""
    name = f"the loss of {part!r}" if part else "a loss"
    if not isinstance(loss, Tensor):
        raise TypeError(f"{name} must be a Tensor with one number, got {type(loss).__name__}: compute it with Tensors")
    if loss.size != 1:
        raise ShapeError(f"{name} must be one number, got shape {loss.shape}: take its mean, loss.mean()")
    return loss if loss.ndim == 0 else loss.reshape(())


def _called(function):
    return getattr(function, "__name__", type(function).__name__)
