"""Nothing stops before nginx has another backend, and nothing goes on before nginx has taken this one back. Pure.

A service that answers on its port is not yet one that gets requests: nginx gives a backend up for its
`fail_timeout` after a failure, and with two of them given up every request fails. So nginx is asked, by requests
through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from console.model.facts import LinkState
from console.model.observed import Unknown
from console.model.profile import Service
from console.model.proxy import FAIL_TIMEOUT_S, Server, Upstream
from console.model.state import ClusterState
from console.plan.known import answered
from console.plan.sending import Sent, backend_names, other_names, sent_some, upstream_of
from console.plan.steps import Kind, Step
from console.plan.through_nginx import OthersServe, TakenBack

# nginx counts in whole seconds, and gives up for one more than it says.
TICK_S = 1.0
# For the requests themselves, on a machine that has other things to do.
ASKED_WITHIN_S = 6.0
ASK_TIMEOUT_S = 5.0
LAST_BACKEND = "last-backend"


def others_serve(state: ClusterState, unit: str, node: str, *, awaited: bool = False) -> Iterator[Step]:
    """Looks, before a backend is stopped, whether each nginx gets answers from another one. Refuses if not.

    `awaited`: the step before has waited until none is given up, so good answers are enough now.
    """
    looks = tuple(_others(state, service, nginx, node) for service, nginx in _asked(state, unit, node))
    if awaited:
        looks = tuple(replace(each, settles_s=0.0, awaited=True) for each in looks)
    if looks:
        where = " and ".join(dict.fromkeys(each.node for each in looks))
        yield Step(
            Kind.LOOK,
            f"ask nginx on {where} whether another backend than {node} answers",
            node,
            (),
            ASK_TIMEOUT_S,
            looks,
            within_s=max(each.waits_s for each in looks) + ASKED_WITHIN_S,
            refuses=LAST_BACKEND,
        )


def serving_again(state: ClusterState, unit: str, node: str) -> Iterator[Step]:
    """Waits until each nginx sends requests to the backend again.

    An nginx that had given every backend up fails for that long, and has to be good for as long afterwards.
    """
    looks = tuple(_back(state, service, nginx, node) for service, nginx in _asked(state, unit, node))
    if looks:
        where = " and ".join(dict.fromkeys(each.node for each in looks))
        yield Step(
            Kind.LOOK,
            f"wait until nginx on {where} sends requests to {unit} on {node} again",
            node,
            (),
            ASK_TIMEOUT_S,
            looks,
            within_s=2 * max(each.waits_s for each in looks) + ASKED_WITHIN_S,
        )


def proxy_notes(state: ClusterState, unit: str, node: str) -> Iterator[str]:
    """What is not known of the nginxes that matter, and which are not asked."""
    for service, domain in _published(state, unit):
        for name, nginx in state.nodes.items():
            seen, goes = nginx.files, sent_some(state, service, name, node)
            if nginx.link.state is not LinkState.UP:
                yield f"nginx on {name} is not asked about {service.name}: {name} is not connected"
            elif not _matters(state, domain, name):
                why = nginx.domains[domain]
                told = f"not known: {why.reason}" if isinstance(why, Unknown) else "bad before"
                yield f"nginx on {name} is not asked about {service.name}: its answer for {domain} is {told}"
            elif goes is Sent.NO:
                yield f"nginx on {name} is not asked about {service.name} on {node}: drained or missing there"
            elif goes is Sent.UNKNOWN:
                yield f"whether {service.name} on {node} is drained in nginx on {name} is not known by its files"
            elif isinstance(seen, Unknown):
                told = f"how long nginx on {name} gives a backend up is not known ({seen.reason})"
                yield f"{told}: its default of {FAIL_TIMEOUT_S:g} s is waited out"


def _published(state: ClusterState, unit: str) -> Iterator[tuple[Service, str]]:
    """The services of this unit that nginx publishes, with their domains."""
    services = (each for each in state.profile.services.values() if each.unit == unit)
    return ((each, each.domain) for each in services if each.domain is not None)


def _asked(state: ClusterState, unit: str, node: str) -> Iterator[tuple[Service, str]]:
    """Every nginx that matters and that sends requests to the backend, or may."""
    for service, domain in _published(state, unit):
        for name, nginx in state.nodes.items():
            matters = nginx.link.state is LinkState.UP and _matters(state, domain, name)
            if matters and service.runs_on(node) and sent_some(state, service, name, node) is not Sent.NO:
                yield service, name


def _matters(state: ClusterState, domain: str, nginx: str) -> bool:
    """It answered for the domain, or clients may come to it: then one bad answer is no reason to leave it out."""
    held = state.nodes[nginx].addresses
    may_own = isinstance(held, Unknown) or any(v.address in held.value for v in state.profile.vrrp.values())
    return may_own or answered(state.nodes[nginx].domains[domain])


def _others(state: ClusterState, service: Service, nginx: str, node: str) -> OthersServe:
    """Where only backups are left beside the backend, they are not asked while it answers."""
    names, upstream = backend_names(state.profile, service, nginx, node), upstream_of(state, service, nginx)
    others = other_names(state.profile, service, nginx, node)
    if upstream is None:
        return OthersServe(nginx, service.name, names, others, _settles_s(()), listed=False)
    every = [server for part in upstream.parts for server in part.servers]
    left = [each for each in every if each.endpoint not in names and not each.down]
    even = not left or (_is_even(upstream) and not all(each.backup for each in left))
    settles_s, shared = _settles_s(left or every), _is_shared(upstream)
    return OthersServe(nginx, service.name, names, others, settles_s, shared, even, listed=bool(left))


def _back(state: ClusterState, service: Service, nginx: str, node: str) -> TakenBack:
    """By nginx's defaults where its files are not known. Where they are and do not tell that it is asked in turn,
    it need not be seen to be.
    """
    names, upstream = backend_names(state.profile, service, nginx, node), upstream_of(state, service, nginx)
    others = other_names(state.profile, service, nginx, node)
    if upstream is None:
        even = isinstance(state.nodes[nginx].files, Unknown)
        return TakenBack(nginx, service.name, names, others, _settles_s(()), even=even)
    every = [server for part in upstream.parts for server in part.servers]
    own = [each for each in every if each.endpoint in names]
    surely = sent_some(state, service, nginx, node) is Sent.YES
    even = _is_even(upstream) and surely and not any(each.backup for each in own)
    settles_s = _settles_s(own or every)
    return TakenBack(nginx, service.name, names, others, settles_s, _is_shared(upstream), even)


def _is_even(upstream: Upstream) -> bool:
    """The requests that are sent to look go round all of its servers. Of other paths they tell nothing."""
    return upstream.even and len(upstream.parts) == 1 and not upstream.unclear


def _is_shared(upstream: Upstream) -> bool:
    return upstream.shared and len(upstream.parts) == 1 and not upstream.unclear


def _settles_s(servers: Iterable[Server]) -> float:
    """Until nginx asks the last of them again that it has just given up; by its default where none is known."""
    gives_up_s = max((each.gives_up_s for each in servers), default=FAIL_TIMEOUT_S)
    return gives_up_s + TICK_S if gives_up_s else 0.0
