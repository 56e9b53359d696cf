"""What it has learned: the plane, the curve, the confusion matrix, predicted against true values."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.boundary import CLASSES, CURVE, GRID, POINTS, TESTED, Boundary, classes_of


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def source_of(fake, data, predict):
    """A source that counts how many samples it is asked about."""
    asked = []

    def counted(X):
        assert X.dtype == np.float32
        asked.append(len(X))
        return predict(X).astype(np.float32)

    return fake(data=data, predict=counted), asked


def slope(X):
    """Probability of the second class: 1/2 on the line x1 = 0."""
    return sigmoid(4 * X[:, :1])


@pytest.fixture
def halves():
    """Points left and right of x1 = 0, two of them with the wrong class."""
    X = np.float32([[-1, -0.5], [-0.5, 0.5], [0.5, -1], [1, 1], [-0.8, 0], [0.7, 0], [-0.2, 0.1], [0.3, 0.4]])
    y = (X[:, 0] > 0).astype(int)
    y[[6, 7]] = 1 - y[[6, 7]]
    return nb.data.from_arrays(X[:6], y[:6], X[[1, 2, 6, 7]], y[[1, 2, 6, 7]], classes=("left", "right"))


def test_the_plane_is_what_the_network_says_from_the_top_left_on(fake, halves):
    source, asked = source_of(fake, halves, slope)
    view = Boundary(source)
    frame = view.frame()
    assert view.mode == "plane" and asked == [GRID * GRID]
    left, right, bottom, top = frame["extent"]
    assert left < -1 and right > 1 and bottom < -1 and top > 1
    xs = np.linspace(left, right, GRID)
    np.testing.assert_allclose(frame["grid"], np.tile(sigmoid(4 * xs), (GRID, 1)), atol=1e-5)
    upward = Boundary(source_of(fake, halves, lambda X: X[:, 1:])[0]).frame()["grid"]
    assert upward[0, 0] > 1 and upward[-1, 0] < -1


def test_points_and_extent_are_the_same_objects_until_the_data_change(fake, halves):
    source, _ = source_of(fake, halves, slope)
    view = Boundary(source)
    first, second = view.frame(), view.frame()
    for name in ("train", "validation", "extent", "range"):
        assert first[name] is second[name], name
    assert first["grid"] is not second["grid"]
    np.testing.assert_array_equal(first["train"], np.column_stack([halves.X_train, halves.y_train]))
    source.data = nb.data.circles(samples=40)
    assert len(view.frame()["train"]) == 30


def test_the_grid_is_not_the_networks_own_buffer(fake, halves):
    buffer = np.zeros((GRID * GRID, 1), np.float32)
    view = Boundary(fake(data=halves, predict=lambda X: buffer))
    first = view.frame()["grid"]
    buffer += 1
    assert first.max() == 0 and view.frame()["grid"].min() == 1


def test_errors_are_marked_only_when_asked_for_and_in_one_go(fake, halves):
    source, asked = source_of(fake, halves, slope)
    view = Boundary(source)
    assert view.frame()["train_wrong"].size == 0
    view.errors = True
    frame = view.frame()
    assert asked[1:] == [GRID * GRID + 10]
    assert frame["train_wrong"].tolist() == [0] * 6 and frame["validation_wrong"].tolist() == [0, 0, 1, 1]
    assert view.describe() == "50 % of 4 validation points are right (2 wrong)."


def test_many_classes_are_given_as_probabilities(train):
    trainer = train(nb.data.gaussians(samples=90), steps=60)
    view = Boundary(trainer, errors=True)
    frame = view.frame()
    assert frame["grid"].shape == (GRID, GRID, 3)
    np.testing.assert_allclose(frame["grid"].sum(axis=2), 1, atol=1e-5)
    wrong = trainer.predict(trainer.data.X_train).argmax(axis=1) != trainer.data.y_train
    np.testing.assert_array_equal(frame["train_wrong"], wrong)


def test_similar_ranges_make_a_square_and_different_ones_do_not(fake):
    y = np.arange(20) % 2
    for scale, square in ((1.5, True), (100, False)):
        X = np.random.default_rng(0).uniform(-1, 1, (20, 2)) * [1, scale]
        left, right, bottom, top = Boundary(fake(data=nb.data.from_arrays(X, y), predict=slope)).frame()["extent"]
        assert np.isclose(right - left, top - bottom) == square
        assert left < X[:, 0].min() and right > X[:, 0].max() and bottom < X[:, 1].min() and top > X[:, 1].max()


ORDERS = {
    "sorted": lambda n: np.arange(n) * 4 // n,
    "in turns": lambda n: np.arange(n) % 4,  # every so-many-th would be of one class
}


@pytest.mark.parametrize("order", ORDERS)
def test_of_too_many_points_a_random_sample_is_drawn(fake, ax, order):
    X, y = np.random.default_rng(0).uniform(-1, 1, (6000, 2)), ORDERS[order](6000)
    data = nb.data.from_arrays(X, y, X[:8], y[:8])
    view = Boundary(fake(data=data, predict=lambda X: np.full((len(X), 4), 0.25)), errors=True)
    frame = view.frame()
    assert len(frame["train"]) == len(frame["train_wrong"]) == POINTS and len(frame["validation"]) == 8
    assert (abs(np.bincount(frame["train"][:, 2].astype(int)) / POINTS - 0.25) < 0.04).all()
    assert view.labels()["sampled"] == "drawn at random: 1,500 of 6,000 training points"
    view.plot(ax)
    assert ax.get_title().endswith("\ndrawn at random: 1,500 of 6,000 training points")
    again = Boundary(fake(data=nb.data.from_arrays(X, y, X[:8], y[:8]), predict=view.source.predict))
    np.testing.assert_array_equal(again.frame()["train"], frame["train"])


@pytest.mark.parametrize("order", ORDERS)
def test_of_many_pictures_a_random_sample_is_tested(fake, order):
    """A network that always says class 0 is right in a quarter of the cases, wherever these are."""
    n = 4 * TESTED
    X, y, asked = np.zeros((n, 3)), ORDERS[order](n), []
    data = nb.data.from_arrays(X[:8], y[:8] * 0 + np.arange(8) % 4, X, y)
    predict = lambda X: (asked.append(len(X)), np.eye(4)[np.zeros(len(X), int)])[1]  # noqa: E731
    view = Boundary(fake(data=data, predict=predict))
    counts = view.frame()["counts"]
    assert counts.sum() == TESTED and abs(counts[0, 0] / TESTED - 0.25) < 0.03
    assert view.labels()["tested"] == "randomly sampled validation" and view.labels()["sampled"] == ""
    assert "of 2,000 validation points, a random sample of 8,000, are right" in view.describe()
    assert max(asked) == TESTED


def test_of_many_values_a_random_sample_is_drawn(fake):
    n = 4 * TESTED
    X, y = np.zeros((n, 3)), np.linspace(0, 1, n)[:, None]
    view = Boundary(fake(data=nb.data.from_arrays(X, y, X, y, task="regression"), predict=lambda X: X[:, :1]))
    points = view.frame()["points"]
    assert len(points) == TESTED and abs(points[:, 0].mean() - 0.5) < 0.03
    assert "on 2,000 validation points, a random sample of 8,000, whose" in view.describe()


def test_one_input_is_a_curve(fake, ax):
    data = nb.data.wave(samples=40)
    view = Boundary(fake(data=data, predict=lambda X: 3 * X))
    frame = view.frame()
    assert view.mode == "curve" and frame["y"].shape == (CURVE, 1)
    np.testing.assert_allclose(frame["y"][:, 0], 3 * frame["x"], rtol=1e-5)
    assert frame["x"] is view.frame()["x"] and frame["train"].shape == (30, 2)
    view.plot(ax)
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), frame["y"][:, 0])


def test_one_input_and_three_classes(fake, ax):
    X = np.linspace(-1, 1, 30)[:, None]
    data = nb.data.from_arrays(X, np.digitize(X[:, 0], [-0.3, 0.3]))
    view = Boundary(fake(data=data, predict=lambda X: np.full((len(X), 3), 1 / 3, np.float32)), errors=True)
    frame = view.frame()
    assert frame["y"].shape == (CURVE, 3) and frame["train_wrong"].sum() > 5
    view.plot(ax)


def test_a_surface_is_coloured_over_the_range_of_its_targets(fake, ax):
    data = nb.data.surface(samples=40)
    view = Boundary(fake(data=data, predict=lambda X: 5 * X[:, :1]))
    frame = view.frame()
    both = np.concatenate([data.y_train, data.y_val])
    np.testing.assert_allclose(frame["range"], [both.min(), both.max()])
    assert frame["grid"].shape == (GRID, GRID) and frame["train"].shape == (30, 3)
    view.plot(ax)


def test_more_inputs_are_a_confusion_matrix(fake, ax):
    X = np.arange(40, dtype=float).reshape(8, 5)
    y = np.array([0, 0, 1, 1, 2, 2, 2, 0])
    data = nb.data.from_arrays(X, y, X, y, classes=("a", "b", "c"))
    said = np.eye(3)[[0, 1, 1, 1, 0, 0, 2, 0]]
    view = Boundary(fake(data=data, predict=lambda X: said))
    assert view.mode == "confusion"
    assert view.frame()["counts"].tolist() == [[2, 1, 0], [0, 2, 0], [2, 0, 1]]
    assert view.describe() == "62 % of 8 validation points are right (3 wrong); most often c is taken for a (2)."
    view.plot(ax)
    assert sorted(text.get_text() for text in ax.texts) == ["1", "1", "2", "2", "2"]


def test_without_validation_points_the_training_points_are_tested(fake):
    X = np.arange(40, dtype=float).reshape(8, 5)
    data = nb.data.from_arrays(X, np.arange(8) % 2, validation=0)
    view = Boundary(fake(data=data, predict=lambda X: np.zeros((len(X), 1))))
    assert view.labels()["tested"] == "training"
    assert view.frame()["counts"].tolist() == [[4, 0], [4, 0]]
    assert view.describe() == "50 % of 8 training points are right (4 wrong)."


def test_more_inputs_and_values_are_predicted_against_true(fake, ax):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 3)), rng.standard_normal((30, 2))
    data = nb.data.from_arrays(X, y, X, y, task="regression")
    view = Boundary(fake(data=data, predict=lambda X: data.y_val + np.float32(0.5)))
    points = view.frame()["points"]
    assert view.mode == "scatter" and points.shape == (60, 2)
    np.testing.assert_allclose(points[:, 1] - points[:, 0], 0.5, atol=1e-6)
    assert view.describe().startswith("Root mean square error 0.5 on 30 validation points")
    view.plot(ax)


def test_what_is_not_finite_is_said(fake, halves, ax):
    view = Boundary(fake(data=halves, predict=lambda X: np.full((len(X), 1), np.nan)), errors=True)
    assert view.describe() == "The network's output is not finite."
    assert np.isnan(view.frame()["grid"]).all()
    view.plot(ax)


def test_classes_of_probabilities():
    assert classes_of(np.array([[0.2], [0.5], [0.9]])).tolist() == [0, 1, 1]
    assert classes_of(np.array([[0.2, 0.5, 0.3], [0.9, 0, 0.1]])).tolist() == [1, 0]


@pytest.mark.parametrize("errors", [False, True])
def test_the_plot_of_a_plane(spirals, ax, errors):
    view = Boundary(spirals, errors=errors)
    view.plot(ax)
    frame = view.frame()
    np.testing.assert_allclose(ax.images[0].get_array(), frame["grid"])
    np.testing.assert_allclose(ax.images[0].get_extent(), frame["extent"])
    wrong = sum(len(line.get_xdata()) for line in ax.lines)
    assert wrong == (frame["train_wrong"].sum() + frame["validation_wrong"].sum() if errors else 0)
    assert ax.get_xlabel() == spirals.data.features[0]


@pytest.mark.parametrize("name", sorted(nb.data.DATASETS))
def test_every_data_set_can_be_shown(train, ax, name):
    trainer = train(nb.data.dataset(name), steps=0)
    view = Boundary(trainer)
    assert all(array.dtype == np.float32 for array in view.frame().values())
    assert "validation points" in view.describe()
    view.plot(ax)


def test_of_very_many_classes_the_rare_ones_are_counted_together(fake):
    y = np.concatenate([np.arange(CLASSES + 20), np.arange(20, 20 + CLASSES - 3), [0, 1]])
    X = np.zeros((len(y), 3))
    data = nb.data.from_arrays(X, y, X, y, task="multiclass")
    view = Boundary(fake(data=data, predict=lambda X: np.eye(CLASSES + 20)[data.y_val]))
    counts, names = view.frame()["counts"], view.labels()["classes"]
    assert counts.shape == (CLASSES, CLASSES) and counts.trace() == counts.sum() == len(y)
    assert names[:4] == ["0", "1", "20", "21"] and names[-1] == "other" and counts[-1, -1] == len(y) - counts[:-1].sum()


def test_pictures_and_sequences_are_asked_less_often(fake):
    flat, picture = (nb.data.digits(image=image) for image in (False, True))
    assert Boundary(fake(data=flat)).rate > 3 * Boundary(fake(data=picture)).rate
