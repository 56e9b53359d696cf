"""scale= of from_arrays: fitted on the training part, kept for what comes later, in little memory."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nbprop.data import DataWarning, checks, from_arrays, iris

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)) * [1, 1e6, 0] + [0, 50, 7], np.arange(40) % 2


def test_standard_is_mean_0_and_deviation_1_of_the_training_part_alone():
    data = from_arrays(X, Y, scale="standard")
    assert np.allclose(data.X_train.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(data.X_train.std(axis=0), [1, 1, 0])
    assert abs(data.X_val[:, :2].mean(axis=0)).min() > 1e-3
    assert data.scaling.kind == "standard" and data.scaling.size[2] == 1 and data.scaling.shift[2] == 7
    with pytest.warns(DataWarning, match="learns little"):
        plain = from_arrays(X, Y)
    np.testing.assert_allclose(data.scaling.shift, plain.X_train.mean(axis=0), rtol=1e-4)
    assert repr(data) == "Dataset('data', binary, 3 inputs, 2 classes, 30 train, 10 validation; scale='standard')"


def test_minmax_is_0_to_1_and_a_number_divides():
    data = from_arrays(X, Y, scale="minmax")
    assert data.X_train.min(axis=0).tolist() == [0, 0, 0] and data.X_train.max(axis=0).tolist() == [1, 1, 0]
    pictures = RNG.integers(0, 256, (40, 3, 5, 6), dtype=np.uint8)
    np.testing.assert_array_equal(from_arrays(pictures, Y, scale=255, validation=0).X_train, np.float32(pictures / 255))


@given(
    scale=st.sampled_from(["standard", "minmax", 7]),
    shape=st.sampled_from([(3,), (4, 3), (3, 2, 5)]),
    dtype=st.sampled_from([np.float64, np.float32, np.uint8, np.int16]),
    given_val=st.booleans(),
    noise=st.sampled_from([0, 0.1]),
)
def test_new_samples_are_scaled_as_the_training_samples_were(scale, shape, dtype, given_val, noise):
    rng = np.random.default_rng(1)
    all_of = rng.integers(0, 100, (40, *shape)).astype(dtype)
    names = [*"abc"] if len(shape) < 3 else None
    val = (all_of[:5], Y[:5]) if given_val else ()
    data = from_arrays(all_of, Y, *val, scale=scale, features=names, validation=None if given_val else 0)
    np.testing.assert_array_equal(data.scaled(all_of), data.X_train)
    np.testing.assert_allclose(data.scaling.back(data.X_train), all_of, atol=1e-4)
    assert data.scaled(all_of).dtype == data.X_train.dtype == np.float32
    if given_val:
        np.testing.assert_array_equal(data.X_val, data.X_train[:5])
    noisy = from_arrays(all_of, Y, scale=scale, features=names, validation=0, noise=noise)
    moved = (noisy.X_train - data.X_train).std(axis=0)
    assert moved == pytest.approx(noise * data.X_train.std(axis=0), rel=0.5, abs=1e-6)


def test_a_channel_of_pictures_and_a_feature_of_sequences_is_scaled_as_one():
    pictures = RNG.normal(size=(40, 2, 4, 5)) * np.array([1, 9])[:, None, None]
    data = from_arrays(pictures, Y, scale="standard", validation=0)
    assert np.allclose(data.X_train.std(axis=(0, 2, 3)), 1) and data.scaling.size.shape == (2, 1, 1)
    assert np.ptp(data.X_train.std(axis=0)) > 0.1
    data = from_arrays(pictures[:, :, 0].transpose(0, 2, 1), Y, scale="standard", validation=0)
    assert np.allclose(data.X_train.std(axis=(0, 1)), 1) and data.scaling.size.shape == (2,)


def test_a_constant_stays_constant_even_where_its_mean_is_rounded():
    data = from_arrays(np.column_stack([np.full(40, 0.1), X[:, 0]]), Y, scale="standard")
    assert np.abs(data.X_train[:, 0]).max() < 1e-6
    assert np.abs(data.scaled([[0.2, 0.0]])[0, 0]) < 1


def test_timestamps_are_told_apart_for_the_difference_is_taken_first():
    seconds = 1_700_000_000 + np.arange(40)
    data = from_arrays(seconds[:, None], Y, scale="standard")
    assert len(np.unique([*data.X_train, *data.X_val])) == 40


def test_iris_can_be_asked_in_centimetres():
    data = iris()
    centimetres = data.scaling.back(data.X_train[:1])
    np.testing.assert_allclose(centimetres, np.round(centimetres, 1), atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "error", "message"),
    [
        ("standart", ValueError, "unknown scale 'standart'; did you mean 'standard'"),
        (0, ValueError, "scale must be a finite number, greater than 0; got 0"),
        (True, TypeError, "scale must be a finite number, greater than 0; got True"),
        (1e-40, ValueError, "X with scale: expected finite numbers"),
    ],
)
def test_a_wrong_scale_is_refused(scale, error, message):
    with pytest.raises(error, match=message):
        from_arrays(X, Y, scale=scale)


def test_tokens_have_no_scale():
    with pytest.raises(ValueError, match="scale: expected None, for tokens are names"):
        from_arrays(np.arange(80).reshape(40, 2) % 5, Y, vocabulary=5, scale=2)


@pytest.mark.filterwarnings("ignore:X has columns")
def test_noise_beyond_float32_is_refused():
    with pytest.raises(ValueError, match="X with noise: expected finite numbers"):
        from_arrays(X * 1e31, Y, noise=90)


@pytest.mark.parametrize("settings", [{"scale": 255}, {"scale": "standard"}, {"validation": 0, "scale": 2}])
def test_little_memory_is_taken_beside_the_result(settings, monkeypatch):
    monkeypatch.setattr(checks, "PIECE", 2**14)
    pictures = RNG.integers(0, 256, (3000, 1, 28, 28), dtype=np.uint8)
    labels = np.arange(3000) % 10
    tracemalloc.start()
    try:
        data = from_arrays(pictures, labels, **settings)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * (data.X_train.nbytes + data.X_val.nbytes)


@given(piece=st.integers(1, 300), share=st.sampled_from([0, 0.3]))
def test_pieces_make_no_difference(piece, share):
    settings = {"scale": "standard", "noise": 0.1, "validation": share}
    before, whole = checks.PIECE, from_arrays(X, Y, **settings)
    checks.PIECE = piece
    try:
        small = from_arrays(X, Y, **settings)
    finally:
        checks.PIECE = before
    np.testing.assert_allclose(small.X_train, whole.X_train, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(small.X_val, whole.X_val, rtol=1e-5, atol=1e-6)
