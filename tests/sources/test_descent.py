"""Descent on a loss over two numbers: the surfaces, the paths, the knobs, playing."""

import asyncio
import threading

import numpy as np
import pytest
from waiting import until

import nbprop as nb
from nbprop.sources import Descent
from nbprop.sources.descent import LONGEST
from nbprop.sources.surfaces import SURFACES, Surface


@pytest.mark.parametrize("name", SURFACES)
def test_the_gradient_of_a_surface_is_right_and_vanishes_at_its_minima(name):
    surface = SURFACES[name]
    rng = np.random.default_rng(0)
    left, right, bottom, top = surface.extent
    for x, y in rng.uniform((left, bottom), (right, top), (5, 2)):
        nb.check_gradient(surface.f, np.array(x), np.array(y), tol=1e-5)
    assert left <= surface.start[0] <= right and bottom <= surface.start[1] <= top
    assert surface.minima
    for point in surface.minima:
        np.testing.assert_allclose(surface.gradient(point), 0, atol=1e-7)
        around = np.array(point) + 1e-2 * np.stack([np.cos(np.arange(8)), np.sin(np.arange(8))], axis=1)
        assert (surface.values(*around.T) > surface.values(*point)).all()


@pytest.mark.parametrize("name", SURFACES)
def test_plain_descent_gets_on_with_the_surfaces_own_settings(name):
    descent = Descent(name)
    first = descent.paths["sgd"].loss
    descent.step(300)
    assert descent.paths["sgd"].loss < 0.5 * first and descent.status == "paused"


def test_values_have_the_shape_of_their_places():
    surface = SURFACES["ravine"]
    x, y = np.meshgrid([0.0, 1.0, 2.0], [0.0, 1.0])
    np.testing.assert_allclose(surface.values(x, y), (x**2 + 25 * y**2) / 2)
    assert surface.values(1.0, 0.0).shape == () and surface.values(np.float32(1), 0).dtype == np.float64
    with pytest.raises(ValueError, match=r"element by element: of x and y of shape \(2, 3\) it made shape \(\)"):
        Surface(lambda x, y: (x + y).sum()).values(x, y)


def test_a_step_is_that_of_the_optimizer():
    descent = Descent("ravine", {"plain": nb.optim.SGD(lr=0.05), "adam": nb.optim.Adam(lr=0.2)}, start=(-1, 0.5))
    descent.step(30)
    for name, optimizer in (("plain", nb.optim.SGD(lr=0.05)), ("adam", nb.optim.Adam(lr=0.2))):
        point, points = np.array([-1.0, 0.5]), [(-1.0, 0.5)]
        for _ in range(30):
            optimizer.update(point, point * [1, 25])
            points.append(tuple(point))
        np.testing.assert_allclose(descent.paths[name].points, points, atol=1e-12)
        assert len(descent.history[name]) == 31
        np.testing.assert_allclose(descent.history[name][-1], SURFACES["ravine"].values(*point))


def test_the_optimizers_given_are_left_alone_and_get_names():
    mine = nb.optim.SGD(lr=0.1, momentum=0.5)
    descent = Descent("bowl", [mine, "adam", "sgd", "sgd"], lr=0.3)
    assert list(descent.paths) == ["momentum", "adam", "sgd", "sgd 2"]
    assert [path.optimizer.lr for path in descent.paths.values()] == [0.1, 0.3, 0.3, 0.3]
    descent.step(3)
    assert mine.t == 0 and descent.paths["momentum"].optimizer.t == 3
    assert Descent("ravine").lr == SURFACES["ravine"].lr


def test_knobs_act_at_the_next_step_and_are_events():
    descent = Descent("bowl", ["momentum", "adam"], lr=0.1, start=(1, 1))
    descent.step(5)
    before = descent.paths["adam"].point.copy()
    descent.set(lr=0.0)
    descent.step(2)
    np.testing.assert_array_equal(descent.paths["adam"].point, before)
    descent.set(path="adam", lr=0.2)
    descent.set(momentum=0.5)
    assert [path.optimizer.lr for path in descent.paths.values()] == [0.0, 0.2]
    assert descent.paths["momentum"].optimizer.momentum == 0.5
    assert [(event.step, event.name, event.new) for event in descent.history.events] == [
        (5, "lr", 0.0), (5, "lr", 0.0), (7, "lr", 0.2), (7, "momentum", 0.5),
    ]  # fmt: skip
    descent.lr = 0.3
    assert descent.lr == 0.3 and descent.steps == 7


def test_another_start_or_surface_begins_anew():
    descent = Descent("bowl", ["sgd", nb.optim.Adam(lr=0.5)])
    descent.step(5)
    descent.set(start=(0.5, -0.5))
    assert descent.steps == 0 and descent.status == "ready"
    np.testing.assert_array_equal(descent.paths["adam"].points, [[0.5, -0.5]])
    assert descent.paths["adam"].optimizer.t == 0 and len(descent.history["sgd"]) == 1
    descent.set(surface="rosenbrock")
    assert descent.start == SURFACES["rosenbrock"].start
    assert [path.optimizer.lr for path in descent.paths.values()] == [SURFACES["rosenbrock"].lr, 0.5]


def test_reset_brings_the_same_path_again_noise_included():
    def noisy(point, rng):
        return point + rng.normal(size=2)

    descent = Descent("bowl", {"exact": "sgd", "noisy": "sgd"}, gradients={"noisy": noisy}, seed=3)
    descent.step(40)
    first = descent.paths["noisy"].points
    descent.reset()
    assert descent.steps == 0 and descent.status == "ready"
    descent.step(40)
    np.testing.assert_array_equal(descent.paths["noisy"].points, first)
    assert np.abs(first - descent.paths["exact"].points).max() > 0.1
    other = Descent("bowl", {"noisy": "sgd"}, gradients={"noisy": noisy}, seed=4)
    other.step(40)
    assert (other.paths["noisy"].points[1:] != first[1:]).all()


def test_a_path_that_diverges_is_left_where_it_was_and_the_others_go_on():
    descent = Descent("rosenbrock", {"wild": nb.optim.SGD(lr=1.0), "tame": nb.optim.SGD(lr=1e-3)})
    descent.step(50)
    wild, tame = descent.paths.values()
    assert wild.diverged is not None and 2 <= wild.diverged < 20 and tame.diverged is None
    assert np.isfinite(wild.points).all() and len(wild.points) == wild.diverged
    assert descent.status == "paused" and len(tame.points) == 51
    with np.errstate(over="raise"):
        alone = Descent("rosenbrock", "sgd", lr=1.0)
        alone.step(50)
    assert alone.status == "stopped" and "All has diverged: reset, and try a learning rate below 1" in alone.message
    alone.reset()
    assert alone.status == "ready" and alone.message == ""


def test_a_long_path_is_bounded():
    descent = Descent("bowl", "sgd", lr=1e-3)
    descent.step(LONGEST + 50)
    assert len(descent.paths["sgd"].points) == LONGEST + 1
    assert len(descent.history["sgd"]) <= 4096


def test_a_function_of_ones_own():
    def hill(x, y):
        return x**2 + (y - 1) ** 2

    descent = Descent(hill, "sgd", lr=0.1, start=(1, 0))
    descent.step(100)
    assert descent.surface.name == "hill"
    np.testing.assert_allclose(descent.paths["sgd"].point, [0, 1], atol=1e-6)


def test_it_plays_and_hands_in_other_threads_reach_it():
    async def main():
        descent = Descent("bowl", "sgd", lr=0.01, speed=float("inf"))
        descent.play()
        await until(lambda: descent.steps > 20)
        assert descent.playing and descent.status == "playing"
        thread = threading.Thread(target=lambda: descent.set(lr=0.5, start=(1, 1)))
        thread.start()
        await until(lambda: descent.start == (1.0, 1.0))
        assert descent.playing and descent.lr == 0.5
        descent.pause()
        assert descent.status == "paused" and not descent.playing
        done = descent.steps
        descent.play(steps=5)
        await until(lambda: not descent.playing)
        assert descent.steps == done + 5
        descent.set(surface="rosenbrock", lr=9.0)
        descent.play()
        await until(lambda: descent.status == "stopped")
        assert not descent.playing

    asyncio.run(main())


def test_without_a_notebook_play_says_what_to_do():
    with pytest.raises(RuntimeError, match=r"use step\(n\)"):
        Descent().play()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Descent("hill"), r"expected a surface out of \['bowl'.*got 'hill'"),
        (lambda: Descent(3), "expected a surface out of"),
        (lambda: Descent(start=(1, 2, 3)), r"start: expected two numbers \(x, y\), got \(1, 2, 3\)"),
        (lambda: Descent(start=(np.inf, 0)), "start: expected finite numbers"),
        (lambda: Descent("bowl", []), "at least one optimizer"),
        (lambda: Descent("bowl", "adm"), "adm"),
        (lambda: Descent(gradients={"adam": None}), r"expected names out of \['sgd'\], got \['adam'\]"),
        (lambda: Descent().set(lr=-1), "lr must be a finite number, at least 0"),
        (lambda: Descent().set(momentum=1.0), "momentum must be a finite number, at least 0 and less than 1"),
        (lambda: Descent("bowl", "adam").set(momentum=0.5), "momentum: adam has none"),
        (lambda: Descent().set(path="adam", lr=1), r"expected a path out of \['sgd'\], got 'adam'"),
        (lambda: Descent().set(beta=1), "no knob 'beta'; the knobs are lr, momentum, surface, start"),
    ],
)
def test_what_is_wrong_is_said(make, message):
    with pytest.raises((ValueError, TypeError, AttributeError), match=message):
        make()


def test_what_it_is_in_a_line():
    descent = Descent("ravine", ["sgd", "adam"], lr=0.05)
    descent.step(2)
    assert repr(descent) == "Descent(ravine, sgd, adam, step 2, paused)"
    assert repr(descent.paths["sgd"]).startswith("Path('sgd', SGD(lr=0.05")


def test_what_it_has_not_is_refused():
    descent = Descent("bowl")
    with pytest.raises(AttributeError, match="a Descent has no 'lrr'; did you mean 'lr'"):
        descent.lrr = 1
    with pytest.raises(AttributeError, match="has no 'momentum'; try set"):
        descent.momentum = 0.9
    descent.lr = 0.2
    assert descent.paths["sgd"].optimizer.lr == 0.2


def test_a_look_at_the_past_is_exactly_what_was_there():
    descent = nb.Descent("ravine", {"a": "sgd", "b": "momentum"}, lr=0.05)
    seen = []
    for lr in (0.05, 0.2, 0.01):  # the second diverges
        descent.set(lr=lr, path="a")
        for _ in range(10):
            seen.append([(p.point.copy(), p.loss, p.optimizer.lr, p.diverged) for p in descent.paths.values()])
            descent.step()
    now = repr(descent), [p.points for p in descent.paths.values()]
    for step, paths in enumerate(seen):
        then = descent.at(step)
        assert (then.steps, then.status) == (step, "paused" if step else "ready")
        assert then.moment == step and then.history is descent.history
        turned = step in (10, 20)  # the state before the knob was turned
        for path, (point, loss, lr, diverged) in zip(then.paths.values(), paths, strict=True):
            np.testing.assert_array_equal(path.point, point)
            assert (path.loss, path.diverged) == (loss, diverged) and (turned or path.optimizer.lr == lr)
    assert descent.at(10).paths["a"].optimizer.lr == 0.05 and descent.at(11).paths["a"].optimizer.lr == 0.2
    assert repr(descent) == now[0]
    for path, points in zip(descent.paths.values(), now[1], strict=True):
        np.testing.assert_array_equal(path.points, points)


def test_what_is_too_long_ago_or_not_there_is_refused():
    descent = nb.Descent("bowl")
    descent.step(1100)
    assert descent.at(100).steps == 100
    with pytest.raises(ValueError, match=r"way back to step 99 is no longer there; the earliest one left is step 100"):
        descent.at(99)
    with pytest.raises(ValueError, match="from 0 to 1100"):
        descent.at(1101)
    with pytest.raises(ValueError, match="it can only be looked at"):
        descent.at(5 + 100).step()
