"""What was checked in a session: counted, saved, and read again from a folder of files."""

import csv
import os
import sys

import pytest

import nbprop as nb
from nbprop.exercises import collect, results
from nbprop.exercises.exercise import Exercise, Mistake

noting = sys.modules["nbprop.exercises.results"]  # the package has a function of that name


@pytest.fixture(autouse=True)
def events(monkeypatch):
    """Nothing was checked yet."""
    monkeypatch.setattr(noting, "events", found := [])
    return found


@pytest.fixture
def number():
    return Exercise("twelve", "A number.", 12.0, mistakes=(Mistake(7.0, "added"),), hints=("one", "two"))


def test_checks_hints_and_solutions_are_counted_until_it_is_right(number):
    assert repr(results()) == "Nothing was checked yet."
    for answer in (..., 7.0, 8.0, 12, 13):
        number.check(answer)
    number.hint(), number.hint(), number.solution()
    (row,) = results()
    assert {name: row[name] for name in ("exercise", "right", "checks", "hints", "solutions")} == {
        "exercise": "twelve", "right": True, "checks": 3, "hints": 2, "solutions": 1
    }  # fmt: skip
    assert row["first"] <= row["last"]


def test_an_answer_that_was_never_filled_in_is_no_try(number):
    number.check(...)
    assert results() == []
    assert repr(number.check(...)).startswith("✗ Not answered yet")  # and what is said stays


def test_exercises_of_the_course_are_noted_under_their_names():
    exercise = nb.exercise("chain-rule")
    assert not exercise.check(lambda x: x).right
    assert exercise.check(exercise.answer).right
    assert [(row["exercise"], row["right"], row["checks"]) for row in results()] == [("chain-rule", True, 2)]


def test_answers_and_what_else_is_given_by_name_are_noted(number):
    assert number.check(answer=12).right
    assert [row["right"] for row in results()] == [True]


@pytest.mark.parametrize("name", ["Sum of squares", "sum_of_squares", "-sum", "", "a" * 81, None])
def test_a_name_that_could_not_be_read_again_is_refused(name):
    with pytest.raises(ValueError, match=r"lower-case words with hyphens, .* such as 'sum-of-squares'; got"):
        Exercise(name, "t", 1.0)


def test_what_is_hidden_is_nobodys(number, tmp_path):
    number.check(12)
    for folder in (tmp_path, tmp_path / ".ipynb_checkpoints", tmp_path / "b" / ".trash"):
        folder.mkdir(parents=True, exist_ok=True)
        results().save(folder / "anna.csv")
    results().save(tmp_path / "._anna.csv")
    assert [row["who"] for row in collect(tmp_path)] == ["anna"]


def test_it_is_a_table_for_people(number):
    number.check(7.0)
    lines = repr(results()).splitlines()
    assert lines[0].split() == ["exercise", "right", "checks", "hints", "solutions", "first", "last"]
    assert lines[1].split()[:5] == ["twelve", "no", "1", "0", "0"]


def test_a_file_keeps_what_it_has_of_other_lessons(number, events, tmp_path):
    number.check(7.0)
    path = results().save(tmp_path / "anna.csv")
    events.clear()  # another kernel, another lesson
    Exercise("other", "t", 1.0).check(1.0)
    results().save(path)
    results().save(path)  # twice is once
    assert [(row["who"], row["exercise"], row["right"]) for row in collect(tmp_path)] == [
        ("anna", "twelve", False), ("anna", "other", True)
    ]  # fmt: skip
    assert [each.name for each in tmp_path.iterdir()] == ["anna.csv"]


def test_a_folder_of_files_is_read_and_summed_up(number, events, tmp_path):
    (tmp_path / "b").mkdir()
    for name, answers in {"ada.csv": (7.0, 12.0), "b/ben.csv": (7.0, 8.0, 9.0)}.items():
        events.clear()
        for answer in answers:
            number.check(answer)
        number.hint()
        results().save(tmp_path / name)
    found = collect(tmp_path)
    assert [row["who"] for row in found] == ["ada", "b/ben"]
    assert found.by("exercise") == [
        {"exercise": "twelve", "tried": 2, "right": 1, "checks": 5, "hints": 2, "solutions": 0}
    ]
    assert [(row["who"], row["right"], row["checks"]) for row in found.by("who")] == [("ada", 1, 2), ("b/ben", 0, 3)]


def test_it_becomes_a_data_frame(number):
    pandas = pytest.importorskip("pandas")
    number.check(12)
    assert pandas.DataFrame(results())["checks"].sum() == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: expected time,exercise,what, and it is empty"),
        ("name,points\nanna,7\n", "line 1: expected time,exercise,what, got 'name,points'"),
        ("time;exercise;what\n", "line 1: expected time,exercise,what"),
        ("time,exercise,what\nyesterday,a,right\n", "line 2: Invalid isoformat string: 'yesterday'"),
        ("time,exercise,what\n2026-01-31T09:30:00.000,=1+1,right\n", "line 2: expected the name of an exercise, got"),
        (
            "time,exercise,what\n2026-01-31T09:30:00.000,a,won\n",
            "line 2: expected right, wrong, hint, solution; got 'won'",
        ),
        ("time,exercise,what\n2026-01-31T09:30:00.000,a\n", "line 2: expected 3 columns, got 2"),
        (b"\xff\xfe\x00", "anna.csv, line 1"),
    ],
)
def test_another_file_is_named_and_is_not_written_over(text, words, number, tmp_path):
    path = tmp_path / "anna.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"anna\.csv, line") as error:
        collect(tmp_path)
    assert words in str(error.value)
    number.check(12)
    with pytest.raises(ValueError, match=r"anna\.csv, line"):
        results().save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["anna.csv"]


def test_a_spreadsheet_may_have_saved_it_with_a_mark_in_front(number, tmp_path):
    number.check(12)
    path = results().save(tmp_path / "anna.csv")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert collect(tmp_path)[0]["right"]


def test_what_cannot_be_is_refused(number, events, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file whose name ends in \.csv"):
        collect(tmp_path)
    number.check(12)
    with pytest.raises(ValueError, match="by: expected 'exercise', got 'who'"):
        results().by("who")
    results().save(tmp_path / "anna.csv")
    with pytest.raises(ValueError, match="only results"):
        collect(tmp_path).save(tmp_path / "all.csv")
    with (tmp_path / "anna.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["time", "exercise", "what"]
