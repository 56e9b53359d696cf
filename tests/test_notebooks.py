"""The form of the notebooks. That they run and print what they show is checked by nbval (`pytest notebooks`)."""

import base64
import copy
import os
import re
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from nbprop.exercises import files as exercise_files

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("[0-9]*.ipynb"))  # index.ipynb only lists them
LINES, DIGITS, PICTURE, NOTEBOOK, GUESSES = 20, 4, 100_000, 1_000_000, 2
WIDGET = "application/vnd.jupyter.widget-view+json"
UNREASONED = re.compile(r"^ *# *NBVAL_(IGNORE_OUTPUT|SKIP) *$(?!\n# \w)", re.MULTILINE)
GUESS = re.compile(r"^(\w+) = nb\.predict\(", re.MULTILINE)
EXERCISE = re.compile(r"nb\.exercise\(\"([\w-]+)\"\)")
NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?:e[-+]?\d+)?")
# A line after prose that Markdown takes for the beginning of a list: where it was wrapped, it began with "1." or "-".
STRAY = re.compile(r"^(?! *(?:[-+*]|\d+[.)]) | {2})(?=.*\S).*\n((?:[-+*]|\d+[.)]) .*)", re.MULTILINE)


def problems(notebook):
    """What is against the rules of CONTRIBUTING.md, in words."""
    cells = notebook.cells
    if "widgets" in notebook.metadata:
        yield "keeps the state of widgets"
    if not cells or cells[0].cell_type != "markdown" or not cells[0].source.startswith("# "):
        yield "does not begin with a title"
    titles = [line for cell in cells if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    for title in ("## Summary", "## Exercises"):
        if title not in titles:
            yield f"has no {title!r}"
    for cell in cells:
        if cell.cell_type == "markdown" and (stray := STRAY.search(cell.source)):
            yield f"a list in the middle of a paragraph: {stray[1]}"
    code = [cell for cell in cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        yield "was not run from top to bottom in one go"
    for before, cell in zip([None, *cells], cells, strict=False):
        if cell.cell_type == "code":
            for problem in problems_of_code(cell, before):
                yield f"{problem} in {cell.source.splitlines()[:1]}"


def problems_of_code(cell, before):
    lines = cell.source.splitlines()
    if before is None or before.cell_type != "markdown":
        yield "no prose before the code"
    if len(lines) > LINES:
        yield f"{len(lines)} lines"
    if cell.source.rstrip().endswith(";"):
        yield "a semicolon at the end"
    if UNREASONED.search(cell.source):
        yield "not compared, without a reason in the next line"
    if any(tag.startswith("nbval") for tag in cell.metadata.get("tags", ())):
        yield "a tag that nobody sees"
    if not cell.outputs:
        yield "neither a number nor a picture"
    for output in cell.outputs:
        if output.output_type == "error":
            yield "an error"
        data = output.get("data", {})
        if WIDGET in data:
            yield "a widget that is gone when the notebook is opened"
        if len(base64.b64decode(data.get("image/png", ""))) > PICTURE:
            yield "a large picture"
        for number in NUMBER.findall(output.get("text", "") + data.get("text/plain", "")):
            if len(number.split("e")[0].replace(".", "").lstrip("0")) > DIGITS:
                yield f"{number} has more than {DIGITS} digits"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_rules(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert list(problems(notebook)) == []
    assert path.stat().st_size < NOTEBOOK


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_asks_for_two_guesses_and_reveals_them(path):
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    asked = [GUESS.search(cell.source)[1] for cell in code if GUESS.search(cell.source)]
    assert len(asked) >= GUESSES
    for name in asked:
        texts = [
            output.get("text", "") + output.get("data", {}).get("text/plain", "")
            for cell in code
            if f"{name}.reveal(" in cell.source
            for output in cell.outputs
        ]
        assert any("No guess was made. It is " in text for text in texts), f"{name} is not revealed"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_has_all_exercises_of_one_file_and_they_are_open(path):
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    names = [name for cell in code for name in EXERCISE.findall(cell.source)]
    files = {file.__name__: [each.name for each in file.EXERCISES] for file in exercise_files()}
    assert len(names) >= 4
    assert any(sorted(names) == sorted(of_file) for of_file in files.values()), f"{names} are not those of one file"
    checks = [cell for cell in code if ".check(" in cell.source]
    assert len(checks) >= len(names)
    for cell in checks:
        texts = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
        assert any("Not answered yet" in text for text in texts), cell.source


def test_the_index_lists_every_notebook():
    (cell,) = nbformat.read(FOLDER / "index.ipynb", as_version=4).cells
    assert re.findall(r"(?<!!)\[[^]]*\]\((.*?)\)", cell.source) == [path.name for path in NOTEBOOKS]


def a_good_notebook():
    shown = [new_output("stream", text="0.1234 after 12000 steps, 6.1e-13\n")]
    cells = [
        new_markdown_cell("# Title"),
        new_code_cell("print(1)", execution_count=1, outputs=shown),
        new_markdown_cell("## Summary"),
        new_code_cell("# NBVAL_IGNORE_OUTPUT\n# timings\nprint(2)", execution_count=2, outputs=shown),
        new_markdown_cell("## Exercises"),
    ]
    return new_notebook(cells=cells)


def with_output(output):
    return lambda notebook: notebook.cells[1].outputs.append(output)


def with_source(source):
    return lambda notebook: notebook.cells[1].update(source=source)


def picture(size):
    return new_output("display_data", {"image/png": base64.b64encode(bytes(size)).decode()})


SPOILERS = {
    "keeps the state": lambda notebook: notebook.metadata.update(widgets={}),
    "with a title": lambda notebook: notebook.cells[0].update(source="Title"),
    "no '## Summary'": lambda notebook: notebook.cells[2].update(source="Summary"),
    "no '## Exercises'": lambda notebook: notebook.cells.pop(),
    "in the middle of a paragraph": lambda notebook: notebook.cells[2].update(source="## Summary\n\nIt is\n1. x"),
    "not run from top": lambda notebook: notebook.cells[3].update(execution_count=7),
    "no prose": lambda notebook: notebook.cells.insert(2, copy.deepcopy(notebook.cells[1])),
    "21 lines": with_source("x = 1\n" * 21),
    "semicolon": with_source("x;\n"),
    "without a reason": with_source("# NBVAL_IGNORE_OUTPUT\nprint(1)"),
    "a tag": lambda notebook: notebook.cells[1].metadata.update(tags=["nbval-skip"]),
    "neither a number": lambda notebook: notebook.cells[1].update(outputs=[]),
    "an error": with_output(new_output("error", ename="E", evalue="", traceback=[])),
    "a widget": with_output(new_output("display_data", {WIDGET: {"model_id": "1"}})),
    "a large picture": with_output(picture(PICTURE + 1)),
    "more than 4 digits": with_output(new_output("stream", text="loss 0.12345")),
}


def test_nothing_is_wrong_with_a_good_notebook():
    notebook = a_good_notebook()
    with_output(picture(PICTURE))(notebook)
    assert list(problems(notebook)) == []


@pytest.mark.parametrize("complaint", SPOILERS)
def test_what_is_wrong_is_said(complaint):
    notebook = a_good_notebook()
    SPOILERS[complaint](notebook)
    assert any(complaint in problem for problem in problems(notebook))


def test_a_kernel_that_takes_too_much_memory_is_an_error(request):
    """Of every notebook: the hook is one of a plugin, not of a conftest.py, which has no say in other folders."""
    (memory,) = [each for each in request.config.pluginmanager.get_plugins() if type(each).__name__ == "Memory"]
    shut = []

    class IPyNbFile:
        name = "large.ipynb"
        kernel = SimpleNamespace(km=SimpleNamespace(provisioner=SimpleNamespace(pid=os.getpid())))

        def teardown(self):
            shut.append(self)

    for most, fits in ((10**6, True), (1, False)):
        notebook = IPyNbFile()
        type(memory)(most).pytest_collectstart(notebook)
        with nullcontext() if fits else pytest.raises(AssertionError, match=r"large\.ipynb took \d+ MB"):
            notebook.teardown()
    assert len(shut) == 2
