"""What a Tensor has to change its shape, to move its numbers about, to choose among them and to put them in order."""

from collections.abc import Callable
from functools import wraps
from inspect import isfunction
from itertools import pairwise
from math import ceil, prod
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple
from numpy.lib.stride_tricks import sliding_window_view

from ..checks import size, whole
from .elementwise import Cast
from .errors import ShapeError
from .moving import Cummax, Cummin, Gather, Scatter, ScatterAdd, Sort, Take

if TYPE_CHECKING:
    from .tensor import Tensor

ALSO = {"dim": "axis", "dims": "axis", "axes": "axis", "dim1": "axis1", "dim2": "axis2", "keepdim": "keepdims"}
ALSO |= {"diagonal": "k", "shifts": "shift", "source": "axis"}  # other names of arguments, most of them PyTorch's
EVERY = slice(None)


class Ordered(NamedTuple):
    """What `sort`, `topk` and `kthvalue` give: `values`, a Tensor, and the `indices` along the axis where they were, an
    array of int, as of argmax."""

    values: "Tensor"
    indices: np.ndarray


def sizes_of(sizes) -> tuple[Any, ...]:
    """f(2, 3), f((2, 3)) and f([2, 3]) mean the same."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes


def moved(x, function, *args, **options) -> "Tensor":
    """What a function of NumPy that moves numbers and changes none makes of a Tensor: it is asked where it puts the
    places of the numbers."""
    places = np.arange(x.size).reshape(x.shape)
    y = np.asarray(function(places, *args, **options))
    same = np.may_share_memory(y, places) and y.size == x.size and y.flags.c_contiguous
    return x.reshape(y.shape) if same else _apply(Take(y.copy()), x)


def named(function) -> Callable[..., Any]:
    """A method that also takes what is in ALSO, and whose errors say its name and the shape."""

    @wraps(function)
    def method(self, *args, **options):
        for name in ALSO.keys() & options.keys():
            if ALSO[name] in options:
                raise TypeError(f"{ALSO[name]} and {name} are two names of one thing: {function.__name__} takes one.")
            options[ALSO[name]] = options.pop(name)
        try:
            return function(self, *args, **options)
        except (IndexError, TypeError, ValueError) as error:
            if isinstance(error, ShapeError) or f"{function.__name__}()" in str(error):
                raise
            kind = (
                ShapeError
                if isinstance(error, ValueError)
                else IndexError
                if isinstance(error, IndexError)
                else TypeError
            )
            said = ", ".join([*map(str, args), *(f"{name}={value}" for name, value in options.items())])
            call = f"{function.__name__}({said if len(said) < 80 else '...'})"
            raise kind(f"{call} cannot be done with shape {self.shape}: {str(error).rstrip('.')}.") from None

    return method


def _apply(op, *inputs):
    from .tensor import apply  # that file needs this one first

    return apply(op, *inputs)


def _numbers(x):
    """An index or a mask: an array, or the Tensor that it is."""
    return x if hasattr(x, "_data") else np.asarray(x)


def _as_far_as(index, src: Any):
    """What an index uses of src: the part of its shape."""
    src = src if np.ndim(src) == 0 or hasattr(src, "_data") else np.asarray(src)
    shape, used = np.shape(src), np.shape(index)
    return src[tuple(map(slice, used))] if len(shape) == len(used) and shape != used else src


class Shaping:
    """The methods of Tensor that give other shapes. An argument `axis` may be called `dim` or `dims`, too, and
    `keepdims` `keepdim`. Sizes are given one by one or as a tuple. Axes count from the end if negative."""

    _data: Any
    shape: Any
    ndim: Any
    reshape: Any
    transpose: Any
    broadcast_to: Any
    astype: Any
    __getitem__: Any

    # Another shape

    def view(self, *shape) -> "Tensor":
        """As `reshape`. NB: PyTorch's view is an error where reshape would have to copy the numbers."""
        return self.reshape(*shape)

    def ravel(self) -> "Tensor":
        """All axes as one."""
        return self.reshape(-1)

    def flatten(self, start_dim=0, end_dim=-1) -> "Tensor":
        """All axes from start_dim to end_dim as one."""
        first, last = (normalize_axis_index(n, max(self.ndim, 1)) for n in (start_dim, end_dim))
        if first > last:
            raise ValueError(f"start_dim={start_dim} comes after end_dim={end_dim}")
        return self.reshape(*self.shape[:first], prod(self.shape[first : last + 1]), *self.shape[last + 1 :])

    def unflatten(self, axis, sizes) -> "Tensor":
        """One axis as several of these sizes, of which one may be -1."""
        axis = normalize_axis_index(axis, self.ndim)
        return self.reshape(*self.shape[:axis], *sizes, *self.shape[axis + 1 :])

    def squeeze(self, axis=None) -> "Tensor":
        """Without the axes of size 1, or without this one (a number or a tuple).
        NB: PyTorch leaves an axis of another size as it is; here, as in NumPy, it is an error."""
        return self.reshape(np.squeeze(self._data, tuple(axis) if isinstance(axis, list) else axis).shape)

    def unsqueeze(self, axis) -> "Tensor":
        """With a new axis of size 1 in this place (or several, a tuple)."""
        return self.reshape(np.expand_dims(self._data, axis).shape)

    expand_dims = unsqueeze

    def permute(self, *axes) -> "Tensor":
        """The axes in another order; all of them are named."""
        return self.transpose(sizes_of(axes))

    def moveaxis(self, axis, destination) -> "Tensor":
        """An axis (a number, or a tuple of them) in another place; the others stay in order."""
        return self.transpose(np.moveaxis(np.empty(range(self.ndim)), axis, destination).shape)

    movedim = moveaxis

    def swapaxes(self, axis1, axis2) -> "Tensor":
        """Two axes, the one in place of the other."""
        return self.transpose(np.swapaxes(np.empty(range(self.ndim)), axis1, axis2).shape)

    def expand(self, *sizes) -> "Tensor":
        """Repeated to a larger shape, as `broadcast_to`; -1 keeps a size."""
        sizes = sizes_of(sizes)
        old = (-1,) * (len(sizes) - self.ndim) + self.shape
        return self.broadcast_to([m if n == -1 else n for n, m in zip(sizes, old, strict=False)])

    def expand_as(self, other) -> "Tensor":
        """Repeated to the shape of another."""
        return self.broadcast_to(other.shape)

    # Moved, repeated

    def tile(self, *reps) -> "Tensor":
        """All of it so many times along each axis, the last ones if fewer are given: (2, 3).tile(1, 2) is (2, 6)."""
        return moved(self, np.tile, sizes_of(reps))

    def repeat(self, *sizes) -> "Tensor":
        """As `tile`, with a number for each axis at least.
        NB: this is PyTorch's; NumPy's repeat, each number so many times, is `repeat_interleave` (and np.repeat)."""
        if len(sizes_of(sizes)) < self.ndim:
            raise ValueError("a number for each axis is expected; NumPy's repeat is repeat_interleave(repeats, axis)")
        return self.tile(*sizes)

    def repeat_interleave(self, repeats, axis=None) -> "Tensor":
        """Each number so many times (a number, or one for each place along the axis); of all in a row if axis=None."""
        return moved(self, np.repeat, np.asarray(repeats), axis)

    def flip(self, *axes, axis=None) -> "Tensor":
        """Backwards along these axes, or all."""
        some = range(self.ndim) if not axes and axis is None else sizes_of(axes or (axis,))
        axes = normalize_axis_tuple(some, self.ndim)
        return self[tuple(slice(None, None, -1 if i in axes else 1) for i in range(self.ndim))]

    def roll(self, shift, axis: Any = None) -> "Tensor":
        """Shifted along an axis (or several, then a shift for each); what leaves at one end comes in at the other."""
        shifts = [index(n) for n in np.ravel(shift).tolist()]
        if len(shifts) not in (1, np.size(axis)):
            raise ValueError("one shift is expected for each axis")
        return moved(self, np.roll, shifts, axis)

    def rot90(self, k=1, axis=(0, 1)) -> "Tensor":
        """Turned k times from the first of two axes towards the second."""
        return moved(self, np.rot90, index(k), axis)

    def unfold(self, axis, size, step=1) -> "Tensor":
        """Windows of a size along an axis, every `step` places one; their numbers are a new last axis."""
        axis = normalize_axis_index(axis, self.ndim)
        some = (EVERY,) * axis + (slice(None, None, whole(1)("step", step)),)
        return moved(self, lambda places: sliding_window_view(places, size, axis)[some])

    # Triangles and diagonals, of the last two axes if not said otherwise

    def tril(self, k=0) -> "Tensor":
        """The lower triangle, 0 above the k-th diagonal (0 is the main one, above it they count up)."""
        return self.masked_fill(~self._triangle(k), 0)

    def triu(self, k=0) -> "Tensor":
        """The upper triangle, 0 below the k-th diagonal."""
        return self.masked_fill(self._triangle(k - 1), 0)

    def _triangle(self, k):
        if self.ndim < 2:
            raise ShapeError(f"A triangle needs two axes: got shape {self.shape}.")
        return np.tri(*self.shape[-2:], k=index(k), dtype=bool)

    def diag(self, k=0) -> "Tensor":
        """The k-th diagonal of a matrix, or, of one axis, the matrix with it on the diagonal and 0 elsewhere."""
        if self.ndim == 2:
            return self.diagonal(k)
        places = np.diag(np.arange(self._data.size).reshape(self.shape) + 1, index(k))
        return _apply(Take(np.maximum(places - 1, 0)), self).masked_fill(places == 0, 0)

    def diagonal(self, offset=0, axis1=0, axis2=1) -> "Tensor":
        """A diagonal of two axes, as a new last axis."""
        return moved(self, np.diagonal, offset, axis1, axis2)

    def trace(self, offset=0, axis1=0, axis2=1) -> "Tensor":
        """The sum of a diagonal."""
        return self.diagonal(offset, axis1, axis2).sum(-1)

    # Chosen, put

    def take(self, indices, axis=None) -> "Tensor":
        """The numbers at these places along an axis, or of all in a row."""
        return moved(self, np.take, np.asarray(indices), axis)

    def index_select(self, axis, index) -> "Tensor":
        """The slices of these numbers along an axis."""
        return self[(EVERY,) * normalize_axis_index(axis, self.ndim) + (index,)]

    def gather(self, axis, index) -> "Tensor":
        """y[i, j] = x[i, index[i, j]] where the axis is the last of two. The index has the shape of y, as many axes as
        x, and no larger sizes but along the axis."""
        return _apply(Gather(axis), self, _numbers(index))

    def scatter(self, axis, index, src) -> "Tensor":
        """x with src[i, j] in place of x[i, index[i, j]] where the axis is the last of two; src may be one number, or
        larger than the index. Of several for one place the last one stays, and has the gradient."""
        return _apply(Scatter(axis), self, _numbers(index), _as_far_as(index, src))

    def scatter_add(self, axis, index, src) -> "Tensor":
        """x with src[i, j] added to x[i, index[i, j]] where the axis is the last of two."""
        return _apply(ScatterAdd(axis), self, _numbers(index), _as_far_as(index, src))

    def masked_fill(self, mask, value) -> "Tensor":
        """The value where the mask, of bool, is True, else x."""
        from .functions import where  # that file needs this one first

        return where(mask, value, self)

    def masked_select(self, mask) -> "Tensor":
        """The numbers where the mask, of bool, is True, in a row."""
        mask = np.asarray(mask)
        if mask.dtype != bool:
            raise TypeError(f"masked_select expects a mask of dtype bool: got {mask.dtype}; try mask > 0.")
        return self[np.broadcast_to(mask, self.shape)]

    def split(self, sizes, axis=0) -> "list[Tensor]":
        """Cut along an axis: a list of views. `sizes`: a list, or the size of every piece (the last may be smaller).

        NB: as in PyTorch; NumPy's split takes the number of pieces.
        """
        axis = normalize_axis_index(axis, self.ndim)
        n, ends = self.shape[axis], [0]
        if not isinstance(sizes, (list, tuple)):
            step = size("the size of a piece", sizes)
            sizes = [min(step, n - start) for start in range(0, n, step)] or [0]
        for each in sizes:
            ends.append(ends[-1] + whole(0)("the size of a piece", each))
        if ends[-1] != n:
            raise ValueError(f"split expects sizes that add up to {n}, the size of axis {axis}: got {sizes}.")
        return [self[(EVERY,) * axis + (slice(*pair),)] for pair in pairwise(ends)]

    def chunk(self, chunks, axis=0) -> "list[Tensor]":
        """Cut along an axis into at most so many pieces, all of one size but the last. NB: np.array_split gives as many
        pieces as are asked for, whose sizes differ by 1 at most."""
        n = self.shape[normalize_axis_index(axis, self.ndim)]
        return self.split(max(ceil(n / size("the number of chunks", chunks)), 1), axis)

    def unbind(self, axis=0) -> "list[Tensor]":
        """The slices along an axis, a list."""
        axis = normalize_axis_index(axis, self.ndim)
        return [self[(EVERY,) * axis + (i,)] for i in range(self.shape[axis])]

    # In order

    def sort(self, axis=-1, descending=False, stable=True) -> Ordered:
        """(values, indices) in order along an axis. Of equal numbers the first comes first; NaN is larger than all. The
        gradient goes to where a number came from. NB: a new tensor, as np.sort, which gives the values alone."""
        op = Sort(axis, descending)
        return Ordered(_apply(op, self), op.order)

    def argsort(self, axis=-1, descending=False, stable=True) -> np.ndarray:
        """The indices of `sort`, an array of int."""
        op = Sort(axis, descending)
        op(self._data)
        return op.order

    def topk(self, k, axis=-1, largest=True, sorted=True) -> Ordered:
        """(values, indices) of the k largest (or smallest) along an axis, the largest (smallest) first."""
        return self._in_order(axis, largest, lambda n: slice(whole(0, n)("k", k)))

    def kthvalue(self, k, axis=-1, keepdims=False) -> Ordered:
        """(value, index) of the k-th smallest along an axis, k from 1 on."""
        found = self._in_order(axis, False, lambda n: slice(whole(1, n)("k", k) - 1, k))
        return found if keepdims else Ordered(found.values.squeeze(axis), found.indices.squeeze(axis))

    def cummax(self, axis) -> Ordered:
        """(values, indices) of the largest so far along an axis; of equal ones the index of the last."""
        op = Cummax(axis)
        return Ordered(_apply(op, self), op.order)

    def cummin(self, axis) -> Ordered:
        """(values, indices) of the smallest so far along an axis."""
        op = Cummin(axis)
        return Ordered(_apply(op, self), op.order)

    def _in_order(self, axis, descending, part):
        axis = normalize_axis_index(axis, self.ndim)
        at = (EVERY,) * axis + (part(self.shape[axis]),)
        values, indices = self.sort(axis, descending)
        return Ordered(values[at], indices[at])

    def argmax(self, axis=None, keepdims=False) -> Any:
        """Where the largest number is: an array of int, the first of several. Of all axes in a row if axis=None."""
        return self._data.argmax(axis, keepdims=keepdims)

    def argmin(self, axis=None, keepdims=False) -> Any:
        """Where the smallest number is: an array of int, the first of several."""
        return self._data.argmin(axis, keepdims=keepdims)

    # Yes or no, and other names

    def any(self, axis=None, keepdims=False) -> Any:
        """Whether any number is not 0: an array of bool."""
        return self._data.any(axis, keepdims=keepdims)

    def all(self, axis=None, keepdims=False) -> Any:
        """Whether no number is 0: an array of bool."""
        return self._data.all(axis, keepdims=keepdims)

    def contiguous(self) -> "Tensor":
        """Itself: here a view may have any layout in memory."""
        return cast("Tensor", self)

    def clone(self) -> "Tensor":
        """A copy of the numbers, through which gradients flow; `copy` is the same."""
        return _apply(Cast(self._data.dtype), self)

    copy = clone

    def bool(self) -> "Tensor":
        """As astype(bool)."""
        return self.astype(np.bool_)

    def int(self) -> "Tensor":
        """As astype(np.int32)."""
        return self.astype(np.int32)

    def long(self) -> "Tensor":
        """As astype(np.int64)."""
        return self.astype(np.int64)

    def half(self) -> "Tensor":
        """As astype(np.float16)."""
        return self.astype(np.float16)

    def float(self) -> "Tensor":
        """As astype(np.float32)."""
        return self.astype(np.float32)

    def double(self) -> "Tensor":
        """As astype(np.float64)."""
        return self.astype(np.float64)

    def tolist(self) -> Any:
        """The numbers as nested lists."""
        return self._data.tolist()


for _name, _method in list(vars(Shaping).items()):
    if isfunction(_method) and not _name.startswith("_"):
        setattr(Shaping, _name, named(_method))
