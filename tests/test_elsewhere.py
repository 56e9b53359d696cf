"""Names that PyTorch has and nbprop has not: what to type instead is said, and is there."""

import copy
import pickle
import re

import numpy as np
import pytest

import nbprop as nb
from nbprop import nn
from nbprop.elsewhere import INSTEAD

PLACES = {
    "module 'nbprop'": nb, "module 'nbprop.nn'": nn, "module 'nbprop.nn.init'": nn.init,
    "module 'nbprop.optim'": nb.optim, "module": nn.Linear(2, 3, rng=0),
    "schedule": nb.optim.StepLR(3),
}  # fmt: skip
EVERY = [
    (where, name, text) for where, texts in INSTEAD.items() for text, names in texts.items() for name in names.split()
]


@pytest.mark.parametrize(("where", "name", "text"), EVERY)
def test_what_to_type_instead(where, name, text):
    start = {"module": "Linear", "schedule": "StepLR"}.get(where, where)
    words = f"{start} has no attribute {name!r}; {text.format(name=name)}"
    with pytest.raises(AttributeError, match=f"^{re.escape(words)}$"):
        getattr(PLACES[where], name)


@pytest.mark.parametrize("text", dict.fromkeys(text for _, _, text in EVERY))
def test_what_is_named_is_there(text):
    for dotted in re.findall(r"\bnb((?:\.\w+)+)", text.replace("{name}", "stack")):
        found = nb
        for name in dotted[1:].split("."):
            found = getattr(found, name)
    for settings in re.findall(r"nb\.nn\.Linear\((2, 3, .*?\)?)\)", text):
        exec(f"nn.Linear({settings})", {"nn": nn, "nb": nb, "np": np})


def test_a_name_that_is_only_mistyped():
    for place, name, meant in ((nb, "Trianer", "Trainer"), (nn, "Liner", "Linear"), (nb.optim, "Adan", "Adam")):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'; did you mean '{meant}'"):
            getattr(place, name)
    with pytest.raises(AttributeError, match=r"^Sequential has no attribute 'wieghts'$"):
        nn.Sequential().wieghts  # noqa: B018
    assert not hasattr(nn.Linear(2, 3, rng=0), "_of_mine") and not hasattr(nb, "__wrapped__")


def test_names_of_pytorch_for_what_is_here():
    optim = nb.optim
    assert (optim.RMSprop, optim.Adagrad, optim.Adadelta) == (optim.RMSProp, optim.AdaGrad, optim.AdaDelta)
    assert optim.lr_scheduler.StepLR is optim.StepLR and optim.clip_grad_norm_ is optim.clip_grad_norm


def test_modules_are_copied_and_pickled_as_before():
    model = nn.mlp([2, 3, 1], seed=0)
    for other in (copy.deepcopy(model), copy.copy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.theta, model.theta)


def test_a_dict_of_layers():
    layers = {"a": nn.Linear(2, 3, rng=0), "b": nn.ReLU()}
    with pytest.raises(TypeError, match=r"write Sequential\(\*layers\.values\(\)\)"):
        nn.Sequential(layers)
    assert len(nn.Sequential(*layers.values())) == 2
