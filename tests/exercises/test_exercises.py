"""Every exercise of the course: its solution is right, its typical mistakes are named, hints and solution are there."""

import inspect
import re

import pytest

import nbprop as nb
from nbprop import exercises

FILES = exercises.files()
ALL = {each.name: each for file in FILES for each in file.EXERCISES}
MISTAKES = [(name, k) for name, each in ALL.items() for k in range(len(each.mistakes))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.__name__)
def test_a_notebook_has_at_least_four(file):
    assert len(file.EXERCISES) >= 4


def test_names_are_unique_and_all_are_in_the_catalogue():
    assert len(ALL) == sum(len(file.EXERCISES) for file in FILES)
    assert exercises.catalogue().keys() == ALL.keys()
    assert all(name == name.lower() and " " not in name for name in ALL)


@pytest.mark.parametrize("name", ALL)
def test_the_solution_is_right(name):
    exercise = nb.exercise(name)
    verdict = exercise.check(exercise.answer)
    assert verdict.right and verdict.text.startswith("Right"), verdict


@pytest.mark.parametrize("name", ALL)
def test_what_is_not_filled_in_is_not_answered(name):
    assert "Not answered yet" in nb.exercise(name).check(...).text
    if callable(ALL[name].answer):
        assert "Not answered yet" in nb.exercise(name).check(lambda *arguments: None).text


@pytest.mark.parametrize(("name", "k"), MISTAKES)
def test_a_typical_mistake_is_named(name, k):
    mistake = ALL[name].mistakes[k]
    verdict = nb.exercise(name).check(mistake.answer)
    assert not verdict.right
    assert mistake.says in verdict.text


@pytest.mark.parametrize("name", ALL)
def test_there_are_three_mistakes_hints_and_a_solution_to_read(name):
    exercise = nb.exercise(name)
    assert len(exercise.mistakes) >= 3 and len({mistake.says for mistake in exercise.mistakes}) >= 3
    assert exercise.hints and all(hint.strip() for hint in exercise.hints)
    assert exercise.task in exercise._repr_markdown_() and exercise.task in repr(exercise)
    assert exercise.hint().startswith("Hint 1 of")
    shown = exercise.solution()
    words = re.sub(r"```.*?```|`[^`]*`", "", shown, flags=re.DOTALL)
    assert len(words.split()) >= 12, "why is it so? (`why` of the exercise, shown before the answer)"
    assert words.count("$") % 2 == 0
    assert f"def {exercise.answer.__name__}" in shown if inspect.isfunction(exercise.answer) else shown
