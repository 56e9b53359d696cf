"""Changing a network while it learns, keeping what can be kept: depth, width, activations, batch normalization, single
layers.

A widened layer gets new units whose outgoing weights are zero, an inserted layer is as close to the identity as its
activation allows, a batch normalization begins as the identity in evaluation mode, and a layer that goes leaves its
neighbours as near as possible (least squares) to what they said: right after the change the network says (nearly) what
it said before. What optimizers remember of a parameter goes with it.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from nbprop import nn
from nbprop.checks import whole
from nbprop.data import Dataset
from nbprop.engine import Tensor, no_grad, record
from nbprop.nn.module import evaluating
from nbprop.record.history import short

from . import single
from .makeup import (
    activations,
    blocks,
    counts_of_units,
    dense_layers,
    dropouts,
    has_batch_norm,
    head,
    hidden_sizes,
    last_block,
    layer_named,
    layers_of,
    own_parameters,
)
from .remembered import carry, copy_common, layout

SAMPLES = 256  # training samples by which a layer is fitted
RIDGE = 0.01  # of the largest singular value of what it hears


# ---- exchanging modules ----------------------------------------------------------------------------------------------


def set_activations(run, value) -> None:
    places = activations(run.model)
    if not places:  # a network without hidden layers: for those to come
        run.settings["block"] = [nn.activation(value) if isinstance(m, nn.Activation) else m for m in last_block(run)]
        return
    wanted: list[Any] = [copy.deepcopy(nn.activation(one)) for one in _each(value, len(places))]
    for (_, _, old), new in zip(places, wanted, strict=True):
        for parameter in new.parameters():
            parameter.data = parameter.data.astype(run.theta.dtype)
        if old.silenced and type(new).forward is not nn.Activation.forward:
            raise ValueError(f"activation: no unit of {new!r} can be silenced, and here some are; unsilence them first")
    learned = any(module.parameters() for module in (*wanted, *(old for _, _, old in places)))
    with carrying(run) if learned else nullcontext():
        for (module, name, old), new in zip(places, wanted, strict=True):
            if new.silenced != old.silenced:
                new.silenced = old.silenced
            if isinstance(module, nn.Sequential) and name.isdigit():
                module[int(name)] = new
            else:
                setattr(module, name, new)


def set_dropouts(run, value) -> None:
    layers = dropouts(run.model)
    if not layers:
        to = [nn.Dropout(value, m.rng) if isinstance(m, nn.Dropout) else m for m in last_block(run)]
        run.settings["block"] = to
        return
    for layer, share in zip(layers, _each(value, len(layers)), strict=True):
        layer.p = share


def _each(value, count):
    if not isinstance(value, tuple):
        return (value,) * count
    if len(value) != count:  # they have become more or fewer since it was asked for
        raise ValueError(f"expected one for all or {count}, one for each place; got {len(value)}")
    return value


# ---- freezing --------------------------------------------------------------------------------------------------------


def check_frozen(run, value, wanted) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value)
    names = {layer_named(run, name) for name in names}
    every = list(layers_of(run))
    single.check_some_trained(run, names, wanted.get("frozen_units", run.values["frozen_units"]))
    return tuple(name for name in every if name in names)


def set_frozen(run, value) -> None:
    for name, module in layers_of(run).items():
        for parameter in own_parameters(module):
            parameter.requires_grad = name not in value


# ---- new weights -----------------------------------------------------------------------------------------------------


def scale(run, given) -> None:
    """Multiply the weights (not the biases) of a layer."""
    name, factor = given
    for parameter in own_parameters(layers_of(run)[layer_named(run, name)]):
        if parameter.ndim > 1:
            parameter.data[...] *= factor


def reinitialize(run, given) -> None:
    """Draw the weights of a layer anew, or of "all" that are trained; its biases become 0."""
    name, init = given
    draw, rng = nn.initializer(init), np.random.default_rng([run.seed, run.steps, 5])
    layers = layers_of(run)
    modules = [layers[layer_named(run, name)]] if name != "all" else dict.fromkeys(layers.values())
    parameters = [one for module in modules for one in own_parameters(module)]
    for parameter in parameters if name != "all" else filter(lambda one: one.requires_grad, parameters):
        if parameter.ndim > 1:
            fan_out, fan_in = len(parameter.data), parameter.size // len(parameter.data)
            parameter.data[...] = np.reshape(draw(rng, fan_in, fan_out), parameter.shape)
        else:
            parameter.data[...] = 0


def check_weight(run, layer, unit, source) -> tuple[str, int, int]:
    """Name of the layer, numbers of the unit and of the input that the weight is for; source None: its bias, -1."""
    name = layer_named(run, layer)
    module = layers_of(run)[name]
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    if source is None:
        if not isinstance(bias, nn.Parameter) or bias.ndim != 1:
            raise ValueError(f"{name} ({type(module).__name__}) has no bias of each unit")
        return name, whole(0, len(bias.data) - 1)("unit", unit), -1
    if not isinstance(weight, nn.Parameter) or not isinstance(module, (nn.Linear, nn.Conv2d)):
        raise ValueError(
            f"{name} is a {type(module).__name__}: expected a Linear, which has one weight from each input to each "
            "unit, or a Conv2d or Conv1d, which has a filter for each"
        )
    units, inputs = len(weight.data), weight.size // len(weight.data)
    return name, whole(0, units - 1)("unit", unit), whole(0, inputs - 1)("source", source)


def set_weight(run, given) -> None:
    """Give one weight of a Linear or of a filter another value."""
    name, unit, source, value = given
    layer: Any = layers_of(run)[name]
    layer.weight.data[unit].flat[source] = value


def set_bias(run, given) -> None:
    """Give one bias another value."""
    name, unit, value = given
    layer: Any = layers_of(run)[name]
    layer.bias.data[unit] = value


# ---- other shapes ----------------------------------------------------------------------------------------------------


def set_hidden(run, sizes) -> str:
    """Layer by layer: the first ones stay, new ones come before the output, the last hidden ones go."""
    old, was = blocks(run.model), hidden_sizes(run.model)
    sources = [old[i] if i < len(old) else None for i in range(len(sizes))]
    said = _rebuild(run, sources, sizes)
    return said and f"hidden {short(was)} → {short(tuple(sizes))}, {said}"


def check_insert(run, at, units) -> tuple[int, int]:
    """The place and the size of a new hidden layer."""
    sizes = hidden_sizes(run.model)
    at = whole(0, len(sizes))("at", at)
    usual = sizes[max(at - 1, 0)] if sizes else last_block(run)[0].out_features
    return at, usual if units is None else whole(1, 1024)("units", units)


def insert(run, given) -> str:
    """A hidden layer at place `at` (0: before the first), of `units` units, as near to the identity as it can be."""
    at, units = check_insert(run, *given)
    old = blocks(run.model)
    sizes = [block[0].out_features for block in old]
    return _rebuild(run, [*old[:at], None, *old[at:]], [*sizes[:at], units, *sizes[at:]], fitted=at + 1)


def check_remove(run, name) -> str:
    name = layer_named(run, name)
    if layers_of(run)[name] is run.model[-1] or len(dense_layers(run.model)) < 2:
        raise ValueError("the output layer cannot be removed; hidden layers can")
    return name


def remove(run, name) -> str:
    """Take a hidden layer out; the next one is fitted to say what it said, by least squares over training samples."""
    name, old = check_remove(run, name), blocks(run.model)
    at = next(i for i, layer in enumerate(dense_layers(run.model)) if layer is layers_of(run)[name])
    sizes = [block[0].out_features for block in old]
    return _rebuild(run, [*old[:at], *old[at + 1 :]], [*sizes[:at], *sizes[at + 1 :]], fitted=at)


def _rebuild(run, sources, sizes, fitted=None):
    """Give the model these hidden layers. sources: for each the block it goes on from, or None for a new one. Returns
    words about single units that are gone.

    fitted: number of a layer that is then to say what it said, by least squares."""
    model, output, before = run.model, run.model[-1], counts_of_units(run.model)
    new, kept = fresh(run, sizes), blocks(run.model)
    if kept:
        run.settings["block"] = kept[-1]
    target = None if fitted is None else _said(run, [*sources, [output]][fitted][0])
    linear = [module for module in new if isinstance(module, nn.Linear)]
    with carrying(run) as heir:
        modules, like = [], last_block(run)
        for source, layer in zip(sources, linear, strict=False):
            if source is None:
                _near_identity(layer, next(m for m in like[1:] if isinstance(m, nn.Activation)) if modules else None)
                block = [layer, *(_another(module, layer) for module in like[1:])]
            else:
                block = [_sized(source[0], layer, heir), *(_resized(module, layer, heir) for module in source[1:])]
            modules += block
        modules = [*head(model), *modules, _sized(output, linear[-1], heir)]
        del model[:]
        model.extend(modules)
    single.fit(blocks(model))
    if fitted is not None:
        _fit(run, dense_layers(model)[fitted], target)
    return single.gone(before, model)


def fresh(run, sizes) -> nn.Sequential:
    """A freshly initialized network with these hidden sizes, of the same kind."""
    layers, model = dense_layers(run.model), run.model
    function = next(module for module in last_block(run) if isinstance(module, nn.Activation))
    return nn.mlp(
        [layers[0].in_features, *sizes, layers[-1].out_features],
        activation=function,
        init=getattr(model, "init", "xavier"),
        seed=[run.seed, run.steps],
        dtype=run.theta.dtype,
    )


@contextmanager
def carrying(run) -> Iterator[dict[nn.Parameter, nn.Parameter]]:
    """Inside, modules and parameters may come and go. Yields a dict to be filled, new parameter -> the one it stands
    for; afterwards what the optimizer remembers lies where the parameters now are, and is 0 for what is new."""
    if len(run.optimizers) > 1:
        raise ValueError("layers can be changed where one optimizer trains the whole model; here there are several")
    old, heir = layout(run.model), {}
    yield heir
    for new, before in heir.items():
        single.keep(before, new)
    carry(run.optimizer, old, layout(run.model), heir)


def _sized(old, new, heir):
    """The old Linear if it has the size of the new one, else the new one with what there is room for; units that come
    in newly have no say."""
    if old.weight.shape == new.weight.shape:
        return old
    _, columns = copy_common(old.weight.data, new.weight.data)
    copy_common(old.bias.data, new.bias.data)
    new.weight.data[: old.weight.shape[0], columns.stop :] = 0
    heir[new.weight], heir[new.bias] = old.weight, old.bias
    return new


def _resized(module, layer, heir):
    """What stands behind a Linear, for its present number of units."""
    each = isinstance(module, nn.BatchNorm1d) or (isinstance(module, nn.PReLU) and module.num_parameters > 1)
    if not each or len(module.weight.data) == layer.out_features:
        return module
    new = _another(module, layer)
    for (_, before), (_, parameter) in zip(module.named_parameters(), new.named_parameters(), strict=True):
        copy_common(before.data, parameter.data)
        heir[parameter] = before
    for (_, before), (_, buffer) in zip(module.named_buffers(), new.named_buffers(), strict=True):
        copy_common(before, buffer)
    return new


def _another(module, layer):
    """One more of the kind, for a new hidden layer: dropouts share their random numbers."""
    if isinstance(module, nn.BatchNorm1d):
        return nn.BatchNorm1d(layer.out_features, module.eps, module.momentum, dtype=layer.weight.dtype)
    if isinstance(module, nn.Dropout):
        return nn.Dropout(module.p, module.rng)
    several = isinstance(module, nn.PReLU) and module.num_parameters > 1
    new = nn.PReLU(layer.out_features, module.init, layer.weight.dtype) if several else copy.deepcopy(module)
    vars(new).pop("silenced", None)  # its units are others
    return new


def _near_identity(layer, function):
    """Weights with which a layer says what it hears. function: the activation before and behind it; None: it is the
    first, and what it hears has been through none."""
    c, shift = (1.0, 0.0) if function is None else near_identity(function)
    same = min(layer.weight.shape)
    layer.weight.data[:same] = 0
    layer.weight.data[range(same), range(same)] = c
    layer.bias.data[:same] = shift


def near_identity(activation) -> tuple[float, float]:
    """(c, b) for which f(c*a + b) is closest to `a` over the values that f gives to standard normal inputs."""
    given: Any = nn.activation(activation)
    f = given.fixed()
    known = (type(f), repr(f), f.theta.tobytes())
    if known not in _near_identities:
        a = f(Tensor(np.linspace(-2, 2, 65))).data
        c, b, width = 1.0, 0.0, 4.0
        for _ in range(8):  # a grid that closes in on the least-squares fit
            cs, bs = np.meshgrid(c + width * np.linspace(-1, 1, 17), b + width * np.linspace(-1, 1, 17), indexing="ij")
            error = ((f(Tensor(cs[..., None] * a + bs[..., None])).data - a) ** 2).mean(axis=-1)
            best = np.unravel_index(np.argmin(error), error.shape)
            c, b, width = float(cs[best]), float(bs[best]), width / 4
        _near_identities[known] = c, b
    return _near_identities[known]


_near_identities = {}  # (class, settings in words) of an activation -> (c, b)


# ---- by what the network says ----------------------------------------------------------------------------------------


def set_batch_norm(run, on) -> None:
    """On: behind each hidden Linear one that begins, in evaluation mode, as the identity: its mean and variance are
    those of training samples, its scale and shift undo them. Off: folded into the Linear, which says the same."""
    if on == has_batch_norm(run):
        return
    found = blocks(run.model)
    if on:
        statistics = [_said(run, block[0]).astype(np.float64) for block in found]
    with carrying(run):
        modules = []
        for i, (layer, *rest) in enumerate(found):
            if on:
                norm = nn.BatchNorm1d(layer.out_features, dtype=layer.weight.dtype)
                norm.running_mean[...], norm.running_var[...] = statistics[i].mean(axis=0), statistics[i].var(axis=0)
                norm.weight.data[...] = np.sqrt(norm.running_var + norm.eps)
                norm.bias.data[...] = norm.running_mean
                modules += [layer, norm, *rest]
            else:
                norm, *rest = rest
                factor = norm.weight.data / np.sqrt(norm.running_var + norm.eps)
                layer.weight.data[...] *= factor[:, None]
                layer.bias.data[...] = (layer.bias.data - norm.running_mean) * factor + norm.bias.data
                modules += [layer, *rest]
        modules = [*head(run.model), *modules, run.model[-1]]
        del run.model[:]
        run.model.extend(modules)


def samples(run) -> np.ndarray:
    """Training samples by which layers are fitted."""
    data = run.objective.data
    if isinstance(data, Dataset):
        return data.X_train[data.sample(SAMPLES, "train")]
    X = None if data is None else data.take(data.sample(SAMPLES, "train"))[0]
    if not isinstance(X, np.ndarray):
        raise ValueError(
            "a layer is inserted or removed, and batch normalization turned on, by the look of training samples, and "
            "this objective has none that are one array"
        )
    return X


def _said(run, module):
    """What a Linear gives for those samples, (n, units)."""
    return _around(run, module)[1]


def _around(run, module):
    """What a module of the model hears and gives for those samples, in evaluation mode."""
    with evaluating(run.model), no_grad(), record() as tape:
        run.model(Tensor(samples(run)))
    output = next(given for each, given in tape.calls if each is module)
    return output.inputs[0].data, output.data


def _fit(run, layer, target):
    """Weights and bias with which a Linear comes near to `target`, for what it now hears: by least squares from what it
    was, with a little ridge. Units that say nearly the same would else get huge weights of opposite signs, which the
    next steps could not hold in balance."""
    heard = _around(run, layer)[0].astype(np.float64)
    design = np.column_stack([heard, np.ones(len(heard))])
    now = np.vstack([layer.weight.data.T, layer.bias.data]).astype(np.float64)
    u, s, v = np.linalg.svd(design, full_matrices=False)
    kept = s / (s**2 + (RIDGE * s.max(initial=0)) ** 2 + 1e-30)
    solution = now + v.T @ (kept[:, None] * (u.T @ (target - design @ now)))
    layer.weight.data[...] = solution[:-1].T
    layer.bias.data[...] = solution[-1]
