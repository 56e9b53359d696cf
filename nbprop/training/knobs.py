"""The table of knobs. An entry is all there is to add: the Trainer's attribute, `set`, flags, rewinding, undo and the
control come from it; for editors, its keyword stands in `Turns` below.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from nbprop import nn, optim
from nbprop.checks import flag, number, optional, whole
from nbprop.data import Arrays, Dataset
from nbprop.optim.optimizer import Plan
from nbprop.record.controls import Choice, Several, Slider, Switch
from nbprop.record.lessons import Lesson

from . import applying, makeup, samples, single, surgery
from .knob import Action, Knob, plain
from .objective import Objective
from .optimizing import Groups, OfOptimizer, Setting

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
Activation = str | nn.Activation | type[nn.Activation]
Optimizer = str | optim.Optimizer
SampleWeights = tuple[tuple[int, float], ...]  # (number of the sample, weight)
SampleLabels = tuple[tuple[int, int], ...]  # (number of the sample, number of the class)


class Knobs(OfOptimizer):
    """The knobs of a Trainer. Each acts at the next step; nothing starts over."""

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
            about="The rule that makes a step out of the gradient. sgd follows it as it is, momentum keeps rolling, "
            "adam and its kin give each weight a step size of its own.",
            lesson=Lesson(6, "A race of networks"),
        ),
    )

    batch_size: Knob[int, int] = Knob(
        "Samples per step.",
        check=plain(whole(1), "batch_size"),
        graph=True,
        control=Choice(
            "Batch size", BATCH_SIZES, "Samples per step",
            about="How many samples are looked at for each step, the batch. More of them show the way more exactly and "
            "cost more; four times as many halve the noise.",
            lesson=Lesson(3, "All samples, some, or one"),
        ),
    )  # fmt: skip
    drop_last: Knob[bool, bool] = Knob(
        "Whether a last, smaller batch of an epoch is left out.",
        check=plain(flag, "drop_last"),
        control=Switch(
            "Drop last", "Leave out a last, smaller batch of an epoch", group="Gradient",
            about="The samples can seldom be divided evenly, so the last batch of a pass over the data is smaller, and "
            "its gradient noisier. This leaves it out.",
            lesson=Lesson(3, "All samples, some, or one"),
        ),
    )  # fmt: skip
    accumulate: Knob[int, int] = Knob(
        "Batches whose gradients are averaged for one update; what is seen of a step is its last batch.",
        check=plain(whole(1), "accumulate"),
        control=Slider(
            "Accumulate", 1, 16, 1, "Batches per update", whole=True, group="Gradient",
            about="How many batches are looked at before the weights are turned once, by the mean of their gradients. "
            "That is as exact as one large batch, and needs no more memory than a small one.",
            lesson=Lesson(3, "All samples, some, or one"),
        ),
    )  # fmt: skip
    clip: Knob[float | None, float | None] = Knob(
        "Largest norm of the gradient: a larger one is scaled down to it (Pascanu et al. 2013); None: none is.",
        check=plain(optional(number(1e-12, tip="1.0, or None for no clipping")), "clip"),
        control=Slider(
            "Clip norm", 1e-3, 100, 0.05, "Largest norm of the gradient", log=True, off=(None,), group="Gradient",
            about="How long the gradient of all weights together may be: a longer one is made shorter, and keeps its "
            "direction. So one steep place cannot throw the whole run away.",
            lesson=Lesson(5, "Exploding gradients"),
        ),
    )  # fmt: skip
    clip_value: Knob[float | None, float | None] = Knob(
        "Largest absolute value of an element of the gradient: others are cut off there; None: none is.",
        check=plain(optional(number(1e-12, tip="0.5, or None for no clipping")), "clip_value"),
        control=Slider(
            "Clip value", 1e-4, 10, 0.05, "Largest element of the gradient", log=True, off=(None,), group="Gradient",
            about="How large each single number of the gradient may be: what is larger is cut off there. That is "
            "simple, but unlike clipping by norm it turns the gradient into another direction.",
            lesson=Lesson(5, "Exploding gradients"),
        ),
    )  # fmt: skip
    window: Knob[int | None, int] = Knob(
        "h of truncated backpropagation through time, BPTT(h; h') (Williams & Peng 1990): errors get back through at "
        "most so many steps; 0: through all. None where there is not one recurrent layer in one direction.",
        check=applying.of_recurrent("window"),
        read=lambda run: None if (layer := makeup.windowed(run.model)) is None else layer.window,
        apply=lambda run, value: setattr(makeup.windowed(run.model), "window", value),
        graph=True,
        looks=True,
        control=Slider(
            "Window", 1, 128, 1, "Steps that errors go back in time", whole=True, off=(0,), group="Gradient",
            about="How many steps back in time an error may go in a recurrent network, its own counted. What lies "
            "further back is not learned; without a window everything is gone through.",
            lesson=Lesson(22, "A window and a period"),
        ),
    )  # fmt: skip
    period: Knob[int | None, int] = Knob(
        "h' of BPTT(h; h'): after how many steps the errors since the last time are sent back; 0, or more than the "
        "window: as the window, which makes chunks. None where `window` is.",
        check=applying.of_recurrent("period"),
        read=lambda run: None if (layer := makeup.windowed(run.model)) is None else layer.period,
        apply=lambda run, value: setattr(makeup.windowed(run.model), "period", value),
        graph=True,
        looks=True,
        control=Slider(
            "Period", 1, 128, 1, "After how many steps errors are sent back", whole=True, off=(0,), group="Gradient",
            about="After how many steps of a sequence the errors are sent back through the window. With 1 every error "
            "gets the whole window and it costs most; as long as the window the sequence is cut into chunks.",
            lesson=Lesson(22, "A window and a period"),
        ),
    )  # fmt: skip
    l1: Knob[float, float] = Knob(
        "Weight of the L1 penalty: l1 * sign(theta) is added to the gradient.",
        check=plain(number(0, tip=1e-4), "l1"),
        control=Slider(
            "L1", 1e-7, 0.1, 0.05, "Weight of the L1 penalty", log=True, off=(0.0,), group="Regularization",
            about="A pull of every weight and bias towards zero, equally strong however small it is already. What is "
            "of little use ends at zero, or close to it, and few weights are left that count.",
            lesson=Lesson(7, "L1"),
        ),
    )  # fmt: skip

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
        control=Choice(
            "Loss", tuple(nn.LOSSES), "What training makes smaller",
            of=applying.loss_name, among=applying.fitting_losses, group="Layers",
            about="The number that says how wrong the network is, which training makes smaller. Usual are bce for two "
            "classes, cross_entropy for more, and mse, the mean squared error, for numbers; all in the list fit.",
            lesson=Lesson(2, "Phase 2: error"),
        ),
    )  # fmt: skip
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
        control=Choice(
            "Activation", tuple(nn.ACTIVATIONS), "Of the hidden layers",
            about="The curve that each unit sends its sum through; without one all layers together are no more than a "
            "single one. Its slope multiplies what comes back, so where it is flat hardly anything is learned.",
            lesson=Lesson(4, "Why have one at all?"),
        ),
    )  # fmt: skip
    hidden_activations: Knob[tuple[Any, ...], Activation | Sequence[Activation]] = Knob(
        "The activation of each hidden layer, a tuple; one is for all. The same as `activation`, which is one name "
        "where they are alike.",
        read=makeup.activations_of,
        through=applying.each_activation,
        control=Several(
            "Activations", "Of each hidden layer, from first to last: tanh, relu", each=str, none="no hidden layer",
            group="Layers",
            about="The activation of each hidden layer, from the first to the last: they need not be the same. Type "
            "names with commas between them, or one name for all.",
            lesson=Lesson(4, "The family"),
        ),
    )  # fmt: skip
    dropout: Knob[Any, float | Sequence[float]] = Knob(
        "Probability p of all nn.Dropout in the model, however deep inside; a tuple, one for each, where they differ. "
        "None where there are none, and then assigning raises ValueError.",
        check=applying.places_of("dropout", "dropout"),
        read=makeup.dropout_of,
        apply=surgery.set_dropouts,
        graph=True,
        control=Slider(
            "Dropout", 0, 0.95, 0.05, "Share of hidden units left out",
            about="The share of the hidden units that each training step leaves out, others every time; when the "
            "network is used, all of them are there. No unit can rely on a certain other one, which makes it harder to "
            "learn samples by heart.",
            lesson=Lesson(7, "Dropout"),
        ),
    )  # fmt: skip
    batch_norm: Knob[bool | None, bool] = Knob(
        "Whether there is a batch normalization between each hidden layer and its activation. In evaluation mode the "
        "network says right after the change what it said before. None for networks that nb.nn.mlp has not made.",
        check=lambda run, value, wanted: applying.sizes_now(run, wanted) is not None and flag("batch_norm", value),
        read=makeup.has_batch_norm,
        apply=surgery.set_batch_norm,
        graph=True,
        control=Switch(
            "Batch norm", "Normalize the inputs of the activations", group="Layers",
            about="Brings what each hidden unit gets to mean 0 and spread 1 over the batch, then to a mean and a "
            "spread that the unit learns. Its inputs stay where the activation is steep, and larger learning rates "
            "will do.",
            lesson=Lesson(8, "What it computes"),
        ),
    )  # fmt: skip
    frozen: Knob[tuple[str, ...], str | Iterable[str | int]] = Knob(
        "Names of the layers (see `layers`) whose weights and biases are not trained.",
        check=surgery.check_frozen,
        looks=True,
        read=makeup.frozen,
        apply=surgery.set_frozen,
        graph=True,
        control=Several(
            "Frozen", "Layers that are not trained: hidden 1, hidden 2", each=str, none="none", group="Layers",
            about="Layers whose weights and biases no step changes, while the others go on learning. Type their names "
            "with commas between them, such as hidden 1, hidden 2; nothing for none.",
            lesson=Lesson(2, "Phase 4: update"),
        ),
    )  # fmt: skip
    silenced: Knob[makeup.Units, Iterable[Sequence[Any]]] = Knob(
        "Units that give 0 behind their activation, in training and evaluation, and hand no gradient back: pairs of a "
        'layer (name or number) and a unit, [("hidden 1", 5)]. Not of the last layer. See `silence`.',
        check=single.check_silenced,
        looks=True,
        read=makeup.silenced,
        apply=single.set_silenced,
        graph=True,
    )
    frozen_units: Knob[makeup.Units, Iterable[Sequence[Any]]] = Knob(
        "Units of Linear and Conv2d layers whose weights and bias are not trained, while those of others are: pairs of "
        'a layer and a unit, [("hidden 1", 5)]. See `freeze`.',
        check=single.check_frozen_units,
        looks=True,
        read=makeup.frozen_units,
        apply=single.set_frozen_units,
        graph=True,
    )
    sample_weights: Knob[SampleWeights, Iterable[Sequence[Any]]] = Knob(
        "How much single training samples count: pairs of a sample and its weight, [(3, 0.5), (7, 0)]; all others "
        "count 1. What has weight 0 is left out. See `weigh` and `drop_samples`.",
        check=samples.check_weights,
        read=lambda run: run.objective.weights,
        apply=samples.set_weights,
        graph=True,
    )
    relabelled: Knob[SampleLabels, Iterable[Sequence[Any]]] = Knob(
        "Training samples with another label than in the data: pairs of a sample and its class (number or name), "
        "[(3, 1)]. See `relabel`.",
        check=samples.check_labels,
        read=lambda run: run.objective.relabelled,
        apply=samples.set_labels,
        graph=True,
    )
    hidden: Knob[tuple[int, ...], Iterable[int]] = Knob(
        "Units of each hidden layer, a tuple. A layer that is new is inserted before the output, as close to the "
        "identity as its activation allows; units that are new start without outgoing weights.",
        check=applying.check_hidden,
        read=applying.hidden_or_none,
        apply=surgery.set_hidden,
        graph=True,
        control=Several(
            "Layers", "Units of each hidden layer, from first to last: 16, 8",
            about="How many units each hidden layer has, from the first to the last. The more there are the more the "
            "network can follow the samples, and the more it can learn by heart.",
            lesson=Lesson(7, "Capacity"),
        ),
    )  # fmt: skip
    depth: Knob[int, int] = Knob(
        "Number of hidden layers. A new one is inserted before the output, as close to the identity as it can be.",
        read=lambda run: None if (now := applying.hidden_or_none(run)) is None else len(now),
        through=lambda run, value, wanted: ("hidden", applying.resized(run, wanted, depth=value)),
        control=Slider(
            "Depth", 0, 20, 1, "Hidden layers", whole=True,
            about="How many hidden layers lie between the input and the output. Each can build on what the one before "
            "has found, but the gradient has to come back through all of them, and may be lost on the way.",
            lesson=Lesson(5, "What one layer does"),
        ),
    )  # fmt: skip
    width: Knob[int, int] = Knob(
        "Units in the widest hidden layer; assigning makes all equal. New units start without outgoing weights.",
        read=lambda run: None if (now := applying.hidden_or_none(run)) is None else max(now, default=0),
        through=lambda run, value, wanted: ("hidden", applying.resized(run, wanted, width=value)),
        control=Slider(
            "Width", 1, 64, 1, "Units per hidden layer", whole=True,
            about="How many units each hidden layer has; moving it makes them all equal. The wider the layers the more "
            "the network can follow the samples, and the more it can learn by heart.",
            lesson=Lesson(7, "Capacity"),
        ),
        each="hidden",
    )  # fmt: skip
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
    dampening: Setting
    nesterov: bool | Mapping[str, bool]
    betas: tuple[float, float] | Mapping[str, tuple[float, float]]
    amsgrad: bool | Mapping[str, bool]
    momentum_decay: Setting
    ns_steps: int | Mapping[str, int]
    alpha: Setting
    centered: bool | Mapping[str, bool]
    rho: Setting
    eps: Setting
    weight_decay: Setting
    temperature: Setting
    sigma: Setting
    inertia: Setting
    mutation: Setting
    population: int | Mapping[str, int]
    ranks: bool | Mapping[str, bool]
    cooling: Setting
    trials: int | Mapping[str, int]
    spread: Setting
    cognitive: Setting
    social: Setting
    crossover: Setting
    tournament: int | Mapping[str, int]
    schedule: str | Plan | Mapping[str, str | Plan]
    groups: Groups
    optimizer: Optimizer | Mapping[str, Optimizer]
    batch_size: int
    drop_last: bool
    accumulate: int
    clip: float | None
    clip_value: float | None
    window: int
    period: int
    l1: float
    data: str | Dataset | Arrays | tuple[Any, Any]
    loss: str | Callable[..., Any]
    objective: Objective
    activation: Activation | Sequence[Activation]
    hidden_activations: Activation | Sequence[Activation]
    dropout: float | Sequence[float]
    batch_norm: bool
    frozen: str | Iterable[str | int]
    silenced: Iterable[Sequence[Any]]
    frozen_units: Iterable[Sequence[Any]]
    sample_weights: Iterable[Sequence[Any]]
    relabelled: Iterable[Sequence[Any]]
    hidden: Iterable[int]
    depth: int
    width: int
    theta: Any
    speed: float


# ---- what is done once -----------------------------------------------------------------------------------------------

SCALE = Action("scale", surgery.scale, lambda given: f"{given[0]} × {given[1]:g}")
REINITIALIZE = Action("reinitialize", surgery.reinitialize, lambda given: f"{given[0]} initialized anew")
SET_WEIGHT = Action(
    "set_weight", surgery.set_weight, lambda given: f"weight {given[2]} of {given[0]}, unit {given[1]} = {given[3]:.3g}"
)
SET_BIAS = Action("set_bias", surgery.set_bias, lambda given: f"bias of {given[0]}, unit {given[1]} = {given[2]:.3g}")
INSERT = Action("insert", surgery.insert, lambda given: f"layer inserted as hidden {given[0] + 1}")
REMOVE = Action("remove", surgery.remove, lambda given: f"{given} removed")
