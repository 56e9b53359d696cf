"""Exercises of notebook 19: sentiment, and which words speak for it."""

import numpy as np

from nbprop.engine import Tensor
from nbprop.nn import BCEWithLogitsLoss

from .exercise import Exercise, Mistake

# ---- 1. A bag of words ---------------------------------------------------------------------------------------------


def bag_gradient(tokens, w, b, y):
    p = 1 / (1 + np.exp(-(w[tokens].sum() + b)))
    dw = np.zeros_like(w)
    np.add.at(dw, tokens, p - y)
    return dw


def bag_by_autodiff(tokens, w, b, y):
    weight = Tensor(w, requires_grad=True)
    score = (Tensor(np.eye(len(w))[tokens]) @ weight).sum() + b
    BCEWithLogitsLoss()(score.reshape(1, 1), np.full((1, 1), float(y))).backward()
    return weight.grad


def some_bag(rng):
    tokens = rng.integers(0, 8, 6)
    tokens[0] = tokens[1]  # a word that comes twice
    return tokens, rng.normal(size=9), float(rng.normal()), int(rng.integers(0, 2))


def bag_once(tokens, w, b, y):
    p = 1 / (1 + np.exp(-(w[tokens].sum() + b)))
    dw = np.zeros_like(w)
    dw[tokens] = p - y
    return dw


def bag_without_p(tokens, w, b, y):
    return np.bincount(tokens, minlength=len(w)) * (w[tokens].sum() + b - y)


# ---- 2. What a linear bag must say -----------------------------------------------------------------------------------


def forced_score(good, bad, not_good):
    return bad + not_good - good


def forced_by_solving(good, bad, not_good):
    """Unknown: bias + frame, the words good, bad and not. One more than equations, and still the answer is fixed."""
    scores = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 1]])
    found, *_ = np.linalg.lstsq(scores, np.array([good, bad, not_good]), rcond=None)
    return float(found @ [1, 0, 1, 1])


# ---- 3. and 4. The mean of what is there, and the way back -----------------------------------------------------------


def masked_mean(x, tokens):
    real = (tokens != 0)[..., None]
    return (x * real).sum(axis=1) / real.sum(axis=1)


def masked_mean_in_a_loop(x, tokens):
    return np.array([row[kept].mean(axis=0) for row, kept in zip(x, tokens != 0, strict=True)])


def some_tokens(rng):
    lengths, T = rng.permutation([2, 3, 5, 6]), 7
    return rng.integers(1, 9, (4, T)) * (np.arange(T) < lengths[:, None])


def masked_mean_backward(tokens, dy):
    real = (tokens != 0)[..., None]
    return real * (dy / real.sum(axis=1))[:, None, :]


def masked_mean_by_autodiff(tokens, dy):
    x = Tensor(np.zeros((*tokens.shape, dy.shape[1])), requires_grad=True)
    real = (tokens != 0)[..., None].astype(float)
    ((x * real).sum(axis=1) / real.sum(axis=1)).backward(dy)
    return x.grad


# ---- 5. Gradient times input -----------------------------------------------------------------------------------------


def gradient_times_input(E, W, v):
    h = np.tanh(E.sum(axis=0) @ W.T)
    gradient = ((1 - h**2) * v) @ W
    return E @ gradient


def by_autodiff(E, W, v):
    x = Tensor(E, requires_grad=True)
    ((x.sum(axis=0) @ W.T).tanh() * v).sum().backward()
    return (x.grad * E).sum(axis=1)


def some_reader(rng):
    return rng.normal(size=(5, 4)) / 2, rng.normal(size=(3, 4)), rng.normal(size=3)


# ---- 6. Integrated gradients -----------------------------------------------------------------------------------------


def integrated_gradients(E, gradient, steps):
    mean = np.zeros_like(E)
    for k in range(steps):
        mean += gradient((k + 0.5) / steps * E) / steps
    return (mean * E).sum(axis=1)


def integrated_at_once(E, gradient, steps):
    places = (np.arange(steps) + 0.5) / steps
    return np.einsum("td,ktd->t", E, np.array([gradient(a * E) for a in places])) / steps


def some_path(rng):
    E, W, v = some_reader(rng)

    def gradient(E):
        x = Tensor(E, requires_grad=True)
        ((x.sum(axis=0) @ W.T).tanh() * v).sum().backward()
        return x.grad + E**2  # of each word alone, too: their gradients differ

    return 2 * E, gradient, int(rng.integers(3, 9))


def integrated_from(E, gradient, steps, begin):
    return sum((gradient((k + begin) / steps * E) * E).sum(axis=1) for k in range(steps)) / steps


EXERCISES = (
    Exercise(
        name="bag-gradient",
        task="A bag of words: the score is $z = b + \\sum_t w_{\\mathrm{token}(t)}$, the probability of praise $p = "
        "\\sigma(z)$, the loss the binary cross-entropy with the label y (0 or 1). Write "
        "`bag_gradient(tokens, w, b, y)`: $\\partial L/\\partial w$, (V,), for tokens (T,) whole numbers and w (V,).",
        why="$\\partial L/\\partial z = p - y$ (notebook 12). $z$ holds the weight of a word as often as the word "
        "comes, so its derivative is that count: 0 of words that are not there.",
        solution=bag_gradient,
        case=some_bag,
        truth=bag_by_autodiff,
        mistakes=(
            Mistake(bag_once, "A word that comes twice gets it twice: `dw[tokens] += ...` adds it once only."),
            Mistake(lambda tokens, w, b, y: -bag_gradient(tokens, w, b, y),
                    "That goes the way the weights are to move: the gradient has the other sign, p - y."),
            Mistake(lambda tokens, w, b, y: bag_gradient(tokens, w, 0.0, y), "The bias is missing in the score."),
            Mistake(bag_without_p, "z - y: the score is to become a probability first."),
            Mistake(lambda tokens, w, b, y: np.bincount(tokens, minlength=len(w)),
                    "That is the derivative of the score. The loss has p - y in front of it."),
            Mistake(lambda tokens, w, b, y: bag_gradient(tokens, w, b, y) * w,
                    "The derivative with respect to a weight does not hold the weight once more."),
        ),
        hints=(
            "What is dL/dz of a sigmoid and cross-entropy?",
            "p - y. And by how much does z grow with the weight of a word that comes twice?",
            "np.add.at(dw, tokens, p - y) adds for each time that a word comes.",
        ),
    ),
    Exercise(
        name="forced-score",
        task="A linear bag of words gives “the film was good” the score `good`, “the film was bad” `bad`, and “the "
        "film was not good” `not_good`. Write `forced(good, bad, not_good)`: the score it then *must* give “the film "
        "was not bad”.",
        why="The scores of two sentences differ by the words in which they differ. \"Not\" adds the same whatever "
        "stands behind it: not_good - good. Put it to the score of bad.",
        solution=forced_score,
        case=lambda rng: tuple(float(x) for x in rng.normal(size=3)),
        truth=forced_by_solving,
        mistakes=(
            Mistake(lambda good, bad, not_good: -bad,
                    "That is what it should say. A linear bag adds the same number for \"not\", whatever follows."),
            Mistake(lambda good, bad, not_good: bad + good - not_good,
                    "\"Not\" adds not_good - good, not the opposite."),
            Mistake(lambda good, bad, not_good: bad + not_good,
                    "\"Not\" adds not_good - good: the sentence \"not good\" holds the word good, too."),
            Mistake(lambda good, bad, not_good: not_good - good,
                    "That is what the word \"not\" adds. To what?"),
            Mistake(lambda good, bad, not_good: -not_good, "Nothing in a linear bag turns a sign round."),
        ),
        hints=(
            "By which word do \"was good\" and \"was not good\" differ, and by how much their scores?",
            "\"Not\" adds not_good - good, and it adds the same in front of bad.",
        ),
    ),
    Exercise(
        name="masked-mean",
        task="Sentences of different lengths are filled up at the end with token 0. Write `pool(x, tokens)`: the mean "
        "of the vectors x (n, T, d) over the words that are there, tokens (n, T) -> (n, d).",
        why="What is behind the end is multiplied by 0 before it is added up, and not counted: divide by the length "
        "of each sentence.",
        solution=masked_mean,
        case=lambda rng: ((tokens := some_tokens(rng)), rng.normal(size=(*tokens.shape, 3)))[::-1],
        truth=masked_mean_in_a_loop,
        mistakes=(
            Mistake(lambda x, tokens: x.mean(axis=1),
                    "What is behind the end counts there as well: the mask is missing."),
            Mistake(lambda x, tokens: (x * (tokens != 0)[..., None]).mean(axis=1),
                    "The sum is right, but each sentence is divided by T instead of its own length."),
            Mistake(lambda x, tokens: (x * (tokens != 0)[..., None]).sum(axis=1),
                    "That is the sum: divide by the length."),
            Mistake(lambda x, tokens: x.sum(axis=1) / (tokens != 0).sum(axis=1)[:, None],
                    "The lengths are right, but the sum still holds what is behind the end."),
            Mistake(lambda x, tokens: (x * (tokens != 0)[..., None]).sum(axis=1) / (tokens != 0).sum(),
                    "Each sentence is divided by its own length, not by that of all together."),
            Mistake(lambda x, tokens: masked_mean(x, tokens == 0), "The mask is the wrong way round."),
            Mistake(lambda x, tokens: (x * tokens[..., None]).sum(axis=1) / (tokens != 0).sum(axis=1)[:, None],
                    "The numbers of the tokens are names: only whether they are 0 counts."),
        ),
        hints=(
            "tokens != 0 says which are there, (n, T). How does it fit x, (n, T, d)?",
            "real = (tokens != 0)[..., None]; add up x * real over the words.",
            "The length of each sentence is real.sum(axis=1).",
        ),
    ),
    Exercise(
        name="masked-mean-backward",
        task="And its way back. Write `pool_backward(tokens, dy)`: from dL/dy of that mean, (n, d), dL/dx (n, T, d).",
        why="$y$ holds each word that is there, divided by the length. So each of them gets $\\partial L/\\partial y$ "
        "divided by the length, and what is behind the end gets nothing.",
        solution=masked_mean_backward,
        case=lambda rng: (some_tokens(rng), rng.normal(size=(4, 3))),
        truth=masked_mean_by_autodiff,
        mistakes=(
            Mistake(lambda tokens, dy: np.repeat(dy[:, None] / (tokens != 0).sum(axis=1)[:, None, None], 7, axis=1),
                    "What is behind the end had no part in the mean: it gets 0."),
            Mistake(lambda tokens, dy: (tokens != 0)[..., None] * dy[:, None, :],
                    "Each word has only a share of the mean: divide by the length."),
            Mistake(lambda tokens, dy: (tokens != 0)[..., None] * dy[:, None, :] / tokens.shape[1],
                    "Divide by the length of each sentence, not by T."),
            Mistake(lambda tokens, dy: (tokens != 0)[..., None] * dy[:, None, :] / (tokens != 0).sum(),
                    "Divide by the length of each sentence, not by that of all together."),
            Mistake(lambda tokens, dy: masked_mean_backward(tokens == 0, dy), "The mask is the wrong way round."),
            Mistake(lambda tokens, dy: (tokens != 0)[..., None] * (dy * (tokens != 0).sum(axis=1)[:, None])[:, None],
                    "Multiplied by the length instead of divided."),
        ),
        hints=(
            "How much does y grow when one of the words grows by 1?",
            "By 1 over the length, if it is there; else not at all.",
        ),
    ),
    Exercise(
        name="gradient-times-input",
        task="A reader with one hidden layer: the embeddings E (T, d) of a sentence are added up, $h = \\tanh(W "
        "\\sum_t e_t)$, and its score is $s = v \\cdot h$; W (m, d), v (m,). Write `attribute(E, W, v)`: for each word "
        "$e_t \\cdot \\partial s/\\partial e_t$, (T,).",
        why="The slope of tanh is $1 - h^2$, so $\\partial s/\\partial e_t = W^\\top (v \\odot (1 - h^2))$, the same "
        "for all words, as they are added up. What differs is the embedding that it is multiplied by.",
        solution=gradient_times_input,
        case=some_reader,
        truth=by_autodiff,
        mistakes=(
            Mistake(lambda E, W, v: E @ (v @ W),
                    "The slope of tanh, 1 - h², is missing: that would be a linear network."),
            Mistake(lambda E, W, v: np.repeat((((1 - np.tanh(E.sum(axis=0) @ W.T) ** 2) * v) @ W).sum(), len(E)),
                    "That is the gradient alone, the same for each word. Times its embedding."),
            Mistake(lambda E, W, v: np.abs(gradient_times_input(E, W, v)),
                    "The sign says for which side a word speaks: keep it."),
            Mistake(lambda E, W, v: np.tanh(E @ W.T) @ v,
                    "That is the score of each word alone. Its derivative in the whole sentence is wanted."),
            Mistake(lambda E, W, v: ((1 - np.tanh(E @ W.T) ** 2) * v * (E @ W.T)).sum(axis=1),
                    "The slope is taken where the *sum* of all words is, not at each word alone."),
            Mistake(lambda E, W, v: E @ (((1 - np.tanh(E.mean(axis=0) @ W.T) ** 2) * v) @ W),
                    "The embeddings are added up, no mean is taken."),
            Mistake(lambda E, W, v: E @ ((np.tanh(E.sum(axis=0) @ W.T) * v) @ W),
                    "It is the slope, 1 - h², that comes back through tanh, not h."),
        ),
        hints=(
            "First h, of the sum of all embeddings. What comes back through tanh?",
            "The gradient of every e_t is ((1 - h**2) * v) @ W.",
            "And the scalar product with each row of E.",
        ),
    ),
    Exercise(
        name="integrated-gradients",
        task="Integrated gradients (Sundararajan, Taly and Yan 2017, with zeros as the beginning; their equation 3 "
        "takes the ends of the parts, the middles come closer): `gradient(E)` gives $\\partial s/\\partial E$, (T, d), "
        "at embeddings E. Write `integrate(E, gradient, steps)`: the mean of the gradients at $\\alpha E$ in the "
        "middles of `steps` equal parts of the way, $\\alpha = (k + \\frac12)/\\mathrm{steps}$ for $k = 0, 1, "
        "\\ldots$, times E, added up over d: (T,).",
        why="The score changes on the way from 0 to E by the integral of the gradient along it. A mean of the "
        "gradients in the middles of equal parts comes close to it; times E, word by word, it is what each adds.",
        solution=integrated_gradients,
        case=some_path,
        truth=integrated_at_once,
        mistakes=(
            Mistake(lambda E, gradient, steps: (gradient(E) * E).sum(axis=1),
                    "That is gradient times input: at the end of the way alone. Take the mean along the way."),
            Mistake(lambda E, gradient, steps: integrated_gradients(E, gradient, steps) * steps,
                    "That is the sum of the gradients: divide by `steps`."),
            Mistake(lambda E, gradient, steps: integrated_from(E, gradient, steps, 0),
                    "That is at the beginnings of the parts: take their middles, (k + 0.5) / steps."),
            Mistake(lambda E, gradient, steps: integrated_from(E, gradient, steps, 1),
                    "That is at the ends of the parts: take their middles, (k + 0.5) / steps."),
            Mistake(lambda E, gradient, steps: (gradient(E / 2) * E).sum(axis=1),
                    "One gradient, in the middle of the whole way. There are to be `steps` of them."),
            Mistake(lambda E, gradient, steps: sum(
                        (gradient((k + 0.5) / steps * E) * E * (k + 0.5) / steps).sum(axis=1) for k in range(steps)
                    ) / steps,
                    "Each gradient is multiplied by the whole E, not by the place where it was taken."),
            Mistake(lambda E, gradient, steps: integrated_gradients(E, gradient, steps) / E.shape[1],
                    "Over d it is the sum, not the mean."),
        ),
        hints=(
            "Where are the gradients taken? At (k + 0.5) / steps * E.",
            "Their mean, times E, and the sum over the last axis.",
        ),
    ),
)  # fmt: skip
