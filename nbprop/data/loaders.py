"""Data as other libraries hold them: scikit-learn's bunches, PyTorch's datasets and loaders, NumPy's .npz files."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from nbprop.data import checks, files, tables
from nbprop.data.dataset import Dataset
from nbprop.data.gate import from_arrays
from nbprop.data.table import Table, opened
from nbprop.data.tabular import from_table

LARGEST = 2**28  # numbers, 1 GB as float32
NAMES = (("X", "y"), ("x", "y"), ("data", "target"), ("data", "labels"), ("images", "labels"), ("features", "labels"))
HELD = ("val", "test", "valid")


def is_bunch(source: Any) -> bool:
    """A bunch of scikit-learn: a dict with data and target."""
    return isinstance(source, Mapping) and "data" in source and "target" in source and hasattr(source, "data")


def from_bunch(bunch: Any, **settings: Any) -> Dataset:
    """A Dataset of what scikit-learn's `load_...` and `fetch_...` give. settings: as for `from_table`; where the bunch
    holds pictures (`images`), as for `from_arrays`.

    Columns and classes are called as there. Pictures become (n, channels, rows, columns), 0 to 1. Raises ValueError or
    TypeError that says what does not fit: texts, for one, are no numbers.
    """
    data, y = bunch["data"], bunch["target"]
    settings = {"name": Path(str(bunch.get("filename") or "bunch")).name.split(".")[0], **settings}
    names = [] if (names := bunch.get("target_names")) is None else names
    labels = [] if isinstance(names, str) or np.ndim(y) > 1 else [str(each) for each in names]
    numbers = np.asarray(y)
    classes = numbers.dtype.kind in "iu" and numbers.ndim == 1 and len(labels) > 1
    if "images" in bunch and np.ndim(bunch["images"]) in (3, 4):
        images = _channels_first(np.asarray(bunch["images"]))
        named = {"classes": labels, "task": None} if classes and len(labels) == len({*numbers.tolist()}) else {}
        return _pictures(images, numbers, {**named, **settings})
    if isinstance(data, (list, tuple)) and data and isinstance(data[0], (str, bytes)):
        raise TypeError(
            "bunch: expected columns of numbers or categories, got a list of texts: no numbers to learn from"
        )
    if tables.keys(data) is not None:
        table, made = opened(data, "bunch.data"), dict[str, np.ndarray]()
        made |= table.columns
        categorical = table.categorical
    else:
        array = checks.inputs(data, "bunch.data")
        given: Any = bunch.get("feature_names")
        called = [f"x{i + 1}" for i in range(array.shape[1])] if given is None else [str(each) for each in given]
        checks.names_of(called, "bunch.feature_names", array.shape[1])
        made, categorical = dict(zip(called, array.T, strict=True)), frozenset()
    if classes:
        numbers = np.array(labels, object)[numbers] if int(numbers.max()) < len(labels) else numbers
    several = numbers.ndim > 1
    called = labels_of(names, numbers.shape[1]) if several else [_free(getattr(y, "name", None) or "target", made)]
    columns = numbers.T if several else [numbers]
    made |= {_free(name, made): column for name, column in zip(called, columns, strict=True)}
    target = [*made][-len(columns) :]
    return from_table(Table(made, categorical), target if several else target[0], **settings)


def labels_of(names: Any, count: int) -> list[str]:
    """Names of so many targets."""
    known = [] if isinstance(names, str) else [str(each) for each in names]
    return known if len(known) == count else [f"target {i + 1}" for i in range(count)]


def _free(name, taken):
    return name if name not in taken else _free(f"{name} ", taken)


def is_torch(source: Any) -> bool:
    """A dataset or loader of PyTorch, which is there then; or what is like one, with samples by their numbers."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(source, (torch.utils.data.Dataset, torch.utils.data.DataLoader)):
        return True
    plain = isinstance(source, (str, bytes, list, tuple, dict, np.ndarray, Mapping)) or hasattr(source, "__array__")
    return not plain and hasattr(type(source), "__getitem__") and hasattr(type(source), "__len__")


def from_torch(dataset: Any, val: Any = None, *, name: str | None = None, **settings: Any) -> Dataset:
    """A Dataset of a map-style dataset of PyTorch, or of that in a DataLoader: all its samples, as they come now.

    dataset: gives (x, y) for a number 0, 1, ...: a TensorDataset, a Subset, what torchvision has (with ToTensor, or as
        Pillow images), one of your own. x: a tensor or array of the same shape for all, pictures (channels, rows,
        columns); y: a class number, a label, or numbers. Batch size and order, which a DataLoader has, too, are the
        Trainer's.
    val: another one, to validate on. settings: as for `from_arrays`. Bytes are divided by 255.

    A transform that draws at random is asked once. Raises TypeError or ValueError that says what does not fit.
    """
    parts = [_samples(each, what) for each, what in ((dataset, "dataset"), (val, "val")) if each is not None]
    source = _inside(dataset, "dataset")
    told = f"{len(parts[0][0])} samples of a PyTorch {type(source).__name__}, as they came when they were read"
    classes: Any = getattr(source, "classes", None)
    fits = isinstance(classes, (list, tuple)) and parts[0][1].dtype.kind in "iu" and parts[0][1].ndim == 1
    named = {"classes": classes} if fits and int(parts[0][1].max()) < len(classes) else {}
    arrays = [array for pair in parts for array in pair]
    made = _pictures(*arrays, {"name": name or type(source).__name__, **named, **settings})
    return replace(made, told=(told, *made.told))


def _inside(source, what) -> Any:
    """The dataset in a loader."""
    source = getattr(source, "dataset", source) if type(source).__name__.endswith("DataLoader") else source
    if not hasattr(source, "__len__") or not hasattr(source, "__getitem__"):
        raise TypeError(
            f"{what}: expected a map-style dataset, whose samples have numbers, got {type(source).__name__}; of a "
            "stream collect samples into arrays, nb.data.from_arrays(X, y), or make batches, nb.Objective(batches=...)"
        )
    return source


def _samples(source, what):
    """X and y of all samples."""
    source = _inside(source, what)
    if not len(source):
        raise ValueError(f"{what}: expected at least one sample, got none")
    tensors = getattr(source, "tensors", None)
    if isinstance(tensors, tuple):
        if len(tensors) != 2:
            raise ValueError(f"{what}: expected two tensors, X and y, got {len(tensors)}")
        return _array(tensors[0], f"{what}: X"), _array(tensors[1], f"{what}: y")
    X: Any = None
    y = []
    for i in range(len(source)):
        item = source[i]
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            came = f"{len(item)} parts" if isinstance(item, (tuple, list)) else f"a {type(item).__name__}"
            raise TypeError(f"{what}[{i}]: expected a pair (x, y), got {came}; try a dataset whose samples are pairs")
        x = _one(item[0], f"{what}[{i}]: x")
        if X is None:
            if x.size * len(source) > LARGEST:
                raise ValueError(
                    f"{what}: expected at most {LARGEST:,} numbers, got {len(source):,} samples of {x.size:,}; try a "
                    "part, torch.utils.data.Subset(dataset, range(10_000))"
                )
            X = np.empty((len(source), *x.shape), x.dtype)
        elif x.shape != X.shape[1:]:
            raise ValueError(
                f"{what}[{i}]: expected samples of one shape, {X.shape[1:]} as {what}[0], got {x.shape}; try a "
                "transform that brings them to one"
            )
        X[i] = x
        y.append(_array(item[1], f"{what}[{i}]: y"))
    targets = np.stack(y) if len({each.shape for each in y}) == 1 else None
    if targets is None:
        raise ValueError(f"{what}: expected targets of one shape, got {sorted({each.shape for each in y})}")
    return X, targets


def _one(x, what):
    """A sample: an array; of a Pillow image the channels first."""
    array = _array(x, what)
    if hasattr(x, "getbands"):
        array = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    return array[None] if array.ndim == 0 else array


def _array(value, what):
    """A tensor, wherever it is, or whatever NumPy takes."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        value = value.numpy()
    return checks.array(value, what)


def from_npz(
    path: Any, X: str | None = None, y: str | None = None, *, name: str | None = None, **settings: Any
) -> Dataset:
    """A Dataset of the arrays in a .npz file of NumPy.

    X, y: which arrays; default: X and y, x and y, data and target, images and labels, or the two that there are. With
    X_train, y_train, and X_test or X_val (and y), the latter are to validate on. settings: as for `from_arrays`; bytes
    are divided by 255. Nothing in the file is executed: arrays of Python's objects are refused.
    """
    where = files.path_of(path, "npz")
    with where.open("rb") as file:
        try:
            found = np.load(file, allow_pickle=False)
        except (
            OSError,
            EOFError,
            ValueError,
            BadZipFile,
        ) as error:  # of a pickle NumPy advises to load it all the same
            raise ValueError(f"{where.name!r}: expected a .npz file, got another, or a damaged one") from error
        if not hasattr(found, "files"):
            raise ValueError(f"{where.name!r}: expected a .npz file, got a single array; try numpy.load, from_arrays")
        known = {each: _kept(found, each, where) for each in found.files}
    names = _chosen(known, X, y, where)
    arrays = [known[each] for each in names]
    if any(array is None for array in arrays):
        bad = next(each for each in names if known[each] is None)
        raise ValueError(
            f"{where.name!r}, {bad!r}: expected numbers or texts, got Python's objects, which are not loaded, for they "
            "may execute code; try to save it anew as numbers, or texts of dtype str"
        )
    made = _pictures(*arrays, {"name": name or where.stem, **settings})
    return replace(made, told=(f"{where.name}: {', '.join(names)}", *made.told))


def _kept(found, name, where):
    try:
        return found[name]
    except ValueError:
        return None  # Python's objects: refused if it is asked for
    except (OSError, EOFError, BadZipFile) as error:
        raise ValueError(f"{where.name!r}, {name!r}: expected an array, got a damaged one ({error})") from error


def _chosen(known, X, y, where):
    there = ", ".join(map(repr, known)) or "no array"
    for name in (X, y):
        if name is not None and name not in known:
            raise ValueError(f"{where.name!r}: expected an array {name!r}, got {there}")
    if X is not None and y is not None:
        return [X, y]
    lower = {each.lower(): each for each in known}
    if {"x_train", "y_train"} <= lower.keys() and X is None and y is None:
        names = [lower["x_train"], lower["y_train"]]
        held = next((each for each in HELD if {f"x_{each}", f"y_{each}"} <= lower.keys()), None)
        return names if held is None else [*names, lower[f"x_{held}"], lower[f"y_{held}"]]
    for pair in NAMES:
        if {*pair} <= known.keys():
            return [X or pair[0], y or pair[1]]
    if len(known) == 2 and X is None and y is None:
        return [*known]
    raise ValueError(f"{where.name!r}: expected to be told which arrays are X and y, out of {there}; try X=..., y=...")


def _channels_first(images):
    """(n, rows, columns) and (n, rows, columns, 1 or 3) as (n, channels, rows, columns)."""
    if images.ndim == 3:
        return images[:, None]
    return images.transpose(0, 3, 1, 2) if images.shape[-1] in (1, 3) and images.shape[1] not in (1, 3) else images


def _pictures(X, y, *rest_and_settings):
    """from_arrays of pictures or numbers: channels first, bytes divided by 255, and said."""
    *held, settings = rest_and_settings
    told = []
    images = [X, *held[:1]]
    if X.ndim == 4 or (X.ndim == 3 and X.dtype == np.uint8):
        made = [_channels_first(each) for each in images]
        told += ["channels were put first"] * (made[0].shape != X.shape)
        images = made
    if X.dtype == np.uint8 and "scale" not in settings:
        settings = {"scale": 255, **settings}
        told.append("bytes were divided by 255")
    elif X.ndim == 4 and "scale" not in settings and float(X.min()) >= 0 and float(X.max()) > 2:
        settings = {"scale": float(X.max()), **settings}
        told.append(f"pixels were divided by {float(X.max()):g}, their largest")
    made = from_arrays(images[0], y, *([images[1], held[1]] if held else []), **settings)
    return replace(made, told=tuple(told))
