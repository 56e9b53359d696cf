"""Random sequences of turns and steps: rewind leads to the bits of then, undo and redo to those before and after."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nbprop as nb
from nbprop import nn
from nbprop.training.knob import ACTIONS, KNOBS

MOONS = nb.data.moons(samples=60, seed=0)
OTHER = nb.data.moons(samples=50, seed=1)


def each(name, *values):
    return [(f"{name}={value}" if not isinstance(value, np.ndarray) else name, {name: value}) for value in values]


SETS = [
    *each("lr", 0.01, 0.2),
    *each("optimizer", "sgd", "nesterov", "adam", "rmsprop", nb.optim.AdamW(lr=0.03, weight_decay=0.02)),
    *each("weight_decay", 0.0, 0.05),
    *each("eps", 1e-6),
    *each("momentum", 0.3),
    *each("dampening", 0.5),
    *each("nesterov", True),
    *each("betas", (0.5, 0.9)),
    *each("amsgrad", True),
    *each("momentum_decay", 0.1),
    *each("ns_steps", 2),
    *each("alpha", 0.5),
    *each("centered", True),
    *each("rho", 0.5),
    *each("optimizer", nb.optim.Genetic(population=4), "annealing"),
    *[one for name in ("temperature", "sigma", "inertia", "cognitive", "social", "spread") for one in each(name, 0.2)],
    *[one for name in ("mutation", "crossover", "cooling") for one in each(name, 0.5)],
    *[one for name in ("population", "trials", "tournament") for one in each(name, 2)],
    *each("ranks", False),
    *each("schedule", None, nb.optim.schedules.StepLR(2, 0.5), "halving", "warm_up"),
    *each("groups", [{"params": "*.bias", "lr": 0.01}], ()),
    *each("batch_size", 5, 16, 1000),
    *each("drop_last", True, False),
    *each("accumulate", 1, 3),
    *each("clip", None, 0.1),
    *each("clip_value", None, 0.02),
    *each("l1", 0.0, 0.01),
    *each("data", OTHER),
    *each("loss", "bce", "hinge"),
    *each("activation", "relu", "tanh", ("tanh", "relu")),
    *each("hidden_activations", "relu", ("sigmoid", "tanh"), ("gelu",)),
    *each("dropout", 0.0, 0.4),
    *each("batch_norm", True, False),
    *each("frozen", (), ("hidden 1",)),
    *each("silenced", (), (("hidden 1", 0), ("hidden 2", 3))),
    *each("frozen_units", (), (("hidden 1", 1), ("output", 0)), (("hidden 2", 4),)),
    *each("sample_weights", (), ((1, 0.0), (4, 0.5)), ((0, 0.0),)),
    *each("relabelled", (), ((2, 1), (3, 0))),
    *each("hidden", (4,), (3, 5), ()),
    *each("depth", 1, 3),
    *each("width", 3, 6),
]
CALLS = [
    ("scale", lambda t: t.scale(-1, 0.5)),
    ("reinitialize", lambda t: t.reinitialize(0)),
    ("reinitialize all", lambda t: t.reinitialize("all", "he")),
    ("set_weight", lambda t: t.set_weight("output", 0, 0, 0.3)),
    ("set_bias", lambda t: t.set_bias(0, 1, -0.2)),
    ("insert", lambda t: t.insert(0)),
    ("insert wide", lambda t: t.insert(1, 7)),
    ("remove", lambda t: t.remove(0)),
    ("widen", lambda t: t.widen(0, 5)),
    ("theta", lambda t: t.set(theta=t.theta * 0.9)),
    ("state", lambda t: t.set(theta=t.model.state_dict())),
    ("lr of the optimizer", lambda t: setattr(t.optimizer, "lr", 0.07)),
    ("freeze", lambda t: t.freeze("output")),
    ("freeze a unit", lambda t: t.freeze(0, unit=1)),
    ("silence", lambda t: t.silence(0, 2)),
    ("unsilence", lambda t: t.unsilence()),
    ("drop samples", lambda t: t.drop_samples(5, 6)),
    ("weigh", lambda t: t.weigh(6, 7, weight=2)),
    ("relabel", lambda t: t.relabel(8, 0)),
    ("unfreeze", lambda t: t.unfreeze()),
    ("by hand", lambda t: t.model[-1].bias.data.__setitem__(0, 0.5)),
    ("flag by hand", lambda t: setattr(t.model[0].bias, "requires_grad", False)),
]
DEEDS = {name: (lambda t, kw=kw: t.set(**kw)) for name, kw in SETS} | dict(CALLS)


def test_every_knob_and_action_is_tried():
    named = {name for _, kw in SETS for name in kw} | {"theta"}
    assert named == set(KNOBS) - {"objective", "window", "period"}  # of recurrent layers: test_window_knobs.py
    assert set(ACTIONS) <= {name for name, _ in CALLS}


class Told:
    """A trainer, and what it was after every step and every deed."""

    def __init__(self, batch_norm):
        self.trainer = nb.Trainer(
            nn.mlp([2, 4, 4, 1], seed=0, dropout=0.2),
            MOONS,
            batch_size=20,
            optimizer="adam",
            snapshot_every=3,
            evaluate_every=4,
        )
        if batch_norm:
            self.trainer.batch_norm = True
        self.arrived = {}  # step -> what it was on arrival there
        self.kept = []  # what it was before each deed that counts
        self.arrive()

    def now(self):
        t = self.trainer
        run = t._run
        state = {name: vector.copy() for name, vector in run.optimizer.state.items()}
        known = {
            name: value for name, value in run.values.items() if name not in ("theta", "optimizer", "data", "objective")
        }
        return (
            t.steps, t.theta.copy(), state, run.optimizer.t, repr(run.optimizer), run.batches.state(), known,
            list(t.history.events), t.data.name, [g.bit_generator.state for g in t.model.generators()],
            [b.copy() for _, b in t.model.named_buffers()],
            [(p.requires_grad, p.frozen_rows) for p in t.model.parameters()],
        )  # fmt: skip

    def arrive(self):
        self.arrived[self.trainer.steps] = self.now()

    def go(self, steps):
        for _ in range(steps):
            try:
                self.trainer.fit(steps=1, bar=False)
            except nb.Diverged:
                return
            except ValueError as error:  # what is left of the layers is frozen
                assert "all are frozen" in str(error)
                return
            self.arrive()

    def do(self, name):
        t = self.trainer
        before, count = self.now(), len(t._acts.done)
        try:
            DEEDS[name](t)
        except (ValueError, AttributeError) as error:
            same(self.now(), before)  # what is refused changes nothing
            assert len(str(error)) > 20
            return
        t._notice()
        if len(t._acts.done) > count:
            self.kept.append(before)


def same(a, b):
    np.testing.assert_equal(a[:7], b[:7])
    assert [str(e) for e in a[7]] == [str(e) for e in b[7]]
    np.testing.assert_equal(a[8:], b[8:])


SCRIPT = st.lists(st.sampled_from([*DEEDS, *[2, 3, 1, 4] * 8]), min_size=3, max_size=14)


def told(script, batch_norm=False):
    made = Told(batch_norm)
    for word in script:
        made.go(word) if isinstance(word, int) else made.do(word)
    return made


@settings(max_examples=50)
@given(SCRIPT, st.booleans())
def test_rewind_leads_to_every_step_as_it_was(script, batch_norm):
    made = told(script, batch_norm)
    for step in range(made.trainer.steps, -1, -1):
        made.trainer.rewind(step)
        then = made.arrived[step] if step else None
        if step:
            same(made.now(), then)


@settings(max_examples=50)
@given(SCRIPT, st.data())
def test_undo_and_redo_at_any_depth(script, data):
    made = told(script)
    trainer = made.trainer
    last = made.now()
    states = [*made.kept, last]
    place = len(states) - 1
    if place == 0:
        with pytest.raises(ValueError, match="nothing to undo"):
            trainer.undo()
        return
    for _ in range(data.draw(st.integers(1, 2 * len(states)))):
        back = place > 0 and (place == len(states) - 1 or data.draw(st.booleans()))
        trainer.undo() if back else trainer.redo()
        place += -1 if back else 1
        same(made.now(), states[place])
    while place < len(states) - 1:
        trainer.redo()
        place += 1
        same(made.now(), states[place])
    with pytest.raises(ValueError, match="nothing to redo"):
        trainer.redo()
