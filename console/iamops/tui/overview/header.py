"""The status header: where we are, who owns the VIP, how old the picture is, what is alarming."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from iamops.judge.findings import flat
from iamops.judge.triage.events import tally
from iamops.model.facts import Severity
from iamops.model.observed import STALE_AFTER_S, Freshness
from iamops.model.profile import Environment
from iamops.tui.overview.witnesses import Witnesses, witnesses
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.painted import Painted
from iamops.tui.toolkit.text import Line, TextSpan, Tone, age, clip, first_fitting, fit_line

ENVIRONMENTS = {
    Environment.LAB: "LAB ○",
    Environment.STAGING: "STAGING △",
    Environment.PRODUCTION: "PROD ▲",
}
Tones = tuple[Tone, Tone, Tone]
"""Calm, warning and alarm on the bar."""


def header(moment: ViewState, width: int) -> Line:
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
        (TextSpan(f"{ENVIRONMENTS[profile.environment]} {profile.name}", tones[0]),),
        (TextSpan(f"{ENVIRONMENTS[profile.environment]} {clip(profile.name, 12)}", tones[0]),),
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
    spans: list[TextSpan] = [TextSpan(" ", tone)]
    for number, part in enumerate(part for part in parts if part):
        spans.extend((TextSpan(" | ", tone), *part) if number else part)
    return tuple(spans)


def _mode(moment: ViewState, tones: Tones) -> tuple[Line, ...]:
    """Whether a key could change something. This never gives way: who reads it may be about to press one."""
    stance = moment.mode
    if stance.running:
        return ((TextSpan(f"ACTING {stance.done}/{stance.steps}", tones[2]),),)
    if stance.armed_s > 0:
        minutes, seconds = divmod(int(stance.armed_s), 60)
        return ((TextSpan(f"ARMED {minutes}:{seconds:02}", tones[1]),),)
    return ((TextSpan("READ-ONLY", tones[0]),),)


def _owners(moment: ViewState, tones: Tones) -> tuple[Line, ...]:
    """All instances; if they do not fit, the worst one and how many more there are."""
    seen = [witnesses(moment.state, name, moment.now) for name in moment.state.profile.vrrp]
    lines = [_owner(moment, each, tones) for each in seen]
    every = tuple(span for line in lines for span in (*line, TextSpan("  ", tones[0])))[:-1]
    worst = min(range(len(seen)), key=lambda n: not (seen[n].split or seen[n].nobody))
    more = (TextSpan(f" +{len(seen) - 1}", tones[0]),) if len(seen) > 1 else ()
    return (every, (*lines[worst], *more))


def _owner(moment: ViewState, seen: Witnesses, tones: Tones) -> Line:
    calm, warning, alarm = tones
    vip = f"VIP {seen.address} -> "
    if seen.split:
        return (TextSpan(f"{vip}{' + '.join(seen.owners)} SPLIT BRAIN", alarm),)
    if len(seen.owners) > 1:  # for a moment, while it is handed over
        return (TextSpan(f"{vip}{' + '.join(seen.owners)}", warning),)
    if seen.nobody:
        return (TextSpan(f"{vip}NOBODY", alarm),)
    if not seen.owners:
        return (TextSpan(vip, calm), TextSpan("UNKNOWN", warning))
    node = moment.state.nodes[seen.owners[0]]
    if node.freshness(moment.now) is Freshness.STALE and node.last_event_at is not None:
        return (
            TextSpan(vip, calm),
            TextSpan(f"{node.name} STALE {age(moment.now - node.last_event_at)}", warning),
        )
    return (TextSpan(f"{vip}{node.name}", calm),)


def _updated(moment: ViewState, held_s: float | None, tones: Tones) -> tuple[Line, ...]:
    """Age of the newest thing heard from any node: when this grows, the console itself is deaf."""
    calm, warning, _ = tones
    if held_s is not None:
        return ((TextSpan(f"PAUSED {age(held_s)}", warning),),)
    heard = [node.last_event_at for node in moment.state.nodes.values() if node.last_event_at is not None]
    if not heard:
        return ((TextSpan("connecting", warning),), ())
    age_s = max(0.0, moment.now - max(heard))
    tone = warning if age_s > STALE_AFTER_S else calm
    return ((TextSpan(f"updated {age(age_s)}", tone),), (TextSpan(age(age_s), tone),), ())


def _alerts(moment: ViewState, tones: Tones) -> tuple[Line, ...]:
    calm, warning, alarm = tones
    count = tally(moment.findings)
    critical = any(each.severity is Severity.CRITICAL for each in flat(moment.findings))
    tone = alarm if critical else warning if count.loud else calm
    return ((TextSpan(f"ALERTS {count.loud}", tone),), (TextSpan(f"▲ {count.loud}", tone),))


# The first line: where we are and who owns the VIP.


class StatusHeader(Painted):
    """One bar over the whole width; red in production."""

    PART = ScreenPart.HEADER

    def draw(self, moment: ViewState, width: int, height: int) -> tuple[Line, ...]:
        return (header(moment, width),)
