"""What is in a module is found, wherever it was put; what would not be found is refused in words."""

import copy
from collections import UserDict, UserList, deque

import numpy as np
import pytest
from hypothesis import given, strategies as st
from test_module import check_packed

from nbprop import nn
from nbprop.engine import Tensor, no_grad
from nbprop.nn.module import evaluating
from nbprop.nn.parameter import strangers
from nbprop.optim import SGD


def linear(seed=0):
    return nn.Linear(2, 2, rng=seed)


def parameter(value=1.0):
    return nn.Parameter(np.full(2, value, np.float32))


class Net(nn.Module):
    """One attribute, `it`."""

    def __init__(self, it):
        self.it = it


@pytest.mark.parametrize(
    ("it", "modules", "parameters"),
    [
        ([linear(), linear()], ["it.0", "it.1"], 4),
        ((linear(), nn.Tanh()), ["it.0", "it.1"], 2),
        ({"a": linear(), 3: linear()}, ["it.a", "it.3"], 4),
        (deque([linear()]), ["it.0"], 2),
        (UserList([UserDict(a=linear())]), ["it.0.a"], 2),
        ([{"a": (linear(), [nn.Tanh(), linear()])}, 5, None, "x"], ["it.0.a.0", "it.0.a.1.0", "it.0.a.1.1"], 4),
        ([parameter(), [parameter()]], [], 2),
        ({"w": Tensor(np.ones(2), requires_grad=True), "mask": Tensor(np.ones(2))}, [], 1),
        (nn.ModuleList([linear(), nn.ModuleDict({"a": linear()})]), ["it", "it.0", "it.1", "it.1.a"], 4),
        (nn.Sequential(linear(), nn.Tanh()), ["it", "it.0", "it.1"], 2),
    ],
)
def test_lists_tuples_and_dicts_are_searched(it, modules, parameters):
    net = Net(it)
    assert [name for name, _ in net.named_modules()] == ["", *modules]
    names = [name for name, _ in net.named_parameters()]
    assert len(names) == len(net.parameters()) == parameters
    assert list(net.state_dict()) == names
    check_packed(net)
    for name, p in net.named_parameters():
        assert isinstance(p, nn.Parameter), name
    assert all(f"({name}): " in repr(net) for name, _ in net.named_children())
    assert net.summary().total.parameters == net.theta.size
    net.eval()
    assert not any(module.training for module in net.modules())
    twin = copy.deepcopy(net)
    twin.theta += 1.0
    check_packed(twin)
    twin.load_state_dict(net.state_dict())
    np.testing.assert_array_equal(twin.theta, net.theta)
    assert twin.theta is not net.theta


nested = st.recursive(
    st.sampled_from(["module", "parameter", "number"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(nested)
def test_every_part_of_any_nest_is_found_once(plan):
    made = []

    def build(plan):
        if isinstance(plan, dict):
            return {key: build(value) for key, value in plan.items()}
        if isinstance(plan, (list, tuple)):
            return type(plan)(build(value) for value in plan)
        if plan == "number":
            return 1
        made.append(linear() if plan == "module" else parameter())
        return made[-1]

    net = Net(build(plan))
    net.again = net.it  # what is shared counts once
    weights = [p for part in made for p in (part.parameters() if isinstance(part, nn.Module) else [part])]
    assert {id(p) for p in net.parameters()} == {id(p) for p in weights}
    assert len(net.parameters()) == len(weights)
    check_packed(net)


def test_what_is_in_a_list_is_trained():
    class Deep(nn.Module):
        def __init__(self):
            self.layers = [linear(1), linear(2)]
            self.heads = {"a": linear(3)}
            self.scale = Tensor(np.ones(2, np.float32), requires_grad=True)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x).tanh()
            return self.heads["a"](x) * self.scale

    net, x = Deep(), np.ones((3, 2), np.float32)
    before = net.theta.copy()
    net(x).sum().backward()
    SGD(lr=0.1).step(net)
    assert (np.reshape(net.theta != before, -1)).sum() == net.theta.size == 20
    net.layers.append(linear(4))  # after the first look
    net(x).sum().backward()
    assert net.theta.size == 26
    check_packed(net)
    SGD(lr=0.1).step(net)
    assert (net.layers[2].weight.data != linear(4).weight.data).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.it.append(linear(1)),
        lambda net: net.it.pop(),
        lambda net: net.it.__setitem__(0, linear(1)),
        lambda net: net.it[1].update(b=linear(1)),
        lambda net: net.it[1].__setitem__("a", nn.Linear(2, 3)),
        lambda net: net.it.insert(0, parameter()),
        lambda net: net.it.reverse(),
        lambda net: setattr(net.constant, "requires_grad", True),
    ],
)
def test_lists_that_change_without_notice_are_seen_at_the_next_look(change):
    net = Net([linear(), {"a": linear()}])
    net.constant = Tensor(np.ones(2, np.float32))
    whole = nn.Sequential(net)
    assert whole.theta.size == 12
    check_packed(net)
    change(net)
    check_packed(net)
    check_packed(whole)
    np.testing.assert_array_equal(whole.theta, net.theta)
    net.theta += 1.0
    assert all(np.shares_memory(p.data, net.theta) for p in net.parameters())


def test_an_empty_list_that_is_filled_later():
    net = Net([])
    assert net.theta.size == 0
    net.it += [linear()]
    assert net.theta.size == 6
    assert net.theta is net.theta


def test_lists_of_anything_else_are_left_alone():
    net = Net([1, "two", np.ones(3), [None], {"x": 3}])
    circle = net.it
    circle.append(circle)
    net.numbers = list(range(1000))
    assert net.theta.size == 0
    assert net.modules() == [net]
    assert net.it is circle


def test_a_tensor_that_requires_a_gradient_is_a_parameter_from_then_on():
    w = Tensor(np.ones(2, np.float32), requires_grad=True)
    net = Net(w)
    assert net.parameters() == [w]
    assert isinstance(w, nn.Parameter)
    net.mask, net.result = Tensor(np.ones(2)), w * 2
    assert net.parameters() == [w]


def test_a_trainable_tensor_is_no_note_of_a_forward_pass():
    class Keeps(nn.Module):
        def forward(self, x):
            self.seen = x
            return x

    x = Tensor(np.ones(2), requires_grad=True)
    with pytest.raises(TypeError, match=r"Keeps\.seen: a Tensor that requires a gradient .* keep x\.detach\(\)"):
        Keeps()(x)
    assert Keeps()(x * 2) is not None
    assert not isinstance(x, nn.Parameter)


# Subclasses of what holds modules


@pytest.mark.parametrize("base", [nn.Sequential, nn.Residual, nn.Linear, nn.LSTM, nn.ModuleList])
def test_subclasses_keep_their_attributes(base):
    inside = [[linear()]] if base is nn.ModuleList else [2, 2] if base in (nn.Linear, nn.LSTM) else [linear()]

    class Mine(base):
        def __init__(self):
            super().__init__(*inside)
            self.head, self.more = linear(1), [parameter()]

    mine = Mine()
    own = len(base(*inside).parameters())
    assert len(mine.parameters()) == own + 3
    names = [name for name, _ in mine.named_parameters()]
    assert {"head.weight", "head.bias", "more.0"} <= set(names)
    assert "(head): Linear" in repr(mine)
    assert len(copy.deepcopy(mine).state_dict()) == own + 3
    assert mine.summary().total.parameters == mine.theta.size
    check_packed(mine)


def test_forgetting_the_constructor_of_sequential():
    class Mine(nn.Sequential):
        def __init__(self):
            self.head = linear()

    with pytest.raises(AttributeError, match=r"call super\(\).__init__\(\.\.\.\) first"):
        Mine()(np.ones((1, 2)))


def test_module_list_is_a_list():
    layers = nn.ModuleList(linear(i) for i in range(3))
    net = Net(layers)
    assert len(layers) == 3
    assert [*layers] == [layers[0], layers[1], layers[-1]]
    assert type(layers[1:]) is nn.ModuleList
    last = layers.pop()
    assert net.theta.size == 12
    layers.append(last)
    layers.extend([nn.Tanh()])
    layers[0] = nn.Linear(2, 5)
    del layers[1]
    assert net.theta.size == 15 + 6
    check_packed(net)
    with pytest.raises(TypeError, match=r"ModuleList is made of modules .*; got 3"):
        layers.append(3)
    with pytest.raises(NotImplementedError, match="ModuleList"):
        layers(np.ones(2))


def test_module_dict_is_a_dict():
    heads = nn.ModuleDict({"a": linear()})
    net = Net(heads)
    heads["b"] = linear()
    heads.update(c=nn.Tanh())
    assert list(heads) == list(heads.keys()) == ["a", "b", "c"]
    assert "a" in heads
    assert dict(heads.items())["c"] is heads["c"]
    assert net.theta.size == 12
    assert heads.pop("a") is not None
    assert net.theta.size == 6
    assert [name for name, _ in net.named_modules()] == ["", "it", "it.b", "it.c"]
    assert heads in {heads}
    assert heads != {"b": 1}
    for name in ("a.b", "", 3):
        with pytest.raises(ValueError, match="name of a module must be a text without dots"):
            heads[name] = linear()
    with pytest.raises(TypeError, match=r"ModuleDict\['x'\] must be a module"):
        heads["x"] = 3
    with pytest.raises(KeyError):
        heads["nothing"]


# What is refused


@pytest.mark.parametrize("name", ["modules", "parameters", "theta", "gradient", "train", "summary", "named_children"])
def test_names_that_hide_the_house_s_own_are_refused(name):
    net = Net(None)
    for value in ([linear()], linear(), parameter(), {"a": parameter()}):
        with pytest.raises(AttributeError, match=rf"Net\.{name}: every Net has '{name}' already; choose another name"):
            setattr(net, name, value)
    assert net.parameters() == []


def test_more_names():
    net, layers = Net(None), nn.Sequential(linear())
    with pytest.raises(TypeError, match="training must be True or False; got \\[1\\]"):
        net.training = [1]
    with pytest.raises(AttributeError, match=r"Sequential\.append: every Sequential has 'append'"):
        layers.append = linear()
    for name in ("requires_grad", "trainable"):
        with pytest.raises(AttributeError, match=r"freeze its parameters with module\.requires_grad_\(False\)"):
            setattr(net, name, False)
    with pytest.raises(TypeError, match="a set has no order"):
        net.it = {linear()}
    net.forward = lambda x: x  # a hand may do that
    assert net(3) == 3
    net.numbers = {1, 2}


def test_a_parameter_is_not_replaced_by_numbers():
    layer = linear()
    for value in (np.ones((2, 2)), Tensor(np.ones((2, 2))), layer.weight - 0.1, [1]):
        with pytest.raises(TypeError, match=r"Linear\.weight is a parameter .*module\.weight\.data\[\.\.\.\] = values"):
            layer.weight = value
    layer.weight, layer.bias = nn.Parameter(np.zeros((2, 2), np.float32)), None
    assert layer.theta.size == 4
    layer.weight = Tensor(np.ones((2, 2), np.float32), requires_grad=True)
    assert layer.theta.sum() == 4


def test_attributes_of_a_class_are_not_of_its_objects():
    for body in ({"layer": linear()}, {"layers": [linear()]}, {"w": parameter()}, {"w": {"a": [parameter()]}}):
        with pytest.raises(TypeError, match="would be one for all objects of the class, and not be trained: assign it"):
            type("Shared", (nn.Module,), body)
    with pytest.raises(TypeError, match=r"Hiding\.modules: every nn\.Module has 'modules' already"):
        type("Hiding", (nn.Module,), {"modules": ()})
    with pytest.raises(TypeError, match=r"Hiding\.train: every nn\.Module has 'train' already"):
        type("Hiding", (nn.Module,), {"train": True})
    fine = {
        "sizes": [1, 2],
        "training": False,
        "train": lambda self, mode=True: self,
        "theta": property(lambda self: 1),
    }
    assert type("Fine", (nn.Module,), fine)().theta == 1


def test_names_must_be_clear():
    with pytest.raises(ValueError, match=r"key of a module or parameter in a dict must be without dots; got 'a\.b'"):
        Net({"a.b": linear()}).parameters()
    with pytest.raises(ValueError, match=r"Net holds two things called 'it\.1'"):
        Net({1: linear(), "1": linear()}).parameters()


def test_put():
    net = Net([linear(), (nn.Tanh(), {"a": linear()})])
    net.inner = nn.Sequential(nn.Tanh(), nn.ModuleDict({"b": nn.Tanh()}))
    for name in ("it.0", "it.1.0", "it.1.1.a", "inner.0", "inner.1.b"):
        new = nn.ReLU()
        net.put(name, new)
        assert dict(net.named_modules())[name] is new
    assert net.parameters() == []
    for name in ("it", "", "it.7", "nothing"):
        with pytest.raises(KeyError, match="no module or parameter is called"):
            net.put(name, nn.ReLU())


def test_strangers_are_what_no_model_knows():
    known, hidden = Net([linear()]), linear(1)
    w, x = Tensor(np.ones(2, np.float32), requires_grad=True), np.ones((1, 2), np.float32)
    y = known.it[0](x) * w
    assert strangers(y.sum(), known) == [w]
    assert strangers(hidden(y).sum(), known, hidden) == [w]
    assert {id(p) for p in strangers(hidden(y).sum(), known)} == {id(p) for p in [w, *hidden.parameters()]}
    assert strangers(known.it[0](x).sum(), known) == strangers(hidden(x).sum(), hidden) == []
    hidden.requires_grad_(False)
    assert strangers(hidden(known.it[0](x)).sum(), known) == []
    assert strangers(w, known) == [w]


# Modes


def test_evaluating_gives_every_module_its_own_mode_back():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5), Net([nn.Dropout(0.5), linear()]))
    model[0].eval()
    modes = [module.training for module in model.modules()]
    assert modes.count(False) == 1
    with evaluating(model) as same:
        assert same is model
        assert not any(module.training for module in model.modules())
        with evaluating(model):
            pass
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(ZeroDivisionError), no_grad(), nn.evaluating(model):
        raise ZeroDivisionError
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(TypeError, match="mode must be True or False"):
        model.train("yes")


def test_what_is_changed_inside_lists_is_found_at_once():
    """The modules that were found are kept with the packed parameters, until something is elsewhere."""

    class Holder(nn.Module):
        def __init__(self):
            self.layers, self.named = [nn.Linear(2, 2)], {"a": [nn.Tanh()]}
            self.pair = (nn.ReLU(), [nn.Tanh()])

    model = Holder()
    for change in (
        lambda: model.layers.append(nn.Linear(2, 2)),
        lambda: model.named["a"].append(nn.ReLU()),
        lambda: model.pair[1].append(nn.ReLU()),
        lambda: model.named.update(b=nn.Tanh()),
        lambda: setattr(model.layers[0], "extra", nn.Tanh()),
    ):
        assert model.theta is model.theta
        count = len(model.modules())
        change()
        assert len(model.modules()) == count + 1
    names = [name for name, _ in model.named_modules()]
    names.clear()  # a list of its own
    assert len(model.named_modules()) == 10
