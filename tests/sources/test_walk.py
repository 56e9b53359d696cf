"""Walks through a computation graph: the right order gives backward()'s gradients, the wrong one what it must give."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.engine import Op, apply, record
from nbprop.sources.walk import Walk

rng = np.random.default_rng(0)


def tensor(*shape, grad=True):
    return nb.Tensor(rng.normal(size=shape), requires_grad=grad)


def neuron():
    x, w, b = nb.Tensor(2.0), nb.Tensor(-3.0), nb.Tensor(7.0)
    return (x * w + b).tanh() ** 2, {"x": x, "w": w, "b": b}


def shared():
    """b is used twice: once at once, once by way of c."""
    a = nb.Tensor(3.0)
    b = a * 2.0
    c = b * b
    return c + b, {"a": a, "b": b, "c": c}


def network():
    x, y = tensor(5, 3, grad=False), tensor(5, 1, grad=False)
    w, v, b = tensor(4, 3), tensor(1, 4), tensor(4)
    h = (x @ w.T + b).tanh()
    return ((h @ v.T - y) ** 2).mean() + (w * w).sum() * 0.1 + h.sum() / 7.0, {"w": w, "v": v, "b": b}


def where():
    x = tensor(6)
    return (nb.engine.where(x.data > 0, x * x, x.exp()) * x[1]).sum(), {"x": x}


@pytest.mark.parametrize("make", [neuron, shared, network, where])
def test_the_right_order_gives_the_gradients_of_backward(make):
    loss, names = make()
    walk = Walk(loss, names)
    found = dict(zip([node.name for node in walk.nodes], walk.gradients(), strict=True))
    loss.backward()
    for name, x in names.items():
        np.testing.assert_allclose(found[name], x.grad, rtol=1e-6, atol=1e-12)
        assert found[name].shape == x.shape and found[name].dtype == x.dtype


def test_every_node_comes_after_its_inputs_and_keeps_its_value():
    loss, names = network()
    walk = Walk(loss, names)
    assert all(i < k for k, node in enumerate(walk.nodes) for i in node.inputs)
    assert walk.nodes[-1].value == loss.data
    by_name = {node.name: node for node in walk.nodes}
    np.testing.assert_array_equal(by_name["w"].value, names["w"].data)
    names["w"].data[:] = 0
    assert by_name["w"].value.any()


def test_drawing_does_not_disturb_backward():
    w = tensor(3, 3)
    loss, twin = (((w @ w).tanh() * w).sum() for _ in range(2))
    Walk(loss)
    loss.backward()
    drawn = w.grad.copy()
    w.grad = None
    twin.backward()
    np.testing.assert_array_equal(drawn, w.grad)
    with pytest.raises(ValueError, match=r"backward\(\) has been through"):
        Walk(loss)


def test_values_come_first_then_gradients_part_by_part():
    walk = Walk(*neuron())
    kinds = [step.kind for step in walk.orders["right"]]
    assert kinds == ["start", *["forward"] * 4, "seed", *["backward"] * 6, "end"]
    totals = [step for step in walk.orders["right"] if step.kind == "backward"]
    for step in totals:
        np.testing.assert_allclose(step.total, step.part + (0 if step.before is None else step.before))
        np.testing.assert_allclose(step.part, step.sent * walk.nodes[step.user].slopes[step.slot], rtol=1e-6)
        assert step.has == step.of and not step.late


def test_partial_sums_after_each_step():
    walk = Walk(*shared())
    names = [node.name for node in walk.nodes]
    b = names.index("b")
    history = [walk.gradients("right", k)[b] for k in range(len(walk.orders["right"]))]
    sums = [float(g) for g in history if g is not None]
    assert sorted(set(sums)) == [1.0, 7.0, 13.0]  # 1 from the sum, 6 from each factor of b * b
    assert sums == sorted(sums) and history[0] is None


def test_the_wrong_order_hands_on_what_has_not_arrived_yet():
    walk = Walk(*shared())
    names = [node.name for node in walk.nodes]
    right, wrong = (float(walk.gradients(order)[names.index("a")]) for order in ("right", "wrong"))
    assert right == 2 * (2 * 6 + 1)
    assert wrong == 2 * 6  # b has handed on the first of its three parts
    early = [step for step in walk.orders["wrong"] if step.kind == "backward" and step.has < step.of]
    assert [(names[step.user], step.has, step.of) for step in early] == [("b", 1, 3)]
    assert [names[step.node] for step in walk.orders["wrong"] if step.late] == ["b", "b"]
    assert len(walk.orders["wrong"]) == len(walk.orders["right"])


def test_any_order_is_right_in_a_tree():
    walk = Walk(*neuron())
    for a, b in zip(walk.gradients("right"), walk.gradients("wrong"), strict=True):
        assert (a is None and b is None) or a == b


def test_slopes_are_local_derivatives():
    loss, names = neuron()
    walk = Walk(loss, names)
    product = next(node for node in walk.nodes if node.op == "Mul")
    assert [float(slope) for slope in product.slopes] == [-3.0, 2.0]
    assert product.rule == "y = a b, dL/da = dL/dy b, dL/db = dL/dy a"
    layer = nb.nn.Linear(3, 1)
    rule = Walk(layer(tensor(2, 3)).sum()).nodes[-2].rule
    assert rule == (
        "y = x W^T + b: a layer's pre-activation z. dL/dx = dL/dy W, dL/dW = dL/dy^T x, dL/db = row sum of dL/dy"
    )
    assert all(slope is None for node in Walk(*network()).nodes if node.value.size > 1 for slope in node.slopes)


def test_names_are_given_or_made_up():
    a, b = nb.Tensor(1.0), nb.Tensor(2.0)
    walk = Walk((a * b + 3.0).exp() * a, {"c": b})
    assert [node.name for node in walk.nodes] == ["x1", "c", "a", "3", "b", "e", "L"]
    assert Walk(a * b, {"L": a}).nodes[-1].name == "a"
    arrays = Walk((tensor(3, grad=False) @ tensor(3)).exp())
    assert [node.name for node in arrays.nodes] == ["c1", "x1", "a", "L"]


def test_what_cannot_be_drawn_is_said():
    x = nb.Tensor(2.0)
    for bad, error, words in [
        (3.0, TypeError, "expected a Tensor, such as the loss, got float"),
        (x, ValueError, "no history"),
        (tensor(3) * 2, ValueError, r"got shape \(3,\): try Graph\(y.sum\(\)\)"),
        (nb.Tensor([1.0]) * nb.Tensor([2.0]), ValueError, "requires_grad=True"),
    ]:
        with pytest.raises(error, match=words):
            Walk(bad)
    with pytest.raises(TypeError, match="x: expected a Tensor, got float"):
        Walk(x * x, {"x": 2.0})
    with pytest.raises(ValueError, match="z: expected a Tensor that the result was computed from"):
        Walk(x * x, {"z": nb.Tensor(2.0)})


def test_a_graph_that_is_too_large_is_refused_before_anything_is_computed():
    x = nb.Tensor(0.5)
    for _ in range(39):
        x = x.tanh()
    assert len(Walk(x).nodes) == 40
    for _ in range(3000):
        x = x.tanh()
    with pytest.raises(ValueError, match=r"at most 40 tensors.*whole arrays"):
        Walk(x)
    assert len(Walk(x, most=5000).orders["wrong"]) == 1 + 3039 + 1 + 3039 + 1


def test_ops_of_ones_own_and_parts_without_gradient():
    class Twice(Op):
        """y = 2 x,  dL/dx = 2 dL/dy.  Any shape."""

        def forward(self, x):
            return 2 * x

        def backward(self, dy):
            return 2 * dy

    nb.engine.OPS.pop("Twice")
    walk = Walk(apply(Twice(), nb.Tensor(4.0)))
    assert walk.nodes[-1].rule == "y = 2 x, dL/dx = 2 dL/dy" and float(walk.gradients()[0]) == 2
    with record():  # constants are in the graph too while recording
        x = nb.Tensor(3.0)
        loss = (nb.Tensor([1.0, 2.0]).sum() * x).tanh()
    walk = Walk(loss, {"x": x})
    assert [node.needs for node in walk.nodes] == [False, False, True, True, True]
    assert walk.gradients()[0] is None and walk.gradients()[1] is None
