"""What a plan does by way of needs: what would not come up now, and who falls with what is stopped. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from iamops.model.facts import ProbeReport
from iamops.model.need import Need, NeedWhen, needing, without
from iamops.model.observed import Freshness, Observed, Unknown, freshness
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.plan.impact import datastores_of, services_of
from iamops.plan.steps import Plan
from iamops.render.privileges import controlled

# Datastores and needed ports are probed every 5 s.
SEEN_EVERY_S = 5.0
# For how long it goes without, by what is done to the unit.
UNTIL = {"stop": "", "restart": " until it is back", "hang": " while {} hangs"}


@dataclass(frozen=True, slots=True)
class UnitCommand:
    """A unit is started, stopped, restarted, made to hang or woken. `stopped`: what the plan took away before."""

    verb: str
    unit: str
    node: str
    stopped: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Lack:
    """A service on a node needs something that is not up there now, or not known to be: then `known` is False."""

    service: str
    node: str
    need: Need
    why: str
    known: bool = True

    @property
    def sentence(self) -> str:
        at_start = f" {NeedWhen.START}" if self.need.when is NeedWhen.START else ""
        return f"{self.service} needs {self.need.what}{at_start}, and {self.why}"


@dataclass(frozen=True, slots=True)
class Fall:
    """A service on a node loses what it needs."""

    service: str
    node: str
    need: Need


def commands(plan: Plan) -> Iterator[UnitCommand]:
    """Every unit that the plan's steps start, stop, restart, hang or wake, in order."""
    stopped: set[tuple[str, str]] = set()
    for step in plan.acting:
        command = controlled(step.argv)
        if command is None:
            continue
        verb, unit = command
        yield UnitCommand(verb, unit, step.node, frozenset(stopped))
        if verb in ("stop", "hang"):
            stopped.add((unit, step.node))
        else:
            stopped.discard((unit, step.node))


def lacks(state: ClusterState, command: UnitCommand, now: float) -> Iterator[Lack]:
    """What the unit's services need on this node and do not have now."""
    for name in services_of(state.profile, command.unit):
        for need in state.profile.services[name].needs:
            if own := _own_doing(state.profile, need, command):
                yield Lack(name, command.node, need, own)
                continue
            seen, (who, where) = _seen(state, command.node, need), _asked(state.profile, command.node, need)
            unknown = f"whether {who} answers {where} is not known"
            if isinstance(seen, Unknown):
                yield Lack(name, command.node, need, f"{unknown}: {seen.reason}", known=False)
            elif freshness(seen.at, now, max(SEEN_EVERY_S, seen.every_s)) is Freshness.UNKNOWN:
                why = f"{unknown}: last seen {seen.age_s(now):.0f} s ago"
                yield Lack(name, command.node, need, why, known=False)
            elif not seen.value.ok:
                why = f"{who} does not answer {where}: {seen.value.detail or seen.value.outcome}"
                yield Lack(name, command.node, need, why)


def falls(profile: Profile, unit: str, node: str) -> Iterator[Fall]:
    """Who loses what it needs when the unit stops on the node, and who loses it by way of these."""
    lost = [(name, node) for name in (*datastores_of(profile, unit, node), *services_of(profile, unit))]
    seen: set[tuple[str, str]] = set()
    for name, at in lost:
        for service, where, need in needing(profile, name, at):
            if (service.name, where) in seen:
                continue
            seen.add((service.name, where))
            yield Fall(service.name, where, need)
            if need.when is NeedWhen.ALWAYS:
                lost.append((service.name, where))


def outages(profile: Profile, unit: str, node: str) -> Iterator[Fall]:
    """Those of them that end a service at once."""
    return (fall for fall in falls(profile, unit, node) if fall.need.when is NeedWhen.ALWAYS)


def evidence(state: ClusterState, node: str) -> dict[str, Observed[ProbeReport]]:
    """All that the needs of a node's services are judged by: what it is called -> what was seen."""
    services = [s for s in state.profile.services.values() if s.runs_on(node)]
    return {need.what: _seen(state, node, need) for service in services for need in service.needs}


def with_needs(plan: Plan, state: ClusterState, now: float) -> Plan:
    """The plan, with notes on who falls, on what would not come up again, and on what comes up and is idle."""
    nodes_by_fall: dict[tuple[str, Need, str], list[str]] = {}
    waiting: list[str] = []
    for command in commands(plan):
        if command.verb not in ("start", "wake"):
            until = UNTIL[command.verb].format(command.unit)
            for fall in falls(state.profile, command.unit, command.node):
                nodes_by_fall.setdefault((fall.service, fall.need, until), []).append(fall.node)
        # What hangs has not ended: it goes on where it was, whatever it would need to start.
        for lack in lacks(state, command, now) if command.verb not in ("hang", "wake") else ():
            idle = lack.need.when is NeedWhen.IDLE
            if command.verb == "stop" and not idle:
                waiting.append(f"once stopped it does not come up again on {lack.node}: {lack.sentence}")
            elif command.verb != "stop" and idle:
                waiting.append(f"{lack.service} comes up on {lack.node} and is idle: {lack.why}")
    fallen: list[str] = []
    for (service, need, until), nodes in nodes_by_fall.items():
        effect = without(state.profile, service, need)
        where = " and ".join(dict.fromkeys(nodes))
        fallen.append(f"{service} on {where} needs {need.what} and {effect}{until}")
    return replace(plan, notes=(*plan.notes, *dict.fromkeys((*fallen, *waiting))))


def _own_doing(profile: Profile, need: Need, command: UnitCommand) -> str | None:
    for unit, node in sorted(command.stopped):
        own = services_of(profile, unit) if node == command.node else ()
        if need.name in (*datastores_of(profile, unit, node), *own):
            return f"this plan stops {unit} on {node} first"
    return None


def _asked(profile: Profile, node: str, need: Need) -> tuple[str, str]:
    """Who is asked, and from or on which node."""
    if need.port is not None:
        return f"port {need.port}", f"on {node}"
    return need.name or "", node if need.name in profile.datastores else f"on {node}"


def _seen(state: ClusterState, node: str, need: Need) -> Observed[ProbeReport]:
    if need.port is not None:
        return state.nodes[node].ports[need.port]
    name = need.name or ""
    return state.datastores[name][node] if name in state.datastores else state.nodes[node].services[name]
