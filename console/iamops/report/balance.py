"""The document iamops.balance/1, from what was asked and what the logs say. Pure.

Unknown is null, with the reason beside it; never false, 0 or an empty table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from iamops.accesslog.aggregate import upstream_attempts
from iamops.accesslog.format import Field, FormatError, LogFormat, named_format
from iamops.judge.balance import SplitVerdict, reasons_text, split_verdict
from iamops.model.exit_code import ExitCode
from iamops.model.facts import ProbeReport
from iamops.model.profile import Profile, Service, endpoint
from iamops.model.traffic import AccessGain, Share

SCHEMA = "iamops.balance/1"
LOOPBACK = ("127.0.0.1", "::1")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tested:
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
class ByNginx:
    """Backend's endpoint -> requests, as nginx's access logs tell; `counts` None with the reason.

    `beside`: requests of others between ours, the same way; None where they could not be counted.
    """

    counts: Mapping[str, int] | None
    in_vain: Mapping[str, int]
    unknown: str = ""
    beside: Mapping[str, int] | None = None


def telling_format(profile: Profile) -> tuple[LogFormat | None, str]:
    """The access log's format if it says which backend was asked, or why that cannot be told."""
    try:
        form = named_format(profile.logs.format)
    except FormatError as error:
        return None, f"logs.format: {error}"
    return (form, "") if form.has(Field.UPSTREAM) else (None, form.unavailable(Field.UPSTREAM))


def balance_document(
    profile: Profile, sent: int, tests: Mapping[str, Tested], unreachable: Mapping[str, str]
) -> Json:
    """Everything that was found out; `tests` by domain."""
    domains = {domain: _domain(profile, sent, test) for domain, test in tests.items()}
    verdicts = [each["even"] for each in domains.values()]
    even = False if False in verdicts else None if None in verdicts or not verdicts else True
    return {
        "schema": SCHEMA,
        "profile": profile.name,
        "sent": sent,
        "even": even,
        "unreachable": dict(unreachable),
        "domains": domains,
    }


def exit_code(document: Json) -> ExitCode:
    """What is certainly wrong goes before what is not known."""
    if document["even"] is False or any(each["failed"] for each in document["domains"].values()):
        return ExitCode.CHECK_FAILED
    if document["even"] is None or document["unreachable"]:
        return ExitCode.UNREACHABLE
    return ExitCode.OK


def _domain(profile: Profile, sent: int, test: Tested) -> Json:
    nginx = _by_nginx(profile, test)
    tally = _tally(profile, test, nginx)
    verdict = _verdict(sent, test, tally)
    return {
        "service": test.service.name,
        "sent": sent,
        "failed": sent - test.answered,
        "failures": dict(Counter(report.detail or "failed" for report in test.reports if not report.ok)),
        "backends": tally.active,
        "drained": tally.drained,
        "others": tally.others,
        "unread": tally.unread,
        "endpoints": dict(profile.backends_of(test.service)),
        "by_nginx": None if nginx.counts is None else dict(nginx.counts),
        "by_nginx_unknown": nginx.unknown,
        "by_nginx_in_vain": dict(nginx.in_vain),
        "by_nginx_differs": _disagreement(profile.backends_of(test.service), test.shares, nginx),
        "even": verdict.even,
        "verdict": verdict.text,
    }


@dataclass(frozen=True, slots=True)
class _Tally:
    """Who got how many: those that take turns and those that are drained; None where `unread` says why."""

    active: dict[str, int | None]
    drained: dict[str, int | None]
    unread: dict[str, str]
    others: int
    beside: dict[str, int] | None


def _tally(profile: Profile, test: Tested, nginx: ByNginx) -> _Tally:
    drained = test.service.drained
    counts = {name: share.requests for name, share in test.shares.items()}
    unread = {name: share.reason for name, share in test.shares.items() if share.requests is None}
    for name in test.service.backends:
        counts[name], reason = _beside(name, nginx)
        unread |= {name: reason} if reason else {}
    places = profile.backends_of(test.service)
    beside = None if nginx.beside is None else {n: nginx.beside.get(places.get(n, n), 0) for n in counts}
    lines = sum(share.others for name, share in test.shares.items() if name not in drained)
    return _Tally(
        {name: count for name, count in counts.items() if name not in drained},
        {name: count for name, count in counts.items() if name in drained},
        unread,
        lines if beside is None else sum(beside.values()),
        beside,
    )


def _verdict(sent: int, test: Tested, tally: _Tally) -> SplitVerdict:
    astray = [f"{name} is drained and got {count}" for name, count in tally.drained.items() if count]
    if astray:
        return SplitVerdict(False, f"uneven: {', '.join(astray)} of {sent} requests")
    dead = [
        f"{name} had none of {sent} and {how}" for name, how in test.unanswering.items() if name in tally.active
    ]
    if dead:
        return SplitVerdict(False, f"uneven: {'; '.join(dead)}")
    return split_verdict(
        sent,
        {name: count for name, count in tally.active.items() if count is not None},
        others=tally.others,
        beside=tally.beside,
        unread={name: reason for name, reason in tally.unread.items() if name in tally.active},
        answered=test.answered,
    )


def _beside(name: str, nginx: ByNginx) -> tuple[int | None, str]:
    """A backend that is no node of the profile has no log that can be read; nginx may know."""
    if nginx.counts is None:
        return None, f"is no node, so only nginx's access log could tell: {nginx.unknown}"
    return nginx.counts.get(name, 0), ""


def _by_nginx(profile: Profile, test: Tested) -> ByNginx:
    form, why_not = telling_format(profile)
    if form is None:
        return ByNginx(None, {}, why_not)
    counts: Counter[str] = Counter()
    in_vain: Counter[str] = Counter()
    unnamed = 0
    for node, gain in test.access.items():
        found = upstream_attempts(form, gain.lines or ())
        counts.update(_elsewhere(profile, test.service, node, found.last))
        in_vain.update(_elsewhere(profile, test.service, node, found.in_vain))
        unnamed += found.unnamed
    if unnamed:
        why = "nginx answered by itself, or writes another log format than the profile's"
        return ByNginx(None, {}, f"{unnamed} lines name no backend: {why}")
    missing = test.answered - counts.total()
    if missing > 0 or not counts:
        return ByNginx(None, {}, _incomplete(test, counts.total()))
    return ByNginx(counts, in_vain, beside=_beside_ours(profile, test, form))


def _beside_ours(profile: Profile, test: Tested, form: LogFormat) -> Mapping[str, int] | None:
    """Requests of others that this service's backends had meanwhile. A service's own log has only lines."""
    endpoints = set(profile.backends_of(test.service).values())
    found: Counter[str] = Counter()
    for node, gain in test.access.items():
        if gain.between is None:
            return None
        found.update(_elsewhere(profile, test.service, node, upstream_attempts(form, gain.between).last))
    return {where: count for where, count in found.items() if where in endpoints}


def _incomplete(test: Tested, found: int) -> str:
    unread = reasons_text({node: gain.reason for node, gain in test.access.items() if gain.lines is None})
    if not test.answered:
        return "no request was answered" + (f"; {unread}" if unread else "")
    lines = f"the access logs have {found} of the {test.answered} requests that were answered"
    return f"{lines}; {unread}" if unread else lines


def _elsewhere(profile: Profile, service: Service, node: str, counts: Mapping[str, int]) -> dict[str, int]:
    """Addresses as a peer knows them: a node's nginx reaches the node's own backend over loopback."""
    there = profile.backends_of(service).get(node)
    own = {endpoint(address, service.port): there for address in LOOPBACK} if there else {}
    found: Counter[str] = Counter()
    for address, count in counts.items():
        found[own.get(address) or address] += count
    return dict(found)


def _disagreement(endpoints: Mapping[str, str], shares: Mapping[str, Share], nginx: ByNginx) -> str:
    """Where nginx's log says something else than the services', and whom it asked beside those that are known."""
    if nginx.counts is None:
        return ""
    parts = [
        f"{name} has {share.requests} in its own log and {nginx.counts.get(endpoints[name], 0)} in nginx's"
        for name, share in shares.items()
        if share.requests not in (None, nginx.counts.get(endpoints[name], 0))
    ]
    strange = {where: count for where, count in nginx.counts.items() if where not in endpoints.values()}
    parts += [f"{where} is no backend of the profile, and was asked {count} x" for where, count in strange.items()]
    return "; ".join(parts)
