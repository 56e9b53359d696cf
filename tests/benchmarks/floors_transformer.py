"""The floor of W7, a small transformer by hand: all places of all sequences are rows of one matrix, and every layer is
a few products of it."""

import math

import numpy as np
from floors import CrossEntropy, Floor

f4 = np.float32


class Norm:
    """Layer normalization of rows: `self.y` from x, and dL/dx from dL/dy. Means are products with a vector."""

    def __init__(self, p, g, name, rows, ones):
        (self.w, self.b), (self.gw, self.gb) = ([v[f"{name}.{kind}"] for kind in ("weight", "bias")] for v in (p, g))
        d = len(self.w)
        self.h, self.y, self.t, self.dx = (np.empty((rows, d), f4) for _ in range(4))
        self.mean, self.s, self.m = (np.empty((rows, 1), f4) for _ in range(3))
        self.share, self.shared_w, self.ones = np.full((d, 1), 1 / d, f4), np.empty((d, 1), f4), ones

    def forward(self, x):
        h, s = self.h, self.s
        x.dot(self.share, self.mean)
        np.subtract(x, self.mean, h)
        np.multiply(h, h, self.t)
        self.t.dot(self.share, s)
        np.add(s, f4(1e-5), s)
        np.sqrt(s, s)
        np.divide(h, s, h)
        np.multiply(h, self.w, self.y)
        np.add(self.y, self.b, self.y)
        return self.y

    def backward(self, dy):
        h, t, dx, m = self.h, self.t, self.dx, self.m
        np.multiply(h, dy, t)
        self.ones.dot(t, self.gw)
        self.ones.dot(dy, self.gb)
        np.multiply(self.w[:, None], self.share, self.shared_w)
        t.dot(self.shared_w, m)
        np.multiply(dy, self.w, dx)
        np.multiply(h, m, t)
        np.subtract(dx, t, dx)
        dy.dot(self.shared_w, m)
        np.subtract(dx, m, dx)
        np.divide(dx, self.s, dx)
        return dx


class Dense:
    """y = x W^T + b for rows x."""

    def __init__(self, W, b, gW, gb, rows, ones):
        self.W, self.b, self.gW, self.gb, self.ones = W, b, gW, gb, ones
        self.y, self.dx = np.empty((rows, len(W)), f4), np.empty((rows, W.shape[1]), f4)

    def forward(self, x):
        self.x = x
        x.dot(self.W.T, self.y)
        np.add(self.y, self.b, self.y)
        return self.y

    def backward(self, dy):
        dy.T.dot(self.x, self.gW)
        self.ones.dot(dy, self.gb)
        return dy.dot(self.W, self.dx)


class Attention:
    """Causal attention from rows that hold query, key and value side by side."""

    def __init__(self, N, T, d, heads):
        e = d // heads
        self.qkv_shape, self.scale = (N, T, 3, heads, e), f4(e**-0.5)
        self.P, self.dS = np.empty((N, heads, T, T), f4), np.empty((N, heads, T, T), f4)
        self.mask = np.where(np.tri(T, dtype=bool), f4(0), f4(-np.inf))
        self.row, self.ones = np.empty((N, heads, T, 1), f4), np.ones((T, 1), f4)
        self.y, self.t, self.sums = np.empty((N * T, d), f4), np.empty((N * T * heads, e), f4), np.ones((e, 1), f4)
        self.heads = lambda rows: rows.reshape(N, T, heads, e).swapaxes(1, 2)
        self.inner = np.empty((N * T * heads, 1), f4)
        self.inner_by_head = self.inner.reshape(N, T, heads, 1).swapaxes(1, 2)
        self.dqkv = np.empty((N * T, 3 * d), f4)
        self.dq, self.dk, self.dv = self.dqkv.reshape(self.qkv_shape).transpose(2, 0, 3, 1, 4)

    def forward(self, qkv):
        self.q, self.k, self.v = qkv.reshape(self.qkv_shape).transpose(2, 0, 3, 1, 4)
        P, row = self.P, self.row
        np.multiply(self.q, self.scale, self.q)
        np.matmul(self.q, self.k.swapaxes(2, 3), P)
        np.add(P, self.mask, P)
        np.maximum.reduce(P, axis=3, keepdims=True, out=row)
        np.subtract(P, row, P)
        np.exp(P, P)
        np.matmul(P, self.ones, row)
        np.divide(P, row, P)
        np.matmul(P, self.v, self.heads(self.y))
        return self.y

    def backward(self, dy):
        P, dS, by_head = self.P, self.dS, self.heads(dy)
        np.matmul(P.swapaxes(2, 3), by_head, self.dv)
        np.matmul(by_head, self.v.swapaxes(2, 3), dS)
        np.multiply(dy.reshape(self.t.shape), self.y.reshape(self.t.shape), self.t)
        self.t.dot(self.sums, self.inner)
        np.subtract(dS, self.inner_by_head, dS)
        np.multiply(dS, P, dS)
        np.matmul(dS, self.k, self.dq)
        np.multiply(self.dq, self.scale, self.dq)
        np.matmul(dS.swapaxes(2, 3), self.q, self.dk)
        return self.dqkv


class Gelu:
    """u sigmoid(2 c (u + k u^3)), which is the tanh form."""

    c, k = f4(math.sqrt(2 / math.pi)), f4(0.044715)

    def __init__(self, rows, width):
        self.s, self.y, self.t = (np.empty((rows, width), f4) for _ in range(3))

    def forward(self, u):
        s = self.s
        self.u = u
        np.multiply(u, u, self.t)
        np.multiply(self.t, -2 * self.c * self.k, s)
        np.subtract(s, 2 * self.c, s)
        np.multiply(s, u, s)
        np.exp(s, s)
        np.add(s, f4(1), s)
        np.reciprocal(s, s)
        np.multiply(u, s, self.y)
        return self.y

    def backward(self, dy):
        """dL/du = dL/dy (s + y (1 - s) 2 c (1 + 3 k u^2)), with u^2 in `t`."""
        t, s = self.t, self.s
        np.multiply(t, 6 * self.c * self.k, t)
        np.add(t, 2 * self.c, t)
        np.multiply(t, self.y, t)
        np.subtract(f4(1), s, self.y)
        np.multiply(t, self.y, t)
        np.add(t, s, t)
        np.multiply(t, dy, t)
        return t


class Transformer(Floor):
    def prepare(self, kind, d, heads, blocks, vocabulary, length):
        N, T = self.x.shape
        rows = N * T
        ones = self.ones = np.ones(rows, f4)

        def dense(name):
            ends = ("_weight", "_bias") if name.endswith("in_proj") else (".weight", ".bias")
            return Dense(*(v[name + end] for v in (self.p, self.g) for end in ends), rows, ones)

        def norm(name):
            return Norm(self.p, self.g, name, rows, ones)

        self.blocks = [
            (norm(f"{i}.norm1"), dense(f"{i}.self_attn.in_proj"), Attention(N, T, d, heads),
             dense(f"{i}.self_attn.out_proj"), norm(f"{i}.norm2"), dense(f"{i}.linear1"), Gelu(rows, 4 * d),
             dense(f"{i}.linear2"))
            for i in range(2, 2 + blocks)
        ]  # fmt: skip
        self.norm, self.head = norm(f"{2 + blocks}.norm"), dense("head")
        self.loss = CrossEntropy(self.y, vocabulary)
        self.h, self.one_hot, self.every = np.empty((rows, d), f4), np.zeros((vocabulary, rows), f4), np.arange(rows)
        self.samples = np.ones(N, f4)

    def loss_and_gradient(self):
        h, tokens, every = self.h, self.x.ravel(), self.every
        W, positions = self.p["0.weight"], self.p["1.weight"]
        W.take(tokens, axis=0, out=h, mode="clip")
        images = h.reshape(len(self.x), *positions.shape)
        np.add(images, positions, images)
        for norm1, in_proj, attention, out_proj, norm2, linear1, gelu, linear2 in self.blocks:
            np.add(h, out_proj.forward(attention.forward(in_proj.forward(norm1.forward(h)))), h)
            np.add(h, linear2.forward(gelu.forward(linear1.forward(norm2.forward(h)))), h)
        loss = self.loss(self.head.forward(self.norm.forward(h)))
        dh = self.norm.backward(self.head.backward(self.loss.dz))
        for norm1, in_proj, attention, out_proj, norm2, linear1, gelu, linear2 in reversed(self.blocks):
            np.add(dh, norm2.backward(linear1.backward(gelu.backward(linear2.backward(dh)))), dh)
            np.add(dh, norm1.backward(in_proj.backward(attention.backward(out_proj.backward(dh)))), dh)
        self.samples.dot(dh.reshape(len(self.x), -1), self.g["1.weight"].ravel())
        self.one_hot[tokens, every] = 1  # adds up the rows of equal tokens
        self.one_hot.dot(dh, self.g["0.weight"])
        self.one_hot[tokens, every] = 0
        return loss
