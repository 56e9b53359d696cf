"""Random graphs of all ops beside PyTorch; `python tests/engine/random_graphs.py --count 100000` tries many more."""

import warnings

import numpy as np
import pytest
from random_graphs import Graph, failure

from nbprop.engine import OPS, elementwise

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("first", range(0, 2000, 500))
def test_same_as_pytorch(first):
    torch = pytest.importorskip("torch")
    failures = [text for seed in range(first, first + 500) if (text := failure(seed, torch))]
    assert not failures, "\n\n".join(failures)


def test_a_wrong_rule_is_found(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(elementwise.Mul, "backward", lambda op, dy: (dy * op.b, dy * op.a * 1.01))
    assert any(failure(seed, torch) for seed in range(50))


def test_all_ops_take_part():
    ours = {name for name, op in OPS.items() if op.__module__.startswith("nbprop.engine.")}
    seen = set()
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        for seed in range(1000):
            graph = Graph(seed)
            stack = [graph.names[name] for name in graph.results]
            while stack:
                node = stack.pop()
                if node.op:
                    seen.add(node.op.name)
                    stack.extend(node.inputs)
    # A test of its own beside PyTorch; random; y = x; shares among equals; none in PyTorch: in op_cases.py.
    assert ours - seen == {"CTC", "Dropout", "Identity", "Median", "ResetBefore"}
