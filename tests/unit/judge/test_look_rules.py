"""The rules that read deep looks: each right about its one thing, silent on a healthy pair, and never falsely."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.findings import Finding, flat
from iamops.judge.lint.catalogue import CATALOGUE as LINT
from iamops.judge.lint.finding import Hit, LintFinding, LintReport
from iamops.judge.rules.base import RuleInput
from iamops.judge.triage.diagnose import RULES, diagnose
from iamops.model.config import DaemonCheck
from iamops.model.events import AddressChanged, ClientProbed, HostReported, HttpProbed, Target, UnitReported
from iamops.model.facts import HostReport, ProbeOutcome, ProbeReport, Severity, UnitReport
from iamops.model.inspection import (
    ComplaintKind,
    DaemonComplaint,
    ErrorLogInspection,
    Filesystem,
    JournalEventKind,
    JournalInspection,
)
from iamops.model.observed import Known, Unknown
from tests.support.cluster_states import NOW, VIP, fed, healthy
from tests.support.profiles import pair
from tests.unit.judge.looks import (
    CHECK,
    CONF,
    LATER,
    MACS,
    NGINX_CONF,
    NOTIFY,
    A,
    B,
    asked,
    blind,
    found,
    journal,
    node_look,
    requests,
    stamp,
    traffic_look,
    view,
)

K = "keepalived"
CODES = [code for rule in RULES for code in rule.codes]
PASSED = (3000.0, K, JournalEventKind.SCRIPT_PASSED, CHECK, "VRRP_Script(check) succeeded")


def test_on_a_healthy_pair_nothing_is_found_and_only_what_needs_traffic_is_open():
    diagnosis = diagnose(view(), LATER)
    assert diagnosis.findings == ()
    assert {each.code for each in diagnosis.not_evaluated} == {"config-drift", "uneven-split"}


def test_without_a_deep_look_every_look_rule_says_that_it_is_blind():
    diagnosis = diagnose(RuleInput(healthy()), LATER)
    unclear = {each.code for each in diagnosis.not_evaluated}
    for code in (
        "foreign-adverts",
        "check-blind",
        "stale-arp",
        "nginx-config-invalid",
        "requests-failing",
        "lint",
    ):
        assert code in unclear
        assert code not in diagnosis.checked


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("check-unrunnable", [PASSED, (9, K, JournalEventKind.SCRIPT_UNRUNNABLE, CHECK, "now returning 127")]),
        (
            "check-unrunnable",
            [(4, K, JournalEventKind.SCRIPT_UNRUNNABLE, "/etc/keepalived/check.sh", "Error exec-ing")],
        ),
        ("script-timeout", [PASSED, (9, K, JournalEventKind.SCRIPT_TIMED_OUT, CHECK, "timed_out")]),
        (
            "script-insecure",
            [(9, K, JournalEventKind.SCRIPT_REFUSED, "/etc/keepalived/check.sh", "Unsafe permissions")],
        ),
        ("foreign-adverts", [(9, K, JournalEventKind.FOREIGN_ADVERT, "VI_1", "received an invalid passwd!")]),
        (
            "keepalived-restarted",
            [(1800, K, JournalEventKind.CRASHED, K, "Main process exited, code=killed, status=9/KILL")],
        ),
        ("unit-restarted", [(90, "iam-pump", JournalEventKind.CRASHED, "iam-pump", "Main process exited")]),
    ],
)
def test_the_journal_tells(code, said):
    at = view(b=node_look(B, journal=journal(*said)))
    (finding,) = [each for each in asked(code, at) if isinstance(each, Finding) and each.code == code]
    assert finding.node == B
    assert finding.evidence[0].source.startswith("journal of ")
    assert finding.evidence[0].age_s == pytest.approx(said[-1][0] + 2, abs=0.01)
    assert code in [each.code for each in diagnose(at, LATER).findings]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("check-unrunnable", [(9, K, JournalEventKind.SCRIPT_UNRUNNABLE, CHECK, "127"), (4, *PASSED[1:])]),
        (
            "check-unrunnable",
            [(60, K, JournalEventKind.SCRIPT_UNRUNNABLE, "/etc/keepalived/check.sh", "Error exec-ing")],
        ),
        ("script-timeout", [(9, K, JournalEventKind.SCRIPT_TIMED_OUT, CHECK, "timed_out"), (4, *PASSED[1:])]),
        (
            "script-insecure",
            [
                (9, K, JournalEventKind.SCRIPT_REFUSED, "/x", "Unsafe"),
                (5, K, JournalEventKind.STOPPED, K, "Stopped"),
            ],
        ),
        ("foreign-adverts", [(700, K, JournalEventKind.FOREIGN_ADVERT, "VI_1", "received an invalid passwd!")]),
        ("keepalived-restarted", [(50, K, JournalEventKind.STARTED, K, "Started keepalived.service")]),
    ],
)
def test_what_is_over_is_not_said_again(code, said):
    assert found(asked(code, view(b=node_look(B, journal=journal(*said))))) == []


def test_a_restart_in_order_is_only_an_info():
    at = view(b=node_look(B, journal=journal((60, K, JournalEventKind.STOPPED, K, "Stopped keepalived.service"))))
    (finding,) = [each for each in asked("keepalived-restarted", at) if isinstance(each, Finding)]
    assert finding.severity is Severity.INFO


def test_three_moves_in_ten_minutes_are_flapping_whoever_logged_them():
    def entered(*ago: float):
        return journal(*((s, K, JournalEventKind.ENTERED, "VI_1", "(VI_1) Entering MASTER STATE") for s in ago))

    two = view(a=node_look(A, journal=entered(300)), b=node_look(B, journal=entered(900, 200)))
    assert found(asked("vip-flapping", two)) == []
    three = view(a=node_look(A, journal=entered(300, 100)), b=node_look(B, journal=entered(900, 200)))
    assert found(asked("vip-flapping", three)) == ["vip-flapping"]


def test_times_of_a_node_whose_clock_is_off_are_brought_to_ours():
    state = fed(healthy(), [HostReported(NOW, B, HostReport(0.1, 20.0, 30.0, -300_000.0, 1.0))])
    at = view(
        state, b=node_look(B, journal=journal((309, K, JournalEventKind.FOREIGN_ADVERT, "VI_1", "invalid passwd")))
    )
    (finding,) = [each for each in asked("foreign-adverts", at) if isinstance(each, Finding)]
    assert finding.evidence[0].age_s == pytest.approx(11, abs=0.01)


def test_a_dead_nginx_under_a_backup_is_a_blind_check_but_not_before_the_check_had_its_time():
    state = fed(healthy(), [UnitReported(NOW, B, "nginx", UnitReport("inactive", "dead"))])

    def stopped(ago: float) -> list[str]:
        said = journal((ago, "nginx", JournalEventKind.STOPPED, "nginx", "Stopped nginx.service"))
        return found(asked("check-blind", view(state, b=node_look(B, journal=said))))

    assert stopped(5) == []
    assert stopped(60) == ["check-blind"]


def test_a_notify_log_that_is_not_there():
    files = {path: stamp(path) for path in (CONF, NGINX_CONF)}
    assert found(asked("notify-log-missing", view(b=node_look(B, files=files)))) == ["notify-log-missing"]


def test_the_clients_neighbour_entry_is_compared_with_the_owners_hardware():
    assert found(asked("stale-arp", view())) == []
    wrong = view(neighbours=Known({VIP: MACS[B]}, NOW))
    (finding,) = [each for each in asked("stale-arp", wrong) if isinstance(each, Finding)]
    assert B in finding.title
    assert finding.evidence[0].value == f"{VIP} is at {MACS[B]}"


def test_behind_a_router_the_neighbour_entry_cannot_be_told():
    (answer,) = blind(asked("stale-arp", view(neighbours=Known({"10.0.4.1": MACS[B]}, NOW))))
    assert "a router stands between" in answer.because


def test_an_owner_that_serves_and_a_client_in_the_dark():
    dark = ClientProbed(NOW + 1, "VI_1", ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s"))
    (root,) = diagnose(view(fed(healthy(), [dark])), LATER).findings
    assert root.code == "dark-outside"
    assert [each.code for each in root.explains] == ["client-dark"]


def test_an_invalid_nginx_configuration_is_told_by_nginx_itself():
    said = 'nginx: [emerg] unexpected "}" in /etc/nginx/conf.d/x.conf:3'
    at = view(b=node_look(B, checks=(DaemonCheck(B, "nginx", 1, said), DaemonCheck(B, "keepalived", 0, ""))))
    (finding,) = [each for each in asked("nginx-config-invalid", at) if isinstance(each, Finding)]
    assert finding.evidence[0].value == '/etc/nginx/conf.d/x.conf:3: unexpected "}"'
    assert "runs on" in finding.title


def test_without_the_right_to_test_it_nginx_is_not_called_valid():
    refused = DaemonCheck(B, "nginx", 1, "", "nginx -t may not be run (sudo: a password is required)")
    for checks, why in (((refused,), "sudo"), ((), "not asked")):
        assert why in blind(asked("nginx-config-invalid", view(b=node_look(B, checks=checks))))[0].because


def test_worker_connections_that_ran_out_are_said_for_five_minutes():
    fresh, old = ErrorLogInspection((NOW - 20,), (), "not enough", 1), ErrorLogInspection((NOW - 400,), (), "x", 1)
    code = "nginx-connections-exhausted"
    assert found(asked(code, view(b=node_look(B, nginx_errors=fresh)))) == [code]
    assert found(asked(code, view(b=node_look(B, nginx_errors=old)))) == []


def test_a_file_that_is_newer_than_what_runs():
    files = {path: stamp(path) for path in (NGINX_CONF, NOTIFY)} | {CONF: stamp(CONF, NOW - 100)}
    assert found(asked("config-not-loaded", view(b=node_look(B, files=files)))) == ["config-not-loaded"]
    unknown = view(b=replace(node_look(B, files=files), loaded=Unknown("ps: not found")))
    assert blind(asked("config-not-loaded", unknown))[0].because == "ps: not found"


def test_inodes_and_the_other_disks():
    disks = (Filesystem("/", 40.0, 96.0), Filesystem("/var/log", 93.0, 2.0))
    at = view(b=node_look(B, filesystems=disks))
    assert found(asked("inodes-exhausted", at)) == ["inodes-exhausted"]
    assert found(asked("disk-full", at)) == ["disk-full"]


def test_real_requests_that_fail_while_the_health_pages_are_fine():
    slots = {int(NOW) - 20: requests(10, 10, at_10_0_4_21__8080=(10, 10))}
    at = view(traffic={A: traffic_look(slots), B: traffic_look()})
    (finding,) = [each for each in asked("requests-failing", at) if isinstance(each, Finding)]
    assert finding.title.startswith("iam-apiserver is healthy, and 10 of 20")
    assert any("10.0.4.21:8080: 10 of 10" in each.value for each in finding.evidence)


def test_a_service_that_is_seen_between_two_of_its_crashes_does_not_run():
    crashes = journal(*((ago, "iam-pump", JournalEventKind.CRASHED, "iam-pump", "exited") for ago in (12, 8, 4)))
    bad = HttpProbed(NOW, B, B, Target.SERVICE, "iam-pump", ProbeReport(ProbeOutcome.REFUSED))
    (root,) = diagnose(view(fed(healthy(), [bad]), b=node_look(B, journal=crashes)), LATER).findings
    assert root.title == "iam-pump on iam-b does not stay up: it crashed 3 times in 8 s"
    assert [each.code for each in root.explains] == ["service-unhealthy"]


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


def moved_at(ago: float):
    said = journal((ago, K, JournalEventKind.ENTERED, "VI_1", "(VI_1) Entering MASTER STATE"))
    return node_look(A, journal=said)


def test_errors_that_began_with_the_move():
    slots = {int(NOW) - 300: requests(100), int(NOW) - 100: requests(80, 20)}
    at = view(a=moved_at(200), traffic={A: traffic_look(slots), B: traffic_look()})
    assert found(asked("errors-since-move", at)) == ["errors-since-move"]
    same = {int(NOW) - 300: requests(80, 20), int(NOW) - 100: requests(80, 20)}
    assert found(asked("errors-since-move", view(a=moved_at(200), traffic={A: traffic_look(same)}))) == []


def test_errors_after_a_split_brain_are_not_blamed_on_a_move():
    """iam-b became MASTER beside the owner, and gave it up again: nothing has moved."""
    slots = {int(NOW) - 300: requests(100), int(NOW) - 100: requests(80, 20)}
    beside = node_look(
        B, journal=journal((200, K, JournalEventKind.ENTERED, "VI_1", "(VI_1) Entering MASTER STATE"))
    )
    at = view(b=beside, traffic={A: traffic_look(slots), B: traffic_look()})
    assert found(asked("errors-since-move", at)) == []
    assert [each.code for each in blind(asked("errors-since-move", at))] == []


def test_errors_that_are_over_are_no_finding_any_more():
    slots = {int(NOW) - 300: requests(100), int(NOW) - 150: requests(80, 20), int(NOW) - 40: requests(100)}
    assert found(asked("errors-since-move", view(a=moved_at(200), traffic={A: traffic_look(slots)}))) == []


def test_too_few_requests_around_a_move_are_no_all_clear():
    at = view(a=moved_at(200), traffic={A: traffic_look({int(NOW) - 300: requests(5)}), B: traffic_look()})
    assert "too few to compare" in blind(asked("errors-since-move", at))[0].because


def test_an_uneven_split_is_told_and_chance_is_not():
    def answers(own: int, peer: int) -> list[str]:
        backends = {"at_127_0_0_1__8080": (own, 0), "at_10_0_4_21__8080": (peer, 0)}
        slots = {int(NOW) - 60: requests(own + peer, **backends)}
        return found(asked("uneven-split", view(traffic={A: traffic_look(slots), B: traffic_look()})))

    assert answers(50, 50) == []
    assert answers(52, 48) == []
    assert answers(95, 5) == ["uneven-split"]


def test_a_format_without_backends_says_so():
    untold = "the log format has no backend ($upstream_addr); `logs.format: iamops` has"
    at = view(traffic={A: traffic_look({}, untold), B: traffic_look({}, untold)})
    assert {each.because for each in blind(asked("uneven-split", at))} == {untold}


def test_lint_speaks_with_its_own_codes_and_its_place():
    hit = Hit("N001", "`server 127.0.0.1:8080` lacks its `;`", B, "/etc/nginx/nginx.conf", 12)
    at = view(lint=LintReport((LintFinding(LINT["N001"], hit),)))
    (finding,) = [each for each in asked("lint", at) if isinstance(each, Finding)]
    assert (finding.code, finding.node, finding.next) == ("N001", B, "iamops config lint")
    assert finding.evidence[0].source == "/etc/nginx/nginx.conf:12"


def test_what_the_profile_silences_is_not_said():
    report = LintReport((LintFinding(LINT["K008"], Hit("K008", "fall 1", B), "meant"),))
    assert found(asked("lint", view(lint=report))) == []


def test_a_journal_that_begins_too_late_leaves_its_rules_unasked():
    """Rotated away or volatile: what was logged before is not known, whatever is in it."""
    short = {name: node_look(name, journal=JournalInspection((), NOW - 300)) for name in (A, B)}
    diagnosis = diagnose(view(a=short[A], b=short[B]), NOW)
    blind = {each.code: each.because for each in diagnosis.not_evaluated if each.node == B}
    for code in ("vip-flapping", "keepalived-restarted", "foreign-adverts", "unit-restarted", "script-timeout"):
        assert "goes back 5 min only" in blind[code]
        assert code not in diagnosis.checked


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
