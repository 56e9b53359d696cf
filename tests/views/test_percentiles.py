"""Percentiles: whose numbers, which scale, layers that come and go, words."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.views.base.laid import ABSENT
from nbprop.views.percentiles import POINTS, Percentiles


def columns(low, middle, high, of="z", every=1):
    """Series with a record at each row (n, layers)."""
    steps = every * np.arange(1, len(middle) + 1)
    return {f"{of}{p}": (steps, values) for p, values in ((15, low), (50, middle), (85, high))}


def band(n, layers=3, width=1.0):
    middle = np.linspace(0, 1, n, dtype=np.float32)[:, None] * np.arange(1, layers + 1, dtype=np.float32)
    return middle - np.float32(width), middle, middle + np.float32(2 * width)


def test_every_record_of_a_short_run(fake):
    low, middle, high = band(50)
    frame = Percentiles(fake(columns(low, middle, high, every=10))).frame()
    assert frame["steps"][[0, -1]].tolist() == [10, 500]
    for name, values in (("low", low), ("middle", middle), ("high", high)):
        np.testing.assert_array_equal(frame[name], values.T)
    assert frame["range"].tolist() == [[-1, 4], [-1, 4], [-1, 5]]  # the output has its own
    assert {array.dtype for array in frame.values()} == {np.dtype(np.float32)}


def test_a_long_run_is_thinned_to_means(fake):
    frame = Percentiles(fake(columns(*band(1000)))).frame()
    n = len(frame["steps"])
    assert POINTS / 2 <= n <= POINTS and frame["low"].shape == (3, n) and frame["steps"][-1] == 1000
    ends = frame["steps"].astype(int)
    np.testing.assert_allclose(frame["middle"][:, 5], band(1000)[1][ends[4] : ends[5]].mean(axis=0), rtol=1e-5)


def test_one_unit_is_another_series_and_each_layer_may_have_its_own_scale(fake):
    source = fake(columns(*band(20)) | columns(*band(20, width=0.25), of="unit"))
    view = Percentiles(source, of="unit", same=False)
    frame = view.frame()
    np.testing.assert_allclose(frame["high"] - frame["low"], np.full((3, 20), 0.75), rtol=1e-6)
    np.testing.assert_allclose(frame["range"], [[-0.25, 1.5], [-0.25, 2.5], [-0.25, 3.5]])
    labels = view.labels()
    assert labels["layers"] == ["hidden 1", "hidden 2", "output"] and labels["of"] == "the first unit"


def test_values_that_are_not_finite_do_not_move_the_scale(fake):
    low, middle, high = band(20)
    low[-1], high[-1, 0] = np.nan, np.inf
    frame = Percentiles(fake(columns(low, middle, high))).frame()
    assert np.isnan(frame["low"][:, -1]).all() and np.isfinite(frame["range"]).all() and frame["range"][0, 0] == -1


def test_all_zero_has_a_scale_too(fake):
    zero = np.zeros((5, 3), np.float32)
    assert Percentiles(fake(columns(zero, zero, zero))).frame()["range"].tolist() == [[-1, 1]] * 3


def test_a_layer_that_is_put_in_begins_there_and_the_last_stays_the_last(fake):
    values = np.full((300, 4), np.nan, np.float32)
    values[:200, :2] = [1, 9]
    values[200:] = [2, 3, 4, 10]
    source = fake(
        columns(values, values, values),
        events=((200, "depth", ""),),
        activations=("relu",) * 3 + ("identity",),
    )
    frame = Percentiles(source).frame()
    old = frame["steps"] <= 200
    assert frame["steps"][old][-1] == 200
    np.testing.assert_array_equal(frame["middle"][:, old], np.tile([[1], [ABSENT], [ABSENT], [9]], old.sum()))
    assert (frame["middle"][:, ~old] == [[2], [3], [4], [10]]).all()


def test_nothing_recorded_yet(fake, ax):
    view = Percentiles(fake())
    frame = view.frame()
    assert frame["low"].shape == (3, 0) and frame["steps"].shape == (0,) and frame["range"].shape == (3, 2)
    assert view.describe() == "Nothing has been recorded yet."
    view.plot(ax)
    assert [text.get_text() for text in ax.texts] == ["not recorded yet: make some steps"]


def test_words(fake):
    low, middle, high = band(20, width=0.5)
    words = "15th to 85th percentile of z (all units) after 20 steps"
    view = Percentiles(fake(columns(low, middle, high)))
    assert view.describe() == f"{words}: hidden 1 0.5 to 2, hidden 2 1.5 to 3, output 2.5 to 4."
    low[-1, 1] = np.nan
    assert Percentiles(fake(columns(low, middle, high))).describe().endswith("hidden 2 not finite, output 2.5 to 4.")


def test_words_of_many_layers(fake):
    low, middle, high = band(20, layers=6)
    low[-1, 2], high[-1, 4] = -7, 4.5
    many = ("relu",) * 5 + ("identity",)
    words = Percentiles(fake(columns(low, middle, high), activations=many)).describe()
    assert words.endswith("after 20 steps, in 6 layers: widest hidden 3 -7 to 5, narrowest hidden 5 4 to 4.5.")
    low[-1, 0] = np.nan
    words = Percentiles(fake(columns(low, middle, high), activations=many)).describe()
    assert words.endswith("not finite in 1 layer.")


def test_the_plot_shows_the_numbers(fake, ax):
    low, middle, high = band(20)
    middle[-1, 2] = np.nan
    Percentiles(fake(columns(low, middle, high))).plot(ax)
    assert len(ax.child_axes) == 3
    for i, cell in enumerate(ax.child_axes):
        np.testing.assert_array_equal(cell.lines[1].get_ydata(), middle[:, i])
        edges = cell.collections[0].get_paths()[0].vertices[:, 1]
        np.testing.assert_allclose([edges.min(), edges.max()], [low[:, i].min(), high[:, i].max()], rtol=1e-6)
        assert cell.get_ylim() == (-1, 4 + (i == 2))
    assert [text.get_text() for text in ax.child_axes[2].texts] == ["not finite"]


@pytest.mark.parametrize("layers", [1, 6, 14, 31])
def test_the_cells_of_many_layers_lie_apart_and_inside(fake, ax, layers):
    source = fake(columns(*band(20, layers)), activations=("tanh",) * (layers - 1) + ("identity",))
    Percentiles(source).plot(ax)
    boxes = [cell.get_position() for cell in ax.child_axes]
    outer = ax.get_position()
    for i, a in enumerate(boxes):
        assert (
            a.x0 >= outer.x0 - 1e-9 and a.y0 >= outer.y0 - 1e-9 and a.x1 <= outer.x1 + 1e-9 and a.y1 <= outer.y1 + 1e-9
        )
        assert all(a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0 for b in boxes[:i])


def test_of_a_real_run_that_is_made_deeper():
    trainer = nb.Trainer(nb.nn.mlp([2, 8, 1], seed=0), nb.data.moons(samples=120), probe_every=1, seed=0)
    board = nb.views.Percentiles(trainer)
    trainer.fit(steps=30, bar=False)
    trainer.depth = 3
    trainer.fit(steps=30, bar=False)
    frame = board.frame()
    assert frame["middle"].shape == (4, 60)
    old = frame["steps"] <= 30
    assert (frame["middle"][1:3, old] == ABSENT).all() and (frame["middle"][[0, 3]] > ABSENT).all()
    assert (frame["low"][:, ~old] <= frame["middle"][:, ~old]).all() and (frame["high"] > frame["low"])[:, ~old].all()
    assert "dz" not in trainer.history.columns  # nobody asked for these
    assert trainer.history.plot("percentiles") is not None
