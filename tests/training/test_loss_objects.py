"""A loss given as an object or class trains, predicts and judges as the one of its name."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn

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


# ---- labels as PyTorch's users have them -----------------------------------------------------------------------------


X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.float32)


@pytest.mark.parametrize("loss", ["bce", nn.BCEWithLogitsLoss(), nn.BCEWithLogitsLoss, nn.HingeLoss(), nn.BCELoss()])
@pytest.mark.parametrize("y", [Y, Y[:, None], Y.astype(np.float64).tolist()])
def test_floats_are_labels_for_a_loss_of_two_classes(loss, y):
    sure = [nn.Sigmoid()] if isinstance(loss, nn.BCELoss) else []
    made = nb.Trainer(nn.Sequential(*nn.mlp([2, 4, 1], seed=0), *sure), (X, y), loss=loss, seed=0)
    same = nb.Trainer(nn.Sequential(*nn.mlp([2, 4, 1], seed=0), *sure), (X, Y.astype(int)), loss=loss, seed=0)
    for each in (made, same):
        each.fit(steps=5, bar=False)
    assert (made.data.task, made.evaluation) == ("binary", same.evaluation)
    made.data = X, y
    made.reset(data=(X, y))
    assert made.data.task == "binary"


@pytest.mark.parametrize(
    ("loss", "y", "task"),
    [
        ("cross_entropy", Y, "multiclass"),
        (nn.CrossEntropyLoss(), np.eye(2)[Y.astype(int)], "multiclass"),
        ("bce", np.column_stack([Y, 1 - Y]), "multilabel"),
        ("bce", np.column_stack([Y, Y]), "multilabel"),
    ],
)
def test_floats_are_labels_for_losses_of_more(loss, y, task):
    assert nb.Trainer(nn.mlp([2, 4, 2], seed=0), (X, y), loss=loss, seed=0).data.task == task


def test_floats_that_are_no_labels():
    for loss, outputs in (("bce", 1), ("cross_entropy", 1)):
        with pytest.raises(
            ValueError, match=r"if y are labels give y\.astype\(int\), if probabilities nb\.data\.Arrays"
        ):
            nb.Trainer(nn.mlp([2, 4, outputs], seed=0), (X, Y * 0.3), loss=loss, seed=0)
    soft = nb.Trainer(nn.mlp([2, 4, 1], seed=0), nb.data.Arrays(X, Y[:, None] * 0.3), loss="bce", seed=0)
    soft.fit(steps=3, bar=False)
    with pytest.warns(nb.data.DataWarning, match="taken as regression"):
        assert nb.Trainer(nn.mlp([2, 4, 1], seed=0), (X, Y), loss="mse", seed=0).data.task == "regression"


def test_as_many_steps_as_classes():
    tokens = np.random.default_rng(0).integers(0, 5, size=(40, 6))
    data = nb.data.from_arrays(tokens[:, :-1], tokens[:, 1:], vocabulary=5)

    def model():
        return nn.Sequential(nn.Embedding(5, 4, rng=0), nn.Linear(4, 5, rng=0))

    for loss in (None, "cross_entropy", nn.CrossEntropyLoss(label_smoothing=0.1)):
        trainer = nb.Trainer(model(), data, loss=loss, seed=0)
        trainer.fit(steps=3, bar=False)
        assert str(trainer.replayed) == "yes"
    with pytest.raises(ValueError, match="loss: dim=1, and in a Trainer the classes are the last axis of the outputs"):
        nb.Trainer(model(), data, loss=nn.CrossEntropyLoss(dim=1), seed=0)


@pytest.mark.parametrize("loss", ["cross_entropy", nn.CrossEntropyLoss(), "multi_margin"])
@pytest.mark.parametrize("y", [Y.astype(int), Y.astype(bool), np.where(Y, "b", "a")])
def test_two_classes_with_an_output_for_each(loss, y):
    trainer = nb.Trainer(nn.mlp([2, 8, 2], seed=0), (X, y), loss=loss, lr=0.05, seed=0)
    trainer.fit(steps=60, bar=False)
    assert trainer.data.task == "multiclass" and len(trainer.data.classes) == 2
    assert trainer.evaluation["train_accuracy"] > 0.9
    with pytest.raises(ValueError, match=r"an output for each class: give \(X, y\), or from_arrays\(X, y, task='multi"):
        nb.Trainer(nn.mlp([2, 8, 2], seed=0), "moons", loss=loss)
    with pytest.raises(
        ValueError, match=r"1 wide, or give \(X, y\) and loss='cross_entropy', which has an output for each"
    ):
        nb.Trainer(nn.mlp([2, 8, 2], seed=0), (X, y))


@pytest.mark.torch
def test_what_is_of_pytorch_is_named():
    torch = pytest.importorskip("torch")
    model = nn.mlp([2, 8, 1], seed=0)
    theirs = torch.nn.Linear(2, 1)
    for given, words in (
        (
            {"loss": torch.nn.MSELoss()},
            r"loss: MSELoss is of PyTorch, and computes with its tensors; try nb\.nn\.MSELoss",
        ),
        (
            {"optimizer": torch.optim.Adam(theirs.parameters())},
            r"optimizer: Adam is of PyTorch.*try nb\.optim\.Adam\(lr=0",
        ),
        ({"model": theirs}, r"model: Linear is of PyTorch, .*; try nb\.watch\(model\) for it, or the same layers"),
    ):
        with pytest.raises(TypeError, match=words):
            nb.Trainer(**{"model": model, "data": "moons", **given})
