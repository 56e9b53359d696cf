"""A board in a file: a page that needs nothing else, or a picture."""

import base64
import hashlib
import os
from dataclasses import dataclass
from html import escape
from pathlib import Path

from nbprop.checks import number

from ..base.folder import names
from .javascript import program, style
from .picture import figure
from .recording import MOMENTS, record

FOLDER = Path(__file__).parent
SIZE = 2e6  # bytes of a page
ENDINGS = (".html", ".png", ".svg")


@dataclass(frozen=True)
class Saved:
    """What was written: where, how many bytes, and what is in it in words."""

    path: Path
    size: int
    said: str = ""

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"{self.path}: {self.size / 1000:,.0f} kB. {self.said}".rstrip()


def save(board, path, title=None, moments=MOMENTS, size=SIZE, dpi=150) -> Saved:
    """See Board.save."""
    path = Path(os.fspath(path))
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"save: expected a file name that ends in {', '.join(ENDINGS)}; got {path.name!r}")
    if ending == ".html":
        content, said = page(board, path.stem if title is None else str(title), moments, number(above=0)("size", size))
        path.write_bytes(content)
    else:
        picture = figure(board.views, board._spec["columns"], number(above=0)("dpi", dpi))
        if title is not None:
            picture.suptitle(str(title))
        picture.savefig(path, format=ending[1:])
        said = ""
    return Saved(path, path.stat().st_size, said)


def page(board, title, moments=MOMENTS, size=SIZE, choices=True) -> tuple[bytes, str]:
    """The page, UTF-8, of at most `size` bytes, and what is in it in words. It asks the network for nothing, and may
    not: its policy allows the one script and the one style sheet that are in it, by their checksums."""
    words = "\n".join(view.describe() for view in board.views)
    empty = _html(board, title, words, "")
    recording = record(board, moments, max(0, (size - len(empty)) * 3 // 4 - 4), choices)
    return _html(board, title, words, base64.b64encode(recording.data).decode()), recording.said


def _html(board, title, words, recording):
    known = names()
    script = program(tuple(name for name in dict.fromkeys(view.name for view in board.views) if name in known))
    sheet = style("page")
    allowed = f"script-src '{_sum(script)}'; style-src '{_sum(sheet)}'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{sheet}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<div id="board"></div>
<p id="said" role="status">Nothing to be seen? Then a part of this file is missing, or the browser runs no scripts.</p>
<noscript><p>{escape(words)}</p></noscript>
<script type="module">{script}</script>
<script type="text/plain" id="recording">{recording}</script>
</body>
</html>
""".encode()


def _sum(text):
    """Its checksum, as a policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
