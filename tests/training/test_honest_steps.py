"""What a Trainer trains is what the user wrote: the same bits as the loop by hand."""

import re

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import nbprop as nb
from nbprop import nn
from nbprop.training.batches import Batches

SAMPLES = 40


def arrays(outputs):
    """A data set of numbers (X, y) with 3 inputs; y has 3 classes, or is one number."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(SAMPLES, 3)).astype(np.float32)
    y = rng.integers(0, 3, SAMPLES) if outputs == 3 else X.sum(axis=1, keepdims=True)
    y[:3] = np.arange(3) if outputs == 3 else y[:3]
    return nb.data.from_arrays(X, y, validation=0.2, seed=0)


def by_hand(model, data, loss, optimizer, steps, batch_size, between=None):
    """The loop as a user writes it; the losses."""
    batches, losses = Batches(len(data.X_train), [0, 0]), []
    for step in range(steps):
        if between is not None and step:
            between(model, step)
        i = batches.next(batch_size)
        model.zero_grad()
        found = loss(model(nb.Tensor(data.X_train[i])), data.y_train[i])
        found.backward()
        optimizer.step(model)
        losses.append(float(found.data))
    return losses


# ---- modules of a user ---------------------------------------------------------------------------------------------


class Own(nn.Module):
    """Two layers, and what each subclass does between them."""

    def __init__(self, outputs):
        self.a, self.b = nn.Linear(3, 6, rng=1), nn.Linear(6, outputs, rng=2)
        self.prepare()

    def prepare(self):
        pass

    def forward(self, x):
        return self.b(self.middle(self.a(x), x))


class Compares(Own):
    def middle(self, z, x):
        return z * (z > 0.1)


class ReadsData(Own):
    def middle(self, z, x):
        return z / (1 + np.abs(z.data).max())


class UsesNumpy(Own):
    def middle(self, z, x):
        return z.tanh() + np.sin(x.data.sum(axis=1, keepdims=True)).astype(np.float32)


class Branches(Own):
    def middle(self, z, x):
        return z.tanh() if float(z.data.mean()) > 0 else z.relu()


class Loops(Own):
    def middle(self, z, x):
        for _ in range(1 + int(abs(x.data[0, 0]) * 3) % 3):
            z = z.tanh()
        return z


class DrawsNumbers(Own):
    def prepare(self):
        self.rng = np.random.default_rng(5)

    def middle(self, z, x):
        return z + self.rng.normal(0, 0.1, z.shape).astype(np.float32)


class Masks(Own):
    def middle(self, z, x):
        return (x[:, :1] > 0).astype(np.float32) * z


class Counts(Own):
    def prepare(self):
        self.calls = 0

    def middle(self, z, x):
        self.calls += 1
        return z.tanh() * (1.0 if self.calls % 2 else 0.5)


class CountsInLists(Own):
    def prepare(self):
        self.seen, self.table = [], {"n": 0}

    def middle(self, z, x):
        self.seen.append(float(z.data.mean()))
        self.table["n"] += 1
        return z.tanh() * (1 + 0.1 * (self.table["n"] % 3)) + 0.01 * len(self.seen)


class CountsInPlace(Own):
    def prepare(self):
        self.total = np.zeros(6, np.float32)

    def middle(self, z, x):
        self.total *= 0.9
        self.total += z.data.mean(axis=0)
        return z + self.total


class RunsAMean(Own):
    """A buffer of its own that is exchanged, not written in place."""

    def prepare(self):
        self.mean = np.zeros(6, np.float32)

    def middle(self, z, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * z.data.mean(axis=0)
        return (z - self.mean).tanh()


class Sequenced(nn.Sequential):
    """A subclass with a forward of its own."""

    def forward(self, x):
        for layer in self:
            x = layer(x)
            if x.data.max() > 2:
                x = x * 0.5
        return x


def in_a_sequential(kind):
    return lambda outputs: nn.Sequential(kind(outputs), nn.Tanh(), nn.Linear(outputs, outputs, rng=3))


KINDS = [
    Compares,
    ReadsData,
    UsesNumpy,
    Branches,
    Loops,
    DrawsNumbers,
    Masks,
    Counts,
    CountsInLists,
    CountsInPlace,
    RunsAMean,
]
MODELS = {kind.__name__: kind for kind in KINDS}
MODELS |= {f"{kind.__name__} inside": in_a_sequential(kind) for kind in KINDS}
MODELS["Sequenced"] = lambda outputs: Sequenced(nn.Linear(3, 6, rng=1), nn.Tanh(), nn.Linear(6, outputs, rng=2))
MODELS["mlp"] = lambda outputs: nn.mlp([3, 6, outputs], seed=0)
MODELS["dropout"] = lambda outputs: nn.mlp([3, 6, 6, outputs], seed=0, dropout=0.3)
MODELS["normalized"] = lambda outputs: nn.Sequential(
    nn.Linear(3, 6, rng=1), nn.BatchNorm1d(6), nn.GELU(), nn.LayerNorm(6), nn.Linear(6, outputs, rng=2)
)

WEIGHTS = np.array([1, 5, 2], np.float32)
OF_CLASSES = {
    "built in": "cross_entropy",
    "smoothed": nn.CrossEntropyLoss(label_smoothing=0.1),
    "np.eye": lambda z, y: -(np.eye(3, dtype=np.float32)[y] * z.log_softmax()).sum(axis=-1).mean(),
    "2y - 1": lambda z, y: (1 - (2 * (y > 0) - 1)[:, None].astype(np.float32) * z).relu().mean(),
    "class weights": lambda z, y: (-z.log_softmax()[np.arange(len(y)), y] * WEIGHTS[y]).mean(),
    "if on values": lambda z, y: (z**2).mean() if (y == 0).mean() > 0.3 else z.abs().mean(),
    "only wrong ones": lambda z, y: (z[z.data.argmax(axis=1) != y] ** 2).sum() / len(y) + (z * z).mean() / 10,
}
OF_NUMBERS = {
    "built in": "mse",
    "y.astype": lambda z, y: ((z - y.astype(np.float32)) ** 2).mean(),
    "relative": lambda z, y: ((z - y) / (1 + np.abs(y))).abs().mean(),
    "quantile": lambda z, y: ((z - y) * ((z > y).astype(np.float32) - 0.3)).mean(),
}
CASES = [(3, name) for name in OF_CLASSES] + [(1, name) for name in OF_NUMBERS]
RULES = {"sgd": {}, "nesterov": {"weight_decay": 0.01}, "adam": {}, "rmsprop": {}}


def made(case):
    outputs, name = case
    loss = (OF_CLASSES if outputs == 3 else OF_NUMBERS)[name]
    data = arrays(outputs)
    return data, loss, nn.loss(loss)


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(MODELS)),
    st.sampled_from(CASES),
    st.sampled_from(sorted(RULES)),
    st.sampled_from([1, 7, 16, 32]),
)
def test_a_trainer_gives_the_bits_of_the_loop_by_hand(kind, case, rule, batch_size):
    assume(batch_size > 1 or kind != "normalized")
    data, loss, computed = made(case)
    optimizer = nb.optim.optimizer(rule, lr=0.02)
    for name, value in RULES[rule].items():
        setattr(optimizer, name, value)
    mine, theirs = MODELS[kind](case[0]), MODELS[kind](case[0])
    trainer = nb.Trainer(
        mine, data, loss=loss, optimizer=optimizer, batch_size=batch_size, evaluate_every=3, probe_every=2
    )
    trainer.fit(steps=9, bar=False)
    losses = by_hand(theirs, data, computed, optimizer.copy(), 9, batch_size)
    np.testing.assert_array_equal(trainer.theta, theirs.theta)
    np.testing.assert_array_equal(trainer.history["loss"], losses)
    for (_, mine), (_, by) in zip(trainer.model.named_buffers(), theirs.named_buffers(), strict=True):
        np.testing.assert_array_equal(mine, by)
    assert trainer._run.steps == 9 and not trainer.history.events
    assert bool(trainer.replayed) == (kind in ("mlp", "dropout", "normalized") and isinstance(loss, (str, nn.Module)))


# ---- what a user changes between two fits --------------------------------------------------------------------------


def freeze(model):
    model[0].weight.requires_grad = False


def new_numbers(model):
    model[0].weight.data = np.linspace(-1, 1, model[0].weight.size, dtype=np.float32).reshape(model[0].weight.shape)


def numbers_in_place(model):
    model[0].weight.data[0, 0] += 1


def new_parameter(model):
    model[0].bias = nn.Parameter(np.full(6, 0.1, np.float32))


def exchange(model):
    model[1] = nn.ReLU()


def insert(model):
    model.insert(2, nn.Linear(6, 6, rng=7))


def append(model):
    model.append(nn.LeakyReLU(0.2))


def drop(model):
    model[2].p = 0.7


def evaluate(model):
    model[2].training = False


def nothing_dropped(model):
    model.eval()


def setting(model):
    model[3].eps = 0.5


def own_attribute(model):
    model[1].slope = 0.5


class Slope(nn.Module):
    static = True

    def __init__(self):
        self.slope = 0.1

    def forward(self, x):
        return x.relu() * (1 - self.slope) + x * self.slope


EDITS = [
    freeze, new_numbers, numbers_in_place, new_parameter, exchange, insert, append, drop, evaluate,
    nothing_dropped, setting, own_attribute,
]  # fmt: skip


def layered(outputs):
    return nn.Sequential(
        nn.Linear(3, 6, rng=1), Slope(), nn.Dropout(0.2, 3), nn.LayerNorm(6), nn.Linear(6, outputs, rng=2)
    )


@settings(max_examples=60)
@given(st.lists(st.sampled_from(EDITS), min_size=1, max_size=4), st.booleans(), st.sampled_from([8, 32]))
def test_what_is_changed_between_fits_is_trained(edits, own_loss, batch_size):
    data, loss, computed = made((3, "np.eye" if own_loss else "built in"))
    mine, theirs = layered(3), layered(3)
    trainer = nb.Trainer(
        mine, data, loss=loss, optimizer=nb.optim.SGD(lr=0.05), batch_size=batch_size, evaluate_every=4
    )
    assert bool(trainer.replayed) is not own_loss

    def between(model, step):
        if step % 3 == 0 and step // 3 <= len(edits):
            edits[step // 3 - 1](model)

    losses = by_hand(theirs, data, computed, nb.optim.SGD(lr=0.05), 3 * len(edits) + 3, batch_size, between)
    trainer.fit(steps=3, bar=False)
    for edit in edits:
        edit(mine)
        trainer.fit(steps=3, bar=False)
    np.testing.assert_array_equal(trainer.theta, theirs.theta)
    np.testing.assert_array_equal(trainer.history["loss"], losses)
    np.testing.assert_array_equal(trainer.predict(data.X_val), theirs.eval()(nb.Tensor(data.X_val)).softmax().data)


# ---- who may be replayed -------------------------------------------------------------------------------------------


class Lies(Masks):
    static = True

    def middle(self, z, x):
        return z * (z.data > 0.1).astype(np.float32)


class Static(Own):
    static = True

    def middle(self, z, x):
        return z.tanh() * z.sigmoid()


class NotStatic(Static):
    static = False


def test_a_class_declared_static_is_replayed_if_it_is():
    data, _, computed = made((3, "built in"))
    mine, theirs = Static(3), Static(3)
    trainer = nb.Trainer(mine, data, optimizer=nb.optim.SGD(0.05), batch_size=10)
    trainer.fit(steps=7, bar=False)  # the last batch of an epoch is smaller
    assert trainer.replayed and "why" not in repr(trainer.replayed)
    by_hand(theirs, data, computed, nb.optim.SGD(0.05), 7, 10)
    np.testing.assert_array_equal(trainer.theta, theirs.theta)


def test_a_class_that_is_static_in_name_only_is_found_out():
    data, _, computed = made((3, "built in"))
    mine, theirs = Lies(3), Lies(3)
    trainer = nb.Trainer(mine, data, optimizer=nb.optim.SGD(0.05), batch_size=10)
    trainer.fit(steps=7, bar=False)
    assert not trainer.replayed and "declared static" in trainer.replayed.why
    by_hand(theirs, data, computed, nb.optim.SGD(0.05), 7, 10)
    np.testing.assert_array_equal(trainer.theta, theirs.theta)


def test_a_loss_that_is_static_in_name_only_is_found_out():
    data, _, computed = made((3, "np.eye"))
    for declared, honest in ((lambda z, y: computed(z, y), False), (lambda z, y: (z * z).mean(), True)):
        mine, theirs = nn.mlp([3, 6, 3], seed=0), nn.mlp([3, 6, 3], seed=0)
        objective = nb.training.supervised.Supervised(data, declared, static=True)
        trainer = nb.Trainer(mine, objective=objective, optimizer=nb.optim.SGD(0.05), batch_size=10)
        trainer.fit(steps=7, bar=False)
        assert bool(trainer.replayed) is honest
        by_hand(theirs, data, declared, nb.optim.SGD(0.05), 7, 10)
        np.testing.assert_array_equal(trainer.theta, theirs.theta)


@pytest.mark.parametrize(
    ("model", "loss", "why"),
    [
        (lambda: Compares(3), None, "Compares.*class of your own"),
        (lambda: nn.Sequential(Compares(3), nn.Tanh()), None, "0 .Compares"),
        (lambda: NotStatic(3), None, "not static"),
        (lambda: Sequenced(nn.Linear(3, 3, rng=0)), None, "Sequenced"),
        (lambda: nn.mlp([3, 4, 3], seed=0), OF_CLASSES["np.eye"], "loss"),
    ],
)
def test_replayed_says_why_not(model, loss, why):
    trainer = nb.Trainer(model(), arrays(3), loss=loss)
    assert not trainer.replayed
    assert re.search(why, trainer.replayed.why), trainer.replayed.why
    assert trainer.replayed.why in repr(trainer.replayed)


def test_a_method_put_in_place_of_its_class_s_is_called():
    data, _, computed = made((3, "built in"))
    mine, theirs = nn.mlp([3, 6, 3], seed=0), nn.mlp([3, 6, 3], seed=0)
    for model in (mine, theirs):
        model[1].forward = lambda x: x * (x.data > 0)
    trainer = nb.Trainer(mine, data, optimizer=nb.optim.SGD(0.05), batch_size=10)
    trainer.fit(steps=5, bar=False)
    assert "forward of its own" in trainer.replayed.why
    by_hand(theirs, data, computed, nb.optim.SGD(0.05), 5, 10)
    np.testing.assert_array_equal(trainer.theta, theirs.theta)


class Lazy(Own):
    when = "always"

    def middle(self, z, x):
        if not hasattr(self, "late") and (self.when == "always" or self.training):
            self.late = nn.Linear(6, 6, rng=0)
        return self.late(z) if hasattr(self, "late") else z


@pytest.mark.parametrize("when", ["always", "training"])
def test_layers_made_in_forward_are_refused(when):
    model = Lazy(3)
    object.__setattr__(model, "when", when)
    with pytest.raises(ValueError, match=r"Lazy: forward\(\) has made or exchanged parameters.*__init__"):
        nb.Trainer(model, arrays(3)).fit(steps=3, bar=False)


class Grows(Own):
    def prepare(self):
        self.layers = []

    def middle(self, z, x):
        self.layers.append(nn.Linear(6, 6, rng=0))
        return self.layers[-1](z)


def test_layers_added_to_a_list_in_forward_are_refused():
    with pytest.raises(ValueError, match=r"forward\(\) has made or exchanged parameters"):
        nb.Trainer(Grows(3), arrays(3)).fit(steps=3, bar=False)


def test_looking_changes_nothing():
    for kind in (DrawsNumbers, Counts, CountsInLists, CountsInPlace):
        seen, unseen = nb.Trainer(kind(3), arrays(3)), nb.Trainer(kind(3), arrays(3))
        unseen.fit(steps=6, bar=False)
        for _ in range(6):
            seen.fit(steps=1, bar=False)
            seen.predict(seen.data.X_val), seen.evaluate(), seen.observe(0), seen.activations(seen.data.X_val)
        np.testing.assert_array_equal(seen.theta, unseen.theta)


class DrawsFromNumPy(Own):
    def middle(self, z, x):
        return z + np.random.normal(0, 0.1, z.shape).astype(np.float32)  # noqa: NPY002


def noisy(rng):
    return lambda z, y: (
        (z + rng.normal(0, 0.1, z.shape).astype(np.float32) - np.eye(3, dtype=np.float32)[y]) ** 2
    ).mean()


@pytest.mark.parametrize("kind", ["module", "loss"])
def test_evaluations_draw_from_nobody_s_random_numbers(kind):
    data = arrays(3)

    def made_once():
        np.random.seed(3)  # noqa: NPY002
        loss = noisy(np.random.default_rng(1)) if kind == "loss" else OF_CLASSES["np.eye"]
        return (nn.mlp([3, 6, 3], seed=0) if kind == "loss" else DrawsFromNumPy(3)), loss

    mine, loss = made_once()
    trainer = nb.Trainer(mine, data, loss=loss, optimizer=nb.optim.SGD(0.05), batch_size=10, evaluate_every=2)
    trainer.fit(steps=5, bar=False)
    theirs, loss = made_once()
    by_hand(theirs, data, loss, nb.optim.SGD(0.05), 5, 10)
    np.testing.assert_array_equal(trainer.theta, theirs.theta)
    if kind == "loss":
        trainer.rewind(2)
        trainer.fit(steps=3, bar=False)
        np.testing.assert_array_equal(trainer.theta, theirs.theta)
