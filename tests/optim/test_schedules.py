"""Schedules: shapes, PyTorch, and how an optimizer uses them. Clipping."""

import copy

import numpy as np
import pytest

from nbprop import optim
from nbprop.optim import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    Later,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
    clip_grad_norm,
    clip_grad_value,
)


def rates(schedule, steps):
    return np.array([schedule(t) for t in range(steps)])


def test_shapes():
    np.testing.assert_allclose(rates(StepLR(2, gamma=0.5), 6), [1, 1, 0.5, 0.5, 0.25, 0.25])
    np.testing.assert_allclose(rates(ExponentialLR(0.5), 4), [1, 0.5, 0.25, 0.125])
    cosine = rates(CosineAnnealingLR(4, eta_min=0.2), 7)
    np.testing.assert_allclose(cosine, [1, 0.88284, 0.6, 0.31716, 0.2, 0.2, 0.2], 1e-5)
    np.testing.assert_allclose(rates(LinearLR(4, start_factor=0.2), 7), [0.2, 0.4, 0.6, 0.8, 1, 1, 1])
    cycle = rates(OneCycleLR(100, pct_start=0.3), 200)
    assert cycle[0] == pytest.approx(1 / 25)
    assert cycle.argmax() == 29
    assert cycle.max() == 1
    assert cycle[99] == cycle[199] == pytest.approx(1 / 25e4)
    assert (np.diff(cycle[:30]) > 0).all()
    assert (np.diff(cycle[29:100]) < 0).all()


def test_product_is_a_warm_up_followed_by_a_cosine():
    both = LinearLR(10, start_factor=0.1) * CosineAnnealingLR(50)
    assert both(0) == pytest.approx(0.1)
    assert both(30) == CosineAnnealingLR(50)(30)
    assert repr(both).startswith("Product(first=LinearLR(total_iters=10, start_factor=0.1), second=Cosine")


def test_a_schedule_that_begins_later_is_the_same_from_there_on():
    later = Later(StepLR(2, gamma=0.5), start=3)
    np.testing.assert_allclose(rates(later, 9), [1, 1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25])
    assert Later(LinearLR(4, start_factor=0.2), 5)(0) == 0.2 and str(later).endswith("from update 3")
    assert later == Later(StepLR(2, gamma=0.5), 3) and later != Later(StepLR(2, gamma=0.5), 4)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("StepLR", {"step_size": 7, "gamma": 0.3}),
        ("ExponentialLR", {"gamma": 0.97}),
        ("CosineAnnealingLR", {"T_max": 59}),
        ("LinearLR", {"total_iters": 20, "start_factor": 0.25}),
        ("OneCycleLR", {"total_steps": 60, "pct_start": 0.4}),
        ("MultiStepLR", {"milestones": [4, 11, 30], "gamma": 0.5}),
        ("PolynomialLR", {"total_iters": 25, "power": 1.7}),
        ("CosineAnnealingWarmRestarts", {"T_0": 7}),
        ("CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 3}),
    ],
)
@pytest.mark.torch
def test_against_pytorch(name, args):
    torch = pytest.importorskip("torch")
    sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    extra = {"max_lr": 0.1, "cycle_momentum": False} if name == "OneCycleLR" else {}
    scheduler = getattr(torch.optim.lr_scheduler, name)(sgd, **args, **extra)
    theirs = []
    for _ in range(60):
        theirs.append(scheduler.get_last_lr()[0])
        sgd.step()
        if len(theirs) < 60:
            scheduler.step()
    np.testing.assert_allclose(0.1 * rates(getattr(optim, name)(**args), 60), theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.torch
def test_one_after_the_other_against_pytorch():
    torch = pytest.importorskip("torch")
    torch_lr, sgd = torch.optim.lr_scheduler, torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    parts = [torch_lr.LinearLR(sgd, 0.2, total_iters=4), torch_lr.StepLR(sgd, 3), torch_lr.PolynomialLR(sgd, 9)]
    scheduler, theirs = torch_lr.SequentialLR(sgd, parts, [6, 15]), []
    for _ in range(30):
        theirs.append(scheduler.get_last_lr()[0])
        sgd.step()
        scheduler.step()
    ours = SequentialLR([LinearLR(4, 0.2), StepLR(3), PolynomialLR(9)], [6, 15])
    np.testing.assert_allclose(0.1 * rates(ours, 30), theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [
        {"patience": 2},
        {"patience": 0, "factor": 0.5, "threshold": 0.1},
        {"patience": 1, "cooldown": 3, "threshold_mode": "abs", "threshold": 0.05},
        {"mode": "max", "patience": 1},
        {"mode": "max", "patience": 2, "threshold_mode": "abs", "threshold": 0.2, "cooldown": 1},
    ],
)
@pytest.mark.torch
def test_plateau_against_pytorch(settings):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(sgd, min_lr=1e-4, eps=0, **settings)
    ours = ReduceLROnPlateau(min_factor=1e-4, **settings)
    found = []
    for value in [*(1 / np.arange(1, 30)), *rng.normal(0.5, 0.1, 60), np.nan, *rng.normal(0.1, 0.1, 60)]:
        sgd.step()
        theirs.step(value)
        ours = ours.told(value)
        found.append(ours(0))
        assert ours(0) == pytest.approx(sgd.param_groups[0]["lr"], rel=1e-12)
    assert found[-1] < found[0] and ours == ReduceLROnPlateau(min_factor=1e-4, **settings)


def test_a_plateau_hears_of_every_so_many_updates_alone():
    asked = []

    def look(name):
        asked.append(name)
        return 1.0

    plan = Later(LinearLR(2) * ReduceLROnPlateau(patience=0, every=3, monitor="loss"), 4)
    assert plan.monitored == {"loss"} and StepLR(3).monitored == set()
    seen = []
    for step in range(1, 15):
        plan = plan.after(step, look)
        seen.append(round(plan(20), 12))
    assert len(asked) == 3 and seen == [1] * 9 + [0.1] * 3 + [0.01] * 2
    both = SequentialLR([StepLR(5), ReduceLROnPlateau(patience=0, every=1)], [2])
    for step in range(1, 6):
        both = both.after(step, look)
    assert both(0) == 1 and both(5) == pytest.approx(0.01)


def test_optimizer_follows_its_schedule_and_can_go_back():
    optimizer = optim.SGD(lr=1.0, schedule=StepLR(2, gamma=0.5))
    theta, path = np.zeros(1), []
    saved = None
    for t in range(6):
        if t == 3:
            saved = copy.deepcopy(optimizer.state_dict())
        assert optimizer.rate == optimizer.schedule(t)
        optimizer.update(theta, np.ones(1))
        path.append(theta[0])
    np.testing.assert_allclose(path, [-1, -2, -2.5, -3, -3.25, -3.5])
    again = optim.SGD()
    again.load_state_dict(saved)
    theta = np.array([path[2]])
    again.update(theta, np.ones(1))
    again.update(theta, np.ones(1))
    assert theta[0] == path[4]
    again.lr = 8  # lr stays free to be turned by hand
    again.update(theta, np.ones(1))
    assert theta[0] == path[4] - 2


def test_the_schedule_works_in_every_optimizer():
    for name in optim.OPTIMIZERS:
        planned, by_hand = optim.optimizer(name, lr=0.1), optim.optimizer(name, lr=0.1)
        planned.schedule = ExponentialLR(0.5)
        a, b = np.ones(3), np.ones(3)
        for t in range(4):
            planned.update(a, np.arange(3.0))
            by_hand.lr = 0.1 * 0.5**t
            by_hand.update(b, np.arange(3.0))
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepLR(0), "step_size must be a finite number, greater than 0; got 0"),
        (lambda: ExponentialLR(-1), "gamma must be a finite number, at least 0; got -1"),
        (lambda: CosineAnnealingLR(float("inf")), "T_max must be .* got inf"),
        (lambda: OneCycleLR(100, pct_start=1), "pct_start must be .* less than 1; got 1"),
        (lambda: Later(StepLR(2), -1), "start must be an integer, 0 or more; got -1"),
        (lambda: Later(3, 5), "plan must be a schedule; got 3; try StepLR"),
        (lambda: StepLR(2) * 3, "second must be a schedule; got 3; try StepLR"),
        (lambda: MultiStepLR([5, 3]), r"milestones must be numbers of updates that increase; got \[5, 3\]"),
        (lambda: MultiStepLR(5), "milestones must be a list of integers"),
        (lambda: CosineAnnealingWarmRestarts(0), "T_0 must be an integer, 1 or more; got 0"),
        (lambda: CosineAnnealingWarmRestarts(5, 1.5), "T_mult must be an integer, 1 or more; got 1.5"),
        (lambda: PolynomialLR(5, -1), "power must be .* at least 0; got -1"),
        (lambda: SequentialLR([StepLR(2)], [3]), r"milestones must be one fewer than the 1 schedules; got \[3\]"),
        (lambda: SequentialLR([StepLR(2), 3], [3]), "second must be a schedule; got 3; try StepLR"),
        (lambda: ReduceLROnPlateau("lowest"), "mode must be 'min' or 'max'; got 'lowest'"),
        (lambda: ReduceLROnPlateau(factor=1), "factor must be .* less than 1; got 1; try 0.1"),
        (lambda: ReduceLROnPlateau(patience=-1), "patience must be an integer, 0 or more; got -1"),
        (lambda: ReduceLROnPlateau(monitor=3), "monitor must be a str; got 3; try 'val_loss'"),
        (lambda: OneCycleLR(1), "total_steps must be .* greater than 1; got 1"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


# Clipping


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clip_by_norm(dtype):
    g = np.array([3, 4], dtype)
    assert clip_grad_norm(g, 10) == 5
    np.testing.assert_array_equal(g, [3, 4])
    assert clip_grad_norm(g, 1) == 5
    np.testing.assert_allclose(g, [0.6, 0.8], rtol=1e-6)
    assert clip_grad_norm(np.zeros(2, dtype), 1) == 0


def test_clip_by_norm_when_the_square_overflows():
    g = np.array([3e30, 4e30], np.float32)
    assert clip_grad_norm(g, 1) == pytest.approx(5e30)
    np.testing.assert_allclose(g, [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_clip_by_norm_leaves_an_infinite_gradient_to_be_seen(bad):
    g = np.array([1, bad], np.float32)
    assert not np.isfinite(clip_grad_norm(g, 1))
    np.testing.assert_array_equal(g, np.array([1, bad], np.float32))


def test_clip_by_value():
    g = np.array([-5, 0.5, 2, np.inf, np.nan], np.float32)
    clip_grad_value(g, 1.5)
    np.testing.assert_array_equal(g, np.array([-1.5, 0.5, 1.5, 1.5, np.nan], np.float32))


def test_clip_limits_must_be_positive():
    with pytest.raises(ValueError, match="max_norm must be a finite number, greater than 0; got 0"):
        clip_grad_norm(np.ones(2), 0)
    with pytest.raises(ValueError, match="clip_value must be a finite number, greater than 0; got -1"):
        clip_grad_value(np.ones(2), -1)


@pytest.mark.torch
def test_clipping_against_pytorch():
    torch = pytest.importorskip("torch")
    g = np.random.default_rng(0).normal(size=20)
    p = torch.zeros(20, dtype=torch.float64, requires_grad=True)
    for ours, theirs, limit in (
        (clip_grad_norm, torch.nn.utils.clip_grad_norm_, 0.7),
        (clip_grad_value, torch.nn.utils.clip_grad_value_, 0.7),
    ):
        p.grad, mine = torch.tensor(g), g.copy()
        theirs([p], limit)
        ours(mine, limit)
        np.testing.assert_allclose(mine, p.grad.numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: optim.StepLR(3).step(),
            AttributeError,
            "StepLR has no attribute 'step'; the optimizer asks for its factor",
        ),
        (
            lambda: optim.StepLR(3).get_last_lr(),
            AttributeError,
            r"the learning rate of the next update is optimizer\.rate",
        ),
        (lambda: optim.StepLR(3).gama, AttributeError, "no attribute 'gama'; did you mean 'gamma'"),
        (
            lambda: optim.StepLR(step_size=3, last_epoch=-1),
            TypeError,
            "StepLR has no attribute 'last_epoch'; it goes by .*; it takes step",
        ),
        (
            lambda: optim.OneCycleLR(max_lr=0.1, total_steps=9),
            TypeError,
            "has no attribute 'max_lr'; the lr of the optimizer is",
        ),
        (
            lambda: optim.ExponentialLR(gama=0.9),
            TypeError,
            "no attribute 'gama'; did you mean 'gamma'.; it takes gamma",
        ),
    ],
)
def test_what_pytorchs_schedules_have(make, error, message):
    with pytest.raises(error, match=message):
        make()
