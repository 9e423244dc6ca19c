"""The nodes as machines: reached, disk, clocks, files; and a node that is connected and reports nothing."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated
from iamops.judge.rules.base import (
    SETTLED_AFTER_S,
    Answer,
    RuleInput,
    each_live,
    evidence_at,
    evidence_of,
    live,
    nodes,
    probed,
    reason_of,
    rule,
    unheard,
)
from iamops.model.facts import HostReport, LinkState, Severity
from iamops.model.observed import UNKNOWN_AFTER_S, Freshness, Known, Observed, Unknown, is_pending
from iamops.model.state import NodeState
from iamops.model.text import counted

DISK_FULL_PCT = 90.0
# What is left then is the reserve of root, if anything.
NO_ROOM_PCT = 99.0
NO_ROOM = "nothing can be written there: logs stop, Redis refuses writes, databases stall"
CLOCK_SKEW_MS = 500.0
OFF_BY = "how far off its clock is"
AS_PROFILE = "whether its files are what the profile asks for"
# Every command of a collector has given up by then.
SILENT_AFTER_S = 6.0
SHOWN = 3
# So many of its sources must have failed, beside the silence: a console that slept has heard nothing either.
FAILED = 2
SILENT_CAUSES = (
    "a login shell that runs nothing (nologin, ForceCommand) or is slow to start, sshd that opens no session "
    "(MaxSessions), or a way back that loses large packets (MTU)"
)
Sources: TypeAlias = tuple[tuple[Observed[object], ...], ...]


@rule("node-unreachable", "serving-unseen")
def node_unreachable(view: RuleInput, now: float) -> Iterator[Answer]:
    """A node that still answers its peers or a client is serving: that is the finding then."""
    for node in nodes(view):
        # When time is up, a connection that has not come is given up.
        given_up = view.final and node.link.state is LinkState.CONNECTING
        if node.link.state is not LinkState.DOWN and not given_up:
            continue
        reason = node.link.reason or ("not connected in time" if view.final else "no reason known")
        served, failed = _from_outside(view, node, now)
        code, title = "node-unreachable", f"{node.name} cannot be seen"
        if served:
            code, title = "serving-unseen", f"{node.name} cannot be reached over SSH, but it is serving"
        evidence = (evidence_at(node.link.since, reason, "SSH", node.name, now), *(served or failed[:SHOWN]))
        # The link's own advice: a command of ours, or something that a person has to look at.
        step = node.link.next_step
        if not step:
            step = f"look: ssh to {node.name} from here, and its console"
        elif not step.startswith(("iamops ", "look: ", "nothing to do")):
            step = f"look: {step.removeprefix('look at ')}"
        yield Finding(code, Severity.WARNING, title, evidence, step, node.name)


def _from_outside(view: RuleInput, node: NodeState, now: float) -> tuple[list[Evidence], list[Evidence]]:
    """What others still got from it after its link was lost, and what they tried in vain."""
    since = 0.0 if node.last_event_at is None else node.link.since or 0.0
    served, failed = [], []
    for service, by_peers in node.from_peers.items():
        for peer, seen in by_peers.items():
            if isinstance(seen, Unknown):
                continue
            result = probed(seen, f"{service} on {node.name}", "HTTP", peer, now)
            if not seen.value.ok:
                failed.append(result)
            elif seen.at >= since and view.state.nodes[peer].freshness(now) is Freshness.LIVE:
                served.append(result)
    for name, seen in view.state.client.items():
        if isinstance(seen, Known) and seen.value.ok and seen.value.answered_by == node.name and seen.at >= since:
            served.append(probed(seen, f"{name} answered by {node.name}", "HTTP from this machine", None, now))
    return served, failed


@each_live("how full its disk is", "disk-full")
def disk(view: RuleInput, node: NodeState, now: float) -> Iterator[Answer]:
    used = node.host.value.disk_used_pct if isinstance(node.host, Known) else None
    if used is None:
        yield NotEvaluated("disk-full", "how full its disk is", _host_reason(node), node.name)
    elif used >= DISK_FULL_PCT:
        severity, means = how_full(used)
        yield Finding(
            "disk-full",
            severity,
            f"disk of {node.name} is {used:.0f} % full",
            (evidence_of(node.host, f"/ is {used:.0f} % full", "df -P", node.name, now),),
            f"look: du -x /var on {node.name}",
            node.name,
            about=About(subject="/"),
            means=means,
        )


def how_full(used_pct: float) -> tuple[Severity, str]:
    """How bad that is, and what it means for writers."""
    return (Severity.CRITICAL, NO_ROOM) if used_pct >= NO_ROOM_PCT else (Severity.WARNING, "")


@each_live(OFF_BY, "clock-skew")
def clock(view: RuleInput, node: NodeState, now: float) -> Iterator[Answer]:
    known = _clock(node)
    if known is None:
        yield NotEvaluated("clock-skew", OFF_BY, _host_reason(node), node.name)
        return
    offset_ms, uncertainty_ms = known
    far = _far(offset_ms, uncertainty_ms)
    if far is None:
        what = f"whether its clock is more than {CLOCK_SKEW_MS:.0f} ms off"
        because = f"{offset_ms:.0f} ms ± {uncertainty_ms:.0f} ms was measured"
        yield NotEvaluated("clock-skew", what, because, node.name)
    elif far:
        title, step = (
            f"clock of {node.name} is {offset_ms / 1000:+.1f} s off ours",
            f"look: timedatectl on {node.name}",
        )
        yield Finding("clock-skew", Severity.WARNING, title, (_offset(node, now),), step, node.name)


@rule("clocks-apart")
def clocks_apart(view: RuleInput, now: float) -> Iterator[Answer]:
    """Tokens that one node signs are rejected by another: what counts is their distance, not ours.

    Where just one of the two is off our clock, clock-skew says which, and says it all.
    """
    yield from unheard(view, now, ("clocks-apart",), "how far its clock is from the other nodes'")
    known = [(node, offset) for node in live(view, now) if (offset := _clock(node)) is not None]
    for (one, (one_ms, one_unsure_ms)), (other, (other_ms, other_unsure_ms)) in itertools.combinations(known, 2):
        # Each offset is uncertain, so their difference must be certain.
        apart_ms, unsure_ms = one_ms - other_ms, one_unsure_ms + other_unsure_ms
        far = _far(apart_ms, unsure_ms)
        if far is None:
            because = f"{apart_ms:.0f} ms ± {unsure_ms:.0f} ms was measured"
            yield NotEvaluated("clocks-apart", f"whether the clocks of {one.name} and {other.name} agree", because)
        one_is_off = (_far(one_ms, one_unsure_ms) is True) != (_far(other_ms, other_unsure_ms) is True)
        if far and not one_is_off:
            title = f"the clocks of {one.name} and {other.name} are {abs(apart_ms) / 1000:.1f} s apart"
            evidence = (_offset(one, now), _offset(other, now))
            step = f"look: timedatectl on {one.name} and {other.name}"
            about, both = About(subject=f"{one.name} {other.name}"), (one.name, other.name)
            yield Finding("clocks-apart", Severity.WARNING, title, evidence, step, about=about, touches=both)


def _far(offset_ms: float, uncertainty_ms: float) -> bool | None:
    """None: it may be more than CLOCK_SKEW_MS, or less."""
    if abs(offset_ms) - uncertainty_ms > CLOCK_SKEW_MS:
        return True
    return None if abs(offset_ms) + uncertainty_ms > CLOCK_SKEW_MS else False


def _clock(node: NodeState) -> tuple[float, float] | None:
    """Its offset and how uncertain that is, in ms; None where it is not known."""
    if isinstance(node.host, Unknown) or node.host.value.clock_offset_ms is None:
        return None
    return node.host.value.clock_offset_ms, node.host.value.clock_uncertainty_ms or 0.0


def _offset(node: NodeState, now: float) -> Evidence:
    host = node.host.value if isinstance(node.host, Known) else HostReport()
    value = f"clock offset {host.clock_offset_ms} ms ± {host.clock_uncertainty_ms} ms"
    return evidence_of(node.host, value, "date, compared with this machine", node.name, now)


def _host_reason(node: NodeState) -> str:
    return reason_of(node.host) if isinstance(node.host, Unknown) else "the node does not tell it"


@each_live(AS_PROFILE, "config-drift")
def config_drift(view: RuleInput, node: NodeState, now: float) -> Iterator[Answer]:
    """Not while a push is in place that is still to be confirmed: then files differ on purpose."""
    pushing = isinstance(node.safety, Known) and node.safety.value.dead_men
    if isinstance(node.config, Unknown):
        yield NotEvaluated("config-drift", AS_PROFILE, reason_of(node.config), node.name)
    elif (differing := node.config.value.differing) and not pushing:
        verb = "differs" if len(differing) == 1 else "differ"
        title = f"{node.name}: {counted(len(differing), 'file')} {verb} from the profile"
        evidence = tuple(evidence_of(node.config, path, "file compared", node.name, now) for path in differing)
        yield Finding("config-drift", Severity.WARNING, title, evidence, "iamops config diff", node.name)


@rule("node-silent")
def node_silent(view: RuleInput, now: float) -> Iterator[Answer]:
    """A node that is connected and reports nothing: not down, not well, and not a matter of time."""
    for node in nodes(view):
        if node.link.state is not LinkState.UP or not is_silent(view, node, now):
            continue
        own = [seen for source in _sources(node) for seen in source]
        lost = Counter(seen.reason for seen in own if isinstance(seen, Unknown) and not is_pending(seen))
        # The reason that most of it has first. It has been so since the connection stands, as far as known.
        reasons = [evidence_at(node.link.since, why, "SSH", node.name, now) for why, _ in lost.most_common(SHOWN)]
        # Its link may have said something a moment ago: what counts is when a command last did.
        since = max((seen.at for seen in own if isinstance(seen, Known)), default=node.link.since)
        what = "no answer yet" if since is None else f"no answer for {now - since:.0f} s"
        if reasons:
            what = reasons[0].value
        yield Finding(
            "node-silent",
            Severity.CRITICAL,
            f"{node.name} is connected over SSH and tells nothing of itself: {what}",
            (evidence_at(node.link.since, "connected", "SSH", node.name, now), *reasons),
            f"look: time ssh {node.name} id, with the user and key of the profile",
            node.name,
            cause=SILENT_CAUSES,
        )


RULES = (node_unreachable, disk, clock, clocks_apart, config_drift, node_silent)


def is_silent(view: RuleInput, node: NodeState, now: float) -> bool:
    """No command's result is known although there was time for it, or nothing at all came for long."""
    since = node.link.since if node.link.since is not None else now
    sources = _sources(node)
    own = [seen for source in sources for seen in source]
    if now - max(since, node.last_event_at or since) > UNKNOWN_AFTER_S:
        failed = [s for s in sources if s and all(isinstance(e, Unknown) and not is_pending(e) for e in s)]
        if len(failed) >= FAILED:
            return True
    inspection = view.inspection.nodes.get(node.name) if view.inspection is not None else None
    if any(isinstance(seen, Known) for seen in own) or (inspection is not None and inspection.any):
        return False
    if view.final or inspection is not None:
        return True
    tried = now - since >= SETTLED_AFTER_S and not any(is_pending(seen) for seen in own)
    return tried or now - since >= SILENT_AFTER_S


def _sources(node: NodeState) -> Sources:
    """What commands on the node report. Health is not among it: sshd forwards connections without any."""
    units, vrrp = tuple(node.units.values()), tuple(node.vrrp.values())
    return (node.addresses,), (node.host,), (node.safety,), units, vrrp
