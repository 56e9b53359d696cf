"""Makes the README's picture from the running app, in a real JupyterLab of 1280 x 800.

    python tests/browser/screenshot.py [--dark] [picture.png]

A run on the spirals: two layers are added at step 150, the learning rate is raised at step 300, then Play is pressed.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))
from conftest import find_chromium  # noqa: E402
from run_notebooks import with_palette  # noqa: E402

sys.path.insert(0, str(TESTS / "browser"))
from harness import CHROMIUM_ARGS, Lab, serve  # noqa: E402

PICTURE = TESTS.parent / "notebooks" / "images" / "playground.png"
CELL = "import nbprop as nb\n\nplayground = nb.Playground()\nplayground"
BEFORE = """
trainer = playground.trainer
trainer.fit(steps=150)
trainer.depth = 6
trainer.fit(steps=150)
trainer.lr = 0.01
trainer.fit(steps=60)
trainer.speed = 30
"""
STEP = 440


def run(lab):
    """The app in the middle of a run."""
    lab.command("application:toggle-left-area")
    lab.run_all()
    lab.page.locator(".nbprop-board canvas").first.wait_for()
    lab.python(BEFORE)
    lab.page.get_by_role("button", name="Play").click()
    while int(lab.python("print(trainer.steps)")) < STEP:
        lab.page.wait_for_timeout(100)
    lab.page.locator(".nbprop-board canvas").first.hover(position={"x": 5, "y": 5})  # no button under the hand


def take(path, dark=False):
    sandbox = [] if os.getuid() else ["--no-sandbox"]
    with tempfile.TemporaryDirectory() as root, serve(root) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*sandbox, *CHROMIUM_ARGS])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, device_scale_factor=2)
        lab = Lab(page, server).open("spirals.ipynb", [CELL])
        if dark:
            lab.theme("JupyterLab Dark")
        run(lab)
        picture = page.locator(".jp-OutputArea-output").first.screenshot()
        browser.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(with_palette(picture))
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", nargs="?", type=Path, default=PICTURE)
    parser.add_argument("--dark", action="store_true", help="in JupyterLab's dark theme")
    arguments = parser.parse_args()
    take(arguments.picture, arguments.dark)
