"""Looking into a run: its layers, its last step, what its model says. Nothing of it changes the run."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from nbprop import nn, theory
from nbprop.data.trees import alone, leaves
from nbprop.engine import Tensor, record
from nbprop.engine.embedding import Embedding
from nbprop.engine.tape import reachable, walk
from nbprop.nn.module import Module, evaluating
from nbprop.nn.parameter import changes
from nbprop.optim import SGD
from nbprop.record import histograms
from nbprop.record.layers import Layer, Tap, Wire, behind, find_layers, pictured
from nbprop.record.observation import Observation, observe, untouched
from nbprop.record.source import CannotSay

from .around import Around
from .compatibility import check_differentiable, check_scored
from .outputs import called
from .step import EagerStep, RecordedStep
from .structure import Structure

LOOKED = 512  # samples, at most about, of which the theory knows the size


class Looking:
    """The part of a Run that is looked at."""

    model: Module
    objective: Any  # an Objective
    batches: Any
    structure: Structure
    seed: int
    theta: np.ndarray
    _made: "EagerStep | RecordedStep | None"
    _unrun: "tuple[list[Layer], list[Wire], list[Any]] | None"
    _observation: "Observation | None"
    _watched: "dict[str, np.ndarray]"
    _batch: Any
    _dL: np.ndarray
    _loss_was: float
    _stamp: int
    steps: int
    optimizers: "dict[str, Any]"
    settings: "dict[str, Any]"
    _foreign = True  # whether code of the user's own is called
    _losses: "list[tuple[Structure, Module]]"

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Inside, model and loss are called to be looked at: what that does to them, random numbers drawn or calls
        counted, is undone afterwards, so that nothing depends on who has looked. A run that has diverged is looked at
        without a warning: what is not finite is shown, and named by its steps."""
        known, theirs = changes() == self._stamp, np.random.get_state() if self._foreign else None  # noqa: NPY002
        drawn = [(each, each.bit_generator.state) for each in self.objective.generators()]
        with untouched(self.model, *self.objective.losses.values()), np.errstate(all="ignore"):
            try:
                yield
            finally:
                if theirs is not None:
                    np.random.set_state(theirs)  # noqa: NPY002
                for generator, state in drawn:
                    generator.bit_generator.state = state
            self._same_parameters()
        if known:
            self._stamp = changes()

    def _left_behind(self):
        """The model was called: what that leaves behind in it is no change by hand."""
        self._same_parameters()
        if changes() != self._stamp:
            self.structure, self._losses = Structure(self.model), [(Structure(loss), loss) for _, loss in self._losses]
            self._stamp = changes()

    def _same_parameters(self):
        if self.model.theta is not self.theta:
            raise ValueError(
                f"{type(self.model).__name__}: forward() has made or exchanged parameters, which would not be trained: "
                "make them in __init__"
            )

    @property
    def layers(self) -> list[Layer]:
        if self._made is not None:
            return self._made.layers
        return self._before_the_first_step()[0]

    @property
    def wires(self) -> list[Wire]:
        """How the layers hang together."""
        return self._before_the_first_step()[1] if self._made is None else self._made.wires()

    @property
    def functions(self) -> list[Any]:
        """The module of the model that is the activation of each layer, or None."""
        if self._made is None:
            return self._before_the_first_step()[2]
        return [tap.activation for tap in self._made.taps]

    def _before_the_first_step(self):
        """Layers, wires and activations, found by a step of a copy: none where there can be none without using a batch
        up."""
        if self._unrun is None:
            self._unrun = self._found_before()
        return self._unrun

    def _found_before(self):
        if self.batches.rewinds:
            return [], [], []
        with self.looking():
            probe = EagerStep(copy.deepcopy(self.model).requires_grad_(True))  # frozen ones are layers, too
            probe.run(self.objective.first_loss(probe.model, copy.deepcopy(self.batches), self))
            mine = dict(zip(probe.model.modules(), self.model.modules(), strict=True))
            return probe.layers, probe.wires(), [mine.get(tap.activation) for tap in probe.taps]

    @property
    def taps(self) -> list[Tap]:
        return self._made.taps if self._made else []

    @property
    def observation(self) -> Observation | None:
        """An Observation of the last step, in its own arrays; None before the first one."""
        if self._made and self._observation is None:
            made = self._made
            x, y = self.objective.xy(self._batch)
            self._observation = Observation(
                made.layers, made.taps, self.theta, self._dL, self._loss_was,
                x=x, y=y, recurrent=made.recurrent if made.back else (), forward_only=not made.back, **self._watched,
            )  # fmt: skip
        return self._observation

    def observe(self, batch) -> Observation:
        """An Observation of a batch; the run is left as it is."""
        rng, part = np.random.default_rng([self.seed, 3]), list(self.objective.losses)[-1]
        return observe(self.model, lambda: self.objective.loss(self.model, batch, rng, part), *self.objective.xy(batch))

    def observed(self, sample=None) -> Observation:
        """An Observation of the last step, or of a sample, in arrays of its own."""
        if sample is None:
            if self.observation is None:
                raise ValueError("observe: no step has been taken yet; try trainer.step(), or observe(sample=0)")
            return self.observation.copy()
        with self.looking():
            return self.observe(self.objective.one(sample))

    def slopes(self, bins) -> dict[str, np.ndarray]:
        """What `histograms.slopes` says of the last step."""
        return histograms.slopes(self.taps, bins)

    def histograms(self, kind, bins) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return histograms.histograms(self._counted(kind), bins)

    def not_finite(self, kind) -> np.ndarray:
        return histograms.not_finite(self._counted(kind))

    def _counted(self, kind):
        """The array of each layer whose numbers a histogram counts."""
        if kind == "weights":
            return [self.theta[layer.weight] for layer in self.layers]
        if not self._made:
            return [np.zeros(0, np.float32) for _ in self.layers]
        if kind == "gradients" and not self._made.back:
            return [np.zeros(0, np.float32) for _ in self.layers]
        if kind == "gradients":
            return [self._dL[layer.weight] for layer in self.layers]
        return [tap.a for tap in self.taps]

    def output(self, X) -> np.ndarray:
        """What the network says, (n, ..., outputs), with the training step's arrays left as they are."""
        with self.looking():
            return self.objective.outputs(self.model, X)

    def activations(self, X) -> list[np.ndarray]:
        """What every layer gives for the samples X: a list of arrays (n, ...); of a convolution of sequences pictures
        of one row, (n, channels, 1, L)."""
        with self.looking(), evaluating(self.model), record() as tape:
            outputs = [each for each in leaves(called(self.model, X)) if isinstance(each, Tensor)]
        found = find_layers(self.model, tape.calls, behind(*outputs).__contains__)
        return [pictured(a.data, z) for _, z, a, _ in found]

    def stability(self) -> theory.Stability:
        found = {id(each): theory.stability(each) for each in self.optimizers.values()}
        if len(found) > 1:
            raise ValueError("several optimizers train parts of this model: no one threshold holds for it")
        threshold, settings = next(iter(found.values())), self.settings
        more = []
        if self.objective.samples is None or settings["batch_size"] * settings["accumulate"] < self.objective.drawn:
            more.append("it is about steps with all samples: with small batches it mostly stays below")
        if settings["clip"] is not None or settings["clip_value"] is not None:
            more.append("while gradients are clipped it does not hold")
        if settings["l1"]:
            more.append("the L1 penalty is not in it")
        return replace(threshold, words="; ".join([threshold.words, *more])) if threshold.formula else threshold

    def around(self) -> Around:
        if self.objective.lacks:
            raise CannotSay(f"There is no loss to look at: {self.objective.lacks}.")
        return Around(self, self.theta.dtype)

    def path(self, past) -> list[tuple[int, np.ndarray]]:
        """(step, theta) of the snapshots up to now of a network of these shapes, oldest first, and of now."""
        known, own = {}, [each.shape for each in self.model.parameters()]
        found = [(self.steps, self.theta.copy())]
        for kept in reversed(past.snapshots):
            made = kept.structure
            if id(made) not in known:
                known[id(made)] = [shape for _, shape, *_ in made.parameters] == own
            if not known[id(made)]:
                break
            if kept.step < self.steps:
                found.append((kept.step, kept.theta))
        return found[::-1]

    def mean_field(self) -> theory.Prediction:
        X = getattr(self.objective, "X", None)
        if not isinstance(X, np.ndarray):
            raise ValueError("mean field goes by the size of the inputs: it needs data with one array of them")
        return theory.predict(self.model, X[:: max(1, len(X) // LOOKED)])

    def linear_modes(self) -> theory.Modes:
        objective, settings = self.objective, self.settings
        X, y = getattr(objective, "X", None), getattr(objective, "target", None)
        if not isinstance(X, np.ndarray) or not isinstance(y, np.ndarray):
            raise ValueError("modes are those of one array of inputs and one of targets")
        found = theory.modes_of(self.model, X, y)
        criterion, optimizer = objective.criterion, next(iter(self.optimizers.values()))
        plain = type(optimizer) is SGD and not (optimizer.momentum or optimizer.weight_decay or optimizer.groups)
        plain = plain and all(one.requires_grad for one in self.model.parameters())
        if type(criterion) is not nn.MSELoss or criterion.reduction != "mean":
            return replace(found, unsolved="it is for the mean squared error, loss='mse'")
        if not plain or len(self.optimizers) > 1 or any(settings[name] for name in ("l1", "clip", "clip_value")):
            return replace(found, unsolved="it is for plain gradient descent, optimizer='sgd', with nothing added")
        return replace(found, unsolved="it is for one learning rate") if optimizer.schedule else found

    def predict(self, X) -> np.ndarray:
        """Class probabilities or regression values of the samples X, (n, ..., outputs)."""
        with self.looking():
            return self.objective.predict(self.model, X)

    def input_gradient(self, X, y=None, score=None) -> np.ndarray:
        """dL/dX of the loss of the samples X, (n, ...), with targets y; or of the sum of their scores of a class."""
        X = np.asarray(check_differentiable(self.objective, X, y, score))
        with self.looking(), evaluating(self.model):
            x = Tensor(X, requires_grad=True)
            output = self.model(x)
            if score is None:
                found = self.objective.loss_of(output, self.objective._targets(y))
            else:
                found = self._score(output, score)
            if not found.requires_grad:
                return np.zeros_like(X)
            found.backward()
            return np.zeros_like(X) if x.grad is None else np.array(x.grad)

    def _score(self, output, score):
        """The sum over all samples of what the model gives for a class."""
        if self.objective.data.task == "binary":
            return output.sum() if score else -output.sum()
        return output[..., score].sum()

    def gradient_times_input(self, X, score) -> np.ndarray:
        """Of measurements an array as X; of tokens (n, T) a number for each, the products of its embedding added up."""
        name = "gradient_times_input"
        if score is None:
            raise TypeError(f"{name}: expected the number of a score, got None")
        X = np.asarray(check_scored(self.objective, X, score, name))
        if not self.objective.data.vocabulary:
            return X * self.input_gradient(X, score=score)
        with self.looking(), evaluating(self.model):
            x = Tensor(X)
            found = self._score(self.model(x), score)
            looked_up = [
                node
                for node in (reachable(found) if found.requires_grad else ())
                if isinstance(node.op, Embedding) and np.array_equal(node.inputs[0].data, X)
            ]
            here = [node for node in looked_up if np.may_share_memory(node.inputs[0].data, x.data)]
            looked_up = here or looked_up  # the numbers of places may be the same as those of the tokens
            if not looked_up:
                raise ValueError(
                    f"{name}: expected a model that looks the tokens (n, T) up in an nn.Embedding which is trained, "
                    "and whose score depends on it; found none"
                )
            walk(found)  # the parameters keep the gradients that they have
            return np.sum([(node.data * node.grad).sum(axis=-1) for node in looked_up], axis=0)

    def attention(self, X) -> list[np.ndarray]:
        """The weights of every attention in the model, each (heads, T, S), for one sample X."""
        attentions = [each for each in self.model.modules() if isinstance(each, nn.MultiheadAttention)]
        if not attentions:  # then the model may be one that cannot be called
            return []
        with self.looking():
            self.objective.outputs(self.model, alone(X))
            return [each.attention_weights[0] for each in attentions]

    def evaluate(self) -> dict[str, float]:
        """Loss and accuracy on fixed random samples of training and validation data: see the objective."""
        with self.looking():
            return self.objective.evaluate(self.model, self.seed, self.settings)
