"""A page that speaks as those of VS Code and Colab do, without subshells: what it says waits its turn in the kernel,
beside a run that plays."""

import time

import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

CELL = """import nbprop as nb
playground = nb.Playground(hidden=[4], speed=float("inf"))
playground"""


class Page:
    """A kernel, and what a page knows of it."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        self.states, self.frames, self.numbers = {}, [], 0

    def cell(self, code):
        """Runs it as VS Code sends it; gives its outputs and what it prints."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": "vscode-notebook-cell:/a#W0"})
        self.client.shell_channel.send(message)
        outputs, printed = [], []
        while True:
            said = self.next()
            if said["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            assert said["msg_type"] != "error", said["content"]["traceback"]
            if said["msg_type"] in ("display_data", "execute_result"):
                outputs.append(said["content"]["data"])
            if said["msg_type"] == "stream":
                printed.append(said["content"]["text"])
            if said["content"].get("execution_state") == "idle":
                return outputs, "".join(printed).strip()

    def next(self, timeout=60):
        said = self.client.get_iopub_msg(timeout=timeout)
        if said["msg_type"] == "comm_open":
            self.states[said["content"]["comm_id"]] = said["content"]["data"]["state"]
        data = said["content"].get("data", {})
        if said["msg_type"] == "comm_msg" and data.get("method") == "custom" and data["content"].get("type") == "frame":
            self.frames.append((data["content"], said["buffers"]))
            self.say("ack", seq=data["content"]["seq"], painted=data["content"]["seq"])
        return said

    def say(self, kind, **content):
        data = {"method": "custom", "content": {"type": kind, "view": "page", **content}}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", {"comm_id": self.board, "data": data}))

    def turn(self, kind, **content):
        self.numbers += 1
        self.say(kind, number=self.numbers, **content)

    def until(self, condition, seconds=30):
        """Listens until it holds of the newest frame."""
        end = time.monotonic() + seconds
        while not (self.frames and condition(self.frames[-1][0])):
            assert time.monotonic() < end, "it did not happen"
            self.next(timeout=end - time.monotonic() + 1)


@pytest.fixture(scope="module")
def page():
    page = Page()
    outputs, _ = page.cell(CELL)
    page.board = outputs[0]["application/vnd.jupyter.widget-view+json"]["model_id"]
    page.outputs = outputs
    yield page
    page.client.stop_channels()
    page.manager.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the channels
def test_without_subshells_it_plays_obeys_and_pauses(page):
    assert len(page.outputs) == 1 and "image/png" in page.outputs[0]  # one output, which shows what it can
    state = page.states[page.board]
    assert {"_esm", "_code", "_css", "_spec"} <= state.keys() and state["_model_module"] == "anywidget"
    page.say("mount", page=True, panels=[0, 1, 2, 3, 4])
    page.until(lambda head: head["full"])
    page.turn("do", name="play")
    page.until(lambda head: head["status"] == "playing" and head["step"] > 50)
    page.turn("turn", name="lr", value=0.0123)  # beside a run that takes all the time that it can get
    page.until(lambda head: head["desk"]["state"].get("lr", {}).get("value") == 0.0123)
    page.turn("do", name="pause")
    page.until(lambda head: head["status"] == "paused")
    _, printed = page.cell("print(playground.trainer.lr, playground.trainer.status)")
    assert printed == "0.0123 paused"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_frame_is_plain_words_and_one_block_of_numbers(page):
    page.frames.clear()
    page.say("mount", page=True, panels=[0, 1, 2, 3, 4])
    page.until(lambda head: head["full"])
    head, buffers = page.frames[-1]
    (numbers,) = buffers
    length = np.frombuffer(numbers, np.float32).size
    arrays = [array for panel in head["panels"] for array in panel["arrays"]]
    assert arrays and max(offset + int(np.prod(shape)) for _, offset, shape in arrays) == length
