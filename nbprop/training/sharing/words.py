"""Python text for what a script makes: numbers, optimizers, schedules, activations, losses, data sets."""

import re
import sys
from dataclasses import fields
from itertools import groupby, pairwise
from typing import Any

from nbprop import data as datasets, nn, saving
from nbprop.optim import schedules

from .recipe import OBJECTIVE, Recipe, Source, Turn
from .telling import others, partial_of, refuse, same_data

LONG = 120  # characters of a line
FEW = 4  # turns of one knob from which on they are written as a loop
OWN = """\
# {name}: data of your own, which a script cannot hold. Keep them once, beside the run, in a file,
#     data = trainer.data
#     np.savez("{file}", X=data.X_train, y=data.y_train, X_val=data.X_val, y_val=data.y_val)
# and give its name when you run this script: python script.py {files}
with np.load(sys.argv[{i}]) as saved:
    X, y, X_val, y_val = (saved[part] for part in ("X", "y", "X_val", "y_val"))"""


def call(function: str, settings: dict[str, Any]) -> str:
    return f"{function}({', '.join(f'{name}={shown(value)}' for name, value in settings.items())})"


def shown(value: Any) -> str:
    """A value as a program has it."""
    if isinstance(value, schedules.Product):
        return f"{shown(value.first)} * {shown(value.second)}"
    if isinstance(value, schedules.Schedule):
        given = value.settings()
        usual = {each.name: each.default for each in fields(value)}
        return call(f"nb.optim.{type(value).__name__}", {n: v for n, v in given.items() if v != usual[n]})
    if isinstance(value, nn.Loss):
        return call(f"nb.nn.{type(value).__name__}", others(value))
    if isinstance(value, nn.Activation):
        return call(f"nb.nn.{type(value).__name__}", saving.settings(value))
    if (init := partial_of(value)) is not None:
        return call(f"nb.nn.init.{init[0]}", init[1])
    if isinstance(value, str):
        return '"' + repr(value + "'")[1:-2] + '"' if '"' not in value else repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))}{',' * (len(value) == 1)})"
    return repr(value)


def optimizer(value: Any, prefix: str = "nb.optim") -> str:
    """With the learning rate, and all other settings that are not as usual."""
    usual = type(value).defaults()
    given = {name: each for name, each in value.settings().items() if each != usual[name] or name == "lr"}
    return call(f"{prefix}.{type(value).__name__}", given)


def harmless(text: str) -> str:
    """A name as it may stand in a program's comments."""
    return "".join(each for each in text if each.isalnum() or each in " _-") or "data"


class Sources:
    """The data sets of a script: by their names, or one's own, which are read from files."""

    def __init__(self, told: Recipe) -> None:
        every = [told.data, *(turn.value["data"] for turn in told.turns if "data" in _halves(turn))]
        self.own = [each for each in every if each.own is not None]

    def lines(self, source: Source) -> tuple[list[str], str]:
        """(what must stand before, the data set) as text."""
        if source.own is None:
            given = {n: v for n, v in source.settings.items() if (n, v) != ("samples", 400)}
            return [], call(f"nb.data.{source.name}", given)
        i = next(i for i, each in enumerate(self.own) if each is source)
        names = ["data.npz", *(f"data{n}.npz" for n in range(2, len(self.own) + 1))]
        before = OWN.format(name=shown(source.name), file=names[i], files=" ".join(names), i=i + 1)
        return before.splitlines(), _arrays(source.own)


def _halves(turn: Turn):
    return turn.value if turn.name == OBJECTIVE else {}


def _arrays(data):
    """from_arrays with what it gave in the end; refused where that would not be the same."""
    settings: dict[str, Any] = {"task": data.task, "name": data.name}
    if data.classes:
        settings["classes"] = tuple(map(str, data.classes))
    if data.features != tuple(f"x{i + 1}" for i in range(len(data.features))):
        settings["features"] = tuple(map(str, data.features))
    val = (data.X_val, data.y_val) if len(data.X_val) else ()
    settings |= {} if val else {"validation": 0}
    try:
        made = datasets.from_arrays(data.X_train, data.y_train, *val, **settings)
    except (ValueError, TypeError, Warning) as error:
        refuse(f"its data {data.name!r} cannot be made again from their arrays: {error}")
    if not same_data(made, data):
        refuse(f"its data {data.name!r} cannot be made again from their arrays: they would be others")
    arrays = "X, y, X_val, y_val" if val else "X, y"
    return f"nb.data.from_arrays({arrays}, {call('', settings)[1:-1]})"


# ---- a run in words --------------------------------------------------------------------------------------------------


def stops(turns: tuple[Turn, ...]) -> list[tuple[int, list[Turn]]]:
    """(step, what was turned there), in order; of a knob that a hand has dragged all in one: (first step, turns)."""
    found: list[tuple[int, list[Turn]]] = [(step, list(each)) for step, each in groupby(turns, lambda turn: turn.step)]
    made: list[tuple[int, list[Turn]]] = []
    for step, each in found:
        if len(each) == 1 and made and _goes_on(made[-1][1], each[0]):
            made[-1][1].append(each[0])
        else:
            made.append((step, each))
    return [piece for stop in made for piece in _pieces(*stop)]


def _goes_on(before, turn):
    names = {each.name for each in before}
    return names == {turn.name} and turn.name in LOOPED and len({each.step for each in before}) == len(before)


def _pieces(step, turns):
    """A drag of a few turns is written out."""
    if 1 < len(turns) < FEW and len({turn.step for turn in turns}) == len(turns):
        return [(turn.step, [turn]) for turn in turns]
    return [(step, turns)]


LOOPED = ("lr", "momentum", "weight_decay", "alpha", "rho", "eps", "batch_size", "clip", "clip_value", "l1", "dropout")


def looped(turns: list[Turn]) -> bool:
    """Whether they are those of one dragged knob."""
    return len(turns) >= FEW and len({turn.step for turn in turns}) == len(turns)


def pairs(turns: list[Turn]) -> list[str]:
    """`steps = [(120, 0.02), ...]`, in lines that are not too long."""
    lines, line = [], ""
    for turn in turns:
        each = f"({turn.step}, {shown(turn.value)}),"
        if len(line) + len(each) > 100:
            lines, line = [*lines, line.rstrip()], ""
        line += each + " "
    return [*lines, line.rstrip()]


# ---- layout ----------------------------------------------------------------------------------------------------------


def laid_out(text: str) -> str:
    """A program without lines that are too long, and without more than two empty ones."""
    text = re.sub(r"\n{4,}", "\n\n\n", text)
    return "\n".join(each for line in text.split("\n") for each in _folded(line))


def _folded(line):
    """A line, or several: what is in its last brackets, and if that is too long, one part of it a line."""
    if len(line) <= LONG or line.lstrip().startswith("#") or line[-1] not in ")]":
        return [line]
    start, commas = _last_brackets(line)
    before, inside, after = line[: start + 1], line[start + 1 : -1], line[-1]
    indent = " " * (len(line) - len(line.lstrip()))
    if len(indent) + 4 + len(inside) <= LONG:
        return [before, f"{indent}    {inside}", indent + after]
    ends = [*commas, len(line) - 1]
    parts = [_folded(f"{indent}    {line[a + 1 : b].strip()}") for a, b in pairwise([start, *ends])]
    return [before, *(each for *lines, last in parts for each in [*lines, f"{last},"]), indent + after]


def _last_brackets(line):
    """(where the bracket is that the last character closes, where the commas between its parts are)."""
    opened, commas, quote = [], {}, ""
    for i, char in enumerate(line):
        if quote:
            quote = "" if char == quote and line[i - 1] != "\\" else quote
        elif char in "\"'":
            quote = char
        elif char in "([{":
            opened.append(i)
        elif char in ")]}":
            last = opened.pop()
        elif char == "," and opened:
            commas.setdefault(opened[-1], []).append(i)
    return last, commas.get(last, [])


def version() -> str:
    """Of nbprop, which is there: this is a part of it."""
    return sys.modules["nbprop"].__version__


def title(told: Recipe) -> str:
    """The first line of a script."""
    inputs, outputs = (told.data.make().inputs, told.data.make().outputs)
    layers = "-".join(map(str, [*(["pixels"] if told.flatten else [inputs]), *told.hidden, outputs]))
    turns = len(told.turns)
    changes = f", with {turns} change{'s' * (turns > 1)} on the way" if turns else ""
    return f"A network {layers} learns {harmless(told.data.name)}: {told.steps:,} steps{changes}."
