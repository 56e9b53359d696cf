"""The course, put into a folder of yours. The notebooks come with nbprop; what you have changed stays as it is."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

PLAYGROUND, INDEX = "00-playground.ipynb", "index.ipynb"
KINDS = ".ipynb", ".jsonl"
PLACES = Path(__file__).parent, Path(__file__).parents[1]  # notebooks/ is in the installed package, or beside it
RECORD = ".nbprop-course.json"  # name of a notebook -> the hash of what was put there: is it still that?


class Put(NamedTuple):
    """What `put` has done, as names of notebooks."""

    written: list[str]  # new, or renewed where the one of an older nbprop was untouched
    same: list[str]  # was there already
    kept: list[str]  # yours: changed since it was put there, or never from here
    newer: list[str]  # of those kept: nbprop has a newer one than the one that you have changed


def names() -> list[str]:
    """All files of the course: its notebooks, and the results that some of them read. RuntimeError if this installation
    came without them."""
    return sorted(path.name for path in _home().iterdir() if path.suffix in KINDS)


def put(folder: "str | os.PathLike[str]", only: "tuple[str, ...]" = ()) -> Put:
    """Put the course, or only these of its notebooks, into a folder, which is made if it is not there.

    A notebook that is there and is not as it was put there is left alone. OSError where nothing can be written.
    """
    folder, done = Path(folder), Put([], [], [], [])
    folder.mkdir(parents=True, exist_ok=True)
    record = _recorded(folder)
    for name in only or names():
        ours = (_home() / name).read_bytes()
        digest, there = sha256(ours).hexdigest(), folder / name
        was = record.get(name)
        found = sha256(there.read_bytes()).hexdigest() if there.exists() else None
        if found == digest:
            done.same.append(name)
        elif found in (None, was):
            _write(there, ours)
            done.written.append(name)
        else:
            done.kept.append(name)
            if was not in (None, digest):
                done.newer.append(name)
            continue  # the record says from which one yours has come
        record[name] = digest
    text = json.dumps(record, indent=1).encode()
    if not (folder / RECORD).exists() or (folder / RECORD).read_bytes() != text:
        _write(folder / RECORD, text)
    return done


def _home():
    for place in PLACES:
        if (place / "notebooks" / INDEX).is_file():
            return place / "notebooks"
    raise RuntimeError(f"the notebooks of the course are not where nbprop is, in {PLACES[0]}: install it again")


def _recorded(folder):
    """{} where there is no record, or none that can be read: then all that differs counts as yours."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write(path, content):
    """Whole or not at all: half a notebook would count as yours the next time."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
