"""Slides of a lesson: what begins one, and that nbconvert makes them without a kernel or a browser."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbconvert import SlidesExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nbprop.slides import by_headings

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("[0-9]*.ipynb"))


def kinds(*cells):
    made, _ = by_headings(new_notebook(cells=list(cells)), {})
    return [(cell.source, cell.metadata.slideshow["slide_type"]) for cell in made.cells]


def test_headings_go_right_and_prose_before_code_goes_down():
    assert kinds(
        new_markdown_cell("# Title\n\nwords\n\n## One\n\nmore"),
        new_code_cell("x"),
        new_markdown_cell("and then"),
        new_markdown_cell("so"),
        new_code_cell("y"),
        new_markdown_cell("### A part"),
    ) == [
        ("# Title\n\nwords", "slide"),
        ("## One\n\nmore", "slide"),
        ("x", "-"),
        ("and then", "subslide"),
        ("so", "-"),
        ("y", "-"),
        ("### A part", "subslide"),
    ]


def test_sources_are_left_out_until_the_next_heading():
    said = kinds(new_markdown_cell("# T\n\n## Sources\n\n- a book"), new_code_cell("x"), new_markdown_cell("## Next"))
    assert [kind for _, kind in said] == ["slide", "skip", "skip", "slide"]


def test_a_comment_in_a_block_of_code_is_no_heading():
    text = "# T\n\n```python\n# a comment\n## another\n```\n\nwords"
    assert kinds(new_markdown_cell(text)) == [(text, "slide")]


def test_what_was_set_by_hand_stays():
    cell = new_markdown_cell("words", metadata={"slideshow": {"slide_type": "notes"}})
    assert kinds(new_markdown_cell("# T"), cell) == [("# T", "slide"), ("words", "notes")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_lesson_becomes_slides_and_stays_as_it_is(path):
    notebook = nbformat.read(path, as_version=4)
    before = copy.deepcopy(notebook)
    made, _ = by_headings(notebook, {})
    nbformat.validate(made)
    assert notebook == before
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = re.findall(r"^##? (?!Sources)", prose, re.MULTILINE)
    slides = [cell for cell in made.cells if cell.metadata.slideshow["slide_type"] == "slide"]
    assert len(slides) == len(headings) >= 4
    assert "".join("".join(cell.source.split()) for cell in made.cells) == "".join(
        "".join(cell.source.split()) for cell in notebook.cells
    )


def test_nbconvert_makes_the_page(tmp_path):
    path = NOTEBOOKS[1]
    command = [sys.executable, "-m", "nbconvert", "--to", "slides", "--output-dir", str(tmp_path), str(path)]
    setting = "--SlidesExporter.preprocessors=nbprop.slides.by_headings"
    done = subprocess.run([*command, setting], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    html = (tmp_path / f"{path.stem}.slides.html").read_text(encoding="utf-8")
    sections = html.count("<section")
    plain, _ = SlidesExporter().from_filename(str(path))
    assert sections > 30 > plain.count("<section")  # without it all is one slide
    assert 'src="data:image/png' in html and "Wengert, <em>A simple" not in html
