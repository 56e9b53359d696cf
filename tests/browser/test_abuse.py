"""A scripted hour of abuse of the Playground in a real JupyterLab, and a minute of it in every run of the tests.

    pytest tests/browser/test_abuse.py                          every act once
    pytest tests/browser/test_abuse.py --minutes 60 --seed 3    again and again, in another order

abuse.py has what must hold after each act.
"""

import random
import time

import pytest
from abuse import CELLS, MINE, Session, Tab, until
from harness import VOILA, Lab, not_in

pytestmark = not_in(VOILA, because="what is abused is a notebook, its cells, its kernel and its tabs")
SLIDERS = ("noise", "validation", "batch_size", "depth", "width", "lr")
CHOICES = ("activation", "optimizer", "speed", "data", "init")
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""

# One of those that are to be seen: Play or Pause, Step, Reset.
PRESS = """([board, n]) => {
    const buttons = [...board.querySelectorAll(".nbprop-buttons button")];
    buttons.filter((one) => one.getClientRects().length)[n].click();
}"""


class Acts(Session):
    """Each is done once in a deck; `least` and `allowed` say what it may take back, and which errors are its own."""

    def buttons(self):
        for _ in range(12):
            self.page.evaluate(PRESS, [self.app.board.element_handle(), self.dice.randrange(3)])
            self.wait(0, 0.1)
        self.least = 0

    def turns_while_paused(self):
        self.tab.play(False)
        self.tab.drag(self.tab.dial(self.dice.choice(SLIDERS), "input[type=range]"), self.dice)

    def turns_while_playing(self):
        self.tab.play(True)
        for name in self.dice.sample(SLIDERS, 2):
            self.tab.drag(self.tab.dial(name, "input[type=range]"), self.dice)

    def choices(self):
        self.maybe_play()
        for name in self.dice.sample(CHOICES, 3):
            select = self.tab.dial(name, "select")
            count = select.locator("option").count()
            select.select_option(index=self.dice.randrange(count))
            if name in ("data", "init"):
                self.least = 0

    def nonsense(self):
        self.maybe_play()
        for text in self.dice.sample(("abc", "-1", "1e999", "", "nan", "3, 4", "<b>"), 3):
            self.tab.fill(self.dice.choice(("lr", "depth", "hidden")), text)
        until(lambda: self.tab.screen()["message"] or self.tab.truth()["message"] == "", "it is said")
        self.tab.fill("hidden", "8, 8")

    def undo_and_redo(self):
        self.maybe_play()
        self.tab.fill("lr", "0.02")
        self.least = 0
        for button in [*["Undo"] * self.dice.randint(1, 8), *["Redo"] * self.dice.randint(1, 8)]:
            self.app.click(button)
            self.wait(0, 0.06)

    def time_line(self):
        self.tab.play(True)
        until(lambda: self.tab.screen()["step"] > 60, "something to go through")
        self.tab.drag(self.app.root.get_by_role("slider", name="Time line: step"), self.dice, 1.5)
        end = self.dice.choice(("Now", "Continue from here", "stay"))
        if end != "stay" and self.tab.truth()["at"] is not None:
            self.least = 0 if end != "Now" else self.least
            self.app.click(end)

    def interrupt_what_plays(self):
        self.tab.play(True)
        self.lab.command("notebook:interrupt-kernel")
        until(lambda: "Interrupted after step" in self.tab.screen()["message"], "it pauses and says why")

    def interrupt_fit(self):
        self.maybe_play()
        before = self.tab.screen()["painted"]
        self.allowed = ("KeyboardInterrupt",)
        self.tab.run(MINE, wait=False, source="playground.trainer.fit(steps=10**8, bar=False)")
        self.tab.show()
        until(lambda: self.tab.screen()["painted"] > before + 5, "frames are painted while a cell trains")
        self.lab.command("notebook:interrupt-kernel")
        self.tab.ended()

    def hands_on_fit(self):
        self.maybe_play()
        self.tab.run(MINE, wait=False, source="playground.trainer.fit(steps=10**8, bar=False)")
        self.tab.show()
        until(lambda: self.tab.screen()["pause"], "it is said to play")
        self.tab.drag(self.tab.dial("lr", "input[type=range]"), self.dice)
        if self.tab.screen()["status"] == "playing":
            self.app.click("Pause")
        self.allowed = ("Diverged",)
        self.tab.ended()

    def long_cell(self):
        self.tab.play(True)
        self.tab.run(MINE, wait=False, source="import time\ntime.sleep(5)")
        self.tab.show()
        until(lambda: "Waiting for your cell" in self.tab.screen()["said"], "it is said")
        self.tab.ended()

    def cell_that_fails(self):
        self.maybe_play()
        self.allowed = ("ZeroDivisionError",)
        self.tab.run(MINE, source="1 / 0")
        self.tab.show()

    def run_again_and_again(self):
        self.maybe_play()
        for _ in range(5):
            self.tab.run(0, wait=False)
            self.wait(0, 0.3)
        self.tab.ended()
        self.tab.show()
        self.least = 0
        widgets = self.tab.truth()["widgets"]
        self.widgets = self.widgets or widgets
        assert widgets <= self.widgets, "widgets of runs that are over are left in the kernel"

    def restart(self):
        self.maybe_play()
        self.page.evaluate("() => void window.jupyterapp.commands.execute('notebook:restart-kernel')")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.gone()

    def crash(self):
        self.maybe_play()
        self.tab.run(MINE, wait=False, source="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.gone()

    def reload(self):
        self.maybe_play()
        self.lab.save()
        self.lab.reload()
        self.tab.listen()
        self.tab.show()

    def reconnect(self):
        self.maybe_play()
        self.page.evaluate(
            "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.reconnect(); }"
        )

    def second_tab(self):
        self.maybe_play()
        self.lab.save()
        lab = Lab(self.page.context.new_page(), self.lab.server)
        try:
            self._both(self.tab, Tab(lab.open("abuse.ipynb")))
            assert lab.errors == [] and lab.foreign == []
        finally:
            lab.page.close()
            self.page.bring_to_front()

    def _both(self, one, other):
        other.show()
        self.check(other)
        for tab in self.dice.sample((one, other, one, other), 3):
            tab.page.bring_to_front()
            tab.drag(tab.dial(self.dice.choice(SLIDERS), "input[type=range]"), self.dice, 0.4)
            tab.play(not tab.screen()["pause"])
        self.check(other)
        self.check()

    def close(self):
        self.maybe_play()
        self.lab.python("playground.close()")
        self.app.board.wait_for(state="detached")
        assert not self.tab.truth()["playing"]
        self.begin()

    def collapse(self):
        self.tab.play(True)
        self.lab.select(0)
        self.lab.command("notebook:hide-cell-outputs")
        self.wait(0.3, 2)
        self.lab.command("notebook:show-cell-outputs")
        self.tab.show()

    def scroll_away(self):
        self.tab.play(True)
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.scrollToItem(2)")
        self.wait(0.3, 2)
        self.tab.show()

    def hide(self):
        self.tab.play(True)
        self.page.evaluate(HIDE, True)
        self.wait(self.dice.choice((0.5, 7)))
        self.page.evaluate(HIDE, False)

    def diverge(self):
        self.tab.play(False)
        self.tab.dial("optimizer", "select").select_option("sgd")
        self.tab.dial("activation", "select").select_option("identity")  # nothing bounds it, nothing dies
        self.tab.fill("lr", "1e30")
        self.app.click("Play")
        until(lambda: "Stopped after step" in self.tab.screen()["said"], "it has diverged, and says so")
        self.check()
        remedy = self.app.board.locator(".nbprop-status button")
        assert remedy.text_content().startswith("Back to step")
        self.least = 0
        remedy.click() if self.dice.random() < 0.7 else self.app.click("Undo")

    def panels(self):
        self.maybe_play()
        for select in self.app.board.locator(".nbprop-panel select:visible").all():
            select.select_option(index=self.dice.randrange(select.locator("option").count()))
        for box in self.app.board.locator(".nbprop-panel input[type=checkbox]:visible").all():
            if self.dice.random() < 0.5:
                box.click()
        self.app.board.locator("[data-panel=loss] .nbprop-larger").click()
        self.wait(0.3)
        self.app.board.locator("[data-panel=loss] .nbprop-larger").click()

    def ghosts(self):
        self.maybe_play()
        self.app.click("Pin")
        self.wait(0.2)
        if self.dice.random() < 0.5:
            self.app.root.get_by_role("combobox", name="The same run from its start").select_option(index=1)
        self.wait(0.5)
        self.app.click("Pin")


ACTS = [name for name in vars(Acts) if name[0] != "_"]


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab()
    lab.open("abuse.ipynb", CELLS)
    lab.run_all()
    return lab


def test_abuse(lab, request, tmp_path):
    option = request.config.getoption
    dice, only = random.Random(option("seed", 0)), option("acts", "")
    acts, end = Acts(lab, dice, tmp_path), time.monotonic() + 60 * option("minutes", 0)
    while True:
        for name in only.split(",") if only else dice.sample(ACTS, len(ACTS)):
            acts.do(name)
        acts.remember()
        if time.monotonic() >= end:
            break
    assert acts.faults == [], "\n".join(acts.faults)
