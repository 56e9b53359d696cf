"""Groups of parameters in a run: turned, gone back to, saved, and kept while the network changes its shape."""

import copy

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn, optim
from nbprop.sources import Explained
from nbprop.training.sharing import code, from_code

GROUPS = [{"params": ["*.bias"], "weight_decay": 0}, {"params": "0.weight", "lr": 0.1}]


def of(kind=optim.AdamW, network=None, groups=GROUPS, **settings):
    network = network or nn.mlp([2, 6, 6, 1], seed=0, dtype=np.float64)
    return nb.Trainer(network, "moons", optimizer=kind(lr=0.01, groups=groups, **settings), seed=0)


def test_a_run_makes_the_steps_that_a_hand_makes():
    trainer, mine = of(), nn.mlp([2, 6, 6, 1], seed=0, dtype=np.float64)
    optimizer, batches = optim.AdamW(lr=0.01, groups=GROUPS), copy.deepcopy(trainer._run.batches)
    X, y = trainer.data.X_train.astype(np.float64), trainer.data.y_train
    for _ in range(20):
        at = batches.next(32, False)
        mine.zero_grad()
        nn.BCEWithLogitsLoss()(mine(X[at]), y[at]).backward()
        optimizer.step(mine)
    trainer.fit(steps=20, bar=False)
    np.testing.assert_array_equal(trainer.theta, mine.theta)
    trainer.groups = ()
    trainer.fit(steps=5, bar=False)
    assert trainer.optimizer.groups == () and (trainer.theta != mine.theta).all()


def test_tensors_of_the_model_become_names():
    network = nn.mlp([2, 6, 1], seed=0)
    given = optim.SGD([{"params": network[0].parameters(), "lr": 0.5}, {"params": network[2].parameters()}], lr=0.1)
    trainer = nb.Trainer(network, "moons", optimizer=given, seed=0)
    assert trainer.groups == ({"params": ("0.weight", "0.bias"), "lr": 0.5}, {"params": ("2.weight", "2.bias")})
    assert not trainer.optimizer.held and trainer.optimizer is not given
    plain = nb.Trainer(nn.mlp([2, 6, 1], seed=0), "moons", optimizer="sgd", lr=0.1, seed=0)
    plain.optimizer = optim.SGD(plain.model.parameters(), lr=0.2)
    assert (plain.groups, plain.lr) == ((), 0.2)
    plain.groups = trainer.groups
    plain.lr = 0.1
    plain.fit(steps=20, bar=False), trainer.fit(steps=20, bar=False)
    np.testing.assert_array_equal(plain.theta, trainer.theta)
    plain.reset(optimizer=optim.Adam(plain.model.parameters(), lr=0.3))
    assert (plain.optimizer.name, plain.lr, plain.groups) == ("adam", 0.3, ())


def test_other_tensors_are_refused():
    network = nn.mlp([2, 6, 1], seed=0)
    for params in (network[0].parameters(), nn.mlp([2, 6, 1]).parameters()):
        with pytest.raises(ValueError, match="SGD was given other parameters than the model's: a Trainer trains all"):
            nb.Trainer(network, "moons", optimizer=optim.SGD(params))
        trainer = nb.Trainer(network, "moons", seed=0)
        with pytest.raises(ValueError, match="given other parameters"):
            trainer.optimizer = optim.SGD(params)
    with pytest.raises(TypeError, match="was given parameters, of which nothing is known here"):
        nb.Descent("bowl", optim.SGD(network.parameters()))


def test_a_name_that_nothing_has_is_refused_before_the_run():
    with pytest.raises(ValueError, match=r"groups: no parameter is called '\*\.bais'; did you mean"):
        of(groups=[{"params": "*.bais"}])
    trainer = of()
    for turn in ({"groups": [{"params": "9.*"}]}, {"optimizer": optim.SGD(groups=[{"params": "9.*"}])}):
        with pytest.raises(ValueError, match=r"no parameter is called '9\.\*'"):
            trainer.set(**turn)
    assert trainer.groups == optim.AdamW(groups=GROUPS).groups


@pytest.mark.parametrize("name", list(optim.OPTIMIZERS))
def test_every_step_is_found_again_through_turns_freezing_and_surgery(name):
    trainer = nb.Trainer(
        nn.mlp([2, 6, 1], seed=0), "moons", optimizer=optim.OPTIMIZERS[name](lr=0.02, groups=GROUPS), seed=0
    )
    was = {}

    def go(steps):
        for _ in range(steps):
            trainer.step()
            was[trainer.steps] = trainer.theta.copy(), trainer.groups, trainer.optimizer.copy()

    go(7)
    trainer.optimizer.param_groups[1]["lr"] *= 2
    go(6)
    trainer.hidden = (6, 4)
    go(6)
    trainer.freeze(0)
    trainer.set(groups=[*GROUPS, {"params": "4.weight", "lr": 0.5}], lr=0.01)
    go(6)
    trainer.set(width=8, frozen=())
    go(5)
    assert trainer.groups[2]["params"] == ("4.weight",)
    trainer.set(depth=1)
    assert trainer.groups[2]["params"] == ("2.weight",)
    go(4)
    branch = trainer.branch()
    for step in (33, 29, 24, 18, 12, 3):
        trainer.rewind(step)
        theta, groups, optimizer = was[step]
        np.testing.assert_array_equal(trainer.theta, theta)
        assert trainer.groups == groups and trainer.optimizer.t == optimizer.t
        for key, vector in optimizer.state.items():
            np.testing.assert_array_equal(trainer.optimizer.state[key], vector)
    np.testing.assert_array_equal(branch.at(18).branch().theta, was[18][0])
    branch.reset()
    assert branch.groups == was[34][1]


LAYERS = [("hidden 1", 0.5), ("hidden 2", 0.25), ("output", 0.125)]


@pytest.mark.parametrize("kind", ["{}.*", "{}.weight"])
def test_groups_stay_with_the_layers_that_they_were_for(kind):
    trainer = of(groups=[{"params": kind.format(2 * i), "lr": lr} for i, (_, lr) in enumerate(LAYERS)])
    model = trainer.model
    was, new = [], {"rng": 0, "dtype": np.float64}

    def rates(model):
        """Learning rate of each Linear, in the order of the model."""
        of = trainer.optimizer
        numbers = [of.number_of(names) for _, names in model._places() if names[1] == "Linear.weight"]
        return [of.lr if number is None else of.groups[number]["lr"] for number in numbers]

    for turn, expected, said in (
        (lambda: trainer.set(depth=3), [0.5, 0.25, 0.01, 0.125], "hidden 2×6 → 3×6, group 4"),
        (lambda: trainer.insert(0), [0.01, 0.5, 0.25, 0.01, 0.125], "layer inserted as hidden 1, group 0"),
        (lambda: trainer.set(batch_norm=True), [0.01, 0.5, 0.25, 0.01, 0.125], "batch_norm False → True, group 2"),
        (lambda: trainer.remove("hidden 1"), [0.5, 0.25, 0.01, 0.125], "hidden 1 removed, group 3"),
        (
            lambda: trainer.set(activation=nn.PReLU(dtype=np.float64)),
            [0.5, 0.25, 0.01, 0.125],
            "activation tanh → prelu",
        ),
        (lambda: trainer.set(batch_norm=False, width=9), [0.5, 0.25, 0.01, 0.125], "hidden 3×6 → 3×9"),
        (
            lambda: model.insert(0, nn.Linear(2, 2, **new)),
            [0.01, 0.5, 0.25, 0.01, 0.125],
            "structure changed in code, ",
        ),
        (lambda: model.__setitem__(3, nn.Linear(9, 9, **new)), [0.01, 0.5, 0.25, 0.01, 0.125], "structure changed in"),
        (lambda: model.pop(0), [0.5, 0.25, 0.01, 0.125], "structure changed in code, group 1"),
        (lambda: trainer.set(depth=1), [0.5, 0.125], "hidden 3×9 → 1×9, group 2"),
        (lambda: trainer.set(depth=3), [0.5, 0.01, 0.01, 0.125], "hidden 1×9 → 3×9, group 2"),
        (lambda: trainer.set(depth=0), [0.125], "hidden 3×9 → none, group 0"),
        (lambda: trainer.set(depth=2), [0.01, 0.01, 0.125], "hidden none → 2×9, group 0"),
    ):
        turn()
        trainer.fit(steps=2, bar=False)
        assert rates(trainer.model) == expected and trainer.history.events[-1].text.startswith(said)
        was.append((trainer.steps, trainer.groups, trainer.theta.copy()))
    for step, groups, theta in reversed(was):
        trainer.rewind(step)
        assert trainer.groups == groups
        np.testing.assert_array_equal(trainer.theta, theta)


def test_what_is_new_belongs_to_groups_by_kind():
    trainer = of(groups=[{"params": ["*.bias", "BatchNorm1d.*"], "weight_decay": 0}])
    trainer.set(depth=4, batch_norm=True)
    assert trainer.groups == ({"params": ("*.bias", "BatchNorm1d.*"), "weight_decay": 0},)
    assert len(trainer.history.events) == 2 and all("group" not in event.text for event in trainer.history.events)


def test_a_turn_that_would_put_a_parameter_into_two_groups_is_refused():
    trainer = of(groups=[{"params": ["*.bias", "BatchNorm1d.*"]}, {"params": ["Linear.weight", "?.running_*", "?.w*"]}])
    with pytest.raises(ValueError, match=r"1\.weight \(BatchNorm1d\.weight\) is in groups\[0\] \(\*\.bias Bat"):
        trainer.batch_norm = True
    assert not trainer.batch_norm and not trainer.history.events
    trainer.fit(steps=2, bar=False)


def test_a_new_model_must_have_who_belongs_to_the_groups():
    trainer = of(groups=[{"params": "4.*", "lr": 0.5}])
    other = nn.mlp([2, 6, 1], seed=0, dtype=np.float64)
    with pytest.raises(ValueError, match=r"groups: no parameter is called '4\.\*'"):
        trainer.reset(model=other)
    trainer.reset(
        model=other,
        optimizer=optim.SGD([{"params": other[0].parameters(), "lr": 0.5}, {"params": other[2].parameters()}]),
    )
    assert trainer.groups[0]["params"] == ("0.weight", "0.bias")


def test_saved_and_loaded(tmp_path):
    trainer = of(optim.Adam, amsgrad=True, weight_decay=0.1)
    trainer.fit(steps=13, bar=False)
    trainer.save(tmp_path / "run.npz")
    loaded = nb.Trainer.load(tmp_path / "run.npz")
    assert loaded.groups == trainer.groups and loaded.optimizer.amsgrad
    for each in (loaded, trainer):
        each.fit(steps=10, bar=False)
    np.testing.assert_array_equal(loaded.theta, trainer.theta)


def test_other_optimizers_take_over_what_they_have():
    trainer = of(groups=[{"params": "0.*", "lr": 0.1, "betas": (0.5, 0.6)}])
    trainer.optimizer = "sgd"
    assert trainer.groups == ({"params": ("0.*",), "lr": 0.1},)
    trainer.fit(steps=3, bar=False)


def test_the_learning_rate_of_a_schedule_is_said():
    trainer = nb.Trainer(nn.mlp([2, 4, 1], seed=0), "moons", optimizer=optim.SGD(0.1, schedule=optim.StepLR(2)), seed=0)
    assert "SGD lr 0.1 (now 0.1), step 0" in str(trainer)
    trainer.fit(steps=5, bar=False)
    assert "SGD lr 0.1 (now 0.001), step 5" in str(trainer) and trainer.lr == 0.1
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.001)
    trainer.schedule = None
    assert "SGD lr 0.1, step 5" in str(trainer)


def test_words():
    trainer = of()
    trainer.set(groups=[{"params": "0.*", "lr": 0.1}])
    said = trainer.history.events[-1].text
    assert said == "groups *.bias: weight_decay 0; 0.weight: lr 0.1 → 0.*: lr 0.1"
    trainer.fit(steps=2, bar=False)
    assert trainer.stability().words.startswith("AdamW scales every parameter")
    trainer.set(optimizer="sgd")
    assert (
        trainer.stability().words == "groups of parameters have settings of their own: no one threshold holds for all"
    )
    with pytest.raises(TypeError, match=r"a group stays as it is: set an item of optimizer\.param_groups"):
        trainer.groups[0]["lr"] = 1


def test_written_down_and_run_again():
    trainer = of(network=nn.mlp([2, 6, 6, 1], seed=0))
    trainer.fit(steps=5, bar=False)
    trainer.groups = [{"params": "Linear.weight", "betas": (0.5, 0.9)}]
    trainer.fit(steps=5, bar=False)
    found = {}
    exec(trainer.script(), found)
    np.testing.assert_array_equal(found["trainer"].theta, trainer.theta)
    again = from_code(code(trainer))
    assert again.optimizer.groups == optim.AdamW(groups=GROUPS).groups
    assert optim.AdamW(groups=again.turns[-1].value).groups == trainer.groups
    with pytest.raises(ValueError, match="no PyTorch script is made of an optimizer with groups"):
        trainer.script(framework="torch")


def test_the_explained_step_has_the_settings_of_each():
    trainer = of()
    trainer.fit(steps=3, bar=False)
    explained = Explained(trainer)
    first, *_, last = (station for station in explained.stations if station.phase == "update")
    rates = [[explained.arrays[each].data.item() for line in s.lines for each in line.pieces if not isinstance(
        each, str) and explained.arrays[each].symbol == "η"] for s in (first, last)]  # fmt: skip
    assert 0.1 in rates[0] and 0.01 in rates[1] and 0.1 not in rates[1]
    r = explained.rehearsal
    trainer.step()
    np.testing.assert_array_equal(r.after, trainer.theta)


def test_parts_of_an_objective_have_groups_of_their_own():
    class Two(nn.Module):
        def __init__(self):
            self.left, self.right = nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=1)

    def loss(part):
        return lambda network, batch: ((getattr(network, part)(batch["x"]) - 1.0) ** 2).mean()

    data = {"x": np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)}
    objective = nb.Objective({part: loss(part) for part in ("left", "right")}, data)
    trainer = nb.Trainer(
        Two(), objective=objective, optimizer=optim.SGD(lr=0.0, groups=[{"params": "bias", "lr": 0.1}])
    )
    before = trainer.theta.copy()
    trainer.fit(steps=3, bar=False)
    assert (np.flatnonzero(before != trainer.theta) == [2, 5]).all()
    trainer.groups = {"left": ()}
    assert trainer.groups == {"left": (), "right": ({"params": ("bias",), "lr": 0.1},)}
