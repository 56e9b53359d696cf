"""Runs side by side in one cell: what they have in common and what one difference makes of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nbprop.checks import did_you_mean
from nbprop.sources.comparison import MOST, Comparison, different
from nbprop.sources.instead import Instead
from nbprop.training import Trainer
from nbprop.training.knob import KNOBS, unknown
from nbprop.views.base.beside import make_peers
from nbprop.views.base.folder import kind, names as kinds
from nbprop.views.board import Board, dial as dials
from nbprop.views.board.desk import Desk, steering
from nbprop.views.board.dial import Dial

CONTROLS = ("lr", "batch_size", "depth", "width", "activation", "dropout", "optimizer")
VIEWS = ("runs", "gradients", "boundary")


def compare(
    *runs: Any,
    names: "Sequence[str] | None" = None,
    views: Sequence[str] = VIEWS,
    controls: "Sequence[str] | None" = None,
    columns: "int | None" = None,
    height: "float | None" = None,
    speed: float = 300.0,
    **changes: Any,
) -> "Compared":
    """Two to six runs side by side, played in step: a board with Play, Pause, Step and Reset, and knobs for all.

        nb.compare(a, b)                                          two to six trainers, which go on themselves
        nb.compare(trainer, lr=[0.01, 0.1, 1.0])                  branches of a trainer, one for each value of a knob
        nb.compare(trainer, {"activation": "relu"}, {"lr": 0.1})  a branch as it is, and one with each difference
        nb.compare(trainer, trainer.instead(lr=0.1))              a run, and the same from its start with a difference

    Branches have the same seed, weights and batches, and the trainer that they are of stays as it is. Of one that has
    made no step, those with other layers have weights drawn anew; else knobs act as ever, on the weights as they are.

    names     of the runs; by default what is different about each
    views     names of views: "runs" has all in one picture; any other, "gradients", "boundary", "histograms", "loss",
              ..., is there once for each run, with the same options and over the same range
    controls  names of knobs that turn all runs; by default the usual ones, without those in which the runs differ
    columns, height, speed  panels beside each other; CSS pixels; most steps per second of each
    """
    compared = Comparison(*_runs(runs, changes), names=names, speed=speed)
    try:
        return Compared(compared, views, controls, columns, height)
    except BaseException:
        compared.close()
        raise


def instead(trainer: Trainer, **changes: Any) -> Instead:
    """The same run with something else instead, as a ghost for views: `board.put_behind(instead(trainer, lr=0.1))`.

    It has the seed, data, initial weights and batches of `trainer`, and is trained in the background to the same step;
    see `Instead`. Raises as `Trainer.instead` does."""
    return Instead(trainer, changes)


def _runs(given, changes):
    """The trainers that are meant."""
    given = [each if isinstance(each, dict) else getattr(each, "trainer", each) for each in given]
    for name in changes:
        if name not in KNOBS:
            raise AttributeError(unknown(name))
    differences = [each for each in given if isinstance(each, dict)]
    trainers = [each for each in given if not isinstance(each, dict)]
    if not (differences or changes):
        return trainers
    if len(trainers) != 1 or isinstance(given[0], dict):
        raise TypeError(
            "with differences, expected one trainer to make branches of, then the differences: nb.compare(trainer, "
            f"lr=[0.01, 0.1]), or nb.compare(trainer, {{'lr': 0.1}}); got {len(trainers)} trainers"
        )
    if (differences and changes) or len(changes) > 1:
        raise TypeError(
            "expected one knob with several values, nb.compare(trainer, lr=[0.01, 0.1]), or a dict for each run, "
            "nb.compare(trainer, {'lr': 0.1, 'clip': 1.0}, {'lr': 0.01})"
        )
    if differences:
        several = [{}, *differences]
    else:
        ((name, values),) = changes.items()
        several = [{name: value} for value in values] if isinstance(values, list) else [{}, {name: values}]
    if not 2 <= len(several) <= MOST:
        raise ValueError(f"expected two to six runs to compare, got {len(several)}")
    (trainer,) = trainers
    if not isinstance(trainer, Trainer):
        raise TypeError(f"expected a Trainer to make branches of, got {type(trainer).__name__}")
    return [different(trainer, each) for each in several]


class Compared(Board):
    """What `nb.compare` gives: a board of runs side by side. `comparison` has the runs, and what is done to all.

    `play`, `pause`, `step`, `fit`, `reset` and `set` are the comparison's; every knob that has a control is a trait.
    """

    comparison: Comparison

    def __init__(
        self,
        comparison: Comparison,
        views: Sequence[str] = VIEWS,
        controls: "Sequence[str] | None" = None,
        columns: "int | None" = None,
        height: "float | None" = None,
    ) -> None:
        self.comparison, many = comparison, len(comparison.trainers)
        desk = Desk(comparison, self._dials(controls), self._turn, self._standing, self._buttons())
        if columns is None:
            columns = many if many <= 3 else (many + 1) // 2
        super().__init__(*_views(comparison, views), columns=columns, height=height, desk=desk)
        comparison.watchers.add(self)

    def _buttons(self):
        return steering(self.comparison, " of each", "All back to where they began, with the knobs as they are")

    def _dials(self, names):
        comparison = self.comparison
        if names is None:
            names = [name for name in CONTROLS if not dials.standing(comparison, name)[1]]
        elif isinstance(names, str):
            raise TypeError(f"controls must be names of knobs, such as ['lr', 'clip']; got {names!r}")
        speed = Dial("speed", replace(dials.SPEED, tip="Most steps per second of each run"))
        return {**dials.dials(comparison, [name for name in names if name != "speed"]), "speed": speed}

    def _turn(self, name, value):
        if name == "speed":
            self.comparison.speed = value
        else:
            dials.turn(self.comparison, name, value)

    def _standing(self, name, source):
        return (self.comparison.speed, "") if name == "speed" else dials.standing(source, name)

    def _speaker(self):
        return self.comparison  # one that has diverged does not speak for all

    # ---- as the comparison's -----------------------------------------------------------------------------------------

    @property
    def runs(self) -> "dict[str, Any]":
        """Name -> run, a source for any view, and as good as its trainer."""
        return self.comparison.runs

    @property
    def steps(self) -> int:
        """The step at which all stand that have not diverged."""
        return self.comparison.steps

    def play(self, steps: "int | None" = None, unseen: bool = False) -> None:
        """See `Trainer.play`."""
        self.comparison.play(steps, unseen)

    def pause(self) -> None:
        """Stop after the step that is being made."""
        self.comparison.pause()

    def step(self, n: int = 1) -> None:
        """Make n steps of each, then pause."""
        self.comparison.step(n)

    def fit(self, steps: int) -> "Compared":
        """Make so many steps of each; blocks. See `Comparison.fit`."""
        self.comparison.fit(steps)
        return self

    def reset(self) -> None:
        """All back to the step at which each began, with the knobs as they are."""
        self.comparison.reset()

    def set(self, **changes: Any) -> None:
        """Turn knobs of all runs."""
        self.comparison.set(**changes)

    def close(self) -> None:
        """Stop, and take the board out of the notebook; the trainers stay as they are."""
        if self._made and not self._closed:
            self.comparison.close()
        super().close()

    def __repr__(self) -> str:
        return f"Compared({', '.join(self.comparison.names)}; step {self.steps}, {self.comparison.status})"


def _views(comparison, names):
    """The views: one of all runs, or one of each."""
    made = []
    if isinstance(names, str) or not names:
        raise TypeError(f"views: expected names of views such as ('runs', 'gradients'), got {names!r}")
    for name in names:
        if name not in kinds():
            raise ValueError(f"views: expected names out of {kinds()}, got {name!r}{did_you_mean(name, kinds())}")
        if name == "runs":
            made.append(kind(name)(comparison))
            continue
        own = [kind(name)(member) for member in comparison.members]
        if names is VIEWS and not all(view.served for view in own):  # no data to show, and nobody has asked for it
            continue
        make_peers(own)
        own[0].row = "new"
        made += own
    return made
