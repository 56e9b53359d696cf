"""Episodes of an environment of gymnasium, many at a time: what a policy learns from.

episodes = nb.data.Episodes("CartPole-v1", 20)
played = episodes.play(policy, rng)  # policy(states) -> probabilities
advantage = played.returns(gamma=0.99)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nbprop.checks import number, whole, wrong

NO_GYMNASIUM = 'Episodes: expected gymnasium, which has the environments, got {}; try pip install "nbprop[tutorials]"'


class Played(NamedTuple):
    """Episodes side by side, each a column: T is the length of the longest. What lies behind the end of a shorter one
    does not count: there `counts` is False and `rewards` 0."""

    states: np.ndarray  # (T, n, ...), as the policy saw them, float32
    actions: np.ndarray  # (T, n), whole numbers
    rewards: np.ndarray  # (T, n), of the action
    counts: np.ndarray  # (T, n), bool

    @property
    def totals(self) -> np.ndarray:
        """The sum of the rewards of each episode, (n,)."""
        return self.rewards.sum(axis=0)

    def returns(self, gamma: float = 1.0) -> np.ndarray:
        """What came from each step on, (T, n): G_t = r_t + gamma r_{t+1} + gamma² r_{t+2} + ... (Sutton and Barto 2018,
        equation 3.8). gamma: the discount, from 0 to 1."""
        gamma = number(0, most=1)("gamma", gamma)
        found = self.rewards.copy()
        for t in range(len(found) - 2, -1, -1):
            found[t] += gamma * found[t + 1]
        return found


class Episodes:
    """Plays `count` episodes of an environment of gymnasium at a time, each from a new start to its end.

    name      of the environment, such as "CartPole-v1", with a list of actions to choose from (`Discrete`).
    count     how many episodes are played side by side.
    settings  go to the environment. An attribute of it can be set, too, as `gravity` of the cart and pole:
              `episodes.env.gravity = 1.6`.

    `threshold` is the mean return from which on the environment counts as solved (over 100 episodes, as its authors
    have it), None where it names none; `actions` is how many there are.

    ImportError where gymnasium is missing, ValueError for an environment that does not fit.
    """

    def __init__(self, name: str = "CartPole-v1", count: int = 20, **settings: Any) -> None:
        try:
            import gymnasium
        except ImportError as error:
            raise ImportError(NO_GYMNASIUM.format(error)) from error
        if not isinstance(name, str):
            raise TypeError(wrong("name", 'that of an environment of gymnasium, such as "CartPole-v1"', name))
        self.name, self.count = name, whole(1)("count", count)
        try:
            spec = gymnasium.spec(name)
        except gymnasium.error.Error as error:
            expected = f"Episodes: expected the name of an environment of gymnasium, got {name!r}"
            raise ValueError(f"{expected}: {error}") from None
        mode = "vector_entry_point" if spec.vector_entry_point else "sync"  # all at once, where it knows how
        self.env: Any = gymnasium.make_vec(name, num_envs=count, vectorization_mode=mode, **settings)
        actions = self.env.single_action_space
        if not isinstance(actions, gymnasium.spaces.Discrete) or actions.start != 0:
            raise ValueError(f"Episodes: expected an environment with a list of actions, got {name}, with {actions}")
        self.actions, self.threshold = int(actions.n), spec.reward_threshold

    def play(self, policy: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator) -> Played:
        """All episodes to their ends. All chance, of the environment and of the actions, comes from `rng`.

        policy  policy(states) -> probabilities of the actions, (n, actions), or of the second of two, (n,) or (n, 1);
                `states` (n, ...) float32. ValueError for what are no probabilities.
        """
        if not callable(policy):
            raise TypeError(wrong("policy", "a function of the states, or a module", policy))
        if not isinstance(rng, np.random.Generator):
            raise TypeError(wrong("rng", "a generator", rng, "np.random.default_rng(0)"))
        state, _ = self.env.reset(seed=int(rng.integers(2**31)))
        going, seen = np.ones(self.count, bool), []
        while going.any():
            state = np.asarray(state, np.float32)
            action = self._drawn(policy(state), rng)
            after, reward, ended, cut, _ = self.env.step(action)
            seen.append((state, action, going * np.asarray(reward, np.float64), going))
            state, going = after, going & ~(ended | cut)
        return Played(*(np.array(each) for each in zip(*seen, strict=True)))

    def _drawn(self, given, rng):
        p = np.asarray(getattr(given, "data", given), np.float64)
        if self.actions == 2 and p.shape in ((self.count,), (self.count, 1)):
            second = p.reshape(self.count, 1)
            p = np.concatenate([1 - second, second], axis=1)
        fits = p.shape == (self.count, self.actions)
        if not fits or not (p >= 0).all() or not abs(p.sum(axis=1) - 1).max() < 1e-4:
            came = "numbers that are none" if fits else f"shape {p.shape}"
            raise ValueError(
                f"Episodes: expected of the policy probabilities of {self.actions} actions for each of {self.count} "
                f"states, got {came}; try softmax() of its outputs, or sigmoid() of one"
            )
        return (p.cumsum(axis=1)[:, :-1] < rng.random((self.count, 1))).sum(axis=1)

    def __repr__(self) -> str:
        return f"Episodes({self.name}, {self.count} at a time)"
