"""A loss given as an object or class trains, predicts and judges as the one of its name."""

import numpy as np
import pytest

import nbprop as nb

DATA = {"two": nb.data.moons(samples=80, seed=0), "three": nb.data.gaussians(samples=90, seed=0)}


def trained(loss, data):
    data = DATA[data]
    trainer = nb.Trainer(nb.nn.mlp([2, 8, data.outputs], seed=0), data, loss=loss, optimizer="sgd", lr=0.1, seed=0)
    trainer.fit(steps=30, bar=False)
    return trainer


@pytest.mark.parametrize(
    ("name", "data"),
    [("bce", "two"), ("hinge", "two"), ("mse", "two"), ("huber", "two"), ("cross_entropy", "three"), ("mae", "three")],
)
def test_objects_and_classes_are_as_good_as_names(name, data):
    trainers = [trained(loss, data) for loss in (name, nb.nn.LOSSES[name](), nb.nn.LOSSES[name])]
    for other in trainers[1:]:
        np.testing.assert_array_equal(other.theta, trainers[0].theta)
        np.testing.assert_array_equal(other.predict(other.data.X_val), trainers[0].predict(other.data.X_val))
        assert other.evaluate() == trainers[0].evaluate()


def test_label_smoothing():
    trainer = trained(nb.nn.CrossEntropyLoss(label_smoothing=0.1), "three")
    p = trainer.predict(trainer.data.X_val)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert trainer.evaluate()["val_accuracy"] == (p.argmax(axis=1) == trainer.data.y_val).mean()


def test_a_loss_by_hand_judges_as_the_one_of_the_house():
    def by_hand(z, y):
        return (z[:, 0].softplus() - y.astype(z.dtype) * z[:, 0]).mean()

    trainer, house = trained(by_hand, "two"), nb.nn.BCEWithLogitsLoss()
    z = trainer.model(trainer.data.X_val).data
    np.testing.assert_allclose(trainer.predict(trainer.data.X_val), house.probabilities(z), atol=1e-5)
    assert trainer.evaluate()["val_accuracy"] == house.correct(z, trainer.data.y_val).mean()


@pytest.mark.parametrize(
    ("loss", "words"),
    [(nb.nn.CrossEntropyLoss(), "loss 'cross_entropy' is for multiclass data"), (nb.nn.CrossEntropyLoss, "multiclass")],
)
def test_an_object_that_does_not_fit_the_data_is_refused(loss, words):
    with pytest.raises(ValueError, match=words):
        nb.Trainer(nb.nn.mlp([2, 8, 1]), DATA["two"], loss=loss)


def test_a_loss_that_compares_all_with_all_is_refused_before_the_first_step():
    with pytest.raises(ValueError, match="compares all with all"):
        nb.Trainer(nb.nn.mlp([2, 8, 1]), DATA["two"], loss=lambda z, y: ((z - y) ** 2).mean())
