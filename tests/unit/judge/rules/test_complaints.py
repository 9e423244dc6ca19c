"""The daemons' own complaints: evidence of what fails now, and of nothing that is over or of another."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.findings import Finding, NotEvaluated, flat
from iamops.judge.rules.complaints import strangers
from iamops.judge.triage.diagnose import diagnose
from iamops.model.events import AddressChanged, ClientProbed, HttpProbed, Target, UnitReported, VrrpReported
from iamops.model.facts import ProbeOutcome, ProbeReport, UnitReport, VrrpReport, VrrpState
from iamops.model.inspection import ComplaintKind, DaemonComplaint, ErrorLogInspection, JournalInspection
from tests.support.cluster_states import NOW, VIP, fed, healthy
from tests.support.finding_samples import complaint, state
from tests.support.looks import LATER, A, B, asked, found, journal, node_look, requests, traffic_look, view
from tests.support.profiles import pair


def test_the_failures_of_another_service_are_no_evidence():
    slots = {int(NOW) - 20: requests(10, 10, at_10_0_4_21__8080=(10, 10), at_10_0_4_21__9090=(9, 9))}
    at = view(traffic={A: traffic_look(slots), B: traffic_look()})
    (finding,) = [each for each in asked("requests-failing", at) if isinstance(each, Finding)]
    assert not any(":9090" in each.value for each in finding.evidence)


def test_what_failed_before_the_service_was_begun_anew_failed_for_want_of_it():
    anew = [UnitReported(NOW - 5, B, "iam-apiserver", UnitReport("active", "running", 1, 401))]
    slots = {int(NOW) - 20: requests(10, 10)}
    at = view(fed(healthy(), anew), traffic={A: traffic_look(slots), B: traffic_look()})
    assert found(asked("requests-failing", at)) == []


def test_lines_of_minutes_ago_are_no_evidence_of_what_fails_now():
    def evidence(ago_s: float) -> str:
        said = DaemonComplaint(
            ComplaintKind.UPSTREAM_REFUSED, "nginx", "x", (NOW - ago_s,), "refused", "it refuses"
        )
        dark = ClientProbed(NOW, "VI_1", ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s"))
        at = view(fed(healthy(), [dark]), a=node_look(A, nginx_errors=ErrorLogInspection(complaints=(said,))))
        (each,) = (f for f in flat(diagnose(at, LATER).findings) if f.code == "client-dark")
        return str(each.evidence)

    assert "it refuses" in evidence(20)
    assert "it refuses" not in evidence(300)


def test_failures_of_five_minutes_ago_are_over():
    slots = {int(NOW) - 300: requests(10, 10)}
    assert found(asked("requests-failing", view(traffic={A: traffic_look(slots), B: traffic_look()}))) == []


def test_backends_that_nginx_asks_again_are_not_given_up_any_more():
    said = DaemonComplaint(
        ComplaintKind.NO_LIVE_UPSTREAMS, "nginx", "", (NOW - 3,), "no live upstreams", "given up"
    )
    look = node_look(B, nginx_errors=ErrorLogInspection(complaints=(said,)))
    assert found(asked("no-live-upstreams", view(b=look))) == []
    bad = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 502, "HTTP 502")
    dark = [HttpProbed(NOW, B, B, Target.DOMAIN, "iam.api.marmotedu.com", bad)]
    assert found(asked("no-live-upstreams", view(fed(healthy(), dark), b=look))) == ["no-live-upstreams"]


def test_what_has_no_backend_at_all_is_why_nginx_gives_up_and_nothing_else_is():
    """Where another service that it has given up answers, what the first one lacks is not the reason."""
    bad = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 502, "HTTP 502")
    refused = ProbeReport(ProbeOutcome.REFUSED, detail="connection refused")
    api, authz = "iam-apiserver", "iam-authz-server"

    def root(names: tuple[str, ...], *down: str) -> list[str]:
        said = tuple(
            DaemonComplaint(ComplaintKind.NO_LIVE_UPSTREAMS, "nginx", each, (NOW - 1,), "no live", "given up")
            for each in names
        )
        events = [HttpProbed(NOW, B, B, Target.DOMAIN, "iam.api.marmotedu.com", bad)]
        for service in down:
            for node in (A, B):
                events.append(UnitReported(NOW, node, service, UnitReport("inactive", "dead")))
                events += [HttpProbed(NOW, node, by, Target.SERVICE, service, refused) for by in (A, B)]
        look = node_look(B, nginx_errors=ErrorLogInspection(complaints=said))
        return [each.code for each in diagnose(view(fed(healthy(), events), b=look), LATER).findings]

    both = ("iam.api.marmotedu.com", "iam.authz.marmotedu.com")
    assert "no-live-upstreams" not in root(both[:1], api)
    assert "no-live-upstreams" not in root(both, api, authz)
    assert "no-live-upstreams" in root(both, api)
    assert "no-live-upstreams" in root(("somebody's",), api)
    assert "no-live-upstreams" not in root(("",), api, authz)
    assert "no-live-upstreams" in root(("",), api)


def test_a_stranger_that_is_gone_is_not_told_once_the_vip_has_an_owner():
    def heard(ago_s: float, state=None):
        said = DaemonComplaint(
            ComplaintKind.HIGHER_PRIORITY, "keepalived", "10.0.4.66", (NOW - ago_s,), "advert", "gave up"
        )
        return view(state, a=node_look(A, journal=JournalInspection((), NOW - 3600, (said,))))

    assert found(asked("stranger-router", heard(30))) == ["stranger-router"]
    assert found(asked("stranger-router", heard(300))) == []
    nobody = fed(healthy(), [AddressChanged(NOW, A, VIP, present=False)])
    assert found(asked("stranger-router", heard(1800, nobody))) == ["stranger-router"]


def test_of_several_stores_the_one_that_the_service_needs_is_told_and_none_is_guessed():
    ports = {"db": 3306, "log": 3307}
    stores = {name: {"node": "iam-a", "kind": "mariadb", "port": port} for name, port in ports.items()}
    said = DaemonComplaint(
        ComplaintKind.MARIADB_REFUSES, "iam-pump", "", (NOW - 3,), "Error 1290", "it is read-only"
    )

    def titles(**pump: object) -> list[str]:
        services = {"iam-pump": {"port": 7070, **pump}}
        state = healthy(profile=pair(datastores=stores, services=services))
        answers = asked("datastore-refuses-writes", view(state, b=node_look(B, services=(said,))))
        return [each.title for each in answers if isinstance(each, Finding)]

    assert [title.partition(",")[0] for title in titles(needs=["log"])] == ["log takes no writes"]
    assert [title.partition(", by")[0] for title in titles()] == ["one of db, log takes no writes"]


def test_the_upstreams_that_nginx_has_given_up_are_named():
    def title(*names: str) -> str:
        said = tuple(
            DaemonComplaint(ComplaintKind.NO_LIVE_UPSTREAMS, "nginx", each, (NOW - 1,), "no live", "given up")
            for each in names
        )
        bad = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 502, "HTTP 502")
        dark = [HttpProbed(NOW, B, B, Target.DOMAIN, "iam.api.marmotedu.com", bad)]
        look = node_look(B, nginx_errors=ErrorLogInspection(complaints=said))
        (one,) = [
            each
            for each in asked("no-live-upstreams", view(fed(healthy(), dark), b=look))
            if isinstance(each, Finding)
        ]
        return one.title

    assert "given every backend of api and authz up" in title("api", "authz")
    assert "given every backend up" in title("api", "")


def test_a_stranger_that_took_the_vip_is_blamed_only_while_somebody_waits_for_it():
    gone = AddressChanged(NOW, A, VIP, present=False)
    gave_way = complaint(ComplaintKind.HIGHER_PRIORITY, "10.0.4.66", ago_s=1800)
    look = node_look(A, journal=replace(journal(), complaints=(gave_way,)))

    def found(word: VrrpState) -> list[str]:
        seen = state(gone, VrrpReported(NOW, A, "VI_1", VrrpReport(word, "json")), a=look)
        return [each.code for each in strangers.ask(seen, NOW) if not isinstance(each, NotEvaluated)]

    assert found(VrrpState.BACKUP) == ["stranger-router"]
    assert found(VrrpState.FAULT) == [], "its own check keeps it from the VIP"
