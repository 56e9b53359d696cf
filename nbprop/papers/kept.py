"""What came out of each card, kept in results.json: the numbers of each seed, and the settings that they are of."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from .card import Card, Outcome

FILE = Path(__file__).with_name("results.json")


@cache
def read() -> "dict[str, Any]":
    """Key of a card -> {"settings", "seeds", "numbers", "seconds"}."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def outcome(card: Card) -> "Outcome | None":
    """Of a card; None where nothing is kept, or it is of other settings."""
    found = read().get(card.key)
    if found is None or found["settings"] != settings(card):
        return None
    return Outcome(card, tuple(found["seeds"]), tuple(found["numbers"]), found["seconds"])


def settings(card: Card) -> "list[list[str]]":
    """As they are kept."""
    return [[name, *row] for name, row in zip(card.settings, card.rows(), strict=True)]


def write(made: Outcome) -> None:
    """Keep what came out, without curves."""
    numbers = [
        {name: _short(value) for name, value in each.items() if not isinstance(value, list)} for each in made.numbers
    ]
    entry = {"settings": settings(made.card), "seeds": list(made.seeds), "numbers": numbers}
    read.cache_clear()
    every = {**read(), made.card.key: {**entry, "seconds": round(made.seconds)}}
    parts = [f"{json.dumps(key)}: {_lines(every[key])}" for key in sorted(every)]
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    read.cache_clear()


def _short(value):
    return value if isinstance(value, int) else float(f"{float(value):.5g}")


def _lines(entry):
    """A line for each seed, so that a change is seen where it is."""
    numbers = ",\n  ".join(json.dumps(each) for each in entry["numbers"])
    rest = ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in entry.items() if name != "numbers")
    return f'{{{rest}, "numbers": [\n  {numbers}]}}'
