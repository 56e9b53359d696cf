"""Layers of RNN, GRU and LSTM above each other and in both directions, and sequences of different lengths: against
PyTorch, against each sequence alone, in training and its replay; what padding must not change."""

import numpy as np
import pytest
from recurrent_layers import F, H, N, T, X, assert_close, every_layer, gradients, make, start

from nbprop import nn, optim
from nbprop.engine import Replay, ShapeError, Tensor, record

LENGTHS = np.array([4, T, 1])
STACKS = [(2, False), (1, True), (3, True)]
stacked = pytest.mark.parametrize(("num_layers", "bidirectional"), [(1, False), *STACKS])
every_kind = pytest.mark.parametrize("name", ["RNN", "RNN of relu", "GRU", "LSTM"])


@pytest.mark.torch
@stacked
@every_kind
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_same_as_pytorch(torch, name, num_layers, bidirectional, batch_first, lengths):
    """Outputs, states, and all gradients, with an initial state; packed sequences where there are lengths."""
    settings = {"num_layers": num_layers, "bidirectional": bidirectional, "batch_first": batch_first}
    layer, rnn = make(name, **settings), torch.nn.utils.rnn
    x, s = X.swapaxes(0, 1) if batch_first else X, start(layer)
    ours = [Tensor(x, requires_grad=True), Tensor(s, requires_grad=True)]
    out, end = layer(*ours, lengths=lengths)
    weights = np.random.default_rng(4).standard_normal(out.shape)
    ((out * weights).tanh().sum() + (end * end * end).sum()).backward()

    if name.startswith("RNN"):
        settings["nonlinearity"] = (
            layer.nonlinearity if num_layers == 1 and not bidirectional else layer.l0.nonlinearity
        )
    twin = getattr(torch.nn, name.split(" ")[0])(F, H, dtype=torch.float64, **settings)
    for (mine, parameter), (its, other) in zip(layer.named_parameters(), twin.named_parameters(), strict=True):
        where, _, what = mine.rpartition(".")
        assert its == f"{what}_{where or 'l0'}"
        other.data = torch.tensor(parameter.data)
    theirs = [torch.tensor(a.copy(), requires_grad=True) for a in (x, s)]
    given = theirs[0]
    if lengths is not None:
        given = rnn.pack_padded_sequence(given, torch.tensor(lengths), batch_first=batch_first, enforce_sorted=False)
    its_out, its_end = twin(given, tuple(theirs[1]) if "LSTM" in name else theirs[1])
    if lengths is not None:
        its_out, _ = rnn.pad_packed_sequence(its_out, batch_first=batch_first, total_length=T)
    its_end = torch.stack(its_end) if "LSTM" in name else its_end
    ((its_out * torch.tensor(weights)).tanh().sum() + (its_end**3).sum()).backward()

    assert_close([out.data, end.data], [its_out.detach().numpy(), its_end.detach().numpy()])
    assert_close([t.grad for t in ours], [t.grad.numpy() for t in theirs])
    assert_close([layer.gradient], [np.concatenate([p.grad.numpy().ravel() for p in twin.parameters()])])


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])
@pytest.mark.parametrize("bias", [True, False])
def test_cells_as_pytorchs(torch, kind, bias):
    cell = getattr(nn, kind)(F, H, bias=bias, rng=0, dtype=np.float64)
    cell.theta += 0.1 * np.random.default_rng(2).standard_normal(cell.theta.shape)
    twin = getattr(torch.nn, kind)(F, H, bias=bias, dtype=torch.float64)
    twin.load_state_dict({name: torch.tensor(array) for name, array in cell.state_dict().items()})
    lstm = kind == "LSTMCell"
    x, s = X[0], np.random.default_rng(3).standard_normal((2, N, H) if lstm else (N, H))
    ours, theirs = (
        [Tensor(a, requires_grad=True) for a in (x, s)],
        [torch.tensor(a, requires_grad=True) for a in (x, s)],
    )
    h, its = cell(*ours), twin(theirs[0], tuple(theirs[1]) if lstm else theirs[1])
    its = torch.stack(its) if lstm else its
    (h * h * h).sum().backward()
    (its**3).sum().backward()
    assert_close([h.data, *(t.grad for t in ours)], [its.detach().numpy(), *(t.grad.numpy() for t in theirs)])
    assert_close([cell.gradient], [np.concatenate([p.grad.numpy().ravel() for p in twin.parameters()])])
    with pytest.raises(ValueError, match=rf"^{kind}\(input_size=2, .* expected x of shape \(N, 2\), one step; got \(9"):
        cell(X)
    with pytest.raises(ValueError, match="expected a state of shape"):
        cell(X[0], np.zeros((N + 1, H)))


@every_layer
@stacked
def test_every_sequence_is_as_it_is_alone(name, num_layers, bidirectional):
    """Outputs and states of each as without the others; zeros behind its end, and of one without a step its start."""
    layer, lengths = make(name, num_layers=num_layers, bidirectional=bidirectional), np.array([5, 0, T])
    s = start(layer)
    padded = np.where(np.arange(T)[:, None, None] < lengths[:, None], X, np.nan)
    out, end = layer(padded, s, lengths)
    for n, length in enumerate(lengths):
        alone, its_end = layer(X[:length, n], s[..., n, :])
        np.testing.assert_allclose(out.data[:length, n], alone.data, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(end.data[..., n, :], its_end.data, rtol=1e-12, atol=1e-14)
        assert (out.data[length:, n] == 0).all()


@every_layer
def test_padding_changes_no_gradient(name):
    """Neither what stands there nor what the loss makes of the outputs there."""
    layer = make(name, num_layers=2, bidirectional=True)
    real = np.arange(T)[:, None, None] < LENGTHS[:, None]

    def loss(x, everywhere=True):
        out, end = layer(x, lengths=LENGTHS)
        return ((out + 1) ** 2 * (1 if everywhere else real)).sum() + (end * end).sum()

    expected = gradients(layer, lambda x: loss(x, everywhere=False), X)
    for filling in (0, 1e30, np.nan, np.inf):
        assert_close(gradients(layer, loss, np.where(real, X, filling)), expected)
    assert not expected[1][~real[..., 0]].any()


@every_layer
def test_full_lengths_are_none(name):
    layer = make(name, num_layers=2, bidirectional=True)
    for ours, plain in zip(layer(X, start(layer), [T] * N), layer(X, start(layer)), strict=True):
        np.testing.assert_allclose(ours.data, plain.data, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("lengths", [[1, 2], [1, 2, T + 1], [1, -1, 2], [1.0, 2.0, 3.0], 3, [[1], [2], [3]]])
def test_wrong_lengths(lengths):
    with pytest.raises(ValueError, match=r"^GRU\(input_size=2.*expected lengths, 3 integers from 0 to T = 9; got "):
        nn.GRU(F, H)(X, lengths=lengths)


def test_lengths_as_a_tensor():
    layer = make("GRU")
    np.testing.assert_array_equal(layer(X, lengths=Tensor(LENGTHS))[0].data, layer(X, lengths=LENGTHS)[0].data)


def test_dropout_between_layers():
    layer = make("LSTM", num_layers=3, dropout=0.5)
    assert layer.dropout == 0.5 and np.abs(layer(X)[0].data - layer(X)[0].data).max() > 1e-3
    first = layer.l0(X)[0].data
    np.testing.assert_array_equal(layer(X)[1][0][0].data, first[-1])  # nothing is dropped before the first layer
    layer.drop.p = 1.0  # nor behind the last
    silent = layer.l2(np.zeros((T, N, H)))[0].data
    np.testing.assert_array_equal(layer(X)[0].data, silent)
    layer.eval()
    np.testing.assert_array_equal(layer(X)[0].data, layer(X)[0].data)


def test_parts_and_words():
    layer = nn.GRU(F, H, 2, bidirectional=True, dropout=0.25, reset_after=False, rng=0)
    assert [name for name, _ in layer.named_children()] == ["l0", "l0_reverse", "l1", "l1_reverse", "drop"]
    assert {type(part) for _, part in layer.named_children()} == {nn.GRU, nn.Dropout}
    assert layer.l1_reverse.input_size == 2 * H and not layer.l1.reset_after
    changed = "num_layers=2, bidirectional=True, dropout=0.25, reset_after=False"
    assert repr(layer).startswith(f"GRU(input_size=2, hidden_size=4, {changed}\n  (l0): GRU(")
    assert np.abs(layer.l0.weight_ih.data - layer.l0_reverse.weight_ih.data).min() > 0  # not drawn from one seed twice
    out, _ = layer(X)
    out.sum().backward()
    assert all(part.last.dh.shape == (T, N, H) for name, part in layer.named_children() if name != "drop")


def test_a_class_of_ones_own():
    class Reader(nn.LSTM):
        def __init__(self):
            super().__init__(F, H, num_layers=2, rng=0)

    np.testing.assert_array_equal(Reader()(X)[0].data, nn.LSTM(F, H, 2, rng=0)(X)[0].data)


@every_kind
def test_training_in_replay_is_eager_training(name):
    class Classifier(nn.Module):
        def __init__(self):
            self.layer = make(name, num_layers=2, bidirectional=True, dropout=0.3, dtype=np.float32)
            self.head = nn.Linear(2 * H, 3, rng=6)

        def forward(self, x):
            out, end = self.layer(x, lengths=LENGTHS)
            return self.head(out) + (end * end).mean()

    rng = np.random.default_rng(0)
    batches = [rng.standard_normal((T, N, F)).astype("f4") for _ in range(4)]
    eager, replayed, first, second = Classifier(), Classifier(), optim.Adam(lr=0.01), optim.Adam(lr=0.01)
    x, step = Tensor(batches[0].copy()), None
    replayed.zero_grad()
    for new in batches * 2:
        eager.zero_grad()
        (eager(new) ** 2).mean().backward()
        first.step(eager)
        x.data[:] = new
        if step is None:
            with record() as tape:
                loss = (replayed(x) ** 2).mean()
            step = Replay(tape, loss)
        else:
            step.forward()
        step.backward()
        np.testing.assert_array_equal(replayed.gradient, eager.gradient)
        second.step(replayed)
    np.testing.assert_array_equal(replayed.theta, eager.theta)


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize(
    "settings", [{}, {"num_layers": 2}, {"bidirectional": True}, {"num_layers": 2, "bidirectional": True}]
)
def test_what_pytorch_has_saved_is_loaded(kind, settings):
    torch = pytest.importorskip("torch")

    class Tagger(nn.Module):
        def __init__(self):
            self.rnn = getattr(nn, kind)(3, 4, **settings, rng=0, dtype=np.float64)
            self.norm = nn.BatchNorm1d(2, dtype=np.float64)

    theirs = torch.nn.Module()
    theirs.rnn, theirs.norm = getattr(torch.nn, kind)(3, 4, **settings).double(), torch.nn.BatchNorm1d(2).double()
    mine, x = Tagger(), np.random.default_rng(0).normal(size=(5, 2, 3))
    mine.load_state_dict(theirs.state_dict())
    out, state = mine.rnn(x)
    expected, ends = theirs.rnn(torch.tensor(x))
    np.testing.assert_allclose(out.data, expected.detach().numpy(), atol=1e-12)
    ends = torch.stack(ends) if kind == "LSTM" else ends
    np.testing.assert_allclose(state.data, ends.detach().numpy(), atol=1e-12)
    wrong = {name.replace("hh_l0", "hh_l7"): array for name, array in theirs.state_dict().items()}
    with pytest.raises(ValueError, match=r"parameter 'rnn.(l0.)?weight_hh' is missing"):
        mine.load_state_dict(wrong)


def test_what_is_there_of_another_model_is_loaded():
    mine, other = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=0)), nn.mlp([2, 3, 4], seed=1)
    before = mine[1].weight.data.copy()
    with pytest.raises(ValueError, match=r"parameter '1\.weight' is missing"):
        mine.load_state_dict(other.state_dict())
    mine.load_state_dict(other.state_dict(), strict=False)
    np.testing.assert_array_equal(mine[0].weight.data, other[0].weight.data)
    np.testing.assert_array_equal(mine[1].weight.data, before)
    with pytest.raises(ValueError, match=r"parameter '0\.weight' is missing"):
        mine.load_state_dict({"a": before}, strict=False)
    with pytest.raises(ShapeError, match=r"parameter '0\.weight' has shape \(3, 2\); got \(1, 3\)"):
        mine.load_state_dict({"0.weight": before}, strict=False)


def test_only_a_dict_is_loaded():
    with pytest.raises(TypeError, match=r"must be a dict of arrays; got 'model\.npz'; try np\.load\(path\)"):
        nn.Linear(2, 3, rng=0).load_state_dict("model.npz")
    with pytest.raises(TypeError, match=r"load_state_dict\(saved\) must be a dict of arrays; got"):
        nn.LSTM(2, 3, rng=0).load_state_dict(nn.LSTM(2, 3, rng=0))
