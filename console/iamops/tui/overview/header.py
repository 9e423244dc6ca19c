"""The status header: where we are, who owns the VIP, how old the values are, what is alarming."""

from __future__ import annotations

from itertools import product

from iamops.judge.findings import flat
from iamops.judge.triage.events import tally
from iamops.model.facts import Severity
from iamops.model.observed import STALE_AFTER_S, Freshness
from iamops.model.profile import Environment
from iamops.tui.overview.witnesses import Witnesses, joined_parts, witnesses
from iamops.tui.toolkit.painted import Painted, ScreenPart, ViewState
from iamops.tui.toolkit.text import Line, TextSpan, Tone, age, clip, first_fitting, fit_line

ENVIRONMENTS = {
    Environment.LAB: "LAB ○",
    Environment.STAGING: "STAGING △",
    Environment.PRODUCTION: "PROD ▲",
}
Tones = tuple[Tone, Tone, Tone]
"""Calm, warning and alarm on the bar."""


class StatusHeader(Painted):
    """One bar over the whole width; red in production."""

    PART = ScreenPart.HEADER

    def draw(self, view: ViewState, width: int, height: int) -> tuple[Line, ...]:
        """One line of exactly `width` cells. What matters least gives way first, the owner never.

        It shows what is so now, also while the screen is paused.
        """
        paused_s, view = view.paused_s, view.present or view
        profile = view.state.profile
        tones = (Tone.BAR, Tone.BAR_WARN, Tone.BAR_ALARM)
        if profile.environment is Environment.PRODUCTION:
            tones = (Tone.PROD, Tone.PROD_WARN, Tone.PROD_ALARM)
        calm = tones[0]
        environment = ENVIRONMENTS[profile.environment]
        names = [(TextSpan(f"{environment} {name}", calm),) for name in (profile.name, clip(profile.name, 12))]
        mode = _mode(view, tones)
        choices = product(names, _alerts(view, tones), _updated(view, paused_s, tones), _owners(view, tones))
        between = TextSpan(" | ", calm)
        lines = (
            (TextSpan(" ", calm), *joined_parts(between, name, owner, mode, updated, alerts))
            for name, alerts, updated, owner in choices
        )
        return (fit_line(first_fitting(lines, width), width, calm),)


def _mode(view: ViewState, tones: Tones) -> Line:
    """Whether a key could change something. Never dropped: the reader may be about to press one."""
    mode = view.mode
    if mode.running:
        return (TextSpan(f"ACTING {mode.done}/{mode.steps}", tones[2]),)
    if mode.armed_s > 0:
        minutes, seconds = divmod(int(mode.armed_s), 60)
        return (TextSpan(f"ARMED {minutes}:{seconds:02}", tones[1]),)
    return (TextSpan("READ-ONLY", tones[0]),)


def _owners(view: ViewState, tones: Tones) -> tuple[Line, ...]:
    """All instances; if they do not fit, the worst one and how many more there are."""
    vips = [witnesses(view.state, name, view.now) for name in view.state.profile.vrrp]
    lines = [_owner(view, vip, tones) for vip in vips]
    worst = min(range(len(vips)), key=lambda n: not (vips[n].split or vips[n].nobody))
    more = (TextSpan(f" +{len(vips) - 1}", tones[0]),) if len(vips) > 1 else ()
    return (joined_parts(TextSpan("  ", tones[0]), *lines), (*lines[worst], *more))


def _owner(view: ViewState, vip: Witnesses, tones: Tones) -> Line:
    calm, warning, alarm = tones
    prefix, owners = f"VIP {vip.address} -> ", " + ".join(vip.owners)
    if vip.split:
        return (TextSpan(f"{prefix}{owners} SPLIT BRAIN", alarm),)
    if len(vip.owners) > 1:  # for a moment, while it is handed over
        return (TextSpan(f"{prefix}{owners}", warning),)
    if vip.nobody:
        return (TextSpan(f"{prefix}NOBODY", alarm),)
    if not vip.owners:
        return (TextSpan(prefix, calm), TextSpan("UNKNOWN", warning))
    node = view.state.nodes[vip.owners[0]]
    if node.freshness(view.now) is Freshness.STALE and node.last_event_at is not None:
        silence = age(view.now - node.last_event_at)
        return (TextSpan(prefix, calm), TextSpan(f"{node.name} STALE {silence}", warning))
    return (TextSpan(f"{prefix}{node.name}", calm),)


def _updated(view: ViewState, paused_s: float | None, tones: Tones) -> tuple[Line, ...]:
    """Age of the newest event from any node: when it grows, the console itself hears nothing."""
    calm, warning, _ = tones
    if paused_s is not None:
        return ((TextSpan(f"PAUSED {age(paused_s)}", warning),),)
    times = [node.last_event_at for node in view.state.nodes.values() if node.last_event_at is not None]
    if not times:
        return ((TextSpan("connecting", warning),), ())
    age_s = max(0.0, view.now - max(times))
    tone = warning if age_s > STALE_AFTER_S else calm
    return ((TextSpan(f"updated {age(age_s)}", tone),), (TextSpan(age(age_s), tone),), ())


def _alerts(view: ViewState, tones: Tones) -> tuple[Line, ...]:
    calm, warning, alarm = tones
    number = tally(view.findings).loud
    critical = any(finding.severity is Severity.CRITICAL for finding in flat(view.findings))
    tone = alarm if critical else warning if number else calm
    return ((TextSpan(f"ALERTS {number}", tone),), (TextSpan(f"▲ {number}", tone),))
