"""A real JupyterLab on a free loopback port and what a person does in it, driven by Playwright.

Nothing of the user's own Jupyter is read or written. Also used by tests/benchmarks. NBPROP_FRONTEND=notebook has all
of it happen in Notebook 7 instead, NBPROP_FRONTEND=voila on pages of Voila (voila_page.py).
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Error, TimeoutError as PlaywrightTimeout

# Beside --headless, which Playwright adds; rendering is in software, so that it is the same everywhere.
CHROMIUM_ARGS = ["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
TIMEOUT = 20_000  # ms
LAB, NOTEBOOK, VOILA = "lab", "notebook", "voila"
FRONTEND = os.environ.get("NBPROP_FRONTEND") or LAB
if FRONTEND not in (LAB, NOTEBOOK, VOILA):
    raise ValueError(f"NBPROP_FRONTEND: expected {LAB}, {NOTEBOOK} or {VOILA}, got {FRONTEND!r}")
SERVED = LAB if FRONTEND == VOILA else FRONTEND  # Voila is an extension of that server
OWN = (  # faults that Notebook 7 has of its own: of its settings, and of 7.2 where a page goes while it saves
    "Cannot read properties of undefined (reading 'schema')",
    "Cannot read properties of undefined (reading 'last_modified')",
)
IN_SIGHT = "(cells) => cells.filter((one) => one.checkVisibility()).map((one) => +one.dataset.windowedListIndex)"
CELL = ".jp-Notebook .jp-Cell[data-windowed-list-index]"
IDLE = "() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"


def not_in(*frontends, because):
    """A mark for a test that makes no sense in these front ends: the report says why."""
    return pytest.mark.skipif(FRONTEND in frontends, reason=f"not in {FRONTEND}: {because}")


def notebook(*cells):
    """A notebook with these code cells, as a dict."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{i}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for i, source in enumerate(cells)
        ],
    }


class Server:
    """A running Jupyter server: its address, token, folder of notebooks, and its home with the log in it."""

    def __init__(self, url, token, root, process, home):
        self.url, self.token, self.root, self.process, self.home = url, token, Path(root), process, home
        self.log = home / "server.log"

    def api(self, path, method="GET"):
        request = urllib.request.Request(
            f"{self.url}/api/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def windowing(self, mode):
        """What becomes of cells that are out of sight, in pages opened from now on: "full" takes them off the page (as
        JupyterLab 4.2 does), "defer" lets them stay; None: as this JupyterLab has it."""
        path = self.home / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"windowingMode": mode} if mode else {}))

    def write(self, name, cells):
        """Saves a notebook with these cells (or the notebook given as a dict or a path)."""
        if isinstance(cells, Path):
            text = cells.read_text(encoding="utf-8")
        else:
            text = json.dumps(cells if isinstance(cells, dict) else notebook(*cells))
        (self.root / name).write_text(text, encoding="utf-8")


@contextmanager
def serve(root, app=("jupyter", SERVED), prefix=(), windowing=None, **environment):
    """A Jupyter server for the notebooks in `root`, started as `python -m` app; `prefix` goes in front of its command
    (taskset -c 0). windowing: see Server.windowing."""
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="nbprop-", ignore_cleanup_errors=True) as home:
        home = Path(home)
        config = home / "config" / "labconfig"
        config.mkdir(parents=True)
        # No question whether to fetch news.
        announcements = {"@jupyterlab/apputils-extension:announcements": True}
        (config / "page_config.json").write_text(json.dumps({"disabledExtensions": announcements}))
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        env = {
            **os.environ,
            **{name: str(home / folder) for name, folder in folders.items()},
            "OMP_NUM_THREADS": "1",  # two cores for the kernel, the server and the browser
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONWARNINGS": "ignore",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # the debugger of a kernel says nothing at its start
            **environment,
        }
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        token = secrets.token_hex(16)
        command = [
            *prefix,
            sys.executable,
            "-m",
            *app,
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            *((f"--ServerApp.root_dir={root}",) if app[0] == "jupyter" else ()),
            f"--IdentityProvider.token={token}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
        ]
        log = home / "server.log"
        with log.open("wb") as output:
            # In the same process group: whatever ends a test run ends its server too.
            process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=root
            )
        server = Server(f"http://127.0.0.1:{port}", token, root, process, home)
        server.windowing(windowing)
        try:
            _wait_until_up(server, log)
            yield server
        finally:
            _shut_down(server)


def _wait_until_up(server, log, seconds=60):
    start = time.monotonic()
    while True:
        if server.process.poll() is not None or time.monotonic() - start > seconds:
            raise RuntimeError(f"Jupyter did not start:\n{log.read_text(errors='replace')}")
        try:
            server.api("status")
            return
        except OSError:
            time.sleep(0.05)


def _shut_down(server):
    # Kernels first and by the server: they would outlive it.
    try:
        for kernel in server.api("kernels"):
            server.api(f"kernels/{kernel['id']}", "DELETE")
    except (OSError, urllib.error.URLError):
        pass
    server.process.send_signal(signal.SIGTERM)
    try:
        server.process.wait(15)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait(15)


class Lab:
    """JupyterLab in one browser tab. `errors` and `foreign` must be empty in the end: what went wrong in the page, and
    which addresses other than the server it asked for."""

    def __init__(self, page, server, frontend=FRONTEND):
        self.page, self.server, self.frontend = page, server, frontend
        self.errors, self.foreign = [], []
        self.own = OWN if frontend == NOTEBOOK else ()
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: str(error) not in self.own and self.errors.append(str(error)))
        page.on("console", lambda m: "[nbprop]" in m.text and self.errors.append(m.text))
        page.on("request", self._note)

    def _note(self, request):
        if not request.url.startswith((self.server.url, self.server.url.replace("http", "ws", 1), "blob:", "data:")):
            self.foreign.append(request.url)

    def close(self):
        self.page.context.close()

    def open(self, name, cells=None):
        """Opens a notebook, with these cells if given, and waits for its kernel."""
        if cells is not None:
            self.server.write(name, cells)
        # A workspace of its own: nothing is left over from another test.
        where = f"lab/workspaces/t{secrets.token_hex(4)}/tree" if self.frontend == LAB else "notebooks"
        self.page.goto(f"{self.server.url}/{where}/{name}?token={self.server.token}&reset")
        self.wait_ready()
        return self

    def wait_ready(self):
        page = self.page
        page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        # The toolbar says idle before there is a kernel, and then "run" does nothing. The model knows.
        page.evaluate("""async () => {
            const app = window.jupyterapp;
            await app.restored;
            const current = () => app.shell.currentWidget;
            while (!current()?.sessionContext) await new Promise((r) => setTimeout(r, 50));
            const panel = current();
            await panel.context.ready;
            await panel.sessionContext.ready;
            await panel.sessionContext.session.kernel.info;
        }""")
        self.wait_idle()

    def wait_idle(self, timeout=60_000):
        self.page.wait_for_function(IDLE, timeout=timeout)

    def command(self, name, **arguments):
        """Runs one of JupyterLab's commands."""
        return self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args); }", [name, arguments]
        )

    def run_all(self):
        self.command("notebook:run-all-cells")
        self.wait_idle()

    def run(self, cell, wait=True):
        """Runs one cell, the first is 0."""
        self.select(cell)
        self.page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-cell')")
        if wait:
            self.wait_idle()

    def select(self, cell):
        self.page.evaluate("(i) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", cell)

    def cell(self, cell):
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{cell}"]')

    def output(self, cell):
        """The last output of a cell that is not a picture."""
        return self.cell(cell).locator(".jp-OutputArea-output:not(.jp-RenderedImage)").last

    def show(self, cell):
        """Turns the wheel until a cell is there: what is out of sight may be off the page. Returns its place."""
        place = self.cell(cell)
        for patience in (2000, 2000, 2000, TIMEOUT):  # an old JupyterLab may take it off again while it moves
            while not place.is_visible():
                there = self.page.eval_on_selector_all(CELL, IN_SIGHT)
                box = self.page.locator(".jp-Notebook").first.bounding_box()
                self.page.mouse.move(box["x"] + box["width"] - 40, min(box["y"] + box["height"] / 2, 600))
                self.page.mouse.wheel(0, 400 if max(there) < cell else -400)
                self.page.wait_for_timeout(60)
            try:
                place.scroll_into_view_if_needed(timeout=patience)
            except PlaywrightTimeout:
                if patience == TIMEOUT:
                    raise
            else:
                return place

    def only_the_notebook(self):
        """Folds the browser of files away, beside which it stands in JupyterLab; the second time it is there again."""
        if self.frontend == LAB:
            self.command("application:toggle-left-area")

    def ask(self, expression):
        """The value of an expression in the notebook's kernel, as JSON has it."""
        return json.loads(self.python(f"import json; print(json.dumps({expression}))"))

    def until(self, condition, what, seconds=20):
        """Wait until it holds; AssertionError that says what was waited for."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited in vain until: {what}"
            self.page.wait_for_timeout(25)

    def python(self, code, timeout=30):
        """Runs code in the notebook's kernel, outside any cell; returns what it prints. Errors are raised here."""
        printed, error = self.page.evaluate(
            """async ([code, ms]) => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const late = new Promise((_, no) => setTimeout(() => no(new Error("no answer: " + code)), ms));
                let text = "", c;
                do {  // ipykernel 6 aborts what comes right behind a cell that was interrupted
                    const future = kernel.requestExecute({ code, store_history: false });
                    future.onIOPub = (m) => { if (m.header.msg_type === "stream") text += m.content.text; };
                    c = (await Promise.race([future.done, late])).content;
                } while (c.status.startsWith("abort"));
                return [text, c.status === "ok" ? null : c.ename + ": " + c.evalue];
            }""",
            [code, 1000 * timeout],
        )
        if error:
            raise RuntimeError(f"{error}\nin {code}")
        return printed.strip()

    def begin(self, code):
        """Has the kernel begin with code, as a cell would, and does not wait."""
        self.page.evaluate(
            """(code) => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                window.begun = kernel.requestExecute({ code });
            }""",
            code,
        )

    def ended(self):
        """Waits until what was begun has come to its end."""
        self.page.evaluate("async () => { await window.begun.done; }")

    def restart(self):
        self.page.evaluate(
            "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
        )

    def theme(self, name):
        """ "JupyterLab Light" or "JupyterLab Dark"."""
        self.command("apputils:change-theme", theme=name)
        light = "true" if "Light" in name else "false"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
        self.page.wait_for_timeout(600)  # its colours fade in

    def save(self):
        self.command("docmanager:save")

    def reload(self):
        self.page.reload()
        self.wait_ready()
        # On a very busy machine JupyterLab may give up asking the kernel for its widgets (after 4 s): once more then.
        lost = self.page.locator("text=Error displaying widget: model not found")
        for _ in range(2):
            self.page.wait_for_function("!document.body.innerText.includes('Loading widget...')")
            if lost.count():
                self.page.reload()
                self.wait_ready()

    def heap(self):
        """MB of JavaScript objects, and how many nodes, after rubbish is collected."""
        cdp = self.page.context.new_cdp_session(self.page)
        cdp.send("Performance.enable")
        for _ in range(2):
            cdp.send("HeapProfiler.collectGarbage")
        found = {each["name"]: each["value"] for each in cdp.send("Performance.getMetrics")["metrics"]}
        cdp.detach()
        return found["JSHeapUsedSize"] / 1e6, int(found["Nodes"])

    def explain(self, folder, name):
        """After a failure: what the page looked like, and what stood in its outputs."""
        path = Path(folder) / f"{name}.png"
        try:
            self.page.screenshot(path=path)
            texts = [output.inner_text() for output in self.page.query_selector_all(".jp-OutputArea-output")]
        except Error as error:  # of a page that answers no more: it must not end the other tests, too
            return f"no screenshot: {error}\nerrors: {self.errors}"
        return f"screenshot: {path}\nerrors: {self.errors}\noutputs:\n" + "\n".join(texts)
