"""Attention and what a language model writes, in a real JupyterLab: they move while it trains, and obey the hand."""

import pytest

CELL = """import numpy as np
import nbprop as nb

letters = ("\\n", "a", "b", "c")
row = np.tile([0, 1, 2, 3], 12)
X, Y = (np.lib.stride_tricks.sliding_window_view(part, 8) for part in (row[:-1], row[1:]))
model = nb.nn.Sequential(
    nb.nn.Embedding(4, 8, rng=0), nb.nn.TransformerBlock(8, 2, causal=True, rng=0), nb.nn.Linear(8, 4, rng=0)
)
data = nb.data.from_arrays(X, Y, X[:2], Y[:2], vocabulary=letters, classes=letters)
trainer = nb.Trainer(model, data, lr=0.01, seed=0)
board = nb.views.Board(nb.views.Attention(trainer, "\\nabcab"), nb.views.Writing(trainer), columns=1, height=500)
board"""


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab().open("language.ipynb", [CELL, "2"])
    lab.run_all()
    panel(lab, "attention").locator("canvas").scroll_into_view_if_needed()
    words(lab, "attention", "Layer 1")
    return lab


def panel(lab, name):
    return lab.page.locator(f"[data-panel={name}]")


def picture(lab, name):
    return panel(lab, name).locator("canvas").evaluate("(canvas) => canvas.toDataURL()")


def words(lab, name, part):
    """Waits until the words for screen readers say so."""
    lab.page.wait_for_function(
        "([name, part]) => document.querySelector(`[data-panel=${name}] canvas`).ariaLabel.includes(part)",
        arg=[name, part],
    )


def test_head_and_temperature_are_chosen(lab):
    before = {name: picture(lab, name) for name in ("attention", "writing")}
    panel(lab, "attention").get_by_role("combobox", name="head").select_option("2")
    panel(lab, "writing").get_by_role("combobox", name="temperature").select_option("0.2")
    words(lab, "attention", "on average: head 2")
    words(lab, "writing", "At temperature 0.2")
    assert lab.python("print(board.views[0].head, board.views[1].temperature)") == "2 0.2"
    assert all(picture(lab, name) != before[name] for name in before)


def test_under_the_hand_stands_who_looks_at_what(lab):
    canvas = panel(lab, "attention").locator("canvas")
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] / 2, "y": box["height"] / 2 + 10})
    assert "looks at" in panel(lab, "attention").locator(".nbprop-tip").inner_text()


def test_both_move_while_it_trains_until_it_has_learned(lab):
    before = {name: picture(lab, name) for name in ("attention", "writing")}
    lab.python("trainer.play(steps=300)")
    lab.page.wait_for_selector('.nbprop-board[data-step="300"][data-status="paused"]')
    words(lab, "writing", "it writes 'abc', 'abc', 'abc'")
    assert all(picture(lab, name) != before[name] for name in before)
