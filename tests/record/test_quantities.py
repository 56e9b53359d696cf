"""One entry in one table: a quantity, nbprop's or a user's, is recorded, kept, offered, drawn and described."""

import copy
import warnings

import numpy as np
import pytest

import nbprop as nb
from nbprop.record import verdicts
from nbprop.record.quantities import FLOWS, QUANTITIES, Quantity
from nbprop.views.gradients import GradientFlow


def trainer(watch=True, **settings):
    t = nb.Trainer(nb.nn.mlp([2, 8, 6, 1], seed=1), "moons", seed=3, probe_every=1, **settings)
    if watch:
        t.watch()
    return t


def weight_norms(seen):
    return [np.linalg.norm(W) for W in seen.W]


def test_the_table_is_in_order():
    series = [quantity.series for quantity in QUANTITIES.values()]
    assert len(set(series)) == len(series)
    for name, quantity in QUANTITIES.items():
        assert quantity.name == name and quantity.flow in FLOWS and not quantity.own
        assert quantity.symbol and quantity.unit and quantity.label
        assert f"`{quantity.series}`" in nb.History.__doc__
        assert quantity.usual is None or quantity.usual[0] < (quantity.rule or quantity.usual[1]) <= quantity.usual[1]


def test_everything_in_the_table_is_measured_and_recorded():
    t = trainer(watch=False)
    t.watch(percentiles=True)
    t.fit(steps=3, bar=False)
    expected = {quantity.series for quantity in QUANTITIES.values() if quantity.needs != "lags"}
    assert expected <= set(t.history.columns)
    for name in expected:
        assert t.history[name].shape == (3, 3) and np.isfinite(t.history[name]).all()
    shown = {quantity.series for quantity in QUANTITIES.values() if quantity.needs in ("", "layers")}
    assert set(t.probe()) == shown == set(nb.Trainer(t.model, "moons").probe())


def test_one_entry_is_enough(monkeypatch, ax):
    entry = Quantity("sum", "sum of a", "Σa", "sum", "sums of a", lambda seen: [a.sum() for a in seen.a], log=False)
    monkeypatch.setitem(QUANTITIES, "sum", entry)
    t = trainer()
    t.fit(steps=5, bar=False)
    view = GradientFlow(t, quantity="sum")
    assert ("sum", "sums of a") in view.options[0].choices and ("sum", "sums of a") in GradientFlow.options[0].choices
    frame, labels = view.frame(), view.labels()
    np.testing.assert_allclose(frame["now"], [a.sum() for a in t.observe().a], rtol=1e-5)
    np.testing.assert_array_equal(frame["map"], t.history["sum of a"].T)
    assert (labels["symbol"], labels["unit"], labels["flow"], labels["log"]) == ("Σa", "sum", "", False)
    assert view.describe().startswith("Σa is between ")
    view.plot(ax)
    assert ax.get_title() == "Gradient flow: Σa (sum)"


def test_a_users_quantity_is_recorded_offered_drawn_and_described(ax):
    t = trainer()
    t.fit(steps=2, bar=False)
    view = GradientFlow(t)
    version = t.version
    t.record("weight norm", weight_norms, symbol="|W|", unit="L2")
    assert t.version > version  # a board that is on the page sends the new list
    assert ["weight norm", "weight norm"] in view.labels()["choices"]["quantity"]
    view.quantity = "weight norm"
    t.fit(steps=4, bar=False)
    assert t.history.series("weight norm")[0].tolist() == [3, 4, 5, 6]
    np.testing.assert_allclose(t.history["weight norm"][-1], weight_norms(t.observe()), rtol=1e-6)
    frame, labels = view.frame(), view.labels()
    np.testing.assert_array_equal(frame["map"], t.history["weight norm"].T)
    np.testing.assert_array_equal(frame["now"], t.probe()["weight norm"])
    assert (labels["symbol"], labels["unit"], labels["flow"], labels["usual"]) == ("|W|", "L2", "", [])
    assert view.describe().startswith("|W| is between ")
    view.plot(ax)
    assert "weight norm" not in trainer().quantities and "weight norm" in t.branch().quantities
    assert copy.deepcopy(t.history).series("weight norm")[1].shape == (4, 3)


def test_a_quantity_is_called_vanishing_only_where_it_flows_and_in_that_direction():
    t = trainer()
    t.step()
    falling = lambda seen: [1, 1e-4, 1e-8]  # noqa: E731
    for name, flow in (("still", None), ("there", "forward"), ("back", "backward")):
        t.record(name, falling, flow=flow)
    words = {name: GradientFlow(t, quantity=name).describe() for name in ("still", "there", "back")}
    assert words["still"] == "still is between 1e-8 in output and 1 in hidden 1."
    assert words["there"] == "there falls by a factor 10,000 from hidden 1 to hidden 2: vanishing."
    assert words["back"] == "back grows by a factor 1e8 from output to hidden 1: exploding."


def test_negative_numbers_and_one_number_for_the_network(ax):
    t = trainer()
    t.record("skew", lambda seen: [-2.0, 0.0, 1.0])
    t.record("loss again", lambda seen: seen.loss)
    t.fit(steps=5, bar=False)
    view = GradientFlow(t, quantity="skew")
    assert view.frame()["range"][:2].tolist() == [-2, 2]
    assert view.describe() == "skew is exactly 0 in hidden 2."
    view.plot(ax)
    assert ax.child_axes[0].get_xscale() == "linear"
    one = GradientFlow(t, quantity="loss again")
    np.testing.assert_allclose(one.frame()["map"], t.history["loss"][None], rtol=1e-6)
    assert t.history["loss again"].shape == (5,) and one.labels()["layers"] == ["network"]
    assert one.describe().startswith("loss again is ") and " in the network." in one.describe()
    ax.clear()
    one.plot(ax)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda seen: 1 / 0, "'wrong' cannot be measured: ZeroDivisionError"),
        (lambda seen: [1, 2], r"expected 3 numbers, one for each layer, or one number; got shape \(2,\)"),
        (lambda seen: "many", "ValueError"),
        (lambda seen: seen.W[0].fill(0), "read-only"),
        (lambda seen: seen.dz[1].fill(0), "read-only"),
        (lambda seen: seen.gradient.fill(0), "read-only"),
    ],
)
def test_an_error_in_it_is_told_once_and_harms_nothing(function, words):
    t, plain = trainer(), trainer()
    t.record("wrong", function)
    with pytest.warns(RuntimeWarning, match=words) as told:
        t.fit(steps=4, bar=False)
        t.probe()
    assert len(told) == 1 and "'wrong' cannot be measured" in t.message
    assert np.isnan(t.history["wrong"]).all() and t.history["wrong"].shape == (4, 3)
    plain.fit(steps=4, bar=False)
    np.testing.assert_array_equal(t.theta, plain.theta)
    assert GradientFlow(t, quantity="wrong").describe().startswith("wrong has not been measured")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # even so the run goes on
        t.record("worse", function)
        t.fit(steps=1, bar=False)


def test_what_has_failed_at_first_may_become_one_number():
    t = trainer()
    t.record("late", lambda seen: 7 if t.steps > 2 else 1 / 0)
    with pytest.warns(RuntimeWarning, match="late"):
        t.fit(steps=5, bar=False)
    assert t.history["late"].tolist() == [7, 7, 7]
    t.record("late", None)
    assert "late" not in t.quantities and "late" not in t.history.columns
    t.record("late", weight_norms)
    t.step()
    assert t.history["late"].shape == (1, 3)


def test_what_changes_its_form_gives_nan():
    t = trainer()
    t.record("both", lambda seen: 7 if t.steps < 3 else weight_norms(seen))
    with pytest.warns(RuntimeWarning, match="gave one number before, and now 3"):
        t.fit(steps=4, bar=False)
    np.testing.assert_array_equal(t.history["both"], [7, 7, np.nan, np.nan])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("dz", weight_norms), ValueError, "'dz' is recorded by nbprop itself; take another name"),
        (("a_std", weight_norms), ValueError, "recorded by nbprop itself"),
        (("loss", weight_norms), ValueError, "recorded by nbprop itself"),
        (("there", weight_norms), ValueError, r"'there' is there already; record\('there', None\) takes it away"),
        (("", weight_norms), ValueError, "name must be a text such as 'weight norm'; got ''"),
        ((3, weight_norms), ValueError, "name must be a text"),
        (("x", 3), TypeError, "expected a function of an observation, got 3; try lambda seen"),
        (("thera", None), ValueError, "no 'thera' to take away; did you mean 'there'"),
        (("x", weight_norms, "x", "", "up"), ValueError, "flow must be 'forward', 'backward' or None; got 'up'"),
        (("x", weight_norms, 3), TypeError, "symbol must be a text"),
        (("x", weight_norms, "x", None), TypeError, "unit must be a text"),
    ],
)
def test_what_cannot_be_recorded_is_refused(arguments, error, words):
    t = trainer()
    t.record("there", weight_norms)
    with pytest.raises(error, match=words):
        t.record(*arguments)
    assert set(t.quantities) == {*QUANTITIES, "there"}


def test_verdicts():
    assert verdicts.flow(8, 1) == ("falls", 8, "") and verdicts.flow(1, 8) == ("grows", 8, "")
    assert verdicts.flow(1, 1.5)[0] == "is steady"
    assert verdicts.flow(101, 1)[2] == "vanishing" and verdicts.flow(1, 101)[2] == "exploding"
    assert [verdicts.compared(low, high, (1, 3)) for low, high in ((1, 3), (0.5, 2), (0.5, 4))] == [
        "about right", "too small", "too large"]  # fmt: skip
    assert [verdicts.saturation_word(name) for name in ("tanh", "relu", "identity", "LSTM")] == [
        "saturated", "dead", "", ""]  # fmt: skip


def test_the_words_before_anything_was_measured_do_not_say_that_it_diverged():
    t = trainer(watch=False)
    t.step()
    assert GradientFlow(t, quantity="ratio").describe() == "|ΔW| / |W| has not been measured in this step."
