"""Draws the map of the course and writes the table of its lessons, from one list: LESSONS in nbprop/record/lessons.py.

    python docs/course_map.py

puts both into notebooks/index.ipynb, and the map into docs/static/course.svg, where the page for teachers has it.
"""

import base64
import hashlib
import io
import re
import textwrap
from pathlib import Path

import matplotlib
import nbformat
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from nbprop.record.lessons import LESSONS

ROOT = Path(__file__).parents[1]
INDEX, DRAWING = ROOT / "notebooks" / "index.ipynb", ROOT / "docs" / "static" / "course.svg"
NAME, MARK = "course.png", "nbprop course"  # of the attachment, and of what the pictures say that they show
BOX, GAP = (1.62, 0.62), (0.42, 0.2)  # inches: of a lesson, and between two
INK, PAPER, EDGE, ARROW = "#1b2733", "#eef4fa", "#0072b2", "#8a929a"  # seen on a light and on a dark page
ROWS = {0: 1, 1: 3, 2: 1, 3: 3, 9: 0, 4: 1, 13: 2, 6: 5, 5: 1, 12: 2, 7: 3, 15: 4, 21: 6, 8: 0, 10: 1, 14: 4, 20: 5}
ROWS |= {16: 0, 11: 1, 17: 3, 22: 4, 18: 1, 19: 2, 23: 0}
LAST = 7  # where a lesson stands to which nobody has given a row


def digest():
    """Of what is drawn: a picture of another table is told by it."""
    drawn = [(number, page.title, page.needs, page.minutes) for number, page in LESSONS.items()]
    return hashlib.sha256(repr(drawn).encode()).hexdigest()[:16]


def column(number):
    """A lesson stands one column behind the last that it needs."""
    return 1 + max(map(column, LESSONS[number].needs), default=-1)


def places():
    """The upper left corners of the boxes, in inches."""
    return {n: (column(n) * (BOX[0] + GAP[0]), ROWS.get(n, LAST) * (BOX[1] + GAP[1])) for n in LESSONS}


def draw():
    """The map, a figure."""
    at = places()
    width, height = (max(place[i] for place in at.values()) + BOX[i] for i in (0, 1))
    figure = Figure(figsize=(width + 0.1, height + 0.1))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-0.05, width + 0.05), ylim=(height + 0.05, -0.05))
    ax.axis("off")
    for number, page in LESSONS.items():
        for (x, y), (to, down) in ((at[needed], at[number]) for needed in page.needs):
            ends = (x + BOX[0], y + BOX[1] / 2), (to, down + BOX[1] / 2)
            ax.add_patch(FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=9, color=ARROW, shrinkA=0, shrinkB=0))
    for number, (x, y) in at.items():
        page = LESSONS[number]
        ax.add_patch(FancyBboxPatch((x, y), *BOX, boxstyle="round,pad=0,rounding_size=0.07", fc=PAPER, ec=EDGE, lw=1))
        ax.text(x + 0.08, y + 0.1, f"{number}", color=EDGE, size=9, weight="bold", va="top")
        ax.text(x + BOX[0] - 0.08, y + 0.1, f"{page.minutes} min", color=INK, size=7, va="top", ha="right")
        title = "\n".join(textwrap.wrap(page.title, 21))
        ax.text(x + BOX[0] / 2, y + 0.41, title, color=INK, size=8, va="center", ha="center", linespacing=1)
    return figure


def words():
    """The map for those who do not see it."""
    needs = [f"{n} needs {' and '.join(map(str, page.needs))}" for n, page in LESSONS.items() if page.needs]
    return "Map of the lessons: " + ", ".join(needs)


def table():
    """The rows of the index, Markdown."""
    cells = [
        (n, f"[{page.title}]({page.stem}.ipynb)", page.shows, ", ".join(map(str, page.needs)), page.minutes)
        for n, page in LESSONS.items()
    ]
    rows = [f"| {' | '.join(map(str, row))} |" for row in cells]
    return "\n".join(["| | Notebook | What you see | needs | min |", "|--:|:--|:--|:--|--:|", *rows])


def picture(format):
    """The map as bytes: "png" or "svg"; the same on every run."""
    known = {"Description": f"{MARK} {digest()}"} | ({"Date": None} if format == "svg" else {})
    made = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": MARK, "font.family": "sans-serif"}):
        draw().savefig(made, format=format, transparent=True, dpi=110, metadata=known)
    return made.getvalue()


def main():
    notebook = nbformat.read(INDEX, as_version=4)
    (cell,) = notebook.cells
    cell.source = re.sub(r"^\| \| Notebook.*?(?=\n\n)", lambda _: table(), cell.source, flags=re.M | re.S)
    cell.source = re.sub(r"!\[.*?\]\(attachment:.*?\)", lambda _: f"![{words()}](attachment:{NAME})", cell.source)
    cell.attachments = {NAME: {"image/png": base64.b64encode(picture("png")).decode()}}
    nbformat.write(notebook, INDEX)
    DRAWING.write_bytes(picture("svg"))


if __name__ == "__main__":
    main()
