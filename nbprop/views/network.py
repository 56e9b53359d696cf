"""The network itself: columns of units, each with a small picture of what it responds to, and lines between them."""

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.history import units_said
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Inside, Layered, Opened
from nbprop.record.verdicts import saturation_word

from .base import columns as parts
from .base.chosen import NAMES
from .base.detail import Detail
from .base.drawn import plot_detail, plot_network
from .base.tested import said_of
from .base.units import Units
from .base.view import Control, Option, View, new_axes, percent, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("plane", "curve", "picture", "weights", "time", "heads", "value")
SINGLE = ("Linear", "Conv2d", "Conv1d")  # layers whose weights can be set one by one
EDGES = {"weight": "weight", "gradient": "dL/dw", "update": "last update of the weight"}
FEATURES = 1024  # names of inputs that the browser is told


class Network(View):
    """Columns of units from the input to the output. Where there are two inputs the small picture of a unit is what it
    responds to over the plane; of a convolution its map, of the first layer behind a picture its weights, of a
    sequence its values over time, of an attention who looks where; else its activation, of the sample or place that is
    chosen, or its mean over the batch of the last step.

    Of wide layers the first and the last unit are shown and those that tell most, by |a dL/dz| summed over the batch;
    of deep networks the first and the last layers, and the chosen one.

    Options: `edges`: what the lines between units are: "weight", "gradient" (dL/dw of the last step) or "update" (of
    the last step that was watched). `detail`: the unit or edge that is chosen is shown large, with its weights, the
    spread of its activations, what it responds to, and which samples of the last batch pull at it: see `pulls` in
    views/base/detail.py.
    """

    name = "network"
    title = "Network"
    about = (
        "The network itself: a column for each layer, a mark for each unit with what it responds to, and a line for "
        "each weight (or its gradient, or its last update). Point at one for its numbers, press it to see it large: "
        "there it can be set by hand, frozen or silenced."
    )
    lesson = Lesson(2, "The network")
    contract = (Layered, Opened, Inside)
    records = frozenset({"layers"})
    links = NAMES
    size = (6.4, 3.8)
    edges: str
    detail: bool
    options = (
        Option("edges", "lines", (("weight", "weights"), ("gradient", "gradient"), ("update", "update")), "weight"),
        Option("detail", "detail"),
    )
    controls = (
        Control("value", "value", -5, 5, 0.01, typed=True),
        Control("freeze", "freeze layer, or train it again", key="l"),
        Control("freeze_unit", "freeze unit, or train it again", key="u"),
        Control("silence", "silence unit, or let it speak", key="s"),
    )

    @property
    def rate(self) -> float:
        """Fewer frames of more pictures, and of a heavy network."""
        shown = sum(min(int(layer.units), parts.MOST) for layer in self.source.layers[-parts.LAYERS :])
        heavy = 3e6 / max(np.size(self.source.theta), 1)
        return float(np.clip(min(1600 / max(shown, 1), heavy), 3, 30))

    # ---- numbers -----------------------------------------------------------------------------------------------------

    @np.errstate(all="ignore")  # numbers that are not finite are drawn, and said
    def frame(self) -> dict[str, Any]:
        """kinds (C,): of the pictures of each column, a number out of KINDS. Of column k, the input being 0:
        mapsk (n, h, w): a picture of each unit that is shown; numbersk (n, 5): its number, its activation, the mean of
        |dL/dz| over the batch, its share in what the layer tells (of all its units), its bias; edgesk (n, m): what
        leads to it from each unit shown of the column before, empty where there is nothing that lines could show.
        ABSENT, the lowest float32, is what was not measured, or what there is not. With `detail` what is chosen: see
        `Detail.frame`."""
        inside = self._inside()
        if (large := self._large(inside)) is not None:
            return large.frame()
        inside.look()
        frame = {"kinds": np.array([KINDS.index(column.kind) for column in inside.columns], np.float32)}
        for k, column in enumerate(inside.columns):
            edges = inside.edges(column, self.edges)
            frame |= {f"maps{k}": column.maps, f"numbers{k}": inside.numbers(column), f"edges{k}": edges}
        return frame

    def _inside(self):
        """What is inside the network now. Layers, parameters and the last step are asked for once: each time a source
        looks whether somebody has changed something."""
        layers = self.source.layers
        key = tuple((layer.name, layer.kind, int(layer.units), layer.weight.start) for layer in layers)
        wires = self._constant("wires", key, lambda: self.source.wires)
        if not layers or len(wires) != len(layers):
            raise CannotSay("Network: its layers are found in what a step computes: make one, with step().")
        return Units(self, layers, wires)

    def _large(self, inside):
        """The Detail that is shown, or None."""
        if not self.detail or self.chosen.unit is None:
            return None
        large = Detail(inside)
        return large if large.there else None

    # ---- words -------------------------------------------------------------------------------------------------------

    def labels(self) -> dict[str, Any]:
        """detail: of what is shown large, see `Detail.labels`, or None; controls: those that are shown; columns: of
        each `name`, `layer` (what it is), `activation`, `units` (all of them), `skipped` (layers left out before it),
        `from` (the column whose units its lines come from), `around` (one that it also gets, past the others, or
        null), `loop` (whether it is recurrent), `through`, `silenced` and `frozen` (numbers of such units, if any);
        features, classes: names; said: what it says of what is chosen; looked: what that is; edges: what the lines are;
        unmeasured; marks."""
        inside = self._inside()
        data, first = inside.data, inside.columns[0]
        found = [{"name": "input", "layer": _entrance(data), "units": first.total, "skipped": 0}]
        for column in inside.columns[1:]:
            layer, wire, sources = inside.layers[column.layer], inside.wires[column.layer], column.sources
            more: dict[str, Any] = {"loop": True} if layer.kind in parts.RECURRENT else {}
            for name, units in (("silenced", inside.silenced), ("frozen", inside.kept)):
                if own := sorted(unit for of, unit in units if of == layer.name):
                    more[name] = own
            found.append({
                "name": layer.name, "layer": layer.kind, "activation": layer.activation, "units": int(layer.units),
                "skipped": column.skipped, "from": sources[-1] if sources else None,
                "around": sources[-2] if len(sources) > 1 else None, "through": list(wire.through), **more,
            })  # fmt: skip
        large = self._large(inside)
        return {
            "detail": None if large is None else large.labels(),
            "controls": self._hands(large),
            "values": self._values(large),
            "columns": found,
            "features": [] if data is None else list(map(str, data.features[:FEATURES])),
            "classes": [] if data is None else list(map(str, data.classes)),
            "said": self._said(inside),
            "looked": self._looked(inside),
            "edges": self._lines(inside),
            "unmeasured": self.unmeasured(),
            "marks": self.marks(),
        }

    def _lines(self, inside):
        """What the lines are; or that there are none, since it was not measured."""
        inside.step = None if self.edges == "weight" else inside.seen()
        known = inside.vector(self.edges) is not None
        return EDGES[self.edges] if known else f"{EDGES[self.edges]}: {self.unmeasured()}"

    def _looked(self, inside):
        """Of what the activations are."""
        if inside.one is None:
            return "sample 0" if inside.sampled else "mean over the batch"
        return "the place chosen" if self.chosen.point is not None else f"sample {self.chosen.sample:,}"

    def _said(self, inside):
        if inside.one is None or not hasattr(self.source, "predict") or len(inside.data.output_shape) > 1:
            return ""
        return said_of(self.source.predict(inside.one), inside.data)

    def marks(self) -> dict[str, str]:
        which = {"weight": "the weight", "gradient": "dL/dw in the last step", "update": "what the last step that was "
                 "watched has added to the weight"}[self.edges]  # fmt: skip
        return {
            "unit": "a small picture for each unit: pale 0, blue positive, orange negative, on one scale for each "
            "column: what it responds to over the plane of two inputs; behind a picture its weights, or its map; of a "
            "sequence its values over time, as the layer reads it (reverse: from the end); of an attention who looks "
            "where; else its activation",
            "more": "of a wide layer the first and the last unit are shown and those that tell most: the largest "
            "|a dL/dz|, summed over the batch, looked at anew every 50 steps; of a deep network the first and last "
            "layers, and the chosen one",
            "lines": f"{which}: blue positive, orange negative, the wider the larger, on one scale for each pair of "
            "columns; the largest are drawn, and all of the unit that is pointed at or chosen",
            "around": "an arc: the output also goes around the layers between and is added, or joined, behind them",
            "loop": "a loop: recurrent, what it gives at one time step it gets at the next",
            "chosen": "framed: the unit that is chosen, in all views of the board; a press shows a unit or a "
            "line large, Escape leads back",
            "silenced": "crossed out: silenced by a hand; it gives 0, and no gradient goes back through it",
            "frozen": "underlined: frozen; its weights and bias stay as they are",
            "response": "large: what the unit gives; on the plane of two inputs with the samples of the last batch, "
            "the larger the more they pull, blue up, orange down",
            "spread": "large: how its activations are spread in the last batch",
            "weights": "large: a bar for each weight, of the largest, blue positive, orange negative; below it dL/dw, "
            "on a scale of its own; a press chooses that weight",
            "pulls": "large: the gradient of each sample of the last batch alone, sorted: for a weight delta_i a_i (of "
            "a convolution the sum over all stops of its window), for a bias delta_i, times the number of samples, so "
            "that their mean is the gradient. Descent goes against the gradient: what is below 0 pulls the weight up",
        }

    def act(self, name, value) -> None:
        if name == "unit":
            layer, unit, source, weight = [*value, None][:4]  # None: nothing
            self.chosen.set(layer=layer, unit=unit, source=source, weight=weight)
            self.detail = unit is not None
        elif name == "back":
            self.detail = False
        elif name in ("value", "freeze", "freeze_unit", "silence"):
            self._turn(name, value)
        else:
            super().act(name, value)

    def _turn(self, name, value):
        """A hand turns the weight or bias that is shown large, freezes its layer, freezes or silences the unit: a turn
        of the run."""
        source, chosen = self.source, self.chosen
        large = self._large(self._inside())
        if name not in self._hands(large):
            raise ValueError(f"Network: nothing is shown whose {name} could be set")
        if name == "freeze":
            act = source.unfreeze if chosen.layer in source.frozen else source.freeze
            act(chosen.layer)
        elif name == "freeze_unit":
            act = source.unfreeze if (chosen.layer, chosen.unit) in source.frozen_units else source.freeze
            act(chosen.layer, unit=chosen.unit)
        elif name == "silence":
            act = source.unsilence if (chosen.layer, chosen.unit) in source.silenced else source.silence
            act(chosen.layer, chosen.unit)
        elif block := large and large.block():
            source.set_weight(chosen.layer, chosen.unit, block[0], value)
        else:
            source.set_bias(chosen.layer, chosen.unit, value)

    def _hands(self, large):
        """Names of the controls for what is shown large: none of a look at the past, or where there is no such turn."""
        if large is None or self.moment is not None or not hasattr(self.source, "set_weight"):
            return []
        single = large.layer.kind in SINGLE and large.numbers()[0][0] in ("weight", "bias")
        found = ["value", "freeze"] if single else ["freeze"]
        if hasattr(self.source, "silence"):
            can = self._constant("silent", (tuple(large.inside.names), large.layer), lambda: self._can_be_silent(large))
            found += ["freeze_unit"] * (large.layer.kind in SINGLE[:2]) + ["silence"] * can
        return found

    def _can_be_silent(self, large):
        return not self.source.refusal(silenced=[(large.layer.name, large.unit)])

    def _values(self, large):
        """What the controls stand at: a number, and what the buttons would do now."""
        if not (hands := self._hands(large)):
            return {}
        unit = large.layer.name, large.unit
        known = {
            "value": large.numbers()[0][1],
            "freeze": "train layer" if large.layer.name in large.inside.frozen else "freeze layer",
            "freeze_unit": "train unit" if unit in getattr(self.source, "frozen_units", ()) else "freeze unit",
            "silence": "let unit speak" if unit in large.inside.silenced else "silence unit",
        }
        return {name: known[name] for name in hands}

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax, *self.size)
        ax.set_title(f"{self.heading}: {EDGES[self.edges]}")
        frame, labels = self.frame(), self.labels()
        (plot_detail if labels["detail"] else plot_network)(ax, frame, labels)
        return ax

    @np.errstate(all="ignore")
    def describe(self) -> str:
        inside = self._inside()
        layers, step, theta = inside.layers, inside.seen(), inside.theta
        whole = f"{_entrance(inside.data)}, {_chain(layers)}; {plural(theta.size, 'parameter')}."
        whole = " ".join([whole, *_by_hand(inside)])
        if not np.isfinite(theta).all():
            ill = [layer.name for layer in layers if not np.isfinite(theta[layer.weight]).all()]
            return f"{whole} Weights are not finite: {_some(ill or ['biases'])}."
        if step is None:
            return f"{whole} {self.unmeasured().capitalize()}."
        large = self._large(inside)
        chosen = self._chosen_unit(layers, step) if large is None else large.words()
        said = f"Of {self._looked(inside)} it says {said}." if (said := self._said(inside)) else ""
        return " ".join(filter(None, [whole, *_notable(inside, step), chosen, said]))

    def _chosen_unit(self, layers, step):
        """A sentence on the unit that is chosen."""
        chosen = self.chosen
        if chosen.layer is None or chosen.unit is None:
            return ""
        place = next((i for i, layer in enumerate(layers) if layer.name == chosen.layer), None)
        if place is None:
            return f"There is no layer {chosen.layer!r}, which is chosen."
        scores = parts.telling(step.taps[place])
        if chosen.unit >= len(scores):
            return f"{chosen.layer} has {len(scores)} units, and no unit {chosen.unit}, which is chosen."
        share = percent(scores[chosen.unit] / (scores.sum() or 1))
        return f"Chosen: {chosen.layer}, unit {chosen.unit}, with {share} of what its layer tells."


def _entrance(data):
    """What goes in, in words."""
    if data is None:
        return "a batch"
    if len(data.input_shape) == 3:
        return "pictures of " + " × ".join(map(str, data.input_shape))
    if data.vocabulary:
        return f"{data.input_shape[0]} of {plural(data.inputs, 'token')}"
    if len(data.input_shape) == 2:
        return f"{data.input_shape[0]} time steps of {plural(data.inputs, 'input')}"
    return plural(data.inputs, "input")


def _chain(layers):
    """The layers in words: "8 layers of 16 tanh units, 1 output"."""
    *hidden, last = layers
    said = []
    for (kind, units, function), group in groupby(hidden, lambda each: (each.kind, int(each.units), each.activation)):
        count = len(list(group))
        of = "" if function == "identity" else f" {function}"
        what = "" if kind == "Linear" else f" ({kind})"
        said.append((f"{count} layers of " if count > 1 else "a layer of ") + f"{units:,}{of} units{what}")
    if len(said) > 6:
        said = [*said[:3], f"{len(said) - 5} more", *said[-2:]]
    return ", ".join([*said, plural(int(last.units), "output")])


def _by_hand(inside):
    """Sentences on what is silenced and frozen."""
    if inside.silenced:
        yield f"Silenced: {units_said(inside.silenced)}."
    if inside.kept:
        yield f"Frozen: {'; '.join([*inside.frozen, *filter(None, [units_said(inside.alone_frozen, '')])])}."


def _notable(inside, step):
    """Sentences on units that are dead, and the one that tells most beside others of its layer."""
    dead = []
    for layer, tap in zip(inside.layers, step.taps, strict=True):
        quiet = sum(name == layer.name for name, _ in inside.silenced)
        silent = int((tap.a == 0).all(axis=parts.but_units(tap)).sum()) - quiet
        if silent and saturation_word(layer.activation) == "dead":
            dead.append(f"{silent:,} of {layer.units:,} units of {layer.name}")
    if dead:
        yield f"Dead in the last batch: {_some(dead)}."
    most = (0.0, "")
    for column in inside.columns[1:-1]:
        scores = parts.telling(step.taps[column.layer])
        if scores.size > 1 and scores.sum() > 0 and np.isfinite(scores).all():
            share = scores.max() / scores.sum()
            words = f"Tells most: {inside.names[column.layer]}, unit {scores.argmax()}, {percent(share)} of its layer."
            most = max(most, (share * scores.size, words))
    yield most[1]


def _some(words):
    return ", ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")
