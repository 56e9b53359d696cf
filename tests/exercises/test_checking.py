"""How an answer is checked, on exercises made for the purpose."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.exercises import Exercise, Mistake
from nbprop.exercises.diagnosis import diagnose, same


def both(x, dz):
    return dz.T @ x, dz.sum(0)


def case(rng):
    n = rng.integers(4, 9)
    return rng.normal(size=(n, 3)), rng.normal(size=(n, 2))


@pytest.fixture
def gradients():
    """dW and db of a linear layer."""
    return Exercise(
        "gradients",
        "Write it.",
        both,
        case,
        outputs=("dW", "db"),
        mistakes=(
            Mistake(lambda x, dz: (dz.T @ x / len(x), dz.mean(0)), "a factor 1/n too many"),
            Mistake(lambda x, dz: (dz.T @ x, dz[0]), "missing sum over the batch"),
        ),
        hints=("one", "two"),
    )


def test_each_output_is_judged_alone(gradients):
    assert gradients.check(both).right
    assert gradients.check(lambda x, dz: (dz.T @ x, dz[0])).text == "dW: right.\n  db: missing sum over the batch"
    assert gradients.check(lambda x, dz: (dz.T @ x / len(x), dz.sum(0))).text.startswith("dW: a factor 1/n")
    assert "It is transposed." in gradients.check(lambda x, dz: (x.T @ dz, dz.sum(0))).text
    assert "A sum is missing, over axis 0." in gradients.check(lambda x, dz: (dz.T @ x, dz)).text
    assert "2 values, dW, db; got an array of shape (2, 3)" in gradients.check(lambda x, dz: dz.T @ x).text


def test_what_cannot_be_compared_is_said(gradients):
    assert "Expected your function itself" in gradients.check(np.ones((2, 3))).text
    assert "It raises ZeroDivisionError: division by zero" in gradients.check(lambda x, dz: 1 / 0).text
    assert "It raises TypeError" in gradients.check(lambda x: x).text
    for unanswered in (None, ..., lambda x, dz: None, lambda x, dz: (dz.T @ x, None), lambda x, dz: ...):
        verdict = gradients.check(unanswered)
        assert not verdict.right and "Not answered yet" in repr(verdict)


def test_an_answer_that_changes_its_arguments_changes_nothing(gradients):
    def careless(x, dz):
        x *= 2
        return dz.T @ x / 2, dz.sum(0)

    assert gradients.check(careless).right


def test_truth_comes_from_elsewhere():
    wrong = Exercise("w", "t", np.cos, lambda rng: (rng.normal(size=3),), truth=nb.grad(lambda x: (x**2).sum()))
    assert not wrong.check(wrong.answer).right
    assert wrong.check(lambda x: 2 * x).text.endswith("agree with a second way to the answer.")


def test_a_tensor_is_an_answer_too():
    exercise = Exercise("e", "t", lambda x: x * x, lambda rng: (rng.normal(size=3),))
    assert exercise.check(lambda x: nb.Tensor(x) ** 2).right


def test_values():
    number = Exercise("n", "t", 12.0, mistakes=(Mistake(7.0, "you have added"),))
    assert number.check(12).right and number.check(np.float32(12)).right
    assert number.check(7.0).text == "you have added"
    assert number.check(-12.0).text == "The sign is wrong."
    assert number.check("twelve").text == "Expected numbers, got 'twelve'."
    rows = Exercise("r", "t", np.eye(2))
    assert rows.check([[1, 0], [0, 1]]).right
    assert rows.check([[1, 0], [0]]).text.startswith("Expected numbers, got [")
    word = Exercise("s", "t", "relu", mistakes=(Mistake("tanh", "it saturates"),))
    assert word.check("relu").right
    assert word.check("tanh").text == "it saturates"
    assert word.check("elu").text == "It is not right."
    assert word.check(3).text == "Expected str, got numbers."


def test_a_judge_looks_at_anything():
    exercise = Exercise("j", "t", {"lr": 0.1}, judge=lambda answer: None if answer["lr"] < 1 else "too large")
    assert exercise.check({"lr": 0.5}).right
    assert exercise.check({"lr": 3}).text == "too large"


def test_hints_come_one_by_one_and_start_again(gradients):
    assert [gradients.hint() for _ in range(3)] == ["Hint 1 of 2: one", "Hint 2 of 2: two", "Hint 1 of 2: one"]


def test_the_solution_is_shown(gradients):
    assert gradients.solution() == "```python\ndef both(x, dz):\n    return dz.T @ x, dz.sum(0)\n```"
    assert Exercise("n", "t", 12.0).solution() == "`12.0`"


def test_the_usual_suspects():
    rng = np.random.default_rng(0)
    truths = [rng.normal(size=(3, 3)) for _ in range(2)]
    assert diagnose([t.T for t in truths], truths, 1e-6) == "It is transposed."
    assert diagnose([-t for t in truths], truths, 1e-6) == "The sign is wrong."
    assert diagnose([t * 3 for t in truths], truths, 1e-6) == "It is 3 times what it should be."
    assert diagnose([t[:2] for t in truths], truths, 1e-6) == "The shape is (2, 3), expected (3, 3)."
    assert diagnose([t * np.nan for t in truths], truths, 1e-6) == "It contains NaN."
    off = [t.copy() for t in truths]
    off[1][2, 0] += 5
    assert diagnose(off, truths, 1e-6).startswith("It is not right: in one test at [2, 0] it is ")


def test_equality_is_relative_to_the_largest_number():
    assert same(1e6 + 1e-2, 1e6, 1e-6) and not same(1e6 + 10, 1e6, 1e-6)
    assert same([1.0, np.nan], [1.0, np.nan], 1e-6) and not same([1.0], [[1.0]], 1e-6)
    assert same(np.zeros((0, 2)), np.zeros((0, 2)), 1e-6)


def test_an_unknown_exercise_is_named():
    with pytest.raises(ValueError, match=r"no exercise 'nothing-like-it'.*nb.exercise\(\) lists them"):
        nb.exercise("nothing-like-it")
