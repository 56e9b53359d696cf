"""L-BFGS against its formula with whole matrices, and against PyTorch's."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn, optim
from nbprop.engine import ShapeError

X = np.random.default_rng(0).normal(size=(20, 3))
Y = np.sin(X.sum(axis=1, keepdims=True))
SETTINGS = [
    {},
    {"lr": 0.5, "history_size": 3, "max_iter": 7},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "history_size": 2, "max_iter": 3, "lr": 0.1},
    {"line_search_fn": "strong_wolfe", "max_eval": 4, "lr": 20.0},
]


def rosenbrock(x, y):
    return (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2


def inverse_hessian(pairs, size):
    """Nocedal & Wright 2006, equation 6.17, begun with the factor of equation 7.20."""
    (s, y), H = pairs[-1], np.eye(size)
    H = H * (s @ y) / (y @ y)
    for s, y in pairs:
        V = np.eye(size) - np.outer(y, s) / (s @ y)
        H = V.T @ H @ V + np.outer(s, s) / (s @ y)
    return H


@pytest.mark.parametrize("history", [2, 100])
def test_equals_its_formula_with_whole_matrices(history):
    rng, size = np.random.default_rng(1), 4
    A = rng.normal(size=(size, size))
    A = A @ A.T + np.eye(size)
    theta, optimizer = rng.normal(size=size), optim.LBFGS(lr=0.3, history_size=history)
    mine, pairs, before = theta.copy(), [], None
    for _ in range(12):
        g = A @ mine + 0.1 * mine**3
        if before is not None:
            pairs = [*pairs, (mine - before[0], g - before[1])][-history:]
        d = -inverse_hessian(pairs, size) @ g if pairs else -g / max(np.abs(g).sum(), 1)
        before, mine = (mine, g), mine + 0.3 * d
        optimizer.update(theta, A @ theta + 0.1 * theta**3)
        np.testing.assert_allclose(theta, mine, rtol=1e-8)
    assert optimizer.t == 12 and len(optimizer.state) == 2 + 2 * min(history, 11)


@pytest.mark.torch
@pytest.mark.parametrize("settings", SETTINGS)
def test_a_network_as_pytorch(settings):
    torch = pytest.importorskip("torch")
    ours = nn.mlp([3, 5, 1], seed=0, dtype=np.float64)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)).double()
    for p, q in zip(theirs.parameters(), ours.parameters(), strict=True):
        p.data = torch.tensor(q.data.copy())
    calls = [0, 0]

    def closure():
        mine.zero_grad()
        loss = ((ours(X) - Y) ** 2).mean()
        loss.backward()
        calls[0] += 1
        return loss

    def other():
        rule.zero_grad()
        loss = ((theirs(torch.tensor(X)) - torch.tensor(Y)) ** 2).mean()
        loss.backward()
        calls[1] += 1
        return loss

    mine, rule = optim.LBFGS(ours.parameters(), **settings), torch.optim.LBFGS(theirs.parameters(), **settings)
    for _ in range(4):
        assert mine.step(closure).item() == pytest.approx(rule.step(other).item(), rel=1e-7)
        assert calls[0] == calls[1]
        for p, q in zip(theirs.parameters(), ours.parameters(), strict=True):
            np.testing.assert_allclose(q.data, p.detach().numpy(), rtol=1e-6, atol=1e-8)
    assert mine.t == rule.state[rule._params[0]]["n_iter"]


@pytest.mark.torch
@pytest.mark.parametrize("start", [(-1.2, 1.0), (3.0, -2.0), (0.0, 0.0)])
def test_a_curved_valley_as_pytorch(start):
    torch = pytest.importorskip("torch")
    ours = [nb.Tensor(each, requires_grad=True) for each in start]
    theirs = [torch.tensor(each, requires_grad=True, dtype=torch.float64) for each in start]
    settings = {"line_search_fn": "strong_wolfe", "max_iter": 30}
    for _ in range(3):
        for tensors, optimizer in (
            (ours, optim.LBFGS(ours, **settings)),
            (theirs, torch.optim.LBFGS(theirs, **settings)),
        ):

            def closure(tensors=tensors, optimizer=optimizer):
                optimizer.zero_grad()
                loss = rosenbrock(*tensors)
                loss.backward()
                return loss

            optimizer.step(closure)
        np.testing.assert_allclose([p.item() for p in ours], [q.item() for q in theirs], rtol=1e-6)
    np.testing.assert_allclose([p.item() for p in ours], 1, atol=1e-5)


def test_a_frozen_parameter_stays():
    model = nn.mlp([3, 5, 1], seed=0, dtype=np.float64)
    model[0].requires_grad_(False)
    before, optimizer = model[0].weight.data.copy(), optim.LBFGS(model.parameters())
    first = optimizer.step(lambda: closure_of(model, optimizer)).item()
    assert optimizer.step(lambda: closure_of(model, optimizer)).item() < first
    np.testing.assert_array_equal(model[0].weight.data, before)


def closure_of(model, optimizer):
    optimizer.zero_grad()
    loss = ((model(X) - Y) ** 2).mean()
    loss.backward()
    return loss


def test_saved_and_loaded_it_goes_on_bit_by_bit():
    model = nn.mlp([3, 5, 1], seed=0, dtype=np.float64)
    one = optim.LBFGS(model.parameters(), max_iter=4, line_search_fn="strong_wolfe")
    one.step(lambda: closure_of(model, one))
    theta, saved = model.theta.copy(), one.state_dict()
    one.step(lambda: closure_of(model, one))
    expected, model.theta = model.theta.copy(), theta
    other = optim.LBFGS(model.parameters())
    other.load_state_dict(saved)
    other.step(lambda: closure_of(model, other))
    np.testing.assert_array_equal(model.theta, expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.LBFGS(weight_decay=0.1), "LBFGS has no weight_decay: add the penalty to the loss; got 0.1"),
        (lambda: optim.LBFGS(groups=[{"params": "*"}]), "LBFGS has no groups: all parameters are one vector to it"),
        (lambda: optim.LBFGS(max_iter=0), "max_iter must be an integer, 1 or more"),
        (lambda: optim.LBFGS(line_search_fn="wolfe"), "line_search_fn must be None or 'strong_wolfe'; got 'wolfe'"),
        (lambda: optim.LBFGS(nn.mlp([2, 1]).parameters()).step(), r"LBFGS calls a function .*: step\(closure\)"),
        (lambda: optim.LBFGS().step(), "LBFGS.step takes the model"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_a_state_of_another_model_is_refused():
    optimizer = optim.LBFGS()
    optimizer.update(np.ones(3), np.ones(3))
    with pytest.raises(ShapeError, match=r"LBFGS: state '\w+' has shape \(3,\), but theta has \(4,\)"):
        optimizer.update(np.ones(4), np.ones(4))
