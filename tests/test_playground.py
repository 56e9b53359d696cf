"""The controls turn the trainer's knobs and show what the trainer does; the browser's half is in tests/browser."""

import asyncio
import threading

import numpy as np
import pytest

import nbprop as nb
from nbprop.checks import number
from nbprop.playground import CONTROLS
from nbprop.record.controls import Slider
from nbprop.training.knob import KNOBS, Knob, plain
from nbprop.training.knobs import Knobs

MORE = ("momentum", "nesterov", "weight_decay", "clip", "clip_value", "l1", "accumulate", "drop_last", "batch_norm")
HAVING = [name for name, knob in KNOBS.items() if knob.control is not None]


@pytest.fixture
def playground():
    made = nb.Playground(hidden=[6, 6])
    yield made
    made.close()


def test_controls_turn_knobs_and_keep_the_weights(playground):
    t, controls = playground.trainer, playground.controls
    t.fit(steps=30)
    controls["lr"].value = 0.1
    controls["batch_size"].value = 8
    controls["optimizer"].value = "nesterov"
    controls["activation"].value = "relu"
    controls["dropout"].value = 0.25
    controls["depth"].value = 4
    controls["width"].value = 9
    controls["speed"].value = 5.0
    assert (t.lr, t.batch_size, t.activation, t.hidden, t.speed) == (0.1, 8, "relu", (9,) * 4, 5.0)
    assert t.optimizer.nesterov and t.steps == 30 and t.dropout == 0.25
    t.step()
    assert t.steps == 31
    assert [event.name for event in t.history.events] == [
        "lr",
        "batch_size",
        "optimizer",
        "activation",
        "dropout",
        "hidden",
    ]


def test_every_control_is_labelled(playground):
    for control in playground.controls.values():
        assert control.description and control.tooltip
    for name, button in playground.buttons.items():
        assert button.description.lower() == name and button.tooltip


def test_knobs_turned_in_code_show_in_the_controls(playground):
    t, controls = playground.trainer, playground.controls
    t.set(lr=0.5, depth=30, width=100, batch_size=48, activation="gelu", dropout=0.4, optimizer="rmsprop", speed=77)
    playground.refresh()
    values = {name: control.value for name, control in controls.items()}
    assert values["lr"] == pytest.approx(0.5) and (values["depth"], values["width"], values["batch_size"]) == (
        30,
        100,
        48,
    )
    assert (values["activation"], values["optimizer"], values["speed"]) == ("gelu", "rmsprop", 77)
    assert values["dropout"] == 0.4
    assert t.depth == 30 and t.steps == 0  # showing a value does not turn anything


@pytest.mark.parametrize("name", HAVING)
def test_every_knob_that_has_a_control_can_be_shown_turned_and_undone(name):
    made = nb.Playground(hidden=[4, 4], optimizer="sgd", controls=[name])
    control, before = made.controls[name], getattr(made.trainer, name)
    assert control.description and control.tooltip
    if control.disabled:  # alpha, of SGD
        assert before is None and "nothing for it to act on" in control.tooltip
    else:
        if hasattr(control, "options"):
            control.index = (control.index + 1) % len(control.options)
        else:
            control.value = not before if isinstance(before, bool) else 0.5 if isinstance(before, float) else 3
        assert getattr(made.trainer, name) != before and made.message.value == ""
        made.buttons["undo"].click()
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
    control = made.controls["warmth"]
    assert (control.description, control.value, control.min, control.max, control.step) == ("Warmth", 2, 0, 10, 0.5)
    control.value = 7.5
    assert made.trainer.warmth == 7.5
    made.trainer.warmth = 12.25
    assert (control.value, control.max) == (12.25, 12.25)
    made.close()


def test_which_knobs_are_shown(playground):
    own = {"data", "noise", "validation", "init", "seed", "speed", "rewind"}
    assert set(playground.controls) == {*own, *CONTROLS}
    made = nb.Playground(hidden=[4], controls=["clip"])
    assert set(made.controls) == {*own, "clip"}
    made.close()


def test_a_control_shows_the_true_value_whatever_its_range():
    given = dict(hidden=(3, 20, 7), lr=5e-7, dropout=0.97, seed=12345, batch_size=77, noise=0.7, speed=42)
    made = nb.Playground(**given, controls=[*CONTROLS, *MORE])
    t, controls = made.trainer, made.controls
    for name in ("lr", "dropout", "seed", "batch_size", "noise", "speed"):
        assert controls[name].value == given[name], name
    assert (controls["depth"].value, controls["width"].value) == (3, 20)
    t.set(lr=300.0, clip=3e-7, l1=0.1234, weight_decay=5.0, accumulate=40, batch_size=3)
    for name in ("lr", "clip", "l1", "weight_decay", "accumulate", "batch_size"):
        assert controls[name].value == getattr(t, name), name
    t.set(clip=None, l1=0.0)
    assert controls["clip"].label == controls["l1"].label == "off" and t.clip is None
    assert t.hidden == (3, 20, 7)  # looking flattens nothing
    made.close()


@pytest.mark.parametrize("value", [0.0021, 1e-5, 10.0, 3e-9, 77.0, 0.1])
def test_a_value_of_a_logarithmic_slider_lies_on_its_grid(playground, value):
    slider = playground.controls["lr"]
    playground.trainer.lr = value
    steps = (np.log10(value) - slider.min) / slider.step
    assert slider.value == value and slider.step == 0.05 and steps == pytest.approx(round(steps), abs=1e-6)
    assert slider.min < np.log10(value) <= slider.max


@pytest.mark.parametrize(
    "value, step, readout", [(0.3, 0.05, ".2f"), (0.333, 0.001, ".3f"), (0.01, 0.01, ".2f"), (0.98, 0.01, ".2f")]
)
def test_a_value_of_a_plain_slider_lies_on_its_grid_and_is_written_in_full(playground, value, step, readout):
    slider = playground.controls["dropout"]
    playground.trainer.dropout = value
    assert slider.value == value and slider.readout_format == readout
    assert value / slider.step == pytest.approx(round(value / slider.step), abs=1e-5) and slider.step == step
    playground.trainer.dropout = 0.5
    assert (slider.step, slider.readout_format) == (0.05, ".2f")


def test_showing_turns_nothing(playground):
    """Not even where a list has to be made longer."""
    playground.trainer.set(batch_size=48, activation=nb.nn.LeakyReLU(0.3), lr=0.0)
    assert playground.controls["batch_size"].value == 48
    assert playground.controls["activation"].value is playground.trainer.activation
    assert not playground.controls["lr"].readout and "Now 0" in playground.controls["lr"].tooltip
    assert sorted(event.name for event in playground.trainer.history.events) == ["activation", "batch_size", "lr"]
    playground.trainer.activation = ("relu", "tanh")
    assert playground.controls["activation"].label == "relu, tanh"
    playground.trainer.dropout = (0.1, 0.5)
    control = playground.controls["dropout"]
    assert not control.readout and "Now 0.1, 0.5; turning it makes all equal" in control.tooltip
    assert playground.trainer.dropout == (0.1, 0.5)
    playground.trainer.dropout = 0.2
    assert control.readout and control.value == 0.2 and "Now" not in control.tooltip


def test_a_knob_that_acts_on_nothing_is_disabled_and_says_so():
    made = nb.Playground(hidden=[4], controls=["optimizer", "momentum", "depth", "dropout", "batch_norm"])
    controls, t = made.controls, made.trainer
    assert controls["momentum"].disabled and "nothing for it to act on" in controls["momentum"].tooltip
    controls["optimizer"].value = "momentum"
    assert not controls["momentum"].disabled and controls["momentum"].value == 0.9
    controls["momentum"].value = 0.0
    assert controls["optimizer"].value == "sgd"
    t.reset(model=nb.nn.Sequential(nb.nn.Linear(2, 3), nb.nn.Sequential(nb.nn.Tanh(), nb.nn.Linear(3, 1))))
    assert all(controls[name].disabled for name in ("depth", "dropout", "batch_norm"))
    assert "networks made by nb.nn.mlp" in controls["depth"].tooltip
    made.buttons["undo"].click()
    assert not any(controls[name].disabled for name in ("depth", "dropout", "batch_norm"))
    made.close()


def test_undo_and_redo_go_through_many_levels(playground):
    t, buttons = playground.trainer, playground.buttons
    t.fit(steps=5)
    playground.controls["lr"].value = 0.1
    t.step()
    playground.controls["batch_size"].value = 8
    t.step()
    playground.controls["depth"].value = 3
    theta = t.theta.copy()
    for lr, batch_size, steps in ((0.1, 8, 7), (0.1, 32, 6), (0.001, 32, 5)):
        buttons["undo"].click()
        assert (t.lr, t.batch_size, t.depth, t.steps) == (lr, batch_size, 2, steps)
        shown = [playground.controls[name].value for name in ("lr", "batch_size", "depth")]
        assert shown == [lr, batch_size, 2]
    for _ in range(3):
        buttons["redo"].click()
    assert (t.lr, t.batch_size, t.depth, t.steps) == (0.1, 8, 3, 7) and playground.controls["depth"].value == 3
    np.testing.assert_array_equal(t.theta, theta)
    buttons["redo"].click()
    assert "nothing to redo" in playground.message.value


def test_a_new_run_keeps_what_the_network_is_made_of():
    made = nb.Playground(hidden=[3, 20, 7], dropout=0.1)
    made.trainer.set(batch_norm=True, activation=("relu", "tanh", "gelu"), dropout=(0.1, 0.2, 0.3))
    kinds = [repr(module) for module in made.trainer.model]
    made.controls["seed"].value = 7
    assert [repr(module) for module in made.trainer.model] == kinds and made.trainer.seed == 7
    assert made.message.value == ""
    made.close()


def test_a_new_run_keeps_the_dropout():
    made = nb.Playground(hidden=[6, 6], dropout=0.3)
    assert made.controls["dropout"].value == made.trainer.dropout == 0.3
    made.controls["init"].value = "he"
    made.controls["data"].value = "digits"
    assert made.trainer.dropout == 0.3 and made.trainer.steps == 0 and made.message.value == ""
    made.trainer.reset(model=nb.nn.mlp([64, 5, 10]))
    assert made.controls["dropout"].value == 0
    made.controls["dropout"].value = 0.5
    assert "there is no nn.Dropout in this model" in made.message.value
    made.close()


def test_data_of_the_same_shape_keep_the_run_and_others_start_anew(playground):
    t, controls = playground.trainer, playground.controls
    t.fit(steps=20)
    theta = t.model.theta.copy()
    controls["data"].value = "moons"
    controls["noise"].value = 0.3
    np.testing.assert_array_equal(t.model.theta, theta)
    assert t.steps == 20 and t.data.name == "moons"
    for name in nb.data.DATASETS:
        controls["data"].value = name
        assert t.data.name == name and playground.message.value == ""
        t.step()
        assert set(playground.frame()) == {"loss", "gradients", "histograms", "boundary"}
        assert playground.describe()
    assert t.hidden == (6, 6)


def test_initializer_and_seed_start_a_new_run_that_undo_takes_back(playground):
    t, controls, buttons = playground.trainer, playground.controls, playground.buttons
    t.fit(steps=20)
    theta = t.model.theta.copy()
    controls["init"].value = "zeros"
    assert t.steps == 0 and not t.model.theta.any()
    buttons["undo"].click()
    assert t.steps == 20 and controls["init"].value == "xavier"
    np.testing.assert_array_equal(t.model.theta, theta)
    controls["seed"].value = 5
    assert t.seed == 5 and t.steps == 0
    buttons["step"].click()
    assert t.steps == 1
    buttons["reset"].click()
    assert t.steps == 0


def test_rewind_slider(playground):
    t, slider = playground.trainer, playground.controls["rewind"]
    t.fit(steps=50)
    playground.refresh()
    assert (slider.value, slider.max) == (50, 50)
    slider.value = 20
    assert t.steps == 20 and slider.max == 20
    playground.buttons["undo"].click()
    assert t.steps == 50 and (slider.value, slider.max) == (50, 50)


def test_what_goes_wrong_is_said_and_the_run_goes_on(playground):
    playground.buttons["undo"].click()
    assert "nothing to undo" in playground.message.value
    playground.buttons["play"].click()
    assert "fit" in playground.message.value  # no event loop in a test
    playground.trainer.step()
    playground.buttons["step"].click()
    assert playground.message.value == "" and playground.trainer.steps == 2


def test_own_arrays_and_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4))
    made = nb.Playground((X, rng.integers(0, 3, 90)), hidden=[5], activation="relu")
    made.trainer.fit(steps=5)
    first = made.trainer.data
    made.controls["data"].value = "xor"
    made.controls["data"].value = first.name
    assert made.trainer.data is first
    made.close()


@pytest.mark.parametrize("shape", [(1, 8, 8), (5, 3), (1,)])
@pytest.mark.parametrize("classes", [2, 3])
def test_own_pictures_and_sequences(shape, classes):
    rng = np.random.default_rng(0)
    made = nb.Playground((rng.normal(size=(60, *shape)), np.arange(60) % classes), hidden=[5])
    t, controls = made.trainer, made.controls
    own = t.data
    t.fit(steps=3)
    assert made.describe() and set(made.frame()) == {"loss", "gradients", "histograms", "boundary"}
    before = t.predict(own.X_val)
    controls["depth"].value = 2
    controls["width"].value = 7
    t.batch_norm = True
    np.testing.assert_allclose(t.predict(own.X_val), before, atol=0.2)  # nearly what it said
    t.fit(steps=3)
    assert t.hidden == (7, 7) and t.steps == 6 and made.message.value == ""
    assert controls["noise"].disabled and "data sets with a name" in controls["noise"].tooltip
    controls["data"].value = "moons"
    assert t.data.name == "moons" and t.steps == 0 and not controls["noise"].disabled
    controls["data"].value = own.name
    assert t.data is own and made.message.value == ""
    controls["seed"].value = 3
    assert t.data is own and t.seed == 3 and made.message.value == ""
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
        ({"controls": ["betas"]}, "betas has no control: set it in code"),
        ({"controls": "lr"}, "names of knobs"),
    ],
)
def test_bad_input_is_a_clear_error_in_the_cell(wrong, says):
    with pytest.raises((ValueError, TypeError), match=says):
        nb.Playground(**wrong)


def test_live_with_callbacks_from_another_thread():
    async def main():
        made = nb.Playground(hidden=[6, 6], speed=float("inf"))
        t = made.trainer
        made.seen = True  # somebody looks
        t.play()
        while t.steps < 20:
            await asyncio.sleep(0.001)

        def hand():
            made.controls["depth"].value = 5
            made.controls["lr"].value = 0.2
            made.controls["data"].value = "iris"  # another shape: a new run, which plays on
            made.controls["seed"].value = 3

        thread = threading.Thread(target=hand)
        thread.start()
        while thread.is_alive() or t.data.name != "iris" or t.seed != 3 or t.steps < 20:
            await asyncio.sleep(0.001)
        assert t.playing and t.depth == 5 and t.lr == pytest.approx(0.2) and made.message.value == ""
        made.close()
        assert not t.playing

    asyncio.run(asyncio.wait_for(main(), 30))


def test_the_browser_puts_a_learning_rate_on_its_grid_and_nothing_is_turned(playground):
    t, slider = playground.trainer, playground.controls["lr"]
    t.lr = 0.002
    playground.refresh()
    slider.value = 10**-2.7  # what comes back
    assert t.lr == 0.002 and len(t.history.events) == 1
    slider.value = 10**-2.65  # a hand
    assert t.lr == 10**-2.65


def test_two_playgrounds_do_not_disturb_each_other():
    one, two = nb.Playground(hidden=[4]), nb.Playground(hidden=[4])
    one.controls["lr"].value = 1.0
    one.trainer.fit(steps=5)
    assert two.trainer.lr != 1.0 and two.trainer.steps == 0
    one.close()
    two.trainer.fit(steps=5)
    two.close()


def test_picture_and_repr():
    made = nb.Playground(hidden=[4])
    bundle = made._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR") and "application/vnd.jupyter.widget-view+json" in bundle
    assert (
        bundle["text/plain"]
        == repr(made)
        == "Playground(Trainer(1 hidden layer on spirals, Adam lr 0.001, step 0, ready))"
    )
    assert len(made.plot().axes) >= 4
    made.close()


def test_what_would_do_nothing_is_refused(playground):
    with pytest.raises(AttributeError, match=r"Playground has no attribute 'lr'; try playground\.trainer\.lr"):
        playground.lr = 0.1
    with pytest.raises(AttributeError, match="no attribute 'bord'; did you mean 'board'"):
        playground.bord = None
