"""Tensor: what it takes, its dtypes, operators, views, texts and errors."""

import math
import operator
import re
from operator import attrgetter

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import nbprop as nb
from nbprop.engine import (
    ShapeError,
    Tensor,
    apply,
    concatenate,
    hints,
    loss,
    matmul,
    maximum,
    minimum,
    pad,
    split,
    stack,
    where,
)


def test_dtypes_of_data():
    assert Tensor([1, 2]).dtype == Tensor([[0.5]]).dtype == np.float32
    assert Tensor(np.zeros(2)).dtype == np.float64
    assert Tensor(np.zeros(2, "f4")).dtype == np.float32
    assert Tensor(np.array([1, 2])).dtype == np.int64
    assert Tensor([1, 2], dtype=np.float64).dtype == Tensor(np.zeros(2, "f4"), dtype="f8").dtype == np.float64


def test_a_lone_number_keeps_its_bits_until_it_meets_an_array():
    assert (
        Tensor(3).dtype == Tensor(0.1).dtype == (Tensor(0.1) * 2 + 1).dtype == np.float64 and Tensor(0.1).item() == 0.1
    )
    x, w = Tensor(0.1), Tensor([1.0, 2.0], requires_grad=True)
    for y in (x * w, w * x, x + w.data, w.data - x, w / x, x**w, w**x):
        assert y.dtype == np.float32
        y.sum().backward()
    assert x.grad.dtype == np.float64 and w.grad.dtype == np.float32


def test_a_floating_array_is_not_copied():
    x = np.zeros((2, 3))
    assert Tensor(x).data is x and Tensor(x).numpy() is x and Tensor(x).detach().data is x


@pytest.mark.parametrize("data", ["text", [1j], None, [object()], np.array(["a"])])
def test_data_that_are_no_real_numbers(data):
    with pytest.raises(TypeError, match="real numbers"):
        Tensor(data)


def test_a_list_of_tensors_is_refused():
    with pytest.raises(TypeError, match="stack"):
        Tensor([Tensor(1.0), Tensor(2.0)])


def test_integers_cannot_require_a_gradient():
    with pytest.raises(TypeError, match=r"int64.*dtype=np\.float32"):
        Tensor(np.array([1, 2]), requires_grad=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2,
        lambda x: 2.5 * x,
        lambda x: x + np.float64(0.1),
        lambda x: np.float64(0.1) - x,
        lambda x: x / np.array([1, 2, 3]),
        lambda x: x * np.array([True, False, True]),
        lambda x: x * Tensor(np.array([1, 2, 3])),
        lambda x: [1, 2, 3] * x,
        lambda x: x**2,
        lambda x: x ** np.float64(0.5),
        lambda x: 2**x,
        lambda x: (x * x.sum()) / x.mean() - x.max(),
        lambda x: x * np.sqrt(2),
        lambda x: x.clip(np.float64(0.1), 1),
        lambda x: x.elu(np.float64(0.3)) + x.leaky_relu(np.float64(0.3)),
        lambda x: maximum(x, 0) + minimum(0.5, x) + where([True, False, True], x, 0),
        lambda x: x.var() + x.std(ddof=1) + x.logsumexp(),
        lambda x: x.gelu() + x.gelu("tanh") + x.silu() + x.softplus() + x.sigmoid() + x.tanh(),
    ],
)
def test_no_silent_change_of_dtype(f, dtype):
    x = Tensor(np.array([0.5, 1.0, 1.5], dtype), requires_grad=True)
    y = f(x)
    y.sum().backward()
    assert isinstance(y.data, np.ndarray) and y.dtype == x.grad.dtype == dtype


def test_reductions_stay_arrays():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for y in (x.sum(), x.mean(), x.max(), x.var(), x.std(), x.logsumexp(), x[0], x @ x, x.sum() * 2, x.sum() + x.sum()):
        assert isinstance(y.data, np.ndarray) and y.shape == () and y.dtype == np.float32


def test_operators_and_reflected_operators():
    a, b = np.array([[1.0, 2.0]]), np.array([[3.0], [5.0]])
    x = Tensor(a)
    for got, expected in [
        (x + b, a + b),
        (b + x, b + a),
        (x - b, a - b),
        (b - x, b - a),
        (x * b, a * b),
        (b * x, b * a),
        (x / b, a / b),
        (b / x, b / a),
        (x**b, a**b),
        (b**x, b**a),
        (x @ b.T.T[:2], a @ b),
        (b @ x, b @ a),
        (1 - x, 1 - a),
        (2 / x, 2 / a),
        (2**x, 2**a),
        (x**-1.0, a**-1.0),
        (-x, -a),
        (abs(-x), a),
        ([[1, 1]] * x, a),
    ]:
        assert isinstance(got, Tensor)
        np.testing.assert_allclose(got.data, expected, rtol=1e-14)


def test_an_array_is_not_changed_by_a_tensor_in_place():
    total = np.zeros(2, "f4")
    with pytest.raises(TypeError):
        total += Tensor([1.0, 2.0], requires_grad=True)  # the history would be lost


def test_comparisons_are_arrays():
    x, y = Tensor([1.0, 2.0]), Tensor([2.0, 2.0])
    for got, expected in [
        (x == y, [False, True]),
        (x != 2, [True, False]),
        (x < y, [True, False]),
        (x <= [1, 1], [True, False]),
        (x > np.array([0, 2]), [True, False]),
        (x >= y, [False, True]),
    ]:
        assert isinstance(got, np.ndarray) and got.tolist() == expected
    assert len({x, y, x}) == 2  # tensors are told apart by identity in sets


def test_one_element_is_a_number():
    x = Tensor([[2.5]])
    assert (x.item(), float(x), int(x), bool(x), f"{x:.2f}") == (2.5, 2.5, 2, True, "2.50")
    with pytest.raises(ValueError, match=r"one element.*\(2,\)"):
        Tensor([1, 2]).item()
    with pytest.raises(ValueError):
        bool(Tensor([1, 2]))


def test_text():
    x = Tensor([1, 2], requires_grad=True)
    assert repr(x) == "Tensor([1. 2.], requires_grad=True)"
    assert repr(x.tanh()) == "Tensor([0.7616 0.964 ], op=Tanh)"
    assert repr(Tensor(np.zeros(1))) == "Tensor([0.], dtype=float64)"
    assert len(repr(Tensor(np.zeros((100, 100))))) < 500


def test_shapes_and_length():
    x = Tensor(np.arange(24.0).reshape(2, 3, 4))
    assert (x.shape, x.ndim, x.size, len(x)) == ((2, 3, 4), 3, 24, 2)
    assert x.T.shape == x.transpose().shape == (4, 3, 2)
    assert x.transpose(0, 2, 1).shape == x.transpose((0, 2, 1)).shape == x.swapaxes(-1, 1).shape == (2, 4, 3)
    assert x.reshape(6, -1).shape == x.reshape((6, 4)).shape == x.reshape([6, 4]).shape == (6, 4)
    assert x.flatten().shape == (24,) and x.flatten(1).shape == (2, 12) and x.flatten(-1).shape == (2, 3, 4)
    assert Tensor(1.0).flatten().shape == (1,) and Tensor(np.zeros((2, 0, 3))).flatten(1).shape == (2, 0)
    assert x.sum(axis=1).shape == x.sum(dim=1).shape == (2, 4) and x.mean(1, keepdim=True).shape == (2, 1, 4)
    assert x.sum([0, 2]).shape == (3,) and x.argmax(-1).shape == (2, 3)
    assert x.broadcast_to(5, 2, 3, 4).shape == (5, 2, 3, 4)
    with pytest.raises(TypeError, match="no length"):
        len(Tensor(1.0))


def test_indexing_and_iteration():
    a = np.arange(12.0).reshape(3, 4)
    x = Tensor(a, requires_grad=True)
    picks = np.array([2, 0, 2])
    for index in (1, -1, slice(1, None), (slice(None), 2), ..., (..., None, 0), picks, (picks, picks), a > 5, [0, 2]):
        np.testing.assert_array_equal(x[index].data, a[index])
    np.testing.assert_array_equal(x[Tensor(picks)].data, a[picks])
    np.testing.assert_array_equal(x[:, Tensor(picks)].data, a[:, picks])
    rows = list(x)
    assert len(rows) == 3 and rows[1].data.tolist() == [4, 5, 6, 7]
    sum(row.sum() * k for k, row in enumerate(rows)).backward()
    assert x.grad[:, 0].tolist() == [0, 1, 2]
    with pytest.raises(IndexError):
        x[3]


def test_an_element_taken_twice_gets_the_sum():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x[[0, 2, 2, 2]] * np.array([1, 10, 100, 1000], "f")).sum().backward()
    assert x.grad.tolist() == [1, 0, 1110]


def test_in_place_assignment_is_refused():
    x = Tensor([1.0, 2.0])
    with pytest.raises(TypeError, match=r"in place.*where.*x\.data.*no_grad"):
        x[0] = 5.0


@pytest.mark.parametrize(
    "f, text",
    [
        (lambda: Tensor([1, 2]) + Tensor([1, 2, 3]), r"Add cannot take shapes \(2,\) and \(3,\).*try reshape"),
        (lambda: Tensor([[1, 2]]) @ Tensor([1, 2, 3]), r"MatMul cannot take shapes \(1, 2\) and \(3,\)"),
        (lambda: Tensor([1, 2]) @ 3.0, r"MatMul cannot take shapes \(2,\) and \(\)"),
        (lambda: Tensor([1, 2]).reshape(3), r"Reshape cannot take shapes \(2,\).*multiply"),
        (lambda: Tensor([1, 2]).transpose(0, 1), r"Transpose cannot take shapes \(2,\)"),
        (lambda: Tensor([1, 2]).sum(axis=1), r"Sum cannot take shapes \(2,\): axis 1 is out of bounds"),
        (lambda: Tensor(np.zeros(0)).max(), r"Max cannot take shapes \(0,\): zero-size"),
        (lambda: concatenate([Tensor([1]), Tensor([[1]])]), r"Concatenate cannot take shapes \(1,\) and \(1, 1\)"),
        (lambda: stack([Tensor([1]), Tensor([1, 2])]), r"Stack cannot take shapes \(1,\) and \(2,\)"),
        (lambda: pad(Tensor([1]), [(1, 1), (1, 1)]), r"Pad cannot take shapes \(1,\): got 2 pairs.*one pair"),
        (
            lambda: apply(matmul.Linear(), [[1, 2]], [[1, 2, 3]]),
            r"Linear.*\(1, 2\) and \(1, 3\).*W \(out",
        ),
        (
            lambda: apply(loss.MSE(), [1, 2], [[1], [2]]),
            r"MSE.*\(2,\).*\(2, 1\).*try target.reshape",
        ),
        (
            lambda: apply(loss.BCEWithLogits(), [[1, 2]], [1]),
            r"\(1, 2\).*\(1,\).*try targets.reshape",
        ),
        (
            lambda: apply(loss.CrossEntropy(), [[1, 2]], np.eye(2, dtype=int)),
            r"\(1, 2\).*\(2, 2\).*argmax",
        ),
        (
            lambda: apply(loss.MSE(), np.zeros((0, 1)), np.zeros((0, 1))),
            r"MSE cannot take shapes \(0, 1\).*the batch is empty",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_named(f, text):
    with pytest.raises(ShapeError, match=f"(?s){text}"):
        f()


def test_class_numbers_are_checked():
    z = Tensor(np.zeros((2, 3)))
    with pytest.raises(IndexError, match=r"CrossEntropy takes class numbers from 0 to 2: got 0 to 3"):
        apply(loss.CrossEntropy(), z, np.array([0, 3]))
    with pytest.raises(TypeError, match=r"integers: got float64; try .astype\(int\)"):
        apply(loss.CrossEntropy(), z, np.array([0.0, 1.0]))


def test_data_and_grad_can_be_set():
    x = Tensor(np.array([1.0, 2.0], "f4"), requires_grad=True)
    x.data = [3, 4]
    assert x.dtype == np.float32 and x.data.tolist() == [3, 4]
    x.grad = 1.5
    assert x.grad.tolist() == [1.5, 1.5]
    x.grad = [1, 2]
    kept = x.grad
    x.grad = 0.0  # fills what is there: it may be a view of a model's gradient
    assert x.grad is kept and kept.tolist() == [0, 0]
    x.grad = buffer = np.ones(2, "f4")
    assert x.grad is buffer
    x.zero_grad()
    assert buffer.tolist() == [0, 0]
    with pytest.raises(ShapeError, match=r"\(2,\): got \(3,\)"):
        x.grad = np.zeros(3)
    number = Tensor(1.0)
    number.grad = view = np.zeros(3)[1:2].reshape(())
    assert number.grad is view


def test_micrograd_scalars():
    """The example of micrograd's README, with the numbers given there."""
    a, b = Tensor(-4.0), Tensor(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert (f"{a.grad:.4f}", f"{b.grad:.4f}") == ("138.8338", "645.5773")


def test_micrograd_neuron_and_its_inner_gradients():
    x1, x2, w1, w2, b = (Tensor(v) for v in (2.0, 0.0, -3.0, 1.0, 6.8813735870195432))
    n = x1 * w1 + x2 * w2 + b
    o = n.tanh()
    o.backward()
    assert n.grad == pytest.approx(0.5, abs=1e-6) and o.grad == 1
    assert [round(float(v.grad), 5) for v in (x1, w1, x2, w2, b)] == [-1.5, 1, 0.5, 0, 0.5]
    e = (2 * n.detach()).exp()
    assert float((e - 1) / (e + 1)) == pytest.approx(math.tanh(n.item()), rel=1e-5)


def test_micrograd_training():
    w, b = Tensor(0.0), Tensor(0.0)
    for _ in range(200):
        for p in (w, b):
            p.grad = 0.0
        sum((w * x + b - (3 * x - 1)) ** 2 for x in (-1.0, 0.0, 2.0)).backward()
        for p in (w, b):
            p.data += -0.1 * p.grad
    assert (w.item(), b.item()) == pytest.approx((3, -1), abs=1e-4)


def test_only_lone_python_numbers_are_variables():
    assert Tensor(2.0).requires_grad and Tensor(2).requires_grad
    assert not Tensor(2.0, requires_grad=False).requires_grad
    assert not any(Tensor(x).requires_grad for x in ([2.0], np.array(2.0), np.float32(2), True))
    assert not (Tensor([1.0, 2.0]) * 3.0).requires_grad


def test_functions_of_several_tensors():
    a, b = Tensor([[1.0, 2.0]], requires_grad=True), Tensor([[3.0, 4.0]], requires_grad=True)
    joined = concatenate([a, b], axis=1)
    first, rest = split(joined, [1, 3], axis=-1)
    assert (first.data.tolist(), rest.data.tolist()) == ([[1]], [[2, 3, 4]])
    assert [piece.shape for piece in split(joined, 3, axis=1)] == [(1, 3), (1, 1)]
    with pytest.raises(ValueError, match=r"add up to 4.*axis 1: got \[1, 2\]"):
        split(joined, [1, 2], axis=1)
    (rest.sum() * 10 + first.sum()).backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([[1, 10]], [[10, 10]])
    assert stack([a, b]).shape == (2, 1, 2) and pad(a, [(0, 1), (2, 0)]).data.tolist() == [[0, 0, 1, 2], [0, 0, 0, 0]]
    assert where(a > 1, a, 0).data.tolist() == [[0, 2]] and maximum(a, [[2, 1]]).data.tolist() == [[2, 2]]
    with pytest.raises(TypeError, match="bool: got float32"):
        where(a, a, b)


def test_numpy_reads_a_tensor():
    x = Tensor([1.0, 2.0])
    assert np.asarray(x) is x.data and np.array(x, dtype="f8").dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_variable_is_updated_in_place(dtype):
    memory = np.zeros(5, dtype)
    x = Tensor(memory[1:4], requires_grad=True)
    kept, expected, c = x, np.zeros(3), np.array([1.0, 2.0, 4.0])
    with nb.no_grad():
        x += c
        x *= Tensor(c)
        x -= 0.5
        x /= [2, 2, 2]
        x **= 2
        x[1:] = [7.0, 8.0]
        x[0] -= 1
    expected = (((expected + c) * c - 0.5) / 2) ** 2
    expected[1:], expected[0] = [7, 8], expected[0] - 1
    assert x is kept and x.requires_grad and x.is_leaf and np.shares_memory(x.data, memory)
    assert memory.dtype == dtype and memory[0] == memory[4] == 0
    np.testing.assert_allclose(memory[1:4], expected, rtol=1e-6)


def test_gradient_descent_as_in_the_first_lesson():
    w, p = Tensor([0.0, 0.0], requires_grad=True), nb.nn.Parameter([0.0])
    for _ in range(100):
        ((w + p - np.array([1.0, 3.0], "f4")) ** 2).sum().backward()
        with nb.no_grad():
            for x in (w, p):
                x -= 0.1 * x.grad
                x.grad = 0
    assert (w + p).data == pytest.approx([1, 3], abs=1e-4)


def test_parameters_stay_views_of_theta():
    model = nb.nn.mlp([2, 3, 1], seed=0)
    theta = model.theta
    with nb.no_grad():
        for p in model.parameters():
            p *= 0
            p += 3
    assert model.theta is theta and (theta == 3).all()
    frozen = model.parameters()[0]
    frozen.requires_grad = False
    frozen -= 1  # a Parameter is a variable, frozen or not
    assert frozen is model.parameters()[0] and (frozen.data == 2).all()


def test_an_update_in_place_outside_no_grad_is_refused():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for update in ("__iadd__", "__isub__", "__imul__", "__itruediv__", "__ipow__", "__imatmul__"):
        with pytest.raises(TypeError, match=r"in place.*with no_grad\(\):.*x = x"):
            getattr(x, update)(np.ones(2, "f4"))
    with nb.no_grad(), pytest.raises(ShapeError, match=r"keeps the shape of x, \(2,\)"):
        x += np.ones((3, 2))
    assert x.data.tolist() == [1, 2]


def test_other_tensors_get_a_new_value():
    """Results, constants and sums that begin with a number are no variables: x += y is x = x + y."""
    w, constant = Tensor([1.0, 2.0], requires_grad=True), Tensor([1.0, 1.0])
    total, result, before = Tensor(0.0), w * 2, constant
    total += w.sum()
    result += 1
    constant += w
    total += (result * constant).sum()
    total.backward()
    assert before.data.tolist() == [1, 1] and w.grad.tolist() == [1 + 2 * 2 + 3, 1 + 2 * 3 + 5]
    batch = np.ones(2)
    with nb.no_grad():
        x = Tensor(batch)
        x -= 0.5
    assert batch.tolist() == [1, 1] and x.data.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    "index",
    [
        ((0, 0, 2),),
        range(3),
        (range(1, 3),),
        ([0, (2)], (1, 1)),
        ((0, 0), (1, 1)),
        [[0, 1], [1, 1]],
        [True, False, True],
    ],
)
def test_any_sequence_is_an_index(index):
    a = np.arange(9.0).reshape(3, 3)
    x = Tensor(a, requires_grad=True)
    y = x[index]
    np.testing.assert_array_equal(y.data, a[index])
    y.backward(weights := np.random.default_rng(0).standard_normal(y.shape))
    expected = np.zeros((3, 3))
    np.add.at(expected, index, weights)
    np.testing.assert_allclose(x.grad, expected)


def test_an_empty_list_is_an_index():
    assert Tensor([1.0, 2.0])[[]].shape == (0,)
    with pytest.raises(IndexError):
        Tensor([1.0, 2.0])[np.zeros(0)]


@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=3, min_side=0), st.integers(0, 2**32 - 1))
def test_broadcasting_sums_gradients_back(shapes, seed):
    """dL/dx has the shape of x and the size that repeating x by hand gives."""
    rng = np.random.default_rng(seed)
    a, b, c = (Tensor(rng.standard_normal(s), requires_grad=True) for s in shapes.input_shapes)
    weights = rng.standard_normal(shapes.result_shape)
    y = a * b + c
    assert y.shape == shapes.result_shape
    y.backward(weights)
    for x, full in [(a, weights * b.data), (b, weights * a.data), (c, weights)]:
        repeated = np.broadcast_to(np.arange(x.size).reshape(x.shape), shapes.result_shape)
        expected = np.bincount(repeated.ravel(), full.ravel(), minlength=x.size)[: x.size].reshape(x.shape)
        assert x.grad.shape == x.shape
        np.testing.assert_allclose(x.grad, expected, rtol=1e-10, atol=1e-12)


@given(st.data())
def test_matmul_of_random_batches(data):
    shapes = data.draw(mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3))
    n, k, m = (data.draw(st.integers(1, 3)) for _ in range(3))
    a_shape, b_shape = (*shapes.input_shapes[0], n, k), (*shapes.input_shapes[1], k, m)
    rng = np.random.default_rng(0)
    nb.check_gradient(lambda a, b: a @ b, rng.standard_normal(a_shape), rng.standard_normal(b_shape), directions=1)


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="here they are doubles")
@pytest.mark.parametrize("make", [np.asarray, lambda x: np.asarray(x, np.float32)], ids=["array", "dtype"])
def test_longer_floats_than_the_ops_know_are_refused(make):
    """Masks go by the bits of a number, as an integer of its size: of these there is none."""
    array = make(np.ones(3, np.longdouble))
    with pytest.raises(TypeError, match="up to 64 bits: got "):
        Tensor(array) if array.dtype == np.longdouble else Tensor(array, dtype=np.longdouble)


class TestNamesOfPyTorch:
    x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)

    def test_methods_that_are_another_name(self):
        x = self.x
        assert x.numel() == 6 and x.dim() == 2 and +x is x and x.retain_grad() is None
        assert x.to("cpu") is x and x.to(np.float32).dtype == x.to("float32").dtype == np.float32
        assert x.to(Tensor([1.0])).dtype == np.float32
        np.testing.assert_array_equal(x.mm(x.t()).data, x.data @ x.data.T)
        np.testing.assert_array_equal(x[None].bmm(x.T[None]).data, (x.data @ x.data.T)[None])
        np.testing.assert_allclose(x.lerp(x * x, 0.25).data, 0.75 * x.data + 0.25 * x.data**2)
        for name in ("eq", "ne", "lt", "le", "gt", "ge"):
            assert getattr(x, name)(2).tolist() == getattr(operator, name)(x.data, 2).tolist()
        y = Tensor([1.0, 2.0])
        assert y.requires_grad_() is y and y.requires_grad and not y.requires_grad_(False).requires_grad

    def test_dim_gives_pytorchs_pair_and_axis_numpys_values(self):
        x = Tensor([[1.0, 5.0, 5.0], [np.nan, 2.0, 9.0]], requires_grad=True)
        values, indices = x.max(dim=1)
        assert values.data[0] == 5 and indices.tolist() == [1, 0] and np.isnan(values.data[1])
        assert isinstance(x.max(1), Tensor) and isinstance(x.max(axis=1), Tensor) and isinstance(x.max(), Tensor)
        values[0].backward()
        assert x.grad.tolist() == [[0, 0.5, 0.5], [0, 0, 0]]
        assert np.isnan(x.median(dim=1).values.data).tolist() == [False, True]
        assert x.median(dim=1).indices.tolist() == [1, 0]

    def test_the_spread_says_what_it_takes(self):
        torch = pytest.importorskip("torch")
        there = torch.tensor(self.x.data)
        for options in (
            {},
            {"correction": 0},
            {"correction": 2},
            {"unbiased": False},
            {"unbiased": True, "keepdim": True},
        ):
            ours = options or {"correction": 1}  # NB: n where nothing is said
            np.testing.assert_allclose(self.x.var(dim=1, **ours).data, there.var(dim=1, **options).numpy(), rtol=1e-14)
            np.testing.assert_allclose(self.x.std(1, **ours).data, there.std(dim=1, **options).numpy(), rtol=1e-14)

    @pytest.mark.parametrize(
        "f, words",
        [
            (lambda x: x.var(1, True), r"^var\(\) takes from 1 to 2 positional arguments but 3 were given"),
            (lambda x: x.var(1, ddof=True), "ddof must be a finite number; got True"),
            (lambda x: x.softmax(of=1), r"^softmax\(\) got an unexpected keyword argument 'of'"),
            (lambda x: x.leaky_relu(1, 2, 3), r"^leaky_relu\(\) takes"),
            (lambda x: x.maximum(), r"^maximum\(\) missing 1 required positional argument"),
            (lambda x: nb.engine.hypot(x), r"^hypot\(\) missing 1 required positional argument"),
            (lambda x: x.max(dim=(0, 1)), r"^max\(\) along several axes has no indices: got dim=\(0, 1\); try axis="),
            (lambda x: x.max(axis=0, dim=1), "axis and dim are two names of one thing"),
            (lambda x: x[None].t(), r"t\(\) takes a matrix: got shape \(1, 2, 3\); try x.T or x.swapaxes"),
            (lambda x: x.to("cuda"), r"to\(\) takes a dtype of NumPy, such as np.float64, or \"cpu\": got 'cuda'"),
            (lambda x: (x * 2).requires_grad_(), "requires_grad_ is for floating tensors that no op made"),
            (lambda x: Tensor(np.arange(3)).requires_grad_(), "requires_grad_ is for floating tensors"),
            (lambda x: x.add_(1), r"has no 'add_'.* x = x\.add\(\.\.\.\) makes a new one"),
            (lambda x: x.cuda(), "has no 'cuda'. Here it is computed on the CPU, with NumPy: leave that out"),
            (lambda x: x.celu(), r"has no 'celu'. Here try nb\.nn\.functional\.celu\(x\)"),
            (lambda x: x.inverse(), r"try nb\.engine\.linalg\.inv\(x\)"),
            (lambda x: x.nothing_of_the_kind, r"^A Tensor has no 'nothing_of_the_kind'\.$"),
        ],
    )  # fmt: skip
    def test_what_is_not_there_is_said_under_the_name_that_was_typed(self, f, words):
        with pytest.raises((AttributeError, TypeError, ValueError), match=words):
            f(self.x)

    def test_what_is_named_instead_is_there(self):
        for name, text in hints.BY_NAME.items():
            assert not hasattr(self.x, name), f"{name} is there: its hint is superfluous"
            if found := re.search(r"(nb|np)\.([\w.]+)\(", text):
                attrgetter(found[2])({"nb": nb, "np": np}[found[1]])
            if found := re.match(r"try x\.(\w+)\(", text):
                assert hasattr(self.x, found[1])
