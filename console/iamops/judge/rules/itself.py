"""iamops itself: parts that fail and are begun again, parts that stand still, rules that cannot be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from iamops.judge.findings import Evidence, Finding, NotEvaluated
from iamops.judge.rules.base import Answer, Rule, RuleInput, evidence_at, nodes
from iamops.judge.triage.correlate import with_consequences
from iamops.model.facts import LinkState, Severity
from iamops.model.state import Flooded
from iamops.model.text import counted
from iamops.redact.clean import fault_of_ours

REPORT_IT = "look: run iamops again with IAMOPS_DEBUG=1, and report what it prints"
LOOK_IT = "look: is this machine overloaded, or its disk hung? then start iamops anew"


def failing(view: RuleInput, now: float) -> Iterator[Answer]:
    for fault in view.state.faults.values():
        ago_s = max(0.0, now - fault.at)
        if fault.still:
            title = f"{fault.part} stands still: what iamops shows of it is old"
            evidence = (Evidence(fault.reason, "iamops", fault.node, ago_s),)
            yield Finding("part-still", Severity.CRITICAL, title, evidence, LOOK_IT, fault.node)
        else:
            title = f"{fault.part} fails, by a fault of iamops"
            often = counted(fault.count, "time")
            evidence = (Evidence(f"{fault.reason} ({often})", "iamops", fault.node, ago_s),)
            yield Finding("part-failing", Severity.WARNING, title, evidence, REPORT_IT, fault.node)


RULES = (Rule(("part-failing", "part-still"), failing),)


def _whole(view: RuleInput, answer: Answer) -> Answer:
    """A finding knows what it rests on, and what it is for users."""
    return with_consequences(view.state.profile, answer) if isinstance(answer, Finding) else answer


def evaluated(rules: Iterable[Rule], view: RuleInput, now: float) -> Iterator[Answer]:
    """What the rules answer. One that fails has not been asked, which is told; the others are asked as before."""
    for rule in rules:
        try:
            answers = tuple(rule.ask(view, now))
            yield from (_whole(view, each) for each in answers)
        except Exception as error:
            fault = fault_of_ours(error)
            yield from (NotEvaluated(code, "what this rule looks at", fault) for code in rule.codes)
            evidence = (Evidence(fault, "iamops", None, 0.0),)
            title = f"{rule.codes[0]} cannot be judged, by a fault of iamops"
            yield Finding("part-failing", Severity.WARNING, title, evidence, REPORT_IT)


# The way between us and a node: a login that takes long, sources that say more than can be taken in.

LOGIN_SLOW_S = 3.0
# Where all logins are slow, this machine or its way out is.
LOGIN_TIMES = 3.0
# A source that flooded is begun again after a while: whether it still does shows then.
FLOOD_RECENT_S = 60.0


def login_slow(view: RuleInput, now: float) -> Iterator[Answer]:
    """Each command behind a login is as quick as ever: what is slow is coming back after a lost link."""
    logins = [(n, n.link.login_s) for n in nodes(view) if n.link.state is LinkState.UP]
    known = [(node, took_s) for node, took_s in logins if took_s is not None]
    for node, took_s in known:
        others = [each for other, each in known if other is not node]
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


def node_floods(view: RuleInput, now: float) -> Iterator[Answer]:
    for node in nodes(view):
        recent = {s: f for s, f in node.floods.items() if now - f.at <= FLOOD_RECENT_S}
        if recent:
            yield Finding(
                "node-floods",
                Severity.WARNING,
                f"{node.name} says more than can be taken in: {_newest(recent.values()).reason}",
                tuple(evidence_at(f.at, f"{s}: {f.reason}", "SSH", node.name, now) for s, f in recent.items()),
                f"look: ip monitor address, and journalctl --follow, on {node.name}: what comes again and again?",
                node.name,
                cause="something changes addresses or units in a loop, or a program answers in place of the tool",
            )


LINK_RULES = (Rule(("login-slow",), login_slow), Rule(("node-floods",), node_floods))


def _newest(floods: Iterable[Flooded]) -> Flooded:
    return max(floods, key=lambda each: each.at)
