"""What a loss keeps belongs to the run: its settings, its arrays and lists, how often it was called."""

import numpy as np
import pytest
from runs import on_moons

import nbprop as nb
from nbprop import nn

LOSSES = {
    "huber": lambda: (nn.HuberLoss(1.0), "delta", 0.01),
    "own": lambda: (Scaled(), "factor", 3.0),
}


class Scaled(nn.Loss):
    static = True

    def __init__(self):
        self.factor, self.table, self.weights = 1.0, {"gain": 1.0}, np.ones(1, np.float32)

    def forward(self, output, y):
        return ((output - y) ** 2).mean() * self.factor


class Looked(Scaled):
    static = None

    def forward(self, output, y):
        self.table.setdefault("log", []).append(1)  # which sets no attribute
        gain = self.table["gain"] * float(self.weights[0]) * 0.99 ** len(self.table["log"])
        return super().forward(output, y) * gain


INSIDE = {
    "loss": lambda loss: loss.table.update(gain=3),
    "weights": lambda loss: loss.weights.__setitem__(0, 3),
}


@pytest.mark.parametrize("what", INSIDE)
def test_what_a_loss_keeps_inside(what):
    data = nb.data.wave(samples=60, seed=0)
    t = nb.Trainer(nn.mlp([1, 8, 1], seed=0), data, loss=Looked(), lr=0.01, snapshot_every=4)
    thetas = {}
    t.on("step", lambda t: thetas.setdefault(t.steps, t.theta.copy()))
    t.fit(steps=10, bar=False)
    assert t.history.events == []  # what it does itself is no edit
    INSIDE[what](t.loss)
    t.fit(steps=10, bar=False)
    assert [event.text for event in t.history.events] == [f"{what} changed in code"]
    branch = t.branch()
    for back in (15, 5):
        t.rewind(back)
        np.testing.assert_array_equal(t.theta, thetas[back])
        assert t.message == ""
    assert len(t.loss.table["log"]) == 5 and len(branch.loss.table["log"]) == 20  # each has its own
    np.testing.assert_array_equal(branch.at(12).theta, thetas[12])
    branch.fit(steps=1, bar=False)
    assert len(branch.history.events) == 1


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
    t = on_moons(loss=loss)
    t.layers  # noqa: B018
    assert loss.calls == 0
    t.fit(steps=40, bar=False)
    t.evaluate()
    assert loss.calls == 40
