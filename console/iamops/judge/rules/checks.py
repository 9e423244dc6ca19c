"""keepalived's check script: can it be run, is it trusted, does it end in time, does it see a dead nginx?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import (
    NO_LOOK,
    Answer,
    RuleInput,
    age_s,
    each_journal,
    each_node,
    evidence_at,
    evidence_of,
    inspection_of,
    journal,
    lately,
    line,
    of_kind,
    reason_of,
)
from iamops.judge.rules.keepalived import RECENT_S, SHOWN, Journal
from iamops.model.facts import Severity, VrrpState
from iamops.model.inspection import JournalEntry, JournalEventKind, JournalInspection
from iamops.model.observed import Known, Unknown
from iamops.model.state import NodeState
from iamops.model.text import being
from iamops.parse.config_files import complaints
from iamops.plan.vrrp_timing import all_on, decision_s

TIMEOUTS_MANY = 2
# A check looks every interval and fails only after `fall` bad runs; so much is added for slow runs.
CHECK_SLACK_S = 2.0
# An exec error is logged at every run: when so many intervals passed without one it is over.
RUNS_UNTIL_OVER = 3
VERDICTS = (
    JournalEventKind.SCRIPT_UNRUNNABLE,
    JournalEventKind.SCRIPT_TIMED_OUT,
    JournalEventKind.SCRIPT_FAILED,
    JournalEventKind.SCRIPT_PASSED,
)


@each_node("whether its check script can be run", journal, "check-unrunnable")
def unrunnable(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    """126 and 127 are a shell's; keepalived 2.2 calls a script that it could not execute itself passed."""
    unit = view.state.profile.keepalived.unit
    bad = [entry for entry in _last_verdicts(seen.value, unit) if entry.kind is JournalEventKind.SCRIPT_UNRUNNABLE]
    # Of an exec error keepalived names the command, not the script's name in its configuration.
    checks = [check for live in all_on(view.state, node.name) for check in live.known_checks]
    over_s = max((check.interval_s for check in checks), default=0) * RUNS_UNTIL_OVER
    bad += [
        entry
        for entry in _since_start(seen.value, unit)
        if entry.kind is JournalEventKind.SCRIPT_UNRUNNABLE
        and entry.subject.startswith("/")
        and lately(node, entry.at, over_s, now)
    ]
    if bad:
        yield Finding(
            "check-unrunnable",
            Severity.CRITICAL,
            f"keepalived's check on {node.name} cannot be run: {bad[-1].subject}",
            tuple(line(node, entry, now) for entry in bad[-SHOWN:]),
            "iamops config lint",
            node.name,
            cause="the script, its interpreter or a tool in it is missing or not executable",
        )


@each_journal("whether its check script ends in time", RECENT_S, "script-timeout")
def timing_out(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    unit, timed_out = view.state.profile.keepalived.unit, JournalEventKind.SCRIPT_TIMED_OUT
    standing = [entry for entry in _last_verdicts(seen.value, unit) if entry.kind is timed_out]
    # One timeout is two lines: only the first after another verdict counts.
    recent, last = [], dict[str, JournalEventKind]()
    for entry in of_kind(seen.value, unit, *VERDICTS):
        again = last.get(entry.subject) is timed_out
        if entry.kind is timed_out and not again and lately(node, entry.at, RECENT_S, now):
            recent.append(entry)
        last[entry.subject] = entry.kind
    if not standing and len(recent) < TIMEOUTS_MANY:
        return
    shown = standing or recent
    often = "did not end in time when it was last run" if standing else f"timed out {len(recent)} times"
    yield Finding(
        "script-timeout",
        Severity.WARNING,
        f"keepalived's check on {node.name} {often}: {shown[-1].subject}",
        tuple(line(node, entry, now) for entry in shown[-SHOWN:]),
        f"look: journalctl -u {unit} on {node.name}",
        node.name,
        cause="nginx hangs, the node is overloaded, or the time limit is too short",
    )


@each_node("whether keepalived trusts its scripts", journal, "script-insecure")
def distrusted(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    """The daemon says so when it starts; of one that started long ago `keepalived -t` tells."""
    own = _since_start(seen.value, view.state.profile.keepalived.unit)
    evidence = [line(node, entry, now) for entry in own if entry.kind is JournalEventKind.SCRIPT_REFUSED]
    inspection = inspection_of(view, node.name)
    checks = inspection.checks if inspection is not None else NO_LOOK
    for check in checks.value if isinstance(checks, Known) else ():
        if check.daemon == "keepalived":
            found = [c for c in complaints(check) if c.kind == "security"]
            evidence += [evidence_of(checks, c.message, "keepalived -t", node.name, now) for c in found]
    if evidence:
        yield Finding(
            "script-insecure",
            Severity.CRITICAL,
            f"keepalived on {node.name} does not trust its check script, and does not run it",
            tuple(evidence[:SHOWN]),
            "iamops config lint",
            node.name,
            cause="the script, or a directory above it, can be changed by someone other than root",
        )


@each_node("whether keepalived's check sees a dead nginx", journal, "check-blind")
def sees_nothing(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    """nginx has been down for longer than its check needs to see it, and keepalived is not in FAULT."""
    unit = view.state.profile.nginx.unit
    report = node.units.get(unit)
    if report is None or isinstance(report, Unknown):
        why = f"{unit}: {reason_of(report) if report else 'not watched'}"
        yield NotEvaluated("check-blind", "whether keepalived's check sees a dead nginx", why, node.name)
        return
    ends = of_kind(seen.value, unit, JournalEventKind.STOPPED, JournalEventKind.CRASHED)
    since = ends[-1].at if ends else seen.value.since
    down_s = age_s(node, since if since is not None else now, now)
    lives = [live for name in view.state.nodes for live in all_on(view.state, name)]
    seen_within_s = max((decision_s(live) + CHECK_SLACK_S for live in lives), default=0.0)
    if report.value.running or down_s < seen_within_s:
        return
    for name, vrrp in node.vrrp.items():
        if isinstance(vrrp, Unknown) or vrrp.value.state not in (VrrpState.MASTER, VrrpState.BACKUP):
            continue
        # A check with a weight has seen it and takes from the priority; whether that is enough lint says (K007).
        state, base, effective = vrrp.value.state, vrrp.value.priority, vrrp.value.effective_priority
        if base is not None and effective is not None and effective < base:
            continue
        down = f"{unit} {being(report.value.active)}"
        yield Finding(
            "check-blind",
            Severity.CRITICAL,
            f"{down} on {node.name}, and keepalived there is still {state}",
            (
                evidence_at(now - down_s, down, "systemd", node.name, now),
                evidence_of(vrrp, f"{name} is {state}", f"keepalived's {vrrp.value.source}", node.name, now),
            ),
            "iamops config lint",
            node.name,
            cause="the check cannot tell a dead nginx, or is not run at all",
            about=About(instance=name),
        )


RULES = (unrunnable, timing_out, distrusted, sees_nothing)


def _since_start(entries: JournalInspection, unit: str) -> Sequence[JournalEntry]:
    """What the unit's process of now has logged: everything since it was last started."""
    own = [entry for entry in entries.entries if entry.unit == unit]
    ends = [n for n, entry in enumerate(own) if entry.kind in (JournalEventKind.STOPPED, JournalEventKind.CRASHED)]
    return own[ends[-1] + 1 :] if ends else own


def _last_verdicts(entries: JournalInspection, unit: str) -> list[JournalEntry]:
    """The last verdict on each script by the daemon of now: keepalived logs one only when it changes."""
    last: dict[str, JournalEntry] = {}
    for entry in _since_start(entries, unit):
        if entry.kind in VERDICTS and not entry.subject.startswith("/"):
            last[entry.subject] = entry
    return list(last.values())
