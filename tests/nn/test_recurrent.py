"""RNN, GRU, LSTM of one layer, and their cells: sequences, steps, a model and its replay, against PyTorch; errors."""

import copy
import pickle

import numpy as np
import pytest
from recurrent_layers import (
    LAYERS,
    WEIGHTS,
    F,
    H,
    N,
    T,
    X,
    assert_close,
    cell_of,
    every_layer,
    gradients,
    make,
    start,
)  # fmt: skip

from nbprop import nn, optim
from nbprop.engine import Replay, ShapeError, Tensor, check_gradient, no_grad, record


@every_layer
def test_shapes_and_parameters(name):
    layer = make(name)
    out, state = layer(X)
    blocks = {"RNN": 1, "RNN of relu": 1, "LSTM": 4}.get(name, 3)
    assert {name: p.shape for name, p in layer.named_parameters()} == {
        "weight_ih": (blocks * H, F),
        "weight_hh": (blocks * H, H),
        "bias_ih": (blocks * H,),
        "bias_hh": (blocks * H,),
    }
    assert layer.theta.size == blocks * H * (F + H + 2)
    assert out.shape == (T, N, H)
    if isinstance(layer, nn.LSTM):
        h, c = state
        assert state.shape == (2, 1, N, H) and h.shape == c.shape == (1, N, H)
    else:
        h = state
    np.testing.assert_array_equal(out.data[-1:], h.data)


@every_layer
def test_steps_are_the_sequence(name):
    """The cell step by step, with a carried state: the same outputs and gradients; the layer in chunks too."""
    layer = make(name)
    cell = cell_of(layer)
    out, end = layer(X, start(layer))
    assert dict(cell.named_parameters()).keys() == dict(layer.named_parameters()).keys()

    def whole(x, state):
        return (layer(x, state)[0] * WEIGHTS).sum()

    def steps(x, state):
        total, state = 0.0, state[..., 0, :, :]
        for x_t, weight, expected in zip(x, WEIGHTS, out.data, strict=True):
            state = cell(x_t, state)
            y = state[0] if isinstance(layer, nn.LSTM) else state
            np.testing.assert_allclose(y.data, expected, rtol=1e-13, atol=1e-15)
            total = total + (y * weight).sum()
        np.testing.assert_allclose(state.data, end.data[..., 0, :, :], rtol=1e-13, atol=1e-15)
        return total

    def chunks(x, state):
        a, state = layer(x[:4], state)
        b, _ = layer(x[4:], tuple(state) if isinstance(layer, nn.LSTM) else state)
        return (a * WEIGHTS[:4]).sum() + (b * WEIGHTS[4:]).sum()

    expected = gradients(layer, whole, X, start(layer))
    assert_close(gradients(cell, steps, X, start(layer)), expected)
    assert_close(gradients(layer, chunks, X, start(layer)), expected)


@every_layer
def test_gradients_of_the_layer(name):
    layer = make(name)

    def f(x, state, W, U, b, d):
        layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh = W, U, b, d
        out, state = layer(x, state)
        return (out * out).sum() + state.sum() + out[2].tanh().sum()

    check_gradient(f, X, start(layer), *[p.data for p in layer.parameters()])


@every_layer
@pytest.mark.parametrize(("steps", "sequences"), [(0, 3), (1, 1), (1, 3), (5, 1), (4, 0)])
def test_no_step_no_sequence_one_of_all(name, steps, sequences):
    layer = make(name)
    state = start(layer, sequences)
    out, end = layer(np.ones((steps, sequences, F)), state)
    assert out.shape == (steps, sequences, H) and end.shape == state.shape
    if not steps:
        np.testing.assert_array_equal(end.data, state)
    (out.sum() + end.sum()).backward()
    assert layer.gradient.any() == bool(steps and sequences)


@every_layer
def test_batch_first(name):
    layer, other = make(name), make(name, batch_first=True)
    out, state = layer(X)
    swapped, same = other(X.swapaxes(0, 1))
    np.testing.assert_array_equal(swapped.data, out.data.swapaxes(0, 1))
    np.testing.assert_array_equal(same.data, state.data)
    alone, end = other(X[:, 0])  # without a batch there is nothing to swap
    np.testing.assert_allclose(alone.data, out.data[:, 0], rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(end.data, state.data[..., 0, :], rtol=1e-13, atol=1e-15)
    ours = gradients(layer, lambda x: (layer(x)[0] * WEIGHTS).sum(), X)
    theirs = gradients(other, lambda x: (other(x)[0] * WEIGHTS.swapaxes(0, 1)).sum(), X.swapaxes(0, 1))
    assert_close([theirs[0], theirs[1].swapaxes(0, 1)], ours)


@every_layer
def test_without_bias(name):
    layer, other = make(name, bias=False), make(name)
    assert layer.bias_ih is None and layer.bias_hh is None
    other.theta[:] = 0
    other.weight_ih.data[:], other.weight_hh.data[:] = layer.weight_ih.data, layer.weight_hh.data
    np.testing.assert_array_equal(layer(X)[0].data, other(X)[0].data)
    (layer(X)[0] ** 2).sum().backward()
    (other(X)[0] ** 2).sum().backward()
    np.testing.assert_allclose(layer.gradient, other.gradient[: layer.theta.size], rtol=1e-13)


def test_how_weights_start():
    layer = nn.LSTM(3, 5, rng=0)
    assert layer.theta.dtype == np.float32
    for block in layer.weight_hh.data.reshape(4, 5, 5):
        np.testing.assert_allclose(block @ block.T, np.eye(5), atol=1e-6)
    assert np.abs(layer.weight_ih.data).max() < np.sqrt(6 / 8)
    np.testing.assert_array_equal(layer.bias_ih.data, np.repeat([0, 1, 0, 0], 5))
    assert not layer.bias_hh.data.any()
    assert not nn.LSTM(3, 5, forget_gate=False).bias_ih.data.any()
    np.testing.assert_array_equal(nn.LSTM(3, 5, rng=0).theta, layer.theta)
    assert (nn.LSTM(3, 5, rng=1).weight_ih.data != layer.weight_ih.data).all()
    assert not nn.GRU(3, 5, init="zeros").weight_ih.data.any()
    with pytest.raises(ValueError, match="did you mean 'orthogonal'"):
        nn.GRU(3, 5, recurrent_init="ortogonal")
    with pytest.raises(ShapeError, match=r"init gave .* \(3, 5\), expected \(fan_out, fan_in\) = \(5, 3\)"):
        nn.RNN(3, 5, init=lambda rng, fan_in, fan_out: np.zeros((fan_in, fan_out)))


def test_computes_in_its_own_dtype():
    layer = nn.GRU(2, 3, rng=0)
    for x in (np.ones((4, 1, 2)), np.ones((4, 1, 2), int), Tensor(np.ones((4, 1, 2)))):
        out, state = layer(x, np.zeros((1, 1, 3)))
        assert out.dtype == state.dtype == np.float32


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((T, N, 7)), r"x of shape \(T, N, 2\), or \(T, 2\) for one sequence; got \(9, 3, 7\)"),
        (np.zeros((4, 9, 3, 2)), r"got \(4, 9, 3, 2\)"),
        (np.zeros(2), r"got \(2,\)"),
    ],
)
def test_wrong_input(x, message):
    with pytest.raises(ShapeError, match=r"^GRU\(input_size=2, hidden_size=4\) expected .*" + message):
        nn.GRU(2, 4)(x)


def test_wrong_input_with_the_batch_first():
    with pytest.raises(ShapeError, match=r"batch_first=True\) expected x of shape \(N, T, 2\), or .*got \(5, 3\)$"):
        nn.GRU(2, 4, batch_first=True)(np.zeros((5, 3)))


@pytest.mark.parametrize(
    ("layer", "state", "expected"),
    [
        (nn.GRU(F, H), np.zeros((1, N, 5)), r"\(1, 3, 4\) for 3 sequences; got \(1, 3, 5\)"),
        (nn.GRU(F, H), np.zeros((N, H)), r"\(1, 3, 4\) for 3 sequences; got \(3, 4\)"),
        (nn.RNN(F, H, 2, bidirectional=True), np.zeros((2, N, H)), r"\(4, 3, 4\) for 3 sequences; got \(2, 3, 4\)"),
        (nn.LSTM(F, H), np.zeros((1, N, H)), r"\(2, 1, 3, 4\) for 3 sequences; got \(1, 3, 4\)"),
        (nn.LSTM(F, H), [np.zeros((1, N, H))] * 3, r"\(2, 1, 3, 4\) for 3 sequences; got \(3, 1, 3, 4\)"),
    ],
)
def test_wrong_state(layer, state, expected):
    with pytest.raises(ShapeError, match=r"expected a state of shape " + expected):
        layer(X, state)


def test_wrong_settings():
    with pytest.raises(ValueError, match=r"unknown nonlinearity 'tan'; did you mean 'tanh'"):
        nn.RNN(2, 3, nonlinearity="tan")
    with pytest.raises(ValueError, match="hidden_size must be an integer, 1 or more; got 0"):
        nn.LSTM(2, 0)
    with pytest.raises(TypeError, match="num_layers must be an integer from 1 to 1000; got 'relu'"):
        nn.RNN(2, 3, "relu")
    with pytest.raises(ValueError, match="dropout acts between layers, and num_layers is 1: put an nn"):
        nn.GRU(2, 3, dropout=0.5)
    with pytest.raises(TypeError, match="proj_size"):
        nn.LSTM(2, 3, proj_size=1)


def test_repr():
    assert repr(nn.RNN(2, 3, nonlinearity="relu", batch_first=True)) == (
        "RNN(input_size=2, hidden_size=3, batch_first=True, nonlinearity='relu')"
    )
    assert repr(nn.LSTM(2, 3, forget_gate=False, bias=False)) == (
        "LSTM(input_size=2, hidden_size=3, bias=False, forget_gate=False)"
    )


# Looking at the gradient


def test_gradient_at_every_lag():
    """last.dh after backward: the gradient of the last output, lag by lag; the same as that of single steps."""
    layer = make("LSTM")
    cell = cell_of(layer)
    out, _ = layer(X)
    (out[-1] ** 2).sum().backward()
    dh = layer.last.dh
    with no_grad():
        layer(X)
    assert layer.last.dh is dh  # a prediction in between does not matter
    state, ops = None, []
    for x in X:
        out, _ = state = cell(x, state)
        ops.append(cell.last)
    (out**2).sum().backward()
    np.testing.assert_allclose(dh, [op.dh[0] for op in ops], rtol=1e-12)
    np.testing.assert_allclose(dh[-1], 2 * out.data, rtol=1e-12)
    assert dh.shape == (T, N, H) and np.abs(dh).min() > 0


def test_copies_start_without_a_last_call():
    layer = make("GRU")
    layer(X)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other.last is None and layer.last is not None
        np.testing.assert_array_equal(other(X)[0].data, layer(X)[0].data)
    saved = layer.state_dict()
    layer.theta[:] = 0
    layer.load_state_dict(saved)
    np.testing.assert_array_equal(other.theta, layer.theta)


# As part of a model


class Classifier(nn.Module):
    def __init__(self, name, dtype=np.float32, **settings):
        self.layer = LAYERS[name](F, H, rng=5, dtype=dtype, **settings)
        self.head = nn.Linear(H, 3, rng=6, dtype=dtype)

    def forward(self, x):
        out, _ = self.layer(x)
        return self.head(out[-1])


@every_layer
def test_training_in_replay_is_eager_training(name):
    rng = np.random.default_rng(0)
    batches = [(rng.standard_normal((T, 5, F)).astype("f4"), rng.integers(0, 3, 5)) for _ in range(4)]
    eager, replayed = Classifier(name), Classifier(name)
    loss, first, second = nn.CrossEntropyLoss(), optim.Adam(lr=0.01), optim.Adam(lr=0.01)
    x, y, step = Tensor(batches[0][0].copy()), batches[0][1].copy(), None
    replayed.zero_grad()  # packs the parameters, before their arrays are recorded
    for new_x, new_y in batches * 3:
        eager.zero_grad()
        loss(eager(new_x), new_y).backward()
        first.step(eager)
        x.data[:], y[:] = new_x, new_y
        if step is None:
            with record() as tape:
                total = loss(replayed(x), y)
            step = Replay(tape, total)
        else:
            step.forward()
        step.backward()
        np.testing.assert_array_equal(replayed.gradient, eager.gradient)
        second.step(replayed)
    np.testing.assert_array_equal(replayed.theta, eager.theta)


def torch_twin(torch, name, layer, **settings):
    """PyTorch's layer with the same weights."""
    if name.startswith("RNN"):
        settings["nonlinearity"] = layer.nonlinearity
    other = getattr(torch.nn, name.split(" ")[0])(F, H, dtype=torch.float64, **settings)
    for parameter, twin in zip(layer.parameters(), other.parameters(), strict=True):
        twin.data = torch.tensor(parameter.data)
    return other


@pytest.mark.torch
@pytest.mark.parametrize(("bias", "batch_first"), [(True, False), (False, True)])
@pytest.mark.parametrize("name", ["RNN", "RNN of relu", "GRU", "LSTM"])
def test_same_as_pytorch(torch, name, bias, batch_first):
    """Outputs and all gradients, with an initial state, after 1 and after 100 steps."""
    layer = make(name, bias=bias, batch_first=batch_first)
    twin = torch_twin(torch, name, layer, bias=bias, batch_first=batch_first)
    s = start(layer)
    x, weights = (a.swapaxes(0, 1) if batch_first else a for a in (X, WEIGHTS))
    for step in range(100):
        tensors = [Tensor(v, requires_grad=True) for v in (x, s)]
        out, end = layer(*tensors)
        layer.zero_grad()
        ((out * weights).tanh().sum() + (end * end).sum()).backward()

        theirs = [torch.tensor(v, requires_grad=True) for v in (x.copy(), s)]
        torch_out, torch_end = twin(theirs[0], tuple(theirs[1]) if isinstance(layer, nn.LSTM) else theirs[1])
        torch_end = torch.stack(torch_end) if isinstance(layer, nn.LSTM) else torch_end
        twin.zero_grad()
        ((torch_out * torch.tensor(weights.copy())).tanh().sum() + (torch_end**2).sum()).backward()

        if step in (0, 99):
            assert_close([out.data, end.data], [torch_out.detach().numpy(), torch_end.detach().numpy()], 1e-9)
            assert_close([t.grad for t in tensors], [t.grad.numpy() for t in theirs], 1e-8)
            expected = np.concatenate([p.grad.numpy().ravel() for p in twin.parameters()])
            np.testing.assert_allclose(layer.gradient, expected, rtol=1e-8, atol=1e-9)
        layer.theta -= 0.001 * layer.gradient
        with torch.no_grad():
            for p in twin.parameters():
                p -= 0.001 * p.grad
