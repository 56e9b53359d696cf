"""The file of a sweep: a line of JSON for each run, appended as it ends. No pickle."""

import contextlib
import errno
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

MARK, FORMAT = "nbprop sweep", 1
Row = tuple[tuple[int, int], dict[str, Any]]  # place in the file, and what it says


class Results:
    """Lines on disk, and a lock on them: one sweep writes a file.

    What cannot be written (a full disk) is kept in memory and written when there is room: `problem` says why, and
    `unwritten` how many. Without a path it is a file that goes with the sweep.
    """

    def __init__(self, path: "str | os.PathLike[str] | None", header: "dict[str, Any]") -> None:
        self.path = None if path is None else Path(path)
        self.problem, self._waiting = "", []
        self.earlier: list[Row] = []  # what was there
        if self.path is None:
            self._file: Any = tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115 (as long as the sweep)
        else:
            self._file = _opened(self.path)
        try:
            if self.path is not None:
                _lock(self._file, self.path)
            self._begin({MARK: FORMAT, **header})
        except BaseException:
            self._file.close()
            raise

    def _begin(self, header):
        self._file.seek(0)
        with os.fdopen(os.dup(self._file.fileno()), "rb") as lines:
            there, self.earlier, self._end = scanned(lines, self.path)
        if there is None and os.fstat(self._file.fileno()).st_size > 0:
            raise ValueError(f"{self.path} is not the file of a sweep, and nothing of it is written over: name another")
        if there is not None:
            self._same(there, header)
        self._file.truncate(self._end)
        if there is None:
            self._append(_line(header))

    def _same(self, there, header):
        """ValueError if its results are not of the same kind."""
        if there[MARK] != FORMAT:
            raise ValueError(f"{self.path} was written by another version of nbprop: name another file")
        for name in ("make", "measure", "steps"):
            old, new = there.get(name), header.get(name)
            if old != new and (name == "steps" or None not in (old, new)):
                was = f" ({old}, now {new})" if name == "steps" else ""
                raise ValueError(
                    f"{self.path} was begun with another {name}{was}, whose results would be mixed with these: name "
                    "another file, or delete it to begin anew"
                )

    def add(self, run: int, result: "dict[str, Any]") -> None:
        """What came of a run is to be written."""
        self._waiting.append((run, _line(result)))

    def write(self) -> "list[tuple[int, tuple[int, int]]]":
        """Write what waits, as far as there is room; of each run its place in the file."""
        written = []
        while self._waiting:
            run, line = self._waiting[0]
            try:
                written.append((run, self._append(line)))
            except OSError as error:
                self.problem = error.strerror or str(error)
                return written
            self._waiting.pop(0)
        self.problem = ""
        return written

    @property
    def unwritten(self) -> int:
        return len(self._waiting)

    def _append(self, line):
        """The line as a whole, or nothing of it."""
        at, rest = self._end, memoryview(line)
        self._file.seek(at)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(at)
            raise
        self._end = at + len(line)
        return at, len(line)

    def at(self, place: "tuple[int, int]") -> "dict[str, Any]":
        """The result that is there."""
        if self._file.closed:
            raise ValueError("this sweep is closed: nb.sweep(..., file=...) with the same file reads it again")
        return row_at(self._file, place)

    def close(self) -> None:
        if not self._file.closed:
            _unlock(self._file)  # which a process that was forked meanwhile holds open, too
            self._file.close()

    def __del__(self) -> None:  # a sweep that nobody has any more
        if hasattr(self, "_file"):
            self._file.close()


def scanned(lines: Any, path: Any) -> "tuple[dict[str, Any] | None, list[Row], int]":
    """The header, None where it is no file of a sweep; the rows, without their histories; where the last whole one
    ends: behind it is at most one that was being written when the sweep was killed. ValueError if it is damaged."""
    header, rows, end = None, [], 0
    for number, line in enumerate(lines, 1):
        row = _row(line)
        if row is None:
            if header is not None and any(_row(other) is not None for other in lines):
                raise ValueError(f"line {number} of {path} is damaged, and others follow it: take it out")
            break
        if header is None:
            if MARK not in row:
                break
            header = row
        else:
            row.pop("history", None)
            rows.append(((end, len(line)), row))
        end += len(line)
    return header, rows, end


def row_at(file: Any, place: "tuple[int, int]") -> "dict[str, Any]":
    """The result that is there."""
    file.seek(place[0])
    return _row(file.read(place[1])) or {}


def _opened(path):
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} for {path.name}")
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b", buffering=0)


def _lock(file, path):
    """BlockingIOError if another sweep writes this file, of this process or of another one."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(2**30)  # a byte that is never written
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            raise OSError(f"{path} cannot be locked ({error}): put it on a file system that has locks") from error
        raise BlockingIOError(
            f"{path} is being written by another sweep: name another file, or end that one with sweep.close()"
        ) from error


def _unlock(file):
    if sys.platform == "win32":
        import msvcrt

        file.seek(2**30)
        with contextlib.suppress(OSError):
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_UN)


def _line(value):
    return json.dumps(_written(value), allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _row(line) -> "dict[str, Any] | None":
    """What a line says; None where it is no whole line of ours."""
    try:
        row = _restored(json.loads(line)) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _written(value):
    """NaN and infinity, which JSON has not: {"float": "nan"}."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, dict):
        return {name: _written(one) for name, one in value.items()}
    return [_written(one) for one in value] if isinstance(value, (list, tuple)) else value


def _restored(value):
    if isinstance(value, dict):
        if value.keys() == {"float"} and value["float"] in ("nan", "inf", "-inf"):
            return float(value["float"])
        return {name: _restored(one) for name, one in value.items()}
    return [_restored(one) for one in value] if isinstance(value, list) else value
