"""The sharpness of a run: progressive sharpening and the edge of stability, what is recorded, and that nothing of the
run is changed by measuring it."""

import asyncio
import copy
import pickle

import numpy as np
import pytest

import nbprop as nb
from nbprop.theory import stability
from nbprop.training.around import Around

X = np.linspace(-1, 1, 20, dtype=np.float32)[:, None]
Y = np.cos(4 * np.arccos(X.clip(-1, 1))).astype(np.float32)  # a Chebyshev polynomial, as in Cohen et al. 2021


def full_batch(lr=0.1, optimizer="sgd", hidden=(30, 30), **options):
    model = nb.nn.mlp([1, *hidden, 1], activation="tanh", seed=0)
    data = nb.data.Arrays(X, Y, validation=0)
    objective = nb.training.Supervised(data, "mse")
    return nb.Trainer(model, objective=objective, optimizer=optimizer, lr=lr, batch_size=20, seed=0, **options)


def dense(trainer):
    """The largest eigenvalue of the whole Hessian, by differences of another width."""
    around = Around(trainer._run, statistics=True)
    columns = []
    for unit in 1e-5 * np.eye(around.theta.size):
        above = around.gradient(around.theta + unit).copy()
        columns.append((above - around.gradient(around.theta - unit)) / 2e-5)
    free = np.ones(around.theta.size, bool)
    for part in around.frozen:
        free[part] = False
    H = np.array(columns)[np.ix_(free, free)]
    return np.linalg.eigvalsh((H + H.T) / 2)[-1]


def test_gradient_descent_sharpens_until_the_edge_of_stability_and_stays_there():
    trainer = full_batch(lr=0.1, hidden=(20, 10), evaluate_every=10)
    trainer.watch(sharpness=True)
    found = []
    for _ in range(14):
        trainer.fit(steps=150, bar=False)
        found.append(dense(trainer))
        assert trainer.history["sharpness"][-1] == pytest.approx(found[-1], rel=1e-3)
    steps, values = trainer.history.series("sharpness")
    assert steps.tolist() == list(range(10, 2101, 10))
    assert (trainer.history["stable"] == 20).all()
    start = values[:10]
    assert (np.diff(start) > 0).all() and start[-1] < 15  # progressive sharpening
    np.testing.assert_allclose(values[-60:], 20, rtol=0.12)  # then the edge, 2 / lr
    assert np.mean(values[-60:]) == pytest.approx(20, rel=0.03)
    losses = trainer.history["loss"]
    assert losses[-1] < 0.5 * losses[1000]  # while the loss goes on to fall


@pytest.mark.parametrize(
    ("optimizer", "threshold", "formula"),
    [
        (nb.optim.SGD(lr=0.1), 20, "2/lr"),
        (nb.optim.SGD(lr=0.1, momentum=0.9), 38, "2(1+μ)/lr"),
        (nb.optim.SGD(lr=0.1, momentum=0.9, nesterov=True), 38 / 2.8, "2(1+μ)/((1+2μ)lr)"),
        (nb.optim.SGD(lr=0.1, weight_decay=0.5), 19.5, "2/lr − weight decay"),
        (nb.optim.SGD(lr=0.1, schedule=lambda t: 0.5), 40, "2/lr"),
    ],
)
def test_what_is_stable_is_what_a_parabola_of_that_curvature_says(optimizer, threshold, formula):
    found = stability(optimizer)
    assert found.threshold == pytest.approx(threshold) and found.formula == formula
    for curvature, grows in ((0.98 * threshold, False), (1.02 * threshold, True)):
        theta, each = np.ones(1), optimizer.copy()
        for _ in range(600):
            each.update(theta, curvature * theta)
            if abs(theta[0]) > 1e6:
                break
        assert (abs(theta[0]) > 1) == grows


def test_of_adam_no_such_number_holds_and_it_says_so():
    for name in ("adam", "rmsprop", "adagrad", "adamw"):
        found = stability(nb.optim.optimizer(name))
        assert np.isnan(found.threshold) and not found.formula and "preconditioned" in found.words
    assert "nothing moves" in stability(nb.optim.SGD(lr=0)).words


def test_words_say_under_which_condition_it_holds():
    trainer = full_batch()
    assert "small batches" not in trainer.stability().words
    trainer.batch_size, trainer.clip = 5, 1.0
    assert "with small batches it mostly stays below" in trainer.stability().words
    assert "clipped" in trainer.stability().words


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_nothing_of_the_run_depends_on_whether_it_is_measured(optimizer):
    found = []
    for watched in (False, True):
        model = nb.nn.mlp([2, 16, 16, 1], seed=0, dropout=0.2)
        trainer = nb.Trainer(model, nb.data.moons(samples=60, seed=0), optimizer=optimizer, seed=0, evaluate_every=5)
        trainer.watch(sharpness=watched)
        trainer.fit(steps=20, bar=False)
        trainer.set(lr=0.05, depth=3)
        trainer.fit(steps=20, bar=False)
        found.append((trainer.theta.copy(), trainer.history["loss"].copy(), trainer.replayed.why))
    (theta, loss, why), (other, losses, reason) = found
    np.testing.assert_array_equal(theta, other)
    np.testing.assert_array_equal(loss, losses)
    assert why == reason
    assert len(trainer.history["sharpness"]) == 8


def test_rewinding_forgets_it_and_the_same_steps_are_recorded_again():
    trainer = full_batch(evaluate_every=10)
    trainer.watch(sharpness=True)
    trainer.fit(steps=100, bar=False)
    steps, values = (each.copy() for each in trainer.history.series("sharpness"))
    trainer.rewind(45)
    assert trainer.history.series("sharpness")[0].tolist() == [10, 20, 30, 40]
    trainer.fit(steps=55, bar=False)
    assert trainer.history.series("sharpness")[0].tolist() == steps.tolist()
    np.testing.assert_allclose(trainer.history["sharpness"], values, rtol=1e-3)


def test_asked_for_by_hand_it_is_recorded_at_any_step_once():
    trainer = full_batch()
    trainer.fit(steps=7, bar=False)
    value = trainer.sharpness()
    assert value == pytest.approx(dense(trainer), rel=1e-3)
    trainer.sharpness()
    steps, values = trainer.history.series("sharpness")
    assert steps.tolist() == [7] and values[0] == value
    moment = trainer.at(0)
    assert moment.sharpness() == pytest.approx(dense(full_batch()), rel=1e-3)
    assert moment.stability().threshold == pytest.approx(20)


def play(trainer, until, speed=2000):
    async def main():
        trainer.speed = speed
        trainer.play(unseen=True)
        while not until():
            await asyncio.sleep(0.005)
        trainer.pause()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_while_it_plays_it_is_measured_in_slices_and_recorded_at_the_step_that_it_is_of():
    trainer = full_batch(evaluate_every=10)
    trainer.watch(sharpness=True)
    play(trainer, lambda: len(trainer.history.series("sharpness")[0]) >= 4)
    steps, values = trainer.history.series("sharpness")
    assert (steps % 10 == 0).all() and (np.diff(steps) > 0).all()
    whole = full_batch(evaluate_every=10)
    whole.watch(sharpness=True)
    whole.fit(steps=int(steps[-1]), bar=False)
    np.testing.assert_allclose(values, whole.history["sharpness"][steps // 10 - 1], rtol=1e-3)


def test_what_was_being_measured_of_a_run_that_was_rewound_is_let_go_of():
    trainer = full_batch(evaluate_every=10)
    trainer.watch(sharpness=True)
    play(trainer, lambda: trainer._curving.busy and trainer.steps > 5)
    trainer.rewind(3)
    trainer.lr = 0.5  # another future
    trainer.fit(steps=30, bar=False)
    other = full_batch(evaluate_every=10)
    other.watch(sharpness=True)
    other.fit(steps=3, bar=False)
    other.lr = 0.5
    other.fit(steps=30, bar=False)
    np.testing.assert_allclose(trainer.history["sharpness"], other.history["sharpness"], rtol=1e-3)


def test_batch_normalization_goes_by_the_sample_and_dropout_is_off():
    model = nb.nn.Sequential(
        nb.nn.Linear(2, 8), nb.nn.BatchNorm1d(8), nb.nn.Tanh(), nb.nn.Dropout(0.5), nb.nn.Linear(8, 1)
    )
    trainer = nb.Trainer(model, nb.data.moons(samples=60, seed=0), seed=0)
    trainer.fit(steps=5, bar=False)
    before = [array.copy() for _, array in model.named_buffers()]
    assert trainer.sharpness() == pytest.approx(dense(trainer), rel=1e-3)
    for (_, now), then in zip(model.named_buffers(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_frozen_layers_have_no_part_in_it():
    trainer = full_batch(hidden=(6, 6))
    trainer.model[0].requires_grad_(False)
    trainer.fit(steps=1, bar=False)
    assert trainer.sharpness() == pytest.approx(dense(trainer), rel=1e-3)


def test_a_loss_that_is_not_finite_is_nan():
    trainer = full_batch()
    trainer.model.theta[0] = np.inf
    assert np.isnan(trainer.sharpness())


def test_what_has_no_surface_says_why_and_the_run_goes_on(recwarn):
    made = nb.Objective(lambda model, batch: (model(batch) ** 2).mean(), batches=lambda rng: rng.normal(size=(4, 2)))
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), objective=made, evaluate_every=2)
    trainer.watch(sharpness=True)
    trainer.fit(steps=10, bar=False)
    assert "The sharpness cannot be measured: the batches of this objective are made" in trainer.message
    assert "sharpness" not in trainer.history.columns
    with pytest.raises(ValueError, match="sharpness: the batches of this objective are made"):
        trainer.sharpness()
    trainer = full_batch()
    trainer.model.requires_grad_(False)
    with pytest.raises(ValueError, match="frozen"):
        trainer.sharpness()


def test_a_copy_measures_for_itself(tmp_path):
    trainer = full_batch(evaluate_every=10)
    trainer.watch(sharpness=True)
    trainer.fit(steps=20, bar=False)
    for other in (copy.deepcopy(trainer), pickle.loads(pickle.dumps(trainer)), trainer.branch()):
        other.watch(sharpness=True)
        other.fit(steps=10, bar=False)
        assert other.history.series("sharpness")[0].tolist() == [10, 20, 30]
    trainer.save(tmp_path / "run")
    again = nb.Trainer.load(tmp_path / "run", data=nb.data.Arrays(X, Y, validation=0), loss="mse")
    assert again.history.series("sharpness")[0].tolist() == [10, 20]
