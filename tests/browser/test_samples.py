"""Single samples in JupyterLab: named while it plays, chosen in one view and shown in the other, turned by buttons and
keys, and the way back."""

import pytest

BOARD = ".nbprop-board"
CELL = """import nbprop as nb

trainer = nb.Trainer(nb.nn.mlp([2, 16, 1], seed=0), nb.data.moons(seed=0), lr=0.02, seed=0)
for i in (12, 40, 77, 120):
    trainer.relabel(i, 1 - int(trainer.data.y_train[i]))
board = nb.views.Board(nb.views.Samples(trainer), nb.views.Boundary(trainer), height=420)
board"""


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab()
    lab.open("samples.ipynb", [CELL])
    lab.run_all()
    lab.page.locator(f"{BOARD} canvas").first.wait_for()
    return lab


@pytest.fixture
def samples(lab):
    return lab.page.locator(f"{BOARD} [data-panel=samples]")


def says(samples):
    return samples.locator("canvas").get_attribute("aria-label")


def test_who_stands_out_is_named_while_it_plays(lab, samples):
    lab.until(lambda: "not measured yet" in says(samples), "it says that nothing is measured")
    lab.python("trainer.speed = 400; trainer.play()")
    lab.until(lambda: lab.ask("trainer.steps") > 600, "it has played")
    lab.python("trainer.pause()")
    lab.until(lambda: "stand out" in says(samples), "it says who stands out")
    out = lab.ask("board.views[0].frame()['order'][board.views[0].frame()['state'].astype(int) % 2 == 1].tolist()")
    assert {12, 40, 77, 120} <= set(out)


def test_keys_choose_a_sample_for_all_views_and_turn_it(lab, samples):
    canvas = samples.locator("canvas")
    canvas.focus()
    lab.page.keyboard.press("ArrowRight")
    lab.page.keyboard.press("Enter")
    lab.until(lambda: "sample" in lab.ask("board.chosen.told()"), "a sample is chosen")
    sample = lab.ask("board.chosen.sample")
    boundary = lab.page.locator(f"{BOARD} [data-panel=boundary] canvas")
    lab.until(lambda: f"Of sample {sample}" in boundary.get_attribute("aria-label"), "the other view shows it, too")
    lab.page.keyboard.press("d")
    lab.until(lambda: lab.ask("trainer.sample_weights") == [[sample, 0.0]], "it is left out")
    samples.get_by_role("button", name=f"take {sample} back").click()
    lab.until(lambda: lab.ask("trainer.sample_weights") == [], "it is back")
    samples.get_by_role("button", name=f"leave {sample} out").wait_for()  # the page knows it, too
    canvas.focus()
    lab.page.keyboard.press("w")
    lab.until(lambda: lab.ask("trainer.sample_weights") == [[sample, 0.5]], "it counts half")
    before = lab.ask("len(trainer.relabelled)")
    samples.get_by_role("button", name="back to").or_(samples.get_by_role("button", name="relabel")).click()
    lab.until(lambda: lab.ask("len(trainer.relabelled)") != before, "it is relabelled")
    lab.python("trainer.undo()")
    lab.until(lambda: lab.ask("len(trainer.relabelled)") == before, "and has its label again")


def test_a_press_on_a_bar_shows_its_sample(lab, samples):
    lab.python("board.chosen.set(sample=None)")
    canvas = samples.locator("canvas")
    box = canvas.bounding_box()
    canvas.click(position={"x": 0.6 * box["width"], "y": 90})
    lab.until(lambda: "sample" in lab.ask("board.chosen.told()"), "a sample is chosen")
    sample = lab.ask("board.chosen.sample")
    lab.until(lambda: f"Shown: sample {sample};" in says(samples), "it is shown")
