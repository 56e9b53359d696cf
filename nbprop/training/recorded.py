"""One training step, recorded once and then replayed: the same ops on the same arrays, with new numbers in them."""

import numpy as np

from nbprop import nn
from nbprop.engine import Replay, Tensor, record
from nbprop.record.layers import Tap, find_layers


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
