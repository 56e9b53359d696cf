"""A run in a file: all by which it goes on bit by bit, as arrays and JSON. No pickle: reading it executes nothing.

What a file cannot hold (data, functions, modules of one's own) is given to `load` again, and compared with what was
noted of it.
"""

import os
from types import SimpleNamespace
from typing import Any

import numpy as np

from nbprop import data as datasets, nn, optim, saving
from nbprop.checks import whole
from nbprop.nn.likeness import is_own
from nbprop.record import History
from nbprop.record.observation import own_arrays

from . import filling, given as gifts, noted
from .knob import KNOBS
from .noted import Misfit
from .objective import Objective, checked_metrics
from .past import Past
from .run import DEFAULTS, Run
from .supervised import Supervised

HEAD = "run"
RECORDED = {"layers", "percentiles", "lags", "samples"}


def save(trainer, path) -> None:
    """See Trainer.save."""
    run = trainer._run
    if run.batches.rewinds:
        raise ValueError(f"this run cannot be saved: {run.batches.rewinds}")
    parts, own = noted.parts(run), own_arrays(run.model)
    history, columns = trainer.history.state()
    head = {
        "parts": {name: noted.described(name, part) for name, part in parts.items()},
        "generators": [
            {"places": places, "state": noted.generator_state(generator)}
            for generator, places in noted.generators(parts, run.rng)
        ],
        "own": [name for name, _ in own],
        "drawn": [noted.generator_state(generator) for generator in run.objective.generators()],
        "objective": noted.objective(run.objective),
        "loss": noted.loss_now(run),
        "optimizers": {part: noted.optimizer(each) for part, each in run.optimizers.items()},
        "batches": list(run.batches.state()),
        "settings": {name: run.settings[name] for name in DEFAULTS},
        "seed": run.seed,
        "steps": run.steps,
        "history": history,
        "evaluation": trainer.evaluation,
        "every": {name: getattr(trainer, name) for name in ("evaluate_every", "probe_every", "snapshot_every")},
        "watching": sorted(trainer._watching),
        "recorded": list(trainer._recorder.own),
        "speed": trainer.speed,
    }
    arrays = {f"history/{name}": array for name, array in columns.items()}
    for name, part in parts.items():
        arrays |= {f"{name}/{key}": array for key, array in part.state_dict().items()}
    arrays |= {f"own/{i}": array for i, (_, array) in enumerate(own)}
    for i, each in enumerate(run.optimizers.values()):
        arrays |= {f"optimizer{i}/{key}": np.asarray(vector) for key, vector in each.state.items()}
    saving.write(path, HEAD, head, arrays)


def load(
    kind, path, model=None, data=None, loss=None, objective=None, schedule=None, optimizer=None, metrics=None
) -> Any:
    """See Trainer.load. kind: the class of the trainer."""
    misfit = None
    with saving.opened(path, "a run that trainer.save wrote") as file:
        saved = Saved(*saving.read(file, HEAD))
    try:
        made = saved.find_model(model)
        found = saved.find_objective(data, loss, objective, metrics)
        optimizers = saved.find_optimizers(optimizer, schedule, list(found.losses))
        run = Run(made, found, optimizers, saved.settings, saved.head["seed"])
        filling.fill(run, saved)
        return saved.trainer(kind, run)
    except Misfit as error:
        misfit = error
    raise ValueError(f"{os.fspath(path)!r}: {misfit}") from misfit


# ---- what is read ----------------------------------------------------------------------------------------------------


class Saved:
    """What is in a file, checked; nothing of it has had an effect yet."""

    def __init__(self, head, arrays) -> None:
        noted.check_form(head, noted.FORM, "the run")
        self.head, self.given = head, False
        self.arrays = {}  # part of the run -> name -> array
        for key, array in arrays.items():
            part, _, name = key.partition("/")
            self.arrays.setdefault(part, {})[name] = array
        for name in ("seed", "steps"):
            whole(0)(name, head[name])
        self.parts: Any = {name: head["parts"][name] for name in ("model", "block") if name in head["parts"]}
        for name, part in self.parts.items():
            said = {key: tuple(shape_and_dtype) for key, shape_and_dtype in part["arrays"].items()}
            there = {key: (list(a.shape), str(a.dtype)) for key, a in self.arrays.get(name, {}).items()}
            if said != there:
                raise ValueError(f"the arrays of the {name} are not those that it says")
            for module in part["modules"]:
                if [type(each) for each in module] != [str, str, dict]:
                    raise ValueError(f"{noted.short(module)} is no module")
        self.built: dict[str, Any] = {
            name: saving.made(part["plan"], self.arrays.get(name, {}))
            for name, part in self.parts.items()
            if part["plan"] is not None
        }
        if "model" not in self.parts or ("block" in self.parts and "block" not in self.built):
            raise ValueError("there is no model in it")
        for name, part in self.built.items():
            if difference := noted.another_make(self.parts[name], noted.described(name, part), settings=False):
                raise ValueError(difference)
        self.generators = [(noted.generator(each["state"]), list(each["places"])) for each in head["generators"]]
        arrays = self.arrays.get("own", {})
        if list(arrays) != [str(i) for i in range(len(head["own"]))]:
            raise ValueError("the arrays of its modules are not those that it says")
        self.own = dict(zip(head["own"], arrays.values(), strict=True))
        self.drawn = [noted.generator(state).bit_generator.state for state in head["drawn"]]
        for name, module in self.built.items():
            self._place_generators(name, module)
        self.settings = {name: KNOBS[name].check(None, head["settings"][name], {}) for name in DEFAULTS}
        self.loss = self._made_loss()
        self.optimizers = {part: self._optimizer(i, each) for i, (part, each) in enumerate(head["optimizers"].items())}
        self.history = self._history()
        self.evaluation = {str(name): float(value) for name, value in head["evaluation"].items()}
        self.every = {name: whole(1)(name, head["every"][name]) for name in noted.FORM["every"]}
        self.watching = frozenset(head["watching"]) & RECORDED
        self.speed = float(head["speed"])
        self.loss_now = None if head["loss"] is None else float(head["loss"])
        if not self.speed > 0:
            raise ValueError(f"speed cannot be {self.speed}")

    def _place_generators(self, part, module):
        """Give a model that was built its own generators, shared as they were."""
        modules = dict(module.named_modules())
        wanted = {
            place for *_, places in noted.generators({part: module}, np.random.default_rng(0)) for place in places
        }
        for generator, places in self.generators:
            for place in {place for place in places if place.startswith(part + ":")}:
                if place not in wanted:
                    raise ValueError(f"there is no random generator at {place!r}")
                wanted.discard(place)
                outer, _, name = place.removeprefix(part + ":").rpartition(".")
                setattr(modules[outer], name, generator)
        if wanted - {"run"}:
            raise ValueError(f"the random generator of {min(wanted - {'run'})!r} is missing")

    def _made_loss(self):
        """The loss of a Supervised objective; None if it is one's own."""
        objective = self.head["objective"]
        if not objective["whole"]:
            return None
        data, loss = objective["data"], objective["loss"]
        noted.check_form(data, {"name": str, "shapes": [list], "checksum": str}, "the data")
        for shape in data["shapes"]:
            if [type(each) for each in shape] != [str, list, str]:
                raise ValueError(f"{noted.short(shape)} is no shape")
        if "own" in loss:
            return None
        return nn.loss(loss["name"]).name if "name" in loss else saving.made(loss["plan"], {})

    def _optimizer(self, i, each):
        """What an optimizer's load_state_dict takes, its class (None for one's own) and schedule."""
        state = {name: self.arrays[f"optimizer{i}"][name] for name in each["state"]}
        settings = {
            name: tuple(value) if isinstance(value, list) else value for name, value in each["settings"].items()
        }
        known: Any = vars(optim).get(each["class"])
        usual = isinstance(known, type) and issubclass(known, optim.Optimizer) and known is not optim.Optimizer
        if not usual and not each["own"]:
            raise ValueError(f"nb.optim has no {each['class']!r}")
        planned = each["schedule"]
        schedule = noted.made_schedule(planned["plan"]) if planned and "plan" in planned else None
        if planned and schedule is None:
            noted.check_form(planned, {"own": str, "factor": (int, float)}, "the schedule")
        saved = {"name": each["class"], "settings": settings, "t": whole(0)("t", each["t"]), "state": state}
        if not each["own"]:
            known().load_state_dict(saved)  # an error where a setting is none
        return saved, None if each["own"] else known, schedule

    def _history(self):
        meta, arrays = self.head["history"], self.arrays.get("history", {})
        whole(1)("capacity", meta["capacity"])
        for name, column in meta["columns"].items():
            whole(1)("interval", column["interval"])
            whole(4)("capacity", column["capacity"])
            if arrays[f"steps/{name}"].max(initial=0) > self.head["steps"]:
                raise ValueError(f"the history of {name!r} goes beyond step {self.head['steps']}")
        history = History.from_state(meta, arrays)
        for event in history.events:
            if not isinstance(event.name, str) or not isinstance(event.words, str):
                raise ValueError("an event in its history has no words")
            whole(0, self.head["steps"])("step", event.step)
        return history

    # ---- fitted together with what is given --------------------------------------------------------------------------

    def find_model(self, model) -> nn.Module:
        if model is None:
            if "model" not in self.built:
                kinds = dict.fromkeys(kind for _, kind, _ in self.parts["model"]["modules"] if not hasattr(nn, kind))
                own = f" ({', '.join(kinds)})" if kinds else ""
                raise Misfit(f"its model has modules of your own{own}: pass model=, made as it was")
            return self.built["model"]
        if not isinstance(model, nn.Module):
            raise TypeError(f"model must be an nb.nn.Module, got {type(model).__name__}")
        self.given = True
        saved, here = self.parts["model"], noted.described("model", model)
        own = {name for name, module in model.named_modules() if is_own(module)}
        if difference := noted.another_make(saved, here, own=own):
            raise Misfit(f"the model given is not of the architecture that was saved: {difference}")
        places = {frozenset(p for p in places if p.startswith("model:")) for _, places in self.generators}
        if places - {frozenset()} != {
            frozenset(p) for _, p in noted.generators({"model": model}, None) if p != ["run"]
        }:
            raise Misfit(
                "the random generators of the model given are not shared among its modules as in the saved one"
            )
        return model

    def find_objective(self, data, loss, objective, metrics) -> Objective:
        saved = self.head["objective"]
        if objective is not None:
            if data is not None or loss is not None or metrics is not None:
                raise TypeError("an objective brings its own data, loss and metrics: pass either them or objective=")
        elif not saved["whole"]:
            raise Misfit(
                f"it was trained with an objective of its own ({saved['kind']}): pass objective=, made as it was"
            )
        else:
            loss = self._loss(loss)
            objective = Supervised(self._data(data, loss), loss, metrics=self._metrics(metrics))
        here = noted.objective(objective)
        for what in ("kind", "loss", "metrics", "augment"):
            if here[what] != saved[what]:
                raise Misfit(
                    f"the objective is another one: {what} was {noted.short(saved[what])}, "
                    f"and is {noted.short(here[what])}"
                )
        if difference := noted.other_data(saved["data"], here["data"]):
            raise Misfit(
                f"the data are not those it was trained on: {difference}. To go on with others, load it with the same, "
                "then set trainer.data, which is a turn that the run remembers"
            )
        return self._turned(objective, saved)

    def _turned(self, objective, saved):
        """With the single samples that were left out, weighed or relabelled; an older file has none."""
        named = {"sample_weights": saved.get("weights", []), "relabelled": saved.get("labels", [])}
        if not any(named.values()):
            return objective
        run = SimpleNamespace(objective=objective)
        try:
            weights, labels = (KNOBS[name].check(run, pairs, {}) for name, pairs in named.items())
            return objective.turned(weights, labels)
        except (ValueError, TypeError) as error:
            raise Misfit(f"it is damaged: {error}") from error

    def _data(self, data, loss):
        if data is not None:
            return gifts.dataset(data, loss=loss)
        name = self.head["objective"]["data"]["name"]
        if name in datasets.DATASETS:
            data = datasets.dataset(name)
            if not noted.other_data(self.head["objective"]["data"], noted.fingerprint(Supervised(data))):
                return data
            raise Misfit(
                f"its data {name!r} were made with settings of their own: pass data=nb.data.{name}(...) as it was"
            )
        raise Misfit(f"the file does not hold the data ({name!r}): pass data=, the same as it was")

    def _loss(self, loss):
        saved = self.head["objective"]["loss"]
        if loss is None and "own" in saved:
            raise Misfit(f"its loss was of your own, {saved['own']}: pass loss=")
        if loss is not None and self.loss is not None and noted.loss(loss) != saved:
            raise Misfit(f"its loss was {self.loss!r}; leave loss= out, then set trainer.loss to go on with another")
        return loss if self.loss is None else self.loss

    def _metrics(self, metrics):
        names, metrics = self.head["objective"]["metrics"], checked_metrics(metrics)
        if sorted(names) != sorted(metrics):
            raise Misfit(f"its metrics were {', '.join(names) or 'none'}: pass metrics= with functions of these names")
        return {name: metrics[name] for name in names}

    def find_optimizers(self, given, schedule, parts) -> dict[Any, Any]:
        """An optimizer for each part, in the state of then."""
        if list(self.optimizers) != parts:
            raise Misfit(f"the objective has the parts {parts}, and the optimizers are for {list(self.optimizers)}")
        made = {}
        for part, (saved, kind, planned) in self.optimizers.items():
            here = given.get(part) if isinstance(given, dict) else given
            if kind is None and not isinstance(here, optim.Optimizer):
                raise Misfit(f"its optimizer was of your own class {saved['name']}: pass optimizer=, one of this class")
            if here is not None and type(here).__name__ != saved["name"]:
                raise Misfit(f"its optimizer was {saved['name']}, the one given is {type(here).__name__}: leave it out,"
                             " then set trainer.optimizer to go on with another")  # fmt: skip
            made[part] = kind() if kind is not None else gifts.optimizer(here)
            try:
                made[part].load_state_dict(saved)
            except (ValueError, TypeError, AttributeError) as error:
                raise Misfit(f"the optimizer given cannot take over the state of then: {error}") from error
            made[part].assign("schedule", self._schedule(part, planned, schedule))
        return made

    def _schedule(self, part, planned, given):
        then = self.head["optimizers"][part]["schedule"]
        given = given.get(part) if isinstance(given, dict) else given
        if then is None or planned is not None:
            if given is not None and given != planned:
                was = "there was no schedule" if planned is None else f"its schedule was {planned!r}"
                raise Misfit(f"{was}: leave schedule= out, then set trainer.schedule to go on with another")
            return planned
        if not callable(given):
            raise Misfit(f"its schedule was a function of your own, {then['own']}: pass schedule=")
        t = self.head["optimizers"][part]["t"]
        factor: Any = given(t)
        if float(factor) != then["factor"]:
            raise Misfit(
                f"the schedule is another one: it gives {factor:g} for update {t}, and gave {then['factor']:g}"
            )
        return given

    def trainer(self, kind, run) -> Any:
        """The trainer of that class whose run it is."""
        trainer = object.__new__(kind)
        trainer._prepare(**self.every)
        trainer.speed, trainer.evaluation, trainer._watching = self.speed, self.evaluation, self.watching
        trainer._recorder.former = set(self.head["recorded"])
        past = Past(trainer.snapshot_every)
        past.begin(run)
        trainer._take(run, past, self.history)
        trainer.status = "paused" if run.steps else "ready"
        return trainer
