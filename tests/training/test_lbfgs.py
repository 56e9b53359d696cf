"""L-BFGS in a Trainer: for all samples at once, else it is refused in words."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn, optim

MOONS = nb.data.moons(seed=0)
N = len(MOONS.y_train)


def trainer(**settings):
    network = settings.pop("network", None) or nn.mlp([2, 6, 1], seed=0, dtype=np.float64)
    return nb.Trainer(network, MOONS, seed=0, **{"optimizer": "lbfgs", "lr": 0.3, "batch_size": N, **settings})


def test_it_goes_down_far():
    one, other = trainer(), trainer(optimizer="adam", lr=0.01)
    one.fit(steps=150, bar=False), other.fit(steps=150, bar=False)
    assert one.evaluate()["train_loss"] < 0.5 * other.evaluate()["train_loss"]
    assert one.stability().words.startswith("LBFGS turns the gradient into another direction")


def test_gone_back_saved_and_changed_in_shape(tmp_path):
    one, was = trainer(), {}
    for _ in range(12):
        if one.steps == 6:
            one.hidden = (8, 4)
        one.step()
        was[one.steps] = one.theta.copy()
    one.save(tmp_path / "run.npz")
    loaded = nb.Trainer.load(tmp_path / "run.npz", data=MOONS)
    loaded.fit(steps=3, bar=False)
    moment = one.at(5)
    for step in (9, 3):
        one.rewind(step)
        np.testing.assert_array_equal(one.theta, was[step])
    again = nb.Trainer.load(tmp_path / "run.npz", data=MOONS)
    again.fit(steps=3, bar=False)
    np.testing.assert_array_equal(again.theta, loaded.theta)
    assert nb.views.Explained(trainer()).describe() and moment is not None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch_size": N - 1}, f"batch_size must be at least {N}, the number of training samples; got {N - 1}"),
        ({"clip": 1.0}, r"clip changes the gradient; got clip=1\.0: turn it off"),
        ({"l1": 0.1}, "l1 changes the gradient"),
        ({"accumulate": 2}, "all samples are in one batch already; got accumulate=2"),
        ({"dropout": 0.5}, "dropout makes another loss of every step"),
        ({"optimizer": optim.LBFGS(line_search_fn="strong_wolfe")}, "a Trainer computes the loss once in a step"),
    ],
)
def test_what_is_not_one_loss_is_refused(settings, words):
    network = nn.mlp([2, 6, 1], dropout=0.0, seed=0, dtype=np.float64)
    one = trainer(network=network)
    with pytest.raises(ValueError, match=f"LBFGS compares the gradients of one and the same loss: {words}"):
        one.set(**settings)
    one.fit(steps=2, bar=False)
    if "dropout" in settings:
        settings = {"network": nn.mlp([2, 6, 1], dropout=0.5)}
    with pytest.raises(ValueError, match=words):
        trainer(**settings)
    other = trainer(optimizer="sgd", **{name: value for name, value in settings.items() if name != "optimizer"})
    with pytest.raises(ValueError, match=words):
        other.optimizer = settings.get("optimizer", "lbfgs")


def test_both_can_be_asked_for_together():
    one = trainer(optimizer="adam", batch_size=32)
    one.set(optimizer="lbfgs", batch_size=N)
    one.fit(steps=3, bar=False)
    one.set(optimizer="adam", batch_size=10)
    for name in ("weight_decay", "groups"):
        assert "LBFGS has no" in trainer().refusal(**{name: 0.1 if name == "weight_decay" else [{"params": "*"}]})


def test_batches_that_are_made_are_refused():
    def made(rng):
        return rng.normal(size=(4, 2)).astype(np.float32)

    objective = nb.Objective(lambda network, batch: (network(batch) ** 2).mean(), batches=made)
    with pytest.raises(ValueError, match="this objective has another loss in every step; try Adam"):
        nb.Trainer(nn.mlp([2, 3, 1]), objective=objective, optimizer=optim.LBFGS())
