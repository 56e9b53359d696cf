"""The part of an explained step that writes: equations as texts with arrays between them, and what all is called."""

import re
from typing import Any

import numpy as np

from .stations import DIGITS, Line, Named

OVER = {"i": ("ᵢ", "the samples"), "t": ("ₜ", "the steps of the sequence"), "p": ("ₚ", "the places of the picture")}


class Written:
    """The part of Explained with the lines."""

    arrays: list[Named]
    stations: list
    samples: int
    _made: str
    _known: dict
    _since: dict
    _valued: dict
    _names: dict
    _number: dict
    _uses: dict
    _above: set
    _last: Any
    _parameter: Any

    # ---- lines -----------------------------------------------------------------------------------------------------

    def _line(self, station, text, unit, values):
        """A line of the layer's own."""
        left, equals, right = text.partition(" = ")
        name = re.search(r"\{(.+?)\}", left)
        if not equals or name is None or left[0] != "{":
            station.lines.append(Line(tuple(self._pieces(text, unit, values))))
            return
        data = values.get(name[1])
        pieces = [*self._pieces(left, unit, values), " = ", *self._pieces(right, unit, values)]
        k = -1 if data is None else self._array(self._symbol(unit, name[1]), data, self._kind(unit, name[1]))
        station.lines.append(Line(tuple(pieces), k, ((right, values),)))
        self._reuse(station, pieces)

    def _equation(self, station, symbol, left, terms, factor=None):
        """left = the sum of terms, each (text, unit, values), times a factor."""
        kind = "gradient"
        k = -1 if left is None else self._array(symbol, left, kind)
        texts = [self._pieces(*term) for term in terms]
        bare = [text for text, _, _ in terms]
        if factor is not None and (len(texts) > 1 or " " in bare[0]):
            texts = (
                [["(", *each, ")"] for each in texts]
                if len(texts) == 1
                else [["(", *texts[0]], *texts[1:-1], [*texts[-1], ")"]]
            )
        right = [piece for i, each in enumerate(texts) for piece in ((" + ", *each) if i else each)]
        if factor is not None and factor[0] != "1":
            right += [" ⊙ ", *self._pieces(*factor)]
        pieces = [symbol if k < 0 else k, " = ", *right]
        of = None if factor is None else (factor[0], factor[2])
        station.lines.append(Line(tuple(pieces), k, tuple((text, values) for text, _, values in terms), of))
        self._reuse(station, right)

    def _pieces(self, text, unit, values) -> list[Any]:
        """Texts, and numbers of the arrays between them."""
        found = []
        for i, part in enumerate(re.split(r"\{(.+?)\}", text)):
            if i % 2 == 0:
                found.append(part)
            elif part == "Σ":
                found.append(self._sum(unit, values)[0])
            elif values.get(part) is None:
                found.append(self._symbol(unit, part))
            else:
                found.append(self._array(self._symbol(unit, part), values[part], self._kind(unit, part)))
        return [part for part in found if part != ""]

    def _reuse(self, station, pieces):
        """Note what was computed before, and is used again here."""
        here = len(self.stations) - 1
        for k in pieces:
            if isinstance(k, int) and 0 <= self.arrays[k].made < here:
                used = self.arrays[k].symbol, self.arrays[k].made
                if used not in station.reused:
                    station.reused.append(used)

    def _array(self, symbol, data, kind) -> int:
        """The number of an array; a new one is made at the present station, but what is given is there before."""
        data = np.asarray(data)
        key = symbol, data.__array_interface__["data"][0], data.shape
        if key not in self._known:
            made = -1 if kind in ("weight", "setting") else self._since.setdefault(key[:2], len(self.stations) - 1)
            self._known[key] = len(self.arrays)
            self.arrays.append(Named(symbol, data, kind, made))
        return self._known[key]

    def _values(self, unit) -> dict[str, Any]:
        """All that its equations name."""
        if unit not in self._valued:
            values: dict[str, Any] = {}
            for i, x in enumerate(unit.inputs):
                values["x" if i == 0 else f"x{i + 1}"] = x.data
            values |= {"y": unit.output.data, "dy": unit.output.grad}
            for name, parameter in unit.parameters.items():
                values[name], values[f"d{name}"] = self._parameter(unit, parameter)
            self._valued[unit] = {**values, **unit.equations.arrays}
        return self._valued[unit]

    def _sum(self, unit, values):
        """How Σ is written, and what it goes over."""
        dy, over = values.get("dy"), unit.equations.over
        if dy is None or not over:
            return "", []
        axes = [n for axis, n in enumerate(dy.shape) if axis != unit.equations.axis % max(dy.ndim, 1)][
            : None if len(over) > 1 else 1
        ]
        found = list(dict.fromkeys(over[min(i, len(over) - 1)] for i, n in enumerate(axes) if n > 1))
        return ("Σ" + "".join(OVER[each][0] for each in found) + " " if found else ""), found

    def _in_words(self, station, unit, values):
        text, over = self._sum(unit, values)
        if text:
            shares = f", as 1/{self.samples} is in each" if self._made == "mean" else ""
            mean = f": the {self._made} of their gradients{shares}" if "i" in over else ""
            station.where["Σ"] = "the sum over " + " and ".join(OVER[each][1] for each in over) + mean

    def _of_what_is_there(self, station):
        """What those signs mean that stand in its lines."""
        pieces = [piece for line in station.lines for piece in line.pieces]
        bare = [
            re.sub(r"[₀-₉]|\[.\]", "", self.arrays[each].symbol) if isinstance(each, int) else each for each in pieces
        ]
        text = re.sub("(?<=Σ)[ᵢₜₚ]+", "", " ".join([*bare, "".join(bare)]))
        signs = {name: name.split(", ") for name in station.where}
        return {
            name: words
            for name, words in station.where.items()
            if any(
                (not each.isalnum() and (each in text or " " in each))
                or re.search(rf"(?<!\w){re.escape(each)}(?!\w)", text)
                for each in signs[name]
            )
        }

    # ---- names -----------------------------------------------------------------------------------------------------

    def _symbol(self, unit, name) -> str:
        """How a name of the equations of a unit is written."""
        number = "" if unit is self._last else str(self._number[unit]).translate(DIGITS)
        if name == "dy" or (name[0] == "d" and name[1:] == unit.equations.out and unit.equations.over == "ti"):
            return self._d(unit.output) if name == "dy" else f"∂L/∂{name[1:]}{number}"
        if (place := re.fullmatch(r"x(\d*)", name)) and int(place[1] or 1) <= len(unit.inputs):
            x = unit.inputs[int(place[1] or 1) - 1]
            return self._names.get(x, "x")
        if name == "y":
            return self._names[unit.output]
        if name in unit.parameters:
            owner = self._uses[id(unit.parameters[name])][0]
            return name + str(self._number[owner]).translate(DIGITS)
        if name[0] == "d" and len(name) > 1:
            return f"∂L/∂{self._symbol(unit, name[1:])}"
        if name == "t":
            return "y"
        name = name.replace("e", "δ") if name[0] == "e" else name
        if np.ndim(unit.equations.arrays.get(name, ())) == 0:
            return name
        if len(name) == 2 and name[0] in "WUbkδ" and name[1] != "′":  # the rows of a gate
            whole = self._symbol(unit, name[0]) if name[0] in unit.parameters else f"{name[0]}{number}"
            return f"{whole}[{name[1]}]"
        return name + number

    def _d(self, x) -> str:
        """The derivative with respect to a result."""
        name = self._names.get(x, "x")
        return f"δ{name[1:]}" if name[0] == "z" else f"∂L/∂{name}" + "↑" * (x in self._above)

    def _kind(self, unit, name) -> str:
        if name in unit.parameters or (len(name) == 2 and name[0] in "WUbk"):
            return "weight"
        if name[0] == "e" or (name[0] == "d" and len(name) > 1):
            return "gradient"
        return "setting" if np.ndim(unit.equations.arrays.get(name, [0])) == 0 else "value"
