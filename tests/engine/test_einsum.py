"""Einsum: random subscripts beside PyTorch and NumPy, its ways of writing, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nbprop.engine as E
from nbprop.engine import ShapeError, Tensor, no_grad
from nbprop.flops import flops

SIZES = dict(zip("abcAB", (2, 3, 4, 2, 1), strict=True))


@st.composite
def products(draw):
    """Subscripts and arrays: repeated letters, "...", axes of size 1 that broadcast, with and without an output."""
    dots, parts, arrays = draw(st.lists(st.integers(1, 3), max_size=2)), [], []
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    for _ in range(draw(st.integers(1, 3))):
        letters = draw(st.lists(st.sampled_from("abcAB"), max_size=3))
        shape = [SIZES[c] if letters.count(c) > 1 or draw(st.integers(0, 4)) else 1 for c in letters]
        if draw(st.booleans()):
            place = draw(st.integers(0, len(letters)))
            extra = [1 if draw(st.booleans()) else n for n in dots[draw(st.integers(0, len(dots))) :]]
            letters.insert(place, "...")
            shape[place:place] = extra
        parts.append("".join(letters))
        arrays.append(rng.standard_normal(shape))
    subscripts = ",".join(parts)
    if draw(st.booleans()):
        output = draw(st.permutations(sorted(set(subscripts) - set(",."))))
        output = output[: draw(st.integers(0, len(output)))]
        if "..." in subscripts:
            output.insert(draw(st.integers(0, len(output))), "...")
        subscripts += "->" + "".join(output)
    return subscripts, arrays


@pytest.mark.torch
@given(products())
def test_random_products(case):
    torch = pytest.importorskip("torch")
    subscripts, arrays = case
    ours = [Tensor(x, requires_grad=True) for x in arrays]
    theirs = [torch.tensor(x, requires_grad=True) for x in arrays]
    y, z = np.einsum(subscripts, *ours), np.einsum(subscripts, *arrays)
    assert y.shape == z.shape and y.op.name == "Einsum"
    np.testing.assert_allclose(y.data, z, rtol=1e-12, atol=1e-12)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    y.backward(dy)
    torch.einsum(subscripts, *theirs).backward(torch.tensor(dy))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ways_of_writing(dtype):
    a, b = (np.random.default_rng(i).standard_normal(n).astype(dtype) for i, n in enumerate([(3, 4), (4, 2)]))
    x = Tensor(a, requires_grad=True)
    for y in (
        np.einsum("ij,jk", x, b),
        np.einsum(" ij, jk -> ik ", x, b, optimize=True),
        E.einsum("aB,Bc->ac", x, Tensor(b)),
        E.einsum(x, [0, 1], b, [1, 2]),
        E.einsum(x, [3, 7], b, [7, 1], [3, 1]),
        np.einsum(x, [..., 7], b, [7, 1], [..., 1]),
    ):
        np.testing.assert_allclose(y.data, a @ b, rtol=1e-5)
        assert y.dtype == dtype
        x.grad = None
        y.sum().backward()
        np.testing.assert_allclose(x.grad, np.ones((3, 2)) @ b.T, rtol=1e-5)
    assert E.einsum("i,->", [1.0, 2.0], 3).item() == 9
    bytes = Tensor(np.array([100, 100], np.uint8))
    assert E.einsum("i,i", bytes, bytes).item() == 20_000  # nothing wraps
    with no_grad():
        np.testing.assert_array_equal(np.einsum("ij->ji", x).data, a.T)


def test_the_numbers_of_the_input_are_not_shared():
    x = Tensor(np.ones((2, 2)), requires_grad=True)
    y = np.einsum("ij->ij", x)
    assert not np.shares_memory(y.data, x.data)


def test_what_it_costs():
    y = np.einsum("ij,jk->ik", Tensor(np.ones((3, 4)), requires_grad=True), Tensor(np.ones((4, 5))))
    assert flops(y) == flops(Tensor(np.ones((3, 4)), requires_grad=True) @ np.ones((4, 5))) == (120, 120)


A, B = np.ones((2, 3)), np.ones((3, 4))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("ij,jk->ik", A, A), r"\(2, 3\) and \(2, 3\): j is 3 and 2\."),
        (("ij,jk->ik", A), "'ij,jk->ik' names 2 inputs"),
        (("i->i", A), "'i' names 1 axes of 2"),
        (("ijk->i", A), "'ijk' names 3 axes of 2"),
        (("ijk...->i", A), "'ijk...' names 3 axes of 2"),
        (("ij->ii", A), "the output of 'ij->ii' has i twice"),
        (("ij->k", A), "the output of 'ij->k' has k but no input has"),
        (("i1->i", A), "has other signs than letters"),
        (("i.->i", A), "has other signs than letters"),
        (("ij->i->j", A), "has other signs than letters"),
        (("ii", A), "i is 2 and 3"),
        (("ij,...", A, B, A), "names 2 inputs"),
    ],
)
def test_what_is_refused(arguments, words):
    with pytest.raises(ShapeError, match=rf"Einsum cannot take shapes .*{words}.* Expected one group of letters"):
        E.einsum(*arguments)


def test_it_writes_nowhere():
    with pytest.raises(TypeError, match=r"np.einsum with arguments other than .* has no gradient"):
        np.einsum("ij->ji", Tensor(A, requires_grad=True), out=np.empty((3, 2)))
