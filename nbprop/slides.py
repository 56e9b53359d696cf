"""Slides from a lesson: which of its cells begins a slide. A preprocessor of nbconvert, and nothing that is imported.

    jupyter nbconvert --to slides --SlidesExporter.preprocessors=nbprop.slides.by_headings 01-chain-rule.ipynb

The notebook needs no marks for it and is not changed. docs/teaching.md tells more.
"""

import copy
import re
from typing import Any

HEADING = re.compile(r"^##? ", re.MULTILINE)  # a slide to the right; what follows in its section stands below it
LEFT_OUT = ("## Sources",)


def by_headings(notebook: Any, resources: Any) -> "tuple[Any, Any]":
    """(a copy of the notebook with the kinds of its slides, resources).

    A heading begins a slide. Each paragraph of prose before code begins one below it, together with the code and what
    that has printed or drawn. Exercises have a slide each; what was left to be filled in stays with its task. Sources
    are left out. A cell that says itself what it is (View, Property Inspector, Slide Type) stays that.
    """
    cells, skipping, after_code = [], False, False
    for cell in notebook["cells"]:
        for part in _parts(cell):
            kind = _kind(part, after_code)
            if kind == "slide":
                skipping = part["source"].startswith(LEFT_OUT)
            part["metadata"].setdefault("slideshow", {}).setdefault("slide_type", "skip" if skipping else kind)
            after_code = part["cell_type"] == "code" and ".check(" not in part["source"] and bool(part["source"])
            cells.append(part)
    made = copy.copy(notebook)
    made["cells"] = cells
    return made, resources


def _kind(part, after_code):
    if part["cell_type"] == "markdown" and HEADING.match(part["source"]):
        return "slide"
    return "subslide" if part["cell_type"] == "markdown" and after_code else "-"


def _parts(cell):
    """A cell of prose in pieces, each of which begins with a heading or the cell; other cells as they are."""
    starts = [0, *(at.start() for at in HEADING.finditer(_without_code(cell["source"])) if at.start())]
    if cell["cell_type"] != "markdown" or len(starts) == 1:
        return [copy.deepcopy(cell)]
    parts = []
    for k, (start, end) in enumerate(zip(starts, [*starts[1:], None], strict=True)):
        part = copy.deepcopy(cell)
        part["source"] = cell["source"][start:end].strip()
        if "id" in part and k:
            part["id"] = f"{part['id']}-{k}"[:64]
        parts.append(part)
    return parts


def _without_code(source):
    """The same number of characters, where no line of a block of code looks like a heading."""
    return re.sub(r"^```.*?^```", lambda block: re.sub("[^\n]", ".", block[0]), source, flags=re.MULTILINE | re.DOTALL)
