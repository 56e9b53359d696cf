"""What a gradient costs: FLOPs against counts by hand, forward mode against backward, and the lesson they teach."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from nbprop import cost
from nbprop.engine import OPS, Op, Tensor, apply, record
from nbprop.engine.attention import Attention
from nbprop.engine.conv import AvgPool2d, Conv2d, MaxPool2d
from nbprop.engine.embedding import Embedding
from nbprop.engine.loss import BCEWithLogits, CrossEntropy
from nbprop.engine.matmul import Linear
from nbprop.engine.recurrent import GRU, LSTM, RNN, ResetBefore
from nbprop.engine.softmax import Softmax
from nbprop.flops import flops

rng = np.random.default_rng(0)


def tensor(*shape, grad=True):
    return Tensor(rng.normal(size=shape), requires_grad=grad)


def test_every_op_is_counted():
    missing = [name for name, op in OPS.items() if op.flops is None and op.__module__.startswith("nbprop.")]
    assert not missing, f"give {', '.join(missing)} flops, beside forward and backward"


def test_a_dense_layer_by_hand():
    x, W, b = tensor(5, 3, grad=False), tensor(4, 3), tensor(4)
    # y: 5 x 4 products of length 3, each multiply-add 2; then the bias.  dW: 4 x 3 of length 5.  db: 5 rows added up.
    assert flops(apply(Linear(), x, W, b)) == (2 * 5 * 4 * 3 + 5 * 4, 2 * 4 * 3 * 5 + 5 * 4)
    x = tensor(5, 3)
    assert flops(apply(Linear(), x, W, b)) == (140, 120 + 20 + 2 * 5 * 3 * 4)  # dx: 5 x 3 of length 4
    assert flops(apply(Linear(), x, W)) == (120, 240)
    assert flops(tensor(2, 7, 5) @ tensor(5, 3)) == (2 * 2 * 7 * 3 * 5, 2 * 2 * 2 * 7 * 3 * 5)


def test_a_convolution_and_pooling_by_hand():
    x, W, b = tensor(2, 3, 8, 9, grad=False), tensor(4, 3, 3, 2), tensor(4)
    y = apply(Conv2d(stride=(2, 1), padding=1), x, W, b)
    assert y.shape == (2, 4, 4, 10)
    product = 2 * (2 * 4 * 4 * 10) * (3 * 3 * 2)  # at each of 320 outputs a window of 18 numbers
    assert flops(y) == (product + 320, product + 320)
    assert flops(apply(MaxPool2d(2), tensor(1, 1, 4, 4))) == (3 * 4, 4 * 4 * 4)
    assert flops(apply(AvgPool2d(2), tensor(1, 1, 4, 4))) == (5 * 4, 5 * 4)


def recurrent(op, gates, states, biases):
    """T = 6 steps of N = 2 sequences, 3 inputs, 5 hidden units."""
    s = tensor(2, 2, 5, grad=False) if states == 2 else tensor(2, 5, grad=False)
    bias = [tensor(gates * 5), tensor(gates * 5)] if biases else []
    return flops(apply(op, tensor(6, 2, 3, grad=False), s, tensor(gates * 5, 3), tensor(gates * 5, 5), *bias))


def test_recurrent_layers_by_hand():
    steps, units = 6 * 2, 6 * 2 * 5
    for op, gates, states, forward, back in (
        (RNN, 1, 1, 1, 4),  # tanh; 1 - h^2 times dh, added to what comes from h
        (GRU, 3, 1, 4 + 4 + 2 + 1 + 3, 18),  # r, u; z + r v; tanh; n + u (h - n)
        (ResetBefore, 3, 1, 4 + 4 + 1 + 1 + 3, 19),  # r, u; r h; tanh; n + u (h - n)
        (LSTM, 4, 2, 3 * 4 + 1 + 3 + 1 + 1, 24),  # i, f, o; g; f c + i g; tanh; o tanh
        (lambda: LSTM(forget_gate=False), 3, 2, 2 * 4 + 1 + 2 + 1 + 1, 19),
    ):
        x_product, h_product = 2 * steps * gates * 5 * 3, 2 * steps * gates * 5 * 5
        bias = steps * gates * 5
        expected = x_product + h_product + 2 * bias + forward * units
        # dW, dU, two biases, and U^T dz through time
        backward = x_product + 2 * h_product + 2 * bias + back * units
        assert recurrent(op(), gates, states, biases=True) == (expected, backward)
        assert recurrent(op(), gates, states, biases=False) == (expected - 2 * bias, backward - 2 * bias)


def test_attention_and_embedding_by_hand():
    q, k, v = tensor(2, 3, 8), tensor(2, 5, 8), tensor(2, 5, 8)
    for heads in (None, 4):
        scores = 2 * 3 * 5 * (heads or 1)
        product = 2 * 2 * 3 * 5 * 8  # the same however it is cut into heads
        assert flops(apply(Attention(heads=heads), q, k, v)) == (2 * product + 5 * scores, 4 * product + 3 * scores)
    assert flops(apply(Embedding(), Tensor(np.array([1, 1, 0])), tensor(4, 6))) == (0, 18)


def test_elementwise_ops_and_broadcasting():
    a, b = tensor(4, 3), tensor(3)
    assert flops(a + b) == (12, 12 - 3)  # the gradient of b is a sum over rows
    assert flops(a * b) == (12, 12 + 12 + 9)
    assert flops(a * tensor(3, grad=False)) == (12, 12)
    assert flops(a.tanh()) == (12, 3 * 12)
    assert flops(a.sum()) == (12, 0)
    assert flops(a.reshape(12)) == (0, 0)
    assert flops(apply(CrossEntropy(), a, np.array([0, 1, 2, 0]))) == (5 * 12, 12)


class _Unknown(Op):
    def forward(self, x):
        return 2 * x


def test_an_op_that_nobody_counted():
    with pytest.raises(ValueError, match="FLOPs of _Unknown yet: give its class flops"):
        flops(apply(_Unknown(), tensor(2)))


def test_the_cost_of_a_network_is_the_sum_of_its_ops_by_hand():
    loss, parameters = cost.dense([4, 3, 3, 1], samples=10, seed=0)
    n, found = 4 * 3 + 3 + 9 + 3 + 3 + 1, cost.count(loss, parameters)
    layers = [2 * 10 * m for m in (12, 9, 3)]
    forward = sum(layers) + 10 * (3 + 3 + 1) + (30 + 30) + 3 * 10  # products, biases, tanh, squared error
    # dW of all and dx of all but the first; biases; tanh; squared error
    backward = 2 * sum(layers) - layers[0] + 10 * 7 + 3 * 60 + 10
    assert (found.parameters, found.loss, found.backward) == (n, forward, forward + backward)
    assert found.differences == forward * (n + 1)
    # A direction in the last bias: nothing to multiply, then the loss. In the last weight: one product more.
    tail = 10 + 2 * 10
    last = [layers[2] + tail, tail]
    middle = [layers[1] + 90 + layers[2] + tail, 90 + layers[2] + tail]
    first = [layers[0] + 90 + layers[1] + middle[1], 90 + layers[1] + middle[1]]
    sizes = [12, 3, 9, 3, 3, 1]
    passes = sum(size * each for size, each in zip(sizes, first + middle + last, strict=True))
    assert found.forward_mode == forward + passes


def test_gradients_of_several_uses_are_added_up():
    x = tensor(4)
    assert cost.count(lambda: (x * x).sum(), [x]).backward == (4 + 4) + (8 + 4)


def test_forward_mode_gives_each_element_of_the_gradient():
    loss, parameters = cost.dense([2, 3, 1], samples=5, seed=1)
    with record() as tape:
        value = loss()
    forward = []
    for p in parameters:
        for i in range(p.size):
            direction = np.zeros(p.size)
            direction[i] = 1
            forward.append(cost.forward_mode(tape, value, {p: direction.reshape(p.shape)})[0])
    value.backward()
    np.testing.assert_allclose(forward, np.concatenate([p.grad.ravel() for p in parameters]), rtol=1e-12)


@pytest.mark.parametrize("f", [
    lambda a, b: (a * b).tanh().sum(),
    lambda a, b: ((a + b) / (b * b + 1) - a.exp()).mean(),
    lambda a, b: (a.sigmoid() ** 2 - b.abs()).relu().sum(),
    lambda a, b: apply(BCEWithLogits(), a, (b * b).clip(0.1, 0.9).sigmoid() + 0 * a),
])  # fmt: skip
def test_forward_mode_through_elementwise_ops(f):
    a, b = tensor(4, 3), tensor(3)
    u, v = rng.normal(size=(4, 3)), rng.normal(size=3)
    with record() as tape:
        loss = f(a, b)
    both, _ = cost.forward_mode(tape, loss, {a: u, b: v})
    only, _ = cost.forward_mode(tape, loss, {b: v})
    loss.backward()
    np.testing.assert_allclose(both, np.sum(a.grad * u) + np.sum(b.grad * v), rtol=1e-10)
    np.testing.assert_allclose(only, np.sum(b.grad * v), rtol=1e-10)
    assert cost.forward_mode(tape, tensor(1), {}) == (0, 0)


def test_forward_mode_says_what_it_does_not_know():
    x = tensor(2, 3)
    with pytest.raises(NotImplementedError, match="but not Softmax"):
        cost.count(lambda: (apply(Softmax(), x) * x).sum(), [x])


def test_backward_is_cheap_and_the_others_grow():
    costs = cost.grow()
    n = np.array([c.parameters for c in costs])
    assert n[0] < 20
    assert n[-1] > 4000
    assert max(costs.ratios("backward")) < 3
    np.testing.assert_array_equal(costs.ratios("differences"), n + 1)
    assert (np.array(costs.ratios("forward_mode")) > 0.6 * n).all()
    head, *rows = repr(costs).splitlines()
    assert "forward mode" in head
    assert [float(word.replace(",", "")) for word in rows[-1].split()] == [4545, 2.94, 4161, 4546]


def test_the_same_by_the_clock():
    costs = cost.grow(cost.clock, widths=(2, 3))
    assert [c.parameters for c in costs] == [19, 31]
    for c in costs:
        assert c.backward > c.loss > 0
        assert c.forward_mode > c.loss
        np.testing.assert_allclose(c.differences, c.loss * (c.parameters + 1))


def test_the_picture_shows_the_ratios():
    costs = cost.grow(widths=(2, 4, 8))
    ax = costs.plot(Figure().subplots())
    assert [line.get_label() for line in ax.lines] == ["backward", "forward mode", "differences"]
    for line, way in zip(ax.lines, cost.WAYS, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [19, 45, 121])
        np.testing.assert_array_equal(line.get_ydata(), costs.ratios(way))
