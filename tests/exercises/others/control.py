"""Other right answers to the exercises of notebook 20."""

import numpy as np

import nbprop as nb


def score_row_by_row(z, action):
    found = []
    for row, a in zip(z, action, strict=True):
        p = np.exp(row) / np.exp(row).sum()
        found.append([(k == a) - p[k] for k in range(len(row))])
    return found


def score_by_nbprop(z, action):
    return nb.grad(lambda z: z.log_softmax()[np.arange(len(action)), action].sum())(z)


def score_in_place(z, action):
    d = -np.exp(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))
    d[np.arange(len(action)), action] += 1
    return d


def returns_by_a_list(reward, gamma):
    later, found = 0.0, []
    for r in reversed(reward):
        later = r + gamma * later
        found.insert(0, later)
    return found


def returns_by_a_matrix(reward, gamma):
    t = np.arange(len(reward))
    ahead = t[None, :] - t[:, None]
    return np.where(ahead >= 0, gamma ** np.maximum(ahead, 0), 0) @ reward


def returns_by_recursion(reward, gamma):
    if len(reward) == 1:
        return [reward[0]]
    rest = returns_by_recursion(reward[1:], gamma)
    return [reward[0] + gamma * rest[0], *rest]


def baseline_by_average(score, value):
    return np.average(value, weights=score**2)


def baseline_by_projection(score, value):
    return np.dot(score, score * value) / np.dot(score, score)


def baseline_by_polynomial(score, value):
    a, b = (score**2).mean(), -2 * (score**2 * value).mean()
    return -b / (2 * a)


def jacobian_from_the_hand(angles, lengths):
    direction = np.cumsum(angles)
    parts = np.stack([lengths * np.cos(direction), lengths * np.sin(direction)])
    reach = np.cumsum(parts[:, ::-1], axis=1)[:, ::-1]  # from joint k to the hand
    return np.stack([-reach[1], reach[0]])


def jacobian_by_nbprop(angles, lengths):
    def hand(q):
        return nb.engine.stack([(q.cumsum().cos() * lengths).sum(), (q.cumsum().sin() * lengths).sum()])

    rows = []
    for k in range(2):
        q = nb.Tensor(angles, requires_grad=True)
        hand(q)[k].backward()
        rows.append(q.grad)
    return rows


def jacobian_by_complex_numbers(angles, lengths):
    parts = lengths * np.exp(1j * np.cumsum(angles))
    turned = [1j * parts[k:].sum() for k in range(len(parts))]
    return np.array([np.real(turned), np.imag(turned)])


def miss_in_a_straight_line(r, first, second):
    return abs(r - (first + second))


def miss_by_the_hand(r, first, second):
    hand = np.array([first + second, 0.0])
    return np.hypot(*(hand - [r, 0.0]))


def miss_of_the_two(r, first, second):
    return float(np.sum([first, second]) - r)


def score_gradient_by_density(value, eps, sigma):
    x = sigma * eps
    return [np.mean(value * x / sigma**2), np.mean(value * (x**2 / sigma**3 - 1 / sigma))]


def score_gradient_by_products(value, eps, sigma):
    n = len(eps)
    return np.array([value @ eps, value @ (eps**2) - value.sum()]) / (n * sigma)


def score_gradient_stacked(value, eps, sigma):
    return (np.stack([eps, eps * eps - 1]) * value).mean(axis=1) / sigma


def path_by_products(slope, eps):
    return np.array([slope @ np.ones_like(eps), slope @ eps]) / len(eps)


def path_stacked(slope, eps):
    return np.stack([slope, slope * eps]).mean(axis=1)


def path_by_a_list(slope, eps):
    return [sum(slope) / len(slope), sum(s * e for s, e in zip(slope, eps, strict=True)) / len(eps)]


def bias_as_derived(p, t):
    return (2 * (p - t) - (1 - 2 * t)) * p * (1 - p)


def bias_by_both_bits(p, t):
    said = p * 2 * (1 - t) - (1 - p) * 2 * t
    true = (1 - t) ** 2 - t**2
    return p * (1 - p) * (said - true)


def bias_expanded(p, t):
    return -2 * p**3 + 3 * p**2 - p


OTHERS = {
    "score-of-a-policy": (score_row_by_row, score_by_nbprop, score_in_place),
    "returns-to-go": (returns_by_a_list, returns_by_a_matrix, returns_by_recursion),
    "best-baseline": (baseline_by_average, baseline_by_projection, baseline_by_polynomial),
    "jacobian-of-an-arm": (jacobian_from_the_hand, jacobian_by_nbprop, jacobian_by_complex_numbers),
    "between-two-elbows": (miss_in_a_straight_line, miss_by_the_hand, miss_of_the_two),
    "score-function-gradient": (score_gradient_by_density, score_gradient_by_products, score_gradient_stacked),
    "pathwise-gradient": (path_by_products, path_stacked, path_by_a_list),
    "straight-through-bias": (bias_as_derived, bias_by_both_bits, bias_expanded),
}
