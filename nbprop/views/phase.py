"""A map of many runs over two axes of a grid: what came of each, while it fills."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.checks import did_you_mean
from nbprop.record.lessons import Lesson
from nbprop.record.source import PENDING, RUNNING, STATES, CannotSay, Swept

from .base import colors
from .base.loop import running_loop
from .base.swept import DIVERGED, DONE, NONE, mapped, numbers_of, places_of, said, words_of
from .base.view import Control, Option, View, new_axes, number, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OVER = (("median", "median"), ("mean", "mean"), ("lowest", "lowest"), ("highest", "highest"), ("spread", "spread"))
SAID = 0.3  # seconds after which what was said has reached the page
LINE = 200  # points of a line over the map
CURVES = 5  # seeds of the chosen cell whose curves are drawn
FIRST, SECOND, REST = ("", "by itself"), ("", "by itself"), "at_"


class Offered:
    """The options: axes and measures are those of the sweep."""

    def __get__(self, view, owner=None) -> tuple[Option, ...]:
        source = None if view is None else vars(view).get("source")
        axes = getattr(source, "axes", {})
        measures = getattr(getattr(source, "table", None), "numbers", {})
        named = tuple((name, name) for name in axes)
        return (
            Option("measure", "colour", (("", "by itself"), *((name, name) for name in measures)), "", more=True),
            Option("over", "over seeds", OVER, "median"),
            Option("x", "x", (FIRST, *named), "", more=True),
            Option("y", "y", (SECOND, *named), "", more=True),
            Option("log", "log"),
            *(Option(REST + name, name, _values(values), "", more=True) for name, values in axes.items()),
        )


def _values(values):
    first, *rest = words_of(values)
    return ("", first), *((word, word) for word in rest)


class Phase(View):
    """What came of each run of a sweep, `nb.sweep(...)`, over two axes of its grid: a cell for each pair of values,
    coloured by a number that was measured. What is still to come, what runs, has diverged or has failed is told apart
    by its mark. A cell that is pressed (or `view.cell = {"depth": 5, "gain": 1.2}`) is framed, and its runs are drawn
    as curves below the map.

    Only runs that are done count in the colour; of several seeds it is their median, mean, ...

    line: a theory's line over the map, y = line(x) or (xs, ys) in the axes' own units; along axes of names there is
    none. at: of each axis that is not shown the value at which it is, {"init": "he"}; by default the first.

    Options: `measure`, a name ("", default: the first); `over`, of several seeds: "median" (default), "mean",
    "lowest", "highest", "spread" (highest minus lowest); `x`, `y`: names of axes ("", default: the first two);
    `log` (default False): colours of the logarithm. Of each axis `at_NAME`: its value where it is not shown, as a word.
    """

    name = "phase"
    title = "Phase diagram"
    about = (
        "Many runs at once, each a cell: what came of a network with these two settings. Where the colour changes "
        "abruptly, something in the way that it learns does."
    )
    lesson = Lesson(5, "A table of initial weights")
    contract = (Swept,)
    shows = "a sweep, nb.sweep(make, {'depth': [5, 10], 'lr': [0.1, 0.01]}, ...)"
    size = (5.4, 4.2)
    height = 460
    rate = 10.0
    measure: str
    over: str
    x: str
    y: str
    log: bool
    options: Any = Offered()

    def __init__(self, source, line: Any = None, at: "dict[str, Any] | None" = None, **options) -> None:
        self._cell: tuple[Any, ...] | None = None  # values, as places move when a grid grows
        self._line, self._note = line, ""
        self._traced: dict[bytes, np.ndarray] = {}  # what the line says, of the axis it was asked for
        super().__init__(source, **options)
        for name, value in (at or {}).items():
            if name not in getattr(source, "axes", {}):
                raise ValueError(f"at: {name!r} is no axis{did_you_mean(name, source.axes)}")
            place = self._place(name, value, "at")
            setattr(self, REST + name, words_of(source.axes[name])[place] if place else "")
        steering = [Control("turn", "Pause", key="p")] if hasattr(source, "pause") else []
        steering += [Control("cancel", "Cancel")] if hasattr(source, "cancel") else []
        steering += [Control("open", "Open this run", key="o")] if hasattr(source, "open") else []
        self.controls = tuple(steering)

    @property
    def version(self) -> Any:
        return super().version, self._cell, self._note

    # ---- what is shown -----------------------------------------------------------------------------------------------

    def _shown(self) -> "tuple[str, str | None]":
        """The names of the two axes."""
        names = list(self.source.axes)
        if not names:
            raise CannotSay("Phase: no points yet.")
        x = self.x or next(name for name in names if name != self.y or len(names) == 1)
        y = self.y or next((name for name in names if name != x), None)
        if x == y:
            raise CannotSay(f"Phase: x and y are both {x!r}; choose another for one of them: {', '.join(names)}.")
        return x, y

    def _measure(self) -> str:
        names = list(self.source.table.numbers)
        if self.measure and self.measure not in names and names:
            raise CannotSay(f"Phase: no run has measured {self.measure!r}; there are {', '.join(names)}.")
        return self.measure or (names[0] if names else "")

    def _held(self) -> "dict[str, int]":
        """Of each axis that is not shown, the place of its value."""
        axes, shown, held = self.source.axes, self._shown(), {}
        for name, values in axes.items():
            if name not in shown:
                word = getattr(self, REST + name)
                held[name] = words_of(values).index(word) if word else 0
        return held

    def _sorted(self):
        """Runs that are in the map, and their rows and columns."""
        axes, table, (x, y) = list(self.source.axes), self.source.table, self._shown()
        where = table.where
        inside = np.ones(len(where), bool)
        for name, place in self._held().items():
            inside &= where[:, axes.index(name)] == place
        runs = np.flatnonzero(inside)
        rows = where[runs, axes.index(y)] if y else np.zeros(len(runs), int)
        return runs, rows, where[runs, axes.index(x)]

    def _shape(self):
        (x, y), axes = self._shown(), self.source.axes
        return (len(axes[y]) if y else 1), len(axes[x])

    def _mapped(self):
        """What `base/swept.py` says of each cell: value, state, lost, ended, each (rows, columns)."""
        table, measure = self.source.table, self._measure()
        runs, rows, columns = self._sorted()
        numbers = table.numbers[measure][runs] if measure else np.full(len(runs), np.nan)
        return mapped(rows, columns, table.state[runs], numbers, self._shape(), self.over, bool(measure))

    # ---- a cell ------------------------------------------------------------------------------------------------------

    @property
    def cell(self) -> "dict[str, Any] | None":
        """The point whose runs are drawn as curves: name -> value; None for none."""
        return None if self._cell is None else dict(zip(self.source.axes, self._cell, strict=True))

    @cell.setter
    def cell(self, point: "dict[str, Any] | None") -> None:
        if point is not None:
            axes = self.source.axes
            if not isinstance(point, dict) or set(point) != set(axes):
                raise ValueError(f"cell: expected a value for each of {', '.join(axes)}, or None; got {point!r}")
            self._cell = tuple(axes[name][self._place(name, point[name], "cell")] for name in axes)
        else:
            self._cell = None
        self._redraw()

    def _place(self, name, value, what):
        """Which of an axis' values it is."""
        values = self.source.axes[name]
        value = tuple(value) if isinstance(value, list) else value
        for place, each in enumerate(values):
            if each == value and isinstance(each, bool) == isinstance(value, bool):
                return place
        words = words_of(values)
        meant = did_you_mean(value, words)
        raise ValueError(f"{what}: {name} is none of {', '.join(words)}: {value!r}{meant}")

    def _places(self):
        """Of the cell, which value of each axis."""
        return tuple(self._place(name, value, "cell") for name, value in (self.cell or {}).items())

    def act(self, name, value) -> None:
        source = self.source
        if name == "turn":
            source.pause() if source.status == "playing" else source.resume()
        elif name == "cancel":
            source.cancel()
        elif name == "open":
            if self._cell is None:
                raise ValueError("press a cell first: the run that is there is opened")
            cell, loop = self.cell or {}, running_loop()
            self._note = source.waits(**cell) if loop is not None and hasattr(source, "waits") else ""
            if loop is not None and self._note:
                loop.call_later(SAID, self._open, cell)  # the words are to be read before
            else:
                self._open(cell)
        elif name == "cell":
            row, column = map(int, value)
            rows, columns = self._shape()
            if not (0 <= row < rows and 0 <= column < columns):
                raise ValueError(f"Phase: expected a cell of {rows} × {columns}, got {value!r}")
            (x, y), held = self._shown(), self._held()
            places = {**held, x: column, **({y: row} if y else {})}
            cell = tuple(values[places[each]] for each, values in source.axes.items())
            self._note = ""
            self._cell = None if cell == self._cell else cell
        else:
            super().act(name, value)

    def _open(self, cell):
        try:
            self.source.open(**cell)
            self._note = ""
        except Exception as error:  # of the reader's own make
            self._note = f"It cannot be opened: {type(error).__name__}: {error}"
        self._redraw()

    def _redraw(self):
        for board in tuple(vars(self).get("boards", ())):
            board.ask()

    def _own(self):
        """Row and column of the cell, where it is in the map."""
        if self._cell is None:
            return None
        axes, (x, y), held = list(self.source.axes), self._shown(), self._held()
        places = self._places()
        if any(places[axes.index(name)] != place for name, place in held.items()):
            return None
        return (places[axes.index(y)] if y else 0), places[axes.index(x)]

    def _results(self):
        """What came of the runs of the cell: (seed, result) each, of those that have ended."""
        table, cell = self.source.table, self.cell
        if cell is None:
            return []
        runs = np.flatnonzero((table.where == np.array(self._places())).all(axis=1))
        key = self._cell, tuple(table.state[runs]), tuple(table.place[runs, 0])

        def read():
            found = []
            for k, run in enumerate(runs):
                if table.state[run] > RUNNING and table.place[run, 0] >= 0:
                    found.append((k, self.source.result(self.source.seeds[k], **cell)))
            return found

        return self._constant("results", key, read)

    def _curves(self):
        """The name of the series that is drawn, and of each seed (steps, values)."""
        found = self._results()
        names = [name for _, result in found for name in result["history"]]
        measure = self._measure()
        name = measure if measure in names else next((n for n in ("val_loss", "train_loss", "loss") if n in names), "")
        return name, [result["history"].series(name) for _, result in found[:CURVES] if name in result["history"]]

    # ---- numbers, picture, words -------------------------------------------------------------------------------------

    def frame(self) -> dict[str, Any]:
        """map (rows, columns): the colour's number, NaN where there is none; row 0 is the lowest value of y. state, of
        each cell: 0 pending, 1 running, 2 done, 3 diverged, 4 failed, 5 out of time, -1 no point; lost and ended:
        shares of its runs. range (2,): of the colours. cell (2,): row and column of the one that is framed, empty for
        none; curves (k, 2, n): steps and values of its runs, NaN behind their end; line (2, m): a theory's line, in
        cells, (0 the middle of the first one); progress (2,): runs that have ended, and all."""
        value, state, lost, ended = self._mapped()
        finite = value[np.isfinite(value) & ((value > 0) | (not self.log))]
        ends = (finite.min(), finite.max()) if finite.size else (0.1 if self.log else 0.0, 1.0)
        own, (_, curves) = self._own(), self._curves()
        longest = max((len(steps) for steps, _ in curves), default=0)
        padded = np.full((len(curves), 2, longest), np.nan)
        for k, (steps, values) in enumerate(curves):
            padded[k, 0, : len(steps)], padded[k, 1, : len(steps)] = steps, values
        made = {
            "map": value, "state": state, "lost": lost, "ended": ended, "range": ends,
            "cell": () if own is None else own, "curves": padded, "line": self._drawn_line(),
            "progress": (self.source.steps, len(self.source.table)),
        }  # fmt: skip
        return {name: np.ascontiguousarray(each, np.float32) for name, each in made.items()}

    def _drawn_line(self):
        """The line in places of the axes, (2, m)."""
        (x, y), axes = self._shown(), self.source.axes
        across, up = (numbers_of(axes[name]) if name else None for name in (x, y))
        if self._line is None or across is None or up is None or len(across) < 2 or len(up) < 2:
            return np.zeros((2, 0))
        if callable(self._line):
            xs = np.interp(np.linspace(0, len(across) - 1, LINE), np.arange(len(across)), across)
            if xs.tobytes() not in self._traced:  # a theory may take its time, and says the same in every frame
                self._traced = {xs.tobytes(): np.array([self._line(each) for each in xs])}
            ys = self._traced[xs.tobytes()]
        else:
            xs, ys = (np.asarray(each, float) for each in self._line)
        return np.stack([places_of(across, xs), places_of(up, ys)])

    def labels(self) -> dict[str, Any]:
        """x, y: name and values of the axes; measure; over; seeds: how many; log; told: how far it is; curve: the
        series that is drawn; point: the cell in words; runs: of its runs; choices; values, controls; marks."""
        (x, y), axes = self._shown(), self.source.axes
        at = {REST + name: [] if name in (x, y) else [list(each) for each in _values(axes[name])] for name in axes}
        measures = list(self.source.table.numbers)
        point, runs = self._cell_words()
        return {
            "x": {"name": x, "values": words_of(axes[x])},
            "y": {"name": y or "", "values": words_of(axes[y]) if y else [""]},
            "measure": self._measure(), "over": self.over, "seeds": len(self.source.seeds), "log": self.log,
            "told": self._note or self.source.describe(), "curve": self._curves()[0], "point": point, "runs": runs,
            "choices": {
                **at,
                "measure": [["", "by itself"], *([name, name] for name in measures)] if len(measures) > 1 else [],
                "x": self._axes_offered() if len(axes) > 2 else [], "y": self._axes_offered() if len(axes) > 2 else [],
                "over": [list(each) for each in OVER] if len(self.source.seeds) > 1 else [],
            },
            "values": {"turn": "Pause" if self.source.status == "playing" else "Resume"},
            "controls": self._reached(), "marks": self.marks(),
        }  # fmt: skip

    def _axes_offered(self):
        return [["", "by itself"], *([name, name] for name in self.source.axes)]

    def _reached(self):
        """The buttons that can do something."""
        over = self.source.steps == len(self.source.table)
        found = [] if over else ["turn", "cancel"]
        return [*found, "open"] if self._cell is not None and getattr(self.source, "opens", False) else found

    def _cell_words(self):
        """The cell in words, and a line for each of its runs."""
        if self._cell is None:
            return "", []
        cell, table = self.cell or {}, self.source.table
        runs = np.flatnonzero((table.where == np.array(self._places())).all(axis=1))
        lines = []
        for k, run in enumerate(runs):
            numbers = ", ".join(f"{name} {number(values[run])}" for name, values in table.numbers.items())
            state = STATES[table.state[run]]
            error = table.errors.get(int(run), "").partition("\n")[0]
            of = f"seed {self.source.seeds[k]}: {state}"
            lines.append(of + (f", {numbers}" if state == "done" else "") + (f": {error}" if error else ""))
        return ", ".join(f"{name} {said(value)}" for name, value in cell.items()), lines

    def marks(self) -> dict[str, str]:
        seeds = len(self.source.seeds)
        of = f", the {self.over} of {plural(seeds, 'seed')}" if seeds > 1 else ""
        return {
            "map": f"colour: {self._measure() or 'what is measured'} at the end of the run{of}; of runs that are done",
            "pending": "empty: still to come",
            "running": "a dot: it runs now",
            "diverged": "a cross: its numbers were no longer finite",
            "failed": "an exclamation mark: it raised an error, or its process died; press the cell to read it",
            "out of time": "a clock's hand: it took longer than it may",
            "lost": "a small corner: some of its seeds are not done",
            "cell": "framed: the cell that was pressed; its runs are drawn below, a curve a seed",
            "line": "dashed line: what theory says",
        }

    def describe(self) -> str:
        words = [self.source.describe()]
        value = self._mapped()[0]
        if np.isfinite(value).any():
            (x, y), axes, measure = self._shown(), self.source.axes, self._measure()

            def place(index):
                row, column = np.unravel_index(index, value.shape)
                at = [f"{x} {said(axes[x][column])}"] + ([f"{y} {said(axes[y][row])}"] if y else [])
                return f"{number(value[row, column])} at {', '.join(at)}"

            held = "".join(f", {name} {said(axes[name][k])}" for name, k in self._held().items())
            words.append(f"{measure} from {place(np.nanargmin(value))} to {place(np.nanargmax(value))}{held}.")
        point, runs = self._cell_words()
        return " ".join([*words, *([f"{point}: {'; '.join(runs)}."] if point else [])])

    def plot(self, ax=None) -> "Axes":
        from matplotlib.colors import LogNorm, Normalize
        from matplotlib.patches import Rectangle

        ax = new_axes(ax, *self.size)
        frame, labels = self.frame(), self.labels()
        value, state = frame["map"], frame["state"]
        low, high = map(float, frame["range"])
        norm = (LogNorm if self.log else Normalize)(low, high if high > low else low + (abs(low) or 1.0))
        cmap = colors.cividis().with_extremes(bad=(0, 0, 0, 0))
        value = np.maximum(value, low) if self.log else value
        image = ax.imshow(np.ma.masked_invalid(value), origin="lower", aspect="auto", cmap=cmap, norm=norm)
        for row, column in np.argwhere((state != DONE) & (state != NONE)):
            mark, color = MARKS[int(state[row, column])]
            ax.text(column, row, mark, ha="center", va="center", fontsize="small", color=color)
        if frame["line"].size:
            ax.plot(*frame["line"], "--", color=colors.VALIDATION, linewidth=1.6)
            ax.set(xlim=(-0.5, value.shape[1] - 0.5), ylim=(-0.5, value.shape[0] - 0.5))
        if frame["cell"].size:
            row, column = frame["cell"]
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=colors.FOREGROUND, lw=2))
        for axis, of in ((ax.xaxis, labels["x"]), (ax.yaxis, labels["y"])):
            n = len(of["values"])
            places = np.unique(np.linspace(0, n - 1, min(n, 8)).round().astype(int))
            axis.set_ticks(places, [of["values"][k] for k in places])
            axis.set_label_text(of["name"])
        ax.figure.colorbar(image, ax=ax, label=labels["measure"])
        ax.set_title(f"{self.heading}\n{self.source.describe()}", fontsize="medium")
        return ax


MARKS = {
    PENDING: ("", colors.MUTED),
    RUNNING: ("•", colors.MUTED),
    DIVERGED: ("×", colors.WARNING),
    STATES.index("failed"): ("!", colors.WARNING),
    STATES.index("out of time"): ("◔", colors.WARNING),
}
