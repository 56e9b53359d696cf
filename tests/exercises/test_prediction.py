"""A guess before the answer: what is understood, what is said, what a page shows of it."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nbprop as nb
from nbprop import cells
from nbprop.exercises import form
from nbprop.exercises.prediction import Prediction, _parsed, _written

PAIR = ("sigmoid", "tanh")
READ = {
    "1e-3": 1e-3,
    " 1/4 ": 0.25,
    "10 %": 0.1,
    "10%": 0.1,
    "-2.5": -2.5,
    "\N{MINUS SIGN}3": -3,
    "12,500": 12500,
    "1,000,000": 1e6,
    "10^4": 1e4,
    "2**10": 1024,
    ".5": 0.5,
    "4e7 times": 4e7,
}


@pytest.mark.parametrize("text", READ)
def test_numbers_are_read_as_people_write_them(text):
    guess = nb.predict("How many?", unit="times")
    guess.commit(text)
    assert guess.value == pytest.approx(READ[text], rel=1e-15)


@pytest.mark.parametrize(
    "text", ["", "many", "1/0", "1e999", "10^400", "nan", "-inf", "(-8)^0.5", "-8^0.5", "1 2", "0,5"]
)
def test_what_is_no_number_is_said_in_words(text):
    guess = nb.predict("How many?")
    with pytest.raises(ValueError, match=r"write a number, such as 1e-3, 1/4 or 10 %"):
        guess.commit(text)
    assert guess.value is None


def test_a_decimal_comma_is_shown_with_a_point():
    with pytest.raises(ValueError, match=r"with a point: 0\.125"):
        nb.predict("How much?").commit("0,125")


def test_per_cent_where_per_cent_are_asked_for():
    guess = nb.predict("What accuracy?", unit="%")
    for said in ("10 %", "10", 10):
        guess.commit(said)
        assert guess.value == 10
    assert guess.reveal(13.14) == "You said 10 %, it is 13.14 %: 3.1 percentage points more."


@pytest.mark.parametrize("value", [3, np.float32(3), np.array([3.0]), nb.Tensor(3.0)])
def test_a_number_may_come_as_any_number(value):
    guess = nb.predict("How many?")
    guess.commit(value)
    assert guess.value == 3 and isinstance(guess.value, float)
    assert guess.reveal(value) == "You said 3, it is 3. Exactly."


@pytest.mark.parametrize("value", [True, None, [1, 2], np.zeros(2), 1j, float])
def test_what_is_no_number_at_all_is_refused(value):
    with pytest.raises(TypeError, match="the guess must be a number"):
        nb.predict("How many?").commit(value)
    with pytest.raises(TypeError, match="the answer must be a number"):
        nb.predict("How many?").reveal(value)


# said, true, what is said of it
FAR = [
    (1e3, 4e7, "You said 1,000, it is 4e7 times: four orders of magnitude more."),
    (4e7, 1e6, "You said 4e7, it is 1e6 times: one order of magnitude less."),
    (1, 1e-30, "You said 1, it is 1e-30 times: 30 orders of magnitude less."),
    (10, 25, "You said 10, it is 25 times: a factor 2.5 more."),
    (10, 4, "You said 10, it is 4 times: a factor 2.5 less."),
    (10, 12.5, "You said 10, it is 12.5 times: 25 % more. Not far off."),
    (10, 9, "You said 10, it is 9 times: 10 % less. Well guessed."),
    (-10, -25, "You said -10, it is -25 times: a factor 2.5 more."),
    (12, 12.00001, "You said 12, it is 12 times. Exactly."),
    (-1, 3, "You said -1, it is 3 times: the other way round."),
    (3, 0, "You said 3, it is 0 times: nothing at all."),
    (0, 3, "You said 0, it is 3 times: not nothing."),
    (0, 0, "You said 0, it is 0 times. Exactly."),
    (3, np.inf, "You said 3, it is infinite times."),
    (3, np.nan, "You said 3, it is NaN times."),
]


@pytest.mark.parametrize(("said", "true", "words"), FAR)
def test_how_far_off_a_number_was(said, true, words):
    guess = nb.predict("How many?", unit="times")
    assert guess.commit(said).startswith("Committed: ")
    assert guess.reveal(true) == words
    assert repr(guess.reveal(true)) == words == guess.reveal(true)._repr_markdown_()


def test_without_a_guess_the_words_are_the_same_whoever_runs_it():
    assert nb.predict("How many?", unit="times").reveal(41_234_567) == "No guess was made. It is 4.123e7 times."
    assert nb.predict("How many?").reveal(41_234_567, digits=1) == "No guess was made. It is 4e7."
    assert nb.predict("Which?", PAIR).reveal("tanh") == "No guess was made. It is tanh."


def test_a_choice():
    guess = nb.predict("Which learns faster?", choices=PAIR)
    assert guess.commit("Tanh ") == "Committed: tanh." and guess.value == "tanh"
    assert guess.reveal("tanh") == "You said tanh, and so it is. Well guessed."
    other = nb.predict("Which learns faster?", choices=list(PAIR))
    other.commit("sigmoid")
    assert other.reveal("tanh") == "You said sigmoid, it is tanh. What surprises stays in mind."


def test_a_guess_may_change_until_it_is_revealed():
    guess = nb.predict("How many?")
    guess.commit(3)
    guess.commit(4)
    assert guess.value == 4
    guess.take_back()
    assert guess.value is None
    guess.commit(5)
    said = guess.reveal(6)
    assert "has been revealed" in guess.commit(6) and "has been revealed" in guess.take_back()
    assert guess.value == 5 and guess.reveal(6) == said


@pytest.mark.parametrize("wrongly", ["relu", "tan", ""])
def test_what_is_not_among_the_choices_is_refused_in_words(wrongly):
    guess = nb.predict("Which?", PAIR)
    for give in (guess.commit, guess.reveal):
        with pytest.raises(ValueError, match="must be one of 'sigmoid', 'tanh'; got"):
            give(wrongly)
        with pytest.raises(TypeError, match="must be one of"):
            give(0.5)
    with pytest.raises(ValueError, match="did you mean 'tanh'"):
        guess.commit("tan")
    assert guess.value is None


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("",), TypeError, "question must be words"),
        ((3,), TypeError, "question must be words"),
        (("Which?", "tanh"), TypeError, "choices must be two or more"),
        (("Which?", (1, 2)), TypeError, "choices must be two or more"),
        (("Which?", ("tanh",)), ValueError, "choices must be two or more"),
        (("Which?", ("tanh", "Tanh")), ValueError, "choices must be two or more"),
        (("Which?", PAIR, "times"), ValueError, "leave out unit='times'"),
        (("Which?", None, 3), TypeError, "unit must be a string"),
    ],
)
def test_a_question_that_is_none_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        nb.predict(*arguments)


def test_digits_are_from_one_to_four():
    for digits in (0, 5):
        with pytest.raises(ValueError, match="digits must be an integer from 1 to 4"):
            nb.predict("How many?").reveal(1, digits=digits)


@given(st.floats(-1e300, 1e300, allow_subnormal=False), st.integers(1, 4))
def test_what_is_written_can_be_read_and_has_so_many_digits(value, digits):
    text = _written(value, digits)
    assert _parsed(text, "") == pytest.approx(value, rel=10.0 ** (1 - digits))
    figures = text.split("e")[0].strip("-").replace(".", "").replace(",", "").strip("0")
    assert len(figures) <= digits


@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300))
def test_more_and_less_are_the_truth_beside_the_guess(said, true):
    guess = nb.predict("How many?")
    guess.commit(said)
    words = guess.reveal(true)
    assert ("more" in words) <= (true > said) and ("less" in words) <= (true < said)
    assert "more" in words or "less" in words or words.endswith("Exactly.")


def test_in_plain_text_and_in_markdown():
    assert repr(nb.predict("Which?", PAIR)) == "Predict: Which? (sigmoid, tanh)"
    assert repr(nb.predict("Which?", ("tanh, he", "tanh, xavier"))) == "Predict: Which? (tanh, he; tanh, xavier)"
    assert repr(nb.predict("How many?")) == "Predict: How many? (a number)"
    guess = nb.predict("How many $x$?", unit="times")
    assert repr(guess) == "Predict: How many $x$? (times)"
    assert guess._repr_markdown_() == "**Predict.** How many $x$? *(times)*"


# What is on the page.


@pytest.fixture
def shown():
    def make(*arguments, **options):
        guess = nb.predict(*arguments, **options)
        bundle = guess._repr_mimebundle_()
        assert form.WIDGET in bundle and bundle["text/plain"] == repr(guess)
        made.append(guess)
        return guess, guess._form

    made: list[Prediction] = []
    yield make
    for guess in made:
        guess.replaced()


def test_the_button_commits_and_takes_back(shown):
    guess, page = shown("How many?", unit="times")
    assert page.button.description == "Commit" and not page.field.disabled
    page.field.value = "1e3"
    page.button.click()
    assert guess.value == 1000 and page.field.disabled and page.button.description == "Change"
    assert "Committed: 1,000 times." in page.words.value and 'role="status"' in page.words.value
    page.button.click()
    assert guess.value is None and not page.field.disabled and page.words.value == ""
    page.field._handle_custom_msg({"event": "submit"}, [])  # Enter
    assert guess.value == 1000
    said = guess.reveal(2000)
    assert said in page.words.value and page.button.disabled and page.field.disabled


def test_the_page_shows_what_code_commits(shown):
    guess, page = shown("Which?", PAIR)
    guess.commit("tanh")
    assert page.field.value == "tanh" and page.field.disabled
    guess.take_back()
    assert not page.field.disabled
    guess.reveal("tanh")
    assert "No guess was made" in page.words.value and page.field.disabled and page.button.disabled


def test_what_is_wrong_stands_beside_the_button(shown):
    guess, page = shown("How many?")
    page.button.click()
    assert "Write a number first." in page.words.value
    page.field.value = "<b>many</b>"
    page.button.click()
    assert "is not a number" in page.words.value and "&lt;b&gt;" in page.words.value and "<b>" not in page.words.value
    page.field.value = "3"
    page.button.click()
    assert guess.value == 3
    _, choice = shown("Which <one>?", PAIR)
    choice.button.click()
    assert "Choose one first." in choice.words.value
    assert "Which &lt;one&gt;?" in choice.question.value


def test_a_cell_that_runs_again_leaves_nothing_of_the_old_question(monkeypatch):
    import ipywidgets

    before = dict(ipywidgets.widgets.widget._instances)
    monkeypatch.setattr(cells, "_cell", lambda: ("cell", next(runs)))
    runs = iter("ab")
    old = nb.predict("How many?", unit="times")
    old._repr_mimebundle_()
    fresh = nb.predict("How many?", unit="times")
    assert fresh.value is None
    assert ipywidgets.widgets.widget._instances.keys() == before.keys()


def test_in_jupyterlab_the_question_is_text_of_its_own(monkeypatch):
    published = []
    monkeypatch.setattr("IPython.display.publish_display_data", published.append)
    guess = nb.predict("How many $x$?", unit="times")
    with pytest.raises(NotImplementedError):
        guess._ipython_display_()
    monkeypatch.setattr(cells, "in_jupyterlab", lambda: True)
    guess._ipython_display_()
    question, widget = published
    assert question == {"text/plain": repr(guess), "text/markdown": "**Predict.** How many $x$?"}
    assert list(widget) == [form.WIDGET]
    guess.replaced()


def test_a_guess_in_plain_python_loads_no_widgets():
    code = (
        "import sys, nbprop as nb; g = nb.predict('Q?'); g.commit(1); g.reveal(2); print('ipywidgets' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
