"""The knobs `window` and `period`: BPTT(h; h') in a run, turned while it goes on, saved, and exactly undone."""

import numpy as np
import pytest

import nbprop as nb
from nbprop.training.sharing.forms import VALUES

DATA = nb.data.adding(T=12, samples=80, longer=0, seed=0)


class Last(nb.nn.Module):
    static = True

    def __init__(self, layer=None):
        self.layer = layer or nb.nn.LSTM(2, 5, batch_first=True, rng=0)
        self.head = nb.nn.Linear(self.layer.hidden_size, 1, rng=0)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


def trainer(layer=None, **settings):
    return nb.Trainer(Last(layer), DATA, lr=0.02, batch_size=20, seed=0, **settings)


def test_they_act_at_the_next_step_and_on_the_numbers_of_the_layer():
    one, other = trainer(), trainer(nb.nn.LSTM(2, 5, batch_first=True, rng=0, window=3, period=2))
    assert (one.window, one.period) == (0, 0) and (other.window, other.period) == (3, 2)
    one.set(window=3, period=2)
    for each in (one, other):
        each.fit(steps=5, bar=False)
    np.testing.assert_array_equal(one.theta, other.theta)
    assert one.model.layer.window == 3 and one.replayed
    assert [event.text for event in one.history.events] == ["window 0 → 3", "period 0 → 2"]


def test_a_window_over_everything_is_no_window():
    runs = [trainer(nb.nn.LSTM(2, 5, batch_first=True, rng=0, window=w, period=p)) for w, p in ((0, 0), (12, 12))]
    for run in runs:
        run.fit(steps=10, bar=False)
    np.testing.assert_allclose(runs[0].theta, runs[1].theta, rtol=1e-4, atol=1e-6)


def test_rewound_across_turns_undone_and_branched():
    run = trainer()
    run.fit(steps=6, bar=False)
    run.window = 4
    run.fit(steps=6, bar=False)
    run.set(period=1)
    run.fit(steps=6, bar=False)
    there = run.theta.copy()
    run.rewind(3)
    assert run.window == 0
    run.rewind(0)
    run.fit(steps=6, bar=False)
    run.window = 4
    run.fit(steps=6, bar=False)
    assert (run.window, run.period) == (4, 0)
    branch = run.branch(period=1)
    for each in (run, branch):
        each.set(period=1)
        each.fit(steps=6, bar=False)
        np.testing.assert_array_equal(each.theta, there)
    run.undo()
    assert (run.window, run.period, run.steps) == (4, 0, 12)


def test_saved_and_gone_on_with(tmp_path):
    run = trainer()
    run.set(window=5, period=3)
    run.fit(steps=7, bar=False)
    run.save(tmp_path / "run.npz")
    settings = {"batch_first": True, "rng": 0, "window": 5, "period": 3}
    again = nb.Trainer.load(tmp_path / "run.npz", model=Last(nb.nn.LSTM(2, 5, 1, **settings)), data=DATA)
    assert (again.window, again.period) == (5, 3)
    for each in (run, again):
        each.fit(steps=5, bar=False)
    np.testing.assert_array_equal(run.theta, again.theta)


def test_a_board_turns_them():
    run = trainer()
    controls = nb.views.Controls(nb.views.Loss(run), "window", "period")
    names = [dial["name"] for dial in controls._spec["desk"]["dials"]] if hasattr(controls, "_spec") else []
    assert not names or {"window", "period"} <= set(names)
    controls.close()


@pytest.mark.parametrize(
    "model",
    [
        nb.nn.mlp([2, 4, 1], seed=0),
        Last(nb.nn.LSTM(2, 5, num_layers=2, batch_first=True, rng=0)),
    ],
)
def test_where_there_is_not_one_recurrent_layer_they_are_refused(model):
    data = nb.data.moons(samples=40) if isinstance(model, nb.nn.Sequential) else DATA
    run = nb.Trainer(model, data, seed=0)
    assert run.window is None and run.period is None
    for name in ("window", "period"):
        with pytest.raises(ValueError, match=f"{name} cannot be 3: expected a model with one recurrent layer"):
            run.set(**{name: 3})


def test_a_wrong_number_is_refused_and_a_right_one_is_shared():
    with pytest.raises(ValueError, match="window must be an integer, 0 or more"):
        trainer().set(window=-1)
    for name in ("window", "period"):
        encode, decode = VALUES[name]
        assert decode(encode(7)) == 7
