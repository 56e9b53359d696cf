"""nbprop: watch backpropagation happen in a notebook, and act on it while it happens."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors, which do not run __getattr__ below
    from . import (
        comparing,
        data,
        diagnosis,
        engine,
        exercises,
        nn,
        optim,
        papers,
        playground,
        presets,
        record,
        sources,
        sweeping,
        theory,
        training,
        views,
        watching,
    )
    from .comparing import compare
    from .derivatives import elementwise_grad, grad, jacobian, jvp, value_and_grad, vjp
    from .diagnosis import diagnose
    from .engine import BackwardError, GradientError, ShapeError, Tensor, check_gradient, no_grad
    from .exercises import exercise, predict
    from .playground import Playground
    from .record import Diverged, History
    from .saving import load, save
    from .second_order import hessian, hvp
    from .sources import Descent
    from .sweeping import read_sweep, sweep
    from .theory import mean_field
    from .training import Objective, Trainer, curvature
    from .watching import watch

__version__ = "0.1.0"

__all__ = [
    "BackwardError",
    "Descent",
    "Diverged",
    "GradientError",
    "History",
    "Objective",
    "Playground",
    "ShapeError",
    "Tensor",
    "Trainer",
    "check_gradient",
    "compare",
    "comparing",
    "curvature",
    "data",
    "diagnose",
    "diagnosis",
    "elementwise_grad",
    "engine",
    "exercise",
    "exercises",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "load",
    "mean_field",
    "nn",
    "no_grad",
    "optim",
    "papers",
    "playground",
    "predict",
    "presets",
    "read_sweep",
    "record",
    "save",
    "sources",
    "sweep",
    "sweeping",
    "theory",
    "training",
    "value_and_grad",
    "views",
    "vjp",
    "watch",
    "watching",
]

# Name -> module it lives in. Everything is looked up on first use, so `import nbprop` stays quick and loads no widgets.
_HOME = {
    "Tensor": "engine",
    "no_grad": "engine",
    "grad": "derivatives",
    "value_and_grad": "derivatives",
    "elementwise_grad": "derivatives",
    "vjp": "derivatives",
    "jvp": "derivatives",
    "jacobian": "derivatives",
    "hvp": "second_order",
    "hessian": "second_order",
    "check_gradient": "engine",
    "save": "saving",
    "load": "saving",
    "ShapeError": "engine",
    "GradientError": "engine",
    "BackwardError": "engine",
    "Trainer": "training",
    "Objective": "training",
    "curvature": "training",
    "History": "record",
    "Diverged": "record",
    "Descent": "sources",
    "mean_field": "theory",
    "Playground": "playground",
    "diagnose": "diagnosis",
    "compare": "comparing",
    "watch": "watching",
    "sweep": "sweeping",
    "read_sweep": "sweeping",
    "exercise": "exercises",
    "predict": "exercises",
}
_STOREYS = (
    "engine",
    "nn",
    "optim",
    "data",
    "record",
    "theory",
    "training",
    "sources",
    "diagnosis",
    "views",
    "comparing",
    "watching",
    "sweeping",
    "presets",
    "playground",
    "exercises",
    "papers",
)


if not TYPE_CHECKING:  # an editor that saw it would take any name for one of nbprop's

    def __getattr__(name) -> Any:
        if name in _HOME:
            value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        elif name in _STOREYS:
            value = import_module(f".{name}", __name__)
        else:
            absent = import_module(".elsewhere", __name__).absent
            raise AttributeError(absent("module 'nbprop'", name, __all__))
        globals()[name] = value
        return value


def __dir__() -> "list[str]":
    return sorted({*globals(), *__all__})
