"""A saved page of runs side by side: names, ghosts and common ranges are there in each moment."""

import pytest

import nbprop as nb
from nbprop.views import Boundary, GradientFlow, Histograms, Loss

# What stands on each canvas: words and where, since it was last cleared.
WRITTEN = """
    const { fillText, fillRect } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (words, x, y, ...rest) {
      this.canvas.written.push([words, Math.round(x), Math.round(y)]);
      return fillText.call(this, words, x, y, ...rest);
    };
    CanvasRenderingContext2D.prototype.fillRect = function (x, y, ...rest) {
      if (!x && !y) this.canvas.written = [];
      return fillRect.call(this, x, y, ...rest);
    };
"""


def trainer():
    model = nb.nn.mlp([2, 8, 8, 1], activation="tanh", seed=0)
    made = nb.Trainer(model, nb.data.moons(noise=0.2, seed=0), optimizer="sgd", lr=0.1, seed=0)
    made.watch()
    return made


@pytest.fixture
def opened(browser):
    """Opens a page that was saved; in the end nothing has gone wrong and nothing was asked for."""
    made, errors, asked = [], [], []

    def open(saved):
        context = browser.new_context(viewport={"width": 1000, "height": 2000})  # all panels are in sight
        context.add_init_script(WRITTEN)
        made.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(saved.path.as_uri())
        return page

    yield open
    for context in made:
        context.close()
    assert errors == [] and len(asked) == len(made)


def panels(page, step):
    """At that moment, of each panel: title, words, and what is written on its canvas."""
    slider, last = page.get_by_role("slider", name="Moment"), 0
    slider.wait_for()
    slider.press("Home")
    while not (at := page.locator(".nbprop-player output").inner_text()).startswith(f"step {step} of"):
        assert last < 500, at
        last += 1
        slider.press("ArrowRight")
    page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
    page.wait_for_timeout(200)
    found = page.locator("section").all()
    return [
        (
            each.locator(".nbprop-title").inner_text(),
            each.locator("canvas").get_attribute("aria-label"),
            each.locator("canvas").evaluate("(canvas) => canvas.written"),
        )
        for each in found
    ]


STEPS = (0, 20, 60)


def test_runs_side_by_side_have_their_names_and_one_range(opened, tmp_path):
    race = nb.compare(trainer(), lr=[0.01, 1.0], views=["runs", "gradients", "histograms", "boundary"])
    race.fit(60)
    alone = [GradientFlow(run).frame()["range"].tolist() for run in race.runs.values()]
    assert alone[0] != alone[1]  # each by itself would have another
    page = opened(race.save(tmp_path / "race.html", moments=12))
    pictures = []
    for step in STEPS:
        runs, *pairs = panels(page, step)
        ends = [words for words, _, _ in runs[2] if words.startswith("lr ")]
        assert [end.rsplit(" ", 1)[0] for end in ends] == ["lr 0.01", "lr 1"]
        for first, second in zip(pairs[::2], pairs[1::2], strict=True):
            what = first[0].split(":")[0]
            assert (first[0], second[0]) == (f"{what}: lr 0.01", f"{what}: lr 1")
            for title, words, written in (first, second):
                assert words.startswith(f"{title}. ") and written
            if what != "Histograms":  # which have their values under each layer: see below
                assert ticks(first[2]) == ticks(second[2]) != []
        hidden = [
            [at for at in written if at[0].lstrip("-").replace(".", "").isdigit()] for _, _, written in pairs[2:4]
        ]
        assert hidden[0] == hidden[1] != []
        pictures.append([words for _, words, _ in pairs])
    assert pictures[0] != pictures[1] != pictures[2]  # and yet each shows its moment
    race.close()


def ticks(written):
    """The numbers on the axes, and where."""
    return [at for at in written if at[0][:1].isdigit() or at[0][:1] == "-"]


def test_a_pinned_run_is_behind_every_moment(opened, tmp_path):
    run = trainer()
    run.fit(steps=20, bar=False)
    board = nb.views.Board(Loss(run), GradientFlow(run), Histograms(run), Boundary(run))
    board.pin()
    run.set(lr=1.0)
    run.fit(steps=40, bar=False)
    page = opened(board.save(tmp_path / "pinned.html", moments=12))
    said = set()
    for step in STEPS:
        loss, flow, histograms, boundary = panels(page, step)
        for _, words, _ in (loss, histograms, boundary, *([flow] if step else [])):
            assert "Behind it lr 0.1: " in words
            said.add(words)
        assert any(words.startswith("lr 0.1 0.") for words, _, _ in loss[2])  # the end of its curve
        assert any(words == "lr 0.1" for words, _, _ in boundary[2])  # the line between its classes
    assert len(said) == 3 * 4 - 1  # what is said of it is of the moment
    board.close()
