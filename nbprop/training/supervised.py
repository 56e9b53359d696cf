"""The usual objective: a network gives an output for each sample, and a loss compares it with the sample's target."""

import copy
from collections.abc import Callable
from dataclasses import replace
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
        self._original: Any = data
        self.task = getattr(data, "task", None)
        if self.task is None and loss is None:
            raise TypeError("these data have no task from which a loss would follow: pass loss=, a name or a function")
        self.given = USUAL[str(self.task)] if loss is None else loss  # as it was asked for: a name stays one
        self.criterion = nn.loss(self.given)
        if isinstance(self.criterion, nn.FunctionLoss) and not isinstance(self.given, nn.Module):
            check_call("loss", self.given, "output", "y")
        if self.task is not None and self.task not in self.criterion.tasks:
            hints = {
                "regression": "; if y are labels give y.astype(int), if probabilities nb.data.Arrays(X, y)",
                "binary": ", or an output for each class: give (X, y), or from_arrays(X, y, task='multiclass')",
            }
            raise ValueError(
                f"loss {_called(self.given)} is for {' or '.join(self.criterion.tasks)} data, but {data.name!r} is "
                f"{self.task}; try loss={USUAL[self.task]!r}{hints.get(self.task, '')}"
            )
        if self.criterion.reduction == "none":
            raise ValueError(
                f"loss {type(self.criterion).__name__}(reduction='none') gives a number for each sample, and a step "
                "needs one: take reduction='mean' or 'sum', or weigh them in a loss(output, y) of your own"
            )
        dim = getattr(self.criterion, "dim", None)
        if self.task is not None and dim not in (None, -1):
            raise ValueError(
                f"loss: dim={dim}, and in a Trainer the classes are the last axis of the outputs: let "
                "the model give them so, output.swapaxes(1, -1), and leave dim out"
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
        if self.augment is None:
            return self.batch(indices)
        X, y = at(self.X, indices), at(self.target, indices)
        batch = self.augment(X, y, *[run.rng] * bool(taking(self.augment, "rng")))
        if not isinstance(batch, tuple) or len(batch) != 2 or rows(batch[0]) != rows(batch[1]):
            got = f"a {type(batch).__name__}"
            if isinstance(batch, tuple):
                got = f"{rows(batch[0])} and {rows(batch[1])} samples" if len(batch) == 2 else f"{len(batch)} things"
            raise TypeError(f"augment(X, y, rng) must give X and y, of as many samples each; got {got}")
        return batch

    def batch(self, places) -> tuple[Any, ...]:
        """The samples at these places: X and y, and their weights where there are some."""
        shares = () if self.shares is None else (self.shares[places],)
        return (at(self.X, places), at(self.target, places), *shares)

    @staticmethod
    def xy(batch) -> tuple[Any, Any]:
        return Objective.xy(batch[:2])

    def loss(self, model, batch, rng=None, part="") -> Tensor:
        X, y, *shares = batch
        return self.loss_of(called(model, X), y, *shares)

    def loss_of(self, output, y, shares=None) -> Tensor:
        """The loss of outputs of the model. shares: weights of the samples (n,), by which their losses are multiplied
        before they are added up; the mean is still over all n."""
        if shares is None:
            return checked_loss(self.compared(output, y))
        losses = self.each(output, y)
        total = (losses * (shares if isinstance(shares, Tensor) else shares.astype(losses.dtype))).sum()
        return total / len(y) if self.criterion.reduction == "mean" else total

    def compared(self, output, y, criterion=None) -> Any:
        """What the loss gives, or the `criterion` that stands for it: its classes are the last axis."""
        criterion = self.criterion if criterion is None else criterion
        last = self.task == "multiclass" and type(criterion).forward is nn.NLLLoss.forward
        return criterion(output, y, **({"dim": -1} if last else {}))

    def each(self, output, y) -> Tensor:
        """The loss of each sample alone (n,), a Tensor, where `not_each` is ""."""
        single = copy.copy(self.criterion)
        vars(single)["reduction"] = "none"  # a copy for this once: nobody is to look at the model anew
        losses = self.compared(output, y, single)
        if losses.ndim == 1:
            return losses
        losses = losses.reshape(len(y), -1)
        return losses.mean(axis=1) if self.criterion.reduction == "mean" else losses.sum(axis=1)

    @property
    def not_each(self) -> str:
        """Why the losses of the samples cannot be told apart within a batch; "" if they can."""
        loss, name = self.criterion, type(self.criterion).__name__
        if unlike(loss) or nn.LOSSES.get(loss.name) is not type(loss):
            return "the loss is a function or class of your own, which gives one number for a batch"
        if loss.reduction not in ("mean", "sum"):
            return f"{name} has reduction={loss.reduction!r}; take reduction='mean'"
        if getattr(loss, "ignore_index", None) is not None:
            return f"{name} has ignore_index, and its mean is over those targets that count"
        if isinstance(loss, nn.NLLLoss) and loss.weight is not None and not isinstance(loss, nn.MultiMarginLoss):
            return f"{name} has weights of the classes, by which its mean is divided"
        return ""

    # ---- single samples ------------------------------------------------------------------------------------------

    @property
    def original(self) -> Any:
        return self._original

    @property
    def no_labels(self) -> str:
        """Why single samples cannot be given another label; "" if they can."""
        if self.task in ("binary", "multiclass") and self._original.y_train.ndim == 1:
            return ""
        what = {
            None: "these data say no task, so their targets need not be classes",
            "regression": "the targets of regression are numbers, and no classes",
            "multilabel": "a sample of these data has several labels",
        }.get(self.task, "a sample of these data has a label for every time step")
        return f"{what}: change them in the data, and give these to the trainer (trainer.data = ...)"

    def turned(self, weights, labels) -> "Supervised":
        """The same objective with single samples turned. weights: (sample, weight) each; what has weight 0 is not drawn
        into a batch, and no evaluation of the training data looks at it; other losses are multiplied by the weight, as
        with sample_weight in Keras. labels: (sample, class) each. ValueError that says why that cannot be."""
        if not (weights or labels or self.weights or self.relabelled):
            return self
        made, data = copy.copy(self), self._original
        made.weights, made.relabelled = tuple(weights), tuple(labels)
        share = np.ones(self.samples)
        for sample, weight in weights:
            share[sample] = weight
        made.kept = None if share.all() else share > 0
        if made.kept is not None and not made.kept.any():
            raise ValueError("sample_weights: all samples were to be left out; at least one must be learned from")
        made.shares = share if (share[share > 0] != 1).any() else None
        if made.shares is not None and (why := "augment() makes every batch anew" if self.augment else self.not_each):
            raise ValueError(f"sample_weights: {why}, so a sample can only be left out (weight 0), or count 1")
        if made.relabelled != self.relabelled:
            y = data.y_train.copy()
            y[[sample for sample, _ in labels]] = [label for _, label in labels]
            made.data = replace(data, y_train=y) if labels else data
            made.y, made.target = made.data.y_train, self._targets(made.data.y_train)
            made.criterion.check_values(made.target)
        return made

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
        shares = self.shares if which == "train" else None
        losses, counts, outputs, cut = [], [], [], pieces(indices, numbers(X))
        for piece in cut:
            output, wanted = called(model, at(X, piece)), at(target, piece)
            weighed = () if shares is None else (shares[piece],)
            losses.append(float(self.loss_of(output, wanted, *weighed).data))
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
        found = self._original.sample(most, which)
        if not isinstance(self.data, Dataset):
            found = np.searchsorted(self.data.train if which == "train" else self.data.val, found)
        if self.kept is None or which != "train" or not self.kept[found].any():
            return found
        return found[self.kept[found]]

    def fixed(self, most) -> Any:
        places = self._looked_at("train", most)
        return self.batch(places)

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
        """Class probabilities or values of the samples X, (n, ..., outputs); of a table values in its own units."""
        said = self.probabilities(self.outputs(model, self.inputs_of(X)))
        back = getattr(self.data, "target_scaling", None)
        return said if back is None or not self.data.takes(X) else back.back(said)

    def probabilities(self, output) -> np.ndarray:
        """Class probabilities from outputs of the model; for regression the outputs themselves."""
        return self.criterion.probabilities(output, self.task) if self.classifies else output

    def replaced(self, data=None, loss=None) -> "Supervised":
        """The same objective on other data, or with another loss."""
        data = self._original if data is None or data is self.data else data
        if loss is None and getattr(data, "task", None) == self.task:
            loss = self.given
        made = Supervised(data, loss, metrics=self.metrics, augment=self.augment, static=self.static)
        return made.turned(self.weights, self.relabelled) if data is self._original else made

    def __repr__(self) -> str:
        return f"Supervised({self.criterion.name or type(self.criterion).__name__} on {self.name})"


def _called(loss):
    name = loss if isinstance(loss, str) else getattr(loss, "name", "") or getattr(loss, "__name__", "")
    return repr(name) if name else type(loss).__name__
