"""Points that a hand draws in the Boundary view: what the page says, what becomes of it, what is shown and trained."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.data import by_hand
from nbprop.views.boundary import Boundary


class Hand:
    """Says what a page says."""

    def __init__(self, view) -> None:
        self.view, self.number, self.gesture = view, 0, 0

    def __call__(self, *acts, goes_on=False, **other):
        self.number += 1
        self.gesture += not goes_on
        of = self.view.labels()["hand"]["of"]
        told = {"page": "p", "number": self.number, "of": of, "hand": self.gesture, "do": list(acts)}
        self.view.act("hand", {**told, **other})
        said = self.view.labels()["hand"]
        assert said["taken"] == {"p": self.number}  # whatever came of it
        return said["said"]


def drawing(data, **options):
    trainer = nb.Trainer(nb.nn.mlp([data.inputs, 6, data.outputs], seed=0), data, lr=0.05, seed=0)
    view = Boundary(trainer, **options)
    return trainer, view, Hand(view)


def ids(view, name="train"):
    return view.frame()[f"{name}_id"].astype(int).tolist()


def test_a_hand_adds_moves_changes_and_erases_points():
    trainer, view, hand = drawing(nb.data.moons(samples=40, seed=0))
    n, version = len(trainer.data.X_train), view.version
    assert hand(["add", "train", [[0.5, 0.25, 1], [0, 0, 0]]]) == "" and view.version != version
    assert view.frame()["train"][-2:].tolist() == [[0.5, 0.25, 1], [0, 0, 0]] and ids(view)[-2:] == [40, 41]
    hand(["add", "val", [[0.1, 0.2, 1]]])
    hand(["move", 41, [0.75, -0.5]], ["class", [40, 3], 0])
    assert trainer.data.X_train[-1].tolist() == [0.75, -0.5] and trainer.data.y_train[[3, -2]].tolist() == [0, 0]
    hand(["erase", [0, 40, ids(view, "validation")[0], 7777]])
    assert len(trainer.data.X_train) == n and len(trainer.data.X_val) == 10 and 40 not in ids(view)
    assert trainer.undoable[1:] == (trainer.undoable[1], "1 validation point added", "2 points added")
    assert trainer.undoable[0] == "2 points erased, 1 validation point erased"


def test_many_messages_of_a_gesture_are_one_turn_and_two_gestures_two():
    trainer, _, hand = drawing(nb.data.moons(samples=40, seed=0))
    for k in range(5):
        hand(["move", 3, [k / 8, 0.5]], goes_on=k > 0)
        trainer.fit(steps=1, bar=False)
    hand(["move", 3, [0, 0]])
    assert trainer.undoable == ("1 point moved", "1 point moved")
    trainer.undo()
    assert trainer.data.X_train[by_hand.numbers(trainer.data, "train").tolist().index(3)].tolist() == [0.5, 0.5]


def test_what_is_no_act_is_refused_in_words_and_changes_nothing():
    trainer, view, hand = drawing(nb.data.moons(samples=40, seed=0))
    assert "other data have come" in hand(["erase", [1]], of=-1)
    assert "their numbers, 0 to 1" in hand(["add", "train", [[0, 0, 5]]])
    assert "expected finite numbers" in hand(["add", "train", [[0, float("nan"), 1]]])
    assert "points of 3 numbers" in hand(["add", "train", [[0, 0]]])
    assert "which" in hand(["add", "test", [[0, 0, 1]]])
    assert "expected add, move, class or erase" in hand(["paint", 1])
    assert hand(["move", 7777, [0, 0]]) == "" and trainer.data.name == "moons" and trainer.undoable == ()
    assert hand(["add", "train", [[0, 0, 1]]]) == "" == view.labels()["hand"]["said"]


def test_the_axes_stay_where_they_are_under_a_hand():
    trainer, view, hand = drawing(nb.data.moons(samples=40, seed=0))
    extent = view.frame()["extent"].tolist()
    hand(["erase", list(range(20))])
    assert view.frame()["extent"].tolist() == extent
    trainer.data = trainer.data.with_points([[50, 0]], [1])
    left, right, *upright = view.frame()["extent"].tolist()
    assert right > 50 and [left, *upright] == [extent[0], *extent[2:]]


def test_what_is_chosen_stays_the_same_sample():
    trainer, view, hand = drawing(nb.data.moons(samples=40, seed=0))
    own = trainer.data.X_train[9].copy()
    view.chosen.set(sample=9)
    hand(["erase", [2, 4]])
    assert view.chosen.sample == 7 and (trainer.data.X_train[7] == own).all()
    hand(["erase", [9]])
    assert view.chosen.sample is None


def test_along_a_line_a_point_is_as_high_as_its_value():
    trainer, view, hand = drawing(nb.data.wave(samples=20, seed=0))
    assert view.labels()["hand"]["by"] == "height"
    hand(["add", "train", [[0.5, 2.0]]], ["move", 0, [0.25, -1]])
    assert trainer.data.y_train[[0, -1]].tolist() == [[-1], [2]] and trainer.data.X_train[0].tolist() == [0.25]


def test_over_a_plane_of_values_a_point_has_the_one_that_is_set():
    trainer, view, hand = drawing(nb.data.surface(samples=20, seed=0))
    assert view.labels()["hand"]["by"] == "value"
    hand(["add", "train", [[0.5, 0.5, 0.75]]], ["class", [0], -0.25])
    assert trainer.data.y_train[[0, -1]].tolist() == [[-0.25], [0.75]]


def test_several_values_and_looks_at_the_past_are_refused():
    X = np.linspace(-1, 1, 30, dtype=np.float32)[:, None]
    trainer, view, hand = drawing(nb.data.from_arrays(X, np.concatenate([X, -X], axis=1), task="regression"))
    assert "2 values" in hand(["erase", [1]]) and trainer.undoable == ()
    trainer.fit(steps=3, bar=False)
    past = Boundary(trainer.at(2))
    assert "step 2 of the past" in past.labels()["hand"]["why"]
    assert "step 2 of the past" in Hand(past)(["erase", [1]])
    assert view.labels()["hand"]["why"]


def test_a_table_has_axes_that_are_chosen_and_the_others_are_held(ax):
    trainer, view, hand = drawing(nb.data.iris())
    assert view.mode == "confusion" and "hand" not in view.labels() and view.labels()["choices"]["held"] == []
    view.x, view.y = "petal width", "sepal length"
    frame, data = view.frame(), trainer.data
    assert view.mode == "plane" and view.labels()["features"] == ["petal width", "sepal length"]
    np.testing.assert_array_equal(frame["train"][:, :2], data.X_train[:, [3, 0]])
    left, right, bottom, top = frame["extent"]
    corner = data.X_train.mean(axis=0)
    corner[[3, 0]] = left, top
    np.testing.assert_allclose(frame["grid"][0, 0], trainer.predict(corner[None])[0], atol=1e-5)
    assert "Drawn over petal width and sepal length, the other inputs at their mean." in view.describe()
    view.held = "sample"
    assert "for no sample is chosen" in view.labels()["held"]
    view.chosen.set(sample=5)
    corner = data.X_train[5].copy()
    corner[[3, 0]] = right, bottom
    np.testing.assert_allclose(view.frame()["grid"][-1, -1], trainer.predict(corner[None])[0], atol=1e-5)
    assert view.frame()["aim"].tolist() == data.X_train[5, [3, 0]].tolist()
    view.act("over", [0.5, 1.0])
    assert view.chosen.point == pytest.approx((1.0, *data.X_train[5, 1:3], 0.5))
    view.act("over", None)
    hand(["move", 0, [1.5, -1]], ["add", "train", [[0, 0, 2]]])
    moved, new = trainer.data.X_train[[0, -1]]
    assert moved.tolist() == [-1, *data.X_train[0, 1:3], 1.5] and new.tolist() == [0, *data.X_train[5, 1:3], 0]
    view.plot(ax)
    assert "other inputs as in sample 5" in ax.get_title()
    view.y = ""
    assert view.mode == "curve" and view.frame()["y"].shape == (200, 3)


@pytest.mark.parametrize("wrong", [{"x": "petal"}, {"held": "median"}])
def test_axes_that_there_are_not_are_refused(wrong):
    with pytest.raises(ValueError, match="expected one of"):
        drawing(nb.data.iris(), **wrong)


def test_inputs_that_are_drawn_already_cannot_be_chosen():
    with pytest.raises(ValueError, match="x: expected one of"):
        drawing(nb.data.moons(samples=40), x="x1")


DRAWN = (
    lambda: nb.data.moons(samples=40),
    lambda: nb.data.points(3),
    lambda: nb.data.surface(samples=30),
    lambda: nb.data.points(features=1),
    lambda: nb.data.wave(samples=30),
)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_a_hand_and_code_do_the_picture_the_data_and_the_training_agree(seed):
    """Acts of hands, of code, steps, undo, redo and rewind, in any order."""
    rng = np.random.default_rng(seed)
    trainer, view, hand = drawing(DRAWN[seed % len(DRAWN)]())
    first, wide, classes = by_hand.origin(trainer.data), len(trainer.data.features), len(trainer.data.classes)
    kept = {}

    def point(whole=True):
        target = float(rng.normal()) if not classes else int(rng.integers(classes))
        return [*rng.uniform(-1, 1, wide).tolist(), *([target] if whole else [])]

    def some():
        known = [*ids(view), *ids(view, "validation")]
        return [int(i) for i in rng.choice(known, min(len(known), 3), replace=False)] if known else [5]

    def steps():
        if not trainer._run.objective.lacks:
            trainer.fit(steps=int(rng.integers(1, 4)), bar=False)

    def code():
        data = trainer.data
        if len(data.X_train) > 3 and rng.random() < 0.5:
            trainer.data = data.without(rng.integers(len(data.X_train), size=1))
        else:
            trainer.data = data.with_points([point(False)], [point()[-1]])

    def either():
        return str(rng.choice(["train", "val"], p=[0.8, 0.2]))

    height = view.labels()["hand"]["by"] == "height"
    acts = {
        "add": lambda: hand(["add", either(), [point() for _ in range(int(rng.integers(1, 6)))]]),
        "move": lambda: [hand(["move", some()[0], point(height)], goes_on=k > 0) for k in range(3)],
        "class": lambda: hand(["class", some(), point()[-1]]),
        "erase": lambda: hand(["erase", some()]),
        "steps": steps,
        "code": code,
        "lr": lambda: trainer.set(lr=float(rng.choice([0.01, 0.02, 0.05]))),
        "undo": lambda: trainer.undoable and trainer.undo(int(rng.integers(1, 3))),
        "redo": lambda: trainer.redoable and trainer.redo(),
        "rewind": lambda: trainer.rewind(int(rng.integers(trainer.steps + 1))),
    }  # fmt: skip
    for _ in range(40):
        name = str(rng.choice([*acts, "steps", "add"]))
        before, was = (trainer.data, len(trainer.undoable)), trainer.steps
        acts[name]()
        data, frame = trainer.data, view.frame()
        objective = trainer._run.objective
        assert objective.data is data and objective.X is data.X_train and len(objective.target) == len(data.X_train)
        assert trainer._run.batches.samples == len(data.X_train)
        for part, X, y in (("train", data.X_train, data.y_train), ("validation", data.X_val, data.y_val)):
            np.testing.assert_array_equal(frame[part], np.column_stack([X, y]).astype(np.float32))
            assert len(set(ids(view, part))) == len(X)
        assert not set(ids(view)) & set(ids(view, "validation")) and by_hand.origin(data) is first
        if name in ("add", "move", "class", "erase"):
            assert view.labels()["hand"]["said"] == ""
            assert len(trainer.undoable) - before[1] in (0, 1) and (data is before[0]) == (
                len(trainer.undoable) == before[1]
            )
        if name in ("undo", "redo"):  # which may lead to another past
            kept.clear()
        kept = {step: each for step, each in kept.items() if step < trainer.steps}
        if name == "steps" and trainer.steps > was:
            kept[trainer.steps] = trainer.theta.copy(), data
    for step, (theta, data) in kept.items():
        moment = trainer.at(step)
        np.testing.assert_array_equal(moment.theta, theta)
        assert moment.data is data


def test_a_playground_begins_with_an_empty_plane_and_a_page_is_told_what_is_missing():
    playground = nb.Playground(nb.data.points(), hidden=(6,))
    assert playground._desk is not None and playground._desk.standing()["epoch"] == 0
    playground._send_frame(range(4), 0.0)
    assert playground._errors == {}
    boundary = next(view for view in playground.views if view.name == "boundary")
    assert "there are none yet" in boundary.labels()["lacks"] and "there are none yet" in boundary.describe()
    playground.close()
