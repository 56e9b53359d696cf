"""A moment of the past of a run: what a trainer was after some step, to be looked at while the trainer stays where it
is or goes on. How it gets there is in winding.py.
"""

import copy
from typing import TYPE_CHECKING, Any, NoReturn, Unpack

import numpy as np

from nbprop.nn.module import Module
from nbprop.record import History, Layer
from nbprop.record.layers import Wire
from nbprop.record.observation import Observation
from nbprop.record.quantities import Quantity
from nbprop.record.samples import Samples
from nbprop.record.source import CannotSay
from nbprop.theory import Modes, Prediction, Stability

from . import makeup
from .around import Around
from .curving import sharpness
from .each import measured, samples_of
from .knob import KNOBS
from .knobs import Knobs, Turns
from .live import Live
from .rehearsal import Rehearsal, rehearse
from .winding import Winding

if TYPE_CHECKING:
    from .trainer import Trainer

COPIED = ("optimizer", "activation", "hidden_activations", "loss")  # knobs that are objects


class Moment(Knobs, Winding):
    """A trainer as it was after a step of its past: a source for every view, to be looked at and not to be changed.

    `trainer.at(step)` makes it. `show(step)` goes to another step, as often as wanted; `branch()` makes a trainer of
    it; every knob reads as it stood then. The trainer is not disturbed, and may play on.

    asked: the step that was asked for. steps, moment: the one that is shown, on the way an earlier one: then `exact` is
        False and `status` "playing". The state is that of before the knobs that were turned at that very step, as after
        `trainer.rewind`.
    history: the trainer's, all of it: it goes on beyond the moment. evaluation: the newest at or before the step.
    What is seen of the last step (probe, histograms, slopes, observe) is of the step that led there.

    It is of the run that it was made of. Once that has been rewound to before it and continued otherwise, reset, or
    taken back by `undo`, the moment is gone: it says so in the place of all answers (CannotSay), until `show` finds
    another, or `redo` brings it back. `close` lets go of everything.
    """

    def __init__(self, trainer: Any, step: int, wait: bool = True) -> None:
        self._recorder = trainer._recorder.copy()
        super().__init__(trainer, step, wait)

    if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

        def __setattr__(self, name, value) -> None:
            if name[0] != "_" and name not in ("version", "watchers"):
                self.set(**{name: value})
            super().__setattr__(name, value)

    # ---- what is seen of it ----------------------------------------------------------------------------------------

    def _look(self, function):
        """What a function of the second run gives, called between two steps of the trainer."""

        def look():
            self._must_be_there()
            with self._twin.unnoticed(), np.errstate(all="ignore"):
                return function(self._twin.run)

        return Live.between(self._trainer, look)

    def _must_be_there(self):
        if cannot := self._cannot():
            raise CannotSay(cannot)

    def _value(self, name: str) -> Any:
        """What a knob stood at."""
        if name == "data":  # which views also read where they show no numbers
            return (self._trainer._run if self._twin is None else self._twin.run).objective.data
        self._must_be_there()
        run = self._twin.run
        if name == "theta":
            theta = run.theta.copy()
            theta.flags.writeable = False
            return theta
        value = KNOBS[name].read(run)
        if value is None and name in ("hidden", "depth", "width"):
            makeup.dense_layers(run.model)  # which says why there are none
        return copy.deepcopy(value) if name in COPIED else value

    @property
    def history(self) -> History:
        """The trainer's, with all that came later."""
        return self._trainer.history

    @property
    def quantities(self) -> dict[str, Quantity]:
        """What `probe` measures: name -> `Quantity`."""
        return self._trainer.quantities

    @property
    def evaluation(self) -> dict[str, float]:
        """The newest evaluation that was recorded at or before the step."""
        found, step = {}, self.steps
        for name in self._trainer.evaluation:
            steps, values = self.history.series(name)
            if count := int(np.searchsorted(steps, step, side="right")):
                found[name] = float(values[count - 1])
        return found

    @property
    def epoch(self) -> float:
        """Passes over the training data, as a fraction."""
        self._must_be_there()
        return self._twin.run.epoch

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self._trainer.seed

    @property
    def model(self) -> Module:
        """The model as it was, a copy."""
        return self._look(lambda run: copy.deepcopy(run.model))

    @property
    def layers(self) -> list[Layer]:
        """A `Layer` for every module with a weight, from input to output."""
        return self._look(lambda run: run.layers)

    @property
    def wires(self) -> list[Wire]:
        """As `Trainer.wires`."""
        return self._look(lambda run: run.wires)

    def probe(self) -> dict[str, np.ndarray]:
        """As `Trainer.probe`: of the step that led here; masked where there is none, as at step 0."""

        def probed(run):
            recorder, seen = self._recorder, run.observation
            recorder.own = dict(self._trainer._recorder.own)
            return recorder.nothing(len(run.layers)) if seen is None else recorder.measure(seen)

        return self._look(probed)

    def mean_field(self) -> Prediction:
        """As `Trainer.mean_field`: of the weights of then."""
        return self._look(lambda run: run.mean_field())

    def linear_modes(self) -> Modes:
        """As `Trainer.linear_modes`: with the settings of then."""
        return self._look(lambda run: run.linear_modes())

    def stability(self) -> Stability:
        """As `Trainer.stability`: of the optimizer of then."""
        return self._look(lambda run: run.stability())

    def around(self) -> Around:
        """As `Trainer.around`: of the model as it was."""
        return self._look(lambda run: run.around())

    def path(self) -> list[tuple[int, np.ndarray]]:
        """As `Trainer.path`, up to this step."""
        return self._look(lambda run: run.path(self._trainer._past))

    def sharpness(self) -> float:
        """As `Trainer.sharpness`; it is not recorded."""
        return self._look(sharpness)

    @property
    def samples(self) -> Samples:
        """As `Trainer.samples`: with the labels and weights of then."""

        def told(run):
            if run.objective.original is not self._trainer._run.objective.original:
                raise CannotSay("It had other data then, and what is recorded of single samples is of those of now.")
            return samples_of(run.objective, self._trainer._each.gradient)

        return self._look(told)

    def measure_samples(self) -> dict[str, np.ndarray]:
        """As `Trainer.measure_samples`; it is not recorded."""
        return self._look(lambda run: measured(run, samples_of(run.objective).numbers)[0])

    def histograms(self, kind: str, bins: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As `Trainer.histograms`."""
        return self._look(lambda run: run.histograms(kind, bins))

    def slopes(self, bins: int = 40) -> dict[str, np.ndarray]:
        """As `Trainer.slopes`."""
        return self._look(lambda run: run.slopes(bins))

    def not_finite(self, kind: str) -> np.ndarray:
        """As `Trainer.not_finite`."""
        return self._look(lambda run: run.not_finite(kind))

    def predict(self, X: Any) -> Any:
        """As `Trainer.predict`."""
        return self._look(lambda run: run.predict(X))

    def outputs(self, X: Any) -> Any:
        """As `Trainer.outputs`."""
        return self._look(lambda run: run.output(X))

    def activations(self, X: Any) -> list[np.ndarray]:
        """As `Trainer.activations`."""
        return self._look(lambda run: run.activations(X))

    def input_gradient(self, X: Any, y: Any = None, *, score: "int | None" = None) -> np.ndarray:
        """As `Trainer.input_gradient`."""
        return self._look(lambda run: run.input_gradient(X, y, score))

    def gradient_times_input(self, X: Any, *, score: int) -> np.ndarray:
        """As `Trainer.gradient_times_input`."""
        return self._look(lambda run: run.gradient_times_input(X, score))

    def attention(self, X: Any) -> list[np.ndarray]:
        """As `Trainer.attention`."""
        return self._look(lambda run: run.attention(X))

    def evaluate(self) -> dict[str, float]:
        """Loss, accuracy and metrics of this very step, computed now."""
        return self._look(lambda run: run.evaluate())

    def observe(self, sample: Any = None) -> Observation:
        """As `Trainer.observe`."""
        return self._look(lambda run: run.observed(sample))

    def rehearse(self, sample: "int | None" = None) -> Rehearsal:
        """As `Trainer.rehearse`: the step after the moment, with the knobs that were turned before it."""

        def rehearsed(run):
            past, step = self._trainer._past, run.steps
            if any(kept.edited and kept.step == step for kept in past.snapshots):
                raise CannotSay(f"After step {step:,} the model was changed in code: look at the step before or after.")
            turned = past.turns_between(step, step + 1) if step == self._asked else []
            return rehearse(run, sample, [(name, self._twin._of_mine(value)) for _, name, value, _ in turned])

        return self._look(rehearsed)

    # ---- what it is not ----------------------------------------------------------------------------------------------

    def branch(self, **changes: Unpack[Turns]) -> "Trainer":
        """A trainer that goes on from here, with its own copy of everything, with other knobs."""
        self._must_be_there()
        other = self._trainer.branch()
        other.rewind(self._asked)
        if changes:
            other.set(**changes)
        return other

    def _refused(self, what) -> NoReturn:
        raise ValueError(
            f"a moment of the past is only looked at, it cannot {what}: trainer.rewind({self._asked}) goes on from "
            "here, moment.branch() makes a second trainer that does"
        )

    def set(self, **changes: Any) -> NoReturn:
        """Refused."""
        self._refused(f"be given another {', '.join(changes) or 'value'}")

    def step(self, n: int = 1) -> NoReturn:
        """Refused."""
        self._refused("make steps")

    def play(self, steps: "int | None" = None) -> NoReturn:
        """Refused."""
        self._refused("play")

    def fit(self, steps: "int | None" = None) -> NoReturn:
        """Refused."""
        self._refused("be trained")

    def __repr__(self) -> str:
        state = self._cannot() or ("" if self.exact else self._differs or f"still at step {self.steps}")
        return f"Moment(step {self._asked} of {self._trainer.steps}{state and ': '}{state})"
