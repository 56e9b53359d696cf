"""A loss over two numbers from above, and the paths on it."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.sources import Descent
from nbprop.sources.surfaces import SURFACES
from nbprop.views.landscape import GRID, LEVELS, Landscape, heights


@pytest.fixture
def race():
    descent = Descent("ravine", ["sgd", "momentum", "adam"], start=(-1, 0.5))
    descent.step(12)
    return descent


@pytest.mark.parametrize("name", SURFACES)
def test_the_ground_is_the_loss_from_the_top_left_on(name):
    surface = SURFACES[name]
    frame = Landscape(Descent(name)).frame()
    left, right, bottom, top = surface.extent
    assert frame["extent"].tolist() == [left, right, bottom, top]
    for r, c in ((0, 0), (0, GRID - 1), (GRID - 1, 0), (20, 40)):
        x, y = left + (right - left) * c / (GRID - 1), top - (top - bottom) * r / (GRID - 1)
        np.testing.assert_allclose(frame["grid"][r, c], surface.values(x, y), rtol=1e-5, atol=1e-6)
    levels = frame["levels"]
    assert len(levels) == LEVELS + 1 and (np.diff(levels) > 0).all()
    np.testing.assert_allclose(levels[[0, -1]], [frame["grid"].min(), frame["grid"].max()], rtol=1e-5)
    np.testing.assert_allclose(frame["minima"], surface.minima, rtol=1e-6)
    assert all(array.dtype == np.float32 for array in frame.values())


def test_paths_are_where_the_optimizers_have_been(race):
    frame = Landscape(race).frame()
    assert frame["paths"].shape == (3, 13, 2)
    for k, path in enumerate(race.paths.values()):
        np.testing.assert_allclose(frame["paths"][k], path.points, rtol=1e-6)
        np.testing.assert_allclose(frame["loss"][k], path.loss, rtol=1e-6)
    np.testing.assert_allclose(frame["start"], [-1, 0.5])


def test_only_the_paths_are_made_anew(race):
    view = Landscape(race)
    first = view.frame()
    race.step()
    second = view.frame()
    same = {name for name in first if first[name] is second[name]}
    assert same == {"grid", "levels", "extent", "minima", "start"}
    race.set(surface="saddle")
    third = view.frame()
    assert third["grid"] is not first["grid"] and third["start"] is not first["start"]


def test_a_path_that_ends_is_filled_with_nan_and_one_that_is_far_away_stays_finite():
    descent = Descent("rosenbrock", {"wild": nb.optim.SGD(lr=1.0), "tame": nb.optim.SGD(lr=1e-3)})
    descent.step(30)
    view = Landscape(descent)
    frame, ended = view.frame(), descent.paths["wild"].diverged
    assert np.isfinite(frame["paths"][0, :ended]).all() and np.isnan(frame["paths"][0, ended:]).all()
    assert np.isfinite(frame["paths"][1]).all() and np.isfinite(frame["loss"][1])
    assert view.labels()["diverged"] == [ended, 0]
    assert f"wild, lr 1, has diverged in step {ended}; tame, lr 0.001, is at (" in view.describe()


def test_levels_of_a_plain_and_of_what_is_not_finite():
    levels = heights(np.full((3, 3), 2, np.float32))
    assert len(levels) == LEVELS + 1 and (np.diff(levels) > 0).all() and levels[0] < 2 < levels[-1]
    levels = heights(np.float32([[np.nan, 1], [np.inf, 3]]))
    np.testing.assert_allclose(levels[[0, -1]], [1, 3], rtol=1e-6)
    assert len(heights(np.full((2, 2), np.nan, np.float32))) == LEVELS + 1


def test_words(race):
    said = Landscape(race).describe()
    assert said.startswith("On the ravine after 12 steps: sgd, lr 0.05, is at (")
    assert said.count(";") == 2 and f"with loss {race.paths['adam'].loss:.3g}" in said


def test_the_plot_has_the_same_numbers(race, ax):
    view = Landscape(race)
    view.plot(ax)
    paths = view.frame()["paths"]
    drawn = [np.column_stack(line.get_data()) for line in ax.lines]
    for k, name in enumerate(race.paths):
        assert any(points.shape == paths[k].shape and np.allclose(points, paths[k]) for points in drawn), name
    assert [text.get_text().split(":")[0] for text in ax.get_legend().get_texts()] == list(race.paths)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("x", "y", "ravine, 12 steps")


@pytest.mark.parametrize("name", SURFACES)
def test_every_surface_can_be_plotted_even_when_all_is_lost(name, ax):
    descent = Descent(name, "sgd", lr=9.0)
    descent.step(40)
    Landscape(descent).plot(ax)


def test_hands_reach_the_source():
    descent = Descent("bowl", nb.optim.SGD(lr=0.1, momentum=0.5))
    view = Landscape(descent)
    names = [control.name for control in view.controls]
    assert names == ["play", "pause", "step", "reset", "surface", "x", "y", "lr momentum", "momentum momentum"]
    assert all(control.label for control in view.controls)
    view.act("step", None)
    view.act("lr momentum", 0.3)
    view.act("momentum momentum", 0.8)
    assert descent.steps == 1 and view.labels()["values"]["lr momentum"] == 0.3
    assert descent.paths["momentum"].optimizer.momentum == 0.8
    view.act("x", 1.25)
    view.act("y", -0.5)
    assert descent.start == (1.25, -0.5) and descent.steps == 0
    view.act("start", [0.5, 0.75])
    assert view.labels()["values"]["x"] == 0.5 and view.frame()["start"].tolist() == [0.5, 0.75]
    view.act("surface", "beale")
    assert view.labels()["surface"] == "beale"
    view.act("reset", None)
    with pytest.raises(ValueError, match="Landscape: no control 'lift'"):
        view.act("lift", 1)
    assert set(view.labels()["values"]) == {"surface", "x", "y", "lr momentum", "momentum momentum"}


def test_in_a_race_every_path_has_its_learning_rate(race):
    view = Landscape(race)
    assert [c.label for c in view.controls if c.log] == ["lr sgd", "lr momentum", "lr adam"]
    view.act("lr adam", 0.2)
    assert [path.optimizer.lr for path in race.paths.values()] == [0.05, 0.05, 0.2]


def test_a_surface_of_ones_own_cannot_be_exchanged():
    view = Landscape(Descent(lambda x, y: x**2 + y**2))
    assert "surface" not in [control.name for control in view.controls]


def test_a_trainer_has_no_landscape(fake):
    view = nb.views.Landscape(fake())
    assert view.describe().startswith(
        "Landscape shows a Descent, such as nb.Descent('bowl'), or a Trainer: it needs surface, paths,"
    )
    assert view.describe().endswith(
        "and this FakeSource has no surface, paths, start, set, play, pause, step or reset."
    )


def test_a_board_carries_what_a_hand_wants():
    descent = Descent("bowl")
    board = nb.views.Landscape(descent)
    kinds = [(control["name"], control["low"] is not None) for control in board._spec["panels"][0]["controls"]]
    assert kinds[:2] == [("play", False), ("pause", False)] and ("x", True) in kinds
    sent = []
    board.send = lambda content, buffers: sent.append(content)
    board._receive(board, {"type": "mount", "view": "a", "page": True, "panels": [0]}, [])
    board._receive(board, {"type": "act", "view": "a", "panel": 0, "name": "step", "value": None}, [])
    assert descent.steps == 1 and sent[-1]["step"] == 1
    board._receive(board, {"type": "act", "view": "a", "panel": 0, "name": "start", "value": [1, 1]}, [])
    assert descent.start == (1, 1) and sent[-1]["panels"][0]["labels"]["values"]["x"] == 1
    board.close()
