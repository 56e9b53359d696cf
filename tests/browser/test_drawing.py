"""Drawing by mouse, touch, pen and keys, and cells of the confusion table pressed by mouse and keys, in JupyterLab."""

from itertools import pairwise

import pytest
from harness import VOILA, not_in
from test_widths import CUT, OVERLAPS

BOARD = ".nbprop-board"
CELL = """import nbprop as nb

model = nb.nn.mlp([64, 32, 32, 10], activation="relu", seed=0)
trainer = nb.Trainer(model, nb.data.digits(), optimizer="adam", lr=0.01, seed=0)
trainer.fit(steps=300, bar=False)
trainer.speed = 60
board = nb.views.Board(nb.views.Drawing(trainer), nb.views.Confusion(trainer), columns=2, height=360)
drawing, confusion = board.views
board"""
# Ways of a pen, as shares of the paper.
TWO = [(0.35, 0.3), (0.5, 0.2), (0.65, 0.3), (0.6, 0.5), (0.45, 0.7), (0.35, 0.82), (0.7, 0.82)]
ZERO = [(0.5, 0.15), (0.35, 0.3), (0.33, 0.6), (0.45, 0.82), (0.6, 0.8), (0.68, 0.55), (0.65, 0.3), (0.5, 0.15)]
SAID = "int(drawing.frame()['probability'].argmax())"
BLANK = "drawing.labels()['blank']"
TOUCHES = """([type, points]) => {
    const paper = document.querySelector(".nbprop-paper"), box = paper.getBoundingClientRect();
    points.forEach(([x, y], i) => {
        const kind = i === 0 ? "pointerdown" : i === points.length - 1 ? "pointerup" : "pointermove";
        const at = { clientX: box.left + x * box.width, clientY: box.top + y * box.height };
        const how = { pointerId: 1, pointerType: type, isPrimary: true, button: 0, pressure: 0.5, bubbles: true };
        paper.dispatchEvent(new PointerEvent(kind, { ...at, ...how }));
    });
}"""
# The colour of the ground, in the corner; and how many there are.
CORNER = """(canvas) => {
    const [r, g, b] = canvas.getContext("2d").getImageData(canvas.width - 1, canvas.height - 1, 1, 1).data;
    return `rgb(${r}, ${g}, ${b})`;
}"""
COLORS = """(canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
}"""


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab(has_touch=True).open("drawing.ipynb", [CELL])
    lab.only_the_notebook()
    lab.run_all()
    lab.page.locator(".nbprop-paper").wait_for()
    return lab


@pytest.fixture
def paper(lab):
    lab.python("trainer.pause(); board.chosen.set(sample=None, point=None); confusion.cell = None")
    lab.until(lambda: lab.ask(BLANK), "the paper is empty")
    lab.page.locator(BOARD).scroll_into_view_if_needed()
    lab.page.wait_for_timeout(200)
    return lab.page.locator(".nbprop-paper")


def canvas(lab):
    return lab.page.locator("[data-panel=confusion] canvas")


def drawn(lab, paper, way):
    box = paper.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in way]
    lab.page.mouse.move(*places[0])
    lab.page.mouse.down()
    for place in places[1:]:
        lab.page.mouse.move(*place, steps=5)
    lab.page.mouse.up()


def picture(paper):
    return paper.evaluate("(canvas) => canvas.toDataURL()")


@pytest.mark.parametrize(("way", "digit"), [(TWO, 2), (ZERO, 0)])
def test_a_digit_drawn_by_mouse_is_recognized_and_the_bars_say_so(lab, paper, way, digit):
    drawn(lab, paper, way)
    lab.until(lambda: lab.ask(SAID) == digit and not lab.ask(BLANK), f"it is a {digit}")
    answers = lab.page.locator(".nbprop-answers")
    lab.until(lambda: answers.get_attribute("aria-label").startswith(f"It says {digit} "), "the page says so")
    assert lab.ask("bool(drawing.frame()['gradient'].any())") and lab.ask("len(board.chosen.point)") == 64


def test_pixels_are_those_of_the_kernel_and_placed_as_the_data(lab, paper):
    drawn(lab, paper, [(0.1, 0.1), (0.1, 0.45)])  # a small line in a corner
    lab.until(lambda: not lab.ask(BLANK), "it is drawn")
    lab.page.wait_for_timeout(300)
    ink = "(drawing.frame()['picture'][0] > 0.3)"
    assert lab.ask(f"{ink}.any(axis=1).tolist()") == [True] * 8  # it is as high as the data, and in the middle
    assert set(lab.ask(f"{ink}.any(axis=0).nonzero()[0].tolist()")) <= {2, 3, 4, 5}
    lab.page.get_by_label("placed as the data").uncheck()
    lab.until(lambda: lab.ask(f"int({ink}.any(axis=0).nonzero()[0].max())") <= 2, "it is where it was drawn")
    lab.page.get_by_label("placed as the data").check()
    lab.until(lambda: lab.ask(f"int({ink}.any(axis=0).nonzero()[0].min())") >= 2, "it is placed again")


def test_it_is_drawn_while_it_trains_and_the_bars_go_on(lab, paper):
    steps = lab.ask("trainer.steps")
    lab.python("trainer.play()")
    drawn(lab, paper, TWO)
    lab.until(lambda: lab.ask(SAID) == 2 and not lab.ask(BLANK), "it is a 2")
    answers = lab.page.locator(".nbprop-answers")
    before = answers.evaluate("(canvas) => canvas.toDataURL()")
    lab.until(lambda: answers.evaluate("(canvas) => canvas.toDataURL()") != before, "the picture goes on")
    lab.python("trainer.pause()")
    assert lab.ask("trainer.steps") > steps and lab.ask("trainer.history.events == []")


@pytest.mark.parametrize("kind", ["touch", "pen"])
def test_touch_and_pen_draw_too(lab, paper, kind):
    dense = [(a + (c - a) * t / 6, b + (d - b) * t / 6) for (a, b), (c, d) in pairwise(TWO) for t in range(7)]
    paper.evaluate("(paper) => (paper.setPointerCapture = () => {})")  # there is no such pointer
    lab.page.evaluate(TOUCHES, [kind, dense])
    lab.until(lambda: lab.ask(SAID) == 2 and not lab.ask(BLANK), "it is a 2")


def test_a_finger_on_the_screen_inks(lab, paper):
    assert paper.evaluate("(paper) => getComputedStyle(paper).touchAction") == "none"
    box = paper.bounding_box()
    lab.page.touchscreen.tap(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    lab.until(lambda: not lab.ask(BLANK), "there is a dot")


def test_keys_move_ink_and_undo(lab, paper):
    keys = lab.page.keyboard
    paper.focus()
    empty = picture(paper)
    keys.press("ArrowLeft")
    lab.until(lambda: picture(paper) != empty, "the cursor is seen")
    assert lab.ask(BLANK)
    keys.press("Space")
    lab.until(lambda: not lab.ask(BLANK), "there is a dot")
    assert "inked" in lab.page.locator("[data-panel=drawing] .nbprop-native .nbprop-spoken").inner_text()
    ink = "float(drawing.frame()['picture'].sum())"
    lab.page.wait_for_timeout(200)
    dot = lab.ask(ink)
    for _ in range(6):
        keys.press("Shift+ArrowDown")
    lab.until(lambda: lab.ask(ink) != dot, "there is a line")
    for _ in range(7):
        keys.press("Backspace")
    lab.until(lambda: lab.ask(BLANK), "all is taken back")
    assert lab.page.evaluate("document.activeElement.className") == "nbprop-paper"


def test_undo_eraser_clear_and_a_sample(lab, paper):
    panel = lab.page.locator("[data-panel=drawing]")
    press = lambda name: panel.get_by_role("button", name=name, exact=True).click()  # noqa: E731
    ink = "float(drawing.frame()['picture'].sum())"
    press("Sample")
    lab.until(lambda: "validation sample" in lab.ask("drawing.labels()['began']"), "a sample is on the paper")
    panel.get_by_text("Draw over it, or press Clear").wait_for()
    first, before = lab.ask("drawing.labels()['began']"), lab.ask(ink)
    panel.get_by_label("eraser").check()
    drawn(lab, paper, [(0.5, 0.1), (0.5, 0.9)])
    lab.until(lambda: lab.ask(ink) < before - 1, "ink is gone")
    off = "drawing.frame()['picture'][0] - trainer.data.X_val[0].reshape(8, 8)"
    assert lab.ask(f"float(abs({off})[:, [0, 1, 2, 6, 7]].max())") < 1e-3  # all else is as it was
    assert lab.ask(f"float(abs({off})[:, [3, 4]].max())") > 0.3
    panel.get_by_label("eraser").uncheck()
    press("Undo")
    lab.until(lambda: abs(lab.ask(ink) - before) < 0.01, "it is back")
    press("Sample")
    lab.until(lambda: lab.ask("drawing.labels()['began']") not in ("", first), "the next one")
    for _ in range(2):
        press("Clear")
        lab.until(lambda: lab.ask(BLANK), "the paper is empty")
        press("Sample")
        lab.until(lambda: not lab.ask(BLANK), "a sample is there again")
    press("Clear")
    lab.until(lambda: lab.ask(BLANK), "the paper is empty")
    press("Undo")
    lab.until(lambda: not lab.ask(BLANK), "the sample is back")


def test_a_cell_and_then_a_sample_are_pressed_and_it_lies_on_the_paper(lab, paper):
    lab.python("confusion.cell = '8', '8'")
    lab.page.wait_for_timeout(300)
    box = canvas(lab).bounding_box()
    lab.page.mouse.click(box["x"] + 0.67 * box["width"], box["y"] + 0.19 * box["height"])
    lab.until(lambda: lab.ask("bool(confusion.frame()['held'].any())"), "a sample is chosen")
    began = lab.ask("drawing.labels()['began']")
    assert began.startswith("validation sample") and began.endswith(", 8")
    lab.page.locator("[data-panel=drawing]").get_by_text(began).wait_for()
    lab.page.mouse.move(2, 2)


def test_cells_are_pressed_by_keys(lab, paper):
    keys = lab.page.keyboard
    canvas(lab).focus()
    keys.press("ArrowRight")  # to the most frequent mistake
    keys.press("Enter")
    lab.until(lambda: lab.ask("confusion.cell") is not None, "a cell is open")
    true, said = lab.ask("confusion.cell")
    assert true != said and lab.ask("int(confusion.frame()['inside'][0])") > 0
    for _ in range(12):
        keys.press("ArrowRight")
    keys.press("Enter")
    lab.until(lambda: lab.ask("bool(confusion.frame()['held'].any())"), "a sample is chosen")
    keys.press("Escape")
    lab.until(lambda: lab.ask("confusion.cell") is None, "Escape closes it")
    assert lab.ask("len(board.chosen.point)") == 64  # the sample stays chosen


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("width", [1280, 480])
def test_nothing_is_cut_or_covered(lab, paper, theme, width):
    lab.theme(theme)
    lab.page.set_viewport_size({"width": width, "height": 800})
    lab.page.wait_for_timeout(400)
    panel = lab.page.locator("[data-panel=drawing]")
    for question in (CUT, OVERLAPS):
        assert panel.evaluate(question) == []
    lab.page.set_viewport_size({"width": 1280, "height": 800})
    lab.theme("JupyterLab Light")


@pytest.mark.parametrize("system", ["light", "dark"])
def test_with_forced_colours_it_has_those_of_the_system_and_all_is_seen(lab, paper, system):
    drawn(lab, paper, TWO)
    lab.until(lambda: lab.ask(SAID) == 2 and not lab.ask(BLANK), "it is a 2")
    lab.python("confusion.cell = '8', '8'")
    lab.page.emulate_media(forced_colors="active", color_scheme=system)
    try:
        for width in (1280, 480):
            lab.page.set_viewport_size({"width": width, "height": 800})
            lab.page.wait_for_timeout(500)
            ground = lab.page.locator(BOARD).evaluate("(board) => getComputedStyle(board).backgroundColor")
            assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(0, 0, 0)"}[system]
            for panel in ("drawing", "confusion"):
                root = lab.page.locator(f"[data-panel={panel}]")
                for question in (CUT, OVERLAPS):
                    assert root.evaluate(question) == []
            for shown in (lab.page.locator(".nbprop-answers"), canvas(lab)):
                assert shown.evaluate(CORNER) == ground
                assert shown.evaluate(COLORS) > 10
    finally:
        lab.page.emulate_media(forced_colors="none", color_scheme="light")
        lab.page.set_viewport_size({"width": 1280, "height": 800})


@not_in(VOILA, because="a page that is loaded again is another run")
def test_after_a_reload_the_drawing_is_there(lab, paper):
    drawn(lab, paper, TWO)
    lab.until(lambda: lab.ask(SAID) == 2 and not lab.ask(BLANK), "it is a 2")
    lab.save()
    lab.reload()
    lab.page.locator(".nbprop-answers").wait_for()
    lab.until(
        lambda: (lab.page.locator(".nbprop-answers").get_attribute("aria-label") or "").startswith("It says 2 "),
        "the page shows it",
    )
    assert lab.ask(SAID) == 2 and not lab.ask(BLANK)
