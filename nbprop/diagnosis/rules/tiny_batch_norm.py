"""Batch normalization by the mean and variance of very few samples."""

from nbprop import nn
from nbprop.record.lessons import Lesson
from nbprop.record.source import Built, CannotSay, Turned

from ..rule import Evidence, Finding, Remedy, Rule

FEW = 4  # samples: at 4 and 2 the error rises sharply, at 8 it begins to (Wu & He 2018, Group Normalization, figure 1)
PICTURES = 2  # of a convolution, whose statistics are over the pixels, too


class TinyBatchNorm(Rule):
    name = "tiny_batch_norm"
    title = "Batch normalization with tiny batches"
    number = "samples in a batch"
    judged = "val_loss"
    needs = (Built, Turned)
    why = (
        "Batch normalization divides by the spread within the batch. Of two or four samples that is hardly more than "
        "chance: every sample is changed by who happens to be next to it, and evaluation, with means of many batches, "
        "sees another network than training did."
    )
    equation = "ẑ = (z − mean_B z) / √(var_B z + ε)"
    lesson = Lesson(8, "What it computes")

    def measure(self, seen) -> float:
        batch = seen.knob("batch_size")
        if not isinstance(batch, int):
            raise CannotSay("there is no batch size")
        count = len(getattr(getattr(seen.source, "data", None), "X_train", ())) or batch
        return float(min(batch, count))

    def find(self, seen) -> Finding | None:
        norms = [module for module in seen.model.modules() if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]
        if not norms:
            raise CannotSay("there is no batch normalization")
        batch = self.measure(seen)
        most = PICTURES if all(isinstance(module, nn.BatchNorm2d) for module in norms) else FEW
        if batch > most:
            return None
        size = 32
        return self.finding(
            "warning",
            f"Batch normalization takes mean and variance of only {batch:.0f} samples.",
            Evidence(self.number, batch, "16 or more"),
            remedies=(
                Remedy(f"Batch size {size}", {"batch_size": size}),
                Remedy("No batch normalization", {"batch_norm": False}) if seen.knob("batch_norm") else None,
            ),
        )
