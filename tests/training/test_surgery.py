"""What a network says right after it was changed: the same where mathematics allows, else as near as possible."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn

MOONS = nb.data.moons(samples=200, seed=0)


def trained(activation="tanh", hidden=(8, 8), steps=60, **options):
    made = nb.Trainer(
        nn.mlp([2, *hidden, 1], activation=activation, seed=0, **options), MOONS, optimizer="adam", lr=0.02
    )
    made.fit(steps=steps, bar=False)
    return made


def jump(made, change):
    """The largest change of what the network says, in parts of its range."""
    X = MOONS.X_train
    before = made._run.output(X)
    change(made)
    return float(np.abs(made._run.output(X) - before).max() / np.ptp(before))


EXACT = 2e-6  # float32 in another order
KINDS = ["tanh", "relu", "gelu", "sigmoid", "identity", "leaky_relu"]


@pytest.mark.parametrize("activation", KINDS)
@pytest.mark.parametrize("norm", [False, True])
def test_widening_says_the_same(activation, norm):
    made = trained(activation)
    if norm:
        made.batch_norm = True
        made.fit(steps=20, bar=False)
    assert jump(made, lambda t: t.set(width=12)) < EXACT
    assert jump(made, lambda t: t.widen(1, 20)) < EXACT
    assert made.hidden == (12, 20)
    made.fit(steps=5, bar=False)


@pytest.mark.parametrize("activation", KINDS)
@pytest.mark.parametrize("dropout", [None, 0.3])
def test_batch_normalization_comes_and_goes_unheard(activation, dropout):
    made = trained(activation, dropout=dropout)
    assert jump(made, lambda t: t.set(batch_norm=True)) < 2e-5
    made.fit(steps=40, bar=False)
    assert jump(made, lambda t: t.set(batch_norm=False)) < 2e-5
    made.fit(steps=5, bar=False)


@pytest.mark.parametrize(
    ("activation", "most"), [("relu", EXACT), ("identity", EXACT), ("leaky_relu", 0.05), ("tanh", 0.15), ("gelu", 0.1)]
)
def test_a_deeper_network_says_nearly_the_same(activation, most):
    made = trained(activation)
    assert jump(made, lambda t: t.set(depth=3)) < most
    made.fit(steps=5, bar=False)


@pytest.mark.parametrize(
    ("activation", "most"), [("relu", 1e-3), ("identity", 1e-4), ("tanh", 0.1), ("gelu", 0.1), ("sigmoid", 0.15)]
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_inserted_layer_says_nearly_the_same(activation, most, at):
    made = trained(activation)
    found = jump(made, lambda t: t.insert(at))
    assert found < (0.3 if at == 0 else most), found
    assert made.depth == 3
    made.fit(steps=5, bar=False)


@pytest.mark.parametrize("layer", [0, 1])
def test_what_stays_says_as_near_as_can_be_what_it_said_with_the_removed_one(layer):
    made = trained()
    before = made.evaluate()["train_loss"]
    made.remove(layer)
    assert made.depth == 1 and made.evaluate()["train_loss"] < before + 0.25


def test_scaling_changes_the_weights_and_not_the_biases():
    made = trained()
    weight, bias = made.model[0].weight.data.copy(), made.model[0].bias.data.copy()
    made.scale("hidden 1", 0.5)
    np.testing.assert_array_equal(made.model[0].weight.data, weight * np.float32(0.5))
    np.testing.assert_array_equal(made.model[0].bias.data, bias)
    made.reinitialize(0)
    assert not made.model[0].bias.data.any() and not np.array_equal(made.model[0].weight.data, weight * np.float32(0.5))


def test_all_layers_that_are_trained_are_drawn_anew_in_one_turn():
    made = trained()
    made.freeze("output")
    before, count = made.theta.copy(), len(made.undoable)
    made.reinitialize("all")
    changed = [not np.array_equal(before[layer.weight], made.theta[layer.weight]) for layer in made.layers]
    assert changed == [True] * (len(changed) - 1) + [False] and len(made.undoable) == count + 1
    made.undo()
    np.testing.assert_array_equal(made.theta, before)


def test_what_an_optimizer_remembers_goes_with_the_parameters():
    made = trained()
    before = (
        made.optimizer.state["m"].copy()
        if "m" in made.optimizer.state
        else next(iter(made.optimizer.state.values())).copy()
    )
    name = next(key for key, value in made.optimizer.state.items() if np.array_equal(value, before))
    made.widen(0, 10)
    after = made.optimizer.state[name]
    np.testing.assert_array_equal(after[:16].reshape(8, 2), before[:16].reshape(8, 2))  # the first units' weights
    assert not after[16:20].any()  # of the new ones


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        (lambda t: t.remove("output"), "output layer cannot be removed"),
        (lambda t: t.remove("hidden 9"), "no layer 'hidden 9'; the layers are 'hidden 1', 'hidden 2', 'output'"),
        (lambda t: t.insert(5), "at"),
        (lambda t: t.insert(0, 0), "units"),
        (lambda t: t.widen(0, 2000), "1024|width"),
        (lambda t: t.widen("output", 3), "output layer"),
        (lambda t: t.scale(0, "x"), "factor"),
        (lambda t: t.scale(0, float("nan")), "factor"),
        (lambda t: t.reinitialize(0, "heavy"), "heavy"),
        (lambda t: t.freeze(0, 1, 2), "all layers"),
        (lambda t: t.freeze("hiden 1"), "no layer 'hiden 1'"),
        (lambda t: t.freeze(True), "no layer True"),
        (lambda t: t.set(hidden=4), "hidden"),
        (lambda t: t.set(hidden=(4, 0)), "hidden layer's width"),
        (lambda t: t.set(batch_norm=1), "batch_norm"),
        (lambda t: t.set(dropout=0.2), "no nn.Dropout"),
        (lambda t: t.set(activation=("relu",)), "expected one for all or 2"),
        (lambda t: t.set(theta=np.zeros(3)), "theta must have the shape"),
        (lambda t: t.set(theta={"0.weight": np.zeros(3)}), "shape|missing"),
        (lambda t: t.set(momentum=0.5), "no momentum"),
        (lambda t: t.set(lrr=0.5), "did you mean 'lr'"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(deed, words):
    made = trained(steps=3)
    before, events = made.theta.copy(), list(made.history.events)
    with pytest.raises((ValueError, TypeError, AttributeError), match=words):
        deed(made)
    np.testing.assert_array_equal(made.theta, before)
    assert made.history.events == events and made.message == ""
    made.fit(steps=1, bar=False)


def test_a_turn_that_fails_halfway_has_not_been():
    made = trained(steps=7)
    before = made.theta.copy()

    def break_off(run, value):
        run.theta += 1
        raise RuntimeError("halfway")

    knob = nb.Trainer.batch_norm
    usual, knob._apply = knob._apply, break_off
    try:
        with pytest.raises(RuntimeError, match="halfway"):
            made.batch_norm = True
    finally:
        knob._apply = usual
    np.testing.assert_array_equal(made.theta, before)
    assert made.steps == 7 and not made.history.events and not made.batch_norm
    made.fit(steps=3, bar=False)
    made.rewind(8)  # which does not try it again
    with pytest.raises(ValueError, match="shape"):
        made.theta = {**made.model.state_dict(), "0.weight": np.zeros((1, 1))}
    made.rewind(5)


def test_what_no_longer_fits_when_its_turn_comes_is_refused_in_words():
    made = trained(steps=3)
    with made._lock:  # as if in the middle of a step: all is asked for before anything is done
        made._stepping = True
        made.remove(0)
        made.remove("hidden 2")
        made.remove("hidden 2")
        made._stepping = False
        made._drain()
    assert made.depth == 1 and "no layer 'hidden 2'" in made.message
    made.fit(steps=2, bar=False)
    made.rewind(2)


def test_layers_are_found_and_unfrozen_where_all_that_is_left_is_frozen():
    made = trained(steps=3)
    made.freeze("output")
    made.set(hidden=())
    assert [layer.name for layer in made.layers] == ["output"] and made.frozen == ("output",)
    with pytest.raises(ValueError, match="all are frozen"):
        made.fit(steps=1, bar=False)
    made.unfreeze()
    made.fit(steps=2, bar=False)
    assert made.steps == 5


def test_a_frozen_layer_stays_frozen_when_it_gets_another_size():
    made = trained(steps=3)
    made.freeze("hidden 2")
    made.set(width=11)
    assert made.frozen == ("hidden 2",)
    before = made.model[2].weight.data.copy()
    made.fit(steps=3, bar=False)
    np.testing.assert_array_equal(made.model[2].weight.data, before)


CHANGES = {
    "insert": lambda t: t.insert(1),
    "insert a narrow one": lambda t: t.insert(1, units=5),
    "insert first": lambda t: t.insert(0),
    "remove": lambda t: t.remove(1),
    "depth": lambda t: t.set(depth=3),
}


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_was_learned_is_not_lost_in_the_next_steps(change, activation):
    """Units of a trained layer say nearly the same; weights in balance between them would be huge."""
    made = nb.Trainer(
        nn.mlp([2, 16, 16, 1], activation=activation, seed=0),
        nb.data.spirals(noise=0.1, seed=0),
        lr=0.01,
        evaluate_every=1000,
    )
    made.fit(steps=600 if activation != "sigmoid" else 2500, bar=False)
    before = made.evaluate()["val_loss"]
    CHANGES[change](made)
    made.fit(steps=300, bar=False)
    assert made.evaluate()["val_loss"] < before + 0.05


def test_a_network_that_is_left_inside_its_older_vector_is_not_taken_for_edited():
    """The output layer stays where it was, behind layers that are gone; then another model changes its make."""
    trainer = nb.Trainer(nb.nn.mlp([2, 3, 2, 1], seed=0), "moons")
    trainer.depth = 0
    trainer.fit(steps=3, bar=False)
    nb.nn.mlp([2, 3, 1], seed=0).append(nb.nn.Tanh())
    trainer.fit(steps=3, bar=False)
    assert [event.name for event in trainer.history.events] == ["hidden"]


def test_an_activation_that_learns_comes_and_goes_with_what_the_optimizer_remembers():
    made = trained(activation=nn.PReLU(8))
    assert made.theta.size == 8 * 3 + 8 * 9 + 9 + 16
    memory = made.optimizer.state["exp_avg"].copy()
    for value, size in [("relu", 0), (nn.PReLU(), 2), ("hardswish", 0)]:
        made.activation = value
        made.fit(steps=3, bar=False)
        assert made.theta.size == 8 * 3 + 8 * 9 + 9 + size == made.optimizer.state["exp_avg"].size
    made.rewind(60)
    np.testing.assert_array_equal(made.optimizer.state["exp_avg"], memory)
    for change in ({"width": 12}, {"depth": 3}, {"width": 5}):
        before = made.model[1].weight.data.copy()
        made.set(**change)
        made.fit(steps=2, bar=False)
        slopes = [module for module in made.model if isinstance(module, nn.PReLU)]
        assert {module.num_parameters for module in slopes} == {made.model[0].out_features}
        common = min(len(before), len(slopes[0].weight.data))
        np.testing.assert_allclose(slopes[0].weight.data[:common], before[:common], atol=0.1)
    with pytest.raises(ValueError, match="its activation PReLU learns a slope of its own"):
        made.script()
