"""What is different about a run: the settings in which runs differ, in a few words, which are their names."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from nbprop.nn import Module
from nbprop.optim import Optimizer, Schedule
from nbprop.record.history import short, units_said
from nbprop.record.samples import labels_said, weights_said
from nbprop.training.applying import optimizer_name
from nbprop.training.noted import fingerprint
from nbprop.training.repeating import OF_OPTIMIZERS, Repeat

# Others follow from these, or are no settings: depth and width from hidden, the data and the loss from the objective.
KNOBS = (
    "hidden", "activation", "dropout", "batch_norm", "optimizer", "lr", "momentum", "dampening", "nesterov", "betas",
    "amsgrad", "momentum_decay", "ns_steps", "alpha", "rho", "eps", "weight_decay", "schedule", "groups", "batch_size",
    "drop_last", "accumulate", "clip", "clip_value", "l1", "loss", "frozen", "silenced", "frozen_units",
    "sample_weights", "relabelled",
)  # fmt: skip
PLAIN = (bool, int, float, str, Schedule)


class Setting(NamedTuple):
    """A value as it is compared, and in words."""

    key: Any
    words: str


Settings = dict[str, Setting]


def settings(trainer) -> Settings:
    """Name -> Setting, of all that makes a run what it is; of one that is to turn what another has turned, when it has
    come to that."""
    run = trainer._run
    values = {**run.values, **_to_come(trainer)}
    found = {name: setting(name, value) for name in KNOBS if (value := values[name]) is not None}
    for name in KNOBS:  # None may be a value ("no clipping") or stand for what there is not
        found.setdefault(name, Setting(None, f"no {_called(name)}"))
    found["data"] = Setting(_data_key(run.objective), f"data {run.objective.name}")
    if getattr(run.objective, "given", None) is None:
        found["loss"] = Setting(tuple(map(key_of, run.objective.losses.values())), f"loss {run.objective.name}")
    init = getattr(run.model, "init", None)
    found["init"] = Setting(key_of(init), f"init {short(init)}")
    found["seed"] = Setting(run.seed, f"seed {run.seed}")
    found["parameters"] = Setting(run.theta.size, f"{run.theta.size:,} parameters")
    return found


def _to_come(trainer):
    """Knob -> value, of the turns that are still to be repeated."""
    found: dict[str, Any] = {}
    for repeat in trainer._hooks.called_on("step"):
        for step, turns in repeat.turns.items() if isinstance(repeat, Repeat) else ():
            for name, value in turns if step >= trainer.steps else ():
                if name == "optimizer" and len(value) == 1:
                    found |= {**dict.fromkeys(OF_OPTIMIZERS), **next(iter(value.values())).settings(), **repeat.kept}
                found[name] = value
    return found


def names(several: Sequence[Settings]) -> list[str]:
    """A name for each run: what is different about it, beside what most of them have. Runs that do not differ are
    called "run 1", "run 2"; one that has all that is usual, "as it is"."""
    differing = _differing(several)
    if len(differing) == 1:
        told = [_words(each, differing, several) for each in several]
    else:
        usual = {name: _usual([each[name].key for each in several]) for name in differing}
        told = [_words(each, [n for n in differing if each[n].key != usual[n]], several) for each in several]
    told = [words or ("as it is" if differing else "run") for words in told]
    counts, seen, unique = Counter(told), Counter(), []
    for words in told:
        seen[words] += 1
        nth = f" {seen[words]}" if words == "run" else f" ({seen[words]})" if counts[words] > 1 else ""
        unique.append(words + nth)
    return unique


def difference(this: Settings, other: Settings) -> str:
    """What is different about this run, beside another; "" for nothing."""
    return _words(this, _differing([this, other]), [this, other])


def called(source: Any, beside: Any) -> str:
    """What a source is called beside another one: its name, what is different about it, or its step."""
    name = getattr(source, "name", "")
    if not name and hasattr(source, "_run") and hasattr(beside, "_run"):
        name = difference(settings(source), settings(beside))
    return name or f"step {source.steps:,}"


def _words(each, chosen, several):
    return ", ".join(_sizes(each, several) if name == "hidden" else each[name].words for name in chosen)


def _sizes(each, several):
    """Depth or width where only that differs, else all sizes."""
    all_sizes, own = [other["hidden"].key for other in several], each["hidden"].key
    if own and all(sizes and len(set(sizes)) == 1 for sizes in all_sizes):
        if len({sizes[0] for sizes in all_sizes}) == 1:
            return f"depth {len(own)}"
        if len({len(sizes) for sizes in all_sizes}) == 1:
            return f"width {own[0]}"
    return each["hidden"].words


def _differing(several):
    """Names of the settings in which they differ, without what follows from another one."""
    found = [name for name in several[0] if len({each[name].key for each in several}) > 1]
    if "optimizer" in found:  # what only one of them has is no difference of its own
        found = [n for n in found if n not in OF_OPTIMIZERS or all(each[n].key is not None for each in several)]
        kinds = {each["optimizer"].key for each in several}
        found = [name for name in found if name not in ("momentum", "nesterov") or len(kinds) == 1]
    if "parameters" in found and len(found) > 1:
        found.remove("parameters")
    return found


def _usual(keys):
    """What most have; something that none has where no value is more frequent than all others."""
    (most, count), *rest = Counter(keys).most_common()
    return most if count > 1 and not (rest and rest[0][1] == count) else object()


def setting(name, value) -> Setting:
    """A knob that stands at a value; of an optimizer counts which it is, its settings are knobs of their own."""
    if name == "optimizer":
        value = {part: optimizer_name(each) for part, each in value.items()} if isinstance(value, dict) else (
            optimizer_name(value)
        )  # fmt: skip
    if name in ("drop_last", "nesterov", "batch_norm"):
        return Setting(value, _called(name) if value is True else f"no {_called(name)}")
    if name == "frozen":
        return Setting(value, f"frozen {', '.join(value)}" if value else "nothing frozen")
    if name in ("silenced", "frozen_units"):
        return Setting(value, f"{_called(name)} {units_said(value)}" if value else f"no {_called(name)}")
    if name in ("sample_weights", "relabelled"):
        said = weights_said if name == "sample_weights" else labels_said
        return Setting(value, said((), value) if value else f"no sample {'weighed' if said is weights_said else name}")
    if name == "hidden":
        return Setting(value, f"layers {short(value)}")
    return Setting(key_of(value), f"{_called(name)} {_short(value)}")


def _called(name):
    return name.replace("_", " ")


def _short(value):
    if isinstance(value, dict):
        return " ".join(f"{part} {_short(each)}" for part, each in value.items())
    if isinstance(value, tuple):
        return "/".join(map(short, value))
    return short(value)


def _data_key(objective):
    """Equal for the same numbers, which need not be the same object."""
    data = objective.data
    if data is None:
        return id(objective.batches)
    if data not in _CHECKSUMS:
        _CHECKSUMS[data] = fingerprint(objective)
    return _CHECKSUMS[data]["checksum"]


_CHECKSUMS: Any = WeakKeyDictionary()  # to read all data anew takes longer than all the rest


def key_of(value) -> Any:
    """Equal for what is the same, also in a copy."""
    if isinstance(value, tuple):
        return tuple(map(key_of, value))
    if isinstance(value, dict):
        return tuple((part, key_of(each)) for part, each in value.items())
    if value is None or isinstance(value, PLAIN):
        return value
    if isinstance(value, Optimizer):
        return type(value).__name__, key_of(value.settings())
    if isinstance(value, Module):
        return type(value).__name__, tuple((n, each) for n, each in vars(value).items() if isinstance(each, PLAIN))
    return id(value)
