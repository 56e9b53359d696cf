"""Language: targets, attention and its mask, the way back through it, embeddings, temperature."""

import numpy as np

from nbprop import nn
from nbprop.engine import Tensor

from .exercise import Exercise, Mistake


def softmax(scores):
    """Along the last axis."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def without_keepdims(scores):
    e = np.exp(scores)
    return e / e.sum(axis=1)


def all_at_once(scores):
    return np.exp(scores) / np.exp(scores).sum()


def without_itself(scores):
    with np.errstate(invalid="ignore"):  # of row 0 nothing is left
        return softmax(np.where(np.tri(len(scores), k=-1, dtype=bool), scores, -np.inf))


# ---- targets


def windows(tokens, T):
    n = (len(tokens) - 1) // T
    X = tokens[: n * T].reshape(n, T)
    Y = tokens[1 : n * T + 1].reshape(n, T)
    return X, Y


def windows_one_by_one(tokens, T):
    starts = range(0, len(tokens) - T, T)
    return np.array([tokens[i : i + T] for i in starts]), np.array([tokens[i + 1 : i + T + 1] for i in starts])


def windows_case(rng):
    return rng.integers(0, 30, size=int(rng.integers(42, 60))), int(rng.integers(3, 8))


# ---- attention


def attention(q, k, v):
    scores = q @ k.T / np.sqrt(q.shape[1])
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = e / e.sum(axis=1, keepdims=True)
    return weights @ v


def attention_of_the_engine(q, k, v):
    return nn.scaled_dot_product_attention(Tensor(q), Tensor(k), Tensor(v)).data


def attention_case(rng):
    T, d = (int(n) for n in rng.integers(3, 8, size=2))
    return rng.normal(size=(T, d)), rng.normal(size=(T, d)), rng.normal(size=(T, 3))


# ---- mask


def causal_weights(scores):
    T = len(scores)
    allowed = np.tril(np.ones((T, T), bool))
    masked = np.where(allowed, scores, -np.inf)
    e = np.exp(masked - masked.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def causal_weights_row_by_row(scores):
    weights = np.zeros_like(scores)
    for i, row in enumerate(scores):
        weights[i, : i + 1] = np.exp(row[: i + 1]) / np.exp(row[: i + 1]).sum()
    return weights


# ---- the way back


def attention_gradient(q, k, v, P, dy):
    scale = 1 / np.sqrt(q.shape[1])
    dv = P.T @ dy
    dP = dy @ v.T
    dS = P * (dP - (P * dP).sum(axis=1, keepdims=True))
    dq = dS @ k * scale
    dk = dS.T @ q * scale
    return dq, dk, dv


def attention_gradient_by_autodiff(q, k, v, P, dy):
    q, k, v = (Tensor(x, requires_grad=True) for x in (q, k, v))
    nn.scaled_dot_product_attention(q, k, v).backward(dy)
    return q.grad, k.grad, v.grad


def attention_gradient_case(rng):
    q, k, v = attention_case(rng)
    return q, k, v, softmax(q @ k.T / np.sqrt(q.shape[1])), rng.normal(size=v.shape)


def scores_gradient(P, dy, v):
    dP = dy @ v.T
    return P * (dP - (P * dP).sum(axis=1, keepdims=True))


def without_the_sum(q, k, v, P, dy):
    dS = P * (dy @ v.T) / np.sqrt(q.shape[1])
    return dS @ k, dS.T @ q, P.T @ dy


def over_the_columns(q, k, v, P, dy):
    dP = dy @ v.T
    dS = P * (dP - (P * dP).sum(axis=0)) / np.sqrt(q.shape[1])
    return dS @ k, dS.T @ q, P.T @ dy


def without_the_weights(q, k, v, P, dy):
    dP = dy @ v.T
    dS = (dP - (P * dP).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
    return dS @ k, dS.T @ q, P.T @ dy


def without_the_scale(q, k, v, P, dy):
    dS = scores_gradient(P, dy, v)
    return dS @ k, dS.T @ q, P.T @ dy


def without_transposing(q, k, v, P, dy):
    dS = scores_gradient(P, dy, v) / np.sqrt(q.shape[1])
    return dS @ k, dS @ q, P @ dy


# ---- embedding


def embedding_gradient(tokens, dy, V):
    dW = np.zeros((V, dy.shape[1]))
    np.add.at(dW, tokens, dy)
    return dW


def embedding_gradient_by_autodiff(tokens, dy, V):
    W = Tensor(np.zeros((V, dy.shape[1])), requires_grad=True)
    (Tensor(np.eye(V)[tokens]) @ W).backward(dy)
    return W.grad


def embedding_gradient_case(rng):
    T, d, V = (int(n) for n in rng.integers((7, 2, 5), (11, 5, 8)))
    return rng.integers(0, 4, size=T), rng.normal(size=(T, d)), V


def only_the_last(tokens, dy, V):
    dW = np.zeros((V, dy.shape[1]))
    dW[tokens] = dy
    return dW


def mean_of_each(tokens, dy, V):
    return embedding_gradient(tokens, dy, V) / np.maximum(np.bincount(tokens, minlength=V), 1)[:, None]


# ---- temperature


def probabilities(z, temperature):
    z = z / temperature
    e = np.exp(z - z.max())
    return e / e.sum()


def probabilities_of_the_engine(z, temperature):
    return (Tensor(z) * (1 / temperature)).softmax().data


EXERCISES = (
    Exercise(
        name="next-letter-targets",
        task="Write `windows(tokens, T)`. It cuts the long row `tokens` into windows of `T`, one after the other, and "
        "gives back `X` (n, T) and `Y` (n, T): `Y` holds, for every place of `X`, the token that comes next in the "
        "row. A rest that does not fill a window, with its target, is left out.",
        solution=windows,
        why="The target of a place is the token one further on. So `Y` is cut like `X`, from the row that begins "
        "one later. A window fits if there is one token more on its right, for its last target: hence "
        "`(len(tokens) - 1) // T`.",
        case=windows_case,
        edges=((np.arange(10), 5), (np.arange(11), 5)),
        truth=windows_one_by_one,
        outputs=("X", "Y"),
        mistakes=(
            Mistake(
                lambda tokens, T: (windows(tokens, T)[0], windows(tokens, T)[0]),
                "The target is the input itself: a network that copies would be perfect.",
            ),
            Mistake(
                lambda tokens, T: (windows(tokens, T)[0], np.roll(windows(tokens, T)[0], -1, axis=1)),
                "The last target of each window is its own first token: it must be the first of the next window.",
            ),
            Mistake(
                lambda tokens, T: (windows(tokens, T)[0], np.roll(windows(tokens, T)[0], 1)),
                "It is shifted the wrong way: that is the token before, not the one after.",
            ),
        ),
        hints=(
            "How many windows fit, if every one needs one token more on its right? For 11 tokens and T = 5: two.",
            "`Y` is made like `X`, from `tokens[1:]`.",
            "`n = (len(tokens) - 1) // T`, then `tokens[:n * T].reshape(n, T)`.",
        ),
    ),
    Exercise(
        name="attention",
        task="Write `attention(q, k, v)` for one sequence: q (T, d), k (T, d), v (T, e) -> (T, e). The scores are "
        r"$q k^\top / \sqrt{d}$, the weights their softmax, row by row, and the output is the weighted mean of "
        "the rows of v.",
        solution=attention,
        why=r"Every query is compared with every key, $q k^\top$, a row for each query. Divided by $\sqrt d$ the "
        "scores do not grow with $d$. The softmax along each row makes weights with the sum 1 of them, and "
        "the output is the mean of the rows of v with these weights. (The largest score is taken off first, "
        "so that exp does not overflow; it cancels.)",
        case=attention_case,
        truth=attention_of_the_engine,
        mistakes=(
            Mistake(
                lambda q, k, v: softmax(q @ k.T) @ v,
                r"The factor $1/\sqrt{d}$ is missing: the scores grow with d.",
            ),
            Mistake(
                lambda q, k, v: softmax(q @ k.T / q.shape[1]) @ v,
                "The scores are divided by d, not by its square root.",
            ),
            Mistake(
                lambda q, k, v: softmax((q @ k.T / np.sqrt(q.shape[1])).T).T @ v,
                "The softmax goes over the wrong axis: the weights of one *row* must have the sum 1.",
            ),
            Mistake(
                lambda q, k, v: softmax(q @ k.T / np.sqrt(q.shape[1])).T @ v,
                "The weights are transposed: row i of the output is made with row i of the weights.",
            ),
            Mistake(
                lambda q, k, v: softmax(k @ q.T / np.sqrt(q.shape[1])) @ v,
                "The scores are transposed: row i belongs to query i, column j to key j.",
            ),
            Mistake(
                lambda q, k, v: q @ k.T / np.sqrt(q.shape[1]) @ v,
                "The softmax is missing: the weights must be positive, with the sum 1.",
            ),
            Mistake(
                lambda q, k, v: without_keepdims(q @ k.T / np.sqrt(q.shape[1])) @ v,
                "The sums of the rows are divided into the columns: `e.sum(axis=1)` is (T,), and NumPy lays it along "
                "each row. With `keepdims=True` it stays a column, (T, 1).",
            ),
            Mistake(
                lambda q, k, v: np.exp(q @ k.T / np.sqrt(q.shape[1])) @ v,
                "The weights do not have the sum 1: divide each row by its sum.",
            ),
            Mistake(
                lambda q, k, v: all_at_once(q @ k.T / np.sqrt(q.shape[1])) @ v,
                "All weights together have the sum 1: it should be those of each row, `axis=1`.",
            ),
            Mistake(
                lambda q, k, v: softmax(q @ k.T * np.sqrt(q.shape[1])) @ v,
                r"The scores are multiplied by $\sqrt{d}$; they are divided by it.",
            ),
        ),
        hints=(
            "What shape do the scores have?  One number for every pair of a query and a key.",
            "`q @ k.T` is (T, T). Which axis of it belongs to one query?",
            "`e = np.exp(scores)`, then divide by `e.sum(axis=1, keepdims=True)`, then `@ v`.",
        ),
    ),
    Exercise(
        name="causal-mask",
        task="Write `causal_weights(scores)`: scores (T, T) -> attention weights (T, T), where place i may look at the "
        "places 0 to i only. Every row has the sum 1.",
        solution=causal_weights,
        why=r"A weight of 0 needs the score $-\infty$, since $e^{-\infty} = 0$. So the scores above the diagonal, "
        r"the future, become $-\infty$ *before* the softmax, and each row still has the sum 1.",
        case=lambda rng: ((lambda T: rng.normal(size=(T, T)))(rng.integers(3, 8)),),
        truth=causal_weights_row_by_row,
        mistakes=(
            Mistake(
                lambda scores: np.tril(softmax(scores)),
                "The mask comes after the softmax: the rows do not have the sum 1, and the future has had its say.",
            ),
            Mistake(
                lambda scores: softmax(np.tril(scores)),
                "A score of 0 is not 'no weight', since $e^0 = 1$: it takes $-\\infty$.",
            ),
            Mistake(
                lambda scores: softmax(np.where(np.tri(len(scores), dtype=bool).T, scores, -np.inf)),
                "It is the wrong triangle: place i looks into the future, at i and what comes later.",
            ),
            Mistake(softmax, "Nothing is masked: place 0 sees the whole text."),
            Mistake(
                lambda scores: without_keepdims(np.where(np.tri(len(scores), dtype=bool), scores, -np.inf)),
                "The sums of the rows are divided into the columns: `e.sum(axis=1)` is (T,), and NumPy lays it along "
                "each row. With `keepdims=True` it stays a column, (T, 1).",
            ),
            Mistake(
                lambda scores: all_at_once(np.where(np.tri(len(scores), dtype=bool), scores, -np.inf)),
                "All weights together have the sum 1: it should be those of each row, `axis=1`.",
            ),
            Mistake(
                lambda scores: softmax(np.where(np.tri(len(scores), k=1, dtype=bool), scores, -np.inf)),
                "Place i sees one place too far, i + 1.",
            ),
            Mistake(
                without_itself,
                "Place i may look at itself: the diagonal is allowed. (Without it place 0 has nothing to look at.)",
            ),
            Mistake(
                lambda scores: softmax(np.where(np.tri(len(scores), dtype=bool), scores, -np.inf).T).T,
                "The softmax goes over the wrong axis: each *row* must have the sum 1.",
            ),
        ),
        hints=(
            "Which score becomes the weight 0 in a softmax?  $e^x = 0$ for ...",
            "`np.tril(np.ones((T, T), bool))` is True on and below the diagonal.",
            "`np.where(allowed, scores, -np.inf)` first, the softmax along axis 1 afterwards.",
        ),
    ),
    Exercise(
        name="attention-gradient",
        task="Write `attention_gradient(q, k, v, P, dy)`, the way back through attention. Given are q, k (T, d), "
        r"v (T, e), the weights `P` $= \text{softmax}(q k^\top / \sqrt{d})$ (T, T) and `dy` = dL/dy (T, e) of the "
        r"output $y = P v$. Give back dL/dq, dL/dk, dL/dv.",
        solution=attention_gradient,
        why=r"Back in three steps. From $y = P v$: $dv = P^\top dy$ and $dP = dy\,v^\top$. Through the softmax, "
        r"row by row: $dS = P \odot (dP - \sum_j P_j\,dP_j)$, because raising one weight lowers the others. "
        r"From $S = q k^\top/\sqrt d$: $dq = dS\,k/\sqrt d$ and $dk = dS^\top q/\sqrt d$.",
        case=attention_gradient_case,
        truth=attention_gradient_by_autodiff,
        outputs=("dq", "dk", "dv"),
        mistakes=(
            Mistake(
                without_the_sum,
                "The sum over the row is missing in the softmax: raising one weight of a row lowers all others.",
            ),
            Mistake(without_the_scale, r"The factor $1/\sqrt{d}$ is missing on the way back."),
            Mistake(
                without_transposing,
                "A transposition is missing: key j and value j get something from every row i that looks at them.",
            ),
            Mistake(
                over_the_columns,
                "The sum in the softmax goes over the wrong axis: the weights of a *row* belong together.",
            ),
            Mistake(
                without_the_weights,
                r"The factor P in front is missing: $dS = P \odot (dP - \ldots)$.",
            ),
        ),
        hints=(
            "Go back in three steps: from y = P v to dP and dv, from P to the scores S, from S to dq and dk.",
            "For a product C = A B: dA = dC Bᵀ and dB = Aᵀ dC.",
            r"Softmax, for each row: $dS = P \odot (dP - \sum_j P_j\, dP_j)$. With it `dq = dS @ k / np.sqrt(d)`.",
        ),
    ),
    Exercise(
        name="embedding-gradient",
        task="An embedding takes rows of a table: `y = W[tokens]`. Write `embedding_gradient(tokens, dy, V)`: tokens "
        "(T,), integers; dy = dL/dy (T, d), a table of V rows -> dL/dW (V, d).",
        solution=embedding_gradient,
        why="A row of the table has a say wherever its token stands, so it gets the sum of `dy` over these "
        "places; a row whose token does not occur gets 0. `np.add.at` adds for every place, where `dW[tokens] "
        "+= dy` would keep one.",
        case=embedding_gradient_case,
        truth=embedding_gradient_by_autodiff,
        mistakes=(
            Mistake(
                only_the_last,
                "A token that occurs several times gets only its last gradient: they must be added. "
                "(`dW[tokens] += dy` does not do that either: NumPy adds once per row.)",
            ),
            Mistake(mean_of_each, "It is the mean over the occurrences of a token: it must be the sum."),
            Mistake(
                lambda tokens, dy, V: embedding_gradient(tokens, dy, V) / len(tokens),
                "There is a factor 1/T too many: a mean in the loss is in dy already.",
            ),
        ),
        hints=(
            "Which rows of W have a say in the loss?  What is the gradient of all others?",
            "If a token stands at two places, its row has had a say at both.",
            "`np.add.at(dW, tokens, dy)` adds dy[t] to row tokens[t] for every t.",
        ),
    ),
    Exercise(
        name="temperature",
        task="Write `probabilities(z, temperature)`: outputs z (V,) of the network -> probabilities (V,). The outputs "
        "are divided by the temperature before the softmax.",
        solution=probabilities,
        why="Divided by a small temperature the outputs lie farther apart, and the softmax gets bolder; divided "
        "by a large one they move together. Then an ordinary softmax, which sees to the sum 1.",
        case=lambda rng: (rng.normal(size=rng.integers(4, 9)), float(rng.uniform(0.3, 3))),
        truth=probabilities_of_the_engine,
        mistakes=(
            Mistake(lambda z, temperature: softmax(z * temperature), "It is multiplied: a *low* one must be bold."),
            Mistake(
                lambda z, temperature: softmax(z) / temperature,
                "The probabilities are divided, not the outputs: they do not have the sum 1.",
            ),
            Mistake(
                lambda z, temperature: softmax(z),
                "The temperature has no effect. (Behind exp a factor cancels: it belongs to the outputs.)",
            ),
            Mistake(
                lambda z, temperature: softmax(z) ** (1 / temperature),
                "That has the right proportions, but not the sum 1: divide by it.",
            ),
            Mistake(
                lambda z, temperature: np.exp(z / temperature),
                "The sum is not 1: divide by it.",
            ),
            Mistake(
                lambda z, temperature: np.exp(z / temperature) / np.exp(z).sum(),
                "The sum is not 1: in the denominator stand the outputs that are not divided by the temperature.",
            ),
            Mistake(lambda z, temperature: z / temperature, "These are outputs still: the softmax is missing."),
        ),
        hints=(
            "What happens to the softmax if all outputs are twice as large?",
            "`z / temperature`, then the softmax.",
        ),
    ),
)
