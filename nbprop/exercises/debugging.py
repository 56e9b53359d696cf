"""Exercises of the notebook on networks that do not learn: three numbers to go by, and the dozen of broken.py."""

import inspect
import math
import textwrap

import numpy as np

from nbprop import data, nn

from .broken import CASES, ENOUGH, EXAMPLE, broken, judge
from .exercise import Exercise, Mistake, Text
from .symptoms import FAULTS, STEPS

__all__ = ["EXERCISES", "FAULTS", "broken"]


def guessing(counts):
    p = counts / counts.sum()
    return -(p * np.log(p)).sum()


def guessing_by_the_engine(counts):
    """The cross-entropy of a model whose outputs are the logarithms of the shares, whatever the sample."""
    z = np.tile(np.log(counts / counts.sum()), (counts.sum(), 1))
    return nn.CrossEntropyLoss()(z, np.repeat(np.arange(len(counts)), counts)).item()


def update_ratio(before, after):
    return np.sqrt(((after - before) ** 2).sum() / (before**2).sum())


def relative_error(backward, difference):
    norm = np.linalg.norm
    return norm(backward - difference) / max(norm(backward), norm(difference))


def nearly(rng):
    a = rng.normal(size=5)
    return a, a * rng.uniform(0.5, 1.5) + rng.normal(scale=0.1, size=5)


class Patient(Exercise):
    """One of the dozen. reason: how it is found. Its solution shows that, too, and the repair as code."""

    def __init__(self, k, repair, symptom, hints, mistakes, reason):
        fault = CASES[k - 1].fault
        super().__init__(
            name=f"broken-{k}",
            task=f"`broken({k})`: {symptom} Answer with a pair, the name of the fault (see `FAULTS`) and what repairs "
            "it before the first step: a dict of settings for `trainer.set`, or a function of the trainer. After "
            f"{STEPS} steps {ENOUGH:.0%} of the validation samples must be right. For example `{EXAMPLE}`.",
            solution=(fault, repair),
            judge=judge(k),
            hints=hints,
            mistakes=(
                Mistake((fault, {}), "The fault has the right name, but it is still there after your repair"),
                *(Mistake(*each) for each in mistakes),
            ),
        )
        self.reason = reason

    def solution(self):
        fault, repair = self.answer
        code = textwrap.dedent(inspect.getsource(repair)).strip() if callable(repair) else f"repair = {repair!r}"
        return Text(f"{FAULTS[fault].says}. {self.reason}\n\n```python\nfault = {fault!r}\n{code}\n```")


# ---- repairs that no setting makes -----------------------------------------------------------------------------------


def roll_back(trainer):
    d = trainer.data
    trainer.data = data.from_arrays(d.X_train, np.roll(d.y_train, -1), d.X_val, d.y_val)


def scaled(trainer):
    d = trainer.data
    trainer.data = data.from_arrays(d.X_train, d.y_train, d.X_val, d.y_val, scale="standard")


def xavier(trainer):
    trainer.reinitialize("all", "xavier")


def he(trainer):
    trainer.reinitialize("all", "he")


def without_softmax(trainer):
    trainer.model.pop()


# ---- repairs that are none -------------------------------------------------------------------------------------------


def rolled_on(trainer):
    d = trainer.data
    trainer.data = data.from_arrays(d.X_train, np.roll(d.y_train, 1), d.X_val, d.y_val)


def half_scaled(trainer):
    d = trainer.data
    trainer.data = data.from_arrays(d.X_train / 10, d.y_train, d.X_val / 10, d.y_val)


def other_samples(trainer):
    trainer.data = data.digits(validation=0.1)


def trained_already(trainer):
    trainer.set(lr=0.1)
    trainer.fit(steps=500, bar=False)


def first_layer_only(trainer):
    trainer.reinitialize("hidden 1", "xavier")


def frozen(trainer):
    trainer.freeze("hidden 1")


STILL = "still there after your repair: "
LEARNS = "after 300 steps only"

EXERCISES = (
    Exercise(
        name="loss-of-guessing",
        task="Write `guessing(counts)`: the smallest cross-entropy of a network that does not look at its input, "
        "when there are `counts` (k,) samples of each class, none of them 0. A trained network must be below it.",
        solution=guessing,
        why="Who does not look at the input gives every sample the same probabilities, and the best are the "
        r"shares $p_k$ with which the classes occur. A share $p_k$ of the samples then costs $-\ln p_k$ each: "
        r"the mean is $-\sum_k p_k \ln p_k$, the entropy of the labels.",
        case=lambda rng: (rng.integers(1, 40, rng.integers(3, 7)),),
        truth=guessing_by_the_engine,
        mistakes=(
            Mistake(
                lambda c: np.log(len(c)),
                "That is what equal probabilities cost. Where some classes are frequent, less will do.",
            ),
            Mistake(lambda c: -np.log(c / c.sum()).mean(), "A class with many samples counts more often in the mean."),
            Mistake(lambda c: -np.log((c / c.sum()).max()), "That is what a sample of the most frequent class costs."),
            Mistake(lambda c: -(c / c.sum() * np.log2(c / c.sum())).sum(), "The loss has the natural logarithm."),
            Mistake(lambda c: (c / c.sum() * np.log(c / c.sum())).sum(), "The sign is wrong: a loss is above 0."),
            Mistake(
                lambda c: -(c * np.log(c / c.sum())).sum(), "That is the sum over all samples, the loss is their mean."
            ),
        ),
        hints=(
            "Which probabilities would it give, to every sample the same?",
            "Those with which the classes occur, `p = counts / counts.sum()`. Which share of samples costs what?",
            "A share `p` of the samples costs `-log(p)` each.",
        ),
    ),
    Exercise(
        name="update-ratio",
        task="Write `update_ratio(before, after)`: of the weights of a layer, two arrays of one shape, the norm of "
        "what a step has changed over the norm that they had before.",
        solution=update_ratio,
        why="What a step has changed is `after - before`. How much that is can only be said in comparison: the "
        "norm of it over the norm of the weights as they were.",
        case=lambda rng: (rng.normal(size=(3, 4)), rng.normal(size=(3, 4))),
        truth=lambda b, a: math.dist(b.ravel(), a.ravel()) / math.hypot(*b.ravel()),
        mistakes=(
            Mistake(
                lambda b, a: np.linalg.norm(a) / np.linalg.norm(b) - 1,
                "That is how much longer they are. Weights can change much and be as long as before.",
            ),
            Mistake(lambda b, a: np.linalg.norm(a - b) / np.linalg.norm(a), "Over the norm *before* the step."),
            Mistake(lambda b, a: np.linalg.norm(b) / np.linalg.norm(a - b), "It is upside down."),
            Mistake(lambda b, a: ((a - b) ** 2).sum() / (b**2).sum(), "The norm is the root of the sum of squares."),
            Mistake(lambda b, a: np.linalg.norm((a - b) / b), "One quotient of two norms, not one for each weight."),
            Mistake(lambda b, a: np.linalg.norm(a - b), "By itself a norm says nothing: over the norm before."),
        ),
        hints=("What has the step changed? `after - before`.", "Two norms, and their quotient."),
    ),
    Exercise(
        name="relative-error",
        task="Write `relative_error(backward, difference)`: of a gradient (n,) and what central differences give in "
        "its place (n,), the norm of what they differ by over the larger of their two norms.",
        solution=relative_error,
        why="An error of 0.001 is much for a gradient of 0.01 and little for one of 100, so the norm of the "
        "difference is divided by the norm of the gradient. The larger of the two norms is taken so that it "
        "is the same for both, and at most 2.",
        case=nearly,
        truth=lambda a, b: math.dist(a, b) / max(math.hypot(*a), math.hypot(*b)),
        mistakes=(
            Mistake(
                lambda a, b: np.linalg.norm(a - b),
                "That is the absolute error. How much of it is much depends on the size of the gradient.",
            ),
            Mistake(
                lambda a, b: np.linalg.norm(a - b) / np.linalg.norm(b),
                "Over the *larger* norm: one of the two may be 0 where the other is not.",
            ),
            Mistake(
                lambda a, b: np.linalg.norm(a - b) / (np.linalg.norm(a) + np.linalg.norm(b)),
                "Over the larger of the two norms, not over their sum.",
            ),
            Mistake(
                lambda a, b: abs(np.linalg.norm(a) - np.linalg.norm(b)) / max(np.linalg.norm(a), np.linalg.norm(b)),
                "Two vectors of the same length can point anywhere: take their difference first.",
            ),
            Mistake(
                lambda a, b: np.linalg.norm(a - b) / min(np.linalg.norm(a), np.linalg.norm(b)),
                "Over the larger norm: the smaller one may be 0.",
            ),
        ),
        hints=("First the difference, then its norm.", "`max` of the two norms is what it is divided by."),
    ),
    Patient(
        1,
        {"optimizer": "adam", "lr": 0.01},
        "the loss falls, but one would have to wait for days.",
        ("How long are its steps, compared with the weights?", "The update ratio is far below 1e-3. Which setting?"),
        (
            (("dead", {"lr": 0.1}), "It is not 'dead'"),
            (("rate too low", {"lr": 0.0005}), STILL),
            (("rate too low", {"lr": 100.0}), LEARNS),
            (("rate too low", trained_already), "A repair comes before the first step; yours has made 500 steps."),
        ),
        "The update ratio is some 1e-5, a hundredth of what is usual, and a larger rate makes it learn.",
    ),
    Patient(
        2,
        roll_back,
        "it learns its training samples, in time, and nothing about others.",
        (
            "Look at some pictures with their labels.",
            "The label of a sample is that of the one before it: of `y_train`, which way must it be rolled?",
        ),
        (
            (("rate too low", {"lr": 0.05}), "It is not 'rate too low'"),
            (("labels", rolled_on), STILL),
            (("labels", {"lr": 0.01}), STILL),
            (("labels", other_samples), "The validation samples are others now"),
        ),
        "The pictures and their labels, side by side, show it: each label stands one place too late.",
    ),
    Patient(
        3,
        {"activation": "tanh"},
        "two circles, one inside the other, and half of the samples are right, as by guessing.",
        (
            "What picture does it make of the plane? `nb.views.Boundary`.",
            "A straight line. What lets a network bend it?",
        ),
        (
            (("rate too low", {"lr": 0.2}), "It is not 'rate too low'"),
            (("linear", {"depth": 6}), STILL),
            (("linear", {"width": 64}), STILL),
        ),
        "Its layers have no activation between them, so all of them together are one matrix.",
    ),
    Patient(
        4,
        he,
        "no weight ever moves, only the biases of the last layer do.",
        ("What arrives in the first layer, going back?", "Which share of the ReLU units is above 0 for any sample?"),
        (
            (("rate too low", {"lr": 0.05}), "It is not 'rate too low'"),
            (("vanishing", he), "'vanishing' is there, but it follows from something else"),
            (("dead", {"lr": 0.1}), STILL),
            (("dead", first_layer_only), STILL),
        ),
        "All biases of its hidden layers are -3, so no ReLU is above 0 for any sample. Drawn anew they are 0.",
    ),
    Patient(
        5,
        {"weight_decay": 1e-4},
        "the loss ends at what guessing costs, and stays there.",
        ("What becomes of the weights? `nb.views.Histograms`.", "They go to 0. What pulls them there?"),
        (
            (("rate too high", {"lr": 0.001}), "It is not 'rate too high'"),
            (("weight decay", {"lr": 0.05}), STILL),
            (("weight decay", {"weight_decay": 0.1}), LEARNS),
        ),
        "The norm of its weights falls to a hundredth: the pull to 0 is longer than the gradient.",
    ),
    Patient(
        6,
        without_softmax,
        "it learns a little, and its loss stays above 1.46 however long it is trained.",
        (
            "What does the loss expect to get? Look at `trainer.model`.",
            "How small can the loss be if all z are in 0..1?",
        ),
        (
            (("rate too low", {"lr": 0.2}), "It is not 'rate too low'"),
            (("two softmaxes", {"lr": 0.1}), STILL),
            (("two softmaxes", {"optimizer": "adam", "lr": 0.01}), STILL),
        ),
        "The model ends in a softmax, and the loss makes another one of that: of numbers from 0 to 1 it makes nearly "
        "equal probabilities.",
    ),
    Patient(
        7,
        scaled,
        "a tenth of the digits is right, and no rate helps.",
        ("What do the inputs look like, before any network?", "Their numbers go to 1300. Which are usual?"),
        (
            (("rate too high", {"lr": 1e-4}), "It is not 'rate too high'"),
            (("saturated", xavier), "'saturated' is there, but it follows from something else"),
            (("inputs", half_scaled), STILL),
            (("inputs", {"batch_norm": True}), STILL),
        ),
        "Its inputs go from 300 to 1300, so every unit of the first layer is saturated whatever its weights are.",
    ),
    Patient(
        8,
        xavier,
        "only the biases of its last layer ever move, as in number 4. Is it the same fault?",
        (
            "What do the units of one layer have in common?",
            "Who breaks the symmetry between them? The initial weights.",
        ),
        (
            (("vanishing", xavier), "'vanishing' is there, but it follows from something else"),
            (("all alike", {"activation": "relu"}), STILL),
            (("all alike", first_layer_only), STILL),
        ),
        "All weights begin at 0, so that all units of a layer get the same gradient, here 0.",
    ),
    Patient(
        9,
        {"lr": 0.005},
        "after some steps the loss stands still near what guessing costs.",
        ("Which was first, the dead units or something else?", "Look at the update ratio of the first step."),
        (
            (("dead", {"activation": "tanh"}), "'dead' is there, but it follows from something else"),
            (("rate too high", {"clip": 1.0}), STILL),
            (("rate too high", {"lr": 1e-6}), LEARNS),
        ),
        "The first steps change the weights by more than they are long, which kills the ReLUs; a rate a hundred times "
        "smaller leaves them alive.",
    ),
    Patient(
        10,
        xavier,
        "its first loss is above 20 instead of ln 10, and what it learns takes for ever.",
        (
            "On which part of their curve do its units work?",
            "z spreads by 11. What makes z so large: inputs or weights?",
        ),
        (
            (("inputs", scaled), "It is not 'inputs'"),
            (("saturated", {"lr": 0.02}), STILL),
            (("saturated", {"activation": "relu"}), LEARNS),
        ),
        "Its weights are drawn with a standard deviation of 3, so nine tenths of the values of a tanh are at its ends.",
    ),
    Patient(
        11,
        {"dropout": 0.2},
        "the loss goes up and down, and nothing is learned.",
        ("What is different between training and evaluation here?", "`trainer.dropout`"),
        (
            (("rate too high", {"lr": 0.0005}), "It is not 'rate too high'"),
            (("dropout", {"lr": 0.05}), STILL),
            (("dropout", {"dropout": 0.85}), STILL),
        ),
        "Of 32 units only one or two are there in a step, and their outputs are multiplied by 20.",
    ),
    Patient(
        12,
        {"activation": "tanh"},
        "everything looks as it should, and yet the loss does not fall.",
        ("Do you believe its gradients?", "`nb.check_gradient(module, x)`, module by module."),
        (
            (("rate too high", {"lr": 0.0002}), "It is not 'rate too high'"),
            (("wrong gradient", {"lr": 0.002}), STILL),
            (("wrong gradient", frozen), STILL),
        ),
        "Its first activation is an operation of its own, whose backward has the wrong sign: central differences "
        "show it.",
    ),
)
