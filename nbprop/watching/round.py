"""A step that is looked into, from its first forward pass to the end of its last optimizer's step: what hooks have seen
of it, and what of that belongs together."""

from typing import Any

from .calls import Call, array

CALLS = 256  # of one module in a step are kept, the newest: a cell that is called at every moment of a sequence


class Round:
    """calls: name of a layer -> its calls. done: name -> (calls, scale), of those whose optimizer has made its step.
    before: theta at the first step of an optimizer. gradients: parameter -> its gradient, when its optimizer had it."""

    def __init__(self) -> None:
        self.calls: dict[str, list[Call]] = {}
        self.done: dict[str, tuple[list[Call], float]] = {}
        self.before: Any = None
        self.gradients: dict[Any, Any] = {}
        self.hooks: list[Any] = []
        self.following: Any = None
        self._nodes: dict[int, Call] = {}

    def add(self, call: Call) -> None:
        calls = self.calls.setdefault(call.name, [])
        calls.append(call)
        if len(calls) > CALLS:
            self._drop(calls.pop(0))
        self.at(call)

    def at(self, call: Call) -> None:
        """What follows that node follows this call."""
        if call.node is not None:
            self._nodes[id(call.node)] = call

    def behind(self, node: Any) -> "Call | None":
        """The call that this node of the graph is of."""
        return None if node is None else self._nodes.get(id(node))

    def _drop(self, call):
        self._nodes = {node: each for node, each in self._nodes.items() if each is not call}
        call.let_go()

    def begins_anew(self, layers: "set[str]") -> None:
        """The gradient of these layers is none again: what came back to them before belongs to no step."""
        for name in layers & self.calls.keys() - self.done.keys():
            for call in [call for call in self.calls[name] if call.reached]:
                self.calls[name].remove(call)
                self._drop(call)

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
        self.calls, self.done, self._nodes, self.gradients, self.before = {}, {}, {}, {}, None
        self.following = None
