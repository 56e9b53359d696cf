"""What a loop of any other kind says of its steps: arrays by their names."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from nbprop.record.layers import Layer, Tap, Wire, unit_axis
from nbprop.record.observation import Observation
from nbprop.record.source import CannotSay

from .calls import array as of_tensor


class Given:
    """What `run.observe(...)` was told. cost, look, wires: as of Eyes."""

    cost = 0.0
    compiled = ()
    missing: "list[int]" = []

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self._shapes: dict[str, tuple[int, ...]] | None = None
        self._wanted = True
        self._theta: Any = None
        self.tells_gradients = False
        self._before: Any = None

    def look(self, wanted: bool) -> None:
        self._wanted = wanted

    def leave(self, stop: Any) -> None:
        """Call stop(), which ends the loop."""
        stop()

    def told(self, loop: Any, loss: Any) -> None:
        """`run.step(loss)`."""
        loop.end_step(loop.heeded(lambda: one_number("step", "loss", loss)))

    def given(
        self, loop: Any, *, loss: Any = None, params: Any = None, grads: Any = None, activations: Any = None,
        deltas: Any = None, pre_activations: Any = None, **more: Any,
    ) -> None:  # fmt: skip
        """A step is over: see `nb.watch`. What does not fit is said, and not taken."""
        self.tells_gradients = grads is not None
        numbers = {name: loop.heeded(lambda name=name: one_number("observe", name, more[name])) for name in more}
        number = None if loss is None else loop.heeded(lambda: one_number("observe", "loss", loss))
        seen = None
        if self._wanted and params is not None:
            arrays = {
                "params": params, "grads": grads, "activations": activations, "deltas": deltas,
                "pre_activations": pre_activations,
            }  # fmt: skip
            seen = loop.heeded(lambda: self._seen(number, *(_flat(name, each) for name, each in arrays.items())))
        loop.end_step(number, seen, **{name: value for name, value in numbers.items() if value is not None})

    def _seen(self, loss, params, grads, activations, deltas, before):
        shapes = {name: each.shape for name, each in params.items()}
        if self._shapes is None:
            self._shapes = shapes
        elif shapes != self._shapes:
            odd = next(name for name in [*shapes, *self._shapes] if shapes.get(name) != self._shapes.get(name))
            raise ValueError(
                f"observe: params are to be the same at every step; {odd!r} was {self._shapes.get(odd)}, and now is "
                f"{shapes.get(odd)}"
            )
        if unknown := [name for name in grads if name not in params]:
            raise ValueError(f"observe: grads has {unknown[0]!r}, which params has not: {', '.join(params)}")
        for name, each in grads.items():
            if each.shape != params[name].shape:
                raise ValueError(
                    f"observe: the gradient of {name!r} is {each.shape}, but {name!r} is {params[name].shape}"
                )
        places, start = {}, 0
        for name, each in params.items():
            places[name] = slice(start, start + each.size)
            start += each.size
        layers, taps = [], []
        for name, each in params.items():
            if each.ndim < 2:
                continue
            title = _title(name, params)
            a, dz = _of(activations, title, name), _of(deltas, title, name)
            z = _of(before, title, name)
            shown = next((x for x in (a, z, dz) if x is not None), None)
            nothing = np.full((0, each.shape[-1]), np.nan, np.float32)
            a, z = (shown if shown is not None else nothing) if a is None else a, z
            z = a if z is None else z
            reached = dz is not None
            units = a.shape[unit_axis(a)]
            layers.append(Layer(title, "Weights", "identity", units, places[name], each.shape))
            taps.append(Tap(z, np.full_like(z, np.nan) if dz is None else dz, a, None, reached))
        theta = np.concatenate([each.ravel() for each in params.values()]) if params else np.zeros(0, np.float32)
        gradient = np.concatenate(
            [grads[name].ravel() if name in grads else np.full(each.size, np.nan) for name, each in params.items()]
        )
        self.wires = [Wire((i - 1,)) for i in range(len(layers))]
        was, self._theta = self._theta, theta.copy()
        return Observation(
            layers, taps, theta.copy(), gradient, np.nan if loss is None else loss, before=was, after=theta
        )

    def theta(self) -> np.ndarray:
        if self._theta is None:
            raise CannotSay("no step has told its params yet: run.observe(params=...)")
        return self._theta

    def activations(self, X: Any) -> Any:
        raise CannotSay("of this loop is known what it tells, and nothing for other samples")

    def predict(self, X: Any, data: Any) -> Any:
        raise CannotSay("of this loop is known what it tells, and nothing for other samples")

    def close(self) -> None:
        self._wanted = False

    def __repr__(self) -> str:
        return "a loop of your own"


def one_number(who: str, name: str, value: Any) -> float:
    """The number that a value is: a float, or what holds one, such as a tensor."""
    try:
        numbers = np.asarray(value.item() if hasattr(value, "item") else value, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{who}: {name} must be one number, got {type(value).__name__}") from None
    if numbers.size != 1:
        raise ValueError(f"{who}: {name} must be one number, got shape {numbers.shape}")
    return float(numbers.reshape(()))


def _flat(what, given, prefix=""):
    """Path -> array, of what may be nested: dicts, lists, tuples, objects with fields."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        items = [(str(name), each) for name, each in given.items()]
    elif dataclasses.is_dataclass(given) and not isinstance(given, type):  # an equinox module: settings are no arrays
        inside = [(field.name, getattr(given, field.name, None)) for field in dataclasses.fields(given)]
        items = [(name, each) for name, each in inside if hasattr(each, "shape") or _holds(each)]
    elif isinstance(given, (list, tuple)):
        names = getattr(given, "_fields", range(1, len(given) + 1))
        items = [(str(name), each) for name, each in zip(names, given, strict=True)]
    else:
        array = of_tensor(given) if hasattr(given, "detach") else np.asarray(given)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"observe: {what} must hold arrays of numbers; {prefix or what} has dtype {array.dtype}")
        return {prefix or what: array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)}
    found = {}
    for name, each in items:
        if each is not None:
            found |= _flat(what, each, f"{prefix}.{name}" if prefix else name)
    return found


def _holds(thing):
    return isinstance(thing, (Mapping, list, tuple)) or dataclasses.is_dataclass(thing)


def _title(name, params):
    """The name of the layer of a weight: that of what it stands in, where there it is the only matrix."""
    above = _above(name)
    same = [each for each, array in params.items() if array.ndim > 1 and _above(each) == above]
    return above if above and len(same) == 1 else name


def _above(name):
    return name[: max(name.rfind("."), name.rfind("/"), 0)]


def _of(arrays, title, name):
    found = arrays.get(title, arrays.get(name))
    return None if found is None else found[:, None] if found.ndim == 1 else found
