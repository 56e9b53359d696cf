"""In a real kernel, with what pages send with a cell: who listens after it was run again, and what it shows."""

import pytest
from jupyter_client.manager import start_new_kernel

from nbprop.views.board.shown import PNG, WIDGET

TEXT = "text/plain"
JUPYTERLAB = {"cellId": "cell", "deletedCells": [], "recordTiming": False}
TRAINER = "import nbprop as nb\nt = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), 'moons', seed=0)"
BOARD = "board = nb.views.Board(nb.views.Loss(t))\n"


@pytest.fixture(scope="module")
def run():
    """Runs code as a cell and gives what it prints, or with `shown` the MIME types of its outputs."""
    manager, client = start_new_kernel(kernel_name="python3")

    def execute(cell, code, metadata=None, shown=False):
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = client.session.msg("execute_request", content, metadata=metadata or {"cellId": cell})
        client.shell_channel.send(message)
        printed, outputs = [], []
        while True:
            said = client.get_iopub_msg(timeout=60)
            if said["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            if said["msg_type"] == "stream":
                printed.append(said["content"]["text"])
            if "data" in said["content"] and "comm_id" not in said["content"]:
                outputs.append({*said["content"]["data"]})
            assert said["msg_type"] != "error", said["content"]
            if said["content"].get("execution_state") == "idle":
                return outputs if shown else "".join(printed)

    yield execute
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the channels
def test_cells_that_are_run_again_leave_one_board_each(run):
    run("first", TRAINER)
    for _ in range(5):
        run("board", "nb.views.Board(nb.views.Loss(t), nb.views.Histograms(t))")
        run("other", "own = nb.views.GradientFlow(t)\nnb.views.Controls(own)")
    names = "print(sorted(map(repr, t.watchers)))"
    assert run("look", names) == "['Board(GradientFlow)', 'Board(Loss, Histograms)']\n"
    run("close", "own.close()")
    assert run("look", names) == "['Board(Loss, Histograms)']\n"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_page_of_jupyterlab_gets_a_picture_of_its_own_below_the_widget(run):
    run("first", TRAINER)
    live, still, both = {WIDGET}, {PNG, TEXT}, {WIDGET, PNG, TEXT}
    display = "from IPython.display import display\n"
    for code, outputs in [
        ("board", [live, still]),
        (f"{display}display(board)", [live, still]),
        (f"{display}def show():\n    display(board, board)\nshow()", [live, still, live, still]),
        ("import ipywidgets\nnb.views.Controls(board, ipywidgets.FloatSlider())", [live, still]),
        ("ipywidgets.HBox([board])", [{WIDGET, TEXT}]),
        (
            f"{display}handle = display(board, display_id=True)\nhandle.update(board)",
            [both, both],
        ),  # one, to be changed
        ("out = ipywidgets.Output()\nout.append_display_data(board)", []),
        ("board.close()\nboard", [{TEXT}]),
    ]:
        assert run("cell", BOARD + code, JUPYTERLAB, shown=True) == outputs, code
    run("cell", BOARD + "out = ipywidgets.Output()\nout.append_display_data(board)", JUPYTERLAB)
    assert run("look", "print([sorted(each['data']) for each in out.outputs])") == f"{[sorted(both)]}\n"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    "metadata", [{"cellId": "vscode-notebook-cell:/a.ipynb#X"}, {"other": 1}], ids=["VS Code", "else"]
)
def test_other_pages_get_widget_and_picture_in_one(run, metadata):
    run("first", TRAINER)
    assert run("cell", BOARD + "board", metadata, shown=True) == [{WIDGET, PNG, TEXT}]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_runs_of_cells_that_are_run_again_are_let_go(run):
    run("first", "import nbprop as nb")
    alive = "import gc; gc.collect(); print(sum(type(each) is nb.Trainer for each in gc.get_objects()), len(Out))"
    trainers, outputs = map(int, run("look", alive).split())
    for _ in range(6):
        run("again", "playground = nb.Playground()\nplayground")
    run("other", "nb.Playground(), 1")
    now, shown = map(int, run("look", alive).split())
    assert now - trainers <= 3 and shown - outputs <= 2  # of this cell, of the other one, and what ___ holds


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_sweep_is_its_map_on_every_page(run):
    """Of JupyterLab, and of others such as Voila's and VS Code's, which send less with a cell."""
    sweep = "import nbprop as nb\ns = nb.sweep(lambda a, seed: {'x': a}, {'a': [1, 2]}, workers=1)\ns.wait(bar=False)\n"
    assert run("sweep", f"{sweep}s", JUPYTERLAB, shown=True) == [{WIDGET}, {PNG, TEXT}]
    assert run("sweep", f"{sweep}s", {"cellId": "sweep"}, shown=True) == [{WIDGET, PNG, TEXT}]
