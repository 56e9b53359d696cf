"""The explained step as a view: what its frame and labels hold, how it follows, what of it is chosen, and its words."""

import json

import numpy as np
import pytest
from fakes import Page

import nbprop as nb
from nbprop import nn
from nbprop.sources import Explained as Step
from nbprop.views.base.view import number
from nbprop.views.board.recording import record
from nbprop.views.explained import Explained, written


@pytest.fixture
def trainer():
    made = nb.Trainer(nn.mlp([2, 4, 1], seed=0), "moons", optimizer=nb.optim.SGD(0.1), seed=0)
    made.fit(steps=5, bar=False)
    return made


def head(view, symbol):
    """Those numbers of an array that the browser gets."""
    found = next(each for each in view.labels()["arrays"] if each[0] == symbol)
    return view.frame()["numbers"][found[4] : found[4] + found[5]]


def strip(view, symbol):
    labels = view.labels()
    for column in labels["columns"]:
        for array, rows, columns, *_, start in column["top"] + column["bottom"]:
            if labels["arrays"][array][0] == symbol:
                return view.frame()["cells"][start : start + rows * columns].reshape(rows, columns)
    raise LookupError(symbol)


def test_the_numbers_in_the_frame_are_those_of_the_step(trainer):
    view, seen = Explained(trainer, of="sample"), trainer.observe(0)
    np.testing.assert_array_equal(head(view, "z₁"), seen.z[0].ravel())
    np.testing.assert_array_equal(strip(view, "a₁"), seen.a[0].T)
    np.testing.assert_array_equal(strip(view, "δ₁"), seen.dz[0].T)
    np.testing.assert_array_equal(strip(view, "∂L/∂W₁"), seen.dW[0])
    assert view.frame()["loss"] == np.float32(seen.loss) and view.frame()["now"].tolist() == [6, 0, 1, 5]
    view.of = "batch"
    step = trainer.rehearse()
    assert view.frame()["loss"] == np.float32(float(step.loss.data))
    z = step.calls[0][1].data
    np.testing.assert_array_equal(strip(view, "z₁"), z.T)  # a column for each sample
    np.testing.assert_array_equal(head(view, "z₁"), z.ravel()[:3])  # of many numbers the first


def test_all_that_a_browser_needs_is_in_frame_and_labels(trainer):
    view = Explained(trainer)
    labels = view.labels()
    assert json.loads(json.dumps(labels)) == labels | {"stops": json.loads(json.dumps(labels["stops"]))}
    assert labels["stops"]["station"]["last"] == view.last == 8
    assert labels["stops"]["station"]["parts"] == [[0, "forward"], [3, "error"], [5, "backward"], [7, "update"]]
    numbers = {
        piece for each in labels["stations"] for line in each["lines"] for piece in line if isinstance(piece, int)
    }
    assert numbers <= set(range(len(labels["arrays"])))
    frame = view.frame()
    assert all(array.dtype == np.float32 for array in frame.values())
    assert all(frame[name] is array for name, array in view.frame().items())  # nothing new, nothing sent
    whole = sum(each.cost for each in view.step.stations)
    assert labels["stations"][-1]["cost"].startswith(f"{whole:,} operations so far")
    assert "would cost 18 times as much" in labels["stations"][-1]["cost"]  # 17 parameters


def test_it_follows_the_run_or_keeps_its_step(trainer):
    view = Explained(trainer)
    first = view.step
    assert view.step is first and first.step == 6
    trainer.fit(steps=2, bar=False)
    assert view.step.step == 8
    view.follow = False
    kept = view.step
    trainer.fit(steps=3, bar=False)
    assert view.step is kept and view.describe().startswith("Step 8 with the batch")
    assert view.frame()["now"].tolist() == [8, -1, 32, 10]
    view.of = "sample"  # another sample of the same step
    assert view.step.step == 8
    np.testing.assert_array_equal(view.step.rehearsal.theta, trainer.at(7).theta)
    view.follow = True
    assert view.step.step == 11


def test_a_moment_and_a_step_for_good(trainer):
    view = Explained(trainer.at(2))
    assert view.step.step == 3
    np.testing.assert_array_equal(view.step.rehearsal.after, trainer.at(3).theta)
    fixed = Explained(Step(trainer, 4))
    trainer.fit(steps=1, bar=False)
    assert fixed.describe().startswith("Step 6 with sample 4") and [o.name for o in fixed.options] == [
        "station",
        "numbers",
    ]


def test_the_sample_that_is_chosen_is_the_one_explained(trainer):
    board = nb.views.Board(nb.views.Boundary(trainer), nb.views.Explained(trainer))
    view = board.views[1]
    assert view.step.sample is None
    before = view.version
    board.chosen.set(sample=7)
    assert view.step.sample == 7 and view.version != before and view.labels()["values"] == {"sample": 7}
    view.of = "batch"
    assert view.step.sample is None
    view.of = "sample"
    view.act("sample", 9.0)
    assert board.chosen.sample == 9 and view.step.sample == 9
    board.close()


def test_a_press_on_a_column_goes_to_its_station_and_chooses_its_layer(trainer):
    view = Explained(trainer, station=6)
    assert view.step.stations[6].phase == "backward"
    view.act("column", 2)
    assert view.station == 5 and view.chosen.layer == "output"  # the same phase
    view.act("column", 0)
    assert view.station == 0
    with pytest.raises(ValueError, match="no control 'other'"):
        view.act("other", 1)


def test_stations_count_from_the_end_too(trainer):
    view = Explained(trainer, station=-1)
    assert view.station == view.last == 8
    with pytest.raises(ValueError, match="station: expected a whole number from 0 to 8, got 9"):
        view.station = 9
    trainer.set(depth=0)  # the station that was looked at is gone
    assert view.last < 8 and f"Station {view.last} of {view.last}" in view.describe()


def test_words_in_symbols_and_in_numbers(trainer):
    view = Explained(trainer, station=6)
    assert "backward, layer 1 (Linear 2 → 4, tanh): δ₁ = (W₂ᵀ δ₂) ⊙ (1 − a₁²); ∂L/∂W₁ = Σᵢ δ₁ xᵀ;" in view.describe()
    view.numbers, view.of = True, "sample"
    values = {each.symbol: each.data for each in view.step.arrays}
    W, a, δ2, δ1 = (written(values[name]) for name in ("W₂", "a₁", "δ₂", "δ₁"))
    assert f"δ₁ = ({W}ᵀ {δ2}) ⊙ (1 − {a}²) = {δ1};" in view.describe()
    assert f"∂L/∂b₁ = {δ1}." in view.describe()  # nothing is said twice


def test_how_an_array_is_written():
    assert written(np.array(0.12345)) == "0.123" and written(np.array([[[2.0]]])) == "2"
    assert written(np.array([[1.0, -2.5]])) == "[1 -2.5]"
    assert written(np.array([[1.0, 2.0], [3.0, np.nan]])) == "[1 2; 3 NaN]"
    assert written(np.zeros((32, 8))) == "[0 0 0 … 32×8]"
    assert written(np.array([np.inf])) == "inf"


@pytest.mark.parametrize("station", [0, 2, 4, 6, 8])
def test_the_picture_says_the_same(trainer, ax, station):
    view = Explained(trainer, station=station)
    assert view.plot(ax) is ax
    said = " ".join(text.get_text() for text in ax.texts).replace("\n", " ")
    for line in view.step.stations[station].lines:
        assert view._line(view.step, line) in said
    assert f"{sum(each.cost for each in view.step.stations[: station + 1]):,} operations so far" in said
    painted = sum(len(part.images) for part in ax.child_axes)
    lit = [named.made <= station for named in view.step.arrays]
    assert painted == sum(lit[each.array] for column in view.step.columns for each in column.top) + sum(
        any(lit[each.array] for each in column.bottom) for column in view.step.columns
    )


def test_numbers_that_are_not_finite_come_through(trainer):
    trainer.theta[0] = np.nan
    view = Explained(trainer, station=1)
    assert np.isnan(view.frame()["cells"]).any() and np.isnan(view.frame()["loss"]).all()
    view.station = -1
    assert "There is no update. In step 6" in view.describe() and "NaN" in view.describe()


def test_two_hundred_layers_and_a_layer_of_a_thousand_units(ax):
    deep = nb.Trainer(nn.mlp([2, *[3] * 199, 1], seed=0), "moons", seed=0)
    view = Explained(deep, station=400)
    assert view.last == 602 and view.plot(ax) is ax and view.describe().startswith("Step 1 with the batch")
    wide = Explained(nb.Trainer(nn.mlp([2, 1000, 1], seed=0), "moons", seed=0))
    assert wide.frame()["cells"].size < 10_000 and wide.labels()["columns"][1]["top"][0][3] == 1000


def test_more_stations_than_can_be_walked_are_refused_in_words():
    deep = nb.Trainer(nn.mlp([2, *[1] * 340, 1], seed=0), "moons", seed=0)
    assert Explained(deep).describe() == ("A step of at most 1,000 stations can be walked through; this one has 1,026.")


def test_a_run_that_cannot_be_looked_into_says_why():
    batches = ((np.ones((2, 1), np.float32), np.ones((2, 1), np.float32)) for _ in range(9))
    objective = nb.Objective(lambda model, batch: ((model(batch[0]) - batch[1]) ** 2).mean(), batches=batches)
    view = Explained(nb.Trainer(nn.mlp([1, 2, 1], seed=0), objective=objective, seed=0))
    assert "The next step of this run cannot be looked into: its batches come from a generator" in view.describe()
    assert view.frame() == {} == view.labels()


def test_on_a_board_the_station_is_the_browsers_and_the_kernel_hears_of_it(trainer, make_board):
    board = make_board(Explained(trainer))
    page = Page(board)
    page.ack()
    spec = board._spec["panels"][0]["options"][0]
    assert (spec["name"], spec["where"], spec["walk"]) == ("station", "browser", True)
    before = page.head["panels"][0]["text"]
    page.say("option", panel=0, name="station", value=6)
    (panel,) = page.head["panels"]
    assert panel["options"]["station"] == 6 and "labels" not in panel  # nothing but the words is new
    assert panel["text"] != before and "Station 6 of 8" in panel["text"]
    page.ack()
    page.say("act", panel=0, name="column", value=1)
    assert page.head["panels"][0]["labels"]["chosen"] == {"layer": "hidden 1"}


def test_a_saved_page_has_it_at_every_moment(trainer):
    board = nb.views.Explained(trainer)
    recording = record(board)
    assert recording.moments == 6 and "station" not in recording.said
    board.close()


def test_while_a_run_plays_it_is_looked_into_now_and_then_and_is_the_same(monkeypatch):
    alone, looked_at = (nb.Trainer(nn.mlp([2, 4, 1], seed=0), "moons", seed=0) for _ in range(2))
    view, seen = Explained(looked_at), []
    monkeypatch.setattr("time.perf_counter", lambda: looked_at.steps / 10)  # ten steps a second
    looked_at.on("step", lambda run: seen.append(view.step.step))
    looked_at.fit(steps=20, bar=False)
    alone.fit(steps=20, bar=False)
    np.testing.assert_array_equal(alone.theta, looked_at.theta)
    assert len(set(seen)) == 4 and view.step.step == 21  # two a second; and when it stands still, the newest


def test_the_loss_that_is_shown_is_the_one_that_comes_next(trainer):
    view = Explained(trainer)
    said = view.frame()["loss"][0]
    trainer.step()
    assert number(said) == number(trainer.history["loss"][-1])
