"""The datastores, as each node is greeted by them."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import (
    Answer,
    RuleInput,
    live,
    not_evaluated,
    probed,
    reason_of,
    rule,
    unheard,
    unit_running,
    unit_stopped,
)
from iamops.model.facts import ProbeOutcome, ProbeReport, Severity
from iamops.model.observed import Known, Unknown
from iamops.model.profile import Datastore, DatastoreKind
from iamops.model.state import NodeState

DOWN = "datastore-down"
# What to look at: of the observer, the store and its home.
REFUSALS = {
    ProbeOutcome.HOST_NOT_ALLOWED: ("datastore-host-not-allowed", "look: the grants for {observer} on {home}"),
    ProbeOutcome.TOO_MANY_CONNECTIONS: (
        "datastore-too-many-connections",
        "look: who is connected to {store} on {home} (SHOW PROCESSLIST)",
    ),
    ProbeOutcome.WRITE_ERRORS: ("datastore-write-errors", "look: df -h and the log of {store} on {home}"),
}
CODES = (DOWN, *(code for code, _ in REFUSALS.values()))
# A server that wants a password first does not say whether it can write.
ASKS = "password"


@rule(*CODES)
def greeted(view: RuleInput, now: float) -> Iterator[Answer]:
    yield from unheard(view, now, CODES, "whether it reaches the datastores")
    for store in view.state.profile.datastores.values():
        for observer in live(view, now):
            seen = view.state.datastores[store.name][observer.name]
            if isinstance(seen, Unknown):
                what = f"whether {observer.name} reaches {store.name}"
                yield from not_evaluated(CODES, what, reason_of(seen), observer.name)
            elif not seen.value.ok:
                yield _failing(view, store, observer, seen, now)
            elif store.kind is DatastoreKind.REDIS and ASKS in seen.value.detail:
                why = f"{store.name} {seen.value.detail} before it says anything else"
                yield NotEvaluated("datastore-write-errors", f"whether {store.name} can write", why, observer.name)


def _failing(
    view: RuleInput, store: Datastore, observer: NodeState, seen: Known[ProbeReport], now: float
) -> Finding:
    profile, outcome = view.state.profile, seen.value.outcome
    code, step, cause = DOWN, _step(view, store, observer), ""
    if outcome in REFUSALS:
        code, look = REFUSALS[outcome]
        step = look.format(observer=observer.name, store=store.name, home=store.node)
    # The server names the host that it refused: a VIP as source is no grant's fault.
    vips = [vrrp.address for vrrp in profile.vrrp.values() if f"'{vrrp.address}'" in seen.value.detail]
    if vips and outcome is ProbeOutcome.HOST_NOT_ALLOWED:
        cause = (
            f"{observer.name} comes from VIP {vips[0]}, not from its own address: the VIP has become the "
            "primary address of its network; give it a /32 in virtual_ipaddress"
        )
        step = f"look: ip -4 route get {profile.nodes[store.node].address} and ip addr on {observer.name}"
    return Finding(
        code,
        Severity.CRITICAL,
        f"{store.name} seen from {observer.name}: {outcome}",
        (probed(seen, store.name, "greeting", observer.name, now),),
        step,
        observer.name,
        about=About(store=store.name, kind=store.kind),
        touches=(store.node,),
        cause=cause,
    )


@rule("pump-lags")
def pump_lags(view: RuleInput, now: float) -> Iterator[Answer]:
    """The pump moves audit records from Redis to MongoDB: without MongoDB they pile up in memory.

    The service that needs the audit records' store is the pump, whatever its name.
    """
    services = view.state.profile.services.values()
    for store in view.state.profile.datastores.values():
        pump = next((s for s in services if any(need.name == store.name for need in s.needs)), None)
        if store.kind is not DatastoreKind.MONGODB or pump is None:
            continue
        for node in live(view, now):
            if not pump.runs_on(node.name) or not unit_running(node, pump.unit):
                continue
            seen = view.state.datastores[store.name][node.name]
            if isinstance(seen, Unknown):
                what = f"whether {pump.name} reaches {store.name}"
                yield NotEvaluated("pump-lags", what, reason_of(seen), node.name)
            elif not seen.value.ok:
                yield Finding(
                    "pump-lags",
                    Severity.WARNING,
                    f"{pump.name} on {node.name} runs and cannot write to {store.name}: it falls behind",
                    (probed(seen, store.name, "greeting", node.name, now),),
                    _step(view, store, node),
                    node.name,
                    about=About(service=pump.name, store=store.name, kind=store.kind),
                    touches=(store.node,),
                )
    yield from unheard(view, now, ("pump-lags",), "whether its pump can write")


RULES = (greeted, pump_lags)


def _step(view: RuleInput, store: Datastore, observer: NodeState) -> str:
    """Starting is offered where the profile names the unit and it is known to be stopped."""
    home = view.state.nodes[store.node]
    if store.unit and unit_stopped(home, store.unit):
        report = home.units[store.unit]
        if isinstance(report, Known) and report.value.active == "inactive":
            return f"iamops start {store.unit} {store.node}"
    return f"look: {store.name} on {store.node}, and port {store.port} from {observer.name}"
