"""What a knob is: one entry that says how a value is checked, read and applied, what it is called, and what it is
turned by. The table is in knobs.py; `Trainer`'s attributes, `set`, flags, undo, rewinding and the controls come from
it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar, overload

from nbprop.checks import did_you_mean
from nbprop.record.controls import Choice, Several, Slider, Switch

Read = TypeVar("Read")  # what a knob stands at
Given = TypeVar("Given")  # what may be assigned to it

KNOBS: "dict[str, Knob[Any, Any]]" = {}  # what has a value that is read and set
ACTIONS: "dict[str, Action]" = {}  # what is done once, such as scaling a layer


class Knob(Generic[Read, Given]):
    """An entry of the table, and the attribute of `Trainer` with its name.

    doc       what the attribute is, for help()
    check     check(run, value, wanted) -> the value to use, or an error; `wanted`: the other values asked for with it
    read      read(run) -> the value now; None: where there is nothing that it could act on
    apply     apply(run, value): make it so, from the next step on. The same call on the same state must do the same
              again: a rewound run makes it anew. May return words about what it did.
    graph     whether what a step computes changes, so that it is recorded anew
    control   what it is turned by: a Slider, Choice, Switch or Several, or None
    each      name of the knob that has a value for each layer, of one that has the same for all
    through   check(run, value, wanted) -> name and value of another knob that this one is a way to turn
    looks     whether `check` looks into the model, which it may do between two steps only; else it goes by
              `run.values`, `run.settings` and the like, which are exchanged as a whole, and nobody has to wait
    """

    name = ""

    def __init__(
        self,
        doc: str,
        *,
        check: "Callable[..., Any] | None" = None,
        read: "Callable[..., Any] | None" = None,
        apply: "Callable[..., Any] | None" = None,
        graph: bool = False,
        control: "Slider | Choice | Switch | Several | None" = None,
        each: str = "",
        through: "Callable[..., Any] | None" = None,
        looks: bool = False,
    ) -> None:
        self.__doc__ = doc
        self.check: Any = check
        self._read, self._apply = read, apply
        self.graph, self.control, self.through, self.looks, self.each = graph, control, through, looks, each

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        KNOBS[name] = self

    @overload
    def __get__(self, trainer: None, owner: type) -> Self: ...
    @overload
    def __get__(self, trainer: Any, owner: type) -> Read: ...
    def __get__(self, trainer: Any, owner: type) -> Any:
        return self if trainer is None else trainer._value(self.name)

    def __set__(self, trainer: Any, value: Given) -> None:
        trainer.set(**{self.name: value})

    def read(self, run: Any) -> Any:
        return run.settings[self.name] if self._read is None else self._read(run)

    def apply(self, run: Any, value: Any) -> Any:
        if self._apply is not None:
            return self._apply(run, value)
        run.settings[self.name] = value

    def __repr__(self) -> str:
        return f"<knob {self.name}>"


@dataclass(frozen=True)
class Action:
    """Something that is done once and recorded as a turn. apply(run, given) as a Knob's; words(given) for its flag."""

    name: str
    apply: Callable[..., Any]
    words: Callable[..., str]

    def __post_init__(self) -> None:
        ACTIONS[self.name] = self


def plain(check: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A Knob's check from one of nbprop.checks."""
    return lambda run, value, wanted: check(name, value)


def unknown(name: str) -> str:
    """What to say of a knob that there is not."""
    names = [*KNOBS, "speed"]
    return f"no knob {name!r}{did_you_mean(name, names) or '.'} The knobs are {', '.join(names)}"
