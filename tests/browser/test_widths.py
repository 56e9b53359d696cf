"""Boards at the widths of half a window, a notebook and a projector, in all themes, and heard instead of seen."""

import json

import pytest
from harness import NOTEBOOK, VOILA, not_in, notebook
from test_playground import BOARD, App, until

CELLS = [
    "import nbprop as nb\nplayground = nb.Playground()\nplayground",
    """data = nb.data.digits()
trainer = nb.Trainer(nb.nn.mlp([64, 16, 10]), data, lr=0.01)
other = nb.Trainer(nb.nn.mlp([64, 16, 10]), data, lr=0.1)
controls = nb.views.Controls(nb.views.Loss(trainer), "lr", "clip", "hidden", "batch_norm")
controls""",
    """board = nb.views.Board(*(nb.views.Loss(t) for t in (trainer, other)), *(view(trainer) for view in (
    nb.views.GradientFlow, nb.views.Histograms, nb.views.Activations, nb.views.Boundary)))
board""",
    """x = y = nb.Tensor(0.5, requires_grad=True)
for _ in range(8):
    y = (3 * y).tanh()
graphs = nb.views.Board(nb.views.Graph(y, x=x), nb.views.Graph(y, x=x), nb.views.Graph(y, x=x), columns=3)
graphs""",
]
WIDTHS = {360: 800, 480: 800, 800: 800, 1280: 800, 1920: 1080}

# What is wider than its board, or does not show all of what stands in it.
CUT = """(board) => {
    const all = board.getBoundingClientRect(), found = [];
    for (const each of board.querySelectorAll(":not(option, .nbprop-spoken, .nbprop-marks *)")) {
        if (!each.checkVisibility()) continue; // also what is folded away has a place
        const { left, right } = each.getBoundingClientRect();
        const cut = each.matches("label, button, span, output, summary, header, .nbprop-line, .nbprop-message")
            && getComputedStyle(each).display !== "inline" && each.scrollWidth > each.clientWidth + 1;
        if (left < all.left - 1 || right > all.right + 1 || cut) found.push(`${each.className} ${each.textContent}`);
    }
    return found;
}"""
# Pairs of buttons, titles and controls of which one lies on the other.
OVERLAPS = """(board) => {
    const kinds = "button:not(.nbprop-mark), select, input:not(.nbprop-time), .nbprop-title, label";
    const shown = [...board.querySelectorAll(kinds)].filter((each) => each.getClientRects().length);
    const inside = (a, b) => a.contains(b) || b.contains(a);
    return shown.flatMap((a, i) => shown.slice(i + 1).filter((b) => {
        const [p, q] = [a.getBoundingClientRect(), b.getBoundingClientRect()];
        return !inside(a, b) && Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1
            && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 1;
    }).map((b) => `${a.className} ${a.textContent} / ${b.className} ${b.textContent}`));
}"""


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab()
    lab.open("widths.ipynb", CELLS)
    lab.only_the_notebook()
    lab.run_all()
    lab.python("""playground.trainer.fit(steps=40, bar=False); playground.trainer.set(lr=0.05, hidden=[8, 4])
playground.trainer.fit(steps=40, bar=False); trainer.fit(steps=20, bar=False); other.fit(steps=20, bar=False)""")
    return lab


@pytest.fixture
def app(lab):
    lab.page.set_viewport_size({"width": 1280, "height": 800})
    return App(lab, "playground", cell=0).show()


def boards(lab):
    for cell in range(len(CELLS)):
        yield App(lab, "", cell).show().board


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_its_board_or_cut_or_lies_on_something_else(lab, width):
    lab.page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    lab.page.wait_for_timeout(500)
    for board in boards(lab):
        board.evaluate("(board) => board.querySelectorAll('details').forEach((fold) => (fold.open = true))")
        lab.page.wait_for_timeout(100)
        assert board.evaluate("(board) => board.getBoundingClientRect().right") <= width
        assert board.evaluate(CUT) == []
        assert board.evaluate(OVERLAPS) == []
        heights = [canvas.bounding_box()["height"] for canvas in board.locator("canvas").all()]
        assert min(heights) > 120
        assert board.evaluate("(board) => parseFloat(getComputedStyle(board).fontSize)") >= 12
        board.evaluate("(board) => board.querySelectorAll('.nbprop-group').forEach((fold) => (fold.open = false))")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_panel_is_made_large_and_back_at_every_width_and_the_focus_stays(lab, width):
    lab.page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    lab.page.wait_for_timeout(500)
    board = App(lab, "playground", cell=0).show().board
    canvas = board.locator("[data-panel=boundary] canvas")
    canvas.scroll_into_view_if_needed()
    before = canvas.bounding_box()
    canvas.focus()
    for there, back in (("f", "f"), ("f", "Escape")):
        lab.page.keyboard.press(there)
        assert board.locator(".nbprop-panel:visible").count() == 1
        lab.page.wait_for_timeout(200)
        after = canvas.bounding_box()
        assert after["width"] >= before["width"] and after["height"] > 1.2 * before["height"]
        assert after["height"] < WIDTHS[width] and board.evaluate(CUT) == []
        lab.page.keyboard.press(back)
        assert board.locator(".nbprop-panel:visible").count() == 4
        assert canvas.evaluate("(canvas) => canvas === document.activeElement")
        lab.page.wait_for_timeout(100)
        box = canvas.bounding_box()
        assert box is not None and 0 < box["y"] + box["height"] / 2 < WIDTHS[width]  # where the eye was


@not_in(NOTEBOOK, because="a notebook is no wider in a wider window, and its board keeps its shape")
def test_panels_use_the_room_of_a_large_window_and_a_height_that_was_set_stands(lab, app):
    def height():
        return app.board.evaluate("(board) => board.querySelector('.nbprop-grid').offsetHeight")

    usual = height()
    assert 480 < usual < 560  # and the time line below it
    lab.page.set_viewport_size({"width": 1920, "height": 1080})
    until(lambda: height() > 1.4 * usual, "the rows have grown")
    assert app.board.bounding_box()["height"] < 1080 - 150  # it can be seen whole, below JupyterLab's bars
    lab.python("playground.height = 500")
    until(lambda: height() < 500, "it has the height that was set")
    lab.python("playground.height = None")
    until(lambda: height() > 1.4 * usual, "they have grown again")


def test_panels_of_the_same_title_are_told_apart(lab):
    titles = App(lab, "board", cell=2).show().board.locator(".nbprop-title").all_text_contents()
    assert titles[:2] == ["Loss 1", "Loss 2"] and len(set(titles)) == len(titles)


# Is the element whole between the upper and the lower edge of the notebook?
IN_SIGHT = """(what) => {
    const pane = document.querySelector(".jp-Notebook .jp-WindowedPanel-outer").getBoundingClientRect();
    const box = document.querySelector(what)?.getBoundingClientRect();
    return Boolean(box?.height) && box.top >= pane.top - 1 && box.bottom <= pane.bottom + 1;
}"""


@not_in(VOILA, because="its page begins with what the first cell shows")
def test_after_running_its_cell_the_app_and_its_play_button_are_in_sight(new_lab):
    lab = new_lab()
    prose = {"cell_type": "markdown", "metadata": {}, "source": "\n\n".join(["A line of text."] * 12)}
    code = {"cell_type": "code", "execution_count": None, "outputs": [], "metadata": {}, "source": CELLS[0]}
    cells = [{**each, "id": f"c{i}"} for i, each in enumerate([prose, code, prose])]
    metadata = notebook("")["metadata"]
    lab.open("first.ipynb", {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})
    lab.run(1)
    until(lambda: lab.page.evaluate(IN_SIGHT, ".nbprop-buttons"), "its buttons are in sight")
    until(lambda: lab.page.evaluate(IN_SIGHT, BOARD), "all of it is in sight")


def test_with_reduced_motion_it_plays_a_picture_a_second(app):
    app.lab.page.emulate_media(reduced_motion="reduce")
    app.play()
    app.lab.page.wait_for_timeout(500)
    before, steps = app.number("painted"), app.trainer("t.steps")
    app.lab.page.wait_for_timeout(3200)
    assert 2 <= app.number("painted") - before <= 5 and app.trainer("t.steps") > steps + 10  # the run is not slower
    app.pause()
    app.lab.page.emulate_media(reduced_motion="no-preference")


def test_controls_are_named_and_say_their_true_values(lab, app):
    lab.python("playground.trainer.set(lr=5e-7, batch_size=32)")
    rate = app.root.locator("[data-dial=lr] input[type=text]")
    until(lambda: rate.input_value() == "5e-7", "the true value is shown")
    for name, said in (("Learning rate", "5e-7"), ("Batch size", "32")):
        slider = app.root.get_by_role("slider", name=name, exact=True)
        assert slider.get_attribute("aria-valuetext") == said
    line = app.root.get_by_role("slider", name="Time line: step")
    assert line.get_attribute("aria-valuetext").startswith("now: step ")
    snapshot = app.board.aria_snapshot()
    for words in ('group "Controls"', 'button "Play"', 'region "Gradient flow"', 'group "Time line"'):
        assert words in snapshot


def test_a_screen_reader_hears_of_the_run_now_and_then(app):
    app.lab.page.wait_for_timeout(600)  # what was said before has been said
    said = app.board.locator(".nbprop-desk [role=status]")
    said.evaluate("""(element) => {
        window.heard = [];
        new MutationObserver(() => window.heard.push(element.textContent)).observe(element, { childList: true });
    }""")
    app.play()
    app.lab.page.wait_for_timeout(1500)
    step = app.pause()
    until(lambda: app.lab.page.evaluate("window.heard.length") == 2, "both changes are told")
    assert app.lab.page.evaluate("window.heard") == ["playing", f"paused at step {step:,}"]
    live = app.board.evaluate("""(board) => {
        const all = [...board.querySelectorAll("output, [role=status], [role=alert], [aria-live]")];
        return all.filter((each) => each.getAttribute("aria-live") !== "off").map((each) => each.className);
    }""")
    assert set(live) <= {
        "nbprop-status",
        "nbprop-spoken",
        "nbprop-message",
        "nbprop-note",
        "nbprop-hint",
    }  # none that changes at every step


def test_what_the_arrow_keys_read_is_told(app):
    canvas = app.board.locator("[data-panel=boundary] canvas")
    canvas.focus()
    app.lab.page.keyboard.press("ArrowRight")
    said = app.board.locator("[data-panel=boundary] .nbprop-spoken")
    until(lambda: said.text_content(), "it is said")
    assert said.text_content() == app.board.locator("[data-panel=boundary] .nbprop-tip").text_content()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_words_stand_out_in_every_theme(lab, app, theme):
    lab.theme(theme)
    lab.page.wait_for_timeout(600)
    contrasts = app.board.evaluate(CONTRASTS)
    lab.theme("JupyterLab Light")
    least = min(contrasts, key=lambda pair: pair[1])
    assert least[1] >= 4.5, json.dumps(contrasts)
    assert len(contrasts) > 20


# Words of labels, buttons and boxes, and how much they stand out against what is behind them.
CONTRASTS = """(board) => {
    const parts = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
    const light = (rgb) => {
        const [r, g, b] = rgb.map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
        for (; element; element = element.parentElement) {
            const color = parts(getComputedStyle(element).backgroundColor);
            if (color.length === 3 || color[3] > 0.99) return color.slice(0, 3);
        }
        return [255, 255, 255];
    };
    const kinds = "label, button:enabled, select:enabled, .nbprop-title, .nbprop-line, output, input[type=text]";
    return [...board.querySelectorAll(kinds)]
        .filter((each) => each.getClientRects().length && (each.textContent || each.value))
        .map((each) => {
            const [r, g, b, alpha = 1] = parts(getComputedStyle(each).color), behind = ground(each);
            const ink = [r, g, b].map((v, k) => v * alpha + behind[k] * (1 - alpha));
            const [p, q] = [light(ink), light(behind)].sort((a, b) => b - a);
            return [each.textContent.slice(0, 30) || each.value, (p + 0.05) / (q + 0.05)];
        });
}"""
