"""Optimizers that ask for losses alone, in a Trainer: rewound, saved, counted; no gradient is shown where none is."""

import copy

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn, optim
from nbprop.record.source import CannotSay

MOONS = nb.data.moons(seed=0)
N = len(MOONS.y_train)
each = pytest.mark.parametrize("name", ["annealing", "evolution", "swarm", "genetic"])
WORDS = "no gradient here"


def trainer(name, **settings):
    network = settings.pop("network", None) or nn.mlp([2, 6, 1], seed=0)
    made = optim.optimizer(name) if isinstance(name, str) else name
    return nb.Trainer(network, MOONS, seed=0, **{"optimizer": made, "batch_size": N, **settings})


@each
def test_it_learns_is_rewound_saved_and_grows(name, tmp_path):
    one, was = trainer(name), {}
    before = one.evaluate()["val_loss"]
    for _ in range(12):
        if one.steps == 6:
            one.hidden = (8, 4)
        one.step()
        was[one.steps] = one.theta.copy()
    one.save(tmp_path / "run.npz")
    loaded = nb.Trainer.load(tmp_path / "run.npz", data=MOONS)
    loaded.fit(steps=3, bar=False), one.fit(steps=3, bar=False)
    np.testing.assert_array_equal(loaded.theta, one.theta)
    for step in (9, 3):
        one.rewind(step)
        np.testing.assert_array_equal(one.theta, was[step])
    one.fit(steps=2, bar=False)
    np.testing.assert_array_equal(one.theta, was[5])
    other = trainer(name)
    other.fit(steps=60, bar=False)
    assert other.evaluate()["val_loss"] < before


@each
def test_computed_anew_gives_the_same(name):
    one, other = trainer(name), trainer(name)
    other._run.not_replayed = "asked for"
    one.fit(steps=8, bar=False), other.fit(steps=8, bar=False)
    np.testing.assert_array_equal(one.theta, other.theta)


@each
def test_the_loss_of_a_step_is_that_before_it_and_evaluations_are_counted(name):
    one, other = trainer(name), trainer("sgd", lr=0.1)
    compared = nb.sources.Comparison(one, other)
    whole = float(one._run.objective.evaluate(one.model, 0, one._run.settings)["train_loss"])
    compared.fit(5)
    assert one.history["loss"][0] == pytest.approx(whole, rel=1e-5)
    cost = one.optimizer.evaluations
    assert cost > 10
    assert compared.spent(0, "evaluations")[1][-1] == compared.spent(0, "forwards")[1][-1] == 5 * cost
    assert (compared.spent(1, "evaluations")[1][-1], compared.spent(1, "forwards")[1][-1]) == (5, 15)
    view = nb.views.Runs(compared, axis="forwards")
    assert view.frame() and "forward passes" in view.labels()["axis"] and "two" in view.marks()["axis"]


@each
def test_no_gradient_is_shown_also_after_one_was_there(name):
    one = trainer("sgd", lr=0.1)
    one.watch()
    one.fit(steps=20, bar=False)
    assert np.isfinite(one.probe()["dz"]).all()
    one.optimizer = optim.optimizer(name)
    one.fit(steps=20, bar=False)
    for read in (lambda seen: seen.dW, lambda seen: seen.dz, lambda seen: seen.gradient):
        with pytest.raises(ValueError, match=WORDS):
            read(one._run.observation.copy())
    assert np.ma.getmaskarray(one.probe()["dz"]).all() and np.ma.getmaskarray(one.probe()["dW"]).all()
    assert np.isfinite(one.probe()["a_std"]).all()
    for quantity in ("dz", "dW"):
        view = nb.views.GradientFlow(one, quantity=quantity)
        assert WORDS in view.describe() and WORDS in view.labels()["unmeasured"]
    assert nb.views.Histograms(one, kind="gradients").describe()
    assert nb.views.Network(one).frame() and nb.diagnose(one) is not None and "no line" in one.stability().words
    with pytest.raises(CannotSay, match="No gradient here"):
        one.rehearse()
    assert one.history.series("dz")[0].max() == 20 and one.history.series("a_std")[0].max() == 40
    assert not np.isnan(nb.views.GradientFlow(one).frame()["map"]).any()
    one.optimizer = "sgd"
    one.fit(steps=1, bar=False)
    assert np.isfinite(one.probe()["dz"]).all()


@each
def test_what_is_frozen_stays_and_running_means_are_those_of_theta(name):
    network = nn.Sequential(nn.Linear(2, 4, rng=0), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1, rng=1))
    network[0].weight.requires_grad = False
    first, one = network[0].weight.data.copy(), trainer(name, network=network)
    one.fit(steps=1, bar=False)
    assert np.array_equal(network[0].weight.data, first)
    means = (MOONS.X_train @ first.T).mean(axis=0)  # the bias begins at 0
    assert network[1].running_mean == pytest.approx(0.1 * means, abs=1e-5)


@each
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch_size": N - 1}, f"batch_size must be at least {N}"),
        ({"clip": 1.0}, "clip is for a gradient, and there is none"),
        ({"l1": 0.1}, "l1 is for a gradient"),
        ({"accumulate": 2}, "all samples are in one batch already"),
    ],
)
def test_what_needs_a_gradient_is_refused(name, settings, words):
    one = trainer(name)
    with pytest.raises(ValueError, match=f"compares values of one and the same loss: {words}"):
        one.set(**settings)
    assert "without a gradient: add the penalty to the loss" in one.refusal(weight_decay=0.1)


def test_settings_are_knobs():
    one = trainer("genetic")
    one.fit(steps=2, bar=False)
    one.set(mutation=0.5, population=20)
    one.step()
    assert one.optimizer.evaluations == 20 and one.optimizer.mutation == 0.5
    with pytest.raises(ValueError, match=r"Genetic has no temperature; annealing has: try trainer\.set"):
        one.temperature = 1.0
    one.rewind(2)
    assert one.population == 50 and one.temperature is None


class Bag(nn.Module):
    def __init__(self, static):
        self.static = static
        self.table, self.head = nn.Embedding(7, 5, padding_idx=0, rng=0), nn.Linear(5, 1, rng=1)

    def forward(self, tokens):
        return self.head(self.table(tokens).mean(axis=1))


@each
def test_a_row_that_stands_for_nothing_stays_zero(name):
    tokens = np.random.default_rng(0).integers(0, 7, (40, 4))
    data = nb.data.from_arrays(tokens, np.arange(40) % 2, vocabulary="·abcdef")
    for static in (True, False):
        one = nb.Trainer(Bag(static), data, optimizer=name, batch_size=40, seed=0)
        one.fit(steps=3, bar=False)
        assert not one.model.table.weight.data[0].any() and one.model.table.weight.data[1].any()


class Remembers(nn.Module):
    """Gives another number at each call, from an array, an attribute and a generator of its own."""

    def __init__(self):
        self.layer, self.rng = nn.Linear(2, 1, rng=0), np.random.default_rng(0)
        self.kept, self.calls = np.zeros(1, np.float32), 0

    def forward(self, x):
        self.kept += 1
        self.calls += 1
        return self.layer(x) + np.float32(self.kept[0] + self.calls + self.rng.normal())


def test_what_a_model_remembers_goes_on_by_one_call_a_step_and_all_losses_are_of_one_function():
    frozen = Remembers()
    frozen.layer.weight.requires_grad = False
    one, losses = trainer(optim.ParticleSwarm(spread=0), network=frozen), []
    search = one.optimizer.search

    def noted(theta, f, loss, still):
        losses.append((loss, f(theta.copy()), f(theta.copy())))
        return search(theta, f, loss, still)

    vars(one.optimizer)["search"] = noted
    for step in range(1, 4):
        one.step()
        assert frozen.kept[0] == frozen.calls == step
        assert losses[-1][0] == losses[-1][1] == losses[-1][2]


@each
@pytest.mark.parametrize("static", [True, False])
def test_an_interrupt_in_a_trial_leaves_the_model_as_it_was(name, static, monkeypatch):
    network = nn.Sequential(nn.Linear(2, 4, rng=0), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1, rng=1))
    one, other = (trainer(name, network=copy.deepcopy(network)) for _ in range(2))
    for each in (one, other):
        each._run.not_replayed = "" if static else "asked for"
        each.fit(steps=3, bar=False)
    theta, search, calls = one.theta.copy(), type(one.optimizer).search, []

    def interrupted(self, theta, f, loss, still):
        def g(theta):
            calls.append(1)
            if len(calls) == 5:
                raise KeyboardInterrupt
            return f(theta)

        return search(self, theta, g, loss, still)

    monkeypatch.setattr(type(one.optimizer), "search", interrupted)
    with pytest.raises(KeyboardInterrupt):
        one._run.step()
    monkeypatch.undo()
    assert np.array_equal(one.theta, theta) and one.optimizer.t == 3
    other._run.batches.next(N, False)  # the batch of the step that was not made
    one._run.step(), other._run.step()
    np.testing.assert_array_equal(one._run.theta, other._run.theta)
