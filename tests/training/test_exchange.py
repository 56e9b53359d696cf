"""Another optimizer, or one like the present one; names that are nearly a knob's."""

import numpy as np
import pytest

import nbprop as nb


def make(**settings):
    return nb.Trainer(nb.nn.mlp([2, 6, 1], seed=0), nb.data.xor(seed=1), seed=2, **settings)


@pytest.mark.parametrize("same", [lambda t: "adam", lambda t: t.optimizer], ids=["name", "itself"])
def test_the_present_optimizer_goes_on(same):
    t, twin = make(lr=0.02), make(lr=0.02)
    t.fit(steps=10)
    t.optimizer = same(t)
    assert t.history.events == [] and t.optimizer.t == 10
    t.fit(steps=10)
    twin.fit(steps=20)
    np.testing.assert_array_equal(t.model.theta, twin.model.theta)


@pytest.mark.parametrize("before, after", [("sgd", "momentum"), ("momentum", "nesterov"), ("nesterov", "sgd")])
def test_names_of_one_class_are_told_apart(before, after):
    t = make(optimizer=before, lr=0.02)
    t.fit(steps=5)
    t.optimizer = after
    assert t.optimizer.name == after and len(t.history.events) == 1
    assert t.optimizer.settings() == nb.optim.optimizer(after, lr=0.02).settings()


def test_names_of_several_optimizers_keep_what_each_part_has():
    model = nb.nn.ModuleDict({"d": nb.nn.mlp([2, 4, 1], seed=0), "g": nb.nn.mlp([2, 4, 1], seed=1)})
    losses = {part: lambda model, x, part=part: (model[part](x) ** 2).mean() for part in model}
    optimizers = {"d": nb.optim.Adam(lr=0.1, betas=(0.5, 0.9)), "g": nb.optim.Adam(lr=0.01)}
    data = np.ones((20, 2), np.float32)
    t = nb.Trainer(model, objective=nb.Objective(losses, data), optimizer=optimizers)
    t.fit(steps=5)
    for names in ("adam", {"d": "adam", "g": "adam"}):
        t.optimizer = names
        assert t.history.events == [] and [each.t for each in t.optimizer.values()] == [5, 5]
    t.optimizer = {"d": "adam", "g": "sgd"}
    assert t.lr == {"d": 0.1, "g": 0.01} and t.optimizer["d"].betas == (0.5, 0.9)
    assert len(t.history.events) == 1
    t.fit(steps=5)
    t.optimizer = {"d": nb.optim.Adam(lr=0.1), "g": t.optimizer["g"]}
    assert t.optimizer["d"].betas == (0.9, 0.999) and t.optimizer["d"].t == 0


OTHERS = {
    "adam begins anew": lambda: nb.optim.Adam(lr=0.02),
    "adam begins anew, betas (0.9, 0.999) → (0.5, 0.9)": lambda: nb.optim.Adam(lr=0.02, betas=(0.5, 0.9)),
    "adam begins anew, weight_decay 0.0 → 0.1": lambda: nb.optim.Adam(lr=0.02, weight_decay=0.1),
    "optimizer adam → adamw": lambda: nb.optim.AdamW(lr=0.02),
}


@pytest.mark.parametrize("words", OTHERS)
def test_another_optimizer_is_an_event_and_begins_anew(words):
    other = OTHERS[words]
    t, twin = make(lr=0.02), make(lr=0.02)
    t.fit(steps=10)
    twin.fit(steps=11)
    t.optimizer = other()
    assert [event.text for event in t.history.events] == [words] and t.optimizer.t == 0
    assert t.optimizer.settings() == other().settings()
    t.fit(steps=1)
    assert t.optimizer.t == 1 and not np.array_equal(t.model.theta, twin.model.theta)


def test_a_name_that_is_nearly_a_knob_is_refused_and_meant():
    t = make()
    with pytest.raises(AttributeError, match=r"a Trainer has no 'lrr'.*did you mean 'lr'"):
        t.lrr = 1
    with pytest.raises(AttributeError, match=r"no knob 'lrr'.*did you mean 'lr'"):
        t.set(lrr=1)
    with pytest.raises(AttributeError, match="no knob 'lrr'"):
        t.set(batch_size=4, lrr=1)
    assert t.batch_size == 32 and t.history.events == [] and not hasattr(t, "lrr")


@pytest.mark.parametrize("name", ["adamw", "sgd", "rmsprop"])
def test_weight_decay_survives_the_name_of_another_optimizer(name):
    t = make(lr=0.02)
    t.weight_decay = 0.25
    t.fit(steps=2)
    t.optimizer = name
    assert t.weight_decay == t.optimizer.weight_decay == 0.25 and t.lr == 0.02
    t.fit(steps=2)
    t.rewind(3)
    assert t.weight_decay == t.optimizer.weight_decay == 0.25
    t.rewind(1)
    assert isinstance(t.optimizer, nb.optim.Adam) and t.weight_decay == 0.25
