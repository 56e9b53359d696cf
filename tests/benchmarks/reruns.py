"""Does anything stay behind when a cell is run again?  A real JupyterLab in Chromium, the playground's cell run again
and again, playing in between.

    python tests/benchmarks/reruns.py                 200 times, some five minutes
    python tests/benchmarks/reruns.py --reruns 20

Memory of the kernel, widgets and trainers in it; JavaScript objects and nodes of the page, after rubbish is collected.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "browser")]
from conftest import find_chromium  # noqa: E402
from harness import CHROMIUM_ARGS, Lab, serve  # noqa: E402

CELLS = ["import nbprop as nb", "playground = nb.Playground()\nplayground.trainer.play()\nplayground", "'below'"]
COUNTS = """
import gc, json, os, psutil
from ipywidgets.widgets import widget
gc.collect()
print(json.dumps([
    psutil.Process(os.getpid()).memory_info().rss / 1e6, len(widget._instances),
    sum(type(each) is nb.Trainer for each in gc.get_objects()), len(gc.get_objects()),
]))
"""
BOARD = ".nbprop-board"
ALONE = """() => {
    const boards = document.querySelectorAll(".nbprop-board");
    return boards.length === 1 && boards[0].dataset.painted > 5;
}"""
HEADS = ("re-runs", "kernel, MB", "widgets", "trainers", "objects", "page, MB", "nodes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reruns", type=int, default=200, help="so often (default 200)")
    count = parser.parse_args().reruns
    sandbox = [] if os.getuid() else ["--no-sandbox"]
    path = os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
    with (
        tempfile.TemporaryDirectory(prefix="nbprop-") as folder,
        sync_playwright() as playwright,
        serve(Path(folder) / "notebooks", PYTHONPATH=path) as server,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*sandbox, *CHROMIUM_ARGS])
        lab = Lab(browser.new_context(viewport={"width": 1280, "height": 800}).new_page(), server)
        lab.open("reruns.ipynb", CELLS).run_all()
        print("".join(f"{head:>12}" for head in HEADS), flush=True)
        for k in range(count + 1):
            if k:
                lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1; }")
                lab.command("notebook:run-cell")
                lab.wait_idle()
            lab.page.locator(BOARD).first.scroll_into_view_if_needed()
            lab.page.wait_for_function(ALONE)
            if k in (0, 1, 20, 50, 100, 150, 200, count):
                lab.python("playground.trainer.pause()")
                time.sleep(2)
                row = [k, *json.loads(lab.python(COUNTS)), *lab.heap()]
                print(
                    "".join(f"{each:12,.1f}" if isinstance(each, float) else f"{each:12,}" for each in row), flush=True
                )
        browser.close()


if __name__ == "__main__":
    main()
