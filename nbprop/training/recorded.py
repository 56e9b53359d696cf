"""One training step, recorded once and then replayed: the same ops on the same arrays, with new numbers in them."""

import numpy as np

from nbprop import nn
from nbprop.engine import Replay, Tensor, record

from .probes import Layer, Tap, unit_axis


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
        self.recurrent = None  # the op of the first recurrent layer

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
        self.replay = Replay(tape, loss)
        self._loss = loss.data
        self.recurrent = next((m.last for m in self.model.modules() if isinstance(m, nn.Recurrent)), None)
        for layer, z, a, activation in find_layers(self.model, tape.calls, self.replay.depends_on):
            self.layers.append(layer)
            self.taps.append(Tap(z.data, z.grad, a.data, activation))
        ends = np.cumsum([0, *(parameter.size for parameter in self.model.parameters())])
        places = [(layer.weight.start, layer.weight.stop) for layer in self.layers]
        self.places = np.searchsorted(ends, places).ravel()  # of their weights among the parameters


def find_layers(model, calls, used):
    """(Layer, z, a, activation module) for every module with a weight matrix and an output that is used, in order.

    `z` is what the activation gets: where a normalization follows the weights, what it gives.
    """
    found = []
    for module, given in calls:
        outputs = [one for one in (given if isinstance(given, tuple) else (given,)) if isinstance(one, Tensor)]
        if not outputs:
            continue
        output = next(filter(used, outputs), outputs[0])  # of a recurrent layer, the states or the last one alone
        weights = [value for value in vars(module).values() if isinstance(value, nn.Parameter) and value.ndim > 1]
        follows = found and output.inputs and output.inputs[0] is found[-1][1]
        if weights and used(output):
            found.append([weights, output, output, None, type(module).__name__])
        elif follows and isinstance(module, nn.Activation):
            found[-1][2:4] = output, module
        elif follows and any(isinstance(value, nn.Parameter) for value in vars(module).values()):
            found[-1][1:3] = output, output
    layers = []
    for i, (weights, z, a, activation, kind) in enumerate(found):
        name = "output" if i == len(found) - 1 else f"hidden {i + 1}"
        start, stop = _place(model.theta, weights[0])[0], _place(model.theta, weights[-1])[1]
        units, shape = z.shape[unit_axis(z)], weights[0].shape if len(weights) == 1 else ()
        function = activation.name if activation else "identity"
        layer = Layer(name, kind, function, units, slice(start, stop), shape)
        layers.append((layer, z, a, activation))
    return layers


def _place(theta, parameter):
    """Where a parameter lies in theta: start and stop."""
    offset = parameter.data.__array_interface__["data"][0] - theta.__array_interface__["data"][0]
    start = offset // theta.itemsize
    return start, start + parameter.size
