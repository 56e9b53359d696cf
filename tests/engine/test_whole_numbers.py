"""Whole numbers and bools: nothing wraps, nothing is cut off, and 2.5 is no whole number."""

import numpy as np
import pytest

import nbprop.engine as E
from nbprop.engine import ShapeError, Tensor, apply, conv, loss
from nbprop.nn import GELU, Conv2d, LayerNorm, LeakyReLU, Linear, MaxPool2d, Sigmoid, Softplus

DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "i8", "?"]
UNARY = ["__neg__", "abs", "exp", "log", "sqrt", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "silu", "softplus"]
UNARY += ["sin", "cos", "tan", "atan", "sinh", "cosh", "asinh", "expm1", "exp2", "log1p", "log2", "log10", "sign"]
UNARY += ["floor", "ceil", "trunc", "round", "square", "rsqrt", "reciprocal", "erf"]
UNARY += ["prod", "cumsum", "cumprod", "logcumsumexp"]
UNARY += ["gelu", "softmax", "log_softmax", "logsumexp", "sum", "mean", "max", "min", "var", "std", "norm"]
BINARY = ["__add__", "__sub__", "__mul__", "__truediv__", "__matmul__", "arctan2", "hypot"]
BINARY += ["logaddexp", "maximum", "minimum", "dot", "inner", "outer"]


def extremes(dtype):
    """The numbers of a dtype where it would wrap, as far as float32 holds them."""
    if dtype == "?":
        return np.array([True, False, True])
    info = np.iinfo(dtype)
    return np.array([max(info.min, -128), 1, min(info.max, 200)], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_one_tensor(name, dtype):
    x = extremes(dtype)
    with np.errstate(all="ignore"):
        y, expected = getattr(Tensor(x), name)().data, getattr(Tensor(x.astype(float)), name)().data
    expected = np.where(np.abs(expected) > 3.4e38, np.copysign(np.inf, expected), expected)
    np.testing.assert_allclose(y.astype(float), expected, rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_two_tensors(name, dtype):
    a, b = extremes(dtype), extremes(dtype)[::-1]
    with np.errstate(all="ignore"):
        y = getattr(Tensor(a), name)(Tensor(b)).data
        expected = getattr(Tensor(a.astype(float)), name)(Tensor(b.astype(float))).data
    np.testing.assert_allclose(y, expected)


@pytest.mark.parametrize("name", ["__mod__", "__floordiv__", "fmod"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_division_with_a_remainder(name, dtype):
    a, b = extremes(dtype), np.array([True, True, True]) if dtype == "?" else np.array([3, 1, 7], dtype)
    y = getattr(Tensor(a), name)(Tensor(b)).data
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, getattr(Tensor(a.astype(float)), name)(Tensor(b.astype(float))).data)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        zeros = Tensor(np.zeros(3, int))
        assert getattr(Tensor(a), name)(zeros).data.tolist() == [0, 0, 0]  # as in NumPy


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, 0.5])
def test_powers(exponent):
    x = np.array([1, 5, 200], np.uint8)
    np.testing.assert_allclose((Tensor(x) ** exponent).data, x.astype(float) ** exponent, rtol=1e-6)


def test_layers_and_losses_compute_in_float32():
    x, image = np.array([[1, 2, 200]], np.uint8), np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)
    for module, data in [
        *((m, x) for m in (Linear(3, 2, rng=0), LayerNorm(3), Sigmoid(), Softplus(), GELU(), LeakyReLU(0.5))),
        *((m, image) for m in (Conv2d(1, 2, 2, rng=0), MaxPool2d(2))),
    ]:
        y = module(Tensor(data))
        assert y.dtype == np.float32
        np.testing.assert_allclose(y.data, module(Tensor(data.astype(np.float32))).data)
    y = apply(loss.MSE(), Tensor(np.array([1], np.uint8)), Tensor(np.array([3], np.uint8)))
    assert y.item() == 4 and y.dtype == np.float32


def test_a_cast_to_whole_numbers_has_no_gradient():
    x = Tensor([1.5, 2.5], requires_grad=True)
    whole = x.astype(int)
    assert whole.data.tolist() == [1, 2] and not whole.requires_grad
    (x * whole).sum().backward()
    assert x.grad.tolist() == [1, 2]


def test_a_border_that_is_no_whole_number():
    assert E.pad(Tensor(np.array([1])), [(1, 1)], 0.5).data.tolist() == [0.5, 1, 0.5]


X, Z = Tensor(np.ones((2, 3))), Tensor(np.array(3.0), requires_grad=True)


@pytest.mark.parametrize(
    "f, words",
    [
        (lambda: X.sum(axis=2.5), "axis must be a whole number.*got 2.5"),
        (lambda: X.max(axis=(0, "a")), r"axis must be a whole number.*got \(0, 'a'\)"),
        (lambda: X.softmax(1.0), "axis must be a whole number.*got 1.0"),
        (lambda: X.mean(axis=0, dim=1), "two names of one thing: got axis=0 and dim=1"),
        (lambda: X.reshape(2.5, -1), r"Reshape takes whole numbers as shape: got \(2.5, -1\)"),
        (lambda: X.broadcast_to(2.5, 3), r"BroadcastTo takes whole numbers as shape: got \(2.5, 3\)"),
        (lambda: X.transpose((0, 1.5)), r"Transpose takes whole numbers as axes: got \(0, 1.5\)"),
        (lambda: X.transpose(0, 1.5), r"swapaxes\(0, 1.5\) cannot be done with shape \(2, 3\): 'float'.*as an integer"),
        (lambda: E.concatenate([X, X], 0.5), "axis must be a whole number.*got 0.5"),
        (lambda: E.stack([X, X], 0.5), "axis must be a whole number.*got 0.5"),
        (lambda: E.pad(X, [(0.5, 0), (0, 0)]), "Pad takes whole numbers as widths"),
        (lambda: E.pad(X, 1), r"pad expects one pair \(before, after\) for each axis: got 1"),
        (lambda: E.split(X, 1.5), "size of a piece must be an integer, 1 or more; got 1.5"),
        (lambda: E.split(X, 0), "size of a piece must be an integer, 1 or more; got 0"),
        (lambda: conv.MaxPool2d(2.5), "kernel must be an integer, 1 or more, or a pair of them; got 2.5"),
        (lambda: conv.MaxPool2d(2, 1, 2), r"padding may be half of the kernel \(2, 2\) at most"),
        (lambda: conv.Conv2d(0), "stride must be an integer, 1 or more"),
        (lambda: X.clip(2, 1), "clip expects low <= high: got low=2 and high=1"),
        (lambda: Z.sum(axis=1), r"Sum cannot take shapes \(\): axis 1 is out of bounds"),
        (lambda: E.concatenate([X, X], 2), "Concatenate cannot take shapes .* axis 2 is out of bounds"),
        (lambda: Tensor([]).max(), r"Max cannot take shapes \(0,\): zero-size array"),
    ],
)
def test_what_is_refused(f, words):
    with pytest.raises((TypeError, ValueError), match=words) as error:
        f()
    assert error.type in (TypeError, ValueError, ShapeError)


@pytest.mark.parametrize("axis", [0, -1, None])
def test_the_axis_of_one_number(axis):
    for name, value, slope in [("sum", 3, 1), ("max", 3, 1), ("std", 0, 0), ("norm", 3, 1), ("softmax", 1, 0)]:
        Z.grad = None
        y = getattr(Z, name)(axis=axis)
        y.backward()
        assert y.shape == () and y.item() == value and Z.grad == slope


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_softmax_of_nothing(shape):
    x = Tensor(np.zeros(shape), requires_grad=True)
    for y in (x.softmax(), x.log_softmax()):
        y.backward(np.zeros(shape))
        assert y.shape == x.grad.shape == shape
    assert (x.logsumexp(axis=-1).data == (np.log(3) if shape == (0, 3) else -np.inf)).all()


def test_whole_numbers_among_themselves_stay_whole():
    yes, three = Tensor(np.array([True, False])), Tensor(np.array(3, np.int32))
    assert (yes * three).data.tolist() == [3, 0] and (yes + three).data.tolist() == [4, 3]
    large = Tensor(np.array([2**30 + 1]))
    for found, expected in ((large % 3, 2), (large - 1, 2**30), (2 * large, 2**31 + 2), (3 - large, 2 - 2**30)):
        assert found.data.tolist() == [expected] and found.dtype == np.int64
    assert (large * 0.5).dtype.kind == "f"
    with pytest.raises(OverflowError):
        Tensor(np.array([1], np.int8)) + 300


def test_a_running_sum_of_one_number_has_one_axis():
    for axis in (None, 0, -1):
        assert Tensor(2.0).cumsum(axis).data.tolist() in (2.0, [2.0])
    with pytest.raises(ValueError, match="axis 7 is out of bounds"):
        Tensor(2.0).cumsum(7)
