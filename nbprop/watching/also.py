"""What else of a PyTorch loop has a state beside model and optimizer: learning-rate schedules and GradScalers, which
are found, and whatever the user names, such as an average of the weights."""

import copy
import gc
from contextlib import suppress
from typing import Any

import numpy as np

# Schedules that reckon from the rate of the beginning: what a hand sets is gone at their next step.
FROM_THE_BEGINNING = ("LambdaLR", "OneCycleLR", "CyclicLR", "CosineAnnealingWarmRestarts")


def checked(given: Any) -> "tuple[Any, ...]":
    """What a user has named, as a tuple; TypeError for what has no state."""
    if given is None:
        return ()
    found = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    for each in found:
        if not (hasattr(each, "state_dict") and hasattr(each, "load_state_dict")) and not _is_generator(each):
            raise TypeError(
                "watch: also must be what has a state_dict() and a load_state_dict(), such as a schedule or a "
                f"GradScaler, or a torch.Generator, or several of them; got {type(each).__name__}"
            )
    return found


class Also:
    """given: what the user has named. here: all of them that are known, in the order in which they came."""

    def __init__(self, torch: Any, optimizers: "dict[str, Any]", given: "tuple[Any, ...]") -> None:
        self._torch, self._optimizers = torch, optimizers
        self.here: list[Any] = list(given)
        self._scalers: list[tuple[Any, Any]] = []  # all that there were when it began, and their states

    def find(self, scalers: bool = False) -> None:
        """Look for schedules of these optimizers among all objects that there are; it takes some hundredths of a
        second. scalers: keep the states of GradScalers, too, of which it is not yet known whose they are."""
        schedule, scaler = self._torch.optim.lr_scheduler.LRScheduler, self._torch.amp.GradScaler
        known = {id(each) for each in self._inside()}
        mine = {id(each) for each in self._optimizers.values()}
        found: list[Any] = []
        for each in gc.get_objects():
            kinds = type(each).__mro__  # isinstance would ask each of them
            if schedule in kinds and id(vars(each).get("optimizer")) in mine and id(each) not in known:
                found.append(each)
            elif scalers and scaler in kinds and id(each) not in known:
                self._scalers.append((each, _state(each)))
        inner = {id(each) for outer in found for each in _parts(outer)}
        self.here += [each for each in found if id(each) not in inner]

    def _inside(self):
        return [part for each in self.here for part in (each, *_parts(each))]

    def uses(self, scaler: Any) -> Any:
        """This GradScaler makes the steps of the optimizers: its state when the loop began, None where it is known
        already, or was not there then."""
        if any(each is scaler for each in self.here):
            return None
        self.here.append(scaler)
        state = next((state for each, state in self._scalers if each is scaler), None)
        self._scalers = []
        return state

    @property
    def schedules(self) -> "list[Any]":
        """Those that turn a learning rate."""
        schedule = self._torch.optim.lr_scheduler.LRScheduler
        return [each for each in self.here if isinstance(each, schedule)]

    def states(self) -> "list[tuple[Any, Any]]":
        """(each, its state), in numbers of its own; those are left out whose state cannot be copied."""
        found = []
        for each in self.here:
            with suppress(Exception):  # of a user's own class; going back says that it stays as it is
                found.append((each, _state(each)))
        return found

    def close(self) -> None:
        self.here, self._scalers, self._optimizers = [], [], {}


def put_back(states: "list[tuple[Any, Any]]") -> None:
    """Make each as it was."""
    for each, state in states:
        if _is_generator(each):
            each.set_state(state.clone())
        else:
            each.load_state_dict(copy.deepcopy(state))


def differ(states: "list[tuple[Any, Any]]") -> bool:
    """Whether any of them is no more as it was."""
    return any(not _same(_state(each), state) for each, state in states)


def what_comes_of(schedules: "list[Any]") -> str:
    """What happens to a rate that a hand sets while these schedules run."""
    names = " and ".join(sorted({type(each).__name__ for each in schedules}))
    kinds = {type(part).__name__ for each in schedules for part in (each, *_parts(each))}
    if kinds & set(FROM_THE_BEGINNING):
        return f"{names} reckons from the rate of the beginning: this one holds until its next step"
    return f"{names} goes on from this rate at its next step"


def _is_generator(each):
    return hasattr(each, "get_state") and hasattr(each, "set_state")


def _state(each):
    if _is_generator(each):
        return each.get_state()
    return copy.deepcopy(each.state_dict())


def _parts(schedule):
    """The schedules of which one is made."""
    inside = vars(schedule).get("_schedulers", ()) if hasattr(schedule, "__dict__") else ()
    return [part for each in inside for part in (each, *_parts(each))]


def _same(a, b):
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    if hasattr(a, "detach"):
        a = a.detach().cpu().numpy()
        b = b.detach().cpu().numpy() if hasattr(b, "detach") else b
    if isinstance(a, (int, float, np.ndarray)):
        return np.array_equal(a, b, equal_nan=True)
    plain = (str, type(None))  # functions and the like are no state
    return a == b if isinstance(a, plain) or isinstance(b, plain) else True
