"""Going back takes schedules, GradScalers and whatever else the user names with it, wherever in the loop it happens."""

import copy

import numpy as np
import pytest
from torch_models import mlp, torch

import nbprop as nb

pytestmark = pytest.mark.torch
schedules = torch.optim.lr_scheduler

SCHEDULES = {
    "exponential": lambda o: schedules.ExponentialLR(o, 0.97),
    "lambda": lambda o: schedules.LambdaLR(o, lambda step: 1 / (1 + step / 10)),
    "one cycle": lambda o: schedules.OneCycleLR(o, 0.1, total_steps=200),
    "restarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 17),
    "one after the other": lambda o: schedules.SequentialLR(
        o, [schedules.LinearLR(o, 0.1, total_iters=20), schedules.CosineAnnealingLR(o, 100)], milestones=[20]
    ),
    "chained": lambda o: schedules.ChainedScheduler([schedules.ExponentialLR(o, 0.99), schedules.StepLR(o, 30)]),
    "plateau": lambda o: schedules.ReduceLROnPlateau(o, patience=3),
}


class Loop:
    """A loop with a schedule behind each step; when: what else it does after so many steps, and where."""

    def __init__(self, make=SCHEDULES["exponential"], kind="SGD", scaler=None, every=1):
        torch.manual_seed(3)
        self.model, self.inputs, self.loss = mlp()
        self.optimizer = getattr(torch.optim, kind)(self.model.parameters(), lr=0.05)
        self.schedule = make(self.optimizer)
        self.scaler, self.every, self.made = scaler, every, 0
        self.behind = lambda: None  # called behind the step, before the schedule

    def steps(self, n):
        found = []
        for _ in range(n):
            value = self.loss(self.model(self.inputs[0] + 0.1 * torch.randn(10, 4)))
            rates = [group["lr"] for group in self.optimizer.param_groups]
            self.optimizer.zero_grad()
            (value if self.scaler is None else self.scaler.scale(value)).backward()
            if self.scaler is None:
                self.optimizer.step()
            else:
                self.scaler.step(self.optimizer)
            self.made += 1
            self.behind()
            if self.scaler is not None:
                self.scaler.update()
            if self.made % self.every == 0:
                plateau = isinstance(self.schedule, schedules.ReduceLROnPlateau)
                self.schedule.step(value.item()) if plateau else self.schedule.step()
            found.append((value.item(), rates, None if self.scaler is None else self.scaler.get_scale()))
        return found


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_schedule_is_taken_back_between_two_steps(name, kind):
    loop = Loop(SCHEDULES[name], kind)
    with nb.watch(loop.model, loop.optimizer, show=False) as run:
        loop.steps(50)
        first = loop.steps(30)
        run.rewind(50)
        assert loop.steps(30) == first and not run.message
        run.rewind(0)
        again = loop.steps(80)
        assert again[50:] == first


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_taken_back_from_the_end_of_a_step(name):
    """As a button does it: the loop goes on behind that step, and its schedule makes the step of that."""
    loop = Loop(SCHEDULES[name])
    with nb.watch(loop.model, loop.optimizer, show=False) as run:
        loop.steps(50)
        first = loop.steps(20)

        def back(*_):
            if run.steps == 74:
                hook.remove()
                run._inbox.append(lambda: run._rewind(50))  # as what a page says waits for the end of the step

        hook = loop.optimizer.register_step_pre_hook(back)
        loop.steps(5)
        assert run.steps == 50
        assert loop.steps(20) == first


def test_going_back_between_the_step_and_its_schedule():
    loop = Loop()
    with nb.watch(loop.model, loop.optimizer, show=False) as run:
        loop.steps(50)
        first = loop.steps(20)
        loop.behind = lambda: run.rewind(50) if run.steps == 73 else None
        loop.steps(3)
        assert run.steps == 50
        assert loop.steps(20) == first


def test_a_schedule_of_epochs():
    """Between two of its steps nothing of it changes; going back to before one of them does."""
    loop = Loop(SCHEDULES["exponential"], every=50)
    with nb.watch(loop.model, loop.optimizer, show=False) as run:
        loop.steps(120)
        assert run.lr == pytest.approx(0.05 * 0.97**2)
        run.rewind(50)
        assert run.lr == pytest.approx(0.05 * 0.97)
        run.rewind(0)
        assert run.lr == 0.05 and loop.schedule.last_epoch == 0


def test_a_grad_scaler_is_found_and_taken_back():
    scaler = torch.amp.GradScaler("cpu", init_scale=256.0, growth_interval=7)
    loop = Loop(scaler=scaler)
    with nb.watch(loop.model, loop.optimizer, show=False) as run:
        all_of_them = loop.steps(80)
        assert all_of_them[0][2] == 256 and all_of_them[-1][2] > 256
        run.rewind(50)
        assert loop.steps(30) == all_of_them[50:]
        run.rewind(0)
        assert scaler.get_scale() == 256 and loop.steps(80) == all_of_them
        assert not run.message


def test_what_the_user_names_is_taken_back_too():
    loop = Loop()
    average, drawn = torch.optim.swa_utils.AveragedModel(loop.model), torch.Generator().manual_seed(5)
    with nb.watch(loop.model, loop.optimizer, also=(average, drawn), show=False) as run:
        numbers = []

        def behind():
            average.update_parameters(loop.model)
            numbers.append(torch.rand(1, generator=drawn).item())

        loop.behind = behind
        loop.steps(80)
        kept, first = [p.detach().clone() for p in average.parameters()], numbers[50:]
        run.rewind(50)
        loop.steps(30)
        assert all(torch.equal(a, b) for a, b in zip(kept, average.parameters(), strict=True))
        assert numbers[80:] == first
    with pytest.raises(TypeError, match=r"load_state_dict"):
        nb.watch(loop.model, loop.optimizer, also=object(), show=False)
    with pytest.raises(TypeError, match="need their model"):
        nb.watch(also=average, show=False)


def test_weights_that_are_clipped_behind_the_step():
    """As a Wasserstein GAN's critic's are."""
    loop = Loop()

    def clip():
        with torch.no_grad():
            for p in loop.model.parameters():
                p.clamp_(-0.2, 0.2)

    loop.behind = clip
    with nb.watch(loop.model, loop.optimizer, show=False) as run:
        loop.steps(50)
        first, theta = loop.steps(20), None
        theta = run.theta
        run.rewind(50)
        assert loop.steps(20) == first
        np.testing.assert_array_equal(run.theta, theta)


def test_a_hand_that_turns_after_going_back_is_heeded():
    loop = Loop(SCHEDULES["lambda"])
    with nb.watch(loop.model, loop.optimizer, show=False) as run:
        loop.steps(60)

        def behind():
            if run.steps == 61:
                run.rewind(50)
                run.lr = 0.5

        loop.behind = behind
        loop.steps(1)
        assert loop.steps(1)[0][1] == [0.5]


def test_a_schedule_that_came_later_is_named():
    loop = Loop()
    with nb.watch(loop.model, loop.optimizer, show=False) as run:
        loop.steps(60)
        loop.schedule = schedules.StepLR(loop.optimizer, 10)
        loop.steps(60)
        run.rewind(50)
        assert run.message == "StepLR came after step 50 and stays as it is"


@pytest.mark.parametrize(("name", "words"), [("exponential", "goes on from this rate"), ("lambda", "LambdaLR reckons")])
def test_turning_the_rate_while_a_schedule_runs_is_said(name, words):
    loop = Loop(SCHEDULES[name])
    with nb.watch(loop.model, loop.optimizer, show=False) as run:
        loop.steps(3)
        run.lr = 0.4
        assert words in run.message
        loop.steps(1)
        assert run.lr == pytest.approx(0.4 * 0.97 if name == "exponential" else 0.05 / (1 + 4 / 10))


def test_a_state_that_cannot_be_copied_is_left_where_it_is():
    class Counter:
        def __init__(self):
            self.numbers = (i for i in range(9))

        def state_dict(self):
            return {"numbers": self.numbers}

        def load_state_dict(self, state):
            raise AssertionError

    loop = Loop()
    with nb.watch(loop.model, loop.optimizer, also=Counter(), show=False) as run:
        loop.steps(60)
        run.rewind(50)
        assert run.message == "Counter came after step 50 and stays as it is" and len(run.history["loss"]) == 50


def test_training_is_the_same_with_and_without():
    plain, seen = Loop(scaler=torch.amp.GradScaler("cpu")), Loop(scaler=torch.amp.GradScaler("cpu"))
    expected = plain.steps(120)
    drawn = torch.get_rng_state()
    torch.manual_seed(3)
    seen = Loop(scaler=torch.amp.GradScaler("cpu"))
    with nb.watch(seen.model, seen.optimizer, every=3, show=False) as run:
        assert seen.steps(120) == expected and not run.message
    assert torch.equal(torch.get_rng_state(), drawn)
    assert not torch.nn.modules.module._global_forward_pre_hooks
    assert all(torch.equal(a, b) for a, b in zip(plain.model.parameters(), seen.model.parameters(), strict=True))
    copy.deepcopy(seen.model)
