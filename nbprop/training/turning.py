"""Turning knobs while it trains, from any thread: checked at once, in effect between two steps."""

import time

from nbprop import optim
from nbprop.record import Event

from . import knobs
from .fit import check_fit
from .resize import hidden_sizes

MERGE = 1.0  # seconds: turns of the same knob that follow each other closer than this are one event (a dragged slider)


def _knob(name, doc):
    def get(self):
        return self._setting(name)

    def turn(self, value):
        self.set(**{name: value})

    return property(get, turn, doc=doc)


class Turning:
    """The part of a Trainer that a hand can reach."""

    def set(self, **changes):
        """Turn knobs: `trainer.set(lr=0.1, batch_size=8)`. Checked at once, in effect from the next step on."""
        wanted = {}
        for name, value in changes.items():
            if name == "speed":
                self.speed = value
            elif name in ("depth", "width", "hidden"):
                sizes = wanted.get("hidden", self.hidden)
                wanted["hidden"] = knobs.hidden(value) if name == "hidden" else knobs.resized(sizes, **{name: value})
            elif name == "optimizer":
                wanted[name] = knobs.optimizer(value, knobs.lr(changes.get("lr", self.lr)))
                wanted["lr"] = wanted[name].lr
            elif name == "dropout":
                wanted[name] = knobs.dropout(value, self.dropout)
            elif name == "theta":
                wanted[name] = knobs.theta(value, self.model.theta)
            elif name in knobs.CHECKS:
                wanted[name] = knobs.CHECKS[name](value)
            else:
                raise AttributeError(knobs.unknown(name))
        if "loss" in wanted or "data" in wanted:
            check_fit(self.model, wanted.get("data", self.data), wanted.get("loss", self.loss))
        self._requested.update(dict.fromkeys(wanted, wanted))
        self.post(lambda: self._turn(wanted))

    def _turn(self, wanted):
        for name, value in wanted.items():
            old = self._run.settings.get(name)
            if not _same(value, old):
                self._run.apply(name, value)
                self._past.turned(self.steps, name, value)
                self._note(name, old, value)
            if self._requested.get(name) is wanted:  # else another turn is on its way already
                del self._requested[name]
        self._changed()

    def _note(self, name, old, new):
        """Add an event to the history; the many turns of a dragged slider become one."""
        now, events = time.perf_counter(), self.history.events
        if events and events[-1].name == name and now - self._turned < MERGE:
            old = events.pop().old
        self._turned = now
        if not _same(old, new):
            events.append(Event(self.steps, name, old, new))

    def _setting(self, name):
        """What was asked for last, whether or not the run has come to it yet."""
        turn = self._requested.get(name)
        return self._run.settings[name] if turn is None else turn[name]

    lr = _knob("lr", "Learning rate.")
    batch_size = _knob("batch_size", "Samples per step.")
    activation = _knob("activation", "Name of the activation of the hidden layers.")
    loss = _knob("loss", "Name of the loss.")
    data = _knob("data", "The Dataset. Another one must have inputs and outputs of the same shape; else use `reset`.")

    clip = _knob("clip", "Largest norm of the gradient: a larger one is scaled down to it; None: none is.")
    l1 = _knob("l1", "Weight of the L1 penalty: l1 * sign(theta) is added to the gradient.")

    dropout = _knob(
        "dropout",
        "Probability p of all nn.Dropout in the model, however deep inside; assigning (0 <= p < 1) makes them equal. "
        "A tuple where they differ; None where there are none, and then assigning raises ValueError.",
    )

    @property
    def theta(self):
        """All parameters as one flat array: a look at them. Assigning sets them, as a turn that rewinding repeats."""
        return self.model.theta

    @theta.setter
    def theta(self, value):
        self.set(theta=value)

    @property
    def optimizer(self):
        """The optimizer; assign one, or a name. A name keeps the learning rate."""
        turn = self._requested.get("optimizer")
        return self._run.optimizer if turn is None else turn["optimizer"]

    @optimizer.setter
    def optimizer(self, value):
        self.set(optimizer=value)

    @property
    def hidden(self):
        """Units of each hidden layer."""
        sizes = self._setting("hidden")
        return hidden_sizes(self.model) if sizes is None else sizes  # which raises for a model without sizes

    @hidden.setter
    def hidden(self, value):
        self.set(hidden=value)

    @property
    def depth(self):
        """Number of hidden layers. A new one is inserted before the output, as close to the identity as it can be."""
        return len(self.hidden)

    @depth.setter
    def depth(self, value):
        self.set(depth=value)

    @property
    def width(self):
        """Units in the widest hidden layer; assigning makes all equal. New units start without outgoing weights."""
        return max(self.hidden, default=0)

    @width.setter
    def width(self, value):
        self.set(width=value)


def _same(a, b):
    if isinstance(a, optim.Optimizer):
        return type(a) is type(b) and a.settings() == b.settings()
    return a is b or (isinstance(a, (int, float, str, tuple)) and a == b)
