"""Every knob acts at the next step, keeps what can be kept, and refuses nonsense without disturbing the run."""

import threading

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn


@pytest.fixture
def t():
    model = nb.nn.mlp([2, 8, 8, 1], activation="tanh", seed=1)
    t = nb.Trainer(model, nb.data.spirals(samples=200, seed=2), optimizer="sgd", lr=0.1, batch_size=16, seed=3)
    t.fit(steps=40)
    return t


def test_the_learning_rate_acts_at_the_next_step(t):
    before = t.model.theta.copy()
    t.lr = 0.0
    t.step()
    np.testing.assert_array_equal(t.model.theta, before)
    t.lr = 1.0
    t.step()
    np.testing.assert_allclose(before - t.model.theta, t.model.gradient, rtol=1e-4, atol=1e-6)
    assert [event.name for event in t.history.events] == ["lr"]  # two quick turns are one event
    assert t.history.events[0].text == "lr 0.1 → 1"


def test_two_turns_with_a_fit_in_between_are_two_events_however_quick(t):
    for activation in ("relu", "tanh"):
        t.activation = activation
        t.fit(steps=1, bar=False)
    texts = [(event.step, event.text) for event in t.history.events]
    assert texts == [(40, "activation tanh → relu"), (41, "activation relu → tanh")]


def test_batch_size(t):
    for size in (1, 7, 150, 10_000):
        t.batch_size = size
        t.step()
        assert t._run.taps[0].a.shape[0] == min(size, 150) or t._run.batches.position == 150


def test_activation_keeps_the_weights(t):
    theta = t.model.theta.copy()
    for name in nb.nn.ACTIVATIONS:
        t.activation = name
        np.testing.assert_array_equal(t.model.theta, theta)
        assert t.layers[0].activation == name
    t.step()


def test_optimizer_keeps_the_learning_rate_unless_it_brings_its_own(t):
    t.optimizer = "adam"
    assert t.lr == 0.1 and t.optimizer.lr == 0.1
    t.optimizer = nb.optim.RMSProp(lr=0.003)
    assert t.lr == 0.003
    t.fit(steps=3)
    assert t.optimizer.t == 3


@pytest.mark.parametrize("activation", ["relu", "identity", "leaky_relu"])
def test_a_deeper_network_says_exactly_what_it_said(t, activation):
    t.activation = activation
    t.fit(steps=5)
    X = t.data.X_val
    before = t.predict(X)
    t.depth = 5
    assert len(t.layers) == 6
    if activation == "leaky_relu":
        np.testing.assert_allclose(t.predict(X), before, atol=0.05)
    else:
        np.testing.assert_allclose(t.predict(X), before, atol=1e-5)


@pytest.mark.parametrize("activation", list(nb.nn.ACTIVATIONS))
def test_an_inserted_layer_is_near_the_identity(activation):
    from nbprop.training.surgery import near_identity

    c, b = near_identity(activation)
    f = nb.nn.activation(activation)
    a = f(nb.Tensor(np.linspace(-2, 2, 101))).data
    again = f(nb.Tensor(c * a + b)).data
    error, plain = (np.sqrt(np.mean((b - a) ** 2)) for b in (again, f(nb.Tensor(a)).data))
    assert error < 0.2 * np.std(a) and error <= plain + 1e-9


def test_a_wider_network_says_exactly_what_it_said_and_its_new_units_learn(t):
    X = t.data.X_val
    before = t.predict(X)
    t.width = 20
    np.testing.assert_allclose(t.predict(X), before, atol=1e-6)
    outgoing = t.model[2].weight.data[:8, 8:]
    assert not outgoing.any()
    t.fit(steps=5)
    assert outgoing is not None and t.model[2].weight.data[:8, 8:].any()


def test_a_narrower_and_shallower_network_keeps_its_first_units(t):
    first = t.model[0].weight.data.copy()
    t.set(depth=1, width=5)
    np.testing.assert_array_equal(t.model[0].weight.data, first[:5])
    t.fit(steps=3)


def test_optimizer_state_survives_a_resize(t):
    t.optimizer = nb.optim.Adam(lr=0.01)
    t.fit(steps=30)
    moment = next(iter(t.optimizer.state.values()))[:16].copy()
    t.width = 12
    assert next(iter(t.optimizer.state.values())).shape == t.model.theta.shape
    np.testing.assert_array_equal(next(iter(t.optimizer.state.values()))[:16], moment)
    assert t.optimizer.t == 30
    t.fit(steps=5)


def test_depth_zero_and_back(t):
    t.depth = 0
    assert len(t.layers) == 1
    t.fit(steps=3)
    t.depth = 3
    t.fit(steps=3)
    assert t.hidden == (8, 8, 8)


def test_data_of_the_same_shape_keeps_the_weights(t):
    theta = t.model.theta.copy()
    t.data = "moons"
    np.testing.assert_array_equal(t.model.theta, theta)
    t.fit(steps=3)
    with pytest.raises(ValueError, match=r"outputs of shape \(1,\).*needs \(3,\)"):
        t.data = "gaussians"
    assert t.data.name == "moons"


@pytest.mark.parametrize(
    "knob, value, says",
    [
        ("lr", -0.1, "at least 0"),
        ("lr", float("inf"), "finite"),
        ("lr", float("nan"), "finite"),
        ("lr", "fast", "number"),
        ("batch_size", 0, "1 or more"),
        ("batch_size", 2.5, "an integer"),
        ("depth", -1, "from 0 to"),
        ("depth", 1000, "from 0 to"),
        ("width", 0, "from 1 to"),
        ("hidden", (8, 0), "from 1 to"),
        ("activation", "tanhh", "did you mean 'tanh'"),
        ("optimizer", "adm", "did you mean 'adam'"),
        ("loss", "bcee", "did you mean 'bce'"),
        ("loss", "cross_entropy", "try loss='bce'"),
        ("data", "spiral", "did you mean 'spirals'"),
        ("data", 3, "must be a Dataset"),
        ("speed", 0, "greater than 0"),
        ("momentun", 0.9, "no knob 'momentun'"),
    ],
)
def test_nonsense_is_refused_and_the_run_goes_on_untouched(t, knob, value, says):
    twin = t.branch()
    with pytest.raises((ValueError, TypeError, AttributeError), match=says):
        t.set(**{knob: value})
    t.fit(steps=5)
    twin.fit(steps=5)
    np.testing.assert_array_equal(t.model.theta, twin.model.theta)
    assert t.history.events == []


def test_all_or_nothing(t):
    with pytest.raises(ValueError, match="lr"):
        t.set(batch_size=4, lr=-1)
    assert t.batch_size == 16


def test_from_another_thread_while_fitting(t):
    lr = []

    class Watcher:
        records, seen = frozenset(), True

        def refresh(self):
            if t.steps > 100 and not lr:
                thread = threading.Thread(target=lambda: t.set(lr=0.25, depth=3))
                thread.start()
                thread.join()
                lr.append(t.lr)

    t.watchers.add(Watcher())
    while not lr:
        t.fit(steps=2000)
    t.step()
    assert lr == [0.25] and t.optimizer.lr == 0.25 and len(t.layers) == 4


def test_a_model_that_does_not_fit_the_data():
    with pytest.raises(ValueError, match="needs \\(1,\\)"):
        nb.Trainer(nb.nn.mlp([2, 4, 3]), "spirals")
    with pytest.raises(ValueError, match="3"):
        nb.Trainer(nb.nn.mlp([3, 4, 1]), "spirals")
    with pytest.raises(TypeError, match=r"nb\.nn\.Module"):
        nb.Trainer(lambda x: x, "spirals")


class LogSoftmax(nb.nn.Module):
    def forward(self, x):
        return x.log_softmax()


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("loss", list(nb.nn.LOSSES))
def test_every_loss_on_every_task_trains_or_says_why_not(task, loss):
    data = {"binary": nb.data.moons, "multiclass": nb.data.gaussians, "regression": nb.data.surface}[task](samples=200)
    ends = {"probabilities": nb.nn.Sigmoid, "log-probabilities": LogSoftmax}
    kind = nb.nn.LOSSES[loss]
    end = [ends[kind.takes]()] if kind.takes in ends else []
    model = nb.nn.Sequential(*nb.nn.mlp([data.inputs, 12, data.outputs], seed=0), *end)
    fits = {
        **{name: ["binary"] for name in ("bce", "hinge", "binary_cross_entropy")},
        **{name: ["multiclass"] for name in ("cross_entropy", "nll", "multi_margin")},
        "kl_div": ["multiclass", "regression"], "poisson_nll": ["regression"],
    }  # fmt: skip
    negative = loss in ("kl_div", "poisson_nll") and task == "regression"  # targets below 0
    if task not in fits.get(loss, [task]) or negative:
        with pytest.raises(ValueError, match="got -" if negative else f"loss '{loss}' is for"):
            nb.Trainer(model, data, loss=loss)
        return
    t = nb.Trainer(model, data, loss=loss, lr=0.03)
    t.fit(steps=200)
    assert t.history["val_loss"][-1] < 0.8 * t.history["val_loss"][0]
    outputs = t.predict(data.X_val)
    assert outputs.shape == (len(data.X_val), data.outputs)
    if task != "regression":
        assert t.history["val_accuracy"][-1] > 0.7
        assert outputs.min() >= 0 and outputs.max() <= 1


def test_a_network_without_biases_is_changed_only_where_that_can_be_done():
    model = nb.nn.Sequential(nb.nn.Linear(2, 8, bias=False), nb.nn.Tanh(), nb.nn.Linear(8, 1))
    t = nb.Trainer(model, "spirals", optimizer="sgd")
    before = t.theta.copy()
    t.fit(steps=2, bar=False)
    for change in (lambda: t.set(width=9), lambda: t.insert(0), lambda: t.set(batch_norm=True), lambda: t.depth):
        with pytest.raises(ValueError, match="Linear with bias"):
            change()
    t.reset()
    assert np.array_equal(t.theta, before)


@pytest.mark.parametrize(
    "module", [nn.Softmax(), nn.Linear(8, 8, rng=0), nn.Dropout(0.1), nn.LSTM(8, 8, rng=0), nn.Sequential(nn.ReLU()),
               nn.BatchNorm1d(8), nn.MSELoss(), nn.Softmax, nn.Activation()]
)  # fmt: skip
def test_what_is_no_activation_is_refused(t, module):
    for name in ("activation", "hidden_activations"):
        with pytest.raises(
            TypeError, match=r"activation must be a name, such as 'relu', or an nn\.Activation, such as"
        ):
            t.set(**{name: module})
    assert t.activation == "tanh"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weight_decay": 0.1}, r"setting of the optimizer: optimizer=nb\.optim\.Adam\(weight_decay=0\.1\)"),
        ({"groups": [], "optimizer": "sgd"}, r"setting of the optimizer: optimizer=nb\.optim\.SGD\(groups=\[\]\)"),
        ({"momentum": 0.9}, r"setting of the optimizer: optimizer=nb\.optim\.SGD\(momentum=0\.9\)"),
        ({"scheduler": None}, r"setting of the optimizer, schedule"),
        ({"schedule": "cosine"}, r"knob: trainer\.set\(schedule='cosine'\)"),
        ({"dropout": 0.5}, r"knob: trainer\.set\(dropout=0\.5\)"),
        ({"epochs": 3}, r"pass it to fit: trainer\.fit\(epochs=3\)"),
        ({"learning_rate": 3}, "it is called lr"),
        ({"criterion": "mse"}, "it is called loss"),
        ({"batchsize": 3}, "did you mean 'batch_size'"),
        ({"qqq": 3}, "it takes model, data, loss, optimizer, lr"),
    ],
)
def test_an_argument_that_a_trainer_does_not_take(given, message):
    with pytest.raises(TypeError, match=f"Trainer takes no '{next(iter(given))}'; (it is a )?{message}"):
        nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "moons", **given)


def test_a_class_of_ones_own_takes_what_it_takes():
    class Mine(nb.Trainer):
        def __init__(self, *values, note="", **settings):
            super().__init__(*values, **settings)
            self._note_of_mine = note

    assert Mine(nb.nn.mlp([2, 4, 1], seed=0), "moons", note="x", lr=0.1)._note_of_mine == "x"
    with pytest.raises(TypeError, match="unexpected keyword argument 'epochs'"):
        Mine(nb.nn.mlp([2, 4, 1], seed=0), "moons", epochs=1)


def test_words_for_what_is_called_otherwise(t):
    with pytest.raises(AttributeError, match="a Trainer has no 'learning_rate'; it is called lr"):
        t.learning_rate = 0.1
    with pytest.raises(AttributeError, match=r"a Trainer has no 'widht'; did you mean 'width'"):
        t.widht = 3
    with pytest.raises(AttributeError, match=r"a History has no 'loss'; read the column as history\['loss'\]"):
        t.fit(steps=1, bar=False).loss  # noqa: B018
    with pytest.raises(AttributeError, match=r"a History has no 'losses'$"):
        t.history.losses  # noqa: B018
    with pytest.raises(TypeError, match=r"on must be True or False; got 'gradients'"):
        t.watch("gradients")
    with pytest.raises(TypeError, match=r"metrics must be a dict of functions, such as \{'f1': f1\}; got <function"):
        nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "moons", metrics=lambda predicted, y: 0)
    for one in (np.zeros(2), [0.0, 0.0]):
        with pytest.raises(ValueError, match=r"X: expected samples of shape \(2,\), got one alone; try X\[None\]"):
            t.predict(one)
    assert t.predict([[0.0, 0.0]]).shape == (1, 1)
