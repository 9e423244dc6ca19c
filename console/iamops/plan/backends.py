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
from iamops.plan.addresses import reached
from iamops.plan.known import answered
from iamops.plan.sending import Proxied, Sent
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
    for proxied in _asked(state, unit, node):
        if vips_move or not _alone_and_idle(proxied, node):
            asked.setdefault(proxied.service.name, []).append(_others(proxied, node, before))
    for name, looks in asked.items():
        where = " and ".join(dict.fromkeys(look.node for look in looks))
        title = f"ask nginx on {where} whether another backend of {name} than {node} answers"
        within_s = max(look.waits_s() for look in looks) + ASKED_WITHIN_S
        step = Step(StepKind.LOOK, title, node, (), ASK_TIMEOUT_S, tuple(looks), within_s)
        yield replace(step, refuses=LAST_BACKEND, subject=name)


def serving_again(state: ClusterState, unit: str, node: str) -> Iterator[Step]:
    """Waits until each nginx sends requests to the backend again.

    An nginx that had given every backend up fails for that long, and has to be good for as long afterwards.
    """
    looks = tuple(_back(proxied, node) for proxied in _asked(state, unit, node))
    if looks:
        where = " and ".join(dict.fromkeys(look.node for look in looks))
        title = f"wait until nginx on {where} sends requests to {unit} on {node} again"
        within_s = 2 * max(look.waits_s() for look in looks) + ASKED_WITHIN_S
        yield Step(StepKind.LOOK, title, node, (), ASK_TIMEOUT_S, looks, within_s)


def proxy_notes(state: ClusterState, unit: str, node: str) -> Iterator[str]:
    """What is not known of the nginxes that matter, and which are not asked."""
    for service, domain in _published(state, unit):
        for name, nginx in state.nodes.items():
            proxied = Proxied(state, service, name)
            goes = proxied.sent_some(node)
            if nginx.link.state is not LinkState.UP:
                yield f"nginx on {name} is not asked about {service.name}: {name} is not connected"
            elif not _matters(state, domain, name):
                seen = nginx.domains[domain]
                answer = f"not known: {seen.reason}" if isinstance(seen, Unknown) else "bad before"
                yield f"nginx on {name} is not asked about {service.name}: its answer for {domain} is {answer}"
            elif goes is Sent.NO:
                yield f"nginx on {name} is not asked about {service.name} on {node}: drained or missing there"
            elif goes is Sent.UNKNOWN:
                yield f"whether {service.name} on {node} is drained in nginx on {name} is not known by its files"
            elif not proxied.files_read:
                why = nginx.files.reason if isinstance(nginx.files, Unknown) else "its files could not be read"
                gives_up = f"how long nginx on {name} gives a backend up is not known ({why})"
                yield f"{gives_up}: its default of {FAIL_TIMEOUT_S:g} s is waited out"


def idle_notes(state: ClusterState, unit: str, node: str) -> Iterator[str]:
    """Which nginx has no other backend and is not asked, since nobody comes to it."""
    for proxied in _asked(state, unit, node):
        if _alone_and_idle(proxied, node):
            service = proxied.service
            alone = f"nginx on {proxied.nginx} sends {service.name} to {node} alone, and no VIP is there"
            yield f"{alone}: it answers nobody for {service.domain} meanwhile"


def _published(state: ClusterState, unit: str) -> Iterator[tuple[Service, str]]:
    """The services of this unit that nginx publishes, with their domains."""
    for service in state.profile.services.values():
        if service.unit == unit and service.domain is not None:
            yield service, service.domain


def _asked(state: ClusterState, unit: str, node: str) -> Iterator[Proxied]:
    """Behind every nginx that matters and that sends requests to the backend, or may."""
    for service, domain in _published(state, unit):
        for name, nginx in state.nodes.items():
            proxied = Proxied(state, service, name)
            matters = nginx.link.state is LinkState.UP and _matters(state, domain, name)
            if matters and service.runs_on(node) and proxied.sent_some(node) is not Sent.NO:
                yield proxied


def _matters(state: ClusterState, domain: str, nginx: str) -> bool:
    """It answered for the domain, or clients may come to it: then one bad answer is no reason to leave it out."""
    held = state.nodes[nginx].addresses
    may_own = isinstance(held, Unknown) or any(v.address in held.value for v in state.profile.vrrp.values())
    return may_own or answered(state.nodes[nginx].domains[domain])


def _alone_and_idle(proxied: Proxied, node: str) -> bool:
    """By its files the nginx has no other backend, and clients do not come to it: nobody loses one."""
    others = (backend for backend in proxied.state.profile.backends_of(proxied.service) if backend != node)
    return all(proxied.sent(other) is Sent.NO for other in others) and not reached(proxied.state, proxied.nginx)


def _others(proxied: Proxied, node: str, before: Sequence[Step]) -> OthersServe:
    """Where only backups are left beside the backend, they are not asked while it answers."""
    nginx, service, names, others = proxied.nginx, proxied.service, proxied.names(node), proxied.other_names(node)
    if proxied.upstream is None:
        look = OthersServe(nginx, service.name, names, others, _settles_s(()), listed=False)
    else:
        every, shared, even = _servers(proxied.upstream)
        left = [server for server in every if not server.down and proxied.possible(server.endpoint) - {node}]
        asked = not left or (even and not all(server.backup for server in left))
        look = OthersServe(
            nginx, service.name, names, others, _settles_s(left or every), shared, asked, bool(left)
        )
    # A wait proves something of the backend that was waited for, at its own nginx, and for as long as nothing has
    # come since: a backend that failed in between may be given up again.
    for expected in before[-1].expect if before else ():
        if isinstance(expected, TakenBack) and (expected.node, expected.service) == (nginx, service.name):
            name = expected.names[-1]
            backend = proxied.backend_at(name) if name not in names else None
            if backend is not None and proxied.sent(backend) is Sent.YES:
                return replace(look, waited_for=name)
    return look


def _back(proxied: Proxied, node: str) -> TakenBack:
    """By nginx's defaults where its files are not known. Where they are and do not tell that it is asked in turn,
    it need not be seen to be.
    """
    nginx, service, names, others = proxied.nginx, proxied.service, proxied.names(node), proxied.other_names(node)
    if proxied.upstream is None:
        return TakenBack(nginx, service.name, names, others, _settles_s(()), even=not proxied.files_read)
    every, shared, even = _servers(proxied.upstream)
    own = [server for server in every if proxied.backend_at(server.endpoint) == node]
    surely = proxied.sent_some(node) is Sent.YES
    asked = even and surely and not any(server.backup for server in own)
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
    gives_up_s = max((server.gives_up_s for server in servers), default=FAIL_TIMEOUT_S)
    return gives_up_s + TICK_S if gives_up_s else 0.0
