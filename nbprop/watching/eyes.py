"""The hooks by which a loop of PyTorch is seen.

Only in a step that is looked into is anything hooked to the modules; in all others a step costs two calls, of the hooks
before and after an optimizer's step. No hook changes a number.
"""

import time
from typing import Any

import numpy as np

from nbprop.record.layers import Layer, unit_axis
from nbprop.record.observation import Observation
from nbprop.record.source import CannotSay

from . import functions, graph
from .calls import Call, array, tap
from .losses import Losses, scale_of

CALLS = 256  # of one module in a step are kept at most: a cell that is called at every moment of a sequence


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
        self._looking = False
        self._following: Any = None
        self._functions: dict[Any, Any] = {}
        self._hooks: list[Any] = []  # on modules, while a step is looked into
        self._calls: dict[str, list[Call]] = {}
        self._nodes: dict[int, Call] = {}
        self._done: dict[str, Any] = {}  # name of a layer -> (calls, scale), of those whose optimizer has stepped
        self._stepped: set[str] = set()  # optimizers that have, in this round
        self._before: Any = None
        self._known: Any = None  # shapes of the graph that wires and functions were found for, and these
        self.losses = Losses(torch, criterion)
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
        """name -> module of what is hooked, and the names of what cannot be looked into: compiled or scripted."""
        self._modules, closed, script = {}, [], self._torch.jit.ScriptModule
        for title, model in self._models.items():
            for name, module in model.named_modules():
                full = ".".join(part for part in (title, name) if part)
                if any(full == each or full.startswith(f"{each}.") or not each for each in closed):
                    continue
                compiled = hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
                if compiled or isinstance(module, script):
                    closed.append(full)
                else:
                    self._modules[full] = module
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

    def _guard(self, function, *given):
        """An error of ours ends nobody's training."""
        try:
            return function(*given)
        except Exception as error:
            self._unhook()
            if self._loop is not None:
                self._loop.failed(error)

    # ---- a step that is looked into ----------------------------------------------------------------------------------

    def look(self, wanted: bool) -> None:
        """Whether the next step is looked into."""
        self._unhook()
        self.cost = 0.0
        self._looking = wanted
        if not wanted:
            return
        for name, module in self._modules.items():
            if any(p.ndim > 1 for p in module.parameters(recurse=False)):
                self._hooks.append(module.register_forward_hook(self._weighted_hook(name)))
            elif functions.is_activation(module) or "Norm" in type(module).__name__:
                self._hooks.append(module.register_forward_pre_hook(self._follows))
                self._hooks.append(module.register_forward_hook(self._followed))
        self.losses.look()

    def _unhook(self):
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        for call in [call for calls in self._calls.values() for call in calls]:
            call.let_go()
        for calls, _ in self._done.values():
            for call in calls:
                call.let_go()
        self._calls, self._nodes, self._done, self._before = {}, {}, {}, None
        self._following = None

    def _weighted_hook(self, name):
        def hook(module, inputs, output):
            self._timed(self._weighted, name, module, inputs, output)

        return hook

    def _timed(self, function, *given):
        begun = time.perf_counter()
        self._guard(function, *given)
        self.cost += time.perf_counter() - begun

    def _weighted(self, name, module, inputs, output):
        """A module with weights has given something."""
        calls = self._calls.setdefault(name, [])
        z = _tensor(output)
        if z is None or not self._torch.is_grad_enabled() or name in self._done or len(calls) >= CALLS:
            return
        x = next((each.detach() for each in inputs if self._torch.is_tensor(each)), None)
        call = Call(name, module, x, z.detach().clone(), z.grad_fn)
        calls.append(call)
        if z.requires_grad:
            self._nodes[id(z.grad_fn)] = call
            call.handles.append(z.register_hook(lambda dz: self._timed(call.gradient, dz)))

    def _follows(self, module, inputs):
        """An activation or a normalization is about to be called: behind which layer?"""
        node = getattr(inputs[0], "grad_fn", None) if inputs else None
        self._following = self._nodes.get(id(node))

    def _followed(self, module, inputs, output):
        self._timed(self._follow, module, output)

    def _follow(self, module, output):
        call, self._following = self._following, None
        y = _tensor(output)
        if call is None or y is None or call.z is None:
            return
        if functions.is_activation(module):
            call.a, call.activation = y.detach().clone(), self._activation(module)
        elif y.grad_fn is not None:  # what the activation gets is what the normalization gives
            first, call.normalized = call.handles.pop(), True
            first.remove()
            call.handles.append(_node_hook(call.node, lambda dy: self._timed(call.weighted, dy)))
            call.z, call.node = y.detach().clone(), y.grad_fn
            self._nodes[id(y.grad_fn)] = call
            call.handles.append(y.register_hook(lambda dz: self._timed(call.gradient, dz)))

    def _activation(self, module):
        """nbprop's activation for a module, made once: its settings are not expected to change."""
        if module not in self._functions:
            self._functions[module] = functions.of_module(module)
        return self._functions[module]

    # ---- the optimizers' steps ---------------------------------------------------------------------------------------

    def _before_update(self, name):
        if not self._looking:
            return
        begun = time.perf_counter()
        if name in self._stepped:  # the round is over already
            self._end_round()
            if not self._looking:
                return
        if self._before is None:
            self._before = self.theta()
        mine = {id(p) for group in self._optimizers[name].param_groups for p in group["params"]}
        scale = scale_of(self._torch)
        for layer, calls in self._calls.items():
            if layer not in self._done and any(id(p) in mine for p in self._modules[layer].parameters(recurse=False)):
                self._done[layer] = calls, scale
        self.cost += time.perf_counter() - begun

    def _after_update(self, name):
        self.losses.stepped(name, scale_of(self._torch))
        if name in self._stepped and not self._looking:
            self._guard(self._end_round)
        self._stepped.add(name)
        if len(self._stepped) == len(self._optimizers):
            self._end_round()

    def _end_round(self):
        self._stepped.clear()
        loop = self._loop
        if loop is None or loop.told_itself:
            return
        self.end(loop)

    def told(self, loop: Any, loss: Any) -> None:
        """`run.step(loss)`: the loop says that a step is over."""
        loop.told_itself = True
        self.losses.told(loss)
        self.end(loop)

    def end(self, loop: Any) -> None:
        """A step is over."""
        begun = time.perf_counter()
        seen = self._guard(self._seen) if self._looking else None
        self.cost += time.perf_counter() - begun
        loss, more = self.losses.taken()
        loop.end_step(loss, seen, **more)

    def _seen(self):
        """The Observation of a step that was looked into."""
        for name, calls in self._calls.items():
            self._done.setdefault(name, (calls, scale_of(self._torch)))
        there = {name: given for name, given in self._done.items() if given[0]}
        names = [name for name in self._calls if name in there]
        calls = [there[name][0] for name in names]
        if not names and self._modules and not self._before_known():
            return None
        key = tuple(
            (name, len(each), tuple(call.z.shape[1:] for call in each[:1]))
            for name, each in zip(names, calls, strict=True)
        )
        if self._known is None or self._known[0] != key:
            self._known = key, *graph.found(calls, self.losses.roots())
        self.wires, behind = self._known[1:]
        layers, taps = [], []
        for i, name in enumerate(names):
            each, scale = there[name]
            function = next((call.activation for call in each if call.activation is not None), None)
            one = tap(each, behind[i] if function is None and each[0].a is None else function, scale)
            layers.append(self._layer(name, each[0].module, one))
            taps.append(one)
        after = self.theta()
        seen = Observation(
            layers, taps, after, self._gradient(), np.nan if self.losses.last is None else self.losses.last,
            before=self._before, after=after,
        )  # fmt: skip
        return seen

    def _before_known(self):
        return self._before is not None

    def _layer(self, name, module, tap):
        weights = [p for p in module.parameters(recurse=False) if p.ndim > 1 and p in self._parameters]
        places = [self._parameters[p] for p in weights]
        bias = getattr(module, "bias", None)
        units = tap.z.shape[unit_axis(tap.z)]
        place = self._parameters.get(bias) if self._torch.is_tensor(bias) and bias.shape == (units,) else None
        function = tap.activation.name if tap.activation is not None else "identity"
        shape = tuple(weights[0].shape) if len(weights) == 1 else ()
        groups = getattr(module, "groups", 1)
        weight = slice(places[0].start, places[-1].stop) if places else slice(0, 0)
        return Layer(_title(name, module), type(module).__name__, function, units, weight, shape, place, groups)

    # ---- what there is -----------------------------------------------------------------------------------------------

    def theta(self) -> np.ndarray:
        """All parameters, one vector of its own."""
        return self._flat(lambda parameter: parameter)

    def _gradient(self):
        return self._flat(lambda parameter: parameter.grad)

    def _flat(self, part):
        if not self._parameters:
            raise CannotSay("this loop is watched no more, and its model was let go")
        pieces = []
        for parameter, place in self._parameters.items():
            found = part(parameter)
            if found is None or found.is_meta:
                pieces.append(np.zeros(place.stop - place.start, np.float32))
            else:
                pieces.append(array(found).ravel())
        return np.concatenate(pieces)

    def activations(self, X: Any) -> "list[np.ndarray]":
        """What every layer gives for samples X (n, ...): with its activation."""
        was, names = self._looking, [layer.name for layer in self._loop.layers]
        self.look(True)
        try:
            with self._evaluating() as model:
                model(self._input(X)).detach()
            calls = {name: each for name, each in self._calls.items() if each}
            behind = self._known[2] if self._known is not None else []
            found = []
            for i, name in enumerate(names):
                one = next((each for key, each in calls.items() if _title(key, each[0].module) == name), None)
                if one is None:
                    raise CannotSay(f"{name} was not called")
                function = one[0].activation if one[0].a is not None or i >= len(behind) else behind[i]
                found.append(tap(one[-1:], function, 1.0).a)
            return found
        finally:
            self.look(was)

    def predict(self, X: Any, data: Any) -> np.ndarray:
        """What the model gives for samples, as probabilities where the data have classes."""
        with self._torch.no_grad(), self._evaluating() as model:
            output = _tensor(model(self._input(X)))
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
        first = next(iter(self._parameters))
        return self._torch.as_tensor(
            np.asarray(X), dtype=first.dtype if np.asarray(X).dtype.kind == "f" else None, device=first.device
        )

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
        self._kept, self._models, self._optimizers, self._modules, self._parameters = [], {}, {}, {}, {}
        self._functions = {}
        self._known = None

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


def _tensor(output):
    """The tensor in what a module gives: the first of a tuple or of a packed sequence."""
    for _ in range(3):
        if hasattr(output, "detach"):
            return output
        if isinstance(output, dict):
            output = next(iter(output.values()), None)
        elif isinstance(output, (tuple, list)) and output:
            output = output[0]
        else:
            return None
    return None


def _node_hook(node, function):
    """Call the function with the gradient of what that node gave."""
    return node.register_prehook(lambda gradients: function(gradients[0]) if gradients[0] is not None else None)
