"""What all optimizers share: checked settings, two flat vectors in, state that can be saved."""

import copy
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from glob import escape
from inspect import Parameter, signature
from numbers import Real
from typing import TYPE_CHECKING, Any, Self, TypedDict

import numpy as np

from ..checks import did_you_mean, number, wrong
from ..engine.errors import ShapeError
from ..engine.flat import joined
from .groups import Group, Part, check_groups, held, misfit, number_of

Plan = Callable[[int], float] | None  # of a learning rate, see schedules.py
Params = Iterable[Any] | float | None  # what PyTorch's optimizers take; a number is the learning rate


class Rest(TypedDict, total=False):
    """The settings that all optimizers have, after those of their own."""

    weight_decay: float
    schedule: Plan
    groups: Sequence[Mapping[str, Any]]


def factor(name, value) -> Any:
    """None, or a function of the number of updates done."""
    if value is not None and not callable(value):
        raise TypeError(wrong(name, "None or a function of the step, such as StepLR(100)", value))
    return value


QUIET = ("weight_decay", "schedule", "groups", "amsgrad", "dampening")  # not said where they are off
HINTS = {"learning_rate": "; did you mean 'lr'?"}


class Optimizer:
    """A rule that turns a gradient into a change of the parameters. There are two ways to use one.

    Without parameters, `Adam(lr=0.01)`: `step(model)` changes `model.theta` by `model.gradient`; `nb.Trainer` takes it.
    As in PyTorch, `Adam(model.parameters(), lr=0.01)`: `zero_grad()` and `step()` are for the tensors that it was
    given, of a model, some of one, or lone ones. Those without a gradient (None, or requires_grad=False) stay as they
    are.

    Every setting (`lr`, `momentum`, ...) is an attribute, checked when it is set and used from the next update on;
    there are no others. What a rule of your own keeps belongs into `state`, or has a name that begins with "_" or
    stands in the class.

    Settings that all have, after those of their own:
        weight_decay: pulls all parameters towards zero, >= 0. weight_decay * theta is added to the gradient, as if
            weight_decay / 2 * |theta|^2 stood in the loss ("coupled"; for "decoupled" decay see AdamW).
        schedule: None, or a function of the number of updates done that gives a factor for lr, that of every group; see
            `optim.schedules`.
        groups: other settings for some parameters, a list of dicts: [{"params": ["*.bias", "*Norm*"],
            "weight_decay": 0}, {"params": "0.weight", "lr": 1e-4}]. A parameter can be in one group; "params" are names
            as in `named_parameters()`, or the same with the class of the module ("Linear.bias"), in which * is
            anything. They are looked up anew when the model changes; in a Trainer they follow their parameters. Of
            tensors, they are PyTorch's list of dicts: `Adam([{"params": a}, {"params": b, "lr": 1e-4}], lr=1e-3)`.

    state: dict of name -> flat array with one number per parameter; made when first needed. With `t`, the number of
    updates done, and the settings it is all that must be kept to continue exactly. It may be replaced from outside.

    NB: PyTorch counts the updates of each parameter; here `t` is one for all.
    """

    name = "optimizer"
    checks: dict[str, Any] = {"lr": number(0)}  # setting -> check; the order is that of settings()
    common: dict[str, Any] = {"weight_decay": number(0), "schedule": factor, "groups": None}
    decoupled = False
    full_batch = False  # whether the rule compares gradients, or losses, of one and the same loss
    gradient_free = False  # whether it asks for losses alone, see searching.py
    shaped = False  # whether the rule is for one parameter in its shape, not for numbers
    decay = 0.0  # the usual weight_decay
    held: Sequence[tuple[int | None, Any]] = ()  # (number of its group, tensor) of each that it was given
    _owner: Any = None  # a weak method (optimizer, name, value) that is told of a setting instead of it being set
    _place: tuple[str, tuple[int, ...]] = ("", ())  # (kind, shape) of what a `shaped` rule is for, as "Linear.weight"
    _pieces: Any = None  # (what they were made of, the pieces of an update)
    t: int
    state: dict[str, Any]
    lr: float
    weight_decay: float
    schedule: Plan
    groups: Sequence[Mapping[str, Any]]

    def __init_subclass__(cls) -> None:
        cls.checks = {**cls.checks, **cls.common}
        cls.checks["groups"] = cls.checks["groups"] or partial(check_groups, cls)

    def __init__(self, params: Params = None, **settings) -> None:
        if isinstance(params, Real):  # Adam(0.01)
            if settings.get("lr") not in (None, self.defaults().get("lr")):
                raise TypeError(f"{type(self).__name__} was given two learning rates: {params} and {settings['lr']}")
            params, settings["lr"] = None, params
        self.t, self.state, self._scratch = 0, {}, {}
        for name, value in ({"weight_decay": self.decay, "schedule": None, "groups": ()} | settings).items():
            self.assign(name, value)
        if params is not None:
            if self.groups:
                raise TypeError(
                    f"{type(self).__name__} was given parameters, and groups= that are found by names: take "
                    'PyTorch\'s list of dicts, [{"params": tensors, "lr": 0.1}, ...], or leave the parameters out'
                )
            groups, self.held = held(type(self).__name__, params)
            self.assign("groups", groups)

    if not TYPE_CHECKING:  # an editor that saw them would take any name for a setting

        def __setattr__(self, name, value) -> None:
            if name in self.checks and (owner := self._owner and self._owner()) is not None:
                owner(self, name, self.checks[name](name, value))
            elif name in self.checks or not (name in ("t", "state") or name[0] == "_" or hasattr(type(self), name)):
                self.assign(name, value)
            else:
                object.__setattr__(self, name, value)

        def __getattr__(self, name) -> Any:
            # Nothing of this name was found. copy asks for names of its own, and needs no words.
            raise AttributeError(name if name[:2] == "__" else self._unknown(name))

    def _unknown(self, name):
        meant = HINTS.get(name) or did_you_mean(name, self.checks) or "."
        return f"{type(self).__name__} has no setting {name!r}{meant} It has {', '.join(self.checks)}"

    def assign(self, name, value) -> None:
        """Set a setting, checked, without telling an owner."""
        if name not in self.checks:
            raise AttributeError(self._unknown(name))
        object.__setattr__(self, name, self.checks[name](name, value))
        vars(self)["_pieces"] = None

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The settings of a new one, name -> value, in the order of `checks` (name -> check)."""
        takes = [one for base in reversed(cls.__mro__[:-1]) for one in signature(base.__init__).parameters.values()]
        known = {"weight_decay": cls.decay, "schedule": None, "groups": ()}
        known |= {one.name: one.default for one in takes if one.default is not Parameter.empty}
        return {name: known[name] for name in cls.checks if name in known}

    def rule(self, theta, gradient, lr) -> None:
        """Change `theta` in place by one update. `self.t` counts this update already (1 the first time)."""
        raise NotImplementedError

    def update(self, theta, gradient, frozen=(), model: Any = None) -> None:
        """One update of the flat vector `theta` (in place) from the flat `gradient` (left as it is).

        frozen: slices of theta that stay as they are, and with them the state that belongs to them. model: the module
        whose theta it is, by whose names `groups` are found; without it there can be none.
        """
        if theta.shape != gradient.shape:
            raise ShapeError(
                f"{type(self).__name__}: theta and gradient must have one shape; got {theta.shape} and {gradient.shape}"
            )
        own = vars(self)  # a class with __getattr__ and __setattr__ is slow to ask and to tell
        if own["groups"]:
            return self._by_parameter(theta, gradient, frozen, model)
        kept = self._kept(theta, frozen) if frozen else ()
        lr, decay = own["lr"] if own["schedule"] is None else self.rate, own["weight_decay"]
        if decay and self.decoupled:
            theta *= 1 - lr * decay
        elif decay:
            decayed = self.scratch(theta, 2)
            np.multiply(theta, decay, out=decayed)
            decayed += gradient
            gradient = decayed
        own["t"] += 1
        self.rule(theta, gradient, lr)
        self._give_back(theta, kept)

    def _by_parameter(self, theta, gradient, frozen, model):
        kept = self._kept(theta, frozen)
        self._in_pieces(self._of_model(theta, gradient, frozen, model), theta.size)
        self._give_back(theta, kept)

    def _give_back(self, theta, kept):
        for at, values, state in kept:
            theta[at] = values
            for name, vector in self.state.items():
                vector[at] = state.get(name, 0)

    def _kept(self, theta, frozen):
        return [(at, theta[at].copy(), {name: v[at].copy() for name, v in self.state.items()}) for at in frozen]

    @property
    def rate(self) -> float:
        """The learning rate of the next update: lr, times the schedule's factor if there is one."""
        return self.lr if self.schedule is None else self.lr * float(self.schedule(self.t))

    # Groups, and parameters that it was given

    def one_of(self, number=None, kind="", shape=()) -> Self:
        """An optimizer with the settings of a group (its number; None: the rest), and none of the state. kind, shape:
        of the parameter that it is for, such as "Linear.weight"."""
        one = copy.copy(self)
        own = {} if number is None else {key: each for key, each in self.groups[number].items() if key != "params"}
        vars(one).update(own, groups=(), held=(), state={}, _pieces=None, _place=(kind, shape))
        return one

    def number_of(self, names) -> int | None:
        """The number of the group of a parameter, None for the rest. names: its dotted one, and one with its class."""
        return number_of(self.groups, names)

    def check_groups(self, model) -> None:
        """ValueError where a group is for parameters that the model does not have, or two are for the same."""
        if self.groups and (words := misfit(self.groups, model._places())):
            raise ValueError(words)

    def _of_model(self, theta, gradient, frozen, model):
        if model is None:
            raise TypeError(f"{type(self).__name__} has groups, which are found by names: call step(model)")
        places = model._places()

        def parts():
            stop = 0
            for shape, names in places:
                at, stop = slice(stop, stop + math.prod(shape)), stop + math.prod(shape)
                if not any(still.start <= at.start and stop <= still.stop for still in frozen):
                    two = theta[at].reshape(shape), gradient[at].reshape(shape)
                    yield Part(at, self.number_of(names), names[1], *two)

        return self._pieces_of([theta, gradient, places, *frozen], parts)

    def _of_held(self):
        made_of: list[Any] = [each for _, p in self.held for each in (p._data, p._grad if p.requires_grad else None)]

        def parts():
            stop = 0
            for (i, p), theta, gradient in zip(self.held, made_of[::2], made_of[1::2], strict=True):
                stop += p.size
                if gradient is not None:
                    yield Part(slice(stop - p.size, stop), i, "", theta, gradient)

        return self._pieces_of(made_of, parts)

    def _pieces_of(self, made_of, parts):
        """The pieces of an update, made anew where what they are made of has changed."""
        before, pieces = self._pieces or ((), ())
        if len(before) != len(made_of) or not all(map(_same, before, made_of)):
            pieces = self._cut(parts())
            vars(self)["_pieces"] = made_of, pieces
        return pieces

    def _cut(self, parts):
        """The parts, with an optimizer for each; neighbours in one where one will do."""
        runs = []
        for part in parts:
            before = runs[-1][-1] if runs else None
            if before is None or self.shaped or (before.at.stop, before.group) != (part.at.start, part.group):
                runs.append([])
            runs[-1].append(part)
        pieces = []
        for run in runs:
            theta, gradient = joined([part.theta for part in run]), joined([part.gradient for part in run])
            if len(run) > 1 and theta is not None and gradient is not None:
                run = [Part(slice(run[0].at.start, run[-1].at.stop), run[0].group, "", theta, gradient)]
            pieces += [(self.one_of(part.group, part.kind, part.theta.shape), part) for part in run]
        return pieces

    def _in_pieces(self, pieces, size):
        known = dict(self.state)
        for name, vector in known.items():
            self._check_size(name, vector, (size,))
        for one, (at, _, _, theta, gradient) in pieces:
            before = {name: vector[at].reshape(theta.shape) for name, vector in known.items()}
            vars(one).update(t=self.t, state=dict(before))
            one.update(theta, gradient)
            for name, values in one.state.items():
                if name not in self.state:
                    self.state[name] = np.zeros(size, theta.dtype)
                if values is not before.get(name):
                    self.state[name][at] = values.ravel()
            for name in before.keys() - one.state.keys():
                self.state[name][at] = 0
        self.t += 1

    @property
    def param_groups(self) -> list[Group]:
        """The settings of each group, as PyTorch has them: `optimizer.param_groups[0]["lr"] = 0.01`. The last is that
        of all parameters in no group, if there may be any."""
        rest = not self.held or any(number is None for number, _ in self.held)
        return [Group(self, number) for number in (*range(len(self.groups)), *[None] * rest)]

    def add_param_group(self, param_group) -> None:
        """As PyTorch's: tensors under "params", with settings of their own, for an optimizer that was given others."""
        if not self.held:
            raise TypeError(f"{type(self).__name__} was given no parameters; set optimizer.groups = [...] instead")
        (group,), found = held(type(self).__name__, [param_group])
        held(type(self).__name__, [p for _, p in (*self.held, *found)])  # an error if one is there already
        number = len(self.groups)
        self.groups = [*self.groups, group]
        self.held = [*self.held, *((number, p) for _, p in found)]
        more = sum(p.size for _, p in found)
        self.state = {name: np.append(vector, np.zeros(more, vector.dtype)) for name, vector in self.state.items()}

    def anew(self, model: Any = None) -> Self:
        """A new optimizer with these settings, that was given no parameters. model: whose parameters this one was
        given, by whose names its groups go on."""
        if self.held and model is None:
            raise TypeError(
                f"{type(self).__name__} was given parameters, of which nothing is known here: leave them out"
            )
        names = {id(p): name for name, p in model.named_parameters()} if self.held else {}
        kind = type(self).__name__
        if {id(p) for _, p in self.held} != names.keys():
            raise ValueError(
                f"{kind} was given other parameters than the model's: a Trainer trains all of them; freeze some with "
                "trainer.freeze(layer), or parameter.requires_grad = False"
            )
        groups = [dict(group) for group in self.groups]
        for i, p in self.held:
            if i is not None:
                groups[i]["params"] = (*groups[i]["params"], escape(names[id(p)]))
        made = type(self)(**{name: value for name, value in self.settings().items() if name != "groups"})
        made.assign("groups", groups)
        return made

    def zero_grad(self, set_to_none=False) -> None:
        """Set the gradients of the parameters that it was given to 0. NB: to 0 always, where PyTorch takes None."""
        if not self.held:
            raise TypeError(f"{type(self).__name__} was given no parameters: write model.zero_grad()")
        for _, p in self.held:
            p.zero_grad()

    def step(self, model: Any = None) -> Any:
        """One update from the gradients of the last backward(): of the parameters that it was given, or of a model's.
        Those with requires_grad=False stay as they are.

        In the place of a model, a function that computes the loss and its gradient before, as in PyTorch (a "closure");
        what it returns is returned."""
        kind, a_model = type(self).__name__, hasattr(model, "_flat")
        if a_model and not self.held:
            if not self.t:
                self.check_groups(model)
            theta, gradient, frozen = model._flat()
            return self.update(theta, gradient, frozen, model)
        if not self.held:
            raise TypeError(
                f"{kind}.step takes the model, an nn.Module; {kind}(model.parameters()).step() takes nothing; "
                f"got {type(model).__name__}"
            )
        if a_model or not (model is None or callable(model)):
            raise TypeError(f"{kind} was given its parameters: write step(), without {type(model).__name__}")
        said = None if model is None else model()
        if not self.t and all(p.grad is None or not p.grad.any() for _, p in self.held):
            words = "no gradient has come to the parameters that it was given: was there a backward(), of their model?"
            warnings.warn(f"{kind}: {words}", RuntimeWarning, stacklevel=2)
        self._in_pieces(self._of_held(), sum(p.size for _, p in self.held))
        return said

    def reset(self) -> None:
        """Forget the past: as if no update had been done."""
        self.t = 0
        self.state.clear()

    def settings(self) -> dict[str, Any]:
        """The hyper-parameters, name -> value."""
        return {name: getattr(self, name) for name in self.checks}

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to continue exactly, as copies: {"name", "settings", "t", "state"}."""
        state = {name: vector.copy() for name, vector in self.state.items()}
        return {"name": type(self).__name__, "settings": self.settings(), "t": self.t, "state": state}

    def load_state_dict(self, saved) -> None:
        """Go on from what `state_dict()` of an optimizer of the same kind returned."""
        if saved["name"] != type(self).__name__:
            raise ValueError(f"state of {saved['name']} cannot be loaded into {type(self).__name__}")
        for name, value in saved["settings"].items():
            if name not in self.checks:
                raise ValueError(self._unknown(name))
            self.assign(name, value)
        self.t = int(saved["t"])
        self.state = {name: np.array(vector) for name, vector in saved["state"].items()}

    def copy(self) -> Self:
        """An independent optimizer in the same state."""
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_scratch": {}, "_owner": None, "_pieces": None}  # a copy belongs to nobody

    def __repr__(self) -> str:
        settings = {name: value for name, value in self.settings().items() if value or name not in QUIET}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"

    def vector(self, name, theta) -> np.ndarray:
        """The state vector called `name`; zeros when it is used for the first time."""
        vector = self.state.get(name)
        if vector is None:
            vector = self.state[name] = np.zeros_like(theta)
        elif vector.shape != theta.shape:
            self._check_size(name, vector, theta.shape)
        return vector

    def _check_size(self, name, vector, shape):
        if vector.shape != shape:
            raise ShapeError(
                f"{type(self).__name__}: state {name!r} has shape {vector.shape}, but theta has {shape}: "
                "the model has changed. Map .state to the new parameters, or call reset()"
            )

    def scratch(self, theta, i=0) -> np.ndarray:
        """Array number i like theta for intermediate results, the same one every time: no allocation per update."""
        kept = self._scratch.get(i)
        if kept is None or kept[0] is not theta:
            kept = self._scratch[i] = theta, np.empty_like(theta)
        return kept[1]


def _same(a, b):
    return a is b or (isinstance(a, slice) and a == b)
