"""The map of a sweep: which cell says what, as numbers, in words and drawn."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nbprop.record import History
from nbprop.views.base.swept import mapped, places_of, words_of
from nbprop.views.phase import Phase

PENDING, RUNNING, DONE, DIVERGED, FAILED, LATE = range(6)


class Table(SimpleNamespace):
    def __len__(self):
        return len(self.state)


class Swept:
    """A sweep of three axes and two seeds that is what a test wants."""

    status, message, version, opens = "playing", "", 0, True
    axes = {"depth": (1, 2, 4), "gain": (0.5, 1.0), "init": ("he", "xavier")}
    seeds = (0, 1)

    def __init__(self):
        places = np.stack(np.unravel_index(np.arange(12), (3, 2, 2)), axis=1)
        self.asked = []
        self.table: Any = Table(
            where=np.repeat(places, 2, axis=0),
            state=np.full(24, DONE),
            place=np.zeros((24, 2), int),
            numbers={"loss": np.arange(24.0), "accuracy": 1 - np.arange(24.0) / 24},
            errors={},
        )

    @property
    def steps(self):
        return int((self.table.state > RUNNING).sum())

    def describe(self):
        return f"{self.steps} of 24 runs."

    def result(self, seed=None, **point):
        history = History()
        for step in range(1, 6 if seed else 4):
            history.add("loss", step, 1 / step)
        return {"history": history}

    def pause(self):
        self.asked.append("pause")

    def resume(self):
        self.asked.append("resume")

    def cancel(self):
        self.asked.append("cancel")

    def open(self, **point):
        self.asked.append(point)


@pytest.fixture
def source():
    return Swept()


def test_the_map_has_the_first_two_axes_and_the_first_value_of_the_others(source):
    frame = Phase(source).frame()
    # run = 8 depth + 4 gain + 2 init + seed; of the two seeds the median, of init the first
    np.testing.assert_array_equal(frame["map"], [[0.5, 8.5, 16.5], [4.5, 12.5, 20.5]])
    assert frame["state"].tolist() == [[DONE] * 3] * 2 and not frame["lost"].any() and (frame["ended"] == 1).all()
    assert frame["range"].tolist() == [0.5, 20.5] and frame["progress"].tolist() == [24, 24]
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}
    labels = Phase(source).labels()
    assert (labels["x"], labels["y"]) == (
        {"name": "depth", "values": ["1", "2", "4"]},
        {"name": "gain", "values": ["0.5", "1"]},
    )
    assert labels["choices"]["at_init"] == [["", "he"], ["xavier", "xavier"]] and labels["choices"]["at_depth"] == []
    assert (
        Phase(source).describe()
        == "24 of 24 runs. loss from 0.5 at depth 1, gain 0.5 to 20.5 at depth 4, gain 1, init he."
    )


def test_axes_measure_and_statistic_are_chosen(source):
    view = Phase(source, x="init", y="depth", measure="accuracy", over="lowest", at={"gain": 1.0})
    np.testing.assert_allclose(view.frame()["map"], 1 - np.array([[5, 7], [13, 15], [21, 23]]) / 24, rtol=1e-6)
    view.over, view.measure = "spread", "loss"
    assert (view.frame()["map"] == 1).all()
    view.x, view.y = "depth", "depth"
    assert view.frame() == {} and "x and y are both 'depth'" in view.describe()
    for name, value in {"x": "width", "measure": "speed", "over": "mode", "at_gain": "7"}.items():
        with pytest.raises(ValueError, match=name):
            setattr(Phase(source), name, value)
    for at, words in [
        ({"gain": 7.0}, "at: gain is none of 0.5, 1: 7.0"),
        ({"gin": 1.0}, "'gin' is no axis; did you mean 'gain'"),
    ]:
        with pytest.raises(ValueError, match=words):
            Phase(source, at=at)


def test_what_has_become_of_a_cell_is_told_apart(source):
    state = source.table.state
    state[:] = PENDING
    state[0], state[1] = DONE, DIVERGED  # depth 1, gain 0.5
    state[8], state[9] = DIVERGED, DIVERGED  # depth 2, gain 0.5
    state[16] = RUNNING  # depth 4, gain 0.5
    state[4], state[5] = FAILED, FAILED  # depth 1, gain 1
    state[12] = LATE  # depth 2, gain 1
    frame = Phase(source).frame()
    assert frame["state"].tolist() == [[DONE, DIVERGED, RUNNING], [FAILED, LATE, PENDING]]
    assert frame["lost"].tolist() == [[0.5, 1, 0], [1, 1, 0]] and frame["ended"].tolist() == [[1, 1, 0], [1, 0.5, 0]]
    np.testing.assert_array_equal(frame["map"], [[0, np.nan, np.nan], [np.nan] * 3])
    assert frame["range"].tolist() == [0, 0]


def test_points_that_are_not_in_a_list_are_no_cells():
    value, state, lost, ended = mapped(
        np.array([0, 1]), np.array([0, 1]), np.array([DONE, DONE]), np.array([1.0, np.inf]), (2, 2), "median"
    )
    assert state.tolist() == [[DONE, -1], [-1, DIVERGED]] and value[0, 0] == 1 and np.isnan(value[1]).all()
    assert ended.tolist() == [[1, 0], [0, 1]] and lost.tolist() == [[0, 0], [0, 1]]


def test_what_is_done_and_not_finite_is_no_cell_that_is_still_to_come():
    state = np.array([DONE, DONE, DONE])
    numbers, places = np.array([1.0, np.inf, np.nan]), (np.array([0, 0, 0]), np.array([0, 0, 1]))
    value, of_cell, lost, _ = mapped(*places, state, numbers, (1, 2), "median")
    assert value[0, 0] == 1 and np.isnan(value[0, 1]) and of_cell.tolist() == [[DONE, DIVERGED]]
    assert lost.tolist() == [[0.5, 1.0]]


def test_values_of_an_axis_are_told_apart_by_their_words():
    assert words_of((1.0, 1.0001, 1.0002)) == ["1", "1.0001", "1.0002"]
    source = Swept()
    source.axes = {**source.axes, "gain": (1.00001, 1.00002)}
    view = Phase(source, x="depth", y="init", at={"gain": 1.00001})
    assert view.at_gain == "" and Phase(source, x="depth", y="init", at={"gain": 1.00002}).at_gain == "1.00002"


def test_a_cell_stays_where_it_is_when_an_axis_grows(source):
    view = Phase(source)
    view.cell = {"depth": 2, "gain": 1.0, "init": "he"}
    source.axes = {**source.axes, "depth": (0, 1, 2, 4)}
    assert view.cell == {"depth": 2, "gain": 1.0, "init": "he"}


def test_a_run_that_cannot_be_opened_says_why(source):
    view = Phase(source)
    view.cell = {"depth": 2, "gain": 1.0, "init": "he"}
    source.open = lambda **point: 1 / 0
    view.act("open", None)
    assert view.labels()["told"] == "It cannot be opened: ZeroDivisionError: division by zero"


def test_a_cell_that_is_pressed_is_framed_and_its_runs_are_drawn(source, ax):
    view = Phase(source, measure="loss")
    source.table.state[13] = FAILED
    source.table.errors[13] = "ValueError: no\nTraceback"
    view.act("cell", [1, 1])
    assert view.cell == {"depth": 2, "gain": 1.0, "init": "he"}
    frame, labels = view.frame(), view.labels()
    assert frame["cell"].tolist() == [1, 1] and frame["curves"].shape == (2, 2, 5)
    np.testing.assert_allclose(frame["curves"][1], [[1, 2, 3, 4, 5], [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]], rtol=1e-6)
    assert np.isnan(frame["curves"][0, :, 3:]).all()
    assert labels["point"] == "depth 2, gain 1, init he" and labels["curve"] == "loss"
    assert labels["runs"] == ["seed 0: done, loss 12, accuracy 0.5", "seed 1: failed: ValueError: no"]
    assert view.describe().endswith("depth 2, gain 1, init he: " + "; ".join(labels["runs"]) + ".")
    assert labels["controls"] == ["open"]
    view.act("open", None)
    assert source.asked == [{"depth": 2, "gain": 1.0, "init": "he"}]
    view.plot(ax)
    assert any(patch.get_width() == 1 for patch in ax.patches)
    view.at_init = "xavier"  # the cell is not in this map
    assert view.frame()["cell"].size == 0 and view.labels()["point"] == "depth 2, gain 1, init he"
    view.at_init = ""
    view.act("cell", [1, 1])
    assert view.cell is None
    with pytest.raises(ValueError, match="press a cell first"):
        view.act("open", None)
    with pytest.raises(ValueError, match="expected a cell of 2 × 3"):
        view.act("cell", [2, 0])
    for wrong, words in [
        ({"depth": 2}, "a value for each of"),
        ({"depth": 3, "gain": 1.0, "init": "he"}, "depth is none of 1, 2, 4"),
    ]:
        with pytest.raises(ValueError, match=words):
            view.cell = wrong


def test_buttons(source):
    view = Phase(source)
    source.table.state[3] = PENDING
    assert view.labels()["controls"] == ["turn", "cancel"] and view.labels()["values"] == {"turn": "Pause"}
    view.act("turn", None)
    source.status = "paused"
    assert view.labels()["values"] == {"turn": "Resume"}
    view.act("turn", None)
    view.act("cancel", None)
    assert source.asked == ["pause", "resume", "cancel"]
    source.table.state[:] = DONE
    assert view.labels()["controls"] == []


def test_a_line_of_theory_lies_where_its_numbers_are(source, ax):
    view = Phase(source, line=lambda depth: 0.5 + depth / 8)
    across, up = view.frame()["line"]
    assert across[0] == 0 and across[-1] == 2 and up[0] == pytest.approx(0.25) and up[-1] == pytest.approx(1)
    given = Phase(source, line=([1, 4, 8], [0.5, 1.0, 1.5])).frame()["line"]
    np.testing.assert_allclose(given, [[0, 2, 4], [0, 1, 2]])
    assert Phase(source, x="init", line=lambda x: x).frame()["line"].shape == (2, 0)
    assert any(line.get_linestyle() == "--" for line in view.plot(ax).lines)


def test_a_line_of_theory_is_computed_once(source):
    asked = []
    view = Phase(source, line=lambda depth: asked.append(depth) or depth)
    first = view.frame()["line"]
    many = len(asked)
    assert many > 0
    assert np.array_equal(view.frame()["line"], first)
    assert len(asked) == many
    view.x, view.y = view.labels()["y"]["name"], view.labels()["x"]["name"]
    view.frame()
    assert len(asked) == 2 * many  # along the other axis it is another one
    np.testing.assert_allclose(places_of(np.array([4.0, 2.0, 1.0]), np.array([3.0, 1.5])), [0.5, 1.5])


def test_one_axis_alone_is_a_row(source):
    source.axes = {"depth": (1, 2, 4)}
    source.table.where = source.table.where[:, :1]
    frame = Phase(source).frame()
    assert frame["map"].shape == (1, 3) and Phase(source).labels()["y"] == {"name": "", "values": [""]}
    view = Phase(source)
    view.act("cell", [0, 2])
    assert view.cell == {"depth": 4}


def test_colours_of_the_logarithm_and_a_map_without_numbers(source, ax):
    assert Phase(source, log=True).plot(ax).get_title().startswith("Phase diagram")
    source.table.numbers = {}
    source.table.state[:] = PENDING
    view = Phase(source)
    assert np.isnan(view.frame()["map"]).all() and view.frame()["range"].tolist() == [0, 1]
    assert view.describe() == "0 of 24 runs." and view.labels()["measure"] == ""
