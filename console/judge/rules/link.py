"""The way between us and a node: a login that takes long, sources that say more than can be taken in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.judge.findings import Finding
from console.judge.rules.view import Answer, Rule, View, nodes, said_at
from console.model.facts import LinkState, Severity
from console.model.state import Flooded

LOGIN_SLOW_S = 3.0
# Where all logins are slow, this machine or its way out is.
LOGIN_TIMES = 3.0
# A source that flooded is begun again after a while: whether it still does shows then.
FLOOD_RECENT_S = 60.0


def login_slow(view: View, now: float) -> Iterator[Answer]:
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
                (said_at(node.link.since, value, "SSH", node.name, now),),
                f"look: time ssh {node.name} true, UseDNS in sshd's configuration and what PAM waits for",
                node.name,
                cause="PAM, a name server or a home directory that sshd waits for at each login",
            )


def node_floods(view: View, now: float) -> Iterator[Answer]:
    for node in nodes(view):
        recent = {s: f for s, f in node.floods.items() if now - f.at <= FLOOD_RECENT_S}
        if recent:
            yield Finding(
                "node-floods",
                Severity.WARNING,
                f"{node.name} says more than can be taken in: {_newest(recent.values()).reason}",
                tuple(said_at(f.at, f"{s}: {f.reason}", "SSH", node.name, now) for s, f in recent.items()),
                f"look: ip monitor address, and journalctl --follow, on {node.name}: what comes again and again?",
                node.name,
                cause="something changes addresses or units in a loop, or a program answers in place of the tool",
            )


RULES = (Rule(("login-slow",), login_slow), Rule(("node-floods",), node_floods))


def _newest(floods: Iterable[Flooded]) -> Flooded:
    return max(floods, key=lambda each: each.at)
