"""What the layers of a watched model are: which activation stands behind each, and where their weights lie."""

import numpy as np
import pytest
from torch_models import torch

import nbprop as nb
from nbprop.views.base.folder import kind, names

pytestmark = pytest.mark.torch
nn, F = torch.nn, torch.nn.functional


def looked_into(model, *inputs, loss=lambda out: out.square().mean()):
    """The run, and its observation of one step."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        loss(model(*inputs)).backward()
        optimizer.step()
        assert not run.message, run.message
        return run, run.observe()


class Functions(nn.Module):
    """The layers in the way that a function puts them together."""

    def __init__(self, forward, **layers):
        super().__init__()
        self.way = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.way(self, x)


def pictures(between, forward=None):
    torch.manual_seed(0)
    if forward is None:
        layers = (nn.Conv2d(1, 4, 3), *between, nn.Flatten(), nn.LazyLinear(2))
        model = nn.Sequential(*layers)
    else:
        model = Functions(forward, conv=nn.Conv2d(1, 4, 3), drop=nn.Dropout2d(0.5), head=nn.LazyLinear(2))
    x = torch.randn(5, 1, 10, 10)
    with torch.no_grad():
        model(x)
    return model, x


@pytest.mark.parametrize(
    "between",
    [
        (nn.MaxPool2d(2), nn.ReLU()),
        (nn.MaxPool2d(2), nn.ReLU(inplace=True)),
        (nn.AvgPool2d(2), nn.Dropout2d(0.3), nn.Tanh()),
        (nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.SiLU()),
        (nn.MaxPool2d(2), nn.BatchNorm2d(4), nn.Sigmoid()),
        (nn.Dropout(0.2), nn.GELU()),
    ],
    ids=lambda between: "-".join(type(each).__name__ for each in between),
)
def test_an_activation_behind_a_pooling_or_a_dropout(between):
    """z is what the activation gets, a what it gives, dz what comes back to it: PyTorch's own numbers say so."""
    model, x = pictures(between)
    kept = {}
    at = len(between)  # the activation

    def keep_what_comes_back(module, inputs, y):
        y.register_hook(lambda dz: kept.__setitem__("dz", dz.clone()))

    model[at].register_forward_pre_hook(lambda module, inputs: kept.update(z=inputs[0].detach().clone()))
    model[at].register_forward_hook(lambda module, inputs, y: kept.update(a=y.detach().clone()))
    model[at - 1].register_forward_hook(keep_what_comes_back)
    run, seen = looked_into(model, x)
    tap, name = seen.taps[0], type(model[at]).__name__.lower()
    assert run.layers[0].activation == name and tap.activation.name == name
    np.testing.assert_array_equal(tap.z, kept["z"].numpy())
    np.testing.assert_array_equal(tap.a, kept["a"].numpy())
    np.testing.assert_allclose(tap.dz, kept["dz"].numpy(), rtol=1e-5, atol=1e-8)
    assert np.abs(tap.dz).max() > 0
    dW = model[0].weight.grad
    again = torch.nn.functional.conv2d(torch.tensor(tap.x).transpose(0, 1), torch.tensor(tap.dy).transpose(0, 1))
    np.testing.assert_allclose(again.transpose(0, 1), dW, rtol=1e-3, atol=1e-5)
    assert run.wires[1].sources == (0,)
    for view in names():
        assert kind(view)(run).describe()


@pytest.mark.parametrize(
    ("way", "name"),
    [
        (lambda m, x: m.head(F.relu(F.max_pool2d(m.conv(x), 2)).flatten(1)), "relu"),
        (lambda m, x: m.head(torch.tanh(F.max_pool2d(m.drop(m.conv(x)), 2)).flatten(1)), "tanh"),
        (lambda m, x: m.head(F.gelu(F.avg_pool2d(F.max_pool2d(m.conv(x), 2), 2)).flatten(1)), "gelu"),
        (lambda m, x: m.head(F.max_pool2d(m.conv(x), 2).flatten(1)), "identity"),
    ],
)
def test_an_activation_that_is_a_function_behind_a_pooling(way, name):
    run, _ = looked_into(*pictures((), way))
    assert [layer.activation for layer in run.layers] == [name, "identity"]


def test_frozen_layers_have_their_activations():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 6), nn.Dropout(0.5), nn.ReLU(inplace=True), nn.Linear(6, 2)
    )
    model[:4].requires_grad_(False)
    run, seen = looked_into(model, torch.randn(8, 3))
    assert [layer.activation for layer in run.layers] == ["tanh", "relu", "identity"]
    assert [tap.reached for tap in seen.taps] == [False, False, True]
    np.testing.assert_allclose(seen.taps[0].a, np.tanh(seen.taps[0].z), rtol=1e-5)


def test_frozen_layers_whose_activations_are_functions():
    torch.manual_seed(0)

    def way(m, x):
        return m.last(m.third(F.leaky_relu(m.second(torch.sigmoid(m.first(x))))))

    layers = {name: nn.Linear(4, 4) for name in ("first", "second", "third", "last")}
    for name in ("first", "second", "third"):
        layers[name].requires_grad_(False)
    run, _ = looked_into(Functions(way, **layers), torch.randn(8, 4))
    assert [layer.activation for layer in run.layers] == ["sigmoid", "leaky_relu", "identity", "identity"]


def norm_of(*parameters):
    return torch.cat([p.grad.ravel() for p in parameters]).norm().item()


@pytest.mark.parametrize("kind_of", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("both_ways", [False, True])
def test_recurrent_layers_are_counted_one_by_one(kind_of, both_ways):
    torch.manual_seed(0)

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = getattr(nn, kind_of)(3, 5, num_layers=2, bidirectional=both_ways, batch_first=True)
            self.head = nn.Linear(5 * (1 + both_ways), 1)

        def forward(self, x):
            return self.head(self.inside(x)[0])

    model = Reader()
    run, seen = looked_into(model, torch.randn(4, 6, 3))
    ways = ("", " reverse") if both_ways else ("",)
    assert [layer.name for layer in run.layers] == [
        *(f"inside layer {k}{way}" for k in (1, 2) for way in ways), "head",
    ]  # fmt: skip
    inner, found = model.inside, run.probe()
    for place, (k, way) in enumerate((k, way) for k in (0, 1) for way in ("", "_reverse")[: 1 + both_ways]):
        mine = [getattr(inner, f"weight_{what}_l{k}{way}") for what in ("ih", "hh")]
        assert found["dW"][place] == pytest.approx(norm_of(*mine), rel=1e-5)
        assert seen.W[place].size == sum(p.numel() for p in mine)
        assert seen.taps[place].reached == (k == 1)
    assert list(np.ma.getmaskarray(found["dz"])) == [*[True] * len(ways), *[False] * len(ways), False]
    assert np.isfinite(found["a_std"]).all()
    n = len(ways)
    first = [(-1,)] * n
    assert [wire.sources for wire in run.wires] == [*first, *[tuple(range(n))] * n, tuple(range(n, 2 * n))]
    out = inner(torch.zeros(1, 2, 3))[0]
    assert seen.taps[n].z.shape == (4, 6, 5) and out.shape[-1] == 5 * n
    for view in names():
        assert kind(view)(run).describe()


def test_the_last_states_of_several_layers():
    """Where the gradient comes through them, those of the last layer are shown."""
    torch.manual_seed(0)

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside, self.head = nn.LSTM(3, 5, num_layers=3, batch_first=True), nn.Linear(5, 1)

        def forward(self, x):
            return self.head(self.inside(x)[1][0][-1])

    model = Reader()
    _, seen = looked_into(model, torch.randn(4, 6, 3))
    assert [tap.z.shape for tap in seen.taps] == [(4, 5), (4, 5), (4, 5), (4, 1)]
    back = seen.taps[3].dz @ (seen.W[3] - seen.update[3])
    np.testing.assert_allclose(seen.taps[2].dz, back, rtol=1e-3, atol=1e-6)
    with nb.watch(model, show=False, every=1) as run:
        model(torch.randn(4, 6, 3)).square().mean().backward()
        run.step(1.0)
        assert [a.shape for a in run.activations(np.zeros((2, 6, 3), np.float32))] == [
            (2, 5),
            (2, 5),
            (2, 6, 5),
            (2, 1),
        ]


def test_weights_that_lie_apart_are_counted_apart():
    """Biases between them are none of them."""

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.bias = nn.Parameter(torch.randn(3, 6)), nn.Parameter(torch.zeros(6))
            self.down = nn.Parameter(torch.randn(6, 2))

        def forward(self, x):
            return torch.tanh(x @ self.up + self.bias) @ self.down

    model = Own()
    run, seen = looked_into(model, torch.randn(4, 3))
    assert [layer.name for layer in run.layers] == ["Own.up", "Own.down"]
    assert run.probe()["dW"] == pytest.approx([norm_of(model.up), norm_of(model.down)], rel=1e-5)
    assert seen.taps[1].z.shape == (4, 2) and np.ma.getmaskarray(run.probe()["a_std"]).tolist() == [True, False]


def test_micro_batches_are_not_all_held(monkeypatch):
    """The oldest of them go; each layer shows the same ones, and dL/dW is of all."""
    monkeypatch.setattr("nbprop.watching.round.LARGEST", 20_000)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        held, batches = [], [torch.randn(16, 4) for _ in range(12)]
        for x in batches:
            (model(x).square().mean() / 12).backward()
            held.append(sum(call.size for calls in run._eyes._round.calls.values() for call in calls))
        optimizer.step()
        assert max(held) < 40_000 and held[-1] < 1.2 * max(held[:4])
        seen = run.observe()
        kept = len(seen.taps[0].z) // 16
        assert 1 <= kept < 12 and len(seen.taps[1].z) == 16 * kept
        np.testing.assert_array_equal(seen.taps[0].x, np.concatenate([x.numpy() for x in batches[-kept:]]))
        assert run.probe()["dW"][0] == pytest.approx(model[0].weight.grad.norm().item(), rel=1e-5)
        assert "micro-batches" in run.message


def test_layers_that_are_compiled_inside_of_a_function(caplog):
    """With fullgraph=True a hook that were traced would raise in the user's loop."""
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer, x = torch.optim.SGD(model.parameters(), lr=0.1), torch.randn(5, 4)
    whole = torch.compile(lambda x: model(x).square().mean(), backend="eager", fullgraph=True)
    with nb.watch(model, optimizer, every=2, show=False) as run:
        for step in range(24):
            optimizer.zero_grad()
            loss = whole(x)
            loss.backward()
            optimizer.step()
            if step == 3:
                assert "torch.compile has closed" in run.message
        assert len(run.history["loss"]) == 24 and run.history["loss"][-1] == pytest.approx(loss.item())
        model(x).square().mean().backward()  # and one that is not compiled
        optimizer.step()
        model(x).square().mean().backward()
        optimizer.step()
        assert not run.message and len(run.layers) == 2
    assert not [each for each in caplog.records if each.name == "nbprop"]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_compiled_step_of_the_optimizer_is_said():
    torch._dynamo.reset()
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer, x = torch.optim.SGD(model.parameters(), lr=0.1), torch.randn(5, 4)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        step = torch.compile(optimizer.step, backend="eager")
        for _ in range(4):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            step()
        assert run.steps == 0 and "run.step(loss)" in run.message
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            step()
            run.step(loss)
        assert run.steps == 3 and run.layers and np.isfinite(run.probe()["dz"]).all() and not run.message
