"""Runs with settings and turns drawn at random, for what writes a run down and makes it again."""

import numpy as np

import nbprop as nb
from nbprop import nn, optim

ACTIVATIONS = [*nn.ACTIVATIONS, nn.LeakyReLU(0.2), nn.ELU(0.7), nn.GELU("none")]
INITS = ["xavier", "he", "lecun", "standard", "orthogonal", nn.init.normal(std=0.3), nn.init.he(uniform=True)]
OPTIMIZERS = [
    lambda lr: optim.SGD(lr=lr),
    lambda lr: optim.SGD(lr=lr, momentum=0.8, nesterov=True, weight_decay=0.01),
    lambda lr: optim.Adam(lr=lr / 5, betas=(0.8, 0.99)),
    lambda lr: optim.AdamW(lr=lr / 5, weight_decay=0.1),
    lambda lr: optim.RMSProp(lr=lr / 10, centered=True),
    lambda lr: optim.RMSProp(lr=lr / 10, alpha=0.9),
    lambda lr: optim.AdaGrad(lr=lr / 2),
    lambda lr: optim.AdaDelta(lr=1.0, rho=0.8),
    lambda lr: optim.RAdam(lr=lr / 5, weight_decay=0.01),
    lambda lr: optim.Adamax(lr=lr / 5),
    lambda lr: optim.Adam(lr=lr / 5, schedule=optim.LinearLR(20) * optim.CosineAnnealingLR(200, 0.1)),
]
NAMES = [name for name in optim.OPTIMIZERS if name not in ("lion", "muon", "nadam")]  # those that PyTorch has, too
SCHEDULES = [
    None,
    optim.StepLR(10, 0.7),
    optim.MultiStepLR([5, 20], 0.6),
    optim.ExponentialLR(0.99),
    optim.OneCycleLR(100),
    "cosine",
    "one_cycle",
]
LOSSES = {
    "binary": ["bce", "mse", "mae", "hinge", nn.HuberLoss(delta=0.3)],
    "multiclass": ["cross_entropy", "mse", nn.CrossEntropyLoss([0.5, 2, 1], None, "mean", 0.1)],
    "regression": ["mse", "mae", "huber"],
}


def dataset(rng, name=None):
    name = name or str(rng.choice(["spirals", "moons", "circles", "xor", "gaussians", "wave", "surface"]))
    return nb.data.dataset(
        name,
        samples=int(rng.choice([100, 400, 700])),
        noise=float(rng.choice([0.0, 0.15])),
        validation=float(rng.choice([0.0, 0.25, 0.4])),
        seed=int(rng.integers(5)),
    )


def one_of(rng, options):
    return options[rng.integers(len(options))]


def begun(rng, dropout=True, dtype=None):
    """A trainer before its first step."""
    data, dtype = dataset(rng), dtype or one_of(rng, [np.float32, np.float64])
    hidden = [int(n) for n in rng.integers(2, 9, rng.integers(0, 4))]
    share = one_of(rng, [None, 0.0, 0.2]) if dropout else one_of(rng, [None, 0.0])
    model = nn.mlp(
        [data.inputs, *hidden, data.outputs],
        activation=one_of(rng, ACTIVATIONS if hidden else [*nn.ACTIVATIONS]),
        init=one_of(rng, INITS),
        seed=int(rng.integers(100)),
        dtype=dtype,
        dropout=share,
    )
    return nb.Trainer(
        model,
        data,
        loss=one_of(rng, LOSSES[data.task]),
        optimizer=one_of(rng, OPTIMIZERS)(0.05),
        batch_size=int(rng.choice([16, 32, 50])),
        seed=int(rng.integers(10)),
        clip=one_of(rng, [None, 0.5]),
        l1=one_of(rng, [0.0, 1e-3]),
        drop_last=bool(rng.integers(2)),
        accumulate=int(rng.integers(1, 3)),
    )


def turns(rng, trainer, dropout=True, single=True):
    """Name -> a function that turns something. single: also single units."""
    hidden = [int(n) for n in rng.integers(2, 9, rng.integers(0, 5))]
    layer = int(rng.integers(len(trainer.layers)))
    found = {
        "lr": lambda: trainer.set(lr=float(10 ** rng.uniform(-3, -1))),
        "drag": lambda: [(trainer.set(lr=x), trainer.fit(steps=2, bar=False)) for x in (0.011, 0.012, 0.013, 0.014)],
        "momentum": lambda: trainer.set(momentum=one_of(rng, [0.0, 0.5, 0.9])),
        "weight_decay": lambda: trainer.set(weight_decay=one_of(rng, [0.0, 0.01])),
        "betas": lambda: trainer.set(betas=(0.7, 0.95)),
        "eps": lambda: trainer.set(eps=1e-6),
        "centered": lambda: trainer.set(centered=bool(rng.integers(2))),
        "schedule": lambda: trainer.set(schedule=one_of(rng, SCHEDULES)),
        "optimizer": lambda: trainer.set(optimizer=one_of(rng, OPTIMIZERS)(0.03)),
        "name": lambda: trainer.set(optimizer=one_of(rng, NAMES)),
        "batch_size": lambda: trainer.set(batch_size=int(rng.choice([8, 24, 64]))),
        "drop_last": lambda: trainer.set(drop_last=bool(rng.integers(2))),
        "accumulate": lambda: trainer.set(accumulate=int(rng.integers(1, 4))),
        "clip": lambda: trainer.set(clip=one_of(rng, [None, 0.3])),
        "clip_value": lambda: trainer.set(clip_value=one_of(rng, [None, 0.1])),
        "l1": lambda: trainer.set(l1=one_of(rng, [0.0, 1e-3])),
        "data": lambda: trainer.set(data=dataset(rng, trainer.data.name)),
        "loss": lambda: trainer.set(loss=one_of(rng, LOSSES[trainer.data.task])),
        "activation": lambda: trainer.set(activation=one_of(rng, ACTIVATIONS)),
        "activations": lambda: trainer.set(activation=["tanh", "relu", "silu"][: len(trainer.hidden)]),
        "batch_norm": lambda: trainer.set(batch_norm=bool(rng.integers(2))),
        "frozen": lambda: trainer.set(frozen=[layer] if rng.integers(2) else []),
        "hidden": lambda: trainer.set(hidden=hidden),
        "depth": lambda: trainer.set(depth=int(rng.integers(0, 5))),
        "width": lambda: trainer.set(width=int(rng.integers(2, 10))),
        "scale": lambda: trainer.scale(layer, 0.8),
        "reinitialize": lambda: trainer.reinitialize(layer, one_of(rng, INITS)),
        "insert": lambda: trainer.insert(int(rng.integers(len(trainer.hidden) + 1))),
        "remove": lambda: trainer.remove(layer),
    }
    if dropout:
        found["dropout"] = lambda: trainer.set(dropout=float(rng.choice([0.0, 0.3])))
    if single:
        pairs = [(layer, int(rng.integers(3)))] if rng.integers(3) else []
        found |= {name: lambda name=name: trainer.set(**{name: pairs}) for name in ("silenced", "frozen_units")}
        samples = [(int(i), one_of(rng, [0, 1])) for i in rng.choice(8, 2, replace=False)]
        found |= {name: lambda name=name: trainer.set(**{name: samples}) for name in ("sample_weights", "relabelled")}
    return found


def run(seed, count=6, dropout=True, steps=12, dtype=None, single=True):
    """(trainer, names of what was turned): a run with some turns; what cannot be turned is left out."""
    rng = np.random.default_rng(seed)
    trainer, done = begun(rng, dropout, dtype), []
    trainer.fit(steps=int(rng.integers(steps)), bar=False)
    for _ in range(count):
        every = turns(rng, trainer, dropout, single)
        name = one_of(rng, [*every])
        try:
            every[name]()
        except (ValueError, TypeError):  # there is no place for it
            continue
        done.append(name)
        trainer.fit(steps=int(rng.integers(steps)), bar=False)
    return trainer, done
