"""What a hand may change in code beside the knobs: kept as the run has left it, compared with what it finds."""

import numpy as np

from nbprop.record.observation import own_arrays


class Left:
    """The numbers of a run when it was last left alone: parameters, buffers, arrays that modules of the user's own
    keep, and what the optimizers remember."""

    def __init__(self, run) -> None:
        self._arrays = [(what, array, array.copy()) for what, array in _in_reach(run)]
        self._memory = _memory(run)

    def changed(self, run) -> str:
        """What is no longer so, in words; "" if all is."""
        for what, array, kept in self._arrays:
            if not np.array_equal(array, kept) and not np.array_equal(array, kept, equal_nan=array.dtype.kind == "f"):
                return what
        return "" if _memory(run) == self._memory else "the optimizer's state"


def _in_reach(run):
    """(what it is, the array) of what can be written to."""
    yield "weights", run.theta
    for name, array in run.model.named_buffers():
        yield name, array
    for array in own_arrays(run.model):
        if array.flags.writeable:
            yield "an array of the model", array


def _memory(run):
    """The updates counted, and of each vector its size and a number that changes with it: a copy of what is three times
    as large as the parameters would take too long, in every pause that a run makes to let the notebook breathe."""
    with np.errstate(all="ignore"):
        return [
            (each.t, [(name, vector.shape, str(vector.dot(vector))) for name, vector in each.state.items()])
            for each in run.optimizers.values()
        ]
