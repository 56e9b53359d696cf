"""A page that may take cells off it that are out of sight, as JupyterLab 4.2 does and newer ones do when told to: who
scrolls back finds the board, and it goes on."""

import pytest
from harness import FRONTEND, VOILA, Lab, not_in, serve
from test_playground import App, until

pytestmark = not_in(VOILA, because="it takes nothing off its page")
AWAY = """() => {
    const box = document.querySelector(".nbprop-board")?.getBoundingClientRect();
    const pane = document.querySelector(".jp-WindowedPanel-outer").getBoundingClientRect();
    return !box?.height || box.bottom < pane.top || box.top > pane.bottom;
}"""
LONG = "print('\\n'.join(map(str, range(400))))"
CELLS = [
    "import nbprop as nb",
    "playground = nb.Playground(hidden=[8])\nplayground.trainer.play(unseen=True)\nplayground",
    LONG,
    LONG,
    LONG,
    "2",
]


@pytest.fixture(scope="module")
def app(browser, tmp_path_factory):
    with serve(tmp_path_factory.mktemp("notebooks"), windowing="full") as server:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        lab = Lab(context.new_page(), server, FRONTEND)
        lab.open("long.ipynb", CELLS)
        lab.run_all()
        yield App(lab, "playground", 1)
        context.close()
    assert lab.errors == []
    assert lab.foreign == []


def wheel(app, way, condition, what):
    """Turn the wheel over the notebook until the condition holds: at its edge, for Notebook 7 has boxes with bars of
    their own for long outputs."""
    page = app.lab.page
    page.mouse.move(page.locator(".jp-WindowedPanel-outer").bounding_box()["x"] + 12, 400)

    def turned():
        page.mouse.wheel(0, 600 * way)
        page.wait_for_timeout(60)
        return condition()

    until(turned, what, seconds=60)


def test_a_board_that_is_scrolled_away_asks_for_nothing(app):
    wheel(app, 1, lambda: app.lab.page.evaluate(AWAY), "the board is out of sight")
    app.lab.page.wait_for_timeout(300)
    frames = app.lab.ask("playground.stats['frames']")
    steps = app.trainer("t.steps")
    until(lambda: app.trainer("t.steps") > steps + 100, "the run goes on")
    assert app.lab.ask("playground.stats['frames']") <= frames + 10  # it only hears whether somebody is there


def test_scrolled_back_it_shows_the_run_as_it_is_and_obeys(app):
    steps = app.trainer("t.steps")
    wheel(app, -1, lambda: app.board.count() == 1 and app.board.is_visible(), "the board is there again")
    app.board.scroll_into_view_if_needed()
    until(lambda: app.number("step") > steps, "a frame of now")
    painted = app.number("painted")
    until(lambda: app.number("painted") > painted + 10, "it goes on")
    rate = app.trainer("t.lr")
    app.tab_to("Learning rate")
    app.lab.page.keyboard.press("ArrowRight")
    until(lambda: app.trainer("t.lr") > rate, "the kernel has the learning rate")
    steps = app.pause()
    assert app.trainer("t.steps") == steps


def test_what_happens_out_of_sight_is_shown_on_the_way_back(app):
    wheel(app, 1, lambda: app.lab.page.evaluate(AWAY), "the board is out of sight")
    app.lab.python("playground.trainer.fit(steps=5, bar=False)")
    app.lab.python("playground.depth = 3")
    steps = app.trainer("t.steps")
    wheel(app, -1, lambda: app.board.count() == 1 and app.board.is_visible(), "the board is there again")
    until(lambda: app.number("step") == steps, "the step that was made out of sight")
    depth = app.root.get_by_role("textbox", name="Depth, typed")
    until(lambda: depth.input_value() == "3", "the knob that was turned in code")
