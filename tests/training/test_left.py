"""What is changed in code while a run rests, however it is changed: noticed by whoever looks next, flagged, trained,
and gone back across."""

import copy
import threading

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


def memory_turned(t):
    t.optimizer.state["exp_avg"] *= -1


def memory_reversed(t):
    t.optimizer.state["exp_avg"][:] = t.optimizer.state["exp_avg"][::-1].copy()


EDITS = {
    negated: "weights",
    swapped: "weights",
    nudged: "weights",
    forgets: "the optimizer's state",
    counts_anew: "the optimizer's state",
    memory_in_place: "the optimizer's state",
    memory_turned: "the optimizer's state",
    memory_reversed: "the optimizer's state",
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


def in_a_copy(t):
    return copy.deepcopy(t)


def in_a_branch(t):
    return t.branch()


def in_a_file(t):
    t.save("run.npz")
    return nb.Trainer.load("run.npz", data=MOONS)


def looked_at_before(t):
    t.at(t.steps)
    return t


def after_another_thread(t):
    """Which turns a knob while this one drives; it is done when this one lets go."""
    thread = threading.Thread(target=lambda: t.set(lr=0.02))
    with t.driving():
        thread.start()
        thread.join()
    return t


def after_a_posted_step(t):
    t.post(lambda: t.step(1))
    return t


@pytest.mark.parametrize(
    "how", [in_a_copy, in_a_branch, in_a_file, looked_at_before, after_another_thread, after_a_posted_step]
)
def test_the_first_edit_is_noticed_wherever_the_run_comes_from(how, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    t = make()
    t.fit(steps=10, bar=False)
    t = how(t)
    before = t.theta.copy()
    negated(t)
    t.fit(steps=5, bar=False)
    end = t.theta.copy()
    assert t.history.events[-1].text == "weights changed in code"
    t.undo()
    np.testing.assert_array_equal(t.theta, before)
    t.redo()
    np.testing.assert_array_equal(t.theta, end)
    assert t.message == ""


def test_edits_between_steps_of_one_who_drives():
    t, thetas = make(), {}
    with t.driving():
        for steps in (5, 1):
            t.step(steps)
            negated(t)
        t.post(lambda: t.set(lr=0.02))
        t.post(lambda: negated(t))
        t.step(5)
    thetas[t.steps] = t.theta.copy()
    assert [(event.step, event.name) for event in t.history.events] == [
        (5, "model"), (6, "model"), (6, "lr"), (6, "model")
    ]  # fmt: skip
    t.rewind(t.steps)
    t.fit(steps=1, bar=False)
    t.rewind(11)
    np.testing.assert_array_equal(t.theta, thetas[11])


def test_what_another_thread_has_posted_in_a_row():
    t = make()
    t.fit(steps=5, bar=False)

    def turn_and_edit():
        t.set(lr=0.02)
        t.post(lambda: negated(t))

    thread = threading.Thread(target=turn_and_edit)
    with t.driving():
        thread.start()
        thread.join()
        assert t.history.events == []
    t.fit(steps=1, bar=False)
    assert [event.name for event in t.history.events] == ["lr", "model"]


@pytest.mark.parametrize("event, step", [("evaluation", 20), ("step", 7), ("turn", 10)])
def test_edits_in_hooks(event, step):
    """At a step with a snapshot, and between two knobs of one turn."""
    t, thetas = make(snapshot_every=20), {}

    def edit(t, *news):
        if t.steps == step and not edited:
            edited.append(step)
            negated(t)

    edited = []
    t.on(event, edit)
    t.fit(steps=10, bar=False)
    t.set(lr=0.02, clip=1.0)
    for _ in range(20):
        t.fit(steps=1, bar=False)
        thetas[t.steps] = t.theta.copy()
    assert [each.text for each in t.history.events if each.name == "model"] == ["weights changed in code"]
    for back in (25, 20, 15):
        t.rewind(back)
        if back != step:  # the numbers of before the edit
            np.testing.assert_array_equal(t.theta, thetas[back])
        assert t.message == ""


def test_what_a_hook_does_at_every_step_is_one_event_and_one_act():
    t = make()
    before = t.theta.copy()

    @t.on("step")
    def clip(t):
        np.clip(t.theta, -0.4, 0.4, out=t.theta)

    t.fit(steps=30, bar=False)
    end = t.theta.copy()
    assert [event.text for event in t.history.events] == ["weights changed in code"]
    assert str(t.replayed) == "yes"
    t.rewind(20)
    assert np.abs(t.theta).max() <= 0.4 + 0.02
    t.undo()
    np.testing.assert_array_equal(t.theta, end)
    t.off("step", clip)
    t.undo()
    assert t.history.events == [] and not np.array_equal(t.theta, before)


def test_a_hook_that_trains_and_then_edits():
    t = make()

    @t.on("turn")
    def further(t, event):
        t.fit(steps=3, bar=False)
        negated(t)

    t.fit(steps=5, bar=False)
    t.lr = 0.02
    t.off("turn", further)
    t.fit(steps=2, bar=False)
    end = t.theta.copy()
    assert [(event.step, event.name) for event in t.history.events] == [(5, "lr"), (8, "model")]
    t.rewind(9)
    t.fit(steps=1, bar=False)
    np.testing.assert_array_equal(t.theta, end)


def test_random_numbers_drawn_in_code():
    t, thetas = make(nn.mlp([2, 8, 1], dropout=0.3, seed=0)), {}
    t.on("step", lambda t: thetas.setdefault(t.steps, t.theta.copy()))
    t.fit(steps=10, bar=False)
    t.predict(MOONS.X_val)  # draws nothing
    assert t.history.events == []
    t.model(nb.Tensor(MOONS.X_val))
    t.fit(steps=10, bar=False)
    assert [event.text for event in t.history.events] == ["random numbers changed in code"]
    t.rewind(15)
    np.testing.assert_array_equal(t.theta, thetas[15])


def test_a_model_that_the_run_cannot_go_on_with_can_be_gone_away_from():
    t = nb.Trainer(
        nn.ModuleDict({"d": nn.mlp([2, 4, 1], seed=0), "g": nn.mlp([2, 4, 2], seed=1)}),
        objective=nb.Objective(
            {part: lambda model, x, part=part: (model[part](nb.Tensor(x)) ** 2).mean() for part in ("d", "g")},
            MOONS.X_train,
        ),
    )
    t.fit(steps=5, bar=False)
    theta = t.theta.copy()
    del t.model["g"]
    with pytest.raises(ValueError, match="there is none"):
        t.step()
    with pytest.raises(ValueError, match="there is none"):
        t.branch()
    t.rewind(5)
    np.testing.assert_array_equal(t.theta, theta)
    t.fit(steps=1, bar=False)


def test_redo_is_left_when_it_fails_and_gone_after_an_edit():
    t = make()
    t.fit(steps=5, bar=False)
    t.lr = 0.5
    t.undo()
    done, left = len(t._acts.done), len(t._acts.left)
    t._come_to, come_to = lambda moment: 1 / 0, t._come_to
    with pytest.raises(ZeroDivisionError):
        t.redo()
    t._come_to = come_to
    assert (len(t._acts.done), len(t._acts.left)) == (done, left)
    negated(t)
    with pytest.raises(ValueError, match="nothing to redo"):
        t.redo()
    t.undo()
    assert t.history.events == []


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
        self.shift, self.never = nb.Tensor(np.zeros(8, np.float32)), np.array(["NaT"], "datetime64[s]")

    def forward(self, x):
        if self.training:
            self.log.append(1)
        return self.b(self.a(x).tanh() * self.settings["gain"] * nb.Tensor(self.mask) + self.shift) * (
            1 + 0.01 * len(self.log)
        )


KEPT = {
    "structure": lambda m: m.settings.update(gain=0.5),
    "mask": lambda m: m.mask.__setitem__(0, 0),
    "shift": lambda m: m.shift.data.__setitem__(0, 1),
}


@pytest.mark.parametrize("edit", KEPT.values(), ids=KEPT)
def test_what_a_module_keeps(edit):
    t = make(Keeping())
    thetas = {}
    t.on("step", lambda t: thetas.setdefault(t.steps, t.theta.copy()))
    t.fit(steps=10, bar=False)
    assert t.history.events == []  # what forward does is no edit
    edit(t.model)
    t.fit(steps=10, bar=False)
    assert [event.text for event in t.history.events] in [[f"{what} changed in code"] for what in KEPT]
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


def test_what_somebody_has_laid_out_already_stays():
    t = make()
    t.fit(steps=10, bar=False)
    optimizer = t.optimizer
    t.model.insert(2, nn.Linear(8, 8, rng=3))
    mine = {name: np.full(t.model.theta.size, 7, np.float32) for name in optimizer.state}
    optimizer.state = mine
    t.layers  # whoever looks  # noqa: B018
    assert all((vector == 7).all() for vector in t.optimizer.state.values())
    t.fit(steps=3, bar=False)


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
