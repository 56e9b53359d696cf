"""Deep linear networks: the exact solution beside training one by gradient descent."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.theory import mode_strength

S = np.array([3.0, 1.5, 0.7])


def trained(depth, u0, lr, steps, every):
    """(time, strengths of the modes) of a deep linear network that learns maps of strengths S, from balanced weights
    aligned with them: inputs are whitened, and all samples are one batch."""
    rng = np.random.default_rng(0)
    n, m = 64, len(S)
    X = np.linalg.qr(rng.normal(size=(n, m)))[0] * np.sqrt(n)  # X^T X / n = 1
    U, V = (np.linalg.qr(rng.normal(size=(m, m)))[0] for _ in range(2))
    y = X @ (U * S @ V.T).T
    modules = [nb.nn.Linear(m, m, bias=False, dtype=np.float64) for _ in range(depth)]
    root = u0 ** (1 / depth)
    for k, module in enumerate(modules):
        left, right = (U if k == depth - 1 else np.eye(m)), (V.T if k == 0 else np.eye(m))
        module.weight.data[...] = left @ (root * np.eye(m)) @ right
    model = nb.nn.Sequential(*modules)
    data = nb.data.Arrays(X, y, validation=0)
    trainer = nb.Trainer(model, objective=nb.training.Supervised(data, "mse"), optimizer="sgd", lr=lr, batch_size=n)

    def strengths():
        W = np.linalg.multi_dot([*(module.weight.data for module in reversed(modules)), np.eye(m)])
        return np.diag(U.T @ W @ V)

    found = [strengths()]
    for _ in range(steps // every):
        trainer.step(every)
        found.append(strengths())
    return 2 * lr / m * every * np.arange(len(found)), np.array(found)


@pytest.mark.parametrize(("depth", "u0"), [(1, 0.01), (2, 0.01), (3, 0.1)])
def test_a_linear_network_learns_its_modes_as_the_solution_says(depth, u0):
    time, found = trained(depth, u0, lr=0.004, steps=1500, every=50)
    solved = mode_strength(S, u0, time, depth)
    np.testing.assert_allclose(found, solved, atol=0.012 * S.max())
    half = (found > S / 2).argmax(axis=0)  # the stronger, the sooner; but a single layer learns all at one pace
    assert (np.diff(half) > 0).all() if depth > 1 else (half == half[0]).all()


def test_gradient_descent_comes_nearer_to_it_with_a_smaller_learning_rate():
    worst = [np.abs(np.subtract(*_both(lr))).max() for lr in (0.02, 0.01, 0.005)]
    np.testing.assert_allclose(np.divide(worst[:-1], worst[1:]), 2, rtol=0.15)  # of first order


def _both(lr):
    time, found = trained(2, 0.01, lr, steps=int(4 / lr), every=int(0.2 / lr))
    return found, mode_strength(S, 0.01, time, 2)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_it_solves_the_equation(depth):
    time = np.linspace(0, 4, 4001)
    u = mode_strength(1.3, 0.2, time, depth)
    slope = np.gradient(u, time)[1:-1]
    np.testing.assert_allclose(slope, depth * u[1:-1] ** (2 - 2 / depth) * (1.3 - u[1:-1]), atol=1e-5)
    assert u[0] == pytest.approx(0.2) and u[-1] == pytest.approx(1.3, rel=0.02)


def test_shapes_and_large_times():
    assert mode_strength(S, 0.1, np.arange(4.0)).shape == (4, 3)
    assert mode_strength(2.0, 0.1, np.arange(4.0)).shape == (4,)
    assert mode_strength(2.0, 0.1, 1e6) == pytest.approx([2.0])
    np.testing.assert_allclose(mode_strength(1.0, 2.0, [0, 50.0]), [2, 1])  # from above


@pytest.mark.parametrize(
    ("s", "u0", "time", "depth", "words"),
    [
        (0.0, 0.1, [0], 2, "s must be a finite number, greater than 0"),
        (1.0, -0.1, [0], 2, "u0 must be"),
        (1.0, 0.1, [1, 0], 2, "time must be finite numbers"),
        (1.0, 0.1, [np.inf], 2, "time must be finite numbers"),
        (1.0, 0.1, [0], 0, "depth must be an integer, 1 or more"),
    ],
)
def test_what_cannot_be_solved_is_refused(s, u0, time, depth, words):
    with pytest.raises(ValueError, match=words):
        mode_strength(s, u0, time, depth)
