"""`window` and `period` of a recurrent layer: against BPTT by hand, against truncated_bptt, and what is refused."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn
from nbprop.engine.recurrent import passes

T, N, F, H = 11, 3, 2, 4
RNG = np.random.default_rng(0)
X, WEIGHTS = RNG.normal(size=(T, N, F)), RNG.normal(size=(T, N, H))
KINDS = {
    "RNN": nn.RNN,
    "relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
    "GRU": nn.GRU,
    "reset before": lambda *a, **k: nn.GRU(*a, reset_after=False, **k),
    "LSTM": nn.LSTM,
    "1997": lambda *a, **k: nn.LSTM(*a, forget_gate=False, **k),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
WINDOWS = ((T, T), (T + 5, 1), (5, 5), (5, 1), (6, 3), (5, 2), (1, 1), (4, 9), (3, 0))


def made(kind, **settings):
    return KINDS[kind](F, H, rng=1, dtype=np.float64, **settings)


def gradients(layer, start=None):
    """Of all parameters, the inputs and the state before the first step."""
    layer.zero_grad()
    x, s = nb.Tensor(X, requires_grad=True), start
    if s is not None:
        s = nb.Tensor(s, requires_grad=True)
    out, end = layer(x, s)
    loss = (out * WEIGHTS).sum()
    if layer.states > 1:
        loss = loss + (end[1] ** 2).sum()  # the cell, too
    loss.backward()
    return np.concatenate([layer.gradient, x.grad.ravel(), *([] if s is None else [s.grad.ravel()])])


@every_kind
@pytest.mark.parametrize(("window", "period"), [(T, T), (T + 5, T), (T, 1), (100, 4)])
def test_a_window_over_everything_gives_the_full_gradient(kind, window, period):
    start = RNG.normal(size=(2, 1, N, H)[made(kind).states == 1 :])
    full = gradients(made(kind), start)
    np.testing.assert_allclose(gradients(made(kind, window=window, period=period), start), full, rtol=1e-9, atol=1e-12)


@every_kind
@pytest.mark.parametrize(("window", "period"), WINDOWS)
def test_it_is_what_passes_over_pieces_give(kind, window, period):
    """truncated_bptt runs each window anew, from a state that is cut off."""
    layer = made(kind, window=window, period=period)
    (layer(X)[0] * WEIGHTS).sum().backward()
    found, layer.window = layer.gradient.copy(), 0
    layer.zero_grad()
    for out, times in nn.truncated_bptt(layer, X, window, min(period, window) or None):
        (out * WEIGHTS[times]).sum().backward()
    np.testing.assert_allclose(found, layer.gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("window", "period"), WINDOWS)
def test_against_the_definition_written_out(window, period):
    """Each error of a step t goes back by hand, step by step, to the first one in the window of its pass."""
    layer = made("RNN", window=window, period=period)
    out = layer(X)[0]
    (out * WEIGHTS).sum().backward()
    U, h = layer.weight_hh.data, np.concatenate([np.zeros((1, N, H)), out.data])
    dU, dh_all, step = np.zeros_like(U), np.zeros((T, N, H)), min(period, window) or window
    for t in range(T):
        end = min((t // step + 1) * step, T)  # where the errors of this step are sent back from
        error = WEIGHTS[t]
        for s in range(t, max(end - window, 0) - 1, -1):
            dh_all[s] += error
            dz = error * (1 - h[s + 1] ** 2)
            dU += dz.T @ h[s]
            error = dz @ U
    np.testing.assert_allclose(layer.weight_hh.grad, dU, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(layer.last.dh, dh_all, rtol=1e-9, atol=1e-12)


def test_passes():
    assert passes(10, 4, 4) == passes(10, 4) == passes(10, 4, 9) == [(0, 0, 4), (4, 4, 8), (6, 8, 10)]
    assert passes(3, 2, 1) == [(0, 0, 1), (0, 1, 2), (1, 2, 3)]
    assert passes(0, 2) == []


def test_an_error_at_the_end_gets_back_as_far_as_the_window_and_no_further():
    layer = nn.LSTM(F, H, batch_first=True, window=4, rng=0)
    x = nb.Tensor(RNG.normal(size=(2, 9, F)).astype(np.float32), requires_grad=True)
    layer(x)[0][:, -1].sum().backward()
    reached = np.abs(x.grad).sum(axis=(0, 2)) > 0
    assert reached.tolist() == [False] * 5 + [True] * 4
    assert (np.abs(layer.last.dc).sum(axis=(1, 2)) > 0).tolist() == reached.tolist()


def test_forward_is_the_same_and_back_costs_what_it_goes_through():
    plain, cut = made("GRU"), made("GRU", window=6, period=2)
    np.testing.assert_array_equal(plain(X)[0].data, cut(X)[0].data)
    costs = []
    for layer in (plain, cut):
        layer(X)
        costs.append(layer.last.flops(layer.last.y, X, None, layer.weight_ih.data, layer.weight_hh.data)[4])
    assert costs[1] > 2 * costs[0]
    assert sum(end - begin for begin, _, end in passes(T, 6, 2)) == 2 + 4 + 4 * 6


def test_settings_are_shown_saved_and_checked(tmp_path):
    layer = made("LSTM", window=6, period=2)
    assert repr(layer).endswith("window=6, period=2)")
    nb.save(layer, tmp_path / "layer.npz")
    again = nb.load(tmp_path / "layer.npz")
    assert (again.window, again.period) == (6, 2)
    layer.window = 3
    assert layer.window == 3
    for wrong in (-1, 2.5, "all", None):
        with pytest.raises((TypeError, ValueError), match="window must be an integer"):
            layer.window = wrong


@pytest.mark.parametrize("settings", [{"num_layers": 2}, {"bidirectional": True}])
def test_several_layers_or_directions_are_refused(settings):
    layer = nn.LSTM(F, H, window=3, rng=0, **settings)
    with pytest.raises(ValueError, match="one layer in one direction"):
        layer(X)
    layer.window = 0
    assert layer(X)[0].shape[:2] == (T, N)


@every_kind
@pytest.mark.parametrize(("window", "period"), WINDOWS)
def test_sequences_of_different_lengths(kind, window, period):
    """Outputs as in pieces; and the error of the last cell of each begins where its sequence ends."""
    lengths = np.array([T, 4, 0])
    layer = made(kind, window=window, period=period)
    (layer(X, lengths=lengths)[0] * WEIGHTS).sum().backward()
    found, layer.window = layer.gradient.copy(), 0
    layer.zero_grad()
    for out, times in nn.truncated_bptt(layer, X, window, min(period, window) or None, lengths=lengths):
        (out * WEIGHTS[times]).sum().backward()
    np.testing.assert_allclose(found, layer.gradient, rtol=1e-9, atol=1e-12)
    if layer.states == 1:
        return
    each = []
    for w, p in ((0, 0), (window, period)):
        layer.window, layer.period = w, p
        x, start = nb.Tensor(X, requires_grad=True), nb.Tensor(np.ones((2, 1, N, H)), requires_grad=True)
        (layer(x, start, lengths=lengths)[1][1] ** 2).sum().backward()
        each.append(np.concatenate([x.grad.ravel(), start.grad.ravel()]))
        reached = (np.abs(x.grad).sum(axis=2) > 0).T
        assert reached[1, 3] and not reached[1, 4:].any() and not reached[2].any()
        assert start.grad[1, 0, 2].all()
    if window >= T:
        np.testing.assert_allclose(each[0], each[1], rtol=1e-9, atol=1e-12)
