"""The Doctor in a real JupyterLab: a run that does not learn is played, read, treated, seen to learn, and undone."""

import json

import pytest
from harness import VOILA, not_in
from test_widths import CUT, OVERLAPS

SETUP = """import nbprop as nb
from nbprop.views.board.desk import Desk, steering

def board_of(model, **settings):
    trainer = nb.Trainer(model, nb.data.circles(seed=0), seed=0, **settings)
    trainer.speed = 400
    desk = Desk(trainer, {}, print, print, steering(trainer, "", "Back to the start"))
    return nb.views.Board(nb.views.Loss(trainer), nb.views.Doctor(trainer), timeline=True, desk=desk)"""
DEEP = """deep = board_of(nb.nn.mlp([2, *[8] * 8, 1], activation="sigmoid", seed=0), optimizer="momentum", lr=0.05)
deep"""
DEAD = """dead = board_of(nb.nn.mlp([2, 16, 16, 16, 1], activation="relu", seed=0), optimizer="adam", lr=1.0)
dead"""
COLORS = """(canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
}"""
CORNER = "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data]"
ANEW = "Draw all weights anew (he), learning rate 0.1"


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab().open("doctor.ipynb", [SETUP, DEEP, DEAD])
    lab.only_the_notebook()
    lab.run_all()
    return lab


class Ward:
    """One of the boards, and the run that it is of."""

    def __init__(self, lab, name, place):
        self.lab, self.name = lab, name
        self.board = lab.show(place).locator(".nbprop-board")
        self.panel = self.board.locator("[data-panel=doctor]")
        self.board.scroll_into_view_if_needed()

    def ask(self, expression):
        return json.loads(self.lab.python(f"import json; print(json.dumps({self.trainer(expression)}))"))

    def trainer(self, expression):
        return expression.replace("trainer", f"{self.name}._desk.source")

    def press(self, label):
        self.board.get_by_role("button", name=label, exact=True).click()

    def until(self, words):
        """These words are to be read in the panel."""
        self.panel.get_by_text(words).first.wait_for(state="visible")


@pytest.fixture
def deep(lab):
    return Ward(lab, "deep", 1)


@pytest.fixture
def dead(lab):
    return Ward(lab, "dead", 2)


def test_a_deep_network_of_sigmoids_is_brought_to_learn(deep):
    deep.until("No step yet: play, or make a step")
    deep.press("Play")
    deep.until("Vanishing gradient")
    deep.until("in hidden 1 dL/dz is")
    assert deep.panel.get_by_text("Alarm:", exact=True).is_visible()
    deep.panel.locator("summary", has_text="Why").first.click()
    deep.until("dL/dz₁ = W₂ᵀ dL/dz₂ · f′(z₁)")
    deep.until("Lesson 5, “Vanishing and exploding gradients”")
    before = deep.ask("trainer.evaluation['train_loss']")
    deep.press("Use tanh")
    deep.until("Too early to tell")
    deep.until("Helped")
    deep.lab.page.wait_for_timeout(1000)
    deep.press("Pause")
    assert deep.ask("trainer.activation") == "tanh"
    after = deep.ask("trainer.evaluation['train_loss']")
    assert after < 0.9 * before and before > 0.65
    words = deep.panel.locator(".nbprop-verdict", has_text="Use tanh").inner_text()  # other cards may have come
    assert words.startswith("Use tanh: it helped: dL/dz of the first layer over that of the last") and (
        "loss 0.69 →" in words or "loss 0.7 →" in words
    )
    assert words in deep.lab.python("print(deep.views[1].describe())")


def test_undo_brings_it_back(deep):
    turned = deep.ask("trainer.history.events[-1].step")
    deep.press("Undo: Use tanh")
    deep.until("Vanishing gradient")
    deep.until("Taken back")
    assert deep.ask("[trainer.activation, trainer.steps, trainer.status]") == ["sigmoid", turned, "paused"]


def test_in_the_past_the_findings_are_of_then_and_the_buttons_rest(deep):
    deep.board.locator(".nbprop-timeline").get_by_role("button").nth(1).click()  # a step back
    deep.until("The buttons rest: this is the past, step")
    button = deep.panel.get_by_role("button", name="Use tanh", exact=True)
    assert button.get_attribute("aria-disabled") == "true" and "the past" in button.get_attribute("title")
    button.click(force=True)
    deep.lab.page.wait_for_timeout(300)
    assert deep.ask("[trainer.activation, len(trainer.undoable)]") == ["sigmoid", 0]
    deep.press("Now")
    deep.panel.get_by_text("The buttons rest").first.wait_for(state="hidden")
    assert button.get_attribute("aria-disabled") == "false"


def test_dead_units_are_treated_by_keyboard(dead):
    page = dead.lab.page
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    dead.press("Play")
    dead.panel.get_by_role("button", name=ANEW, exact=True).wait_for()
    dead.press("Pause")
    page.wait_for_timeout(500)  # until the picture of the last step is there
    place = dead.panel.locator(".nbprop-native")
    place.focus()
    page.keyboard.press("Tab")  # the card
    page.keyboard.press("d")
    page.keyboard.press("d")
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    page.keyboard.press("Tab")  # the first remedy
    assert page.evaluate("document.activeElement.textContent") == ANEW
    page.keyboard.press("Enter")
    dead.until("Play on to see.")
    lr, names = dead.ask("[trainer.lr, [event.name for event in trainer.history.events]]")
    assert abs(lr - 0.1) < 1e-9 and names == ["lr", "reinitialize"]
    dead.press("Play")
    dead.until("Helped")
    dead.press("Pause")
    assert dead.ask("trainer.evaluation['train_loss']") < 0.3
    dead.press(f"Undo: {ANEW}")
    dead.until("Dead units")
    dead.until("Taken back")
    assert dead.ask("[trainer.lr, len(trainer.history.events)]") == [1.0, 0]


def test_the_small_picture_is_read_by_pointer_and_by_keys(dead):
    canvas, caption = dead.panel.locator(".nbprop-figure canvas").first, dead.panel.locator(".nbprop-caption").first
    assert "share of dead units: hidden 1: " in canvas.get_attribute("aria-label")
    assert caption.inner_text() == "share of dead units, dashed line: limit 0.5"
    canvas.hover()
    assert caption.inner_text().startswith("hidden ")
    canvas.focus()
    dead.lab.page.mouse.move(5, 5)
    dead.lab.page.keyboard.press("ArrowRight")
    assert caption.inner_text().startswith("hidden 1: ")
    dead.lab.page.keyboard.press("ArrowRight")
    assert caption.inner_text().startswith("hidden 2: ")
    assert dead.panel.locator(".nbprop-native > .nbprop-spoken").text_content() == caption.inner_text()


def test_while_it_is_read_nothing_moves_or_goes_and_afterwards_it_does(dead):
    dead.panel.locator(".nbprop-card summary").first.hover()
    dead.lab.python(dead.trainer("trainer.set(activation='tanh', lr=0.01); trainer.fit(steps=300, bar=False)"))
    dead.until("Not found any more:")
    remedies = dead.panel.locator(".nbprop-card[data-rule=dead] .nbprop-remedies button")
    assert {each.get_attribute("aria-disabled") for each in remedies.all()} == {"true"}
    dead.lab.page.mouse.move(5, 5)
    dead.panel.locator(".nbprop-card[data-rule=dead]").wait_for(state="detached")
    dead.lab.python(dead.trainer("trainer.undo(2)"))
    dead.until("Dead units")


@pytest.mark.parametrize(
    "theme", ["JupyterLab Light", "JupyterLab Dark", "forced colours"]
)  # the last over the dark one
def test_nothing_is_cut_or_over_another_at_any_width(deep, theme):
    page = deep.lab.page
    if theme == "forced colours":
        page.emulate_media(forced_colors="active")
    else:
        deep.lab.theme(theme)
    try:
        for width, height in ((480, 800), (640, 400), (1280, 800), (1920, 1080)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(300)
            board = deep.board.element_handle()
            assert (page.evaluate(CUT, board), page.evaluate(OVERLAPS, board)) == ([], []), width
            figure = deep.panel.locator(".nbprop-figure canvas").first
            assert figure.evaluate(COLORS) > 4
            if theme == "forced colours":  # the ground is the system's, not that of the page
                assert deep.board.locator("canvas").first.evaluate(CORNER) == [255, 255, 255, 255]
    finally:
        page.emulate_media(forced_colors="none")
        page.set_viewport_size({"width": 1280, "height": 800})


def test_a_saved_page_has_the_findings_of_each_moment_and_its_buttons_rest(lab, context, tmp_path):
    lab.python(f"deep.save({str(tmp_path / 'run.html')!r})")
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.goto((tmp_path / "run.html").as_uri())
    panel = page.locator("[data-panel=doctor]")
    panel.get_by_text("The buttons rest: this is a saved page").wait_for(state="visible")
    panel.get_by_role("button", name="Use tanh", exact=True).click(force=True)
    page.locator(".nbprop-player input").fill("0")
    panel.get_by_text("before the first step").wait_for(state="visible")
    assert errors == []


@not_in(VOILA, because="who has the page cannot end its kernel")
def test_without_a_kernel_the_buttons_rest(lab, deep):
    lab.page.evaluate("""async () => {
        const session = window.jupyterapp.shell.currentWidget.sessionContext;
        await session.shutdown();
    }""")
    deep.panel.locator(".nbprop-remedies button").first.click()  # the page finds out when it has something to say
    deep.until("The buttons rest: the kernel has ended")
