"""The floor of W6, an LSTM by hand. Each sequence is a column; the gates stand in the order g, i, f, o, so that the
three sigmoids and the three that go through the cell state each are one block. sigmoid(z) = (1 + tanh(z / 2)) / 2: one
tanh serves all gates, with the rows of the sigmoids halved beforehand."""

import numpy as np
from floors import CrossEntropy, Floor


class Lstm(Floor):
    def prepare(self, kind):
        N, T, n = self.x.shape
        H = self.p["lstm.weight_hh"].shape[1]
        f4 = np.float32
        order = np.r_[2 * H : 3 * H, :H, H : 2 * H, 3 * H : 4 * H]  # from PyTorch's i, f, g, o
        self.order, self.scale = order, np.repeat(f4([1, 0.5, 0.5, 0.5]), H)[:, None]
        columns = np.ones((T + 1, n + 1 + H, N), f4)  # x_t, 1, h_(t-1)
        columns[:-1, :n] = self.x.transpose(1, 2, 0)
        columns[0, n + 1 :] = 0
        self.columns, self.n = columns[:-1], n
        self.M, self.UT = np.empty((4 * H, n + 1 + H), f4), np.empty((H, 4 * H), f4)
        a = np.empty((T, 4, H, N), f4)
        c, self.dz = np.zeros((T + 1, H, N), f4), np.empty_like(a)
        self.tanh_c, self.slope = np.empty((T, H, N), f4), np.empty((T, H, N), f4)
        self.gates = a.swapaxes(0, 1)
        self.a, self.sigmoids, self.c_before = a, a[:, 1:], c[:-1]
        h = columns[1:, n + 1 :]
        rows = a.reshape(T, 4 * H, N)
        self.steps = list(zip(self.columns, rows, a[:, 1:], *self.gates, c[:-1], c[1:],
                              self.tanh_c, h, strict=True))  # fmt: skip
        dz = self.dz
        self.back = list(zip(dz.reshape(T, 4 * H, N), dz[:, :3], dz[:, 3], self.slope, self.gates[2], strict=True))[
            ::-1
        ]
        self.dh, self.dc, self.one = (np.empty((H, N), f4) for _ in range(3))
        self.all_dz, self.all_columns = np.empty((4 * H, T, N), f4), np.empty((n + 1 + H, T, N), f4)
        self.all_columns[: n + 1] = columns[:-1, : n + 1].swapaxes(0, 1)
        self.dM = np.empty_like(self.M)
        self.last, self.z, self.ones = h[-1], np.empty((10, N), f4), np.ones(N, f4)
        self.loss = CrossEntropy(self.y, 10)

    def loss_and_gradient(self):
        p, gradient, n, M = self.p, self.g, self.n, self.M
        M[:, :n] = p["lstm.weight_ih"][self.order]
        M[:, n] = (p["lstm.bias_ih"] + p["lstm.bias_hh"])[self.order]
        M[:, n + 1 :] = p["lstm.weight_hh"][self.order]
        self.UT[...] = M[:, n + 1 :].T
        np.multiply(M, self.scale, M)
        half, one = np.float32(0.5), self.one
        for column, z, ifo, g, i, f, o, c_before, c, tanh_c, h in self.steps:
            M.dot(column, z)
            np.tanh(z, z)
            np.multiply(ifo, half, ifo)
            np.add(ifo, half, ifo)
            np.multiply(f, c_before, c)
            np.multiply(i, g, one)
            np.add(c, one, c)
            np.tanh(c, tanh_c)
            np.multiply(o, tanh_c, h)
        W = p["linear.weight"]
        W.dot(self.last, self.z)
        np.add(self.z, p["linear.bias"][:, None], self.z)
        loss = self.loss(self.z.T)
        dz = self.loss.dz.T
        dz.dot(self.last.T, gradient["linear.weight"])
        dz.dot(self.ones, gradient["linear.bias"])
        self.back_through_time(W.T.dot(dz, self.dh))
        self.all_dz[...] = self.dz.reshape(-1, *self.all_dz.shape[::2]).swapaxes(0, 1)
        self.all_columns[n + 1 :] = self.columns[:, n + 1 :].swapaxes(0, 1)
        dM = self.all_dz.reshape(len(M), -1).dot(self.all_columns.reshape(M.shape[1], -1).T, self.dM)
        gradient["lstm.weight_ih"][self.order] = dM[:, :n]
        gradient["lstm.weight_hh"][self.order] = dM[:, n + 1 :]
        gradient["lstm.bias_ih"][self.order] = gradient["lstm.bias_hh"][self.order] = dM[:, n]
        return loss

    def back_through_time(self, dh):
        """dL/dz of all steps, from dL/dh of the last. First all factors dc/dz and dh/dz, then step by step."""
        (dg, di, df, do), (g, i, _, o) = self.dz.swapaxes(0, 1), self.gates
        ifo = self.sigmoids
        np.multiply(ifo, ifo, self.dz[:, 1:])
        np.subtract(ifo, self.dz[:, 1:], self.dz[:, 1:])
        np.multiply(g, g, dg)
        np.subtract(1, dg, dg)
        for factor, partner in ((dg, i), (di, g), (df, self.c_before), (do, self.tanh_c)):
            np.multiply(factor, partner, factor)
        np.multiply(self.tanh_c, self.tanh_c, self.slope)
        np.subtract(1, self.slope, self.slope)
        np.multiply(self.slope, o, self.slope)
        dc, one, UT = self.dc, self.one, self.UT
        dc.fill(0)
        for dz, through_c, dz_o, slope, f in self.back:
            np.multiply(dh, slope, one)
            np.add(dc, one, dc)
            np.multiply(through_c, dc, through_c)
            np.multiply(dz_o, dh, dz_o)
            UT.dot(dz, dh)
            np.multiply(dc, f, dc)
