"""Module: models whose parameters are one flat vector, and that notice what is changed in them."""

import sys
from collections import UserDict, UserList, deque
from collections.abc import Iterator
from contextlib import contextmanager
from reprlib import recursive_repr
from types import FunctionType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..checks import flag, wrong
from ..elsewhere import absent
from ..engine.tape import current
from ..engine.tensor import Tensor
from .packing import Packed, assign
from .parameter import Parameter, changed, changes, restructured, structure
from .state import Stateful, as_buffer, called_here

if TYPE_CHECKING:
    from ..summary import Summary


class Module(Stateful):
    """A part of a model: parameters, other modules as attributes, and `forward(*inputs) -> Tensor`.

    Parameters and modules are found where they are assigned (`self.weight = Parameter(...)`), also in lists, tuples and
    dicts (`self.layers = [Linear(2, 8), Linear(8, 1)]`: "layers.0.weight"); there is nothing to register. A Tensor that
    requires a gradient and that no op made becomes a Parameter. All parameters lie in one vector: see `theta` and
    `gradient`.

    static: a declaration that a class of your own can make with `static = True`: for all batches of one size, forward
        applies the same ops, in the same order, to the inputs and parameters, whatever numbers are in them (no Python
        `if` on values, no NumPy on `.data`, no random numbers of your own). Then training may replay it.
    """

    training = True
    static: bool | None = None  # None: known of nbprop's own classes only, see likeness.py
    shown = ()  # names of the settings in the repr
    _checks: dict[str, Any] = {}  # name of a setting -> check, whenever it is set, see checks.py
    _notes = ()  # names of the attributes that a forward pass leaves behind, which change nothing
    _taken: set[str] = set()  # names of the methods and properties that an attribute must not hide
    _packed: Packed | None = None

    def __init_subclass__(cls, **options) -> None:
        super().__init_subclass__(**options)
        ours = [base for base in cls.__mro__ if base.__module__.startswith(("nbprop.", "collections.abc"))]
        named = [item for base in ours for item in vars(base).items() if isinstance(item[1], (FunctionType, property))]
        cls._taken = {name for name, _ in named if name[0] != "_"} | {"training", "requires_grad", "trainable"}
        for name, value in vars(cls).items():
            if name in cls._taken and not (callable(value) or isinstance(value, property) or name == "training"):
                raise TypeError(f"{cls.__name__}.{name}: every nn.Module has {name!r} already; choose another name")
            if _holds_parts(value):
                raise TypeError(
                    f"{cls.__name__}.{name} would be one for all objects of the class, and not be trained: "
                    f"assign it in __init__, self.{name} = ..."
                )

    def forward(self, *inputs) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} needs a method forward(self, x)")

    def __call__(self, *inputs, **options) -> Any:
        tape = current()
        first = 0 if tape is None else len(tape.nodes)
        output = self.forward(*inputs, **options)
        if tape is not None:
            tape.calls.append((self, output))
            tape.spans.append((first, len(tape.nodes)))
        return output

    if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

        def __getattr__(self, name) -> Any:
            # Nothing of this name was found. copy asks for names of its own, and needs no words.
            known = [each for each, _ in self.named_parameters()] if name[:1] != "_" else []
            known = [other] if (other := called_here(name, known)) in known else [*vars(self), *known]
            raise AttributeError(name if name[:2] == "__" else absent("module", name, known, type(self).__name__))

    def __setattr__(self, name, value) -> None:
        old = self.__dict__.get(name)
        if name in self._taken or isinstance(value, _DOUBTFUL) or isinstance(old, Parameter):
            self._refuse(name, value, old)
        if name in self._checks:
            value = self._checks[name](name, value)
        if name in self._buffers:
            value = as_buffer(name, value)
        if name not in self._notes and name not in _VECTORS:
            plain = type(value) in _PLAIN and type(old) in _PLAIN
            if plain or not (isinstance(value, _STRUCTURE) or isinstance(old, _STRUCTURE) or _is_part(value)):
                changed()
            else:
                restructured()
        object.__setattr__(self, name, value)

    def __delattr__(self, name) -> None:
        restructured()
        object.__delattr__(self, name)
        if name in vars(self).get("_buffers", ()):
            self._buffers = tuple(each for each in self._buffers if each != name)

    def _refuse(self, name, value, old):
        """Raise an error for an assignment after which something would silently not be trained, or not be found."""
        kind = type(self).__name__
        if name in ("requires_grad", "trainable"):
            raise AttributeError(f"a module has no {name!r}: freeze its parameters with module.requires_grad_({value})")
        if name == "training":
            flag(name, value)
        elif name in self._taken and (name not in (*_VECTORS, "forward") or _holds_parts(value)):
            raise AttributeError(f"{kind}.{name}: every {kind} has {name!r} already; choose another name")
        if isinstance(value, (set, frozenset)) and any(isinstance(one, (Tensor, Module)) for one in value):
            raise TypeError(f"{kind}.{name}: a set has no order; put modules and parameters into a list or a dict")
        if isinstance(old, Parameter) and not (value is None or _is_part(value)):
            raise TypeError(
                f"{kind}.{name} is a parameter and cannot become {type(value).__name__}: assign nn.Parameter(...), or "
                f"new numbers with module.{name}.data[...] = values"
            )
        if _is_part(value) and not isinstance(value, _PARTS) and _in_forward():
            raise TypeError(
                f"{kind}.{name}: a Tensor that requires a gradient would become a parameter; to keep what forward saw, "
                "keep x.detach() or x.data"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_packed"}  # a copy packs its own

    # What is in it

    def _inside(self, kinds) -> list[tuple[str, Any]]:
        """(name, value) of all values of these kinds in the attributes, and in lists, tuples and dicts in them."""
        found = [item for item in _search(self.__dict__) if isinstance(item[1], kinds)]
        if len(found) > 1 and len(dict(found)) < len(found):
            names = [name for name, _ in found]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{type(self).__name__} holds two things called {twice!r}: give them other names")
        return found

    def named_children(self) -> "list[tuple[str, Module]]":
        """(name, module) of the modules directly inside; "layers.0" is the first of a list called layers."""
        return self._inside(Module)

    def named_modules(self, prefix="") -> "list[tuple[str, Module]]":
        """(dotted name, module) of this module ("") and all inside, each once, outer before inner."""
        packed = self._packed
        if packed is not None and not prefix and packed.holds(structure(), _parts):
            return [("", self), *packed.modules]
        found: dict[int, tuple[str, Module]] = {}
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if id(module) not in found:
                found[id(module)] = name, module
                dot = name + "." if name else ""
                stack += [(dot + child, inner) for child, inner in reversed(module.named_children())]
        return list(found.values())

    def children(self) -> "list[Module]":
        """The modules directly inside."""
        return [module for _, module in self.named_children()]

    def apply(self, fn) -> Self:
        """Call fn(module) for all modules inside and then for this one. Returns the module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def modules(self) -> "list[Module]":
        """This module and all inside, each once."""
        return [module for _, module in self.named_modules()]

    def named_parameters(self, recurse=True) -> list[tuple[str, Parameter]]:
        """(dotted name, Parameter), each parameter once (under its first name) however often it is used.

        recurse: False for those of this module alone, without those of the modules inside.
        """
        found = {}
        for name, module in self.named_modules() if recurse else [("", self)]:
            for attribute, value in module._inside(Parameter):
                found.setdefault(id(value), (f"{name}.{attribute}" if name else attribute, value))
        return list(found.values())

    def parameters(self, recurse=True) -> list[Parameter]:
        """All parameters, each once, in the order in which they lie in `theta`."""
        return [parameter for _, parameter in self.named_parameters(recurse)]

    def put(self, name, part) -> None:
        """Put a module or parameter in the place of a dotted name, as `named_modules` and `named_parameters` give it:
        `model.put("layers.0", nn.ReLU())`. KeyError if nothing is there."""
        for outer, module in self.named_modules():
            inner = name.removeprefix(outer + ".") if outer else name
            if inner in dict(module._inside(_PARTS)) and (inner != name or not outer):
                attribute, *keys = inner.split(".")
                if attribute in module.__dict__:
                    setattr(module, attribute, _exchanged(module.__dict__[attribute], keys, part))
                else:  # of Sequential, ModuleList, ModuleDict
                    _exchanged(module, [attribute], part)
                return
        raise KeyError(f"no module or parameter is called {name!r}")

    def generators(self) -> list[np.random.Generator]:
        """The NumPy generators of all modules, each once: whoever wants the same random draws (of dropout) again keeps
        and restores their `bit_generator.state`."""
        found = [value for module in self.modules() for _, value in module._inside(np.random.Generator)]
        return list({id(value): value for value in found}.values())

    def train(self, mode=True) -> Self:
        """Training mode, for the layers that behave differently while they learn. Returns the module."""
        mode = flag("mode", mode)
        for module in self.modules():
            if module.training is not mode:
                module.training = mode
        return self

    def eval(self) -> Self:
        """Evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True) -> Self:
        """Freeze all parameters inside (False), or unfreeze them. Returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def frozen_slices(self) -> list[slice]:
        """Where in `theta` what is frozen lies, parameters or rows of them: a list of slices, not to be changed."""
        return self._pack().frozen_slices(changes())

    # One vector

    @property
    def theta(self) -> np.ndarray:
        """All parameters as one flat array (n,): every parameter's .data is a view into it, so writing here changes
        the model. Assigning copies the values: `model.theta = saved`, `model.theta -= lr * model.gradient`.

        The theta of a module inside is a slice of the theta of the whole. When modules or parameters have been added,
        exchanged or removed, the next look packs a new vector (values are kept) and earlier ones lose their hold.
        """
        return self._pack().theta

    @theta.setter
    def theta(self, value) -> None:
        assign(self.theta, value, "theta")

    @property
    def gradient(self) -> np.ndarray:
        """The gradients of all parameters as one flat array (n,), laid out as `theta`. Each parameter's .grad is a
        view into it.

        NB: PyTorch's .grad is None before the first backward() and after zero_grad(); here it is zeros.
        """
        return self._pack().gradient

    @gradient.setter
    def gradient(self, value) -> None:
        assign(self.gradient, value, "gradient")

    def zero_grad(self, set_to_none=False) -> None:
        """Set the gradient to zeros. NB: to zeros always, where PyTorch takes None."""
        self._pack().gradient.fill(0)

    def _flat(self):
        """theta, gradient and `frozen_slices`, in one look."""
        packed = self._pack()
        return packed.theta, packed.gradient, packed.frozen_slices(changes())

    def _places(self):
        """Shape and names of each parameter, see `Packed.places`: the same list as long as nothing has changed."""
        return self._pack().places

    def _pack(self):
        packed = self._packed
        if packed is None or not packed.holds(structure(), _parts):
            if packed is not None and packed.structure == structure():
                restructured()  # a list was changed in place: the modules around this one have to look again, too
            named, found = self.named_parameters(), [item for m in self.modules() for item in _search(m.__dict__)]
            lists = [(one, _parts(one)) for name, one in found if isinstance(one, _LISTS) and name != "_contents"]
            constants = [one for _, one in found if isinstance(one, Tensor) and not isinstance(one, Parameter)]
            packed = Packed(structure(), type(self), self.named_modules()[1:], named, lists, constants, packed)
            object.__setattr__(self, "_packed", packed)
        return packed

    # Words

    def summary(self, input_shape=None) -> "Summary":
        """What it consists of and what it costs: a `Summary`, shown as a table.

        input_shape: of a batch, such as (32, 784), or an example (ndarray); by default (1, in_features) where the first
            layer is Linear, and parameters only where it is not.
        """
        from ..summary import Summary

        return Summary(self, input_shape)

    def _repr_html_(self):
        return self.summary()._repr_html_()

    def extra_repr(self) -> str:
        """The settings that stand between the parentheses of the repr: the attributes in `shown`."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.shown)

    @recursive_repr()
    def __repr__(self) -> str:
        children = [f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self.named_children()]
        settings = self.extra_repr()
        inside = "\n  " + "\n  ".join(children) + "\n" if children else ""
        return f"{type(self).__name__}({settings}{inside})"


_PARTS = (Parameter, Module)
_LISTS = (list, dict, deque, UserList, UserDict)  # can change without notice
_SEARCHED = (tuple, *_LISTS)
_STRUCTURE = (*_PARTS, *_SEARCHED)
_PLAIN = {bool, int, float, str, type(None), np.ndarray, Packed}  # hold no parts: quicker than to ask what they are
_VECTORS = ("theta", "gradient")  # are written in place
_DOUBTFUL = (Tensor, set, frozenset)


def _is_part(value):
    """Whether it is a module or a parameter, or a Tensor that is to become one."""
    return isinstance(value, _PARTS) or (isinstance(value, Tensor) and value.requires_grad and value.is_leaf)


def _holds_parts(value):
    """Whether it is one, or a list, tuple or dict with one in it."""
    return _is_part(value) or (isinstance(value, _SEARCHED) and any(_is_part(one) for _, one in _search([value])))


def _search(holder, prefix="", outer=()):
    """(dotted name, value) of all that may matter among the values of a dict, list or tuple, however deep: modules,
    tensors, generators, and the lists themselves. A Tensor that is to become a Parameter becomes one."""
    for key, value in list(holder.items() if hasattr(holder, "items") else enumerate(holder)):
        if type(value) in _PLAIN:
            continue
        if isinstance(value, (Tensor, Module, np.random.Generator)):
            if _is_part(value):
                if "." in str(key):
                    raise ValueError(wrong("the key of a module or parameter in a dict", "without dots", key))
                if type(value) is Tensor:
                    value.__class__ = Parameter
            yield f"{prefix}{key}", value
        elif isinstance(value, _SEARCHED) and not any(value is one for one in outer):
            yield f"{prefix}{key}", value
            yield from _search(value, "" if key == "_contents" else f"{prefix}{key}.", (*outer, value))


def _parts(holder):
    """What is in a list or dict of all that `_search` looks at."""
    values = list(holder.values() if hasattr(holder, "values") else holder)
    return [value for value in values if isinstance(value, (Tensor, Module, *_SEARCHED))]


def _exchanged(holder, keys, part):
    """`holder` with `part` at the place to which the keys lead: changed in place, but a new tuple."""
    if not keys:
        return part
    key = next(k for k in holder if str(k) == keys[0]) if hasattr(holder, "keys") else int(keys[0])
    inner = _exchanged(holder[key], keys[1:], part)
    if isinstance(holder, tuple):
        return (*holder[:key], inner, *holder[key + 1 :])
    holder[key] = inner
    return holder


def _in_forward():
    """Whether a module is being called."""
    frame = sys._getframe()
    while frame and frame.f_code is not Module.__call__.__code__:
        frame = frame.f_back
    return frame is not None


@contextmanager
def evaluating(model) -> Iterator[None]:
    """Inside, every module of the model is in evaluation mode; then each goes back to the mode that it was in."""
    modules = [(module, "training" in vars(module)) for module in model.modules() if module.training]
    for module, _ in modules:
        object.__setattr__(module, "training", False)
    try:
        yield model
    finally:
        for module, own in modules:
            if own:
                object.__setattr__(module, "training", True)
            else:  # it had its class's: nothing is to be left behind
                vars(module).pop("training", None)


def as_input(x, dtype) -> Tensor:
    """`x` (Tensor, array, list, number) as a Tensor of `dtype`: a layer computes in the dtype of its weights."""
    x = as_tensor(x)
    return x if x._data.dtype is dtype else x.astype(dtype)


def as_tensor(x) -> Tensor:
    """A Tensor as it is; arrays, lists and numbers as a constant."""
    return x if isinstance(x, Tensor) else Tensor(np.asarray(x))
