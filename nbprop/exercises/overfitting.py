"""Exercises of notebook 07: overfitting and what helps against it."""

import numpy as np

from nbprop.engine import Tensor
from nbprop.optim import AdamW

from .exercise import Exercise, Mistake

# ---- 1. Weight decay ---------------------------------------------------------------------------------------------


def decay_step(w, gradient, lr, decay):
    return w - lr * (gradient + decay * w)


def by_backward(w, gradient, lr, decay):
    weights = Tensor(w, requires_grad=True)
    ((weights * gradient).sum() + (weights**2).sum() * (decay / 2)).backward()
    return w - lr * weights.grad


# ---- 2. Decoupled ------------------------------------------------------------------------------------------------


def first_adamw_step(w, gradient, lr, decay):
    return (1 - lr * decay) * w - lr * np.sign(gradient)


def by_adamw(w, gradient, lr, decay):
    AdamW(lr, weight_decay=decay).update(w, gradient)
    return w


# ---- 3. L1 -------------------------------------------------------------------------------------------------------


def l1_gradient(w, strength):
    return strength * np.sign(w)


def l1_by_backward(w, strength):
    weights = Tensor(w, requires_grad=True)
    (weights.abs().sum() * strength).backward()
    return weights.grad


# ---- 4. Dropout --------------------------------------------------------------------------------------------------


def dropout_backward(dy, kept, p):
    return dy * kept / (1 - p)


def dropout_by_backward(dy, kept, p):
    x = Tensor(np.ones_like(dy), requires_grad=True)
    (x * kept * (1 / (1 - p)) * dy).sum().backward()
    return x.grad


def dropped_units(rng):
    p = float(rng.uniform(0.2, 0.7))
    return rng.normal(size=(4, 6)), (rng.random((4, 6)) >= p).astype(float), p


# ---- 5. Early stopping -------------------------------------------------------------------------------------------


def early_stopping(losses, patience):
    best = 0
    for now, loss in enumerate(losses):
        if loss < losses[best]:
            best = now
        if now - best >= patience:
            return now, best
    return len(losses) - 1, best


def compared_with_the_one_before(losses, patience):
    waited = best = 0
    for now in range(1, len(losses)):
        waited = waited + 1 if losses[now] >= losses[now - 1] else 0
        best = best if waited else now
        if waited >= patience:
            return now, best
    return len(losses) - 1, best


def takes_the_last_of_equals(losses, patience):
    best = 0
    for now, loss in enumerate(losses):
        if loss <= losses[best]:
            best = now
        if now - best >= patience:
            return now, best
    return len(losses) - 1, best


def course_of_validation(rng):
    """Falls, then rises with a dip in it that is deeper than all before, but comes too late to be seen."""
    fall, patience = (int(n) for n in rng.integers((3, 2), (7, 5)))
    down = 1 - 0.1 * np.arange(fall)
    up = down[-1] + np.array([0.2, 0.1, 0.3, 0.4, 0.5])
    return np.concatenate([down, up, [down[-1] - 0.2, 1.0, 1.1]]), patience


# It never stops; the last is the lowest; a new lowest one comes just in time; equal ones; the first is the lowest.
COURSES = (
    (np.array([0.9, 0.7, 0.8, 0.6, 0.65, 0.7]), 4),
    (np.array([0.9, 0.8, 0.7]), 2),
    (np.array([0.9, 0.5, 0.6, 0.7, 0.4, 0.45, 0.5, 0.3]), 4),
    (np.array([0.5, 0.4, 0.4, 0.4, 0.4, 0.3]), 3),
    (np.array([0.2, 0.4, 0.3, 0.1]), 1),
    (np.array([0.5]), 1),
)


EXERCISES = (
    Exercise(
        name="weight-decay",
        task="Write `decay_step(w, gradient, lr, decay)`: the weights after one step of gradient descent with weight "
        "decay. `gradient` is that of the loss alone, an array of the same shape as `w`.",
        solution=decay_step,
        why=r"The penalty is $\frac\lambda2 \sum w^2$, whose gradient is $\lambda w$. It is added to the gradient "
        r"of the loss, and the step is one of plain gradient descent: $w - \eta\,(g + \lambda w)$.",
        truth=by_backward,
        case=lambda rng: (*rng.normal(size=(2, 3, 4)), *rng.uniform(0.05, 0.5, size=2)),
        mistakes=(
            Mistake(
                lambda w, gradient, lr, decay: w - lr * gradient, "Nothing decays: the term with `decay` is missing."
            ),
            Mistake(
                lambda w, gradient, lr, decay: (1 - decay) * w - lr * gradient,
                "The decay is a part of the gradient, so it is multiplied by the learning rate too.",
            ),
            Mistake(
                lambda w, gradient, lr, decay: w - lr * (gradient - decay * w),
                "The sign of the decay is wrong: the weights are pushed away from zero.",
            ),
            Mistake(
                lambda w, gradient, lr, decay: w - lr * (gradient + 2 * decay * w),
                "The penalty is decay / 2 times the sum of squares. Its derivative has no factor 2.",
            ),
            Mistake(
                lambda w, gradient, lr, decay: w - lr * (gradient + decay),
                "The same pull for every weight? It should be in proportion to the weight.",
            ),
        ),
        hints=(
            "What is the derivative of decay / 2 * w^2?",
            "The gradient of loss and penalty together is gradient + decay * w.",
        ),
    ),
    Exercise(
        name="decay-without-detour",
        task="At its *first* step Adam moves every weight by the learning rate, whatever the size of the gradient: "
        "$w \\leftarrow w - \\eta\\,\\mathrm{sign}(g)$. Write `first_adamw_step(w, gradient, lr, decay)`: the weights "
        "after the first step of AdamW, whose decay is decoupled.",
        solution=first_adamw_step,
        why="Decoupled means that the decay does not pass through Adam's division: the weights shrink by the "
        r"factor $1 - \eta\lambda$, and then Adam takes its step. At the first step that is "
        r"$\eta\,\text{sign}(g)$.",
        truth=by_adamw,
        case=lambda rng: (*rng.normal(size=(2, 8)), *rng.uniform(0.05, 0.5, size=2)),
        mistakes=(
            Mistake(
                lambda w, gradient, lr, decay: w - lr * np.sign(gradient + decay * w),
                "This is Adam with coupled decay: added to the gradient, the decay can only turn its sign.",
            ),
            Mistake(
                lambda w, gradient, lr, decay: w - lr * np.sign(gradient), "Nothing decays: `decay` is not used at all."
            ),
            Mistake(
                lambda w, gradient, lr, decay: (1 - decay) * w - lr * np.sign(gradient),
                "The decay of a step is lr * decay, as in PyTorch, not decay alone.",
            ),
            Mistake(
                lambda w, gradient, lr, decay: (1 - lr * decay) * w - lr * gradient,
                "The step is that of gradient descent: Adam's has the length lr for every weight.",
            ),
        ),
        hints=(
            "Decoupled: the decay does not pass through Adam's rule. First one, then the other.",
            "First shrink: w * (1 - lr * decay). Then Adam's step.",
        ),
        tolerance=1e-5,
    ),
    Exercise(
        name="pull-of-l1",
        task="Write `l1_gradient(w, strength)`: the gradient of $\\lambda \\sum |w|$, where `strength` is $\\lambda$.",
        solution=l1_gradient,
        why="The slope of $|w|$ is 1 for positive and -1 for negative weights: the pull has the same strength "
        r"everywhere, only its direction is that of the weight. So the gradient is $\lambda\,\text{sign}(w)$.",
        truth=l1_by_backward,
        case=lambda rng: (rng.normal(size=(3, 4)), rng.uniform(0.1, 2)),
        mistakes=(
            Mistake(lambda w, strength: strength * w, "This is the pull of L2, in proportion to the weight."),
            Mistake(
                lambda w, strength: strength * np.abs(w), "This is the penalty of each weight, not its derivative."
            ),
            Mistake(
                lambda w, strength: np.full_like(w, strength),
                "For a negative weight the derivative of |w| is -1, not 1.",
            ),
            Mistake(lambda w, strength: np.sign(w), "The factor `strength` is missing."),
        ),
        hints=("Draw |w|. What is its slope on the right, and on the left?", "np.sign tells left from right."),
    ),
    Exercise(
        name="through-the-mask",
        task="On the way forward dropout gave $y = x\\,m/(1-p)$, where $m$ is 1 for the units that were kept and 0 "
        "for the others. Write `dropout_backward(dy, kept, p)`: $dL/dx$. `dy` and `kept` ($m$) are of one shape.",
        solution=dropout_backward,
        why="Forward each number was multiplied by $m/(1-p)$. Backward its gradient is multiplied by the same "
        "number: 0 for a unit that was dropped, $1/(1-p)$ for one that was kept.",
        truth=dropout_by_backward,
        case=dropped_units,
        mistakes=(
            Mistake(lambda dy, kept, p: dy * kept, "The factor 1 / (1 - p) acts on the way back too."),
            Mistake(lambda dy, kept, p: dy / (1 - p), "A unit that was dropped had no influence: its gradient is 0."),
            Mistake(lambda dy, kept, p: dy * kept / p, "p is the share that is dropped; the scale is 1 / (1 - p)."),
            Mistake(
                lambda dy, kept, p: dy * kept * (1 - p),
                "The way back multiplies by the same factor as the way forward, not by its inverse.",
            ),
            Mistake(lambda dy, kept, p: dy * (1 - kept) / (1 - p), "The mask is upside down: 1 are the units kept."),
        ),
        hints=(
            "y = x times a number. What is the derivative of y with respect to x?",
            "That number is kept / (1 - p).",
        ),
    ),
    Exercise(
        name="patience",
        task="Write `early_stopping(losses, patience)`. `losses` are the validation losses in the order of the "
        "evaluations. Training stops as soon as the lowest one so far (of equal ones the first) is `patience` "
        "evaluations old, or at the end. Return two indices: of the evaluation at which it stops, and of the one "
        "whose parameters are taken.",
        solution=early_stopping,
        why="Go through the losses in order and remember where the lowest so far was. After each evaluation it is "
        "asked whether that was `patience` evaluations ago; what comes later does not count, since training "
        "would not have got there. If it never is, training ends with the last evaluation.",
        case=course_of_validation,
        edges=COURSES,
        outputs=("stopped", "taken"),
        mistakes=(
            Mistake(
                lambda losses, patience: (len(losses) - 1, int(np.argmin(losses))),
                "This looks at evaluations that come after training has stopped.",
            ),
            Mistake(
                lambda losses, patience: (early_stopping(losses, patience)[0],) * 2,
                "The parameters at the stop are not the best ones: those have been kept since the lowest loss.",
            ),
            Mistake(
                compared_with_the_one_before,
                "A loss that is lower than the one before is not always a new lowest one.",
            ),
            Mistake(
                lambda losses, patience: (early_stopping(losses, patience + 1)[0], early_stopping(losses, patience)[1]),
                "It waits one evaluation too long.",
            ),
            Mistake(
                lambda losses, patience: (early_stopping(losses, patience - 1)[0], early_stopping(losses, patience)[1]),
                "It stops one evaluation too early: the lowest one is then `patience` - 1 evaluations old.",
            ),
            Mistake(
                takes_the_last_of_equals,
                "Of equal losses the *first* is the lowest: an equal one is no improvement, and the waiting goes on.",
            ),
            Mistake(
                lambda losses, patience: (
                    early_stopping(losses, patience)[0],
                    losses[early_stopping(losses, patience)[1]],
                ),
                "That is the lowest loss; asked for is its index.",
            ),
            Mistake(
                lambda losses, patience: tuple(k + 1 for k in early_stopping(losses, patience)),
                "The indices begin with 0: you have counted from 1.",
            ),
            Mistake(
                lambda losses, patience: early_stopping(losses, 3),
                "That is right for a patience of 3: it is an argument.",
            ),
        ),
        hints=(
            "Go through the losses one by one, and remember the index of the lowest so far.",
            "When is the lowest one `patience` evaluations old? now - best >= patience.",
        ),
    ),
)
