"""Modules: what is in them, and parameters as one vector."""

import copy

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nbprop as nb
from nbprop import nn
from nbprop.engine import ShapeError, Tensor, record


def check_packed(module):
    """theta and gradient are what the parameters say, and the parameters are views into them."""
    theta, gradient = module.theta, module.gradient
    parameters = module.parameters()
    assert theta.shape == gradient.shape == (sum(p.size for p in parameters),)
    assert theta.flags.c_contiguous
    start = 0
    for p in parameters:
        end = start + p.size
        np.testing.assert_array_equal(theta[start:end], p.data.ravel())
        assert np.shares_memory(p.data, theta[start:end])
        assert np.shares_memory(p.grad, gradient[start:end])
        assert p.grad.shape == p.shape
        start = end


def test_parameters_lie_in_theta_in_order():
    model = nn.mlp([2, 3, 1], seed=0)
    weights = [p.data.copy() for p in model.parameters()]
    np.testing.assert_array_equal(model.theta, np.concatenate([w.ravel() for w in weights]))
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert [p.shape for p in model.parameters()] == [(3, 2), (3,), (1, 3), (1,)]
    check_packed(model)
    assert not model.gradient.any()
    assert model.theta is model.theta
    assert model.gradient is model.gradient


def test_theta_and_parameters_are_the_same_memory():
    model = nn.mlp([2, 3, 1], seed=0)
    model.theta[0] = 5
    assert model[0].weight.data[0, 0] == 5
    model[2].bias.data[0] = 7
    assert model.theta[-1] == 7
    theta = model.theta
    model.theta -= 1.0
    model.theta = 2 * model.theta
    assert model.theta is theta
    assert model.theta[-1] == 12
    model.gradient = np.ones(theta.size)
    assert (model[0].weight.grad == 1).all()


def test_theta_of_another_size_is_refused():
    model = nn.mlp([2, 1])
    with pytest.raises(ShapeError, match=r"theta has shape \(3,\); got values of shape \(4,\)"):
        model.theta = np.zeros(4)


def test_backward_adds_to_the_gradient_in_place():
    model = nn.mlp([2, 3, 1], seed=0)
    x = np.ones((4, 2), np.float32)
    gradient = model.gradient
    model(x).sum().backward()
    once = gradient.copy()
    assert once.any()
    model(x).sum().backward()
    np.testing.assert_array_equal(gradient, 2 * once)
    check_packed(model)
    assert model.gradient is gradient
    model[0].weight.zero_grad()
    assert not gradient[:6].any()
    assert gradient[6:].any()
    model.zero_grad()
    assert not gradient.any()
    assert model.gradient is gradient


def test_gradients_from_before_packing_are_kept():
    model = nn.mlp([2, 3, 1], seed=0)
    model(np.ones((4, 2))).sum().backward()
    grads = [p.grad.copy() for p in model.parameters()]
    np.testing.assert_array_equal(model.gradient, np.concatenate([g.ravel() for g in grads]))


def test_theta_inside_is_a_slice_of_the_whole():
    model = nn.Sequential(nn.mlp([2, 3, 1], seed=0), nn.Linear(1, 2, rng=0))
    theta = model.theta
    inner = model[0][2].theta
    assert inner.size == 4
    inner[:] = [1, 2, 3, 4]
    np.testing.assert_array_equal(theta[9:13], [1, 2, 3, 4])
    assert np.shares_memory(model[0].gradient, model.gradient)
    assert model.theta is theta


def test_packing_the_inside_first_keeps_values():
    model = nn.mlp([2, 3, 1], seed=0)
    expected = np.concatenate([p.data.ravel() for p in model.parameters()])
    inner = model[2].theta
    inner[0] = expected[9] = 9
    np.testing.assert_array_equal(model.theta, expected)
    assert np.shares_memory(model[2].theta, model.theta)
    assert not np.shares_memory(inner, model.theta)
    check_packed(model)


def test_exchanging_an_activation_leaves_theta_alone():
    model = nn.mlp([2, 3, 1], seed=0)
    theta, gradient = model.theta, model.gradient
    model[1] = nn.ReLU()
    assert model.theta is theta
    assert model.gradient is gradient


def test_taking_the_last_layer_off_keeps_the_rest_in_place():
    model = nn.mlp([2, 3, 1], seed=0)
    theta = model.theta
    del model[2]
    assert model.theta.base is theta
    check_packed(model)


def test_new_parameters_are_packed_at_the_next_look():
    model = nn.mlp([2, 3, 1], seed=0)
    theta = model.theta.copy()
    model.gradient[:] = 1
    model[0].weight = nn.Parameter(np.full((3, 2), 8.0, np.float32))
    check_packed(model)
    np.testing.assert_array_equal(model.theta, [*[8] * 6, *theta[6:]])
    np.testing.assert_array_equal(model.gradient, [*[0] * 6, *[1] * 7])
    model[0].bias = None
    np.testing.assert_array_equal(model.theta, [*[8] * 6, *theta[9:]])
    del model[2].bias
    assert model.theta.size == 9
    check_packed(model)


def test_another_array_in_a_parameter_is_found():
    model = nn.mlp([2, 3, 1], seed=0)
    assert model.theta.any()
    model[2].weight.data = np.full((1, 3), 6, np.float32)
    np.testing.assert_array_equal(model.theta[9:12], 6)
    check_packed(model)


class Tied(nn.Module):
    """One matrix, used in both directions."""

    def __init__(self):
        self.first = nn.Linear(2, 2, bias=False, rng=0, dtype=np.float64)
        self.second = nn.Linear(2, 2, rng=1, dtype=np.float64)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(x))


def test_a_parameter_used_twice_is_packed_once_and_gets_the_sum():
    model = Tied()
    assert [name for name, _ in model.named_parameters()] == ["first.weight", "second.bias"]
    check_packed(model)
    x = np.array([[1.0, 2.0]])
    model(x).sum().backward()
    W = model.first.weight.data
    ones = np.ones((1, 2))
    np.testing.assert_allclose(model.first.weight.grad, ones.T @ (x @ W.T) + (ones @ W).T @ x)


def test_a_module_used_twice_counts_once():
    layer = nn.Linear(3, 3, rng=0)
    model = nn.Sequential(layer, nn.Tanh(), layer)
    assert len(model.modules()) == 3
    assert model.theta.size == 12
    check_packed(model)


def test_no_parameters():
    model = nn.Sequential(nn.Tanh())
    assert model.theta.shape == model.gradient.shape == (0,)
    assert model.theta.dtype == np.float32
    model.zero_grad()


def test_dtypes_must_agree():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, dtype=np.float64))
    with pytest.raises(TypeError, match=r"mixes float32 \(0.weight\) and float64 \(1.weight\)"):
        _ = model.theta
    assert nn.mlp([2, 1], dtype=np.float64).theta.dtype == np.float64


def test_a_copy_is_independent():
    model = nn.mlp([2, 3, 1], seed=0)
    before = model.theta.copy()
    model.gradient[:] = 3
    twin = copy.deepcopy(model)
    check_packed(twin)
    twin.theta[:] = 0
    assert not twin[0].weight.data.any()
    np.testing.assert_array_equal(model.theta, before)
    np.testing.assert_array_equal(twin.gradient, model.gradient)
    check_packed(model)


ACTIONS = st.sampled_from(["append", "insert", "delete", "set", "inner", "theta"])


@given(st.lists(st.tuples(ACTIONS, st.integers(0, 5)), max_size=12))
def test_whatever_is_done_to_a_model_values_are_kept(actions):
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(1, 2, rng=rng), nn.Tanh(), nn.Linear(2, 3, rng=rng))
    values = {}

    def note(module):
        for p in module.parameters():
            values.setdefault(id(p), (p, p.data.copy()))
        return module

    note(model)
    for action, i in actions:
        place = i % max(len(model), 1)
        if action == "append":
            model.append(note(nn.Linear(1 + i, 2, rng=rng)))
        elif action == "insert":
            model.insert(place, note(nn.mlp([2, i + 1, 1], seed=i)))
        elif action == "theta":
            check_packed(model)
        elif len(model) and action == "delete":
            del model[place]
        elif len(model) and action == "set":
            model[place] = note(nn.Linear(2, 1 + i, rng=rng))
        elif len(model) and action == "inner":
            check_packed(model[place])
    check_packed(model)
    for module in model:
        check_packed(module)
    check_packed(model)
    for p, value in values.values():
        np.testing.assert_array_equal(p.data, value)


def test_state_dict_round_trip():
    model, other = nn.mlp([2, 3, 1], seed=0), nn.mlp([2, 3, 1], seed=1)
    theta = other.theta
    saved = model.state_dict()
    assert list(saved) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    model.theta[:] = 0
    assert saved["0.weight"].any()
    other.load_state_dict(saved)
    assert other.theta is theta
    np.testing.assert_array_equal(theta, nn.mlp([2, 3, 1], seed=0).theta)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("2.bias"), r"parameter '2.bias' is missing; the model has 0.weight, 0.bias"),
        (lambda s: s.update({"4.bias": 0}), r"parameter '4.bias' is not in this model"),
        (lambda s: s.update({"2.bias": np.zeros(2)}), r"parameter '2.bias' has shape \(1,\); got \(2,\)"),
    ],
)
def test_a_state_dict_that_does_not_fit_changes_nothing(change, message):
    model = nn.mlp([2, 3, 1], seed=0)
    saved = nn.mlp([2, 3, 1], seed=1).state_dict()
    change(saved)
    with pytest.raises(ValueError, match=message):
        model.load_state_dict(saved)
    np.testing.assert_array_equal(model.theta, nn.mlp([2, 3, 1], seed=0).theta)


def test_names_modes_and_modules():
    model = nn.Sequential(nn.mlp([2, 3, 1]), nn.Tanh())
    assert [name for name, _ in model.named_modules()] == ["", "0", "0.0", "0.1", "0.2", "1"]
    assert [type(m).__name__ for m in model.modules()] == [
        "Sequential",
        "Sequential",
        "Linear",
        "Tanh",
        "Linear",
        "Tanh",
    ]
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    assert all(m.training for m in model.train().modules())


def test_every_call_is_recorded():
    model = nn.mlp([2, 3, 1])
    with record() as tape:
        y = model(np.ones((1, 2), np.float32))
    assert [type(m).__name__ for m, _ in tape.calls] == ["Linear", "Tanh", "Linear", "Sequential"]
    assert tape.calls[-1][1] is tape.calls[-2][1] is y
    model(np.ones((1, 2)))
    assert len(tape.calls) == 4


def test_repr():
    assert repr(nn.Sequential(nn.mlp([2, 3, 1], activation="gelu"), nn.LeakyReLU(), nn.ELU())) == (
        "Sequential(\n"
        "  (0): Sequential(\n"
        "    (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "    (1): GELU(approximate='tanh')\n"
        "    (2): Linear(in_features=3, out_features=1, bias=True)\n"
        "  )\n"
        "  (1): LeakyReLU(negative_slope=0.01)\n"
        "  (2): ELU(alpha=1.0)\n"
        ")"
    )


@pytest.mark.torch
def test_repr_is_pytorchs():
    torch = pytest.importorskip("torch").nn
    makers = [
        lambda nn: nn.Linear(2, 3, bias=False),
        lambda nn: nn.Tanh(),
        lambda nn: nn.Sequential(nn.LeakyReLU(0.25), nn.GELU(approximate="none")),
        lambda nn: nn.ELU(1.0),
        lambda nn: nn.SiLU(),
    ]
    ours, theirs = (repr(module.Sequential(*[make(module) for make in makers])) for module in (nn, torch))
    assert ours == theirs


def test_sequential_is_like_a_list():
    a, b, c = nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 1)
    model = nn.Sequential(a, b, c)
    assert len(model) == 3
    assert model[0] is a
    assert model[-1] is c
    assert list(model) == [a, b, c]
    assert isinstance(model[:2], nn.Sequential)
    assert list(model[:2]) == [a, b]
    model.insert(1, d := nn.ReLU())
    model[2] = e = nn.SiLU()
    assert list(model) == [a, d, e, c]
    del model[1:3]
    assert list(model) == [a, c]
    model.extend([d, e])
    assert model.pop() is e and model.index(d) == 2 and c in model
    theta = model.theta
    model += [b]
    assert list(model) == [a, c, d, b] and model.theta is theta  # Tanh has no parameters
    model.remove(c)
    assert model.theta.size == a.weight.size + a.bias.size


def test_sequential_errors():
    model = nn.Sequential(nn.Linear(1, 2))
    with pytest.raises(IndexError, match="no module 3: this Sequential has 1"):
        model[3]
    with pytest.raises(TypeError, match=r"got <class .*Tanh'>; write Tanh\(\)"):
        nn.Sequential(nn.Linear(1, 2), nn.Tanh)
    with pytest.raises(TypeError, match=r"got \[Tanh\(\)\]; write Sequential\(\*layers\)"):
        nn.Sequential([nn.Tanh()])
    with pytest.raises(TypeError, match="got 'tanh'"):
        model.append("tanh")
    with pytest.raises(NotImplementedError, match="Module needs a method forward"):
        nn.Module()(1)


def test_a_module_of_ones_own():
    class Scaled(nn.Module):
        def __init__(self):
            self.scale = nn.Parameter([2.0])
            self.layer = nn.Linear(2, 2, rng=0)

        def forward(self, x):
            return self.layer(x) * self.scale

    model = Scaled()
    assert [name for name, _ in model.named_parameters()] == ["scale", "layer.weight", "layer.bias"]
    x = Tensor([[1.0, 2.0]])
    y = model(x)
    y.sum().backward()
    np.testing.assert_allclose(model.gradient[0], y.data.sum() / 2, rtol=1e-6)
    check_packed(model)


def test_a_module_that_holds_its_parent_can_be_shown():
    child, parent = nn.Linear(2, 3), nn.Sequential()
    child.parent = parent
    parent.append(child)
    assert repr(parent).count("Linear(") == 1
    assert "(parent): ..." in repr(parent)
    assert repr(child).startswith("Linear(in_features=2")


def test_a_gradient_that_was_assigned_is_the_models():
    model = nn.Linear(2, 3, rng=0)
    assert not model.gradient.any()
    model.weight.grad = np.ones((3, 2), np.float32)
    check_packed(model)
    assert model.gradient.sum() == 6


class Masked(nn.Module):
    """A mask, a counter that is set anew at each step, and a note that is not saved."""

    def __init__(self):
        self.inner = nn.Linear(3, 3, rng=0)
        self.register_buffer("mask", np.tril(np.ones((3, 3), np.float32)))
        self.register_buffer("seen", np.zeros((), int))
        self.register_buffer("last", [0.0, 0.0, 0.0], persistent=False)
        self.register_buffer("later", None)

    def forward(self, x):
        self.seen = self.seen + 1
        y = self.inner(x) @ self.mask
        self.last = y.data[0]
        return y


def test_registered_buffers():
    model = nn.Sequential(Masked(), nn.BatchNorm1d(3))
    names = ["0.mask", "0.seen", "0.last", "1.running_mean", "1.running_var"]
    assert [name for name, _ in model.named_buffers()] == names
    assert [name for name, _ in model[0].named_buffers(recurse=False)] == ["mask", "seen", "last"]
    assert model.named_buffers(recurse=False) == [] and len(model.buffers()) == 5
    assert all(a is b for a, (_, b) in zip(model.buffers(), model.named_buffers(), strict=True))
    assert [name for name in model.state_dict() if "0." in name and "inner" not in name] == ["0.mask", "0.seen"]
    assert model.theta.size == 12 + 6
    model(np.ones((4, 3)))
    assert model[0].seen.shape == () and model[0].seen.dtype == int and model.state_dict()["0.seen"] == 1
    assert model[0].last.any()
    other = nn.Sequential(Masked(), nn.BatchNorm1d(3))
    other.load_state_dict(model.state_dict())
    assert other[0].seen == 1 and not other[0].last.any()
    model[0].later = [1, 2]
    assert dict(model.named_buffers())["0.later"].tolist() == [1, 2]
    del model[0].later, model[0].last
    assert [name for name, _ in model[0].named_buffers()] == ["mask", "seen"]
    assert len(copy.deepcopy(model).named_buffers()) == 4 and len(Masked().named_buffers()) == 3


def test_a_tensor_as_a_buffer():
    model = Masked()
    model.register_buffer("mask", Tensor(np.eye(3, dtype=np.float32)))  # again: in its place
    assert isinstance(model.mask, Tensor) and dict(model.named_buffers())["mask"] is model.mask.data
    np.testing.assert_allclose(model(np.ones((1, 3))).data, model.inner(np.ones((1, 3))).data)


@pytest.mark.parametrize(
    ("register", "message"),
    [
        (lambda m: m.register_buffer("inner", [1.0]), "Masked has an attribute 'inner' already; choose another name"),
        (lambda m: m.register_buffer("forward", [1.0]), "Masked has an attribute 'forward' already"),
        (lambda m: m.register_buffer("a.b", [1.0]), "the name of a buffer must be a text without dots; got 'a.b'"),
        (lambda m: m.register_buffer(3, [1.0]), "the name of a buffer must be a text without dots; got 3"),
        (
            lambda m: m.register_buffer("p", nn.Parameter([1.0])),
            "the buffer 'p' must be an array .* that is not trained",
        ),
        (lambda m: m.register_buffer("p", Tensor([1.0], requires_grad=True)), "the buffer 'p' must be an array"),
        (lambda m: m.register_buffer("p", ["a"]), "the buffer 'p' must be an array of numbers"),
        (lambda m: m.register_buffer("p", [1.0], persistent=1), "persistent must be True or False; got 1"),
        (lambda m: setattr(m, "mask", "none"), "the buffer 'mask' must be an array of numbers"),
    ],
)
def test_what_is_no_buffer(register, message):
    model = Masked()
    with pytest.raises((TypeError, ValueError, KeyError), match=message):
        register(model)
    assert [name for name, _ in model.named_buffers()] == ["mask", "seen", "last"] and not hasattr(model, "p")


def test_a_run_goes_back_with_its_buffers(tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 3))
    data = nb.data.from_arrays(X, X.sum(axis=1))

    def model():
        return nn.Sequential(Masked(), nn.Linear(3, 1, rng=1))

    t = nb.Trainer(model(), data, "mse", lr=0.01, seed=0)
    t.fit(steps=12, bar=False)
    state = [array.copy() for array in t.model.buffers()]
    t.save(tmp_path / "run.npz")
    t.fit(steps=5, bar=False)
    t.rewind(12)
    back = nb.Trainer.load(tmp_path / "run.npz", model=model(), data=data)
    for now, then in zip(t.model.buffers(), state, strict=True):
        np.testing.assert_array_equal(now, then)
    for now, then in zip(back.model.buffers()[:2], state, strict=False):
        np.testing.assert_array_equal(now, then)
    assert state[1] == 12 and not back.model.buffers()[2].any()  # that one is not in the file


def test_lists_of_modules_are_joined():
    a, b, c = nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1)
    one = nn.ModuleList([a])
    both = one + nn.ModuleList([b, c])
    assert list(one) == [a]
    assert type(both) is nn.ModuleList and list(both) == [a, b, c]
    net = nn.Sequential(a, b) + nn.Sequential(c)
    assert type(net) is nn.Sequential and net(np.ones((4, 2))).shape == (4, 1)
    with pytest.raises(TypeError, match="Sequential is made of modules"):
        nn.Sequential(a).__add__([3])


def test_children_and_apply():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Sequential(nn.Tanh(), nn.Linear(3, 1, rng=1)))
    assert model.children() == list(model)
    seen = []
    assert model.apply(seen.append) is model
    assert [type(m).__name__ for m in seen] == ["Linear", "Tanh", "Linear", "Sequential", "Sequential"]

    def ones(module):
        if isinstance(module, nn.Linear):
            module.weight.data[:] = 1

    model.apply(ones)
    assert (model[1][1].weight.data == 1).all()


def test_a_tuple_between_two_layers_is_said():
    x = np.zeros((5, 2, 3))
    with pytest.raises(
        TypeError, match=r"^layer 1 of 2 \(LSTM\) gives a tuple, and layer 2 of 2 \(Linear\) takes one Tensor"
    ):
        nn.Sequential(nn.LSTM(3, 4, rng=0), nn.Linear(4, 1, rng=0))(x)

    class First(nn.Module):
        def forward(self, pair):
            return pair[0]

    assert nn.Sequential(nn.LSTM(3, 4, rng=0), First(), nn.Linear(4, 1, rng=0))(x).shape == (5, 2, 1)


def test_names_of_pytorch_for_parameters():
    with pytest.raises(AttributeError, match="LSTM has no attribute 'weight_ih_l0'; did you mean 'weight_ih'"):
        nn.LSTM(2, 3, rng=0).weight_ih_l0  # noqa: B018
    with pytest.raises(AttributeError, match=r"did you mean 'l0_reverse\.bias_hh'"):
        nn.LSTM(2, 3, bidirectional=True, rng=0).bias_hh_l0_reverse  # noqa: B018
    with pytest.raises(AttributeError, match="Linear has no attribute 'wieght'; did you mean 'weight'"):
        nn.Linear(2, 3, rng=0).wieght  # noqa: B018
