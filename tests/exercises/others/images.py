"""Other right answers to the exercises of notebook 09."""

from fractions import Fraction

import numpy as np

import nbprop as nb


def size_by_counting(size, kernel, stride, padding):
    count = top = 0
    while top + kernel <= size + 2 * padding:
        count, top = count + 1, top + stride
    return count


def size_by_range(size, kernel, stride, padding):
    return len(range(-padding, size + padding - kernel + 1, stride))


def size_by_rounding(size, kernel, stride, padding):
    return np.floor(Fraction(size - kernel + 2 * padding, stride) + 1)


def size_by_the_layer(size, kernel, stride, padding):
    layer = nb.nn.Conv2d(1, 1, (kernel, 1), stride=(stride, 1), padding=(padding, 0))
    return layer(np.zeros((1, 1, size, 1), np.float32)).shape[2]


def numbers_in_two_terms(in_channels, out_channels, kernel):
    return in_channels * out_channels * kernel**2 + out_channels


def numbers_of_arrays(in_channels, out_channels, kernel):
    return np.zeros((out_channels, in_channels, kernel, kernel)).size + np.zeros(out_channels).size


def numbers_of_the_layer(in_channels, out_channels, kernel):
    return sum(p.data.size for p in nb.nn.Conv2d(in_channels, out_channels, kernel).parameters())


def convolved_in_loops(x, w, stride, padding):
    H, W = x.shape
    y = []
    for top in range(-padding, H + padding - len(w) + 1, stride):
        row = []
        for left in range(-padding, W + padding - len(w[0]) + 1, stride):
            total = 0.0
            for i, j in np.ndindex(w.shape):
                if 0 <= top + i < H and 0 <= left + j < W:
                    total += w[i, j] * x[top + i, left + j]
            row.append(total)
        y.append(row)
    return y


def convolved_by_windows(x, w, stride, padding):
    patches = np.lib.stride_tricks.sliding_window_view(np.pad(x, padding), w.shape)
    return np.einsum("abij,ij->ab", patches[::stride, ::stride], w)


def convolved_by_shifts(x, w, stride, padding):
    x = np.pad(x, padding)
    rows, columns = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1
    total = sum(w[i, j] * x[i : i + rows, j : j + columns] for i, j in np.ndindex(w.shape))
    return total[::stride, ::stride]


def convolved_by_nbprop(x, w, stride, padding):
    layer = nb.nn.Conv2d(1, 1, w.shape, stride=stride, padding=padding, bias=False, dtype=np.float64)
    layer.weight.data[...] = w
    return layer(nb.Tensor(x[None, None])).data[0, 0]


def filter_by_windows(x, dy):
    patches = np.lib.stride_tricks.sliding_window_view(x, dy.shape)
    return np.einsum("ijab,ab->ij", patches, dy)


def filter_by_places(x, dy):
    rows, columns = x.shape[0] - dy.shape[0] + 1, x.shape[1] - dy.shape[1] + 1
    return sum(dy[a, b] * x[a : a + rows, b : b + columns] for a, b in np.ndindex(dy.shape))


def filter_by_nbprop(x, dy):
    rows, columns = x.shape[0] - dy.shape[0] + 1, x.shape[1] - dy.shape[1] + 1
    layer = nb.nn.Conv2d(1, 1, (rows, columns), bias=False, dtype=np.float64)
    layer(nb.Tensor(x[None, None])).backward(dy[None, None])
    return layer.weight.grad[0, 0]


def input_by_turning(w, dy):
    padded = np.pad(dy, [(n - 1, n - 1) for n in w.shape])
    patches = np.lib.stride_tricks.sliding_window_view(padded, w.shape)
    return (patches * w[::-1, ::-1]).sum(axis=(2, 3))


def input_by_shifts(w, dy):
    H, W = dy.shape
    dx = np.zeros((H + len(w) - 1, W + w.shape[1] - 1))
    for i, j in np.ndindex(w.shape):
        dx[i : i + H, j : j + W] += w[i, j] * dy
    return dx


def input_by_nbprop(w, dy):
    x = nb.Tensor(np.zeros((1, 1, len(dy) + len(w) - 1, dy.shape[1] + w.shape[1] - 1)), requires_grad=True)
    layer = nb.nn.Conv2d(1, 1, w.shape, bias=False, dtype=np.float64)
    layer.weight.data[...] = w
    layer(x).backward(dy[None, None])
    return x.grad[0, 0]


def pooled_back_by_argmax(x, dy):
    dx = np.zeros_like(x)
    for i, j in np.ndindex(dy.shape):
        a, b = np.unravel_index(x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].argmax(), (2, 2))
        dx[2 * i + a, 2 * j + b] = dy[i, j]
    return dx


def pooled_back_by_blocks(x, dy):
    rows, columns = dy.shape
    largest = x.reshape(rows, 2, columns, 2).max(axis=(1, 3))
    return np.kron(dy, np.ones((2, 2))) * (x == np.kron(largest, np.ones((2, 2))))


def pooled_back_by_repeating(x, dy):
    def enlarged(a):
        return a.repeat(2, axis=0).repeat(2, axis=1)

    largest = np.maximum(np.maximum(x[::2, ::2], x[1::2, ::2]), np.maximum(x[::2, 1::2], x[1::2, 1::2]))
    return np.where(x < enlarged(largest), 0, enlarged(dy))


def pooled_back_by_nbprop(x, dy):
    x = nb.Tensor(x[None, None], requires_grad=True)
    (nb.nn.MaxPool2d(2)(x) * dy).sum().backward()
    return x.grad[0, 0]


OTHERS = {
    "output-size": (size_by_counting, size_by_range, size_by_rounding, size_by_the_layer),
    "weights-of-a-convolution": (numbers_in_two_terms, numbers_of_arrays, numbers_of_the_layer),
    "stride-and-padding": (convolved_in_loops, convolved_by_windows, convolved_by_shifts, convolved_by_nbprop),
    "filter-gradient": (filter_by_windows, filter_by_places, filter_by_nbprop),
    "input-gradient": (input_by_turning, input_by_shifts, input_by_nbprop),
    "pool-gradient": (pooled_back_by_argmax, pooled_back_by_blocks, pooled_back_by_repeating, pooled_back_by_nbprop),
}
WRONG = {
    "stride-and-padding": (
        lambda x, w, stride, padding: convolved_by_shifts(x, w, 2, padding),
        lambda x, w, stride, padding: convolved_by_shifts(x, w, stride, 1),
    ),
}
