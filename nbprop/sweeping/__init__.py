"""Many runs, made by workers while the notebook goes on: sweeps and phase diagrams."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from nbprop.checks import number, optional, whole, wrong
from nbprop.record.source import STATES

from .grid import MOST, grid_of, not_too_many, seeds_of
from .kept import Kept, read_sweep
from .sweep import Sweep
from .task import POINTS

if TYPE_CHECKING:
    import os
    from concurrent.futures import Executor

__all__ = ["Kept", "Sweep", "read_sweep", "sweep"]


def sweep(
    make: "Callable[..., Any]",
    grid: Any,
    *,
    measure: "str | Sequence[str] | Callable[[Any], Any] | None" = None,
    seeds: "int | Iterable[int]" = 1,
    steps: "int | None" = None,
    executor: "Executor | Any | None" = None,
    workers: "int | None" = None,
    file: "str | os.PathLike[str] | None" = None,
    limit: "float | None" = None,
    ahead: "int | None" = None,
    again: "Sequence[str]" = (),
    most: int = MOST,
    points: int = POINTS,
) -> Sweep:
    """A run for each point of a grid and each seed, made beside the notebook: a `Sweep`, in a cell a live map.

        def make(depth, gain, seed):
            model = nb.nn.mlp([64, *[64] * depth, 10], "tanh", nb.nn.init.lecun(gain=gain), seed=seed)
            return nb.Trainer(model, nb.data.digits(), lr=0.003, seed=seed)

        nb.sweep(make, {"depth": [5, 10, 20, 40], "gain": [0.8, 1.0, 1.2, 1.4]}, seeds=3, steps=200,
                 measure="val_accuracy", file="depth.jsonl")

    make      make(**point, seed=...) gives a Trainer, which is trained up to `steps`, or a number, or a dict of numbers
    grid      a dict of lists (all combinations), a list of dicts (these points), or a function that is given the rows
              so far and returns the next points, [] at the end: `propose(rows)`
    measure   names of series of the history, whose last values are kept (default: all that are single numbers), or
              measure(trainer) -> a number or a dict of numbers
    seeds     how many (0, 1, ...), or which. Before each run Python's and NumPy's global generators are set to it; not
              in threads of this process, where make should draw from `seed` alone
    executor  anything with the interface of concurrent.futures.Executor, such as Client().get_executor() of Dask;
              default: a pool of processes, one for each core (`workers`), each with one thread of BLAS
    file      where results are written as they arrive, a line of JSON each: the same sweep with the same file goes on
              where it was; with more values or seeds it adds to it
    limit     seconds that one run may take
    ahead     runs that the executor is given at a time; default: a few more than it has workers, 256 where it does not
              say how many
    again     runs in the file that are made again by what became of them: "failed", "out of time", "diverged"
    most      runs that are made without a question
    points    of each series of a run's history that are kept, with the first and the last; 0: none, for a small file

    A run that raises, diverges, or whose process dies is marked so, and the others go on. Results do not depend on the
    executor or on the order. What `make` and `measure` name in a notebook travels by value (cloudpickle); data is
    better made inside. ValueError: what cannot be done; TypeError: what is of a wrong kind.
    """
    if isinstance(measure, str):
        measure = (measure,)
    if measure is not None and not callable(measure):
        if not isinstance(measure, Sequence) or not measure or not all(isinstance(name, str) for name in measure):
            expected = "a name of a series such as 'val_loss', several, or a function of the Trainer"
            raise TypeError(wrong("measure", expected, measure))
        measure = tuple(measure)
    which, propose = grid_of(grid)
    chosen = seeds_of(seeds)
    not_too_many(which, chosen, whole(1)("most", most))
    if executor is not None and workers is not None:
        raise TypeError("workers is of the pool that is made without executor=; this executor has its own")
    if isinstance(again, str) or not set(again) <= set(STATES[3:]):
        raise ValueError(wrong("again", f"some of {', '.join(STATES[3:])}", again, '("failed",)'))
    made = Sweep(
        make, which, propose, measure, chosen, optional(whole(1))("steps", steps), executor,
        optional(whole(1))("workers", workers), file, optional(number(above=0))("limit", limit),
        optional(whole(1))("ahead", ahead), tuple(again), most, whole(0)("points", points),
    )  # fmt: skip
    made.resume()
    return made
