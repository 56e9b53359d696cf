"""Notebook 7, the other page of JupyterLab's family. (All browser tests run in it with NBPROP_FRONTEND=notebook.)"""

import json

import pytest
from harness import NOTEBOOK, Lab, serve
from test_playground import COLORS, App, until

CELLS = ["import nbprop as nb", "playground = nb.Playground(hidden=[8])\nplayground"]


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    with serve(tmp_path_factory.mktemp("notebooks"), app=("jupyter", NOTEBOOK)) as server:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        lab = Lab(context.new_page(), server, NOTEBOOK)
        lab.open("seven.ipynb", CELLS)
        lab.run_all()
        yield lab
        context.close()
    assert lab.errors == []
    assert lab.foreign == []


@pytest.fixture
def app(lab):
    app = App(lab, "playground", 1)
    app.board.scroll_into_view_if_needed()
    return app


def test_it_plays_obeys_and_pauses(app):
    before = app.pictures()
    app.play()
    until(lambda: all(a != b for a, b in zip(app.pictures(), before, strict=True)), "all four pictures have changed")
    app.tab_to("Learning rate")
    rate = app.trainer("t.lr")
    app.lab.page.keyboard.press("ArrowRight")
    until(lambda: app.trainer("t.lr") > rate, "the kernel has the learning rate")
    app.tab_to("Activation")
    app.lab.page.keyboard.press("ArrowDown")
    until(lambda: app.trainer("t.activation") == "relu", "the kernel has the activation")
    steps = app.pause()
    app.lab.page.wait_for_timeout(300)
    assert app.trainer("t.steps") == steps
    app.click("Undo")
    until(lambda: app.trainer("t.activation") == "tanh", "it is taken back")


def test_the_saved_file_shows_what_was_to_be_seen(app):
    """The picture of its own below the widget, as in JupyterLab."""
    lab = app.lab
    app.click("Step")
    described = lab.python("print(playground.views[0].describe())")

    def kept():
        lab.save()
        outputs = json.loads((lab.server.root / "seven.ipynb").read_text())["cells"][1]["outputs"]
        return len(outputs) == 2 and described in "".join(outputs[1]["data"]["text/plain"])

    until(kept, "the picture of now is in the file")
    assert lab.page.locator(".jp-RenderedImage img:visible").count() == 0


def test_running_the_cell_again_replaces_it_and_a_page_loaded_again_goes_on(app):
    lab = app.lab
    app.play()
    lab.python("old = playground")
    lab.run(1)
    until(lambda: App(lab, "old", 1).trainer("t.status") == "paused", "the old run is paused")
    app.board.wait_for()
    app.play()
    lab.save()
    lab.reload()
    app.board.wait_for()
    until(lambda: app.number("painted") > 5, "frames are painted")
    app.pause()
    assert all(colors > 10 for colors in app.board.evaluate(COLORS))


def test_it_is_dark_where_the_page_is(app):
    app.lab.theme("JupyterLab Dark")
    until(lambda: app.board.evaluate("(board) => board.style.colorScheme") == "dark", "it is dark")
    app.lab.theme("JupyterLab Light")
    until(lambda: app.board.evaluate("(board) => board.style.colorScheme") == "light", "it is light")
