"""Models in files: an .npz archive with one array for each parameter, and the architecture as JSON. No pickle: reading
a file makes modules of nbprop.nn from checked settings and copies numbers into them, and can do nothing else.
"""

import inspect
import json
import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from . import nn
from .nn.containers import Sequential
from .nn.module import Module, Parameter

ARCHITECTURE = "architecture"  # the JSON's name in the archive of a model
FILES = {  # name of the JSON in an archive -> format, version, what such a file is
    ARCHITECTURE: ("nbprop model", 1, "a model, which nb.load(path) reads"),
    "run": ("nbprop run", 2, "a run, which nb.Trainer.load(path) reads"),
    "history": ("nbprop history", 1, "a history, which nb.History.load(path) reads"),
}
INITS = {"init", "recurrent_init"}
NOT_SAVED = INITS | {"rng", "seed", "dtype"}  # how weights came about; there is one dtype for all
NOTES = ("activation", "init")  # names that nn.mlp leaves on a Sequential
MOVES = {"stride", "padding", "dilation", "output_padding", "groups"}  # of a window: make no layer larger
MOVES |= {"kdim", "vdim"}  # of attention: each makes another weight larger, and `zeros` looks at that
SLACK = 10**7  # numbers that modules may hold beyond those in the file
FILTERS = 64  # times the numbers in the file that an initializer may be asked for: that of Conv2d is, for large windows


def save(model, path) -> None:
    """Write a model made of nbprop's own modules to the file `path`: its architecture and all its numbers.

    `nb.load(path)` gives it back. Not in the file: gradients, the optimizer, training or evaluation mode, and the state
    of random generators (`trainer.save` keeps them all). np.load(path) shows the arrays.
    Raises TypeError for modules of your own classes: keep their numbers with `np.savez(path, **model.state_dict())` and
    put them back with `model.load_state_dict(np.load(path))`.
    """
    if not isinstance(model, Module):
        hint = "; try nb.save(model, path), or np.savez(path, **state)" if isinstance(model, dict) else ""
        raise TypeError(f"nb.save takes a model, an nb.nn.Module; got {type(model).__name__}{hint}")
    write(path, ARCHITECTURE, plan(model), model.state_dict())


def load(path) -> Any:
    """The model in a file that `nb.save` wrote, in training mode.

    Raises ValueError for a file that is damaged or holds anything else. Files of strangers are safe to load: they
    cannot execute code, nor take memory out of proportion to their size.
    """
    with opened(path, "a model that nb.save wrote") as file:
        return made(*read(file, ARCHITECTURE))


def plan(model) -> dict[str, Any]:
    """The architecture of a model, for JSON; an error if a model made from it would not be the same."""
    found = {"dtype": str(model.theta.dtype), "model": _encode(model, []), "tied": _tied(model)}
    json.dumps(found)  # TypeError for a setting that is none of its
    rebuilt = Builder(found, model.theta.size).model.state_dict()
    shapes, expected = (
        {name: array.shape for name, array in arrays.items()} for arrays in (model.state_dict(), rebuilt)
    )
    for name in {**shapes, **expected}:
        if shapes.get(name) != expected.get(name):
            raise ValueError(f"nb.save: {name!r} is not as the constructor of its module makes it, load would fail")
    return found


def made(plan, arrays) -> Module:
    """The model of a plan, with these arrays: name -> array."""
    model = Builder(plan, sum(array.size for array in arrays.values())).model
    for name, array in arrays.items():
        if array.dtype != plan["dtype"]:
            raise ValueError(f"{name!r} holds {array.dtype}, expected {plan['dtype']}")
    model.load_state_dict(arrays)
    return model


# ---- archives: JSON and arrays ---------------------------------------------------------------------------------------


def write(path, name, head, arrays) -> None:
    """An archive of the arrays (name -> array) and, under `name` out of FILES, of what JSON can hold."""
    kind, version, _ = FILES[name]
    text = json.dumps({"format": kind, "version": version, **head}).encode()
    part = f"{os.fspath(path)}.part"  # whatever happens, there is never half a file under the name itself
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for key, array in {name: np.frombuffer(text, np.uint8), **arrays}.items():
                with archive.open(zipfile.ZipInfo(key + ".npy"), "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.remove(part)
        raise


@contextmanager
def opened(path, what) -> Iterator[Any]:
    """The file, to be read; whatever goes wrong with it is a ValueError that names it. what: it should be."""
    with open(path, "rb") as file:
        try:
            yield file
        except Exception as error:  # there are many ways to be damaged
            reason = str(error) or type(error).__name__
            raise ValueError(f"{os.fspath(path)!r} is damaged, or not {what}: {reason}") from error


def read(file, name) -> tuple[Any, dict[Any, Any]]:
    """(head, arrays) as `write` was given them; an error if the file is not whole, or of another format or version."""
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("it is compressed")  # what is not cannot be larger than the file
        if sum(entry.file_size for entry in entries) > size:
            raise ValueError("it holds less than it says")
        arrays = {}
        for entry in entries:
            with archive.open(entry) as stream:
                arrays[entry.filename.removesuffix(".npy")] = _array(stream, entry)
    if name not in arrays:
        there = [what for other, (*_, what) in FILES.items() if other in arrays]
        raise ValueError(f"it is {there[0]}" if there else f"there is no {name!r} in it")
    head = json.loads(arrays.pop(name).tobytes())
    kind, version, _ = FILES[name]
    if head["format"] != kind:
        raise ValueError(f"expected the format {kind!r}, got {head['format']!r}")
    if head["version"] > version:
        raise ValueError("it was written by a newer nbprop; update with pip install -U nbprop")
    if head["version"] != version:
        raise ValueError(f"it is of version {head['version']!r}, and this nbprop reads version {version}")
    return head, arrays


def _array(stream, entry):
    """The array in an entry, if it is as large as it says: before there is memory for it."""
    major, _ = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(stream)
    if not dtype.hasobject and stream.tell() + math.prod(shape) * dtype.itemsize != entry.file_size:
        raise ValueError(f"{entry.filename!r} is not as large as it says")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


# ---- modules as JSON -------------------------------------------------------------------------------------------------


def arguments(kind) -> dict[str, Any]:
    """Name -> inspect.Parameter of all that the constructor of a class takes, `**settings` for its base included."""
    found = {}
    for base in kind.__mro__[:-1]:
        if "__init__" in vars(base):
            takes = list(inspect.signature(base.__init__).parameters.values())[1:]
            found |= {one.name: one for one in takes if one.kind is not one.VAR_KEYWORD and one.name not in found}
            if all(one.kind is not one.VAR_KEYWORD for one in takes):
                break
    return found


def settings(module) -> dict[str, Any]:
    """The arguments with which the class of `module` makes another of the same architecture: name -> value.

    Each is the attribute of the same name (True for a Parameter); `*modules` are what iteration gives. A class for
    which that does not hold has a method `settings()` of its own.
    """
    if hasattr(module, "settings"):
        return module.settings()
    found = {}
    for name, argument in arguments(type(module)).items():
        if argument.kind is argument.VAR_POSITIONAL:
            found[name] = list(module)
        elif name not in NOT_SAVED:
            value = getattr(module, name)
            found[name] = True if isinstance(value, Parameter) else value
    return found


def _encode(value, done):
    """A module or a setting as JSON takes it. done: the modules that were encoded before."""
    if isinstance(value, (list, tuple)):
        return [_encode(item, done) for item in value]
    if not isinstance(value, Module):
        return value.item() if isinstance(value, np.generic) else value
    if value in done:
        return {"same as": done.index(value)}
    name = type(value).__name__
    if getattr(nn, name, None) is not type(value):
        raise TypeError(
            f"nb.save knows the modules of nb.nn, and {name} is none of them. Keep the numbers with "
            "np.savez(path, **model.state_dict()); put them into a new model with model.load_state_dict(np.load(path))"
        )
    noted = vars(value) if type(value) is Sequential else {}
    notes = {note: noted[note] for note in NOTES if isinstance(noted.get(note), str)}
    notes |= {"silenced": list(value.silenced)} if isinstance(value, nn.Activation) and value.silenced else {}
    node = {"class": name, "settings": {key: _encode(item, done) for key, item in settings(value).items()}, **notes}
    done.append(value)
    return node


def _tied(model):
    """[place, first place] of each parameter that is used in a further place."""
    first, tied = {}, []
    for name, module in model.named_modules():
        for attribute, value in vars(module).items():
            if isinstance(value, Parameter):
                place = f"{name}.{attribute}"
                if first.setdefault(value, place) != place:
                    tied.append([place, first[value]])
    return tied


class Builder:
    """Makes `model` from an architecture that may have been written by an enemy.

    plan: what JSON gave. numbers: how many there are for the model's parameters. Nothing but classes of nbprop.nn is
    made, and nothing that holds many more numbers than that.
    """

    def __init__(self, plan, numbers) -> None:
        self.dtype = {"float32": np.float32, "float64": np.float64}[plan["dtype"]]
        self.numbers, self.held, self.done, self.counted = numbers, 0, [], set()
        self.rng = np.random.default_rng(0)  # one for all: two Dropouts shall not drop the same units
        model = self.build(plan["model"])
        if not isinstance(model, Module):
            raise ValueError("there is no module in it")
        self.model = model
        self.tie(plan["tied"])
        self.numbers = self.model.theta.size  # the look gives every parameter memory of its own

    def build(self, node) -> Any:
        """A module or a setting from what `_encode` made of it."""
        if isinstance(node, list):
            return tuple(self.build(item) for item in node)
        if not isinstance(node, dict):
            return node
        if "same as" in node:
            return self.done[node["same as"]]
        name = node["class"]
        kind = vars(nn).get(name)
        if not (isinstance(kind, type) and issubclass(kind, Module)):
            raise ValueError(f"nb.nn has no module {name!r}")
        given = {key: self.build(value) for key, value in node["settings"].items()}
        takes = arguments(kind)
        if unknown := set(given) - (set(takes) - NOT_SAVED):
            raise ValueError(f"{name} has no setting {min(unknown)!r}")
        given |= {key: False for key, value in given.items() if value is None and takes[key].default is True}  # no bias
        self.check(given)
        several = [
            item
            for key in list(given)
            if takes[key].kind is inspect.Parameter.VAR_POSITIONAL
            for item in given.pop(key)
        ]
        inits = {key for key in INITS & set(takes) if not isinstance(takes[key].default, float)}  # that of PReLU is one
        given |= dict.fromkeys(inits, self.zeros) | ({"dtype": self.dtype} if "dtype" in takes else {})
        given |= dict.fromkeys({"rng", "seed"} & set(takes), self.rng)
        module = kind(*several, **given)
        for note in NOTES:
            if kind is Sequential and isinstance(node.get(note), str):
                setattr(module, note, node[note])
        if isinstance(module, nn.Activation) and "silenced" in node:
            module.silenced = tuple(node["silenced"])
            if any(type(unit) is not int or unit < 0 for unit in module.silenced):
                raise ValueError(f"silenced are numbers of units, got {module.silenced!r}")
        self.count(module)
        self.done.append(module)
        return module

    def check(self, given) -> None:
        """Raise ValueError if the product of all whole numbers among the settings is larger than a layer can be."""
        values = [value for key, value in given.items() if key not in MOVES]
        whole = [n for value in values for n in (value if isinstance(value, tuple) else [value]) if type(n) is int]
        groups = given.get("groups", 1)
        self.limit(math.prod(max(abs(n), 1) for n in whole) // (max(groups, 1) if type(groups) is int else 1))

    def limit(self, size) -> None:
        if size > SLACK + FILTERS * self.numbers:
            raise ValueError("its layers are larger than the arrays in it")

    def zeros(self, rng, fan_in, fan_out) -> np.ndarray:
        """An initializer for weights that will be overwritten: takes no time and no memory."""
        self.limit(fan_in * fan_out)
        return np.broadcast_to(self.dtype(0), (fan_out, fan_in))

    def count(self, module) -> None:
        """Add up what the modules hold that were made with this one."""
        new = [inner for inner in module.modules() if inner not in self.counted]
        self.counted.update(new)
        self.held += sum(np.size(value) for inner in new for value in vars(inner).values() if hasattr(value, "dtype"))
        if self.held > SLACK + self.numbers:
            raise ValueError("its layers are larger than the arrays in it")

    def tie(self, pairs) -> None:
        modules = dict(self.model.named_modules())
        for place, first in pairs:
            (there, name), (here, other) = (place.rpartition(".")[::2] for place in (place, first))
            old, new = vars(modules[there])[name], vars(modules[here])[other]
            if not (isinstance(old, Parameter) and isinstance(new, Parameter) and old.shape == new.shape):
                raise ValueError(f"{place!r} and {first!r} cannot be one parameter")
            setattr(modules[there], name, new)
