"""The way back: rewind, undo and redo, branches, a new start."""

import copy
import warnings
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Self, Unpack

import numpy as np

from nbprop import nn
from nbprop.checks import did_you_mean, instance, whole
from nbprop.record import Diverged, History
from nbprop.record.recorder import Recorder

from . import given, makeup, plans
from .knob import KNOBS
from .knobs import Turns
from .learning_rates import LearningRates, find_lr
from .moment import Moment
from .past import Past
from .repeating import begin_anew
from .run import Run
from .supervised import Supervised
from .turning import Turning


class Returning(Turning):
    """The part of a Trainer that goes through time."""

    evaluation: "dict[str, float]"
    evaluate_every: int
    probe_every: int
    snapshot_every: int
    seed: int
    _recorder: Recorder
    _watching: "frozenset[str]"
    _edited: int
    _error: Any  # what has stopped it, if that was a divergence

    def _take(self, run: Run, past: Past, history: History) -> None:
        """This run, with its past and its history, is now the trainer's."""
        raise NotImplementedError

    def _begin(self, run: Run) -> None:
        """A run from its first step on."""
        raise NotImplementedError

    def _prepare(self, evaluate_every: int, probe_every: int, snapshot_every: int) -> None:
        """All that is not a run's."""
        raise NotImplementedError

    @property
    def earliest(self) -> int:
        """The earliest step that can be gone back to."""
        return self._past.first

    def rewind(self, step: int) -> None:
        """Go back to exactly the state after step `step`: parameters, optimizer, batches, knobs. What came later is
        forgotten, until `undo` (`branch` keeps both futures). Pauses; train on with `play` or `fit`."""
        step = whole(0, self.steps)("step", step)
        if self._run.batches.rewinds:
            raise ValueError(f"this run cannot go back: {self._run.batches.rewinds}")
        self._past.before(step)  # which says so if it is no longer there
        self.post(lambda: self._rewind(min(step, self.steps)))

    def _rewind(self, step):
        self._pause()
        self._notice(broken=True)
        moment = self._moment()
        with self._or_back(moment):
            self._go_back(step)
        self._acts.moment(f"back to step {step:,}", moment)

    @contextmanager
    def _or_back(self, moment):
        """What fails inside leaves everything as it was at that moment, which is now."""
        run, step, past, history, error = moment
        now = run.snapshot()
        try:
            yield
        except BaseException:
            self._take(run, past, history)
            run.restore(now)
            self._came_back(step)
            self._stopped_by(error)
            raise

    def _go_back(self, step, turned=False):
        with np.errstate(all="ignore"):
            made = self._past.rewind(self._run, step, turned)
        differs = self._differs(made)
        self.history.truncate(step, turned)
        self._came_back(step, differs)

    def _differs(self, made):
        """In words, if steps that were made again have not given what they gave the first time."""
        steps, losses = self.history.series("loss")
        places = np.searchsorted(steps, [step for step, _ in made])
        for place, (step, loss) in zip(places, made, strict=True):
            if loss == loss and place < len(steps) and steps[place] == step and losses[place] != loss:
                return (
                    f"step {step} has given another loss when it was made again, {loss:.6g} instead of "
                    f"{losses[place]:.6g}: the model or the loss uses something that the run does not keep, such as "
                    "np.random, the clock, or a generator from outside. Keep a generator in the module (self.rng = "
                    "np.random.default_rng(0)), or let the loss of an nb.Objective take rng"
                )
        return ""

    def _came_back(self, step, differs=""):
        self._requested.clear()
        self._edited, self._error = -1, None
        last = {name: self.history.series(name)[1][-1:] for name in self.evaluation}
        self.evaluation = {name: float(values[0]) for name, values in last.items() if len(values)}
        self.message = differs
        if differs:
            with suppress(RuntimeWarning):  # where warnings are errors
                warnings.warn(f"rewind is not exact: {differs}", RuntimeWarning, stacklevel=2)
        self.status = "paused" if step else "ready"
        self._changed()

    def _moment(self):
        """All that `undo` needs to come back to now."""
        return self._run, self.steps, self._past.copy(), self.history.copy(), self._error

    def _advise(self, error):
        """Back to the lowest loss, with the learning rate of then or a smaller one."""
        steps, losses = self.history.series("loss")
        steps, losses = (column[steps >= self._past.first] for column in (steps, losses))
        best = int(steps[losses.argmin()]) if len(losses) else 0
        later = [event for event in self.history.events if event.name == "lr" and event.step >= best]
        error.advise(best, self.lr, later[0].old if later else self.lr)
        self._error = error

    def _stopped_by(self, error):
        """The run had stopped here: it says so again."""
        if error is not None:
            self._error = error
            self._fail(error)

    @property
    def error(self) -> "Diverged | None":
        """The Diverged by which it has stopped; None while it has not."""
        return self._error if self.status == "stopped" and isinstance(self._error, Diverged) else None

    @property
    def remedy(self) -> str:
        """What `mend` does, in words; "" while nothing is wrong, or where it could do nothing."""
        error = self._error
        if error is None or error.back is None or self.status != "stopped":
            return ""
        rates = error.lr.values() if isinstance(error.lr, dict) else [error.lr]
        lr = ", ".join(f"{each:g}" for each in rates if each is not None)
        return f"Back to step {error.back:,}" + (f" with learning rate {lr}" if lr else "")

    def mend(self) -> None:
        """Do what the message of a run that has diverged advises: go back to the step of the lowest loss, with a
        smaller learning rate. `undo` takes it back."""
        self.post(self._mend)

    def _mend(self):
        error = self._error
        if not self.remedy:
            raise ValueError("mend: nothing to mend: the run has not diverged")
        self.rewind(error.back)
        if error.lr is not None:
            self._ask(self._checked({"lr": error.lr}))

    def find_lr(self, low: float = 1e-6, high: float = 10.0, steps: int = 100) -> LearningRates:
        """Try growing learning rates on a branch and see where the loss falls fastest: a `LearningRates`."""
        return find_lr(self, low, high, steps)

    def branch(self, **changes: Unpack[Turns]) -> Self:
        """A second trainer that goes on from here with its own copy of everything, with other knobs."""
        run, past, history = self.between(self._copied)
        return self._another(run, past, history, changes)

    def instead(self, **changes: Unpack[Turns]) -> Self:
        """The same run from its beginning with a difference, `trainer.instead(lr=0.1)`: a second trainer at the first
        step, with the same seed, data and initial weights, so with the same batches. Every other knob that was turned
        in this run is turned in that one after the same step. Other layers get weights drawn anew.

        `fit(steps=trainer.steps)` brings it to where this one is, `nb.compare(trainer, trainer.instead(lr=0.1))` shows
        both. ValueError where the beginning is gone, or the model was changed in code, which cannot be repeated."""
        if not changes:
            raise TypeError("instead() takes what is to be different, such as trainer.instead(lr=0.1)")
        other = self.branch()
        begin_anew(other, dict(changes))
        return other

    def at(self, step: int, wait: bool = True) -> Moment:
        """This trainer as it was after step `step`: a source for every view, and for `predict`, `theta`, `lr` and the
        like, that is only looked at and forgets nothing. `moment.show(step)` goes to another step, `moment.branch()`
        makes a trainer of it.

        wait: False, in a notebook, leaves what takes long to the background; see `Moment.show`.
        Raises ValueError if the step is not there, or cannot be made again."""
        return Moment(self, step, wait)

    def _copied(self):
        if self._run.bound:
            raise ValueError(f"this run cannot be branched: {self._run.bound}")
        run, past = copy.deepcopy((self._run, self._past))
        return run, past, self.history.copy()

    def _another(self, run, past, history, changes):
        other = object.__new__(type(self))
        other._prepare(self.evaluate_every, self.probe_every, self.snapshot_every)
        other.speed = self.speed
        other._recorder, other.evaluation = self._recorder.copy(), dict(self.evaluation)
        other._watching = self._watching
        other._take(run, past, history)
        other.status = "paused" if run.steps else "ready"
        if changes:
            other.set(**changes)
        return other

    def reset(
        self,
        model: "nn.Module | None" = None,
        data: Any = None,
        loss: Any = None,
        seed: "int | None" = None,
        **settings: Any,
    ) -> None:
        """Start a new run from step 0 with the knobs as they are; `undo` brings the old run back.

        model: by default this one with new initial weights; data, loss, seed: by default as they are.
        settings: what else is to be different from the start: optimizer, lr, batch_size, clip, clip_value, l1,
            drop_last, accumulate, as for a Trainer.
        """
        objective = self._run.objective
        if data is not None or loss is not None:
            if not isinstance(objective, Supervised):
                raise TypeError("data and loss belong to this trainer's Objective: make a new Trainer")
            data = None if data is None else given.dataset(data, loss=loss or objective.given)
            objective = objective.replaced(data, loss)
        seed = self.seed if seed is None else whole(0)("seed", seed)
        if model is not None:
            instance(nn.Module, "nb.nn.mlp([2, 16, 1])")("model", model)
            objective.check(model)
        of = self._run._module if model is None else partial(objective.module, model)
        asked = {name: self._checked_setting(name, value, of) for name, value in settings.items()}
        for part, optimizer in () if model is None or "optimizer" in asked else self._run.optimizers.items():
            optimizer.check_groups(of(part))
        self.post(lambda: self._reset(model, objective, seed, asked))

    def _checked_setting(self, name, value, module):
        """Of a run that is to begin. module: a function of a part of the objective."""
        if name == "lr":
            return given.rate("lr", value)
        if name == "optimizer":
            return given.optimizers(value, None, list(self._run.optimizers), module)
        if name not in self._run.settings or name == "block":
            names = ["optimizer", "lr", *(each for each in self._run.settings if each != "block")]
            raise TypeError(f"reset takes {', '.join(names)}; got {name!r}{did_you_mean(name, names)}")
        return KNOBS[name].check(None, value, {})

    def _reset(self, model, objective, seed, asked):
        self._pause()
        self._notice(broken=model is not None)
        run = self._run
        if model is None:
            model = _fresh_model(run, self._past.snapshots[0], seed)
        kept: Any = dict(run.optimizers)
        optimizers = given.optimizers(asked.get("optimizer", kept), asked.get("lr"), list(kept))
        if "lr" in asked:
            for each in optimizers.values():
                each.assign("lr", asked["lr"])
        for optimizer in optimizers.values():
            optimizer.assign("schedule", plans.anew(optimizer.schedule))
        settings = {name: asked.get(name, value) for name, value in run.settings.items() if name != "block"}
        moment, new = self._moment(), Run(model, objective, optimizers, settings, seed)
        if run.settings["block"] is not None:
            new.settings["block"] = copy.deepcopy(run.settings["block"])
            new.read_knobs()
        self._begin(new)
        self._acts.moment("a new run", moment)

    @property
    def undoable(self) -> "tuple[str, ...]":
        """What `undo` takes back, in words, the last first."""
        return tuple(act.words for act in reversed(self._acts.done))

    @property
    def redoable(self) -> "tuple[str, ...]":
        """What `redo` brings back, likewise."""
        return tuple(act.words for act in reversed(self._acts.left))

    def undo(self, n: int = 1) -> None:
        """Take back the last thing that was done to the run: a turn, a rewind or a reset; n: the last n things. The run
        is then exactly as before. Pauses. `redo` brings it back, `undoable` says what there is."""
        whole(1)("n", n)
        self.post(lambda: self._repeated(self._undo, n))

    def _repeated(self, act, n):
        """An act, up to n times; what it cannot do the first time is an error."""
        for i in range(n):
            try:
                act()
            except ValueError:
                if not i:
                    raise
                break

    def _undo(self):
        self._pause()
        self._notice(broken=True)
        act = self._acts.last()
        moment = self._moment()
        with self._or_back(moment):
            if act.moment is not None:
                self._come_to(act.moment)
            else:
                self._past.cut(act.serial)
                self._go_back(act.step, turned=True)
                del self.history.events[act.events :]
        self._acts.undone(moment)
        self._changed()

    def redo(self, n: int = 1) -> None:
        """Bring back what the last `undo` took away; n: the last n. Pauses."""
        whole(1)("n", n)
        self.post(lambda: self._repeated(self._redo, n))

    def _redo(self):
        self._pause()
        self._notice(broken=True)
        act, now = self._acts.away(), self._moment()
        with self._or_back(now):
            self._come_to(act.moment)
        self._acts.redone(now)
        self._changed()

    def _come_to(self, moment):
        run, step, past, history, error = moment
        self._take(run, past, history)
        with np.errstate(all="ignore"):
            made = past.rewind(run, step, turned=True)
        self._came_back(step, self._differs(made))
        self._stopped_by(error)


def _fresh_model(run, start, seed):
    """A model as this one is now, with weights as at a start: drawn anew where the model is made by nn.mlp, else
    those of the snapshot `start`."""
    model = copy.deepcopy(run.model)
    try:
        layers: list[Any] = makeup.dense_layers(model)
    except ValueError:
        if [p.shape for p, *_ in start.structure.parameters] != [p.shape for p in model.parameters()]:
            raise ValueError(
                "reset() cannot draw the weights of this model anew: its layers are others than at step 0. Rewind to "
                "step 0, or pass reset(model=...)"
            ) from None
        if start.step:
            raise ValueError(
                f"reset() cannot give this model the weights of step 0: the run was loaded at step {start.step}. Pass "
                "reset(model=...)"
            ) from None
        start.fill(model, generators=False)
        return model
    fresh = nn.mlp(
        [layers[0].in_features, *(layer.out_features for layer in layers)],
        activation=next((m for m in model.modules() if isinstance(m, nn.Activation)), "identity"),
        init=getattr(model, "init", "xavier"),
        seed=seed,
        dtype=run.theta.dtype,
        dropout=next((m.p for m in model.modules() if isinstance(m, nn.Dropout)), None),
    )
    made: list[Any] = makeup.dense_layers(fresh)
    for old, new in zip(layers, made, strict=True):
        old.weight.data[...], old.bias.data[...] = new.weight.data, new.bias.data
    drawing = iter(fresh.generators())
    for i, generator in enumerate(model.generators()):
        new = next(drawing, None) or np.random.default_rng([seed, i])
        generator.bit_generator.state = new.bit_generator.state
    for norm in (m for m in model.modules() if isinstance(m, nn.BatchNorm1d)):
        norm.weight.data[...], norm.bias.data[...], norm.running_mean[...], norm.running_var[...] = 1, 0, 0, 1
    return model
