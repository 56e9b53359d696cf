"""No exercise takes a wrong answer for right, and none a right one for wrong."""

import inspect

import pytest
from mutants import counts, mutants, others, tried, unreached

from nbprop.exercises import files

FILES = files()
ALL = {each.name: each for file in FILES for each in file.EXERCISES}
ENOUGH = 10


def of_all(kind):
    """[(exercise, number)] of what the modules in others/ give, and {exercise: what they give}."""
    given = {name: each for file in FILES for name, each in getattr(others(file), kind, {}).items()}
    return given, [(name, k) for name, answers in given.items() for k in range(len(answers))]


OTHERS, EACH_OTHER = of_all("OTHERS")
WRONG, EACH_WRONG = of_all("WRONG")


@pytest.mark.parametrize("name", ALL)
def test_every_mutant_that_differs_is_refused(name):
    survived = [mutant.words + " (the cases do not vary)" * mutant.fixed for mutant in mutants(name) if mutant.survived]
    assert survived == []
    made, equivalent, refused = counts(name)
    assert refused == made - equivalent >= ENOUGH
    assert all(mutant.verdict.text.strip() for mutant in mutants(name))


@pytest.mark.parametrize("name", [name for name, each in ALL.items() if inspect.isfunction(each.answer)])
def test_the_tests_go_through_every_line_of_the_solution(name):
    assert unreached(ALL[name]) == []


@pytest.mark.parametrize(("name", "k"), EACH_WRONG)
def test_what_is_known_to_be_wrong_is_refused(name, k):
    assert not tried(ALL[name], WRONG[name][k]).right


@pytest.mark.parametrize("name", ALL)
def test_there_are_three_right_answers_in_other_words(name):
    answers = OTHERS.get(name, ())
    words = {wording(answer) for answer in (*answers, ALL[name].answer)}
    assert len(answers) >= 3 and len(words) == len(answers) + 1


@pytest.mark.parametrize(("name", "k"), EACH_OTHER)
def test_a_right_answer_in_other_words_is_right(name, k):
    verdict = tried(ALL[name], OTHERS[name][k])
    assert verdict.right and verdict.text.startswith("Right"), verdict


def test_no_other_answer_is_to_an_exercise_or_a_slip_that_is_not_there():
    right_too, _ = of_all("RIGHT_TOO")
    assert (OTHERS.keys() | WRONG.keys() | right_too.keys()) <= ALL.keys()
    for name, words in right_too.items():
        assert set(words) <= {mutant.words for mutant in mutants(name) if mutant.verdict.right}


def wording(answer):
    """How an answer is put: the code of a function, the type and digits of a value."""
    if not inspect.isfunction(answer):
        return f"{type(answer)} {answer!r}"
    code = answer.__code__
    return f"{code.co_code} {code.co_names} {code.co_consts}"
