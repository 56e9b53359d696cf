"""Inputs that are far from about 1."""

from dataclasses import replace

import numpy as np

from nbprop import nn
from nbprop.data import Dataset, doubts
from nbprop.data.scaling import feature_axis, fit
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Taught

from ..finding import listed, said
from ..kept import of_data
from ..rule import Evidence, Finding, Picture, Remedy, Rule

LARGE = 10.0  # root mean square of a feature: from here on tanh is saturated with the usual weights. LeCun et al. 1998,
# "Efficient BackProp", section 4.3: mean 0, about the same spread. From doubts.LARGE on it is an alarm
APART = 100.0  # largest spread over least: the limit at which doubts.py still saw a network learn
SMALL = 0.01  # largest spread of all
SHOWN = 12  # features in the picture


class Unscaled(Rule):
    name = "unscaled"
    title = "Inputs not scaled"
    number = "root mean square of the largest feature"
    needs = (Taught,)
    why = (
        "The gradient of a weight is proportional to the input that it multiplies. A feature that is a thousand times "
        "larger than another takes all of the step, and large ones drive the first layer into saturation."
    )
    equation = "dL/dW₁ = dL/dz₁ · xᵀ"
    lesson = Lesson(8, "Inputs that wander")

    def measure(self, seen) -> float:
        return float(sizes(seen)[0].max())

    def find(self, seen) -> Finding | None:
        size, spread = sizes(seen)
        inner = [] if seen.model is None else seen.model.modules()[1:2]
        if inner and isinstance(inner[0], (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)):
            raise CannotSay("the network normalizes its inputs itself")
        varies = spread[spread > 1e-6 * size]
        apart = float(varies.max() / varies.min()) if varies.size else 1.0
        large, small = size >= LARGE, varies.size > 0 and varies.max() < SMALL
        if not (large.any() or apart >= APART or small):
            return None
        data = seen.source.data
        wrong = large if large.any() else spread < SMALL if small else spread >= varies.max() / 2
        named = listed([repr(data.features[i]) for i in np.flatnonzero(wrong)])
        alarm = size.max() >= doubts.LARGE or apart >= doubts.APART or (small and varies.max() < doubts.SMALL)
        order = np.argsort(-size)[:SHOWN]
        what = f"are far from 1: {named} up to {said(size.max())}" if large.any() else f"differ by {said(apart)} times"
        return self.finding(
            "alarm" if alarm else "warning",
            f"The inputs {what if not small else f'are all very small, {named} at most {said(varies.max())}'}.",
            Evidence(self.number, float(size.max()), f"below {LARGE:g}"),
            Evidence("largest spread of a feature over the least", apart, f"below {APART:g}"),
            since=0,
            picture=Picture("bars", size[order], tuple(str(data.features[i]) for i in order), limit=LARGE, log=True),
            remedies=(of_data(data, "scaled", scaled),),
        )


def sizes(seen) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square and standard deviation of each feature, (d,); of those that are hardly ever there (a pixel at
    the edge, one of many words) the spread counts as that of the rest."""
    X = seen.inputs
    if X.dtype.kind != "f":
        raise CannotSay("the inputs are tokens")
    axis = feature_axis(X.ndim)
    flat = np.moveaxis(X, axis, -1).reshape(-1, X.shape[axis]).astype(np.float64)
    size, spread = np.sqrt(np.square(flat).mean(axis=0)), flat.std(axis=0)
    common = np.mean(flat != 0, axis=0) > 0.1
    if common.any():
        spread = np.where(common, spread, np.median(spread[common]))
    return size, spread


def scaled(data) -> Remedy:
    """The same data with mean 0 and spread 1."""
    words = "Scale the inputs to mean 0 and spread 1"
    if not isinstance(data, Dataset) or data.scaling is not None:
        return Remedy(words, hindrance="these data are scaled already, or are none of from_arrays: do it in the data")
    X = data.X_train
    made = fit("standard", lambda: [X], X.shape)
    arrays = {name: made(getattr(data, name)).astype(np.float32) for name in ("X_train", "X_val")}
    return Remedy(words, {"data": replace(data, **arrays, scaling=made, settings=None)})
