"""The way of a picture to one browser and back: how long it is, and how many a second get there.  Pure reckoning.

A frame that is late has far to go or stands in a queue, and only a queue gets shorter when less is sent. So lateness
is counted from the shortest round trip seen lately. While nothing is late, more is sent, a little each round trip. Once
frames are late, or are passed over unpainted, half of what gets painted is sent, until the queue is gone. If it does
not get shorter it was none: the way has become longer. (Vegas: Brakmo and Peterson 1995; BBR: Cardwell et al. 2016)

The page sees at once what is late or passed over, and answers then without being asked (lateness.js): so it need not
be asked often while all is well.

Times are seconds of any steady clock, handed in by the caller.
"""

from collections import deque
from math import ceil, inf
from statistics import median

START, LEAST, MOST = 36.0, 1.0, 60.0  # frames per second; no more than most displays show
QUEUE = 0.06  # seconds that frames may be later than the shortest round trip
SOON = 0.045  # while they are no later than that, more can be sent
MUCH = 0.4  # a single one that is so much later is enough to send less
PAINTED = 0.8  # least part of the frames that is to be painted
ALL = 0.95  # so much of them is as good as all
LATELY = 5.0  # seconds: a round trip is remembered for one to two times as long
ASKS = (2.0, 0.1)  # seconds between two questions: while all is well, and while the right rate is looked for
ALIKE = 1.25  # times a rate: within that another one is the same
JUDGED = 5  # answers that are looked at together
IDLE = 5.0  # frames per second: fewer are as good as none
WINDOWS = (4, 160)  # frames in flight: while nothing is known of the way, and at the very most


class Way:
    """What the answers of one viewer tell.

    rate  frames per second that may leave for it
    trip  the shortest round trip seen lately, in seconds; inf: none yet
    """

    def __init__(self) -> None:
        self.rate, self.trip = START, inf
        self._turn, self._least = -inf, (inf, inf)  # since when; the shortest trips of the turn before and of this one
        self._frames = self._painted = 0  # all in all
        self._said = deque(maxlen=JUDGED + 1)  # (when, round trip, frames, painted) of answers that go together
        self._ceiling = inf  # what was painted per second when too much was sent
        self._sure = 0  # how often that was the same; the surer, the slower more is tried
        self._raised = 0  # the last frame before more was sent: what that does is seen in those after it
        self._alarm = 0  # so many answers are wanted soon
        self._draining = False  # is less sent, to let a queue run out?
        self._cut = None  # the last frame before that, until it is answered
        self._clean = 0  # what left later has no frame before it that left before less was sent
        self._late = inf  # how late frames were when half had turned out to be too much

    @property
    def asks(self) -> float:
        """Seconds between two frames that are to be answered."""
        return ASKS[1] if self._alarm or not self._said else self._seldom()

    @property
    def window(self) -> int:
        """Frames that may be in flight: those of a round trip, a short queue, and the time between two answers."""
        if self.trip == inf:
            return WINDOWS[0]
        return min(1 + ceil(self.rate * (self.trip + QUEUE + self._seldom())), WINDOWS[1])

    def answered(self, now, left, seq, sent, frames, painted, asked=True) -> None:
        """It has painted frame `seq`, which left at `left`; the last to leave was `sent`. Of the `frames` since its
        last answer it has painted so many. Not asked: it says so because something is late, which says nothing of the
        others."""
        trip = now - left
        if now - self._turn > LATELY:
            self._turn, self._least = now, (self._least[1], inf)
        self._least = self._least[0], min(self._least[1], trip)
        self.trip = min(self._least)
        self._frames, self._painted = self._frames + frames, self._painted + painted
        if self._cut is not None and seq >= self._cut:
            self._clean, self._cut = sent, None
        if self._cut is not None or seq <= self._clean:
            return
        if not asked:
            self._alarm = JUDGED
            if trip - self.trip > MUCH and not self._draining and len(self._said) > 1:
                self._less(sent)
            return
        self._alarm = max(0, self._alarm - 1)
        before = self._said[-1][0] - self._said[-1][1] if self._said else left
        if left - before > max(1, frames / IDLE):  # hardly anything was sent
            self._said.clear()
        self._said.append((now, trip, self._frames, self._painted))
        full = len(self._said) > JUDGED
        late = median([trip for _, trip, *_ in self._said][-JUDGED:]) - self.trip
        if self._draining:
            self._drain(late, sent, full)
        elif (full and (late > QUEUE or self._part() < PAINTED)) or (len(self._said) > 1 and trip - self.trip > MUCH):
            self._less(sent)
        elif max(late, trip - self.trip) < SOON and seq > self._raised:
            self._try(sent)

    def _try(self, sent):
        """More, where all that is sent is painted; else little more than that."""
        if len(self._said) > 1 and self._part() < ALL:
            if len(self._said) > JUDGED:
                self._found(self._speed())
                self.rate = max(LEAST, min(self.rate, 1.1 * self._ceiling))
            return
        self.rate, self._raised = min(MOST, self.rate * (1.04 if self._near() else 1.25)), sent
        if not self._near():
            self._sure = 0

    def _found(self, ceiling):
        """More than that is not painted."""
        self._sure = min(self._sure + 1, 5) if ceiling / ALIKE < self._ceiling < ceiling * ALIKE else 0
        self._ceiling = ceiling

    def _seldom(self):
        """Seconds between two questions while nothing is late."""
        if self._draining or not (self.rate == MOST or self._near()):
            return ASKS[1]
        return ASKS[0] if self.rate == MOST else min(ASKS[0], ASKS[1] * 2**self._sure)

    def _near(self):
        """Was it too much at about this rate?  There more is tried slowly."""
        return 0.85 * self._ceiling <= self.rate <= 1.2 * self._ceiling

    def _part(self):
        """What part of the frames was painted."""
        (*_, before, shown), (*_, frames, painted) = self._said[0], self._said[-1]
        return (painted - shown) / (frames - before)

    def _speed(self):
        """What was painted per second."""
        (since, *_, shown), (now, *_, painted) = self._said[0], self._said[-1]
        return (painted - shown) / max(now - since, 1e-3)

    def _less(self, sent):
        """Half of what is painted, until the queue is gone."""
        self._found(min(self.rate, self._speed()))
        self.rate = max(LEAST, self._ceiling / 2)
        self._draining, self._cut = True, sent
        self._said.clear()

    def _drain(self, late, sent, full):
        """Is it gone?"""
        if late < SOON:
            self._more()
        elif full and self._speed() < 0.7 * self.rate and late < 0.7 * self._late:  # even that is too much
            self._late = late
            self._less(sent)
        elif full:  # the way is longer; how wide it is will be seen by trying
            self.trip = min(trip for _, trip, *_ in self._said)
            self._turn, self._least = -inf, (inf, self.trip)
            self._more()
            self._ceiling = inf

    def _more(self):
        """Nearly as much again as was painted."""
        self.rate = max(LEAST, 0.9 * self._ceiling)
        self._draining, self._late = False, inf
        self._said.clear()
