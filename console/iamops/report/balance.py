"""The document iamops.balance/1, from what was asked and what the logs say; and its exit code. Pure.

Unknown is null, with the reason beside it; never false, 0 or an empty table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from iamops.accesslog.aggregate import upstream_attempts
from iamops.accesslog.format import FormatError, LogField, LogFormat, named_format
from iamops.judge.balance import SplitVerdict, reasons_text, split_verdict
from iamops.model.exit_code import ExitCode
from iamops.model.facts import ProbeReport
from iamops.model.profile import Profile, Service, endpoint
from iamops.model.traffic import AccessGain, Share
from iamops.report.text import Json

LOOPBACK = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class BalanceTest:
    """One domain's test: the client's reports, each node's service log, and what each access log gained.

    `unanswering`: backends that had no request and do not answer, with how.
    """

    service: Service
    reports: Sequence[ProbeReport]
    shares: Mapping[str, Share]
    access: Mapping[str, AccessGain]
    unanswering: Mapping[str, str] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        return sum(report.ok for report in self.reports)


@dataclass(frozen=True, slots=True)
class _ByNginx:
    """Backend's endpoint -> requests, as nginx's access logs tell; `counts` None with the reason.

    `beside`: requests of others between ours, the same way; None where they could not be counted.
    """

    counts: Mapping[str, int] | None
    in_vain: Mapping[str, int]
    unknown: str = ""
    beside: Mapping[str, int] | None = None


def exit_code(document: Json) -> ExitCode:
    """What is certainly wrong goes before what is not known."""
    if document["even"] is False or any(domain["failed"] for domain in document["domains"].values()):
        return ExitCode.CHECK_FAILED
    if document["even"] is None or document["unreachable"]:
        return ExitCode.UNREACHABLE
    return ExitCode.OK


def telling_format(profile: Profile) -> tuple[LogFormat | None, str]:
    """The access log's format if it says which backend was asked, or why that cannot be told."""
    try:
        form = named_format(profile.logs.format)
    except FormatError as error:
        return None, f"logs.format: {error}"
    return (form, "") if form.has(LogField.UPSTREAM) else (None, form.unavailable(LogField.UPSTREAM))


def balance_document(
    profile: Profile, sent: int, tests: Mapping[str, BalanceTest], unreachable: Mapping[str, str]
) -> Json:
    """Everything that was found out; `tests` by domain."""
    domains = {domain: _domain(profile, sent, test) for domain, test in tests.items()}
    verdicts = [domain["even"] for domain in domains.values()]
    even = False if False in verdicts else None if None in verdicts or not verdicts else True
    return {
        "schema": "iamops.balance/1",
        "profile": profile.name,
        "sent": sent,
        "even": even,
        "unreachable": dict(unreachable),
        "domains": domains,
    }


def _domain(profile: Profile, sent: int, test: BalanceTest) -> Json:
    service, endpoints = test.service, profile.backends_of(test.service)
    nginx = _by_nginx(profile, test)
    counts = {name: share.requests for name, share in test.shares.items()}
    unread = {name: share.reason for name, share in test.shares.items() if share.requests is None}
    for name in service.backends:
        # A backend that is no node of the profile has no log that can be read; nginx may know.
        counts[name] = None if nginx.counts is None else nginx.counts.get(name, 0)
        if nginx.counts is None:
            unread[name] = f"is no node, so only nginx's access log could tell: {nginx.unknown}"
    beside = None if nginx.beside is None else {n: nginx.beside.get(endpoints.get(n, n), 0) for n in counts}
    if beside is None:
        others = sum(share.others for name, share in test.shares.items() if name not in service.drained)
    else:
        others = sum(beside.values())
    active = {name: count for name, count in counts.items() if name not in service.drained}
    drained = {name: count for name, count in counts.items() if name in service.drained}
    verdict = _certainly_uneven(sent, test, active, drained) or split_verdict(
        sent,
        {name: count for name, count in active.items() if count is not None},
        others=others,
        beside=beside,
        unread={name: reason for name, reason in unread.items() if name in active},
        answered=test.answered,
    )
    return {
        "service": service.name,
        "sent": sent,
        "failed": sent - test.answered,
        "failures": dict(Counter(report.detail or "failed" for report in test.reports if not report.ok)),
        "backends": active,
        "drained": drained,
        "others": others,
        "unread": unread,
        "endpoints": dict(endpoints),
        "by_nginx": None if nginx.counts is None else dict(nginx.counts),
        "by_nginx_unknown": nginx.unknown,
        "by_nginx_in_vain": dict(nginx.in_vain),
        "by_nginx_differs": _disagreement(endpoints, test.shares, nginx.counts),
        "even": verdict.even,
        "verdict": verdict.text,
    }


def _certainly_uneven(
    sent: int, test: BalanceTest, active: Mapping[str, int | None], drained: Mapping[str, int | None]
) -> SplitVerdict | None:
    astray = [f"{name} is drained and got {count}" for name, count in drained.items() if count]
    if astray:
        return SplitVerdict(False, f"uneven: {', '.join(astray)} of {sent} requests")
    dead = [f"{name} had none of {sent} and {how}" for name, how in test.unanswering.items() if name in active]
    return SplitVerdict(False, f"uneven: {'; '.join(dead)}") if dead else None


def _by_nginx(profile: Profile, test: BalanceTest) -> _ByNginx:
    form, why_not = telling_format(profile)
    if form is None:
        return _ByNginx(None, {}, why_not)
    counts: Counter[str] = Counter()
    in_vain: Counter[str] = Counter()
    unnamed = 0
    for node, gain in test.access.items():
        found = upstream_attempts(form, gain.lines or ())
        counts.update(_as_peers_know(profile, test.service, node, found.last))
        in_vain.update(_as_peers_know(profile, test.service, node, found.in_vain))
        unnamed += found.unnamed
    if unnamed:
        why = "nginx answered by itself, or writes another log format than the profile's"
        return _ByNginx(None, {}, f"{unnamed} lines name no backend: {why}")
    if counts.total() >= test.answered and counts:
        return _ByNginx(counts, in_vain, beside=_beside_ours(profile, test, form))
    lines = f"the access logs have {counts.total()} of the {test.answered} requests that were answered"
    unread = reasons_text({node: gain.reason for node, gain in test.access.items() if gain.lines is None})
    why = lines if test.answered else "no request was answered"
    return _ByNginx(None, {}, f"{why}; {unread}" if unread else why)


def _beside_ours(profile: Profile, test: BalanceTest, form: LogFormat) -> Mapping[str, int] | None:
    """Requests of others that this service's backends had meanwhile. A service's own log has only lines."""
    endpoints = set(profile.backends_of(test.service).values())
    found: Counter[str] = Counter()
    for node, gain in test.access.items():
        if gain.between is None:
            return None
        found.update(_as_peers_know(profile, test.service, node, upstream_attempts(form, gain.between).last))
    return {where: count for where, count in found.items() if where in endpoints}


def _as_peers_know(profile: Profile, service: Service, node: str, counts: Mapping[str, int]) -> Counter[str]:
    """A node's nginx reaches the node's own backend over loopback: that address means another one to a peer."""
    there = profile.backends_of(service).get(node)
    own = {endpoint(address, service.port): there for address in LOOPBACK} if there else {}
    found: Counter[str] = Counter()
    for address, count in counts.items():
        found[own.get(address) or address] += count
    return found


def _disagreement(
    endpoints: Mapping[str, str], shares: Mapping[str, Share], counts: Mapping[str, int] | None
) -> str:
    """Where nginx's log says something else than the services', and whom it asked beside those that are known."""
    if counts is None:
        return ""
    parts = [
        f"{name} has {share.requests} in its own log and {counts.get(endpoints[name], 0)} in nginx's"
        for name, share in shares.items()
        if share.requests not in (None, counts.get(endpoints[name], 0))
    ]
    strange = {where: count for where, count in counts.items() if where not in endpoints.values()}
    parts += [f"{where} is no backend of the profile, and was asked {count} x" for where, count in strange.items()]
    return "; ".join(parts)
