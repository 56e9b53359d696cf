"""Images: convolution and pooling, and the way back through them."""

import numpy as np

from nbprop import nn
from nbprop.engine import Tensor
from nbprop.engine.conv import Conv2d
from nbprop.engine.tensor import apply

from .exercise import Exercise, Mistake


def output_size(size, kernel, stride, padding):
    return (size + 2 * padding - kernel) // stride + 1


def some_sizes(rng):
    return int(rng.integers(12, 30)), int(rng.integers(5, 8)), int(rng.integers(1, 5)), int(rng.integers(0, 4))


def sizes(rng, low, high):
    """(rows, columns), from low to high - 1."""
    return tuple(int(n) for n in rng.integers(low, high, size=2))


def some_pictures(rng):
    x, w = rng.normal(size=sizes(rng, 6, 10)), rng.normal(size=sizes(rng, 2, 5))
    return x, w, int(rng.integers(1, 4)), int(rng.integers(0, 3))


def pooled_pictures(rng):
    rows, columns = sizes(rng, 2, 5)
    return rng.normal(size=(2 * rows, 2 * columns)), rng.normal(size=(rows, columns))


def size_found(size, kernel, stride, padding):
    """By making the layer and looking."""
    y = nn.Conv2d(1, 1, kernel, stride=stride, padding=padding, rng=0)(np.zeros((1, 1, size, 1 + 2 * size), np.float32))
    return y.shape[2]


def parameters(in_channels, out_channels, kernel):
    return out_channels * (in_channels * kernel * kernel + 1)


def convolve(x, w, stride, padding):
    x = np.pad(x, padding)
    rows = (x.shape[0] - w.shape[0]) // stride + 1
    columns = (x.shape[1] - w.shape[1]) // stride + 1
    y = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            y[i, j] = np.sum(w * x[top : top + w.shape[0], left : left + w.shape[1]])
    return y


def convolve_with_stride_1_in_the_corner(x, w, stride, padding):
    rows, columns = convolve(x, w, stride, padding).shape
    return convolve(x, w, 1, padding)[:rows, :columns]


def pad_once(x, w, stride, padding):
    return convolve(np.pad(x, ((padding, 0), (padding, 0))), w, stride, 0)


def filter_gradient(x, dy):
    rows = x.shape[0] - dy.shape[0] + 1
    columns = x.shape[1] - dy.shape[1] + 1
    dw = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            dw[i, j] = np.sum(dy * x[i : i + dy.shape[0], j : j + dy.shape[1]])
    return dw


def true_filter_gradient(x, dy):
    x, w = Tensor(x), Tensor(np.zeros(filter_gradient(x, dy).shape), requires_grad=True)
    convolution(x, w).backward(dy[None, None])
    return w.grad


def input_gradient(w, dy):
    rows, columns = w.shape
    dx = np.zeros((dy.shape[0] + rows - 1, dy.shape[1] + columns - 1))
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            dx[i : i + rows, j : j + columns] += dy[i, j] * w
    return dx


def true_input_gradient(w, dy):
    x = Tensor(np.zeros(input_gradient(w, dy).shape), requires_grad=True)
    convolution(x, Tensor(w)).backward(dy[None, None])
    return x.grad


def overwritten(w, dy):
    rows, columns = w.shape
    dx = np.zeros((dy.shape[0] + rows - 1, dy.shape[1] + columns - 1))
    for i, j in np.ndindex(*dy.shape):
        dx[i : i + rows, j : j + columns] = dy[i, j] * w
    return dx


def all_around(w, dy):
    """dy with as many zeros around it as the filter reaches over."""
    return np.pad(dy, [(n - 1, n - 1) for n in w.shape])


def convolution(x, w, stride=1, padding=0):
    """The engine's own, of one picture (H, W) with one filter (rows, columns), Tensors: (1, 1, H', W')."""
    return apply(Conv2d(stride, padding), x.reshape(1, 1, *x.shape), w.reshape(1, 1, *w.shape))


def pool_gradient(x, dy):
    dx = np.zeros(x.shape)
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            window = x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            dx[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = dy[i, j] * (window == window.max())
    return dx


def true_pool_gradient(x, dy):
    x = Tensor(x, requires_grad=True)
    nn.MaxPool2d(2)(x.reshape(1, 1, *x.shape)).backward(dy[None, None])
    return x.grad


def first_of_each_window(x, dy):
    dx = np.zeros(x.shape)
    dx[::2, ::2] = dy
    return dx


EXERCISES = (
    Exercise(
        name="output-size",
        task="Write `output_size(size, kernel, stride, padding)`: how many rows has the output when a window of "
        "`kernel` rows moves over a picture of `size` rows with `padding` rows of zeros above and below, `stride` "
        "rows at a time? All are whole numbers, and so is the answer.",
        solution=output_size,
        why="With its padding the picture has `size + 2 * padding` rows. The window can move down by what it "
        "leaves free, `size + 2 * padding - kernel`, in whole strides: that is the division without "
        "remainder. And it has one place before it moves at all.",
        case=some_sizes,
        truth=size_found,
        mistakes=(
            Mistake(
                lambda size, kernel, stride, padding: (size + 2 * padding - kernel) // stride,
                "One is missing: the window has a first place before it moves at all.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: (size + padding - kernel) // stride + 1,
                "The padding lies above and below: it counts twice.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: size + 2 * padding - kernel + 1,
                "That is for a stride of 1. With a larger one the window has fewer places.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: -(-(size + 2 * padding - kernel) // stride) + 1,
                "The window does not fit where a part of a stride is left: round down.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: (size + 2 * padding - kernel) / stride + 1,
                "The number of places is whole: round down, `//`.",
            ),
            Mistake(lambda size, kernel, stride, padding: (size - kernel) // stride + 1, "The padding is left out."),
            Mistake(
                lambda size, kernel, stride, padding: (size + 2 * padding - kernel) // 2 + 1,
                "That is for a stride of 2: it is an argument.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: (size + 2 * padding) // stride,
                "The last place of the window is where it still fits: its own rows are taken off first.",
            ),
        ),
        hints=(
            "How many rows has the picture with its padding?",
            "How far can the window move down before it leaves the picture, and how many strides is that?",
            "`(size + 2 * padding - kernel) // stride`, and one more for the place where it starts.",
        ),
    ),
    Exercise(
        name="weights-of-a-convolution",
        task="Write `parameters(in_channels, out_channels, kernel)`: how many numbers does a convolution with square "
        "windows of `kernel` × `kernel` pixels learn, biases included?",
        solution=parameters,
        why="A filter looks at a window of every input channel: `in_channels * kernel * kernel` weights, and one "
        "bias. Each output channel has a filter of its own. Where the window stands plays no part.",
        case=lambda rng: tuple(int(n) for n in rng.integers(2, 9, size=3)),
        truth=lambda i, o, k: nn.Conv2d(i, o, k, rng=0).theta.size,
        mistakes=(
            Mistake(lambda i, o, k: i * o * k * k, "The biases are missing: one for each output channel."),
            Mistake(
                lambda i, o, k: o * (k * k + 1),
                "A filter has a window of weights for each *input* channel, for it looks at all of them.",
            ),
            Mistake(
                lambda i, o, k: i * o * (k * k + 1),
                "There is one bias for each output channel, not for each pair of channels.",
            ),
        ),
        hints=(
            "How many weights has one filter? It sees a window of every input channel at once.",
            "Each output channel has one filter and one bias. Where the window stands plays no part.",
        ),
    ),
    Exercise(
        name="stride-and-padding",
        task="Write `convolve(x, w, stride, padding)`: the cross-correlation of a picture `x` (H, W) with a filter `w` "
        "(rows, columns), which moves `stride` pixels at a time, over the picture with `padding` rows and columns of "
        "zeros on every side. `np.pad(x, padding)` adds them.",
        solution=convolve,
        why="Once the zeros are around it, the picture is just a larger one. The window of `y[i, j]` starts at "
        "row `i * stride` and column `j * stride`; it is multiplied by the filter, number by number, and "
        "summed.",
        case=some_pictures,
        edges=((np.arange(6.0).reshape(2, 3), np.ones((2, 3)), 1, 0),),
        truth=lambda x, w, stride, padding: convolution(Tensor(x), Tensor(w), stride, padding).data[0, 0],
        mistakes=(
            Mistake(
                convolve_with_stride_1_in_the_corner,
                "The size is right, but the window moves by one pixel only: it must start at `i * stride`.",
            ),
            Mistake(
                lambda x, w, stride, padding: convolve(x, w[::-1, ::-1], stride, padding),
                "The filter is turned over. That is a convolution as mathematicians have it; networks do not turn it.",
            ),
            Mistake(pad_once, "There are zeros above and on the left only: they belong on every side."),
            Mistake(
                lambda x, w, stride, padding: convolve(x, w, stride, 0),
                "The padding is missing: put the zeros around the picture first.",
            ),
            Mistake(
                lambda x, w, stride, padding: convolve(x, w, 2, padding),
                "That is with a stride of 2: it is an argument, and may be any.",
            ),
            Mistake(
                lambda x, w, stride, padding: convolve(x, w, stride, 1),
                "That is with a padding of 1: it is an argument, and may be any.",
            ),
            Mistake(
                lambda x, w, stride, padding: convolve(x, w, 1, padding),
                "That is with a stride of 1: the window moves `stride` pixels at a time.",
            ),
        ),
        hints=(
            "Put the zeros around `x` first; from then on it is a larger picture without padding.",
            "The output has `(x.shape[0] - w.shape[0]) // stride + 1` rows. Where does the window of `y[i, j]` start?",
            "`y[i, j] = np.sum(w * x[i * stride : i * stride + w.shape[0], j * stride : j * stride + w.shape[1]])`",
        ),
    ),
    Exercise(
        name="filter-gradient",
        task="Write `filter_gradient(x, dy)`. The forward pass was a cross-correlation with stride 1 and no padding: a "
        "picture `x` (H, W), an output of shape (H', W'). `dy` (H', W') is the gradient of the loss for the output. "
        "What is it for the filter, (H - H' + 1, W - W' + 1)?",
        solution=filter_gradient,
        why="The weight `w[i, j]` meets the pixel `x[a + i, b + j]` in the output `y[a, b]`, so its gradient is "
        "the sum of `dy[a, b] * x[a + i, b + j]` over all outputs. That is a cross-correlation of the picture "
        "with `dy`.",
        case=lambda rng: (rng.normal(size=sizes(rng, 6, 9)), rng.normal(size=sizes(rng, 3, 6))),
        truth=true_filter_gradient,
        mistakes=(
            Mistake(
                lambda x, dy: filter_gradient(x, dy)[::-1, ::-1],
                "It is turned over, top to bottom and left to right: nothing is turned here.",
            ),
            Mistake(
                lambda x, dy: filter_gradient(x, dy) / dy.size,
                "It is a mean over the places of the window. The weight is used at each of them: the terms add up.",
            ),
            Mistake(
                lambda x, dy: dy[0, 0] * x[: x.shape[0] - dy.shape[0] + 1, : x.shape[1] - dy.shape[1] + 1],
                "That is the share of the window's first place only: the weights are used at every place.",
            ),
        ),
        hints=(
            "Which outputs does the weight `w[0, 0]` take part in, and which pixel does it meet in each of them?",
            "`w[i, j]` meets the pixel `x[a + i, b + j]` in the output `y[a, b]`. Sum `dy[a, b] * x[a + i, b + j]`.",
            "It is the cross-correlation of `x` with `dy`: `np.sum(dy * x[i : i + H', j : j + W'])`.",
        ),
    ),
    Exercise(
        name="input-gradient",
        task="Write `input_gradient(w, dy)`: the same convolution, a filter `w` (rows, columns) and the gradient for "
        "the output `dy` (H', W'). What is the gradient for the picture, (H' + rows - 1, W' + columns - 1)?",
        solution=input_gradient,
        why="The output `y[i, j]` was made of the window that starts at `[i, j]`, each pixel times its weight. So "
        "it sends `dy[i, j] * w` back to this window. Windows overlap, and what arrives at a pixel is added.",
        case=lambda rng: (rng.normal(size=sizes(rng, 2, 4)), rng.normal(size=sizes(rng, 4, 7))),
        truth=true_input_gradient,
        mistakes=(
            Mistake(
                lambda w, dy: convolve(all_around(w, dy), w, 1, 0),
                "The filter must be turned over here, `w[::-1, ::-1]`: what looked down and right comes from there.",
            ),
            Mistake(
                overwritten, "Windows overlap, and what they send back adds up: `+=`, else only the last one is left."
            ),
            Mistake(
                lambda w, dy: convolve(dy, w[::-1, ::-1], 1, 0),
                "It is too small: the pixels at the rim get a gradient too. Put zeros around `dy` first.",
            ),
        ),
        hints=(
            "Start with zeros of the shape of the picture. What does one output, `y[i, j]`, send back to its window?",
            "It sends `dy[i, j] * w`. A pixel that lies in several windows gets the sum.",
            "`dx[i : i + rows, j : j + columns] += dy[i, j] * w` for every `i, j`.",
        ),
    ),
    Exercise(
        name="pool-gradient",
        task="Write `pool_gradient(x, dy)`: `x` (H, W) went through max pooling over windows of 2 × 2 pixels with a "
        "stride of 2, and `dy` (H / 2, W / 2) is the gradient for the result. What is it for `x`? No two pixels of a "
        "window are equal.",
        solution=pool_gradient,
        why="Only the largest pixel of a window had a say: if another one changes a little, the output stays the "
        "same. So the whole gradient goes to the place of the largest one, the others get 0.",
        case=pooled_pictures,
        truth=true_pool_gradient,
        mistakes=(
            Mistake(
                lambda x, dy: np.kron(dy, np.full((2, 2), 0.25)),
                "That is average pooling, which shares the gradient out. Here only the largest pixel had a say.",
            ),
            Mistake(
                lambda x, dy: np.kron(dy, np.ones((2, 2))),
                "All four pixels get the whole gradient; it belongs to the largest one alone.",
            ),
            Mistake(first_of_each_window, "It always goes to the upper left pixel. Where was the largest one?"),
        ),
        hints=(
            "If a pixel is not the largest of its window and changes a little, does the output change?",
            "`window == window.max()` is `True` in one place of the window.",
            "`dx[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = dy[i, j] * (window == window.max())`",
        ),
    ),
)
