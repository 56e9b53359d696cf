"""A hand changes the data while it trains: each act is a turn that can be gone back across."""

import asyncio

import numpy as np
import pytest
from waiting import until

import nbprop as nb
from nbprop.data import by_hand
from nbprop.training.sharing import code


def run(data=None):
    data = nb.data.moons(samples=60, seed=0) if data is None else data
    return nb.Trainer(nb.nn.mlp([data.inputs, 6, data.outputs], seed=0), data, optimizer="adam", lr=0.02, seed=0)


def added(place, target: int | str = 0, which="train"):
    return lambda data: data.with_points([place], [target], which)


def test_each_act_is_a_turn_of_its_own_however_soon_and_a_drag_is_one():
    trainer = run()
    first = trainer.data
    trainer.edit_data(added([0, 0]))
    trainer.edit_data(added([1, 0]))
    number = by_hand.numbers(trainer.data, "train")[0]
    for k in range(4):
        trainer.edit_data(lambda data, k=k: data.changed([0], [[0.1 * k, 1]]), hand=number)
        trainer.fit(steps=1, bar=False)
    assert trainer.undoable == ("1 point moved", "1 point added", "1 point added")
    assert [event.text for event in trainer.history.events] == ["1 point added", "1 point added", "1 point moved"]
    trainer.undo()
    assert trainer.steps == 0 and len(trainer.data.X_train) == len(first.X_train) + 2
    trainer.redo()
    assert trainer.steps == 4 and trainer.data.X_train[0].tolist() == pytest.approx([0.3, 1])
    trainer.undo(3)
    assert trainer.data is first and trainer.redoable[0] == "1 point added"


def test_the_same_hand_does_not_go_on_with_what_something_else_came_after():
    trainer = run()
    trainer.edit_data(added([0, 0]), hand=1)
    trainer.lr = 0.1
    trainer.edit_data(added([1, 0]), hand=1)
    assert trainer.undoable == ("1 point added", "lr 0.02 → 0.1", "1 point added")
    trainer.undo()
    trainer.edit_data(added([1, 0]), hand=1)
    assert trainer.undoable[0] == "1 point added" and len(trainer.undoable) == 3


def test_nothing_done_is_no_turn_and_what_fails_leaves_all_as_it_was():
    trainer = run()
    trainer.edit_data(lambda data: data)
    with pytest.raises(ValueError, match="expected classes"):
        trainer.edit_data(added([0, 0], "nobody"))
    assert trainer.undoable == () and trainer.data.name == "moons"


def test_a_run_can_be_rewound_across_it_and_branched_bit_by_bit():
    trainer = run()
    trainer.fit(steps=10, bar=False)
    trainer.edit_data(added([0.2, 0.3], 1))
    trainer.fit(steps=10, bar=False)
    trainer.edit_data(lambda data: data.without([4, 5]))
    trainer.fit(steps=10, bar=False)
    theta, other = trainer.theta.copy(), trainer.branch()
    moment = trainer.at(15)
    assert len(moment.data.X_train) == 45
    trainer.rewind(5)
    assert trainer.data.name == "moons" and len(trainer.data.X_train) == 44
    trainer.undo()
    np.testing.assert_array_equal(trainer.theta, theta)
    for each in (trainer, other):
        each.fit(steps=5, bar=False)
    np.testing.assert_array_equal(trainer.theta, other.theta)


def test_a_run_waits_for_points_and_says_so():
    trainer = run(nb.data.points())
    for act in (lambda: trainer.fit(steps=3), trainer.step):
        with pytest.raises(ValueError, match="points: draw points of at least two classes"):
            act()
    assert trainer.status == "paused" and trainer.steps == 0 == trainer.epoch
    trainer.edit_data(lambda data: data.with_points([[0, 0], [1, 1]], ["A", "B"]))
    trainer.fit(steps=3, bar=False)
    trainer.edit_data(lambda data: data.without([0]))
    with pytest.raises(ValueError, match="all 1 are B"):
        trainer.fit(steps=3, bar=False)
    trainer.undo()
    trainer.fit(steps=1, bar=False)
    assert trainer.steps == 4


def test_all_points_of_a_run_can_go_and_come():
    trainer = run()
    trainer.fit(steps=5, bar=False)
    data = trainer.data
    trainer.edit_data(lambda data: data.without(range(len(data.X_train))).without(range(len(data.X_val)), "val"))
    assert trainer.evaluate() == {} and len(trainer.layers) == 2
    trainer.undo()
    assert trainer.data is data and trainer.fit(steps=1, bar=False) is trainer.history


def test_what_cannot_hold_points_drawn_by_hand_says_so(tmp_path):
    trainer = run()
    trainer.edit_data(added([0, 0]))
    trainer.fit(steps=2, bar=False)
    with pytest.raises(ValueError, match=r"cannot hold data of your own .'moons by hand'"):
        code(trainer)
    assert "moons by hand" in trainer.script()
    trainer.save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"does not hold the data .'moons by hand'"):
        nb.Trainer.load(tmp_path / "run.npz")
    again = nb.Trainer.load(tmp_path / "run.npz", data=trainer.data)
    for each in (trainer, again):
        each.fit(steps=3, bar=False)
    np.testing.assert_array_equal(trainer.theta, again.theta)


def test_play_pauses_where_points_are_missing_and_says_which():
    async def main():
        trainer = run(nb.data.points())
        trainer.play()
        await until(lambda: not trainer.playing)
        assert trainer.status == "paused" and "there are none yet" in trainer.message
        trainer.edit_data(lambda data: data.with_points([[0, 0], [1, 1]], ["A", "B"]))
        trainer.play(unseen=True)
        await until(lambda: trainer.steps > 5)
        trainer.edit_data(lambda data: data.without([0]))
        await until(lambda: not trainer.playing)
        assert trainer.status == "paused" and "all 1 are B" in trainer.message
        trainer.undo()
        trainer.play(steps=2, unseen=True)
        await until(lambda: not trainer.playing)
        assert trainer.message == "" and trainer.status == "paused"

    asyncio.run(main())
