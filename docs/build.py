"""Builds the site: the course with the outputs that are kept in the notebooks, and a reference made of the docstrings.

    pip install -e ".[docs]" && python docs/build.py

It is written to build/site/html (or html/ in the folder that is named) and needs no server and no network: open
index.html. A warning is an error.
"""

import os
import shutil
import sys
from pathlib import Path

import nbformat
from reference import STOREYS, page
from sphinx.cmd.build import build_main

ROOT = Path(__file__).parents[1]


def lay_out(source):
    """The pages, as Sphinx wants them, in one folder."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "notebooks", source, ignore=shutil.ignore_patterns(".*"))
    lessons = sorted(path.stem for path in source.glob("[0-9]*.ipynb"))
    reference = [f"reference/{storey}" for storey in STOREYS]
    index = nbformat.read(source / "index.ipynb", as_version=4)
    index.cells[-1].source += "\n\n" + contents("Course", lessons) + contents("Reference", reference)
    nbformat.write(index, source / "index.ipynb")
    (source / "reference").mkdir()
    for storey in STOREYS:
        (source / "reference" / f"{storey}.md").write_text(page(storey))


def contents(caption, pages):
    """What the sidebar lists."""
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", "", ""])


def main(folder):
    lay_out(folder / "source")
    os.environ["NBPROP_ROOT"] = str(ROOT)
    html = folder / "html"
    shutil.rmtree(html, ignore_errors=True)
    status = build_main(["-W", "--keep-going", "-q", "-c", str(ROOT / "docs"), str(folder / "source"), str(html)])
    print(html / "index.html" if status == 0 else "the site was not built")
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site")))
