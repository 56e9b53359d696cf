"""Op: one operation, its forward and its backward side by side."""

from typing import Any, Self

import numpy as np

from .careful import largest_bits

OPS = {}  # name -> class, every public op in the order of definition
UNSET: Any = None  # stands for an array that the first forward makes: `out=None` allocates


class Op:
    """One operation of the graph. One instance per use: what `forward` keeps for the way back is an attribute.

    `forward(*arrays)` takes and returns plain arrays, which it must not change. The first result is kept as `y`. Run
    again with arrays of the same shapes, the same instance writes into the same memory (`np.tanh(x, out=self.y)`):
    that makes a recorded step cheap. Where shapes do not fit it raises a ValueError; the names are added outside.

    `backward(dy)` takes dL/dy and returns dL/dx for the input, or a tuple with one gradient for each input, None
    where there is none. It changes neither `dy` nor what forward kept. The tape un-broadcasts and adds up, no op
    does: the gradient of a broadcast input may simply have the shape of `dy`.

    Two things an op may look at in `backward`, and is right without:
    `self.into[i]`   an array to write gradient i into (`out=self.into[i]`), or None: allocate;
    `self.needs[i]`  False if nobody wants gradient i: None may be returned in its place.
    """

    y = UNSET  # the output
    into: Any = (None,) * 8  # set by a Replay
    needs: Any = (True,) * 8  # set by `apply`; like this for an op that is used alone
    whole: Any = None  # the dtype in which whole numbers and bools are computed; None: as they come
    indices = ()  # inputs that are whole numbers or bools by nature, which nothing is done to
    view = False  # True: the output may share the memory of the first input (reshape, transpose, slices)
    hint = ""  # what to try when shapes do not fit
    symbol = ""  # what stands for it in drawings, if not its name
    # FLOPs for each number of the largest array, forward, then backward for each input (the last stands for all that
    # follow); or, where they depend on the shapes, a method flops(y, *inputs) that gives the sums. See nbprop/flops.py.
    flops: Any = None
    kept: tuple = ()  # attributes that outlive the way back
    released = False  # True for what is left of an op when backward has been through

    def __init_subclass__(cls, **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        cls.name, cls.empty = cls.__name__, object.__new__(cls)
        cls.empty.released = True
        if not cls.name.startswith("_"):
            OPS[cls.name] = cls

    def __call__(self, *arrays) -> np.ndarray:
        """The first run: `forward`, with its result, an array also if it is one number, kept as `y`."""
        y = self.forward(*arrays)
        self.y = y = y if type(y) is np.ndarray else np.asarray(y)
        return y

    def forward(self, *arrays) -> Any:
        raise NotImplementedError(f"{self.name} has no forward")

    def backward(self, dy) -> Any:
        raise NotImplementedError(f"{self.name} has no backward")

    def room(self, i, shape) -> np.ndarray:
        """Where gradient i, of this shape, is to be written."""
        return np.empty(shape, self.y.dtype) if self.into[i] is None else self.into[i]

    def check_numbers(self, what, values, count) -> None:
        """Errors unless these are whole numbers from 0 to count - 1."""
        if values.dtype.kind not in "iu":
            raise TypeError(f"{self.name} takes {what} as integers: got {values.dtype}; try .astype(int).")
        if values.size and largest_bits(values) >= count and (values.min() < 0 or values.max() >= count):
            raise IndexError(f"{self.name} takes {what} from 0 to {count - 1}: got {values.min()} to {values.max()}.")

    def release(self) -> Self:
        """Called when backward has been through. Returns what stays in the graph, without the numbers: the empty op of
        its class, or itself if something is `kept`."""
        if not self.kept:
            return self.empty
        self.__dict__ = {"released": True, **{name: getattr(self, name) for name in self.kept}}
        return self

    def __repr__(self) -> str:
        return self.name
