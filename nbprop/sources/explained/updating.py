"""The part of an explained step that changes the parameters."""

from functools import cached_property
from typing import Any

import numpy as np

from nbprop.equations import Rule, update

from .stations import Line
from .strips import matrix


class Updating:
    """The part of Explained with the parameters, before and after."""

    rehearsal: Any
    arrays: list
    columns: list
    units: list
    _uses: dict
    _number: dict
    _places: dict
    _station: Any
    _array: Any
    _symbol: Any
    _reuse: Any

    @cached_property
    def _valued(self) -> dict[Any, dict[str, Any]]:
        return {}

    @cached_property
    def _handed(self) -> dict[Any, dict[Any, np.ndarray]]:
        return {}

    @cached_property
    def rules(self) -> dict[int, Rule]:
        """id of a parameter -> how the optimizer changes it in this step: one and the same where it does the same."""
        r = self.rehearsal
        s, before = r.settings, r.gradient.copy()
        for place in r.frozen:
            before[place] = 0
        with np.errstate(all="ignore"):
            if s.l1:
                penalty = s.l1 * np.sign(r.theta)
                for place in r.frozen:
                    penalty[place] = 0
                before += penalty
            if s.clip_value is not None:
                np.clip(before, -s.clip_value, s.clip_value, out=before)
            norm = float(np.linalg.norm(before))
        found, made = {}, {}
        for parameter, (shape, names) in zip(r.model.parameters(), r.model._places(), strict=True):
            like = r.optimizer.number_of(names), *((names[1], shape) if r.optimizer.shaped else ())
            if like not in made:
                one = r.optimizer.one_of(*like)
                one.state = r.optimizer.state  # some rules begin otherwise
                made[like] = update(one, s.l1, s.clip_value, s.clip, norm, s.accumulate)
            found[id(parameter)] = made[like]
        return found

    def _where_parameters_lie(self) -> dict[int, slice]:
        places, start = {}, 0
        for parameter in self.rehearsal.model.parameters():
            places[id(parameter)] = slice(start, start + parameter.size)
            start += parameter.size
        return places

    def _at(self, parameter) -> slice | None:
        return self._places.get(id(parameter))

    def _parameter(self, unit, parameter) -> tuple[Any, Any]:
        """A parameter as it was before the update, and what this unit adds to its gradient in this batch."""
        at, r = self._at(parameter), self.rehearsal
        if at is None:  # of a loss that keeps some
            return parameter.data, None
        before = r.theta[at].reshape(parameter.shape)
        if not parameter.requires_grad or unit.output.grad is None:
            return before, None
        if len(self._uses[id(parameter)]) == 1 and r.settings.accumulate == 1:
            return before, r.gradient[at].reshape(parameter.shape)
        if unit not in self._handed:
            self._handed[unit] = unit.handed_back()
        return before, self._handed[unit].get(parameter)

    def _updates(self, unit):
        """The station of the parameters that this unit is the first to use."""
        own = {
            name: p for name, p in unit.parameters.items() if self._uses[id(p)][0] is unit and self._at(p) is not None
        }
        if not own:
            return
        r, names = self.rehearsal, [self._symbol(unit, name) for name in own]
        kind = type(r.optimizer).__name__
        station = self._station(f"layer {self._number[unit]}", f"{kind} changes {', '.join(names)}", "update", unit)
        if r.stopped:
            station.note = f"There is no update. {r.stopped}"
            return
        rules = []
        for i, (name, parameter) in enumerate(own.items()):
            values, W = self._before_and_after(parameter), names[i]
            at = self._places[id(parameter)]
            if any(place.start <= at.start and at.stop <= place.stop for place in r.frozen):
                k = self._array(f"Δ{W}", values["ΔW"], "gradient")
                station.lines.append(Line((k, " = 0, for it is frozen"), k))
                continue
            if parameter.frozen_rows:
                station.note = f"Frozen, with Δ = 0: unit {', '.join(map(str, parameter.frozen_rows))}."
            rules.append(self.rules[id(parameter)])
            station.cost += rules[-1].flops * parameter.size
            self._changes(station, unit, name, values, whole=rules[-1] not in rules[:-1])
            if i == 0:
                k = self._array(f"Δ{W}", values["ΔW"], "gradient")
                self.columns[self._number[unit]].bottom.append(matrix(k, values["ΔW"]))

    def _before_and_after(self, parameter):
        """All that the rule names, of one parameter."""
        r, at, rule = self.rehearsal, self._places[id(parameter)], self.rules[id(parameter)]
        dtype = r.theta.dtype
        values: dict[str, Any] = {name: np.array(value, dtype) for name, value in rule.settings.items()}
        values |= {"W": r.theta[at], "dW": r.gradient[at], "ΔW": r.after[at] - r.theta[at]}
        for name, vector in rule.state.items():
            old = r.optimizer.state.get(vector)
            values[name] = np.zeros_like(values["W"]) if old is None else old[at]
            values[f"{name}′"] = r.state[vector][at]
        return {name: each.reshape(parameter.shape) if each.ndim else each for name, each in values.items()}

    def _changes(self, station, unit, parameter, values, whole):
        """The lines of a parameter; only the last one where the others say the same as those of another."""
        uses, rule = self._uses[id(unit.parameters[parameter])], self.rules[id(unit.parameters[parameter])]
        if len(uses) > 1 and whole:
            parts = " + ".join(f"the part of layer {self._number[each]}" for each in uses)
            station.lines.append(Line((self._symbol(unit, f"d{parameter}"), f" = {parts}")))
        for left, right, compute in rule.lines:
            before = dict(values)
            if compute is not None:
                with np.errstate(all="ignore"):
                    values[left] = np.asarray(compute(values), values["W"].dtype)
            if not (whole or left == "ΔW"):
                continue
            k = self._array(self._written(unit, parameter, left), values[left], "gradient")
            pieces = self._of_rule(right, unit, parameter, before)
            if not whole:
                pieces = ["likewise"]
            arrow = " ← " if left in before and left == "g" else " = "
            station.lines.append(Line((k, arrow, *pieces), k, ((right, before),)))
            self._reuse(station, pieces)
        station.where |= rule.where

    def _written(self, unit, parameter, name):
        """How a name of the rule is written for this parameter."""
        W = self._symbol(unit, parameter)
        return {"W": W, "dW": self._symbol(unit, f"d{parameter}"), "ΔW": f"Δ{W}"}.get(name, name)

    def _of_rule(self, text, unit, parameter, values):
        found: list[Any] = []
        for i, part in enumerate(text.replace("{", "\0").replace("}", "\0").split("\0")):
            if i % 2 == 0:
                found.append(part)
            else:
                kind = "weight" if part == "W" else "setting" if not values[part].ndim else "gradient"
                if f"{part}′" in values:
                    kind = "setting"  # it is remembered from the step before
                found.append(self._array(self._written(unit, parameter, part), values[part], kind))
        return [part for part in found if part != ""]
