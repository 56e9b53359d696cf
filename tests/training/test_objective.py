"""The objective: what it refuses and in which words, accumulation, batches of one's own, evaluation in pieces."""

import numpy as np
import pytest
from runs import RNG, X, Y, error, net

import nbprop as nb
from nbprop import nn

# ---- the objective is the same thing as the usual one --------------------------------------------------------------


def test_an_objective_that_does_what_the_usual_one_does_gives_the_same_run():
    data = nb.data.Arrays(X, Y)
    usual = nb.Trainer(net(), data, loss="mse", batch_size=8)
    usual.fit(steps=25, bar=False)
    own = nb.Trainer(net(), objective=nb.Objective(error, data), batch_size=8)
    own.fit(steps=25, bar=False)
    np.testing.assert_allclose(own.theta, usual.theta, rtol=1e-4, atol=1e-6)
    assert own.evaluation == pytest.approx(usual.evaluation, rel=1e-4)


def test_a_data_set_keeps_its_split():
    data = nb.data.moons(samples=80, seed=0)
    for given in (data, nb.Objective(error, data).data):
        objective = nb.Objective(error, given)
        assert len(objective.data.train) == len(data.X_train)
        X_train, y_train = objective.data.take(objective.data.train)
        np.testing.assert_array_equal(X_train, data.X_train)
        np.testing.assert_array_equal(y_train, data.y_train)
    assert nb.Objective(error, "spirals").name == "spirals"


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(("size", "k"), [(4, 3), (1, 12), (6, 2)])
def test_accumulating_k_batches_is_one_batch_of_k_times_the_size(size, k, own):
    def trainer(batch_size, accumulate):
        model, data = net(dtype=np.float64), nb.data.Arrays(X[:32], Y[:32], validation=0.25)
        settings = {"batch_size": batch_size, "accumulate": accumulate, "drop_last": True}
        settings |= {"optimizer": "sgd", "lr": 0.1}
        if own:
            return nb.Trainer(model, objective=nb.Objective(error, data), **settings)
        return nb.Trainer(model, data, loss="mse", **settings)

    one, many = trainer(size * k, 1), trainer(size, k)
    for t in (one, many):
        t.fit(steps=10, bar=False)
    np.testing.assert_allclose(many.theta, one.theta, rtol=1e-10)
    assert many.epoch == one.epoch
    np.testing.assert_allclose(many.history.series("loss")[1], one.history.series("loss")[1], rtol=1e-6)


@pytest.mark.parametrize("drop_last", [False, True])
def test_drop_last(drop_last):
    sizes = []

    def loss(model, batch):
        sizes.append(len(batch))
        return (model(batch) ** 2).mean()

    objective = nb.Objective(loss, nb.data.Arrays(X[:20], validation=0))
    t = nb.Trainer(net(), objective=objective, batch_size=8, drop_last=drop_last)
    sizes.clear()
    t.fit(epochs=2, bar=False)
    made = [size for size in sizes if size != 20]  # without the evaluation
    assert made == [8, 8] * 2 if drop_last else made == [8, 8, 4] * 2


# ---- batches of one's own ------------------------------------------------------------------------------------------


class Loader:
    """Can be iterated again, in another order each time."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def __iter__(self):
        return iter(X[self.rng.permutation(40)].reshape(5, 8, 2))

    def __len__(self):
        return 5


def squared(model, x):
    return (model(x) ** 2).mean()


@pytest.mark.parametrize("batches", [Loader(), (X[i : i + 8] for i in range(0, 40, 8))], ids=["loader", "generator"])
def test_what_cannot_be_gone_back_in_says_so_and_the_run_goes_on(batches):
    t = nb.Trainer(net(), objective=nb.Objective(squared, batches=batches))
    t.fit(steps=2, bar=False)
    t.lr = 0.5
    theta = t.theta.copy()
    for back in (lambda: t.rewind(1), t.branch, lambda: t.at(1), t.find_lr, t.undo):
        with pytest.raises(ValueError, match="give them as a list, or as a function batches"):
            back()
        assert t.steps == 2
        assert t.lr == 0.5
        np.testing.assert_array_equal(t.theta, theta)
    t.fit(steps=3, bar=False)
    assert t.steps == 5
    if isinstance(batches, Loader):
        t.fit(epochs=1, bar=False)
        assert t.steps == 10
        assert t.epoch == 2
    else:
        with pytest.raises(TypeError, match="come from a generator without a length, so there are no epochs"):
            t.fit(epochs=1, bar=False)
        with pytest.raises(ValueError, match="used up after 5: a generator gives each but once"):
            t.fit(steps=1, bar=False)


def test_a_function_gets_what_it_asks_for():
    seen = []

    def make(step, model, batch_size):
        seen.append((step, type(model).__name__, batch_size))
        return np.zeros((batch_size, 2), np.float32)

    t = nb.Trainer(net(), objective=nb.Objective(squared, batches=make), batch_size=3, accumulate=2)
    t.fit(steps=2, bar=False)
    assert seen == [(0, "Sequential", 3)] * 2 + [(1, "Sequential", 3)] * 2


def test_an_objective_with_other_batches_takes_the_place_of_the_old_one():
    def zeros(batch_size):
        return np.zeros((batch_size, 2), np.float32)

    def ones(batch_size):
        return np.ones((batch_size, 2), np.float32)

    t = nb.Trainer(net(), objective=nb.Objective(squared, batches=zeros))
    t.fit(steps=2, bar=False)
    t.set(objective=nb.Objective(squared, batches=ones))
    t.fit(steps=1, bar=False)
    assert t._run._batch.all()
    t.rewind(2)
    t.fit(steps=1, bar=False)
    assert not t._run._batch.any()


@pytest.mark.parametrize(
    ("settings", "error_of", "words"),
    [
        ({}, TypeError, "either data .* or batches .*; got neither"),
        ({"data": X, "batches": [X]}, TypeError, "got both"),
        ({"batches": 3}, TypeError, "batches must be a function or an iterable, such as a list; got int"),
        ({"data": X, "augment": 3}, TypeError, "augment must be a function, got 3"),
        ({"data": X, "metrics": {"loss": squared}}, ValueError, "a metric needs a name such as 'f1', and not 'loss'"),
        ({"data": X, "metrics": {"f1": 3}}, TypeError, "metric 'f1' must be a function"),
        ({"batches": [X], "metrics": {"f1": squared}}, TypeError, "pass evaluate=, a function of the model"),
        ({"data": np.full((3, 2), np.nan)}, ValueError, "finite|missing|nan|NaN"),
    ],
)
def test_what_an_objective_refuses(settings, error_of, words):
    with pytest.raises(error_of, match=words):
        nb.Objective(squared, **settings)
    with pytest.raises(TypeError, match="loss must be a function"):
        nb.Objective("mse", X)


def test_an_empty_list_and_a_batch_that_is_none_are_said():
    with pytest.raises(ValueError, match="the iterable of batches is empty"):
        nb.Trainer(net(), objective=nb.Objective(squared, batches=[])).fit(steps=1, bar=False)

    def forgets(rng):
        rng.normal()

    with pytest.raises(TypeError, match="forgets gave None in the place of a batch"):
        nb.Trainer(net(), objective=nb.Objective(squared, batches=forgets)).fit(steps=1, bar=False)
    with pytest.raises(TypeError, match="augment gave None"):
        objective = nb.Objective(squared, X, augment=lambda batch, rng: None)
        nb.Trainer(net(), objective=objective).fit(steps=1, bar=False)
    supervised = nb.training.Supervised(nb.data.moons(samples=40), augment=lambda X, y, rng: (X[:3], y))
    with pytest.raises(TypeError, match="as many samples each; got 3 and 30 samples"):
        nb.Trainer(net(), objective=supervised).fit(steps=1, bar=False)


# ---- losses that cannot be right -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "kind", "words"),
    [
        (lambda model, x: model(x), ValueError, r"one number, got shape \(\d+, 1\): take its mean"),
        (lambda model, x: float((model(x).data ** 2).mean()), TypeError, "must be a Tensor with one number, got float"),
        (lambda model, x: None, TypeError, "must be a Tensor with one number, got NoneType"),
        (lambda model, x: (nb.Tensor(model(x).data) ** 2).mean(), ValueError, "depends on no parameter that"),
    ],
)
def test_losses_that_cannot_be_right_are_said(loss, kind, words):
    with pytest.raises(kind, match=words):
        nb.Trainer(net(), objective=nb.Objective(loss, X)).fit(steps=1, bar=False)


def test_a_leaf_outside_the_model_is_named():
    teacher, scale = net(), nb.Tensor(2.0, requires_grad=True)
    losses = {
        r"teacher\.2\.weight": lambda model, x: ((model(x) - teacher(x)) ** 2).mean(),
        "scale": lambda model, x: (model(x) * scale).mean(),
    }
    for name, loss in losses.items():
        with pytest.raises(ValueError, match=f"depends on {name} of shape .* no parameter of the model"):
            nb.Trainer(net(), objective=nb.Objective(loss, X)).fit(steps=1, bar=False)
    with pytest.raises(ValueError, match="depends on scale of shape"):
        nb.Trainer(net(), nb.data.Arrays(X, Y), loss=lambda z, y: ((z * scale - y) ** 2).mean()).fit(steps=1, bar=False)


def test_such_a_leaf_is_found_also_when_it_comes_later():
    teacher, count = net(), []

    def loss(model, x):
        count.append(1)
        return ((model(x) - (teacher(x) if len(count) > 4 else 0)) ** 2).mean()

    with pytest.raises(ValueError, match="no parameter of the model"):
        nb.Trainer(net(), objective=nb.Objective(loss, batches=[X])).fit(steps=9, bar=False)


def two(**losses):
    model = nn.ModuleDict({"a": net(), "b": net()})
    return nb.Trainer(model, objective=nb.Objective(losses, X))


def test_parts_are_checked():
    def of(name):
        return lambda model, x: (model[name](x) ** 2).mean()

    with pytest.raises(ValueError, match="'c' is for a module of that name inside the model, and there is none"):
        two(c=of("a"))
    with pytest.raises(ValueError, match="the loss of 'b' depends on no parameter of b that is trained"):
        two(a=of("a"), b=of("a")).fit(steps=1, bar=False)
    with pytest.raises(ValueError, match="the loss of 'b' must be one number"):
        two(a=of("a"), b=lambda model, x: model["b"](x))
    t = two(a=of("a"), b=of("b"))
    with pytest.raises(TypeError, match="a ModuleDict cannot be called, so it predicts nothing: pass predict="):
        t.predict(X)
    t.fit(steps=2, bar=False)
    assert {"a_loss", "b_loss", "val_a_loss"} <= set(t.history.columns)
    assert "a_loss" in nb.views.Loss(t).describe()


def test_each_part_trains_its_own_module_alone():
    def of_both(model, x):
        return ((model["a"](x) + model["b"](x)) ** 2).mean()

    t = nb.Trainer(
        nn.ModuleDict({"a": net(), "b": net()}), objective=nb.Objective({"a": of_both}, X), optimizer="sgd", lr=0.1
    )
    before = t.theta.copy()
    t.fit(steps=3, bar=False)
    changed = t.theta != before
    half = len(changed) // 2
    assert changed[:half].any()
    assert not changed[half:].any()


# ---- data and outputs that do not fit ------------------------------------------------------------------------------


def test_class_numbers_out_of_range_and_wrong_shapes_are_said():
    classes = RNG.integers(0, 4, 40)
    with pytest.raises((ValueError, IndexError), match=r"0 to 2|from 0"):
        nb.Trainer(net(3), nb.data.Arrays(X, classes), loss="cross_entropy")
    with pytest.raises(ValueError, match=r"target of the prediction's shape \(30, 1\); got \(30, 2\)"):
        nb.Trainer(net(1), nb.data.Arrays(X, X, validation=0.25), loss="mse")
    with pytest.raises(ValueError, match=r"takes|expected|expects"):
        nb.Trainer(nn.mlp([3, 1], seed=0), nb.data.Arrays(X, Y), loss="mse")
    with pytest.raises(TypeError, match="no task from which a loss would follow"):
        nb.Trainer(net(), nb.data.Arrays(X, Y))
    with pytest.raises(TypeError, match="needs targets y"):
        nb.Trainer(net(), nb.data.Arrays(X), loss="mse")


def normed():
    return nn.Sequential(nn.Linear(2, 4, rng=0), nn.BatchNorm1d(4), nn.Linear(4, 1, rng=1))


@pytest.mark.parametrize("own", [True, False])
def test_a_last_batch_of_one_and_batch_normalization(own):
    def trainer(**settings):
        data = nb.data.Arrays(X[:33], Y[:33], validation=0)
        if own:
            return nb.Trainer(normed(), objective=nb.Objective(error, data), **settings)
        return nb.Trainer(normed(), data, loss="mse", **settings)

    with pytest.raises(ValueError, match=r"batches of 16 leave one of 33 .* Leave the last batch out, drop_last=True"):
        trainer(batch_size=16)
    with pytest.raises(ValueError, match=r"batches of one sample: .* Choose a batch_size such as 32"):
        trainer(batch_size=1)
    t = trainer(batch_size=16, drop_last=True)
    t.fit(epochs=3, bar=False)
    for change in ({"drop_last": False}, {"batch_size": 1}):
        with pytest.raises(ValueError, match="cannot be trained with it"):
            t.set(**change)
    t.set(drop_last=False, batch_size=10)  # fits an epoch, but of this one a single sample is left
    with pytest.raises(ValueError, match="drop_last=True of a Trainer"):
        t.step()
    t.set(drop_last=True)
    t.fit(steps=1, bar=False)
    t.set(drop_last=False)
    t.fit(epochs=2, bar=False)
    nb.Trainer(net(), nb.data.Arrays(X[:33], Y[:33], validation=0), loss="mse", batch_size=16).fit(epochs=1, bar=False)


def test_a_normalization_over_rows_and_columns_takes_one_picture():
    pictures = RNG.normal(size=(5, 1, 4, 4))
    model = nn.Sequential(nn.Conv2d(1, 2, 3, rng=0), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 1, rng=0))
    data = nb.data.Arrays(pictures, np.zeros((5, 1)), validation=0)
    t = nb.Trainer(model, data, loss="mse", batch_size=4)
    mean = model[1].running_mean.copy()
    assert not mean.any()  # trying it out has left nothing behind
    t.fit(epochs=2, bar=False)


def test_columns_in_another_order_are_refused():
    first = nb.data.from_arrays(X, Y, features=["a", "b"])
    t = nb.Trainer(net(), first)
    with pytest.raises(ValueError, match=r"expected the features a, b in this order"):
        t.set(data=nb.data.from_arrays(X, Y, features=["b", "a"]))
    t.set(data=nb.data.from_arrays(X, Y, features=["a", "b"]))
