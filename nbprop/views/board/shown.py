"""How a board is put into a notebook: the live widget, and below it a picture that stays when nothing is alive.

The picture is an output of its own, which a live board hides. It carries a tag by which the page finds it: the page
puts a newer picture into it now and then (still.js), so that a notebook that was saved at any time shows what was to be
seen, where no widget can live: in JupyterLab without a kernel, on GitHub, in an export.
"""

import base64
import secrets
import struct
import zlib
from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"
PNG = "image/png"
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
    """What a cell shows of a board, or of a widget with a board in it: two outputs."""
    from IPython.display import publish_display_data

    bundle: Any = widget._repr_mimebundle_()
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {"text/plain": repr(widget)}, {})
    still = {key: value for key, value in data.items() if key != WIDGET}
    if WIDGET in data:
        publish_display_data({WIDGET: data[WIDGET]}, metadata)
        if "text/html" not in still:
            still[PNG] = tagged(still.get(PNG, NOTHING).replace("\n", ""), board._spec["tag"])
    publish_display_data(still)
