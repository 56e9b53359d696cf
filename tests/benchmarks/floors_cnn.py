"""The floor of W5, a convolutional network by hand. Samples come last in every array: a shifted image is then a few
long runs of numbers, and all layers are products of a weight matrix with columns, one per place or sample."""

from itertools import pairwise

import numpy as np
from floors import CrossEntropy, Floor
from numpy.lib.stride_tricks import sliding_window_view


class Convolution:
    """Convolution with 5 x 5 filters, bias, max-pooling by 2, max(., 0): x (C, H, H, N) -> `self.a` (out, h, h, N).

    The product with the filters goes band by band, a few rows of the image at a time, so that its columns stay in the
    processor's cache. Bias and max(., 0) come after the pooling: the same numbers, a quarter of the work.
    dx: where dL/dx goes, if it is wanted.
    """

    def __init__(self, x, p, g, name, rows=2, dx=None):
        C, H, _, N = x.shape
        self.x, h = x, H - 4
        W, gW = p[f"{name}.weight"], g[f"{name}.weight"]
        self.W, self.gW = W.reshape(len(W), -1), gW.reshape(len(W), -1)
        self.b, self.gb = p[f"{name}.bias"].reshape(-1, 1, 1, 1), g[f"{name}.bias"]
        Y, self.dY = (np.empty((len(W), h, h, N), np.float32) for _ in range(2))
        windows = sliding_window_view(x, (5, 5), axis=(1, 2)).transpose(0, 4, 5, 1, 2, 3)
        self.bands = []
        for r in range(0, h, rows):
            here = slice(r, r + rows)
            X = np.empty((C, 5, 5, rows, h, N), np.float32)
            self.bands.append((windows[:, :, :, here], X, X.reshape(C * 25, -1), Y[:, here].reshape(len(W), -1),
                               self.dY[:, here].reshape(len(W), -1)))  # fmt: skip
        quarters = [(slice(None), slice(i, None, 2), slice(j, None, 2)) for i in (0, 1) for j in (0, 1)]
        self.quarters = [(Y[q], self.dY[q]) for q in quarters]
        self.top, self.a, self.da, self.pair = (np.empty((len(W), h // 2, h // 2, N), np.float32) for _ in range(4))
        self.mask, self.ones = np.empty(self.top.shape, bool), np.ones(self.top[0].size, np.float32)
        self.sum, self.one = (np.empty((C * 25, len(W)), np.float32) for _ in range(2))
        self.dx = dx
        if dx is not None:
            self.dX = np.empty((C * 25, h * h * N), np.float32)
            pieces = self.dX.reshape(C, 5, 5, h, h, N)
            pixels = [(i, j) for i in range(5) for j in range(5)]
            self.pixels = [(dx[:, i : i + h, j : j + h], pieces[:, i, j]) for i, j in pixels]

    def forward(self):
        for seen, X, columns, Y, _ in self.bands:
            np.copyto(X, seen)
            np.matmul(self.W, columns, out=Y)
        (y1, _), (y2, _), (y3, _), (y4, _) = self.quarters
        np.maximum(y1, y2, out=self.top)
        np.maximum(y3, y4, out=self.pair)
        np.maximum(self.top, self.pair, out=self.top)
        np.add(self.top, self.b, self.a)
        np.maximum(self.a, 0, out=self.a)

    def backward(self):
        """From `self.da`. Equal largest values are not looked for: with such numbers there are none."""
        da, mask = self.da, self.mask
        np.greater(self.a, 0, mask)
        np.multiply(da, mask, da)
        da.reshape(len(da), -1).dot(self.ones, self.gb)
        for y, dy in self.quarters:
            np.equal(y, self.top, mask)
            np.multiply(da, mask, dy)
        self.sum.fill(0)
        for _, _, columns, _, dY in self.bands:
            columns.dot(dY.T, self.one)
            np.add(self.sum, self.one, self.sum)
        self.gW[...] = self.sum.T
        if self.dx is not None:
            self.W.T.dot(self.dY.reshape(len(self.W), -1), self.dX)
            self.dx.fill(0)
            for pixel, piece in self.pixels:
                np.add(pixel, piece, out=pixel)


class Cnn(Floor):
    """Two such convolutions and three dense layers."""

    def prepare(self, kind):
        x = np.ascontiguousarray(self.x.transpose(1, 2, 3, 0))
        N = x.shape[-1]
        self.first = Convolution(x, self.p, self.g, "0")
        self.second = Convolution(self.first.a, self.p, self.g, "3", dx=self.first.da)
        self.loss, self.ones = CrossEntropy(self.y, 10), np.ones(N, np.float32)
        a, da = self.second.a.reshape(256, N), self.second.da.reshape(256, N)
        self.layers = []
        for (fan_in, fan_out), i in zip(pairwise([256, 120, 84, 10]), (7, 9, 11), strict=True):
            W, b, gW, gb = (v[f"{i}.{name}"] for v in (self.p, self.g) for name in ("weight", "bias"))
            z, mask = np.empty((fan_out, N), np.float32), np.empty((fan_in, N), bool)
            dz = self.loss.dz.T if i == 11 else np.empty((fan_out, N), np.float32)
            self.layers.append((W, b[:, None], gW, gb, a, z, dz, da, mask))
            a, da = z, dz

    def loss_and_gradient(self):
        self.first.forward()
        self.second.forward()
        for W, b, _, _, a, z, _, _, _ in self.layers:
            W.dot(a, z)
            np.add(z, b, z)
            if W.shape[0] != 10:
                np.maximum(z, 0, out=z)
        loss = self.loss(z.T)
        for W, _, gW, gb, a, _, dz, da, mask in reversed(self.layers):
            dz.dot(a.T, gW)
            dz.dot(self.ones, gb)
            W.T.dot(dz, da)
            if W.shape[1] != 256:
                np.greater(a, 0, mask)
                np.multiply(da, mask, da)
        self.second.backward()
        self.first.backward()
        return loss
