"""The board of a watched loop: its views, and the hands on it."""

from typing import Any

from nbprop.views.base.folder import kind
from nbprop.views.board import Board, dial as dials
from nbprop.views.board.desk import Button, Desk
from nbprop.views.board.gallery import views_in

VIEWS = ("loss", "gradients", "histograms", "doctor")


def board(run: Any, *views: Any, columns: "int | None" = 2) -> Board:
    """A Board of a watched loop, its controls above and its time line below: `run.board("loss", "network")`. views:
    names of views, or views of it; by default loss, gradients, histograms and the Doctor."""
    made = [kind(each)(run) if isinstance(each, str) else each for each in views or VIEWS]
    desk = Desk(
        run,
        dials.dials(run, [name for name in run.knobs]),
        turn=lambda name, value: run.set(**{name: value}),
        read=lambda name, source: (
            (source.knobs[name].read(), "") if name in source.knobs else (None, "Watched no more")
        ),
        buttons=_buttons(run),
        where="above",
        note=lambda: (
            "" if not run.over else "The loop is watched no more: this is what was seen. Run its cell to go on."
        ),
    )
    alone = {id(getattr(each, "source", None)) for each in views_in(made)} == {id(run)}  # a time line is of one source
    return Board(*made, columns=columns, desk=desk, timeline=alone)


def _buttons(run):
    found = {
        "play": Button("Resume", "Let the loop go on", lambda n: _of(run).resume()),
        "pause": Button("Pause", "Hold the loop after its present step", lambda n: _of(run).pause()),
        "step": Button("Step", "Let the loop make one step", lambda n: _of(run).step()),
        "stop": Button("Stop", "End the loop after its present step", lambda n: _of(run).stop()),
    }
    if run.snapshots:
        found["back"] = Button(
            "Back", "Back to an earlier state of model and optimizer", None,
            lambda: [f"step {step:,}" for step in reversed(run.snapshots)],
            ("no snapshots", "Back to the state after"), lambda n: run.rewind(run.snapshots[-n]),
        )  # fmt: skip
    return found


def _of(run):
    """The loop, if there is any."""
    if run.over:
        raise ValueError("the loop is over: run its cell again")
    return run


def shown(run: Any, views: "tuple[str, ...]") -> None:
    """Show a board of it in the cell that runs now."""
    from IPython.display import display

    display(board(run, *views))
