"""The recurrent layers as the tests try them: small, with random biases and states, on the sequences X."""

import numpy as np
import pytest

from nbprop import nn
from nbprop.engine import Tensor

LAYERS = {
    "RNN": nn.RNN,
    "RNN of relu": lambda *sizes, **settings: nn.RNN(*sizes, nonlinearity="relu", **settings),
    "GRU": nn.GRU,
    "GRU reset before": lambda *sizes, **settings: nn.GRU(*sizes, reset_after=False, **settings),
    "LSTM": nn.LSTM,
    "LSTM without forget gate": lambda *sizes, **settings: nn.LSTM(*sizes, forget_gate=False, **settings),
}
every_layer = pytest.mark.parametrize("name", LAYERS)
T, N, F, H = 9, 3, 2, 4  # steps, sequences, features, units
X = np.random.default_rng(0).standard_normal((T, N, F))
WEIGHTS = np.random.default_rng(8).standard_normal((T, N, H))  # so that every output counts, each differently


def make(name, **settings):
    layer = LAYERS[name](F, H, **{"rng": 1, "dtype": np.float64, **settings})
    layer.theta += 0.1 * np.random.default_rng(2).standard_normal(layer.theta.shape)  # biases too
    return layer


def start(layer, N=N):
    layers = layer.num_layers * (1 + layer.bidirectional)
    return np.random.default_rng(3).standard_normal((2, layers, N, H)[not isinstance(layer, nn.LSTM) :])


def cell_of(layer):
    """A cell with the weights of a layer."""
    kind = {nn.RNN: nn.RNNCell, nn.GRU: nn.GRUCell, nn.LSTM: nn.LSTMCell}[type(layer)]
    settings = {name: getattr(layer, name) for name in layer.own}
    cell = kind(layer.input_size, layer.hidden_size, layer.bias, dtype=layer.theta.dtype, **settings)
    cell.theta = layer.theta
    return cell


def gradients(layer, loss, *inputs):
    """Gradients of loss(*tensors) with respect to theta and the inputs."""
    layer.zero_grad()
    tensors = [Tensor(x, requires_grad=True) for x in inputs]
    loss(*tensors).backward()
    return [layer.gradient.copy(), *(x.grad for x in tensors)]


def assert_close(ours, theirs, tol=1e-12):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol)
