"""Bunches of scikit-learn, PyTorch's datasets and loaders, .npz files; and `read`, which finds out which it is."""

import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import nbprop as nb
from nbprop.data import from_bunch, from_npz, from_torch, read

X, Y = np.random.default_rng(0).normal(size=(48, 3)).astype(np.float32), np.arange(48) % 3


class Bunch(dict):
    __getattr__ = dict.__getitem__


class Samples:
    """A map-style dataset, as torch's are. make: number -> (x, y)."""

    classes = ("low", "middle", "high")

    def __init__(self, make=lambda i: (X[i], int(Y[i])), many=48):
        self.make, self.many = make, many

    def __len__(self):
        return self.many

    def __getitem__(self, i):
        return self.make(i)


# ------------------------------------------------------------------------------------------------------------- bunches


@pytest.mark.parametrize("frame", [False, True])
@pytest.mark.parametrize(
    ("name", "task", "classes", "inputs"),
    [("iris", "multiclass", 3, 4), ("breast_cancer", "binary", 2, 30), ("diabetes", "regression", 0, 10)],
)
def test_bunches(name, task, classes, inputs, frame):
    load = getattr(pytest.importorskip("sklearn.datasets"), f"load_{name}")
    bunch = load(as_frame=frame)
    data = read(bunch)
    assert (data.task, len(data.classes), data.inputs) == (task, classes, inputs)
    assert data.features == tuple(bunch.feature_names)
    if classes:
        assert {*data.classes} == {str(each) for each in bunch.target_names}
        counts = np.bincount(np.asarray(bunch.target))
        found = np.bincount(np.concatenate([data.y_train, data.y_val]))
        assert found.tolist() == [counts[[*bunch.target_names].index(each)] for each in data.classes]
    row = dict(zip(bunch.feature_names, np.asarray(bunch.data)[0], strict=True))
    assert data.inputs_of(row).shape == (1, inputs)


def test_bunches_of_pictures_and_several_targets():
    datasets = pytest.importorskip("sklearn.datasets")
    digits = read(datasets.load_digits())
    assert digits.input_shape == (1, 8, 8) and digits.X_train.max() == 1 and len(digits.classes) == 10
    assert "pixels were divided by 16, their largest" in digits.told
    several = read(datasets.load_linnerud())
    assert several.target == ("Weight", "Waist", "Pulse") and several.outputs == 3


def test_bunches_that_do_not_do_are_refused():
    with pytest.raises(TypeError, match="expected columns of numbers or categories, got a list of texts"):
        from_bunch(Bunch(data=["a text", "another"], target=[0, 1]))
    with pytest.raises(ValueError, match=r"bunch.feature_names: expected 3 names, got 2"):
        from_bunch(Bunch(data=X, target=Y, feature_names=["a", "b"]))
    assert from_bunch(Bunch(data=X, target=Y, feature_names=["target", "b", "c"])).features == ("target", "b", "c")


# -------------------------------------------------------------------------------------------------- datasets of PyTorch


def test_map_style_datasets():
    data = read(Samples())
    assert (data.name, data.task, data.classes) == ("Samples", "multiclass", Samples.classes)
    whole = np.concatenate([data.X_train, data.X_val])
    np.testing.assert_array_equal(np.sort(whole, axis=0), np.sort(X, axis=0))
    assert data.told[0] == "48 samples of a PyTorch Samples, as they came when they were read"
    held = from_torch(Samples(), Samples(many=6))
    np.testing.assert_array_equal(held.X_train, X)
    np.testing.assert_array_equal(held.X_val, X[:6])
    assert from_torch(Samples(lambda i: (X[i], float(i)))).task == "regression"
    numbers = from_torch(Samples(lambda i: (float(i), i % 2)), validation=0, scale="standard")
    assert numbers.input_shape == (1,)


def test_pictures_of_datasets():
    image = pytest.importorskip("PIL.Image")
    made = np.random.default_rng(0).integers(0, 256, (48, 4, 5, 3)).astype(np.uint8)
    data = from_torch(Samples(lambda i: (image.fromarray(made[i]), i % 3)), validation=0)
    np.testing.assert_allclose(data.X_train, made.transpose(0, 3, 1, 2) / 255, atol=1e-7)
    assert "bytes were divided by 255" in data.told
    grey = from_torch(Samples(lambda i: (image.fromarray(made[i, ..., 0]), i % 3)), validation=0)
    assert grey.input_shape == (1, 4, 5)


@pytest.mark.torch
def test_datasets_and_loaders_of_pytorch():
    torch = pytest.importorskip("torch")
    utils = torch.utils.data
    tensors = utils.TensorDataset(torch.tensor(X), torch.tensor(Y))
    one = from_torch(tensors, validation=0)
    np.testing.assert_array_equal(one.X_train, X)
    loader = utils.DataLoader(tensors, batch_size=7, shuffle=True)
    for source in (loader, utils.Subset(tensors, range(48)), utils.ConcatDataset([tensors])):
        np.testing.assert_array_equal(read(source, validation=0).X_train, X)
    train, val = utils.random_split(tensors, [40, 8], generator=torch.Generator().manual_seed(0))
    both = from_torch(utils.DataLoader(train), val)
    np.testing.assert_array_equal(both.X_val, X[val.indices])
    graph = utils.TensorDataset(torch.tensor(X, requires_grad=True).bfloat16(), torch.tensor(Y))
    np.testing.assert_allclose(read(graph, validation=0).X_train, X, rtol=1e-2)
    trainer = nb.Trainer(nb.nn.mlp([3, 8, 3], seed=0), loader, seed=0)
    trainer.fit(steps=5, bar=False)
    playground = nb.Playground(loader, hidden=(4,))
    assert playground.trainer.data.outputs == 3
    playground.close()

    class Stream(utils.IterableDataset):
        def __iter__(self):
            yield from zip(X, Y, strict=True)

    for stream in (Stream(), utils.DataLoader(Stream())):
        with pytest.raises(TypeError, match="expected a map-style dataset, whose samples have numbers, got Stream"):
            read(stream)
    with pytest.raises(ValueError, match="expected two tensors, X and y, got 1"):
        read(utils.TensorDataset(torch.tensor(X)))


def test_torch_is_not_loaded_for_other_data():
    code = """import sys, nbprop as nb
nb.data.read({'a': [1.0, 2, 3], 'y': [0, 1, 0]}, 'y', validation=0)
print('torch' in sys.modules)"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda i: X[i], r"dataset\[0\]: expected a pair \(x, y\), got a ndarray"),
        (lambda i: (X[i], 1, 2), r"dataset\[0\]: expected a pair \(x, y\), got 3 parts"),
        (lambda i: {"x": X[i], "y": 1}, r"dataset\[0\]: expected a pair \(x, y\), got a dict"),
        (
            lambda i: (X[i, : 3 - i], 1),
            r"dataset\[1\]: expected samples of one shape, \(3,\) as dataset\[0\], got \(2,\)",
        ),
        (lambda i: (X[i], X[i, : 1 + i % 2]), r"dataset: expected targets of one shape"),
        (lambda i: (np.broadcast_to(np.uint8(0), (2000, 3000)), 1), r"expected at most .* try a part, torch"),
    ],
)
def test_datasets_that_do_not_do_are_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        from_torch(Samples(make))


def test_a_dataset_needs_samples():
    with pytest.raises(ValueError, match="val: expected at least one sample, got none"):
        from_torch(Samples(), Samples(many=0))


# ----------------------------------------------------------------------------------------------------------- .npz files


@pytest.mark.parametrize(
    ("names", "how"),
    [(("X", "y"), {}), (("data", "target"), {}), (("first", "second"), {}), (("a", "b"), {"X": "a", "y": "b"})],
)
def test_npz(tmp_path, names, how):
    np.savez(tmp_path / "some.npz", **dict(zip(names, (X, Y), strict=True)))
    data = from_npz(tmp_path / "some.npz", **how, validation=0)
    np.testing.assert_array_equal(data.X_train, X)
    assert data.name == "some" and data.told == (f"some.npz: {names[0]}, {names[1]}",)
    assert read(str(tmp_path / "some.npz")).task == "multiclass"


def test_npz_of_pictures_with_a_test_set(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (50, 6, 7)).astype(np.uint8)
    arrays = {
        "x_train": pictures[:40],
        "y_train": np.arange(40) % 4,
        "x_test": pictures[40:],
        "y_test": np.arange(10) % 4,
    }
    np.savez_compressed(tmp_path / "mnist.npz", **arrays)
    data = from_npz(tmp_path / "mnist.npz")
    np.testing.assert_allclose(data.X_val[:, 0], pictures[40:] / 255, atol=1e-7)
    assert data.X_train.shape == (40, 1, 6, 7) and "channels were put first" in data.told
    np.savez(tmp_path / "colour.npz", X=np.stack([pictures] * 3, axis=-1), y=np.arange(50) % 2)
    assert from_npz(tmp_path / "colour.npz").input_shape == (3, 6, 7)


@pytest.mark.parametrize(
    ("arrays", "how", "message"),
    [
        (
            {"X": np.array([1, "a", None], object), "y": [0, 1, 0]},
            {},
            "'X': expected numbers or texts, got Python's objects",
        ),
        ({"a": X, "b": Y, "c": Y}, {}, "expected to be told which arrays are X and y, out of 'a', 'b', 'c'; try X="),
        ({"a": X, "b": Y}, {"X": "d"}, "expected an array 'd', got 'a', 'b'"),
        ({}, {}, "out of no array"),
    ],
)
def test_npz_that_do_not_do_are_refused(tmp_path, arrays, how, message):
    np.savez(tmp_path / "some.npz", **arrays)
    with pytest.raises(ValueError, match=re.escape(message)):
        from_npz(tmp_path / "some.npz", **how)


def test_files_that_are_no_npz_are_refused(tmp_path):
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 no zip at all")
    np.save(tmp_path / "pickled.npy", np.array([{}], object), allow_pickle=True)
    for name, message in (("one.npy", "got a single array"), ("bad.npz", "damaged"), ("pickled.npy", "damaged")):
        with pytest.raises(ValueError, match=message):
            from_npz(tmp_path / name)


# ---------------------------------------------------------------------------------------------------------------- read


def test_read_finds_out_what_it_is(tmp_path):
    spirals = nb.data.spirals()
    assert read(spirals) is spirals
    arrays = nb.data.Arrays({"a": X}, Y)
    assert read(arrays) is arrays
    assert read((X, Y), validation=0.5).name == "data"
    (tmp_path / "houses.csv").write_text("size,price\n" + "".join(f"{i},{i * 2.5}\n" for i in range(3, 90, 2)))
    assert read(tmp_path / "houses.csv", "price").target == ("price",)
    with open(tmp_path / "houses.csv") as file:
        assert read(file, "price").inputs == 1
    trainer = nb.Trainer(nb.nn.mlp([1, 4, 1]), str(tmp_path / "houses.csv"), target="price")
    assert trainer.data.name == "houses"


@pytest.mark.parametrize(
    ("source", "target", "error", "message"),
    [
        ((X, Y), "y", TypeError, "target: expected None for a tuple, which brings its targets along, got 'y'"),
        (nb.data.spirals(), "y", TypeError, "target: expected None for a Dataset"),
        (X, None, TypeError, "data must be a Dataset (nb.data.spirals()), a name ('spirals'), a pair (X, y), or, with"),
        (None, None, TypeError, "got a NoneType"),
        ([1, 2], None, TypeError, "got a list"),
        (
            {"a": [1, 2], "y": [3, 4]},
            None,
            TypeError,
            "target: expected the name of the column to predict, one of 'a', 'y'",
        ),
        ("https://example.org/a.csv", "y", ValueError, "nbprop loads nothing from the internet"),
        (SimpleNamespace(), None, TypeError, "got a SimpleNamespace"),
    ],
)
def test_what_is_no_data_is_refused(source, target, error, message):
    with pytest.raises(error, match=re.escape(message)):
        read(source, target)


def test_a_trainer_and_a_playground_refuse_a_target_that_is_none():
    with pytest.raises(ValueError, match="data set: expected one of"):
        nb.Trainer(nb.nn.mlp([2, 1]), "spirls")
    with pytest.raises(TypeError, match="which brings its targets along"):
        nb.Playground((X, Y), target="y")
    with pytest.raises(TypeError, match="an objective brings its own data"):
        nb.Trainer(nb.nn.mlp([2, 1]), target="y", objective=nb.Objective(lambda model, batch: model(batch).sum(), X))
    with pytest.raises(TypeError, match="a Dataset is made already"):
        read(nb.data.spirals(), validation=0.5)
