"""Parameter, Module, Sequential: models whose parameters are one flat vector."""

from collections.abc import MutableSequence
from itertools import accumulate
from operator import index

import numpy as np

from ..engine.errors import ShapeError
from ..engine.tape import recording
from ..engine.tensor import Tensor


class Parameter(Tensor):
    """A Tensor that training changes. Assigned to an attribute of a Module it becomes one of its parameters."""

    def __init__(self, data, dtype=None):
        super().__init__(data, requires_grad=True, dtype=dtype)


class Module:
    """A part of a model: parameters, other modules as attributes, and `forward(*inputs) -> Tensor`.

    Parameters and modules are found where they are assigned (`self.weight = Parameter(...)`); there is nothing to
    register. All parameters lie in one vector: see `theta` and `gradient`.
    """

    training = True
    shown = ()  # names of the settings in the repr
    _buffers = ()  # names of the attributes that are arrays of the model's state, see `named_buffers`
    _packed: tuple | None = None  # (structure, theta, gradient, [(parameter, data, grad), ...])
    _structure = 0  # counts, over all models, the changes of which module or parameter is where

    def forward(self, *inputs):
        raise NotImplementedError(f"{type(self).__name__} needs a method forward(self, x)")

    def __call__(self, *inputs, **options):
        output = self.forward(*inputs, **options)
        tape = recording()
        if tape is not None:
            tape.calls.append((self, output))
        return output

    def __setattr__(self, name, value):
        if isinstance(value, _PARTS) or isinstance(self.__dict__.get(name), _PARTS):
            Module._structure += 1
        object.__setattr__(self, name, value)

    def __delattr__(self, name):
        Module._structure += 1
        object.__delattr__(self, name)

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "_packed"}  # a copy packs its own

    # What is in it

    def named_children(self):
        """(name, module) of the modules directly inside."""
        return [(name, value) for name, value in self.__dict__.items() if isinstance(value, Module)]

    def named_modules(self, prefix=""):
        """(dotted name, module) of this module ("") and all inside, each once, outer before inner."""
        found, stack = {}, [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if module not in found:
                found[module] = name
                dot = name + "." if name else ""
                stack += [(dot + child, inner) for child, inner in reversed(module.named_children())]
        return [(name, module) for module, name in found.items()]

    def modules(self):
        """This module and all inside, each once."""
        return [module for _, module in self.named_modules()]

    def named_parameters(self):
        """(dotted name, Parameter), each parameter once (under its first name) however often it is used."""
        found = {}
        for name, module in self.named_modules():
            for attribute, value in module.__dict__.items():
                if isinstance(value, Parameter):
                    found.setdefault(id(value), (f"{name}.{attribute}" if name else attribute, value))
        return list(found.values())

    def parameters(self):
        """All parameters, each once, in the order in which they lie in `theta`."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self):
        """(dotted name, ndarray) of what belongs to the model but is not trained, such as the running means of batch
        normalization: the attributes that the modules' classes name in `_buffers`. To be written in place."""
        places = [(name + "." if name else "", module) for name, module in self.named_modules()]
        return [(dot + buffer, getattr(module, buffer)) for dot, module in places for buffer in module._buffers]

    def generators(self):
        """The NumPy generators of all modules, each once: whoever wants the same random draws (of dropout) again keeps
        and restores their `bit_generator.state`."""
        values = [value for module in self.modules() for value in module.__dict__.values()]
        return list({id(value): value for value in values if isinstance(value, np.random.Generator)}.values())

    def train(self, mode=True):
        """Training mode, for the layers that behave differently while they learn. Returns the module."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self):
        """Evaluation mode: `train(False)`."""
        return self.train(False)

    # Saving

    def state_dict(self):
        """Dotted name -> copy of the array, of all parameters and buffers."""
        return {name: array.copy() for name, array in self._state().items()}

    def load_state_dict(self, saved):
        """Take over the values that `state_dict()` of a module of the same architecture returned.

        Where names or shapes differ, a ValueError names the first difference and nothing is changed.
        """
        state = self._state()
        for name in [*state, *saved]:
            if name not in saved or name not in state:
                where = "missing" if name not in saved else "not in this model"
                raise ValueError(f"parameter {name!r} is {where}; the model has {', '.join(state) or 'no parameters'}")
            if np.shape(saved[name]) != state[name].shape:
                raise ShapeError(f"parameter {name!r} has shape {state[name].shape}; got {np.shape(saved[name])}")
        for name, array in state.items():
            array[...] = saved[name]

    def _state(self):
        return {**{name: parameter.data for name, parameter in self.named_parameters()}, **dict(self.named_buffers())}

    # One vector

    @property
    def theta(self):
        """All parameters as one flat array (n,): every parameter's .data is a view into it, so writing here changes
        the model. Assigning copies the values: `model.theta = saved`, `model.theta -= lr * model.gradient`.

        The theta of a module inside is a slice of the theta of the whole. When modules or parameters have been added,
        exchanged or removed, the next look packs a new vector (values are kept) and earlier ones lose their hold.
        """
        return self._pack()[1]

    @theta.setter
    def theta(self, value):
        _assign(self.theta, value, "theta")

    @property
    def gradient(self):
        """The gradients of all parameters as one flat array (n,), laid out as `theta`. Each parameter's .grad is a
        view into it.

        NB: PyTorch's .grad is None before the first backward() and after zero_grad(); here it is zeros.
        """
        return self._pack()[2]

    @gradient.setter
    def gradient(self, value):
        _assign(self.gradient, value, "gradient")

    def zero_grad(self):
        """Set the gradient to zeros."""
        self.gradient.fill(0)

    def _pack(self):
        packed = self._packed
        if packed and packed[0] == Module._structure and all(p.data is d and p.grad is g for p, d, g in packed[3]):
            return packed
        named = self.named_parameters()
        theta, gradient = _common_slices([p for _, p in named]) or _gather(named)
        packed = (Module._structure, theta, gradient, [(p, p.data, p.grad) for _, p in named])
        object.__setattr__(self, "_packed", packed)
        return packed

    # Words

    def summary(self, input_shape=None):
        """What it consists of and what it costs: a `Summary`, shown as a table.

        input_shape: of a batch, such as (32, 784), or an example (ndarray); by default (1, in_features) where the first
            layer is Linear, and parameters only where it is not.
        """
        from ..summary import Summary

        return Summary(self, input_shape)

    def _repr_html_(self):
        return self.summary()._repr_html_()

    def extra_repr(self):
        """The settings that stand between the parentheses of the repr: the attributes in `shown`."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.shown)

    def __repr__(self):
        children = [f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self.named_children()]
        settings = self.extra_repr()
        if not children:
            return f"{type(self).__name__}({settings})"
        return f"{type(self).__name__}({settings}\n  " + "\n  ".join(children) + "\n)"


_PARTS = (Parameter, Module)


def _assign(vector, value, name):
    value = np.asarray(value)
    if value.shape != vector.shape:
        raise ShapeError(f"{name} has shape {vector.shape}; got values of shape {value.shape}")
    if value is not vector:
        vector[...] = value


def _common_slices(parameters):
    """(theta, gradient) if the parameters lie one after the other in one buffer, their gradients too; else None."""
    pair = []
    for arrays in ([p.data for p in parameters], [p.grad for p in parameters]):
        base = getattr(arrays[0], "base", None) if arrays else None
        if not isinstance(base, np.ndarray) or base.ndim != 1 or not base.flags.c_contiguous:
            return None
        ends = list(accumulate([a.nbytes for a in arrays if a is not None], initial=_address(arrays[0])))
        for a, start in zip(arrays, ends, strict=False):
            if a is None or a.base is not base or _address(a) != start or not a.flags.c_contiguous:
                return None
        first, last = ((end - _address(base)) // base.itemsize for end in (ends[0], ends[-1]))
        pair.append(base if last - first == base.size else base[first:last])
    return pair


def _address(array):
    return array.__array_interface__["data"][0]


def _gather(named):
    """Move parameters and gradients into two new flat arrays, keeping their values."""
    dtypes = {p.data.dtype: name for name, p in reversed(named)}
    if len(dtypes) > 1:
        mixed = " and ".join(f"{dtype} ({name})" for dtype, name in reversed(dtypes.items()))
        raise TypeError(f"theta is one vector of one dtype; this model mixes {mixed}. Give all layers the same dtype=")
    size = sum(p.data.size for _, p in named)
    theta = np.empty(size, next(iter(dtypes), np.float32))
    gradient = np.zeros_like(theta)
    start = 0
    for _, p in named:
        piece = slice(start, start + p.data.size)
        data, grad = theta[piece].reshape(p.data.shape), gradient[piece].reshape(p.data.shape)
        data[...] = p.data
        if p.grad is not None:
            grad[...] = p.grad
        p.data, p.grad = data, grad
        start = piece.stop
    return theta, gradient


class Sequential(Module, MutableSequence):
    """Modules one after the other: each gets what the one before it gave.

    A list of them too: `len(model)`, `model[0]`, `model[1:3]` (a Sequential of the same modules), iteration, `append`,
    `insert`, `extend`, `pop`, `model[1] = nn.ReLU()`, `del model[1]`, ...
    """

    def __init__(self, *modules):
        self._layers = []
        self.extend(modules)

    def forward(self, x):
        for i, layer in enumerate(self._layers):
            try:
                x = layer(x)
            except ShapeError as error:
                error.args = (f"{self.title(i)}: {error}",)
                raise
        return x

    def title(self, i):
        """What a person calls module i: "layer 2 of 5 (Tanh)", counted from 1."""
        return f"layer {i + 1} of {len(self)} ({type(self[i]).__name__})"

    def named_children(self):
        return [(str(i), layer) for i, layer in enumerate(self._layers)]

    def __len__(self):
        return len(self._layers)

    def __getitem__(self, i):
        return Sequential(*self._layers[i]) if isinstance(i, slice) else self._layers[self._place(i)]

    def __setitem__(self, i, module):
        self._layers[self._place(i)] = _module(module)
        Module._structure += 1

    def __delitem__(self, i):
        del self._layers[i if isinstance(i, slice) else self._place(i)]
        Module._structure += 1

    def insert(self, i, module):
        """Add a module before module i."""
        self._layers.insert(index(i), _module(module))
        Module._structure += 1

    def _place(self, i):
        if not -len(self) <= index(i) < len(self):
            raise IndexError(f"no module {i}: this Sequential has {len(self)}")
        return index(i)


def _module(value):
    if not isinstance(value, Module):
        hint = f"; write {value.__name__}()" if isinstance(value, type) and issubclass(value, Module) else ""
        raise TypeError(f"Sequential is made of modules such as nn.Linear(2, 3) and nn.Tanh(); got {value!r}{hint}")
    return value


def as_input(x, dtype):
    """`x` (Tensor, array, list, number) as a Tensor of `dtype`: a layer computes in the dtype of its weights."""
    return as_tensor(x).astype(dtype)


def as_tensor(x):
    """A Tensor as it is; arrays, lists and numbers as a constant."""
    return x if isinstance(x, Tensor) else Tensor(np.asarray(x))
