"""Descent in JupyterLab: buttons, sliders, a click and the list of surfaces reach the kernel; the picture follows."""

import json

import pytest

BOARD = ".nbprop-board"
CELL = """import nbprop as nb

descent = nb.Descent("ravine", nb.optim.SGD(lr=0.05, momentum=0.5), speed=60)
nb.views.Landscape(descent)"""


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab()
    lab.open("landscape.ipynb", [CELL])
    lab.run_all()
    lab.page.locator(f"{BOARD} canvas").wait_for()
    return lab


@pytest.fixture
def board(lab):
    return lab.page.locator(BOARD)


def ask(lab, expression):
    return json.loads(lab.python(f"import json; print(json.dumps({expression}))"))


def until(lab, condition, what):
    for _ in range(400):
        if condition():
            return
        lab.page.wait_for_timeout(25)
    pytest.fail(f"waited in vain until: {what}")


def picture(board):
    return board.locator("canvas").evaluate("(canvas) => canvas.toDataURL()")


def press(board, name):
    board.get_by_role("button", name=name, exact=True).click()


def test_step_play_pause_and_reset(lab, board):
    until(lab, lambda: board.get_attribute("data-painted") != "0", "the first frame is painted")
    before = picture(board)
    press(board, "Step")
    until(lab, lambda: ask(lab, "descent.steps") == 1, "one step is made")
    until(lab, lambda: picture(board) != before, "the picture shows it")
    press(board, "Play")
    until(lab, lambda: ask(lab, "descent.steps") > 10, "it plays")
    assert ask(lab, "descent.status") == "playing"
    press(board, "Pause")
    until(lab, lambda: ask(lab, "descent.status") == "paused", "it is paused")
    press(board, "Reset")
    until(lab, lambda: ask(lab, "[descent.steps, descent.status]") == [0, "ready"], "it is at the start")
    until(lab, lambda: board.get_by_role("img", name="after 0 steps").count(), "the picture says so")


@pytest.mark.parametrize(
    ("name", "key", "expression"),
    [
        ("learning rate", "ArrowRight", "descent.lr"),
        ("momentum", "ArrowLeft", "descent.paths['momentum'].optimizer.momentum"),
        ("start x", "ArrowRight", "descent.start[0]"),
        ("start y", "ArrowLeft", "descent.start[1]"),
    ],
)
def test_sliders_have_labels_and_work_by_keyboard(lab, board, name, key, expression):
    slider = board.get_by_role("slider", name=name)
    before = ask(lab, expression)
    slider.focus()
    lab.page.keyboard.press(key)
    until(lab, lambda: ask(lab, expression) != before, "it has changed")
    after = ask(lab, expression)
    assert (after > before) == (key == "ArrowRight")
    assert float(slider.get_attribute("aria-valuetext")) == pytest.approx(after, rel=0.01)


def test_a_click_is_a_new_start(lab, board):
    before = ask(lab, "descent.start")
    box = board.locator("canvas").bounding_box()
    lab.page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.4 * box["height"])
    until(lab, lambda: ask(lab, "descent.start") != before, "it starts elsewhere")
    left, right, bottom, top = ask(lab, "descent.surface.extent")
    x, y = ask(lab, "descent.start")
    assert left < x < right and bottom < y < top
    until(lab, lambda: board.get_by_role("img", name=f"({x:.3g}, ").count(), "the picture says so")


def test_another_surface(lab, board):
    before = picture(board)
    board.get_by_label("surface").select_option("beale")
    until(lab, lambda: ask(lab, "descent.surface.name") == "beale", "the kernel has the surface")
    until(lab, lambda: picture(board) != before, "the picture shows it")
    assert ask(lab, "[descent.lr, list(descent.start)]") == [0.01, [1.0, 1.5]]
