"""The whole thing in one cell: a network that learns, four views of it, and every knob within reach."""

import copy
import math
import time
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from nbprop import cells, data as datasets, nn, optim
from nbprop.checks import number, whole
from nbprop.record.controls import Choice, Number, Slider
from nbprop.training import Diverged, Trainer, given
from nbprop.training.applying import sizes
from nbprop.views import Board
from nbprop.views.board import knobs
from nbprop.views.board.widgets import Strict, let_go
from nbprop.views.boundary import Boundary
from nbprop.views.gradients import GradientFlow
from nbprop.views.histograms import Histograms
from nbprop.views.loss import Loss

CONTROLS = ("batch_size", "depth", "width", "activation", "dropout", "optimizer", "lr")
SPEEDS = (
    ("as fast as it goes", math.inf),
    ("300 steps/s", 300.0),
    ("30 steps/s", 30.0),
    ("5 steps/s", 5.0),
    ("1 step/s", 1.0),
)
REFRESH = 0.2  # seconds between two looks at whether the controls still show what the trainer does
VERMILLION = "#d55e00"
OWN = "Your own data are as they are: this is for the data sets with a name"


class Playground(Strict, widgets.HBox):
    """Controls on the left; loss, gradient flow, histograms and what the network has learned on the right.

    data: a `data.Dataset`, the name of one, or arrays (X, y). Pictures and sequences are flattened first.
    hidden: units of each hidden layer. activation, init: names. optimizer: a name, or one of `nb.optim`.
    lr: learning rate, by default the optimizer's own. batch_size: samples per step.
    noise, validation: of the named data set. seed: of data, weights and batches. speed: most steps per second, so that
    there is something to watch; `float("inf")` for as fast as it goes. dropout: probability, behind each hidden layer.
    controls: names of the knobs to show, out of `trainer.knobs`, beside data, noise, validation, initializer, seed,
    speed and rewind, such as ["lr", "clip", "weight_decay", "batch_norm"].

    Every knob acts at the next step and keeps the weights, as do data of the same shape. Other data, the initializer
    and the seed start a new run. Undo takes back what was done, step by step, and Redo brings it back. Everything can
    also be done in code while it runs: `playground.trainer.lr = 0.1`.
    """

    def __init__(
        self,
        data: "str | datasets.Dataset | tuple[Any, Any]" = "spirals",
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
        controls: Sequence[str] = CONTROLS,
    ) -> None:
        seed = whole(0)("seed", seed)
        if isinstance(data, str):
            self._own, data = None, datasets.dataset(data, noise=noise, validation=validation, seed=seed)
        else:
            self._own = data = _fitting(given.dataset(data))
        self._hidden = sizes(hidden)
        self.trainer = Trainer(
            _network(data, self._hidden, activation, init, number(0, 1)("dropout", dropout), seed=seed),
            data,
            optimizer=optimizer,
            lr=lr,
            batch_size=batch_size,
            seed=seed,
        )
        self.trainer.speed = speed
        self._dials = self._make_dials(controls, noise, validation)
        self.controls = {name: dial.widget for name, dial in self._dials.items()}
        self.board = Board(
            *(View(self.trainer) for View in (Loss, GradientFlow, Histograms, Boundary)), columns=2, height=540
        )
        self.board.layout.flex = "1 1 0"
        self.board.layout.min_width = "0"
        self.buttons = self._make_buttons()
        self.status = widgets.Label()
        self.message = widgets.Label(style={"text_color": VERMILLION}).add_class("nbprop-message")
        buttons = list(self.buttons.values())
        left = widgets.VBox(
            [widgets.HBox(buttons[:3]), widgets.HBox(buttons[3:]), *self.controls.values(), self.status, self.message],
            layout=widgets.Layout(flex="0 0 272px", overflow="hidden"),
        )
        super().__init__([left, self.board], layout=widgets.Layout(width="100%"))
        self.add_class("nbprop-playground").add_class("nbprop-controls")
        self.records, self.seen = frozenset(), False  # it watches too, to keep the controls true
        self._looked, self._counted, self._rate, self._turning = 0.0, 0, 0.0, False
        self.trainer.watchers.add(self)
        self.refresh()
        cells.claim(self)
        self._made = True

    def _make_buttons(self):
        def button(text, tip, act):
            made = widgets.Button(description=text, tooltip=tip, layout=widgets.Layout(flex="1 1 0", width="auto"))
            made.on_click(lambda _: self._hand(act))
            return made

        trainer = self.trainer
        made = {
            "play": button("Play", "Train on in the background", trainer.play),
            "pause": button("Pause", "Stop after the present step", trainer.pause),
            "step": button("Step", "Make one step", trainer.step),
            "reset": button("Reset", "Start again from the initial weights", trainer.reset),
            "undo": button("Undo", "Take back the last thing that was done; again: the one before it", trainer.undo),
            "redo": button("Redo", "Bring back what Undo took away", trainer.redo),
        }
        made["play"].button_style = "primary"
        return made

    def _make_dials(self, names, noise, validation):
        """Those of the playground itself, and between them those of the trainer's knobs that are to be shown."""
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"controls must be names of knobs, such as ['lr', 'clip']; got {names!r}")
        sets = [*datasets.DATASETS] if self._own is None else [self._own.name, *datasets.DATASETS]

        def dial(name, control, value):
            made = knobs.Dial(control, value, lambda value: self._moved(name, value))
            if name == "rewind":
                made.widget.continuous_update = False
            return made

        trainer = self.trainer
        data = Choice("Data", tuple(dict.fromkeys(sets)), "What the network learns")
        share = Slider("Validation", 0.1, 0.5, 0.05, "Share of the samples held back")
        above = {
            "data": dial("data", data, trainer.data.name),
            "noise": dial("noise", Slider("Noise", 0, 0.5, 0.05, "Noise added to the data"), noise),
            "validation": dial("validation", share, validation),
        }
        init = Choice("Initializer", tuple(nn.INITIALIZERS), "Initial weights; starts a new run")
        speed = Choice("Speed", SPEEDS, "Most steps per second", unit=" steps/s")
        below = {
            "init": dial("init", init, self._init()),
            "seed": dial("seed", Number("Seed", 0, "Of data, weights and batches; starts a new run"), trainer.seed),
            "speed": dial("speed", speed, trainer.speed),
            "rewind": dial("rewind", Slider("Rewind to", 0, 1, 1, "Go back to a step", whole=True), 0),
        }
        own = {**above, **below}
        return {**above, **knobs.dials(trainer, [name for name in names if name not in own], self._moved), **below}

    # ---- from the hand to the trainer --------------------------------------------------------------------------------

    def _moved(self, name, value):
        self._hand(lambda: self._turn(name, value))

    def _hand(self, act):
        """Do what a hand asked for, in the trainer's thread: messages from the browser arrive in another one."""
        self.trainer.post(lambda: self._try(act))

    def _try(self, act):
        """What goes wrong is said beside the controls, until something else is done; the run goes on untouched."""
        self._turning = True
        try:
            if act() is not False:
                self.message.value = ""
        except Exception as error:
            self.message.value = "" if isinstance(error, Diverged) else str(error)  # of a divergence the board speaks
        finally:
            self._turning = False
            self._looked = 0.0
            self.refresh()

    def _turn(self, name, value):
        """False if no hand has turned anything."""
        trainer = self.trainer
        if not self._dials[name].turned(value):
            return False
        if name == "rewind":
            trainer.rewind(value)
        elif name in ("data", "noise", "validation"):
            self._take_data()
        elif name in ("init", "seed"):
            self._start_anew()
        else:
            trainer.set(**{name: value})

    def _value(self, name) -> Any:
        return self.controls[name].value

    def _data(self):
        name, now = self._value("data"), self.trainer.data
        if self._own is not None and name == self._own.name:
            return self._own
        if name not in list(datasets.DATASETS) and name == now.name:  # brought along in code
            return now
        return datasets.dataset(
            name, noise=self._value("noise"), validation=self._value("validation"), seed=self._value("seed")
        )

    def _take_data(self):
        data, old = self._data(), self.trainer.data
        if _shape(data) == _shape(old):
            self.trainer.set(data=data)
        else:
            self._start_anew(data)

    def _start_anew(self, data=None):
        """A new run with the initializer, seed and sizes that the controls show; it plays if the old one did."""
        trainer, playing = self.trainer, self.trainer.playing
        data = self._data() if data is None else data
        model = _network(
            _fitting(data),
            _hidden(trainer.model, self._hidden),
            trainer.activation,
            self._value("init"),
            0.0 if trainer.dropout is None else trainer.dropout,
            seed=self._value("seed"),
            batch_norm=any(isinstance(module, nn.BatchNorm1d) for module in trainer.model.modules()),
        )
        trainer.reset(model=model, data=data, seed=self._value("seed"))
        if playing:
            trainer.play()

    # ---- from the trainer to the controls: after a rewind, an undo, or a knob turned in code -------------------------

    def refresh(self) -> None:
        """Show what the knobs stand at. Called by the trainer, in its thread."""
        now, trainer = time.perf_counter(), self.trainer
        playing = trainer.status == "playing"
        passed = now - self._looked
        if self._turning or (playing and passed < REFRESH):
            return
        rate = (trainer.steps - self._counted) / passed
        self._rate = rate if self._rate == 0 else 0.7 * self._rate + 0.3 * rate
        self._looked, self._counted = now, trainer.steps
        self.status.value = f"step {trainer.steps:,} · epoch {trainer.epoch:,.0f} · " + (
            f"{max(self._rate, 0):,.0f}/s" if playing else trainer.status
        )
        if trainer.message and trainer.status != "stopped":  # then the board says it
            self.message.value = trainer.message
        own = self._state()
        for name, dial in self._dials.items():
            if name in own:
                dial.show(*own[name])
            elif name != "rewind":
                dial.show(*knobs.standing(trainer, name))
        if not playing:  # else it would be pulled from under a hand
            self._dials["rewind"].show(trainer.steps, anew=True)

    def _state(self):
        """What the playground's own controls stand at, and why they do nothing."""
        trainer = self.trainer
        idle = OWN if self._own is not None and trainer.data is self._own else ""
        return {
            "data": (getattr(trainer.data, "name", None), ""),
            "noise": (self._value("noise"), idle),
            "validation": (self._value("validation"), idle),
            "init": (self._init(), ""),
            "seed": (trainer.seed, ""),
            "speed": (trainer.speed, ""),
        }

    def _init(self):
        """The model's initializer; what the control shows for a model that names none."""
        init = getattr(self.trainer.model, "init", None)
        return self._value("init") if init is None else init

    def _hint(self, name):
        return f"; try playground.trainer.{name}" if hasattr(self.trainer, name) else ""

    # ---- in and out of sight -----------------------------------------------------------------------------------------

    def replaced(self) -> None:
        """The cell that made this playground was run again."""
        self.close()

    def close(self) -> None:
        """Stop training and take the playground out of the notebook."""
        if hasattr(self, "controls"):  # else it was never finished
            self.trainer.pause()
            self.trainer.watchers.discard(self)
            self.board.close()
            left, layout = self.children[0], self.layout
            super().close()
            let_go(left)
            layout.close()
        else:
            super().close()

    def frame(self) -> dict[str, Any]:
        """The numbers that the four views draw: dict of view name -> dict of arrays."""
        return self.board.frame()

    def plot(self) -> Any:
        """The four views as one matplotlib Figure."""
        return self.board.plot()

    def describe(self) -> str:
        """The four views in words."""
        return self.board.describe()

    def _repr_mimebundle_(self, **kwargs):
        return {**dict(super()._repr_mimebundle_(**kwargs) or {}), **self.board.picture()}

    def __repr__(self) -> str:
        return f"Playground({self.trainer!r})"


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
