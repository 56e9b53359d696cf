"""Runs notebooks and keeps their outputs in the files, as they are committed.

    python tests/run_notebooks.py [notebook.ipynb ...]

Without arguments: all in notebooks/. A widget leaves its picture, not its state, so a notebook that has just been
opened shows something before it is run, here and on GitHub. A sound leaves its name: it is large, and is heard when the
cell is run. The pictures get a palette, which halves their size.
"""

import base64
import io
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in the tests
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"


def run(path):
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": path.parent}},
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it was run
        for output in cell.get("outputs", ()):
            tidy(output.get("data", {}))
    notebook.metadata.language_info = {"name": "python"}  # without the version of the day
    nbformat.write(notebook, path)


def tidy(data):
    if "<audio" in data.get("text/html", ""):
        data.pop("text/html")
    if data.keys() & {"image/png", "text/markdown"}:  # what stands in for it
        data.pop(WIDGET, None)
    if "image/png" in data:
        data["image/png"] = base64.b64encode(with_palette(base64.b64decode(data["image/png"]))).decode()


def with_palette(png):
    """The picture (bytes) in 256 colours. Maximum coverage keeps the colour of a thin line, dithering smooth shades."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    palette = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE)
    small = io.BytesIO()
    picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(small, format="png", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:] or sorted(NOTEBOOKS.glob("*.ipynb"))):
        start = time.perf_counter()
        run(path)
        print(f"{path}: {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1000:.0f} kB")
