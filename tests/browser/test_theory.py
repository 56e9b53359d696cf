"""Theory and the surroundings of a run in JupyterLab: they live while it plays, go on while it rests, and go back."""

import json

import pytest

BOARD = ".nbprop-board"
CELL = """import nbprop as nb

trainer = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), nb.data.moons(seed=0), optimizer="sgd", lr=0.1, seed=0)
trainer.speed = 200
views = nb.views.Landscape(trainer), nb.views.Sharpness(trainer), nb.views.GradientFlow(trainer)
board = nb.views.Board(*views, columns=2, height=600, timeline=True)
board"""


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab()
    lab.open("theory.ipynb", [CELL])
    lab.run_all()
    lab.page.locator(f"{BOARD} canvas").first.wait_for()
    return lab


def ask(lab, expression):
    return json.loads(lab.python(f"import json; print(json.dumps({expression}))"))


def until(lab, condition, what):
    for _ in range(600):
        if condition():
            return
        lab.page.wait_for_timeout(50)
    pytest.fail(f"waited in vain until: {what}")


def says(lab, words):
    return lab.page.locator(BOARD).get_by_role("img", name=words).count()


def test_while_nothing_plays_the_landscape_gets_finer_and_the_notebook_answers(lab):
    until(lab, lambda: says(lab, "On the plane through step 0"), "the first picture is there")
    until(lab, lambda: ask(lab, "board.views[0].frame()['grid'].shape[0]") >= 33, "it is finer")
    assert "the minimum on this plane is" in ask(lab, "board.views[0].describe()")


def test_the_button_measures_the_sharpness_and_works_by_keyboard(lab):
    assert says(lab, "The sharpness was not measured yet")
    lab.page.locator(BOARD).get_by_role("button", name="Measure").focus()
    lab.page.keyboard.press("Enter")
    until(lab, lambda: says(lab, "below it; above 2/lr"), "it is measured, and said")
    assert ask(lab, "trainer.history.series('sharpness')[0].tolist()") == [0]


def test_all_live_while_it_plays(lab):
    lab.python("trainer.play(steps=300)")
    until(lab, lambda: ask(lab, "trainer.status") == "paused", "it has played")
    steps = ask(lab, "trainer.history.series('sharpness')[0].tolist()")
    assert len(steps) > 1 and all(step % 20 == 0 for step in steps)
    until(lab, lambda: says(lab, "On the plane through step 300"), "the plane is laid through where it is now")
    until(lab, lambda: says(lab, "of 2/lr = 20"), "the threshold is said")


def test_theory_is_a_switch_of_the_gradient_flow(lab):
    lab.page.locator(BOARD).get_by_label("theory").check()
    until(lab, lambda: says(lab, "Mean field, σw²"), "it is said")
    assert ask(lab, "len(board.views[2].frame()['theory'])") == 3
    lab.page.locator(BOARD).get_by_label("theory").uncheck()
    until(lab, lambda: not says(lab, "Mean field, σw²"), "it is gone")


def test_a_moment_of_the_past_is_a_point_on_the_same_plane(lab):
    slider = lab.page.locator(BOARD).get_by_role("slider").last
    slider.focus()
    lab.page.keyboard.press("Home")
    until(lab, lambda: says(lab, "At step 0 the run is at"), "the landscape shows the beginning")
    assert says(lab, "On the plane through step 300")
    lab.page.keyboard.press("End")
    until(lab, lambda: says(lab, "At step 300 the run is at"), "it is back")
    assert not lab.errors
