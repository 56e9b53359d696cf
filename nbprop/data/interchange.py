"""The data frame interchange protocol (data-apis.org, 2022): the columns of any frame that speaks it, as arrays.

What is copied out is plain memory: numbers and dates as they are, texts from their UTF-8, categories from their codes.
"""

from ctypes import c_char
from typing import Any

import numpy as np

INT, UINT, FLOAT, BOOL, STRING, DATETIME, CATEGORY = 0, 1, 2, 20, 21, 22, 23  # DtypeKind of the protocol
NULL_NAN, NULL_SENTINEL, NULL_BITS, NULL_BYTES = 1, 2, 3, 4  # ColumnNullType
UNITS = {"s": "s", "m": "ms", "u": "us", "n": "ns"}


def columns(source: Any, what: str) -> tuple[dict[str, np.ndarray], frozenset[str]]:
    """Name -> values (n,) of each column, and the names of those of categories. What is missing is NaN, NaT or None."""
    frame = source.__dataframe__(allow_copy=True)
    names, made, categorical = [str(name) for name in frame.column_names()], {}, set()
    chunks = list(frame.get_chunks())
    for name in names:
        parts = [_column(chunk.get_column_by_name(name), f"{what}, column {name!r}") for chunk in chunks]
        made[name] = np.concatenate(parts) if parts else np.zeros(0)
        if chunks and chunks[0].get_column_by_name(name).dtype[0] == CATEGORY:
            categorical.add(name)
    return made, frozenset(categorical)


def _column(column, what):
    n, start = column.size(), column.offset
    try:
        (kind, bits, form, _), buffers = column.dtype, column.get_buffers()
    except NotImplementedError as error:
        raise TypeError(
            f"{what}: expected numbers, texts, dates or categories, got what the frame cannot hand on ({error})"
        ) from None
    if kind == STRING:
        values = _texts(buffers, n, start)
    elif kind == CATEGORY:
        codes = _numbers(buffers["data"], n, start)
        known = _column(column.describe_categorical["categories"], what).astype(object)
        inside = (codes >= 0) & (codes < len(known))
        values = np.full(n, None, object)
        values[inside] = known[codes[inside]]
    elif kind == DATETIME:
        values = _dates(_numbers(buffers["data"], n, start), form)
    elif kind in (INT, UINT, FLOAT):
        values = _numbers(buffers["data"], n, start)
    elif kind == BOOL:
        raw = buffers["data"][0]
        values = _bits(raw, n, start) if bits == 1 else _memory(raw, np.uint8)[start : start + n] != 0
    else:
        raise TypeError(f"{what}: expected numbers, texts, dates or categories, got the data type {column.dtype}")
    return _with_missing(column, buffers, values, n, start)


def _with_missing(column, buffers, values, n, start):
    how, mark = column.describe_null
    if how in (NULL_BITS, NULL_BYTES) and buffers["validity"] is not None:
        raw = buffers["validity"][0]
        found = _bits(raw, n, start) if how == NULL_BITS else _memory(raw, np.uint8)[start : start + n] != 0
        missing = found == bool(mark)
    elif how == NULL_SENTINEL and column.dtype[0] in (INT, UINT, FLOAT):
        missing = values == mark
    else:
        return values
    if not missing.any():
        return values
    if values.dtype.kind == "M":
        values[missing] = np.datetime64("NaT")
        return values
    values = values.astype(object if values.dtype.kind in "Ob" else np.float64)
    values[missing] = None if values.dtype.kind == "O" else np.nan
    return values


def _memory(buffer, dtype) -> Any:
    """A copy of what a buffer holds; of whole elements only."""
    size = buffer.bufsize // np.dtype(dtype).itemsize * np.dtype(dtype).itemsize
    return np.frombuffer((c_char * size).from_address(buffer.ptr), dtype).copy() if size else np.zeros(0, dtype)


def _numbers(data, n, start):
    buffer, (kind, bits, _, _) = data
    letter = {INT: "i", UINT: "u", FLOAT: "f", DATETIME: "i"}[kind]
    return _memory(buffer, np.dtype(f"{letter}{bits // 8}"))[start : start + n]


def _bits(buffer, n, start):
    return np.unpackbits(_memory(buffer, np.uint8), bitorder="little")[start : start + n] == 1


def _texts(buffers, n, start):
    ends = _numbers(buffers["offsets"], n + 1, start)
    text = _memory(buffers["data"][0], np.uint8).tobytes()
    made = np.empty(n, object)
    made[:] = [text[a:b].decode("utf-8", "replace") for a, b in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
    return made


def _dates(values, form):
    """form: of Arrow, "tdD" (days), "tdm" (milliseconds), "tsu:UTC" (microseconds of a time zone)."""
    unit = {"tdD": "D", "tdm": "ms"}.get(form) or UNITS[form[2]]
    return values.astype(np.int64).view(f"datetime64[{unit}]")
