"""The loss over a plane through a run's parameters: directions, numbers, and that the run is left as it is."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.record.source import CannotSay
from nbprop.sources import Plane, plane as planes
from nbprop.sources.plane import filter_normalized, main_directions


def run(steps=60, model=None, data=None, **options):
    model = model or nb.nn.mlp([2, 8, 8, 1], seed=0)
    data = data or nb.data.moons(samples=80, seed=0)
    trainer = nb.Trainer(model, data, lr=0.02, seed=0, snapshot_every=10, **options)
    trainer.fit(steps=steps, bar=False)
    return trainer


def test_every_place_of_the_grid_is_the_loss_at_its_parameters():
    trainer = run()
    theta, data = trainer.theta.copy(), trainer.data
    for directions in ("random", "path"):
        plane = Plane(trainer, directions)
        plane.go(finest=17)
        assert plane.grid.shape == (17, 17) and plane.grid.dtype == np.float32
        left, right, bottom, top = plane.extent
        model = nb.nn.mlp([2, 8, 8, 1], seed=5)
        for r, c in ((0, 0), (0, 16), (16, 0), (8, 8), (3, 12)):
            a, b = left + (right - left) * c / 16, top + (bottom - top) * r / 16
            model.theta = theta + np.float32(a) * plane.x + np.float32(b) * plane.y
            loss = nb.nn.BCEWithLogitsLoss()(model(data.X_train), data.y_train).item()
            assert plane.grid[r, c] == pytest.approx(loss, rel=1e-4)
        assert plane.loss == pytest.approx(trainer.evaluation["train_loss"], rel=1e-5)
        assert plane.loss == plane._at(0.0, 0.0)


def test_finer_grids_keep_the_places_of_coarser_ones(monkeypatch):
    monkeypatch.setattr(planes, "PATIENCE", np.inf)
    plane = Plane(run())
    grids = []
    for finest in (9, 17, 33):
        plane.go(finest=finest)
        grids.append(plane.grid)
    assert [len(grid) for grid in grids] == [9, 17, 33]
    np.testing.assert_array_equal(grids[0], grids[2][::4, ::4])
    np.testing.assert_array_equal(grids[1], grids[2][::2, ::2])
    plane.go()
    assert plane.done and len(plane.grid) == 65 and repr(plane).endswith("65 x 65 places)")


def test_random_directions_are_as_long_as_the_network_filter_by_filter():
    model = nb.nn.Sequential(nb.nn.Conv2d(1, 3, 3), nb.nn.ReLU(), nb.nn.Flatten(), nb.nn.Linear(3 * 4, 1))
    around = run(1, model, (np.random.default_rng(0).normal(size=(20, 1, 4, 4)), np.arange(20) % 2)).around()
    found = filter_normalized(np.random.default_rng(1), around.theta, around.shapes)
    for place, shape in around.shapes:
        own, made = around.theta[place].reshape(shape), found[place].reshape(shape)
        if len(shape) == 1:
            assert not made.any()
        else:
            norms = [np.linalg.norm(each.reshape(shape[0], -1), axis=1) for each in (own, made)]
            np.testing.assert_allclose(*norms, rtol=1e-5)
    assert (Plane(run(), seed=1).x != Plane(run(), seed=2).x).any()
    np.testing.assert_array_equal(Plane(run(), seed=1).y, Plane(run(), seed=1).y)


def test_the_main_directions_are_the_singular_vectors_of_the_path():
    rng = np.random.default_rng(0)
    origin = rng.normal(size=50).astype(np.float32)
    path = [origin + (scale * rng.normal(size=50)).astype(np.float32) for scale in (3, 2, 1, 0.5)] + [origin]
    x, y, share = main_directions(path, origin)
    _, values, vectors = np.linalg.svd(np.array([theta - origin for theta in path]), full_matrices=False)
    assert abs(x @ vectors[0]) == pytest.approx(1, abs=1e-4) and abs(y @ vectors[1]) == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(share, values[:2] ** 2 / (values**2).sum(), rtol=1e-4)
    assert abs(x @ y) < 1e-4 and np.linalg.norm(x) == pytest.approx(1, rel=1e-4)


def test_the_path_is_where_it_would_be_seen_from_above():
    trainer = run()
    plane = Plane(trainer, "path")
    path = trainer.path()
    assert [step for step, _ in path] == [0, 10, 20, 30, 40, 50, 60]
    for step, theta in path:
        a, b = plane.coordinates(step, theta)
        foot = plane.origin + a * plane.x + b * plane.y
        assert abs((theta - foot) @ plane.x) < 1e-3 and abs((theta - foot) @ plane.y) < 1e-3
        left, right, bottom, top = plane.extent
        assert left < a < right and bottom < b < top
    assert plane.coordinates(60, path[-1][1]) == pytest.approx((0, 0), abs=1e-6)
    assert 0.8 < plane.inside(path[0][1]) <= 1.0001 and Plane(trainer).inside(path[0][1]) < 0.5
    assert plane.moved(path[-1][1]) == 0 and plane.moved(path[0][1]) > 0.3


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_nothing_of_the_run_depends_on_whether_somebody_looks(optimizer):
    found = []
    for looks in (False, True):
        model = nb.nn.Sequential(
            nb.nn.Linear(2, 8, rng=0),
            nb.nn.BatchNorm1d(8),
            nb.nn.Tanh(),
            nb.nn.Dropout(0.3),
            nb.nn.Linear(8, 1, rng=1),
        )
        trainer = nb.Trainer(model, nb.data.moons(samples=60, seed=0), optimizer=optimizer, seed=0)
        plane = None
        for _ in range(6):
            trainer.step(4)
            if looks:
                plane = plane or Plane(trainer)
                plane.go(0.002)
        found.append(
            (trainer.theta.copy(), trainer.history["loss"].copy(), [b.copy() for _, b in model.named_buffers()])
        )
    for one, other in zip(found[0][:2], found[1][:2], strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(found[0][2], found[1][2], strict=True):
        np.testing.assert_array_equal(one, other)
    assert plane.normalized


def test_a_moment_has_its_own_plane_and_path():
    trainer = run()
    moment = trainer.at(30)
    plane = Plane(moment)
    np.testing.assert_array_equal(plane.origin, moment.theta)
    assert plane.step == 30 and [step for step, _ in moment.path()] == [0, 10, 20, 30]
    plane.go(finest=9)
    assert plane.loss == pytest.approx(moment.evaluate()["train_loss"], rel=1e-5)


def test_the_path_begins_with_the_network_that_it_is_now():
    trainer = run()
    trainer.set(depth=3)
    trainer.fit(steps=30, bar=False)
    assert trainer.path()[0][0] >= 60
    assert len({theta.size for _, theta in trainer.path()}) == 1
    assert Plane(trainer, "path").x.shape == trainer.theta.shape


def test_frozen_layers_stay_where_they_are():
    trainer = run()
    trainer.model[0].requires_grad_(False)
    trainer.step()
    plane = Plane(trainer)
    (part, *_) = plane._around.frozen
    assert not plane.x[part].any() and plane.x.any()


def test_places_that_are_not_finite_are_there():
    trainer = run()
    plane = Plane(trainer, span=1e38)
    plane.go(finest=9)
    assert not np.isfinite(plane.grid).all() and np.isfinite(plane.loss)


def test_what_has_no_plane_says_why():
    with pytest.raises(CannotSay, match="has not come far enough"):
        Plane(run(steps=0), "path")
    trainer = run()
    trainer.model.theta[0] = np.nan
    with pytest.raises(CannotSay, match="not finite"):
        Plane(trainer)
    made = nb.Objective(lambda model, batch: model(batch).mean(), batches=lambda rng: rng.normal(size=(4, 2)))
    with pytest.raises(CannotSay, match="the batches of this objective are made"):
        Plane(nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), objective=made))
    for bad, words in (({"directions": "up"}, "directions"), ({"span": 0}, "span"), ({"seed": -1}, "seed")):
        with pytest.raises(ValueError, match=words):
            Plane(run(1), **bad)


def test_a_loss_of_ones_own_has_a_plane():
    objective = nb.Objective(
        lambda model, batch: (model(batch) ** 2).mean(), np.random.default_rng(0).normal(size=(30, 2))
    )
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), objective=objective, seed=0)
    trainer.fit(steps=5, bar=False)
    plane = Plane(trainer)
    plane.go(finest=9)
    assert plane.loss == pytest.approx(trainer.evaluation["train_loss"], rel=0.5) and np.isfinite(plane.grid).all()


def test_what_would_take_long_is_left_coarse(monkeypatch):
    monkeypatch.setattr(planes, "PATIENCE", 0.0)
    plane = Plane(run(1))
    plane.go()
    assert plane.done and len(plane.grid) == 9
