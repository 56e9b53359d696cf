"""Do model, data and loss fit together?  If not, what was expected, what came, and what to try."""

from contextlib import contextmanager

import numpy as np

from nbprop import nn
from nbprop.engine import Tensor, no_grad

from .targets import check_loss


def check_fit(model, data, loss):
    """Raise ValueError unless the model takes the data's inputs, gives its outputs, and the loss suits it."""
    if len(data.X_train) == 0:
        raise ValueError(f"data {data.name!r} has no training samples")
    X = data.X_train[:2].copy()
    if data.vocabulary:
        X.flat[-1] = data.inputs - 1  # the last one, too, must have a place in the model
    output = _output(model, X, data)
    if output.shape != (len(X), *data.output_shape):
        batch = f" for a batch of {len(X)}" if output.shape[:1] != (len(X),) else ""
        shape = output.shape if batch else output.shape[1:]
        raise ValueError(
            f"the model gives outputs of shape {shape}{batch}, but {data.name!r} ({data.task}) needs "
            f"{data.output_shape} for each sample: {_remedy(output.shape[1:], data)}"
        )
    if _kind(data) in ("sequences", "tokens") and len(X) > 1 and np.isfinite(output).all():
        alone = _output(model, X[1:], data)
        if not np.allclose(alone, output[1:], rtol=1e-2, atol=1e-3 * (np.abs(output).max() + 1e-30)):
            raise ValueError(
                "what the model says of a sample depends on the other samples in the batch. Batches are "
                f"(samples, {', '.join(map(str, X.shape[1:]))}): try batch_first=True in recurrent layers"
            )
    if isinstance(loss, str):
        nn.loss(loss)  # an unknown name is named
        check_loss(loss, data)


@contextmanager
def evaluating(model):
    """Inside, the model is in evaluation mode."""
    training = model.training
    if training:
        model.eval()
    try:
        yield
    finally:
        if training:
            model.train()


def _output(model, X, data):
    with evaluating(model), no_grad():
        try:
            output = model(Tensor(X))
        except (ValueError, TypeError, IndexError) as error:  # ShapeError is a ValueError
            error.args = (f"{error} ({data.name!r} has inputs {data.input_shape}: {_beginning(data)})",)
            raise
    if not isinstance(output, Tensor):
        first = ", e.g. only the first of what a recurrent layer returns" if isinstance(output, tuple) else ""
        raise TypeError(
            f"the model must give one Tensor, got {_an(type(output).__name__)}: let its forward return the output "
            f"alone{first}"
        )
    return output.data


def _kind(data):
    """ "tokens", "numbers", "sequences", "pictures" or "others"."""
    if data.vocabulary:
        return "tokens"
    return {1: "numbers", 2: "sequences", 3: "pictures"}.get(len(data.input_shape), "others")


def _beginning(data):
    """With what layer a model of these data can begin."""
    d, shape = data.inputs, data.input_shape
    flat = int(np.prod(shape))
    return {
        "numbers": f"begin with nb.nn.Linear({d}, ...)",
        "sequences": f"begin with a recurrent layer, e.g. nb.nn.LSTM({d}, 32, batch_first=True)",
        "tokens": f"begin with nb.nn.Embedding({d}, ...)",
        "pictures": f"begin with nb.nn.Conv2d({d}, ...), or nb.nn.Flatten() and nb.nn.Linear({flat}, ...)",
        "others": f"begin with nb.nn.Flatten() and nb.nn.Linear({flat}, ...)",
    }[_kind(data)]


def _remedy(got, data):
    """What to change when the outputs of a sample have shape `got`."""
    wanted, kind = data.output_shape, _kind(data)
    if got == (*wanted, 1) and data.task == "regression":
        return "give the data y[..., None], one number for each place"
    if len(got) > len(wanted):
        if kind in ("sequences", "tokens"):
            return "a sample has one target, not one per time step: go on with the last step only, x[:, -1]"
        return "put nb.nn.Flatten() before the last Linear"
    if len(got) < len(wanted):
        return "every time step has a target: let the model give all of them, not the last one only"
    mlp = f", e.g. nb.nn.mlp([{data.inputs}, 16, {data.outputs}])" if kind == "numbers" and len(wanted) == 1 else ""
    return f"make its last layer {data.outputs} wide{mlp}"


def _an(word):
    return f"{'an' if word[0] in 'aeiouAEIOU' else 'a'} {word}"
