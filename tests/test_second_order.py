"""Hessian-vector products and the largest eigenvalue, beside Hessians that are known or taken whole."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.second_order import _result, lanczos, largest_eigenvalue, product
from nbprop.training.around import Around


def along(gradient, theta, v, at=None):
    """H v."""
    return _result(product(gradient, theta, v, at))[0]


def quadratic(n, seed=0, values=None):
    """(gradient, H) of x H x / 2 with these eigenvalues."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    H = Q @ np.diag(rng.normal(size=n) if values is None else values) @ Q.T
    return (lambda x: H @ x), H


def network(activation="tanh", sizes=(3, 8, 2), steps=30, seed=0, loss="mse", **options):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(24, sizes[0])).astype(np.float32)
    y = rng.normal(size=(24, sizes[-1])).astype(np.float32)
    trainer = nb.Trainer(
        nb.nn.mlp(sizes, activation, seed=seed), (X, y), loss=loss, optimizer="sgd", lr=0.05, **options
    )
    trainer.fit(steps=steps, bar=False)
    return trainer, Around(trainer._run)


def whole(around, apart=1e-5):
    """The Hessian, a column at a time; by differences wide apart, where the error is another than that of `hvp`."""
    columns = []
    for unit in np.eye(around.theta.size):
        above = around.gradient(around.theta + apart * unit).copy()
        columns.append((above - around.gradient(around.theta - apart * unit)) / (2 * apart))
    return np.array(columns)


def test_a_quadratic_is_exact():
    gradient, H = quadratic(30)
    rng = np.random.default_rng(1)
    theta, v = rng.normal(size=30), 100 * rng.normal(size=30)
    np.testing.assert_allclose(along(gradient, theta, v), H @ v, rtol=1e-6, atol=1e-4)
    assert not along(gradient, theta, np.zeros(30)).any()


def test_linear_regression_has_the_hessian_of_the_books():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 5)).astype(np.float32), rng.normal(size=(40, 1)).astype(np.float32)
    model = nb.nn.Sequential(nb.nn.Linear(5, 1, bias=False))
    trainer = nb.Trainer(model, objective=nb.training.Supervised(nb.data.Arrays(X, y, validation=0), "mse"), seed=0)
    H = 2 * X.T.astype(np.float64) @ X / 40
    assert trainer.sharpness() == pytest.approx(np.linalg.eigvalsh(H)[-1], rel=1e-5)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "gelu", "elu"])
def test_products_with_the_hessian_of_a_network(activation):
    _, around = network(activation)
    H, rng = whole(around), np.random.default_rng(2)
    np.testing.assert_allclose(H, H.T, atol=1e-7 * np.abs(H).max())
    for _ in range(5):
        v = rng.normal(size=around.theta.size)
        at = around.gradient(around.theta).copy()
        assert np.linalg.norm(along(around.gradient, around.theta, v, at) - H @ v) < 1e-5 * np.linalg.norm(H @ v)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("steps", [0, 40])
def test_the_largest_eigenvalue_is_that_of_the_whole_hessian(activation, steps):
    _, around = network(activation, steps=steps)
    values, vectors = np.linalg.eigh(whole(around))
    value, vector, error = largest_eigenvalue(around.gradient, around.theta)
    assert value == pytest.approx(values[-1], rel=1e-4) and abs(value - values[-1]) <= error + 1e-6
    assert error <= 3e-4 * value and abs(vector @ vectors[:, -1]) > 0.999


def test_it_is_the_largest_and_not_the_one_of_largest_size():
    gradient, _ = quadratic(40, values=np.linspace(-50, 2, 40))
    assert largest_eigenvalue(gradient, np.zeros(40))[0] == pytest.approx(2, rel=1e-3)
    gradient, _ = quadratic(20, values=np.linspace(-5, -1, 20))
    assert largest_eigenvalue(gradient, np.zeros(20))[0] == pytest.approx(-1, rel=1e-3)


def test_a_good_guess_saves_work_and_one_of_another_eigenvector_is_no_trap():
    gradient, H = quadratic(300, values=np.r_[np.linspace(0, 1, 298), 2.0, 2.2])
    vectors = np.linalg.eigh(H)[1]
    made = {}
    for name, start in (("none", None), ("good", vectors[:, -1]), ("trap", vectors[:, -2])):
        way, made[name] = lanczos(gradient, np.zeros(300), start), 0
        while True:
            try:
                next(way)
                made[name] += 1
            except StopIteration as end:
                assert end.value[0] == pytest.approx(2.2, rel=1e-3), (name, end.value[0], end.value[2])
                break
    assert made["good"] < made["none"]


def test_with_little_memory_it_begins_again_from_the_best(monkeypatch):
    monkeypatch.setattr("nbprop.second_order.KEPT", 8 * 200 * 5)
    gradient, _ = quadratic(200, values=np.r_[np.linspace(0, 1, 199), 1.5])
    value, _, error = largest_eigenvalue(gradient, np.zeros(200))
    assert value == pytest.approx(1.5, abs=error + 1e-9) and error < 0.002


def test_an_eigenvalue_that_does_not_settle_says_how_far_it_may_be():
    gradient, _ = quadratic(400, values=np.linspace(0, 1, 400))
    value, _, error = largest_eigenvalue(gradient, np.zeros(400), tol=1e-9, most=6)
    assert 0.5 < value < 1 and error > 1e-3


def test_nothing_and_not_a_number():
    assert largest_eigenvalue(lambda x: 0 * x, np.ones(5))[0] == 0
    assert np.isnan(largest_eigenvalue(lambda x: x * np.nan, np.ones(5))[0])


def test_what_is_frozen_has_no_part_in_it():
    gradient, H = quadratic(12, values=np.linspace(1, 3, 12))
    value, vector, _ = largest_eigenvalue(gradient, np.zeros(12), frozen=[slice(0, 4)])
    assert not vector[:4].any() and value == pytest.approx(np.linalg.eigvalsh(H[4:, 4:])[-1], rel=1e-4)


def test_kinks_between_the_two_gradients_are_seen():
    """A ReLU whose kink lies within the distance of the two gradients: nearer they are right."""
    kink = 0.4e-8
    gradient = lambda x: np.where(x > kink, 3.0, 0.0) + 2 * x  # noqa: E731
    at = gradient(np.zeros(1))
    assert along(gradient, np.zeros(1), np.ones(1), at) == pytest.approx(2, rel=1e-4)
    assert along(gradient, np.zeros(1), np.ones(1))[0] > 1e6


def test_it_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    trainer, around = network("tanh")
    X, y = (torch.tensor(each.astype(np.float64)) for each in around._batch)
    shapes = [parameter.shape for parameter in trainer.model.parameters()]

    def loss(theta):
        parts, start = [], 0
        for shape in shapes:
            parts.append(theta[start : start + int(np.prod(shape))].reshape(shape))
            start += int(np.prod(shape))
        W1, b1, W2, b2 = parts
        return ((torch.tanh(X @ W1.T + b1) @ W2.T + b2 - y) ** 2).mean()

    H = torch.autograd.functional.hessian(loss, torch.tensor(around.theta)).numpy()
    value = largest_eigenvalue(around.gradient, around.theta)[0]
    assert value == pytest.approx(np.linalg.eigvalsh(H)[-1], rel=1e-4)
