"""Graded exercises: an answer is compared with the truth on random numbers, and what is wrong with it is named.

Typical wrong answers are part of an exercise: who makes one of them gets the same numbers as it does, and is told what
it says. What nobody foresaw is searched for the usual suspects (diagnosis.py).
"""

import copy
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .diagnosis import array, diagnose, same
from .results import noted

CASES = 3  # random tests of a function


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
    truth      finds the right answer in another way (autodiff, differences), from the same arguments; by default the
               solution
    outputs    names of what the function returns, when it returns several arrays
    mistakes   typical wrong answers
    hints      in steps, from a question to nearly the answer
    judge      in place of truth, for answers that are settings, a model or a trainer: judge(answer) -> None when it is
               right, else what is wrong
    tolerance  largest difference, relative to the largest number of the right answer
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
        tolerance: float = 1e-6,
    ):
        self.name, self.task, self.case, self.judge = name, task, case, judge
        self.answer, self.truth = solution, truth or solution
        self.outputs, self.mistakes, self.hints, self.tolerance = outputs, mistakes, hints, tolerance
        self._hinted = 0

    # What the reader calls.

    @noted
    def check(self, answer):
        """Is it right?  A Verdict: `.right`, and what is wrong in words. answer: a function or value, see the task."""
        if _missing(answer):
            return self._unanswered()
        if self.judge is not None:
            wrong = self.judge(answer)
            return Verdict(wrong is None, wrong or "Right.")
        if self.case is None:
            return self._verdict([answer], [self.answer], [[mistake.answer] for mistake in self.mistakes])
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
        """The answer: a function's source, or the value."""
        if not inspect.isfunction(self.answer):
            return Text(f"`{self.answer!r}`")
        return Text(f"```python\n{textwrap.dedent(inspect.getsource(self.answer)).strip()}\n```")

    def __repr__(self):
        return f"Exercise {self.name}: {self.task}"

    def _repr_markdown_(self):
        hints = f"{len(self.hints)} hints: `.hint()`. " if self.hints else ""
        return f"**Exercise: {self.name.replace('-', ' ')}.** {self.task}\n\n*{hints}The answer: `.solution()`.*"

    # How it is found out.

    def _unanswered(self):
        return Verdict(False, "Not answered yet: write it in place of `...` and run the cell again.")

    def _check_function(self, function, case):
        answers, truths, mistakes = [], [], [[] for _ in self.mistakes]
        for seed in range(CASES):
            arguments = case(np.random.default_rng(seed))
            try:
                answer = function(*copy.deepcopy(arguments))
            except Exception as error:
                return Verdict(False, f"It raises {type(error).__name__}: {error}")
            if _missing(answer):
                return self._unanswered()
            answers.append(answer)
            truths.append(self.truth(*copy.deepcopy(arguments)))
            for mistake, found in zip(self.mistakes, mistakes, strict=True):
                found.append(mistake.answer(*copy.deepcopy(arguments)))
        return self._verdict(answers, truths, mistakes)

    def _verdict(self, answers, truths, mistakes):
        """Compares answers with truths, case by case; `mistakes`: for each of them what it answers, case by case."""
        if not self.outputs:
            wrong = self._what_is_wrong(answers, truths, mistakes)
            return Verdict(wrong is None, wrong or self._praise())
        for answer in answers:
            if not isinstance(answer, tuple | list) or len(answer) != len(self.outputs):
                expected = f"{len(self.outputs)} values, {', '.join(self.outputs)}"
                return Verdict(False, f"Expected {expected}; got {_kind(answer)}.")
        said = []
        for i, name in enumerate(self.outputs):
            columns = [[case[i] for case in cases] for cases in (answers, truths, *mistakes)]
            wrong = self._what_is_wrong(columns[0], columns[1], columns[2:])
            said.append((wrong is None, f"{name}: {wrong or 'right.'}"))
        right = all(ok for ok, _ in said)
        return Verdict(right, self._praise() if right else "\n  ".join(text for _, text in said))

    def _what_is_wrong(self, answers, truths, mistakes):
        """None, or a sentence on one output."""
        if all(same(answer, truth, self.tolerance) for answer, truth in zip(answers, truths, strict=True)):
            return None
        for mistake, found in zip(self.mistakes, mistakes, strict=True):
            if all(same(answer, wrong, self.tolerance) for answer, wrong in zip(answers, found, strict=True)):
                return mistake.says
        return diagnose(answers, truths, self.tolerance)

    def _praise(self):
        if self.case is None:
            return "Right."
        return f"Right: {CASES} random tests agree" + ("." if self.truth is self.answer else " with backpropagation.")


def _missing(answer):
    return answer is None or answer is ... or (isinstance(answer, tuple | list) and any(map(_missing, answer)))


def _kind(answer):
    if isinstance(answer, tuple | list):
        return f"{len(answer)} values" if len(answer) != 1 else "one value"
    return f"an array of shape {array(answer).shape}" if hasattr(answer, "shape") else repr(answer)
