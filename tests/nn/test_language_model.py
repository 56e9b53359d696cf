"""A small language model as a whole: gradients, nothing from the future, replay, training, saving, tied weights."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn, optim
from nbprop.engine import Replay, Tensor, record

rng = np.random.default_rng(0)


def language_model(dtype=np.float32, tied=False, dropout=0.0, vocabulary=7, d=8, T=6):
    draw = np.random.default_rng(3)
    blocks = [nn.TransformerBlock(d, 2, causal=True, dropout=dropout, rng=draw, dtype=dtype) for _ in range(2)]
    model = nn.Sequential(
        nn.Embedding(vocabulary, d, rng=draw, dtype=dtype),
        nn.LearnedPositions(T, d, rng=draw, dtype=dtype),
        *blocks,
        nn.LayerNorm(d, dtype=dtype),
        nn.Linear(d, vocabulary, bias=not tied, rng=draw, dtype=dtype),
    )
    if tied:
        model[-1].weight = model[0].weight
    return model


def batch(seed, vocabulary=7, T=6, N=4):
    text = np.random.default_rng(seed).integers(0, vocabulary, (N, T + 1))
    return text[:, :-1].copy(), text[:, 1:].copy()


@pytest.mark.parametrize("tied", [False, True])
def test_model_gradient_along_directions(tied):
    model = language_model(np.float64, tied)
    x, y = batch(0)
    loss = nn.CrossEntropyLoss()
    model.zero_grad()
    loss(model(x), y).backward()
    gradient, theta = model.gradient.copy(), model.theta.copy()
    for direction in rng.normal(size=(5, theta.size)):
        values = []
        for eps in (1e-6, -1e-6):
            model.theta = theta + eps * direction
            values.append(loss(model(x), y).item())
        np.testing.assert_allclose(gradient @ direction, (values[0] - values[1]) / 2e-6, rtol=1e-6)


def test_nothing_flows_back_from_the_future():
    model = language_model(np.float64)
    T = 6
    for t in range(T):
        x = Tensor(rng.normal(size=(2, T, 8)), requires_grad=True)
        y = nn.Sequential(*list(model)[1:])(x)
        dy = np.zeros(y.shape)
        dy[:, t] = rng.normal(size=(2, 7))
        y.backward(dy)
        assert (x.grad[:, t + 1 :] == 0).all() and (x.grad[:, : t + 1] != 0).all()
    tokens, _ = batch(0)
    before = model(tokens).data.copy()
    tokens[:, 3:] = (tokens[:, 3:] + 1) % 7
    after = model(tokens).data
    np.testing.assert_allclose(after[:, :3], before[:, :3], rtol=1e-12)
    assert (np.abs(after[:, 3:] - before[:, 3:]).max(axis=-1) > 1e-3).all()


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_replay_and_eager_are_bit_equal(tied, dropout):
    results = []
    for replayed in (False, True):
        model, adam, loss, losses = language_model(tied=tied, dropout=dropout), optim.Adam(lr=0.01), None, []
        x, y = (Tensor(array) for array in batch(0))
        model.zero_grad()
        for step in range(30):
            x.data[...], y.data[...] = batch(step)
            if not replayed:
                model.zero_grad()
                loss = nn.CrossEntropyLoss()(model(x), y)
                loss.backward()
            elif loss is None:
                with record() as tape:
                    loss = nn.CrossEntropyLoss()(model(x), y)
                replay = Replay(tape, loss)
                replay.backward()
            else:
                replay.forward()
                replay.backward()
            losses.append(loss.item())
            adam.update(model.theta, model.gradient)
        results.append((losses, model.theta.copy(), model.gradient.copy()))
    assert results[0][0] == results[1][0] and len(set(results[0][0])) == 30
    np.testing.assert_array_equal(results[0][1], results[1][1])
    np.testing.assert_array_equal(results[0][2], results[1][2])


def test_learns_to_copy():
    """The next character is the one two places before: only attention can bring it here."""
    model, adam, loss = language_model(d=16, vocabulary=5, T=8), optim.Adam(lr=0.01), None
    for _ in range(250):
        start = rng.integers(0, 5, (16, 2))
        text = np.tile(start, 5)[:, :9]
        model.zero_grad()
        loss = nn.CrossEntropyLoss()(model(text[:, :-1])[:, 2:], text[:, 3:])
        loss.backward()
        adam.update(model.theta, model.gradient)
    assert loss.item() < 0.1


@pytest.mark.parametrize("tied", [False, True])
def test_saved_and_loaded(tied, tmp_path):
    model = nn.Sequential(*language_model(tied=tied), nn.SinusoidalPositions(6, 7), nn.MultiheadAttention(7, 1, False))
    nb.save(model, tmp_path / "model.npz")
    loaded = nb.load(tmp_path / "model.npz")
    assert repr(loaded) == repr(model) and loaded.theta.size == model.theta.size
    np.testing.assert_array_equal(loaded(batch(0)[0]).data, model(batch(0)[0]).data)


# Weight tying


def test_a_parameter_used_twice_gets_the_sum_of_both_gradients():
    free, tied = language_model(np.float64, tied=True), language_model(np.float64, tied=True)
    free[-1].weight = nn.Parameter(free[0].weight.data.copy())  # the same numbers, but a parameter of its own
    x, y = batch(0)
    for model in (free, tied):
        model.zero_grad()
        nn.CrossEntropyLoss()(model(x), y).backward()
    assert tied[-1].weight is tied[0].weight
    assert free.theta.size == tied.theta.size + 7 * 8
    assert [name for name, _ in tied.named_parameters()].count("0.weight") == 1
    assert not any(name.startswith("5.") for name, _ in tied.named_parameters())
    assert (free[0].weight.grad != 0).any() and (free[-1].weight.grad != 0).any()
    np.testing.assert_allclose(tied[0].weight.grad, free[0].weight.grad + free[-1].weight.grad, rtol=1e-12, atol=1e-15)
    with record() as tape:
        loss = nn.CrossEntropyLoss()(tied(x), y)
    eager = tied.gradient.copy()
    replay = Replay(tape, loss)
    for _ in range(3):
        tied.gradient.fill(99)
        replay.backward()
        np.testing.assert_array_equal(tied.gradient, eager)
        replay.forward()


@pytest.mark.torch
def test_tied_weights_against_pytorch_for_100_steps(torch):
    W = rng.normal(size=(7, 5))
    ours = nn.Sequential(nn.Embedding(7, 5, dtype=np.float64), nn.Tanh(), nn.Linear(5, 7, bias=False, dtype=np.float64))
    ours[2].weight = ours[0].weight
    ours.load_state_dict({"0.weight": W})
    t = torch.tensor(W, requires_grad=True)
    x, y = batch(0)
    adam, optimizer = optim.Adam(lr=0.01), torch.optim.Adam([t], lr=0.01)
    for _ in range(100):
        ours.zero_grad()
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(ours(x), y)
        loss.backward()
        z = t[torch.tensor(x)].tanh() @ t.T
        torch.nn.functional.cross_entropy(z.reshape(-1, 7), torch.tensor(y).reshape(-1)).backward()
        np.testing.assert_allclose(ours[0].weight.grad, t.grad.numpy(), rtol=1e-6, atol=1e-9)
        adam.update(ours.theta, ours.gradient)
        optimizer.step()
    np.testing.assert_allclose(ours.theta.reshape(7, 5), t.detach().numpy(), atol=1e-6)
