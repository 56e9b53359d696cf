"""What is changed in code while a run rests, however it is changed: noticed by whoever looks next, flagged, trained,
and gone back across."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn

MOONS = nb.data.moons(samples=80, seed=0)


def make(model=None, **settings):
    model = model or nn.mlp([2, 8, 8, 1], seed=0)
    return nb.Trainer(model, MOONS, **{"lr": 0.01, "batch_size": 16, "seed": 1, **settings})


def negated(t):
    t.model[0].weight.data *= -1


def swapped(t):
    t.model[0].weight.data[[0, 1]] = t.model[0].weight.data[[1, 0]]


def nudged(t):
    t.model[0].bias.data[0] += 1e-5


def forgets(t):
    t.optimizer.reset()


def counts_anew(t):
    t.optimizer.t = 0


def memory_in_place(t):
    t.optimizer.state["exp_avg"][:] = 0


EDITS = {
    negated: "weights",
    swapped: "weights",
    nudged: "weights",
    forgets: "the optimizer's state",
    counts_anew: "the optimizer's state",
    memory_in_place: "the optimizer's state",
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_keeps_the_length_of_theta_is_noticed_too(edit):
    t = make()
    t.fit(steps=30, bar=False)
    edit(t)
    t.layers  # whoever looks  # noqa: B018
    assert [event.text for event in t.history.events] == [f"{EDITS[edit]} changed in code"]
    thetas = {}
    t.on("step", lambda t: thetas.setdefault(t.steps, t.theta.copy()))
    t.fit(steps=6, bar=False)
    for step in (34, 31):
        t.rewind(step)
        np.testing.assert_array_equal(t.theta, thetas[step])
    t.undo()
    t.undo()
    assert t.steps == 36 and t.message == ""
    np.testing.assert_array_equal(t.theta, thetas[36])


def test_running_means():
    t = make(nn.Sequential(nn.Linear(2, 8, rng=0), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 1, rng=1)))
    t.fit(steps=10, bar=False)
    t.model[1].running_mean[...] = 5
    t.fit(steps=5, bar=False)
    assert [event.text for event in t.history.events] == ["1.running_mean changed in code"]
    loss = t.evaluate()["val_loss"]
    t.fit(steps=1, bar=False)
    t.rewind(15)
    assert t.evaluate()["val_loss"] == loss


class Keeping(nn.Module):
    """Keeps numbers in a dict and in an array, and a list that its forward adds to and goes by."""

    def __init__(self):
        self.a, self.b = nn.Linear(2, 8, rng=1), nn.Linear(8, 1, rng=2)
        self.settings, self.mask, self.log = {"gain": 1.0}, np.ones(8, np.float32), []

    def forward(self, x):
        if self.training:
            self.log.append(1)
        return self.b(self.a(x).tanh() * self.settings["gain"] * nb.Tensor(self.mask)) * (1 + 0.01 * len(self.log))


@pytest.mark.parametrize("edit", [lambda m: m.settings.update(gain=0.5), lambda m: m.mask.__setitem__(0, 0)])
def test_what_a_module_keeps(edit):
    t = make(Keeping())
    thetas = {}
    t.on("step", lambda t: thetas.setdefault(t.steps, t.theta.copy()))
    t.fit(steps=10, bar=False)
    assert t.history.events == []  # what forward does is no edit
    edit(t.model)
    t.fit(steps=10, bar=False)
    assert len(t.history.events) == 1
    for step in (15, 8):
        t.rewind(step)
        np.testing.assert_array_equal(t.theta, thetas[step])
        assert t.message == "" and len(t.model.log) == step


LOSSES = {
    "huber": lambda: (nn.HuberLoss(1.0), "delta", 0.01),
    "own": lambda: (Scaled(), "factor", 3.0),
}


class Scaled(nn.Loss):
    static = True

    def __init__(self):
        self.factor = 1.0

    def forward(self, output, y):
        return ((output - y) ** 2).mean() * self.factor


@pytest.mark.parametrize("which", LOSSES)
def test_a_setting_of_the_loss(which):
    loss, name, value = LOSSES[which]()
    data = nb.data.wave(samples=60, seed=0)
    t = nb.Trainer(nn.mlp([1, 8, 1], seed=0), data, loss=loss, optimizer="sgd", lr=0.1, batch_size=len(data.X_train))
    before = getattr(loss, name)
    t.fit(steps=5, bar=False)
    setattr(loss, name, value)
    t.fit(steps=5, bar=False)
    end = t.theta.copy()
    assert [event.text for event in t.history.events] == ["loss changed in code"]
    model, order = nn.mlp([1, 8, 1], seed=0), nb.optim.SGD(lr=0.1)
    other, *_ = LOSSES[which]()
    for step in range(10):
        if step == 5:
            setattr(other, name, value)
        model.zero_grad()
        other(model(nb.Tensor(data.X_train)), data.y_train).backward()
        order.step(model)
    np.testing.assert_allclose(end, model.theta, rtol=1e-4, atol=1e-6)  # in another order of the samples
    t.rewind(3)
    assert getattr(loss, name) == before
    t.undo()
    assert getattr(loss, name) == value
    np.testing.assert_array_equal(t.theta, end)


def test_a_loss_that_counts_is_called_by_steps_alone():
    class Annealed:
        calls = 0

        def __call__(self, output, y):
            self.calls += 1
            return nn.BCEWithLogitsLoss()(output, y) * 0.99**self.calls

    loss = Annealed()
    t = make(loss=loss)
    t.layers  # noqa: B018
    assert loss.calls == 0
    t.fit(steps=40, bar=False)
    t.evaluate()
    assert loss.calls == 40


EXCHANGES = {
    "a module": lambda m: m.__setitem__(0, nn.Linear(2, 8, rng=5)),
    "a parameter": lambda m: setattr(m[0], "weight", nn.Parameter(np.full((8, 2), 7, np.float32))),
    "data": lambda m: setattr(m[0].weight, "data", np.full((8, 2), 7, np.float32)),
}
LOOKS = {
    "histograms": lambda t: t.histograms("weights", 10)[1][0] == pytest.approx(t.model[0].weight.data.min(), abs=4),
    "predict": lambda t: np.isfinite(t.predict(MOONS.X_val[:3])).all(),
    "evaluate": lambda t: t.evaluate()["val_loss"] > 0,
    "observe": lambda t: np.array_equal(t.observe(0).W[0], t.model[0].weight.data),
    "batch_size": lambda t: t.set(batch_size=8) is None and t.batch_size == 8,
    "loss": lambda t: t.set(loss="hinge") is None and t.loss == "hinge",
    "theta": lambda t: t.set(theta=t.theta * 2) is None,
    "freeze": lambda t: t.freeze(0) is None and t.frozen == ("hidden 1",),
    "remove": lambda t: t.remove(0) is None and t.depth == 1,
}


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("look", LOOKS)
def test_whoever_looks_sees_the_model_of_now(exchange, look):
    t = make()
    t.fit(steps=5, bar=False)
    EXCHANGES[exchange](t.model)
    assert LOOKS[look](t)
    assert t.history.events[0].text == "structure changed in code"
    t.fit(steps=2, bar=False)


@pytest.mark.parametrize("optimizer", list(nb.optim.OPTIMIZERS))
def test_what_an_optimizer_remembers_goes_with_its_parameter(optimizer):
    t, thetas = make(optimizer=optimizer, snapshot_every=20), {}
    t.on("step", lambda t: thetas.setdefault(t.steps, t.theta.copy()))
    t.fit(steps=30, bar=False)
    kept = {name: vector[:24].copy() for name, vector in t.optimizer.state.items()}  # of the first Linear
    t.model.insert(2, nn.Linear(8, 8, rng=3))
    assert len(t.layers) == 4
    for name, vector in t.optimizer.state.items():
        np.testing.assert_array_equal(vector[:24], kept[name])
        assert vector.shape == t.theta.shape and not vector[24 : 24 + 72].any()
    t.fit(steps=20, bar=False)
    for step in (40, 25):
        t.rewind(step)
        np.testing.assert_array_equal(t.theta, thetas[step])


def test_a_way_back_that_fails_leaves_the_run_where_it_was():
    class Fragile(nn.Module):
        broken = False

        def __init__(self):
            self.inner = nn.mlp([2, 4, 1], seed=0)

        def forward(self, x):
            if Fragile.broken and self.training:
                raise RuntimeError("no more")
            return self.inner(x)

    t = make(Fragile(), snapshot_every=10)
    t.fit(steps=10, bar=False)
    t.set(lr=0.02)
    t.fit(steps=10, bar=False)
    end, losses = t.theta.copy(), t.history["loss"].copy()
    Fragile.broken = True
    with pytest.raises(RuntimeError, match="no more"):
        t.rewind(5)
    Fragile.broken = False
    np.testing.assert_array_equal(t.theta, end)
    np.testing.assert_array_equal(t.history["loss"], losses)
    t.fit(steps=1, bar=False)
    t.rewind(20)
    np.testing.assert_array_equal(t.theta, end)


def test_evaluation_is_of_now():
    t = make()
    t.fit(steps=60, bar=False)
    for turn in (lambda: t.set(theta=t.theta * 0.5), lambda: t.set(data=nb.data.circles(samples=80, seed=0))):
        turn()
        assert t.evaluation == t.evaluate()
    t = make()
    t.fit(steps=400, patience=1, bar=False)
    assert t.evaluation == t.evaluate()


def test_batch_norm_is_refused_where_one_sample_would_be_left():
    t = nb.Trainer(nn.mlp([2, 8, 1], seed=0), MOONS, batch_size=59)
    assert len(MOONS.X_train) == 60
    with pytest.raises(ValueError, match=r"batch_norm cannot be turned on: batches of 59 leave one of 60 .*drop_last"):
        t.batch_norm = True
    t.set(batch_norm=True, drop_last=True)
    t.fit(steps=3, bar=False)
