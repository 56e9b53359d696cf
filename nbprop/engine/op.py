"""Op: one operation, its forward and its backward side by side."""

from typing import Any

OPS = {}  # name -> class, every public op in the order of definition


class Op:
    """One operation of the graph. One instance per use: what `forward` keeps for the way back is an attribute.

    `forward(*arrays)` takes and returns plain arrays. Run again with arrays of the same shapes, the same instance
    writes its result into the same memory (`self.y = np.tanh(x, out=self.y)`): that makes a recorded step cheap.
    It must not change its inputs.

    `backward(dy)` takes dL/dy and returns dL/dx for the input, or a tuple with one gradient for each input, None
    where there is none. It changes neither `dy` nor what forward kept. The tape un-broadcasts and adds up, no op
    does: the gradient of a broadcast input may simply have the shape of `dy`.

    Two things an op may look at in `backward`, and is right without:
    `self.into[i]`   an array to write gradient i into (`out=self.into[i]`), or None: allocate;
    `self.needs[i]`  False if nobody wants gradient i: None may be returned in its place.
    """

    y: Any = None  # the output; None before the first forward, so that `out=self.y` allocates it
    into: Any = (None,) * 8  # set by `apply`, as is `needs`; like this for an op that is used alone
    needs: Any = (True,) * 8
    view = False  # True: the output may share the memory of the first input (reshape, transpose, slices)
    released = False  # True once backward has been through and the kept arrays are gone
    hint = ""  # what to try when shapes do not fit

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if not cls.__name__.startswith("_"):
            OPS[cls.__name__] = cls

    @property
    def name(self):
        return type(self).__name__

    def forward(self, *arrays):
        raise NotImplementedError(f"{self.name} has no forward")

    def backward(self, dy):
        raise NotImplementedError(f"{self.name} has no backward")

    def release(self):
        """Let go of everything kept for the way back."""
        self.__dict__.clear()
        self.released = True

    def __repr__(self):
        return self.name
