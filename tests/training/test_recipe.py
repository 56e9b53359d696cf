"""What cannot be written down is refused, and named."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn
from nbprop.training.sharing import code
from nbprop.training.sharing.telling import recipe_of


class Own(nn.Module):
    def __init__(self):
        self.net = nn.mlp([2, 4, 1], seed=0)

    def forward(self, x):
        return self.net(x)


class Square(nn.Activation):
    name = "square"

    def forward(self, z):
        return z * z


class Pull(nb.optim.SGD):
    pass


class Far(nn.MSELoss):
    pass


def far(z, y):
    return ((z[..., 0] - y) ** 2).mean()


def slower(t):
    return 1 / (1 + t)


def mlp(**settings):
    return nn.mlp([2, 4, 1], **{"seed": 0, **settings})


def edited(trainer):
    trainer.fit(steps=4, bar=False)
    trainer.model[0].weight.data *= 2
    trainer.fit(steps=4, bar=False)


def set_by_hand(trainer):
    trainer.fit(steps=4, bar=False)
    trainer.theta = trainer.theta * 0.5


def stopped(trainer):
    trainer.set(lr=1.0)
    trainer.fit(steps=400, patience=2, bar=False)
    assert trainer.history.events[-1].name == "theta"


def weights(rng, fan_in, fan_out):
    return rng.normal(size=(fan_out, fan_in))


moons = nb.data.moons(seed=0)
arrays = nb.data.Arrays(moons.X_train, moons.y_train)
cases = {
    "module of your own, Own": lambda: nb.Trainer(Own(), moons),
    "activation Square|module of your own, Square": lambda: nb.Trainer(mlp(activation=Square()), moons),
    "LSTM": lambda: nb.Trainer(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1)), moons),
    "without bias": lambda: nb.Trainer(nn.Sequential(nn.Linear(2, 3, bias=False), nn.Tanh(), nn.Linear(3, 1)), moons),
    "another order": lambda: nb.Trainer(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Tanh(), nn.Linear(3, 1)), moons),
    "first weights.*seed": lambda: nb.Trainer(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)), moons),
    "weights, an initializer|'weights'": lambda: nb.Trainer(mlp(init=weights), moons),
    "loss far is a function": lambda: nb.Trainer(mlp(), moons, loss=far),
    "loss Far is a class": lambda: nb.Trainer(mlp(), moons, loss=Far()),
    "optimizer Pull": lambda: nb.Trainer(mlp(), moons, optimizer=Pull(lr=0.1)),
    "schedule slower": lambda: nb.Trainer(mlp(), moons, optimizer=nb.optim.SGD(lr=0.1, schedule=slower)),
    "nb.data.Arrays": lambda: nb.Trainer(mlp(), arrays, loss="bce"),
    "objective .Objective.": lambda: nb.Trainer(
        mlp(), objective=nb.Objective(lambda model, batch: far(model(batch[0]), batch[1]), arrays)
    ),
    "augment": lambda: nb.Trainer(mlp(), objective=nb.training.Supervised(moons, augment=lambda X, y, rng: (X, y))),
}


@pytest.mark.parametrize("words", cases)
def test_what_is_ones_own_is_named(words):
    trainer = cases[words]()
    words = words if words != "LSTM" else "LayerNorm"
    for write in (code, nb.Trainer.script, lambda t: t.script("torch")):
        with pytest.raises(ValueError, match=f"cannot be written down: .*({words})"):
            write(trainer)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (edited, "weights changed in code after step 4, and not by a knob"),
        (set_by_hand, "weights were set after step 4"),
        (stopped, "theta, as early stopping does"),
        (lambda t: t.set(loss=far), "loss far is a function of your own"),
        (lambda t: t.set(optimizer=Pull(lr=0.1)), "optimizer Pull is a class of your own"),
        (lambda t: t.set(schedule=slower), "schedule slower is a function of your own"),
        (lambda t: t.set(activation=Square()), "activation Square is a class of your own"),
        (lambda t: t.reinitialize(0, weights), "'weights', an initializer of your own"),
        (lambda t: t.set(loss=nn.MSELoss(), optimizer=nb.optim.SGD(schedule=nb.optim.StepLR(3) * slower)), "slower"),
    ],
)
def test_what_was_turned_to_ones_own_is_named(turn, words):
    trainer = nb.Trainer(mlp(), moons)
    turn(trainer)
    for write in (code, nb.Trainer.script):
        with pytest.raises(ValueError, match=words):
            write(trainer)


def test_after_a_rewind_to_before_an_edit_it_can_be_written():
    trainer = nb.Trainer(mlp(), moons)
    edited(trainer)
    trainer.rewind(3)
    assert "train(3)" in trainer.script()


def test_a_run_from_a_file_does_not_know_how_it_began(tmp_path):
    trainer = nb.Trainer(mlp(), "moons")
    trainer.fit(steps=5, bar=False)
    trainer.save(tmp_path / "run")
    other = nb.Trainer.load(tmp_path / "run")
    with pytest.raises(ValueError, match="loaded from a file at step 5"):
        other.script()


def test_metrics_are_named_in_a_script_and_refused_in_a_code():
    trainer = nb.Trainer(mlp(), moons, metrics={"f1": lambda said, y: 1.0})
    trainer.fit(steps=2, bar=False)
    assert "metrics of your own (f1), from" in trainer.script()
    with pytest.raises(ValueError, match="cannot hold metrics of your own"):
        code(trainer)


def test_nothing_of_the_run_changes_by_being_written_down():
    trainer, other = (nb.Trainer(mlp(dropout=0.1), moons) for _ in range(2))
    for each in (trainer, other):
        each.fit(steps=12, bar=False)
        each.depth = 3
        each.fit(steps=3, bar=False)
    trainer.script(), trainer.script("torch"), code(trainer), recipe_of(trainer)
    for each in (trainer, other):
        each.fit(steps=10, bar=False)
    np.testing.assert_array_equal(trainer.theta, other.theta)
    assert trainer.undo() is None and trainer.depth == 1


def test_data_with_a_name_that_somebody_has_changed_are_ones_own():
    data = nb.data.moons(seed=1)
    data.X_train[0] += 1
    trainer = nb.Trainer(mlp(), data)
    assert "data of your own" in trainer.script()
    with pytest.raises(ValueError, match=r"cannot hold data of your own \('moons'\)"):
        code(trainer)


def test_no_new_layers_where_none_were_at_the_start_but_had_been():
    trainer = nb.Trainer(mlp(), moons)
    trainer.depth = 0
    trainer.reset()
    trainer.script()
    trainer.depth = 2
    with pytest.raises(ValueError, match="began without hidden layers"):
        trainer.script()
