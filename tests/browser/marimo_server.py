"""A real marimo on a free loopback port, and its page. Nothing of the user's own marimo is read or written."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from harness import TIMEOUT

BOARD = ".nbprop-board"


def app(*cells):
    """A marimo notebook: (names that a cell takes, names that it gives, its code), one after the other."""
    lines = ["import marimo", "", 'app = marimo.App(width="full")', ""]
    for takes, gives, code in cells:
        body = [f"    {line}" for line in code.splitlines()]
        returned = f"    return {gives}," if gives else "    return"
        lines += ["", "@app.cell", f"def _({takes}):", *body, returned, ""]
    return "\n".join([*lines, "", 'if __name__ == "__main__":', "    app.run()", ""])


@contextmanager
def serve(path, how, theme="light"):
    """The address at which `marimo run` or `marimo edit` has the notebook."""
    with tempfile.TemporaryDirectory(prefix="nbprop-", ignore_cleanup_errors=True) as home:
        folders = {f"XDG_{name}_HOME": home for name in ("CONFIG", "STATE", "CACHE", "DATA")}
        env = {**os.environ, **folders, "HOME": home, "MARIMO_SKIP_UPDATE_CHECK": "1", "PYTHONWARNINGS": "ignore"}
        config = Path(home) / "marimo" / "marimo.toml"
        config.parent.mkdir()
        config.write_text(f'[display]\ntheme = "{theme}"\n[runtime]\nauto_instantiate = true\n')
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        command = [sys.executable, "-m", "marimo", how, path, "--headless", "--no-token"]
        log = Path(home) / "marimo.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--host=127.0.0.1", f"--port={port}"],
                env=env, cwd=Path(path).parent, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_up(url, process, log)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(15)


def _wait_until_up(url, process, log, seconds=60):
    start = time.monotonic()
    while True:
        if process.poll() is not None or time.monotonic() - start > seconds:
            raise RuntimeError(f"marimo did not start:\n{log.read_text(errors='replace')}")
        try:
            urllib.request.urlopen(f"{url}/health", timeout=10).close()
            return
        except OSError:
            time.sleep(0.05)


class Page:
    """A tab with the notebook in it. `errors` and `foreign` as those of harness.Lab."""

    def __init__(self, page, url):
        self.page, self.url = page, url
        self.errors, self.foreign = [], []
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: "[nbprop]" in m.text and self.errors.append(m.text))
        page.on("request", self._note)

    def _note(self, request):
        if not request.url.startswith((self.url, self.url.replace("http", "ws", 1), "blob:", "data:")):
            self.foreign.append(request.url)

    def open(self):
        self.page.goto(self.url)
        self.page.locator(f"{BOARD} canvas").first.wait_for(timeout=60_000)
        return self

    def until(self, condition, what, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited in vain until: {what}"
            self.page.wait_for_timeout(30)
