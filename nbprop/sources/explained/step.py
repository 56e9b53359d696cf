"""A step explained: forward, error, backward and update as stations, each with its equations, their numbers, its cost.

All numbers are those of the step itself, which a copy of the run has made (see training/rehearsal.py); only what stands
between two of them, such as Adam's corrected means, is computed from these.
"""

from typing import Any

import numpy as np

from nbprop import nn
from nbprop.engine import Tensor

from .stations import DIGITS, Line, Named, Station
from .strips import Column, matrix, picture, units
from .units import Unit, fused, units_of
from .updating import Updating
from .written import Written

SHARED = ("ᵀ", "X⁺", "n", "0", "mean", "M", "s", "dβ")  # what signs mean that stand where something is handed back


class Explained(Written, Updating):
    """The stations of one step of a run: of the next one, with the batch or with one sample.

    source   a Trainer, or a Moment of one: whatever has `rehearse(sample)`
    sample   the number of a sample of the training data; None: the batch

    stations: from the input to the last update, each a `Station`. arrays: the `Named` of their lines, by number.
    columns: what is drawn of each layer. step: the number of the step. loss: of the batch, or the sample.
    forward, backward: FLOPs of all of the way there, and of error and way back. rehearsal: all that is known of it.
    """

    # What a board asks of a source: nothing is running here.
    status, message, version = "ready", "", 0

    def __init__(self, source: Any, sample: "int | None" = None) -> None:
        self.rehearsal = rehearsal = source.rehearse(sample)
        self.sample, self.step, self.samples = sample, rehearsal.step, rehearsal.samples or 1
        self.steps, self.loss = rehearsal.step - 1, float(rehearsal.loss.data)
        self.arrays: list[Named] = []
        self.stations: list[Station] = []
        self.columns: list[Column] = []
        self._known: dict[Any, int] = {}
        self._since: dict[Any, int] = {}  # the same numbers in another shape were computed there
        self.units = units_of(rehearsal)
        self._look_around()
        self._explain()
        self.forward, self.backward = (
            sum(station.cost for station in self.stations if station.phase in phases)
            for phases in (("forward",), ("error", "backward"))
        )

    def rehearse(self, sample: "int | None" = None) -> Any:
        """Its own step, and no other."""
        if sample != self.sample:
            raise ValueError(f"this is the step with {self.whose}; Explained(trainer, {sample!r}) explains that one")
        return self.rehearsal

    @property
    def whose(self) -> str:
        """The batch or the sample, in words."""
        return "the batch" if self.sample is None else f"sample {self.sample}"

    @property
    def uncounted(self) -> list[str]:
        """Names of ops whose cost nobody has counted: they are in no cost."""
        return sorted(set().union(*(unit.uncounted for unit in self.units)))

    def __len__(self) -> int:
        return len(self.stations)

    def __repr__(self) -> str:
        return f"Explained(step {self.step} with {self.whose}, {len(self.stations)} stations)"

    # ---- the stations ----------------------------------------------------------------------------------------------

    def _look_around(self):
        """Who uses what; names of all results."""
        self._users: dict[Tensor, list[tuple[Unit, int]]] = {}
        self._uses: dict[int, list[Unit]] = {}
        for unit in self.units:
            for i, x in enumerate(unit.inputs):
                self._users.setdefault(x, []).append((unit, i))
            for parameter in unit.parameters.values():
                self._uses.setdefault(id(parameter), []).append(unit)
        *units, self._last = self.units
        self._pairs = fused(units, self._users)
        self._number = {each: k for k, pair in enumerate(self._pairs, 1) for each in pair if each}
        self._number[self._last] = len(self._pairs) + 1
        self._names: dict[Tensor, str] = {self._last.output: "L"}
        for k, (unit, after) in enumerate(self._pairs, 1):
            for letter, each in ((unit.equations.out, unit), ("a", after)):
                for i, x in enumerate(each.outputs if each else ()):
                    self._names[x] = f"{letter}{k}".translate(DIGITS) + "′" * i
        self._above = {x for unit in self.units if unit.equations.over == "ti" for x in unit.outputs}
        self._places = self._where_parameters_lie()
        starts = {layer.weight.start: i for i, layer in enumerate(self.rehearsal.layers)}
        self._layer = {unit: self._layer_in(unit, starts) for unit in self.units}

    def _layer_in(self, unit, starts):
        """The number of the layer of a unit: the first of its parameters says it."""
        places = (self._at(parameter) for parameter in unit.parameters.values())
        return next((starts[at.start] for at in places if at is not None and at.start in starts), None)

    def _explain(self):
        self._input()
        for unit, after in self._pairs:
            self._forward(unit, after)
        self._error()
        for unit, after in reversed(self._pairs):
            self._backward(unit, after)
        for unit, _ in self._pairs:
            self._updates(unit)
        for station in self.stations:
            station.where = self._of_what_is_there(station)

    def _station(self, name, what, phase, unit=None) -> Station:
        column = self._number[unit] if unit else 0
        self.stations.append(Station(name, what, phase, column=column, layer=self._layer.get(unit)))
        return self.stations[-1]

    def _input(self):
        station = self._station("input", self.whose, "forward")
        early = [unit for unit, _ in self._pairs] or [self._last]
        given = dict.fromkeys(x for unit in early for x in unit.inputs if x.op is None and unit.takes(x))
        for i, x in enumerate(given):
            self._names[x] = "x" + "′" * i
            k = self._array(self._names[x], x.data, "value")
            station.lines.append(Line((k,), k))
        first = [x.data for x in given][:1]
        sequences = early[0].equations.axis == 1  # of which the channels come first
        shown = [
            picture(0, x)
            if self._one and x.ndim == 4
            else self._units(0, x, axis=1 if sequences or x.ndim == 4 else -1)
            for x in first
        ]
        self.columns.append(Column("input", shown))
        if not self._one:
            station.note = f"{self.samples} samples; the equations hold for each of them."

    def _forward(self, unit, after):
        k = self._number[unit]
        station = self._station(f"layer {k}", unit.words(after), "forward", unit)
        column = Column(unit.title(after))
        self.columns.append(column)
        for each in filter(None, (unit, after)):
            station.cost += each.cost[0]
            values = self._values(each)
            for text in each.equations.forward:
                self._line(station, text, each, values)
            station.where |= each.equations.where
            column.top.append(self._strip(each, "y", each.output.data, "value"))
        for name in list(unit.parameters)[:1]:
            data = self._values(unit)[name]
            column.bottom.append(matrix(self._array(self._symbol(unit, name), data, "weight"), data))

    def _error(self):
        unit = self._last
        values, (there, back) = self._values(unit), unit.cost
        station = self._station("loss", unit.words(), "error", unit)
        station.cost = there
        for text in unit.equations.forward:
            self._line(station, text, unit, values)
        station.where |= unit.equations.where
        shown = [(name, values[name]) for name in ("p", "t", "y") if name in values]
        self.columns.append(Column("loss", [self._strip(unit, name, data, "value") for name, data in shown]))
        station = self._station("error", f"what {unit.words()} sends back", "error", unit)
        station.cost = back
        for text in unit.equations.inner:
            self._line(station, text, unit, values)
        for x in unit.inputs:
            if x.op is not None and x.grad is not None and len(self._users[x]) == 1:
                self._arrives(station, x)
        station.where |= unit.equations.where
        self._mean(station)

    @property
    def _made(self):
        """ "mean", "weighted mean" or "sum": how the loss of a batch is made of those of its samples."""
        loss = self._last.module
        if getattr(loss, "reduction", "mean") == "sum":
            return "sum"
        weighs = isinstance(loss, nn.NLLLoss) and (loss.weight is not None or loss.ignore_index is not None)
        return "weighted mean" if weighs else "mean"

    def _mean(self, station):
        if not self._one:
            notes = {
                "mean": f"so its 1/{self.samples} is in the derivatives of each, and their sum is the mean of the "
                "samples' gradients.",
                "weighted mean": "each of which counts as much as its class weighs.",
                "sum": "and so are all derivatives.",
            }
            station.note = f"The loss is the {self._made} over {self.samples} samples, {notes[self._made]}"

    def _backward(self, unit, after):
        outputs = (after or unit).outputs
        if all(x.grad is None for x in outputs):
            return  # nothing before it is trained
        station = self._station(f"layer {self._number[unit]}", unit.words(after), "backward", unit)
        station.cost = unit.cost[1] + (after.cost[1] if after else 0)
        for x in outputs:
            known = [user for user, _ in self._users.get(x, ())] == [self._last]  # from the station of the error
            if x.grad is not None and (after or not known):
                self._arrives(station, x, after, known)
        values, column = self._values(unit), self.columns[self._number[unit]]
        for text in unit.equations.inner:
            self._line(station, text, unit, values)
        for name, text in unit.equations.gradients.items():
            left = values.get(f"d{name}")
            if left is not None:
                if rows := unit.parameters[name].frozen_rows:
                    station.note = f"Frozen, so that its gradient counts as 0: unit {', '.join(map(str, rows))}."
                several = len(self._uses[id(unit.parameters[name])]) > 1
                symbol = self._symbol(unit, f"d{name}") + (f" (of layer {self._number[unit]})" if several else "")
                self._equation(station, symbol, left, [(text, unit, values)])
        if unit.equations.gradients:
            station.where |= unit.equations.where
            self._in_words(station, unit, values)
        shown = (after, unit) if after and [user for user, _ in self._users[after.output]] == [self._last] else (unit,)
        for each in shown:
            if each.output.grad is not None:
                column.top.append(self._strip(each, "dy", each.output.grad, "gradient"))
        for name in list(unit.parameters)[:1]:
            if (data := values.get(f"d{name}")) is not None:
                column.bottom.append(matrix(self._array(self._symbol(unit, f"d{name}"), data, "gradient"), data))

    def _arrives(self, station, x, after=None, known=False):
        """The line of the derivative with respect to x: what all that use it hand back. after: the activation that
        gives x: goes on through it."""
        users = self._users[x]
        terms = [(unit.equations.backs(i, x), unit, self._values(unit)) for unit, i in users]
        if not known or after is None:
            for unit, _ in users:
                station.where |= {name: words for name, words in unit.equations.where.items() if name in SHARED}
        if after is None:
            self._equation(station, self._d(x), x.grad, terms)
            return
        if len(terms) > 1 and not known:
            self._equation(station, self._d(x), x.grad, terms)
        if after.inputs[0].grad is None:
            return
        if known or len(terms) > 1:
            terms = [("{dy}", after, self._values(after))]
        station.where |= after.equations.where
        slope = after.equations.slope, after, self._values(after)
        self._equation(station, self._d(after.inputs[0]), after.inputs[0].grad, terms, slope)

    # ---- what is drawn ---------------------------------------------------------------------------------------------

    @property
    def _one(self):
        """Whether there is but one sample."""
        return self.samples == 1

    def _units(self, k, data, axis, sample_axis=0):
        return units(k, data, axis, sample_axis, self._one)

    def _strip(self, unit, name, data, kind):
        k = self._array(self._symbol(unit, name), data, kind)
        values, time = self._values(unit), unit.equations.over == "ti"
        if time:  # all steps, whatever of them is used
            data = values["h"][1:] if name == "y" else values["dh"]
        axis = 1 if np.ndim(data) == 4 else unit.equations.axis  # the channels of pictures
        return self._units(k, data, axis, 1 if time else 0)
