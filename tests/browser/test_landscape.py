"""Descent in JupyterLab: buttons, sliders, a click and the list of surfaces reach the kernel; the picture follows."""

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


def picture(board):
    return board.locator("canvas").evaluate("(canvas) => canvas.toDataURL()")


def press(board, name):
    board.get_by_role("button", name=name, exact=True).click()


def test_step_play_pause_and_reset(lab, board):
    lab.until(lambda: board.get_attribute("data-painted") != "0", "the first frame is painted")
    before = picture(board)
    press(board, "Step")
    lab.until(lambda: lab.ask("descent.steps") == 1, "one step is made")
    lab.until(lambda: picture(board) != before, "the picture shows it")
    press(board, "Play")
    lab.until(lambda: lab.ask("descent.steps") > 10, "it plays")
    assert lab.ask("descent.status") == "playing"
    press(board, "Pause")
    lab.until(lambda: lab.ask("descent.status") == "paused", "it is paused")
    press(board, "Reset")
    lab.until(lambda: lab.ask("[descent.steps, descent.status]") == [0, "ready"], "it is at the start")
    lab.until(lambda: board.get_by_role("img", name="after 0 steps").count(), "the picture says so")


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
    before = lab.ask(expression)
    slider.focus()
    lab.page.keyboard.press(key)
    lab.until(lambda: lab.ask(expression) != before, "it has changed")
    after = lab.ask(expression)
    assert (after > before) == (key == "ArrowRight")
    assert float(slider.get_attribute("aria-valuetext")) == pytest.approx(after, rel=0.01)


def test_a_click_is_a_new_start(lab, board):
    before = lab.ask("descent.start")
    box = board.locator("canvas").bounding_box()
    lab.page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.4 * box["height"])
    lab.until(lambda: lab.ask("descent.start") != before, "it starts elsewhere")
    left, right, bottom, top = lab.ask("descent.surface.extent")
    x, y = lab.ask("descent.start")
    assert left < x < right and bottom < y < top
    lab.until(lambda: board.get_by_role("img", name=f"({x:.3g}, ").count(), "the picture says so")


def test_another_surface(lab, board):
    before = picture(board)
    board.get_by_label("surface").select_option("beale")
    lab.until(lambda: lab.ask("descent.surface.name") == "beale", "the kernel has the surface")
    lab.until(lambda: picture(board) != before, "the picture shows it")
    assert lab.ask("[descent.lr, list(descent.start)]") == [0.01, [1.0, 1.5]]
