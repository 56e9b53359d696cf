"""The usual objective: a network gives an output for each sample, and a loss compares it with the sample's target."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nbprop import nn
from nbprop.checks import whole
from nbprop.data import Arrays, Dataset, by_hand
from nbprop.data.trees import at, numbers, rows
from nbprop.engine import Tensor
from nbprop.nn.likeness import unlike
from nbprop.nn.losses import USUAL

from .compatibility import as_inputs, check_compatible, check_ignored, check_loss, one_sample
from .objective import Objective, checked_loss, checked_metrics, number_of, pieces
from .outputs import arrays, called, joined
from .paired import paired
from .taking import check_call, taking


class Supervised(Objective):
    """loss(model(X), y) of the samples of a batch.

    data       a Dataset; or an `nb.data.Arrays` with X and y, whose X may be a tuple of arrays, for model(*X), or a
               dict of them, for model(**X)
    loss       name, instance of a class of nb.nn, or function(output, y) -> Tensor; by default the one that fits the
               data
    metrics    name -> function(predicted, y) -> number, recorded as train_name and val_name. predicted: what `predict`
               gives (probabilities or values) for all samples that are looked at, y: their targets as in the data
    augment    augment(X, y, rng) -> (X, y), before every training step
    static     a declaration that the loss, a function, applies the same ops to every batch of one size, whatever
               numbers are in it: then training may replay it, see `nn.Module.static`

    A model may give several outputs, a tuple or dict of Tensors: the loss and the metrics get them as it gives them. Of
    samples with lengths or weights let these be a part of y, Arrays(X, (y, weight)): the loss gets both.
    """

    batches, _evaluate, _predict = None, None, None

    def __init__(
        self,
        data: "Dataset | Arrays",
        loss: Any = None,
        *,
        metrics: "dict[str, Callable[..., float]] | None" = None,
        augment: "Callable[..., Any] | None" = None,
        static: bool = False,
    ) -> None:
        self.data: Any = data
        self.task = getattr(data, "task", None)
        if self.task is None and loss is None:
            raise TypeError("these data have no task from which a loss would follow: pass loss=, a name or a function")
        self.given = USUAL[str(self.task)] if loss is None else loss  # as it was asked for: a name stays one
        self.criterion = nn.loss(self.given)
        if isinstance(self.criterion, nn.FunctionLoss) and not isinstance(self.given, nn.Module):
            check_call("loss", self.given, "output", "y")
        if self.task is not None and self.task not in self.criterion.tasks:
            raise ValueError(
                f"loss {_called(self.given)} is for {' or '.join(self.criterion.tasks)} data, but {data.name!r} is "
                f"{self.task}; try loss={USUAL[self.task]!r}"
            )
        if self.criterion.reduction == "none":
            raise ValueError(
                f"loss {type(self.criterion).__name__}(reduction='none') gives a number for each sample, and a step "
                "needs one: take reduction='mean' or 'sum', or weigh them in a loss(output, y) of your own"
            )
        check_ignored(self.criterion, data)
        self.metrics, self.augment, self.static, self.name = checked_metrics(metrics), augment, static, data.name
        self.losses = {"": self.criterion}
        self.lacks = by_hand.lacks(data) if isinstance(data, Dataset) else ""
        self.classifies = self.task not in (None, "regression")
        if isinstance(data, Arrays):
            if data.y is None:
                raise TypeError("a loss(output, y) needs targets y: Arrays(X, y). Without them use an nb.Objective")
            self.X, self.y, self.X_val, self.y_val = (
                at(tree, places) for places in (data.train, data.val) for tree in (data.X, data.y)
            )
        else:
            self.X, self.y, self.X_val, self.y_val = data.X_train, data.y_train, data.X_val, data.y_val
        self.target, self.target_val = self._targets(self.y), self._targets(self.y_val)
        for target in (self.target, self.target_val):
            if isinstance(target, np.ndarray):
                self.criterion.check_values(target)

    def _targets(self, y):
        return y if self.task is None else self.criterion.target(y, self.data.outputs, self.task)

    def check(self, model) -> None:
        with np.errstate(all="ignore"):  # what is not finite is found when it is trained
            if self.task is not None:
                check_compatible(model, self.data)
                check_loss(self, model)

    @property
    def samples(self) -> int:
        return rows(self.X)

    def first_loss(self, model, feed, run) -> Any:
        """See Objective. Where samples are yet to come, it is of one that stands in for them."""
        if self.samples:
            return super().first_loss(model, feed, run)
        X, y = (np.zeros((1, *each.shape[1:]), each.dtype) for each in (self.X, self.target))
        return lambda: self.loss(model, (X, y))

    def draw(self, feed, run) -> Any:
        indices = feed.next(run.settings["batch_size"], run.settings["drop_last"])
        X, y = at(self.X, indices), at(self.target, indices)
        if self.augment is None:
            return X, y
        batch = self.augment(X, y, *[run.rng] * bool(taking(self.augment, "rng")))
        if not isinstance(batch, tuple) or len(batch) != 2 or rows(batch[0]) != rows(batch[1]):
            got = f"a {type(batch).__name__}"
            if isinstance(batch, tuple):
                got = f"{rows(batch[0])} and {rows(batch[1])} samples" if len(batch) == 2 else f"{len(batch)} things"
            raise TypeError(f"augment(X, y, rng) must give X and y, of as many samples each; got {got}")
        return batch

    def loss(self, model, batch, rng=None, part="") -> Tensor:
        X, y = batch
        return self.loss_of(called(model, X), y)

    def loss_of(self, output, y) -> Tensor:
        """The loss of outputs of the model."""
        return checked_loss(self.criterion(output, y))

    def not_static(self, model) -> str:
        if self.augment is not None:
            return "augment() makes every batch anew"
        if not (isinstance(self.X, np.ndarray) and isinstance(self.target, np.ndarray)):
            return "the model has several inputs or targets"
        return "" if self.static else unlike(self.criterion).replace("the model", "the loss")

    # ---- how it is judged, what can be asked ----------------------------------------------------------------------

    def _judged(self, model, which, most, seed, settings):
        X, y, target = (self.X, self.y, self.target) if which == "train" else (self.X_val, self.y_val, self.target_val)
        if not rows(X):
            return {}
        indices = self._looked_at(which, most)
        losses, counts, outputs, cut = [], [], [], pieces(indices, numbers(X))
        for piece in cut:
            output, wanted = called(model, at(X, piece)), at(target, piece)
            losses.append(float(self.loss_of(output, wanted).data))
            counts.append(self.criterion.counts(wanted, len(piece)))
            if self.classifies or self.metrics:
                outputs.append(arrays(output))
        if self.criterion.reduction == "sum":  # it is shown beside that of a batch, and is of as many samples
            found = {"loss": sum(losses) / len(indices) * min(settings["batch_size"], self.samples)}
        else:
            found = {"loss": float(np.dot(losses, counts)) / sum(counts)}
        if not outputs:
            return found
        output, y = joined(outputs, list(map(len, cut))), at(y, indices)
        if self.classifies:
            right, ignored = self.criterion.correct(output, y, self.task), getattr(self.criterion, "ignore_index", None)
            found["accuracy"] = float(np.mean(right if ignored is None else right[y != ignored]))
        if self.metrics:
            said, y = paired(self.probabilities(output)), paired(y)
            found |= {name: number_of(name, metric(said, y)) for name, metric in self.metrics.items()}
        return found

    def _looked_at(self, which, most):
        """Which rows an evaluation looks at."""
        found = self.data.sample(most, which)
        if isinstance(self.data, Dataset):
            return found
        return np.searchsorted(self.data.train if which == "train" else self.data.val, found)

    def fixed(self, most) -> Any:
        places = self._looked_at("train", most)
        return at(self.X, places), at(self.target, places)

    def one(self, sample) -> Any:
        """A batch of one sample, from its number in the training data or from (x, y) themselves."""
        if self.task is None:
            i = whole(0, self.samples - 1)("sample", sample)
            return at(self.X, slice(i, i + 1)), at(self.target, slice(i, i + 1))
        X, y = one_sample(sample, self.data)
        return X, self._targets(y)

    def inputs_of(self, X) -> Any:
        """X as the model takes it: of a data frame the columns by their names, scaled as the data were; arrays and
        lists as they are, in the units of data.X_train."""
        return as_inputs(X, self.data) if isinstance(self.data, Dataset) else super().inputs_of(X)

    def predict(self, model, X) -> np.ndarray:
        """Class probabilities or values of the samples X, (n, ..., outputs)."""
        return self.probabilities(self.outputs(model, self.inputs_of(X)))

    def probabilities(self, output) -> np.ndarray:
        """Class probabilities from outputs of the model; for regression the outputs themselves."""
        return self.criterion.probabilities(output, self.task) if self.classifies else output

    def replaced(self, data=None, loss=None) -> "Supervised":
        """The same objective on other data, or with another loss."""
        data = self.data if data is None else data
        if loss is None and getattr(data, "task", None) == self.task:
            loss = self.given
        return Supervised(data, loss, metrics=self.metrics, augment=self.augment, static=self.static)

    def __repr__(self) -> str:
        return f"Supervised({self.criterion.name or type(self.criterion).__name__} on {self.name})"


def _called(loss):
    name = loss if isinstance(loss, str) else getattr(loss, "name", "") or getattr(loss, "__name__", "")
    return repr(name) if name else type(loss).__name__
