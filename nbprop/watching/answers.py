"""What a model of PyTorch says of samples that somebody asks about, between two steps: nothing of it is changed."""

from typing import Any

import numpy as np

from nbprop.record.source import CannotSay

from .calls import array, tensors


def given(torch: Any, X: Any, like: Any) -> Any:
    """Samples as a tensor, of the kind and in the place of that parameter."""
    X = np.asarray(X)
    return torch.as_tensor(X, dtype=like.dtype if X.dtype.kind == "f" else None, device=like.device)


def predicted(output: Any, data: Any) -> np.ndarray:
    """What a model has given, as probabilities where the data have classes."""
    first = next(iter(tensors(output)), None)
    if first is None:
        raise CannotSay("the model gives no tensor")
    numbers = array(first)
    task = getattr(data, "task", "regression")
    if task == "binary" and numbers.shape[-1] == 1:
        return 1 / (1 + np.exp(-numbers))
    if task in ("binary", "multiclass", "classification") and numbers.shape[-1] > 1:
        e = np.exp(numbers - numbers.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)
    return numbers


class Evaluating:
    """The one model that is watched in evaluation mode, its generators as before afterwards."""

    def __init__(self, torch: Any, models: "dict[str, Any]") -> None:
        if len(models) != 1:
            raise CannotSay("several models are watched: which of them is to say it?")
        self._torch, self._model = torch, next(iter(models.values()))
        self._modes = [(module, module.training) for module in self._model.modules()]

    def __enter__(self) -> Any:
        self._random = self._torch.get_rng_state()
        self._model.eval()
        return self._model

    def __exit__(self, *error: Any) -> None:
        for module, training in self._modes:
            module.training = training
        self._torch.set_rng_state(self._random)
