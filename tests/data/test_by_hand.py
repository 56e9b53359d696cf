"""Samples that are added, changed and taken out by hand; data without a sample yet."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.data import by_hand, remade


@pytest.fixture
def moons():
    return nb.data.moons(samples=40, seed=0)


def test_points_are_added_behind_the_others_by_name_or_number(moons):
    more = moons.with_points([[0.5, 1.0], [0.25, -1]], ["lower", 0])
    assert len(more.X_train) == len(moons.X_train) + 2 and more.X_train.dtype == np.float32
    assert more.X_train[-2:].tolist() == [[0.5, 1.0], [0.25, -1]]
    assert more.y_train[-2:].tolist() == [moons.classes.index("lower"), 0] and more.y_train.dtype == np.int64
    assert more.X_val is moons.X_val and more.classes == moons.classes and more.features == moons.features
    assert more.name == "moons by hand" and more.settings is None and moons.settings is not None
    with_one = more.with_points([[0, 0]], [1], "val")
    assert len(with_one.X_val) == len(moons.X_val) + 1 and with_one.name == "moons by hand"


def test_what_was_there_is_never_written_to(moons):
    before = moons.X_train.copy(), moons.y_train.copy()
    made = moons.changed([0, 3], [[9, 9], [8, 8]], [1, 1]).without([1])
    np.testing.assert_array_equal(moons.X_train, before[0])
    np.testing.assert_array_equal(moons.y_train, before[1])
    np.testing.assert_array_equal(made.X_train[[0, 2]], [[9, 9], [8, 8]])
    with pytest.raises(ValueError, match="read-only"):
        made.X_train[0] = 0


def test_samples_keep_their_numbers_whatever_a_hand_does(moons):
    n = len(moons.X_train) + len(moons.X_val)
    made = moons.without([2, 4]).with_points([[0, 0]], [0]).without([0]).with_points([[1, 1]], [1], "val")
    assert by_hand.numbers(made, "train").tolist() == [1, 3, *range(5, len(moons.X_train)), n]
    assert by_hand.numbers(made, "val")[-1] == n + 1
    again = made.without([len(made.X_train) - 1]).with_points([[0, 0]], [0])
    assert by_hand.numbers(again, "train")[-1] == n + 2  # a number is given once
    assert by_hand.origin(again) is moons


def test_what_was_done_is_said(moons):
    a = moons.with_points([[0, 0], [1, 1], [2, 2]], [0, 1, 1])
    assert a.differs(moons) == "3 points added"
    b = a.changed([0], [[5, 5]]).changed([1], y=[1 - a.y_train[1]]).without([2])
    words = f"1 point erased, 1 point moved, 1 point now {b.classes[b.y_train[1]]}"
    assert b.differs(a) == words and b.differs(moons) == f"3 points added, {words}"
    assert a.without([0, 1], "val").differs(a) == "2 validation points erased"
    assert moons.changed([0], [[5, 5]]).changed([0], moons.X_train[:1]).differs(moons) == "points back where they were"
    assert by_hand.said(nb.data.moons(samples=60), b) == ""


def test_values_of_a_regression_are_numbers():
    wave = nb.data.wave(samples=20)
    made = wave.with_points([[0.5]], [2.5]).changed([0], y=[[7.0]])
    assert made.y_train[-1].tolist() == [2.5] and made.y_train[0].tolist() == [7.0]
    assert made.differs(wave) == "1 point added, 1 point moved"


WRONG = {
    "as many": (([[0, 0]], [0, 1]), "expected a target for each of 1 samples, got 2"),
    "shape": (([[0, 0, 0]], [0]), r"expected samples of shape \(2,\)"),
    "finite": (([[0, np.nan]], [0]), "expected finite numbers"),
    "a class": (([[0, 0]], ["uppr"]), "did you mean 'upper'"),
    "a number": (([[0, 0]], [2]), "their numbers, 0 to 1, got 2"),
    "half": (([[0, 0]], [0.5]), "got 0.5"),
    "which": (([[0, 0]], [0], "test"), "which"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_sample_is_refused(moons, name):
    given, words = WRONG[name]
    with pytest.raises(ValueError, match=words):
        moons.with_points(*given)


@pytest.mark.parametrize("places", [[99], [0, 0], [-1], [[0]], [0.5]])
def test_places_are_those_of_samples_each_once(moons, places):
    with pytest.raises((ValueError, TypeError), match="places"):
        moons.without(places)
    with pytest.raises((ValueError, TypeError), match="places"):
        moons.changed(places, [[0, 0]])


def test_places_may_be_bools(moons):
    assert len(moons.without(moons.y_train == 0).X_train) == np.count_nonzero(moons.y_train)


def test_points_drawn_by_hand_stay_where_they_are_and_are_split_with_the_others(moons):
    made = moons.with_points([[0.5, 0.5]], [1])
    with pytest.raises(ValueError, match="a hand has put where they are"):
        remade.remade(made, noise=0.3)
    split = remade.remade(made, validation=0.5, seed=1)
    X = np.concatenate([split.X_train, split.X_val])
    assert len(X) == 41 and [0.5, 0.5] in X.tolist() and remade.share(split) > 0.4


def test_an_empty_plane_waits_for_two_classes_and_a_line_for_two_points():
    plane = nb.data.points()
    assert (plane.task, plane.classes, plane.inputs, len(plane.X_train)) == ("binary", ("A", "B"), 2, 0)
    assert "there are none yet" in by_hand.lacks(plane)
    one = plane.with_points([[0, 0], [1, 1]], ["A", "A"])
    assert one.name == "points" and by_hand.lacks(one).endswith("all 2 are A")
    assert by_hand.lacks(one.with_points([[0, 1]], ["B"])) == ""
    line = nb.data.points(features=["x"], task="regression")
    assert line.classes == () and "there is one yet" in by_hand.lacks(line.with_points([[0]], [1]))
    assert nb.data.points(4).task == "multiclass" and nb.data.points(4).classes == ("A", "B", "C", "D")


NO_PLANES = [
    {"classes": 1}, {"classes": ["A"]}, {"classes": "AB"}, {"classes": ["A", "A"]}, {"features": 0},
    {"task": "binary", "classes": 3}, {"task": "ranking"},
]  # fmt: skip


@pytest.mark.parametrize("wrong", NO_PLANES)
def test_what_is_no_plane_is_refused(wrong):
    with pytest.raises((ValueError, TypeError), match=r"classes|features|task"):
        nb.data.points(**wrong)
