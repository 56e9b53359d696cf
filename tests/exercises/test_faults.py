"""Answers to the course's exercises that were once taken for right, refused though right, or told the wrong thing."""

import numpy as np
import pytest
from others.batch_norm import backward_by_the_paper
from others.gradient_descent import batch_in_a_loop
from others.overfitting import stopping_with_a_counter

import nbprop as nb
from nbprop.exercises import optimizers
from nbprop.exercises.images import convolve
from nbprop.exercises.language import softmax


def hasty(inputs, slopes):
    """A node hands on what it has as soon as it is reached."""
    grad, waiting = np.zeros(len(inputs)), [len(inputs) - 1]
    grad[-1] = 1
    seen = set(waiting)
    while waiting:
        k = waiting.pop(0)
        for i, slope in zip(inputs[k], slopes[k], strict=True):
            grad[i] += grad[k] * slope
            if i not in seen:
                seen.add(i)
                waiting.append(i)
    return grad


def from_node_0(inputs, slopes, x):
    dot = np.zeros(len(inputs))
    dot[0] = 1
    for k in range(1, len(inputs)):
        for i, slope in zip(inputs[k], slopes[k], strict=True):
            dot[k] += slope * dot[i]
    return dot


def without_an_end(losses, patience):
    best = 0
    for now, loss in enumerate(losses):
        if loss < losses[best]:
            best = now
        if now - best >= patience:
            return now, best


def clip_without_return(gradient, max_norm):
    if np.linalg.norm(gradient) > max_norm:
        return gradient * max_norm / np.linalg.norm(gradient)


def without_keepdims(scores):
    masked = np.where(np.tri(len(scores), dtype=bool), scores, -np.inf)
    e = np.exp(masked)
    return e / e.sum(axis=1)


def adam_with(number):
    def step(theta, m, v, g, t, lr, b1, b2, eps):
        return optimizers.adam_step(theta, m, v, g, number(t), lr, b1, b2, eps)

    return step


def nesterov(theta, v, g, lr, mu):
    v = mu * v + g
    return theta - lr * (mu * v + g), v


REFUSED = (
    ("dead-units", lambda a: (a.mean(axis=0) < 0.1).sum(), "one sample is enough"),
    ("dead-units", lambda a: (a[0] == 0).sum(), "the first sample alone"),
    ("patience", lambda losses, patience: stopping_with_a_counter(losses, 3), "right for a patience of 3"),
    ("patience", without_an_end, "In one test with patience = 4 it returns nothing"),
    ("patience", lambda losses, patience: (len(losses) - 1, int(np.argmin(losses))), "after training has stopped"),
    ("forward-mode", from_node_0, "That is with respect to node 0"),
    ("stride-and-padding", lambda x, w, stride, padding: convolve(x, w, 2, padding), "with a stride of 2"),
    ("stride-and-padding", lambda x, w, stride, padding: convolve(x, w, stride, 1), "with a padding of 1"),
    ("output-size", lambda size, kernel, stride, padding: (size + 2 * padding - kernel) // 2 + 1, "for a stride of 2"),
    ("repair-thirty-layers", {"activation": "identity", "init": "xavier"}, "a product of matrices"),
    ("repair-thirty-layers", {"activation": nb.nn.LeakyReLU(1.0), "init": "xavier"}, "a product of matrices"),
    ("revive", ("identity", 0.3), "of the validation points right"),
    ("which-loss", dict.fromkeys("abcde", np.ones(2)), "a: there is no loss array("),
    ("which-loss", {letter: [] for letter in "abcde"}, "a: there is no loss []"),
    ("a-hundred-blocks", {"way": np.ones(2)}, "way is one of plain, residual; got array("),
    ("checkpointed-backward", lambda *given: [np.ones(3), np.ones(2)], "Its shape is (2,), that of x (4,)"),
    ("revive", True, "Expected an activation and a learning rate, such as ('relu', 3.0); got True"),
    ("cost-of-a-gradient", True, "Expected a number, got True"),
    ("backward-walk", hasty, "It is hasty"),
    ("clip-by-norm", clip_without_return, "is a `return` missing on one of its ways?"),
    ("clip-by-norm", lambda g, m: g / np.linalg.norm(g), "It always has the norm 1"),
    ("clip-by-norm", lambda g, m: np.clip(g, -m, m), "That clips each number by itself"),
    ("clip-by-norm", lambda g, m: g * min(1, m / np.sqrt((g**2).mean())), "the *sum* of squares"),
    ("causal-mask", without_keepdims, "With `keepdims=True` it stays a column"),
    ("attention", lambda q, k, v: without_keepdims(q @ k.T) @ v, "It is not right"),
    ("temperature", lambda z, T: (np.exp(z) / T) / (np.exp(z) / T).sum(), "Behind exp a factor cancels"),
    ("temperature", lambda z, T: softmax(z) / T, "do not have the sum 1"),
    ("temperature", lambda z, T: softmax(z * T), "It is multiplied"),
    ("momentum-step", nesterov, "That is Nesterov's step"),
    ("adam-step", adam_with(lambda t: t - 1), "one step behind"),
    ("adam-step", adam_with(lambda t: t + 1), "one step ahead"),
    ("batch-norm-backward", lambda *given: backward_by_the_paper(*given)[::-1], "but not their order"),
    ("minibatch-gradient", lambda *given: batch_in_a_loop(*given)[::-1], "expected dw, db; got db, dw"),
    ("vanishing-bound", 4e-12, "It is too large."),
)
RIGHT = (
    ("vanishing-bound", 3.6e-12),
    ("minibatch-gradient", lambda *given: np.array(batch_in_a_loop(*given))),
    ("over-the-pass", np.array([1.6, 0.5])),
)


@pytest.mark.parametrize(("name", "answer", "says"), REFUSED, ids=lambda each: each if isinstance(each, str) else "")
def test_it_is_refused_and_told_why(name, answer, says):
    verdict = nb.exercise(name).check(answer)
    assert not verdict.right and says in verdict.text, verdict


@pytest.mark.parametrize(("name", "answer"), RIGHT, ids=lambda each: each if isinstance(each, str) else "")
def test_it_is_right(name, answer):
    assert nb.exercise(name).check(answer).right


def test_an_optimizer_that_was_used_before_is_an_answer_as_well():
    used = nb.optim.Adam(lr=0.1)
    exercise = nb.exercise("tame-the-valley")
    assert exercise.check(used).right and exercise.check(used).right


def test_a_number_may_be_rounded_to_three_digits_or_as_few_as_the_task_says():
    for name, exercise in nb.exercises.catalogue().items():
        if exercise.case is None and exercise.judge is None and isinstance(exercise.answer, float):
            digits = 2 if "Two digits" in exercise.task else 3
            assert exercise.check(float(f"{exercise.answer:.{digits - 1}e}")).right, name
