"""board.js in a bare page, without Jupyter: what a frame, a snapshot, a gap or a failure does to the picture."""

import base64
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import nbprop as nb
from nbprop.views import Board, Boundary, GradientFlow, Histograms, Loss

sys.path.insert(0, str(Path(__file__).parents[1] / "views"))  # importlib mode does not
from loop import Loop

BOARD = ".nbprop-board"


class Source:
    data = SimpleNamespace(task="regression")
    layers = [SimpleNamespace(name="<img src=x onerror=alert(1)>"), SimpleNamespace(name="output")]
    status, message, steps, version = "paused", "", 40, 1

    def __init__(self):
        self.watchers = set()
        self.history = SimpleNamespace(series=self.series, events=[])

    def series(self, name):
        steps = np.arange(1, self.steps + 1) if name == "loss" else np.arange(0)
        return steps, (1.5 + np.sin(steps / 9)).astype(np.float32)

    def not_finite(self, kind):
        return np.zeros((2, 2), np.int64)

    def histograms(self, kind, bins=40):
        return np.ones((2, bins), np.float32) * self.steps, np.float32([-1, -2]), np.float32([1, 2])


class Bare:
    """A page with one board, and the wire between the two: `deliver()` the frames, `collect()` what the page says."""

    def __init__(self, page, board=None):
        self.page = page
        self.source = Source()
        self.board = board or Board(Loss(self.source), Histograms(self.source))
        self.wire = []
        self.board.send = lambda content, buffers: self.wire.append((content, bytes(buffers[0])))
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_default_timeout(10_000)

    def lay(self, style):
        """The page, with the place of the board in it."""
        self.page.set_content(f"<style>{style}\n{self.board._css}</style><div id=el style='width: 640px'></div>")

    def open(self, style="", kernel=True):
        self.lay(style)
        snapshot, recording = {**self.board.snapshot}, base64.b64encode(self.board.recording).decode()
        if "data" in snapshot:
            snapshot["data"] = base64.b64encode(snapshot["data"]).decode()
        self.page.evaluate(
            """async ([esm, code, spec, snapshot, recording, kernel]) => {
                window.bytes = (text, shift = 0) => {
                    const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
                    const all = new Uint8Array(shift + raw.length);
                    all.set(raw, shift);
                    return new DataView(all.buffer, shift);
                };
                if (snapshot.data !== undefined) snapshot.data = bytes(snapshot.data);
                const state = (window.state = { _code: code, _spec: spec, snapshot, recording: bytes(recording) });
                window.said = [];
                window.handlers = new Set();
                window.listeners = { "msg:custom": handlers };
                window.happen = (name) => listeners[name].forEach((f) => f());
                const model = {
                    get: (name) => state[name],
                    on: (name, f) => (listeners[name] ??= new Set()).add(f),
                    off: (name, f) => listeners[name].delete(f),
                    send: (message) => { if (!kernel) throw new Error("no kernel"); said.push(message); },
                };
                const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
                const { default: widget } = await import(url);
                window.cleanup = await widget.render({ model, el: document.getElementById("el") });
            }""",
            [self.board._esm, self.board._code, self.board._spec, snapshot, recording, kernel],
        )
        return self

    def collect(self):
        said = self.page.evaluate("said.splice(0)")
        for message in said:
            self.board._receive(self.board, message, [])
        return said

    def deliver(self, shift=0):
        """All that is on the wire, at once."""
        frames = [[head, base64.b64encode(data).decode()] for head, data in self.wire]
        self.wire.clear()
        self.page.evaluate(
            """([frames, shift]) => {
                for (const [head, data] of frames) for (const f of handlers) f(head, [bytes(data, shift)]);
            }""",
            [frames, shift],
        )
        return frames[-1][0]["seq"]

    def settle(self):
        """Until what was asked for is painted."""
        self.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")

    def advance(self, status="paused"):
        self.source.steps += 1
        self.source.version += 1
        self.source.status = status
        self.board.refresh()

    def get(self, name):
        return self.page.locator(BOARD).get_attribute(f"data-{name}")

    def colors(self, panel):
        """How many different colours the canvas has."""
        return self.page.evaluate(
            """(name) => {
                const canvas = document.querySelector(`[data-panel=${name}] canvas`);
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                return new Set(new Uint32Array(data.buffer)).size;
            }""",
            panel,
        )

    def picture(self, panel):
        return self.page.evaluate(f"document.querySelector('[data-panel={panel}] canvas').toDataURL()")

    def pixel(self, panel="loss"):
        """The colour of the lower right corner, where nothing is drawn."""
        return self.page.evaluate(
            """(name) => {
                const canvas = document.querySelector(`[data-panel=${name}] canvas`);
                return [...canvas.getContext("2d").getImageData(canvas.width - 1, canvas.height - 1, 1, 1).data];
            }""",
            panel,
        )[:3]


@pytest.fixture
def bare(page):
    bare = Bare(page)
    yield bare
    bare.board.close()
    assert bare.errors == []


def test_a_snapshot_is_drawn_without_any_kernel(bare):
    bare.board._keep([1])
    bare.open(kernel=False)
    bare.settle()
    assert bare.get("step") == "40"
    assert bare.colors("loss") > 20 and bare.colors("histograms") > 5
    assert bare.page.locator("[data-panel=loss] canvas").get_attribute("aria-label").startswith("Loss. Loss ")
    before, counts = bare.picture("loss"), bare.picture("histograms")
    box = bare.page.locator("[data-panel=loss] input").first
    box.click()  # options that only concern the drawing work
    bare.page.locator("[data-panel=histograms] select").select_option("gradients")  # of others there is no frame
    bare.settle()
    assert bare.picture("loss") != before and bare.picture("histograms") == counts
    bare.page.wait_for_timeout(1700)  # longer than a choice stands against the kernel's news
    bare.settle()
    assert box.is_checked() and bare.picture("loss") != before
    assert bare.page.locator("[data-panel=histograms] select").input_value() == "weights"
    box.click()
    bare.settle()
    assert bare.picture("loss") == before


@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_frames_are_read_wherever_their_bytes_start(bare, shift):
    bare.open()
    (mount,) = bare.collect()
    assert mount["type"] == "mount" and mount["panels"] == [0, 1] and mount["page"] is True
    seq = bare.deliver(shift)
    bare.settle()
    assert {"type": "ack", "view": mount["view"], "seq": seq, "painted": 1, "asked": True} in bare.collect()
    assert bare.get("seq") == str(seq) and bare.get("painted") == "1"
    assert bare.colors("loss") > 20


def test_a_lost_frame_is_noticed_and_everything_sent_again(bare):
    bare.open()
    bare.collect()
    bare.deliver()
    bare.settle()
    bare.collect()
    bare.page.wait_for_timeout(1100)  # not more often than once a second
    bare.advance()
    bare.wire.clear()  # lost on the way
    bare.advance()
    bare.deliver()
    bare.settle()
    assert bare.get("step") == "40"  # nothing is drawn from half a picture
    (mount,) = [message for message in bare.collect() if message["type"] == "mount"]
    assert len(bare.board._pacing.viewers) == 1 and mount["view"] in bare.board._pacing.viewers
    assert bare.wire[-1][0]["full"] is True
    bare.deliver()
    bare.settle()
    assert bare.get("step") == "42"


def test_of_many_frames_at_once_the_last_two_are_painted_and_the_last_is_answered(bare):
    bare.open()
    bare.collect()
    bare.deliver()
    bare.settle()
    bare.collect()
    for _ in range(4):
        bare.advance()
    last = bare.deliver()
    bare.settle()
    bare.settle()
    assert bare.get("step") == "44" and bare.get("painted") == "3"
    assert [message["seq"] for message in bare.collect()] == [last - 1, last]


def test_a_panel_that_cannot_be_drawn_says_so_and_leaves_the_others_alone(bare):
    def frame():
        raise RuntimeError("no <b>such</b> layer")

    bare.board.views[0].__dict__["frame"] = frame
    bare.open()
    bare.collect()
    bare.deliver()
    bare.settle()
    error = bare.page.locator("[data-panel=loss] .nbprop-error")
    assert error.inner_text() == "RuntimeError: no <b>such</b> layer"
    assert bare.page.locator("[data-panel=histograms] .nbprop-error").is_hidden()
    assert bare.colors("histograms") > 5
    del bare.board.views[0].__dict__["frame"]
    bare.advance()
    bare.deliver()
    bare.settle()
    assert error.is_hidden() and bare.colors("loss") > 20


def test_a_drawing_that_fails_in_the_browser_says_so_too(bare):
    bare.board.views[1].__dict__["labels"] = lambda: {"layers": 7}
    bare.open()
    bare.collect()
    bare.deliver()
    bare.settle()
    assert bare.page.locator("[data-panel=histograms] .nbprop-error").is_visible()
    assert bare.colors("loss") > 20 and bare.get("painted") == "1"


def test_a_choice_stands_against_older_news_and_gives_way_to_newer(bare):
    bare.open()
    bare.collect()
    bare.deliver()
    bare.settle()
    select = bare.page.locator("[data-panel=histograms] select")
    select.select_option("gradients")
    bare.advance()  # made before the kernel hears of the choice
    bare.wire[-1][0]["panels"][1]["options"] = {"kind": "weights", "log": False}
    bare.deliver()
    bare.settle()
    assert select.input_value() == "gradients"
    bare.collect()
    assert bare.board.views[1].kind == "gradients"
    bare.deliver()
    bare.settle()
    bare.board.views[1].kind = "activations"
    bare.board.ask()
    bare.deliver()
    bare.settle()
    assert select.input_value() == "activations"


def test_a_choice_that_needs_the_kernel_waits_for_its_frame_and_another_does_not(bare):
    bare.open()
    bare.collect()
    bare.deliver()
    bare.settle()
    loss, counts = bare.picture("loss"), bare.picture("histograms")
    bare.page.locator("[data-panel=histograms] select").select_option("gradients")
    bare.page.locator("[data-panel=loss] input").first.click()
    bare.settle()
    assert bare.picture("loss") != loss and bare.picture("histograms") == counts
    bare.collect()
    assert bare.board.views[1].kind == "gradients" and bare.board.views[0].log is True
    bare.deliver()
    bare.settle()
    assert bare.picture("histograms") != counts and bare.picture("loss") != loss


def test_a_height_set_in_python_acts(bare):
    bare.open()
    before = bare.page.locator(BOARD).bounding_box()["height"]
    bare.board.height = 700
    bare.page.evaluate("(spec) => { state._spec = spec; happen('change:_spec'); }", bare.board._spec)
    assert abs(bare.page.locator(BOARD).bounding_box()["height"] - 700) < 3 and abs(before - 700) > 50


def test_a_source_of_ones_own_is_shown_and_what_it_lacks_is_said(page):
    source = Loop()
    for _ in range(20):
        source.step()
    bare = Bare(page, Board(Loss(source), Boundary(source), GradientFlow(source)))

    def look():
        """The event loop, which is Playwright's here, gets its turn; the board looks by itself."""
        bare.collect()
        while not bare.wire:
            page.wait_for_timeout(20)
        bare.deliver()
        bare.settle()

    bare.open()
    look()
    assert bare.get("step") == "20" and bare.colors("loss") > 20 and bare.colors("boundary") > 20
    words = page.locator("[data-panel=gradients] .nbprop-error")
    assert words.inner_text().endswith("and this Loop has no layers or probe.")
    assert "nbprop-unserved" in words.get_attribute("class")
    assert page.locator("[data-panel=loss] .nbprop-error").is_hidden()
    before = bare.picture("boundary")
    source.step()
    look()
    assert bare.get("step") == "21" and bare.picture("boundary") != before
    bare.board.close()
    assert bare.errors == []


def test_nothing_in_it_is_ever_taken_for_html(bare):
    bare.source.message = "<img src=x onerror=alert(2)>"
    bare.source.status = "stopped"
    bare.open()
    bare.collect()
    bare.deliver()
    bare.settle()
    canvas = bare.page.locator("[data-panel=histograms] canvas").bounding_box()
    bare.page.mouse.move(canvas["x"] + 60, canvas["y"] + 60)
    assert "<img src=x onerror=alert(1)>" in bare.page.locator("[data-panel=histograms] .nbprop-tip").inner_text()
    assert "<img src=x onerror=alert(2)>" in bare.page.locator(".nbprop-status").inner_text()
    assert bare.page.locator(f"{BOARD} img").count() == 0


def test_every_control_has_a_name_and_a_visible_focus(bare):
    bare.open()
    bare.collect()
    bare.deliver()
    bare.settle()
    controls = bare.page.locator(f"{BOARD} .nbprop-grid :is(select, input, button, canvas)")
    assert controls.count() == 10
    for i in range(controls.count()):
        bare.page.keyboard.press("Tab")
        control = controls.nth(i)
        name = "(c) => c === document.activeElement && (c.ariaLabel ?? c.labels[0].innerText).trim().length > 0"
        assert control.evaluate(name)
        assert control.evaluate("(c) => getComputedStyle(c).outlineWidth") == "2px"


@pytest.mark.parametrize(
    ("scheme", "style", "ground"),
    [
        ("light", "", [255, 255, 255]),
        ("dark", "", [17, 20, 24]),
        ("dark", ":root { --vscode-editor-background: #fdf6e3; --vscode-editor-foreground: black }", [253, 246, 227]),
        ("light", ":root { --jp-layout-color0: #111; --jp-ui-font-color1: rgba(255, 255, 255, 0.87) }", [17, 17, 17]),
    ],
)
def test_the_colours_are_those_of_the_page_around_it(bare, scheme, style, ground):
    bare.page.emulate_media(color_scheme=scheme)
    bare.open(style)
    bare.collect()
    bare.deliver()
    bare.settle()
    assert bare.pixel() == ground
    dark = bare.page.evaluate("document.querySelector('.nbprop-board').style.colorScheme")
    assert dark == ("dark" if sum(ground) < 300 else "light")


def test_it_follows_the_system_when_that_changes(bare):
    bare.page.emulate_media(color_scheme="light")
    bare.open()
    bare.settle()
    light = bare.pixel()
    bare.page.emulate_media(color_scheme="dark")
    bare.settle()
    assert bare.pixel() != light


@pytest.mark.parametrize("ratio", [1, 2])
def test_the_canvas_has_a_pixel_for_each_of_the_screens(browser, ratio):
    context = browser.new_context(device_scale_factor=ratio)
    bare = Bare(context.new_page()).open()
    bare.settle()
    width, css = bare.page.evaluate(
        "() => { const c = document.querySelector('canvas'); return [c.width, c.getBoundingClientRect().width]; }"
    )
    assert width == round(css * ratio)
    context.close()
    bare.board.close()


def test_what_is_taken_off_the_page_says_so_and_leaves_nothing_behind(bare):
    bare.open()
    bare.collect()
    bare.deliver()
    bare.settle()
    bare.page.evaluate("cleanup()")
    assert bare.collect()[-1]["type"] == "unmount"
    assert bare.page.evaluate("Object.values(listeners).every((one) => !one.size)")
    assert bare.board._pacing.viewers == {}
    bare.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    bare.page.evaluate("document.body.dataset.theme = 'other'")
    bare.page.wait_for_timeout(400)
    assert bare.collect() == []


def test_a_kernel_that_is_restarted_is_named_though_nothing_plays(bare):
    bare.open()
    bare.collect()
    bare.deliver()
    bare.settle()
    status = bare.page.locator(".nbprop-status")
    assert not status.is_visible()
    bare.page.evaluate("happen('comm_live_update')")
    assert status.inner_text().startswith("The kernel has ended or was restarted.")
    assert "run the cell again" in status.inner_text()
    bare.advance()
    bare.deliver()  # should it speak all the same
    status.wait_for(state="hidden")


def test_a_quantity_that_is_recorded_later_is_offered_in_the_list(page):
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "moons", seed=0)
    trainer.step()
    bare = Bare(page, Board(GradientFlow(trainer))).open()
    bare.collect()
    bare.deliver()
    bare.settle()
    offered = "[...document.querySelectorAll('[data-panel=gradients] option')].map((o) => o.value)"
    assert page.evaluate(offered) == ["a", "dz", "dW", "ratio", "a_mean", "saturated"]
    trainer.record("weight norm", lambda seen: [np.linalg.norm(W) for W in seen.W])
    bare.collect()
    bare.deliver()
    bare.settle()
    assert page.evaluate(offered)[-1] == "weight norm"
    page.locator("[data-panel=gradients] select").select_option("weight norm")
    bare.collect()
    assert bare.board.views[0].quantity == "weight norm"
    bare.deliver()
    bare.settle()
    assert page.locator("[data-panel=gradients] select").input_value() == "weight norm"
    assert bare.colors("gradients") > 10 and not bare.errors


def test_a_recording_that_was_kept_is_gone_through_when_no_kernel_answers(bare):
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.moons(samples=40, seed=0), lr=0.01, seed=0)
    trainer.watch()
    trainer.fit(steps=30, bar=False)
    bare.board = Board(Loss(trainer), Histograms(trainer), timeline=True)
    bare.board.keep_recording = True
    bare.board._record()  # not in two seconds
    bare.board._keep([1])
    bare.open(kernel=False)
    bare.settle()
    assert bare.get("step") == "30" and bare.page.locator(".nbprop-player").count() == 0
    bare.page.locator(".nbprop-player").wait_for()
    status = bare.page.locator(".nbprop-status")
    assert status.inner_text().startswith("No kernel answers: what you see was recorded.")
    assert not bare.page.locator(".nbprop-timeline").is_visible()
    last = bare.picture("histograms")
    slider = bare.page.get_by_role("slider", name="Moment")
    slider.press("Home")
    bare.page.wait_for_selector(f"{BOARD}[data-step='0']")
    bare.settle()
    assert bare.picture("histograms") != last
    bare.page.locator("[data-panel=histograms] select").select_option("activations")
    slider.press("End")
    bare.page.wait_for_selector(f"{BOARD}[data-step='30']")
    bare.page.wait_for_timeout(6000)  # longer than a kernel is waited for
    assert status.inner_text().startswith("No kernel answers: what you see was recorded.")
    assert (
        bare.page.locator("[data-panel=histograms] canvas").get_attribute("aria-label").startswith("Histograms. Activ")
    )


def test_a_kernel_that_answers_takes_the_place_of_the_recording(bare):
    bare.board.keep_recording = True
    bare.board._record()  # not in two seconds
    bare.open()
    bare.page.locator(".nbprop-player").wait_for(state="attached")
    bare.collect()
    bare.deliver()
    bare.settle()
    assert bare.page.locator(".nbprop-player").count() == 0
    bare.page.locator(".nbprop-status").wait_for(state="hidden")


def test_a_kept_recording_that_is_broken_is_said_to_be(bare):
    bare.board.recording = b"nbprop\0\1" + bytes(20)
    bare.open(kernel=False)
    words = "No kernel answers, and the recording that was kept cannot be shown. It is damaged"
    bare.page.locator(".nbprop-status", has_text=words).wait_for()


def test_what_has_not_come_yet_is_waited_for_and_not_said_to_be_nothing(page):
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "moons", seed=0)
    trainer.fit(steps=3, bar=False)
    page.evaluate("""() => {
        window.written = [];
        const { fillText } = CanvasRenderingContext2D.prototype;
        CanvasRenderingContext2D.prototype.fillText = function (words, ...at) {
            written.push(words);
            return fillText.call(this, words, ...at);
        };
    }""")
    descent = nb.Descent("ravine", ["sgd"])
    bare = Bare(page, Board(Loss(trainer), nb.views.Landscape(descent))).open()
    bare.settle()
    assert {*page.evaluate("written")} == {"waiting for the kernel"}
    options = [each for each in page.locator(".nbprop-panel .nbprop-options").all() if each.inner_html()]
    assert len(options) > 1 and not any(each.is_visible() for each in options)  # nobody knows where they stand
    bare.collect()
    page.evaluate("window.written = []")
    bare.deliver()
    bare.settle()
    assert all(each.is_visible() for each in options)
    assert "waiting for the kernel" not in page.evaluate("written") and "loss" in page.evaluate("written")
    assert bare.errors == []


def test_the_first_arrow_key_reads_the_middle_of_the_picture_in_a_wide_panel_too(page):
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.moons(seed=0), loss="bce", seed=0)
    bare = Bare(page, Board(Boundary(trainer)))
    bare.open("#el { width: 1200px !important; }")
    bare.collect()
    bare.deliver()
    bare.settle()
    page.locator("[data-panel=boundary] canvas").focus()
    page.keyboard.press("ArrowRight")
    tip = page.locator("[data-panel=boundary] .nbprop-tip")
    tip.wait_for()
    assert page.locator("[data-panel=boundary] .nbprop-spoken").text_content() == tip.text_content()
    assert bare.errors == []
