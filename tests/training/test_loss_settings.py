"""Losses with settings in a run: how it is judged, what is refused, what is looked at again when a setting changes."""

import numpy as np
import pytest
from test_script_torch import assert_same

import nbprop as nb
from nbprop import nn
from nbprop.training.sharing.code import code, from_code

THREE = nb.data.gaussians(samples=120, seed=0)
TWO = nb.data.moons(samples=80, seed=0)
W = (1.0, 3.0, 0.5)


def of(loss, data=THREE, **settings):
    settings = {"optimizer": "sgd", "lr": 0.1, "seed": 0, **settings}
    return nb.Trainer(nn.mlp([2, 8, data.outputs], seed=0), data, loss=loss, **settings)


def with_end(end, outputs=3):
    """A network that ends in that activation."""

    class LogSoftmax(nn.Module):
        static = True

        def forward(self, x):
            return x.log_softmax()

    ends = {"log_softmax": LogSoftmax, "sigmoid": nn.Sigmoid}
    return nn.Sequential(*nn.mlp([2, 8, outputs], seed=0), ends[end]())


def test_each_by_itself_is_refused():
    with pytest.raises(
        ValueError, match=r"CrossEntropyLoss\(reduction='none'\) .* a step needs one: take reduction='mean'"
    ):
        of(nn.CrossEntropyLoss(reduction="none"))
    trainer = of(nn.CrossEntropyLoss())
    with pytest.raises(ValueError, match=r"MSELoss\(reduction='none'\)"):
        trainer.loss = nn.MSELoss("none")
    trainer.step()


def test_negative_log_likelihood_of_log_probabilities_is_cross_entropy():
    one, other = of("cross_entropy"), nb.Trainer(with_end("log_softmax"), THREE, "nll", "sgd", 0.1)
    for each in (one, other):
        each.fit(steps=50, bar=False)
    np.testing.assert_allclose(one.theta, other.theta, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(one.predict(THREE.X_val), other.predict(THREE.X_val), atol=1e-5)
    assert one.evaluation == pytest.approx(other.evaluation, rel=1e-4) and other.replayed


def test_cross_entropy_of_probabilities_is_that_of_logits():
    one, other = of("bce", TWO), nb.Trainer(with_end("sigmoid", 1), TWO, "binary_cross_entropy", "sgd", 0.1)
    for each in (one, other):
        each.fit(steps=50, bar=False)
    np.testing.assert_allclose(one.theta, other.theta, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(one.predict(TWO.X_val), other.predict(TWO.X_val), atol=1e-5)
    with pytest.raises(ValueError, match="BCE takes probabilities from 0 to 1"):
        nb.Trainer(nn.mlp([2, 8, 1], seed=1), TWO, "binary_cross_entropy")


def test_the_sum_is_batch_size_times_the_mean():
    mean, summed = of("mse", TWO, batch_size=10, lr=0.1), of(nn.MSELoss("sum"), TWO, batch_size=10, lr=0.01)
    for each in (mean, summed):
        each.fit(steps=60, bar=False)
    np.testing.assert_allclose(mean.theta, summed.theta, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(10 * mean.history["loss"], summed.history["loss"], rtol=1e-3)
    for name in ("train_loss", "val_loss"):  # beside that of a batch
        assert 10 * mean.evaluation[name] == pytest.approx(summed.evaluation[name], rel=1e-3)


@pytest.mark.parametrize("settings", [{"weight": W}, {"ignore_index": 1}, {"weight": W, "label_smoothing": 0.2}])
def test_an_evaluation_in_pieces_is_that_of_all(settings, monkeypatch):
    trainer = of(nn.CrossEntropyLoss(**settings))
    trainer.fit(steps=10, bar=False)
    whole = trainer.evaluate()
    monkeypatch.setattr("nbprop.training.objective.PIECE", 14)  # 7 samples
    assert trainer.evaluate() == pytest.approx(whole, rel=1e-6)
    z = trainer.model(nb.Tensor(THREE.X_train))
    assert whole["train_loss"] == pytest.approx(trainer.loss(z, THREE.y_train).item(), rel=1e-5)


def test_what_is_ignored_is_no_part_of_the_accuracy():
    trainer = of(nn.CrossEntropyLoss(ignore_index=1), lr=0.3)
    trainer.fit(steps=200, bar=False)
    said = trainer.predict(THREE.X_train).argmax(axis=1)
    counts = THREE.y_train != 1
    assert not (said == 1).any()  # nobody has told it of this class
    assert trainer.evaluation["train_accuracy"] == (said == THREE.y_train)[counts].mean() > 0.9


def test_a_rare_class_that_weighs_more_is_found():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(380, 2)), rng.normal(1.5, 1, size=(20, 2))])
    data = nb.data.from_arrays(X, np.repeat([0, 1], [380, 20]), seed=0)
    found = {}
    for weight in (None, 19.0):
        trainer = nb.Trainer(nn.mlp([2, 1], seed=0), data, nn.BCEWithLogitsLoss(pos_weight=weight), lr=0.05)
        trainer.fit(epochs=20, bar=False)
        found[weight] = (trainer.predict(data.X_train)[:, 0] > 0.5)[data.y_train == 1].mean()
    assert found[None] < 0.5 and found[19.0] > 0.8


def test_targets_that_make_no_sense_are_refused_before_the_first_step():
    y = np.ones((30, 1))
    y[20] = -1  # not among the first
    data = nb.data.Arrays(np.random.default_rng(0).normal(size=(30, 2)), y, validation=0)
    for loss, words in (
        (nn.PoissonNLLLoss(), "expects counts, at least 0; got -1"),
        (nn.BCEWithLogitsLoss(pos_weight=2), "takes targets from 0 to 1: got -1"),
        (nn.HingeLoss(), "takes targets from 0 to 1"),
        (nn.KLDivLoss(), "expects probabilities as target; got -1"),
    ):
        with pytest.raises(ValueError, match=words):
            nb.Trainer(nn.mlp([2, 4, 1], seed=0), data, loss=loss)


@pytest.mark.parametrize("loss", [nn.SmoothL1Loss(beta=0.5), nn.PoissonNLLLoss(), nn.GaussianNLLLoss])
def test_numbers(loss):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (200, 1)).astype(np.float32)
    y = rng.poisson(np.exp(1 + X)).astype(np.float32)
    if loss is nn.GaussianNLLLoss:  # of three inputs
        gaussian = loss()

        def loss(output, y):
            return gaussian(output[:, :1], y, output[:, 1:].exp())

    data = nb.data.Arrays(X, y)
    outputs = 1 if isinstance(loss, nn.Loss) else 2
    trainer = nb.Trainer(nn.mlp([1, 16, outputs], seed=0), data, loss=loss, lr=0.02)
    trainer.fit(steps=300, bar=False)
    said = trainer.predict([[0.5]])[0, 0]
    expected = np.exp(1.5)
    assert (np.exp(said) if isinstance(loss, nn.PoissonNLLLoss) else said) == pytest.approx(expected, rel=0.25)


def test_a_weight_that_is_changed_in_code_acts_and_is_gone_back_across():
    trainer = of(nn.CrossEntropyLoss(weight=W), snapshot_every=4)
    trainer.fit(steps=5, bar=False)
    before = trainer.theta.copy()
    trainer.loss.weight = (3.0, 1.0, 1.0)
    trainer.fit(steps=5, bar=False)
    after = trainer.theta.copy()
    assert [event.text for event in trainer.history.events] == ["loss changed in code"]
    trainer.rewind(5)
    np.testing.assert_array_equal(trainer.theta, before)
    assert trainer.loss.weight == W
    trainer.fit(steps=5, bar=False)
    assert not np.array_equal(trainer.theta, after)


SETTINGS = [
    nn.CrossEntropyLoss(weight=W, label_smoothing=0.1),
    nn.CrossEntropyLoss(weight=W, ignore_index=1, reduction="sum"),
    nn.MultiMarginLoss(p=2, weight=W),
    nn.MSELoss("sum"),
    nn.SmoothL1Loss(beta=0.3),
]


@pytest.mark.parametrize("loss", SETTINGS, ids=repr)
def test_a_run_is_handed_on_with_its_loss(loss, tmp_path):
    trainer = of(loss, lr=0.01)
    trainer.fit(steps=10, bar=False)
    trainer.save(tmp_path / "run")
    other = nb.Trainer.load(tmp_path / "run", data=THREE)
    assert repr(other.loss) == repr(loss) and other.evaluate() == trainer.evaluate()
    told = from_code(code(trainer))
    assert repr(told.loss) == repr(loss)
    names = {}
    exec(compile(trainer.script(), "script", "exec"), names)
    np.testing.assert_array_equal(names["trainer"].theta, trainer.theta)
    for each in (trainer, other):
        each.fit(steps=5, bar=False)
    np.testing.assert_array_equal(other.theta, trainer.theta)


@pytest.mark.parametrize("loss", SETTINGS, ids=repr)
@pytest.mark.torch
def test_a_run_is_the_same_in_pytorch(loss):
    pytest.importorskip("torch")
    trainer = of(loss, lr=0.01)
    trainer.fit(steps=10, bar=False)
    assert_same(trainer)
    two = of(nn.BCEWithLogitsLoss(pos_weight=2.0, reduction="sum"), TWO, lr=0.01)
    two.fit(steps=10, bar=False)
    assert_same(two)


@pytest.mark.parametrize("labels", [(1, 2, 3), (-100, 0, 1), (0, 2, 4)])
def test_a_class_is_not_ignored_by_a_number_that_the_data_do_not_go_by(labels):
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.array(labels)[np.arange(60) % 3]
    model = nb.nn.mlp([2, 4, 3], seed=0)
    with pytest.raises(ValueError, match=r"ignore_index=2 counts the classes of the data from 0, and their labels are"):
        nb.Trainer(model, (X, y), loss=nb.nn.CrossEntropyLoss(ignore_index=2))
    nb.Trainer(model, (X, np.arange(60) % 3), loss=nb.nn.CrossEntropyLoss(ignore_index=2)).step()
