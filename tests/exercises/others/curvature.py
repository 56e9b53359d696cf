"""Other right answers to the exercises of notebook 15."""

import numpy as np

import nbprop as nb


def steepest_by_the_inverse(g, P):
    inverse = np.linalg.inv(P)
    return -(inverse @ g) / np.sqrt(g @ inverse @ g)


def steepest_by_axes(g, P):
    curvatures, axes = np.linalg.eigh(P)
    d = axes @ (axes.T @ g / curvatures)
    return -d / (d @ P @ d) ** 0.5


def steepest_by_whitening(g, P):
    C = np.linalg.cholesky(P)
    u = np.linalg.inv(C) @ g
    return list(-np.linalg.inv(C).T @ u / np.linalg.norm(u))


def best_by_the_ends(curvatures):
    ordered = sorted(curvatures)
    lr = 1 / ((ordered[0] + ordered[-1]) / 2)
    return lr, 1 - lr * ordered[0]


def best_by_kappa(curvatures):
    kappa = np.max(curvatures) / np.min(curvatures)
    return 2 / (np.min(curvatures) * (1 + kappa)), (kappa - 1) / (kappa + 1)


def best_by_the_slowest(curvatures):
    lr = 2 / (curvatures.min() + curvatures.max())
    return [lr, np.abs(1 - lr * curvatures).max()]


def root_by_numpy(lr, mu, a):
    return np.array([max(abs(np.roots([1, -(1 + mu - lr * each), mu]))) for each in a])


def root_by_cases(lr, mu, a):
    found = []
    for each in a:
        b = 1 + mu - lr * each
        under = b * b - 4 * mu
        found.append(mu**0.5 if under < 0 else (abs(b) + under**0.5) / 2)
    return found


def root_of_the_step(lr, mu, a):
    steps = np.zeros((len(a), 2, 2))
    steps[:, 0, 0], steps[:, 0, 1], steps[:, 1, 0], steps[:, 1, 1] = mu, a, -lr * mu, 1 - lr * a
    return np.abs(np.linalg.eigvals(steps)).max(axis=1)


def hvp_by_the_slope(gradient, theta, v, eps):
    def along(t):
        return gradient(theta + t * v)

    return np.gradient([along(t) for t in (-eps, 0, eps)], eps, axis=0)[1]


def hvp_in_two_halves(gradient, theta, v, eps):
    step, here = eps * v, gradient(theta)
    return ((gradient(theta + step) - here) / eps + (here - gradient(theta - step)) / eps) / 2


def hvp_of_the_longer_step(gradient, theta, v, eps):
    w = 2 * eps * v
    return (gradient(theta + w / 2) - gradient(theta - w / 2)) / (2 * eps)


def power_at_the_end(product, v, steps):
    w = v / np.linalg.norm(v)
    for _ in range(steps):
        w = product(w)
        w /= np.sqrt((w * w).sum())
    return (w * product(w)).sum()


def power_without_shortening(product, v, steps):
    for _ in range(steps):
        v = product(v)
    return v @ product(v) / (v @ v)


def power_by_recursion(product, v, steps):
    if steps == 0:
        return nb.Tensor(v @ product(v))
    w = product(v)
    return power_by_recursion(product, w / np.linalg.norm(w), steps - 1)


def scale_by_the_slope(small, b, large, B):
    noise, signal = np.polyfit([1 / b, 1 / B], [small, large], 1)
    return noise / signal


def scale_in_one_formula(small, b, large, B):
    return b * B * (small - large) / (B * large - b * small)


def scale_from_the_signal(small, b, large, B):
    signal = (b * small - B * large) / (b - B)
    return b * (small - signal) / signal


def gauss_by_the_inverse(J, r, damping):
    return -np.linalg.inv(J.T.dot(J) + np.diag([damping] * J.shape[1])).dot(J.T).dot(r)


def gauss_by_singular_values(J, r, damping):
    U, s, V = np.linalg.svd(J, full_matrices=False)
    return -V.T @ (s / (s**2 + damping) * (U.T @ r))


def gauss_in_the_space_of_residuals(J, r, damping):
    return -J.T @ np.linalg.solve(J @ J.T + damping * np.eye(len(J)), r)


OTHERS = {
    "steepest-direction": (steepest_by_the_inverse, steepest_by_axes, steepest_by_whitening),
    "best-rate": (best_by_the_ends, best_by_kappa, best_by_the_slowest),
    "momentum-mode": (root_by_numpy, root_by_cases, root_of_the_step),
    "hessian-vector-product": (hvp_by_the_slope, hvp_in_two_halves, hvp_of_the_longer_step),
    "power-iteration": (power_at_the_end, power_without_shortening, power_by_recursion),
    "edge-with-momentum": (76, 2 * 1.9 / 0.05, [76.0], np.float32(76)),
    "noise-scale": (scale_by_the_slope, scale_in_one_formula, scale_from_the_signal),
    "gauss-newton-step": (gauss_by_the_inverse, gauss_by_singular_values, gauss_in_the_space_of_residuals),
}
