"""What a run was made with, so that it can be made again: how it began, and every knob that was turned since."""

import copy
import inspect
import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.nn.containers import Sequential

from ..acts import Acts
from ..knob import ACTIONS
from ..run import Run
from ..supervised import Supervised
from ..trainer import Trainer

OBJECTIVE = "objective"  # the name of a turn of data, loss, or both


class Turn(NamedTuple):
    """After `step` updates the knob `name` was given `value`.

    name, value: as `Trainer.set` takes them; of an Action what it was given; of OBJECTIVE a dict with "data" (a
    Source), "loss" (a name or an nn.Loss), or both. again: the same hand went on with what it was doing: one event.
    """

    step: int
    name: str
    value: Any
    again: bool = False


@dataclass(frozen=True)
class Source:
    """Where data come from: `data.dataset(name, **settings)`, or a Dataset of the user's own."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    own: datasets.Dataset | None = None

    def make(self) -> datasets.Dataset:
        return datasets.dataset(self.name, **self.settings) if self.own is None else self.own


@dataclass(frozen=True)
class Recipe:
    """All that decides what a run becomes: the same recipe gives the same run, bit by bit.

    hidden, activation, init, dropout, dtype: of the network as `nn.mlp` takes them; model_seed: that of its weights;
    batch_norm: whether each hidden layer has one from the start; flatten: whether a Flatten stands before all.
    knobs: batch_size, drop_last, accumulate, clip, clip_value, l1. steps: how far the run has come.
    evaluate_every, probe_every, speed: as of a Trainer; they decide what is recorded and how fast, not what is learned.
    controls: names of those that a playground shows, () for the usual ones. metrics: names of the user's own.
    """

    data: Source
    loss: Any
    hidden: tuple[int, ...]
    optimizer: optim.Optimizer
    activation: Any = "tanh"
    init: Any = "xavier"
    model_seed: int = 0
    dropout: float | None = None
    batch_norm: bool = False
    flatten: bool = False
    dtype: str = "float32"
    knobs: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    turns: tuple[Turn, ...] = ()
    steps: int = 0
    evaluate_every: int = 20
    probe_every: int = 10
    speed: float = math.inf
    controls: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """What `nb.Playground(**settings)` takes of it, so that the controls stand where they stood."""
        made, shown = self.data.settings, ("noise", "validation")
        found = {name: made[name] for name in shown if name in made}
        plain = self.data.own is None and made.get("seed", 0) == self.seed
        if plain:
            usual = inspect.signature(datasets.DATASETS[self.data.name]).parameters
            plain = all(value == usual[name].default for name, value in made.items() if name not in (*shown, "seed"))
        found["data"] = self.data.name if plain else self.data.make()
        found |= {"hidden": self.hidden, "activation": self.activation, "init": self.init, "seed": self.seed}
        found |= {"optimizer": self.optimizer.copy(), "batch_size": self.knobs.get("batch_size", 32)}
        found |= {"dropout": self.dropout or 0.0, "speed": self.speed}
        return found | ({"controls": self.controls} if self.controls else {})

    def model(self, data: datasets.Dataset) -> Sequential:
        """The network as it was before the first step."""
        inputs, dtype = math.prod(data.input_shape) if self.flatten else data.inputs, np.dtype(self.dtype).type
        model = nn.mlp(
            [inputs, *self.hidden, data.outputs],
            activation=copy.deepcopy(self.activation),
            init=self.init,
            seed=self.model_seed,
            dtype=dtype,
            dropout=self.dropout,
        )
        if self.batch_norm:
            for i in reversed([i for i, module in enumerate(model) if isinstance(module, nn.Linear)][:-1]):
                model.insert(i + 1, nn.BatchNorm1d(model[i].out_features, dtype=dtype))
        if self.flatten:
            model.insert(0, nn.Flatten())
        return model

    def run(self) -> Run:
        """The run before its first step, and before the first turn."""
        data = self.data.make()
        objective = Supervised(data, copy.deepcopy(self.loss))
        return Run(self.model(data), objective, {"": self.optimizer.copy()}, self.knobs, self.seed)

    def trainer(self) -> Trainer:
        """A new Trainer at step 0; `repeat` makes the run again with it."""
        data = self.data.make()
        trainer = Trainer(self.model(data), data, seed=self.seed)
        self.begin(trainer)
        return trainer

    def begin(self, trainer: Trainer) -> None:
        """Give a trainer this run, at step 0; the one that it had is gone."""
        trainer.pause()
        trainer.evaluate_every, trainer.probe_every = self.evaluate_every, self.probe_every
        trainer.speed = self.speed
        trainer.between(lambda: self._begin(trainer))

    def _begin(self, trainer):
        trainer._requested.clear()
        trainer._begin(self.run())
        trainer._acts = Acts()

    def repeat(self, trainer: Trainer, bar: bool = False) -> None:
        """Make the run again with that trainer, from step 0 to its last: every knob is turned at its step.

        Raises ValueError where a knob cannot be turned so, TypeError likewise; the run is then as far as that."""
        self.begin(trainer)
        for turn in self.turns:
            if turn.step > trainer.steps:
                trainer.fit(steps=turn.step - trainer.steps, bar=bar)
            if trainer.steps < turn.step:  # interrupted
                return
            trainer._turned = math.inf if turn.again else -math.inf
            do(trainer, turn)
        trainer.fit(steps=self.steps - trainer.steps, bar=bar)


def _loss(trainer, given):
    """A copy of it; the one that is there, where that is alike: it is not exchanged for another one then."""
    return trainer.loss if repr(trainer.loss) == repr(given) else copy.deepcopy(given)


def do(trainer: Trainer, turn: Turn) -> None:
    """Turn that knob, or do that action."""
    if turn.name in ACTIONS:
        getattr(trainer, turn.name)(*(turn.value if isinstance(turn.value, tuple) else (turn.value,)))
    elif turn.name == OBJECTIVE:
        made = {name: each.make() if name == "data" else _loss(trainer, each) for name, each in turn.value.items()}
        trainer.set(**made)
    else:
        trainer.set(**{turn.name: copy.deepcopy(turn.value)})
