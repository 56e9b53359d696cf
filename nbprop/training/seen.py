"""What can be seen of a run while it trains: what views read, and whoever wants to look inside."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from nbprop.checks import flag
from nbprop.record import Layer
from nbprop.record.layers import Wire
from nbprop.record.observation import Observation
from nbprop.record.quantities import Quantity
from nbprop.record.samples import COLUMNS, Samples
from nbprop.theory import Modes, Prediction, Stability

from .around import Around
from .curving import Curving
from .each import Each
from .rehearsal import Rehearsal, rehearse
from .returning import Returning


class Seen(Returning):
    """The part of a Trainer that is a source: see nbprop/record/source.py."""

    def _complain(self, about: Any) -> None:
        """Say what went wrong in something of the user's."""
        if about.complaint:
            self.message, about.complaint = about.complaint, ""

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self._run.seed

    @property
    def steps(self) -> int:
        """Updates done."""
        return self._run.steps

    @property
    def epoch(self) -> float:
        """Passes over the training data, as a fraction; 0 where batches are made."""
        return self._run.epoch

    @property
    def layers(self) -> "list[Layer]":
        """A `Layer` for every module with a weight, from input to output."""
        return self.between(lambda: self._run.layers)

    @property
    def wires(self) -> "list[Wire]":
        """A `Wire` for each of `layers`: whose outputs it gets, and through what."""
        return self.between(lambda: self._run.wires)

    @property
    def replayed(self) -> "Replayed":
        """Whether steps are replayed from a recording, which is quicker, with the same numbers; and if not, why."""
        return Replayed(self._run.not_replayed)

    @property
    def watched(self) -> bool:
        """Whether per-layer numbers are recorded."""
        return self._needed("layers")

    def _needed(self, what):
        return what in self._watching or any(what in getattr(watcher, "records", ()) for watcher in self.watchers)

    def watch(
        self,
        on: bool = True,
        percentiles: bool = False,
        lags: bool = False,
        sharpness: bool = False,
        samples: bool = False,
    ) -> None:
        """Record the numbers of `probe` even when no view shows them, e.g. before `fit` and `history.plot`;
        percentiles: also those of the pre-activations, lags: the gradient through time, sharpness: the largest
        eigenvalue of the Hessian, samples: the loss and the gradient of single samples, for the views so named."""
        asked = {"on": on, "percentiles": percentiles, "lags": lags, "sharpness": sharpness, "samples": samples}
        wanted = {name if name != "on" else "layers": flag(name, yes) for name, yes in asked.items()}
        self._watching = frozenset(name for name, yes in wanted.items() if yes)

    @property
    def quantities(self) -> "dict[str, Quantity]":
        """What can be recorded: name -> `Quantity`, those of the table and those added by `record`."""
        return self._recorder.quantities

    def record(
        self,
        name: str,
        function: "Callable[[Observation], Any] | None",
        symbol: "str | None" = None,
        unit: str = "",
        flow: "str | None" = None,
        log: bool = True,
    ) -> None:
        """Record a quantity of your own wherever layers are recorded: `trainer.record("weight norm", lambda seen:
        [np.linalg.norm(W) for W in seen.W])`. It is in the history under that name, and `nb.views.GradientFlow(trainer,
        quantity="weight norm")` shows it. `record(name, None)` takes it away.

        function: gets an `Observation` of the step (z, a, dz, W, dW, update, loss, layers; read-only); gives one number
            for each layer, or one for the whole network. Where it fails, NaN is recorded and the run goes on; the
            error is told once.
        symbol, unit: words in the picture; by default the name, and nothing.
        flow: "forward" or "backward" if it passes through the layers so and can vanish or explode.
        log: whether a logarithmic axis suits it.
        """
        checked = self._recorder.checked(name, function, symbol, unit, flow, log, self.history.columns)
        self.post(lambda: self._record(name, checked))

    def _record(self, name, quantity):
        self._recorder.put(name, quantity)
        if name not in self._recorder.former:
            self.history.columns.pop(name, None)  # what was recorded under that name was another quantity
        self._recorder.former.discard(name)
        if self._run.observation is not None:
            self._run.observation.measured.pop(name, None)
        self._changed()

    def observe(self, sample: Any = None) -> Observation:
        """What happens inside: an `Observation` with z, a, dL/dz and dL/dW of every layer, in arrays of its own.

        sample: None: of the batch of the last step. A number: of that sample of the training data; (x, y): of this
            one, with x and y as a sample of the data has them; for a loss of your own, a batch. For a sample,
            everything is computed as in evaluation (no dropout, the running statistics of batch normalization), and the
            run is left as it is.
        """
        return self._looking(lambda: self._run.observed(sample))

    def rehearse(self, sample: "int | None" = None) -> Rehearsal:
        """The next step with all that happens in it, made by a copy: the run is left as it is. What is explained by
        `nb.views.Explained(trainer)`.

        sample: None: of the batch that is next. A number: what the step would be with that sample of the training data
            alone, computed as in evaluation (no dropout, the running statistics of batch normalization).
        Raises CannotSay where no step can be made beside the run, or a step has several losses."""
        return self._looking(lambda: rehearse(self._run, sample))

    def probe(self) -> "dict[str, np.ndarray]":
        """Per layer, in the last step: mean and standard deviation of the activations, saturated or dead share, norms
        of dL/dz and dL/dW, update-to-weight ratio (of the last step that was watched), and what `record` was told of;
        dict of (layers,) float32. Masked (numpy.ma) where nothing has been measured: before the first step, after a
        change of the network, its data or the batches until the next step is made, and dL/dz of layers that none
        reaches, for they are frozen. NaN is what a step has given."""
        return self.between(self._probe)

    def _probe(self):
        with np.errstate(all="ignore"):
            seen = self._run.observation
            found = self._recorder.nothing(len(self.layers)) if seen is None else self._recorder.measure(seen)
            self._complain(self._recorder)
            return found

    def mean_field(self) -> Prediction:
        """What mean-field theory says of this network, as if its weights were independent with the spread that they
        have now: a `theory.Prediction` with the standard deviation of the activations and the norm of dL/dz of every
        layer. ValueError that says why for what is not dense layers and activations one after the other."""
        return self.between(lambda: self._run.mean_field())

    def linear_modes(self) -> Modes:
        """What a linear network, Linear layers in a row, has to learn, mode by mode: a `theory.Modes`, with the exact
        solution of how fast, or `unsolved`, why there is none. ValueError for any other network."""
        return self.between(lambda: self._run.linear_modes())

    def stability(self) -> Stability:
        """How large the sharpness may be with the optimizer as it is set now: a `theory.Stability` with the threshold,
        such as 2/lr, and its words. ValueError where several optimizers train parts of the model."""
        return self.between(lambda: self._run.stability())

    def around(self) -> Around:
        """The loss at other parameters: an `Around`, with `theta`, `loss(theta)` and `gradient(theta)`, of a copy of
        the model as it is now, in evaluation mode, on a fixed random sample of at most 512 training samples. The run is
        not changed, and may go on. ValueError where the batches are made, or the loss has several parts."""
        return self.between(lambda: self._run.around())

    def path(self) -> "list[tuple[int, np.ndarray]]":
        """The way that the run has come: (step, theta) of its snapshots, oldest first, and of now, as far back as the
        network had these shapes. Not to be written to."""
        return self.between(lambda: self._run.path(self._past))

    def sharpness(self) -> float:
        """The sharpness now, measured at once: the largest eigenvalue of the Hessian of the training loss, without
        penalties, on a fixed random sample of at most 512 training samples, without dropout, with batch normalization
        by the statistics of that sample (Cohen et al. 2021). NaN where the loss is not finite.

        While a view or `watch(sharpness=True)` asks for it, it is recorded as history["sharpness"], and beside it what
        would be stable as history["stable"]: every `evaluate_every` steps; while the run plays, in slices of some
        milliseconds, less often where these do not suffice. ValueError that says why where it cannot be had."""

        def measure():
            self._curving.begin(self._run, self._past)
            found = self._curving.go(self._run, self._past, whole=True)
            if found is None:
                self._curving.complaint = ""
                raise ValueError(f"sharpness: {self._curving.why}")
            self._keep_sharpness(*found)
            return found[1]

        value = self.between(measure)
        self.post(self._changed)
        return value

    @cached_property
    def _curving(self) -> Curving:
        return Curving()

    @property
    def samples(self) -> Samples:
        """The samples of the training data that are measured one by one, at most 512, always the same: `Samples` with
        numbers, weights, labels. ValueError where there are none: batches that are made, an objective of your own."""

        def told():
            self._same_data()
            return self._each.samples(self._run)

        return self.between(told)

    def _same_data(self):
        """What was recorded of the samples of other data is not of these."""
        each, data = self._each, self._run.objective.original
        if each.data is not data:
            for name in COLUMNS if each.data is not None else ():
                self.history.columns.pop(name, None)
            each.data = data

    def measure_samples(self) -> "dict[str, np.ndarray]":
        """Of each of `samples` now, (n,) each: sample_loss, its loss alone, as in evaluation (no dropout, the running
        statistics of batch normalization); sample_gradient, the norm of its gradient, of what `samples.gradient` says
        (as far as it is exact from one pass: Goodfellow 2015); sample_right, 1 where the answer is its label, 0 where
        not, between them the share of its places; for classes.

        While a view or `watch(samples=True)` asks for it, this is recorded in the history under these names: at each
        of the first ten evaluations, then at so many that a seventh of the samples of the steps is looked at; while
        the run plays at all of them that a tenth of the time suffices for.
        ValueError that says why it cannot be had."""

        def measure():
            found = self._each.measure(self._run)
            if found is None:
                self._each.complaint = ""
                raise ValueError(f"samples: {self._each.why}")
            self._keep_samples(found)
            return found

        found = self.between(measure)
        self.post(self._changed)
        return found

    @cached_property
    def _each(self) -> Each:
        return Each()

    def _keep_samples(self, found):
        self._same_data()
        steps = self.steps
        for name in COLUMNS:
            if name in found and not (self.history.series(name)[0][-1:] >= steps).any():  # else it is known
                self.history.add(name, steps, found[name])

    def _curve(self):
        """After a step: measure single samples if that is due; begin to measure the sharpness, or go on."""
        if not (self.watchers or self._watching):  # quick where nobody watches
            return
        due = self.steps % self.evaluate_every == 0 and self.history.due("sample_loss", self.steps)
        if due and self._needed("samples") and self._each.due(self._run, self.evaluate_every, self._player.playing):
            found = self._each.measure(self._run)
            if found is not None:
                self._keep_samples(found)
            self._complain(self._each)
        if not self._needed("sharpness"):
            return
        run, past, curving = self._run, self._past, self._curving
        if not curving.busy and run.steps % self.evaluate_every == 0 and self.history.due("sharpness", run.steps):
            curving.begin(run, past)
        found = curving.go(run, past, whole=not self._player.playing)
        if found is not None:
            self._keep_sharpness(*found)
        self._complain(curving)

    def _keep_sharpness(self, step, value, stable):
        if not (self.history.series("sharpness")[0][-1:] >= step).any():  # else it is known
            self.history.add("sharpness", step, value)
            self.history.add("stable", step, stable)

    def histograms(self, kind: str, bins: int = 40) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
        """Counts (layers, bins), lowest and highest value (layers,) of "weights", "gradients" or "activations". In a
        layer of more than 16,384 values every so-many-th is counted, and stands for its neighbours."""
        return self.between(lambda: self._run.histograms(kind, bins))

    def slopes(self, bins: int = 40) -> "dict[str, np.ndarray]":
        """Per layer with an activation, in the last step: how its inputs z are spread, and the activation and its slope
        there; dict of arrays, see `slopes` in record/histograms.py."""
        return self._looking(lambda: self._run.slopes(bins))

    def not_finite(self, kind: str) -> np.ndarray:
        """How many NaN and how many infinite values there are, which histograms leave out: (layers, 2)."""
        return self.between(lambda: self._run.not_finite(kind))

    def evaluate(self) -> "dict[str, float]":
        """Loss, accuracy and metrics now, of a fixed random sample of at most 512 training samples and 2,048 validation
        samples: a dict."""
        return self._looking(lambda: self._run.evaluate())

    def script(self, framework: str = "nbprop") -> str:
        """The present run as a Python program: data, network, optimizer, and every knob turned at its step.

        framework: "nbprop": it makes the run again, bit by bit. "torch": in plain PyTorch, with the same first weights
            and the same batches; the losses agree to 1e-5 for as long as the roundings of float32 have not grown (some
            hundred steps; with a network of dtype float64, for thousands). Dropout draws other masks there, so with it
            the loss will differ.
        Data of your own are read from a file when the program runs. ValueError that names what no program can hold:
        modules, losses, schedules of your own, changes made in code, a run from a file.
        """
        from .sharing.script import script

        return script(self, framework)

    def predict(self, X: Any) -> Any:
        """Class probabilities (n, 1) or (n, C), or regression values, for samples X (n, ...); of every time step where
        each has a target, (n, T, C). Of a model with several outputs a tuple or dict, as it gives them.

        X: an array or list in the units of the model, as `data.X_train`: where the data were scaled (`scale=` of
            from_arrays) pass `data.scaled(X)` for new samples in their own units. A data frame is always in its own
            units: its columns are found by their names and scaled as the data were. A tuple or dict of arrays for a
            model of several inputs; a list of sequences of different lengths is padded.
        Raises ValueError or TypeError that says what does not fit."""
        return self._looking(lambda: self._run.predict(X))

    def outputs(self, X: Any) -> Any:
        """What the network gives for samples X (n, ...), before the loss makes probabilities of it: (n, ..., outputs),
        or a tuple or dict of such. X as for `predict`, but an array."""
        return self._looking(lambda: self._run.output(X))

    def input_gradient(self, X: Any, y: Any = None, *, score: "int | None" = None) -> np.ndarray:
        """What happens to the loss, or to the score of a class, when the inputs change: the derivative with respect to
        every number of the samples X (n, ...), an array of that shape. Of pictures it is the saliency map of Simonyan
        et al. (2013), with its sign.

        X: as for `predict`. y: targets, as in `data.y_train`, of which the loss is. score: instead, the number of a
            class (or of an output, of a regression): the derivative of what the model gives for it, before the loss
            makes a probability of that. With one output for two classes 1 is that output, 0 its negative.
        Computed as in evaluation (no dropout, the running statistics of batch normalization); the run is left as it is.
        Raises ValueError or TypeError for tokens, which cannot move, and for what does not fit."""
        return self._looking(lambda: self._run.input_gradient(X, y, score))

    def gradient_times_input(self, X: Any, *, score: int) -> np.ndarray:
        """How much each input has to do with the score of a class, to first order: derivative times input. Of
        measurements an array like X; of tokens (n, T) an array (n, T): the derivative with respect to the token's
        embedding times the embedding, added up. For a score that is linear in the inputs it is the very part that each
        adds. (Shrikumar et al. 2016; of words: Denil et al. 2014)

        X, score: as for `input_gradient`, and the run is left as it is, too. With all their limits: where a network is
        saturated the gradient is 0 however much an input counts (Sundararajan et al. 2017, section 2.1).
        Raises ValueError where tokens are not looked up in an nn.Embedding that is trained."""
        return self._looking(lambda: self._run.gradient_times_input(X, score))

    def attention(self, X: Any) -> "list[np.ndarray]":
        """Who looks where in one sample X, (T,) or (T, d), or a tuple or dict of such for several inputs: for every
        nn.MultiheadAttention in the model the weights (heads, T, S), each row with sum 1."""
        return self._looking(lambda: self._run.attention(X))

    def activations(self, X: Any) -> "list[np.ndarray]":
        """What every layer of `layers`, with its activation, gives for samples X: a list of arrays (n, units), (n, T,
        units) or (n, channels, rows, columns)."""
        return self._looking(lambda: self._run.activations(X))

    def _looking(self, function):
        def quietly():
            with np.errstate(all="ignore"):
                return function()

        return self.between(quietly)


class Replayed:
    """Whether steps are replayed (its truth), and if not, why (its text)."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __bool__(self) -> bool:
        return not self.why

    def __repr__(self) -> str:
        return f"no: {self.why}" if self.why else "yes"
