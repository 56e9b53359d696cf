"""A kernel, a way and a browser in simulated time: what pacing makes of them, reckoned in milliseconds of that time."""

import random
from statistics import median

FRAME = 9_000  # bytes of a usual one


class Route:
    """What carries messages one way, in order. delay, jitter: seconds; bandwidth: bytes per second, None: no limit."""

    def __init__(self, delay=0.01, jitter=0.0, bandwidth=None, seed=0):
        self.delay, self.jitter, self.bandwidth = delay, jitter, bandwidth
        self.dice = random.Random(seed)
        self.free = self.last = 0.0
        self.carried = []  # (when it arrives, message)

    def put(self, now, message, size=0):
        self.free = max(self.free, now) + (size / self.bandwidth if self.bandwidth else 0)
        self.last = max(self.last, self.free + self.delay + self.jitter * self.dice.random())
        self.carried.append((self.last, message))

    def take(self, now):
        """What has arrived: (when, message)."""
        here = [each for each in self.carried if each[0] <= now]
        del self.carried[: len(here)]
        return here


class Browser:
    """Paints as board.js does: one frame at each refresh of the display, no more than two waiting, older ones passed
    over. paint: seconds a frame; handle: seconds that a message costs before; hz: of the display."""

    def __init__(self, pacing, name="a", paint=0.004, handle=0.002, hz=60.0, mounted=0.0, seed=0, **route):
        self.pacing, self.name, self.paint, self.handle, self.hz = pacing, name, paint, handle, hz
        self.there, self.back = Route(**route, seed=seed), Route(**{**route, "bandwidth": None}, seed=seed + 1)
        self.here = self.talks = True
        self.waiting = []
        self.busy = mounted  # until then
        self.refresh = 0  # the last refresh of the display for which it has painted
        self.owing = False
        self.sent = []  # when
        self.painted = []  # (when, frame, seconds since it left)
        self.shown = self.answered = self.most_under_way = 0
        self.least, self.said = [], (float("-inf"), 0, 0)  # as lateness.js
        pacing.look(name, {0}, True, mounted)

    def change(self, **what):
        """Of the browser, or of the way to it and back."""
        for name, value in what.items():
            if name == "delay":
                self.there.delay = self.back.delay = value
            else:
                setattr(self.there if name == "bandwidth" else self, name, value)

    def receive(self, now, frame, size):
        if self.here:
            self.there.put(now, frame, size)

    def run(self, now):
        for _, frame in self.there.take(now):
            self.busy = max(self.busy, now) + self.handle
            self.waiting.append(frame)
            if len(self.waiting) > 2:
                self.owing |= self.waiting.pop(0)[1]
        self.most_under_way = max(self.most_under_way, len(self.there.carried))
        refresh = int(now * self.hz)  # one picture for each, late if the page is busy
        if self.waiting and refresh > self.refresh and now >= self.busy and self.here:
            self.refresh = refresh
            seq, ask, left = self.waiting.pop(0)
            self.owing |= ask
            self.busy = now + self.paint
            self.shown += 1
            self.painted.append((self.busy, seq, self.busy - left))
            if self.answers_unasked(self.busy, self.busy - left, seq) or self.owing:
                self.back.put(self.busy, (seq, self.shown, self.owing))
                self.answered += 1
                self.said = self.busy, seq, self.shown
            self.owing = False

    def answers_unasked(self, now, age, seq):
        """What lateness.js says of a frame that has been painted."""
        self.least = [(when, a) for when, a in self.least if now - when < 7.5] + [(now, age)]
        at, before, shown = self.said
        passed = seq - before >= 5 and self.shown - shown < 0.7 * (seq - before)
        return now - at >= 0.15 and (passed or age - min(a for _, a in self.least) > 0.08)

    def answers(self, now):
        return [(when, *said) for when, said in self.back.take(now)] if self.talks else []


def play(pacing, browsers, start, seconds, slice=0.012, at=None, cost=0.0, size=FRAME):
    """A kernel that asks after each slice. `at` maps a time to something that happens then. Returns the times sent."""
    at, sent, inbox = dict(at or {}), [], []
    for k in range(round(1000 * start), round(1000 * (start + seconds))):
        now = k / 1000
        for when in [w for w in at if w <= now]:
            at.pop(when)()
        for b in browsers:
            b.run(now)
            inbox += [(when, b.name, *said) for when, *said in b.answers(now)]
        if k % round(1000 * slice) == 0:
            for when, name, seq, *said in inbox:
                pacing.ack(name, seq, when, *said)
            inbox.clear()
            if pacing.may_send(now):
                seq, ask = pacing.sent(now)
                pacing.spent(cost)
                sent.append(now)
                for b in browsers:
                    b.receive(now, (seq, ask, now), size)
    return sent


def rate(browser, start, end):
    """Frames painted per second."""
    return sum(start <= when < end for when, _, _ in browser.painted) / (end - start)


def age(browser, start, end, part=0.5):
    """The median age of a frame when it is painted, or another part of the ages, in seconds."""
    ages = sorted(seconds for when, _, seconds in browser.painted if start <= when < end)
    return ages[min(int(part * len(ages)), len(ages) - 1)] if part != 0.5 else median(ages)
