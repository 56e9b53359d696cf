"""Losses: values, gradients, extremes, errors."""

import warnings

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from nbprop import nn
from nbprop.engine import Replay, ShapeError, Tensor, check_gradient, no_grad, record

rng = np.random.default_rng(0)
Z = rng.normal(size=(6, 3)) * 3
P = rng.uniform(0.05, 0.95, size=(6, 3))
Q = rng.dirichlet(np.ones(3), 6)
COUNTS = rng.poisson(2.0, (6, 3)).astype(float)


def log_softmax(z):
    return z - anp.log(anp.sum(anp.exp(z), axis=1, keepdims=True))


CASES = {
    "mse": (rng.normal(size=(6, 3)), lambda z, y: anp.mean((z - y) ** 2)),
    "mae": (rng.normal(size=(6, 3)), lambda z, y: anp.mean(anp.abs(z - y))),
    "huber": (
        rng.normal(size=(6, 3)),
        lambda z, y: anp.mean(anp.where(anp.abs(z - y) <= 1, (z - y) ** 2 / 2, anp.abs(z - y) - 0.5)),
    ),
    "smooth_l1": (
        rng.normal(size=(6, 3)),
        lambda z, y: anp.mean(anp.where(anp.abs(z - y) <= 1, (z - y) ** 2 / 2, anp.abs(z - y) - 0.5)),
    ),
    "bce": (
        rng.uniform(size=(6, 3)),
        lambda z, y: -anp.mean(y * anp.log(1 / (1 + anp.exp(-z))) + (1 - y) * anp.log(1 / (1 + anp.exp(z)))),
    ),
    "cross_entropy": (
        rng.integers(0, 3, 6),
        lambda z, y: -anp.mean(log_softmax(z)[np.arange(6), y]),
    ),
    "hinge": (
        rng.integers(0, 2, (6, 3)),
        lambda z, y: anp.mean(anp.maximum(0, 1 - np.where(y == 1, 1, -1) * z)),
    ),
    "multi_margin": (
        rng.integers(0, 3, 6),
        lambda z, y: anp.mean(
            anp.sum(anp.maximum(0, 1 - z[np.arange(6), y][:, None] + z) * (1 - np.eye(3)[y]), axis=1) / 3
        ),
    ),
    "binary_cross_entropy": (
        rng.uniform(size=(6, 3)),
        lambda p, y: -anp.mean(y * anp.log(p) + (1 - y) * anp.log(1 - p)),
    ),
    "nll": (rng.integers(0, 3, 6), lambda x, y: -anp.mean(x[np.arange(6), y])),
    "kl_div": (Q, lambda x, q: anp.mean(q * (np.log(q) - x))),
    "poisson_nll": (COUNTS, lambda x, y: anp.mean(anp.exp(x) - y * x)),
}
INPUTS = {"binary_cross_entropy": P, "BCELoss": P}  # others take any numbers
names = pytest.mark.parametrize("name", CASES)


def test_all_are_listed():
    assert list(nn.LOSSES) == list(CASES)


@names
def test_value_and_gradient(name):
    (y, formula), x = CASES[name], INPUTS.get(name, Z)
    z = Tensor(x, requires_grad=True)
    value = nn.loss(name)(z, y)
    assert value.shape == ()
    np.testing.assert_allclose(value.item(), formula(x, y), rtol=1e-10)
    value.backward()
    np.testing.assert_allclose(z.grad, autograd.grad(formula)(x, y), rtol=1e-8, atol=1e-12)
    check_gradient(lambda z: nn.loss(name)(z, y), x)


@names
def test_sums_and_each_by_itself(name):
    y, x = CASES[name][0], INPUTS.get(name, Z)
    values, slopes = {}, {}
    for reduction in ("mean", "sum", "none"):
        z = Tensor(x, requires_grad=True)
        values[reduction] = type(nn.loss(name))(reduction=reduction)(z, y)
        values[reduction].sum().backward()
        slopes[reduction] = z.grad
    each = values["none"].data
    assert each.shape == (y.shape if y.ndim == 1 else (6, 3))
    np.testing.assert_allclose(values["sum"].item(), each.sum(), rtol=1e-12)
    np.testing.assert_allclose(values["mean"].item(), each.mean(), rtol=1e-12)
    np.testing.assert_allclose(slopes["sum"], slopes["none"], rtol=1e-12)
    np.testing.assert_allclose(slopes["mean"] * each.size, slopes["sum"], rtol=1e-10, atol=1e-14)


SOFT = rng.dirichlet(np.ones(3), 6)
SETTINGS = [
    ("HuberLoss", {"delta": 2.5}, CASES["huber"][0]),
    ("CrossEntropyLoss", {}, SOFT),
    ("CrossEntropyLoss", {"label_smoothing": 0.3}, SOFT),
    ("CrossEntropyLoss", {"label_smoothing": 0.3}, CASES["cross_entropy"][0]),
]
FORMULAS = [
    lambda z, y: anp.mean(anp.where(anp.abs(z - y) <= 2.5, (z - y) ** 2 / 2, 2.5 * (anp.abs(z - y) - 1.25))),
    lambda z, y: -anp.mean(anp.sum(y * log_softmax(z), axis=1)),
    lambda z, y: -anp.mean(anp.sum((0.7 * y + 0.1) * log_softmax(z), axis=1)),
    lambda z, y: -anp.mean(anp.sum((0.7 * np.eye(3)[y] + 0.1) * log_softmax(z), axis=1)),
]


@pytest.mark.parametrize(
    ("name", "settings", "y", "formula"), [(*s, f) for s, f in zip(SETTINGS, FORMULAS, strict=True)]
)
def test_settings(name, settings, y, formula):
    criterion = getattr(nn, name)(**settings)
    z = Tensor(Z, requires_grad=True)
    value = criterion(z, y)
    np.testing.assert_allclose(value.item(), formula(Z, y), rtol=1e-10)
    value.backward()
    np.testing.assert_allclose(z.grad, autograd.grad(formula)(Z, y), rtol=1e-8, atol=1e-12)
    assert all(f"{key}={v}" in repr(criterion) for key, v in settings.items())


W3, CLASSES = (0.5, 2.0, 1.25), CASES["cross_entropy"][0]
BITS = CASES["bce"][0]
WITH = [  # settings of PyTorch's, beyond those above
    *[
        ("BCEWithLogitsLoss", s, BITS)
        for s in ({"weight": W3}, {"pos_weight": W3}, {"weight": (2.0,), "pos_weight": W3})
    ],
    ("BCELoss", {"weight": W3}, BITS),
    ("NLLLoss", {"weight": W3}, CLASSES),
    ("NLLLoss", {"weight": W3, "ignore_index": 1}, CLASSES),
    ("NLLLoss", {"ignore_index": -100}, np.where(CLASSES == 2, -100, CLASSES)),
    ("CrossEntropyLoss", {"weight": W3}, CLASSES),
    ("CrossEntropyLoss", {"weight": W3, "ignore_index": 1, "label_smoothing": 0.3}, CLASSES),
    ("CrossEntropyLoss", {"ignore_index": -7, "label_smoothing": 0.3}, np.where(CLASSES == 2, -7, CLASSES)),
    ("CrossEntropyLoss", {"weight": W3}, SOFT),
    ("CrossEntropyLoss", {"weight": W3, "label_smoothing": 0.3}, SOFT),
    ("SmoothL1Loss", {"beta": 0.25}, CASES["mse"][0]),
    ("SmoothL1Loss", {"beta": 0.0}, CASES["mse"][0]),
    ("KLDivLoss", {"log_target": True}, np.log(Q)),
    ("KLDivLoss", {"reduction": "batchmean"}, Q),
    ("KLDivLoss", {}, np.array([[0, 0.25, 0.75]] * 6)),
    ("PoissonNLLLoss", {"log_input": False, "eps": 1e-3}, COUNTS),
    ("MultiMarginLoss", {"p": 2, "margin": 0.5}, CLASSES),
    ("MultiMarginLoss", {"weight": W3}, CLASSES),
]
TORCH = [(type(nn.loss(name)).__name__, {}, y) for name, (y, _) in CASES.items() if name != "hinge"] + SETTINGS + WITH


@pytest.mark.parametrize(("name", "settings", "y"), TORCH)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.torch
def test_against_pytorch(name, settings, y, reduction):
    torch = pytest.importorskip("torch")
    given = {k: torch.tensor(v, dtype=torch.float64) if isinstance(v, tuple) else v for k, v in settings.items()}
    made = [(nn, settings), (torch.nn, given)]
    ours, theirs = (getattr(library, name)(**{"reduction": reduction, **each}) for library, each in made)
    x = np.abs(Z) if "log_input" in settings else INPUTS.get(name, Z)
    z, t = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "batchmean is what you want"
        a, b = ours(z, y), theirs(t, torch.tensor(y))
    assert a.shape == tuple(b.shape)
    dy = np.random.default_rng(1).normal(size=a.shape)
    a.backward(dy)
    b.backward(torch.tensor(dy))
    np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(z.grad, t.grad.numpy(), rtol=1e-12, atol=1e-14)


def test_classes_at_every_time_step_are_weighted_and_ignored_as_in_one_row():
    z, y = Tensor(Z.reshape(2, 3, 3), requires_grad=True), np.where(CLASSES == 2, -1, CLASSES)
    settings = {"weight": W3, "ignore_index": -1, "label_smoothing": 0.1, "dim": -1}
    one, other = nn.CrossEntropyLoss(**settings)(z, y.reshape(2, 3)), nn.CrossEntropyLoss(**settings)(Z, y)
    assert one.item() == pytest.approx(other.item(), rel=1e-14)
    assert nn.CrossEntropyLoss(**settings, reduction="none")(z, y.reshape(2, 3)).shape == (2, 3)
    one.backward()
    assert (z.grad.reshape(6, 3)[y == -1] == 0).all() and (z.grad.reshape(6, 3)[y != -1] != 0).all()


def test_settings_are_given_as_lists_arrays_or_tensors():
    for w in (W3, list(W3), np.array(W3), Tensor(list(W3))):
        assert nn.CrossEntropyLoss(w).weight == pytest.approx(W3) and nn.NLLLoss(weight=w)(Z, CLASSES).shape == ()
    assert nn.BCEWithLogitsLoss(pos_weight=3).pos_weight == (3.0,)
    assert repr(nn.CrossEntropyLoss(W3, -1)) == "CrossEntropyLoss(weight=(0.5, 2.0, 1.25), ignore_index=-1)"
    assert repr(nn.MSELoss("sum")) == "MSELoss(reduction='sum')" and repr(nn.MSELoss()) == "MSELoss()"
    assert repr(nn.SmoothL1Loss()) == "SmoothL1Loss(beta=1.0)"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.MSELoss("average"), ValueError, r"reduction must be one of 'mean', 'sum', 'none'; got 'average'"),
        (lambda: nn.MSELoss("nonne"), ValueError, r"did you mean 'none'\?"),
        (lambda: nn.MSELoss("batchmean"), ValueError, r"reduction must be"),
        (lambda: nn.CrossEntropyLoss(0.2)(Z, CLASSES), ShapeError, r"NLL cannot take .* weight has 1 numbers for 3 cl"),
        (lambda: nn.NLLLoss([1, 2])(Z, CLASSES), ShapeError, r"weight has 2 numbers for 3 classes"),
        (lambda: nn.NLLLoss([1, -2, 1]), ValueError, r"weight\[1\] must be .* at least 0; got -2"),
        (lambda: nn.NLLLoss(np.eye(3)), TypeError, r"weight must be None or a list of numbers, one for each class"),
        (lambda: nn.NLLLoss("balanced"), TypeError, r"weight must be .*; got 'balanced'; try \[1.0, 5.0\]"),
        (lambda: nn.NLLLoss(ignore_index=1.5), TypeError, r"ignore_index must be None or an integer.*; got 1.5"),
        (lambda: nn.NLLLoss()(Z, CLASSES - 100), IndexError, r"NLL takes class numbers from 0 to 2: got -100 to -98"),
        (lambda: nn.NLLLoss(ignore_index=1)(Z, CLASSES * 0 + 1), ShapeError, r"targets that count have no weight"),
        (lambda: nn.NLLLoss()(Z, CLASSES * 1.0), TypeError, r"^NLL takes class numbers as integers: got float64; try"),
        (lambda: nn.NLLLoss()(Z, Q), ShapeError, r"\(6, 3\) and \(6, 3\).*sizes do not agree.*argmax"),
        (lambda: nn.CrossEntropyLoss(ignore_index=0)(Z, Q), ValueError, r"ignore_index is of class numbers, and t"),
        (lambda: nn.BCEWithLogitsLoss(pos_weight=[1, 2])(Z, BITS), ShapeError, r"pos_weight of 2 labels.*\(6, 3\)"),
        (lambda: nn.BCEWithLogitsLoss([1, 2])(Z[:, :1], BITS[:, :1]), ShapeError, r"weight of 2 labels.*\(6, 1\)"),
        (lambda: nn.BCEWithLogitsLoss(pos_weight=2)(Z, 2 * BITS), ValueError, r"takes targets from 0 to 1: got"),
        (lambda: nn.BCELoss()(Z, BITS), ValueError, r"BCE takes probabilities from 0 to 1: got -"),
        (lambda: nn.KLDivLoss()(Z, np.log(Q)), ValueError, r"expects probabilities as target; got -.*log_target=True"),
        (lambda: nn.KLDivLoss(log_target=1), TypeError, r"log_target must be True or False; got 1"),
        (lambda: nn.PoissonNLLLoss()(Z, -COUNTS), ValueError, r"PoissonNLLLoss expects counts, at least 0; got -"),
        (lambda: nn.MultiMarginLoss(3), TypeError, r"p must be 1 or 2; got 3"),
        (lambda: nn.PoissonNLLLoss(full=True), TypeError, r"has no 'full': it would add what depends on the targets a"),
        (lambda: nn.MSELoss(size_average=False), TypeError, r"MSELoss has no 'size_average': write reduction='mean'"),
        (lambda: nn.L1Loss(reduce=False), TypeError, r"L1Loss has no 'reduce': write reduction='mean', 'sum' or"),
    ],
)  # fmt: skip
def test_bad_settings(make, error, message):
    with pytest.raises(error, match=message), no_grad():
        make()


def test_logits_of_any_size():
    for size in (100.0, 1000.0, 1e6):
        z = Tensor(np.array([[-size], [size], [-size], [size]], np.float32), requires_grad=True)
        value = nn.BCEWithLogitsLoss()(z, [[0], [1], [1], [0]])
        np.testing.assert_allclose(value.item(), size / 2)
        value.backward()
        np.testing.assert_allclose(z.grad.ravel(), [0, 0, -0.25, 0.25], atol=1e-7)
        z = Tensor(np.array([[size, -size, 0], [size, -size, 0]], np.float32), requires_grad=True)
        value = nn.CrossEntropyLoss()(z, [0, 1])
        np.testing.assert_allclose(value.item(), size)
        value.backward()
        np.testing.assert_allclose(z.grad, [[0, 0, 0], [0.5, -0.5, 0]], atol=1e-7)


def test_targets_of_other_dtypes_and_lists():
    z = Tensor([[0.5], [2.0]])
    expected = np.mean([0.25, 4])
    for y in ([[1], [0]], np.array([[1], [0]]), np.array([[1.0], [0.0]]), Tensor([[1], [0]])):
        value = nn.MSELoss()(z, y)
        assert value.dtype == np.float32
        np.testing.assert_allclose(value.item(), expected)
    for y in ([1, 0], [[1], [0]], np.array([True, False]), np.array([1, 0], np.uint8)):
        assert nn.BCEWithLogitsLoss()(z, y).dtype == np.float32


REPLAYED = [(nn.loss(name), y) for name, (y, _) in CASES.items()] + [
    *[(getattr(nn, name)(**settings), y) for name, settings, y in WITH if name != "BCELoss"],
    *[(type(nn.loss(name))(reduction="sum"), y) for name, (y, _) in CASES.items()],
    (nn.MSELoss(), CASES["hinge"][0]),  # whole numbers, converted
    (nn.BCEWithLogitsLoss(), CASES["hinge"][0]),
    (nn.CrossEntropyLoss(label_smoothing=0.2), SOFT),
    (nn.CrossEntropyLoss(label_smoothing=0.2), CASES["cross_entropy"][0]),
]


@pytest.mark.parametrize(("criterion", "y"), REPLAYED)
def test_a_replay_sees_new_targets(criterion, y):
    x, y = Tensor(np.ones((6, 2), np.float32)), y.copy()
    model = nn.mlp([2, 3], seed=0)
    model = nn.Sequential(*model, nn.Sigmoid()) if isinstance(criterion, nn.BCELoss) else model
    if not getattr(criterion, "log_input", True):
        model = nn.Sequential(*model, nn.Softplus())
    model.zero_grad()
    with record() as tape:
        value = criterion(model(x), y)
    step = Replay(tape, value)
    step.backward()
    y[:] = y[::-1].copy()
    x.data[:] = rng.normal(size=x.shape)
    step.forward()
    step.backward()
    replayed = model.gradient.copy()
    model.zero_grad()
    again = criterion(model(x), y)
    again.backward()
    assert value.item() == again.item()
    assert replayed.any()
    np.testing.assert_array_equal(model.gradient, replayed)


@pytest.mark.parametrize(
    ("name", "z", "y", "error", "message"),
    [
        ("mse", (4, 1), np.zeros(4), ShapeError, r"\(4, 1\).*\(4,\)"),
        ("mse", (4, 2), np.zeros((4, 1)), ShapeError, r"\(4, 2\).*\(4, 1\)"),
        ("mse", (0, 2), np.zeros((0, 2)), ShapeError, r"empty batch.*\(0, 2\)"),
        ("mae", (4, 1), np.zeros(4), ShapeError, r"L1Loss expects .* \(4, 1\); got \(4,\)\. Try y.reshape\(4, 1\)"),
        ("huber", (4, 2), np.zeros((4, 1)), ShapeError, r"HuberLoss expects .* \(4, 2\); got \(4, 1\)$"),
        ("hinge", (4, 1), -np.ones(4), ValueError, r"HingeLoss takes targets from 0 to 1: got -1.0 to -1.0"),
        ("cross_entropy", (2, 2), np.ones((2, 2)), ValueError, r"probabilities.*sums from 2.0 to 2.0"),
        ("cross_entropy", (2, 2), np.array([[2.0, -1], [1, 0]]), ValueError, r"probabilities.*values from -1.0"),
        ("cross_entropy", (2, 2), np.array([[1, 0], [1, 0]]), ShapeError, r"argmax"),
        ("bce", (4, 1), np.full((4, 1), 2), ValueError, r"BCEWithLogits takes targets from 0 to 1: got 2.0 to 2.0"),
        ("bce", (2, 1), np.array([[0], [np.nan]]), ValueError, r"targets from 0 to 1: got nan to nan"),
        ("bce", (4, 2), np.zeros(4), ShapeError, r"\(4, 2\).*\(4,\)"),
        ("cross_entropy", (4, 3), np.array([0, 1, 2, 3]), IndexError, r"class numbers from 0 to 2: got 0 to 3"),
        ("cross_entropy", (4, 3), np.array([0, -1, 2, 1]), IndexError, r"class numbers from 0 to 2: got -1 to 2"),
        (
            "cross_entropy",
            (4, 3),
            np.zeros(4),
            TypeError,
            r"^CrossEntropy takes class numbers as integers: got",
        ),
        ("cross_entropy", (4, 3), np.zeros((4, 1), int), ShapeError, r"\(4, 3\) and \(4, 1\)"),
    ],
)
def test_bad_targets(name, z, y, error, message):
    with pytest.raises(error, match=message):
        nn.loss(name)(Tensor(np.zeros(z)), y)


def test_by_name_class_or_instance():
    for name, kind in nn.LOSSES.items():
        assert type(nn.loss(name)) is type(nn.loss(kind)) is kind
        assert nn.loss(name).name == name
    with pytest.raises(ValueError, match=r"label_smoothing must be .*; got 1"):
        nn.CrossEntropyLoss(label_smoothing=1)
    with pytest.raises(ValueError, match=r"delta must be .*; got 0"):
        nn.HuberLoss(0)
    mine = nn.MSELoss()
    assert nn.loss(mine) is mine
    with pytest.raises(ValueError, match=r"unknown loss 'cross_entrpy'; did you mean 'cross_entropy'\?"):
        nn.loss("cross_entrpy")


# ---- the axis of the classes -----------------------------------------------------------------------------------------


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (2, 3, 4, 5), (2, 3, 4, 3), (2, 3, 3), (2, 3, 3, 3)])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_classes_second_as_pytorch_has_them(shape, reduction):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=shape), rng.integers(0, 3, size=(*shape[:1], *shape[2:]))
    q = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    for kind, target in ((nn.CrossEntropyLoss, y), (nn.CrossEntropyLoss, q), (nn.NLLLoss, y)):
        x, other = Tensor(z, requires_grad=True), torch.tensor(z, requires_grad=True)
        loss = kind(reduction=reduction, weight=[1.0, 2.0, 0.5], dim=1)(x, target)
        weight = torch.tensor([1.0, 2.0, 0.5]).double()
        expected = getattr(torch.nn, kind.__name__)(weight, reduction=reduction)(other, torch.tensor(target))
        np.testing.assert_allclose(loss.data, expected.detach().numpy(), atol=1e-12)
        loss.sum().backward(), expected.sum().backward()
        np.testing.assert_allclose(x.grad, other.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("kind", [nn.CrossEntropyLoss, nn.NLLLoss])
def test_the_axis_of_the_classes_is_the_one_that_fits_and_said_where_two_do(kind):
    rng = np.random.default_rng(0)
    for shape, target, dim in (((2, 3, 5), (2, 5), 1), ((2, 5, 3), (2, 5), -1), ((2, 3, 4, 3), (2, 4, 3), 1)):
        z, y = rng.normal(size=shape), rng.integers(0, 3, size=target)
        assert kind()(z, y).item() == kind(dim=dim)(z, y).item()
    for shape, target in (((2, 3, 3), (2, 3)), ((2, 3, 3, 3), (2, 3, 3))):
        z, y = rng.normal(size=shape), rng.integers(0, 3, size=target)
        with pytest.raises(
            ShapeError, match=r"in shapes \(2, 3, 3.* the classes may be in axis 1, .*; say dim=1 or dim=-1"
        ):
            kind()(z, y)
        assert kind(dim=1)(z, y).item() != kind(dim=-1)(z, y).item()
        assert kind(dim=1)(z, y).item() == pytest.approx(kind(dim=-1)(np.moveaxis(z, 1, -1), y).item())
    with pytest.raises(TypeError, match="dim must be None or an integer"):
        kind(dim="1")
    assert repr(kind(dim=1)) == f"{kind.__name__}(dim=1)"
