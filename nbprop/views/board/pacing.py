"""When may a frame leave for the browser?  Pure reckoning: no widget, no clock, no thread.

Each viewer (one mounted picture of a board: one output cell in one browser tab) acknowledges what it has painted, by
its own id; way.py reckons from that how many frames a second it can take, and how many may be under way. The slowest
viewer that is looking decides; one that has owed an answer for two seconds no longer counts, until it speaks again. So
a slow browser gets fewer frames, never a queue, a distant one as many as a near one, and a closed one a frame every two
seconds, to find out whether it is back.

Not every frame is to be answered: an answer costs the kernel, the server and JupyterLab more than a frame does, and
JupyterLab's lamp flashes (the kernel says that it is busy and that it is idle again). One in two seconds is enough
while all is well: where it is not, the page says so unasked.

Times are seconds of any steady clock, handed in by the caller.
"""

from collections import deque
from typing import Any

from .way import MOST, WINDOWS, Way

MAX_VIEWERS = 32
DEAF = 0.3  # seconds that an answer may be owed while a cell runs, until it is taken for one that cannot be heard
BLIND = 0.2  # seconds between two frames then
KEPT = 256  # frames of which it is known when they left


class Viewer:
    """One mounted picture of a board: the panels it has in sight, how far it has painted, and the way to it."""

    __slots__ = ("acked", "heard", "owes", "page", "painted", "panels", "way")

    def __init__(self, panels, page, acked, heard) -> None:
        self.panels = panels  # indices of the panels in sight
        self.page = page  # False while its browser tab is hidden
        self.acked = acked  # number of the last frame of which it has said that it is painted
        self.heard = heard  # when it last said anything
        self.owes: float | None = None  # since when it owes an answer
        self.painted: int | None = None  # how many frames it has painted, all in all
        self.way = Way()


class Pacing:
    """Lets a frame go, or holds it back.

    rate      at most so many frames per second
    patience  seconds without an answer after which a viewer no longer counts
    share     at most this part of the time may go into making frames
    """

    def __init__(self, rate=MOST, patience=2.0, share=0.13) -> None:
        self.rate, self.patience, self.share = rate, patience, share
        self.seq = 0  # number of the last frame sent
        self.cost = 0.0  # seconds that a frame takes to make, smoothed
        self.ages = deque(maxlen=240)  # of the frames answered, in seconds
        self.viewers = {}
        self._left = deque(maxlen=KEPT)  # when the last frames left
        self._asked, self._last_asked = float("-inf"), 0  # when an answer was last asked for, and for which frame
        self._due = self._last = float("-inf")
        self._probes = False  # nobody is looking

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
            v.acked, v.owes, v.painted = self.seq, None, None
        v.panels, v.page = frozenset(panels), page
        self._hear(v, now)
        return False

    def see_all(self, count) -> None:
        """There are other panels, so many: until they say more, viewers have all of them in sight."""
        for v in self.viewers.values():
            v.panels = frozenset(range(count))

    def leave(self, viewer) -> None:
        """A viewer unmounts."""
        self.viewers.pop(viewer, None)

    def ack(self, viewer, seq, now, painted=None, asked=True) -> bool:
        """A viewer has painted frame `seq` (and needs no earlier one any more); `painted` frames all in all, None: it
        does not say; asked: was it to answer? Returns False if it is not known."""
        v = self.viewers.get(viewer)
        if v is None:
            return False
        seq, before, painted_before = min(seq, self.seq), v.acked, v.painted
        v.acked, v.painted = max(before, seq), painted
        silent = self._silent(v, now)
        self._hear(v, now)
        back = self.seq - seq  # frames that left since
        if before < seq and back < len(self._left) and not silent:
            left, frames = self._left[-1 - back], seq - before
            self.ages.append(now - left)
            shown = frames if painted is None or painted_before is None else painted - painted_before
            v.way.answered(now, left, seq, self.seq, frames, min(max(shown, 1), frames), asked)
        return True

    def _hear(self, v, now):
        v.heard = now
        v.owes = now if v.owes is not None and v.acked < self._last_asked else None

    # What the board asks.

    def _silent(self, v, now):
        return v.owes is not None and now - v.owes > self.patience

    def _live(self, now):
        return [v for v in self.viewers.values() if v.page and not self._silent(v, now)]

    @property
    def window(self) -> int:
        """Frames that may be in flight, to the viewer that can take the fewest."""
        return min((v.way.window for v in self.viewers.values() if v.page), default=WINDOWS[0])

    def seen(self, now) -> bool:
        """Is anybody there: a viewer in a browser tab that is not hidden, and that has not fallen silent?"""
        return bool(self._live(now))

    def panels(self, now) -> frozenset[Any]:
        """The panels that somebody has in sight."""
        viewers = self._live(now) or [v for v in self.viewers.values() if v.page]
        return frozenset().union(*(v.panels for v in viewers))

    def may_send(self, now, hurry=False, deaf=False) -> bool:
        """May a frame leave now?  With `hurry` the rate does not matter (nothing is running that could ask again);
        `deaf`: a cell runs, so perhaps no answer can be heard: then some leave without."""
        viewers = [v for v in self.viewers.values() if v.page]
        if not viewers:
            return False
        if deaf and any(v.owes is not None and now - v.owes > DEAF for v in viewers):
            self._probes = False
            return now - self._last >= BLIND
        live = [v for v in viewers if not self._silent(v, now)]
        self._probes = not live or not any(v.panels for v in live)
        if self._probes:  # one frame now and then, to hear whether someone is (still) there
            return now - self._last >= self.patience
        # Where nothing is owed there is nothing to wait for: the window has become narrower than what was under way.
        free = all(v.owes is None or self.seq - v.acked < v.way.window for v in live)
        return free and (hurry or now >= self._due)

    def sent(self, now, last=False) -> tuple[int, bool]:
        """A frame leaves. Returns its number (1, 2, ...) and whether it is to be answered; the `last` for now is."""
        self.seq += 1
        self._last = now
        self._left.append(now)
        live = self._live(now)
        ways = [v.way for v in live]
        interval = max(1 / min([self.rate, *(way.rate for way in ways)]), self.cost / self.share)
        # Counted from when the frame was due, not from when it left: whoever asks every 15 ms would else get 30 ms.
        self._due = max(self._due, now - interval) + interval
        full = any(self.seq - v.acked >= v.way.window for v in live)
        if not (last or full or self._probes) and now - self._asked < min((way.asks for way in ways), default=0):
            return self.seq, False
        self._asked, self._last_asked = now, self.seq
        for v in self.viewers.values():
            if v.owes is None:
                v.owes = now
        return self.seq, True

    def spent(self, cost) -> None:
        """The last frame took `cost` seconds to make and send."""
        self.cost = cost if self.cost == 0 else 0.8 * self.cost + 0.2 * cost
