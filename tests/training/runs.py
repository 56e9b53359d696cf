"""Small runs, and all that decides how one goes on."""

import numpy as np

import nbprop as nb
from nbprop import nn

SPIRALS = nb.data.spirals(samples=60, seed=2)
MOONS = nb.data.moons(samples=80, seed=0)


def trainer(data=SPIRALS, optimizer="adam", model=None, **options):
    model = model or nb.nn.mlp([2, 6, 6, 1], dropout=0.2, seed=1)
    return nb.Trainer(model, data, optimizer=optimizer, lr=0.02, batch_size=16, seed=3, **options)


def state(t):
    """All that decides how a run goes on, and what is there of before."""
    run = t._run
    found = {f"model {name}": array for name, array in t.model.state_dict().items()}
    found |= {f"{part} {name}": v for part, o in run.optimizers.items() for name, v in o.state.items()}
    found |= {f"history {name}": values.copy() for name, values in t.history.state()[1].items()}
    found |= {
        "optimizers": [(type(o).__name__, o.settings(), o.t) for o in run.optimizers.values()],
        "generators": [g.bit_generator.state for g in [*t.model.generators(), run.rng]],
        "batches": run.batches.state(),
        "knobs": {n: v for n, v in run.settings.items() if n != "block"},
        "frozen": [name for name, p in t.model.named_parameters() if not p.requires_grad],
        "single units": [t.silenced, t.frozen_units],
        "modes": [module.training for module in t.model.modules()],
        "settings": [(t.evaluate_every, t.probe_every, t.snapshot_every, t.speed, t.seed, t.steps, t._watching)],
        "evaluation": t.evaluation,
        "events": [(event.step, event.name, event.text) for event in t.history.events],
        "kinds": repr(t.model),
    }
    return found


def assert_same(a, b):
    a, b = (state(each) if isinstance(each, nb.Trainer) else each for each in (a, b))
    assert a.keys() == b.keys()
    for name in a:
        if isinstance(a[name], np.ndarray):
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)
            assert a[name].dtype == b[name].dtype, name
        else:
            assert a[name] == b[name], name


def check(t, path, steps=25, **given):
    """Save, load, and go on with both: they must be the same at each point."""
    t.save(path)
    other = type(t).load(path, **given)
    assert_same(t, other)
    assert other.status == ("paused" if t.steps else "ready")
    for each in (t, other):
        each.fit(steps=steps, bar=False)
    assert_same(t, other)
    return other


# ---- for objectives --------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2)).astype(np.float32)
Y = X[:, :1] * X[:, 1:]


def error(model, batch):
    x, y = batch
    return ((model(x) - y) ** 2).mean()


def net(outputs=1, **settings):
    return nn.mlp([2, 4, outputs], seed=0, **settings)


def drawing():
    """A loss that draws from a generator of its own."""
    rng = np.random.default_rng(7)

    def loss(model, batch):
        x, y = batch
        return ((model(x + rng.normal(size=x.shape).astype(np.float32)) - y) ** 2).mean()

    return nb.Objective(loss, nb.data.Arrays(X, Y))


def on_moons(model=None, **settings):
    """A run without random numbers but the order of the samples."""
    model = model or nn.mlp([2, 8, 8, 1], seed=0)
    return nb.Trainer(model, MOONS, **{"lr": 0.01, "batch_size": 16, "seed": 1, **settings})


def negated(t):
    """An edit that keeps the length of theta."""
    t.model[0].weight.data *= -1
