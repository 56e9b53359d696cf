"""Truncated backpropagation through time: against its definition, what it cuts and what not, in training, errors."""

import numpy as np
import pytest
from recurrent_layers import LAYERS, WEIGHTS, F, H, N, T, X, assert_close, every_layer, gradients, make, start

from nbprop import nn, optim
from nbprop.engine import BackwardError, Tensor


def test_truncated_bptt_of_layers_and_lengths():
    """Two layers, with the lengths of the sequences: the same as over the whole, where the window covers it."""
    layer, lengths = make("LSTM", num_layers=2), np.array([4, T, 0])
    full = gradients(layer, lambda x: (layer(x, None, lengths)[0] * WEIGHTS).sum(), X)

    def passes(x):
        outs = [(out, times) for out, times in nn.truncated_bptt(layer, x, T, 3, lengths=lengths)]
        np.testing.assert_allclose(
            np.concatenate([out.data for out, _ in outs]), layer(X, None, lengths)[0].data, 1e-12
        )
        return sum((out * WEIGHTS[times]).sum() for out, times in outs)

    assert_close(gradients(layer, passes, X), full)
    ends = [out.data for out, _ in nn.truncated_bptt(layer, X, 3, lengths=lengths)]
    np.testing.assert_allclose(np.concatenate(ends), layer(X, None, lengths)[0].data, rtol=1e-12)


def test_truncated_bptt_of_one_sequence_without_a_batch():
    layer = make("GRU", batch_first=True)
    outs = [out.data for out, _ in nn.truncated_bptt(layer, X[:, 0], 4, 2)]
    np.testing.assert_allclose(np.concatenate(outs), layer(X[:, 0])[0].data, rtol=1e-12)


class Stack(nn.Module):
    """Two layers; the state is a tuple of theirs."""

    def __init__(self):
        self.below = nn.LSTM(F, 3, rng=0, dtype=np.float64)
        self.above = nn.GRU(3, H, rng=1, dtype=np.float64)

    def forward(self, x, state=None):
        below, above = state or (None, None)
        x, below = self.below(x, below)
        x, above = self.above(x, above)
        return x, (below, above)


MODELS = {**{name: lambda name=name, **settings: make(name, **settings) for name in LAYERS}, "two layers": Stack}
every_model = pytest.mark.parametrize("model", MODELS)


def passes(model, window, period=None):
    """Loss of all outputs, its gradient with respect to theta and the input by truncated BPTT."""
    model.zero_grad()
    x, total, seen = Tensor(X, requires_grad=True), 0.0, []
    for out, times in nn.truncated_bptt(model, x, window, period):
        loss = (out * WEIGHTS[times] + out * out).sum()
        loss.backward()
        total += loss.item()
        seen += range(T)[times]
    assert seen == list(range(T))
    return total, model.gradient.copy(), x.grad


def by_definition(model, window, period):
    """The same from the definition, each pass by itself: at time t (from 1 on), errors of outputs t - period + 1 ... t,
    back through the steps t - window + 1 ... t of a forward pass over everything before."""
    model.zero_grad()
    x = Tensor(X, requires_grad=True)
    for t in [*range(period, T, period), T]:
        done = (t - 1) // period * period
        state = None
        for i in range(t):
            if i and i == t - window:
                state = detached(state)
            out, state = model(x[i : i + 1], state)
            if i >= done:
                (out[0] * WEIGHTS[i] + out * out).sum().backward(retain_graph=True)
    return model.gradient.copy(), x.grad


def detached(state):
    return tuple(map(detached, state)) if isinstance(state, tuple) else state.detach()


@every_model
def test_window_over_the_whole_sequence_is_full_bptt(model):
    model = MODELS[model]()
    full = gradients(model, lambda x: (model(x)[0] * WEIGHTS + model(x)[0] ** 2).sum(), X)
    for window, period in [(T, T), (T, None), (T, 1), (T, 4), (T + 5, 3), (T + 5, T + 5)]:
        _, *ours = passes(model, window, period)
        assert_close(ours, full)


@every_model
@pytest.mark.parametrize(("window", "period"), [(1, 1), (4, 1), (4, 2), (4, 3), (5, 4), (3, 3), (6, 5), (8, 2)])
def test_truncated_bptt_by_definition(model, window, period):
    model = MODELS[model]()
    total, *ours = passes(model, window, period)
    assert_close(ours, by_definition(model, window, period))
    out = model(X)[0].data
    np.testing.assert_allclose(total, (out * WEIGHTS + out * out).sum(), rtol=1e-12)  # the outputs are not truncated


@every_layer
@pytest.mark.parametrize(("window", "period"), [(1, 1), (4, 1), (4, 2), (4, 3), (4, 4)])
def test_a_window_cuts_dependencies(name, window, period):
    """The gradient of the last loss is exactly 0 for inputs more than `window` steps back, and not for the others."""
    layer = make(name)
    x = Tensor(X, requires_grad=True)
    for out, times in nn.truncated_bptt(layer, x, window, period):
        if times.stop == T:
            (out[-1] * WEIGHTS[-1]).sum().backward()
    assert not x.grad[: T - window].any()
    assert x.grad[T - window :].any(axis=(1, 2)).all()


def test_chunks_lose_what_crosses_a_border():
    """window = period: an input just before the border has no influence on the output just after it."""
    layer = make("GRU")
    x = Tensor(X, requires_grad=True)
    for out, times in nn.truncated_bptt(layer, x, window=4):
        if times == slice(4, 8):
            out[0].sum().backward()
    assert x.grad.any(axis=(1, 2)).tolist() == [False] * 4 + [True] + [False] * 4


def test_truncated_bptt_with_the_batch_first():
    model, other = make("LSTM"), make("LSTM", batch_first=True)
    x = Tensor(X.swapaxes(0, 1), requires_grad=True)
    for out, times in nn.truncated_bptt(other, x, 5, 2):
        assert out.shape == (N, times.stop - times.start, H)
        (out * WEIGHTS.swapaxes(0, 1)[:, times] + out * out).sum().backward()
    _, *expected = passes(model, 5, 2)
    assert_close([other.gradient, x.grad.swapaxes(0, 1)], expected)


def test_truncated_bptt_goes_on_from_a_state():
    layer = make("LSTM")
    outs = [out.data for out, _ in nn.truncated_bptt(layer, X, 4, 2, start(layer))]
    np.testing.assert_allclose(np.concatenate(outs), layer(X, start(layer))[0].data, rtol=1e-13)


def test_training_between_the_passes():
    """Learns to say what it saw three steps ago, if the window reaches that far; two steps cannot."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (400, 8)).astype("f4")
    errors = {}
    for window in (2, 6):
        layer, head = nn.RNN(1, 12, rng=0), nn.Linear(12, 1, rng=1)
        model, adam = nn.Sequential(layer, head), optim.Adam(lr=0.01)
        losses = []
        for out, times in nn.truncated_bptt(layer, bits[:, :, None], window, period=2):
            if times.start >= 3:
                model.zero_grad()
                then = bits[times.start - 3 : times.stop - 3]
                loss = nn.BCEWithLogitsLoss()(head(out), then[:, :, None])
                loss.backward()
                adam.step(model)
                losses.append(loss.item())
        errors[window] = np.mean(losses[-20:])
    assert errors[6] < 0.1 < 0.5 < errors[2]


def test_truncated_bptt_with_wrong_settings():
    layer = make("RNN")
    with pytest.raises(ValueError, match="window must be an integer, 1 or more; got 0"):
        nn.truncated_bptt(layer, X, 0)
    with pytest.raises(ValueError, match="period must be an integer, 1 or more; got -1"):
        nn.truncated_bptt(layer, X, 3, -1)
    with pytest.raises(ValueError, match="period must be at most window = 3, or errors would get lost; got 4"):
        nn.truncated_bptt(layer, X, 3, 4)
    assert list(nn.truncated_bptt(layer, X[:0], 3)) == []
    with pytest.raises(ValueError, match=r"^above is bidirectional: what reads from the end cannot"):
        model = Stack()
        model.above = make("GRU", bidirectional=True)
        nn.truncated_bptt(model, X, 3)


def test_a_result_may_not_be_the_input_of_several_passes():
    layer, x = make("RNN"), Tensor(X, requires_grad=True) * 2
    with pytest.raises(BackwardError, match="backward has been through Mul already"):
        for out, _ in nn.truncated_bptt(layer, x, 3):
            out.sum().backward()
