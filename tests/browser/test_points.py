"""Points drawn in the Boundary view, in JupyterLab: with the mouse, by keys and by touch, while it trains."""

import pytest
from test_widths import CUT, OVERLAPS

CELL = """import nbprop as nb

trainer = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), nb.data.moons(samples=100, seed=0), lr=0.05, seed=0)
trainer.fit(steps=20, bar=False)
board = nb.views.Boundary(trainer, height=420)
board"""


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab(has_touch=True)
    lab.open("points.ipynb", [CELL])
    lab.run_all()
    lab.page.locator(".nbprop-board canvas").wait_for()
    return lab


@pytest.fixture
def board(lab):
    lab.python("trainer.pause(); trainer.undo(99) if trainer.undoable else None")
    lab.page.mouse.move(2, 2)
    board = lab.page.locator(".nbprop-board")
    pencil = board.get_by_role("button", name="draw points")
    if pencil.get_attribute("aria-expanded") == "true":
        pencil.click()
    return board


def tools(board, name=None):
    """Open the tools; take one of them."""
    pencil = board.get_by_role("button", name="draw points")
    if pencil.get_attribute("aria-expanded") != "true":
        pencil.click()
    if name:
        board.get_by_role("button", name=name, exact=True).click()
    return board.locator("canvas")


def middle(canvas):
    """A place left of it: the plane is a square at the left, however wide the canvas is."""
    box = canvas.bounding_box()
    return box["x"] + 0.4 * box["height"], box["y"] + 0.45 * box["height"]


def counts(lab):
    return lab.ask("[len(trainer.data.X_train), len(trainer.data.X_val)]")


def test_the_tools_are_folded_away_and_a_press_chooses_as_ever(lab, board):
    assert not board.get_by_role("toolbar").is_visible()
    canvas = board.locator("canvas")
    lab.page.mouse.click(*middle(canvas))
    lab.until(lambda: lab.ask("board.chosen.held"), "a press chooses")
    lab.python("board.chosen.set(sample=None, point=None)")
    assert lab.ask("trainer.data.name") == "moons"
    pencil = board.get_by_role("button", name="draw points")
    pencil.click()
    assert board.get_by_role("toolbar").is_visible() and pencil.get_attribute("aria-expanded") == "true"
    for name in ("Look", "Add", "Move", "Change", "Erase"):
        button = board.get_by_role("button", name=name, exact=True)
        assert button.get_attribute("aria-pressed") == str(name == "Add").lower()
        assert button.get_attribute("aria-keyshortcuts") in "lamce"


def test_the_mouse_adds_a_stroke_of_points_while_it_trains_and_that_is_one_turn(lab, board):
    canvas = tools(board, "Add")
    board.get_by_label("class", exact=True).select_option(index=1)
    lab.python("trainer.speed = 100; trainer.play(unseen=True)")
    x, y = middle(canvas)
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    for k in range(1, 9):
        lab.page.mouse.move(x + 10 * k, y + 2 * k, steps=3)
    lab.page.mouse.up()
    lab.until(lambda: counts(lab)[0] > 79, "they are there")
    lab.page.wait_for_timeout(500)  # and the last of them
    added = counts(lab)[0] - 76
    assert lab.ask("trainer.undoable") == [f"{added} points added"] and 4 <= added <= 8
    assert lab.ask("trainer.data.y_train[-3:].tolist()") == [1, 1, 1]
    assert lab.ask("trainer.playing")
    step = lab.ask("trainer.steps")
    lab.until(lambda: lab.ask("trainer.steps") > step, "it trains on")
    lab.python("trainer.pause(); trainer.undo()")
    assert counts(lab) == [76, 24]


def test_a_brush_draws_a_cloud(lab, board):
    canvas = tools(board, "Add")
    assert not board.get_by_label("spread").is_visible()
    board.get_by_label("a press").select_option("20")
    assert board.get_by_label("spread").is_visible()
    board.get_by_label("for", exact=True).select_option("val")
    lab.page.mouse.click(*middle(canvas))
    lab.until(lambda: counts(lab) == [76, 44], "twenty points to validate with")
    assert lab.ask("trainer.undoable") == ["20 validation points added"]
    spread = lab.ask("trainer.data.X_val[-20:].std(axis=0).tolist()")
    assert all(0.03 < each < 0.4 for each in spread)
    board.get_by_label("a press").select_option("1")
    board.get_by_label("for", exact=True).select_option("train")


def test_a_point_is_dragged_changed_and_erased_where_it_is_drawn(lab, board):
    canvas = tools(board, "Add")
    x, y = middle(canvas)
    board.get_by_label("class", exact=True).select_option(index=0)
    lab.page.mouse.click(x, y)
    lab.until(lambda: counts(lab)[0] == 77, "it is there")
    place = lab.ask("trainer.data.X_train[-1].tolist()")
    tools(board, "Move")
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    lab.page.mouse.move(x + 60, y - 40, steps=12)
    lab.page.mouse.move(x + 80, y - 40, steps=4)
    lab.page.mouse.up()
    lab.until(lambda: lab.ask("trainer.undoable")[0] == "1 point moved", "it was moved")
    lab.until(lambda: lab.ask("float(trainer.data.X_train[-1, 0])") > place[0] + 0.1, "to the right, and up")
    assert lab.ask("float(trainer.data.X_train[-1, 1])") > place[1]
    assert lab.ask("trainer.undoable") == ["1 point moved", "1 point added"]
    tools(board, "Change")
    board.get_by_label("class", exact=True).select_option(index=1)
    lab.page.mouse.click(x + 80, y - 40)
    lab.until(lambda: lab.ask("int(trainer.data.y_train[-1])") == 1, "it is of the other class")
    tools(board, "Erase")
    lab.page.mouse.click(x + 80, y - 40)
    lab.until(lambda: "erased" in lab.ask("trainer.undoable")[0], "it is gone")
    lab.python("trainer.undo(4)")
    assert counts(lab) == [76, 24] and lab.ask("trainer.data.name") == "moons"


def test_what_a_hand_drags_is_drawn_at_once_whatever_the_kernel_does(lab, board):
    canvas = tools(board, "Add")
    x, y = middle(canvas)
    lab.page.mouse.click(x, y)
    lab.until(lambda: counts(lab)[0] == 77, "it is there")
    tools(board, "Move")
    picture = "(canvas) => canvas.toDataURL()"
    lab.python(
        "import threading; threading.Timer(0.2, lambda: trainer.between(lambda: __import__('time').sleep(2))).start()"
    )
    lab.page.wait_for_timeout(400)  # the kernel is busy now
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    seen = []
    for k in range(1, 7):
        lab.page.mouse.move(x + 12 * k, y)
        lab.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        seen.append(canvas.evaluate(picture))
    lab.page.mouse.up()
    assert len(set(seen)) == len(seen)
    lab.until(lambda: lab.ask("trainer.undoable")[0] == "1 point moved", "the kernel follows")


def test_keys_do_all_of_it(lab, board):
    canvas, keys = board.locator("canvas"), lab.page.keyboard
    canvas.focus()
    keys.press("p")
    assert board.get_by_role("toolbar").is_visible()
    keys.press("a")
    keys.press("2")
    assert board.get_by_label("class", exact=True).evaluate("(select) => select.selectedIndex") == 1
    keys.press("ArrowLeft")
    keys.press("Shift+ArrowUp")
    keys.press("Enter")
    lab.until(lambda: counts(lab)[0] == 77 and lab.ask("int(trainer.data.y_train[-1])") == 1, "Enter adds")
    place = lab.ask("trainer.data.X_train[-1].tolist()")
    keys.press("m")
    keys.press("Enter")
    for _ in range(3):
        keys.press("Shift+ArrowRight")
    assert "point in the hand" in board.locator(".nbprop-spoken").first.text_content()
    keys.press("Enter")
    lab.until(lambda: lab.ask("float(trainer.data.X_train[-1, 0])") > place[0] + 0.2, "it has gone with the keys")
    assert lab.ask("trainer.undoable") == ["1 point moved", "1 point added"]
    keys.press("c")
    keys.press("1")
    keys.press(" ")
    lab.until(lambda: lab.ask("int(trainer.data.y_train[-1])") == 0, "it is of the first class")
    keys.press("e")
    keys.press("Enter")
    lab.until(lambda: "erased" in lab.ask("trainer.undoable")[0], "it is gone")
    keys.press("Escape")
    assert board.get_by_role("button", name="Look", exact=True).get_attribute("aria-pressed") == "true"
    keys.press("p")
    assert not board.get_by_role("toolbar").is_visible()
    assert lab.page.locator(".jp-CodeCell").count() >= 1  # no key has reached the notebook


@pytest.mark.parametrize("width", [1280, 480, 360])
def test_the_tools_are_whole_and_leave_room_for_the_picture(lab, board, width):
    lab.only_the_notebook()
    lab.page.set_viewport_size({"width": width, "height": 800})
    canvas = tools(board, "Add")
    lab.page.wait_for_timeout(400)
    for question in (CUT, OVERLAPS):
        assert board.evaluate(question) == []
    assert canvas.bounding_box()["height"] > 250
    for name in ("Look", "Add", "Move", "Change", "Erase"):
        button = board.get_by_role("button", name=name, exact=True)
        assert button.evaluate("(button) => button.scrollWidth <= button.clientWidth"), name
    lab.only_the_notebook()
    lab.page.set_viewport_size({"width": 1280, "height": 800})


def test_a_finger_draws_and_the_page_does_not_scroll_under_it(lab, board):
    canvas = tools(board, "Add")
    assert canvas.evaluate("(canvas) => canvas.style.touchAction") == "none"
    x, y = middle(canvas)
    lab.page.touchscreen.tap(x, y)
    lab.until(lambda: counts(lab)[0] == 77, "a tap adds")
    tools(board, "Look")
    assert canvas.evaluate("(canvas) => canvas.style.touchAction") == ""


def test_what_is_refused_is_said_at_the_tools(lab, board):
    canvas = tools(board, "Add")
    wrong = "[['add', 'train', [[0, 0, 9]]]]"
    lab.python(f"view = board.views[0]; hand = view.hand; view.hand = lambda told: hand({{**told, 'do': {wrong}}})")
    lab.page.mouse.click(*middle(canvas))
    hint = board.locator(".nbprop-hint")
    lab.until(lambda: "their numbers, 0 to 1, got 9" in hint.text_content(), "the words are there")
    assert counts(lab) == [76, 24]
    lab.python("del view.hand")
    lab.page.mouse.click(*middle(canvas))
    lab.until(lambda: counts(lab)[0] == 77, "the next one is taken")
    lab.until(lambda: "press and drag" in hint.text_content(), "the words are gone")


def test_an_empty_plane_is_drawn_on_and_learned(lab):
    lab.open(
        "empty.ipynb", ["import nbprop as nb\n\nplayground = nb.Playground(nb.data.points(), hidden=(6,))\nplayground"]
    )
    lab.run_all()
    panel = lab.page.locator("[data-panel=boundary]")
    canvas = panel.locator("canvas")
    panel.scroll_into_view_if_needed()
    panel.get_by_role("toolbar").wait_for()
    lab.page.get_by_role("button", name="Play", exact=True).click()
    message = lab.page.locator(".nbprop-desk .nbprop-message")
    lab.until(lambda: "there are none yet" in (message.text_content() or ""), "it says what is missing")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for k, (dx, dy) in enumerate([(0.3, 0.4), (0.55, 0.6)]):
        panel.get_by_label("class", exact=True).select_option(index=k)
        lab.page.mouse.click(box["x"] + dx * box["height"], box["y"] + dy * box["height"])
    lab.until(lambda: lab.ask("playground.trainer.data.y_train.tolist()") == [0, 1], "one of each class")
    lab.page.get_by_role("button", name="Play", exact=True).click()
    lab.until(lambda: lab.ask("playground.trainer.steps") > 5, "it learns")
    lab.python("playground.trainer.pause()")
