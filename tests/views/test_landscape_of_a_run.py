"""The landscape of a run's own network: which plane is shown when, its words, marks, picture; a look at the past."""

import asyncio
import re
import threading

import numpy as np
import pytest
from fakes import Page

import nbprop as nb
from nbprop.sources import plane as planes
from nbprop.views.base.around import RunLandscape
from nbprop.views.landscape import LEVELS, Landscape


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Places enough for a picture, in a few milliseconds."""
    monkeypatch.setattr(planes, "FINEST", 17)


@pytest.fixture
def trainer():
    made = nb.Trainer(
        nb.nn.mlp([2, 8, 1], seed=0), nb.data.moons(samples=60, seed=0), lr=0.02, seed=0, snapshot_every=10
    )
    made.fit(steps=60, bar=False)
    return made


@pytest.mark.parametrize("directions", ["random", "path"])
def test_numbers_picture_and_words_agree(trainer, directions, ax):
    view = Landscape(trainer, directions=directions)
    assert isinstance(view, RunLandscape) and view.title == "Landscape"
    frame, labels = view.frame(), view.labels()
    assert frame["grid"].shape == (17, 17) and frame["levels"].shape == (LEVELS + 1,)
    assert frame["paths"].shape == (1, 7, 2) and {array.dtype for array in frame.values()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(frame["paths"][0, -1], [0, 0], atol=1e-6)
    np.testing.assert_allclose(frame["start"], frame["paths"][0, 0])
    assert frame["loss"][0] == pytest.approx(trainer.evaluation["train_loss"], rel=1e-4)
    left, right, bottom, top = frame["extent"]
    r, c = np.unravel_index(frame["grid"].argmin(), (17, 17))
    lowest = [left + (right - left) * c / 16, top + (bottom - top) * r / 16]
    np.testing.assert_allclose(frame["minima"], [lowest], rtol=1e-5)
    words = view.describe()
    kind = {"random": "two random directions", "path": "the two main directions of the path"}[directions]
    assert words.startswith(f"On the plane through step 60 in {kind} the loss is ")
    assert f"the minimum on this plane is {frame['grid'].min():.3g} at (" in words
    assert "At step 60 the run is at (0, 0)" in words and "of the way from step 0 lies in the plane" in words
    assert labels["still"] and labels["paths"] == ["step 60"] and {"ground", "path", "minimum"} <= view.marks().keys()
    view.plot(ax)
    assert [ax.get_xlabel(), ax.get_ylabel()] == labels["axes"]
    assert any(np.allclose(np.column_stack(line.get_data()), frame["paths"][0]) for line in ax.lines)


def test_a_linear_scale_has_bands_of_one_width(trainer):
    view = Landscape(trainer)
    log = view.frame()["levels"]
    view.log = False
    linear = view.frame()["levels"]
    np.testing.assert_allclose(np.diff(linear), np.diff(linear)[0], rtol=1e-3)
    assert np.diff(log)[0] < np.diff(linear)[0] and log[[0, -1]].tolist() == linear[[0, -1]].tolist()


def test_it_stays_while_the_run_is_near_and_is_laid_anew_when_it_has_moved_or_a_knob_was_turned(trainer):
    view = Landscape(trainer)
    first = view.frame()
    again = view.frame()
    assert first["grid"] is again["grid"] and first["levels"] is again["levels"]
    assert view.labels()["paths"] == ["step 60"]
    trainer.fit(steps=200, bar=False)
    view.frame()
    assert view.labels()["paths"] == ["step 260"]
    trainer.set(activation="relu")
    moved = view.frame()
    assert moved["loss"][0] == pytest.approx(trainer.evaluate()["train_loss"], rel=1e-4)
    trainer.set(width=12)
    assert np.isfinite(view.frame()["grid"]).all()


def test_the_button_lays_it_anew(trainer):
    view = Landscape(trainer)
    view.frame()
    trainer.fit(steps=1, bar=False)
    view.frame()
    view.act("refresh", None)
    view.frame()
    assert view.labels()["paths"] == ["step 61"] and [control.name for control in view.controls] == ["refresh"]
    with pytest.raises(ValueError, match="no control 'play'"):
        view.act("play", None)


def test_a_look_at_the_past_is_a_point_on_the_same_plane(trainer):
    view = Landscape(trainer, directions="path")
    whole = view.frame()
    view.source = trainer.at(25)
    then = view.frame()
    assert then["grid"] is whole["grid"] and view.labels()["paths"] == ["step 60"]
    assert then["paths"].shape == (1, 4, 2)  # 0, 10, 20, 25
    assert "At step 25 the run is at (" in view.describe() and "is step 25" in view.marks()["path"]
    alone = Landscape(trainer.at(25))
    alone.frame()
    assert alone.labels()["paths"] == ["step 25"]


def test_before_there_is_a_path_it_says_so_and_random_directions_are_there(ax):
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.moons(samples=40, seed=0), seed=0)
    view = Landscape(trainer, directions="path")
    assert view.frame() == {} and "has not come far enough" in view.describe()
    assert view.plot(ax) is ax
    view.directions = "random"
    assert view.frame()["grid"].size and view.describe().endswith("At step 0 the run is at (0, 0).")


def test_a_run_that_diverged_says_so_and_keeps_the_plane_that_was_there(trainer):
    view = Landscape(trainer)
    grid = view.frame()["grid"]
    trainer.model.theta[:] = np.nan
    assert view.frame()["grid"] is grid and view.describe().endswith("the parameters are not finite.")
    view.act("refresh", None)
    assert view.frame() == {} and "there is no plane through them: rewind" in view.describe()


def test_places_that_are_not_finite_are_loud(trainer, ax, monkeypatch):
    trainer.model[2].weight.data[...] = 2e38
    view = Landscape(trainer)
    grid = view.frame()["grid"]
    assert not np.isfinite(grid).all() and np.isfinite(view.frame()["levels"]).all()
    assert "of its places it is not finite" in view.describe()
    view.plot(ax)
    assert ax.get_facecolor() != (1, 1, 1, 1)


def test_batch_normalization_is_said():
    model = nb.nn.Sequential(nb.nn.Linear(2, 4), nb.nn.BatchNorm1d(4), nb.nn.Tanh(), nb.nn.Linear(4, 1))
    trainer = nb.Trainer(model, nb.data.moons(samples=40, seed=0), seed=0)
    trainer.fit(steps=5, bar=False)
    assert "batch normalization with its running statistics" in Landscape(trainer).marks()["ground"]


def test_options_belong_to_a_run_alone():
    with pytest.raises(TypeError, match="directions is an option of the landscape of a Trainer"):
        nb.views.Landscape(nb.Descent("bowl"), directions="path")
    assert Landscape(nb.Descent("bowl")).options == () and not isinstance(Landscape(nb.Descent("bowl")), RunLandscape)


def grids(page):
    """Those that were sent."""
    found = [page.arrays(k=k).get("grid") for k, (head, _) in enumerate(page.sent) if head["panels"]]
    return [grid for grid in found if grid is not None]


def test_in_a_notebook_it_is_computed_in_slices_while_nothing_plays(trainer, make_board, monkeypatch):
    monkeypatch.setattr(planes, "SLICE", 0.0)  # one place at a time

    async def main():
        board = make_board(Landscape(trainer))
        page = Page(board)
        assert page.arrays() == {}  # nothing yet, and the notebook goes on
        view = board.views[0]
        for _ in range(3000):
            await asyncio.sleep(0.001)
            page.ack()
            if view._plane.done:
                break
        assert [grid.shape for grid in grids(page)] == [(9, 9), (17, 17)]

    monkeypatch.setattr(planes, "PAUSE", 0.0)
    asyncio.run(main())


def test_while_it_plays_it_is_computed_between_the_steps(trainer, make_board):
    async def main():
        board = make_board(Landscape(trainer))
        page = Page(board)
        trainer.speed = 2000
        trainer.play(unseen=True)
        for _ in range(2000):
            await asyncio.sleep(0.002)
            board.clock.now += 0.2
            page.ack()
            if grids(page):
                break
        trainer.pause()
        assert grids(page)[0].shape == (9, 9)

    asyncio.run(main())


def test_a_recording_shows_all_moments_on_one_plane(trainer, tmp_path):
    board = nb.views.Landscape(trainer)
    saved = board.save(tmp_path / "run.html", moments=5)
    assert re.match(r"[45] moments from step 0 to 60", saved.said) and saved.size < 500_000
    assert board.views[0].labels()["paths"] == ["step 60"]
    board.close()


def test_looked_at_from_another_thread_the_run_is_what_it_would_be():
    def made():
        return nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), "spirals", seed=0)

    alone, seen = made(), made()
    view = Landscape(seen)
    alone.fit(steps=400, bar=False)
    looking = threading.Thread(target=view.describe)
    looking.start()
    seen.fit(steps=400, bar=False)
    looking.join()
    assert np.array_equal(alone.theta, seen.theta) and np.array_equal(seen.at(400).theta, seen.theta)
