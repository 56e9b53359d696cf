"""Up to where it was done what pages have asked for: their turns carry numbers, see turns.js."""

from typing import Any

PAGES = 32  # so many are remembered


class Taken:
    """What a page asks for has its id (`view`), what it is about (`name`), and a number that rises with each."""

    def __init__(self) -> None:
        self._pages: dict[str, dict[str, int]] = {}  # page -> what it was about -> number of the last one that was done

    def late(self, content: dict[str, Any]) -> bool:
        """Whether a newer one of that page about the same was done already: messages may come by several threads."""
        page, about, number = _place(content)
        return number < self._pages.get(page, {}).get(about, number)

    def done(self, content: dict[str, Any]) -> None:
        """It was done, or refused in words."""
        page, about, number = _place(content)
        if page:
            known = self._pages.pop(page, {})
            known[about] = max(number, known.get(about, 0))
            self._pages[page] = known
            while len(self._pages) > PAGES:
                del self._pages[next(iter(self._pages))]

    def standing(self) -> dict[str, int]:
        """Page -> the largest number that was done."""
        return {page: max(known.values()) for page, known in self._pages.items()}


def _place(content):
    """ "" for the page of what no page of ours has said."""
    page, about, number = content.get("view"), content.get("name"), content.get("number")
    if isinstance(page, str) and isinstance(about, str) and isinstance(number, int):
        return page, about, number
    return "", "", 0
