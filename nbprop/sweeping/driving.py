"""The thread that drives a sweep: which run goes where, what came of it, and what to do when something dies."""

import queue
import threading
import time
import warnings
from typing import Any

import numpy as np

from nbprop.record.source import PENDING, RUNNING

from .grid import identity
from .pool import broken, engine
from .task import here, work

RETRY = 5.0  # seconds after which what could not be written is tried again
INTERRUPTED = 5  # times that the worker of a run may be interrupted before it counts as failed
BLAMED = 2  # times that a run may break the pool, the second time alone in it
SHOWN = {"running": "playing", "paused": "paused", "cancelled": "paused", "stopped": "stopped", "finished": "ready",
         "closed": "ready"}  # fmt: skip
NOTHING = {"numbers": {}, "history": {}, "seconds": float("nan"), "worker": ""}


class Driving:
    """What a hand does to a sweep, and the thread that does it."""

    grid: Any
    seeds: tuple[int, ...]
    table: Any
    _propose: Any
    _packed: bytes
    _steps: "int | None"
    _limit: "float | None"
    _ahead: "int | None"
    _most: int
    _points: int
    rows: Any
    _engine: Any
    _results: Any = None
    _earlier: dict[Any, Any]

    def __init__(self) -> None:
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._under_way: dict[Any, int] = {}  # future -> run, in the order in which they were handed out
        self._alone: list[int] = []  # runs of which one has broken the pool
        self._blamed: dict[int, int] = {}
        self._interrupted: dict[int, int] = {}
        self._next, self._recalled, self._lock = 0, 0, threading.RLock()
        self.state, self._why, self.version = "paused", "", 0
        self._began, self._worked, self._thread = 0.0, 0.0, None
        self._ended = threading.Event()

    @property
    def status(self) -> str:
        """What a source says of itself: see nbprop/record/source.py."""
        return SHOWN[self.state]

    @property
    def message(self) -> str:
        """What is wrong, or ""."""
        results, disk = self._results, ""
        if results is not None and results.unwritten:
            disk = f"{results.path or 'The file'} could not be written ({results.problem}): {results.unwritten} results"
            disk += " are kept in memory until there is room."
        return " ".join(filter(None, [self._why, disk]))

    # ---- what a hand does --------------------------------------------------------------------------------------------

    def resume(self, executor: Any = None) -> None:
        """Go on, with the executor that it had, or another one."""
        with self._lock:
            if self.state == "closed":
                raise ValueError("this sweep is closed: nb.sweep(..., file=...) with the same file goes on with it")
            if executor is not None and self.state == "running":
                raise ValueError("it runs: pause() or cancel() it first, then resume(executor=...)")
            if self.state in ("running", "finished"):
                return
            if executor is not None:
                self._engine = engine(executor, None, self._ahead)
            self.state, self._why = "running", ""
            self._ended.clear()
            self.version += 1
            if self._thread is None:
                self._began = time.monotonic()
                self._thread = threading.Thread(target=self._drive, name="nbprop sweep", daemon=True)
                self._thread.start()
            else:
                self._inbox.put(None)

    def pause(self) -> None:
        """Begin no further run; those that are under way end, and are kept."""
        self._turn("paused", ("running",))

    def cancel(self) -> None:
        """Begin no further run, and give up those that are under way. `resume()` makes them after all."""
        self._turn("cancelled", ("running", "paused", "stopped"))

    def close(self) -> None:
        """End it, and let go of its file."""
        if self._results is None:  # it was never begun
            return
        self.cancel()
        thread = self._thread
        with self._lock:
            self.state = "closed"
            self._give_up()
            self._inbox.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._lock:
            self._write()
            if self._results.unwritten:
                warnings.warn(f"{self.message} They are lost now.", RuntimeWarning, stacklevel=2)
            self._engine.end()
            self._results.close()

    replaced = close  # the cell that made it was run again

    def _turn(self, state, among):
        with self._lock:
            if self.state in among:
                self.state = state
                self.version += 1
                self._inbox.put(None)

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _drive(self):
        try:
            while self._round():
                if (future := self._news()) is not None:
                    with self._lock:
                        self._arrived(future)
        except BaseException as error:  # a fault of ours: it is not to be lost in a thread, nor whoever waits for it
            with self._lock:
                self._under_way.clear()
                self._pend(np.flatnonzero(self.table.state == RUNNING).tolist())
                self._stop(f"nbprop failed: {type(error).__name__}: {error}")
                self._thread = None
                self._ended.set()
            raise

    def _round(self):
        """Hand out what there is to do; False: there is nothing to wait for."""
        while True:
            with self._lock:
                self._write()
                if self.state == "running":
                    self._fill()
                if self.state == "cancelled":
                    self._give_up()
                if self._under_way:
                    return True
                if self.state != "running":
                    if not self._ended.is_set():
                        self._worked += time.monotonic() - self._began
                        self._ended.set()
                    if self.state == "finished":
                        self._engine.end()
                    if self._results.unwritten and self.state != "closed":
                        return True
                    self._thread = None
                    return False
            self._more()  # outside the lock: it may take its time

    def _news(self):
        """The next run that has ended; None when a hand wants something, or when it is time to write what waits."""
        try:
            return self._inbox.get(timeout=RETRY if self._results.unwritten else None)
        except queue.Empty:
            return None

    def _fill(self):
        """Give the executor as many runs as it should have."""
        while self.state == "running":
            alone = bool(self._alone)
            if len(self._under_way) >= (1 if alone else self._engine.ahead):
                return
            run = self._alone.pop(0) if alone else self._next_run()
            if run is None:
                return
            point, seed = self.table.point(run)
            task = self._packed, point, seed, self._steps, self._limit, self._engine.owned, here(), self._points
            try:
                future = self._engine.submit(work, *task)
            except Exception as error:
                self._alone[:0] = [run] if alone else []
                self._next = self._next if alone else min(self._next, run)
                self._lost([], error)
                continue
            self._under_way[future] = run
            self.table.state[run] = RUNNING
            self.version += 1
            future.add_done_callback(self._inbox.put)

    def _next_run(self):
        """The next run that is pending."""
        while self._next < len(self.table):
            run, self._next = self._next, self._next + 1
            if self.table.state[run] == PENDING and run not in self._alone:
                return run
        return None

    def _more(self):
        """All that there was has ended: ask the function that proposes points for more, or finish."""
        words, points = "", []
        try:
            points = [] if self._propose is None else self._propose(self.rows()) or []
        except Exception as error:
            words = f"The function that proposes points failed: {type(error).__name__}: {error}"
        with self._lock:
            added = 0
            if not words:
                try:
                    added = self.grid.add(points, self._most // len(self.seeds)) if points else 0
                except (TypeError, ValueError) as error:
                    words = f"What was proposed cannot be used: {error}"
            if words:
                self._stop(words)
            elif added:
                self.table.grow()
                self._recall()
            elif self.state == "running":
                self.state = "finished"
            self.version += 1

    def _recall(self, again=()):
        """What the file knows already, but for runs that became of one of the states `again`."""
        for run in range(self._next, len(self.table)):
            found = self._earlier.get(identity(*self.table.point(run))) if self._earlier else None
            if found is not None and found[1]["status"] not in again and self.table.state[run] == PENDING:
                self.table.put(run, found[1], found[0])
                self._recalled += 1

    # ---- what has become of a run ------------------------------------------------------------------------------------

    def _arrived(self, future):
        """A run has ended, one way or another."""
        run = self._under_way.pop(future, None)
        if run is None:
            return  # given up
        self.version += 1
        if future.cancelled():
            return self._once_more(run)
        error = future.exception()
        if error is not None and broken(error):
            return self._lost([run], error)
        if error is not None:
            return self._keep(run, {**NOTHING, "status": "failed", "error": f"{type(error).__name__}: {error}"})
        result = future.result()
        if result["status"] == "interrupted":
            return self._once_more(run)
        if result["status"] == "unread":
            self._pend([run])
            return self._stop(f"{result['error'][0].upper()}{result['error'][1:]}.")
        self._keep(run, result)

    def _once_more(self, run):
        """Somebody has interrupted its worker, or taken it back: no fault of the run's, unless it goes on so."""
        self._interrupted[run] = self._interrupted.get(run, 0) + 1
        if self._interrupted[run] < INTERRUPTED:
            return self._pend([run])
        words = f"it was interrupted {INTERRUPTED} times (KeyboardInterrupt or SIGINT in its worker, or taken back by "
        self._keep(run, {**NOTHING, "status": "failed", "error": words + "the executor), and is not made again"})

    def _keep(self, run, result):
        if words := self.table.strange(result):
            result = {**result, "status": "failed", "numbers": {}, "error": words}
        point, seed = self.table.point(run)
        self._results.add(run, {"point": point, "seed": seed, **result})
        self.table.put(run, result, (-1, 0))
        self._write()

    def _write(self):
        for run, place in self._results.write():
            self.table.place[run] = place

    def _lost(self, runs, error):
        """The executor is gone, with all that was under way: one of these may be to blame."""
        if not broken(error) or not self._engine.again():
            self._pend(runs)  # the others under way will say of themselves what has become of them
            what = "The executor broke" if broken(error) else "The executor takes no more runs"
            said = str(error) or type(error).__name__
            return self._stop(f"{what} ({said}): sweep.resume(executor=...) goes on with another.")
        lost = [*runs, *self._under_way.values()]
        self._under_way.clear()
        self._pend(lost)
        suspects = lost[: self._engine.workers]  # those that were handed out first are those that had begun
        for run in suspects:
            self._blamed[run] = self._blamed.get(run, 0) + 1
        if len(lost) == 1 and self._blamed[lost[0]] >= BLAMED:
            words = "its process died"
            if self._limit is not None:
                words += f", or it took longer than {self._limit:g} s and could not be interrupted"
            return self._keep(lost[0], {**NOTHING, "status": "failed", "error": words})
        self._alone = [*suspects, *self._alone]

    def _give_up(self):
        if not self._under_way:
            return
        for future in self._under_way:
            future.cancel()
        lost = list(self._under_way.values())
        self._under_way.clear()
        self._pend(lost)
        self._engine.kill()

    def _pend(self, runs):
        if runs:
            self.table.state[runs] = PENDING
            self._next = min([self._next, *runs])

    def _stop(self, words):
        if self.state != "closed":
            self.state, self._why = "stopped", words
        self.version += 1
