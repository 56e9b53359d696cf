"""The controls that are folded away: each is as true as the others, whatever it is that is typed or chosen."""

import numpy as np
import pytest
from hand import Hand

import nbprop as nb
from nbprop.optim.schedules import Later
from nbprop.training.plans import OFFERED, PLANS


@pytest.fixture
def playground():
    made = nb.Playground(hidden=[6, 6])
    yield made
    made.close()


@pytest.fixture
def hand(playground):
    return Hand(playground)


def test_what_the_optimizer_has_not_is_away_and_comes_with_one_that_has_it(playground, hand):
    ways = {
        "sgd": {"momentum", "nesterov"}, "adagrad": {"eps"}, "rmsprop": {"alpha", "centered", "eps"},
        "adadelta": {"rho", "eps"}, "adam": {"betas", "eps"}, "adamw": {"betas", "eps"},
    }  # fmt: skip
    every = {"momentum", "nesterov", "betas", "alpha", "centered", "rho", "eps"}
    for name, has in ways.items():
        hand.turn("optimizer", name)
        assert {each for each in every if not hand.state[each].get("absent")} == has, name
        assert all(getattr(playground, each) is not None for each in has)
        assert all(getattr(playground, each) is None for each in every - has)
    assert not hand.state["schedule"].get("absent")  # which all have


def test_typed_pairs_and_names_are_taken_or_refused_in_words(playground, hand):
    t = playground.trainer
    assert (hand.shows("betas"), hand.shows("eps"), hand.shows("hidden_activations")) == (
        "0.9, 0.999",
        1e-8,
        "tanh, tanh",
    )
    for name, told, value, shown in (
        ("betas", "0.5; 0.9999999", (0.5, 0.9999999), "0.5, 0.9999999"), ("eps", "1e-20", 1e-20, 1e-20),
        ("hidden_activations", "relu, gelu", ("relu", "gelu"), "relu, gelu"),
        ("hidden_activations", "sigmoid", ("sigmoid", "sigmoid"), "sigmoid, sigmoid"),
        ("frozen", "hidden 1, output", ("hidden 1", "output"), "hidden 1, output"), ("frozen", "", (), ""),
    ):  # fmt: skip
        hand.turn(name, told)
        assert getattr(t, name) == getattr(playground, name) == value and hand.shows(name) == shown, (name, told)
        assert hand.message == ""
    assert t.activation == "sigmoid" == hand.shows("activation")
    for name, told, says in (
        ("betas", "0.9", "two numbers"), ("betas", "0.9, 1", "less than 1"), ("betas", "0.9, x", "expected a number"),
        ("betas", "0.9, nan", "expected a number"), ("eps", "0", "greater than 0"), ("eps", "-1", "greater than 0"),
        ("hidden_activations", "relu, tanh, tanh", "2, one for each place; got 3"),
        ("hidden_activations", "relu, tan", "did you mean 'tanh'"), ("hidden_activations", "", "got 0"),
        ("frozen", "hidden 3", "no layer 'hidden 3'; the layers are 'hidden 1', 'hidden 2', 'output'"),
        ("frozen", "hidden 1, hidden 2, output", "at least one must be trained"), ("frozen", "1", "no layer '1'"),
        ("loss", "cross_entropy", "expected one of mse"), ("schedule", "cosin", "expected one of none"),
    ):  # fmt: skip
        before = {each: getattr(t, each) for each in (name, "activation")}
        number = hand.turn(name, told)
        assert says in hand.message and hand.taken == number, (name, told, hand.message)
        assert before == {each: getattr(t, each) for each in (name, "activation")}


def test_frozen_layers_stay_and_the_others_learn(playground, hand):
    t = playground.trainer
    hand.turn("frozen", "hidden 2")
    before = [module.weight.data.copy() for module in t.model if isinstance(module, nb.nn.Linear)]
    t.fit(steps=3, bar=False)
    after = [module.weight.data for module in t.model if isinstance(module, nb.nn.Linear)]
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [False, True, False]
    hand.press("undo")
    assert t.frozen == () and hand.shows("frozen") == ""


def test_an_activation_with_settings_of_its_own_keeps_them_when_another_is_typed(playground, hand):
    t = playground.trainer
    t.hidden_activations = (nb.nn.LeakyReLU(0.3), "tanh")
    first, _ = hand.shows("hidden_activations").split(", ")
    hand.turn("hidden_activations", f"{first}, relu")
    assert hand.message == "" and [repr(each) for each in t.hidden_activations] == [
        repr(nb.nn.LeakyReLU(0.3)),
        "'relu'",
    ]
    t.step()
    assert hand.shows("hidden_activations") == f"{first}, relu"
    hand.press("undo", 2)
    assert hand.shows("hidden_activations") == "tanh, tanh"
    hand.turn("depth", 0)
    assert hand.shows("hidden_activations") == ""
    hand.turn("depth", 2)
    assert hand.shows("hidden_activations") == "tanh, tanh"


def test_the_losses_are_those_that_fit_the_data(playground, hand):
    t = playground.trainer
    for data, fitting, usual in (
        ("spirals", ["mse", "mae", "huber", "smooth_l1", "bce", "hinge"], "bce"),
        ("gaussians", ["mse", "mae", "huber", "smooth_l1", "cross_entropy", "multi_margin"], "cross_entropy"),
        ("wave", ["mse", "mae", "huber", "smooth_l1"], "mse"),
    ):
        hand.turn("data", data)
        assert (
            sorted(hand.state["loss"]["choices"]) == sorted(fitting) and hand.shows("loss") == usual == playground.loss
        )
        for name in fitting:
            hand.turn("loss", name)
            assert hand.message == "" and hand.shows("loss") == name == t.loss
            t.step()
    t.loss = nb.nn.HuberLoss(delta=0.3)  # one of the user's own is there as long as it stands
    assert hand.shows("loss") == "HuberLoss(delta=0.3)" and len(hand.state["loss"]["choices"]) == 5
    t.loss = nb.nn.HuberLoss()
    assert hand.shows("loss") == "huber" and len(hand.state["loss"]["choices"]) == 4


def test_a_loss_of_an_objective_that_is_no_loss_of_outputs_is_away():
    made = nb.Playground(hidden=[4])
    data = nb.data.moons(samples=50, seed=0)
    objective = nb.Objective(lambda model, batch: (model(batch["x"]) ** 2).mean(), {"x": data.X_train})
    trainer = nb.Trainer(nb.nn.mlp([2, 3, 1], seed=0), objective=objective)
    hand = Hand(nb.views.Controls(nb.views.Loss(trainer), "loss"))
    assert hand.state["loss"]["absent"]
    hand.board.close()
    made.close()


def test_schedules_are_chosen_by_their_names_and_begin_where_they_are_chosen(playground, hand):
    t = playground.trainer
    assert hand.shows("schedule") == "none" and playground.schedule is None
    for words, name in OFFERED[1:]:
        t.schedule = None
        hand.turn("schedule", words)
        assert t.schedule == PLANS[name] and playground.schedule == name and hand.shows("schedule") == words
    hand.turn("schedule", "none")
    assert t.schedule is None and hand.shows("schedule") == "none"
    t.fit(steps=30, bar=False)
    playground.schedule = "cosine"
    assert t.schedule == Later(PLANS["cosine"], 30) and t.optimizer.rate == t.lr  # it has only begun
    assert hand.shows("schedule") == playground.schedule == "cosine from update 30"
    playground.schedule = "cosine from update 30"  # what stands
    assert t.schedule == Later(PLANS["cosine"], 30)
    t.fit(steps=1000, bar=False)
    assert t.optimizer.rate == pytest.approx(t.lr / 2, rel=0.01)
    hand.turn("optimizer", "sgd")  # which begins to count, and its schedule with it
    assert t.schedule == PLANS["cosine"]
    t.fit(steps=5, bar=False)
    hand.turn("schedule", "half every 500")
    assert playground.schedule == "halving from update 5"
    hand.press("reset")
    assert playground.schedule == "halving" and t.steps == 0
    hand.press("undo", 1)
    assert playground.schedule == "halving from update 5"
    hand.press("undo", 1)
    assert playground.schedule == "cosine" and t.schedule == PLANS["cosine"]
    t.schedule = lambda done: 1 / (1 + done)
    assert hand.shows("schedule") == "<lambda>" and playground.schedule is t.schedule
    with pytest.raises(ValueError, match="unknown schedule 'cosin'; did you mean 'cosine'"):
        playground.schedule = "cosin"


def test_a_schedule_that_began_later_is_handed_on(tmp_path):
    made = nb.Playground(hidden=[4])
    t = made.trainer
    t.fit(steps=20, bar=False)
    made.schedule = "one_cycle"
    made.hidden_activations = ("relu",)
    t.fit(steps=20, bar=False)
    assert "controls" not in made.code
    other = nb.Playground.from_code(made.code)
    assert other.schedule == made.schedule == "one_cycle from update 20"
    assert set(other._desk.dials) == set(made._desk.dials)
    np.testing.assert_array_equal(other.trainer.theta, t.theta)
    exec(made.script(), space := {})
    np.testing.assert_array_equal(space["trainer"].theta, t.theta)
    t.save(tmp_path / "run")
    again = nb.Trainer.load(tmp_path / "run")
    assert again.schedule == t.schedule
    again.fit(steps=3, bar=False)
    t.fit(steps=3, bar=False)
    np.testing.assert_array_equal(again.theta, t.theta)
    for each in (made, other):
        each.close()


def test_the_past_shows_what_stood_then(playground, hand):
    t = playground.trainer
    t.fit(steps=20, bar=False)
    for name, told in (
        ("optimizer", "rmsprop"), ("centered", True), ("hidden_activations", "relu, tanh"), ("loss", "mse"),
        ("frozen", "hidden 1"), ("schedule", "cosine, 2,000 steps"), ("clip", 0.5),
    ):  # fmt: skip
        hand.turn(name, told)
        assert hand.message == "", name
    t.fit(steps=20, bar=False)
    names = ("betas", "hidden_activations", "loss", "frozen", "schedule", "clip")
    now = [hand.shows(name) for name in names[1:]]
    assert hand.state["betas"]["absent"] and not hand.state["centered"].get("absent")
    playground._timeline.look_at(10)
    playground.refresh()
    assert [hand.shows(name) for name in names] == ["0.9, 0.999", "tanh, tanh", "bce", "", "none", "off"]
    assert hand.state["centered"]["absent"] and "You look at step 10" in hand.state["betas"]["idle"]
    hand.turn("betas", "0.5, 0.5")
    assert "You look at step 10" in hand.message
    playground._timeline.back()
    playground.refresh()
    assert [hand.shows(name) for name in names[1:]] == now and hand.state["betas"]["absent"]


def test_where_parts_of_the_objective_differ_nothing_is_flattened():
    def loss(model, x):
        return ((model["a"](x) + model["b"](x)) ** 2).mean()

    model = nb.nn.ModuleDict({"a": nb.nn.Linear(2, 1), "b": nb.nn.Linear(2, 1)})
    objective = nb.Objective({"a": loss, "b": loss}, nb.data.moons(samples=50, seed=0).X_train)
    trainer = nb.Trainer(model, objective=objective, optimizer="adam")
    controls = nb.views.Controls(nb.views.Loss(trainer), "betas")
    hand = Hand(controls)
    hand.turn("betas", "0.8, 0.99")  # for all parts
    assert trainer.betas == (0.8, 0.99) and hand.message == ""
    trainer.betas = {"a": (0.5, 0.9)}
    assert "not the same for all parts" in hand.state["betas"]["idle"] and "0.5, 0.9" in hand.shows("betas")
    controls.close()
