"""The desk that grows up, in a real JupyterLab: what is folded away, and what a panel or a control says that it is."""

import pytest
from harness import VOILA, not_in
from test_page import Opened
from test_playground import App, until

import nbprop as nb

CELLS = ["import nbprop as nb\nplayground = nb.Playground(hidden=[8, 8], optimizer='adam')\nplayground", "1 + 1"]
GROUPS = ["Layers", "Optimizer", "Regularization", "Gradient"]
INSIDE = """(box) => {
    const { left, top, right, bottom } = box.getBoundingClientRect();
    const on = [[left + 3, top + 3], [right - 3, bottom - 3], [(left + right) / 2, (top + bottom) / 2]];
    return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight
        && on.every(([x, y]) => box.contains(document.elementFromPoint(x, y)))
        && box.scrollHeight <= box.clientHeight + 1;
}"""


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab()
    lab.open("folds.ipynb", CELLS)
    lab.run_all()
    return lab


@pytest.fixture
def app(lab):
    return App(lab, "playground", cell=0).show()


def group(app, name):
    return app.root.locator(f".nbprop-group[data-group={name}]")


def unfold(app, *names):
    for name in names:
        if group(app, name).get_attribute("open") is None:
            group(app, name).locator("summary").click()


def row(app, name):
    return app.root.locator(f"[data-dial={name}]")


def answer(app):
    return app.lab.page.locator(".nbprop-about")


def test_at_first_all_but_the_usual_is_folded_away(app):
    assert [each.text_content() for each in app.root.locator(".nbprop-group > summary").all()] == GROUPS
    shown = [each.get_attribute("data-dial") for each in app.root.locator("[data-dial]:visible").all()]
    own = ["data", "noise", "validation", *nb.playground.CONTROLS, "init", "seed", "speed"]
    assert shown == own


@not_in(VOILA, because="no cell is run again there")
def test_a_fold_opens_by_keyboard_and_is_open_still_when_the_cell_is_run_again(app):
    summary, page = group(app, "Optimizer").locator("summary"), app.lab.page
    summary.focus()
    for key in ("x", "d", "d", "m", "b"):  # which are JupyterLab's
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    row(app, "betas").wait_for()
    assert page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length") == 2
    app.lab.run_all()
    again = App(app.lab, "playground", cell=0)
    row(again, "betas").wait_for()
    assert not row(again, "clip").is_visible()
    again.root.locator("[data-group=Optimizer] > summary").click()
    assert not row(again, "betas").is_visible()


def test_what_is_typed_and_chosen_in_a_fold_is_what_the_network_gets(app):
    unfold(app, *GROUPS)
    for label, name, words, value in (
        ("Betas", "betas", "0.5, 0.99", [0.5, 0.99]),
        ("Activations", "hidden_activations", "relu, tanh", ["relu", "tanh"]),
        ("Frozen", "frozen", "hidden 1", ["hidden 1"]),
        ("Epsilon, typed", "eps", "1e-6", 1e-6),
        ("Clip norm, typed", "clip", "0.5", 0.5),
    ):
        box = app.root.get_by_role("textbox", name=label, exact=True)
        box.fill(words)
        box.press("Enter")
        until(lambda name=name, value=value: app.trainer(f"t.{name}") == value, f"{name} is {value}")
    for label, words, name, value in (
        ("Loss", "hinge", "t.loss", "hinge"),
        ("Schedule", "cosine, 2,000 steps", "playground.schedule", "cosine"),
    ):
        app.root.get_by_role("combobox", name=label, exact=True).select_option(words)
        until(lambda name=name, value=value: app.trainer(name) == value, f"{name} is {value}")
    app.root.get_by_role("checkbox", name="Batch norm").check()
    until(lambda: app.trainer("t.batch_norm"), "it is there")
    box = app.root.get_by_role("textbox", name="Activations", exact=True)
    box.fill("relu, tan")
    box.press("Enter")
    app.root.get_by_text("did you mean 'tanh'").wait_for()
    box.press("Escape")
    box.press("Tab")
    until(lambda: box.input_value() == "relu, tanh", "what stands is shown")
    app.click("Undo")
    until(lambda: not app.trainer("t.batch_norm"), "it is taken back")
    until(lambda: not app.root.locator(".nbprop-message:visible").count(), "nothing is wrong any more")


def test_what_the_optimizer_has_not_is_named_and_away(app):
    unfold(app, "Optimizer")
    choose = app.root.get_by_role("combobox", name="Optimizer", exact=True)
    for name, there, away in (
        ("sgd", "momentum", "betas"),
        ("rmsprop", "centered", "momentum"),
        ("adam", "betas", "rho"),
    ):
        choose.select_option(name)
        row(app, there).wait_for()
        row(app, away).wait_for(state="hidden")
        label = row(app, away).locator("label").text_content()
        assert label in group(app, "Optimizer").locator(".nbprop-rest").text_content()


def test_every_control_and_panel_says_what_it_is(app):
    unfold(app, *GROUPS)
    marks = app.root.locator(".nbprop-ask:visible")
    assert marks.count() > 30
    for i in range(marks.count()):
        mark = marks.nth(i)
        mark.scroll_into_view_if_needed()
        mark.focus()
        app.lab.page.keyboard.press("Enter")
        box = answer(app)
        box.wait_for()
        name = mark.get_attribute("aria-label").removesuffix(": what is this?")
        assert box.locator("strong").text_content() == name and mark.get_attribute("aria-expanded") == "true"
        assert "Lesson" in box.text_content() and box.evaluate(INSIDE), name
        app.lab.page.keyboard.press("Escape")
        box.wait_for(state="detached")
        assert mark.evaluate("(mark) => mark === document.activeElement")


def test_a_dialog_is_read_out_and_closes_when_it_is_left(app):
    page = app.lab.page
    slider = app.root.get_by_role("slider", name="Learning rate", exact=True)
    slider.focus()
    page.keyboard.press("?")
    box = page.get_by_role("dialog", name="Learning rate")
    box.wait_for()
    words = box.evaluate(
        "(box) => box.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).textContent)"
    )
    assert words[0].startswith("How far each step goes") and words[1].startswith("Lesson 3")
    assert box.evaluate("(box) => box === document.activeElement")
    page.keyboard.press("?")
    box.wait_for(state="detached")
    assert slider.evaluate("(slider) => slider === document.activeElement")
    page.keyboard.press("?")
    box.wait_for()
    app.root.get_by_role("textbox", name="Seed", exact=True).click()
    box.wait_for(state="detached")
    canvas = app.board.locator("[data-panel=gradients] canvas")
    canvas.focus()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Gradient flow").wait_for()
    page.keyboard.press("Tab")
    answer(app).wait_for(state="detached")
    assert app.trainer("[t.seed, t.lr]") == [0, app.trainer("t.lr")]
    mark = app.board.locator("[data-panel=loss] .nbprop-ask")
    mark.click()
    page.get_by_role("dialog", name="Loss").wait_for()
    mark.click()
    answer(app).wait_for(state="detached")


def test_a_question_mark_is_quiet_until_it_is_pointed_at(app):
    app.lab.page.mouse.move(640, 5)
    app.root.get_by_role("button", name="Step", exact=True).focus()
    mark = row(app, "lr").locator(".nbprop-ask")
    assert mark.evaluate("(mark) => getComputedStyle(mark).opacity") == "0"
    row(app, "lr").hover()
    assert mark.evaluate("(mark) => getComputedStyle(mark).opacity") == "1"
    app.lab.page.mouse.move(640, 5)
    mark.focus()
    assert mark.evaluate("(mark) => getComputedStyle(mark).opacity") == "1"


@pytest.mark.parametrize("width", [240, 480, 1920])
def test_no_answer_is_cut_off_at_any_width(lab, app, width):
    page = lab.page
    page.set_viewport_size({"width": width, "height": 500})
    try:
        fold = app.root.locator(".nbprop-fold > summary")
        if fold.is_visible() and not row(app, "lr").is_visible():
            fold.evaluate("(summary) => summary.click()")
        for at in ("[data-dial=lr]", "[data-dial=speed]", "[data-panel=boundary]"):
            mark = app.root.locator(f"{at} .nbprop-ask")
            mark.evaluate("(mark) => (mark.scrollIntoView({ block: 'center' }), mark.click())")
            box = answer(app)
            box.wait_for()
            assert box.evaluate(INSIDE), at
            page.keyboard.press("Escape")
            box.wait_for(state="detached")
    finally:
        page.set_viewport_size({"width": 1280, "height": 800})


def test_a_saved_page_says_it_too(context, tmp_path):
    playground = nb.Playground(hidden=[4])
    playground.trainer.watch()
    playground.trainer.fit(steps=20, bar=False)
    playground.save(tmp_path / "run.html")
    playground.close()
    opened = Opened(context, tmp_path / "run.html")
    page = opened.page
    page.locator("[data-panel=boundary] .nbprop-ask").click()
    box = page.get_by_role("dialog", name="What it has learned")
    box.wait_for()
    assert "Lesson 0, “The playground”" in box.text_content() and box.evaluate(INSIDE)
    page.keyboard.press("Escape")
    box.wait_for(state="detached")
    assert opened.errors == [] and opened.asked == opened.own
