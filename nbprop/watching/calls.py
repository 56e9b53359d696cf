"""What hooks have seen of one layer in one step, and the arrays that views read."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbprop.record.layers import CONVOLUTIONS, Tap

CONVOLVES = (*CONVOLUTIONS, "Conv3d", "ConvTranspose3d")


@dataclass(eq=False)
class Call:
    """A module with weights was called: tensors of PyTorch, cut off from their graph.

    x: what it got. z: what its activation gets, which a normalization behind it may give; a: what that gives, None
    where nobody has seen it. dz, dy: the gradient of the loss with respect to z, and to what the weights have given;
    None until it comes. node: that of z in the graph. others: (z, dz) of what else it gives, as the last state of an
    LSTM, through which the gradient may come back instead (state). passed: nodes of poolings and dropouts behind z.
    batch: which micro-batch of the step it is of. training: whether the module was in training, not in evaluation.
    """

    name: str
    module: Any
    x: Any
    z: Any
    node: Any
    a: Any = None
    dz: Any = None
    dy: Any = None
    activation: Any = None
    normalized: bool = False
    others: "list[list[Any]]" = field(default_factory=list)
    handles: "list[Any]" = field(default_factory=list)
    passed: "list[Any]" = field(default_factory=list)
    batch: int = 0
    training: bool = True
    state: bool = False

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        held = [self.x, self.z, self.a, self.dz, self.dy, *(each for pair in self.others for each in pair)]
        return sum(each.numel() * each.element_size() for each in held if each is not None)

    @property
    def kind(self) -> str:
        """The class of the module, where it is one of PyTorch's own."""
        cls = type(self.module)
        return cls.__name__ if cls.__module__.startswith("torch.nn.") else ""

    def gradient(self, dz: Any) -> None:
        """A gradient has come: of several backward passes they add up, as those of the weights do."""
        self.dz = _sum(self.dz, dz)
        if not self.normalized:
            self.dy = self.dz

    def weighted(self, dy: Any) -> None:
        """Of a layer with a normalization behind it, the gradient of what the weights have given."""
        if self.normalized:
            self.dy = _sum(self.dy, dy)

    def other(self, place: int, dz: Any) -> None:
        """The gradient of what else it gives."""
        self.others[place][1] = _sum(self.others[place][1], dz)

    @property
    def reached(self) -> bool:
        """Whether any gradient has come."""
        return self.dz is not None or any(dz is not None for _, dz in self.others)

    def settle(self) -> None:
        """Where the gradient has come through something else, that is what the layer gives."""
        if self.dz is None:
            for z, dz in self.others:
                if dz is not None:
                    self.z, self.dz, self.dy, self.a, self.state = z, dz, None, None, True
                    break

    def let_go(self) -> None:
        """Somebody may hold the graph, and so this: the numbers go."""
        for handle in self.handles:
            handle.remove()
        self.handles.clear()
        self.others.clear()
        self.passed.clear()
        self.x = self.z = self.a = self.dz = self.dy = self.node = None


def _sum(before, more):
    more = more.detach()
    return more.clone() if before is None else before + more


def tensors(output: Any) -> "list[Any]":
    """The tensors in what a module gives: of tuples, dicts and packed sequences all, the first one first."""
    if hasattr(output, "detach"):
        return [output]
    if isinstance(output, dict):
        return [tensor for each in output.values() for tensor in tensors(each)]
    if isinstance(output, (tuple, list)):
        return [tensor for each in output for tensor in tensors(each)]
    return []


def node_hook(node: Any, function: Any) -> Any:
    """Call the function with the gradient of what that node of the graph gave."""
    return node.register_prehook(lambda gradients: function(gradients[0]) if gradients[0] is not None else None)


def array(tensor: Any) -> np.ndarray:
    """The numbers of a tensor, on the CPU, in float32 or float64; its own where they are no others'."""
    tensor = tensor.detach()
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    if not tensor.is_floating_point() or tensor.element_size() < 4:
        tensor = tensor.float()
    return tensor.cpu().numpy()


def tap(calls: "list[Call]", function: Any, scale: float) -> Tap:
    """The Tap of a layer from its calls in a step: several stand one behind the other, as more samples would.

    function: the activation as one of nbprop's, or None. scale: by which the loss was multiplied (mixed precision)."""
    for call in calls:
        call.settle()
    kind = calls[0].kind
    with_gradient = [call for call in calls if call.dz is not None]
    reached = bool(with_gradient)
    calls = with_gradient or calls[-1:]
    z = _joined([_shaped(array(call.z), kind) for call in calls])
    if reached:
        dz = _unscaled(_joined([_shaped(array(call.dz), kind) for call in calls]), scale)
    else:
        dz = np.full_like(z, np.nan)
    if all(call.a is not None for call in calls):
        a = _joined([_shaped(array(call.a), kind) for call in calls])
    else:
        a = z if function is None else function.op()(z)
    x = dy = None
    plain = kind == "Linear" or kind in CONVOLUTIONS
    if plain and reached and all(call.dy is not None and call.x is not None for call in calls):
        x = _joined([_shaped(array(call.x), kind) for call in calls])
        dy = dz
        if calls[0].normalized:
            dy = _unscaled(_joined([_shaped(array(call.dy), kind) for call in calls]), scale)
        if not len(x) == len(dy) == len(z):
            x = dy = None
    return Tap(z, dz, a, function, reached, x, dy)


def _unscaled(numbers, scale):
    return numbers if scale == 1 else numbers / np.float32(scale)


def _shaped(numbers, kind):
    """(n, units), (n, T, units) or (n, channels, rows, columns), as views have it."""
    if kind in CONVOLVES:
        spatial = int(kind[-2])
        if numbers.ndim == spatial + 1:  # one sample without a batch
            numbers = numbers[None]
        if spatial == 1:
            return numbers[:, :, None]
        return numbers.reshape(*numbers.shape[:2], -1, numbers.shape[-1])  # of volumes, one slice under the other
    if numbers.ndim == 1:
        return numbers[None]
    return numbers if numbers.ndim < 4 else numbers.reshape(-1, *numbers.shape[-2:])


def _joined(arrays):
    if len(arrays) == 1:
        return arrays[0]
    if len({each.shape[1:] for each in arrays}) == 1:
        return np.concatenate(arrays)
    units = {each.shape[-1] for each in arrays}  # of sequences of different lengths every moment is one sample
    if len(units) == 1 and arrays[0].ndim < 4:
        return np.concatenate([each.reshape(-1, each.shape[-1]) for each in arrays])
    return arrays[-1]
