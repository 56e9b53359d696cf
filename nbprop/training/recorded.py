"""One training step, recorded once and then replayed: the same ops on the same arrays, with new numbers in them."""

import numpy as np

from nbprop import nn
from nbprop.engine import Replay, Tensor, record

from .probes import Layer, Tap


class RecordedStep:
    """Forward and backward pass of `loss(model(x), y)` for batches of one size.

    The first `run` records (in eager mode), every later one replays; both give the same bits. After a run,
    `model.gradient` holds the gradient, and `taps` the arrays of every layer.
    """

    def __init__(self, model, loss, X, y, batch_size):
        self.model, self.loss = model, loss
        self.x = Tensor(np.empty((batch_size, *X.shape[1:]), X.dtype))
        self._x = self.x.data
        self.y = np.empty((batch_size, *y.shape[1:]), y.dtype)
        self.replay = None
        self.taps = []
        self.layers = []

    def run(self, X, y, batch):
        """Loss (float) of the samples `batch` of X and y; leaves their gradient in the model."""
        X.take(batch, axis=0, out=self._x, mode="clip")  # the other modes copy first
        y.take(batch, axis=0, out=self.y, mode="clip")
        if self.replay is None:
            self._record()
        else:
            self.replay.forward()
        self.replay.backward()
        return float(self._loss)

    def _record(self):
        with record() as tape:
            loss = self.loss(self.model(self.x), self.y)
        found = _find_layers(self.model, tape.calls)
        self.replay = Replay(tape, loss)
        self._loss = loss.data
        self.layers = [layer for layer, *_ in found]
        self.taps = [Tap(z.data, self.replay.gradient_of(z), a.data, f) for _, z, a, f in found]


def _find_layers(model, calls):
    """(Layer, z, a, activation module) for every module with a weight that was called, in the order of the calls."""
    found = []
    for module, output in calls:
        weight = getattr(module, "weight", None)
        if weight is not None:
            found.append([module, output, output, None])
        elif isinstance(module, nn.Activation) and found and module_input(output) is found[-1][1]:
            found[-1][2:] = output, module
    theta = model.theta
    layers = []
    for i, (module, z, a, activation) in enumerate(found):
        start = (
            module.weight.data.__array_interface__["data"][0] - theta.__array_interface__["data"][0]
        ) // theta.itemsize
        name = "output" if i == len(found) - 1 else f"hidden {i + 1}"
        layer = Layer(
            name,
            type(module).__name__,
            activation.name if activation else "identity",
            z.shape[-1],
            slice(start, start + module.weight.size),
        )
        layers.append((layer, z, a, activation))
    return layers


def module_input(output):
    return output.inputs[0] if output.inputs else None
