"""What losses know of outputs: the same whether given by name, as an object or written by hand; and what functions
are good for as losses."""

from inspect import signature

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nbprop import nn
from nbprop.engine import ShapeError, Tensor, no_grad, record
from nbprop.nn.likeness import unlike
from nbprop.nn.module import changes

RNG = np.random.default_rng(0)
Z1, Z3 = (RNG.normal(size=(200, k)).astype(np.float32) * 3 for k in (1, 3))
Y2, Y3 = RNG.integers(0, 2, 200), RNG.integers(0, 3, 200)
LABELS = RNG.integers(0, 2, (200, 3))


def sigmoid(z):
    return 1 / (1 + np.exp(-z.astype(np.float64)))


def column(y):
    return y[:, None].astype(np.float32)


# By hand, with y as it is in the data: (a function, the loss of the house with the same formula).
BY_HAND = {
    "bce": (lambda z, y: (z.softplus() - column(y) * z).mean(), nn.BCEWithLogitsLoss()),
    "mse": (lambda z, y: ((z - column(y)) ** 2).mean(), nn.MSELoss()),
    "hinge": (lambda z, y: (1 - (2 * column(y) - 1) * z).relu().mean(), nn.HingeLoss()),
    "summed": (lambda z, y: (z.softplus() - column(y) * z).sum(), nn.BCEWithLogitsLoss()),
    "flat": (lambda z, y: (z[:, 0].softplus() - y.astype(np.float32) * z[:, 0]).mean(), nn.BCEWithLogitsLoss()),
}


@pytest.mark.parametrize(
    ("loss", "right"), [("bce", lambda z: z > 0), ("hinge", lambda z: z > 0), ("mse", lambda z: z > 0.5)]
)
@pytest.mark.parametrize("made", [lambda name: name, lambda name: nn.LOSSES[name], lambda name: nn.LOSSES[name]()])
def test_two_classes(loss, right, made):
    known = nn.loss(made(loss))
    np.testing.assert_array_equal(known.target(Y2, 1, "binary"), column(Y2))
    np.testing.assert_array_equal(known.correct(Z1, Y2, "binary"), right(Z1[:, 0]) == Y2)
    p = known.probabilities(Z1, "binary")
    expected = {"bce": sigmoid(Z1), "hinge": np.clip((Z1 + 1) / 2, 0, 1), "mse": np.clip(Z1, 0, 1)}[loss]
    np.testing.assert_allclose(p, expected, atol=1e-6)
    value = known(Tensor(Z1, True), known.target(Y2, 1, "binary"))
    assert value.shape == ()


@pytest.mark.parametrize("loss", ["cross_entropy", nn.CrossEntropyLoss, nn.CrossEntropyLoss(label_smoothing=0.1)])
def test_several_classes(loss):
    known = nn.loss(loss)
    assert known.target(Y3, 3, "multiclass") is Y3
    p = known.probabilities(Z3, "multiclass")
    np.testing.assert_allclose(p, np.exp(Z3) / np.exp(Z3).sum(-1, keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(known.correct(Z3, Y3, "multiclass"), Z3.argmax(-1) == Y3)
    assert known.tasks == ("multiclass",)


def test_squared_error_of_several_classes():
    known = nn.MSELoss()
    np.testing.assert_array_equal(known.target(Y3, 3, "multiclass"), np.eye(3)[Y3])
    np.testing.assert_array_equal(known.probabilities(Z3, "multiclass"), np.clip(Z3, 0, 1))
    np.testing.assert_array_equal(known.correct(Z3, Y3), Z3.argmax(-1) == Y3)


def test_regression():
    y = RNG.normal(size=(200, 3)).astype(np.float32)
    for known in (nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(0.5), nn.loss(lambda z, y: ((z - y) ** 4).mean())):
        assert known.target(y, 3, "regression") is y
        assert known.probabilities(Z3, "regression") is Z3
        assert known.correct(Z3, y, "regression") is None
        assert known.correct(Z3, y) is None


@pytest.mark.parametrize(
    "loss", [nn.BCEWithLogitsLoss(), lambda z, y: (z.softplus() - y.astype(np.float32) * z).mean()]
)
def test_labels_that_do_not_exclude_each_other(loss):
    known = nn.loss(loss)
    target = known.target(LABELS, 3, "multilabel")
    assert target.shape == LABELS.shape
    np.testing.assert_allclose(known.probabilities(Z3, "multilabel"), sigmoid(Z3), atol=1e-5)
    np.testing.assert_array_equal(known.correct(Z3, LABELS, "multilabel"), (Z3 > 0) == LABELS)
    assert known(Tensor(Z3, True), target).item() == pytest.approx(
        nn.loss("bce")(Z3, LABELS.astype(np.float32)).item(), rel=1e-5
    )


def test_a_class_at_every_time_step():
    z, y = Z1.reshape(20, 10, 1), Y2.reshape(20, 10)
    by_hand = nn.loss(lambda z, y: (z.softplus() - y[..., None].astype(np.float32) * z).mean())
    for known in (nn.loss("bce"), by_hand):
        np.testing.assert_array_equal(known.correct(z, y, "binary"), (z[..., 0] > 0) == y)
        np.testing.assert_allclose(known.probabilities(z, "binary"), sigmoid(z), atol=1e-5)


# Functions are asked


@pytest.mark.parametrize("name", BY_HAND)
def test_a_loss_by_hand_means_what_the_loss_of_the_house_means(name):
    function, house = BY_HAND[name]
    known = nn.loss(function)
    assert isinstance(known, nn.FunctionLoss)
    assert known.target(Y2, 1, "binary") is Y2
    np.testing.assert_array_equal(known.correct(Z1, Y2, "binary"), house.correct(Z1, Y2, "binary"))
    p = known.probabilities(Z1, "binary")
    assert p.dtype == np.float32
    if name == "hinge":  # between the margins any probability will do
        np.testing.assert_array_equal(p[np.abs(Z1) > 1], Z1[np.abs(Z1) > 1] > 0)
    else:
        np.testing.assert_allclose(p, house.probabilities(Z1, "binary"), atol=1e-5)


@given(weight=st.floats(0.1, 10), z=st.floats(-6, 6), side=st.sampled_from([1, -1]))
def test_the_probability_is_that_for_which_the_output_is_the_best_answer(weight, z, side):
    """Class weights: the output is best where w p (1 - s) = (1 - p) s. And z may mean class 0."""
    w = np.array([1.0, weight])

    def loss(z, y):
        z = z[:, 0] * float(side)
        return (w[y] * (z.softplus() - y.astype(float) * z)).mean()

    s = sigmoid(np.array(side * z))
    known, output = nn.loss(loss), np.array([[z]])
    np.testing.assert_allclose(known.probabilities(output), [[s / (s + weight * (1 - s))]], rtol=1e-6)
    cost = [float(loss(Tensor(output), np.array([c])).data) for c in (0, 1)]
    if abs(cost[0] - cost[1]) > 1e-5:
        assert known.says(output).item() == (cost[1] < cost[0])


def test_a_function_that_changes_its_mind_is_asked_anew():
    shift = [0.0]
    known = nn.loss(lambda z, y: ((z - column(y) - shift[0]) ** 2).mean())
    for shift[0] in (0.0, 2.0, -3.0):
        np.testing.assert_array_equal(known.says(Z1), 0.5 + shift[0] < Z1)


def test_far_outputs_are_sure():
    known = nn.loss(lambda z, y: -(column(y) * z.sigmoid().clip(1e-6, 1).log()).mean() - (
        (1 - column(y)) * (1 - z.sigmoid()).clip(1e-6, 1).log()
    ).mean())  # fmt: skip
    far = np.array([[-40], [40]], np.float32)
    np.testing.assert_array_equal(known.probabilities(far), [[0], [1]])


def test_a_function_that_says_nothing_of_classes():
    with pytest.raises(
        ValueError, match=r"does not say what an output means: .* found 0\. Make a subclass of nb\.nn\."
    ):
        nn.loss(lambda z, y: (z**2).mean()).correct(Z1, Y2)
    with pytest.raises(ValueError, match="found 2"):
        nn.loss(lambda z, y: (z**2 * (2 * column(y) - 1) + column(y) * -4).mean()).correct(Z1, Y2)


def test_a_loss_class_of_ones_own():
    class Fourth(nn.Loss):
        def value(self, prediction, target):
            return ((prediction - target) ** 4).mean()

    known = nn.loss(Fourth)
    np.testing.assert_array_equal(known.correct(Z1, Y2), (Z1[:, 0] > 0.5) == Y2)
    p = known.probabilities(np.array([[0.25]]), "binary")
    np.testing.assert_allclose(p, 0.25**3 / (0.25**3 + 0.75**3))
    assert known(Tensor(Z1), known.target(Y2, 1)).shape == ()


def test_a_first_look_leaves_a_recording_as_it_is():
    known, z = nn.loss(BY_HAND["bce"][0]), Tensor(Z1, requires_grad=True)
    counts = []
    for _ in range(2):
        with record() as tape:
            known(z, Y2)
        counts.append(len(tape.nodes))
    assert counts[0] == counts[1] > 2


# What nn.loss takes


def test_what_becomes_a_loss():
    mine = nn.HuberLoss(0.5)
    assert nn.loss(mine) is mine
    assert type(nn.loss(nn.MSELoss)) is nn.MSELoss
    wrapped = nn.loss(nn.CTCLoss)
    assert isinstance(wrapped.function, nn.CTCLoss)
    assert "CTCLoss" in repr(wrapped)
    assert "my_loss" in repr(nn.loss(type("F", (), {"__call__": len, "__repr__": lambda self: "my_loss"})()))
    for wrong in (3, None, float):
        with pytest.raises(TypeError, match="loss must be one of the names 'mse'"):
            nn.loss(wrong)
    with pytest.raises(ValueError, match=r"unknown loss 'bec'; did you mean 'bce'\?"):
        nn.loss("bec")


def test_functions_are_not_replayed_unless_they_say_so():
    def function(z, y):
        return z.mean()

    class Mine(nn.Module):
        forward = staticmethod(function)

    assert "not static" in unlike(nn.loss(function))
    assert "(Mine) is a class of your own" in unlike(nn.loss(Mine()))
    assert unlike(nn.loss(nn.CTCLoss())) == ""
    function.static = True
    assert unlike(nn.loss(function)) == ""
    assert all(unlike(nn.loss(name)) == "" for name in nn.LOSSES)


def test_asking_and_computing_count_as_no_change():
    known = nn.loss(BY_HAND["bce"][0])
    before = changes()
    known(Tensor(Z1, True), Y2).backward()
    known.correct(Z1, Y2)
    known.probabilities(Z1)
    assert changes() == before


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda z, y: (z - column(y)) ** 2, ShapeError, r"one number, got shape \(200, 1\): take its mean"),
        (lambda z, y: z[:, 0], ShapeError, r"one number, got shape \(200,\): take its mean"),
        (lambda z, y: float(z.data.mean()), TypeError, "must give a Tensor, got float: compute it with the methods of"),
        (
            lambda z, y: ((z - y) ** 2).mean(),
            ShapeError,
            r"\(200, 1\) meet \(200,\).*all with all, \(200, 200\): try y",
        ),
        (lambda z, y: (y * z.tanh()).sum(), ShapeError, r"lets \(200, 1\) meet \(200,\)"),
        (lambda z, y: nn.MSELoss()(z, y), ShapeError, r"target of the prediction's shape \(200, 1\); got \(200,\)"),
    ],
)
def test_functions_that_are_no_loss(function, error, message):
    known = nn.loss(function)
    y = Y2.astype(np.float32)
    for _ in range(2):
        with pytest.raises(error, match=message):
            known(Tensor(Z1, requires_grad=True), y)
        with no_grad(), pytest.raises(error, match=message):
            known(Tensor(Z1), y)
        with record(), pytest.raises(error, match=message):
            known(Tensor(Z1), Tensor(y) if "meet" in message else y)


def test_functions_that_compare_pairs_on_purpose():
    weights = RNG.uniform(size=200).astype(np.float32)
    for function in (
        lambda z, y: (z - z.swapaxes(0, 1)).abs().mean(),
        lambda z, y: (z - z[:, 0]).abs().mean(),
        lambda z, y: (weights @ z).mean(),
        lambda z, y: (z[:, 0] * weights).mean(),
        lambda z, y: (z * weights[:, None]).mean().reshape(1, 1),
    ):
        assert nn.loss(function)(Tensor(Z1, requires_grad=True), Y2).shape == ()
        with no_grad():
            assert nn.loss(function)(Tensor(Z1), Y2).shape == ()
    assert nn.loss(lambda z, y: (z * y).sum())(Tensor(Z1[:1], requires_grad=True), np.ones(1)).shape == ()


@pytest.mark.parametrize("kind", nn.LOSSES.values())
@pytest.mark.parametrize(
    ("name", "hint"),
    [("ignore_index", "keep"), ("weight", "of your own"), ("pos_weight", "own"), ("reduce", "reduction=")],
)
def test_settings_that_pytorch_has(kind, name, hint):
    if name in signature(kind).parameters:
        assert hasattr(kind(), name)
        return
    with pytest.raises(TypeError, match=rf"{kind.__name__} has no '{name}': .*{hint}"):
        kind(**{name: 1})


@pytest.mark.parametrize("name", ["mse", "mae", "huber"])
def test_rows_are_not_compared_with_columns(name):
    for z, y in ((Z1, Z1[:, 0]), (Z1[:, 0], Z1), (Z3, Z1), (Z1, Z1.T)):
        with pytest.raises(ShapeError, match="expects a target of the prediction's shape"):
            nn.loss(name)(Tensor(z, True), y)
