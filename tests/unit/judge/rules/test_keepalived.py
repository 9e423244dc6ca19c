"""keepalived's journal: what it tells, what is over, and times brought to our clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.findings import Finding, NotEvaluated
from iamops.judge.rules.complaints import complained
from iamops.judge.rules.keepalived import RULES as KEEPALIVED
from iamops.judge.triage.diagnose import diagnose
from iamops.model.events import Event, HostReported, Source, SourceLost
from iamops.model.facts import HostReport, Severity
from iamops.model.inspection import ComplaintKind, JournalEventKind
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.finding_samples import complaint, state
from tests.support.looks import CHECK, CONF, LATER, NGINX_CONF, A, B, asked, found, journal, node_look, stamp, view

K = "keepalived"
PASSED = (3000.0, K, JournalEventKind.SCRIPT_PASSED, CHECK, "VRRP_Script(check) succeeded")


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


def test_a_notify_log_that_is_not_there():
    files = {path: stamp(path) for path in (CONF, NGINX_CONF)}
    assert found(asked("notify-log-missing", view(b=node_look(B, files=files)))) == ["notify-log-missing"]


CLOCK = HostReported(NOW, A, HostReport(0.1, 20.0, 30.0, 5.0, 1.0))
TOMORROW = NOW + 86_400


def test_what_a_clock_that_was_set_back_has_dated_ahead_is_not_of_now():
    crash = (
        -86_400.0,
        "keepalived",
        JournalEventKind.CRASHED,
        "keepalived",
        "x: Main process exited, code=killed",
    )
    starved = replace(complaint(ComplaintKind.STARVED), times=(TOMORROW,))
    look = node_look(A, journal=replace(journal(crash), complaints=(starved,)))

    def said(*events: Event) -> set[str]:
        seen = state(*events, a=look)
        asked = [each for rule in KEEPALIVED for each in rule.ask(seen, NOW)]
        return {each.code for each in (*asked, *complained.ask(seen, NOW)) if not isinstance(each, NotEvaluated)}

    assert said(CLOCK) & {"keepalived-restarted", "keepalived-starved"} == set()
    assert "keepalived-starved" in said(SourceLost(NOW, A, Source.HOST, "x")), "its clock may be ahead of ours"
    late = replace(starved, times=(TOMORROW, NOW - 5))
    seen = state(CLOCK, a=node_look(A, journal=replace(journal(), complaints=(late,))))
    assert "keepalived-starved" in {each.code for each in complained.ask(seen, NOW)}
