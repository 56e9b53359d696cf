"""Which points a sweep goes through."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nbprop.sweeping.grid import Listed, Product, grid_of, not_too_many, plain, seeds_of

VALUES = st.lists(st.one_of(st.integers(-5, 5), st.sampled_from(["a", "b", None, True, 0.5])), min_size=1, max_size=4,
                  unique_by=lambda v: (isinstance(v, bool), v))  # fmt: skip


@given(st.dictionaries(st.sampled_from(["depth", "lr", "init"]), VALUES, min_size=1))
def test_a_product_has_all_combinations_and_says_where_each_is(lists):
    grid = Product(lists)
    points = [grid[i] for i in range(len(grid))]
    assert len({repr(point) for point in points}) == len(grid) == np.prod([len(values) for values in lists.values()])
    for point, places in zip(points, grid.where(), strict=True):
        assert list(point) == list(lists)
        assert [grid.axes[name][k] for name, k in zip(lists, places, strict=True)] == list(point.values())


def test_a_list_of_points_has_the_axes_that_were_seen():
    grid = Listed([{"depth": 9, "init": "he"}, {"depth": 5, "init": "xavier"}])
    assert grid.axes == {"depth": (5, 9), "init": ("he", "xavier")}
    assert grid.where().tolist() == [[1, 0], [0, 1]]
    assert grid.add([{"init": "he", "depth": 7}, {"depth": 9, "init": "he"}]) == 1  # the other one is there
    assert grid[2] == {"depth": 7, "init": "he"}
    assert grid.where().tolist() == [[2, 0], [0, 1], [1, 0]]


def test_values_are_what_a_file_can_hold():
    assert plain("x", np.float32(0.5)) == 0.5 and type(plain("x", np.int64(3))) is int
    assert plain("hidden", [8, np.int64(8)]) == (8, 8)
    assert Product({"lr": np.array([0.1, 0.2])}).axes == {"lr": (0.1, 0.2)}


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({}, "grid is empty"),
        ([], "grid is empty"),
        ("depth", "a dict of lists"),
        (5, "a dict of lists"),
        ({"depth": 5}, r"depth must be a list of values; got 5; try depth=\[5\]"),
        ({"depth": "57"}, "depth must be a list of values"),
        ({"depth": []}, "depth has no values"),
        ({"depth": [5, 5]}, "no value is there twice"),
        ({"lr": [0.1, float("nan")]}, "lr must be a finite number"),
        ({"init": [print]}, "a name, of which make"),
        ({"a b": [1]}, "an argument of make"),
        ({"seed": [0, 1]}, "give seeds="),
        ([{"a": 1}, {"b": 1}], "the same names"),
        ([{"a": 1}, 3], "a point must be a dict"),
        ([{}], "a point must be a dict"),
    ],
)
def test_what_is_no_grid_is_refused(grid, words):
    with pytest.raises((TypeError, ValueError), match=words):
        grid_of(grid)


def test_true_is_not_one_but_one_point_zero_is():
    assert len(Product({"flag": [True, 1]})) == 2
    with pytest.raises(ValueError, match="twice"):
        Product({"lr": [1, 1.0]})


def test_seeds_are_a_number_or_a_list():
    assert seeds_of(3) == (0, 1, 2) and seeds_of([7, np.int64(2)]) == (7, 2) and seeds_of(range(2)) == (0, 1)
    for bad in (0, -1, [], [1, 1], [-1], 1.5, "3", [True], None):
        with pytest.raises((TypeError, ValueError), match="seeds"):
            seeds_of(bad)


def test_a_grid_of_a_billion_points_says_how_many_and_asks():
    grid = Product({"a": range(1000), "b": range(1000), "c": range(1000)})
    with pytest.raises(
        ValueError, match=r"1000 a x 1000 b x 1000 c x 2 seeds = 2,000,000,000 runs, .* 63 years .* say most=2000000000"
    ):
        not_too_many(grid, (0, 1), 100_000)
    not_too_many(grid, (0,), 10**9)
