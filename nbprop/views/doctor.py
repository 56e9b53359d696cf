"""What is wrong with a run, in words, with what to do about it, and whether that has helped."""

import textwrap
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbprop.diagnosis import SEVERITIES, Diagnosis, Finding, Remedy, Seen, Treatment, known_rules
from nbprop.diagnosis.diagnosis import looked
from nbprop.diagnosis.finding import listed
from nbprop.diagnosis.treatment import ENOUGH
from nbprop.record.lessons import Lesson
from nbprop.record.source import CannotSay, Recorded

from .base import colors
from .base.small import draw_small
from .base.treated import STATES, Treated, Verdict, judged, settled, undoable
from .base.view import View, inches, new_axes, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RATES, SHARE = (0.5, 3.0), 0.02  # looks per second, and of the time of one thread that they may take
TOLD = ("steps", "number", "number_now", "value", "value_now")
TREATED = 3  # so many treatments are spoken of, the newest
_work = getattr(time, "thread_time", time.perf_counter)
SIGNS = {"alarm": "‼", "warning": "⚠", "hint": "ℹ"}


@dataclass(frozen=True)
class Card:
    """What stands in the panel for one rule. found: whether it is (still) found; else it is what was treated."""

    finding: Finding
    found: bool
    verdict: Verdict | None


class Doctor(View):
    """The findings of a run, worst first: what is wrong, the numbers that say so, why it is so, and what can be done, a
    button for each remedy. A press applies it as a turn that can be undone; after 100 steps it is said whether it has
    helped. See `nb.diagnose`, which gives the same in code.

    While a run plays a finding is shown when it was found twice in a row, and until it is missed four times, so that
    nothing flickers; of a run at rest, or a moment of the past, the findings are those of `nb.diagnose`.
    """

    name = "doctor"
    title = "Doctor"
    about = (
        "What is wrong with the run, in words, with the numbers that say so and a button that mends it. It goes by "
        "rules of thumb that were measured on many runs, and after a fix it says whether that has helped."
    )
    lesson = Lesson(14, "The Doctor")
    contract = (Recorded,)
    shows = "a Trainer, or another source that has a history"
    records = frozenset({"layers"})
    size = (5.4, 4.2)
    height = 420

    def __init__(self, source, **options) -> None:
        super().__init__(source, **options)
        self._shown: dict[str, tuple[Finding | None, int]] = {}  # rule -> what is shown, looks that said otherwise
        self._step = -1  # of the last look
        self._treated: tuple[Treated, ...] = ()  # the newest first
        self._verdicts: tuple[Verdict, ...] = ()
        self._cost = 0.0  # seconds of CPU time that the last look took
        self._message = "", 0  # why the last thing that a hand wanted was not done, and at which step
        self._pressed = 0

    @property
    def version(self) -> Any:
        """Something else whenever there is something new to show."""
        return super().version, self._pressed

    @property
    def rate(self) -> float:
        """Three looks a second, of a large network fewer."""
        return float(np.clip(SHARE / max(self._cost, 1e-9), *RATES))

    # ---- what a hand does --------------------------------------------------------------------------------------------

    def act(self, name, value) -> None:
        """ "remedy", (name of a rule, words of one of its remedies): apply it. "undo", (rule, words): take it back.
        What goes wrong is said in the panel."""
        if name not in ("remedy", "undo"):
            return super().act(name, value)
        post = getattr(self.source, "post", None)
        (post or (lambda function: function()))(lambda: self._do(name, *value))

    def _do(self, name, rule, words):
        try:
            self._apply(rule, words) if name == "remedy" else self._undo(rule, words)
            self._message = "", 0
        except Exception as error:  # it is said in the panel; the run goes on
            said = str(error) or type(error).__name__
            self._message = said if said.startswith(words) else f"{words}: {said}", self.source.steps
        self._pressed += 1
        for board in vars(self).get("boards", ()):
            board.ask()

    def _apply(self, rule, words):
        card = next((card for card in self._cards() if card.finding.rule == rule), None)
        remedy = next((each for each in card.finding.remedies if each.words == words), None) if card else None
        if card is None or remedy is None:
            raise ValueError("it is no longer offered, for the run is another one now")
        before = undoable(self.source)
        treatment = Treatment(card.finding, self.source, remedy)
        made = Treated(treatment, self.source, before, undoable(self.source))
        others = [each for each in self._treated if each.treatment.finding.rule != rule]
        self._treated = (made, *others[: TREATED - 1])

    def _undo(self, rule, words):
        for each in self._of_this_run():
            if (each.treatment.finding.rule, each.treatment.remedy.words) == (rule, words):
                return each.undo()
        raise ValueError("it is no longer known")

    def _of_this_run(self):
        """What was treated, but for that of a run that was here before."""
        return [each for each in self._treated if not each.gone]

    # ---- looking -----------------------------------------------------------------------------------------------------

    def _look(self) -> tuple[Seen, Diagnosis, tuple[Card, ...]]:
        """One look at the source as it is now; the same until it is another."""
        source = self.source
        return self._constant("look", (id(source), source.version, source.steps, self._pressed), self._looked)

    def _cards(self):
        return self._look()[2]

    def _looked(self):
        source, between = self.source, getattr(self.source, "between", None)
        known = getattr(source.history, "columns", {})
        if source.steps and known and "loss" not in known:
            raise CannotSay(f"Doctor: expected a series 'loss' in the history, which has {', '.join(known)}.")

        def look():
            with np.errstate(all="ignore"):
                seen = Seen(source)
                return seen, looked(seen)

        begun = _work()
        seen, diagnosis = look() if between is None else between(look)
        self._cost = _work() - begun
        if self.moment is not None:  # what was then does not flicker, and nothing was treated
            return seen, diagnosis, tuple(Card(finding, True, None) for finding in diagnosis)
        playing = source.status == "playing" and seen.step >= self._step
        found = {finding.rule: finding for finding in diagnosis}
        self._shown = {rule: settled(self._shown.get(rule), found.get(rule), playing) for rule in known_rules()}
        self._step = seen.step
        self._verdicts = tuple(judged(each, self._verdicts, (seen, diagnosis), source) for each in self._of_this_run())
        verdicts = {each.treated.treatment.finding.rule: each for each in self._verdicts if each.told_of}
        shown = [finding for finding, _ in self._shown.values() if finding is not None]
        cards = [Card(finding, True, verdicts.pop(finding.rule, None)) for finding in shown]
        cards.sort(key=lambda card: SEVERITIES.index(card.finding.severity))
        return seen, diagnosis, (*cards, *(Card(v.treated.treatment.finding, False, v) for v in verdicts.values()))

    # ---- numbers and words -------------------------------------------------------------------------------------------

    def frame(self) -> dict[str, Any]:
        """Of n cards: severity (n,), 0 alarm, 1 warning, 2 hint; found (n,), 0 for what is gone and was treated; since
        (n,), the step, NaN where that is not known; limit (n,), of its picture, NaN where there is none; evidence (n,
        m), NaN behind the last; treated (n, 5): steps since the remedy, NaN without one, the number that the finding is
        judged by before it and now, and so what the run is judged by. Of card i picture_i (k,), of a line its steps_i
        (k,)."""
        return dict(self._constant("frame", self._look(), self._numbers))

    def _numbers(self):
        cards = self._cards()
        most = max((len(card.finding.evidence) for card in cards), default=0)
        evidence, treated = np.full((len(cards), most), np.nan), np.full((len(cards), 5), np.nan)
        frame: dict[str, np.ndarray] = {}
        for i, card in enumerate(cards):
            evidence[i, : len(card.finding.evidence)] = [each.value for each in card.finding.evidence]
            if card.verdict is not None:
                treated[i] = [card.verdict.told[name] for name in TOLD]
            if card.finding.picture is not None:
                frame[f"picture_{i}"] = card.finding.picture.values
                if card.finding.picture.steps is not None:
                    frame[f"steps_{i}"] = card.finding.picture.steps
        pictures = [card.finding.picture for card in cards]
        since = [card.finding.since for card in cards]
        frame |= {
            "severity": np.array([SEVERITIES.index(card.finding.severity) for card in cards]),
            "found": np.array([card.found for card in cards]),
            "since": np.array([np.nan if step is None else step for step in since]),
            "limit": np.array([np.nan if each is None or each.limit is None else each.limit for each in pictures]),
            "evidence": evidence,
            "treated": treated,
        }
        with np.errstate(all="ignore"):  # what is too large for float32 is infinite
            return {name: np.asarray(values, np.float32) for name, values in frame.items()}

    def labels(self) -> dict[str, Any]:
        """state: what is said of the whole, where there is no finding; cards, as in `frame`: rule, title, severity,
        sign, words, layers, evidence, why, equation, lesson, remedies (words, and why each rests), picture (kind,
        labels, unit, log) or None, verdict (state, head, words, remedy, why it cannot be undone) or None; looked:
        titles of the rules that have looked; skipped: of the others, and why; failed: which failed; message; marks."""
        (_, diagnosis, cards), (message, step) = self._look(), self._message
        rules, skipped = known_rules(), diagnosis.skipped
        failed = {name: why for name, why in skipped.items() if why.startswith("failed: ")}
        return {
            "state": self._state(),
            "cards": [self._card(card) for card in cards],
            "looked": [rule.title for name, rule in rules.items() if name not in skipped],
            "skipped": [[rules[name].title, why] for name, why in skipped.items() if name not in failed],
            "failed": [[rules[name].title, why.removeprefix("failed: ")] for name, why in failed.items()],
            "message": message if 0 <= self.source.steps - step < ENOUGH else "",
            "marks": self.marks(),
        }

    def _card(self, card) -> dict[str, Any]:
        finding, verdict, picture = card.finding, card.verdict, card.finding.picture
        return {
            "rule": finding.rule,
            "title": known_rules()[finding.rule].title,
            "severity": finding.severity,
            "sign": SIGNS[finding.severity],
            "words": finding.words,
            "layers": listed(finding.layers) if finding.layers else "",
            "evidence": [str(each) for each in finding.evidence],
            "why": finding.why,
            "equation": finding.equation,
            "lesson": str(finding.lesson),
            "where": finding.lesson.where,
            "remedies": [[remedy.words, self._hindrance(remedy)] for remedy in finding.remedies],
            "picture": picture
            and {"kind": picture.kind, "labels": list(picture.labels), "unit": picture.unit, "log": picture.log},
            "verdict": verdict
            and {
                "state": verdict.state,
                "head": STATES[verdict.state],
                "words": verdict.words,
                "remedy": verdict.treated.treatment.remedy.words,
                "undo": "it is taken back" if verdict.state == "undone" else verdict.treated.hindrance(),
            },
        }

    def _hindrance(self, remedy: Remedy) -> str:
        try:
            return remedy.cannot(self.source)
        except Exception as error:  # a knob that cannot be asked cannot be turned
            return str(error) or type(error).__name__

    def marks(self) -> dict[str, str]:
        return {
            "alarm": f"{SIGNS['alarm']} alarm: the run does not learn, or not for long",
            "warning": f"{SIGNS['warning']} warning: something holds it up",
            "hint": f"{SIGNS['hint']} hint: it may be of no consequence",
            "limit": "dashed line: where it begins to be wrong",
            "usual": "usual: what is found in runs that learn well",
            "verdict": f"whether a remedy has helped is said {ENOUGH} steps after it",
        }

    def _state(self) -> str:
        """What is said of a run in which nothing is found."""
        seen, diagnosis, cards = self._look()
        if cards:
            return ""
        if not seen.step:
            return _upper(self.unmeasured()) if self.moment is None else "Nothing was found before the first step"
        if self.source.status == "stopped" and self.source.message:
            return f"The run has stopped: {self.source.message}"
        made, blind = seen.step - seen.turned, len(diagnosis.skipped) == len(known_rules())
        if made < ENOUGH:
            since = f" since the turn after step {seen.turned:,}" if seen.turned else ""
            return f"Nothing wrong was found, but it is too early to tell: {made} of {ENOUGH} steps made{since}."
        return "There is nothing that could be looked at." if blind else "Nothing wrong was found."

    def describe(self) -> str:
        seen, diagnosis, cards = self._look()
        head = f"At step {seen.step:,}: " if self.moment is not None else f"After {plural(seen.step, 'step')}: "
        if not cards:
            checked = len(known_rules()) - len(diagnosis.skipped)
            many = f" {plural(checked, 'thing')} looked at." if seen.step else ""
            return f"{head}{_lower(self._state().rstrip('.'))}.{many}"
        parts = []
        for card in cards:
            finding = card.finding
            if card.found:
                since = f", since step {finding.since:,}" if finding.since is not None else ""
                parts.append(f"{finding.severity.capitalize()}{since}: {finding.words}")
                able = [each.words for each in finding.remedies if not self._hindrance(each)]
                parts += [f"Try: {able[0]}."] if able and card.verdict is None else []
            if card.verdict is not None:
                parts.append(f"{STATES[card.verdict.state]}: {card.verdict.words}")
        found = sum(card.found for card in cards)
        return f"{head}{plural(found, 'finding') if found else 'nothing wrong was found'}. {' '.join(parts)}"

    # ---- in Matplotlib -----------------------------------------------------------------------------------------------

    def plot(self, ax=None) -> "Axes":
        ax = new_axes(ax, *self.size)
        cards = self._cards()
        ax.set_title(self.heading)
        ax.axis("off")
        wide, high = 0.9 * inches(ax)
        line = 0.15 / high  # of the height, a line of text
        if not cards:
            lines = textwrap.wrap(self.describe(), int(14 * wide))
            ax.text(0, 1, "\n".join(lines), va="top", fontsize=9, color=colors.FOREGROUND, transform=ax.transAxes)
        top = 1.0
        for k, card in enumerate(cards):
            picture = card.finding.picture
            lines = _lines(card, int((8.6 if picture is not None else 14) * wide))
            needed = max(len(lines) * line, 0.95 / high if picture is not None else 0)
            if k and top - needed < 0:
                ax.text(0, max(top, 0), f"and {plural(len(cards) - k, 'more finding')}", va="top", fontsize=8,
                        color=colors.MUTED, transform=ax.transAxes)  # fmt: skip
                break
            for i, words in enumerate(lines):
                ax.text(0, top - i * line, words, va="top", fontsize=8, color=colors.FOREGROUND,
                        fontweight="bold" if not i else "normal", transform=ax.transAxes)  # fmt: skip
            if picture is not None:
                draw_small(ax.inset_axes((0.68, top - 0.75 / high, 0.31, 0.62 / high)), picture)
            top -= needed + line
        return ax


def _upper(words):
    return words[:1].upper() + words[1:]


def _lower(words):
    return words[:1].lower() + words[1:]


def _lines(card, width) -> list[str]:
    """A card as lines of text."""
    finding, verdict = card.finding, card.verdict
    since = f", since step {finding.since:,}" if finding.since is not None and card.found else ""
    title = known_rules()[finding.rule].title
    head = f"{finding.severity.upper()}: {title}{since}" if card.found else f"Gone: {title}"
    parts = [finding.words, *(str(each) for each in finding.evidence[:1])] if card.found else []
    if verdict is not None:
        parts.append(f"{STATES[verdict.state]}: {verdict.words}")
    elif finding.remedies:
        parts.append(f"Try: {' or '.join(each.words for each in finding.remedies)}")
    return [line for part in (head, *parts) for line in textwrap.wrap(part, width)]
