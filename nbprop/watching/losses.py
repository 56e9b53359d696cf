"""What the loss of a PyTorch loop is: what the loss module gives, what the backward pass begins from, or what the loop
says."""

import sys
import weakref
from contextlib import suppress
from typing import Any

import numpy as np

_WATCHING: "weakref.WeakSet[Losses]" = weakref.WeakSet()  # those who want to know from where a backward pass begins
_ORIGINAL: "list[Any]" = []  # Tensor.backward, while anybody does


class Losses:
    """criterion: a loss module, whose results are the losses; None: what `loss.backward()` is called of, for which
    `Tensor.backward` is exchanged while the loop is watched, and put back afterwards. last: the loss of the last step.
    """

    def __init__(self, torch: Any, criterion: Any) -> None:
        self._torch, self.last = torch, None
        self._came: list[Any] = []  # since the last optimizer's step: tensors, cut off
        self._taken: dict[str, list[float]] = {}
        self._said: float | None = None
        self._roots: list[Any] = []
        self._looking = False
        self._hook = None
        if criterion is not None:
            self._hook = criterion.register_forward_hook(lambda module, inputs, output: self._noted(output))
        self._by_module = criterion is not None
        _watch(torch, self)

    def look(self) -> None:
        """The next step is looked into: nodes of the graph are wanted."""
        self._roots, self._looking = [], True

    def roots(self) -> "list[Any]":
        """The nodes from which the backward passes of this step began."""
        found, self._roots, self._looking = self._roots, [], False
        return found

    def begun(self, root: Any) -> None:
        """A backward pass begins."""
        if root.numel() != 1:
            return
        if self._looking and root.grad_fn is not None:
            self._roots.append(root.grad_fn)
        if not self._by_module:
            self._noted(root)

    def _noted(self, loss):
        if self._torch.is_tensor(loss) and loss.numel() == 1 and self._torch.is_grad_enabled() and loss.requires_grad:
            self._came.append(loss.detach())

    def stepped(self, name: str, scale: float) -> None:
        """An optimizer has made a step: what came since the last one is its loss."""
        if self._came:
            by = 1.0 if self._by_module else scale
            self._taken.setdefault(name, []).extend(float(each) / by for each in self._came)
            self._came = []

    def told(self, loss: Any) -> None:
        """`run.step(loss)`."""
        self._said = float(loss.detach() if self._torch.is_tensor(loss) else loss)

    def taken(self) -> "tuple[float | None, dict[str, float]]":
        """The loss of the step that is over, and those of the optimizers after the first: name of a series -> loss."""
        means = {name: float(np.mean(each)) for name, each in self._taken.items()}
        self._taken, said = {}, self._said
        self._said = None
        loss = said if said is not None else next(iter(means.values()), None)
        self.last = loss
        several = len(means) > 1 or any(means)
        return loss, {f"loss {name}": value for name, value in means.items() if name} if several else {}

    def close(self) -> None:
        if self._hook is not None:
            self._hook.remove()
        self._came, self._roots = [], []
        _unwatch(self._torch, self)


def _watch(torch, losses):
    _WATCHING.add(losses)
    if _ORIGINAL:
        return
    original = torch.Tensor.backward
    _ORIGINAL.append(original)

    def backward(self, *given, **named):
        for each in tuple(_WATCHING):
            with suppress(Exception):  # then the loss is not seen; the training goes on
                each.begun(self)
        return original(self, *given, **named)

    backward.__doc__, backward.__name__ = original.__doc__, original.__name__
    torch.Tensor.backward = backward


def _unwatch(torch, losses):
    _WATCHING.discard(losses)
    if not _WATCHING and _ORIGINAL:
        torch.Tensor.backward = _ORIGINAL.pop()


def scale_of(torch: Any) -> float:
    """By what the loss is multiplied, where the optimizer's step is made by a GradScaler (mixed precision); else 1."""
    frame = sys._getframe(1)
    for _ in range(14):
        frame = frame.f_back
        if frame is None:
            return 1.0
        scaler = frame.f_locals.get("self") if frame.f_code.co_filename.endswith("grad_scaler.py") else None
        if scaler is not None and hasattr(scaler, "get_scale"):
            return float(scaler.get_scale())
    return 1.0
