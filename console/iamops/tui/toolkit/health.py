"""Health as glyph + word + tone. One vocabulary for every pane; each glyph differs by shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from iamops.model.facts import LinkState, ProbeOutcome, ProbeReport, Severity, UnitReport, VrrpState
from iamops.model.observed import Freshness, Observed, Unknown, freshness
from iamops.model.state import NodeState
from iamops.tui.toolkit.text import Line, TextSpan, Tone, age, latency

T = TypeVar("T")

# How often a value is observed. Streams (addresses, VRRP, units, requests) confirm theirs for as long as the node
# answers.
STREAM_S = 0.0
HTTP_S = 2.0
PEER_S = 5.0
DATASTORE_S = 5.0
HOST_S = 10.0
CLIENT_S = 1.0


@dataclass(frozen=True, slots=True)
class Shown(Generic[T]):
    """What may be shown. `value` is None exactly when unknown, and then `reason` says why."""

    freshness: Freshness
    value: T | None
    age_s: float | None
    reason: str = ""

    @property
    def live(self) -> bool:
        return self.freshness is Freshness.LIVE

    @property
    def unknown(self) -> bool:
        return self.freshness is Freshness.UNKNOWN


def resolve(
    observed: Observed[T], now: float, *, witness: NodeState | None, cadence_s: float = STREAM_S
) -> Shown[T]:
    """What may be shown of `observed` now: the value, its staleness, or why it is unknown.

    `witness` is the node the value was seen from: a probe made by a peer is as fresh as the peer. None stands for
    the operator's own machine. The worse of both ages counts; nowhere else do the two meet.
    """
    if witness is not None and witness.freshness(now) is Freshness.UNKNOWN:
        return Shown(Freshness.UNKNOWN, None, observed.age_s(now), why_unknown(witness, now))
    if isinstance(observed, Unknown):
        return Shown(Freshness.UNKNOWN, None, observed.age_s(now), observed.reason or "not observed yet")
    # A stream's value is confirmed by whatever its node sends, so it is as old as the node's silence.
    at = witness.last_event_at if cadence_s == STREAM_S and witness is not None else observed.at
    age_s = None if at is None else max(0.0, now - at)
    own = freshness(at, now, max(cadence_s, observed.every_s))
    if own is Freshness.UNKNOWN:
        return Shown(own, None, age_s, f"last answer {age(age_s)} ago")
    stale = own is Freshness.STALE or (witness is not None and witness.freshness(now) is Freshness.STALE)
    return Shown(Freshness.STALE if stale else Freshness.LIVE, observed.value, age_s)


def why_unknown(node: NodeState, now: float) -> str:
    """Why nothing can be said about a node."""
    if node.link.state is not LinkState.UP and node.link.reason:
        return node.link.reason
    if node.last_event_at is not None:
        return f"nothing heard for {age(now - node.last_event_at)}"
    return "connecting" if node.link.state is LinkState.CONNECTING else "nothing heard yet"


@dataclass(frozen=True, slots=True)
class CellVerdict:
    """A judgement about one value, and the few words that go with it."""

    glyph: str
    word: str
    tone: Tone
    extra: str = ""

    @property
    def mark(self) -> str:
        return f"{self.glyph} {self.word}"


# Each takes the extra words.
ok = partial(CellVerdict, "●", "OK", Tone.OK)
warn = partial(CellVerdict, "▲", "WARN", Tone.WARN)
down = partial(CellVerdict, "✗", "DOWN", Tone.DOWN)
unknown = partial(CellVerdict, "?", "UNKNOWN", Tone.UNKNOWN)
ABSENT = CellVerdict("–", "not here", Tone.MUTED)

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


def probe_verdict(report: ProbeReport) -> CellVerdict:
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


def unit_report_verdict(report: UnitReport) -> CellVerdict:
    """systemd's own word is kept beside ours: `failed` and `inactive` ask for different next steps."""
    if report.running:
        return ok("" if report.active == "active" else report.active)
    return (warn if report.active in ("activating", "deactivating") else down)(report.active)


def verdict_on(shown: Shown[T], verdict_of: Callable[[T], CellVerdict]) -> CellVerdict:
    """The verdict on a value, or UNKNOWN with the reason, or STALE with the age and the last word."""
    if shown.value is None:
        return unknown(shown.reason)
    verdict = verdict_of(shown.value)
    return stale(shown.age_s, f"was {verdict.word}") if shown.freshness is Freshness.STALE else verdict


def stale(age_s: float | None, extra: str = "") -> CellVerdict:
    return CellVerdict("◌", f"STALE {age(age_s)}", Tone.STALE, extra)


def verdict_words(verdict: CellVerdict) -> str:
    """The verdict in words, for details and copies."""
    return f"{verdict.mark} ({verdict.extra})" if verdict.extra else verdict.mark


def spans(verdict: CellVerdict, word_width: int = 0) -> Line:
    """Glyph and word in the verdict's tone, then the extra."""
    mark = TextSpan(verdict.mark.ljust(word_width), verdict.tone)
    if not verdict.extra:
        return (mark,)
    calm = verdict.tone in (Tone.OK, Tone.UNKNOWN, Tone.MUTED)
    quiet = Tone.STALE if verdict.tone is Tone.STALE else Tone.MUTED if calm else Tone.PLAIN
    return (mark, TextSpan(" " + verdict.extra, quiet))
