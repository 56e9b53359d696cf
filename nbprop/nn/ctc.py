"""The loss of sequences without alignment, and what is read out of frames: labels, where they are, how many are wrong.

said = nb.nn.ctc.decode(z, lengths)                     # a list of labels for each sequence
nb.nn.ctc.label_error_rate(said, true)
shares = nb.nn.ctc.occupancy(log_p, labels)             # where the alignments of one sequence are, frame by frame
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..checks import choice, flag, whole
from ..engine import Tensor, apply, ctc as ops
from .module import Module, as_tensor


class CTCLoss(Module):
    """-ln p(labels | frames), the labels of a sequence known but not which frame belongs to which: the sum over all
    alignments, with a blank for "nothing new".  (Graves, Fernández, Gomez & Schmidhuber 2006)

    `loss(log_probs, targets, input_lengths, target_lengths)`:
        log_probs (T, N, C): of each class at each frame, such as `logits.log_softmax()`; dL/dlogits is then the
            difference of two probabilities, of the class and of the alignments that are in the class.
        targets (N, S): labels, integers from 0 to C - 1 but not the blank, filled up to S with anything.
        input_lengths, target_lengths (N,): frames and labels that count; by default T and S.
    Labels that do not fit into the frames (equal neighbours need a blank between them) have probability 0: the loss is
    inf, and no gradient comes from this sequence.

    blank: number of the blank class.
    reduction: "mean" divides each loss by its number of labels (at least 1) and takes the mean; "sum"; or "none": (N,).
    zero_infinity: whether an infinite loss counts as 0.
    NB: PyTorch's gradient of an infinite loss is nan without zero_infinity, and its gradient for log_probs holds that
    of log_softmax already; here it is dL/dlog_probs. PyTorch takes targets joined to one row as well.
    """

    shown = ("blank", "reduction", "zero_infinity")
    _checks = {"blank": whole(), "reduction": choice("mean", "sum", "none"), "zero_infinity": flag}

    def __init__(self, blank=0, reduction="mean", zero_infinity=False) -> None:
        self.blank, self.reduction, self.zero_infinity = blank, reduction, zero_infinity

    def forward(self, log_probs, targets, input_lengths=None, target_lengths=None) -> Tensor:
        x, targets = as_tensor(log_probs), as_tensor(targets)
        if input_lengths is None:
            input_lengths = np.full(x.shape[1:2], len(x))
        if target_lengths is None:
            target_lengths = np.full(targets.shape[:1], targets.shape[1] if targets.ndim == 2 else 0)
        input_lengths, target_lengths = as_tensor(input_lengths), as_tensor(target_lengths)
        losses = apply(ops.CTC(self.blank, self.zero_infinity), x, targets, input_lengths, target_lengths)
        if self.reduction == "mean":
            return (losses / target_lengths.astype(losses.dtype).clip(low=1)).mean()
        return losses.sum() if self.reduction == "sum" else losses


def decode(z: Any, lengths: Any = None, blank: int = 0) -> list[list[int]]:
    """The likeliest class of each frame, repeats merged, then blanks dropped: best path decoding (Graves and others
    2006, section 3.2). No search for the likeliest labels, which have many paths, but near it where a net is sure.

    z (N, T, C): scores of the classes, logits or probabilities; lengths (N,): frames that count, default T. One list of
    labels for each sequence.
    """
    z = np.asarray(as_tensor(z).data)
    if z.ndim != 3:
        raise ValueError(
            f"z: expected (N, T, C), a score of each class at each frame, got shape {z.shape}; try z[None]"
        )
    if np.isnan(z).any():
        raise ValueError("z: expected numbers, got NaN, which is no score: has the run diverged?")
    blank = whole(0, z.shape[2] - 1)("blank", blank)
    lengths = np.full(len(z), z.shape[1]) if lengths is None else np.asarray(lengths)
    fits = lengths.shape == (len(z),) and lengths.dtype.kind in "iu"
    if not fits or (lengths < 0).any() or (lengths > z.shape[1]).any():
        raise ValueError(f"lengths: expected {len(z)} whole numbers from 0 to {z.shape[1]}, got {lengths!r}")
    best = [frames[:n].argmax(axis=-1) for frames, n in zip(z, lengths, strict=True)]
    return [[int(k) for t, k in enumerate(path) if k != blank and (t == 0 or k != path[t - 1])] for path in best]


def occupancy(log_probs: Any, labels: Any, blank: int = 0) -> np.ndarray:
    """Which share of the alignments is where: (T, 2 S + 1), a column for each state blank, label 1, blank, ...,
    label S, blank, each row with the sum 1; each alignment counts as much as it is probable. dL/dlogits of `CTCLoss`
    is the probability of a class less the shares of its states.

    log_probs (T, C) of one sequence, such as `logits.log_softmax()`; labels (S,).
    Raises ValueError where the labels do not fit into the frames.
    """
    x, labels = np.asarray(as_tensor(log_probs).data), np.asarray(labels)
    if x.ndim != 2 or labels.ndim != 1:
        raise ValueError(f"expected log_probs (T, C) and labels (S,), got shapes {x.shape} and {labels.shape}")
    if labels.size and labels.dtype.kind not in "iu":
        raise TypeError(f"labels: expected whole numbers, got {labels.dtype}")
    if np.isnan(x).any():
        raise ValueError("log_probs: expected logarithms of probabilities, got NaN: has the run diverged?")
    x, labels = x if x.dtype.kind == "f" else x.astype(np.float64), labels.astype(np.int64)
    op = ops.CTC(blank)
    op.y = loss = op.forward(x[:, None], labels[None], np.array([len(x)]), np.array([len(labels)]))
    if not np.isfinite(loss).all():
        equal = int(np.sum(labels[1:] == labels[:-1]))
        raise ValueError(
            f"no alignment is possible: {len(labels)} labels with {equal} blanks between equal ones in {len(x)} frames"
            if len(labels) + equal > len(x)
            else "no alignment has a probability above 0"
        )
    op.backward(np.ones(1, x.dtype))
    return op.shares[:, 0]


def edit_distance(one: Sequence[Any], other: Sequence[Any]) -> int:
    """The fewest insertions, deletions and substitutions that make one sequence of the other (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for i, x in enumerate(one, 1):
        before, row = row, [i]
        for j, y in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + bool(x != y)))
    return row[-1]


def label_error_rate(said: Iterable[Sequence[Any]], true: Iterable[Sequence[Any]]) -> float:
    """All edit distances, as a share of all true labels; above 1 where more is said than there is. (Graves and others
    2006, equation 1, take the mean of a share for each sequence.)"""
    said, true = list(said), list(true)
    if len(said) != len(true) or not all(isinstance(each, Iterable) for each in said + true):
        what = f"{len(said)} and {len(true)}: {said!r:.40} and {true!r:.40}"
        raise ValueError(f"expected as many sequences of labels in `said` as in `true`, got {what}; try [said], [true]")
    pairs = [(list(a), list(b)) for a, b in zip(said, true, strict=True)]
    if not (many := sum(len(b) for _, b in pairs)):
        raise ValueError("true: expected at least one label, got none")
    return sum(edit_distance(a, b) for a, b in pairs) / many
