"""The units of a network as a Network shows them: their small pictures and numbers, and the lines between them."""

from typing import Any

import numpy as np

from . import columns as parts
from .columns import Column
from .laid import ABSENT
from .planes import shown_extent

RERANK = 50  # steps after which it is looked anew which units tell most
ATTENTION = "MultiheadAttention"
HANDS = ("silenced", "frozen", "frozen_units")  # knobs of single units and layers, of a source that has them
NONE = np.zeros((0, 0), np.float32)


class Units:
    """What there is now, read of the source of a view once: its layers and wires, theta, the last step (None before the
    first), the data (None where they are not one array of inputs)."""

    def __init__(self, view: Any, layers: Any, wires: Any) -> None:
        self.source, self.chosen, self._view = view.source, view.chosen, view
        self.layers, self.wires, self.theta = layers, wires, np.asarray(view.source.theta)
        self.names = [layer.name for layer in layers]
        self.silenced, self.frozen, self.alone_frozen = (getattr(view.source, each, ()) for each in HANDS)
        whole = [(each.name, unit) for each in layers if each.name in self.frozen for unit in range(each.units)]
        self.kept = {*self.alone_frozen, *whole}  # units that are not trained
        data: Any = getattr(view.source, "data", None)
        one = hasattr(data, "X_train") and hasattr(data, "input_shape") and len(data.X_train)
        self.data: Any = data if one else None
        self.one = None if self.data is None else self.chosen.inputs(self.data)  # what is chosen, (1, ...)
        self.shape = None if self.data is None else parts.picture_shape(self.data)
        chosen = self.names.index(self.chosen.layer) if self.chosen.layer in self.names else None
        inputs = data.inputs if self.plain else 1
        self.columns = parts.columns(layers, wires, inputs, chosen)

    @property
    def plain(self) -> bool:
        """Whether the inputs are numbers that each have a place in the first column."""
        data = self.data
        return data is not None and len(data.input_shape) == 1 and not data.vocabulary and self.shape is None

    @property
    def sampled(self) -> bool:
        """Whether pictures are of one sample, the first where none is chosen."""
        return self.data is not None and not self.plain

    def seen(self) -> Any:
        """An Observation of the last step, or None."""
        try:
            return self.source.observe()
        except ValueError:
            return None

    def look(self) -> None:
        """Give each column its units and their pictures."""
        self.step, data = self.seen(), self.data
        self.places: Any = self._places()
        sample = data.X_train[:1] if self.one is None and self.sampled else self.one
        self.responses = self.alone = None  # of every layer: over the places, and of one sample
        if self.places is not None:
            X = self.places if self.one is None else np.concatenate([self.places, self.one])
            found = self.source.activations(X)
            self.responses = [a[: len(self.places)] for a in found]
            self.alone = None if self.one is None else [a[-1] for a in found]
        elif sample is not None:
            self.alone = [a[0] for a in self.source.activations(sample)]
        heads = self._heads(sample)
        for column in self.columns[1:]:
            if column.layer in heads:
                found = heads[column.layer]
                column.total, column.units = len(found), np.arange(len(found))[: parts.MOST]
                column.kind, column.maps = "heads", parts.small(found[column.units])
            else:
                column.units = parts.ranked(self.scores(column.layer), also=self._also(column.layer))
                self._picture(column)
        self._input(self.columns[0], sample)

    def _places(self):
        """The places of a plane or line over which responses are drawn; None where there are other inputs."""
        data = self.data
        if not self.plain or data.inputs > 2:
            return None

        def make():
            low, high = shown_extent(data)
            return parts.places(low, high, parts.SIDE if len(low) == 2 else 2 * parts.SIDE)

        return self._view._constant("places", data, make)

    def _heads(self, sample):
        """Number of the layer -> who looks where in it, (heads, T, S), of the attentions."""
        places = [i for i, layer in enumerate(self.layers) if layer.kind == ATTENTION]
        if not places or sample is None or not hasattr(self.source, "attention"):
            return {}
        found = self.source.attention(sample[0])
        return dict(zip(places, found, strict=True)) if len(found) == len(places) else {}

    def _also(self, i):
        """Units that are shown in any case: the chosen one, and where its chosen edge comes from."""
        chosen, found = self.chosen, []
        if chosen.layer == (self.names[i] if i >= 0 else None) and chosen.unit is not None:
            found.append(chosen.unit)
        if chosen.source is not None and chosen.layer in self.names:
            sources = self.wires[self.names.index(chosen.layer)].sources
            found += [chosen.source] if sources and sources[-1] == i else []
        return found

    def scores(self, i) -> np.ndarray:
        """How much each unit of a layer tells, (units,): see `telling`; before the first step, how large its weights
        are. Looked at now and then only, so that the picture does not flicker."""
        layer, steps = self.layers[i], int(self.source.steps)
        known = self._view._constants.setdefault("scores", {})
        made = (layer.kind, int(layer.units), layer.weight.start, self.step is None)
        if i not in known or known[i][0] != made or not 0 <= steps - known[i][1] < RERANK:
            if self.step is not None:
                found = parts.telling(self.step.taps[i])
            else:
                weights = np.abs(self.theta[layer.weight])
                found = weights[: weights.size // layer.units * layer.units].reshape(layer.units, -1).sum(axis=1)
            known[i] = made, steps, found
        return known[i][2]

    # ---- pictures ----------------------------------------------------------------------------------------------------

    def _picture(self, column):
        i, units = column.layer, column.units
        layer, shape = self.layers[i], self.shape
        if self.responses is not None and self.responses[i].ndim == 2:
            side = parts.SIDE if self.places.shape[1] == 2 else 1
            column.kind = "plane" if side > 1 else "curve"
            column.maps = np.ascontiguousarray(self.responses[i].T[units], np.float32).reshape(len(units), side, -1)
        elif shape and len(layer.shape) == 2 and column.sources == (0,) and layer.shape[1] == shape[0] * shape[1]:
            weights = self.theta[layer.weight].reshape(layer.shape)[units]
            column.kind, column.maps = "weights", parts.small(weights.reshape(-1, *shape))
        elif self.alone is not None:
            column.kind, column.maps = parts.of_one(self.alone[i], units)
        else:
            values = np.full(len(units), ABSENT) if self.step is None else parts.means(self.step.taps[i])[units]
            column.maps = values.reshape(-1, 1, 1).astype(np.float32)

    def _input(self, column, sample):
        """The first column: each input, or the sample as one picture."""
        data = self.data
        column.units, column.maps = np.arange(1), np.full((1, 1, 1), ABSENT, np.float32)
        if self.places is not None:
            column.units, side = np.arange(data.inputs), parts.SIDE if data.inputs == 2 else 1
            column.kind = "plane" if side > 1 else "curve"
            middle = (self.places - self.places.mean(axis=0)).T
            column.maps = np.ascontiguousarray(middle, np.float32).reshape(data.inputs, side, -1)
        elif self.sampled:
            X = np.asarray(sample[0], np.float32)
            picture = X.mean(axis=0) if X.ndim == 3 else X.reshape(self.shape) if self.shape else np.atleast_2d(X.T)
            column.kind, column.maps = "picture", parts.small(picture[None])
        elif data is not None:
            first = self.layers[self.columns[1].layer]
            every = np.arange(int(first.units)), np.arange(data.inputs)
            weights = parts.between(self.theta[first.weight], first, *every, data.inputs)
            scores = np.zeros(data.inputs) if weights is None else np.abs(weights).sum(axis=0)
            column.units = parts.ranked(scores, also=self._also(-1))
            values = data.X_train.mean(axis=0) if self.one is None else self.one[0]
            column.maps = values[column.units].reshape(-1, 1, 1).astype(np.float32)

    # ---- numbers -----------------------------------------------------------------------------------------------------

    def numbers(self, column: Column) -> np.ndarray:
        """(n, 5): see `Network.frame`."""
        found, units, i = np.full((len(column.units), 5), ABSENT, np.float32), column.units, column.layer
        found[:, 0] = units
        if i < 0:
            if self.plain and self.one is not None:
                found[:, 1] = self.one[0][units]
            return found
        if column.kind == "heads":
            return found
        layer, step = self.layers[i], self.step
        if self.alone is not None and (self.one is not None or self.sampled):
            found[:, 1] = parts.mean_of_one(self.alone[i])[units]
        elif step is not None:
            found[:, 1] = parts.means(step.taps[i])[units]
        if step is not None and step.taps[i].reached:
            found[:, 2] = np.abs(step.taps[i].dz).mean(axis=parts.but_units(step.taps[i]))[units]
            told = self.scores(i)
            found[:, 3] = told[units] / (told.sum() or 1)
        if getattr(layer, "bias", None) is not None:
            found[:, 4] = self.theta[layer.bias][units]
        return found

    def edges(self, column: Column, what: str) -> np.ndarray:
        """(n, m): what leads to its units from those shown of the column before; what: "weight", "gradient", "update".
        Empty where single lines would say nothing, or nothing was measured."""
        if not column.sources or column.kind == "heads":
            return NONE
        before, flat = self.columns[column.sources[-1]], self.vector(what)
        if flat is None or before.kind == "heads" or (before.layer < 0 and not self.plain):
            return NONE
        layer = self.layers[column.layer]
        joined = len(column.sources) > 1 and layer.kind == "Linear" and layer.shape[-1] != before.total
        if joined:  # which of its weights are those of the units before is not known
            return NONE
        found = parts.between(flat[layer.weight], layer, column.units, before.units, before.total)
        return NONE if found is None else np.ascontiguousarray(found, np.float32)

    def vector(self, what: str) -> Any:
        """The weights, their gradient, or the last update, in the order of theta; None: it was not measured."""
        if what == "weight":
            return self.theta
        if self.step is None or (what == "update" and self.step.before is None):
            return None
        return self.step.gradient if what == "gradient" else self.step.after - self.step.before
