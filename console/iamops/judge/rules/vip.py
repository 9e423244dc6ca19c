"""The VIP and VRRP, by the three live witnesses: kernels, daemons, a client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import (
    SETTLED_AFTER_S,
    Answer,
    RuleInput,
    about_unit,
    each_live,
    evidence_at,
    evidence_of,
    nodes,
    not_evaluated,
    probed,
    reason_of,
    restart_step,
    rule,
    settled,
    unit_running,
    unit_stopped,
)
from iamops.model.facts import ProbeReport, Severity, VrrpState
from iamops.model.observed import Freshness, Known, Unknown
from iamops.model.split_brain import is_astray, split_owners
from iamops.model.state import ClusterState, NodeState, on_our_clock
from iamops.model.text import lasting
from iamops.model.vip import owned_since, ownership

CLIENT_FRESH_S = 5.0
WITNESSES = ("master-without-address", "address-without-master")
AGREE = "whether kernel and keepalived agree on the VIP"


@rule("split-brain")
def split_brain(view: RuleInput, now: float) -> Iterator[Answer]:
    """Two owners that are seen are two, even while another node is not seen."""
    state, unit = view.state, view.state.profile.keepalived.unit
    for name, vrrp in state.profile.vrrp.items():
        seen = ownership(state, name, now)
        owners = seen.owners
        if len(owners) < 2:
            what = f"whether VIP {vrrp.address} is on two nodes"
            for node in seen.unseen:
                yield NotEvaluated("split-brain", what, f"{node}'s addresses are not known", node)
            continue
        if not split_owners(state, name, now):
            continue
        evidence = (
            evidence_at(
                owner.heard_at,
                f"has {vrrp.address} for {lasting(now - owned_since(state, name, owner))}",
                "kernel addresses",
                owner.node,
                now,
            )
            for owner in owners
        )
        # Where keepalived is stopped, its last state may not be known any more.
        astray = [
            owner.node
            for owner in owners
            if is_astray(state, name, owner.node) or unit_stopped(state.nodes[owner.node], unit)
        ]
        step = "look: nft list ruleset on both nodes; VRRP is IP protocol 112"
        cause = "the nodes do not hear each other's adverts: a firewall, or VRRP settings that differ"
        if astray:
            step, cause = _astray_step(view, astray[0]), _left_behind(view, astray, name)
        names = tuple(owner.node for owner in owners)
        title = f"SPLIT BRAIN: VIP {vrrp.address} on {' and '.join(names)}"
        about = About(instance=name)
        yield Finding(
            "split-brain", Severity.CRITICAL, title, tuple(evidence), step, cause=cause, about=about, touches=names
        )


@each_live("whether keepalived answers", "keepalived-silent")
def keepalived_silent(view: RuleInput, node: NodeState, now: float) -> Iterator[Answer]:
    """A daemon that hangs is active for systemd, and its last state stands wherever it was read."""
    code, unit, seen = "keepalived-silent", view.state.profile.keepalived.unit, node.keepalived_silence
    if not unit_running(node, unit):
        return
    if isinstance(seen, Unknown):
        yield NotEvaluated(code, "whether keepalived answers", reason_of(seen), node.name)
    elif seen.value:
        yield Finding(
            code,
            Severity.CRITICAL,
            f"{unit} on {node.name} runs and does not answer: it takes over nothing and gives up nothing",
            (evidence_of(seen, seen.value, "asked for its dump", node.name, now),),
            restart_step(view, unit, node.name, now),
            node.name,
            cause="its process is stopped or hangs: the peer hears no adverts, and its own VIP stays",
            about=about_unit(view.state.profile, unit, node.name),
        )


@rule("vip-nowhere")
def no_owner(view: RuleInput, now: float) -> Iterator[Answer]:
    """Only said when every node was seen: an unseen node may well be the owner."""
    state, unit = view.state, view.state.profile.keepalived.unit
    for name, vrrp in state.profile.vrrp.items():
        seen = ownership(state, name, now)
        if seen.owners:
            continue
        what = f"whether any node holds VIP {vrrp.address}"
        unseen = [n for n in nodes(view) if n.name in seen.unseen or n.freshness(now) is not Freshness.LIVE]
        for node in unseen:
            yield NotEvaluated("vip-nowhere", what, f"{node.name}'s addresses are not known", node.name)
        if unseen or not settled(state.lost_at.get(name), now):
            continue
        cause = "every keepalived is in FAULT or stopped: usually because every check fails"
        step = f"look: journalctl -u {unit} on {' and '.join(state.profile.nodes)}"
        states = ((node.name, node.vrrp[name]) for node in nodes(view))
        # These would take the VIP, and hear somebody who has it.
        waiting = [n for n, s in states if isinstance(s, Known) and s.value.state is VrrpState.BACKUP]
        if waiting:
            in_backup = f"{' and '.join(waiting)} in BACKUP"
            cause = f"{in_backup}: keepalived hears a higher priority from somebody else, or hangs"
            step = f"look: tcpdump -nn proto 112 on {waiting[0]}: who sends adverts?"
        yield Finding(
            "vip-nowhere",
            Severity.CRITICAL,
            f"no node holds VIP {vrrp.address}",
            tuple(
                evidence_of(n.vrrp[name], f"{name}: {_vrrp_word(n, name)}", "keepalived", n.name, now)
                for n in nodes(view)
            ),
            step,
            cause=cause,
            about=About(instance=name),
        )


@each_live(AGREE, *WITNESSES)
def witnesses_disagree(view: RuleInput, node: NodeState, now: float) -> Iterator[Answer]:
    """The kernel's addresses against keepalived's own state.

    A daemon that runs and has not reported its state contradicts nobody; a stopped one holds no VIP by right.
    """
    if isinstance(node.addresses, Unknown):
        why = f"addresses of {node.name}: {reason_of(node.addresses)}"
        yield from not_evaluated(WITNESSES, AGREE, why, node.name)
        return
    held = node.addresses.value
    for name, vrrp in view.state.profile.vrrp.items():
        report = node.vrrp[name]
        if isinstance(report, Unknown) and not unit_stopped(node, view.state.profile.keepalived.unit):
            why = f"{name} on {node.name}: {report.reason}"
            yield from not_evaluated(WITNESSES, AGREE, why, node.name)
            continue
        has, since = vrrp.address in held, held.get(vrrp.address, now)
        daemon = report.value.state if isinstance(report, Known) else None
        entered = report.value.last_transition if isinstance(report, Known) else None
        on_ours = on_our_clock(node, entered) if entered is not None else 0.0
        changed = entered or 0.0 if isinstance(on_ours, Unknown) else on_ours
        # What lies ahead was dated by a clock that has been set back since: it says nothing.
        left = max(changed if changed <= now + SETTLED_AFTER_S else 0.0, view.state.lost_at.get(name, 0.0))
        if daemon is VrrpState.MASTER and not has and settled(left, now):
            yield _disagree("master-without-address", view, node, name, now)
        elif has and daemon is not VrrpState.MASTER and settled(since, now):
            yield _disagree("address-without-master", view, node, name, now)


def _disagree(code: str, view: RuleInput, node: NodeState, name: str, now: float) -> Finding:
    unit, address = view.state.profile.keepalived.unit, view.state.profile.vrrp[name].address
    daemon = _vrrp_word(node, name)
    missing = code == "master-without-address"
    kernel = "not on the kernel" if missing else "on the kernel"
    cause = "" if missing else _left_behind(view, (node.name,), name)
    evidence = [
        evidence_of(node.vrrp[name], f"{name}: {daemon}", "keepalived", node.name, now),
        evidence_of(node.addresses, f"{address} {kernel}", "kernel addresses", node.name, now),
    ]
    if unit_stopped(node, unit):
        evidence.append(evidence_of(node.units[unit], f"{unit} is stopped", "systemd", node.name, now))
    state = f"keepalived says {daemon}" if daemon in VrrpState.__members__ else daemon
    title = f"{node.name}: {state}, VIP {address} is {kernel}"
    step, about = _astray_step(view, node.name), About(instance=name)
    return Finding(code, Severity.CRITICAL, title, tuple(evidence), step, node.name, cause=cause, about=about)


@rule("client-dark")
def client_dark(view: RuleInput, now: float) -> Iterator[Answer]:
    state, profile = view.state, view.state.profile
    for name, seen in state.client.items():
        address = client_address(state, name)
        if isinstance(seen, Unknown) or is_overdue(seen, now):
            why = seen.reason if isinstance(seen, Unknown) else f"the last probe is {seen.age_s(now):.0f} s old"
            yield NotEvaluated("client-dark", f"what a client gets from {address}", why)
            continue
        if seen.value.ok:
            continue
        instance = name if name in profile.vrrp else profile.instance.name
        owners = ownership(state, instance, now).owners
        vip = f"VIP {profile.vrrp[instance].address}"
        held = (
            evidence_at(owner.heard_at, f"{vip} is on {owner.node}", "kernel addresses", owner.node, now)
            for owner in owners
        )
        # Not the command that may have printed it: where the way leads on.
        step = f"look: journalctl -u {profile.keepalived.unit} on {' and '.join(profile.nodes)}"
        if owners:
            step = f"look: tail {profile.logs.error} on {owners[0].node}, and ping {address} from here"
        where = f" for {seen.value.host}" if seen.value.host else ""
        yield Finding(
            "client-dark",
            Severity.CRITICAL,
            f"a client gets no good answer from {address}{where}",
            (probed(seen, "", "HTTP from this machine", None, now), *held),
            step,
            about=About(instance=instance, subject="" if name == instance else name),
            touches=tuple(owner.node for owner in owners),
        )


@each_live("whether it would take the VIP", "vrrp-fault")
def standby_in_fault(view: RuleInput, node: NodeState, now: float) -> Iterator[Answer]:
    """A node in FAULT takes nothing over: the pair looks fine until it is needed."""
    unit = view.state.profile.keepalived.unit
    for name, seen in node.vrrp.items():
        if isinstance(seen, Unknown):
            # A keepalived that is stopped has no state, and unit-down says so.
            if unit_running(node, unit):
                why = f"{name} on {node.name}: {reason_of(seen)}"
                yield NotEvaluated("vrrp-fault", "whether it would take the VIP", why, node.name)
        elif seen.value.state is VrrpState.FAULT:
            source = f"keepalived's {seen.value.source}"
            yield Finding(
                "vrrp-fault",
                Severity.WARNING,
                f"{node.name} is in FAULT and would not take the VIP ({name})",
                (evidence_of(seen, f"{name} is in FAULT", source, node.name, now),),
                f"look: journalctl -u {unit} on {node.name}",
                node.name,
                about=About(instance=name),
            )


RULES = (split_brain, keepalived_silent, no_owner, witnesses_disagree, client_dark, standby_in_fault)


def client_address(state: ClusterState, name: str) -> str:
    vrrp = state.profile.vrrp.get(name)
    return f"VIP {vrrp.address}" if vrrp else f"public address {state.profile.public_address}"


def is_overdue(seen: Known[ProbeReport], now: float) -> bool:
    """Has the client's next probe not come when it was promised?"""
    return seen.age_s(now) > CLIENT_FRESH_S + seen.every_s


def _vrrp_word(node: NodeState, instance: str) -> str:
    seen = node.vrrp[instance]
    return seen.reason if isinstance(seen, Unknown) else str(seen.value.state)


def _astray_step(view: RuleInput, node: str) -> str:
    unit = view.state.profile.keepalived.unit
    stopped = unit_stopped(view.state.nodes[node], unit)
    return f"iamops start {unit} {node}" if stopped else f"look: ip addr on {node}"


def _left_behind(view: RuleInput, astray: Sequence[str], name: str) -> str:
    """Why a node has an address that its keepalived does not hold, and what ends that."""
    unit, by_name = view.state.profile.keepalived.unit, view.state.nodes
    words = {n: "stopped" if unit_stopped(by_name[n], unit) else _vrrp_word(by_name[n], name) for n in astray}
    states = " and ".join(f"{word} on {node}" for node, word in words.items())
    address = view.state.profile.vrrp[name].address
    return f"keepalived is {states}: {address} was left behind there or set by hand, and stays until it is deleted"
