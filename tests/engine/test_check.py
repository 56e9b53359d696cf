"""check_gradient: it must catch rules that are wrong."""

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


@pytest.mark.parametrize("x", [np.array([1, 2]), 3, np.int64(3), [1, 2], np.array([1, 2], np.uint8)])
def test_whole_numbers_alone_are_checked_as_floating_ones(x):
    wrong = rule(lambda x: x * x, lambda dy, x: dy * 99 * x)
    for f in (wrong, lambda x: wrong(x / 2)):
        with pytest.raises(GradientError, match=r"argument 0 .* is wrong"):
            nb.check_gradient(f, x)
    assert nb.check_gradient(lambda x: x * x, x) < 1e-7


@pytest.mark.parametrize(
    "f, args, got",
    [
        (lambda: Tensor(np.ones(2)), (), "got no argument"),
        (lambda x: Tensor(np.ones(2)), (np.array([True]),), r"got ndarray of bool, shape \(1,\)"),
        (lambda x: x * 2, (np.zeros((0, 3)),), "found nothing to compare"),
        (lambda x: x[:0], (A,), r"an empty result of shape \(0, 4\)"),
        (lambda x: x.log(), (np.zeros(2),), "f returned inf or NaN"),
        (lambda x: x * 2, ("text",), "got str"),
    ],
)
def test_a_check_of_nothing_is_no_success(f, args, got):
    with pytest.raises(GradientError, match=got), np.errstate(all="ignore"):
        nb.check_gradient(f, *args)
    with pytest.raises(ValueError, match="directions must be an integer, 1 or more; got 0"):
        nb.check_gradient(lambda x: x * x, A, directions=0)
    with pytest.raises(ValueError, match="eps must be a finite number, greater than 0"):
        nb.check_gradient(lambda x: x * x, A, eps=0)


KINKS = {
    "relu": (lambda x: x.relu(), [0.0, 1.0]),
    "hinge": (lambda x: (1 - x).relu(), [1.0]),
    "clip": (lambda x: x.clip(-1, 1), [1.0, 0.0]),
    "max": (lambda x: x.max() + x[0], [2.0, 2.0, 1.0]),
    "leaky": (lambda x: x.leaky_relu() + x, [0.0]),
    "behind others": (lambda x: (x.tanh() * 3).relu() + x.exp(), [0.0, 0.3]),
}


@pytest.mark.parametrize("name", KINKS)
def test_at_a_kink_it_says_so(name):
    f, x = KINKS[name]
    try:
        error = nb.check_gradient(f, np.array(x))
    except GradientError as trouble:
        assert "f has a kink at argument 0" in str(trouble) and "is between them" in str(trouble)
    else:
        assert error < 1e-6  # ties are shared: the mean of both slopes, as central differences have it


def test_a_wrong_rule_at_a_kink():
    f = rule(lambda x: np.maximum(x, 0), lambda dy, x: 9 * dy)
    with pytest.raises(GradientError, match=r"kink at argument 0 .* is not even between them"):
        nb.check_gradient(f, np.array([0.0]))


def test_a_strongly_bent_function_is_not_a_kink():
    f = rule(lambda x: np.exp(300 * x), lambda dy, x: dy * 299 * np.exp(300 * x))
    with pytest.raises(GradientError, match="is wrong"):
        nb.check_gradient(f, np.array([0.1]))


def test_random_numbers_are_named():
    rng = np.random.default_rng(0)
    with pytest.raises(GradientError, match="the same every time: look for random numbers"):
        nb.check_gradient(lambda x: x * Tensor(rng.random(3)), np.ones(3))
