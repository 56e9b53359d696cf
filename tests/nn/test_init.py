"""Initializers: their statistics, and what the papers predict from them."""

import numpy as np
import pytest

from nbprop import nn
from nbprop.nn import init

IN, OUT = 300, 200

VARIANCES = [
    (init.normal, 0.01**2),
    (init.normal(std=0.5), 0.25),
    (init.standard, 1 / (3 * IN)),
    (init.lecun, 1 / IN),
    (init.lecun(uniform=True), 1 / IN),
    (init.xavier, 2 / (IN + OUT)),
    (init.xavier(gain=5 / 3), 25 / 9 * 2 / (IN + OUT)),
    (init.xavier(uniform=False), 2 / (IN + OUT)),
    (init.he, 2 / IN),
    (init.he(mode="fan_out"), 2 / OUT),
    (init.he(slope=0.5), 2 / (1.25 * IN)),
    (init.he(uniform=True), 2 / IN),
]
BOUNDS = {  # the uniform ones
    init.standard: 1 / np.sqrt(IN),
    init.xavier: np.sqrt(6 / (IN + OUT)),
}


@pytest.mark.parametrize(("draw", "variance"), VARIANCES, ids=lambda v: getattr(v, "__name__", ""))
def test_mean_and_variance(draw, variance):
    w = draw(np.random.default_rng(0), IN, OUT)
    assert w.shape == (OUT, IN)
    assert abs(w.mean()) < 4 * np.sqrt(variance / w.size)
    np.testing.assert_allclose(w.var(), variance, rtol=0.03)  # sqrt(2 / 60,000) is 0.6 %


@pytest.mark.parametrize("draw", BOUNDS, ids=lambda draw: draw.__name__)
def test_uniform_up_to_the_bound(draw):
    w = draw(np.random.default_rng(0), IN, OUT)
    assert 0.999 * BOUNDS[draw] < np.abs(w).max() <= BOUNDS[draw]
    counts, _ = np.histogram(w, 10, (-BOUNDS[draw], BOUNDS[draw]))
    np.testing.assert_allclose(counts, w.size / 10, rtol=0.05)


@pytest.mark.parametrize("draw", [init.he, init.lecun, init.normal], ids=lambda draw: draw.__name__)
def test_normal_has_the_normal_kurtosis(draw):
    w = draw(np.random.default_rng(0), IN, OUT)
    np.testing.assert_allclose((w**4).mean() / w.var() ** 2, 3, rtol=0.05)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(7, 7), (9, 4), (4, 9), (1, 5), (5, 1), (1, 1)])
def test_orthogonal(fan_in, fan_out):
    w = init.orthogonal(np.random.default_rng(0), fan_in, fan_out)
    assert w.shape == (fan_out, fan_in)
    product = w @ w.T if fan_out <= fan_in else w.T @ w
    np.testing.assert_allclose(product, np.eye(min(fan_in, fan_out)), atol=1e-12)
    scaled = init.orthogonal(gain=2)(np.random.default_rng(0), fan_in, fan_out)
    np.testing.assert_allclose(scaled, 2 * w)


def test_orthogonal_prefers_no_direction():
    draws = np.array([init.orthogonal(np.random.default_rng(s), 2, 2) for s in range(400)])
    assert np.abs(draws.mean(axis=0)).max() < 0.15  # QR alone would give a first entry that is always negative
    dets = np.linalg.det(draws)
    assert 0.4 < (dets > 0).mean() < 0.6


def test_zeros():
    assert not init.zeros(np.random.default_rng(0), 3, 2).any()


def test_names():
    assert list(nn.INITIALIZERS) == ["zeros", "normal", "standard", "lecun", "xavier", "he", "orthogonal"]
    for name, draw in nn.INITIALIZERS.items():
        assert nn.initializer(name) is draw
        assert draw.__name__ == name
        assert draw.__doc__
    assert nn.initializer("Glorot") is init.xavier
    assert nn.initializer("kaiming") is init.he
    assert nn.initializer(init.normal(std=3)).__name__ == "normal(std=3)"
    with pytest.raises(ValueError, match=r"unknown initializer 'kaimng'; did you mean 'kaiming'\?"):
        nn.initializer("kaimng")
    with pytest.raises(ValueError, match="mode must be 'fan_in' or 'fan_out'; got 'fan'"):
        init.he(mode="fan")(np.random.default_rng(0), 2, 2)


def test_same_generator_same_weights():
    for draw in nn.INITIALIZERS.values():
        a, b = (draw(np.random.default_rng(7), 4, 3) for _ in range(2))
        np.testing.assert_array_equal(a, b)


# What the papers predict


def second_moments(weights, a):
    """E[z^2] after each layer of a ReLU network."""
    out = []
    for w in weights:
        z = a @ w.T
        out.append(np.mean(z**2))
        a = np.maximum(z, 0)
    return np.array(out)


def test_he_keeps_the_signal_where_xavier_loses_30_halvings():
    """He et al. 2015, section 2.2: each ReLU layer multiplies E[z^2] by fan_in Var[w] / 2, which is 1 with He's weights
    and 1/2 with Xavier's: after 30 layers 2^-30."""
    depth, n = 30, 200
    ratios = {"he": [], "xavier": []}
    for name, found in ratios.items():
        for seed in range(2):
            rng = np.random.default_rng(seed)
            weights = [nn.initializer(name)(rng, n, n) for _ in range(depth + 1)]
            moments = second_moments(weights, rng.normal(size=(8, n)))
            found.append(np.log2(moments[-1] / moments[0]))
    # The factors of the layers fluctuate by about sqrt(5 / n) each: a power of 2 over 30 layers.
    np.testing.assert_allclose(np.mean(ratios["he"]), 0, atol=2)
    np.testing.assert_allclose(np.mean(ratios["xavier"]), -30, atol=2)
    # The same random numbers, scaled: the difference is exactly 30 halvings when both are normal.
    rng = np.random.default_rng(0)
    he = [init.he(rng, n, n) for _ in range(depth + 1)]
    x = rng.normal(size=(8, n))
    xavier = [w / np.sqrt(2) for w in he]
    a, b = second_moments(he, x), second_moments(xavier, x)
    np.testing.assert_allclose(np.log2(a / b), np.arange(1, depth + 2), rtol=1e-9)


def test_orthogonal_products_stay_isometric_where_gaussians_collapse():
    """Saxe et al. 2014, figure 6: singular values of a product of 50 matrices."""
    rng = np.random.default_rng(0)
    n, depth = 60, 50
    gauss = orthogonal = np.eye(n)
    for _ in range(depth):
        gauss = init.lecun(rng, n, n) @ gauss
        orthogonal = init.orthogonal(rng, n, n) @ orthogonal
    np.testing.assert_allclose(np.linalg.svd(orthogonal, compute_uv=False), 1, rtol=1e-10)
    singular = np.linalg.svd(gauss, compute_uv=False)
    assert np.median(singular) < 1e-6
    assert singular[0] > 1


@pytest.mark.parametrize(("name", "low", "high"), [("standard", 1e-6, 1e-3), ("xavier", 0.05, 1)])
def test_deltas_of_a_deep_tanh_network(name, low, high):
    """Glorot & Bengio 2010: with the standard heuristic dL/dz dies out on the way back, with Xavier's it does not."""
    model = nn.mlp([100] * 21, activation="tanh", init=name, seed=0, dtype=np.float64)
    z = [model[0](np.random.default_rng(1).normal(size=(64, 100)))]
    for i in range(2, len(model), 2):
        z.append(model[i](model[i - 1](z[-1])))
    z[-1].backward(np.random.default_rng(2).normal(size=(64, 100)))
    ratio = np.linalg.norm(z[0].grad) / np.linalg.norm(z[-1].grad)
    assert low < ratio < high
