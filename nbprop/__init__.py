"""nbprop: watch backpropagation happen in a notebook, and act on it while it happens."""

from importlib import import_module

__version__ = "0.1.0"

# Name -> module it lives in. Everything is looked up on first use, so `import nbprop` stays quick and loads no widgets.
_HOME = {
    "Tensor": "engine",
    "no_grad": "engine",
    "grad": "engine",
    "check_gradient": "engine",
    "save": "saving",
    "load": "saving",
    "ShapeError": "engine",
    "GradientError": "engine",
    "BackwardError": "engine",
    "Trainer": "training",
    "History": "record",
    "Diverged": "record",
    "Descent": "training",
    "Playground": "playground",
    "exercise": "exercises",
}
_STOREYS = ("engine", "nn", "optim", "data", "record", "training", "views", "playground", "exercises")

__all__ = [*_HOME, *_STOREYS]


def __getattr__(name):
    if name in _HOME:
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    elif name in _STOREYS:
        value = import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module 'nbprop' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
