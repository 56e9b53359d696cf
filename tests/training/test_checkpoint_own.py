"""What modules of the user's own keep, in a file: arrays, lists, numbers, and what a forward has made."""

import numpy as np
import pytest
from runs import SPIRALS, check, trainer

import nbprop as nb
from nbprop import nn


class Keeping(nn.Module):
    """Its forward goes by what it has kept: arrays, in a list too, written in place; a list that grows; a count."""

    def __init__(self, size=2):
        self.inner = nn.mlp([2, 4, 1], seed=4)
        self.scale, self.more, self.log, self._calls = np.ones(2, np.float32), [np.zeros(size)], [], 0

    def forward(self, x):
        if self.training:
            self.scale *= 0.9
            self.more[0] += 0.1
        return self.inner(x * nb.Tensor(self.scale)) * (1 + float(self.more[0].sum()))


def test_arrays_that_modules_keep(tmp_path):
    t = trainer(model=Keeping())
    t.fit(steps=7, bar=False)
    other = check(t, tmp_path / "run.npz", model=Keeping(), data=SPIRALS)
    np.testing.assert_array_equal(other.model.scale, t.model.scale)
    np.testing.assert_array_equal(other.model.more, t.model.more)
    with pytest.raises(ValueError, match=r"more.0, an array .* was of shape \(2,\) .* and is of shape \(3,\)"):
        nb.Trainer.load(tmp_path / "run.npz", model=Keeping(size=3), data=SPIRALS)
    still = Keeping()
    still.scale.flags.writeable = False
    with pytest.raises(ValueError, match=r"scale, an array .* has other numbers, and is read-only"):
        nb.Trainer.load(tmp_path / "run.npz", model=still, data=SPIRALS)


@pytest.mark.parametrize("name, value, match", [("log", [1, 2], r"log was \[1, 2\]"), ("_calls", 3, "_calls was 3")])
def test_what_else_modules_keep_is_to_be_set_again(name, value, match, tmp_path):
    t, other = trainer(model=Keeping()), Keeping()
    setattr(t.model, name, value)
    t.fit(steps=3, bar=False)
    t.save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=match + ".*set it before loading"):
        nb.Trainer.load(tmp_path / "run.npz", model=Keeping(), data=SPIRALS)
    setattr(other, name, value)
    check(t, tmp_path / "run.npz", model=other, data=SPIRALS)


class Stash(nn.Module):
    """Its forward keeps what it saw: in an attribute, in a list, and in a note."""

    _notes = ("seen",)

    def __init__(self):
        self.inner, self.memory = nn.mlp([2, 4, 1], seed=4), []

    def forward(self, x):
        if self.training:
            self.last, self.mean, self.seen = x.data.mean(axis=0), float(x.data.mean()), x.data
            if len(self.memory) < 3:
                self.memory.append(x.data[0].copy())
        return self.inner(x) * (1 + 0.1 * len(self.memory) + getattr(self, "mean", 0))


def test_what_a_forward_has_made_is_made_again(tmp_path):
    t = trainer(model=Stash())
    t.fit(steps=7, bar=False)
    other = check(t, tmp_path / "run.npz", model=Stash(), data=SPIRALS)
    assert len(other.model.memory) == 3
    np.testing.assert_array_equal(other.model.last, t.model.last)
    taken = Stash()
    taken.memory = 3
    with pytest.raises(ValueError, match=r"memory was missing and is 3"):
        nb.Trainer.load(tmp_path / "run.npz", model=taken, data=SPIRALS)
