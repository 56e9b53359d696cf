"""What belongs to which step of a PyTorch loop, and to whom: other models, several backward passes, steps that were not
made, copies of a model that is watched."""

import copy
import io
import threading

import numpy as np
import pytest
from torch_models import mlp, torch

import nbprop as nb

pytestmark = pytest.mark.torch
nn, F = torch.nn, torch.nn.functional


@pytest.fixture
def plain():
    """A model, its optimizer, a batch."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    return model, torch.optim.SGD(model.parameters(), lr=0.1), torch.randn(16, 4), torch.randn(16, 1)


def test_a_watched_model_can_be_copied_saved_and_averaged(plain):
    model, optimizer, X, y = plain
    with nb.watch(model, optimizer, every=1, show=False) as run:
        twin = copy.deepcopy(model)
        torch.save(model, io.BytesIO())
        averaged = torch.optim.swa_utils.AveragedModel(model)
        other = torch.optim.SGD(twin.parameters(), lr=0.1)
        for _ in range(3):
            other.zero_grad()
            (1000 * F.mse_loss(twin(X), y)).backward()
            other.step()
            optimizer.zero_grad()
            loss = F.mse_loss(model(X), y)
            loss.backward()
            optimizer.step()
            averaged.update_parameters(model)
        assert run.observe().taps[0].z.shape == (16, 8) and not run.message
        assert run.history["loss"][-1] == pytest.approx(loss.item(), rel=1e-6)


def test_a_loss_is_of_this_loop_only_if_it_reaches_its_model(plain):
    model, optimizer, X, y = plain
    teacher = nn.Linear(4, 1)
    with nb.watch(model, optimizer, every=2, show=False) as run, nb.watch(teacher, show=False) as second:
        for _ in range(4):
            (300 * F.mse_loss(teacher(X), y)).backward()
            with pytest.raises(RuntimeError):
                (model(X).sum() * torch.ones(1)).backward(torch.ones(3))
            optimizer.zero_grad()
            loss = F.mse_loss(model(X), y)
            loss.backward()
            optimizer.step()
            second.step(1.0)
        assert run.history["loss"][-1] == pytest.approx(loss.item(), rel=1e-6)
        assert list(second.history["loss"]) == [1.0] * 4


def test_gradients_are_those_that_the_optimizer_had():
    """The generator's backward pass adds into the critic, whose step was before."""
    torch.manual_seed(0)
    maker, critic = nn.Linear(2, 2), nn.Linear(2, 1)
    a, b = torch.optim.SGD(maker.parameters(), 0.1), torch.optim.SGD(critic.parameters(), 0.1)
    with nb.watch({"maker": maker, "critic": critic}, {"maker": a, "critic": b}, every=1, show=False) as run:
        for _ in range(2):
            noise = torch.randn(8, 2)
            b.zero_grad()
            one, two = critic(torch.randn(8, 2)).square().mean(), critic(maker(noise).detach()).mean()
            one.backward()
            two.backward()
            mine = critic.weight.grad.norm().item()
            b.step()
            a.zero_grad()
            critic(maker(noise)).mean().backward()
            theirs = maker.weight.grad.norm().item()
            a.step()
            b.zero_grad()
        found = dict(zip([layer.name for layer in run.layers], run.probe()["dW"], strict=True))
        assert found == pytest.approx({"maker": theirs, "critic": mine}, rel=1e-5)
        assert run.history["loss critic"][-1] == pytest.approx(one.item() + two.item(), rel=1e-5)


def test_a_step_that_was_not_made_is_forgotten(plain):
    model, optimizer, X, y = plain
    with nb.watch(model, optimizer, every=1, show=False) as run:
        for step in range(4):
            optimizer.zero_grad()
            factor = float("inf") if step == 1 else 1.0
            loss = F.mse_loss(model(X), y) * factor
            loss.backward()
            if step != 1:
                optimizer.step()
        assert run.steps == 3 and not run.message
        assert run.observe().taps[0].z.shape == (16, 8) and np.isfinite(run.history["loss"]).all()


def test_several_backward_passes_through_one_graph_add_up(plain):
    model, optimizer, X, y = plain
    with nb.watch(model, optimizer, every=1, show=False) as run:
        X.requires_grad_(True)
        out = model(X)
        torch.autograd.grad(out.sum(), X, retain_graph=True)  # somebody asks for a saliency
        first, second = F.mse_loss(out, y), 10 * out.abs().mean()
        first.backward(retain_graph=True)
        second.backward()
        optimizer.step()
        tap, dW = run.observe().taps[0], run.observe().dW[0]
        np.testing.assert_allclose(tap.dy.T @ tap.x, dW, rtol=1e-4, atol=1e-6)
        assert run.history["loss"][0] == pytest.approx((first + second).item(), rel=1e-5)


def test_layers_that_are_called_by_turns_keep_their_columns():
    torch.manual_seed(0)
    body, heads = nn.Linear(3, 4), nn.ModuleDict({"cat": nn.Linear(4, 1), "dog": nn.Linear(4, 1)})
    optimizer = torch.optim.SGD([*body.parameters(), *heads.parameters()], lr=0.1)
    with nb.watch({"body": body, "heads": heads}, optimizer, every=1, show=False) as run:
        for step in range(6):
            optimizer.zero_grad()
            head = heads["dog" if step % 2 else "cat"]
            head(torch.tanh(body(torch.randn(5, 3)))).square().mean().backward()
            optimizer.step()
        assert [layer.name for layer in run.layers] == ["body", "heads.cat", "heads.dog"]
        dz = run.history["dz"]
        assert np.isnan(dz[2::2, 2]).all() and np.isnan(dz[1::2, 1]).all() and np.isfinite(dz[1::2, 2]).all()
        assert list(np.ma.getmaskarray(run.probe()["dz"])) == [False, True, False]
        assert not run.message and nb.views.GradientFlow(run).describe() and nb.views.Network(run).describe()


def test_the_last_state_of_an_lstm_is_what_its_gradient_comes_through():
    torch.manual_seed(0)

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = nn.LSTM(3, 5, batch_first=True), nn.Linear(5, 1)

        def forward(self, x):
            _, (h, _) = self.lstm(x)
            return self.head(h[-1])

    model = Reader()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        model(torch.randn(4, 6, 3)).square().mean().backward()
        optimizer.step()
        seen = run.observe()
        assert seen.taps[0].reached
        back = seen.taps[1].dz @ (seen.W[1] - seen.update[1])  # as it was before the step
        np.testing.assert_allclose(seen.taps[0].dz[0], back, rtol=1e-3, atol=1e-6)
        assert np.isfinite(run.probe()["dz"]).all()


def test_knobs_act_after_going_back_and_on_groups_that_came():
    model, inputs, loss = mlp()
    optimizer = torch.optim.Adam(model[0].parameters(), lr=0.1)
    with nb.watch(model, optimizer, show=False) as run:
        for _ in range(3):
            loss(model(*inputs)).backward()
            optimizer.step()
        run.rewind(0)
        run.lr = 0.001
        assert optimizer.param_groups[0]["lr"] == 0.001
        optimizer.param_groups[0]["lr"] = 0.5
        assert run.lr == 0.5
        optimizer.add_param_group({"params": model[2].parameters(), "lr": 0.2})
        assert run.lr == (0.5, 0.2)
        before = [p.detach().clone() for p in model.parameters()]
        with pytest.raises(ValueError, match="other groups"):
            run.rewind(0)
        assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize("wrong", [{"every": 0}, {"data": object()}, {"show": ["nothing"]}])
def test_what_is_refused_leaves_nothing_behind(plain, wrong):
    model, optimizer, _, _ = plain
    with pytest.raises((TypeError, ValueError)):
        nb.watch(model, optimizer, **{"show": False, **wrong})
    assert not optimizer._optimizer_step_pre_hooks and not optimizer._optimizer_step_post_hooks
    assert torch.autograd.backward.__module__ == "torch.autograd"


def test_stop_is_not_swallowed_by_a_loop_that_goes_on(plain):
    model, optimizer, _, _ = plain
    with nb.watch(model, optimizer, show=False) as run:
        for step in range(10):
            try:
                optimizer.step()
                if step == 2:
                    run.stop()
            except Exception:
                continue
    assert run.steps == 4
    with pytest.raises(ValueError, match="watched no more"):
        run.__enter__()


def test_clipping_that_cannot_be_is_said_and_the_training_goes_on():
    embedding = nn.Embedding(6, 3, sparse=True)
    optimizer = torch.optim.SparseAdam(embedding.parameters())
    with nb.watch(embedding, optimizer, show=False) as run:
        run.clip = 0.1
        embedding(torch.tensor([1, 2])).square().mean().backward()
        optimizer.step()
        assert run.steps == 1 and "sparse" in run.message


def test_nothing_grows_while_no_step_ends(plain):
    model, _, X, y = plain
    with nb.watch(model, show=False) as run:
        for _ in range(600):
            model.zero_grad()
            F.mse_loss(model(X), y).backward()
        assert len(run._eyes.losses.roots) <= 1024 and len(run._eyes.losses._came) <= 1024
        assert all(len(calls) <= 256 for calls in run._eyes._round.calls.values())


def test_two_threads_that_train_at_once_have_losses_of_their_own():
    """Also in their first steps: each backward pass of the one happens in the middle of one of the other."""
    torch.manual_seed(0)
    models = [nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)) for _ in range(2)]
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.01) for model in models]
    runs = [nb.watch(m, o, every=1, show=False) for m, o in zip(models, optimizers, strict=True)]
    meet, losses, failed = threading.Barrier(2, timeout=20), ([], []), []

    def wait(_):
        meet.wait()

    def train(i):
        try:
            models[i][0].weight.register_hook(wait)
            for _ in range(4):
                optimizers[i].zero_grad()
                out = models[i](torch.full((6, 3), 1.0 + i))
                out.register_hook(wait)  # both are in the middle of theirs
                loss = (1 + 100 * i) * out.square().mean()
                losses[i].append(loss.item())
                loss.backward()
                meet.wait()
                optimizers[i].step()
        except BaseException as error:
            failed.append(error)
            meet.abort()

    threads = [threading.Thread(target=train, args=(i,)) for i in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert not failed, failed
    for i, run in enumerate(runs):
        np.testing.assert_allclose(run.history["loss"], losses[i], rtol=1e-5)
        assert run.steps == 4 and run.observe().taps[0].z.shape == (6, 5) and not run.message
        run.close()
    assert torch.autograd.backward.__module__ == "torch.autograd"
