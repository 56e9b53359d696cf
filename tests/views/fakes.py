"""What is around a board: a source, views, a page and a clock that do as a test tells them."""

import threading

import numpy as np

from nbprop.views.base.view import Option, View


class Source:
    """Says and does what a board needs of a trainer."""

    def __init__(self):
        self.steps = self.version = 0
        self.status, self.message = "ready", ""
        self.watchers = set()
        self.posted = []  # waits for the next slice while it plays

    def post(self, f):
        if self.status == "playing":
            self.posted.append(f)
        else:
            f()

    def slice(self, status="playing"):
        """One slice of training, or any other change."""
        self.status = status
        self.steps += 1
        self.version += 1
        self.tell()

    def tell(self):
        while self.posted:
            self.posted.pop()()
        for watcher in list(self.watchers):
            watcher.refresh()


class Wave(View):
    """A view with an array that stays, one that moves, and two options."""

    name = "wave"
    title = "Wave"
    records = frozenset({"layers"})
    options = (Option("log", "log"), Option("kind", "show", (("sin", "sine"), ("cos", "cosine")), "sin"))

    def __init__(self, source, **options):
        super().__init__(source, **options)
        self.x = np.linspace(0, 1, 5, dtype=np.float32)
        self.calls = 0
        self.threads = set()

    def frame(self):
        self.calls += 1
        self.threads.add(threading.get_ident())
        return {"x": self.x, "y": (self.x + self.source.steps).reshape(1, 5), "none": np.empty((0, 2), np.float32)}

    def labels(self):
        return {"kind": self.kind}

    def describe(self):
        return f"{self.kind} after {self.source.steps} steps"

    def plot(self, ax=None):
        ax.plot(self.x)
        return ax


class Plain(View):
    name = title = "plain"

    def frame(self):
        return {"v": np.float32([self.source.steps])}

    def describe(self):
        return "plain"

    def plot(self, ax=None):
        return ax


class Page:
    """A front end: keeps what a board sends and answers as told."""

    def __init__(self, board, name="a", panels=None, mount=True):
        self.board, self.name = board, name
        self.sent = []  # (head, numbers)
        send = board.send
        board.send = lambda content, buffers=None: (self.receive(content, buffers), send(content, buffers))[1]
        if mount:
            self.say("mount", page=True, panels=range(len(board.views)) if panels is None else panels)

    def say(self, kind, **content):
        content = {k: list(v) if isinstance(v, range) else v for k, v in content.items()}
        self.board._receive(self.board, {"type": kind, "view": self.name, **content}, [])

    def receive(self, content, buffers):
        (buffer,) = buffers
        self.sent.append((content, np.frombuffer(bytes(buffer), np.float32)))

    def ack(self):
        self.say("ack", seq=self.sent[-1][0]["seq"])

    @property
    def head(self):
        return self.sent[-1][0]

    def arrays(self, i=0, k=-1):
        """name -> numbers, or None where the front end is to keep what it has."""
        head, data = self.sent[k]
        panel = next(p for p in head["panels"] if p["i"] == i)
        out = {}
        for name, *place in panel["arrays"]:
            out[name] = None
            if place:
                offset, shape = place
                out[name] = data[offset : offset + int(np.prod(shape))].reshape(shape)
        return out


class Clock:
    """Moves when told, and a little with every look."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        self.now += 1e-6
        return self.now


def play(board, source, slices, after=lambda: None, seconds=0.03):
    for _ in range(slices):
        board.clock.now += seconds
        source.slice()
        after()
