"""What the Doctor remembers from look to look: what it shows, so that nothing flickers, and what was treated."""

from dataclasses import dataclass, replace
from typing import Any

from nbprop.diagnosis import SEVERITIES, Diagnosis, Finding, Seen, Treatment
from nbprop.diagnosis.treatment import ENOUGH

from .view import plural

APPEARS, GOES = 2, 4  # looks in a row after which, of a run that plays, a finding is shown, or is no longer
STATES = {
    "waiting": "Too early to tell",
    "helped": "Helped",
    "unchanged": "No change yet",
    "worse": "Made it worse",
    "unclear": "Cannot be told",
    "undone": "Taken back",
}
ANEW = "a new run"  # what the trainer calls it among what can be undone
JUDGED = ("helped", "unchanged", "worse")


@dataclass(frozen=True)
class Treated:
    """A remedy that was applied by a hand, and what could be undone before it and after it, the newest first."""

    treatment: Treatment
    source: Any
    before: tuple[str, ...]
    after: tuple[str, ...]

    def hindrance(self) -> str:
        """Why it cannot be undone now, in words; "" if it can."""
        now = undoable(self.source)
        later = len(now) - len(self.after)
        if self.after == self.before:
            return "nothing of it can be undone"
        if now == self.after:
            return ""
        if later > 0 and now[later:] == self.after:
            return f"first undo what was done since: {now[0]}" + (f", and {later - 1} more" if later > 1 else "")
        return "it is no longer the last thing that was done"

    @property
    def gone(self) -> bool:
        """Whether the run that it was applied to has given way to a new one."""
        now = undoable(self.source)
        return ANEW in now[: max(0, len(now) - len(self.after))]

    @property
    def undone(self) -> bool:
        """Whether it is taken back."""
        now = undoable(self.source)
        return len(now) < len(self.after) and now == self.after[len(self.after) - len(now) :]

    def undo(self) -> None:
        """Take it back. Raises ValueError where that cannot be."""
        if why := self.hindrance():
            raise ValueError(why)
        self.source.undo(max(1, len(self.after) - len(self.before)))


@dataclass(frozen=True)
class Verdict:
    """What is said of a treatment. state: a key of STATES; told: see `Treatment.outcome`; times: looks in a row that
    said otherwise."""

    treated: Treated
    state: str
    words: str
    told: dict[str, Any]
    times: int = 0

    @property
    def told_of(self) -> bool:
        """Whether it is to be spoken of: what was taken back is, for a while, unless the run has gone back further."""
        return self.told["steps"] >= 0 and (self.state != "undone" or self.told["steps"] < ENOUGH)


def settled(before, now, playing) -> tuple[Finding | None, int]:
    """What is shown of a finding, and how many looks in a row have said that it is worse (> 0) or milder (< 0). Only of
    a run that plays it takes a few."""
    shown, times = before or (now, 0)
    was, is_now = _rank(shown), _rank(now)
    sign = (is_now < was) - (is_now > was)
    times = (times if times * sign > 0 else 0) + sign
    if not playing or not sign or times in (APPEARS, -GOES):
        return now, 0
    if shown is not None and now is not None:
        return replace(now, severity=shown.severity), times
    return shown, times


def _rank(finding):
    return len(SEVERITIES) if finding is None else SEVERITIES.index(finding.severity)


def undoable(source) -> tuple[str, ...]:
    """What `undo` would take back, the newest first."""
    return tuple(getattr(source, "undoable", ()))


def judged(treated: Treated, before: tuple[Verdict, ...], look: tuple[Seen, Diagnosis], source: Any) -> Verdict:
    """What is to be said of a treatment now. before: what was said at the last look. Where something else was turned
    since, what was said before stays."""
    said = next((each for each in before if each.treated is treated), None)
    treatment, words = treated.treatment, treated.treatment.remedy.words
    told = treatment.outcome(look)
    state, later = told["state"], look[0].turned - treatment.step
    if treated.undone:
        state = told["state"] = "undone"
    if state != "undone" and later > 0:
        if said and said.state in (*JUDGED, "unclear"):
            return replace(said, told={**told, "state": said.state})
        words = f"{words}: something else was turned {plural(later, 'step')} later, so nothing can be said of it alone."
        return Verdict(treated, "unclear", words, told)
    other = bool(said) and state != said.state and {state, said.state} <= {*JUDGED}
    if said and other and source.status == "playing" and said.times + 1 < GOES:
        return replace(said, times=said.times + 1)
    words = treatment.describe(told)
    if state == "waiting" and source.status in ("ready", "paused"):
        words += " Play on to see."
    return Verdict(treated, state, words, told)
