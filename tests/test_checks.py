"""The checks of what a user gives: the same mistake gets the same exception, in the same words, everywhere."""

import math
from fractions import Fraction

import numpy as np
import pytest

from nbprop import checks, nn, optim

NAN = float("nan")


@pytest.mark.parametrize(
    ("check", "good", "wrong_value", "wrong_kind"),
    [
        (checks.number(), [0, -1.5, np.float32(2), Fraction(1, 2)], [NAN, math.inf, 10**400], ["1", None, True, [1]]),
        (checks.number(0, 1), [0, 0.5], [1, -0.1], [np.True_, 1j]),
        (checks.number(above=0), [1e-9], [0, -1], ["x"]),
        (checks.share, [0, 1, 0.5], [-0.1, 1.1, NAN], [True, "half"]),
        (checks.size, [1, np.int64(3)], [0, -1], [2.5, 3.0, "3", None, True, np.True_, [2], NAN, math.inf]),
        (checks.whole(), [0, 7], [-1], [0.0]),
        (checks.whole(2, 4), [2, 4], [1, 5], ["2"]),
        (checks.flag, [True, np.False_], [], [1, 0, "yes", None]),
        (checks.choice("tanh", "none"), ["tanh"], ["tan"], [3, None]),
        (checks.choice("a", None), ["a", None], ["b"], [0]),
        (checks.optional(checks.size), [None, 2], [0], ["2", 2.5]),
        (checks.instance(nn.Module), [nn.Tanh()], [], ["tanh", nn.Tanh]),
        (
            lambda name, value: checks.per_axis(name, value, 2),
            [2, (1, 2), [3, 4]],
            [0, (1, 0), (1, 2, 3)],
            [1.5, (1, "2"), (True, 1), None],
        ),
        (checks.two(checks.number(0, 1)), [(0.9, 0.99), [0, 0]], [(0.9, 1), (0.9,)], [0.9, "ab", (0.9, "b")]),
        (checks.sizes, [[2, 3], (), np.array([4])], [[2, 0]], [5, "23", [2.5], None]),
    ],
)
def test_a_wrong_kind_is_a_type_error_and_a_wrong_value_a_value_error(check, good, wrong_value, wrong_kind):
    for value in good:
        check("it", value)
    for error, values in ((ValueError, wrong_value), (TypeError, wrong_kind)):
        for value in values:
            with pytest.raises(error, match=r"^it(\[\d\])? must be .*; got ") as caught:
                check("it", value)
            assert caught.type is error, value


def test_what_checks_return():
    assert type(checks.number()("x", np.float64(2))) is float
    assert type(checks.size("n", np.int8(3))) is int
    assert checks.per_axis("k", 2, 2) == (2, 2) and checks.per_axis("k", [3], 1) == checks.per_axis("k", 3, 1) == (3,)
    assert checks.two(checks.number())("b", [1, 2]) == (1.0, 2.0)
    assert checks.sizes("s", np.array([4, 5])) == (4, 5)


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (checks.size, 3.0, "n must be an integer, 1 or more; got 3.0; try 3"),
        (checks.whole(1, 64), 65, "n must be an integer from 1 to 64; got 65"),
        (checks.number(0, tip=0.01), -1, "n must be a finite number, at least 0; got -1; try 0.01"),
        (checks.share, 2, "n must be a number from 0 to 1; got 2"),
        (checks.choice("mean", "sum", "none"), "men", "n must be one of 'mean', 'sum', 'none'; got 'men'; did you mea"),
        (checks.optional(checks.flag), 1, "n must be None or True or False; got 1"),
        (checks.instance(nn.Module, "nn.Tanh()"), 1, "n must be a Module; got 1; try nn.Tanh()"),
    ],
)
def test_words(check, value, message):
    with pytest.raises((TypeError, ValueError)) as error:
        check("n", value)
    assert str(error.value).startswith(message)


def test_names():
    assert checks.lookup("colour", "Dark Red", {"dark_red": 1}) == 1
    with pytest.raises(ValueError, match=r"unknown colour 'dark_rad'; did you mean 'dark_red'\?"):
        checks.lookup("colour", "dark_rad", {"dark_red": 1})
    for bad in (3, None, ["red"]):
        with pytest.raises(TypeError, match=r"colour must be one of the names 'red'; got"):
            checks.lookup("colour", bad, {"red": 1})


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(2, 3, "relu"),
        lambda: nn.Conv2d(1, 1, 3, bias=0),
        lambda: nn.LSTM(1, 1, batch_first="yes"),
        lambda: nn.MultiheadAttention(4, 2, causal=1),
        lambda: nn.CTCLoss(zero_infinity=None),
        lambda: optim.SGD(momentum=0.9, nesterov=1),
    ],
)
def test_flags_are_true_or_false(make):
    with pytest.raises(TypeError, match=r"must be True or False; got"):
        make()


@pytest.mark.parametrize(
    ("module", "name", "good", "bad"),
    [
        (nn.Dropout(), "p", 0.1, [2, -1, "half", True, NAN]),
        (nn.LeakyReLU(), "negative_slope", 0.5, [-1, None]),
        (nn.ELU(), "alpha", 2, [0, "1"]),
        (nn.GELU(), "approximate", "none", ["erf", 3]),
        (nn.LayerNorm(3), "eps", 0.1, [0, "0.1"]),
        (nn.BatchNorm1d(3), "momentum", 1, [2, True]),
        (nn.BatchNorm2d(3), "eps", 0.1, [-1]),
        (nn.HuberLoss(), "delta", 2, [0]),
        (nn.CrossEntropyLoss(), "label_smoothing", 0.5, [1, "a"]),
        (nn.CTCLoss(), "reduction", "sum", ["men"]),
        (optim.Adam(), "lr", 0.5, [-1, "1", NAN]),
    ],
)
def test_settings_are_checked_whenever_they_are_set(module, name, good, bad):
    for value in bad:
        before = getattr(module, name)
        with pytest.raises((TypeError, ValueError), match=f"{name} must be"):
            setattr(module, name, value)
        assert getattr(module, name) == before
    setattr(module, name, good)
    assert getattr(module, name) == good
