"""iamops itself: slow logins, sources that flood, parts that fail or stand still, rules that cannot be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from iamops.judge.findings import Evidence, Finding
from iamops.judge.rules.base import Answer, Rule, RuleInput, evidence_at, nodes, not_evaluated, rule
from iamops.judge.triage.correlate import with_consequences
from iamops.model.facts import LinkState, Severity
from iamops.model.text import counted
from iamops.redact.clean import fault_of_ours

REPORT_IT = "look: run iamops again with IAMOPS_DEBUG=1, and report what it prints"
LOOK_IT = "look: is this machine overloaded, or its disk hung? then start iamops anew"
LOGIN_SLOW_S = 3.0
# Where all logins are slow, this machine or its way out is.
LOGIN_TIMES = 3.0
# A source that flooded is begun again after a while: whether it still does shows then.
FLOOD_RECENT_S = 60.0


def evaluated(rules: Iterable[Rule], view: RuleInput, now: float) -> Iterator[Answer]:
    """What the rules answer; findings know what they rest on, and what they are for users.

    A rule that fails was not evaluated, which is reported; the others are asked as before.
    """
    for asked in rules:
        try:
            for answer in tuple(asked.ask(view, now)):
                yield with_consequences(view.state.profile, answer) if isinstance(answer, Finding) else answer
        except Exception as error:
            fault = fault_of_ours(error)
            yield from not_evaluated(asked.codes, "what this rule looks at", fault)
            evidence = (Evidence(fault, "iamops", None, 0.0),)
            title = f"{asked.codes[0]} cannot be judged, by a fault of iamops"
            yield Finding("part-failing", Severity.WARNING, title, evidence, REPORT_IT)


@rule("login-slow")
def login_slow(view: RuleInput, now: float) -> Iterator[Answer]:
    """Each command behind a login is as quick as ever: what is slow is coming back after a lost link."""
    logins = [(n, n.link.login_s) for n in nodes(view) if n.link.state is LinkState.UP]
    known = [(node, took_s) for node, took_s in logins if took_s is not None]
    for node, took_s in known:
        others = [other_s for other, other_s in known if other is not node]
        if took_s >= LOGIN_SLOW_S and others and took_s > LOGIN_TIMES * min(others):
            value = f"connected {took_s:.1f} s after it was begun"
            yield Finding(
                "login-slow",
                Severity.INFO,
                f"logging in to {node.name} took {took_s:.1f} s",
                (evidence_at(node.link.since, value, "SSH", node.name, now),),
                f"look: time ssh {node.name} true, UseDNS in sshd's configuration and what PAM waits for",
                node.name,
                cause="PAM, a name server or a home directory that sshd waits for at each login",
            )


@rule("node-floods")
def node_floods(view: RuleInput, now: float) -> Iterator[Answer]:
    for node in nodes(view):
        recent = {s: f for s, f in node.floods.items() if now - f.at <= FLOOD_RECENT_S}
        if recent:
            newest = max(recent.values(), key=lambda flood: flood.at)
            yield Finding(
                "node-floods",
                Severity.WARNING,
                f"{node.name} says more than can be taken in: {newest.reason}",
                tuple(evidence_at(f.at, f"{s}: {f.reason}", "SSH", node.name, now) for s, f in recent.items()),
                f"look: ip monitor address, and journalctl --follow, on {node.name}: what comes again and again?",
                node.name,
                cause="something changes addresses or units in a loop, or a program answers in place of the tool",
            )


@rule("part-failing", "part-still")
def failing(view: RuleInput, now: float) -> Iterator[Answer]:
    for fault in view.state.faults.values():
        code, severity, step, reason = "part-failing", Severity.WARNING, REPORT_IT, fault.reason
        title = f"{fault.part} fails, by a fault of iamops"
        if fault.still:
            code, severity, step = "part-still", Severity.CRITICAL, LOOK_IT
            title = f"{fault.part} stands still: what iamops shows of it is old"
        else:
            reason += f" ({counted(fault.count, 'time')})"
        evidence = (Evidence(reason, "iamops", fault.node, max(0.0, now - fault.at)),)
        yield Finding(code, severity, title, evidence, step, fault.node)


RULES = (login_slow, node_floods, failing)
