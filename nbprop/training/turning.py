"""Turning knobs while it trains, from any thread: checked at once, in effect between two steps."""

import math
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Unpack

import numpy as np

from nbprop import nn, optim
from nbprop.checks import number
from nbprop.data import Dataset, by_hand
from nbprop.record import Event, History

from . import knobs, makeup, surgery
from .acts import Acts
from .applying import Anew, optimizer_name
from .compatibility import check_batch_norm, check_full_batch
from .following import check_followed
from .hooks import Hooks
from .knob import ACTIONS, KNOBS, Knob, unknown
from .knobs import Turns
from .live import Live
from .past import Past
from .run import Run

LARGEST = 3e38  # a weight that float32 holds
MERGE = 1.0  # seconds: turns of the same knob that follow each other closer than this are one event (a dragged slider)
DRAGGED = ("set_weight", "set_bias")  # turns of the same one follow each other as those of a knob do
LOOKING = ("batch_size", "drop_last", "schedule", "optimizer", "sample_weights")  # with them something is computed, too
FIRST = ("optimizer", "data", "loss")  # others are checked against them


class Turning(knobs.Knobs, Live):
    """The part of a Trainer that a hand can reach."""

    history: History
    _run: Run
    _past: Past
    _acts: Acts
    _hooks: Hooks
    _requested: "dict[str, Any]"
    _turned: float
    evaluation: "dict[str, float]"
    _held: "tuple[Any, Any]" = (None, None)  # the hand that edited the data last, and the event of that

    @property
    def model(self) -> nn.Module:
        """The model that is trained."""
        return self._run.model

    def _notice(self, broken: bool = False) -> None:
        """Look whether somebody has changed the model other than by a knob, and so that the run can go on with it."""
        raise NotImplementedError

    def evaluate(self) -> "dict[str, float]":
        """Loss, accuracy and metrics now."""
        raise NotImplementedError

    def _tell(self, event: str, *news: Any) -> None:
        """Call the hooks of an event."""
        raise NotImplementedError

    def between(self, function: Callable[[], Any]) -> Any:
        """What a function gives that looks into the run, called between two steps; waits for it. What was changed in
        code is noticed before."""
        if self._alone and self._driving():  # there is nothing to notice
            return function()
        return super().between(lambda: self._noticed(function))

    def _noticed(self, function):
        if not self._stepping:
            self._notice()
        return function()

    def _leave(self):
        self._run.leave()

    @property
    def knobs(self) -> "Mapping[str, Knob[Any, Any]]":
        """The table of knobs: name -> Knob, whose `control` (a Slider, Choice or Switch of nbprop.record.controls, or
        None) describes what it can be turned by."""
        return MappingProxyType(KNOBS)

    def set(self, **changes: Unpack[Turns]) -> None:
        """Turn knobs: `trainer.set(lr=0.1, batch_size=8)`. Checked at once, in effect from the next step on."""
        if "speed" in changes:
            self.speed = changes.pop("speed")
        for name in changes:
            if name not in KNOBS:
                raise AttributeError(unknown(name))
        looks = any(KNOBS[name].looks or name in LOOKING for name in changes)
        looks = looks or self._run.stale
        self._ask(self.between(lambda: self._checked(changes)) if looks else self._checked(changes))

    def edit_data(self, edit: "Callable[[Dataset], Dataset]", hand: Any = None) -> None:
        """Learn from other data from the next step on, made of those that stand then:
        `trainer.edit_data(lambda data: data.with_points([[0.5, 1.0]], ["upper"]))`.

        A turn of its own, however soon it comes after another; but what comes with the same `hand`, whatever that is,
        goes on with the last turn, if nothing else was done meanwhile: the many moves of a drag are one.
        """
        self.post(lambda: self._edit_data(edit, hand))

    def _edit_data(self, edit, hand):
        made, held = edit(self.data), self._held
        if made is self.data:
            return
        on = hand is not None and held[0] == hand and bool(self.history.events) and self.history.events[-1] is held[1]
        self._turned = math.inf if on else -math.inf
        self.set(data=made)
        self._turned = -math.inf  # what comes next is no part of it
        self._held = hand, self.history.events[-1] if self.history.events else None

    def together(self, words: str, function: Callable[[], Any]) -> None:
        """Call a function that turns several knobs, or rewinds and turns one: `undo` takes all of it back as one thing,
        called `words`."""
        self.post(lambda: self._together(words, function))

    def _together(self, words, function):
        before = self._acts.done[-1] if self._acts.done else None
        self._turned = -math.inf  # no part of what a hand has just turned, nor of what it turns next
        try:
            function()
        finally:
            self._turned = -math.inf
            self._acts.join(before, words)

    def refusal(self, **changes: Unpack[Turns]) -> str:
        """Why `set(**changes)` would be refused, in words; "" if it would not. Nothing is turned."""
        try:
            if unknown_ones := [name for name in changes if name not in KNOBS]:
                return unknown(unknown_ones[0])
            self.between(lambda: self._checked(changes))
        except (TypeError, ValueError) as error:
            return str(error)
        return ""

    def _ask(self, wanted):
        self._requested.update(dict.fromkeys(wanted, wanted))
        self.post(lambda: self._turn(wanted))

    def _checked(self, changes) -> "dict[str, Any]":
        """Name of a knob -> the value to give it, in the order in which they are to be turned."""
        kept = ("hidden", "objective")
        wanted: dict[str, Any] = {name: turn[name] for name, turn in self._requested.items() if name in kept}
        asked, run = set(), self._run
        for name in sorted(changes, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
            knob, value = KNOBS[name], changes[name]
            if knob.through is not None:
                name, value = knob.through(run, value, wanted)
            else:
                value = knob.check(run, value, wanted)
            wanted[name] = value
            asked.add(name)
            if name == "optimizer" and "lr" not in changes and len(value) == 1:
                wanted["lr"] = value[""].lr
                asked.add("lr")
        objective: Any = wanted.get("objective", run.objective)
        if "objective" in asked:
            objective.check(run.model)
        if "sample_weights" in asked:
            objective = objective.turned(wanted["sample_weights"], objective.relabelled)
        if asked & {"objective", "batch_size", "drop_last", "sample_weights"}:
            with run.looking():
                objective.check_batches(run.model, {**run.settings, **wanted})
        check_full_batch(wanted.get("optimizer", run.optimizers), objective, run.model, {**run.settings, **wanted})
        if asked & {"objective", "schedule", "optimizer"}:
            check_followed(run, objective, wanted.get("optimizer", run.optimizers), wanted.get("schedule"))
        if wanted.get("batch_norm") and not run.values["batch_norm"]:
            check_batch_norm(objective, {**run.settings, **wanted})
        return {name: value for name, value in wanted.items() if name in asked}

    def _turn(self, wanted):
        try:
            for name, value in wanted.items():
                self._notice()  # before each: hooks are called of the one before
                run, old = self._run, self._run.values.get(name)
                if not _same(value, run.optimizers if name == "optimizer" else old):
                    before, count = run.objective, len(self.history.events)
                    serial, said = self._applied(name, value)
                    if name == "objective":
                        for half, was, now in _halves(before, value):
                            self._note(half, was, now, serial, count, said)
                    else:
                        new = value.get("", value) if name == "optimizer" else value
                        said = _begins_anew(old, new) or said
                        self._note(name, old, new, serial, count, said)
        finally:
            for name in wanted:
                if self._requested.get(name) is wanted:  # else another turn is on its way already
                    del self._requested[name]
            self._changed()
        if {"objective", "theta"} & wanted.keys():
            self.evaluation = self.evaluate()  # of what there is now; the history has those of their steps
            self._changed()

    def _applied(self, name, value):
        """Turn a knob: the number of the turn, and words about it. One that fails halfway has not been."""
        run, knob = self._run, KNOBS.get(name)
        before = run.snapshot() if knob is None or knob.graph or name == "theta" else None
        serial = self._past.turned(run.steps, name, value)
        try:
            with np.errstate(all="ignore"):  # a knob may look at a run that has diverged
                return serial, run.apply(name, value)
        except BaseException:
            self._past.cut(serial)
            if before is not None:
                run.restore(before)
            raise

    def _note(self, name, old, new, serial, count, said=None):
        """Add an event to the history; the many turns of a dragged slider become one."""
        now, events = time.perf_counter(), self.history.events
        merged = events and events[-1].name == name and now - self._turned < MERGE and events[-1].step <= self.steps
        again = merged and (name in KNOBS or (name in DRAGGED and events[-1].new[:-1] == new[:-1]))
        if again:
            old = events.pop().old
        event = Event(self.steps, name, old, new, said or (by_hand.said(old, new) if name == "data" else ""))
        self._acts.again(event.text) if again else self._acts.turn(event.text, self.steps, serial, count)
        self._turned = now
        if said or not _same(old, new):
            events.append(event)
            self._tell("turn", event)

    def _value(self, name: str) -> Any:
        """What was asked for last, whether or not the run has come to it yet."""
        requested, run = self._requested, self._run
        if name == "theta":
            return self.model.theta
        if name in ("depth", "width") and (turn := requested.get("hidden")):
            sizes = turn["hidden"]
            return len(sizes) if name == "depth" else max(sizes, default=0)
        if name == "hidden_activations" and (turn := requested.get("activation")):
            value = turn["activation"]
            return value if isinstance(value, tuple) else (value,) * len(run.values[name])
        if name in ("data", "loss") and (turn := requested.get("objective")):
            objective = turn["objective"]
            return objective.data if name == "data" else getattr(objective, "given", None)
        if turn := requested.get(name):
            value = turn[name]
            return value.get("", value) if name == "optimizer" else value
        if run.stale and not self._stepping:
            self.between(run.read_knobs)
        value = run.values[name]
        if value is None and name in ("hidden", "depth", "width"):
            makeup.dense_layers(self.model)  # which says why there are none
        return value

    # ---- single layers --------------------------------------------------------------------------------------------

    def freeze(self, *layers: "str | int", unit: "int | None" = None) -> None:
        """Train the weights and biases of these layers (names as in `layers`, or numbers) no more. unit: only those of
        this unit, or channel of a convolution."""
        if not layers:
            there = self.between(lambda: list(makeup.layers_of(self._run)))
            raise TypeError(f"freeze takes layers, as freeze({there[0]!r}); they are {', '.join(map(repr, there))}")
        names = self.between(lambda: [makeup.layer_named(self._run, layer) for layer in layers])
        if unit is None:
            self.set(frozen=tuple(dict.fromkeys([*self.frozen, *names])))
        else:
            self.set(frozen_units=(*self.frozen_units, *((name, unit) for name in names)))

    def unfreeze(self, *layers: "str | int", unit: "int | None" = None) -> None:
        """Train them again; without names, all, single units too."""
        names = self.between(lambda: [makeup.layer_named(self._run, layer) for layer in layers])
        if unit is not None:
            others = [each for each in self.frozen_units if each[1] != unit or (layers and each[0] not in names)]
            self.set(frozen_units=others)
        elif layers or not self.frozen_units:
            self.set(frozen=tuple(n for n in self.frozen if layers and n not in names))
        elif not self.frozen:
            self.set(frozen_units=())
        else:
            self.together("all unfrozen", lambda: self.set(frozen=(), frozen_units=()))

    def silence(self, layer: "str | int", *units: int) -> None:
        """Let these units (of a convolution: channels) of a layer give 0 from the next step on, in training and
        evaluation, and hand no gradient back. Their own weights get no gradient then, but weight decay and momentum act
        on them as ever; freeze them, too, to keep them. A turn, which `undo` takes back; `model.state_dict()` has
        numbers alone, not who is silenced, which `nb.save` and `save` keep."""
        name = self.between(lambda: makeup.layer_named(self._run, layer))
        if not units:
            raise TypeError(f"silence takes units of a layer, as silence({name!r}, 0); for all of n units *range(n)")
        self.set(silenced=(*self.silenced, *((name, unit) for unit in units)))

    def unsilence(self, layer: "str | int | None" = None, *units: int) -> None:
        """Let them speak again; without units, all of that layer; without a layer, all."""
        name = layer if layer is None else self.between(lambda: makeup.layer_named(self._run, layer))
        there = [each for each in self.silenced if name not in (None, each[0]) or (units and each[1] not in units)]
        self.set(silenced=there)

    # ---- single samples -------------------------------------------------------------------------------------------

    def drop_samples(self, *samples: int) -> None:
        """Leave these training samples out from the next step on, numbers from 0 as in data.X_train: none is drawn into
        a batch, nor counted in train_loss and train_accuracy. The order of the others stays, each batch is filled up.
        The same as a weight of 0; `weigh(*samples, weight=1)` takes them back. A turn, which `undo` takes back."""
        self.weigh(*samples, weight=0)

    def weigh(self, *samples: int, weight: float) -> None:
        """Multiply the loss of these training samples by a weight, `weigh(3, 7, weight=0.5)`, in training and in
        train_loss; the mean is still over all samples of a batch, as with sample_weight in Keras. 1 is as usual, 0
        leaves them out. A turn. ValueError where the losses of a batch cannot be told apart."""
        there = [pair for pair in self.sample_weights if pair[0] not in samples]
        self.set(sample_weights=[*there, *((sample, weight) for sample in samples)])

    def relabel(self, sample: int, label: "int | str | None") -> None:
        """Give a training sample another label, a class number or name; None: that of the data. `data` has it, too. A
        turn. ValueError for regression, and where a sample has several labels."""
        there: list[Any] = [pair for pair in self.relabelled if pair[0] != sample]
        self.set(relabelled=there if label is None else [*there, (sample, label)])

    # ---- what is done once ----------------------------------------------------------------------------------------

    def scale(self, layer: "str | int", factor: float) -> None:
        """Multiply the weights of a layer."""
        name = self.between(lambda: makeup.layer_named(self._run, layer))
        self._do("scale", (name, number(tip=0.5)("factor", factor)))

    def reinitialize(self, layer: "str | int", init: "str | None" = None) -> None:
        """Draw the weights of a layer anew, with its network's initializer or the one named; its biases become 0.
        layer: "all" for every layer that is trained, which is one turn."""
        name = "all" if layer == "all" else self.between(lambda: makeup.layer_named(self._run, layer))
        init = getattr(self.model, "init", "xavier") if init is None else init
        nn.initializer(init)
        self._do("reinitialize", (name, init))

    def set_weight(self, layer: "str | int", unit: int, source: int, value: float) -> None:
        """Give one weight of a Linear another value: that from its input `source` to its unit `unit`, both from 0. Of a
        Conv2d or Conv1d, weight `source` of the filter of channel `unit`, input channel by input channel, row by row.
        With momentum an optimizer goes on to move it as before."""
        name, unit, source = self.between(lambda: surgery.check_weight(self._run, layer, unit, source))
        self._do("set_weight", (name, unit, source, number(-LARGEST, LARGEST, tip=0.5)("value", value)))

    def set_bias(self, layer: "str | int", unit: int, value: float) -> None:
        """Give the bias of one unit another value."""
        name, unit, _ = self.between(lambda: surgery.check_weight(self._run, layer, unit, None))
        self._do("set_bias", (name, unit, number(-LARGEST, LARGEST, tip=0.5)("value", value)))

    def insert(self, at: int, units: "int | None" = None) -> None:
        """A new hidden layer at place `at` (0: before the first), by default as wide as the one before it, as near to
        the identity as it can be; the layer behind it is then fitted, by least squares over training samples, to say
        what it said. For networks of nb.nn.mlp."""
        self._do("insert", self.between(lambda: surgery.check_insert(self._run, at, units)))

    def remove(self, layer: "str | int") -> None:
        """Take a hidden layer out; the layer behind it is fitted likewise. For networks of nb.nn.mlp."""
        self._do("remove", self.between(lambda: surgery.check_remove(self._run, layer)))

    def widen(self, layer: "str | int", units: int) -> None:
        """Give one hidden layer another number of units; new ones start without a say."""
        name = self.between(lambda: surgery.check_remove(self._run, layer))
        at = list(makeup.layers_of(self._run)).index(name)
        sizes = list(self._value("hidden"))
        self.set(hidden=[*sizes[:at], units, *sizes[at + 1 :]])

    def _do(self, name, given):
        self.post(lambda: self._act(name, given))

    def _act(self, name, given):
        self._notice()
        count = len(self.history.events)
        serial, said = self._applied(name, given)
        words = ACTIONS[name].words(given) + (f", {said}" if said else "")
        self._note(name, None, given, serial, count, words)
        self._changed()


def _begins_anew(old, new):
    """Words about an optimizer in the place of one of its kind; "" for anything else."""
    if not isinstance(new, optim.Optimizer) or type(old) is not type(new):
        return ""
    was, now = old.settings(), new.settings()
    changed = [f"{name} {was[name]} → {now[name]}" for name in now if now[name] != was[name]]
    return ", ".join([f"{optimizer_name(new)} begins anew", *changed])


def _halves(old, new):
    """(name, old, new) of what is different in two objectives."""
    for name, was, now in (
        ("data", old.data, new.data),
        ("loss", getattr(old, "given", None), getattr(new, "given", None)),
    ):
        if not _same(was, now):
            yield name, was, now
    if not isinstance(new, type(old)) or not hasattr(new, "given"):
        yield "objective", old, new


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Anew):
        return False
    if isinstance(a, dict) and isinstance(b, dict) and all(isinstance(each, optim.Optimizer) for each in b.values()):
        return a.keys() == b.keys() and all(_same(each, b[part]) for part, each in a.items())
    if isinstance(a, optim.Optimizer) and isinstance(b, optim.Optimizer):
        return type(a) is type(b) and a.settings() == b.settings()
    return a is b or (isinstance(a, (int, float, str, tuple, optim.Schedule)) and type(a) is type(b) and a == b)
