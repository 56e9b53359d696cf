"""Classics as cards: an experiment of a paper with its settings and criterion, what was published, and what comes out.

    nb.papers.cards                              the table
    nb.papers.cards["he-2015"]                   a card: settings there and here, criterion
    nb.papers.cards["he-2015"].run(seeds=3)      makes it; in a notebook with its picture

Each card takes less than two minutes on one core. docs/papers.md is the table with all settings; `pytest --papers`
makes every card anew and compares.
"""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module

from nbprop.checks import did_you_mean

from .card import Card, Outcome, Setting, Verdict, html_table

__all__ = ["Card", "Cards", "Outcome", "Setting", "Verdict", "cards"]

FILES = (  # in the order of the years
    *("rumelhart_1986", "lecun", "williams_1990", "hochreiter_1997", "glorot_2010", "pascanu_2013", "saxe_2014"),
    *("srivastava_2014", "he_2015", "ioffe_2015", "kingma_2015", "cohen_2021"),
)
COLUMNS = ("card", "claim", "published", "ours", "passed")


class Cards(Mapping[str, Card]):
    """Key -> Card, in the order of the years. Shown, it is the table. KeyError, with the keys, for one there is not."""

    def __init__(self, cards: "Iterable[Card]") -> None:
        self._cards = {card.key: card for card in cards}

    def __getitem__(self, key: str) -> Card:
        if key not in self._cards:
            raise KeyError(f"no paper card {key!r}; there are {', '.join(self._cards)}{did_you_mean(key, self._cards)}")
        return self._cards[key]

    def __iter__(self) -> "Iterator[str]":
        return iter(self._cards)

    def __len__(self) -> int:
        return len(self._cards)

    def rows(self) -> "list[tuple[str, str, str, str, str]]":
        """A row for each card, out of what is kept: key, claim, published, ours, passed (or why not)."""
        found = []
        for card in self.values():
            kept = card.kept
            ours = (kept.verdict.ours, _passed(kept.verdict)) if kept else ("not made yet", "?")
            found.append((card.key, card.claim, card.published, *ours))
        return found

    def __repr__(self) -> str:
        wide = max(map(len, self))
        return "\n".join(f"{key:{wide}}  {yes.partition(':')[0]:3}  {claim}" for key, claim, _, _, yes in self.rows())

    def _repr_html_(self) -> str:
        return html_table(COLUMNS, self.rows())


def _passed(verdict):
    return "yes" if verdict.passed else f"no: {verdict.why}"


cards = Cards(card for name in FILES for card in import_module(f".{name}", __name__).CARDS)
