"""The pages keep their word: the code in READMEs and docs/ runs and prints what is shown, links lead somewhere."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "nbprop").rglob("README.md")),
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Runs blocks in one namespace, as a reader would, who can also look at the source of what is defined there.
RUN = """
import contextlib, io, json, linecache, sys
name, blocks = json.load(sys.stdin)
names, printed = {"__name__": "__main__"}, []
for i, block in enumerate(blocks):
    file = f"{name}, block {i + 1}"
    linecache.cache[file] = len(block), None, block.splitlines(True), file
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(block, file, "exec"), names)
    printed.append(out.getvalue())
json.dump(printed, sys.stdout)
"""


def examples(text):
    """(code, what it prints) of each python block; what is printed stands in a text block right after it."""
    found = [*BLOCK.finditer(text), None]
    for block, after in pairwise(found):
        if block[1] == "python":
            shown = after and after[1] == "text" and after.start() == block.end() + 1
            yield block[2], after[2] if shown else ""


def run(name, blocks, folder):
    """What each block prints, in a process of its own, where a warning is an error."""
    env = {**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-W", "error", "-c", RUN]
    text = json.dumps([name, blocks])
    process = subprocess.run(command, input=text, capture_output=True, text=True, cwd=folder, env=env, timeout=120)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def relative(page):
    return page.relative_to(ROOT).as_posix()


def needs(page):
    """PyTorch, where a page uses it."""
    return [pytest.mark.torch] if "\nimport torch\n" in page.read_text() else []


pages = pytest.mark.parametrize("path", [pytest.param(page, marks=needs(page), id=relative(page)) for page in PAGES])


@pages
def test_the_code_prints_what_is_shown(path, tmp_path):
    code, shown = zip(*examples(path.read_text()), strict=True) if "```python" in path.read_text() else ((), ())
    assert run(relative(path), code, tmp_path) == list(shown)


def test_pages_that_teach_have_code():
    for path in PAGES:
        teaches = path.name != "CONTRIBUTING.md"
        assert any(shown for _, shown in examples(path.read_text())) == teaches, path


@pages
def test_links_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)|(?:src|href)=\"([^\"#]+)", path.read_text())
    local = [a or b for a, b in targets if "://" not in (a or b)]
    assert [target for target in local if not (path.parent / target).exists()] == []


def test_the_plan_names_every_storey():
    """And a storey that it names is there, or was forgotten in the plan: both are to be mended."""
    table = (ROOT / "docs" / "house.md").read_text().split("\n## ")[1]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    there = {
        path.stem
        for path in (ROOT / "nbprop").iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }
    assert there - named == set()


# ------------------------------------------------------------------------------------------- what is tested is tested


def test_a_text_block_belongs_to_the_code_right_above_it():
    text = (
        "```python\na\n```\n```text\n1\n```\n```python\nb\n```\n\n```text\n2\n```\n```bash\nc\n```\n```python\nd\n```\n"
    )
    assert list(examples(text)) == [("a\n", "1\n"), ("b\n", ""), ("d\n", "")]


def test_blocks_share_their_names_and_what_each_prints_is_told_apart(tmp_path):
    assert run("page", ["x = 1\n", "print(x)\n", "x\n"], tmp_path) == ["", "1\n", ""]


@pytest.mark.parametrize("line", ["import warnings; warnings.warn('careful')", "1 / 0", "import nbprop; nbprop.Trainr"])
def test_a_page_that_warns_or_fails_is_found(line, tmp_path):
    with pytest.raises(AssertionError, match="page, block 2"):
        run("page", ["x = 1\n", line], tmp_path)
