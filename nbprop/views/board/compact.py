"""Frames of many moments as few bytes: equal arrays and words once, numbers rounded to what can be seen, differences
from moment to moment, zlib. recording.js reads them."""

import json
import struct
import zlib
from typing import Any

import numpy as np

MAGIC = b"nbprop\0\1"  # the last byte is the version
EXACT = 64  # arrays of fewer numbers are not rounded
TINY = np.finfo(np.float32).smallest_normal  # below it a number has fewer digits than others
BITS = 11  # of a number that are kept after its first; more where its neighbours differ from it by little


def encode(index, panels) -> bytes:
    """index: a dict for the page. panels: for each panel its variants, each a dict of `options` and `frames`, one per
    moment: `arrays`, a dict of name -> array, and `said`, all else that a frame says.

    The bytes: MAGIC, the length of what follows (uint32, little-endian), the index with the places of the arrays (JSON,
    packed), and the arrays in series, each packed.
    """
    words, numbers = _Table(), _Series()
    told = [
        [
            {
                "options": variant["options"],
                "frames": list(
                    zip(numbers.of([frame["arrays"] for frame in variant["frames"]]),
                        (words.number(frame["said"]) for frame in variant["frames"]), strict=True)
                ),
            }
            for variant in panel
        ]
        for panel in panels
    ]  # fmt: skip
    index = {**index, "panels": told, "words": words.values, "series": numbers.places}
    head = zlib.compress(json.dumps(index, separators=(",", ":"), allow_nan=False, default=plain).encode(), 9)
    return b"".join([MAGIC, struct.pack("<I", len(head)), head, *numbers.packed])


def plain(value) -> Any:
    """A NumPy number as JSON has it."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"expected numbers, texts, lists and dicts, got {type(value).__name__}")


class _Table:
    """Equal words once."""

    def __init__(self) -> None:
        self.values, self._numbers = [], {}

    def number(self, value) -> int:
        key = json.dumps(value, default=plain)
        if key not in self._numbers:
            self._numbers[key] = len(self.values)
            self.values.append(value)
        return self._numbers[key]


class _Series:
    """Equal arrays once, numbered; those of one name that follow each other in time make a series.

    places: for each series its length in bytes, whether it is differences, and the shapes of its arrays."""

    def __init__(self) -> None:
        self.places, self.packed, self._numbers = [], [], {}

    def of(self, frames) -> list[dict[str, int]]:
        """For each of the frames (name -> array) a dict of name -> number of the array."""
        found = [{} for _ in frames]
        for name in dict.fromkeys(name for frame in frames for name in frame):
            new = []
            for frame, numbers in zip(frames, found, strict=True):
                if name not in frame:
                    continue
                array = rounded(frame[name])
                key = array.shape, array.tobytes()
                if key not in self._numbers:
                    self._numbers[key] = len(self._numbers)
                    new.append(array)
                numbers[name] = self._numbers[key]
            if new:
                differences, packed = pack(new)
                self.places.append([len(packed), differences, [array.shape for array in new]])
                self.packed.append(packed)
        return found


def rounded(array) -> np.ndarray:
    """The numbers as float32 with fewer binary digits, where neither picture nor readout shows it: the error is at most
    2^-12 of the number, and of the spread (highest less lowest) of its row and of its column. Whole numbers,
    subnormal ones, what is not finite, and arrays of few numbers stay as they are."""
    array = np.ascontiguousarray(array, np.float32).reshape(np.shape(array))
    if array.size < EXACT:
        return array
    finite = np.isfinite(array)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.ceil(np.log2(np.abs(array, dtype=np.float64) / _spread(array, finite))) + BITS + 1
    drop = 23 - np.clip(np.nan_to_num(needed, nan=23, posinf=23, neginf=0), BITS, 23).astype(np.uint32)
    less = (array.view(np.uint32) + ((np.uint32(1) << drop) >> np.uint32(1))) >> drop << drop
    less = less.view(np.float32)
    exact = ~finite | ~np.isfinite(less) | (array == np.rint(array)) | (np.abs(array) < TINY)
    return np.where(exact, array, less)


def _spread(array, finite):
    """For each number the smaller of the spreads of its row and its column that are not 0; infinite if both are."""
    found = np.full(array.shape, np.inf)
    for axis in range(max(array.ndim - 2, 0), array.ndim):
        high = np.max(array, axis=axis, keepdims=True, initial=-np.inf, where=finite).astype(np.float64)
        low = np.min(array, axis=axis, keepdims=True, initial=np.inf, where=finite).astype(np.float64)
        found = np.minimum(found, np.where(high > low, high - low, np.inf))
    return found


def pack(arrays) -> tuple[bool, bytes]:
    """(whether as differences, bytes) of float32 arrays that follow each other in time, whichever is shorter.

    As differences: of the bit patterns (uint32, modulo 2^32) from the array before, if that is as large; of all
    together first the lowest bytes, last the highest."""
    straight = zlib.compress(b"".join(array.tobytes() for array in arrays), 9)
    before, parts = None, []
    for array in arrays:
        now = array.view(np.uint32).ravel()
        parts.append(now if before is None or before.size != now.size else now - before)
        before = now
    planes = np.concatenate(parts).astype("<u4").view(np.uint8).reshape(-1, 4).T
    differences = zlib.compress(planes.tobytes(), 9)
    return (True, differences) if len(differences) < len(straight) else (False, straight)
