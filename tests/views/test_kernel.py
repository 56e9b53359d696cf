"""In a real kernel, with the ids of cells as JupyterLab sends them: who listens after a cell was run again."""

import pytest
from jupyter_client.manager import start_new_kernel


@pytest.fixture
def run():
    """Runs code as a cell and gives what it prints."""
    manager, client = start_new_kernel(kernel_name="python3")

    def execute(cell, code):
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = client.session.msg("execute_request", content, metadata={"cellId": cell})
        client.shell_channel.send(message)
        printed = []
        while True:
            said = client.get_iopub_msg(timeout=60)
            if said["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            if said["msg_type"] == "stream":
                printed.append(said["content"]["text"])
            assert said["msg_type"] != "error", said["content"]
            if said["content"].get("execution_state") == "idle":
                return "".join(printed)

    yield execute
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the channels
def test_cells_that_are_run_again_leave_one_board_each(run):
    run("first", "import nbprop as nb\nt = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), 'moons', seed=0)")
    for _ in range(5):
        run("board", "nb.views.Board(nb.views.Loss(t), nb.views.Histograms(t))")
        run("other", "own = nb.views.GradientFlow(t)\nnb.views.Controls(own)")
    names = "print(sorted(map(repr, t.watchers)))"
    assert run("look", names) == "['Board(GradientFlow)', 'Board(Loss, Histograms)']\n"
    run("close", "own.close()")
    assert run("look", names) == "['Board(Loss, Histograms)']\n"
