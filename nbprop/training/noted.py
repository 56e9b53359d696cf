"""What is noted of a run in a file: what a file can hold, and by what the rest is known again."""

import copy
import hashlib
from dataclasses import fields
from typing import Any

import numpy as np

from nbprop import data as datasets, nn, optim, saving
from nbprop.data.trees import leaves
from nbprop.engine import no_grad
from nbprop.nn.likeness import is_own, unlike
from nbprop.nn.module import evaluating
from nbprop.optim import schedules

from .batches import MadeBatches
from .makeup import to_come
from .supervised import Supervised

FORM: Any = {  # what is in it: types, [of each], {...: of each}
    "parts": {...: {"plan": (dict, type(None)), "modules": [list], "arrays": {...: list},
                    "frozen": [str], "frozen_rows": {...: [int]}, "silenced": {...: [int]}, "evaluating": [str]}},
    "generators": [{"places": [str], "state": dict}],
    "own": [str],
    "drawn": [dict],
    "objective": {"kind": str, "whole": bool, "data": (dict, type(None)), "loss": (dict, list), "metrics": [str],
                  "augment": bool},
    "loss": (int, float, type(None)),
    "optimizers": {...: {"class": str, "own": bool, "settings": dict, "schedule": (dict, type(None)), "state": [str]}},
    "batches": list,
    "settings": dict,
    "history": {"columns": {...: dict}, "events": [dict]},
    "evaluation": {...: (int, float)},
    "every": {"evaluate_every": int, "probe_every": int, "snapshot_every": int},
    "watching": [str],
    "recorded": [str],
    "speed": (int, float),
}  # fmt: skip


MISSING = object()


def parts(run) -> dict[str, Any]:
    """The model, and the modules of a hidden layer to come. Those of a layer that is there are the model's: a vector of
    their own would take their parameters out of its."""
    block = to_come(run)
    return {"model": run.model, **({"block": nn.Sequential(*block)} if block else {})}


def described(name, part) -> dict[str, Any]:
    """plan: how nbprop makes it, None where it cannot; and what a part that is given is compared with."""
    try:
        plan = None if unlike(part) else saving.plan(part)
    except (TypeError, ValueError):
        plan = None
    if plan is None and name != "model":
        raise TypeError(
            "this run cannot be saved: the hidden layers to come hold a module of your own. Give the network a hidden "
            "layer again (trainer.depth = 1)"
        )
    return {
        "plan": plan,
        "modules": [[key, type(module).__name__, _attributes(module)] for key, module in part.named_modules()],
        "arrays": {key: [list(array.shape), str(array.dtype)] for key, array in part.state_dict().items()},
        "frozen": [key for key, parameter in part.named_parameters() if not parameter.requires_grad],
        "frozen_rows": {key: list(p.frozen_rows) for key, p in part.named_parameters() if p.frozen_rows},
        "silenced": {key: list(m.silenced) for key, m in part.named_modules() if isinstance(m, nn.Activation)},
        "evaluating": [key for key, module in part.named_modules() if not module.training],
    }


def _attributes(module):
    """What a module keeps that is a number, a text, or a tuple, list or dict of them."""
    own = is_own(module)
    left = {"training", "_packed", *module._notes, *(["silenced"] if isinstance(module, nn.Activation) else [])}
    kept = {name: value for name, value in vars(module).items() if name not in left and (own or name[0] != "_")}
    return {name: listed(value) for name, value in kept.items() if _plain(value)}


def _plain(value):
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_plain, value.values()))
    if isinstance(value, (tuple, list)):
        return all(map(_plain, value))
    return type(value) in (bool, int, float, str, type(None))


def listed(value) -> Any:
    """As JSON gives it back."""
    if isinstance(value, dict):
        return {key: listed(each) for key, each in value.items()}
    return list(map(listed, value)) if isinstance(value, (tuple, list)) else value


def generators(parts, rng) -> list[tuple[Any, list[str]]]:
    """(generator, where it is) of every generator of a run, each once."""
    found = {id(rng): (rng, ["run"])}
    for part, module in parts.items():
        for outer, inner in module.named_modules():
            for name, generator in inner._inside(np.random.Generator):
                place = f"{part}:{outer}.{name}" if outer else f"{part}:{name}"
                found.setdefault(id(generator), (generator, []))[1].append(place)
    return list(found.values())


def generator_state(generator) -> dict[str, Any]:
    state = generator.bit_generator.state
    if state["bit_generator"] not in ("PCG64", "PCG64DXSM"):
        raise TypeError(
            f"this run cannot be saved: a random generator in the model is a {state['bit_generator']}; make it with "
            "np.random.default_rng(seed)"
        )
    return state


def generator(state) -> np.random.Generator:
    kind = {"PCG64": np.random.PCG64, "PCG64DXSM": np.random.PCG64DXSM}[state["bit_generator"]]
    generator = np.random.Generator(kind(0))
    generator.bit_generator.state = state
    return generator


def objective(objective) -> dict[str, Any]:
    supervised = type(objective) is Supervised
    return {
        "kind": type(objective).__name__,
        "whole": supervised and not objective.augment and not objective.static,  # made again from data, loss, metrics
        "data": fingerprint(objective),
        "loss": loss(objective.given) if isinstance(objective, Supervised) else list(objective.losses),
        "metrics": list(objective.metrics),
        "augment": objective.augment is not None,
        "weights": [list(pair) for pair in objective.weights],
        "labels": [list(pair) for pair in objective.relabelled],
    }


def loss(loss) -> Any:
    if isinstance(loss, str):
        return {"name": nn.loss(loss).name}
    try:
        return {"plan": saving.plan(loss)} if isinstance(loss, nn.Module) else {"own": _called(loss)}
    except (TypeError, ValueError):
        return {"own": _called(loss)}


def _called(function):
    return getattr(function, "__name__", type(function).__name__)


def fingerprint(objective) -> dict[str, Any] | None:
    """By what data are known again: their name, shapes, and a checksum of all their numbers. None for made batches."""
    data = objective.original
    if data is None:
        given = objective.batches
        if callable(given):
            return None
        named = {f"batches[{i}]": batch for i, batch in enumerate(given)}
        words = ""
    elif isinstance(data, datasets.Arrays):
        named, words = {"X": data.X, "y": data.y, "train": data.train, "val": data.val}, ""
    else:
        named = {name: getattr(data, name) for name in ("X_train", "y_train", "X_val", "y_val")}
        words, scaling = repr((data.task, data.classes, data.features)), data.scaling
        named |= {} if scaling is None else {"shift": scaling.shift, "size": scaling.size}
    arrays = [(name, array) for name, tree in named.items() if tree is not None for array in leaves(tree)]
    checksum = hashlib.sha256(words.encode())
    for _, array in arrays:
        checksum.update(repr((array.shape, str(array.dtype))).encode())
        checksum.update(np.ascontiguousarray(array).reshape(-1).tobytes())
    shapes = [[name, list(array.shape), str(array.dtype)] for name, array in arrays]
    return {"name": objective.name, "shapes": shapes[:20], "checksum": checksum.hexdigest()}


def loss_now(run) -> float | None:
    """The loss of a small batch, by which model and loss are known again; None where the batches are made."""
    if isinstance(run.batches, MadeBatches):
        return None
    with run.looking(), evaluating(run.model), no_grad():
        return float(run.objective.first_loss(run.model, copy.deepcopy(run.batches), run)().data)


def optimizer(optimizer) -> dict[str, Any]:
    name = type(optimizer).__name__
    settings = {key: value for key, value in optimizer.settings().items() if key != "schedule"}
    for key, value in settings.items():
        if not _plain(value):
            raise TypeError(f"this run cannot be saved: {name}.{key} is {type(value).__name__}; a file holds numbers")
    return {
        "class": name,
        "own": getattr(optim, name, None) is not type(optimizer),
        "settings": settings,
        "schedule": schedule(optimizer),
        "t": optimizer.t,
        "state": list(optimizer.state),
    }


def schedule(optimizer) -> dict[str, Any] | None:
    schedule: Any = optimizer.schedule
    try:
        return None if schedule is None else {"plan": planned(schedule)}
    except TypeError:
        return {"own": _called(schedule), "factor": float(optimizer.schedule(optimizer.t))}


def planned(schedule) -> dict[str, Any]:
    """A schedule of nb.optim.schedules, for JSON; TypeError for others."""
    name = type(schedule).__name__
    if getattr(schedules, name, None) is not type(schedule):
        raise TypeError(name)
    values = {each.name: getattr(schedule, each.name) for each in fields(schedule)}
    return {
        "class": name,
        "settings": {
            key: planned(value) if callable(value) else value if isinstance(value, (int, str, tuple)) else float(value)
            for key, value in values.items()
        },
    }


def made_schedule(node) -> Any:
    kind = vars(schedules)[node["class"]]
    if not (isinstance(kind, type) and issubclass(kind, schedules.Schedule) and kind is not schedules.Schedule):
        raise ValueError(f"there is no schedule {node['class']!r}")
    values = {key: made_schedule(v) if isinstance(v, dict) else v for key, v in node["settings"].items()}
    for key, value in values.items():
        whole = key in schedules.PARTS
        if callable(value) != whole or not isinstance(value, (int, float, str, list, schedules.Schedule)):
            raise ValueError(f"{node['class']} has no {key} of {value!r}")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


class Misfit(ValueError):
    """The file is good, but what is given is not what it was saved with."""


# ---- what is different ---------------------------------------------------------------------------------------------


def another_make(saved, here, settings=True, own=()) -> str:
    """In words, how the model here is not made as the saved one; "" if it is. Numbers that are no whole ones, and
    flags, may differ: they are set to what they were. own: names of the modules of the user's own, which may have made
    attributes since."""
    was, now = ({name: (kind, rest) for name, kind, rest in each["modules"]} for each in (saved, here))
    for name in [*was, *now]:
        called = repr(name) if name else "the model"
        if name not in now:
            return f"{called} ({was[name][0]}) is missing"
        if name not in was:
            return f"{called} ({now[name][0]}) was not there"
        if was[name][0] != now[name][0]:
            return f"{called} was {_an(was[name][0])} and is {_an(now[name][0])}"
    for key in [*saved["arrays"], *here["arrays"]]:
        a, b = saved["arrays"].get(key), here["arrays"].get(key)
        if a != b:
            return f"{key!r} {_array(a, 'was')} and {_array(b, 'is')}"
    for name, (_, then) in was.items() if settings else ():
        for key in [*then, *now[name][1]]:
            a, b = (each[name][1].get(key, MISSING) for each in (was, now))
            if a != b and not _may_differ(a, b, name in own):
                place, said = (
                    f"{name}.{key}" if name else key,
                    ["missing" if x is MISSING else short(x) for x in (a, b)],
                )
                return f"{place} was {said[0]} and is {said[1]}; set it before loading"
    return ""


def _may_differ(a, b, own):
    if own and MISSING in (a, b):  # made by a forward; or it was not plain, for there were arrays in it
        return b is MISSING or b in ([], {}, None)
    return type(a) is type(b) and isinstance(a, (bool, float))


def _array(noted, word):
    return f"{word} of shape {tuple(noted[0])} and {noted[1]}" if noted else f"{word} missing"


def other_data(saved, here) -> str:
    """In words, how data are not the same."""
    if saved is None or here is None:
        return "" if saved == here else "batches were given in another way"
    if saved["shapes"] != here["shapes"]:
        a, b = ({name: (tuple(shape), dtype) for name, shape, dtype in each["shapes"]} for each in (saved, here))
        name = next((name for name in [*a, *b] if a.get(name) != b.get(name)), "")
        return f"{name} was {short(a.get(name, 'missing'))}, and is {short(b.get(name, 'missing'))}"
    return "" if saved["checksum"] == here["checksum"] else f"the numbers of {saved['name']!r} are others"


def short(value) -> str:
    words = repr(value)
    return words if len(words) < 80 else f"{words[:70]} ..."


def _an(word):
    return f"{'an' if word[0] in 'AEIOUaeiou' else 'a'} {word}"


def check_form(value: Any, form: Any, name: str) -> None:
    """Raise ValueError unless JSON gave a value of this form."""
    kind: Any = form if isinstance(form, (type, tuple)) else type(form)
    if not isinstance(value, kind) or (kind is int and type(value) is not int):
        raise ValueError(f"{name} cannot be {short(value)}")
    given: Any = value
    if isinstance(form, dict):
        for key in given if ... in form else form:
            if key not in given:
                raise ValueError(f"{name}: {key!r} is missing")
            check_form(given[key], form[... if ... in form else key], f"{name}: {key}")
    if isinstance(form, list):
        for i, each in enumerate(given):
            check_form(each, form[0], f"{name}[{i}]")
