"""Other right answers to the exercises of notebook 17."""

import functools
import itertools

import numpy as np

import nbprop as nb


def frames_by_starts(n, window, hop):
    return len(np.arange(0, n - window + 1, hop))


def frames_by_view(n, window, hop):
    return len(np.lib.stride_tricks.sliding_window_view(np.zeros(n), window)[::hop])


def frames_in_a_loop(n, window, hop):
    count, start = 0, 0
    while start + window <= n:
        count, start = count + 1, start + hop
    return count


def collapse_by_groups(path):
    return [k for k, _ in itertools.groupby(path) if k != 0]


def collapse_by_neighbours(path):
    return [k for k, before in zip(path, [0, *path], strict=False) if k and k != before]


def collapse_with_arrays(path):
    path = np.array(path)
    merged = path[np.append(True, path[1:] != path[:-1])]
    return merged[merged != 0]


def fewest_by_loop(labels):
    count, before = 0, None
    for label in labels:
        count += 1 if label != before else 2
        before = label
    return count


def fewest_with_arrays(labels):
    labels = np.array(labels)
    return labels.size + np.count_nonzero(labels[1:] == labels[:-1])


def fewest_by_groups(labels):
    return sum(2 * len(list(run)) - 1 for _, run in itertools.groupby(labels))


def probability_by_all_paths(p, labels):
    total = 0.0
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        if collapse_by_groups(path) == list(labels):
            total += np.prod([p[t, k] for t, k in enumerate(path)])
    return total


def probability_by_the_op(p, labels):
    loss = nb.nn.CTCLoss(reduction="sum")(np.log(p)[:, None], np.array([labels]))
    return float(np.exp(-loss.data))


def probability_by_a_matrix(p, labels):
    states = [0]
    for label in labels:
        states += [label, 0]
    steps = np.eye(len(states)) + np.eye(len(states), k=1)
    for s in range(2, len(states)):
        steps[s - 2, s] = states[s] != 0 and states[s] != states[s - 2]
    a = np.zeros(len(states))
    a[:2] = p[0, states[:2]]
    for row in p[1:]:
        a = (a @ steps) * row[states]
    return a[-2:].sum()


def gradient_with_add_at(p, shares, labels):
    states = np.zeros(2 * len(labels) + 1, int)
    states[1::2] = labels
    dz = p.T.copy()
    np.subtract.at(dz, states, shares.T)
    return dz.T


def gradient_by_one_hot(p, shares, labels):
    states = [0, *(each for label in labels for each in (label, 0))]
    return p - shares @ np.eye(p.shape[1])[states]


def gradient_by_classes(p, shares, labels):
    states = np.array([0, *(each for label in labels for each in (label, 0))])
    return np.stack([p[:, k] - shares[:, states == k].sum(axis=1) for k in range(p.shape[1])], axis=1)


def distance_by_recursion(said, true):
    @functools.cache
    def d(i, j):
        if i == 0 or j == 0:
            return i + j
        return min(d(i - 1, j) + 1, d(i, j - 1) + 1, d(i - 1, j - 1) + (said[i - 1] != true[j - 1]))

    return d(len(said), len(true))


def distance_row_by_row(said, true):
    row = list(range(len(true) + 1))
    for i, one in enumerate(said):
        corner, row[0] = row[0], i + 1
        for j, other in enumerate(true):
            corner, row[j + 1] = row[j + 1], min(row[j + 1] + 1, row[j] + 1, corner + (one != other))
    return row[-1]


def distance_from_the_end(said, true):
    if not said or not true:
        return len(said) + len(true)
    if said[-1] == true[-1]:
        return distance_from_the_end(said[:-1], true[:-1])
    ways = (said[:-1], true), (said, true[:-1]), (said[:-1], true[:-1])
    return 1 + min(distance_from_the_end(*way) for way in ways)


OTHERS = {
    "frames-of-a-sound": (frames_by_starts, frames_by_view, frames_in_a_loop),
    "collapse": (collapse_by_groups, collapse_by_neighbours, collapse_with_arrays),
    "fewest-frames": (fewest_by_loop, fewest_with_arrays, fewest_by_groups),
    "forward-variables": (probability_by_all_paths, probability_by_the_op, probability_by_a_matrix),
    "gradient-of-ctc": (gradient_with_add_at, gradient_by_one_hot, gradient_by_classes),
    "edit-distance": (distance_by_recursion, distance_row_by_row, distance_from_the_end),
}
