"""What optimizers remember of each parameter, and which group it is in, when parameters come, go, or are resized."""

from glob import escape
from itertools import pairwise

import numpy as np

from nbprop.optim.groups import Own, chosen, number_of


def layout(module) -> dict:
    """Parameter -> where it lies in one flat vector of them, its shape, and its names (see `Packed.places`)."""
    parameters = module.parameters()
    ends = np.cumsum([0, *(parameter.size for parameter in parameters)])
    every = zip(parameters, pairwise(ends), module._places(), strict=True)
    return {p: (slice(a, b), shape, names) for p, (a, b), (shape, names) in every}


def carry(optimizer, old, new, heir=None) -> None:
    """What an optimizer remembers of a parameter goes with it, and so does the group that it is in. old, new: layouts,
    before and now. heir: new parameter -> the one it stands for. ValueError if a new one would be in two groups."""
    optimizer.state = laid_out(optimizer.state, old, new, heir)
    if optimizer.groups:
        was = {p: (heir or {}).get(p, p) for p in new}
        gone = {
            names for p, (*_, names) in old.items() if p not in set(was.values())
        }  # others may stand in their places
        before = [old[was[p]][2] if was[p] in old else names if names in gone else () for p, (*_, names) in new.items()]
        optimizer.assign("groups", moved(optimizer.groups, before, [names for *_, names in new.values()]))
        for *_, names in new.values():
            number_of(optimizer.groups, names)


def moved(groups, old, new) -> tuple[Own, ...]:
    """Groups of the same parameters where these have got other names, as places in a Sequential are: "4.*" becomes
    "6.*". What is new belongs to those that are chosen by kind ("*.bias", "Linear.weight", "encoder.*").

    old, new: names of each parameter that there is now, before and now; () before for one that is new.
    """

    def follow(pattern):
        meant = [i for i, names in enumerate(old) if chosen(pattern, names)]
        by_kind = not any(map(str.isdigit, pattern)) or not any(chosen(pattern, names[:1]) for names in old)
        found = [i for i, names in enumerate(new) if chosen(pattern, names) and (old[i] or not by_kind)]
        if meant == found and (meant or by_kind):
            return [pattern]
        outer = {tuple(names[i][0].rpartition(".")[0] + "." for names in (old, new)) for i in meant}
        before, now = outer.pop() if len(outer) == 1 else ("", "")
        other = now + pattern.removeprefix(before)
        if pattern.startswith(before) and meant == [i for i, names in enumerate(new) if chosen(other, names)] != []:
            return [other]
        return [escape(new[i][0]) for i in meant]

    return tuple(
        Own({**group, "params": tuple(each for one in group["params"] for each in follow(one))}) for group in groups
    )


def moved_said(before, after) -> str:
    """In words, which groups have other names now."""
    pairs = [(a["params"], b["params"]) for a, b in zip(before, after, strict=True) if a["params"] != b["params"]]
    return "; ".join(f"group {' '.join(a)} is now {' '.join(b) or 'of nobody'}" for a, b in pairs)


def laid_out(state, old, new, heir=None) -> dict[str, np.ndarray]:
    """An optimizer's state, name -> flat vector, for other parameters: what belongs to a parameter goes with it, as far
    as there is room; 0 for what is new. Vectors that are laid out for the new ones already stay.

    old, new: layouts, before and now. heir: new parameter -> the one it stands for."""
    heir, made = heir or {}, {}
    was, size = (max((place.stop for place, *_ in each.values()), default=0) for each in (old, new))
    for name, vector in state.items():
        if vector.size == size != was:
            made[name] = vector
            continue
        made[name] = np.zeros(size, vector.dtype)
        for parameter, (place, shape, _) in new.items():
            before = old.get(heir.get(parameter, parameter))
            if before is not None and len(before[1]) == len(shape):
                copy_common(vector[before[0]].reshape(before[1]), made[name][place].reshape(shape))
    return made


def copy_common(old, new) -> tuple[slice, ...]:
    """Copy what two arrays have in common, from the first corner on; returns where that is."""
    common = tuple(slice(min(pair)) for pair in zip(old.shape, new.shape, strict=True))
    new[common] = old[common]
    return common
