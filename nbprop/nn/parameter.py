"""Parameters, and the count of all that changes in models, by which a recorded step knows that it is out of date."""

from typing import TYPE_CHECKING, Self

from ..checks import flag
from ..engine.tape import reachable
from ..engine.tensor import Tensor

# Both count over all models: comparing a number is cheaper than comparing models.
_changes = 0  # whatever may make a module compute something else, see `changes`
_structure = 0  # which module or parameter is where


def changes() -> int:
    """A number that grows whenever, in any module, an attribute is set or deleted, a module or parameter is put
    somewhere else, `requires_grad` or `.data` of a parameter is assigned, or train() or eval() change a flag.

    It does not grow by numbers written in place, nor by the notes that a forward pass leaves behind (`Module._notes`),
    nor inside `evaluating`. A plain list or dict that was changed in place is noticed at the next look at `theta`.
    """
    return _changes


def structure() -> int:
    """A number that grows with changes of which module or parameter is where."""
    return _structure


def changed() -> None:
    global _changes
    _changes += 1


def restructured() -> None:
    """To be called after a module or parameter was put somewhere else."""
    global _changes, _structure
    _changes += 1
    _structure += 1


class Parameter(Tensor):
    """A Tensor that training changes. Assigned to an attribute of a Module, or in a list, tuple or dict that is one, it
    becomes one of its parameters. With `requires_grad = False` it is frozen: no gradient, and no optimizer moves it.

    frozen_rows: numbers along the first axis, a tuple: what no optimizer moves of one that is trained."""

    frozen_rows: tuple[int, ...] = ()

    def __init__(self, data, dtype=None) -> None:
        super().__init__(data, requires_grad=True, dtype=dtype)

    if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

        def __setattr__(self, name, value) -> None:
            if name == "requires_grad":
                value = flag(name, value)
                if not value and self._grad is not None:
                    self._grad.fill(0)  # what is left of it would be clipped, drawn, added up
            if name in ("requires_grad", "data", "frozen_rows"):
                changed()
            object.__setattr__(self, name, value)

    def requires_grad_(self, requires_grad=True) -> Self:
        """Freeze (False) or unfreeze it. Returns the parameter."""
        self.requires_grad = requires_grad
        return self


def strangers(value, *models) -> list[Tensor]:
    """The tensors that require a gradient, that no op made, and on which `value` (a Tensor, such as a loss) depends
    though they are parameters of none of the models: no optimizer will move them. A list; [] is as it should be."""
    known = {id(p) for model in models for p in model.parameters()}
    used = {id(x): x for node in [value, *reachable(value)] for x in (node, *node.inputs)}
    return [x for x in used.values() if x.requires_grad and x.is_leaf and id(x) not in known]
