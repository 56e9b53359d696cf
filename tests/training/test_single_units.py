"""Single units: silenced ones give 0 and hand nothing back, frozen ones stay by the bit, and the way leads back."""

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn
from nbprop.training.step import EagerStep

from . import runs

MOONS = nb.data.moons(samples=80, seed=0)
PULLS = {
    "plain": {},
    "all": {"weight_decay": 0.1, "l1": 0.01, "clip": 0.05, "clip_value": 0.02, "accumulate": 2},
}


def made(activation="tanh", dtype=np.float32, **settings):
    model = nn.mlp([2, 6, 5, 1], activation=activation, seed=1, dtype=dtype)
    return nb.Trainer(model, MOONS, **{"batch_size": 16, "seed": 3, "snapshot_every": 4, **settings})


def convolution():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, rng=0), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 10, rng=1)
    )
    return nb.Trainer(model, nb.data.digits(image=True), batch_size=20, seed=0)


# ---- silenced --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", nn.ACTIVATIONS)
def test_a_silenced_unit_gives_0_and_hands_nothing_back_and_the_rest_is_as_without_it(activation):
    """As in a network in which its outgoing weights are 0, up to the gradient of these, which is 0 here."""
    t, other = made(activation, np.float64), made(activation, np.float64)
    t.silence("hidden 1", 2, 4)
    other.model[2].weight.data[:, [2, 4]] = 0
    t.step()
    other.step()
    seen, beside = t.observe(), other.observe()
    assert not seen.a[0][:, [2, 4]].any() and not seen.dz[0][:, [2, 4]].any() and seen.z[0][:, [2, 4]].any()
    assert seen.a[0][:, [0, 1, 3, 5]].any()
    assert seen.loss == pytest.approx(beside.loss, abs=1e-12)
    np.testing.assert_allclose(seen.dz[0], beside.dz[0], atol=1e-12)
    np.testing.assert_allclose(seen.dW[0], beside.dW[0], atol=1e-12)
    rest = np.delete(beside.dW[1], [2, 4], axis=1)
    np.testing.assert_allclose(np.delete(seen.dW[1], [2, 4], axis=1), rest, atol=1e-12)
    assert not seen.dW[1][:, [2, 4]].any() and rest.any()
    assert not t.activations(MOONS.X_val)[0][:, [2, 4]].any()  # in evaluation too
    np.testing.assert_allclose(t.outputs(MOONS.X_val), _said(t.model, MOONS.X_val, [2, 4]), atol=1e-12)


def _said(model, X, silenced):
    first, activation, *rest = model
    with nb.no_grad():
        a = type(activation)()(first(X)).data.copy()
        a[:, silenced] = 0
        for module in rest:
            a = module(a)
    return a.data


@pytest.mark.parametrize("activation", nn.ACTIVATIONS)
def test_a_replayed_step_is_the_step_computed_anew(activation):
    thetas = []
    for eager in (False, True):
        t = made(activation)
        t.silence("hidden 2", 0)
        t.freeze("hidden 1", unit=3)
        if eager:
            t._run.not_replayed = "for comparison"
        t.fit(steps=12, bar=False)
        assert isinstance(t._run._made, EagerStep) == eager
        thetas.append(t.theta.copy())
    np.testing.assert_array_equal(*thetas)


def test_a_channel_of_a_convolution():
    t = convolution()
    t.silence("hidden 1", 1)
    t.freeze(0, unit=2)
    before = [p.data.copy() for p in t.model[0].parameters()]
    t.fit(steps=3, bar=False)
    seen = t.observe()
    assert not seen.a[0][:, 1].any() and not seen.dz[0][:, 1].any() and seen.a[0][:, 0].any()
    for was, p in zip(before, t.model[0].parameters(), strict=True):
        assert np.array_equal(was[2], p.data[2]) and not np.array_equal(was[0], p.data[0])
    t.unsilence()
    t.step()
    assert t.silenced == () and t.observe().a[0][:, 1].any()


def test_what_it_gives_comes_back_when_it_speaks_again():
    t = made()
    t.fit(steps=5, bar=False)
    said = t.outputs(MOONS.X_val)
    t.silence("hidden 1", 0, 1)
    assert not np.allclose(t.outputs(MOONS.X_val), said)
    t.unsilence("hidden 1", 0)
    assert t.silenced == (("hidden 1", 1),)
    t.unsilence("hidden 1")
    np.testing.assert_array_equal(t.outputs(MOONS.X_val), said)


def test_it_is_no_dead_unit_and_no_saturated_one():
    t = made("relu")
    t.silence("hidden 1", *range(5))
    t.fit(steps=30, bar=False)
    assert t.probe()["saturated"][0] == 0
    assert "dead" not in {finding.rule for finding in nb.diagnose(t)}
    sigmoid = made("sigmoid")
    sigmoid.silence("hidden 1", *range(6))
    sigmoid.step()
    assert sigmoid.probe()["saturated"][0] == 0


def test_its_equation_says_so_and_its_numbers_are_those_of_the_step():
    t = made("sigmoid")
    t.silence("hidden 1", 2)
    t.step()
    view = nb.views.Explained(t, station=1).views[0]
    assert "a₁ = m₁ ⊙" in view.describe()
    explained = nb.sources.explained.Explained(t)
    (mask,) = (each for each in explained.arrays if each.symbol == "m₁")
    np.testing.assert_array_equal(mask.data, [1, 1, 0, 1, 1, 1])


# ---- frozen ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", nb.optim.OPTIMIZERS)
@pytest.mark.parametrize("pulls", PULLS.values(), ids=PULLS)
def test_a_frozen_unit_stays_and_the_others_learn_and_it_goes_on_afterwards(optimizer, pulls):
    t = made(optimizer=optimizer)
    t.set(**pulls)
    t.fit(steps=3, bar=False)  # momentum, and whatever else an optimizer keeps, would carry it on
    t.freeze("hidden 1", unit=2)
    layer = t.model[0]
    was = layer.weight.data.copy(), layer.bias.data.copy()
    t.fit(steps=5, bar=False)
    for before, now in zip(was, (layer.weight.data, layer.bias.data), strict=True):
        assert np.array_equal(before[2], now[2])
        assert all(not np.array_equal(before[i], now[i]) for i in (0, 1, 3, 4, 5))
    assert not t.observe().dW[0][2].any()
    t.unfreeze("hidden 1", unit=2)
    t.fit(steps=2, bar=False)
    assert t.frozen_units == () and not np.array_equal(was[0][2], layer.weight.data[2])


def test_slices_of_rows_and_parameters():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=1))
    model[0].weight.frozen_rows = (1, 2)
    assert model.frozen_slices() == [slice(2, 6)]
    model[0].bias.frozen_rows = (0, 2)
    assert model.frozen_slices() == [slice(2, 7), slice(8, 9)]
    model[0].bias.requires_grad = False
    model[1].weight.requires_grad = False
    assert model.frozen_slices() == [slice(2, 12)]
    before = model.theta.copy()
    model.gradient = np.ones_like(before)
    nb.optim.SGD(lr=1.0).step(model)
    np.testing.assert_array_equal(model.theta != before, [True] * 2 + [False] * 10 + [True])


def test_unfreezing_without_names_is_of_layers_and_units_and_one_thing_to_undo():
    t = made()
    t.freeze("hidden 2")
    t.freeze("hidden 1", unit=0)
    t.unfreeze()
    assert (t.frozen, t.frozen_units) == ((), ())
    t.undo()
    assert (t.frozen, t.frozen_units) == (("hidden 2",), (("hidden 1", 0),))


def test_a_frozen_unit_has_no_part_in_directions_and_curvature():
    t = made()
    t.freeze("hidden 1", unit=1)
    t.step()
    around = t.around()
    rows = nb.sources.plane.filter_normalized(np.random.default_rng(0), around.theta, around.shapes, around.frozen)
    assert not rows[2:4].any() and rows[:2].any() and rows[4:6].any()


# ---- turns -----------------------------------------------------------------------------------------------------------


def test_a_run_with_single_units_is_rewound_saved_branched_and_written_down(tmp_path):
    t = made()
    thetas = {}
    t.on("step", lambda trainer: thetas.setdefault(trainer.steps, trainer.theta.copy()))
    t.fit(steps=6, bar=False)
    t.silence("hidden 1", 5)
    t.freeze("hidden 2", unit=4)
    t.fit(steps=5, bar=False)
    t.activation = "relu"
    t.fit(steps=5, bar=False)
    assert t.silenced == (("hidden 1", 5),) and t.frozen_units == (("hidden 2", 4),)
    assert t.at(9).silenced == t.silenced and t.at(5).silenced == ()
    other = t.branch()
    other.fit(steps=4, bar=False)
    program = {}
    exec(t.script().replace("print", "str"), program)
    np.testing.assert_array_equal(program["trainer"].theta, t.theta)
    runs.check(t, tmp_path / "run.npz", steps=4, data=MOONS)
    np.testing.assert_array_equal(t.theta, other.theta)
    for step in (14, 8, 3):
        t.rewind(step)
        np.testing.assert_array_equal(t.theta, thetas[step])
        assert bool(t.silenced) == bool(t.frozen_units) == (step > 6)
        assert t.activation == ("relu" if step > 11 else "tanh")


def test_a_code_keeps_them():
    playground = nb.Playground(hidden=[5, 4], seed=0)
    t = playground.trainer
    t.fit(steps=3, bar=False)
    t.silence("hidden 1", 2, 3)
    t.freeze("hidden 2", unit=1)
    t.fit(steps=3, bar=False)
    other = nb.Playground.from_code(playground.code)
    assert other.trainer.silenced == t.silenced and other.trainer.frozen_units == (("hidden 2", 1),)
    np.testing.assert_array_equal(other.trainer.theta, t.theta)
    for each in (playground, other):
        each.close()


def test_a_program_for_pytorch_refuses_them():
    t = made()
    t.silence("hidden 1", 2)
    with pytest.raises(ValueError, match="single units"):
        t.script("torch")


def test_a_saved_model_is_silent_where_it_was(tmp_path):
    t = made()
    t.silence("hidden 1", 2)
    nb.save(t.model, tmp_path / "model.npz")
    other = nb.load(tmp_path / "model.npz")
    other.eval()
    np.testing.assert_array_equal(other(MOONS.X_val).data, t.outputs(MOONS.X_val))


def test_what_becomes_of_them_when_the_network_changes():
    t = made()
    t.silence("hidden 2", 1, 4)
    t.freeze("hidden 2", unit=4)
    t.freeze("output", unit=0)
    t.unfreeze("output", unit=0)
    t.insert(0)
    assert t.silenced == (("hidden 3", 1), ("hidden 3", 4)) and t.frozen_units == (("hidden 3", 4),)
    t.set(hidden=(6, 6, 3))
    assert t.silenced == (("hidden 3", 1),) and t.frozen_units == ()
    assert t.history.events[-1].text == "hidden 6-6-5 → 6-6-3, silenced unit: 1 gone, frozen unit: 1 gone"
    t.batch_norm = True
    assert t.silenced == (("hidden 3", 1),)
    t.depth = 4
    assert t.silenced == (("hidden 3", 1),)  # a new layer is not silent, though it is made like the last one
    t.remove("hidden 3")
    assert t.silenced == () and "silenced unit: 1 gone" in t.history.events[-1].text
    t.undo(5)
    assert t.silenced == (("hidden 2", 1), ("hidden 2", 4))
    t.width = 8
    assert t.silenced == (("hidden 2", 1), ("hidden 2", 4)) and t.frozen_units == (("hidden 2", 4),)


def test_what_cannot_be_done_is_refused_in_words():
    t = made()
    refused = {
        "its units are the output": lambda: t.silence("output", 0),
        "the unit of hidden 1 must be an integer from 0 to 5; got 6": lambda: t.silence("hidden 1", 6),
        "no layer 'hidden 9'": lambda: t.silence("hidden 9", 0),
        "expected pairs of a layer and a unit": lambda: t.set(silenced="hidden 1"),
        "unit of hidden 2 must be an integer from 0 to 4": lambda: t.freeze("hidden 2", unit=-1),
        "at least one must be trained": lambda: t.set(frozen=["hidden 1", "hidden 2"], frozen_units=[("output", 0)]),
    }
    for words, act in refused.items():
        with pytest.raises((ValueError, TypeError), match=words):
            act()
    assert (t.silenced, t.frozen, t.frozen_units) == ((), (), ())
    shared = nn.Tanh()
    model = nn.Sequential(nn.Linear(2, 4, rng=0), shared, nn.Linear(4, 4, rng=1), shared, nn.Linear(4, 1, rng=2))
    with pytest.raises(ValueError, match="one object with that of another layer"):
        nb.Trainer(model, MOONS).silence(0, 1)
    bare = nn.Sequential(nn.Linear(2, 4, rng=0), nn.Linear(4, 1, rng=2))
    with pytest.raises(ValueError, match=r"hidden 1 \(Linear\).*no nn.Activation comes right after"):
        nb.Trainer(bare, MOONS).silence(0, 1)


def test_a_recurrent_layer_is_refused():
    class Last(nn.Module):
        static = True

        def __init__(self):
            self.rnn, self.out = nn.LSTM(2, 4, rng=0, batch_first=True), nn.Linear(4, 1, rng=1)

        def forward(self, x):
            return self.out(self.rnn(x)[0][:, -1])

    X = np.random.default_rng(0).normal(size=(40, 5, 2)).astype(np.float32)
    t = nb.Trainer(Last(), nb.data.from_arrays(X, (X.sum(axis=(1, 2)) > 0).astype(int)), seed=0)
    with pytest.raises(ValueError, match="LSTM"):
        t.silence("hidden 1", 0)
    with pytest.raises(ValueError, match=r"LSTM: expected a Linear or Conv2d.*trainer.freeze\('hidden 1'\)"):
        t.freeze("hidden 1", unit=0)


def test_an_activation_with_a_forward_of_its_own_is_refused():
    class Twice(nn.Activation):
        name = "twice"

        def forward(self, z):
            return z * 2

    t = nb.Trainer(nn.Sequential(nn.Linear(2, 4, rng=0), Twice(), nn.Linear(4, 1, rng=1)), MOONS)
    with pytest.raises(ValueError, match="Twice has a forward of its own"):
        t.silence(0, 1)


def test_a_frozen_unit_stays_where_parameters_have_groups():
    model = nn.mlp([2, 6, 5, 1], seed=1)
    groups = [{"params": "*.bias", "lr": 0.1}]
    t = nb.Trainer(model, MOONS, optimizer=nb.optim.Adam(lr=0.01, groups=groups), seed=0)
    t.fit(steps=3, bar=False)
    t.freeze("hidden 1", unit=2)
    was = model[0].weight.data.copy(), model[0].bias.data.copy()
    t.fit(steps=3, bar=False)
    for before, p in zip(was, (model[0].weight, model[0].bias), strict=True):
        assert np.array_equal(before[2], p.data[2]) and not np.array_equal(before[1], p.data[1])


def test_an_activation_that_silences_nothing_is_refused_while_units_are_silenced():
    trainer = nb.Trainer(nb.nn.mlp([2, 4, 1], seed=0), "moons", seed=0)
    trainer.silence("hidden 1", 2)
    with pytest.raises(ValueError, match=r"no unit of PReLU.* can be silenced, and here some are; unsilence them"):
        trainer.set(activation=nb.nn.PReLU())
    assert trainer.activation == "tanh" and trainer.silenced
    trainer.unsilence()
    trainer.set(activation=nb.nn.PReLU())


def test_nothing_to_silence_or_to_freeze_is_said():
    t = nb.Trainer(nn.mlp([2, 4, 4, 1], seed=0), "moons", seed=0)
    with pytest.raises(TypeError, match=r"silence takes units of a layer, as silence\('hidden 2', 0\)"):
        t.silence("hidden 2")
    for act in (t.freeze, lambda: t.freeze(unit=1)):
        with pytest.raises(
            TypeError, match=r"freeze takes layers, as freeze\('hidden 1'\); they are 'hidden 1', 'hidden 2'"
        ):
            act()
    assert not (t.silenced or t.frozen or t.frozen_units or t.history.events)


def test_files_keep_who_is_silenced_and_state_dict_has_numbers_alone(tmp_path):
    t = nb.Trainer(nn.mlp([2, 4, 4, 1], seed=0), "moons", seed=0)
    t.silence("hidden 1", 0, 2)
    x = t.data.X_val[:5]
    nb.save(t.model, tmp_path / "model.npz")
    t.save(tmp_path / "run.npz")
    for other in (nb.load(tmp_path / "model.npz"), nb.Trainer.load(tmp_path / "run.npz").model):
        np.testing.assert_array_equal(other(x).data, t.model(x).data)
    other = nn.mlp([2, 4, 4, 1], seed=1)
    other.load_state_dict(t.model.state_dict())
    np.testing.assert_array_equal(other.theta, t.theta)
    assert (other(x).data != t.model(x).data).all() and "silenced" in (nn.Module.state_dict.__doc__ or "")
    other[1].silenced = t.model[1].silenced
    np.testing.assert_array_equal(other(x).data, t.model(x).data)
