"""Views of a look at the past: a source with a `moment`, whose history is that of the whole run."""

import numpy as np
import pytest

from nbprop.record.source import CannotSay
from nbprop.views.base.laid import ABSENT
from nbprop.views.gradients import GradientFlow
from nbprop.views.lags import Lags
from nbprop.views.loss import Loss
from nbprop.views.percentiles import Percentiles

STEPS = 10 * np.arange(1, 41)  # recorded every ten steps, up to 400


def falling(layers=3):
    """One value a layer at every record: its step over 1, 10, 100, ..."""
    return (STEPS[:, None] / 10.0 ** np.arange(layers)).astype(np.float32)


@pytest.fixture
def past(fake):
    """Makes a look at the past of a run of 400 steps; of its step nothing is known but what was recorded."""

    def make(moment, columns, **kwargs):
        return fake(columns, moment=moment, steps=moment, **kwargs)

    return make


def test_the_loss_of_then(past, ax):
    every = np.arange(1, 401)
    columns = {
        "loss": (every, 400.0 - every),
        "val_loss": (np.arange(0, 401, 20), np.arange(0, 401, 20) + 1000.0),
        "val_accuracy": ([0, 100, 200], [0.1, 0.5, 0.9]),
    }
    view = Loss(past(123, columns, events=((50, "lr", "lr 1 → 2"), (300, "lr", "lr 2 → 3"))))
    frame, labels = view.frame(), view.labels()
    assert frame["train"][0, -1] == 400 and 123 in frame["train"][0]  # the whole run, cut at the moment
    assert labels["moment"] == 123 and len(labels["events"]) == 2 and "123" in labels["marks"]["moment"]
    assert view.describe() == (
        "Loss 277 of the latest batches after 123 steps (validation 1,120, validation accuracy 50 %); "
        "lowest validation 1,000 at step 0."
    )
    view.plot(ax)
    assert "step 123" in [text.get_text() for text in ax.texts]
    assert Loss(past(0, columns)).describe() == "Step 0: before the first step."


def test_what_was_changed_later_is_not_held_against_then(past):
    columns = {"loss": (STEPS, STEPS), "train_loss": (STEPS, STEPS), "val_loss": (STEPS, STEPS)}
    words = Loss(past(100, columns, events=((200, "data", "data changed"),))).describe()
    assert words.startswith("Loss 100 after 100 steps (validation 100)") and "before" not in words


def test_the_gradient_flow_of_then_is_the_last_record_before(past, ax):
    columns = {"dz": (STEPS, falling()), "saturated": (STEPS, falling() / 1000)}
    view = GradientFlow(past(123, columns))
    frame, labels = view.frame(), view.labels()
    np.testing.assert_allclose(frame["now"], [120, 12, 1.2])
    np.testing.assert_allclose(frame["saturated"], [0.12, 0.012, 0.0012], rtol=1e-6)
    assert labels["when"] == "at step 120" and labels["moment"] == 123
    assert frame["map_steps"][-1] == 400
    assert view.describe() == "At step 120: dL/dz grows by a factor 100 from output to hidden 1."
    view.plot(ax)
    profile = ax.child_axes[0]
    assert profile.get_xlabel() == "norm, at step 120"


def test_what_the_source_knows_of_then_goes_before_the_record(past):
    source = past(123, {"dz": (STEPS, falling())}, now={"dz": [3, 2, 1]})
    view = GradientFlow(source)
    assert view.frame()["now"].tolist() == [3, 2, 1] and view.labels()["when"] == "at step 123"

    def probe():
        raise CannotSay("It is being computed.")

    source.probe = probe
    assert view.labels()["when"] == "at step 120" and view.frame()["now"][0] == 120
    source.moment = None  # the present has nothing else to say
    assert view.describe() == "It is being computed."


def test_before_the_first_record_nothing_is_known(past):
    columns = {f"z{p}": (STEPS, falling() + p) for p in (15, 50, 85)} | {"dz": (STEPS, falling())}
    flow, band = GradientFlow(past(5, columns)), Percentiles(past(5, columns))
    assert (flow.frame()["now"] == ABSENT).all() and (band.frame()["now"] == ABSENT).all()
    assert flow.describe() == "dL/dz was not recorded at step 5."
    assert band.describe() == "Nothing was recorded of this network up to step 5."
    assert flow.labels()["unmeasured"] == band.labels()["unmeasured"] == "not recorded at step 5"


def test_the_percentiles_of_then(past, ax):
    columns = {f"z{p}": (STEPS, falling() + p) for p in (15, 50, 85)}
    view = Percentiles(past(123, columns))
    frame = view.frame()
    np.testing.assert_allclose(frame["now"], falling()[11] + np.array([[15], [50], [85]]))
    assert frame["steps"][-1] == 400 and 120 in frame["steps"] and view.labels()["moment"] == 123
    words = "15th to 85th percentile of z (all units) after 120 steps: hidden 1 140 to 200, hidden 2 27 to 97, "
    assert view.describe() == f"{words}output 16 to 86."
    view.plot(ax)
    assert all(123 in np.ravel(cell.lines[-1].get_xdata()) for cell in ax.child_axes)


@pytest.mark.parametrize(("moment", "layers", "now"), [(95, 2, [90, 90]), (305, 3, [300, 30, 3])])
def test_across_a_change_of_depth_the_rows_are_those_of_then(past, moment, layers, now):
    values = falling()
    values[:20] = np.stack([STEPS[:20], STEPS[:20], np.full(20, np.nan)], axis=1)  # two layers, up to step 200
    columns = {"dz": (STEPS, values), **{f"z{p}": (STEPS, values) for p in (15, 50, 85)}}
    source = past(moment, columns, events=((200, "depth", "depth 1 → 2"),), activations=("tanh",) * layers)
    frame, band = GradientFlow(source).frame(), Percentiles(source).frame()
    np.testing.assert_allclose(frame["now"], now)
    np.testing.assert_allclose(band["now"][1], now)
    assert frame["map"].shape == (layers, 40) and not np.isnan(frame["map"]).any()
    np.testing.assert_array_equal(frame["map"][0], STEPS)  # the first layer keeps its place, and so does the last
    np.testing.assert_allclose(frame["map"][-1, [0, -1]], [10, 4])


def test_the_gradient_through_time_of_then(past):
    values = np.stack([STEPS, STEPS / 2, STEPS / 4], axis=1).astype(np.float32)
    view = Lags(past(123, {"dh": (STEPS, values)}))
    assert view.frame()["now"].tolist() == [30, 60, 120] and view.labels()["when"] == "at step 120"
    assert view.describe() == "At step 120: dL/dh falls by a factor 4 over 2 steps back in time."
    assert Lags(past(5, {"dh": (STEPS, values)})).describe() == "No gradient through time was recorded up to step 5."
