"""What a saved notebook keeps of a board in the state of its widget, for a page that no kernel speaks to."""

import asyncio
import logging
from typing import Any

import traitlets

from nbprop.checks import flag

from .panel import Panel
from .recording import record

KEEP = 10.0  # seconds, while it plays, between two snapshots
SETTLED = 2.0  # seconds of standing still before a recording is made, which takes longer than a frame
SIZE = 1.9e6  # bytes of a recording; in a notebook a third more


class Kept(traitlets.HasTraits):
    """A part of Board."""

    views: Any
    _clock: Any
    _pack: Any
    seen: Any
    _desk: Any
    _timeline: Any
    _sources: Any
    _playing: bool
    _closed: bool

    snapshot = traitlets.Dict().tag(sync=True)  # a whole frame
    recording = traitlets.Bytes().tag(sync=True)  # many of them, see recording.py

    _snapshot_of: Any = None  # versions of the sources then
    _snapshot_at = float("-inf")
    _recording_wanted = False
    _later: Any = None  # the recording that is to be made

    @property
    def keep_recording(self) -> bool:
        """Whether a saved notebook is to keep a recording that can be gone through without a kernel: at most 3 MB of
        it, made two seconds after a run has come to a halt. It is saved with the state of widgets: in JupyterLab
        Settings, Save Widget State Automatically."""
        return self._recording_wanted

    @keep_recording.setter
    def keep_recording(self, value: bool) -> None:
        self._recording_wanted = flag("keep_recording", value)
        if self._recording_wanted:
            self._record_soon()
        else:
            self._not_later()
            self.recording = b""

    def _keep(self, versions):
        """A snapshot of now goes into the widget's state."""
        if versions == self._snapshot_of:
            return
        self._snapshot_of, self._snapshot_at = versions, self._clock()
        panels = {i: Panel(view) for i, view in enumerate(self.views)}  # new ones, of which the browser has nothing
        head, data = self._pack(panels, self._snapshot_at)
        if self._desk is not None:
            head["desk"] = self._desk.standing()
        if self._timeline is not None:
            head["timeline"] = self._timeline.standing()
        self.snapshot = {"head": {**head, "full": True}, "data": data}
        if self._recording_wanted and not self._playing:
            self._record_soon()

    def _keep_anew(self):
        """What was kept is of other panels than there are."""
        if self.snapshot:
            self._snapshot_of = None
            self._keep([source.version for source in self._sources])
        if self.recording:
            self.recording = b""
            self._record_soon()

    def _keep_if_due(self, versions, now, halted):
        """At a halt, and every so often while somebody is there: a notebook may be saved at any time."""
        if self._playing:
            self._not_later()
        if halted or (self._playing and now - self._snapshot_at >= KEEP and self.seen):
            self._keep(versions)

    def _record_soon(self):
        self._not_later()
        try:
            self._later = asyncio.get_running_loop().call_later(SETTLED, self._record)
        except RuntimeError:  # nothing runs in the background
            self._record()

    def _record(self):
        self._later = None
        if self._closed or self._playing:
            return
        try:
            self.recording = record(self, size=SIZE).data
        except Exception:  # the run and the pictures go on
            logging.getLogger("nbprop").exception("%r: no recording is kept", self)

    def _not_later(self):
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _let_go_of_kept(self):
        self._not_later()
        self._recording_wanted = False
        if self.snapshot:
            self.snapshot = {}
        if self.recording:
            self.recording = b""
