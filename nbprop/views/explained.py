"""A step explained: forward, error, backward and update, station by station, with equations and their numbers."""

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Rehearses
from nbprop.sources import Explained as Step
from nbprop.sources.explained import PHASES

from .base import colors
from .base.chosen import MARK
from .base.view import Control, Option, View, inches, new_axes, number, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 1000  # stations
RATE, SHARE = 2.0, 0.03  # fresh steps per second while a run plays, and the part of its time that they may take
WHOLE, FEW = 12, 3  # an array of so many numbers is written out; of a larger one stand so few
OF = (("chosen", "as chosen"), ("batch", "the batch"), ("sample", "one sample"))
INKS = {"weight": colors.KINDS["weights"], "value": colors.KINDS["activations"], "gradient": colors.KINDS["gradients"]}


class Explained(View):
    """One step of a run, gone through in stations: the input, each layer forward, the loss and the error, each layer
    backward, the update of each layer. At every station what is computed there lights up; beside it stand its equation,
    what of earlier stations is reused, and what it has cost so far.

    source   a Trainer, whose next step it is, or a moment of one; or a `nb.sources.Explained`, one step for good

    Options: `station`, 0 to `last` (negative ones count from the end); `numbers`: those of the run in the place of the
        symbols; `of`: "batch", "sample" (the one that is chosen on the board, or the first), or "chosen": the sample
        that is chosen, as long as there is one, else the batch; `follow`: a new step whenever the run has moved on. One
        that does not follow keeps its step, also of other samples.
    """

    name = "explained"
    title = "A step explained"
    about = (
        "One step of training taken apart: the numbers of every layer on the way forward, the error, the gradients on "
        "the way back, and the update, each beside its equation. Go on and back as slowly as you like."
    )
    lesson = Lesson(2, "Step by step, live")
    contract = (Rehearses,)
    shows = "a Trainer, or a sources.Explained"
    links = ("sample", "layer")
    size = (9.0, 4.6)
    height = 440
    row = "tall"
    station: int
    numbers: bool
    of: str
    follow: bool
    options: tuple[Option, ...] = (
        Option("station", "station", range(MOST), 0, where="browser", walk=True),
        Option("numbers", "numbers", where="browser"),
        Option("of", "of", OF, "chosen"),
        Option("follow", "follow the run", default=True),
    )

    def __init__(self, source: Any, **options: Any) -> None:
        self._held: Any = None  # the step that is shown
        self._known: Any = None  # its source, the version of that, None if it has gone on, and the sample
        self._packed: Any = None  # (step, frame, labels, steps of the source)
        self._when, self._seconds = -math.inf, 0.0  # when it was made, and how long that took
        if isinstance(source, Step):
            self.options = type(self).options[:2]
        station = options.pop("station", 0)
        super().__init__(source, **options)
        if self.served and not isinstance(source, Step):
            count = _samples(source)
            self.controls = (Control("sample", "sample", 0, count - 1, 1),) if count > 1 else ()
        if station:
            self.station = station

    if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

        def __setattr__(self, name, value) -> None:
            if name == "station" and isinstance(value, int) and not isinstance(value, bool) and value:
                last = self.last
                if not -last - 1 <= value <= last:
                    raise ValueError(f"station: expected a whole number from 0 to {last}, got {value!r}")
                value %= last + 1
            super().__setattr__(name, value)

    @property
    def last(self) -> int:
        """The number of the last station."""
        return len(self.step) - 1

    @property
    def step(self) -> Step:
        """The step that is shown: its stations, arrays and costs."""
        if isinstance(self.source, Step):
            return self.source
        self._ask()
        sample = self._sample()
        same = self._held is not None and self._known[0] is self.source and self._known[2] == sample
        held: Any = self._held
        if not same or (self.follow and self._known[1] != self.source.version and not self._early()):
            begun = time.perf_counter()
            held = self._held = self._fresh(sample)
            self._when = time.perf_counter()
            self._seconds = self._when - begun
            now = self.source.version if held.steps == self.source.steps else None
            self._known = self.source, now, sample
        return held

    @property
    def rate(self) -> float:
        """Fresh steps per second while the run plays: so few that they can be read, and that the run does not wait."""
        return min(RATE, SHARE / max(self._seconds, 1e-6))

    def _early(self):
        """Whether the run plays, and has a moment ago been looked into."""
        return self.source.status == "playing" and time.perf_counter() - self._when < 1 / self.rate

    def _fresh(self, sample):
        """Of the present; without `follow` of the step that is shown already, as long as it is to be had."""
        held, source = self._held, self.source
        if held is None or self.follow or self._known[0] is not source or held.steps == source.steps:
            return self._checked(Step(source, sample))
        try:
            moment = source.at(held.steps)
        except (AttributeError, ValueError) as error:
            raise CannotSay(f"Step {held.step:,} is no longer to be had: follow the run. ({error})") from None
        try:
            return self._checked(Step(moment, sample))
        finally:
            moment.close()

    def _checked(self, step):
        if len(step) > MOST:
            raise CannotSay(f"A step of at most {MOST:,} stations can be walked through; this one has {len(step):,}.")
        return step

    def _sample(self):
        """The number of the sample that is explained, None for the batch."""
        chosen, count = self.chosen.sample, _samples(self.source)
        if self.of == "batch" or (self.of == "chosen" and (chosen is None or chosen >= count)):
            return None
        return min(chosen or 0, max(count - 1, 0))

    def act(self, name, value) -> None:
        if name == "sample":
            self.chosen.set(sample=int(value))
        elif name == "column":
            self._go_to(int(value))
        else:
            super().act(name, value)

    def _go_to(self, column):
        """The station of that column in the present phase, or the nearest; its layer is the one that is chosen."""
        stations = self.step.stations
        here = stations[min(self.station, self.last)]
        own = [k for k, each in enumerate(stations) if each.column == column]
        self.station = next((k for k in own if stations[k].phase == here.phase), own[0])
        if (layer := stations[self.station].layer) is not None:
            self.chosen.set(layer=self.step.rehearsal.layers[layer].name)

    # ---- numbers and words -----------------------------------------------------------------------------------------

    def frame(self) -> dict[str, Any]:
        """numbers (n,): of each array that equations name, all if they are few, else the first three: `labels()` says
        where each begins. cells (m,): those of the strips, row by row. now (4,): the number of the step, its sample
        (-1: the batch), how many samples there are, and the steps that the run has made. loss (1,)."""
        frame, _ = self._both()
        return frame

    def labels(self) -> dict[str, Any]:
        """stations, arrays, columns (see `_told`); stops: where the walk ends; values: of the controls; marks."""
        _, labels = self._both()
        return labels | {"values": {"sample": self._sample() or 0} if self.controls else {}}

    def _both(self):
        step = self.step
        if self._packed is None or self._packed[0] is not step or self._packed[3] != self.source.steps:
            self._packed = (step, *self._told(step), self.source.steps)
        return self._packed[1:3]

    def _told(self, step):
        numbers, cells, arrays, columns = [], [], [], []
        start = 0
        for each in step.arrays:
            flat = np.ravel(each.data)
            head = flat if flat.size <= WHOLE else flat[:FEW]
            with np.errstate(all="ignore"):
                numbers.append(head.astype(np.float32))
            shape = [n for n in each.data.shape if n != 1]
            arrays.append([each.symbol, each.kind, each.made, shape, start, len(head)])
            start += len(head)
        start = 0
        for column in step.columns:
            told = []
            for strips in (column.top, column.bottom):
                told.append([])
                for strip in strips:
                    told[-1].append([strip.array, *strip.numbers.shape, *strip.whole, *strip.of, start])
                    cells.append(strip.numbers.ravel())
                    start += strip.numbers.size
            columns.append({"title": column.title, "top": told[0], "bottom": told[1]})
        frame = {
            "numbers": np.concatenate(numbers, dtype=np.float32) if numbers else np.zeros(0, np.float32),
            "cells": np.concatenate(cells, dtype=np.float32) if cells else np.zeros(0, np.float32),
            "now": np.array(
                [step.step, -1 if step.sample is None else step.sample, step.samples, self.source.steps], np.float32
            ),
            "loss": np.array([step.loss], np.float32),
        }
        return frame, self._words_of(step, arrays, columns)

    def _words_of(self, step, arrays, columns):
        stations, total = [], 0
        layers = [layer.name for layer in step.rehearsal.layers]
        for station in step.stations:
            total += station.cost
            stations.append(
                {
                    "name": station.name,
                    "what": station.what,
                    "phase": station.phase,
                    "lines": [list(line.pieces) for line in station.lines],
                    "left": [line.left for line in station.lines],
                    "where": [f"{sign}: {words}" for sign, words in station.where.items()],
                    "note": station.note,
                    "cost": f"{plural(total, 'operation')} so far, {station.cost:,} of them here",
                    "reused": _reused(step, station),
                    "column": station.column,
                    "layer": None if station.layer is None else layers[station.layer],
                }
            )
        stations[-1]["cost"] += f". {_ratio(step)}" if _ratio(step) else ""
        phases = [each.phase for each in step.stations]
        stops = {
            "last": len(stations) - 1,
            "names": [f"{each.phase}, {each.name}" for each in step.stations],
            "parts": [[phases.index(phase), phase] for phase in PHASES if phase in phases],
        }
        left_out = f"Not counted: {', '.join(step.uncounted)}." if step.uncounted else ""
        return {
            "stations": stations,
            "arrays": arrays,
            "columns": columns,
            "stops": {"station": stops},
            "uncounted": left_out,
            "marks": self.marks(),
        }

    def marks(self) -> dict[str, str]:
        return {
            "values": "a column for each layer: what it computes, a row for each unit, orange below zero and blue "
            "above; of a batch a column for each sample, else the number; empty: not computed yet",
            "weights": "below: the weight; after its station backward its gradient, after the update its change",
            "cost": "additions, multiplications and functions of one number: a product of matrices (n, k) and (k, m) "
            "counts 2 n k m, half of them multiplications",
            "reused": "computed at an earlier station, and only looked up here: that is why going back costs no more "
            "than a few times the way there",
            "chosen": MARK,
        }

    def describe(self) -> str:
        step = self.step
        k = min(self.station, self.last)
        station = step.stations[k]
        what = "the batch" if step.sample is None else f"sample {step.sample:,}"
        lines = "; ".join(self._line(step, line) for line in station.lines)
        said = (
            f"Step {step.step:,} with {what}, loss {number(step.loss)}. Station {k} of {self.last}, {station.phase}, "
        )
        said += f"{station.name} ({station.what}): {lines}." if lines else f"{station.name} ({station.what})."
        return f"{said} {station.note}".rstrip()

    def _line(self, step, line):
        """An equation: in symbols, or with numbers and what they give."""
        named = step.arrays
        pieces = [each if isinstance(each, str) else named[each].symbol for each in line.pieces]
        if not self.numbers:
            return "".join(pieces)
        given = line.left >= 0 and line.pieces[0] == line.left  # what it gives keeps its symbol, and stands at the end
        values = [each if isinstance(each, str) else written(named[each].data) for each in line.pieces]
        said = "".join([pieces[0], *values[1:]] if given else values)
        return f"{said} = {values[0]}" if given and not _same(line) else said

    # ---- in Matplotlib ---------------------------------------------------------------------------------------------

    def plot(self, ax=None) -> "Axes":
        import textwrap

        ax = new_axes(ax, *self.size)
        step, k = self.step, min(self.station, self.last)
        station = step.stations[k]
        what = "the batch" if step.sample is None else f"sample {step.sample:,}"
        ax.set_title(f"{self.heading}: step {step.step:,}, {what}, loss {number(step.loss)}")
        ax.axis("off")
        columns, count = step.columns, len(step.columns)
        most = max(3, int(inches(ax)[0] * 0.9))
        first = int(np.clip(station.column - most // 2, 0, max(count - most, 0)))
        shown = columns[first : first + most]
        for i, column in enumerate(shown):
            self._plot_column(ax, column, i / len(shown) * 0.52, 0.52 / len(shown), k, first + i == station.column)
        y = 0.97
        style: Any
        for text, style in self._plot_words(step, station, k):
            for line in textwrap.wrap(text, max(24, int(4.9 * inches(ax)[0]))):
                ax.text(0.55, y, line, None, fontsize="small", va="top", transform=ax.transAxes, **style)
                y -= 0.055
            y -= 0.02
        return ax

    def _plot_words(self, step, station, k):
        muted = {"color": colors.MUTED}
        yield f"{k} of {self.last}, {station.phase}: {station.name}", {"weight": "bold"}
        yield station.what, muted
        for line in station.lines[:8]:
            yield self._line(step, line), {}
        if station.note:
            yield station.note, muted
        if reused := _reused(step, station):
            yield f"reused: {reused}", muted
        yield f"{sum(each.cost for each in step.stations[: k + 1]):,} operations so far", muted

    def _plot_column(self, ax, column, left, width, k, active):
        made = self.step.arrays
        strips = [(each, 0.36, 0.5) for each in column.top]
        lit = [each for each in column.bottom if made[each.array].made <= k]
        for i, (strip, bottom, height) in enumerate(strips):
            part = ax.inset_axes((left + width * (i + 0.1) / len(strips), bottom, 0.8 * width / len(strips), height))
            _paint(part, strip, made[strip.array], made[strip.array].made <= k)
        if lit:
            _paint(ax.inset_axes((left + 0.1 * width, 0.02, 0.8 * width, 0.24)), lit[-1], made[lit[-1].array], True)
        weight = "bold" if active else "normal"
        ax.text(
            left + width / 2, 0.96, column.title, ha="center", fontsize="x-small", weight=weight, transform=ax.transAxes
        )


def _same(line):
    """Whether there is nothing on the right but another array."""
    return len(line.pieces) == 3 and isinstance(line.pieces[2], int)


def written(data) -> str:
    """An array in an equation: a number; a few in brackets, rows apart; of many the first and the shape. As in
    written.js."""
    data = np.asarray(data)
    shape = [n for n in data.shape if n != 1]
    flat = [number(x) for x in np.ravel(data)[: WHOLE if data.size <= WHOLE else FEW]]
    if data.size == 1:
        return flat[0]
    if data.size > WHOLE:
        return f"[{' '.join(flat)} … {'×'.join(map(str, shape))}]"
    if len(shape) < 2:
        return f"[{' '.join(flat)}]"
    rows = [flat[i : i + shape[-1]] for i in range(0, len(flat), shape[-1])]
    return f"[{'; '.join(' '.join(row) for row in rows)}]"


def _paint(ax, strip, named, lit):
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_color(INKS.get(named.kind, colors.MUTED) if lit else colors.GRID)
    ax.set_title(named.symbol, fontsize="x-small", pad=2, color=INKS.get(named.kind) if lit else colors.MUTED)
    if not lit:
        return
    numbers = strip.numbers
    finite = np.abs(numbers[np.isfinite(numbers)])
    most = float(finite.max()) if finite.size and finite.max() else 1.0
    shown = np.where(np.isfinite(numbers), numbers, np.nan)
    ax.imshow(
        shown, cmap=colors.colormap(colors.DIVERGING), vmin=-most, vmax=most, aspect="auto", interpolation="nearest"
    )
    if numbers.size <= 8 and numbers.shape[1] == 1:
        for row, value in enumerate(numbers[:, 0]):
            ax.text(0, row, number(value, 2), ha="center", va="center", fontsize="xx-small")


def _reused(step, station):
    """What is only looked up: symbols, by the phase in which they were computed."""
    found = {}
    for symbol, made in station.reused:
        found.setdefault(step.stations[made].phase, []).append(symbol)
    return "; ".join(f"{', '.join(symbols)} from {phase}" for phase, symbols in found.items())


def _ratio(step):
    """What the gradient cost, beside other ways to get it."""
    if not step.forward:
        return ""
    count = step.rehearsal.theta.size
    whole = (step.forward + step.backward) / step.forward
    return (
        f"Forward, error and backward cost {number(whole, 2)} times the way there alone; differences, a way there for "
        f"each of {plural(count, 'parameter')}, would cost {count + 1:,} times as much"
    )


def _samples(source):
    """How many training samples have numbers."""
    data = getattr(source, "data", None)
    return len(getattr(data, "X_train", getattr(data, "train", ())))
