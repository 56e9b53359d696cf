"""Embedding, and a weight that is used twice."""

import numpy as np
import pytest

from nbprop import nn, optim
from nbprop.engine import Tensor, apply, check_gradient
from nbprop.engine.embedding import Embedding
from nbprop.engine.matmul import Linear


def test_rows_of_the_weight():
    layer = nn.Embedding(5, 3, rng=0)
    for index in ([[0, 4], [2, 2]], np.array([[0, 4], [2, 2]]), Tensor(np.array([[0, 4], [2, 2]]))):
        y = layer(index)
        assert y.shape == (2, 2, 3) and y.dtype == np.float32
        np.testing.assert_array_equal(y.data, layer.weight.data[[[0, 4], [2, 2]]])
    y.sum().backward()
    np.testing.assert_array_equal(layer.gradient.reshape(5, 3), np.outer([1, 0, 2, 0, 1], np.ones(3)))


@pytest.mark.torch
@pytest.mark.parametrize("padding_idx", [None, 0, 2, -1])
def test_padding_as_in_pytorch(torch, padding_idx):
    """The row begins as zeros and gets no gradient, but is read as it stands."""
    layer = nn.Embedding(5, 3, padding_idx, rng=0, dtype=np.float64)
    twin = torch.nn.Embedding(5, 3, padding_idx, dtype=torch.float64)
    assert layer.padding_idx == twin.padding_idx
    np.testing.assert_array_equal((layer.weight.data == 0).all(axis=1), (twin.weight == 0).all(axis=1).numpy())
    layer.theta += 1
    twin.weight.data = torch.tensor(layer.weight.data)
    index, dy = np.array([[0, 4, 2], [2, 2, 4]]), np.random.default_rng(1).standard_normal((2, 3, 3))
    y, z = layer(index), twin(torch.tensor(index))
    np.testing.assert_array_equal(y.data, z.detach().numpy())
    y.backward(dy)
    z.backward(torch.tensor(dy))
    np.testing.assert_allclose(layer.weight.grad, twin.weight.grad.numpy(), rtol=1e-13)


def test_a_row_of_padding_stays_zero_in_training():
    layer, adam = nn.Embedding(4, 3, 1, rng=0), optim.AdamW(lr=0.1)
    for _ in range(3):
        layer.zero_grad()
        (layer([0, 1, 1, 2]) + 1).sum().backward()
        adam.step(layer)
    assert (layer.weight.data[1] == 0).all() and (layer.weight.data[0] != 0).all()


def test_initial_weights():
    weight = nn.Embedding(200, 50, rng=0, dtype=np.float64).weight.data
    assert weight.dtype == np.float64 and weight.shape == (200, 50)
    assert weight.std() == pytest.approx(1, rel=0.02)
    small = nn.Embedding(200, 50, init=nn.init.normal(std=0.02), rng=0).weight.data
    assert small.std() == pytest.approx(0.02, rel=0.02)


def test_weight_tying():
    """The table on the way in is the table on the way out, and gets both gradients."""
    index = np.array([2, 0, 2])
    W = np.random.default_rng(0).standard_normal((3, 4))
    check_gradient(lambda W: apply(Linear(), apply(Embedding(), index, W).tanh(), W), W)

    class Tied(nn.Module):
        def __init__(self):
            self.enter, self.leave = nn.Embedding(3, 4, rng=0), nn.Linear(4, 3, bias=False)
            self.leave.weight = self.enter.weight

        def forward(self, index):
            return self.leave(self.enter(index))

    model = Tied()
    assert [name for name, _ in model.named_parameters()] == ["enter.weight"] and model.theta.size == 12
    model(index).sum().backward()
    W = model.enter.weight.data
    expected = np.tile(W[index].sum(0), (3, 1)) + np.outer([1, 0, 2], W.sum(0))
    np.testing.assert_allclose(model.gradient.reshape(3, 4), expected, rtol=1e-5)


def test_errors():
    layer = nn.Embedding(3, 2)
    with pytest.raises(IndexError, match="Embedding takes row numbers from 0 to 2: got 1 to 3"):
        layer([1, 3])
    with pytest.raises(TypeError, match="row numbers as integers: got float64"):
        layer([1.0])
    with pytest.raises(ValueError, match="num_embeddings must be an integer, 1 or more; got 0"):
        nn.Embedding(0, 2)
    for padding_idx in (3, -4):
        with pytest.raises(ValueError, match=rf"padding_idx .* an integer from -3 to 2; got {padding_idx}"):
            nn.Embedding(3, 2, padding_idx)
    assert repr(layer) == "Embedding(3, 2)"
    assert repr(nn.Embedding(3, 2, -1)) == "Embedding(3, 2, padding_idx=2)"
