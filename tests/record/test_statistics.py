"""Numbers of float32 arrays against the same in float64, where it is easy and where it is not."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nbprop as nb
from nbprop.record.layers import Tap
from nbprop.record.observation import Observation
from nbprop.record.quantities import QUANTITIES
from nbprop.record.statistics import moments, norm, saturated_share

magnitudes = st.floats(-36, 36).map(lambda exponent: 10.0**exponent)
sizes = st.sampled_from([1, 2, 3, 17, 1000, 70_000])


@settings(max_examples=150, deadline=None)
@given(sizes, magnitudes, magnitudes, st.sampled_from([-1, 0, 1]), st.integers(0, 9))
def test_mean_deviation_and_norm_against_float64(size, centre, spread, sign, seed):
    draws = np.random.default_rng(seed).normal(size=size)
    with np.errstate(over="ignore", under="ignore"):
        a = np.float32(np.clip(sign * centre + spread * draws, -3e38, 3e38))
        found_mean, found_std = moments(a)
        found_norm = norm(a)
    exact = a.astype(np.float64)
    unit = np.abs(exact).max() or 1.0
    assert found_std == pytest.approx(unit * (exact / unit).std(), rel=2e-4, abs=1e-300)
    assert found_mean == pytest.approx(exact.mean(), rel=1e-5, abs=1e-5 * max(found_std, 1e-300))
    assert found_norm == pytest.approx(unit * np.linalg.norm(exact / unit), rel=1e-4, abs=1e-300)


def test_a_large_mean_does_not_hide_a_small_spread():
    a = np.float32(1000 + 5e-4 * np.random.default_rng(0).choice([-1, 1], 4096))
    assert moments(a)[1] == pytest.approx(a.astype(np.float64).std(), rel=1e-6) and moments(a)[1] < 1e-3
    assert moments(np.full(1001, 0.1, np.float32)) == (pytest.approx(0.1), pytest.approx(0, abs=1e-15))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, bool, np.float16, np.float64])
def test_other_kinds_of_numbers(dtype):
    a = np.array([0, 1, 1, 100, 127, 3]).astype(dtype)
    exact = a.astype(np.float64)
    assert moments(a) == (pytest.approx(exact.mean()), pytest.approx(exact.std()))
    assert norm(a) == pytest.approx(np.linalg.norm(exact))


def test_what_is_empty_or_not_finite():
    assert np.isnan(moments(np.zeros(0, np.float32))).all() and norm(np.zeros(0, np.float32)) == 0
    with np.errstate(invalid="ignore"):
        assert np.isnan(moments(np.float32([1, np.nan]))).all() and np.isnan(norm(np.float32([1, np.nan])))
        assert moments(np.float32([1, np.inf]))[0] == np.inf and norm(np.float32([1, -np.inf])) == np.inf


def test_the_recorded_deviation_of_a_layer_with_a_large_bias():
    rng = np.random.default_rng(0)
    a = np.float32(300 + 5.4e-4 * rng.normal(size=(64, 32)))
    seen = Observation([], [Tap(a, a, a, None)], np.zeros(0, np.float32), np.zeros(0, np.float32), 0.0)
    assert QUANTITIES["a"].measure(seen)[0] == pytest.approx(a.astype(np.float64).std(), rel=1e-5)
    assert QUANTITIES["a_mean"].measure(seen)[0] == pytest.approx(300)


@pytest.mark.parametrize("name", [name for name in nb.nn.ACTIVATIONS if name != "identity"])
@pytest.mark.parametrize("shape", [(40, 6), (8, 5, 6), (4, 6, 3, 3)])
def test_saturated_shares_are_counted_exactly(name, shape):
    f = nb.nn.activation(name)
    a = f(nb.Tensor(np.random.default_rng(0).normal(-3, 4, size=shape).astype(np.float32))).data
    mask = f.flat(a)
    axes = tuple(i for i in range(a.ndim) if i != (1 if a.ndim == 4 else a.ndim - 1))
    assert saturated_share(a, f) == (mask.mean() if f.two_sided else mask.all(axis=axes).mean())
