"""The file of a sweep: whatever happens to it, no result is lost, changed or mixed with others."""

import errno
import json
import math
import os

import pytest
from hypothesis import given, settings, strategies as st

from nbprop.sweeping.results import Results

HEADER = {"make": "abc", "measure": "('loss',)", "steps": 10}
NUMBERS = st.one_of(st.integers(-5, 5), st.floats(allow_nan=False), st.text(max_size=5), st.none(), st.booleans())
ROWS = st.lists(
    st.fixed_dictionaries(
        {"point": st.dictionaries(st.text(max_size=3), NUMBERS, max_size=3), "seed": st.integers(0, 9)}
    ),
    max_size=6,
)


def read(path):
    results = Results(path, HEADER)
    try:
        return [row for _, row in results.earlier]
    finally:
        results.close()


@settings(max_examples=60)
@given(rows=ROWS, cut=st.integers(0, 400))
def test_whatever_was_written_whole_is_there_again(rows, cut, tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "runs.jsonl"
    results = Results(path, HEADER)
    ends = []
    for row in rows:
        results.add(0, row)
        results.write()
        ends.append(path.stat().st_size)
    results.close()
    assert read(path) == rows
    size = max(path.stat().st_size - cut, 0)
    first = len(path.read_bytes().split(b"\n")[0]) + 1
    if size < first:
        return
    with open(path, "r+b") as file:  # killed in the middle of a line
        file.truncate(size)
    whole = [row for row, end in zip(rows, ends, strict=True) if end <= size]
    assert read(path) == whole
    results = Results(path, HEADER)
    results.add(0, {"seed": 99})
    results.write()
    results.close()
    assert read(path) == [*whole, {"seed": 99}]


def test_every_line_is_json_for_anyone_also_what_is_not_finite(tmp_path):
    path = tmp_path / "runs.jsonl"
    results = Results(path, HEADER)
    results.add(3, {"numbers": {"a": math.nan, "b": -math.inf}, "history": {"loss": [[1], [math.inf]]}})
    ((run, place),) = results.write()
    assert run == 3
    assert math.isnan(results.at(place)["numbers"]["a"]) and results.at(place)["history"] == {"loss": [[1], [math.inf]]}
    results.close()
    for line in path.read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)
    assert read(path)[0]["numbers"]["b"] == -math.inf


def test_a_damaged_line_before_others_is_not_written_over(tmp_path):
    path = tmp_path / "runs.jsonl"
    results = Results(path, HEADER)
    for seed in range(3):
        results.add(seed, {"seed": seed})
    results.write()
    results.close()
    text = path.read_text().replace('{"seed":1}', '{"seed":')
    path.write_text(text)
    with pytest.raises(ValueError, match=r"line 3 of .* is damaged, and others follow it: take it out"):
        Results(path, HEADER)
    assert path.read_text() == text


def test_axes_and_numbers_may_be_called_float_and_words_may_be_of_any_kind(tmp_path):
    path = tmp_path / "runs.jsonl"
    row = {"point": {"float": 32}, "numbers": {"float": "a"}, "error": "no file 'caf\udce9'"}
    results = Results(path, HEADER)
    results.add(0, row)
    results.write()
    results.close()
    assert read(path) == [row]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes that are forked")
def test_a_process_that_was_forked_meanwhile_does_not_hold_the_file(tmp_path):
    results = Results(tmp_path / "runs.jsonl", HEADER)
    copy = os.dup(results._file.fileno())  # what a forked child has
    results.close()
    Results(tmp_path / "runs.jsonl", HEADER).close()
    os.close(copy)


def test_two_sweeps_on_one_file_are_refused(tmp_path):
    first = Results(tmp_path / "runs.jsonl", HEADER)
    with pytest.raises(BlockingIOError, match="is being written by another sweep: name another file"):
        Results(tmp_path / "runs.jsonl", HEADER)
    first.close()
    Results(tmp_path / "runs.jsonl", HEADER).close()


@pytest.mark.parametrize("text", ["depth,loss\n1,2\n", "hello", '{"a": 1}\n', "[1]\n", "\x00\x01"])
def test_a_file_of_something_else_is_left_as_it_is(text, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not the file of a sweep, and nothing of it is written over"):
        Results(path, HEADER)
    assert path.read_text() == text


@pytest.mark.parametrize("change", [{"steps": 20}, {"make": "xyz"}, {"measure": "('val_loss',)"}])
def test_results_of_other_runs_are_not_mixed_in(change, tmp_path):
    Results(tmp_path / "runs.jsonl", HEADER).close()
    (name,) = change
    with pytest.raises(ValueError, match=f"begun with another {name}.* name another file"):
        Results(tmp_path / "runs.jsonl", HEADER | change)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere for runs\.jsonl"):
        Results(tmp_path / "nowhere" / "runs.jsonl", HEADER)


class Full:
    """A file on a disk that takes only so many more bytes."""

    def __init__(self, file):
        self.file, self.room = file, 10**9

    def write(self, data):
        n = min(len(data), self.room, 7)
        if not n:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= n
        return self.file.write(data[:n])

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_with_a_full_disk_nothing_is_lost_and_nothing_is_half_written(tmp_path):
    path = tmp_path / "runs.jsonl"
    results = Results(path, HEADER)
    results._file = Full(results._file)
    results.add(0, {"seed": 0})
    results.write()
    results._file.room = 9
    results.add(1, {"seed": 1})
    results.add(2, {"seed": 2})
    assert results.write() == []
    assert results.unwritten == 2 and "No space left" in results.problem
    assert path.read_bytes().endswith(b'{"seed":0}\n')
    results._file.room = 10**9
    results.add(3, {"seed": 3})
    written = dict(results.write())
    assert not results.unwritten and not results.problem
    assert [results.at(written[run])["seed"] for run in (1, 2, 3)] == [1, 2, 3]
    results.close()
    assert [row["seed"] for row in read(path)] == [0, 1, 2, 3]


def test_without_a_path_it_goes_with_the_sweep():
    results = Results(None, HEADER)
    results.add(0, {"seed": 4})
    assert results.at(results.write()[0][1]) == {"seed": 4}
    results.close()
