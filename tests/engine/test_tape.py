"""backward(): order, depth, release, accumulation; no_grad, recording, threads."""

import gc
import threading
import weakref

import numpy as np
import pytest

import nbprop as nb
from nbprop.engine import (
    BackwardError,
    Op,
    ShapeError,
    Tensor,
    apply,
    concatenate,
    no_grad,
    record,
    recording,
    stack,
    tape,
)
from nbprop.engine.op import OPS


@pytest.fixture
def own_ops():
    """Ops defined inside a test leave the registry with it."""
    before = dict(OPS)
    yield
    OPS.clear()
    OPS.update(before)


def test_a_chain_of_50000_ops():
    x = y = Tensor(np.array(1.0), requires_grad=True)
    for _ in range(50_000):
        y = y * 1.0001
    y.backward()
    assert x.grad == pytest.approx(1.0001**50_000)


def test_a_chain_of_50000_ops_without_backward_is_let_go():
    x = y = Tensor(np.array(1.0), requires_grad=True)
    for _ in range(50_000):
        y = y + x
    last = weakref.ref(y)
    del y
    gc.collect()
    assert last() is None


def test_every_path_is_counted_once():
    x = Tensor(np.array(1.0), requires_grad=True)
    y = x
    for _ in range(30):  # 2^30 paths
        y = y + y
    y.backward()
    assert x.grad == 2**30


def test_saved_values_are_let_go():
    x = Tensor(np.ones(3), requires_grad=True)
    hidden = x.exp()
    saved = weakref.ref(hidden)
    loss = (hidden * 2).sum()
    del hidden
    assert saved() is not None
    loss.backward()
    assert saved() is None and loss.inputs == () and loss.op.released and repr(loss) == "Tensor(16.3097, op=Sum)"


def test_second_backward():
    x = Tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    loss.backward()
    with pytest.raises(BackwardError, match=r"been through Sum already.*retain_graph=True"):
        loss.backward()


def test_second_backward_through_a_shared_part():
    x = Tensor([1.0, 2.0], requires_grad=True)
    shared = x * x
    a, b = shared.sum(), shared.mean()
    a.backward()
    with pytest.raises(BackwardError, match="been through Mul already"):
        b.backward()
    assert x.grad.tolist() == [2, 4]


def test_retain_graph():
    x = Tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad.tolist() == [4, 8]


def test_gradient_of_something_that_is_not_one_number():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(BackwardError, match=r"shape \(2,\).*y.sum\(\).backward\(\)"):
        (x * x).backward()
    (x * x).backward([1, 10])
    assert x.grad.tolist() == [2, 40]
    with pytest.raises(ShapeError, match=r"\(2,\); got \(3,\)"):
        (x * x).backward(np.ones(3))
    (x * x).backward(Tensor([1.0, 0.0]))
    assert x.grad.tolist() == [4, 40]


def test_nothing_to_differentiate():
    for y in (Tensor([1.0]), Tensor([1.0]) * 2, Tensor([1.0], requires_grad=True).detach().sum()):
        with pytest.raises(BackwardError, match="nothing to differentiate"):
            y.backward()


def test_backward_of_a_leaf():
    x = Tensor(np.array(3.0), requires_grad=True)
    x.backward()
    assert x.grad == 1


def test_leaves_add_up_in_place():
    flat = np.zeros(5, "f4")
    w, b = Tensor(np.ones((2, 2), "f4"), requires_grad=True), Tensor(np.ones(1, "f4"), requires_grad=True)
    w.grad, b.grad = flat[:4].reshape(2, 2), flat[4:]
    for _ in range(2):
        (w * 3 + b).sum().backward()
    assert flat.tolist() == [6, 6, 6, 6, 8]
    assert w.grad.base is flat and b.grad.base is flat


def test_leaves_do_not_share_a_gradient_array():
    a, b = Tensor([1.0], requires_grad=True), Tensor([1.0], requires_grad=True)
    (a + b).sum().backward()
    (a * 2).sum().backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([3], [1])


def test_the_given_gradient_is_not_kept():
    x, given = Tensor([1.0], requires_grad=True), np.ones(1, "f4")
    x.backward(given)
    given[:] = 7
    assert x.grad.tolist() == [1]


def test_inner_tensors_have_gradients_too():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    (y * y).sum().backward()
    assert y.grad.tolist() == [6, 12] and x.grad.tolist() == [18, 36]


def test_a_branch_without_gradient_is_left_alone():
    x, mask = Tensor([1.0, 2.0], requires_grad=True), Tensor([1.0, 0.0])
    (x * mask).sum().backward()
    assert mask.grad is None and x.grad.tolist() == [1, 0]


def test_mixed_precision_gradients_keep_each_dtype():
    a, b = Tensor(np.ones(2, "f4"), requires_grad=True), Tensor(np.ones(2, "f8"), requires_grad=True)
    y = a * b
    y.sum().backward()
    assert (y.dtype, a.grad.dtype, b.grad.dtype) == (np.float64, np.float32, np.float64)


def test_no_grad():
    x = Tensor([1.0], requires_grad=True)
    with no_grad():
        y = x * 2
        assert not y.requires_grad and y.is_leaf and y.inputs == ()
    assert (x * 2).requires_grad

    @nb.no_grad()
    def double(x):
        return x * 2

    assert not double(x).requires_grad
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0  # noqa: B018
    assert (x * 2).requires_grad


def test_record_keeps_every_op_in_order():
    x, c = Tensor([1.0], requires_grad=True), Tensor([2.0])
    assert recording() is None
    with record() as tape:
        assert recording() is tape
        a = c * 2
        b = x + a
        with no_grad():
            d = b.exp()
    outside = x * 2
    assert tape.nodes == [a, b, d] and tape.calls == [] and recording() is None
    assert not a.requires_grad and b.requires_grad and not d.requires_grad and outside.requires_grad
    assert d.inputs == (b,) and a.op.name == "Mul"


def test_recording_and_no_grad_belong_to_one_thread():
    seen = []

    def elsewhere():
        seen.append((recording(), (Tensor([1.0], requires_grad=True) * 2).requires_grad))

    with record() as tape, no_grad():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert seen == [(None, True)] and tape.nodes == []


def test_backward_in_several_threads():
    results = {}

    def train(k):
        x = Tensor(np.full(50, float(k)), requires_grad=True)
        for _ in range(50):
            y = x
            for _ in range(10):
                y = y * 1.0
            y.sum().backward()
        results[k] = x.grad

    threads = [threading.Thread(target=train, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((results[k] == 50).all() for k in range(4))


def test_an_op_of_ones_own(own_ops):
    class Cube(Op):
        """y = x^3,  dL/dx = dL/dy 3 x^2."""

        def forward(self, x):
            self.x = x
            return x**3

        def backward(self, dy):
            return dy * 3 * self.x**2

    assert OPS["Cube"] is Cube
    x = Tensor([2.0], requires_grad=True)
    apply(Cube(), x).sum().backward()
    assert x.grad.tolist() == [12]


def test_an_op_that_returns_wrong_shapes_is_named(own_ops):
    class Wrong(Op):
        def forward(self, x):
            return x * 2

        def backward(self, dy):
            return dy.sum()

    with pytest.raises(ShapeError, match=r"Wrong.backward returned.*\(\) for input 0 of shape \(2,\)"):
        apply(Wrong(), Tensor([1.0, 2.0], requires_grad=True)).sum().backward()


def test_an_op_that_returns_too_few_gradients_is_named(own_ops):
    class Half(Op):
        def forward(self, a, b):
            return a + b

        def backward(self, dy):
            return dy

    a = Tensor([1.0], requires_grad=True)
    with pytest.raises(BackwardError, match=r"Half.backward returned 1 gradient.* for 2 inputs"):
        apply(Half(), a, a).sum().backward()


def test_backward_costs_the_same_whatever_the_order(own_ops):
    """Each op's backward runs exactly once, after all uses of its output."""
    count = []

    class Count(Op):
        def forward(self, x):
            return x * 1

        def backward(self, dy):
            count.append(dy.copy())
            return dy

    x = Tensor([1.0], requires_grad=True)
    y = apply(Count(), x)
    late = y * 5
    (y * 2 + y.exp() * 0 + late).sum().backward()
    assert len(count) == 1 and count[0].tolist() == [7]


def test_gradients_are_ones_own():
    """Whatever an op hands back (one array twice, views, read-only ones), `.grad` can be written to, and is alone."""
    x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    a, b = x * 1, x * 2
    total = a + b
    turned, flat, joined, piled = total.T, total.reshape(-1), concatenate([total, a]), stack([a, b])
    wide = total.broadcast_to(2, 2, 3)
    parts = [turned.sum(), flat.mean(), joined.sum(), piled.sum(), wide.sum(axis=0).sum(), total[0].sum()]
    loss = sum(parts[1:], parts[0])
    tensors = [x, a, b, total, turned, flat, joined, piled, wide, *parts, loss]
    loss.backward()
    before = [np.array(t._grad if t._lent is None else t._lent) for t in tensors]
    for t in tensors:
        t.grad[...] += 1
        t.zero_grad()
        t.grad += 5
    assert all((t.grad == 5).all() for t in tensors)
    grads = [t.grad for t in tensors]
    assert not any(np.shares_memory(g, h) for i, g in enumerate(grads) for h in grads[:i])
    (x * x).sum().backward()
    assert (x.grad == 5 + 2 * x.data).all() and before[-1] == 1


def test_gradients_of_results_are_set_anew_by_each_backward():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    loss = y.sum()
    loss.backward(retain_graph=True)
    y.grad[...] = 7
    loss.backward()
    assert y.grad.tolist() == [1, 1] and x.grad.tolist() == [6, 6]


CHANGES = {
    "x.data -= 1": lambda x: x.__setattr__("data", np.subtract(x.data, 1, out=x.data)),
    "x -= 1": lambda x: x.__isub__(1),
    "x[0] = 1": lambda x: x.__setitem__(0, 1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_numbers_changed_between_forward_and_backward(change):
    x, c = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0])
    loss = (x * x * c).sum()
    with no_grad():
        change(x)
    with pytest.raises(
        BackwardError, match=r"(?s)Tensor\(\[.*changed in place after Mul had used them.*compute the loss anew"
    ):
        loss.backward()
    assert x.grad is None
    (x * x).sum().backward()  # a graph of the new numbers is in order
    assert x.grad.tolist() == (2 * x.data).tolist()
    loss = (x * c).sum()
    c.data *= 2
    with pytest.raises(BackwardError, match="changed in place"):
        loss.backward()


def test_a_result_changed_in_place():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    y.data *= 2  # Exp needs its result on the way back
    with pytest.raises(BackwardError, match="changed in place after Exp had used them"):
        y.sum().backward()


def test_a_new_array_does_not_disturb_the_graph():
    """The graph keeps the old array: its gradient is that of the numbers that forward saw."""
    x = Tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    x.data = np.array([5.0, 5.0], "f4")
    loss.backward()
    assert x.grad.tolist() == [2, 4]


def test_leaves():
    w, b, c = Tensor([1.0], requires_grad=True), Tensor([2.0], requires_grad=True), Tensor([3.0])
    unused = Tensor([1.0], requires_grad=True)
    loss = ((w * c + b) * w + unused.detach()).sum()
    assert tape.leaves(loss) == [w, b] and tape.leaves(w) == [w] and tape.leaves(c) == [] == tape.leaves(c * 2)
    assert tape.backward(loss) == [w, b]
    with pytest.raises(BackwardError, match="been through"):
        tape.leaves(loss)


def test_no_grad_on_a_generator():
    x = Tensor([1.0], requires_grad=True)
    seen = []

    @no_grad()
    def steps(n):
        """Some steps."""
        for _ in range(n):
            try:
                seen.append((yield x * 2))
            except KeyError:
                seen.append((yield x * 3))
            finally:
                seen.append((x * 4).requires_grad)
        return "done"

    generator = steps(3)
    assert steps.__doc__ == "Some steps." and not next(generator).requires_grad and (x * 2).requires_grad
    assert not generator.send("sent").requires_grad and not generator.throw(KeyError()).requires_grad
    assert (x * 2).requires_grad and not next(generator).requires_grad
    with pytest.raises(StopIteration, match="done"):
        next(generator)
    assert seen == ["sent", False, None, False, None, False] and (x * 2).requires_grad
    generator = steps(3)
    next(generator)
    generator.close()
    assert seen[6:] == [False] and (x * 2).requires_grad
    with pytest.raises(ZeroDivisionError):
        generator = steps(3)
        next(generator)
        generator.throw(ZeroDivisionError())
    assert (x * 2).requires_grad


def test_no_grad_is_refused_where_it_would_do_nothing():
    async def coroutine():
        pass

    async def asynchronous():
        yield

    for what in (coroutine, asynchronous, Tensor, 3):
        with pytest.raises(TypeError, match=r"@no_grad\(\) expects a function or a generator function"):
            no_grad()(what)


def test_no_grad_again_inside_itself():
    quiet, x = no_grad(), Tensor([1.0], requires_grad=True)
    with quiet:
        with quiet:
            assert not (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad
