"""A run in a file, pickled or copied: it goes on as if nothing had been, and no file does any harm."""

import copy

import numpy as np
import pytest
from hypothesis import Phase, given, settings, strategies as st
from runs import SPIRALS, X, Y, assert_same, check, drawing, error, net, trainer

import nbprop as nb
from nbprop import nn

# ---- it goes on ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", list(nb.optim.OPTIMIZERS))
def test_every_optimizer_goes_on(optimizer, tmp_path):
    t = trainer(optimizer=optimizer)
    t.fit(steps=33, bar=False)
    check(t, tmp_path / "run.npz", data=SPIRALS)


@pytest.mark.parametrize("steps", [0, 1, 100])
def test_from_any_step_with_the_data_of_a_name(steps, tmp_path):
    t = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "xor", evaluate_every=7, probe_every=3, snapshot_every=10)
    t.watch(percentiles=True)
    t.speed = 40
    if steps:
        t.fit(steps=steps, bar=False)
    other = check(t, tmp_path / "run.npz")
    assert other.history["|dW|" if "|dW|" in other.history.columns else "loss"].size


TURNS = {
    "lr": st.sampled_from([0.001, 0.02, 0.3]),
    "depth": st.integers(0, 3),
    "width": st.integers(1, 7),
    "dropout": st.sampled_from([0.0, 0.3, 0.5]),
    "optimizer": st.sampled_from(list(nb.optim.OPTIMIZERS)),
    "batch_norm": st.booleans(),
    "batch_size": st.integers(1, 50),
    "activation": st.sampled_from(["relu", "tanh", "gelu", nn.PReLU()]),
    "drop_last": st.booleans(),
    "accumulate": st.integers(1, 3),
    "clip": st.sampled_from([None, 0.5]),
    "clip_value": st.sampled_from([None, 0.1]),
    "l1": st.sampled_from([0.0, 0.001]),
    "weight_decay": st.sampled_from([0.0, 0.01]),
    "loss": st.sampled_from(["bce", "mse", "hinge"]),
    "schedule": st.sampled_from(
        [None, nb.optim.StepLR(5), nb.optim.LinearLR(9) * nb.optim.CosineAnnealingLR(40, eta_min=0.1)]
    ),
    "freeze": st.integers(0, 3),
    "scale": st.sampled_from([0.5, 1.5]),
    "mode": st.booleans(),
}


def turn(t, name, value):
    if name == "freeze":
        t.set(frozen=tuple(t.layers[i].name for i in {0, value} if i < len(t.layers) - 1))
    elif name == "scale":
        t.scale(0, value)
    elif name == "mode":
        t.model.train(value or not t.steps)  # before the first step it is how the run begins
    else:
        t.set(**{name: value})


turns = st.lists(st.sampled_from(list(TURNS)).flatmap(lambda n: st.tuples(st.just(n), TURNS[n])), max_size=6)


@given(before=turns, after=turns, steps=st.integers(0, 9))
@settings(max_examples=30, deadline=None, phases=[Phase.generate, Phase.shrink], derandomize=True)
def test_random_turns_before_and_after(before, after, steps, tmp_path_factory):
    t = trainer(evaluate_every=5, snapshot_every=8)
    for name, value in before:
        turn(t, name, value)
        t.fit(steps=steps % 4, bar=False)
    path = tmp_path_factory.getbasetemp() / "run.npz"
    t.save(path)
    other = nb.Trainer.load(path, data=SPIRALS)
    assert_same(t, other)
    for name, value in after:
        for each in (t, other):
            turn(each, name, value)
            each.fit(steps=steps, bar=False)
    assert_same(t, other)


@pytest.mark.parametrize("turns", [{"width": 9}, {"depth": 3}, {"depth": 1}, {"batch_norm": True, "width": 4}])
def test_the_parts_of_a_layer_that_has_changed_stay_in_the_vector_of_the_model(turns, tmp_path):
    t = trainer(model=nn.mlp([2, 6, 6, 1], activation=nn.PReLU(), seed=1))
    for name, value in turns.items():
        t.set(**{name: value})
        t.fit(steps=3, bar=False)
    check(t, tmp_path / "run.npz", data=SPIRALS)


def watched_late(t):
    t.fit(steps=5, bar=False)
    t.watch()
    t.fit(steps=25, bar=False)
    t.rewind(3)


@pytest.mark.parametrize("before", [lambda t: (t.fit(steps=25, bar=False), t.rewind(0)), watched_late])
def test_columns_that_rewinding_has_emptied(before, tmp_path):
    t = trainer()
    before(t)
    check(t, tmp_path / "run.npz", data=SPIRALS)


def test_the_way_back_begins_where_it_was_saved(tmp_path):
    t = trainer()
    t.fit(steps=40, bar=False)
    t.lr = 0.5
    other = check(t, tmp_path / "run.npz", steps=60, data=SPIRALS)
    with pytest.raises(ValueError, match="nothing to undo"):
        nb.Trainer.load(tmp_path / "run.npz", data=SPIRALS).undo()
    other.batch_size = 5
    other.fit(steps=60, bar=False)
    with pytest.raises(ValueError, match="step 39 is no longer there; the earliest one left is step 40"):
        other.rewind(39)
    for each in (other, t):
        each.rewind(90)
    assert_same(t, other)
    other.rewind(40)
    assert other.lr == 0.5
    assert [event.name for event in other.history.events] == []  # turned at that step: as it was before
    other.fit(steps=50, bar=False)
    np.testing.assert_array_equal(other.model.theta, t.model.theta)


def test_what_came_of_the_hidden_layers_is_kept(tmp_path):
    t = trainer()
    t.fit(steps=10, bar=False)
    t.set(activation="relu", dropout=0.4)
    t.depth = 0
    t.fit(steps=5, bar=False)
    t.save(tmp_path / "run.npz")
    other = nb.Trainer.load(tmp_path / "run.npz", data=SPIRALS)
    for each in (t, other):
        assert each.dropout == 0.4
        each.depth = 2
        each.fit(steps=5, bar=False)
    assert_same(t, other)


def test_reset_of_a_loaded_run(tmp_path):
    t = trainer(model=nn.Sequential(nn.Linear(2, 4, rng=0), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 1, rng=1)))
    t.fit(steps=5, bar=False)
    t.save(tmp_path / "run.npz")
    other = nb.Trainer.load(tmp_path / "run.npz", data=SPIRALS)
    with pytest.raises(ValueError, match=r"loaded at step 5. Pass reset\(model"):
        other.reset()
    other.reset(model=nb.nn.mlp([2, 3, 1]))
    assert other.steps == 0


def test_quantities_of_ones_own_can_be_added_again(tmp_path):
    def norm(seen):
        return [np.linalg.norm(W) for W in seen.W]

    t = trainer()
    t.watch()
    t.record("weight norm", norm)
    t.fit(steps=20, bar=False)
    t.save(tmp_path / "run.npz")
    other = nb.Trainer.load(tmp_path / "run.npz", data=SPIRALS)
    other.record("weight norm", norm)
    for each in (t, other):
        each.fit(steps=20, bar=False)
    assert_same(t, other)


# ---- what is to be given ---------------------------------------------------------------------------------------------


class Mine(nn.Module):
    def __init__(self, width=5, act=None, p=0.3, stride=(1, 2)):
        self.layers = [nn.Linear(2, width, rng=0), act or nn.Tanh(), nn.Dropout(p, seed=4)]
        self.out, self.calls, self.temperature, self.stride = nn.Linear(width, 1, rng=1), 0, 1.0, stride
        self.noise = np.random.default_rng(9)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        x = self.norm(x)
        if self.training:
            x = x + self.noise.normal(size=x.shape).astype(np.float32) * 0.1
        return self.out(x) * self.temperature


def own_trainer(**options):
    t = trainer(model=Mine(), **options)
    t.model.temperature = 0.7
    t.model.norm.eval()
    t.model.out.bias.requires_grad = False
    t.fit(steps=12, bar=False)
    t.dropout = 0.6
    t.fit(steps=3, bar=False)
    return t


def test_a_model_of_ones_own(tmp_path):
    t = own_trainer()
    model = Mine()
    other = check(t, tmp_path / "run.npz", model=model, data=SPIRALS)
    assert other.model is model
    assert (model.temperature, model.layers[2].p, model.norm.training) == (0.7, 0.6, False)


MODELS = {
    "pass model=, made as it was": None,
    r"'layers.0' was a Linear and is .*|'layers.1' was a Tanh and is a ReLU": Mine(act=nn.ReLU()),
    r"'layers.0.weight' was of shape \(5, 2\).*is of shape \(7, 2\)": Mine(width=7),
    r"stride was \[1, 2\] and is \[2, 2\]": Mine(stride=(2, 2)),
    "the model was a Mine and is a Sequential|is missing": nb.nn.mlp([2, 5, 1]),
}


@pytest.mark.parametrize("words", MODELS)
def test_another_model_is_refused(words, tmp_path):
    path = tmp_path / "run.npz"
    own_trainer().save(path)
    model = MODELS[words]
    before = None if model is None else model.theta.copy()
    with pytest.raises(ValueError, match=rf"run\.npz.*({words})"):
        nb.Trainer.load(path, model, SPIRALS)
    if model is not None:
        np.testing.assert_array_equal(model.theta, before)


def test_a_model_whose_forward_is_another_is_refused(tmp_path):
    t = own_trainer()
    t.save(tmp_path / "run.npz")
    kind = type("Mine", (Mine,), {"forward": lambda self, x: self.out(self.layers[0](x)) * 3})
    with pytest.raises(ValueError, match="model and loss are not those of then"):
        nb.Trainer.load(tmp_path / "run.npz", kind(), SPIRALS)


def test_other_data_are_refused(tmp_path):
    path = tmp_path / "run.npz"
    t = trainer()
    t.save(path)
    with pytest.raises(ValueError, match=r"settings of their own: pass data=nb\.data\.spirals\(\.\.\.\)"):
        nb.Trainer.load(path)
    X, y = np.random.default_rng(0).normal(size=(50, 2)), np.arange(50) % 2
    for data, words in (
        (nb.data.spirals(samples=60, seed=3), "the numbers of 'spirals' are others"),
        ((X, y), r"X_train was \(\(44, 2\), 'float32'\), and is \(\(38, 2\)"),
    ):
        with pytest.raises(ValueError, match=f"not those it was trained on: {words}.*trainer.data"):
            nb.Trainer.load(path, data=data)
    other = trainer((X, y))
    other.save(path)
    with pytest.raises(ValueError, match="does not hold the data"):
        nb.Trainer.load(path)
    check(other, path, data=(X, y))


def my_loss(output, y):
    return ((output - y[..., None]) ** 2).mean()


def test_losses(tmp_path):
    path = tmp_path / "run.npz"
    t = trainer(loss=my_loss)
    t.fit(steps=5, bar=False)
    t.save(path)
    with pytest.raises(ValueError, match="loss was of your own, my_loss: pass loss="):
        nb.Trainer.load(path, data=SPIRALS)
    with pytest.raises(ValueError, match="the objective is another one: loss was"):
        nb.Trainer.load(path, data=SPIRALS, loss="mse")
    check(t, path, data=SPIRALS, loss=my_loss)
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 3
    three = nb.data.from_arrays(X, y)
    t = nb.Trainer(nb.nn.mlp([2, 4, 3]), three, loss=nn.CrossEntropyLoss(label_smoothing=0.1))
    t.fit(steps=5, bar=False)
    other = check(t, path, data=three)
    assert other.loss.label_smoothing == 0.1
    with pytest.raises(ValueError, match="leave loss= out"):
        nb.Trainer.load(path, data=three, loss="cross_entropy")


def test_metrics_are_given_again(tmp_path):
    def off(said, y):
        return float(np.abs(said[..., 0] - y).mean())

    t = trainer(metrics={"off": off})
    t.save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="its metrics were off: pass metrics="):
        nb.Trainer.load(tmp_path / "run.npz", data=SPIRALS)
    check(t, tmp_path / "run.npz", data=SPIRALS, metrics={"off": off})


def test_schedules_that_are_functions(tmp_path):
    path = tmp_path / "run.npz"
    t = trainer(optimizer=nb.optim.SGD(schedule=lambda t: 1 / (1 + t)))
    t.fit(steps=7, bar=False)
    t.save(path)
    with pytest.raises(ValueError, match="schedule was a function of your own, <lambda>: pass schedule="):
        nb.Trainer.load(path, data=SPIRALS)
    with pytest.raises(ValueError, match=r"gives 0\.5 for update 7, and gave 0\.125"):
        nb.Trainer.load(path, data=SPIRALS, schedule=lambda t: 0.5)
    other = nb.Trainer.load(path, data=SPIRALS, schedule=lambda t: 1 / (1 + t))
    for each in (t, other):
        each.fit(steps=9, bar=False)
    np.testing.assert_array_equal(t.model.theta, other.model.theta)
    trainer().save(path)
    with pytest.raises(ValueError, match="there was no schedule: leave schedule= out"):
        nb.Trainer.load(path, data=SPIRALS, schedule=nb.optim.StepLR(3))


class Signs(nb.optim.Optimizer):
    checks = {"lr": nb.checks.number(0), "beta": nb.checks.number(0, 1)}

    def __init__(self, lr=0.01, beta=0.9, weight_decay=0.0, schedule=None):
        super().__init__(lr=lr, beta=beta, weight_decay=weight_decay, schedule=schedule)

    def rule(self, theta, gradient, lr):
        mean = self.vector("mean", theta)
        mean *= self.beta
        mean += gradient
        theta -= lr * np.sign(mean)


def test_an_optimizer_of_ones_own(tmp_path):
    path = tmp_path / "run.npz"
    t = trainer(optimizer=Signs(beta=0.5))
    t.fit(steps=7, bar=False)
    t.save(path)
    with pytest.raises(ValueError, match="your own class Signs: pass optimizer="):
        nb.Trainer.load(path, data=SPIRALS)
    with pytest.raises(ValueError, match="its optimizer was Signs, the one given is Adam"):
        nb.Trainer.load(path, data=SPIRALS, optimizer=nb.optim.Adam())
    other = check(t, path, data=SPIRALS, optimizer=Signs())
    assert other.optimizer.beta == 0.5


# ---- objectives ------------------------------------------------------------------------------------------------------


class Pair(nn.Module):
    def __init__(self):
        self.one, self.two = nn.Linear(2, 3, rng=0), nn.Linear(3, 2, rng=1)

    def forward(self, x):
        return self.two(self.one(nb.Tensor(x)).tanh())


def noisy(model, batch, rng):
    return ((model(batch + rng.normal(size=batch.shape).astype(np.float32)) - batch) ** 2).mean()


def plain(model, batch):
    return (model(batch) ** 2).mean()


def make(rng, batch_size):
    return rng.normal(size=(batch_size, 2)).astype(np.float32)


def objectives():
    X = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    return {
        "noise": nb.Objective(noisy, X, augment=lambda batch, rng: batch * rng.choice([-1, 1]).astype(np.float32)),
        "made batches": nb.Objective(noisy, batches=make),
        "a list": nb.Objective(plain, batches=[X[:9], X[9:13], X[13:]]),
        "parts": nb.Objective({"one": noisy, "two": noisy}, X),
    }


@pytest.mark.parametrize("which", list(objectives()))
def test_objectives_go_on(which, tmp_path):
    optimizer = {"one": "adam", "two": "momentum"} if which == "parts" else "adam"
    t = nb.Trainer(Pair(), objective=objectives()[which], optimizer=optimizer, seed=5)
    t.fit(steps=8, bar=False)
    path = tmp_path / "run.npz"
    t.save(path)
    with pytest.raises(ValueError, match=r"objective of its own \(Objective\): pass objective="):
        nb.Trainer.load(path, Pair())
    check(t, path, model=Pair(), objective=objectives()[which])
    for name, each in objectives().items():
        if name != which:
            with pytest.raises(ValueError, match=r"objective is another one|batches were given|not those it was"):
                nb.Trainer.load(path, Pair(), objective=each)


def test_batches_that_come_but_once_cannot_be_saved_or_copied(tmp_path):
    t = nb.Trainer(Pair(), objective=nb.Objective(plain, batches=iter([np.ones((3, 2), np.float32)] * 9)))
    t.step()
    with pytest.raises(ValueError, match="cannot be saved: its batches come from a list_iterator"):
        t.save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="cannot be copied"):
        copy.deepcopy(t)
    assert not list(tmp_path.iterdir())


def test_the_generator_of_a_loss_is_kept_and_disturbed_by_nobody(tmp_path):
    t, twin = (nb.Trainer(net(), objective=drawing(), batch_size=8) for _ in range(2))
    assert [layer.name for layer in t.layers] == ["hidden 1", "output"]  # found by a step of a copy
    t.fit(steps=9, bar=False)
    t.save(tmp_path / "run.npz")
    other = nb.Trainer.load(tmp_path / "run.npz", objective=drawing())
    for each, steps in ((t, 9), (other, 9), (twin, 18)):
        each.fit(steps=steps, bar=False)
    np.testing.assert_array_equal(t.theta, twin.theta)
    np.testing.assert_array_equal(t.theta, other.theta)
    with pytest.raises(ValueError, match="drew from 1 random generators of its own, and draws from 0"):
        objective = nb.Objective(error, nb.data.Arrays(X, Y))
        objective.losses[""].__name__ = "loss"
        nb.Trainer.load(tmp_path / "run.npz", objective=objective)
