"""When may a frame leave for the browser?  Pure reckoning: no widget, no clock, no thread.

A frame takes about 45 ms to a browser and back, so several are in flight at once; how many is a window that follows the
age of what gets painted. Each viewer (one mounted picture of a board: one output cell in one browser tab) acknowledges
what it has painted, by its own id. The slowest viewer that is looking decides; one that has owed an answer for two
seconds no longer counts, until it speaks again. So a slow browser gets fewer frames, never a queue, and a closed one
gets a frame every two seconds, to find out whether it is back.

Not every frame is to be answered: JupyterLab shows a busy and an idle kernel for each message that it sends there,
which takes it longer than painting a panel. Two answers per window are enough.

Times are seconds of any steady clock, handed in by the caller.
"""

from collections import deque
from statistics import median
from typing import Any

MAX_VIEWERS = 32
RECENT = 9  # ages by which the window is judged


class Viewer:
    """One mounted picture of a board: the panels it has in sight, and how far it has painted."""

    __slots__ = ("acked", "heard", "owes", "page", "panels")

    def __init__(self, panels, page, acked, heard) -> None:
        self.panels = panels  # indices of the panels in sight
        self.page = page  # False while its browser tab is hidden
        self.acked = acked  # number of the last frame of which it has said that it is painted
        self.heard = heard  # when it last said anything
        self.owes: float | None = None  # since when it owes an answer


class Pacing:
    """Lets a frame go, or holds it back.

    rate      at most so many frames per second
    window    least and most frames in flight
    age       seconds from sending to painting that the window aims to stay below (median)
    patience  seconds without an answer after which a viewer no longer counts
    share     at most this part of the time may go into making frames
    """

    def __init__(self, rate=36.0, window=(2, 8), age=0.1, patience=2.0, share=0.12) -> None:
        self.rate, self.limits, self.age, self.patience, self.share = rate, window, age, patience, share
        self.seq = 0  # number of the last frame sent
        self.window = min(4, window[1])
        self.cost = 0.0  # seconds that a frame takes to make, smoothed
        self.ages = deque(maxlen=240)  # of the frames painted, in seconds
        self.viewers = {}
        self._asked = {}  # number of a frame that is to be answered -> when it left
        self._last_asked = 0
        self._done = 0  # the last frame answered by everyone who is looking
        self._due = self._last = float("-inf")
        self._probes = False  # nobody is looking
        self._full = False  # the window alone held a frame back since the last change of the window
        self._recent = deque(maxlen=RECENT)

    # What viewers say.

    def look(self, viewer, panels, page, now) -> bool:
        """A viewer mounts, or says anew what it sees. Returns True if it was not known before."""
        new = viewer not in self.viewers
        if new and not page:  # it has just left (a page that closes is hidden last), or will speak when it is seen
            return False
        if new:
            while len(self.viewers) >= MAX_VIEWERS:
                del self.viewers[min(self.viewers, key=lambda v: self.viewers[v].heard)]
            self.viewers[viewer] = Viewer(frozenset(panels), page, self.seq, now)
            return True
        v = self.viewers[viewer]
        if page and not v.page:  # what was sent while it was hidden needs no answer
            v.acked, v.owes = self.seq, None
        v.panels, v.page = frozenset(panels), page
        self._hear(v, now)
        return False

    def leave(self, viewer) -> None:
        """A viewer unmounts."""
        self.viewers.pop(viewer, None)

    def ack(self, viewer, seq, now) -> bool:
        """A viewer has painted frame `seq` (and needs no earlier one any more). Returns False if it is not known."""
        v = self.viewers.get(viewer)
        if v is None:
            return False
        v.acked = max(v.acked, min(seq, self.seq))
        self._hear(v, now)
        live = self._live(now)
        done = min((u.acked for u in live), default=self._done)
        if done > self._done:
            self._done = done
            if done in self._asked:
                self._adapt(now - self._asked[done])
        return True

    def _hear(self, v, now):
        v.heard = now
        v.owes = now if v.owes is not None and v.acked < self._last_asked else None

    def _adapt(self, age):
        self.ages.append(age)
        self._recent.append(age)
        if len(self._recent) < RECENT:
            return
        typical = median(self._recent)
        low, high = self.limits
        if typical > self.age and self.window > low:
            self.window -= 1
        elif typical < 0.8 * self.age and self._full and self.window < high:
            self.window += 1
        else:
            return
        self._full = False
        self._recent.clear()  # judge the new window by new frames

    # What the board asks.

    def _silent(self, v, now):
        return v.owes is not None and now - v.owes > self.patience

    def _live(self, now):
        return [v for v in self.viewers.values() if v.page and not self._silent(v, now)]

    def seen(self, now) -> bool:
        """Is anybody there: a viewer in a browser tab that is not hidden, and that has not fallen silent?"""
        return bool(self._live(now))

    def panels(self, now) -> frozenset[Any]:
        """The panels that somebody has in sight."""
        viewers = self._live(now) or [v for v in self.viewers.values() if v.page]
        return frozenset().union(*(v.panels for v in viewers))

    def may_send(self, now, hurry=False) -> bool:
        """May a frame leave now?  With `hurry` the rate does not matter (nothing is running that could ask again)."""
        viewers = [v for v in self.viewers.values() if v.page]
        if not viewers:
            return False
        live = [v for v in viewers if not self._silent(v, now)]
        self._probes = not live or not any(v.panels for v in live)
        if self._probes:  # one frame now and then, to hear whether someone is (still) there
            return now - self._last >= self.patience
        if self.seq - min(v.acked for v in live) >= self.window:
            self._full = True
            return False
        return hurry or now >= self._due

    def sent(self, now, last=False) -> tuple[int, bool]:
        """A frame leaves. Returns its number (1, 2, ...) and whether it is to be answered; the `last` for now is."""
        self.seq += 1
        self._last = now
        interval = max(1 / self.rate, self.cost / self.share)
        # Counted from when the frame was due, not from when it left: whoever asks every 15 ms would else get 30 ms.
        self._due = max(self._due, now - interval) + interval
        if not (last or self._probes) and self.seq < self._last_asked + self.window // 2:
            return self.seq, False
        self._asked[self.seq] = now
        self._last_asked = self.seq
        if len(self._asked) > 64:
            del self._asked[next(iter(self._asked))]
        for v in self.viewers.values():
            if v.owes is None:
                v.owes = now
        return self.seq, True

    def spent(self, cost) -> None:
        """The last frame took `cost` seconds to make and send."""
        self.cost = cost if self.cost == 0 else 0.8 * self.cost + 0.2 * cost
