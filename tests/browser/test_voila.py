"""Pages of Voila: apps without a notebook around them. (All browser tests for which that is enough run there with
NBPROP_FRONTEND=voila.)"""

import pytest
from test_playground import App, until
from voila_page import VoilaPage

CELLS = ["import nbprop as nb", "playground = nb.Playground(hidden=[8])\nplayground"]
# A loop of one's own cannot run in a cell: Voila shows a page when all cells have ended. A button begins it.
TRAIN = """
import ipywidgets
from IPython.display import display
run = nb.watch(model, optimizer)
button = ipywidgets.Button(description="Train")

def train(_):
    while not run.stopped:
        i = torch.randint(0, len(X), (32,))
        loss = F.binary_cross_entropy_with_logits(model(X[i]), y[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

button.on_click(train)
button"""


@pytest.fixture(scope="module")
def new_page(browser, jupyter):
    """Makes a tab; in the end nothing must have gone wrong in any of them."""
    made = []

    def make():
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        made.append(VoilaPage(context.new_page(), jupyter))
        return made[-1]

    yield make
    for each in made:
        each.close()
    assert [each.errors for each in made if each.errors] == []
    assert [each.foreign for each in made if each.foreign] == []


@pytest.fixture(scope="module")
def app(new_page):
    return App(new_page().open("app.ipynb", CELLS), "playground", 1).show()


def test_it_plays_obeys_and_pauses(app):
    before = app.pictures()
    app.play()
    until(lambda: app.number("painted") > 20, "20 frames are painted")
    until(lambda: all(a != b for a, b in zip(app.pictures(), before, strict=True)), "all four pictures have changed")
    app.tab_to("Depth")
    app.lab.page.keyboard.press("ArrowRight")
    until(lambda: app.trainer("t.depth") == 2, "the kernel has the depth")
    until(lambda: app.board.get_by_role("img", name="hidden 2").count() == 1, "the picture has another layer")
    app.tab_to("Activation")
    app.lab.page.keyboard.press("ArrowDown")
    until(lambda: app.trainer("t.activation") == "relu", "the kernel has the activation")
    steps = app.pause()
    app.lab.page.wait_for_timeout(300)
    assert app.trainer("t.steps") == steps
    app.click("Undo")
    until(lambda: app.trainer("t.activation") == "tanh", "it is taken back")


def test_two_tabs_are_two_runs(app, new_page):
    other = App(new_page().open("app.ipynb"), "playground", 1).show()
    steps = app.trainer("t.steps")
    other.play()
    until(lambda: other.number("painted") > 10, "the other one plays")
    other.pause()
    assert app.trainer("t.steps") == steps


def test_it_is_dark_where_the_page_is(new_page):
    dark = App(new_page().open("app.ipynb", theme="dark"), "playground", 1).show()
    until(lambda: dark.board.evaluate("(board) => board.style.colorScheme") == "dark", "it is dark")
    color = dark.board.evaluate("(board) => getComputedStyle(board).backgroundColor")
    assert all(int(part) < 60 for part in color[color.index("(") + 1 : -1].split(",")[:3])


def test_a_loop_that_a_button_begins_is_watched_and_obeys(new_page):
    pytest.importorskip("torch")
    from test_watch import MLP, SETUP

    page = new_page().open("watch.ipynb", [SETUP, MLP[: MLP.index("with nb.watch")] + TRAIN])
    page.page.get_by_role("button", name="Train", exact=True).click()
    board = page.page.locator(".nbprop-board")
    step = lambda: int(board.get_attribute("data-step") or 0)  # noqa: E731
    until(lambda: step() > 3, "it plays", 60)
    board.get_by_role("button", name="Pause", exact=True).click()
    until(lambda: "paused" in board.locator(".nbprop-line").first.inner_text(), "it is paused")
    there = step()
    page.page.wait_for_timeout(300)
    assert step() == there
    rate = board.locator("[data-dial=lr] input:not([type=range])")
    rate.fill("0.003")
    rate.press("Enter")
    until(lambda: rate.input_value() == "0.003", "the rate stands")
    board.get_by_role("button", name="Resume", exact=True).click()
    until(lambda: step() > there + 5, "it goes on")
    board.get_by_role("button", name="Stop", exact=True).click()
    until(lambda: page.ask("[run.stopped, optimizer.param_groups[0]['lr']]") == [True, 0.003], "it has ended")
