"""dL/dX: of the loss and of a score, beside differences and PyTorch; the run is left as it is, also one of the past."""

from typing import Any

import numpy as np
import pytest

import nbprop as nb

nn = nb.nn


def trainer_of(model, data, **settings):
    made = nb.Trainer(model, data, seed=0, **settings)
    made.fit(steps=20, bar=False)
    return made


def dense(data: Any = "moons", outputs=1, **settings):
    data = nb.data.dataset(data) if isinstance(data, str) else data
    return trainer_of(nn.mlp([data.inputs, 8, outputs], activation="tanh", dtype=np.float64, seed=0), data, **settings)


def differences(function, X, small=1e-3):
    """Of a function of all samples, a number."""
    found = np.zeros(X.shape)
    for place in np.ndindex(X.shape):
        step = np.zeros_like(X)
        step[place] = small
        found[place] = (function(X + step) - function(X - step)) / (2 * small)
    return found


@pytest.mark.parametrize(("name", "outputs"), [("moons", 1), ("iris", 3)])
@pytest.mark.parametrize("k", [0, 1])
def test_the_score_of_a_class_beside_differences(name, outputs, k):
    trainer = dense(name, outputs)
    X = trainer.data.X_val[:3]
    sign = 1 if outputs > 1 or k else -1
    score = lambda X: sign * trainer.outputs(X)[:, k if outputs > 1 else 0].sum()  # noqa: E731
    found = trainer.input_gradient(X, score=k)
    assert found.shape == X.shape and np.abs(found).max() > 0
    np.testing.assert_allclose(found, differences(score, X), rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("name", ["moons", "iris"])
def test_the_loss_is_that_of_the_objective(name):
    trainer = dense(name, 1 if name == "moons" else 3)
    X, y = trainer.data.X_val[:4], trainer.data.y_val[:4]

    def loss(X):
        p = np.asarray(trainer.predict(X), np.float64)
        p = np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p
        return -np.log(p[np.arange(len(y)), y]).mean()

    np.testing.assert_allclose(trainer.input_gradient(X, y), differences(loss, X), rtol=2e-2, atol=2e-3)


def test_a_convolution_beside_pytorch():
    torch = pytest.importorskip("torch")
    layers = [nn.Conv2d(1, 4, 3, rng=0), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 10, rng=1)]
    model: Any = nn.Sequential(*layers)
    trainer = trainer_of(model, nb.data.digits(image=True))
    X, y = trainer.data.X_val[:5], trainer.data.y_val[:5]
    first, *_, last = model
    x = torch.tensor(X, requires_grad=True)
    weights = [torch.tensor(np.array(each.data)) for each in (first.weight, first.bias, last.weight, last.bias)]
    hidden = torch.relu(torch.nn.functional.conv2d(x, *weights[:2])).flatten(1)
    scores = torch.nn.functional.linear(hidden, *weights[2:])
    (of_score,) = torch.autograd.grad(scores[:, 7].sum(), x, retain_graph=True)
    (of_loss,) = torch.autograd.grad(torch.nn.functional.cross_entropy(scores, torch.tensor(y)), x)
    np.testing.assert_allclose(trainer.input_gradient(X, score=7), of_score.numpy(), atol=1e-5)
    np.testing.assert_allclose(trainer.input_gradient(X, y), of_loss.numpy(), atol=1e-6)


def test_a_run_that_is_asked_at_every_step_makes_the_same_steps():
    def model():
        layers = [nn.Linear(2, 16, rng=0), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1, rng=1)]
        return nn.Sequential(*layers)

    one, other = (nb.Trainer(model(), "moons", seed=0) for _ in range(2))
    for _ in range(12):
        one.step()
        other.step()
        other.input_gradient(other.data.X_val[:2], score=1)
        other.input_gradient(other.data.X_val[:2], other.data.y_val[:2])
    np.testing.assert_array_equal(one.theta, other.theta)
    np.testing.assert_array_equal(one.model.gradient, other.model.gradient)
    assert one.history.events == other.history.events == [] and bool(other.replayed) == bool(one.replayed)


def test_a_moment_answers_as_the_run_did():
    trainer = dense()
    X = trainer.data.X_val[:3]
    then = trainer.input_gradient(X, score=1)
    trainer.fit(steps=10, bar=False)
    moment = trainer.at(20)
    np.testing.assert_array_equal(moment.input_gradient(X, score=1), then)
    assert not np.array_equal(trainer.input_gradient(X, score=1), then)


def test_it_needs_nothing_that_is_trained():
    trainer = dense()
    X = trainer.data.X_val[:2]
    before = trainer.input_gradient(X, score=1)
    trainer.model.requires_grad_(False)
    np.testing.assert_array_equal(trainer.input_gradient(X, score=1), before)


def test_of_a_regression_the_score_is_an_output():
    X = np.random.default_rng(0).normal(size=(40, 3))
    trainer = dense(nb.data.from_arrays(X, X @ [[1.0, 0], [0, 2], [3, 0]]), 2)
    said = lambda X: trainer.predict(X)[:, 1].sum()  # noqa: E731
    X = trainer.data.X_train[:2]
    np.testing.assert_allclose(trainer.input_gradient(X, score=1), differences(said, X), rtol=2e-2, atol=2e-3)


def test_what_does_not_fit_is_refused():
    trainer = dense()
    X, y = trainer.data.X_val[:2], trainer.data.y_val[:2]
    with pytest.raises(TypeError, match="either targets y, for the loss, or the number of a score"):
        trainer.input_gradient(X)
    with pytest.raises(TypeError, match="either targets y"):
        trainer.input_gradient(X, y, score=0)
    with pytest.raises(ValueError, match=r"input_gradient: score.* from 0 to 1"):
        trainer.input_gradient(X, score=2)
    with pytest.raises(ValueError, match=r"expected samples of shape \(2,\) .* got \(3,\)"):
        trainer.input_gradient(np.zeros((2, 3)), score=0)
    with pytest.raises(ValueError, match=r"y: expected the targets of 2 samples, \(2,\), got \(1,\)"):
        trainer.input_gradient(X, y[:1])
    tokens = nb.data.from_arrays(np.arange(40).reshape(20, 2) % 5, np.arange(20) % 2, vocabulary=5)
    model = nn.Sequential(nn.Embedding(5, 4, rng=0), nn.Flatten(), nn.Linear(8, 1, rng=0))
    with pytest.raises(ValueError, match="has tokens, which cannot move"):
        trainer_of(model, tokens).input_gradient(tokens.X_train[:1], score=0)
    arrays = nb.Trainer(nn.mlp([2, 1], seed=0), objective=nb.Objective(lambda m, b: (m(b) ** 2).mean(), X), seed=0)
    with pytest.raises(ValueError, match="expected a run on a data set"):
        arrays.input_gradient(X, score=0)
