"""Activations: formulas, gradients, and where they are flat."""

import math

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad

from nbprop import nn
from nbprop.engine import Tensor, check_gradient

erf = np.vectorize(math.erf)

FORMULAS = {
    "sigmoid": lambda z: 1 / (1 + anp.exp(-z)),
    "tanh": anp.tanh,
    "relu": lambda z: anp.maximum(z, 0),
    "leaky_relu": lambda z: anp.where(z > 0, z, 0.01 * z),
    "elu": lambda z: anp.where(z > 0, z, anp.exp(z) - 1),
    "gelu": lambda z: z / 2 * (1 + anp.tanh(anp.sqrt(2 / anp.pi) * (z + 0.044715 * z**3))),
    "silu": lambda z: z / (1 + anp.exp(-z)),
    "softplus": lambda z: anp.log(1 + anp.exp(z)),
    "selu": lambda z: 1.0507009873554805 * anp.where(z > 0, z, 1.6732632423543772 * (anp.exp(z) - 1)),
    "mish": lambda z: z * anp.tanh(anp.log(1 + anp.exp(z))),
    "relu6": lambda z: anp.clip(z, 0, 6),
    "hardtanh": lambda z: anp.clip(z, -1, 1),
    "hardsigmoid": lambda z: anp.clip(z / 6 + 0.5, 0, 1),
    "hardswish": lambda z: z * anp.clip(z / 6 + 0.5, 0, 1),
    "softsign": lambda z: z / (1 + anp.abs(z)),
    "identity": lambda z: 1.0 * z,
}
LARGEST_SLOPE = {"sigmoid": 0.25, "tanh": 1, "hardtanh": 1, "hardsigmoid": 1 / 6, "softsign": 1}  # of the two-sided
names = pytest.mark.parametrize("name", FORMULAS)
Z = np.linspace(-9.01, 9.01, 302)  # without 0, where some have a corner


def derivative(name, z):
    return elementwise_grad(FORMULAS[name])(z)


def test_all_are_listed_in_teaching_order():
    assert list(nn.ACTIVATIONS) == list(FORMULAS)


@names
def test_value_and_derivative(name):
    f = nn.activation(name)
    z = Tensor(Z, requires_grad=True)
    a = f(z)
    np.testing.assert_allclose(a.data, FORMULAS[name](Z), rtol=1e-9, atol=1e-12)
    a.sum().backward()
    np.testing.assert_allclose(z.grad, derivative(name, Z), rtol=1e-7, atol=1e-9)
    check_gradient(f, Z.reshape(2, 151))


@names
def test_extreme_inputs_stay_finite(name):
    z = Tensor(np.array([-1e4, -1000, -100, 0, 100, 1000, 1e4], np.float32), requires_grad=True)
    a = nn.activation(name)(z)
    a.sum().backward()
    assert a.dtype == z.grad.dtype == np.float32
    assert np.isfinite(a.data).all()
    assert np.isfinite(z.grad).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@names
def test_flat_is_where_the_gradient_hardly_passes(name, dtype):
    f = nn.activation(name)
    z = Z.astype(dtype)
    a, d = f(Tensor(z)).data, derivative(name, Z)
    threshold = 1 - 0.97**2  # 6 % of the largest derivative
    assert f.two_sided == (name in LARGEST_SLOPE)
    if f.two_sided:
        expected = d < threshold * LARGEST_SLOPE[name]
        assert 0.3 < expected.mean() < 0.9
    else:
        lobe = (Z > -2) & (
            name in ("gelu", "silu", "mish", "hardswish")
        )  # where they turn back up, the derivative is small too
        expected = (np.abs(d) < 0.01) & ~lobe
        doubtful = (a > -0.012) & (Z < 0) & (Z > -0.03)  # a smooth unit's output just below 0 comes from two places
        expected |= doubtful & f.flat(a)
    np.testing.assert_array_equal(f.flat(a), expected)
    assert f.flat(a.reshape(2, 151)).shape == (2, 151)
    assert f.flat(a).dtype == bool


@names
def test_flat_far_out_at_zero_and_on_the_right(name):
    f = nn.activation(name)
    far, zero, right = (f(Tensor(np.full(3, z, np.float32))).data for z in (-50, 0, 2))
    assert f.flat(far).all() == (name not in ("leaky_relu", "identity"))
    assert f.flat(zero).all() == (name in ("relu", "relu6"))
    assert f.flat(right).all() == (name == "hardtanh")


def test_settings():
    z = Tensor(Z)
    np.testing.assert_allclose(nn.LeakyReLU(0.2)(z).data, np.where(Z > 0, Z, 0.2 * Z))
    np.testing.assert_allclose(nn.ELU(0.5)(z).data, np.where(Z > 0, Z, 0.5 * np.expm1(Z)))
    exact = Z / 2 * (1 + erf(Z / np.sqrt(2)))
    np.testing.assert_allclose(nn.GELU("none")(z).data, exact, rtol=1e-9, atol=1e-14)
    error = np.abs(nn.GELU()(z).data - exact).max()
    assert 1e-4 < error < 5e-4
    assert nn.LeakyReLU(0.0).flat(np.array([-1.0, 0, 1])).tolist() == [True, True, False]
    assert nn.ELU(0.5).flat(np.array([-0.5, -0.495, -0.48, 1])).tolist() == [True, True, False, False]


def test_by_name_class_or_module():
    for name, kind in nn.ACTIVATIONS.items():
        made = nn.activation(name)
        assert type(made) is kind
        assert made.name == name
        assert isinstance(made, nn.Activation)
        assert nn.activation(name) is not made
    assert isinstance(nn.activation(nn.ReLU), nn.ReLU)
    assert isinstance(nn.activation("Leaky ReLU"), nn.LeakyReLU)
    mine = nn.LeakyReLU(0.3)
    copied = nn.activation(mine)
    assert copied is not mine
    assert copied.negative_slope == 0.3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: nn.activation("sigmiod"),
            r"unknown activation 'sigmiod'; did you mean 'sigmoid'\? Known: sigm",
        ),
        (lambda: nn.activation(None), r"activation must be one of the names 'sigmoid', .*; got None"),
        (lambda: nn.LeakyReLU(-1), r"negative_slope must be a finite number, at least 0; got -1"),
        (lambda: nn.Hardtanh(1, 1), "min_val must be less than max_val; got 1 and 1"),
        (lambda: nn.Hardtanh("low"), "min_val must be a finite number; got 'low'"),
        (lambda: nn.PReLU(0), "num_parameters must be an integer, 1 or more; got 0"),
        (
            lambda: nn.PReLU(3)(np.ones((2, 4))),
            r"PReLU\(num_parameters=3\) takes 3 channels \(axis 1\); got shape \(2, 4\)",
        ),
        (lambda: nn.PReLU(2, init="he"), "init must be a finite number; got 'he'"),
        (lambda: nn.Softmax(None), "dim must be an integer from -99 to 99; got None"),
        (lambda: nn.ELU(0), r"alpha must be a finite number, greater than 0; got 0"),
        (lambda: nn.GELU("erf"), r"approximate must be 'tanh' or 'none'; got 'erf'"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


@names
@pytest.mark.torch
def test_against_pytorch(name):
    torch = pytest.importorskip("torch")
    theirs = {
        "gelu": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
        "identity": torch.nn.Identity(),
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
    }.get(name) or getattr(torch.nn.functional, name)
    z, t = Tensor(Z, requires_grad=True), torch.tensor(Z, requires_grad=True)
    a, b = nn.activation(name)(z), theirs(t)
    (a * a).sum().backward()
    (b * b).sum().backward()
    np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(z.grad, t.grad.numpy(), rtol=1e-7, atol=1e-9)


def test_at_infinity():
    """As the limits are; 0 times infinity nowhere."""
    z = np.array([-np.inf, np.inf])
    for name, ends in [
        ("softsign", (-1, 1)),
        ("mish", (0, np.inf)),
        ("hardswish", (0, np.inf)),
        ("hardsigmoid", (0, 1)),
    ]:
        for dtype in (np.float16, np.float32, np.float64):
            x = Tensor(z.astype(dtype), requires_grad=True)
            a = nn.activation(name)(x)
            np.testing.assert_array_equal(a.data, ends, err_msg=name)
            a.backward(np.ones(2, dtype))
            np.testing.assert_array_equal(x.grad, [0, float(ends[1] == np.inf)], err_msg=name)
    with np.errstate(invalid="ignore"):  # np.logaddexp warns of NaN
        for name in nn.ACTIVATIONS:
            assert np.isnan(nn.activation(name)(np.array([np.nan])).data), name


def test_at_the_corners_no_gradient_passes():
    for layer, corners in [(nn.ReLU6(), (0, 6)), (nn.Hardtanh(-2, 1), (-2, 1)), (nn.Hardsigmoid(), (-3, 3))]:
        z = Tensor(np.array(corners, float), requires_grad=True)
        layer(z).sum().backward()
        assert not z.grad.any(), layer


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(5,), (4, 3), (4, 3, 2), (4, 3, 2, 5)])
def test_a_slope_that_is_learned(shape):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal(shape)
    for n in (1, 3) if len(shape) > 1 else (1,):
        ours, theirs = nn.PReLU(n, 0.3, dtype=np.float64), torch.nn.PReLU(n, 0.3, dtype=torch.float64)
        ours.weight.data[:] = np.linspace(-0.2, 0.3, n)
        theirs.weight.data[:] = torch.tensor(ours.weight.data)
        a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        (ours(a) ** 2).sum().backward()
        (theirs(b) ** 2).sum().backward()
        np.testing.assert_allclose(ours(x).data, theirs(b).detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-12)
        np.testing.assert_allclose(ours.weight.grad, theirs.weight.grad.numpy(), rtol=1e-12)
        assert not ours.flat(ours(x).data).any()
    flat = nn.PReLU(2, 0.0).flat(np.array([[-1.0, 1.0], [0.0, -0.5]]))
    assert flat.tolist() == [[True, False], [True, True]]


@pytest.mark.torch
@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax_as_a_layer(name):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((4, 3, 5))
    for dim in (0, 1, -1):
        a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = getattr(nn, name)(dim=dim)(a), getattr(torch.nn, name)(dim=dim)(b)
        (y**2).sum().backward()
        (z**2).sum().backward()
        np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-12, atol=1e-14)
    assert repr(getattr(nn, name)()) == f"{name}(dim=-1)"
