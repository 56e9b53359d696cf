"""What hooks on forward passes see of a step that is looked into: what layers give, and what stands behind them."""

import threading
import time
from typing import Any

from . import functions
from .calls import Call, node_hook, tensors
from .losses import Losses
from .round import Round

NORMS = ("torch.nn.modules.batchnorm", "torch.nn.modules.normalization", "torch.nn.modules.instancenorm")
PASSES = ("torch.nn.modules.pooling", "torch.nn.modules.dropout")  # what an activation may stand behind


def is_followed(module: Any) -> bool:
    """Whether a module without a matrix says something of the layer before it."""
    return functions.is_activation(module) or type(module).__module__ in (*NORMS, *PASSES)


class Following:
    """The part of Eyes that is hooked to forward passes, and to the gradients that come back to what they gave."""

    compiled: "tuple[str, ...]"
    cost: float
    losses: Losses
    _torch: Any
    _loop: Any
    _round: "Round | None"
    _weighted: "dict[Any, str]"
    _follow: "set[Any]"
    _functions: "dict[Any, Any]"
    _before_module: Any
    _behind_module: Any

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
                everywhere.register_module_forward_pre_hook(self._before_module),
                everywhere.register_module_forward_hook(self._behind_module),
            ]

    def _let_go(self):
        if self._round is not None:
            self._round.end()
        self._round = None

    def _enters(self, module, inputs):
        """An activation, a normalization or the like is about to be called: behind which layer?"""
        if module in self._follow and self._round is not None and self._mine_is_this_thread():
            self._guard(self._follows, module, next(iter(tensors(inputs)), None))

    def _follows(self, module, x):
        made: Any = self._round
        call, passed = made.behind(x)
        if call is not None:
            z = x.detach().clone() if passed and functions.is_activation(module) else None  # it may act in place
            made.following = call, z, x.grad_fn

    def _leaves(self, module, inputs, output):
        if module in self._weighted and self._mine_is_this_thread():
            self._timed(self._called, module, inputs, output)
        elif module in self._follow:
            self._timed(self._followed, module, output)

    def _mine_is_this_thread(self):
        return self.losses.thread in (None, threading.get_ident())

    def _called(self, module, inputs, output):
        """A module with weights has given something."""
        found = [z for z in tensors(output) if z.ndim and (z.is_floating_point())]
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
        self._round.add(call, z)

    def _came(self, take, *given):
        """A gradient has come back; in a backward pass, not where somebody asks for a gradient alone."""
        if self.losses.inside:
            self._timed(take, *given)

    def _followed(self, module, output):
        made = self._round
        if made is None or made.following is None:
            return
        (call, z, node), made.following = made.following, None
        y = next(iter(tensors(output)), None)
        if y is None or call.z is None:
            return
        if functions.is_activation(module):
            if z is not None:
                self._moves(call, z, node, node and node_hook(node, lambda dz: self._came(call.gradient, dz)))
            call.a, call.activation = y.detach().clone(), self._activation(module)
        elif type(module).__module__ in NORMS:
            hook = y.register_hook(lambda dz: self._came(call.gradient, dz)) if y.requires_grad else None
            self._moves(call, y.detach().clone(), y.grad_fn, hook)
            made.at(call, y)
        else:
            made.at(call, y, passed=True)

    def _moves(self, call, z, node, hook):
        """What the activation gets is what something behind the weights gives."""
        if call.node is not None and not call.normalized:
            call.normalized = True
            call.handles.pop(0).remove()
            call.handles.insert(0, node_hook(call.node, lambda dy: self._came(call.weighted, dy)))
        elif call.node is not None:
            call.handles.pop().remove()
        call.z, call.node = z, node
        if hook is not None:
            call.handles.append(hook)

    def _activation(self, module):
        """nbprop's activation for a module, made once: its settings are not expected to change."""
        if module not in self._functions:
            self._functions[module] = functions.of_module(module)
        return self._functions[module]
