"""The `iamops.status/1` document: a state and a time turned into the JSON others rely on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from iamops.judge.findings import Finding
from iamops.model.facts import LinkState, ProbeReport, TlsReport
from iamops.model.observed import Freshness, Observed, Unknown
from iamops.model.state import ClusterState, NodeState
from iamops.model.timestamps import rfc3339
from iamops.model.vip import owned_since, ownership

SCHEMA = "iamops.status/1"
Json = dict[str, Any]


def status_document(state: ClusterState, findings: Iterable[Finding], now: float) -> Json:
    """The whole cluster. Unknown values are null, with `<name>_unknown` giving the reason.

    Of the findings a cause comes before what it explains, in the order of the console and of triage.
    """
    return {
        "schema": SCHEMA,
        "at": rfc3339(now),
        "profile": state.profile.name,
        "environment": str(state.profile.environment),
        "vip": _vip(state, state.profile.instance.name, now),
        "vips": {name: _vip(state, name, now) for name in state.profile.vrrp},
        "nodes": {name: _node(state, node, now) for name, node in state.nodes.items()},
        "datastores": {
            store: {"from": {n: _datastore(state.nodes[n], seen, now) for n, seen in views.items()}}
            for store, views in state.datastores.items()
        },
        "findings": list(_tree(tuple(findings), None)),
    }


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)


def _vip(state: ClusterState, instance: str, now: float) -> Json:
    seen = ownership(state, instance, now)
    document: Json = {
        "address": state.profile.vrrp[instance].address,
        "owners": [claim.node for claim in seen.owners],
        "since": _time(max((owned_since(state, instance, c) for c in seen.owners), default=None)),
        "client": _client(state.client[instance]),
    }
    if seen.unseen:
        document["unseen"] = list(seen.unseen)
    if not seen.owners and seen.unseen:
        document |= {"owners": None, "owners_unknown": f"not seen: {', '.join(seen.unseen)}"}
    return document


def _client(seen: Observed[ProbeReport]) -> Json:
    if isinstance(seen, Unknown):
        return {"ok": None, "ok_unknown": seen.reason, "node": None, "latency_ms": None}
    report = seen.value
    document: Json = {"ok": report.ok, "node": report.answered_by, "latency_ms": report.latency_ms}
    if report.ok and report.answered_by is None:
        document["node_unknown"] = "the answer carries no X-Served-By header"
    if not report.ok:
        document["error"] = f"{report.outcome}: {report.detail}" if report.detail else str(report.outcome)
        if report.host:
            document |= {"asked": report.host, "error": f"{document['error']} ({report.host})"}
    return document


def _node(state: ClusterState, node: NodeState, now: float) -> Json:
    """A node that is not heard has no values, only reasons."""
    blind = _blind(node, now)
    document: Json = {"link": str(node.link.state), "age_s": _age(node.last_event_at, now)}
    document["freshness"] = str(node.freshness(now))
    if node.link.state is not LinkState.UP:
        document |= {"link_error": node.link.kind, "link_unknown": node.link.reason}
    document["keepalived"] = _keepalived(state, node, blind)
    document["nginx"] = {
        **_unit(node, state.profile.nginx.unit, blind),
        "http": {domain: _http(seen, blind) for domain, seen in node.domains.items()},
    }
    document["services"] = {name: _service(state, node, name, now) for name in node.services}
    document["needed_ports"] = {str(port): _port(seen, blind) for port, seen in node.ports.items()}
    if node.certificates:
        document["certificates"] = {str(port): _certificate(s, blind) for port, s in node.certificates.items()}
    document["requests"] = _requests(node, blind, now)
    document["host"] = _host(node, blind)
    return document


def _blind(node: NodeState, now: float) -> str | None:
    """Why nothing of this node can be told now; None while it is heard."""
    if node.freshness(now) is not Freshness.UNKNOWN:
        return None
    return node.link.reason or f"{node.name} was not heard yet"


def _missing(blind: str | None, seen: Observed[Any]) -> str | None:
    """Why there is no value; None where there is one."""
    return blind or (seen.reason if isinstance(seen, Unknown) else None)


def _keepalived(state: ClusterState, node: NodeState, blind: str | None) -> Json:
    document = _unit(node, state.profile.keepalived.unit, blind)
    instances = {name: _instance(seen, blind) for name, seen in node.vrrp.items()}
    document |= instances[state.profile.instance.name]
    if len(instances) > 1:
        document["instances"] = instances
    vips = [vrrp.address for vrrp in state.profile.vrrp.values()]
    if (why := _missing(blind, node.addresses)) or isinstance(node.addresses, Unknown):
        return document | {"addresses": None, "addresses_unknown": why}
    return document | {"addresses": [vip for vip in vips if vip in node.addresses.value]}


def _instance(seen: Observed[Any], blind: str | None) -> Json:
    if (why := _missing(blind, seen)) or isinstance(seen, Unknown):
        names = ("state", "priority", "effective_priority", "last_transition")
        return dict.fromkeys(names) | {"state_unknown": why}
    report = seen.value
    return {
        "state": str(report.state),
        "priority": report.priority,
        "effective_priority": report.effective_priority,
        "last_transition": _time(report.last_transition),
        "source": report.source,
        **({"no_dump": report.no_dump} if report.no_dump else {}),
    }


def _unit(node: NodeState, unit: str, blind: str | None) -> Json:
    seen = node.units[unit]
    if (why := _missing(blind, seen)) or isinstance(seen, Unknown):
        return {"active": None, "active_unknown": why}
    return {"active": seen.value.running, "unit_state": f"{seen.value.active} ({seen.value.sub})"}


def _certificate(seen: Observed[TlsReport], blind: str | None) -> Json:
    if (why := _missing(blind, seen)) or isinstance(seen, Unknown):
        return {"not_after": None, "not_after_unknown": why}
    report = seen.value
    if report.certificate is None:
        return {"not_after": None, "not_after_unknown": report.probe.detail or str(report.probe.outcome)}
    found = report.certificate
    trusted = {"trusted": None, "trusted_unknown": report.unasked} if report.unasked else {}
    return {
        "subject": found.subject,
        "names": list(found.names),
        "not_before": _time(found.not_before),
        "not_after": _time(found.not_after),
        "trusted": not report.untrusted,
        **trusted,
    }


def _http(seen: Observed[ProbeReport], blind: str | None) -> Json:
    if (why := _missing(blind, seen)) or isinstance(seen, Unknown):
        return {"ok": None, "ok_unknown": why, "status": None, "latency_ms": None}
    report = seen.value
    document: Json = {"ok": report.ok, "status": report.status, "latency_ms": report.latency_ms}
    if not report.ok:
        document["error"] = f"{report.outcome}: {report.detail}" if report.detail else str(report.outcome)
    return document


def _port(seen: Observed[ProbeReport], blind: str | None) -> Json:
    """A port that only answers to a connection: there is no status."""
    return {key: told for key, told in _http(seen, blind).items() if key != "status"}


def _service(state: ClusterState, node: NodeState, name: str, now: float) -> Json:
    blind = _blind(node, now)
    probe = _http(node.services[name], blind)
    document = _unit(node, state.profile.services[name].unit, blind)
    document |= {"healthy": probe["ok"], "latency_ms": probe["latency_ms"]}
    for key, new in (("ok_unknown", "healthy_unknown"), ("error", "error")):
        if key in probe:
            document[new] = probe[key]
    views = {peer: _peer(state.nodes[peer], seen, now) for peer, seen in node.from_peers[name].items()}
    document["from_peers"] = {peer: ok for peer, (ok, _) in views.items()}
    reasons = {peer: reason for peer, (_, reason) in views.items() if reason}
    if reasons:
        document["from_peers_unknown"] = reasons
    return document


def _peer(peer: NodeState, seen: Observed[ProbeReport], now: float) -> tuple[bool | None, str | None]:
    blind = _blind(peer, now)
    if (why := _missing(blind, seen)) or isinstance(seen, Unknown):
        return None, why
    return seen.value.ok, None


def _requests(node: NodeState, blind: str | None, now: float) -> Json:
    if (why := _missing(blind, node.requests)) or isinstance(node.requests, Unknown):
        unknown = {"total_unknown": why}
        return {"total": None, "rate_per_s": None, "by_status": None} | unknown
    count, rate = node.requests.value, node.rate_per_s(now)
    document: Json = {"total": count.total, "rate_per_s": None if rate is None else round(rate, 2)}
    if rate is None:
        document["rate_per_s_unknown"] = "not watched for long enough yet"
    return document | {
        "by_status": dict(count.by_class),
        "probes": count.probes,
        "unparsed": count.unparsed,
    }


def _host(node: NodeState, blind: str | None) -> Json:
    names = ("load1", "memory_used_pct", "disk_used_pct", "clock_offset_ms", "clock_uncertainty_ms")
    if (why := _missing(blind, node.host)) or isinstance(node.host, Unknown):
        return dict.fromkeys(names) | {"unknown": why}
    return {name: getattr(node.host.value, name) for name in names}


def _datastore(observer: NodeState, seen: Observed[ProbeReport], now: float) -> str | None:
    """`ok`, what went wrong, or null where the observing node cannot tell."""
    if _blind(observer, now) or isinstance(seen, Unknown):
        return None
    return str(seen.value.outcome)


def _tree(findings: tuple[Finding, ...], cause: Finding | None) -> Iterator[Json]:
    for finding in findings:
        yield _finding(finding) | {"explained_by": cause.code if cause is not None else None}
        yield from _tree(finding.explains, finding)


def _finding(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "title": finding.title,
        "node": finding.node,
        "evidence": [str(each) for each in finding.evidence],
        "means": finding.means or None,
        "next": finding.next,
    }


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else round(max(0.0, now - at), 1)


def fully_blind(document: Mapping[str, Any]) -> bool:
    """No node at all was reached: the one case in which a status has nothing to say."""
    return all(node["link"] != LinkState.UP for node in document["nodes"].values())


def silent(document: Mapping[str, Any]) -> bool:
    """A node is connected and tells nothing: what is known of the cluster is not all there is."""
    return any(finding["code"] == "node-silent" for finding in document["findings"])
