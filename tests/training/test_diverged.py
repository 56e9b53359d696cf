"""A run whose numbers are no longer finite stops, says what first went wrong, and can be rewound."""

import numpy as np
import pytest

import nbprop as nb


def test_too_large_a_learning_rate_is_named_and_can_be_undone():
    data = nb.data.surface(samples=100)
    t = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], activation="relu", seed=0), data, optimizer="sgd", lr=0.01, batch_size=20)
    t.fit(steps=50)
    theta = t.model.theta.copy()
    t.lr = 1e6
    says = r"In step 5\d.* became .*trainer\.rewind\(\d+\).*learning rate below 1e\+06"
    with pytest.raises(nb.Diverged, match=says) as caught:
        t.fit(steps=100)
    assert caught.value.step == t.steps + 1 or caught.value.step == t.steps
    assert t.status == "stopped" and str(caught.value) == t.message
    assert np.isfinite(t.history["loss"]).all()
    t.rewind(50)
    np.testing.assert_array_equal(t.model.theta, theta)
    assert t.lr == 0.01 and t.message == ""
    t.fit(steps=20)
    assert t.steps == 70


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_the_first_bad_layer_is_named(poison):
    t = nb.Trainer(nb.nn.mlp([2, 4, 4, 4, 1], seed=0), nb.data.xor(), optimizer="sgd", lr=0.1)
    t.fit(steps=3)
    t.model[2].weight.data[1, 1] = poison
    theta = t.model.theta.copy()
    with pytest.raises(nb.Diverged) as caught:
        t.fit(steps=1)
    assert (caught.value.step, caught.value.layer, caught.value.quantity) == (4, "hidden 2", "weights")
    assert "is NaN before it begins" in str(caught.value) or "is infinite before it begins" in str(caught.value)
    assert "learning rate" not in str(caught.value)
    assert t.steps == 3
    np.testing.assert_array_equal(t.model.theta, theta)  # the bad update was not made


class Words(nb.nn.Module):
    """Looks up rows, of which the batches use some."""

    def __init__(self):
        self.rows, self.out = nb.nn.Embedding(5, 3, rng=0), nb.nn.Linear(3, 1, rng=1)

    def forward(self, x):
        return self.out(self.rows(x))


def test_numbers_that_nobody_has_computed_are_not_blamed_on_the_learning_rate():
    X = np.random.default_rng(0).integers(0, 4, 40)
    t = nb.Trainer(Words(), objective=nb.Objective(lambda model, x: (model(x) ** 2).mean(), X))
    t.fit(steps=3)
    before = t.theta.copy()
    t.model.rows.weight.data[4] = np.nan  # which no batch uses
    with pytest.raises(nb.Diverged, match=r"a weight .*is NaN before it begins.*trainer\.undo\(\)") as caught:
        t.fit(steps=1)
    assert caught.value.quantity == "weights"
    t.undo()
    np.testing.assert_array_equal(t.theta, before)


@pytest.mark.parametrize("kind", [np.asarray, nb.Tensor])
def test_any_of_several_batches(kind):
    x = np.ones((4, 2), np.float32)
    batches = [kind(each) for each in (x, x * np.nan, x, x)]
    objective = nb.Objective(lambda model, x: (model(x) ** 2).mean(), batches=batches)
    t = nb.Trainer(nb.nn.mlp([2, 3, 1], seed=0), objective=objective, accumulate=4)
    with pytest.raises(nb.Diverged, match="a number in the batch is NaN before it begins"):
        t.fit(steps=1)


def test_parts_with_learning_rates_of_their_own():
    def two(lr):
        model = nb.nn.ModuleDict({"d": nb.nn.mlp([2, 4, 1], seed=0), "g": nb.nn.mlp([2, 4, 1], seed=1)})
        losses = {
            "d": lambda model, x: (model["d"](x) ** 2).mean(),
            "g": lambda model, x: ((model["d"](x) - model["g"](x)) ** 2).mean(),
        }
        optimizer = {"d": nb.optim.SGD(lr=lr), "g": nb.optim.SGD(lr=0.01)}
        data = np.ones((20, 2), np.float32)
        return nb.Trainer(model, objective=nb.Objective(losses, data), optimizer=optimizer)

    t, told = two(1e39), []
    t.on("diverged", lambda t, error: told.append(error))
    with pytest.raises(
        nb.Diverged, match=r"the weights of layer .* learning rate below 1e\+39 \(d\), 0\.01 \(g\)"
    ) as caught:
        t.fit(steps=1)
    assert caught.value.quantity == "parameters" and told == [caught.value]
    assert t.status == "stopped" and t.message == str(caught.value)


def test_an_update_that_overflows_is_named():
    t = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.surface(), optimizer="sgd", lr=1e38)
    t.model.theta = t.model.theta * 1e3
    with pytest.raises(nb.Diverged, match="the weights of layer 'hidden 1' became infinite") as caught:
        t.fit(steps=1)
    assert (caught.value.step, caught.value.quantity) == (1, "parameters")
    t.rewind(0)
    assert np.isfinite(t.model.theta).all()


def test_huge_but_finite_gradients_do_not_stop_the_run():
    t = nb.Trainer(
        nb.nn.mlp([2, 4, 1], activation="identity", seed=0), nb.data.surface(), loss="mse", optimizer="sgd", lr=0.0
    )
    t.model.theta = t.model.theta * 1e9
    t.fit(steps=20)  # squares of the gradient overflow float32
    norms = t.history["dW"][-1]
    assert np.isfinite(norms).all() and norms.max() > 1e19


def test_an_error_in_the_model_does_not_end_the_trainer():
    class Moody(nb.nn.Module):
        bad = False

        def __init__(self):
            self.linear = nb.nn.Linear(2, 1)

        def forward(self, x):
            if self.bad:
                raise RuntimeError("in a mood")
            return self.linear(x)

    model = Moody()
    t = nb.Trainer(model, nb.data.xor())
    model.bad = True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="in a mood"):
            t.fit(steps=1)
    model.bad = False
    t.fit(steps=3)
    assert t.steps == 3


@pytest.fixture
def broken():
    t = nb.Trainer(nb.nn.mlp([1, 8, 8, 1], activation="relu", seed=0), nb.data.wave(seed=0), optimizer="sgd", lr=0.001)
    t.fit(steps=30, bar=False)
    t.lr = 10.0
    with pytest.raises(nb.Diverged, match=r"below 10, such as the 0.001 that it had then"):
        t.fit(steps=3000, bar=False)
    return t


def test_what_is_advised_can_be_done_and_helps(broken):
    t, step = broken, broken.steps
    assert t.status == "stopped" and t.remedy == "Back to step 20 with learning rate 0.001"
    t.mend()
    assert (t.steps, t.lr, t.status, t.remedy) == (20, 0.001, "paused", "")
    t.fit(steps=200, bar=False)
    t.undo()  # it had that learning rate there: it was one act
    assert (t.steps, t.lr) == (step, 10.0)
    with pytest.raises(ValueError, match="nothing to mend"):
        nb.Trainer(nb.nn.mlp([1, 2, 1]), nb.data.wave()).mend()


def test_a_broken_run_that_undo_brings_back_says_so_again(broken):
    t, said, step = broken, broken.message, broken.steps
    t.rewind(10)
    assert (t.status, t.message) == ("paused", "")
    t.undo()
    assert (t.status, t.message, t.steps) == ("stopped", said, step) and t.remedy
    t.reset()
    assert t.message == t.remedy == ""
    t.undo()
    assert t.message == said
    assert t.branch().message == ""


def test_a_rate_that_was_never_another_is_to_be_a_tenth():
    t = nb.Trainer(nb.nn.mlp([1, 8, 1], activation="relu", seed=0), nb.data.wave(seed=0), optimizer="sgd", lr=3e7)
    with pytest.raises(nb.Diverged, match=r"below 3e\+07, such as 3e\+06"):
        t.fit(steps=300, bar=False)
    assert t.remedy.endswith("with learning rate 3e+06")


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e38])
def test_every_knob_and_look_at_a_run_that_has_diverged(value):
    """No warning of NumPy (they are errors here): what is not finite is drawn so, and named by the steps."""
    changes = [
        *({"width": 5}, {"depth": 1}, {"depth": 3}, {"activation": "relu"}, {"batch_norm": True}),
        *({"optimizer": "adam"}, {"loss": "hinge"}, {"batch_size": 7}, {"silenced": [("hidden 1", 0)]}),
    ]
    deeds = [lambda t, change=change: t.set(**change) for change in changes] + [
        lambda t: t.freeze("output"),
        lambda t: t.scale(0, 0.9),
        lambda t: t.reinitialize(-1),
        lambda t: t.insert(0, 4),
        lambda t: t.remove(0),
        lambda t: (t.probe(), t.observe(5), t.histograms("weights"), t.layers, repr(t), t.evaluate()),
        lambda t: t.predict(t.data.X_val),
        lambda t: (t.branch(lr=0.1), t.set(batch_norm=True), t.set(batch_norm=False)),
    ]
    for deed in deeds:
        trainer = nb.Trainer(nb.nn.mlp([2, 4, 4, 1], seed=0), nb.data.moons(samples=60, seed=0))
        trainer.model.theta[...] = value
        deed(trainer)
