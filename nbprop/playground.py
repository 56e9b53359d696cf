"""The whole thing in one cell: a network that learns, four views of it, and every knob within reach."""

import math
import time

import ipywidgets as widgets

from nbprop import data as datasets, nn, optim
from nbprop.training import Diverged, Trainer, cells, knobs
from nbprop.views import Board
from nbprop.views.boundary import Boundary
from nbprop.views.gradients import GradientFlow
from nbprop.views.histograms import Histograms
from nbprop.views.loss import Loss

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
SPEEDS = {"as fast as it goes": math.inf, "300 steps/s": 300.0, "30 steps/s": 30.0, "5 steps/s": 5.0, "1 step/s": 1.0}
LR_STEP = 0.05  # decades
REFRESH = 0.2  # seconds between two looks at whether the controls still show what the trainer does
VERMILLION = "#d55e00"


class Playground(widgets.HBox):
    """Controls on the left; loss, gradient flow, histograms and what the network has learned on the right.

    data: a `data.Dataset`, the name of one, or arrays (X, y). hidden: units of each hidden layer.
    activation, init, optimizer: names. lr: learning rate, by default the optimizer's own. batch_size: samples per step.
    noise, validation: of the named data set. seed: of data, weights and batches. speed: most steps per second, so that
    there is something to watch; `float("inf")` for as fast as it goes. dropout: probability, behind each hidden layer.

    Learning rate, batch size, activation, dropout, optimizer, depth and width act at the next step and keep the
    weights, as do data of the same shape. Other data, the initializer and the seed start a new run; Undo brings the old
    one back. Everything can also be done in code while it runs: `playground.trainer.lr = 0.1`.
    """

    def __init__(
        self,
        data="spirals",
        hidden=(8, 8, 8, 8),
        activation="tanh",
        init="xavier",
        optimizer="adam",
        lr=None,
        batch_size=32,
        noise=0.1,
        validation=0.25,
        seed=0,
        speed=300,
        dropout=0.0,
    ):
        self._own = None if isinstance(data, str) else knobs.dataset(data)
        data = self._own or datasets.dataset(data, noise=noise, validation=validation, seed=seed)
        sizes = [data.inputs, *knobs.hidden(hidden), data.outputs]
        model = nn.mlp(sizes, activation=activation, init=init, seed=seed, dropout=dropout)
        self.trainer = Trainer(model, data, optimizer=optimizer, lr=lr, batch_size=batch_size, seed=seed)
        self.trainer.speed = speed
        self.board = Board(
            *(View(self.trainer) for View in (Loss, GradientFlow, Histograms, Boundary)), columns=2, height=540
        )
        self.board.layout.flex = "1 1 0"
        self.board.layout.min_width = "0"
        self.buttons = self._make_buttons()
        self.controls = self._make_controls(noise, validation, init)
        self.status = widgets.Label()
        self.message = widgets.Label(style={"text_color": VERMILLION}).add_class("nbprop-message")
        self._shown = {name: control.value for name, control in self.controls.items()}
        for name, control in self.controls.items():
            control.observe(lambda change, name=name: self._hand(lambda: self._turn(name, change["new"])), "value")
        buttons = list(self.buttons.values())
        left = widgets.VBox(
            [widgets.HBox(buttons[:3]), widgets.HBox(buttons[3:]), *self.controls.values(), self.status, self.message],
            layout=widgets.Layout(flex="0 0 264px", overflow="hidden"),
        )
        super().__init__([left, self.board], layout=widgets.Layout(width="100%"))
        self.add_class("nbprop-playground")
        self.needs, self.seen = frozenset(), False  # it watches too, to keep the controls true
        self._looked, self._counted, self._rate, self._turning = 0.0, 0, 0.0, False
        self.trainer.watchers.add(self)
        self.pump()
        cells.claim(self)

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
            "undo": button("Undo", "Bring back the run before the last Reset, Rewind or new start", trainer.undo),
        }
        made["play"].button_style = "primary"
        return made

    def _make_controls(self, noise, validation, init):
        trainer = self.trainer
        names = [*datasets.DATASETS] if self._own is None else [self._own.name, *datasets.DATASETS]
        sizes = sorted({*BATCH_SIZES, trainer.batch_size})

        def choice(text, options, value, tip):
            return widgets.Dropdown(description=text, options=options, value=value, tooltip=tip)

        def slider(kind, text, value, low, high, tip, **settings):
            return kind(description=text, value=value, min=low, max=high, tooltip=tip, **settings)

        share, whole, log = widgets.FloatSlider, widgets.IntSlider, widgets.FloatLogSlider
        made = {
            "data": choice("Data", list(dict.fromkeys(names)), trainer.data.name, "What the network learns"),
            "noise": slider(share, "Noise", noise, 0, 0.5, "Noise added to the data", step=0.05),
            "validation": slider(
                share, "Validation", validation, 0.1, 0.5, "Share of the samples held back", step=0.05
            ),
            "batch_size": widgets.SelectionSlider(
                description="Batch size", options=sizes, value=trainer.batch_size, tooltip="Samples per step"
            ),
            "depth": slider(whole, "Depth", trainer.depth, 0, max(20, trainer.depth), "Hidden layers"),
            "width": slider(whole, "Width", trainer.width or 8, 1, max(64, trainer.width), "Units per hidden layer"),
            "activation": choice("Activation", list(nn.ACTIVATIONS), trainer.activation, "Of the hidden layers"),
            "dropout": slider(share, "Dropout", trainer.dropout, 0, 0.9, "Share of hidden units left out", step=0.05),
            "init": choice("Initializer", list(nn.INITIALIZERS), init, "Initial weights; starts a new run"),
            "optimizer": choice(
                "Optimizer", list(optim.OPTIMIZERS), optimizer_name(trainer), "Turns gradients into updates"
            ),
            "lr": slider(log, "Learning rate", trainer.lr, -5, 1, "Logarithmic", step=LR_STEP, readout_format=".1e"),
            "seed": widgets.BoundedIntText(
                trainer.seed,
                description="Seed",
                min=0,
                max=9999,
                tooltip="Of data, weights and batches; starts a new run",
            ),
            "speed": choice("Speed", SPEEDS, math.inf, "Most steps per second"),
            "rewind": slider(whole, "Rewind to", 0, 0, 1, "Go back to a step", continuous_update=False),
        }
        for control in made.values():
            control.style.description_width = "88px"
            control.layout.width = "auto"
        return made

    # ---- from the hand to the trainer --------------------------------------------------------------------------------

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
            self.pump()

    def _turn(self, name, value):
        """False if no hand has turned anything."""
        trainer = self.trainer
        shown = self._shown[name]
        if value == shown or (name == "lr" and abs(math.log10(value / shown)) < LR_STEP / 2):
            return False  # the playground itself has set the control, and the browser has put it on its grid
        self._shown[name] = value
        if name == "rewind":
            trainer.rewind(value)
        elif name in ("data", "noise", "validation"):
            self._take_data()
        elif name in ("init", "seed"):
            self._start_anew()
        else:
            trainer.set(**{name: value})

    def _value(self, name):
        return self.controls[name].value

    def _data(self):
        if self._own is not None and self._value("data") == self._own.name:
            return self._own
        return datasets.dataset(
            self._value("data"),
            noise=self._value("noise"),
            validation=self._value("validation"),
            seed=self._value("seed"),
        )

    def _take_data(self):
        data, old = self._data(), self.trainer.data
        if (data.inputs, data.outputs, data.task) == (old.inputs, old.outputs, old.task):
            self.trainer.set(data=data)
        else:
            self._start_anew(data)

    def _start_anew(self, data=None):
        """A new run with the initializer, seed and sizes that the controls show; it plays if the old one did."""
        trainer, playing = self.trainer, self.trainer.playing
        data = self._data() if data is None else data
        model = nn.mlp(
            [data.inputs, *trainer.hidden, data.outputs],
            activation=trainer.activation,
            init=self._value("init"),
            seed=self._value("seed"),
            dropout=self._value("dropout"),
        )
        trainer.reset(model=model, data=data, seed=self._value("seed"))
        if playing:
            trainer.play()

    # ---- from the trainer to the controls: after a rewind, an undo, or a knob turned in code -------------------------

    def pump(self):
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
        for name, value in self._state().items():
            if value != self._shown[name]:
                self._shown[name] = value
                self._show(name, value)
        if not playing:  # else it would be pulled from under a hand
            slider, steps = self.controls["rewind"], trainer.steps
            self._shown["rewind"] = steps
            slider.max = max(slider.value, steps, 1)
            slider.value = steps
            slider.max = max(steps, 1)

    def _state(self):
        trainer = self.trainer
        return {
            "data": trainer.data.name,
            "batch_size": trainer.batch_size,
            "depth": trainer.depth,
            "width": trainer.width or self._shown["width"],
            "activation": trainer.activation,
            "dropout": trainer.dropout or 0.0,
            "init": trainer.model.init if isinstance(trainer.model.init, str) else self._shown["init"],
            "optimizer": optimizer_name(trainer),
            "lr": trainer.lr,
            "seed": trainer.seed,
            "speed": trainer.speed,
        }

    def _show(self, name, value):
        """Set a control, making room for a value that it does not offer."""
        control = self.controls[name]
        if hasattr(control, "options"):
            options = control.options
            there = list(options.values() if isinstance(options, dict) else options)
            if value not in there:
                control.options = (
                    {**options, f"{value:g} steps/s": value}
                    if isinstance(options, dict)
                    else sorted([*there, value], key=str if isinstance(value, str) else None)
                )
        elif isinstance(control, widgets.IntSlider):
            control.max = max(control.max, value)
        control.value = value

    # ---- in and out of sight -----------------------------------------------------------------------------------------

    def replaced(self):
        """The cell that made this playground was run again."""
        self.close()

    def close(self):
        """Stop training and take the playground out of the notebook."""
        if hasattr(self, "controls"):  # else it was never finished
            self.trainer.pause()
            self.trainer.watchers.discard(self)
            self.board.close()
        super().close()

    def frame(self):
        """The numbers that the four views draw: dict of view name -> dict of arrays."""
        return self.board.frame()

    def plot(self):
        """The four views as one matplotlib Figure."""
        return self.board.plot()

    def describe(self):
        """The four views in words."""
        return self.board.describe()

    def _repr_mimebundle_(self, **kwargs):
        return {**dict(super()._repr_mimebundle_(**kwargs) or {}), **self.board.picture()}

    def __repr__(self):
        return f"Playground({self.trainer!r})"


def optimizer_name(trainer):
    """The name under which `optim.OPTIMIZERS` has the trainer's optimizer: SGD has three."""
    optimizer = trainer.optimizer
    if not isinstance(optimizer, optim.SGD) or not optimizer.momentum:
        return optimizer.name
    return "nesterov" if optimizer.nesterov else "momentum"
