"""The numbers of a run, and nothing else: model, optimizer and batches, one step at a time, and the full state to
go back to. No history, no threads, no clock: the same settings and seed give the same bits."""

import copy
import math

import numpy as np

from nbprop import nn, optim
from nbprop.engine import Tensor, no_grad, record
from nbprop.engine.tape import reachable
from nbprop.record import histograms, statistics
from nbprop.record.diverged import Diverged, first_not_finite
from nbprop.record.layers import find_layers

from .batches import Batches
from .fit import check_fit, evaluating
from .past import Snapshot, generators
from .recorded import RecordedStep
from .resize import Resize, activations, dense_layers, dropouts, hidden_sizes
from .targets import accuracy, probabilities, targets

EVALUATION_SAMPLES = 512
QUANTITIES = ("a_mean", "a_std", "saturated", "dz", "dW", "ratio")


class Run:
    """settings: a dict with the value of every knob; `optimizer` is a template that is copied."""

    def __init__(self, model, settings, seed):
        self.model, self.settings, self.seed = model, settings, seed
        self.steps = 0
        check_fit(model, settings["data"], settings["loss"])
        self._take_optimizer()
        self._take_data()
        self._record_anew()

    # ---- one step ----------------------------------------------------------------------------------------------

    def step(self, measure_update=False):
        """Forward, loss, backward, update. Returns the loss of the batch before the update; Diverged if any number of
        the step is not finite."""
        batch = self.batches.next(self.settings["batch_size"])
        recorded = self._recordings.get(len(batch))
        if recorded is None:
            recorded = RecordedStep(self.model, self._loss, self._X, self._y, len(batch))
            self._recordings[len(batch)] = recorded
        self._recorded = recorded
        loss = recorded.run(self._X, self._y, batch)
        norm = loss + self.gradient.dot(self.gradient)  # infinite also where only the square is too large
        if not (math.isfinite(norm) or (math.isfinite(loss) and np.isfinite(self.gradient).all())):
            self._diverged(loss)
        changed = self.settings["l1"] or self.settings["clip"] is not None
        self._norms = self._measured_norms() if changed else None  # else when asked for
        if self.settings["l1"]:
            self.gradient += self.settings["l1"] * np.sign(self.theta)
        if self.settings["clip"] is not None:
            optim.clip_grad_norm(self.gradient, self.settings["clip"])
        before = self.theta.copy() if measure_update else None
        self.optimizer.update(self.theta, self.gradient)
        self.steps += 1
        if before is not None:
            self.ratios = self._update_ratios(before)
        if not math.isfinite(self.theta.dot(self.theta)) and not np.isfinite(self.theta).all():
            self._diverged(loss, updated=True)
        return loss

    def _diverged(self, loss, updated=False):
        step = self.steps if updated else self.steps + 1
        raise Diverged(step, *first_not_finite(self.layers, self.taps, self.gradient, self.theta, loss))

    @property
    def epoch(self):
        return self.batches.epoch

    # ---- what can be seen --------------------------------------------------------------------------------------

    @property
    def layers(self):
        return self._recorded.layers if self._recorded else self._layers_before_the_first_step()

    def _layers_before_the_first_step(self):
        few = min(2, len(self._X))  # batch normalization trains on two samples or more
        probe = RecordedStep(copy.deepcopy(self.model), self._loss, self._X, self._y, few)
        probe.run(self._X, self._y, np.arange(few))
        return probe.layers

    @property
    def taps(self):
        return self._recorded.taps if self._recorded else []

    def gradient_norms(self):
        """Norm of dL/dW of every layer in the last step, (L,)."""
        return self._measured_norms() if self._norms is None else self._norms

    def _measured_norms(self):
        with np.errstate(over="ignore"):
            squares = np.add.reduceat(np.multiply(self.gradient, self.gradient, out=self._squares), self._starts)
        squares = np.append(squares, 0).astype(np.float64)  # a zero where the last layer ends
        ends = np.append(self._starts, self.gradient.size)
        for i in np.flatnonzero(~((squares[:-1] > statistics.TINY) & (squares[:-1] < np.inf))):
            squares[i] = np.square(self.gradient[ends[i] : ends[i + 1]], dtype=np.float64).sum()
        return np.sqrt(np.add.reduceat(squares, self._recorded.places)[::2]).astype(np.float32)

    def _update_ratios(self, before):
        """Norm of the last update over norm of the weights before it, per layer, (L,); NaN where weights are zero."""
        ratios = np.full(len(self.layers), np.nan, np.float32)
        for i, layer in enumerate(self.layers):
            old = before[layer.weight]
            change = self.theta[layer.weight] - old
            norm = old.dot(old)
            if norm > 0:
                ratios[i] = np.sqrt(change.dot(change) / norm)
        return ratios

    def probe(self):
        """The quantities of `QUANTITIES` for every layer, in the last step: dict of (L,) arrays."""
        if not self._recorded:
            return {name: np.full(len(self.layers), np.nan, np.float32) for name in QUANTITIES}
        a_mean, a_std, saturated, dz = statistics.activations(self.taps)
        return {
            "a_mean": a_mean,
            "a_std": a_std,
            "saturated": saturated,
            "dz": dz,
            "dW": self.gradient_norms(),
            "ratio": np.full(len(self.layers), np.nan, np.float32) if self.ratios is None else self.ratios,
        }

    def lags(self):
        """Norm of dL/dh of the first recurrent layer in the last step, by time steps before the end (T,); or None."""
        op = self._recorded and self._recorded.recurrent
        return None if op is None else np.sqrt(np.square(op.dh[::-1], dtype=np.float64).sum(axis=(1, 2)))

    def percentiles(self):
        """What `histograms.percentiles` says of the last step."""
        return histograms.percentiles(self.taps)

    def slopes(self, bins):
        """What `histograms.slopes` says of the last step."""
        return histograms.slopes(self.taps, bins)

    def histograms(self, kind, bins):
        return histograms.histograms(self._counted(kind), bins)

    def not_finite(self, kind):
        return histograms.not_finite(self._counted(kind))

    def _counted(self, kind):
        """The array of each layer whose numbers a histogram counts."""
        if kind == "weights":
            return [self.theta[layer.weight] for layer in self.layers]
        if not self._recorded:
            return [np.zeros(0, np.float32) for _ in self.layers]
        if kind == "gradients":
            return [self.gradient[layer.weight] for layer in self.layers]
        return [tap.a for tap in self.taps]

    def output(self, X):
        """What the network says, (n, ..., outputs), with the training step's arrays left as they are."""
        with evaluating(self.model), no_grad():
            return self.model(Tensor(X)).data

    def activations(self, X):
        """What every layer gives for the samples X: a list of arrays (n, ...)."""
        with evaluating(self.model), record() as tape:
            output = self.model(Tensor(X))
        used = set(reachable(output))
        return [a.data for _, _, a, _ in find_layers(self.model, tape.calls, used.__contains__)]

    def predict(self, X):
        """Class probabilities or regression values of the samples X, (n, ..., outputs)."""
        return probabilities(self.output(X), self.settings["data"], self.settings["loss"])

    def attention(self, X):
        """The weights of every attention in the model, each (heads, T, S), for one sample X."""
        self.output(X[None])
        return [each.attention_weights[0] for each in self.model.modules() if isinstance(each, nn.MultiheadAttention)]

    def evaluate(self):
        """Loss and accuracy on the first 512 training samples and all validation samples."""
        data, loss = self.settings["data"], self.settings["loss"]
        found = {}
        sets = {
            "train": (self._X[:EVALUATION_SAMPLES], self._y[:EVALUATION_SAMPLES], data.y_train[:EVALUATION_SAMPLES]),
            "val": (data.X_val, self._y_val, data.y_val),
        }
        with evaluating(self.model), no_grad():
            for name, (X, target, y) in sets.items():
                if len(X):
                    output = self.model(Tensor(X))
                    found[f"{name}_loss"] = float(self._loss(output, target).data)
                    if data.task != "regression":
                        found[f"{name}_accuracy"] = accuracy(output.data, y, data, loss)
        return found

    # ---- turning knobs -----------------------------------------------------------------------------------------

    def apply(self, name, value):
        """Turn one knob; parameters, optimizer state and the place in the data are kept as far as they still fit.

        theta: an array, or with the buffers what `model.state_dict()` gave."""
        if name in ("loss", "data"):
            check_fit(self.model, *(value if name == key else self.settings[key] for key in ("data", "loss")))
        if name == "theta":
            if isinstance(value, dict):
                self.model.load_state_dict(value)
            else:
                self.model.theta = value
            return
        if name == "hidden":
            self._resize(value)
        self.settings[name] = value
        if name == "lr":
            self.optimizer.lr = value
        elif name == "optimizer":
            self._take_optimizer()
        elif name == "activation":
            self._replace_activations([nn.activation(value) for _ in activations(self.model)])
        elif name == "dropout":
            self._set_dropout(value)
        elif name in ("loss", "data"):
            self._take_data(keep=name == "loss")
        if name not in ("lr", "optimizer", "clip", "l1"):
            self._record_anew()

    def _take_optimizer(self):
        template = self.settings["optimizer"]
        self.optimizer = type(template)(**template.settings())
        self.optimizer.lr = self.settings["lr"]

    def _take_data(self, keep=False):
        data, loss = self.settings["data"], self.settings["loss"]
        self._X, self._y = data.X_train, targets(data.y_train, data, loss)
        self._y_val = targets(data.y_val, data, loss)
        self._loss = nn.loss(loss)
        if not keep:
            self.batches = Batches(len(self._X), [self.seed, self.steps])

    def _record_anew(self):
        self._recordings, self._recorded = {}, None
        self.ratios = None  # of the last step that was asked to measure its update
        self.theta, self.gradient = self.model.theta, self.model.gradient
        sizes = np.array([parameter.size for parameter in self.model.parameters()])
        self._starts = np.cumsum(sizes) - sizes
        self._squares = np.empty_like(self.gradient)
        self._norms = None

    def _replace_activations(self, new):
        """new: a module for each place."""
        for (module, name, _), activation in zip(activations(self.model), new, strict=True):
            if isinstance(module, nn.Sequential):
                module[int(name)] = activation
            else:
                setattr(module, name, activation)

    def _set_dropout(self, p):
        layers = dropouts(self.model)
        for layer, share in zip(layers, p if isinstance(p, tuple) else [p] * len(layers), strict=True):
            layer.p = share

    def _resize(self, hidden):
        layers = dense_layers(self.model)
        old = [layers[0].in_features, *(layer.out_features for layer in layers)]
        new = [old[0], *hidden, old[-1]]
        resize = Resize(old, new, self.settings["activation"])
        theta, state = self.theta, self.optimizer.state
        self._rebuild(hidden)
        self.model.theta = resize.carry(theta, self.model.theta, identity=True)
        zeros = np.zeros_like(self.model.theta)
        self.optimizer.state = {key: resize.carry(value, zeros) for key, value in state.items()}

    def _rebuild(self, hidden):
        """Give the model the layers of a freshly initialized network with these hidden sizes."""
        fresh = self._initialized(hidden, [self.seed, self.steps])
        for layer in dropouts(fresh):  # goes on with the draws of the old ones
            layer.rng = next(iter(self.model.generators()), layer.rng)
        del self.model[:]
        self.model.extend(fresh)

    def _initialized(self, hidden, seed):
        layers, name = dense_layers(self.model), self.settings["activation"]
        return nn.mlp(
            [layers[0].in_features, *hidden, layers[-1].out_features],
            # One of the model may have settings of its own, such as a slope.
            activation=next((module for _, _, module in activations(self.model) if module.name == name), name),
            init=getattr(self.model, "init", "xavier"),
            seed=seed,
            dtype=self.theta.dtype,
            dropout=self.settings["dropout"],
        )

    # ---- the full state ----------------------------------------------------------------------------------------

    def branch(self):
        """An independent run in the same state."""
        other = Run(copy.deepcopy(self.model), dict(self.settings), self.seed)
        other.restore(self.snapshot())
        return other

    def fresh_model(self, start, seed):
        """A model as this one is now, with weights as at a start: initialized anew where the model is made by nn.mlp,
        else those of the snapshot `start`."""
        if self.settings["hidden"] is not None:
            return self._initialized(self.settings["hidden"], seed)
        model = copy.deepcopy(self.model)
        start.fill(model)
        return model

    def snapshot(self):
        return Snapshot(
            self.steps,
            dict(self.settings),
            self.theta.copy(),
            [array.copy() for _, array in self.model.named_buffers()],
            [module for _, _, module in activations(self.model)],  # exchanged as a whole, so no copies
            copy.deepcopy([getattr(*place) for place in generators(self.model)]),
            self.optimizer.state_dict(),
            self.batches.state(),
        )

    def restore(self, snapshot):
        now, wanted = self.settings, snapshot.settings
        self.settings = dict(wanted)
        if wanted["hidden"] != now["hidden"]:
            self._rebuild(wanted["hidden"])
        elif wanted["dropout"] != now["dropout"]:
            self._set_dropout(wanted["dropout"])
        if any(wanted[name] != now[name] for name in ("hidden", "activation")):
            self._replace_activations(copy.deepcopy(snapshot.activations))
        self.steps = snapshot.step
        self._take_data()
        self.batches.restore(snapshot.batches)
        self._take_optimizer()
        self.optimizer.load_state_dict(snapshot.optimizer)
        self._record_anew()
        snapshot.fill(self.model)


def architecture(model):
    """The settings that a model brings along: hidden sizes (None if they cannot be changed), activation and dropout (a
    tuple where the layers differ, None where there are none)."""
    shares = tuple(layer.p for layer in dropouts(model))
    functions = [module.name for _, _, module in activations(model)]
    try:
        hidden = hidden_sizes(model)
    except ValueError:
        hidden = None
    return {
        "hidden": hidden,
        "activation": functions[0] if functions else "identity",
        "dropout": shares[0] if len(set(shares)) == 1 else shares or None,
    }
