"""A run as a short text, and back: the same run, bit by bit; and what is not such a text is refused, whatever it is."""

import base64
import json
import math
import tracemalloc
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from random_runs import run

import nbprop as nb
from nbprop import nn, optim
from nbprop.training.knob import ACTIONS, KNOBS
from nbprop.training.run import DEFAULTS
from nbprop.training.sharing import Recipe, code, from_code
from nbprop.training.sharing.code import LARGEST, LONGEST, WORDS
from nbprop.training.sharing.forms import FIELDS, SETTINGS, VALUES

SPIRALS = nb.data.spirals(seed=0)


def trainer(**options):
    return nb.Trainer(nn.mlp([2, 8, 8, 1], seed=0), SPIRALS, **{"lr": 0.01, "seed": 0, **options})


def packed(found, version=1, checksum=None):
    """The code of what JSON holds, as anybody could make it."""
    text = found if isinstance(found, bytes) else json.dumps(found).encode()
    packing = zlib.compressobj(9, wbits=-15, zdict=WORDS)
    body = packing.compress(text) + packing.flush()
    checksum = zlib.crc32(text).to_bytes(4, "big") if checksum is None else checksum
    return f"nb{version}-{base64.urlsafe_b64encode(checksum + body).decode().rstrip('=')}"


# ---- there and back --------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_any_run_comes_back_bit_by_bit(seed):
    try:
        one, _ = run(seed)
    except nb.Diverged:
        return
    text = code(one)
    recipe = from_code(text)
    other = recipe.trainer()
    recipe.repeat(other)
    np.testing.assert_array_equal(one.theta, other.theta)
    assert (other.steps, other.evaluation, other.seed) == (one.steps, one.evaluation, one.seed)
    for name in one.history.columns:
        np.testing.assert_array_equal(one.history[name], other.history[name], err_msg=name)
    assert [(e.step, e.name, e.text) for e in one.history.events] == [
        (e.step, e.name, e.text) for e in other.history.events
    ]
    assert code(other) == text
    for each in (one, other):  # and they go on the same
        with suppress(nb.Diverged):
            each.fit(steps=5, bar=False)
    np.testing.assert_array_equal(one.theta, other.theta)
    one.rewind(0), other.rewind(0)
    np.testing.assert_array_equal(one.theta, other.theta)


def test_a_usual_run_is_a_short_text():
    one = trainer()
    one.fit(steps=300, bar=False)
    one.lr = 0.03
    one.fit(steps=300, bar=False)
    text = code(one)
    assert len(text) < 80 and text.startswith("nb1-")
    assert repr(from_code(f"  {text[:20]}\n {text[20:]}\n")) == repr(from_code(text))  # as mail programs break it


def test_a_long_day_at_the_sliders_is_below_2_kB():
    one, rng = trainer(), np.random.default_rng(0)
    for i in range(150):
        one.fit(steps=3, bar=False)
        one.set(**[{"lr": round(0.001 * 1.03**i, 6)}, {"width": int(rng.integers(4, 12))}][i % 10 == 0])
    assert len(code(one)) < 2000


def test_what_it_tells_a_playground():
    one = trainer(clip=1.0)
    one.speed = 30
    one.depth = 4
    recipe = from_code(code(one, controls=["lr", "clip"]))
    assert isinstance(recipe, Recipe) and recipe.controls == ("lr", "clip")
    told = recipe.settings
    assert repr(told.pop("optimizer")) == "Adam(lr=0.01, betas=(0.9, 0.999), eps=1e-08)"
    assert told == {
        "data": "spirals",
        "noise": 0.1,
        "validation": 0.25,
        "hidden": (8, 8),
        "activation": "tanh",
        "init": "xavier",
        "seed": 0,
        "batch_size": 32,
        "dropout": 0.0,
        "speed": 30.0,
        "controls": ("lr", "clip"),
    }
    assert [(turn.step, turn.name, turn.value) for turn in recipe.turns] == [(0, "hidden", (8, 8, 8, 8))]
    other = nb.data.spirals(samples=50, seed=3)
    assert isinstance(
        from_code(code(trainer(seed=3).branch(data=other))).turns[0].value["data"].make(), nb.data.Dataset
    )


def test_repeating_gives_a_trainer_another_run():
    one = trainer(l1=1e-4)
    one.fit(steps=20, bar=False)
    other = nb.Trainer(nn.mlp([2, 3, 1], seed=5), "moons")
    other.fit(steps=7, bar=False)
    other.lr = 0.5
    from_code(code(one)).repeat(other)
    np.testing.assert_array_equal(one.theta, other.theta)
    assert other.data.name == "spirals" and other.l1 == 1e-4 and not other.history.events
    with pytest.raises(ValueError, match="nothing to undo"):
        other.undo()


def test_too_many_turns_are_refused():
    one, rng = trainer(), np.random.default_rng(0)
    for i in range(1500):
        one._past.turned(i, "lr", float(rng.random()))
    one._run.steps = 1500
    with pytest.raises(ValueError, match=r"so many turns \(1500 of knobs\)"):
        code(one)


def test_every_knob_has_a_form():
    others = {name for name, knob in KNOBS.items() if knob.through is not None}  # by which they are turned
    assert VALUES.keys() == (KNOBS.keys() | ACTIONS.keys()) - {"theta", *others}
    assert SETTINGS.keys() == DEFAULTS.keys()
    assert FIELDS.keys() == Recipe.__dataclass_fields__.keys() - {"metrics"}


# ---- what is no code, or a bad one -----------------------------------------------------------------------------------


GOOD = {
    "data": ["spirals", {"noise": 0.1, "validation": 0.25, "seed": 0}],
    "loss": "bce",
    "hidden": [8, 8],
    "optimizer": {"Adam": {"lr": 0.01}},
    "steps": 100,
}


def test_the_good_one_is_good():
    assert from_code(packed(GOOD)).steps == 100


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "begins with 'nb1-'"),
        ("hello", "begins with 'nb1-'"),
        (None, "got NoneType"),
        (b"nb1-", "got bytes"),
        ("nb1-", "cut or damaged|is damaged"),
        ("nb1-!!!", "damaged"),
        ("nb1-äöü", "damaged"),
        ("nb2-AAAA", "version nb2, and this nbprop reads nb1"),
        ("nb999999999999-AAAA", "begins with"),
        ("nb1-" + "A" * 13_000, "longer than 12,000"),
        (packed(GOOD, version=2), "version nb2"),
        (packed(GOOD, checksum=b"1234"), "checksum"),
        (packed(GOOD)[:-1], "cut or damaged|is damaged"),
        (packed(GOOD) + "AAAA", "cut or damaged|is damaged"),
        (packed(b"0" * (LARGEST + 10)), "more in it than 200,000"),
        (packed(b" " * 5 * 10**6), "more in it than 200,000"),
        (packed(b"[" * 100_000), "cannot be read"),
        (packed(b"\xff\xfe"), "cannot be read"),
        (packed(b"NaN"), "a number is NaN"),
        (packed(b"1" * 5000), "cannot be read"),
        (packed([]), "cannot be read"),
        (packed({}), "'data' is missing"),
    ],
)
def test_what_is_no_code(text, words):
    with pytest.raises(ValueError, match=words):
        from_code(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": ["os.system", {}]}, "data must be one of spirals|data must be one of 'spirals'"),
        ({"data": ["spirals", {"samples": 10**9}]}, "samples"),
        ({"data": ["spirals", {"path": "/etc/passwd"}]}, "has no 'path'"),
        ({"data": ["spirals", {"noise": "1"}]}, "noise"),
        ({"data": ["spirals"]}, "cannot be read"),
        ({"data": "spirals"}, "cannot be read"),
        ({"loss": "<script>alert(1)</script>"}, "loss must be"),
        ({"loss": {"MSELoss": {}}}, "loss must be"),
        ({"loss": {"huber": {"delta": -1}}}, "delta"),
        ({"loss": {"huber": {"function": "print"}}}, "has no 'function'"),
        ({"hidden": [10**9]}, "width"),
        ({"hidden": [1024] * 64}, "too large"),
        ({"hidden": [8] * 65}, "depth"),
        ({"hidden": "88"}, "hidden cannot be"),
        ({"hidden": [True]}, "width"),
        ({"hidden": [8.5]}, "width"),
        ({"optimizer": "adam"}, "optimizer cannot be"),
        ({"optimizer": {"Optimizer": {}}}, "there is no optimizer"),
        ({"optimizer": {"schedules": {}}}, "there is no optimizer"),
        ({"optimizer": {"clip_grad_norm": {}}}, "there is no optimizer"),
        ({"optimizer": {"Adam": {"lr": math.inf}}}, "a number is Infinity"),
        ({"optimizer": {"Adam": {"lr": 1, "params": []}}}, "has no 'params'"),
        ({"optimizer": {"Adam": {"lr": 1, "schedule": {"Schedule": {}}}}}, "no schedule"),
        ({"optimizer": {"Adam": {"lr": 1, "schedule": {"pi": {}}}}}, "no schedule"),
        ({"optimizer": {"Adam": {"lr": 1, "schedule": {"ExponentialLR": {"gamma": 1e300}}}}}, "cannot be read"),
        ({"activation": "Module"}, "activation must be"),
        ({"activation": {"tanh": {"rng": 1}}}, "has no 'rng'"),
        ({"init": "__class__"}, "init must be"),
        ({"init": {"he": {"fan_in": 3}}}, "has no 'fan_in'"),
        ({"dropout": 1}, "dropout"),
        ({"dtype": "object"}, "dtype"),
        ({"knobs": {"accumulate": 10**9}}, "accumulate"),
        ({"knobs": {"lr": 0.1}}, "has no 'lr'"),
        ({"knobs": []}, "cannot be read|has no"),
        ({"seed": -1}, "seed"),
        ({"seed": 1e300}, "seed"),
        ({"steps": 10**12}, "steps"),
        ({"steps": True}, "steps"),
        ({"speed": 0}, "speed"),
        ({"controls": ["x" * 100]}, "a name cannot be"),
        ({"controls": [["lr"]]}, "a name cannot be"),
        ({"turns": 3}, "turns cannot be"),
        ({"turns": [[1, "lr"]]}, "cannot be read"),
        ({"turns": [[1, "__init__", 1]]}, "no knob '__init__'"),
        ({"turns": [[1, ["lr"], 1]]}, "no knob"),
        ({"turns": [[1, "theta", [1.0]]]}, "no knob 'theta'"),
        ({"turns": [[5, "lr", 1], [4, "lr", 1]]}, "step of a turn"),
        ({"turns": [[101, "lr", 1]]}, "after the last one"),
        ({"turns": [[1, "lr", "1"]]}, "lr"),
        ({"turns": [[1, "hidden", [1024] * 60]]}, "too large"),
        ({"turns": [[1, "insert", [0, 1024]]] * 40}, "too large"),
        ({"turns": [[1, "insert", [0, 1]]] * 70}, "too large"),
        ({"turns": [[1, "objective", {"model": 3}]]}, "has no 'model'"),
        ({"turns": [[1, "scale", ["hidden 1", "2"]]]}, "factor"),
        ({"turns": [[1, "betas", [0.9]]]}, "betas"),
        ({"own": 1}, "has no 'own'"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_named(change, words):
    with pytest.raises(ValueError, match=words) as caught:
        from_code(packed({**GOOD, **change}))
    assert len(str(caught.value)) < 600


def test_a_knob_that_cannot_be_turned_so_is_said_when_it_is_made_again():
    recipe = from_code(packed({**GOOD, "turns": [[3, "momentum", 0.5]]}))
    with pytest.raises(ValueError, match="Adam has no momentum"):
        recipe.repeat(one := recipe.trainer())
    assert one.steps == 3


@given(st.data())
@settings(max_examples=300)
def test_a_damaged_code_is_a_value_error(data):
    text = list(packed({**GOOD, "turns": [[i, "lr", 0.1 / (i + 1)] for i in range(50)]}))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(4, len(text) - 1))
        way = data.draw(st.sampled_from(["change", "cut", "drop", "add"]))
        letter = data.draw(st.sampled_from("ABCabc019-_"))
        if way == "change":
            text[at] = letter
        elif way == "cut":
            del text[at:]
        elif way == "drop":
            del text[at]
        else:
            text.insert(at, letter)
        if len(text) < 6:
            break
    changed = "".join(text)
    try:
        from_code(changed)
    except ValueError as error:
        assert "this code cannot be read" in str(error)
    else:  # the bits that base64 does not use, or the same letter
        assert from_code(changed).turns[3].value == pytest.approx(0.025)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from([*FIELDS, "other"])
turned = st.lists(st.tuples(st.integers(0, 100), st.sampled_from([*VALUES]), values).map(list), max_size=3)


@given(st.dictionaries(names, values, max_size=4), turned)
@settings(max_examples=400)
def test_whatever_json_holds_is_a_recipe_or_a_value_error(change, turns):
    try:
        found = from_code(packed({**GOOD, **({"turns": turns} if turns else {}), **change}))
    except ValueError as error:
        assert str(error)
    else:
        assert isinstance(found, Recipe)


def test_a_bomb_takes_no_time_and_no_memory():
    text = packed(b'{"data":' + b"[" * 7 * 10**6)
    assert len(text) < LONGEST
    tracemalloc.start()
    with pytest.raises(ValueError):
        from_code(text)
    assert tracemalloc.get_traced_memory()[1] < 3 * 10**6
    tracemalloc.stop()


def test_nothing_but_nbprops_own_is_made():
    """What a code names is looked up among optimizers, schedules, activations, losses and data sets alone."""
    for name in ("Playground", "load", "save", "Trainer", "os", "__builtins__"):
        for place in ("optimizer", "activation", "init", "loss"):
            with pytest.raises(ValueError):
                from_code(packed({**GOOD, place: {name: {}}}))
    assert isinstance(from_code(packed(GOOD)).optimizer, optim.Adam)
