"""How each part of a recipe is written as JSON holds it, and read again: checked, whoever has written it."""

import inspect
import math
from typing import Any, NoReturn

from nbprop import data as datasets, nn, optim, saving
from nbprop.checks import choice, flag, number, optional, whole
from nbprop.optim import schedules

from ..applying import sizes
from .recipe import OBJECTIVE, Recipe, Source, Turn
from .telling import others, partial_of

SEED = whole(0, 2**63 - 1)


def never(why: str) -> NoReturn:
    raise ValueError(why)


def short(value) -> str:
    words = repr(value)
    return words if len(words) < 60 else f"{words[:50]} ..."


# ---- things with settings --------------------------------------------------------------------------------------------


def _of(kind, settings):
    return {kind: settings}


def _split(value, what):
    """(name, settings) of what `_of` made."""
    if not (isinstance(value, dict) and len(value) == 1 and all(isinstance(each, dict) for each in value.values())):
        raise ValueError(f"{what} cannot be {short(value)}")
    return next(iter(value.items()))


def _named(known, what):
    """(encode, decode) of modules that have a name each: `known`, name -> class."""

    def encode(value):
        if isinstance(value, str):
            return value
        return _of(value.name, others(value) if isinstance(value, nn.Loss) else saving.settings(value))

    def decode(value):
        if isinstance(value, str):
            choice(*known)(what, value)
            return value
        name, settings = _split(value, what)
        choice(*known)(what, name)
        _check_names(settings, saving.arguments(known[name]), what)
        return known[name](**settings)

    return encode, decode


def _check_names(settings, known, what):
    for name in settings:
        if name not in known:
            raise ValueError(f"{what} has no {short(name)}")


activation = _named(nn.ACTIVATIONS, "activation")
loss = _named(nn.LOSSES, "loss")


def _encode_init(value):
    found = partial_of(value)
    return value if found is None else _of(*found)


def _decode_init(value):
    name, settings = (value, None) if isinstance(value, str) else _split(value, "init")
    choice(*nn.INITIALIZERS)("init", name)
    if settings is None:
        return name
    takes = list(inspect.signature(nn.INITIALIZERS[name]).parameters)[3:]
    _check_names(settings, takes, f"init {name}")
    checks = {"uniform": flag, "mode": choice("fan_in", "fan_out")}
    return nn.INITIALIZERS[name](**{key: checks.get(key, number())(key, each) for key, each in settings.items()})


def _encode_schedule(value):
    if value is None:
        return None
    return _of(type(value).__name__, {name: _part_of_schedule(each) for name, each in value.settings().items()})


def _part_of_schedule(value):
    return _encode_schedule(value) if callable(value) else value


def _plain_of_schedule(key, value):
    if isinstance(value, list) and len(value) <= 1000:
        return tuple(whole(0)(key, each) for each in value)
    return value if type(value) in (int, str) else number()(key, value)


def _decode_schedule(value, depth=0) -> Any:
    if value is None:
        return None
    name, settings = _split(value, "schedule")
    kind: Any = vars(schedules).get(name)
    if depth > 8 or not (isinstance(kind, type) and issubclass(kind, schedules.Schedule)) or kind is schedules.Schedule:
        raise ValueError(f"there is no schedule {short(value)}")
    given: dict[str, Any] = {
        key: _decode_schedule(each, depth + 1) if key in schedules.PARTS else _plain_of_schedule(key, each)
        for key, each in settings.items()
    }
    made = kind(**given)
    for step in (0, 1, 1000, 10**7):
        number()("a factor of the schedule", made(step))
    return made


def _encode_optimizer(value):
    usual = type(value).defaults()
    given = {name: each for name, each in value.settings().items() if each != usual[name] or name == "lr"}
    return _of(type(value).__name__, {n: _encode_schedule(v) if n == "schedule" else v for n, v in given.items()})


def _decode_optimizer(value):
    name, settings = _split(value, "optimizer")
    kind: Any = vars(optim).get(name)
    if not (isinstance(kind, type) and issubclass(kind, optim.Optimizer)) or kind is optim.Optimizer:
        raise ValueError(f"there is no optimizer {short(name)}")
    _check_names(settings, kind.checks, name)
    return kind(**{n: _decode_schedule(v) if n == "schedule" else v for n, v in settings.items()})


def _encode_source(value):
    return [value.name, value.settings]


def _decode_source(value):
    name, settings = value
    choice(*datasets.DATASETS)("data", name)
    _check_names(settings, inspect.signature(datasets.DATASETS[name]).parameters, f"data set {name!r}")
    checks = {
        "samples": whole(10, 100_000),
        "noise": number(0, 1e6),
        "validation": number(0, 1),
        "seed": SEED,
        "image": flag,
    }
    return Source(name, {key: checks[key](key, each) for key, each in settings.items()})


# ---- the fields of a recipe ------------------------------------------------------------------------------------------


def _same(value):
    return value


def _plain(check, name):
    return _same, lambda value: check(name, value)


def _each(pair):
    """Of one for all places, or a list with one for each."""
    encode, decode = pair
    return (
        lambda value: list(map(encode, value)) if isinstance(value, tuple) else encode(value),
        lambda value: tuple(map(decode, value[:64])) if isinstance(value, list) else decode(value),
    )


def _list_of(decode, most, what):
    def read(value):
        if not isinstance(value, list) or len(value) > most:
            raise ValueError(f"{what} cannot be {short(value)}")
        return tuple(map(decode, value))

    return list, read


def _text(value):
    if not isinstance(value, str) or len(value) > 60:
        raise ValueError(f"a name cannot be {short(value)}")
    return value


def _pair_of(first, second, what):
    def read(value):
        one, other = value if isinstance(value, list) and len(value) == 2 else never(f"{what} cannot be {short(value)}")
        return first(one), second(other)

    return read


def _several_of(what, *checks):
    """name -> a check that gives a tuple: the first is a text, the others are checks of nbprop.checks."""

    def read(value):
        if not isinstance(value, list) or len(value) != len(checks):
            never(f"{what} cannot be {short(value)}")
        return (checks[0](value[0]), *(check(what, each) for check, each in zip(checks[1:], value[1:], strict=True)))

    return read


def _sample(value):
    return whole(0)("sample", value)


def _number_of(name):
    return lambda value: number()(name, value)


hidden = list, lambda value: sizes(value if isinstance(value, list) else never(f"hidden cannot be {short(value)}"))
optimizer = _encode_optimizer, _decode_optimizer
schedule = _encode_schedule, _decode_schedule
SETTINGS: dict[str, Any] = {  # of a run: knob -> check
    "batch_size": whole(1, 10**6),
    "drop_last": flag,
    "accumulate": whole(1, 1000),
    "clip": optional(number(1e-12)),
    "clip_value": optional(number(1e-12)),
    "l1": number(0),
}


def _decode_settings(value):
    _check_names(value, SETTINGS, "a run")
    return {name: SETTINGS[name](name, each) for name, each in value.items()}


def _encode_objective(value):
    return {half: (_encode_source if half == "data" else loss[0])(each) for half, each in value.items()}


def _decode_objective(value):
    _check_names(value, ("data", "loss"), OBJECTIVE)
    return {half: (_decode_source if half == "data" else loss[1])(each) for half, each in value.items()}


def _decode_units(value):
    return None if value is None else whole(1, 1024)("units", value)


def _decode_group(value):
    return {n: _list_of(_text, 1000, n)[1](each) if n == "params" else VALUES[n][1](each) for n, each in value.items()}


VALUES: dict[str, Any] = {  # name of a turn -> (encode, decode)
    **{name: _plain(check, name) for name, check in SETTINGS.items()},
    **{name: _plain(number(0), name) for name in ("lr", "weight_decay", "eps", "momentum_decay")},
    **{name: _plain(number(0, 1), name) for name in ("momentum", "alpha", "rho")},
    "nesterov": _plain(flag, "nesterov"),
    "centered": _plain(flag, "centered"),
    "amsgrad": _plain(flag, "amsgrad"),
    **{name: _plain(whole(), name) for name in ("window", "period")},
    "ns_steps": _plain(whole(1, 20), "ns_steps"),
    **{name: _plain(number(0, most=1), name) for name in ("dampening", "mutation", "crossover")},
    **{name: _plain(number(0), name) for name in ("temperature", "inertia", "cognitive", "social", "spread")},
    **{name: _plain(whole(1), name) for name in ("population", "trials", "tournament")},
    "cooling": _plain(number(above=0, most=1), "cooling"),
    "sigma": _plain(number(above=0), "sigma"),
    "ranks": _plain(flag, "ranks"),
    "groups": (list, lambda value: [_decode_group(each) for each in value]),
    "batch_norm": _plain(flag, "batch_norm"),
    "betas": (list, _pair_of(_number_of("betas[0]"), _number_of("betas[1]"), "betas")),
    "schedule": schedule,
    "optimizer": optimizer,
    "activation": _each(activation),
    "dropout": _each(_plain(number(0, 1), "dropout")),
    "frozen": _list_of(_text, 200, "frozen"),
    **{name: _list_of(_several_of(name, _text, whole(0)), 10**4, name) for name in ("silenced", "frozen_units")},
    "sample_weights": _list_of(_pair_of(_sample, lambda w: number(0)("weight", w), "a weight"), 10**5, "weights"),
    "relabelled": _list_of(_pair_of(_sample, lambda c: whole(0)("class", c), "relabelled"), 10**5, "labels"),
    "hidden": hidden,
    OBJECTIVE: (_encode_objective, _decode_objective),
    "scale": (list, _pair_of(_text, _number_of("factor"), "scale")),
    "reinitialize": (lambda value: [value[0], _encode_init(value[1])], _pair_of(_text, _decode_init, "reinitialize")),
    "set_weight": (list, _several_of("set_weight", _text, whole(0), whole(0), number())),
    "set_bias": (list, _several_of("set_bias", _text, whole(0), number())),
    "insert": (list, _pair_of(lambda at: whole(0, 64)("at", at), _decode_units, "insert")),
    "remove": (_same, _text),
}


def _encode_turns(turns):
    return [[turn.step, turn.name, VALUES[turn.name][0](turn.value), *[1] * turn.again] for turn in turns]


def _decode_turns(value):
    turns, before = [], 0
    for step, name, given, *again in value if isinstance(value, list) else never(f"turns cannot be {short(value)}"):
        if name not in list(VALUES):
            raise ValueError(f"there is no knob {short(name)}")
        before = whole(before)("the step of a turn", step)
        turns.append(Turn(before, name, VALUES[name][1](given), again == [1]))
    return tuple(turns)


def _optional(pair):
    return tuple(lambda value, function=function: None if value is None else function(value) for function in pair)


FIELDS: dict[str, Any] = {  # of a Recipe -> (encode, decode)
    "data": (_encode_source, _decode_source),
    "loss": loss,
    "hidden": hidden,
    "optimizer": optimizer,
    "activation": activation,
    "init": (_encode_init, _decode_init),
    "model_seed": _plain(SEED, "model_seed"),
    "dropout": _optional(_plain(number(0, 1), "dropout")),
    "batch_norm": _plain(flag, "batch_norm"),
    "flatten": _plain(flag, "flatten"),
    "dtype": _plain(choice("float32", "float64"), "dtype"),
    "knobs": (_same, _decode_settings),
    "seed": _plain(SEED, "seed"),
    "evaluate_every": _plain(whole(1, 10**7), "evaluate_every"),
    "probe_every": _plain(whole(1, 10**7), "probe_every"),
    "speed": (_same, lambda value: number(above=0)("speed", value)),
    "controls": _list_of(_text, 60, "controls"),
    "steps": _plain(whole(0, 10**7), "steps"),
    "turns": (_encode_turns, _decode_turns),
}
NEEDED = ("data", "loss", "hidden", "optimizer")


def _usual(name):
    return inspect.signature(Recipe).parameters[name].default


def encoded(told: Recipe) -> dict[str, Any]:
    """What JSON holds of a recipe; what is as usual is left out."""
    found = {}
    for name, (encode, _) in FIELDS.items():
        value = getattr(told, name)
        if name in NEEDED or (value != _usual(name) and value != {} and value != math.inf):
            found[name] = encode(value)
    return found


def decoded(found: Any) -> Recipe:
    """The recipe of what JSON gave. ValueError, TypeError or the like for what makes no sense."""
    _check_names(found, FIELDS, "a run")
    given = {name: FIELDS[name][1](found[name]) for name in [*NEEDED, *found]}
    told = Recipe(**given)
    if told.turns and told.turns[-1].step > told.steps:
        raise ValueError(f"a knob was turned at step {told.turns[-1].step}, after the last one, {told.steps}")
    return told
