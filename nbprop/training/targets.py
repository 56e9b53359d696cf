"""What a loss compares the output with, and what the output says: targets, probabilities, accuracy."""

import numpy as np

LOSSES = {"binary": "bce", "multiclass": "cross_entropy", "regression": "mse"}
_FITS = {"bce": ("binary",), "hinge": ("binary",), "cross_entropy": ("multiclass",)}  # the others fit all


def default_loss(data):
    return LOSSES[data.task]


def check_loss(loss, data):
    """Raise ValueError if the loss of this name cannot be used on this data."""
    fits = _FITS.get(loss, tuple(LOSSES))
    if data.task not in fits:
        raise ValueError(
            f"loss {loss!r} is for {' or '.join(fits)} data, but {data.name!r} is {data.task}; "
            f"try loss={default_loss(data)!r}"
        )


def targets(y, data, loss):
    """The array that the loss takes, from y (n, ...): class numbers as they are for cross-entropy, float32 (n, ...,
    outputs) for the others."""
    if data.task == "regression" or loss == "cross_entropy" or not isinstance(loss, str):
        return y
    if data.task == "binary":
        return y.astype(np.float32)[..., None]
    return np.eye(data.outputs, dtype=np.float32)[y]  # one-hot, for MSE


def probabilities(output, data, loss):
    """Class probabilities, (n, ..., 1) of class 1 or (n, ..., C), from the output of the network; for regression the
    output."""
    if data.task == "regression":
        return output
    if loss == "bce":
        return 0.5 * (1 + np.tanh(0.5 * output))
    if loss == "cross_entropy":
        e = np.exp(output - output.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)
    return np.clip((output + 1) / 2 if loss == "hinge" else output, 0, 1)


def accuracy(output, y, data, loss):
    """Share of the samples (and of their time steps, where each has a target) whose most probable class is right."""
    if data.task == "binary":
        threshold = 0 if loss in ("bce", "hinge") else 0.5
        return float(np.mean((output[..., 0] > threshold) == y))
    return float(np.mean(output.argmax(axis=-1) == y))
