"""Recurrent layers. A whole sequence is one op, so that only what must wait for the step before is done step by step.

In all of them x is (T, N, in): T time steps of N sequences. W (G H, in) and U (G H, H) are the weights of the input and
of the state, one block of H rows for each of G gates; b and d (G H,) their biases, or both left out. s is the state
before the first step: h_0 (N, H); for an LSTM h_0 and c_0, (2, N, H). The output y is all states, s included: y[0] is
h_0 ... h_T, (T + 1, N, H), and for an LSTM y[1] is c_0 ... c_T.

Inside, every sequence is a column, as in the papers, and a step starts with one product: M = [W b+d U] times [x; 1; h].
A gate is sigmoid(z) or tanh(z). As sigmoid(z) = (1 + tanh(z/2)) / 2, one tanh does for all, and never overflows:
k tanh(k z) + 1 - k, where k is 1/2 for sigmoid and 1 for tanh; so it is k M that is multiplied by the column.
"""

import numpy as np

from .op import Op


class _Recurrent(Op):
    """What all share: everything outside the loop over time. `run` goes through the steps, `run_back` goes back.

    After backward `dh` (T, N, H) holds dL/dh_t for t = 1 ... T, along all ways from h_t to the loss. If the loss
    depends on h_T alone, dh[T - 1 - lag] is what reaches the state `lag` steps before.
    """

    gates = ""  # one letter for each block of rows of M; g, n and v are not sigmoids
    blocks = 1  # of rows in W and U
    states = 1
    dh = dc = dM = None
    hint = "Expected x (T, N, in), s (N, H) or (2, N, H), W (G H, in), U (G H, H) and two biases (G H,), or none."

    def forward(self, x, s, W, U, b=None, d=None):
        if self.y is None:
            self.prepare(x, s, W, U, b, d)
        M, n = self.M, x.shape[2]
        M[self.from_x, :n] = W
        self.V[self.from_h] = U
        M[:, n + 1 :] = self.V
        if b is not None:
            M[:, n] = 0
            M[self.from_x, n] += b
            M[self.from_h, n] += d
        np.multiply(M.reshape(self.kM.shape), self.k, out=self.kM)
        self.x[:] = x.swapaxes(1, 2)
        self.y[:, 0] = s
        self.run(self.kM.reshape(M.shape))
        return self.y

    def prepare(self, x, s, W, U, b, d):
        """Check the shapes and make all arrays; `steps` and `back` are, for each step, views of its part of them."""
        H, rows, S = U.shape[-1], len(U), self.states
        fits = x.ndim == 3 and rows == self.blocks * H and U.shape == (rows, H) and W.shape == (rows, x.shape[2])
        fits = fits and s.shape == (S, x.shape[1], H)[S == 1 :]
        if not (fits and all(p is None or p.shape == (rows,) for p in (b, d))):
            raise ValueError("sizes do not agree")
        (T, N, n), G = x.shape, len(self.gates)
        dtype = np.result_type(x, s, W, U)
        columns = np.ones((T + 1, n + 1 + S * H, N), dtype)  # x_(t+1), 1, h_t and, in an LSTM, c_t
        self.x, self.columns = columns[:-1, :n], columns[:-1, : n + 1 + H]
        self.s = columns[:, n + 1 :].reshape(T + 1, S, H, N).swapaxes(0, 1)
        self.y = self.s.swapaxes(2, 3)
        self.ds = np.empty((S, T + 1, H, N), dtype)  # dL/ds: what comes from outside plus what later steps send back
        self.a = np.empty((T, G, H, N), dtype)  # the gates
        self.dz = np.empty_like(self.a)  # first the factors dz/dh or dz/dc, then dL/dz
        self.all_dz, self.all_columns = np.empty((G * H, T, N), dtype), np.empty((n + 1 + H, T, N), dtype)
        self.M, self.kM = np.zeros((G * H, n + 1 + H), dtype), np.empty((G, H, n + 1 + H), dtype)
        self.V = np.zeros((G * H, H), dtype)  # the columns of M for h, in one piece: twice as fast on the way back
        self.from_x = self.from_h = slice(None)  # the rows of M that W and U fill
        self.k = np.array([1 if gate in "gnv" else 0.5 for gate in self.gates], dtype).reshape(G, 1, 1)

    def backward(self, dy):
        T, n, N = self.x.shape
        np.copyto(self.ds, dy.swapaxes(2, 3))
        self.run_back(self.V.T)
        self.dh = self.ds[0, 1:].swapaxes(1, 2)
        np.copyto(self.all_dz, self.dz.reshape(T, len(self.M), N).swapaxes(0, 1))
        np.copyto(self.all_columns, self.columns.swapaxes(0, 1))
        dz, columns = (array.reshape(len(array), T * N) for array in (self.all_dz, self.all_columns))
        dM = self.dM = dz.dot(columns.T, self.dM)
        dx = self.M[:, :n].T.dot(dz).reshape(n, T, N).transpose(1, 2, 0) if self.needs[0] else None
        ds = self.ds[:, 0].swapaxes(1, 2)
        dW, dU, db, dd = dM[self.from_x, :n], dM[self.from_h, n + 1 :], dM[self.from_x, n], dM[self.from_h, n]
        return (dx, ds if self.states > 1 else ds[0], dW, dU, db, dd)[: len(self.needs)]

    def release(self):
        dh, dc = self.dh, self.dc
        super().release()
        self.dh, self.dc = dh, dc  # to be looked at after backward


class RNN(_Recurrent):
    """h_t = f(z_t), z_t = W x_t + b + U h_(t-1) + d, f = tanh or relu.  dL/dz_t = dL/dh_t f'(z_t), and dL/dh_(t-1)
    gets U^T dL/dz_t.  (Elman 1990, "Finding structure in time")"""

    gates = "n"

    def __init__(self, nonlinearity="tanh"):
        self.tanh = nonlinearity == "tanh"

    def prepare(self, *inputs):
        super().prepare(*inputs)
        (h,), (dh,) = self.s, self.ds
        self.steps = by_step(self.columns, h[1:])
        self.back = by_step(self.dz[:, 0], dh[:-1], dh[1:])[::-1]

    def run(self, M):
        for column, h in self.steps:
            M.dot(column, h)
            np.tanh(h, out=h) if self.tanh else np.maximum(h, 0, out=h)

    def run_back(self, UT):
        h = self.s[0, 1:]
        self.dz[:, 0] = 1 - h * h if self.tanh else h > 0
        for dz, dh_before, dh in self.back:
            dz *= dh
            dh_before += UT.dot(dz)


class GRU(_Recurrent):
    """With z = W x_t + b and v = U h_(t-1) + d, both in blocks r, u, n (u is PyTorch's z):  r = sigmoid(z_r + v_r),
    u = sigmoid(z_u + v_u),  n = tanh(z_n + r v_n),  h_t = n + u (h_(t-1) - n).   M has a block for z_n and one for v_n.
    (Cho et al. 2014, but r after the product with U, as in cuDNN and PyTorch)"""

    gates = "runv"
    blocks = 3

    def prepare(self, *inputs):
        super().prepare(*inputs)
        (h,), (dh,), a, dz = self.s, self.ds, self.a, self.dz
        T, G, H, N = a.shape
        self.from_x, self.from_h = np.arange(3 * H), np.r_[: 2 * H, 3 * H : 4 * H]
        self.steps = by_step(self.columns, a.reshape(T, G * H, N), a[:, :2], *by_gate(a), h[:-1], h[1:])
        self.back = by_step(dz, dz.reshape(T, G * H, N), a[:, 1], dh[:-1], dh[1:])[::-1]

    def run(self, M):
        for column, z, ru, r, u, n, v, h_before, h in self.steps:
            M.dot(column, z)
            np.tanh(ru, out=ru)
            ru *= 0.5
            ru += 0.5
            n += r * v
            np.tanh(n, out=n)
            np.subtract(h_before, n, out=h)
            h *= u
            h += n

    def run_back(self, UT):
        r, u, n, v = by_gate(self.a)
        dz_r, dz_u, dz_n, dv = by_gate(self.dz)
        np.multiply(u - u * u, self.s[0, :-1] - n, out=dz_u)
        np.multiply(1 - u, 1 - n * n, out=dz_n)
        np.multiply(dz_n, r, out=dv)
        np.multiply(dv, v - r * v, out=dz_r)
        for dz, rows, u, dh_before, dh in self.back:
            dz *= dh
            dh_before += UT.dot(rows)
            dh_before += dh * u


class LSTM(_Recurrent):
    """z = W x_t + b + U h_(t-1) + d in blocks i, f, g, o;  i, f, o = sigmoid(z), g = tanh(z);
    c_t = f c_(t-1) + i g,  h_t = o tanh(c_t).   dL/dc_t = dL/dh_t o (1 - tanh(c_t)^2) + dL/dc_(t+1) f_(t+1).
    (Gers, Schmidhuber & Cummins 2000.)  Without forget gate the blocks are i, g, o, and f = 1, as in Hochreiter &
    Schmidhuber 1997. After backward there is also `dc` (T, N, H): dL/dc_t."""

    states = 2

    def __init__(self, forget_gate=True):
        self.gates = "ifgo" if forget_gate else "igo"
        self.blocks = len(self.gates)

    def prepare(self, *inputs):
        super().prepare(*inputs)
        (h, c), (dh, dc), a, dz = self.s, self.ds, self.a, self.dz
        T, G, H, N = a.shape
        i, *f, g, o = by_gate(a)
        f = f[0] if f else np.broadcast_to(np.ones_like(self.k[0]), i.shape)
        z, dz_rows = a.reshape(T, G * H, N), dz.reshape(T, G * H, N)
        self.tanh_c, self.slope = np.empty_like(o), np.empty_like(o)
        self.steps = by_step(self.columns, z, a, i, f, g, o, c[:-1], c[1:], self.tanh_c, h[1:])
        self.back = by_step(dz_rows, dz[:, :-1], dz[:, -1], self.slope, f, dh[:-1], dh[1:], dc[:-1], dc[1:])[::-1]
        self.factors = {"i": (i, g), "f": (f, c[:-1]), "g": (1, i), "o": (o, self.tanh_c)}

    def run(self, M):
        k, m = self.k, 1 - self.k
        for column, z, a, i, f, g, o, c_before, c, tanh_c, h in self.steps:
            M.dot(column, z)
            np.tanh(a, out=a)
            a *= k
            a += m
            np.multiply(f, c_before, out=c)
            c += i * g
            np.tanh(c, out=tanh_c)
            np.multiply(o, tanh_c, out=h)

    def run_back(self, UT):
        np.multiply(self.a, self.a, out=self.dz)
        for gate, dz in zip(self.gates, by_gate(self.dz), strict=True):
            a, partner = self.factors[gate]
            np.subtract(a, dz, out=dz)  # a - a^2 for sigmoid, 1 - a^2 for tanh
            dz *= partner
        np.multiply(self.tanh_c, self.tanh_c, out=self.slope)
        np.subtract(1, self.slope, out=self.slope)
        self.slope *= self.a[:, -1]
        for dz, dz_c, dz_o, slope, f, dh_before, dh, dc_before, dc in self.back:
            dc += dh * slope
            dz_c *= dc
            dz_o *= dh
            dh_before += UT.dot(dz)
            dc_before += dc * f
        self.dc = self.ds[1, 1:].swapaxes(1, 2)


def by_gate(a):
    """(T, G, H, N) -> G views (T, H, N)."""
    return a.swapaxes(0, 1)


def by_step(*arrays):
    """For each time step, its part of every array."""
    return list(zip(*arrays, strict=True))
