"""CSV files: separators, decimal commas, quotes, marks, headers; errors name the line."""

import csv
import io
import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nbprop as nb
from nbprop.data import from_csv
from nbprop.data.delimited import parsed

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cc", "Cs"]), max_size=12)
ODD = re.compile(r"[\d.+\-#?,]|na|inf|n/a|null|none|<na>", re.IGNORECASE)
CATEGORY = TEXT.map(str.strip).filter(lambda text: len(text) > 1 and not ODD.match(text))


def columns(text, **how):
    return {name: column.tolist() for name, column in parsed(text, **how).columns.items()}


@given(
    rows=st.lists(st.tuples(st.floats(-1e6, 1e6), CATEGORY, st.integers(0, 99)), min_size=2, max_size=20),
    sep=st.sampled_from(",;\t|"),
    comma=st.booleans(),
    header=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@settings(deadline=None, max_examples=60)
def test_whatever_is_written_is_read(rows, sep, comma, header, end, bom, quoting):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=sep, lineterminator=end, quoting=quoting)
    comma = comma and sep != ","
    if header:
        writer.writerow(["size", "kind", "count"])
    for size, kind, count in rows:
        number = f"{size:.6f}"
        writer.writerow([number.replace(".", ",") if comma else number, kind, count])
    text = ("\ufeff" if bom else "") + out.getvalue()
    how = {} if sep == "," or quoting == csv.QUOTE_MINIMAL else {"sep": sep}
    if any(mark in kind for _, kind, _ in rows for mark in ",;\t| "):
        how = {"sep": sep}  # another mark might separate every row as well
    if comma:
        how["decimal"] = ","
    for source in (text, io.StringIO(text), io.BytesIO(text.encode())):
        found = columns(source, **how)
        assert [*found] == (["size", "kind", "count"] if header else ["x1", "x2", "x3"])
        size, kind, count = found.values()
        assert size == [float(f"{each:.6f}") for each, _, _ in rows]
        assert kind == [each for _, each, _ in rows]
        assert count == [each for _, _, each in rows]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b\n1,2\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
        ("a;b\n1,5;2\n3,5;4\n", {"a": [1.5, 3.5], "b": [2, 4]}),
        ("a;b\n1.234,5;2\n3,5;4\n", {"a": [1234.5, 3.5], "b": [2, 4]}),
        ("a\tb\n1,5\tx y\n3,5\tz\n", {"a": [1.5, 3.5], "b": ["x y", "z"]}),
        ("a b\n1  2\n 3 4\n", {"a": [1, 3], "b": [2, 4]}),
        ("# made by hand\n#\na,b\n\n1,2\n\n3,4", {"a": [1, 3], "b": [2, 4]}),
        ('a,b\n"x, y",1\n"say ""so""\nthere",2\n', {"a": ["x, y", 'say "so"\nthere'], "b": [1, 2]}),
        (",b\n1,2\n3,4\n", {"column 1": [1, 3], "b": [2, 4]}),
        ("1,2\n3,4\n", {"x1": [1, 3], "x2": [2, 4]}),
        ("u,1\nv,2\n", {"x1": ["u", "v"], "x2": [1, 2]}),
        ("a,b\n 1 , x \n2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
        ("zip,b\n01234,1\n04321,2\n", {"zip": ["01234", "04321"], "b": [1, 2]}),
        ("a,b\n1_000,1\n2,2\n", {"a": ["1_000", "2"], "b": [1, 2]}),
        ("a,b\n1e3,-.5\n0.25,+2\n", {"a": [1000, 0.25], "b": [-0.5, 2]}),
    ],
)
def test_forms(text, found):
    assert columns(text) == found


def test_marks_of_missing_values():
    marks = ["", "NA", "N/A", "NaN", "nan", "null", "None", "?", "-", "."]
    text = "a,b,c\n" + "".join(f"{mark},{mark},1\n" for mark in marks) + "2,x,3\n"
    a, b, _ = parsed(text).columns.values()
    assert np.isnan(a[:-1]).all() and a[-1] == 2 and b.tolist() == [None] * len(marks) + ["x"]
    assert np.isnan(parsed("a,b\n-999,1\n2,3\n", na_values="-999").columns["a"][0])


def test_what_was_found_can_be_said_otherwise():
    assert columns("a|b;c\n1|2;3\n", sep="|") == {"a": [1], "b;c": ["2;3"]}
    assert columns("2019,2020\n1,2\n", header=True) == {"2019": [1], "2020": [2]}
    assert columns("a,b\nc,d\n", header=False) == {"x1": ["a", "c"], "x2": ["b", "d"]}
    assert columns('a,b\n"1,234.5",2\n', thousands=",") == {"a": [1234.5], "b": [2]}
    assert columns('a,b\n"1,5",2\n', decimal=",") == {"a": [1.5], "b": [2]}
    assert parsed("a;b\n1,5;2\n").notes == ("numbers are read with a decimal comma",)
    assert "the columns are x1, x2" in parsed("1,2\n3,4\n").notes[0]


@pytest.mark.parametrize(
    ("text", "how", "message"),
    [
        ("a,b\n1,2\n1,2,3\n4\n", {}, "CSV text, line 3: expected 2 fields separated by ',', as in line 1, got 3 (2 "),
        ("a,b\n\n1,2\n\n3\n", {}, "CSV text, line 5: expected 2 fields separated by ',', as in line 1, got 1"),
        ('a,b\n"x\ny",2\n3\n', {}, "CSV text, line 4: expected 2 fields"),
        ('a,b\n1,2\n3,"4\n5,6\n', {}, "CSV text, line 3: expected fields separated by ',', got a quote that is not"),
        ('a,b\n1,"x"y\n', {}, "CSV text, line 2: expected fields separated by ','"),
        ("#r\na\tb\n1\t2\n3\n", {}, "CSV text, line 4: expected 2 fields separated by tabs, as in line 2, got 1"),
        ("a,a\n1,2\n", {}, "CSV text, line 1: expected different names of the columns, got 'a' more than once"),
        ("", {}, "CSV text: expected rows of values, got none"),
        ("\n \n", {}, "CSV text: expected rows of values, got none"),
        ("a,b\n", {"header": True}, "expected rows of values below the names, got none; try header=False"),
        ("a,b\n1,2\0\n", {}, "there are zero bytes in it"),
        ("a,b\n1,2\n", {"sep": ",,"}, "sep: expected one character, such as ',' or ';', got ',,'"),
        ("a,b\n1,2\n", {"sep": ""}, "sep: expected one character"),
        ("a,b\n1,2\n", {"thousands": 3}, "thousands: expected one character"),
        ("a,b\n1,2\n", {"decimal": ";"}, "decimal must be None or '.' or ','; got ';'"),
    ],
)  # fmt: skip
def test_errors_name_the_line(text, how, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parsed(text, **how)


def test_errors_of_values_name_the_line():
    rows = "".join(f"{i}.5,{i * i}\n" for i in range(30))
    with pytest.raises(ValueError, match="column 'a': expected a number in every row, got 'oops' at line 32"):
        from_csv(f"a,b\n{rows}oops,4\n", "b")
    data = from_csv(f"a,b\n{rows}oops,4\n", "b", na_values=["oops"], validation=0)
    assert data.features == ("a", "a is missing")
    with pytest.raises(ValueError, match="got inf at line 3"):
        from_csv("a,b\n1,2\ninf,3\n4,5\n", "b")


def test_files(tmp_path):
    text = "größe;art\n1,5;ä\n2,5;ö\n" * 1 + "3,5;ä\n" * 20 + "4,5;ö\n" * 20
    for name, encoding in (("a.csv", "utf-8"), ("b.csv", "utf-8-sig"), ("c.csv", "utf-16"), ("d.csv", "cp1252")):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        data = from_csv(path, "art")
        assert data.features == ("größe",) and data.classes == ("ä", "ö") and data.name == name[0]
        assert any("not UTF-8 (line 1)" in each for each in data.told) == (name == "d.csv")
        np.testing.assert_array_equal(data.inputs_of(str(path))[:1], data.inputs_of({"größe": 1.5}))
    assert (
        from_csv(tmp_path / "d.csv", "art", encoding="cp1252").told[1:] == from_csv(tmp_path / "a.csv", "art").told[1:]
    )
    with pytest.raises(ValueError, match=r"'d.csv', line 1: expected text in utf-8, got"):
        from_csv(tmp_path / "d.csv", "art", encoding="utf-8")
    with pytest.raises(ValueError, match="encoding: expected a name such as 'utf-8' or 'cp1252', got 'klingon'"):
        from_csv(tmp_path / "d.csv", "art", encoding="klingon")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"PK\x03\x04rest",
            "expected rows of text, got an Excel or zip file; try nb.data.from_table(pandas.read_excel",
        ),
        (b"PAR1rest", "got a Parquet file; try nb.data.from_table(pandas.read_parquet"),
        (b"\x1f\x8brest", "got a gzip file; try to unpack it"),
        (b'[{"a": 1}]', "got JSON; try nb.data.from_table(json.loads(text), target)"),
        (b"\x93NUMPYrest", "got an array of NumPy; try nb.data.from_arrays"),
    ],
)
def test_files_of_another_kind_are_told(tmp_path, content, message):
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(message)):
        from_csv(path, "a")


def test_paths_that_lead_nowhere(tmp_path):
    (tmp_path / "houses.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileNotFoundError, match=r"found no .*house\.csv'; did you mean 'houses\.csv'"):
        from_csv(tmp_path / "house.csv", "b")
    with pytest.raises(IsADirectoryError, match="expected a file, got the folder"):
        from_csv(tmp_path, "b")
    for address in ("https://example.org/a.csv", "s3://bucket/a.csv", "file:///etc/passwd"):
        with pytest.raises(ValueError, match="nbprop loads nothing from the internet; try to download it first"):
            from_csv(address, "b")
    with pytest.raises(TypeError, match="CSV: expected a path, got int"):
        from_csv(3, "b")


def test_a_playground_of_a_text_and_later_rows_as_text():
    text = "x,y,z\n" + "".join(f"{i},{i % 5},{'up' if i % 5 > 2 else 'down'}\n" for i in range(3, 90, 2))
    playground = nb.Playground(text, target="z", hidden=(4,))
    said = playground.trainer.predict("x,y\n1,2\n3,4\n")
    assert said.shape == (2, 1) and playground.trainer.data.classes == ("down", "up")
    playground.close()
