"""What a user may give for a data set or an optimizer."""

from inspect import signature
from typing import Any

import numpy as np

from nbprop import data as datasets, nn, optim
from nbprop.checks import did_you_mean, number
from nbprop.data import tables

rate = number(0, tip=0.01)  # of a learning rate


def dataset(value: Any, *, target: Any = None, loss: Any = None) -> Any:
    """A Dataset from a Dataset, a name, or whatever `data.read` reads; an Arrays as it is. target: of a table. loss:
    what arrays (X, y) are for, which says what whole numbers are that come as floats."""
    if loss is not None and target is None and isinstance(value, tuple) and len(value) == 2:
        return datasets.from_arrays(*value, task=_task(value[1], nn.loss(loss).tasks))
    if isinstance(value, str) and target is None and value in datasets.DATASETS:
        return datasets.dataset(value)
    return datasets.read(value, target)


def _task(y, tasks):
    """The task of labels for a loss of these tasks, as PyTorch's users have them: also as floats, or of two classes for
    a loss with an output for each. None where they say it themselves, or are none."""
    y = None if tables.keys(y) is not None else np.asarray(y)
    if y is None or "regression" in tasks or not y.size or (y.dtype.kind == "f" and not (y == np.round(y)).all()):
        return None
    if "multiclass" in tasks:
        return None if "binary" in tasks else "multiclass"
    if y.dtype.kind != "f":
        return None
    return "multilabel" if y.ndim > 1 and y.shape[-1] > 1 else "binary"


def optimizer(value: Any, rate: "float | None" = None, module: Any = None) -> optim.Optimizer:
    """An optimizer that nobody else holds, with learning rate `rate` unless an instance brings its own. module: what it
    is to train; then its groups must be for parameters in it."""
    if not isinstance(value, optim.Optimizer):
        return optim.optimizer(value, lr=rate)
    made = value.anew(module)
    if module is not None:
        made.check_groups(module)
    return made


def optimizers(
    value: Any, rate: "float | None", parts: "list[str]", module: Any = None
) -> "dict[str, optim.Optimizer]":
    """Part of the objective -> its optimizer: from one for all (each gets its own of that kind), or a dict. module: a
    function of a part."""
    own = module or (lambda part: None)
    if not isinstance(value, dict):
        return {part: optimizer(value, rate, own(part)) for part in parts}
    if set(value) != set(parts):
        raise ValueError(
            f"optimizer must be one for each of {', '.join(map(repr, parts))}; got {', '.join(map(repr, value))}"
        )
    return {part: optimizer(value[part], rate, own(part)) for part in parts}


MEANT = {  # what a Trainer is not given -> what to do
    **dict.fromkeys(("epochs", "steps", "patience", "bar"), "pass it to fit: trainer.fit({name}={value!r})"),
    **dict.fromkeys(("criterion", "loss_fn"), "it is called loss"),
    **dict.fromkeys(("learning_rate", "rate"), "it is called lr"),
    **dict.fromkeys(("X", "y", "dataset", "train_data", "loader"), "data is one argument: (X, y), a Dataset or a name"),
    **dict.fromkeys(
        ("val_data", "validation_data", "validation"),
        "make it a part of the data: nb.data.from_arrays(X, y, X_val, y_val)",
    ),
    "scheduler": "it is a setting of the optimizer, schedule: optimizer=nb.optim.Adam(schedule=nb.optim.StepLR(100))",
    "callbacks": "have a function called by trainer.on('step', f)",
    "device": "it is computed by NumPy, on the CPU",
    "shuffle": "batches are always drawn in a new order, by seed",
}


def check_names(kind: type, settings: "dict[str, Any]", knobs: "list[str]") -> None:
    """TypeError for an argument that a Trainer does not take, with what to do."""
    takes = [name for name in signature(kind.__init__).parameters if name != "self"]
    for name, value in settings.items():
        if name not in takes:
            raise TypeError(f"{kind.__name__} takes no {name!r}{_instead(name, value, settings, takes, knobs)}")


def _instead(name, value, settings, takes, knobs):
    if name in MEANT:
        return f"; {MEANT[name].format(name=name, value=value)}"
    asked = settings.get("optimizer")
    first = asked if isinstance(asked, str) and asked in optim.EVERY else "adam"
    kinds = [type(optim.optimizer(each)) for each in (first, *optim.EVERY)]
    if isinstance(value, str) and name in knobs:
        return f"; it is a knob: trainer.set({name}={value!r}) once the Trainer is made"
    if own := [each.__name__ for each in kinds if name in each.checks]:
        return f"; it is a setting of the optimizer: optimizer=nb.optim.{own[0]}({name}={value!r})"
    if name in knobs:
        return f"; it is a knob: trainer.set({name}={value!r}) once the Trainer is made"
    return did_you_mean(name, takes) or f"; it takes {', '.join(takes)}"
