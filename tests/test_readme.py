"""The README keeps its word: its commands are the ones that are run, its code runs and prints what it shows."""

import os
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[1]
TRY = 'pip install -e ".[lab]" && jupyter lab notebooks/00-playground.ipynb'
TEST = 'pip install -e ".[test]" && pytest'
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def readme():
    return (ROOT / "README.md").read_text()


def test_the_two_commands(readme):
    commands = [
        line for language, text in BLOCK.findall(readme) if language in ("bash", "sh") for line in text.splitlines()
    ]
    assert TRY in commands
    assert TEST in commands


def test_what_is_run_is_the_command_of_the_readme():
    script = ROOT / ".ci" / "run"
    assert f"\n{TEST}\n" in script.read_text()
    assert os.access(script, os.X_OK)


def test_the_code_prints_what_the_readme_shows(readme, capsys, tmp_path, monkeypatch):
    """Each ```python block is run, all in one namespace; a ```text block right after it is what it prints."""
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(readme)
    names, printed = {}, 0
    for (language, code), (after, shown) in zip(blocks, [*blocks[1:], ("", "")], strict=False):
        if language == "python":
            exec(compile(code, "README.md", "exec"), names)
            output = capsys.readouterr().out
            assert output == (shown if after == "text" else "")
            printed += bool(output)
    plt.close("all")
    assert printed, "expected at least one python block followed by a text block with what it prints"


def test_what_the_readme_points_to_is_there(readme):
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)|(?:src|href)=\"([^\"#]+)", readme)
    local = [a or b for a, b in targets if "://" not in (a or b)]
    assert any(target.endswith(".png") for target in local), "expected a picture"
    for target in local:
        assert (ROOT / target).exists(), target
