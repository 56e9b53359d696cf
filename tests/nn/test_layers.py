"""Linear, Flatten and whole networks: numbers, gradients, errors."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from nbprop import nn
from nbprop.engine import ShapeError, Tensor, check_gradient


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)])
def test_linear_is_x_WT_plus_b(shape, bias):
    layer = nn.Linear(3, 4, bias=bias, rng=0, dtype=np.float64)
    assert layer.weight.shape == (4, 3)
    if bias:
        assert not layer.bias.data.any()
        layer.bias.data[:] = np.arange(4)
    x = np.random.default_rng(0).normal(size=shape)
    expected = x @ layer.weight.data.T + (np.arange(4) if bias else 0)
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-12)
    assert (layer.bias is None) == (not bias)
    assert layer.theta.size == (16 if bias else 12)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_gradients(bias):
    layer = nn.Linear(3, 4, bias=bias, rng=0, dtype=np.float64)

    def f(x, W, b=None):
        layer.weight, layer.bias = W, b
        return layer(x)

    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=s) for s in [(5, 3), (4, 3), (4,)][: 3 if bias else 2]]
    check_gradient(f, *arrays)


def test_linear_computes_in_its_own_dtype():
    layer = nn.Linear(2, 1, rng=0)
    for x in ([[1, 2]], [[1.0, 2.0]], np.array([[1, 2]]), np.array([[1.0, 2.0]]), Tensor([[1, 2]])):
        y = layer(x)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y.data, [[1, 2]] @ layer.weight.data.T, rtol=1e-6)
    x = Tensor(np.ones((3, 2)), requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.dtype == np.float64
    np.testing.assert_allclose(x.grad, np.tile(layer.weight.data, (3, 1)), rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            np.zeros((5, 7)),
            r"expected 3 features \(last axis\), got 7 \(input of shape \(5, 7\)\)\. Build.*Linear\(7, 4\)",
        ),
        (np.zeros((3, 5)), r"got 5 \(input of shape \(3, 5\)\)\. Samples go in rows: transpose the input"),
        (1.0, r"got a single number\. Give an array of shape \(samples, 3\)"),
    ],
)
def test_wrong_number_of_features(x, message):
    layer = nn.Linear(3, 4)
    with pytest.raises(ShapeError, match=r"^Linear\(in_features=3, out_features=4, bias=True\) .*" + message):
        layer(x)
    with pytest.raises(ShapeError, match=r"^layer 2 of 2 \(Linear\): Linear\(in_features=3.*" + message):
        nn.Sequential(nn.Identity(), layer)(Tensor(x))


def test_one_feature_given_as_a_vector():
    with pytest.raises(ShapeError, match=r"reshape the input to \(samples, 1\)"):
        nn.mlp([1, 2])(np.zeros(5))


def test_error_inside_a_nested_network_names_the_way():
    model = nn.Sequential(nn.Identity(), nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(4, 1)))
    with pytest.raises(
        ShapeError, match=r"^layer 2 of 2 \(Sequential\): layer 3 of 3 \(Linear\): Linear\(in_features=4"
    ):
        model(np.zeros((5, 2)))


@pytest.mark.parametrize("bad", [0, -1, 2.5, "3", None, np.True_, [2]])
def test_sizes_are_positive_integers(bad):
    error = ValueError if bad in (0, -1) else TypeError
    with pytest.raises(error, match=r"in_features must be an integer, 1 or more; got"):
        nn.Linear(bad, 2)
    with pytest.raises(error, match=r"out_features must be an integer, 1 or more; got"):
        nn.Linear(2, bad)
    with pytest.raises(error, match=r"sizes\[1\] must be an integer, 1 or more; got"):
        nn.mlp([2, bad, 1])


def test_sizes_may_be_numpy_integers():
    assert nn.Linear(np.int64(2), np.int32(3)).weight.shape == (3, 2)
    assert nn.mlp(np.array([2, 3, 1])).theta.size == 13


def test_init_by_name_function_or_array():
    assert not nn.Linear(2, 3, init="zeros").weight.data.any()
    assert (nn.Linear(2, 3, init=lambda rng, fan_in, fan_out: np.full((fan_out, fan_in), 4)).weight.data == 4).all()
    with pytest.raises(ValueError, match=r"init gave .* \(2, 3\), expected \(fan_out, fan_in\) = \(3, 2\)"):
        nn.Linear(2, 3, init=lambda rng, fan_in, fan_out: np.zeros((fan_in, fan_out)))


def test_rng_may_be_a_seed_or_a_generator():
    a, b = nn.Linear(4, 4, rng=3), nn.Linear(4, 4, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(a.weight.data, b.weight.data)
    assert (nn.Linear(4, 4).weight.data != nn.Linear(4, 4).weight.data).any()


def test_flatten():
    x = Tensor(np.arange(24.0).reshape(2, 3, 4), requires_grad=True)
    y = nn.Flatten()(x)
    np.testing.assert_array_equal(y.data, x.data.reshape(2, 12))
    (y * y).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * x.data)
    assert nn.Flatten()(np.zeros((0, 2, 3))).shape == (0, 6)


# mlp


def test_mlp():
    model = nn.mlp([2, 5, 4, 3], activation="relu", init="he", seed=1)
    assert [type(m).__name__ for m in model] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert [m.weight.shape for m in model if isinstance(m, nn.Linear)] == [(5, 2), (4, 5), (3, 4)]
    assert (model.activation, model.init) == ("relu", "he")
    assert model[1] is not model[3]
    assert model(np.zeros((7, 2))).shape == (7, 3)
    same, other = nn.mlp([2, 5, 4, 3], "relu", "he", seed=1), nn.mlp([2, 5, 4, 3], "relu", "he", seed=2)
    np.testing.assert_array_equal(model.theta, same.theta)
    assert (model.theta != other.theta).any()
    double = nn.mlp([2, 5, 4, 3], "relu", "he", seed=1, dtype=np.float64)
    np.testing.assert_array_equal(double.theta.astype(np.float32), model.theta)


@pytest.mark.parametrize("seed", [1, [3, 40], np.random.SeedSequence(7)])
def test_mlp_with_dropout_has_the_same_weights(seed):
    model, plain = nn.mlp([2, 5, 4, 3], seed=seed, dropout=0.25), nn.mlp([2, 5, 4, 3], seed=seed)
    kinds = ["Linear", "Tanh", "Dropout", "Linear", "Tanh", "Dropout", "Linear"]
    assert [type(m).__name__ for m in model] == kinds
    assert [type(m).__name__ for m in plain] == ["Linear", "Tanh", "Linear", "Tanh", "Linear"]
    np.testing.assert_array_equal(model.theta, plain.theta)
    assert model[2].p == model[5].p == 0.25 and model[2] is not model[5]
    assert model.generators() == [model[2].rng] and not plain.generators()
    assert (model.activation, model.init) == ("tanh", "xavier")
    x = np.ones((9, 2))
    np.testing.assert_array_equal(model.eval()(x).data, plain(x).data)


def test_the_seed_of_mlp_is_that_of_the_dropout_too():
    x = np.ones((9, 2))
    one, same, other = (nn.mlp([2, 50, 1], seed=seed, dropout=0.5)(x).data for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    nn.mlp([2, 50, 1], seed=rng, dropout=0.5)(x)  # what is dropped takes no numbers from a generator given
    nn.mlp([2, 50, 1], seed=twin)
    assert rng.random() == twin.random()


def test_mlp_with_a_dropout_that_can_be_turned_up():
    model = nn.mlp([2, 5, 1], dropout=0.0)
    assert model[2].p == 0.0
    assert [type(m) for m in nn.mlp([3, 2], dropout=0.5)] == [nn.Linear]
    for bad in (1, 1.5, -0.1, "half", float("nan"), True):
        with pytest.raises(
            (TypeError, ValueError), match="dropout must be a finite number, at least 0 and less than 1; got"
        ):
            nn.mlp([2, 1], dropout=bad)


def test_mlp_takes_modules_and_functions():
    model = nn.mlp((2, 3, 1), activation=nn.LeakyReLU(0.5), init=nn.init.normal(std=2))
    assert model[1].negative_slope == 0.5
    assert (model.activation, model.init.__name__) == ("leaky_relu", "normal(std=2)")
    assert nn.mlp((2, 1), init=nn.init.he).init == "he" and nn.mlp((2, 1), init="glorot").init == "xavier"
    assert [type(m) for m in nn.mlp([3, 2])] == [nn.Linear]


def test_mlp_with_leaky_relu_takes_the_slope_into_account():
    slope = 0.5
    plain = nn.mlp([9, 8, 7], activation="relu", init="he")
    leaky = nn.mlp([9, 8, 7], activation=nn.LeakyReLU(slope), init="he")
    np.testing.assert_allclose(leaky.theta * np.sqrt(1 + slope**2), plain.theta, rtol=1e-6)


@pytest.mark.parametrize("bad", [[2], [], 3, "23", None])
def test_mlp_needs_two_sizes(bad):
    with pytest.raises(ValueError, match=r"at least two sizes, inputs and outputs, such as \[2, 16, 1\]; got"):
        nn.mlp(bad)


def test_mlp_unknown_names():
    with pytest.raises(ValueError, match=r"unknown activation 'tahn'; did you mean 'tanh'\?"):
        nn.mlp([2, 1], activation="tahn")
    with pytest.raises(ValueError, match=r"unknown initializer 'xavir'; did you mean 'xavier'\?"):
        nn.mlp([2, 1], init="xavir")


# Whole networks against an independent engine


def independent(model, loss):
    """The same network and loss, written for HIPS autograd as a function of theta."""
    sizes = [m.weight.shape for m in model if isinstance(m, nn.Linear)]

    def f(theta, x, y):
        a = x
        for k, (n_out, n_in) in enumerate(sizes):
            W, theta = theta[: n_out * n_in].reshape(n_out, n_in), theta[n_out * n_in :]
            b, theta = theta[:n_out], theta[n_out:]
            a = anp.dot(a, W.T) + b
            if k < len(sizes) - 1:
                a = anp.tanh(a)
        if loss == "mse":
            return anp.mean((a - y) ** 2)
        if loss == "bce":
            return anp.mean(anp.logaddexp(0, a) - y * a)
        top = anp.max(a, axis=1, keepdims=True)
        log_p = a - top - anp.log(anp.sum(anp.exp(a - top), axis=1, keepdims=True))
        return -anp.mean(log_p[np.arange(len(y)), y])

    return f


@pytest.mark.parametrize("loss", ["mse", "bce", "cross_entropy"])
def test_network_gradient_against_autograd_for_100_steps(loss):
    rng = np.random.default_rng(2)
    outputs = 1 if loss == "bce" else 3
    model = nn.mlp([4, 6, 5, outputs], seed=3, dtype=np.float64)
    x = rng.normal(size=(20, 4))
    y = {
        "mse": rng.normal(size=(20, 3)),
        "bce": rng.integers(0, 2, (20, 1)).astype(float),
        "cross_entropy": rng.integers(0, 3, 20),
    }[loss]
    f = independent(model, loss)
    criterion, theta = nn.loss(loss), model.theta.copy()
    for _ in range(100):
        model.zero_grad()
        value = criterion(model(x), y)
        value.backward()
        np.testing.assert_allclose(value.item(), f(theta, x, y), rtol=1e-10)
        gradient = autograd.grad(f)(theta, x, y)
        np.testing.assert_allclose(model.gradient, gradient, rtol=1e-8, atol=1e-12)
        theta = theta - 0.1 * gradient
        model.theta -= 0.1 * model.gradient


@pytest.mark.torch
def test_network_against_pytorch_for_100_steps():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    ours = nn.mlp([4, 8, 8, 3], activation="tanh", seed=5)
    theirs = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)
    )
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        q.data = torch.tensor(p.data)
    x, y = rng.normal(size=(30, 4)).astype(np.float32), rng.integers(0, 3, 30)
    for _ in range(100):
        ours.zero_grad()
        theirs.zero_grad()
        a = nn.CrossEntropyLoss()(ours(x), y)
        b = torch.nn.CrossEntropyLoss()(theirs(torch.tensor(x)), torch.tensor(y))
        a.backward()
        b.backward()
        np.testing.assert_allclose(a.item(), b.item(), rtol=1e-5)
        gradient = np.concatenate([q.grad.numpy().ravel() for q in theirs.parameters()])
        np.testing.assert_allclose(ours.gradient, gradient, atol=2e-6)
        ours.theta -= 0.1 * ours.gradient
        with torch.no_grad():
            for q in theirs.parameters():
                q -= 0.1 * q.grad
    assert a.item() < 0.95
    np.testing.assert_allclose(
        ours.theta, np.concatenate([q.data.numpy().ravel() for q in theirs.parameters()]), atol=1e-5
    )


def test_unflatten():
    x = np.arange(24.0).reshape(2, 12)
    for layer, shape in [
        (nn.Unflatten(1, (3, 2, 2)), (2, 3, 2, 2)),
        (nn.Unflatten(-1, (3, -1)), (2, 3, 4)),
        (nn.Unflatten(0, [2, 1]), (2, 1, 12)),
    ]:
        y = layer(x)
        np.testing.assert_array_equal(y.data, x.reshape(shape))
        np.testing.assert_array_equal(layer(y.data.reshape(2, 12)).flatten(start_dim=1).data, x)
    assert repr(nn.Unflatten(1, (3, -1))) == "Unflatten(dim=1, unflattened_size=(3, -1))"
    assert nn.Unflatten(1, (3, -1))(np.zeros((0, 12))).shape == (0, 3, 4)
    check_gradient(lambda x: nn.Unflatten(1, (3, 4))(x) ** 2, x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Unflatten(1, (5, -1)), r"Unflatten\(.*\) cannot cut axis 1 of shape \(2, 12\) into these sizes"),
        (lambda: nn.Unflatten(1, (3, 2)), r"cannot cut axis 1 of shape \(2, 12\) into these sizes"),
        (lambda: nn.Unflatten(2, (3, 4)), r"Unflatten\(.*\) cuts axis 2, which shape \(2, 12\) does not have"),
        (
            lambda: nn.Unflatten(1, (-1, -1)),
            r"unflattened_size must be a tuple of integers, at most one of them -1",
        ),
        (lambda: nn.Unflatten(1, 12), "unflattened_size must be a tuple of integers"),
        (lambda: nn.Unflatten(1, (0, 12)), "unflattened_size must be an integer, 1 or more; got 0"),
        (lambda: nn.Unflatten("1", (3, 4)), "dim must be an integer from -63 to 63; got '1'"),
    ],
)
def test_what_cannot_be_unflattened(make, message):
    with pytest.raises((TypeError, ValueError, ShapeError), match=message):
        make()(np.zeros((2, 12)))
