"""Optimizers against their formulas, written down plainly in float64, and against PyTorch."""

import copy
import tracemalloc

import numpy as np
import pytest

from nbprop import nn, optim
from nbprop.engine import ShapeError

SETTINGS = [
    ("sgd", optim.SGD, {"lr": 0.1}),
    ("momentum", optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    ("nesterov", optim.SGD, {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
    ("adagrad", optim.AdaGrad, {"lr": 0.1}),
    ("rmsprop", optim.RMSProp, {"lr": 0.02, "alpha": 0.95}),
    ("adam", optim.Adam, {"lr": 0.03}),
    ("adam", optim.Adam, {"lr": 0.03, "betas": (0.8, 0.99), "eps": 1e-3}),
    ("rmsprop", optim.RMSProp, {"lr": 0.02, "centered": True}),
    ("adadelta", optim.AdaDelta, {"lr": 0.5}),
    ("sgd", optim.SGD, {"lr": 0.1, "weight_decay": 0.3}),
    ("nesterov", optim.SGD, {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.3}),
    ("adam", optim.Adam, {"lr": 0.03, "weight_decay": 0.3}),
    ("adamw", optim.AdamW, {"lr": 0.03}),
    ("adamw", optim.AdamW, {"lr": 0.03, "weight_decay": 0.3}),
]
SETTINGS += [
    ("momentum", optim.SGD, {"lr": 0.05, "momentum": 0.9, "dampening": 0.4}),
    ("nesterov", optim.SGD, {"lr": 0.05, "momentum": 0.9, "dampening": 0.4, "nesterov": True}),
    ("adam", optim.Adam, {"lr": 0.03, "amsgrad": True}),
    ("adamw", optim.AdamW, {"lr": 0.03, "amsgrad": True, "betas": (0.9, 0.9)}),
    ("adamax", optim.Adamax, {"lr": 0.03}),
    ("adamax", optim.Adamax, {"lr": 0.03, "weight_decay": 0.3, "betas": (0.8, 0.9), "eps": 1e-3}),
    ("nadam", optim.NAdam, {"lr": 0.03}),
    ("nadam", optim.NAdam, {"lr": 0.03, "weight_decay": 0.3, "betas": (0.8, 0.99), "momentum_decay": 0.1}),
    ("radam", optim.RAdam, {"lr": 0.03}),
    ("radam", optim.RAdam, {"lr": 0.03, "weight_decay": 0.3, "betas": (0.8, 0.9), "eps": 1e-3}),
    ("lion", optim.Lion, {"lr": 0.01}),
    ("lion", optim.Lion, {"lr": 0.01, "weight_decay": 0.3, "betas": (0.95, 0.98)}),
    ("muon", optim.Muon, {"lr": 0.03}),  # of a flat vector: AdamW
]
DECOUPLED = {"adamw": 0.01, "lion": 0.0, "muon": 0.1}  # what decays beside the gradient, and its usual decay
each = pytest.mark.parametrize(("name", "make", "settings"), SETTINGS)


def formula(name, lr, gradients, theta, momentum=0.9, betas=(0.9, 0.999), eps=None, centered=False, **rest):
    """The parameters after each update, from the definitions: sums over all earlier gradients, hardly any state."""
    past, decay, out, u = np.zeros((0, theta.size)), rest.get("weight_decay", DECOUPLED.get(name, 0)), [], 0
    largest, b1, b2 = 0, *betas
    for t, g in enumerate(gradients, 1):
        if name in DECOUPLED:
            theta = theta - lr * decay * theta
        past = np.vstack([past, g + (decay * theta if name not in DECOUPLED else 0)])
        age = np.arange(t)[::-1, None]  # of gradients 1..t, the latest has age 0
        if name == "sgd":
            step = past[-1]
        elif name == "momentum":
            step = (momentum**age * dampened(past, rest)).sum(0)
        elif name == "nesterov":
            step = past[-1] + momentum * (momentum**age * dampened(past, rest)).sum(0)
        elif name == "adagrad":
            step = past[-1] / (np.sqrt((past**2).sum(0)) + (eps or 1e-10))
        elif name == "rmsprop":
            weights = (1 - rest.get("alpha", 0.99)) * rest.get("alpha", 0.99) ** age
            v = (weights * past**2).sum(0) - ((weights * past).sum(0) ** 2 if centered else 0)
            step = past[-1] / (np.sqrt(v) + (eps or 1e-8))
        elif name == "adadelta":
            v = (0.1 * 0.9**age * past**2).sum(0)
            step = np.sqrt(u + 1e-6) / np.sqrt(v + 1e-6) * past[-1]
            u = 0.9 * u + 0.1 * step**2
        elif name in ("adam", "adamw", "muon"):
            m = (1 - b1) * (b1**age * past).sum(0) / (1 - b1**t)
            v = (1 - b2) * (b2**age * past**2).sum(0)
            v = largest = np.maximum(v, largest) if rest.get("amsgrad") else v
            step = m / (np.sqrt(v / (1 - b2**t)) + (eps or 1e-8))
        elif name == "adamax":
            m = (1 - b1) * (b1**age * past).sum(0) / (1 - b1**t)
            step = m / (b2**age * (np.abs(past) + (eps or 1e-8))).max(0)
        elif name == "nadam":
            mus = b1 * (1 - 0.5 * 0.96 ** (np.arange(1, t + 2) * rest.get("momentum_decay", 0.004)))
            m, v = (1 - b1) * (b1**age * past).sum(0), (1 - b2) * (b2**age * past**2).sum(0) / (1 - b2**t)
            ahead = mus[-1] * m / (1 - mus.prod()) + (1 - mus[-2]) * past[-1] / (1 - mus[:-1].prod())
            step = ahead / (np.sqrt(v) + (eps or 1e-8))
        elif name == "radam":
            m, v = (1 - b1) * (b1**age * past).sum(0) / (1 - b1**t), (1 - b2) * (b2**age * past**2).sum(0)
            limit = 2 / (1 - b2) - 1
            rho = limit - 2 * t * b2**t / (1 - b2**t)
            step = m
            if rho > 5:
                r = np.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
                step = r * m / ((np.sqrt(v) + (eps or 1e-8)) / np.sqrt(1 - b2**t))
        elif name == "lion":
            b1, b2 = betas if betas != (0.9, 0.999) else (0.9, 0.99)
            step = np.sign(b1 * (1 - b2) * (b2 ** age[1:] * past[:-1]).sum(0) + (1 - b1) * past[-1])
        else:
            raise KeyError(f"formula() does not know {name!r}")
        theta = theta - lr * step
        out.append(theta)
    return out


def dampened(past, settings):
    return past * (1 - settings.get("dampening", 0) * (np.arange(len(past))[:, None] > 0))


def test_every_optimizer_has_a_formula():
    """Another way to say what it does, without which a wrong one would pass."""
    assert {name for name, *_ in SETTINGS} == set(optim.OPTIMIZERS)
    gradient = [np.ones(3)]
    for name in optim.OPTIMIZERS:
        assert np.isfinite(formula(name, 0.1, gradient, np.zeros(3))[0]).all(), f"formula() does not know {name!r}"


@pytest.mark.parametrize("name", list(optim.OPTIMIZERS))
def test_it_goes_downhill(name):
    theta, heights = np.array([1.0, -2.0, 3.0]), []
    optimizer = optim.optimizer(name, lr=1.0 if name == "adadelta" else 0.05)
    for _ in range(400):
        heights.append(float(theta @ theta) / 2)
        optimizer.update(theta, theta.copy())
    assert heights[-1] < 0.2 * heights[0] and heights[1] < heights[0]


def random_gradients(steps=100, n=7, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, n)) * np.logspace(-3, 2, n)


@each
def test_equals_its_formula_over_100_steps(name, make, settings):
    gradients = random_gradients()
    theta = np.linspace(-1, 1, 7)
    expected = formula(name, gradients=gradients, theta=theta, **settings)
    optimizer = make(**settings)
    for g, want in zip(gradients, expected, strict=True):
        optimizer.update(theta, g)
        np.testing.assert_allclose(theta, want, rtol=1e-11, atol=1e-13)
    assert optimizer.t == 100
    assert optimizer.name == name


@each
@pytest.mark.torch
def test_equals_pytorch_over_100_steps(name, make, settings):
    torch = pytest.importorskip("torch")
    kinds = ["Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "Adamax", "NAdam", "RAdam"]
    makers = {kind.lower(): getattr(torch.optim, kind) for kind in kinds}
    if name == "lion" or (settings.get("nesterov") and "dampening" in settings):
        pytest.skip("PyTorch has none")
    makers["muon"] = lambda params, lr: torch.optim.AdamW(params, lr=lr, weight_decay=0.1)  # of a vector
    theta = np.linspace(-1, 1, 7)
    p = torch.tensor(theta.copy(), requires_grad=True)
    theirs = makers.get(name, torch.optim.SGD)([p], **settings)
    ours = make(**settings)
    for g in random_gradients(seed=1):
        p.grad = torch.tensor(g)
        theirs.step()
        ours.update(theta, g)
    assert np.abs(theta - np.linspace(-1, 1, 7)).max() > 0.01
    np.testing.assert_allclose(theta, p.detach().numpy(), rtol=1e-6, atol=1e-9)


@each
def test_float32_stays_float32_and_gradient_is_left_alone(name, make, settings):
    theta = np.linspace(-1, 1, 7, dtype=np.float32)
    g = random_gradients()[0].astype(np.float32)
    before = g.copy()
    optimizer = make(**settings)
    optimizer.lr = np.float64(0.01)
    for _ in range(3):
        optimizer.update(theta, g)
    assert theta.dtype == np.float32
    assert {v.dtype for v in optimizer.state.values()} <= {np.dtype(np.float32)}
    np.testing.assert_array_equal(g, before)


@each
def test_continues_bit_for_bit_after_save_and_load_and_copy(name, make, settings):
    gradients = random_gradients().astype(np.float32)
    theta = np.linspace(-1, 1, 7, dtype=np.float32)
    optimizer = make(**settings)
    for g in gradients[:40]:
        optimizer.update(theta, g)
    saved = optimizer.state_dict()
    fresh = make()
    fresh.load_state_dict(copy.deepcopy(saved))
    thetas = [theta, theta.copy(), theta.copy()]
    optimizers = [optimizer, fresh, optimizer.copy()]
    for g in gradients[40:]:
        for o, th in zip(optimizers, thetas, strict=True):
            o.update(th, g)
    for o, th in zip(optimizers[1:], thetas[1:], strict=True):
        np.testing.assert_array_equal(th, theta)
        assert o.t == optimizer.t == 100
        for key, vector in optimizer.state.items():
            np.testing.assert_array_equal(o.state[key], vector)
            assert o.state[key] is not vector
    assert saved["t"] == 40  # the copy that was saved has not moved on
    assert saved["settings"] == optimizer.settings()


@each
def test_no_large_temporaries(name, make, settings):
    theta, g = np.zeros(100_000, np.float32), np.ones(100_000, np.float32)
    optimizer = make(**settings)
    optimizer.update(theta, g)
    tracemalloc.start()
    optimizer.update(theta, g)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < theta.nbytes / 10


@each
def test_state_may_be_replaced_when_the_model_grows(name, make, settings):
    optimizer = make(**settings)
    theta = np.zeros(4)
    optimizer.update(theta, np.arange(4.0))
    if optimizer.state:
        with pytest.raises(ShapeError, match=r"state '\w+' has shape \(4,\), but theta has \(6,\).*reset"):
            optimizer.copy().update(np.zeros(6), np.zeros(6))
    optimizer.state = {key: np.concatenate([v, np.zeros(2)]) for key, v in optimizer.state.items()}
    grown = np.concatenate([theta, np.zeros(2)])
    optimizer.update(grown, np.arange(6.0))
    unchanged = make(**settings)
    theta = np.zeros(4)
    unchanged.update(theta, np.arange(4.0))
    unchanged.update(theta, np.arange(4.0))
    np.testing.assert_array_equal(grown[:4], theta)
    optimizer.reset()
    assert (optimizer.t, optimizer.state) == (0, {})


def test_step_updates_a_model():
    model = nn.mlp([3, 4, 2], seed=0)
    model.gradient[:] = 1
    before = model.theta.copy()
    optim.SGD(lr=0.5).step(model)
    np.testing.assert_array_equal(model.theta, before - np.float32(0.5))
    np.testing.assert_array_equal(model[0].weight.data.ravel(), model.theta[:12])


def test_lr_acts_at_the_next_update():
    theta, optimizer = np.zeros(1), optim.SGD(lr=1.0)
    optimizer.update(theta, np.ones(1))
    optimizer.lr = 0.25
    optimizer.update(theta, np.ones(1))
    optimizer.lr = 0
    optimizer.update(theta, np.ones(1))
    assert theta[0] == -1.25


def test_momentum_turned_off_and_on_starts_anew():
    theta, optimizer = np.zeros(1), optim.SGD(lr=1.0, momentum=0.5)
    optimizer.update(theta, np.ones(1))
    optimizer.momentum = 0
    optimizer.update(theta, np.ones(1))
    assert optimizer.state == {}
    assert optimizer.name == "sgd"
    optimizer.momentum = 0.5
    optimizer.update(theta, np.ones(1))
    assert theta[0] == -3


def test_centered_turned_off_and_on():
    optimizer, theta = optim.RMSProp(centered=True), np.zeros(2)
    optimizer.update(theta, np.ones(2))
    optimizer.centered = False
    optimizer.update(theta, np.ones(2))
    assert list(optimizer.state) == ["square_avg"]


def test_decoupled_decay_does_not_depend_on_the_gradient():
    """Loshchilov & Hutter 2019: in Adam parameters with large gradients hardly decay, in AdamW all decay alike."""
    shrunk = {}
    for make in (optim.Adam, optim.AdamW):
        noise = np.random.default_rng(0).choice([-1.0, 1.0], (2000, 1)) * [0.01, 100]
        theta, still = np.ones(2), np.zeros(2)
        with_decay, without = make(lr=1e-3, weight_decay=0.1), make(lr=1e-3, weight_decay=0)
        for g in noise:
            with_decay.update(theta, g)
            without.update(still, g)
        shrunk[make] = theta - still  # what the decay alone has left of 1
    np.testing.assert_allclose(shrunk[optim.AdamW], (1 - 1e-4) ** 2000, rtol=0.02)
    np.testing.assert_allclose(*shrunk[optim.AdamW], rtol=1e-6)
    assert shrunk[optim.Adam][0] < 0.2
    assert shrunk[optim.Adam][1] > 0.95


# What Kingma & Ba (2015) say about Adam


def run_adam(gradients, **settings):
    theta, optimizer = np.zeros(gradients.shape[1]), optim.Adam(**settings)
    path = [theta.copy()]
    for g in gradients:
        optimizer.update(theta, g)
        path.append(theta.copy())
    return np.array(path)


def test_adam_step_is_bounded_by_lr():
    """Section 2.1: |step| <= lr (1 - b1) / sqrt(1 - b2) if that is more than lr, as for a gradient out of the blue."""
    wild = random_gradients(steps=300, n=5, seed=3) * np.random.default_rng(4).lognormal(0, 3, (300, 5))
    steps = np.abs(np.diff(run_adam(wild, lr=0.1), axis=0))
    bound = 0.1 * (1 - 0.9) / np.sqrt(1 - 0.999)
    assert 0.05 < steps.max() <= bound
    sudden = np.zeros((1001, 1))
    sudden[-1] = 1e6
    last = np.abs(np.diff(run_adam(sudden, lr=0.1), axis=0))[-1, 0]
    assert 0.75 * bound < last <= bound  # the corrections, 1 - b2^1001, make it less than the bound
    steady = np.abs(np.diff(run_adam(np.full((50, 1), 3.0), lr=0.1), axis=0))
    np.testing.assert_allclose(steady, 0.1, rtol=1e-8)  # whatever the size of a constant gradient


def test_adam_does_not_care_about_the_scale_of_gradients():
    g = random_gradients(n=5, seed=5)
    np.testing.assert_allclose(run_adam(1024 * g, eps=1e-300), run_adam(g, eps=1e-300), rtol=0, atol=0)  # exactly
    np.testing.assert_allclose(run_adam(1000 * g), run_adam(g), rtol=1e-3)


def test_adam_eps_stands_outside_the_root_after_the_correction():
    g = random_gradients(steps=5, n=4, seed=6)
    eps, lr = 0.5, 0.1
    before_correction, m, v, theta = [np.zeros(4)], 0, 0, np.zeros(4)
    for t, gt in enumerate(g, 1):
        m, v = 0.9 * m + 0.1 * gt, 0.999 * v + 0.001 * gt**2
        theta = theta - lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + eps)
        before_correction.append(theta)
    ours = run_adam(g, lr=lr, eps=eps)
    np.testing.assert_allclose(ours[1:], formula("adam", lr, g, np.zeros(4), eps=eps), rtol=1e-12)
    assert np.abs(ours - before_correction).max() > 0.01


def test_adagrad_is_a_limit_of_adam():
    """Section 5: b1 = 0, b2 -> 1, lr / sqrt(t)."""
    g = random_gradients(n=4, seed=7)
    adam, adagrad = optim.Adam(lr=0.1, betas=(0, 1 - 1e-9), eps=1e-12), optim.AdaGrad(lr=0.1, eps=1e-12)
    a, b = np.zeros(4), np.zeros(4)
    for t, gt in enumerate(g, 1):
        adam.lr = 0.1 / np.sqrt(t)
        adam.update(a, gt)
        adagrad.update(b, gt)
    np.testing.assert_allclose(a, b, rtol=1e-5)


# Bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.SGD(lr=-1), r"lr must be a finite number, at least 0; got -1"),
        (lambda: optim.SGD(lr=float("nan")), r"lr must be .* got nan"),
        (lambda: optim.Adam(lr=float("inf")), r"lr must be .* got inf"),
        (lambda: optim.Adam(lr="0.1"), r"lr must be .* got '0.1'"),
        (lambda: optim.Adam(lr=True), r"lr must be .* got True"),
        (lambda: optim.SGD(momentum=1), r"momentum must be a finite number, at least 0 and less than 1; got 1"),
        (lambda: optim.SGD(momentum=-0.1), r"momentum must be .* got -0.1"),
        (lambda: optim.SGD(nesterov=True), r"nesterov=True needs momentum > 0"),
        (lambda: optim.SGD(momentum=0.9, nesterov="yes"), r"nesterov must be True or False; got 'yes'"),
        (lambda: optim.RMSProp(alpha=1.5), r"alpha must be .* got 1.5"),
        (lambda: optim.Adam(betas=(0.9, 1.0)), r"betas\[1\] must be .* less than 1; got 1.0"),
        (lambda: optim.Adam(betas=0.9), r"betas must be two numbers, such as \(0.9, 0.999\); got 0.9"),
        (lambda: optim.AdaGrad(eps=0), r"eps must be a finite number, greater than 0; got 0"),
        (lambda: optim.AdamW(weight_decay=-1), r"weight_decay must be a finite number, at least 0; got -1"),
        (lambda: optim.RMSProp(centered=1), r"centered must be True or False; got 1"),
        (lambda: optim.SGD(schedule=0.5), r"schedule must be None or a function of the step, such as .*; got 0.5"),
        (lambda: optim.optimizer("adm"), r"unknown optimizer 'adm'; did you mean 'adam'\?"),
        (lambda: optim.optimizer("zzz"), r"unknown optimizer 'zzz'\. Known: sgd, momentum"),
        (lambda: optim.optimizer(3), r"optimizer must be one of the names 'sgd', .*; got 3"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_a_bad_value_changes_nothing():
    optimizer = optim.SGD(lr=0.1)
    with pytest.raises(ValueError, match="lr"):
        optimizer.lr = -0.5
    assert optimizer.lr == 0.1


def test_shapes_that_differ():
    with pytest.raises(ShapeError, match=r"SGD: theta and gradient must have one shape; got \(3,\) and \(2,\)"):
        optim.SGD().update(np.zeros(3), np.zeros(2))


def test_state_of_another_optimizer_is_refused():
    with pytest.raises(ValueError, match="state of SGD cannot be loaded into Adam"):
        optim.Adam().load_state_dict(optim.SGD().state_dict())
    saved = optim.Adam().state_dict()
    saved["settings"]["lrr"] = 1
    with pytest.raises(ValueError, match="Adam has no setting 'lrr'"):
        optim.Adam().load_state_dict(saved)


# Names


def test_optimizer_by_name_class_or_instance():
    for name in optim.OPTIMIZERS:
        made = optim.optimizer(name, lr=0.25)
        assert (made.name, made.lr) == (name, 0.25)
        assert optim.optimizer(name).lr > 0
        twin = type(made)(**made.settings())
        assert twin.settings() == made.settings()
        assert twin.name == name
    assert optim.optimizer("momentum").momentum == 0.9
    assert isinstance(optim.optimizer(optim.Adam), optim.Adam)
    assert isinstance(optim.optimizer("Adam"), optim.Adam)
    mine = optim.SGD(lr=1)
    assert optim.optimizer(mine, lr=2) is mine
    assert mine.lr == 2
    assert repr(mine) == "SGD(lr=2.0, momentum=0.0, nesterov=False)"
