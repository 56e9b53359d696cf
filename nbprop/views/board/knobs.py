"""Widgets for knobs, made from what a source says of them: one place for the Playground, Controls and whoever comes."""

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from nbprop.checks import did_you_mean
from nbprop.record.controls import Choice, Number, Slider, Switch

LABEL = "96px"
OFF = "off"  # stands for it in a list, where None would be no choice
NOTHING = "There is nothing for it to act on in this model, or with this optimizer"


class Dial:
    """One widget, `widget`, of a Slider, Choice, Switch or Number. It shows a value as it is, whatever the description
    says of its range, and never takes what it shows for the turn of a hand.

    moved(value): called when the widget has moved, perhaps in another thread than the source's. There, `turned(value)`
    says whether that was a hand.
    """

    def __init__(self, control: Any, value: Any, moved: Callable[[Any], Any]) -> None:
        self.control = control
        self.value, self.idle = value, None  # what is shown, and why it cannot be turned
        self._showing = None  # the thread that shows something
        self.widget: Any = _made(control)
        self.widget.style.description_width = LABEL
        self.widget.layout.width = "auto"
        self.show(value)
        self.widget.observe(lambda change: self._moved(change["new"], moved), "value")

    def _moved(self, value, moved):
        if self._showing != threading.get_ident():
            moved(self.control.off[0] if value == OFF and getattr(self.control, "off", ()) else value)

    def turned(self, value: Any) -> bool:
        """Whether a hand has turned it there: it is neither what was shown, nor that on the grid of the browser."""
        shown, control = self.value, self.control
        if _same(value, shown):
            return False
        if isinstance(control, Slider) and _is_number(value) and _is_number(shown):
            if control.log and min(value, shown) > 0:
                near = abs(math.log10(value / shown)) < control.step / 2
            else:
                near = abs(value - shown) < 1e-9
            if near:
                return False
        self.value = value
        return True

    def show(self, value: Any, idle: str = "", anew: bool = False) -> None:
        """Show a value. idle: why a hand cannot turn it now, said in the tip. anew: with the range that fits the value,
        also where a hand has turned it there, and may still hold it."""
        of = getattr(self.control, "of", None)
        if of is not None and value is not None and not _several(value):
            value = of(value)
        if not anew and idle == self.idle and _same(value, self.value):
            return
        self.value, self.idle = value, idle
        self._showing = threading.get_ident()
        try:
            with self.widget.hold_sync():
                said = self._show(value)
                self.widget.disabled = bool(idle)
                self.widget.tooltip = ". ".join(filter(None, [self.control.tip or self.control.label, idle, said]))
        finally:
            self._showing = None

    def _show(self, value):
        """What the widget cannot say itself."""
        widget, control = self.widget, self.control
        if isinstance(control, Switch):
            widget.value = bool(value)
        elif isinstance(control, Number):
            widget.max = max(widget.max, value or 0)
            widget.value = control.low if value is None else value
        elif isinstance(control, Choice):
            _choose(widget, control.options, value, control.unit)
        elif control.off:
            _choose(widget, _stops(control), OFF if any(_same(value, off) for off in control.off) else value)
        else:
            number = max(_leaves(value), default=None) if _several(value) else value
            zero = control.log and number is not None and number <= 0  # which has no logarithm
            widget.readout = not (zero or _several(value))  # one number would not be true
            _slide(widget, control, None if zero else number)
            if zero:
                return f"Now {_words(value)}"
        return f"Now {_words(value)}; turning it makes all equal" if _several(value) else ""


def dials(source: Any, names: "tuple[str, ...] | list[str]", moved: Callable[[str, Any], Any]) -> "dict[str, Dial]":
    """A Dial for each of a source's knobs with these names. moved(name, value): see Dial.

    Raises ValueError for a name that no knob has, or one that nothing can be made for.
    """
    return {name: Dial(check(source.knobs, name), None, lambda value, name=name: moved(name, value)) for name in names}


def check(knobs: "Mapping[str, Any]", name: str) -> Any:
    """The control of the knob of that name."""
    having = [each for each, knob in knobs.items() if knob.control is not None]
    if not isinstance(name, str):
        raise TypeError(f"a control is asked for by the name of a knob, such as {having[0]!r}; got {name!r}")
    if name not in knobs:
        raise ValueError(f"no knob {name!r}{did_you_mean(name, having) or '.'} There are {', '.join(having)}")
    if knobs[name].control is None:
        raise ValueError(f"{name} has no control: set it in code. Those that have one are {', '.join(having)}")
    return knobs[name].control


def refresh(source: Any, shown: "dict[str, Dial]") -> None:
    """Let dials of a source's knobs show what these stand at."""
    for name, dial in shown.items():
        dial.show(*standing(source, name))


def standing(source: Any, name: str) -> "tuple[Any, str]":
    """What a knob stands at, and "" or why it acts on nothing."""
    try:
        value = getattr(source, name)
    except ValueError as error:
        return None, str(error)
    nothing = value is None and None not in getattr(source.knobs[name].control, "off", ())
    return value, NOTHING if nothing else ""


class _GridFirst:
    """Before a slider class. The browser puts a new value on the grid that it knows, and says so as if a hand had: it
    is to hear of the grid before it hears of the value; and before both, how numbers are written."""

    def get_state(self, *args, **kwargs) -> dict[Any, Any]:
        above: Any = super()
        state = above.get_state(*args, **kwargs)
        between = {name: each for name, each in state.items() if name not in ("readout_format", "value")}
        return {**_only("readout_format", state), **between, **_only("value", state)}


def _only(name, state):
    return {name: state[name]} if name in state else {}


class _Whole(_GridFirst, widgets.IntSlider):
    pass


class _Plain(_GridFirst, widgets.FloatSlider):
    pass


class _Log(_GridFirst, widgets.FloatLogSlider):
    pass


# ---- widgets -----------------------------------------------------------------------------------------------------


def _made(control):
    if isinstance(control, Switch):
        return widgets.Checkbox(description=control.label)
    if isinstance(control, Number):
        return widgets.BoundedIntText(description=control.label, min=control.low, max=2**53 - 1)
    if isinstance(control, Choice):
        numbers = all(isinstance(option, (int, float)) for option in control.options)
        kind = widgets.SelectionSlider if numbers else widgets.Dropdown
        return kind(description=control.label, options=control.options)
    if not isinstance(control, Slider):
        raise TypeError(f"expected a Slider, Choice, Switch or Number of nbprop.record.controls, got {control!r}")
    if control.off:
        return widgets.SelectionSlider(description=control.label, options=_stops(control))
    kind = _Whole if control.whole else _Log if control.log else _Plain
    made = kind(description=control.label)
    _slide(made, control, None)
    return made


def _slide(widget, control, value):
    """Set a slider and its range, which gives way to the value: its ends, and the grid on which it stands."""
    low, high, step = control.low, control.high, control.step
    if control.log:
        low, high = math.log10(low), math.log10(high)
    if value is not None and control.log:
        at = math.log10(value)
        low = at - step * max(1, math.ceil((at - low) / step - 1e-6))
        high = high if value <= 10**high else at + step
    elif value is not None:
        low, high = min(low, value), max(high, value)
        finer = [step, *(10.0**power for power in range(math.floor(math.log10(step) + 1e-9), -6, -1))]
        fits = (each for each in finer if abs((value - low) / each - round((value - low) / each)) < 1e-6)
        step = step if control.whole else next(fits, finer[-1])
    shown = control.shown or ("d" if control.whole else f".{max(0, math.ceil(-math.log10(step) - 1e-9))}f")
    widget.max, widget.min = max(high, widget.max), min(low, widget.min)  # room for the old value and the new one
    if value is not None or not control.log:
        widget.value = control.low if value is None else value
    widget.step, widget.readout_format = step, shown
    widget.min, widget.max = low, high


def _stops(control):
    """(label, value) of a slider that can be off."""
    low, high = math.log10(control.low), math.log10(control.high)
    count = round((high - low) / control.step)
    values = [float(f"{10 ** (low + i * control.step):.3g}") for i in range(count + 1)]
    return [(OFF, OFF), *((_words(value), value) for value in values)]


def _choose(widget, options, value, unit=""):
    """Choose from these options and, if it is not among them, the value."""
    pairs = [option if isinstance(option, tuple) else (_words(option), option) for option in options]
    at = next((i for i, (_, each) in enumerate(pairs) if _same(each, value)), None)
    if at is None and value is not None:
        larger = (i for i, (_, each) in enumerate(pairs) if _is_number(value) and _is_number(each) and each > value)
        at = next(larger, len(pairs)) if _rising(pairs) else len(pairs)
        pairs.insert(at, (_words(value) + unit, value))
    if list(widget._options_full) != pairs:
        widget.options = pairs
    if at is not None:
        widget.index = at


def _rising(pairs):
    numbers = [each for _, each in pairs if _is_number(each)]
    return numbers == sorted(numbers)


def _leaves(value):
    """The numbers in a tuple or dict."""
    return [each for each in (value.values() if isinstance(value, dict) else value) if each is not None]


def _words(value):
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_words(each)}" for name, each in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(_words, value))
    return (
        f"{value:g}"
        if _is_number(value)
        else value
        if isinstance(value, str)
        else getattr(value, "__name__", repr(value))
    )


def _several(value):
    return isinstance(value, (tuple, dict))


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(a, b):
    return a is b or (type(a) in _PLAIN and type(b) in _PLAIN and a == b)


_PLAIN = (bool, int, float, str, tuple)
