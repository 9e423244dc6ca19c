"""The datastores, as each node is greeted by them."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import (
    Answer,
    Rule,
    RuleInput,
    live,
    probed,
    reason_of,
    unheard,
    unit_running,
    unit_stopped,
)
from iamops.model.facts import ProbeOutcome, ProbeReport, Severity
from iamops.model.observed import Known, Unknown
from iamops.model.profile import Datastore, DatastoreKind, Service
from iamops.model.state import NodeState

CODES = {
    ProbeOutcome.HOST_NOT_ALLOWED: "datastore-host-not-allowed",
    ProbeOutcome.TOO_MANY_CONNECTIONS: "datastore-too-many-connections",
    ProbeOutcome.WRITE_ERRORS: "datastore-write-errors",
}
DOWN = "datastore-down"
# A server that wants a password first does not say whether it can write.
ASKS = "password"


def greeted(view: RuleInput, now: float) -> Iterator[Answer]:
    codes = (DOWN, *CODES.values())
    yield from unheard(view, now, codes, "whether it reaches the datastores")
    for store in view.state.profile.datastores.values():
        for observer in live(view, now):
            seen = view.state.datastores[store.name][observer.name]
            if isinstance(seen, Unknown):
                what = f"whether {observer.name} reaches {store.name}"
                yield from (NotEvaluated(code, what, reason_of(seen), observer.name) for code in codes)
            elif not seen.value.ok:
                yield _failing(view, store, observer, seen, now)
            elif store.kind is DatastoreKind.REDIS and ASKS in seen.value.detail:
                why = f"{store.name} {seen.value.detail} before it says anything else"
                yield NotEvaluated("datastore-write-errors", f"whether {store.name} can write", why, observer.name)


def pump_lags(view: RuleInput, now: float) -> Iterator[Answer]:
    """The pump moves audit records from Redis to MongoDB: without MongoDB they pile up in memory."""
    for store in view.state.profile.datastores.values():
        if store.kind is not DatastoreKind.MONGODB:
            continue
        for node in live(view, now):
            seen = view.state.datastores[store.name][node.name]
            pump = next((s for s in view.state.profile.services.values() if _writes_to(s, store)), None)
            if pump is None or not pump.runs_on(node.name) or not unit_running(node, pump.unit):
                continue
            if isinstance(seen, Unknown):
                yield NotEvaluated(
                    "pump-lags", f"whether {pump.name} reaches {store.name}", reason_of(seen), node.name
                )
            elif not seen.value.ok:
                title = f"{pump.name} on {node.name} runs and cannot write to {store.name}: it falls behind"
                evidence = (probed(seen, store.name, "greeting", node.name, now),)
                step = _step(view, store, node)
                yield Finding(
                    "pump-lags",
                    Severity.WARNING,
                    title,
                    evidence,
                    step,
                    node.name,
                    about=About(service=pump.name, store=store.name, kind=store.kind),
                    touches=(store.node,),
                )
    yield from unheard(view, now, ("pump-lags",), "whether its pump can write")


RULES = (
    Rule((DOWN, *CODES.values()), greeted),
    Rule(("pump-lags",), pump_lags),
)


def _writes_to(service: Service, store: Datastore) -> bool:
    """Whoever needs the audit records' store is the pump, whatever its name."""
    return any(need.name == store.name for need in service.needs)


def _failing(
    view: RuleInput, store: Datastore, observer: NodeState, seen: Known[ProbeReport], now: float
) -> Finding:
    outcome = seen.value.outcome
    code = CODES.get(outcome, DOWN)
    evidence = (probed(seen, store.name, "greeting", observer.name, now),)
    step = _step(view, store, observer) if code == DOWN else _look(code, store, observer)
    as_vip = _as_vip(view, observer, seen.value.detail) if outcome is ProbeOutcome.HOST_NOT_ALLOWED else ""
    if as_vip:
        home = view.state.profile.nodes[store.node].address
        step = f"look: ip -4 route get {home} and ip addr on {observer.name}"
    title = f"{store.name} seen from {observer.name}: {outcome}"
    return Finding(
        code,
        Severity.CRITICAL,
        title,
        evidence,
        step,
        observer.name,
        about=About(store=store.name, kind=store.kind),
        touches=(store.node,),
        cause=as_vip,
    )


def _as_vip(view: RuleInput, observer: NodeState, said: str) -> str:
    """The server names the host that it refused: a VIP as source is no grant's fault."""
    for vrrp in view.state.profile.vrrp.values():
        if f"'{vrrp.address}'" in said:
            return (
                f"{observer.name} comes from VIP {vrrp.address}, not from its own address: the VIP has become the "
                "primary address of its network; give it a /32 in virtual_ipaddress"
            )
    return ""


def _look(code: str, store: Datastore, observer: NodeState) -> str:
    match code:
        case "datastore-host-not-allowed":
            return f"look: the grants for {observer.name} on {store.node}"
        case "datastore-too-many-connections":
            return f"look: who is connected to {store.name} on {store.node} (SHOW PROCESSLIST)"
        case _:
            return f"look: df -h and the log of {store.name} on {store.node}"


def _step(view: RuleInput, store: Datastore, observer: NodeState) -> str:
    """Starting is offered where the profile names the unit and it is known to be stopped."""
    home = view.state.nodes[store.node]
    if store.unit and unit_stopped(home, store.unit):
        report = home.units[store.unit]
        if isinstance(report, Known) and report.value.active == "inactive":
            return f"iamops start {store.unit} {store.node}"
    return f"look: {store.name} on {store.node}, and port {store.port} from {observer.name}"
