"""What of a module is state: its parameters, and arrays that are not trained."""

from functools import cache
from inspect import Signature, signature
from os import PathLike
from re import fullmatch
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..checks import flag, wrong
from ..engine.errors import ShapeError
from ..engine.tensor import Tensor


@cache
def taken(kind) -> tuple[Signature, list[str]]:
    """How the constructor of a class is called, and the names of all that it takes: also those which it hands on."""
    names: list[str] = []
    for base in kind.__mro__:
        if "__init__" in vars(base):
            own = list(signature(base.__init__).parameters.values())[1:]
            names += [one.name for one in own if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
            if not any(one.kind == one.VAR_KEYWORD for one in own):
                break
    return signature(kind.__init__), list(dict.fromkeys(names))


class Stateful:
    """The part of a Module that keeps arrays which are not trained, and gives and takes all its numbers by name."""

    _buffers: tuple[str, ...] = ()  # names of the attributes that are arrays of the model's state
    _unsaved: tuple[str, ...] = ()  # of these, what `state_dict` leaves out

    if TYPE_CHECKING:
        named_modules: Any
        named_parameters: Any

    def __new__(cls, *values, **settings) -> Self:
        if (values or settings) and cls.__module__.startswith("nbprop."):
            takes, names = taken(cls)
            try:
                takes.bind(None, *values, **settings)
                unknown = [name for name in settings if name not in names]
                if unknown:
                    raise TypeError(f"got an unexpected keyword argument {unknown[0]!r}")
            except TypeError as error:  # Python's own would name the class that the constructor is inherited from
                raise TypeError(f"{cls.__name__}() {error}; it takes {', '.join(names)}") from None
        return super().__new__(cls)

    def register_buffer(self, name, tensor, persistent=True) -> None:
        """Make `tensor` (array, Tensor or list; None: to be set later) the attribute `name`, and a part of the state:
        copied, saved and rewound with the model, and not trained. Such as a mask, or a running mean.

        persistent: False: it is not in `state_dict()`, nor in files; there it is as the constructor made it.
        What has been registered stays an array, whatever the attribute is set to; `del` takes it out.
        """
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(wrong("the name of a buffer", "a text without dots", name))
        if hasattr(self, name) and name not in self._buffers:
            raise KeyError(f"{type(self).__name__} has an attribute {name!r} already; choose another name")
        value, persistent = as_buffer(name, tensor), flag("persistent", persistent)
        kept = [each for each in self._unsaved if each != name]
        self._unsaved = (*kept, *([] if persistent else [name]))
        self._buffers = tuple(dict.fromkeys([*self._buffers, name]))
        setattr(self, name, value)

    def named_buffers(self, recurse=True) -> list[tuple[str, np.ndarray]]:
        """(dotted name, ndarray) of what belongs to the model but is not trained, such as the running means of batch
        normalization: what was registered with `register_buffer`, and the attributes that the modules' classes name in
        `_buffers`. To be written in place.

        recurse: False for those of this module alone, without those of the modules inside.
        """
        return [(name, array) for name, array, _ in self._all_buffers(recurse)]

    def buffers(self, recurse=True) -> list[np.ndarray]:
        """The arrays of `named_buffers`."""
        return [array for _, array, _ in self._all_buffers(recurse)]

    def _all_buffers(self, recurse=True):
        """(dotted name, array, whether `state_dict` has it)."""
        found = []
        for place, module in self.named_modules() if recurse else [("", self)]:
            for name in module._buffers:
                value = getattr(module, name)
                array = value.data if isinstance(value, Tensor) else value
                if array is not None:
                    found.append((f"{place}.{name}" if place else name, array, name not in module._unsaved))
        return found

    def state_dict(self) -> dict[str, np.ndarray]:
        """Dotted name -> copy of the array, of all parameters and buffers. As in PyTorch, these are numbers alone: what
        modules are set to (a probability, units that are silenced, what is frozen) is kept by `nb.save`."""
        return {name: array.copy() for name, array in self._state().items()}

    def load_state_dict(self, saved, strict=True) -> None:
        """Take over the values that `state_dict()` of a module of the same architecture returned; also of PyTorch's,
        where the parameters of recurrent layers are called weight_ih_l0, ..., and num_batches_tracked is not needed.

        Where names or shapes differ, a ValueError names the first difference and nothing is changed. strict: False
        takes over what has a name that there is, and leaves the rest as it is.
        """
        if not hasattr(saved, "keys"):
            tip = "np.load(path)" if isinstance(saved, (str, PathLike)) else "other.state_dict()"
            raise TypeError(wrong("load_state_dict(saved)", "a dict of arrays", saved, tip))
        state = self._state()
        saved = {called_here(name, state): saved[name] for name in list(saved)}
        saved.pop("", None)
        if not strict:
            saved = {name: array for name, array in saved.items() if name in state}
        for name in [*(state if strict or not saved else ()), *saved]:
            if name not in saved or name not in state:
                where = "missing" if name not in saved else "not in this model"
                raise ValueError(f"parameter {name!r} is {where}; the model has {', '.join(state) or 'no parameters'}")
            if np.shape(saved[name]) != state[name].shape:
                raise ShapeError(f"parameter {name!r} has shape {state[name].shape}; got {np.shape(saved[name])}")
        for name, array in saved.items():
            state[name][...] = array

    def _state(self):
        parameters = {name: parameter.data for name, parameter in self.named_parameters()}
        return {**parameters, **{name: array for name, array, saved in self._all_buffers() if saved}}


def called_here(name, state) -> str:
    """The name that a parameter of PyTorch's has here; "" for what only counts."""
    outer, dot, last = name.rpartition(".")
    if last == "num_batches_tracked" and f"{outer}{dot}running_mean" in state:
        return ""
    found = fullmatch(r"((?:weight|bias)_[ih]h)_(l\d+(?:_reverse)?)", last)
    if found is None or name in state:
        return name
    several = f"{outer}{dot}{found[2]}.{found[1]}"
    return several if several in state or found[2] != "l0" else f"{outer}{dot}{found[1]}"


def as_buffer(name, value) -> Any:
    """None, a Tensor that is not trained, or an array of numbers that can be written to."""
    if value is None or (isinstance(value, Tensor) and not value.requires_grad):
        return value
    array = None if isinstance(value, Tensor) else np.asarray(value)
    if array is None or array.dtype.kind not in "biuf":
        raise TypeError(wrong(f"the buffer {name!r}", "an array of numbers that is not trained", value))
    return array if array.flags.writeable else array.copy()
