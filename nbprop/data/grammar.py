"""The Reber grammar, and the embedded one: strings of seven letters, and what may come next in them.

nb.data.reber_following("BTXS")            # ['TP', 'TP', 'TP', ...]: what may come after each letter

A string of the Reber grammar is a walk through its graph from B to E; where two ways lead on, each is as likely. The
embedded grammar puts one into another: B, then T or P, then a whole Reber string, then *the same* T or P again, and E.
To know which, one has to remember it over the whole inner string.

Source: A. Reber, Journal of Verbal Learning and Verbal Behavior 6 (1967); A. Cleeremans, D. Servan-Schreiber, J.
McClelland, Neural Computation 1 (1989); embedded as in S. Hochreiter, J. Schmidhuber, Neural Computation 9 (1997),
section 5.1, figures 3 and 4.
"""

from typing import Any

import numpy as np

from nbprop.checks import flag, whole
from nbprop.data import checks
from nbprop.data.dataset import Dataset
from nbprop.data.gate import from_arrays
from nbprop.data.sequences import pad

LETTERS = "BTPSXVE"
TRIES = 50  # strings that are drawn, at most, for each that is wanted
INNER: dict[Any, dict[str, Any]] = {  # node -> letter -> the next node
    0: {"B": 1},
    1: {"T": 2, "P": 3},
    2: {"S": 2, "X": 4},
    3: {"T": 3, "V": 5},
    4: {"X": 3, "S": 6},
    5: {"P": 4, "V": 6},
    6: {"E": 7},
    7: {},
}


def _embedded():
    nodes: dict[Any, dict[str, Any]] = {"start": {"B": "choice"}, "choice": {c: (c, 0) for c in "TP"}}
    for c in "TP":
        nodes |= {(c, node): {letter: (c, to) for letter, to in edges.items()} for node, edges in INNER.items()}
        nodes[c, 7] = {c: "last"}
    return {**nodes, "last": {"E": "end"}, "end": {}}


EMBEDDED = _embedded()


def reber(
    samples: int = 512, embedded: bool = True, distinct: bool = False, validation: float = 0.5, seed: int = 0
) -> Dataset:
    """Strings of the (embedded) Reber grammar, whose next letter is to be said: multilabel, X and y (n, T, 7).

    X: the letters B, T, P, S, X, V, E one-hot, without the last one.  y: the letter that follows, one-hot. What comes
    after the end of a string is 0 in both. Which letters *may* follow, of which y is one by lot, says
    `reber_possible(X)`: the paper calls a network right if these are the most active ones at every step of all strings.

    embedded: the embedded grammar (True), or the inner one alone.  distinct: no string twice, so that none of the
    validation strings was trained on; else as the lot has it, as in the paper: short ones come again and again.
    samples, validation, seed: as of the other data sets. The paper has 256 strings to train on and 256 to test.
    """
    samples, rng = whole(10)("samples", samples), np.random.default_rng([whole()("seed", seed), 2])
    embedded, distinct = flag("embedded", embedded), flag("distinct", distinct)
    made: dict[Any, str] = {}
    for _ in range(TRIES * samples):
        if len(made) == samples:
            break
        text = _walk(rng, embedded)
        made.setdefault(text if distinct else len(made), text)
    if len(made) < samples:
        raise ValueError(
            f"samples: expected no more strings, all different, than {TRIES * samples:,} draws give, {len(made):,}, "
            f"got {samples:,}; try fewer, or distinct=False"
        )
    eye = np.eye(7, dtype=np.float32)
    codes = [eye[[LETTERS.index(letter) for letter in text]] for text in made.values()]
    X, y = (pad([code[part] for code in codes]).values for part in (slice(None, -1), slice(1, None)))
    return from_arrays(
        X, y, task="multilabel", validation=validation, seed=seed, name="embedded Reber" if embedded else "Reber",
        classes=tuple(LETTERS), features=tuple(LETTERS),
    )  # fmt: skip


def reber_following(text: str, embedded: bool = True) -> list[str]:
    """The letters that may come after each letter of a beginning of a string, in the order BTPSXVE; "" after the end.

    Raises ValueError that says which letter is not of the grammar: a string is one of it if none is raised and the last
    entry is "".
    """
    if not isinstance(text, str) or not text:
        raise TypeError(f"text: expected letters such as 'BTXSE', got {text!r}")
    nodes, node = _nodes(flag("embedded", embedded))
    found = []
    for i, letter in enumerate(text):
        if letter not in nodes[node]:
            wanted = " or ".join(nodes[node]) or "nothing, for the string has ended"
            raise ValueError(f"text: expected {wanted} after {text[:i]!r}, got {letter!r}")
        node = nodes[node][letter]
        found.append("".join(sorted(nodes[node], key=LETTERS.index)))
    return found


def reber_possible(X: Any, embedded: bool = True) -> np.ndarray:
    """Which letters may follow at each step of X (n, T, 7), one-hot as `reber` gives it: bool (n, T, 7), False once
    it has ended."""
    X = checks.numbers(checks.array(X, "X"), "X")
    if X.ndim != 3 or X.shape[2] != 7 or not np.isin(X, (0, 1)).all() or (X.sum(axis=2) > 1).any():
        raise ValueError(f"X: expected letters one-hot, (n, T, 7), got shape {X.shape}; try data.X_train of reber()")
    found = np.zeros(X.shape, bool)
    for row, codes in zip(found, X, strict=True):
        text = "".join(LETTERS[code.argmax()] for code in codes if code.any())
        for step, letters in enumerate(reber_following(text, embedded) if text else ()):
            row[step, [LETTERS.index(letter) for letter in letters]] = True
    return found


def _nodes(embedded):
    """The graph, and where it begins."""
    return (EMBEDDED, "start") if embedded else (INNER, 0)


def _walk(rng, embedded):
    nodes, node = _nodes(embedded)
    text = ""
    while nodes[node]:
        ways = list(nodes[node].items())
        letter, node = ways[rng.integers(len(ways))] if len(ways) > 1 else ways[0]
        text += letter
    return text
