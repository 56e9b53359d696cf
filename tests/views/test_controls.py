"""Controls above a board: what is shown, and what is left where no widget can live."""

import threading
from types import SimpleNamespace
from typing import ClassVar

import ipywidgets as widgets
import pytest
from hand import Hand

import nbprop as nb
from nbprop.record.controls import Slider


@pytest.fixture
def spirals(spirals):
    """One's own: its knobs are turned."""
    return spirals.branch()


def test_widgets_of_ones_own_and_board_are_one_output_with_a_picture(spirals):
    board, slider = nb.views.Loss(spirals), widgets.IntSlider(description="Samples")
    controls = nb.views.Controls(board, slider)
    assert controls.children[0].children == (slider,) and controls.children[1] is board
    assert repr(controls) == "Controls(Board(Loss))"
    bundle = controls._repr_mimebundle_()
    assert bundle["image/png"] == board.picture()["image/png"]
    assert bundle["text/plain"] == repr(controls)
    assert controls.describe() == board.describe() and controls.frame().keys() == board.frame().keys()
    assert controls.plot().get_title() == "Loss"


def test_widgets_of_ones_own_are_heard_while_a_cell_runs(spirals):
    """ipykernel 7.4 asks the comm which thread is to hear: the one that the page names, not the busy one."""
    sliders = [widgets.FloatSlider(), widgets.FloatSlider()]
    for slider in sliders:
        slider.comm._reply_subshell_for = lambda data, named: "the thread of the loop"
    nb.views.Controls(nb.views.Loss(spirals), sliders[0], widgets.VBox([sliders[1]]))
    assert [slider.comm._reply_subshell_for({}, "its own") for slider in sliders] == ["its own", "its own"]


def test_names_of_knobs_make_controls_that_act_and_show_what_is_turned_in_code(spirals):
    controls = nb.views.Controls(nb.views.Loss(spirals), "lr", "clip", "batch_norm", "optimizer", "momentum")
    hand = Hand(controls)
    assert repr(controls) == "Controls(Board(Loss))" and controls.describe() == nb.views.Loss(spirals).describe()
    shown = [hand.shows(name) for name in ("lr", "clip", "batch_norm", "optimizer")]
    assert shown == [spirals.lr, "off", False, spirals.optimizer.name]
    for name, value in (("lr", 0.1), ("clip", 1.0), ("batch_norm", True)):
        hand.turn(name, value)
    assert (spirals.lr, spirals.clip, spirals.batch_norm) == (0.1, 1.0, True)
    hand.turn("clip", None)
    assert spirals.clip is None and controls.clip is None
    hand.turn("clip", "0.5")
    hand.turn("clip", "off")
    assert spirals.clip is None
    spirals.set(lr=5e-7, clip=0.37, batch_norm=False, optimizer="adam")
    shown = [hand.shows(name) for name in ("lr", "clip", "batch_norm", "optimizer")]
    assert shown == [controls.lr, controls.clip, controls.batch_norm, controls.optimizer] == [5e-7, 0.37, False, "adam"]
    assert "nothing for it to act on" in hand.state["momentum"]["idle"]
    count = len(spirals.history.events)
    spirals.step()
    assert len(spirals.history.events) == count  # showing has turned nothing
    controls.close()


def test_names_and_widgets_are_a_row_above_a_board_with_controls(spirals):
    own = widgets.Button(description="Mine")
    controls = nb.views.Controls(nb.views.Loss(spirals), "lr", own)
    row, board = controls.children
    assert row.children == (own,) and board.lr == spirals.lr and repr(controls) == "Controls(Board(Loss))"
    controls.close()
    assert board.comm is None and own.comm is not None and not spirals.watchers


def test_what_goes_wrong_is_said_beside_the_controls(spirals):
    controls = nb.views.Controls(nb.views.Loss(spirals), "dropout", "lr")
    hand = Hand(controls)
    spirals.reset(model=nb.nn.mlp([2, 3, 1]))
    assert hand.state["dropout"]["idle"] and hand.message == ""
    hand.turn("dropout", 0.5)  # of a page that has not heard yet
    assert "there is no nn.Dropout in this model" in hand.message
    hand.turn("lr", 0.5)
    assert hand.message == "" and spirals.lr == 0.5
    controls.close()


def test_a_closed_one_listens_no_more(spirals):
    controls = nb.views.Controls(nb.views.Loss(spirals), "lr")
    assert controls in spirals.watchers
    controls.close()
    assert controls not in spirals.watchers and controls.comm is None
    spirals.lr = 0.25
    assert controls._desk.dials["lr"].value != 0.25


def test_names_that_are_no_knobs_are_refused(spirals):
    board = nb.views.Loss(spirals)
    with pytest.raises(ValueError, match="no knob 'lrr'; did you mean 'lr'"):
        nb.views.Controls(board, "lrr")
    with pytest.raises(ValueError, match="theta has no control"):
        nb.views.Controls(board, "theta")
    descent = nb.Descent()
    with pytest.raises(ValueError, match="'lr': these are to be knobs of the board's trainer, but it shows none"):
        nb.views.Controls(nb.views.Landscape(descent), "lr")
    both = nb.views.Board(nb.views.Loss(spirals), nb.views.Loss(spirals.branch()))
    with pytest.raises(ValueError, match="shows several"):
        nb.views.Controls(both, "lr")


class Loop:
    """A source with knobs that is no trainer, and tells nobody of its steps."""

    steps, status, message, version, temperature, height = 0, "ready", "", 0, 3.0, 1.0
    knobs: ClassVar = {
        "temperature": SimpleNamespace(control=Slider("Temperature", 0, 5, 1, "How warm")),
        "height": SimpleNamespace(control=Slider("Height", 0, 5, 1, "How high")),
    }
    history = nb.History()

    def set(self, **changes):
        vars(self).update(changes)


def test_any_source_may_have_knobs():
    loop = Loop()
    controls = nb.views.Controls(nb.views.Loss(loop), "temperature", "height")
    hand = Hand(controls)
    hand.turn("temperature", 4)
    hand.turn("height", 2)  # a board has an attribute of that name: it stays the board's
    assert loop.temperature == controls.temperature == 4.0 and (loop.height, controls.height) == (2.0, None)
    loop.temperature = 9.0
    controls.refresh()
    assert hand.shows("temperature") == controls.temperature == 9.0
    controls.close()


def test_while_it_plays_a_hand_in_another_thread_is_obeyed(spirals):
    controls = nb.views.Controls(nb.views.Loss(spirals), "lr", "depth")
    hand = Hand(controls)
    hooked, begun = threading.Event(), spirals.steps

    def turn():
        hand.turn("lr", 0.1)
        hand.turn("depth", 5)
        hooked.set()

    @spirals.on("step")
    def start(trainer):
        if trainer.steps == begun + 5:
            threading.Thread(target=turn).start()
            assert hooked.wait(10)

    spirals.fit(steps=10, bar=False)
    controls.refresh()
    assert (spirals.lr, spirals.depth) == (0.1, 5) == (hand.shows("lr"), hand.shows("depth"))
    controls.close()
