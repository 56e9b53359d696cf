"""What a hand may change in code beside the knobs: kept as the run has left it, compared with what it finds."""

import numpy as np

MEMORY = "the optimizer's state"


class Left:
    """The numbers of a run when it was last left alone: parameters, buffers, arrays that modules of the user's own
    keep, random generators, and what the optimizers remember."""

    def __init__(self, run) -> None:
        self._arrays = [(what, array, array.copy()) for what, array in _in_reach(run)]
        self._generators = [(each, each.bit_generator.state) for each in run.model.generators()]
        self._memory = _memory(run)

    def changed(self, run) -> str:
        """What is no longer so, in words; "" if all is."""
        for what, array, kept in self._arrays:
            if not _same(array, kept):
                return what
        if any(each.bit_generator.state != state for each, state in self._generators):
            return "random numbers"
        return "" if _memory(run) == self._memory else MEMORY


def _in_reach(run):
    """(what it is, the array) of what can be written to."""
    yield "weights", run.theta
    yield from run.model.named_buffers()
    for name, array in run.own_arrays():
        if array.flags.writeable:
            yield name, array
    for optimizer in run.optimizers.values():
        yield from ((MEMORY, vector) for vector in optimizer.state.values())


def _memory(run):
    """Which vectors the optimizers have, and the updates counted."""
    return [(each.t, [(name, id(vector)) for name, vector in each.state.items()]) for each in run.optimizers.values()]


def _same(a, b):
    """NaN is like NaN."""
    if a.dtype.hasobject:
        return all(one is other for one, other in zip(a.flat, b.flat, strict=True))
    return np.array_equal(a, b) or a.tobytes() == b.tobytes()
