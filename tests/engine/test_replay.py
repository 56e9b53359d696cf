"""Replay: bit-equal to computing anew, in fixed memory."""

import itertools

import numpy as np
import pytest

from nbprop.engine import BackwardError, Op, Replay, Tensor, apply, concatenate, no_grad, record, stack, where
from nbprop.engine.activation import GELU, ReLU, Sigmoid, Tanh
from nbprop.engine.loss import MSE, BCEWithLogits, CrossEntropy
from nbprop.engine.matmul import Linear
from nbprop.engine.op import OPS


@pytest.fixture
def own_ops():
    before = dict(OPS)
    yield
    OPS.clear()
    OPS.update(before)


class Net:
    """Linear layers over one flat parameter vector and one flat gradient, as models have them."""

    def __init__(self, sizes, dtype="f4", seed=0):
        shapes = [s for i, o in itertools.pairwise(sizes) for s in ((o, i), (o,))]
        total = sum(int(np.prod(s)) for s in shapes)
        self.theta = np.random.default_rng(seed).standard_normal(total).astype(dtype) * np.array(0.5, dtype)
        self.gradient = np.zeros(total, dtype)
        self.parameters, start = [], 0
        for s in shapes:
            stop = start + int(np.prod(s))
            p = Tensor(self.theta[start:stop].reshape(s), requires_grad=True)
            p.grad = self.gradient[start:stop].reshape(s)
            self.parameters.append(p)
            start = stop

    def __call__(self, x, activation=Tanh):
        pairs = list(zip(self.parameters[::2], self.parameters[1::2], strict=True))
        for W, b in pairs[:-1]:
            x = apply(activation(), apply(Linear(), x, W, b))
        return apply(Linear(), x, *pairs[-1])

    def update(self, lr=0.05):
        self.theta -= np.array(lr, self.theta.dtype) * self.gradient


def train(net, compute, refill, replayed, steps):
    """Losses of some steps of gradient descent, by replay or computed anew each time."""
    losses, replay = [], None
    for k in range(steps):
        refill(k)
        if not replayed:
            net.gradient.fill(0)
            loss = compute()
            loss.backward()
        elif replay is None:
            with record() as tape:
                loss = compute()
            replay = Replay(tape, loss)
            replay.backward()
        else:
            assert replay.forward() is loss.data
            replay.backward()
        losses.append(loss.item())
        net.update()
    return losses


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("activation", [Tanh, ReLU, Sigmoid, GELU])
@pytest.mark.parametrize("kind", [BCEWithLogits, MSE, CrossEntropy])
def test_training_is_bit_equal(kind, activation, dtype):
    results = []
    for replayed in (False, True):
        net = Net([2, 8, 8, 3], dtype)
        x = Tensor(np.empty((32, 2), dtype))
        t = Tensor(np.empty(32, int) if kind is CrossEntropy else np.empty((32, 3), dtype))

        def refill(k, x=x, t=t):
            rng = np.random.default_rng(k)
            x.data[...] = rng.standard_normal(x.shape)
            t.data[...] = rng.integers(0, 3, t.shape) if t.ndim == 1 else rng.random(t.shape)

        losses = train(net, lambda n=net, x=x, t=t: apply(kind(), n(x, activation), t), refill, replayed, 40)
        results.append((losses, net.theta, net.gradient))
    (a, theta_a, gradient_a), (b, theta_b, gradient_b) = results
    assert a == b and len(set(a)) == 40
    np.testing.assert_array_equal(theta_a, theta_b)
    np.testing.assert_array_equal(gradient_a, gradient_b)


def tangled(net, x):
    """A bit of everything: views, broadcasting, constants, shared parameters and branches without a gradient."""
    W, b, V, c = net.parameters
    scaled = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-3)  # needs no gradient, depends on the batch
    h = apply(Linear(), scaled, W, b).tanh()
    h = h + h * h * b + (h @ W) @ W.T  # W and b a second and third time
    left, right = h[:, :2], h[:, [0, 2, 2]]
    h = concatenate([left, right, left.T.reshape(-1, 2) * 2], axis=1)
    h = where(h.data > 100, h, h.sigmoid()) + stack([h.max(axis=1), h.min(axis=1)], axis=1).mean(axis=1, keepdims=True)
    y = h[:, :4] @ V.T + c
    with no_grad():
        y.abs().max()  # looked at, leads nowhere
    return (y.softmax() * y).sum() / len(x) + (V**2).sum() * 0.01 + c[0]


def test_tangled_graphs_are_bit_equal():
    results = []
    for replayed in (False, True):
        net, x = Net([3, 4, 4]), Tensor(np.empty((6, 3), "f4"))

        def refill(k, x=x):
            x.data[...] = np.random.default_rng(k).standard_normal(x.shape)

        losses = train(net, lambda net=net, x=x: tangled(net, x), refill, replayed, 30)
        results.append((losses, net.theta))
    assert results[0][0] == results[1][0] and len(set(results[0][0])) == 30
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_gradients_stand_in_the_models_memory():
    net, x = Net([2, 5, 1]), Tensor(np.ones((4, 2), "f4"))
    views = [p.grad for p in net.parameters]
    with record() as tape:
        loss = (net(x) ** 2).mean()
    outputs = [node.data for node in tape.nodes]
    replay = Replay(tape, loss)
    for k in range(4):
        net.gradient.fill(99)  # set, not added to
        replay.backward()
        assert all(p.grad is view and view.base is net.gradient for p, view in zip(net.parameters, views, strict=True))
        assert all(node.data is y for node, y in zip(tape.nodes, outputs, strict=True))
        expected = net.gradient.copy()
        net.gradient.fill(0)
        (net(x) ** 2).mean().backward()
        np.testing.assert_array_equal(expected, net.gradient)
        x.data += k
        replay.forward()


def test_gradient_of_any_tensor():
    net, x, other = Net([2, 5, 1]), Tensor(np.ones((4, 2), "f4")), Tensor([1.0], requires_grad=True)
    with record() as tape:
        z = apply(Linear(), x, *net.parameters[:2])
        a = z.tanh()
        y = apply(Linear(), a, *net.parameters[2:])
        loss = (y * y).sum()
    replay = Replay(tape, loss)
    dz = z.grad
    for k in range(3):
        x.data[...] = k + 1
        replay.forward()
        replay.backward()
        assert z.grad is dz and loss.grad == 1
        np.testing.assert_allclose(y.grad, 2 * y.data)
        np.testing.assert_allclose(dz, a.grad * (1 - a.data**2), rtol=1e-6)
    assert all(replay.depends_on(one) for one in (z, a, y, loss, *net.parameters))
    assert not replay.depends_on(x) and not replay.depends_on(other)


def test_a_parameter_used_twice_gets_the_sum():
    w = Tensor(np.array([2.0, 3.0]), requires_grad=True)
    with record() as tape:
        loss = (w * w + w).sum() + (w * 10).sum()
    replay = Replay(tape, loss)
    for value in (2.0, 5.0):
        w.data[...] = value
        replay.forward()
        replay.backward()
        assert w.grad.tolist() == [2 * value + 11] * 2


def test_random_ops_draw_anew_at_every_forward(own_ops):
    class Drop(Op):
        def __init__(self, rng):
            self.rng = rng

        def forward(self, x):
            self.mask = self.rng.random(x.shape) < 0.5
            return x * self.mask

        def backward(self, dy):
            return dy * self.mask

    x = Tensor(np.ones(100), requires_grad=True)
    with record() as tape:
        y = apply(Drop(np.random.default_rng(0)), x)
        loss = y.sum()
    replay = Replay(tape, loss)
    masks = []
    for _ in range(5):
        replay.backward()
        np.testing.assert_array_equal(x.grad, y.data)
        masks.append(y.data.copy())
        replay.forward()
    rng = np.random.default_rng(0)
    for mask in masks:
        np.testing.assert_array_equal(mask, rng.random(100) < 0.5)


def test_an_op_that_ignores_into_and_its_own_memory(own_ops):
    class Careless(Op):
        def forward(self, a, b):
            self.a, self.b = a, b
            return a * b

        def backward(self, dy):
            return (dy * self.b).astype("f8"), dy * self.a

    a, b = Tensor(np.ones((3, 2), "f4"), requires_grad=True), Tensor(np.ones(2, "f4"), requires_grad=True)
    with record() as tape:
        y = apply(Careless(), a, b)
        loss = (y * y).sum() + apply(Careless(), y, b).sum()
    out = y.data
    replay = Replay(tape, loss)
    for k in range(1, 4):
        a.data[...], b.data[...] = k, [1, k]
        replay.forward()
        replay.backward()
        assert y.data is out and out.tolist() == [[k, k * k]] * 3
        da = 2 * a.data * b.data**2 + b.data**2
        db = (2 * a.data**2 * b.data + 2 * a.data * b.data).sum(0)
        np.testing.assert_allclose(a.grad, da)
        np.testing.assert_allclose(b.grad, db)
        assert a.grad.dtype == np.float32


def test_gradient_arrays_that_are_not_contiguous():
    w = Tensor(np.ones((3, 2)), requires_grad=True)
    w.grad = view = np.zeros((2, 3)).T
    x = np.arange(12.0).reshape(4, 3)
    with record() as tape:
        loss = (Tensor(x) @ w).sum()
    replay = Replay(tape, loss)
    for _ in range(2):
        replay.backward()
        assert w.grad is view and view[:, 0].tolist() == x.sum(0).tolist()


def test_values_computed_outside_stay_constant():
    c = Tensor([3.0])
    d = c * 2
    w = Tensor([1.0], requires_grad=True)
    with record() as tape:
        loss = (w * d).sum()
    replay = Replay(tape, loss)
    c.data[...] = 100
    assert replay.forward() == 6


def test_gradients_kept_by_an_earlier_backward_are_not_written_into():
    w = Tensor([1.0, 2.0], requires_grad=True)
    with record() as tape:
        a, b = w * 2, w * 3
        loss = (a + b).sum()
    loss.backward(retain_graph=True)  # a.grad and b.grad are one array, read-only
    replay = Replay(tape, loss)
    for _ in range(2):
        replay.backward()
        assert w.grad.tolist() == [5, 5] and a.grad.tolist() == b.grad.tolist() == [1, 1]


def test_what_replay_refuses():
    w = Tensor([1.0, 2.0], requires_grad=True)
    before = w * 2
    with record() as tape:
        late = (before * 3).sum()
        vector = w * 3
        constant = Tensor([1.0]).sum()
        used = (w * w).sum()
        used.backward()
    with pytest.raises(BackwardError, match="result of Mul computed before recording began"):
        Replay(tape, late)
    with pytest.raises(BackwardError, match="loss of one number that requires a gradient"):
        Replay(tape, vector)
    with pytest.raises(BackwardError, match="loss of one number that requires a gradient"):
        Replay(tape, constant)
    with pytest.raises(BackwardError, match="been through Sum already"):
        Replay(tape, used)


def test_nothing_is_allocated_for_a_plain_step():
    """After the first runs every call goes straight to an op: no copies, no Python in between."""
    net, x, t = Net([2, 8, 8, 1]), Tensor(np.ones((16, 2), "f4")), Tensor(np.ones((16, 1), "f4"))
    with record() as tape:
        loss = apply(BCEWithLogits(), net(x), t)
    replay = Replay(tape, loss)
    for _ in range(2):
        replay.forward()
        replay.backward()
    assert [call.func.__self__ for call in replay._forward] == [node.op for node in tape.nodes]
    assert [call.func.__self__ for call in replay._backward] == [node.op for node in reversed(tape.nodes)]


def test_deep_graphs():
    x = y = Tensor(np.array(1.0), requires_grad=True)
    with record() as tape:
        for _ in range(5_000):
            y = y * 1.0001
    replay = Replay(tape, y)
    for _ in range(2):
        replay.forward()
        replay.backward()
    assert x.grad == pytest.approx(1.0001**5_000)
