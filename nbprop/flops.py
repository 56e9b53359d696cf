"""How many floating-point operations an op makes, counted from its formula: what its `flops` say.

One FLOP is an addition, multiplication, division or comparison of two numbers, or an elementary function (exp, ln,
tanh, square root, power) of one; a product of matrices (n, k) and (k, m) counts 2 n k m. Counted is what is done with
the largest array of an op; what is done with smaller ones (such as dividing a mean by n), and moving numbers, is not.
"""

from typing import Any


def flops(node) -> tuple[Any, int]:
    """(forward, backward) of the op that made `node`, a Tensor; backward for those inputs that need a gradient, adding
    up over the axes along which an input was repeated included."""
    op, inputs = node.op, node.inputs
    counted: Any = op.flops
    if counted is None:
        raise ValueError(f"nobody has counted the FLOPs of {op.name} yet: give its class flops = (forward, backward)")
    if not isinstance(counted, tuple):
        forward, *each = counted(node, *inputs)
        return forward, sum(n for n, wanted in zip(each, op.needs, strict=False) if wanted)
    size = max(x.size for x in (node, *inputs))
    forward, *each = counted
    each += each[-1:] * (len(inputs) - len(each))  # ops of any number of inputs
    wanted = [(n, x) for n, x in zip(each, inputs, strict=False) if x.requires_grad]
    return forward * size, sum(n * size + max(node.size - x.size, 0) for n, x in wanted)
