"""A progress bar for `fit`: a widget in a notebook, a line in a terminal, nothing where nobody looks."""

import sys
import time
from collections.abc import Callable

PATIENCE = 1.5  # seconds of work before a bar appears: a quick fit needs none


def progress(trainer, last) -> tuple[Callable[[], None], Callable[[], None]]:
    """A function to call after every step. It shows how far the way to step `last` is, and cleans up at the end."""
    first, begun = trainer.steps, time.perf_counter()
    show = _notebook_bar if _in_notebook() else _terminal_line if sys.stderr.isatty() else None
    bar, drawn = None, begun

    def tick():
        nonlocal bar, drawn
        now = time.perf_counter()
        if show is None or now - drawn < 0.1 or now - begun < PATIENCE or trainer.steps >= last:
            return
        drawn = now
        share = (trainer.steps - first) / max(last - first, 1)
        left = (now - begun) * (1 - share) / max(share, 1e-9)
        if bar is None:
            bar = show()
        _, losses = trainer.history.series("loss")
        bar(share, f"step {trainer.steps} of {last}, loss {losses[-1]:.4g}, {left:.0f} s left")

    def end():
        if bar is not None:
            bar(None, "")

    return tick, end


def _in_notebook():
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


def _notebook_bar():
    from IPython.display import display
    from ipywidgets import FloatProgress, HBox, Label

    bar, label = FloatProgress(max=1.0), Label()
    box = HBox([bar, label])
    display(box)

    def update(share, text):
        if share is None:
            box.close()
        else:
            bar.value, label.value = share, text

    return update


def _terminal_line():
    def update(share, text):
        if share is None:
            text = ""
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    return update
