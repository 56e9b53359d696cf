"""Single samples seen: who stands out, the one that is chosen, what a hand turns; also of a loop that tells batches."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.record.samples import Course, Samples, keep
from nbprop.views.base.folder import kinds

VIEW = kinds()["Samples"]


def trainer(data="moons", steps=100, flipped=(), outputs=None, **settings):
    data = nb.data.dataset(data, seed=0) if isinstance(data, str) else data
    made = nb.Trainer(nb.nn.mlp([data.inputs, 16, data.outputs], seed=0), data, lr=0.02, seed=0, **settings)
    for i in flipped:
        made.relabel(i, (int(data.y_train[i]) + 1) % len(data.classes))
    made.watch(on=False, samples=True)
    made.fit(steps=steps, bar=False)
    return made


def test_numbers_picture_and_words_agree(ax):
    made = trainer(steps=500, flipped=(12, 40, 77, 120))
    view = VIEW(made)
    frame, labels, words = view.frame(), view.labels(), view.describe()
    losses = made.history["sample_loss"]
    assert (np.diff(frame["values"]) <= 0).all() and sorted(frame["order"]) == list(range(len(losses[0])))
    steps = made.history.series("sample_loss")[0]
    gaps = np.diff(steps, prepend=0)
    np.testing.assert_allclose(frame["values"], np.sort(gaps @ losses / steps[-1])[::-1], rtol=1e-5)
    assert frame["steps"].tolist() == steps.tolist() and frame["band"].shape == (3, len(steps))
    shown = int(frame["order"][int(frame["place"][0])])
    np.testing.assert_array_equal(frame["own"], losses[:, shown])
    out = frame["order"][(frame["state"].astype(int) & 1) > 0].astype(int)
    assert {12, 40, 77, 120} <= set(out) and len(out) == len(frame["named"]) <= 15
    assert f"{len(out)} samples stand out, {out[0]} (label" in words and "never right" in words
    assert labels["shown"][0] == f"sample {shown}, the first of these" and f"Shown: sample {shown}" in words
    assert "By hand: relabelled 12, 40, 77, 120; undo takes back the last." in words
    assert frame["said"].sum() == pytest.approx(1) and frame["x"].tolist() == made.data.X_train[shown].tolist()
    assert view.plot(ax) is ax and view.explain()


@pytest.mark.parametrize("by", ["mean", "loss", "gradient", "forgotten"])
def test_bars_are_sorted_by_what_is_asked(by, ax):
    made = trainer(steps=100)
    view = VIEW(made, by=by, log=True)
    frame = view.frame()
    history = made.history
    course = Course(*history.series("sample_loss"), history["sample_gradient"], history["sample_right"])
    of = {"mean": course.mean, "loss": course.loss[-1], "gradient": course.gradient[-1], "forgotten": course.forgotten}
    np.testing.assert_allclose(frame["values"], np.sort(of[by].astype(np.float64))[::-1], rtol=1e-5)
    assert view.plot(ax) is ax


def test_hands_turn_the_sample_that_is_shown_and_it_stays():
    made = trainer(steps=300, flipped=(40,))
    board = nb.views.Board(nb.views.Samples(made), nb.views.Boundary(made))
    view = board.views[0]
    board.chosen.set(sample=40)
    assert view.labels()["shown"][0] == "sample 40"
    values = view.labels()["values"]
    assert values["drop"] == "leave 40 out" and values["weight"] == 1.0
    own = made.data.classes[nb.data.moons(seed=0).y_train[40]]
    assert values["relabel"] == f"back to {own}"
    view.act("halve", None)
    view.act("halve", None)
    assert made.sample_weights == ((40, 0.25),) and "weight 0.25" in view.describe()
    view.act("weight", 3)
    assert made.sample_weights == ((40, 3.0),)
    view.act("drop", None)
    assert made.sample_weights == ((40, 0.0),) and made.history.events[-1].text == "sample left out: 40"
    assert view.labels()["values"]["drop"] == "take 40 back" and "halve" not in view.labels()["controls"]
    assert "left out 40" in view.describe()
    view.act("drop", None)
    view.act("relabel", None)
    assert made.sample_weights == made.relabelled == ()
    view.act("relabel", None)  # as the network says
    assert dict(made.relabelled) == {40: 1 - int(nb.data.moons(seed=0).y_train[40])}
    made.undo()
    assert made.relabelled == () and board.chosen.sample == 40
    view.act("sample", 40)
    assert board.chosen.sample is None
    with pytest.raises(ValueError, match="no control"):
        view.act("nothing", None)


def test_a_button_acts_on_the_sample_whose_name_it_had():
    made = trainer(steps=100)
    view = VIEW(made)
    named = view.labels()["values"]["drop"]
    made.fit(steps=400, bar=False)  # another may be the first by now
    view.act("drop", None)
    assert named == f"leave {made.sample_weights[0][0]} out"


def test_before_anything_is_measured_it_says_so_and_measures_on_request(ax):
    made = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "moons", seed=0)
    view = VIEW(made)
    assert view.describe() == "Samples were not measured yet: play, or press Measure."
    assert not view.frame()["values"].size and view.labels()["controls"] == ["measure"] and view.plot(ax) is ax
    view.act("measure", None)
    assert view.frame()["steps"].tolist() == [0] and "stand" in view.describe()


def test_a_moment_shows_what_was_known_then(ax):
    made = trainer(steps=200)
    made.drop_samples(3)
    made.fit(steps=100, bar=False)
    then = VIEW(made.at(110))
    assert then.frame()["steps"].tolist() == [20, 40, 60, 80, 100]
    assert "after step 100" in then.describe() and not then.frame()["state"].astype(int).__and__(2).any()
    assert then.labels()["controls"] == ["measure"]
    with pytest.raises(ValueError, match="could be turned"):
        then.act("drop", None)
    early = VIEW(made.at(5))
    assert early.describe() == "Samples were not recorded up to step 5: press Measure."
    early.act("measure", None)
    assert early.frame()["steps"].tolist() == [5] and early.plot(ax) is ax


def test_an_objective_of_ones_own_has_none_and_says_why():
    def loss(model, x):
        return (model(x) ** 2).mean()

    own = nb.Trainer(nb.nn.mlp([2, 2], seed=0), objective=nb.Objective(loss, np.ones((8, 2), np.float32)), seed=0)
    view = VIEW(own)
    assert view.describe().startswith("Samples: single samples have losses where outputs are compared with targets")
    assert view.frame() == {}
    own.watch(samples=True)
    own.fit(steps=40, bar=False)  # nothing is broken by asking
    assert "cannot be measured" in own.message and "sample_loss" not in own.history.columns


@pytest.mark.parametrize("kind", ["picture", "bars", "curves", "text", "regression"])
def test_every_kind_of_sample_is_drawn(kind, ax):
    rng = np.random.default_rng(0)
    if kind == "picture":
        data, net = nb.data.digits(image=True, seed=0), [nb.nn.Flatten(), nb.nn.Linear(64, 10)]
    elif kind == "bars":
        data, net = nb.data.iris(seed=0), [nb.nn.Linear(4, 3)]
    elif kind == "curves":
        X = rng.normal(size=(40, 6, 2))
        data, net = (
            nb.data.from_arrays(X, (X[:, -1, 0] > 0).astype(int), seed=0),
            [nb.nn.Flatten(), nb.nn.Linear(12, 1)],
        )
    elif kind == "text":
        X = rng.integers(0, 3, (40, 5))
        data = nb.data.from_arrays(X, X[:, 0] % 2, vocabulary="abc", seed=0)
        net = [nb.nn.Embedding(3, 2), nb.nn.Flatten(), nb.nn.Linear(10, 1)]
    else:
        data, net = nb.data.wave(seed=0), [nb.nn.Linear(1, 1)]
    made = nb.Trainer(nb.nn.Sequential(*net), data, seed=0)
    made.watch(samples=True)
    made.fit(steps=40, bar=False)
    view = VIEW(made)
    frame, labels = view.frame(), view.labels()
    shown = int(frame["order"][int(frame["place"][0])])
    assert labels["kind"] == ("bars" if kind == "regression" else kind)
    if kind == "text":
        assert labels["text"] == "".join("abc"[token] for token in data.X_train[shown])
    elif kind != "picture":
        np.testing.assert_allclose(frame["x"], data.X_train[shown].T)
    if kind == "regression":
        assert labels["label"] is None and "relabel" not in labels["controls"] and frame["said"].shape == (1,)
    assert view.plot(ax) is ax and view.describe()


def test_what_is_not_finite_is_loud(ax):
    made = trainer(steps=100)
    made.history.columns["sample_loss"]._values[4, :2] = np.nan, np.inf
    view = VIEW(made)
    assert view.describe().startswith("The loss of 2 samples is not finite.")
    assert np.isnan(VIEW(made, by="loss").frame()["values"]).sum() == 1 and view.plot(ax) is ax


class Loop:
    """A loop of one's own that is told which samples a batch holds."""

    status, message = "ready", ""

    def __init__(self, count=30):
        self.steps = self.version = 0
        self.history = nb.History()
        self.samples = Samples(np.arange(count), np.ones(count), count)

    def step(self, indices, losses):
        self.steps, self.version = self.steps + 1, self.version + 1
        keep(self.history, self.samples, self.steps, indices, loss=losses)


def test_a_loop_that_tells_its_batches_is_shown_too(ax):
    loop, rng = Loop(), np.random.default_rng(0)
    true = rng.uniform(0.1, 0.2, 30)
    true[7] = 5.0
    for _ in range(40):
        batch = rng.permutation(30)[:8]
        loop.step(batch, true[batch])
    view = VIEW(loop)
    assert view.frame()["values"][0] == pytest.approx(5.0, rel=1e-5) and view.frame()["order"][0] == 7
    assert "1 sample stands out, 7 (mean loss 5, now 5)" in view.describe()
    assert view.labels()["controls"] == [] and view.frame()["said"].size == 0 and view.plot(ax) is ax


def test_what_a_loop_has_not_seen_yet_is_no_number():
    loop = Loop(5)
    loop.step([1, 4, 9], [0.5, 0.25, 3])  # 9 is not among those that are recorded
    loop.step([0, 1], [0.1, 0.2])
    first, second = loop.history["sample_loss"]
    np.testing.assert_array_equal(first, np.float32([np.nan, 0.5, np.nan, np.nan, 0.25]))
    np.testing.assert_array_equal(second, np.float32([0.1, 0.2, np.nan, np.nan, 0.25]))


def test_what_stands_out():
    steps = np.arange(1, 41)
    loss = np.tile(np.linspace(1, 0.05, 40)[:, None], (1, 50)) * np.linspace(0.8, 1.2, 50)
    right = np.tile((steps > 10)[:, None], (1, 50)).astype(float)
    loss[:, 3], right[:, 3] = 4.0, 0  # never
    loss[:, 9] = np.linspace(0.02, 2, 40)  # rises
    right[:, 9] = steps < 30
    loss[:, 20] = loss[:, 20] * 1.5
    right[:, 20] = (steps // 5) % 2  # flips
    course = Course(steps, loss, None, right)
    assert set(course.suspects(np.ones(50, bool))) == {3, 9, 20} and course.suspects(np.ones(50, bool))[0] == 3
    assert course.learned[0] == 11 and np.isinf(course.learned[3]) and course.forgotten[20] == 4
    assert course.risen[9] == pytest.approx(100) and 3 not in course.suspects(np.arange(50) != 3)
    same = Course(steps, np.full((40, 5), 0.5), None, None)
    assert not len(same.suspects(np.ones(5, bool)))


def test_a_label_turned_between_two_records_is_seen_at_once():
    made = trainer(steps=40)
    view = VIEW(made)
    assert not (view.frame()["state"].astype(int) & 8).any()
    made.relabel(3, 1 - int(made.data.y_train[3]))
    frame = view.frame()
    assert frame["order"][(frame["state"].astype(int) & 8) > 0].tolist() == [3]
