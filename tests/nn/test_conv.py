"""Layers for images: settings, initial weights, errors, and whole networks: replayed, and beside PyTorch."""

import copy

import numpy as np
import pytest

from nbprop import nn, optim
from nbprop.engine import Replay, ShapeError, Tensor, check_gradient, record


def network(dtype=np.float64, dropout=0.0):
    rng = np.random.default_rng(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, rng=rng, dtype=dtype),
        nn.BatchNorm2d(4, dtype=dtype),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, (3, 2), stride=(1, 2), bias=False, rng=rng, dtype=dtype),
        nn.Tanh(),
        nn.Dropout(dropout),
        nn.AvgPool2d(3, stride=1, padding=1),
        nn.Flatten(),
        nn.Linear(24, 5, rng=rng, dtype=dtype),
        nn.BatchNorm1d(5, dtype=dtype),
        nn.LayerNorm(5, dtype=dtype),
    )


def batches(n=8, steps=100, dtype=np.float64):
    rng = np.random.default_rng(1)
    return [(rng.standard_normal((n, 2, 8, 8)).astype(dtype), rng.integers(0, 5, n)) for _ in range(steps)]


def test_shapes():
    x = np.zeros((5, 3, 8, 7))
    assert nn.Conv2d(3, 4, 3)(x).shape == (5, 4, 6, 5)
    assert nn.Conv2d(3, 4, (3, 2), stride=2, padding=(1, 0))(x).shape == (5, 4, 4, 3)
    assert nn.MaxPool2d(2)(x).shape == (5, 3, 4, 3)
    assert nn.MaxPool2d(3, 1)(x).shape == (5, 3, 6, 5)
    assert nn.AvgPool2d((2, 4), padding=(1, 2))(x).shape == (5, 3, 5, 2)
    assert network()(np.zeros((4, 2, 8, 8))).shape == (4, 5)


def test_attributes():
    layer = nn.Conv2d(3, 4, (5, 2))
    assert layer.weight.shape == (4, 3, 5, 2) and layer.bias.shape == (4,) and not layer.bias.data.any()
    assert nn.Conv2d(3, 4, 1, bias=False).bias is None
    assert layer.theta.size == 4 * 3 * 5 * 2 + 4
    text = "Conv2d(3, 4, kernel_size=(5, 2), stride=(1, 1), padding=(0, 0), bias=True)"
    assert repr(layer) == text
    assert repr(nn.AvgPool2d(2, padding=1)) == "AvgPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(1, 1))"


def test_variance_of_the_weights_follows_from_both_fans():
    rng = np.random.default_rng(0)
    fan_in, fan_out = 16 * 9, 64 * 9
    for init, variance in [("he", 2 / fan_in), ("lecun", 1 / fan_in), ("xavier", 2 / (fan_in + fan_out))]:
        weight = nn.Conv2d(16, 64, 3, init=init, rng=rng).weight.data
        assert weight.var() == pytest.approx(variance, rel=0.05)
    assert nn.Conv2d(16, 64, 3, rng=1).weight.data.var() == pytest.approx(2 / fan_in, rel=0.05)
    with pytest.raises(ShapeError, match=r"init gave an array of shape \(2,\), expected .* = \(36, 9\)"):
        nn.Conv2d(1, 4, 3, init=lambda rng, fan_in, fan_out: np.zeros(2))


def test_gradients():
    layer = nn.Conv2d(2, 3, 2, stride=2, padding=1, rng=0, dtype=np.float64)

    def f(x, W, b):
        layer.weight, layer.bias = W, b
        return layer(x)

    rng = np.random.default_rng(1)
    check_gradient(f, *[rng.standard_normal(s) for s in [(2, 2, 3, 4), (3, 2, 2, 2), (3,)]])


def test_computes_in_its_own_dtype():
    layer = nn.Conv2d(1, 1, 2, rng=0)
    for x in ([[[[1, 2], [3, 4]]]], np.array([[[[1.0, 2], [3, 4]]]])):
        y = layer(x)
        assert y.dtype == np.float32
        assert y.item() == pytest.approx((layer.weight.data.ravel() * [1, 2, 3, 4]).sum(), rel=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(0, 1, 3), "in_channels must be an integer, 1 or more; got 0"),
        (lambda: nn.Conv2d(1, 1, 0), "kernel_size must be an integer, 1 or more, or a pair of them; got 0"),
        (lambda: nn.Conv2d(1, 1, (3, 3, 3)), r"kernel_size must be .* pair of them; got \(3, 3, 3\)"),
        (lambda: nn.Conv2d(1, 1, 3, 1.5), "stride must be .*; got 1.5"),
        (lambda: nn.Conv2d(1, 1, 3, 1, -1), "padding must be an integer, 0 or more, or a pair of them; got -1"),
        (lambda: nn.MaxPool2d(2, stride=0), "stride must be .*; got 0"),
        (lambda: nn.MaxPool2d(2, padding=2), r"padding must be at most half of the kernel size \(2, 2\); got \(2, 2\)"),
    ],
)
def test_settings_that_make_no_sense(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_errors_name_the_layer():
    with pytest.raises(ShapeError, match=r"^layer 5 of 12 \(Conv2d\): Conv2d .* a window of \(3, 2\) does not fit"):
        network()(np.zeros((2, 2, 4, 4)))
    with pytest.raises(
        ShapeError, match=r"^layer 1 of 12 \(Conv2d\): Conv2d\(2, .* expected x of shape \(N, 2, H, W\); got \(2, 3, 8"
    ):
        network()(np.zeros((2, 3, 8, 8)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_replayed_network_is_equal_to_an_eager_one_bit_by_bit(dtype):
    eager = network(dtype, dropout=0.3)
    replayed, loss = copy.deepcopy(eager), nn.CrossEntropyLoss()
    x, t, replay = Tensor(np.zeros((8, 2, 8, 8), dtype)), np.zeros(8, int), None
    assert not replayed.gradient.any()  # packs: what is recorded must lie where it stays
    for X, y in batches(steps=4, dtype=dtype):
        eager.zero_grad()
        value = loss(eager(Tensor(X)), y)
        value.backward()
        x.data[:], t[:] = X, y
        if replay is None:
            with record() as tape:
                output = loss(replayed(x), t)
            replay = Replay(tape, output)
        else:
            replay.forward()
        replay.backward()
        assert output.item() == value.item()
        np.testing.assert_array_equal(replayed.gradient, eager.gradient)
        for (_, a), (_, b) in zip(replayed.named_buffers(), eager.named_buffers(), strict=True):
            np.testing.assert_array_equal(a, b)
        for model in (eager, replayed):
            optim.SGD(lr=0.1).update(model.theta, model.gradient)


def test_an_empty_batch():
    model = network().eval()
    y = model(Tensor(np.zeros((0, 2, 8, 8))))
    assert y.shape == (0, 5)
    y.sum().backward()
    assert not model.gradient.any()


@pytest.mark.torch
def test_a_hundred_steps_beside_pytorch():
    torch = pytest.importorskip("torch")
    ours = network()
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(4, 6, (3, 2), stride=(1, 2), bias=False),
        torch.nn.Tanh(),
        torch.nn.Dropout(0.0),
        torch.nn.AvgPool2d(3, stride=1, padding=1),
        torch.nn.Flatten(),
        torch.nn.Linear(24, 5),
        torch.nn.BatchNorm1d(5),
        torch.nn.LayerNorm(5),
    ).double()
    state = {name: torch.tensor(array) for name, array in ours.state_dict().items()}
    assert theirs.load_state_dict(state, strict=False).unexpected_keys == []
    adam, torch_adam = optim.Adam(lr=0.01), torch.optim.Adam(theirs.parameters(), lr=0.01)
    for X, y in batches():
        ours.zero_grad()
        value = nn.CrossEntropyLoss()(ours(Tensor(X)), y)
        value.backward()
        torch_adam.zero_grad()
        torch_value = torch.nn.functional.cross_entropy(theirs(torch.tensor(X)), torch.tensor(y))
        torch_value.backward()
        np.testing.assert_allclose(value.item(), torch_value.item(), rtol=1e-7)
        adam.update(ours.theta, ours.gradient)
        torch_adam.step()
    torch_state = {k: v.numpy() for k, v in theirs.state_dict().items() if not k.endswith("num_batches_tracked")}
    assert ours.state_dict().keys() == torch_state.keys()
    for name, array in ours.state_dict().items():
        np.testing.assert_allclose(array, torch_state[name], rtol=1e-6, atol=1e-7)
    X = batches()[0][0]
    np.testing.assert_allclose(
        ours.eval()(Tensor(X)).data, theirs.eval()(torch.tensor(X)).detach().numpy(), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("kind", [nn.MaxPool2d, nn.AvgPool2d])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_pictures_of_whole_numbers(kind, dtype):
    x = np.random.default_rng(0).integers(0, 2, (2, 1, 5, 5)).astype(dtype)
    pool = kind(3, 2, 1)
    np.testing.assert_array_equal(pool(x).data, pool(x.astype(np.float32)).data)
