"""Which models are known to do the same operations at every step, so that a recorded one may stand for the next."""

from .module import Module


def unlike(model: Module) -> str:
    """Why a recorded step of this model might not be the same as computing it anew: the first module that is neither of
    nbprop's own nor declared `static = True`, and what is different about it. "" if there is none."""
    for name, module in model.named_modules():
        kind, called = type(module), name or "the model"
        hidden = next((name for name in vars(module) if callable(getattr(kind, name, None))), None)
        if hidden:
            return f"{called} ({kind.__name__}) has a {hidden} of its own, put in place of its class's"
        if module.static is None and (is_own(module) or not _ours(kind.forward)):
            return f"{called} ({kind.__name__}) is a class of your own, not declared static = True"
        if module.static is False:
            return f"{called} ({kind.__name__}) is not static: it may compute something else each time"
    return ""


def is_own(module: Module) -> bool:
    """Whether its class is a user's own."""
    return not type(module).__module__.startswith("nbprop.")


def _ours(function):
    return getattr(function, "__module__", "").startswith("nbprop.")
