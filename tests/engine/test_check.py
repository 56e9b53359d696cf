"""grad and check_gradient; the checker must catch rules that are wrong."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.engine import BackwardError, GradientError, Op, Tensor, apply
from nbprop.engine.op import OPS


@pytest.fixture(autouse=True)
def own_ops():
    before = dict(OPS)
    yield
    OPS.clear()
    OPS.update(before)


A, B, v = np.random.default_rng(3).standard_normal((3, 4, 4)).astype(float)[0], np.eye(4) + 0.1, np.arange(4.0)


def rule(forward, backward):
    """f that applies an op with the given rule: backward(dy, *inputs)."""

    class Rule(Op):
        def forward(self, *xs):
            self.xs = xs
            return forward(*xs)

        def backward(self, dy):
            return backward(dy, *self.xs)

    return lambda *xs: apply(Rule(), *xs)


RIGHT = {
    "square": (lambda x: x * x, lambda dy, x: 2 * x * dy, [A]),
    "matmul": (lambda a, b: a @ b, lambda dy, a, b: (dy @ b.T, a.T @ dy), [A, B]),
    "softmax": (
        lambda x: np.exp(x) / np.exp(x).sum(),
        lambda dy, x: (p := np.exp(x) / np.exp(x).sum()) * (dy - (dy * p).sum()),
        [v],
    ),
    "bias": (lambda x, b: x + b, lambda dy, x, b: (dy, dy.sum(0)), [A, v]),
}
WRONG = {
    "missing factor": (lambda x: x * x, lambda dy, x: x * dy, [A], 0),
    "sign": (lambda a, b: a - b, lambda dy, a, b: (dy, dy), [A, B], 1),
    "transposed": (lambda a, b: a @ b, lambda dy, a, b: (dy @ b, a.T @ dy), [A, A.T @ B], 0),
    "transposed result": (lambda a, b: a @ b, lambda dy, a, b: (dy @ b.T, (a.T @ dy).T), [A, B], 1),
    "sum over part of the batch": (lambda x, b: x + b, lambda dy, x, b: (dy, dy[:-1].sum(0)), [A, v], 1),
    "missing sum in a spread": (lambda b: np.broadcast_to(b, (3, 4)) * 1.0, lambda dy, b: dy[0], [v], 0),
    "mean for sum": (lambda x, b: x + b, lambda dy, x, b: (dy, dy.mean(0)), [A, v], 1),
    "one path forgotten": (
        lambda x: np.exp(x) / np.exp(x).sum(),
        lambda dy, x: np.exp(x) / np.exp(x).sum() * dy,
        [v],
        0,
    ),
    "nothing": (lambda x: x * x, lambda dy, x: None, [A], 0),
    "nan": (lambda x: x * x, lambda dy, x: x * np.nan, [A], 0),
    "a thousandth": (lambda x: np.exp(x), lambda dy, x: np.exp(x) * dy * 1.001, [A], 0),
    "one element": (lambda x: x * x, lambda dy, x: 2 * x * dy + (np.arange(16).reshape(4, 4) == 5) * 1e-3, [A], 0),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_rule_passes(name):
    forward, backward, args = RIGHT[name]
    assert 0 <= nb.check_gradient(rule(forward, backward), *args) < 1e-7


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_caught(name):
    forward, backward, args, argument = WRONG[name]
    with pytest.raises(GradientError, match=rf"argument {argument} .*direction 0 .*backward gives .*differences give"):
        nb.check_gradient(rule(forward, backward), *args)


def test_the_error_returned_is_the_largest():
    slightly_wrong = rule(lambda a, b: a + b, lambda dy, a, b: (dy, dy * (1 + 1e-4)))
    assert nb.check_gradient(slightly_wrong, A, B, tol=1) == pytest.approx(1e-4, rel=1e-2)


def test_it_computes_in_float64_and_takes_numbers_lists_tensors_and_indices():
    def f(x, y, z, k):
        assert x.dtype == y.dtype == z.dtype == np.float64
        return (x * y + z[k] ** 2).tanh()

    assert nb.check_gradient(f, np.ones(3, "f4"), 0.5, Tensor([0.1, 0.2, 0.3]), np.array([2, 0, 0])) < 1e-7


def test_it_checks_networks():
    model = nb.nn.mlp([3, 5, 2], activation="gelu", dtype=np.float64)
    assert nb.check_gradient(lambda x: model(x), np.random.default_rng(0).standard_normal((4, 3))) < 1e-6


def test_a_function_that_ignores_its_argument():
    assert nb.check_gradient(lambda x, y: y * 2, A, B) < 1e-8
    assert nb.check_gradient(lambda x: Tensor(np.ones(3)), A) == 0


def test_what_check_gradient_expects():
    with pytest.raises(BackwardError, match="returns a Tensor: got ndarray"):
        nb.check_gradient(lambda x: x.data, A)
    with pytest.raises(GradientError, match="needs float64, but f returned float32"):
        nb.check_gradient(lambda x: x.astype(np.float32), A)


def test_grad():
    g = nb.grad(lambda x: (x**2).sum())([1.0, 2.0])
    assert isinstance(g, np.ndarray) and g.dtype == np.float32 and g.tolist() == [2, 4]
    assert nb.grad(lambda x: x**3)(2.0) == 12
    assert nb.grad(lambda x, y: (x * y).sum(), argnum=1)(A, B).tolist() == A.tolist()
    assert nb.grad(lambda x: (x * 2).sum())(A).dtype == np.float64
    assert nb.grad(lambda x, k: x[k], argnum=0)([1.0, 2.0], 1).tolist() == [0, 1]
    assert nb.grad(lambda x, y: (y * 2).sum())(A, B).tolist() == np.zeros((4, 4)).tolist()


def test_grad_leaves_its_argument_alone():
    x = Tensor([1.0, 2.0])
    assert nb.grad(lambda x: (x * x).sum())(x).tolist() == [2, 4]
    assert x.grad is None and not x.requires_grad


def test_what_grad_expects():
    with pytest.raises(BackwardError, match=r"one number.*shape \(4, 4\): y\.sum\(\)"):
        nb.grad(lambda x: x * 2)(A)
    with pytest.raises(BackwardError, match="got float"):
        nb.grad(lambda x: 1.0)(A)


def test_grad_of_grad_is_refused():
    with pytest.raises(BackwardError, match=r"grad of grad is not supported.*central differences of grad"):
        nb.grad(lambda x: nb.grad(lambda z: z**3)(x))(2.0)
    second = nb.check_gradient(lambda x: x**3, 2.0)  # while first derivatives go on working
    assert second < 1e-7
