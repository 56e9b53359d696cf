"""What it costs to look inside while it trains: a Trainer that is watched beside the same Trainer unwatched.

Watched means: the per-layer numbers are recorded as often as the Trainer does by default, and every view is asked for
its frame as often as a board does, for the loss, the gradient flow and the histograms of weights, gradients and
activations.
"""

import statistics
import time

from ours import training_of

import nbprop as nb
from nbprop.views.board.pacing import Pacing
from nbprop.views.gradients import GradientFlow
from nbprop.views.histograms import KINDS, Histograms
from nbprop.views.loss import Loss

NEVER = 10**9


def trainer(workload, watched):
    made = nb.Trainer(**training_of(workload, copies=16), evaluate_every=NEVER)
    made.watch(watched)
    return made


def views_of(source):
    """All that shows numbers from inside."""
    return [Loss(source), GradientFlow(source), *(Histograms(source, kind=kind) for kind in KINDS)]


def train(made, steps, views=()):
    """Processor seconds of so many steps, with frames of the views in between."""
    began = time.process_time()
    due = [[began, 1 / min(view.rate, Pacing().rate), view] for view in views]
    for _ in range(steps):
        made._advance()
        for each in due:
            if time.process_time() > each[0]:
                each[0] += each[1]
                each[2].frame()
    return time.process_time() - began


def measure(workload, rounds, block=0.3):
    """Medians over the rounds: microseconds of a step unwatched, the share that watching adds, and its parts."""
    plain, watched = trainer(workload, False), trainer(workload, True)
    views = views_of(watched)
    train(plain, 20), train(watched, 20, views)
    steps = max(int(20 * block / train(plain, 20)), 10)
    found = []
    for _ in range(rounds):
        alone, recording, both = train(plain, steps), train(watched, steps), train(watched, steps, views)
        found.append((alone / steps * 1e6, recording / alone - 1, both / alone - 1))
    names, medians = ("step", "recording", "watching"), map(statistics.median, zip(*found, strict=True))
    return {**dict(zip(names, medians, strict=True)), "every": plain.probe_every}
