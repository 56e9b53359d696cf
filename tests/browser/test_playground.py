"""The Playground in a real JupyterLab, as a person uses it: first the notebook of the repository, then two at once,
running a cell again, closing and reload.

The tests share one tab and follow each other, as a session of work does.
"""

import json
import re
import time
from pathlib import Path

import pytest
from harness import VOILA, not_in

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "00-playground.ipynb"

BOARD = ".nbprop-board"
PANELS = ("loss", "gradients", "histograms", "boundary")
SLIDERS = ("Noise", "Validation", "Batch size", "Depth", "Width", "Learning rate")
TYPED = ("Layers", "Seed")
CHOICES = ("Data", "Activation", "Initializer", "Optimizer", "Speed")
BUTTONS = ("Play", "Pause", "Step", "Reset", "Undo", "Redo")
CELLS = [
    "import nbprop as nb",
    "playground = nb.Playground(hidden=[8])\nplayground",
    "other = nb.Playground('circles', hidden=[8])\nother",
]

MORE = """import nbprop as nb
names = ["lr", "dropout", "momentum", "clip", "batch_norm", "weight_decay"]
more = nb.Playground(hidden=[8], controls=names)
more"""


class App:
    """One Playground on the page and in the kernel, where `name` is its variable."""

    def __init__(self, lab, name, cell):
        self.lab, self.name = lab, name
        self.cell, self.root = cell, lab.output(cell)
        self.board = self.root.locator(BOARD)

    def show(self):
        """Scrolls to it; returns it."""
        self.lab.show(self.cell)
        self.board.wait_for()
        self.board.scroll_into_view_if_needed()
        return self

    def click(self, button):
        self.root.get_by_role("button", name=button, exact=True).click()

    def data(self, name):
        return self.board.get_attribute(f"data-{name}")

    def number(self, name):
        """What the board says it is, as soon as it says so: a new one does with its first picture."""
        until(lambda: self.data(name) is not None, f"the board tells its {name}")
        return int(self.data(name))

    def pictures(self):
        return self.board.evaluate(
            "(board, names) => names.map((n) => board.querySelector(`[data-panel=${n}] canvas`).toDataURL())", PANELS
        )

    def trainer(self, expression):
        """The value in the kernel of `expression`, in which t is the trainer."""
        return json.loads(self.lab.python(f"import json; t = {self.name}.trainer; print(json.dumps({expression}))"))

    def tab_to(self, label):
        """Press Tab, from the Step button on, until the control with this label has the focus."""
        page = self.lab.page
        self.root.get_by_role("button", name="Step", exact=True).focus()
        for _ in range(60):
            if page.evaluate(FOCUSED) == label:
                return
            page.keyboard.press("Tab")
        pytest.fail(f"Tab does not lead from Step to {label}")

    def play(self):
        self.click("Play")
        until(lambda: self.data("status") == "playing", "it plays")

    def pause(self):
        """Returns the step at which it stands, when the picture of it is there."""
        self.click("Pause")
        until(lambda: self.data("status") == "paused", "it is paused")
        steps = self.trainer("t.steps")
        until(lambda: self.number("step") == steps, f"the picture of step {steps}")
        return steps


# What the element that has the focus is called.
FOCUSED = """() => {
    const element = document.activeElement;
    return element.getAttribute("aria-label") ?? (element.labels?.[0] ?? element).textContent;
}"""

# How many colours there are in each picture.
COLORS = """(board) => [...board.querySelectorAll("canvas")].map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
})"""


# The number or word that stands beside the slider with this label.
READOUT = """(root, label) => [...root.querySelectorAll(".nbprop-dial")]
    .find((row) => row.querySelector("label").textContent === label).querySelector("input[type=text]").value"""


def until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited in vain until: {what}")
        time.sleep(0.03)


@pytest.fixture(scope="module")
def lab(new_lab):
    """The tab, with the notebook in which all cells have been run."""
    lab = new_lab()
    lab.server.write(NOTEBOOK.name, NOTEBOOK)
    lab.open(NOTEBOOK.name)
    lab.run_all()
    return lab


@pytest.fixture
def app(lab):
    """The notebook's first Playground."""
    cells = enumerate(json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"])
    found = ((i, re.search(r"^(\w+) = nb\.Playground\(", "".join(cell["source"]), re.MULTILINE)) for i, cell in cells)
    cell, match = next((i, match) for i, match in found if match)
    return App(lab, match[1], cell).show()


@pytest.fixture(scope="module")
def small(lab):
    """The same tab, with a notebook of two Playgrounds."""
    lab.open("playground.ipynb", CELLS)
    lab.run_all()
    return lab


@pytest.fixture
def one(small):
    return App(small, "playground", cell=1).show()


@pytest.fixture
def other(small):
    return App(small, "other", cell=2)


@pytest.fixture
def more(lab):
    lab.open("more.ipynb", [MORE])
    lab.run_all()
    return App(lab, "more", cell=0)


def test_play_moves_all_four_pictures(app):
    before, painted, step = app.pictures(), app.number("painted"), app.number("step")
    app.play()
    until(lambda: all(a != b for a, b in zip(app.pictures(), before, strict=True)), "all four pictures have changed")
    until(lambda: app.number("painted") > painted + 20, "20 frames are painted")
    assert app.number("step") > step
    # Every panel goes on, it was not only the first frame.
    again = app.pictures()
    until(lambda: all(a != b for a, b in zip(app.pictures(), again, strict=True)), "all four change once more")
    assert app.board.locator(".nbprop-error:visible").count() == 0


def test_learning_rate_and_depth_act_at_the_next_step_and_nothing_starts_over(app):
    assert app.data("status") == "playing"
    before = app.trainer("[t.lr, t.depth, t.steps]")
    app.tab_to("Learning rate")
    app.lab.page.keyboard.press("ArrowRight")
    until(lambda: app.trainer("t.lr") > before[0], "the kernel has the learning rate")
    assert app.trainer("t.lr") == pytest.approx(before[0] * 10**0.05, rel=1e-2)
    app.tab_to("Depth")
    app.lab.page.keyboard.press("ArrowRight")
    until(lambda: app.trainer("t.depth") == before[1] + 1, "the kernel has the depth")
    # The pictures have another layer, and the steps go on from where they were.
    layers = f"in {before[1] + 2} layers"
    until(lambda: app.board.get_by_role("img", name=layers).count(), f"weights {layers}, in words")
    events = app.trainer("[[e.name, e.step, e.old, e.new] for e in t.history.events]")
    assert [event[0] for event in events] == ["lr", "hidden"]
    assert all(event[1] >= before[2] for event in events)
    assert len(events[1][3]) == len(events[1][2]) + 1
    until(lambda: app.number("step") > events[1][1], "a frame of a step with the new layer")
    steps = app.trainer("t.history.series('loss')[0].tolist()")
    assert steps[0] < 10 and sorted(set(steps)) == steps  # of a long run not every step is kept
    assert app.data("status") == "playing"


def test_a_list_is_turned_by_keyboard_too(app):
    """JupyterLab takes the arrow keys of a plain list for itself."""
    app.tab_to("Activation")
    app.lab.page.keyboard.press("ArrowDown")
    until(lambda: app.trainer("t.activation") == "relu", "the kernel has the activation")
    app.lab.page.keyboard.press("ArrowUp")
    until(lambda: app.trainer("t.activation") == "tanh", "and the one before")


def test_pause_stands_still_and_step_makes_one(app):
    steps = app.pause()
    pictures = app.pictures()
    app.lab.page.wait_for_timeout(300)
    assert app.trainer("t.steps") == steps
    assert app.pictures() == pictures
    app.click("Step")
    until(lambda: app.number("step") > steps, "the picture of one more step")
    assert app.trainer("t.steps") == app.number("step") == steps + 1
    assert app.data("status") == "paused"


def test_reset_begins_anew_and_undo_brings_everything_back(app):
    steps, depth, theta = app.trainer("[t.steps, t.depth, float(t.model.theta.sum())]")
    app.click("Reset")
    until(lambda: app.data("status") == "ready" and app.number("step") == 0, "a new run")
    assert app.trainer("[t.steps, t.depth]") == [0, depth]
    assert app.trainer("float(t.model.theta.sum())") != theta
    app.click("Undo")
    until(lambda: app.number("step") == steps, "the old run is back")
    assert app.trainer("[t.steps, float(t.model.theta.sum())]") == [steps, theta]
    app.click("Redo")
    until(lambda: app.number("step") == 0, "the new run again")
    app.click("Undo")
    until(lambda: app.number("step") == steps, "the old one again")


def test_every_control_has_its_label_and_is_reached_by_tab(app):
    page = app.lab.page
    app.root.get_by_role("button", name="Play", exact=True).focus()
    reached = []
    for _ in range(100):
        if not page.evaluate("(root) => root.contains(document.activeElement)", app.root.element_handle()):
            break
        reached.append(page.evaluate(FOCUSED))
        page.keyboard.press("Tab")
    there = [name for name in BUTTONS if name != "Pause"]  # it takes the place of Play
    left = [
        name
        for name in (*there, *SLIDERS, *(f"{each}, typed" for each in SLIDERS), *CHOICES, *TYPED)
        if name not in reached
    ]
    assert left == []
    app.show()  # Tab may have gone on to the next cells
    for role, names in (("button", there), ("combobox", CHOICES), ("slider", SLIDERS), ("textbox", TYPED)):
        for name in names:
            assert app.root.get_by_role(role, name=name, exact=True).count() == 1, name
    shown = app.root.get_by_role("slider", name="Learning rate").get_attribute("aria-valuetext")
    assert float(shown) == pytest.approx(app.trainer("t.lr"), rel=1e-5)


def test_what_cannot_be_done_is_said_beside_the_controls(one, other):
    other.click("Undo")
    said = other.root.get_by_role("alert")
    until(lambda: "nothing to undo" in said.text_content(), "it is said")
    other.click("Step")
    until(lambda: other.number("step") == 1, "the run goes on untouched")
    until(lambda: not said.is_visible(), "the message is gone")


def test_two_playgrounds_do_not_disturb_each_other(one, other):
    before, steps = one.trainer("[t.steps, t.lr, t.depth]"), other.trainer("t.steps")
    other.play()
    until(lambda: other.trainer("t.steps") > steps + 20, "the second one trains")
    assert one.trainer("[t.steps, t.lr, t.depth]") == before
    one.play()
    other.tab_to("Depth")
    one.lab.page.keyboard.press("ArrowRight")
    until(lambda: other.trainer("t.depth") == 2, "the second one is deeper")
    assert one.trainer("t.depth") == before[2]
    still = other.pause()
    steps = one.trainer("t.steps")
    until(lambda: one.trainer("t.steps") > steps + 20, "the first one trains on")
    assert other.trainer("t.steps") == still
    one.pause()


@not_in(VOILA, because="no cell is run again there")
def test_running_the_cell_again_stops_the_old_run(one):
    lab = one.lab
    one.play()
    lab.python("old = playground")
    lab.run(1)
    old = App(lab, "old", cell=1)
    until(lambda: old.trainer("t.status") == "paused", "the old run is paused")
    steps = old.trainer("t.steps")
    assert steps > 0 and one.trainer("t.steps") == 0
    one.board.wait_for()
    until(lambda: lab.page.locator(BOARD).count() == 2, "no picture is left of the old one")
    one.play()
    until(lambda: one.number("step") > 20, "the new one trains")
    assert old.trainer("t.steps") == steps


@not_in(VOILA, because="a page that is loaded again is another run")
def test_after_saving_and_loading_the_page_again_it_goes_on(one):
    lab = one.lab
    assert one.data("status") == "playing"
    lab.save()
    steps = one.trainer("t.steps")
    lab.reload()
    one.board.wait_for()
    until(lambda: one.number("painted") > 5, "frames are painted")
    assert one.number("step") > steps
    assert all(colors > 10 for colors in one.board.evaluate(COLORS))
    one.pause()
    pictures = one.pictures()

    def step():  # one may be too small to be seen in every picture
        one.click("Step")
        return all(a != b for a, b in zip(one.pictures(), pictures, strict=True))

    until(step, "steps change all four")


def test_close_takes_it_away_and_stops_it(one, other):
    lab = one.lab
    one.play()
    lab.python("playground.close()")
    until(lambda: lab.page.locator(BOARD).count() == 1, "its picture is gone")
    assert one.trainer("t.status") == "paused"
    steps = other.number("step")
    other.click("Step")
    until(lambda: other.number("step") == steps + 1, "the other one still works")


def test_knobs_that_were_asked_for_show_the_truth_and_turn(more):
    def readout(label):
        return more.root.evaluate(READOUT, label)

    page = more.lab.page
    more.lab.python("t = more.trainer; t.set(lr=5e-7, dropout=0.333, clip=0.37)")
    shown = {"Clip norm": "0.37", "Learning rate": "5e-7", "Dropout": "0.333", "Weight decay": "off"}
    until(lambda: {label: readout(label) for label in shown} == shown, "all are shown as they are")
    assert more.root.get_by_role("checkbox", name="Batch norm").count() == 1
    assert more.trainer("[t.lr, t.dropout, t.clip, len(t.history.events)]") == [5e-7, 0.333, 0.37, 3]
    more.root.get_by_role("checkbox", name="Batch norm").click()
    until(lambda: more.trainer("t.batch_norm"), "the kernel has the batch normalization")
    more.tab_to("Weight decay")
    page.keyboard.press("ArrowRight")
    until(lambda: more.trainer("t.weight_decay") == 1e-6, "the kernel has the weight decay")
    more.tab_to("Learning rate")
    page.keyboard.press("ArrowRight")
    until(lambda: more.trainer("t.lr") > 5e-7, "the kernel has the learning rate")
    assert more.trainer("t.lr") == 5.61e-7
    more.click("Undo")
    until(lambda: more.trainer("t.lr") == 5e-7 and readout("Learning rate") == "5e-7", "it is taken back")
    for label in ("Data", "Learning rate", "Weight decay", "Initializer"):
        text = more.root.locator(".nbprop-dial label", has_text=label).first
        assert text.evaluate("(label) => label.scrollWidth <= label.clientWidth"), f"{label} is cut off"
    more.lab.python("more.close()")
