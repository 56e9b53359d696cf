"""Every op: against central differences, against HIPS autograd on a formula of its own, and its dtypes and memory."""

import numpy as np
import pytest
from autograd import make_vjp
from op_cases import CASES, TRIED, in_all_shapes

from nbprop.engine import OPS, GradientError, Replay, Tensor, apply, check_gradient, record


def test_every_op_is_tried():
    ours = {name for name, op in OPS.items() if op.__module__.startswith("nbprop.engine.")}
    assert ours == {name.split(" ")[0] for name in CASES}


def gradients(case, arrays, dy=None):
    """Run forward and backward through Tensors: the output, dL/dy, and the gradients of the floating inputs."""
    tensors = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    y = apply(case.op(), *tensors)
    if dy is None:
        dy = np.random.default_rng(1).standard_normal(y.shape)
    y.backward(dy)
    return y.data, dy, [x.grad for x in tensors if x.requires_grad]


@pytest.mark.parametrize("case, shapes", TRIED)
def test_against_central_differences(case, shapes):
    inputs = case.inputs(shapes)
    if apply(case.op(), *inputs).size and any(x.size and x.dtype.kind == "f" for x in inputs):
        check_gradient(lambda *xs: apply(case.op(), *xs), *inputs, tol=2e-7)
    else:
        with pytest.raises(GradientError, match="nothing to compare"):
            check_gradient(lambda *xs: apply(case.op(), *xs), *inputs)


@pytest.mark.parametrize("case, shapes", TRIED)
def test_against_autograd(case, shapes):
    arrays = case.inputs(shapes)
    y, dy, ours = gradients(case, arrays)
    floating = tuple(i for i, x in enumerate(arrays) if x.dtype.kind == "f")
    known = list(arrays)

    def formula(floats):
        for i, x in zip(floating, floats, strict=True):
            known[i] = x
        return case.formula(*known)

    vjp, expected = make_vjp(formula)(tuple(arrays[i] for i in floating))
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-14)
    for mine, theirs in zip(ours, vjp(dy), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-13)


@in_all_shapes
def test_float32_stays_float32(case, shapes):
    arrays = case.inputs(shapes)
    y64, dy, gradients64 = gradients(case, arrays)
    y32, _, gradients32 = gradients(case, [x.astype("f4") if x.dtype == "f8" else x for x in arrays], dy)
    assert y64.dtype == np.float64 and all(g.dtype == np.float64 for g in gradients64)
    assert all(g.dtype == np.float32 for g in gradients32)
    assert y32.dtype == (np.float64 if case.op is CASES["Cast"].op else np.float32)
    np.testing.assert_allclose(y32, y64, rtol=1e-4, atol=1e-5)
    for g32, g64 in zip(gradients32, gradients64, strict=True):
        np.testing.assert_allclose(g32, g64, rtol=1e-3, atol=1e-4)


@in_all_shapes
def test_float16_stays_float16(case, shapes):
    """The value and the gradients as of the same numbers in float64, rounded."""
    arrays = [x.astype("f2") if x.dtype == "f8" else x for x in case.inputs(shapes)]
    y64, dy, gradients64 = gradients(case, [x.astype("f8") if x.dtype == "f2" else x for x in arrays])
    y16, _, gradients16 = gradients(case, arrays, dy)
    assert y16.dtype == (np.float64 if case.op is CASES["Cast"].op else np.float16)
    assert all(g.dtype == np.float16 for g in gradients16)
    np.testing.assert_allclose(y16, y64, rtol=1e-2, atol=1e-2)
    for g16, g64 in zip(gradients16, gradients64, strict=True):
        np.testing.assert_allclose(g16, g64, rtol=5e-2, atol=5e-2)


@in_all_shapes
def test_inputs_in_any_memory_layout(case, shapes):
    arrays = case.inputs(shapes)
    y, dy, expected = gradients(case, arrays)
    columns = [np.array(x, order="F") for x in arrays]
    strided = [np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x for x in arrays]
    backwards = [np.flip(np.flip(x).copy()) for x in arrays]
    for layout in (columns, strided, backwards):
        y2, _, gradients2 = gradients(case, layout, dy)
        np.testing.assert_allclose(y2, y, rtol=1e-13, atol=1e-15)
        for a, b in zip(gradients2, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@in_all_shapes
def test_run_again_into_the_same_memory(case, shapes):
    """What a Replay relies on: forward fills the same array again, backward gives the same again and may use `into`."""
    arrays, others = case.inputs(shapes), case.inputs(shapes, seed=5)
    kept = [x.copy() for x in arrays]
    with record() as tape:
        y = apply(case.op(), *[Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays])
    op = y.op
    assert tape.nodes == [y] and op.needs == tuple(x.dtype.kind == "f" for x in arrays)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    given = dy.copy()
    first = as_tuple(op.backward(dy))
    op.into = [
        None if dx is None or np.shape(dx) != x.shape else np.full_like(x, 7)
        for x, dx in zip(arrays, first, strict=True)
    ]
    second = as_tuple(op.backward(dy))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    again = op.forward(*others)
    fresh = apply(case.op(), *others).data
    np.testing.assert_array_equal(again, fresh)
    assert again is y.data or op.view
    np.testing.assert_array_equal(dy, given)
    for x, before in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(x, before)


def as_tuple(gradients):
    return gradients if isinstance(gradients, tuple) else (gradients,)


@in_all_shapes
def test_replay_equals_eager(case, shapes):
    arrays = case.inputs(shapes)
    tensors = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]

    def compute():
        y = apply(case.op(), *tensors)
        return (y * y).sum()

    with record() as tape:
        result = compute()
    replay = Replay(tape, result)
    for seed in (0, 1, 2, 3):
        for x, new in zip(arrays, case.inputs(shapes, seed), strict=True):
            x[...] = new
        replayed = replay.forward().copy()
        replay.backward()
        ours = [x.grad for x in tensors if x.requires_grad]
        for x in tensors:
            x.grad = None
        eager = compute()
        eager.backward()
        np.testing.assert_array_equal(replayed, eager.data)
        for x, g in zip([x for x in tensors if x.requires_grad], ours, strict=True):
            np.testing.assert_array_equal(g, x.grad)
            x.grad = g
