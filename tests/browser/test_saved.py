"""A notebook that was saved, with JupyterLab's settings as they come: its file, and what is seen without a kernel."""

import base64
import io
import json
import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest

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


def test_reopened_without_its_kernel_it_shows_the_picture(lab, new_lab):
    outputs(lab)
    for session in lab.server.api("sessions"):
        if session["path"] == "saved.ipynb":
            lab.server.api(f"sessions/{session['id']}", "DELETE")
    lab.page.goto("about:blank")
    again = new_lab()
    again.open("saved.ipynb")
    picture = again.page.locator(PICTURE)
    picture.wait_for()
    assert picture.evaluate("(img) => img.naturalWidth") > 500
