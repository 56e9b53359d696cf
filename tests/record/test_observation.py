"""What an observation shows is what happens, for a batch and for a sample, and looking changes nothing."""

import copy
import json

import numpy as np
import pytest

import nbprop as nb


def trainer(model=None, data="moons", **settings):
    model = nb.nn.mlp([2, 8, 6, 1], seed=1) if model is None else model
    return nb.Trainer(model, data, seed=3, probe_every=1, **settings)


class Last(nb.nn.Module):
    """What an LSTM says after the last of two steps."""

    def __init__(self):
        self.rnn, self.head = nb.nn.LSTM(1, 5, rng=0, batch_first=True), nb.nn.Linear(5, 1, rng=1)

    def forward(self, x):
        return self.head(self.rnn(x.reshape(len(x.data), -1, 1))[0][:, -1])


def normalized():
    nn = nb.nn
    layers = [nn.Linear(2, 8, rng=0), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.3, seed=5), nn.Linear(8, 1, rng=1)]
    return nn.Sequential(*layers)


def test_the_gradients_of_the_samples_of_a_batch_add_up_to_its_own():
    t = trainer(batch_size=8)
    t.fit(steps=3, bar=False)
    batch = t.branch()._run.batches.next(8)
    samples = [t.observe(int(i)) for i in batch]
    t.step()
    whole = t.observe()
    close = {"rtol": 1e-4, "atol": 1e-7}
    assert whole.loss == pytest.approx(np.mean([one.loss for one in samples]), rel=1e-5)
    np.testing.assert_allclose(sum(one.gradient for one in samples) / 8, whole.gradient, **close)
    for k in range(3):
        np.testing.assert_allclose(sum(one.dW[k] for one in samples) / 8, whole.dW[k], **close)
        np.testing.assert_allclose(np.concatenate([one.z[k] for one in samples]), whole.z[k], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(np.concatenate([one.dz[k] for one in samples]) / 8, whole.dz[k], **close)
    np.testing.assert_array_equal(whole.x, t.data.X_train[batch])


def test_shapes_and_that_weights_and_deltas_make_the_gradient():
    t = trainer()
    t.step()
    seen = t.observe()
    assert [W.shape for W in seen.W] == [dW.shape for dW in seen.dW] == [(8, 2), (6, 8), (1, 6)]
    for k, below in enumerate([seen.x, *seen.a[:-1]]):
        np.testing.assert_allclose(seen.dz[k].T @ below, seen.dW[k], rtol=1e-4, atol=1e-7)
    with pytest.raises(ValueError, match="read-only"):
        seen.W[0][0, 0] = 1
    assert seen.update is None
    t.watch()
    t.step()
    np.testing.assert_array_equal(t.observe().update[0], t.observe().W[0] - seen.W[0])
    assert repr(seen).startswith("Observation(32 samples, 3 layers, loss ")


def test_an_observation_keeps_its_numbers_when_the_run_goes_on():
    t = trainer()
    t.step()
    seen = t.observe()
    kept = copy.deepcopy([*seen.z, *seen.dz, *seen.W, *seen.dW, seen.x])
    t.fit(steps=5, bar=False)
    for now, then in zip([*seen.z, *seen.dz, *seen.W, *seen.dW, seen.x], kept, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("clip", [None, 1e-3])
@pytest.mark.parametrize("l1", [0.0, 0.5])
def test_the_gradient_is_that_of_the_loss_whatever_is_done_to_it(clip, l1):
    t, plain = trainer(clip=clip, l1=l1), trainer()
    t.step()
    plain.step()
    np.testing.assert_array_equal(t.observe().gradient, plain.observe().gradient)
    for one, other in zip(t.histograms("gradients"), plain.histograms("gradients"), strict=True):
        np.testing.assert_array_equal(one, other)


def everything(t):
    """All that decides how a run goes on, and all that views see of it."""
    run, modules = t._run, list(t.model.modules())
    arrays = [t.model.gradient.copy(), *(array.copy() for array in t.model.state_dict().values())]
    arrays += [array.copy() for tap in run.taps for array in (tap.z, tap.a, tap.dz)]
    arrays += [np.array(str(generator.bit_generator.state)) for generator in t.model.generators()]
    arrays += [np.array([id(value) for name, value in vars(m).items() if name != "_packed"]) for m in modules]
    return [*arrays, np.array([run.batches.position, t.version, t.steps])]


@pytest.mark.parametrize("make", [lambda: None, normalized, Last])
@pytest.mark.parametrize("steps", [0, 7])
def test_observing_a_sample_leaves_everything_as_it_is(make, steps):
    runs = []
    for looking in (True, False):
        t = trainer(make(), lr=0.01)
        t.watch(percentiles=True, lags=True)
        t.fit(steps=steps, bar=False)
        before = everything(t)
        if looking:
            t.observe(0)
            t.observe((t.data.X_val[0], t.data.y_val[0]))
        for one, two in zip(before, everything(t), strict=True):
            np.testing.assert_array_equal(one, two)
        t.fit(steps=5, bar=False)
        runs.append(t)
    one, two = runs
    np.testing.assert_array_equal(one.theta, two.theta)
    assert set(one.history.columns) == set(two.history.columns)
    for name in one.history.columns:
        np.testing.assert_array_equal(one.history[name], two.history[name])


def test_a_failed_observation_leaves_the_gradient_as_it_is():
    t = trainer()
    t.step()
    gradient, training = t.model.gradient.copy(), t.model.training

    def loss(output, y):
        raise RuntimeError("no")

    t._run.objective.loss_of = loss
    with pytest.raises(RuntimeError, match="no"):
        t.observe(0)
    np.testing.assert_array_equal(t.model.gradient, gradient)
    assert gradient.any() and t.model.training == training


def test_a_sample_is_seen_as_in_evaluation():
    t = trainer(normalized(), lr=0.01)
    t.fit(steps=20, bar=False)
    x, y = t.data.X_train[4], t.data.y_train[4]
    one, same = t.observe(4), t.observe((x, y))
    np.testing.assert_allclose(1 / (1 + np.exp(-one.a[-1])), t.predict(x[None]), rtol=1e-5)
    np.testing.assert_array_equal(one.gradient, same.gradient)
    np.testing.assert_allclose(one.dz[-1], t.predict(x[None]) - y, rtol=1e-4)
    assert (t.observe((x, 1 - y)).dz[-1] * one.dz[-1] < 0).all()


@pytest.mark.parametrize(
    ("sample", "error", "words"),
    [
        (10**6, ValueError, "sample must be from 0 to .*training samples of 'moons'; got 1000000"),
        (-1, ValueError, "from 0 to"),
        (True, TypeError, r"number of a training sample or a pair \(x, y\); got bool"),
        ("first", TypeError, "got str"),
        (([1.0, 2.0, 3.0], 0), ValueError, r"x must have the shape \(2,\), as in the data; got \(3,\)"),
        (([1.0, 2.0], 2), ValueError, "y must be whole numbers from 0 to 1; got 2"),
        (([1.0, 2.0], 0.5), ValueError, "y must be whole numbers from 0 to 1"),
        ((["a", "b"], 0), TypeError, "x must be numbers"),
    ],
)
def test_a_sample_that_is_none_is_refused(sample, error, words):
    with pytest.raises(error, match=words):
        trainer().observe(sample)


def test_before_the_first_step_there_is_no_batch_to_observe():
    t = trainer()
    with pytest.raises(ValueError, match=r"no step has been taken yet; try trainer.step\(\), or observe\(sample=0\)"):
        t.observe()
    assert t.observe(sample=0).z[0].shape == (1, 8)
    assert json.dumps(t.observe(0).loss)
