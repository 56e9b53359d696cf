"""A step that is looked into, from its first forward pass to the end of its last optimizer's step: what hooks have seen
of it, and what of that belongs together."""

import weakref
from collections import deque
from typing import Any

from .calls import Call, array

CALLS = 256  # of one module in a step are kept, the newest: a cell that is called at every moment of a sequence
LARGEST = 64_000_000  # bytes of micro-batches, and of a layer's calls before its newest; beyond, the oldest go


class Round:
    """calls: name of a layer -> its calls. done: name -> (calls, scale), of those whose optimizer has made its step.
    before: theta at the first step of an optimizer. gradients: parameter -> its gradient, when its optimizer had it.
    left_out: so many micro-batches were too much to keep. any: whether any layer was called."""

    def __init__(self) -> None:
        self.calls: dict[str, list[Call]] = {}
        self.done: dict[str, tuple[list[Call], float]] = {}
        self.before: Any = None
        self.gradients: dict[Any, Any] = {}
        self.hooks: list[Any] = []
        self.following: Any = None  # the call behind which a module is that runs now, and what that has got
        self.left_out = 0
        self.any = False
        self._batch = 0  # number of the backward pass that comes next
        self._older: deque[tuple[Call, int]] = (
            deque()
        )  # calls that are not their layer's newest, no backward pass since
        self._bytes = 0  # of these
        # id of a node of the graph -> the node, lest another gets its id; its call; whether something is between
        self._nodes: dict[int, tuple[Any, Call, bool]] = {}
        self._outputs: dict[int, tuple[Any, Call, bool]] = {}  # the same of tensors that no gradient reaches

    def add(self, call: Call, output: Any) -> None:
        """A layer has given that tensor."""
        self.any, call.batch, call.training = True, self._batch, call.module.training
        calls = self.calls.setdefault(call.name, [])
        if calls:
            self._older.append((calls[-1], calls[-1].size))
            self._bytes += calls[-1].size
        if call.training and (validation := [each for each in calls if not (each.training or each.reached)]):
            self._leave_out(validation)
        calls.append(call)
        if len(calls) > CALLS:
            self._leave_out(calls[:1])
        while self._bytes > LARGEST:  # no backward pass may ever come, as in validation without no_grad
            old, size = self._older.popleft()
            self._bytes -= size
            if old.name not in self.done and old in self.calls[old.name]:
                self._leave_out([old])
        self.at(call, output)

    def _leave_out(self, gone):
        for call in gone:
            self.calls[call.name].remove(call)
        self._drop(gone)

    def at(self, call: Call, output: Any, passed: bool = False) -> None:
        """Whatever gets that tensor follows this call. passed: with a pooling or a dropout between."""
        if output.grad_fn is not None:
            self._nodes[id(output.grad_fn)] = output.grad_fn, call, passed
            if passed:
                call.passed.append(output.grad_fn)
        else:
            self._outputs[id(output)] = weakref.ref(output), call, passed

    def behind(self, tensor: Any) -> "tuple[Call | None, bool]":
        """The call that this tensor is of, and whether something is between."""
        node = getattr(tensor, "grad_fn", None)
        if node is not None:
            return self._nodes.get(id(node), (None, None, False))[1:]
        output, call, passed = self._outputs.get(id(tensor), (None, None, False))
        return (call, passed) if output is not None and output() is tensor else (None, False)

    def _drop(self, calls):
        gone = {id(call) for call in calls}
        self._nodes = {node: each for node, each in self._nodes.items() if id(each[1]) not in gone}
        self._outputs = {at: each for at, each in self._outputs.items() if id(each[1]) not in gone}
        for call in calls:
            call.let_go()

    def begins(self) -> None:
        """A backward pass begins. Of earlier micro-batches of the step so many are kept as there is room for."""
        self._batch += 1
        self._older.clear()
        self._bytes = 0
        open_calls = [call for name, calls in self.calls.items() if name not in self.done for call in calls]
        batches = sorted({call.batch for call in open_calls})
        size = sum(call.size for call in open_calls) if len(batches) > 1 else 0
        for batch in batches[:-1]:
            if size <= LARGEST:
                break
            gone = [call for call in open_calls if call.batch == batch]
            size -= sum(call.size for call in gone)
            self._leave_out(gone)
            self.left_out += 1

    def begins_anew(self, layers: "set[str]") -> None:
        """The gradient of these layers is none again: what came back to them before belongs to no step."""
        for name in layers & self.calls.keys() - self.done.keys():
            gone = [call for call in self.calls[name] if call.reached]
            self.calls[name] = [call for call in self.calls[name] if not call.reached]
            self._drop(gone)

    def take(self, layers: "set[str]", parameters: "list[Any]", scale: float, by: float) -> None:
        """An optimizer has made its step. by: what its gradients are multiplied with."""
        for name in layers & self.calls.keys() - self.done.keys():
            self.done[name] = self.calls[name], scale
        for parameter in parameters:
            if parameter.grad is not None:
                self.gradients[parameter] = array(parameter.grad) / by if by != 1 else array(parameter.grad).copy()

    def end(self) -> None:
        """Nobody is to hold anything of it."""
        for hook in self.hooks:
            hook.remove()
        self.hooks.clear()
        for calls in [*self.calls.values(), *(calls for calls, _ in self.done.values())]:
            for call in calls:
                call.let_go()
        self.calls, self.done, self._nodes, self._outputs = {}, {}, {}, {}
        self._older.clear()
        self.gradients, self.before, self.following = {}, None, None
