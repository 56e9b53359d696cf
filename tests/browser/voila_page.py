"""A page of Voila and what a person does on it, with the methods of harness.Lab as far as they make sense there: the
cells have been run when the page is there, and of the notebook around them nothing is left."""

import json
import time

import pytest
from harness import VOILA, Lab
from jupyter_client import BlockingKernelClient

# Voila's own page asks for these. Nothing is let through, and everything works.
FOREIGN = ("https://cdn.jsdelivr.net/npm/@fortawesome/", "https://cdnjs.cloudflare.com/ajax/libs/mathjax/")


class VoilaPage(Lab):
    """In one browser tab. The kernel is asked by a client of its own: the page gives nobody a way to it."""

    def __init__(self, page, server):
        super().__init__(page, server, VOILA)
        page.route(lambda url: not url.startswith(server.url), lambda route: route.abort())
        self.client = None

    def _note(self, request):
        if not request.url.startswith(FOREIGN):
            super()._note(request)

    def open(self, name, cells=None, theme="light"):
        if cells is not None:
            self.server.write(name, cells)
        url = f"{self.server.url}/voila/render/{name}?token={self.server.token}&theme={theme}"
        self.page.goto(url, timeout=120_000)
        self.page.locator("#rendered_cells").wait_for(timeout=60_000)
        self.kernel = json.loads(self.page.locator("#jupyter-config-data").text_content())["kernelId"]
        self._let_go()
        self.client = self._client()
        return self

    def close(self):
        self._let_go()
        super().close()

    def _let_go(self):
        if self.client is not None:
            _close(self.client)
        self.client = None

    def _client(self):
        client = BlockingKernelClient()
        client.load_connection_file(str(self.server.home / "runtime" / f"kernel-{self.kernel}.json"))
        client.start_channels(hb=False, control=False)
        client.wait_for_ready(timeout=30)
        return client

    def run_all(self):
        """They have been run."""

    def wait_idle(self, timeout=60_000):
        state = lambda: self.server.api(f"kernels/{self.kernel}")["execution_state"]  # noqa: E731
        self.until(lambda: state() == "idle", "the kernel is idle", timeout / 1000)

    def python(self, code, timeout=30):
        printed = []

        def hear(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        how = {"store_history": False, "allow_stdin": False, "output_hook": hear, "timeout": timeout}
        said = self.client.execute_interactive(code, **how)["content"]
        if said["status"] != "ok":
            raise RuntimeError(f"{said.get('ename')}: {said.get('evalue')}\nin {code}")
        return "".join(printed).strip()

    def begin(self, code):
        self.busy = self._client()
        self.begun = self.busy.execute(code)

    def ended(self):
        end = time.monotonic() + 30
        while self.busy.get_shell_msg(timeout=end - time.monotonic())["parent_header"]["msg_id"] != self.begun:
            pass
        _close(self.busy)

    def cell(self, cell):
        return self.page.locator(f'[cell-index="{cell + 1}"]')

    def output(self, cell):
        return self.cell(cell)

    def show(self, cell):
        place = self.cell(cell)
        place.scroll_into_view_if_needed()
        return place

    def theme(self, name):
        if name != "JupyterLab Light":
            pytest.skip("not in voila: a page has the theme with which it was opened; test_voila.py opens a dark one")

    def _no_notebook(self, *_, **__):
        raise NotImplementedError("Voila has no notebook: mark the test with harness.not_in(VOILA, because=...)")

    command = run = select = save = reload = restart = _no_notebook


def _close(client):
    client.stop_channels()
    client.context.destroy(linger=0)
