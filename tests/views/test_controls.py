"""Controls above a board: what is shown, and what is left where no widget can live."""

import threading
from types import SimpleNamespace
from typing import ClassVar

import ipywidgets as widgets
import pytest

import nbprop as nb
from nbprop.record.controls import Slider


@pytest.fixture
def spirals(spirals):
    """One's own: its knobs are turned."""
    return spirals.branch()


def test_controls_and_board_are_one_output_with_a_picture(spirals):
    board, slider = nb.views.Loss(spirals), widgets.IntSlider(description="Samples")
    controls = nb.views.Controls(board, slider)
    assert controls.children[0].children == (slider,) and controls.children[1] is board
    assert repr(controls) == "Controls(Board(Loss))"
    bundle = controls._repr_mimebundle_()
    assert bundle["image/png"] == board.picture()["image/png"]
    assert bundle["text/plain"] == repr(controls)
    assert controls.describe() == board.describe() and controls.frame().keys() == board.frame().keys()
    assert controls.plot().get_title() == "Loss"


def test_names_of_knobs_make_controls_that_act_and_show_what_is_turned_in_code(spirals):
    board, own = nb.views.Loss(spirals), widgets.Button(description="Mine")
    controls = nb.views.Controls(board, "lr", own, "clip", "batch_norm", "optimizer", "momentum")
    lr, mine, clip, norm, optimizer, momentum = controls.children[0].children
    assert mine is own and controls.children[-1] is board
    assert (
        lr.value == spirals.lr and clip.label == "off" and not norm.value and optimizer.value == spirals.optimizer.name
    )
    lr.value = 0.1
    clip.value = 1.0
    norm.value = True
    assert (spirals.lr, spirals.clip, spirals.batch_norm) == (0.1, 1.0, True)
    clip.value = "off"
    assert spirals.clip is None
    spirals.set(lr=5e-7, clip=0.37, batch_norm=False, optimizer="adam")
    assert (lr.value, clip.value, norm.value, optimizer.value) == (5e-7, 0.37, False, "adam")
    assert momentum.disabled and "nothing for it to act on" in momentum.tooltip
    count = len(spirals.history.events)
    spirals.step()
    assert len(spirals.history.events) == count  # showing has turned nothing
    controls.close()


def test_what_goes_wrong_is_said_beside_the_controls(spirals):
    controls = nb.views.Controls(nb.views.Loss(spirals), "dropout", "lr")
    (dropout, lr), message = controls.children[0].children, controls.children[1]
    spirals.reset(model=nb.nn.mlp([2, 3, 1]))
    assert dropout.disabled and message.layout.display == "none"
    dropout.value = 0.5  # in code; a hand cannot
    assert "there is no nn.Dropout in this model" in message.value and message.layout.display is None
    lr.value = 0.5
    assert message.value == "" and spirals.lr == 0.5
    controls.close()


def test_a_closed_one_listens_no_more_and_leaves_your_widgets(spirals):
    board, own = nb.views.Loss(spirals), widgets.IntSlider()
    controls = nb.views.Controls(board, "lr", own)
    lr = controls.children[0].children[0]
    assert controls in spirals.watchers
    controls.close()
    assert controls not in spirals.watchers and lr.comm is None and own.comm is not None
    spirals.lr = 0.25
    assert lr.value != 0.25
    board.close()


def test_names_that_are_no_knobs_are_refused(spirals):
    board = nb.views.Loss(spirals)
    with pytest.raises(ValueError, match="no knob 'lrr'; did you mean 'lr'"):
        nb.views.Controls(board, "lrr")
    with pytest.raises(ValueError, match="betas has no control"):
        nb.views.Controls(board, "betas")
    descent = nb.Descent()
    with pytest.raises(ValueError, match="'lr': these are to be knobs of the board's trainer, but it shows none"):
        nb.views.Controls(nb.views.Landscape(descent), "lr")
    both = nb.views.Board(nb.views.Loss(spirals), nb.views.Loss(spirals.branch()))
    with pytest.raises(ValueError, match="shows several"):
        nb.views.Controls(both, "lr")


class Loop:
    """A source with knobs that is no trainer, and tells nobody of its steps."""

    steps, status, message, version, temperature = 0, "ready", "", 0, 3.0
    knobs: ClassVar = {"temperature": SimpleNamespace(control=Slider("Temperature", 0, 5, 1, "How warm"))}
    history = nb.History()

    def set(self, temperature):
        self.temperature = temperature


def test_any_source_may_have_knobs():
    loop = Loop()
    controls = nb.views.Controls(nb.views.Loss(loop), "temperature")
    (slider,) = controls.children[0].children
    slider.value = 4.0
    assert loop.temperature == 4.0
    loop.temperature = 9.0
    controls.refresh()
    assert (slider.value, slider.max) == (9.0, 9.0)
    controls.close()


def test_while_it_plays_a_hand_in_another_thread_is_obeyed(spirals):
    controls = nb.views.Controls(nb.views.Loss(spirals), "lr", "depth")
    lr, depth = controls.children[0].children
    hooked, begun = threading.Event(), spirals.steps

    def hand():
        lr.value, depth.value = 0.1, 5
        hooked.set()

    @spirals.on("step")
    def start(trainer):
        if trainer.steps == begun + 5:
            threading.Thread(target=hand).start()
            assert hooked.wait(10)

    spirals.fit(steps=10, bar=False)
    assert (spirals.lr, spirals.depth) == (0.1, 5) and (lr.value, depth.value) == (0.1, 5)
    controls.close()


def test_the_browser_hears_of_the_grid_before_the_value(spirals):
    """Else it puts the value on the old one, and says so as if a hand had done it."""
    controls = nb.views.Controls(nb.views.Loss(spirals), "lr", "width", "momentum")
    for slider in controls.children[0].children:
        assert list(slider.get_state({"value", "min", "max", "step"}))[-1] == "value"
        assert "value" not in slider.get_state({"min"})
    controls.close()


def test_a_browser_hears_how_numbers_are_written_then_of_the_grid_then_of_the_value():
    """ipywidgets sends what has changed in the order of a set, which is another in every kernel."""
    from itertools import permutations

    from nbprop.views.board.knobs import _Plain

    for names in permutations(["value", "step", "readout_format"]):
        state = _Plain().get_state(list(names))
        assert list(state) == ["readout_format", "step", "value"]
