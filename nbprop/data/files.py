"""Files of the user's own: found or named, never loaded from the internet, and told apart by how they begin."""

import re
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from nbprop.checks import did_you_mean

URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
OTHERS = {
    b"PK\x03\x04": "an Excel or zip file; try nb.data.from_table(pandas.read_excel(path), target), or from_npz",
    b"\xd0\xcf\x11\xe0": "an old Excel file; try to save it as CSV",
    b"PAR1": "a Parquet file; try nb.data.from_table(pandas.read_parquet(path), target)",
    b"\x1f\x8b": "a gzip file; try to unpack it",
    b"\x93NUMPY": "an array of NumPy; try nb.data.from_arrays(X, y) of what numpy.load(path) gives",
    b"\x89PNG": "a picture; try nb.data.from_folder of a folder of pictures",
    b"%PDF": "a PDF file; try the table it was made of",
    b"{": "JSON; try nb.data.from_table(json.loads(text), target)",
    b"[{": "JSON; try nb.data.from_table(json.loads(text), target)",
}


def path_of(source: Any, what: str, folder: bool = False) -> Path:
    """The path, if there is such a file (or folder). ValueError for an address of the internet, FileNotFoundError with
    the nearest name, or IsADirectoryError and NotADirectoryError with what to try."""
    if not isinstance(source, (str, PathLike)):
        raise TypeError(f"{what}: expected a path, got {type(source).__name__}")
    if URL.match(fspath(source)):
        raise ValueError(
            f"{what}: expected a path on this machine, got the address {fspath(source)!r}: nbprop loads nothing from "
            "the internet; try to download it first, and give the path"
        )
    path = Path(fspath(source)).expanduser()
    if not path.exists():
        there = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        meant = did_you_mean(path.name, there) or f" in {str(path.parent.resolve())!r}"
        raise FileNotFoundError(f"{what}: expected {'a folder' if folder else 'a file'}, found no {str(path)!r}{meant}")
    if path.is_dir() and not folder:
        raise IsADirectoryError(
            f"{what}: expected a file, got the folder {str(path)!r}; try nb.data.from_folder for pictures"
        )
    if folder and not path.is_dir():
        raise NotADirectoryError(f"{what}: expected a folder, got the file {str(path)!r}")
    return path


def is_text(source: Any) -> bool:
    """The rows themselves, not a path."""
    return isinstance(source, str) and ("\n" in source or not source.strip())


def text_of(source: Any, encoding: str | None = None) -> tuple[str, str, list[str]]:
    """(text, what to call it, notes) of a path, an open file, or a text of several lines."""
    if hasattr(source, "read"):
        content, where = source.read(), "CSV file"
    elif is_text(source):
        content, where = source, "CSV text"
    else:
        path = path_of(source, "CSV")
        content, where = path.read_bytes(), repr(path.name)
    notes = []
    if not isinstance(content, str):
        for start, kind in OTHERS.items():
            if content.startswith(start):
                raise ValueError(f"{where}: expected rows of text, got {kind}")
        content, notes = _decoded(content, encoding, where)
    if "\0" in content:
        raise ValueError(f"{where}: expected rows of text, got a file of another kind: there are zero bytes in it")
    return content.removeprefix("\ufeff"), where, notes


def _decoded(content, encoding, where):
    if encoding is None and content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    try:
        return content.decode(encoding or "utf-8"), []
    except LookupError:
        raise ValueError(f"encoding: expected a name such as 'utf-8' or 'cp1252', got {encoding!r}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        if encoding is not None:
            raise ValueError(f"{where}, line {line}: expected text in {encoding}, got {error.reason}") from None
        note = f"the file is not UTF-8 (line {line}): read as Windows' Latin, cp1252; encoding= says otherwise"
        return content.decode("cp1252", "replace"), [note]
