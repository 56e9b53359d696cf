"""Single samples turned while a run goes on: left out, weighed, relabelled; and the way back."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nbprop as nb
from nbprop.record.samples import Course
from nbprop.training.batches import Batches
from nbprop.training.sharing import code, from_code


def trainer(loss=None, data=None, **settings):
    data = nb.data.moons(samples=60, seed=0) if data is None else data
    outputs = data.outputs
    return nb.Trainer(nb.nn.mlp([data.inputs, 6, outputs], seed=0, dtype=np.float64), data, loss, seed=0, **settings)


def grown(made, steps):
    made.fit(steps=steps, bar=False)
    return made.theta.copy()


@given(st.integers(2, 40), st.integers(1, 50), st.booleans(), st.integers(0, 2**31), st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_left_out_is_never_drawn_and_all_others_once_an_epoch(n, size, drop_last, seed, data):
    gone = data.draw(st.sets(st.integers(0, n - 1), max_size=n - 1))
    batches = Batches(n, seed)
    for _ in range(data.draw(st.integers(0, 3))):
        batches.next(size, drop_last)
    batches.kept = ~np.isin(np.arange(n), list(gone))
    passed, rest = set(batches._order[: batches.position].tolist()), []
    while batches.epochs < 3:
        state, before = batches.state(), batches.epochs
        drawn = batches.next(size, drop_last)
        again = Batches(n, seed)
        again.kept = batches.kept
        again.restore(state)
        assert np.array_equal(again.next(size, drop_last), drawn)
        assert 0 < len(drawn) <= size and not gone & set(drawn.tolist())
        if batches.epochs != before:
            full = n - len(gone) - len(passed - gone)
            assert len(set(rest)) == len(rest) and (len(rest) == full or (drop_last and full - len(rest) < size))
            passed, rest = set(), []
        rest += drawn.tolist()


def test_leaving_samples_out_is_training_without_them():
    whole = nb.data.moons(samples=60, seed=0)
    gone = [3, 7, 20]
    keep = np.setdiff1d(np.arange(len(whole.X_train)), gone)
    less = nb.data.from_arrays(whole.X_train[keep], whole.y_train[keep], whole.X_val, whole.y_val, seed=0)
    made, other = trainer(data=whole, batch_size=64), trainer(data=less, batch_size=64)
    made.drop_samples(*gone)
    np.testing.assert_allclose(grown(made, 30), grown(other, 30), rtol=1e-9, atol=1e-12)  # batches of all: any order
    assert made.evaluate()["train_loss"] == pytest.approx(other.evaluate()["train_loss"], rel=1e-6)
    assert len(made.observe().x) == len(keep)


def test_a_relabelled_sample_is_learned_as_if_the_data_had_that_label():
    whole = nb.data.moons(samples=60, seed=0)
    y = whole.y_train.copy()
    y[[3, 5]] = 1 - y[[3, 5]]
    other = nb.data.from_arrays(whole.X_train, y, whole.X_val, whole.y_val, seed=0, classes=whole.classes)
    made = trainer(data=whole)
    made.relabel(3, int(y[3]))
    made.relabel(5, whole.classes[y[5]])
    assert np.array_equal(grown(made, 50), grown(trainer(data=other), 50))
    assert np.array_equal(made.data.y_train, y) and made.data.X_train is whole.X_train
    assert np.array_equal(made.observe(3).dz[-1], trainer(data=other).observe(3).dz[-1]) is False  # it has learned
    made.relabel(3, None)
    assert made.relabelled == ((5, y[5]),) and made.data.y_train[3] == whole.y_train[3]
    made.relabel(5, int(whole.y_train[5]))
    assert made.relabelled == () and made.data is whole


LOSSES = ["bce", "hinge", "mse", "mae", nb.nn.BCEWithLogitsLoss(pos_weight=[2.0]), nb.nn.MSELoss(reduction="sum")]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_a_weight_multiplies_the_gradient_of_its_sample(loss):
    made = trainer(loss, batch_size=64, optimizer="sgd", lr=0.1)
    n, model = len(made.data.X_train), made.model
    alone = []
    for i in range(n):
        alone.append(made.observe(i).gradient)
    weights = np.ones(n)
    weights[[2, 9]] = 0.5, 3
    made.weigh(2, weight=0.5)
    made.weigh(9, weight=3)
    before = made.theta.copy()
    made.fit(steps=1, bar=False)
    mean = sum(w * g for w, g in zip(weights, alone, strict=True)) / (1 if "sum" in str(loss) else n)
    np.testing.assert_allclose(made.observe().gradient, mean, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(made.theta, before - 0.1 * mean, rtol=1e-9, atol=1e-12)
    assert model is made.model and made.replayed


def test_weights_of_classes_and_regression():
    data = nb.data.digits(seed=0)
    made = nb.Trainer(nb.nn.mlp([64, 8, 10], seed=0), data, seed=0)
    made.weigh(0, 1, weight=2)
    made.relabel(4, 3)
    grown(made, 5)
    assert made.replayed and made.sample_weights == ((0, 2.0), (1, 2.0)) and made.relabelled == ((4, 3),)
    sine = trainer(data=nb.data.wave(samples=60, seed=0))
    sine.weigh(0, weight=0.1)
    grown(sine, 5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_replayed_step_with_weights_is_that_of_computing_anew(dtype):
    class Own(nb.nn.Module):
        def __init__(self):
            self.net = nb.nn.mlp([2, 6, 1], seed=0, dtype=dtype)

        def forward(self, x):
            return self.net(x)

    made = [nb.Trainer(model, "moons", seed=0) for model in (nb.nn.mlp([2, 6, 1], seed=0, dtype=dtype), Own())]
    for each in made:
        each.weigh(0, 3, weight=0.25)
        each.drop_samples(5)
    assert made[0].replayed and not made[1].replayed
    assert np.array_equal(grown(made[0], 60), grown(made[1], 60))


def turned(made):
    made.fit(steps=13, bar=False)
    made.drop_samples(3, 7)
    made.fit(steps=10, bar=False)
    made.relabel(4, 1 - int(made.data.y_train[4]))
    made.fit(steps=10, bar=False)
    made.weigh(5, 7, weight=0.5)
    made.fit(steps=12, bar=False)
    return made


def test_turns_are_rewound_undone_branched_and_made_again(tmp_path):
    made = turned(trainer(batch_size=8))
    theta = made.theta.copy()
    assert [event.text for event in made.history.events] == [
        "samples left out: 3, 7",
        f"sample relabelled: 4 as class {made.data.y_train[4]}",
        "samples weight of 5: 0.5; weight of 7: 0.5",
    ]
    made.rewind(40)
    made.fit(steps=5, bar=False)
    assert np.array_equal(made.theta, theta)
    for step, weights, labels in ((10, 0, 0), (20, 2, 0), (30, 2, 1)):
        moment = made.at(step)
        assert (len(moment.sample_weights), len(moment.relabelled)) == (weights, labels)
        made.rewind(step)
        assert (len(made.sample_weights), len(made.relabelled)) == (weights, labels)
        made.undo()
        assert np.array_equal(made.theta, theta) and dict(made.sample_weights) == {3: 0.0, 5: 0.5, 7: 0.5}
    made.undo()  # the way back to step 40
    made.undo()  # the weights
    assert made.sample_weights == ((3, 0.0), (7, 0.0)) and len(made.relabelled) == 1
    made.redo()
    made.redo()
    assert np.array_equal(made.theta, theta)
    made.save(tmp_path / "run")
    again = nb.Trainer.load(tmp_path / "run", data=nb.data.moons(samples=60, seed=0))
    other = made.branch()
    assert again.sample_weights == other.sample_weights == made.sample_weights
    assert np.array_equal(grown(again, 25), grown(made, 25)) and np.array_equal(grown(other, 25), made.theta)


def test_a_script_and_a_code_make_the_run_again():
    made = turned(nb.Trainer(nb.nn.mlp([2, 6, 1], seed=0), "moons", seed=0))
    told = from_code(code(made))
    again = told.trainer()
    told.repeat(again)
    assert np.array_equal(again.theta, made.theta) and again.sample_weights == made.sample_weights
    names = {}
    exec(made.script().replace("print", "str"), names)
    assert np.array_equal(names["trainer"].theta, made.theta)
    with pytest.raises(ValueError, match="single samples were left out, weighed or relabelled"):
        made.script("torch")


def test_another_loss_keeps_them_and_other_data_forget_them():
    made = turned(trainer())
    weights, labels = made.sample_weights, made.relabelled
    made.loss = "hinge"
    assert (made.sample_weights, made.relabelled) == (weights, labels)
    grown(made, 3)
    made.data = nb.data.circles(samples=60, seed=0)
    assert (made.sample_weights, made.relabelled) == ((), ())
    assert made.history.events[-1].text == "data circles: no sample is left out, weighed or relabelled any more"
    made.undo()
    assert (made.sample_weights, made.relabelled) == (weights, labels)


def own_loss(output, y):
    return ((output[..., 0] - y) ** 2).mean()


def test_what_cannot_be_done_is_refused_in_words():
    made = trainer()
    n = len(made.data.X_train)
    for act, error, words in (
        (lambda: made.drop_samples(n), ValueError, f"a training sample .* {n - 1}"),
        (lambda: made.weigh(0, weight=-1), ValueError, "the weight of 0"),
        (lambda: made.weigh(0, weight=np.nan), ValueError, "the weight of 0"),
        (lambda: made.drop_samples(*range(n)), ValueError, "all samples were to be left out"),
        (lambda: made.relabel(0, 2), ValueError, "the class of sample 0"),
        (lambda: made.relabel(0, "cat"), ValueError, "expected a class out of"),
        (lambda: made.set(sample_weights=[3]), TypeError, r"expected pairs of a sample and its weight"),
        (lambda: made.set(relabelled="ab"), TypeError, r"expected pairs of a sample and its class"),
        (lambda: trainer(data=nb.data.wave(samples=60, seed=0)).relabel(0, 1), ValueError, "targets of regression"),
        (lambda: trainer(own_loss).weigh(0, weight=0.5), ValueError, "only be left out"),
    ):
        with pytest.raises(error, match=words):
            act()
    assert made.sample_weights == made.relabelled == () and not made.history.events
    left = trainer(own_loss)
    left.drop_samples(3)
    grown(left, 3)

    def loss(model, batch):
        return model(batch).mean()

    own = nb.Trainer(nb.nn.mlp([2, 1], seed=0), objective=nb.Objective(loss, np.ones((8, 2), np.float32)), seed=0)
    with pytest.raises(ValueError, match="this objective is your own"):
        own.drop_samples(0)
    assert own.sample_weights == own.relabelled == ()


def test_class_weights_divide_the_mean_so_no_sample_can_be_weighed():
    made = nb.Trainer(nb.nn.mlp([64, 4, 10], seed=0), "digits", nb.nn.CrossEntropyLoss(weight=[1.0] * 10), seed=0)
    with pytest.raises(ValueError, match="weights of the classes"):
        made.weigh(0, weight=2)
    made.drop_samples(0)
    grown(made, 2)


def test_what_the_weights_pull_is_in_the_gradient_of_the_batch():
    """The deltas of a step hold the weights, so the pulls of the network view do."""
    made = trainer(batch_size=64, optimizer="sgd", lr=0.0)
    made.weigh(2, weight=4)
    made.fit(steps=1, bar=False)
    seen = made.observe()
    row = np.flatnonzero((seen.x == made.data.X_train[2]).all(axis=1))
    dz = made.observe(2).dz[-1]
    np.testing.assert_allclose(len(seen.x) * seen.dz[-1][row], 4 * dz)


# ---- what is measured of them ----------------------------------------------------------------------------------------


MODELS = {
    "mlp": (lambda: nb.nn.mlp([2, 6, 5, 1], seed=0, dtype=np.float64), "moons", "of all parameters"),
    "dropout": (lambda: nb.nn.mlp([2, 6, 1], seed=0, dtype=np.float64, dropout=0.5), "moons", "of all parameters"),
    "digits": (lambda: nb.nn.mlp([64, 6, 10], seed=0, dtype=np.float64), "digits", "of all parameters"),
    "wave": (lambda: nb.nn.mlp([1, 6, 1], seed=0, dtype=np.float64), "wave", "of all parameters"),
}


@pytest.mark.parametrize("name", MODELS)
def test_losses_and_gradient_norms_are_those_of_each_sample_alone(name):
    make, data, words = MODELS[name]
    made = nb.Trainer(make(), data, seed=0)
    made.fit(steps=20, bar=False)
    theta, generators = made.theta.copy(), [each.bit_generator.state for each in made.model.generators()]
    found = made.measure_samples()
    assert made.samples.gradient == words and len(made.samples.numbers) == len(found["sample_loss"]) <= 512
    for k in (0, 5, 17):
        seen = made.observe(int(made.samples.numbers[k]))
        assert found["sample_loss"][k] == pytest.approx(seen.loss, rel=1e-5)
        assert found["sample_gradient"][k] == pytest.approx(np.linalg.norm(seen.gradient), rel=1e-5)
    assert np.array_equal(made.theta, theta)
    assert [each.bit_generator.state for each in made.model.generators()] == generators
    if name == "wave":
        assert "sample_right" not in found
    elif len(found["sample_loss"]) < 512:
        said = made.predict(made.data.X_train)[:, 0] > 0.5
        assert np.array_equal(found["sample_right"], said == made.data.y_train)


def test_what_is_no_linear_layer_is_left_out_and_said():
    data = nb.data.digits(image=True, seed=0)
    net = nb.nn.Sequential(nb.nn.Conv2d(1, 4, 3), nb.nn.ReLU(), nb.nn.Flatten(), nb.nn.Linear(4 * 36, 10))
    made = nb.Trainer(net, data, seed=0)
    found = made.measure_samples()
    assert made.samples.gradient == "of the Linear layer output alone" and len(found["sample_loss"]) == 512
    seen, last = made.observe(int(made.samples.numbers[3])), made.layers[-1]
    own = np.concatenate([seen.gradient[last.weight], seen.gradient[last.bias]])
    assert found["sample_gradient"][3] == pytest.approx(np.linalg.norm(own), rel=1e-4)


@pytest.mark.parametrize("frozen", [("hidden 1",), ("output",), ()])
def test_frozen_layers_and_units_have_no_part_in_the_norm(frozen):
    made = trainer()
    made.freeze(*frozen) if frozen else made.freeze("hidden 1", unit=2)
    found = made.measure_samples()
    gradient = made.observe(4).gradient.copy()
    for part in made.model.frozen_slices():
        gradient[part] = 0
    assert found["sample_gradient"][4] == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
    assert made.samples.gradient == "of all parameters"


def test_sequences_have_the_norm_of_the_sum_over_their_places():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5, 3)).astype(np.float32)
    data = nb.data.from_arrays(X, (X.sum(axis=2) > 0).astype(int), validation=0, seed=0)
    net = nb.nn.Sequential(nb.nn.Linear(3, 4, dtype=np.float64), nb.nn.Tanh(), nb.nn.Linear(4, 1, dtype=np.float64))
    made = nb.Trainer(net, data, seed=0)
    found = made.measure_samples()
    for i in (0, 7):
        assert found["sample_gradient"][i] == pytest.approx(np.linalg.norm(made.observe(i).gradient), rel=1e-5)
        assert found["sample_loss"][i] == pytest.approx(made.observe(i).loss, rel=1e-5)
    with pytest.raises(ValueError, match="a label for every time step"):
        made.relabel(0, 1)


def test_a_function_as_loss_is_asked_of_each_sample_alone():
    made = trainer(own_loss)
    found = made.measure_samples()
    assert found["sample_loss"][3] == pytest.approx(made.observe(3).loss, rel=1e-5)
    assert found["sample_gradient"][3] == pytest.approx(np.linalg.norm(made.observe(3).gradient), rel=1e-5)


def test_it_is_recorded_only_while_somebody_asks_and_changes_no_step():
    quiet, watched = trainer(), trainer()
    watched.watch(on=False, samples=True)
    assert np.array_equal(grown(quiet, 100), grown(watched, 100))
    assert "sample_loss" not in quiet.history.columns
    steps, losses = watched.history.series("sample_loss")
    assert steps.tolist() == [20, 40, 60, 80, 100] and losses.shape == (5, len(watched.data.X_train))
    assert watched.history["sample_right"].shape == watched.history["sample_gradient"].shape == losses.shape
    watched.rewind(50)
    assert watched.history.series("sample_loss")[0].tolist() == [20, 40]
    assert "sample_loss[3]" in watched.history.to_csv().splitlines()[0]
    watched.data = nb.data.circles(samples=60, seed=0)
    assert watched.samples.of == len(watched.data.X_train) and "sample_loss" not in watched.history.columns


def test_a_long_run_is_measured_so_seldom_that_it_costs_little():
    made = trainer(data=nb.data.moons(seed=0), evaluate_every=20)
    made.watch(on=False, samples=True)
    made.fit(steps=1000, bar=False)
    steps = made.history.series("sample_loss")[0]
    assert steps[:10].tolist() == list(range(20, 201, 20)) and set(np.diff(steps[10:])) == {80}
    full = trainer(data=nb.data.moons(seed=0), batch_size=300)
    full.watch(on=False, samples=True)
    full.fit(steps=400, bar=False)
    assert len(full.history.series("sample_loss")[0]) == 20


def test_memory_is_bounded_whatever_the_data_and_the_run():
    history = nb.History()
    for step in range(3000):
        history.add("sample_loss", step, np.zeros(512, np.float32))
    column = history.columns["sample_loss"]
    assert column._values.nbytes <= 2**19 and len(column) >= 64
    layers = nb.History()
    for step in range(1030):
        layers.add("dW", step, np.zeros(20, np.float32))
    assert layers.columns["dW"].interval == 2  # as ever


def test_of_many_samples_always_the_same_512_are_measured():
    made = trainer(data=nb.data.moons(samples=2000, seed=0))
    assert len(made.samples.numbers) == 512 and made.samples.of == 1500
    numbers = made.samples.numbers
    made.relabel(int(numbers[0]), 1 - int(made.data.y_train[numbers[0]]))
    assert np.array_equal(made.samples.numbers, numbers)
    assert made.samples.labels[0] != made.samples.own[0] and made.samples.place(int(numbers[7])) == 7


def test_a_moment_has_the_labels_of_then():
    made = turned(trainer())
    made.watch(on=False, samples=True)
    made.fit(steps=20, bar=False)
    then = made.at(10)
    assert (then.samples.weights == 1).all() and (then.samples.labels == then.samples.own).all()
    assert made.samples.weights[3] == 0 and (made.samples.labels != made.samples.own).sum() == 1
    assert then.measure_samples()["sample_loss"].shape == made.samples.numbers.shape


@pytest.mark.parametrize(("name", "steps"), [("moons", 1000), ("digits", 300)])
def test_labels_that_were_turned_over_are_among_those_that_stand_out(name, steps):
    data, rng = nb.data.dataset(name, seed=0), np.random.default_rng(0)
    made = nb.Trainer(nb.nn.mlp([data.inputs, 32, data.outputs], seed=0), data, lr=0.01, seed=0)
    numbers, classes = made.samples.numbers, len(data.classes)
    wrong = rng.choice(numbers, 12, replace=False)
    for i in wrong:
        made.relabel(int(i), int((made.data.y_train[i] + rng.integers(1, classes)) % classes))
    made.watch(on=False, samples=True)
    made.fit(steps=steps, bar=False)
    series = made.history.series
    course = Course(*series("sample_loss"), series("sample_gradient")[1], series("sample_right")[1])
    named = numbers[course.suspects(np.ones(len(numbers), bool))]
    assert len(named) <= 15 and len(set(named) & set(wrong)) >= 10


@pytest.mark.parametrize("every", [1, 7, 20, 96])
def test_a_full_column_drops_every_second_record_whatever_steps_they_are_of(every):
    history = nb.History(capacity=256)
    for k in range(1, 700):
        history.add("sharpness", k * every, k)
        history.add("sample_loss", k * every, np.full(4, k))
    for name in ("sharpness", "sample_loss"):
        steps, values = history.series(name)
        assert 32 <= len(steps) < 256 and np.array_equal(steps, every * values.reshape(len(steps), -1)[:, 0])
        assert len(set(np.diff(steps))) == 1


def test_what_would_leave_a_batch_of_one_is_refused_where_that_cannot_be_trained():
    moons = nb.data.moons(samples=60, seed=0)
    data = nb.data.from_arrays(moons.X_train[:33], moons.y_train[:33], moons.X_val, moons.y_val, seed=0)
    made = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), data, batch_size=16, drop_last=False, seed=0)
    made.drop_samples(0)
    made.batch_norm = True  # two batches of 16
    with pytest.raises(ValueError, match="leave one of 33 training samples over"):
        made.weigh(0, weight=1)
    full = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), data, optimizer="lbfgs", batch_size=33, seed=0)
    full.drop_samples(0)
    full.batch_size = 32
    with pytest.raises(ValueError, match="batch_size must be at least 33"):
        full.weigh(0, weight=1)


def test_samples_of_arrays_without_a_task_can_be_left_out():
    def loss(output, y):
        return ((output - y) ** 2).mean()

    X = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    made = nb.Trainer(nb.nn.mlp([1, 4, 1], seed=0), nb.data.Arrays(X, 2 * X, validation=0.25, seed=0), loss, seed=0)
    made.drop_samples(0, 3)
    made.fit(steps=20, bar=False)
    assert len(made.measure_samples()["sample_loss"]) == 30 and (made.samples.weights == 0).sum() == 2
    with pytest.raises(ValueError, match="say no task"):
        made.relabel(0, 1)
    batches = nb.Trainer(nb.nn.mlp([1, 4, 1], seed=0), (X, 2 * X), batch_size=1, seed=0)
    batches.drop_samples(*range(1, 30))
    batches.fit(steps=5, bar=False)
    assert batches.epoch > 4 and np.array_equal(batches.observe().x, batches.data.X_train[:1])
