"""Read out of frames: labels of the likeliest path, where the alignments are, how many labels are wrong."""

import itertools
from typing import Any

import numpy as np
import pytest

import nbprop as nb
from nbprop.nn import ctc


def collapsed(path):
    merged = [k for k, _ in itertools.groupby(path)]
    return [k for k in merged if k != 0]


@pytest.mark.parametrize(("labels", "T"), [([1, 2], 4), ([1, 1], 4), ([2], 5), ([], 3)])
def test_occupancy_by_listing_all_alignments(labels, T):
    rng = np.random.default_rng(T)
    p = rng.dirichlet(np.ones(3), T)
    shares, total = np.zeros((T, 2 * len(labels) + 1)), 0.0
    for path in itertools.product(range(3), repeat=T):
        if collapsed(path) != labels:
            continue
        weight = np.prod(p[np.arange(T), path])
        total += weight
        state, before = 0, 0
        for t, k in enumerate(path):
            if k and (t == 0 or k != before):
                state += 1 if state % 2 == 0 else 2
            elif not k and state % 2:
                state += 1
            before = k
            shares[t, state] += weight
    found = ctc.occupancy(np.log(p), np.array(labels, int))
    np.testing.assert_allclose(found, shares / total, atol=1e-12)


def test_the_gradient_of_the_logits_is_the_difference_of_two_probabilities():
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(12, 4)), np.array([1, 3, 3])

    def loss(z):
        return nb.nn.CTCLoss(reduction="sum")(z.log_softmax()[:, None], labels[None])

    log_p = nb.Tensor(z).log_softmax()
    shares = ctc.occupancy(log_p, labels)
    of_class = np.zeros((12, 4))
    np.add.at(of_class.T, [0, 1, 0, 3, 0, 3, 0], shares.T)
    np.testing.assert_allclose(nb.grad(loss)(z), np.exp(log_p.data) - of_class, atol=1e-10)
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_labels_that_do_not_fit_are_refused():
    flat = np.log(np.full((3, 3), 1 / 3))
    with pytest.raises(ValueError, match="2 labels with 1 blanks between equal ones in 2 frames"):
        ctc.occupancy(flat[:2], [1, 1])
    with pytest.raises(ValueError, match="no alignment has a probability above 0"):
        ctc.occupancy(np.array([[0.0, -np.inf]] * 3), [1])
    with pytest.raises(ValueError, match=r"expected log_probs \(T, C\)"):
        ctc.occupancy(flat[None], [1])


def test_repeats_are_merged_then_blanks_dropped():
    z = np.eye(3)[[[0, 1, 1, 0, 1, 2, 2, 0], [2, 2, 2, 2, 0, 0, 1, 1]]]
    assert ctc.decode(z) == [[1, 1, 2], [2, 1]]
    assert ctc.decode(nb.Tensor(z), lengths=np.array([5, 3])) == [[1, 1], [2]]
    assert ctc.decode(z, blank=2) == [[0, 1, 0, 1, 0], [0, 1]]
    with pytest.raises(ValueError, match=r"z: expected \(N, T, C\)"):
        ctc.decode(z[0])
    with pytest.raises(ValueError, match="lengths: expected 2 whole numbers from 0 to 8"):
        ctc.decode(z, [9, 1])


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3), ([1, 2, 3], [2, 3], 1), ("ab", "ba", 2)],
)
def test_edit_distance(one, other, far):
    assert ctc.edit_distance(one, other) == ctc.edit_distance(other, one) == far


def test_the_error_rate_counts_labels():
    assert ctc.label_error_rate([[1, 2], [3]], [[1, 2, 3], [3]]) == 0.25
    assert ctc.label_error_rate([[1, 2, 3]], [[4]]) == 3.0
    with pytest.raises(ValueError, match="at least one label"):
        ctc.label_error_rate([[]], [[]])


def test_what_is_no_score_no_label_and_no_length_is_refused():
    z: Any = np.zeros((2, 5, 3))
    for words, wrong in (
        ("NaN, which is no score", lambda: ctc.decode(z * np.nan)),
        ("blank must be an integer from 0 to 2", lambda: ctc.decode(z, blank=3)),
        ("from 0 to 5", lambda: ctc.decode(z, [-1, 5])),
        ("expected whole numbers, got float64", lambda: ctc.occupancy(z[0], [1.5])),
        ("logarithms of probabilities, got NaN", lambda: ctc.occupancy(z[0] * np.nan, [1])),
        (r"got 2 and 1: .*try \[said\]", lambda: ctc.label_error_rate([[1], [2]], [[1]])),
        (r"got 2 and 2: \[1, 2\]", lambda: ctc.label_error_rate([1, 2], [[1], [2]])),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            wrong()
    assert ctc.decode(z, [0, 5]) == [[], []]
    np.testing.assert_array_equal(ctc.occupancy(np.zeros((4, 3), int), [1]), ctc.occupancy(np.zeros((4, 3)), [1]))
    assert type(ctc.edit_distance(np.array([1, 2]), np.array([1, 3]))) is int
