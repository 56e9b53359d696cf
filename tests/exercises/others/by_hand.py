"""Other right answers to the exercises of notebook 02."""

import numpy as np

import nbprop as nb


def delta_sample_by_sample(y_hat, y):
    return [[2 / len(y) * (y_hat[i, 0] - y[i, 0])] for i in range(len(y))]


def delta_by_nbprop(y_hat, y):
    p = nb.Tensor(y_hat, requires_grad=True)
    nb.nn.MSELoss()(p, y).backward()
    return p.grad


def delta_turned_about(y_hat, y):
    return -(y - y_hat) / (len(y) / 2)


def weights_by_einsum(x, dz):
    return np.einsum("no,ni->oi", dz, x), np.einsum("no->o", dz)


def weights_sample_by_sample(x, dz):
    dW, db = np.zeros((dz.shape[1], x.shape[1])), np.zeros(dz.shape[1])
    for one, delta in zip(x, dz, strict=True):
        dW += np.outer(delta, one)
        db += delta
    return [dW, db]


def weights_with_a_column_of_ones(x, dz):
    both = dz.T @ np.column_stack([x, np.ones(len(x))])
    return both[:, :-1], both[:, -1]


def weights_by_nbprop(x, dz):
    layer = nb.nn.Linear(x.shape[1], dz.shape[1], dtype=np.float64)
    layer(nb.Tensor(x)).backward(dz)
    return layer.weight.grad, layer.bias.grad


def hidden_by_einsum(dz2, W2, a1):
    return np.einsum("no,oh,nh->nh", dz2, W2, (1 - a1) * (1 + a1))


def hidden_in_columns(dz2, W2, a1):
    return (W2.T @ dz2.T).T / np.cosh(np.arctanh(a1)) ** 2


def hidden_in_loops(dz2, W2, a1):
    dz1 = np.zeros_like(a1)
    for n in range(len(a1)):
        for h in range(a1.shape[1]):
            dz1[n, h] = sum(dz2[n, o] * W2[o, h] for o in range(len(W2))) * (1 - a1[n, h] ** 2)
    return dz1


def hidden_by_nbprop(dz2, W2, a1):
    z1 = nb.Tensor(np.arctanh(a1), requires_grad=True)
    (z1.tanh() @ nb.Tensor(W2).T).backward(dz2)
    return z1.grad


def backward_sample_by_sample(x, y, W1, b1, W2, b2):
    grads = [np.zeros_like(w) for w in (W1, b1, W2, b2)]
    for one, target in zip(x, y, strict=True):
        a1 = np.tanh(W1 @ one + b1)
        dz2 = 2 * (W2 @ a1 + b2 - target) / len(x)
        dz1 = W2.T @ dz2 * (1 - a1 * a1)
        for grad, part in zip(grads, (np.outer(dz1, one), dz1, np.outer(dz2, a1), dz2), strict=True):
            grad += part
    return grads


def backward_in_columns(x, y, W1, b1, W2, b2):
    A1 = np.tanh(W1 @ x.T + b1[:, None])
    D2 = 2 / len(y) * (W2 @ A1 + b2[:, None] - y.T)
    D1 = (W2.T @ D2) * (1 - A1**2)
    return D1 @ x, D1 @ np.ones(len(x)), D2 @ A1.T, D2 @ np.ones(len(x))


def backward_by_nbprop(x, y, W1, b1, W2, b2):
    W1, b1, W2, b2 = (nb.Tensor(w, requires_grad=True) for w in (W1, b1, W2, b2))
    nb.nn.MSELoss()((x @ W1.T + b1).tanh() @ W2.T + b2, y).backward()
    return W1.grad, b1.grad, W2.grad, b2.grad


def step_in_place(x, y, W1, b1, W2, b2, lr):
    grads = backward_sample_by_sample(x, y, W1, b1, W2, b2)
    for w, dw in zip((W1, b1, W2, b2), grads, strict=True):
        w -= lr * dw
    return W1, b1, W2, b2


def step_by_an_optimizer(x, y, W1, b1, W2, b2, lr):
    parameters = [nb.Tensor(w, requires_grad=True) for w in (W1, b1, W2, b2)]
    W1, b1, W2, b2 = parameters
    (((x @ W1.T + b1).tanh() @ W2.T + b2 - y) ** 2).mean().backward()
    return [w.data - lr * w.grad for w in parameters]


def step_of_a_model(x, y, W1, b1, W2, b2, lr):
    model = nb.nn.mlp([2, len(b1), 1], activation="tanh", dtype=np.float64)
    model.theta[:] = np.concatenate([w.ravel() for w in (W1, b1, W2, b2)])
    nb.nn.MSELoss()(model(x), y).backward()
    nb.optim.SGD(lr=lr).step(model)
    ends = np.cumsum([w.size for w in (W1, b1, W2)])
    parts = np.split(model.theta, ends)
    return tuple(part.reshape(w.shape) for part, w in zip(parts, (W1, b1, W2, b2), strict=True))


def shared_in_one_product(x, a1, dz1, dz2):
    return np.concatenate([dz1, dz2]).T @ np.concatenate([x, a1])


def shared_by_einsum(x, a1, dz1, dz2):
    return np.einsum("lno,lni->oi", np.stack([dz1, dz2]), np.stack([x, a1]))


def shared_by_outer_products(x, a1, dz1, dz2):
    pairs = [*zip(dz1, x, strict=True), *zip(dz2, a1, strict=True)]
    return sum(np.outer(delta, came_in) for delta, came_in in pairs)


def differences_along_unit_vectors(f, w, eps):
    return np.array([(f(w + eps * e) - f(w - eps * e)) / (2 * eps) for e in np.eye(len(w))])


def differences_put_back(f, w, eps):
    slopes = []
    for i in range(len(w)):
        old = w[i]
        w[i] = old + eps
        up = f(w)
        w[i] = old - eps
        down = f(w)
        w[i] = old
        slopes.append((up - down) / eps / 2)
    return slopes


def differences_in_place(f, w, eps):
    slopes = np.empty(w.shape)
    for i, _ in enumerate(w):
        w[i] += eps
        slopes[i] = f(w) / (2 * eps)
        w[i] -= 2 * eps
        slopes[i] -= f(w) / (2 * eps)
        w[i] += eps
    return slopes


OTHERS = {
    "with-a-pencil": (
        [[8, 16], [0, 0]],
        ((8.0, 16.0), (0.0, -0.0)),
        np.outer([8, 0], [1, 2]),
        nb.Tensor([[8.0, 16.0], [0.0, 0.0]]),
    ),
    "output-delta": (delta_sample_by_sample, delta_by_nbprop, delta_turned_about),
    "weight-gradient": (
        weights_by_einsum,
        weights_sample_by_sample,
        weights_with_a_column_of_ones,
        weights_by_nbprop,
    ),
    "delta-recursion": (hidden_by_einsum, hidden_in_columns, hidden_in_loops, hidden_by_nbprop),
    "backward-pass": (backward_sample_by_sample, backward_in_columns, backward_by_nbprop),
    "train-step": (step_in_place, step_by_an_optimizer, step_of_a_model),
    "used-twice": (shared_in_one_product, shared_by_einsum, shared_by_outer_products),
    "central-differences": (differences_along_unit_vectors, differences_put_back, differences_in_place),
}
