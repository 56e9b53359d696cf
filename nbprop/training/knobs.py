"""The table of knobs. An entry is all there is to add: the Trainer's attribute, `set`, flags, rewinding, undo and the
control come from it; for editors, its keyword stands in `Turns` below.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from nbprop import nn, optim
from nbprop.checks import flag, number, optional, whole
from nbprop.data import Arrays, Dataset
from nbprop.optim.optimizer import Plan

from . import applying, makeup, surgery
from .knob import Action, Choice, Knob, Sizes, Slider, Switch, plain
from .objective import Objective

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
Setting = float | Mapping[str, float]  # a Mapping: for the optimizer of each part of the objective
Activation = str | nn.Activation | type[nn.Activation]
Optimizer = str | optim.Optimizer


class Knobs:
    """The knobs of a Trainer. Each acts at the next step; nothing starts over."""

    lr: Knob[Any, Setting] = applying.setting(
        "lr", "Learning rate.", Slider("Learning rate", 1e-5, 10, 0.05, "Logarithmic", log=True)
    )
    momentum: Knob[Any, Setting] = applying.setting(
        "momentum", "Momentum of SGD, 0 to 1.", Slider("Momentum", 0, 0.99, 0.01, "How much of the last update goes on")
    )
    nesterov: Knob[Any, bool | Mapping[str, bool]] = applying.setting(
        "nesterov",
        "Whether SGD looks ahead (Nesterov).",
        Switch("Nesterov", "Look ahead: the gradient where the momentum leads"),
    )
    betas: Knob[Any, tuple[float, float] | Mapping[str, tuple[float, float]]] = applying.setting(
        "betas", "Decay of the two running means of Adam and its kin, a pair."
    )
    alpha: Knob[Any, Setting] = applying.setting(
        "alpha",
        "Decay of the running mean of RMSProp.",
        Slider("Alpha", 0, 0.999, 0.001, "Decay of the running mean of RMSProp"),
    )
    rho: Knob[Any, Setting] = applying.setting(
        "rho",
        "Decay of the running means of AdaDelta.",
        Slider("Rho", 0, 0.999, 0.001, "Decay of the running means of AdaDelta"),
    )
    eps: Knob[Any, Setting] = applying.setting("eps", "What is added to a denominator, against division by 0.")
    weight_decay: Knob[Any, Setting] = applying.setting(
        "weight_decay",
        "Pull of all parameters towards zero: L2 (coupled), or decoupled in AdamW.",
        Slider("Weight decay", 1e-6, 1, 0.05, "Pull towards zero; logarithmic", log=True, off=(0.0,)),
    )
    schedule: Knob[Any, Plan | Mapping[str, Plan]] = applying.setting(
        "schedule", "None, or a function of the number of updates that gives a factor for lr: see nb.optim.schedules."
    )
    optimizer: Knob[Any, Optimizer | Mapping[str, Optimizer]] = Knob(
        "The optimizer; assign one, or a name. A name keeps the learning rate, and what was chosen of the other "
        "settings as far as the new one has it. Its settings are knobs too: `trainer.optimizer.lr = 0.1` is "
        "`trainer.lr = 0.1`.",
        check=applying.check_optimizer,
        read=lambda run: run.optimizer if len(run.optimizers) == 1 else dict(run.optimizers),
        apply=applying.apply_optimizer,
        control=Choice(
            "Optimizer",
            tuple(optim.OPTIMIZERS),
            "Turns gradients into updates",
            of=applying.optimizer_name,
        ),
    )

    batch_size: Knob[int, int] = Knob(
        "Samples per step.",
        check=plain(whole(1), "batch_size"),
        graph=True,
        control=Choice("Batch size", BATCH_SIZES, "Samples per step"),
    )
    drop_last: Knob[bool, bool] = Knob(
        "Whether a last, smaller batch of an epoch is left out.",
        check=plain(flag, "drop_last"),
        control=Switch("Drop last", "Leave out a last, smaller batch of an epoch"),
    )
    accumulate: Knob[int, int] = Knob(
        "Batches whose gradients are averaged for one update; what is seen of a step is its last batch.",
        check=plain(whole(1), "accumulate"),
        control=Slider("Accumulate", 1, 16, 1, "Batches per update", whole=True),
    )
    clip: Knob[float | None, float | None] = Knob(
        "Largest norm of the gradient: a larger one is scaled down to it (Pascanu et al. 2013); None: none is.",
        check=plain(optional(number(1e-12, tip="1.0, or None for no clipping")), "clip"),
        control=Slider("Clip norm", 1e-3, 100, 0.05, "Largest norm of the gradient", log=True, off=(None,)),
    )
    clip_value: Knob[float | None, float | None] = Knob(
        "Largest absolute value of an element of the gradient: others are cut off there; None: none is.",
        check=plain(optional(number(1e-12, tip="0.5, or None for no clipping")), "clip_value"),
        control=Slider("Clip value", 1e-4, 10, 0.05, "Largest element of the gradient", log=True, off=(None,)),
    )
    l1: Knob[float, float] = Knob(
        "Weight of the L1 penalty: l1 * sign(theta) is added to the gradient.",
        check=plain(number(0, tip=1e-4), "l1"),
        control=Slider("L1", 1e-7, 0.1, 0.05, "Weight of the L1 penalty", log=True, off=(0.0,)),
    )

    data: Knob[Any, str | Dataset | Arrays | tuple[Any, Any]] = Knob(
        "The Dataset (None where the objective makes its batches). Another one must have inputs and outputs of the "
        "same shape; else use `reset`.",
        read=lambda run: run.objective.data,
        through=applying.half_of_objective("data"),
        looks=True,
    )
    loss: Knob[Any, str | Callable[..., Any]] = Knob(
        "The loss as it was given: a name, an object or a function.",
        read=lambda run: getattr(run.objective, "given", None),
        through=applying.half_of_objective("loss"),
        looks=True,
    )
    objective: Knob[Objective, Objective] = Knob(
        "What a step computes and how it is judged: see nb.Objective.",
        check=applying.whole_objective,
        looks=True,
        read=lambda run: run.objective,
        apply=applying.apply_objective,
        graph=True,
    )

    activation: Knob[Any, Activation | Sequence[Activation]] = Knob(
        "Name of the activation of the hidden layers, or an nn.Activation; a tuple, one for each, where they differ.",
        check=applying.places_of("activation", "activation"),
        read=makeup.activation_of,
        apply=surgery.set_activations,
        graph=True,
        control=Choice("Activation", tuple(nn.ACTIVATIONS), "Of the hidden layers"),
    )
    dropout: Knob[Any, float | Sequence[float]] = Knob(
        "Probability p of all nn.Dropout in the model, however deep inside; a tuple, one for each, where they differ. "
        "None where there are none, and then assigning raises ValueError.",
        check=applying.places_of("dropout", "dropout"),
        read=makeup.dropout_of,
        apply=surgery.set_dropouts,
        graph=True,
        control=Slider("Dropout", 0, 0.95, 0.05, "Share of hidden units left out"),
    )
    batch_norm: Knob[bool | None, bool] = Knob(
        "Whether there is a batch normalization between each hidden layer and its activation. In evaluation mode the "
        "network says right after the change what it said before. None for networks that nb.nn.mlp has not made.",
        check=lambda run, value, wanted: applying.sizes_now(run, wanted) is not None and flag("batch_norm", value),
        read=makeup.has_batch_norm,
        apply=surgery.set_batch_norm,
        graph=True,
        control=Switch("Batch norm", "Normalize the inputs of the activations"),
    )
    frozen: Knob[tuple[str, ...], str | Iterable[str | int]] = Knob(
        "Names of the layers (see `layers`) whose weights and biases are not trained.",
        check=surgery.check_frozen,
        looks=True,
        read=makeup.frozen,
        apply=surgery.set_frozen,
        graph=True,
    )
    hidden: Knob[tuple[int, ...], Iterable[int]] = Knob(
        "Units of each hidden layer, a tuple. A layer that is new is inserted before the output, as close to the "
        "identity as its activation allows; units that are new start without outgoing weights.",
        check=applying.check_hidden,
        read=applying.hidden_or_none,
        apply=surgery.set_hidden,
        graph=True,
        control=Sizes("Layers", "Units of each hidden layer, from first to last: 16, 8"),
    )
    depth: Knob[int, int] = Knob(
        "Number of hidden layers. A new one is inserted before the output, as close to the identity as it can be.",
        read=lambda run: None if (now := applying.hidden_or_none(run)) is None else len(now),
        through=lambda run, value, wanted: ("hidden", applying.resized(run, wanted, depth=value)),
        control=Slider("Depth", 0, 20, 1, "Hidden layers", whole=True),
    )
    width: Knob[int, int] = Knob(
        "Units in the widest hidden layer; assigning makes all equal. New units start without outgoing weights.",
        read=lambda run: None if (now := applying.hidden_or_none(run)) is None else max(now, default=0),
        through=lambda run, value, wanted: ("hidden", applying.resized(run, wanted, width=value)),
        control=Slider("Width", 1, 64, 1, "Units per hidden layer", whole=True),
        each="hidden",
    )
    theta: Knob[Any, Any] = Knob(
        "All parameters as one flat array: a look at them. Assigning sets them, as a turn that rewinding repeats.",
        check=applying.check_theta,
        read=lambda run: run.theta,
        apply=applying.apply_theta,
    )


class Turns(TypedDict, total=False):
    """A value for each knob, see `Knobs`; speed: see `Trainer.speed`."""

    lr: Setting
    momentum: Setting
    nesterov: bool | Mapping[str, bool]
    betas: tuple[float, float] | Mapping[str, tuple[float, float]]
    alpha: Setting
    rho: Setting
    eps: Setting
    weight_decay: Setting
    schedule: Plan | Mapping[str, Plan]
    optimizer: Optimizer | Mapping[str, Optimizer]
    batch_size: int
    drop_last: bool
    accumulate: int
    clip: float | None
    clip_value: float | None
    l1: float
    data: str | Dataset | Arrays | tuple[Any, Any]
    loss: str | Callable[..., Any]
    objective: Objective
    activation: Activation | Sequence[Activation]
    dropout: float | Sequence[float]
    batch_norm: bool
    frozen: str | Iterable[str | int]
    hidden: Iterable[int]
    depth: int
    width: int
    theta: Any
    speed: float


# ---- what is done once -----------------------------------------------------------------------------------------------

SCALE = Action("scale", surgery.scale, lambda given: f"{given[0]} × {given[1]:g}")
REINITIALIZE = Action("reinitialize", surgery.reinitialize, lambda given: f"{given[0]} initialized anew")
INSERT = Action("insert", surgery.insert, lambda given: f"layer inserted as hidden {given[0] + 1}")
REMOVE = Action("remove", surgery.remove, lambda given: f"{given} removed")
