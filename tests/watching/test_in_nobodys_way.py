"""Watching is in nobody's way: it breaks no loop, leaves nothing half done, and holds nothing that is not its own."""

import gc
import weakref

import numpy as np
import pytest
from torch_models import mlp, torch

import nbprop as nb
from nbprop.watching import eyes, round
from nbprop.watching.also import Also
from nbprop.watching.calls import Call
from nbprop.watching.losses import Losses

pytestmark = pytest.mark.torch
nn, F = torch.nn, torch.nn.functional


@pytest.fixture
def plain():
    """A model, its optimizer, a batch."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    return model, torch.optim.SGD(model.parameters(), lr=0.1), torch.randn(16, 4), torch.randn(16, 1)


def test_a_rate_that_is_set_by_hand_has_schedules_looked_for_at_growing_intervals(plain, monkeypatch):
    model, optimizer, X, y = plain
    looked, find = [], Also.find
    with nb.watch(model, optimizer, show=False) as run:
        monkeypatch.setattr(Also, "find", lambda self, **how: looked.append(run.steps) or find(self, **how))
        for step in range(40):
            if step == 20:
                schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10)
            optimizer.param_groups[0]["lr"] = 0.1 / (step + 2)
            F.mse_loss(model(X), y).backward()
            optimizer.step()
        assert looked == [0, 1, 2, 4, 8, 16, 32]  # the first before the first step
        assert run._states.also.schedules == [schedule]
        run.rewind(0)
        assert looked[7:] == [40] and run._seek == 0


def scaled(steps, stop=None, watched=True, optimizer="SGD", mode=True, **options):
    """(parameters, what the scaler is, steps made) after so many steps with a GradScaler; stopped, it goes on anew."""
    torch.manual_seed(0)
    model, inputs, loss = mlp()
    model[4].p = 0.0
    model.train(mode)
    made = getattr(torch.optim, optimizer)(model.parameters(), lr=0.05, **options)
    scaler, left = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3), [steps]

    def loop(run=None):
        while left[0]:
            value = loss(model(*inputs))
            made.zero_grad()
            scaler.scale(value).backward()
            if run is not None and left[0] == stop:
                run.stop()
            left[0] -= 1  # this one is made
            scaler.step(made)
            scaler.update()

    if watched:
        with nb.watch(model, made, every=1, show=False) as run:
            loop(run)
            raise AssertionError("it went on")
        assert run.steps == steps - stop + 1 and left[0] == stop - 1
        assert not nn.modules.module._global_forward_pre_hooks
        with nb.watch(model, made, every=1, show=False) as run:
            loop(run)
        assert run.steps == stop - 1
    else:
        loop()
    return [p.detach().clone() for p in model.parameters()], scaler.state_dict(), hasattr(made, "grad_scale")


@pytest.mark.parametrize("mode", [True, False], ids=["train", "eval"])  # where it is noticed: forward, backward
@pytest.mark.parametrize("options", [{}, {"optimizer": "Adam", "fused": True}], ids=["SGD", "fused"])
def test_stop_leaves_no_scaler_in_the_middle_of_its_step(mode, options):
    plain, seen = scaled(8, watched=False, mode=mode, **options), scaled(8, stop=5, mode=mode, **options)
    assert all(torch.equal(a, b) for a, b in zip(plain[0], seen[0], strict=True))
    assert plain[1] == seen[1] and plain[2] == seen[2] == False  # noqa: E712


def test_validation_with_gradients_keeps_few_graphs_alive(plain, monkeypatch):
    model, optimizer, X, y = plain
    kept = weakref.WeakSet()

    class Same(torch.autograd.Function):
        """Its node of the graph holds something that can be counted."""

        @staticmethod
        def forward(ctx, x):
            ctx.held = Held()
            kept.add(ctx.held)
            return x.clone()

        @staticmethod
        def backward(ctx, dy):
            return dy

    class Held:
        pass

    with nb.watch(model, optimizer, every=1, show=False) as run:

        def validated(batches):
            for _ in range(batches):
                model[2](model[1](Same.apply(model[0](X))))
            gc.collect()
            return len(kept)

        model.eval()
        assert validated(20) == 20  # who knows whether a backward pass comes?
        model.train()
        loss = F.mse_loss(model(X), y)
        assert validated(0) == 0
        loss.backward()
        optimizer.step()
        assert run.observe().taps[0].z.shape == (16, 8)
        monkeypatch.setattr(round, "LARGEST", 5 * 16 * (4 + 8 + 8 + 8 + 1) * 4)  # bytes of five or six of them
        assert validated(100) <= 8
        F.mse_loss(model(X), y).backward()
        optimizer.step()
        assert run.observe().taps[0].z.shape == (16, 8) and not run.message


def test_a_node_of_a_graph_that_is_gone_is_not_taken_for_another():
    made, x = round.Round(), torch.ones(2, requires_grad=True)
    call = Call("first", nn.Linear(1, 1), None, None, None)
    gone = [x * i for i in range(20)]
    for each in gone:
        made.at(call, each)
    gone.clear()
    del each
    others = [x * i for i in range(300)]  # some get their ids, unless somebody holds them
    assert [made.behind(each) for each in others] == [(None, False)] * 300
    y = x * 3
    made.at(call, y, passed=True)
    assert made.behind(y) == (call, True)


def test_a_scale_of_zero_ends_no_training(monkeypatch):
    torch.manual_seed(0)
    model, inputs, loss = mlp()
    optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=1024.0)
    monkeypatch.setattr(scaler, "get_scale", lambda: 0.0)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        for _ in range(2):
            scaler.scale(loss(model(*inputs))).backward()
            scaler.step(optimizer)
            scaler.update()
        assert run.steps == 2 and np.isnan(run.history["loss"]).all() and "is not finite" in run.message


@pytest.mark.parametrize(("where", "what"), [(Losses, "stepped"), (eyes.Eyes, "_look_for_unseen_steps")])
def test_a_fault_in_a_hook_is_said_and_heard_no_longer_than_it_lasts(plain, monkeypatch, caplog, where, what):
    model, optimizer, X, y = plain
    with nb.watch(model, optimizer, every=1, show=False) as run:
        for step in range(4):
            with monkeypatch.context() as broken:
                if step == 1:
                    broken.setattr(where, what, lambda *_: 1 / 0)
                optimizer.zero_grad()
                loss = F.mse_loss(model(X), y)
                loss.backward()
                optimizer.step()
            assert not run._eyes.losses.inside
        assert "ZeroDivisionError" in run.message and "goes on" in run.message
        assert run.history["loss"][-1] == pytest.approx(loss.item())


def test_a_schedule_that_turns_two_knobs_has_an_event_for_each(plain):
    model, _, X, y = plain
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=40)
    with nb.watch(model, optimizer, show=False) as run:
        for step in range(30):
            F.mse_loss(model(X), y).backward()
            optimizer.step()
            schedule.step()
            if step == 14:
                run.event("half")
        names = [event.name for event in run.history.events]
    assert sorted(names) == ["lr", "lr", "momentum", "momentum", "note"] and names[2] == "note"
    assert all("since step" in event.text for event in run.history.events if event.name != "note")


def test_an_optimizer_that_finds_its_rate_itself_has_no_such_knob(plain):
    model, optimizer, X, y = plain
    optimizer.param_groups[0]["lr"] = None  # as transformers' Adafactor has it
    with nb.watch(model, optimizer, show=False) as run:
        assert "lr" not in run.knobs and run.momentum == 0
        optimizer.param_groups[0]["lr"] = 0.1
        F.mse_loss(model(X), y).backward()
        optimizer.step()
        assert run.steps == 1 and not run.message


def test_a_snapshot_does_not_wake_the_graphics_card(plain, monkeypatch):
    model, optimizer, *_ = plain
    woken = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: woken.append(1) or [])
    with nb.watch(model, optimizer, show=False) as run:
        run.rewind(0)
    assert not woken


def test_a_loop_that_says_what_is_no_loss_goes_on(plain):
    model, _, X, y = plain
    with nb.watch(model, every=1, show=False) as run:
        for _ in range(2):
            losses = F.mse_loss(model(X), y, reduction="none")
            losses.mean().backward()
            run.step(losses)
        assert run.steps == 2 and "loss must be one number" in run.message
        run.step(losses.mean())
        assert run.history["loss"][-1] == pytest.approx(losses.mean().item())


def test_parameters_of_a_module_may_be_told_as_they_are(plain):
    model, _, X, y = plain
    run = nb.watch(show=False)
    for _ in range(2):
        F.mse_loss(model(X), y).backward()
        params = dict(model.named_parameters())
        run.observe(loss=1.0, params=params, grads={name: p.grad for name, p in params.items()})
    assert not run.message and [layer.name for layer in run.layers] == ["0", "2"]
    assert run.probe()["dW"][0] == pytest.approx(model[0].weight.grad.norm().item())


def test_of_outputs_that_nobody_has_seen_no_share_is_saturated():
    run = nb.watch(show=False)
    run.observe(loss=1.0, params={"a": np.ones((2, 2))})
    run.observe(loss=1.0, params={"a": np.ones((2, 2))}, activations={"a": np.ones((5, 2))})
    first, second = run.history["saturated"]
    assert np.isnan(first).all() and np.isfinite(second).all()


def test_what_cannot_be_read_is_said_and_the_loop_goes_on():
    class Odd:
        def __array__(self, *_, **__):
            raise RuntimeError("deleted buffer")

    run = nb.watch(show=False)
    run.observe(loss=1.0, params={"a": Odd()})
    assert run.steps == 1 and "deleted buffer" in run.message and "goes on" in run.message
