"""What the live benchmark compares, made in the kernel of a notebook: a Playground with its board of four views, with
an empty canvas in its place, or with a Matplotlib figure there, each beside a slider. Network and training are the
same."""

import io
import math
import os
import time
from collections import deque
from time import thread_time

import anywidget
import ipywidgets as widgets

import nbprop as nb
from nbprop.record.recorder import Recorder
from nbprop.training import Trainer
from nbprop.training.run import Run
from nbprop.views.board.way import MOST

HIDDEN = [16] * 8
KINDS = ("nbprop", "empty", "matplotlib")

playground = watcher = None
spent = {"training": 0.0, "probes": 0.0}  # CPU seconds of the kernel's main thread
uses = []  # (ms since 1970, frames made before, steps made before) of every learning rate that reached the run


class EmptyCanvas(anywidget.AnyWidget):
    """A canvas that is filled with one colour per frame, as often as a display shows one: what the way to the browser
    allows. It is told how far away the browser is (rtt, in ms) and has as many frames in flight as suits that: those of
    a round trip, and those that leave between two answers, of which it asks for two a second."""

    _esm = """
    export default { render({ model, el }) {
      const canvas = document.createElement("canvas");
      const root = document.createElement("div");
      root.className = "bench-picture";
      root.append(canvas);
      el.append(root);
      canvas.style.cssText = "display: block; width: 100%; height: 490px";
      const resize = () => { canvas.width = canvas.clientWidth; canvas.height = canvas.clientHeight; };
      new ResizeObserver(resize).observe(canvas);
      const context = canvas.getContext("2d", { alpha: false });
      const waiting = [];
      let asked = 0, painted = 0, owing = false;
      const ask = () => { asked ||= requestAnimationFrame(paint); };
      const take = () => { const head = waiting.shift(); owing ||= head.ack; return head; };
      function paint() {
        asked = 0;
        const head = take();
        context.fillStyle = `hsl(${head.seq % 360} 60% 60%)`;
        context.fillRect(0, 0, canvas.width, canvas.height);
        root.dataset.seq = head.seq;
        root.dataset.step = head.step;
        root.dataset.age = Date.now() - head.time;
        root.dataset.painted = ++painted;
        if (owing) model.send({ type: "ack", seq: head.seq });
        owing = false;
        if (waiting.length) ask();
      }
      model.on("msg:custom", (head) => { waiting.push(head); while (waiting.length > 2) take(); ask(); });
      model.send({ type: "mount" });
    } };
    """
    records = frozenset()

    seen = True

    def __init__(self, trainer, rtt):
        super().__init__()
        self._trainer, self._inbox, self._version = trainer, deque(), None
        self._window, self._asks = math.ceil(MOST * (rtt / 1000 + 0.6)), int(MOST / 2)
        self._seq, self._acked, self._due = 0, None, 0.0
        self.stats = {"frames": 0, "bytes": 0, "seconds": 0.0}
        self.on_msg(self._receive)
        trainer.watchers.add(self)

    def _receive(self, _, message, buffers):
        self._inbox.append(message)

    def refresh(self):
        while self._inbox:
            self._acked = self._inbox.popleft().get("seq", 0)
        now, begun = time.perf_counter(), thread_time()
        if self._acked is None or self._trainer.version == self._version:
            return
        if now >= self._due and self._seq - self._acked < self._window:
            self._version = self._trainer.version
            self._seq, self._due = self._seq + 1, max(self._due, now - 1 / MOST) + 1 / MOST
            ack = self._seq % self._asks == 0
            head = {"seq": self._seq, "ack": ack, "step": self._trainer.steps, "time": 1000 * time.time()}
            self.send(head, [b"1234"])
            self.stats["frames"] += 1
            self.stats["bytes"] += 4
            self.stats["seconds"] += thread_time() - begun


class Redrawn(widgets.Image):
    """The four views as one Matplotlib figure, drawn anew after every slice of training and shown as a PNG."""

    records, seen = frozenset({"layers"}), True

    def __init__(self, trainer, views):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        super().__init__(format="png", layout=widgets.Layout(width="100%"))
        self._trainer, self._views, self._figure = trainer, views, Figure(figsize=(8, 6.6), dpi=72)
        FigureCanvasAgg(self._figure)
        self.stats = {"frames": 0, "bytes": 0, "seconds": 0.0}
        self.add_class("bench-picture")
        trainer.watchers.add(self)

    def refresh(self):
        if self._trainer.status != "playing":
            return
        begun = thread_time()
        figure, step, now = self._figure, self._trainer.steps, 1000 * time.time()
        self.stats["frames"] += 1
        figure.clear()
        for k, view in enumerate(self._views):
            view.plot(figure.add_subplot(2, 2, k + 1))
        figure.subplots_adjust(left=0.09, right=0.93, bottom=0.08, top=0.94, wspace=0.3, hspace=0.35)
        stream = io.BytesIO()
        figure.savefig(stream, format="png")
        with self.hold_sync():  # the width (layout has another one) tells the page what the picture shows
            self.value, self.width = stream.getvalue(), f"{self.stats['frames']} {step} {now}"
        self.stats["bytes"] += len(self.value)
        self.stats["seconds"] += thread_time() - begun


def show(kind, speed, rtt=0.0, more=()):
    """What is to be shown at the end of a cell, training at `speed` steps per second, `rtt` ms away; more: names of
    views beside the four."""
    global playground, watcher
    shown = playground = nb.Playground(hidden=HIDDEN, speed=speed)
    if more:
        playground.show(*playground.shown, *more)
    trainer, watcher = playground.trainer, playground
    if kind != "nbprop":
        trainer.watchers.discard(playground)
        watcher = EmptyCanvas(trainer, rtt) if kind == "empty" else Redrawn(trainer, playground.views)
        watcher.layout.flex, watcher.layout.min_width = "1 1 0", "0"
        rate = widgets.FloatLogSlider(trainer.lr, min=-5, max=1, step=0.05, description="Learning rate")
        rate.observe(lambda change: trainer.set(lr=change["new"]), "value")
        shown = widgets.HBox([rate, watcher])
    return shown


def _apply(run, name, value, apply=Run.apply):
    apply(run, name, value)
    if name == "lr":
        uses.append((1000 * time.time(), watcher.stats["frames"], run.steps))


Run.apply = _apply


def _timed(name, function):
    """`function`, with the CPU time of its calls counted."""

    def call(*args, **kwargs):
        begun = thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] += thread_time() - begun

    return call


Trainer._advance = _timed("training", Trainer._advance)
Recorder.keep = _timed("probes", Recorder.keep)
Trainer.probe = _timed("probes", Trainer.probe)


def play(watched=True, probes=True):
    """Train on; unwatched, nothing but training is left, or training with the records that the views need."""
    trainer = playground.trainer
    trainer.watchers.clear()
    if watched:
        trainer.watchers.add(watcher)
    trainer.watch(probes and not watched)
    trainer.play(unseen=True)


def pause():
    playground.trainer.pause()
    playground.trainer.watchers.add(watcher)
    playground.trainer.watch(False)


def counters():
    """How far everything has come."""
    stats = watcher.stats
    return {
        "pid": os.getpid(),
        "steps": playground.trainer.steps,
        "cpu": time.process_time(),
        "wall": time.perf_counter(),
        "training": spent["training"] - spent["probes"],
        **{name: stats[name] for name in ("frames", "bytes", "seconds")},
    }


def take_uses():
    """The changes of the learning rate since the last call."""
    taken = uses[:]
    uses.clear()
    return taken
