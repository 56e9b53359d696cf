"""Translation: the decoder's inputs, attention to what is there, the way back through it, what counts as right."""

import numpy as np

from nbprop.engine import Tensor

from .exercise import Exercise, Mistake
from .language import softmax

# ---- teacher forcing


def decoder_inputs(targets, end):
    first = np.full((len(targets), 1), end)
    return np.concatenate([first, targets[:, :-1]], axis=1)


def decoder_inputs_by_hand(targets, end):
    return np.array([[end, *row[:-1]] for row in targets.tolist()])


def targets_case(rng):
    shape = [int(n) for n in rng.integers(2, 7, size=2)]
    return rng.integers(2, 20, size=shape), int(rng.integers(20, 25))


# ---- attention to words that are there


def masked_weights(scores, lengths):
    there = np.arange(scores.shape[-1]) < lengths[:, None]
    scores = np.where(there[:, None, :], scores, -np.inf)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def masked_weights_one_by_one(scores, lengths):
    weights = np.zeros_like(scores)
    for i, length in enumerate(lengths):
        weights[i, :, :length] = softmax(scores[i, :, :length])
    return weights


def scores_case(rng):
    n, T, S = (int(each) for each in rng.integers((2, 2, 4), (5, 5, 8)))
    return rng.normal(size=(n, T, S)), rng.integers(1, S, size=n)


def hidden(scores, lengths):
    return (np.arange(scores.shape[-1]) < np.asarray(lengths)[:, None])[:, None, :]


# ---- the way back through the context


def context_backward(e, H, dc):
    w = np.exp(e - e.max()) / np.exp(e - e.max()).sum()
    dw = H @ dc
    de = w * (dw - w @ dw)
    dH = np.outer(w, dc)
    return de, dH


def context_by_autodiff(e, H, dc):
    e, H = Tensor(e, requires_grad=True), Tensor(H, requires_grad=True)
    (e.softmax() @ H).backward(dc)
    return e.grad, H.grad


def context_case(rng):
    S, d = (int(n) for n in rng.integers((3, 2), (7, 6)))
    return rng.normal(size=S), rng.normal(size=(S, d)), rng.normal(size=d)


# ---- what counts as right


def exact_match(said, right, end):
    right_so_far = np.cumprod(said == right, axis=1)
    ends = np.argmax(right == end, axis=1)
    return right_so_far[np.arange(len(right)), ends].mean()


def exact_match_one_by_one(said, right, end):
    def until_end(row):
        return row[: row.index(end) + 1] if end in row else row

    pairs = zip(said.tolist(), right.tolist(), strict=True)
    return sum(until_end(one) == until_end(other) for one, other in pairs) / len(said)


def sentences_case(rng):
    n, T, end = int(rng.integers(4, 9)), int(rng.integers(4, 7)), int(rng.choice([0, 1, 8, 9]))
    right = rng.integers(2, 5, size=(n, T))
    right[np.arange(n), rng.integers(1, T, size=n)] = end
    said = right.copy()
    for row, last in zip(said, (right == end).argmax(axis=1), strict=True):
        kind = rng.integers(4)
        row[last + 1 :] = rng.choice([2, 3, 4, end], size=T - last - 1)  # what nobody reads
        if kind == 1:
            row[rng.integers(0, last)] = 6  # a wrong word
        if kind == 2:
            row[last] = 3  # it does not stop
    said[0, : (right[0] == end).argmax() + 1] = right[0, : (right[0] == end).argmax() + 1]
    return said, right, end


EXERCISES = (
    Exercise(
        name="decoder-inputs",
        task="Write `decoder_inputs(targets, end)`: targets (n, T), tokens -> what the decoder reads under teacher "
        "forcing, (n, T): at each place the *right* token before it, and at the first place the token `end`.",
        solution=decoder_inputs,
        why="The decoder is asked for target t and may know the targets before it. So its inputs are the targets, one "
        "place later: a column of `end` in front, and the last column left out, which is never an input.",
        case=targets_case,
        truth=decoder_inputs_by_hand,
        mistakes=(
            Mistake(lambda targets, end: targets, "That tells the decoder the very token it is asked for."),
            Mistake(
                lambda targets, end: np.concatenate([targets[:, 1:], np.full((len(targets), 1), end)], axis=1),
                "It is shifted the wrong way: the decoder reads the token after the one it is asked for.",
            ),
            Mistake(
                lambda targets, end: np.roll(targets, 1, axis=1),
                "At the first place stands the last token of the row: it must be `end`.",
            ),
            Mistake(
                lambda targets, end: np.concatenate([np.full((len(targets), 1), end), targets], axis=1),
                "That is a column too many: the last target is never an input.",
            ),
        ),
        hints=(
            "Which token is known before the first word is written?  Which is never needed as an input?",
            "A column of `end`, then `targets` without its last column.",
            "`np.concatenate([np.full((len(targets), 1), end), targets[:, :-1]], axis=1)`.",
        ),
    ),
    Exercise(
        name="masked-weights",
        task="Source sentences of different lengths are filled up at the end. Write `masked_weights(scores, lengths)`: "
        "scores (n, T, S) of T decoder places for S source places; sentence i has `lengths[i]` words, lengths (n,), "
        "each 1 or more -> the weights (n, T, S), a softmax over the words that are there, and 0 for the others.",
        solution=masked_weights,
        why=r"Place j of sentence i is there if j < lengths[i]: a comparison of (S,) with (n, 1), which is (n, S) and "
        r"becomes (n, 1, S) for all T rows. What is not there gets the score $-\infty$ before the softmax, so its "
        "weight is 0 and the others add up to 1.",
        case=scores_case,
        truth=masked_weights_one_by_one,
        mistakes=(
            Mistake(lambda scores, lengths: softmax(scores), "What was filled up gets weights, too."),
            Mistake(
                lambda scores, lengths: softmax(scores) * hidden(scores, lengths),
                "The mask comes after the softmax: the rows do not add up to 1.",
            ),
            Mistake(
                lambda scores, lengths: softmax(scores * hidden(scores, lengths)),
                r"A score of 0 still gets a weight, since $e^0 = 1$: it takes $-\infty$.",
            ),
            Mistake(
                lambda scores, lengths: softmax(np.where(hidden(scores, lengths + 1), scores, -np.inf)),
                "One place too many: the words of a sentence of length 3 are 0, 1 and 2.",
            ),
        ),
        hints=(
            "Which places of a sentence of three words are there?  Compare `np.arange(S)` with its length.",
            "`np.arange(S) < lengths[:, None]` is (n, S). Which axis is missing beside (n, T, S)?",
            "`np.where(there[:, None, :], scores, -np.inf)`, then the softmax along the last axis.",
        ),
    ),
    Exercise(
        name="context-gradient",
        task="One word is being written. Its scores e (S,) for the S source words become weights "
        "$w = \\text{softmax}(e)$, and the context is $c = \\sum_j w_j h_j$, with the encoder's states H (S, d). Write "
        "`context_backward(e, H, dc)`: from dL/dc (d,) give back dL/de (S,) and dL/dH (S, d).",
        solution=context_backward,
        why="c is linear in both: state j gets its weight times dc, and weight j gets $dw_j = h_j \\cdot dc$. "
        "Through the softmax $de_j = w_j (dw_j - \\sum_k w_k\\,dw_k)$: it counts how much more than the mean a word "
        "would change.",
        case=context_case,
        truth=context_by_autodiff,
        outputs=("de", "dH"),
        mistakes=(
            Mistake(
                lambda e, H, dc: (softmax(e) * (H @ dc), np.outer(softmax(e), dc)),
                "The mean is missing in dL/de: to raise one weight lowers all others.",
            ),
            Mistake(lambda e, H, dc: (H @ dc, np.outer(softmax(e), dc)), "That is dL/dw: the softmax is left out."),
            Mistake(
                lambda e, H, dc: (context_backward(e, H, dc)[0], np.tile(dc, (len(e), 1))),
                "A state gets its share of dL/dc, and that is its weight.",
            ),
            Mistake(
                lambda e, H, dc: (context_backward(e, H, dc)[0], np.outer(e, dc)),
                "States are weighted by the softmax of the scores, not by the scores.",
            ),
        ),
        hints=(
            "c is a sum of products $w_j h_j$. What is the derivative for $h_j$, what for $w_j$?",
            "`dw = H @ dc`, `dH = np.outer(w, dc)`. And through the softmax, as in lesson 11?",
            "`de = w * (dw - w @ dw)`.",
        ),
    ),
    Exercise(
        name="exact-match",
        task="Write `exact_match(said, right, end)`: the share of sentences without any mistake. Both are tokens "
        "(n, T); each row of `right` has one `end`, and what stands behind it counts for nothing. A sentence is right "
        "if it is the same up to and with this `end`.",
        solution=exact_match,
        why="A cumulative product of what agrees stays 1 up to the first mistake. Read at the place of `end`, it says "
        "whether all before it was right, and the end, too.",
        case=sentences_case,
        truth=exact_match_one_by_one,
        mistakes=(
            Mistake(
                lambda said, right, end: (said == right).mean(),
                "That is the share of right *tokens*. A sentence with one wrong word is wrong.",
            ),
            Mistake(
                lambda said, right, end: (said == right).all(axis=1).mean(),
                "What stands behind the end is compared as well.",
            ),
            Mistake(
                lambda said, right, end: (said == right)[right == end].mean(),
                "That looks at the end alone.",
            ),
            Mistake(
                lambda said, right, end: ((said == right) | (np.cumsum(right == end, axis=1) > 0)).all(axis=1).mean(),
                "The end itself must be right: who writes on has not finished the sentence.",
            ),
        ),
        hints=(
            "Where may the two differ?  Only behind the `end` of `right`.",
            "`np.cumsum(right == end, axis=1) - (right == end) > 0` is True behind it.",
            "`((said == right) | behind).all(axis=1).mean()`.",
        ),
    ),
    Exercise(
        name="all-words-right",
        task="A network gives each word right with probability 0.95, whatever else happened. In per cent, how many "
        "sentences of 12 words (their end included) are without a mistake? (Three digits.)",
        solution=100 * 0.95**12,
        why="All twelve have to be right: $0.95^{12} = 0.540$. A share of right words near 1 says little about whole "
        "sentences.",
        mistakes=(
            Mistake(95.0, "That is a single word."),
            Mistake(40.0, "Mistakes do not add up: $12 \\cdot 5\\,\\%$ counts sentences with two mistakes twice."),
            Mistake(60.0, "That is the expected number of mistakes in 100 sentences, and some sentences have several."),
            Mistake(46.0, "That is the share with at least one mistake."),
            Mistake(0.54, "In per cent, please."),
        ),
        hints=("What is the probability that two words are both right?", "$0.95 \\cdot 0.95 \\cdots$, twelve times."),
    ),
)
