"""The table of quantities: every number per layer that is recorded, drawn and described. One entry says all about it.

To add one, add an entry: it is recorded, kept in the history, offered by the gradient flow, drawn and described.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import statistics
from .histograms import PERCENTILES


@dataclass(frozen=True)
class Quantity:
    """Something that every layer has one of, at every step.

    name: what a hand calls it, e.g. in `GradientFlow(trainer, quantity="dz")`; series: its column in the history.
    symbol, unit, label: words beside the picture, at its axis, in lists.
    measure: function of an `Observation` that gives (layers,) numbers, or one for the whole network.
    flow: "forward" or "backward", the way in which it passes through the layers, so that it may vanish or explode;
        None: it does not flow, and is described neutrally.
    usual: (low, high) of what is usual, drawn as a band; rule: the rule of thumb inside it.
    log: never negative and best seen on a logarithmic axis, where a 0 is worth a word.
    needs: what a view must ask for so that it is recorded: "layers", "percentiles", "lags"; "" always is.
    offered: whether the gradient flow shows it.
    words: what a sentence calls it, where that is not the symbol.
    own: a user's, see `Trainer.record`.
    """

    name: str
    series: str
    symbol: str
    unit: str
    label: str
    measure: Callable[[Any], Any]
    flow: str | None = None
    usual: tuple[float, float] | None = None
    rule: float | None = None
    log: bool = True
    needs: str = "layers"
    offered: bool = True
    words: str = ""
    own: bool = False

    @property
    def said(self) -> str:
        """What a sentence calls it."""
        return self.words or self.symbol


def _saturated(seen):
    shares = [statistics.saturated_share(tap.a, tap.activation) if tap.a.size else np.nan for tap in seen.taps]
    return _of_some(seen, np.array(shares, np.float32))


def unmeasured(count) -> np.ndarray:
    """What there is of `count` layers of which nothing was measured: NaN, masked, (count,) float32."""
    return np.ma.array(np.full(count, np.nan, np.float32), mask=True)


def _known(values, known):
    """The values (layers,), masked where nothing was measured."""
    return values if all(known) else np.ma.array(values, mask=np.logical_not(known))


def _of_some(seen, values):
    """Of layers whose outputs nobody has seen there is nothing."""
    return _known(values, [tap.a.size for tap in seen.taps])


def _delta_norms(seen):
    norms = np.array([statistics.norm(tap.dz.ravel("K")) for tap in seen.taps], np.float32)
    return _known(norms, [tap.reached for tap in seen.taps])


def _gradient_norms(seen):
    return unmeasured(len(seen.layers)) if seen.forward_only else seen.norms(seen.gradient)


def _update_ratios(seen):
    if seen.before is None:
        return unmeasured(len(seen.layers))
    old = seen.norms(seen.before)
    some = old != 0
    ratios = np.divide(seen.norms(seen.after - seen.before), old, out=np.full_like(old, np.nan), where=some)
    return _known(ratios, some)


def _lags(seen):
    there = [op.dh[::-1] for op in seen.recurrent if op.dh is not None]
    return {series_of(i): np.sqrt(np.square(dh, dtype=np.float64).sum(axis=(1, 2))) for i, dh in enumerate(there)}


def series_of(i) -> str:
    """The series of the gradient through time in recurrent layer i, the first being 0."""
    return f"dh{i + 1}" if i else "dh"


def _percentile(name, p, of):
    return Quantity(
        name, name, f"{p}th percentile of z", "z", f"{p}th percentile of z, {of}", lambda seen: seen.percentiles[name],
        log=False, needs="percentiles", offered=False,
    )  # fmt: skip


_ENTRIES = [
    Quantity(
        "a", "a_std", "a", "standard deviation", "activations a", lambda seen: _of_some(seen, seen.moments[1]),
        flow="forward", words="std of a",
    ),
    Quantity(
        "dz", "dz", "dL/dz", "norm", "gradient dL/dz", _delta_norms,
        flow="backward",
    ),
    Quantity(
        "dW", "dW", "dL/dW", "norm", "gradient dL/dW", _gradient_norms,
        flow="backward", needs="",
    ),
    Quantity(  # about 1e-3: A. Karpathy, makemore
        "ratio", "ratio", "|ΔW| / |W|", "update to weight ratio", "update / weight", _update_ratios,
        usual=(1e-4, 1e-2), rule=1e-3,
    ),
    Quantity(
        "a_mean", "a_mean", "mean a", "mean", "mean of a", lambda seen: _of_some(seen, seen.moments[0]),
        log=False, words="mean of a",
    ),
    Quantity(
        "saturated", "saturated", "saturated", "share", "saturated or dead", _saturated,
        log=False, words="Share of saturated values or dead units",
    ),
    Quantity(  # one number for each time step before the last, in each recurrent layer: see series_of
        "dh", "dh", "dL/dh", "norm", "gradient dL/dh, per time step before the last", _lags,
        flow="backward", needs="lags", offered=False,
    ),
    *(_percentile(f"z{p}", p, "all units") for p in PERCENTILES),
    *(_percentile(f"unit{p}", p, "the first unit") for p in PERCENTILES),
]  # fmt: skip

QUANTITIES = {entry.name: entry for entry in _ENTRIES}
FLOWS = ("forward", "backward", None)
