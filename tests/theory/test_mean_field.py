"""Mean field: known values, networks 1,000 wide, what it is not about."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.theory.mean_field import moments, predict, products


def wide(activation, sigma_w2, sigma_b2, depth=6, width=1000, sizes=None, seed=0, **options):
    """A network with weights and biases of these variances."""
    sizes = sizes or [width] * (depth + 1)
    model = nb.nn.mlp(sizes, activation, init=nb.nn.init.lecun(gain=np.sqrt(sigma_w2)), seed=seed, **options)
    rng = np.random.default_rng(seed + 1)
    for module in model:
        if isinstance(module, nb.nn.Linear):
            module.bias.data[...] = rng.normal(0, np.sqrt(sigma_b2), module.bias.shape)
    return model


def measured(model, inputs, outputs, batch=16, seed=2):
    """A trainer after one step that hardly changes it; what flows back is independent of what has flown on."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(batch, inputs)).astype(np.float32)
    y = rng.normal(0, 1e3, (batch, outputs)).astype(np.float32)
    trainer = nb.Trainer(model, (X, y), loss="mse", optimizer="sgd", lr=1e-20, batch_size=batch, seed=0)
    trainer.watch()
    trainer.step()
    return trainer


@pytest.mark.parametrize(
    ("activation", "sigma_w2", "sigma_b2", "phase"),
    [
        ("tanh", 1.0, 0.05, "ordered"),
        ("tanh", 1.76, 0.05, "critical"),
        ("tanh", 4.0, 0.05, "chaotic"),
        ("relu", 1.5, 0.1, "ordered"),
        ("relu", 2.0, 0.0, "critical"),
        ("sigmoid", 8.0, 0.2, "ordered"),
        ("gelu", 2.5, 0.1, "chaotic"),
    ],
)
def test_networks_1000_wide_do_what_is_predicted(activation, sigma_w2, sigma_b2, phase):
    trainer = measured(wide(activation, sigma_w2, sigma_b2), 1000, 1000)
    found, seen = trainer.mean_field(), trainer.probe()
    np.testing.assert_allclose(found.sigma_w2, sigma_w2, rtol=0.01)
    np.testing.assert_allclose(found.sigma_b2, sigma_b2, rtol=0.15, atol=1e-6)
    # A single network 1,000 wide is scattered by a few per cent, more from layer to layer.
    np.testing.assert_allclose(seen["a_std"], found.a_std, rtol=0.08)
    np.testing.assert_allclose(seen["dz"] / seen["dz"][-1], found.dz, rtol=0.08)
    assert np.mean(seen["a_std"] / found.a_std) == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose([float(np.mean(z**2)) for z in trainer.observe().z], found.q, rtol=0.15)
    assert nb.mean_field(activation, sigma_w2, sigma_b2).phase == phase


def test_dropout_makes_weights_as_good_as_larger():
    trainer = measured(wide("tanh", 1.0, 0.05, dropout=0.3), 1000, 1000)
    found, seen = trainer.mean_field(), trainer.probe()
    np.testing.assert_allclose(found.sigma_w2[1:], 1 / 0.7, rtol=0.01)
    np.testing.assert_allclose(seen["a_std"], found.a_std, rtol=0.05)
    np.testing.assert_allclose(seen["dz"] / seen["dz"][-1], found.dz, rtol=0.05)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_the_mean_over_many_narrow_networks_is_what_is_predicted(activation):
    """Of 20 units, and one at the end; what a single network gives is scattered around it."""
    logs = {"a_std": [], "dz": []}
    for seed in range(40):
        model = wide(activation, 2.0, 0.1, sizes=[20, 20, 20, 20, 1], seed=100 * seed)
        trainer = measured(model, 20, 1, batch=64, seed=seed)
        found, seen = trainer.mean_field(), trainer.probe()
        logs["a_std"].append((seen["a_std"] / found.a_std) ** 2)
        logs["dz"].append((seen["dz"] / seen["dz"][-1] / found.dz) ** 2)
    for ratios in logs.values():
        np.testing.assert_allclose(np.mean(ratios, axis=0), 1, atol=0.15)


def test_the_known_critical_points():
    tanh = nb.mean_field("tanh", 1.76, 0.05)  # Schoenholz et al. 2017: on the critical line
    assert tanh.chi == pytest.approx(1, abs=0.002) and tanh.phase == "critical" and tanh.xi_c > 1000
    assert tanh.variance(tanh.q_star) == pytest.approx(tanh.q_star)
    relu = nb.mean_field("relu", 2.0)  # He et al. 2015
    assert relu.chi == pytest.approx(1) and relu.q_star == pytest.approx(1) and relu.xi_c == np.inf
    assert nb.mean_field("relu", 2.0, q=3.7).q_star == pytest.approx(3.7)  # any size stays
    below = nb.mean_field("relu", 1.5, 0.1)
    assert below.q_star == pytest.approx(0.1 / (1 - 0.75)) and below.chi == pytest.approx(0.75)
    assert below.xi_c == pytest.approx(-1 / np.log(0.75)) == pytest.approx(below.xi_q)
    assert nb.mean_field("relu", 2.5).q_star == np.inf
    assert nb.mean_field("tanh", 0.9).q_star == 0 and nb.mean_field("tanh", 0.9).chi == pytest.approx(0.9)
    assert nb.mean_field("identity", 0.5, 0.2).q_star == pytest.approx(0.4)


def test_in_the_chaotic_phase_inputs_become_unlike_and_in_the_ordered_one_alike():
    chaotic, ordered = nb.mean_field("tanh", 4.0, 0.05), nb.mean_field("tanh", 1.0, 0.05)
    assert ordered.c_star == 1 and 0 < chaotic.c_star < 0.5
    for field in (chaotic, ordered):
        distance = []
        for start in (0.2, 0.9):
            c = start
            for _ in range(60):
                c = field.correlation(c)
            assert c == pytest.approx(field.c_star, abs=2e-3)
            distance = [abs(field.correlation(field.c_star - d) - field.c_star) / d for d in (0.01,)]
        assert np.exp(-1 / field.xi_c) == pytest.approx(distance[0], rel=0.03)


def test_the_depth_scale_of_the_variance_is_that_in_which_it_comes_nearer():
    for field in (nb.mean_field("tanh", 1.0, 0.05), nb.mean_field("tanh", 4.0, 0.05), nb.mean_field("silu", 1.5, 0.3)):
        near = field.q_star * 1.001
        left = (field.variance(near) - field.q_star) / (near - field.q_star)
        assert np.exp(-1 / field.xi_q) == pytest.approx(abs(left), rel=0.01)


def test_integrals_of_one_and_of_two_variables():
    relu = nb.nn.ReLU()
    mean, square, slope, _ = moments(relu, np.array([0.0, 0.5, 40.0]))
    np.testing.assert_allclose(mean, np.sqrt(np.array([0, 0.5, 40.0]) / (2 * np.pi)), atol=1e-9)
    np.testing.assert_allclose(square, np.array([0, 0.25, 20.0]), rtol=1e-9)
    np.testing.assert_allclose(slope[1:], 0.5, rtol=1e-9)
    c = np.array([-0.5, 0.0, 0.3, 0.9])  # Cho and Saul 2009: the arc-cosine kernel
    kernel = (np.sqrt(1 - c**2) + c * (np.pi - np.arccos(c))) / (2 * np.pi)
    np.testing.assert_allclose(products(relu, 1.0, np.ones(4), c)[0], kernel, atol=2e-3)
    two = products(nb.nn.Identity(), np.array([2.0, 0.0]), np.array([3.0, 1.0]), np.array([-1.5, 0.0]))[0]
    np.testing.assert_allclose(two, [-1.5, 0], atol=1e-5)
    rng = np.random.default_rng(0)
    z = rng.normal(size=400_000)
    for name, activation in nb.nn.ACTIVATIONS.items():
        a = activation()(nb.Tensor(1.3 * z)).data
        assert moments(activation(), 1.69)[1] == pytest.approx(np.mean(a**2), rel=0.02), name


def test_words():
    assert nb.mean_field("tanh", 1.0, 0.05).describe() == (
        "σw² = 1, σb² = 0.05: ordered, depth scale 3.63 layers: gradients vanish by a factor 1.15 a layer "
        "(χ = 0.759, q* = 0.194)"
    )
    assert "edge of chaos" in nb.mean_field("relu", 2).describe()
    assert "activations grow without bound" in nb.mean_field("relu", 2.5).describe()
    assert "no gradient gets through" in nb.mean_field("tanh", 0).describe()
    assert repr(nb.mean_field("relu", 2)) == "MeanField('relu', sigma_w2=2, sigma_b2=0)"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nb.nn.Sequential(nb.nn.Linear(2, 4), nb.nn.BatchNorm1d(4), nb.nn.Tanh(), nb.nn.Linear(4, 1)), "BatchNorm1d"),
        (nb.nn.Sequential(nb.nn.Residual(nb.nn.Linear(2, 2)), nb.nn.Linear(2, 1)), "a Residual"),
        (nb.nn.Sequential(nb.nn.Linear(2, 4), nb.nn.Dropout(0.5), nb.nn.Tanh(), nb.nn.Linear(4, 1)), "Tanh"),
        (nb.nn.Sequential(nb.nn.Flatten()), "none"),
    ],
)
def test_what_it_is_not_about_is_refused_in_words(model, words):
    with pytest.raises(ValueError, match=words):
        predict(model, np.ones((4, 2)))


@pytest.mark.parametrize("X", [np.zeros((0, 2)), np.array([[np.nan, 1.0]])])
def test_inputs_that_say_nothing_are_refused(X):
    with pytest.raises(ValueError, match="finite inputs"):
        predict(nb.nn.mlp([2, 4, 1]), X)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="sigma_w2 must be a finite number, at least 0"):
        nb.mean_field("tanh", -1)
    with pytest.raises(ValueError, match="unknown activation"):
        nb.mean_field("tanch")


def test_pictures_are_flattened_and_one_layer_is_enough():
    model = nb.nn.Sequential(nb.nn.Flatten(), nb.nn.Linear(16, 3))
    found = predict(model, np.ones((5, 4, 4)))
    assert found.q.shape == (1,) and found.dz.tolist() == [1] and found.deep is None
    assert found.q[0] == pytest.approx(16 * np.mean(model[1].weight.data ** 2))


def test_a_moment_knows_it_of_the_weights_of_then(tmp_path):
    trainer = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), nb.data.moons(seed=0), lr=0.05, seed=0)
    before = trainer.mean_field()
    trainer.fit(steps=60, bar=False)
    np.testing.assert_array_equal(trainer.at(0).mean_field().q, before.q)
    assert (trainer.mean_field().q != before.q).all()


def test_an_objective_without_one_array_of_inputs_is_refused():
    batches = nb.Objective(lambda model, batch: model(batch).mean(), batches=lambda rng: rng.normal(size=(4, 2)))
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), objective=batches)
    with pytest.raises(ValueError, match="data with one array"):
        trainer.mean_field()


def test_where_the_signal_dies_away_chi_is_the_limit_and_not_one_side_of_a_kink():
    assert nb.mean_field("relu", 1.016).q_star == 0
    np.testing.assert_allclose(nb.mean_field("relu", 1.016).chi, 0.508, rtol=1e-6)
    np.testing.assert_allclose(nb.mean_field("leaky_relu", 1.0).chi, (1 + 0.01**2) / 2, rtol=1e-6)
    np.testing.assert_allclose(nb.mean_field("tanh", 0.5).chi, 0.5, rtol=1e-6)
