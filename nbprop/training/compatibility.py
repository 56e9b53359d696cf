"""Do model, data and loss fit together?  If not, what was expected, what came, and what to try."""

from typing import Any

import numpy as np

from nbprop import nn
from nbprop.checks import whole
from nbprop.data import Dataset, checks
from nbprop.engine import ShapeError, Tensor, no_grad
from nbprop.nn.norm import BatchNorm1d, BatchNorm2d
from nbprop.record.observation import untouched


def check_compatible(model, data) -> None:
    """Raise ValueError unless the model takes the data's inputs and gives its outputs."""
    if len(data.X_train) == 0 and data.drawn is None:
        raise ValueError(f"data {data.name!r} has no training samples")
    X = data.X_train[:2].copy() if len(data.X_train) else np.zeros((2, *data.input_shape), data.X_train.dtype)
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


def check_loss(objective, model) -> None:
    """Raise an error that says what is wrong if the loss cannot be computed."""
    few = slice(0, 2)
    if not objective.samples:
        return  # they are yet to be drawn
    X, y = objective.X[few], objective.target[few]
    if np.isfinite(output := _output(model, X, objective.data)).all():
        with no_grad():
            objective.loss_of(Tensor(output), y)


def _output(model, X, data):
    with nn.evaluating(model), no_grad():
        try:
            output = model(Tensor(X))
        except (ValueError, TypeError, IndexError) as error:  # ShapeError is a ValueError
            error.args = (f"{error} ({data.name!r} has inputs {data.input_shape}: {_beginning(data)})",)
            raise
    if not isinstance(output, Tensor):
        first = ", e.g. only the first of what a recurrent layer returns" if isinstance(output, tuple) else ""
        raise TypeError(
            f"the model must give one Tensor, got {_an(type(output).__name__)}: let its forward return the output "
            f"alone{first}, or pass an nb.Objective, whose loss takes what the model gives"
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
    if data.task == "binary" and got == (*wanted[:-1], 2):
        return "make its last layer 1 wide, or give (X, y) and loss='cross_entropy', which has an output for each class"
    mlp = f", e.g. nb.nn.mlp([{data.inputs}, 16, {data.outputs}])" if kind == "numbers" and len(wanted) == 1 else ""
    return f"make its last layer {data.outputs} wide{mlp}"


def _an(word):
    return f"{'an' if word[0] in 'aeiouAEIOU' else 'a'} {word}"


def one_sample(sample, data) -> tuple[Any, Any]:
    """A batch (x, y) of one sample, from its number in the training data or from (x, y) themselves."""
    X, Y = data.X_train, data.y_train
    if isinstance(sample, (int, np.integer)) and not isinstance(sample, bool):
        if not 0 <= sample < len(X):
            raise ValueError(
                f"sample must be from 0 to {len(X) - 1}, the training samples of {data.name!r}; got {sample}"
            )
        return X[sample : sample + 1], Y[sample : sample + 1]
    if not isinstance(sample, (tuple, list)) or len(sample) != 2:
        raise TypeError(f"sample must be the number of a training sample or a pair (x, y); got {type(sample).__name__}")
    batch = []
    for name, given, like in (("x", sample[0], X), ("y", sample[1], Y)):
        array = np.asarray(given)
        if array.shape != like.shape[1:]:
            raise ValueError(f"sample: {name} must have the shape {like.shape[1:]}, as in the data; got {array.shape}")
        if array.dtype.kind not in "biuf":
            raise TypeError(f"sample: {name} must be numbers; got {given!r}")
        whole = array.astype(like.dtype)
        if like.dtype.kind in "iu":
            most = data.inputs if name == "x" else max(data.outputs, 2)
            if not np.array_equal(whole, array) or array.min(initial=0) < 0 or array.max(initial=0) >= most:
                raise ValueError(f"sample: {name} must be whole numbers from 0 to {most - 1}; got {given!r}")
        batch.append(whole[None])
    return tuple(batch)


def check_differentiable(objective, X, y, score) -> np.ndarray:
    """X as the model takes it, if there is a derivative with respect to it of the loss with targets y, or of the score
    of that number; else an error that says why not."""
    data, name = objective.data, "input_gradient"
    if isinstance(data, Dataset) and data.vocabulary:
        raise ValueError(
            f"{name}: expected inputs that are measurements: {data.name!r} has tokens, which cannot move; try "
            "gradient_times_input, which moves their embeddings"
        )
    if (y is None) == (score is None):
        raise TypeError(f"{name}: expected either targets y, for the loss, or the number of a score; got both or none")
    X = check_scored(objective, X, score, name)
    if y is not None and np.shape(y) != (len(X), *data.y_train.shape[1:]):
        raise ValueError(
            f"{name}: y: expected the targets of {len(X)} samples, {(len(X), *data.y_train.shape[1:])}, "
            f"got {np.shape(y)}"
        )
    return X


def check_scored(objective, X, score, name) -> np.ndarray:
    """X as the model takes it, if the model gives them a score of that number, or none is asked for; else an error."""
    data = objective.data
    if not isinstance(data, Dataset):
        raise ValueError(f"{name}: expected a run on a data set with one array of inputs and one of targets")
    if score is not None:
        whole(0, max(data.output_shape[-1], 1 + (data.task == "binary")) - 1)(f"{name}: score", score)
    return as_inputs(X, data)


def check_one_alone(objective, model, settings) -> None:
    """Raise ValueError if there would be a batch of one sample, and the model has a normalization that cannot be
    trained with it: it is tried out."""
    norms = [module for module in model.modules() if isinstance(module, (BatchNorm1d, BatchNorm2d)) and module.training]
    if not norms or not _leaves_one(objective.drawn, settings):
        return
    rng = np.random.default_rng(0)
    with untouched(model), no_grad():
        try:
            for part in objective.losses:
                objective.loss(model, objective.one(0), rng, part)
        except ShapeError as error:
            if "has no variance" not in str(error):
                return  # said better where it comes from
        else:
            return
    raise ValueError(_one_alone(objective.drawn, settings, type(norms[0]).__name__))


def check_batch_norm(objective, settings) -> None:
    """Raise ValueError if a batch normalization could not be turned on, for there would be a batch of one sample."""
    if _leaves_one(objective.drawn, settings):
        raise ValueError(f"batch_norm cannot be turned on: {_one_alone(objective.drawn, settings, 'BatchNorm1d')}")


def check_full_batch(optimizers, objective, model, settings) -> None:
    """Raise ValueError where an optimizer that compares the gradients of its steps, or losses, would get them of
    different ones. settings: of the run, and the dropout that is asked for."""
    for optimizer in (each for each in optimizers.values() if each.full_batch):
        name, what = type(optimizer).__name__, "values" if optimizer.gradient_free else "the gradients"
        n, wrong = objective.drawn, ""
        dropout = settings.get("dropout", tuple(m.p for m in model.modules() if isinstance(m, nn.Dropout)))
        if n is None or len(objective.losses) > 1 or getattr(objective, "augment", None) is not None:
            wrong = "this objective has another loss in every step; try Adam"
        elif settings["batch_size"] < n:
            wrong = f"batch_size must be at least {n}, the number of training samples; got {settings['batch_size']}"
        elif changed := [each for each in ("clip", "clip_value", "l1") if settings[each]]:
            how = "is for a gradient, and there is none" if optimizer.gradient_free else "changes the gradient"
            wrong = f"{changed[0]} {how}; got {changed[0]}={settings[changed[0]]}: turn it off before"
        elif settings["accumulate"] > 1:
            wrong = f"all samples are in one batch already; got accumulate={settings['accumulate']}"
        elif any(dropout) if isinstance(dropout, tuple) else dropout:
            wrong = "dropout makes another loss of every step; turn it off before"
        elif not optimizer.gradient_free and optimizer.line_search_fn:
            wrong = "a Trainer computes the loss once in a step: leave line_search_fn out, or use step(closure)"
        if wrong:
            raise ValueError(f"{name} compares {what} of one and the same loss: {wrong}")


def _leaves_one(n, settings):
    """Whether there is a batch of one of n samples."""
    size = settings["batch_size"]
    return n is not None and (min(n, size) == 1 or (n > size and n % size == 1 and not settings["drop_last"]))


def _one_alone(n, settings, kind):
    size = settings["batch_size"]
    better = next((k for k in (*range(size, n), *range(size, 1, -1)) if k > 1 and n % k != 1), n)
    left = f"batches of {size} leave one of {n} training samples over" if 1 < size < n else "batches of one sample"
    drop = f"leave the last batch out, drop_last=True, or choose a batch_size such as {better}"
    remedy = drop if 1 < size < n else f"choose a batch_size such as {min(32, n)}" if n > 1 else "give more samples"
    return f"{left}: {kind} cannot be trained with it, for one number has no variance. {remedy[0].upper()}{remedy[1:]}"


def as_inputs(X, data) -> np.ndarray:
    """X of a Dataset as its model takes it: a table in its own units, by the names of its columns; arrays
    and lists as they are, in the units of data.X_train. Sequences and pictures may have other lengths than there."""
    if data.takes(X):
        return data.inputs_of(X)
    alone = isinstance(X, (list, tuple)) and not any(map(np.iterable, X))
    if getattr(X, "shape", (len(X),) if alone else None) == data.input_shape:
        raise ValueError(f"X: expected samples of shape {data.input_shape}, got one alone; try X[None]")
    X = checks.tokens(X, "X", data.inputs) if data.vocabulary else checks.inputs(X, "X", data.features)
    shape, numbers = data.input_shape, len(data.input_shape) == 1 and not data.vocabulary
    if X.ndim != 1 + len(shape) or (numbers and X.shape[1:] != shape):
        one = "; try X[None] if it is one sample" if X.shape == shape else ""
        raise ValueError(f"X: expected samples of shape {shape} as in {data.name!r}, got {X.shape[1:]}{one}")
    return X if data.vocabulary else np.asarray(X, np.float32)


def check_ignored(criterion, data) -> None:
    """ValueError where a loss is to ignore a class by a number that the data do not go by: theirs begin at 0."""
    ignored, classes = getattr(criterion, "ignore_index", None), tuple(getattr(data, "classes", ()))
    numbered = all(name.lstrip("-").isdigit() for name in classes)
    if ignored is not None and numbered and classes != tuple(map(str, range(len(classes)))):
        raise ValueError(
            f"loss: ignore_index={ignored} counts the classes of the data from 0, and their labels are "
            f"{', '.join(classes[:5])}{', ...' if len(classes) > 5 else ''}: it would be another class "
            "than is meant. Number the labels from 0 without a gap, or leave the samples out that are not to count"
        )
