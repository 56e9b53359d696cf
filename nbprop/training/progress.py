"""A progress bar for `fit`, and for what else takes long: a widget in a notebook, a line in a terminal, nothing where
nobody looks."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 1.5  # seconds of work before a bar appears: a quick fit needs none


def progress(trainer, last) -> tuple[Callable[[], None], Callable[[], None]]:
    """A function to call after every step. It shows how far the way to step `last` is, and cleans up at the end."""
    first = trainer.steps

    def said():
        _, losses = trainer.history.series("loss")
        return f"step {trainer.steps} of {last}, loss {losses[-1]:.4g}"

    return ticks(lambda: (trainer.steps - first) / max(last - first, 1), said)


@contextmanager
def bar(count, what) -> Iterator[Callable[[], None]]:
    """For work of `count` parts: a function to call before each of them."""
    done = -1

    def next_one():
        nonlocal done
        done += 1
        tick()

    tick, end = ticks(lambda: max(done, 0) / count, lambda: f"{what} {done + 1} of {count}")
    try:
        yield next_one
    finally:
        end()


def ticks(share, said) -> tuple[Callable[[], None], Callable[[], None]]:
    """A function to call often, and one for the end. share(): how much is done, 0 to 1; said(): words beside it."""
    begun = time.perf_counter()
    show = _notebook_bar if _in_notebook() else _terminal_line if sys.stderr.isatty() else None
    bar, drawn = None, begun

    def tick():
        nonlocal bar, drawn
        now = time.perf_counter()
        if show is None or now - drawn < 0.1 or now - begun < PATIENCE or (done := share()) >= 1:
            return
        drawn = now
        if bar is None:
            bar = show()
        bar(done, f"{said()}, {(now - begun) * (1 - done) / max(done, 1e-9):.0f} s left")

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
