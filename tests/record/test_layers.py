"""Which layers there are does not depend on which are trained."""

import numpy as np
import pytest

import nbprop as nb


def test_frozen_layers_are_layers_whose_gradient_is_not_measured():
    t = nb.Trainer(nb.nn.mlp([2, 8, 8, 1], seed=0), "moons", seed=0)
    t.fit(steps=10, bar=False)
    t.freeze("hidden 1", "hidden 2")
    names = ["hidden 1", "hidden 2", "output"]
    for _ in range(2):  # before the first step with them, and after it
        assert [layer.name for layer in t.layers] == names and t.frozen == ("hidden 1", "hidden 2")
        assert [a.shape[1] for a in t.activations(t.data.X_val[:3])] == [8, 8, 1]
        assert [layer.name for layer in t.observe(0).layers] == names
        t.watch()
        t.fit(steps=10, bar=False)
    dz = t.probe()["dz"]
    assert np.ma.getmaskarray(dz).tolist() == [True, True, False] and dz[2] > 0 and (t.probe()["dW"][:2] == 0).all()
    words = nb.views.GradientFlow(t).describe()
    assert "diverged" not in words and "vanishing" not in words
    t.unfreeze()
    t.step()
    assert np.isfinite(t.probe()["dz"]).all()


def test_where_nothing_is_trained_there_is_nothing_to_observe():
    model = nb.nn.mlp([2, 4, 1], seed=0)
    t = nb.Trainer(model, "moons", seed=0)
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="all is frozen"):
        t.observe(0)
