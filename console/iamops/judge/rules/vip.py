"""The VIP and VRRP, as the three live witnesses tell it: kernels, daemons, a client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated
from iamops.judge.rules.base import (
    SETTLED_AFTER_S,
    Answer,
    Rule,
    RuleInput,
    about_unit,
    evidence_at,
    evidence_of,
    live,
    nodes,
    probed,
    reason_of,
    settled,
    unheard,
    unit_running,
    unit_stopped,
    vrrp_word,
)
from iamops.model.contest import is_astray, split_owners
from iamops.model.facts import ProbeReport, Severity, VrrpState
from iamops.model.observed import Freshness, Known, Unknown
from iamops.model.state import ClusterState, NodeState, on_our_clock
from iamops.model.text import lasting
from iamops.model.vip import Claim, owned_since, ownership

CLIENT_FRESH_S = 5.0


def split_brain(view: RuleInput, now: float) -> Iterator[Answer]:
    """Two owners that are seen are two, whoever else is not seen."""
    state = view.state
    for name, vrrp in state.profile.vrrp.items():
        seen = ownership(state, name, now)
        owners = seen.owners
        if len(owners) < 2:
            what = f"whether VIP {vrrp.address} is on two nodes"
            yield from (
                NotEvaluated("split-brain", what, f"{n}'s addresses are not known", n) for n in seen.unseen
            )
            continue
        if not split_owners(state, name, now):
            continue
        astray = [owner.node for owner in owners if _is_astray(view, name, owner.node)]
        yield Finding(
            "split-brain",
            Severity.CRITICAL,
            f"SPLIT BRAIN: VIP {vrrp.address} on {' and '.join(owner.node for owner in owners)}",
            tuple(_holds(state, name, owner, now) for owner in owners),
            _astray_step(view, astray[0])
            if astray
            else "look: nft list ruleset on both nodes; VRRP is IP protocol 112",
            cause=_left_behind(view, astray, name)
            if astray
            else "the nodes do not hear each other's adverts: a firewall, or VRRP settings that differ",
            about=About(instance=name),
            touches=tuple(owner.node for owner in owners),
        )


def _is_astray(view: RuleInput, name: str, node: str) -> bool:
    return is_astray(view.state, name, node) or unit_stopped(
        view.state.nodes[node], view.state.profile.keepalived.unit
    )


def _astray_step(view: RuleInput, node: str) -> str:
    unit = view.state.profile.keepalived.unit
    return (
        f"iamops start {unit} {node}" if unit_stopped(view.state.nodes[node], unit) else f"look: ip addr on {node}"
    )


def _left_behind(view: RuleInput, astray: Sequence[str], name: str) -> str:
    """Why a node has an address that its keepalived does not hold, and what ends that."""
    unit, every = view.state.profile.keepalived.unit, view.state.nodes
    words = {n: "stopped" if unit_stopped(every[n], unit) else vrrp_word(every[n], name) for n in astray}
    states = " and ".join(f"{word} on {node}" for node, word in words.items())
    address = view.state.profile.vrrp[name].address
    return f"keepalived is {states}: {address} was left behind there or set by hand, and stays until it is deleted"


def no_owner(view: RuleInput, now: float) -> Iterator[Answer]:
    """Only said when every node was seen: an unseen node may well be the owner."""
    state = view.state
    for name, vrrp in state.profile.vrrp.items():
        seen = ownership(state, name, now)
        if seen.owners:
            continue
        what = f"whether any node holds VIP {vrrp.address}"
        dark = [n for n in nodes(view) if n.name in seen.unseen or n.freshness(now) is not Freshness.LIVE]
        yield from (NotEvaluated("vip-nowhere", what, f"{n.name}'s addresses are not known", n.name) for n in dark)
        if dark or not settled(state.lost_at.get(name), now):
            continue
        yield Finding(
            "vip-nowhere",
            Severity.CRITICAL,
            f"no node holds VIP {vrrp.address}",
            tuple(
                evidence_of(n.vrrp[name], f"{name}: {vrrp_word(n, name)}", "keepalived", n.name, now)
                for n in nodes(view)
            ),
            _no_owner_step(view, name),
            cause=_no_owner_cause(view, name),
            about=About(instance=name),
        )


def witnesses_disagree(view: RuleInput, now: float) -> Iterator[Answer]:
    """The kernel's addresses against keepalived's own state, per live node."""
    codes = ("master-without-address", "address-without-master")
    yield from unheard(view, now, codes, "whether kernel and keepalived agree on the VIP")
    for node in live(view, now):
        if isinstance(node.addresses, Unknown):
            why = f"addresses of {node.name}: {reason_of(node.addresses)}"
            yield from (
                NotEvaluated(code, "whether kernel and keepalived agree on the VIP", why, node.name)
                for code in codes
            )
            continue
        for name in view.state.profile.vrrp:
            yield from _disagreement(view, node, name, node.addresses.value, now)


def is_overdue(seen: Known[ProbeReport], now: float) -> bool:
    """Has the client's next probe not come when it was promised?"""
    return seen.age_s(now) > CLIENT_FRESH_S + seen.every_s


def client_dark(view: RuleInput, now: float) -> Iterator[Answer]:
    for name, seen in view.state.client.items():
        address = client_address(view.state, name)
        if isinstance(seen, Unknown) or is_overdue(seen, now):
            why = seen.reason if isinstance(seen, Unknown) else f"the last probe is {seen.age_s(now):.0f} s old"
            yield NotEvaluated("client-dark", f"what a client gets from {address}", why)
        elif not seen.value.ok:
            where = f" for {seen.value.host}" if seen.value.host else ""
            title = f"a client gets no good answer from {address}{where}"
            evidence = (probed(seen, "", "HTTP from this machine", None, now), *_owned(view.state, name, now))
            instance = name if name in view.state.profile.vrrp else view.state.profile.instance.name
            about = About(instance=instance, subject="" if name == instance else name)
            holders = tuple(claim.node for claim in ownership(view.state, instance, now).owners)
            step = _dark_step(view, name, address, now)
            yield Finding("client-dark", Severity.CRITICAL, title, evidence, step, about=about, touches=holders)


def standby_in_fault(view: RuleInput, now: float) -> Iterator[Answer]:
    """A node in FAULT takes nothing over: the pair looks fine until it is needed."""
    yield from unheard(view, now, ("vrrp-fault",), "whether it would take the VIP")
    for node in live(view, now):
        for name, seen in node.vrrp.items():
            if isinstance(seen, Unknown):
                yield from _no_daemon_view(view, node, name)
            elif seen.value.state is VrrpState.FAULT:
                title = f"{node.name} is in FAULT and would not take the VIP ({name})"
                evidence = (
                    evidence_of(seen, f"{name} is in FAULT", f"keepalived's {seen.value.source}", node.name, now),
                )
                look = f"look: journalctl -u {view.state.profile.keepalived.unit} on {node.name}"
                about = About(instance=name)
                yield Finding("vrrp-fault", Severity.WARNING, title, evidence, look, node.name, about=about)


def keepalived_silent(view: RuleInput, now: float) -> Iterator[Answer]:
    """A daemon that hangs is active for systemd, and its last state stands wherever it was read."""
    code, what, unit = "keepalived-silent", "whether keepalived answers", view.state.profile.keepalived.unit
    yield from unheard(view, now, (code,), what)
    for node in live(view, now):
        seen = node.keepalived_silence
        if not unit_running(node, unit):
            continue
        if isinstance(seen, Unknown):
            yield NotEvaluated(code, what, reason_of(seen), node.name)
        elif seen.value:
            owns = any(c.node == node.name for n in node.vrrp for c in ownership(view.state, n, now).owners)
            yield Finding(
                code,
                Severity.CRITICAL,
                f"{unit} on {node.name} runs and does not answer: it takes over nothing and gives up nothing",
                (evidence_of(seen, seen.value, "asked for its dump", node.name, now),),
                f"iamops restart {unit} {node.name}" + (" --dry-run" if owns else ""),
                node.name,
                cause="its process is stopped or hangs: the peer hears no adverts, and its own VIP stays",
                about=about_unit(view.state.profile, unit, node.name),
            )


RULES = (
    Rule(("split-brain",), split_brain),
    Rule(("keepalived-silent",), keepalived_silent),
    Rule(("vip-nowhere",), no_owner),
    Rule(("master-without-address", "address-without-master"), witnesses_disagree),
    Rule(("client-dark",), client_dark),
    Rule(("vrrp-fault",), standby_in_fault),
)


def client_address(state: ClusterState, name: str) -> str:
    vrrp = state.profile.vrrp.get(name)
    return f"VIP {vrrp.address}" if vrrp else f"public address {state.profile.public_address}"


def _waits(view: RuleInput, instance: str) -> list[str]:
    """The nodes that would take the VIP, and hear somebody who has it."""
    seen = ((n, n.vrrp[instance]) for n in nodes(view))
    return [n.name for n, s in seen if isinstance(s, Known) and s.value.state is VrrpState.BACKUP]


def _no_owner_cause(view: RuleInput, instance: str) -> str:
    if waiting := _waits(view, instance):
        return (
            f"{' and '.join(waiting)} in BACKUP: keepalived hears a higher priority from somebody else, or hangs"
        )
    return "every keepalived is in FAULT or stopped: usually because every check fails"


def _no_owner_step(view: RuleInput, instance: str) -> str:
    unit = view.state.profile.keepalived.unit
    if waiting := _waits(view, instance):
        return f"look: tcpdump -nn proto 112 on {waiting[0]}: who sends adverts?"
    return f"look: journalctl -u {unit} on {' and '.join(view.state.profile.nodes)}"


def _dark_step(view: RuleInput, name: str, address: str, now: float) -> str:
    """Not the command that may have printed it: where the way leads on."""
    instance = name if name in view.state.profile.vrrp else view.state.profile.instance.name
    owners = ownership(view.state, instance, now).owners
    if not owners:
        return (
            f"look: journalctl -u {view.state.profile.keepalived.unit} on {' and '.join(view.state.profile.nodes)}"
        )
    return f"look: tail {view.state.profile.logs.error} on {owners[0].node}, and ping {address} from here"


def _owned(state: ClusterState, name: str, now: float) -> Iterator[Evidence]:
    """Whose fault it may be: the node that has the address the client asked."""
    instance = name if name in state.profile.vrrp else state.profile.instance.name
    for owner in ownership(state, instance, now).owners:
        value = f"VIP {state.profile.vrrp[instance].address} is on {owner.node}"
        yield evidence_at(owner.heard_at, value, "kernel addresses", owner.node, now)


def _holds(state: ClusterState, instance: str, owner: Claim, now: float) -> Evidence:
    held_s = now - owned_since(state, instance, owner)
    value = f"has {state.profile.vrrp[instance].address} for {lasting(held_s)}"
    return evidence_at(owner.heard_at, value, "kernel addresses", owner.node, now)


def _disagreement(
    view: RuleInput, node: NodeState, name: str, held: Mapping[str, float], now: float
) -> Iterator[Answer]:
    """A daemon that runs and has not told its state contradicts nobody; a stopped one holds no VIP by right."""
    state, vrrp, unit = view.state, view.state.profile.vrrp[name], view.state.profile.keepalived.unit
    report = node.vrrp[name]
    if isinstance(report, Unknown) and not unit_stopped(node, unit):
        for code in ("master-without-address", "address-without-master"):
            what = "whether kernel and keepalived agree on the VIP"
            yield NotEvaluated(code, what, f"{name} on {node.name}: {report.reason}", node.name)
        return
    has, since = vrrp.address in held, held.get(vrrp.address, now)
    daemon = report.value.state if isinstance(report, Known) else None
    entered = report.value.last_transition if isinstance(report, Known) else None
    on_ours = on_our_clock(node, entered) if entered is not None else 0.0
    changed = entered or 0.0 if isinstance(on_ours, Unknown) else on_ours
    # What lies ahead was dated by a clock that has been set back since: it says nothing.
    left = max(changed if changed <= now + SETTLED_AFTER_S else 0.0, state.lost_at.get(name, 0.0))
    if daemon is VrrpState.MASTER and not has and settled(left, now):
        yield _disagree("master-without-address", view, node, name, "MASTER", now)
    elif has and daemon is not VrrpState.MASTER and settled(since, now):
        yield _disagree("address-without-master", view, node, name, vrrp_word(node, name), now)


def _disagree(code: str, view: RuleInput, node: NodeState, name: str, daemon: str, now: float) -> Finding:
    profile, address = view.state.profile, view.state.profile.vrrp[name].address
    kernel = "not on the kernel" if code == "master-without-address" else "on the kernel"
    unit = profile.keepalived.unit
    evidence = [
        evidence_of(node.vrrp[name], f"{name}: {daemon}", "keepalived", node.name, now),
        evidence_of(node.addresses, f"{address} {kernel}", "kernel addresses", node.name, now),
    ]
    cause = _left_behind(view, (node.name,), name) if code == "address-without-master" else ""
    if unit_stopped(node, unit):
        evidence.append(evidence_of(node.units[unit], f"{unit} is stopped", "systemd", node.name, now))
    said = f"keepalived says {daemon}" if daemon in VrrpState.__members__ else daemon
    title = f"{node.name}: {said}, VIP {address} is {kernel}"
    about = About(instance=name)
    return Finding(
        code,
        Severity.CRITICAL,
        title,
        tuple(evidence),
        _astray_step(view, node.name),
        node.name,
        cause=cause,
        about=about,
    )


def _no_daemon_view(view: RuleInput, node: NodeState, name: str) -> Iterator[NotEvaluated]:
    """A keepalived that is stopped has no state, and unit-down tells of it; any other silence is blindness."""
    if unit_running(node, view.state.profile.keepalived.unit):
        why = f"{name} on {node.name}: {reason_of(node.vrrp[name])}"
        yield NotEvaluated("vrrp-fault", "whether it would take the VIP", why, node.name)
