"""Certificates of the services' TLS ports: out of date, soon so, for another name, of a stranger, or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated
from iamops.judge.rules.base import (
    Answer,
    Rule,
    RuleInput,
    evidence_of,
    live,
    probed,
    reason_of,
    unheard,
    unit_running,
)
from iamops.model.facts import Certificate, Severity, TlsReport
from iamops.model.observed import Known, Unknown
from iamops.model.profile import Profile, Service
from iamops.model.state import NodeState
from iamops.model.text import counted, day_of

DAY_S = 86400.0
EXPIRED, SOON, NAME = "certificate-expired", "certificate-expires-soon", "certificate-name"
UNTRUSTED, NO_TLS = "certificate-untrusted", "no-tls"
CODES = (EXPIRED, SOON, NAME, UNTRUSTED, NO_TLS)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the certificate of a port. `tail`: the title, behind the words for where."""

    code: str
    severity: Severity
    tail: str
    step: str
    service: Service
    port: int
    seen: Known[TlsReport]


def certificates(view: RuleInput, now: float) -> Iterator[Answer]:
    """A certificate that several ports of a node show is wrong once."""
    profile = view.state.profile
    if not any(profile.tls_ports_on(name) for name in profile.nodes):
        return
    yield from unheard(view, now, CODES, "what its TLS ports show")
    for node in live(view, now):
        alike: dict[tuple[str, str, Certificate | None], list[Fault]] = {}
        for port, service in profile.tls_ports_on(node.name).items():
            seen = node.certificates.get(port, Unknown())
            if isinstance(seen, Unknown):
                yield from (
                    NotEvaluated(c, f"the certificate of port {port}", reason_of(seen), node.name) for c in CODES
                )
                continue
            if seen.value.unasked:
                what = f"who vouches for port {port} of {service.name} on {node.name}"
                yield NotEvaluated(UNTRUSTED, what, seen.value.unasked, node.name)
            for fault in _faults(profile, node, service, port, seen, now):
                alike.setdefault((fault.code, fault.tail, seen.value.certificate), []).append(fault)
        yield from (_finding(node, faults, now) for faults in alike.values())


def _faults(
    profile: Profile, node: NodeState, service: Service, port: int, seen: Known[TlsReport], now: float
) -> Iterator[Fault]:
    def fault(code: str, severity: Severity, tail: str, step: str) -> Fault:
        return Fault(code, severity, tail, step, service, port, seen)

    report = seen.value
    if report.certificate is None:
        if unit_running(node, service.unit):  # what does not run is told as that
            tail = f"shows no certificate: {report.probe.detail or report.probe.outcome}"
            yield fault(NO_TLS, Severity.WARNING, tail, f"look: journalctl -u {service.unit} on {node.name}")
        return
    certificate, left_s = report.certificate, report.certificate.not_after - now
    step = (
        f"look: which file does {service.unit} on {node.name} name as its certificate, and was it started since?"
    )
    if left_s < 0:
        yield fault(EXPIRED, Severity.CRITICAL, f"has expired on {day_of(certificate.not_after)}", step)
    elif certificate.not_before > now:
        tail = f"is not valid before {day_of(certificate.not_before)}"
        yield fault(EXPIRED, Severity.CRITICAL, tail, step)
    elif left_s < profile.tls.warn_days * DAY_S:
        tail = f"expires in {counted(int(left_s // DAY_S), 'day')}"
        soon = f"look: put in a new certificate for {service.unit} on {node.name} before then"
        yield fault(SOON, Severity.WARNING, tail, soon)
    name = profile.tls_name_of(service)
    if name is not None and not certificate.is_for(name):
        yield fault(NAME, Severity.CRITICAL, f"is not for {name}", step)
    if report.untrusted:
        yield fault(UNTRUSTED, Severity.CRITICAL, f"is not of the profile's CA: {report.untrusted}", step)


def _finding(node: NodeState, faults: Sequence[Fault], now: float) -> Finding:
    first, ports = faults[0], dict[str, list[str]]()
    for each in sorted(faults, key=lambda each: each.port):
        ports.setdefault(each.service.name, []).append(str(each.port))
    named = ", ".join(f"{' and '.join(numbers)} of {name}" for name, numbers in ports.items())
    where = f"{'port' if len(faults) == 1 else 'ports'} {named} on {node.name}"
    title = f"{where} {first.tail}" if first.code == NO_TLS else f"the certificate on {where} {first.tail}"
    one = first.service if len(ports) == 1 else None
    about = About(
        one.unit if one is not None else "",
        one.name if one is not None else "",
        subject=" ".join(number for numbers in ports.values() for number in numbers),
        services=tuple(ports),
    )
    evidence = _evidence(node, first, now)
    return Finding(first.code, first.severity, title, (evidence,), first.step, node.name, about=about)


def _evidence(node: NodeState, fault: Fault, now: float) -> Evidence:
    report = fault.seen.value
    if report.certificate is not None:
        return evidence_of(fault.seen, _words(report.certificate), "TLS", node.name, now)
    probe = Known(report.probe, fault.seen.at)
    return probed(probe, f"a TLS handshake with port {fault.port}", "TLS", node.name, now)


def _words(certificate: Certificate) -> str:
    span = f"{day_of(certificate.not_before)} to {day_of(certificate.not_after)}"
    return f"{certificate.subject}, for {certificate.shown}, valid {span}, issued by {certificate.issuer}"


RULES = (Rule(CODES, certificates),)
