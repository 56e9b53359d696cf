"""The board in a real JupyterLab, fed by a fake run: frames paint, options travel both ways, sight and reload count.

The tests share one tab and follow each other, as a session of work does.
"""

import pytest
from harness import VOILA, not_in

SOURCE = '''
import asyncio
from types import SimpleNamespace

import numpy as np

from nbprop.views import Board, Histograms, Loss


class Source:
    """What a board and two views need of a trainer; every step is a number drawn from a rule."""

    data = SimpleNamespace(task="regression")
    layers = [SimpleNamespace(name="hidden 1"), SimpleNamespace(name="output")]
    status, message, steps, version = "ready", "", 0, 0

    def __init__(self):
        self.watchers = set()
        self.history = SimpleNamespace(series=self.series, events=[])
        self.loop = asyncio.get_running_loop()

    def series(self, name):
        steps = np.arange(1, self.steps + 1)[-200:] if name == "loss" else np.arange(0)
        return steps, (1.5 + np.sin(steps / 9)).astype(np.float32)

    def histograms(self, kind, bins=40):
        counts = (10 + 9 * np.sin(np.arange(2 * bins) / 5 + self.steps / 20)).astype(np.float32).reshape(2, bins)
        return counts, np.float32([-1, -2]), np.float32([1, 2])

    def not_finite(self, kind):
        return np.zeros((2, 2), np.int64)

    def post(self, function):
        self.loop.call_soon_threadsafe(function)

    def tell(self, status, message=""):
        self.status, self.message = status, message
        self.version += 1
        for watcher in list(self.watchers):
            watcher.refresh()

    async def play(self):
        self.tell("playing")
        while self.status == "playing":
            self.steps += 1
            self.tell(self.status)
            for _ in range(10):
                await asyncio.sleep(0.001)


'''
CELL = """from fake_run import *

source = Source()
board = Board(Loss(source), Histograms(source))
"""
BOARD = ".nbprop-board"


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab()
    (lab.server.root / "fake_run.py").write_text(SOURCE)
    lab.open("board.ipynb", [CELL, "board", "print('\\n' * 60)", "2"])
    lab.run_all()
    return lab


def show(lab):
    """Running cells scrolls to the last one, a reload to the first."""
    lab.show(1)
    lab.page.locator(BOARD).first.scroll_into_view_if_needed()


@pytest.fixture(autouse=True)
def playing(lab):
    """Each test begins with a run that plays and a board in sight."""
    show(lab)
    lab.python("if source.status != 'playing': task = asyncio.get_running_loop().create_task(source.play())")


def data(lab, name, nth=0):
    return lab.page.locator(BOARD).nth(nth).get_attribute(f"data-{name}")


def number(lab, name, nth=0):
    return float(data(lab, name, nth))


def wait_for_frames(lab, n=10, nth=0):
    lab.page.wait_for_function(
        "([n, nth, before]) => document.querySelectorAll('.nbprop-board')[nth].dataset.painted >= before + n",
        arg=[n, nth, number(lab, "painted", nth)],
    )


def pause(lab):
    """Pause and wait until the last picture is there; returns the kernel's step."""
    steps = lab.python("source.tell('paused'); print(source.steps)")
    lab.page.wait_for_selector(f'{BOARD}[data-step="{steps}"][data-status="paused"]')
    return steps


def picture(lab, panel):
    return lab.page.evaluate("(name) => document.querySelector(`[data-panel=${name}] canvas`).toDataURL()", panel)


def ground(lab, panel):
    """The colour of a canvas's lower right corner, where nothing is drawn."""
    return lab.page.evaluate(
        """(name) => {
            const canvas = document.querySelector(`[data-panel=${name}] canvas`);
            return [...canvas.getContext("2d").getImageData(canvas.width - 1, canvas.height - 1, 1, 1).data];
        }""",
        panel,
    )[:3]


def test_frames_are_painted_and_the_pictures_change(lab):
    before = [picture(lab, panel) for panel in ("loss", "histograms")]
    wait_for_frames(lab, 20)
    after = [picture(lab, panel) for panel in ("loss", "histograms")]
    assert before[0] != after[0] and before[1] != after[1]
    assert lab.python("print(board.seen, board.stats['frames'] > 20)") == "True True"
    assert lab.page.locator(".nbprop-error:visible, .nbprop-status:visible").count() == 0


def test_the_last_picture_is_the_newest(lab):
    wait_for_frames(lab)
    steps = pause(lab)
    lab.page.wait_for_timeout(300)
    assert data(lab, "step") == steps  # and nothing else comes
    described = lab.python("print(board.views[0].describe())")
    assert lab.page.locator("[data-panel=loss] canvas").get_attribute("aria-label") == f"Loss. {described}"


def test_an_option_chosen_by_keyboard_reaches_python(lab):
    wait_for_frames(lab, 2)
    lab.page.locator("[data-panel=loss] input").first.focus()
    lab.page.keyboard.press("Space")
    for _ in range(5):  # accuracy, what is this, the button that makes it large, the picture itself
        lab.page.keyboard.press("Tab")
    focused = lab.page.evaluate("document.activeElement.closest('[data-panel]')?.dataset.panel")
    assert focused == "histograms" and lab.page.evaluate("document.activeElement.tagName") == "SELECT"
    lab.page.keyboard.press("ArrowDown")
    wait_for_frames(lab, 3)
    chosen = lab.page.locator("[data-panel=histograms] select").input_value()
    assert chosen == "gradients"
    assert lab.python("print(board.views[0].log, board.views[1].kind)") == "True gradients"


def test_keys_in_a_control_are_not_jupyters_commands(lab):
    cells = lab.page.locator(".jp-Cell").count()
    lab.page.locator("[data-panel=loss] input").first.focus()
    for key in "ddxab":
        lab.page.keyboard.press(key)
    lab.page.wait_for_timeout(200)
    assert lab.page.locator(".jp-Cell").count() == cells


def test_an_option_set_in_python_moves_the_control(lab):
    lab.python("board.views[1].kind = 'activations'; board.views[0].log = False")
    lab.page.wait_for_function("document.querySelector('[data-panel=histograms] select').value === 'activations'")
    lab.page.wait_for_function("!document.querySelector('[data-panel=loss] input').checked")


def test_an_option_chosen_while_nothing_runs_is_shown(lab):
    pause(lab)
    before = picture(lab, "loss")
    seq = number(lab, "seq")
    lab.page.locator("[data-panel=loss] input").first.click()
    lab.page.wait_for_function(
        "(seq) => document.querySelector('.nbprop-board').dataset.seq > seq", arg=seq
    )  # the kernel has answered
    assert picture(lab, "loss") != before
    assert lab.python("print(board.views[0].log)") == "True"
    lab.page.locator("[data-panel=loss] input").first.click()


def test_a_tooltip_reads_the_picture_out(lab):
    pause(lab)
    box = lab.page.locator("[data-panel=loss] canvas").bounding_box()
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = lab.page.locator("[data-panel=loss] .nbprop-tip")
    tip.wait_for(state="visible")
    assert "step" in tip.inner_text()
    lab.page.mouse.move(2, 2)
    tip.wait_for(state="hidden")


def test_a_hidden_page_gets_no_frames_and_goes_on_when_it_is_back(lab):
    wait_for_frames(lab)
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    lab.page.evaluate(hide, True)
    lab.page.wait_for_timeout(300)
    frames, steps = lab.python("print(board.stats['frames'], source.steps)").split()
    assert lab.python("print(board.seen)") == "False"
    lab.page.wait_for_timeout(1000)
    later, further = lab.python("print(board.stats['frames'], source.steps)").split()
    assert later == frames and int(further) > int(steps)
    lab.page.evaluate(hide, False)
    wait_for_frames(lab)
    assert lab.python("print(board.seen)") == "True"


def test_a_board_that_is_scrolled_away_is_not_drawn(lab):
    wait_for_frames(lab)
    lab.page.locator(".jp-Cell").last.scroll_into_view_if_needed()
    lab.page.wait_for_timeout(500)
    lab.python("numbers = board.stats['bytes']")
    lab.page.wait_for_timeout(1000)
    assert lab.python("print(board.stats['bytes'] == numbers, board.seen)") == "True True"
    show(lab)
    wait_for_frames(lab)


@not_in(VOILA, because="its cells cannot be changed")
def test_two_outputs_of_one_board_both_paint(lab):
    lab.command("notebook:run-all-cells")  # the second board replaces the first in this output
    lab.wait_idle()
    show(lab)
    lab.python("task = asyncio.get_running_loop().create_task(source.play())")
    lab.page.evaluate("""async () => {
        const panel = window.jupyterapp.shell.currentWidget;
        panel.content.widgets[3].model.sharedModel.setSource("board");
        panel.content.activeCellIndex = 3;
        await window.jupyterapp.commands.execute("notebook:run-cell");
        panel.content.widgets[2].model.sharedModel.setSource("");
        panel.content.activeCellIndex = 2;
        await window.jupyterapp.commands.execute("notebook:run-cell");
    }""")
    lab.page.wait_for_function("document.querySelectorAll('.nbprop-board').length === 2")
    lab.page.locator("[data-panel=histograms]").nth(1).scroll_into_view_if_needed()
    wait_for_frames(lab, 10, 1)
    assert lab.python("print(len(board._pacing.viewers))") == "2"
    # Both have the arrays that are sent once, and both draw.
    steps = pause(lab)
    lab.page.wait_for_function(
        "(steps) => [...document.querySelectorAll('.nbprop-board')].every((b) => b.dataset.step === steps)", arg=steps
    )


@not_in(VOILA, because="a page that is loaded again is another run")
def test_after_save_and_reload_the_frames_go_on(lab):
    wait_for_frames(lab)
    lab.save()
    lab.reload()
    show(lab)
    wait_for_frames(lab, 10)
    assert lab.python("print(source.status)") == "playing"


@not_in(VOILA, because="a page that is loaded again is another run")
def test_a_paused_board_is_restored_by_a_reload(lab):
    wait_for_frames(lab)
    steps = pause(lab)
    before = picture(lab, "loss")
    lab.save()
    lab.reload()
    show(lab)
    lab.page.wait_for_selector(f'{BOARD}[data-step="{steps}"]')
    lab.page.wait_for_function(
        "(before) => document.querySelector('[data-panel=loss] canvas').toDataURL() === before", arg=before
    )


def test_the_canvas_follows_the_theme(lab):
    wait_for_frames(lab)
    light = ground(lab, "loss")
    lab.theme("JupyterLab Dark")
    dark = ground(lab, "loss")
    lab.theme("JupyterLab Light")
    assert min(light) > 240 and max(dark) < 60
    assert ground(lab, "loss") == light


def test_the_panels_fit_the_width(lab):
    columns = "getComputedStyle(document.querySelector('.nbprop-grid')).gridTemplateColumns.split(' ').length"
    assert lab.page.evaluate(columns) == 2
    lab.python("board.layout.width = '400px'")
    lab.page.wait_for_function(f"{columns} === 1")
    lab.page.wait_for_function(
        "document.querySelector('[data-panel=loss] canvas').getBoundingClientRect().right"
        " <= document.querySelector('.nbprop-board').getBoundingClientRect().right"
    )
    lab.python("board.layout.width = None")
    lab.page.wait_for_function(f"{columns} === 2")


def test_what_stopped_a_run_is_said_loudly_and_as_text(lab):
    wait_for_frames(lab)
    lab.python("source.tell('stopped', 'dL/dz of <b>hidden 3</b> became NaN')")
    status = lab.page.locator(".nbprop-status").first
    status.wait_for(state="visible")
    assert "dL/dz of <b>hidden 3</b> became NaN" in status.inner_text()
    assert status.locator("b").count() == 0
    lab.python("source.tell('paused')")
    status.wait_for(state="hidden")


def test_a_closed_board_is_gone(lab):
    lab.python("board.close()")
    lab.page.wait_for_function("document.querySelectorAll('.nbprop-board').length === 0")
    assert lab.python("print(board in source.watchers)") == "False"
