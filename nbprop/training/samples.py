"""Single samples of the training data: left out, given another weight or another label while the run goes on."""

from collections.abc import Iterable

from nbprop.checks import number, whole

from .supervised import Supervised

OWN = "single samples can be turned where a network's outputs are compared with targets, Trainer(model, data); {what}"
LARGEST = 1e6  # a weight


def check_weights(run, value, wanted) -> "tuple[tuple[int, float], ...]":
    """(sample, weight) of those whose weight is not 1, in the order of the samples."""
    objective = _supervised(run, wanted, "sample_weights")
    given = {
        _sample(objective, "sample_weights", sample): number(0, most=LARGEST, tip=0.5)(
            f"the weight of {sample}", weight
        )
        for sample, weight in _pairs("sample_weights", value, "a sample and its weight, such as [(3, 0.5), (7, 0)]")
    }
    found = tuple((sample, weight) for sample, weight in sorted(given.items()) if weight != 1)
    objective.turned(found, objective.relabelled)  # an error where it cannot be
    return found


def check_labels(run, value, wanted) -> "tuple[tuple[int, int], ...]":
    """(sample, class number) of those that have another label than in the data, in the order of the samples."""
    objective = _supervised(run, wanted, "relabelled")
    pairs = _pairs("relabelled", value, "a sample and its class, such as [(3, 1)]")
    if pairs and (why := objective.no_labels):
        raise ValueError(f"relabelled: {why}")
    given = {_sample(objective, "relabelled", i): _class(objective, i, label) for i, label in pairs}
    own = objective.original.y_train if given else ()
    return tuple((sample, label) for sample, label in sorted(given.items()) if label != own[sample])


def _supervised(run, wanted, what):
    objective = wanted.get("objective", run.objective)
    if not isinstance(objective, Supervised):
        raise ValueError(
            f"{what}: {OWN.format(what='this objective is your own: weigh them in its loss, or give it other data')}"
        )
    return objective


def _pairs(what, value, form):
    pairs = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else None
    if pairs is None or any(not isinstance(pair, (tuple, list)) or len(pair) != 2 for pair in pairs):
        raise TypeError(f"{what}: expected pairs of {form}; got {value!r}")
    return pairs


def _sample(objective, what, sample):
    return whole(0, objective.samples - 1)(f"{what}: a training sample", sample)


def _class(objective, sample, label):
    """The number of a class, from its number or its name."""
    classes = objective.data.classes
    if isinstance(label, str):
        if label not in classes:
            raise ValueError(f"relabelled: sample {sample}: expected a class out of {_some(classes)}; got {label!r}")
        return classes.index(label)
    return whole(0, len(classes) - 1)(f"relabelled: the class of sample {sample}", label)


def _some(names):
    return ", ".join(map(str, names[:8])) + (", ..." if len(names) > 8 else "")


def set_weights(run, value) -> None:
    _turn(run, value, run.objective.relabelled)


def set_labels(run, value) -> None:
    _turn(run, run.objective.weights, value)


def _turn(run, weights, labels):
    """The batches go on where they are: of those to come a sample that is left out is not drawn."""
    run.objective = run.objective.turned(weights, labels)
    run.batches.kept = run.objective.kept
