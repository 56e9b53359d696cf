"""A sweep out of its file: the same numbers and the same map, and what cannot be done says why."""

import json

import numpy as np
import pytest

import nbprop as nb

from .test_sweep import GRID, Here, network


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "runs.jsonl"
    nb.sweep(network, GRID, seeds=2, steps=5, measure="val_loss", executor=Here(), file=path).wait(60, False).close()
    return path


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_it_is_what_the_sweep_was(path):
    sweep = nb.sweep(network, GRID, seeds=2, steps=5, measure="val_loss", executor=Here(), file=path)
    found = nb.read_sweep(path)  # while another one has it
    assert found.rows() == sweep.rows() and found.axes == sweep.axes and found.steps == 12
    assert repr(found) == "Kept(2 depth x 3 gain x 2 seeds: 12 of 12 runs, from runs.jsonl.)"
    mine, others = (each.result(depth=2, gain=1.0, seed=1) for each in (found, sweep))
    assert mine["numbers"] == others["numbers"]
    assert np.array_equal(mine["history"]["loss"], others["history"]["loss"])
    frames = [nb.views.Phase(each).frame() for each in (found, sweep)]
    assert all(np.array_equal(frames[0][name], frames[1][name], equal_nan=True) for name in frames[0])
    assert nb.views.Phase(found).describe().startswith("12 of 12 runs, from runs.jsonl. val_loss from")
    assert found.to_csv() == sweep.to_csv() and not nb.views.Phase(found).labels()["controls"]
    sweep.close()


def test_what_is_still_to_come_is_pending_and_a_torn_line_is_left_out(path):
    text = path.read_bytes()
    path.write_bytes(b"\n".join(text.split(b"\n")[:5]) + b'\n{"point":{"dep')
    found = nb.read_sweep(path)
    assert found.steps == 4 and [row["status"] for row in found.rows()].count("pending") == 8
    assert path.read_bytes().endswith(b'{"dep')  # nothing is written
    with pytest.raises(ValueError, match=r"depth 2, gain 2.0, seed 1: pending, nothing is written yet"):
        found.result(depth=2, gain=2.0, seed=1)


def test_a_grid_that_was_made_larger_later_is_there_as_a_whole(path):
    more = {"depth": [1, 2, 3], "gain": [0.5, 1.0, 2.0]}
    nb.sweep(network, more, seeds=3, steps=5, measure="val_loss", executor=Here(), file=path).wait(60, False).close()
    found = nb.read_sweep(path)
    assert found.axes == {"depth": (1, 2, 3), "gain": (0.5, 1.0, 2.0)} and found.seeds == (0, 1, 2)
    assert found.steps == 27 and len(found.table) == 27


def test_points_that_were_proposed_and_tuples_come_back_as_they_were(tmp_path):
    path = tmp_path / "some.jsonl"
    points = [{"hidden": (4, 4), "kind": "tanh"}, {"hidden": (8,), "kind": "relu"}]
    nb.sweep(lambda hidden, kind: sum(hidden), points, executor=Here(), file=path).wait(60, False).close()
    found = nb.read_sweep(path)
    assert [row["value"] for row in found.rows()] == [8, 8] and found.axes["hidden"] == ((4, 4), (8,))
    assert found.result(hidden=(8,), kind="relu")["numbers"] == {"value": 8.0}


def test_with_make_a_run_is_made_again_and_without_it_is_said(path):
    found = nb.read_sweep(path, make=network)
    again = found.trainer(depth=2, gain=0.5, seed=1)
    assert again.steps == 5 and again.history["val_loss"][-1] == found.rows()[7]["val_loss"]
    bare = nb.read_sweep(path)
    with pytest.raises(ValueError, match=r"runs.jsonl has the numbers and not the function that made them: nb.read_"):
        bare.trainer(depth=2, gain=0.5)
    shown = bare.map()
    view = shown.board.views[0]
    view.act("cell", (1, 0))
    assert view.labels()["controls"] == ["open"]
    view.act("open", None)
    assert view.labels()["told"].startswith("It cannot be opened: ValueError: runs.jsonl has the numbers")
    shown.close()


def test_another_make_is_refused(path):
    def make(depth, gain, seed):
        return network(depth, 2 * gain, seed)

    with pytest.raises(ValueError, match=r"runs.jsonl were made by another make"):
        nb.read_sweep(path, make=make)
    with pytest.raises(TypeError, match=r"does not fit the grid's names depth, gain"):
        nb.read_sweep(path, make=lambda depth: None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not the file of a sweep"),
        ("depth,loss\n1,2\n", "is not the file of a sweep"),
        ('{"point":{},"seed":0}\n', "is not the file of a sweep"),
        ('{"nbprop sweep":99,"seeds":[0]}\n', "was written by another version"),
        ('{"nbprop sweep":1,"seeds":[0]}\n{"points":1}\n', "no runs of a sweep"),
        ('{"nbprop sweep":1,"seeds":[0]}\n{"point":1,"seed":0}\n', "no runs of a sweep"),
        ('{"nbprop sweep":1,"seeds":[0]}\nx\n{"point":{},"seed":0}\n', "line 2 of .* is damaged"),
    ],
)
def test_a_file_that_is_none_is_said(content, words, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=words):
        nb.read_sweep(path)
    with pytest.raises(FileNotFoundError):
        nb.read_sweep(tmp_path / "nowhere.jsonl")


def test_a_small_file_has_no_histories_and_the_same_numbers(path, tmp_path):
    slim = tmp_path / "slim.jsonl"
    nb.sweep(network, GRID, seeds=2, steps=5, executor=Here(), file=slim, points=0).wait(60, False).close()
    few = tmp_path / "few.jsonl"
    nb.sweep(network, GRID, seeds=2, steps=5, executor=Here(), file=few, points=2).wait(60, False).close()
    assert all(row["history"] == {} and len(row["numbers"]) > 2 for row in lines(slim)[1:])
    assert [row["numbers"]["val_loss"] for row in lines(slim)[1:]] == [
        row["numbers"]["val_loss"] for row in lines(path)[1:]
    ]
    assert lines(few)[1]["history"]["loss"][0] == [1, 5]
    assert list(nb.read_sweep(slim).result(depth=1, gain=0.5)["history"]) == []


def test_a_map_that_still_fills_has_a_picture():
    from concurrent.futures import Future

    class Never:
        _max_workers = 1

        def submit(self, *_):
            return Future()

    sweep = nb.sweep(lambda a: 1.0, {"a": [1, 2]}, executor=Never())
    shown = sweep.map()
    assert sweep.status == "playing" and "image/png" in shown._repr_mimebundle_()
    assert "image/png" not in shown.board._repr_mimebundle_()
    shown.close()
    sweep.close()


def test_a_file_that_was_edited_after_it_was_read_gives_no_other_run(path):
    found, head, *rest = nb.read_sweep(path), *path.read_bytes().splitlines(keepends=True)
    swapped, shifted = [rest[1], rest[0], *rest[2:]], [b" " + rest[0], *rest[1:]]
    for lines in (swapped, shifted, []):
        path.write_bytes(b"".join([head, *lines]))
        with pytest.raises(ValueError, match=r"depth 1, gain 0.5, seed 0 is no longer where it was .* read it anew"):
            found.result(depth=1, gain=0.5)
    bare = {name: value for name, value in json.loads(rest[0]).items() if name != "history"}
    path.write_bytes(head + json.dumps(bare).encode() + b"\n")
    assert list(nb.read_sweep(path).result(depth=1, gain=0.5)["history"]) == []
