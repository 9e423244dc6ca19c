"""Nothing stops before nginx has another backend, and nothing goes on before nginx has taken this one back. Pure.

A service that answers on its port is not yet one that gets requests: nginx gives a backend up for its
`fail_timeout` after a failure, and with two of them given up every request fails. So nginx is asked, by requests
through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from iamops.model.facts import LinkState
from iamops.model.observed import Unknown
from iamops.model.profile import Service
from iamops.model.running import FAIL_TIMEOUT_S, Upstream, UpstreamServer
from iamops.model.state import ClusterState
from iamops.plan.addresses import backend_at, backend_names, other_names, possible, reached
from iamops.plan.known import answered
from iamops.plan.sending import Sent, files_read, sent, sent_some, upstream_of
from iamops.plan.steps import Step, StepKind
from iamops.plan.through_nginx import OthersServe, TakenBack

# nginx counts in whole seconds, and gives up for one more than it says.
TICK_S = 1.0
# For the requests themselves, on a machine that has other things to do.
ASKED_WITHIN_S = 6.0
ASK_TIMEOUT_S = 5.0
LAST_BACKEND = "last-backend"


def others_serve(
    state: ClusterState, unit: str, node: str, before: Sequence[Step] = (), *, vips_move: bool = False
) -> Iterator[Step]:
    """Looks, before a backend is stopped, whether each nginx gets answers from another one. Refuses if not: one
    step for each service, as guards speak of each.

    `before`: the steps so far; the last of them may have waited for another backend. `vips_move`: clients will
    come to any nginx.
    """
    asked: dict[str, list[OthersServe]] = {}
    for service, nginx in _asked(state, unit, node):
        if vips_move or not _alone_and_idle(state, service, nginx, node):
            look = _with_waited_for(_others(state, service, nginx, node), state, before)
            asked.setdefault(service.name, []).append(look)
    for name, looks in asked.items():
        where = " and ".join(dict.fromkeys(each.node for each in looks))
        yield Step(
            StepKind.LOOK,
            f"ask nginx on {where} whether another backend of {name} than {node} answers",
            node,
            (),
            ASK_TIMEOUT_S,
            tuple(looks),
            within_s=max(each.waits_s() for each in looks) + ASKED_WITHIN_S,
            refuses=LAST_BACKEND,
            subject=name,
        )


def serving_again(state: ClusterState, unit: str, node: str) -> Iterator[Step]:
    """Waits until each nginx sends requests to the backend again.

    An nginx that had given every backend up fails for that long, and has to be good for as long afterwards.
    """
    looks = tuple(_back(state, service, nginx, node) for service, nginx in _asked(state, unit, node))
    if looks:
        where = " and ".join(dict.fromkeys(each.node for each in looks))
        yield Step(
            StepKind.LOOK,
            f"wait until nginx on {where} sends requests to {unit} on {node} again",
            node,
            (),
            ASK_TIMEOUT_S,
            looks,
            within_s=2 * max(each.waits_s() for each in looks) + ASKED_WITHIN_S,
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
            elif not files_read(state, name):
                why_not = seen.reason if isinstance(seen, Unknown) else "its files could not be read"
                told = f"how long nginx on {name} gives a backend up is not known ({why_not})"
                yield f"{told}: its default of {FAIL_TIMEOUT_S:g} s is waited out"


def idle_notes(state: ClusterState, unit: str, node: str) -> Iterator[str]:
    """Which nginx has no other backend and is not asked, since nobody comes to it."""
    for service, nginx in _asked(state, unit, node):
        if _alone_and_idle(state, service, nginx, node):
            told = f"nginx on {nginx} sends {service.name} to {node} alone, and no VIP is there"
            yield f"{told}: it answers nobody for {service.domain} meanwhile"


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


def _alone_and_idle(state: ClusterState, service: Service, nginx: str, node: str) -> bool:
    """By its files the nginx has no other backend, and clients do not come to it: nobody loses one."""
    others = [each for each in state.profile.backends_of(service) if each != node]
    alone = all(sent(state, service, nginx, each) is Sent.NO for each in others)
    return alone and not reached(state, nginx)


def _with_waited_for(look: OthersServe, state: ClusterState, before: Sequence[Step]) -> OthersServe:
    """A wait proves something of the backend that was waited for, at its own nginx, and for as long as nothing has
    come since: whoever failed in between may be given up again.
    """
    service = state.profile.services[look.service]
    waited = [e for step in before[-1:] for e in step.expect if isinstance(e, TakenBack)]
    for each in waited:
        backend = backend_at(state, service, look.node, each.names[-1])
        same = (each.node, each.service) == (look.node, look.service) and each.names[-1] not in look.names
        if same and backend is not None and sent(state, service, look.node, backend) is Sent.YES:
            return replace(look, waited_for=each.names[-1])
    return look


def _others(state: ClusterState, service: Service, nginx: str, node: str) -> OthersServe:
    """Where only backups are left beside the backend, they are not asked while it answers."""
    names, upstream = backend_names(state.profile, service, nginx, node), upstream_of(state, service, nginx)
    others = other_names(state.profile, service, nginx, node)
    if upstream is None:
        return OthersServe(nginx, service.name, names, others, _settles_s(()), listed=False)
    every, shared, even = _servers(upstream)
    left = [each for each in every if not each.down and possible(state, service, nginx, each.endpoint) - {node}]
    asked = not left or (even and not all(each.backup for each in left))
    return OthersServe(nginx, service.name, names, others, _settles_s(left or every), shared, asked, bool(left))


def _back(state: ClusterState, service: Service, nginx: str, node: str) -> TakenBack:
    """By nginx's defaults where its files are not known. Where they are and do not tell that it is asked in turn,
    it need not be seen to be.
    """
    names, upstream = backend_names(state.profile, service, nginx, node), upstream_of(state, service, nginx)
    others = other_names(state.profile, service, nginx, node)
    if upstream is None:
        asked = not files_read(state, nginx)
        return TakenBack(nginx, service.name, names, others, _settles_s(()), even=asked)
    every, shared, even = _servers(upstream)
    own = [each for each in every if backend_at(state, service, nginx, each.endpoint) == node]
    surely = sent_some(state, service, nginx, node) is Sent.YES
    asked = even and surely and not any(each.backup for each in own)
    return TakenBack(nginx, service.name, names, others, _settles_s(own or every), shared, asked)


def _servers(upstream: Upstream) -> tuple[list[UpstreamServer], bool, bool]:
    """All of its servers; whether all workers know the same of them; whether requests go round all of them.

    The requests that are sent to look tell nothing of other paths.
    """
    every = [server for part in upstream.parts for server in part.servers]
    single = len(upstream.parts) == 1 and not upstream.unclear
    return every, upstream.shared and single, upstream.even and single


def _settles_s(servers: Iterable[UpstreamServer]) -> float:
    """Until nginx asks the last of them again that it has just given up; by its default where none is known."""
    gives_up_s = max((each.gives_up_s for each in servers), default=FAIL_TIMEOUT_S)
    return gives_up_s + TICK_S if gives_up_s else 0.0
