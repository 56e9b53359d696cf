"""Optimizers that ask for losses alone, and never for a gradient. Sorted from one point to many."""

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np

from ..checks import flag, number, whole
from .optimizer import Optimizer, Params, Rest, factor

__all__ = ["Annealing", "EvolutionStrategy", "Genetic", "ParticleSwarm"]

SAME = 1e-4  # share by which a loss may differ from the one that is remembered, and be the same


def _none(name, value) -> Any:
    if value not in (0, (), []):
        why = "all parameters are one vector to it" if name == "groups" else "add the penalty to the loss"
        raise ValueError(f"no {name} without a gradient: {why}; got {value!r}")
    return () if name == "groups" else 0.0


def _even(name, value) -> int:
    if whole(2)(name, value) % 2:
        raise ValueError(f"{name} must be even, for every point is tried with its opposite; got {value}")
    return int(value)


class Search(Optimizer):
    """What all have that look for a lower loss by trying. A rule is `rule(theta, loss, f, lr)`: it changes theta in
    place and may call f(another theta), a float, as often as it likes; loss is f(theta).

    There are three ways to use one: in a Trainer, `optimizer="genetic"`, with all samples in one batch; on any function
    of a flat vector, `search(theta, f)`; as PyTorch's, `Genetic(model.parameters())` and `step(closure)`, where
    closure() returns the loss. A loss that is not finite counts as infinite.

    Random numbers are drawn by `seed` and the number of the step: the same state goes on in the same way.

    evaluations: how often the loss was computed in the last step.
    There are no groups and no weight_decay. schedule is a factor for lr, as everywhere. A Trainer leaves the padding
    row of an nn.Embedding as it is; parameters alone do not say where one is, and step(closure) changes it.
    """

    gradient_free = full_batch = True
    common = {"weight_decay": _none, "schedule": factor, "groups": _none}
    evaluations = 0
    seed: int

    def rule(self, theta, loss, f, lr) -> None:
        raise NotImplementedError

    def search(self, theta, f: Callable[[Any], float], loss: float | None = None, frozen=()) -> float:
        """One step: changes the flat vector theta (n,) in place by what f, a function of such a vector, says; returns
        f(theta) as it was before. loss: f(theta), where it is known (it counts all the same). frozen: slices of theta
        that stay as they are."""
        calls, still = 1, [(at, theta[at].copy()) for at in frozen]

        def tried(other):
            nonlocal calls
            calls += 1
            for at, values in still:
                other[at] = values
            found = float(f(other))
            return found if np.isfinite(found) else np.inf

        loss = float(f(theta)) if loss is None else loss
        for name, vector in self.state.items():
            self._check_size(name, vector, theta.shape)
        rate, before = self.rate, (theta.copy(), self.t, dict(self.state))
        self.t += 1
        try:
            self.rule(theta, loss, tried, rate)
        except BaseException:  # of f, or an interrupt: as if the step had not begun
            theta[...], self.t, self.state = before
            raise
        for at, values in still:
            theta[at] = values
        self.evaluations = calls
        return loss

    def update(self, theta, gradient, frozen=(), model: Any = None) -> None:
        raise TypeError(f"{type(self).__name__} asks for losses, not for a gradient: call search(theta, f)")

    def step(self, model: Any = None) -> Any:
        """One step with a closure that computes the loss and returns it; that of before is returned."""
        kind = type(self).__name__
        if not self.held or not callable(model) or hasattr(model, "_flat"):
            raise TypeError(
                f"{kind} calls a function that computes the loss: {kind}(model.parameters()).step(closure); or let a "
                f"Trainer do it, or call search(theta, f)"
            )
        tensors = [p for _, p in self.held]
        ends = np.cumsum([p.size for p in tensors])
        theta = np.concatenate([p.data.ravel() for p in tensors])

        def put(theta):
            for p, values in zip(tensors, np.split(theta, ends[:-1]), strict=True):
                p.data[...] = values.reshape(p.shape)

        def f(theta):
            put(theta)
            said: Any = model()
            return float(getattr(said, "data", said))

        frozen = [slice(end - p.size, end) for p, end in zip(tensors, ends, strict=True) if not p.requires_grad]
        try:
            return self.search(theta, f, frozen=frozen)
        finally:
            put(theta)

    @property
    def rng(self) -> np.random.Generator:
        """That of this step."""
        return np.random.default_rng([self.seed, self.t])

    def around(self, theta, spread, rng) -> np.ndarray:
        """A point near theta, normally distributed."""
        return theta + (spread * rng.standard_normal(theta.size)).astype(theta.dtype)


class Annealing(Search):
    """theta' = theta + lr * normal numbers is taken if it is better; if it is worse by d, with probability exp(-d / T),
    and T falls with every step: simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983; the rule is that of Metropolis
    and others 1953).

    Args:
        lr: standard deviation of what is added to each parameter, >= 0.
        temperature: T of the first step, >= 0, in the units of the loss; 0 never takes what is worse.
        cooling: factor of T from step to step, above 0, at most 1.
        trials: how many points are tried in one step, one after the other.
        seed, params, schedule: see Search and Optimizer.
    State: none. A step computes the loss trials + 1 times.
    """

    name = "annealing"
    checks = {
        "lr": number(0), "temperature": number(0), "cooling": number(above=0, most=1), "trials": whole(1),
        "seed": whole(0),
    }  # fmt: skip
    temperature: float
    cooling: float
    trials: int

    def __init__(
        self, params: Params = None, lr: float = 0.1, temperature: float = 0.03, cooling: float = 0.99,
        trials: int = 20, seed: int = 0, **rest: Unpack[Rest],
    ) -> None:  # fmt: skip
        given = {"temperature": temperature, "cooling": cooling, "trials": trials, "seed": seed}
        super().__init__(params, lr=lr, **given, **rest)

    def rule(self, theta, loss, f, lr) -> None:
        rng, temperature = self.rng, self.temperature * self.cooling ** (self.t - 1)
        for _ in range(self.trials):
            other, draw = self.around(theta, lr, rng), rng.random()
            worse = (found := f(other)) - loss
            if worse <= 0 or (temperature and draw < np.exp(-worse / temperature)):
                theta[...], loss = other, found


class EvolutionStrategy(Search):
    """theta <- theta - lr * g,  g = sum of u_i e_i / (population * sigma): e_i normal numbers, u_i the loss at theta +
    sigma * e_i. On average g is the gradient of the loss, smoothed over sigma (Rechenberg 1973 for the idea; Salimans
    and others 2017, algorithm 1; Nesterov & Spokoiny 2017, section 2).

    Every e_i comes with -e_i. With ranks=True u_i is not the loss but its rank among all, from -1/2 for the lowest to
    1/2 (Salimans and others 2017, section 2): large losses count no more than others, and equal ones alike.
    NB: CMA-ES (Hansen & Ostermeier 2001) also learns in which directions to try, an n x n matrix; this one does not.

    Args:
        lr: >= 0. sigma: how far it is tried, above 0. population: points tried in a step, an even number from 2.
        ranks: whether ranks count in the place of losses.
        seed, params, schedule: see Search and Optimizer.
    State: none. A step computes the loss population + 1 times.
    """

    name = "evolution"

    checks = {
        "lr": number(0), "sigma": number(above=0), "population": _even, "ranks": flag, "seed": whole(0),
    }  # fmt: skip
    sigma: float
    population: int
    ranks: bool

    def __init__(
        self, params: Params = None, lr: float = 0.03, sigma: float = 0.1, population: int = 20, ranks: bool = True,
        seed: int = 0, **rest: Unpack[Rest],
    ) -> None:  # fmt: skip
        given = {"sigma": sigma, "population": population, "ranks": ranks, "seed": seed}
        super().__init__(params, lr=lr, **given, **rest)

    def rule(self, theta, loss, f, lr) -> None:
        e = self.rng.standard_normal((self.population // 2, theta.size)).astype(theta.dtype)
        e = np.concatenate([e, -e])
        found = np.array([f(theta + self.sigma * each) for each in e])
        if self.ranks:
            order = np.sort(found)  # equal losses have one rank, that in the middle
            places = order.searchsorted(found, "left") + order.searchsorted(found, "right") - 1
            found = places / 2 / (len(found) - 1) - 0.5
        elif not np.isfinite(found).all():
            found = np.where(np.isfinite(found), found, np.max(found, where=np.isfinite(found), initial=loss))
        theta -= (lr / (self.population * self.sigma) * (found @ e)).astype(theta.dtype)


class ParticleSwarm(Search):
    """v <- inertia * v + cognitive * r1 * (p - x) + social * r2 * (g - x),  x <- x + lr * v: each particle x is drawn
    to the best point p that it has seen and to the best g of all; r1, r2 are uniform in [0, 1], for every
    parameter anew (Kennedy & Eberhart 1995; inertia: Shi & Eberhart 1998). theta is g.

    The defaults are those of Clerc & Kennedy (2002), with which a swarm comes to rest. It begins around theta, and
    begins anew where the loss at g is not the remembered one: somebody has changed the weights, or the data.

    Args:
        lr: factor of the velocity, >= 0. population: particles, from 2.
        inertia, cognitive, social: as above, >= 0. spread: standard deviation of the particles around theta at the
            beginning, >= 0.
        seed, params, schedule: see Search and Optimizer.
    State: x0, v0, p0, l0, x1, ... of each particle, and g, l: l0 is the loss at p0 and l that at g, over and over.
    A step computes the loss population + 1 times.
    """

    name = "swarm"
    checks = {
        "lr": number(0), "population": whole(2), "inertia": number(0), "cognitive": number(0), "social": number(0),
        "spread": number(0), "seed": whole(0),
    }  # fmt: skip
    population: int
    inertia: float
    cognitive: float
    social: float
    spread: float

    def __init__(
        self, params: Params = None, lr: float = 1.0, population: int = 30, inertia: float = 0.7298,
        cognitive: float = 1.4962, social: float = 1.4962, spread: float = 1.0, seed: int = 0, **rest: Unpack[Rest],
    ) -> None:  # fmt: skip
        given = {"population": population, "inertia": inertia, "cognitive": cognitive, "social": social}
        super().__init__(params, lr=lr, **given, spread=spread, seed=seed, **rest)

    def rule(self, theta, loss, f, lr) -> None:
        state, rng = self.state, self.rng
        known = "l" in state and np.array_equal(state["g"], theta) and abs(state["l"][0] - loss) <= SAME * abs(loss)
        if not known:
            state.clear()
        g, lowest = theta.copy(), loss
        for i in range(self.population):
            x, v, p, least = (f"{name}{i}" for name in "xvpl")
            r1, r2 = rng.random((2, theta.size)).astype(theta.dtype)
            if x in state:
                pull = self.cognitive * r1 * (state[p] - state[x]) + self.social * r2 * (theta - state[x])
                state[v] = self.inertia * state[v] + pull
                state[x] = state[x] + lr * state[v]
            else:
                state[x], state[v] = self.around(theta, self.spread, rng), np.zeros_like(theta)
                state[p], state[least] = state[x].copy(), np.full_like(theta, np.inf)
            if (found := f(state[x])) < state[least][0]:
                state[p], state[least] = state[x].copy(), np.full_like(theta, found)
            if found < lowest:
                g, lowest = state[x].copy(), found
        for name in [name for name in state if name[1:] and int(name[1:]) >= self.population]:
            del state[name]
        theta[...] = g
        state["g"], state["l"] = g.copy(), np.full_like(theta, lowest)


class Genetic(Search):
    """A population of parameter vectors. The best stays; every other one of the next generation is a child of two
    parents, each the best of `tournament` that were drawn: with probability `crossover` each of its parameters comes
    from either parent alike, else all from the first; each is then changed with probability `mutation` by normal
    numbers of standard deviation lr (Holland 1975; for the weights of networks Montana & Davis 1989). theta is the
    best.

    Args:
        lr: standard deviation of a mutation, >= 0. mutation, crossover: probabilities. tournament: how many are drawn
            for each parent, from 1. population: from 2.
        spread: standard deviation of the first population around theta, >= 0.
        seed, params, schedule: see Search and Optimizer.
    State: x1, x2, ..., those that are tried in the next step beside theta. A step computes the loss population times.
    """

    name = "genetic"
    checks = {
        "lr": number(0), "population": whole(2), "mutation": number(0, most=1), "crossover": number(0, most=1),
        "tournament": whole(1), "spread": number(0), "seed": whole(0),
    }  # fmt: skip
    population: int
    mutation: float
    crossover: float
    tournament: int
    spread: float

    def __init__(
        self, params: Params = None, lr: float = 0.2, population: int = 50, mutation: float = 0.2,
        crossover: float = 0.7, tournament: int = 3, spread: float = 1.0, seed: int = 0, **rest: Unpack[Rest],
    ) -> None:  # fmt: skip
        given = {"population": population, "mutation": mutation, "crossover": crossover, "tournament": tournament}
        super().__init__(params, lr=lr, **given, spread=spread, seed=seed, **rest)

    def rule(self, theta, loss, f, lr) -> None:
        rng, count = self.rng, self.population - 1
        others = [self.state.get(f"x{i}") for i in range(1, self.population)]
        people = [theta.copy(), *(self.around(theta, self.spread, rng) if x is None else x for x in others)]
        losses, people = np.array([loss, *map(f, people[1:])]), np.array(people)
        theta[...] = people[losses.argmin()]
        drawn = rng.integers(self.population, size=(2, count, self.tournament))
        winners = np.take_along_axis(drawn, losses[drawn].argmin(axis=-1, keepdims=True), axis=-1)[..., 0]
        mothers, fathers = people[winners[0]], people[winners[1]]
        swap = (rng.random(mothers.shape) < 0.5) & (rng.random((count, 1)) < self.crossover)
        children = np.where(swap, fathers, mothers)
        changed = rng.random(children.shape) < self.mutation
        children += (lr * changed * rng.standard_normal(children.shape)).astype(theta.dtype)
        self.state = {f"x{i + 1}": child for i, child in enumerate(children)}
