"""CTC: against PyTorch, cases counted by hand, impossible ones, long sequences, errors. All alignments: test_ops.py."""

import numpy as np
import pytest

from nbprop.engine import Replay, ShapeError, Tensor, apply, check_gradient, record
from nbprop.engine.ctc import CTC


def sample(seed, T=12, N=4, C=4, S=5, blank=0):
    """Logits, targets and lengths: few classes, so that labels are often repeated; from no label to too many."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, C - 1, (N, S))
    targets += targets >= blank
    return rng.standard_normal((T, N, C)) * 2, targets, rng.integers(3, T + 1, N), rng.integers(0, S + 1, N)


def shortest(targets, lengths):
    """Frames needed: labels, and a blank between equal neighbours."""
    return np.array([n + np.sum(row[1:n] == row[: max(n - 1, 0)]) for row, n in zip(targets, lengths, strict=True)])


@pytest.mark.torch
@pytest.mark.parametrize("blank", [0, 2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_against_pytorch(seed, blank):
    torch = pytest.importorskip("torch")
    logits, targets, frames, lengths = sample(seed, blank=blank)
    possible = frames >= shortest(targets, lengths)
    z, t = Tensor(logits, requires_grad=True), torch.tensor(logits, requires_grad=True)
    loss = apply(CTC(blank), z.log_softmax(), targets, frames, lengths)
    arrays = map(torch.tensor, (targets, frames, lengths))
    theirs = torch.nn.functional.ctc_loss(t.log_softmax(-1), *arrays, blank=blank, reduction="none")
    np.testing.assert_allclose(loss.data, theirs.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(np.isinf(loss.data), ~possible)
    dy = np.random.default_rng(seed).standard_normal(len(frames))
    loss.backward(dy)
    theirs.backward(torch.tensor(dy))
    np.testing.assert_allclose(z.grad[:, possible], t.grad.numpy()[:, possible], rtol=1e-8, atol=1e-11)
    assert (z.grad[:, ~possible] == 0).all() and np.isnan(t.grad.numpy()[:, ~possible]).any() == (~possible).any()


def test_samples_of_these_tests_hold_what_matters():
    cases = [(*arrays, shortest(arrays[0], arrays[2])) for arrays in (sample(seed)[1:] for seed in range(12))]
    assert any((frames < needed).any() for _, frames, _, needed in cases)
    assert any((frames == needed).any() for _, frames, _, needed in cases)
    assert any((needed > lengths).any() for _, _, lengths, needed in cases)
    assert any((lengths == 0).any() for _, _, lengths, _ in cases)
    assert any((frames < 12).any() for _, frames, _, _ in cases)


@pytest.mark.parametrize(
    ("frames", "labels", "ways"),
    [(1, [], 1), (3, [], 1), (1, [1], 1), (2, [1], 3), (3, [1], 6), (3, [1, 2], 5), (3, [1, 1], 1), (4, [1, 1], 5)],
)
def test_number_of_alignments(frames, labels, ways):
    """Each alignment of T frames has probability C^-T if all classes are equally likely."""
    x = np.full((frames, 1, 3), -np.log(3))
    loss = apply(CTC(), x, np.array([labels], int), np.array([frames]), np.array([len(labels)]))
    np.testing.assert_allclose(np.exp(-loss.data) * 3**frames, [ways], rtol=1e-12)


def test_shares_of_the_alignments():
    """Frames "1-", "-1" and "11" give label 1; the gradient says how often each class is used at each frame."""
    x = Tensor(np.log([[[0.4, 0.6]], [[0.7, 0.3]]]), requires_grad=True)
    apply(CTC(), x, np.array([[1]]), np.array([2]), np.array([1])).backward([1.0])
    ways = np.array([0.6 * 0.7, 0.4 * 0.3, 0.6 * 0.3])
    ways /= ways.sum()
    np.testing.assert_allclose(x.grad[:, 0], [[-ways[1], -ways[0] - ways[2]], [-ways[0], -ways[1] - ways[2]]])


@pytest.mark.parametrize("seed", range(4))
def test_against_central_differences(seed):
    logits, targets, frames, lengths = sample(seed)
    frames = np.maximum(frames, shortest(targets, lengths))
    check_gradient(lambda z: apply(CTC(), z.log_softmax(), targets, frames, lengths), logits)


@pytest.mark.parametrize("zero_infinity", [False, True])
def test_impossible(zero_infinity):
    x = Tensor(np.full((2, 3, 3), -np.log(3)), requires_grad=True)
    loss = apply(CTC(0, zero_infinity), x, np.array([[1, 1], [1, 2], [1, 1]]), np.array([2] * 3), np.array([2, 2, 1]))
    np.testing.assert_allclose(loss.data, [0 if zero_infinity else np.inf, np.log(9), np.log(3)])
    loss.backward(np.ones(3))
    assert (x.grad[:, 0] == 0).all() and (x.grad[:, 1:] <= 0).all()
    np.testing.assert_allclose(x.grad.sum(-1), [[0, -1, -1]] * 2)


def test_class_of_probability_zero():
    x = Tensor(np.log([[[0.5, 0.5, 1e-300]], [[0.5, 0.5, 1e-300]]]), requires_grad=True)
    x.data[..., 2] = -np.inf
    loss = apply(CTC(), x, np.array([[1]]), np.array([2]), np.array([1]))
    np.testing.assert_allclose(loss.data, [-np.log(0.75)])
    loss.backward([1.0])
    np.testing.assert_allclose(x.grad[:, 0], [[-1 / 3, -2 / 3, 0]] * 2)


def test_what_is_not_a_number_stays_seen():
    x = Tensor(np.full((3, 2, 3), -1.0), requires_grad=True)
    x.data[1, 0, 1] = np.nan
    with np.errstate(invalid="ignore"):  # NumPy warns
        loss = apply(CTC(), x, np.array([[1], [1]]), np.array([3, 3]), np.array([1, 1]))
        loss.backward(np.ones(2))
    assert np.isnan(loss.data).tolist() == [True, False]
    assert np.isnan(x.grad[:, 0]).any() and np.isfinite(x.grad[:, 1]).all()


def test_long_sequences_do_not_underflow():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((1500, 2, 20)).astype("f4") * 3
    z = Tensor(logits, requires_grad=True)
    arrays = rng.integers(1, 20, (2, 100)), np.array([1500, 1200]), np.array([100, 70])
    loss = apply(CTC(), z.log_softmax(), *arrays)
    exact = apply(CTC(), Tensor(logits.astype("f8")).log_softmax(), *arrays)
    assert loss.dtype == np.float32 and (exact.data > 1000).all()
    np.testing.assert_allclose(loss.data, exact.data, rtol=1e-5)
    loss.backward(np.ones(2))
    np.testing.assert_allclose(z.grad.sum(-1), 0, atol=5e-3)
    assert (z.grad[1200:, 1] == 0).all()


def test_padding_is_not_looked_at():
    logits, targets, frames, lengths = sample(1)
    results = []
    for fill in (0, -7, 99):
        filled = np.where(np.arange(targets.shape[1]) < lengths[:, None], targets, fill)
        x = Tensor(logits.copy(), requires_grad=True)
        for n, T in enumerate(frames):
            x.data[T:, n] = fill
        loss = apply(CTC(), x, filled, frames, lengths)
        loss.backward(np.ones(len(frames)))
        results.append((loss.data, x.grad))
    for loss, gradient in results[1:]:
        np.testing.assert_array_equal(loss, results[0][0])
        np.testing.assert_array_equal(gradient, results[0][1])


def test_a_replay_sees_new_targets_and_lengths():
    arrays = sample(0)
    z, *rest = Tensor(arrays[0].copy(), requires_grad=True), *(Tensor(a.copy()) for a in arrays[1:])
    with record() as tape:
        loss = apply(CTC(0, True), z.log_softmax(), *rest).sum()
    replay = Replay(tape, loss)
    for seed in range(5):
        for x, new in zip((z, *rest), sample(seed), strict=True):
            x.data[...] = new
        replay.forward()
        replay.backward()
        anew = Tensor(z.data, requires_grad=True)
        again = apply(CTC(0, True), anew.log_softmax(), *rest).sum()
        again.backward()
        assert loss.item() == again.item()
        np.testing.assert_array_equal(z.grad, anew.grad)


GOOD = {
    "x": np.zeros((5, 2, 3)),
    "targets": np.ones((2, 2), int),
    "frames": np.array([5, 4]),
    "lengths": np.ones(2, int),
}


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("x", np.zeros((2, 5, 3)), ShapeError, r"\(2, 5, 3\) and \(2, 2\) and \(2,\) and \(2,\): .*swapaxes\(0, 1\)"),
        ("x", np.zeros((5, 3)), ShapeError, r"CTC cannot take shapes \(5, 3\).*Expected x \(T, N, C\)"),
        ("targets", np.ones(3, int), ShapeError, r"and \(3,\) .*targets \(N, S\)"),
        ("frames", np.array([5]), ShapeError, r"\(1,\) and \(2,\).*lengths \(N,\)"),
        ("lengths", np.array(1), ShapeError, r"\(2,\) and \(\)"),
        ("targets", np.ones((2, 2)), TypeError, r"CTC takes targets as integers: got float64; try .astype\(int\)"),
        ("frames", np.array([5, 6]), IndexError, r"input_lengths from 0 to 5: got 5 to 6"),
        ("frames", np.array([5, -1]), IndexError, r"input_lengths from 0 to 5: got -1 to 5"),
        ("lengths", np.array([1, 3]), IndexError, r"target_lengths from 0 to 2: got 1 to 3"),
        ("targets", np.array([[3, 1], [1, 1]]), IndexError, r"targets from 0 to 2: got 1 to 3"),
        ("targets", np.array([[1, 1], [0, 1]]), IndexError, r"targets hold class 0, which is the blank"),
    ],
)
def test_bad_input(name, value, error, message):
    with pytest.raises(error, match=message):
        apply(CTC(), *{**GOOD, name: value}.values())


def test_the_blank_is_one_of_the_classes():
    with pytest.raises(IndexError, match=r"blank from 0 to 2: got 3"):
        apply(CTC(3), *GOOD.values())
