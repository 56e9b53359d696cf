"""The ends of the spectrum of a run's Hessian: which directions the loss is bent in most, and by how much."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbprop.checks import number, size, whole
from nbprop.second_order import eigenvalues

from .around import Around
from .moment import Moment
from .trainer import Trainer


@dataclass(frozen=True)
class Curvature:
    """Eigenvalues of the Hessian of a run's training loss, as `nb.curvature` gives them, float64.

    step                         of the run.
    largest, smallest            (count,) each, from the end of the spectrum inwards: the largest first, the smallest
                                 first. What is negative is a direction in which the loss falls off on both sides.
    largest_error,               (count,): there is an eigenvalue within this of the one that is given, but for what is
    smallest_error               lost by differences, some 1e-5 of the largest.
    largest_vectors,             (count, n) of length 1 each, directions in `model.theta`; None unless asked for.
    smallest_vectors
    settled                      whether all errors are within what was asked for.
    gradients                    how many were computed, of `samples` out of `of` training samples.
    """

    step: int
    largest: np.ndarray
    smallest: np.ndarray
    largest_error: np.ndarray
    smallest_error: np.ndarray
    largest_vectors: Any
    smallest_vectors: Any
    settled: bool
    gradients: int
    samples: int
    of: int

    def __repr__(self) -> str:
        ends = [" ".join(f"{value:.4g}" for value in values) for values in (self.largest, self.smallest)]
        within = max(self.largest_error.max(), self.smallest_error.max())
        doubt = "" if self.settled else f", not settled (within {within:.2g})"
        return (
            f"Curvature(step {self.step}: largest {ends[0]}, smallest {ends[1]}{doubt}; "
            f"{self.gradients} gradients of {self.samples} samples)"
        )


def curvature(source, count: int = 1, tol: float = 1e-3, most: int = 200, vectors: bool = False) -> Curvature:
    """The `count` largest and the `count` smallest eigenvalues of the Hessian of the training loss of a trainer, or of
    a `Moment` of its past, by the Lanczos method.

    tol      errors are at most this times the largest eigenvalue by size.
    most     products with the Hessian, at most: where they do not suffice, `settled` is False and the errors say by how
             much.
    vectors  also the eigenvectors.

    The loss is without penalties, on a fixed random sample of at most 512 training samples, in float64, without
    dropout, with batch normalization by the statistics of the sample, as for `Trainer.sharpness`, which is the largest
    alone. The run is not changed; one that plays waits meanwhile.

    Costs a gradient of that sample, and two for each product; more at kinks of ReLU, where they are taken anew. For the
    outermost eigenvalues of small networks that is 25 to 50 gradients in all, for ten at each end 70 to 120; it depends
    on how the spectrum is spread, not on the number of parameters n. Memory: at most 40 + 4 count vectors of n numbers,
    and 64 MB beyond 4 (1 + count) of them. Of an eigenvalue that several directions share, one may be given.

    NaN where the loss is not finite. ValueError that says why where the loss of the run has no Hessian to speak of:
    batches that are made, several parts.
    """
    size("count", count)
    whole(2 * count)("most", most)
    tol = number(above=0, tip=1e-3)("tol", tol)

    def measure(run):
        around, made = Around(run, statistics=True), 0
        room = around.theta.size - sum(part.stop - part.start for part in around.frozen)
        if count > room:
            raise ValueError(f"count must be at most {room}, as many as there are parameters to train: got {count}.")

        def gradient(theta):
            nonlocal made
            made += 1
            return around.gradient(theta)

        seed = [run.seed, 6, run.steps]
        values, directions, errors = eigenvalues(gradient, around.theta, (count, count), tol, most, seed, around.frozen)
        settled = bool((errors <= tol * np.abs(values).max()).all())
        large, small = slice(count), slice(count, None)
        return Curvature(
            step=run.steps,
            largest=values[large],
            smallest=values[small],
            largest_error=errors[large],
            smallest_error=errors[small],
            largest_vectors=directions[large] if vectors else None,
            smallest_vectors=directions[small] if vectors else None,
            settled=settled,
            gradients=made,
            samples=around.samples,
            of=around.of,
        )

    if isinstance(source, Moment):
        return source._look(measure)
    if not isinstance(source, Trainer):
        got = type(source).__name__
        raise TypeError(f"curvature expects a Trainer, or a Moment of one as trainer.at(step) gives: got {got}.")
    return source.between(lambda: measure(source._run))
