"""`nb.watch`: one line turns nbprop on a training loop of your own."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from nbprop.checks import did_you_mean, whole
from nbprop.views.base.folder import names

from .given import Given
from .loop import Loop


def watch(
    model: Any = None,
    optimizer: Any = None,
    loss: Any = None,
    *,
    data: Any = None,
    also: Any = None,
    every: "int | None" = None,
    snapshots: bool = True,
    show: "bool | Sequence[str] | None" = None,
) -> Loop:
    """Watch a training loop of your own while it runs: a `Loop`, a source for every view, with pause and learning rate
    in the hand.

        run = nb.watch(model, optimizer)              # PyTorch: one line before the loop
        with nb.watch(model, optimizer) as run:       # or around it: Stop ends it, and nothing is left behind

        run = nb.watch()                              # any other loop: tell it what a step has computed
        run.observe(loss=..., params={...}, grads={...}, activations={...}, deltas={...})

    model: a torch.nn.Module, or a dict of several by their names (a GAN's generator and discriminator).
    optimizer: a torch.optim.Optimizer, or a list or dict of several; a step is over when each of them has made one.
        None: the loop says so, `run.step(loss)`.
    loss: the loss module, if the losses are its results; by default what `loss.backward()` is called of, or what
        `run.step(loss)` says.
    data: a Dataset, or arrays (X, y) in the units of the model, for views that show samples, such as Boundary.
    also: what else has a state that `run.rewind` is to take back, or several: whatever has a state_dict() and a
        load_state_dict(), such as an average of the weights, or a torch.Generator. Learning-rate schedules of the
        optimizer and the GradScaler that makes its steps are found.
    every: look into every so-many-th step; None: into as many as pictures are due, thirty a second at most, and at most
        about a tenth of the time.
    snapshots: whether states are kept, to which `run.rewind(step)` goes back.
    show: whether a board is shown at once; None: in a notebook yes. Names of views: these.

    The loop computes bit by bit what it would without. Nothing is left behind after the `with`, or `run.close()`.
    Raises TypeError and ValueError for what cannot be watched: a scripted model, one without parameters, an optimizer
    of other parameters. Once the loop runs, an error of nbprop's is said and logged, and never ends it.
    """
    every = None if every is None else whole(1)("every", every)
    if data is not None:
        from nbprop.training import given

        data = given.dataset(data)
    views = () if show in (True, False, None) else tuple(show)
    if unknown := [name for name in views if name not in names()]:
        raise ValueError(f"watch: show: there is no view {unknown[0]!r}{did_you_mean(unknown[0], names())}")
    if model is None:
        if optimizer is not None or loss is not None or also is not None:
            raise TypeError("watch: an optimizer, a loss and also need their model: nb.watch(model, optimizer)")
        run = Loop(Given(), every=1 if every is None else every)
    else:
        run = _of_torch(model, optimizer, loss, every, snapshots, also)
    run.data = data
    if show or (show is None and _in_notebook()):
        from .board import shown

        shown(run, views)
    return run


def _of_torch(model, optimizer, loss, every, snapshots, also):
    torch = sys.modules.get("torch")
    models = _named("model", model, None if torch is None else torch.nn.Module, "a torch.nn.Module")
    assert torch is not None  # else the model would have been refused
    words = "a torch.optim.Optimizer, such as torch.optim.Adam(model.parameters())"
    optimizers = {} if optimizer is None else _named("optimizer", optimizer, torch.optim.Optimizer, words)
    if loss is not None and not isinstance(loss, torch.nn.Module):
        raise TypeError(
            f"watch: loss must be a loss module such as torch.nn.MSELoss(), got {type(loss).__name__}; leave it out: "
            "what loss.backward() is called of is seen"
        )
    mine = {id(p) for each in models.values() for p in each.parameters()}
    if not mine:
        raise ValueError("watch: the model has no parameters, so nothing of it is trained")
    for each in models.values():
        if isinstance(each, torch.jit.ScriptModule):
            raise TypeError("watch: a scripted model takes no hooks: watch it before torch.jit.script")
    for name, each in optimizers.items():
        theirs = [p for group in each.param_groups for p in group["params"]]
        if not any(id(p) in mine for p in theirs):
            called = f"optimizer {name!r}" if name else "the optimizer"
            raise ValueError(
                f"watch: {called} has no parameter of this model: was the model made anew after its optimizer?"
            )
    from .also import Also, checked
    from .eyes import Eyes
    from .hands import Hands
    from .states import States

    others = Also(torch, optimizers, checked(also))
    hands = Hands(torch, models, optimizers)  # first: what it clips is what is seen
    try:
        eyes = Eyes(models, optimizers, loss)
    except BaseException:
        hands.close()
        raise
    states = States(torch, models, optimizers, others, not eyes.compiled) if snapshots else None
    eyes.settle = None if states is None else states.begins
    run = Loop(eyes, hands, states, every)
    eyes.join(run)
    if eyes.compiled:
        which = ", ".join(each or "the model" for each in eyes.compiled[:3])
        run.message = (
            f"{which}: compiled, so nobody can look into it while it computes; the loss is seen, and the parameters. "
            "To see activations and dL/dz, watch before torch.compile"
        )
    return run


def _named(what, given, kind, words):
    """Name -> each of them; "" for the only one."""
    if isinstance(given, Mapping):
        found = {str(name): each for name, each in given.items()}
    elif isinstance(given, (list, tuple)):
        found = {str(i + 1): each for i, each in enumerate(given)}
    else:
        found = {"": given}
    for each in found.values():
        if kind is None or not isinstance(each, kind):
            raise TypeError(
                f"watch: {what} must be {words}, or a dict of several; got {type(each).__name__}. A loop that is not "
                "PyTorch's: run = nb.watch(), and run.observe(loss=..., params=..., grads=...) at every step"
            )
    if not found:
        raise TypeError(f"watch: {what}: expected {words}, got an empty {type(given).__name__}")
    return found


def _in_notebook():
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")
