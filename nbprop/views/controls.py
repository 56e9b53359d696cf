"""Controls of one's own above a board, in one output that leaves a picture."""

import ipywidgets as widgets


class Controls(widgets.VBox):
    """Ipywidgets in a row above a board, in one output of a notebook cell.

        decay = widgets.FloatSlider(description="Weight decay", max=1)
        decay.observe(lambda change: turn(change.new), "value")
        nb.views.Controls(nb.views.Loss(trainer), decay)

    board: a Board, or what a view such as `nb.views.Loss(trainer)` gives. controls: any ipywidgets, such as sliders, or
    what `ipywidgets.interactive(turn, decay=(0.0, 1.0))` makes.

    Where no widget can live (GitHub, PDF) the board's picture stands in for it.
    """

    def __init__(self, board, *controls):
        self.board = board
        row = widgets.HBox(controls, layout=widgets.Layout(flex_flow="row wrap", grid_gap="0 12px"))
        super().__init__([row, board])

    def frame(self):
        """The numbers that the board draws."""
        return self.board.frame()

    def plot(self, ax=None):
        """The board in Matplotlib."""
        return self.board.plot(ax)

    def describe(self):
        """The board in words."""
        return self.board.describe()

    def _repr_mimebundle_(self, **kwargs):
        return {**dict(super()._repr_mimebundle_(**kwargs) or {}), **self.board.picture()}

    def __repr__(self):
        return f"Controls({self.board!r})"
