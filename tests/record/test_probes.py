"""What the probes say is what is there."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.record import histograms, statistics
from nbprop.record.layers import Tap


def trained(activation="tanh", steps=10, **settings):
    t = nb.Trainer(
        nb.nn.mlp([2, 8, 6, 1], activation=activation, seed=1),
        nb.data.spirals(seed=2),
        seed=3,
        probe_every=1,
        **settings,
    )
    t.watch()
    t.fit(steps=steps)
    return t


@pytest.mark.parametrize("activation", list(nb.nn.ACTIVATIONS))
def test_against_the_chain_rule_by_hand(activation):
    t = trained(activation, steps=9)
    before, batch = t.model.theta.copy(), t.branch()._run.batches.next(t.batch_size)
    weights = [layer.weight for layer in t.layers]
    old = [layer.weight.data.astype(float) for layer in list(t.model)[::2]]
    biases = [layer.bias.data.astype(float) for layer in list(t.model)[::2]]
    t.step()
    f = nb.nn.activation(activation)

    def derivative(z):
        return (f(nb.Tensor(z + 1e-6)).data - f(nb.Tensor(z - 1e-6)).data) / 2e-6

    a, zs, activations = t.data.X_train[batch].astype(float), [], []
    for i, (W, b) in enumerate(zip(old, biases, strict=True)):
        zs.append(a @ W.T + b)
        a = f(nb.Tensor(zs[-1])).data if i < 2 else zs[-1]
        activations.append(a)
    delta = (1 / (1 + np.exp(-zs[2])) - t.data.y_train[batch].reshape(-1, 1)) / len(batch)
    deltas = [delta]
    for i in (2, 1):
        deltas.insert(0, deltas[0] @ old[i] * derivative(zs[i - 1]))
    inputs = [t.data.X_train[batch], *activations[:-1]]
    gradients = [d.T @ x for d, x in zip(deltas, inputs, strict=True)]
    seen = t.probe()
    np.testing.assert_allclose(seen["dz"], [np.linalg.norm(d) for d in deltas], rtol=1e-4)
    np.testing.assert_allclose(seen["dW"], [np.linalg.norm(g) for g in gradients], rtol=1e-4)
    np.testing.assert_allclose(seen["a_mean"], [a.mean() for a in activations], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(seen["a_std"], [a.std() for a in activations], rtol=1e-3, atol=1e-5)
    change = t.model.theta - before
    np.testing.assert_allclose(
        seen["ratio"], [np.linalg.norm(change[w]) / np.linalg.norm(before[w]) for w in weights], rtol=1e-3
    )
    for name in ("a_mean", "a_std", "saturated", "dz", "dW", "ratio"):
        np.testing.assert_array_equal(t.history[name][-1], seen[name])


def test_the_update_ratio_stays_to_be_seen_between_two_probed_steps():
    t = nb.Trainer(nb.nn.mlp([2, 8, 1], seed=1), nb.data.spirals(seed=2), probe_every=5)
    t.watch()
    t.fit(steps=8)
    np.testing.assert_array_equal(t.probe()["ratio"], t.history["ratio"][-1])
    t.depth = 2
    t.step()
    assert np.ma.getmaskarray(t.probe()["ratio"]).all()  # not of this network


def test_saturated_and_dead_units():
    t = trained("tanh", steps=1)
    t.model[0].bias.data[:4] = 50
    t.step()
    assert t.probe()["saturated"][0] >= 0.5
    t.activation = "relu"
    t.model[0].bias.data[:2] = -50
    t.step()
    assert 0.25 <= t.probe()["saturated"][0] < 0.6


def test_nothing_is_probed_that_nobody_watches():
    t = nb.Trainer(nb.nn.mlp([2, 4, 1]), "xor", probe_every=1)
    t.fit(steps=5)
    assert set(t.history.columns) == {"loss", "dW", "train_loss", "train_accuracy", "val_loss", "val_accuracy"}
    t.watch()
    t.fit(steps=5)
    assert list(t.history.series("dz")[0]) == [6, 7, 8, 9, 10]


def test_watching_does_not_change_the_run():
    one, two = trained(steps=60), trained(steps=0)
    two.watch(False)
    two.fit(steps=60)
    np.testing.assert_array_equal(one.model.theta, two.model.theta)


@pytest.mark.parametrize("kind", histograms.KINDS)
def test_histograms_count_like_numpy(kind):
    t = trained()
    counts, low, high = t.histograms(kind, bins=12)
    arrays = {
        "weights": [t.model.theta[layer.weight] for layer in t.layers],
        "gradients": [t.model.gradient[layer.weight] for layer in t.layers],
        "activations": [tap.a for tap in t._run.taps],
    }[kind]
    for row, array, lo, hi in zip(counts, arrays, low, high, strict=True):
        assert (lo, hi) == (array.min(), array.max())
        assert row.sum() == array.size
        np.testing.assert_allclose(row, np.histogram(array, bins=12, range=(lo, hi))[0], atol=1)


def test_histograms_of_odd_arrays():
    odd = [np.zeros(0), np.full(5, 3.0), np.array([np.nan, 1.0, np.inf, 2.0]), np.array([-1e-3]), np.full(3, np.nan)]
    counts, low, high = histograms.histograms(odd, 8)
    np.testing.assert_array_equal(counts.sum(axis=1), [0, 5, 2, 1, 0])
    assert (low <= high).all() and np.isfinite(low).all() and np.isfinite(high).all()
    assert low[1] < 3 < high[1]
    np.testing.assert_allclose([low[2], high[2]], [1, 2])


def test_a_histogram_of_a_large_layer_counts_some_of_its_values_for_all():
    rng = np.random.default_rng(0)
    picture = rng.normal(size=(64, 28, 28, 6)).transpose(0, 3, 1, 2).astype(np.float32)  # not in the order of memory
    large = [picture, rng.normal(size=2**14 + 1), rng.normal(size=50)]
    large[0][3, 2, 1, 0] = 9
    for array in large:
        assert histograms.every(array.ravel("K")).size <= histograms.SAMPLE
    counts, low, high = histograms.histograms(large, 20)
    np.testing.assert_allclose(counts.sum(axis=1), [array.size for array in large], rtol=1e-6)
    assert high[0] == 9 and low[0] == picture.min()
    exact = np.histogram(picture, bins=20, range=(low[0], high[0]))[0]
    assert np.abs(counts[0] - exact).max() < 0.01 * picture.size


@pytest.mark.parametrize("shape", [(1024, 64), (32, 6, 28, 28), (128, 100, 48), (3**10,), (2**14,), (0,), (1,)])
def test_of_a_large_layer_no_unit_is_preferred(shape):
    units = np.broadcast_to(np.arange(shape[-1]), shape).ravel()
    seen = np.bincount(histograms.every(units), minlength=shape[-1])
    assert seen.sum() <= histograms.SAMPLE
    if units.size > histograms.SAMPLE:
        assert seen.sum() > histograms.SAMPLE / 3
        assert shape[-1] > 1000 or seen.max() - seen.min() <= 1


def test_what_is_not_finite_is_counted():
    arrays = [np.float32([1, np.nan, np.inf, -np.inf, np.nan]), np.full((2, 2), 3e38, np.float32), np.zeros(0)]
    np.testing.assert_array_equal(histograms.not_finite(arrays), [[2, 2], [0, 0], [0, 0]])


def test_the_histograms_of_a_run_that_diverged_say_how_much_is_not_finite():
    t = trained("relu", steps=2)
    t.lr = 1e30
    with pytest.raises(nb.training.Diverged):
        t.fit(steps=50)
    assert sum(t.not_finite(kind).sum() for kind in histograms.KINDS) > 0


def test_before_the_first_step():
    t = nb.Trainer(nb.nn.mlp([2, 4, 1]), "xor")
    assert [layer.name for layer in t.layers] == ["hidden 1", "output"]
    assert [(layer.activation, layer.units) for layer in t.layers] == [("tanh", 4), ("identity", 1)]
    assert all(np.ma.getmaskarray(values).all() for values in t.probe().values())
    assert t.histograms("gradients")[0].sum() == 0 and t.histograms("weights")[0].sum() == 12


def test_normalization_and_recurrence_are_seen_too():
    nn = nb.nn

    class Net(nn.Module):
        def __init__(self):
            self.up, self.norm, self.act = nn.Linear(2, 6), nn.LayerNorm(6), nn.ReLU()
            self.down = nn.Linear(6, 1)

        def forward(self, x):
            return self.down(self.act(self.norm(self.up(x))))

    t = nb.Trainer(Net(), "moons", probe_every=1)
    t.watch()
    t.fit(steps=3)
    assert [(layer.kind, layer.activation) for layer in t.layers] == [("Linear", "relu"), ("Linear", "identity")]
    z, a = t._run.taps[0].z, t._run.taps[0].a
    np.testing.assert_allclose(z.std(axis=1), 1, atol=0.02)  # what the activation gets
    np.testing.assert_array_equal(a, np.maximum(z, 0))
    weight = t.model.up.weight
    assert t.probe()["dW"][0] == pytest.approx(np.linalg.norm(weight.grad), rel=1e-4)


def test_models_with_buffers_and_dropout_rewind_exactly():
    nn = nb.nn
    layers = [nn.Linear(2, 8, rng=0), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 1, rng=1)]
    t = nb.Trainer(nn.Sequential(*layers), "moons", lr=0.01, snapshot_every=40)
    t.fit(steps=130)
    state = t.model.state_dict()
    losses = t.history["loss"].copy()
    t.rewind(55)
    t.fit(steps=75)
    for name, array in t.model.state_dict().items():
        np.testing.assert_array_equal(array, state[name], err_msg=name)
    np.testing.assert_array_equal(t.history["loss"], losses)
    one, two = t.branch(), t.branch()
    one.fit(steps=5)
    two.fit(steps=5)
    np.testing.assert_array_equal(one.theta, two.theta)


def test_a_layer_whose_output_nobody_uses_is_no_layer():
    nn = nb.nn

    class Last(nn.Module):
        def __init__(self):
            self.rnn, self.aside, self.out = nn.LSTM(2, 5), nn.Linear(2, 3), nn.Linear(5, 1)

        def forward(self, x):
            self.aside(x)
            _, (state, _) = self.rnn(x.reshape(1, -1, 2))  # one step of a batch
            return self.out(state[-1])

    t = nb.Trainer(Last(), "moons", probe_every=1)
    t.watch()
    t.fit(steps=3)
    assert t.layers[-1].name == "output" and t.layers[-1].units == 1
    assert all(layer.units != 3 for layer in t.layers)
    assert np.isfinite(t.probe()["dz"]).all()


@pytest.mark.parametrize("kind", ["mlp", "batch norm"])
def test_percentiles_are_those_of_what_the_activation_gets(kind):
    nn = nb.nn
    rng = np.random.default_rng(0)
    model = nn.mlp([2, 6, 1], seed=1)
    if kind == "batch norm":
        model = nn.Sequential(nn.Linear(2, 6, rng=rng), nn.BatchNorm1d(6), nn.Sigmoid(), nn.Linear(6, 1, rng=rng))
    t = nb.Trainer(model, "moons", probe_every=1, seed=0)
    t.watch(False, percentiles=True)
    t.fit(steps=4, bar=False)
    copy, batch = t.branch(), t.branch()._run.batches.next(t.batch_size)
    t.step()
    x = nb.Tensor(t.data.X_train[batch])
    z = copy.model[0](x) if kind == "mlp" else copy.model[1](copy.model[0](x))
    for p in histograms.PERCENTILES:
        assert t.history[f"z{p}"][-1, 0] == pytest.approx(np.percentile(z.data, p), abs=1e-5)
        assert t.history[f"unit{p}"][-1, 0] == pytest.approx(np.percentile(z.data[:, 0], p), abs=1e-5)
    assert t.history.series("z50")[0].tolist() == [1, 2, 3, 4, 5]
    assert "dz" not in t.history.columns


def test_percentiles_are_recorded_only_when_asked_for_and_are_bounded():
    t = trained(steps=3)
    assert "z50" not in t.history.columns
    t.watch(percentiles=True)
    t.fit(steps=1200, bar=False)
    column = t.history.columns["z50"]
    assert len(column) < column.capacity == t.history.capacity // 4 and column.interval == 2
    t.rewind(100)
    assert t.history.series("z50")[0].max() <= 100
    t.watch()
    t.fit(steps=50, bar=False)
    assert t.history.series("z50")[0].max() <= 100 < t.history.series("dz")[0].max()


def test_percentiles_of_pictures_and_of_sequences_take_the_first_channel_and_feature():
    rng = np.random.default_rng(0)
    for shape in ((5, 3, 4, 4), (5, 7, 3), (5, 3)):
        z = rng.normal(size=shape).astype(np.float32)
        tap = Tap(z, z, z, None)
        unit = z[:, 0] if z.ndim == 4 else z[..., 0]
        seen = histograms.percentiles([tap, tap])
        assert seen["z15"].shape == (2,) and seen["z15"][0] == pytest.approx(np.percentile(z, 15))
        assert seen["unit85"][1] == pytest.approx(np.percentile(unit, 85))


@pytest.mark.parametrize("scale", [1e-22, 1e22])
def test_norms_that_float32_can_hold_but_whose_squares_it_cannot(scale):
    a = np.full(100, scale, np.float32)
    a[::2] *= -1
    with np.errstate(over="ignore"):
        seen = statistics.moments(a)[1], statistics.norm(a)
    np.testing.assert_allclose(seen, [scale, 10 * scale], rtol=1e-5)


def test_a_gradient_that_has_all_but_vanished_is_not_taken_for_zero():
    t = nb.Trainer(nb.nn.mlp([2, *[8] * 24, 1], "sigmoid", "standard", seed=0), "moons", seed=0)
    t.step()
    seen = t.probe()
    assert 0 < seen["dz"][0] < 1e-18 and 0 < seen["dW"][0] < 1e-18
    parts = [(layer.weight.start, layer.weight.stop) for layer in t.layers]
    norms = [np.linalg.norm(t.model.gradient[start:stop].astype(float)) for start, stop in parts]
    np.testing.assert_allclose(seen["dW"], norms, rtol=1e-4)
