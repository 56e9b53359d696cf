"""How a board is put into a notebook: the live widget, and in JupyterLab below it a picture for when nothing is alive.

The picture is an output of its own, which a live board hides. It carries a tag by which the page finds it: the page
puts a newer picture into it now and then (still.js), so that a notebook that was saved at any time shows what was to be
seen, where no widget can live: in JupyterLab without a kernel, on GitHub, in an export.

Pages other than those of JupyterLab and Notebook 7 might show both, and cannot put a newer one: they get one output,
widget and picture, of which they show what they can. So does what is not put below the cell itself.
"""

import base64
import secrets
import struct
import sys
import zlib
from typing import Any

from nbprop import cells

WIDGET = "application/vnd.jupyter.widget-view+json"
PNG = "image/png"
PASSING = ("", "decorator", "IPython.core.formatters")  # modules that a call of `_ipython_display_` comes through
HEAD = 44  # characters of a PNG in base64 before its second chunk
# One pixel that nobody sees: in the place of a picture that is still to come.
NOTHING = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


def new_tag() -> str:
    """A chunk of text in a PNG, in base64: without effect, but found in the data of every picture that has it."""
    body = b"tEXtnbprop\0" + secrets.token_hex(16).encode()  # with length and checksum a multiple of three bytes
    return base64.b64encode(struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))).decode()


def tagged(png: str, chunk: str) -> str:
    """The picture (base64) with the tag."""
    return png[:HEAD] + chunk + png[HEAD:]


def show(widget: Any, board: Any) -> None:
    """What a cell of JupyterLab shows of a board, or of a widget with a board in it: two outputs.

    NotImplementedError elsewhere, and when it is closed: then IPython asks for the MIME bundle, as if this were not
    there.
    """
    if not (cells.in_jupyterlab() and _below_the_cell()) or widget.comm is None:
        raise NotImplementedError
    from IPython.display import publish_display_data

    bundle: Any = widget._repr_mimebundle_()
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    still = {key: value for key, value in data.items() if key != WIDGET}
    still[PNG] = tagged(still.get(PNG, NOTHING).replace("\n", ""), board._spec["tag"])
    publish_display_data({WIDGET: data[WIDGET]}, metadata)
    publish_display_data(still)


def _below_the_cell() -> bool:
    """Is it the last value of a cell or `display(it)`? Not `Output.append_display_data(it)`, which takes a bundle, nor
    `display(it, display_id=...)`, which wants one output, to change it later. IPython tells `_ipython_display_` no
    more than who calls."""
    frame: Any = sys._getframe(1)
    while (asks := frame.f_globals.get("__name__", "")) in PASSING or asks.startswith("nbprop."):
        frame = frame.f_back
    return asks.startswith("IPython.core.display") and frame.f_locals.get("display_id") is None
