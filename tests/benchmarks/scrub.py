"""How quickly can one go through the past of a run?  Pictures a second: to a step, exactly, and the four usual views of
it packed as a board packs them; in random order, and dragged to and fro over the whole run.

python tests/benchmarks/scrub.py                2,000 steps of a 2-16x8-1 network and of a LeNet on digits
python tests/benchmarks/scrub.py --steps 500
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import nbprop as nb
from nbprop.views.board.panel import Panel

VIEWS = (nb.views.Loss, nb.views.GradientFlow, nb.views.Histograms, nb.views.Boundary)


def deep():
    return nb.Trainer(nb.nn.mlp([2, *[16] * 8, 1], seed=0), "spirals", lr=0.01, seed=0)


def lenet():
    rng = np.random.default_rng(0)
    see = [nb.nn.Conv2d(1, 16, 3, padding=1, rng=rng), nb.nn.Tanh(), nb.nn.MaxPool2d(2)]
    combine = [nb.nn.Conv2d(16, 32, 3, padding=1, rng=rng), nb.nn.Tanh(), nb.nn.MaxPool2d(2)]
    decide = [nb.nn.Linear(128, 64, rng=rng), nb.nn.Tanh(), nb.nn.Linear(64, 10, rng=rng)]
    model = nb.nn.Sequential(*see, *combine, nb.nn.Flatten(), nb.nn.Dropout(0.3), *decide)
    return nb.Trainer(model, nb.data.digits(image=True), lr=0.005, batch_size=64, seed=0)


def orders(steps, pictures):
    """Name -> the steps to go to, one after the other."""
    there = np.linspace(0, steps, pictures // 2).astype(int)
    near = steps // 2 + (20 * np.sin(np.linspace(0, 6 * np.pi, pictures))).astype(int)
    return {
        "in random order": np.random.default_rng(0).integers(0, steps + 1, pictures),
        "from end to end and back": np.concatenate([there, there[::-1]]),
        "to and fro around a place": near,
    }


def scrub(moment, order):
    """Seconds for each picture."""
    panels, taken = [Panel(view) for kind in VIEWS for view in kind(moment).views], []
    for step in order:
        begun = time.perf_counter()
        moment.show(int(step), wait=True)
        parts = []
        for panel in panels:
            panel.pack(parts, begun, words=False)
        np.concatenate(parts, dtype=np.float32, casting="same_kind").tobytes()
        taken.append(time.perf_counter() - begun)
        assert moment.exact
    return np.array(taken)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--pictures", type=int, default=200)
    given = parser.parse_args()
    for name, make in {"2-16x8-1": deep, "LeNet on digits": lenet}.items():
        trainer = make()
        trainer.watch()
        begun = time.perf_counter()
        trainer.fit(steps=given.steps, bar=False)
        each = (time.perf_counter() - begun) / given.steps
        print(f"{name}: {given.steps:,} steps of {1e3 * each:.2f} ms")
        for how, order in orders(given.steps, given.pictures).items():
            moment = trainer.at(0)
            taken = scrub(moment, order)
            made, (middle, slow) = moment.stats["steps"] / len(order), 1e3 * np.quantile(taken, (0.5, 0.95))
            print(
                f"  {how:26} {1 / taken.mean():4.0f} pictures/s; {middle:5.1f} ms in the middle, one in twenty over "
                f"{slow:5.1f} ms; {made:.0f} steps made again for each"
            )
            moment.close()


if __name__ == "__main__":
    main()
