"""Runs side by side: each as if it were alone, all at the same step, named by what is different."""

import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nbprop as nb
from nbprop.sources import Comparison
from nbprop.sources.comparison import different


def trainer(seed=0, activation="tanh", hidden=(6, 6), dropout=None, **settings):
    model = nb.nn.mlp([2, *hidden, 1], activation=activation, dropout=dropout, seed=seed)
    data = nb.data.moons(samples=60, noise=0.2, seed=0)
    return nb.Trainer(model, data, seed=seed, **{"optimizer": "sgd", "lr": 0.1, "batch_size": 16, **settings})


def wild():
    return trainer(activation="relu", lr=1e6)


def same(a, b):
    loss, other = a.history.series("loss"), b.history.series("loss")
    return a.steps == b.steps and np.array_equal(a.theta, b.theta) and all(map(np.array_equal, loss, other))


# ---------------------------------------------------------------------------------------------------- in step, alone


def test_runs_in_step_are_what_they_are_alone_bit_by_bit():
    makes = [lambda: trainer(dropout=0.3), lambda: trainer(optimizer="adam", lr=0.01), lambda: trainer(hidden=(4,))]
    compared = Comparison(*(make() for make in makes))
    compared.fit(70)
    for make, run in zip(makes, compared.trainers, strict=True):
        alone = make()
        alone.fit(steps=70)
        assert same(alone, run)
    assert compared.steps == 70 and compared.status == "paused" and not compared.message


@st.composite
def acts(draw):
    """What may be done to a comparison of two runs, and to one of them."""
    one = st.tuples(st.sampled_from(["set", "rewind", "fit one"]), st.integers(0, 1), st.integers(1, 9))
    both = st.tuples(st.sampled_from(["fit", "step", "all"]), st.just(None), st.integers(1, 9))
    return draw(st.lists(one | both, min_size=1, max_size=7))


@settings(max_examples=25, deadline=None)
@given(acts())
def test_whatever_is_done_each_run_is_what_it_would_be_alone(done):
    compared, alone = Comparison(trainer(), trainer(lr=0.02)), [trainer(), trainer(lr=0.02)]
    for what, which, n in done:
        each = [(run, lone) for i, (run, lone) in enumerate(zip(compared.trainers, alone, strict=True))
                if which in (None, i)]  # fmt: skip
        if what in ("fit", "step"):
            compared.fit(n) if what == "fit" else compared.step(n)
        elif what == "all":
            compared.set(batch_size=n)
        for run, lone in each:
            if what == "set":
                run.lr = lone.lr = n / 50
            elif what == "rewind":
                run.rewind(run.steps // n)
                lone.rewind(lone.steps // n)
            elif what == "fit one":
                run.fit(steps=n)
            elif what == "all":
                lone.batch_size = n
            if run.steps > lone.steps:
                lone.fit(steps=run.steps - lone.steps)
    assert all(map(same, compared.trainers, alone))
    steps = [run.steps for run in compared.trainers]
    compared.fit(1)
    assert [run.steps for run in compared.trainers] == [max(steps) + 1] * 2


def test_in_the_background_they_are_seen_at_the_same_step_only():
    seen = []

    class Watcher:
        records, seen = frozenset(), True

        def refresh(self):
            seen.append([run.steps for run in compared.trainers])

    async def main():
        compared.watchers.add(Watcher())
        compared.speed = float("inf")
        compared.play(steps=150)
        assert compared.playing and {run.status for run in compared.trainers} == {"playing"}
        while compared.playing:
            await asyncio.sleep(0)

    compared = Comparison(trainer(), trainer(lr=0.02), trainer(lr=0.3))
    asyncio.run(main())
    assert [run.steps for run in compared.trainers] == [150] * 3 and compared.status == "paused"
    assert {run.status for run in compared.trainers} == {"paused"}
    # A slice may end within a round: then none is ahead by more than a step.
    assert len(seen) > 2 and all(max(steps) - min(steps) <= 1 for steps in seen)
    alone = trainer(lr=0.3)
    alone.fit(steps=150)
    assert same(alone, compared.trainers[2])


def test_one_that_is_behind_catches_up_and_then_they_go_on_together():
    ahead, behind = trainer(), trainer(lr=0.02)
    ahead.fit(steps=30)
    compared = Comparison(ahead, behind)
    compared.step()
    assert (ahead.steps, behind.steps, compared.steps) == (30, 1, 1)
    compared.fit(5)
    assert (ahead.steps, behind.steps) == (35, 35)


def test_one_that_diverges_stops_alone_and_is_named():
    compared = Comparison(trainer(activation="relu"), wild())
    compared.fit(40)
    calm, lost = compared.trainers
    assert calm.steps == 40 and lost.steps < 10 and lost.status == "stopped" and compared.status == "paused"
    assert compared.message.startswith(f"lr 1e+06 stopped after step {lost.steps}. In step {lost.steps + 1}, ")
    assert compared.steps == 40
    compared.step(2)
    assert calm.steps == 42 and compared.message.startswith("lr 1e+06 stopped")
    lost.rewind(0)
    lost.lr = 0.01
    compared.fit(3)  # it goes on with the others
    assert calm.steps == lost.steps == 45 and not compared.message


def test_when_all_have_diverged_that_is_said():
    compared = Comparison(wild(), wild())
    with pytest.raises(FloatingPointError, match="All runs have stopped: run 1 stopped after step 2"):
        compared.fit(40)
    assert compared.status == "stopped"

    async def main():
        other = Comparison(wild(), wild())
        other.play()
        for _ in range(200):
            await asyncio.sleep(0.01)
            if not other.playing:
                break
        assert other.status == "stopped" and "All runs have stopped" in other.message

    asyncio.run(main())


def test_an_error_in_somebodys_loss_is_raised_and_stops_all():
    runs = []

    def loss(model, batch):
        if runs and runs[0].steps == 4:
            raise RuntimeError("a fault")
        return (model(batch["x"]) ** 2).mean()

    data = nb.data.moons(samples=60, noise=0.2, seed=0)
    runs.append(nb.Trainer(nb.nn.mlp([2, 3, 1], seed=0), objective=nb.Objective(loss, {"x": data.X_train}), seed=0))
    compared = Comparison(*runs, trainer())
    with pytest.raises(RuntimeError, match="a fault"):
        compared.fit(10)
    assert compared.status == "paused" and [run.steps for run in compared.trainers] == [4, 4]


def test_to_pause_one_by_hand_pauses_all():
    async def main():
        compared = Comparison(trainer(), trainer(lr=0.02), speed=1e6)
        compared.play()
        while compared.steps < 50:
            await asyncio.sleep(0)
        compared.trainers[0].rewind(10)
        for _ in range(100):
            await asyncio.sleep(0.005)
        assert not compared.playing and compared.status == "paused"
        assert compared.trainers[0].steps == 10 and {run.status for run in compared.trainers} == {"paused"}
        compared.play(steps=1000)
        for _ in range(2000):
            await asyncio.sleep(0)
            if compared.trainers[0].steps > 60:
                break
        assert compared.trainers[0].steps > 60  # it has caught up
        compared.pause()

    asyncio.run(main())


def test_paused_in_the_middle_of_a_round_all_have_made_the_same_steps():
    async def main():
        compared = Comparison(trainer(), trainer(lr=0.02), trainer(lr=0.03), speed=1e6)
        compared.play()
        while compared.steps < 20:
            await asyncio.sleep(0)
        while compared._stride():
            pass  # the first of a round has made its step
        assert len({run.steps for run in compared.trainers}) == 2
        compared.pause()
        assert len({run.steps for run in compared.trainers}) == 1 and compared.status == "paused"

    asyncio.run(main())


def test_a_run_that_plays_by_itself_is_taken_over():
    async def main():
        a, b = trainer(), trainer(lr=0.02)
        a.play()
        compared = Comparison(a, b)
        compared.step()
        assert not a.playing

    asyncio.run(main())


def test_knobs_are_turned_from_other_threads_while_it_plays():
    async def main():
        compared = Comparison(trainer(), trainer(lr=0.02), speed=1e6)
        compared.play()
        while compared.steps < 20:
            await asyncio.sleep(0)
        thread = threading.Thread(target=lambda: compared.set(batch_size=4))
        thread.start()
        while thread.is_alive():
            await asyncio.sleep(0.001)
        while compared.steps < 200:
            await asyncio.sleep(0)
        compared.pause()
        assert compared.batch_size == 4
        (one,), (two,) = (run.history.events for run in compared.trainers)
        assert one.text == two.text == "batch_size 16 → 4" and one.step == two.step

    asyncio.run(main())


# ------------------------------------------------------------------------------------------------ branches, reset


def test_a_branch_of_a_run_is_compared_and_the_run_stays_as_it_is():
    run = trainer()
    run.fit(steps=20)
    before = run.theta.copy(), run.steps, len(run.history["loss"]), run.version
    compared = Comparison(*(different(run, {"lr": lr}) for lr in (0.01, 0.1)))
    compared.fit(30)
    assert np.array_equal(run.theta, before[0]) and (run.steps, len(run.history["loss"]), run.version) == before[1:]
    alone = trainer()
    alone.fit(steps=20)
    alone.lr = 0.01
    alone.fit(steps=30)
    assert same(alone, compared.trainers[0]) and compared.names == ["lr 0.01", "lr 0.1"]


def test_other_layers_begin_with_weights_of_their_own():
    run = trainer(hidden=(6, 6))
    deep = different(run, {"depth": 4})
    made = nb.nn.mlp([2, 6, 6, 6, 6, 1], activation="tanh", seed=0)
    np.testing.assert_array_equal(deep.theta, made.theta)
    run.fit(steps=5)
    assert different(run, {"depth": 4}).steps == 5  # in the middle the weights stay


def test_reset_goes_back_to_where_they_began_with_the_knobs_as_they_are():
    run = trainer()
    run.fit(steps=20)
    compared = Comparison(*(different(run, {"lr": lr}) for lr in (0.01, 0.1)))
    compared.fit(15)
    compared.set(batch_size=4, activation="relu")
    compared.fit(15)
    compared.trainers[0].lr = 0.05
    compared.reset()
    assert compared.steps == 20 and compared.status == "ready" and compared.spent(0, "samples")[1].tolist() == [0]
    compared.fit(25)
    alone = trainer()
    alone.fit(steps=20)
    alone.set(lr=0.05, batch_size=4, activation="relu")
    alone.fit(steps=25)
    assert same(alone, compared.trainers[0]) and compared.names == ["lr 0.05", "lr 0.1"]


def test_reset_brings_back_one_that_has_diverged():
    compared = Comparison(trainer(activation="relu"), wild())
    compared.fit(20)
    compared.reset()
    assert compared.steps == 0 and not compared.message and compared.trainers[1].status == "ready"


# ---------------------------------------------------------------------------------------------------------- names

NAMES = [
    ([{"lr": 0.01}, {"lr": 1.0}], ["lr 0.01", "lr 1"]),
    ([{}, {"activation": "relu"}, {"lr": 0.5}], ["as it is", "activation relu", "lr 0.5"]),
    ([{}, {"activation": "relu", "lr": 0.5}], ["activation tanh, lr 0.1", "activation relu, lr 0.5"]),
    ([{"depth": 2}, {"depth": 4}], ["depth 2", "depth 4"]),
    ([{"width": 3}, {"width": 6}], ["width 3", "width 6"]),
    ([{"hidden": (8, 4)}, {}], ["layers 8-4", "layers 2×6"]),
    ([{"optimizer": "adam"}, {}], ["optimizer adam", "optimizer sgd"]),
    ([{"optimizer": "momentum"}, {}], ["optimizer momentum", "optimizer sgd"]),
    ([{"clip": 1.0}, {}], ["clip 1", "no clip"]),
    ([{"batch_norm": True}, {}], ["batch norm", "no batch norm"]),
    ([{"frozen": ["hidden 1"]}, {}], ["frozen hidden 1", "nothing frozen"]),
    ([{"loss": "mse"}, {}], ["loss mse", "loss bce"]),
    ([{}, {}], ["run 1", "run 2"]),
    ([{"lr": 0.5}, {"lr": 0.5}, {}], ["lr 0.5 (1)", "lr 0.5 (2)", "lr 0.1"]),
]


@pytest.mark.parametrize(("changes", "names"), NAMES, ids=lambda each: str(each)[:40])
def test_a_run_is_called_what_is_different_about_it(changes, names):
    run = trainer()
    compared = Comparison(*(different(run, each) for each in changes))
    assert compared.names == list(compared.runs) == [member.name for member in compared.members] == names


def test_what_is_no_knob_is_seen_too():
    a, b = trainer(), trainer(seed=1)
    assert Comparison(a, b).names == ["seed 0", "seed 1"]
    he = nb.Trainer(nb.nn.mlp([2, 6, 6, 1], init="he", seed=0), nb.data.moons(samples=60, noise=0.2, seed=0), seed=0,
                    optimizer="sgd", lr=0.1, batch_size=16)  # fmt: skip
    assert Comparison(a, he).names == ["init xavier", "init he"]
    circles = nb.Trainer(nb.nn.mlp([2, 6, 6, 1], seed=0), nb.data.circles(samples=60, seed=0), seed=0,
                         optimizer="sgd", lr=0.1, batch_size=16)  # fmt: skip
    assert Comparison(a, circles).names == ["data moons", "data circles"]
    assert Comparison(a, trainer()).names == ["run 1", "run 2"]  # the same numbers are the same data


def test_names_follow_what_is_turned():
    compared = Comparison(*(different(trainer(), {"lr": lr}) for lr in (0.01, 0.1)))
    compared.runs["lr 0.1"].lr = 0.3
    assert compared.names == ["lr 0.01", "lr 0.3"]
    compared.set(lr=0.2)
    assert compared.names == ["run 1", "run 2"]
    assert Comparison(trainer(), trainer(), names=["a", "b"]).names == ["a", "b"]


def test_a_knob_reads_what_all_stand_at():
    compared = Comparison(*(different(trainer(), {"lr": lr}) for lr in (0.01, 0.1)))
    assert (compared.batch_size, compared.activation, compared.data.name) == (16, "tanh", "moons")
    with pytest.raises(ValueError, match=r"lr differs from run to run: lr 0\.01, lr 0\.1"):
        compared.lr  # noqa: B018
    compared.lr = 0.2
    assert compared.lr == 0.2


# ----------------------------------------------------------------------------------------------------- what is spent


@pytest.mark.parametrize(
    "knobs", [{}, {"batch_size": 7}, {"batch_size": 7, "drop_last": True}, {"accumulate": 3}, {"batch_size": 100}]
)
def test_samples_and_evaluations_are_counted_as_they_are(knobs):
    counted, seen = trainer(**{"batch_size": 16, **knobs}), []
    feed = counted._run.batches
    draw = feed.next
    feed.next = lambda *args: (batch := draw(*args), seen.append(len(batch)))[0]
    compared = Comparison(counted, trainer())
    compared.fit(13)
    steps, samples = compared.spent(0, "samples")
    assert steps.tolist() == list(range(14)) and samples[0] == 0 and samples[-1] == sum(seen)
    assert compared.spent(0, "evaluations")[1][-1] == len(seen) == 13 * counted.accumulate
    seconds = compared.spent(0, "seconds")[1]
    assert len(seconds) == 14 and (np.diff(seconds) > 0).all()


def test_made_batches_are_counted_too():
    def batches(rng):
        return {"x": rng.normal(size=(5, 2)).astype(np.float32)}

    def run():
        objective = nb.Objective(lambda model, batch: (model(batch["x"]) ** 2).mean(), batches=batches)
        return nb.Trainer(nb.nn.mlp([2, 3, 1], seed=0), objective=objective, seed=0)

    compared = Comparison(run(), run())
    compared.fit(4)
    assert compared.spent(0, "samples")[1][-1] == 20


def test_what_is_spent_goes_back_with_the_run():
    compared = Comparison(trainer(), trainer(lr=0.02))
    compared.fit(20)
    compared.trainers[0].rewind(5)
    compared.fit(1)
    steps, samples = compared.spent(0, "evaluations")
    assert steps[-1] == samples[-1] == 21 and (np.diff(steps) > 0).all() and (np.diff(samples) > 0).all()


def test_what_is_kept_is_bounded_and_its_ends_are_exact():
    compared = Comparison(trainer(hidden=(2,)), trainer(hidden=(2,), lr=0.2))
    compared.fit(9001)
    steps, spent = compared.spent(0, "evaluations")
    assert len(steps) <= 4098 and (steps[0], steps[-1]) == (0, 9001) and np.array_equal(steps, spent)


# --------------------------------------------------------------------------------------------------------- manners


def test_what_cannot_be_compared_is_refused_in_words():
    a = trainer()
    with pytest.raises(ValueError, match="expected two to six trainers to compare, got 1"):
        Comparison(a)
    with pytest.raises(ValueError, match="expected two to six trainers to compare, got 7"):
        Comparison(*(trainer() for _ in range(7)))
    with pytest.raises(ValueError, match=r"the same trainer was given twice: trainer\.branch\(\)"):
        Comparison(a, a)
    with pytest.raises(TypeError, match="a moment of the past makes no steps"):
        Comparison(a, a.at(0))
    with pytest.raises(TypeError, match=r"expected Trainers to compare, .* got Sequential"):
        Comparison(a, a.model)
    with pytest.raises(ValueError, match="names: expected 2 different names"):
        Comparison(a, trainer(), names=["a"])
    compared = Comparison(a, trainer())
    with pytest.raises(AttributeError, match="no knob 'lrr'; did you mean 'lr'"):
        compared.set(lrr=1)
    with pytest.raises(AttributeError, match="a Comparison has no 'speeed'"):
        compared.speeed = 3
    with pytest.raises(ValueError, match="steps"):
        compared.fit(-1)


def test_a_bad_value_is_refused_for_all_before_any_is_turned():
    compared = Comparison(trainer(), nb.Trainer(nb.nn.Linear(2, 1), nb.data.moons(samples=60, noise=0.2, seed=0)))
    with pytest.raises(ValueError, match="depth"):
        compared.set(batch_size=4, depth=3)
    assert [run.batch_size for run in compared.trainers] == [16, 32] and compared.trainers[0].depth == 2


def test_another_thread_that_trains_one_of_them_is_not_disturbed():
    a, b = trainer(), trainer(lr=0.02)
    compared, inside, go = Comparison(a, b), threading.Event(), threading.Event()

    @a.on("step")
    def wait(_):
        inside.set()
        go.wait(10)

    thread = threading.Thread(target=lambda: a.fit(steps=1))
    thread.start()
    inside.wait(10)
    try:
        with pytest.raises(RuntimeError, match="another thread trains one of these runs"):
            compared.fit(1)
    finally:
        go.set()
        thread.join()
    a.off("step", wait)
    compared.fit(1)
    assert a.steps == b.steps == 2


def test_nothing_is_left_after_close():
    run = trainer()
    compared = Comparison(*(different(run, {"lr": lr}) for lr in (0.01, 0.1)))
    compared.fit(5)
    left = [weakref.ref(each) for each in (compared, *compared.trainers)]
    compared.close()
    assert not compared.watchers and not compared.playing
    del compared
    gc.collect()
    assert [each() for each in left] == [None] * 3 and run.watchers == set()
