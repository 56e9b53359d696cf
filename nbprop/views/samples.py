"""Each sample on its own: its loss over the steps, which ones stand out, and hands on the one that is chosen."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.record.lessons import Lesson
from nbprop.record.samples import FORGOTTEN, NAMED, RISEN, Course, some
from nbprop.record.source import CannotSay, Sampled

from .base import pictured
from .base.known import Known, by_hand, fate, label, weight_said
from .base.view import Control, Option, View, new_axes, number, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IN_FULL = 5  # samples of which all is said in words; of the others the numbers
BY = {
    "mean": "mean loss",
    "loss": "loss now",
    "gradient": "gradient norm",
    "forgotten": "times forgotten",
}
NONE = np.zeros(0, np.float32)


class Samples(View):
    """The loss of each training sample over the steps, measured as in evaluation, of at most 512 of them, always the
    same: a bar for each, sorted; below, how losses run, and the sample that is chosen with what the network says of it.

    Named are those whose loss falls late, or has risen, or that are forgotten again and again, at most 15: wrong labels
    are mostly among them, and so are samples that are only hard or rare. How they are found: see Course.suspects in
    nbprop/record/samples.py (mean loss beyond Tukey's outer fence; forgotten: Toneva et al. 2019).

    Options: `by`: what the bars are and are sorted by: "mean" loss over the steps, "loss" now, "gradient" norm now,
    "forgotten" (how often it went from right to wrong). `log` (default False).

    With buttons the sample shown is left out (d), given the label that the network thinks likeliest (r), or counts half
    (w; the slider: any weight): turns of the run, which `undo` takes back.
    """

    name = "samples"
    title = "Samples"
    about = (
        "The loss of every single sample, sorted. Most fall soon; those that fall late, rise, or are learned and "
        "forgotten again may have a wrong label, and a press shows one, to be left out or given another label."
    )
    lesson = Lesson(7, "By heart")
    contract = (Sampled,)
    shows = "a Trainer, or a loop that records single samples"
    records = frozenset({"samples"})
    links = ("sample",)
    size = (6.4, 4.2)
    rate = 12.0
    by: str
    log: bool
    options = (Option("by", "by", tuple(BY.items()), "mean"), Option("log", "log", where="browser"))
    controls = (
        Control("measure", "Measure", key="m"),
        Control("drop", "leave out, or take back", key="d"),
        Control("relabel", "label as the network says, or as it was", key="r"),
        Control("halve", "half its weight", key="w"),
        Control("weight", "weight", 0, 4, 0.1, typed=True),
    )

    def __init__(self, source, **options) -> None:
        super().__init__(source, **options)
        self._why = ""  # it could not be measured
        self._offered: int | None = None  # the sample of which the buttons have been told last
        self._asked: Any = None  # (step, Course) of a look at the past that was measured, of which there is no record

    # ---- what is known -----------------------------------------------------------------------------------------------

    def _samples(self):
        try:
            return self.source.samples
        except ValueError as error:
            raise CannotSay(f"Samples: {error}.") from None

    def _course(self, samples) -> "Course | None":
        """Up to the step that is shown; None where nothing was measured."""
        if self._asked is not None and self._asked[0] == self.moment:
            return self._asked[1]
        series = {name: self.source.history.series(f"sample_{name}") for name in ("loss", "gradient", "right")}
        steps, loss = series["loss"]
        cut = len(steps) if self.moment is None else int(np.searchsorted(steps, self.moment, side="right"))
        if not cut or loss.shape[1:] != samples.numbers.shape:
            return None
        known = [values[:cut] if values.shape == loss.shape else None for _, values in list(series.values())[1:]]
        return Course(steps[:cut], loss[:cut], *known)

    def _told(self):
        """(samples, course, what is known of it), CannotSay where nothing is; made anew when something has changed."""
        samples = self._samples()
        course = self._course(samples)
        if course is None:
            return samples, None, None
        last = float(np.nan_to_num(course.loss[-1]).sum(dtype=np.float64))
        turned = samples.weights.tobytes(), b"" if samples.labels is None else samples.labels.tobytes()
        key = (len(course.steps), int(course.steps[-1]), last, turned, self.moment)
        return samples, course, self._constant("known", key, lambda: Known(samples, course))

    def _place(self, samples, known):
        """Place of the sample that is shown: the one that is chosen, else the first that stands out, or of all."""
        place = samples.place(self.chosen.sample)
        return int(known.first if place is None else place)

    # ---- numbers -----------------------------------------------------------------------------------------------------

    @np.errstate(all="ignore")  # numbers that are not finite are drawn, and said
    def frame(self) -> dict[str, Any]:
        """values (n,): what the bars are, largest first, NaN last; order (n,): which samples; state (n,): bits, 1
        stands out, 2 left out, 4 weighed, 8 relabelled; steps (t,): of the records; band (3, t): quartiles of the
        losses of those that are not left out; named (k, t): losses of those that stand out; own (t,): of the sample
        shown; place (1,): its place among the bars; said (C,): what the network says of it; and its picture, see
        `pictured.frame`."""
        samples, course, known = self._told()
        if course is None or known is None:
            return {"values": NONE}
        place = self._place(samples, known)
        values = known.by[self.by]
        order = np.argsort(np.where(np.isnan(values), np.inf, -values), kind="stable")
        said = self._said(samples, place)
        return {
            "values": values[order].astype(np.float32),
            "order": samples.numbers[order].astype(np.float32),
            "state": known.state[order].astype(np.float32),
            "steps": course.steps.astype(np.float32),
            "band": known.band,
            "named": np.ascontiguousarray(course.loss[:, known.suspects].T, np.float32),
            "own": np.ascontiguousarray(course.loss[:, place], np.float32),
            "place": np.flatnonzero(order == place).astype(np.float32),
            "said": NONE if said is None else said.astype(np.float32),
            **pictured.frame(samples, place, getattr(self.source, "data", None)),
        }

    def _said(self, samples, place):
        """Probabilities (C,), or values, of the sample at a place; None where nobody can be asked, or there are several
        for its places."""
        if samples.X is None or not hasattr(self.source, "predict"):
            return None
        said = np.asarray(self.source.predict(samples.X[place : place + 1]), np.float64)
        if said.ndim != 2:
            return None
        return np.array([1 - said[0, 0], said[0, 0]]) if said.size == 1 and len(samples.classes) == 2 else said[0]

    # ---- words -------------------------------------------------------------------------------------------------------

    @np.errstate(all="ignore")
    def labels(self) -> dict[str, Any]:
        """by: what the bars are; shown: lines on the sample shown; of: how many samples, in words; classes: names,
        label: the number of its class, or null; controls, values: of the buttons; kind, features, text: of its picture,
        see `pictured.labels`; unmeasured; moment; marks."""
        samples, course, known = self._told()
        found: dict[str, Any] = {
            "by": BY[self.by],
            "classes": list(samples.classes),
            "unmeasured": self.unmeasured(),
            "moment": self.moment,
            "marks": self.marks(),
        }
        if course is None or known is None:
            measure = ["measure"] if hasattr(self.source, "measure_samples") else []
            return {**found, "controls": measure, "values": {}, "shown": [], "of": ""}
        place = self._place(samples, known)
        self._offered = int(samples.numbers[place])
        return {
            **found,
            "shown": self._lines(samples, course, known, place),
            "of": self._of(samples, course),
            "label": None if samples.labels is None else int(samples.labels[place]),
            "controls": list(values := self._values(samples, place)),
            "values": values,
            **pictured.labels(samples, place, getattr(self.source, "data", None)),
        }

    def _of(self, samples, course):
        n = len(samples.numbers)
        part = plural(n, "sample") if n == samples.of else f"{n:,} of {samples.of:,} samples"
        return f"{part}, after step {int(course.steps[-1]):,}"

    def _lines(self, samples, course, known, place):
        """What there is to say of one sample, a line each."""
        held = samples.place(self.chosen.sample) is not None
        loss = f"loss {number(course.loss[-1, place])}, mean {number(known.by['mean'][place])}"
        lines = [f"sample {samples.numbers[place]:,}" + ("" if held else ", the first of these"), loss]
        if samples.labels is not None:
            lines.insert(1, label(samples, place))
        lines += [words for words in (fate(course, known, place), weight_said(samples.weights[place])) if words]
        if course.gradient is not None and np.isfinite(course.gradient[-1, place]):
            lines.append(f"gradient {number(course.gradient[-1, place])}")
        return lines

    def unmeasured(self) -> str:
        if self._why:
            return f"not measured: {self._why}"
        if self.moment is not None:
            return f"not recorded up to step {self.moment:,}: press Measure"
        return "not measured yet: play, or press Measure"

    def marks(self) -> dict[str, str]:
        try:
            gradient = self._samples().gradient or "which is not measured"
        except CannotSay:
            gradient = ""
        how = {
            "mean": "mean of its loss over the steps: high where the loss falls late, or never",
            "loss": "its loss now, alone, as in evaluation: without dropout",
            "gradient": f"norm of its own gradient {gradient}",
            "forgotten": "how often it went from right to wrong, from one record to the next (Toneva et al. 2019)",
        }[self.by]
        return {
            "bars": f"a bar for each sample, sorted: {how}; a press chooses a sample, in all views of the board",
            "stands out": "falls late (its mean loss is far beyond the others': Tukey's outer fence), has risen "
            f"(beyond the fence now, and to {RISEN:g} times its smallest), or flips (forgotten {FORGOTTEN} times or "
            f"more, its mean loss above the median); at most {NAMED}. A wrong label, or only a hard or rare sample",
            "left out": "hollow: left out by a hand, from no batch since; it is only looked at",
            "band": "half of all samples that are not left out have losses in the band, the line is the median",
            "named": "thin: the losses of those that stand out",
            "own": "bold: the loss of the sample that is shown",
            "said": "what the network says of it; framed, or below: its label",
            "undo": "what a hand turns is taken back by undo",
        }

    # ---- hands -------------------------------------------------------------------------------------------------------

    def _values(self, samples, place) -> dict[str, Any]:
        """Name of a control that would do something -> what it is called, or stands at, now."""
        found = {"measure": "Measure"} if hasattr(self.source, "measure_samples") else {}
        if self.moment is not None or not hasattr(self.source, "weigh"):
            return found
        sample, weight = int(samples.numbers[place]), float(samples.weights[place])
        found["drop"] = f"leave {sample} out" if weight else f"take {sample} back"
        if (label := self._other_label(samples, place)) is not None:
            own = samples.labels[place] != samples.own[place]
            found["relabel"] = f"{'back to' if own else 'relabel'} {samples.classes[label]}"
        if weight:
            found |= {"halve": "half weight", "weight": weight}
        return found

    def _other_label(self, samples, place):
        """The class that the button would give: of a relabelled one that of the data, else the likeliest other."""
        if samples.labels is None or not hasattr(self.source, "relabel"):
            return None
        now, own = int(samples.labels[place]), int(samples.own[place])
        if now != own:
            return own
        said = self._said(samples, place)
        if said is None or said.size < 2 or not np.isfinite(said).all():
            return None
        return int(np.where(np.arange(said.size) == now, -np.inf, said).argmax())

    def act(self, name, value) -> None:
        if name == "sample":
            return self.chosen.set(sample=None if value is None or value == self.chosen.sample else int(value))
        if name == "measure":
            return self._measure()
        if name not in ("drop", "relabel", "halve", "weight"):
            return super().act(name, value)
        samples = self._samples()
        # What comes first in the list may have changed since the hand saw the button.
        chosen = self._offered if samples.place(self.chosen.sample) is None else self.chosen.sample
        place = samples.place(chosen)
        if place is None or name not in self._values(samples, place):
            raise ValueError(f"Samples: no sample is shown whose {name} could be turned")
        sample, weight = int(samples.numbers[place]), float(samples.weights[place])
        if name == "relabel":
            label = self._other_label(samples, place)
            self.source.relabel(sample, None if label == samples.own[place] else label)
        else:
            wanted = {"drop": 0.0 if weight else 1.0, "halve": weight / 2, "weight": value}[name]
            self.source.weigh(sample, weight=wanted)
        self.chosen.set(sample=sample)  # it stays the one that is shown

    def _measure(self):
        self._why = ""
        try:
            found = self.source.measure_samples()
        except (ValueError, CannotSay) as error:
            self._why = str(error).removeprefix("samples: ").rstrip(".")
            return
        if self.moment is not None:
            rows = {name: values[None] for name, values in found.items()}
            course = Course(
                np.array([self.moment]), rows["sample_loss"], rows.get("sample_gradient"), rows.get("sample_right")
            )
            self._asked = self.moment, course

    # ---- picture and words -------------------------------------------------------------------------------------------

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax, *self.size)
        ax.set_title(self.heading)
        pictured.plot(ax, self.frame(), self.labels(), self.log)
        return ax

    @np.errstate(all="ignore")
    def describe(self) -> str:
        samples, course, known = self._told()
        if course is None or known is None:
            return f"Samples were {self.unmeasured()}."
        said = [self._out(samples, course, known)]
        bad = int((~np.isfinite(course.loss[-1])).sum())
        if bad:
            said.insert(0, f"The loss of {plural(bad, 'sample')} is not finite.")
        sample = self.chosen.sample
        if sample is not None and samples.place(sample) is None:
            said.append(f"Sample {sample:,}, which is chosen, is not among the {len(samples.numbers):,} measured.")
        else:
            place = self._place(samples, known)
            line = "; ".join(self._lines(samples, course, known, place))
            said.append(f"Shown: {line}{self._answer(samples, place)}.")
        said += by_hand(samples)
        return " ".join(said)

    def _answer(self, samples, place):
        probabilities = self._said(samples, place)
        if probabilities is None or not np.isfinite(probabilities).all():
            return ""
        if len(samples.classes) != probabilities.size:
            return f"; the network says {', '.join(map(number, probabilities))}"
        best = int(probabilities.argmax())
        return f"; the network says {samples.classes[best]} {100 * probabilities[best]:.0f} %"

    def _out(self, samples, course, known):
        """Who stands out, in words."""
        head = f"{self._of(samples, course)}".capitalize()
        found = known.suspects
        if not len(found):
            return f"{head}: none stands out; the largest mean loss is {number(np.nanmax(known.by['mean']))}."
        full = [
            f"{samples.numbers[k]:,} ("
            + ", ".join(filter(None, [label(samples, k), f"mean loss {number(known.by['mean'][k])}",
                                      f"now {number(course.loss[-1, k])}", fate(course, known, k)]))
            + ")"
            for k in found[:IN_FULL]
        ]  # fmt: skip
        rest = f"; and {some(samples.numbers[found[IN_FULL:]])}" if len(found) > IN_FULL else ""
        return f"{head}: {plural(len(found), 'sample')} stand{'s' * (len(found) == 1)} out, {', '.join(full)}{rest}."
