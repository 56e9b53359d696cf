"""Connectionist temporal classification: the loss of labels when nobody knows which frames belong to which."""

from typing import Any

import numpy as np

from .careful import narrow, wide
from .op import Op


class CTC(Op):
    """L[n] = -ln p(labels | frames), p the sum over all alignments: ways to write one class per frame such that the
    labels are left when repeats are merged and then blanks dropped.   x (T, N, C), ln of the probability of each class
    at each frame, targets (N, S) class numbers, input_lengths (N,) up to T, target_lengths (N,) up to S -> (N,).

    An alignment goes through the states blank, label 1, blank, label 2, ..., blank. From frame to frame it stays, or
    takes one step, or two from a label to the next if they differ.  a[t, n, s] = ln(sum over all ways to state s at
    frame t), b[n, s] = ln(sum over all ways from there to the end).  Then e^(a + b + L) is the share of the alignments
    that are in s at t, and  dL/dx[t, n, c] = -sum of the shares of all states of class c.
    (The way back keeps them as `shares`, (T, N, 2 S + 1).)
    Graves, Fernández, Gomez & Schmidhuber 2006, equations 5 to 15, in logarithms.

    Where no alignment is possible (fewer frames than labels and blanks between equal ones) L is inf, or 0 with
    zero_infinity, and the gradient 0. What stands in targets beyond their length is not looked at.
    """

    hint = "Expected x (T, N, C), targets (N, S), lengths (N,) and (N,); x (N, T, C) is to be x.swapaxes(0, 1)."

    def __init__(self, blank=0, zero_infinity=False) -> None:
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, x, targets, input_lengths, target_lengths) -> np.ndarray:
        self.check(x, targets, input_lengths, target_lengths)
        half, x = x, wide(x)
        (T, N, _), S, last = x.shape, targets.shape[1], 2 * target_lengths
        self.states = np.full((N, 2 * S + 1), self.blank)
        self.states[:, 1::2] = np.where(np.arange(S) < target_lengths[:, None], targets, self.blank)
        self.x = np.take_along_axis(x, self.states[None], axis=2)
        # Two more states, before the first on the way there and after the last on the way back, spare us special cases.
        self.two = np.full((N, 2 * S + 3), -np.inf, x.dtype)  # ln of 1 where two steps may lead, of 0 elsewhere
        self.two[:, 1] = 0
        self.two[:, 3 : 2 * S : 2][targets[:, 1:] != targets[:, :-1]] = 0
        self.a = a = np.full((T + 1, N, 2 * S + 3), -np.inf, x.dtype)
        a[0, :, 1] = 0  # before the first frame all stand before the first state
        for before, after, x_t in zip(a[:-1], a[1:, :, 2:], self.x, strict=True):
            stay_or_one = np.logaddexp(before[:, 2:], before[:, 1:-1])
            np.logaddexp(stay_or_one, before[:, :-2] + self.two[:, :-2], out=after)
            after += x_t
        n = np.arange(N)
        self.lengths, self.ends = input_lengths, ((n, last), (n, np.maximum(last - 1, 0)))  # last blank, last label
        L = -np.logaddexp(a[input_lengths, n, last + 2], a[input_lengths, n, last + 1])
        self.shape, self.L = x.shape, np.where(np.isposinf(L), 0, L)
        y = narrow(self.L if self.zero_infinity else L, half)
        return np.positive(y, out=self.y)

    def backward(self, dy) -> tuple[Any, ...]:
        dy = wide(dy)
        T, _, C = self.shape
        shares, b = np.empty_like(self.x), np.full(self.states.shape, -np.inf, dy.dtype)
        end, c = b.copy(), np.full_like(self.two, -np.inf)
        for states in self.ends:
            end[states] = 0
        for t in reversed(range(T)):
            np.copyto(b, end, where=(self.lengths == t + 1)[:, None])
            np.add(self.a[t + 1, :, 2:], b, out=shares[t])
            np.add(b, self.x[t], out=c[:, :-2])
            b = np.logaddexp(np.logaddexp(c[:, :-2], c[:, 1:-1]), c[:, 2:] + self.two[:, 2:])
        shares += self.L[:, None]
        np.exp(shares, out=shares)
        self.shares = shares
        one_state = shares * -dy[:, None]
        one_hot = (self.states[..., None] == np.arange(C)).astype(dy.dtype)
        dx = self.room(0, self.shape)
        np.matmul(one_state.swapaxes(0, 1), one_hot, out=dx.swapaxes(0, 1))
        return dx, None, None, None

    def check(self, x, targets, input_lengths, target_lengths) -> None:
        rows = {x.shape[1:2], targets.shape[:1], input_lengths.shape, target_lengths.shape}
        if x.ndim != 3 or targets.ndim != 2 or len(rows) > 1:
            raise ValueError("sizes do not agree")
        (T, _, C), S = x.shape, targets.shape[1]
        self.check_numbers("input_lengths", input_lengths, T + 1)
        self.check_numbers("target_lengths", target_lengths, S + 1)
        labels = targets[np.arange(S) < target_lengths[:, None]]
        self.check_numbers("targets", labels, C)
        self.check_numbers("a blank", np.array(self.blank), C)
        if np.any(labels == self.blank):
            raise IndexError(f"CTC puts the blanks in by itself: targets hold class {self.blank}, which is the blank.")

    def flops(self, y, x, targets, *lengths) -> tuple[int, ...]:
        states = x.shape[0] * x.shape[1] * (2 * targets.shape[1] + 1)
        return 6 * states, (10 + 2 * x.shape[2]) * states
