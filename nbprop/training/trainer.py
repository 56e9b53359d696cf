"""The trainer: runs a training loop in one go or live, lets every knob act at the next step, and knows the way back."""

import copy
import math
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakMethod

import numpy as np

from nbprop import cells, nn
from nbprop.checks import did_you_mean, instance, not_of_torch, whole
from nbprop.optim import Optimizer
from nbprop.record import Diverged, Event, History
from nbprop.record.recorder import Recorder

from . import given
from .acts import Acts
from .early_stopping import EarlyStopping
from .hooks import Hooks
from .interrupt import deferred
from .knob import KNOBS
from .live import Waiting
from .objective import Objective
from .past import Past
from .player import SLICE
from .progress import progress
from .run import Run
from .seen import Seen
from .supervised import Supervised


class Trainer(Seen):
    """Trains a model on data, live or in one go; every knob acts at the next step and nothing starts over.

    model: an `nn.Module` that takes a batch of the data's samples and gives (batch, outputs), or (batch, T, outputs)
        where every time step has a target; e.g. from `nb.nn.mlp`, or a Sequential of Conv2d, MaxPool2d, ...
    data: a `data.Dataset`, the name of one ("spirals"), a pair of arrays (X, y), a `data.Arrays`, or what `data.read`
        reads: a data frame or CSV file, of which `target` is the column to predict, a dataset of PyTorch, ...
    loss: a name ("mse", "bce", "cross_entropy", ...), an instance of a loss of nb.nn, or a function(output, y) ->
        Tensor; by default the one that fits the data.
    optimizer: from `nb.optim`, or a name ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", ...); a dict of
        them where the objective has several parts. The trainer works with a copy, `trainer.optimizer`.
    lr: learning rate; by default the optimizer's own.
    batch_size: samples per step; 1 is stochastic, the number of samples is batch gradient descent.
    seed: of the order of the batches, and of what is newly initialized when the network grows.
    objective: instead of data and loss, an `nb.Objective`: any loss of a model and a batch.
    metrics: name -> function(predicted, y) -> number, recorded at every evaluation as train_name and val_name.
    clip: largest norm of the gradient (Pascanu, Mikolov & Bengio 2013), None for none. clip_value: largest element.
    l1: weight of an L1 penalty. drop_last: leave out a last, smaller batch. accumulate: batches per update.
    evaluate_every: steps between two evaluations, on a fixed random sample of at most 512 training and 2,048 validation
        samples.
    probe_every: steps between two records of what happens in each layer; by default 1 (heavy steps) to 10 (light ones);
        in a long run twice as many whenever there are a thousand records.
    snapshot_every: steps between snapshots, from which `rewind` and `at` train on; by default 10 (heavy steps) to 100.

    Knobs: see `knobs.Knobs`; set them as attributes or several at once with `set`, at any time and from any thread; a
    bad value raises and the run goes on untouched.

    A step is what computing it anew gives, bit by bit. Where model and loss are nbprop's own it is recorded once and
    replayed: `replayed` says whether, and if not, why.
    """

    blocking = "fit(steps=...)"
    evaluate_every: int
    probe_every: int
    snapshot_every: int
    history: History
    evaluation: "dict[str, float]"

    if not TYPE_CHECKING:  # an editor is to go by __init__

        def __new__(cls, *values, **settings) -> Self:
            if cls.__init__ is Trainer.__init__:
                given.check_names(cls, settings, [*KNOBS])
            return super().__new__(cls)

    def __init__(
        self,
        model: nn.Module,
        data: Any = None,
        loss: Any = None,
        optimizer: "str | Optimizer | Mapping[str, str | Optimizer]" = "adam",
        lr: "float | None" = None,
        batch_size: int = 32,
        seed: int = 0,
        *,
        target: "str | int | list[str] | None" = None,
        objective: "Objective | None" = None,
        metrics: "dict[str, Callable[..., float]] | None" = None,
        clip: "float | None" = None,
        clip_value: "float | None" = None,
        l1: float = 0.0,
        drop_last: bool = False,
        accumulate: int = 1,
        evaluate_every: int = 20,
        probe_every: "int | None" = None,
        snapshot_every: "int | None" = None,
    ) -> None:
        if not isinstance(model, nn.Module):
            not_of_torch("model", model, "nb.watch(model) for it, or the same layers of nb.nn")
            raise TypeError(f"model must be an nb.nn.Module, e.g. nb.nn.mlp([2, 16, 1]); got {type(model).__name__}")
        if objective is None:
            if data is None:
                raise TypeError("a Trainer needs data, such as 'spirals' or (X, y), or objective=nb.Objective(...)")
            objective = Supervised(given.dataset(data, target=target, loss=loss), loss, metrics=metrics)
        elif any(each is not None for each in (data, loss, metrics, target)):
            raise TypeError("an objective brings its own data, loss and metrics: pass either them or objective=")
        else:
            instance(Objective, "nb.Objective(loss, data)")("objective", objective)
        rate = None if lr is None else given.rate("lr", lr)
        optimizers = given.optimizers(optimizer, rate, list(objective.losses), partial(objective.module, model))
        if rate is not None:
            for each in optimizers.values():
                each.assign("lr", rate)
        asked: Any = {"batch_size": batch_size, "clip": clip, "clip_value": clip_value, "l1": l1}
        asked |= {"drop_last": drop_last, "accumulate": accumulate}
        settings = {name: KNOBS[name].check(None, value, {}) for name, value in asked.items()}
        seed = whole(0)("seed", seed)
        work = model.theta.size * min(settings["batch_size"], objective.samples or settings["batch_size"])
        light = int(np.clip(2_000_000 // max(work, 1), 1, 10))  # 1 (heavy steps) to 10 (light ones)
        probe_every = light if probe_every is None else probe_every
        self._prepare(evaluate_every, probe_every, 10 * light if snapshot_every is None else snapshot_every)
        self._begin(Run(model, objective, optimizers, settings, seed))

    def _prepare(self, evaluate_every, probe_every, snapshot_every):
        self.evaluate_every, self.probe_every = evaluate_every, probe_every
        self.snapshot_every = snapshot_every
        self._watching = frozenset()  # what is recorded even when no view needs it
        self._recorder, self._hooks, self._acts = Recorder(), Hooks(), Acts()
        self._requested = {}
        self._turned, self._hooked, self._edited, self._error = -math.inf, -1, -1, None
        super().__init__()

    def _begin(self, run):
        """A run from its first step on."""
        self._take(run, Past(self.snapshot_every), History())
        self.status, self.message, self._error = "ready", "", None
        self._past.keep(run)
        self._evaluate()
        self._changed()

    def _take(self, run, past, history):
        """This run, with its past and its history, is now the trainer's."""
        self._run, self._past, self.history = run, past, history
        history.attach(self)
        run.on_setting = WeakMethod(self._set_of_optimizer)
        run.leave()

    def _set_of_optimizer(self, name, value):
        self.set(**{name: value})

    if not TYPE_CHECKING:  # an editor that saw it would take any name for a knob

        def __setattr__(self, name, value) -> None:
            if name in ("evaluate_every", "probe_every", "snapshot_every"):
                value = whole(1)(name, value)
            elif name[0] != "_" and not hasattr(type(self), name) and name not in _DECLARED and type(self) is Trainer:
                meant = given.MEANT.get(name) and f"; {given.MEANT[name].format(name=name, value=value)}"
                meant = meant or did_you_mean(name, [*KNOBS, "speed", *_DECLARED]) or "."
                raise AttributeError(f"a Trainer has no {name!r}{meant}")
            super().__setattr__(name, value)

    # ---- the loop ----------------------------------------------------------------------------------------------

    def _advance(self):
        """Make one step: the same for `fit`, `play` and `step`. One that cannot be finished is undone."""
        run, before = self._run, self._run.steps
        if run.objective.lacks:
            raise Waiting(f"{self._run.objective.name}: {run.objective.lacks}")
        self._notice()
        probing = self.history.due("dW", before + 1, self.probe_every)
        needed = {what for what in ("layers", "percentiles", "lags") if probing and self._needed(what)}
        self._stepping = True
        try:
            with np.errstate(all="ignore"):  # numbers that are not finite are found and named by the run
                loss = run.step(measure_update="layers" in needed)
                if probing:
                    self._recorder.keep(self.history, run.steps, run.observation, needed, self.probe_every)
                    self._complain(self._recorder)
        except Diverged as error:
            self._advise(error)
            self._stepping = False
            self._tell("diverged", error)
            self._fail(error)
            raise
        except BaseException:
            self._unmake(before)
            raise
        finally:
            self._stepping = False
        self.version += 1
        self.history.events += [Event(run.steps, "plateau", None, None, run.said)] * bool(run.said)
        self.history.add("loss", run.steps, loss)
        for part, value in run.losses.items():
            self.history.add(f"{part}_loss", run.steps, value)
        self._past.keep(run)  # before a hook is called, which may change the run
        self._curve()
        if run.steps % self.evaluate_every == 0:
            self._evaluate()
        self._tell("step")

    def _unmake(self, step):
        """Come back from the middle of a step to the state after step `step`."""
        if not self._run.batches.rewinds:
            with np.errstate(all="ignore"):
                self._past.replay(self._run, step, turned=True)
        self.history.truncate(step, turned=True)

    def _notice(self, broken=False):
        """A model that somebody has changed other than by a knob: the run goes on with it, and can be gone back across
        the change. broken: it may be one that the run cannot go on with, for it will be gone away from."""
        run = self._run
        try:
            what = run.edited()
            if not what:
                return
            step, events = run.steps, self.history.events
            moved = run.take_edited(what)
        except (TypeError, ValueError):
            if broken:
                return
            raise
        if not (step or self._past.turns or self.history.events):  # nothing has happened yet: this is how it begins
            self._past.snapshots.clear()
            self.history.truncate(-1)
            self._past.keep(run)
            self._evaluate()
            return
        number, words = self._past.keep_edited(run), ", ".join(filter(None, [f"{what} changed in code", moved]))
        again = events and events[-1].words == words and self._hooked == step == self._edited + 1
        self._edited = step if self._hooked == step else -1
        if not again:
            self._acts.turn(words, step, number, len(events))
            events.append(Event(step, "model", None, None, words))

    def _evaluate(self):
        self.evaluation = self.evaluate()
        for name, value in self.evaluation.items():
            self.history.add(name, self.steps, value, self.evaluate_every)
        self._tell("evaluation")

    # ---- hooks -------------------------------------------------------------------------------------------------------

    def on(self, event: str, function: "Callable[..., Any] | None" = None) -> Any:
        """Have a function called: `trainer.on("step", f)`, or as a decorator, `@trainer.on("step")`.

        event: "step": f(trainer) after every step; "evaluation": f(trainer), see `trainer.evaluation`; "turn":
            f(trainer, event) when a knob was turned, with the `Event`; "diverged": f(trainer, error).

        It is called between two steps, in the thread that makes them, and may turn knobs. An error in it is named in
        `trainer.message` and in a warning, once, and the run goes on. Steps that `rewind` makes again call nobody.
        """
        return self._hooks.add(event, function)

    def off(self, event: str, function: Callable[..., Any]) -> None:
        """Have that function called no more."""
        self._hooks.remove(event, function)

    def _tell(self, event, *news):
        if self._hooks.called_on(event):
            self._leave()
            self._hooked = self.steps  # what hooks change at each step is one event
            with self._by_itself(False):
                self._hooks.call(event, self, *news)
            self._complain(self._hooks)

    # ---- drivers -----------------------------------------------------------------------------------------------

    def fit(
        self,
        steps: "int | None" = None,
        epochs: "float | None" = None,
        patience: "int | None" = None,
        bar: bool = True,
    ) -> History:
        """Train for a number of steps, or epochs; blocks, with a progress bar when it takes long. Returns the history.

        patience: early stopping. Stop when the validation loss has not fallen for so many evaluations, and in any case
        take the parameters of the best evaluation, and the buffers (running means of batch normalization) of then.
        Raises Diverged when a number is no longer finite; what was reached before is kept. An interrupt lets the step
        end that is being made; the next `fit` goes on from there.
        """
        if (steps is None) == (epochs is None):
            raise TypeError("fit takes either steps or epochs, e.g. trainer.fit(steps=500)")
        if steps is None:
            steps = self._steps_of(epochs)
        count = whole(0)("steps", steps)
        self._player.stop()
        inside = self._driving()  # called by a hook, or by what was posted
        if not inside and not self._lock.acquire(timeout=2):
            raise RuntimeError("another thread trains this trainer; pause() it first")
        try:
            return self._fit(self.steps + count, patience, bar)
        finally:
            self._leave() if inside else self._release()

    def _steps_of(self, epochs):
        per_epoch = self._run.objective.per_epoch({"batch_size": self.batch_size, "drop_last": self.drop_last})
        return math.ceil(given.rate("epochs", epochs) * per_epoch / self.accumulate)

    def _fit(self, last, patience, bar):
        best = None if patience is None else EarlyStopping(self, whole(1)("patience", patience))
        self._turned = -math.inf  # a knob turned before and one turned after are two events, however short this is
        self._set_status("playing")
        tick, end = progress(self, last) if bar else (lambda: None, lambda: None)
        looked = time.perf_counter()
        try:
            with self._by_itself(), deferred() as interrupt:
                while self.steps < last:
                    self._drain()
                    if self.status != "playing" or interrupt.came:  # paused from another thread
                        break
                    self._advance()
                    tick()
                    if best is not None and best.passed():
                        break
                    if self.watchers and time.perf_counter() - looked > SLICE:
                        self._look_up()
                        looked = time.perf_counter()
        finally:
            end()
            if self.status == "playing":
                self._set_status("paused")
        if best is not None:
            best.take()
        return self.history

    # ---- in files ----------------------------------------------------------------------------------------------------

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write the run to a file, from which `nb.Trainer.load` goes on bit by bit: parameters, optimizer, place in the
        data, random numbers (also of a generator that your loss draws from), arrays that your modules keep, knobs,
        history. No pickle: the file can be read safely. Not in it: the model's code, the data, the loss where it is not
        a name, and the way back to earlier steps."""
        from .checkpoint import save

        self.between(lambda: save(self, path))

    @classmethod
    def load(
        cls,
        path: "str | os.PathLike[str]",
        model: "nn.Module | None" = None,
        data: Any = None,
        loss: Any = None,
        *,
        objective: "Objective | None" = None,
        schedule: Any = None,
        optimizer: "Optimizer | Mapping[str, Optimizer] | None" = None,
        metrics: "dict[str, Callable[..., float]] | None" = None,
    ) -> "Self":
        """The trainer that `save` wrote to a file, at the same step.

        What the file cannot hold is to be given again, as it was then; it is compared with what was noted of it:
        model: where not all of its modules are nbprop's own. It is filled with the numbers of then and trained on.
        data: unless they were those of a name as they are by default (`data="spirals"`). They are known by a checksum.
        loss, schedule: where they were functions; for a dict of optimizers, schedule is one, too.
        objective: where there was one. optimizer: where its class is your own. metrics: where there were some.

        The way back begins at this step; `undo` knows nothing of before. Hooks (`on`) and quantities (`record`) are to
        be added again.
        Raises ValueError for a file that is damaged, of another version, or does not fit what is given.
        """
        from .checkpoint import load

        return load(cls, path, model, data, loss, objective, schedule, optimizer, metrics)

    # ---- copies ------------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy.deepcopy: everything between two steps, without what belongs to this process (threads,
        views) and without hooks, which nobody has added to it. Functions inside (a loss, a metric, a quantity) must be
        ones that pickle can name. The data and the objective, which nobody changes, are shared by a deepcopy."""
        return self.between(lambda: self._state({}))

    def __deepcopy__(self, memo) -> Self:
        other = memo[id(self)] = object.__new__(type(self))
        other.__setstate__(self.between(lambda: self._state(memo)))
        return other

    def _state(self, memo):
        if self._run.bound:
            raise ValueError(f"this run cannot be copied: {self._run.bound}")
        left = ("_inbox", "_lock", "_loop", "_loop_thread", "_player", "watchers", "_hooks", "_requested", "_recorder")
        state = {name: value for name, value in vars(self).items() if name not in left}
        return {**copy.deepcopy(state, memo), "_recorder": self._recorder.copy(), "_speed": self.speed}

    def __setstate__(self, state) -> None:
        vars(self).update({name: value for name, value in state.items() if name != "_speed"})
        self.watchers, self._hooks, self._requested = set(), Hooks(), {}
        self._live(state["_speed"])
        self.status = "paused" if self.status in ("playing", "unseen") else self.status
        self._take(self._run, self._past, self.history)
        cells.claim(self)

    def __repr__(self) -> str:
        sizes = self._run.values["hidden"]
        layers = "" if sizes is None else f"{len(sizes)} hidden layer{'s' * (len(sizes) != 1)}"
        network = layers or type(self.model).__name__
        optimizer = " and ".join(dict.fromkeys(type(each).__name__ for each in self._run.optimizers.values()))
        lr = f"{self.lr:g}" if isinstance(self.lr, float) else str(self.lr)
        now, on = self._run.optimizer, self._run.objective.name
        lr += "" if now.schedule is None or len(self._run.optimizers) > 1 else f" (now {now.rate:.3g})"
        return f"Trainer({network} on {on}, {optimizer} lr {lr}, step {self.steps}, {self.status})"


_DECLARED = {name for kind in Trainer.__mro__ for name in vars(kind).get("__annotations__", {})}
