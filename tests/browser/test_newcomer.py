"""A newcomer's stories: an example is begun with a click, played, read, mended with the doctor's button, and learns."""

import pytest
from test_playground import App, until

CELLS = ["import nbprop as nb\nplayground = nb.Playground()\nplayground"]
LOSS = "t.evaluation['train_loss']"

# Example -> what the doctor calls it, the button that is pressed, what is asked before and after, what must be so.
STORIES = {
    "a deep sigmoid net that does not learn": (
        "Vanishing gradient", "Use ReLU", LOSS, lambda before, after: before > 0.65 and after < 0.5,
    ),
    "dead ReLUs": (
        "Dead units", "Draw all weights anew (he), learning rate 0.1", LOSS,
        lambda before, after: before > 0.65 and after < 0.3,
    ),
    "the edge of stability": (
        "Learning rate too high", "Learning rate 0.033",
        "float(t.history['loss'][-100:].max() - t.history['loss'][-100:].min())",
        lambda before, after: after < before,
    ),
    "overfitting": (
        "Overfitting", "Weight decay 0.01", "t.evaluation['val_loss']", lambda before, after: after < 0.6 * before,
    ),
    "an exploding RNN": (
        "Exploding gradient", "Draw all weights anew (orthogonal), clip", "t.evaluation['val_accuracy']",
        lambda before, after: before < 0.7 and after > 0.9,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def app(new_lab):
    lab = new_lab().open("newcomer.ipynb", CELLS)
    lab.run_all()
    app = App(lab, "playground", 0)
    app.board.wait_for()
    return app


@pytest.mark.parametrize("story", STORIES)
def test_a_run_that_does_not_do_well_is_mended_within_minutes(app, story):
    called, button, number, mended = STORIES[story]
    page, doctor = app.lab.page, app.board.locator("[data-panel=doctor]")
    app.root.get_by_role("combobox", name="A new run").select_option(label=story)
    until(lambda: app.trainer("t.steps") == 0 and doctor.count() == 1, "the example is there")
    note = app.root.locator(".nbprop-note")
    until(lambda: note.inner_text() == app.trainer("t and playground._note()"), "it is said what is to be seen")
    app.click("Play")
    doctor.get_by_text(called).first.wait_for(timeout=60_000)
    remedy = doctor.get_by_role("button", name=button).first
    remedy.wait_for()
    page.wait_for_timeout(1000)
    before = app.trainer(number)
    remedy.click()
    doctor.get_by_text("Helped").first.wait_for(timeout=90_000)
    until(lambda: mended(before, app.trainer(number)), f"{number} is better than {before}", seconds=60)
    app.pause()
    app.root.get_by_role("combobox", name="Undo several at once").select_option(index=1)
    until(lambda: not app.trainer("any(e.text for e in t.history.events)"), "the remedy is taken back")
