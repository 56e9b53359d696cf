"""Other right answers to the exercises of notebook 07."""

import numpy as np

import nbprop as nb


def decay_by_shrinking(w, gradient, lr, decay):
    return (1 - lr * decay) * w - lr * gradient


def decay_in_two_steps(w, gradient, lr, decay):
    gradient += decay * w
    w -= lr * gradient
    return w


def decay_by_an_optimizer(w, gradient, lr, decay):
    nb.optim.SGD(lr=lr, weight_decay=decay).update(w, gradient)
    return w


def adamw_in_two_steps(w, gradient, lr, decay):
    w = w - lr * decay * w
    return np.where(gradient > 0, w - lr, w + lr)


def adamw_by_dividing(w, gradient, lr, decay):
    return w - lr * (gradient / np.abs(gradient) + decay * w)


def adamw_by_an_optimizer(w, gradient, lr, decay):
    nb.optim.AdamW(lr=lr, weight_decay=decay).update(w, gradient)
    return w


def l1_by_dividing(w, strength):
    return strength * w / np.abs(w)


def l1_by_cases(w, strength):
    return np.where(w < 0, -strength, strength)


def l1_in_loops(w, strength):
    return [[strength if each > 0 else -strength for each in row] for row in w]


def l1_by_nbprop(w, strength):
    return nb.grad(lambda w: strength * w.abs().sum())(w)


def mask_by_cases(dy, kept, p):
    return np.where(kept == 1, dy / (1 - p), 0)


def mask_in_place(dy, kept, p):
    dy[kept == 0] = 0
    dy /= 1 - p
    return dy


def mask_by_einsum(dy, kept, p):
    return np.einsum("ij,ij,->ij", dy, kept, 1 / (1 - p))


def stopping_with_a_counter(losses, patience):
    lowest, taken, waited = float("inf"), None, 0
    for now, loss in enumerate(losses):
        if loss < lowest:
            lowest, taken, waited = loss, now, 0
        else:
            waited += 1
            if waited == patience:
                break
    return now, taken


def stopping_by_argmin(losses, patience):
    for now in range(len(losses)):
        best = int(np.argmin(losses[: now + 1]))
        if now == best + patience:
            return [now, best]
    return [now, best]


def stopping_by_all_minima(losses, patience):
    best = np.array([np.argmin(losses[: now + 1]) for now in range(len(losses))])
    late = np.flatnonzero(np.arange(len(losses)) - best >= patience)
    now = late[0] if len(late) else len(losses) - 1
    return np.array([now, best[now]])


OTHERS = {
    "weight-decay": (decay_by_shrinking, decay_in_two_steps, decay_by_an_optimizer),
    "decay-without-detour": (adamw_in_two_steps, adamw_by_dividing, adamw_by_an_optimizer),
    "pull-of-l1": (l1_by_dividing, l1_by_cases, l1_in_loops, l1_by_nbprop),
    "through-the-mask": (mask_by_cases, mask_in_place, mask_by_einsum),
    "patience": (stopping_with_a_counter, stopping_by_argmin, stopping_by_all_minima),
}
WRONG = {
    "patience": (
        lambda losses, patience: stopping_with_a_counter(losses, 3),
        lambda losses, patience: stopping_with_a_counter(losses[:-1], patience),
        lambda losses, patience: stopping_with_a_counter(losses + 1e-9 * np.arange(len(losses))[::-1], patience),
    ),
}
