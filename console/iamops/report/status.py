"""The `iamops.status/1` document: a state and a time turned into the JSON others rely on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import TypeVar

from iamops.judge.findings import Finding
from iamops.model.exit_code import ExitCode
from iamops.model.facts import HostReport, LinkState, ProbeReport, TlsReport, UnitReport, VrrpReport
from iamops.model.observed import Freshness, Observed, Unknown
from iamops.model.state import ClusterState, NodeState
from iamops.model.timestamps import rfc3339
from iamops.model.vip import owned_since, ownership
from iamops.report.text import Json

T = TypeVar("T")


def exit_code(document: Json) -> ExitCode:
    """4 where no node was reached, or where one is connected and answers nothing."""
    none_up = all(node["link"] != LinkState.UP for node in document["nodes"].values())
    silent = any(finding["code"] == "node-silent" for finding in document["findings"])
    return ExitCode.UNREACHABLE if none_up or silent else ExitCode.OK


def status_document(state: ClusterState, findings: Iterable[Finding], now: float) -> Json:
    """The whole cluster. Unknown values are null, with `<name>_unknown` giving the reason.

    Of the findings a cause comes before what it explains, in the order of the console and of triage.
    """
    return {
        "schema": "iamops.status/1",
        "at": rfc3339(now),
        "profile": state.profile.name,
        "environment": str(state.profile.environment),
        "vip": _vip(state, state.profile.instance.name, now),
        "vips": {name: _vip(state, name, now) for name in state.profile.vrrp},
        "nodes": {name: _node(state, node, now) for name, node in state.nodes.items()},
        "datastores": {
            store: {"from": {name: _datastore(state.nodes[name], seen, now) for name, seen in views.items()}}
            for store, views in state.datastores.items()
        },
        "findings": list(_with_causes(findings, None)),
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
        document["error"] = _error(report)
        if report.host:
            document |= {"asked": report.host, "error": f"{document['error']} ({report.host})"}
    return document


def _error(report: ProbeReport) -> str:
    return f"{report.outcome}: {report.detail}" if report.detail else str(report.outcome)


def _while_reachable(node: NodeState, seen: Observed[T], now: float) -> Observed[T]:
    """A node that has not been heard for too long has no values, only reasons."""
    if node.freshness(now) is not Freshness.UNKNOWN:
        return seen
    return Unknown(node.link.reason or f"{node.name} was not heard yet")


def _node(state: ClusterState, node: NodeState, now: float) -> Json:
    age_s = None if node.last_event_at is None else round(max(0.0, now - node.last_event_at), 1)
    document: Json = {"link": str(node.link.state), "age_s": age_s, "freshness": str(node.freshness(now))}
    if node.link.state is not LinkState.UP:
        document |= {"link_error": node.link.kind, "link_unknown": node.link.reason}
    document["keepalived"] = _keepalived(state, node, now)
    document["nginx"] = {
        **_unit(_while_reachable(node, node.units[state.profile.nginx.unit], now)),
        "http": {domain: _http(_while_reachable(node, seen, now)) for domain, seen in node.domains.items()},
    }
    document["services"] = {name: _service(state, node, name, now) for name in node.services}
    # A port only answers to a connection: there is no status.
    ports = {str(port): _http(_while_reachable(node, seen, now)) for port, seen in node.ports.items()}
    document["needed_ports"] = {
        port: {key: value for key, value in probe.items() if key != "status"} for port, probe in ports.items()
    }
    if node.certificates:
        document["certificates"] = {
            str(port): _certificate(_while_reachable(node, seen, now)) for port, seen in node.certificates.items()
        }
    document["requests"] = _requests(node, now)
    document["host"] = _host(node, now)
    return document


def _keepalived(state: ClusterState, node: NodeState, now: float) -> Json:
    document = _unit(_while_reachable(node, node.units[state.profile.keepalived.unit], now))
    instances = {name: _instance(_while_reachable(node, seen, now)) for name, seen in node.vrrp.items()}
    document |= instances[state.profile.instance.name]
    if len(instances) > 1:
        document["instances"] = instances
    addresses = _while_reachable(node, node.addresses, now)
    if isinstance(addresses, Unknown):
        return document | {"addresses": None, "addresses_unknown": addresses.reason}
    vips = [vrrp.address for vrrp in state.profile.vrrp.values()]
    return document | {"addresses": [vip for vip in vips if vip in addresses.value]}


def _instance(seen: Observed[VrrpReport]) -> Json:
    if isinstance(seen, Unknown):
        names = ("state", "priority", "effective_priority", "last_transition")
        return dict.fromkeys(names) | {"state_unknown": seen.reason}
    report = seen.value
    return {
        "state": str(report.state),
        "priority": report.priority,
        "effective_priority": report.effective_priority,
        "last_transition": _time(report.last_transition),
        "source": report.source,
        **({"no_dump": report.no_dump} if report.no_dump else {}),
    }


def _unit(seen: Observed[UnitReport]) -> Json:
    if isinstance(seen, Unknown):
        return {"active": None, "active_unknown": seen.reason}
    return {"active": seen.value.running, "unit_state": f"{seen.value.active} ({seen.value.sub})"}


def _certificate(seen: Observed[TlsReport]) -> Json:
    if isinstance(seen, Unknown):
        return {"not_after": None, "not_after_unknown": seen.reason}
    report = seen.value
    if report.certificate is None:
        return {"not_after": None, "not_after_unknown": report.probe.detail or str(report.probe.outcome)}
    found = report.certificate
    return {
        "subject": found.subject,
        "names": list(found.names),
        "not_before": _time(found.not_before),
        "not_after": _time(found.not_after),
        "trusted": not report.untrusted,
        **({"trusted": None, "trusted_unknown": report.unasked} if report.unasked else {}),
    }


def _http(seen: Observed[ProbeReport]) -> Json:
    if isinstance(seen, Unknown):
        return {"ok": None, "ok_unknown": seen.reason, "status": None, "latency_ms": None}
    report = seen.value
    document: Json = {"ok": report.ok, "status": report.status, "latency_ms": report.latency_ms}
    return document if report.ok else document | {"error": _error(report)}


def _service(state: ClusterState, node: NodeState, name: str, now: float) -> Json:
    probe = _http(_while_reachable(node, node.services[name], now))
    document = _unit(_while_reachable(node, node.units[state.profile.services[name].unit], now))
    document |= {"healthy": probe["ok"], "latency_ms": probe["latency_ms"]}
    for key, new in (("ok_unknown", "healthy_unknown"), ("error", "error")):
        if key in probe:
            document[new] = probe[key]
    views = {peer: _while_reachable(state.nodes[peer], seen, now) for peer, seen in node.from_peers[name].items()}
    document["from_peers"] = {
        peer: None if isinstance(seen, Unknown) else seen.value.ok for peer, seen in views.items()
    }
    reasons = {peer: seen.reason for peer, seen in views.items() if isinstance(seen, Unknown)}
    return document | ({"from_peers_unknown": reasons} if reasons else {})


def _requests(node: NodeState, now: float) -> Json:
    seen = _while_reachable(node, node.requests, now)
    if isinstance(seen, Unknown):
        return {"total": None, "rate_per_s": None, "by_status": None, "total_unknown": seen.reason}
    count, rate = seen.value, node.rate_per_s(now)
    document: Json = {"total": count.total, "rate_per_s": None if rate is None else round(rate, 2)}
    if rate is None:
        document["rate_per_s_unknown"] = "not watched for long enough yet"
    return document | {
        "by_status": dict(count.by_class),
        "probes": count.probes,
        "unparsed": count.unparsed,
    }


def _host(node: NodeState, now: float) -> Json:
    names = [field.name for field in fields(HostReport)]
    seen = _while_reachable(node, node.host, now)
    if isinstance(seen, Unknown):
        return dict.fromkeys(names) | {"unknown": seen.reason}
    return {name: getattr(seen.value, name) for name in names}


def _datastore(observer: NodeState, seen: Observed[ProbeReport], now: float) -> str | None:
    """`ok`, what went wrong, or null where the observing node cannot tell."""
    shown = _while_reachable(observer, seen, now)
    return None if isinstance(shown, Unknown) else str(shown.value.outcome)


def _with_causes(findings: Iterable[Finding], cause: str | None) -> Iterator[Json]:
    for finding in findings:
        yield {
            "code": finding.code,
            "severity": str(finding.severity),
            "title": finding.title,
            "node": finding.node,
            "evidence": [str(evidence) for evidence in finding.evidence],
            "means": finding.means or None,
            "next": finding.next,
            "explained_by": cause,
        }
        yield from _with_causes(finding.explains, finding.code)
