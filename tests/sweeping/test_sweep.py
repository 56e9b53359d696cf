"""Sweeps in processes of their own: what goes wrong in one run is said of it, and the others go on."""

import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

import nbprop as nb

GRID = {"depth": [1, 2], "gain": [0.5, 1.0, 2.0]}


class Here:
    """An executor that makes a run at once, in this thread: for tests of what has nothing to do with processes."""

    _max_workers = 1

    def submit(self, function, *arguments):
        future = Future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future


def network(depth, gain, seed):
    model = nb.nn.mlp([2, *[4] * depth, 1], "tanh", nb.nn.init.lecun(gain=gain), seed=seed)
    return nb.Trainer(model, nb.data.moons(samples=40, seed=seed), lr=0.01, seed=seed)


def numbers(sweep):
    """What was measured, without who did it and how long it took."""
    return [{name: value for name, value in row.items() if name not in ("seconds", "worker")} for row in sweep.rows()]


def swept(make, grid, executor=None, **settings):
    sweep = nb.sweep(make, grid, executor=executor or Here(), **settings)
    return sweep.wait(timeout=60, bar=False)


def test_each_run_is_what_it_is_alone_and_can_be_made_again():
    def make(depth, gain, seed):
        model = nb.nn.mlp([2, *[4] * depth, 1], "tanh", nb.nn.init.lecun(gain=gain), seed=seed)
        return nb.Trainer(model, nb.data.moons(samples=40, seed=seed), lr=0.01, seed=seed)

    sweep = nb.sweep(make, GRID, seeds=2, steps=12, measure=("loss", "val_loss"), workers=2).wait(120, bar=False)
    assert sweep.state == "finished" and sweep.steps == 12 and sweep.left() == 0
    for row in sweep.rows():
        alone = network(row["depth"], row["gain"], row["seed"])
        alone.fit(steps=12, bar=False)
        assert row["status"] == "done" and not row["error"] and row["worker"]
        assert row["loss"] == alone.history["loss"][-1] and row["val_loss"] == alone.history["val_loss"][-1]
    run = sweep.result(depth=2, gain=0.5, seed=1)
    assert run["history"]["loss"].shape == (12,)
    again = sweep.trainer(depth=2, gain=0.5, seed=1)
    assert again.history["loss"][-1] == run["numbers"]["loss"] and again.steps == 12
    assert len({row["worker"] for row in sweep.rows()}) <= 2
    sweep.close()


def test_a_run_that_raises_diverges_or_gives_something_else_is_said_and_the_others_go_on():
    def make(kind):
        if kind == "raises":
            return 1 / 0
        if kind == "exits":
            raise SystemExit("enough")
        if kind == "array":
            return np.zeros(3)
        if kind == "words":
            return "good"
        if kind == "other":
            return {"other": 1.0}
        if kind == "diverges":
            return nb.Trainer(nb.nn.mlp([2, 4, 4, 1], "relu", seed=0), "moons", optimizer="sgd", lr=1e30, seed=0)
        if kind == "untrained":
            return network(1, 1.0, 0)
        return {"value": 1.0}

    kinds = ["fine", "raises", "exits", "array", "words", "other", "diverges", "untrained", "good"]
    sweep = swept(make, {"kind": kinds})
    rows = {row["kind"]: row for row in sweep.rows()}
    assert [rows[kind]["status"] for kind in ("fine", "good")] == ["done", "done"]
    assert rows["raises"]["error"].startswith("ZeroDivisionError: division by zero")
    assert "SystemExit: enough" in rows["exits"]["error"]
    assert (
        "expected a number, or a dict of numbers, of each run, got an array of shape (3,); take one"
        in rows["array"]["error"]
    )
    assert "got 'good'" in rows["words"]["error"]
    assert "gave the numbers other, those before it value" in rows["other"]["error"]
    assert "made no step: say steps=200" in rows["untrained"]["error"]
    assert "7 failed" in sweep.describe()  # without steps= also the one that would diverge

    sweep = swept(make, {"kind": ["diverges"]}, steps=50, measure="loss")
    assert sweep.rows()[0]["status"] == "diverged" and "infinite" in sweep.rows()[0]["error"]
    assert sweep.describe() == "1 of 1 runs (1 diverged), finished."


def test_what_is_measured_is_named_or_a_function():
    assert set(swept(network, GRID, steps=3).table.numbers) >= {"loss", "val_loss", "val_accuracy"}
    by_name = swept(network, GRID, steps=3, measure="val_loss")
    by_function = swept(network, GRID, steps=3, measure=lambda trainer: trainer.history["val_loss"][-1])
    assert [row["val_loss"] for row in by_name.rows()] == [row["value"] for row in by_function.rows()]
    wrong = swept(network, {"depth": [1], "gain": [1.0]}, steps=3, measure="val_los")
    assert "there is no series 'val_los'; there are" in wrong.rows()[0]["error"]
    layers = swept(watched, {"depth": [1], "gain": [1.0]}, steps=20, measure="dz")
    assert "a number for each layer; say which" in layers.rows()[0]["error"]


def watched(depth, gain, seed):
    trainer = network(depth, gain, seed)
    trainer.watch()
    return trainer


def test_the_global_generators_begin_at_the_seed_and_no_run_sees_what_another_has_changed():
    rng = np.random.default_rng(0)

    def make(k, seed):
        return {"drawn": float(np.random.rand()), "own": float(rng.random())}  # noqa: NPY002

    sweep = nb.sweep(make, {"k": [1, 2]}, seeds=[3, 4], workers=1).wait(60, bar=False)
    rows = sweep.rows()
    assert rows[0]["drawn"] == rows[2]["drawn"] != rows[1]["drawn"]
    assert len({row["own"] for row in rows}) == 1
    sweep.close()
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    swept(lambda k, seed: float(k), {"k": [1]})
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_a_run_is_made_again_as_it_was_sent():
    width = [4]

    def make(k, seed):
        drawn = int(np.random.randint(99))  # noqa: NPY002
        return nb.Trainer(nb.nn.mlp([2, width[0], 1], seed=drawn), "moons", seed=seed)

    sweep = nb.sweep(make, {"k": [1]}, steps=5, measure="loss", workers=1).wait(60, bar=False)
    width[0] = 8
    again = sweep.trainer(k=1)
    assert again.history["loss"][-1] == sweep.rows()[0]["loss"] and again.layers[0].units == 4
    sweep.close()


def test_a_run_that_diverges_first_is_no_measure_for_the_others():
    def make(k):
        lr = 1e30 if k == 0 else 0.01
        made = nb.Trainer(nb.nn.mlp([2, 4, 4, 1], "relu", seed=0), "moons", optimizer="sgd", lr=lr, seed=0)
        if k == 1:  # by itself, and inside make
            made.lr = 1e30
            made.fit(steps=50, bar=False)
        return made

    rows = swept(make, {"k": [0, 1, 2, 3]}, steps=40).rows()
    assert [row["status"] for row in rows] == ["diverged", "diverged", "done", "done"]
    assert np.isfinite(rows[2]["loss"])


def test_numbers_do_not_take_the_place_of_the_point():
    rows = swept(lambda k: {"k": 7.0, "x": 1.0}, {"k": [1]}).rows()
    assert rows[0]["k"] == 1 and "a number of it is called k, as a column of the table is" in rows[0]["error"]


def test_runs_that_failed_are_made_again_if_asked_for(tmp_path):
    GATES["make"] = lambda k: 1 / 0 if k == 1 else k
    swept(through, {"k": [1, 2]}, file=tmp_path / "runs.jsonl").close()
    GATES["make"] = lambda k: 10 * k
    kept = swept(through, {"k": [1, 2]}, file=tmp_path / "runs.jsonl")
    assert [row["status"] for row in kept.rows()] == ["failed", "done"]
    kept.close()
    again = swept(through, {"k": [1, 2]}, file=tmp_path / "runs.jsonl", again=["failed"])
    assert [row["value"] for row in again.rows()] == [10, 2]
    again.close()
    last = swept(through, {"k": [1, 2]}, file=tmp_path / "runs.jsonl")
    assert [row["value"] for row in last.rows()] == [10, 2]  # of two lines the later one counts
    last.close()


def test_a_fault_of_ours_is_said_and_nobody_waits_for_ever(monkeypatch):
    monkeypatch.setattr("nbprop.sweeping.table.Table.put", lambda *_: 1 / 0)
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    sweep = swept(lambda k: k, {"k": [1, 2]})
    assert sweep.state == "stopped" and "nbprop failed: ZeroDivisionError" in sweep.message
    assert sweep.table.counts()["pending"] == 2
    monkeypatch.undo()
    sweep.resume()
    assert sweep.wait(60, bar=False).state == "finished"


def test_what_is_proposed_beyond_the_limit_changes_nothing():
    def propose(rows):
        return [{"k": k} for k in ((5.0, 6.0) if not rows else (1.0, 2.0, 3.0))]

    sweep = swept(lambda k: k, propose, most=4)
    assert sweep.state == "stopped" and "5 points are more than most=4" in sweep.message
    assert sweep.axes == {"k": (5.0, 6.0)} and [row["value"] for row in sweep.rows()] == [5.0, 6.0]


def test_a_killed_sweep_goes_on_where_it_was_and_more_can_be_added(tmp_path):
    made = []
    GATES["make"] = lambda depth, gain, seed: made.append(seed) or depth * gain + seed
    make, path = of_three, tmp_path / "runs.jsonl"
    whole = swept(make, GRID, seeds=2, file=path)
    whole.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:6]) + lines[6][:20])  # the header, five runs, and a part of the sixth
    made.clear()
    again = swept(make, GRID, seeds=2, file=path)
    assert len(made) == 7 and numbers(again) == numbers(whole)
    again.close()
    made.clear()
    more = swept(make, GRID | {"gain": [0.5, 1.0, 2.0, 3.0]}, seeds=3, file=path)
    assert len(made) == 24 - 12 and more.steps == 24
    more.close()
    fewer = swept(make, {"depth": [2], "gain": [2.0]}, file=path)
    assert fewer.steps == 1 and fewer.rows()[0]["value"] == 4.0
    fewer.close()


def test_points_can_be_proposed():
    """Successive halving: of the better half of the learning rates twice as many steps."""

    def make(lr, steps):
        return {"loss": abs(np.log10(lr) + 1) / steps}

    def propose(rows):
        if not rows:
            return [{"lr": lr, "steps": 1} for lr in (1.0, 0.1, 0.01, 0.001)]
        last = max(row["steps"] for row in rows)
        best = sorted((row for row in rows if row["steps"] == last), key=lambda row: row["loss"])
        return [{"lr": row["lr"], "steps": 2 * last} for row in best[: len(best) // 2]]

    sweep = swept(make, propose)
    assert [(row["lr"], row["steps"]) for row in sweep.rows()][4:] == [(0.1, 2), (1.0, 2), (0.1, 4)]
    assert sweep.axes == {"lr": (0.001, 0.01, 0.1, 1.0), "steps": (1, 2, 4)}

    def fails(rows):
        return [{"lr": 1.0, "steps": 1}] if not rows else rows[99]

    stopped = swept(make, fails)
    assert stopped.state == "stopped" and stopped.status == "stopped"
    assert "The function that proposes points failed: IndexError" in stopped.message and stopped.steps == 1
    with pytest.raises(ValueError, match="is to give the first ones"):
        nb.sweep(make, lambda rows: [])


def test_a_run_that_takes_too_long_is_interrupted():
    def make(seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pass
        return seconds

    sweep = swept(make, {"seconds": [0.0, 30.0, 0.01]}, limit=0.3)
    assert [row["status"] for row in sweep.rows()] == ["done", "out of time", "done"]
    assert sweep.rows()[1]["error"] == "took longer than 0.3 s"


def test_a_process_that_dies_and_one_that_cannot_be_interrupted_cost_nobody_else_anything():
    def make(kind, k):
        if kind == "dies":
            os._exit(9)
        if kind == "sleeps":
            time.sleep(600)  # in one line of Python: nothing can be raised in it
        return k

    grid = [{"kind": "good", "k": k} for k in range(8)]
    grid[3]["kind"], grid[5]["kind"] = "dies", "sleeps"
    sweep = nb.sweep(make, grid, workers=2, limit=0.5).wait(timeout=100, bar=False)
    rows = sweep.rows()
    assert [row["status"] for row in rows] == ["done"] * 3 + ["failed", "done", "failed", "done", "done"]
    assert [row["value"] for row in rows if row["status"] == "done"] == [0, 1, 2, 4, 6, 7]
    assert rows[3]["error"].startswith("its process died")
    assert "longer than 0.5 s and could not be interrupted" in rows[5]["error"]
    sweep.close()


def test_pause_resume_cancel_and_close():
    gate, begun = threading.Semaphore(0), []

    def make(k):
        begun.append(k)
        gate.acquire(timeout=30)
        return k

    with ThreadPoolExecutor(1) as pool:
        # What a thread is given travels too: the gate is looked up here.
        GATES["make"] = make
        sweep = nb.sweep(through, {"k": list(range(6))}, executor=pool, ahead=1)
        wait_for(lambda: len(begun) == 1)
        assert sweep.state == "running" and sweep.status == "playing"
        sweep.pause()
        gate.release()
        sweep.wait(30, bar=False)
        assert (sweep.steps, sweep.state, sweep.status, len(begun)) == (1, "paused", "paused", 1)
        sweep.resume()
        wait_for(lambda: len(begun) == 2)
        sweep.cancel()
        sweep.wait(30, bar=False)
        assert (sweep.steps, sweep.state) == (1, "cancelled")
        gate.release(20)
        sweep.resume()
        sweep.wait(30, bar=False)
        assert (sweep.steps, sweep.state) == (6, "finished")
        assert [row["value"] for row in sweep.rows()] == list(range(6))
        sweep.close()
        with pytest.raises(ValueError, match="closed"):
            sweep.resume()


GATES = {}


def through(k):
    return GATES["make"](k)


def of_three(depth, gain, seed):
    return GATES["make"](depth, gain, seed)


def wait_for(true, seconds=30):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_waiting_ends_after_a_while_and_the_sweep_goes_on(capsys):
    gate = threading.Event()
    GATES["make"] = lambda k: gate.wait(30) and k
    with ThreadPoolExecutor(1) as pool:
        sweep = nb.sweep(through, {"k": [1.0]}, executor=pool)
        with pytest.raises(TimeoutError, match="0 of 1 runs"):
            sweep.wait(timeout=0.01)
        gate.set()
        assert sweep.wait(30).state == "finished"
    assert "1 of 1 runs, finished." in capsys.readouterr().out


def test_tables():
    sweep = swept(lambda a, b: {"sum": a + b}, {"a": [1, 2], "b": [0.5]})
    assert sweep.to_csv().splitlines()[0] == "a,b,seed,status,sum,seconds,worker,error"
    assert sweep.to_csv().splitlines()[2].startswith("2,0.5,0,done,2.5,")
    frame = sweep.to_dataframe()
    assert frame["sum"].tolist() == [1.5, 2.5] and frame["status"].tolist() == ["done", "done"]
    assert repr(sweep) == "Sweep(2 a x 1 b: 2 of 2 runs, finished.)"


def holding(thing):
    def make(a):
        return a if thing is None else 0.0

    return make


@pytest.mark.parametrize(
    ("make", "settings", "words"),
    [
        (5, {}, "make must be a function"),
        (lambda x: x, {}, r"does not fit the grid's names a: .* expected make\(a, seed\)"),
        (lambda a: a, {"seeds": 2}, r"with several seeds make needs an argument for them"),
        (lambda a: a, {"steps": 0}, "steps must be"),
        (lambda a: a, {"measure": 5}, "measure must be a name"),
        (lambda a: a, {"measure": []}, "measure must be a name"),
        (lambda a: a, {"executor": 5}, "the interface of concurrent.futures.Executor"),
        (lambda a: a, {"limit": 0}, "limit must be"),
        (lambda a: a, {"again": "failed"}, "again must be"),
        (lambda a: a, {"executor": Here(), "workers": 2}, "this executor has its own"),
        (lambda a: a, {"file": "nowhere/runs.jsonl"}, "there is no folder"),
        (holding(threading.Lock()), {}, "names something that lives here only"),
        (holding(np.zeros(10**6)), {}, "name 8 MB of data, which would be sent with each run"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_runs(make, settings, words):
    with pytest.raises((TypeError, ValueError, OSError), match=words):
        nb.sweep(make, {"a": [1]}, **settings)


def test_what_stands_in_a_notebook_needs_cloudpickle(monkeypatch):
    def here(a):
        return a

    monkeypatch.setitem(__import__("sys").modules, "cloudpickle", None)
    with pytest.raises(ValueError, match=r"here is defined in this notebook or script.* pip install cloudpickle"):
        nb.sweep(here, {"a": [1]})


def test_a_point_that_is_not_there_is_said():
    sweep = swept(network, GRID, steps=2)
    for point, words in [
        ({"depth": 1}, "expected a value for each of depth, gain; got depth"),
        ({"depth": 1, "gain": 7.0}, "gain must be one of 0.5, 1.0, 2.0; got 7.0"),
        ({"depth": 1, "gain": 1.0, "seed": 5}, "seed must be one of"),
    ]:
        with pytest.raises(ValueError, match=words):
            sweep.result(**point)
    with pytest.raises(TypeError, match="make gives float and no Trainer"):
        swept(lambda a: a / 2, {"a": [1]}).trainer(a=1)
