"""Certificates of the services' TLS ports: out of date, soon so, for another name, of a stranger, or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import (
    Answer,
    RuleInput,
    evidence_of,
    live,
    not_evaluated,
    probed,
    reason_of,
    rule,
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
class PortFault:
    """What is wrong with the certificate of a port. `tail`: the title, behind the words for where."""

    code: str
    severity: Severity
    tail: str
    step: str
    service: Service
    port: int
    seen: Known[TlsReport]


@rule(*CODES)
def certificates(view: RuleInput, now: float) -> Iterator[Answer]:
    """A certificate that several ports of a node show is wrong once."""
    profile = view.state.profile
    if not any(profile.tls_ports_on(name) for name in profile.nodes):
        return
    yield from unheard(view, now, CODES, "what its TLS ports show")
    for node in live(view, now):
        alike: dict[tuple[str, str, Certificate | None], list[PortFault]] = {}
        for port, service in profile.tls_ports_on(node.name).items():
            seen = node.certificates.get(port, Unknown())
            if isinstance(seen, Unknown):
                yield from not_evaluated(CODES, f"the certificate of port {port}", reason_of(seen), node.name)
                continue
            if seen.value.unasked:
                what = f"who vouches for port {port} of {service.name} on {node.name}"
                yield NotEvaluated(UNTRUSTED, what, seen.value.unasked, node.name)
            for fault in _faults(profile, node, service, port, seen, now):
                alike.setdefault((fault.code, fault.tail, seen.value.certificate), []).append(fault)
        yield from (_finding(node, faults, now) for faults in alike.values())


RULES = (certificates,)


def _faults(
    profile: Profile, node: NodeState, service: Service, port: int, seen: Known[TlsReport], now: float
) -> Iterator[PortFault]:
    def fault(code: str, severity: Severity, tail: str, step: str) -> PortFault:
        return PortFault(code, severity, tail, step, service, port, seen)

    report = seen.value
    if report.certificate is None:
        if unit_running(node, service.unit):  # what does not run is unit-down
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


def _finding(node: NodeState, faults: Sequence[PortFault], now: float) -> Finding:
    first, ports = faults[0], dict[str, list[str]]()
    for fault in sorted(faults, key=lambda fault: fault.port):
        ports.setdefault(fault.service.name, []).append(str(fault.port))
    named = ", ".join(f"{' and '.join(numbers)} of {name}" for name, numbers in ports.items())
    where = f"{'port' if len(faults) == 1 else 'ports'} {named} on {node.name}"
    title = f"{where} {first.tail}" if first.code == NO_TLS else f"the certificate on {where} {first.tail}"
    alone = len(ports) == 1
    about = About(
        first.service.unit if alone else "",
        first.service.name if alone else "",
        subject=" ".join(number for numbers in ports.values() for number in numbers),
        services=tuple(ports),
    )
    report = first.seen.value
    if (shown := report.certificate) is None:
        probe = Known(report.probe, first.seen.at)
        evidence = probed(probe, f"a TLS handshake with port {first.port}", "TLS", node.name, now)
    else:
        span = f"{day_of(shown.not_before)} to {day_of(shown.not_after)}"
        value = f"{shown.subject}, for {shown.shown}, valid {span}, issued by {shown.issuer}"
        evidence = evidence_of(first.seen, value, "TLS", node.name, now)
    return Finding(first.code, first.severity, title, (evidence,), first.step, node.name, about=about)
