"""A watched loop in a cell of a real kernel: what a page says arrives while the cell runs, with subshells and without,
and other cells wait as ever."""

import time

import pytest
from jupyter_client.manager import start_new_kernel

LOOP = """
import time, numpy as np, nbprop as nb
run = nb.watch(show=False)
board = run.board("loss")
heard = []
run.pause()
print("comm", board.comm.comm_id, flush=True)
for step in range(1, 6):
    run.observe(loss=1 / step)
    heard.append(time.time())
print("done", run.steps, flush=True)
"""


class Page:
    """A kernel, and a page that runs cells and says things of widgets."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        self.said, self.number = "", 0

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def send(self, kind, content, subshell=None):
        message = self.client.session.msg(kind, content)
        message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def cell(self, code):
        return self.send(
            "execute_request", {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        )

    def until(self, words, patience=30):
        """Read what cells print until these words come."""
        end = time.monotonic() + patience
        while words not in self.said:
            assert time.monotonic() < end, f"{words!r} never came: {self.said!r}"
            try:
                said = self.client.get_iopub_msg(timeout=1)
            except Exception:
                continue
            assert said["msg_type"] != "error", said["content"]
            if said["msg_type"] == "stream":
                self.said += said["content"]["text"]
        return self.said

    def press(self, name, subshell=None):
        self.number += 1
        data = {"method": "custom", "content": {"type": "do", "name": name, "view": "page", "number": self.number}}
        comm = self.said.partition("comm ")[2].split()[0]
        self.send("comm_msg", {"comm_id": comm, "data": data}, subshell)


@pytest.fixture
def page():
    found = Page()
    yield found
    found.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the channels
def test_a_loop_that_is_paused_hears_resume_without_a_subshell(page):
    page.cell(LOOP)
    page.until("comm ")
    page.until("\n")
    other = page.cell("print('other', run.steps)")  # waits until the loop is over
    time.sleep(0.5)
    assert "done" not in page.said and other
    page.press("step")
    page.press("play")
    said = page.until("other")
    assert said.index("done 5") < said.index("other")
    assert "other 5" in page.until("other 5")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_loop_that_is_paused_hears_resume_over_a_subshell(page):
    page.client.control_channel.send(page.client.session.msg("create_subshell_request", {}))
    reply = page.client.control_channel.get_msg(timeout=10)
    subshell = reply["content"].get("subshell_id")
    assert subshell, reply["content"]
    page.cell(LOOP)
    page.until("comm ")
    page.until("\n")
    time.sleep(0.3)
    assert "done" not in page.said
    page.press("play", subshell)
    page.until("done 5")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_tasks_of_the_kernel_are_not_disturbed(page):
    """The kernel is turned inside a cell: what waits in its loop is done once and in order."""
    page.cell(
        "import asyncio\ndone = []\n"
        "async def count():\n    for i in range(30):\n        await asyncio.sleep(0.005)\n        done.append(i)\n"
        "task = asyncio.ensure_future(count())"
    )
    page.cell(LOOP)
    page.until("comm ")
    page.until("\n")
    time.sleep(0.3)
    page.press("play")
    page.until("done 5")
    page.cell("await task\nprint('all', done == list(range(30)))")
    page.until("all True")
