"""The thread that drives a sweep: which run goes where, what came of it, and what to do when something dies."""

import queue
import threading
import time
from typing import Any

from nbprop.record.source import PENDING, RUNNING

from .grid import key_of
from .pool import broken, engine
from .task import work

RETRY = 5.0  # seconds after which what could not be written is tried again
BLAMED = 2  # times that a run may break the pool, the second time alone in it
SHOWN = {"running": "playing", "paused": "paused", "cancelled": "paused", "stopped": "stopped", "finished": "ready",
         "closed": "ready"}  # fmt: skip


class Driving:
    """What a hand does to a sweep, and the thread that does it."""

    grid: Any
    seeds: tuple[int, ...]
    table: Any
    _propose: Any
    _packed: bytes
    _steps: "int | None"
    _limit: "float | None"
    _most: int
    _engine: Any
    _results: Any
    _earlier: dict[Any, Any]

    def __init__(self) -> None:
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._under_way: dict[Any, int] = {}  # future -> run
        self._alone: list[int] = []  # runs of which one has broken the pool
        self._blamed: dict[int, int] = {}
        self._next, self._lock = 0, threading.RLock()
        self.state, self.message, self.version = "paused", "", 0
        self._began, self._worked, self._thread = time.monotonic(), 0.0, None
        self._ended = threading.Event()
        self._recall()
        self._recalled = int((self.table.state > RUNNING).sum())

    def resume(self, executor: Any = None) -> None:
        """Go on, with the executor that it had, or another one."""
        with self._lock:
            if self.state == "closed":
                raise ValueError("this sweep is closed: nb.sweep(..., file=...) with the same file goes on with it")
            if self.state == "finished":
                self._results.retry()
            if self.state in ("running", "finished"):
                return
            if executor is not None:
                self._engine = engine(executor, None, None)
            self.state, self.message, self._began = "running", "", time.monotonic()
            self._ended.clear()
            self.version += 1
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._drive, name="nbprop sweep", daemon=True)
                self._thread.start()
            else:
                self._inbox.put(None)

    @property
    def status(self) -> str:
        """What a source says of itself: see nbprop/record/source.py."""
        return SHOWN[self.state]

    def pause(self) -> None:
        """Begin no further run; those that are under way end, and are kept."""
        self._turn("paused", ("running",))

    def cancel(self) -> None:
        """Begin no further run, and give up those that are under way. `resume()` makes them after all."""
        self._turn("cancelled", ("running", "paused"))

    def close(self) -> None:
        """End it, and let go of its file."""
        self.cancel()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with self._lock:
            self.state = "closed"
            self._engine.end()
            self._results.close()

    replaced = close  # the cell that made it was run again

    def _turn(self, state, among):
        with self._lock:
            if self.state in among:
                self.state = state
                self.version += 1
                self._inbox.put(None)

    def _recall(self):
        """What the file knows already."""
        for run in range(self._next, len(self.table)):
            found = self._earlier.get(identity(*self.table.point(run)))
            if found is not None:
                self.table.put(run, found[1], found[0])

    def _drive(self):
        try:
            while True:
                with self._lock:
                    self._results.retry()
                    if self.state == "running":
                        self._fill()
                    if self.state == "cancelled":
                        self._give_up()
                    if not self._under_way and self.state != "running":
                        self._worked += time.monotonic() - self._began
                        self._ended.set()
                        if self.state == "finished":
                            self._engine.end()
                        self._thread = None
                        return
                if (item := self._news()) is not None:
                    with self._lock:
                        self._arrived(item)
        except BaseException as error:  # a fault of ours: it is not to be lost in a thread
            with self._lock:
                self._stop(f"nbprop failed: {type(error).__name__}: {error}")
                self._thread = None
            raise

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
            run = self._alone[0] if alone else self._next_run()
            if run is None:
                if not self._under_way and not self._more():
                    self.state = "finished"
                    self.version += 1
                if self._under_way or self.state == "finished":
                    return
                continue
            point, seed = self.table.point(run)
            try:
                future = self._engine.submit(
                    work, self._packed, point, seed, self._steps, self._limit, self._engine.owned
                )
            except Exception as error:
                if broken(error) and self._engine.again():
                    continue
                if not alone:
                    self._next = run
                return self._stop(
                    f"The executor takes no more runs ({error}): sweep.resume(executor=...) goes on with another."
                )
            if alone:
                self._alone.pop(0)
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
        """Have what follows from the results so far proposed; are there new points?"""
        if self._propose is None:
            return False
        try:
            points = self._propose(self.table.rows())
            added = self.grid.add(points) if points else 0
            if added and len(self.grid) * len(self.seeds) > self._most:
                raise ValueError(f"more than {self._most:,} runs: say most=... if you mean it")
        except Exception as error:
            self._stop(f"The function that proposes points failed: {type(error).__name__}: {error}")
            return True
        if added:
            self.table.grow()
            self._recall()
        return bool(added)

    def _arrived(self, future):
        """A run has ended, one way or another."""
        run = self._under_way.pop(future, None)
        if run is None:
            return  # given up
        self.version += 1
        if future.cancelled():
            self.table.state[run], self._next = PENDING, min(self._next, run)
            return
        error = future.exception()
        if error is not None and broken(error):
            return self._broken(run, error)
        if error is None:
            result = future.result()
            if result["status"] == "unread":
                self._pend([run])
                return self._stop(f"{result['error'][0].upper()}{result['error'][1:]}.")
            return self._keep(run, result)
        self._keep(run, {**_nothing, "status": "failed", "error": f"{type(error).__name__}: {error}"})

    def _keep(self, run, result):
        if words := self.table.strange(result):
            result = {**result, "status": "failed", "numbers": {}, "error": words}
        point, seed = self.table.point(run)
        place = self._results.add({"point": point, "seed": seed, **result})
        self.table.put(run, result, place)
        self.message = ""
        if self._results.unwritten:
            self.message = (
                f"{self._results.path or 'The file'} could not be written ({self._results.problem}): "
                f"{self._results.unwritten} results are kept in memory until there is room."
            )

    def _broken(self, run, error):
        """The executor is gone, with all that was under way: one of these may be to blame."""
        lost = sorted([run, *self._under_way.values()])
        self._under_way.clear()
        if not self._engine.again():
            self._pend(lost)
            return self._stop(
                f"The executor broke ({error or type(error).__name__}); its runs are pending again: "
                "sweep.resume(executor=...) goes on with another."
            )
        if len(lost) == 1:
            self._blamed[run] = self._blamed.get(run, 0) + 1
            if self._blamed[run] >= BLAMED:
                words = "its process died"
                if self._limit is not None:
                    words += f", or it took longer than {self._limit:g} s and could not be interrupted"
                return self._keep(run, {**_nothing, "status": "failed", "error": words})
        else:
            self._blamed.update({each: self._blamed.get(each, 0) + 1 for each in lost})
        self._alone = [*lost, *self._alone]
        self.table.state[lost] = PENDING

    def _give_up(self):
        for future in self._under_way:
            future.cancel()
        self._pend(list(self._under_way.values()))
        self._under_way.clear()
        self._engine.kill()

    def _pend(self, runs):
        self.table.state[runs] = PENDING
        self._next = min([self._next, *runs])

    def _stop(self, words):
        self.state, self.message = "stopped", words
        self.version += 1


_nothing = {"numbers": {}, "history": {}, "seconds": float("nan"), "worker": ""}


def identity(point: dict[str, Any], seed: int) -> Any:
    """What tells a run from all others, in a file too."""
    return tuple(sorted((name, key_of(_tuple(value))) for name, value in point.items())), seed


def _tuple(value):
    return tuple(map(_tuple, value)) if isinstance(value, list) else value
