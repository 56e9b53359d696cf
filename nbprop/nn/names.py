"""Finding things by name."""

from difflib import get_close_matches


def lookup(kind, name, known, aliases=()):
    """`known[name]`; case does not matter, nor "-" or " " for "_". ValueError, with the nearest name, if not there."""
    key = str(name).lower().replace("-", "_").replace(" ", "_")
    key = dict(aliases).get(key, key)
    if isinstance(name, str) and key in known:
        return known[key]
    near = get_close_matches(key, [*known, *dict(aliases)], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"unknown {kind} {name!r}: {hint}Known: {', '.join(known)}")
