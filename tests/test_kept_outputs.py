"""No wrong number stays in a notebook: nbval's own comparison refuses every kept output in which a digit is changed,
and a number in the prose is one that the notebook prints or computes with. (Nothing is run here: nbval does that.)"""

import copy
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbval.plugin import IPyNbCell, IPyNbFile

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("[0-9]*.ipynb"))
DIGIT = re.compile(r"\d(?!\d)")  # the last one of every row of digits
WRITTEN = re.compile(r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?)( ?%)?")  # in code and outputs, without what parts thousands
CLAIMED = re.compile(  # a fraction, a percentage, thousands; no number of a section or of a year
    r"(?<![\w.])(?<!section\s)(?<!equation\s)(\d+\.\d+|\d+(?= ?%)|\d{1,3}(?:,\d{3})+|\d{5,})(?![\d.]*\d)( ?%)?"
)
QUOTED = {  # what a lesson takes from elsewhere, or says in other digits than it prints
    "00-playground": {"50,000": "a factor that the flow above it shows"},
    "02-backpropagation-by-hand": {"0.05": "a loss to be reached"},
    "03-gradient-descent": {"0.08": "a learning rate to be tried"},
    "09-images": {
        "99.05": "LeNet-5 on MNIST",
        "10,000": "digits of MNIST",
        "0.95": "LeNet-5",
        "0.8": "and with distorted digits",
    },
    "11-language": {"50,257": "tokens of GPT-2", "1.93": "after twice the steps, tried outside of the lesson"},
    "13-automatic-differentiation": {"1.5": "where Martins and others take it"},
    "15-curvature": {"2,410": "parameters of 64-32-10"},
    "16-going-deep": {"10,000": "layers of Xiao and others"},
    "19-sentiment": {
        "7,500": "words and signs that VADER has",
        "1.15": "really, of Taboada and others",
        "1.25": "very",
        "1.5": "extraordinarily; and what is behind but, of VADER",
        "0.74": "not, of VADER",
        "0.25": "how little a sentence may be worth, in nbprop/data/sentences.py",
    },
    "17-speech": {
        "8,000": "numbers a second, speech.RATE",
        "3,200": "Hz, an example",
        "3,300": "Hz, an example",
        "0.6": "seconds: 29 frames of 20 ms",
    },
    "23-phase-diagrams": {"0.0003": "a rate of Adam to be tried"},
    "22-through-time": {
        "74,000": "sequences of experiment 4 of Hochreiter and Schmidhuber",
        "8,440": "strings of experiment 1",
        "31,390": "sequences of experiment 6a",
    },
    "18-translation": {"8,000": "numbers of a sentence of Sutskever and others"},
}


@pytest.fixture
def items(request, monkeypatch):
    """A function: path of a notebook -> its code cells as nbval compares them, without a kernel."""
    monkeypatch.setattr(IPyNbCell, "format_output_compare", lambda *_: None)  # words that nobody would read
    return lambda path: list(IPyNbFile.from_parent(request.session, path=path).collect())


def shown(outputs):
    """All texts in them, as (dict, key)."""
    for output in outputs:
        if "text" in output:
            yield output, "text"
        yield from ((output.data, kind) for kind in output.get("data", ()) if kind.startswith("text/"))


def planted(outputs):
    """Copies of them, each with one digit changed, and the text that it is in."""
    for k, (place, kind) in enumerate(shown(outputs)):
        for match in DIGIT.finditer(text := place[kind]):
            wrong = copy.deepcopy(outputs)
            place, kind = list(shown(wrong))[k]
            place[kind] = f"{text[: match.start()]}{(int(match[0]) + 1) % 10}{text[match.end() :]}"
            yield wrong, place[kind]


def overlooked(item):
    """The wrong texts that nbval would not notice."""
    kept, compared = item.cell.outputs, item.options["check"] and not item.options["skip"]
    assert not compared or item.compare_outputs(copy.deepcopy(kept), kept)
    for wrong, text in planted(kept):
        if not compared or item.compare_outputs(wrong, kept):
            yield text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_wrong_number_is_caught(path, items):
    cells = items(path)
    assert sum(1 for item in cells for _ in planted(item.cell.outputs)) > 20
    assert [text for item in cells for text in overlooked(item)] == []


@pytest.mark.parametrize("mark", ["", "# NBVAL_IGNORE_OUTPUT\n", "# NBVAL_SKIP\n"])
def test_a_cell_that_is_not_compared_may_claim_nothing(mark, items, tmp_path):
    path = tmp_path / "some.ipynb"
    stream = new_output("stream", text="loss 0.12 after 300 steps\n")
    table = new_output("display_data", {"text/plain": "7 rows", "text/html": "<b>7</b>", "image/png": "7"})
    nbformat.write(new_notebook(cells=[new_code_cell(f"{mark}print(loss)", outputs=[stream, table])]), path)
    (item,) = items(path)
    assert len(list(planted(item.cell.outputs))) == 5
    assert len(list(overlooked(item))) == (5 if mark else 0)


def unfounded(notebook):
    """Numbers of the prose that stand neither in an output nor in the code."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    texts = [cell.source for cell in code] + [place[kind] for cell in code for place, kind in shown(cell.outputs)]
    there = set()
    for number, percent in WRITTEN.findall(re.sub(r"(?<=\d)[,_](?=\d{3})", "", "\n".join(texts))):
        there |= {float(number), round(float(number) / (100 if percent else 1), 6)}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for number, percent in CLAIMED.findall(cell.source.split("## Sources")[0]):
                value = float(number.replace(",", ""))
                if value not in there and not (percent and round(value / 100, 6) in there):
                    yield number


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_number_in_the_prose_is_one_that_is_computed(path):
    assert set(unfounded(nbformat.read(path, as_version=4))) - QUOTED.get(path.stem, {}).keys() == set()


def test_a_number_out_of_the_air_is_found():
    prose = "12.5 % of 2,000, 0.48 as above; 0.49, 13 %, 3,000 (section 4.1)"
    code = new_code_cell("n = 2_000", outputs=[new_output("stream", text="0.125 and 48 %")])
    assert list(unfounded(new_notebook(cells=[new_markdown_cell(prose), code]))) == ["0.49", "13", "3,000"]
