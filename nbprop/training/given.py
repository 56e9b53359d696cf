"""What a user may give for a data set or an optimizer."""

from typing import Any

from nbprop import data as datasets, optim
from nbprop.checks import number

rate = number(0, tip=0.01)  # of a learning rate


def dataset(value: Any, target: Any = None) -> Any:
    """A Dataset from a Dataset, a name, or whatever `data.read` reads; an Arrays as it is. target: of a table."""
    named = isinstance(value, str) and target is None and value in datasets.DATASETS
    return datasets.dataset(value) if named else datasets.read(value, target)


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
