"""The desk in a real JupyterLab: what a hand lets go of is what the network gets, keys belong to the controls, and what
is said of the kernel is true."""

import json
import random

import pytest
from harness import VOILA, not_in
from test_playground import App, until

CELL = """import nbprop as nb
names = ["batch_size", "depth", "width", "hidden", "dropout", "lr", "clip", "momentum", "batch_norm"]
playground = nb.Playground(hidden=[8, 8], optimizer="sgd", controls=names)
playground"""
DRAGGED = {"Batch size": "batch_size", "Depth": "depth", "Width": "width", "Dropout": "dropout", "Learning rate": "lr",
           "Clip norm": "clip", "Momentum": "momentum"}  # fmt: skip
DRAGS = 25  # paused, and as many while it plays


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab()
    lab.open("desk.ipynb", [CELL, "1 + 1"])
    lab.run_all()
    return lab


@pytest.fixture
def app(lab):
    return App(lab, "playground", cell=0).show()


def dial(app, label):
    return app.root.locator(".nbprop-dial", has=app.lab.page.get_by_text(label, exact=True))


def shown(app, label):
    """What stands in the box beside a slider."""
    return dial(app, label).locator("input[type=text]").input_value()


def drag(app, label, dice, moves=4):
    """To and fro by mouse, in some 100 ms; returns what stands there when the hand lets go."""
    mouse, box = app.lab.page.mouse, dial(app, label).locator("input[type=range]").bounding_box()
    y = box["y"] + box["height"] / 2
    at = [box["x"] + 8 + dice.random() * (box["width"] - 16) for _ in range(moves)]
    mouse.move(at[0], y)
    mouse.down()
    for x in at[1:]:
        mouse.move(x, y, steps=2)
        app.lab.page.wait_for_timeout(8)
    let_go = shown(app, label)
    mouse.up()
    return let_go


@pytest.mark.parametrize("playing", [False, True], ids=["paused", "playing"])
@pytest.mark.parametrize("label", DRAGGED)
def test_the_value_let_go_of_is_the_value_taken(app, label, playing):
    if playing != (app.data("status") == "playing"):
        app.click("Play" if playing else "Pause")
        until(lambda: (app.data("status") == "playing") == playing, "it is so")
    dice, name = random.Random(label), DRAGGED[label]
    for k in range(DRAGS):
        let_go = drag(app, label, dice)
        wanted = None if let_go == "off" else float(let_go)
        until(lambda wanted=wanted: app.trainer(f"t.{name}") == wanted, f"drag {k}: {name} is {let_go}", 5)
        if k % 10 == 9:
            app.lab.page.wait_for_timeout(300)  # nothing comes after
            assert app.trainer(f"t.{name}") == wanted and shown(app, label) == let_go
    assert not app.root.locator(".nbprop-message:visible").count()


def test_a_value_turned_in_code_arrives_unless_a_hand_is_on_the_control(app):
    if app.data("status") == "playing":
        app.pause()
    slider = dial(app, "Learning rate").locator("input[type=range]")
    box, mouse = slider.bounding_box(), app.lab.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    held = shown(app, "Learning rate")
    until(lambda: app.trainer("t.lr") == float(held), "the hand's value is taken")
    app.lab.python("playground.trainer.lr = 0.777")
    app.lab.page.wait_for_timeout(500)
    assert shown(app, "Learning rate") == held
    mouse.up()
    until(lambda: shown(app, "Learning rate") == "0.777", "and code's when the hand is gone")
    assert app.trainer("t.lr") == 0.777


def test_numbers_are_typed(app):
    box = app.root.get_by_role("textbox", name="Learning rate, typed")
    box.fill("5e-7")
    box.press("Enter")
    until(lambda: app.trainer("t.lr") == 5e-7, "the kernel has it")
    box.fill("-1")
    box.press("Enter")
    app.root.get_by_text("lr must be a finite number").wait_for()
    box.press("Tab")
    until(lambda: shown(app, "Learning rate") == "5e-7", "what stands is shown")
    box.fill("0.3")
    box.press("Escape")
    box.press("Tab")
    assert shown(app, "Learning rate") == "5e-7" and app.trainer("t.lr") == 5e-7
    layers = app.root.get_by_role("textbox", name="Layers")
    layers.fill("3, 20, 7")
    layers.press("Enter")
    until(lambda: app.trainer("list(t.hidden)") == [3, 20, 7], "each layer has its size")
    until(lambda: shown(app, "Width") == "3, 20, 7", "and Width says all")
    assert dial(app, "Width").locator("input[type=range]").is_disabled()  # one key would make them equal
    assert app.root.locator(".nbprop-message:visible").count() == 0


@not_in(VOILA, because="it has no keys and no cells that they could act on")
def test_jupyterlabs_keys_do_not_reach_through_a_control(app):
    """x cuts a cell, d d deletes it, m makes it text, b adds one."""
    page = app.lab.page
    cells = """() => window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.type)"""
    before = page.evaluate(cells)
    stops = app.root.locator(
        ".nbprop-desk :is(button, input, select):visible:enabled, .nbprop-panel :is(button, input, select, canvas)"
    )
    for i in range(stops.count()):
        stops.nth(i).focus()
        for key in ("x", "d", "d", "m", "r", "b", "y", "a"):
            page.keyboard.press(key)
        page.keyboard.press("Escape")
        assert page.evaluate(cells) == before, stops.nth(i).evaluate("(element) => element.outerHTML")
    assert len(before) == 2


def test_a_panel_takes_all_the_room_and_gives_it_back(app):
    def visible():
        return app.board.locator(".nbprop-panel:visible").count()

    before = app.board.locator("[data-panel=boundary] canvas").bounding_box()
    app.root.get_by_role("button", name="What it has learned: large").click()
    assert visible() == 1
    after = app.board.locator("[data-panel=boundary] canvas").bounding_box()
    assert after["width"] > 1.8 * before["width"] and after["height"] > 1.5 * before["height"]
    app.lab.page.keyboard.press("Escape")
    assert visible() == 4
    canvas = app.board.locator("[data-panel=loss] canvas")
    canvas.focus()
    app.lab.page.keyboard.press("f")
    assert visible() == 1
    app.lab.page.keyboard.press("f")
    assert visible() == 4


def test_a_picture_is_read_with_the_arrow_keys(app):
    app.click("Step")
    app.board.locator("[data-panel=boundary] canvas").focus()
    tip = app.board.locator("[data-panel=boundary] .nbprop-tip")
    app.lab.page.keyboard.press("ArrowRight")
    tip.wait_for()
    first = tip.text_content()
    app.lab.page.keyboard.press("Shift+ArrowLeft")
    until(lambda: tip.is_visible() and tip.text_content() != first, "another place is read")
    app.lab.page.keyboard.press("Tab")
    assert not tip.is_visible()


def test_several_things_are_undone_at_once_by_their_names(app):
    app.lab.python("playground.trainer.reset(); playground.trainer.set(lr=0.25)\nplayground.trainer.batch_size = 77")
    menu = app.root.get_by_role("combobox", name="Undo several at once")
    until(lambda: "batch_size" in (menu.text_content() or ""), "it is in the list")
    menu.select_option(index=2)
    until(lambda: app.trainer("t.batch_size") != 77 and app.trainer("t.lr") != 0.25, "both are taken back")
    app.root.get_by_role("combobox", name="Redo several at once").select_option(index=2)
    until(lambda: app.trainer("[t.batch_size, t.lr]") == [77, 0.25], "both are back")


def test_play_says_what_it_does_and_keeps_the_focus(app):
    play = app.root.get_by_role("button", name="Play", exact=True)
    play.focus()
    app.lab.page.keyboard.press("Enter")
    pause = app.root.get_by_role("button", name="Pause", exact=True)
    pause.wait_for()
    assert play.count() == 0 and pause.evaluate("(button) => button === document.activeElement")
    line = app.root.locator(".nbprop-line")
    until(lambda: "steps/s" in line.text_content(), "how fast it is")
    app.lab.page.keyboard.press("Enter")
    play.wait_for()
    until(lambda: "paused" in line.text_content(), "that it is paused")


def test_any_moment_is_one_drag_away_and_the_run_goes_on_from_there(app):
    app.lab.python(
        "t = playground.trainer; t.reset(); t.fit(steps=200, bar=False); t.lr = 0.5; t.fit(steps=200, bar=False)"
    )
    place = app.root.locator(".nbprop-place")
    until(lambda: place.text_content() == "now: step 400", "the line is as long as the run")
    now = app.pictures()
    line, mouse = app.root.get_by_role("slider", name="Time line: step"), app.lab.page.mouse
    box = line.bounding_box()
    mouse.move(box["x"] + box["width"] - 8, box["y"] + 9)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 4, box["y"] + 9, steps=20)
    mouse.up()
    until(
        lambda: app.trainer("playground._timeline.moment is not None and playground._timeline.moment.exact"), "a moment"
    )
    at = app.trainer("playground._timeline.moment.steps")
    assert 80 < at < 120
    until(lambda: place.text_content() == f"step {at} of 400", "it is named")
    until(lambda: all(a != b for a, b in zip(app.pictures(), now, strict=True)), "all pictures are of then")
    assert (
        shown(app, "Learning rate") != "0.5" and dial(app, "Learning rate").locator("input[type=range]").is_disabled()
    )
    line.focus()
    app.lab.page.keyboard.press("]")
    until(lambda: place.text_content() == "step 200 of 400", "the next event")
    app.lab.page.keyboard.press("ArrowLeft")
    app.lab.page.keyboard.press("PageDown")
    until(lambda: place.text_content() == "step 189 of 400", "eleven steps back")
    app.lab.page.keyboard.press("Escape")
    until(lambda: app.pictures() == now, "all pictures are of now")
    app.root.locator(".nbprop-mark").click()
    until(lambda: place.text_content() == "step 200 of 400", "the mark's step")
    app.click("Continue from here")
    until(lambda: app.trainer("t.steps") == 200 and app.number("step") == 200, "the run stands there")
    assert place.text_content() == "now: step 200"
    app.click("Undo")
    until(lambda: app.pictures() == now, "all is back")
    line.focus()
    app.lab.page.keyboard.press("[")
    until(lambda: place.text_content() == "step 200 of 400", "the event before")
    app.click("Branch from here")
    until(lambda: app.trainer("t.steps") == 200 and app.number("step") == 200, "the run stands there")
    assert app.trainer(f"[ghost.steps for ghost in {app.name}.ghosts]") == [400]
    app.click("Undo")
    until(lambda: app.number("step") == 400, "and back")
    app.trainer(f"{app.name}.unpin()")


def test_a_long_cell_is_named_while_training_waits(app):
    app.click("Play")
    until(lambda: app.data("status") == "playing", "it plays")
    app.lab.begin("import time; time.sleep(5)")
    words = app.root.get_by_text("Waiting for your cell")
    words.wait_for(timeout=8000)
    app.lab.ended()
    words.wait_for(state="detached")
    app.pause()


def test_a_cell_that_trains_is_painted_as_well_as_a_run_that_plays(app):
    def painted():
        before = app.number("painted")
        app.lab.page.wait_for_timeout(1500)
        return app.number("painted") - before

    app.lab.python("playground.trainer.speed = float('inf')")
    play, fit = [], []
    for _ in range(3):  # they take turns: others use the machine too
        app.play()
        app.lab.page.wait_for_timeout(500)
        play.append(painted())
        app.pause()
        app.lab.begin("playground.trainer.fit(steps=10**9, bar=False)")
        until(lambda: app.data("status") == "playing", "the cell trains")
        app.lab.page.wait_for_timeout(500)
        fit.append(painted())
        app.click("Pause")
        app.lab.ended()
    assert 3 * sum(fit) > sum(play) > 30, (fit, play)
    app.lab.python("playground.trainer.speed = 300")


@not_in(VOILA, because="who has the page cannot restart its kernel")
def test_a_restarted_kernel_is_said_and_no_play_is_claimed(app):
    lab = app.lab
    app.click("Play")
    until(lambda: app.data("status") == "playing", "it plays")
    lab.restart()
    words = lab.page.get_by_text("The kernel has ended or was restarted")
    words.wait_for(timeout=15000)
    assert "steps/s" not in app.root.locator(".nbprop-line").text_content()
    lab.run(0)
    words.wait_for(state="detached")
    app.board.wait_for()
    app.click("Step")
    until(lambda: app.number("step") == 1, "the new one is alive")
    assert json.loads(lab.python("import json; print(json.dumps(playground.trainer.steps))")) == 1
