"""How many floating-point operations an op makes, counted from its formula.

One FLOP is an addition, multiplication, division or comparison of two numbers, or an elementary function (exp, ln,
tanh, square root, power) of one; a product of matrices (n, k) and (k, m) counts 2 n k m. Counted is what is done with
the largest array of an op; what is done with smaller ones (such as dividing a mean by n), and moving numbers, is not.
"""

import math
from typing import Any

# FLOPs for each number of the largest array: forward, then backward for each input.
# fmt: off
EACH = {
    "Identity": (0, 0), "Cast": (0, 0), "Reshape": (0, 0), "Transpose": (0, 0), "BroadcastTo": (0, 0), "Slice": (0, 0),
    "Pad": (0, 0), "Concatenate": (0, 0), "Stack": (0, 0), "Where": (0, 0, 1, 1),
    "Add": (1, 0, 0), "Sub": (1, 0, 1), "Mul": (1, 1, 1), "Div": (1, 1, 2), "Neg": (1, 1), "Power": (1, 3),
    "TensorPower": (1, 4, 3), "Exp": (1, 1), "Log": (1, 1), "Sqrt": (1, 2), "Abs": (1, 2), "Clip": (2, 2),
    "Maximum": (1, 2, 1), "Minimum": (1, 2, 1), "Dropout": (2, 1),
    "Sigmoid": (4, 3), "Tanh": (1, 3), "ReLU": (1, 2), "LeakyReLU": (2, 1), "ELU": (4, 3), "SiLU": (5, 4),
    "Softplus": (3, 3), "GELU": (5, 7), "TanhGELU": (9, 12),
    "Sum": (1, 0), "Mean": (1, 0), "Max": (1, 3), "Min": (1, 3), "Var": (4, 1), "Std": (4, 1), "LogSumExp": (4, 3),
    "Norm": (4, 1),
    "Softmax": (5, 4), "LogSoftmax": (5, 4), "LayerNorm": (7, 10, 0, 0), "BatchNorm": (7, 4, 1, 0),
    "MSE": (3, 1, 1), "BCEWithLogits": (8, 2, 1), "CrossEntropy": (5, 1, 0),
}
# fmt: on


def _linear(op, y, x, W, b=None):
    product = 2 * y.size * W.shape[-1]
    return product + (b is not None) * y.size, product, product, y.size


def _matmul(op, y, a, b):
    return (2 * y.size * a.shape[-1],) * 3


def _conv(op, y, x, W, b=None):
    product = 2 * y.size * W.size // len(W)
    return product + (b is not None) * y.size, product, product, y.size


def _max_pool(op, y, x):
    window = math.prod(op.kernel)
    return (window - 1) * y.size, 4 * window * y.size  # compare, share out, take off, add


def _avg_pool(op, y, x):
    return (math.prod(op.kernel) + 1) * y.size, (math.prod(op.kernel) + 1) * y.size


def _embedding(op, y, index, W):
    return 0, 0, y.size


def _attention(op, y, q, k, v, mask=None):
    scores = y.size // v.shape[-1] * (op.heads or 1) * k.shape[-2]
    from_q, from_v = (2 * scores * (x.shape[-1] // (op.heads or 1)) for x in (q, v))
    back = from_v + 3 * scores  # dL/dP and dL/ds, which both need
    return from_q + 5 * scores + from_v, back + from_q, from_q, from_v, 0


def _recurrent(op, y, x, s, W, U, b=None, d=None):
    steps = x.shape[0] * x.shape[1]
    from_x, from_h, biases = 2 * steps * W.size, 2 * steps * U.size, (b is not None) * steps * len(W)
    forward, back = UNIT[op.name, op.blocks]
    units = steps * U.shape[1]
    through_time = from_h + back * units  # needed for every gradient; counted once, for U
    return from_x + from_h + 2 * biases + forward * units, from_x, 0, from_x, from_h + through_time, biases, biases


# (op, number of gates) -> elementwise FLOPs forward and backward, of one hidden unit in one step
UNIT = {("RNN", 1): (1, 4), ("GRU", 3): (14, 18), ("LSTM", 4): (18, 24), ("LSTM", 3): (13, 19)}


def _ctc(op, y, x, targets, *lengths):
    states = x.shape[0] * x.shape[1] * (2 * targets.shape[1] + 1)
    return 6 * states, (10 + 2 * x.shape[2]) * states


SHAPED = {  # op -> function(op, y, *inputs) with the FLOPs forward, then backward for each input
    "Linear": _linear, "MatMul": _matmul, "Conv2d": _conv, "MaxPool2d": _max_pool, "AvgPool2d": _avg_pool,
    "Embedding": _embedding, "Attention": _attention, "CTC": _ctc,
    "RNN": _recurrent, "GRU": _recurrent, "LSTM": _recurrent,
}  # fmt: skip


def flops(node) -> tuple[Any, int]:
    """(forward, backward) of the op that made `node`, a Tensor; backward for those inputs that need a gradient, adding
    up over the axes along which an input was repeated included."""
    op, inputs = node.op, node.inputs
    if op.name in SHAPED:
        forward, *each = SHAPED[op.name](op, node, *inputs)
        return forward, sum(n for n, wanted in zip(each, op.needs, strict=False) if wanted)
    if op.name not in EACH:
        raise ValueError(f"nobody has counted the FLOPs of {op.name} yet: add it to nbprop/flops.py")
    size = max(x.size for x in (node, *inputs))
    forward, *each = EACH[op.name]
    each += each[-1:] * (len(inputs) - len(each))  # ops of any number of inputs
    wanted = [(n, x) for n, x in zip(each, inputs, strict=False) if x.requires_grad]
    return forward * size, sum(n * size + max(node.size - x.size, 0) for n, x in wanted)
