"""Episodes of an environment: whole ones, all chance from one generator, and what does not fit is named."""

import sys

import numpy as np
import pytest

import nbprop as nb
from nbprop.data.episodes import Played


@pytest.fixture
def cart():
    return nb.data.Episodes("CartPole-v1", 8)


def even(states):
    return np.full(len(states), 0.5)


def test_every_episode_goes_from_a_start_to_its_end(cart):
    played = cart.play(even, np.random.default_rng(0))
    T = len(played.states)
    assert played.states.shape == (T, 8, 4) and played.states.dtype == np.float32
    assert played.actions.shape == played.rewards.shape == played.counts.shape == (T, 8)
    assert (abs(played.states[0]) <= 0.05).all() and set(np.unique(played.actions)) == {0, 1}
    lengths = played.counts.sum(axis=0)
    assert lengths.max() == T and len(set(lengths)) > 1
    for k, length in enumerate(lengths):
        assert played.counts[:length, k].all() and not played.counts[length:, k].any()
        inside = played.states[:length, k]  # the last state is not seen: it ends the episode
        assert (abs(inside[:, 2]) < np.radians(12.01)).all() and (abs(inside[:, 0]) < 2.41).all()
    np.testing.assert_array_equal(played.totals, lengths)


def test_the_same_generator_gives_the_same_episodes(cart):
    first, again, other = (cart.play(even, np.random.default_rng(seed)) for seed in (3, 3, 4))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert first.states.shape != other.states.shape or not np.array_equal(first.states, other.states)


def test_side_by_side_it_moves_as_gymnasiums_own_single_one(cart):
    gymnasium = pytest.importorskip("gymnasium")
    played = cart.play(even, np.random.default_rng(1))
    single = gymnasium.make("CartPole-v1").unwrapped
    for k in range(cart.count):
        single.reset(seed=0)
        single.state = played.states[0, k].astype(np.float64)
        for t in range(int(played.counts[:, k].sum())):
            np.testing.assert_allclose(single.state, played.states[t, k], atol=1e-5)
            *_, ended, _, _ = single.step(int(played.actions[t, k]))
        assert ended


def test_a_policy_that_balances_goes_to_the_limit(cart):
    def steady(states):
        return (states @ [0.1, 0.5, 2.0, 1.0] > 0).astype(float)

    assert cart.play(steady, np.random.default_rng(0)).totals.tolist() == [500] * 8
    assert cart.threshold == 475 and cart.actions == 2


def test_probabilities_in_any_form(cart):
    def model(states):
        return nb.Tensor(states[:, :2] - states[:, :2] + 0.5)

    for policy in (even, lambda s: even(s)[:, None], lambda s: np.full((len(s), 2), 0.5), model):
        one = cart.play(policy, np.random.default_rng(2))
        assert one.states.shape == cart.play(even, np.random.default_rng(2)).states.shape


def test_how_often_an_action_is_taken():
    episodes = nb.data.Episodes("MountainCar-v0", 5)
    assert episodes.actions == 3 and episodes.threshold == -110
    played = episodes.play(lambda s: np.tile([0.2, 0.7, 0.1], (len(s), 1)), np.random.default_rng(0))
    shares = np.bincount(played.actions.ravel(), minlength=3) / played.actions.size
    np.testing.assert_allclose(shares, [0.2, 0.7, 0.1], atol=0.05)
    assert played.totals.tolist() == [-200] * 5


def test_settings_and_attributes_of_the_environment():
    cart = nb.data.Episodes("CartPole-v1", 40)
    on_earth = cart.play(even, np.random.default_rng(0)).totals.mean()
    cart.env.gravity = 1.6
    assert cart.play(even, np.random.default_rng(0)).totals.mean() > on_earth
    with pytest.raises(TypeError):
        nb.data.Episodes("CartPole-v1", 2, gravitty=3)


@pytest.mark.parametrize(
    "given",
    [
        np.full(7, 0.5),
        np.full((8, 3), 1 / 3),
        np.full((2, 8), 0.5),
        np.full(8, 1.5),
        np.full(8, -0.1),
        np.full(8, np.nan),
        np.ones((8, 2)),
    ],
)
def test_what_are_no_probabilities_is_refused(cart, given):
    with pytest.raises(ValueError, match="policy probabilities of 2 actions for each of 8 states, got"):
        cart.play(lambda states: given, np.random.default_rng(0))


def test_what_is_no_policy_and_what_is_no_generator_are_refused(cart):
    with pytest.raises(TypeError, match="policy must be a function of the states, or a module; got None"):
        cart.play(None, np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"rng must be a generator; got 0; try np\.random\.default_rng\(0\)"):
        cart.play(even, 0)
    with pytest.raises(TypeError, match='name must be that of an environment of gymnasium, such as "CartPole-v1"; got'):
        nb.data.Episodes(None)


def test_returns_are_sums_of_what_is_to_come():
    rewards = np.array([[1.0, 2.0], [1.0, 0.0], [4.0, 0.0]])
    played = Played(np.zeros((3, 2, 1)), np.zeros((3, 2), int), rewards, rewards > 0)
    np.testing.assert_array_equal(played.returns(), [[6, 2], [5, 0], [4, 0]])
    np.testing.assert_array_equal(played.returns(gamma=0.5), [[2.5, 2], [3, 0], [4, 0]])
    np.testing.assert_array_equal(played.returns(0), rewards)
    np.testing.assert_array_equal(played.totals, [6, 2])
    with pytest.raises(ValueError, match="gamma must be a number from 0 to 1; got 2"):
        played.returns(2)
    with pytest.raises(TypeError, match="gamma must be a number from 0 to 1; got 'a'"):
        played.returns("a")


def test_names_that_do_not_fit():
    with pytest.raises(ValueError, match="expected the name of an environment of gymnasium, got 'CartPool-v1'"):
        nb.data.Episodes("CartPool-v1")
    with pytest.raises(ValueError, match="expected an environment with a list of actions, got Pendulum-v1, with Box"):
        nb.data.Episodes("Pendulum-v1")
    with pytest.raises((TypeError, ValueError), match="count"):
        nb.data.Episodes("CartPole-v1", 0)


def test_without_gymnasium_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ImportError, match=r'try pip install "nbprop\[tutorials\]"'):
        nb.data.Episodes()
