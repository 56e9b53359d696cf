"""Running a cell again lets go of what it made before: nobody listens in vain, and nothing is held."""

import gc

import ipywidgets as widgets
import pytest
from fakes import Page, Plain, Wave
from ipywidgets.widgets.widget import _instances as open_widgets

import nbprop as nb
from nbprop import cells
from nbprop.views import Board, Controls

RUNS = 200


@pytest.fixture
def run(monkeypatch):
    """Runs a function as a cell."""
    now, executions = [None, None], iter(range(10_000))
    monkeypatch.setattr(cells, "_cell", lambda: tuple(now))
    monkeypatch.setattr(cells, "_MADE", {})

    def execute(cell, code):
        now[:] = cell, next(executions)
        try:
            return code()
        finally:
            now[:] = None, None

    return execute


def boards():
    gc.collect()
    return sum(type(each) is Board for each in gc.get_objects())  # isinstance would wake lazy modules


@pytest.fixture
def trainer():
    made = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.xor(seed=0), seed=0)
    made.step()  # the first changes the status, too
    return made


CELLS = {
    "a view": lambda source: nb.views.Loss(source),
    "views on a board": lambda source: Board(nb.views.Loss(source), nb.views.Histograms(source)),
    "one of many in a cell": lambda source: [nb.views.Loss(source) for _ in range(3)],
    "controls": lambda source: Controls(nb.views.Loss(source), slider),
}
slider = widgets.IntSlider()


@pytest.mark.parametrize("name", CELLS)
def test_two_hundred_runs_leave_what_one_leaves(run, trainer, name):
    refreshed = []

    def after():
        """Who listens, what is alive, and how much a step has to tell."""
        refreshed.clear()
        trainer.step()
        return len(trainer.watchers), boards(), len(open_widgets), len(refreshed)

    refresh = Board.refresh
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Board, "refresh", lambda self: (refreshed.append(self), refresh(self))[1])
        kept = run("cell", lambda: CELLS[name](trainer))
        first = after()
        for _ in range(RUNS - 1):
            kept = run("cell", lambda: CELLS[name](trainer))
        assert after() == first
        assert len(trainer.watchers) == (3 if name == "one of many in a cell" else 1)
    for each in kept if isinstance(kept, list) else [kept]:
        each.close()
        getattr(each, "board", each).close()
    assert not trainer.watchers


def test_a_playground_leaves_nothing_either(run):
    kept = [run("cell", nb.Playground)]
    first = len(open_widgets), boards()
    for _ in range(10):
        kept[0] = run("cell", nb.Playground)
    gc.collect()
    assert (len(open_widgets), boards()) == first
    trainer = kept[0].trainer
    kept[0].close()
    assert not trainer.watchers


def test_other_cells_leave_a_board_alone(run, source):
    board = run("one", lambda: Board(Wave(source)))
    run("two", lambda: Board(Plain(source)))
    last = run("two", lambda: Board(Plain(source)))
    nowhere = Board(Plain(source))  # made in no cell, as in a script
    assert source.watchers == {board, last, nowhere}
    run("one", lambda: "nothing is made")
    assert board in source.watchers
    for each in (board, last, nowhere):
        each.close()


def test_a_board_whose_views_another_shows_listens_only_where_a_page_has_it(make_board, source):
    inner = make_board(Wave(source))
    outer = make_board(inner, Plain(source))
    assert source.watchers == {outer} and outer.records == {"layers"}
    page = Page(inner)  # it is displayed after all
    assert source.watchers == {outer, inner} and page.head["full"]
    make_board(inner)
    assert inner in source.watchers  # it has its page still


def test_controls_let_go_of_themselves_alone(run, source):
    board = run("one", lambda: Board(Wave(source)))
    own = widgets.IntSlider()
    first = run("two", lambda: Controls(board, own))
    run("two", lambda: Controls(board, own))
    assert first.comm is None and board.comm is not None and own.comm is not None
    assert source.watchers == {board}
    board.close()


def test_what_is_closed_holds_no_arrays_and_hears_nothing(source):
    board = Board(Wave(source))
    page = Page(board)
    assert board.snapshot
    board.close()
    assert not board.snapshot and not any(panel.arrays for panel in board._panels)
    sent = len(page.sent)
    page.say("mount", page=True, panels=[0])
    assert len(page.sent) == sent and not source.watchers
    board.close()


@pytest.fixture
def marimo(tmp_path):
    """The runtime of marimo in a script, as if a page of it were there."""
    from marimo import App
    from marimo._ast.app import InternalApp
    from marimo._messaging.types import NoopStream
    from marimo._runtime.context import get_context, teardown_context
    from marimo._runtime.context.script_context import initialize_script_context

    initialize_script_context(InternalApp(App()), NoopStream(), str(tmp_path / "app.py"))
    yield get_context()
    teardown_context()


def test_a_cell_of_marimo_that_is_to_be_run_again_is_done_with_what_it_made(marimo, source):
    with marimo.with_cell_id("one"):
        board, another = Board(Wave(source)), Board(Plain(source))
    with marimo.with_cell_id("two"):
        trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.xor(seed=0), seed=0)
        shown = Board(Wave(source))
    nowhere = Board(Plain(source))
    marimo.cell_lifecycle_registry.dispose("one", deletion=False)
    assert board._closed and another._closed and source.watchers == {shown, nowhere}
    with marimo.with_cell_id("one"):
        board = Board(Wave(source))
    trainer.status = "playing"
    marimo.cell_lifecycle_registry.dispose("two", deletion=True)
    assert trainer.status == "paused" and source.watchers == {board, nowhere}
    marimo.cell_lifecycle_registry.dispose("one", deletion=False)
    nowhere.close()


def test_what_a_cell_of_marimo_makes_by_thousands_is_not_held(marimo):
    with marimo.with_cell_id("one"):
        for _ in range(30):
            made = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.xor(seed=0), seed=0)
    gc.collect()
    (held,) = marimo.cell_lifecycle_registry.registry["one"]
    assert list(held.things) == [made]
