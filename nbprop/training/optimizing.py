"""The part of the table of knobs that belongs to the optimizer: its settings, by their names there."""

from collections.abc import Mapping, Sequence
from typing import Any

from nbprop.optim.groups import misfit
from nbprop.optim.optimizer import Plan
from nbprop.record.controls import Choice, Several, Slider, Switch
from nbprop.record.lessons import Lesson

from . import applying, plans
from .knob import Knob

Setting = float | Mapping[str, float]  # a Mapping: for the optimizer of each part of the objective
Groups = Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Mapping[str, Any]]]


class OfOptimizer:
    """The knobs that are settings of the optimizer; one that has no such setting reads as None."""

    lr: Knob[Any, Setting] = applying.setting(
        "lr",
        "Learning rate.",
        Slider(
            "Learning rate", 1e-5, 10, 0.05, "Logarithmic", log=True,
            about="How far each step goes: the gradient says which way to turn every weight, the learning rate how "
            "far. Too small, and learning crawls; too large, and the steps jump over the valley and the loss explodes.",
            lesson=Lesson(3, "Too small, right, too large"),
        ),
    )  # fmt: skip
    momentum: Knob[Any, Setting] = applying.setting(
        "momentum",
        "Momentum of SGD, 0 to 1.",
        Slider(
            "Momentum", 0, 0.99, 0.01, "How much of the last update goes on", group="Optimizer",
            about="How much of the last step goes on in the next one, like a ball that rolls: pushes that alternate "
            "cancel, pushes that stay the same add up. At 0.9 steps grow up to ten times as long, so lower the "
            "learning rate when you raise it.",
            lesson=Lesson(6, "Momentum"),
        ),
    )  # fmt: skip
    dampening: Knob[Any, Setting] = applying.setting(
        "dampening",
        "How much less of each gradient the momentum of SGD takes in, 0 to 1.",
        Slider(
            "Dampening", 0, 1, 0.01, "Share of the gradient that momentum leaves out", group="Optimizer",
            about="How much of each gradient is left out of the momentum. With as much of it as of momentum the sum of "
            "earlier gradients becomes their mean, and steps stay as long as without; it does nothing on its own.",
            lesson=Lesson(6, "Momentum"),
        ),
    )  # fmt: skip
    nesterov: Knob[Any, bool | Mapping[str, bool]] = applying.setting(
        "nesterov",
        "Whether SGD looks ahead (Nesterov).",
        Switch(
            "Nesterov", "Look ahead: the gradient where the momentum leads", group="Optimizer",
            about="Momentum that looks ahead: the sum of earlier gradients will be stepped along anyway, so it counts "
            "once more. It rolls less far beyond the lowest place; without momentum it changes nothing.",
            lesson=Lesson(6, "Momentum"),
        ),
    )  # fmt: skip
    betas: Knob[Any, tuple[float, float] | Mapping[str, tuple[float, float]]] = applying.setting(
        "betas",
        "Decay of the two running means of Adam and its kin, a pair.",
        Several(
            "Betas", "Decay of the two running means: 0.9, 0.999", each=float, group="Optimizer",
            about="How long Adam remembers: the first number is for its running mean of the gradients, the second for "
            "that of their squares. The nearer to 1 the longer: 0.9 looks back over some 10 steps, 0.999 over some "
            "1,000.",
            lesson=Lesson(6, "Adam"),
        ),
    )  # fmt: skip
    amsgrad: Knob[Any, bool | Mapping[str, bool]] = applying.setting(
        "amsgrad",
        "Whether Adam divides by the largest running mean of squares so far.",
        Switch(
            "AMSGrad", "Remember the largest gradients for ever", group="Optimizer",
            about="Whether Adam goes on dividing by the largest running mean of squares that there ever was. No step "
            "grows then because large gradients are forgotten; steps get shorter all the same.",
            lesson=Lesson(6, "Adam"),
        ),
    )  # fmt: skip
    momentum_decay: Knob[Any, Setting] = applying.setting(
        "momentum_decay",
        "How soon the momentum of NAdam grows from half of beta 1 to all of it.",
        Slider(
            "Momentum decay", 1e-4, 1, 0.05, "How soon NAdam has its full momentum", log=True, off=(0.0,),
            group="Optimizer",
            about="NAdam looks back less in its first steps, when the gradients change fast. The larger this number, "
            "the sooner it looks back as far as its first beta says; at 0.004 it takes some thousand steps.",
            lesson=Lesson(6, "Adam"),
        ),
    )  # fmt: skip
    ns_steps: Knob[Any, int | Mapping[str, int]] = applying.setting(
        "ns_steps",
        "Steps of Newton and Schulz by which Muon evens out the directions of a matrix.",
        Choice(
            "Newton-Schulz", (1, 2, 3, 5, 8), "Steps that even out the directions", group="Optimizer",
            about="Muon turns the gradient of a matrix into one whose directions all count alike, by so many rounds of "
            "matrix products. Five come near; with one, the strong directions still lead.",
            lesson=Lesson(6, "Adam"),
        ),
    )  # fmt: skip
    alpha: Knob[Any, Setting] = applying.setting(
        "alpha",
        "Decay of the running mean of RMSProp.",
        Slider(
            "Alpha", 0, 0.999, 0.001, "Decay of the running mean of RMSProp", group="Optimizer",
            about="How long RMSProp remembers the squares of the gradients, by whose root it divides every step. The "
            "nearer to 1 the longer: 0.99 looks back over some 100 steps.",
            lesson=Lesson(6, "AdaGrad"),
        ),
    )  # fmt: skip
    centered: Knob[Any, bool | Mapping[str, bool]] = applying.setting(
        "centered",
        "Whether RMSProp takes the square of the mean gradient off the mean of its squares.",
        Switch(
            "Centered", "Divide by how much the gradients vary", group="Optimizer",
            about="Whether RMSProp divides a step by how much the gradients vary, and not by how large they are. Where "
            "a gradient is always about the same, the steps become longer.",
            lesson=Lesson(6, "AdaGrad"),
        ),
    )  # fmt: skip
    rho: Knob[Any, Setting] = applying.setting(
        "rho",
        "Decay of the running means of AdaDelta.",
        Slider(
            "Rho", 0, 0.999, 0.001, "Decay of the running means of AdaDelta", group="Optimizer",
            about="How long AdaDelta remembers the squares of the gradients and of its own steps, from which it takes "
            "the length of the next one. The nearer to 1 the longer: 0.9 looks back over some 10 steps.",
            lesson=Lesson(6, "AdaGrad"),
        ),
    )  # fmt: skip
    eps: Knob[Any, Setting] = applying.setting(
        "eps",
        "What is added to a denominator, against division by 0.",
        Slider(
            "Epsilon", 1e-12, 0.1, 0.25, "Added to a denominator; logarithmic", log=True,
            group="Optimizer",
            about="A tiny number that keeps the optimizer from dividing by zero. With Adam, RMSProp and AdaGrad it "
            "shortens the steps only where the gradients are as small as itself; AdaDelta takes the length of its "
            "first steps from it.",
            lesson=Lesson(6, "What the paper claims, checked"),
        ),
    )  # fmt: skip
    weight_decay: Knob[Any, Setting] = applying.setting(
        "weight_decay",
        "Pull of all parameters towards zero: L2 (coupled), or decoupled in AdamW.",
        Slider(
            "Weight decay", 1e-6, 1, 0.05, "L2: pull towards zero; logarithmic", log=True, off=(0.0,),
            group="Regularization",
            about="A pull of every weight and bias towards zero, the stronger the larger it is (L2): large weights "
            "make steep functions that bend around single samples. A little of it often lowers the validation loss; "
            "too much, and the network cannot learn at all.",
            lesson=Lesson(7, "Weight decay"),
        ),
    )  # fmt: skip
    # Of those that need no gradient: see nbprop/optim/searching.py
    temperature: Knob[Any, Setting] = applying.setting(
        "temperature",
        "How much worse Annealing still takes, at its first step: in the units of the loss.",
        Slider(
            "Temperature", 1e-4, 1, 0.1, "How much worse is still taken", log=True, off=(0.0,),
            group="Optimizer",
            about="How much worse a step of annealing may be and still be taken, at its first step; it cools from "
            "there. At 0 only what is better is taken, and the search ends in the nearest hollow.",
            lesson=Lesson(21, "One point: annealing"),
        ),
    )  # fmt: skip
    sigma: Knob[Any, Setting] = applying.setting(
        "sigma",
        "How far EvolutionStrategy tries, around where it is.",
        Slider(
            "Sigma", 1e-3, 1, 0.05, "How far around it is tried", log=True,
            group="Optimizer",
            about="How far from the weights an evolution strategy tries others. Far, and it sees the broad shape of "
            "the loss and no detail; near, and it sees nearly the gradient.",
            lesson=Lesson(21, "Two sides: an evolution strategy"),
        ),
    )  # fmt: skip
    inertia: Knob[Any, Setting] = applying.setting(
        "inertia",
        "How much of its velocity a particle of ParticleSwarm keeps.",
        Slider(
            "Inertia", 0, 1, 0.01, "How much of its velocity a particle keeps", group="Optimizer",
            about="How much of its last step each particle goes on with. Near 1 the swarm flies on and searches far; "
            "small, and it falls together where it is.",
            lesson=Lesson(21, "Many points: a swarm, and a population"),
        ),
    )  # fmt: skip
    mutation: Knob[Any, Setting] = applying.setting(
        "mutation",
        "Share of the parameters of a child that Genetic changes.",
        Slider(
            "Mutation", 0, 1, 0.01, "Share of the weights that is changed in a child", group="Optimizer",
            about="How many of the weights of a child are changed at random; by how much, the learning rate says. "
            "Without any, only what is there already can be mixed anew.",
            lesson=Lesson(21, "Many points: a swarm, and a population"),
        ),
    )  # fmt: skip
    population: Knob[Any, int | Mapping[str, int]] = applying.setting(
        "population", "Points that EvolutionStrategy, ParticleSwarm and Genetic try in a step."
    )
    ranks: Knob[Any, bool | Mapping[str, bool]] = applying.setting(
        "ranks", "Whether ranks count in the place of losses in EvolutionStrategy."
    )
    cooling: Knob[Any, Setting] = applying.setting(
        "cooling", "Factor of the temperature of Annealing from step to step."
    )
    trials: Knob[Any, int | Mapping[str, int]] = applying.setting("trials", "Points that Annealing tries in a step.")
    spread: Knob[Any, Setting] = applying.setting(
        "spread", "How far from theta the first points of ParticleSwarm and Genetic are."
    )
    cognitive: Knob[Any, Setting] = applying.setting(
        "cognitive", "Pull of each particle of ParticleSwarm to the best that it has seen."
    )
    social: Knob[Any, Setting] = applying.setting(
        "social", "Pull of each particle of ParticleSwarm to the best of all."
    )
    crossover: Knob[Any, Setting] = applying.setting(
        "crossover", "Share of the children of Genetic that have weights of both parents."
    )
    tournament: Knob[Any, int | Mapping[str, int]] = applying.setting(
        "tournament", "How many are drawn for each parent in Genetic, of which the best is taken."
    )
    schedule: Knob[Any, str | Plan | Mapping[str, str | Plan]] = applying.setting(
        "schedule",
        "None, or a function of the number of updates that gives a factor for lr: see nb.optim.schedules. Assign one, "
        f"or a name, which begins with the next update: {', '.join(map(repr, plans.PLANS))}.",
        Choice(
            "Schedule", plans.OFFERED, "Changes the learning rate by itself", of=plans.called, group="Optimizer",
            about="Lets the learning rate change by itself: it is multiplied by a factor that changes from step to "
            "step, beginning when you choose one. Long steps at first and short ones at the end let a run come to "
            "rest; a start with short ones (warm-up) keeps the first steps from going astray.",
            lesson=Lesson(6, "What the paper claims, checked"),
        ),
        given=plans.begun,
    )  # fmt: skip
    groups: Knob[Any, Groups] = applying.setting(
        "groups",
        'Other settings of the optimizer for some parameters: a list of dicts such as {"params": ["*.bias", "*Norm*"], '
        '"weight_decay": 0}; see nb.optim.Optimizer. () for none.',
        fits=lambda groups, module: misfit(groups, module._places()),
    )


SETTINGS = tuple(name for name, knob in vars(OfOptimizer).items() if isinstance(knob, Knob))
