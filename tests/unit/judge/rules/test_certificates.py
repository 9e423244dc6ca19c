"""Certificates of TLS ports: out of date, soon so, for another name, of a stranger, or none at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.findings import Finding, NotEvaluated
from iamops.judge.rules.base import RuleInput
from iamops.judge.rules.certificates import CODES, certificates
from iamops.model.events import TlsProbed, UnitReported
from iamops.model.facts import Certificate, ProbeOutcome, ProbeReport, TlsReport, UnitReport
from iamops.model.profile import Profile
from tests.support.cluster_states import NOW, OK, fed, healthy
from tests.support.profiles import pair

DAY_S = 86_400.0
DOMAIN = "iam.api.marmotedu.com"
GOOD = Certificate("CN=iam", "CN=CA of the lab", NOW - DAY_S, NOW + 90 * DAY_S, (DOMAIN,), DOMAIN)
SERVICES = {"iam-apiserver": {"port": 8080, "domain": DOMAIN, "tls_ports": [8443, 9443]}}


def profile() -> Profile:
    return pair(services=SERVICES)


def asked(*reports: tuple[int, TlsReport], node: str = "iam-a", more: tuple = ()) -> list[Finding]:
    state = healthy(profile=profile())
    fine = [TlsProbed(NOW, each, port, TlsReport(OK, GOOD)) for each in state.nodes for port in (8443, 9443)]
    events = [TlsProbed(NOW, node, port, report) for port, report in reports]
    answers = certificates.ask(RuleInput(fed(state, [*fine, *events, *more])), NOW + 1)
    return [each for each in answers if isinstance(each, Finding)]


def codes(report: TlsReport) -> list[str]:
    return [each.code for each in asked((8443, report))]


def test_good_certificates_are_no_finding():
    assert asked() == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"not_after": NOW - DAY_S}, "certificate-expired"),
        ({"not_before": NOW + DAY_S}, "certificate-expired"),
        ({"not_after": NOW + 2 * DAY_S}, "certificate-expires-soon"),
        ({"names": ("other.example",)}, "certificate-name"),
    ],
)
def test_a_certificate_that_clients_would_refuse_is_told(changed: dict, code: str):
    assert codes(TlsReport(OK, replace(GOOD, **changed))) == [code]


def test_a_certificate_of_a_stranger_is_told_with_the_reason():
    (found,) = asked((8443, TlsReport(OK, GOOD, untrusted="self-signed")))
    assert found.code == "certificate-untrusted"
    assert found.title.endswith("is not of the profile's CA: self-signed")


def test_one_certificate_on_several_ports_of_a_node_is_wrong_once():
    old = TlsReport(OK, replace(GOOD, not_after=NOW - DAY_S))
    (found,) = asked((8443, old), (9443, old))
    assert "ports 8443 and 9443 of iam-apiserver on iam-a" in found.title
    assert found.about.subject == "8443 9443"


def test_a_port_without_a_certificate_is_told_while_its_unit_runs():
    silent = TlsReport(ProbeReport(ProbeOutcome.REFUSED, detail="connection refused"))
    (found,) = asked((8443, silent))
    assert (found.code, found.title) == (
        "no-tls",
        "port 8443 of iam-apiserver on iam-a shows no certificate: connection refused",
    )
    stopped = UnitReported(NOW, "iam-a", "iam-apiserver", UnitReport("inactive"))
    assert asked((8443, silent), more=(stopped,)) == []


def test_a_port_that_was_not_asked_is_a_question_that_stays_open():
    state = healthy(profile=profile())
    answers = list(certificates.ask(RuleInput(state), NOW + 1))
    assert {each.code for each in answers if isinstance(each, NotEvaluated)} == set(CODES)
    assert not [each for each in answers if isinstance(each, Finding)]


def test_where_no_port_speaks_tls_nothing_is_asked():
    assert list(certificates.ask(RuleInput(healthy()), NOW + 1)) == []
