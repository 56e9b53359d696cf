"""Frames of every make: by the names of their columns, by the interchange protocol, as Arrow streams."""

import datetime
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nbprop.data import from_arrays, from_table, interchange
from nbprop.data.table import is_table, opened

COLUMNS = {
    "number": [1, None, 3],
    "text": ["xä", None, ""],
    "truth": [True, None, False],
    "when": [datetime.datetime(2020, 1, 1, 6), None, datetime.datetime(2020, 1, 3)],
}


def plain(values):
    return [None if value is None or value != value else value for value in values.tolist()]


def check(table):
    assert plain(table.columns["number"]) == [1, None, 3]
    assert plain(table.columns["text"]) == ["xä", None, ""]
    assert plain(table.columns["truth"]) == [True, None, False]
    assert [None if v is None else v.isoformat() for v in table.columns["when"].astype("datetime64[us]").tolist()] == [
        "2020-01-01T06:00:00", None, "2020-01-03T00:00:00"]  # fmt: skip
    assert plain(table.columns["kind"]) == ["xä", None, "xä"] and table.categorical == {"kind"}


def frames():
    """(name, function that makes the frame) of each library."""

    def pandas():
        made = pytest.importorskip("pandas").DataFrame(COLUMNS)
        made["kind"] = made["text"].where(made["number"] != 3, "xä").astype("category")
        return made

    def polars():
        made = pytest.importorskip("polars")
        kind = made.Series("kind", ["xä", None, "xä"], dtype=made.Categorical)
        return made.DataFrame(COLUMNS).with_columns(kind)

    def pyarrow():
        arrow = pytest.importorskip("pyarrow")
        return arrow.table(COLUMNS).append_column("kind", arrow.array(["xä", None, "xä"]).dictionary_encode())

    return {each.__name__: each for each in (pandas, polars, pyarrow)}


@pytest.mark.parametrize("name", frames())
def test_frames_by_their_columns(name):
    frame = frames()[name]()
    assert is_table(frame) and not is_table(frame["number"])
    check(opened(frame))


@pytest.mark.parametrize("name", ["polars", "pyarrow"])
def test_frames_as_arrow_streams(name):
    pytest.importorskip("pyarrow")
    frame = frames()[name]()

    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return frame.__arrow_c_stream__(requested_schema)

    assert is_table(Stream())
    check(opened(Stream()))


def test_an_arrow_stream_that_nothing_reads_is_refused(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    stream = type("Stream", (), {"__arrow_c_stream__": lambda self: None})()
    with pytest.raises(TypeError, match="got Stream, which hands on an Arrow stream: try pip install pyarrow"):
        opened(stream)


def test_dictionaries_of_pyarrow_keep_what_is_missing():
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"kind": arrow.array(["u", None, "v"] * 8).dictionary_encode()})
    with pytest.raises(ValueError, match="got None at row 1, column 'kind'"):
        from_arrays(table, np.arange(24) % 2, one_hot=True)


# --------------------------------------------------------------------------------------------- the interchange protocol


class Buffer:
    def __init__(self, array):
        self.array = np.ascontiguousarray(array)
        self.bufsize, self.ptr = self.array.nbytes, self.array.ctypes.data


class Column:
    """A column of the protocol. null: how what is missing is told."""

    def __init__(self, values, dtype, buffers, null=(0, None), offset=0, categories=None):
        self.n, self.dtype, self.describe_null, self.offset = values, dtype, null, offset
        self.buffers = {"data": None, "validity": None, "offsets": None} | buffers
        self.describe_categorical = {"is_dictionary": True, "categories": categories}

    def size(self):
        return self.n

    def get_buffers(self):
        return self.buffers


def frame_of(*chunks):
    made = [SimpleNamespace(get_column_by_name=dict(chunk).__getitem__) for chunk in chunks]
    whole = SimpleNamespace(column_names=lambda: list(chunks[0]), get_chunks=lambda: made)
    return type("Frame", (), {"__dataframe__": lambda self, allow_copy: whole})()


def kind_of(array):
    return {"i": interchange.INT, "u": interchange.UINT, "f": interchange.FLOAT}[array.dtype.kind], array.itemsize * 8


@given(
    values=st.lists(st.integers(0, 100), min_size=1, max_size=20),
    dtype=st.sampled_from(["int8", "int64", "uint16", "float32", "float64"]),
    missing=st.sets(st.integers(0, 19)),
    how=st.sampled_from(["none", "nan", "sentinel", "bits 0", "bits 1", "bytes 0", "bytes 1"]),
    offset=st.integers(0, 9),
)
@settings(deadline=None)
def test_numbers_and_what_is_missing(values, dtype, missing, how, offset):
    array = np.array(values, dtype)
    holes = np.isin(np.arange(len(values)), [*missing])
    if how == "none" or (how == "nan" and array.dtype.kind != "f"):
        how, holes = "none", np.zeros(len(values), bool)
    if how in ("nan", "sentinel"):
        array[holes] = np.nan if how == "nan" else 101
    kind, bits = kind_of(array)
    buffers = {"data": (Buffer(np.concatenate([np.zeros(offset, dtype), array])), (kind, bits, "", "="))}
    null = {"none": (0, None), "nan": (1, None), "sentinel": (2, 101)}.get(how)
    if null is None:
        width, mark = how.split()
        null = (interchange.NULL_BITS if width == "bits" else interchange.NULL_BYTES, int(mark))
        mask = np.concatenate([np.zeros(offset, bool), holes if mark == "1" else ~holes])
        validity = np.packbits(mask, bitorder="little") if width == "bits" else mask.astype(np.uint8)
        buffers["validity"] = Buffer(validity), (interchange.BOOL, 1 if width == "bits" else 8, "", "=")
    column = Column(len(values), (kind, bits, "", "="), buffers, null, offset)
    found = opened(frame_of({"a": column}, {"a": column})).columns["a"]
    expected = [None if hole else value for value, hole in zip(values, holes, strict=True)] * 2
    assert plain(found) == expected


def test_texts_truths_dates_and_categories_of_the_protocol():
    text = "xäyz".encode()
    offsets = np.array([0, 3, 3, 5], np.int64)
    data = (Buffer(np.frombuffer(text, np.uint8)), (interchange.UINT, 8, "C", "="))
    texts = Column(
        3, (interchange.STRING, 8, "u", "="), {"data": data, "offsets": (Buffer(offsets), (0, 64, "l", "="))}
    )
    bits = Column(
        3, (interchange.BOOL, 1, "b", "="), {"data": (Buffer(np.array([0b101], np.uint8)), (20, 1, "b", "="))}
    )
    days = np.array([0, 1, 18262], np.int32)
    when = Column(
        3, (interchange.DATETIME, 32, "tdD", "="), {"data": (Buffer(days), (interchange.DATETIME, 32, "", "="))}
    )
    codes = np.array([2, -1, 0], np.int8)
    of = Column(3, (interchange.CATEGORY, 8, "c", "="), {"data": (Buffer(codes), (0, 8, "c", "="))}, (2, -1), 0, texts)
    table = opened(frame_of({"texts": texts, "truth": bits, "when": when, "kind": of}))
    assert table.columns["texts"].tolist() == ["xä", "", "yz"] and table.columns["truth"].tolist() == [
        True,
        False,
        True,
    ]
    assert table.columns["when"].tolist()[2] == datetime.date(2020, 1, 1)
    assert table.columns["kind"].tolist() == ["yz", None, "xä"] and table.categorical == {"kind"}
    other = Column(3, (99, 8, "", "="), {})
    with pytest.raises(TypeError, match="table, column 'a': expected numbers, texts, dates or categories"):
        opened(frame_of({"a": other}))


@pytest.mark.parametrize("name", ["pandas", "pyarrow"])
def test_frames_by_the_protocol(name):
    frame = frames()[name]()
    frame = frame.drop(columns="truth") if name == "pandas" else frame
    if not hasattr(frame, "__dataframe__"):
        pytest.skip("this version does not speak it")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas is about to give it up
        columns, categorical = interchange.columns(frame, "table")
    assert plain(columns["number"]) == [1, None, 3] and plain(columns["text"]) == ["xä", None, ""]
    assert plain(columns["kind"]) == ["xä", None, "xä"] and categorical == {"kind"}


def test_a_frame_a_dict_and_rows_are_the_same_data():
    pandas = pytest.importorskip("pandas")
    columns = {"size": np.arange(24) * 1.5, "kind": ["u", "v", "w"] * 8, "y": np.arange(24) % 2}
    frame = pandas.DataFrame(columns)
    others = [columns, frame.to_dict("list"), frame.to_dict("records"), frame.to_records(index=False)]
    one = from_table(frame, "y")
    for other in others:
        data = from_table(other, "y")
        assert data.features == one.features and data.told == one.told
        np.testing.assert_array_equal(data.X_train, one.X_train)
        np.testing.assert_array_equal(data.inputs_of(other), one.inputs_of(frame.iloc[:, ::-1]))
    np.testing.assert_array_equal(one.inputs_of(frame.iloc[5]), one.inputs_of(frame)[5:6])
    with pytest.raises(ValueError, match="X: expected the columns 'size', 'kind', in any order, got no"):
        one.inputs_of(frame["size"])
