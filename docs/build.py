"""Builds the site: the course with the outputs that are kept in the notebooks and boards that live without a kernel
(see boards.py), the guides in this folder, and a reference made of the docstrings.

    pip install -e ".[docs]" && python docs/build.py

It is written to build/site/html (or html/ in the folder that is named) and needs no server and no network: open
index.html. A warning is an error. The first build runs the notebooks, which takes some minutes; the next ones run only
those that have changed.
"""

import base64
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

import boards
import nbformat
from reference import STOREYS, ops_page, page
from sphinx.cmd.build import build_main

ROOT = Path(__file__).parents[1]
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
GUIDES = (
    *("house", "data", "objectives", "derivatives", "left_out", "comparing", "diagnosis"),
    *("sharing", "watching", "sweeping", "papers", "teaching", "frontends", "adding", "hub"),
)


def lay_out(source):
    """The pages, as Sphinx wants them, in one folder."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "notebooks", source, ignore=shutil.ignore_patterns(".*"))
    lessons = [path.stem for path in notebooks()]
    pages = source.parent / "boards"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir()
    for folder in boards.ready(notebooks(), ROOT / "build" / "boards"):
        for path in folder.iterdir():
            shutil.copy(path, source if path.suffix == ".ipynb" else pages)
    reference = [f"reference/{name}" for name in (*STOREYS, "ops")]
    index = nbformat.read(source / "index.ipynb", as_version=4)
    guides = [f"guides/{name}" for name in GUIDES]
    for name, picture in index.cells[0].pop("attachments").items():  # which MyST does not know
        (source / name).write_bytes(base64.b64decode(picture["image/png"]))
    index.cells[0].source = index.cells[0].source.replace("](attachment:", "](")
    head, rest = index.cells[0].source.split("\n\n", 1)
    index.cells[0].source = f"{head}\n\n{boards.landing(pages)}\n\n{rest}"
    index.cells[-1].source += "\n\n" + "".join(
        contents(caption, pages)
        for caption, pages in [("Course", lessons), ("Guides", guides), ("Reference", reference)]
    )
    nbformat.write(index, source / "index.ipynb")
    (source / "guides" / "static").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "static" / "course.svg", source / "guides" / "static")
    for name in GUIDES:
        (source / "guides" / f"{name}.md").write_text(guide((ROOT / "docs" / f"{name}.md").read_text()))
    (source / "reference").mkdir()
    for storey in STOREYS:
        (source / "reference" / f"{storey}.md").write_text(page(storey))
    (source / "reference" / "ops.md").write_text(ops_page())


def notebooks():
    return sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def guide(text):
    """A page of this folder; what is not on the site is linked to in the repository."""
    return re.sub(r"\]\(\.\./(.*?)\)", rf"]({REPOSITORY}/blob/HEAD/\1)", text)


def contents(caption, pages):
    """What the sidebar lists."""
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", "", ""])


def main(folder):
    lay_out(folder / "source")
    os.environ["NBPROP_ROOT"] = str(ROOT)
    html = folder / "html"
    shutil.rmtree(html, ignore_errors=True)
    status = build_main(["-W", "--keep-going", "-q", "-c", str(ROOT / "docs"), str(folder / "source"), str(html)])
    if status == 0:
        shutil.copytree(folder / "boards", html / "boards")
        for path in notebooks():  # what the download button gives has pictures in it
            shutil.copy(path, html / "_sources")
    print(html / "index.html" if status == 0 else "the site was not built")
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site")))
