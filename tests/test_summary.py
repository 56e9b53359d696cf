"""The summary of a model: parameters, FLOPs and memory by hand, and how it looks."""

import numpy as np
import pytest

from nbprop import nn


def row(summary, name):
    (found,) = (row for row in summary.rows if row.name == name)
    return found


def test_a_dense_network_by_hand():
    summary = nn.mlp([2, 16, 3]).summary((32, 2))
    first, tanh, last = summary.rows
    assert [(r.name, r.kind, r.output, r.parameters) for r in summary.rows] == [
        ("0", "Linear", (32, 16), 2 * 16 + 16),
        ("1", "Tanh", (32, 16), 0),
        ("2", "Linear", (32, 3), 16 * 3 + 3),
    ]
    assert (first.flops_forward, first.flops_backward) == (2 * 32 * 2 * 16 + 32 * 16,) * 2  # W x, b; dW, db
    assert (tanh.flops_forward, tanh.flops_backward) == (32 * 16, 3 * 32 * 16)
    assert (last.flops_forward, last.flops_backward) == (2 * 32 * 16 * 3 + 32 * 3, 2 * (2 * 32 * 16 * 3) + 32 * 3)
    # Results; float32 has 4 bytes.
    assert [r.memory_forward for r in summary.rows] == [4 * 32 * 16, 4 * 32 * 16, 4 * 32 * 3]
    assert [r.memory_backward for r in summary.rows] == [4 * (32 * 16 + 48), 4 * 32 * 16, 4 * (32 * 3 + 51)]
    total = summary.total
    assert total.parameters == 99
    assert total.flops_forward == sum(r.flops_forward for r in summary.rows)
    assert total.memory_backward == sum(r.memory_backward for r in summary.rows)


def test_a_convolutional_network_by_hand():
    model = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(864, 10))
    conv, relu, pool, flat, dense = model.summary((64, 1, 28, 28)).rows
    outputs = 64 * 6 * 24 * 24
    assert (conv.output, conv.parameters) == ((64, 6, 24, 24), 156)
    assert (conv.flops_forward, conv.flops_backward) == (2 * outputs * 25 + outputs,) * 2
    assert (relu.flops_forward, relu.flops_backward) == (outputs, 2 * outputs)
    assert (pool.output, pool.flops_forward) == ((64, 6, 12, 12), 3 * outputs // 4)
    assert (flat.output, flat.parameters, flat.flops_forward, flat.memory_forward) == ((64, 864), 0, 0, 0)
    assert dense.flops_backward == 2 * 2 * 64 * 864 * 10 + 640


def test_a_recurrent_network_by_hand():
    summary = nn.LSTM(32, 64).summary((50, 8, 32))
    (lstm,) = summary.rows
    assert (lstm.name, lstm.output, lstm.parameters) == ("model", (50, 8, 64), 4 * 64 * (32 + 64 + 2))
    from_x, from_h, units = 2 * 400 * 256 * 32, 2 * 400 * 256 * 64, 400 * 64
    assert lstm.flops_forward == from_x + from_h + 2 * 400 * 256 + 18 * units
    assert lstm.flops_backward == from_x + 2 * from_h + 2 * 400 * 256 + 24 * units
    assert lstm.memory_forward > 400 * 64 * 4 * (2 + 4)  # states and gates at least


def test_a_module_has_what_it_does_itself_and_those_inside_have_theirs():
    model = nn.Sequential(nn.Linear(4, 4, rng=0), nn.Residual(nn.Linear(4, 4, rng=0), nn.ReLU()))
    summary = model.summary()
    assert [r.name for r in summary.rows] == ["0", "1", "1.0", "1.1"]
    assert summary.input_shape == (1, 4)
    assert (row(summary, "1").flops_forward, row(summary, "1").parameters) == (4, 0)  # x + y
    assert row(summary, "1.0").flops_forward == 2 * 4 * 4 + 4
    block = nn.TransformerBlock(8, 2).summary((3, 5, 8))
    assert row(block, "self_attn").parameters == 3 * 8 * 8 + 3 * 8
    assert row(block, "self_attn.out_proj").parameters == 8 * 8 + 8
    assert row(block, "model").flops_forward == 2 * 3 * 5 * 8  # two ways around


class Twice(nn.Module):
    def __init__(self):
        self.a = nn.Linear(3, 3)
        self.b = nn.Linear(3, 3)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.a(self.a(x)).tanh() + self.b(x)


def test_what_is_used_twice():
    summary = Twice().summary((2, 3))
    one = 2 * 2 * 9 + 6
    assert [(r.name, r.parameters, r.flops_forward) for r in summary.rows] == [
        ("model", 0, 6 + 6),
        ("a", 12, 2 * one),
        ("b", 3, one),
    ]
    assert summary.total.parameters == 15


def test_nothing_is_changed_by_looking():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    before, draws = model.state_dict(), model[2].rng.bit_generator.state
    theta = model.theta
    model.summary((5, 3))
    assert model.state_dict().keys() == before.keys()
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert model[2].rng.bit_generator.state == draws
    assert model.theta is theta
    assert "forward" not in vars(model[0])


def test_inputs():
    x = np.array([[0, 1, 1]])
    model = nn.Sequential(nn.Embedding(2, 4), nn.LayerNorm(4))
    assert model.summary(x).input_shape == model.summary((1, 3)).input_shape == (1, 3)
    assert model.summary((1, 3)).total.output is None
    double = nn.mlp([2, 1], dtype=np.float64).summary((3, 2))
    assert double.rows[0].memory_forward == 8 * 3
    with pytest.raises(ValueError, match="expected 2 features"):
        nn.mlp([2, 1]).summary((3, 5))


def test_without_a_shape_there_are_parameters_only():
    summary = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()).summary()
    assert summary.input_shape is None
    assert summary.total.parameters == 20
    assert [line[2] for line in summary.table()] == ["parameters", "20", "0", "20"]
    assert "FLOPs" not in repr(summary).splitlines()[0]
    assert "model.summary((32, 1, 28, 28))" in repr(summary)
    assert nn.Sequential().summary().table()[1:] == [["model", "Sequential", "0"], ["total", "", "0"]]
    assert nn.Tanh().summary((2, 3)).total.flops_forward == 6


def test_how_it_looks():
    lines = repr(nn.mlp([2, 16, 1]).summary((32, 2))).splitlines()
    head, first, *_, total = [" ".join(line.split()) for line in lines[:5]]
    assert head == "layer kind parameters output FLOPs forward backward memory forward backward"
    assert first == "0 Linear 48 (32, 16) 2,560 2,560 2.0 KB 2.2 KB"
    assert total == "total 65 4,128 6,176 4.1 KB 4.4 KB"
    assert lines[5] == "for a batch of shape (32, 2)"
    assert len({len(line) for line in lines[:5]}) == 1
    assert nn.Linear(1000, 1000).summary((64, 1000)).table()[-1][-1] == "4.1 MB"


def test_names_are_no_html():
    kind = type("<script>alert(1)</script>", (nn.Module,), {})
    model = nn.Sequential(kind(), nn.Linear(2, 1))
    html = model._repr_html_()
    assert html.count("<tr>") == 1 + 2 + 1
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
