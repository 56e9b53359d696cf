"""A saved page in a browser, opened from a file: it moves, answers, obeys and asks nobody for anything."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import nbprop as nb

LABEL, BOARD = ".nbprop-player output", ".nbprop-board"
PICTURES = """() => [...document.querySelectorAll(".nbprop-canvas canvas")].map((canvas) => canvas.toDataURL())"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Pages: name -> path."""
    folder = tmp_path_factory.mktemp("pages")
    playground = nb.Playground(hidden=[8, 8], seed=0)
    playground.trainer.watch()
    playground.trainer.fit(steps=100, bar=False)
    playground.trainer.set(lr=0.03)
    playground.trainer.fit(steps=100, bar=False)
    playground.save(folder / "run.html")
    x = nb.Tensor(0.5, requires_grad=True)
    y = (3.0 * x).tanh()
    nb.views.Graph(y * y + y, x=x, y=y, step=3).save(folder / "graph.html")
    descent = nb.Descent("ravine", ["sgd", "adam"])
    descent.step(30)
    nb.views.Landscape(descent).save(folder / "descent.html")
    yield {path.stem: path for path in folder.glob("*.html")}
    playground.close()


class Opened:
    def __init__(self, context, path):
        self.page = context.new_page()
        self.errors, self.asked = [], []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.set_default_timeout(10_000)
        self.page.goto(path.as_uri())
        self.own = [path.as_uri()]

    def at(self, words):
        self.page.wait_for_function(
            "([at, words]) => document.querySelector(at)?.textContent.startsWith(words)", arg=[LABEL, words]
        )
        self.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
        return self

    def pictures(self):
        return self.page.evaluate(PICTURES)

    def words(self, panel):
        return self.page.locator(f"[data-panel={panel}] canvas").get_attribute("aria-label")


@pytest.fixture
def opened(browser, saved):
    """Opens a page by its name; in the end nothing has gone wrong and nothing was asked for."""
    made = []

    def open(name, **options):
        context = browser.new_context(viewport={"width": 1000, "height": 800}, **options)
        made.append(Opened(context, saved[name] if isinstance(name, str) else name))
        return made[-1]

    yield open
    for each in made:
        each.page.context.close()
        assert each.errors == [] and each.asked == each.own


def test_it_shows_the_last_moment_and_goes_to_any_other(opened):
    run = opened("run").at("step 200 of 200")
    assert run.page.title() == "run" and run.page.locator("#said").inner_text() == "101 moments from step 0 to 200."
    last, words = run.pictures(), run.words("loss")
    assert len(set(last)) == 4 and "after 200 steps" in words
    run.page.keyboard.press("Home")
    run.at("step 0 of 200")
    first = run.pictures()
    assert (
        all(a != b for a, b in zip(first, last, strict=True))
        and run.words("loss") == "Loss. Step 0: before the first step."
    )
    slider = run.page.get_by_role("slider", name="Moment")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    run.page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    run.page.mouse.down()
    run.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=8)
    run.page.mouse.up()
    middle = run.page.locator(LABEL).inner_text()
    assert slider.get_attribute("aria-valuetext") == middle and 80 <= int(middle.split()[1]) <= 120
    run.page.keyboard.press("End")
    run.at("step 200 of 200")
    assert run.pictures() == last  # to and fro, every picture is the same again


def test_keys_go_through_time_wherever_the_focus_is(opened):
    run = opened("run").at("step 200")
    for key, step in [
        ("ArrowLeft", 198),
        ("ArrowLeft", 196),
        ("PageDown", 176),
        ("ArrowRight", 178),
        ("Home", 0),
        ("End", 200),
    ]:
        run.page.keyboard.press(key)
        run.at(f"step {step} of 200")
    run.page.get_by_role("slider", name="Moment").focus()
    run.page.keyboard.press("ArrowLeft")
    run.at("step 198 of")
    run.page.locator("[data-panel=histograms] select").focus()
    run.page.keyboard.press("ArrowDown")  # is the list's own
    assert run.page.locator("[data-panel=histograms] select").input_value() == "gradients"
    run.at("step 198 of")


def test_it_plays_and_ends_at_the_last_moment(opened):
    run = opened("graph").at("step")
    run.page.get_by_role("button", name="Play").click()
    run.page.get_by_role("button", name="Pause").wait_for()
    run.page.get_by_role("button", name="Play").wait_for()
    (last,) = [run.page.locator(LABEL).inner_text()]
    assert last.split()[1] == last.split()[3]


def test_a_mark_says_what_was_turned_and_leads_there(opened):
    run = opened("run").at("step 200")
    mark = run.page.locator(".nbprop-player-marks button")
    assert mark.get_attribute("title") == "after step 100\nlr 0.001 → 0.03"
    mark.click()
    run.at("step 100 of 200 · lr 0.001 → 0.03")


def test_options_work_those_of_the_browser_and_those_that_were_recorded(opened):
    run = opened("run").at("step 200")
    before, flow = run.pictures(), run.words("gradients")
    run.page.locator("[data-panel=loss] input").first.click()
    run.page.locator("[data-panel=histograms] select").select_option("activations")
    run.page.locator("[data-panel=gradients] select").select_option("a")
    run.page.locator("[data-panel=boundary] input[type=checkbox]").click()
    run.at("step 200")
    after = run.pictures()
    assert all(a != b for a, b in zip(before[:3], after[:3], strict=True))
    assert run.words("histograms").startswith("Histograms. Activations")
    assert run.words("gradients") != flow
    run.page.keyboard.press("Escape")
    run.page.wait_for_timeout(1700)  # longer than a choice stands against the kernel's news
    run.page.get_by_role("slider", name="Moment").press("ArrowLeft")
    run.at("step 198")
    run.page.get_by_role("slider", name="Moment").press("ArrowRight")
    run.at("step 200")
    assert run.pictures() == after and run.page.locator("[data-panel=loss] input").first.is_checked()


def test_the_pointer_is_answered(opened):
    run = opened("run").at("step 200")
    box = run.page.locator("[data-panel=loss] canvas").bounding_box()
    run.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = run.page.locator("[data-panel=loss] .nbprop-tip")
    assert tip.inner_text().startswith("step ") and "train " in tip.inner_text()


def test_the_steps_of_a_graph_are_one_thing_with_two_handles(opened):
    graph = opened("graph").at("step")
    assert graph.words("graph").startswith("Computation graph. Step 3 of")
    place, last = graph.page.locator("[data-panel=graph] output"), graph.page.locator(LABEL).inner_text().split()[3]
    for step in (2, 1):
        graph.page.get_by_role("button", name="step: one back").click()
        graph.at(f"step {step} of")
        assert place.inner_text().startswith(f"{step} of ")
        assert graph.words("graph").startswith(f"Computation graph. Step {step} of")
    graph.page.get_by_role("slider", name="Moment").press("Home")
    graph.at("step 0 of")
    assert place.inner_text().startswith("0 of ")
    graph.page.locator("[data-panel=graph] select").select_option("wrong")
    graph.page.get_by_role("slider", name="Moment").press("End")
    graph.at(f"step {last}")
    assert "Wrong:" in graph.words("graph")


def test_nothing_is_offered_that_would_do_nothing(opened):
    descent = opened("descent").at("step 30")
    assert descent.page.locator("button:visible:not(.nbprop-larger, .nbprop-ask)").all_inner_texts() == ["Play"]
    canvas = descent.page.locator("canvas")
    assert canvas.evaluate("(each) => each.style.cursor") == ""
    before = descent.pictures()
    canvas.click(position={"x": 200, "y": 200})
    descent.page.keyboard.press("Home")
    descent.at("step 0")
    descent.page.keyboard.press("End")
    descent.at("step 30")
    descent.page.mouse.move(0, 0)
    assert descent.pictures() == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_as_light_or_dark_as_the_system(opened, scheme):
    run = opened("run", color_scheme=scheme).at("step 200")
    for place in ("body", BOARD):
        color = run.page.evaluate("(place) => getComputedStyle(document.querySelector(place)).backgroundColor", place)
        assert color == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 20, 24)"}[scheme]


def test_with_reduced_motion_it_plays_a_picture_a_second(opened):
    run = opened("run", reduced_motion="reduce").at("step 200")
    run.page.get_by_role("button", name="Play").click()
    run.at("step 0")
    run.page.wait_for_timeout(600)
    assert run.page.locator(LABEL).inner_text() == "step 0 of 200"
    run.at("step 24")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[: int(len(text) * 0.9)], "a part of it is missing"),
        (lambda text: text.replace('id="recording">', 'id="recording">!'), "damaged"),
        (lambda text: text.replace('id="recording">bmJwcm9w', 'id="recording">aGVsbG8h'), "no recording"),
        (lambda text: re.sub('id="recording">(bmJwcm9wAA)[E-H]', r'id="recording">\1I', text), "another version"),
        (lambda text: text[: text.index('type="module">') + 3000], "a part of this file is missing"),
        (lambda text: text.replace('<script type="module">', '<script type="module">alert(1);'), "a part of this file"),
    ],
    ids=["cut", "not base64", "something else", "version", "cut in the script", "script changed"],
)
def test_a_page_that_is_broken_says_so(saved, tmp_path, browser, change, words):
    text = saved["run"].read_text()
    broken = tmp_path / "broken.html"
    broken.write_text(change(text))
    assert broken.read_text() != text
    context = browser.new_context()
    page, spoken = context.new_page(), []
    page.on("dialog", lambda dialog: spoken.append(dialog) or dialog.dismiss())
    page.goto(broken.as_uri())
    page.wait_for_function("(words) => document.body.innerText.includes(words)", arg=words)
    assert spoken == []
    context.close()


def test_hostile_names_run_nothing(opened, tmp_path):
    evil = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">"
    data = nb.data.from_arrays(
        np.random.default_rng(0).normal(size=(40, 2)),
        np.arange(40) % 2,
        name=evil,
        classes=(evil, "b"),
        features=(evil, evil + evil),
    )
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), data, seed=0)
    trainer.fit(steps=5, bar=False)
    board = nb.views.Board(nb.views.Loss(trainer), nb.views.Boundary(trainer))
    page = opened(board.save(tmp_path / "evil.html", title=evil).path).at("step 5")
    assert page.page.title().split() == evil.split() and page.page.locator("h1").inner_text().split() == evil.split()
    assert page.page.locator("img").count() == 0


def test_a_page_may_not_reach_the_network(saved, browser):
    reached = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            reached.append(self.path)
            self.send_response(204)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = browser.new_context()
        page = context.new_page()
        reach = """async (url) => {
            await fetch(url + "fetch").catch(() => 0);
            await new Promise((r) => Object.assign(new Image(), { onerror: r, onload: r, src: url + "image" }));
        }"""
        url = f"http://127.0.0.1:{server.server_port}/"
        page.goto(saved["descent"].as_uri())
        page.evaluate(reach, url)
        assert reached == []
        free = context.new_page()  # without a policy
        free.evaluate(reach, url)
        assert len(reached) >= 1
        context.close()
        server.shutdown()
