"""ReduceLROnPlateau in a run: it goes by evaluations, says what it does, and is gone back across exactly."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn, optim
from nbprop.optim import LinearLR, ReduceLROnPlateau
from nbprop.training.sharing.code import code, from_code

SETTINGS = {"patience": 1, "every": 5, "factor": 0.5, "threshold": 0.02}


def of(plan=None, data=None, **settings):
    plan = ReduceLROnPlateau(**SETTINGS) if plan is None else plan
    data = nb.data.moons(samples=80, noise=0.3, seed=0) if data is None else data
    optimizer = optim.SGD(lr=1.0, momentum=0.5, schedule=plan)
    model = nn.mlp([data.inputs, 8, data.outputs], seed=0)
    return nb.Trainer(model, data, optimizer=optimizer, seed=0, snapshot_every=20, **settings)


def rates(trainer, steps):
    found = []
    for _ in range(steps):
        found.append(trainer.optimizer.rate)
        trainer.step()
    return np.array(found)


def told(trainer):
    return [(event.step, event.text) for event in trainer.history.events]


def test_the_rate_falls_when_the_validation_loss_does_not():
    trainer = of(evaluate_every=5)
    seen = rates(trainer, 150)
    assert seen[0] == 1.0 and seen[-1] < 0.1 and trainer.lr == 1.0  # lr stays free to be turned
    assert len(trainer.history.events) == np.count_nonzero(np.diff([*seen, trainer.optimizer.rate]))
    for event in trainer.history.events:
        assert event.text.endswith("val_loss has stopped improving") and event.step % 5 == 0
        assert event.text.startswith(f"learning rate {seen[event.step - 1]:.3g} → ")
    steps, values = trainer.history.series("val_loss")  # the same rule on what was recorded
    plan = ReduceLROnPlateau(**SETTINGS)
    for step, value in zip(steps[1:], values[1:], strict=True):
        plan = plan.told(value)
        assert plan(0) == (seen[step] if step < 150 else trainer.optimizer.rate)


def test_a_rewind_goes_back_to_what_was_known():
    trainer = of()
    thetas, after = {}, {}
    for step in range(1, 161):
        trainer.step()
        thetas[step], after[step] = trainer.theta.copy(), trainer.optimizer.rate
    events = told(trainer)
    at = [step for step, _ in events]
    assert len(at) > 3
    for back in (131, at[2], at[1] + 1, 7):  # between snapshots, right at a fall, just after one
        trainer.rewind(back)
        assert trainer.optimizer.rate == after[back] and told(trainer) == [e for e in events if e[0] <= back]
        np.testing.assert_array_equal(trainer.theta, thetas[back])
    trainer.fit(steps=153, bar=False)
    np.testing.assert_array_equal(trainer.theta, thetas[160])
    assert told(trainer) == events and trainer.message == ""
    moment = trainer.at(at[1])
    np.testing.assert_array_equal(moment.theta, thetas[at[1]])
    branch = trainer.branch()
    branch.rewind(90)
    branch.fit(steps=10, bar=False)
    np.testing.assert_array_equal(branch.theta, thetas[100])
    trainer.lr = 0.5
    trainer.undo()
    assert told(trainer) == events
    np.testing.assert_array_equal(trainer.theta, thetas[160])


def test_a_run_is_saved_with_what_its_schedule_knows(tmp_path):
    trainer = of(LinearLR(10) * ReduceLROnPlateau(**SETTINGS))
    trainer.fit(steps=73, bar=False)
    assert trainer.optimizer.rate < 1
    trainer.save(tmp_path / "run")
    other = nb.Trainer.load(tmp_path / "run", data=trainer.data)
    assert other.optimizer.rate == trainer.optimizer.rate and told(other) == told(trainer)
    for each in (trainer, other):
        each.fit(steps=60, bar=False)
    np.testing.assert_array_equal(other.theta, trainer.theta)


@pytest.mark.parametrize(
    "plan",
    [
        ReduceLROnPlateau(**SETTINGS),
        optim.SequentialLR([LinearLR(10), ReduceLROnPlateau("max", monitor="val_accuracy", every=4)], [15]),
        optim.MultiStepLR([10, 20]) * optim.PolynomialLR(100),
        optim.CosineAnnealingWarmRestarts(5, 2),
    ],
    ids=lambda plan: type(plan).__name__,
)
def test_a_run_is_handed_on_with_its_schedule(plan):
    trainer = of(plan, nb.data.moons(samples=100, noise=0.3, seed=0))
    trainer.fit(steps=60, bar=False)
    names = {}
    exec(compile(trainer.script(), "script", "exec"), names)
    np.testing.assert_array_equal(names["trainer"].theta, trainer.theta)
    assert from_code(code(trainer)).optimizer.schedule == plan
    assert names["trainer"].schedule == trainer.schedule == plan


def test_it_goes_by_what_is_chosen():
    data = nb.data.moons(samples=80, noise=0.3, seed=0)
    trainer = of(ReduceLROnPlateau("max", monitor="train_accuracy", patience=0, every=5), data)
    trainer.fit(steps=100, bar=False)
    assert "train_accuracy has stopped improving" in trainer.history.events[0].text
    objective = nb.Objective(
        lambda model, batch: (model(batch) ** 2).mean(), data.X_train, evaluate=lambda model: {"flat": 1.0}
    )
    optimizer = optim.SGD(lr=0.1, schedule=ReduceLROnPlateau(monitor="flat", patience=0, every=1))
    trainer = nb.Trainer(nn.mlp([2, 4, 1], seed=0), objective=objective, optimizer=optimizer)
    np.testing.assert_allclose(rates(trainer, 5), [0.1, 0.1, 0.01, 1e-3, 1e-4])


def test_what_there_is_no_evaluation_of_is_refused():
    alone = nb.data.moons(samples=60, validation=0, seed=0)
    words = "goes by val_loss, and evaluations of this run give train_loss, train_accuracy: try monitor='train_loss'"
    with pytest.raises(ValueError, match=words):
        of(data=alone)
    trainer = of(optim.StepLR(10), alone)
    for turn in (
        lambda: trainer.set(schedule=ReduceLROnPlateau()),
        lambda: trainer.set(optimizer=optim.Adam(schedule=LinearLR(5) * ReduceLROnPlateau())),
    ):
        with pytest.raises(ValueError, match=words):
            turn()
    trainer.schedule = ReduceLROnPlateau(monitor="train_loss")
    trainer.fit(steps=5, bar=False)
    with pytest.raises(ValueError, match=words):  # of new data, too
        of().data = alone


def test_two_parts_have_each_their_own():
    class Pair(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=1)

        def forward(self, x):
            return self.a(x) + self.b(x)

    def loss(model, x):
        return (model(x) ** 2).mean()

    optimizer = {
        "a": optim.SGD(lr=0.1, schedule=ReduceLROnPlateau(monitor="flat", every=1, patience=0)),
        "b": optim.SGD(lr=0.1),
    }
    objective = nb.Objective({"a": loss, "b": loss}, np.ones((8, 2), "f"), evaluate=lambda model: {"flat": 1.0})
    trainer = nb.Trainer(Pair(), objective=objective, optimizer=optimizer)
    trainer.fit(steps=3, bar=False)
    assert [each.rate for each in trainer.optimizer.values()] == pytest.approx([1e-3, 0.1])
    assert trainer.history.events[0].text == "learning rate of a 0.1 → 0.01: flat has stopped improving"


def test_no_script_for_pytorch():
    with pytest.raises(ValueError, match="ReduceLROnPlateau, which goes by evaluations; try framework='nbprop'"):
        of().script("torch")
