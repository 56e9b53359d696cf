"""Adding, temporal order and the Reber grammar: made by the papers' rules, the same by seed, trained on, rewound."""

import warnings

import numpy as np
import pytest

import nbprop as nb
from nbprop.data.grammar import LETTERS


def both(data):
    return np.concatenate([data.X_train, data.X_val]), np.concatenate([data.y_train, data.y_val])


def one(x):
    """A sequence without what it was filled up with in front."""
    return x[np.flatnonzero(x.any(axis=1))[0] :]


@pytest.mark.parametrize("T", [8, 9, 30, 100])
def test_adding_is_by_the_rules_of_the_paper(T):
    X, y = both(nb.data.adding(T=T, samples=2000, seed=3))
    assert X.shape == (2000, T + round(T / 10), 2) and y.shape == (2000, 1)
    lengths, firsts, lasts = set(), [], []
    for x, answer in zip(X, y, strict=True):
        x = one(x)
        lengths.add(len(x))
        assert x[0, 1] == x[-1, 1] == -1 and (np.abs(x[:, 0]) <= 1).all()
        marked = np.flatnonzero(x[:, 1] == 1)
        assert (x[1:-1, 1] >= 0).all() and len(marked) in (1, 2)  # one: the other is the first step, and counts as 0
        assert marked.max() < T // 2 and (marked.min() < 10 or len(marked) == 1)
        assert answer[0] == pytest.approx(0.5 + x[marked, 0].sum() / 4, abs=1e-6)
        firsts.append(marked.min())
        lasts.append(marked.max())
    assert lengths == set(range(T, T + round(T / 10) + 1))
    assert min(firsts) == 1 and max(lasts) == T // 2 - 1  # all places that there are
    if T >= 30:  # the shorter, the more often the first step is one of the two, which counts as 0
        assert np.mean((y - 0.5) ** 2) == pytest.approx(1 / 24, rel=0.15)


def test_all_may_have_one_length():
    X, _ = both(nb.data.adding(T=20, samples=50, longer=0))
    assert X.shape == (50, 20, 2) and (X[:, 0, 1] == -1).all()
    X, _ = both(nb.data.temporal_order(T=20, samples=50, longer=0))
    assert X.shape == (50, 20, 8)


@pytest.mark.parametrize(("T", "symbols"), [(10, 2), (12, 3), (100, 2), (100, 3)])
def test_temporal_order_is_by_the_rules_of_the_paper(T, symbols):
    data = nb.data.temporal_order(T=T, symbols=symbols, samples=3000)
    X, y = both(data)
    assert data.features == tuple("abcdXYEB") and len(data.classes) == 2**symbols and data.task == "multiclass"
    places = []
    for x, answer in zip(X, y, strict=True):
        text = "".join(data.features[k] for k in one(x).argmax(axis=1))
        assert text[0] == "E" and text[-1] == "B" and not set("EB") & set(text[1:-1])
        where = [i for i, letter in enumerate(text) if letter in "XY"]
        assert "".join(text[i] for i in where) == data.classes[answer]
        places.append(where)
    ranges = {2: [(0.1, 0.2), (0.5, 0.6)], 3: [(0.1, 0.2), (1 / 3, 1 / 3 + 0.1), (2 / 3, 2 / 3 + 0.1)]}[symbols]
    if T == 100:
        for (low, high), found in zip(ranges, np.array(places).T, strict=True):
            assert (found.min(), found.max()) == (int(100 * low + 1e-9), int(100 * high + 1e-9))
    assert set(y) == set(range(2**symbols))


KNOWN = ("BTXSE", "BPVVE", "BTSSXXTVVE", "BTXXVPSE", "BPVPXVPXVPXVVE", "BTSXXVPSE")


@pytest.mark.parametrize("text", KNOWN)
def test_strings_of_the_grammar(text):
    following = nb.data.reber_following(text, embedded=False)
    assert following[-1] == "" and all(b in allowed for b, allowed in zip(text[1:], following, strict=False))
    for c in "TP":
        assert nb.data.reber_following(f"B{c}{text}{c}E")[-2:] == ["E", ""]


@pytest.mark.parametrize(
    ("text", "says"),
    [("BTBTXSEPE", "expected T after 'BTBTXSE', got 'P'"), ("BTX", "expected B after 'BT', got 'X'"),
     ("T", "expected B after '', got 'T'"), ("BTBTXSETEE", "the string has ended")],
)  # fmt: skip
def test_strings_that_are_not(text, says):
    with pytest.raises(ValueError, match=says):
        nb.data.reber_following(text)


def test_what_may_follow_in_the_shortest_embedded_string():
    expected = ["TP", "B", "TP", "TV", "PV", "E", "P", "E", ""]
    assert nb.data.reber_following("BPBPVVEPE") == expected
    for wrong in ("", 5):
        with pytest.raises(TypeError, match="expected letters"):
            nb.data.reber_following(wrong)


@pytest.mark.parametrize("embedded", [True, False])
def test_reber_says_the_next_letter_and_what_may_be_one(embedded):
    data = nb.data.reber(300, embedded=embedded)
    X, y = both(data)
    assert data.task == "multilabel" and data.classes == data.features == tuple(LETTERS)
    assert len(data.X_train) == len(data.X_val) == 150
    possible = nb.data.reber_possible(X, embedded)
    real = X.any(axis=2)
    assert (possible[y == 1]).all() and (y.sum(axis=2) == real).all() and (possible.any(axis=2) == real).all()
    assert (X[:, 1:][real[:, 1:]] == y[:, :-1][real[:, 1:]]).all()  # what was said is what is read next
    assert real.sum(axis=1).min() == (8 if embedded else 4)
    last = real.sum(axis=1) - 1
    assert (y[np.arange(300), last, LETTERS.index("E")] == 1).all()
    if embedded:  # the second letter is the last but one
        assert (X[:, 1] == X[np.arange(300), last]).all()


def test_each_way_is_as_likely():
    X, _ = both(nb.data.reber(3000, seed=1))
    assert X[:, 1, LETTERS.index("T")].mean() == pytest.approx(0.5, abs=0.03)


def test_distinct_strings():
    X, _ = both(nb.data.reber(200, distinct=True))
    assert len(np.unique(X, axis=0)) == 200
    X, _ = both(nb.data.reber(200))
    assert len(np.unique(X, axis=0)) < 200


def test_more_distinct_strings_than_are_drawn_are_refused(monkeypatch):
    monkeypatch.setattr("nbprop.data.grammar.TRIES", 2)
    with pytest.raises(
        ValueError, match=r"all different, than 1,000 draws give, [1-4]\d\d, got 500; try fewer, or dist"
    ):
        nb.data.reber(500, embedded=False, distinct=True)


def test_reber_possible_refuses_what_are_no_letters():
    for wrong in (np.zeros((3, 7)), np.full((1, 2, 7), 0.5), np.ones((1, 2, 7))):
        with pytest.raises(ValueError, match="one-hot"):
            nb.data.reber_possible(wrong)


MAKERS = {
    "adding": lambda seed: nb.data.adding(T=12, samples=60, seed=seed),
    "order": lambda seed: nb.data.temporal_order(T=12, samples=60, seed=seed),
    "reber": lambda seed: nb.data.reber(60, seed=seed),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_seed_gives_the_same_numbers(name):
    a, b, c = (both(MAKERS[name](seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert a[0].shape != c[0].shape or not np.array_equal(a[0], c[0])


class Read(nb.nn.Module):
    def __init__(self, data):
        self.each = len(data.output_shape) > 1
        self.layer = nb.nn.LSTM(data.inputs, 6, batch_first=True, rng=0)
        self.head = nb.nn.Linear(6, data.outputs, rng=0)

    def forward(self, x):
        out, _ = self.layer(x)
        return self.head(out if self.each else out[:, -1])


@pytest.mark.parametrize("name", MAKERS)
def test_a_trainer_takes_them_and_goes_back(name, tmp_path):
    data = MAKERS[name](0)
    trainer = nb.Trainer(Read(data), data, lr=0.01, batch_size=10, seed=0)
    trainer.fit(steps=12, bar=False)
    there = trainer.theta.copy()
    trainer.rewind(5)
    trainer.fit(steps=7, bar=False)
    assert np.array_equal(trainer.theta, there)
    trainer.save(tmp_path / "run.npz")
    again = nb.Trainer.load(tmp_path / "run.npz", model=Read(data), data=MAKERS[name](0))
    assert np.array_equal(again.theta, there)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: nb.data.adding(T=7), "T must"),
        (lambda: nb.data.adding(longer=-1), "longer must"),
        (lambda: nb.data.temporal_order(T=9), "T must"),
        (lambda: nb.data.temporal_order(symbols=4), "symbols must"),
        (lambda: nb.data.reber(3), "samples must"),
        (lambda: nb.data.reber(embedded="yes"), "embedded must"),
    ],
)
def test_errors_say_what_was_expected(make, error):
    with warnings.catch_warnings(), pytest.raises((ValueError, TypeError), match=error):
        make()
