"""Controls above a board: what is shown, and what is left where no widget can live."""

import ipywidgets as widgets

import nbprop as nb


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
