"""Gradients of plain functions, products with Jacobians, Jacobians: beside autograd, PyTorch and what is known."""

from itertools import pairwise
from typing import NamedTuple

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nbprop as nb
from nbprop.derivatives import APART, FEW, LOST, flat
from nbprop.engine import BackwardError, ShapeError, Tensor, no_grad

A, B = np.random.default_rng(3).standard_normal((4, 4)), np.eye(4) + 0.1


def test_grad():
    g = nb.grad(lambda x: (x**2).sum())([1.0, 2.0])
    assert isinstance(g, np.ndarray) and g.dtype == np.float32 and g.tolist() == [2, 4]
    assert nb.grad(lambda x: x**3)(2.0) == 12
    assert nb.grad(lambda x, y: (x * y).sum(), argnum=1)(A, B).tolist() == A.tolist()
    assert nb.grad(lambda x: (x * 2).sum())(A).dtype == np.float64
    assert nb.grad(lambda x, k: x[k], argnum=0)([1.0, 2.0], 1).tolist() == [0, 1]
    assert nb.grad(lambda x, y: (y * 2).sum())(A, B).tolist() == np.zeros((4, 4)).tolist()


def test_grad_leaves_its_argument_alone():
    x = Tensor([1.0, 2.0])
    assert nb.grad(lambda x: (x * x).sum())(x).tolist() == [2, 4]
    assert x.grad is None and not x.requires_grad


def test_what_grad_expects():
    with pytest.raises(BackwardError, match=r"one number.*shape \(4, 4\): y\.sum\(\)"):
        nb.grad(lambda x: x * 2)(A)
    with pytest.raises(BackwardError, match="got float"):
        nb.grad(lambda x: 1.0)(A)


def test_grad_of_grad_is_refused():
    with pytest.raises(BackwardError, match=r"grad of grad is not supported.*central differences of grad"):
        nb.grad(lambda x: nb.grad(lambda z: z**3)(x))(2.0)
    second = nb.check_gradient(lambda x: x**3, 2.0)  # while first derivatives go on working
    assert second < 1e-7


def test_grad_inside_grad_through_a_closure_is_refused():
    def outer(x):
        inner = nb.grad(lambda y: (x * y * y).sum())(2.0)  # dL/dy = 2 x y: a plain array that knows no x
        return (x * inner).sum()

    with pytest.raises(BackwardError, match="grad of grad is not supported"):
        nb.grad(outer)(3.0)

    def by_hand(x):
        y = (x * x).sum()
        y.backward()
        return (x * y.item()).sum()

    with pytest.raises(BackwardError, match="called backward"):
        nb.grad(by_hand)(3.0)


def test_grad_inside_grad_of_something_else():
    def f(x):
        slope = nb.grad(lambda y: y**3)(2.0)  # a constant as far as x is concerned
        return x * slope

    assert nb.grad(f)(5.0) == 12
    weight = Tensor([2.0], requires_grad=True)
    assert nb.grad(lambda x: (x * weight).sum())(np.ones(1)).tolist() == [2]


def test_grad_inside_no_grad():
    with nb.no_grad():
        assert nb.grad(lambda x: x * x)(3.0) == 6
        assert not (Tensor(1.0) * 2).requires_grad


def test_argnum():
    def f(x, y):
        return x * x * y

    assert nb.grad(f, -1)(2.0, 5.0) == 4 and nb.grad(f, -2)(2.0, 5.0) == nb.grad(f)(2.0, 5.0) == 20
    with pytest.raises(IndexError, match=r"number 2: got 2 argument"):
        nb.grad(f, 2)(2.0, 5.0)
    for bad in ((), (0, 1.0), 1.0, True, "x"):
        with pytest.raises(TypeError, match="number of an argument, such as 0 or -1, or a tuple"):
            nb.grad(f, bad)


def test_grad_of_whole_numbers():
    assert nb.grad(lambda x: x * x)(3) == 6
    g = nb.grad(lambda x: (x * x).sum())(np.array([1, 2]))
    assert g.tolist() == [2, 4] and g.dtype == np.float32
    assert nb.grad(lambda k, x: x[k] ** 2, 1)(1, [1.0, 3.0]).tolist() == [0, 6]
    with pytest.raises(TypeError, match="got bool"):
        nb.grad(lambda x: x)(np.array(True))


# ---------------------------------------------------------------------------------------------------- several, nested


class Layer(NamedTuple):
    W: object
    b: object


def net(parameters, x, *, scale=1.0):
    for layer in parameters["layers"]:
        x = (x @ layer[0] + layer[1]).tanh()
    return (x * parameters["out"]).sum() * scale


def net_of_autograd(parameters, x):
    for W, b in parameters["layers"]:
        x = anp.tanh(anp.dot(x, W) + b)
    return anp.sum(x * parameters["out"])


def drawn(seed, sizes=(3, 5, 2)):
    rng = np.random.default_rng(seed)
    layers = [Layer(rng.normal(size=pair), rng.normal(size=pair[1])) for pair in pairwise(sizes)]
    return {"layers": layers, "out": rng.normal(size=sizes[-1])}, rng.normal(size=(4, sizes[0]))


def same(ours, theirs, rtol=1e-12):
    """The same containers of the same numbers."""
    assert isinstance(theirs, type(ours)) or not isinstance(ours, (dict, list, tuple))
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        ours, theirs = list(ours.values()), list(theirs.values())
    if isinstance(ours, (list, tuple)):
        for a, b in zip(ours, theirs, strict=True):
            same(a, b, rtol)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.lists(st.integers(1, 4), min_size=2, max_size=4))
def test_containers_and_several_arguments_as_in_autograd(seed, sizes):
    parameters, x = drawn(seed, sizes)
    value, found = nb.value_and_grad(net, argnums=(0, -1))(parameters, x)
    plain = {**parameters, "layers": [tuple(layer) for layer in parameters["layers"]]}
    assert isinstance(found, tuple) and isinstance(found[0]["layers"][0], Layer)
    np.testing.assert_allclose(value, net_of_autograd(plain, x), rtol=1e-12)
    expected = autograd.grad(net_of_autograd, 0)(plain, x)
    same([tuple(layer) for layer in found[0]["layers"]], [tuple(each) for each in expected["layers"]])
    same(found[0]["out"], expected["out"])
    same(found[1], autograd.grad(net_of_autograd, 1)(plain, x))
    same(nb.grad(net)(parameters, x, scale=2.0)["out"], 2 * expected["out"])


def test_argnum_and_argnums_are_one_and_a_tuple_of_one_is_a_tuple():
    f = lambda x, y: x * x * y  # noqa: E731
    assert nb.grad(f, argnums=1)(2.0, 5.0) == nb.grad(f, argnum=1)(2.0, 5.0) == 4
    found = nb.grad(f, (1,))(2.0, 5.0)
    assert isinstance(found, tuple) and found == (4,)
    assert nb.grad(f, [1, 0])(2.0, 5.0) == (4, 20)
    with pytest.raises(IndexError, match=r"number -3: got 2 argument"):
        nb.value_and_grad(f, (0, -3))(2.0, 5.0)


def test_what_is_a_container():
    """A list of numbers is one array, as everywhere here; with an array in it, it is a list of variables."""
    assert isinstance(nb.grad(lambda x: (x * x).sum())([[1.0, 2.0], [3.0, 4.0]]), np.ndarray)
    found = nb.grad(lambda x: x[0].sum() * x[1])([np.ones(3), 2.0])
    assert isinstance(found, list) and found[0].tolist() == [2, 2, 2] and found[1] == 3
    found = nb.grad(lambda x: x["a"] * 3)({"a": 1, "b": None, "c": np.array([1, 2])})
    assert found["a"] == 3 and found["b"] is None and found["c"].tolist() == [0, 0] and found["c"].dtype == np.float32
    assert nb.grad(lambda x, axes: x.sum(axes).sum())(np.ones((2, 3)), (0, 1)).tolist() == np.ones((2, 3)).tolist()
    with pytest.raises(TypeError, match="holds real numbers"):
        nb.grad(lambda x: x["a"])({"a": "text"})


def test_has_aux():
    f = lambda x: ((x * x).sum(), {"double": x * 2, "name": "f"})  # noqa: E731
    found, aux = nb.grad(f, has_aux=True)(np.array([1.0, 2.0]))
    assert found.tolist() == [2, 4] and aux["name"] == "f"
    assert isinstance(aux["double"], np.ndarray) and aux["double"].tolist() == [2, 4]
    (value, aux), found = nb.value_and_grad(f, has_aux=True)(np.array([1.0, 2.0]))
    assert value == 5 and aux["name"] == "f" and found.tolist() == [2, 4]
    value, pull, aux = nb.vjp(f, np.array([1.0, 2.0]), has_aux=True)
    assert value == 5 and aux["name"] == "f" and pull(3.0)[0].tolist() == [6, 12]
    with pytest.raises(TypeError, match="a pair"):
        nb.grad(lambda x: x, has_aux=True)(1.0)


def test_other_variables_get_no_gradient():
    weight = Tensor([2.0, 3.0], requires_grad=True)
    model = nb.nn.mlp([2, 3, 1], seed=0)
    model.gradient[:] = 7
    f = lambda x: (model(x * weight) ** 2).sum()  # noqa: E731
    nb.grad(f)(np.ones(2))
    nb.vjp(f, np.ones(2))[1](1.0)
    nb.jacobian(f)(np.ones(2))
    assert weight.grad is None and (model.gradient == 7).all()


def test_a_variable_as_an_argument_is_refused_for_no_gradient_would_reach_it():
    weight = Tensor([2.0, 3.0], requires_grad=True)
    square = lambda w: (w * w).sum()  # noqa: E731
    for derivative in (nb.grad(square), nb.value_and_grad(square), nb.jacobian(square), lambda w: nb.vjp(square, w)):
        with pytest.raises(BackwardError, match=r"requires a gradient, which would not come through.*x\.data"):
            derivative(weight)
        assert weight.grad is None
    assert nb.grad(square)(weight.data).tolist() == [4, 6]
    with no_grad():
        assert nb.grad(square)(weight).tolist() == [4, 6]


def test_elementwise_grad():
    x = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(nb.elementwise_grad(lambda x: x.tanh())(x), 1 - np.tanh(x) ** 2, rtol=1e-12)
    np.testing.assert_allclose(nb.elementwise_grad(lambda a, x: a * x**3, 1)(2.0, x), 6 * x**2, rtol=1e-12)


# ------------------------------------------------------------------------------------------------- vjp, jacobian, jvp


def test_vjp_may_be_asked_again_and_takes_what_f_returns():
    (y, (s,)), pull = nb.vjp(lambda x, k: (x * k, (x.sum(),)), A, 3.0)
    np.testing.assert_array_equal(y, 3 * A)
    assert s == pytest.approx(A.sum())
    for scale in (1, 2):
        dx, dk = pull((scale * B, [1.0]))
        np.testing.assert_allclose(dx, 3 * scale * B + 1, rtol=1e-12)
        np.testing.assert_allclose(dk, scale * (A * B).sum(), rtol=1e-12)
    same_twice = nb.vjp(lambda x: (y := x * 2, y), A)[1]((B, A))[0]
    np.testing.assert_allclose(same_twice, 2 * (A + B), rtol=1e-12)
    y, pull = nb.vjp(lambda x: x.reshape(-1), kept := A.copy())
    y[:] = 0
    assert (kept == A).all()


@pytest.mark.parametrize(
    "dy, error, said",
    [
        (np.ones(3), TypeError, r"dL/dy must be built like .*a dict of 'y', 'z': got one array of shape \(3,\)"),
        ({"y": np.ones(3)}, TypeError, "a dict of 'y', 'z': got a dict of 'y'"),
        ({"y": np.ones(4), "z": [1.0]}, ShapeError, r"dL/dy\['y'\] must have the shape .*\(3,\): got \(4,\)"),
        ({"y": np.ones(3), "z": (1.0, 2.0)}, TypeError, "a list of 1: got one array"),
        ({"y": {}, "z": [1.0]}, TypeError, r"one array of shape \(3,\): got a dict of nothing"),
    ],
)
def test_what_vjp_is_given_must_be_built_like_what_f_returns(dy, error, said):
    _, pull = nb.vjp(lambda x: {"y": x * 2, "z": [x.sum()]}, np.ones(3))
    with pytest.raises(error, match=said):
        pull(dy)


def test_what_is_no_tensor_is_refused():
    for name, call in {
        "vjp": lambda: nb.vjp(lambda x: (x, 1.0), A),
        "jacobian": lambda: nb.jacobian(lambda x: x.data)(A),
        "jvp": lambda: nb.jvp(lambda x: [x.data], (A,), (A,)),
    }.items():
        with pytest.raises(BackwardError, match=f"{name} expects a function that returns Tensors: got (float|ndarray)"):
            call()


def test_jacobian_as_in_pytorch():
    torch = pytest.importorskip("torch")
    f = lambda x, w: (x @ w).tanh()  # noqa: E731
    ours = nb.jacobian(f, argnums=(0, 1))(A[:2], B)
    theirs = torch.autograd.functional.jacobian(lambda x, w: torch.tanh(x @ w), (torch.tensor(A[:2]), torch.tensor(B)))
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other.numpy(), rtol=1e-12, atol=1e-14)


def test_jacobians_of_containers():
    x = {"a": np.array([1.0, 2.0]), "b": 3.0}
    J = nb.jacobian(lambda x: [x["a"] * x["b"], x["b"] ** 2])(x)
    assert J[0]["a"].tolist() == [[3, 0], [0, 3]] and J[0]["b"].tolist() == [1, 2]
    assert J[1]["a"].tolist() == [0, 0] and J[1]["b"] == 6
    assert nb.jacobian(lambda x: x * 2)(np.zeros((0, 3))).shape == (0, 3, 0, 3)
    assert nb.jacobian(lambda x: Tensor(np.ones(2)))(np.ones(3)).tolist() == np.zeros((2, 3)).tolist()


SMOOTH = {
    "tanh": lambda x, y: (x @ y).tanh(),
    "softmax": lambda x, y: (x * y).softmax(),
    "exp": lambda x, y: (x / 2).exp() * y,
    "two": lambda x, y: {"p": x @ x, "q": [(y * y).sum(), x.sum(0)]},
}


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(list(SMOOTH)), st.integers(0, 999), st.sampled_from([1e-3, 1.0, 1e3]))
def test_jvp_is_j_times_v_and_loses_no_more_than_it_says(name, seed, size):
    """Both by differences (n = 5, more than FEW results) and by rows (n = 3)."""
    rng = np.random.default_rng(seed)
    for n, lost in ((5, 3e-9), (3, 1e-13)):
        x, y, dx, dy = rng.normal(size=(4, n, n))
        _, found = nb.jvp(SMOOTH[name], (x, y), (size * dx, size * dy))
        J = nb.jacobian(SMOOTH[name], (0, 1))(x, y)
        if name == "two":
            found, J = [found["p"], *found["q"]], [J["p"], *J["q"]]
        else:
            found, J = [found], [J]
        exact = [size * (np.tensordot(by_x, dx, 2) + np.tensordot(by_y, dy, 2)) for by_x, by_y in J]
        error = np.linalg.norm(flat(found) - flat(exact))
        assert error <= (lost if n * n > FEW else 1e-13) * np.linalg.norm(flat(exact))


def test_jvp_at_a_kink_is_that_of_the_backward_pass():
    x, v = np.arange(-20.0, 20), np.ones(40)
    dy = nb.jvp(lambda x: x.relu(), (x,), (v,))[1]  # at 0 a difference would give 1/2
    np.testing.assert_array_equal(dy, (x > 0) * 1.0)
    near = x + 0.3 * APART
    np.testing.assert_array_equal(nb.jvp(lambda x: x.relu(), (near,), (v,))[1], (near > 0) * 1.0)
    float32_inside = nb.jvp(lambda x: x.astype(np.float32).tanh(), (x / 10,), (v,))[1]
    np.testing.assert_allclose(float32_inside, 1 - np.tanh(x / 10) ** 2, rtol=1e-5)


def test_jvp_of_large_numbers_with_small_changes():
    """1e8 + sin-like changes: differences would keep a few digits only."""
    x = np.linspace(-1, 1, 30)
    dy = nb.jvp(lambda x: x.tanh() + 1e8, (x,), (np.ones(30),))[1]
    np.testing.assert_allclose(dy, 1 - np.tanh(x) ** 2, rtol=10 * LOST)


def test_what_jvp_expects():
    with pytest.raises(TypeError, match=r"xs as a tuple.*got ndarray; try jvp\(f, \(x,\), \(v,\)\)"):
        nb.jvp(lambda x: x, A, A)
    with pytest.raises(TypeError, match=r"vs as a tuple.*got tuple of 1"):
        nb.jvp(lambda x, y: x * y, (A, B), (A,))
    with pytest.raises(ShapeError, match=r"vs\[0\] must have the shape .*\(4, 4\): got \(4,\)"):
        nb.jvp(lambda x: x, (A,), (A[0],))
    with pytest.raises(TypeError, match=r"vs\[1\] must be built like"):
        nb.jvp(lambda x, y: x, (A, {"a": A}), (A, A))
    y, dy = nb.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.5))
    assert (y, dy) == (6, 4)
    assert not nb.jvp(lambda x: x * x, (np.ones(20),), (np.zeros(20),))[1].any()


def test_inside_each_other_they_are_refused():
    for inner in (
        lambda x: nb.jacobian(lambda z: z**3)(x),
        lambda x: nb.vjp(lambda z: z**3, x)[1](1.0)[0],
        lambda x: nb.vjp(lambda y: x * y, 2.0)[1](1.0)[0],
    ):
        with pytest.raises(BackwardError, match=r"grad of grad is not supported.*nb\.hvp or nb\.hessian"):
            nb.grad(inner)(2.0)
