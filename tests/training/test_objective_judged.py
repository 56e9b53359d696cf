"""What can be asked of an objective, and how a run is judged: units, own numbers, evaluation in little memory."""

import tracemalloc

import numpy as np
import pytest
from runs import RNG, X, Y, error, net, on_moons

import nbprop as nb
from nbprop import nn


def trained(steps=3, **settings):
    t = nb.Trainer(net(), objective=nb.Objective(error, nb.data.Arrays(X, Y)), **settings)
    t.fit(steps=steps, bar=False)
    return t


def squared(model, x):
    return (model(x) ** 2).mean()


# ---- predict -------------------------------------------------------------------------------------------------------


def test_arrays_are_in_the_units_of_the_model_and_tables_in_those_of_the_data():
    raw = X * 100 + 7
    table = np.array([(a, b) for a, b in raw], [("a", "f4"), ("b", "f4")])
    data = nb.data.from_arrays(table, Y, scale="standard")
    t = nb.Trainer(net(), data)
    direct = t.model(nb.Tensor(data.X_train)).data
    np.testing.assert_allclose(t.predict(data.X_train), direct, rtol=1e-5)
    np.testing.assert_allclose(t.predict(data.X_train.tolist()), direct, rtol=1e-5)
    found = t.predict(table[["b", "a"]])
    np.testing.assert_allclose(found, t.predict(data.scaled(raw)), rtol=1e-5)
    assert abs(found - t.predict(raw)).max() > 0.1


def test_predict_of_lists_and_of_what_does_not_fit():
    t = trained()
    np.testing.assert_array_equal(t.predict(X[:2].tolist()), t.predict(X[:2]))
    usual = nb.Trainer(net(), nb.data.from_arrays(X, Y))
    with pytest.raises(ValueError, match=r"expected samples of shape \(2,\).*got \(3,\)"):
        usual.predict(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="got one alone"):
        usual.predict(X[0])


# ---- evaluation ----------------------------------------------------------------------------------------------------


def test_own_numbers_are_recorded_drawn_and_said():
    def evaluate(model, rng):
        return {"mean_return": 10 * rng.random(), "share": 0.25}

    objective = nb.Objective(
        error, nb.data.Arrays(X, Y), metrics={"worst": lambda model, batch: abs(model(batch[0]).data - batch[1]).max()},
        evaluate=evaluate,
    )  # fmt: skip
    t = nb.Trainer(net(), objective=objective, evaluate_every=2)
    t.fit(steps=6, bar=False)
    assert {"train_loss", "val_loss", "train_worst", "val_worst", "mean_return", "share"} == set(t.evaluation)
    view = nb.views.Loss(t)
    words, frame = view.describe(), view.frame()
    assert "share 0.25" in words
    assert "worst" in words
    labels = view.labels()["metrics"]
    assert labels == ["worst", "mean_return", "share"]
    np.testing.assert_array_equal(frame["metric_ranges"][2], [0, 1])
    np.testing.assert_allclose(frame["val_metric_1"][1], t.history.series("mean_return")[1], rtol=1e-6)
    assert len({*frame["val_metric_1"][1]}) == 1  # the same random numbers every time
    assert frame["train_metric_0"].shape == (2, 4)
    assert frame["train_metric_2"].shape == (2, 0)
    legends = [text.get_text() for text in view.plot().get_legend().get_texts()]
    assert "share" in legends
    assert any(each.startswith("mean_return ") for each in legends)


@pytest.mark.parametrize(
    ("evaluate", "words"),
    [
        (lambda model: 3.0, "must give a dict of numbers, got float"),
        (lambda model: {"loss": 3.0}, "needs a name such as 'mean_return', and not 'loss'"),
        (lambda model: {"dW": 3.0}, "needs a name"),
        (lambda model: {"a": np.zeros(3)}, r"must be one number, got shape \(3,\)"),
    ],
)
def test_numbers_that_cannot_be_recorded_are_refused(evaluate, words):
    with pytest.raises((TypeError, ValueError), match=words):
        nb.Trainer(net(), objective=nb.Objective(squared, X, evaluate=evaluate))


def test_many_pictures_are_evaluated_in_little_memory():
    pictures = np.zeros((4000, 1, 28, 28), np.uint8)
    pictures[:, 0, ::3] = RNG.integers(0, 255, (4000, 1, 1))
    seen = []

    class Watched(nn.Sequential):
        def forward(self, x):
            seen.append(len(x))
            return super().forward(x)

    model = Watched(
        nn.Conv2d(1, 8, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, rng=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(16 * 11 * 11, 10, rng=2),
    )  # fmt: skip
    data = nb.data.Arrays(pictures, RNG.integers(0, 10, 4000), validation=0.6)
    tracemalloc.start()
    try:
        nb.Trainer(model, data, loss="cross_entropy")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(seen) == 512 + 2048
    assert peak < 150e6


def test_evaluation_is_of_now():
    t = on_moons()
    t.fit(steps=60, bar=False)
    for turn in (lambda: t.set(theta=t.theta * 0.5), lambda: t.set(data=nb.data.circles(samples=80, seed=0))):
        turn()
        assert t.evaluation == t.evaluate()
    t = on_moons()
    t.fit(steps=400, patience=1, bar=False)
    assert t.evaluation == t.evaluate()
