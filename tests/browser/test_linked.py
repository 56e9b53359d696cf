"""What is chosen in one view is shown in all: by the pointer, by keys, by code; playing and paused, in JupyterLab."""

import pytest

BOARD = ".nbprop-board"
CELL = """import nbprop as nb

data = nb.data.moons(samples=100, noise=0.05, seed=0)
trainer = nb.Trainer(nb.nn.mlp([2, 6, 6, 1], seed=0), data, seed=0)
trainer.watch()
trainer.fit(steps=60)
board = nb.views.Board(nb.views.Boundary(trainer), nb.views.Histograms(trainer))
board"""


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab()
    lab.open("linked.ipynb", [CELL])
    lab.run_all()
    lab.page.locator(f"{BOARD} canvas").first.wait_for()
    return lab


@pytest.fixture
def board(lab):
    lab.page.mouse.move(2, 2)
    lab.python("board.chosen.set(sample=None, point=None, layer=None)")
    return lab.page.locator(BOARD)


def chosen(lab):
    return lab.ask("board.chosen.told()")


def canvas(board, name):
    return board.locator(f"[data-panel={name}] canvas")


@pytest.mark.parametrize("playing", [False, True])
def test_moving_over_the_plane_sends_the_place_and_leaving_lets_go(lab, board, playing):
    lab.python("trainer.speed = 60; trainer.play()" if playing else "trainer.pause()")
    box = canvas(board, "boundary").bounding_box()
    for k in range(12):
        lab.page.mouse.move(box["x"] + (0.3 + 0.02 * k) * box["width"], box["y"] + 0.5 * box["height"])
    lab.until(lambda: "point" in chosen(lab), "the place is chosen")
    first = chosen(lab)["point"]
    lab.page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.3 * box["height"])
    lab.until(lambda: chosen(lab)["point"][1] > first[1], "it is further up")
    lab.page.mouse.move(2, 2)
    lab.until(lambda: not chosen(lab), "nothing is chosen")
    lab.python("trainer.pause()")


def test_the_arrow_keys_move_and_enter_chooses(lab, board):
    plane = canvas(board, "boundary")
    plane.focus()
    lab.page.keyboard.press("ArrowRight")
    lab.until(lambda: "point" in chosen(lab), "the place is chosen")
    at = chosen(lab)["point"][0]
    lab.page.keyboard.press("ArrowRight")
    lab.until(lambda: chosen(lab)["point"][0] > at, "it is further right")
    lab.page.keyboard.press("Enter")
    lab.page.keyboard.press("Escape")
    lab.page.wait_for_timeout(200)
    assert {"point", "sample"} & chosen(lab).keys()  # it stays
    name = plane.get_attribute("aria-label")
    assert " it says " in name


def test_a_press_on_a_layer_frames_it_and_again_lets_go(lab, board):
    drawn = lambda: canvas(board, "histograms").evaluate("(canvas) => canvas.toDataURL()")  # noqa: E731
    before, box = drawn(), canvas(board, "histograms").bounding_box()
    lab.page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.2 * box["height"])
    lab.until(lambda: chosen(lab).get("layer"), "a layer is chosen")
    lab.page.mouse.move(2, 2)
    lab.until(lambda: drawn() != before, "it is framed")
    lab.page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.2 * box["height"])
    lab.page.mouse.move(2, 2)
    lab.until(lambda: not chosen(lab) and drawn() == before, "it is as before")


def test_what_code_chooses_is_drawn(lab, board):
    drawn = lambda: canvas(board, "boundary").evaluate("(canvas) => canvas.toDataURL()")  # noqa: E731
    before = drawn()
    lab.python("board.chosen.set(sample=5)")
    lab.until(lambda: drawn() != before, "the sample is marked")
