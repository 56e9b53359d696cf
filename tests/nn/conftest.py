"""Tests of this folder share modules, and the formulas that the ops are compared with; PyTorch on one thread."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "engine"), str(HERE.parent)]  # importlib mode does not


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more only wait for each other on arrays this small
    yield torch
    torch.set_num_threads(threads)
