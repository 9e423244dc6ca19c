"""The nodes as machines: reached, disk, clocks, files."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated
from iamops.judge.rules.base import (
    SETTLED_AFTER_S,
    Answer,
    Rule,
    RuleInput,
    evidence_at,
    evidence_of,
    live,
    nodes,
    probed,
    reason_of,
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


def node_unreachable(view: RuleInput, now: float) -> Iterator[Answer]:
    """One that its peers or a client still get answers from is serving: that is said instead."""
    for node in nodes(view):
        if not _unseen(view, node):
            continue
        reason = node.link.reason or ("not connected in time" if view.final else "no reason known")
        evidence = [evidence_at(node.link.since, reason, "SSH", node.name, now)]
        serving = _served(view, node, now)
        if serving:
            title = f"{node.name} cannot be reached over SSH, but it is serving"
            code = "serving-unseen"
        else:
            title = f"{node.name} cannot be seen"
            code = "node-unreachable"
        evidence += serving or _tried(view, node, now)
        yield Finding(code, Severity.WARNING, title, tuple(evidence), _ssh_step(node), node.name)


def _unseen(view: RuleInput, node: NodeState) -> bool:
    """Whoever has looked for as long as he would does not wait for a connection that has not come."""
    return node.link.state is LinkState.DOWN or (view.final and node.link.state is LinkState.CONNECTING)


def disk(view: RuleInput, now: float) -> Iterator[Answer]:
    yield from unheard(view, now, ("disk-full",), "how full its disk is")
    for node in live(view, now):
        used = node.host.value.disk_used_pct if isinstance(node.host, Known) else None
        if used is None:
            yield NotEvaluated("disk-full", "how full its disk is", _host_reason(node), node.name)
        elif used >= DISK_FULL_PCT:
            title = f"disk of {node.name} is {used:.0f} % full"
            evidence = (evidence_of(node.host, f"/ is {used:.0f} % full", "df -P", node.name, now),)
            step = f"look: du -x /var on {node.name}"
            severity, means = how_full(used)
            about = About(subject="/")
            yield Finding("disk-full", severity, title, evidence, step, node.name, about=about, means=means)


def how_full(used_pct: float) -> tuple[Severity, str]:
    """How bad that is, and what it means for those who write there."""
    return (Severity.CRITICAL, NO_ROOM) if used_pct >= NO_ROOM_PCT else (Severity.WARNING, "")


def clock(view: RuleInput, now: float) -> Iterator[Answer]:
    yield from unheard(view, now, ("clock-skew",), "how far off its clock is")
    for node in live(view, now):
        host = node.host.value if isinstance(node.host, Known) else HostReport()
        if host.clock_offset_ms is None:
            yield NotEvaluated("clock-skew", "how far off its clock is", _host_reason(node), node.name)
        elif _far(host.clock_offset_ms, host.clock_uncertainty_ms) is None:
            because = f"{host.clock_offset_ms:.0f} ms ± {host.clock_uncertainty_ms or 0:.0f} ms was measured"
            yield NotEvaluated(
                "clock-skew", f"whether its clock is more than {CLOCK_SKEW_MS:.0f} ms off", because, node.name
            )
        elif _far(host.clock_offset_ms, host.clock_uncertainty_ms):
            title = f"clock of {node.name} is {host.clock_offset_ms / 1000:+.1f} s off ours"
            step = f"look: timedatectl on {node.name}"
            yield Finding("clock-skew", Severity.WARNING, title, (_offset(node, now),), step, node.name)


def clocks_apart(view: RuleInput, now: float) -> Iterator[Answer]:
    """Tokens that one node signs are rejected by another: what counts is their distance, not ours.

    Where just one of the two is off our clock, clock-skew says which, and says it all.
    """
    yield from unheard(view, now, ("clocks-apart",), "how far its clock is from the other nodes'")
    known = [(n, clock) for n in live(view, now) if (clock := _clock(n)) is not None]
    for (one, (one_ms, one_unsure_ms)), (other, (other_ms, other_unsure_ms)) in itertools.combinations(known, 2):
        apart_ms, unsure_ms = one_ms - other_ms, one_unsure_ms + other_unsure_ms
        # Each offset is uncertain by itself, so their difference must be certain.
        told_already = (_far(one_ms, one_unsure_ms) is True) != (_far(other_ms, other_unsure_ms) is True)
        far = _far(apart_ms, unsure_ms)
        if far is None:
            because = f"{apart_ms:.0f} ms ± {unsure_ms:.0f} ms was measured"
            yield NotEvaluated("clocks-apart", f"whether the clocks of {one.name} and {other.name} agree", because)
        if not far or told_already:
            continue
        title = f"the clocks of {one.name} and {other.name} are {abs(apart_ms) / 1000:.1f} s apart"
        evidence = (_offset(one, now), _offset(other, now))
        step = f"look: timedatectl on {one.name} and {other.name}"
        about, both = About(subject=f"{one.name} {other.name}"), (one.name, other.name)
        yield Finding("clocks-apart", Severity.WARNING, title, evidence, step, about=about, touches=both)


def _far(offset_ms: float, unsure_ms: float | None) -> bool | None:
    """None: it may be more than CLOCK_SKEW_MS, or less."""
    least, most = abs(offset_ms) - (unsure_ms or 0.0), abs(offset_ms) + (unsure_ms or 0.0)
    return True if least > CLOCK_SKEW_MS else None if most > CLOCK_SKEW_MS else False


def config_drift(view: RuleInput, now: float) -> Iterator[Answer]:
    """Not while a push is in place that is still to be confirmed: then files differ on purpose."""
    yield from unheard(view, now, ("config-drift",), "whether its files are what the profile asks for")
    for node in live(view, now):
        pushing = isinstance(node.safety, Known) and node.safety.value.dead_men
        if isinstance(node.config, Unknown):
            what = "whether its files are what the profile asks for"
            yield NotEvaluated("config-drift", what, reason_of(node.config), node.name)
        elif (differing := node.config.value.differing) and not pushing:
            verb = "differs" if len(differing) == 1 else "differ"
            title = f"{node.name}: {counted(len(differing), 'file')} {verb} from the profile"
            evidence = tuple(evidence_of(node.config, path, "file compared", node.name, now) for path in differing)
            yield Finding("config-drift", Severity.WARNING, title, evidence, "iamops config diff", node.name)


RULES = (
    Rule(("node-unreachable", "serving-unseen"), node_unreachable),
    Rule(("disk-full",), disk),
    Rule(("clock-skew",), clock),
    Rule(("clocks-apart",), clocks_apart),
    Rule(("config-drift",), config_drift),
)


def _served(view: RuleInput, node: NodeState, now: float) -> list[Evidence]:
    """What others still got from it after its link was lost."""
    since = 0.0 if node.last_event_at is None else node.link.since or 0.0
    found = [
        probed(seen, f"{service} on {node.name}", "HTTP", peer, now)
        for service, views in node.from_peers.items()
        for peer, seen in views.items()
        if view.state.nodes[peer].freshness(now) is Freshness.LIVE
        and isinstance(seen, Known)
        and seen.value.ok
        and seen.at >= since
    ]
    for name, seen in view.state.client.items():
        if isinstance(seen, Known) and seen.value.ok and seen.value.answered_by == node.name and seen.at >= since:
            found.append(probed(seen, f"{name} answered by {node.name}", "HTTP from this machine", None, now))
    return found


def _tried(view: RuleInput, node: NodeState, now: float) -> list[Evidence]:
    """What others tried in vain."""
    return [
        probed(seen, f"{service} on {node.name}", "HTTP", peer, now)
        for service, views in node.from_peers.items()
        for peer, seen in views.items()
        if isinstance(seen, Known) and not seen.value.ok
    ][:3]


def _ssh_step(node: NodeState) -> str:
    """The link's own advice: a command of ours, or something that a person has to look at."""
    step = node.link.next_step
    if not step:
        return f"look: ssh to {node.name} from here, and its console"
    own = step.startswith(("iamops ", "look: ", "nothing to do"))
    return step if own else f"look: {step.removeprefix('look at ')}"


def _offset(node: NodeState, now: float) -> Evidence:
    host = node.host.value if isinstance(node.host, Known) else HostReport()
    value = f"clock offset {host.clock_offset_ms} ms ± {host.clock_uncertainty_ms} ms"
    return evidence_of(node.host, value, "date, compared with this machine", node.name, now)


def _clock(node: NodeState) -> tuple[float, float] | None:
    """Its offset and how uncertain that is, in ms; None where it is not known."""
    if isinstance(node.host, Unknown) or node.host.value.clock_offset_ms is None:
        return None
    return node.host.value.clock_offset_ms, node.host.value.clock_uncertainty_ms or 0.0


def _host_reason(node: NodeState) -> str:
    return reason_of(node.host) if isinstance(node.host, Unknown) else "the node does not tell it"


# A node that is connected and tells nothing of itself: not down, not well, and not a matter of time.

# Every command of a collector has given up by then.
SILENT_AFTER_S = 6.0
SHOWN = 3
# So many of its sources must have failed, beside the silence: a console that slept has heard nothing either.
FAILED = 2
CAUSES = (
    "a login shell that runs nothing (nologin, ForceCommand) or is slow to start, sshd that opens no session "
    "(MaxSessions), or a way back that loses large packets (MTU)"
)


def node_silent(view: RuleInput, now: float) -> Iterator[Answer]:
    for node in nodes(view):
        if node.link.state is LinkState.UP and is_silent(view, node, now):
            reasons = _reasons(node, now)
            what = reasons[0].value if reasons else _quiet(node, now)
            yield Finding(
                "node-silent",
                Severity.CRITICAL,
                f"{node.name} is connected over SSH and tells nothing of itself: {what}",
                (evidence_at(node.link.since, "connected", "SSH", node.name, now), *reasons),
                f"look: time ssh {node.name} id, with the user and key of the profile",
                node.name,
                cause=CAUSES,
            )


def is_silent(view: RuleInput, node: NodeState, now: float) -> bool:
    """Nothing that a command told is known, and it is not for want of time; or nothing came at all for long."""
    since = node.link.since if node.link.since is not None else now
    own = tuple(_own(node))
    if now - max(since, node.last_event_at or since) > UNKNOWN_AFTER_S and len(_failed(node)) >= FAILED:
        return True
    look = view.inspection.nodes.get(node.name) if view.inspection is not None else None
    if any(isinstance(seen, Known) for seen in own) or (look is not None and look.any):
        return False
    if view.final or look is not None:
        return True
    tried = now - since >= SETTLED_AFTER_S and not any(is_pending(seen) for seen in own)
    return tried or now - since >= SILENT_AFTER_S


def _sources(node: NodeState) -> tuple[tuple[Observed[Any], ...], ...]:
    """What commands on the node tell of it. Health is not among that: sshd forwards connections without any."""
    units, vrrp = tuple(node.units.values()), tuple(node.vrrp.values())
    return (node.addresses,), (node.host,), (node.safety,), units, vrrp


def _own(node: NodeState) -> Iterator[Observed[Any]]:
    return (seen for source in _sources(node) for seen in source)


def _lost(seen: Observed[Any]) -> bool:
    return isinstance(seen, Unknown) and not is_pending(seen)


def _failed(node: NodeState) -> tuple[tuple[Observed[Any], ...], ...]:
    return tuple(source for source in _sources(node) if source and all(map(_lost, source)))


def _reasons(node: NodeState, now: float) -> tuple[Evidence, ...]:
    """Why, the reason that most of it has first. It has been so since the connection stands, as far as known."""
    told = Counter(seen.reason for seen in _own(node) if isinstance(seen, Unknown) and _lost(seen))
    return tuple(
        evidence_at(node.link.since, reason, "SSH", node.name, now) for reason, _ in told.most_common(SHOWN)
    )


def _quiet(node: NodeState, now: float) -> str:
    """For how long no command told anything: its link may have said something a moment ago."""
    told = [seen.at for seen in _own(node) if isinstance(seen, Known)]
    since = max(told, default=node.link.since)
    return "no answer yet" if since is None else f"no answer for {now - since:.0f} s"


SILENT_RULES = (Rule(("node-silent",), node_silent),)
