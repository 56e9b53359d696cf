"""The view of the network itself: what is shown of it, in numbers and words, of every kind of network."""

import numpy as np
import pytest
from fakes import Page

import nbprop as nb
from nbprop.views.base import columns as parts
from nbprop.views.base.folder import kinds
from nbprop.views.base.laid import ABSENT
from nbprop.views.network import KINDS


def watched(model, data, steps=3, **settings):
    trainer = nb.Trainer(model, data, seed=0, **settings)
    trainer.watch()
    trainer.fit(steps=steps, bar=False)
    return trainer


def moons(*hidden, activation="tanh", steps=3, **settings):
    return watched(
        nb.nn.mlp([2, *hidden, 1], activation=activation, seed=0), nb.data.moons(samples=60, seed=0), steps, **settings
    )


def network(source, **options):
    return kinds()["Network"](source, **options)


class Mean(nb.nn.Module):
    static = True

    def forward(self, x):
        return x.mean(axis=1)


class Last(nb.nn.Module):
    static = True

    def __init__(self, kind):
        self.rnn, self.out = getattr(nb.nn, kind)(2, 5, batch_first=True, rng=0), nb.nn.Linear(5, 1, rng=0)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


def cnn():
    model = nb.nn.Sequential(
        nb.nn.Conv2d(1, 4, 3, rng=0),
        nb.nn.ReLU(),
        nb.nn.MaxPool2d(2),
        nb.nn.Flatten(),
        nb.nn.Linear(36, 20, rng=0),
        nb.nn.ReLU(),
        nb.nn.Linear(20, 10, rng=0),
    )
    return watched(model, nb.data.digits(image=True))


def transformer():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 6, (60, 7))
    data = nb.data.from_arrays(X, (X[:, 0] == X[:, -1]).astype(int), vocabulary=6)
    blocks = [nb.nn.TransformerBlock(8, 2, rng=i) for i in range(2)]
    return watched(nb.nn.Sequential(nb.nn.Embedding(6, 8, rng=0), *blocks, Mean(), nb.nn.Linear(8, 1, rng=0)), data)


def recurrent(kind="RNN"):
    X = np.random.default_rng(0).normal(size=(60, 6, 2)).astype(np.float32)
    return watched(Last(kind), (X, (X[:, :, 0].sum(axis=1) > 0).astype(int)))


def residual():
    blocks = [nb.nn.Residual(nb.nn.Linear(6, 6, rng=i), nb.nn.BatchNorm1d(6), nb.nn.Tanh()) for i in range(2)]
    model = nb.nn.Sequential(nb.nn.Linear(2, 6, rng=0), nb.nn.Tanh(), *blocks, nb.nn.Linear(6, 1, rng=3))
    return watched(model, nb.data.moons(samples=60, seed=0))


def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 40)).astype(np.float32)
    return watched(nb.nn.mlp([40, 30, 3], seed=0), (X, rng.integers(0, 3, 60)))


NETWORKS = {each.__name__: each for each in (moons, cnn, transformer, recurrent, residual, table)}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("edges", ["weight", "gradient", "update"])
def test_numbers_picture_and_words_of_every_kind_of_network(name, edges, ax):
    trainer = NETWORKS[name](*([6, 5] if name == "moons" else []))
    view = network(trainer, edges=edges)
    frame, labels = view.frame(), view.labels()
    count = len(labels["columns"])
    assert len(frame["kinds"]) == count and all(array.dtype == np.float32 for array in frame.values())
    names = {layer.name: layer for layer in trainer.layers}
    for k, column in enumerate(labels["columns"]):
        units = frame[f"numbers{k}"]
        n = len(units)
        assert 0 < n <= parts.MOST and len(frame[f"maps{k}"]) == n and np.isfinite(frame[f"maps{k}"]).all()
        assert (np.diff(units[:, 0]) > 0).all()
        lines = frame[f"edges{k}"]
        assert lines.size == 0 or lines.shape == (n, len(frame[f"numbers{column['from']}"]))
        assert k == 0 or names[column["name"]].kind == column["layer"]
    words = view.describe()
    assert labels["columns"][0]["layer"] in words and "Tells most: " in words and view.plot(ax) is ax
    assert words in view.explain()


def test_of_two_inputs_a_unit_shows_what_it_responds_to():
    trainer = moons(5)
    frame = network(trainer).frame()
    assert [KINDS[int(k)] for k in frame["kinds"]] == ["plane"] * 3
    data = trainer.data
    places = parts.places(*parts.extent(np.concatenate([data.X_train, data.X_val])), parts.SIDE)
    for k, answers in enumerate(trainer.activations(places), 1):
        np.testing.assert_array_equal(frame[f"maps{k}"].reshape(-1, parts.SIDE**2), answers.T)


def test_lines_are_the_weights_their_gradient_or_their_last_update():
    trainer = moons(5, 4, probe_every=1)
    seen = trainer.observe()
    for edges, of in (("weight", seen.W), ("gradient", seen.dW), ("update", seen.update)):
        frame = network(trainer, edges=edges).frame()
        for k in range(3):
            np.testing.assert_array_equal(frame[f"edges{k + 1}"], of[k])


def test_of_a_convolution_lines_are_sums_over_the_places():
    trainer = cnn()
    frame, seen = network(trainer).frame(), trainer.observe()
    assert frame["edges1"].size == 0  # from a whole picture there are none
    units = frame["numbers2"][:, 0].astype(int)
    np.testing.assert_allclose(frame["edges2"], seen.W[1].reshape(20, 4, 9).sum(axis=2)[units], rtol=1e-5)
    kinds_ = [KINDS[int(k)] for k in frame["kinds"]]
    assert kinds_ == ["picture", "picture", "value", "value"]
    np.testing.assert_array_equal(frame["maps1"], trainer.activations(trainer.data.X_train[:1])[0][0])


def test_behind_a_flat_picture_the_first_units_show_their_weights():
    trainer = watched(nb.nn.mlp([64, 6, 10], seed=0), nb.data.digits())
    frame = network(trainer).frame()
    assert [KINDS[int(k)] for k in frame["kinds"]] == ["picture", "weights", "value"]
    np.testing.assert_array_equal(frame["maps1"].reshape(6, 64), trainer.observe().W[0])


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_recurrent_layer_shows_its_values_over_time_and_a_loop(kind):
    trainer = recurrent(kind)
    view = network(trainer)
    frame, labels = view.frame(), view.labels()
    assert labels["columns"][1]["loop"] and "loop" not in labels["columns"][2]
    assert KINDS[int(frame["kinds"][1])] == "time" and frame["maps1"].shape == (5, 1, 6)
    np.testing.assert_array_equal(frame["maps1"][:, 0], trainer.activations(trainer.data.X_train[:1])[0][0].T)


def test_an_attention_shows_who_looks_where_and_its_last_linear_is_a_part_of_it():
    trainer = transformer()
    view = network(trainer)
    frame, labels = view.frame(), view.labels()
    names = [column["layer"] for column in labels["columns"]]
    assert names.count("MultiheadAttention") == 2 and len(names) == len(trainer.layers) - 2 + 1
    k = names.index("MultiheadAttention")
    assert KINDS[int(frame["kinds"][k])] == "heads" and frame[f"edges{k}"].size == 0
    np.testing.assert_array_equal(frame[f"maps{k}"], trainer.attention(trainer.data.X_train[0])[0])


def test_ways_around_are_known_and_what_normalizes():
    columns = network(residual()).labels()["columns"]
    assert [column.get("from") for column in columns] == [None, 0, 1, 2, 3]
    assert [column.get("around") for column in columns] == [None, None, None, 1, 2]
    assert [column.get("through") for column in columns] == [None, [], ["BatchNorm"], ["BatchNorm"], []]


def test_what_is_chosen_is_what_the_units_say():
    trainer = table()
    view = network(trainer)
    batch = view.frame()["numbers1"][:, 1]
    seen = trainer.observe()
    units = view.frame()["numbers1"][:, 0].astype(int)
    np.testing.assert_allclose(batch, seen.a[0].mean(axis=0)[units], rtol=1e-6)
    view.chosen.set(sample=7)
    frame, labels = view.frame(), view.labels()
    own = trainer.activations(trainer.data.X_train[7:8])
    np.testing.assert_array_equal(frame["numbers1"][:, 1], own[0][0][units])
    np.testing.assert_array_equal(frame["numbers0"][:, 1], trainer.data.X_train[7][frame["numbers0"][:, 0].astype(int)])
    assert (
        labels["looked"] == "sample 7"
        and labels["said"]
        and f"Of sample 7 it says {labels['said']}." in view.describe()
    )


def test_of_a_wide_layer_the_first_the_last_and_those_that_tell_most_and_the_chosen_one():
    trainer = moons(60)
    view = network(trainer)
    tap = trainer.observe()
    scores = np.abs(tap.a[0] * tap.dz[0]).sum(axis=0)
    units = set(view.frame()["numbers1"][:, 0].astype(int))
    best = [unit for unit in np.argsort(-scores, kind="stable") if unit not in (0, 59)][: parts.MOST - 2]
    assert units == {0, 59, *best}
    rare = int(np.argmin(scores))
    view.chosen.set(layer="hidden 1", unit=rare)
    assert rare in view.frame()["numbers1"][:, 0] and len(view.frame()["numbers1"]) == parts.MOST
    told = view.frame()["numbers1"]
    np.testing.assert_allclose(told[:, 3], scores[told[:, 0].astype(int)] / scores.sum(), rtol=1e-4)
    assert f"Chosen: hidden 1, unit {rare}, with " in view.describe()


def test_the_units_that_are_shown_do_not_flicker():
    trainer = moons(60)
    view = network(trainer)
    first = view.frame()["numbers1"][:, 0]
    trainer.fit(steps=40, bar=False)
    np.testing.assert_array_equal(view.frame()["numbers1"][:, 0], first)
    trainer.fit(steps=10, bar=False)
    assert len(view.frame()["numbers1"]) == parts.MOST  # looked at anew
    trainer.width = 20
    trainer.fit(steps=1, bar=False)
    assert view.frame()["numbers1"][:, 0].max() == 19


def test_of_a_deep_network_the_first_the_last_and_the_chosen_layer():
    trainer = moons(*[3] * 40)
    view = network(trainer)
    columns = view.labels()["columns"]
    names = [column["name"] for column in columns]
    assert names[:3] == ["input", "hidden 1", "hidden 2"] and names[-2:] == ["hidden 40", "output"]
    assert len(columns) + sum(column["skipped"] for column in columns) == 42 and len(names) <= parts.LAYERS + 1
    view.chosen.set(layer="hidden 20")
    columns = view.labels()["columns"]
    assert {"hidden 19", "hidden 20"} <= {column["name"] for column in columns}
    assert len(columns) + sum(column["skipped"] for column in columns) == 42
    assert "40 layers of 3 tanh units" in view.describe()


def test_dead_units_are_told():
    trainer = moons(6, activation="relu")
    trainer.model[0].bias.data[:2] = -100
    trainer.fit(steps=1, bar=False)
    words = network(trainer).describe()
    silent = int((trainer.observe().a[0] == 0).all(axis=0).sum())
    assert silent >= 2 and f"Dead in the last batch: {silent} of 6 units of hidden 1." in words


def test_before_the_first_step_there_are_weights_and_no_gradients(ax):
    trainer = moons(5, steps=0)
    for edges in ("weight", "gradient", "update"):
        view = network(trainer, edges=edges)
        frame = view.frame()
        assert (frame["edges1"].size == 0) == (edges != "weight") == ("make a step" in view.labels()["edges"])
        assert (frame["numbers1"][:, 1:4] == ABSENT).all() and view.plot(ax) is ax
    assert view.labels()["unmeasured"] in view.describe().lower()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_loud(value, ax):
    trainer = moons(5)
    trainer.model[0].weight.data[1, 1] = value
    view = network(trainer)
    frame = view.frame()
    assert not np.isfinite(frame["edges1"][1, 1]) and np.isfinite(frame["maps1"][1]).all() == np.isinf(value)
    assert "Weights are not finite: hidden 1." in view.describe() and view.plot(ax) is ax


def test_a_run_that_has_diverged_is_shown(make_board):
    trainer = moons(5, activation="relu", steps=0, optimizer="sgd", lr=1e30)
    with pytest.raises(nb.Diverged):
        trainer.fit(steps=50, bar=False)
    board = make_board(network(trainer))
    page = Page(board)
    assert page.head["status"] == "stopped" and "error" not in page.head["panels"][0]


def test_frozen_layers_have_no_deltas_and_that_is_no_alarm():
    trainer = moons(5, 4, steps=0)
    trainer.freeze("hidden 1")
    trainer.fit(steps=2, bar=False)
    frame = network(trainer).frame()
    assert (frame["numbers1"][:, 2:4] == ABSENT).all() and np.isfinite(frame["numbers2"]).all()


def test_a_moment_shows_the_network_of_then():
    trainer = moons(5, steps=40)
    trainer.depth = 3
    trainer.fit(steps=20, bar=False)
    moment = trainer.at(30)
    view = network(moment)
    assert [column["name"] for column in view.labels()["columns"]] == ["input", "hidden 1", "output"]
    np.testing.assert_array_equal(view.frame()["edges1"], moment.observe().W[0])
    assert len(network(trainer).labels()["columns"]) == 5


def test_a_loss_of_ones_own_without_data():
    def loss(model, batch, rng):
        return (model(batch["x"]) ** 2).mean()

    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    trainer = nb.Trainer(nb.nn.mlp([3, 4, 1], seed=0), objective=nb.Objective(loss, {"x": x}), seed=0)
    trainer.fit(steps=2, bar=False)
    view = network(trainer)
    frame = view.frame()
    np.testing.assert_allclose(frame["numbers1"][:, 1], trainer.observe().a[0].mean(axis=0), rtol=1e-6)
    assert view.describe().startswith("a batch, a layer of 4 tanh units")


def test_a_press_on_a_unit_or_a_line_chooses_it(make_board):
    board = make_board(network(moons(5, 4)))
    page = Page(board)
    page.ack()
    page.say("act", panel=0, name="unit", value=["hidden 2", 3, 1])
    assert board.chosen.told() == {"layer": "hidden 2", "unit": 3, "source": 1}
    assert page.head["panels"][0]["labels"]["chosen"] == board.chosen.told()
    page.ack()
    page.say("act", panel=0, name="unit", value=[None, None, None])
    assert board.chosen.told() == {}


def test_a_heavier_network_asks_for_fewer_frames():
    light, many = network(moons(4)), network(moons(*[16] * 8))
    assert light.rate == 30 and 10 <= many.rate < 20


# ---- one unit, or one edge, seen large -------------------------------------------------------------------------------


def large(source, layer, unit, edge=None):
    view = network(source, detail=True)
    view.chosen.set(layer=layer, unit=unit, source=edge)
    return view


@pytest.mark.parametrize("name", NETWORKS)
def test_the_mean_of_the_pulls_is_the_gradient_of_every_linear_layer(name):
    trainer = NETWORKS[name](*([6, 5] if name == "moons" else []))
    seen, met = trainer.observe(), 0
    for i, (layer, wire) in enumerate(zip(trainer.layers, trainer.wires, strict=True)):
        if layer.kind != "Linear" or wire.inside is not None:
            continue
        scale = float(np.abs(seen.gradient).max())
        bias = seen.gradient[layer.bias]
        for unit in {0, layer.units - 1}:
            found = large(trainer, layer.name, unit).frame()["pulls"].astype(np.float64)
            assert len(found) == len(seen.x) and (np.diff(found) >= 0).all()
            np.testing.assert_allclose(found.mean(), bias[unit], atol=1e-5 * scale)
            view = large(trainer, layer.name, unit, 1)
            if view.labels()["detail"]["source"] is None:
                continue
            found = view.frame()["pulls"].astype(np.float64)
            per = layer.shape[1] // view._large(view._inside()).before.total
            np.testing.assert_allclose(found.mean(), seen.dW[i][unit, per : 2 * per].sum(), atol=1e-5 * scale)
            met += 1
    assert met


def test_a_pull_is_the_gradient_of_its_sample_alone():
    trainer = moons(6, 5)
    data = trainer.data
    frame = large(trainer, "hidden 2", 2, 4).frame()
    seen = trainer.observe()
    for k in (0, 7, len(seen.x) - 1):
        at = int(frame["order"][k])
        np.testing.assert_array_equal(frame["points"][k], seen.x[at])
        with_one = trainer.at(trainer.steps - 1)  # the weights that the batch was computed with
        one = with_one.observe((seen.x[at], data.y_train[(data.X_train == seen.x[at]).all(axis=1)][0]))
        np.testing.assert_allclose(frame["pulls"][k], one.dW[1][2, 4], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("loss", [lambda z, y: ((z - y) ** 2).sum(), lambda z, y: ((z - y) ** 2).mean()])
def test_as_the_loss_reduces(loss):
    X = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), (X, X[:, :1] * X[:, 1:]), loss, lr=1e-4, seed=0)
    trainer.fit(steps=2, bar=False)
    seen = trainer.observe()
    pulls = large(trainer, "hidden 1", 1, 0).frame()["pulls"]
    np.testing.assert_allclose(pulls.mean(), seen.dW[0][1, 0], rtol=1e-4)


def test_the_detail_says_weights_gradient_update_spread_and_response(ax):
    trainer = moons(6, 5, probe_every=1)
    view = large(trainer, "hidden 2", 3, 2)
    frame, labels, seen = view.frame(), view.labels(), trainer.observe()
    np.testing.assert_array_equal(frame["weights"], seen.W[1][3])
    np.testing.assert_array_equal(frame["gradient"], seen.dW[1][3])
    np.testing.assert_array_equal(frame["update"], seen.update[1][3])
    assert frame["counts"].sum() == len(seen.x) and frame["range"].tolist() == [
        seen.a[1][:, 3].min(),
        seen.a[1][:, 3].max(),
    ]
    assert frame["response"].shape == (32, 32) and frame["extent"].shape == (4,)
    numbers = dict(labels["detail"]["numbers"])
    assert numbers["weight"] == seen.W[1][3, 2] and numbers["dL/dw"] == seen.dW[1][3, 2]
    assert "Shown large: the edge from unit 2 to hidden 2, unit 3: weight " in view.describe()
    assert " samples pull it up." in view.describe() and view.plot(ax) is ax
    assert {"response", "spread", "weights", "pulls"} <= view.marks().keys()


def test_of_pictures_those_that_pull_most_are_shown():
    trainer = cnn()
    frame, seen = large(trainer, "hidden 2", 3, 2).frame(), trainer.observe()
    assert frame["pictures"].shape == (12, 8, 8) and frame["points"].size == 0
    first, last = (int(frame["order"][k]) for k in (0, -1))
    np.testing.assert_array_equal(frame["pictures"][0], seen.x[first][0])
    np.testing.assert_array_equal(frame["pictures"][6], seen.x[last][0])


def test_what_cannot_be_told_is_said():
    trainer = recurrent("LSTM")
    view = large(trainer, "hidden 1", 1, 0)
    assert view.frame()["pulls"].size == 0 and "told of Linear layers" in view.labels()["detail"]["note"]
    view = large(convolved(nb.nn.Conv2d(4, 6, 3, groups=2, rng=0)), "hidden 1", 4, 1)  # of the other group
    detail = view.labels()["detail"]
    assert view.frame()["pulls"].size == 0 and detail["source"] is None
    assert detail["note"] == "no single weight leads from there to unit 4"


def convolved(layer, steps=2):
    """A run of a network that begins with this convolution, of 4 channels."""
    rng, axes = np.random.default_rng(3), layer.axes
    X = rng.normal(size=(24, 4, 9, 8)[: 2 + axes]).astype(np.float32)
    sizes = layer(X[:1]).shape
    model = nb.nn.Sequential(layer, nb.nn.Tanh(), nb.nn.Flatten(), nb.nn.Linear(int(np.prod(sizes[1:])), 3, rng=0))
    return watched(model, (X, rng.integers(0, 3, 24)), steps, batch_size=10)


CONVOLVED = {
    "plain": lambda: nb.nn.Conv2d(4, 6, 3, rng=0),
    "all settings": lambda: nb.nn.Conv2d(4, 6, (3, 2), (2, 3), (2, 1), (2, 1), groups=2, rng=0),
    "same": lambda: nb.nn.Conv2d(4, 6, (4, 3), padding="same", dilation=(1, 2), rng=0),
    "depthwise": lambda: nb.nn.Conv2d(4, 8, 3, 2, 1, groups=4, rng=0),
    "sequences": lambda: nb.nn.Conv1d(4, 6, 3, 2, 2, 2, groups=2, rng=0),
    "sequences, same": lambda: nb.nn.Conv1d(4, 6, 4, padding="same", rng=0),
    "transposed": lambda: nb.nn.ConvTranspose2d(4, 6, (3, 2), (2, 3), (1, 2), (1, 2), 2, dilation=(2, 1), rng=0),
    "transposed sequences": lambda: nb.nn.ConvTranspose1d(4, 6, 3, 2, 1, rng=0),
}


@pytest.mark.parametrize("name", CONVOLVED)
def test_the_mean_of_the_pulls_is_the_gradient_of_every_weight_of_a_convolution(name):
    layer = CONVOLVED[name]()
    trainer = convolved(layer)
    dW, scale = layer.weight.grad, float(np.abs(trainer.model.gradient).max())
    window, groups, backwards = layer.weight[0, 0].size, layer.groups, "Transpose" in type(layer).__name__
    for unit in (0, layer.out_channels - 1):
        group, within = divmod(unit, layer.out_channels // groups)
        for source in range(group * 4 // groups, (group + 1) * 4 // groups):
            own = dW[source, within] if backwards else dW[unit, source - group * 4 // groups]
            for weight in (0, window // 2, window - 1):
                view = large(trainer, "hidden 1", unit, source)
                view.chosen.set(weight=weight)
                frame, detail = view.frame(), view.labels()["detail"]
                np.testing.assert_allclose(frame["pulls"].mean(), own.flat[weight], atol=1e-5 * scale)
                at = np.flatnonzero((frame["sources"] == source) & (frame["parts"] == weight))
                np.testing.assert_array_equal(frame["gradient"][at], [own.flat[weight]])
                assert (detail["source"], detail["weight"], detail["note"]) == (source, weight, "")
                assert dict(detail["numbers"])["dL/dw"] == own.flat[weight]
            whole = large(trainer, "hidden 1", unit, source)
            np.testing.assert_allclose(whole.frame()["pulls"].mean(), own.sum(), atol=2e-5 * scale)
            assert dict(whole.labels()["detail"]["numbers"])[f"dL/dw (sum of {window})"] == pytest.approx(own.sum())
        bias = large(trainer, "hidden 1", unit)
        np.testing.assert_allclose(bias.frame()["pulls"].mean(), layer.bias.grad[unit], atol=1e-5 * scale)


def test_a_pull_on_a_filter_is_the_gradient_of_its_sample_alone():
    trainer = convolved(CONVOLVED["all settings"]())
    view = large(trainer, "hidden 1", 4, 3)
    view.chosen.set(weight=5)
    frame, seen, before = view.frame(), trainer.observe(), trainer.at(trainer.steps - 1)
    for k in (0, 4, len(seen.x) - 1):
        at = int(frame["order"][k])
        one = before.observe((seen.x[at], seen.y[at]))
        np.testing.assert_allclose(frame["pulls"][k], one.dW[0][4, 1].flat[5], rtol=1e-4, atol=1e-7)
    assert "the weight 5 of the edge from unit 3 to hidden 1, unit 4" in view.describe()


def test_a_weight_of_a_filter_is_pressed_and_set_by_hand(make_board, ax):
    trainer = convolved(CONVOLVED["depthwise"]())
    board = make_board(view := network(trainer))
    page = Page(board)
    page.ack()
    page.say("act", panel=0, name="unit", value=["hidden 1", 5, 2, 7])
    assert board.chosen.told() == {"layer": "hidden 1", "unit": 5, "source": 2, "weight": 7}
    page.ack()
    page.say("act", panel=0, name="value", value=0.5)
    assert trainer.model[0].weight.data[5].flat[7] == 0.5
    assert dict(view.labels()["detail"]["numbers"])["weight"] == 0.5 and view.plot(ax) is ax
    page.ack()
    page.say("act", panel=0, name="unit", value=["hidden 1", 5, 2])
    assert "weight" not in board.chosen.told() and "value" not in view.labels()["controls"]


def test_behind_pictures_each_place_has_its_own_weight():
    trainer = cnn()
    view = large(trainer, "hidden 2", 3, 2)
    view.chosen.set(weight=4)
    seen = trainer.observe()
    np.testing.assert_allclose(view.frame()["pulls"].mean(), seen.dW[1][3, 2 * 9 + 4], rtol=1e-4, atol=1e-8)
    assert "value" in view.labels()["controls"]


def test_of_joined_outputs_no_edge_is_told():
    class Joined(nb.nn.Module):
        def __init__(self):
            self.first, self.second, self.out = (nb.nn.Linear(*sizes, rng=0) for sizes in ((2, 4), (4, 4), (8, 1)))

        def forward(self, x):
            h = self.first(x).tanh()
            return self.out(nb.engine.concatenate([h, self.second(h).tanh()], axis=1))

    view = large(watched(Joined(), nb.data.moons(samples=60, seed=0)), "output", 0, 1)
    detail = view.labels()["detail"]
    assert detail["source"] is None and detail["several"] == 0 and view.frame()["pulls"].size == 0


def test_with_accumulated_batches_it_says_that_the_mean_is_of_the_last_one():
    trainer = moons(6, batch_size=8, accumulate=3)
    assert "a mean over several" in large(trainer, "hidden 1", 1, 0).labels()["detail"]["note"]


def test_before_the_first_step_and_where_no_gradient_arrives_there_are_no_pulls(ax):
    view = large(moons(5, steps=0), "hidden 1", 1)
    assert view.frame()["pulls"].size == 0 and view.frame()["weights"].size == 2 and view.plot(ax) is ax
    trainer = moons(5, 4, steps=0)
    trainer.freeze("hidden 1")
    trainer.fit(steps=2, bar=False)
    view = large(trainer, "hidden 1", 1)
    assert view.frame()["pulls"].size == 0 and view.labels()["detail"]["note"]


def test_a_press_shows_it_large_and_back(make_board):
    board = make_board(network(moons(5, 4)))
    page = Page(board)
    page.ack()
    page.say("act", panel=0, name="unit", value=["hidden 2", 3, 1])
    assert page.head["panels"][0]["labels"]["detail"]["unit"] == 3 and board.detail
    page.ack()
    page.say("act", panel=0, name="back", value=None)
    assert page.head["panels"][0]["labels"]["detail"] is None and board.chosen.unit == 3


def test_what_is_chosen_and_not_there_any_more_shows_the_whole_network(ax):
    trainer = moons(8, 6)
    view = large(trainer, "hidden 2", 5)
    trainer.width = 4
    trainer.fit(steps=1, bar=False)
    assert "kinds" in view.frame() and "no unit 5" in view.describe() and view.plot(ax) is ax
    trainer.depth = 1
    trainer.fit(steps=1, bar=False)
    assert "kinds" in view.frame() and "There is no layer 'hidden 2'" in view.describe()


# ---- by hand ---------------------------------------------------------------------------------------------------------


def test_a_weight_or_bias_that_is_shown_can_be_set_and_its_layer_frozen(make_board):
    trainer = moons(5, 4)
    board = make_board(large(trainer, "hidden 2", 3, 2))
    page = Page(board)
    labels = page.head["panels"][0]["labels"]
    assert labels["controls"] == ["value", "freeze", "freeze_unit", "silence"]
    assert labels["values"]["value"] == trainer.model[2].weight.data[3, 2]
    page.ack()
    page.say("act", panel=0, name="value", value=0.5)
    assert trainer.model[2].weight.data[3, 2] == 0.5
    assert page.head["panels"][0]["labels"]["values"]["value"] == 0.5
    board.chosen.set(source=None)
    page.ack()
    page.say("act", panel=0, name="value", value=-1.25)
    assert trainer.model[2].bias.data[3] == -1.25
    page.ack()
    page.say("act", panel=0, name="freeze", value=None)
    assert trainer.frozen == ("hidden 2",)
    page.ack()
    page.say("act", panel=0, name="freeze", value=None)
    assert trainer.frozen == ()
    trainer.undo(3)  # freezing to and fro, so soon, is one
    assert trainer.model[2].weight.data[3, 2] != 0.5 and trainer.model[2].bias.data[3] != -1.25


def test_what_cannot_be_set_offers_nothing():
    trainer = cnn()
    assert large(trainer, "hidden 1", 1).labels()["controls"] == ["value", "freeze", "freeze_unit", "silence"]
    transposed = large(convolved(CONVOLVED["transposed"]()), "hidden 1", 0, 0)
    transposed.chosen.set(weight=0)
    assert "value" not in transposed.labels()["controls"]
    assert "value" not in large(trainer, "hidden 2", 1, 2).labels()["controls"]  # it stands for nine weights
    assert large(trainer.at(2), "output", 1, 2).labels()["controls"] == []
    assert network(trainer).labels()["controls"] == []
    with pytest.raises(ValueError, match="nothing is shown whose value could be set"):
        network(trainer).act("value", 1.0)


def test_a_unit_is_silenced_and_frozen_by_hand_and_words_and_marks_say_so(make_board):
    trainer = moons(5, 4)
    board = make_board(large(trainer, "hidden 2", 3))
    page = Page(board)

    def labels():
        page.ack()
        return page.head["panels"][0]["labels"]

    assert labels()["controls"] == ["value", "freeze", "freeze_unit", "silence"]
    assert labels()["values"] == {
        "value": trainer.model[2].bias.data[3], "freeze": "freeze layer", "freeze_unit": "freeze unit",
        "silence": "silence unit",
    }  # fmt: skip
    for name in ("silence", "freeze_unit"):
        page.say("act", panel=0, name=name, value=None)
    assert trainer.silenced == trainer.frozen_units == (("hidden 2", 3),)
    assert labels()["values"]["silence"] == "let unit speak" and labels()["values"]["freeze_unit"] == "train unit"
    assert labels()["detail"]["state"] == "silenced, frozen"
    view = board.views[0]
    trainer.step()
    assert "Silenced: hidden 2: 3. Frozen: hidden 2: 3." in view.describe()
    assert "hidden 2, unit 3 (silenced, frozen)" in view.describe()
    assert not view.frame()["response"].any()
    view.detail = False
    column = view.labels()["columns"][2]
    assert column["silenced"] == column["frozen"] == [3] and "silenced" not in view.labels()["columns"][1]
    view.detail = True
    for name in ("silence", "freeze_unit"):
        labels()
        page.say("act", panel=0, name=name, value=None)
    assert trainer.silenced == trainer.frozen_units == ()
    assert view.labels()["detail"]["state"] == ""


def test_a_frozen_layer_is_all_its_units_and_its_gradient_is_said_to_count_as_0():
    trainer = moons(5, 4)
    trainer.freeze("hidden 2")
    trainer.step()
    view = large(trainer, "hidden 2", 1)
    assert view.labels()["columns"][2]["frozen"] == [0, 1, 2, 3] and "Frozen: hidden 2." in view.describe()
    trainer.unfreeze()
    trainer.freeze("hidden 2", unit=1)
    trainer.step()
    assert view.labels()["detail"]["note"].startswith("frozen")


def test_silenced_units_are_not_called_dead():
    trainer = moons(6, activation="relu")
    trainer.silence("hidden 1", 0, 1, 2)
    trainer.step()
    dead = int((trainer.observe().a[0][:, 3:] == 0).all(axis=0).sum())
    assert ("Dead in the last batch" in nb.views.Network(trainer).views[0].describe()) == bool(dead)


def test_the_output_offers_no_silence():
    trainer = moons(5, 4)
    assert large(trainer, "output", 0).labels()["controls"] == ["value", "freeze", "freeze_unit"]
    assert large(trainer.at(1), "hidden 1", 0).labels()["controls"] == []
