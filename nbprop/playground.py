"""The whole thing in one cell: a network that learns, four views of it, and every knob within reach."""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nbprop import comparing, data as datasets, nn, optim
from nbprop.checks import number, whole
from nbprop.data import remade
from nbprop.presets import PRESETS, VIEWS, preset
from nbprop.record.controls import Choice, Number, Slider
from nbprop.record.lessons import Lesson
from nbprop.training import Trainer, given
from nbprop.training.applying import optimizer_name, sizes
from nbprop.training.sharing import code, from_code
from nbprop.views.base.folder import kind, names as kinds
from nbprop.views.board import Board, dial as dials
from nbprop.views.board.desk import Button, Desk, steering
from nbprop.views.board.dial import Dial

CONTROLS = ("batch_size", "depth", "width", "hidden", "activation", "dropout", "optimizer", "lr")
OWN_DIALS = ("data", "noise", "validation", "init", "seed", "speed")  # those that are no knobs of a trainer

DATA = Choice(
    "Data",
    tuple(datasets.DATASETS),
    "What the network learns",
    about="What the network learns from: samples, each with the answer that it should give. Data of the same shape go "
    "on with the weights as they are, others start a new run.",
    lesson=Lesson(0, "A network to play with"),
)
NOISE = Slider(
    "Noise", 0, 0.5, 0.05, "Noise added to the data",
    about="How much chance is mixed into the data: the more of it, the further the samples are scattered. Where "
    "classes overlap nobody gets all of them right, and a network that does has learned them by heart.",
    lesson=Lesson(7, "By heart"),
)  # fmt: skip
VALIDATION = Slider(
    "Validation", 0.1, 0.5, 0.05, "Share of the samples held back",
    about="The share of the samples that is held back: the network never learns from these. Only they can tell whether "
    "it has understood something, or learned the others by heart.",
    lesson=Lesson(7, "Two losses"),
)  # fmt: skip
INIT = Choice(
    "Initializer",
    tuple(nn.INITIALIZERS),
    "Initial weights; starts a new run",
    about="How the first weights are drawn at random. Too small, and the signal dies out on its way through the "
    "layers; too large, and it explodes: xavier suits tanh, he suits relu.",
    lesson=Lesson(5, "How to draw the weights"),
)
SEED = Number(
    "Seed", 0, "Of data, weights and batches; starts a new run",
    about="The number from which all chance comes: the data, the first weights, the order of the samples. The same "
    "seed gives the same run again; another one shows what was luck.",
    lesson=Lesson(7, "Two losses"),
)  # fmt: skip


class Playground(Board):
    """Controls on the left; loss, gradient flow, histograms and what the network has learned on the right.

    data: a `data.Dataset`, the name of one, arrays (X, y), or what `data.read` reads: a data frame or CSV file, of
        which `target` is the column to predict, a folder of pictures, ... Pictures and sequences are flattened first.
    hidden: units of each hidden layer. activation, init: names. optimizer: a name, or one of `nb.optim`.
    lr: learning rate, by default the optimizer's own. batch_size: samples per step.
    noise, validation: of the named data set. seed: of data, weights and batches. speed: most steps per second, so that
    there is something to watch; `float("inf")` for as fast as it goes. dropout: probability, behind each hidden layer.
    controls: names of the knobs to show, out of `trainer.knobs`, beside data, noise, validation, initializer, seed
    and speed, such as ["lr", "clip", "weight_decay", "batch_norm"]. By default the usual ones, and below them, folded
    away, all others: Layers (hidden_activations, batch_norm, frozen, loss), Optimizer (all settings that one of them
    has, and the schedule), Regularization (weight_decay, l1) and Gradient (clip, clip_value, accumulate, drop_last).

    Every knob acts at the next step and keeps the weights, as do data of the same shape. Other data, the initializer
    and the seed start a new run. Undo takes back what was done, step by step, and Redo brings it back. Everything can
    also be done in code while it runs: `playground.trainer.lr = 0.1`, or `playground.lr = 0.1`: what has a control is a
    trait too, for `widgets.link`, `observe` and sliders of your own.
    """

    def __init__(
        self,
        data: Any = "spirals",
        hidden: Sequence[int] = (8, 8, 8, 8),
        activation: "str | nn.Activation" = "tanh",
        init: Any = "xavier",
        optimizer: "str | optim.Optimizer" = "adam",
        lr: "float | None" = None,
        batch_size: int = 32,
        noise: float = 0.1,
        validation: float = 0.25,
        seed: int = 0,
        speed: float = 300,
        dropout: float = 0.0,
        *,
        target: "str | int | list[str] | None" = None,
        controls: "Sequence[str] | None" = None,
    ) -> None:
        seed = whole(0)("seed", seed)
        if isinstance(data, str) and target is None and data in datasets.DATASETS:
            self._own, data = None, datasets.dataset(data, noise=noise, validation=validation, seed=seed)
        else:
            self._own = data = _fitting(given.dataset(data, target=target))
        self._hidden = sizes(hidden)
        self._changed_own = self._own  # as it is now, with noise or another split
        self._initializer = init
        self.trainer = Trainer(
            _network(data, self._hidden, activation, init, number(0, 1)("dropout", dropout), seed=seed),
            data,
            optimizer=optimizer,
            lr=lr,
            batch_size=batch_size,
            seed=seed,
        )
        self.trainer.speed = speed
        words = "" if self._own is None else next(iter(self._own.told), "")
        self._noted = self.trainer.history, words  # the run, and what there is to see of it
        desk = Desk(
            self.trainer, self._dials(controls), self._turn, self._standing, self._buttons(), "left", self._note
        )
        self._wanted = () if controls is None else tuple(controls)
        super().__init__(*(kind(name)(self.trainer) for name in VIEWS), columns=2, timeline=True, desk=desk)

    def _buttons(self):
        trainer = self.trainer
        pin = "Keep the run as it is now, pale behind the pictures; once more: take all that are pale away"
        return {
            **steering(trainer, "", "Start again from new initial weights; Undo brings this run back"),
            "undo": Button(
                "Undo", "Take back the last thing that was done", trainer.undo,
                lambda: trainer.undoable, ("nothing to undo", "Undo several at once"),
            ),
            "redo": Button(
                "Redo", "Bring back what Undo took away", trainer.redo,
                lambda: trainer.redoable, ("nothing to redo", "Redo several at once"),
            ),
            "pin": Button(
                "Pin", pin, lambda n: self.unpin() if self.ghosts else self.pin(),
                lambda: [words for words, _ in _offers(trainer)],
                ("nothing to compare with", "The same run from its start, with instead"),
                lambda n: self.instead(**_offers(trainer)[n - 1][1]),
            ),
            "views": Button(
                "Views", "Which pictures are shown", None,
                lambda: [f"{'✓' if name in self.shown else '+'} {kind(name).title}" for name in self._offered_views()],
                ("", "Show, or take away"), self._toggle, present=False,
            ),
            "presets": Button(
                "Examples", "A new run that is worth seeing; Undo brings this one back", None,
                lambda: list(PRESETS), ("", "A new run"), lambda n: self.preset([*PRESETS][n - 1]),
            ),
        }  # fmt: skip

    def _dials(self, names):
        """Those of the playground itself, and between them those of the trainer's knobs that are to be shown. names:
        None for the usual ones, and all others folded."""
        knobs = self.trainer.knobs
        names, folded = (CONTROLS, dials.grouped(knobs, CONTROLS)) if names is None else (names, [])
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"controls must be names of knobs, such as ['lr', 'clip']; got {names!r}")
        sets = [*datasets.DATASETS] if self._own is None else [self._own.name, *datasets.DATASETS]
        above = {
            "data": replace(DATA, options=tuple(dict.fromkeys(sets))), "noise": NOISE, "validation": VALIDATION,
        }  # fmt: skip
        below = {"init": INIT, "seed": SEED, "speed": dials.SPEED}
        between = dials.dials(self.trainer, [name for name in names if name not in {**above, **below}])
        folded = dials.dials(self.trainer, folded, folded=True)
        own = {name: Dial(name, control) for name, control in {**above, **below}.items()}
        return {**{name: own[name] for name in above}, **between, **{name: own[name] for name in below}, **folded}

    # ---- what is shown -----------------------------------------------------------------------------------------------

    @property
    def shown(self) -> "tuple[str, ...]":
        """Names of the views that are shown, in their order; `show("loss", "network")` shows others."""
        return tuple(view.name for view in self.views)

    def _offered_views(self):
        """Names of the views that have something to show of such a run, and of those that are shown."""
        return [name for name in kinds() if name in self.shown or kind(name).suits(self.trainer)]

    def _toggle(self, number):
        name = self._offered_views()[number - 1]
        left = [each for each in self.shown if each != name]
        if not left:
            raise ValueError("this is the last view that is left: show another one first")
        self.show(*(left if name in self.shown else (*left, name)))

    def preset(self, name: str) -> None:
        """Begin a run that is worth seeing, with the views that show it: "dead ReLUs", "overfitting", ... (all of them:
        `nb.presets.PRESETS`). Undo brings back the run that was there. ValueError for a name that there is not."""
        wanted = preset(name)
        wanted.start(self.trainer)
        self._noted = self.trainer.history, wanted.words
        self.show(*wanted.views)

    def _note(self):
        history, words = self._noted
        return words if history is self.trainer.history else ""

    # ---- from the hand to the trainer --------------------------------------------------------------------------------

    def _turn(self, name, value):
        """What a hand or code asks for, in whatever thread."""
        trainer = self.trainer
        if name in ("data", "noise", "validation"):
            trainer.post(lambda: self._take_data(**{name: value}))
        elif name in ("init", "seed"):
            trainer.post(lambda: self._start_anew(**{name: value}))
        elif name == "speed":
            trainer.speed = value
        else:
            dials.turn(trainer, name, value)

    def _take_data(self, **asked):
        """Other data: of the same shape the run goes on with them."""
        data, old = self._data(**asked), self.trainer.data
        if _shape(data) == _shape(old):
            self.trainer.set(data=data)
        else:
            self._start_anew(data=data)

    def _data(self, data=None, noise=None, validation=None, seed=None) -> Any:
        """What the controls stand at, but for what is asked for."""
        now, trainer = self.trainer.data, self.trainer
        if now.settings is None and now is not self._changed_own:
            self._own, self._changed_own = now, now  # brought along, here or in code
        seed = trainer.seed if seed is None else seed
        if data is not None and not (self._own is not None and data == self._own.name):
            return datasets.dataset(data, noise=_noise(now), validation=remade.share(now), seed=seed)
        if now.settings is not None and data is None:
            if noise is None and validation is None:  # it is the seed that is another
                return datasets.dataset(now.name, **{**now.settings, "seed": seed})
            return remade.remade(now, noise, validation)
        own: Any = self._own
        noise = _noise(now) if noise is None and data is None else noise
        validation = remade.share(now) if validation is None and data is None else validation
        as_it_is = noise in (None, own.noise) and validation in (None, remade.share(own))
        self._changed_own = own if as_it_is else remade.remade(own, noise, validation, seed)
        return self._changed_own

    def _start_anew(self, data=None, **asked):
        """A new run with the initializer, seed and sizes that the controls show; it plays if the old one did."""
        trainer, playing = self.trainer, self.trainer.playing
        asked = {"seed": trainer.seed, "init": self._init(), **asked}
        if data is None:
            data = self._data(seed=asked["seed"]) if asked["seed"] != trainer.seed else trainer.data
        model = _network(
            _fitting(data),
            _hidden(trainer.model, self._hidden),
            trainer.activation or "tanh",
            asked["init"],
            0.0 if trainer.dropout is None else trainer.dropout,
            seed=asked["seed"],
            batch_norm=any(isinstance(module, nn.BatchNorm1d) for module in trainer.model.modules()),
        )
        trainer.reset(model=model, data=data, seed=asked["seed"])
        self._initializer = asked["init"]
        if playing:
            trainer.play()

    # ---- from the trainer to the controls ----------------------------------------------------------------------------

    def _standing(self, name, source):
        """What a control stands at, now or at a moment of the past, and "" or why it does nothing."""
        if name == "data":
            return getattr(source.data, "name", None), ""
        if name in ("noise", "validation"):
            return (_noise if name == "noise" else remade.share)(source.data), ""
        if name == "init":
            return self._init(), ""
        if name in ("seed", "speed"):
            return getattr(self.trainer, name), ""
        return dials.standing(source, name)

    def _init(self):
        """The model's initializer; what was asked for last for a model that names none."""
        init = getattr(self.trainer.model, "init", None)
        return self._initializer if init is None else init

    # ---- handed on -------------------------------------------------------------------------------------------------

    @property
    def code(self) -> str:
        """The run as a short text: settings, seed and all that was turned, with which `from_code` makes it again.
        ValueError, which says what, where a text cannot hold it: your own data, models or functions."""
        return code(self.trainer, tuple(each for each in self._wanted if each not in OWN_DIALS))

    @classmethod
    def from_code(cls, text: str) -> "Playground":
        """The Playground whose `code` that was, trained to the same step with the same turns, bit by bit; with a
        progress bar when it takes long. ValueError for a text that is cut, damaged, or of another version: nothing in
        it is ever executed."""
        recipe = from_code(text)
        made = cls(**recipe.settings)
        recipe.repeat(made.trainer)
        return made

    def script(self, framework: str = "nbprop") -> str:
        """The run as a Python program, for "nbprop" or "torch": see `Trainer.script`."""
        return self.trainer.script(framework)

    def instead(self, **changes: Any) -> None:
        """Show the same run with something else instead, `playground.instead(lr=0.1)`, pale behind this one: with the
        same data, seed, initial weights and batches. It is trained in the background to the step that this one has
        come to, and goes on with it; `unpin()` takes it away."""
        ghost = comparing.instead(self.trainer, **changes)
        try:
            self.put_behind(ghost)
        except BaseException:
            ghost.close()
            raise

    def _hint(self, name):
        return f"; try playground.trainer.{name}" if hasattr(self.trainer, name) else super()._hint(name)

    def close(self) -> None:
        """Stop training and take the playground out of the notebook."""
        if self._made and not self._closed:  # else it was never finished
            self.trainer.pause()
        super().close()

    def __repr__(self) -> str:
        return f"Playground({self.trainer!r})"


def _offers(trainer):
    """(words, changes) of what may be interesting to have instead."""
    found: list[tuple[str, dict[str, Any]]] = []
    if isinstance(trainer.lr, float) and trainer.lr > 0:
        rates = [float(f"{trainer.lr * factor:.3g}") for factor in (10, 0.1)]
        found += [(f"learning rate {rate:g}", {"lr": rate}) for rate in rates]
    now = {"activation": trainer.activation, "optimizer": optimizer_name(trainer.optimizer)}
    for name, others in (
        ("activation", ("tanh", "relu", "sigmoid", "gelu")),
        ("optimizer", ("sgd", "momentum", "adam")),
    ):
        found += [(f"{name} {other}", {name: other}) for other in others if other != now[name]]
    found += [(f"batch size {size}", {"batch_size": size}) for size in (1, 8, 128) if size != trainer.batch_size]
    if trainer.dropout is not None:
        share = 0.0 if trainer.dropout else 0.2
        found.append((f"dropout {share:g}" if share else "no dropout", {"dropout": share}))
    if trainer.batch_norm is not None and trainer.batch_size > 1:
        on = not trainer.batch_norm
        found.append((f"{'with' if on else 'without'} batch normalization", {"batch_norm": on}))
        deep = len(trainer.hidden)
        found += [(f"depth {depth}", {"depth": depth}) for depth in (deep + 2, deep - 2) if depth > 0]
    return found


def _noise(data):
    return (data.settings or {}).get("noise", data.noise)


def _fitting(data):
    """The data, if a dense network can learn them."""
    own = "Make the model yourself, and nb.views.Board(nb.views.Loss(trainer), ...) of nb.Trainer(model, data)"
    if not isinstance(data, datasets.Dataset):
        raise TypeError(f"the Playground's network takes one array of inputs, got {type(data).__name__}. {own}")
    if data.vocabulary:
        raise ValueError(
            f"the Playground's network takes measurements, but {data.name!r} has tokens, which need an Embedding. "
            + own
        )
    if data.task == "multilabel":
        raise ValueError(
            f"the Playground shows one answer for a sample, but those of {data.name!r} have several labels. {own}"
        )
    if len(data.output_shape) > 1:
        raise ValueError(
            f"the Playground's network gives one answer for a sample, but {data.name!r} has targets of shape "
            f"{data.output_shape[:-1]} for each. {own}"
        )
    return data


def _hidden(model, usual):
    """The sizes of the hidden layers of such a network; `usual` for a model that somebody has brought along."""
    inner = list(model) if isinstance(model, nn.Sequential) else [model]
    if not all(isinstance(module, (*_KINDS, nn.BatchNorm1d, nn.Flatten)) for module in inner):
        return usual
    return [module.out_features for module in inner if isinstance(module, nn.Linear)][:-1]


def _shape(data):
    return data.input_shape, data.output_shape, data.task


def _network(data, hidden, activation, init, dropout, seed, batch_norm=False):
    """`nn.mlp`, with a Flatten before it where a sample has more than one axis. activation, dropout: one for all hidden
    layers, or a tuple with one for each."""
    each = activation if isinstance(activation, tuple) and len(activation) == len(hidden) else None
    shares = dropout if isinstance(dropout, tuple) and len(dropout) == len(hidden) else None
    model = nn.mlp(
        [math.prod(data.input_shape), *hidden, data.outputs],
        activation=copy.deepcopy(activation[0] if isinstance(activation, tuple) else activation),
        init=init,
        seed=seed,
        dropout=dropout[0] if isinstance(dropout, tuple) else dropout,
    )
    places = {kind: [i for i, module in enumerate(model) if isinstance(module, kind)] for kind in _KINDS}
    for i, function in zip(places[nn.Activation], each or (), strict=False):
        model[i] = copy.deepcopy(nn.activation(function))
    for i, share in zip(places[nn.Dropout], shares or (), strict=False):
        model[i].p = share
    if batch_norm:
        for i in reversed(places[nn.Linear][:-1]):
            model.insert(i + 1, nn.BatchNorm1d(model[i].out_features))
    if len(data.input_shape) > 1:
        model.insert(0, nn.Flatten())
    return model


_KINDS = (nn.Linear, nn.Activation, nn.Dropout)
