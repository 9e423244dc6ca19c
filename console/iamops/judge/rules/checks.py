"""keepalived's check script: can it be run, is it trusted, does it end in time, does it see a dead nginx?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import Answer, RuleInput, evidence_at, evidence_of, reason_of
from iamops.judge.rules.inspection import (
    NO_LOOK,
    age_s,
    each_journal,
    each_node,
    inspection_of,
    lately,
    line,
    of_kind,
    since_start,
)
from iamops.judge.rules.keepalived import RECENT_S, SHOWN, Journal, journal
from iamops.model.facts import Severity, VrrpReport, VrrpState
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


def unrunnable(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    """126 and 127 are a shell's; keepalived 2.2 calls a script that it could not execute itself passed."""
    unit = view.state.profile.keepalived.unit
    bad = [each for each in _standing(seen.value, unit) if each.kind is JournalEventKind.SCRIPT_UNRUNNABLE]
    bad += _exec_errors(view, node, seen.value, now)
    if bad:
        yield Finding(
            "check-unrunnable",
            Severity.CRITICAL,
            f"keepalived's check on {node.name} cannot be run: {bad[-1].subject}",
            tuple(line(node, each, now) for each in bad[-SHOWN:]),
            "iamops config lint",
            node.name,
            cause="the script, its interpreter or a tool in it is missing or not executable",
        )


def timing_out(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    unit = view.state.profile.keepalived.unit
    standing = [e for e in _standing(seen.value, unit) if e.kind is JournalEventKind.SCRIPT_TIMED_OUT]
    recent = [e for e in _timeouts(seen.value, unit) if lately(node, e.at, RECENT_S, now)]
    if not standing and len(recent) < TIMEOUTS_MANY:
        return
    shown = standing or recent
    often = "did not end in time when it was last run" if standing else f"timed out {len(recent)} times"
    yield Finding(
        "script-timeout",
        Severity.WARNING,
        f"keepalived's check on {node.name} {often}: {shown[-1].subject}",
        tuple(line(node, each, now) for each in shown[-SHOWN:]),
        f"look: journalctl -u {unit} on {node.name}",
        node.name,
        cause="nginx hangs, the node is overloaded, or the time limit is too short",
    )


def distrusted(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    """The daemon says so when it starts; of one that started long ago `keepalived -t` tells."""
    unit = view.state.profile.keepalived.unit
    own = since_start(seen.value, unit)
    evidence = [line(node, each, now) for each in own if each.kind is JournalEventKind.SCRIPT_REFUSED]
    look = inspection_of(view, node)
    checks = look.checks if look is not None else NO_LOOK
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
    if report.value.running or down_s < _seen_within_s(view):
        return
    for name, vrrp in node.vrrp.items():
        if isinstance(vrrp, Known) and vrrp.value.state in (VrrpState.MASTER, VrrpState.BACKUP):
            if _weighed(vrrp.value):
                continue
            state = vrrp.value.state
            yield Finding(
                "check-blind",
                Severity.CRITICAL,
                f"{unit} {being(report.value.active)} on {node.name}, and keepalived there is still {state}",
                (
                    evidence_at(now - down_s, f"{unit} {being(report.value.active)}", "systemd", node.name, now),
                    evidence_of(vrrp, f"{name} is {state}", f"keepalived's {vrrp.value.source}", node.name, now),
                ),
                "iamops config lint",
                node.name,
                cause="the check cannot tell a dead nginx, or is not run at all",
                about=About(instance=name),
            )


RULES = (
    each_node("check-unrunnable", "whether its check script can be run", journal, unrunnable),
    each_journal("script-timeout", "whether its check script ends in time", RECENT_S, timing_out),
    each_node("script-insecure", "whether keepalived trusts its scripts", journal, distrusted),
    each_node("check-blind", "whether keepalived's check sees a dead nginx", journal, sees_nothing),
)


def _weighed(report: VrrpReport) -> bool:
    """A check with a weight has seen it and takes from the priority; whether that is enough lint tells (K007)."""
    base, effective = report.priority, report.effective_priority
    return base is not None and effective is not None and effective < base


def _standing(look: JournalInspection, unit: str) -> Sequence[JournalEntry]:
    """The last verdict on each script by the daemon of now: keepalived says only when it changes."""
    last: dict[str, JournalEntry] = {}
    for said in since_start(look, unit):
        if said.kind in VERDICTS and not said.subject.startswith("/"):
            last[said.subject] = said
    return tuple(last.values())


def _exec_errors(view: RuleInput, node: NodeState, look: JournalInspection, now: float) -> list[JournalEntry]:
    """keepalived names the command here, not the script's name in its configuration."""
    unit = view.state.profile.keepalived.unit
    checks = [check for live in all_on(view.state, node.name) for check in live.known_checks]
    every_s = max((check.interval_s for check in checks), default=0)
    return [
        said
        for said in since_start(look, unit)
        if said.kind is JournalEventKind.SCRIPT_UNRUNNABLE
        and said.subject.startswith("/")
        and lately(node, said.at, every_s * RUNS_UNTIL_OVER, now)
    ]


def _timeouts(look: JournalInspection, unit: str) -> list[JournalEntry]:
    """When a script that had not timed out before did. One timeout is told in two lines."""
    found, last = [], dict[str, JournalEventKind]()
    for said in of_kind(look, unit, *VERDICTS):
        if (
            said.kind is JournalEventKind.SCRIPT_TIMED_OUT
            and last.get(said.subject) is not JournalEventKind.SCRIPT_TIMED_OUT
        ):
            found.append(said)
        last[said.subject] = said.kind
    return found


def _seen_within_s(view: RuleInput) -> float:
    lives = [live for node in view.state.nodes for live in all_on(view.state, node)]
    return max((decision_s(live) + CHECK_SLACK_S for live in lives), default=0.0)
