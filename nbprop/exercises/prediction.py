"""A guess before the answer is seen: the reader commits himself, then learns how near it was. Nothing is counted.

guess = nb.predict("How many times smaller is the gradient in layer 1 than in layer 20?", unit="times")
guess                          # shows the question, with a field and a button
guess.reveal(dz[19] / dz[0])   # after the cell that computes it
"""

import math
import re
from numbers import Real
from typing import Any

from nbprop import cells
from nbprop.checks import did_you_mean, whole, wrong

from .exercise import Text

HOW = "a number, such as 1e-3, 1/4 or 10 %"
ORDERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
FORM = re.compile(rf"({NUMBER})(?:\s*(/|\^|\*\*)\s*({NUMBER}))?\s*(%?)")
GROUPED = re.compile(r"(?<![\d.])[1-9]\d{0,2}(?:,\d{3})+(?!\d)")  # 12,500; not 0,125
LAST = "It has been revealed. For a fresh question run its cell again."


def predict(question, choices=None, unit="") -> "Prediction":
    """A question to guess at before its answer is computed; at the end of a notebook cell it is shown with a field, or
    buttons, and Commit.

    question: words, with Markdown and formulas if you like. choices: what is to be chosen from, as strings; None: a
    number is asked for. unit: of the number, such as "times"; with "%" it is in per cent.
    """
    return Prediction(question, choices, unit)


class Prediction:
    """What `predict` gives: `commit` a guess (the button does it too), `reveal` the truth. It never counts and may be
    left out. `value`: the guess, a float or one of the choices; None as long as none is made."""

    def __init__(self, question, choices=None, unit="") -> None:
        if not isinstance(question, str) or not question.strip():
            raise TypeError(wrong("question", "words", question, '"Which learns faster?"'))
        if not isinstance(unit, str):
            raise TypeError(wrong("unit", "a string", unit, '"times"'))
        if choices is not None:
            _checked(choices)
            if unit:
                raise ValueError(f"unit is of a number, but choices are given; leave out unit={unit!r}")
        self.question, self.unit = question.strip(), unit.strip()
        self.choices: tuple[str, ...] | None = None if choices is None else tuple(choices)
        self.value: Any = None
        self._verdict: Text | None = None  # what was said when it was revealed
        self._form: Any = None  # what is on the page, made when it is shown
        cells.claim(self)

    # What the reader calls.

    def commit(self, value) -> Text:
        """Make a guess, or another one. value: a number, also as text such as "1e-3", "1/4", "10 %"; or one of the
        choices. TypeError, ValueError: it is none."""
        if self._verdict is not None:
            return Text(LAST)
        self.value = self._read(value)
        self._changed()
        return Text(f"Committed: {self._said()}.")

    def take_back(self) -> Text:
        """No guess after all, as long as nothing is revealed."""
        if self._verdict is not None:
            return Text(LAST)
        self.value = None
        self._changed()
        return Text("Taken back.")

    def reveal(self, truth, digits=4) -> Text:
        """How near the guess was, in words. truth: the number (it is said with at most `digits` digits), or the choice
        that is right. From now on the guess stays as it is."""
        truth, digits = self._true(truth), whole(1, 4)("digits", digits)
        is_ = truth if self.choices else _written(truth, digits) + f" {self.unit}".rstrip()
        if self.value is None:
            words = f"No guess was made. It is {is_}."
        elif self.choices is not None:
            right = self.value == truth
            words = f"You said {self._said()}, and so it is." if right else f"You said {self._said()}, it is {is_}."
            words += " Well guessed." if right else " What surprises stays in mind."
        else:
            words = f"You said {self._said(bare=self.unit != '%')}, it is {is_}{self._how_far(truth, digits)}"
        self._verdict = Text(words)
        self._changed()
        return self._verdict

    def replaced(self) -> None:
        """The cell that made it was run again."""
        if self._form is not None:
            self._form.close()

    # What is understood.

    def _read(self, value):
        if self.choices is not None:
            return _chosen("the guess", value, self.choices)
        if isinstance(value, str):
            value = _parsed(value, self.unit)
        return _real("the guess", value, finite=True)

    def _true(self, truth):
        if self.choices is not None:
            return _chosen("the answer", truth, self.choices)
        return _real("the answer", truth)

    # What is said.

    def _said(self, bare=False):
        """The guess in words."""
        if self.choices is not None:
            return self.value
        return _written(self.value) + ("" if bare else f" {self.unit}".rstrip())

    def _how_far(self, truth, digits):
        """How the truth compares with the guess: ": a factor 3 more." """
        said = self.value
        if not math.isfinite(truth):
            return "."
        if _written(said, digits) == _written(truth, digits):
            return ". Exactly."
        more = "more" if truth > said else "less"
        if self.unit == "%":
            points = abs(truth - said)
            return f": {_written(points, 2)} percentage points {more}.{' Well guessed.' * (points <= 2)}"
        if 0 in (said, truth):
            return ": nothing at all." if truth == 0 else ": not nothing."
        if (said < 0) != (truth < 0):
            return ": the other way round."
        more = "more" if abs(truth) > abs(said) else "less"
        decades = abs(math.log10(abs(truth)) - math.log10(abs(said)))
        if decades >= 1:
            orders = int(decades)
            count = ORDERS[orders] if orders < len(ORDERS) else f"{orders}"
            return f": {count} order{'s' * (orders > 1)} of magnitude {more}."
        factor = 10**decades
        if factor < 1.5:
            near = "Well guessed." if factor < 1.2 else "Not far off."
            return f": {_written(100 * abs(truth / said - 1), 2)} % {more}. {near}"
        return f": a factor {_written(factor, 2)} {more}."

    # How it is shown.

    def _asked(self):
        """What is wanted, for places where nothing can be clicked."""
        if self.choices is not None:
            return ("; " if any("," in choice for choice in self.choices) else ", ").join(self.choices)
        return self.unit or "a number"

    def __repr__(self):
        return f"Predict: {self.question} ({self._asked()})"

    def _repr_markdown_(self):
        return f"**Predict.** {self.question} *({self._asked()})*"

    def _repr_mimebundle_(self, include=None, exclude=None):
        plain = {"text/plain": repr(self), "text/markdown": self._repr_markdown_()}
        return {**plain, **self._shown().bundle(question=True)}

    def _ipython_display_(self):
        """In JupyterLab: the question as text, which stays when no kernel is there, and below it the form."""
        if not cells.in_jupyterlab():
            raise NotImplementedError  # IPython then asks for the bundle
        from IPython.display import publish_display_data

        publish_display_data({"text/plain": repr(self), "text/markdown": f"**Predict.** {self.question}"})
        publish_display_data(self._shown().bundle(question=False))

    def _shown(self):
        if self._form is None:
            from .form import Form

            self._form = Form(self)
            self._form.show()
        return self._form

    def _changed(self):
        if self._form is not None:
            self._form.show()


def _checked(choices):
    """At least two different names, or an error."""
    expected = 'two or more different names, such as ("sigmoid", "tanh")'
    if not isinstance(choices, tuple | list) or not all(isinstance(one, str) and one.strip() for one in choices):
        raise TypeError(wrong("choices", expected, choices))
    if len({one.lower() for one in choices}) < max(2, len(choices)):
        raise ValueError(wrong("choices", expected, choices))


def _chosen(name, value, choices):
    """The choice that is meant; case does not matter."""
    known = {choice.lower(): choice for choice in choices}
    if isinstance(value, str) and value.strip().lower() in known:
        return known[value.strip().lower()]
    meant = did_you_mean(value, choices) if isinstance(value, str) else ""
    error = ValueError if isinstance(value, str) else TypeError
    raise error(wrong(name, f"one of {', '.join(map(repr, choices))}", value) + meant)


def _real(name, value, finite=False):
    """A float, of a number or an array or tensor with one number in it."""
    given = value
    if not isinstance(value, Real) and getattr(value, "size", None) == 1 and hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(wrong(name, HOW if finite else "a number", given))
    value = float(value)
    if finite and not math.isfinite(value):
        raise ValueError(wrong(name, "a finite number", given))
    return value


def _parsed(text, unit):
    """The number that a text stands for; "10 %" is 0.1, and 10 where per cent are asked for."""
    plain = text.strip()
    if unit and plain.lower().endswith(unit.lower()) and unit != "%":
        plain = plain[: -len(unit)].rstrip()
    plain = GROUPED.sub(lambda group: group[0].replace(",", ""), plain.replace("\N{MINUS SIGN}", "-"))
    match = FORM.fullmatch(plain)
    if match is None:
        comma = f"; with a point: {plain.replace(',', '.')}" if re.fullmatch(r"[-+]?\d+,\d+", plain) else ""
        raise ValueError(f"{text.strip()!r} is not a number that is understood here; write {HOW}{comma}")
    first, sign, second, percent = match.groups()
    try:
        value = float(first)
        if sign:
            value = value / float(second) if sign == "/" else value ** float(second)
    except (ZeroDivisionError, OverflowError):
        value = math.inf
    if isinstance(value, complex) or not math.isfinite(value):
        raise ValueError(f"{text.strip()!r} has no finite value; write {HOW}")
    return value / 100 if percent and unit != "%" else value


def _written(value, digits=4):
    """A number with at most so many digits, short: 0.25, 1,500, 4e7."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite" if value > 0 else "minus infinite"
    text = f"{value:.{digits}g}"
    if 10 <= abs(float(text)) < 1e6 and float(text).is_integer():
        return f"{float(text):,.0f}"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text
