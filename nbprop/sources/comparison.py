"""Several runs side by side: all at the same step, each as if it were alone."""

import copy
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.checks import whole
from nbprop.record import Diverged
from nbprop.record.source import CannotSay
from nbprop.training import Moment, Trainer
from nbprop.training.interrupt import deferred
from nbprop.training.knob import ACTIONS, KNOBS, unknown
from nbprop.training.knobs import Knobs
from nbprop.training.live import Live
from nbprop.training.player import SLICE, Player

from .differences import names as differing, setting, settings
from .effort import Effort
from .named import Named

MOST = 6  # runs: as many as can be told apart in one picture
PATIENCE = 2.0  # seconds to wait for another thread that trains one of them
GOING = ("playing", "unseen")


class Differs(ValueError, CannotSay):
    """A knob does not stand at the same in all runs."""


class Member(Named):
    """A run of a comparison, as a source for any view: its `trainer`, and `name`, what is different about it."""

    trainer: Trainer

    def __init__(self, comparison: "Comparison", trainer: Trainer) -> None:
        vars(self).update(_of=trainer, trainer=trainer, comparison=comparison)

    @property
    def name(self) -> str:
        """What is different about it now."""
        return self.comparison.names[self.comparison.trainers.index(self.trainer)]

    def at(self, step: int, wait: bool = True) -> Named:
        """See `Trainer.at`."""
        return Named(self.trainer.at(step, wait), self.name)


class Rounds(Player):
    """Plays a comparison: a slice ends after the step of any run, and all are seen when they stand at the same step."""

    def _slice(self, mine, due, bunch, end):
        comparison = self.trainer
        with comparison._holding() as held, deferred() as interrupt:
            if not held:  # another thread trains one of them
                return time.perf_counter() + 0.005, bunch
            if comparison._let_go_of():  # somebody has paused one of them by hand
                comparison._pause()
            while bunch and due <= time.perf_counter() < end and not interrupt.came:
                comparison._drain()
                if self._task is not mine or comparison.steps >= self.until:
                    break
                if comparison._stride() and not comparison._catching:  # who catches up does so as fast as it goes
                    due, bunch = due + 1 / self.speed, bunch - 1
        return due, bunch


class Comparison(Knobs, Live):
    """Two to six runs that go on in step: each makes the very steps that it would make alone.

    trainers  the Trainers, which go on themselves; none of them twice
    names     a name for each; by default what is different about it, "lr 0.1", which follows what is turned
    speed     most steps per second of `play`, of each

    `play`, `pause`, `step(n)`, `fit(steps)` act on all: the one furthest behind goes first, so that they come to stand
    at the same step and stay there. One that diverges stops alone, and `message` names it. `reset` brings all back to
    where they began, with the knobs as they are. A knob is turned in all, `comparison.set(lr=0.1)`, or in one,
    `comparison.runs["lr 0.1"].lr = 0.2`; as an attribute it reads what all stand at. `spent` is what each has used up.
    """

    blocking = "fit(steps=...)"

    def __init__(self, *trainers: Trainer, names: "Sequence[str] | None" = None, speed: float = 300.0) -> None:
        self.trainers = checked(trainers)
        self._given = None if names is None else _names(names, len(self.trainers))
        self._named: tuple[Any, list[str]] = (None, [])
        self.starts = [trainer.steps for trainer in self.trainers]
        self._efforts = [Effort(trainer) for trainer in self.trainers]
        self._round: list[int] = []  # those that are still to make a step in this round
        self._catching = False
        super().__init__(speed)
        self.members = tuple(Member(self, trainer) for trainer in self.trainers)
        self.message = self._said()

    def _live(self, speed):
        super()._live(speed)
        self._player = Rounds(self)
        self.speed = speed

    if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

        def __setattr__(self, name, value) -> None:
            if "members" in vars(self) and not (name[0] == "_" or name in vars(self) or hasattr(type(self), name)):
                raise AttributeError(f"a Comparison has no {name!r}. {unknown(name)}")
            super().__setattr__(name, value)

    # ---- what there is to see --------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """A name for each run."""
        if self._given is not None:
            return self._given
        made = [trainer._run.values for trainer in self.trainers]  # exchanged as a whole when anything is turned
        known = self._named[0]
        if known is None or any(a is not b for a, b in zip(known, made, strict=True)):
            self._named = made, differing([settings(trainer) for trainer in self.trainers])
        return self._named[1]

    @property
    def runs(self) -> dict[str, Any]:
        """Name -> the run, a source for any view."""
        return dict(zip(self.names, self.members, strict=True))

    @property
    def steps(self) -> int:
        """The step at which all stand that have not diverged, or the one furthest behind of them."""
        going = self._going()
        return min(t.steps for t in going) if going else max(t.steps for t in self.trainers)

    def spent(self, index: int, what: str) -> tuple[np.ndarray, np.ndarray]:
        """What a run has used up since the comparison began, as (steps (n,), values (n,)): "samples" that it has seen,
        "seconds" of computing of its own, "evaluations" of the loss, each with its way back if its optimizer goes by
        the gradient, "forwards": the same in forward passes, of which a way back counts as two."""
        return self._efforts[index].series(what)

    def _going(self):
        return [trainer for trainer in self.trainers if trainer.status != "stopped"]

    def _said(self):
        """What has happened to those that have stopped."""
        return " ".join(
            f"{name} stopped after step {trainer.steps:,}. {trainer.message}"
            for name, trainer in zip(self.names, self.trainers, strict=True)
            if trainer.status == "stopped"
        )

    # ---- steps -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _holding(self, wait=0.0) -> Iterator[bool]:
        """Inside, this thread makes the steps of all runs, if no other one does: whether it is so."""
        held = []
        try:
            for trainer in self.trainers:
                if not (trainer._lock.acquire(timeout=wait) if wait else trainer._lock.acquire(blocking=False)):
                    break
                held.append(trainer)
            with ExitStack() as stack:
                for trainer in held:
                    stack.enter_context(trainer._by_itself())
                yield len(held) == len(self.trainers)
        finally:
            for trainer in reversed(held):
                trainer._release()

    def _stride(self):
        """One step of one run. Whether the round is over: whether all of it have made theirs."""
        if not self._round:
            going = self._going()
            if not going:
                self._all_stopped()
                return True
            least = min(trainer.steps for trainer in going)
            self._round = [i for i, t in enumerate(self.trainers) if t.status != "stopped" and t.steps == least]
            self._catching = len(self._round) < len(going)
        index = self._round.pop(0)
        trainer = self.trainers[index]
        trainer._drain()
        if trainer.status != "stopped":
            try:
                with self._efforts[index].counted():
                    trainer._advance()
            except Diverged:  # it has said so, and stops alone
                self.message = self._said()
        if self._round:
            return False
        self.version += 1
        return True

    def _advance(self):
        """One round: a step of each, or of those that are behind."""
        while not self._stride():
            pass

    def _all_stopped(self):
        self._fail(FloatingPointError(f"All runs have stopped: {self._said()}"))

    def _let_go_of(self):
        return any(trainer.status not in ("playing", "stopped") for trainer in self.trainers)

    def _play(self, until, unseen):
        self._begin()
        super()._play(until, unseen)
        self.message = self._said()

    def _pause(self):
        """All have made the same steps then, unless one was paused by hand."""
        if self._round and not self._let_go_of() and not any(trainer._stepping for trainer in self.trainers):
            with self._holding() as held:
                while held and self._round:
                    self._stride()
        super()._pause()

    def _few(self, n):
        self._begin()
        with self._held():
            super()._few(n)
        self.message = self._said()
        self._changed()

    def fit(self, steps: int) -> "Comparison":
        """Make so many steps of each, after those that are behind have caught up; blocks. One that diverges stops
        alone: see `message`. Raises FloatingPointError when all have."""
        last = max((t.steps for t in self._going()), default=0) + whole(0)("steps", steps)
        self._player.stop()
        if self._stepping or any(trainer._stepping for trainer in self.trainers):
            raise RuntimeError("fit() was called in the middle of a step: call it between two")
        self._begin()
        looked = time.perf_counter()
        with self.driving(), self._held():
            self._set_status("playing")
            try:
                with deferred() as interrupt:
                    while self.status == "playing" and self.steps < last and not interrupt.came:
                        self._drain()
                        self._advance()
                        if time.perf_counter() - looked > SLICE:
                            self._look_up()
                            looked = time.perf_counter()
            finally:
                if self.status == "playing":
                    self._set_status("paused")
        self._changed()
        if not self._going():
            raise FloatingPointError(self.message)
        return self

    @contextmanager
    def _held(self) -> Iterator[None]:
        with self._holding(PATIENCE) as held:
            if not held:
                raise RuntimeError("another thread trains one of these runs; pause() it first")
            yield

    def _begin(self):
        """None goes on by itself; who is behind, and who has stopped, may be others than before."""
        for trainer in self.trainers:
            if trainer.playing:
                trainer.pause()
        self._round.clear()
        self.message = self._said()

    # ---- what a hand does ------------------------------------------------------------------------------------------

    @property
    def knobs(self) -> Any:
        """The table of knobs, see `Trainer.knobs`."""
        return self.trainers[0].knobs

    def _value(self, name: str) -> Any:
        found = [trainer._value(name) for trainer in self.trainers]
        known = [settings(trainer) for trainer in self.trainers] if name in ("data", "loss") else None
        keys = [setting(name, value).key for value in found] if known is None else [each[name].key for each in known]
        if len(set(keys)) > 1:
            raise Differs(f"{name.replace('_', ' ')} differs from run to run: {', '.join(self.names)}")
        return found[0]

    def set(self, **changes: Any) -> None:
        """Turn knobs of all runs: checked for all at once, in effect from the next step on."""
        if "speed" in changes:
            self.speed = changes.pop("speed")
        for name in changes:
            if name not in KNOBS:
                raise AttributeError(unknown(name))
        for trainer in self.trainers:
            trainer.between(lambda trainer=trainer: trainer._checked(dict(changes)))
        self.post(lambda: self._turn_all(changes))

    def _turn_all(self, changes):
        """At the same step of all."""
        with self._holding() as held:
            while held and self._round:
                self._stride()
            for trainer in self.trainers if changes else ():
                trainer.set(**changes)
        self._changed()

    def reset(self) -> None:
        """All back to the step at which each began, with the knobs as they are; goes on playing if it did."""
        self.post(self._reset)

    def _reset(self):
        playing, until, unseen = self.playing, self._player.until, self._player.unseen
        self._pause()
        with self._held():
            for trainer, start, effort in zip(self.trainers, self.starts, self._efforts, strict=True):
                go_back(trainer, start)
                effort.truncate(start)
        self.status = "ready"
        self._begin()
        self._changed()
        if playing and until == math.inf:
            self._play(until, unseen)

    # ---- telling the views -----------------------------------------------------------------------------------------

    def _set_status(self, status):
        if status != self.status:
            for trainer in self.trainers:
                if trainer.status != "stopped":
                    trainer.status = status
                    trainer.version += 1
        super()._set_status(status)

    def _fail(self, error, stop=True):
        if stop:
            self._set_status("paused")
        super()._fail(error, stop)

    def _refresh(self):
        """Each of those who watch it or one of the runs is told once."""
        self.tell(dict.fromkeys(w for source in (self, *self.trainers) for w in tuple(source.watchers)))

    def replaced(self) -> None:
        """The cell that made it was run again."""
        self.close()

    def close(self) -> None:
        """Stop, and forget who watches; the trainers stay as they are."""
        self.pause()
        self.watchers.clear()

    def __repr__(self) -> str:
        return f"Comparison({', '.join(self.names)}; step {self.steps}, {self.status})"


def checked(trainers: "Sequence[Any]") -> tuple[Trainer, ...]:
    """The trainers, if they can be compared."""
    for each in trainers:
        if isinstance(each, Moment):
            raise TypeError(
                "a moment of the past makes no steps: compare moment.branch(), a trainer that goes on from it"
            )
        if not isinstance(each, Trainer):
            raise TypeError(f"expected Trainers to compare, such as a and a.branch(lr=0.1); got {type(each).__name__}")
    if not 2 <= len(trainers) <= MOST:
        raise ValueError(f"expected two to six trainers to compare, got {len(trainers)}")
    if len({id(each) for each in trainers}) < len(trainers):
        raise ValueError("the same trainer was given twice: trainer.branch() makes another one of it")
    return tuple(trainers)


def _names(names, count):
    found = [str(name) for name in names]
    if len(found) != count or len(set(found)) != count or not all(found):
        raise ValueError(f"names: expected {count} different names, one for each run; got {list(names)}")
    return found


def different(trainer: Trainer, changes: "dict[str, Any]") -> Trainer:
    """A branch of a trainer with other knobs. At the beginning of a run other layers have weights drawn anew."""
    other = trainer.branch()
    before = other.theta.shape
    if changes:
        other.set(**changes)
    if not other.steps and other.theta.shape != before:
        other.reset()
    return other


def go_back(trainer: Trainer, step: int) -> None:
    """To the state after a step, with the knobs as they are now."""
    run, past = trainer._run, trainer._past
    turned = {turn[1] for turn in past.turns if turn[0] > step}
    turned |= {"hidden"} if turned & set(ACTIONS) and run.values["hidden"] is not None else set()
    now = {name: copy.deepcopy(run.values[name]) for name in KNOBS if name in turned and name != "theta"}
    if run.batches.rewinds:
        raise ValueError(f"this run cannot go back: {run.batches.rewinds}")
    past.before(step)
    trainer._pause()
    trainer._go_back(step, turned=True)
    if now:
        trainer.set(**now)
