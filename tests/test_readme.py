"""The README's commands are the ones that are run. (Its code and its links: test_docs.py.)"""

import os
import re
from pathlib import Path

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


def test_it_has_a_picture(readme):
    picture = re.search(r"!\[[^\]]+\]\(([^)]+\.webp)\)", readme)
    assert picture and (ROOT / picture[1]).stat().st_size < 2e6  # it moves, and is not heavy
