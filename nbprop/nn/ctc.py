"""The loss of sequences without alignment."""

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
