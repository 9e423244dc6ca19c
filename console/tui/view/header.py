"""The status header: where we are, who owns the VIP, how old the picture is, what is alarming."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from console.judge.diagnosis import flat
from console.judge.standing import tally
from console.model.facts import Severity
from console.model.observed import STALE_AFTER_S, Freshness
from console.model.profile import Environment
from console.tui.view.amounts import age
from console.tui.view.fit import clip, first_fitting, fit_line
from console.tui.view.moment import Moment
from console.tui.view.tone import Line, Span, Tone
from console.tui.view.witness import Witnesses, witnesses

ENVIRONMENTS = {
    Environment.LAB: "LAB ○",
    Environment.STAGING: "STAGING △",
    Environment.PRODUCTION: "PROD ▲",
}
Tones = tuple[Tone, Tone, Tone]
"""Calm, warning and alarm on the bar."""


def header(moment: Moment, width: int) -> Line:
    """One line of exactly `width` cells. What matters least gives way first, the owner never.

    It shows what is so now, also beside a picture that is held.
    """
    held_s, moment = moment.paused_s, moment.present or moment
    profile = moment.state.profile
    production = profile.environment is Environment.PRODUCTION
    tones = (
        (Tone.PROD, Tone.PROD_WARN, Tone.PROD_ALARM) if production else (Tone.BAR, Tone.BAR_WARN, Tone.BAR_ALARM)
    )
    place = (
        (Span(f"{ENVIRONMENTS[profile.environment]} {profile.name}", tones[0]),),
        (Span(f"{ENVIRONMENTS[profile.environment]} {clip(profile.name, 12)}", tones[0]),),
    )
    choices = product(
        place,
        _mode(moment, tones),
        _alerts(moment, tones),
        _updated(moment, held_s, tones),
        _owners(moment, tones),
    )
    lines = [_line((where, vip, mode, fresh, alerts), tones[0]) for where, mode, alerts, fresh, vip in choices]
    return fit_line(first_fitting(lines, width), width, tones[0])


def _line(parts: Sequence[Line], tone: Tone) -> Line:
    spans: list[Span] = [Span(" ", tone)]
    for number, part in enumerate(part for part in parts if part):
        spans.extend((Span(" | ", tone), *part) if number else part)
    return tuple(spans)


def _mode(moment: Moment, tones: Tones) -> tuple[Line, ...]:
    """Whether a key could change something. This never gives way: who reads it may be about to press one."""
    stance = moment.stance
    if stance.running:
        return ((Span(f"ACTING {stance.done}/{stance.steps}", tones[2]),),)
    if stance.armed_s > 0:
        minutes, seconds = divmod(int(stance.armed_s), 60)
        return ((Span(f"ARMED {minutes}:{seconds:02}", tones[1]),),)
    return ((Span("READ-ONLY", tones[0]),),)


def _owners(moment: Moment, tones: Tones) -> tuple[Line, ...]:
    """All instances; if they do not fit, the worst one and how many more there are."""
    seen = [witnesses(moment.state, name, moment.now) for name in moment.state.profile.vrrp]
    lines = [_owner(moment, each, tones) for each in seen]
    every = tuple(span for line in lines for span in (*line, Span("  ", tones[0])))[:-1]
    worst = min(range(len(seen)), key=lambda n: not (seen[n].split or seen[n].nobody))
    more = (Span(f" +{len(seen) - 1}", tones[0]),) if len(seen) > 1 else ()
    return (every, (*lines[worst], *more))


def _owner(moment: Moment, seen: Witnesses, tones: Tones) -> Line:
    calm, warning, alarm = tones
    vip = f"VIP {seen.address} -> "
    if seen.split:
        return (Span(f"{vip}{' + '.join(seen.owners)} SPLIT BRAIN", alarm),)
    if len(seen.owners) > 1:  # for a moment, while it is handed over
        return (Span(f"{vip}{' + '.join(seen.owners)}", warning),)
    if seen.nobody:
        return (Span(f"{vip}NOBODY", alarm),)
    if not seen.owners:
        return (Span(vip, calm), Span("UNKNOWN", warning))
    node = moment.state.nodes[seen.owners[0]]
    if node.freshness(moment.now) is Freshness.STALE and node.heard_at is not None:
        return (Span(vip, calm), Span(f"{node.name} STALE {age(moment.now - node.heard_at)}", warning))
    return (Span(f"{vip}{node.name}", calm),)


def _updated(moment: Moment, held_s: float | None, tones: Tones) -> tuple[Line, ...]:
    """Age of the newest thing heard from any node: when this grows, the console itself is deaf."""
    calm, warning, _ = tones
    if held_s is not None:
        return ((Span(f"PAUSED {age(held_s)}", warning),),)
    heard = [node.heard_at for node in moment.state.nodes.values() if node.heard_at is not None]
    if not heard:
        return ((Span("connecting", warning),), ())
    age_s = max(0.0, moment.now - max(heard))
    tone = warning if age_s > STALE_AFTER_S else calm
    return ((Span(f"updated {age(age_s)}", tone),), (Span(age(age_s), tone),), ())


def _alerts(moment: Moment, tones: Tones) -> tuple[Line, ...]:
    calm, warning, alarm = tones
    count = tally(moment.findings)
    critical = any(each.severity is Severity.CRITICAL for each in flat(moment.findings))
    tone = alarm if critical else warning if count.loud else calm
    return ((Span(f"ALERTS {count.loud}", tone),), (Span(f"▲ {count.loud}", tone),))
