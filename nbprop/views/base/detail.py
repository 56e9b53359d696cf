"""One unit of a network, or one edge, seen large: weights, spread, response, and which samples pull at it."""

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
    of the unit and x what the weight is multiplied with; dL/db = sum_i delta_i. Where the loss is a mean over the
    samples, n delta_i x_i is the gradient of sample i alone. A sample below 0 pulls the weight up: descent goes against
    the gradient.

    block: the inputs, a slice, whose weights are asked for (their sum); None: the bias. None where it cannot be told:
    no gradient arrives, or the layer is no Linear.
    """
    if tap.dy is None or not tap.reached or (block is not None and (tap.x is None or tap.x.ndim != tap.dy.ndim)):
        return None
    if block is not None and tap.dy.ndim == 4:
        return None  # a convolution's weight is multiplied with many inputs
    n = len(tap.dy)
    delta = np.take(tap.dy, unit, axis=unit_axis(tap.dy)).astype(np.float64).reshape(n, -1)
    if block is None:
        return n * delta.sum(axis=1)
    x = tap.x[..., block].astype(np.float64).sum(axis=-1).reshape(n, -1)
    return n * (delta * x).sum(axis=1)


class Detail:
    """Of the unit, and the edge, that are chosen; `there` is False where there is none such."""

    def __init__(self, inside: Units) -> None:
        chosen, self.inside, self.there = inside.chosen, inside, False
        columns = {inside.names[each.layer]: each for each in inside.columns if each.layer >= 0}
        if chosen.layer not in columns or chosen.unit is None:
            return
        self.column, self.unit, self.source = columns[chosen.layer], chosen.unit, chosen.source
        self.place = self.column.layer
        self.layer = inside.layers[self.place]
        self.there = self.unit < int(self.layer.units)
        self.step = inside.seen()
        self.tap = None if self.step is None else self.step.taps[self.place]
        self.before = inside.columns[self.column.sources[-1] if self.column.sources else 0]

    def frame(self) -> dict[str, np.ndarray]:
        """extent (4,): left, right, bottom, top of the plane; sources (m,): numbers of the inputs of the unit with the
        largest weights; weights, gradient, update (m,) of these, empty where not measured; response (h, w): what the
        unit gives over the plane, of the sample, or over time; counts (bins,) of its activations in the last batch
        between range (2,); pulls (n,), sorted, the mean of which is the gradient; order (n,): their places in the
        batch; points (n, 2): where the samples are, of two inputs; targets (n,); pictures (k, h, w): the samples that
        pull most up, then most down, or none."""
        found = {**self._weights(), "response": self._response(), **self._spread()}
        own = self.pulls()
        order = np.zeros(0, int) if own is None else np.argsort(own, kind="stable")
        found |= {"pulls": _NONE if own is None else own[order].astype(np.float32), "order": order.astype(np.float32)}
        return found | self._samples(order) | {"extent": self._extent()}

    @property
    def rows(self) -> Any:
        """The weights of each unit in a vector like theta: function of the vector -> (units, inputs), or None."""
        count, shape = int(self.layer.units), self.layer.shape
        if len(shape) < 2 or shape[0] != count or "Transpose" in self.layer.kind:  # it has its inputs first
            return None
        return lambda flat: flat[self.layer.weight].reshape(count, -1)

    def _weights(self):
        rows, inside = self.rows, self.inside
        found = dict.fromkeys(("sources", "weights", "gradient", "update"), _NONE)
        if rows is None:
            return found
        inside.step = self.step
        own = rows(inside.theta)[self.unit]
        size = np.where(np.isfinite(own), np.abs(own), np.inf)
        kept = np.sort(np.argsort(-size, kind="stable")[:SOURCES])
        found |= {"sources": kept.astype(np.float32), "weights": own[kept].astype(np.float32)}
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

    def block(self) -> "slice | None":
        """The inputs whose weights the chosen edge is; None: no edge is chosen."""
        if self.source is None or self.rows is None or self.layer.groups > 1:
            return None
        per, rest = divmod(self.rows(self.inside.theta).shape[1], max(self.before.total, 1))
        return slice(self.source * per, (self.source + 1) * per) if per and not rest else None

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
        elif self.inside.sampled:
            most = min(SHOWN, len(order) // 2)
            ends = np.concatenate([order[:most], order[len(order) - most :][::-1]])
            found["pictures"] = parts.small(np.stack([_picture(x[i], self.inside.shape) for i in ends]))
        return found

    def numbers(self) -> "list[list[Any]]":
        """What there is to say in numbers: [name, value] each."""
        inside, layer, unit, step = self.inside, self.layer, self.unit, self.step
        found: list[list[Any]] = []
        if self.source is not None and self.block() is not None:
            at = unit, self.block()
            found.append(["weight", float(self.rows(inside.theta)[at].sum())])
            inside.step = step
            for name, words in (("gradient", "dL/dw"), ("update", "last update")):
                if (flat := inside.vector(name)) is not None:
                    found.append([words, float(self.rows(flat)[at].sum())])
        elif layer.bias is not None:
            place = layer.bias.start + unit
            found.append(["bias", float(inside.theta[place])])
            found += [] if step is None else [["dL/db", float(step.gradient[place])]]
        if self.tap is not None:
            found.append(["mean of a", float(parts.means(self.tap)[unit])])
        if (own := self.pulls()) is not None:
            found.append(["mean of the pulls", float(own.mean())])
        return found

    def labels(self) -> dict[str, Any]:
        """unit, source: what is shown; state: silenced, frozen; numbers; names of the inputs; pulls: what they are of;
        response: what it is."""
        inside = self.inside
        names = inside.data.features if self.before.layer < 0 and inside.plain else ()
        before = "input" if self.before.layer < 0 else inside.names[self.before.layer]
        response = "what it responds to" if inside.plain else "its weights, as a picture"
        if not inside.plain and (self.rows is None or self.before.layer >= 0 or not inside.shape):
            response = f"what it gives ({'sample 0' if inside.one is None else 'what is chosen'})"
        edge = self.source is not None and self.block() is not None
        whole = [number for number in self.numbers() if number[0] in ("dL/dw", "dL/db")]
        own = self.pulls()
        note = (
            ""
            if own is not None or self.tap is None
            else "which samples pull is told of Linear layers, and of biases of convolutions"
        )
        if own is not None and whole and not np.isclose(own.mean(), whole[0][1], rtol=1e-3, atol=1e-6):
            kept = (self.layer.name, self.unit) in inside.kept
            several = "of the last batch alone; the gradient is a mean over several"
            note = "frozen: it follows none of this, and its gradient counts as 0" if kept else several
        return {
            "layer": self.layer.name, "activation": self.layer.activation, "unit": self.unit, "kind": self.layer.kind,
            "source": self.source if edge else None, "before": before, "names": [str(name) for name in names[:SOURCES]],
            "state": self.state(), "numbers": self.numbers(), "of": "dL/dw" if edge else "dL/db",
            "response": response, "note": note,
        }  # fmt: skip

    def state(self) -> str:
        """ "silenced", "frozen", both, or ""."""
        inside, unit = self.inside, (self.layer.name, self.unit)
        return ", ".join(["silenced"] * (unit in inside.silenced) + ["frozen"] * (unit in inside.kept))

    def words(self) -> str:
        """The numbers in a sentence."""
        from .view import number

        what = f"{self.layer.name}, unit {self.unit}" + (f" ({self.state()})" if self.state() else "")
        if self.source is not None:
            what = f"the edge from unit {self.source} to {what}"
        said = ", ".join(f"{name} {number(value)}" for name, value in self.numbers())
        own = self.pulls()
        samples = "" if own is None else f" {int((own < 0).sum())} of {len(own)} samples pull it up."
        return f"Shown large: {what}: {said}.{samples}"


_NONE = np.zeros(0, np.float32)


def _picture(x, shape):
    """(h, w) of a sample: a picture, a sequence, tokens."""
    x = np.asarray(x, np.float32)
    return x.mean(axis=0) if x.ndim == 3 else x.reshape(shape) if shape else np.atleast_2d(x.T)
