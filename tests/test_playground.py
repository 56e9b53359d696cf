"""The controls turn the trainer's knobs and show what the trainer does; the browser's half is in tests/browser."""

import asyncio
import threading

import ipywidgets as widgets
import numpy as np
import pytest
from hand import Hand

import nbprop as nb
from nbprop.checks import number
from nbprop.playground import CONTROLS
from nbprop.record.controls import GROUPS, Slider
from nbprop.training.knob import KNOBS, Knob, plain
from nbprop.training.knobs import Knobs

MORE = ("momentum", "nesterov", "weight_decay", "clip", "clip_value", "l1", "accumulate", "drop_last", "batch_norm")
TYPED = {"hidden": "3, 5", "hidden_activations": "relu, tanh", "frozen": "hidden 2"}
HAVING = [name for name, knob in KNOBS.items() if knob.control is not None]


@pytest.fixture
def playground():
    made = nb.Playground(hidden=[6, 6])
    yield made
    made.close()


@pytest.fixture
def hand(playground):
    return Hand(playground)


def test_a_hand_turns_knobs_and_keeps_the_weights(playground, hand):
    t = playground.trainer
    t.fit(steps=30)
    for name, value in (("lr", 0.1), ("batch_size", 8), ("optimizer", "nesterov"), ("activation", "relu"),
                        ("dropout", 0.25), ("depth", 4), ("width", 9), ("speed", "5 steps/s")):  # fmt: skip
        assert hand.turn(name, value) == hand.taken
        assert hand.shows(name) == value
    assert (t.lr, t.batch_size, t.activation, t.hidden, t.speed) == (0.1, 8, "relu", (9,) * 4, 5.0)
    assert t.optimizer.nesterov and t.steps == 30 and t.dropout == 0.25
    t.step()
    assert t.steps == 31
    names = ["lr", "batch_size", "optimizer", "activation", "dropout", "hidden"]
    assert [event.name for event in t.history.events] == names


def test_every_control_is_labelled(playground):
    spec = playground._spec["desk"]
    for control in [*spec["dials"], *spec["buttons"]]:
        assert control["label"] and control["tip"]
    labels = [control["label"] for control in [*spec["dials"], *spec["buttons"]]]
    assert len(set(labels)) == len(labels)


def test_knobs_turned_in_code_show_in_the_controls(playground, hand):
    t = playground.trainer
    t.set(lr=0.5, depth=30, width=100, batch_size=48, activation="gelu", dropout=0.4, optimizer="rmsprop", speed=77)
    playground.refresh()
    shown = {name: hand.shows(name) for name in hand.state}
    assert shown["lr"] == 0.5 and (shown["depth"], shown["width"], shown["batch_size"]) == (30, 100, 48)
    assert (shown["activation"], shown["optimizer"], shown["speed"]) == ("gelu", "rmsprop", "77 steps/s")
    assert shown["dropout"] == 0.4
    assert t.depth == 30 and t.steps == 0  # showing a value does not turn anything


@pytest.mark.parametrize("name", HAVING)
def test_every_knob_that_has_a_control_can_be_shown_turned_and_undone(name):
    made = nb.Playground(hidden=[4, 4], optimizer="sgd", controls=[name])
    hand, before = Hand(made), getattr(made.trainer, name)
    dial = next(each for each in made._spec["desk"]["dials"] if each["name"] == name)
    if "idle" in hand.state[name]:  # alpha, of SGD
        assert before is None and "nothing for it to act on" in hand.state[name]["idle"] and hand.state[name]["absent"]
    else:
        if dial["kind"] == "choice":
            told = next(each for each in hand.state[name]["choices"] if each != hand.shows(name))
        elif dial["kind"] == "switch":
            told = not before
        else:
            told = TYPED.get(name, 0.5 if isinstance(before, float) else 3)
        hand.turn(name, told)
        assert getattr(made.trainer, name) != before and hand.message == ""
        assert hand.shows(name) == told
        hand.press("undo")
        again = getattr(made.trainer, name)
        assert again == before or repr(again) == repr(before)
    made.close()


def test_an_entry_in_the_table_is_a_control(monkeypatch):
    entry = Knob(
        "How warm.",
        check=plain(number(0), "warmth"),
        read=lambda run: run.settings.get("warmth", 2.0),
        control=Slider("Warmth", 0, 10, 0.5, "How warm it is"),
    )
    monkeypatch.setitem(KNOBS, "warmth", entry)
    monkeypatch.setattr(Knobs, "warmth", entry, raising=False)
    entry.name = "warmth"
    made = nb.Playground(hidden=[4], controls=["lr", "warmth"])
    hand = Hand(made)
    dial = next(each for each in made._spec["desk"]["dials"] if each["name"] == "warmth")
    assert (dial["label"], dial["low"], dial["high"], dial["step"]) == ("Warmth", 0, 10, 0.5)
    assert hand.shows("warmth") == made.warmth == 2
    hand.turn("warmth", 7.5)
    assert made.trainer.warmth == 7.5
    made.trainer.warmth = 12.25
    assert hand.shows("warmth") == made.warmth == 12.25
    made.close()


def test_which_knobs_are_shown(playground, hand):
    own, dials = {"data", "noise", "validation", "init", "seed", "speed"}, playground._spec["desk"]["dials"]
    assert {dial["name"] for dial in dials if "group" not in dial} == {*own, *CONTROLS}  # the rest is folded away
    assert set(hand.state) == {*own, *HAVING}
    groups = [dial["group"] for dial in dials if "group" in dial]
    assert list(dict.fromkeys(groups)) == list(GROUPS) and groups == sorted(groups, key=GROUPS.index)
    made = nb.Playground(hidden=[4], controls=["clip"])
    assert set(Hand(made).state) == {*own, "clip"}
    assert not any("group" in dial for dial in made._spec["desk"]["dials"])
    made.close()


def test_a_knob_is_folded_away_with_its_group():
    assert {name for name in HAVING if not KNOBS[name].control.group} == set(CONTROLS)
    settings = {name for kind in nb.optim.OPTIMIZERS for name in nb.optim.optimizer(kind).checks}
    settings |= {"temperature", "sigma", "inertia", "mutation"}  # of those that need no gradient
    assert settings - {"lr", "weight_decay", "groups"} == {n for n in HAVING if KNOBS[n].control.group == "Optimizer"}
    with pytest.raises(ValueError, match="group: expected one of Layers"):
        Slider("Lr", 0, 1, 0.1, group="Optimiser")


def test_a_control_shows_the_true_value_whatever_its_range():
    given = dict(hidden=(3, 20, 7), lr=5e-7, dropout=0.97, seed=12345, batch_size=77, noise=0.7, speed=42)
    made = nb.Playground(**given, controls=[*CONTROLS, *MORE])
    t, hand = made.trainer, Hand(made)
    for name in ("lr", "dropout", "seed", "batch_size", "noise"):
        assert hand.shows(name) == given[name], name
    assert hand.shows("speed") == "42 steps/s" and made.speed == 42
    assert (hand.shows("depth"), hand.shows("width"), hand.shows("hidden")) == (3, "3, 20, 7", "3, 20, 7")
    t.set(lr=1e30, clip=3e-7, l1=0.1234, weight_decay=5.0, accumulate=40, batch_size=3)
    for name in ("lr", "clip", "l1", "weight_decay", "accumulate", "batch_size"):
        assert hand.shows(name) == getattr(t, name) == getattr(made, name), name
    t.set(clip=None, l1=0.0)
    assert hand.shows("clip") == hand.shows("l1") == "off" and t.clip is None
    assert t.hidden == (3, 20, 7)  # looking flattens nothing
    made.trainer.reset(seed=2**60)
    assert hand.shows("seed") == str(2**60)  # which a page has not as a number
    hand.turn("seed", str(2**60 + 1))
    assert t.seed == 2**60 + 1
    made.close()


def test_what_is_typed_is_taken_or_refused_in_words(playground, hand):
    t = playground.trainer
    for name, told, value in (
        ("lr", "5e-7", 5e-7), ("hidden", "3, 20;7", (3, 20, 7)), ("width", "2, 4, 6", (2, 4, 6)),
        ("width", 5, (5, 5, 5)),
        ("dropout", "0.1, 0.2, 0.3", (0.1, 0.2, 0.3)), ("dropout", 0.5, 0.5), ("seed", "99", 99), ("hidden", "", ()),
        ("hidden", "9", (9,)),
    ):  # fmt: skip
        hand.turn(name, told)
        assert getattr(t, "hidden" if name == "width" else name) == value and hand.message == "", (name, told)
    for name, told, says in (
        ("lr", "fast", "Learning rate: expected a number, got 'fast'"), ("lr", "", "expected a number, got ''"),
        ("lr", "-1", "at least 0"), ("lr", "inf", "expected a number"), ("depth", 2.5, "expected a whole number"),
        ("hidden", "8, x", "expected a whole number, got 'x'"), ("hidden", "0", "from 1"), ("seed", "-3", "0 or more"),
        ("activation", "tan", "expected one of sigmoid"), ("lr", None, "expected a number, got None"),
        ("lr", [1], "expected a number"), ("lr", True, "expected a number, got True"),
    ):  # fmt: skip
        before, number = (t.lr, t.hidden, t.seed, t.activation), hand.turn(name, told)
        assert says in hand.message and hand.taken == number, (name, told)
        assert (t.lr, t.hidden, t.seed, t.activation) == before


def test_what_no_page_says_does_nothing(playground, hand):
    for content in ({"name": "nonsense", "value": 1}, {}, {"name": ["lr"], "value": 1}, {"name": "lr"}):
        hand.say("turn", **content)
        hand.say("do", **content)
    hand.turn("lr", 0.25)
    assert playground.trainer.lr == 0.25 and hand.message == ""


def test_where_layers_differ_a_control_says_all(playground, hand):
    t = playground.trainer
    t.set(activation=nb.nn.LeakyReLU(0.3), lr=0.0)
    assert playground.activation == t.activation == hand.shows("activation") and hand.shows("lr") == 0
    assert sorted(event.name for event in t.history.events) == ["activation", "lr"]  # showing has turned nothing
    t.activation = ("relu", "tanh")
    assert hand.shows("activation") == "relu, tanh"
    t.dropout = (0.1, 0.5)
    assert hand.shows("dropout") == "0.1, 0.5" and playground.dropout == t.dropout == (0.1, 0.5)
    t.dropout = 0.2
    assert hand.shows("dropout") == 0.2


def test_a_knob_that_acts_on_nothing_is_idle_and_says_so():
    made = nb.Playground(hidden=[4], controls=["optimizer", "momentum", "depth", "dropout", "batch_norm"])
    hand, t = Hand(made), made.trainer
    assert "nothing for it to act on" in hand.state["momentum"]["idle"]
    hand.turn("optimizer", "momentum")
    assert "idle" not in hand.state["momentum"] and hand.shows("momentum") == 0.9
    hand.turn("momentum", 0)
    assert hand.shows("optimizer") == "sgd"
    t.reset(model=nb.nn.Sequential(nb.nn.Linear(2, 3), nb.nn.Sequential(nb.nn.Tanh(), nb.nn.Linear(3, 1))))
    assert all(hand.state[name].get("idle") for name in ("depth", "dropout", "batch_norm"))
    assert "networks made by nb.nn.mlp" in hand.state["depth"]["idle"]
    hand.press("undo")
    assert not any(hand.state[name].get("idle") for name in ("depth", "dropout", "batch_norm"))
    made.close()


def test_undo_and_redo_go_through_many_levels_and_say_what_they_are(playground, hand):
    t = playground.trainer
    t.fit(steps=5)
    hand.turn("lr", 0.1)
    t.step()
    hand.turn("batch_size", 8)
    t.step()
    hand.turn("depth", 3)
    theta = t.theta.copy()
    words = ["hidden 2×6 → 3×6", "batch_size 32 → 8", "lr 0.001 → 0.1"]
    assert hand.told["lists"]["undo"] == words and list(t.undoable) == words
    for lr, batch_size, steps in ((0.1, 8, 7), (0.1, 32, 6), (0.001, 32, 5)):
        hand.press("undo")
        assert (t.lr, t.batch_size, t.depth, t.steps) == (lr, batch_size, 2, steps)
        assert [hand.shows(name) for name in ("lr", "batch_size", "depth")] == [lr, batch_size, 2]
    assert hand.told["lists"]["redo"] == words[::-1] and hand.told["lists"]["undo"] == []
    hand.press("redo", 3)  # all at once
    assert (t.lr, t.batch_size, t.depth, t.steps) == (0.1, 8, 3, 7) and hand.shows("depth") == 3
    np.testing.assert_array_equal(t.theta, theta)
    hand.press("redo")
    assert "nothing to redo" in hand.message
    hand.press("undo", 2)
    assert (t.lr, t.batch_size, t.depth, t.steps) == (0.1, 32, 2, 6) and t.redoable == tuple(words[1::-1])


def test_traits_are_the_knobs_for_whoever_links_and_observes(playground):
    t, heard = playground.trainer, []
    slider = widgets.FloatSlider(min=0, max=1, step=0.1)
    widgets.link((slider, "value"), (playground, "dropout"))
    playground.observe(lambda change: heard.append((change["old"], change["new"])), "lr")
    slider.value = 0.5
    assert t.dropout == 0.5
    t.dropout = 0.2
    assert slider.value == 0.2
    playground.lr = 0.1
    t.lr = 0.3
    t.undo()
    assert heard == [(0.001, 0.1), (0.1, 0.3), (0.3, 0.001)]  # the two turns were one
    with pytest.raises(ValueError, match="lr must be a finite number"):
        playground.lr = -1
    assert playground.lr == t.lr == 0.001
    made = widgets.interactive(lambda lr: setattr(playground, "lr", lr), lr=(0.0, 1.0, 0.25))
    made.children[0].value = 0.75
    assert t.lr == 0.75
    made.close()


def test_an_observer_that_fails_does_not_stop_the_run(playground, caplog):
    playground.observe(lambda change: 1 / 0, "lr")
    playground.trainer.lr = 0.5
    playground.trainer.fit(steps=2)
    assert playground.trainer.steps == 2 and playground.lr == 0.5
    assert "an observer of lr" in caplog.text


def test_an_observer_may_change_the_run_and_is_noticed(playground):
    t = playground.trainer

    def halve(change):
        t.model[0].weight.data[...] /= 2

    t.fit(steps=3)
    playground.observe(halve, "lr")
    t.lr = 0.5
    t.fit(steps=3)
    assert [event.text for event in t.history.events] == ["lr 0.001 → 0.5", "weights changed in code"]
    theta = t.theta.copy()
    t.rewind(5)
    t.fit(steps=1)
    np.testing.assert_array_equal(t.theta, theta)


def test_a_new_run_keeps_what_the_network_is_made_of():
    made = nb.Playground(hidden=[3, 20, 7], dropout=0.1)
    made.trainer.set(batch_norm=True, activation=("relu", "tanh", "gelu"), dropout=(0.1, 0.2, 0.3))
    kinds = [repr(module) for module in made.trainer.model]
    made.seed = 7
    assert [repr(module) for module in made.trainer.model] == kinds and made.trainer.seed == 7
    made.close()


def test_a_new_run_keeps_the_dropout():
    made = nb.Playground(hidden=[6, 6], dropout=0.3)
    hand = Hand(made)
    assert made.dropout == made.trainer.dropout == 0.3
    hand.turn("init", "he")
    hand.turn("data", "digits")
    assert made.trainer.dropout == 0.3 and made.trainer.steps == 0 and hand.message == ""
    assert made.init == "he" == hand.shows("init")
    made.trainer.reset(model=nb.nn.mlp([64, 5, 10]))
    assert hand.shows("dropout") == "" and hand.state["dropout"]["idle"]
    hand.turn("dropout", 0.5)
    assert "there is no nn.Dropout in this model" in hand.message
    made.close()


def test_depth_0_and_back_keeps_the_activation(playground, hand):
    hand.turn("activation", "relu")
    hand.turn("depth", 0)
    assert playground.trainer.depth == 0 and hand.shows("activation") == "relu"
    hand.turn("depth", 2)
    assert playground.trainer.activation == "relu" == hand.shows("activation")


def test_data_of_the_same_shape_keep_the_run_and_others_start_anew(playground, hand):
    t = playground.trainer
    t.fit(steps=20)
    theta = t.model.theta.copy()
    hand.turn("data", "moons")
    hand.turn("noise", 0.3)
    assert hand.shows("noise") == 0.3
    np.testing.assert_array_equal(t.model.theta, theta)
    assert t.steps == 20 and t.data.name == "moons"
    for name in nb.data.DATASETS:
        hand.turn("data", name)
        assert t.data.name == name and hand.message == ""
        t.step()
        assert set(playground.frame()) == {"loss", "gradients", "histograms", "boundary"}
        assert playground.describe()
    assert t.hidden == (6, 6)


def test_noise_and_validation_act_on_data_sets_as_the_course_gives_them():
    made = nb.Playground(nb.data.spirals(samples=200, noise=0.2, seed=3), hidden=[6])
    hand, t = Hand(made), made.trainer
    assert (hand.shows("noise"), hand.shows("validation")) == (0.2, 0.25)
    t.fit(steps=3)
    hand.turn("noise", 0.4)
    again = nb.data.spirals(samples=200, noise=0.4, seed=3)
    np.testing.assert_array_equal(t.data.X_train, again.X_train)
    hand.turn("validation", 0.5)
    assert len(t.data.X_val) == 100 and hand.shows("noise") == 0.4 == made.noise and t.steps == 3
    hand.turn("seed", 8)
    assert t.data.settings == {"samples": 200, "noise": 0.4, "validation": 0.5, "seed": 8} and t.steps == 0
    hand.press("undo", 3)
    assert (hand.shows("noise"), hand.shows("validation"), t.steps) == (0.2, 0.25, 3)
    noisy = nb.data.from_arrays(np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2, noise=0.1)
    t.reset(model=nb.nn.mlp([2, 3, 1]), data=noisy)
    hand.turn("noise", 0.3)
    assert "which cannot be taken away" in hand.message and t.data is noisy and hand.shows("noise") == 0.1
    made.close()


def test_two_clicks_show_the_same_run_with_something_else_instead(playground, hand):
    t = playground.trainer
    t.fit(steps=30, bar=False)
    theta = t.theta.copy()
    offers = hand.told["lists"]["pin"]
    assert "activation relu" in offers and "learning rate 0.01" in offers and "activation tanh" not in offers
    hand.press("pin", offers.index("activation relu") + 1)
    (ghost,) = playground.ghosts
    assert hand.message == "" and ghost.trainer.steps == 30 and ghost.trainer.activation == "relu"
    alone = nb.Playground(hidden=[6, 6], activation="relu")
    alone.trainer.fit(steps=30, bar=False)
    np.testing.assert_array_equal(ghost.trainer.theta, alone.trainer.theta)
    assert "relu" in ghost.name and np.array_equal(t.theta, theta)
    t.fit(steps=5, bar=False)
    assert ghost.trainer.steps == 35  # it goes on with this one
    hand.press("pin")
    assert playground.ghosts == ()
    hand.press("pin")
    t.fit(steps=5, bar=False)
    (pinned,) = playground.ghosts
    assert "35" in pinned.name and t.steps == 40
    for words in offers:  # each of them can be had
        hand.press("pin")
        hand.press("pin", hand.told["lists"]["pin"].index(words) + 1)
        assert hand.message == "", words
        playground.unpin()
        playground.pin()
    alone.close()


def test_a_playground_is_handed_on_as_a_text_and_as_a_program(tmp_path):
    made = nb.Playground("moons", hidden=[5, 3], controls=["lr", "clip", "dropout"], noise=0.3)
    hand, t = Hand(made), made.trainer
    t.fit(steps=30, bar=False)
    hand.turn("lr", 0.05)
    hand.turn("clip", 1)
    t.fit(steps=20, bar=False)
    other = nb.Playground.from_code(made.code)
    assert other.code == made.code and len(made.code) < 200 and set(other._desk.dials) == set(made._desk.dials)
    np.testing.assert_array_equal(other.trainer.theta, t.theta)
    assert other.noise == 0.3 and other.clip == 1
    exec(made.script(), space := {})
    assert space["trainer"].history["loss"][-1] == t.history["loss"][-1]
    assert "import torch" in made.script("torch")
    for broken in (made.code[:-3], made.code + "x", "nb1-", "<script>", ""):
        with pytest.raises(ValueError):
            nb.Playground.from_code(broken)
    for each in (made, other):
        each.close()


def test_initializer_and_seed_start_a_new_run_that_undo_takes_back(playground, hand):
    t = playground.trainer
    t.fit(steps=20)
    theta = t.model.theta.copy()
    hand.turn("init", "zeros")
    assert t.steps == 0 and not t.model.theta.any()
    hand.press("undo")
    assert t.steps == 20 and hand.shows("init") == "xavier"
    np.testing.assert_array_equal(t.model.theta, theta)
    hand.turn("seed", "5")
    assert t.seed == 5 and t.steps == 0
    hand.press("step")
    assert t.steps == 1
    hand.press("reset")
    assert t.steps == 0


def test_what_goes_wrong_is_said_and_the_run_goes_on(playground, hand):
    hand.press("undo")
    assert "nothing to undo" in hand.message
    hand.press("play")
    assert "fit" in hand.message  # no event loop in a test
    playground.trainer.step()
    hand.press("step")
    assert hand.message == "" and playground.trainer.steps == 2


def test_own_arrays_and_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4))
    made = nb.Playground((X, rng.integers(0, 3, 90)), hidden=[5], activation="relu")
    made.trainer.fit(steps=5)
    first = made.trainer.data
    made.data = "xor"
    made.data = first.name
    assert made.trainer.data is first
    made.close()


@pytest.mark.parametrize("shape", [(1, 8, 8), (5, 3), (1,)])
@pytest.mark.parametrize("classes", [2, 3])
def test_own_pictures_and_sequences(shape, classes):
    rng = np.random.default_rng(0)
    made = nb.Playground((rng.normal(size=(60, *shape)), np.arange(60) % classes), hidden=[5])
    t, hand = made.trainer, Hand(made)
    own = t.data
    t.fit(steps=3)
    assert made.describe() and set(made.frame()) == {"loss", "gradients", "histograms", "boundary"}
    before = t.predict(own.X_val)
    hand.turn("depth", 2)
    hand.turn("width", 7)
    t.batch_norm = True
    np.testing.assert_allclose(t.predict(own.X_val), before, atol=0.2)  # nearly what it said
    t.fit(steps=3)
    assert t.hidden == (7, 7) and t.steps == 6 and hand.message == ""
    held_back = hand.shows("validation")
    hand.turn("noise", 0.25)
    assert hand.shows("noise") == t.data.noise == 0.25 and t.steps == 6 and hand.message == ""
    np.testing.assert_array_equal(t.data.y_train, own.y_train)
    assert 0.2 < np.std(t.data.X_train - own.X_train) / np.std(own.X_train) < 0.3
    hand.turn("validation", 0.5)
    assert (len(t.data.X_val), hand.shows("validation"), hand.shows("noise")) == (30, 0.5, 0.25)
    hand.turn("noise", 0)
    hand.turn("validation", held_back)
    assert t.data is own
    hand.turn("data", "moons")
    assert t.data.name == "moons" and t.steps == 0
    hand.turn("data", own.name)
    assert t.data is own and hand.message == ""
    hand.turn("seed", 3)
    assert t.data is own and t.seed == 3 and hand.message == ""
    made.close()


def _sequences(**settings):
    rng = np.random.default_rng(0)
    return lambda: nb.data.from_arrays(rng.normal(size=(60, 5, 2)), rng.normal(size=(60, 5, 1)), **settings)


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: nb.data.Arrays(np.ones((60, 2)), np.ones((60, 1))), "one array of inputs, got Arrays"),
        (lambda: nb.data.from_arrays(np.arange(240).reshape(60, 4) % 5, np.arange(60) % 2, vocabulary=5), "tokens"),
        (_sequences(task="regression"), r"targets of shape \(5,\) for each"),
        (
            lambda: nb.data.from_arrays(
                np.random.default_rng(0).normal(size=(60, 2)), np.arange(180).reshape(60, 3) // 2 % 2, task="multilabel"
            ),
            "several labels",
        ),
    ],
)
def test_own_data_that_it_cannot_take_are_refused_in_words(make, says):
    with pytest.raises((ValueError, TypeError), match=says) as error:
        nb.Playground(make())
    assert "Make the model yourself" in str(error.value)


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"data": "spirall"}, "did you mean 'spirals'"),
        ({"hidden": [0]}, "from 1"),
        ({"hidden": [8] * 100}, "from 0 to 64"),
        ({"activation": "tan"}, "did you mean 'tanh'"),
        ({"lr": float("nan")}, "lr"),
        ({"init": "xavierr"}, "did you mean 'xavier'"),
        ({"data": (np.zeros((0, 2)), np.zeros(0))}, "empty|no samples|at least"),
        ({"data": (np.full((20, 2), np.nan), np.arange(20) % 2)}, "NaN"),
        ({"data": (np.ones((20, 2)), np.ones(20, int))}, "one class"),
        ({"seed": -1}, "seed"),
        ({"speed": 0}, "speed"),
        ({"hidden": 5}, r"hidden must be the sizes .* got 5"),
        ({"dropout": 1.0}, "dropout"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"controls": ["lr", "clp"]}, "no knob 'clp'; did you mean 'clip'"),
        ({"controls": ["theta"]}, "theta has no control: set it in code"),
        ({"controls": "lr"}, "names of knobs"),
    ],
)
def test_bad_input_is_a_clear_error_in_the_cell(wrong, says):
    with pytest.raises((ValueError, TypeError), match=says):
        nb.Playground(**wrong)


def test_live_with_hands_in_another_thread():
    async def main():
        made = nb.Playground(hidden=[6, 6], speed=float("inf"))
        t, hand = made.trainer, Hand(made)
        t.play()
        while t.steps < 20:
            await asyncio.sleep(0.001)

        def turn():
            hand.turn("depth", 5)
            made.lr = 0.2
            hand.turn("data", "iris")  # another shape: a new run, which plays on
            hand.turn("seed", 3)

        thread = threading.Thread(target=turn)
        thread.start()
        while thread.is_alive() or t.data.name != "iris" or t.seed != 3 or t.steps < 20 or hand.taken < 3:
            await asyncio.sleep(0.001)
        assert t.playing and t.depth == 5 and t.lr == pytest.approx(0.2) and hand.message == ""
        assert made.lr == 0.2 and made.data == "iris"
        made.close()
        assert not t.playing

    asyncio.run(asyncio.wait_for(main(), 30))


def test_turns_of_two_pages_and_of_code_end_with_the_last_one(playground, hand):
    """Whatever the order: a control shows what the knob stands at, and each page hears that its turn is done."""
    other, rng, t = Hand(playground, "other"), np.random.default_rng(0), playground.trainer
    for _ in range(200):
        match rng.integers(5):
            case 0:
                hand.turn("width", int(rng.integers(1, 30)))
            case 1:
                other.turn("width", int(rng.integers(1, 30)))
            case 2:
                t.width = int(rng.integers(1, 30))
            case 3:
                t.step()
            case 4:
                hand.press("undo")
        playground.refresh()
        assert hand.shows("width") == other.shows("width") == t.width == playground.width
        assert hand.taken == hand.number and other.told["taken"].get("other", 0) == other.number


def test_two_playgrounds_do_not_disturb_each_other():
    one, two = nb.Playground(hidden=[4]), nb.Playground(hidden=[4])
    one.lr = 1.0
    one.trainer.fit(steps=5)
    assert two.trainer.lr != 1.0 and two.trainer.steps == 0
    one.close()
    two.trainer.fit(steps=5)
    two.close()


def test_picture_and_repr():
    made = nb.Playground(hidden=[4])
    bundle, _ = made._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR") and "application/vnd.jupyter.widget-view+json" in bundle
    assert (
        bundle["text/plain"]
        == repr(made)
        == "Playground(Trainer(1 hidden layer on spirals, Adam lr 0.001, step 0, ready))"
    )
    assert len(made.plot().axes) >= 4
    made.close()


def test_what_would_do_nothing_is_refused(playground):
    with pytest.raises(AttributeError, match=r"Playground has no attribute 'theta'; try playground\.trainer\.theta"):
        playground.theta = 0.1
    with pytest.raises(AttributeError, match="no attribute 'hight'; did you mean 'height'"):
        playground.hight = None
