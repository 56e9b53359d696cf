"""A run as a Python program: what was done to it, in the order in which it was done."""

import math
from typing import Any

from nbprop.checks import choice

from ..knob import ACTIONS
from .recipe import OBJECTIVE, Recipe, Turn
from .telling import recipe_of
from .words import Sources, call, harmless, laid_out, looped, optimizer, pairs, shown, stops, title, version


def script(trainer, framework: str = "nbprop") -> str:
    """See Trainer.script."""
    choice("nbprop", "torch")("framework", framework)
    told = recipe_of(trainer)
    if framework == "torch":
        from .torch_script import torch_script

        return torch_script(told)
    return nbprop_script(told)


def nbprop_script(told: Recipe) -> str:
    """The program that makes this run with nbprop, bit by bit."""
    sources, body = Sources(told), []
    before, data = sources.lines(told.data)
    body += [*before, f"data = {data}", *_model(told), *_trainer(told), "", ""]
    body += TRAIN.splitlines()
    for step, turns in stops(told.turns):
        body.append("")
        if looped(turns):
            name = turns[0].name
            body += [f"for step, {name} in [", *(f"    {line}" for line in pairs(turns)), "]:  # fmt: skip"]
            body += ["    train(step)", f"    trainer.{name} = {name}"]
            continue
        body += [f"train({step})"] * (step > 0)
        for turn in turns:
            body += _turn(turn, sources)
    body += ["", f"train({told.steps})", *END.splitlines()]
    imports = ["import sys", "", "import numpy as np", ""] if sources.own else []
    return laid_out("\n".join([*_heading(told), *imports, "import nbprop as nb", "", *body, ""]))


TRAIN = '''\
def train(until):
    """Train on, to the end of step `until`."""
    trainer.fit(steps=until - trainer.steps, bar=False)

'''
END = """\
print(f"after step {trainer.steps}")
for name, value in trainer.evaluate().items():
    print(f"{name}: {value:.8g}")"""


def _heading(told):
    lines = [f'"""{title(told)}', "", f"Written by nbprop {version()}; it makes the same run again, bit by bit."]
    if told.metrics:
        lines.append(
            f"Not in it: metrics of your own ({', '.join(map(harmless, told.metrics))}), from which nothing is learned."
        )
    return [*lines, '"""', ""]


def _model(told):
    data = told.data.make()
    inputs = math.prod(data.input_shape) if told.flatten else data.inputs
    settings: dict[str, Any] = {"activation": told.activation, "init": told.init, "seed": told.model_seed}
    settings |= {} if told.dropout is None else {"dropout": told.dropout}
    made = call("nb.nn.mlp", settings).replace(
        "(", f"([{', '.join(map(str, [inputs, *told.hidden, data.outputs]))}], ", 1
    )
    if told.dtype != "float32":
        made = f'{made[:-1]}, dtype="{told.dtype}")'
    lines = [f"model = {made}"]
    if told.batch_norm:
        dtype = "" if told.dtype == "float32" else f', dtype="{told.dtype}"'
        lines += [
            "for i in reversed([i for i, layer in enumerate(model) if isinstance(layer, nb.nn.Linear)][:-1]):",
            f"    model.insert(i + 1, nb.nn.BatchNorm1d(model[i].out_features{dtype}))",
        ]
    if told.flatten:
        lines.append("model.insert(0, nb.nn.Flatten())  # a picture becomes a row of numbers")
    return lines


def _trainer(told):
    settings = {"loss": told.loss, "optimizer": None, "batch_size": 32, **told.knobs, "seed": told.seed}
    settings |= {"evaluate_every": told.evaluate_every} if told.evaluate_every != 20 else {}
    parts = [f"{name}={shown(value)}" for name, value in settings.items() if name != "optimizer"]
    parts.insert(1, f"optimizer={optimizer(told.optimizer)}")
    return [f"trainer = nb.Trainer(model, data, {', '.join(parts)})"]


def _turn(turn: Turn, sources: Sources):
    """The lines for one turn."""
    name, value = turn.name, turn.value
    if name in ACTIONS:
        given = value if isinstance(value, tuple) else (value,)
        return [f"trainer.{name}({', '.join(map(shown, given))})"]
    if name == OBJECTIVE:
        before, parts = [], []
        for half, each in value.items():
            more, text = sources.lines(each) if half == "data" else ([], shown(each))
            before, parts = [*before, *more], [*parts, f"{half}={text}"]
        return [*before, f"trainer.set({', '.join(parts)})"]
    return [f"trainer.{name} = {optimizer(value) if name == 'optimizer' else shown(value)}"]
