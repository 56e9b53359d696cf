"""Snapshots of a loop of PyTorch: model, optimizers and random generators, bit by bit."""

import copy
import random
from typing import Any

import numpy as np

EVERY = 50  # steps between two snapshots, at first
MOST = 24  # so many are kept: when there are more, every second one goes, and the interval doubles
LARGEST = 200_000_000  # bytes of all of them


class States:
    """models: name -> module. optimizers: name -> optimizer. steps: those of which there is a snapshot."""

    def __init__(self, torch: Any, models: "dict[str, Any]", optimizers: "dict[str, Any]") -> None:
        self._torch, self._models, self._optimizers = torch, models, optimizers
        self._kept: dict[int, Any] = {}
        self._every = EVERY
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

    def state(self) -> "dict[str, Any]":
        """All of it, in tensors of its own."""
        return {
            "models": {name: copy.deepcopy(model.state_dict()) for name, model in self._models.items()},
            "modes": {name: [module.training for module in model.modules()] for name, model in self._models.items()},
            "dropout": {name: [getattr(m, "p", None) for m in model.modules()] for name, model in self._models.items()},
            "optimizers": {name: copy.deepcopy(each.state_dict()) for name, each in self._optimizers.items()},
            "torch": self._torch.get_rng_state(),
            "cuda": self._torch.cuda.get_rng_state_all() if self._torch.cuda.is_available() else None,
            "numpy": np.random.get_state(),  # noqa: NPY002 (the generator that the user's loop may draw from)
            "python": random.getstate(),
        }

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

    def restore(self, step: int) -> None:
        """Make it as it was after that step; later snapshots go."""
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

    def close(self) -> None:
        """Let all go."""
        self._kept, self._models, self._optimizers = {}, {}, {}
