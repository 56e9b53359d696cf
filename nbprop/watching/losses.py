"""What the loss of a PyTorch loop is: what the loss module gives, what the backward pass begins from, or what the loop
says."""

import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

_WATCHING: "weakref.WeakSet[Losses]" = weakref.WeakSet()  # those who want to know from where a backward pass begins
_ORIGINAL: "list[Any]" = []  # torch.autograd.backward, while anybody does
MOST = 1024  # losses of one step, at most


class Losses:
    """criterion: a loss module, whose results are the losses; None: what backward passes begin from that reach any of
    the parameters. For that `torch.autograd.backward`, which `loss.backward()` calls, is exchanged while the loop is
    watched, and put back afterwards. begins(): called before such a pass. last: the loss of the last step.
    """

    def __init__(self, torch: Any, criterion: Any, parameters: "list[Any]", begins: "Callable[[], Any]") -> None:
        self._torch, self.last, self._parameters, self._begins = torch, None, parameters, begins
        self.thread: int | None = None  # that of the loop, once it is known
        self._depth: dict[int, int] = {}  # thread -> how deep it is in backward passes
        self.stop: Callable[[], Any] | None = None  # ends the loop when the next pass begins
        self.wanted = False  # are nodes of the graph wanted?
        self.roots: list[Any] = []  # those from which the passes of this step began
        self._came: list[Any] = []  # since the last optimizer's step: (thread, tensor, cut off)
        self._taken: dict[str, list[float]] = {}
        self._said: float | None = None
        self._hook = None
        if criterion is not None:
            hook = unless_compiled(torch, lambda module, inputs, output: self._note(output))
            self._hook = criterion.register_forward_hook(hook)
        self._by_module = criterion is not None
        _watch(torch, self)

    def marks(self) -> "list[Any]":
        """What the gradients are now, to see whether they change."""
        return [(p.grad, None if p.grad is None else p.grad._version) for p in self._parameters]

    @property
    def inside(self) -> bool:
        """Whether a backward pass is on its way."""
        return bool(self._depth)

    def begun(self, root: Any) -> Any:
        """A backward pass begins in this thread: what was noted of it."""
        thread = threading.get_ident()
        if self.stop is not None and thread == self.thread:
            self.stop()
        first = thread not in self._depth and self._torch.is_tensor(root) and root.numel() == 1
        if first and not self._depth:  # else another loop's thread is in the middle of one
            self._begins()
        self._depth[thread] = self._depth.get(thread, 0) + 1  # last: what fails before has not begun
        return root if first else None

    def ended(self, root: Any, marks: "list[Any]", done: bool) -> None:
        """It is over; one that has failed, or has reached nothing that is watched, had no loss of this loop."""
        thread = threading.get_ident()
        self._depth[thread] -= 1
        if not self._depth[thread]:
            del self._depth[thread]
        if root is None or not done:
            return
        if any(
            p.grad is not grad or (grad is not None and grad._version != version)
            for p, (grad, version) in zip(self._parameters, marks, strict=True)
        ):
            if self.wanted and root.grad_fn is not None and len(self.roots) < MOST:
                self.roots.append(root.grad_fn)
            if not self._by_module:
                self._note(root)

    def begins_anew(self) -> None:
        """There is no gradient any more: what came before belongs to no step."""
        self.roots.clear()
        if not self._by_module:
            self._came.clear()

    def _note(self, loss):
        there = self._torch.is_tensor(loss) and loss.numel() == 1 and loss.requires_grad
        if there and self._torch.is_grad_enabled() and len(self._came) < MOST:
            self._came.append((threading.get_ident(), loss.detach()))

    def stepped(self, name: str, scale: float) -> None:
        """An optimizer has made a step: what came since the last one, in its thread, is its loss."""
        came, self._came = self._came, []
        by = 1.0 if self._by_module else scale
        if mine := [float(each) / by for thread, each in came if thread == self.thread]:
            self._taken.setdefault(name, []).extend(mine)

    def told(self, loss: "float | None") -> None:
        """`run.step(loss)`; None: what it said is no loss."""
        self._said, self._came = loss, []

    def taken(self, first: str) -> "tuple[float | None, dict[str, float]]":
        """The loss of the step that is over, which is that of the first optimizer, and those of all by their names.
        Gradients add up, and so do the losses of several backward passes; of a loss module it is the mean."""
        put = np.mean if self._by_module else sum
        found = {name: float(put(each)) for name, each in self._taken.items()}
        said, self._said, self._taken = self._said, None, {}
        loss = said if said is not None else found.get(first)
        self.last = loss
        return loss, {f"loss {name}": value for name, value in found.items() if name}

    def close(self) -> None:
        if self._hook is not None:
            self._hook.remove()
        self._came, self.roots, self._parameters = [], [], []
        self._begins, self.stop = _nothing, None
        _unwatch(self._torch, self)


def _nothing():
    """Who is to be called once nobody watches."""


def _watch(torch, losses):
    _WATCHING.add(losses)
    if _ORIGINAL:
        return
    original, compiling = torch.autograd.backward, torch.compiler.is_compiling
    _ORIGINAL.append(original)

    def backward(tensors, *given, **named):
        if compiling():
            return original(tensors, *given, **named)
        begun, thread = [], threading.get_ident()
        done = False
        try:
            for each in tuple(_WATCHING):
                with suppress(Exception):  # then the loss is not seen; the training goes on
                    if each.thread in (None, thread):
                        begun.append((each, each.marks(), each.begun(tensors)))
            found = original(tensors, *given, **named)
            done = True
            return found
        finally:
            for each, marks, root in begun:
                with suppress(Exception):
                    each.ended(root, marks, done)

    backward.__doc__, backward.__name__ = original.__doc__, original.__name__
    torch.autograd.backward = backward


def _unwatch(torch, losses):
    _WATCHING.discard(losses)
    if not _WATCHING and _ORIGINAL:
        torch.autograd.backward = _ORIGINAL.pop()


def unless_compiled(torch: Any, function: "Callable[..., Any]") -> "Callable[..., Any]":
    """The function as a hook that torch.compile leaves out of what it makes: it would compile all of ours, or, with
    fullgraph=True, raise in the user's loop."""
    compiling = torch.compiler.is_compiling

    def hook(*given):
        return None if compiling() else function(*given)

    return hook


def scaler_here() -> Any:
    """The GradScaler that makes the optimizer's step (mixed precision), or None."""
    frame = sys._getframe(1)
    for _ in range(14):
        frame = frame.f_back
        if frame is None:
            return None
        if frame.f_code.co_filename.endswith("grad_scaler.py"):
            scaler = frame.f_locals.get("self")
            if hasattr(scaler, "get_scale"):
                return scaler
    return None
