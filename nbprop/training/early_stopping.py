"""Early stopping: remember the model with the lowest validation loss, and when to stop waiting for better ones."""

import math


class EarlyStopping:
    """The best evaluation of a trainer from now on. Its validation loss decides, so there must be validation data."""

    def __init__(self, trainer, patience) -> None:
        if "val_loss" not in trainer.evaluation:
            data, there = trainer.data, ", ".join(trainer.evaluation) or "nothing"
            empty = data is not None and not len(getattr(data, "X_val", getattr(data, "val", ())))
            why = "these data have no validation samples" if empty else f"evaluations of this objective give {there}"
            raise ValueError(
                f"early stopping looks at the validation loss, val_loss, but {why}: fit without patience"
                + ("" if empty else ", or give 'val_loss' in evaluate= of the Objective")
            )
        self.trainer, self.patience = trainer, patience
        self.loss, self.state, self.step, self.waited = math.inf, None, None, 0
        self.shapes = self._shapes()

    def passed(self) -> bool:
        """Call after each step: True when the best is `patience` evaluations ago."""
        trainer = self.trainer
        if trainer.steps % trainer.evaluate_every:
            return False
        loss = trainer.evaluation["val_loss"]
        if self.shapes != self._shapes():  # of another depth or width it is another network
            self.shapes, self.loss, self.state, self.step, self.waited = self._shapes(), math.inf, None, None, 0
        if loss < self.loss:
            self.loss, self.state, self.step, self.waited = loss, trainer.model.state_dict(), trainer.steps, 0
        else:
            self.waited += 1
        return self.waited >= self.patience

    def take(self) -> None:
        """Give the trainer the best parameters, and the buffers of that moment, as one turn of theta."""
        if self.step not in (None, self.trainer.steps) and self.shapes == self._shapes():
            self.trainer._turn({"theta": self.state})

    def _shapes(self):
        return [parameter.shape for parameter in self.trainer.model.parameters()]
