"""Recurrent layers. A whole sequence is one op, so that only what must wait for the step before is done step by step.

In all of them x is (T, N, in): T time steps of N sequences. W (G H, in) and U (G H, H) are the weights of the input and
of the state, one block of H rows for each of G gates; b and d (G H,) their biases, or both left out. s is the state
before the first step: h_0 (N, H); for an LSTM h_0 and c_0, (2, N, H). The output y is h_0, h_1 ... h_T, (T + 1, N, H);
of an LSTM with c_T as one more, so that the last two are the state to go on from. With `lengths`, N integers from 0 to
T, sequence n ends after lengths[n] steps: what comes later is padding, has no influence, and gives h = 0; c_T is then
the cell after the last step that counts.

Inside, every sequence is a column, as in the papers, and a step starts with one product: M = [W b+d U] times [x; 1; h].
A gate is sigmoid(z) or tanh(z). As sigmoid(z) = (1 + tanh(z/2)) / 2, one tanh does for all, and never overflows. The
halves are in kM, which is M with the rows of sigmoids, the first ones, divided by 2.
"""

from typing import Any

import numpy as np

from .careful import only
from .op import UNSET, Op


class _Recurrent(Op):
    """What all share: everything outside the loop over time. `run` goes through the steps, `run_back` goes back; what
    they see of each step, in turn, is a part of every array that `views` returns, for `run` and for `run_back`.

    After backward `dh` (T, N, H) holds dL/dh_t for t = 1 ... T, along all ways from h_t to the loss. If the loss
    depends on h_T alone, dh[T - 1 - lag] is what reaches the state `lag` steps before.

    With a `window` the way back is cut, BPTT(h; h') with h = window and h' = period (Williams & Peng 1990): every
    `period` steps, and after the last one, what has come from outside since the pass before is sent back through the
    last `window` steps and no further. What the passes give is added up.
    """

    states, blocks = 1, 1  # arrays in the state, blocks in W and U
    sigmoids, tanhs = 0, 1  # blocks in M
    each_unit: dict[int, tuple[int, int]]  # blocks -> elementwise FLOPs forward and backward, of one unit in one step
    views: Any  # of each kind its own
    run: Any
    slopes: Any  # puts the factors of the way back, of all steps, into dz
    run_back: Any
    window = period = 0  # everything at once
    whole = np.float32
    from_x = from_h = slice(None)  # the rows of M that W and U fill
    dh = dc = dM = lengths = UNSET
    kept = ("dh", "dc")
    hint = "Expected x (T, N, in), s (N, H) or (2, N, H), W (G H, in), U (G H, H) and two biases (G H,), or none."

    def forward(self, x, s, W, U, *biases) -> np.ndarray:
        if self.y is None:
            self.prepare(x, s, W, U, *biases)
        M, n = self.M, x.shape[2]
        self.V[self.from_h] = U
        M[self.from_x, :n] = W
        M[:, n + 1 :] = self.V
        M[:, n] = 0
        for rows, bias in zip((self.from_x, self.from_h), biases, strict=False):
            M[rows, n] += bias
        np.multiply(M, self.k, out=self.kM)
        self.x[:] = x.swapaxes(1, 2)
        self.start[:] = s
        if self.lengths is not None:
            np.copyto(self.x, 0, where=self.padding)
        self.run()
        if self.lengths is not None:
            np.copyto(self.h[1:], 0, where=self.padding)
        return self.y

    def prepare(self, x, s, W, U, *biases) -> None:
        """The first time: check the shapes and make all arrays."""
        T, N, n = x.shape if x.ndim == 3 else (-1, -1, -1)
        S, G, H = self.states, self.sigmoids + self.tanhs, U.shape[-1]
        rows = self.blocks * H
        fits = [(S, N, H)[S == 1 :], (rows, n), (rows, H), (rows,), (rows,)]
        if [p.shape for p in (s, W, U, *biases)] not in (fits[:3], fits):
            raise ValueError("sizes do not agree")
        dtype = np.result_type(x, s, W, U)
        column = np.ones((T + S, n + 1 + S * H, N), dtype)  # x_(t+1), 1, h_t and, in an LSTM, c_t
        self.x, self.columns = column[:T, :n], column[:T, : n + 1 + H]
        self.h, self.c = column[: T + 1, n + 1 :][:, :H], column[: T + 1, n + 1 + H :]
        self.y = column[:, n + 1 :][:, :H].swapaxes(1, 2)
        self.start = column[0, n + 1 :].reshape(*s.shape[:-2], H, N).swapaxes(-1, -2)
        self.ds = np.empty((S, T + 1, H, N), dtype)  # what comes from outside plus what later steps send back
        self.a, self.dz = np.empty((2, T, G, H, N), dtype)  # gates; first the factors dz/dh or dz/dc, then dL/dz
        self.M, self.kM = np.zeros((2, G * H, n + 1 + H), dtype)
        self.V = np.zeros((G * H, H), dtype)  # the columns of M for h, in one piece: twice as fast on the way back
        self.k = np.repeat(np.array([0.5, 1], dtype), [self.sigmoids * H, self.tanhs * H])[:, None]
        if self.lengths is not None:
            if self.lengths.shape != (N,):
                raise ValueError(f"there must be {N} lengths, one for each sequence; got {self.lengths.shape}")
            self.check_numbers("lengths", self.lengths, T + 1)
            self.padding = np.arange(T)[:, None, None] >= self.lengths  # (T, 1, N)
        steps, back = self.views(*self.a.shape)
        self.steps, self.back = list(zip(*steps, strict=True)), list(zip(*back, strict=True))[::-1]

    def backward(self, dy) -> tuple[Any, ...]:
        (T, n, N), (rows, width) = self.x.shape, self.M.shape
        np.copyto(self.ds[0], dy[: T + 1].swapaxes(1, 2))
        if self.lengths is not None:
            np.copyto(self.ds[0, 1:], 0, where=self.padding)
        if self.states > 1:
            self.ds[1, -1] = dy[-1].T
        self.slopes()
        if not self.window:
            self.run_back(self.V.T, self.back)
        else:
            self._in_passes(T)
        self.dh = self.ds[0, 1:].swapaxes(1, 2)
        if self.states > 1:
            self.dc = self.ds[1, 1:].swapaxes(1, 2)
        dz = self.dz.reshape(T, rows, N).swapaxes(0, 1).reshape(rows, T * N)
        dM = self.dM = dz.dot(self.columns.swapaxes(0, 1).reshape(width, T * N).T, self.dM)
        dx = self.M[:, :n].T.dot(dz).reshape(n, T, N).transpose(1, 2, 0) if self.needs[0] else None
        ds = self.ds[:, 0].swapaxes(1, 2)
        dW, dU, db, dd = dM[self.from_x, :n], dM[self.from_h, n + 1 :], dM[self.from_x, n], dM[self.from_h, n]
        return (dx, ds if self.states > 1 else ds[0], dW, dU, db, dd)[: len(self.needs)]

    def _in_passes(self, T) -> None:
        """The way back in windows. (What they share is computed again in each.)"""
        outside, factors = self.ds.copy(), self.dz.copy()
        cells = set()  # to them it comes from outside where a sequence ends, and nowhere else
        if self.states > 1:
            ends = np.full(self.x.shape[2], T) if self.lengths is None else self.lengths
            cells, outside[1] = set(ends.tolist()), 0
            outside[1, ends, :, np.arange(len(ends))] = self.ds[1, T].T
        ds, dz = np.zeros_like(self.ds), np.zeros_like(self.dz)
        for begin, start, end in passes(T, self.window, self.period):
            first = start + 1 if start else 0  # what comes to h_0 itself goes with the first pass
            self.ds[:, begin : end + 1] = 0
            self.ds[:, first : end + 1] = outside[:, first : end + 1]
            self.dz[begin:end] = factors[begin:end]
            at = end
            for stop in sorted({begin, *(n for n in cells if first <= n < end)}, reverse=True):
                self.run_back(self.V.T, self.back[T - at : T - stop])
                if stop >= first:
                    self.ds[1:, stop] += outside[1:, stop]
                at = stop
            ds[:, begin + (begin > 0) : end + 1] += self.ds[:, begin + (begin > 0) : end + 1]
            dz[begin:end] += self.dz[begin:end]
        self.ds[:], self.dz[:] = ds, dz

    def flops(self, y, x, s, W, U, b=None, d=None) -> tuple[int, ...]:
        steps = x.shape[0] * x.shape[1]
        from_x, from_h, biases = 2 * steps * W.size, 2 * steps * U.size, (b is not None) * steps * len(W)
        forward, back = self.each_unit[self.blocks]
        units = steps * U.shape[1]
        through_time = from_h + back * units  # needed for every gradient; counted once, for U
        if self.window:
            taken = sum(end - begin for begin, _, end in passes(len(x), self.window, self.period))
            through_time = through_time * taken // max(len(x), 1)
        return from_x + from_h + 2 * biases + forward * units, from_x, 0, from_x, from_h + through_time, biases, biases


def passes(T, window, period=0) -> list[tuple[int, int, int]]:
    """(begin, start, end) of each pass of BPTT(window; period) over T steps: errors of the steps start ... end - 1 are
    sent back through the steps begin ... end - 1. period: 0, or more than the window, is the window (chunks)."""
    period = min(period, window) or window
    ends = [*range(period, T, period), T] if T else []
    return [(max(0, end - window), start, end) for start, end in zip([0, *ends], ends, strict=False)]


class RNN(_Recurrent):
    """h_t = f(z_t), z_t = W x_t + b + U h_(t-1) + d, f = tanh or relu.  dL/dz_t = dL/dh_t f'(z_t), and dL/dh_(t-1)
    gets U^T dL/dz_t.  (Elman 1990, "Finding structure in time")"""

    each_unit = {1: (1, 4)}

    def __init__(self, nonlinearity="tanh", lengths=None) -> None:
        self.tanh, self.lengths = nonlinearity == "tanh", lengths

    def views(self, T, G, H, N) -> tuple[Any, Any]:
        h, dh = self.h, self.ds[0]
        return (self.columns, h[1:]), (self.dz[:, 0], dh[:-1], dh[1:])

    def run(self) -> None:
        for column, h in self.steps:
            self.kM.dot(column, h)
            np.tanh(h, out=h) if self.tanh else np.maximum(h, 0, out=h)

    def slopes(self) -> None:
        h = self.h[1:]
        self.dz[:, 0] = 1 - h * h if self.tanh else h != 0  # h > 0, or NaN

    def run_back(self, UT, steps) -> None:
        for dz, dh_before, dh in steps:
            if self.tanh:
                dz *= dh
            else:
                only(dz != 0, dh, out=dz)
            dh_before += UT.dot(dz)


class GRU(_Recurrent):
    """With z = W x_t + b and v = U h_(t-1) + d, both in blocks r, u, n (u is PyTorch's z):  r = sigmoid(z_r + v_r),
    u = sigmoid(z_u + v_u),  n = tanh(z_n + r v_n),  h_t = n + u (h_(t-1) - n).  In M are z_n and v_n in two blocks.
    (Cho et al. 2014, but r after the product with U, as in cuDNN and PyTorch)"""

    blocks, sigmoids, tanhs = 3, 2, 2
    each_unit = {3: (14, 18)}

    def __init__(self, lengths=None) -> None:
        self.lengths = lengths

    def views(self, T, G, H, N) -> tuple[Any, Any]:
        a, h, dh = self.a, self.h, self.ds[0]
        self.from_x, self.from_h = np.r_[: 3 * H], np.r_[: 2 * H, 3 * H : 4 * H]
        steps = self.columns, a.reshape(T, G * H, N), a[:, :2], *a.swapaxes(0, 1), h[:-1], h[1:]
        return steps, (self.dz, self.dz.reshape(T, G * H, N), a[:, 1], dh[:-1], dh[1:])

    def run(self) -> None:
        for column, z, sigmoid, r, u, n, v, h_before, h in self.steps:
            self.kM.dot(column, z)
            np.tanh(sigmoid, out=sigmoid)
            sigmoid *= 0.5
            sigmoid += 0.5
            n += r * v
            np.tanh(n, out=n)
            np.subtract(h_before, n, out=h)
            h *= u
            h += n

    def slopes(self) -> None:
        r, u, n, v = self.a.swapaxes(0, 1)
        dz_r, dz_u, dz_n, dv = self.dz.swapaxes(0, 1)
        np.multiply(u - u * u, self.h[:-1] - n, out=dz_u)
        np.multiply(1 - u, 1 - n * n, out=dz_n)
        np.multiply(dz_n, r, out=dv)
        np.multiply(dv, v - r * v, out=dz_r)

    def run_back(self, UT, steps) -> None:
        for blocks, dz, u, dh_before, dh in steps:
            blocks *= dh
            dh_before += UT.dot(dz)
            dh_before += dh * u


class ResetBefore(GRU):
    """A GRU with r before the product:  n = tanh(W_n x + b_n + U_n (r h_(t-1)) + d_n), all else as in GRU.
    (Cho et al. 2014, arXiv:1406.1078, equation 8)"""

    tanhs = 1
    each_unit = {3: (13, 19)}

    def views(self, T, G, H, N) -> tuple[Any, Any]:
        h, dh = self.h, self.ds[0]
        (r, u, n), (dz_r, _, dz_n) = self.a.swapaxes(0, 1), self.dz.swapaxes(0, 1)
        gates, dz_gates = (each[:, :2].reshape(T, 2 * H, N) for each in (self.a, self.dz))
        self.gated = np.empty_like(self.columns)  # x, 1 and r h, as n gets them
        steps = self.columns, gates, r, n, u, self.gated, self.gated[:, -H:], h[:-1], h[1:]
        return steps, (self.dz[:, 1:], dz_gates, dz_r, dz_n, r, u, dh[:-1], dh[1:])

    def run(self) -> None:
        H = self.h.shape[1]
        self.gated[:, :-H] = self.columns[:, :-H]
        for column, gates, r, n, u, gated, rh, h_before, h in self.steps:
            self.kM[: 2 * H].dot(column, gates)
            np.tanh(gates, out=gates)
            gates *= 0.5
            gates += 0.5
            np.multiply(r, h_before, out=rh)
            self.kM[2 * H :].dot(gated, n)
            np.tanh(n, out=n)
            np.subtract(h_before, n, out=h)
            h *= u
            h += n

    def slopes(self) -> None:
        r, u, n = self.a.swapaxes(0, 1)
        dz_r, dz_u, dz_n = self.dz.swapaxes(0, 1)
        np.multiply(r - r * r, self.h[:-1], out=dz_r)
        np.multiply(u - u * u, self.h[:-1] - n, out=dz_u)
        np.multiply(1 - u, 1 - n * n, out=dz_n)

    def run_back(self, UT, steps) -> None:
        H = self.h.shape[1]
        for dz_un, dz_ru, dz_r, dz_n, r, u, dh_before, dh in steps:
            dz_un *= dh
            drh = UT[:, 2 * H :].dot(dz_n)
            dz_r *= drh
            dh_before += UT[:, : 2 * H].dot(dz_ru)
            dh_before += drh * r
            dh_before += dh * u

    def backward(self, dy) -> tuple[Any, ...]:
        gradients, H = super().backward(dy), self.h.shape[1]  # all but the rows of n, which got r h in place of h
        np.einsum("thn,twn->hw", self.dz[:, 2], self.gated, out=self.dM[2 * H :], optimize=True)
        return gradients


class LSTM(_Recurrent):
    """z = W x_t + b + U h_(t-1) + d in blocks i, f, g, o;  i, f, o = sigmoid(z), g = tanh(z);
    c_t = f c_(t-1) + i g,  h_t = o tanh(c_t).   dL/dc_t = dL/dh_t o (1 - tanh(c_t)^2) + dL/dc_(t+1) f_(t+1).
    (Gers, Schmidhuber & Cummins 2000.)  Without forget gate the blocks are i, g, o, and f = 1, as in Hochreiter &
    Schmidhuber 1997. M has o first. After backward there is also `dc` (T, N, H): dL/dc_t."""

    states = 2
    each_unit = {4: (18, 24), 3: (13, 19)}

    def __init__(self, forget_gate=True, lengths=None) -> None:
        self.blocks, self.sigmoids = (4, 3) if forget_gate else (3, 2)
        self.lengths = lengths

    def views(self, T, G, H, N) -> tuple[Any, Any]:
        a, dz, c, (dh, dc) = self.a, self.dz, self.c, self.ds
        self.from_x = self.from_h = np.roll(np.arange(G * H), -H)
        o, i, *f, g = a.swapaxes(0, 1)
        self.tanh_c, self.dc_dh = np.empty((2, T, H, N), a.dtype)
        self.partners = [self.tanh_c, g, *[c[:-1] for _ in f], i]
        f = f[0] if f else np.broadcast_to(np.ones_like(self.k[0]), g.shape)
        z, dz_rows = a.reshape(T, G * H, N), dz.reshape(T, G * H, N)
        steps = self.columns, z, a[:, :-1], o, i, f, g, c[:-1], c[1:], self.tanh_c, self.h[1:]
        return steps, (dz_rows, dz[:, 0], dz[:, 1:], self.dc_dh, f, dh[:-1], dh[1:], dc[:-1], dc[1:])

    def run(self) -> None:
        for column, z, sigmoid, o, i, f, g, c_before, c, tanh_c, h in self.steps:
            self.kM.dot(column, z)
            np.tanh(z, out=z)
            sigmoid *= 0.5
            sigmoid += 0.5
            np.multiply(f, c_before, out=c)
            c += i * g
            np.tanh(c, out=tanh_c)
            np.multiply(o, tanh_c, out=h)
        if self.lengths is None:
            self.y[-1] = self.c[-1].T
        else:  # from there to the end the gradient of c goes undiminished: i = 0, f = 1
            self.y[-1] = self.c[self.lengths, :, np.arange(len(self.lengths))]
            for gate, value in zip(self.a.swapaxes(0, 1)[1:-1], (0, 1), strict=False):
                np.copyto(gate, value, where=self.padding)

    def slopes(self) -> None:
        a, dz, tanh_c = self.a, self.dz, self.tanh_c
        np.multiply(a, a, out=dz)
        np.subtract(a[:, :-1], dz[:, :-1], out=dz[:, :-1])
        np.subtract(1, dz[:, -1], out=dz[:, -1])
        for factor, partner in zip(dz.swapaxes(0, 1), self.partners, strict=True):
            factor *= partner
        np.multiply(a[:, 0], 1 - tanh_c * tanh_c, out=self.dc_dh)

    def run_back(self, UT, steps) -> None:
        for dz, dz_o, dz_ifg, dc_dh, f, dh_before, dh, dc_before, dc in steps:
            dc += dh * dc_dh
            dz_o *= dh
            dz_ifg *= dc
            dh_before += UT.dot(dz)
            np.multiply(dc, f, out=dc_before)
