"""Tensor in the place of micrograd's Value: its README, its training, and the walk that draws its graphs."""

import gc
import weakref

import numpy as np

from nbprop.engine import Tensor as Value


def trace(root):
    """As in micrograd's trace_graph.ipynb."""
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def drawn(root):
    """The texts that draw_dot writes into a picture: of each number, of each operation, and where arrows lead."""
    nodes, edges = trace(root)
    label = {n: "{ data %.4f | grad %.4f }" % (n.data, n.grad) for n in nodes}  # noqa: UP031
    return sorted(label.values()), sorted(n._op for n in nodes if n._op), sorted((label[a], b._op) for a, b in edges)


def example():
    x, y = Value(2.0), Value(-3.0)
    return x, (x * y + x**2 - y / 4).tanh() + x.relu() + 1.0


def test_a_graph_is_drawn_before_backward_and_after():
    x, L = example()
    _, ops, edges = drawn(L)
    assert ops == ["*", "**2", "+", "+", "+", "-", "/", "relu", "tanh"]
    assert len(edges) == 15 and ("{ data 2.0000 | grad 0.0000 }", "**2") in edges
    assert L._op == "+" and x._op == "" and x._prev == set()
    L.backward()
    numbers, ops_after, edges_after = drawn(L)
    assert ops_after == ops and sorted(op for _, op in edges_after) == sorted(op for _, op in edges)
    assert f"{{ data 2.0000 | grad {x.grad:.4f} }}" in numbers and x.grad != 0
    assert "{ data 4.0000 | grad 0.0000 }" in numbers  # a constant


def test_what_is_kept_to_be_drawn_keeps_nothing_else():
    _, L = example()
    L.backward()
    ops = [node.op for node in trace(L)[0] if node.op]
    assert ops and all(op.released and set(vars(op)) <= {"released", "symbol"} for op in ops)
    x = Value(np.ones((3, 3)), requires_grad=True)
    hidden = (x @ x).tanh()
    freed = weakref.ref(hidden)
    L = (hidden.sum() + hidden.mean()) * 2
    del hidden
    L.backward()
    gc.collect()
    assert freed() is None  # the numbers of a layer are let go, as long as the loss may be held
    assert [node._op for node in trace(L)[0]].count("+") == 1


def test_operations_have_the_signs_that_people_write():
    a, b = Value(np.ones((2, 2))), Value(np.ones((2, 2)))
    results = [a + b, a - b, a * b, a / b, a @ b, a**3, a**0.5, -a, a.exp(), a.sum(), a.softmax()]
    assert [y.op for y in results] == [None] * 11 and a._op == ""
    a.requires_grad = True
    results = [a + b, a - b, a * b, a / b, a @ b, a**3, a**0.5, -a, a.exp(), a.sum(), a.softmax()]
    assert [y._op for y in results] == ["+", "-", "*", "/", "@", "**3", "**0.5", "neg", "exp", "sum", "softmax"]
    assert (a + b)._prev == {a, b} and (a * a)._prev == {a}
