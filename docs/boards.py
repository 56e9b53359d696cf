"""The boards of the site: every board that a notebook shows, as a page of its own that needs no kernel.

    python docs/boards.py notebook.ipynb folder

runs the notebook, with `save_into` in the place of the pictures that boards give, and writes it into the folder with
the pages beside it. The outputs that are kept in the notebook stay as they are, but for those of boards. `ready` does
that for many notebooks, and for none a second time unless it or the package has changed.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from html import escape
from itertools import count
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
MOMENTS, LEAST = 60, 6
SIZE = 600_000  # bytes of a page
SECONDS = 8.0  # that a recording may take: of what takes longer there are fewer moments
SHOWN = re.compile(r"(Board|Compared|Playground|Controls)\(")  # how what is a board shows itself in text
FRAME = re.compile(r'<iframe class="nbprop-page" src="boards/([\w-]+\.html)"')


def save_into(folder, prefix) -> None:
    """In a kernel: from now on every board that is shown is saved as a page in the folder."""
    from nbprop.views import Board

    numbers = count(1)

    def picture(board, playing=False):
        name = f"{prefix}-{next(numbers)}.html"
        (Path(folder) / name).write_bytes(recorded(board))
        return {"text/html": frame(name, board.describe())}

    Board.picture = picture


def recorded(board) -> bytes:
    """The page of a board, with as many moments as there is time for."""
    from nbprop.views.board.recording import record
    from nbprop.views.board.saving import page

    begun = time.perf_counter()
    record(board, moments=1, choices=False)
    one = time.perf_counter() - begun
    record(board, moments=1)
    all_choices = time.perf_counter() - begun - one
    choices = all_choices * MOMENTS < SECONDS
    moments = min(MOMENTS, max(LEAST, int(SECONDS / (all_choices if choices else one))))
    return with_lessons(page(board, "nbprop", moments, SIZE, choices)[0])


def with_lessons(page) -> bytes:
    """The page, which says where from it the pages of the lessons are: then it has links to them."""
    return page.replace(b'<html lang="en">', b'<html lang="en" data-lessons="../">', 1)


def frame(name, words) -> str:
    """A page of a board inside another page, which boards.js makes as high as it has to be."""
    title = escape(words.splitlines()[0])
    return f'<iframe class="nbprop-page" src="boards/{name}" title="{title}" loading="lazy"></iframe>'


def embedded(path, folder) -> nbformat.NotebookNode:
    """The notebook with pages, which are written into the folder, in the place of the boards' pictures."""
    kept, ran = nbformat.read(path, as_version=4), nbformat.read(path, as_version=4)
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'docs')!r})\n"
    code += f"import boards; boards.save_into({str(folder)!r}, {path.stem!r})"
    ran.cells.insert(0, nbformat.v4.new_code_cell(code))
    NotebookClient(
        ran, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    for cell, again in zip(kept.cells, ran.cells[1:], strict=True):
        shown = [
            output for output in cell.get("outputs", ()) if SHOWN.match(output.get("data", {}).get("text/plain", ""))
        ]
        html = [output.get("data", {}).get("text/html", "") for output in again.get("outputs", ())]
        frames = [text for text in html if FRAME.search(text)]
        if len(shown) != len(frames):
            raise ValueError(
                f"{path.name}: expected as many boards as are kept, {len(shown)}, got {len(frames)}, in the cell\n"
                f"{cell.source}\ntry python tests/run_notebooks.py {path}"
            )
        for output, text in zip(shown, frames, strict=True):
            output.data = {"text/html": text, "text/plain": output.data["text/plain"]}
    return kept


def state(path) -> str:
    """Another one whenever the pages of a notebook may be others."""
    sources = [path, Path(__file__), *sorted((ROOT / "nbprop").rglob("*.*"))]
    digest = hashlib.sha256()
    for each in sources:
        if each.suffix in (".py", ".js", ".css", ".ipynb"):
            digest.update(each.read_bytes())
    return digest.hexdigest()[:16]


def ready(paths, cache) -> "list[Path]":
    """For each notebook a folder with it and its pages."""
    folders = [cache / f"{path.stem}-{state(path)}" for path in paths]

    def run(path, folder):
        if folder.is_dir():
            return
        for old in cache.glob(f"{path.stem}-*"):
            shutil.rmtree(old)
        part = cache / f"{path.stem}-unfinished"
        part.mkdir(parents=True)
        env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        subprocess.run([sys.executable, __file__, path, part], check=True, env=env)
        part.rename(folder)

    with ThreadPoolExecutor(os.cpu_count()) as workers:
        list(workers.map(run, paths, folders))
    return folders


def landing(folder) -> str:
    """The run on the first page: two spirals, two more layers, then a larger learning rate. Its frame."""
    import nbprop as nb

    playground = nb.Playground(seed=0)
    trainer = playground.trainer
    trainer.watch()
    for steps, turn in ((200, {"depth": 6}), (400, {"lr": 0.01}), (900, {})):
        trainer.fit(steps=steps, bar=False)
        if turn:
            trainer.set(**turn)
    from nbprop.views.board.saving import page

    (Path(folder) / "landing.html").write_bytes(with_lessons(page(playground, "nbprop")[0]))
    text = frame("landing.html", playground.describe())
    playground.close()
    return text


if __name__ == "__main__":
    notebook, target = map(Path, sys.argv[1:])
    nbformat.write(embedded(notebook, target), target / notebook.name)
