"""How fast is a training step?  nbprop beside a step derived by hand in NumPy, and beside other libraries.

    python tests/benchmarks/engine.py                         both tables, in about eight minutes
    python tests/benchmarks/engine.py --only W1,W2            some of the workloads
    python tests/benchmarks/engine.py --rounds 5 --peers nbprop,torch
    python tests/benchmarks/engine.py --plot engine.png --json engine.json

A step is forward, loss, backward and update, with the loss read as a number: same weights, same batch, float32, one
thread. Each workload has a process of its own. There the contenders take turns in short blocks, in another order every
round; a figure is the median over the rounds of time / time of the floor in the same round. Time is processor time, so
that other programs on the machine disturb little. Before anything is timed, all must give the floor's losses.

The floor is NumPy at its best: floors*.py, written by hand for each model, with every array made beforehand.

The second table is about watching.py: what looking inside while it trains adds to the time of a step.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

ONE_THREAD = {
    name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
}
PEERS = {  # column -> what it is
    "nbprop": "nbprop, as the Trainer steps",
    "eager": "nbprop without replay",
    "torch": "PyTorch eager",
    "jax": "jax.jit",
    "autograd": "HIPS autograd",
    "micrograd": "micrograd",
}
TARGETS = {"W1": 1.8, "W1a": 1.8, "W2": 1.8, "W3": 1.25, "W4": 1.1, "W5": 1.2, "W6": 1.2, "W7": 1.15}
WATCHED = ("W2", "W5")
BLOCK = 0.04  # seconds
STEPS = 4  # compared with the floor before timing


# ---- in a process for one workload -----------------------------------------------------------------------------------


def contender(name, workload):
    """The contender, or None where it has no such model. ImportError if it is not installed."""
    import ours
    import peers

    if name in ("nbprop", "eager"):
        return {"nbprop": ours.Replayed, "eager": ours.Eager}[name](workload)
    if name == "micrograd" and workload.name != "W1":
        return None
    return {"torch": peers.Torch, "jax": peers.Jax, "autograd": peers.Autograd, "micrograd": peers.Micrograd}[name](
        workload
    )


def verify(workload, contenders):
    """Raise AssertionError unless all losses of the first steps are the floor's, and nbprop's gradients too."""
    import numpy as np
    import ours
    from floors import floor

    floor = floor(workload)
    others = {**contenders, "nbprop": ours.Replayed(workload, copies=1)}  # the same batch at every step
    for step in range(STEPS):
        expected = floor.step()
        for name, other in others.items():
            loss = other.step()
            assert abs(loss - expected) < 2e-4 * max(1, abs(expected)), (
                f"{workload.name}, {name}, step {step + 1}: loss {loss}, by hand {expected}"
            )
            if name in ("nbprop", "eager"):
                error = np.abs(other.gradient - floor.gradient).max() / np.abs(floor.gradient).max()
                assert error < 2e-4, f"{workload.name}, {name}, step {step + 1}: gradient off by {error:.1g}"


def measure(workload, names, rounds):
    """Microseconds per step: contender -> a list, one entry a round; and what was left out, with the reason."""
    from floors import floor

    made, out = {}, {}
    for name in names:
        try:
            made[name] = contender(name, workload)
        except ImportError as error:
            out[name] = f"{error.name} is not installed"
    made = {name: other for name, other in made.items() if other is not None}
    verify(workload, made)
    made = {"floor": floor(workload), **made}
    counts = {}
    for name, other in made.items():
        other.step()  # what is made once is made
        began, counts[name] = time.process_time(), 0
        while time.process_time() - began < BLOCK:
            other.step()
            counts[name] += 1
    times = {name: [] for name in made}
    order = list(made)
    for _ in range(rounds):
        order = order[1:] + order[:1]
        for name in order:
            step, count = made[name].step, counts[name]
            began = time.process_time()
            for _ in range(count):
                step()
            times[name].append((time.process_time() - began) / count * 1e6)
    return times, out


def worker(name, names, rounds):
    from workloads import WORKLOADS

    if hasattr(os, "sched_setaffinity"):  # libraries that make threads of their own have one core for them all
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    workload = WORKLOADS[name]()
    times, out = measure(workload, names, rounds)
    result = {"about": workload.about, "times": times, "left out": out}
    if name in WATCHED and "nbprop" in names:
        import watching

        result["watching"] = watching.measure(workload, rounds)
    print(json.dumps(result))


# ---- the whole -------------------------------------------------------------------------------------------------------


def ratios(times):
    """Contender -> median over the rounds of time / time of the floor."""
    return {
        name: statistics.median(t / f for t, f in zip(series, times["floor"], strict=True))
        for name, series in times.items()
    }


def table(results):
    """The times relative to the floor, as Markdown."""
    columns = [name for name in PEERS if any(name in result["times"] for result in results.values())]
    lines = [["", "model", "floor, µs", *columns, "target"]]
    for name, result in results.items():
        found = ratios(result["times"])
        cells = [f"{found[column]:.3g}" if column in found else "" for column in columns]
        floor = statistics.median(result["times"]["floor"])
        lines.append([name, result["about"], f"{floor:.0f}", *cells, f"{TARGETS[name]:g}"])
    return markdown(lines)


def table_of_watching(results):
    """What watching adds, as Markdown; None if it was not measured."""
    lines = [["", "step, µs", "recorded every", "recording", "with frames for the views", "target"]]
    for name, found in ((name, result["watching"]) for name, result in results.items() if "watching" in result):
        shares = [f"{100 * found[part]:+.0f} %" for part in ("recording", "watching")]
        lines.append([name, f"{found['step']:.0f}", f"{found['every']} steps", *shares, "+15 %"])
    return markdown(lines) if len(lines) > 1 else None


def markdown(lines):
    """A table; the first line is the head, the last columns are numbers."""
    lines = [lines[0], ["---"] * 2 + ["--:"] * (len(lines[0]) - 2), *lines[1:]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [[f"{cell:{'<>'[i > 1]}{widths[i]}}" for i, cell in enumerate(line)] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in padded)


def plot(results, path):
    """The table as a picture: time relative to the floor, one group of bars a workload."""
    from matplotlib.figure import Figure

    columns = [name for name in PEERS if any(name in result["times"] for result in results.values())]
    colors = dict(zip(PEERS, ("#0072B2", "#56B4E9", "#D55E00", "#E69F00", "#CC79A7", "#999999"), strict=True))
    figure = Figure(figsize=(1.2 + 1.3 * len(results), 4), layout="constrained")
    ax = figure.subplots()
    width = 0.85 / len(columns)
    for i, column in enumerate(columns):
        heights = [ratios(result["times"]).get(column, float("nan")) for result in results.values()]
        places = [k + (i - (len(columns) - 1) / 2) * width for k in range(len(results))]
        bars = ax.bar(places, heights, width, bottom=0, color=colors[column], label=PEERS[column])
        ax.bar_label(bars, [f"{h:.2g}" if h == h else "" for h in heights], fontsize=6, rotation=90, padding=2)
    ax.axhline(1, color="black", linewidth=1, label="by hand in NumPy")
    ax.set_yscale("log")
    ax.set_ylim(0.5, ax.get_ylim()[1] * 2)
    ax.set_xticks(range(len(results)), results)
    ax.set_ylabel("time of a step, by hand = 1")
    ax.legend(fontsize=7, frameon=False, ncols=2, loc="upper right")
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def versions(names):
    """What was measured with, in a line."""
    packages = [name for name in ("numpy", "torch", "jax", "autograd", "micrograd") if name == "numpy" or name in names]
    found = [f"{name} {metadata.version(name)}" for name in packages if find_spec(name)]
    return f"Python {platform.python_version()}, {', '.join(found)}; {os.cpu_count()} cores, {platform.machine()}."


def main():
    names = list(TARGETS)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(names), help=f"workloads, of {','.join(names)}")
    parser.add_argument("--peers", default=",".join(PEERS), help=f"contenders, of {','.join(PEERS)}")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--plot", metavar="FILE.png")
    parser.add_argument("--json", metavar="FILE.json", help="every round's time of every contender")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    chosen, contenders = given.only.split(","), given.peers.split(",")
    for what, known in ((chosen, names), (contenders, PEERS)):
        if unknown := set(what) - set(known):
            parser.error(f"expected names out of {', '.join(known)}; got {', '.join(unknown)}")
    if given.worker:
        return worker(given.worker, contenders, given.rounds)
    results, out = {}, {}
    for name in chosen:
        command = [sys.executable, __file__, "--worker", name, "--peers", given.peers, "--rounds", str(given.rounds)]
        process = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, **ONE_THREAD}, check=True
        )
        results[name] = json.loads(process.stdout)
        out |= results[name]["left out"]
        print(f"{name} is measured", file=sys.stderr)
    print(table(results))
    print(f"\nTime of a step, relative to the floor: NumPy by hand. Medians of {given.rounds} rounds; less is faster.")
    print(versions(contenders))
    for name, reason in out.items():
        print(f"Left out: {PEERS[name]} ({reason}).")
    if watched := table_of_watching(results):
        print(
            f"\n{watched}\n\nWhat watching adds to the time of a step: the numbers of every layer and all histograms."
        )
    if given.json:
        Path(given.json).write_text(json.dumps(results))
    if given.plot:
        plot(results, given.plot)


if __name__ == "__main__":
    main()
