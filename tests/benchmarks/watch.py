"""What `nb.watch` costs a PyTorch loop: a step of W5 (a convolutional network, Adam, batches of 64) as it is, watched,
and watched as others do it: full hooks on every module in every step (as TorchExplorer has them), histograms of all
gradients in every step (as `wandb.watch(log="all")` makes them). One thread, taking turns; medians.

    python tests/benchmarks/watch.py --rounds 7 --seconds 2
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import nn

import nbprop as nb


def network():
    """W5 of tests/benchmarks/workloads.py."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    return model, torch.optim.Adam(model.parameters(), lr=1e-3)


class Screen:
    """Somebody who watches, as a board in sight does."""

    records, seen = frozenset({"layers"}), True

    def __init__(self, run):
        self.views = [nb.views.Loss(run), nb.views.GradientFlow(run), nb.views.Histograms(run)]
        self.version, self.drawn = None, 0.0
        for view in self.views:
            view.source.watchers.add(self)

    def refresh(self):
        now = time.perf_counter()
        if now - self.drawn > 1 / 30:
            self.drawn = now
            for view in self.views:
                view.frame()


def plain(model, optimizer):
    return lambda: None


def watched(model, optimizer):
    return nb.watch(model, optimizer, show=False).close


def drawn(model, optimizer):
    run = nb.watch(model, optimizer, show=False)
    Screen(run)
    return run.close


def full_hooks(model, optimizer):
    """Mean, deviation and norm of outputs and of their gradients, of every module in every step."""
    seen = {}

    def forward(module, inputs, output):
        seen[module] = output.mean().item(), output.std().item(), output.norm().item()

    def backward(module, inputs, outputs):
        seen[module] = outputs[0].mean().item(), outputs[0].std().item(), outputs[0].norm().item()

    hooks = [module.register_forward_hook(forward) for module in model]
    hooks += [module.register_full_backward_hook(backward) for module in [*model][1:]]  # the first has no dL/dx
    return lambda: [hook.remove() for hook in hooks]


def histograms(model, optimizer):
    """64 bins of every parameter and of its gradient in every step."""

    def count(parameter):
        for each in (parameter.grad, parameter.detach()):
            low, high = each.min().item(), each.max().item()
            torch.histc(each, 64, low, high).tolist()

    hooks = [p.register_post_accumulate_grad_hook(count) for p in model.parameters()]
    return lambda: [hook.remove() for hook in hooks]


WAYS = {
    "as it is": plain, "nb.watch": watched, "nb.watch, three views drawn": drawn,
    "full hooks, every step": full_hooks, "histograms, every step": histograms,
}  # fmt: skip


def step_time(way, seconds):
    model, optimizer = network()
    x, y, loss_of = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,)), nn.CrossEntropyLoss()
    end = way(model, optimizer)
    count, begun = 0, None
    while begun is None or time.perf_counter() - begun < seconds:
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if begun is None:  # the first one makes what is made once
            begun = time.perf_counter()
        else:
            count += 1
    took = (time.perf_counter() - begun) / count
    end()
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = {name: [] for name in WAYS}
    for _ in range(given.rounds):
        for name, way in WAYS.items():
            found[name].append(step_time(way, given.seconds))
    floor = statistics.median(found["as it is"])
    print(f"{'':30} {'step, ms':>9} {'beside it':>9}")
    for name, times in found.items():
        ratio = statistics.median(t / f for t, f in zip(times, found["as it is"], strict=True))
        print(f"{name:30} {1e3 * statistics.median(times):9.2f} {100 * (ratio - 1):+8.0f} %")
    print(f"({given.rounds} rounds; PyTorch {torch.__version__}, one thread; floor {1e3 * floor:.2f} ms)")


if __name__ == "__main__":
    main()
