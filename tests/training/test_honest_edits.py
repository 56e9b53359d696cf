"""What a user changes in the model between two fits is noticed, flagged, and part of the way back."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn


def trainer(model=None, **options):
    options = {"optimizer": "adam", "lr": 0.05, "snapshot_every": 4, "evaluate_every": 5, **options}
    return nb.Trainer(nn.mlp([2, 6, 6, 1], seed=0, dropout=0.2) if model is None else model, "moons", **options)


def said(made):
    return [
        (event.step, event.name, event.text if hasattr(event, "text") else str(event)) for event in made.history.events
    ]


def freeze(model):
    model[0].weight.requires_grad = False


def numbers(model):
    model[0].weight.data = np.full(model[0].weight.shape, 0.3, np.float32)


def in_place(model):
    model[0].weight.data[0, 0] += 1


def parameter(model):
    model[0].bias = nn.Parameter(np.full(6, 0.1, np.float32))


def exchange(model):
    model[1] = nn.ReLU()


def share(model):
    model[2].p = 0.6


def mode(model):
    model.eval()


def lists(model):
    model.extra = [nn.Linear(2, 2, rng=0)]


EDITS = [freeze, numbers, in_place, parameter, exchange, share, mode]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_flagged_and_gone_back_across(edit):
    made = trainer()
    states = {0: made.theta.copy()}

    def go(steps):
        for _ in range(steps):
            made.fit(steps=1, bar=False)
            states[made.steps] = made.theta.copy()

    go(6)
    assert not made.history.events
    edit(made.model)
    go(6)
    (event,) = made.history.events
    assert event.step == 6 and "changed in code" in str(event)
    after = made.theta.copy()
    for step in (9, 6, 3):
        made.rewind(step)
        np.testing.assert_array_equal(made.theta, states[step])
        made.fit(steps=12 - step, bar=False)
        if step > 6:
            np.testing.assert_array_equal(made.theta, after)
            assert made.history.events == [event]
        else:
            assert not made.history.events  # it was forgotten with what came later
        made.undo()
        np.testing.assert_array_equal(made.theta, after)
        assert made.history.events == [event] and made.steps == 12


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_undone_and_redone(edit):
    made = trainer()
    made.fit(steps=6, bar=False)
    before = made.theta.copy()
    edit(made.model)
    made.fit(steps=5, bar=False)
    after, events = made.theta.copy(), list(made.history.events)
    made.undo()
    assert made.steps == 6 and not made.history.events
    np.testing.assert_array_equal(made.theta, before)
    assert isinstance(made.model[1], nn.Tanh) and made.model[2].p == 0.2 and made.model.training
    assert all(p.requires_grad for p in made.model.parameters())
    made.redo()
    np.testing.assert_array_equal(made.theta, after)
    assert made.history.events == events and made.steps == 11
    made.undo()
    made.fit(steps=5, bar=False)
    plain = trainer()
    plain.fit(steps=11, bar=False)
    np.testing.assert_array_equal(made.theta, plain.theta)


def test_an_edit_before_the_first_step_is_how_it_begins():
    made = trainer()
    numbers(made.model)
    freeze(made.model)
    made.fit(steps=5, bar=False)
    assert not made.history.events
    made.rewind(0)
    assert (made.model[0].weight.data == np.float32(0.3)).all() and not made.model[0].weight.requires_grad


def test_another_model_that_is_made_or_changed_is_no_edit():
    made, other = trainer(), nn.mlp([2, 4, 1], seed=3)
    for _ in range(4):
        made.fit(steps=3, bar=False)
        other.eval()
        other[0].weight.requires_grad = False
        other.append(nn.ReLU())
        nn.Linear(3, 3)
        other.theta = other.theta * 2
        trainer().fit(steps=2, bar=False)
    assert not made.history.events


class Notes(nn.Module):
    """Sets attributes in forward, of all kinds."""

    def __init__(self):
        self.a, self.b = nn.Linear(2, 6, rng=1), nn.Linear(6, 1, rng=2)
        self.calls, self.last, self.all, self.mean = 0, None, [], np.zeros(6, np.float32)

    def forward(self, x):
        self.calls += 1
        z = self.a(x)
        self.last = z.detach()
        self.all.append(self.calls)
        self.by_size = {len(x): z.data}
        self.mean *= 0.9
        self.mean += z.data.mean(axis=0)
        return self.b((z - 0.01 * self.calls % 7 - self.mean).tanh())


def test_what_forward_sets_is_no_edit_and_is_gone_back_with():
    made, states = trainer(Notes()), []
    for _ in range(11):
        states.append(made.theta.copy())
        made.fit(steps=1, bar=False)
        made.predict(made.data.X_val)
    assert not made.history.events
    for step in (9, 5, 2):
        made.rewind(step)
        np.testing.assert_array_equal(made.theta, states[step])
        assert made.model.calls == len(made.model.all) == step
    made.fit(steps=6, bar=False)
    np.testing.assert_array_equal(made.theta, states[8])


def test_a_layer_added_to_a_list_between_fits_is_trained():
    class Net(nn.Module):
        def __init__(self):
            self.layers = [nn.Linear(2, 6, rng=1)]
            self.out = nn.Linear(6, 1, rng=2)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x).tanh()
            return self.out(x)

    made = trainer(Net())
    made.fit(steps=5, bar=False)
    before = made.theta.copy()
    new = nn.Linear(6, 6, rng=3)
    kept = new.weight.data.copy()
    made.model.layers.append(new)
    made.fit(steps=5, bar=False)
    assert np.abs(new.weight.data - kept).max() > 0
    made.rewind(5)
    np.testing.assert_array_equal(made.theta, before)
    assert len(made.model.layers) == 1


def test_a_run_that_cannot_be_made_again_says_so():
    class Draws(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(2, 1, rng=0)

        def forward(self, x):
            return self.linear(x) * (1 + np.random.random())  # noqa: NPY002

    made = trainer(Draws())
    made.fit(steps=6, bar=False)
    with pytest.warns(RuntimeWarning, match="rewind is not exact: step .* another loss when it was made again"):
        made.rewind(6)
    assert "generator" in made.message and made.status == "paused"


def test_a_parameter_of_another_dtype_is_refused_and_can_be_gone_back_from():
    t = nb.Trainer(nn.mlp([2, 6, 6, 1], seed=0, dtype=np.float64), "moons", seed=0)
    t.fit(steps=4, bar=False)
    was = t.theta.copy()
    t.fit(steps=2, bar=False)
    t.model[1] = nn.PReLU()
    for act in (lambda: t.fit(steps=1, bar=False), lambda: t.set(activation="relu"), lambda: t.set(depth=3)):
        with pytest.raises(TypeError, match=r"this model mixes float32 \(1\.weight\) and float64 \(0\.weight\)"):
            act()
    t.rewind(4)
    np.testing.assert_array_equal(t.theta, was)
    t.activation = nn.PReLU()  # by the knob it gets the dtype of the model
    t.fit(steps=2, bar=False)
    assert t.theta.dtype == np.float64 and t.activation == "prelu"
