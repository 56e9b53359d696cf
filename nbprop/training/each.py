"""What each sample of the training data costs now: its loss, the norm of its gradient, whether the answer is right."""

import math
import time
from typing import Any, Self

import numpy as np

from nbprop.data.trees import at, numbers
from nbprop.engine import Tensor, cat, record
from nbprop.nn.module import evaluating
from nbprop.record.layers import Layer, Tap, behind, find_layers, tapped
from nbprop.record.samples import Samples

from .objective import pieces
from .outputs import called
from .supervised import Supervised

MOST = 512  # samples, at most, always the same ones
SHARE = 0.1  # of the time that a run which plays may be kept waiting
WORK = 0.15  # of the samples of its steps that may be looked at beside them, in one that does not
FIRST = 10  # records that are made at every evaluation all the same


class Each:
    """What measures the samples of a run between its steps, and the samples as it has told them last.

    why: they cannot be measured, or "". complaint: the same, until somebody has taken it, once."""

    def __init__(self) -> None:
        self.why = self.complaint = self.gradient = ""
        self.data: Any = None  # those of which the history has records
        self._of: Any = None
        self._told: Any = None
        self._due = 0.0  # on the clock, when a run that plays may be measured again

    def __deepcopy__(self, memo) -> Self:
        return type(self)()

    def __reduce__(self) -> Any:
        return type(self), ()

    def samples(self, run) -> Samples:
        """Which there are, and how they stand. ValueError that says why the samples of this run have no losses."""
        if self._of is not run.objective or self._told.gradient != self.gradient:
            self._of, self._told = run.objective, samples_of(run.objective, self.gradient)
        return self._told

    def due(self, run, every, playing) -> bool:
        """Is it time for a record? While a run plays the clock says so; else it depends on the step alone: a record for
        so many steps that these look at many more samples."""
        step = run.steps
        if step % every or playing:
            return playing and step % every == 0 and time.perf_counter() >= self._due
        if step <= FIRST * every or self.why:
            return True
        seen = run.settings["batch_size"] * run.settings["accumulate"] * every
        count = min(MOST, run.objective.samples or 0)
        return step % (every * max(1, math.ceil(count / (WORK * seen)))) == 0

    def measure(self, run) -> "dict[str, np.ndarray] | None":
        """Name of a column -> values (n,), now. None if that cannot be: see `why`."""
        begun = time.perf_counter()
        try:
            found, self.gradient = measured(run, self.samples(run).numbers)
        except Exception as error:  # of the user's own model, perhaps: the run goes on
            why = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            if why != self.why:
                self.complaint = f"The samples cannot be measured: {why}"
            self.why = why
            return None
        self.why, now = "", time.perf_counter()
        self._due = now + (now - begun) * (1 / SHARE - 1)
        return found


def samples_of(objective, gradient="") -> Samples:
    """The samples of an objective that are measured; ValueError that says why there are none."""
    if not isinstance(objective, Supervised):
        raise ValueError("single samples have losses where outputs are compared with targets, Trainer(model, data)")
    if not (isinstance(objective.X, np.ndarray) and isinstance(objective.target, np.ndarray)):
        raise ValueError("the model has several inputs or targets; single samples are told of one array of each")
    places = objective.original.sample(MOST)
    places = places if objective.task else np.searchsorted(objective.data.train, places)
    shares = np.ones(objective.samples)
    for sample, weight in objective.weights:
        shares[sample] = weight
    labels = own = None
    if not objective.no_labels:
        labels, own = objective.y[places], objective.original.y_train[places]
    X = objective.X if len(places) == objective.samples else objective.X[places]
    classes = tuple(map(str, getattr(objective.data, "classes", ())))
    return Samples(places, shares[places], objective.samples, labels, own, classes, X, gradient)


def measured(run, places) -> "tuple[dict[str, np.ndarray], str]":
    """(name of a column -> values (n,), of what the gradient is) of the samples at these places, with the model in
    evaluation mode: no dropout, batch normalization by its running statistics. The run is left as it is."""
    objective, found, said = run.objective, {}, ""
    with run.looking(), evaluating(run.model):
        for piece in pieces(places, numbers(objective.X)):
            values, said = _piece(run, piece)
            for name, each in values.items():
                found.setdefault(name, []).append(each)
    return {f"sample_{name}": np.concatenate(each).astype(np.float32) for name, each in found.items()}, said


def _piece(run, piece):
    objective, model = run.objective, run.model
    model.zero_grad()
    with record() as tape:
        output = called(model, at(objective.X, piece))
        if not isinstance(output, Tensor):
            raise ValueError("the model gives several outputs; single samples are told of one")
        losses = _losses(objective, output, objective.target[piece])
        total = losses.sum()
    found = {"loss": np.array(losses.data)}
    said = ""
    if total.requires_grad:
        layers = find_layers(model, tape.calls, behind(total).__contains__)
        total.backward(retain_graph=True)
        norms, said = gradient_norms([(layer, tapped(z, a, f)) for layer, z, a, f in layers], model)
        found |= {"gradient": norms} if said else {}
    if objective.classifies:
        right = objective.criterion.correct(output.data, objective.y[piece], objective.task)
        if right is not None:
            found["right"] = np.asarray(right).reshape(len(piece), -1).mean(axis=1)
    return found, said


def _losses(objective, output, y):
    """Tensor (n,): the loss that each sample would have alone."""
    if not objective.not_each:
        return objective.each(output, y)
    return cat([objective.loss_of(output[i : i + 1], y[i : i + 1]).reshape(1) for i in range(len(y))])


def gradient_norms(found: "list[tuple[Layer, Tap]]", model: Any) -> "tuple[np.ndarray, str]":
    """(n,) norms of the gradient of each sample alone, and of what: as far as it is exact from what one pass backward
    of the sum of their losses gives. For y = W x + b the gradient of sample i is dy_i x_i^T and dy_i, so its squared
    norm is |dy_i|^2 (|x_i|^2 + 1)  (Goodfellow 2015, arXiv:1510.01799, section 3); with T places in a sample, (sum_t
    dy_it x_it^T), sum_st (x_is . x_it) (dy_is . dy_it)  (Li et al. 2022, arXiv:2110.05679, section 4). Convolutions and
    all else are left out: then it is of the Linear layers alone, and the words say which."""
    frozen = model.frozen_slices()
    weights = [layer.weight.start for layer, _ in found]
    square: Any = 0.0
    names, covered = [], 0
    for layer, tap in found:
        if tap.x is None or tap.dy is None or layer.kind != "Linear" or tap.x.ndim != tap.dy.ndim:
            continue
        if weights.count(layer.weight.start) > 1:
            continue
        trained = _trained(layer, frozen)
        if not trained.any():
            continue
        n = len(tap.dy)
        x, dy = (each.reshape(n, -1, each.shape[-1]) for each in (tap.x, tap.dy))
        dy = dy.astype(np.float64) * trained  # its squares may be too small for float32
        if x.shape[1] == 1:
            inputs = np.einsum("nti,nti->n", x, x).astype(np.float64) + (layer.bias is not None)
            square = square + np.einsum("nti,nti->n", dy, dy) * inputs
        else:
            x = x.astype(np.float64)
            pairs = (x @ x.transpose(0, 2, 1)) * (dy @ dy.transpose(0, 2, 1))
            square = square + pairs.sum(axis=(1, 2))
            square = square + ((dy.sum(axis=1) ** 2).sum(axis=1) if layer.bias is not None else 0)
        names.append(layer.name)
        covered += int(trained.sum()) * (layer.shape[1] + (layer.bias is not None))
    if not names:
        return np.zeros(0), ""
    everything = model.theta.size - sum(part.stop - part.start for part in frozen)
    if covered == everything:
        return np.sqrt(np.maximum(square, 0)), "of all parameters"
    shown = names if len(names) <= 3 else [*names[:2], f"{len(names) - 3} more", names[-1]]
    return np.sqrt(np.maximum(square, 0)), f"of the Linear layer{'s' * (len(names) > 1)} {', '.join(shown)} alone"


def _trained(layer, frozen):
    """Which units of a Linear are trained."""
    trained = np.ones(layer.shape[0], bool)
    for part in frozen:
        start, stop = max(part.start, layer.weight.start), min(part.stop, layer.weight.stop)
        if start < stop:
            first, last = ((end - layer.weight.start) / layer.shape[1] for end in (start, stop))
            trained[int(first) : int(np.ceil(last))] = False
    return trained
