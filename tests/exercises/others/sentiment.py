"""Other right answers to the exercises of notebook 19."""

import numpy as np

import nbprop as nb


def bag_by_counts(tokens, w, b, y):
    counts = np.bincount(tokens, minlength=len(w))
    return counts * (1 / (1 + np.exp(-(counts @ w + b))) - y)


def bag_by_nbprop(tokens, w, b, y):
    def loss(w):
        z = w[tokens].sum() + b
        return (1 + (-z if y else z).exp()).log()

    return nb.grad(loss)(w)


def bag_in_a_loop(tokens, w, b, y):
    z = b
    for token in tokens:
        z += w[token]
    dw = [0.0] * len(w)
    for token in tokens:
        dw[token] += 1 / (1 + np.exp(-z)) - y
    return dw


def forced_by_what_not_adds(good, bad, not_good):
    adds = not_good - good
    return bad + adds


def forced_by_what_bad_adds(good, bad, not_good):
    return not_good - (good - bad)


def forced_by_weights(good, bad, not_good):
    frame, w = 0.0, {"good": good, "bad": bad}
    w["not"] = not_good - frame - w["good"]
    return frame + w["not"] + w["bad"]


def mean_by_weights(x, tokens):
    real = tokens != 0
    return np.einsum("nt,ntd->nd", real / real.sum(axis=1, keepdims=True), x)


def mean_by_where(x, tokens):
    return np.where(tokens[..., None] > 0, x, 0).sum(1) / np.count_nonzero(tokens, axis=1)[:, None]


def mean_by_lengths(x, tokens):
    out = []
    for i, row in enumerate(tokens):
        length = len([token for token in row if token])
        out.append(x[i, :length].sum(axis=0) / length)
    return out


def back_by_outer(tokens, dy):
    real = tokens != 0
    return np.einsum("nt,nd->ntd", real / real.sum(1)[:, None], dy)


def back_in_a_loop(tokens, dy):
    dx = np.zeros((*tokens.shape, dy.shape[1]))
    for i, row in enumerate(tokens):
        for t in np.flatnonzero(row):
            dx[i, t] = dy[i] / np.count_nonzero(row)
    return dx


def back_by_where(tokens, dy):
    share = dy / np.sum(tokens > 0, axis=1, keepdims=True)
    return np.where((tokens > 0)[:, :, None], share[:, None], 0.0)


def attribute_by_nbprop(E, W, v):
    return (nb.grad(lambda E: ((E.sum(axis=0) @ W.T).tanh() * v).sum())(E) * E).sum(axis=1)


def attribute_by_steps(E, W, v):
    z = W @ E.sum(0)
    dz = v / np.cosh(z) ** 2
    return (E * (W.T @ dz)).sum(-1)


def attribute_word_by_word(E, W, v):
    h = np.tanh(sum(W @ e for e in E))
    return [float(sum(v * (1 - h * h) * (W @ e))) for e in E]


def integrate_by_list(E, gradient, steps):
    found = [gradient(alpha * E) for alpha in np.linspace(0, 1, steps, endpoint=False) + 0.5 / steps]
    return np.sum(np.mean(found, axis=0) * E, axis=-1)


def integrate_part_by_part(E, gradient, steps):
    step = E / steps
    return sum((gradient((k + 0.5) * step) * step).sum(axis=1) for k in range(steps))


def integrate_backwards(E, gradient, steps):
    total, place = 0, 1 - 1 / (2 * steps)
    for _ in range(steps):
        total = total + np.einsum("td,td->t", gradient(place * E), E)
        place -= 1 / steps
    return total / steps


OTHERS = {
    "bag-gradient": (bag_by_counts, bag_by_nbprop, bag_in_a_loop),
    "forced-score": (forced_by_what_not_adds, forced_by_what_bad_adds, forced_by_weights),
    "masked-mean": (mean_by_weights, mean_by_where, mean_by_lengths),
    "masked-mean-backward": (back_by_outer, back_in_a_loop, back_by_where),
    "gradient-times-input": (attribute_by_nbprop, attribute_by_steps, attribute_word_by_word),
    "integrated-gradients": (integrate_by_list, integrate_part_by_part, integrate_backwards),
}
