"""Sentences that praise and blame: single words as humans have rated them, put together by a rule.

The ratings are those of VADER, in the file that comes with the package vaderSentiment, which is read and not imported.
The rule, and no human, says what a sentence is worth:

- a word is worth the mean of its ten ratings, from -4 to 4;
- slightly, really, very, extraordinarily in front multiply it by 0.5, 1.15, 1.25, 1.5;
- "not" in front of that multiplies by -0.74, and so does "nobody thinks" at the beginning, all up to "and" or "but";
- "and" adds the two; "but" takes half of what is before it and one and a half times what is behind it.

Sources: C. Hutto, E. Gilbert, VADER, ICWSM 2014 (ratings; -0.74, 0.5 and 1.5 are in the code of its version 3.3.2);
M. Taboada and others, Lexicon-based methods for sentiment analysis, Computational Linguistics 37 (2011), section 2.3
(the four factors).
"""

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from nbprop.checks import choice, share, whole
from nbprop.data.dataset import Dataset
from nbprop.data.gate import from_arrays
from nbprop.data.sequences import pad

NOTHING = "·"  # token 0: behind the end of a sentence
SUBJECTS = ("film", "plot", "music", "cast", "ending", "book")
INTENSIFIERS = {"slightly": 0.5, "really": 1.15, "very": 1.25, "extraordinarily": 1.5}
NEGATION, BEFORE_BUT, BEHIND_BUT = -0.74, 0.5, 1.5
GOOD = (
    "good", "great", "excellent", "superb", "brilliant", "charming", "lovely", "clever", "funny", "delightful",
    "beautiful", "wonderful", "impressive", "exciting", "nice", "elegant",
)  # fmt: skip
BAD = (
    "bad", "awful", "terrible", "boring", "dull", "stupid", "weak", "horrible", "disappointing", "ugly", "annoying",
    "dreadful", "lame", "poor", "lousy", "ridiculous",
)  # fmt: skip
NEGATORS, OPENING = ("not",), ("nobody", "thinks")
WORDS = (NOTHING, *OPENING, "the", *SUBJECTS, "was", *NEGATORS, *INTENSIFIERS, "and", "but", *GOOD, *BAD)
UNDECIDED = 0.25  # a sentence that is worth less than this, up or down, is not in the data


class Valence(NamedTuple):
    """What people have said of a word: `mean` of the ratings, their `spread` (standard deviation), and `ratings` (10,),
    from -4 (extremely negative) to 4 (extremely positive)."""

    mean: float
    spread: float
    ratings: tuple[int, ...]


@cache
def valences() -> Mapping[str, Valence]:
    """Word -> Valence, of the 7,500 words and signs that ten people each have rated for VADER; to be read only.

    Raises ImportError where the package vaderSentiment is not installed: its file is read, nothing is downloaded.
    """
    spec = find_spec("vaderSentiment")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "valences: expected the package vaderSentiment, whose file of words that people have rated is read; "
            'try pip install "nbprop[tutorials]"'
        )
    text = (Path(spec.submodule_search_locations[0]) / "vader_lexicon.txt").read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        word, mean, spread, ratings = line.split("\t")[:4]
        found[word] = Valence(float(mean), float(spread), tuple(map(int, ratings.strip("[] ").split(","))))
    return MappingProxyType(found)


def worth(sentence: str) -> float:
    """What the rule says a sentence is worth: above 0 it praises. Words as in the data set `sentiment`, between spaces.

    Raises ValueError for a word that is none of them, and for a sentence that praises and blames nothing.
    """
    if not isinstance(sentence, str):
        raise TypeError(f"worth: expected a text such as 'the film was not good', got {sentence!r}")
    words = sentence.lower().split()
    if unknown := [word for word in words if word not in WORDS[1:]]:
        raise ValueError(f"worth: expected words out of {' '.join(WORDS[1:])}; got {unknown[0]!r}")
    if not {*GOOD, *BAD} & {*words}:
        raise ValueError(f"worth: expected an adjective, such as {GOOD[0]} or {BAD[0]}, in {sentence!r}")
    total, before, factor = 0.0, 1.0, 1.0
    for word in words:
        if word == OPENING[0] or word in NEGATORS:
            factor *= NEGATION
        elif word in INTENSIFIERS:
            factor *= INTENSIFIERS[word]
        elif word in ("and", "but"):
            before, factor = (BEHIND_BUT, 1.0) if word == "but" else (before, 1.0)
            total *= BEFORE_BUT if word == "but" else 1
        elif word in GOOD or word in BAD:
            total += before * factor * valences()[word].mean
    return total


def sentiment(held_out: str = "sentences", samples: int = 3000, validation: float = 0.25, seed: int = 0) -> Dataset:
    """Sentences such as "the film was not very good but charming", and whether they blame or praise by the rule above.
    Binary, tokens (n, T) of a vocabulary of words, filled up at the end with token 0, "·".

    held_out: what the validation sentences have that those to learn from have not. "sentences": they are other ones.
        "combinations": in every one of them an adjective is negated that is never negated where it is learned from, and
        which is one of a quarter of all, four good and four bad ones, drawn by the seed.
    samples: of both kinds together, at least 20, all different.  validation: the share of them, between 0 and 1.
    seed: the same seed gives the same numbers.
    Raises ImportError where vaderSentiment is not installed.
    """
    held_out, samples = choice("sentences", "combinations")("held_out", held_out), whole(20, 20000)("samples", samples)
    held = round(samples * share("validation", validation))
    if not 0 < held < samples:
        raise ValueError(f"validation: expected a share that leaves sentences of both kinds, got {validation}")
    rng = np.random.default_rng([whole()("seed", seed), 3])
    rare = {*rng.choice(GOOD, 4, False), *rng.choice(BAD, 4, False)} if held_out == "combinations" else set()
    sets: tuple[list[Any], list[Any]] = [], []  # to learn from, to validate
    wanted, seen = (samples - held, held), set()
    while any(len(found) < count for found, count in zip(sets, wanted, strict=True)):
        words, negated = _sentence(rng)
        sentence = " ".join(words)
        if sentence in seen or abs(worth(sentence)) < UNDECIDED:
            continue
        which = bool(rare & negated) if rare else len(sets[0]) == wanted[0]
        if len(sets[which]) < wanted[which]:
            seen.add(sentence)
            sets[which].append(sentence)
    number = {word: i for i, word in enumerate(WORDS)}
    X, _ = pad([[number[word] for word in sentence.split()] for each in sets for sentence in each])
    y = np.array([int(worth(sentence) > 0) for each in sets for sentence in each])
    n = wanted[0]
    return from_arrays(
        X[:n], y[:n], X[n:], y[n:], task="binary", classes=("blames", "praises"), vocabulary=WORDS, name="sentiment"
    )


def _sentence(rng):
    """Its words, and the adjectives in it that stand behind "not" or below "nobody thinks"."""
    opening = rng.random() < 0.25
    words = [*(OPENING if opening else ()), "the", str(rng.choice(SUBJECTS)), "was"]
    clauses = 2 if rng.random() < 0.6 else 1
    negated = set()
    for k, adjective in enumerate(rng.permutation([*GOOD, *BAD])[:clauses]):
        if k:
            words.append(str(rng.choice(["and", "but"])))
        not_ = rng.random() < 0.4
        words += [*(NEGATORS if not_ else ()), *([str(rng.choice([*INTENSIFIERS]))] if rng.random() < 0.4 else [])]
        words.append(str(adjective))
        if not_ or (opening and k == 0):
            negated.add(str(adjective))
    return words, negated
