"""Makes the result file of the lesson on phase diagrams: 720 networks, about ten minutes of one core.

python tests/benchmarks/phase_diagram.py               goes on with notebooks/23-phase-diagrams.jsonl, if it is there
python tests/benchmarks/phase_diagram.py --file x.jsonl --workers 1

The function that makes a run is that of the notebook: it is read out of it, so that a reader can open each run of the
file there. Its grid is the notebook's `LARGE`.
"""

import argparse
import linecache
from pathlib import Path

import nbformat
import numpy as np

import nbprop as nb

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "23-phase-diagrams.ipynb"
BEGINS = "def make("  # of the cell that is wanted
NAME = "<the notebook>"


def of_the_notebook():
    """What the cell with `make` defines."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    (source,) = (cell.source for cell in cells if cell.cell_type == "code" and f"\n{BEGINS}" in f"\n{cell.source}")
    linecache.cache[NAME] = len(source), None, source.splitlines(keepends=True), NAME  # for inspect.getsource
    found = {"nb": nb, "np": np, "__name__": "__main__"}
    exec(compile(source, NAME, "exec"), found)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", default=NOTEBOOK.with_suffix(".jsonl"))
    parser.add_argument("--workers", type=int)
    asked = parser.parse_args()
    found = of_the_notebook()
    sweep = nb.sweep(
        found["make"], found["LARGE"], seeds=3, steps=200, measure="val_accuracy", points=0,
        file=asked.file, workers=asked.workers,
    )  # fmt: skip
    print(sweep.wait())


if __name__ == "__main__":
    main()
