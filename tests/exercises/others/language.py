"""Other right answers to the exercises of notebook 11."""

import numpy as np

import nbprop as nb


def windows_by_indices(tokens, T):
    starts = np.arange(0, len(tokens) - T, T)
    places = starts[:, None] + np.arange(T)
    return tokens[places], tokens[places + 1]


def windows_by_splitting(tokens, T):
    n = 0
    while (n + 1) * T + 1 <= len(tokens):
        n += 1
    return np.array(np.split(tokens[: n * T], n)), np.array(np.split(tokens[1 : n * T + 1], n))


def windows_in_a_loop(tokens, T):
    X, Y, start = [], [], 0
    while start + T < len(tokens):
        X.append([int(token) for token in tokens[start : start + T]])
        Y.append([int(token) for token in tokens[start + 1 : start + T + 1]])
        start += T
    return X, Y


def attention_row_by_row(q, k, v):
    rows = []
    for query in q:
        e = np.exp([query @ key / len(query) ** 0.5 for key in k])
        rows.append(sum(weight * value for weight, value in zip(e / sum(e), v, strict=True)))
    return rows


def attention_by_einsum(q, k, v):
    e = np.exp(np.einsum("id,jd->ij", q, k) * q.shape[-1] ** -0.5)
    return np.einsum("ij,je,i->ie", e, v, 1 / e.sum(1))


def attention_in_columns(q, k, v):
    e = np.exp(k @ q.T / np.sqrt(k.shape[1]))
    return (e / e.sum(axis=0)).T @ v


def attention_by_nbprop(q, k, v):
    return (nb.Tensor(q) @ nb.Tensor(k).T / np.sqrt(q.shape[1])).softmax(axis=1) @ v


def mask_by_zeroing(scores):
    e = np.exp(scores) * np.tri(len(scores))
    return e / e.sum(axis=-1, keepdims=True)


def mask_by_a_large_number(scores):
    later = np.triu(np.ones_like(scores), k=1)
    e = np.exp(scores - 1e9 * later)
    return (e.T / e.sum(axis=1)).T


def mask_in_loops(scores):
    T = len(scores)
    weights = [[0.0] * T for _ in range(T)]
    for i in range(T):
        total = sum(np.exp(scores[i, j]) for j in range(i + 1))
        for j in range(i + 1):
            weights[i][j] = np.exp(scores[i, j]) / total
    return weights


def mask_by_nbprop(scores):
    places = np.arange(len(scores))
    return nb.Tensor(np.where(places <= places[:, None], scores, -np.inf)).softmax(axis=-1)


def attention_back_row_by_row(q, k, v, P, dy):
    dS = np.zeros_like(P)
    for i, row in enumerate(P):
        jacobian = np.diag(row) - np.outer(row, row)
        dS[i] = jacobian @ (v @ dy[i]) / np.sqrt(q.shape[1])
    return dS @ k, dS.T @ q, P.T @ dy


def attention_back_by_einsum(q, k, v, P, dy):
    dP = np.einsum("ie,je->ij", dy, v)
    dS = P * dP - P * np.einsum("ij,ij->i", P, dP)[:, None]
    dS *= q.shape[1] ** -0.5
    return [np.einsum("ij,jd->id", dS, k), np.einsum("ij,id->jd", dS, q), np.einsum("ij,ie->je", P, dy)]


def attention_back_by_nbprop(q, k, v, P, dy):
    leaves = q, k, v = [nb.Tensor(a, requires_grad=True) for a in (q, k, v)]
    ((q @ k.T / np.sqrt(q.shape[1])).softmax(axis=-1) @ v).backward(dy)
    return [leaf.grad for leaf in leaves]


def embedding_in_a_loop(tokens, dy, V):
    dW = np.zeros((V, dy.shape[1]))
    for token, row in zip(tokens, dy, strict=True):
        dW[token] += row
    return dW


def embedding_by_ones(tokens, dy, V):
    return np.eye(V)[tokens].T @ dy


def embedding_by_tokens(tokens, dy, V):
    return [dy[tokens == token].sum(axis=0) for token in range(V)]


def embedding_by_nbprop(tokens, dy, V):
    layer = nb.nn.Embedding(V, dy.shape[1], dtype=np.float64)
    layer(tokens).backward(dy)
    return layer.weight.grad


def bold_by_powers(z, temperature):
    p = np.exp(z) ** (1 / temperature)
    return p / p.sum()


def bold_after_the_softmax(z, temperature):
    p = np.exp(z) / np.exp(z).sum()
    p = p ** (1 / temperature)
    return p / np.sum(p)


def bold_one_by_one(z, temperature):
    return [1 / sum(np.exp((other - each) / temperature) for other in z) for each in z]


def bold_by_nbprop(z, temperature):
    return nb.Tensor(z / temperature).softmax(axis=0)


OTHERS = {
    "next-letter-targets": (windows_by_indices, windows_by_splitting, windows_in_a_loop),
    "attention": (attention_row_by_row, attention_by_einsum, attention_in_columns, attention_by_nbprop),
    "causal-mask": (mask_by_zeroing, mask_by_a_large_number, mask_in_loops, mask_by_nbprop),
    "attention-gradient": (attention_back_row_by_row, attention_back_by_einsum, attention_back_by_nbprop),
    "embedding-gradient": (embedding_in_a_loop, embedding_by_ones, embedding_by_tokens, embedding_by_nbprop),
    "temperature": (bold_by_powers, bold_after_the_softmax, bold_one_by_one, bold_by_nbprop),
}
