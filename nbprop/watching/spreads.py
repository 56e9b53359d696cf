"""Histograms and the like of a watched loop: made once of each step that is looked into, and a few of them kept."""

import bisect
from typing import Any

MOST = 256  # of each kind; when there are more, every second one goes


class Spreads:
    """What was shown of how numbers are spread."""

    def __init__(self) -> None:
        self._now: dict[Any, tuple[Any, Any]] = {}  # key -> what it is of, and that
        self._kept: dict[Any, list[tuple[int, Any]]] = {}  # key -> (step, that), in their order

    def of(self, key: Any, seen: Any) -> Any:
        """What is known of that observation, or None."""
        whose, found = self._now.get(key, (None, None))
        return found if whose is seen else None

    def keep(self, key: Any, step: int, seen: Any, found: Any) -> Any:
        """Keep what was found of the step."""
        if seen is not None:
            self._now[key] = seen, found
            kept = self._kept.setdefault(key, [])
            kept.append((step, found))
            if len(kept) > MOST:
                del kept[-2:0:-2]
        return found

    def at(self, key: Any, step: int) -> Any:
        """What was found at that step or last before it, or None."""
        kept = self._kept.get(key, [])
        at = bisect.bisect_right([each for each, _ in kept], step)
        return kept[at - 1][1] if at else None

    def truncate(self, step: int) -> None:
        """Forget what came after that step."""
        self._kept = {key: [each for each in kept if each[0] <= step] for key, kept in self._kept.items()}
