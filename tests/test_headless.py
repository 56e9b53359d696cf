"""Notebooks run without a page, by nbclient (which `jupyter execute` and nbconvert use) and by papermill: nothing
fails, nothing warns, and a picture of each board is kept."""

import json
import re
from pathlib import Path

import nbformat
import papermill
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

FOLDER = Path(__file__).parents[1] / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"
CELLS = {
    "strict": 'import warnings\nwarnings.simplefilter("error")\nimport nbprop as nb',
    "playground": "playground = nb.Playground(hidden=[4])\nplayground.trainer.fit(steps=20, bar=False)\nplayground",
    "turned": "playground.lr = 0.1\nplayground.depth = 2\nplayground.trainer.fit(steps=20)\nplayground",
    "view": "nb.views.GradientFlow(playground.trainer)",
    "board": "t = playground.trainer\nnb.views.Board(nb.views.Network(t), nb.views.Doctor(t), timeline=True)",
    "compare": "nb.compare(t, t.branch(lr=0.01))",
    "controls": "nb.views.Controls(nb.views.Loss(t))",
    "saved": 'print(playground.save("run.html").size > 0)',
    # It is still playing when the notebook is at its end and the kernel is shut down.
    "playing": "import asyncio\nt.play()\nawait asyncio.sleep(0.3)\nprint(t.status, t.steps > 40)\n"
    'warnings.simplefilter("ignore")',  # ipykernel warns of itself when it is shut down
}
SHOWN = ["playground", "turned", "view", "board", "compare", "controls"]
NOISE = re.compile(r"Kernel is running over TCP without encryption|^$")  # ipykernel 7.4 says so of every kernel


def notebook():
    cells = [new_code_cell(source, id=name) for name, source in CELLS.items()]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def check(done, err):
    nbformat.validate(done)
    cells = {name: cell for name, cell in zip(CELLS, done.cells[-len(CELLS) :], strict=True)}
    for name, cell in cells.items():
        outputs = [output for output in cell.outputs if output.get("name") == "stderr" or output.output_type == "error"]
        assert outputs == [], name
        assert cell.execution_count
    for name in SHOWN:
        data = [output.data for output in cells[name].outputs if "image/png" in output.get("data", {})]
        assert len(data) == 1 and len(data[0]["image/png"]) > 5000, name
        assert not data[0]["text/plain"].startswith("<"), name  # no address of an object
    said = [output.text for output in cells["saved"].outputs if output.output_type == "stream"]
    assert said == ["True\n"]  # on a slow machine a progress bar comes before it
    assert cells["playing"].outputs[0].text == "playing True\n"
    assert [line for line in err.splitlines() if not NOISE.search(line)] == []


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the channels
@pytest.mark.parametrize("state", [True, False], ids=["with state", "without"])
def test_nbclient_runs_boards_without_a_warning(tmp_path, capfd, state):
    client = NotebookClient(
        notebook(), timeout=120, store_widget_state=state, resources={"metadata": {"path": str(tmp_path)}}
    )
    done = client.execute()
    check(done, capfd.readouterr().err)
    states = done.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    assert bool(states) == state
    views = [
        output.data[WIDGET]["model_id"] for c in done.cells for output in c.outputs if WIDGET in output.get("data", {})
    ]
    assert len(views) == len(SHOWN)
    assert not state or set(views) <= states.keys()
    assert len(json.dumps(done)) < 6_000_000


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_papermill_runs_boards_without_a_warning(tmp_path, capfd):
    given = notebook()
    given.cells.insert(0, new_code_cell("steps = 1", metadata={"tags": ["parameters"]}))
    nbformat.write(given, tmp_path / "in.ipynb")
    papermill.execute_notebook(
        tmp_path / "in.ipynb", tmp_path / "out.ipynb", {"steps": 3}, cwd=tmp_path, progress_bar=False, log_output=False
    )
    check(nbformat.read(tmp_path / "out.ipynb", as_version=4), capfd.readouterr().err)


def test_no_notebook_of_the_course_has_a_warning_in_it():
    """nbval runs them all and compares, what they print to stderr too: there is none to compare with."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            assert [output for output in cell.get("outputs", ()) if output.get("name") == "stderr"] == [], path.name
