"""The network in JupyterLab: by keys and by the pointer to a unit, large and back, and a weight set by hand."""

import pytest

BOARD = ".nbprop-board"
CELL = """import nbprop as nb

trainer = nb.Trainer(nb.nn.mlp([2, 6, 5, 1], seed=0), nb.data.moons(samples=100, seed=0), seed=0)
trainer.watch()
trainer.fit(steps=60)
board = nb.views.Network(trainer, height=420)
board"""


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab()
    lab.open("network.ipynb", [CELL])
    lab.run_all()
    lab.page.locator(f"{BOARD} canvas").wait_for()
    return lab


@pytest.fixture
def board(lab):
    lab.page.mouse.move(2, 2)
    lab.python("board.detail = False; board.chosen.set(layer=None)")
    return lab.page.locator(BOARD)


def test_arrow_keys_go_from_unit_to_unit_and_enter_shows_one_large_and_escape_leads_back(lab, board):
    canvas, keys = board.locator("canvas"), lab.page.keyboard
    canvas.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        keys.press(key)
    tip = board.locator(".nbprop-tip")
    lab.until(lambda: "hidden 1, unit" in (tip.text_content() or ""), "a unit says its numbers")
    assert "mean |dL/dz|" in tip.text_content() and board.locator(".nbprop-spoken").first.text_content()
    keys.press("Enter")
    lab.until(lambda: lab.ask("board.detail"), "it is large")
    lab.until(lambda: "Shown large: hidden 1" in canvas.get_attribute("aria-label"), "the words say so")
    keys.press("Escape")
    lab.until(lambda: not lab.ask("board.detail"), "the whole network is there again")
    assert lab.ask("board.chosen.layer") == "hidden 1"


def test_numbers_under_the_pointer_keep_updating(lab, board):
    box, tip = board.locator("canvas").bounding_box(), board.locator(".nbprop-tip")
    lab.python("trainer.speed = 60; trainer.play()")
    x, y = box["x"] + box["width"] / 8 * 3, box["y"] + box["height"] / 2
    for k in range(30):  # somewhere in that column is a unit
        lab.page.mouse.move(x, y - 60 + 4 * k)
        if "hidden 1, unit" in (tip.text_content() or ""):
            break
    before = tip.text_content()
    lab.until(lambda: tip.text_content() != before, "its numbers have changed")
    lab.python("trainer.pause()")


def test_a_weight_is_set_by_hand(lab, board):
    lab.python("board.chosen.set(layer='hidden 2', unit=1, source=3); board.detail = True")
    box = board.get_by_label("value, typed")
    box.wait_for()
    box.fill("0.75")
    box.press("Enter")
    lab.until(lambda: lab.ask("float(trainer.model[2].weight.data[1, 3])") == 0.75, "it is set")
    board.get_by_role("button", name="freeze layer").click()
    lab.until(lambda: lab.ask("list(trainer.frozen)") == ["hidden 2"], "its layer is frozen")
    lab.python("trainer.undo(2)")
    assert lab.ask("[float(trainer.model[2].weight.data[1, 3]) == 0.75, list(trainer.frozen)]") == [False, []]
    lab.python("board.detail = False")
    lab.until(lambda: not box.is_visible(), "what cannot be set has no control")


def test_a_unit_is_silenced_and_frozen_by_keys_and_buttons_and_the_words_say_so(lab, board):
    lab.python("board.chosen.set(layer='hidden 1', unit=2); board.detail = True")
    canvas, quiet = board.locator("canvas"), board.get_by_role("button", name="silence unit")
    quiet.wait_for()
    assert quiet.get_attribute("title") == "silence unit (s)" and quiet.get_attribute("aria-keyshortcuts") == "s"
    canvas.focus()
    lab.page.keyboard.press("s")
    lab.until(lambda: lab.ask("trainer.silenced == (('hidden 1', 2),)"), "the key silences it")
    board.get_by_role("button", name="let unit speak").wait_for()
    board.get_by_role("button", name="freeze unit").click()
    lab.until(lambda: lab.ask("trainer.frozen_units == (('hidden 1', 2),)"), "the button freezes it")
    board.get_by_role("button", name="train unit").wait_for()
    lab.until(
        lambda: "Silenced: hidden 1: 2. Frozen: hidden 1: 2." in canvas.get_attribute("aria-label"), "words say it"
    )
    lab.python("trainer.step()")
    lab.until(lambda: "unit 2 (silenced, frozen)" in canvas.get_attribute("aria-label"), "the words say both")
    canvas.focus()
    for key, knob in (("s", "silenced"), ("u", "frozen_units")):
        lab.page.keyboard.press(key)
        lab.until(lambda knob=knob: lab.ask(f"trainer.{knob} == ()"), "the same key takes it back")
    lab.python("board.detail = False")
    lab.until(lambda: not quiet.is_visible(), "of the whole network there is no button")
