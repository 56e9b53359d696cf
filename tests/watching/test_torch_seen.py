"""What is seen of a PyTorch loop: every number against PyTorch's own, nothing changed, nothing left behind."""

import copy
import gc
import warnings
import weakref

import numpy as np
import pytest
from torch_models import KINDS, torch

import nbprop as nb

pytestmark = pytest.mark.torch
F = torch.nn.functional
GLOBAL = torch.nn.modules.module._global_forward_hooks


def made(name, seed=0):
    torch.manual_seed(seed)
    return KINDS[name]()


def trained(name, steps, watched, kind="Adam", **options):
    """Parameters, random state and losses after some steps."""
    model, inputs, loss = made(name)
    optimizer = getattr(torch.optim, kind)([p for p in model.parameters() if p.requires_grad], lr=0.01)
    losses = []

    def loop(run=None):
        for _ in range(steps):
            value = loss(model(*inputs))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses.append(value.item())

    if watched:
        with nb.watch(model, optimizer, show=False, **options) as run:
            loop(run)
            found = run
    else:
        loop()
        found = None
    return [p.detach().clone() for p in model.parameters()], torch.get_rng_state(), losses, found


@pytest.mark.parametrize("name", KINDS)
def test_training_is_bit_for_bit_what_it_would_be(name):
    plain = trained(name, 12, False)
    seen = trained(name, 12, True, every=2)
    assert all(torch.equal(a, b) for a, b in zip(plain[0], seen[0], strict=True))
    assert torch.equal(plain[1], seen[1]) and plain[2] == seen[2]
    assert not seen[3].message, seen[3].message
    np.testing.assert_allclose(seen[3].history["loss"], plain[2], rtol=1e-6)


def oracle(model, inputs, loss):
    """name -> list of (what it gave, its gradient) of every module in a step, by a copy with retained gradients."""
    model, kept = copy.deepcopy(model), {}

    def keep(name):
        def hook(module, inputs, output):
            y = output[0] if isinstance(output, tuple) else output
            y = y.data if isinstance(y, torch.nn.utils.rnn.PackedSequence) else y
            if y.requires_grad:
                y.retain_grad()
                kept.setdefault(name, []).append(y)
            return None

        return hook

    for name, module in model.named_modules():
        if getattr(module, "inplace", False):
            module.inplace = False
        module.register_forward_hook(keep(name))
    loss(model(*inputs)).backward()
    return kept, model


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("functional", "packed")])
def test_outputs_and_deltas_are_those_of_pytorch(name):
    model, inputs, loss = made(name)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for module in model.modules():
        if isinstance(module, torch.nn.MultiheadAttention):
            module.dropout = 0.0
    kept, twin = oracle(model, inputs, loss)
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trainable, lr=0.1)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        loss(model(*inputs)).backward()
        optimizer.step()
        seen = run.observe()
        assert run.layers and not run.message
    compared = 0
    for layer, tap in zip(seen.layers, seen.taps, strict=True):
        path = layer.name.rpartition(" ")[2]
        there = kept.get(path)
        if there is None:
            assert not tap.reached
            continue
        z, dz = ([getattr(y, what).numpy() for y in there] for what in ("data", "grad"))
        normalized = name == "cnn" and path == "0"
        if not normalized:
            mine = tap.z[:, :, 0] if name == "cnn1d" else tap.z
            np.testing.assert_allclose(mine, np.concatenate(z), rtol=1e-5, atol=1e-6)
            mine = tap.dz[:, :, 0] if name == "cnn1d" else tap.dz
            np.testing.assert_allclose(mine, np.concatenate(dz), rtol=1e-4, atol=1e-7)
        else:  # what the normalization gives
            np.testing.assert_allclose(tap.z, kept["1"][0].data.numpy(), rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(tap.dz, kept["1"][0].grad.numpy(), rtol=1e-4, atol=1e-7)
            np.testing.assert_allclose(tap.dy, dz[0], rtol=1e-4, atol=1e-7)
        compared += 1
    assert compared
    gradients = {n: p.grad for n, p in twin.named_parameters()}
    for layer, dW in zip(seen.layers, seen.dW, strict=True):
        path = layer.name.rpartition(" ")[2]
        mine = [g for n, g in gradients.items() if n in (f"{path}.weight", f"{path}.in_proj_weight")]
        if mine and mine[0] is not None:
            np.testing.assert_allclose(dW, mine[0].numpy(), rtol=1e-4, atol=1e-7)


def test_activations_are_found_as_modules_and_as_functions():
    def found(name):
        model, inputs, loss = made(name)
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
        with nb.watch(model, optimizer, every=1, show=False) as run:
            loss(model(*inputs)).backward()
            optimizer.step()
        return [layer.activation for layer in run.layers], [wire.sources for wire in run.wires], run.observe()

    assert found("mlp")[:2] == (["tanh", "relu", "identity"], [(-1,), (0,), (1,)])
    names, sources, seen = found("functional")
    assert names[1:] == ["relu", "identity"] and sources == [(-1,), (0,), (0, 1)]
    np.testing.assert_allclose(seen.taps[1].a, np.maximum(seen.taps[1].z, 0))
    names, sources, seen = found("cnn")
    assert names == ["relu", "leaky_relu", "identity"] and sources == [(-1,), (0,), (1,)]
    assert found("cnn1d")[0] == ["gelu", "identity"]
    assert found("positional")[0] == ["identity", "identity"]


def test_nothing_is_left_behind():
    model, inputs, loss = made("gpt")
    optimizer = torch.optim.Adam(model.parameters())
    original = torch.autograd.backward
    run = nb.watch(model, optimizer, every=1, show=False)
    assert torch.autograd.backward is not original
    for _ in range(3):
        optimizer.zero_grad()
        loss(model(*inputs)).backward()
        optimizer.step()
    run.close()
    assert torch.autograd.backward is original and not GLOBAL.values()
    for module in model.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks
        assert not module._backward_hooks and not module._backward_pre_hooks
    assert not optimizer._optimizer_step_pre_hooks and not optimizer._optimizer_step_post_hooks
    gone = weakref.ref(model), weakref.ref(optimizer)
    del model, optimizer, loss
    gc.collect()
    assert gone[0]() is None and gone[1]() is None
    assert run.steps == 3 and len(run.history["loss"]) == 3 and len(run.layers) == len(run.probe()["dW"])
    with pytest.raises(Exception, match="watched no more"):
        run.theta  # noqa: B018


def test_only_steps_that_are_looked_into_have_hooks():
    model, inputs, loss = made("mlp")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nb.watch(model, optimizer, every=3, show=False) as run:
        hooked = []
        for _ in range(7):
            hooked.append(bool(GLOBAL))
            assert not any(module._forward_hooks for module in model.modules())
            loss(model(*inputs)).backward()
            optimizer.step()
        assert hooked == [True, False, True, False, False, True, False]
        np.testing.assert_array_equal(run.history.series("dW")[0], [1, 3, 6])


def test_update_ratio_and_gradient_are_the_optimizers():
    model, inputs, loss = made("mlp")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        before = model[2].weight.detach().clone()
        loss(model(*inputs)).backward()
        optimizer.step()
        expected = (0.1 * model[2].weight.grad.norm() / before.norm()).item()
        assert run.probe()["ratio"][1] == pytest.approx(expected, rel=1e-4)
        assert run.probe()["dW"][1] == pytest.approx(model[2].weight.grad.norm().item(), rel=1e-5)


def test_a_module_called_many_times_has_all_its_calls():
    model, inputs, loss = made("cell")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        loss(model(*inputs)).backward()
        optimizer.step()
        shapes = {layer.name: tap.z.shape for layer, tap in zip(run.layers, run.observe().taps, strict=True)}
    assert shapes == {"inner": (20, 6), "cell": (20, 6), "head": (4, 1)}


def test_gradients_that_are_accumulated():
    model, inputs, loss = made("mlp")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        parts = []
        for _ in range(3):
            value = loss(model(*inputs)) / 3
            value.backward()
            parts.append(value.item())
        optimizer.step()
        assert run.steps == 1 and run.history["loss"][0] == pytest.approx(np.sum(parts), rel=1e-6)
        assert run.probe()["dW"][0] == pytest.approx(model[0].weight.grad.norm().item(), rel=1e-5)


def test_evaluation_between_steps_is_not_taken_for_a_step():
    model, inputs, loss = made("mlp")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        for _ in range(2):
            with torch.no_grad():
                model(torch.randn(50, 4))
            loss(model(*inputs)).backward()
            optimizer.step()
        assert run.steps == 2 and run.observe().taps[0].z.shape == (10, 8)


def test_mixed_precision_shows_gradients_as_they_are():
    model, inputs, loss = made("mlp")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    kept, _ = oracle(model, inputs, loss)
    optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=1024.0)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = loss(model(*inputs))
        scaler.scale(value).backward()
        scaler.step(optimizer)
        scaler.update()
        assert run.history["loss"][0] == pytest.approx(value.item(), rel=1e-3)
        exact = np.linalg.norm(kept["2"][0].grad.numpy())
        assert run.probe()["dz"][1] == pytest.approx(exact, rel=0.05)
        assert not run.message


def test_a_gan_has_two_optimizers_and_one_step():
    torch.manual_seed(0)
    generator = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    critic = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.LeakyReLU(0.2), torch.nn.Linear(8, 1))
    first, second = torch.optim.Adam(generator.parameters()), torch.optim.Adam(critic.parameters())
    bce, one, zero = F.binary_cross_entropy_with_logits, torch.ones(6, 1), torch.zeros(6, 1)
    losses = []
    with nb.watch(
        {"generator": generator, "critic": critic}, {"generator": first, "critic": second}, every=1, show=False
    ) as run:
        for _ in range(4):
            real, noise = torch.randn(6, 2) + 2, torch.randn(6, 2)
            judged = bce(critic(real), one) + bce(critic(generator(noise).detach()), zero)
            second.zero_grad()
            judged.backward()
            deltas = critic[2].weight.grad.norm().item()
            second.step()
            made_up = bce(critic(generator(noise)), one)
            first.zero_grad()
            made_up.backward()
            first.step()
            losses.append((made_up.item(), judged.item()))
        names = [layer.name for layer in run.layers]
        assert run.steps == 4 and set(names) == {"generator.0", "generator.2", "critic.0", "critic.2"}
        np.testing.assert_allclose(run.history["loss generator"], [a for a, _ in losses], rtol=1e-5)
        np.testing.assert_allclose(run.history["loss critic"], [b for _, b in losses], rtol=1e-5)
        at = names.index("critic.2")
        assert run.observe().taps[at].z.shape == (12, 1)  # real and made up, of the critic's own loss
        assert deltas > 0 and not run.message


def test_a_loss_module_and_a_loop_that_says_its_steps():
    model, inputs, _ = made("mlp")
    criterion, target = torch.nn.CrossEntropyLoss(), torch.arange(10) % 3
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nb.watch(model, optimizer, criterion, every=1, show=False) as run:
        value = criterion(model(*inputs), target)
        (5 * value).backward()
        optimizer.step()
        assert run.history["loss"][0] == pytest.approx(value.item())
    with nb.watch(model, every=1, show=False) as run:
        for step in range(3):
            value = criterion(model(*inputs), target)
            value.backward()
            with torch.no_grad():
                for p in model.parameters():
                    p -= 0.1 * p.grad
            run.step(value)
            assert run.steps == step + 1
        assert len(run.history["loss"]) == 3 and run.layers


def test_compiled_and_scripted_models_get_a_clear_word():
    model, inputs, loss = made("mlp")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is on its way out
        scripted = torch.jit.script(torch.nn.Linear(2, 1))
    with pytest.raises(TypeError, match="scripted model takes no hooks"):
        nb.watch(scripted, show=False)
    compiled = torch.compile(model, backend="eager")
    optimizer = torch.optim.SGD(compiled.parameters(), lr=0.1)
    with nb.watch(compiled, optimizer, every=1, show=False) as run:
        assert "compiled" in run.message
        for _ in range(2):
            loss(compiled(*inputs)).backward()
            optimizer.step()
        assert run.steps == 2 and len(run.history["loss"]) == 2
        assert not run.message.startswith("watching failed"), run.message


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: (torch.nn.ReLU(),), "no parameters"),
        (lambda: (lambda x: x,), "run = nb.watch"),
        (lambda: (torch.nn.Linear(1, 1), "adam"), "torch.optim.Optimizer"),
        (lambda: (torch.nn.Linear(1, 1), torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), 0.1)), "no parameter of"),
        (lambda: (torch.nn.Linear(1, 1), None, F.mse_loss), "leave it out"),
        (lambda: ({},), "empty dict"),
    ],
)
def test_what_cannot_be_watched_is_refused_in_words(given, words):
    with pytest.raises((TypeError, ValueError), match=words):
        nb.watch(*given(), show=False)


def test_an_error_of_ours_never_ends_a_training(monkeypatch, caplog):
    from nbprop.watching import eyes

    def broken(*_):
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(eyes, "layers_of", broken)
    model, inputs, loss = made("mlp")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        for _ in range(3):
            loss(model(*inputs)).backward()
            optimizer.step()
        assert run.steps == 3 and "a fault of ours" in run.message and "goes on" in run.message
        assert len(run.history["loss"]) == 3


def test_a_loss_that_is_not_finite_is_named_and_the_loop_goes_on():
    model, inputs, loss = made("mlp")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nb.watch(model, optimizer, every=1, show=False) as run:
        for step in range(3):
            if step == 1:
                model[2].weight.data[0, 0] = float("nan")
            loss(model(*inputs)).backward()
            optimizer.step()
        assert run.steps == 3 and run.message.startswith("In step 2 the output of Linear 2 is not finite")


def test_with_data_there_are_a_boundary_and_what_units_respond_to():
    data = nb.data.moons(samples=80, seed=0)
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(2, 8), torch.nn.BatchNorm1d(8), torch.nn.Tanh(), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    X, y = torch.tensor(data.X_train), torch.tensor(data.y_train).float().reshape(-1, 1)
    with nb.watch(model, optimizer, data=data, every=1, show=False) as run:
        for _ in range(60):
            loss = F.binary_cross_entropy_with_logits(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        said, drawn = run.predict(data.X_val), torch.get_rng_state()
        model.eval()
        with torch.no_grad():
            np.testing.assert_allclose(said, torch.sigmoid(model(torch.tensor(data.X_val))).numpy(), rtol=1e-5)
            inside = torch.tanh(model[1](model[0](torch.tensor(data.X_val)))).numpy()
        model.train()
        np.testing.assert_allclose(run.activations(data.X_val)[0], inside, rtol=1e-4, atol=1e-6)
        assert torch.equal(drawn, torch.get_rng_state()) and all(module.training for module in model.modules())
        boundary = nb.views.Boundary(run)
        assert boundary.frame() and "%" in boundary.describe()
        assert nb.views.Network(run).frame() and not run.message
