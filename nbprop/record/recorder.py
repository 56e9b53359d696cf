"""Measures the quantities of a step, those of the table and a user's own, and puts them into a history."""

import warnings
from contextlib import suppress

import numpy as np

from nbprop.checks import did_you_mean, flag

from .quantities import FLOWS, QUANTITIES, Quantity, unmeasured

# Columns of a history that are no quantities.
RESERVED = {"loss", "train_loss", "val_loss", "train_accuracy", "val_accuracy"}
MEASURED = set(QUANTITIES) | {quantity.series for quantity in QUANTITIES.values()}


class Recorder:
    """own: the user's quantities, by name. complaint: what went wrong in one of them, until somebody has taken it."""

    def __init__(self) -> None:
        self.own = {}
        self.complaint = ""
        self.former = set()  # names of a user's own in the history, whose functions a file did not hold
        self._failed = set()  # of the own ones: complained about already

    @property
    def quantities(self) -> dict[str, Quantity]:
        """All of them, by name."""
        return {**QUANTITIES, **self.own}

    def checked(self, name, function, symbol=None, unit="", flow=None, log=True, columns=()) -> Quantity | None:
        """The Quantity that a user describes, or None to take one away; see `Trainer.record`. columns: names that the
        history has already."""
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"record: name must be a text such as 'weight norm'; got {name!r}")
        if name in RESERVED | MEASURED | set(columns) - set(self.own) - self.former:
            raise ValueError(f"record: {name!r} is recorded by nbprop itself; take another name")
        if function is None:
            if name not in self.own:
                raise ValueError(f"record: there is no {name!r} to take away{did_you_mean(name, self.own)}")
            return None
        if name in self.own:
            raise ValueError(f"record: {name!r} is there already; record({name!r}, None) takes it away")
        if not callable(function):
            raise TypeError(
                f"record: expected a function of an observation, got {function!r}; "
                "try lambda seen: [np.linalg.norm(W) for W in seen.W]"
            )
        if flow not in FLOWS:
            raise ValueError(f"record: flow must be 'forward', 'backward' or None; got {flow!r}")
        symbol = name if symbol is None else symbol
        for word, text in (("symbol", symbol), ("unit", unit)):
            if not isinstance(text, str):
                raise TypeError(f"record: {word} must be a text; got {text!r}")
        return Quantity(name, name, symbol, unit, name, function, flow=flow, log=flag("log", log), own=True)

    def put(self, name, quantity) -> None:
        """Add what `checked` gave."""
        self._failed.discard(name)
        if quantity is None:
            self.own.pop(name, None)
        else:
            self.own[name] = quantity

    def measure(self, seen, needed=("layers",)) -> dict[str, np.ndarray]:
        """Series -> numbers, of all that is always measured and of what `needed` names: (layers,), or one number;
        masked where there is nothing to measure."""
        found = {}
        for name, quantity in self.quantities.items():
            if quantity.needs and quantity.needs not in needed:
                continue
            if name not in seen.measured:
                seen.measured[name] = self._own(quantity, seen) if quantity.own else quantity.measure(seen)
            values = seen.measured[name]
            found |= values if isinstance(values, dict) else {} if values is None else {quantity.series: values}
        return found

    def nothing(self, count) -> dict[str, np.ndarray]:
        """What `measure` gives before the first step: all masked."""
        shown = [quantity for quantity in self.quantities.values() if quantity.needs in ("", "layers")]
        return {quantity.series: unmeasured(count) for quantity in shown}

    def keep(self, history, step, seen, needed, interval) -> None:
        """Measure, and add to the history."""
        for series, values in self.measure(seen, needed).items():
            if seen.forward_only and np.ma.getmaskarray(values).all():
                continue  # there is no gradient; a NaN would look like one that is not finite
            column = history.columns.get(series)
            if column is not None and np.ndim(values) != column.values.ndim - 1:
                if np.isnan(column.values).all():  # it has only failed until now
                    history.columns.pop(series)
                else:
                    values = self._changed(series, column, values)
            history.add(series, step, values, interval)

    def _changed(self, name, column, values):
        """NaN, in the form of the column, in the place of something of another form."""
        kinds = ["one number", f"{np.size(values)}, one for each layer"]
        if np.isfinite(values).any():
            before, now = kinds if column.values.ndim == 1 else kinds[::-1]
            self._complain(name, f"gave {before} before, and now {now}")
        return np.nan if column.values.ndim == 1 else np.full(column.values.shape[1], np.nan)

    def _complain(self, name, why):
        """Told once, as a warning, and to whoever takes the complaint."""
        if name not in self._failed:
            self._failed.add(name)
            self.complaint = f"{name!r} cannot be measured: {why}"
            with suppress(RuntimeWarning):  # where warnings are errors
                warnings.warn(self.complaint, RuntimeWarning, stacklevel=2)

    def _own(self, quantity, seen):
        """What the user's function gives, or nothing; whatever it does, the run goes on."""
        count = len(seen.layers)
        try:
            values = np.array(quantity.measure(seen), np.float32)
            if values.shape not in ((), (count,)):
                raise ValueError(
                    f"expected {count} numbers, one for each layer, or one number; got shape {values.shape}"
                )
            return values
        except Exception as error:
            self._complain(quantity.name, f"{type(error).__name__}: {error}")
            return unmeasured(count)

    def copy(self) -> "Recorder":
        other = Recorder()
        other.own, other.former, other._failed = dict(self.own), set(self.former), set(self._failed)
        return other
