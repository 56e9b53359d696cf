"""What can be typed at views, boards and controls: what acts is taken, what would do nothing is refused."""

import ipywidgets as widgets
import pytest
from fakes import Page, Plain, Wave

from nbprop.views import Board, Controls
from nbprop.views.base.folder import kinds
from nbprop.views.base.view import View


def test_a_board_of_one_view_has_its_options(make_board, source):
    view = Wave(source)
    board = make_board(view)
    page = Page(board)
    page.ack()
    board.log = True  # every widget has a logger of this name, which stays out of the way
    assert view.log is True and board.log is True
    assert page.head["panels"][0]["options"] == {"log": True, "kind": "sin"}
    board.kind = "cos"
    assert view.kind == board.kind == "cos" and {"log", "kind"} <= set(dir(board))
    with pytest.raises(ValueError, match="kind: expected one of"):
        board.kind = "tan"
    assert board.calls == view.calls  # and what else it has, to be read


def test_of_several_views_each_has_its_own(make_board, source):
    board = make_board(Plain(source), Wave(source))
    for name in ("log", "kind"):
        with pytest.raises(AttributeError, match=rf"it is an option of a view: try board\.views\[1\]\.{name}"):
            setattr(board, name, True)
    with pytest.raises(AttributeError, match=r"try board\.views\[1\]\.kind"):
        _ = board.kind
    assert hasattr(board.log, "warning")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hieght", "did you mean 'height'"),
        ("knd", "did you mean 'kind'"),
        ("xyzzy", "Board has no attribute 'xyzzy'$"),
    ],
)
def test_what_a_board_has_not_is_refused(make_board, source, name, words):
    board = make_board(Wave(source))
    with pytest.raises(AttributeError, match=words):
        setattr(board, name, 3)
    with pytest.raises(AttributeError, match=words):
        getattr(board, name)
    with pytest.raises(AttributeError, match="has no option 'log'"):
        make_board(Plain(source)).log = True


def test_height_and_columns_act_later_too(make_board, source):
    board = make_board(Wave(source), Plain(source), height=300)
    board.height, board.columns = 500, 1
    assert (board.height, board.columns) == (500, 1)
    assert board._spec["height"] == 500 and board._spec["columns"] == 1 and len(board._spec["panels"]) == 2
    with pytest.raises(ValueError, match="height: expected a positive number or None, got 'tall'"):
        board.height = "tall"


def test_traits_go_on_as_in_every_widget(make_board, source):
    board = make_board(Wave(source))
    board.layout.width = "50%"
    board.layout = widgets.Layout(width="10px")
    board.tooltip, seen = "a tip", []
    board.observe(seen.append, "tooltip")
    board.tooltip = "another"
    assert len(seen) == 1 and widgets.HBox([board]).children == (board,)
    board.add_class("mine").remove_class("mine")
    board.add_traits()


def test_a_class_of_ones_own_takes_what_it_likes(source):
    class Mine(Board):
        def __init__(self, *views):
            super().__init__(*views)
            self.notes = []

    board = Mine(Wave(source))
    assert board.notes == []
    board.close()


def test_controls_refuse_too(make_board, source):
    controls = Controls(make_board(Wave(source)))
    with pytest.raises(AttributeError, match="Framed has no attribute 'borad'; did you mean 'board'"):
        controls.borad = 3
    controls.close()


@pytest.mark.parametrize("kind", kinds())
def test_every_view_refuses_what_it_has_not(fake, kind):
    view = kinds()[kind](fake())
    with pytest.raises(AttributeError, match=f"{kind} has no attribute 'quantitty'.*; its options are: "):
        view.quantitty = "dW"
    with pytest.raises(TypeError, match=r"expected options out of|expected names together"):
        kinds()[kind](fake(), quantitty="dW")
    view.title = "another"
    assert view.title == "another"


def test_a_view_may_set_what_it_likes_while_it_is_made(source):
    class Own(View):
        name = title = "own"

        def __init__(self, source):
            super().__init__(source)
            self.count = 0

    view = Own(source)
    view.count += 1
    with pytest.raises(AttributeError, match=r"Own has no attribute 'cuont'.*; its options are: none"):
        view.cuont = 1
