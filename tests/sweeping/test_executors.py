"""One sweep on several engines gives one table; what happens to an engine is said, and nothing is lost."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import nbprop as nb
from nbprop.sweeping import pool

GRID = {"depth": [1, 2, 3], "gain": [0.5, 1.0]}


def swept(executor, **settings):
    def make(depth, gain, seed):
        model = nb.nn.mlp([2, *[8] * depth, 1], "tanh", nb.nn.init.lecun(gain=gain), seed=seed)
        return nb.Trainer(model, nb.data.moons(samples=60, seed=seed), lr=0.01, seed=seed)

    return nb.sweep(make, GRID, seeds=2, steps=20, measure=("loss", "val_loss"), executor=executor, **settings)


def table(sweep):
    return [{name: value for name, value in row.items() if name not in ("seconds", "worker")} for row in sweep.rows()]


@pytest.fixture(scope="module")
def expected():
    sweep = swept(None, workers=2).wait(120, bar=False)
    assert sweep.state == "finished"
    return table(sweep)


def test_threads(expected):
    with ThreadPoolExecutor(2) as pool:
        assert table(swept(pool).wait(120, bar=False)) == expected


THREADS = """
import nbprop, threadpoolctl
from nbprop.sweeping.task import here, work
from nbprop.sweeping.packing import pack

def threads(kind="loaded"):
    return max(each["num_threads"] for each in threadpoolctl.threadpool_info())

def run():
    answer = work(pack(threads, None, False), {"kind": "in a run"}, 0, None, None, home=here())
    return answer["numbers"]["value"]

print(threads(), run(), threads(), end=" ")
import sklearn.linear_model  # brings another library with threads of its own
print(len(threadpoolctl.threadpool_info()) > 1, threads(), run(), threads())
"""


def test_a_run_in_a_process_of_somebody_else_has_one_thread_of_blas():
    """Whose libraries are looked for once, and again when there may be more of them."""
    env = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", THREADS], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "1.0", "2", "True", "2", "1.0", "2"]


def test_joblib(expected):
    from joblib.externals.loky import get_reusable_executor

    pool = get_reusable_executor(max_workers=2)
    try:
        assert table(swept(pool).wait(120, bar=False)) == expected
    finally:
        pool.shutdown(wait=True)


def test_dask_with_two_workers_of_which_one_is_killed(expected, tmp_path):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(tmp_path)
    )
    with cluster, distributed.Client(cluster) as client:
        pids = list(client.run(os.getpid).values())
        sweep = swept(client.get_executor(), ahead=4)
        while sweep.steps < 2:
            time.sleep(0.01)
        os.kill(pids[0], signal.SIGKILL)
        sweep.wait(200, bar=False)
        assert sweep.state == "finished", sweep.message
        assert table(sweep) == expected


def test_an_executor_that_is_closed_is_said_and_another_goes_on(expected):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    sweep = swept(pool).wait(60, bar=False)
    assert sweep.state == "stopped" and sweep.steps == 0
    assert sweep.message.startswith("The executor takes no more runs (cannot schedule new futures after shutdown)")
    with ThreadPoolExecutor(2) as other:
        sweep.resume(executor=other)
        assert table(sweep.wait(120, bar=False)) == expected


def test_an_executor_that_breaks_loses_nothing(expected):
    from concurrent.futures.process import BrokenProcessPool

    class Breaks:
        def __init__(self, pool):
            self.pool, self.left = pool, 3

        def submit(self, function, *arguments):
            self.left -= 1
            if self.left < 0:
                raise BrokenProcessPool("a worker died")
            return self.pool.submit(function, *arguments)

    with ThreadPoolExecutor(1) as pool:
        sweep = swept(Breaks(pool)).wait(60, bar=False)
        assert sweep.state == "stopped" and sweep.steps == 3
        sweep.resume(executor=pool)
        assert table(sweep.wait(120, bar=False)) == expected


def test_a_worker_that_cannot_read_make_stops_the_sweep():
    class Reads:
        """Sends the bytes of something that is not there."""

        def submit(self, function, packed, *arguments):
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(function, b"cnowhere\nmake\n.", *arguments)

    sweep = swept(Reads()).wait(60, bar=False)
    assert sweep.state == "stopped" and sweep.steps == 0
    assert "cannot read make and measure (ModuleNotFoundError: No module named 'nowhere')" in sweep.message


SCRIPT = """
import os, signal, sys, time
import nbprop as nb

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background has it ignored

def make(k):
    time.sleep(0.3)
    return {"pid": os.getpid(), "threads": float(os.environ["OMP_NUM_THREADS"])}

sweep = nb.sweep(make, {"k": list(range(8))}, workers=2, file=sys.argv[1])
while sweep.steps < 2:
    time.sleep(0.01)
try:
    print("begun", flush=True)  # from here on an interrupt may come
    sweep.wait(bar=False)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sweep.wait(bar=False)
print(sweep.describe(), flush=True)
"""


def script(tmp_path, *arguments):
    """A script without the usual guard around what it does, in a process group of its own."""
    file = tmp_path / "sweeps.py"
    file.write_text(textwrap.dedent(SCRIPT))
    environment = os.environ | {"PYTHONPATH": str(Path(nb.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, file, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        start_new_session=True,
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="signals to a process group")
def test_an_interrupt_of_the_whole_group_ends_the_waiting_and_no_run(tmp_path):
    process = script(tmp_path, str(tmp_path / "runs.jsonl"))
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert out == "interrupted\n8 of 8 runs, finished.\n" and err == ""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_workers_end_when_the_kernel_does_and_what_was_made_is_there(tmp_path):
    import json

    import psutil

    path = tmp_path / "runs.jsonl"
    process = script(tmp_path, str(path))
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.kill()
    process.communicate(timeout=60)
    assert not psutil.wait_procs(children, timeout=20)[1]
    rows = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    assert len(rows) >= 2 and all(row["numbers"]["threads"] == 1 for row in rows)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_script_that_ends_does_not_wait_for_its_runs(tmp_path):
    file = tmp_path / "ends.py"
    file.write_text(
        "import time, nbprop as nb\n"
        "sweep = nb.sweep(lambda k: time.sleep(600), {'k': [1, 2, 3]}, workers=1)\n"
        "while not (sweep.table.state == 1).any(): time.sleep(0.01)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(nb.__file__).parents[1])}
    ended = subprocess.run([sys.executable, file], env=environment, timeout=60, capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stderr == ""


def test_a_pool_that_has_ended_with_the_interpreter_begins_no_process():
    made = pool.Pool(1, None)
    made.over = True
    assert not made.again()
    with pytest.raises(RuntimeError, match="ending"):
        made.submit(abs, 1)
