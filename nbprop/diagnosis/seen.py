"""What the rules read of a source: looked up once, shared by all of them."""

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any

import numpy as np

from nbprop import nn
from nbprop.record import Layer
from nbprop.record.source import CannotSay

from .neighbours import Neighbours, neighbours_of

WINDOW = 20  # records, or evaluations, that "now" is the median of
MEAN = 20  # batches whose losses are taken together
SAMPLES = 256  # training samples that are looked at
LEARNED, RIGHT = 0.8, 0.97  # share of what guessing costs that is gone, or accuracy, from which on a run does well
LOSSES = {"cross_entropy": nn.CrossEntropyLoss, "bce": nn.BCEWithLogitsLoss, "mse": nn.MSELoss, "nll": nn.NLLLoss}
LOSSES["binary_cross_entropy"] = nn.BCELoss
SAME = {"nll": "cross_entropy", "binary_cross_entropy": "bce"}  # of log-probabilities, of probabilities


class Seen:
    """One look at a source, at its present step; what is asked for is found then, and kept.

    source; thorough: whether what takes long may be asked for; step: of the source; turned: after which step a knob was
    turned last (0: none). Numbers of before were those of another run: `series` leaves them out.
    """

    def __init__(self, source: Any, thorough: bool = False) -> None:
        self.source, self.thorough = source, thorough
        self.step = int(source.steps)
        events = [event for event in source.history.events if event.step < self.step or event.step == self.present]
        self.turned = max((event.step for event in events), default=0)
        self.events = events
        self._series: dict[Any, Any] = {}

    def must_go_on(self) -> None:
        """CannotSay where the run has stopped: what its layers look like then is a consequence."""
        if self.source.status == "stopped":
            raise CannotSay("the run has stopped, and what its layers look like now follows from that")

    @property
    def present(self) -> int:
        """The step up to which events count: at a moment of the past, what was turned at that very step comes later."""
        return self.step if getattr(self.source, "moment", None) is None else -1

    # ---- what was recorded ---------------------------------------------------------------------------------------

    def series(self, name: str, whole: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """(steps (n,), values (n,) or (n, layers)) of a column of the history: up to now, and since the last turn;
        whole: all before it, too."""
        if (name, whole) not in self._series:
            steps, values = self.source.history.series(name)
            last = int(np.searchsorted(steps, self.step, side="right"))
            # What is recorded at the step of a turn was made before it; evaluations are of the state then.
            side = "left" if name.startswith(("train_", "val_")) else "right"
            first = 0 if whole or not self.turned else int(np.searchsorted(steps, self.turned, side=side))
            self._series[name, whole] = steps[first:last].copy(), values[first:last].copy()
        return self._series[name, whole]

    def need(self, name: str, count: int, whole: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """`series`, or CannotSay where there are fewer than `count` values."""
        steps, values = self.series(name, whole)
        if len(steps) < count:
            after = f" since the turn after step {self.turned:,}" if self.turned and not whole else ""
            raise CannotSay(f"{name} was recorded {len(steps)} times{after}, {count} are needed")
        return steps, values

    def once(self, name: str, function: Callable[[], Any]) -> Any:
        """What a function gives, called the first time that this name is asked for."""
        if name not in self._series:
            self._series[name] = function()
        return self._series[name]

    # ---- layers ----------------------------------------------------------------------------------------------------

    @cached_property
    def layers(self) -> list[Layer]:
        return list(self.source.layers)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(layer.name for layer in self.layers)

    @cached_property
    def frozen(self) -> np.ndarray:
        """Which layers are not trained, because somebody wants it so: bool (layers,)."""
        frozen = getattr(self.source, "frozen", ())
        return np.array([name in frozen for name in self.names], bool)

    @cached_property
    def hidden(self) -> np.ndarray:
        """Which layers have an activation that can be flat, and are not the last: bool (layers,)."""
        last = len(self.layers) - 1
        return np.array([layer.activation != "identity" and i < last for i, layer in enumerate(self.layers)], bool)

    @cached_property
    def probe(self) -> dict[str, Any]:
        return self.source.probe()

    def per_layer(self, name: str, last: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """(steps (n,), values (n, layers)) since the last turn, of so many last records (0: all) or the last step; NaN
        where a layer has none. CannotSay where nothing was measured."""
        steps, values = self.series(name)
        count = len(self.layers)
        if values.ndim == 2 and len(steps) and values.shape[1] >= count:
            steps, values = steps[-last:], values[-last:, :count].astype(np.float64)
            if np.isfinite(values).any():
                return steps, values
        found = self.probe.get(name) if hasattr(self.source, "probe") else None
        if found is None or np.ma.getmaskarray(np.ma.asarray(found)).all():
            raise CannotSay(f"{name} was not measured yet: make a step; trainer.watch() records it at every step")
        now = np.ma.filled(np.ma.asarray(found, np.float64), np.nan)
        return np.array([self.step]), now[None]

    def now(self, name: str) -> np.ndarray:
        """The medians of `per_layer`, (layers,)."""
        return self.once(f"now {name}", lambda: self._medians(name))

    def _medians(self, name):
        values = self.per_layer(name, WINDOW)[1]
        some = np.isfinite(values).any(axis=0)
        if np.isfinite(values).all():
            return np.median(values, axis=0)
        found = np.full(values.shape[1], np.nan)
        found[some] = np.nanmedian(np.where(np.isfinite(values[:, some]), values[:, some], np.nan), axis=0)
        return found

    # ---- how well it does ------------------------------------------------------------------------------------------

    @cached_property
    def criterion(self) -> str:
        """A name out of LOSSES; "" where it is another loss, or one of the user's own."""
        found = getattr(getattr(self.source, "objective", None), "criterion", None)
        return next((name for name, kind in LOSSES.items() if type(found) is kind), "")

    @cached_property
    def cost(self) -> str:
        """ "cross_entropy", "bce" or "mse": in what the loss is paid; "" where that is another unit, or weighted."""
        found: Any = self.source.objective.criterion if self.criterion else None
        given = (getattr(found, name, None) for name in ("weight", "pos_weight", "ignore_index"))
        even = found is not None and found.reduction == "mean" and all(value is None for value in given)
        return SAME.get(self.criterion, self.criterion) if even else ""

    @cached_property
    def targets(self) -> np.ndarray:
        """Of the training samples. CannotSay where there are none, as one array."""
        data: Any = getattr(self.source, "data", None)
        y = getattr(data, "y_train", None)
        if y is None and getattr(data, "y", None) is not None:
            y = data.take(data.train[:4096])[1]
        if not isinstance(y, np.ndarray) or not y.size:
            raise CannotSay("there are no targets in the data, or they are no array")
        return y

    @property
    def task(self) -> "str | None":
        return getattr(getattr(self.source, "data", None), "task", None)

    @cached_property
    def shares(self) -> np.ndarray:
        """The share of each class among the training samples, (classes,). CannotSay for anything but classes."""
        if self.task not in ("binary", "multiclass"):
            raise CannotSay("the targets are no classes")
        counts = np.bincount(self.targets.ravel().astype(np.int64), minlength=2)
        return counts / counts.sum()

    @cached_property
    def guess(self) -> float:
        """What the best answer costs that is the same for every sample: the entropy of the classes, or the variance
        of the targets. CannotSay where the loss is another one."""
        if self.cost == "mse" and self.task in ("regression", None):
            y = self.targets.astype(np.float64)
            return float(y.var(axis=0).mean())
        if self.cost == "mse":
            p = self.shares
            return float(p[1] * p[0]) if self.task == "binary" else float((p * (1 - p)).mean())
        if self.cost in ("cross_entropy", "bce") and self.task in ("binary", "multiclass"):
            p = self.shares[self.shares > 0]
            return float(-(p * np.log(p)).sum())
        raise CannotSay("what guessing costs is not known of this loss")

    @cached_property
    def train(self) -> tuple[np.ndarray, np.ndarray]:
        """(steps, loss) of the evaluations on training samples, which are always the same."""
        return self.series("train_loss")

    @cached_property
    def loss(self) -> float:
        """The training loss now: the median of the last evaluations, or batches."""
        values = self.train[1]
        if len(values):
            return float(np.median(values[-3:]))
        values = self.need("loss", 1)[1]
        return float(np.median(values[-WINDOW:]))

    @cached_property
    def learned(self) -> float:
        """Which share of what guessing costs is gone: 1 is perfect, 0 is no better than guessing, below: worse."""
        return 1 - self.loss / self.guess if self.guess > 0 else 1.0

    @property
    def gained(self) -> float:
        """`learned`, or NaN where that is not known."""
        with suppress(CannotSay):
            return self.learned
        return float("nan")

    @cached_property
    def accuracy(self) -> float:
        """On the training samples, in the newest evaluation; NaN where there is none."""
        values = self.series("train_accuracy")[1]
        return float(np.median(values[-3:])) if len(values) else float("nan")

    @cached_property
    def does_well(self) -> bool:
        """Whether it has learned most of what there is to learn, or as much as the samples' neighbours tell: then
        nothing holds it up. False where that is not known."""
        with suppress(CannotSay):
            if self.learned > LEARNED or self.accuracy > RIGHT:
                return True
            near = self.neighbours
            if near.classes:
                return near.right > self.shares.max() + 0.1 and self.accuracy > near.right - 0.02
            return self.cost == "mse" and near.error < 0.9 * self.guess and self.loss < 1.2 * near.error
        return False

    def flatness(self, count: int = 15, window: int = WINDOW) -> float:
        """By how much the training loss has fallen within the last `window` evaluations, as a share of what guessing
        costs: the median of the first third less that of the last. CannotSay with fewer than `count` evaluations."""
        values = self.need("train_loss", count)[1][-window:]
        third = len(values) // 3
        return float(np.median(values[:third]) - np.median(values[-third:])) / self.scale

    @cached_property
    def scale(self) -> float:
        """In what a change of the loss is measured: what guessing costs; where that is not known, the first loss."""
        with suppress(CannotSay):
            if self.guess > 0:
                return self.guess
        first = self.need("train_loss", 1, whole=True)[1][0]
        if not (np.isfinite(first) and first):
            raise CannotSay("the first loss is 0 or not finite")
        return abs(float(first))

    @cached_property
    def judged(self) -> tuple[np.ndarray, np.ndarray]:
        """(steps, loss) of the same training samples again and again; of a network with batch normalization, whose
        evaluations see means that lag behind, the means of every MEAN batches instead."""
        norms = (nn.BatchNorm1d, nn.BatchNorm2d)
        if self.model is None or not any(isinstance(module, norms) for module in self.model.modules()):
            return self.train
        steps, values = self.series("loss")
        count = len(values) // MEAN
        return steps[: count * MEAN].reshape(count, MEAN)[:, -1], values[: count * MEAN].reshape(count, MEAN).mean(
            axis=1
        )

    @cached_property
    def jumps(self) -> float:
        """How much the training loss rises from one evaluation to the next, where it rises, the mean over the last
        WINDOW of them, as a share of `scale`: the evaluations are of the same samples, so a step that improves what it
        should does not make it rise."""
        values = self.judged[1][-WINDOW:]
        if len(values) < 6:
            raise CannotSay(f"the loss was evaluated {len(values)} times, 6 are needed")
        return float(np.maximum(np.diff(values), 0).mean()) / self.scale

    @cached_property
    def neighbours(self) -> "Neighbours":
        """What the nearest training samples say of each other. CannotSay where there is no distance between them."""
        return neighbours_of(self.source.data)

    # ---- knobs and data --------------------------------------------------------------------------------------------

    def knob(self, name: str) -> Any:
        """What a knob stands at; None where there is none, or it is of no use."""
        try:
            return getattr(self.source, name, None)
        except ValueError:
            return None

    @cached_property
    def lr(self) -> "float | None":
        """The learning rate, where there is one for all."""
        lr = self.knob("lr")
        return float(lr) if isinstance(lr, (int, float)) else None

    @cached_property
    def model(self) -> Any:
        return getattr(self.source, "model", None)

    @cached_property
    def inputs(self) -> np.ndarray:
        """Up to SAMPLES training samples, (n, ...). CannotSay where they are not one array."""
        X = getattr(self.source.data, "X_train", None)
        if not isinstance(X, np.ndarray) or not len(X):
            raise CannotSay("there are no data, or their inputs are not one array")
        return X[self.places]

    @cached_property
    def places(self) -> np.ndarray:
        """Which training samples `inputs` are, (n,)."""
        return self.source.data.sample(SAMPLES, "train")

    @cached_property
    def theta(self) -> np.ndarray:
        return np.asarray(self.source.theta)

    @cached_property
    def size(self) -> float:
        """Of the weights of the layer where they are largest, over 1 / √inputs: with about 1 a signal keeps its size
        (LeCun et al. 1998)."""
        sizes = []
        for layer in self.layers:
            if len(layer.shape) > 1 and layer.kind != "Embedding":
                weights = self.theta[layer.weight].astype(np.float64)
                sizes.append(float(np.sqrt(np.square(weights).mean() * weights.size / layer.shape[0])))
        return max(sizes, default=1.0)

    @cached_property
    def gradient(self) -> np.ndarray:
        """Of the last step, laid out as theta. CannotSay before the first one."""
        try:
            return self.source.observe().gradient
        except ValueError as error:
            raise CannotSay(str(error)) from None


def two_digits(value: float) -> float:
    """Rounded to two digits, as a hand would choose it."""
    return float(f"{value:.1e}")
