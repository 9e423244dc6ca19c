"""Certificates of the services' TLS ports: out of date, soon so, for another name, of a stranger, or none."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.judge.findings import About, Blind, Evidence, Finding
from iamops.judge.rules.base import Answer, Rule, RuleInput, live, probed, reason_of, told, unheard, unit_running
from iamops.model.facts import Certificate, Severity, TlsReport
from iamops.model.observed import Known, Unknown
from iamops.model.profile import Profile, Service
from iamops.model.state import NodeState
from iamops.model.text import counted, day_of

DAY_S = 86400.0
EXPIRED, SOON, NAME = "certificate-expired", "certificate-expires-soon", "certificate-name"
UNTRUSTED, NO_TLS = "certificate-untrusted", "no-tls"
CODES = (EXPIRED, SOON, NAME, UNTRUSTED, NO_TLS)


def certificates(view: RuleInput, now: float) -> Iterator[Answer]:
    profile = view.state.profile
    if not any(profile.tls_ports_on(name) for name in profile.nodes):
        return
    yield from unheard(view, now, CODES, "what its TLS ports show")
    for node in live(view, now):
        for port, service in profile.tls_ports_on(node.name).items():
            seen = node.certificates.get(port, Unknown())
            if isinstance(seen, Unknown):
                yield from (Blind(c, f"the certificate of port {port}", reason_of(seen), node.name) for c in CODES)
            else:
                yield from _judged(profile, node, service, port, seen, now)


def _judged(
    profile: Profile, node: NodeState, service: Service, port: int, seen: Known[TlsReport], now: float
) -> Iterator[Answer]:
    report, where = seen.value, f"port {port} of {service.name} on {node.name}"
    if report.certificate is None:
        if unit_running(node, service.unit):  # what does not run is told as that
            probe = Known(report.probe, seen.at)
            evidence = probed(probe, f"a TLS handshake with port {port}", "TLS", node.name, now)
            title = f"{where} shows no certificate: {report.probe.detail or report.probe.outcome}"
            step = f"look: journalctl -u {service.unit} on {node.name}"
            yield _finding(NO_TLS, Severity.WARNING, title, evidence, step, node, service, port)
        return
    certificate = report.certificate
    evidence = told(seen, _words(certificate), "TLS", node.name, now)
    step = (
        f"look: which file does {service.unit} on {node.name} name as its certificate, and was it started since?"
    )
    yield from _dated(profile, certificate, where, evidence, step, node, service, port, now)
    name = profile.tls_name_of(service)
    if name is not None and not certificate.is_for(name):
        title = f"the certificate on {where} is not for {name}"
        yield _finding(NAME, Severity.CRITICAL, title, evidence, step, node, service, port)
    if report.unasked:
        yield Blind(UNTRUSTED, f"who vouches for {where}", report.unasked, node.name)
    elif report.untrusted:
        title = f"the certificate on {where} is not of the profile's CA: {report.untrusted}"
        yield _finding(UNTRUSTED, Severity.CRITICAL, title, evidence, step, node, service, port)


def _dated(
    profile: Profile,
    certificate: Certificate,
    where: str,
    evidence: Evidence,
    step: str,
    node: NodeState,
    service: Service,
    port: int,
    now: float,
) -> Iterator[Finding]:
    left_s = certificate.not_after - now
    if left_s < 0:
        title = f"the certificate on {where} has expired on {day_of(certificate.not_after)}"
        yield _finding(EXPIRED, Severity.CRITICAL, title, evidence, step, node, service, port)
    elif certificate.not_before > now:
        title = f"the certificate on {where} is not valid before {day_of(certificate.not_before)}"
        yield _finding(EXPIRED, Severity.CRITICAL, title, evidence, step, node, service, port)
    elif left_s < profile.tls.warn_days * DAY_S:
        title = f"the certificate on {where} expires in {counted(int(left_s // DAY_S), 'day')}"
        soon = f"look: put in a new certificate for {service.unit} on {node.name} before then"
        yield _finding(SOON, Severity.WARNING, title, evidence, soon, node, service, port)


def _finding(
    code: str,
    severity: Severity,
    title: str,
    evidence: Evidence,
    step: str,
    node: NodeState,
    service: Service,
    port: int,
) -> Finding:
    return Finding(
        code,
        severity,
        title,
        (evidence,),
        step,
        node.name,
        about=About(service.unit, service.name, subject=str(port)),
    )


def _words(certificate: Certificate) -> str:
    span = f"{day_of(certificate.not_before)} to {day_of(certificate.not_after)}"
    return f"{certificate.subject}, for {certificate.shown}, valid {span}, issued by {certificate.issuer}"


RULES = (Rule(CODES, certificates),)
