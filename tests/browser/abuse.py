"""What people and bad luck do to a Playground in JupyterLab, and what must hold after each of it.

A deck holds every act once; it is shuffled by the seed and played again and again. After each act, once all is quiet:
no word on the screen is false, no step is lost that nobody has taken back, nothing has gone wrong in page, kernel or
server. After each deck: memory.
"""

import json
import re
import time

import psutil
import pytest
from playwright.sync_api import Error
from test_playground import App, until as waited

CELLS = [
    "import nbprop as nb\nplayground = nb.Playground(hidden=[8, 8])\nplayground",
    "'a cell of your own'",
    "print('\\n' * 80)",
]
MINE = 1  # the cell that acts write into
ENDED = "The kernel has ended or was restarted"

PATIENCE = 60  # seconds: a machine may be very busy, and what does not come then does not come


def until(condition, what):
    waited(condition, what, PATIENCE)


# What stands in the kernel.
TRUTH = """
def _truth():
    import copy
    from ipywidgets import Widget, widgets
    trainer, desk, line = playground.trainer, playground._desk, playground._timeline
    dials = {name: copy.copy(dial) for name, dial in desk.dials.items()}
    for name, dial in dials.items():
        dial.show(*desk.read(name, trainer))
    losses = trainer.history.series("loss")[0].tolist()
    return {
        "closed": playground._closed, "status": trainer.status, "playing": trainer.playing, "steps": trainer.steps,
        "message": trainer.message, "dials": {name: dial.state() for name, dial in dials.items()},
        "at": None if line.moment is None else line.moment.asked, "rising": losses == sorted(set(losses)),
        "widgets": len(widgets.widget._instances), "pid": __import__("os").getpid(),
    }
try:
    print(__import__("json").dumps(_truth()))
except NameError:
    print("null")
"""

# What stands on the screen.
SCREEN = """(board) => {
    const seen = (element) => Boolean(element?.getClientRects().length);
    const text = (name) => [...board.querySelectorAll(name)].filter(seen).map((one) => one.textContent).join(" ");
    const dials = Object.fromEntries([...board.querySelectorAll("[data-dial]")].map((row) => {
        const box = row.querySelector("select, input[type=text], input[type=checkbox]");
        return [row.dataset.dial, box.type === "checkbox" ? box.checked : box.value];
    }));
    const number = (name) => Number(board.dataset[name]);
    return { status: board.dataset.status, step: number("step"), painted: number("painted"), dials,
        play: seen(board.querySelector(".nbprop-play")), pause: seen(board.querySelector(".nbprop-pause")),
        line: text(".nbprop-line"), said: text(".nbprop-status"), place: text(".nbprop-place"),
        errors: text(".nbprop-error"), message: text(".nbprop-message"), silent: board.matches(".nbprop-silent") };
}"""

# Notes what the kernel complains of.
LISTEN = """() => {
    window.complaints = [];
    const context = window.jupyterapp.shell.currentWidget.sessionContext;
    context.iopubMessage.connect((_, { header, content }) => {
        if (header.msg_type === "error") window.complaints.push(content.ename + ": " + content.evalue);
        if (header.msg_type === "stream" && content.name === "stderr") window.complaints.push(content.text);
    });
}"""


class Tab:
    """The notebook in one tab of the browser."""

    def __init__(self, lab):
        self.lab, self.page = lab, lab.page
        self.app = App(lab, "playground", cell=0)
        self.listen()

    def listen(self):
        self.page.evaluate(LISTEN)

    def complaints(self):
        return self.page.evaluate("() => window.complaints.splice(0)")

    def screen(self):
        return self.app.board.evaluate(SCREEN)

    def show(self):
        """Bring the board into sight, wherever the notebook stands."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.scrollToItem(0)")
        self.app.board.wait_for()
        self.app.board.scroll_into_view_if_needed()

    def run(self, cell, wait=True, source=None):
        """Run a cell, with this source if given."""
        self.lab.select(cell)
        if source is not None:
            self.page.evaluate(
                "(text) => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.setSource(text)",
                source,
            )
        self.lab.run(cell, wait=False)
        if wait:
            self.ended()

    def ended(self):
        """No cell runs any more."""
        self.page.wait_for_function("""() => {
            const cells = window.jupyterapp.shell.currentWidget.content.widgets;
            return !cells.some((cell) => cell.model.executionState === "running");
        }""")
        self.lab.wait_idle()

    def truth(self):
        return json.loads(self.lab.python(TRUTH))

    def play(self, playing):
        """Have it play, or not, by its button. What was changed before may make the first step diverge: it says so."""
        if self.screen()["pause"] != playing:
            self.app.click("Play" if playing else "Pause")
            until(lambda: self.plays(playing), f"playing: {playing}")

    def plays(self, playing):
        screen = self.screen()
        return screen["pause"] == playing or (playing and screen["status"] == "stopped")

    def dial(self, name, kind):
        return self.app.root.locator(f"[data-dial={name}] {kind}")

    def fill(self, name, text):
        box = self.dial(name, "input[type=text]")
        box.fill(text)
        box.press("Enter")
        box.press("Tab")

    def drag(self, slider, dice, seconds=1.0):
        """To and fro with the mouse, fifty moves a second."""
        box, mouse = slider.bounding_box(), self.page.mouse
        y, count = box["y"] + box["height"] / 2, int(50 * seconds)
        mouse.move(box["x"] + dice.random() * box["width"], y)
        mouse.down()
        for _ in range(count):
            mouse.move(box["x"] + 6 + dice.random() * (box["width"] - 12), y)
            self.page.wait_for_timeout(20)
        mouse.up()


def differs(screen, truth):
    """What on the screen is not so, in words; "" if all is."""
    status = truth["status"]
    playing, loud = status == "playing", status in ("stopped", "unseen")
    if screen["status"] != status:
        return f"status {screen['status']}, is {status}"
    if truth["playing"] != (status in ("playing", "unseen")):
        return f"the kernel says {status}, playing: {truth['playing']}"
    if (screen["play"], screen["pause"]) != (not playing, playing):
        return f"Play and Pause to be seen: {screen['play']}, {screen['pause']} while {status}"
    if ("steps/s" in screen["line"] or "playing" in screen["line"]) != playing:
        return f"the line says {screen['line']!r} while {status}"
    if screen["silent"] or (screen["said"] and not loud) or screen["errors"]:
        return f"it says {screen['said']!r} {screen['errors']!r} while {status}"
    if status == "stopped" and f"Stopped after step {truth['steps']}. {truth['message']}" not in screen["said"]:
        return f"it says {screen['said']!r}, not {truth['message']!r}"
    if truth["at"] is not None:
        wanted = f"step {truth['at']:,} of {truth['steps']:,}"
        return "" if playing or screen["place"] == wanted else f"the time line says {screen['place']!r}, not {wanted!r}"
    if not playing and screen["step"] != truth["steps"]:
        return f"step {screen['step']}, is {truth['steps']}"
    for name, state in truth["dials"].items():
        shown, value = screen["dials"][name], state["value"]
        if isinstance(value, float | int) and not isinstance(value, bool):
            shown, value = _number(shown), float(f"{value:.6g}")
        elif value is None:
            value = state.get("words", "")
        if shown != value:
            return f"{name} shows {shown!r}, is {value!r}"
    return ""


def _number(text):
    try:
        return float(text)
    except ValueError:
        return text


def dead(screen):
    """What is said of a kernel that is gone, and is not so; "" if all is."""
    if screen["pause"] or not screen["play"]:
        return "it is offered to pause what does not play"
    if "steps/s" in screen["line"] or "playing" in screen["line"]:
        return f"the line says {screen['line']!r}"
    if ENDED not in screen["said"] or "run the cell again" not in screen["said"] or not screen["silent"]:
        return f"it says {screen['said']!r}"
    return ""


class Session:
    """A person at work, and what is known of the run: `least` steps it has made, unless something takes them back."""

    def __init__(self, lab, dice, folder):
        """folder: for pictures of what has gone wrong."""
        self.lab, self.page, self.dice, self.folder = lab, lab.page, dice, folder
        self.tab = Tab(lab)
        self.allowed = ()  # complaints that belong to an act
        self.least = 0
        self.widgets = None  # in the kernel, of one run
        self.read = 0  # so much of the server's log has been looked at
        self.faults = []
        self.begin()

    @property
    def app(self):
        return self.tab.app

    def begin(self):
        """Run the cell of the playground."""
        self.tab.run(0)
        self.tab.show()
        self.least = 0

    def wait(self, low, high=None):
        self.page.wait_for_timeout(1000 * (low if high is None else self.dice.uniform(low, high)))

    def maybe_play(self):
        self.tab.play(self.dice.random() < 0.5)

    def well(self):
        """A run that has diverged, or would, begins anew; one that is looked at in the past is looked at now."""
        truth = self.tab.truth()
        if truth["status"] == "stopped" or truth["dials"]["lr"]["value"] > 10:
            self.begin()
        elif truth["at"] is not None:
            self.app.click("Now")

    # ---- what must hold ----------------------------------------------------------------------------------------------

    def check(self, tab=None):
        """All that is said is so, all that was done is there, nothing complains."""
        tab, found = tab or self.tab, []

        def agree():
            found[:] = [differs(tab.screen(), tab.truth())]
            return not found[0]

        end = time.monotonic() + PATIENCE
        while not agree() and time.monotonic() < end:
            tab.page.wait_for_timeout(100)
        tab.page.wait_for_timeout(300)  # and nothing comes after
        agree()
        assert found == [""], found
        truth = tab.truth()
        assert truth["rising"] and truth["steps"] >= self.least, f"{truth['steps']} steps, there were {self.least}"
        assert truth["at"] is not None or not truth["playing"] or self.moves(tab)
        self.least = truth["steps"]
        self.quiet()

    def moves(self, tab):
        """A run that plays is painted and goes on."""
        painted, steps = tab.screen()["painted"], tab.truth()["steps"]
        until(lambda: tab.screen()["painted"] > painted + 3, "frames are painted")
        until(lambda: tab.truth()["steps"] > steps or not tab.truth()["playing"], "steps are made")
        return True

    def quiet(self):
        # A page may speak to a board that has just been closed, before it can know: ipykernel notes it in its log.
        # And it leaves tasks of its own behind where a page has gone.
        known = ("No such comm", *self.allowed)
        own = ("_async_in_context", "coro=<Kernel.shell_main()")
        complaints = [one for one in self.tab.complaints() if not any(each in one for each in own)]
        heard = [one for one in complaints if not one.startswith(known)]
        assert heard == [], heard
        # JupyterLab says so of what was on its way when a kernel is restarted.
        errors = [one for one in self.lab.errors if not one.startswith("Error: Canceled future for")]
        self.lab.errors.clear()
        assert errors == [], errors
        log = self.lab.server.log.read_text(errors="replace")
        new, self.read = log[self.read :], len(log)
        # Of a tab that was closed the server says that it cannot be reached.
        traces = new.split("Traceback")[1:]
        traces = [one for one in traces if not re.search("StreamClosedError|WebSocketClosedError", one)]
        assert traces == [], traces

    def gone(self):
        """The kernel is not what it was: that is said, whatever is pressed, and running the cell begins anew."""
        found = []

        def said():
            found[:] = [dead(self.tab.screen())]
            return not found[0]

        end = time.monotonic() + PATIENCE
        while not said() and time.monotonic() < end:
            self.wait(0.05)
        assert found == [""], found
        for press in self.dice.sample(("Play", "Step", "Reset", "drag"), 2):
            self.tab.drag(
                self.tab.dial("lr", "input[type=range]"), self.dice, 0.2
            ) if press == "drag" else self.app.click(press)
            self.wait(0.7)
            assert not dead(self.tab.screen())
        self.lab.wait_idle()
        self.begin()

    def do(self, name):
        """One act, and all that must hold after it. What did not is kept in `faults`, and all begins anew."""
        begun, self.allowed = time.monotonic(), ()
        print(f"[{time.strftime('%H:%M:%S')}] {name}", end="", flush=True)
        try:
            self.well()
            getattr(self, name)()
            self.check()
        except (AssertionError, Error, RuntimeError, pytest.fail.Exception) as fault:
            self.faults.append(f"{name}: {fault}\n{self.where()}\n{self.lab.explain(self.folder, len(self.faults))}")
            print(f" {self.faults[-1]}", end="")
            self.lab.open("abuse.ipynb", CELLS)
            self.lab.restart()
            self.lab.run_all()
            self.tab.listen()
            self.begin()
        print(f" {time.monotonic() - begun:.1f} s", flush=True)

    def where(self):
        """What screen and kernel say, as far as they can."""
        try:
            return f"{self.tab.screen()}\n{self.tab.truth()}"
        except (Error, RuntimeError) as cannot:
            return str(cannot)

    def remember(self):
        """Memory, after the same thing each time: a run that has just begun."""
        self.begin()
        self.wait(1)
        truth, (heap, nodes) = self.tab.truth(), self.lab.heap()
        rss = psutil.Process(truth["pid"]).memory_info().rss / 1e6
        print(f"kernel {rss:.0f} MB, {truth['widgets']} widgets; page {heap:.0f} MB, {nodes} nodes", flush=True)
