"""A sweep in JupyterLab: the map fills while other cells run, it is paused, a cell is pressed and its run opened."""

import pytest
from harness import VOILA, not_in

CELL = """import time
import nbprop as nb

def make(depth, gain, seed):
    time.sleep(0.05)
    if (depth, gain) == (4, 0.5):
        raise ValueError("not this one")
    model = nb.nn.mlp([2, *[8] * depth, 1], "tanh", nb.nn.init.lecun(gain=gain), seed=seed)
    return nb.Trainer(model, "moons", lr=0.01, seed=seed)

grid = {"depth": [1, 2, 4, 8], "gain": [0.5, 1.0, 2.0]}
sweep = nb.sweep(make, grid, seeds=4, steps=40, measure="val_loss", workers=2)
sweep"""
MAP = "[data-panel=phase]"


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab().open("sweep.ipynb", [CELL, "sum(range(1000))"])
    lab.only_the_notebook()
    lab.run_all()
    lab.page.locator(f"{MAP} canvas").wait_for()
    return lab


def button(lab, name):
    return lab.page.get_by_role("button", name=name, exact=True)


@not_in(VOILA, because="when its page is there, all cells have been run, and the sweep is over")
def test_it_fills_while_other_cells_run_and_is_paused_opened_and_named(lab):
    page = lab.page
    assert int(lab.ask("sum(range(1000))")) == 499500  # nothing blocks the kernel
    button(lab, "Pause").click()
    lab.until(lambda: lab.ask("sweep.state") == "paused", "it is paused")
    lab.until(lambda: lab.ask("len(sweep._under_way)") == 0, "what was under way has ended")
    before = lab.ask("sweep.steps")
    page.wait_for_timeout(500)
    assert lab.ask("sweep.steps") == before < 48
    button(lab, "Resume").click()
    lab.until(lambda: lab.ask("sweep.state") == "finished", "all runs are made", 60)
    said = page.locator(f"{MAP} [aria-live], {MAP} [role=img]")
    lab.until(lambda: "48 of 48 runs (4 failed), finished" in " ".join(said.all_inner_texts()) + str(
        [each.get_attribute("aria-label") for each in said.all()]), "it says so in words", 20)  # fmt: skip
    assert button(lab, "Pause").count() == 0 or not button(lab, "Pause").is_visible()

    canvas = page.locator(f"{MAP} canvas")
    box = canvas.bounding_box()
    assert not button(lab, "Open this run").is_visible()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.25 * box["height"])
    button(lab, "Open this run").wait_for()
    canvas.focus()
    page.keyboard.press("o")
    opened = page.locator("[data-panel=loss] canvas")
    opened.wait_for()
    lab.until(lambda: lab.ask("len(list(sweep._shown)[0].children)") == 2, "it is below the map")
    assert lab.ask("list(sweep._shown)[0].children[1].trainer.steps") == 40
    assert page.get_by_role("button", name="Play", exact=True).is_visible()
