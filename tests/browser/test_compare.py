"""Runs side by side and ghosts, in a real JupyterLab: played, turned, pinned, and looked at."""

import time

import pytest

COMPARE = """
import nbprop as nb
trainer = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), nb.data.moons(noise=0.2, seed=0), optimizer="sgd", lr=0.1, seed=0)
race = nb.compare(trainer, lr=[0.01, 0.1, 1.0])
race
"""
PLAYGROUND = """
import nbprop as nb
playground = nb.Playground(hidden=(8, 8), batch_size=16)
playground
"""


@pytest.fixture
def lab(new_lab):
    return new_lab()


def until(check, seconds=60):
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def titles(page):
    return [each.inner_text() for each in page.locator(".nbprop-panel .nbprop-title").all()]


def test_runs_are_played_in_step_and_their_panels_named(lab):
    lab.open("compare.ipynb", [COMPARE]).run_all()
    page = lab.page
    page.wait_for_selector('.nbprop-board[data-painted]:not([data-painted="0"])')
    rates = ["lr 0.01", "lr 0.1", "lr 1"]
    assert titles(page) == [
        "Runs",
        *(f"Gradient flow: {r}" for r in rates),
        *(f"What it has learned: {r}" for r in rates),
    ]
    page.click(".nbprop-play")
    until(lambda: int(page.get_attribute(".nbprop-board", "data-step")) > 60)
    page.click(".nbprop-pause")
    until(lambda: page.get_attribute(".nbprop-board", "data-status") == "paused")
    steps = lab.python("print([run.steps for run in race.comparison.trainers])")
    until(lambda: int(page.get_attribute(".nbprop-board", "data-step")) == int(steps.strip("[]").split(",")[0]))
    assert len(set(steps.strip("[]").split(", "))) == 1
    alone = "alone = trainer.branch(lr=1.0); alone.fit(steps=race.steps, bar=False); "
    assert lab.python(alone + "print((alone.theta == race.runs['lr 1'].theta).all())") == "True"
    # The wide panel has the first row, those of one kind begin one together and at the same height.
    boxes = [each.bounding_box() for each in page.locator(".nbprop-canvas").all()]
    assert boxes[0]["width"] > 2.5 * boxes[1]["width"]
    assert len({round(box["y"]) for box in boxes[1:4]}) == len({round(box["y"]) for box in boxes[4:]}) == 1
    # What is chosen in one is chosen in all, and a name follows what is turned.
    page.locator(".nbprop-panel[data-panel=gradients] select").first.select_option("a")
    until(lambda: [each.input_value() for each in page.locator(".nbprop-panel[data-panel=gradients] select").all()]
          == ["a"] * 3)  # fmt: skip
    lab.python("race.runs['lr 1'].lr = 0.5")
    until(lambda: "Gradient flow: lr 0.5" in titles(page))
    page.locator(".nbprop-panel[data-panel=runs] select").nth(1).select_option("seconds")
    until(lambda: lab.python("print(race.views[0].axis)") == "seconds")
    lab.python("race.close()")
    assert not lab.errors and not lab.foreign


def test_a_pinned_run_and_one_with_something_else_instead_stand_behind_the_run(lab):
    lab.open("ghosts.ipynb", [PLAYGROUND]).run_all()
    page = lab.page
    page.wait_for_selector('.nbprop-board[data-painted]:not([data-painted="0"])')
    page.click(".nbprop-play")
    until(lambda: int(page.get_attribute(".nbprop-board", "data-step")) > 40)
    lab.python("playground.pin(); playground.trainer.lr = 0.05; playground.instead(activation='relu')")
    words = page.locator(".nbprop-panel[data-panel=loss] canvas")
    until(lambda: "Behind it lr 0.001: " in words.get_attribute("aria-label"))
    until(lambda: "Behind it activation relu: " in words.get_attribute("aria-label"))
    until(lambda: lab.python("print(playground.ghosts[1].steps > 40)") == "True")
    page.click(".nbprop-pause")
    until(lambda: page.get_attribute(".nbprop-board", "data-status") == "paused")
    until(lambda: lab.python("print(playground.ghosts[1].steps == playground.trainer.steps)") == "True")
    lab.python("playground.unpin()")
    until(lambda: "Behind" not in words.get_attribute("aria-label"))
    assert not lab.errors and not lab.foreign
