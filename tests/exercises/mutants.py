"""Mutants of the exercises: each solution with one slip (slips.py, other_values.py), and what `check` says to them.

    python tests/exercises/mutants.py                of each exercise: how many, how many equivalent, how many refused
    python tests/exercises/mutants.py adam-step      what each of its mutants is told, as a table in Markdown
    python tests/exercises/mutants.py --all          all tables

What says no more than a number that is wrong and the right one has a `?` in the last column: if people make this
mistake it should have a name, a `Mistake` of the exercise.

A mutant that answers like the solution in many more cases than `check` tries is equivalent: no mistake, and not
counted. That excuses no mutant which has a number in place of an argument or of its size: then the cases do not vary.
"""

import argparse
import contextlib
import copy
import functools
import importlib
import inspect
import io
import textwrap
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from other_values import of_settings, of_value
from slips import broken, of_source

from nbprop.exercises import Verdict, catalogue, files
from nbprop.exercises.answers import Failed, run
from nbprop.exercises.diagnosis import NEARLY, same

CASES = range(1000, 1060)  # seeds of the cases beyond those of `check`
HELPERS = Path(__file__).parent / "others"


@dataclass
class Mutant:
    """words: what was changed; answer; fixed: has it a number in place of an argument?; verdict: what `check` said."""

    words: str
    answer: Any
    fixed: bool
    verdict: Verdict
    equivalent: bool = False

    @property
    def survived(self):
        return self.verdict.right and not self.equivalent


def others(file):
    """The module with other right answers to the exercises of a file: others/<the file's name>.py, or None."""
    name = file.__name__.rpartition(".")[2]
    return importlib.import_module(f"others.{name}") if (HELPERS / f"{name}.py").exists() else None


@functools.cache
def file_of(name):
    return next(file for file in files() if name in {each.name for each in file.EXERCISES})


@functools.cache
def mutants(name):
    """Of the exercise of that name: a list of Mutants, each tried."""
    return mutants_of(catalogue()[name], getattr(others(file_of(name)), "RIGHT_TOO", {}).get(name, ()))


def mutants_of(exercise, right_too=()):
    """A list of Mutants, each tried. right_too: what was changed in those that are right nevertheless, where no more
    cases can show it: of functions that a judge looks at."""
    found = []
    for words, answer, fixed in _made(exercise):
        mutant = Mutant(words, answer, fixed, tried(exercise, answer))
        if mutant.verdict.right and not fixed:
            mutant.equivalent = words in right_too or _equivalent(exercise, answer)
        found.append(mutant)
    return found


def unreached(exercise):
    """Statements of the solution, a function, that no test of `check` gets to."""
    source = textwrap.dedent(inspect.getsource(exercise.answer))
    return [words for words, text in broken(source) if tried(exercise, _compiled(text, exercise.answer)).right]


def tried(exercise, answer):
    """What `check` says, without what the answer prints or warns of."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return copy.copy(exercise).check(answer)


def _made(exercise):
    """(what was changed, answer, fixed) of all mutants."""
    if inspect.isfunction(exercise.answer) or inspect.isclass(exercise.answer):
        source = textwrap.dedent(inspect.getsource(exercise.answer))
        arguments = exercise.case(np.random.default_rng(0)) if exercise.case else ()
        for words, text, fixed in of_source(source, arguments):
            yield words, _compiled(text, exercise.answer), fixed
    else:
        slips = of_settings if exercise.judge else of_value
        yield from ((words, answer, False) for words, answer in slips(exercise.answer))


def _compiled(text, original):
    names = dict(vars(inspect.getmodule(original)))
    exec(compile(text, f"<a mutant of {original.__name__}>", "exec"), names)
    return names[original.__name__]


def _equivalent(exercise, answer):
    """Does it answer as the solution does, in many cases? Settings that the judge finds right are right."""
    if exercise.case is None:
        rounding = min(exercise.tolerance, NEARLY)
        return not callable(exercise.answer) and (exercise.judge is not None or same(answer, exercise.answer, rounding))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for seed in CASES:
            arguments = exercise.case(np.random.default_rng(seed))
            try:
                found = run(answer, arguments)
            except Failed:
                return False
            right = exercise.answer(*copy.deepcopy(arguments))
            pairs = zip(found, right, strict=True) if exercise.outputs else [(found, right)]
            if not all(same(one, other, exercise.tolerance) for one, other in pairs):
                return False
    return True


# ---- in words --------------------------------------------------------------------------------------------------------


def counts(name):
    """(made, equivalent, refused) of an exercise."""
    all_of_it = mutants(name)
    equivalent = sum(mutant.equivalent for mutant in all_of_it)
    return len(all_of_it), equivalent, sum(not mutant.verdict.right for mutant in all_of_it)


def table(name):
    """What each mutant of an exercise is told, in Markdown."""
    rows = [f"## {name}", "", "| changed | told | |", "|:--|:--|:-:|"]
    for mutant in mutants(name):
        told = "equivalent" if mutant.equivalent else "**accepted**" if mutant.survived else mutant.verdict.text
        unnamed = "?" if "It is not right" in told else ""
        rows.append(f"| {mutant.words} | {told} | {unnamed} |".replace("\n", " "))
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="of exercises")
    parser.add_argument("--all", action="store_true", help="the tables of all exercises")
    options = parser.parse_args()
    names = list(catalogue())
    if unknown := set(options.names) - set(names):
        parser.error(f"no exercise {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if options.names or options.all:
        print("\n\n".join(map(table, options.names or names)))
        return
    total = np.zeros(3, int)
    for name in names:
        total += counts(name)
        made, equivalent, refused = counts(name)
        print(f"{name:28} {made:4} made, {equivalent:3} equivalent, {refused:4} refused", flush=True)
        for mutant in mutants(name):
            if mutant.verdict.right:
                print(f"{'':6}{'equivalent' if mutant.equivalent else 'ACCEPTED'}: {mutant.words}")
    made, equivalent, refused = total
    print(f"{made} made, {equivalent} equivalent, {refused} refused: {refused / (made - equivalent):.2%}")


if __name__ == "__main__":
    main()
