"""Answers of all kinds: a check says something about each, and none breaks it."""

import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import nbprop as nb
from nbprop.exercises import Exercise, Mistake, answers, own_engine
from nbprop.exercises.answers import array, is_open, run


def case(rng):
    return rng.normal(size=(rng.integers(3, 7), 2)), rng.uniform(1, 2)


def column_means(x, scale):
    return scale * x.mean(axis=0)


def mean_and_sum(x, scale):
    return scale * x.mean(axis=0), scale * x.sum(axis=0)


@pytest.fixture
def means():
    return Exercise("means", "Write it.", column_means, case)


@pytest.fixture
def pair():
    return Exercise("pair", "Write it.", mean_and_sum, case, outputs=("mean", "total"))


@pytest.fixture
def quarter():
    return Exercise("quarter", "Which?", 0.25, mistakes=(Mistake(0.5, "the root"),))


def endless(x, scale):
    while True:
        x = x + 0


def ends_the_program(x, scale):
    sys.exit("out")


def interrupted(x, scale):
    raise KeyboardInterrupt


def raises(x, scale):
    raise LookupError("nowhere")


def in_a_recursion(x, scale):
    return in_a_recursion(x, scale)


def test_a_function_that_does_not_return_is_said_to(means, monkeypatch):
    monkeypatch.setattr(answers, "SECONDS", 0.2)
    assert means.check(endless).text.startswith("It was stopped after 0.2 seconds: does its loop end?")
    assert "It ends the program (SystemExit)" in means.check(ends_the_program).text
    assert "It was interrupted" in means.check(interrupted).text
    assert "It raises LookupError: nowhere" in means.check(raises).text
    assert "(In a test with x (" in means.check(raises).text and "scale = 1." in means.check(raises).text
    assert "It raises RecursionError" in means.check(in_a_recursion).text
    assert means.check(column_means).right


def swallows(x, scale):
    while True:
        try:
            x = column_means(x, scale)
        except:  # noqa: E722
            continue


def test_a_loop_that_catches_everything_is_stopped_as_well(means, monkeypatch):
    monkeypatch.setattr(answers, "SECONDS", 0.05)
    monkeypatch.setattr(answers, "AGAIN", 0.02)
    assert means.check(swallows).text.startswith("It was stopped after 0.05 seconds")
    caught = []

    def three_times():
        while len(caught) < 3:
            try:
                while True:
                    pass
            except:  # noqa: E722
                caught.append(sys.exc_info()[0])

    assert run(three_times, ()) is None and caught == [answers.TooLong] * 3


def test_a_limit_ends_nothing_that_is_done_in_time(monkeypatch):
    monkeypatch.setattr(answers, "SECONDS", 0.05)
    for _ in range(20):
        assert run(lambda: 3, ()) == 3
    total = 0
    for k in range(200_000):  # longer than the limit, with nothing to stop it
        total += k
    assert total == 19_999_900_000


def test_where_there_are_no_threads_there_is_no_limit(monkeypatch):
    def refused(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(answers.threading.Thread, "start", refused)
    assert run(lambda: 3, ()) == 3


def test_a_wrong_number_of_arguments_is_named(means):
    assert "(It is called with 2 arguments, in the order of the task.)" in means.check(lambda x: x).text


def returns_in_one_branch(x, scale):
    if scale < 1.5:
        return scale * x.mean(axis=0)


def prints(x, scale):
    print(scale * x.mean(axis=0))


def test_what_returns_nothing_is_told_apart(means, pair, capsys):
    assert "Not answered yet" in means.check(lambda x, scale: ...).text
    assert "Not answered yet" in means.check(lambda x, scale: None).text
    assert means.check(lambda x, scale: print(end="")).text == "It returns nothing: is the `return` missing?"
    assert "`return` missing on one of its ways" in means.check(returns_in_one_branch).text
    assert "In one test with scale = " in means.check(returns_in_one_branch).text
    assert means.check(prints).text.startswith("It prints and returns nothing")
    assert capsys.readouterr().out.count("[") == 1  # of the first test alone
    assert pair.check(lambda x, scale: (x.mean(axis=0), ...)).text.startswith("Not answered yet: total.")


def test_what_is_open():
    def with_docstring(x):
        """It says what it gives."""
        ...

    def dots(x):
        return ...

    def written(x):
        y = x + 1  # noqa: F841

    assert is_open(with_docstring) and is_open(dots) and is_open(lambda x: None)
    assert not is_open(written) and not is_open(print)


def test_arguments_and_answers_are_copies(means, pair):
    buffer = np.zeros(2)

    def careless(x, scale):
        x *= scale
        buffer[:] = x.mean(axis=0)
        x[:] = np.nan
        return buffer

    assert means.check(careless).right
    assert pair.check(lambda x, scale: np.stack(mean_and_sum(x, scale))).right
    assert pair.check(lambda x, scale: [list(each) for each in mean_and_sum(x, scale)]).right
    assert "2 values, mean, total; got an array of shape (2,)" in pair.check(column_means).text


def test_numbers_of_all_kinds(quarter):
    right = (Fraction(1, 4), Decimal("0.25"), np.float32(0.25), nb.Tensor(0.25), [0.25], np.array([[0.25]]), 0.25 + 0j)
    for answer in (*right, 0.251, np.int8(1) / 4):
        assert quarter.check(answer).right, answer
    assert quarter.check(0.26).text == "It is too large."
    assert quarter.check(0.254).text == "It is nearly right: give more digits."
    assert quarter.check(2.5).text == "It is too large, by a power of ten."
    assert quarter.check(0.125).text == "A factor 2 is missing."
    assert quarter.check(-0.25).text == "The sign is wrong."
    assert quarter.check(0).text == "It is not 0."
    assert quarter.check(0.5).text == "the root"
    assert quarter.check(True).text == "Expected a number, got True."
    assert quarter.check(np.True_).text == "Expected a number, got True."
    assert quarter.check(0.25 + 1j).text.startswith("Expected real numbers, got complex ones")
    assert quarter.check(float("nan")).text == "It contains NaN."
    for answer in ({}, {"x": 1}, object(), "0.25", print, [1, [2]], [], np.zeros((2, 2)), lambda: 0.25, Exercise, {1}):
        verdict = quarter.check(answer)
        assert not verdict.right and verdict.text, answer


def test_truth_values_are_numbers_of_a_function():
    positive = Exercise("p", "t", lambda x: (x > 0) * 1.0, lambda rng: (rng.normal(size=5),))
    assert positive.check(lambda x: x > 0).right
    assert not positive.check(lambda x: x < 0).right
    assert not positive.check(lambda x: True).right
    truth = Exercise("t", "t", True)
    assert truth.check(True).right and not truth.check(False).right


def test_tensors_of_pytorch(means, pair):
    torch = pytest.importorskip("torch")

    def by_torch(x, scale):
        return torch.tensor(x, requires_grad=True).mean(dim=0) * scale

    assert means.check(by_torch).right
    assert means.check(lambda x, scale: list(by_torch(x, scale))).right
    assert pair.check(lambda x, scale: (by_torch(x, scale), by_torch(x, scale) * len(x))).right
    assert array(torch.tensor([0.5], dtype=torch.bfloat16, requires_grad=True)).tolist() == [0.5]


def test_what_is_said_of_shapes(means):
    def kept(x, scale):
        return scale * x.mean(axis=0, keepdims=True)

    assert means.check(kept).text == "The numbers are right, but the shape is (1, 2), expected (2,)."
    assert "expected (2,) (with scale = " in means.check(lambda x, scale: x).text
    total = Exercise("total", "t", lambda x, scale: x.sum(), case)
    assert "expected a single number" in total.check(lambda x, scale: x).text


def test_what_is_said_of_numbers(means):
    assert means.check(lambda x, scale: np.round(column_means(x, scale), 3)).text.startswith("It is nearly right")
    assert means.check(lambda x, scale: column_means(x, scale) * 1.00002).text.startswith("It is nearly right")
    assert means.check(lambda x, scale: column_means(x, scale) + 2).text == "It is 2 too large everywhere."
    assert means.check(lambda x, scale: column_means(x, scale) * 0).text == "It is 0 everywhere."
    assert means.check(lambda x, scale: 1 / column_means(x, scale)).text == "It is one divided by what it should be."
    assert means.check(lambda x, scale: column_means(x, scale)[::-1]).text.startswith("It is in the reverse order")
    assert means.check(lambda x, scale: 1j * column_means(x, scale)).text.startswith("Expected real numbers")
    some = means.check(lambda x, scale: column_means(x, scale) if scale < 1.5 else x[0])
    assert "in one test (with scale = 1." in some.text and " of 5 tests it is right." in some.text


def test_one_row_that_is_wrong_is_named():
    rows = Exercise("rows", "t", lambda x: 2 * x, lambda rng: (rng.normal(size=(4, 3)),))
    columns = Exercise("columns", "t", lambda x: 2 * x, lambda rng: (rng.normal(size=5),))

    def without_the_last(x):
        y = 2 * x
        y[-1] = 0
        return y

    assert rows.check(without_the_last).text.endswith("All but one row is right, the last one, 3.")
    assert rows.check(lambda x: without_the_last(x.T).T).text.endswith("column is right, the last one, 2.")
    assert columns.check(without_the_last).text.endswith("All but one number is right, the last one, 4.")


def test_outputs_in_another_order_are_named(pair):
    swapped = pair.check(lambda x, scale: mean_and_sum(x, scale)[::-1])
    assert swapped.text == "The values are right, but not their order: expected mean, total; got total, mean."


def test_a_mistake_gives_no_reason_for_a_factor_that_others_have_right():
    twice = Mistake(lambda x, scale: tuple(2 * each for each in mean_and_sum(x, scale)), "the 2 of the square")
    exercise = Exercise("e", "t", mean_and_sum, case, outputs=("mean", "total"), mistakes=(twice,))
    assert exercise.check(twice.answer).text == "mean, total: the 2 of the square"
    one = exercise.check(lambda x, scale: (2 * column_means(x, scale), mean_and_sum(x, scale)[1]))
    assert one.text == "mean: It is 2 times what it should be.\n  total: right."


def test_special_cases_are_tried_too():
    def sign_of(x):
        return np.sign(x)

    exercise = Exercise("e", "t", sign_of, lambda rng: (rng.normal(),), edges=((0.0,),))
    assert exercise.check(sign_of).text == "Right: 5 random tests and a special one agree."
    assert exercise.check(lambda x: 1.0 if x >= 0 else -1.0).text.endswith("In 5 of 6 tests it is right.")


def test_a_judge_that_cannot_try_an_answer_says_so():
    exercise = Exercise("j", "t", {"lr": 0.1}, judge=lambda answer: None if answer["lr"] < 1 else "too large")
    assert exercise.check(7).text == "7 cannot be tried: TypeError: 'int' object is not subscriptable"
    assert "cannot be tried: KeyError" in exercise.check({}).text


def test_a_judge_survives_an_answer_that_ends_the_program_or_never_ends(monkeypatch):
    exercise = Exercise("j", "t", {"lr": 0.1}, judge=lambda answer: answer(1, 1))
    assert exercise.check(ends_the_program).text == ("the function ends_the_program cannot be tried: SystemExit: out")
    monkeypatch.setattr(sys.modules["nbprop.exercises.exercise"], "JUDGED", 0.1)
    words = exercise.check(endless).text
    assert words == "the function endless cannot be tried: it was stopped after 0.1 seconds."


def never(*given):
    stack = [given]
    while stack:
        pass


def leaves(*given):
    sys.exit("out")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("topological-order", lambda f: f),
        ("checkpointed-backward", lambda f: f),
        ("broken-1", lambda f: (nb.exercise("broken-1").answer[0], f)),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_functions_that_a_judge_calls_are_run_without_harm(name, answer, monkeypatch):
    check = nb.exercise(name).check
    with monkeypatch.context() as short:
        short.setattr(answers, "SECONDS", 0.1)
        assert "was stopped after 0.1 seconds" in check(answer(never)).text
    assert "ends the program (SystemExit)" in check(answer(leaves)).text
    assert "raises TypeError" in check(answer(lambda: None)).text


def test_an_order_that_calls_itself_is_told_of_its_depth():
    check = nb.exercise("topological-order").check
    assert "raises RecursionError at 5,000 nodes in a row: keep a stack" in check(own_engine.depth_first).text
    assert check(lambda inputs, root: in_a_recursion(inputs, root)).text.startswith("It raises RecursionError")


def test_what_an_answer_printed_before_it_raised_is_shown_once(means, capsys):
    def looks_first(x, scale):
        print("here")
        raise LookupError

    means.check(looks_first)
    assert capsys.readouterr().out == "here\n"


@pytest.mark.parametrize("shapes", [(3, 2), ((2, 3), (2, 2)), ((), 2)])
def test_a_ragged_list_is_refused_in_words(means, quarter, shapes):
    words = Exercise("words", "t", ["relu", "tanh"])
    ragged = [np.ones(shape) for shape in shapes]
    assert "Expected numbers, got [" in means.check(lambda x, scale: ragged).text
    assert "Expected numbers, got [" in quarter.check(ragged).text
    assert words.check(ragged).text == "It is not right."
    assert Exercise("two", "t", [1.0, 2.0]).check(ragged).text.startswith("Expected numbers, got [")
