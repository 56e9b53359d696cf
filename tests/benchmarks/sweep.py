"""What a sweep costs: how well it uses two cores, what a run costs beside itself, and 100,000 runs in bounded memory.

python tests/benchmarks/sweep.py               the process pool and Dask, on two cores
python tests/benchmarks/sweep.py --rounds 1 --queue 10000

Efficiency: what the runs take one after the other in one process, over what both cores spent on them, once the
processes are there. "plain": of two processes that make half of them each with nothing between them, in turns, which is
what the machine lets two have; "sweep": of the sweep. Targets, of plain: 0.9 at 0.5 s a run, 0.8 at 50 ms.
"""

import argparse
import gc
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import nbprop as nb

TARGETS = {0.5: 0.9, 0.05: 0.8}
# One of two processes that make half of the runs each, with nothing between them.
PLAIN = """
import sys, time
sys.path[:0] = [sys.argv[1]]
from sweep import trained
trained(0, 200)
print("ready", flush=True)
sys.stdin.readline()
for k in range(int(sys.argv[2])):
    trained(k, int(sys.argv[3]))
"""


def trained(k, steps):
    trainer = nb.Trainer(nb.nn.mlp([2, 16, 16, 16, 1], seed=k), "moons", lr=0.01, seed=k)
    trainer.fit(steps=steps, bar=False)
    return trainer


def steps_of(seconds):
    """So many steps take so long, alone."""
    trained(0, 500)
    begun = time.perf_counter()
    trained(0, 5000)
    return max(int(5000 * seconds / (time.perf_counter() - begun)), 1)


def alone(runs, steps):
    begun = time.perf_counter()
    for k in range(runs):
        trained(k, steps)
    return time.perf_counter() - begun


def side_by_side(runs, steps):
    """Seconds of two plain processes."""
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", PLAIN, here, str(runs // 2), str(steps)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for each in both:
        each.stdout.readline()
    begun = time.perf_counter()
    for each in both:
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in both:
        each.wait()
    return time.perf_counter() - begun


def swept(executor, runs, steps):
    """Seconds of a sweep, once its processes are there."""
    nb.sweep(trained, {"k": [0, 1, 2, 3], "steps": [50]}, measure="loss", executor=executor).wait(bar=False)
    begun = time.perf_counter()
    sweep = nb.sweep(trained, {"k": list(range(runs)), "steps": [steps]}, measure="loss", executor=executor)
    sweep.wait(bar=False)
    seconds = time.perf_counter() - begun
    assert sweep.state == "finished" and all(row["status"] == "done" for row in sweep.rows()), sweep
    return seconds


class Kept:
    """The process pool of a sweep, for several of them: its processes are there already."""

    owned = True

    def __init__(self):
        from nbprop.sweeping.pool import Pool

        self._pool, self._max_workers = Pool(2, None), 2

    def submit(self, *arguments):
        return self._pool.submit(*arguments)

    def close(self):
        self._pool.end()


def executors(folder):
    """Name -> (executor, what closes it)."""
    kept = Kept()
    yield "process pool", kept, kept.close
    try:
        import distributed
    except ImportError:
        return
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=folder, silence_logs=50
    )
    client = distributed.Client(cluster)
    yield "Dask", client.get_executor(), lambda: (client.close(), cluster.close())


def efficiency(rounds):
    print(f"{'':14} {'a run':>7} {'plain':>7} {'sweep':>7} {'of plain':>9} {'target':>7}")
    for seconds, target in TARGETS.items():
        steps, runs = steps_of(seconds), max(int(8 / seconds), 16)
        with tempfile.TemporaryDirectory() as folder:
            for name, executor, close in executors(folder):
                found = []
                for _ in range(rounds):
                    one, two, whole = (
                        alone(runs // 4, steps) * 4,
                        side_by_side(runs, steps),
                        swept(executor, runs, steps),
                    )
                    found.append((one / 2 / two, one / 2 / whole, two / whole))
                close()
                plain, own, share = map(statistics.median, zip(*found, strict=True))
                missed = "" if share >= target else "   MISSED"
                print(f"{name:14} {seconds * 1e3:4.0f} ms {plain:7.2f} {own:7.2f} {share:9.2f} {target:7.2f}{missed}")


class Nothing:
    """An executor that gives the same answer at once: what is left is the sweep itself."""

    _max_workers = 2

    def __init__(self):
        answer = {
            "status": "done",
            "numbers": {"loss": 0.5, "val_loss": 0.4},
            "error": "",
            "seconds": 0.1,
            "worker": "a:1",
        }
        self.answer = answer | {"history": {"loss": [list(range(100)), [0.123456] * 100]}}

    def submit(self, *_):
        from concurrent.futures import Future

        future = Future()
        future.set_result(dict(self.answer))
        return future


def queued(runs):
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "runs.jsonl"
        begun = time.perf_counter()
        sweep = nb.sweep(lambda k: k, {"k": range(runs)}, executor=Nothing(), file=file)
        made = time.perf_counter() - begun
        sweep.wait(bar=False)
        seconds = time.perf_counter() - begun
        size = file.stat().st_size
        sweep.close()
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    print(f"{runs:,} runs queued in {made:.2f} s; {1e3 * seconds / runs:.3f} ms for each in the sweep's own thread")
    print(f"memory +{more:.0f} MB, {1024 * more / runs:.2f} kB a run", end="; ")
    print(f"file {size / 2**20:.0f} MB, {size / runs / 1024:.1f} kB a run")
    packed = len(sweep._packed)
    print(f"a message to a worker: {packed:,} bytes of make and measure, and the point")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queue", type=int, default=100_000, help="runs in the queue")
    options = parser.parse_args()
    efficiency(options.rounds)
    queued(options.queue)


if __name__ == "__main__":
    main()
