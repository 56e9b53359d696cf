"""Optimizers that are given the parameters, as in PyTorch; and groups, by tensors and by names."""

import copy

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nbprop as nb
from nbprop import nn, optim
from nbprop.engine import ShapeError

X = np.random.default_rng(0).normal(size=(6, 2))
EVERY = pytest.mark.parametrize("name", list(optim.OPTIMIZERS))


def model(**settings):
    return nn.mlp([2, 4, 3, 1], seed=0, dtype=np.float64, **settings)


def taught(network, optimizer, steps=4, step=None):
    for _ in range(steps):
        network.zero_grad()
        ((network(X) - 1.0) ** 2).mean().backward()
        optimizer.step() if step is None else step()
    return network.theta.copy()


def made(name, params, **settings):
    """An optimizer of OPTIMIZERS, as PyTorch's users make it."""
    return optim.OPTIMIZERS[name](params, **settings)


# Given the parameters


@EVERY
def test_given_the_parameters_it_does_what_step_does_with_the_model(name):
    theirs = model()
    of = optim.OPTIMIZERS[name](lr=0.1)
    expected = taught(theirs, of, step=lambda: of.step(theirs))
    for params in (
        lambda m: m.parameters(),
        lambda m: (p for p in m.parameters()),
        lambda m: m.named_parameters(),
        lambda m: [{"params": m[0].parameters()}, {"params": iter(m[2].parameters())}, {"params": m[4].parameters()}],
    ):
        mine = model()
        np.testing.assert_array_equal(taught(mine, made(name, params(mine), lr=0.1)), expected)


@EVERY
def test_lone_tensors_learn_as_those_of_a_model(name):
    theirs, rng = model(), np.random.default_rng(1)
    tensors = [nb.Tensor(p.data.copy(), requires_grad=True) for p in theirs.parameters()]
    tensors[0].data = np.asfortranarray(tensors[0].data)  # not one after the other in memory
    optimizer, of = made(name, tensors, lr=0.1), optim.OPTIMIZERS[name](lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        for p, q in zip(theirs.parameters(), tensors, strict=True):
            p.grad = q.grad = rng.normal(size=p.shape)
        of.step(theirs), optimizer.step()
    for p, q in zip(theirs.parameters(), tensors, strict=True):
        np.testing.assert_allclose(q.data, p.data, rtol=1e-13 if name == "muon" else 0)  # a product in another order
    assert (optimizer.t, optimizer.held[0][1]) == (4, tensors[0])


def test_a_lone_number():
    x = nb.Tensor(3.0, requires_grad=True)
    optimizer = optim.SGD([x], lr=0.1, momentum=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        ((x - 1) ** 2).backward()
        optimizer.step()
    assert x.item() == pytest.approx(1, abs=1e-6)
    assert x.data.shape == () and optimizer.state["momentum_buffer"].shape == (1,)


def test_a_subset_moves_alone():
    mine = model()
    before = mine.theta.copy()
    after = taught(mine, optim.Adam((p for name, p in mine.named_parameters() if "weight" in name), lr=0.1))
    moved = np.flatnonzero(before != after)
    assert list(moved) == [*range(8), *range(12, 24), *range(27, 30)]


def test_what_has_no_gradient_rests_with_its_state():
    a, b = (nb.Tensor(np.ones(2), requires_grad=True) for _ in range(2))
    optimizer = optim.Adam([a, b], lr=0.1, weight_decay=0.1)
    a.grad = b.grad = np.ones(2)
    optimizer.step()
    kept, b.grad = b.data.copy(), None
    state = {name: vector.copy() for name, vector in optimizer.state.items()}
    optimizer.step()
    a.requires_grad, b.grad = False, np.ones(2)
    still = a.data.copy()
    np.testing.assert_array_equal(b.data, kept)
    for name, vector in optimizer.state.items():
        np.testing.assert_array_equal(vector[2:], state[name][2:])
        assert (vector[:2] != state[name][:2]).all()
    optimizer.step()
    np.testing.assert_array_equal(a.data, still)
    assert (b.data != kept).all()


def test_it_follows_parameters_that_move_in_memory():
    mine = model()
    optimizer = optim.SGD(mine.parameters(), lr=0.1)
    taught(mine, optimizer, 1)
    mine[0].weight.data = np.zeros((4, 2))  # a new array: the model packs anew when it is looked at
    before = mine.theta.copy()
    mine.gradient = 1.0 + 0 * before
    optimizer.step()
    np.testing.assert_allclose(mine.theta, before - 0.1)


def test_a_closure_is_called_before_the_update():
    x = nb.Tensor(np.ones(1), requires_grad=True)
    optimizer = optim.SGD([x], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1
    assert x.data[0] == 0


@pytest.mark.torch
@pytest.mark.parametrize(
    "settings",
    [{"lr": 0.1}, {"lr": 0.05, "momentum": 0.9, "dampening": 0.5}, {"lr": 0.05, "momentum": 0.9, "nesterov": True}],
)
def test_sgd_over_groups_as_pytorch(settings):
    torch = pytest.importorskip("torch")
    rng, start = np.random.default_rng(2), [np.ones((2, 3)), np.ones(3), np.ones(())]
    ours = [nb.Tensor(a.copy(), requires_grad=True) for a in start]
    theirs = [torch.tensor(a.copy(), requires_grad=True) for a in start]
    both = []
    for kind, tensors in ((optim.SGD, ours), (torch.optim.SGD, theirs)):
        groups = [{"params": tensors[:1], "weight_decay": 0.1}, {"params": tensors[1:], "lr": 0.01}]
        both.append(kind(groups, **settings))
    for step in range(20):
        if step == 9:
            for optimizer in both:
                optimizer.param_groups[0]["lr"] *= 0.5
                optimizer.param_groups[1]["weight_decay"] = 0.2
        for p, q in zip(ours, theirs, strict=True):
            p.grad = rng.normal(size=p.shape)
            q.grad = torch.tensor(p.grad)
        for optimizer in both:
            optimizer.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_param_groups():
    mine = model()
    first, rest = mine[0].parameters(), mine.parameters()[2:]
    adam = optim.Adam([{"params": first, "betas": [0.5, 0.6]}, {"params": rest}], lr=0.1)
    groups = adam.param_groups
    assert [len(group["params"]) for group in groups] == [2, 4]
    assert (groups[0]["betas"], groups[1]["betas"], groups[1]["lr"]) == ((0.5, 0.6), (0.9, 0.999), 0.1)
    for group in groups:
        group["lr"] *= 2
    assert (adam.lr, [group["lr"] for group in groups]) == (0.1, [0.2, 0.2])
    del groups[0]["lr"]
    assert groups[0]["lr"] == 0.1
    groups[0].update(eps=1e-3)
    assert adam.groups[0] == {"betas": (0.5, 0.6), "params": (), "eps": 1e-3}
    assert set(groups[0]) == {"params", "lr", "betas", "eps", "amsgrad", "weight_decay"} and len(groups[0]) == 6
    with pytest.raises(ValueError, match="lr must be a finite number"):
        groups[1]["lr"] = -1
    with pytest.raises(ValueError, match=r"groups\[1\]: 'learning_rate' is no setting of a group; Adam has lr, betas"):
        groups[1]["learning_rate"] = 1
    with pytest.raises(KeyError):
        groups[1]["schedule"]
    alone = optim.SGD(mine.parameters(), lr=0.1).param_groups
    alone[0]["lr"] = 0.3
    assert len(alone) == 1 and alone[0]._optimizer.lr == 0.3


def test_the_rate_of_a_group_is_that_of_the_next_update_as_in_pytorch():
    torch = pytest.importorskip("torch")
    start = [np.ones(2), np.ones(3)]
    ours = [nb.Tensor(a.copy(), requires_grad=True) for a in start]
    theirs = [torch.tensor(a.copy(), requires_grad=True) for a in start]
    groups = [{"params": ours[0], "lr": 0.5}, {"params": ours[1]}]
    mine = optim.SGD(groups, lr=0.1, schedule=optim.StepLR(2, gamma=0.1))
    other = torch.optim.SGD([{"params": theirs[0], "lr": 0.5}, {"params": theirs[1]}], lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(other, 2, gamma=0.1)
    for step in range(6):
        if step == 3:
            for group in (mine.param_groups[0], other.param_groups[0]):
                group["lr"] *= 3
        for name in ("lr", "initial_lr") if step < 3 else ("lr",):
            assert [g[name] for g in mine.param_groups] == pytest.approx([g[name] for g in other.param_groups])
        for p, q in zip(ours, theirs, strict=True):
            p.grad = np.ones(p.shape)
            q.grad = torch.ones(q.shape, dtype=q.dtype)
        mine.step(), other.step(), schedule.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12)
    mine.param_groups[1]["initial_lr"] = 1.0
    assert mine.groups[1] == {"params": (), "lr": 1.0} and mine.param_groups[1]["lr"] == pytest.approx(0.001)
    mine.schedule = lambda step: 0
    with pytest.raises(ValueError, match="lr: the schedule makes the next learning rate 0; set 'initial_lr'"):
        mine.param_groups[0]["lr"] = 1
    mine.schedule = None
    assert "initial_lr" not in mine.param_groups[0]
    with pytest.raises(ValueError, match="'initial_lr' is no setting of a group"):
        mine.param_groups[0]["initial_lr"] = 1


def test_a_group_that_is_added():
    a, b = (nb.Tensor(np.ones(2), requires_grad=True) for _ in range(2))
    a.grad, b.grad = np.ones(2), np.ones(2)
    optimizer = optim.SGD([a], lr=0.1, momentum=0.5)
    optimizer.step()
    optimizer.add_param_group({"params": [b], "lr": 1.0})
    optimizer.step()
    np.testing.assert_allclose([a.data[0], b.data[0]], [1 - 0.1 - 0.15, 0])
    with pytest.raises(ValueError, match="a parameter twice"):
        optimizer.add_param_group({"params": [a]})
    with pytest.raises(TypeError, match=r"was given no parameters; set optimizer\.groups"):
        optim.SGD().add_param_group({"params": [a]})


def test_saved_and_loaded_it_goes_on_bit_by_bit():
    def begun(network):
        return optim.AdamW([{"params": network[0].parameters(), "lr": 0.5}, {"params": network[2].weight}], lr=0.1)

    mine = model()
    first = begun(mine)
    taught(mine, first, 3)
    state, saved = mine.state_dict(), copy.deepcopy(first.state_dict())
    expected = taught(mine, first, 3)
    mine.load_state_dict(state)
    second = begun(mine)
    second.load_state_dict(saved)
    np.testing.assert_array_equal(taught(mine, second, 3), expected)
    wrong = optim.AdamW(mine.parameters())
    wrong.load_state_dict(saved)
    with pytest.raises(ShapeError, match=r"AdamW: state 'exp_avg' has shape \(24,\), but theta has \(31,\)"):
        wrong.step()


T = nb.Tensor(np.ones(2), requires_grad=True)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ValueError, r"Adam was given no parameters: has a generator, such as model\.parameters\(\), been used up"),
        ([{"params": []}], ValueError, "was given no parameters"),
        (nn.mlp([2, 1], seed=0), TypeError, r"Adam\(params\) must be a list of tensors [^~]*try model\.parameters\(\)"),
        (T, TypeError, "must be a list of tensors or of dicts"),
        ("adam", TypeError, "must be a list of tensors or of dicts; got 'adam'"),
        ({"params": [T]}, TypeError, "must be a list of tensors or of dicts"),
        ([T, T], ValueError, "a parameter twice"),
        ([{"params": [T]}, {"params": T}], ValueError, "a parameter twice"),
        ([np.ones(2)], TypeError, "a parameter must be a Tensor that requires a gradient"),
        ([nb.Tensor(np.ones(2))], ValueError, r"of shape \(2,\) does not require a gradient; try nb\.Tensor\(x, req"),
        ([T * 2.0], ValueError, r"of shape \(2,\) was computed"),
        ([T, nb.Tensor(np.ones(2, np.float32), requires_grad=True)], TypeError, "parameters of float64 and float32: "),
        ([{"lr": 1}], ValueError, "a group has lr, and no 'params'"),
        ([{"params": T, "momentum": 1}], ValueError, r"groups\[0\]: 'momentum' is no setting of a group"),
    ],
)
def test_bad_parameters(params, error, message):
    with pytest.raises(error, match=message):
        optim.Adam(params, lr=0.1)
    with pytest.raises(error, match=message):
        optim.Adam(params=params)


def test_a_step_without_any_gradient_is_said_once():
    mine, other = model(), model()
    optimizer = optim.SGD(mine.parameters(), lr=0.1)
    ((other(X) - 1.0) ** 2).mean().backward()
    before = mine.theta.copy()
    with pytest.warns(
        RuntimeWarning, match=r"SGD: no gradient has come to the parameters that it was given: was there a"
    ):
        optimizer.step()
    optimizer.step()
    np.testing.assert_array_equal(mine.theta, before)
    some = optim.SGD([*mine[0].parameters(), *other.parameters()], lr=0.1)
    some.step()  # to some it has come


def test_two_ways_are_not_mixed():
    mine = model()
    with pytest.raises(TypeError, match=r"Adam was given its parameters: write step\(\), without Sequential"):
        optim.Adam(mine.parameters()).step(mine)
    with pytest.raises(TypeError, match=r"two learning rates: 0\.1 and 0\.9"):
        optim.SGD(0.1, 0.9)
    assert (optim.SGD(0.1).lr, optim.Adam(3).lr) == (0.1, 3.0)
    with pytest.raises(TypeError, match="lr must be a finite number"):
        optim.Adam(True)


# Groups by names


@given(
    name=st.sampled_from(sorted(optim.OPTIMIZERS)),
    which=st.lists(st.integers(0, 2), min_size=6, max_size=6),
    frozen=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_each_parameter_moves_as_it_would_alone_with_the_settings_of_its_group(name, which, frozen):
    mine = model()
    settings = [{}, {"lr": 0.3}, {"weight_decay": 0.5, "lr": 0.01}]
    names = [each for each, _ in mine.named_parameters()]
    groups = [
        {"params": [each for each, i in zip(names, which, strict=True) if i == number], **settings[number]}
        for number in (1, 2)
    ]
    optimizer = optim.OPTIMIZERS[name](lr=0.1, groups=groups)
    single = [optim.OPTIMIZERS[name](**{"lr": 0.1, **settings[i]}) for i in which]
    alone = [p.data.copy() for p in mine.parameters()]
    for p, rests in zip(mine.parameters(), frozen, strict=True):
        p.requires_grad = not rests
    rng = np.random.default_rng(0)
    for _ in range(3):
        mine.gradient = rng.normal(size=mine.theta.size)
        optimizer.step(mine)
        for i, p in enumerate(mine.parameters()):
            if not frozen[i]:
                single[i].update(alone[i], p.grad)
            np.testing.assert_array_equal(p.data, alone[i])


def test_no_decay_on_biases_and_norms():
    mine = nn.Sequential(nn.Linear(2, 4, rng=0), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1, rng=0))
    mine.theta[:] = 1
    optimizer = optim.AdamW(lr=0.5, weight_decay=0.5, groups=[{"params": ["*.bias", "*Norm*"], "weight_decay": 0}])
    optimizer.step(mine)
    decayed = {name for name, p in mine.named_parameters() if (p.data == 0.75).all()}
    still = {name for name, p in mine.named_parameters() if (p.data == 1).all()}
    assert decayed == {"0.weight", "3.weight"} and len(still) == 4
    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 0]


def test_a_schedule_is_for_every_group():
    mine = model()
    mine.gradient = 1.0 + 0 * mine.theta
    before = mine.theta.copy()
    optimizer = optim.SGD(lr=0.1, schedule=optim.StepLR(1), groups=[{"params": "0.*", "lr": 0.5}])
    optimizer.step(mine), optimizer.step(mine)
    np.testing.assert_allclose((before - mine.theta)[[0, -1]], [0.55, 0.11])


def test_settings_are_heard_at_the_next_update():
    mine = model()
    optimizer = optim.SGD(lr=0.1, groups=[{"params": "0.*", "lr": 0.5}])
    moved = []
    for change in (lambda: None, lambda: setattr(optimizer, "lr", 0.2), lambda: setattr(optimizer, "groups", ())):
        change()
        before, mine.gradient = mine.theta.copy(), 1.0 + 0 * mine.theta
        optimizer.step(mine)
        moved.append((before - mine.theta)[[0, -1]])
    np.testing.assert_allclose(moved, [[0.5, 0.1], [0.5, 0.2], [0.2, 0.2]])


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        ("*.bias", TypeError, r"groups must be a list of dicts; got '\*\.bias'; try \[\{\"params\""),
        ([["*.bias"]], TypeError, "groups must be a list of dicts"),
        ([{"lr": 1}], ValueError, r"groups\[0\] does not say whose settings they are"),
        ([{"params": 3}], TypeError, r"groups\[0\]\['params'\] must be names of parameters, in which \* is anything"),
        ([{"params": [T]}], TypeError, "must be names of parameters"),
        ([{"params": "*", "lr": -1}], ValueError, "lr must be a finite number, at least 0; got -1"),
        ([{"params": "*", "lrr": 1}], ValueError, r"'lrr' is no setting of a group; did you mean 'lr'\? Adam has lr,"),
        ([{"params": "*", "schedule": None}], ValueError, "'schedule' is no setting of a group"),
    ],
)
def test_bad_groups(groups, error, message):
    with pytest.raises(error, match=message):
        optim.Adam(groups=groups)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            [{"params": "*.bias", "lr": 1}, {"params": "0.*"}],
            r"0\.bias \(Linear\.bias\) is in groups\[0\] \(\*\.bias: lr 1\) and groups\[1\] \(0\.\*\), and a param",
        ),
        (
            [{"params": "0.*"}, {"params": "2.*"}, {"params": "Linear.weight"}],
            r"0\.weight .* is in groups\[0\] .*\[2\] .*; try names that choose fewer",
        ),
    ],
)
def test_groups_do_not_overlap(groups, message):
    mine = model()
    with pytest.raises(ValueError, match=message):
        optim.Adam(groups=groups).step(mine)
    optimizer = optim.Adam()
    optimizer.step(mine)
    optimizer.groups = groups
    with pytest.raises(ValueError, match=message):
        optimizer.step(mine)
    with pytest.raises(TypeError, match=r"SGD was given parameters, and groups= that are found by names"):
        optim.SGD(mine.parameters(), groups=groups[:1])


def test_groups_need_names():
    mine = model()
    optimizer = optim.Adam(groups=[{"params": "*.bais", "lr": 1}])
    with pytest.raises(
        ValueError, match=r"no parameter is called '\*\.bais'; did you mean .*0\.weight \(Linear\.weight\)"
    ):
        optimizer.step(mine)
    with pytest.raises(TypeError, match=r"Adam has groups, which are found by names: call step\(model\)"):
        optimizer.update(mine.theta, mine.gradient)
