"""Whatever somebody has for data, by one name: `read` finds out what it is and calls what makes a Dataset of it."""

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from nbprop.data import files, table, tables
from nbprop.data.dataset import Dataset
from nbprop.data.gate import from_arrays
from nbprop.data.several import Arrays

FORMS = (
    "a Dataset (nb.data.spirals()), a name ('spirals'), a pair (X, y), or, with target=, a data frame, a dict of "
    "columns, a list of dicts or a CSV file"
)


def read(source: Any, target: Any = None, **settings: Any) -> Any:
    """A Dataset of whatever holds data. What was made of it is in `describe()`.

    source: a data frame, dict of columns or list of dicts (`from_table`); a path, an open file or a text of several
        lines (`from_csv`; `from_npz` of .npz; `from_folder` of a folder of pictures); a bunch of scikit-learn
        (`from_bunch`); a dataset or loader of PyTorch (`from_torch`); arrays (X, y) (`from_arrays`); a Dataset as it
        is, or the name of one.
    target: of a table or CSV file, the column to predict.
    settings: as for the one of these that it is.
    """
    from nbprop.data import DATASETS, dataset, loaders, tabular

    if isinstance(source, (Dataset, Arrays)):
        _none(target, source)
        if settings:
            raise TypeError(f"{next(iter(settings))}=: a Dataset is made already; give it where it is made")
        return source
    if isinstance(source, str) and (source in DATASETS or not is_file(source)):
        _none(target, source)
        return dataset(source, **settings)
    if isinstance(source, (str, PathLike)) or hasattr(source, "read"):
        return _of_file(source, target, settings)
    if isinstance(source, tuple) and len(source) == 2 and not isinstance(source[0], Mapping):
        _none(target, source)
        return from_arrays(*source, **settings)
    if loaders.is_bunch(source) and target is None:
        return loaders.from_bunch(source, **settings)
    if loaders.is_torch(source) and not table.is_table(source):
        _none(target, source)
        return loaders.from_torch(source, **settings)
    if table.is_table(source):
        return tabular.from_table(source, target, **settings)
    raise TypeError(f"data must be {FORMS}; got {_called(source)}")


def is_file(source: str) -> bool:
    """Is this text a path, an address or the rows of a file, and no name?"""
    text = "\n" in source or bool(files.URL.match(source))
    return text or any(mark in source for mark in "/\\.~,;") or Path(source).exists()


def _of_file(source, target, settings):
    if isinstance(source, (str, PathLike)) and not files.is_text(source):
        path = files.path_of(source, "data", folder=Path(fspath(source)).expanduser().is_dir())
        if path.is_dir():
            from nbprop.data.pictures import from_folder

            _none(target, source)
            return from_folder(path, **settings)
        if path.suffix.lower() == ".npz":
            from nbprop.data.loaders import from_npz

            _none(target, source)
            return from_npz(path, **settings)
    from nbprop.data.delimited import from_csv

    return from_csv(source, target, **settings)


def _none(target, source):
    if target is not None:
        raise TypeError(
            f"target: expected None for {_called(source)}, which brings its targets along, got {target!r}; it names a "
            "column of a table or CSV file"
        )


def _called(source):
    if tables.keys(source) is not None and not isinstance(source, type):
        return f"a {type(source).__name__}"
    return f"a {type(source).__name__}" if not isinstance(source, (str, PathLike)) else repr(fspath(source))
