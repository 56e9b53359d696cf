"""Hessian-vector products, Hessians and eigenvalues, beside Hessians that are known or taken whole."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nbprop as nb
from nbprop.derivatives import flat
from nbprop.engine import BackwardError, GradientError, ShapeError
from nbprop.second_order import _result, eigenvalues, lanczos, largest_eigenvalue, product
from nbprop.training.around import Around


def along(gradient, theta, v, at=None):
    """H v."""
    return _result(product(gradient, theta, v, at))


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


# ----------------------------------------------------------------------------------------- both ends of the spectrum


@pytest.mark.parametrize("kept", [64 * 2**20, 8 * 120 * 5], ids=["all vectors", "restarts"])
@pytest.mark.parametrize("count", [(1, 1), (3, 3), (5, 0), (0, 2), (2, 4)])
def test_both_ends_of_a_known_spectrum(count, kept, monkeypatch):
    monkeypatch.setattr("nbprop.second_order.KEPT", kept)
    gradient, H = quadratic(120, values=np.r_[-8, -5, -4.5, -3, np.linspace(-1, 1, 110), 2, 2.5, 4, 5, 7, 11])
    exact = np.linalg.eigvalsh(H)
    high, low = count
    values, vectors, errors = eigenvalues(gradient, np.zeros(120), count, 1e-4, 400)
    known = [*exact[::-1][:high], *exact[:low]]
    np.testing.assert_allclose(values, known, atol=2e-3)
    assert (np.abs(values - known) <= errors + 1e-5).all() and (errors <= 1e-4 * 11).all()
    for value, vector in zip(values, vectors, strict=True):
        assert np.linalg.norm(vector) == pytest.approx(1) and np.linalg.norm(H @ vector - value * vector) < 3e-3


def test_few_dimensions_are_searched_through():
    """All of the spectrum, also where eigenvalues are equal, and with a part that is frozen."""
    gradient, H = quadratic(6, values=np.array([1.0, 1.0, 1.0, 2.0, 2.0, 5.0]))
    values, _, _ = eigenvalues(gradient, np.zeros(6), (6, 6), 1e-6, 100)
    np.testing.assert_allclose(values, [5, 2, 2, 1, 1, 1, 1, 1, 1, 2, 2, 5], rtol=1e-5)
    values, vectors, _ = eigenvalues(gradient, np.zeros(6), (3, 1), 1e-6, 100, frozen=[slice(0, 3)])
    np.testing.assert_allclose(values[:3], np.linalg.eigvalsh(H[3:, 3:])[::-1], rtol=1e-5)
    assert not vectors[:, :3].any() and values[3] == pytest.approx(values[2], rel=1e-9)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_curvature_of_a_run_is_that_of_the_whole_hessian(activation):
    trainer, _ = network(activation)
    before = trainer.theta.copy()
    around = Around(trainer._run, statistics=True)
    exact, V = np.linalg.eigh(whole(around))
    found = nb.curvature(trainer, 3, tol=1e-4, vectors=True)
    slack = 1e-4 * np.abs(exact).max()
    assert found.settled and (np.abs(found.largest - exact[::-1][:3]) <= found.largest_error + slack).all()
    assert (np.abs(found.smallest - exact[:3]) <= found.smallest_error + slack).all()
    assert abs(found.largest_vectors[0] @ V[:, -1]) > 0.999 and found.smallest_vectors.shape == (3, exact.size)
    assert found.step == 30 and found.samples == found.of == 18 and found.gradients > 10
    assert found.largest[0] == pytest.approx(trainer.sharpness(), rel=1e-3)
    assert np.array_equal(trainer.theta, before) and trainer.steps == 30
    assert f"{found.largest[0]:.4g}" in repr(found) and "not settled" not in repr(found)
    assert nb.curvature(trainer).largest_vectors is None


def test_curvature_of_the_past():
    trainer, _ = network(steps=10)
    then = nb.curvature(trainer, 2)
    trainer.fit(steps=30, bar=False)
    np.testing.assert_array_equal(nb.curvature(trainer.at(10), 2).largest, then.largest)
    assert nb.curvature(trainer, 2).largest[0] != then.largest[0]


def test_curvature_says_how_many_gradients_it_cost(monkeypatch):
    trainer, _ = network()
    calls, plain = [], Around.gradient
    monkeypatch.setattr(Around, "gradient", lambda self, theta: calls.append(1) or plain(self, theta))
    assert nb.curvature(trainer, 2).gradients == len(calls)


def test_curvature_that_has_not_settled_says_so():
    trainer, _ = network(sizes=(3, 20, 20, 2))
    found = nb.curvature(trainer, 2, tol=1e-12, most=5)
    assert not found.settled and "not settled (within " in repr(found) and found.largest_error.max() > 1e-6


def test_curvature_of_what_is_not_finite_is_nan():
    trainer, _ = network()
    trainer.model.theta[:] = np.nan
    assert np.isnan([*nb.curvature(trainer).largest, *nb.curvature(trainer).smallest]).all()


def test_what_curvature_expects():
    trainer, around = network(sizes=(1, 1), steps=0)
    assert around.theta.size == 2
    with pytest.raises(TypeError, match=r"expects a Trainer, or a Moment.*got Sequential"):
        nb.curvature(trainer.model)
    for options, said in (
        ({"count": 3}, "at most 2"),
        ({"count": 0}, "count"),
        ({"tol": 0}, "tol"),
        ({"most": 1}, "most"),
    ):
        with pytest.raises(ValueError, match=said):
            nb.curvature(trainer, **options)
    made = nb.Objective(lambda model, batch: model(batch).mean(), batches=lambda rng: rng.normal(size=(4, 1)))
    with pytest.raises(ValueError, match="are made"):
        nb.curvature(nb.Trainer(nb.nn.mlp([1, 1], seed=0), objective=made))


# --------------------------------------------------------------------------------------------------- plain functions


def energy(x):
    return (x["W"].tanh() @ x["b"][0] * x["b"][1]).exp().sum() + (x["W"] ** 3).sum()


def energy_of_autograd(theta):
    W, b, c = theta[:6].reshape(2, 3), theta[6:9], theta[9]
    return anp.sum(anp.exp(anp.dot(anp.tanh(W), b) * c)) + anp.sum(W**3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.sampled_from([1e-6, 1.0, 1e6]))
def test_hvp_is_that_of_autograd_and_loses_no_more_than_it_says(seed, size):
    rng = np.random.default_rng(seed)
    theta, v = rng.normal(size=(2, 10))
    built = lambda t: {"W": t[:6].reshape(2, 3), "b": [t[6:9], t[9]]}  # noqa: E731
    found = nb.hvp(energy, built(theta), built(size * v))
    assert found["W"].shape == (2, 3) and isinstance(found["b"], list)
    exact = size * autograd.hessian(energy_of_autograd)(theta) @ v
    assert np.linalg.norm(flat(found) - exact) < 1e-9 * np.linalg.norm(exact)


def test_hvp_of_a_quadratic_loses_a_share_of_1e_12():
    rng = np.random.default_rng(0)
    for n in (1, 10, 100):
        A = rng.normal(size=(n, n))
        x, v = rng.normal(size=(2, n))
        found = nb.hvp(lambda x, A=A: x @ A @ x, x, v)
        exact = (A + A.T) @ v
        assert np.linalg.norm(found - exact) < 1e-11 * np.linalg.norm(exact)
    assert not nb.hvp(lambda x: (x * x).sum(), np.ones(3), np.zeros(3)).any()
    assert not nb.hvp(lambda x: x.sum(), np.ones(3), np.ones(3)).any()
    assert nb.hvp(lambda x: x**3, 2.0, 1.0) == pytest.approx(12, rel=1e-11)
    assert nb.hvp(lambda x: (x**3).sum(), np.array([2.0, 1.0], "f4"), [1, 0]).tolist() == pytest.approx([12, 0])


def test_hvp_costs_four_gradients():
    calls = []
    nb.hvp(lambda x: calls.append(1) or (x * x * x).sum(), np.ones(4), np.ones(4))
    assert len(calls) == 4


def test_hvp_beside_a_kink_and_on_one():
    f = lambda x: (x.relu() ** 2 + x.abs() * 3 + x * x).sum()  # noqa: E731
    for beside in (1e-3, 1e-6, 1e-9):
        found = nb.hvp(f, np.array([beside, -beside, 1.0]), np.array([1.0, 2.0, 3.0]))
        np.testing.assert_allclose(found, [4, 4, 12], rtol=1e-4)
    with pytest.raises(GradientError, match="on a kink"):
        nb.hvp(f, np.zeros(3), np.ones(3))


def test_hvp_near_where_f_ends():
    """log at 1e-7: the first differences reach below 0."""
    assert nb.hvp(lambda x: x.log(), 1e-7, 1.0) == pytest.approx(-1e14, rel=1e-3)


def test_what_hvp_and_hessian_expect():
    rng = np.random.default_rng(0)
    with pytest.raises(GradientError, match="draws random numbers"):
        nb.hvp(lambda x: (x * x * rng.normal(size=3)).sum(), np.ones(3), np.ones(3))
    with pytest.raises(GradientError, match="computes in float32 from Cast on"):
        nb.hvp(lambda x: (x.astype(np.float32).tanh().astype(np.float64) ** 2).sum(), np.ones(3), np.ones(3))
    with pytest.raises(ShapeError, match=r"v must have the shape .*\(3,\): got \(2,\)"):
        nb.hvp(lambda x: (x * x).sum(), np.ones(3), np.ones(2))
    with pytest.raises(BackwardError, match="one number"):
        nb.hvp(lambda x: x * x, np.ones(3), np.ones(3))
    assert np.isnan(nb.hvp(lambda x: (x * x * np.nan).sum(), np.ones(3), np.ones(3))).all()
    with pytest.raises(TypeError, match=r"one array: got a dict; nb\.hvp takes"):
        nb.hessian(lambda x: x["a"] ** 2)({"a": 1.0})
    with pytest.raises(ValueError, match="argnum must be an integer from -1 to 0; got 1"):
        nb.hessian(lambda x: x**2, 1)(1.0)


def test_hessian_as_in_autograd():
    x, y = np.random.default_rng(0).normal(size=(2, 2, 3))
    H = nb.hessian(lambda y, x: (x * y.tanh()).exp().sum(), argnum=-1)(y, x)
    exact = autograd.hessian(lambda x: anp.sum(anp.exp(x * anp.tanh(y))))(x)
    assert H.shape == (2, 3, 2, 3)
    np.testing.assert_allclose(H, exact, rtol=1e-9, atol=1e-10 * np.abs(exact).max())
    assert nb.hessian(lambda x: x**4)(1.0) == pytest.approx(12, rel=1e-10)
