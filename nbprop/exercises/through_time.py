"""Exercises of notebook 22: windows, periods and lags."""

import numpy as np

from nbprop.data.grammar import reber_following
from nbprop.engine import Tensor
from nbprop.engine.recurrent import passes

from .exercise import Exercise, Mistake

# ---- 1. What BPTT(h; h') costs -----------------------------------------------------------------------------------


def backward_steps(T, h, period):
    total = 0
    for end in range(period, T + period, period):
        end = min(end, T)  # the last pass begins at the end, however few steps are new
        total += min(h, end)
    return total


def counted(T, h, period):
    return sum(end - begin for begin, _, end in passes(T, h, period))


def a_case(rng):
    T, h = int(rng.integers(5, 40)), int(rng.integers(2, 20))
    return T, h, int(rng.integers(1, h + 1))


# ---- 2. A lag of a linear network --------------------------------------------------------------------------------


def gradient_at_lag(U, v, k):
    g = v
    for _ in range(k):
        g = U.T @ g
    return g


def lag_by_backward(U, v, k):
    start = Tensor(np.zeros(len(v)), requires_grad=True)
    h = start
    for _ in range(k):
        h = Tensor(U) @ h
    (h * v).sum().backward()
    return start.grad


# ---- 3. A gradient that is cut -----------------------------------------------------------------------------------


def cut_gradient(w, x, window):
    h = [0.0]
    for x_t in x:
        h.append(np.tanh(w * h[-1] + x_t))
    dw, dh = 0.0, 1.0
    for t in range(len(x), max(len(x) - window, 0), -1):
        dz = dh * (1 - h[t] ** 2)
        dw += dz * h[t - 1]
        dh = dz * w
    return dw


def cut_by_backward(w, x, window):
    """The state that the window begins with is a constant."""
    h, w = 0.0, Tensor(np.array(w), requires_grad=True)
    for x_t in x[: max(len(x) - window, 0)]:
        h = np.tanh(w.data * h + x_t)
    h = Tensor(np.array(h))
    for x_t in x[max(len(x) - window, 0) :]:
        h = (w * h + float(x_t)).tanh()
    h.backward()
    return w.grad


def cut_wrong(w, x, keep):
    """The shares of the steps for which keep(t, T) holds, t = 1 ... T."""
    h = [0.0]
    for x_t in x:
        h.append(np.tanh(w * h[-1] + x_t))
    dw, dh = 0.0, 1.0
    for t in range(len(x), 0, -1):
        dz = dh * (1 - h[t] ** 2)
        dw += dz * h[t - 1] if keep(t, len(x)) else 0.0
        dh = dz * w
    return dw


# ---- 4. Strings of a grammar -------------------------------------------------------------------------------------

GRAPH = {0: {"B": 1}, 1: {"T": 2, "P": 3}, 2: {"S": 2, "X": 4}, 3: {"T": 3, "V": 5}, 4: {"X": 3, "S": 6},
         5: {"P": 4, "V": 6}, 6: {"E": 7}, 7: {}}  # fmt: skip


def is_reber(text):
    node = 0
    for letter in text:
        if letter not in GRAPH[node]:
            return 0.0
        node = GRAPH[node][letter]
    return float(node == 7)


def reber_truth(text):
    try:
        return float(reber_following(text, embedded=False)[-1] == "") if text else 0.0
    except ValueError:
        return 0.0


def walk(rng):
    node, text = 0, ""
    while GRAPH[node]:
        letter = list(GRAPH[node])[rng.integers(len(GRAPH[node]))]
        node, text = GRAPH[node][letter], text + letter
    return text


def a_string(rng):
    text = walk(rng)
    kind, at = rng.integers(4), int(rng.integers(len(text)))
    if kind == 0:
        text = text[:at] + "BTPSXVE"[rng.integers(7)] + text[at + 1 :]
    if kind == 1:
        text = text[: at + 1]
    return (text,)


def by_pairs(text):
    """Whether every two letters in a row may follow each other somewhere."""
    may = {"BT", "BP", "TS", "TX", "SS", "SX", "XX", "XS", "SE", "PT", "PV", "TT", "TV", "VP", "VV", "PX", "PS", "VE",
           "XT", "XV"}  # fmt: skip
    return float(text[:1] == "B" and text[-1:] == "E" and all(text[i : i + 2] in may for i in range(len(text) - 1)))


def only_the_way(text):
    node = 0
    for letter in text:
        if letter not in GRAPH[node]:
            return 0.0
        node = GRAPH[node][letter]
    return 1.0


EXERCISES = (
    Exercise(
        name="backward-steps",
        task="Write `backward_steps(T, h, period)`: how many steps BPTT(h; h') goes back in all over a sequence of T "
        "steps. There is a pass every `period` steps, and one at the end if the last one was before it; each goes back "
        "h steps, or to the beginning of the sequence if that is nearer. Whole numbers, `1 <= period <= h`.",
        solution=backward_steps,
        why="A pass that ends at step e goes back $\\min(h, e)$ steps. The passes end at h', 2h', ... and at T. In the "
        "middle that is $h/h'$ steps back for each step forward.",
        truth=counted,
        case=a_case,
        edges=((12, 4, 4), (12, 30, 5), (5, 2, 1), (13, 4, 4), (4, 7, 7)),
        mistakes=(
            Mistake(lambda T, h, period: -(-T // period) * h, "The first passes cannot go back beyond the first step."),
            Mistake(
                lambda T, h, period: sum(min(h, e) for e in range(period, T + 1, period)),
                "The last pass is at the end of the sequence, also where `period` does not divide T.",
            ),
            Mistake(lambda T, h, period: T * h / period, "That is about right for a long sequence. Here count."),
        ),
        hints=(
            "At which steps do passes end? How far back can the one that ends at step 2 go?",
            "Sum min(h, end) over the ends period, 2 period, ... and T.",
        ),
    ),
    Exercise(
        name="lag-of-a-linear-network",
        task="A linear recurrent network: $h_t = U h_{t-1} + W x_t$, and the loss $L = v \\cdot h_T$ is of the last "
        "state. Write `gradient_at_lag(U, v, k)`: $\\partial L/\\partial h_{T-k}$. `U` is an array (H, H), `v` (H,), "
        "`k` a whole number, 0 or more.",
        solution=gradient_at_lag,
        why=r"$h_T = U^k h_{T-k} + \dots$, so that $\partial L/\partial h_{T-k} = (U^\top)^k v$. Its norm goes as the "
        "k-th power of the spectral radius of U.",
        truth=lag_by_backward,
        case=lambda rng: (rng.normal(size=(3, 3)), rng.normal(size=3), int(rng.integers(0, 6))),
        edges=((np.array([[0.5, 1.0], [0.0, 2.0]]), np.array([1.0, -1.0]), 0),),
        mistakes=(
            Mistake(
                lambda U, v, k: np.linalg.matrix_power(U, k) @ v,
                "Back through h' = U h it is the transpose of U that the gradient is multiplied with.",
            ),
            Mistake(
                lambda U, v, k: np.linalg.matrix_power(U.T, k + 1) @ v,
                "That is one step too far back: at lag 0 the gradient is v itself.",
            ),
            Mistake(lambda U, v, k: (U.T**k) @ v, "`**` takes the power of each number. Multiply the matrices."),
        ),
        hints=(
            "What is it for k = 0? And for k = 1?",
            "One step back multiplies the gradient by U.T; do that k times.",
        ),
    ),
    Exercise(
        name="cut-gradient",
        task="The network of one unit from lesson 10: $h_t = \\tanh(w\\,h_{t-1} + x_t)$, $h_0 = 0$, $L = h_T$. Write "
        "`cut_gradient(w, x, window)`: $dL/dw$ when the error goes back through the last `window` steps only. `w` is a "
        "number, `x` an array (T,), `window` a whole number from 1; if it is larger than T all steps are gone through.",
        solution=cut_gradient,
        why="As the full gradient, but the loop back ends after `window` steps: the shares of earlier steps are "
        "missing from the sum. The state that the window begins with is taken for a constant.",
        truth=cut_by_backward,
        case=lambda rng: (
            float(rng.uniform(0.8, 1.6)),
            0.5 * rng.normal(size=rng.integers(4, 9)),
            int(rng.integers(1, 10)),
        ),
        edges=((1.2, np.array([0.3, -0.2, 0.5]), 5), (1.2, np.array([0.3, -0.2, 0.5, 0.1]), 2)),
        mistakes=(
            Mistake(
                lambda w, x, window: cut_wrong(w, x, lambda t, T: True), "That is the full gradient: nothing is cut."
            ),
            Mistake(
                lambda w, x, window: cut_wrong(w, x, lambda t, T: t >= T - window),
                "That is one step too many: with a window of 1 only the last step has its share.",
            ),
            Mistake(
                lambda w, x, window: cut_gradient(w, x[-window:], window),
                "Forward nothing is cut: the window begins with the state that the earlier inputs have left.",
            ),
            Mistake(
                lambda w, x, window: cut_wrong(w, x, lambda t, T: t <= window),
                "The window holds the last steps, not the first.",
            ),
        ),
        hints=(
            "Forward is as ever, through all steps. Which t does the loop back run over?",
            "range(T, max(T - window, 0), -1).",
        ),
    ),
    Exercise(
        name="adding-window",
        task="The adding problem with T = 100 and `longer=0`: places 0 to 99, the answer after the last. One of the "
        "first ten places is marked and one of the first 49 that are still unmarked; the value at place 0 counts as "
        "nothing. What is the smallest window with which the error gets back to both values in *every* sequence? Its "
        "own step counts. Assign the number to `window`.",
        solution=99,
        why="The earliest value that counts stands at place 1. From place 99 back to place 1, both counted, it is 99 "
        "steps.",
        mistakes=(
            Mistake(100, "At place 0 nothing is to be learned: the value there counts as nothing."),
            Mistake(98, "The step of the error itself counts: from place 99 back to place 1 it is one more."),
            Mistake(51, "That reaches the later value in some sequences. Where does the other one stand?"),
            Mistake(50, "That reaches the last place that may be marked, 49, only just not."),
        ),
        hints=(
            "Which is the earliest place whose value matters?",
            "A window of 1 reaches place 99 alone, one of 2 place 98.",
        ),
    ),
    Exercise(
        name="reber-strings",
        task="Write `is_reber(text)`: 1 if `text` is a whole string of the (inner) Reber grammar, else 0. The ways: "
        "0 –B→ 1; 1 –T→ 2, –P→ 3; 2 –S→ 2, –X→ 4; 3 –T→ 3, –V→ 5; 4 –X→ 3, –S→ 6; 5 –P→ 4, –V→ 6; 6 –E→ 7. A string "
        "begins at 0 and ends at 7.",
        solution=is_reber,
        why="Keep the node, and follow the letters. Where a letter has no way the string is wrong; at its end the node "
        "must be 7.",
        truth=reber_truth,
        case=a_string,
        edges=(
            ("BTXSE",),
            ("BPVVE",),
            ("BTXS",),
            ("BTSE",),
            ("BTXSEE",),
            ("BPVPSE",),
            ("BTXXVPXTTVVE",),
            ("",),
            ("BPTTVVE",),
        ),
        mistakes=(
            Mistake(only_the_way, "A beginning alone is no string: after the last letter the node must be 7."),
            Mistake(by_pairs, "Which letter may come depends on the node, not on the letter before alone."),
            Mistake(lambda text: 1 - is_reber(text), "The other way round: 1 for a string of the grammar."),
            Mistake(lambda text: float(text[:1] == "B" and text[-1:] == "E"), "Look at the letters in between, too."),
        ),
        hints=(
            "A dict of dicts: node -> letter -> the next node.",
            "Begin with node = 0. For each letter: is it among the ways of the node? Then go on to the next node.",
        ),
    ),
)
