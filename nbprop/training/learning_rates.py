"""The learning-rate range test (Smith 2017, Cyclical Learning Rates, section 3.3)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbprop.checks import whole
from nbprop.record import Diverged

from . import given

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOO_MUCH = 4.0  # the test ends when the loss is so many times its lowest


@dataclass(frozen=True)
class LearningRates:
    """Learning rates (n,) that were tried, one step each, and the training loss (n,) after each step."""

    lr: np.ndarray
    loss: np.ndarray

    @property
    def suggestion(self) -> float:
        """A decade below the learning rate with the lowest loss: as large as is safe for a whole run."""
        return float(self.lr[np.argmin(self.loss)]) / 10

    def plot(self, ax=None) -> "Axes":
        """Loss over learning rate, the suggestion marked; returns the Axes."""
        from nbprop.views.base.view import new_axes

        ax = new_axes(ax)
        ax.semilogx(self.lr, self.loss)
        ax.axvline(self.suggestion, color="#d55e00", linestyle="--", label=f"suggestion {self.suggestion:.2g}")
        ax.set(xlabel="learning rate", ylabel="training loss", title="Learning-rate range test")
        ax.legend()
        return ax

    def __repr__(self) -> str:
        tried = f"{len(self.lr)} from {self.lr[0]:.2g} to {self.lr[-1]:.2g}"
        return f"LearningRates({tried}, suggestion {self.suggestion:.2g})"


def find_lr(trainer, low=1e-6, high=10.0, steps=100) -> LearningRates:
    """Train a branch of the trainer for `steps` steps, with a learning rate that grows from low to high by the same
    factor each step, until the loss is four times its lowest or no longer finite. The trainer stays as it is."""
    low, high, steps = given.rate("low", low), given.rate("high", high), whole(10)("steps", steps)
    if not 0 < low < high:
        raise ValueError(f"find_lr needs 0 < low < high, got low={low:g} and high={high:g}")
    branch = trainer.branch()
    rates, losses = [], []
    for lr in np.geomspace(low, high, steps):
        branch.lr = float(lr)
        try:
            branch.step()
        except Diverged:
            break
        loss = branch.evaluate()["train_loss"]
        if not np.isfinite(loss) or loss > TOO_MUCH * min(losses, default=np.inf):
            break
        rates.append(lr)
        losses.append(loss)
    if len(rates) < 3:
        raise ValueError(f"the loss is not finite from the start: try a low below {low:g}")
    return LearningRates(np.array(rates), np.array(losses))
