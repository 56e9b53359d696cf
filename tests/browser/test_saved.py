"""A notebook that was saved, with JupyterLab's settings as they come: its file, and what is seen without a kernel."""

import base64
import io
import json
import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest
from harness import VOILA, not_in

pytestmark = not_in(VOILA, because="nothing is saved there")
CELL = "import nbprop as nb\n\nplayground = nb.Playground(hidden=[8, 8])\nplayground"
PICTURE = ".jp-RenderedImage img"


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab()
    lab.open("saved.ipynb", [CELL])
    lab.run_all()
    lab.page.locator(".nbprop-board[data-painted]:not([data-painted='0'])").wait_for()
    return lab


def outputs(lab):
    lab.save()
    lab.page.wait_for_timeout(500)
    (cell,) = json.loads((lab.server.root / "saved.ipynb").read_text())["cells"]
    return cell["outputs"]


def kept(lab):
    """(step, picture) that the file has."""
    still = outputs(lab)[1]["data"]
    words, png = "".join(still["text/plain"]), "".join(still["image/png"])
    step = int(words.split(" after ")[1].split()[0].replace(",", "")) if " after " in words else 0
    return step, matplotlib.image.imread(io.BytesIO(base64.b64decode(png)))


def without_kernel(lab, new_lab, name):
    """The notebook, opened anew after its kernel has ended, in a page that starts none of its widgets."""
    for session in lab.server.api("sessions"):
        if session["path"] == name:
            lab.server.api(f"sessions/{session['id']}", "DELETE")
    lab.page.goto("about:blank")
    return new_lab().open(name)


def play(lab, seconds=1.0):
    lab.page.get_by_role("button", name="Play", exact=True).click()
    lab.page.wait_for_timeout(1000 * seconds)
    lab.page.get_by_role("button", name="Pause", exact=True).click()
    lab.page.wait_for_selector(".nbprop-board[data-status='paused']")
    return int(lab.python("print(playground.trainer.steps)"))


def test_while_a_board_is_there_its_picture_is_not_seen(lab):
    assert lab.page.locator(PICTURE).count() == 1 and not lab.page.locator(PICTURE).is_visible()
    below = lab.page.locator(".jp-OutputArea-child").nth(1).bounding_box()
    assert below["height"] < 2  # and takes no room


def test_the_file_has_the_picture_and_the_words_of_the_last_state(lab):
    steps = play(lab)
    lab.page.wait_for_timeout(2500)
    step, picture = kept(lab)
    assert 0 <= steps - step < 20  # the newest evaluation
    assert picture.shape[1] > 500 and len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 100
    assert (lab.server.root / "saved.ipynb").stat().st_size < 1_000_000


def test_also_after_a_reload_of_the_page(lab):
    outputs(lab)
    lab.reload()
    lab.page.locator(".nbprop-board").scroll_into_view_if_needed()
    before, _ = kept(lab)
    steps = play(lab)
    lab.page.wait_for_timeout(2500)
    step, _ = kept(lab)
    assert before < step and 0 <= steps - step < 20


def test_also_while_it_plays(lab):
    lab.page.get_by_role("button", name="Play", exact=True).click()
    lab.page.wait_for_timeout(11_500)
    now = int(lab.python("print(playground.trainer.steps)"))
    step, _ = kept(lab)
    lab.page.get_by_role("button", name="Pause", exact=True).click()
    assert now - 12 * 300 < step < now
    lab.page.wait_for_timeout(2500)


def test_an_export_shows_it_without_a_network(lab, browser, tmp_path):
    outputs(lab)
    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--to",
        "html",
        "--output-dir",
        tmp_path,
        lab.server.root / "saved.ipynb",
    ]
    subprocess.run(command, check=True, capture_output=True)
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto((tmp_path / "saved.html").as_uri(), wait_until="domcontentloaded")
    picture = page.locator("img").first
    picture.wait_for()
    assert picture.evaluate("(img) => img.decode().then(() => img.naturalWidth)") > 500
    context.close()


def test_opening_it_again_does_not_change_the_notebook(lab):
    outputs(lab)
    lab.reload()
    lab.page.locator(".nbprop-board").scroll_into_view_if_needed()
    lab.page.wait_for_timeout(2500)
    assert lab.page.evaluate("jupyterapp.shell.currentWidget.context.model.dirty") is False


def test_reopened_without_its_kernel_it_shows_the_picture(lab, new_lab):
    outputs(lab)
    again = without_kernel(lab, new_lab, "saved.ipynb")
    picture = again.page.locator(PICTURE)
    picture.wait_for()
    assert picture.evaluate("(img) => img.naturalWidth") > 500
    assert again.page.evaluate("jupyterapp.shell.currentWidget.context.model.dirty") is False


TRAINED = """import nbprop as nb, ipywidgets
from IPython.display import display
trainer = nb.Trainer(nb.nn.mlp([2, 8, 1], seed=0), "moons", lr=0.1, seed=0)
trainer.watch()
trainer.fit(steps=20, bar=False)"""
TALL = "tall = nb.views.Board(*(View(trainer) for View in (nb.views.Loss, nb.views.Boundary) * 2), columns=1)\ntall"


@pytest.fixture(scope="module")
def odd(new_lab):
    """Boards that are larger than the window, seen twice, or in something else."""
    lab = new_lab()
    lab.server.windowing("defer")  # all six are to be on the page, wherever it is scrolled to
    boxed = "ipywidgets.HBox([nb.views.Loss(trainer), nb.views.GradientFlow(trainer)])"
    output = "out = ipywidgets.Output()\ndisplay(out)\nwith out:\n    display(nb.views.Loss(trainer))"
    twice = "twice = nb.views.Loss(trainer)\ndisplay(twice)\ndisplay(twice)"
    lab.open("odd.ipynb", [TRAINED, TALL, boxed, output, twice])
    lab.run_all()
    lab.page.locator(".nbprop-board").nth(5).wait_for()
    lab.page.wait_for_timeout(3500)
    yield lab
    lab.server.windowing(None)


def told(lab, cell):
    """What the pictures of a cell say."""
    lab.save()
    lab.page.wait_for_timeout(500)
    outputs = json.loads((lab.server.root / "odd.ipynb").read_text())["cells"][cell]["outputs"]
    return ["".join(each["data"]["text/plain"]) for each in outputs if "image/png" in each["data"]]


def test_no_board_is_seen_beside_its_picture_wherever_it_is(odd):
    assert odd.page.locator(".nbprop-board").count() == 6
    assert odd.page.locator(PICTURE).count() == 4  # of the tall one, in the Output, twice
    assert not any(each.is_visible() for each in odd.page.locator(PICTURE).all())


def test_panels_that_are_out_of_sight_are_in_the_picture_as_of_now(odd):
    for steps in (30, 50):
        odd.python(f"trainer.fit(steps={steps}, bar=False)")
    for cell in (1, 4):  # scrolled there: then it is of this board that a part is out of sight, or nothing in sight
        odd.page.evaluate("(i) => jupyterapp.shell.currentWidget.content.scrollToItem(i)", cell)
        odd.page.wait_for_timeout(3500)
        odd.until(lambda: told(odd, 1)[0].count("after 100 steps") == 2, "it is of now")
        (words,) = told(odd, 1)
        assert words.count("points are right (4 wrong)") == 2


def test_a_board_that_is_shown_twice_has_two_pictures_of_now(odd):
    odd.until(lambda: all("after 100 steps" in words for words in told(odd, 4)), "both are of now")
    words = told(odd, 4)
    assert len(words) == 2 and words[0] == words[1]


def test_a_cell_that_is_run_again_has_the_pictures_of_its_new_boards(odd):
    odd.run(4)
    odd.page.wait_for_timeout(3500)
    odd.until(lambda: "after 100 steps" in told(odd, 4)[-1], "the new one is of now")
    words = told(odd, 4)
    assert len(words) == 2 and odd.page.locator(".nbprop-board").count() == 6
    assert not any(each.is_visible() for each in odd.page.locator(PICTURE).all())


def test_with_the_state_of_widgets_in_the_file_a_board_and_no_picture_is_seen(new_lab):
    lab = new_lab()
    recorded = "board = nb.views.Board(nb.views.Loss(trainer), nb.views.Boundary(trainer))\nboard.keep_recording = True"
    lab.open("state.ipynb", [TRAINED, f"{recorded}\nboard"])
    lab.run_all()
    lab.page.locator(".nbprop-board[data-step='20']").wait_for()
    lab.python("trainer.step()")  # which comes to a halt
    lab.page.wait_for_timeout(4500)
    lab.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    lab.save()
    lab.page.wait_for_timeout(1000)
    path = lab.server.root / "state.ipynb"
    before = json.loads(path.read_text())
    assert "widgets" in before["metadata"] and path.stat().st_size < 3_000_000
    again = without_kernel(lab, new_lab, "state.ipynb")
    slider = again.page.get_by_role("slider", name="Moment")
    slider.wait_for()
    assert again.page.locator(".nbprop-board").count() == 1 and not again.page.locator(PICTURE).is_visible()
    slider.press("Home")
    again.page.locator(".nbprop-board[data-step='0']").wait_for()
    again.page.wait_for_timeout(2500)  # what is looked at changes nothing
    again.save()
    again.page.wait_for_timeout(500)
    assert json.loads(path.read_text())["cells"][1]["outputs"] == before["cells"][1]["outputs"]
