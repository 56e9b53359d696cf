"""Many moments of a run, for where no Python is: whole frames of all panels, small enough for a page or a notebook.

Moments: of sources with `at(step)` the states after evenly spaced steps, and where something was turned; of a
computation graph its steps; of any other source the present. Variants: what a panel shows with each choice of an option
that only the kernel can obey, as long as they are few.

A board that is live is not touched: its views are copied, and the copies are given the sources of then.
"""

import copy
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nbprop.checks import whole
from nbprop.record.source import CannotSay

from ..base.view import number, plural
from .compact import encode, plain
from .panel import Panel, specs

MOMENTS = 120
VARIANTS = 8  # of a panel; options that would make more are not recorded


@dataclass(frozen=True)
class Recording:
    """What `record` gives. data: the bytes that recording.js reads; moments: how many; said: what is in it and what was
    left out, in words."""

    data: bytes
    moments: int
    said: str

    def __repr__(self) -> str:
        return f"Recording({len(self.data) / 1000:,.0f} kB: {self.said})"


def record(board, moments: int = MOMENTS, size: float = math.inf, choices: bool = True) -> Recording:
    """The recording of a board: at most so many evenly spaced moments, a quarter as many where something was turned,
    and at most `size` bytes. Where it would be longer, first the choices of options are left out, then moments.
    ValueError if the last moment alone is longer. choices: whether also what else can be chosen is recorded."""
    take = _take(board, whole(1)("moments", moments), VARIANTS if choices else 1)
    found = take.recording()
    if len(found.data) > size and any(len(panel) > 1 for panel in take.panels):
        take = take.only(range(len(take.heads)), variants=1)
        found = take.recording()
    while len(found.data) > size:
        count = len(take.heads)
        if count == 1:
            raise ValueError(
                f"expected a recording of at most {size:,.0f} bytes, but its last moment alone takes "
                f"{len(found.data):,}: try a larger size, or a board of fewer views"
            )
        every = 1.1 * len(found.data) / max(size, 1)
        take = take.only([*range(0, count - 1, math.ceil(every)), count - 1] if every < count else [count - 1])
        found = take.recording()
    return found


@dataclass(frozen=True)
class _Take:
    """Frames that were taken. heads: what is said of each moment; panels: of each panel its variants, dicts of
    `options` and `frames`; walked: the option that leads through the moments, or ""; now, last: steps."""

    spec: dict[str, Any]
    heads: list[dict[str, Any]]
    panels: list[list[dict[str, Any]]]
    walked: str
    now: int
    last: int

    def only(self, kept, variants=VARIANTS) -> "_Take":
        """The moments of these numbers; the first variants."""
        panels = [[{**each, "frames": [each["frames"][i] for i in kept]} for each in p[:variants]] for p in self.panels]
        return _Take(self.spec, [self.heads[i] for i in kept], panels, self.walked, self.now, self.last)

    def recording(self) -> Recording:
        panels, lacking = [], []
        for panel, variants in zip(self.spec["panels"], self.panels, strict=True):
            options = []
            for option in panel["options"]:
                if option["where"] == "browser" or option["name"] == self.walked:
                    options.append(option)
                    continue
                if option["where"] == "live":
                    continue
                values = {variant["options"].get(option["name"], option["value"]) for variant in variants}
                if len(values) == 1:
                    lacking.append(f"{panel['title']}, {option['label']}")
                if option.get("choices"):  # a list shows what was chosen even if it is the only choice
                    options.append({**option, "choices": [each for each in option["choices"] if each[0] in values]})
                elif len(values) > 1:
                    options.append(option)
            panels.append({**panel, "options": options, "controls": []})
        first, count = self.heads[0]["step"], plural(len(self.heads), "moment")
        said = f"{count} from step {first:,} to {self.last:,}." if len(self.heads) > 1 else f"Step {first:,}."
        said += f" Without other choices of: {'; '.join(dict.fromkeys(lacking))}." if lacking else ""
        index = {"moments": self.heads, "walked": self.walked, "now": self.now, "last": self.last, "said": said}
        data = encode({**index, "spec": {**self.spec, "panels": panels}}, self.panels)
        return Recording(data, len(self.heads), said)


# ---- taking frames ---------------------------------------------------------------------------------------------------


@dataclass
class _Then:
    """One moment: a step, what options stand at (of a graph), and what was turned since the one before, in words."""

    step: int
    options: dict[str, Any] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)


def _take(board, most, variety) -> _Take:
    from nbprop.training.progress import bar

    spec = {"columns": board.columns, "height": board.height, "panels": specs(board.views)}
    line = board._timeline  # which may be at the past
    sources = {id(view.source): view.source for view in board.views}
    if line is not None and id(line.moment) in sources:
        sources[id(line.moment)] = line.trainer
    times, walked, last = _times(board.views, [*sources.values()], most)
    now = next((getattr(view, walked) for view in board.views if walked in Panel(view).names), last)
    looks = {}
    variants = [
        [{"options": options, "frames": []} for options in _variants(view, walked, variety)] for view in board.views
    ]
    heads = []
    try:
        with bar(len(times), "moment") as tick:
            for then in times:
                tick()
                try:
                    there = {key: _at(source, then.step, looks) for key, source in sources.items()}
                except (ValueError, CannotSay):  # the way back to it is no longer there
                    continue
                for view, panel in zip(board.views, variants, strict=True):
                    for variant in panel:
                        options = {**variant["options"], **_own(view, then.options)}
                        variant["frames"].append(_frame(view, there, options))
                heads.append(_head(then, [*there.values()], _settings(board._desk, there, sources, then.step)))
    finally:
        for look in looks.values():
            look.close()
    return _Take(spec, heads, variants, walked, now, last)


def _at(source, step, looks):
    """The source as it was after that step: itself if it has not come further. looks: those that can be moved."""
    if step >= source.steps or not hasattr(source, "at"):
        return source
    if look := looks.get(id(source)):
        look.show(step, wait=True)
        if look.message and not look.exact:
            raise CannotSay(look.message)
        return look
    look = source.at(step)
    if hasattr(look, "show"):
        looks[id(source)] = look
    return look


def _settings(desk, there, sources, step):
    """What the controls of a desk stood at, in words; nothing where that is not known of the past. Of those that are
    folded away, those which somebody has turned."""
    said: list[str] = []
    if desk is None:
        return said
    key = next((key for key, source in sources.items() if source is desk.source), None)
    source = there.get(key, desk.source)
    if source is desk.source and step < source.steps:
        return said
    turned = {event.name for event in getattr(getattr(desk.source, "history", None), "events", ())}
    for name, dial in desk.dials.items():
        if dial.folded and name not in turned:
            continue
        try:
            value, idle = desk.read(name, source)
        except (ValueError, CannotSay):
            continue
        then = copy.copy(dial)
        then.show(value, idle)
        state = then.state()
        shown = state.get("words") or state["value"]
        if not idle and shown is not None:
            words = {True: "on", False: "off"}[shown] if isinstance(shown, bool) else shown
            said.append(f"{dial.control.label} {words if isinstance(words, str) else number(words)}")
    return said


def _head(then, sources, settings):
    loud = next((source for source in sources if source.status == "stopped"), sources[0])
    status = "stopped" if loud.status == "stopped" else "paused"
    message = loud.message if status == "stopped" else ""
    head = {"step": int(then.step), "status": status, "message": message, "events": then.events}
    return {**head, "settings": settings} if settings else head


def _of_then(view, there):
    """The view, of its source as it was then, and of nobody else."""
    seen = copy.copy(view)
    vars(seen).pop("boards", None)  # which would be told of options, as would peers
    seen._constants, seen._peers, seen.source = {}, (), there[id(view.source)]
    return seen


def _frame(view, there, options):
    """The whole frame of a view: `arrays` by name, and what else is `said`; its error, if it cannot be drawn."""
    seen, parts = _of_then(view, there), []
    try:
        seen._peers = tuple(_of_then(peer, there) for peer in view._peers)
        for name, value in options.items():
            setattr(seen, name, value)
        said = Panel(seen).pack(parts, 0.0, words=True)
        arrays = {name: part.reshape(shape) for (name, _, shape), part in zip(said.pop("arrays"), parts, strict=True)}
        if "labels" in said:  # the choices are those that were recorded
            said["labels"] = {name: words for name, words in said["labels"].items() if name != "choices"}
        json.dumps(said, allow_nan=False, default=plain)
    except Exception as error:  # as on a live board, the other panels go on
        return {"arrays": {}, "said": {"error": f"{type(error).__name__}: {error}"}}
    return {"arrays": arrays, "said": said}


# ---- which moments, which variants -----------------------------------------------------------------------------------


def _times(views, sources, most) -> tuple[list[_Then], str, int]:
    """The moments, the option that leads through them or "", and the last step."""
    dated = [source for source in sources if hasattr(source, "at") and source.steps]
    if dated:
        last = max(int(source.steps) for source in dated)
        turned = {}
        for event in (event for source in dated for event in source.history.events):
            turned.setdefault(int(event.step), []).append(event.text)
        marks = sorted(turned)[-(most // 4) :] if most >= 4 else []
        steps = sorted({*range(0, last, _stride(last, most)), *marks, last} if most > 1 else {last})
        return list(_with_events(steps, turned)), "", last
    for view in views:
        for option in view.options:
            if isinstance(option.choices, range) and len(option.choices) > 1 and option.where != "browser":
                values = option.choices[:: math.ceil(len(option.choices) / most)]
                return [_Then(value, {option.name: value}) for value in values], option.name, option.choices[-1]
    last = max(int(source.steps) for source in sources)
    return [_Then(last)], "", last


def _stride(last, most):
    """The smallest of 1, 2, 5, 10, 20, ... that cuts `last` steps into at most so many parts."""
    strides = (digit * 10**power for power in itertools.count() for digit in (1, 2, 5))
    return next(stride for stride in strides if stride * max(most, 1) >= last)


def _with_events(steps, turned) -> Iterator[_Then]:
    before = -1
    for step in steps:
        texts = [text for at in sorted(turned) if before < at <= step for text in turned[at]]
        yield _Then(step, events=texts[:6])
        before = step


def _variants(view, walked, most) -> list[dict[str, Any]]:
    """What its options can stand at, beside those that the browser obeys: the first as they are, then the others."""
    values = {}
    options = [option for option in view.options if option.where == "kernel" and option.name != walked]
    for option in sorted(options, key=lambda option: len(option.choices)):
        now = getattr(view, option.name)
        offered = list(option.choices) if isinstance(option.choices, range) else [value for value, _ in option.choices]
        offered = offered or [False, True]
        if math.prod(map(len, values.values())) * len(offered) <= most:
            values[option.name] = [now, *(value for value in offered if value != now)]
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def _own(view, options):
    """Those of the options that the view has, as far as it has them."""
    found = {}
    for option in view.options:
        if option.name in options and isinstance(option.choices, range):
            found[option.name] = min(max(options[option.name], option.choices[0]), option.choices[-1])
    return found
