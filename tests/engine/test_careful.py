"""What stays right where plain arithmetic does not: at inf, at NaN, at ties, at 0, far out, and in float16."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nbprop.engine as E
from nbprop.engine import Replay, Tensor, activation, apply, careful, conv, dropout, loss, record, recurrent
from nbprop.nn import ACTIVATIONS, GELU

inf, nan = np.inf, np.nan
strange = st.sampled_from([0.0, -0.0, 1.0, -2.5, inf, -inf, nan])


def gradient(f, x, dy=None, dtype=np.float64):
    """The value of f(x) and dL/dx, for dL/dy = dy, or 1."""
    x = Tensor(np.array(x, dtype), requires_grad=True)
    with np.errstate(all="ignore"):
        y = f(x)
        y.backward(np.ones(y.shape) if dy is None else np.array(dy, y.dtype))
    return y.data, x.grad


# Where nothing was taken, the gradient is 0, whatever dL/dy is


@given(st.lists(st.tuples(st.booleans(), strange), max_size=5), st.sampled_from(["f2", "f4", "f8", "g"]))
def test_only_selects(pairs, dtype):
    mask = np.array([taken for taken, _ in pairs], bool)
    x = np.array([value for _, value in pairs], dtype)
    out = np.full_like(x, 7)
    assert careful.only(mask, x, out=out) is out
    for got in (careful.only(mask, x), out):
        np.testing.assert_array_equal(got, np.where(mask, x, 0))
        assert got.dtype == x.dtype


def wheres(x):
    return E.where(np.array([True, False, True, False]), x, 0.0)


SELECTING = {  # f, x of which the numbers 0 and 2 are taken, 1 and 3 are not
    "relu": (lambda x: x.relu(), [1.0, -1.0, 2.0, 0.0]),
    "leaky relu of slope 0": (lambda x: x.leaky_relu(0), [1.0, -1.0, 2.0, -inf]),
    "clip": (lambda x: x.clip(0, 3), [1.0, -1.0, 2.0, 4.0]),
    "maximum": (lambda x: E.maximum(x, 0.5), [1.0, -1.0, 2.0, 0.0]),
    "minimum": (lambda x: E.minimum(0.5, x), [0.0, 1.0, -1.0, inf]),
    "where": (wheres, [1.0, 2.0, 3.0, inf]),
    "abs at 0": (lambda x: x.abs(), [1.0, 0.0, 2.0, 0.0]),
    "even power at 0": (lambda x: x**2 / 2, [1.0, 0.0, 1.0, 0.0]),
    "dropout": (lambda x: apply(dropout.Dropout(0.5, Draws()), x) * 0.5, [1.0, 2.0, 3.0, inf]),
}


class Draws:
    def random(self, shape, dtype):
        return np.array([0.9, 0.1, 0.9, 0.1])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("name", SELECTING)
def test_what_was_not_taken_gets_0(name, dtype):
    f, x = SELECTING[name]
    for bad in (inf, -inf, nan):
        y, dx = gradient(f, x, [1, bad, 1, bad], dtype)
        np.testing.assert_array_equal(dx, [1, 0, 1, 0])
    assert not np.isnan(y).any()


def test_reductions_and_pooling_give_to_one_place():
    for f in (lambda x: x.max(axis=1).sqrt(), lambda x: (-((-x).min(axis=1))).sqrt()):
        _, dx = gradient(f, [[-1.0, 0.0], [1.0, 4.0]])
        np.testing.assert_array_equal(dx, [[0, inf], [0, 0.25]])
    _, dx = gradient(lambda x: apply(conv.MaxPool2d(2), x).sqrt(), [[[[-1.0, 0.0], [-2.0, -3.0]]]])
    np.testing.assert_array_equal(dx, [[[[0, inf], [0, 0]]]])


def test_recurrent_relu():
    W = Tensor(np.array([[1.0], [-1.0]]), requires_grad=True)
    x, s, U = np.ones((1, 1, 1)), np.ones((1, 2)), np.array([[0.0, 0.0], [0.0, 0.0]])
    apply(recurrent.RNN("relu"), x, s, W, U)[1:].backward(np.array([[[1.0, inf]]]))
    np.testing.assert_array_equal(W.grad, [[1], [0]])


# NaN and ties


def test_nan_gets_the_gradient_of_the_largest():
    y, dx = gradient(lambda x: x.max(axis=1), [[1.0, nan, 3.0], [1.0, 2.0, 2.0]])
    np.testing.assert_array_equal(y, [nan, 2])
    np.testing.assert_array_equal(dx, [[0, 1, 0], [0, 0.5, 0.5]])
    y, dx = gradient(lambda x: apply(conv.MaxPool2d(2), x), [[[[1.0, nan, 1, 2], [3, 4, 5, 6]]]])
    np.testing.assert_array_equal(y, [[[[nan, 6]]]])
    np.testing.assert_array_equal(dx, [[[[0, 1, 0, 0], [0, 0, 0, 1]]]])


def test_pooling_never_gives_to_the_border():
    _, dx = gradient(lambda x: apply(conv.MaxPool2d(2, 2, 1), x), np.full((1, 1, 2, 2), -inf))
    assert dx.tolist() == [[[[1, 1], [1, 1]]]]


@pytest.mark.parametrize("f", [lambda a, b: E.maximum(a, b), lambda a, b: E.minimum(a, b)])
def test_ties_are_halved(f):
    a, b = (Tensor(np.array([1.0, inf, -inf]), requires_grad=True) for _ in range(2))
    f(a, b).backward(np.array([1.0, 2, 4]))
    assert a.grad.tolist() == b.grad.tolist() == [0.5, 1, 2]


# Far out

SLOPES = {"leaky_relu": (0.01, 1), "selu": (0, 1.0507), "identity": (1, 1)}  # others that grow: (0, 1)
SLOPES |= dict.fromkeys(("sigmoid", "tanh", "relu6", "hardtanh", "hardsigmoid", "softsign"), (0, 0))


@pytest.mark.parametrize("name", [*ACTIVATIONS, "exact gelu"])
@pytest.mark.parametrize(
    "dtype, sizes", [("f2", [100, 6e4, inf]), ("f4", [1e4, 1e20, 3e38, inf]), ("f8", [1e300, inf])]
)
def test_activations_far_out(name, dtype, sizes):
    act = GELU("none") if name == "exact gelu" else ACTIVATIONS[name]()
    for size in sizes:
        for both in ([-size, size], [-size, size, 1.0, nan]):
            y, slope = gradient(act, both, dtype=dtype)
            assert not np.isnan(y[:2]).any()
            near = 2 * size**-2.0 if name == "softsign" else 0  # its slope falls slowly
            np.testing.assert_allclose(slope[:2], SLOPES.get(name, (0, 1)), rtol=1e-3, atol=max(near, 1e-100))


@pytest.mark.parametrize("op", [activation.SiLU, activation.GELU, activation.TanhGELU])
def test_far_out_numbers_leave_the_others_alone(op):
    near = np.linspace(-9, 9, 50)
    y, dx = gradient(lambda x: apply(op(), x), near)
    y2, dx2 = gradient(lambda x: apply(op(), x), [*near, inf, -1e30])
    assert y2[:-2].tolist() == y.tolist() and dx2[:-2].tolist() == dx.tolist()
    assert y2[-2:].tolist() == [inf, 0]


def test_elu_keeps_small_slopes():
    _, dx = gradient(lambda x: x.elu(), [-30.0], dtype=np.float32)
    np.testing.assert_allclose(dx, [math.exp(-30)], rtol=1e-6)


def test_logsumexp_and_softmax_of_infinities():
    for x, value, slope in [
        ([-inf, -inf], -inf, [0, 0]),
        ([-inf, 1.0], 1, [0, 1]),
        ([inf, 1.0], inf, [1, 0]),
        ([inf, -inf, inf], inf, [0.5, 0, 0.5]),
    ]:
        y, dx = gradient(lambda x: x.logsumexp(axis=-1), x)
        assert y == value and dx.tolist() == slope
    y, dx = gradient(lambda x: x.softmax(), [-inf, 1.0], [1, 2])
    assert y.tolist() == [0, 1] and dx.tolist() == [0, 0]
    assert np.isnan(gradient(lambda x: x.softmax(), [-inf, -inf])[0]).all()  # as in PyTorch: no way to say


def test_losses_of_certain_logits():
    z, t = [-inf, inf, -inf, inf], [0.0, 1.0, 1.0, 0.0]
    for right, L in [(slice(0, 2), 0), (slice(0, 3), inf)]:
        y, dz = gradient(lambda z, right=right: apply(loss.BCEWithLogits(), z, np.array(t[right])), z[right])
        assert y == L
        np.testing.assert_allclose(dz * len(dz), np.subtract([0, 1, 0, 1], t)[right])
    y, dz = gradient(lambda z: apply(loss.CrossEntropy(), z, np.array([1])), [[-inf, 2.0, 2.0]])
    assert y == pytest.approx(math.log(2)) and dz.tolist() == [[0, -0.5, 0.5]]


def test_losses_of_certain_probabilities():
    """As in PyTorch: no more than 100 for each, and slopes that are finite."""
    y, dp = gradient(lambda p: apply(loss.BCE(), p, np.array([0.0, 1.0, 1.0, 0.0])).sum(), [0.0, 1.0, 0.0, 1.0])
    assert y == 200 and dp.tolist() == [0, 0, -1e12, 1e12]
    y, dx = gradient(lambda x: apply(loss.NLL(), x, np.array([1, 0])), [[-inf, 0.0], [-0.5, -inf]])
    assert y == 0.25 and dx.tolist() == [[0, -0.5], [-0.5, 0]]
    assert gradient(lambda x: apply(loss.NLL(), x, np.array([0])), [[-inf, 0.0]])[0] == inf


# At 0


def test_powers_at_0():
    a, b = (Tensor(np.array(x, float), requires_grad=True) for x in ([0, 0, 0, 0, -2], [0, 2, -1, 0.5, 3]))
    with np.errstate(all="ignore"):
        y = a**b
        y.backward(np.ones(5))
    np.testing.assert_array_equal(y.data, [1, 0, inf, 0, -8])
    np.testing.assert_array_equal(a.grad, [0, 0, -inf, inf, 12])
    np.testing.assert_array_equal(b.grad, [0, 0, -inf, 0, nan])
    _, dx = gradient(lambda x: x**0, [0.0, inf, nan])
    assert dx.tolist() == [0, 0, 0]


@pytest.mark.parametrize("order", [1, 2, inf])
def test_norm_at_0_and_far_out(order):
    for f in (lambda x: x.norm(order), lambda x: x.norm(order) ** 2, lambda x: x.norm(order).sqrt()):
        _, dx = gradient(f, [0.0, 0.0])
        assert dx.tolist() == [0, 0]
    for size in (1e-30, 1e30):
        y, dx = gradient(lambda x: x.norm(order), [3 * size, -4 * size], dtype=np.float32)
        np.testing.assert_allclose(y, {1: 7, 2: 5, inf: 4}[order] * size, rtol=1e-6)
        np.testing.assert_allclose(dx, {1: [1, -1], 2: [0.6, -0.8], inf: [0, -1]}[order], rtol=1e-6)
    y, dx = gradient(lambda x: x.norm(order), [1.0, -inf, 0.0])
    assert y == inf and dx.tolist() == {1: [1, -1, 0], 2: [0, -1, 0], inf: [0, -1, 0]}[order]


def test_norm_by_other_names():
    x = Tensor(np.arange(6.0).reshape(2, 3))
    np.testing.assert_allclose(E.vector_norm(x, axis=1).data, np.linalg.norm(x.data, axis=1))
    np.testing.assert_allclose(x.norm(dim=0, keepdim=True).data, np.linalg.norm(x.data, axis=0, keepdims=True))
    assert x.norm().item() == pytest.approx(np.linalg.norm(x.data))
    assert x.norm("fro").item() == x.norm(p="fro").item() == x.norm(p=2).item() == x.norm().item()
    assert np.linalg.norm(x, 1, axis=0).data.tolist() == x.norm(p=1, dim=0).data.tolist() == [3, 5, 7]
    for f, words in [
        (lambda: x.norm("nuc"), "norm takes a number as ord, such as 1, 2, 0.5 or inf, or 'fro': got 'nuc'"),
        (lambda: x.norm(np.nan), "norm takes a number as ord"),
        (lambda: np.linalg.norm(x, 3), 'of matrices takes as ord "fro", "nuc", 1, -1, 2, -2, inf or -inf: got 3'),
        (lambda: np.linalg.norm(x[None], 0), r"got ord=0 for 3 axes.*x\.norm\(ord\)"),
        (lambda: x[:, :0].norm(-1), r"Norm cannot take shapes \(2, 0\): of no numbers there is no norm with ord -1"),
    ]:
        with pytest.raises((ValueError, TypeError), match=words):
            f()


@pytest.mark.parametrize("n, ddof", [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 1), (3, 3)])
def test_spread_of_too_few_numbers(n, ddof):
    for x in (np.arange(n) * 1.5, np.full(n, 2.0), np.arange(2.0 * n).reshape(2, n)):
        for name in ("var", "std"):
            with np.errstate(all="ignore"), warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                theirs = getattr(np, name)(x, -1, ddof=ddof)
                asked = len(said)
                ours = getattr(Tensor(x), name)(-1, ddof=ddof)
            np.testing.assert_allclose(ours.data, theirs)
            assert (len(said) > asked) == (n <= ddof) == any("Degrees" in str(each.message) for each in said)


@pytest.mark.torch
@pytest.mark.parametrize("order", [-inf, -2, -1, 0, 0.5, 1, 1.5, 2, 3, inf])
def test_norms_of_any_order(order):
    """Also of zeros, and of numbers whose powers overflow or vanish; of inf and -inf with equals among them."""
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((3, 5))
    x[1, 2:4], x[2, 1:3] = 0, [2, -2]
    for axis in (0, 1, None):
        ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = ours.norm(order, axis), torch.linalg.vector_norm(theirs, order, axis)
        np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12)
        y.sum().backward()
        slope = 0 * x
        if order:
            z.sum().backward()
            slope = theirs.grad.numpy()
        np.testing.assert_allclose(ours.grad, slope, rtol=1e-12, atol=1e-15)
        for size in (1e-200, 1e200):
            far, far_dx = gradient(lambda x, axis=axis: x.norm(order, axis), x * size)
            np.testing.assert_allclose(far, y.data * (size if order else 1), rtol=1e-12)
            np.testing.assert_allclose(far_dx, ours.grad, rtol=1e-11, atol=1e-15)
    y, dx = gradient(lambda x: x.norm(order), [0.0, 0.0])
    assert y == 0 and dx.tolist() == [0, 0]


def test_the_length_as_it_is_often_written():
    for f in (lambda x: (x**2).sum().sqrt(), lambda x: (x**2).sum().sqrt() ** 2):
        assert gradient(f, [0.0, 0.0])[1].tolist() == [0, 0]


def test_var_and_std():
    for name in ("var", "std"):
        for value in (0.1, 1e6 + 0.1, 5.0):  # the mean of equal numbers is rounded
            y, dx = gradient(lambda x, name=name: getattr(x, name)(), [value] * 3)
            assert y == 0 and dx.tolist() == [0, 0, 0]
        for ddof in (1, 2):
            with pytest.warns(RuntimeWarning, match=rf"(Var|Std) divides by n - ddof, .* of 1 - {ddof}"):
                y, dx = gradient(lambda x, name=name, ddof=ddof: getattr(x, name)(axis=1, ddof=ddof), [[5.0], [7.0]])
            assert np.isnan(y).all() and np.isnan(dx).all()
    assert gradient(lambda x: x.std().sqrt(), [5.0, 5.0])[1].tolist() == [0, 0]
    assert np.isnan(Tensor(np.zeros((0, 2))).mean(axis=0).data).all()


# float16


def test_sums_of_float16():
    n = 70_000
    for f, value, slope in [
        (lambda x: x.max(), 1, 1 / n),
        (lambda x: x.mean(), 1, 1 / n),
        (lambda x: x.var(), 0, 0),
        (lambda x: x.norm(), math.sqrt(n), 1 / math.sqrt(n)),
        (lambda x: apply(loss.MSE(), x, np.zeros(n, "f2")), 1, 2 / n),
    ]:
        y, dx = gradient(f, np.ones(n), dtype=np.float16)
        assert y.dtype == dx.dtype == np.float16
        np.testing.assert_allclose(y, value, rtol=2e-3)
        np.testing.assert_allclose(dx[:2], slope, rtol=2e-3, atol=1e-7)
    many = Tensor(np.zeros((3, 2), np.float16), requires_grad=True)
    (many[[0] * 5000].sum() + (many[1:2] + np.zeros((5000, 2), np.float16)).sum()).backward()
    assert many.grad.tolist() == [[5000, 5000], [5000, 5000], [0, 0]]
    apply(E.embedding.Embedding(), np.zeros(5000, int), many).sum().backward()
    assert many.grad[0].tolist() == [10000, 10000]


def test_normalization_of_float16():
    x = np.full((40_000, 2), 3.0) + np.arange(40_000)[:, None] % 2
    y, _ = gradient(lambda x: apply(E.norm.BatchNorm(), x, np.ones(2, "f2"), np.zeros(2, "f2")), x, dtype=np.float16)
    np.testing.assert_allclose(y[:2], [[-1, -1], [1, 1]], rtol=2e-3)
    y, _ = gradient(lambda x: x.softmax(0), np.zeros(70_000), dtype=np.float16)
    np.testing.assert_allclose(y[:2], 1 / 70_000, rtol=2e-2)
    q, k = np.ones((1, 2), "f2"), np.ones((3, 2), "f2")
    y = apply(E.attention.Attention(), q, k, k, np.array([[False, False, False]]))
    assert y.data.tolist() == [[0, 0]]


# Indices


@pytest.mark.parametrize(
    "index", [((0, 0, 1),), (range(2), (1, 1)), ([-1, 1, 1],), ((), 0), (None, (0, 0), ...), ([True, False],), (True,)]
)
def test_any_index_adds_up_what_is_taken_twice(index):
    x = np.arange(6.0).reshape(2, 3)
    y, dx = gradient(lambda t: t[index], x)
    plain = tuple(np.array(i, int) if isinstance(i, (tuple, range)) else i for i in index)
    np.testing.assert_array_equal(y, x[plain])
    counted = np.zeros((2, 3))
    np.add.at(counted, plain, 1)
    np.testing.assert_array_equal(dx, counted)


def test_an_index_is_copied():
    picks, x = np.array([0, 0]), Tensor([1.0, 2.0], requires_grad=True)
    y = x[picks]
    picks[:] = 1
    y.sum().backward()
    assert x.grad.tolist() == [2, 0]


# Later batches of a recorded step


@pytest.mark.parametrize(
    "op, x, good, bad, error, words",
    [
        (loss.CrossEntropy, np.eye(3, 4), [0, 1, 2], [0, 4, 2], IndexError, "class numbers from 0 to 3: got 0 to 4"),
        (loss.CrossEntropy, np.eye(3, 4), [0, 1, 2], [0, -1, 2], IndexError, "class numbers from 0 to 3: got -1 to 2"),
        (loss.BCEWithLogits, np.eye(2), np.eye(2), -np.eye(2), ValueError, "targets from 0 to 1: got -1"),
        (loss.BCEWithLogits, np.eye(2), np.eye(2), 2 * np.eye(2), ValueError, "targets from 0 to 1: got 0.0 to 2"),
        (loss.BCE, np.eye(2), np.eye(2), 2 * np.eye(2), ValueError, "BCE takes targets from 0 to 1: got 0.0 to 2"),
        (loss.NLL, np.eye(3, 4), [0, 1, 2], [0, 4, 2], IndexError, "NLL takes class numbers from 0 to 3: got 0 to 4"),
        (lambda: loss.NLL(None, 1), np.eye(2), [0, 1], [1, 1], ValueError, "have no weight, so there is no mean of"),
    ],
)
def test_targets_out_of_range_in_a_later_batch(op, x, good, bad, error, words):
    t = Tensor(np.array(good))
    with record() as tape:
        L = apply(op(), Tensor(x, requires_grad=True), t).sum()
    step = Replay(tape, L)
    step.forward(), step.backward(), step.forward()
    t.data[:] = bad
    with pytest.raises(error, match=words):
        step.forward()


def test_rows_out_of_range_in_a_later_batch():
    index = Tensor(np.array([0, 1]))
    with record() as tape:
        L = apply(E.embedding.Embedding(), index, Tensor(np.eye(3), requires_grad=True)).sum()
    step = Replay(tape, L)
    step.forward(), step.forward()
    index.data[0] = 3
    with pytest.raises(IndexError, match="row numbers from 0 to 2: got 1 to 3"):
        step.forward()


@given(st.lists(st.integers(-300, 300), max_size=4), st.sampled_from(["i1", "u1", "i2", ">i2", "i4", "u4", "i8"]))
def test_one_look_at_numbers_is_enough(numbers, dtype):
    numbers = np.array(numbers).astype(dtype)
    try:
        loss.CrossEntropy().check_numbers("numbers", numbers, 100)
        refused = False
    except IndexError:
        refused = True
    assert refused == any(not 0 <= n < 100 for n in numbers.tolist())
