"""Classics as cards: an experiment of a paper with its settings and criterion, what was published, and what comes out.

    nb.papers                              the table
    nb.papers["he-2015"]                   a card: settings there and here, criterion
    nb.papers["he-2015"].run(seeds=3)      makes it; in a notebook with its picture

Each card takes less than two minutes on one core. docs/papers.md is the table with all settings; `pytest --papers`
makes every card anew and compares.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from nbprop.checks import did_you_mean

from .card import Card, Outcome, Setting, Verdict, html_table

__all__ = ["Card", "Outcome", "Setting", "Verdict"]

FILES = (  # in the order of the years
    *("rumelhart_1986", "lecun", "williams_1990", "hochreiter_1997", "glorot_2010", "pascanu_2013", "saxe_2014"),
    *("srivastava_2014", "he_2015", "ioffe_2015", "kingma_2015", "cohen_2021"),
)
CARDS: "dict[str, Card]" = {card.key: card for name in FILES for card in import_module(f".{name}", __name__).CARDS}
COLUMNS = ("card", "claim", "published", "ours", "passed")


def rows() -> "list[tuple[str, str, str, str, str]]":
    """A row for each card, out of what is kept: key, claim, published, ours, passed (or why not)."""
    found = []
    for card in CARDS.values():
        kept = card.kept
        ours = (f"{kept.verdict.ours}", _passed(kept.verdict)) if kept else ("not made yet", "?")
        found.append((card.key, card.claim, card.published, *ours))
    return found


def _passed(verdict):
    return "yes" if verdict.passed else f"no: {verdict.why}"


class Papers(ModuleType):
    """The module, which is also the table: key -> Card."""

    def __getitem__(self, key: str) -> Card:
        if key not in CARDS:
            raise KeyError(f"no paper card {key!r}{did_you_mean(key, CARDS)} There are {', '.join(CARDS)}")
        return CARDS[key]

    def __iter__(self) -> Iterator[str]:
        return iter(CARDS)

    def __len__(self) -> int:
        return len(CARDS)

    def __contains__(self, key: object) -> bool:
        return key in CARDS

    def keys(self):
        return CARDS.keys()

    def values(self):
        return CARDS.values()

    def items(self):
        return CARDS.items()

    def __repr__(self) -> str:
        wide = max(map(len, CARDS))
        return "\n".join(f"{key:{wide}}  {passed.partition(':')[0]:3}  {claim}" for key, claim, _, _, passed in rows())

    def _repr_html_(self) -> str:
        return html_table(COLUMNS, rows())


sys.modules[__name__].__class__ = Papers
