"""The service grid: every checked thing, judged once for every node."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from console.model.facts import ProbeReport
from console.model.profile import Profile
from console.model.state import NodeState
from console.tui.view.health import ABSENT, Verdict, down, judge, of_probe, spoken, unknown, warn
from console.tui.view.moment import Moment
from console.tui.view.shown import DATASTORE_S, HTTP_S, PEER_S, Shown, resolve


class Kind(StrEnum):
    """What is checked: a domain through nginx, a service at its own port, a datastore from a node."""

    DOMAIN = "nginx"
    SERVICE = "direct"
    DATASTORE = "store"


@dataclass(frozen=True, slots=True)
class Item:
    """One checked thing. `label` is how it is called on the screen."""

    kind: Kind
    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Seen:
    """An item on one node: the verdict, and the whole story in words."""

    verdict: Verdict
    detail: str


def items(profile: Profile) -> tuple[Item, ...]:
    """What the profile promises, from the outside in: domains, services, datastores."""
    domains = [Item(Kind.DOMAIN, name, name) for name in dict.fromkeys(profile.domains)]
    services = [Item(Kind.SERVICE, name, name) for name in profile.services]
    stores = [Item(Kind.DATASTORE, s.name, f"{s.name} @{s.node}") for s in profile.datastores.values()]
    return (*domains, *services, *stores)


def seen(moment: Moment, item: Item, name: str) -> Seen:
    """How the item looks on (or, for a datastore, from) a node."""
    node = moment.state.nodes[name]
    match item.kind:
        case Kind.DOMAIN:
            shown = resolve(node.domains[item.name], moment.now, witness=node, cadence_s=HTTP_S)
            return _plain(f"{item.name} through nginx of {name}", shown)
        case Kind.SERVICE:
            return _service(moment, item.name, node)
        case Kind.DATASTORE:
            observed = moment.state.datastores[item.name][name]
            shown = resolve(observed, moment.now, witness=node, cadence_s=DATASTORE_S)
            return _plain(f"{item.label} from {name}", shown)


def aim(profile: Profile, item: Item, name: str) -> str:
    """The unit and node behind an item on a node, as a command names them; empty where there is none."""
    match item.kind:
        case Kind.DOMAIN:
            return f"{profile.nginx.unit} {name}"
        case Kind.SERVICE:
            service = profile.services[item.name]
            return f"{service.unit} {name}" if service.runs_on(name) else ""
        case Kind.DATASTORE:
            store = profile.datastores[item.name]
            return f"{store.unit} {store.node}" if store.unit else ""


def _plain(what: str, shown: Shown[ProbeReport]) -> Seen:
    verdict = judge(shown, of_probe)
    return Seen(verdict, f"{what}: {_story(verdict, shown.value)}")


def _story(verdict: Verdict, report: ProbeReport | None) -> str:
    return spoken(verdict) + (f" · {report.detail}" if report is not None and report.detail else "")


def _service(moment: Moment, name: str, node: NodeState) -> Seen:
    if name not in node.services:
        return Seen(ABSENT, f"{name} does not run on {node.name}")
    own = resolve(node.services[name], moment.now, witness=node, cadence_s=HTTP_S)
    peers = {
        peer: resolve(probe, moment.now, witness=moment.state.nodes[peer], cadence_s=PEER_S)
        for peer, probe in node.from_peers.get(name, {}).items()
    }
    verdict = judge(own, of_probe)
    story = [f"{name} on {node.name}: {_story(verdict, own.value)}"]
    story += [f"from {peer}: {spoken(judge(shown, of_probe))}" for peer, shown in peers.items()]
    return Seen(_against(verdict, own, peers), " · ".join(story))


def _against(verdict: Verdict, own: Shown[ProbeReport], peers: dict[str, Shown[ProbeReport]]) -> Verdict:
    """The node's own view, corrected where a peer sees it otherwise: half of all requests take that way."""
    heard = {peer: shown.value for peer, shown in peers.items() if shown.value is not None and shown.live}
    failing = [f"{peer} {of_probe(report).extra}" for peer, report in heard.items() if not report.ok]
    working = [peer for peer, report in heard.items() if report.ok]
    if own.value is None:
        told = [*failing, *(f"{peer} OK" for peer in working)]
        return unknown(told[0]) if told else verdict
    if not own.live:
        return verdict
    if own.value.ok:
        return warn(_some(failing)) if failing else verdict
    return down(f"but {working[0]} OK") if working else verdict


def _some(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{texts[0]} +{len(texts) - 1}"
