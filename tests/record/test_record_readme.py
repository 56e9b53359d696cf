"""The README of record/ keeps its word: its code prints what it shows, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

import nbprop.record

FOLDER = Path(nbprop.record.__file__).parent
TEXT = (FOLDER / "README.md").read_text()
BLOCK = re.compile(r"^```python\n(.*?)^```\n^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINKS = set(re.findall(r"\]\((.*?)\)", TEXT))


def test_the_code_prints_what_is_shown(capsys):
    blocks = BLOCK.findall(TEXT)
    assert len(blocks) == TEXT.count("```python") == 6
    names = {}
    for code, shown in blocks:
        exec(compile(code, "README.md", "exec"), names)
        assert capsys.readouterr().out == shown


@pytest.mark.parametrize("link", sorted(LINKS))
def test_links(link):
    assert (FOLDER / link).is_file()


def test_every_file_is_mentioned():
    others = {"__init__.py", "source.py"}  # source.py: the contract of the views
    assert {path.name for path in FOLDER.glob("*.py")} - others == LINKS - others
