"""Graded exercises: an answer is compared with the truth on random numbers, and what is wrong with it is named.

Typical wrong answers are part of an exercise: who makes one of them gets the same numbers as it does, and is told what
it says. What nobody foresaw is searched for the usual suspects (diagnosis.py).
"""

import copy
import inspect
import itertools
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np

from .answers import Failed, TooLong, array, is_open, plain, printing, run, timed
from .diagnosis import diagnose, same
from .results import NAME, noted

CASES = 5  # random tests of a function
TOLERANCE, OF_A_VALUE = 1e-6, 5e-3  # three digits of a value are enough
JUDGED = 120.0  # seconds that a judge may take, with all trainings
FACTOR = re.compile(r"The sign is wrong|It is [-\d.e]+ times")  # the same one in all tests


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer (a function or a value, as the right one is), and what to tell who gives it."""

    answer: Any
    says: str


@dataclass(frozen=True)
class Verdict:
    """What `check` found: `right`, and in words what is not."""

    right: bool
    text: str

    def __repr__(self):
        return f"{'✓' if self.right else '✗'} {self.text}"


class Text(str):
    """Words for the reader: Markdown in a notebook, plain elsewhere."""

    def __repr__(self):
        return str(self)

    def _repr_markdown_(self):
        return str(self)


class Exercise:
    """A question whose answer can be checked.

    name       lower-case words with hyphens, unique in the course
    task       Markdown: what to write, with the shapes
    solution   the answer: a function, whose source is shown on request, or a value
    case       case(rng) -> the arguments of one random test, a tuple; None when the answer is a value
    edges      arguments of tests beside the random ones, a tuple of tuples: what seldom comes by chance
    truth      finds the right answer in another way (autodiff, differences), from the same arguments; by default the
               solution
    outputs    names of what the function returns, when it returns several arrays
    mistakes   typical wrong answers
    hints      in steps, from a question to nearly the answer
    judge      in place of truth, for answers that are settings, a model or a trainer: judge(answer) -> None when it is
               right, else what is wrong
    tolerance  largest difference, relative to the largest number of the right answer (default 1e-6, of a value 5e-3);
               the task says how many digits are enough where the answer has many
    why        how the solution is found, in a few sentences of Markdown, shown before it
    """

    def __init__(
        self,
        name: str,
        task: str,
        solution: Any,
        case: Callable | None = None,
        truth: Callable | None = None,
        outputs: tuple[str, ...] = (),
        mistakes: tuple[Mistake, ...] = (),
        hints: tuple[str, ...] = (),
        judge: Callable | None = None,
        tolerance: float | None = None,
        edges: tuple[tuple, ...] = (),
        why: str = "",
    ):
        if not isinstance(name, str) or not NAME.fullmatch(name):  # results could not be read again
            expected = "lower-case words with hyphens, at most 80 letters, such as 'sum-of-squares'"
            raise ValueError(f"name of an exercise: expected {expected}; got {name!r}")
        self.name, self.task, self.case, self.edges, self.judge = name, task, case, edges, judge
        self.answer, self.truth, self.why = solution, truth or solution, why
        self.outputs, self.mistakes, self.hints = outputs, mistakes, hints
        self.tolerance = tolerance or (TOLERANCE if case else OF_A_VALUE)
        self._hinted, self._trials = 0, []

    # What the reader calls.

    @noted
    def check(self, answer):
        """Is it right?  A Verdict: `.right`, and what is wrong in words. answer: a function or value, see the task."""
        if _missing(answer):
            return self._unanswered(answer)
        try:
            if self.judge is not None:
                wrong = timed(self.judge, (answer,), JUDGED)
                return Verdict(wrong is None, wrong or "Right.")
            if self.case is None:
                return self._check_value(answer)
        except TooLong:
            return Verdict(False, f"{_kind(answer)} cannot be tried: it was stopped after {JUDGED:g} seconds.")
        except (Exception, SystemExit) as error:
            return Verdict(False, f"{_kind(answer)} cannot be tried: {type(error).__name__}: {error}")
        if not callable(answer):
            return Verdict(False, f"Expected your function itself, e.g. check(f), got {_kind(answer)}.")
        return self._check_function(answer, self.case)

    @noted
    def hint(self):
        """The next hint; after the last one they start again."""
        if not self.hints:
            return Text("There is no hint for this one.")
        k, self._hinted = self._hinted % len(self.hints), self._hinted + 1
        return Text(f"Hint {k + 1} of {len(self.hints)}: {self.hints[k]}")

    @noted
    def solution(self):
        """How the answer is found, and the answer: a function's source, or the value."""
        why = f"{self.why}\n\n" if self.why else ""
        if not (inspect.isfunction(self.answer) or inspect.isclass(self.answer)):
            return Text(f"{why}`{self.answer!r}`")
        return Text(f"{why}```python\n{textwrap.dedent(inspect.getsource(self.answer)).strip()}\n```")

    def __repr__(self):
        return f"Exercise {self.name}: {self.task}"

    def _repr_markdown_(self):
        hints = f"{len(self.hints)} hints: `.hint()`. " if self.hints else ""
        return f"**Exercise: {self.name.replace('-', ' ')}.** {self.task}\n\n*{hints}The answer: `.solution()`.*"

    # How it is found out.

    def _unanswered(self, answer: Any = ...):
        """Of an answer with something open in it: which of its parts."""
        parts = answer if isinstance(answer, tuple | list) and len(answer) == len(self.outputs) else ()
        still = [name for name, part in zip(self.outputs, parts, strict=False) if _missing(part)]
        if 0 < len(still) < len(self.outputs):
            return Verdict(False, f"Not answered yet: {' and '.join(still)}. Write it in place of `...`.")
        return Verdict(False, "Not answered yet: write it in place of `...` and run the cell again.")

    def _check_value(self, answer):
        if isinstance(answer, bool | np.bool_) and not isinstance(self.answer, bool):
            return Verdict(False, f"Expected {_kind(self.answer, 'a number')}, got {answer}.")
        return self._verdict([plain(answer)], [self.answer], [[mistake.answer] for mistake in self.mistakes])

    def _check_function(self, function, case):
        answers, trials = [], self._tried(case)
        for k, (arguments, _, _) in enumerate(trials):
            answer = failed = None
            with printing() as printed:
                try:
                    answer = run(function, arguments)
                except Failed as why:
                    failed = f"{why}{self._given(arguments)}"
            if k == 0:
                print(printed.getvalue(), end="")
            if failed:
                return Verdict(False, failed)
            if answer is None and not is_open(function):
                return self._nothing(arguments, bool(printed.getvalue()), k)
            if _missing(answer):
                return self._unanswered(answer)
            answers.append(answer)
        cases, truths, wrong = zip(*trials, strict=True)
        mistakes = [[found[k] for found in wrong] for k in range(len(self.mistakes))]
        return self._verdict(answers, truths, mistakes, [self._place(each) for each in cases])

    def _tried(self, case):
        """[(arguments, truth, what each mistake answers)] of all tests, found once."""
        if not self._trials:
            for arguments in [*(case(np.random.default_rng(seed)) for seed in range(CASES)), *self.edges]:
                truth = self.truth(*copy.deepcopy(arguments))
                self._trials.append((arguments, truth, [_tried(each.answer, arguments) for each in self.mistakes]))
        return self._trials

    def _nothing(self, arguments, printed, k):
        """What to say of a function that has returned None."""
        if printed:
            return Verdict(False, "It prints and returns nothing: `return` the answer, `print` only shows it.")
        if k:
            where = self._place(arguments, " {}")
            return Verdict(False, f"In one test{where} it returns nothing: is a `return` missing on one of its ways?")
        return Verdict(False, "It returns nothing: is the `return` missing?")

    def _place(self, arguments, form="{}"):
        """The numbers among the arguments of a test, such as "with lr = 0.1", in this form; "" if there are none."""
        names = inspect.signature(self.answer).parameters
        numbers = [f"{name} = {value:.4g}" for name, value in zip(names, arguments, strict=False)
                   if isinstance(value, Number) and not isinstance(value, complex)]  # fmt: skip
        return form.format("with " + ", ".join(numbers)) if numbers else ""

    def _given(self, arguments):
        """The shapes of the arrays among the arguments, and the numbers."""
        names = inspect.signature(self.answer).parameters
        arrays = [(name, each) for name, each in zip(names, arguments, strict=False) if isinstance(each, np.ndarray)]
        said = [f"{name} {each.shape}" for name, each in arrays if each.ndim]
        numbers = self._place(arguments)
        return (
            f" (In a test with {', '.join([*said, *([numbers[5:]] if numbers else [])])}.)" if said or numbers else ""
        )

    def _verdict(self, answers, truths, mistakes, places=()):
        """Compares answers with truths, case by case; `mistakes`: for each of them what it answers, case by case."""
        if not self.outputs:
            wrong = self._what_is_wrong(answers, truths, mistakes, places)
            return Verdict(wrong is None, wrong or self._praise())
        answers = [self._parts(answer, truth) for answer, truth in zip(answers, truths, strict=True)]
        for answer in answers:
            if not isinstance(answer, tuple | list) or len(answer) != len(self.outputs):
                expected = f"{len(self.outputs)} values, {', '.join(self.outputs)}"
                return Verdict(False, f"Expected {expected}; got {_kind(answer)}.")
        columns = [
            [[case[i] if case is not None else None for case in cases] for i in range(len(self.outputs))]
            for cases in (answers, truths, *mistakes)
        ]
        answered, right, wrong = columns[0], columns[1], columns[2:]
        whole = [k for k, found in enumerate(wrong) if all(map(self._agree, answered, found))]
        said = {}  # what is said -> of which outputs
        for i, name in enumerate(self.outputs):
            of_it = [found[i] for found in wrong]
            found = self._what_is_wrong(answered[i], right[i], of_it, places, whole)
            said.setdefault(found or "right.", []).append(name)
        if said.keys() == {"right."}:
            return Verdict(True, self._praise())
        text = "\n  ".join(f"{', '.join(names)}: {wrong}" for wrong, names in said.items())
        return Verdict(False, (None if whole else self._order(answers, truths)) or text)

    def _parts(self, answer, truth):
        """Several outputs in one array, such as np.array([dw, db]), as a list of them."""
        whole = isinstance(answer, np.ndarray) and {(len(truth), *np.shape(each)) for each in truth} == {answer.shape}
        return list(answer) if whole else answer

    def _order(self, answers, truths):
        """A sentence, if the outputs are the right ones in another order."""
        for order in itertools.permutations(range(len(self.outputs))):
            pairs = zip(answers, truths, strict=True)
            if all(same(answer[i], truth[k], self.tolerance) for answer, truth in pairs for i, k in enumerate(order)):
                found = ", ".join(self.outputs[k] for k in order)
                return f"The values are right, but not their order: expected {', '.join(self.outputs)}; got {found}."
        return None

    def _what_is_wrong(self, answers, truths, mistakes, places=(), whole=None):
        """None, or a sentence on one output. whole: the mistakes that explain the other outputs too; one that does not
        gives no reason for a sign or a factor which the others have right."""
        if self._agree(answers, truths):
            return None
        made = [k for k, found in enumerate(mistakes) if self._agree(answers, found)]
        explained = [k for k in made if whole is None or k in whole]
        found = diagnose(answers, truths, self.tolerance, places)
        if made and (explained or not FACTOR.match(found)):
            return self.mistakes[(explained or made)[0]].says
        return found

    def _agree(self, answers, truths):
        return all(same(answer, truth, self.tolerance) for answer, truth in zip(answers, truths, strict=True))

    def _praise(self):
        if self.case is None:
            return "Right."
        special = {0: "", 1: " and a special one"}.get(len(self.edges), f" and {len(self.edges)} special ones")
        tests = f"{CASES} random tests{special}"
        return f"Right: {tests} agree" + ("." if self.truth is self.answer else " with a second way to the answer.")


def _missing(answer):
    return answer is None or answer is ... or (isinstance(answer, tuple | list) and any(map(_missing, answer)))


def _tried(mistake, arguments):
    """What a typical mistake answers; None where it cannot."""
    try:
        return mistake(*copy.deepcopy(arguments))
    except Exception:
        return None


def _kind(answer, number=""):
    if isinstance(answer, tuple | list):
        return f"{len(answer)} values" if len(answer) != 1 else "one value"
    if callable(answer) and hasattr(answer, "__name__"):
        return f"the {'class' if isinstance(answer, type) else 'function'} {answer.__name__}"
    shape = array(answer).shape if hasattr(answer, "shape") else ()
    return (
        f"an array of shape {shape}" if shape else number or ("a number" if hasattr(answer, "shape") else repr(answer))
    )
