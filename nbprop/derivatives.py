"""Derivatives of plain functions, as those type them who know autograd or JAX. They are plain arrays.

What is differentiated by, and what the function returns, may be an array, a number, or a container of such: a dict,
list or tuple, nested at will (JAX calls it a pytree). NB: a list or tuple of nothing but numbers is one array.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from .engine import BackwardError, ShapeError, Tensor, no_grad
from .engine.check import floating, whole
from .engine.numpy_protocol import numbers, tensors
from .engine.tape import enable_grad, grad_enabled, walk

APART = 6e-6  # about eps^(1/3): there the differences of `jvp` lose as much by rounding as by what is bent
FEW = 16  # results of which `jvp` computes every row
LOST = 1e-7  # share of a product that `jvp` may have lost by differences
PLAIN = (
    "a gradient is a plain array, without a history of its own. For second derivatives take nb.hvp or nb.hessian, or "
    "central differences of grad(f)."
)


class Variable(Tensor):
    """What a function is differentiated by here: told apart, so that an inner gradient is not lost to an outer one."""


def grad(f, argnum: Any = 0, *, argnums: Any = None, has_aux=False) -> Callable[..., Any]:
    """The function that computes df/dx; x is argument number `argnum` of f, which takes Tensors and returns one number.

    `grad(lambda x: (x**2).sum())([1.0, 2.0])` is `array([2., 4.])`. Raises BackwardError if f returns anything else.

    argnum    from 0, or from -1 at the end; a tuple of such for the gradients by several arguments, a tuple. JAX calls
              it argnums.
    has_aux   f returns (number, anything else), and the result is (gradient, anything else), without a graph.

    x may be a list, a number, an array, or a dict, list or tuple of arrays: then so is the gradient. Whole numbers
    become float32. Variables that f reaches by other ways get no gradient: their `.grad` stays as it is.

    NB: gradients are plain arrays, so grad(grad(f)) is refused; for second derivatives see `nb.hvp` and `nb.hessian`.
    """
    both = value_and_grad(f, argnum, argnums=argnums, has_aux=has_aux)

    def gradient(*args, **options):
        value, found = both(*args, **options)
        return (found, value[1]) if has_aux else found

    return gradient


def value_and_grad(f, argnum: Any = 0, *, argnums: Any = None, has_aux=False) -> Callable[..., Any]:
    """The function that computes (f(x), df/dx); see `grad`. With has_aux: ((number, anything else), df/dx)."""
    chosen = _chosen(argnum if argnums is None else argnums)

    def both(*args, **options):
        y, xs, aux = _run(f, args, options, chosen, has_aux)
        if not isinstance(y, Tensor):
            raise BackwardError(f"grad expects a function that returns one number, a Tensor: got {type(y).__name__}.")
        found = mapped(_back([(y, None)], xs, keep=False).__getitem__, xs)
        return (y.data[()], aux) if has_aux else y.data[()], found

    return both


def elementwise_grad(f, argnum: Any = 0, *, argnums: Any = None) -> Callable[..., Any]:
    """The function that computes the slope of f, elementwise, at every number of x: the gradient of the sum of f(x)."""
    return grad(lambda *args, **options: f(*args, **options).sum(), argnum, argnums=argnums)


def vjp(f, *xs, has_aux=False) -> tuple[Any, ...]:
    """(f(*xs), pull): what f returns, and the function that takes dL/dy, built like it, to the tuple of all dL/dx.

    pull(u) is u^T J, a vector-Jacobian product: a backward pass, as often as wanted. f returns a Tensor or a container
    of such; with has_aux (those, anything else), and the result has that as a third part. x as in `grad`.
    """
    y, variables, aux = _run(f, xs, {}, range(len(xs)), has_aux)
    values = _values("vjp", y)

    def pull(dy):
        pairs = zip(tensors(y), arrays(like(y, dy, "dL/dy")), strict=True)
        return mapped(_back(pairs, variables).__getitem__, variables)

    return (values, pull, aux) if has_aux else (values, pull)


def jacobian(f, argnum: Any = 0, *, argnums: Any = None) -> Callable[..., Any]:
    """The function that computes all dy/dx, an array of shape y.shape + x.shape; argnum and x as in `grad`.

    By rows: one forward pass, and a backward pass for every number of y. Where f returns a container, so does this, of
    Jacobians that are built like x.
    """
    chosen = _chosen(argnum if argnums is None else argnums)

    def by_rows(*args, **options):
        y, xs, _ = _run(f, args, options, chosen)
        _values("jacobian", y)
        return mapped(lambda y: mapped(_rows(y, xs).__getitem__, xs), y)

    return by_rows


def jvp(f, xs, vs) -> tuple[Any, Any]:
    """(f(*xs), J v): what f returns, and how it changes as its arguments, the tuple xs, move along vs, built like them.

    NB: there is no forward mode here. Up to 16 results are computed exactly, by the rows of J. For more, it is the
    difference of f at both sides of xs, 6e-6 apart for |v| = |x| = 1, which loses a share of some 1e-10 of J v; one
    backward pass, u^T (J v) = (u^T J) v for a random u, says whether it has lost more than 1e-7, as near a kink, and
    then J v is computed by rows after all, a backward pass for each. All in float64, whatever xs are.
    """
    for name, given in (("xs", xs), ("vs", vs)):
        if not isinstance(given, (tuple, list)) or len(given) != len(xs):
            raise TypeError(
                f"jvp expects {name} as a tuple, with one entry for each argument of f: got {type(given).__name__}"
                f"{f' of {len(given)}' if isinstance(given, (tuple, list)) else ''}; try jvp(f, (x,), (v,))."
            )
    y, variables, _ = _run(f, xs, {}, range(len(xs)), dtype=np.float64)
    values, outputs, inputs = _values("jvp", y), list(tensors(y)), list(tensors(variables))
    along = dict(zip(inputs, arrays([like(x, vs[i], f"vs[{i}]") for i, x in enumerate(variables)]), strict=True))
    rows = lambda y: sum(np.tensordot(J, along[x], along[x].ndim) for x, J in _rows(y, inputs).items())  # noqa: E731

    def moved(step):
        with no_grad():
            return flat(f(*mapped(lambda x: Tensor(x.data + step * along[x]), variables)))

    if sum(y.size for y in outputs) > FEW:
        far = max(np.abs(v).max(initial=0) for v in along.values()) or 1
        apart = APART / far * max(1, np.sqrt(np.mean(flat(variables) ** 2)))
        change = (moved(apart) - moved(-apart)) / (2 * apart)
        u = np.random.default_rng(0).standard_normal(change.size)
        back = _back(zip(outputs, arrays(shaped(u, y)), strict=True), inputs)
        if abs(u @ change - sum(np.sum(dx * along[x]) for x, dx in back.items())) <= LOST * np.linalg.norm(u * change):
            return values, shaped(change, y)
    return values, mapped(rows, y)


def mapped(function, x) -> Any:
    """A container like x of function(leaf). None stays None."""
    if isinstance(x, dict):
        return {name: mapped(function, value) for name, value in x.items()}
    if not holds(x):
        return None if x is None else function(x)
    parts = [mapped(function, value) for value in x]
    return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)


def holds(x) -> bool:
    """Whether x is a container; a list or tuple of nothing but numbers is an array."""
    if isinstance(x, (list, tuple)):
        return any(value is None or isinstance(value, (np.ndarray, Tensor)) or holds(value) for value in x)
    return isinstance(x, dict)


def like(x: Any, v: Any, name) -> Any:
    """v, built like the container x of arrays or Tensors: of arrays with the same shapes, in float64."""
    if isinstance(x, dict) and isinstance(v, dict) and x.keys() == v.keys():
        return {key: like(value, v[key], f"{name}[{key!r}]") for key, value in x.items()}
    if holds(x) and not isinstance(x, dict) and isinstance(v, (list, tuple)) and len(x) == len(v):
        return [like(value, v[i], f"{name}[{i}]") for i, value in enumerate(x)]
    if holds(x) or holds(v):
        raise TypeError(f"{name} must be built like what it belongs to, {_build(x)}: got {_build(v)}.")
    if x is None:
        return None
    v = np.asarray(v.data if isinstance(v, Tensor) else v, np.float64)
    shape = numbers(x).shape
    if v.shape != shape:
        raise ShapeError(f"{name} must have the shape of what it belongs to, {shape}: got {v.shape}.")
    return v


def _build(x):
    if isinstance(x, dict):
        return f"a dict of {', '.join(map(repr, x)) or 'nothing'}"
    return f"a {type(x).__name__} of {len(x)}" if holds(x) else f"one array of shape {np.shape(x)}"


def arrays(x) -> list[Any]:
    """The arrays in a container, from left to right."""
    found = []
    mapped(found.append, x)
    return found


def flat(x) -> np.ndarray:
    """All numbers in a container as one vector, float64."""
    return np.concatenate([np.asarray(numbers(part), np.float64).ravel() for part in arrays(x)])


def shaped(vector, x) -> Any:
    """A container like x with the numbers of a vector, as `flat` makes it."""
    parts = [np.shape(part) for part in arrays(x)]
    pieces = iter(np.split(vector, np.cumsum([prod(shape) for shape in parts])[:-1]))
    return mapped(lambda part: next(pieces).reshape(np.shape(part)), x)


def _chosen(argnum: Any):
    """The numbers of arguments: one, or a tuple."""
    many = argnum if isinstance(argnum, (tuple, list)) else (argnum,)
    if not many or not all(isinstance(k, (int, np.integer)) and not isinstance(k, bool) for k in many):
        raise TypeError(f"argnum is the number of an argument, such as 0 or -1, or a tuple of such: got {argnum!r}.")
    return int(argnum) if isinstance(argnum, (int, np.integer)) else tuple(argnum)


def _run(f, args, options, chosen, has_aux=False, dtype: Any = None):
    """(what f returns, the variables it got for the chosen arguments, what else it returns, without a graph)."""
    many, n = chosen if isinstance(chosen, (tuple, range)) else (chosen,), len(args)
    for k in many:
        if not -n <= k < n:
            raise IndexError(f"the argument to differentiate by is number {k}: got {n} argument(s).")
    if any(x.op or isinstance(x, Variable) for x in tensors([args, options])):
        raise BackwardError(f"grad of grad is not supported: {PLAIN}")
    if grad_enabled() and any(x.requires_grad for x in tensors([args, options])):
        raise BackwardError(
            f"an argument is a Tensor that requires a gradient, which would not come through: {PLAIN} Or give its "
            "numbers, x.data."
        )

    def variable(x):
        return Variable(x, True, dtype or (whole(x) and (np.float32 if np.ndim(x) else np.float64)) or None)

    places = {k % n for k in many}
    args = [
        mapped(variable, x) if k in places else mapped(lambda x: Tensor(x, False) if floating(x) else x, x)
        for k, x in enumerate(args)
    ]
    with enable_grad():
        y = f(*args, **options)
    aux = None
    if has_aux:
        if not isinstance(y, tuple) or len(y) != 2:
            raise TypeError(f"has_aux=True expects f to return a pair (result, anything else): got {_build(y)}.")
        y, aux = y
    xs = args[chosen] if isinstance(chosen, int) else tuple(args[k] for k in chosen)
    if any(x._grad is not None for x in tensors(xs)):
        raise BackwardError(
            "f has called backward() or grad() itself, on a graph that leads to the argument of this grad: grad of "
            f"grad is not supported, {PLAIN}"
        )
    return y, xs, numbers(aux)


def _values(who, y):
    """What f has returned, as arrays of their own."""

    def value(y):
        if not isinstance(y, Tensor):
            raise BackwardError(f"{who} expects a function that returns Tensors: got {type(y).__name__}.")
        return y.data.copy()[()]

    return mapped(value, y)


def _back(pairs, xs, keep=True):
    """x -> dL/dx for each of the variables xs, where pairs are (y, dL/dy). keep: the graph is needed again."""
    total = {x: np.zeros_like(x.data) for x in tensors(xs)}
    for y, dy in pairs:
        arrived = walk(y, dy, keep) if y.requires_grad else {}
        if any(isinstance(x, Variable) and x not in total for x in arrived):
            raise BackwardError(f"grad of grad is not supported, by way of a variable of the outer one: {PLAIN}")
        for x in total.keys() & arrived.keys():
            total[x] += arrived[x]
    return total


def _rows(y, xs):
    """x -> dy/dx for each of the variables xs."""
    found = {x: np.zeros(y.shape + x.shape, x.dtype) for x in tensors(xs)}
    for i in np.ndindex(y.shape):
        dy = np.zeros(y.shape, y.dtype)
        dy[i] = 1
        for x, dx in _back([(y, dy)], xs).items():
            found[x][i] = dx
    return found
