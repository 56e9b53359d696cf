"""The contract of nbprop/record/source.py: every view over every source either shows, or says what is missing."""

import asyncio
import inspect
import threading
from pathlib import Path

import loop
import numpy as np
import pytest
from fakes import Page
from loop import Loop

import nbprop as nb
from nbprop.record import source as contracts
from nbprop.record.source import CannotSay, Shown, Watched, lacking, members
from nbprop.sources import Walk
from nbprop.training.knob import KNOBS
from nbprop.views.base.folder import kinds
from nbprop.views.base.view import Option, View


def trainer():
    made = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.moons(samples=40, seed=0), seed=0)
    made.watch()
    made.fit(steps=3, bar=False)
    return made


def descent():
    made = nb.Descent("bowl")
    made.step(3)
    return made


def walk():
    return Walk(nb.Tensor(2.0) * 3.0)


def minimal():
    made = Loop()
    for _ in range(3):
        made.step()
    return made


def comparison():
    made = nb.sources.Comparison(*(trainer() for _ in range(2)))
    made.fit(2)
    return made


SOURCES = {make.__name__: make for make in (trainer, descent, walk, minimal, comparison)}
SHOWN = {
    "trainer": {
        "Activations",
        "Boundary",
        "Confusion",
        "Doctor",
        "Explained",
        "GradientFlow",
        "Histograms",
        "Lags",
        "Landscape",
        "Loss",
        "Network",
        "Percentiles",
        "Samples",
        "Sharpness",
    },
    "descent": {"Landscape"},
    "walk": {"Graph"},
    "minimal": {"Boundary", "Doctor", "Loss"},
    "comparison": {"Runs"},
}


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("name", SOURCES)
def test_every_view_shows_every_source_or_says_what_is_missing(name, kind, ax):
    source = SOURCES[name]()
    board = getattr(nb.views, kind)(source)
    view = board.views[0]
    frame, labels, words = view.frame(), view.labels(), view.describe()
    assert isinstance(words, str) and words.strip() and view.plot(ax) is ax
    page = Page(board)
    (panel,) = page.head["panels"]
    assert "error" not in panel and panel["text"] == words
    if kind in SHOWN[name]:
        assert frame and not view.unserved and "unserved" not in panel["labels"]
    else:
        assert (frame, view.unserved) == ({}, words) and isinstance(labels, dict)
        assert panel["arrays"] == [] and panel["labels"] == {"unserved": words}
        assert kind in words.split()[0] and words.endswith(".")
        assert " ".join(text.get_text() for text in ax.texts).split() == words.split()
    board.close()


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("kind", kinds())
def test_a_view_reads_nothing_but_its_contract(name, kind):
    if kind not in SHOWN[name]:
        return
    source = SOURCES[name]()
    allowed = {each for part in (Shown, Watched, *kinds()[kind].contract) for each in members(part)}
    documented = {n for each in vars(contracts).values() if getattr(each, "_is_protocol", False) for n in members(each)}
    may_be_missing = {"Loss": {"data", "evaluation"}, "Lags": {"quantities", "optimizer"}}
    may_be_missing["GradientFlow"] = may_be_missing["Lags"]
    may_be_missing["Explained"], may_be_missing["Boundary"] = {"data", "at"}, {"edit_data"}
    may_be_missing["Network"] = {"data", "predict", "attention", "silenced", "frozen", "frozen_units"}
    # Each rule says what it needs, and which knobs it looks at.
    may_be_missing["Doctor"] = documented | KNOBS.keys() | {"between", "observe", "remedy"}
    may_be_missing["Samples"] = {"data", "predict", "weigh", "relabel", "measure_samples"}
    may_be_missing["Landscape"] = {"around", "path", "history", "between"}
    allowed |= {"moment"} | may_be_missing.get(kind, set())
    read = set()

    class Seen:
        """Hands on what is asked, and keeps a list."""

        def __getattr__(self, member):
            read.add(member)
            return getattr(source, member)

    view = kinds()[kind](Seen())
    view.frame(), view.labels(), view.describe(), view.plot(), view.rate
    assert not view.unserved and read - {"name"} <= allowed


def test_the_minimal_source_is_small_and_only_what_is_documented():
    lines = [line for line in inspect.getsource(Loop).splitlines() if line.strip()]
    assert len(lines) <= 30 and Path(loop.__file__).name == "loop.py"
    own = {name for name in dir(Loop()) if name[0] != "_"} - {"slope", "height", "step"}
    documented = {n for each in vars(contracts).values() if getattr(each, "_is_protocol", False) for n in members(each)}
    assert own <= documented and not hasattr(Loop(), "watchers") and not hasattr(Loop(), "post")


@pytest.mark.parametrize("name", SOURCES)
def test_sources_have_what_is_shown_of_all(name):
    source = SOURCES[name]()
    assert not lacking(source, (Shown,))
    assert isinstance(source.steps, int) and isinstance(source.version, int)
    assert source.status in ("ready", "playing", "paused", "stopped", "unseen") and isinstance(source.message, str)


def test_what_is_no_source_is_refused():
    with pytest.raises(TypeError, match=r"Loss: expected a Trainer, or another source .* got int, which has no steps,"):
        nb.views.Loss(3)


def test_data_may_be_none(ax):
    source = minimal()
    view, loss = kinds()["Boundary"](source), kinds()["Loss"](source)
    assert view.served
    source.data = None
    assert view.describe() == (
        "Boundary shows a Trainer with data: it needs data and predict(X), and this Loop has no data."
    )
    assert view.frame() == {} and not view.served and view.rate
    assert loss.frame()["train"].size and not loss.unserved
    source.data = Loop().data
    assert view.frame() and not view.unserved and view.labels()["mode"] == "curve"


@pytest.mark.parametrize("kind", [name for name, view in kinds().items() if contracts.Taught in view.contract])
@pytest.mark.parametrize("when", ["from the start", "later"])
def test_every_view_that_needs_data_says_so_without_them(kind, when, ax):
    source = trainer()

    class Without:
        data = None if when == "from the start" else source.data

        def __getattr__(self, name):
            return getattr(source, name)

    view = kinds()[kind](Without())
    Without.data = None
    assert view.describe().endswith("and this Without has no data.") and view.rate
    assert (view.frame(), view.labels()) == ({}, {}) and view.plot(ax) is ax


def test_a_source_may_have_no_answer_and_says_why(make_board):
    source = minimal()
    view = kinds()["Boundary"](source)
    board = make_board(view)
    page = Page(board)

    def predict(X):
        raise CannotSay("Not before it has begun: try step().")

    source.predict, answer = predict, source.predict
    source.version += 1
    page.ack()
    assert page.head["panels"][0]["labels"] == {"unserved": "Not before it has begun: try step()."}
    assert view.describe() == view.unserved == "Not before it has begun: try step()."
    source.predict = answer
    source.version += 1
    page.ack()
    assert page.head["panels"][0]["labels"]["mode"] == "curve" and not view.unserved


def test_other_faults_are_not_swallowed():
    class Faulty(View):
        name = title = "faulty"

        def frame(self):
            raise KeyError("a fault")

    with pytest.raises(KeyError, match="a fault"):
        Faulty(minimal()).frame()
    with pytest.raises(KeyError, match="a fault"):  # and the next one can be asked all the same
        Faulty(minimal()).frame()


def test_a_source_without_watchers_is_looked_at_while_it_is_seen():
    async def main():
        source = Loop()
        board = nb.views.Loss(source)
        page = Page(board, mount=False)
        board._look_now()
        assert board._look is None  # nobody is there
        threads = threading.Thread(target=page.say, args=("mount",), kwargs={"page": True, "panels": [0]})
        threads.start()
        threads.join()
        for _ in range(3):
            source.step()
            for _ in range(100):
                await asyncio.sleep(0.01)
                if page.sent and page.head["step"] == source.steps:
                    break
            assert page.head["step"] == source.steps
            page.ack()
        page.say("unmount")
        await asyncio.sleep(0.01)
        assert board._look is None
        board.close()

    asyncio.run(main())


def test_without_a_loop_it_is_looked_at_when_a_page_speaks_or_somebody_refreshes(make_board):
    source = minimal()
    source.status = "playing"  # nobody calls refresh() all the same
    board = make_board(kinds()["Loss"](source))
    page = Page(board)
    page.ack()
    sent = len(page.sent)
    source.step()
    board.clock.now += 1
    page.say("look", page=True, panels=[0])
    assert len(page.sent) == sent + 1 and page.head["step"] == source.steps
    page.ack()
    source.step()
    board.clock.now += 1
    board.refresh()
    assert page.head["step"] == source.steps


def browser_options():
    return [(kind, option) for kind, view in kinds().items() for option in view.options if option.where == "browser"]


def test_some_options_are_the_browsers():
    assert {(kind, option.name) for kind, option in browser_options()} >= {("Loss", "log"), ("GradientFlow", "log")}


@pytest.mark.parametrize(("kind", "option"), browser_options(), ids=lambda each: getattr(each, "name", each))
def test_what_the_browser_can_obey_changes_nothing_in_frame_and_labels(kind, option):
    source, option = trainer(), option
    assert isinstance(option, Option) and (isinstance(option.choices, range) or not option.choices)
    told = []
    for value in option.choices[:2] or (False, True):
        view = kinds()[kind](source, **{option.name: value})
        told.append((view.frame(), view.labels()))
    (frame, labels), (other, words) = told
    assert labels == words and frame.keys() == other.keys()
    for name in frame:
        np.testing.assert_array_equal(frame[name], other[name])
