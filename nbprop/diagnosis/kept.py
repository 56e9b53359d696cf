"""What was made of a data set, which never changes, is made once."""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

_made: "WeakKeyDictionary[Any, dict[str, Any]]" = WeakKeyDictionary()


def of_data(data: Any, name: str, function: Callable[[Any], Any]) -> Any:
    """What function(data) gives, called the first time that this name is asked for of this data set."""
    made = _made.setdefault(data, {})
    if name not in made:
        made[name] = function(data)
    return made[name]
