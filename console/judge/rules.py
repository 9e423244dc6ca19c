"""The rules that watch the live state: each looks at one thing and answers with findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from console.judge.findings import Finding
from console.model.facts import LinkState, ProbeOutcome, Severity, VrrpState
from console.model.observed import Freshness
from console.model.state import ClusterState, NodeState
from console.model.vip import owned_since, ownership

# A planned move is over within a second, and for a moment its witnesses disagree; trouble lasts.
SETTLED_AFTER_S = 1.0
DISK_FULL_PCT = 90.0
CLOCK_SKEW_MS = 500.0

Rule = Callable[[ClusterState, float], Iterable[Finding]]
_RANK = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


def findings(state: ClusterState, now: float) -> tuple[Finding, ...]:
    """Everything the rules have to say now, the worst first."""
    said = [finding for rule in RULES for finding in rule(state, now)]
    return tuple(sorted(said, key=lambda finding: _RANK[finding.severity]))


def split_brain(state: ClusterState, now: float) -> Iterator[Finding]:
    for name, vrrp in state.profile.vrrp.items():
        owners = ownership(state, name, now).owners
        if len(owners) < 2 or not _settled(max(owned_since(state, name, o) for o in owners), now):
            continue
        nodes = " and ".join(owner.node for owner in owners)
        yield Finding(
            "split-brain",
            Severity.CRITICAL,
            f"VIP {vrrp.address} is on {nodes} at once",
            tuple(f"{o.node}: has {vrrp.address} for {now - owned_since(state, name, o):.0f} s" for o in owners),
            "look: nft list ruleset on both nodes; VRRP is IP protocol 112",
        )


def no_owner(state: ClusterState, now: float) -> Iterator[Finding]:
    """Only said when every node was seen: an unseen node may well be the owner."""
    for name, vrrp in state.profile.vrrp.items():
        seen = ownership(state, name, now)
        if seen.owners or seen.unseen or not _settled(state.lost_at.get(name), now):
            continue
        if any(node.freshness(now) is not Freshness.LIVE for node in _nodes(state)):
            continue
        states = tuple(f"{n.name}: keepalived {_vrrp_word(n, name)}" for n in _nodes(state))
        yield Finding(
            "vip-nowhere",
            Severity.CRITICAL,
            f"no node holds VIP {vrrp.address}",
            states,
            "iamops status",
        )


def witnesses_disagree(state: ClusterState, now: float) -> Iterator[Finding]:
    """The kernel's addresses against keepalived's own state, per live node."""
    for node in _live(state, now):
        for name, vrrp in state.profile.vrrp.items():
            report, held = node.vrrp[name], node.addresses.value
            if held is None:
                continue
            has, since = vrrp.address in held, held.get(vrrp.address, now)
            daemon = report.value.state if report.value else None
            entered = (report.value.last_transition if report.value else None) or 0.0
            left = max(entered, state.lost_at.get(name, 0.0))
            if daemon is VrrpState.MASTER and not has and _settled(left, now):
                yield _disagree("master-without-address", node, vrrp.address, "MASTER", "not on the kernel")
            elif has and daemon is not VrrpState.MASTER and _settled(since, now):
                word = _vrrp_word(node, name)
                yield _disagree("address-without-master", node, vrrp.address, word, "on the kernel")


def client_dark(state: ClusterState, now: float) -> Iterator[Finding]:
    for name, seen in state.client.items():
        report = seen.value
        if report is None or report.ok or (seen.age_s(now) or 0.0) > 5.0:
            continue
        yield Finding(
            "client-dark",
            Severity.CRITICAL,
            f"a client gets no good answer from {_client_address(state, name)}",
            (f"{report.outcome}: {report.detail}" if report.detail else str(report.outcome),),
            "iamops status",
        )


def node_unreachable(state: ClusterState, now: float) -> Iterator[Finding]:
    for node in _nodes(state):
        if node.link.state is not LinkState.DOWN:
            continue
        yield Finding(
            "node-unreachable",
            Severity.WARNING,
            f"{node.name} cannot be seen",
            (node.link.reason or "no reason known",),
            node.link.next_step or "iamops status",
            node.name,
        )


def standby_in_fault(state: ClusterState, now: float) -> Iterator[Finding]:
    """A node in FAULT takes nothing over: the pair looks fine until it is needed."""
    for node in _live(state, now):
        for name, seen in node.vrrp.items():
            if seen.value is None or seen.value.state is not VrrpState.FAULT:
                continue
            title = f"{node.name} is in FAULT and would not take the VIP ({name})"
            evidence = (f"keepalived: FAULT, from its {seen.value.source}",)
            look = f"look: journalctl -u {state.profile.keepalived.unit} on {node.name}"
            yield Finding("vrrp-fault", Severity.WARNING, title, evidence, look, node.name)


def units_down(state: ClusterState, now: float) -> Iterator[Finding]:
    for node in _live(state, now):
        for unit, seen in node.units.items():
            if seen.value is None or seen.value.running:
                continue
            yield Finding(
                "unit-down",
                Severity.CRITICAL if unit == state.profile.nginx.unit else Severity.WARNING,
                f"{unit} is {seen.value.active} on {node.name}",
                (f"systemd: {seen.value.active} ({seen.value.sub})",),
                f"look: journalctl -u {unit} on {node.name}",
                node.name,
            )


def health_failing(state: ClusterState, now: float) -> Iterator[Finding]:
    """Processes that run and yet do not answer as they should."""
    for node in _live(state, now):
        if _unit_running(node, state.profile.nginx.unit):
            yield from _domains_failing(node)
        for name, service in state.profile.services.items():
            seen = node.services.get(name)
            report = seen.value if seen else None
            if report is None or report.ok or not _unit_running(node, service.unit):
                continue
            title = f"{name} on {node.name} runs but is not healthy: {report.outcome}"
            evidence = (f"{service.health} on port {service.port}: {report.detail or report.outcome}",)
            look = f"look: journalctl -u {service.unit} on {node.name}"
            yield Finding("service-unhealthy", Severity.WARNING, title, evidence, look, node.name)


def loopback_only(state: ClusterState, now: float) -> Iterator[Finding]:
    """Healthy at home, refused from every peer: round robin silently loses that backend."""
    for node in _live(state, now):
        for name, service in state.profile.services.items():
            own = node.services.get(name)
            views = [v.value for v in node.from_peers.get(name, {}).values() if v.value is not None]
            if own is None or own.value is None or not own.value.ok or not views:
                continue
            if any(view.ok for view in views):
                continue
            title = f"{name} on {node.name} answers locally but not to its peers"
            evidence = tuple(f"from a peer: {view.outcome} {view.detail}".rstrip() for view in views)
            look = f"look: ss -ltn on {node.name}: is port {service.port} bound to 127.0.0.1?"
            yield Finding("backend-not-reachable", Severity.WARNING, title, evidence, look, node.name)


def datastores_failing(state: ClusterState, now: float) -> Iterator[Finding]:
    for store, views in state.datastores.items():
        for observer, seen in views.items():
            report = seen.value
            if report is None or report.ok or state.nodes[observer].freshness(now) is not Freshness.LIVE:
                continue
            denied = report.outcome is ProbeOutcome.HOST_NOT_ALLOWED
            code = "datastore-host-not-allowed" if denied else "datastore-down"
            title = f"{store} seen from {observer}: {report.outcome}"
            home = state.profile.datastores[store].node
            look = f"look: the grants for {observer} on {home}" if denied else f"look: {store} on {home}"
            yield Finding(code, Severity.CRITICAL, title, (report.detail or title,), look, observer)


def host_trouble(state: ClusterState, now: float) -> Iterator[Finding]:
    for node in _live(state, now):
        host = node.host.value
        if host is None:
            continue
        if host.disk_used_pct is not None and host.disk_used_pct >= DISK_FULL_PCT:
            title = f"disk of {node.name} is {host.disk_used_pct:.0f} % full"
            yield Finding("disk-full", Severity.WARNING, title, ("df -P /",), "look: du -x /var", node.name)
        if host.clock_offset_ms is not None and abs(host.clock_offset_ms) > CLOCK_SKEW_MS:
            title = f"clock of {node.name} is {host.clock_offset_ms / 1000:+.1f} s off ours"
            evidence = (f"offset {host.clock_offset_ms} ms ± {host.clock_uncertainty_ms} ms",)
            yield Finding("clock-skew", Severity.WARNING, title, evidence, "look: timedatectl", node.name)


RULES: tuple[Rule, ...] = (
    split_brain,
    no_owner,
    witnesses_disagree,
    client_dark,
    node_unreachable,
    standby_in_fault,
    units_down,
    health_failing,
    loopback_only,
    datastores_failing,
    host_trouble,
)


def _disagree(code: str, node: NodeState, vip: str, daemon: str, kernel: str) -> Finding:
    title = f"{node.name}: keepalived says {daemon}, VIP {vip} is {kernel}"
    evidence = (f"keepalived: {daemon}", f"kernel addresses: {vip} {kernel}")
    return Finding(code, Severity.CRITICAL, title, evidence, f"look: ip addr on {node.name}", node.name)


def _domains_failing(node: NodeState) -> Iterator[Finding]:
    bad = {d: s.value for d, s in node.domains.items() if s.value is not None and not s.value.ok}
    if not bad:
        return
    hung = all(report.outcome is ProbeOutcome.TIMEOUT for report in bad.values())
    title = f"nginx on {node.name} " + ("accepts but does not answer" if hung else "answers badly")
    evidence = tuple(f"{d}: {r.outcome} {r.detail}".rstrip() for d, r in bad.items())
    code = "nginx-hung" if hung else "nginx-bad-answers"
    yield Finding(code, Severity.CRITICAL, title, evidence, "iamops status", node.name)


def _nodes(state: ClusterState) -> Iterable[NodeState]:
    return state.nodes.values()


def _live(state: ClusterState, now: float) -> Iterator[NodeState]:
    """Only what is heard now may be judged."""
    return (node for node in _nodes(state) if node.freshness(now) is Freshness.LIVE)


def _settled(since: float | None, now: float) -> bool:
    return since is None or now - since >= SETTLED_AFTER_S


def _unit_running(node: NodeState, unit: str) -> bool:
    seen = node.units.get(unit)
    return bool(seen and seen.value and seen.value.running)


def _vrrp_word(node: NodeState, instance: str) -> str:
    seen = node.vrrp[instance]
    return str(seen.value.state) if seen.value else (seen.reason or "unknown")


def _client_address(state: ClusterState, name: str) -> str:
    vrrp = state.profile.vrrp.get(name)
    return f"VIP {vrrp.address}" if vrrp else f"public address {state.profile.public_address}"
