"""The hooks by which a loop of PyTorch is seen.

Only in a step that is looked into is anything hooked to forward passes, and that to PyTorch and not to the modules, so
that a copied or saved model has nothing of it (a loss module that is given has a hook); in all other steps a step costs
the hooks before and after an optimizer's step, and a look at the gradients at each backward pass. No hook changes a
number.
"""

import math
import threading
import time
from typing import Any

import numpy as np

from nbprop.record.layers import Wire
from nbprop.record.observation import Observation
from nbprop.record.source import CannotSay

from . import graph
from .answers import Evaluating, given, predicted
from .calls import array
from .following import Following, is_followed
from .given import one_number
from .losses import Losses, scaler_here, unless_compiled
from .parts import layers_of, matrices, parts_of, wired
from .round import Round

NOBODY = (
    "No layer is seen: no module with a matrix of weights was called. Is the model called inside of a function that "
    "torch.compile has closed? Then leave that function as it is while you watch. Of models that keep their weights "
    "elsewhere, as those of Keras do, tell them: run = nb.watch(), run.observe(...)"
)
UNSEEN = (
    "The parameters change, but no optimizer's step is seen, as when torch.compile has closed it: write run.step(loss) "
    "behind it, or compile the model only"
)


class Eyes(Following):
    """models: name -> module. optimizers: name -> optimizer. cost: seconds that the hooks took in the last step."""

    def __init__(self, models: "dict[str, Any]", optimizers: "dict[str, Any]", criterion: Any) -> None:
        import torch

        self._torch = torch
        self._models, self._optimizers = models, optimizers
        self.compiled = self._find_modules()
        self._parameters = self._find_parameters()
        self.wires: list[Any] = []
        self.cost = 0.0
        self._loop: Any = None
        self._round: Round | None = None  # of a step that is looked into
        self._stepped: set[str] = set()  # optimizers that have made theirs
        self._functions: dict[Any, Any] = {}
        self._known: Any = None  # shapes of the graph that wires and functions were found for, and these
        self._taps: dict[str, Any] = {}  # name of a module -> its (Layer, Tap)s of when it was last called, in order
        self._before_it: Any = None  # steps, and versions of the parameters, when the last backward pass began
        self._changed_unseen = 0
        self.scaler: Any = None
        self.losses = Losses(torch, criterion, [*self._parameters], lambda: self._guard(self._begins))
        self._before_module, self._behind_module = (
            unless_compiled(torch, hook) for hook in (self._enters, self._leaves)
        )
        self._kept: list[Any] = [hook for name in optimizers for hook in self._around_steps(name)]

    def _around_steps(self, name):
        optimizer, torch = self._optimizers[name], self._torch
        before = unless_compiled(torch, lambda *_: self._guard(self._before_update, name))
        after = unless_compiled(torch, lambda *_: self._guard(self._after_update, name))
        return optimizer.register_step_pre_hook(before), optimizer.register_step_post_hook(after)

    def join(self, loop: Any) -> None:
        self._loop = loop

    def _find_modules(self):
        """Module -> its name, of what is hooked; the names of what cannot be looked into: compiled or scripted."""
        names, closed, script = {}, [], self._torch.jit.ScriptModule
        for title, model in self._models.items():
            for name, module in model.named_modules():
                full = ".".join(part for part in (title, name) if part)
                if any(full == each or full.startswith(f"{each}.") or not each for each in closed):
                    continue
                compiled = hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
                if compiled or isinstance(module, script):
                    closed.append(full)
                else:
                    names[module] = full
        self._weighted = {module: name for module, name in names.items() if matrices(module)}
        self._follow = {module for module in names if module not in self._weighted and is_followed(module)}
        return tuple(closed)

    def _find_parameters(self):
        """Parameter -> its place in theta, each once."""
        places, start = {}, 0
        for model in self._models.values():
            for parameter in model.parameters():
                if parameter not in places:
                    places[parameter] = slice(start, start + parameter.numel())
                    start += parameter.numel()
        return places

    # ---- backward passes and the optimizers' steps -------------------------------------------------------------------

    def _begins(self):
        """A backward pass begins. Where there is no gradient yet, what came before was of a step that was not made."""
        groups = {name: self._mine(name) for name in self._optimizers} or {"": [*self._parameters]}
        self._look_for_unseen_steps()
        if self.settle is not None:
            self.settle()
        none = {name: next((False for p in mine if p.grad is not None), True) for name, mine in groups.items()}
        if all(none.values()):
            self.losses.begins_anew()
        if self._round is not None:
            self._round.begins()
            for name, mine in groups.items():
                if none[name]:
                    self._round.begins_anew(self._layers_of(mine))

    settle: Any = None  # called when a step has begun

    def _look_for_unseen_steps(self):
        if self._loop is None or self._loop.told_itself or self._changed_unseen is None:
            return
        now = self._loop.steps, sum(p._version for p in self._parameters)
        if now[0]:
            self._changed_unseen = None  # steps are seen
        elif self._before_it is not None and self._before_it != now:
            self._changed_unseen += 1
            if self._changed_unseen == 2:  # once may be the weights of a file
                self._loop.message = UNSEEN
        self._before_it = now

    def _mine(self, name):
        return [p for group in self._optimizers[name].param_groups for p in group["params"] if p in self._parameters]

    def _layers_of(self, parameters):
        ids = {id(p) for p in parameters}
        return {name for module, name in self._weighted.items() if any(id(p) in ids for _, p in matrices(module))}

    def _before_update(self, name):
        self.losses.thread = threading.get_ident()
        begun = time.perf_counter()
        if name in self._stepped:  # the round is over already
            self._end_round()
        if self._round is not None and self._round.before is None:
            self._round.before = self.theta()
        self.cost += time.perf_counter() - begun

    def _after_update(self, name):
        self.losses.thread = threading.get_ident()
        scaler = scaler_here()
        scale = 1.0 if scaler is None else float(scaler.get_scale()) or math.nan  # of what was times 0 nothing is known
        self.scaler = scaler if self.scaler is None else self.scaler
        self.losses.stepped(name, scale)
        if self._round is not None:
            self._timed(self._take, name, scale)
        self._stepped.add(name)
        if len(self._stepped) == len(self._optimizers):
            self._end_round()

    def _take(self, name, scale):
        if self._round is not None:
            mine = self._mine(name)
            by = scale if getattr(self._optimizers[name], "grad_scale", None) is not None else 1.0
            self._round.take(self._layers_of(mine), mine, scale, by)

    def _end_round(self):
        self._stepped.clear()
        loop = self._loop
        if loop is not None and not loop.told_itself:
            self.end(loop)

    def told(self, loop: Any, loss: Any) -> None:
        """`run.step(loss)`: the loop says that a step is over."""
        self.losses.told(loop.heeded(lambda: one_number("step", "loss", loss)))
        if not loop.told_itself:
            loop.told_itself = True
            loop.message = "" if loop.message == UNSEEN else loop.message
            if self._optimizers and loop.steps:  # this one was seen already
                return
        if self._round is not None and not any(p.grad is not None for p in self._parameters):
            loop.message = "run.step(loss) came where there is no gradient: call it before zero_grad()"
        self.end(loop)

    def end(self, loop: Any) -> None:
        """A step is over."""
        begun = time.perf_counter()
        loss, more = self.losses.taken(next(iter(self._optimizers), ""))
        seen = self._guard(self._seen) if self._round is not None else None
        self.cost += time.perf_counter() - begun
        loop.end_step(loss, seen, **more)

    def leave(self, stop: Any) -> None:
        """Call stop(), which raises, where nothing is left half done: at once, or, as a GradScaler is in the middle of
        its step, when the next step begins, with a forward pass in training or a backward pass."""
        if self.scaler is None:
            stop()
        if self.losses.stop is not None:
            return
        mine = {module for model in self._models.values() for module in model.modules()}

        def enters(module, inputs):
            if module in mine and module.training and self._torch.is_grad_enabled() and self._mine_is_this_thread():
                stop()

        self.losses.stop = stop
        if not self.compiled:
            hook = unless_compiled(self._torch, enters)
            self._kept.append(self._torch.nn.modules.module.register_module_forward_pre_hook(hook))

    def _seen(self):
        """The Observation of a step that was looked into. A layer that was not called in it stands there as it was when
        it was last called; `missing` are their numbers."""
        made: Any = self._round
        for name, calls in made.calls.items():
            made.done.setdefault(name, (calls, 1.0))
        there = {name: given for name, given in made.done.items() if given[0]}
        names = [name for name in made.calls if name in there]
        calls = [there[name][0] for name in names]
        key = tuple(
            (name, len(each), each[0].z.shape[1:], sum(call.node is None for call in each))
            for name, each in zip(names, calls, strict=True)
        )
        if self._known is None or self._known[0] != key:
            parts = {name: parts_of(each[0].module, self._parameters) for name, each in zip(names, calls, strict=True)}
            self._known = key, *graph.found(calls, self.losses.roots), parts
        wires, behind, parts = self._known[1:]
        for i, name in enumerate(names):
            each, scale = there[name]
            try:
                function = next((call.activation for call in each if call.activation is not None), None)
                if function is None and each[0].a is None:
                    function = behind[i]
                self._taps[name] = layers_of(name, each[0].module, parts[name], self._parameters, each, function, scale)
            except Exception as error:  # one layer that cannot be seen does not take the others along
                self._loop.failed(error)
        if not self._taps:
            if self.losses.last is not None and not made.any and not self.compiled and not self._loop.told_itself:
                self._loop.message = NOBODY
            return None
        if self._loop.message == NOBODY:
            self._loop.message = ""
        if made.left_out:
            self._loop.said_once(
                f"Of {made.left_out + 1} and more micro-batches of a step a and dL/dz are of the newest: all of them "
                "are too large to be kept. dL/dW is of all"
            )
        found = [(name, *each) for name, pairs in self._taps.items() for each in pairs]
        if names == [*self._taps]:
            self.wires = wired(wires, [*parts.values()])
        elif len(self.wires) != len(found):
            self.wires = [Wire((i - 1,)) for i in range(len(found))]
        after = self.theta()
        seen = Observation(
            [layer for _, layer, _ in found], [one for *_, one in found], after, self._gradient(made),
            np.nan if self.losses.last is None else self.losses.last, before=made.before, after=after,
        )  # fmt: skip
        self.missing = [i for i, (name, *_) in enumerate(found) if name not in names]
        return seen

    tells_gradients = True
    missing: "list[int]" = []

    # ---- what there is -----------------------------------------------------------------------------------------------

    def theta(self) -> np.ndarray:
        """All parameters, one vector of its own."""
        return self._flat(lambda parameter: array(parameter))

    def _gradient(self, made):
        """All gradients, as the optimizers had them; 0 where there is none."""

        def part(parameter):
            if parameter in made.gradients:
                return made.gradients[parameter]
            return None if parameter.grad is None else array(parameter.grad)

        return self._flat(part)

    def _flat(self, part):
        if not self._parameters:
            raise CannotSay("this loop is watched no more, and its model was let go")
        pieces = []
        for parameter, place in self._parameters.items():
            found = None if parameter.is_meta else part(parameter)
            pieces.append(np.zeros(place.stop - place.start, np.float32) if found is None else found.ravel())
        return np.concatenate(pieces)

    def activations(self, X: Any) -> "list[np.ndarray]":
        """What every layer gives for samples X (n, ...): with its activation."""
        was, known = self._round is not None, dict(self._taps)
        self.look(True)
        made: Any = self._round
        try:
            with Evaluating(self._torch, self._models) as model:
                model(self._given(X))
            found = []
            for name, pairs in known.items():
                calls = made.calls.get(name)
                if not calls:
                    raise CannotSay(f"{pairs[0][0].name} is not called for samples alone")
                module, function = calls[-1].module, pairs[-1][1].activation
                parts = parts_of(module, self._parameters)
                now = layers_of(name, module, parts, self._parameters, calls[-1:], function, 1.0)
                found += [one.a for _, one in now]
            return found
        finally:
            self.look(was)

    def predict(self, X: Any, data: Any) -> np.ndarray:
        """What the model gives for samples, as probabilities where the data have classes."""
        with self._torch.no_grad(), Evaluating(self._torch, self._models) as model:
            return predicted(model(self._given(X)), data)

    def _given(self, X):
        return given(self._torch, X, next(iter(self._parameters)))

    def close(self) -> None:
        """Take all hooks away, and let the model go."""
        self.look(False)
        for hook in self._kept:
            hook.remove()
        self.losses.close()
        self._kept, self._models, self._optimizers, self._parameters = [], {}, {}, {}
        self._weighted, self._follow, self._functions, self._known = {}, set(), {}, None

    def __repr__(self) -> str:
        return ", ".join(type(model).__name__ for model in self._models.values()) or "no model"
