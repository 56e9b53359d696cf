"""The same run with a difference, beside the one that it is the same as: a ghost that catches up in the background."""

import math
from contextlib import suppress
from typing import Any

from nbprop.record import Diverged
from nbprop.training import Trainer
from nbprop.training.player import running_loop

from .differences import difference, settings
from .named import Named

NEAR = 50  # steps: one that goes along is always a little behind


class Instead(Named):
    """What a run would be now if something had been different from its beginning: a source, as `ghosts=` of a view.

    trainer: the run. changes: what is to be different, knobs as in `trainer.set`.

    `trainer` is the other run. It is trained in the background of the notebook to the step at which the first one
    stands, and goes on when that one does; where nothing runs in the background it is trained at once. `name` says what
    is different, and how far it has come. `close` ends it.
    """

    seen, records = False, frozenset()  # as one who watches the first run: it keeps that one neither busy nor awake

    def __init__(self, trainer: Trainer, changes: "dict[str, Any]") -> None:
        other = trainer.instead(**changes)
        vars(self).update(_of=other, trainer=other, original=trainer, closed=False)
        self.trainer.speed = math.inf
        self.trainer._watching = frozenset({"layers"})  # views will want to see them
        trainer.watchers.add(self)
        self.refresh()

    @property
    def name(self) -> str:
        """What is different about it, and how far it has come if it is behind."""
        words = difference(settings(self.trainer), settings(self.original)) or "the same"
        if self.trainer.status == "stopped":
            return f"{words}, stopped after step {self.trainer.steps:,}"
        if self.original.steps - self.trainer.steps > max(NEAR, self.original.steps // 20):
            return f"{words}, step {self.trainer.steps:,} of {self.original.steps:,}"
        return words

    def refresh(self) -> None:
        """The first run has gone on, perhaps."""
        other, behind = self.trainer, self.original.steps - self.trainer.steps
        if other.playing:
            other._player.until = max(other._player.until, self.original.steps)
        if self.closed or behind <= 0 or other.playing or other.status in ("stopped", "playing"):
            return
        if running_loop() is None and other._loop is None:
            with suppress(Diverged):  # its name says so
                other.fit(steps=behind, bar=False)
        else:
            other.play(steps=behind, unseen=True)

    def close(self) -> None:
        """Stop training it."""
        vars(self)["closed"] = True
        self.original.watchers.discard(self)
        self.trainer.pause()

    def __repr__(self) -> str:
        return f"Instead({self.name})"
