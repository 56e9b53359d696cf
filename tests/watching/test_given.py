"""Any other loop: what it tells of its steps is what views show; what does not fit is refused in words, and the loop
goes on."""

import dataclasses
import typing

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.base.folder import kind, names


def by_hand(steps=30, watch=True, **options):
    """A network of two layers in plain NumPy; weights, run."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    Y = X[:, :1] * X[:, 1:]
    p = {
        "first": {"W": rng.normal(size=(2, 8)) / 2, "b": np.zeros(8)},
        "last": {"W": rng.normal(size=(8, 1)) / 2, "b": np.zeros(1)},
    }
    run = nb.watch(show=False, **options) if watch else None
    for _ in range(steps):
        z = X @ p["first"]["W"] + p["first"]["b"]
        a = np.tanh(z)
        out = a @ p["last"]["W"] + p["last"]["b"]
        delta = 2 * (out - Y) / len(X)
        back = (delta @ p["last"]["W"].T) * (1 - a**2)
        grads = {"first": {"W": X.T @ back, "b": back.sum(0)}, "last": {"W": a.T @ delta, "b": delta.sum(0)}}
        loss = ((out - Y) ** 2).mean()
        if run is not None:
            run.observe(
                loss=loss, params=p, grads=grads, pre_activations={"first": z, "last": out},
                activations={"first": a, "last": out}, deltas={"first": back, "last": delta},
            )  # fmt: skip
        for name, layer in p.items():
            for each in layer:
                layer[each] -= 0.1 * grads[name][each]
    return p, run, (a, back, grads, loss)


def test_what_a_loop_tells_is_what_is_seen():
    p, run, (a, back, grads, loss) = by_hand()
    plain, _, _ = by_hand(watch=False)
    np.testing.assert_array_equal(p["first"]["W"], plain["first"]["W"])
    assert [layer.name for layer in run.layers] == ["first", "last"] and run.steps == 30
    probe = run.probe()
    assert probe["dz"][0] == pytest.approx(np.linalg.norm(back), rel=1e-6)
    assert probe["dW"][0] == pytest.approx(np.linalg.norm(grads["first"]["W"]), rel=1e-6)
    assert probe["a_std"][0] == pytest.approx(a.std(), rel=1e-6)
    assert run.history["loss"][-1] == pytest.approx(loss)
    moved = 0.1 * np.linalg.norm(run.observe().dW[0])
    assert probe["ratio"][0] == pytest.approx(moved / np.linalg.norm(p["first"]["W"]), rel=0.1)
    for name in names():
        assert kind(name)(run).describe()
    assert "steady" in nb.views.GradientFlow(run).describe() or "dL/dz" in nb.views.GradientFlow(run).describe()
    run.close()
    assert run.steps == 30 and nb.diagnose(run).step == 30


def test_only_a_loss_or_only_some_arrays():
    run = nb.watch(show=False)
    run.step(0.5)
    run.observe(loss=np.float32(0.4), lr=0.1)
    W = np.ones((3, 2), np.float32)
    run.observe(loss=0.3, params=[W])
    run.observe(loss=0.2, params=[W], grads=[W])
    assert list(run.history["loss"]) == pytest.approx([0.5, 0.4, 0.3, 0.2]) and run.history["lr"][0] == 0.1
    assert [layer.name for layer in run.layers] == ["1"] and np.isfinite(run.probe()["dW"]).all()
    assert np.ma.getmaskarray(run.probe()["dz"]).all()
    assert kind("gradients")(run).describe() and kind("histograms")(run).describe()


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"params": {"a": np.ones((2, 3))}}, "same at every step"),
        ({"params": {"b": np.ones((2, 2))}}, "same at every step"),
        ({"params": {"a": np.ones((2, 2))}, "grads": {"a": np.ones((3, 2))}}, "gradient of 'a'"),
        ({"params": {"a": np.ones((2, 2))}, "grads": {"c": np.ones((2, 2))}}, "'c'"),
        ({"params": {"a": np.array(["x"])}}, "arrays of numbers"),
        ({"loss": [1.0, 2.0]}, "one number"),
        ({"loss": "low"}, "one number"),
    ],
)
def test_what_does_not_fit_is_said_and_the_loop_goes_on(second, words):
    run = nb.watch(show=False)
    run.observe(loss=1.0, params={"a": np.ones((2, 2))}, grads={"a": np.ones((2, 2))})
    run.observe(**second)
    assert words in run.message and "goes on" in run.message
    run.observe(loss=0.5, params={"a": np.ones((2, 2))}, grads={"a": np.ones((2, 2))})
    assert run.history["loss"][-1] == 0.5


def test_nan_from_the_first_step():
    run = nb.watch(show=False)
    for _ in range(3):
        run.observe(loss=np.nan, params={"a": np.full((2, 2), np.nan)}, grads={"a": np.full((2, 2), np.nan)})
    assert run.steps == 3 and run.message.startswith("In step 1 the loss is not finite")
    for name in names():
        assert kind(name)(run).describe()


def test_a_linear_model_of_scikit_learn():
    from sklearn.neural_network import MLPClassifier

    data = nb.data.moons(samples=120, seed=0)
    X, y = data.X_train, data.y_train.ravel()
    model, run = MLPClassifier((8, 8), random_state=0, learning_rate_init=0.01), nb.watch(show=False)
    for _ in range(20):
        model.partial_fit(X, y, classes=[0, 1])
        run.observe(loss=model.loss_, params={"weights": model.coefs_, "biases": model.intercepts_})
    assert run.steps == 20 and [layer.name for layer in run.layers] == ["weights.1", "weights.2", "weights.3"]
    assert (run.probe()["ratio"] > 0).all() and run.history["loss"][-1] < run.history["loss"][0]


def test_what_may_hold_the_arrays():
    """Dicts, lists, tuples with names, objects with fields, paths with slashes: as the frameworks have them."""

    class Pair(typing.NamedTuple):
        W: np.ndarray
        b: np.ndarray

    @dataclasses.dataclass
    class Dense:  # as an equinox module is
        weight: np.ndarray
        bias: "np.ndarray | None"
        size: int = 2
        function: object = np.tanh

    W, b = np.ones((2, 2), np.float32), np.zeros(2, np.float32)
    for params, titles in [
        ([Pair(W, b), Pair(W, b)], ["1", "2"]),
        ({"layers": [Dense(W, b), Dense(W, None)]}, ["layers.1", "layers.2"]),
        ({"net/dense/kernel": W, "net/dense/bias": b, "net/dense_1/kernel": W}, ["net/dense", "net/dense_1"]),
        ({"cell": {"W": W, "U": W}}, ["cell.W", "cell.U"]),
    ]:
        run = nb.watch(show=False)
        run.observe(loss=1.0, params=params)
        assert [layer.name for layer in run.layers] == titles and not run.message
