"""One unit of a network, or one edge, seen large: weights, spread, response, and which samples pull at it."""

from functools import cached_property
from typing import Any

import numpy as np

from nbprop.record.layers import CONVOLUTIONS, unit_axis

from . import columns as parts
from .planes import shown_extent
from .units import Units

SIDE = 32  # places along each side of the plane
BINS = 30
SOURCES = 256  # weights that are shown: the largest
SHOWN = 6  # samples that pull most, each way, of which there is a picture


def pulls(tap, unit, block=None) -> "np.ndarray | None":
    """What each sample of a batch of n adds to a gradient, times n: (n,), so that their mean is the gradient.

    dL/dw = sum_i delta_i x_i over the samples i (and over the places, where there are some), with delta = dL/d(Wx + b)
    of the unit and x what the weight is multiplied with; dL/db = sum_i delta_i. Of a convolution a weight is multiplied
    at each stop of the window with what it sees there: dL/dw = sum_i sum_s delta_is x_is over the stops s. Where the
    loss is a mean over the samples, n times the part of sample i is the gradient of sample i alone. A sample below 0
    pulls the weight up: descent goes against the gradient.

    block: the weights that are asked for (their sum), a range of those of the unit, in the order of `Detail.rows`;
    None: the bias. None where it cannot be told: no gradient arrives, or the layer is no Linear and no convolution.
    """
    if tap.dy is None or not tap.reached or (block is not None and (tap.x is None or tap.x.ndim != tap.dy.ndim)):
        return None
    n = len(tap.dy)
    if block is not None and tap.window is not None:
        return n * np.sum([_filtered(tap, unit, weight) for weight in block], axis=0)
    if block is not None and tap.dy.ndim == 4:
        return None  # which of its axes is that of the inputs is not known
    delta = np.take(tap.dy, unit, axis=unit_axis(tap.dy)).astype(np.float64).reshape(n, -1)
    if block is None:
        return n * delta.sum(axis=1)
    x = tap.x[..., block.start : block.stop].astype(np.float64).sum(axis=-1).reshape(n, -1)
    return n * (delta * x).sum(axis=1)


def _filtered(tap, unit, weight):
    """What each sample adds to the gradient of one weight of a filter, (n,)."""
    window, (units, inputs) = tap.window, (tap.dy.shape[1], tap.x.shape[1])
    channel, *at = np.unravel_index(weight, (inputs // window.groups, *window.kernel))
    delta = tap.dy[:, unit].astype(np.float64)
    x = tap.x[:, unit * window.groups // units * (inputs // window.groups) + channel]
    stopping, moving = (x, delta) if window.backwards else (delta, x)
    stops, places = window.seen(at, stopping.shape[1:], moving.shape[1:])
    return (stopping[:, *stops] * moving[:, *places]).sum(axis=(1, 2))


class Detail:
    """Of the unit, and the edge, that are chosen; `there` is False where there is none such."""

    def __init__(self, inside: Units) -> None:
        chosen, self.inside, self.there = inside.chosen, inside, False
        columns = {inside.names[each.layer]: each for each in inside.columns if each.layer >= 0}
        if chosen.layer not in columns or chosen.unit is None:
            return
        self.column, self.unit = columns[chosen.layer], chosen.unit
        self.source, self.weight = chosen.source, chosen.weight
        self.place = self.column.layer
        self.layer = inside.layers[self.place]
        self.there = self.unit < int(self.layer.units)
        self.step = inside.seen()
        self.tap = None if self.step is None else self.step.taps[self.place]
        self.before = inside.columns[self.column.sources[-1] if self.column.sources else 0]

    def frame(self) -> dict[str, np.ndarray]:
        """extent (4,): left, right, bottom, top of the plane; sources (m,): numbers of the units before with the
        largest weights; parts (m,): which of the weights from there it is, 0 where there is but one; weights, gradient,
        update (m,) of these, empty where not measured; response (h, w): what the
        unit gives over the plane, of the sample, or over time; counts (bins,) of its activations in the last batch
        between range (2,); pulls (n,), sorted, the mean of which is the gradient; order (n,): their places in the
        batch; points (n, 2): where the samples are, of two inputs; targets (n,); pictures (k, h, w): the samples that
        pull most up, then most down, or none."""
        found = {**self._weights(), "response": self._response(), **self._spread()}
        own = self.pulls
        order = np.zeros(0, int) if own is None else np.argsort(own, kind="stable")
        found |= {"pulls": _NONE if own is None else own[order].astype(np.float32), "order": order.astype(np.float32)}
        return found | self._samples(order) | {"extent": self._extent()}

    @property
    def rows(self) -> Any:
        """The weights of each unit in a vector like theta: function of the vector -> (units, inputs), or None."""
        count, shape, groups = int(self.layer.units), self.layer.shape, self.layer.groups
        if "Transpose" in self.layer.kind and len(shape) > 2:  # it has its inputs first
            parts = groups, shape[0] // groups, shape[1], -1
            return lambda flat: flat[self.layer.weight].reshape(parts).swapaxes(1, 2).reshape(count, -1)
        return (lambda flat: flat[self.layer.weight].reshape(count, -1)) if shape and shape[0] == count else None

    def _sources(self):
        """(first, several): the number of the first unit before that its weights come from, and how many weights there
        are from each; several 0 where that cannot be told."""
        layer, inputs = self.layer, self.rows(self.inside.theta).shape[1]
        if layer.kind in CONVOLUTIONS:
            seen = layer.shape[0] // layer.groups if "Transpose" in layer.kind else layer.shape[1]
            return self.unit * layer.groups // int(layer.units) * seen, inputs // seen
        several, rest = divmod(inputs, max(self.before.total, 1))
        joined = len(self.column.sources) > 1 and inputs != self.before.total
        return 0, 0 if rest or joined else several

    def _weights(self):
        rows, inside = self.rows, self.inside
        found = dict.fromkeys(("sources", "parts", "weights", "gradient", "update"), _NONE)
        if rows is None:
            return found
        inside.step = self.step
        own = rows(inside.theta)[self.unit]
        size = np.where(np.isfinite(own), np.abs(own), np.inf)
        size[self.block() or []] = np.inf
        kept = np.sort(np.argsort(-size, kind="stable")[:SOURCES])
        first, several = self._sources()
        sources, places = np.divmod(kept, several or 1)
        found |= {"sources": (first + sources).astype(np.float32), "parts": places.astype(np.float32)}
        found["weights"] = own[kept].astype(np.float32)
        for name in ("gradient", "update"):
            flat = inside.vector(name)
            found[name] = _NONE if flat is None else rows(flat)[self.unit][kept].astype(np.float32)
        return found

    def _extent(self):
        """left, right, bottom, top of the plane, empty without."""
        data = self.inside.data
        if data is None or not self.inside.plain or data.inputs != 2:
            return _NONE
        low, high = shown_extent(data)
        return np.array([low[0], high[0], low[1], high[1]], np.float32)

    def _response(self):
        """(h, w)."""
        inside, data = self.inside, self.inside.data
        if data is not None and inside.plain and data.inputs <= 2:
            low, high = shown_extent(data)
            side = SIDE if data.inputs == 2 else 4 * SIDE
            answers = inside.source.activations(parts.places(low, high, side))[self.place]
            if answers.ndim == 2:
                return np.ascontiguousarray(answers[:, self.unit], np.float32).reshape(-1, side)
        rows, shape = self.rows, inside.shape
        if rows is not None and shape and self.layer.shape[1:] == (shape[0] * shape[1],) and self.before.layer < 0:
            return rows(inside.theta)[self.unit].reshape(shape).astype(np.float32)
        if data is None or inside.plain:
            return np.zeros((0, 0), np.float32)
        one = data.X_train[:1] if inside.one is None else inside.one
        kind, maps = parts.of_one(inside.source.activations(one)[self.place][0], np.array([self.unit]))
        return maps[0] if kind != "value" else np.zeros((0, 0), np.float32)

    def _spread(self):
        if self.tap is None:
            return {"counts": _NONE, "range": _NONE}
        values = np.take(self.tap.a, self.unit, axis=unit_axis(self.tap.z)).ravel().astype(np.float64)
        values = values[np.isfinite(values)]
        if not values.size:
            return {"counts": _NONE, "range": _NONE}
        low, high = values.min(), values.max()
        low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
        counts, _ = np.histogram(values, BINS, (low, high))
        return {"counts": counts.astype(np.float32), "range": np.array([low, high], np.float32)}

    def block(self) -> "range | None":
        """Which of the weights of the unit are chosen: those of an edge, or one of them; None: none of them."""
        if self.source is None or self.rows is None:
            return None
        first, several = self._sources()
        start = (self.source - first) * several
        if not several or not 0 <= start < self.rows(self.inside.theta).shape[1]:
            return None
        if self.weight is not None and self.weight < several:
            return range(start + self.weight, start + self.weight + 1)
        return range(start, start + several)

    @cached_property
    def pulls(self) -> "np.ndarray | None":
        """(n,), of the edge that is chosen, else of the bias."""
        if self.tap is None or self.layer.kind not in ("Linear", *CONVOLUTIONS):
            return None
        if self.source is not None and self.block() is None:
            return None
        return pulls(self.tap, self.unit, self.block())

    def _samples(self, order):
        found = {"points": np.zeros((0, 2), np.float32), "targets": _NONE, "pictures": np.zeros((0, 1, 1), np.float32)}
        x, y = (None, None) if self.step is None else (self.step.x, self.step.y)
        if x is None or len(x) != len(order):
            return found
        if y is not None and y.size == len(order):
            found["targets"] = y.reshape(-1)[order].astype(np.float32)
        if self.inside.plain and x.ndim == 2 and x.shape[1] == 2:
            found["points"] = np.ascontiguousarray(x[order], np.float32)
        elif self.inside.sampled and self.pulls is not None and self.pulls.any():
            most = min(SHOWN, len(order) // 2)
            ends = np.concatenate([order[:most], order[len(order) - most :][::-1]])
            found["pictures"] = parts.small(np.stack([_picture(x[i], self.inside.shape) for i in ends]))
        return found

    def numbers(self) -> "list[list[Any]]":
        """What there is to say in numbers: [name, value] each."""
        inside, layer, unit, step = self.inside, self.layer, self.unit, self.step
        found: list[list[Any]] = []
        if (block := self.block()) is not None:
            inside.step, summed = step, "" if len(block) == 1 else f" (sum of {len(block):,})"
            for name, words in (("weight", "weight"), ("gradient", "dL/dw"), ("update", "last update")):
                if (flat := inside.vector(name)) is not None:
                    found.append([words + summed, float(self.rows(flat)[unit, block].sum())])
        elif layer.bias is not None:
            place = layer.bias.start + unit
            found.append(["bias", float(inside.theta[place])])
            found += [] if step is None else [["dL/db", float(step.gradient[place])]]
        if self.tap is not None:
            found.append(["mean of a", float(parts.means(self.tap)[unit])])
        if (own := self.pulls) is not None:
            found.append(["mean of the pulls", float(own.mean())])
        return found

    def labels(self) -> dict[str, Any]:
        """unit, source, weight: what is shown; window: rows and columns of a filter, if any; several: weights from each
        source, 0 where no edge can be chosen; state: silenced, frozen; numbers; names of the inputs; of: what the pulls
        are of; response: what it is."""
        inside = self.inside
        names = inside.data.features if self.before.layer < 0 and inside.plain else ()
        before = "input" if self.before.layer < 0 else inside.names[self.before.layer]
        response = "what it responds to" if inside.plain else "its weights, as a picture"
        if not inside.plain and (self.rows is None or self.before.layer >= 0 or not inside.shape):
            response = f"what it gives ({'sample 0' if inside.one is None else 'what is chosen'})"
        block, (_, several) = self.block(), (0, 0) if self.rows is None else self._sources()
        edge, filters = block is not None, self.layer.kind in CONVOLUTIONS
        whole = [number for number in self.numbers() if number[0].startswith(("dL/dw", "dL/db"))]
        own = self.pulls
        note = "" if own is not None or self.tap is None else self._silent()
        if own is not None and whole and not np.isclose(own.mean(), whole[0][1], rtol=1e-3, atol=1e-6):
            kept = (self.layer.name, self.unit) in inside.kept
            batches = "of the last batch alone; the gradient is a mean over several"
            note = "frozen: it follows none of this, and its gradient counts as 0" if kept else batches
        return {
            "layer": self.layer.name, "activation": self.layer.activation, "unit": self.unit, "kind": self.layer.kind,
            "source": self.source if edge else None, "before": before, "names": [str(name) for name in names[:SOURCES]],
            "weight": self.weight if block and len(block) < several else None,
            "window": list(self.layer.shape[2:]) if filters else [], "several": several,
            "state": self.state(), "numbers": self.numbers(), "of": "dL/dw" if edge else "dL/db",
            "response": response, "note": note,
        }  # fmt: skip

    def _silent(self):
        """Why nothing is said of who pulls."""
        if self.layer.kind not in ("Linear", *CONVOLUTIONS):
            return "which samples pull is told of Linear layers and convolutions"
        if self.source is not None and self.block() is None:
            return f"no single weight leads from there to unit {self.unit}"
        return "no gradient arrives"

    def state(self) -> str:
        """ "silenced", "frozen", both, or ""."""
        inside, unit = self.inside, (self.layer.name, self.unit)
        return ", ".join(["silenced"] * (unit in inside.silenced) + ["frozen"] * (unit in inside.kept))

    def words(self) -> str:
        """The numbers in a sentence."""
        from .view import number

        what = f"{self.layer.name}, unit {self.unit}" + (f" ({self.state()})" if self.state() else "")
        if (block := self.block()) is not None:
            which = f"weight {self.weight} of the edge" if len(block) < self._sources()[1] else "edge"
            what = f"the {which} from unit {self.source} to {what}"
        said = ", ".join(f"{name} {number(value)}" for name, value in self.numbers())
        own = self.pulls
        samples = "" if own is None else f" {int((own < 0).sum())} of {len(own)} samples pull it up."
        return f"Shown large: {what}: {said}.{samples}"


_NONE = np.zeros(0, np.float32)


def _picture(x, shape):
    """(h, w) of a sample: a picture, a sequence, tokens."""
    x = np.asarray(x, np.float32)
    return x.mean(axis=0) if x.ndim == 3 else x.reshape(shape) if shape else np.atleast_2d(x.T)
