"""What nbprop's parts are called in PyTorch, as text; and what it does differently, written out."""

from nbprop import nn
from nbprop.optim import searching

from .telling import others, refuse
from .torch_parts import INITS, NORMAL, ONE_CYCLE, ORTHOGONAL, RESTARTS, SCHEDULES, UNIFORM
from .words import call, shown

OPTIMIZERS = {"AdaGrad": "Adagrad", "AdaDelta": "Adadelta", "RMSProp": "RMSprop"}  # where PyTorch writes it differently
UNLIKE = ("LBFGS", "Lion", "Muon", "NAdam", *searching.__all__)  # it has none, or one that counts for whole parameters
MODULES = {"leaky_relu": "LeakyReLU({negative_slope})", "elu": "ELU({alpha})", "gelu": 'GELU("{approximate}")'}
MODULES |= {"sigmoid": "Sigmoid()", "tanh": "Tanh()", "relu": "ReLU()", "silu": "SiLU()", "softplus": "Softplus()"}
MODULES |= {"selu": "SELU()", "mish": "Mish()", "relu6": "ReLU6()", "hardtanh": "Hardtanh({min_val}, {max_val})"}
MODULES |= {"hardsigmoid": "Hardsigmoid()", "hardswish": "Hardswish()", "softsign": "Softsign()"}
MODULES |= {"identity": "Identity()"}
HINGE = ["", "", "def loss_of(z, y):", "    return torch.relu(1 - (2 * y - 1) * z).{}()", "", ""]


def module_of(module) -> str:
    if isinstance(module, nn.Dropout):
        return f"nn.Dropout({shown(module.p)})"
    if isinstance(module, nn.BatchNorm1d):
        return f"nn.BatchNorm1d({module.num_features})"
    return "nn.Flatten()" if isinstance(module, nn.Flatten) else f"nn.{MODULES[module.name].format(**vars(module))}"


def loss_of(loss) -> list[str]:
    if loss.name == "hinge":  # PyTorch has none for one output
        return [line.format(loss.reduction) for line in HINGE]
    given = {name: shown(value) for name, value in others(loss).items()}
    given |= {n: f"torch.tensor({given[n]}, dtype=X.dtype)" for n in ("weight", "pos_weight") if n in given}
    return [f"loss_of = nn.{type(loss).__name__}({', '.join(f'{name}={text}' for name, text in given.items())})"]


def optimizer_of(optimizer) -> str:
    """With the settings that are not as usual: what is usual is the same in both."""
    usual, name = type(optimizer).defaults(), type(optimizer).__name__
    if name in UNLIKE:
        refuse(f"PyTorch has no {name} that would do the same here; try framework='nbprop'")
    if optimizer.groups:
        refuse("no PyTorch script is made of an optimizer with groups; try framework='nbprop'")
    given = {n: v for n, v in optimizer.settings().items() if n == "lr" or (n != "schedule" and v != usual[n])}
    made = call(f"torch.optim.{OPTIMIZERS.get(name, name)}", given)
    return made.replace("(", "(model.parameters(), ", 1)


def indented(text) -> str:
    """Only where there is something to clip at."""
    lines = text.format(check="").splitlines(True)
    return "        if clip_value is not None:\n" + "".join(f"    {line}" for line in lines)


def planned(schedule) -> list[str]:
    """The body of a function of t."""
    if type(schedule).__name__ == "OneCycleLR":
        return ONE_CYCLE.format(**{key: shown(value) for key, value in vars(schedule).items()}).splitlines()
    if type(schedule).__name__ == "Later":
        return [f"    t = max(t - {schedule.start}, 0)", *planned(schedule.plan)]
    if type(schedule).__name__ == "Then":
        first = [f"    {line}" for line in planned(schedule.first)]
        return [f"    if t < {schedule.start}:", *first, f"    t -= {schedule.start}", *planned(schedule.second)]
    if type(schedule).__name__ == "CosineAnnealingWarmRestarts":
        return [*RESTARTS.format(**schedule.settings()).splitlines()]
    if schedule.monitored:
        refuse("no PyTorch script is made of ReduceLROnPlateau, which goes by evaluations; try framework='nbprop'")
    return [f"    return {factor(schedule)}"]


def factor(schedule) -> str:
    """A schedule as an expression of t."""
    name = type(schedule).__name__
    if name == "Product":
        return " * ".join(f"({factor(each)})" for each in (schedule.first, schedule.second))
    if name not in SCHEDULES:
        refuse(f"no PyTorch script is made of a product with {name}; try framework='nbprop'")
    return SCHEDULES[name].format(**{key: shown(value) for key, value in vars(schedule).items()})


def initializer(function, name, settings) -> str:
    """The function that draws weights with an initializer."""
    lines = [f"\ndef {function}(rng, fan_in, fan_out):"]
    if name == "zeros":
        return "\n".join([*lines, "    return np.zeros((fan_out, fan_in))", ""])
    known = {"std": 0.01, "gain": 1.0, "slope": 0.0, "mode": "fan_in", **settings}
    if name == "orthogonal":
        return "\n".join([*lines, ORTHOGONAL.format(gain=shown(known["gain"])), ""])
    std, uniform = INITS[name]
    std = std.format(**{key: value if key == "mode" else shown(value) for key, value in known.items()})
    std = std.replace("1.0 * math", "math").replace("((1 + 0.0 * 0.0) * fan_in)", "fan_in")
    return "\n".join(
        [*lines, f"    std = {std}", f"    return {UNIFORM if known.get('uniform', uniform) else NORMAL}", ""]
    )
