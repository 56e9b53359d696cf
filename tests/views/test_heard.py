"""What a page says is heard while a cell trains, in a real kernel; where it cannot be, frames leave all the same."""

import time
from types import SimpleNamespace

import pytest
from jupyter_client.manager import start_new_kernel

from nbprop.training import kernel
from nbprop.views.board.pacing import BLIND, DEAF, Pacing

CELL = """import nbprop as nb
board = nb.Playground(hidden=[4])
print(board.model_id)"""


@pytest.fixture
def client():
    manager, client = start_new_kernel()
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("beside", [True, False], ids=["subshell", "no subshell"])
def test_a_turn_and_a_pause_reach_a_fit_that_runs_in_a_cell(client, beside):
    known = client.kernel_info(reply=True, timeout=30)["content"].get("supported_features", ())
    if beside and "kernel subshells" not in known:
        pytest.skip("this kernel has no subshells")
    printed = []
    client.execute_interactive(CELL, timeout=60, output_hook=lambda m: printed.append(m["content"].get("text", "")))
    model = "".join(printed).strip()
    subshell = None
    if beside:
        client.control_channel.send(client.session.msg("create_subshell_request"))
        subshell = client.get_control_msg(timeout=20)["content"]["subshell_id"]

    def say(**content):
        data = {"method": "custom", "content": {"view": "page", **content}}
        message = client.session.msg("comm_msg", {"comm_id": model, "data": data})
        message["header"]["subshell_id"] = subshell
        client.shell_channel.send(message)

    say(type="mount", page=True, panels=[0, 1])
    number = client.execute("board.trainer.fit(steps=10**9, bar=False); print(board.trainer.lr)")
    time.sleep(0.5)
    say(type="turn", name="lr", value=0.0123, number=1)
    say(type="do", name="pause", number=2)
    while (reply := client.get_shell_msg(timeout=20))["parent_header"]["msg_id"] != number:
        pass  # without an answer in time it raises queue.Empty: the cell would train for hours
    assert reply["content"]["status"] == "ok"
    text = []
    client.execute_interactive(
        "print(board.trainer.lr)", timeout=20, output_hook=lambda m: text.append(m["content"].get("text", ""))
    )
    assert "".join(text).strip() == "0.0123"


def test_where_no_answer_can_be_heard_frames_leave_all_the_same():
    pacing = Pacing()
    pacing.look("page", [0], True, 0.0)
    left, now = [], 0.0
    while now < 5:
        if pacing.may_send(now, deaf=True):
            pacing.sent(now)
            left.append(now)
        now += 0.01
    late = [now for now in left if now > 2 * DEAF + BLIND]
    assert 0.8 * (5 - 2 * DEAF - BLIND) / BLIND < len(late) < 1.1 * 5 / BLIND
    assert not pacing.may_send(left[-1] + 2 * BLIND)  # out of a cell it waits for an answer
    pacing.ack("page", pacing.seq, now)
    assert pacing.may_send(now + 1)


def test_a_kernel_of_another_kind_is_left_alone(monkeypatch):
    """Such as xeus-python's or JupyterLite's: a fit in one of its cells goes on as if nobody listened."""
    import IPython

    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    assert kernel.kernel_here() is None and not kernel.waits()
