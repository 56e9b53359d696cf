"""The built-in data sets: shapes, seeds, noise, and that they are what they say."""

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nbprop as nb
from nbprop import data

SYNTHETIC = ["spirals", "circles", "moons", "xor", "gaussians", "wave", "surface"]
CLASSES = SYNTHETIC[:5]


def everything(d):
    return np.concatenate([d.X_train, d.X_val]), np.concatenate([d.y_train, d.y_val])


@pytest.mark.parametrize(
    ("name", "task", "inputs", "outputs"),
    [
        ("spirals", "binary", 2, 1),
        ("circles", "binary", 2, 1),
        ("moons", "binary", 2, 1),
        ("xor", "binary", 2, 1),
        ("gaussians", "multiclass", 2, 3),
        ("wave", "regression", 1, 1),
        ("surface", "regression", 2, 1),
        ("iris", "multiclass", 4, 3),
        ("digits", "multiclass", 64, 10),
    ],
)
def test_each_is_what_it_says(name, task, inputs, outputs):
    d = data.dataset(name)
    assert (d.name, d.task, d.inputs, d.outputs) == (name, task, inputs, outputs)
    assert d.X_train.dtype == d.X_val.dtype == np.float32
    assert len(d.features) == inputs
    n = len(d.X_train) + len(d.X_val)
    assert len(d.X_val) == pytest.approx(n / 4, abs=len(d.classes) / 2 + 0.5)
    if task == "regression":
        assert d.y_train.shape == (len(d.X_train), outputs)
        assert d.y_train.dtype == d.y_val.dtype == np.float32
        assert d.classes == ()
    else:
        assert d.y_train.shape == (len(d.X_train),)
        assert d.y_train.dtype == d.y_val.dtype == np.int64
        assert set(d.y_train) == set(d.y_val) == set(range(len(d.classes)))


def test_every_data_set_is_listed():
    assert {*SYNTHETIC, "iris", "digits"} <= set(data.DATASETS)
    assert all(getattr(nb.data, name) is function for name, function in data.DATASETS.items())
    assert {*data.DATASETS} < {*data.__all__} <= {*dir(data)}
    assert all(getattr(data, name) is not None for name in data.__all__)


def test_one_function_is_all_that_a_new_data_set_takes():
    new = ModuleType("new")
    exec("def blobs(): pass\ndef _help(): pass\nsize = 3", new.__dict__)
    new.from_arrays = data.from_arrays
    assert list(data._data_sets(new)) == ["blobs"]


def hashed(d):
    return b"".join(each.tobytes() for each in (d.X_train, d.y_train, d.X_val, d.y_val))


@pytest.mark.parametrize("name", data.DATASETS)
def test_what_holds_for_every_data_set_whoever_adds_it(name):
    """A function of validation, noise and seed (besides others), all with defaults, that gives a sound Dataset."""
    make = data.DATASETS[name]
    assert make.__doc__ and make.__annotations__["return"] is data.Dataset
    d = make()
    assert d.name == name and d.task in ("binary", "multiclass", "multilabel", "regression")
    for X, y in ((d.X_train, d.y_train), (d.X_val, d.y_val)):
        assert len(X) == len(y) >= 4 and X.shape[1:] == d.input_shape
        assert X.dtype in (np.float32, np.int64) and np.isfinite(X).all() and np.isfinite(y).all()
        assert y.dtype == (np.float32 if d.task in ("regression", "multilabel") else np.int64)
    assert 0.1 < np.abs(d.X_train).max() < 10  # of a size that a network can learn from
    assert len({*d.features}) == d.inputs and all(d.features) and bool(d.classes) == (d.task != "regression")
    if d.task in ("binary", "multiclass"):
        assert {*np.unique(d.y_train)} == {*np.unique(d.y_val)} == {*range(len(d.classes))}
        assert np.bincount(d.y_train).min() > 0.5 * len(d.y_train) / len(d.classes)
    # Seeds: the same one gives the same numbers, another one others.
    assert hashed(make(seed=3)) == hashed(make(seed=3)) != hashed(make(seed=4))
    # Noise moves inputs or targets in proportion, and nothing else.
    clean, little, much = (make(noise=noise) for noise in (0, 0.1, 0.2))
    moved, still = ("y_train", "X_train") if d.task == "regression" else ("X_train", "y_train")
    assert np.array_equal(getattr(clean, still), getattr(much, still))
    one, two = (getattr(each, moved) - getattr(clean, moved) for each in (little, much))
    assert np.abs(one).max() > 0 and np.allclose(2 * one, two, atol=1e-4)
    # The share that is kept for validation.
    n = len(d.X_train) + len(d.X_val)
    assert len(make(validation=0).X_val) == 0 and len(make(validation=0).X_train) == n
    assert len(make(validation=0.5).X_val) == pytest.approx(n / 2, abs=len(d.classes) + 1)
    from_the_table = data.dataset(name, seed=3)
    assert hashed(from_the_table) == hashed(make(seed=3))


@given(
    name=st.sampled_from(SYNTHETIC),
    samples=st.integers(10, 300),
    noise=st.floats(0, 1),
    validation=st.floats(0, 0.6),
    seed=st.integers(0, 2**63),
)
def test_the_same_settings_give_the_same_finite_numbers(name, samples, noise, validation, seed):
    settings = {"samples": samples, "noise": noise, "validation": validation, "seed": seed}
    one, two = data.dataset(name, **settings), data.dataset(name, **settings)
    for a, b in zip(everything(one), everything(two), strict=True):
        assert np.array_equal(a, b)
        assert np.isfinite(a).all()
    assert len(one.X_train) + len(one.X_val) == samples
    if validation == 0:
        assert one.X_val.shape == (0, one.inputs)
        assert one.y_val.shape == (0, *one.y_train.shape[1:])


@pytest.mark.parametrize("name", SYNTHETIC)
def test_another_seed_gives_other_points(name):
    assert not np.array_equal(data.dataset(name, seed=0).X_train, data.dataset(name, seed=1).X_train)


@pytest.mark.parametrize("name", SYNTHETIC)
def test_points_lie_in_about_minus_one_to_one(name):
    clean, noisy = data.dataset(name, noise=0), data.dataset(name)
    assert 0.7 < np.abs(everything(clean)[0]).max() <= 1.05
    assert np.abs(everything(noisy)[0]).max() < 1.3


@pytest.mark.parametrize("name", CLASSES)
def test_noise_moves_the_inputs_in_proportion(name):
    clean, little, much = (data.dataset(name, noise=noise, samples=2000) for noise in (0, 0.1, 0.2))
    moved = little.X_train - clean.X_train
    assert np.allclose(much.X_train - clean.X_train, 2 * moved, atol=1e-5)
    assert moved.std(axis=0) == pytest.approx(0.1 * everything(clean)[0].std(axis=0), rel=0.1)
    assert np.array_equal(little.y_train, clean.y_train)


@pytest.mark.parametrize("name", ["wave", "surface"])
def test_noise_moves_the_targets_of_a_regression(name):
    clean, noisy = (data.dataset(name, noise=noise, samples=2000) for noise in (0, 0.1))
    assert np.array_equal(noisy.X_train, clean.X_train)
    assert (noisy.y_train - clean.y_train).std() == pytest.approx(0.1 * clean.y_train.std(), rel=0.1)


def test_the_rules_behind_the_points():
    X, y = everything(data.xor(noise=0))
    assert np.array_equal(y, (X[:, 0] * X[:, 1] < 0).astype(int))
    X, y = everything(data.circles(noise=0))
    assert np.array_equal(y, (np.linalg.norm(X, axis=1) > 0.6).astype(int))
    X, y = everything(data.wave(noise=0))
    assert np.allclose(y, np.sin(2 * np.pi * X) + X / 2, atol=1e-5)
    X, y = everything(data.surface(noise=0))
    assert np.allclose(y[:, 0], np.sin(np.pi * X[:, 0]) * np.sin(np.pi * X[:, 1]), atol=1e-5)
    X, y = everything(data.gaussians(noise=0))
    assert [int(X[y == c, 1].mean() > 0) for c in range(3)] == [1, 0, 0]
    X, y = everything(data.moons(noise=0))
    assert X[y == 0, 1].mean() > 0.4 > -0.4 > X[y == 1, 1].mean()


def test_spirals_turn_once():
    X, y = everything(data.spirals(noise=0))
    radius = np.linalg.norm(X, axis=1)
    angle = np.arctan2(X[:, 1], X[:, 0]) - np.pi * y
    turned = (radius - 0.1) / 0.9 * 2 * np.pi
    assert np.allclose(np.cos(angle - turned), 1, atol=1e-4)


def test_no_straight_line_tells_the_spirals_apart_but_their_neighbours_do():
    d = data.spirals()
    line = np.linalg.lstsq(np.c_[d.X_train, np.ones(len(d.X_train))], d.y_train * 2.0 - 1)[0]
    by_line = (np.c_[d.X_val, np.ones(len(d.X_val))] @ line > 0) == d.y_val
    distance = np.linalg.norm(d.X_val[:, None] - d.X_train, axis=2)
    by_neighbour = d.y_train[distance.argmin(axis=1)] == d.y_val
    assert by_line.mean() < 0.75
    assert by_neighbour.mean() > 0.95


def test_iris_is_standardized_by_its_training_set():
    d = data.iris()
    assert d.classes == ("setosa", "versicolor", "virginica")
    assert d.features == ("sepal length", "sepal width", "petal length", "petal width")
    assert np.allclose(d.X_train.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(d.X_train.std(axis=0), 1, atol=1e-5)
    assert np.bincount(d.y_val).tolist() == [12, 12, 12]
    assert not np.array_equal(data.iris(noise=0.1).X_train, d.X_train)


def test_digits_are_pixels_from_zero_to_one():
    X, y = everything(data.digits())
    assert X.shape == (1797, 64)
    assert (X.min(), X.max()) == (0, 1)
    assert np.unique(X * 16).tolist() == list(range(17))
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert data.digits().classes == tuple("0123456789")


@pytest.mark.parametrize("name", ["iris", "digits"])
def test_without_scikit_learn_the_extra_is_named(name, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    with pytest.raises(ImportError, match=rf'{name}: expected scikit-learn.*pip install "nbprop\[lab\]"'):
        data.dataset(name)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"samples": 9}, ValueError, "samples must be an integer, 10 or more; got 9"),
        ({"samples": 100.5}, TypeError, "samples must be an integer, 10 or more; got 100.5"),
        ({"noise": -1}, ValueError, "noise must be a finite number, at least 0; got -1"),
        ({"noise": float("nan")}, ValueError, "noise must .* got nan"),
        ({"noise": "much"}, TypeError, "noise must be a finite number, at least 0; got 'much'"),
        ({"validation": 1}, ValueError, "validation must be a finite number, at least 0 and less than 1; got 1"),
        ({"validation": -0.1}, ValueError, "validation must .* got -0.1"),
        ({"seed": -1}, ValueError, "seed must be an integer, 0 or more; got -1"),
        ({"seed": "x"}, TypeError, "seed must be an integer, 0 or more; got 'x'"),
        ({"colour": 1}, TypeError, "colour"),
    ],
)
@pytest.mark.parametrize("name", ["moons", "surface"])
def test_settings_are_checked(name, settings, error, message):
    with pytest.raises(error, match=message):
        data.dataset(name, **settings)


@pytest.mark.parametrize("name", ["iris", "digits"])
def test_settings_of_the_bundled_are_checked(name):
    with pytest.raises(ValueError, match="validation must be a finite number, at least 0 and less than 1; got 2"):
        data.dataset(name, validation=2)
    with pytest.raises(TypeError, match="seed must be an integer"):
        data.dataset(name, seed=0.5)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"expected one of spirals, .*; got 'spiral'; did you mean 'spirals'\?"):
        data.dataset("spiral")
    with pytest.raises(ValueError, match=r"got 7$"):
        data.dataset(7)


def test_digits_as_pictures_are_the_same_digits():
    flat, pictures = data.digits(seed=1), data.digits(seed=1, image=True)
    assert pictures.input_shape == (1, 8, 8) and pictures.inputs == 1 and pictures.features == ("ink",)
    np.testing.assert_array_equal(pictures.X_train.reshape(-1, 64), flat.X_train)
    np.testing.assert_array_equal(pictures.y_val, flat.y_val)
