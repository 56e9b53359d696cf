"""The hooks by which a loop of PyTorch is seen.

Only in a step that is looked into is anything hooked to forward passes, and that to PyTorch and not to the modules, so
that a copied or saved model has nothing of it; in all other steps a step costs the hooks before and after an
optimizer's step, and a look at the gradients at each backward pass. No hook changes a number.
"""

import threading
import time
from typing import Any

import numpy as np

from nbprop.record.layers import Layer, unit_axis
from nbprop.record.observation import Observation
from nbprop.record.source import CannotSay

from . import functions, graph
from .calls import Call, array, tap
from .losses import Losses, scale_of
from .round import Round

NORMS = ("torch.nn.modules.batchnorm", "torch.nn.modules.normalization", "torch.nn.modules.instancenorm")


class Eyes:
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
        self._taps: dict[str, Any] = {}  # name of a layer -> (Layer, Tap) of when it was last called, in their order
        self.losses = Losses(torch, criterion, [*self._parameters], self._begins)
        self._kept = [
            hook
            for name, optimizer in optimizers.items()
            for hook in (
                optimizer.register_step_pre_hook(lambda *_, name=name: self._guard(self._before_update, name)),
                optimizer.register_step_post_hook(lambda *_, name=name: self._after_update(name)),
            )
        ]

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
        self._weighted = {module: name for module, name in names.items() if self._weights_of(module)}
        self._follow = {
            module
            for module in names
            if module not in self._weighted and (functions.is_activation(module) or type(module).__module__ in NORMS)
        }
        return tuple(closed)

    def _weights_of(self, module):
        """The matrices of a module: its own, or those that stand for them (weight_norm, spectral_norm)."""
        if type(module).__name__ == "ParametrizationList":
            return []
        own = [p for p in module.parameters(recurse=False) if p.ndim > 1]
        if not own and hasattr(module, "parametrizations"):
            own = sorted((p for p in module.parametrizations.parameters() if p.ndim > 1), key=lambda p: p.numel())[-1:]
        return own

    def _find_parameters(self):
        """Parameter -> its place in theta, each once."""
        places, start = {}, 0
        for model in self._models.values():
            for parameter in model.parameters():
                if parameter not in places:
                    places[parameter] = slice(start, start + parameter.numel())
                    start += parameter.numel()
        return places

    def _guard(self, function, *given):
        """An error of ours ends nobody's training."""
        try:
            return function(*given)
        except Exception as error:
            self._let_go()
            if self._loop is not None:
                self._loop.failed(error)

    def _timed(self, function, *given):
        begun = time.perf_counter()
        self._guard(function, *given)
        self.cost += time.perf_counter() - begun

    # ---- a step that is looked into ----------------------------------------------------------------------------------

    def look(self, wanted: bool) -> None:
        """Whether the next step is looked into."""
        self._let_go()
        self.cost, self.losses.wanted = 0.0, wanted
        self.losses.roots.clear()
        if not wanted:
            return
        self._round = made = Round()
        if not self.compiled:  # PyTorch warns of hooks on everything where a module is compiled
            everywhere = self._torch.nn.modules.module
            made.hooks += [
                everywhere.register_module_forward_pre_hook(self._enters),
                everywhere.register_module_forward_hook(self._leaves),
            ]

    def _let_go(self):
        if self._round is not None:
            self._round.end()
        self._round = None

    def _enters(self, module, inputs):
        """An activation or a normalization is about to be called: behind which layer?"""
        if module in self._follow and self._round is not None:
            self._round.following = self._round.behind(getattr(inputs[0], "grad_fn", None)) if inputs else None

    def _leaves(self, module, inputs, output):
        if module in self._weighted:
            self._timed(self._called, module, inputs, output)
        elif module in self._follow:
            self._timed(self._followed, module, output)

    def _called(self, module, inputs, output):
        """A module with weights has given something."""
        found = [z for z in _tensors(output) if z.ndim and (z.is_floating_point())]
        name = self._weighted[module]
        if not found or self._round is None or not self._torch.is_grad_enabled() or name in self._round.done:
            return
        z, others = found[0], found[1:]
        x = next((each for each in inputs if self._torch.is_tensor(each)), None)
        if x is not None:  # a batch may lie in an array that is used again
            x = x.detach().clone() if x.grad_fn is None else x.detach()
        call = Call(name, module, x, z.detach().clone(), z.grad_fn)
        if z.requires_grad:
            call.handles.append(z.register_hook(lambda dz: self._came(call.gradient, dz)))
        if isinstance(module, self._torch.nn.RNNBase):
            for place, other in enumerate(each for each in others if each.requires_grad):
                call.others.append([other.detach().clone(), None])
                hook = other.register_hook(lambda dz, place=place: self._came(call.other, place, dz))
                call.handles.append(hook)
        self._round.add(call)

    def _came(self, take, *given):
        """A gradient has come back; in a backward pass, not where somebody asks for a gradient alone."""
        if self.losses.inside:
            self._timed(take, *given)

    def _followed(self, module, output):
        if self._round is None:
            return
        call, self._round.following = self._round.following, None
        y = next(iter(_tensors(output)), None)
        if call is None or y is None or call.z is None:
            return
        if functions.is_activation(module):
            call.a, call.activation = y.detach().clone(), self._activation(module)
        elif y.grad_fn is not None and call.node is not None:  # what the activation gets the normalization gives
            first, call.normalized = call.handles.pop(0), True
            first.remove()
            call.handles.append(_node_hook(call.node, lambda dy: self._came(call.weighted, dy)))
            call.z, call.node = y.detach().clone(), y.grad_fn
            self._round.at(call)
            call.handles.append(y.register_hook(lambda dz: self._came(call.gradient, dz)))

    def _activation(self, module):
        """nbprop's activation for a module, made once: its settings are not expected to change."""
        if module not in self._functions:
            self._functions[module] = functions.of_module(module)
        return self._functions[module]

    # ---- backward passes and the optimizers' steps -------------------------------------------------------------------

    def _begins(self):
        """A backward pass begins. Where there is no gradient yet, what came before was of a step that was not made."""
        groups = {name: self._mine(name) for name in self._optimizers} or {"": [*self._parameters]}
        none = {name: all(p.grad is None for p in mine) for name, mine in groups.items()}
        if all(none.values()):
            self.losses.begins_anew()
        if self._round is not None:
            for name, mine in groups.items():
                if none[name]:
                    self._round.begins_anew(self._layers_of(mine))

    def _mine(self, name):
        return [p for group in self._optimizers[name].param_groups for p in group["params"] if p in self._parameters]

    def _layers_of(self, parameters):
        ids = {id(p) for p in parameters}
        return {name for module, name in self._weighted.items() if any(id(p) in ids for p in self._weights_of(module))}

    def _before_update(self, name):
        self.losses.thread = threading.get_ident()
        begun = time.perf_counter()
        if name in self._stepped:  # the round is over already
            self._end_round()
        if self._round is not None and self._round.before is None:
            self._round.before = self.theta()
        self.cost += time.perf_counter() - begun

    def _after_update(self, name):
        scale = scale_of()
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
        self.losses.told(loss)
        if not loop.told_itself:
            loop.told_itself = True
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
            self._known = key, *graph.found(calls, self.losses.roots)
        wires, behind = self._known[1:]
        for i, name in enumerate(names):
            each, scale = there[name]
            try:
                function = next((call.activation for call in each if call.activation is not None), None)
                one = tap(each, behind[i] if function is None and each[0].a is None else function, scale)
                self._taps[name] = self._layer(name, each[0].module, one), one
            except Exception as error:  # one layer that cannot be seen does not take the others along
                self._loop.failed(error)
        if names == [*self._taps]:
            self.wires = wires
        elif len(self.wires) != len(self._taps):
            self.wires = [type(wires[0])((i - 1,)) for i in range(len(self._taps))] if wires else []
        if not self._taps:
            return None
        after = self.theta()
        seen = Observation(
            [layer for layer, _ in self._taps.values()], [one for _, one in self._taps.values()], after,
            self._gradient(made), np.nan if self.losses.last is None else self.losses.last,
            before=made.before, after=after,
        )  # fmt: skip
        self.missing = [i for i, name in enumerate(self._taps) if name not in names]
        return seen

    tells_gradients = True
    missing: "list[int]" = []

    def _layer(self, name, module, tap):
        weights = [p for p in self._weights_of(module) if p in self._parameters]
        places = [self._parameters[p] for p in weights]
        bias = getattr(module, "bias", None)
        units = tap.z.shape[unit_axis(tap.z)]
        place = self._parameters.get(bias) if self._torch.is_tensor(bias) and bias.shape == (units,) else None
        function = tap.activation.name if tap.activation is not None else "identity"
        shape = tuple(weights[0].shape) if len(weights) == 1 else ()
        groups = getattr(module, "groups", 1)
        weight = slice(places[0].start, places[-1].stop) if places else slice(0, 0)
        if weight.stop < weight.start:  # one of them lies elsewhere, for it is another layer's, too
            weight = max(places, key=lambda each: each.stop - each.start)
        return Layer(
            _title(name, module), type(module).__name__, function, units, weight, shape, place, groups
        )  # fmt: skip

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
            with self._evaluating() as model:
                model(self._input(X))
            found = []
            for name, (layer, one) in known.items():
                calls = made.calls.get(name)
                if not calls:
                    raise CannotSay(f"{layer.name} is not called for samples alone")
                found.append(tap(calls[-1:], one.activation, 1.0).a)
            return found
        finally:
            self.look(was)

    def predict(self, X: Any, data: Any) -> np.ndarray:
        """What the model gives for samples, as probabilities where the data have classes."""
        with self._torch.no_grad(), self._evaluating() as model:
            output = next(iter(_tensors(model(self._input(X)))), None)
        if output is None:
            raise CannotSay("the model gives no tensor")
        numbers = array(output)
        task = getattr(data, "task", "regression")
        if task == "binary" and numbers.shape[-1] == 1:
            return 1 / (1 + np.exp(-numbers))
        if task in ("binary", "multiclass", "classification") and numbers.shape[-1] > 1:
            e = np.exp(numbers - numbers.max(-1, keepdims=True))
            return e / e.sum(-1, keepdims=True)
        return numbers

    def _input(self, X):
        first, X = next(iter(self._parameters)), np.asarray(X)
        dtype = first.dtype if X.dtype.kind == "f" else None
        return self._torch.as_tensor(X, dtype=dtype, device=first.device)

    def _evaluating(self):
        if len(self._models) != 1:
            raise CannotSay("several models are watched: which of them is to say it?")
        return _Evaluating(self._torch, next(iter(self._models.values())))

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


class _Evaluating:
    """A model in evaluation mode, its generators as before afterwards."""

    def __init__(self, torch, model) -> None:
        self._torch, self._model = torch, model
        self._modes = [(module, module.training) for module in model.modules()]

    def __enter__(self) -> Any:
        self._random = self._torch.get_rng_state()
        self._model.eval()
        return self._model

    def __exit__(self, *error: Any) -> None:
        for module, training in self._modes:
            module.training = training
        self._torch.set_rng_state(self._random)


def _title(name, module):
    """What a layer is called: as in the model, but where that is a bare number."""
    return name if name and not name.isdecimal() else f"{type(module).__name__} {name}".strip()


def _tensors(output):
    """The tensors in what a module gives: of tuples, dicts and packed sequences all, the first one first."""
    if hasattr(output, "detach"):
        return [output]
    if isinstance(output, dict):
        return [tensor for each in output.values() for tensor in _tensors(each)]
    if isinstance(output, (tuple, list)):
        return [tensor for each in output for tensor in _tensors(each)]
    return []


def _node_hook(node, function):
    """Call the function with the gradient of what that node gave."""
    return node.register_prehook(lambda gradients: function(gradients[0]) if gradients[0] is not None else None)
