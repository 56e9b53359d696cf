"""A source under another name."""

from typing import Any


class Named:
    """A source with a name: all else is the source's."""

    name: str

    def __init__(self, source: Any, name: str) -> None:
        vars(self).update(_of=source, name=name)

    def __getattr__(self, name) -> Any:
        if name[:2] == "__":  # asked for by copy, pickle and the like
            raise AttributeError(name)
        return getattr(vars(self)["_of"], name)

    def __setattr__(self, name, value) -> None:
        setattr(self._of, name, value)

    def __repr__(self) -> str:
        return f"{self.name}: {self._of!r}"
