"""The engine's README keeps its word: its code prints what it shows, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

import nbprop.engine
from nbprop.engine import OPS

FOLDER = Path(nbprop.engine.__file__).parent
TEXT = (FOLDER / "README.md").read_text()
BLOCK = re.compile(r"^```python\n(.*?)^```\n^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def _its_ops_leave_again():
    known = dict(OPS)
    yield
    OPS.clear()
    OPS.update(known)


@pytest.mark.usefixtures("_its_ops_leave_again")
def test_the_code_prints_what_is_shown(capsys):
    blocks = BLOCK.findall(TEXT)
    assert len(blocks) == TEXT.count("```python") == 6
    names = {}
    for code, shown in blocks:
        exec(compile(code, "README.md", "exec"), names)
        assert capsys.readouterr().out == shown


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((.*?)\)", TEXT))))
def test_links(link):
    assert (FOLDER / link).is_file()


def test_every_file_is_mentioned():
    helpers = {"__init__.py", "errors.py", "functions.py"}
    assert {path.name for path in FOLDER.glob("*.py")} - helpers == set(re.findall(r"\]\((\w+\.py)\)", TEXT))
