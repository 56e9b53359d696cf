"""Exercises of notebook 17: speech, and labels without an alignment."""

import numpy as np

from nbprop.engine import Tensor
from nbprop.nn import ctc

from .exercise import Exercise, Mistake

# ---- 1. Frames ---------------------------------------------------------------------------------------------------


def frames(n, window, hop):
    return 1 + (n - window) // hop


def some_sizes(rng):
    window, hop = int(rng.integers(20, 300)), int(rng.integers(5, 120))
    return window + int(rng.integers(0, 2000)), window, hop


# ---- 2. Paths and labels -----------------------------------------------------------------------------------------


def collapse(path):
    labels, before = [], 0
    for k in path:
        if k != 0 and k != before:
            labels.append(k)
        before = k
    return labels


def some_path(rng):
    return ([1, 1, 0, 1, *rng.integers(0, 4, rng.integers(4, 10)).tolist()],)


def clean(path):
    return [k for k in path if k]


def collapse_by_decode(path):
    return ctc.decode(np.eye(max(path) + 1)[None, path])[0]


# ---- 3. How many frames it takes ---------------------------------------------------------------------------------


def fewest_frames(labels):
    return len(labels) + sum(labels[i] == labels[i - 1] for i in range(1, len(labels)))


def by_trying(labels):
    """The fewest frames for which there is an alignment."""
    for T in range(len(labels), 2 * len(labels) + 1):
        try:
            ctc.occupancy(np.zeros((T, 5)), np.array(labels))
            return T
        except ValueError:
            continue
    raise AssertionError


# ---- 4. The forward variables ------------------------------------------------------------------------------------


def probability(p, labels):
    states = np.zeros(2 * len(labels) + 1, int)
    states[1::2] = labels
    a = np.zeros(len(states))
    a[:2] = p[0, states[:2]]
    for p_t in p[1:]:
        before = a.copy()
        for s in range(len(states)):
            if s > 0:
                a[s] += before[s - 1]
            if s > 1 and states[s] != 0 and states[s] != states[s - 2]:
                a[s] += before[s - 2]
            a[s] *= p_t[states[s]]
    return a[-1] + a[-2]


def probability_by_loss(p, labels):
    loss = ctc.CTCLoss(reduction="sum")(np.log(p)[:, None], np.array(labels)[None])
    return np.exp(-loss.item())


def wrong_probability(p, labels, skip="where it may", end=2, start=2):
    states = np.zeros(2 * len(labels) + 1, int)
    states[1::2] = labels
    a = np.zeros(len(states))
    a[:start] = p[0, states[:start]]
    for p_t in p[1:]:
        new = a.copy()
        new[1:] += a[:-1]
        for s in range(2, len(states)):
            allowed = states[s] != 0 and states[s] != states[s - 2]
            if skip == "everywhere" or (skip == "labels" and states[s] != 0) or (skip == "where it may" and allowed):
                new[s] += a[s - 2]
        a = new * p_t[states]
    return a[-end:].sum()


def some_frames(rng):
    T, labels = int(rng.integers(5, 8)), rng.integers(1, 4, rng.integers(1, 4)).tolist()
    if len(labels) > 2:
        labels[1] = labels[0]  # equal neighbours
    return rng.dirichlet(np.ones(4), T), labels


# ---- 5. The gradient ---------------------------------------------------------------------------------------------


def logits_gradient(p, shares, labels):
    dz = p.copy()
    dz[:, 0] -= shares[:, 0::2].sum(axis=1)
    for i, k in enumerate(labels):
        dz[:, k] -= shares[:, 2 * i + 1]
    return dz


def some_shares(rng):
    p, labels = some_frames(rng)
    labels = [*labels, labels[0]]  # one class in two places
    p = rng.dirichlet(np.ones(4), 9)
    return p, ctc.occupancy(np.log(p), np.array(labels)), labels


def gradient_by_backward(p, shares, labels):
    z = Tensor(np.log(p), requires_grad=True)
    ctc.CTCLoss(reduction="sum")(z.log_softmax().reshape(len(p), 1, -1), np.array(labels)[None]).backward()
    return z.grad


def overwritten(p, shares, labels):
    dz = p.copy()
    dz[:, 0] = p[:, 0] - shares[:, 0::2].sum(axis=1)
    for i, k in enumerate(labels):
        dz[:, k] = p[:, k] - shares[:, 2 * i + 1]
    return dz


def no_blanks(p, shares, labels):
    dz = logits_gradient(p, shares, labels)
    dz[:, 0] = p[:, 0]
    return dz


# ---- 6. How many are wrong ---------------------------------------------------------------------------------------


def edit_distance(said, true):
    d = np.zeros((len(said) + 1, len(true) + 1), int)
    d[:, 0] = np.arange(len(said) + 1)
    d[0] = np.arange(len(true) + 1)
    for i, one in enumerate(said, 1):
        for j, other in enumerate(true, 1):
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + (one != other))
    return d[-1, -1]


def some_strings(rng):
    said = rng.integers(0, 4, rng.integers(3, 8)).tolist()
    true = [k for k in said if rng.random() < 0.8] + rng.integers(0, 4, rng.integers(0, 3)).tolist()
    return said, true


def dear_substitution(said, true):
    return len(said) + len(true) - 2 * common(said, true)


def common(said, true):
    d = np.zeros((len(said) + 1, len(true) + 1), int)
    for i, one in enumerate(said, 1):
        for j, other in enumerate(true, 1):
            d[i, j] = d[i - 1, j - 1] + 1 if one == other else max(d[i - 1, j], d[i, j - 1])
    return d[-1, -1]


EXERCISES = (
    Exercise(
        name="frames-of-a-sound",
        task="Write `frames(n, window, hop)`: how many whole windows of `window` numbers there are in a sound of `n` "
        "numbers (at least one window), when each begins `hop` numbers after the one before.",
        solution=frames,
        why="The first begins at 0, the last may begin at $n - window$ at the latest. Up to there lie "
        "$\\lfloor (n - window) / hop \\rfloor$ hops, each of which adds a frame to the first.",
        truth=lambda n, window, hop: len(range(0, n - window + 1, hop)),
        case=some_sizes,
        edges=((256, 256, 80), (336, 256, 80), (335, 256, 80)),
        mistakes=(
            Mistake(lambda n, window, hop: (n - window) // hop, "The first frame is there before any hop: add 1."),
            Mistake(
                lambda n, window, hop: n // hop, "A window must fit: the last cannot begin at the end of the sound."
            ),
            Mistake(lambda n, window, hop: n // window, "Windows overlap: it is the hop that goes on, not the window."),
            Mistake(
                lambda n, window, hop: 1 + (n - window) / hop, "Frames are whole: what is left at the end is no frame."
            ),
        ),
        hints=("Where does the last window begin at the latest?", "How many hops are there from 0 to n - window?"),
    ),
    Exercise(
        name="collapse",
        task="Write `collapse(path)`: the labels that CTC reads in a path, a list with a class for each frame, 0 the "
        "blank. Repeats are merged first, then blanks dropped. Return a list.",
        solution=collapse,
        why="A class is a new label if it is no blank and differs from the class of the frame before. The blank counts "
        "as a frame before, so that what comes behind it is new: `1 0 1` are two labels, `1 1` is one.",
        truth=collapse_by_decode,
        case=some_path,
        edges=(([2],), ([0, 3, 0],), ([2, 2, 1, 1, 2],)),
        mistakes=(
            Mistake(
                lambda path: [k for k, before in zip(clean(path), [0, *clean(path)], strict=False) if k != before],
                "First merge, then drop the blanks: so 1 0 1 stays two labels. You have dropped them first.",
            ),
            Mistake(lambda path: [k for k in path if k], "Repeats without a blank between them are one label."),
            Mistake(
                lambda path: [k for k, before in zip(path, [-1, *path], strict=False) if k != before],
                "The blanks are still there: they are no labels.",
            ),
            Mistake(lambda path: sorted(set(clean(path))), "The order counts, and a label may come again."),
        ),
        hints=(
            "When is the class of a frame a new label? What do you need to know of the frame before?",
            "It is new if it is no blank, and another class than that of the frame before (which may be the blank).",
        ),
    ),
    Exercise(
        name="fewest-frames",
        task="Write `fewest_frames(labels)`: how many frames a recording must have at least, so that CTC can align "
        "these labels with it. `labels` is a list of classes, of which none is the blank.",
        solution=fewest_frames,
        why="Each label needs a frame. Between two equal ones there must be a blank, or they would be merged: one more "
        "frame for each pair of equal neighbours.",
        truth=by_trying,
        case=lambda rng: (rng.integers(1, 4, rng.integers(2, 8)).tolist(),),
        edges=(([1, 1, 1],), ([2],), ([1, 2, 3, 3],)),
        mistakes=(
            Mistake(lambda labels: len(labels), "Two equal labels side by side need a blank between them."),
            Mistake(
                lambda labels: 2 * len(labels) - 1, "A blank between different labels is allowed, but it is not needed."
            ),
            Mistake(lambda labels: 2 * len(labels) + 1, "That is the number of states. Most blanks can be skipped."),
            Mistake(
                lambda labels: len(labels) + len(labels) - len(set(labels)),
                "Only equal labels *side by side* need one.",
            ),
        ),
        hints=("When can one label follow another at once?", "len(labels), and one for each pair of equal neighbours."),
    ),
    Exercise(
        name="forward-variables",
        task="Write `probability(p, labels)`: the probability of the labels, summed over all alignments. `p` holds the "
        "probabilities $(T, C)$ of the classes at each frame, class 0 is the blank; `labels` is a list of $S$ classes. "
        "Go through the $2S + 1$ states blank, label 1, blank, ..., with $\\alpha_t(s)$.",
        solution=probability,
        why="At the first frame one stands in the first blank or the first label. At each further frame "
        r"$\alpha_t(s) = p_t(\mathrm{class\ of\ } s)\,[\alpha_{t-1}(s) + \alpha_{t-1}(s-1) + \alpha_{t-1}(s-2)]$, the "
        "last only where $s$ is a label other than that of $s - 2$: a blank may be skipped between different labels. "
        "It ends in the last label or the last blank.",
        truth=probability_by_loss,
        case=some_frames,
        mistakes=(
            Mistake(
                lambda p, labels: wrong_probability(p, labels, "everywhere"),
                "From a blank to the next one may not step over the label between them: it would be lost.",
            ),
            Mistake(
                lambda p, labels: wrong_probability(p, labels, "labels"),
                "Between two equal labels the blank may not be skipped: they would be merged.",
            ),
            Mistake(
                lambda p, labels: wrong_probability(p, labels, "never"),
                "Between different labels the blank may be skipped: from s - 2 leads a way to s.",
            ),
            Mistake(
                lambda p, labels: wrong_probability(p, labels, end=1),
                "A path may end in the last label, too: add both.",
            ),
            Mistake(
                lambda p, labels: wrong_probability(p, labels, start=1),
                "A path may begin with the first label: not only with a blank.",
            ),
            Mistake(
                lambda p, labels: -np.log(probability(p, labels)), "That is the loss. The probability is asked for."
            ),
        ),
        hints=(
            "Write the states down: zeros of size 2 S + 1, with the labels in every second place. Which may be first?",
            "At each frame, for each state: stay, one step, and two steps where the state is a label and differs from "
            "the label two before. Use the values of the frame before, in a copy.",
            "At the end add the last two states.",
        ),
    ),
    Exercise(
        name="gradient-of-ctc",
        task="Write `logits_gradient(p, shares, labels)`: $\\partial L/\\partial z$, $(T, C)$, of the CTC loss, where "
        "$p$ = softmax$(z)$, $(T, C)$; `shares` $(T, 2S + 1)$ are the shares of the alignments that are in each of the "
        "states blank, label 1, blank, ..., blank; `labels` is a list of $S$ classes, 0 the blank.",
        solution=logits_gradient,
        why="It is $p$ less the share of all alignments that are in that class: for the blank the sum over every "
        "second state, for a label that stands in several places the sum over these.",
        truth=gradient_by_backward,
        case=some_shares,
        mistakes=(
            Mistake(
                lambda p, shares, labels: -logits_gradient(p, shares, labels),
                "The sign is wrong: where a class is said too little, its gradient is negative, and a step raises it.",
            ),
            Mistake(overwritten, "A class that stands in several places has all of their shares: subtract each."),
            Mistake(no_blanks, "The blank is a class, too: its states are every second, from the first on."),
            Mistake(
                lambda p, shares, labels: logits_gradient(p, shares, labels) - p,
                "That is dL/dln p. Through the softmax p is added.",
            ),
        ),
        hints=(
            "Begin with a copy of p. What is to be taken off the column of the blank?",
            "Column 0: the sum of shares[:, 0::2]. Label number i is in state 2 i + 1.",
        ),
    ),
    Exercise(
        name="edit-distance",
        task="Write `edit_distance(said, true)`: the fewest labels that must be put in, taken out or replaced to make "
        "one list of the other.",
        solution=edit_distance,
        why="$d(i, j)$ for the first $i$ labels of one and the first $j$ of the other: the last of the one is taken "
        "out, $d(i-1, j) + 1$, that of the other put in, $d(i, j-1) + 1$, or they stand for each other, $d(i-1, j-1)$, "
        "and 1 if they differ. The smallest of the three; at the borders, $d(i, 0) = i$ and $d(0, j) = j$.",
        truth=ctc.edit_distance,
        case=some_strings,
        edges=(([], [1, 2]), ([1, 2, 3], [])),
        mistakes=(
            Mistake(
                lambda said, true: sum(a != b for a, b in zip(said, true, strict=False)) + abs(len(said) - len(true)),
                "One label too many at the start moves all others: compare every beginning of one with every beginning "
                "of the other.",
            ),
            Mistake(dear_substitution, "A label that is replaced counts once, not as taken out and put in."),
            Mistake(
                lambda said, true: edit_distance(said, true) / max(len(true), 1),
                "That is the error rate. The distance is not divided by anything.",
            ),
            Mistake(lambda said, true: abs(len(said) - len(true)), "Labels can be wrong where the lengths are equal."),
        ),
        hints=(
            "Make a table d, a row for each beginning of `said`, the empty one included, a column for each of `true`.",
            "Each cell is the smallest of: the one above + 1, the one at the left + 1, the one above and left, + 1 "
            "if the two labels differ.",
        ),
    ),
)
