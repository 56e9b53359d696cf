"""In a real marimo, as an app (`marimo run`) and in its editor (`marimo edit`): boards and the Playground live."""

import marimo_server
import pytest
from marimo_server import BOARD, app

IMPORT = ("", "nb", "import nbprop as nb")
PLAYGROUND = ("nb", "playground", "playground = nb.Playground(hidden=[8])\nplayground")
BOARDS = (
    "nb, playground",
    "flow, board",
    "t = playground.trainer\nflow = nb.views.GradientFlow(t)\nboard = nb.views.Board(nb.views.Loss(t), flow)\nboard",
)
BUTTON = "{0} = mo.ui.button(label='{0}', value=0, on_click=lambda n: n + 1)\n{0}"
AGAIN = [
    ("", "mo, runs", "import marimo as mo\nruns = []"),
    ("mo", "again", BUTTON.format("again")),
    ("mo", "ask", BUTTON.format("ask")),
    (
        "again, nb, runs",
        "",
        "runs.append(nb.Playground(hidden=[4]))\nif again.value:\n    runs[-1].trainer.play(unseen=True)\nruns[-1]",
    ),
    ("ask, runs", "", "f'asked {ask.value}: {[each.trainer.status for each in runs]}'"),
]


@pytest.fixture(scope="module", params=["run", "edit"])
def marimo(request, browser, tmp_path_factory):
    path = tmp_path_factory.mktemp("marimo") / "app.py"
    path.write_text(app(IMPORT, PLAYGROUND, BOARDS, *AGAIN), encoding="utf-8")
    theme = {"run": "light", "edit": "dark"}[request.param]
    with marimo_server.serve(path, request.param, theme) as url:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = marimo_server.Page(context.new_page(), url)
        page.how, page.theme = request.param, theme
        yield page.open()
        context.close()
    assert page.errors == []
    assert page.foreign == []


@pytest.fixture
def playground(marimo):
    return marimo.page.locator(BOARD).first


@pytest.fixture
def board(marimo):
    return marimo.page.locator(BOARD).nth(1)


def pictures(board):
    return board.evaluate("(board) => [...board.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL())")


def number(board, name):
    return int(board.get_attribute(f"data-{name}") or 0)


def press(board, name):
    board.get_by_role("button", name=name, exact=True).click()


def pause(marimo, board):
    press(board, "Pause")
    marimo.until(lambda: board.get_attribute("data-status") == "paused", "it is paused")
    marimo.page.wait_for_timeout(300)
    return number(board, "step")


def test_play_moves_all_pictures_and_pause_stops_them(marimo, playground):
    before = pictures(playground)
    assert len(before) == 4
    press(playground, "Play")
    marimo.until(lambda: number(playground, "painted") > 20, "20 frames are painted")
    marimo.until(
        lambda: all(a != b for a, b in zip(pictures(playground), before, strict=True)), "all four pictures have changed"
    )
    step = pause(marimo, playground)
    still = pictures(playground)
    marimo.page.wait_for_timeout(500)
    assert number(playground, "step") == step and pictures(playground) == still
    press(playground, "Step")
    marimo.until(lambda: number(playground, "step") == step + 1, "one more step")


def test_knobs_act_and_are_taken_back(marimo, playground):
    page = marimo.page
    deeper = playground.get_by_role("img", name="hidden 2")
    assert deeper.count() == 0
    playground.get_by_role("slider", name="Depth").focus()
    page.keyboard.press("ArrowRight")
    marimo.until(lambda: deeper.count() == 1, "the picture has another layer")
    playground.get_by_role("combobox", name="Activation").select_option("relu")
    rate = playground.get_by_role("textbox", name="Learning rate, typed")
    before = rate.input_value()
    rate.fill("0.02")
    rate.press("Enter")
    undo = playground.get_by_role("combobox", name="Undo several at once")
    marimo.until(lambda: undo.locator("option").count() == 4, "all three can be undone")
    press(playground, "Undo")
    marimo.until(lambda: rate.input_value() == before, "the learning rate is as it was")


def test_a_board_of_the_same_run_goes_along_and_its_options_are_obeyed(marimo, playground, board):
    board.scroll_into_view_if_needed()
    before = pictures(board)
    assert len(before) == 2
    press(playground, "Play")
    board.scroll_into_view_if_needed()
    marimo.until(
        lambda: all(a != b for a, b in zip(pictures(board), before, strict=True)), "both pictures have changed"
    )
    pause(marimo, playground)
    board.scroll_into_view_if_needed()
    marimo.until(lambda: number(board, "step") == number(playground, "step"), "both show the same step")
    board.locator("[data-panel=gradients] header select").first.select_option(label="gradient dL/dW")
    marimo.until(lambda: board.get_by_role("img", name="dL/dW").count() == 1, "the words are of the other quantity")


def test_the_time_line_shows_a_moment_of_the_past(marimo, playground):
    playground.scroll_into_view_if_needed()
    line = playground.get_by_role("slider", name="Time line: step")
    line.focus()
    now, place = pictures(playground), playground.locator(".nbprop-place")
    marimo.page.keyboard.press("Home")
    marimo.until(lambda: place.inner_text() and pictures(playground)[0] != now[0], "an earlier moment is shown")
    assert int(line.input_value()) == 0
    press(playground, "Now")
    marimo.until(lambda: pictures(playground)[0] == now[0], "the run as it is")


def test_it_looks_as_marimo_does(marimo, playground, board):
    """Style sheets reach it, nothing is wider than its place, and it is dark where marimo is."""
    for each in (playground, board):
        assert each.locator(".nbprop-grid").evaluate("(grid) => getComputedStyle(grid).display") == "grid"
        assert each.evaluate("(board) => board.scrollWidth <= board.clientWidth + 1")
        assert each.locator(".nbprop-error:visible").count() == 0
        assert each.evaluate("(board) => board.style.colorScheme") == marimo.theme
    assert playground.locator(".nbprop-status:visible").count() == 0


def test_what_a_cell_made_ends_when_the_cell_is_run_again(marimo):
    page, boards = marimo.page, marimo.page.locator(BOARD)
    for times, statuses in ((1, ["ready", "playing"]), (2, ["ready", "paused", "playing"])):
        page.get_by_role("button", name="again").click()
        marimo.until(lambda: boards.count() == 3 and number(boards.nth(2), "step") > 3, "the new one plays")
        page.get_by_role("button", name="ask").click()
        page.get_by_text(f"asked {times}: {statuses}").wait_for()
    pause(marimo, boards.nth(2))


def test_another_tab_is_another_run_and_a_page_loaded_again_works(marimo, playground):
    if marimo.how == "edit":
        pytest.skip("the editor lets one page in")
    marimo.page.reload()
    marimo.page.locator(f"{BOARD} canvas").first.wait_for(timeout=60_000)
    press(playground, "Play")
    marimo.until(lambda: number(playground, "painted") > 10, "frames are painted")
    pause(marimo, playground)
