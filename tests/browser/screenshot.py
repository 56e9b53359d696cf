"""Makes the README's pictures from the running app, in a real JupyterLab of 1280 x 800.

    python tests/browser/screenshot.py [--dark] [picture.png]     it stands still
    python tests/browser/screenshot.py --moving [picture.webp]    it moves

A run on the spirals: two layers are added at step 150, the learning rate is raised at step 300, then Play is pressed.
In the moving one Play is pressed first, a hand turns the learning rate and the depth, and then drags the time line.
"""

import argparse
import io
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
    lab.only_the_notebook()
    lab.run_all()
    lab.page.locator(".nbprop-board canvas").first.wait_for()
    lab.python(BEFORE)
    lab.page.get_by_role("button", name="Play").click()
    while int(lab.python("print(trainer.steps)")) < STEP:
        lab.page.wait_for_timeout(100)
    lab.page.mouse.move(2, 2)  # no button and no curve under the hand


class Film:
    """Pictures of the app, one after another."""

    def __init__(self, page):
        self.page, self.app, self.frames, self.times = page, page.locator(".jp-OutputArea-output").first, [], []

    def shoot(self, count=1, rest=60, shown=120):
        """shown: ms for which each picture stands."""
        for _ in range(count):
            self.frames.append(self.app.screenshot())
            self.times.append(shown)
            self.page.wait_for_timeout(rest)

    def drag(self, slider, start, end, count):
        """The hand is shown by what it moves."""
        box, mouse = slider.bounding_box(), self.page.mouse
        y = box["y"] + box["height"] / 2
        mouse.move(box["x"] + start * box["width"], y)
        mouse.down()
        for k in range(1, count + 1):
            mouse.move(box["x"] + (start + (end - start) * k / count) * box["width"], y)
            self.shoot(rest=30)
        mouse.up()

    def save(self, path):
        from PIL import Image

        first, *others = (Image.open(io.BytesIO(frame)).convert("RGB") for frame in self.frames)
        first.save(path, save_all=True, append_images=others, duration=self.times, loop=0, quality=55, method=6)


def film(lab):
    """Play, turn, look back."""
    page = lab.page
    lab.only_the_notebook()
    lab.run_all()
    made = Film(page)
    made.app.locator("canvas").first.wait_for()
    lab.python("trainer = playground.trainer; trainer.fit(steps=30); trainer.speed = 60")
    slider = lambda name: made.app.get_by_role("slider", name=name)  # noqa: E731
    made.shoot(shown=600)
    made.app.get_by_role("button", name="Play", exact=True).click()
    made.shoot(8)
    made.drag(slider("Learning rate"), 0.33, 0.5, 5)
    made.shoot(8)
    made.drag(slider("Depth"), 0.2, 0.32, 3)
    lab.python("trainer.speed = 300")
    made.shoot(12)
    made.app.get_by_role("button", name="Pause", exact=True).click()
    made.shoot(shown=500)
    made.drag(slider("Time line: step"), 0.98, 0.1, 14)
    made.drag(slider("Time line: step"), 0.1, 0.98, 7)
    made.shoot(shown=1500)
    return made


def take(path, dark=False, moving=False):
    sandbox = [] if os.getuid() else ["--no-sandbox"]
    with tempfile.TemporaryDirectory() as root, serve(root) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*sandbox, *CHROMIUM_ARGS])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, device_scale_factor=1 if moving else 2)
        lab = Lab(page, server).open("spirals.ipynb", [CELL])
        if dark:
            lab.theme("JupyterLab Dark")
        if moving:
            film(lab).save(path)
            browser.close()
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
            return
        run(lab)
        picture = page.locator(".jp-OutputArea-output").first.screenshot()
        browser.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(with_palette(picture))
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", nargs="?", type=Path)
    parser.add_argument("--moving", action="store_true", help="an animated WebP")
    parser.add_argument("--dark", action="store_true", help="in JupyterLab's dark theme")
    arguments = parser.parse_args()
    usual = PICTURE.with_suffix(".webp") if arguments.moving else PICTURE
    take(arguments.picture or usual, arguments.dark, arguments.moving)
