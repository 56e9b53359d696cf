"""The trainer: runs a training loop in one go or live, lets every knob act at the next step, and knows the way back."""

import copy
import math
import time
import weakref
from collections import deque

import numpy as np

from nbprop import nn
from nbprop.record import Diverged, History

from . import knobs
from .best import Best
from .fit import check_fit
from .learning_rates import find_lr
from .live import Live
from .past import Past
from .player import Player
from .progress import progress
from .run import Run, architecture
from .targets import default_loss
from .turning import Turning

FRAME = 0.03  # seconds between two looks at the views during fit()


class Trainer(Turning, Live):
    """Trains a model on data, live or in one go; every knob acts at the next step and nothing starts over.

    model: an `nn.Module` that takes a batch of the data's samples and gives (batch, outputs), or (batch, T, outputs)
        where every time step has a target; e.g. from `nb.nn.mlp`, or a Sequential of Conv2d, MaxPool2d, ...
    data: a `data.Dataset`, the name of one ("spirals"), or a pair of arrays (X, y).
    loss: "mse", "bce" or "cross_entropy"; by default the one that fits the data.
    optimizer: from `nb.optim`, or a name ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam").
    lr: learning rate; by default the optimizer's own.
    batch_size: samples per step; 1 is stochastic, the number of samples is batch gradient descent.
    seed: of the order of the batches, and of what is newly initialized when the network grows.
    clip: largest norm of the gradient (Pascanu, Mikolov & Bengio 2013), None for none. l1: weight of an L1 penalty.
    evaluate_every: steps between two evaluations (all validation samples, at most 512 training samples).
    probe_every: steps between two records of what happens in each layer; by default 1 (heavy steps) to 10 (light ones);
        in a long run twice as many whenever there are a thousand records.
    snapshot_every: steps between two snapshots; `rewind` restores one and trains on from there.

    Knobs: lr, batch_size, activation, dropout, optimizer, depth, width, hidden, loss, data, clip, l1, theta, speed. Set
    them as attributes or several at once with `set`, at any time and from any thread; a bad value raises and the run
    goes on untouched. `dropout` is the p of all nn.Dropout in the model, such as those of nn.mlp(..., dropout=0.0).
    """

    blocking = "fit(steps=...)"

    def __init__(
        self,
        model,
        data,
        loss=None,
        optimizer="adam",
        lr=None,
        batch_size=32,
        seed=0,
        *,
        clip=None,
        l1=0.0,
        evaluate_every=20,
        probe_every=None,
        snapshot_every=100,
    ):
        if not isinstance(model, nn.Module):
            raise TypeError(f"model must be an nb.nn.Module, e.g. nb.nn.mlp([2, 16, 1]); got {type(model).__name__}")
        data = knobs.dataset(data)
        template = knobs.optimizer(optimizer, lr)
        settings = {
            "lr": template.lr if lr is None else knobs.lr(lr),
            "batch_size": knobs.batch_size(batch_size),
            "optimizer": template,
            "loss": default_loss(data) if loss is None else loss,
            "data": data,
            "clip": knobs.clip(clip),
            "l1": knobs.l1(l1),
            **architecture(model),
        }
        self.evaluate_every = knobs.whole("evaluate_every", evaluate_every, 1)
        self.snapshot_every = knobs.whole("snapshot_every", snapshot_every, 1)
        work = model.theta.size * min(settings["batch_size"], len(data.X_train))
        usual = int(np.clip(2_000_000 // max(work, 1), 1, 10))
        self.probe_every = usual if probe_every is None else knobs.whole("probe_every", probe_every, 1)
        self._watching = frozenset()  # what is recorded even when no view needs it
        self._requested = {}
        self._before = None
        super().__init__()
        self._begin(Run(model, settings, knobs.whole("seed", seed, 0)))

    def _begin(self, run):
        self._run = run
        self.history = History()
        self.history._trainer = weakref.ref(self)
        self._past = Past(self.snapshot_every)
        self._turned = -math.inf
        self._steps = self._training_loop()
        self.status, self.message = "ready", ""
        self._evaluate()
        self._past.keep(run)
        self._changed()

    # ---- the loop ----------------------------------------------------------------------------------------------

    def _training_loop(self):
        """The training loop, the same for `fit`, `play` and `step`: yields after each step, knobs act between two."""
        run = self._run
        while True:
            probing = self.history.due("dW", run.steps + 1, self.probe_every)
            watched = probing and self.watched
            with np.errstate(all="ignore"):  # numbers that are not finite are found and named by the run
                loss = run.step(measure_update=watched)
                seen = run.probe() if watched else {"dW": run.gradient_norms()} if probing else {}
                if probing and self._needed("percentiles"):
                    seen |= run.percentiles()
            self.version += 1
            self.history.add("loss", run.steps, loss)
            for name, values in seen.items():
                self.history.add(name, run.steps, values, self.probe_every)
            if probing and self._needed("lags") and (values := run.lags()) is not None:
                self.history.add("dh", run.steps, values, self.probe_every)
            if run.steps % self.evaluate_every == 0:
                self._evaluate()
            self._past.keep(run)
            yield

    def _advance(self):
        """Make one step."""
        try:
            next(self._steps)
        except Exception as error:
            self._steps = self._training_loop()  # a generator that has raised is over
            if isinstance(error, Diverged):
                steps, losses = self.history.series("loss")
                error.advise(steps[losses.argmin()] if len(losses) else 0, self.lr)
            raise

    def _evaluate(self):
        self.evaluation = self.evaluate()
        for name, value in self.evaluation.items():
            self.history.add(name, self.steps, value, self.evaluate_every)

    # ---- drivers -----------------------------------------------------------------------------------------------

    def fit(self, steps=None, epochs=None, patience=None, bar=True):
        """Train for a number of steps, or epochs; blocks, with a progress bar when it takes long. Returns the history.

        patience: early stopping. Stop when the validation loss has not fallen for so many evaluations, and in any case
        take the parameters of the best evaluation, and the buffers (running means of batch normalization) of then.
        Raises Diverged when a number is no longer finite; what was reached before is kept.
        """
        if (steps is None) == (epochs is None):
            raise TypeError("fit takes either steps or epochs, e.g. trainer.fit(steps=500)")
        if steps is None:
            per_epoch = math.ceil(len(self.data.X_train) / self.batch_size)
            steps = math.ceil(epochs * per_epoch)
        last = self.steps + knobs.whole("steps", steps, 0)
        best = None if patience is None else Best(self, knobs.whole("patience", patience, 1))
        self._player.stop()
        self._turned = -math.inf  # a knob turned before and one turned after are two events, however short this is
        self._set_status("playing")
        tick, end = progress(self, last) if bar else (lambda: None, lambda: None)
        looked = time.perf_counter()
        try:
            while self.steps < last:
                self._drain()
                if self.status != "playing":  # paused from another thread
                    break
                self._advance()
                tick()
                if best is not None and best.passed():
                    break
                if self.watchers and time.perf_counter() - looked > FRAME:
                    self._pump()
                    looked = time.perf_counter()
        except Diverged as error:
            self._fail(error)
            raise
        finally:
            end()
            if self.status == "playing":
                self._set_status("paused")
        if best is not None:
            best.take()
        return self.history

    def _few(self, n):
        self._pause()
        try:
            for _ in range(n):
                self._advance()
        except Diverged as error:
            self._fail(error)
            raise
        self.message = ""
        self._set_status("paused")
        self._changed()

    # ---- the way back ------------------------------------------------------------------------------------------

    def rewind(self, step):
        """Go back to exactly the state after step `step`: parameters, optimizer, batches, knobs. What came later is
        forgotten, until `undo` (`branch` keeps both futures). Pauses; train on with `play` or `fit`."""
        step = knobs.whole("step", step, 0, self.steps)
        self.post(lambda: self._rewind(step))

    def _rewind(self, step):
        self._pause()
        self._before = self._moment()
        self._go_back(step)

    def _go_back(self, step, turned=False):
        with np.errstate(all="ignore"):
            self._past.rewind(self._run, step, turned)
        self.history.truncate(step, turned)
        self._requested.clear()
        self.message = ""
        self.status = "paused" if step else "ready"
        self._changed()

    def _moment(self):
        """All that `undo` needs to come back to now."""
        return self._run, self.steps, self._past.copy(), self.history.copy()

    def find_lr(self, low=1e-6, high=10.0, steps=100):
        """Try growing learning rates on a branch and see where the loss falls fastest: a `LearningRates`."""
        return find_lr(self, low, high, steps)

    def branch(self, **changes):
        """A second trainer that goes on from here with its own copy of everything, with other knobs."""
        other = copy.copy(self)
        other._requested, other._inbox = {}, deque()
        other.watchers, other._before = set(), None
        other._player = Player(other)
        other.history = self.history.copy()
        other.history._trainer = weakref.ref(other)
        other._past = self._past.copy()
        other._run = self._run.branch()
        other._steps = other._training_loop()
        other.status = "paused"
        other.set(**changes)
        return other

    def reset(self, model=None, data=None, loss=None, seed=None):
        """Start a new run from step 0 with the knobs as they are; `undo` brings the old run back.

        model: by default this one with new initial weights; data, loss, seed: by default as they are.
        """
        data = self.data if data is None else knobs.dataset(data)
        fits = loss is None and data.task == self.data.task
        loss = self.loss if fits else default_loss(data) if loss is None else loss
        seed = self.seed if seed is None else knobs.whole("seed", seed, 0)
        if model is not None:
            check_fit(model, data, loss)
        self.post(lambda: self._reset(model, {"data": data, "loss": loss}, seed))

    def _reset(self, model, changes, seed):
        self._pause()
        settings = {**self._run.settings, **changes}
        if model is None:
            model = self._run.fresh_model(self._past.before(0), seed)
        else:
            settings.update(architecture(model))
        before = self._moment()
        self._begin(Run(model, settings, seed))
        self._before = before

    def undo(self):
        """Take back the last `rewind` or `reset`; once more: and forth again. Pauses."""
        self.post(self._undo)

    def _undo(self):
        if self._before is None:
            raise ValueError("nothing to undo: this trainer was neither rewound nor reset")
        self._pause()
        now = self._moment()
        (self._run, step, self._past, self.history), self._before = self._before, now
        self.history._trainer = weakref.ref(self)
        self._steps = self._training_loop()
        self._go_back(step, turned=True)

    # ---- what views read ---------------------------------------------------------------------------------------

    @property
    def model(self):
        """The model that is trained."""
        return self._run.model

    @property
    def seed(self):
        """The seed of the run."""
        return self._run.seed

    @property
    def steps(self):
        """Updates done."""
        return self._run.steps

    @property
    def epoch(self):
        """Passes over the training data, as a fraction."""
        return self._run.epoch

    @property
    def layers(self):
        """A `Layer` for every module with a weight, from input to output."""
        return self._run.layers

    @property
    def watched(self):
        """Whether per-layer numbers are recorded."""
        return self._needed("layers")

    def _needed(self, what):
        return what in self._watching or any(what in watcher.needs for watcher in self.watchers)

    def watch(self, on=True, percentiles=False, lags=False):
        """Record the numbers of `probe` even when no view shows them, e.g. before `fit` and `history.plot`;
        percentiles: also those of the pre-activations, lags: the gradient through time, for the views so named."""
        wanted = {"layers": on, "percentiles": percentiles, "lags": lags}
        self._watching = frozenset(name for name, yes in wanted.items() if yes)

    def probe(self):
        """Per layer, in the last step: mean and standard deviation of the activations, saturated or dead share, norms
        of dL/dz and dL/dW, and update-to-weight ratio (of the last step that was watched); dict of (layers,) float32,
        NaN where there is none yet."""
        with np.errstate(all="ignore"):
            return self._run.probe()

    def histograms(self, kind, bins=40):
        """Counts (layers, bins), lowest and highest value (layers,) of "weights", "gradients" or "activations". In a
        layer of more than 16,384 values every so-many-th is counted, and stands for its neighbours."""
        return self._run.histograms(kind, bins)

    def slopes(self, bins=40):
        """Per layer with an activation, in the last step: how its inputs z are spread, and the activation and its slope
        there; dict of arrays, see `probes.slopes`."""
        with np.errstate(all="ignore"):
            return self._run.slopes(bins)

    def not_finite(self, kind):
        """How many NaN and how many infinite values there are, which histograms leave out: (layers, 2)."""
        return self._run.not_finite(kind)

    def evaluate(self):
        """Loss and accuracy now, of (at most 512) training samples and all validation samples: a dict."""
        with np.errstate(all="ignore"):
            return self._run.evaluate()

    def predict(self, X):
        """Class probabilities (n, 1) or (n, C), or regression values, for samples X (n, ...); of every time step where
        each has a target, (n, T, C)."""
        with np.errstate(all="ignore"):
            return self._run.predict(X)

    def attention(self, X):
        """Who looks where in one sample X, (T,) or (T, d): for every nn.MultiheadAttention in the model the weights
        (heads, T, S), each row with sum 1."""
        with np.errstate(all="ignore"):
            return self._run.attention(np.asarray(X))

    def activations(self, X):
        """What every layer of `layers`, with its activation, gives for samples X: a list of arrays (n, units), (n, T,
        units) or (n, channels, rows, columns)."""
        with np.errstate(all="ignore"):
            return self._run.activations(X)

    def __repr__(self):
        sizes = self._run.settings["hidden"]
        network = (
            f"{len(sizes)} hidden layer{'s' * (len(sizes) != 1)}" if sizes is not None else type(self.model).__name__
        )
        optimizer = type(self.optimizer).__name__
        return f"Trainer({network} on {self.data.name}, {optimizer} lr {self.lr:g}, step {self.steps}, {self.status})"
