"""The numbers of a run, and nothing else: model, objective, optimizer and batches, one step at a time, and the full
state to go back to. No history, no threads, no clock: the same settings and seed give the same bits."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakMethod

import numpy as np

from nbprop import optim
from nbprop.data.trees import leaves
from nbprop.nn.likeness import unlike
from nbprop.nn.module import Module
from nbprop.nn.parameter import changes
from nbprop.record.diverged import Diverged, first_not_finite, not_finite_before
from nbprop.record.history import Event
from nbprop.record.observation import own_arrays

from . import makeup
from .compatibility import check_full_batch
from .following import check_followed, follow
from .knob import ACTIONS, KNOBS
from .left import Left
from .looking import Looking
from .past import Snapshot
from .remembered import carry, layout, moved_said
from .searching import search
from .step import EagerStep, RecordedStep
from .structure import Structure

NUMBERS = ("weights", "the optimizer's state")  # what can be changed so that all stays where it was
LOST = (  # of a copy: what is made anew from the rest
    "_recordings", "_made", "_observation", "_unrun", "_batch", "on_setting", "theta", "gradient", "_dL", "_parts",
    "_left", "_losses", "_layouts", "values",
)  # fmt: skip
DEFAULTS = {"batch_size": 32, "drop_last": False, "accumulate": 1, "clip": None, "clip_value": None, "l1": 0.0}


class Run(Looking):
    """optimizers: part of the objective -> optimizer that nobody else holds; "" where the loss is one.

    settings: those of DEFAULTS that are to be different."""

    def __init__(self, model, objective, optimizers, settings, seed) -> None:
        self.model, self.objective, self.seed = model, objective, seed
        self.settings = {**DEFAULTS, **settings, "block": None}
        self.steps = 0
        self._loss_was = math.nan  # of the last step; one that diverged at once has none
        self.said = ""  # what the last step has done to its learning rate by itself
        # The method that is called with name and value when somebody sets one of an optimizer's settings; weak, as the
        # optimizers' way to here is: a run that nobody holds any more gives its memory back at once.
        self.on_setting: WeakMethod[Callable[[str, Any], None]] | None = None
        self.rng = np.random.default_rng([seed, 4])  # of the objective: noise, augmentation
        self.theta, self._stamp, self._left = model.theta, changes(), None
        self._losses = []
        with self.looking():
            objective.check(model)
            objective.check_batches(model, self.settings)
            check_full_batch(optimizers, objective, model, self.settings)
        self.batches = objective.feed([seed, 0])
        self.own(optimizers)
        self.take_model()
        check_followed(self, objective, optimizers)

    def own(self, optimizers) -> None:
        """From now on these are the run's optimizers: who sets one of their settings turns a knob."""
        self.optimizers = optimizers
        for optimizer in optimizers.values():
            optimizer._owner = WeakMethod(self._set)

    def _set(self, optimizer, name, value):
        if (tell := self.on_setting and self.on_setting()) is None:
            raise AttributeError(f"this optimizer belongs to a run: set {name} of its trainer")
        part = next(part for part, one in self.optimizers.items() if one is optimizer)
        tell(name, {part: value} if len(self.optimizers) > 1 else value)

    @property
    def optimizer(self) -> optim.Optimizer:
        """The optimizer; of several parts, the first one's."""
        return next(iter(self.optimizers.values()))

    @property
    def bound(self) -> str:
        """Why no second run can go on from here beside this one; "" if one can."""
        if self.objective.generators():
            return (
                "its loss or augment draws from a random generator of its own, which both would share: let it take "
                "rng, as loss(model, batch, rng) of an nb.Objective does, or keep the generator in the model"
            )
        return self.batches.rewinds

    # ---- one step ----------------------------------------------------------------------------------------------

    def step(self, measure_update=False) -> float:
        """Forward, loss, backward, update. Returns the loss of the batch before the update; Diverged if any number of
        the step is not finite."""
        before, self._left = self.theta.copy() if measure_update else None, None
        if self._places:
            loss = self._in_turns()
        elif self.optimizer.gradient_free:
            loss = search(self)
        else:
            loss = self._gradient()
            self._update(loss, "", self.optimizers[""])
        self._loss_was = loss
        self.steps += 1
        if before is not None:
            self._watched = {"before": before, "after": self.theta.copy()}
        self.said = ""
        for optimizer in self.optimizers.values():
            if optimizer.__dict__["schedule"] is not None:
                self.said = follow(self)
                break
        return loss

    def _gradient(self):
        """Leaves the gradient of the next batch (the mean over several, with `accumulate`) in the model; the loss."""
        count = self.settings["accumulate"]
        return self._one_gradient() if count == 1 else self._mean([self._one_gradient] * count)

    def _mean(self, computations):
        """The same of several: of the gradients that they leave in the model, and of the losses that they give."""
        losses, total = [], np.zeros_like(self.gradient)
        for compute in computations:
            losses.append(compute())
            if not math.isfinite(losses[-1]):
                self._diverged(losses[-1])
            total += self.gradient
        np.divide(total, len(losses), out=self.gradient)
        return sum(losses) / len(losses)

    def _draw(self):
        batch = self.objective.draw(self.batches, self)  # by a function, perhaps, which plays with the model
        self._left_behind()
        return batch

    def _one_gradient(self, back=True):
        """The same of the next batch. Without back only the loss, and the gradient is 0."""
        objective, settings = self.objective, self.settings
        self._observation = None
        if self.not_replayed:
            return self._of_part("", self._draw(), back)
        indices = self.batches.next(settings["batch_size"], settings["drop_last"])
        recorded = self._recordings.get(len(indices))
        if recorded is None:
            recorded = self._record(indices)
            if recorded is None:  # it was declared static, and is not
                return self._of_part("", self._batch, back)
        self._made, self._batch = recorded, recorded.batch
        return recorded.run(objective.X, objective.target, indices, back)

    def _record(self, indices):
        """A recorded step for batches of that size; None if a declaration that it may be replayed proves wrong."""
        recorded = RecordedStep(self.model, self.objective, len(indices))
        if self._declared:
            self._batch = self.objective.batch(indices)
            self.not_replayed = recorded.differs(self.objective, indices)
            if self.not_replayed:
                return None
            recorded = RecordedStep(self.model, self.objective, len(indices))  # its first run is to be the recording
        self._recordings[len(indices)] = recorded
        return recorded

    def _of_part(self, part, batch, back=True):
        """Leaves the gradient of a part of the loss in the model; the loss."""
        objective, model, self._batch = self.objective, self.model, batch
        if not isinstance(self._made, EagerStep):
            self._made = EagerStep(model)
        loss = self._made.run(lambda: objective.loss(model, batch, self.rng, part), back)
        self._made.check(objective.losses[part], self._module(part), part)
        self._left_behind()
        return loss

    def _in_turns(self):
        """One update of each part's own module, with the same batch; the sum of the losses."""
        batches = [self._draw() for _ in range(self.settings["accumulate"])]
        self._observation, gradient = None, np.zeros_like(self.gradient)
        for part, place in self._places.items():
            computations = [partial(self._of_part, part, batch) for batch in batches]
            loss = computations[0]() if len(batches) == 1 else self._mean(computations)
            self.losses[part] = loss
            self._update(loss, part, self.optimizers[part])
            gradient[place] = self._dL[place]
        self._dL = gradient
        return sum(self.losses.values())

    def _update(self, loss, part, optimizer):
        """Check the gradient, add penalties, clip, and let the optimizer change the parameters of that part."""
        theta, gradient, frozen, module = self._parts[part]
        for place in self._frozen:
            self.gradient[place] = 0
        norm = loss + gradient.dot(gradient)  # infinite also where only the square is too large
        if not (math.isfinite(norm) or (math.isfinite(loss) and np.isfinite(gradient).all())):
            self._diverged(loss)
        settings, self._dL = self.settings, self.gradient  # what backward gave, whatever becomes of it
        l1, clip, clip_value = settings["l1"], settings["clip"], settings["clip_value"]
        if l1 or clip is not None or clip_value is not None:
            self._dL = self.gradient.copy()
            if l1:
                gradient += l1 * np.sign(theta)
                for place in self._frozen:
                    self.gradient[place] = 0
            if clip_value is not None:
                optim.clip_grad_value(gradient, clip_value)
            if clip is not None:
                optim.clip_grad_norm(gradient, clip)
        optimizer.update(theta, gradient, frozen, module)
        square = theta.dot(theta)
        if not math.isfinite(square) and not np.isfinite(theta).all():
            self.steps += 1
            self._diverged(loss, updated=True)

    def _diverged(self, loss, updated=False):
        step = self.steps if updated else self.steps + 1
        outside = None
        if self._unsound or not updated:
            outside = not_finite_before(self.layers, leaves(self._batch), self.theta)
        raise Diverged(step, *(outside or first_not_finite(self.layers, self.taps, self.gradient, self.theta, loss)))

    # ---- the model, looked at anew when it has changed ---------------------------------------------------------------

    @property
    def stale(self) -> bool:
        """Whether something may have been exchanged that has not been looked at yet: cheap."""
        return changes() != self._stamp

    def leave(self) -> None:
        """From here on somebody may change things in code: keep what there is now, so that it is noticed."""
        if self._left is None:
            self._look_anew()
            self._left = Left(self)

    def _look_anew(self):
        """What modules of the user's own have made of their lists and dicts while they were called is no edit."""
        if self.structure.own:
            self.structure = Structure(self.model)
        self._losses = [(Structure(loss) if made.own else made, loss) for made, loss in self._losses]

    def edited(self) -> str:
        """What somebody has changed since the run was left alone, other than by a knob: "structure" (modules,
        attributes, flags, arrays exchanged), "loss", "weights", ...; "" for nothing."""
        theta = self.model.theta  # which sees, too, what was changed inside a list
        if changes() != self._stamp:
            if theta is not self.theta or not self.structure.same(self.model):
                return "structure"
            if not all(each.same(loss) for each, loss in self._losses):
                return "loss"
            self._stamp = changes()  # it was another model
        if self._left is None:
            return ""
        if self.structure.own and not self.structure.same(self.model):
            return "structure"
        if any(made.own and not made.same(loss) for made, loss in self._losses):
            return "loss"
        return self._left.changed(self)

    def take_edited(self, what) -> str:
        """Go on with a model that somebody has changed, as `edited` says: what optimizers remember of a parameter goes
        with it, and the groups that it belongs to; words about these."""
        if what in NUMBERS:  # all is where it was
            self._observation, self._left, self._unsound = None, None, not np.isfinite(self.theta).all()
            return ""
        groups = self._groups()
        for part, optimizer in self.optimizers.items():
            old, new = self._layouts[part], layout(self._module(part))
            if list(map(id, old)) != list(map(id, new)) or list(old.values()) != list(new.values()):
                carry(optimizer, old, new)
        self.take_model()
        return moved_said(groups, self._groups())

    def _groups(self):
        return [group for optimizer in self.optimizers.values() for group in optimizer.groups]

    def _module(self, part):
        return self.objective.module(self.model, part)

    def take_model(self) -> None:
        """Everything that depends on what the model is made of."""
        self._recordings, self._made = {}, None
        self._observation, self._watched = None, {}  # theta before and after the last step that was watched
        self.losses = {}  # of each part, in the last step
        self.theta, self.gradient = self.model.theta, self.model.gradient
        self._dL = self.gradient
        self.structure, self._left, self._unsound = Structure(self.model), None, not np.isfinite(self.theta).all()
        losses = [loss for loss in self.objective.losses.values() if isinstance(loss, Module)]
        self._losses, self._stamp = [(Structure(loss), loss) for loss in losses], changes()
        self._layouts = {part: layout(self._module(part)) for part in self.optimizers}
        self._frozen = self.model.frozen_slices()
        several = len(self.optimizers) > 1 or "" not in self.objective.losses
        self._places = {part: self._place(part) for part in self.objective.losses} if several else {}
        self._parts = {}  # part -> its parameters, their gradient, and which of them are frozen
        for part, place in (self._places or {"": slice(0, self.theta.size)}).items():
            frozen = [s for s in self._frozen if place.start <= s.start and s.stop <= place.stop]
            within = [slice(s.start - place.start, s.stop - place.start) for s in frozen]
            self._parts[part] = self.theta[place], self.gradient[place], within, self._module(part)
        why, declared = self.objective.not_static(self.model), unlike(self.model)
        self.not_replayed, self._declared = (
            why or declared,
            self.objective.static or any(module.static for module in self.model.modules()),
        )
        self._foreign = bool(self.not_replayed or self._declared or self.objective.metrics)
        self._unrun = None
        self.read_knobs()

    def read_knobs(self) -> None:
        """What the knobs stand at."""
        self.values = {name: knob.read(self) for name, knob in KNOBS.items()}
        self.places = {kind: len(found(self.model)) for kind, found in makeup.PLACES.items()}

    def _place(self, part):
        """Where in theta the parameters of a part's module lie."""
        theta = self._module(part).theta
        start = (theta.__array_interface__["data"][0] - self.theta.__array_interface__["data"][0]) // theta.itemsize
        return slice(start, start + theta.size)

    @property
    def epoch(self) -> float:
        return self.batches.epoch

    # ---- turning knobs -----------------------------------------------------------------------------------------

    def apply(self, name, value) -> Any:
        """Turn one knob, or do an action; parameters, optimizer state and the place in the data are kept as far as they
        still fit. The same on the same state does the same again."""
        knob: Any = KNOBS.get(name) or ACTIONS[name]
        self._left = None
        groups, before = self._groups(), self.values.get(name)
        said = knob.apply(self, value)
        if name not in ("groups", "optimizer") and (moved := moved_said(groups, self._groups())):
            said = said or (Event(self.steps, name, before, value).text if name in KNOBS else "")
            said = ", ".join(filter(None, [said, moved]))
        if name not in KNOBS or knob.graph or changes() != self._stamp:
            self.take_model()
        else:
            if name == "theta":
                self._observation, self._unsound = None, not np.isfinite(self.theta).all()
            self.read_knobs()
        return said

    # ---- the full state ----------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Without what is made anew from the rest."""
        return {name: value for name, value in vars(self).items() if name not in LOST}

    def __setstate__(self, state) -> None:
        vars(self).update(state, on_setting=None, _left=None)
        self.own(self.optimizers)
        self.take_model()

    def own_arrays(self) -> list[tuple[str, np.ndarray]]:
        """(name, array) of those that modules of the user's own keep, of the model's and of the loss."""
        return own_arrays(self.model, *(loss for _, loss in self._losses))

    def snapshot(self, edited=0) -> Snapshot:
        if not self.structure.current:
            self.structure = Structure(self.model)
        self._losses = [(made if made.current else Structure(loss), loss) for made, loss in self._losses]
        generators = [*self.model.generators(), *makeup.generators(self), *self.objective.generators(), self.rng]
        return Snapshot(
            self.steps,
            dict(self.settings),
            self.objective,
            self.structure,
            [each for each, _ in self._losses],
            self.theta.copy(),
            [array.copy() for _, array in self.model.named_buffers()],
            [(generator, generator.bit_generator.state) for generator in generators],
            {part: optimizer.copy() for part, optimizer in self.optimizers.items()},
            self.batches.state(),
            [(array, array.copy()) for _, array in self.own_arrays() if array.flags.writeable],
            edited,
        )

    def restore(self, snapshot, knobs=True) -> None:
        """Make it so again. knobs: False leaves `values` for a `read_knobs` later, which takes longer than a step."""
        same = self._made_as(snapshot)
        if snapshot.objective is not self.objective:
            self.batches = snapshot.objective.feed([self.seed, 0])
        self.batches.restore(snapshot.batches)
        self.settings, self.objective, self.steps = dict(snapshot.settings), snapshot.objective, snapshot.step
        for each in () if same else (snapshot.structure, *snapshot.losses):
            each.restore()
        snapshot.fill(self.model)
        self.own({part: optimizer.copy() for part, optimizer in snapshot.optimizers.items()})
        if not same:
            self.take_model()
            return
        self._made, self._observation, self._watched, self.losses = None, None, {}, {}
        self._dL, self._left, self._unsound = self.gradient, None, not np.isfinite(self.theta).all()
        if knobs:
            self.read_knobs()

    def _made_as(self, snapshot):
        """Whether all is made as in a snapshot and only the numbers may differ: what was recorded of it stays good."""
        made = [(self.structure, self.model), *self._losses]
        then = [(snapshot.structure, self.model), *((each, each.modules[0][0]) for each in snapshot.losses)]
        known = {id(loss) for _, loss in self._losses}
        return (
            snapshot.objective is self.objective
            and all(id(loss) in known for _, loss in then[1:])
            and all(each.current or each.same(of) for each, of in {id(one[0]): one for one in made + then}.values())
            and self.model.theta is self.theta
        )
