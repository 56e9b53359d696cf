"""The controls turn the trainer's knobs and show what the trainer does; the browser's half is in tests/browser."""

import asyncio
import threading

import numpy as np
import pytest

import nbprop as nb


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
    playground.pump()
    values = {name: control.value for name, control in controls.items()}
    assert values["lr"] == pytest.approx(0.5) and (values["depth"], values["width"], values["batch_size"]) == (
        30,
        100,
        48,
    )
    assert (values["activation"], values["optimizer"], values["speed"]) == ("gelu", "rmsprop", 77)
    assert values["dropout"] == 0.4
    assert t.depth == 30 and t.steps == 0  # showing a value does not turn anything


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
    playground.pump()
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
    playground.pump()
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
