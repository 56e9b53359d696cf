"""A run whose numbers are no longer finite stops, says what first went wrong, and can be rewound."""

import numpy as np
import pytest

import nbprop as nb


def test_too_large_a_learning_rate_is_named_and_can_be_undone():
    data = nb.data.surface(samples=100)
    t = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], activation="relu", seed=0), data, optimizer="sgd", lr=0.01, batch_size=20)
    t.fit(steps=50)
    theta = t.model.theta.copy()
    t.lr = 1e6
    says = r"In step 5\d.* became .*trainer\.rewind\(\d+\).*learning rate below 1e\+06"
    with pytest.raises(nb.Diverged, match=says) as caught:
        t.fit(steps=100)
    assert caught.value.step == t.steps + 1 or caught.value.step == t.steps
    assert t.status == "stopped" and str(caught.value) == t.message
    assert np.isfinite(t.history["loss"]).all()
    t.rewind(50)
    np.testing.assert_array_equal(t.model.theta, theta)
    assert t.lr == 0.01 and t.message == ""
    t.fit(steps=20)
    assert t.steps == 70


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_the_first_bad_layer_is_named(poison):
    t = nb.Trainer(nb.nn.mlp([2, 4, 4, 4, 1], seed=0), nb.data.xor(), optimizer="sgd", lr=0.1)
    t.fit(steps=3)
    t.model[2].weight.data[1, 1] = poison
    theta = t.model.theta.copy()
    with pytest.raises(nb.Diverged) as caught:
        t.fit(steps=1)
    assert (caught.value.step, caught.value.layer, caught.value.quantity) == (4, "hidden 2", "weights")
    assert "is NaN before it begins" in str(caught.value) or "is infinite before it begins" in str(caught.value)
    assert "learning rate" not in str(caught.value)
    assert t.steps == 3
    np.testing.assert_array_equal(t.model.theta, theta)  # the bad update was not made


def test_an_update_that_overflows_is_named():
    t = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), nb.data.surface(), optimizer="sgd", lr=1e38)
    t.model.theta = t.model.theta * 1e3
    with pytest.raises(nb.Diverged, match="the weights of layer 'hidden 1' became infinite") as caught:
        t.fit(steps=1)
    assert (caught.value.step, caught.value.quantity) == (1, "parameters")
    t.rewind(0)
    assert np.isfinite(t.model.theta).all()


def test_huge_but_finite_gradients_do_not_stop_the_run():
    t = nb.Trainer(
        nb.nn.mlp([2, 4, 1], activation="identity", seed=0), nb.data.surface(), loss="mse", optimizer="sgd", lr=0.0
    )
    t.model.theta = t.model.theta * 1e9
    t.fit(steps=20)  # squares of the gradient overflow float32
    norms = t.history["dW"][-1]
    assert np.isfinite(norms).all() and norms.max() > 1e19


def test_an_error_in_the_model_does_not_end_the_trainer():
    class Moody(nb.nn.Module):
        bad = False

        def __init__(self):
            self.linear = nb.nn.Linear(2, 1)

        def forward(self, x):
            if self.bad:
                raise RuntimeError("in a mood")
            return self.linear(x)

    model = Moody()
    t = nb.Trainer(model, nb.data.xor())
    model.bad = True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="in a mood"):
            t.fit(steps=1)
    model.bad = False
    t.fit(steps=3)
    assert t.steps == 3
