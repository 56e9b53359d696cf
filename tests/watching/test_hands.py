"""Hands on a watched loop: paused, stepped, stopped, turned, taken back, from another thread as from its own."""

import copy
import threading
import time

import numpy as np
import pytest
from torch_models import mlp, torch

import nbprop as nb
from nbprop.views.base.folder import kind, names

pytestmark = pytest.mark.torch
PATIENCE = 20.0


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.002)


class Training:
    """A loop in a thread of its own, as a cell is to those who turn its knobs."""

    def __init__(self, steps=10_000, kind="SGD", before=lambda run: None, **options):
        torch.manual_seed(0)
        self.model, inputs, loss = mlp()
        self.optimizer = getattr(torch.optim, kind)(self.model.parameters(), lr=0.01)
        self.error, self.ready, self.lrs = None, threading.Event(), []

        def loop():
            try:
                with nb.watch(self.model, self.optimizer, every=1, show=False, **options) as run:
                    before(run)
                    self.run = run
                    self.ready.set()
                    for _ in range(steps):
                        self.optimizer.zero_grad()
                        loss(self.model(*inputs)).backward()
                        self.lrs.append(self.optimizer.param_groups[0]["lr"])
                        self.optimizer.step()
            except BaseException as error:
                self.error = error

        self.thread = threading.Thread(target=loop, daemon=True)

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(PATIENCE)
        return self

    def __exit__(self, *error):
        self.run.stop()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "the loop did not stop"
        assert self.error is None, self.error


def test_pause_step_resume_and_stop():
    with Training() as t:
        until(lambda: t.run.steps > 3)
        t.run.pause()
        until(lambda: t.run.status == "paused")
        there = t.run.steps
        time.sleep(0.05)
        assert t.run.steps == there
        t.run.step()
        until(lambda: t.run.steps == there + 1 and t.run.status == "paused")
        t.run.step(n=3)
        until(lambda: t.run.steps == there + 4 and t.run.status == "paused")
        time.sleep(0.05)
        assert t.run.steps == there + 4
        t.run.resume()
        until(lambda: t.run.steps > there + 10)
    assert t.run.steps < 10_000 and t.run.stopped


def test_the_learning_rate_acts_on_the_real_optimizer_at_the_next_step():
    with Training(before=lambda run: run.pause()) as t:
        until(lambda: t.run.status == "paused")
        t.run.lr = 0.5
        until(lambda: t.optimizer.param_groups[0]["lr"] == 0.5)
        t.run.step()
        until(lambda: t.run.steps == 2 and t.run.status == "paused")
        assert t.lrs == [0.01, 0.5] and t.run.lr == 0.5
        t.run.set(weight_decay=0.1, dropout=0.4, momentum=0.8)
        until(lambda: t.run.dropout == 0.4)
        assert t.model[4].p == 0.4 and t.optimizer.param_groups[0]["weight_decay"] == 0.1
        assert [e.text for e in t.run.history.events] == [
            "lr 0.01 → 0.5", "weight_decay 0 → 0.1", "dropout 0.2 → 0.4", "momentum 0 → 0.8",
        ]  # fmt: skip


def test_clipping_is_of_the_real_gradient():
    model, inputs, loss = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with nb.watch(model, optimizer, show=False) as run:
        run.clip = 0.01
        before = [p.detach().clone() for p in model.parameters()]
        loss(model(*inputs)).backward()
        optimizer.step()
        moved = sum((p.detach() - b).square().sum() for p, b in zip(model.parameters(), before, strict=True)).sqrt()
        assert moved.item() == pytest.approx(0.01, rel=1e-3)
        run.clip = None
        assert run.clip is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lr": -1}, "lr must"), ({"lr": "fast"}, "lr must"), ({"dropout": 1.5}, "dropout must"),
        ({"lrr": 1}, "did you mean"), ({"batch_size": 3}, "This loop has lr, "),
        ({"lr": (1, 2)}, "expected one number"),
    ],
)  # fmt: skip
def test_what_no_knob_can_be_is_refused_in_words(change, words):
    model, _, _ = mlp()
    with nb.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), show=False) as run:
        with pytest.raises((TypeError, ValueError), match=words):
            run.set(**change)
        assert run.lr == 0.1
    with pytest.raises(ValueError, match="This loop has none"):
        nb.watch(show=False).set(lr=1)


def test_what_the_loop_turns_itself_is_shown_and_flagged_once():
    model, inputs, loss = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    with nb.watch(model, optimizer, show=False) as run:
        for _ in range(4):
            loss(model(*inputs)).backward()
            optimizer.step()
            schedule.step()
        assert run.lr == pytest.approx(0.00625)
        assert len(run.history.events) == 1 and "by the loop" in run.history.events[0].text


def test_groups_with_rates_of_their_own():
    model, _, _ = mlp()
    groups = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[2].parameters()}]
    optimizer = torch.optim.Adam(groups, lr=0.01)
    with nb.watch(model, optimizer, show=False) as run:
        assert run.lr == (0.1, 0.01)
        run.lr = (0.2, 0.02)
        assert [group["lr"] for group in optimizer.param_groups] == [0.2, 0.02]
        run.lr = 0.3
        assert run.lr == 0.3


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_going_back_is_exact(kind):
    """With the same numbers drawn again the loop goes on bit for bit as it did from there."""
    torch.manual_seed(3)
    model, inputs, loss = mlp()
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=0.05)

    def steps(n):
        losses = []
        for _ in range(n):
            batch = (inputs[0] + 0.1 * torch.randn(10, 4),)
            value = loss(model(*batch))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses.append(value.item())
        return losses

    with nb.watch(model, optimizer, show=False) as run:
        steps(50)
        assert run.snapshots == (0, 50)
        first = steps(30)
        theta, drawn = run.theta, torch.get_rng_state()
        run.rewind(50)
        assert run.steps == 50 and run.history.series("loss")[0][-1] == 50
        assert steps(30) == first
        np.testing.assert_array_equal(run.theta, theta)
        assert torch.equal(torch.get_rng_state(), drawn)
        run.lr = 0.5
        run.rewind(0)
        assert optimizer.param_groups[0]["lr"] == 0.05 and run.steps == 0 and run.snapshots == (0,)
        with pytest.raises(ValueError, match="no snapshot of step 7"):
            run.rewind(7)


def test_snapshots_stay_few():
    model, _, _ = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with nb.watch(model, optimizer, every=10_000, show=False) as run:
        for _ in range(3000):
            optimizer.step()
        assert 12 <= len(run.snapshots) <= 24 and run.snapshots[0] == 0
        assert len(set(np.diff(run.snapshots))) == 1
    assert run.snapshots == ()


def test_stop_ends_a_with_and_a_plain_loop_asks():
    model, _, _ = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with nb.watch(model, optimizer, show=False) as run:
        for _ in range(100):
            optimizer.step()
            if run.steps == 4:
                run.stop()
        raise AssertionError("it went on")
    assert run.steps == 5
    run = nb.watch(model, optimizer, show=False)
    made = 0
    while not run.stopped:
        optimizer.step()
        made += 1
        if made == 3:
            run.stop()
    assert made == 3 and not run.message
    run.close()
    run = nb.watch(model, optimizer, show=False)
    optimizer.step()
    run.stop()
    assert "run.stopped" in run.message
    run.close()


def test_an_error_of_the_users_comes_through_and_everything_is_put_back():
    model, _, _ = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with pytest.raises(ZeroDivisionError), nb.watch(model, optimizer, show=False) as run:
        optimizer.step()
        raise ZeroDivisionError
    assert not optimizer._optimizer_step_post_hooks and run.steps == 1


def test_numbers_of_ones_own():
    model, inputs, loss = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        for step in range(6):
            loss(model(*inputs)).backward()
            optimizer.step()
            run.log(val_loss=torch.tensor(1.0 / (step + 1)), train_accuracy=np.float32(0.5))
        run.event("second phase")
        run.record("largest", lambda seen: [abs(W).max() for W in seen.W])
        loss(model(*inputs)).backward()
        optimizer.step()
        assert run.history["val_loss"][-1] == pytest.approx(1 / 6) and run.evaluation["train_accuracy"] == 0.5
        assert run.history.events[-1].text == "second phase"
        assert run.history["largest"][-1][0] == pytest.approx(model[0].weight.abs().max().item(), rel=1e-2)
        for _ in range(2):
            run.log(val_loss="low", val_accuracy=0.25)
        assert "val_loss must be one number" in run.message and run.history["val_loss"][-1] == pytest.approx(1 / 6)
        assert run.evaluation["val_accuracy"] == 0.25
        for name in ("loss", "ratio", "dz", "dW", "saturated", "a_std", "largest"):
            with pytest.raises(ValueError, match=f"'{name}' is recorded by nbprop itself"):
                run.log(**{name: 0.1})
        assert len(run.history["loss"]) == 7
        assert "val" in nb.views.Loss(run).describe().lower()


def test_every_view_says_something_or_why_not():
    model, inputs, loss = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with nb.watch(model, optimizer, every=1, show=False) as run:

        def all_of_them():
            said = {}
            for name in names():
                view = kind(name)(run)
                view.frame(), view.labels()
                said[name] = view.describe()
                assert said[name]
            return said

        all_of_them()
        for _ in range(5):
            loss(model(*inputs)).backward()
            optimizer.step()
        said = all_of_them()
        assert "5 steps" in said["loss"] and "dL/dz" in said["gradients"]
        board = run.board("loss", "gradients", "network", "doctor")
        assert len(board.frame()) and board.describe() and board.traits()["lr"]
        board.lr = 0.2
        assert optimizer.param_groups[0]["lr"] == 0.2
        board.close()
    assert all_of_them()["gradients"] == said["gradients"]


def test_copies_of_the_model_are_not_needed():
    """What is watched is the user's own model: it stays where it is."""
    model, _, _ = mlp()
    twin = copy.deepcopy(model)
    nb.watch(model, show=False).close()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))


def test_whoever_asks_the_model_from_another_thread_waits_for_the_end_of_a_step():
    """Else dropout would be off in the middle of a step."""
    with Training() as t:
        until(lambda: t.run.steps > 2)
        modes = []
        t.model[4].register_forward_pre_hook(lambda module, _: modes.append((threading.get_ident(), module.training)))
        for _ in range(5):
            assert t.run.predict(np.zeros((3, 4), np.float32)).shape == (3, 3)
            assert len(t.run.activations(np.zeros((3, 4), np.float32))) == 3
    assert {thread for thread, _ in modes} == {t.thread.ident} and (t.thread.ident, False) in modes


def test_single_samples_are_told_and_those_that_fall_late_are_named():
    data = nb.data.moons(samples=200, noise=0.1, seed=0)
    X, y = torch.tensor(data.X_train), torch.tensor(data.y_train).float().reshape(-1, 1)
    wrong = np.random.default_rng(1).choice(len(X), 8, replace=False)
    y[wrong] = 1 - y[wrong]
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    with nb.watch(model, optimizer, every=50, show=False) as run:
        for _ in range(900):
            i = torch.randint(0, len(X), (32,))
            out = model(X[i])
            losses = torch.nn.functional.binary_cross_entropy_with_logits(out, y[i], reduction="none")
            run.log_samples(i, loss=losses[:, 0], right=((out > 0) == (y[i] > 0.5))[:, 0], of=len(X))
            optimizer.zero_grad()
            losses.mean().backward()
            optimizer.step()
        assert not run.message and run.samples.of == len(X)
        said = nb.views.Samples(run).describe()
        assert sum(f" {sample}" in said for sample in wrong) >= 6, said
        run.log_samples([5, 6], loss=[1.0], of=3)
        assert "a number for each of 2" in run.message
        run.log_samples([999], loss=[1.0])
        assert "from 0 to" in run.message
    other = nb.watch(show=False)
    assert "log_samples" in nb.views.Samples(other).describe()
    other.log_samples([1], loss=[0.5])
    assert "of must say" in other.message


def test_a_slow_step_is_not_taken_for_the_end_of_the_loop(monkeypatch):
    """Whoever asks the model meanwhile waits: else it would be in evaluation mode in the middle of a step."""
    monkeypatch.setattr("nbprop.watching.between.IDLE", 0.005)
    with Training() as t:
        until(lambda: t.run.steps > 2)
        modes = []
        t.model[4].register_forward_pre_hook(lambda module, _: modes.append((threading.get_ident(), module.training)))
        t.model[0].register_forward_pre_hook(lambda module, _: time.sleep(0.03))
        until(lambda: len(modes) > 3)
        for _ in range(4):
            t.run.predict(np.zeros((3, 4), np.float32))
    assert {thread for thread, _ in modes} == {t.thread.ident} and (t.thread.ident, False) in modes
