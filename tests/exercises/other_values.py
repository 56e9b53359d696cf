"""Other values than a right one: `of_value` changes a number, an array or a word, `of_settings` a dict, a tuple or an
optimizer. Pairs (what was changed, the changed answer), in the same order every time."""

import copy
import math
from collections.abc import Mapping

import numpy as np


def of_value(value):
    """Other values: the number with another sign, size or place, the array with one entry changed or turned."""
    if isinstance(value, str):
        words = (value[:-1], value + "s", value[::-1], f"not {value}", "", "?", 0, 1.5, [value, value], "nothing")
        return [(repr(word), word) for word in words]
    if isinstance(value, bool | np.bool_):
        return [(repr(other), other) for other in (not value, "maybe", 2, -1, 0.5, math.nan, [], [value] * 2, "", 3j)]
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        return _of_sequence(value)
    array = array.astype(float)
    with np.errstate(all="ignore"):
        changed = {
            "-v": -array,
            "2 v": 2 * array,
            "v / 2": array / 2,
            "10 v": 10 * array,
            "v / 10": array / 10,
            "v + 1": array + 1,
            "v - 1": array - 1,
            "1 - v": 1 - array,
            "1 / v": 1 / array,
            "v²": array**2,
            "√|v|": np.sqrt(np.abs(array)),
            "1.2 v": 1.2 * array,
            "v / 1.2": array / 1.2,
            "0": array * 0,
            "nan": array * np.nan,
            "inf": array + np.inf,
            "twice": np.array([array, array]),
        }
    if array.ndim:
        changed |= {"turned": array.T, "upside down": array[::-1], "summed": array.sum(), "shorter": array[:-1]}
        for place in np.ndindex(*array.shape[: 2 if array.size < 9 else 1]):
            changed[f"one more at {place}"] = array.copy()
            changed[f"one more at {place}"][place] += 1
    return [(words, each if each.ndim else each.item()) for words, each in changed.items()]


def _of_sequence(value):
    """Of a list of words, such as an order of steps."""
    items = list(value)
    found = [(f"{k} and {k + 1} swapped", [*items[:k], items[k + 1], items[k], *items[k + 2 :]])
             for k in range(len(items) - 1)]  # fmt: skip
    found += [(f"without {k}", items[:k] + items[k + 1 :]) for k in range(len(items))]
    found += [("reversed", items[::-1]), ("twice", items * 2), ("none", []), ("rotated", items[1:] + items[:1])]
    return [*found, ("first alone", items[0]), ("0", 0), ("nan", math.nan), ("a word", "nothing")]


def of_settings(settings):
    """Settings with one number much too large or small, one word wrong, a part too many or few, or of another kind."""
    for kind in (7, math.nan, -1.0, "nonsense", [], {}, True, np.zeros((2, 3)), object(), math.sqrt):
        yield f"{kind!r}".split(" at ")[0], kind
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            for words, other in _of_part(value):
                yield f"{key} = {words}", {**settings, key: other}
        yield "one more", {**settings, "nonsense": 1}
    elif isinstance(settings, tuple | list):
        for k, value in enumerate(settings):
            for words, other in _of_part(value):
                yield f"[{k}] = {words}", type(settings)([*settings[:k], other, *settings[k + 1 :]])
        yield "shorter", settings[:-1]
        yield "longer", type(settings)([*settings, settings[-1]])
    elif hasattr(settings, "lr"):
        for factor in (1e3, 1e-3):
            other = copy.deepcopy(settings)
            other.lr = settings.lr * factor
            yield f"lr = {other.lr:g}", other


def _of_part(value):
    if isinstance(value, str):
        return [("nonsense", "nonsense"), ("7", 7)]
    if isinstance(value, int | float) and not isinstance(value, bool):
        numbers = (value * 1000, value / 1000, -value, math.nan, math.inf)
        return [(f"{number:g}", number) for number in numbers] + [("a word", "nonsense")]
    return [("a word", "nonsense"), ("nan", math.nan)]
