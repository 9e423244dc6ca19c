"""Health as glyph + word + tone. One vocabulary for every pane; each glyph differs by shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from console.model.facts import ProbeOutcome, ProbeReport, Severity, UnitReport, VrrpState
from console.model.observed import Freshness
from console.tui.view.amounts import age, latency
from console.tui.view.shown import Shown
from console.tui.view.tone import Line, Span, Tone

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement about one value, and the few words that go with it."""

    glyph: str
    word: str
    tone: Tone
    extra: str = ""

    @property
    def mark(self) -> str:
        return f"{self.glyph} {self.word}"


def ok(extra: str = "") -> Verdict:
    return Verdict("●", "OK", Tone.OK, extra)


def warn(extra: str = "") -> Verdict:
    return Verdict("▲", "WARN", Tone.WARN, extra)


def down(extra: str = "") -> Verdict:
    return Verdict("✗", "DOWN", Tone.DOWN, extra)


def unknown(reason: str) -> Verdict:
    return Verdict("?", "UNKNOWN", Tone.UNKNOWN, reason)


ABSENT = Verdict("–", "not here", Tone.MUTED)

VRRP_GLYPHS = {
    VrrpState.MASTER: ("◆", Tone.OK),
    VrrpState.BACKUP: ("◇", Tone.OK),
    VrrpState.INIT: ("…", Tone.WARN),
    VrrpState.FAULT: ("✗", Tone.DOWN),
    VrrpState.STOP: ("✗", Tone.DOWN),
}
SEVERITY_GLYPHS = {
    Severity.INFO: ("·", Tone.MUTED),
    Severity.WARNING: ("▲", Tone.WARN),
    Severity.CRITICAL: ("✗", Tone.DOWN),
}


def of_probe(report: ProbeReport) -> Verdict:
    """An answer with the wrong status below 500 is a warning: something answers. 5xx serves nobody."""
    match report.outcome:
        case ProbeOutcome.OK:
            return ok(latency(report.latency_ms))
        case ProbeOutcome.BAD_ANSWER:
            if report.status is None:
                return warn(str(report.outcome))
            bad = f"HTTP {report.status}"
            return down(bad) if report.status >= 500 else warn(bad)
        case ProbeOutcome.HOST_NOT_ALLOWED:
            return down("not allowed")
        case _:
            return down(str(report.outcome))


def of_unit(report: UnitReport) -> Verdict:
    """systemd's own word is kept beside ours: `failed` and `inactive` ask for different next steps."""
    if report.running:
        return ok("" if report.active == "active" else report.active)
    transient = report.active in ("activating", "deactivating")
    return warn(report.active) if transient else down(report.active)


def judge(shown: Shown[T], verdict_of: Callable[[T], Verdict]) -> Verdict:
    """The verdict on a value, or UNKNOWN with the reason, or STALE with the age and the last word."""
    if shown.value is None:
        return unknown(shown.reason)
    verdict = verdict_of(shown.value)
    if shown.freshness is Freshness.STALE:
        return stale(shown.age_s, f"was {verdict.word}")
    return verdict


def stale(age_s: float | None, extra: str = "") -> Verdict:
    return Verdict("◌", f"STALE {age(age_s)}", Tone.STALE, extra)


def spoken(verdict: Verdict) -> str:
    """The verdict in words, for details and copies."""
    return f"{verdict.mark} ({verdict.extra})" if verdict.extra else verdict.mark


def spans(verdict: Verdict, word_width: int = 0) -> Line:
    """Glyph and word in the verdict's tone, then the extra."""
    mark = Span(verdict.mark.ljust(word_width), verdict.tone)
    if not verdict.extra:
        return (mark,)
    calm = verdict.tone in (Tone.OK, Tone.UNKNOWN, Tone.MUTED)
    quiet = Tone.STALE if verdict.tone is Tone.STALE else Tone.MUTED if calm else Tone.PLAIN
    return (mark, Span(" " + verdict.extra, quiet))
