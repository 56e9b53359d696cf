"""Runs notebooks as another machine would, and compares their outputs with the kept ones.

    python tests/shaken.py SEED [notebook.ipynb ...]

Every run of a trainer starts from weights in another last digit, as if products of matrices were rounded otherwise.
Some hundred steps make a visible difference of that, and what a lesson prints must not depend on it. Any whole number
is a seed; without notebooks: all of them.
"""

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
TIMES = 4  # the distance of two numbers beside each other, at most


def shake(theta, seed):
    """Another last digit in each of the weights, in place; the same ones for the same seed."""
    i = np.arange(theta.size) % 1000 + 1.0
    theta *= (1 + TIMES * np.finfo(theta.dtype).eps * np.sin(7.3 * seed * i)).astype(theta.dtype)


def shake_trainers(seed):
    """In a kernel, before the first cell."""
    import nbprop as nb

    begin = nb.Trainer.__init__

    @functools.wraps(begin)
    def __init__(self, *args, **kwargs):
        for model in (*args[:1], kwargs.get("model")):
            theta = getattr(model, "theta", None)
            if isinstance(theta, np.ndarray):
                shake(theta, seed)
        begin(self, *args, **kwargs)

    nb.Trainer.__init__ = __init__


def main(seed, *paths):
    with tempfile.TemporaryDirectory() as folder:
        startup = Path(folder, "profile_default", "startup")
        startup.mkdir(parents=True)
        code = f"__import__('runpy').run_path({__file__!r})['shake_trainers']({int(seed)})\n"
        startup.joinpath("shaken.py").write_text(code)  # which leaves no name behind
        command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", *(paths or [ROOT / "notebooks"])]
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # as in the tests
        return subprocess.run(command, env={**one_thread, **os.environ, "IPYTHONDIR": folder}).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if sys.argv[1:] else __doc__)
