"""Elementary functions, remainders, running sums and products: beside PyTorch, far out, and where it is hard."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nbprop.engine as E
from nbprop.engine import ShapeError, Tensor, no_grad

inf, nan = np.inf, np.nan


def gradient(f, x, dy=None, dtype=np.float64):
    """The value of f(x) and dL/dx, for dL/dy = dy, or 1."""
    x = Tensor(np.array(x, dtype), requires_grad=True)
    y = f(x)
    y.backward(np.ones(y.shape) if dy is None else np.array(dy, y.dtype))
    return y.data, x.grad


# PyTorch's names


WITHIN_1 = ["asin", "arcsin", "acos", "arccos", "atanh", "arctanh", "log1p"]
POSITIVE = ["log2", "log10", "rsqrt", "reciprocal"]
ANYWHERE = ["sin", "cos", "tan", "atan", "arctan", "sinh", "cosh", "asinh", "arcsinh", "expm1", "exp2", "erf", "square"]
STEPS = ["sign", "floor", "ceil", "trunc", "round"]


@pytest.mark.torch
@pytest.mark.parametrize("name", [*WITHIN_1, *POSITIVE, *ANYWHERE, *STEPS, "acosh", "arccosh"])
def test_same_as_pytorch(name):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).uniform(-0.95, 0.95, (3, 4))
    x = np.abs(x) + (name.endswith("cosh") and name != "cosh") if name in POSITIVE or "cosh" in name else x
    x = 4 * x if name in STEPS else x
    theirs = torch.tensor(x, requires_grad=True)
    y = getattr(theirs, name)()
    y.sum().backward()
    ours, slope = gradient(lambda x: getattr(x, name)(), x)
    np.testing.assert_allclose(ours, y.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(slope, theirs.grad.numpy(), rtol=1e-12)


def signed(rng):
    return rng.uniform(0.5, 3, (3, 4)) * rng.choice([-1, 1], (3, 4))


@pytest.mark.torch
@pytest.mark.parametrize(
    "name",
    ["arctan2", "atan2", "hypot", "logaddexp", "fmod", "remainder", "maximum", "minimum", "outer", "inner", "dot"],
)
def test_pairs_as_in_pytorch(name):
    torch = pytest.importorskip("torch")
    a, b = signed(np.random.default_rng(0)), signed(np.random.default_rng(1))
    a, b = (a[0], b[0]) if name in ("outer", "dot") else (a, b)
    x, z = (torch.tensor(each, requires_grad=True) for each in (a, b))
    expected = getattr(torch, name)(x, z)
    expected.sum().backward()
    for f in (getattr(Tensor, name), getattr(E, name)):
        u, v = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
        y = f(u, v)
        np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=1e-12)
        y.sum().backward()
        np.testing.assert_allclose(u.grad, x.grad.numpy(), rtol=1e-12)
        np.testing.assert_allclose(v.grad, z.grad.numpy(), rtol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("name", ["prod", "cumsum", "cumprod", "logcumsumexp"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_running_as_in_pytorch(name, dim):
    torch = pytest.importorskip("torch")
    x = signed(np.random.default_rng(0))
    if "prod" in name:
        x[0, 1] = x[2, 1] = x[1, 3] = 0
    theirs = torch.tensor(x, requires_grad=True)
    y = getattr(theirs, name)(dim=dim)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    y.backward(torch.tensor(dy))
    ours, slope = gradient(lambda x: getattr(x, name)(dim=dim), x, dy)
    np.testing.assert_allclose(ours, y.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(slope, theirs.grad.numpy(), rtol=1e-12, atol=1e-14)


# Far out


@pytest.mark.parametrize(
    "name, x, y, slope",
    [
        ("arcsin", [-1, 1], [-math.pi / 2, math.pi / 2], [inf, inf]),
        ("arccos", [-1, 1], [math.pi, 0], [-inf, -inf]),
        ("arctanh", [-1, 1], [-inf, inf], [inf, inf]),
        ("arccosh", [1], [0], [inf]),
        ("log1p", [-1], [-inf], [inf]),
        ("log2", [0], [-inf], [inf]),
        ("log10", [0], [-inf], [inf]),
        ("rsqrt", [0], [inf], [-inf]),
        ("reciprocal", [0], [inf], [-inf]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinite_slopes(name, x, y, slope, dtype):
    with np.errstate(all="ignore"):
        got, dx = gradient(lambda x: getattr(x, name)(), x, dtype=dtype)
    assert got.dtype == dx.dtype == dtype
    np.testing.assert_allclose(got, y, rtol=1e-6)
    np.testing.assert_array_equal(dx, slope)


@pytest.mark.parametrize("name, x", [("arcsin", 1.1), ("arccos", -2), ("arccosh", 0.5), ("arctanh", 2), ("log1p", -3)])
def test_outside_of_the_domain(name, x):
    with np.errstate(all="ignore"):
        assert np.isnan(gradient(lambda x: getattr(x, name)(), [x])[0]).all()
    with pytest.warns(RuntimeWarning, match=f"invalid value encountered in {name}"):
        getattr(Tensor([float(x)]), name)()


@pytest.mark.parametrize("dtype, far, near", [(np.float32, 1e30, 1e-30), (np.float64, 1e200, 1e-200)])
def test_far_out_without_overflow(dtype, far, near):
    """No warning, which would be an error here; and the digits are kept."""
    for name, x, y, slope in [
        ("arctan", far, math.pi / 2, 0),
        ("arcsinh", far, math.asinh(far), 1 / far),
        ("arccosh", far, math.acosh(far), 1 / far),
        ("erf", far, 1, 0),
        ("erf", -50, -1, 0),
        ("tanh", far, 1, 0),
        ("expm1", -30, -1, math.exp(-30)),
        ("expm1", near, near, 1),
        ("log1p", near, near, 1),
        ("log1p", far, math.log(far), 1 / far),
        ("sin", near, near, 1),
        ("arctanh", near, near, 1),
        ("floor", far, far, 0),
    ]:
        got, dx = gradient(lambda x, name=name: getattr(x, name)(), [x], dtype=dtype)
        np.testing.assert_allclose(got, [np.array(y, dtype)], rtol=1e-6)
        np.testing.assert_allclose(dx, [slope], rtol=1e-6)
    h = np.array([3 * far, -4 * far], dtype)
    y, dx = gradient(lambda x: x[0].hypot(x[1]), h, dtype=dtype)
    np.testing.assert_allclose([y, *dx], [5 * h[0] / 3, 0.6, -0.8], rtol=1e-6)
    y, dx = gradient(lambda x: x[0].arctan2(x[1]), [far, far], dtype=dtype)
    np.testing.assert_allclose([y, *dx], [math.pi / 4, 0.5 / far, -0.5 / far], rtol=1e-6)
    y, dx = gradient(lambda x: x[0].logaddexp(x[1]), [far, -far], dtype=dtype)
    np.testing.assert_allclose([y, *dx], [far, 1, 0])


def test_near_the_edges_the_digits_are_kept():
    x = 1 - 2.0**-40
    assert gradient(lambda x: x.arcsin(), x)[1] == pytest.approx(1 / math.sqrt(2.0**-39 - 2.0**-80), rel=1e-15)
    assert gradient(lambda x: x.tan(), math.pi / 2 - 1e-6)[1] == pytest.approx(math.sin(1e-6) ** -2, rel=1e-9)


def test_nothing_flows_through_a_step_or_a_zero():
    with np.errstate(all="ignore"):
        for name in STEPS:
            assert (
                gradient(lambda x, name=name: getattr(x, name)(), [0.0, 1.5, -2.5], [inf, nan, 1])[1].tolist()
                == [0] * 3
            )
        assert gradient(lambda x: x // 0.5, [0.3, 0.7], [inf, nan])[1].tolist() == [0, 0]
        assert gradient(lambda x: x[:2].hypot(x[2]), [0.0, 3.0, 0.0], [inf, 1])[1].tolist() == [0, 1, 0]
        assert gradient(lambda x: x[0].arctan2(x[1]), [0.0, 0.0], inf)[1].tolist() == [0, 0]
        assert gradient(lambda x: x.prod(), [0.0, 2.0, 3.0], inf)[1].tolist() == [inf, 0, 0]
        assert gradient(lambda x: x.cumprod(0), [2.0, 0.0, 3.0], [1, inf, inf])[1].tolist() == [1, inf, 0]


def test_logaddexp_of_infinities():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, dx = gradient(lambda x: x[:4].logaddexp(x[4:]), [inf, -inf, inf, -inf, inf, -inf, 1, 1])
    assert y.tolist() == [inf, -inf, inf, 1]
    assert dx.tolist() == [0.5, 0.5, 1, 0, 0.5, 0.5, 0, 1]


def test_logcumsumexp_of_impossible_cases():
    y, dx = gradient(lambda x: x.logcumsumexp(0), [-inf, -inf, 3.0, -inf, 3.0], [1, 2, 3, 4, 5])
    np.testing.assert_allclose(y, [-inf, -inf, 3, 3, 3 + math.log(2)])
    np.testing.assert_allclose(dx, [0, 0, 9.5, 0, 2.5])
    y, dx = gradient(lambda x: x.logcumsumexp(0), [-1000.0, 0.0, 1000.0])
    np.testing.assert_allclose(y, [-1000, 0, 1000])
    np.testing.assert_allclose(dx, [1, 1, 1])


# Remainders


@given(st.integers(-20, 20), st.integers(-5, 5).filter(bool), st.sampled_from([1, 0.5, 0.1]))
def test_remainders_are_those_of_python(a, b, unit):
    a, b = a * unit, b * unit
    x, y = (Tensor(np.array([float(n)]), requires_grad=True) for n in (a, b))
    for f, value, times in [
        (lambda: x % y, a % b, a // b),
        (lambda: a % y, a % b, a // b),
        (lambda: x % b, a % b, a // b),
        (lambda: x.fmod(y), math.fmod(a, b), round((a - math.fmod(a, b)) / b)),
    ]:
        x.grad = y.grad = None
        z = f()
        assert z.data.tolist() == [value]
        z.backward(np.array([2.0]))
        assert x.grad is None or x.grad.tolist() == [2]
        assert y.grad is None or y.grad.tolist() == [-2 * times]
    assert (x // y).data.tolist() == (a // y).data.tolist() == [a // b]


def test_remainder_in_place():
    x = Tensor([5.0, 7.0], requires_grad=True)
    kept = x.data
    with no_grad():
        x %= 4
        x //= 2
    assert x.data is kept and kept.tolist() == [0, 1]
    with pytest.raises(TypeError, match=r"x %= other on a variable"):
        x %= 2


# Products with zeros, by their definition


@given(st.lists(st.sampled_from([0.0, 1.0, -2.0, 0.5, 3.0]), max_size=6))
def test_products_with_zeros(x):
    n = len(x)
    dy = np.arange(1.0, n + 1)
    y, dx = gradient(lambda x: x.prod(), x)
    assert y == math.prod(x)
    assert dx.tolist() == [math.prod(x[:i] + x[i + 1 :]) for i in range(n)]
    y, dx = gradient(lambda x: x.cumprod(0), x, dy)
    assert y.tolist() == [math.prod(x[: k + 1]) for k in range(n)]
    slopes = [sum(dy[k] * math.prod(x[:i] + x[i + 1 : k + 1]) for k in range(i, n)) for i in range(n)]
    np.testing.assert_allclose(dx, slopes)


def test_products_far_out():
    """No quotient y / x: neither a product that vanishes nor an infinite factor spoils the others."""
    with np.errstate(all="ignore"):
        assert gradient(lambda x: x.prod(), [1e-200, 1e-180, 1e-10])[1].tolist() == pytest.approx([1e-190, 1e-210, 0])
        assert gradient(lambda x: x.prod(), [inf, 2.0])[1].tolist() == [2, inf]
        assert gradient(lambda x: x.cumprod(0), [2.0, inf])[1].tolist() == [inf, 2]


@pytest.mark.parametrize("axis", [0, -1, None])
def test_of_one_number(axis):
    for name, value, slope in [("prod", 3, 1), ("cumsum", 3, 1), ("cumprod", 3, 1), ("logcumsumexp", 3, 1)]:
        y, dx = gradient(lambda x, name=name: getattr(x, name)(axis), 3.0)
        assert y.shape == ((1,) if axis is None and name != "prod" else ()) and y == value
        assert dx.shape == () and dx == slope


def test_sums_of_float16():
    y, dx = gradient(lambda x: x.cumsum(0), np.ones(3000), dtype=np.float16)
    assert y.dtype == np.float16 and y[-1] == 3000 and dx[0] == 3000
    y, dx = gradient(lambda x: x.prod(), [300.0, 300.0, 0.01], 0.5, dtype=np.float16)
    assert y == pytest.approx(900, rel=1e-2) and dx[2] == 45000


# Questions, other names, and what is refused


def test_questions():
    x = Tensor([1.0, nan, inf], requires_grad=True)
    for got, expected in [
        (x.isnan(), [False, True, False]),
        (x.isinf(), [False, False, True]),
        (x.isfinite(), [True, False, False]),
        (x.isclose(Tensor([1.001, 0, inf]), rtol=0.01), [True, False, True]),
    ]:
        assert type(got) is np.ndarray and got.tolist() == expected
    assert x.allclose(x, equal_nan=True) is True and x.allclose([1.0, 2.0, 3.0]) is False


def test_other_names():
    x, y = Tensor([[1.5, -2.0], [3.0, 0.5]]), Tensor([[1.0, 2.0], [0.5, 4.0]])
    for a, b in [
        (x.clamp(min=0), x.clip(0)),
        (x.clamp(max=1), x.clip(high=1)),
        (x.pow(2), x**2),
        (x.square(), x**2),
        (x.matmul(y), x @ y),
        (x.mm(y), x @ y),
        (x.add(y), x + y),
        (x.sub(y), x - y),
        (x.mul(y), x * y),
        (x.div(y), x / y),
        (x.neg(), -x),
        (x.floor_divide(y), x // y),
        (x.remainder(y), x % y),
        (x.round(decimals=0), x.round()),
        (round(x / 3, 1), (x / 3).round(1)),
        (y.rsqrt(), 1 / y.sqrt()),
        (y.reciprocal(), 1 / y),
    ]:
        np.testing.assert_allclose(a.data, b.data, rtol=1e-6)


X = Tensor(np.ones((2, 3)), requires_grad=True)


@pytest.mark.parametrize(
    "f, words",
    [
        (lambda: X.cumsum((0, 1)), r"cumsum goes along one axis: got \(0, 1\)"),
        (lambda: X.cumprod(2), r"Cumprod cannot take shapes \(2, 3\): .*axis 2 is out of bounds"),
        (lambda: X.cumsum(1.5), "axis must be a whole number.*got 1.5"),
        (lambda: X.cumsum(0, dim=1), "two names of one thing"),
        (lambda: X.prod(2), r"Prod cannot take shapes \(2, 3\): axis 2 is out of bounds"),
        (lambda: X.round(1.5), "Round takes whole numbers as decimals: got 1.5"),
        (lambda: X.sin(2), r"Sin\(\) takes no arguments"),
        (lambda: X % np.ones(4), r"Remainder cannot take shapes \(2, 3\) and \(4,\): .* Sizes must be equal, or 1"),
        (lambda: X.hypot(np.ones((3, 2))), r"Hypot cannot take shapes \(2, 3\) and \(3, 2\)"),
        (lambda: E.arctan2(X, np.ones(2)), r"Arctan2 cannot take shapes \(2, 3\) and \(2,\)"),
        (lambda: X.dot(X), r"MatMul cannot take shapes \(2, 3\) and \(3, 2\)|MatMul cannot take shapes"),
        (lambda: X.round(Tensor(1.0, requires_grad=True)), "Round takes its options as numbers"),
        (lambda: np.cumsum(X, dtype=np.float64), "np.cumsum with arguments other than a, axis has no gradient"),
        (lambda: np.sin(X, out=np.zeros((2, 3))), "np.sin with out= has no gradient"),
    ],
)
def test_what_is_refused(f, words):
    with pytest.raises((TypeError, ValueError), match=words) as error:
        f()
    assert error.type in (TypeError, ValueError, ShapeError)
