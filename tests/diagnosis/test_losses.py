"""What the doctor says of losses with settings: what they cost, and whether the outputs fit them."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn
from nbprop.diagnosis.seen import Seen
from nbprop.record.source import CannotSay

THREE, TWO = nb.data.gaussians(samples=120, seed=0), nb.data.moons(samples=120, seed=0)


class LogSoftmax(nn.Module):
    def forward(self, x):
        return x.log_softmax()


def of(loss, data, *end):
    model = nn.Sequential(*nn.mlp([2, 8, data.outputs], seed=0), *end)
    return nb.Trainer(model, data, loss=loss, lr=0.01, seed=0)


def found(trainer):
    return {finding.rule: finding for finding in nb.diagnose(trainer)}


@pytest.mark.parametrize(
    ("loss", "same", "data", "end"),
    [("nll", "cross_entropy", THREE, LogSoftmax), ("binary_cross_entropy", "bce", TWO, nn.Sigmoid)],
)
def test_of_probabilities_guessing_costs_what_it_costs_of_logits(loss, same, data, end):
    one, other = of(loss, data, end()), of(same, data)
    assert Seen(one).guess == Seen(other).guess > 0
    assert Seen(one).cost == same and Seen(one).criterion == loss
    for trainer in (one, other):
        trainer.fit(steps=100, bar=False)
    assert "wrong_loss" not in found(one) and Seen(one).learned == pytest.approx(Seen(other).learned, abs=1e-3)


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(reduction="sum"),
        nn.CrossEntropyLoss(weight=[1, 2, 3]),
        nn.CrossEntropyLoss(ignore_index=1),
        nn.MSELoss("sum"),
    ],
)
def test_a_sum_is_not_measured_by_what_the_mean_costs(loss):
    """The first loss of a sum is as many times larger as there are samples: no reason for a warning."""
    trainer = of(loss, THREE)
    with pytest.raises(CannotSay, match="what guessing costs is not known of this loss"):
        print(Seen(trainer).guess)
    trainer.fit(steps=20, bar=False)
    assert "first_loss" not in found(trainer)


def test_outputs_that_are_no_log_probabilities():
    trainer = of("nll", THREE)
    trainer.fit(steps=30, bar=False)
    finding = found(trainer)["wrong_loss"]
    assert finding.severity == "alarm" and "log-probabilities, and these are none" in finding.words
    assert trainer.history["loss"][-1] < -1  # for it falls without end
    finding.remedies[0].apply(trainer)
    trainer.fit(steps=30, bar=False)
    assert trainer.loss == "cross_entropy" and "wrong_loss" not in found(trainer)
    assert np.isfinite(trainer.theta).all()


@pytest.mark.parametrize(("loss", "data"), [("mse", TWO), ("bce", TWO), ("mse", nb.data.wave(seed=0))])
def test_a_softmax_of_one_output_is_named(loss, data):
    """It is always 1, so no gradient comes back: that is the cause, and no learning rate mends it."""
    model = nn.Sequential(*nn.mlp([data.inputs, 8, 1], seed=0), nn.Softmax())
    trainer = nb.Trainer(model, data, loss=loss, seed=0)
    trainer.watch()
    trainer.fit(steps=60, bar=False)
    findings = found(trainer)
    assert list(findings) == ["wrong_loss"] and findings["wrong_loss"].severity == "alarm"
    assert "1 for every sample" in findings["wrong_loss"].words
    assert "take it out there" in findings["wrong_loss"].remedies[0].cannot(trainer)
