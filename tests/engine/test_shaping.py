"""The methods that move numbers: as PyTorch's and NumPy's of the same name, in any layout; and what is refused."""

import inspect

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import nbprop as nb
import nbprop.engine as E
from nbprop.engine import Replay, ShapeError, Tensor, record
from nbprop.engine.shaping import Shaping

RNG = np.random.default_rng(0)
CONSTANTS = {
    "I": np.array([[1, 0, 1], [0, 1, 1]]),
    "J": np.array([[[2, 0], [1, 1]], [[0, 2], [2, 2]]]),
    "V": np.array([2, 0, 2]),
    "M": RNG.random((2, 3)) > 0.5,
    "S": RNG.standard_normal((2, 3)),
}

# Each is evaluated with x a Tensor of nbprop's, and again with x a tensor of PyTorch's.
SAME = {
    (2, 3): """
        x.view(3, 2) | x.view(-1) | x.view((6, 1)) | x.reshape(3, -1) | x.transpose(1, 0) | x.permute(1, 0)
        x.permute((0, 1)) | x.swapaxes(0, -1) | x.moveaxis(0, 1) | x.T | x.unsqueeze(0) | x.unsqueeze(dim=-1)
        x.flatten() | x.ravel() | x.contiguous().view(6) | x.expand(4, 2, 3) | x.expand(4, -1, -1)
        x[:, :1].expand(-1, 5) | x.expand_as(x.expand(2, 2, 3)) | x.tile(2) | x.tile(2, 1) | x.tile((2, 1, 3))
        x.repeat(2, 3) | x.repeat(2, 1, 1) | x.repeat(0, 1) | x.repeat_interleave(2) | x.repeat_interleave(3, dim=1)
        x.repeat_interleave(V, dim=1) | x.repeat_interleave(V, 1) | x.flip(0) | x.flip(0, 1) | x.flip([1])
        x.flip(dims=(0, -1)) | x.roll(1) | x.roll(-2, 1) | x.roll((1, 2), (0, 1)) | x.roll(shifts=1, dims=0)
        x.rot90() | x.rot90(2) | x.rot90(-1, (1, 0)) | x.rot90(k=1, dims=[0, 1]) | x.tril() | x.tril(-1)
        x.tril(diagonal=1) | x.triu() | x.triu(2) | x.diag() | x.diag(1) | x.diag(-1) | x.diagonal()
        x.diagonal(1) | x.diagonal(offset=-1)
        x.trace() | x.gather(0, I) | x.gather(dim=1, index=I[:, :2]) | x.gather(1, I.T[:2]) | x.scatter(1, I, S)
        x.scatter(0, I, 0.5) | x.scatter_add(1, I, S) | x.scatter_add(dim=0, index=I, src=S)
        x.scatter(1, I[:1, :2], S) | x.scatter_add(0, I[:, :2], S) | x.clone() | x.index_select(1, V)
        x.index_select(0, I[0]) | x.masked_fill(M, -1.5) | x.masked_fill(M[0], 0) | x.masked_select(M)
        x.masked_select(M[0]) | x.split(2, 1)[1] | x.split([1, 2], dim=1)[1] | x.split(1)[0] | x.chunk(2, 1)[1]
        x.chunk(5)[1] | x.unbind()[1] | x.unbind(dim=1)[2] | x.unfold(1, 2, 1) | x.unfold(1, 0, 2)
        x.unfold(0, 2, 3) | x[..., None]
        x.sort()[0] | x.sort(dim=0).values | x.sort(-1, True)[0] | x.sort(descending=True).values | x.topk(2)[0]
        x.topk(1, dim=0).values | x.topk(2, 1, False)[0] | x.topk(3, largest=False).values | x.kthvalue(2)[0]
        x.kthvalue(1, dim=0, keepdim=True).values | x[0].median()
        x.max(dim=1).values | x.min(dim=-1, keepdim=True)[0] | x.median(dim=0)[0] | x.median(dim=-1, keepdim=True)[0]
        x.cummax(1)[0] | x.cummin(dim=0).values | x.amax(1) | x.amin(dim=(0, 1), keepdim=True) | x.t() | x[0].t()
        x.to(x.dtype) | x.cpu() | x.copysign(-x * x)
        x.float().double() | x[:, V] | x[M] | x[I, V] | x[None, :, V]
    """,
    (2, 3, 4): """
        x.permute(2, 0, 1) | x.permute(-1, 0, -2) | x.transpose(1, 2) | x.transpose(-1, 0) | x.swapaxes(0, 2)
        x.moveaxis(0, -1) | x.moveaxis((0, 1), (2, 0)) | x.movedim(2, 0) | x.flatten(1) | x.flatten(0, 1)
        x.flatten(start_dim=1, end_dim=-1) | x.flatten(-1) | x.unflatten(-1, (2, 2)) | x.unflatten(2, (-1, 2))
        x.view(2, -1) | x.tile(2, 2) | x.repeat(1, 2, 3) | x.flip(0, 2) | x.roll(3, 2) | x.rot90(1, (1, 2)) | x.tril()
        x.triu(-1)
        x.diagonal(0, 1, 2) | x.diagonal(offset=1, dim1=-1, dim2=0) | x.gather(2, J) | x.gather(-1, J[:, :1])
        x.scatter(1, J, 2.0) | x.scatter_add(2, J, x[:, :2, :2] * 2) | x.split(2, -1)[0] | x.chunk(3, 2)[0]
        x.unbind(1)[0] | x.unfold(2, 2, 2) | x.unfold(-1, 3, 1) | x.unsqueeze(2) | x.sort(1)[0] | x.topk(2, 1)[0]
        x.kthvalue(3)[0] | x.index_select(2, V) | x[:, 1:, ::2] | x[1, ..., -1] | x[:, :, None, 1]
    """,
    (1, 3, 1): "x.squeeze() | x.squeeze(0) | x.squeeze(dim=-1) | x.squeeze((0, 2)) | x.expand(2, 3, 4) | x.flatten(1)",
    (4,): """
        x.view(2, 2) | x.tile(2, 3) | x.repeat(3) | x.flip(0) | x.roll(1) | x.diag() | x.diag(2) | x.diag(-1)
        x.flatten() | x.unfold(0, 3, 1) | x.sort()[0] | x.topk(3)[0] | x.kthvalue(4)[0] | x.unbind()[3] | x.chunk(3)[1]
        x[V] | x[-1:]
        x.gather(0, V) | x.scatter_add(0, V, x[:3]) | x.unflatten(0, (2, 2)) | x.permute(0) | x.moveaxis(0, 0)
    """,
    (0, 3): """
        x.view(3, 0) | x.flatten() | x.flip(1) | x.roll(1, 1) | x.tile(2, 2) | x.tril() | x.unsqueeze(0) | x.sort()[0]
        x.gather(1, I[:0]) | x.split(2, 1)[0] | x.chunk(2)[0] | x.topk(2)[0] | x.diagonal() | x.repeat_interleave(2, 1)
        x.index_select(1, V) | x.masked_fill(x.detach() > 0, 1.0) | x.scatter_add(0, I[:0], S[:0])
    """,
    (): "x.view(1, 1) | x.flatten() | x.unsqueeze(0) | x.squeeze() | x.expand(2, 3) | x.tile(2) | x.repeat(2, 2)",
}
CASES = [
    (shape, text.strip()) for shape, texts in SAME.items() for line in texts.split("\n") for text in line.split("|")
]
CASES = [(shape, text) for shape, text in CASES if text]


def layouts(x):
    """The same numbers, four times in memory."""
    return x, np.array(x, order="F"), np.repeat(x, 2, -1)[..., ::2] if x.ndim else x, np.flip(np.flip(x).copy())


@pytest.mark.torch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape, text", CASES)
def test_same_as_pytorch(shape, text, dtype):
    torch = pytest.importorskip("torch")
    numbers = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    constants = {name: x.astype(dtype) if x.dtype.kind == "f" else x for name, x in CONSTANTS.items()}
    x = torch.tensor(numbers, requires_grad=True)
    expected = eval(text, {"x": x} | {name: torch.tensor(c) for name, c in constants.items()})
    dy = np.random.default_rng(2).standard_normal(expected.shape)
    expected.backward(torch.tensor(dy).to(expected.dtype))
    for layout in layouts(numbers):
        ours = Tensor(layout, requires_grad=True)
        y = eval(text, {"x": ours} | constants)
        assert isinstance(y, Tensor) and y.requires_grad and y.dtype == (np.float64 if "double" in text else dtype)
        np.testing.assert_array_equal(y.data, expected.detach().numpy(), strict=True)
        y.backward(dy)
        np.testing.assert_allclose(ours.grad, x.grad.numpy(), rtol=1e-6 if dtype == np.float32 else 1e-12)


def test_every_method_is_tried():
    tried = " ".join(text for _, text in CASES)
    names = {name for name, f in vars(Shaping).items() if inspect.isfunction(f) and name[0] != "_"}
    others = set("expand_dims argsort argmax argmin any all bool int long half take tolist copy".split())  # noqa: SIM905
    assert {name for name in names if f".{name}(" not in tried} == others
    assert others <= names


@pytest.mark.torch
@pytest.mark.parametrize("f",
    ["x.sort(1)", "x.sort(0, True)", "x.topk(2)", "x.topk(2, 0, False)", "x.kthvalue(2, 0)",
     "x.max(dim=1)", "x.min(dim=0, keepdim=True)", "x.median(dim=1)", "x.median(dim=0, keepdim=True)", "x.cummax(1)",
     "x.cummin(-2)"])  # fmt: skip
def test_the_indices_are_pytorchs(f):
    torch = pytest.importorskip("torch")
    a = np.random.default_rng(0).standard_normal((3, 4))
    values, indices = eval(f, {"x": Tensor(a)})
    expected = eval(f, {"x": torch.tensor(a)})
    assert type(indices) is np.ndarray and indices.dtype == np.intp
    np.testing.assert_array_equal(values.data, expected.values.numpy())
    np.testing.assert_array_equal(indices, expected.indices.numpy())


def test_questions_are_plain_arrays():
    a = np.array([[0.0, 3.0, 1.0], [2.0, 2.0, 0.0]])
    x = Tensor(a, requires_grad=True)
    for name in ("argmax", "argmin", "any", "all"):
        for options in ({}, {"axis": 1}, {"axis": 0, "keepdims": True}):
            got, expected = getattr(x, name)(**options), getattr(a, name)(**options)
            np.testing.assert_array_equal(got, expected, strict=True)
            assert not isinstance(got, Tensor)
    assert x.argmax(dim=1, keepdim=True).tolist() == [[1], [0]]
    assert x.argsort().tolist() == [[0, 2, 1], [2, 0, 1]] and x.argsort(0, descending=True).tolist() == [
        [1, 0, 0],
        [0, 1, 1],
    ]
    assert x.bool().data.tolist() == a.astype(bool).tolist() and x.long().dtype == np.int64
    assert x.int().dtype == np.int32 and x.half().dtype == np.float16
    assert not x.bool().requires_grad
    assert x.take([4, 0]).data.tolist() == [2, 0] and x.take([[0]], axis=1).shape == (2, 1, 1)
    assert x.expand_dims((0, -1)).shape == (1, 2, 3, 1) and x.tolist() == a.tolist()


def test_nothing_asked_is_recorded():
    x = Tensor([2.0, 1.0], requires_grad=True)
    with record() as tape:
        x.argsort()
    assert tape.nodes == []


# Order, ties, NaN


def test_ties_go_to_the_one_that_was_first():
    x = Tensor([2.0, 1.0, 2.0, 2.0], requires_grad=True)
    for descending, order in [(False, [1, 0, 2, 3]), (True, [0, 2, 3, 1])]:
        x.grad = None
        values, indices = x.sort(descending=descending)
        assert indices.tolist() == order
        values.backward(np.array([1, 10, 100, 1000]))
        assert x.grad[order].tolist() == [1, 10, 100, 1000]
    x.grad = None
    x.kthvalue(2).values.backward()
    assert x.grad.tolist() == [1, 0, 0, 0]


@pytest.mark.torch
@given(
    hnp.arrays(
        float, st.tuples(st.integers(1, 3), st.integers(1, 6)), elements=st.sampled_from([0.0, 1, -1, np.inf, np.nan])
    )
)
def test_order_of_ties_and_nan_is_pytorchs(a):
    torch = pytest.importorskip("torch")
    for descending in (False, True):
        values, indices = Tensor(a).sort(descending=descending)
        expected = torch.tensor(a).sort(descending=descending, stable=True)
        np.testing.assert_array_equal(values.data, expected.values.numpy())
        np.testing.assert_array_equal(indices, expected.indices.numpy())


def test_median():
    x = Tensor([[3.0, 1.0, 3.0, 5.0], [np.nan, 0.0, 1.0, 2.0]], requires_grad=True)
    y = x.median(axis=1)
    assert y.data[0] == 3 and np.isnan(y.data[1])
    y.backward(np.array([8.0, 1.0]))
    assert x.grad.tolist() == [[4, 0, 4, 0], [1, 0, 0, 0]]  # in equal shares; what is NaN is because of the NaN
    assert np.isnan(np.median(Tensor([[1.0, np.nan]])).item())
    assert Tensor([1.0, 2.0, 4.0, 9.0]).median().item() == 3 and Tensor(5.0).median(0).item() == 5
    assert Tensor(np.array([1, 2])).median().dtype == np.float32
    with pytest.raises(ShapeError, match=r"Median cannot take shapes \(0,\): there is no middle one of no numbers"):
        Tensor([]).median()


def test_what_is_in_order_is_found_again_in_a_replay():
    """Which number is the largest changes with the numbers."""
    x = Tensor(np.array([[1.0, 3.0, 2.0]]), requires_grad=True)
    weights = np.array([[1.0, 10.0, 100.0]])
    index = Tensor(np.array([[0, 0, 1]]))

    def compute():
        return ((x.sort().values + x.gather(1, index) + x.topk(1).values + x.median() * x.median()) * weights).sum()

    with record() as tape:
        loss = compute()
    replay = Replay(tape, loss)
    replay.backward()
    for numbers, places in [([[1.0, 3, 2]], [[0, 0, 1]]), ([[5.0, -1, 7]], [[2, 1, 2]]), ([[0.0, 9, 8]], [[1, 1, 0]])]:
        x.data[:], index.data[:] = numbers, places
        replayed = replay.forward().copy()
        replay.backward()
        filled, x.grad = x.grad, None  # a replay goes on writing there
        fresh = compute()
        fresh.backward()
        assert replayed == fresh.data
        np.testing.assert_array_equal(filled, x.grad)
        x.grad = filled


# Numbers put somewhere


def test_the_last_of_several_stays():
    x, src = Tensor([1.0, 2.0, 3.0], requires_grad=True), Tensor([10.0, 20.0, 30.0], requires_grad=True)
    y = x.scatter(0, [1, 1, 0], src)
    assert y.data.tolist() == [30, 20, 3]
    y.backward(np.array([1, 2, 4]))
    assert x.grad.tolist() == [0, 0, 4] and src.grad.tolist() == [0, 2, 1]


def test_what_is_not_there_is_not_touched():
    """0 times inf is NaN: none of these is a product with a mask."""
    x = Tensor(np.array([[1.0, np.inf], [2.0, 3.0]]), requires_grad=True)
    for y, expected in [
        (x.tril(), [[1, 0], [2, 3]]),
        (x[0].diag(), [[1, 0], [0, np.inf]]),
        (x.masked_fill(x.data > 9, 0), [[1, 0], [2, 3]]),
        (x.scatter(1, [[1], [0]], 0.0), [[1, 0], [0, 3]]),
    ]:
        np.testing.assert_array_equal(y.data, expected)
    x.tril().backward(np.array([[1.0, np.nan], [1.0, 1.0]]))
    assert x.grad.tolist() == [[1, 0], [1, 1]]


def test_a_copy():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y, z = x.clone(), x.copy()
    assert not np.shares_memory(x.data, y.data) and not np.shares_memory(x.data, z.data)
    (y * z).sum().backward()
    assert x.grad.tolist() == [2, 4]
    assert Tensor(np.array([True])).clone().dtype == bool


def test_whole_numbers_and_sums_in_float16():
    counts = Tensor(np.zeros(3, np.int8)).scatter_add(0, np.array([0, 2] * 100), Tensor(np.ones(200, np.int8)))
    assert counts.data.tolist() == [100, 0, 100]
    assert Tensor(np.array([1, 2])).scatter(0, [0], Tensor([0.5])).data.tolist() == [0.5, 2]
    ones = Tensor(np.ones(5000, np.float16), requires_grad=True)
    total = Tensor(np.zeros(1, np.float16)).scatter_add(0, np.zeros(5000, int), ones)
    assert total.item() == 5000 and total.dtype == np.float16
    x = Tensor(np.ones(1, np.float16), requires_grad=True)
    x.gather(0, np.zeros(5000, int)).sum().backward()
    assert x.grad[0] == 5000


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_where_with_lone_numbers_keeps_the_dtype(dtype):
    x, mask = Tensor(np.ones(2, dtype), requires_grad=True), np.array([True, False])
    for a, b in [(x, 0.0), (1, x), (x, np.float64(2)), (np.array(2.0), x), (x, Tensor(2.0)), (Tensor(0.5), x)]:
        assert E.where(mask, a, b).dtype == dtype
        assert E.where(Tensor(mask), b, a).dtype == dtype
    assert x.masked_fill(mask, -np.inf).dtype == dtype
    for a, b in [(1.0, 0.0), (1, 0), (True, False)]:
        y = E.where(mask, a, b)
        assert y.dtype == np.float32 and y.data.tolist() == [1, 0]
        assert (y * x).dtype == dtype


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i8"])
def test_where_with_lone_whole_numbers_keeps_whole_numbers(dtype):
    x, mask = Tensor(np.ones((2, 2), dtype)), np.array([True, False])
    for y in (E.where(mask, x, 0), E.where(mask, 1, x), x.masked_fill(mask, 0), x.tril(), x.flip(0), x.sort().values):
        assert y.dtype == dtype
    assert x.tril().data.tolist() == [[1, 0], [1, 1]]
    assert E.where(mask, x, 0.5).dtype == np.float32  # 0.5 is none of them
    assert E.where(mask, x, 5).data.tolist() == [[1, 5], [1, 5]]
    with pytest.raises(OverflowError):
        E.where(mask, Tensor(np.ones(2, np.int8)), 300)


# Functions of several tensors


def test_stacks():
    a, b = np.arange(3.0), np.arange(3.0, 6.0)
    for name in ("vstack", "hstack", "dstack"):
        for one, two in [(a, b), (a[None], b[None]), (a[None], np.ones((4, 3)) if name == "vstack" else b[None])]:
            x = Tensor(one, requires_grad=True)
            y = getattr(E, name)([x, two])
            np.testing.assert_array_equal(y.data, getattr(np, name)([one, two]), strict=True)
            y.backward(np.arange(y.size).reshape(y.shape))
            assert x.grad.shape == one.shape
    with pytest.raises(ShapeError, match=r"Concatenate cannot take shapes \(1, 3\) and \(1, 2\)"):
        E.vstack([Tensor(a), Tensor(a[:2])])
    with pytest.raises(ShapeError, match="Concatenate cannot take"):
        E.hstack([])


def test_joined_along_an_axis_of_either_name():
    x = Tensor(np.ones((2, 3)))
    assert E.cat([x, x]).shape == E.concatenate((x, x), 0).shape == (4, 3)
    assert E.cat([x, x], dim=1).shape == E.cat([x, x], -1).shape == E.concatenate([x, x], axis=1).shape == (2, 6)
    assert E.stack([x, x, x]).shape == (3, 2, 3) and E.stack([x, x], dim=-1).shape == (2, 3, 2)
    with pytest.raises(TypeError, match="two names of one thing: got axis=0 and dim=1"):
        E.stack([x, x], 0, dim=1)


def test_meshgrid():
    xs = [np.arange(2.0), np.arange(3.0), np.arange(4.0)]
    for n in (1, 2, 3):
        for indexing in ("xy", "ij"):
            tensors = [Tensor(x, requires_grad=True) for x in xs[:n]]
            for got, expected in zip(
                E.meshgrid(*tensors, indexing=indexing), np.meshgrid(*xs[:n], indexing=indexing), strict=True
            ):
                np.testing.assert_array_equal(got.data, expected, strict=True)
            got.sum().backward()
            assert tensors[-1].grad.tolist() == [got.size / len(xs[n - 1])] * len(xs[n - 1])
    with pytest.raises(ValueError, match="indexing must be 'xy' or 'ij'"):
        E.meshgrid(xs[0], indexing="xz")


def test_one_hot():
    rows = E.one_hot([[0, 2], [1, 1]])
    assert rows.dtype == np.int64 and rows.data.tolist() == np.eye(3, dtype=int)[[[0, 2], [1, 1]]].tolist()
    assert E.one_hot(Tensor(np.array(1)), num_classes=4).data.tolist() == [0, 1, 0, 0]
    assert E.one_hot(np.zeros(0, int), 3).shape == (0, 3)
    W = Tensor(np.ones((3, 2)), requires_grad=True)
    (rows @ W).sum().backward()
    assert W.grad.tolist() == [[1, 1], [2, 2], [1, 1]]
    for classes, count, words in [
        ([0, 3], 3, "one_hot expects class numbers from 0 to 2: got 0 to 3"),
        ([-1], -1, "from 0 to -1: got -1 to -1"),
    ]:
        with pytest.raises(IndexError, match=words):
            E.one_hot(classes, count)
    with pytest.raises(TypeError, match=r"one_hot expects integers: got float64; try .astype\(int\)"):
        E.one_hot([0.5])


def test_pieces():
    x = Tensor(np.arange(10.0), requires_grad=True)
    assert [len(piece) for piece in x.chunk(4)] == [3, 3, 3, 1] and [len(p) for p in np.array_split(x, 4)] == [
        3,
        3,
        2,
        2,
    ]
    assert E.split is Tensor.split and E.cat is E.concatenate
    first, *_, last = x.unbind()
    (first * 2 + last * 3).backward()
    assert x.grad[[0, 1, 9]].tolist() == [2, 0, 3]


# What comes back when everything is indexed


@given(st.data())
def test_any_index_is_numpys(data):
    a = np.arange(24.0).reshape(data.draw(st.sampled_from([(24,), (4, 6), (2, 3, 4), (1, 2, 4, 3)])))
    advanced = data.draw(st.booleans())
    index = data.draw(
        hnp.integer_array_indices(a.shape) if advanced else hnp.basic_indices(a.shape, allow_newaxis=True)
    )
    x = Tensor(a, requires_grad=True)
    y = x[index]
    np.testing.assert_array_equal(y.data, a[index], strict=True)
    weights = np.random.default_rng(0).standard_normal(y.shape)
    y.backward(weights)
    expected = np.zeros_like(a)
    np.add.at(expected, index, weights)
    np.testing.assert_allclose(x.grad, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "index",
    [
        True,
        False,
        np.bool_(True),
        np.array(True),
        (),
        ...,
        None,
        (None, ...),
        np.int64(1),
        np.array(1),
        (True, 0),
        [[]],
        (..., [0, 2]),
    ],
)
def test_corners_of_indexing(index):
    a = np.arange(6.0).reshape(2, 3)
    x = Tensor(a, requires_grad=True)
    place = np.zeros((1, 0), int) if isinstance(index, list) else index
    np.testing.assert_array_equal(x[index].data, a[place], strict=True)
    x[index].sum().backward()
    expected = np.zeros((2, 3))
    np.add.at(expected, place, 1)
    assert x.grad.tolist() == expected.tolist()


@given(hnp.array_shapes(min_dims=1, max_dims=4, max_side=3), st.data())
def test_moves_undo_each_other(shape, data):
    """Of random shapes, and their gradient is the one that moves back."""
    x = Tensor(np.random.default_rng(0).standard_normal(shape), requires_grad=True)
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    order = data.draw(st.permutations(range(len(shape))))
    n = data.draw(st.integers(-3, 3))
    for there_and_back in (
        x.permute(order).permute(np.argsort(order).tolist()),
        x.flip(axis).flip(axis),
        x.roll(n, axis).roll(-n, axis),
        x.moveaxis(axis, 0).moveaxis(0, axis),
        x.unsqueeze(axis).squeeze(axis) if axis >= 0 else x,
        E.stack(x.unbind(axis), axis if axis >= 0 else axis - 0 + len(shape)),
        E.concatenate(x.chunk(2, axis), axis),
        x.flatten().view(shape),
    ):
        x.grad = None
        np.testing.assert_array_equal(there_and_back.data, x.data, strict=True)
        there_and_back.backward(2 * x.data)
        np.testing.assert_array_equal(x.grad, 2 * x.data)


# What is refused

X = Tensor(np.ones((2, 3)), requires_grad=True)


@pytest.mark.parametrize(
    "f, error, words",
    [
        (lambda: X.squeeze(0), ShapeError, r"squeeze\(0\) cannot be done with shape \(2, 3\): cannot select an axis"),
        (lambda: X.unsqueeze(4), ShapeError, r"unsqueeze\(4\) .*\(2, 3\): axis 4 is out of bounds"),
        (lambda: X.flip(2), ShapeError, r"flip\(2\) .*axis 2 is out of bounds for array of dimension 2"),
        (lambda: X.flip(1, 1), ShapeError, "repeated axis"),
        (lambda: X.permute(0), ShapeError, r"Transpose cannot take shapes \(2, 3\).*every axis of x once"),
        (lambda: X.transpose(0, 1), ValueError, r"transpose\(0, 1\) of a matrix swaps in PyTorch only: write x.T"),
        (lambda: X.swapaxes(0, 2), ShapeError, r"swapaxes\(0, 2\).*out of bounds"),
        (lambda: X.moveaxis(0, 5), ShapeError, r"moveaxis\(0, 5\).*out of bounds"),
        (lambda: X.view(4), ShapeError, r"Reshape cannot take shapes \(2, 3\).*multiply to the same"),
        (lambda: X.flatten(1, 0), ShapeError, "start_dim=1 comes after end_dim=0"),
        (lambda: X.flatten(3), ShapeError, r"flatten\(3\).*axis 3 is out of bounds"),
        (lambda: X.unflatten(1, (2, 2)), ShapeError, r"Reshape cannot take shapes \(2, 3\)"),
        (lambda: X.expand(3), ShapeError, r"BroadcastTo cannot take shapes \(2, 3\)"),
        (lambda: X.expand(5, 3), ShapeError, r"BroadcastTo cannot take shapes \(2, 3\)"),
        (lambda: X.repeat(2), ShapeError, r"repeat\(2\).*NumPy's repeat is repeat_interleave"),
        (lambda: X.repeat_interleave([1, 2], 1), ShapeError, r"repeat_interleave.*broadcast"),
        (lambda: X.tile(-1), ShapeError, "negative"),
        (lambda: X.rot90(1.5), TypeError, r"rot90\(1.5\) .*integer"),
        (lambda: X.tril(0.5), TypeError, r"tril\(0.5\) .*integer"),
        (lambda: X.diag(0.5), TypeError, r"diag\(0.5\) .*integer"),
        (lambda: X.tile(1.5), TypeError, r"tile\(1.5\)"),
        (lambda: X.repeat_interleave(1.5), TypeError, r"repeat_interleave\(1.5\)"),
        (lambda: X.roll((1, 1.5), (0, 1)), TypeError, "integer"),
        (lambda: X.roll(1.5), TypeError, r"roll\(1.5\) cannot be done with shape \(2, 3\)"),
        (lambda: X.roll(1, 3), ShapeError, r"roll\(1, 3\).*out of bounds"),
        (lambda: X.roll((1, 2)), ShapeError, r"roll\(\(1, 2\)\).*one shift is expected for each axis"),
        (lambda: X.roll((1, 2, 3), (0, 1)), ShapeError, "one shift is expected for each axis"),
        (lambda: X.rot90(1, (0, 0)), ShapeError, r"rot90\(1, \(0, 0\)\).*different"),
        (lambda: X[0].tril(), ShapeError, r"A triangle needs two axes: got shape \(3,\)"),
        (lambda: X.unsqueeze(0).diag(), ShapeError, r"diag\(\) cannot be done with shape \(1, 2, 3\)"),
        (lambda: X[0].diagonal(), ShapeError, r"diagonal\(\).*\(3,\)"),
        (lambda: X.gather(1, [0, 1]), ShapeError, r"Gather cannot take shapes \(2, 3\) and \(2,\): got 1 axes"),
        (lambda: X.gather(1, [[3]]), IndexError, r"Gather takes the index from 0 to 2: got 3 to 3"),
        (lambda: X.gather(1, [[-1]]), IndexError, r"Gather takes the index from 0 to 2: got -1 to -1"),
        (lambda: X.gather(1, [[0.0]]), TypeError, r"Gather takes the index as integers: got float64"),
        (lambda: X.gather(2, [[0]]), ShapeError, r"Gather cannot take shapes.*axis 2 is out of bounds"),
        (lambda: X.gather(1, np.zeros((3, 1), int)), ShapeError, r"Gather cannot.*\(3, 1\).*no larger sizes but along"),
        (lambda: X.scatter(1, [[0, 1]], np.ones((2, 1))), ShapeError, r"Scatter cannot .*src needs the shape of the"),
        (lambda: X.scatter_add(1, [[0, 1]], np.ones(3)), ShapeError, "ScatterAdd cannot .*src needs the shape"),
        (lambda: X.scatter_add(1.5, [[0]], 1.0), TypeError, "ScatterAdd takes whole numbers as axis: got 1.5"),
        (lambda: X.index_select(0, [2]), IndexError, "out of bounds"),
        (lambda: X.take([6]), IndexError, r"take\(\[6\]\).*out of bounds"),
        (lambda: X.masked_fill([1, 0, 1], 0), TypeError, "where expects a condition of dtype bool: got int64"),
        (lambda: X.masked_select([0, 1, 1]), TypeError, "masked_select expects a mask of dtype bool: got int64"),
        (lambda: X.masked_select([True, False]), ShapeError, "masked_select"),
        (lambda: X.split(0), ValueError, "size of a piece must be an integer, 1 or more; got 0"),
        (lambda: X.split([-1, 4], 1), ValueError, "size of a piece must be an integer, 0 or more; got -1"),
        (lambda: X.split([1, 1], 1), ValueError, "split expects sizes that add up to 3"),
        (lambda: X.chunk(0), ValueError, "number of chunks must be an integer, 1 or more; got 0"),
        (lambda: X.unbind(2), ShapeError, r"unbind\(2\).*out of bounds"),
        (lambda: X.unfold(1, 4), ShapeError, r"unfold\(1, 4\).*window"),
        (lambda: X.unfold(1, 2, 0), ValueError, "step must be an integer, 1 or more; got 0"),
        (lambda: X[1.5], IndexError, r"x\[index\] of shape \(2, 3\): arrays used as indices must be of integer"),
        (lambda: X[0, 0, 0], IndexError, r"x\[index\] of shape \(2, 3\): too many indices"),
        (lambda: X[np.ones(3, bool)], IndexError, r"x\[index\] of shape \(2, 3\): boolean index did not match"),
        (lambda: X[0:1:0], ShapeError, r"Slice cannot take shapes \(2, 3\): slice step cannot be zero"),
        (lambda: X.sort(2), ShapeError, r"Sort cannot take shapes \(2, 3\): axis 2 is out of bounds"),
        (lambda: X.sort(None), TypeError, "Sort takes whole numbers as axis: got None"),
        (lambda: X.topk(4), ValueError, "k must be an integer from 0 to 3; got 4"),
        (lambda: X.topk(1.5), TypeError, "k must be an integer from 0 to 3; got 1.5"),
        (lambda: X.kthvalue(0), ValueError, "k must be an integer from 1 to 3; got 0"),
        (lambda: X.argmax(2), ShapeError, r"argmax\(2\).*out of bounds"),
        (lambda: X.squeeze(0, dim=1), TypeError, "squeeze"),
        (lambda: X.sort(axis=0, dim=1), TypeError, "axis and dim are two names of one thing: sort takes one"),
        (lambda: X.median("a"), TypeError, "axis must be a whole number"),
        (lambda: np.tril(X[0]), ShapeError, "A triangle needs two axes"),
        (lambda: np.roll(X, 1, 2), ValueError, "axis 2 is out of bounds"),
    ],
)  # fmt: skip
def test_what_is_refused(f, error, words):
    with pytest.raises(error, match=f"(?s){words}"):
        f()


def test_the_gradients_of_ops_that_choose():
    x = np.random.default_rng(3).standard_normal((3, 5))
    nb.check_gradient(lambda x: x.topk(2, 1).values * x.median(1, True), x)
    nb.check_gradient(lambda x: x.scatter(1, np.array([[0, 0]]), x[:1, 1:3]) * x.kthvalue(2, 0).values, x)
