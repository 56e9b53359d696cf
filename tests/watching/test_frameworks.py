"""The examples for other frameworks in docs/watching.md, run as they stand there, wherever the framework is."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "watching.md"
SAYS = """
import numpy as np
print([layer.name for layer in run.layers], run.steps, run.message or "fine")
found = run.probe()
print(*(name for name in ("dW", "ratio") if np.isfinite(np.ma.filled(found[name], np.nan)).all()))
assert run.history["loss"][-1] < run.history["loss"][0] and run.watched
"""
LAYERS = {
    "jax": (["first", "last"], "dW ratio"),
    "equinox": (["layers.1", "layers.2", "layers.3"], "dW ratio"),
    "keras": (["sequential/dense", "sequential/dense_1"], "ratio"),
}


def example(framework):
    """The block of the page that begins by importing it."""
    blocks = re.findall(r"```py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return next(block for block in blocks if block.startswith(f"import {framework}"))


@pytest.mark.parametrize("framework", LAYERS)
def test_an_example_of_the_page(framework, tmp_path):
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not there")
    backend = next((name for name in ("torch", "jax") if importlib.util.find_spec(name)), "tensorflow")
    settings = {"KERAS_BACKEND": backend, "KERAS_HOME": str(tmp_path), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", example(framework) + SAYS], env={**os.environ, **settings}, cwd=tmp_path,
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    layers, measured = LAYERS[framework]
    assert done.stdout.splitlines()[-2:] == [f"{layers} 50 fine", measured]
