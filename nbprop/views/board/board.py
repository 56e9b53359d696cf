"""The board: shows views in the browser and does all the carrying, so that no view knows a comm, a timer or a thread.

Kernel to browser: one message a frame for all panels in sight, numbers in one float32 buffer. An array travels only
when it is another object than the one last sent, words only when they have changed. Browser to kernel: mount, look
(what is in sight), ack (what is painted), option, act, hover, mend, unmount. These may arrive in another thread: they
are put into an inbox, and everything else happens in `refresh()`, which the sources call in their own thread. What a
hand does to the controls and the time line (turn, do, time) is handed to these, desk.py and timeline.py. Whether a
frame may leave is decided in pacing.py.

A source that tells nobody of its steps (see nbprop/record/source.py) is looked at every so often while it is seen.
"""

import logging
import math
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from nbprop import cells

from ..base.loop import running_loop
from . import timeline as timelines
from .attributes import Attributes, positive
from .desk import Desk
from .gallery import Gallery, given_views, views_in
from .javascript import bundle, style
from .kept import Kept
from .pacing import Pacing
from .panel import specs
from .pictured import Pictured
from .shown import new_tag
from .widgets import hear_in_any_thread

LOOK = 0.1  # seconds between two looks at a source that tells nobody of its steps
LOUD = ("stopped", "unseen")  # what a run says that must not be overlooked
_work = getattr(time, "thread_time", time.perf_counter)  # CPU time: while others use the machine no work is done here


class Board(Attributes, Gallery, Kept, Pictured, anywidget.AnyWidget):
    """Views beside each other, live in the notebook.

    views    views or boards (whose views are taken over)
    columns  panels beside each other; None: about square. A narrow cell gets fewer.
    height   of all panels together, in CSS pixels; None: by the width, and by the window where that is large
    timeline whether a time line stands under the panels, on which any moment of the run can be looked at
    desk     controls, see desk.py; each is a trait too, which code may set, link and observe

    `board.views` are the views: their options are attributes (`board.views[0].log = True`), and of a board with one
    view its own too (`board.log = True`). Running the cell that made it again closes it, as does `close()`.
    """

    _esm = (Path(__file__).parent / "once.js").read_text(encoding="utf-8")
    _code = traitlets.Unicode(bundle()).tag(sync=True)
    _css = style()

    _closed = False
    _spec = traitlets.Dict().tag(sync=True)  # what stays: names, titles, options of the panels

    _desk: "Desk | None" = None
    _timeline: "timelines.Timeline | None" = None

    def __init__(self, *views, columns=None, height=None, timeline=False, desk=None, **kwargs) -> None:
        taken = [given for given in views if isinstance(given, Board)]
        views = given_views(views_in(views))
        for name, value in (("columns", columns), ("height", height)):
            positive(name, value)
        self._away = {}
        self._hang(views, [] if desk is None else [desk.source])
        self._ghosts: list[Any] = []
        self.chosen.join(*self.views)
        self._heard: dict[str, int] = {}  # page -> number of its last message about where a hand moves
        self._pacing = Pacing()
        self._clock = time.perf_counter
        self._loop = running_loop() if len(self._told) < len(self._sources) else None
        self._look = None  # the next look at the others
        self._inbox = deque(maxlen=4096)
        self._refreshing, self._asked = threading.Lock(), False
        self._mounts = 0
        self._playing = False
        self._frames = self._bytes = 0
        self._seconds = 0.0
        spec = {"tag": new_tag(), "columns": columns, "height": height, "panels": specs(self.views)}
        line = timelines.of(self._sources) if timeline else None
        spec |= {"desk": desk.spec()} if desk is not None else {}
        super().__init__(_spec=spec | ({"timeline": True} if line else {}), **kwargs)
        if desk is not None:
            self._desk = desk
            desk.join(self)
        if line is not None:
            self._timeline = line
            line.join(self)
        self.on_msg(self._receive)
        self._listen()
        for board in taken:
            board._rest()
        self._own_layout = None if "layout" in kwargs else self.layout
        cells.claim(self)
        self._made = True

    @traitlets.observe("comm")
    def _connected(self, change):
        hear_in_any_thread(change["new"])

    def _listen(self):
        self._ghosts = list({id(ghost): ghost for view in self.views for ghost in view.ghosts}.values())
        for source in (*self._told, *self._ghosts):
            getattr(source, "watchers", set()).add(self)

    def _rest(self):
        """Another board shows its views: it need not listen, unless a page shows it too (or will: see `_take`)."""
        if not self._pacing.viewers:
            self._deaf()

    def _deaf(self):
        for source in (*self._told, *self._ghosts):
            getattr(source, "watchers", set()).discard(self)

    def _exchange(self, old, new):
        """Views of one source are of another one from now on; the first source of a board it stays."""
        for view, panel in zip(self.views, self._panels, strict=True):
            if view.source is old:
                view.source, panel.version = new, None
        home = self._sources[0]
        self._sources = [home, *(source for source in (new,) if source is not home)]
        if new is not home:
            new.watchers.add(self)
        else:
            old.watchers.discard(self)
        self._news = True

    # What a source reads.

    @property
    def records(self) -> frozenset[Any]:
        """What its views want recorded."""
        return frozenset().union(*(view.records for view in self.views))

    @property
    def seen(self) -> bool:
        """Is somebody there: a page with this board that is not hidden and that has answered within two seconds?"""
        return self._pacing.seen(self._clock())

    @property
    def stats(self) -> dict[str, Any]:
        """What carrying has cost: frames, bytes, seconds (of CPU, in the thread that trains); the frames that may be in
        flight; the ages of the last ones painted, from making to answer."""
        return {
            "frames": self._frames,
            "bytes": self._bytes,
            "seconds": self._seconds,
            "window": self._pacing.window,
            "age_ms": [round(1000 * age, 1) for age in self._pacing.ages],
        }

    def refresh(self) -> None:
        """Send a frame if there is something new and it may leave. Called by a source, in its thread."""
        self._asked = True
        # Whoever finds another thread at it leaves the work to that one, which looks once more before it ends.
        while self._asked and self._refreshing.acquire(blocking=False):
            try:
                self._asked = False
                self._refresh()
            finally:
                self._refreshing.release()
            self._hang_others()

    def renew(self) -> None:
        """A view has something new to show of a source that has not changed: send it. In the source's thread."""
        self._news = True
        self.refresh()

    def ask(self) -> None:
        """There is something to look at (an option was set, a page has spoken): have `refresh()` called."""
        posts = [source.post for source in self._sources if hasattr(source, "post")]
        if posts:
            posts[0](self.refresh)
        elif self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._look_now)
        else:
            self.refresh()

    def _look_now(self):
        """Look at sources that tell nobody of their steps, again and again while somebody is there."""
        if self._look is not None:
            self._look.cancel()
        self._look = None
        self.refresh()
        if self.seen and self._loop is not None:
            self._look = self._loop.call_later(LOOK, self._look_now)

    def _refresh(self):
        if self._inbox:
            self._read()
        was, self._playing = self._playing, False
        versions = []
        for source in self._sources:
            versions.append(source.version)
            if source.status == "playing":
                self._playing = True
        versions += [each.version for each in (*self._ghosts, self.chosen)]
        now = self._clock()
        told = self._desk is not None and self._desk.look(now, self._playing)
        told = told or (self._timeline is not None and self._timeline.new())
        told = told or bool(self._heard)
        new = told or self._news or versions != self._versions or self._chosen()
        # When nothing is running nobody will ask again, so then the rate does not count.
        inside = self._playing and not any(getattr(source, "playing", True) for source in self._sources)
        if new and self._pacing.may_send(now, hurry=self._whole or not self._playing, deaf=inside):
            self._offer(versions, now, told)
        self._keep_if_due(versions, now, was and not self._playing)

    def _chosen(self):
        """Has an option been set in Python since the last frame?"""
        for panel in self._panels:  # noqa: SIM110 (a generator would take twice as long, at every call)
            if panel.version is not None and panel.options != panel.values():
                return True
        return False

    def _offer(self, versions, now, told):
        """Send what is in sight and new. told: whether there is news of the desk."""
        sight = self._pacing.panels(now)
        statuses = [source.status for source in self._sources]
        shown = [i for i in sorted(sight) if i < len(self._panels)]
        stale = [i for i in shown if self._whole or self._panels[i].stale(now)]
        # With nothing in sight an empty frame goes now and then, to hear whether someone is there.
        if stale or told or not sight or self._whole or statuses != self._statuses:
            self._send_frame(stale, now)
        self._versions, self._statuses, self._news = versions, statuses, False

    # Making frames.

    def _send_frame(self, indices, now):
        begun = _work()
        whole, self._whole = self._whole, False
        if whole:
            for panel in self._panels:
                panel.forget()
        head, data = self._pack({i: self._panels[i] for i in indices}, now, words=whole or not self._playing)
        seq, ack = self._pacing.sent(now, last=not self._playing)
        head |= {"type": "frame", "seq": seq, "ack": ack, "full": whole, "time": 1000 * time.time()}
        if whole and self._mounts == 1:  # nobody has seen it before
            head["fresh"], self._mounts = True, 2
        if self._desk is not None:
            head["desk"] = self._desk.news(whole)
        if self._timeline is not None:
            head["timeline"] = self._timeline.news(whole)
        if self._heard:
            head["heard"], self._heard = self._heard, {}
        self.send(head, [data])
        cost = _work() - begun
        self._pacing.spent(cost)
        self._frames += 1
        self._bytes += len(data)
        self._seconds += cost

    def _pack(self, panels, now, words=False):
        """Head and numbers of a frame of these panels: index -> Panel."""
        parts, entries = [], []
        for i, panel in panels.items():
            begun = len(parts)
            try:
                entry = panel.pack(parts, now, words)
                self._errors.pop(i, None)
            except Exception as error:  # the picture fails, the training goes on
                del parts[begun:]
                entry = {"error": f"{type(error).__name__}: {error}"}
                if self._errors.get(i) != entry["error"]:
                    logging.getLogger("nbprop").exception("%r cannot be drawn", panel.view)
                self._errors[i] = entry["error"]
            entries.append({"i": i, **entry})
        data = np.concatenate(parts, dtype=np.float32, casting="same_kind") if parts else np.empty(0, np.float32)
        source = self._speaker()
        head = {"layout": self._layout, "step": int(source.steps), "status": source.status, "message": source.message}
        head |= {"panels": entries}
        if source.status in LOUD and (remedy := getattr(source, "remedy", "")):
            head["remedy"] = remedy
        return head, data.tobytes()

    def _speaker(self):
        """Who says how it is going."""
        return next((source for source in self._sources if source.status in LOUD), self._sources[0])

    # What the browser says.

    def _receive(self, _, content, buffers):
        # Perhaps in another thread: put it down, and let a source's thread look at it.
        if self._closed:
            return
        if self._desk is not None and content.get("type") in ("turn", "do"):
            self._desk.hear(content)
            return
        if self._timeline is not None and content.get("type") == "time":
            self._timeline.hear(content)
            return
        self._inbox.append((self._clock(), content))
        if not (self._playing and content.get("type") == "ack"):  # that has time until the next slice
            self.ask()

    def _read(self):
        while self._inbox:
            now, message = self._inbox.popleft()
            try:
                self._take(message, now)
            except (KeyError, TypeError, ValueError, IndexError):  # a page of another version; the training goes on
                logging.getLogger("nbprop").exception("%r: message from the browser: %r", self, message)

    def _take(self, message, now):
        kind, viewer = message["type"], message["view"]
        if kind == "hover":  # answered whatever comes of it: the page says no more until then
            self._heard[viewer] = message["number"]
            self._news = True
        if kind in ("look", "option", "act", "hover") and message.get("layout", 0) != self._layout:
            return  # about panels that hang here no more
        if kind == "ack":
            self._pacing.ack(viewer, message["seq"], now, message.get("painted"), message.get("asked", True))
        elif kind in ("mount", "look"):
            known = range(len(self._panels) + (self._desk is not None))  # the desk is one more to be in sight
            panels = [i for i in message["panels"] if i in known]
            new = self._pacing.look(viewer, panels, bool(message["page"]), now)
            self._news = True
            self._listen()
            self._mounts += kind == "mount"
            if new or kind == "mount":
                self._whole = True
            if new or kind == "mount" or not message["page"]:  # which is also how a page says that it is about to go
                self._keep([each.version for each in (*self._sources, *self._ghosts, self.chosen)])
        elif kind == "unmount":
            self._pacing.leave(viewer)
            self.chosen.pass_over(None)
        elif kind == "option":
            panel = self._panels[message["panel"]]
            panel.options = None  # so that the next frame says what holds, whatever was asked for
            self._news = True
            if message["name"] not in panel.names:
                raise ValueError(f"expected an option out of {panel.names}, got {message['name']!r}")
            setattr(panel.view, message["name"], message["value"])
        elif kind == "mend":
            self._news = True
            for source in self._sources:
                if getattr(source, "remedy", ""):
                    source.post(source.mend)
        elif kind in ("act", "hover"):
            self._news = True
            panel = self._panels[message["panel"]]
            panel.packed = -math.inf  # what comes of it is shown at once, however slowly the view goes on
            panel.view.act(message["name"], message["value"])

    def replaced(self) -> None:
        """The cell that made it was run again."""
        self.close()

    def close(self) -> None:
        """Take it off the page; the sources forget it. The views stay usable, alone or on another board."""
        if self._made and not self._closed:
            self._closed = True
            if self._timeline is not None:
                self._timeline.back()
            self._deaf()
            for view in self.views:
                view.boards.discard(self)
            self._end_ghosts([view for view in self.views if not view.boards])
            if self._look is not None:
                self._look.cancel()
            self._away.clear()
            for panel in self._panels:  # whoever still holds it, as the notebook's Out does, holds no arrays
                panel.forget()
            self._inbox.clear()
        super().close()
        if self._made:
            self._let_go_of_kept()
        if self._made and self._own_layout is not None:
            self._own_layout.close()
