"""What it costs to look inside while it trains: a Trainer that is watched beside the same Trainer unwatched.

Watched means: the per-layer numbers are recorded as often as the Trainer does by default, and 30 times a second all of
them are asked for, with the histograms of weights, gradients and activations, as the views do for their frames.
"""

import statistics
import time

from ours import training_of

import nbprop as nb
from nbprop.views.gradients import GradientFlow
from nbprop.views.histograms import KINDS, Histograms
from nbprop.views.loss import Loss

FRAMES = 30  # a second
NEVER = 10**9


def trainer(workload, watched):
    made = nb.Trainer(**training_of(workload, copies=16), evaluate_every=NEVER)
    made.watch(watched)
    return made


def views_of(source):
    """All that shows numbers from inside."""
    return [Loss(source), GradientFlow(source), *(Histograms(source, kind=kind) for kind in KINDS)]


def train(made, steps, views=()):
    """Processor seconds of so many steps, with frames of the views in between; and how many frames there were."""
    began = time.process_time()
    frames, due = 0, began + 1 / FRAMES
    for _ in range(steps):
        made._advance()
        if views and time.process_time() > due:
            frames, due = frames + 1, due + 1 / FRAMES
            for view in views:
                view.frame()
    return time.process_time() - began, frames


def measure(workload, rounds, block=0.3):
    """Medians over the rounds: microseconds of a step unwatched, the share that watching adds, and its parts."""
    plain, watched = trainer(workload, False), trainer(workload, True)
    views = views_of(watched)
    train(plain, 20), train(watched, 20, views)
    steps = max(int(20 * block / train(plain, 20)[0]), 10)
    found = []
    for _ in range(rounds):
        alone = train(plain, steps)[0]
        recording = train(watched, steps)[0]
        both, frames = train(watched, steps, views)
        frame = (both - recording) / max(frames, 1)
        found.append((alone / steps * 1e6, recording / alone - 1, frame * 1e6, both / alone - 1))
    names, medians = ("step", "recording", "frame", "watching"), map(statistics.median, zip(*found, strict=True))
    return {**dict(zip(names, medians, strict=True)), "every": plain.probe_every}
