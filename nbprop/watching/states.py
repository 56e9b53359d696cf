"""Snapshots of a loop of PyTorch: model, optimizers, schedules, GradScalers and random generators, bit by bit.

A step is over for us when the optimizer has made it; but what belongs to it may come behind that: schedule.step(),
scaler.update(), an average of the weights, weights that are clipped. So a snapshot is taken in two parts: when the
optimizer has made its step (what is drawn from there on is drawn again), and, of all that may have changed until then,
when the next step begins.
"""

import copy
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from .also import Also, differ, put_back
from .losses import unless_compiled

EVERY = 50  # steps between two snapshots, at first
MOST = 24  # so many are kept: when there are more, every second one goes, and the interval doubles
LARGEST = 200_000_000  # bytes of all of them


class States:
    """models: name -> module. optimizers: name -> optimizer. also: what else has a state. hooked: whether
    forward passes can be hooked. steps: those of which there is a snapshot."""

    def __init__(
        self, torch: Any, models: "dict[str, Any]", optimizers: "dict[str, Any]", also: Also, hooked: bool = True
    ) -> None:
        self._torch, self._models, self._optimizers, self.also = torch, models, optimizers, also
        self._modules = {module for model in models.values() for module in model.modules()}
        self._kept: dict[int, Any] = {}
        self._every = EVERY
        self._open: int | None = None  # the snapshot whose second part is still to come
        self._came_back: tuple[int, bool, Callable[[], Any]] | None = None  # see restore
        self._hooked, self._waits, self._hook = hooked, False, None
        size = sum(p.numel() * p.element_size() for model in models.values() for p in model.parameters())
        self._most = min(MOST, int(LARGEST // max(1, 3 * size)))  # with what Adam remembers
        self.why = "" if self._most >= 2 else f"its states are too large: {3 * size / 1e6:,.0f} MB each"
        self.keep(0)

    @property
    def steps(self) -> "tuple[int, ...]":
        return tuple(self._kept)

    def keep(self, step: int) -> None:
        """Keep the state after that step, if it is time for that."""
        if self.why or step % self._every:
            return
        self._kept[step] = self.state()
        if len(self._kept) > self._most:
            self._every *= 2
            self._kept = {each: state for each, state in self._kept.items() if each % self._every == 0}
        if step in self._kept:
            self._open = step
            self._wait_for_the_next()

    def state(self) -> "dict[str, Any]":
        """All of it, in tensors of its own."""
        return {
            **self._weights(),
            "modes": {name: [module.training for module in model.modules()] for name, model in self._models.items()},
            "dropout": {name: [getattr(m, "p", None) for m in model.modules()] for name, model in self._models.items()},
            "optimizers": {name: copy.deepcopy(each.state_dict()) for name, each in self._optimizers.items()},
            "also": self.also.states(),
            "torch": self._torch.get_rng_state(),
            "cuda": self._torch.cuda.get_rng_state_all() if self._torch.cuda.is_initialized() else None,
            "numpy": np.random.get_state(),  # noqa: NPY002 (the generator that the user's loop may draw from)
            "python": random.getstate(),
        }

    def _weights(self):
        return {
            "models": {name: copy.deepcopy(model.state_dict()) for name, model in self._models.items()},
            "versions": self._versions(),
        }

    def _versions(self):
        return sum(p._version for model in self._models.values() for p in model.parameters())

    # ---- the next step begins ----------------------------------------------------------------------------------------

    def _wait_for_the_next(self):
        self._waits = True
        if self._hook is None and self._hooked:
            hook = unless_compiled(self._torch, self._enters)
            self._hook = self._torch.nn.modules.module.register_module_forward_pre_hook(hook)

    def _enters(self, module, inputs):
        if module in self._modules and module.training and self._torch.is_grad_enabled():
            with suppress(Exception):  # then that snapshot is of the end of its step
                self.begins()

    def begins(self) -> None:
        """A step has begun: its first forward pass, or else its backward pass, is about to be made."""
        if not self._waits:
            return
        self._waits = False
        self._unhook()
        step, self._open = self._open, None
        back, self._came_back = self._came_back, None
        if back is not None:
            self._continue(*back)
        if step in self._kept:
            if step == 0:  # what was made between watch and the loop
                self.also.find(scalers=True)
            state = self._kept[step]
            state["also"], state["groups"] = self.also.states(), self._groups()
            if state["versions"] != self._versions():
                state |= self._weights()

    def _unhook(self):
        if self._hook is not None:
            self._hook.remove()
        self._hook = None

    def _groups(self):
        """The settings of all groups of parameters."""
        return [
            {key: copy.deepcopy(value) for key, value in group.items() if key != "params"}
            for each in self._optimizers.values()
            for group in each.param_groups
        ]

    def uses(self, scaler: Any) -> None:
        """That GradScaler makes the steps."""
        state = self.also.uses(scaler)
        if state is not None and 0 in self._kept:
            self._kept[0]["also"].append((scaler, state))

    # ---- going back --------------------------------------------------------------------------------------------------

    def check(self, step: int) -> None:
        """ValueError for a step that is not there."""
        if step not in self._kept:
            there = ", ".join(map(str, self._kept)) or f"none, for {self.why or 'this loop is watched no more'}"
            raise ValueError(f"rewind: there is no snapshot of step {step!r}; there are: {there}")

    def fits(self, step: int) -> None:
        """ValueError where the loop's model or optimizers are others now."""
        state = self._kept[step]
        for name, model in self._models.items():
            now, then = (
                {key: each.shape for key, each in s.items() if hasattr(each, "shape")}
                for s in (model.state_dict(), state["models"][name])
            )
            if now != then or len([*model.modules()]) != len(state["modes"][name]):
                raise ValueError(f"rewind: the model has other parameters than after step {step}")
        for name, each in self._optimizers.items():
            now, then = (
                [len(g["params"]) for g in s["param_groups"]] for s in (each.state_dict(), state["optimizers"][name])
            )
            if now != then:
                raise ValueError(f"rewind: the optimizer has other groups of parameters than after step {step}")

    def restore(self, step: int, inside: bool = False, then: "Callable[[], Any]" = lambda: None) -> str:
        """Make it as it was after that step; later snapshots go. inside: whether that happens while the optimizer's
        step ends, so that the loop goes on behind it. then() is called if it had to be done once more, when the next
        step begins. Gives words about what could not be taken back."""
        self.fits(step)
        state = self._kept[step]
        for name, model in self._models.items():
            model.load_state_dict(state["models"][name])
            for module, p, training in zip(model.modules(), state["dropout"][name], state["modes"][name], strict=True):
                module.training = training
                if p is not None and hasattr(module, "p"):
                    module.p = p
        for name, each in self._optimizers.items():
            each.load_state_dict(copy.deepcopy(state["optimizers"][name]))
        self._torch.set_rng_state(state["torch"])
        if state["cuda"] is not None:
            self._torch.cuda.set_rng_state_all(state["cuda"])
        np.random.set_state(state["numpy"])  # noqa: NPY002
        random.setstate(state["python"])
        self._kept = {each: kept for each, kept in self._kept.items() if each <= step}
        self._put_beside(state)
        self.also.find()
        self._open = step if "groups" not in state else None
        self._came_back = (step, inside, then) if "groups" in state else None
        self._wait_for_the_next()
        known = {id(each) for each, _ in state["also"]}
        left = [type(each).__name__ for each in self.also.here if id(each) not in known]
        return f"{' and '.join(left)} came after step {step:,} and stays as it is" if left else ""

    def _put_beside(self, state):
        for group, then in zip(self._all_groups(), state.get("groups", ()), strict=False):
            for key, value in then.items():
                if hasattr(group.get(key), "fill_"):  # of a capturable optimizer: a tensor that its graph has
                    group[key].fill_(value)
                else:
                    group[key] = copy.deepcopy(value)
        put_back(state["also"])

    def _all_groups(self):
        return [group for each in self._optimizers.values() for group in each.param_groups]

    def _continue(self, step, inside, then):
        """The step after one that was gone back to begins. Where a schedule or the like has gone on meanwhile, as it
        does behind every step, it did so in that step's stead: what stood then was behind it already."""
        state = self._kept.get(step)
        if state is not None and (differ(state["also"]) or (inside and self._groups() != state["groups"])):
            self._put_beside(state)
            then()

    def close(self) -> None:
        """Let all go."""
        self._unhook()
        self._waits, self._came_back = False, None
        self.also.close()
        self._kept, self._models, self._optimizers, self._modules = {}, {}, {}, set()
