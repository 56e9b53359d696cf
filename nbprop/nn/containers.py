"""Modules made of modules."""

from collections.abc import Iterator, MutableMapping, MutableSequence
from operator import index
from typing import TYPE_CHECKING, Any

from ..checks import wrong
from ..engine.errors import ShapeError
from .module import Module, restructured


class _Container(Module):
    """`_contents` holds the modules: their names have no attribute's name before them."""

    _contents: Any

    if not TYPE_CHECKING:  # an editor that saw it would take any name for one that is there

        def __getattr__(self, name) -> Any:
            if name == "_contents":
                raise AttributeError(f"{type(self).__name__} holds no modules yet: call super().__init__(...) first")
            return super().__getattr__(name)

    def __len__(self) -> int:
        return len(self._contents)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._contents)


class ModuleList(_Container, MutableSequence):
    """A list of modules, found by the module of which it is an attribute; not to be called. A plain list does as well.

    modules: to begin with, any iterable.
    """

    def __init__(self, modules=()) -> None:
        self._contents = []
        self.extend(modules)

    def settings(self) -> dict[str, list[Any]]:
        return {"modules": list(self)}

    def __getitem__(self, i) -> Any:
        return type(self)(self._contents[i]) if isinstance(i, slice) else self._contents[self._place(i)]

    def __setitem__(self, i, module) -> None:
        self._contents[self._place(i)] = self._module(module)
        restructured()

    def __delitem__(self, i) -> None:
        del self._contents[i if isinstance(i, slice) else self._place(i)]
        restructured()

    def __add__(self, other) -> Any:
        """A new one, of the modules of both."""
        both = self[:]
        both.extend(other)
        return both

    def insert(self, i, module) -> None:
        """Add a module before module i."""
        self._contents.insert(index(i), self._module(module))
        restructured()

    def _place(self, i):
        if not -len(self) <= index(i) < len(self):
            raise IndexError(f"no module {i}: this {type(self).__name__} has {len(self)}")
        return index(i)

    def _module(self, value):
        if not isinstance(value, Module):
            hint = f"; write {value.__name__}()" if isinstance(value, type) and issubclass(value, Module) else ""
            hint = f"; write {type(self).__name__}(*layers)" if isinstance(value, (list, tuple)) else hint
            hint = f"; write {type(self).__name__}(*layers.values())" if isinstance(value, dict) else hint
            raise TypeError(
                f"{type(self).__name__} is made of modules such as nn.Linear(2, 3) and nn.Tanh(); got {value!r}{hint}"
            )
        return value


class Sequential(ModuleList):
    """Modules one after the other: each gets what the one before it gave.

    A list of them too: `len(model)`, `model[0]`, `model[1:3]` (a Sequential of the same modules), iteration, `append`,
    `insert`, `extend`, `pop`, `model[1] = nn.ReLU()`, `del model[1]`, ...
    """

    def __init__(self, *modules) -> None:
        super().__init__(modules)

    def forward(self, x) -> Any:
        for i, layer in enumerate(self._contents):
            if isinstance(x, tuple) and i and type(layer).__module__.startswith("nbprop."):
                raise TypeError(
                    f"{self.title(i - 1)} gives a tuple, and {self.title(i)} takes one Tensor: write a Module whose "
                    "forward takes it apart, such as out, state = self.lstm(x)"
                )
            try:
                x = layer(x)
            except ShapeError as error:
                error.args = (f"{self.title(i)}: {error}",)
                raise
        return x

    def title(self, i) -> str:
        """What a person calls module i: "layer 2 of 5 (Tanh)", counted from 1."""
        return f"layer {i + 1} of {len(self)} ({type(self[i]).__name__})"

    def __getitem__(self, i) -> Any:
        return Sequential(*self._contents[i]) if isinstance(i, slice) else super().__getitem__(i)


class ModuleDict(_Container, MutableMapping):
    """A dict of modules, found by the module of which it is an attribute; not to be called. A plain dict does as well.

    modules: to begin with, a dict or pairs (name, module); names are texts without dots.
    """

    def __eq__(self, other) -> bool:
        return self is other  # as all modules, not as a dict

    def __hash__(self) -> int:
        return id(self)

    def __init__(self, modules=()) -> None:
        self._contents = {}
        self.update(modules)

    def settings(self) -> dict[str, list[list[Any]]]:
        return {"modules": [list(pair) for pair in self.items()]}

    def __getitem__(self, name) -> Module:
        return self._contents[name]

    def __setitem__(self, name, module) -> None:
        if not isinstance(name, str) or not name or "." in name or name in vars(self):
            raise ValueError(wrong("the name of a module", "a text without dots that is no attribute", name))
        if not isinstance(module, Module):
            raise TypeError(wrong(f"{type(self).__name__}[{name!r}]", "a module, such as nn.Linear(2, 3)", module))
        self._contents[name] = module
        restructured()

    def __delitem__(self, name) -> None:
        del self._contents[name]
        restructured()
