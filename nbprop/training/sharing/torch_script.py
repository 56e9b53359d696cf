"""A run as a program in plain PyTorch, with a loop by hand: the same first weights, batches and changes.

What the network is made of after each turn is found by turning the knobs of a run that makes no steps.
"""

import copy
from typing import Any

from nbprop import nn
from nbprop.data import Dataset

from .. import makeup, surgery
from ..objective import TRAIN, VALIDATION
from .recipe import OBJECTIVE, Recipe, Turn
from .telling import partial_of, refuse
from .torch_parts import (
    BATCHES,
    CARRY,
    CLIP,
    CLIP_VALUE,
    FIT,
    FITTED,
    L1,
    LINEAR,
    NORM_OFF,
    NORM_ON,
    ONE_BATCH,
    OVER,
    OVER_OR_DROPPED,
    REBUILD,
    SAMPLES,
    SCHEDULE,
    SEVERAL_BATCHES,
    TRAINED,
)  # fmt: skip
from .torch_words import indented, initializer, loss_of, module_of, optimizer_of, planned
from .words import Sources, harmless, laid_out, looped, pairs, shown, stops, title, version

GROUP = (
    "momentum",
    "dampening",
    "nesterov",
    "betas",
    "amsgrad",
    "momentum_decay",
    "alpha",
    "centered",
    "rho",
    "eps",
    "weight_decay",
)  # fmt: skip; settings of a group of parameters
LOOP = ("batch_size", "accumulate", "drop_last", "clip", "clip_value", "l1")  # variables of its loop
BESIDE = {"amsgrad": ("max_exp_avg_sq", "exp_avg_sq"), "centered": ("grad_avg", "square_avg")}  # begins at 0, like this
FORGET = '    state.pop("momentum_buffer", None)  # nbprop forgets it, PyTorch does not'


def torch_script(told: Recipe) -> str:
    """The program. ValueError that names what it cannot hold."""
    return Program(told).text()


class Program:
    """The lines of a program as they come about; `needs`: names of the helpers that they call."""

    def __init__(self, told: Recipe) -> None:
        self.told, self.run, self.dtype = told, told.run(), f"torch.{told.dtype}"
        self.sources, self.needs = Sources(told), set()
        self.inits: dict[str, tuple[str, dict[str, Any]]] = {}  # name of a function -> (initializer, settings)
        self.values = {name: {value} for name, value in self.run.settings.items() if name != "block"}
        for turn in told.turns:
            self.values.get(turn.name, set()).add(turn.value if turn.name in self.values else None)
        optimizers = [told.optimizer, *(turn.value for turn in told.turns if turn.name == "optimizer")]
        self.planned = any(each.schedule is not None for each in optimizers)
        self.planned |= any(turn.name == "schedule" and turn.value is not None for turn in told.turns)
        self.drops = False
        self.check(self.run.objective.data)

    def check(self, data: Dataset) -> None:
        if len(data.output_shape) > 1 or (len(data.input_shape) > 1 and not self.told.flatten):
            refuse(
                f"no PyTorch script is made of samples like those of {data.name!r}, which have several axes; try "
                "framework='nbprop'"
            )

    def text(self) -> str:
        began = [*self.data(self.told.data), *self.begin()]
        body = []
        for step, turns in stops(self.told.turns):
            body += ["", *self.stop(step, turns)]
        body += ["", f"train({self.told.steps})", "", *self.end()]
        parts = [self.helpers(), "\n".join(began) + "\n", "\n" + self.train(), "\n".join(body).lstrip("\n") + "\n"]
        return laid_out("\n".join([*self.heading(), *self.imports("".join(parts)), "", *parts]))

    # ---- above all ---------------------------------------------------------------------------------------------------

    def heading(self) -> list[str]:
        when = "thousands of steps in float64" if self.told.dtype == "float64" else "some hundred steps in float32"
        lines = [
            f'"""{title(self.told)}',
            "",
            f"Written by nbprop {version()}: the run in plain PyTorch, with its first weights, batches and changes.",
            "The losses are those of the run to 1e-5 and better for as long as rounding allows: two programs round",
            f"a little differently, and training makes that grow, to 1e-5 after {when}.",
        ]
        if self.drops:
            lines += ["", "NB: there is dropout, and PyTorch draws other masks than nbprop: the loss will differ."]
        if self.told.metrics:
            lines += ["", f"Not in it: metrics of your own ({', '.join(map(harmless, self.told.metrics))})."]
        return [*lines, '"""', ""]

    def imports(self, text) -> list[str]:
        standard = [f"import {name}" for name in ("math", "sys") if f"{name}." in text]
        standard += ["from itertools import pairwise"] if "pairwise(" in text else []
        others = ["import numpy as np", "import torch", "from torch import nn", ""]
        default = ["", f"torch.set_default_dtype({self.dtype})"] if self.told.dtype != "float32" else []
        return [*standard, *[""] * bool(standard), *others, "import nbprop as nb  # for the data alone", *default]

    def helpers(self) -> str:
        drop = "drop_last" if self.changed("drop_last", False) else ""
        made = [BATCHES.format(drop=", drop_last" if drop else "", over=OVER_OR_DROPPED if drop else OVER)]
        made += [initializer(name, *made) for name, made in self.inits.items()]
        made.append(LINEAR.format(draw=next(iter(self.inits))))
        needs = self.needs
        pieces = {key: text if "fit" in needs else "" for key, text in FITTED.items()}
        norms = {"with_batch_norm": NORM_ON, "without_batch_norm": NORM_OFF}
        made += [CARRY] * bool(needs & {"rebuild", "carry", *norms})
        made += [REBUILD.format(seed=self.told.seed, **pieces)] * ("rebuild" in needs)
        made += [SAMPLES] * bool(needs & {"fit", "with_batch_norm"}) + [FIT] * ("fit" in needs)
        made += [text for name, text in norms.items() if name in needs]
        return "\n".join(made) + "\n"

    def changed(self, name, usual) -> bool:
        """Whether a setting of the run is ever another than the usual one."""
        return self.values[name] != {usual}

    # ---- how it begins -----------------------------------------------------------------------------------------------

    def data(self, source) -> list[str]:
        before, text = self.sources.lines(source)
        return [*before, f"data = {text}", *self.tensors()]

    def tensors(self) -> list[str]:
        """X and y from `data`, for the present loss."""
        return [f"X = {self.inputs('train')}", f"y = {self.targets('train')}"]

    def inputs(self, which) -> str:
        return f"torch.tensor(data.X_{which}{'' if self.told.dtype == 'float32' else f', dtype={self.dtype}'})"

    def targets(self, which) -> str:
        objective, y = self.run.objective, f"data.y_{which}"
        if objective.criterion.name in ("cross_entropy", "nll", "multi_margin"):
            return f"torch.tensor({y})"
        if objective.task in ("regression", "multilabel"):
            return f"torch.tensor({y}, dtype={self.dtype})"
        if objective.data.outputs == 1:
            return f"torch.tensor({y}, dtype={self.dtype})[:, None]"
        return f"nn.functional.one_hot(torch.tensor({y}), {objective.data.outputs}).to({self.dtype})"

    def begin(self) -> list[str]:
        told, run = self.told, self.run
        lines: Any = ["", f"rng = np.random.default_rng({told.model_seed})", "model = nn.Sequential("]
        draw = self.draw(told.init, told.activation)
        for module in self.modules:
            made = (
                f"linear(rng, {module.in_features}, {module.out_features})" if isinstance(module, nn.Linear) else None
            )
            lines.append(f"    {made or self.module(module)},")
        assert draw == next(iter(self.inits))
        lines += [")", *self.loss(), *self.optimizer(told.optimizer, 0), f"batches = Batches(len(X), [{told.seed}, 0])"]
        for name, usual in (("accumulate", 1), ("drop_last", False), ("l1", 0.0), ("clip", None), ("clip_value", None)):
            lines += [f"{name} = {shown(run.settings[name])}"] * self.changed(name, usual)
        lines += [
            f"batch_size = {run.settings['batch_size']}",
            "losses = []  # of each step's batch, before the update",
        ]
        return lines

    def draw(self, init, activation=None) -> str:
        """The name of the function that draws weights so. activation: that of a network, which "he" goes by."""
        name, settings = partial_of(init) or (init, {})
        function = None if activation is None else nn.activation(activation)
        if name == "he" and init == "he" and isinstance(function, nn.LeakyReLU):
            settings = {"slope": function.negative_slope}
        known = next((key for key, made in self.inits.items() if made == (name, settings)), None)
        if known is None:
            known = name if name not in self.inits else f"{name}_{len(self.inits) + 1}"
            self.inits[known] = name, settings
        return known

    def module(self, module) -> str:
        """As PyTorch has it; of a BatchNorm1d with its units."""
        self.drops |= isinstance(module, nn.Dropout) and module.p > 0
        return module_of(module)

    def loss(self) -> list[str]:
        return loss_of(self.run.objective.criterion)

    def optimizer(self, optimizer, step) -> list[str]:
        lines = [f"optimizer = {optimizer_of(optimizer)}"]
        if self.planned:
            lines += [f"lr, began = {shown(optimizer.lr)}, {step}", *self.schedule(optimizer.schedule)]
        return lines

    def schedule(self, schedule) -> list[str]:
        if schedule is None:
            return ["", "", "def schedule(t):", "    return 1.0", "", ""]
        head = ["", "", "def schedule(t):", '    """The factor of the learning rate at update t."""']
        return [*head, *planned(schedule), "", ""]

    # ---- the loop ----------------------------------------------------------------------------------------------------

    def train(self) -> str:
        batch = "batch_size, drop_last" if self.changed("drop_last", False) else "batch_size"
        several, penalized = self.changed("accumulate", 1), self.changed("l1", 0.0)
        clips = {name: self.changed(name, None) for name in ("clip", "clip_value")}
        checks = {name: None in self.values[name] for name in clips}
        text = 'def train(until):\n    """Train on, to the end of step `until`."""\n    while len(losses) < until:\n'
        text += (SEVERAL_BATCHES if several else ONE_BATCH).format(batch=batch)
        text += TRAINED * (penalized or any(clips.values())) + L1 * penalized
        if clips["clip_value"]:
            text += CLIP_VALUE.format(check="") if not checks["clip_value"] else indented(CLIP_VALUE)
        if clips["clip"]:
            text += CLIP.format(check="clip is not None and " if checks["clip"] else "")
        return text + SCHEDULE * self.planned + "        optimizer.step()\n        losses.append(loss.item())\n\n"

    # ---- what was turned ---------------------------------------------------------------------------------------------

    def stop(self, step, turns) -> list[str]:
        if looped(turns):
            for turn in turns:
                self.run.apply(turn.name, turn.value)
            inside = self.assign(turns[0].name, "value")
            head = ["for step, value in [", *(f"    {line}" for line in pairs(turns)), "]:  # fmt: skip"]
            return [*head, *(f"    {line}" for line in ["train(step)", *inside])]
        return [*[f"train({step})"] * (step > 0), *(line for turn in turns for line in self.turn(turn))]

    def turn(self, turn: Turn) -> list[str]:
        """The lines for a turn, which is then made in the run without steps."""
        name, value = turn.name, turn.value
        method = getattr(self, f"turn_{name}", None)
        if name == OBJECTIVE:
            made = {half: each.make() if half == "data" else copy.deepcopy(each) for half, each in value.items()}
            self.run.apply(name, self.run.objective.replaced(**made))
            self.check(self.run.objective.data)
            before = self.data(value["data"]) if "data" in value else [self.tensors()[1]]
            lines = [f"batches = Batches(len(X), [{self.told.seed}, {turn.step}])"] * ("data" in value)
            return [*before, *lines, *(self.loss() if "loss" in value else [])]
        if name == "optimizer":
            self.run.apply(name, {"": value})
            return self.optimizer(value, turn.step)
        lines = method(value, turn.step) if method else None
        if name == "schedule":
            return self.schedule(value)
        self.run.apply(name, value)
        return self.assign(name, shown(value)) if lines is None else lines

    def assign(self, name, text) -> list[str]:
        """Give a plain number its value, which is text."""
        if name == "dropout":
            places = self.places(nn.Dropout)
            self.drops |= any(layer.p > 0 for layer in makeup.dropouts(self.run.model)) or text == "value"
            return [f"for i in {shown(places)}:", f"    model[i].p = {text}"] if places else []
        if name == "lr" and self.planned:
            return [f"lr = {text}"]
        if name in LOOP:
            return [f"{name} = {text}"]
        if name not in ("lr", *GROUP):
            refuse(f"{name} was changed, for which the program has no place")
        lines = [f'optimizer.param_groups[0]["{name}"] = {text}']
        if name == "momentum" and text in ("value", "0.0"):
            states = "optimizer.state.values()" if text != "value" else "() if value else optimizer.state.values()"
            lines += [f"for state in {states}:", FORGET]
        if name in BESIDE:
            new, like = BESIDE[name]
            lines += [
                "for state in optimizer.state.values():",
                f'    state["{new}"] = torch.zeros_like(state["{like}"])',
            ]
        return lines

    @property
    def modules(self) -> list[Any]:
        """Those of the model as it is now."""
        model: Any = self.run.model
        return list(model)

    def places(self, kind) -> tuple[int, ...]:
        """Where such modules are in the model."""
        return tuple(i for i, module in enumerate(self.modules) if isinstance(module, kind))

    def turn_activation(self, value, step) -> list[str]:
        places = self.places(nn.Activation)
        texts = [self.module(nn.activation(each)) for each in (value if isinstance(value, tuple) else [value])]
        if len(texts) == 1 and places:
            return [f"for i in {shown(places)}:", f"    model[i] = {texts[0]}"]
        return [f"model[{i}] = {text}" for i, text in zip(places, texts, strict=False)]

    def turn_dropout(self, value, step) -> list[str] | None:
        if not isinstance(value, tuple):
            return None
        self.drops |= any(value)
        return [f"model[{i}].p = {shown(each)}" for i, each in zip(self.places(nn.Dropout), value, strict=True)]

    def turn_frozen(self, value, step) -> list[str]:
        self.needs.add("carry")
        names = [*makeup.layers_of(self.run)]
        places = self.places(nn.Linear)
        still = tuple(place for place, name in zip(places, names, strict=True) if name in value)
        trained = f"i not in {shown(still)}" if still else "True"
        return [f"for i in {shown(places)}:", f"    model[i].requires_grad_({trained})", "carry(model, {})"]

    def turn_silenced(self, value, step) -> list[str]:
        refuse("single units were silenced or frozen, for which PyTorch has no setting")

    turn_frozen_units = turn_silenced

    def turn_sample_weights(self, value, step) -> list[str]:
        refuse("single samples were left out, weighed or relabelled, which is written down for nbprop alone")

    turn_relabelled = turn_sample_weights

    def turn_batch_norm(self, value, step) -> list[str]:
        name = "with_batch_norm" if value else "without_batch_norm"
        self.needs.add(name)
        return [f"model = {name}()"]

    def turn_scale(self, value, step) -> list[str]:
        return [f"model[{self.place(value[0])}].weight.data *= {shown(value[1])}"]

    def turn_set_weight(self, value, step) -> list[str]:
        name, unit, source, number = value
        return [f"model[{self.place(name)}].weight.data[{unit}, {source}] = {shown(number)}"]

    def turn_set_bias(self, value, step) -> list[str]:
        name, unit, number = value
        return [f"model[{self.place(name)}].bias.data[{unit}] = {shown(number)}"]

    def turn_reinitialize(self, value, step) -> list[str]:
        trained = [name for name in makeup.layers_of(self.run) if name not in makeup.frozen(self.run)]
        draw, lines = self.draw(value[1]), [f"rng = np.random.default_rng([{self.told.seed}, {step}, 5])"]
        for layer in (f"model[{self.place(name)}]" for name in (trained if value[0] == "all" else value[:1])):
            drawn = f"{draw}(rng, {layer}.in_features, {layer}.out_features)"
            lines += [f"{layer}.weight.data[:] = torch.tensor({drawn})", f"{layer}.bias.data.zero_()"]
        return lines

    def place(self, name) -> int:
        return self.places(nn.Linear)[[*makeup.layers_of(self.run)].index(name)]

    def turn_hidden(self, sizes, step) -> list[str]:
        old = len(makeup.blocks(self.run.model))
        return self.rebuild([i if i < old else None for i in range(len(sizes))], sizes, step)

    def turn_insert(self, value, step) -> list[str]:
        at, units = surgery.check_insert(self.run, *value)
        sizes, old = makeup.hidden_sizes(self.run.model), list(range(len(makeup.blocks(self.run.model))))
        return self.rebuild([*old[:at], None, *old[at:]], (*sizes[:at], units, *sizes[at:]), step, at + 1)

    def turn_remove(self, name, step) -> list[str]:
        sizes, at = makeup.hidden_sizes(self.run.model), [*makeup.layers_of(self.run)].index(name)
        return self.rebuild([i for i in range(len(sizes)) if i != at], (*sizes[:at], *sizes[at + 1 :]), step, at)

    def rebuild(self, kept, sizes, step, fitted=None) -> list[str]:
        self.needs |= {"rebuild"} | ({"fit"} if fitted is not None else set())
        like = makeup.last_block(self.run)
        function = next(module for module in like if isinstance(module, nn.Activation))
        draw = self.draw(getattr(self.run.model, "init", "xavier"), function)
        given = f"{shown(list(kept))}, {shown(list(sizes))}, {step}, {draw}"
        if None in kept:
            new = ["nn.BatchNorm1d(units)" if isinstance(m, nn.BatchNorm1d) else self.module(m) for m in like[1:]]
            c, b = surgery.near_identity(function)
            given += f", lambda units: [{', '.join(new)}], ({c:.9g}, {b:.9g})"
        return [f"model = rebuild({given}{'' if fitted is None else f', fitted={fitted}'})"]

    # ---- the end -----------------------------------------------------------------------------------------------------

    def end(self) -> list[str]:
        data = self.run.objective.data
        lines = ["model.eval()", "with torch.no_grad():", '    print(f"after step {len(losses)}")']
        seen = f"[data.sample({TRAIN}).copy()]" if len(data.X_train) > TRAIN else ""
        objective, batch = self.run.objective, self.run.settings["batch_size"]
        summed = objective.criterion.reduction == "sum"  # shown as that of a batch
        part = f" * {min(batch, objective.samples)} / len(y{{}})" if summed else ""
        lines.append(f'    print(f"train_loss: {{loss_of(model(X{seen}), y{seen}){part.format(seen)}:.8g}}")')
        if len(data.X_val):
            some = f'[data.sample({VALIDATION}, "val").copy()]' if len(data.X_val) > VALIDATION else ""
            lines += [f"    X = {self.inputs('val')}{some}", f"    y = {self.targets('val')}{some}"]
            lines.append(f'    print(f"val_loss: {{loss_of(model(X), y){part.format("")}:.8g}}")')
        return lines
