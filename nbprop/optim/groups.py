"""Parameter groups: some parameters with other settings than the rest, chosen by name or given as tensors."""

from collections.abc import Iterator, Mapping, MutableMapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..checks import did_you_mean, wrong
from ..engine import Tensor

LEFT_OUT = ("schedule", "groups")  # what there is one of for all


class Part(NamedTuple):
    """One parameter in an update: at: where its numbers lie in the state's vectors. group: number of its group, None
    for the rest. kind: such as "Linear.weight". theta, gradient: its numbers."""

    at: slice
    group: int | None
    kind: str
    theta: np.ndarray
    gradient: np.ndarray


class Own(dict[str, Any]):
    """What a group has of its own, and "params": who belongs to it. It stays as it is."""

    if not TYPE_CHECKING:

        def _stays(self, *_, **__) -> None:
            raise TypeError("a group stays as it is: set an item of optimizer.param_groups, or optimizer.groups")

        __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _stays

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __reduce__(self) -> Any:
        return Own, (dict(self),)

    def __str__(self) -> str:
        words = [f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in self.items()]
        own = ", ".join(each for each in words if each[:7] != "params ")
        return " ".join(self["params"]) + (own and f": {own}")


class Group(MutableMapping):
    """The settings of a group as a dict, to read and to set; "params" are its tensors, or the names that choose them.
    What is set in it is set in the optimizer, checked. Deleted, a setting is again the one that the optimizer has. As
    in PyTorch "lr" is with a schedule the learning rate of the next update, "initial_lr" the one without it."""

    def __init__(self, optimizer, number) -> None:
        self._optimizer, self._number = optimizer, number

    def _own(self):
        return {} if self._number is None else self._optimizer.groups[self._number]

    def _tensors(self):
        return [tensor for number, tensor in self._optimizer.held if number == self._number]

    def _factor(self):
        """Of the schedule, in the next update."""
        plan = self._optimizer.schedule
        return 1.0 if plan is None else float(plan(self._optimizer.t))

    def _names(self):
        initial = ["initial_lr"] * (self._optimizer.schedule is not None)
        return ["params", *(name for name in self._optimizer.checks if name not in LEFT_OUT), *initial]

    def __getitem__(self, name) -> Any:
        if name == "params":
            return self._tensors() or self._own().get(name, ())
        if name not in self._names():
            raise KeyError(name)
        setting = name.removeprefix("initial_")
        value = self._own().get(setting, getattr(self._optimizer, setting))
        return value * self._factor() if name == "lr" else value

    def __setitem__(self, name, value) -> None:
        if name == "lr" and self._optimizer.schedule is not None:
            value, factor = self._optimizer.checks[name](name, value), self._factor()
            if not factor:
                raise ValueError("lr: the schedule makes the next learning rate 0; set 'initial_lr'")
            value /= factor
        name = name.removeprefix("initial_") if name in self._names() else name
        if self._number is None:
            setattr(self._optimizer, name, value)
        else:
            self._exchange({**self._own(), name: value})

    def __delitem__(self, name) -> None:
        self._exchange({key: value for key, value in self._own().items() if key != name})

    def _exchange(self, own):
        groups = list(self._optimizer.groups)
        groups[self._number] = own
        self._optimizer.groups = groups

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __repr__(self) -> str:
        return f"Group({dict(self)})"


def check_groups(kind, name, value) -> tuple[Own, ...]:
    """The check of the setting `groups` of a class of optimizers."""
    example = f'[{{"params": ["*.bias", "*Norm*"], "{list(kind.checks)[-3]}": 0}}]'
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, Mapping) for each in value):
        raise TypeError(wrong(name, "a list of dicts", value, example))
    return tuple(_checked(kind, f"{name}[{i}]", each, example) for i, each in enumerate(value))


def _checked(kind, name, group, example):
    made = {}
    for key, value in group.items():
        if key == "params":
            names = tuple(value) if isinstance(value, (list, tuple)) else (value,)
            if not all(isinstance(each, str) for each in names):
                raise TypeError(
                    wrong(f"{name}['params']", "names of parameters, in which * is anything", value, example)
                )
            made[key] = names
        elif key in kind.checks and key not in LEFT_OUT:
            made[key] = kind.checks[key](key, value)
        else:
            known = [each for each in kind.checks if each not in LEFT_OUT]
            raise ValueError(f"{name}: {key!r} is no setting of a group{did_you_mean(key, known) or ';'} "
                             f"{kind.__name__} has {', '.join(known)}")  # fmt: skip
    if "params" not in made:
        raise ValueError(f"{name} does not say whose settings they are; try {example}")
    return Own(made)


def chosen(pattern, names) -> bool:
    """Whether a pattern is for a parameter with these names."""
    return any(fnmatchcase(name, pattern) for name in names)


def number_of(groups, names) -> int | None:
    """The number of the group that a parameter with these names belongs to; None if there is none. ValueError if there
    are two."""
    found = [i for i, group in enumerate(groups) if any(chosen(pattern, names) for pattern in group["params"])]
    if len(found) > 1:
        both = " and ".join(f"groups[{i}] ({groups[i]})" for i in found[:2])
        raise ValueError(
            f"groups: {names[0]} ({names[1]}) is in {both}, and a parameter can be in one only; try names that choose "
            "fewer, such as '*.weight' for '*', and a group with the settings of both"
        )
    return found[0] if found else None


def misfit(groups, places) -> str:
    """An error about the first group that none of the parameters belongs to, or two that one belongs to; "" where there
    is none."""
    every = [name for _, names in places for name in names]
    for group in groups:
        patterns = group["params"]
        if patterns and not any(chosen(pattern, every) for pattern in patterns):
            called, known = " or ".join(map(repr, patterns)), ", ".join(f"{a} ({b})" for _, (a, b) in places)
            return f"groups: no parameter is called {called}{did_you_mean(patterns[0], every) or ';'} there are {known}"
    try:
        for _, names in places:
            number_of(groups, names)
    except ValueError as error:
        return str(error)
    return ""


def held(kind, params: Any) -> tuple[list[dict[str, Any]], list[tuple[int | None, Tensor]]]:
    """(groups, (number of its group, tensor) of each) from what PyTorch's optimizers take: tensors, pairs of a name and
    a tensor, or dicts with such under "params" and settings of their own."""
    plain = isinstance(params, (Tensor, str, Mapping)) or hasattr(params, "parameters")
    if plain or not np.iterable(params):
        raise TypeError(wrong(f"{kind}(params)", "a list of tensors or of dicts", params, "model.parameters()"))
    given: list[Any] = list(params)
    groups, found = [], []
    for each in given if any(isinstance(each, Mapping) for each in given) else [given]:
        number, inside = None, each
        if isinstance(each, Mapping):
            if "params" not in each:
                raise ValueError(f"{kind}: a group has {', '.join(each) or 'nothing'}, and no 'params', its tensors")
            number, inside = len(groups), each["params"]
            groups.append({**each, "params": ()})
        found += [(number, _tensor(kind, one)) for one in ([inside] if isinstance(inside, Tensor) else inside)]
    if not found:
        raise ValueError(f"{kind} was given no parameters: has a generator, such as model.parameters(), been used up?")
    if len({id(tensor) for _, tensor in found}) < len(found):
        raise ValueError(f"{kind} was given a parameter twice; each can be in one group only")
    if len(dtypes := dict.fromkeys(str(tensor.dtype) for _, tensor in found)) > 1:
        raise TypeError(f"{kind} was given parameters of {' and '.join(dtypes)}: make one for each dtype")
    return groups, found


def _tensor(kind, one):
    tensor = one[1] if isinstance(one, tuple) and len(one) == 2 else one
    if not isinstance(tensor, Tensor):
        raise TypeError(wrong(f"{kind}: a parameter", "a Tensor that requires a gradient", one))
    if not tensor.is_leaf or (type(tensor) is Tensor and not tensor.requires_grad):
        why = "was computed" if not tensor.is_leaf else "does not require a gradient"
        raise ValueError(f"{kind}: a tensor of shape {tensor.shape} {why}; try nb.Tensor(x, requires_grad=True)")
    return tensor
