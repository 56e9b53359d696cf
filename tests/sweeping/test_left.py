"""Interrupts, environments, clusters that grow, runs that take their time to be opened."""

import asyncio
import os

import pytest

import nbprop as nb
from nbprop.sweeping import known
from nbprop.sweeping.pool import AHEAD, Given, Pool, _for_children
from nbprop.views import phase

from .test_sweep import Here, network


def test_a_run_whose_worker_is_always_interrupted_fails_after_five_times():
    tried = []

    def make(k):
        tried.append(k)
        if k == 1 or (k == 2 and tried.count(2) < 5):
            raise KeyboardInterrupt
        return k

    class Whole(Here):
        """In this process, so that `tried` is this one."""

        def submit(self, function, packed, *arguments):
            from nbprop.sweeping import task

            unpacked, task.unpacked = task.unpacked, lambda _: (make, None, False)
            try:
                return super().submit(function, packed, *arguments)
            finally:
                task.unpacked = unpacked

    sweep = nb.sweep(make, {"k": [0, 1, 2]}, executor=Whole()).wait(60, bar=False)
    assert tried.count(1) == 5 and tried.count(2) == 5
    assert [row["status"] for row in sweep.rows()] == ["done", "failed", "done"]
    assert sweep.rows()[1]["error"].startswith("it was interrupted 5 times (KeyboardInterrupt or SIGINT in its worker")


def of_environment(name):
    return os.environ.get(name), os.environ["OMP_NUM_THREADS"], os.getpid()


def test_all_processes_of_a_pool_have_the_environment_of_its_beginning(monkeypatch):
    monkeypatch.setenv("NBPROP_TEST", "then")
    pool = Pool(2, None)
    try:
        assert pool.submit(of_environment, "NBPROP_TEST").result(60)[:2] == ("then", "1")
        monkeypatch.setenv("NBPROP_TEST", "now")
        pool.kill()  # so that the next process begins later
        assert pool.submit(of_environment, "NBPROP_TEST").result(60)[:2] == ("then", "1")
        assert os.environ["NBPROP_TEST"] == "now"
    finally:
        pool.kill()


def test_what_is_set_while_a_process_begins_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with _for_children():
        assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "1"
        os.environ["OMP_NUM_THREADS"] = "3"  # by another thread: a cell of the notebook
    assert os.environ["OMP_NUM_THREADS"] == "3" and "MKL_NUM_THREADS" not in os.environ


def test_an_interpreter_that_ends_begins_no_new_process():
    pool = Pool(1, None)
    pool.over = True
    assert not pool.again()
    with pytest.raises(RuntimeError, match="Python is ending"):
        pool.submit(len, "")


def test_what_a_cluster_is_given_follows_its_size(monkeypatch):
    class Client:
        threads = {"a": 2}

        def nthreads(self):
            if self.threads is None:
                raise OSError("the scheduler is gone")
            return self.threads

    class Cluster:
        def __init__(self):
            self._client = Client()

        def submit(self, *_):
            raise AssertionError

    monkeypatch.setattr("nbprop.sweeping.pool.LOOK", -1.0)
    given = Given(cluster := Cluster(), None)
    assert given.ahead == AHEAD
    cluster._client.threads = {str(k): 4 for k in range(100)}
    assert given.ahead == 800
    cluster._client.threads = None
    assert given.ahead == AHEAD
    assert Given(cluster, 7).ahead == 7


def test_with_dask_itself_its_threads_are_counted():
    distributed = pytest.importorskip("distributed")
    from nbprop.sweeping.pool import _threads

    with distributed.Client(processes=False, n_workers=1, threads_per_worker=3, dashboard_address=None) as client:
        assert _threads(client.get_executor()) == 3


def test_a_make_that_trains_by_itself_says_so_before_it_holds_the_notebook(monkeypatch):
    def make(depth, seed):
        trainer = network(depth, 1.0, seed)
        trainer.fit(steps=5, bar=False)
        return trainer

    monkeypatch.setattr(phase, "SAID", 0.05)
    sweep = nb.sweep(make, {"depth": [1, 2]}, measure="loss", executor=Here()).wait(60, bar=False)
    assert sweep.waits(depth=1) == ""  # it is quick
    monkeypatch.setattr(known, "SHORT", 0.0)
    assert sweep.waits(depth=1).startswith("The run is being made again: make trains it by itself, about 0 s in which")

    async def opened():
        shown = sweep.map()
        view = shown.board.views[0]
        view.act("cell", (0, 1))
        view.act("open", None)
        before = view.labels()["told"], len(shown.children)
        await asyncio.sleep(0.5)
        after = view.labels()["told"], len(shown.children)
        shown.close()
        return before, after

    before, after = asyncio.run(opened())
    assert before[0].startswith("The run is being made again") and before[1] == 1
    assert after == ("2 of 2 runs, finished.", 2)
    sweep.close()
    steps = nb.sweep(network, {"depth": [1], "gain": [1.0]}, steps=5, executor=Here()).wait(60, bar=False)
    assert steps.waits(depth=1, gain=1.0) == ""  # these steps are made before your eyes
    steps.close()
